"""How over-capacity is watched: every signal against its own history and against the other industries, by charts that vote.

Each signal of each industry is charted twice: as it is, and as its distance from the median industry of the same month,
which takes the common business cycle out. What is normal is learned anew every year from the years before (season, level,
memory), so a line that was normal in another era is none now; the latest year is not learned from, so that a slow slide
does not become normal while it lasts, and months under an open warning are left out. A cumulative sum of the standardised
one-step errors votes with the share of its limit that it has reached. The weighted mean of the votes is the pressure.

A warning opens when the pressure has stood above a threshold for some months running and at least two kinds of evidence
vote; it closes when the pressure has stayed below half of it. The threshold is set by a budget of false alarms
(`calibrate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from zhizao.decide.monitor import Cusum, Residual
from zhizao.programme.alerts.panel import Panel
from zhizao.programme.alerts.signals import Signal

__all__ = ["Rule", "Watched", "forms", "open_spells", "pressure_of", "watch"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rule:
    """The evidence rule; lengths in years where the data may be monthly, quarterly or yearly.

    Parameters
    ----------
    slack : of the cumulative sums, in standard deviations
    limit : at which a chart has voted in full
    cap : most that one chart may vote
    clip : one-step errors beyond this many standard deviations count as this many
    own : share of a signal's vote that its own history has, the rest is against the other industries
    first_years : learned from before the first judgement
    window_years : learned from later on, at most
    guard_years : latest time that is not learned from
    persist : months above the threshold before a warning opens; one reading at least
    groups : kinds of evidence that must vote by half
    close : share of the threshold below which a warning closes
    hold : months that it has to stay there; one reading at least
    others : industries at least for a comparison with others
    safety : share of the budget that the drawn industries may use up; real ones also drift and cycle (chosen on generated
        economies other than those that the rule is tested on)
    """

    slack: float = 0.25
    limit: float = 6.0
    cap: float = 1.5
    clip: float = 3.0
    own: float = 0.3
    first_years: int = 4
    window_years: int = 8
    guard_years: int = 1
    persist: int = 2
    groups: int = 2
    close: float = 0.5
    hold: int = 3
    others: int = 8
    safety: float = 0.7

    def first(self, period: int) -> int:
        """Readings learned from before the first judgement, with `period` readings a year."""
        return max(self.first_years * period, 2 * period, period + 5)

    def at(self, period: int, signals: Sequence[Signal]) -> Rule:
        """The rule for `period` readings a year and the kinds of evidence that these signals can give."""
        return replace(
            self,
            groups=min(self.groups, len({one.group for one in signals})),
            persist=max(1, round(self.persist * period / 12)),
            hold=max(1, round(self.hold * period / 12)),
        )


@dataclass(frozen=True, slots=True)
class Watched:
    """What the charts say.

    Parameters
    ----------
    votes : (n, signals, 2 forms, t), share of the limit reached; NaN where a chart cannot judge
    run : readings since the sum left zero, like `votes`
    normal, spread : seasonal level and standard deviation of each signal as charted, (n, signals, t)
    pressure : weighted mean of the votes, (n, t); NaN before the first judgement
    groups : kinds of evidence that vote by half, (n, t)
    """

    votes: Floats
    run: NDArray[np.int64]
    normal: Floats
    spread: Floats
    pressure: Floats
    groups: NDArray[np.int64]


def forms(charted: Floats, rule: Rule) -> Floats:
    """Each signal as it is and against the median of all industries, (n, signals, 2, t)."""
    out = np.full((*charted.shape[:2], 2, charted.shape[2]), np.nan)
    out[:, :, 0] = charted
    enough = np.isfinite(charted).sum(axis=0) >= rule.others
    if enough.any():
        middle = np.full(charted.shape[1:], np.nan)
        middle[enough] = np.nanmedian(charted[:, enough], axis=0)
        out[:, :, 1] = charted - middle
    return out


def watch(
    both: Floats, weights: Floats, group: NDArray[np.int64], period: int, rule: Rule, *, threshold: float | None = None
) -> Watched:
    """Chart all series, year by year.

    Parameters
    ----------
    both : each signal in its two forms, bad upwards, (n, signals, 2, t); see `forms`
    weights, group : of each signal, (signals,)
    period : readings in a year
    rule : the evidence rule, as `Rule.at` gives it
    threshold : months under a warning at this threshold are not learned from; None: all are
    """
    n, k, _, t = both.shape
    series = both.reshape(n * k * 2, t)
    votes, run = np.full_like(series, np.nan), np.zeros(series.shape, np.int64)
    normal, spread = np.full((n, k, t), np.nan), np.full((n, k, t), np.nan)
    pressure, groups = np.full((n, t), np.nan), np.zeros((n, t), np.int64)
    learned_from = np.ones((n, t), bool)
    first, guard, window = rule.first(period), rule.guard_years * period, rule.window_years * period
    need = max(2 * period, period + 5)  # fewer teach no season
    for begin in range(first, t, period):
        end, back = min(begin + period, t), (guard if begin > first else 0)
        past = slice(max(0, begin - back - window), begin - back)
        mask = np.repeat(learned_from[:, past], k * 2, axis=0)
        reference = np.where(mask, series[:, past], np.nan)
        able = np.isfinite(reference).sum(axis=1) >= need
        able &= _varies(reference, period)
        if able.any():
            rows = np.flatnonzero(able)
            chart = Residual(chart=Cusum(slack=rule.slack, limit=rule.limit, sides="high"), period=period)
            chart.learn(reference[rows])
            level = np.stack([chart.normal(ahead) for ahead in range(back, back + end - begin)], axis=1)
            errors = np.clip(chart.errors(np.ascontiguousarray(series[rows, past.stop : end])), -rule.clip, rule.clip)
            found = chart.chart.judge(errors)
            keep = slice(back, back + end - begin)
            sums = np.maximum(found.value[:, keep], 0.0) / rule.limit
            votes[rows, begin:end], run[rows, begin:end] = _carried(sums), found.run[:, keep]
            plain = rows % 2 == 0
            at = np.unravel_index(rows[plain] // 2, (n, k))
            normal[at[0], at[1], begin:end] = level[plain]
            spread[at[0], at[1], begin:end] = chart.level_sd[plain, None]
        shaped = votes[:, begin:end].reshape(n, k, 2, end - begin)
        pressure[:, begin:end], groups[:, begin:end] = pressure_of(shaped, weights, group, rule)
        if threshold is not None:
            spells = open_spells(pressure[:, :end], groups[:, :end], threshold, rule)
            learned_from = np.ones((n, t), bool)
            for i, opened, closed in spells:
                stop = min(end if closed < 0 else closed, opened + 3 * period)
                learned_from[i, max(0, opened - period // 2) : stop] = False
    return Watched(votes.reshape(n, k, 2, t), run.reshape(n, k, 2, t), normal, spread, pressure, groups)


def _varies(reference: Floats, period: int) -> Flags:
    """Series that differ from one year to another; what repeats itself exactly teaches no spread."""
    out = np.zeros(len(reference), bool)
    for place in range(period):
        part = reference[:, place::period]
        known = np.isfinite(part)
        top = np.where(known, part, -np.inf).max(axis=1, initial=-np.inf)
        bottom = np.where(known, part, np.inf).min(axis=1, initial=np.inf)
        out |= (top > bottom) & (top - bottom > 1e-9 * np.maximum(np.abs(top), np.abs(bottom)))
    return out


def _carried(votes: Floats) -> Floats:
    """A missing reading leaves the vote where it was."""
    out = votes.copy()
    for j in range(1, out.shape[1]):
        out[:, j] = np.where(np.isnan(out[:, j]), out[:, j - 1], out[:, j])
    return out


def pressure_of(
    votes: Floats, weights: Floats, group: NDArray[np.int64], rule: Rule
) -> tuple[Floats, NDArray[np.int64]]:
    """Weighted mean of capped votes, and kinds of evidence that vote by half, from (n, signals, 2, t)."""
    capped = np.minimum(votes, rule.cap)
    own, other = capped[:, :, 0], capped[:, :, 1]
    vote = np.where(np.isnan(other), own, rule.own * own + (1 - rule.own) * other)
    there = np.isfinite(vote)
    weight = np.where(there, weights[None, :, None], 0.0)
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        pressure = np.where(total > 0, np.where(there, vote * weight, 0.0).sum(axis=1) / total, np.nan)
    kinds = np.zeros(pressure.shape, np.int64)
    for one in np.unique(group):
        kinds += np.any(np.where(there, vote, 0.0)[:, group == one] >= 0.5, axis=1)
    return pressure, kinds


def open_spells(
    pressure: Floats, groups: NDArray[np.int64], threshold: float, rule: Rule
) -> list[tuple[int, int, int]]:
    """Warnings as (industry, reading at which it opened, reading at which it closed or -1)."""
    high = (np.nan_to_num(pressure) >= threshold) & (groups >= rule.groups)
    low = np.nan_to_num(pressure) < rule.close * threshold
    return [tuple(one) for one in _spells(high, low, rule.persist, rule.hold).tolist()]


def _found(high: Flags, low: Flags, persist: int, hold: int) -> NDArray[np.int64]:
    """Rows of industry, opened, closed (-1: still open), in this order."""
    n, t = high.shape
    out = np.empty((n * (t // persist + 1), 3), np.int64)
    count = 0
    for i in range(n):
        opened, above, below = -1, 0, 0
        for j in range(t):
            above = above + 1 if high[i, j] else 0
            below = below + 1 if low[i, j] else 0
            if opened < 0 and above >= persist:
                opened = j
            if opened >= 0 and below >= hold:
                out[count, 0], out[count, 1], out[count, 2] = i, opened, j
                count += 1
                opened = -1
        if opened >= 0:
            out[count, 0], out[count, 1], out[count, 2] = i, opened, -1
            count += 1
    return out[:count]


_spells: Any = numba.njit(cache=True)(_found)


def of_panel(panel: Panel) -> tuple[Floats, NDArray[np.int64]]:
    """Weights and groups of a panel's signals."""
    names = sorted({one.group for one in panel.signals})
    return (
        np.array([one.weight for one in panel.signals]),
        np.array([names.index(one.group) for one in panel.signals]),
    )
