"""Words of pages and answers, Chinese and English side by side, and how numbers, times and durations are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from math import floor, log10
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from zhizao.app.texts import (
    alarms,
    columns,
    decide,
    faults,
    files,
    indicators,
    live,
    outward,
    pages,
    panel,
    people,
    release,
    returns,
    rollup,
    shell,
    states,
    tablet,
    warnings,
)
from zhizao.errors import InputError
from zhizao.sense.files.rejections import CAUSES

__all__ = ["LANGS", "NBSP", "TEXTS", "Words", "pick"]

LANGS = ("en", "zh")
NBSP = "\u00a0"
"""Keeps a number and its unit on one line."""


def _causes() -> dict[str, tuple[str, str]]:
    """Why rows are rejected and how to mend them, in the words of the room that reads them."""
    out = {}
    for code, words in CAUSES.items():
        for at, name in enumerate(("cause", "cure")):
            out[f"{name}.{code}"] = (words["en"][at], words["zh"][at])
    return out


TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        **shell.TEXTS,
        **pages.TEXTS,
        **decide.TEXTS,
        **people.TEXTS,
        **returns.TEXTS,
        **indicators.TEXTS,
        **rollup.TEXTS,
        **panel.TEXTS,
        **columns.TEXTS,
        **faults.TEXTS,
        **warnings.TEXTS,
        **states.TEXTS,
        **tablet.TEXTS,
        **live.TEXTS,
        **outward.TEXTS,
        **alarms.TEXTS,
        **release.TEXTS,
        **_causes(),
    }
)
"""key: (English, Chinese)."""


def pick(asked: str, header: str = "") -> str:
    """Language of an answer: what was asked for, else what the browser prefers, else English.

    Examples
    --------
    >>> pick("", "fr;q=0.9, zh-CN, en"), pick("en", "zh"), pick("", "")
    ('zh', 'en', 'en')
    """
    if asked in LANGS:
        return asked
    for part in header.split(","):
        tag = part.split(";")[0].strip().lower()[:2]
        if tag in LANGS:
            return tag
    return "en"


class Words:
    """What is said in one language.

    Parameters
    ----------
    lang : "en" or "zh"
    zone : IANA zone in which times are written

    Raises
    ------
    InputError : when the language is another

    Examples
    --------
    >>> Words("zh")("nav.orders"), Words("en").number(1234.5678, 3), Words("zh").hours(36.0)
    ('订单', '1,230', '36.0\\xa0小时')
    """

    def __init__(self, lang: str, zone: str = "UTC") -> None:
        if lang not in LANGS:
            raise InputError(f'"{lang}" is no language of zhizao', fix="use en or zh", code="bad_lang")
        self.lang = lang
        self.zone = zone
        self.code: Literal["en", "zh"] = "zh" if lang == "zh" else "en"
        self._at = LANGS.index(lang)
        self._zone = ZoneInfo(zone)

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key, with values put in."""
        words = TEXTS[key][self._at]
        return words.format(**values) if values else words

    def maybe(self, key: str, other: str) -> str:
        """The words of a key, or `other` where there are none."""
        found = TEXTS.get(key)
        return found[self._at] if found else other

    def fault(self, code: str, what: str, fix: str) -> tuple[str, str]:
        """What is wrong and how to mend it, where there are words for it; else as it was raised."""
        told = self.maybe(f"fault.{code}.what", what), self.maybe(f"fault.{code}.fix", fix)
        return files.in_words(told[0], self.lang), files.in_words(told[1], self.lang)

    def number(self, value: float | None, digits: int = 3) -> str:
        """A number with so many significant digits, thousands set apart; a dash where there is none."""
        if value is None or value != value:
            return "–"
        if value == 0:
            return "0"
        after = max(0, digits - 1 - floor(log10(abs(value))))
        if after == 0:
            scale = 10 ** max(0, floor(log10(abs(value))) - digits + 1)
            value = round(value / scale) * scale
        return f"{value:,.{after}f}".replace("-", "−")

    def told(self, value: float | None) -> str:
        """A number as its source told it, thousands set apart; a dash where there is none."""
        return "–" if value is None or value != value else f"{value:,.12g}".replace("-", "−")

    def count(self, value: float | None) -> str:
        """A whole number."""
        return "–" if value is None else f"{value:,.0f}".replace("-", "−")

    def percent(self, value: float | None, digits: int = 1, *, sign: bool = False) -> str:
        """A fraction as per cent."""
        if value is None or value != value:
            return "–"
        said = f"{100 * value:+.{digits}f}" if sign else f"{100 * value:.{digits}f}"
        return said.replace("-", "−") + f"{NBSP}%"

    def share(self, value: float | None) -> str:
        """A part of a whole as per cent, to the whole one; what is there is not rounded to nothing.

        Examples
        --------
        >>> Words("en").share(0.004), Words("en").share(0.0), Words("en").share(0.126)
        ('<1\\xa0%', '0\\xa0%', '13\\xa0%')
        """
        return f"<1{NBSP}%" if value is not None and 0 < value < 0.005 else self.percent(value, 0)

    def hours(self, value: float | None) -> str:
        """A duration given in hours, in the unit that a person would use."""
        if value is None or value != value:
            return "–"
        for size, key in ((1 / 60, "unit.second"), (1, "unit.minute"), (72, "unit.hour")):
            if abs(value) < size:
                scale = {"unit.second": 3600.0, "unit.minute": 60.0, "unit.hour": 1.0}[key]
                return f"{self.number(value * scale)}{NBSP}{self(key)}"
        return f"{self.number(value / 24)}{NBSP}{self('unit.day')}"

    def hours_unit(self, unit: str) -> str:
        """A unit as the language writes it."""
        return self.maybe({"h": "unit.hour", "piece": "unit.piece"}.get(unit, unit), unit)

    def unit_of(self, unit: str) -> str:
        """A unit as the language writes it, money per something too.

        Examples
        --------
        >>> Words("zh").unit_of("CNY/piece"), Words("en").unit_of("h")
        ('CNY/件', 'h')
        """
        money, slash, per = unit.partition("/")
        return f"{money}{slash}{self.maybe(f'unit.{per}', per)}" if slash else self.hours_unit(unit)

    def seconds(self, value: float | None) -> str:
        """A duration given in seconds."""
        if value is not None and 1 <= abs(value) < 60:
            return f"{value:.0f}{NBSP}{self('unit.second')}"
        return self.hours(None if value is None else value / 3600)

    def time(self, value: datetime | str | None) -> str:
        """A moment in the plant's zone, to the minute."""
        if value is None or value == "":
            return "–"
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")

    def date(self, value: datetime | date | None) -> str:
        """A day in the plant's zone, as the language writes it."""
        if value is None:
            return "–"
        if isinstance(value, datetime):
            value = value.astimezone(self._zone).date()
        if self.lang == "zh":
            return f"{value.year}年{value.month}月{value.day}日"
        return f"{value.day} {value:%b %Y}"

    def listed(self, names: Sequence[str]) -> str:
        """Names one after the other."""
        return ("、" if self.lang == "zh" else ", ").join(names)

    def size(self, value: int) -> str:
        """Bytes as a person says them."""
        for limit, name in ((1 << 10, "B"), (1 << 20, "KiB"), (1 << 30, "MiB")):
            if value < limit:
                return f"{value / (limit >> 10):,.{0 if name == 'B' else 1}f} {name}"
        return f"{value / (1 << 30):,.1f} GiB"
