"""How good the warnings have been: the past told again month by month, and held against what came of it.

The charts look at nothing later than the month that they judge, so watching the whole past at once gives the same warnings
as judging at the end of each month (a test holds it to that); where figures were revised, `replay_versions` does judge at
the end of each month, with the versions known then. What came of it is either known (injected in generated series) or dated
afterwards: a fall of utilisation from a peak to a trough, season and common cycle taken out, of a stated depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.programme.alerts.calibrate import Curve, calibrate
from zhizao.programme.alerts.panel import Panel, panel_of
from zhizao.programme.alerts.warning import Record
from zhizao.programme.alerts.watch import Rule, Watched, forms, of_panel, open_spells, watch

__all__ = ["Fall", "Replayed", "Spell", "date_falls", "fixed_line", "replay", "replay_versions", "score", "watch_panel"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fall:
    """What should be warned of: readings counted from the first; `end` is where it is over."""

    scope: str
    onset: int
    trough: int
    end: int


@dataclass(frozen=True, slots=True)
class Spell:
    """A warning on the past: readings at which it opened and closed (-1: still open)."""

    scope: str
    opened: int
    closed: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the warnings were worth.

    Parameters
    ----------
    leads : months from the first warning to the trough, one per fall that was warned of in time
    delays : months from the onset to that warning
    warnings, right : warnings, and how many of them fell between onset and a year after the trough
    falls, warned : falls whose trough is past, and how many of them were warned of before it
    years : years judged
    budget_per_year : false alarms a year that were allowed over all scopes; None where there was no budget
    """

    leads: tuple[float, ...]
    delays: tuple[float, ...]
    warnings: int
    right: int
    falls: int
    warned: int
    years: float
    budget_per_year: float | None = None

    @property
    def lead_time_months(self) -> float | None:
        """Median lead time."""
        return float(np.median(self.leads)) if self.leads else None

    @property
    def precision(self) -> float | None:
        """Share of warnings that were right."""
        return self.right / self.warnings if self.warnings else None

    @property
    def recall(self) -> float | None:
        """Share of falls that were warned of before the trough."""
        return self.warned / self.falls if self.falls else None

    @property
    def false_per_year(self) -> float:
        """False alarms a year that came."""
        return (self.warnings - self.right) / self.years if self.years else 0.0

    def record(self) -> Record:
        """As it is printed under each warning."""
        if not self.falls:
            return Record(
                reason=(
                    "过去的数据中没有可供检验的产能过剩时期",
                    "the past of these data holds no over-capacity to test on",
                )
            )
        return Record(self.lead_time_months, self.precision, self.recall)

    def as_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        spread = np.quantile(self.leads, (0.1, 0.9)) if self.leads else (None, None)
        return {
            "lead_time_months": {
                "median": self.lead_time_months,
                "p10": None if spread[0] is None else float(spread[0]),
                "p90": None if spread[1] is None else float(spread[1]),
                "all": list(self.leads),
            },
            "delay_after_onset_months": float(np.median(self.delays)) if self.delays else None,
            "precision": self.precision,
            "recall": self.recall,
            "warnings": self.warnings,
            "right": self.right,
            "falls": self.falls,
            "warned_in_time": self.warned,
            "false_alarms_per_year": self.false_per_year,
            "budget_per_year": self.budget_per_year,
            "years": self.years,
        }

    def __add__(self, other: Replayed) -> Replayed:
        """Two replays together."""
        return Replayed(
            self.leads + other.leads, self.delays + other.delays, self.warnings + other.warnings, self.right + other.right,
            self.falls + other.falls, self.warned + other.warned, self.years + other.years, self.budget_per_year,
        )  # fmt: skip


def score(
    spells: Sequence[Spell], falls: Sequence[Fall], *, length: int, first: int, period: int = 12, lag: int = 0,
    budget: float | None = None, pending: int = 0,
) -> Replayed:  # fmt: skip
    """Hold warnings against what came.

    Parameters
    ----------
    spells : warnings
    falls : what should have been warned of; those that began before `first` are left out, with warnings on them
    length : readings of the series
    first : first reading that was judged
    period : readings in a year
    lag : months that pass before a reading is known; the lead time is shorter by it
    budget : false alarms a year that were allowed
    pending : a warning still open that began within this many last readings and that no fall answers yet is left out,
        since nobody can tell; 0 where the truth is known

    Examples
    --------
    >>> falls = [Fall("31", 60, 84, 110)]
    >>> found = score([Spell("31", 70, 100), Spell("17", 90, -1)], falls, length=120, first=48)
    >>> found.leads, found.precision, found.recall, round(found.false_per_year, 2)
    ((14.0,), 0.5, 1.0, 0.17)
    """
    step, year = 12 // period, period
    slack = max(1, period // 4)
    right = total = 0
    best: dict[int, int] = {}
    for spell in spells:
        near = [
            k
            for k, fall in enumerate(falls)
            if fall.scope == spell.scope
            and fall.onset - slack <= spell.opened <= max(fall.trough + year, fall.onset + year)
        ]
        early = any(f.scope == spell.scope and f.onset < first and f.onset <= spell.opened <= f.end for f in falls)
        if early and not any(falls[k].onset >= first for k in near):
            continue
        if not near and spell.closed < 0 and spell.opened >= length - pending:
            continue
        total += 1
        right += bool(near)
        for k in near:
            best[k] = min(best.get(k, length), spell.opened)
    counted = [k for k, fall in enumerate(falls) if fall.onset >= first and fall.trough < length]
    warned = [k for k in counted if best.get(k, length) < falls[k].trough]
    return Replayed(
        tuple(float((falls[k].trough - best[k]) * step - lag) for k in warned),
        tuple(float((best[k] - falls[k].onset) * step + lag) for k in warned),
        total, right, len(counted), len(warned), max(0.0, (length - first) / year), budget,
    )  # fmt: skip


def watch_panel(panel: Panel, rule: Rule, budget: float, rng: np.random.Generator) -> tuple[Watched, Curve, float]:
    """Calibrate and watch a panel: what the charts say, the curve of false alarms, and the threshold of the budget."""
    weights, group = of_panel(panel)
    rule = rule.at(panel.period, panel.signals)
    curve = calibrate(panel.charted, weights, group, panel.period, rule, rng)
    threshold = curve.threshold(budget * rule.safety)
    watched = watch(forms(panel.charted, rule), weights, group, panel.period, rule, threshold=threshold)
    return watched, curve, threshold


def spells_of(panel: Panel, watched: Watched, threshold: float, rule: Rule) -> list[Spell]:
    """Warnings on the past of a panel."""
    rule = rule.at(panel.period, panel.signals)
    found = open_spells(watched.pressure, watched.groups, threshold, rule)
    return [Spell(panel.scopes[i], opened, closed) for i, opened, closed in found]


def replay(
    panel: Panel, truth: Sequence[Fall] | None = None, *, rule: Rule | None = None, budget: float = 1.0, lag: int = 0,
    rng: np.random.Generator,
) -> Replayed:  # fmt: skip
    """Watch the past of a panel and hold the warnings against the truth.

    Parameters
    ----------
    panel : the series
    truth : what should have been warned of; dated from the series themselves when None
    rule : the evidence rule
    budget : false alarms a year over all industries
    lag : months that pass before a reading is known
    rng : for the calibration
    """
    rule = rule or Rule()
    watched, _, threshold = watch_panel(panel, rule, budget, rng)
    falls = date_falls(panel, rule) if truth is None else truth
    return score(
        spells_of(panel, watched, threshold, rule), falls, length=len(panel.months),
        first=rule.first(panel.period), period=panel.period, lag=lag, budget=budget,
    )  # fmt: skip


def replay_versions(
    frame: pl.DataFrame, truth: Sequence[Fall], *, scope: str = "industry", rule: Rule | None = None, budget: float = 1.0,
    rng: np.random.Generator, judged: Sequence[date],
) -> Replayed:  # fmt: skip
    """As `replay`, judging at each of the `judged` dates with the versions known then (`known_at`).

    The threshold is that of the first date. A warning counts from the date at which it was first seen open.
    """
    rule = rule or Rule()
    spells: list[Spell] = []
    standing: dict[str, int] = {}
    threshold: float | None = None
    start: date | None = None
    place, period = 0, 12
    for day in judged:
        panel = panel_of(frame, scope=scope, as_of=day)
        start = start or panel.months[0]
        if len(panel.months) <= rule.first(panel.period):
            continue
        weights, group = of_panel(panel)
        period, fitted = panel.period, rule.at(panel.period, panel.signals)
        if threshold is None:
            threshold = calibrate(panel.charted, weights, group, period, fitted, rng).threshold(budget * rule.safety)
        watched = watch(forms(panel.charted, rule), weights, group, period, fitted, threshold=threshold)
        place = (day.year - start.year) * panel.period + (day.month - start.month) * panel.period // 12
        now = {one.scope for one in spells_of(panel, watched, threshold, rule) if one.closed < 0}
        spells += [Spell(code, opened, place) for code, opened in standing.items() if code not in now]
        standing = {code: standing.get(code, place) for code in now}
    spells += [Spell(code, opened, -1) for code, opened in standing.items()]
    return score(spells, truth, length=place + 1, first=rule.first(period), period=period, budget=budget)


def fixed_line(panel: Panel, line: float = 0.75, persist: int = 3) -> list[Spell]:
    """The peer: a warning while mean utilisation of `persist` readings is below one line for all industries and eras.

    Lines in use: below 79 % slack, below 75 % serious; NBS itself names none.
    """
    use = panel.series("utilisation")
    if use is None:
        return []
    spells = []
    for i, code in enumerate(panel.scopes):
        opened = -1
        for j in range(persist - 1, use.shape[1]):
            recent = use[i, j - persist + 1 : j + 1]
            mean = float(np.nanmean(recent)) if np.isfinite(recent).any() else line
            if opened < 0 and mean < line:
                opened = j
            elif opened >= 0 and mean >= line:
                spells.append(Spell(code, opened, j))
                opened = -1
        if opened >= 0:
            spells.append(Spell(code, opened, -1))
    return spells


def date_falls(
    panel: Panel, rule: Rule | None = None, *, depth: float = 0.05, shortest_years: float = 0.5
) -> list[Fall]:
    """Falls of utilisation dated afterwards: from a peak to a trough at least `depth` lower.

    Season (mean of each month) and, with enough industries, the median industry are taken out, a centred mean over half a
    year smooths, and turning points alternate when the series has turned by `depth` (as the dating of business cycles does;
    Bry and Boschan 1971, in its simplest form). The end is where half of the fall is made good.
    """
    rule = rule or Rule()
    use = panel.series("utilisation")
    if use is None:
        return []
    t, period = use.shape[1], panel.period
    x = use.copy()
    for month in range(period):
        part = x[:, month::period]
        seen = np.isfinite(part).any(axis=1)
        part[seen] -= np.nanmean(part[seen], axis=1, keepdims=True)
    if len(x) >= rule.others:
        seen = np.isfinite(x).sum(axis=0) >= rule.others
        x[:, seen] -= np.nanmedian(x[:, seen], axis=0)
    half = max(0, round(period / 4))
    falls: list[Fall] = []
    for i, code in enumerate(panel.scopes):
        smooth = np.array(
            [
                np.nanmean(w) if np.isfinite(w := x[i, max(0, j - half) : j + half + 1]).any() else np.nan
                for j in range(t)
            ]
        )
        falls += _turns(code, smooth, depth, max(1, int(shortest_years * period)))
    return falls


def _turns(code: str, x: Floats, depth: float, shortest: int) -> list[Fall]:
    peak = trough = -1
    out: list[Fall] = []
    falling = False
    for j, v in enumerate(x):
        if np.isnan(v):
            continue
        if peak < 0:
            peak = j
        if not falling:
            if v >= x[peak]:
                peak = j
            elif x[peak] - v >= depth:
                falling, trough = True, j
        elif v <= x[trough]:
            trough = j
        elif v - x[trough] >= depth / 2:
            if trough - peak >= shortest:
                out.append(Fall(code, peak, trough, j))
            falling, peak = False, j
    return out
