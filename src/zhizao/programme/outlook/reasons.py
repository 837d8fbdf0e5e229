"""Why an indicator is judged as it is, in two languages: sentences, and times as a reader sees them."""

from __future__ import annotations

import numpy as np

from zhizao.programme.indicators.actuals import Said
from zhizao.programme.outlook.track import Point

__all__ = ["period_of", "said", "when_text"]

_SAME_YEAR = 0.02


def when_text(at: float) -> str:
    """A time as a reader sees it.

    Examples
    --------
    >>> when_text(2023.0), when_text(2024.25)
    ('2023', '2025-03')
    """
    nearest = round(at)
    if abs(at - nearest) < _SAME_YEAR:
        return str(nearest)
    year = int(np.floor(at)) + 1
    month = max(1, min(12, int(np.ceil(12 * (at - np.floor(at)) - 0.1))))
    return f"{year}-{month:02d}"


class _Period:
    """The period of a point, which a sentence prints in its own language."""

    def __init__(self, zh: str, en: str) -> None:
        self.words = {"zh": zh, "en": en}

    def __format__(self, lang: str) -> str:
        return self.words[lang]


def period_of(point: Point) -> _Period:
    """The period of a point, in words."""
    one = point.observation
    plain = when_text(point.at)
    return _Period(
        (one.period_zh if one else "") or f"{plain}{'年' if '-' not in plain else ''}",
        (one.period_en if one else "") or plain,
    )


_REASONS = {
    "exact": ("{year}年的数值为{value}", "the value of {year} is {value}"),
    "early": ("{at:zh}已为{value}，提前达到", "it was {value} in {at:zh}, ahead of time"),
    "early_over": (
        "{at:zh}已为{value}，提前达到；未见{year}年年末的数值",
        "it was {value} in {at:en}, ahead of time; no value of the end of {year} was found",
    ),
    "between_reached": (
        "未见{year}年的数值；由{at:zh}的{value}和{at2:zh}的{value2}推算，达到的概率为{chance:.0f}%",
        "no value of {year} was found; {value} in {at:en} and {value2} in {at2:en} make it {chance:.0f} % likely",
    ),
    "between_missed": (
        "未见{year}年的数值；由{at:zh}的{value}和{at2:zh}的{value2}推算，达到的概率仅{chance:.0f}%",
        "no value of {year} was found; {value} in {at:en} and {value2} in {at2:en} leave it {chance:.0f} % likely",
    ),
    "between": (
        "未见{year}年的数值；由{at:zh}的{value}和{at2:zh}的{value2}推算，概率为{chance:.0f}%，不足以判定",
        "no value of {year} was found; {value} in {at:en} and {value2} in {at2:en} make it {chance:.0f} % likely,"
        " too little to decide",
    ),
    "pace": (
        "{at:zh}为{value}；近年速度为所需速度的{share:.0f}%",
        "it was {value} in {at:en}; the pace of the last years is {share:.0f} % of the required one",
    ),
    "pace_over": (
        "最新数值为{at:zh}的{value}；近年速度为所需速度的{share:.0f}%；{year}年已过，未见其数值",
        "the newest value is {value} of {at:en}; the pace of the last years is {share:.0f} % of the required one;"
        " {year} is over, its value was not found",
    ),
    "ahead": (
        "{at:zh}为{value}，目前超过目标；{year}年前仍可能变化",
        "it was {value} in {at:en}, beyond the target so far; it may change until {year}",
    ),
    "away": ("{at:zh}为{value}，方向与目标相反", "it was {value} in {at:zh}, moving away from the target"),
    "away_over": (
        "最新数值为{at:zh}的{value}，方向与目标相反；{year}年已过，未见其数值",
        "the newest value is {value} of {at:en}, moving away from the target; {year} is over, its value was not found",
    ),
    "one_value": (
        "可比的数值只有一个（{at:zh}，{value}），看不出变化速度",
        "only one comparable value ({value}, {at:en}), which tells no pace",
    ),
    "later_beyond": (
        "所见第一个数值为{at:zh}的{value}，晚于{year}年；已超过目标，但不知何时",
        "the first value found is {value} of {at:en}, after {year}; it is beyond the target, but since when is not known",
    ),
    "later_short": (
        "所见第一个数值为{at:zh}的{value}，晚于{year}年",
        "the first value found is {value} of {at:en}, after {year}",
    ),
    "no_base": ("缺少基期{year}年的数值", "the value of the base, {year}, is missing"),
    "bound": (
        "{at:zh}的公布数值以{value}为界，已达到目标",
        "the value published for {at:en} lies beyond {value}, so the target is reached",
    ),
    "unverified": (
        "没有可核实的数值；记忆所得的{n}个数值未予采用",
        "no verifiable value; {n} that are only remembered were not used",
    ),
    "stale": (
        "最后一个可比的数值是{at:zh}的{value}，距{year}年过久",
        "the last comparable value is {value} of {at:en}, too long before {year}",
    ),
    "doubt": ("但模型给出的概率只有{chance:.0f}%", "but the model makes it only {chance:.0f} % likely"),
    "context": (
        "只有{at:zh}的{value}：{zh}",
        "only {value} of {at:en}: {en}",
    ),
    "forecasts": ("只有事前的预测值", "only values that were forecasts"),
    "later": ("截至该日尚无公布的数值", "nothing had been published by that day"),
    "none": ("没有公布的数值", "no published value"),
}


def said(key: str, **values: object) -> Said:
    """A reason in both languages."""
    zh, en = _REASONS[key]
    return Said(zh=zh.format(**values), en=en.format(**values))
