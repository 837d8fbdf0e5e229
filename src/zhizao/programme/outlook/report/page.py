"""The page of the evaluation report: sections in their order, the frozen inputs inside, nothing from outside."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape

from zhizao import __version__
from zhizao.programme.outlook.evaluate import Evaluation
from zhizao.programme.outlook.report import annex, sections
from zhizao.programme.outlook.report.style import STYLE
from zhizao.programme.outlook.report.words import word
from zhizao.programme.outlook.result import canonical, freeze, sha256_of

__all__ = ["EDITION", "Cover", "report_html"]

EDITION = 2
"""Of the wording and layout: raised whenever the same inputs give another text, so that older reports are told as such."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands on top of the report.

    Parameters
    ----------
    lang : `en` or `zh`
    number : document number; a blank to be filled when empty
    issuer : who issues it; left out when empty
    """

    lang: str = "zh"
    number: str = ""
    issuer: str = ""


def report_html(found: Evaluation, cover: Cover) -> str:
    """The whole report as HTML text; the same for the same inputs, byte for byte.

    Parameters
    ----------
    found : the evaluation
    cover : language and heading
    """
    lang = "zh" if cover.lang == "zh" else "en"
    inputs = freeze(found)
    digest = sha256_of(inputs)
    plan = any(one.definition.group == "table" for one in found.results)
    title = word("title" if plan else "title_own", lang)
    day = found.settings.as_of
    shown = f"{day.year}年{day.month}月{day.day}日" if lang == "zh" else day.isoformat()
    marks = [word("number", lang, number=cover.number or word("number_blank", lang))]
    if cover.issuer:
        marks.append(word("issuer", lang, issuer=cover.issuer))
    marks.append(word("as_of", lang, day=shown))
    held = {"version": __version__, "edition": EDITION, "sha256": digest, "cover": asdict(cover), "inputs": inputs}
    frozen = canonical(held).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    body = "".join(
        (
            sections.conclusion(found, lang),
            sections.results(found, lang),
            sections.analysis(found, lang),
            sections.gaps(found, lang),
            annex.method(found, lang),
            annex.definitions(found, lang),
            annex.data(found, lang, digest),
            annex.steps(found, lang),
            annex.signatures(lang),
        )
    )
    code = "zh-CN" if lang == "zh" else "en"
    return (
        f'<!doctype html><html lang="{code}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<title>{escape(title)}</title><style>{STYLE}</style></head><body lang="{code}"><header><h1>{escape(title)}</h1>'
        f'<div class="mark">{"".join(f"<span>{escape(one)}</span>" for one in marks)}</div></header>'
        f"<main>{body}</main><footer>{escape(word('made_by', lang, version=__version__))} · SHA-256 {digest[:16]}…</footer>"
        f'<script type="application/json" id="frozen">{frozen}</script></body></html>\n'
    )
