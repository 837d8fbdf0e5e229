"""What a warning is: kind, scope, level, since when, the evidence, what can be done, and how good such warnings have been."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from zhizao.programme.alerts.panel import month_text

__all__ = [
    "KINDS",
    "LEVELS",
    "WAYS",
    "Action",
    "Alert",
    "CannotJudge",
    "Evidence",
    "Level",
    "Record",
    "actions_for",
    "as_json",
]

Level = Literal["watch", "warning", "serious"]

KINDS = {
    "over_capacity": ("产能过剩", "over-capacity"),
    "quality": ("质量安全", "quality and safety"),
    "concentration": ("供应集中", "concentration of supply"),
    "trade": ("外贸暴露", "trade exposure"),
}
LEVELS = {"watch": ("关注", "watch"), "warning": ("预警", "warning"), "serious": ("严重", "serious")}
WAYS = {
    "absorb": ("消化", "absorb"), "shift": ("转移", "shift"), "integrate": ("整合", "integrate"),
    "phase_out": ("淘汰", "phase out"), "inspect": ("抽查", "inspect"), "recall": ("召回", "recall"),
    "diversify": ("多元化", "diversify"), "reserve": ("储备", "keep a reserve"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """One row of evidence.

    Parameters
    ----------
    signal : key of the signal
    zh, en : its names
    value : last reading, in `unit`; None where it is missing
    low, high : normal range for that month, in the same unit; None where there is no line on that side
    unit : unit of value and range
    chart : which chart says so
    vote : share of its limit that the chart has reached; 1 and more: the limit is passed
    since : when the departure began, as far as the chart can tell
    """

    signal: str
    zh: str
    en: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    chart: str
    vote: float
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A possible action, with what it needs."""

    key: str
    way: str
    zh: str
    en: str
    needs_zh: str
    needs_en: str


@dataclass(frozen=True, slots=True)
class Record:
    """How good warnings of this kind have been on the past of these data, or why that is not known.

    Parameters
    ----------
    lead_time_months : median months from the warning to the worst of what it warned of
    precision : share of warnings that were right
    recall : share of what should have been warned of that was, in time
    reason : why a figure is missing, as (zh, en)
    """

    lead_time_months: float | None = None
    precision: float | None = None
    recall: float | None = None
    reason: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Alert:
    """One warning.

    Parameters
    ----------
    kind : key of `KINDS`
    scope : what it is about: {industry: 31}, {region: 44, product: toys}
    name : the scope in words, (zh, en)
    level : watch, warning or serious
    since : when the departure began
    opened : month in which the warning opened
    evidence : what speaks for it, strongest first
    actions : what can be done, the best supported first
    record : how good such warnings have been
    """

    kind: str
    scope: dict[str, str]
    name: tuple[str, str]
    level: Level
    since: date | None
    opened: date | None
    evidence: tuple[Evidence, ...]
    actions: tuple[Action, ...]
    record: Record = field(default_factory=Record)

    def with_record(self, record: Record) -> Alert:
        """The same, with its record."""
        return replace(self, record=record)


@dataclass(frozen=True, slots=True)
class CannotJudge:
    """What cannot be judged, and why, in both languages."""

    kind: str
    scope: dict[str, str]
    zh: str
    en: str


@cache
def _table() -> tuple[dict[str, Any], ...]:
    text = files("zhizao.programme.alerts").joinpath("actions.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load(text))


def actions_for(kind: str, signals: Iterable[str] = ()) -> tuple[Action, ...]:
    """Actions for a kind of warning, those that more of the evidence speaks for first.

    >>> [one.way for one in actions_for("over_capacity", ["loss_share", "price_index"])][0]
    'phase_out'
    """
    seen = set(signals)
    rows = [row for row in _table() if row["kind"] == kind]
    rows.sort(key=lambda row: -len(seen & set(row["when"])))
    return tuple(Action(*(row[key] for key in ("key", "way", "zh", "en", "needs_zh", "needs_en"))) for row in rows)


def _rounded(value: float | None) -> float | None:
    return None if value is None or value != value else float(f"{value:.6g}")


def as_json(warning: Alert) -> dict[str, Any]:
    """A warning as JSON holds it."""
    return {
        "kind": warning.kind.replace("_", "-"),
        "scope": warning.scope,
        "name": {"zh": warning.name[0], "en": warning.name[1]},
        "level": warning.level,
        "since": month_text(warning.since) if warning.since else None,
        "opened": month_text(warning.opened) if warning.opened else None,
        "evidence": [
            {
                "signal": one.signal,
                "name": {"zh": one.zh, "en": one.en},
                "value": _rounded(one.value),
                "low": _rounded(one.low),
                "high": _rounded(one.high),
                "unit": one.unit,
                "chart": one.chart,
                "vote": round(one.vote, 3),
                "since": month_text(one.since) if one.since else None,
            }
            for one in warning.evidence
        ],
        "actions": [
            {
                "key": one.key,
                "way": {"key": one.way, "zh": WAYS[one.way][0], "en": WAYS[one.way][1]},
                "zh": one.zh,
                "en": one.en,
                "needs": {"zh": one.needs_zh, "en": one.needs_en},
            }
            for one in warning.actions
        ],
        "record": {
            "lead_time_months": _rounded(warning.record.lead_time_months),
            "precision": _rounded(warning.record.precision),
            "recall": _rounded(warning.record.recall),
            **(
                {"reason": {"zh": warning.record.reason[0], "en": warning.record.reason[1]}}
                if warning.record.reason[0]
                else {}
            ),
        },
    }
