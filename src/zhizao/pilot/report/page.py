"""The page of the report: sections in their order, one style sheet, one small script, nothing from outside."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from zhizao import __version__
from zhizao.pilot.report import behind, sections
from zhizao.pilot.report.style import SCRIPT, STYLE
from zhizao.pilot.report.words import word
from zhizao.record.whole import write_whole

if TYPE_CHECKING:
    from zhizao.pilot.run import Pilot

__all__ = ["report_html", "write_report"]


def report_html(pilot: Pilot, *, lang: str = "en") -> str:
    """The whole report as HTML text.

    Parameters
    ----------
    pilot : finding and what it rests on
    lang : `en` or `zh`
    """
    title = sections.title(pilot, lang)
    parts = [
        sections.head(pilot, lang, title),
        sections.cards(pilot, lang),
        sections.believe(pilot, lang),
        sections.todo(pilot, lang),
        sections.where(pilot, lang),
        sections.levers(pilot, lang),
        sections.missing(pilot, lang),
        behind.orders(pilot, lang),
    ]
    foot = word("made_by", lang, version=__version__, seed=pilot.result.seed, zone=pilot.log.zone)
    return (
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline';"
        " script-src 'unsafe-inline'; img-src data:\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"{''.join(parts)}<footer>{escape(foot)}</footer><script>{SCRIPT}</script></body></html>\n"
    )


def write_report(pilot: Pilot, path: Path, *, lang: str = "en") -> Path:
    """Write the report, whole or not at all.

    Raises
    ------
    InputError : when the place cannot be written to
    """
    return write_whole(path, report_html(pilot, lang=lang))
