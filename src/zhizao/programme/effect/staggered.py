"""Joining at different times: the effect of each cohort in each period, put together without comparing the treated.

Every cohort is compared, from the period before it joins, with units that have not joined: those that never do, or those
that have not yet. Errors come from influence functions, clustered, or from the multiplier bootstrap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from zhizao.errors import InputError
from zhizao.programme.composite.structure import Floats
from zhizao.programme.effect.panel import NEVER, Panel
from zhizao.programme.effect.twfe import Estimate, cluster_sums, clustered_variance, interval

__all__ = ["EventStudy", "GroupTime", "event_study", "group_time", "overall", "simultaneous"]


@dataclass(frozen=True, slots=True)
class GroupTime:
    """Effects by cohort and period.

    Parameters
    ----------
    cohorts, periods : places among the times, one per effect
    att : effects, shape `(effects,)`
    sizes : units of the cohort behind each effect
    influence : of each unit on each effect, shape `(units, effects)`
    cluster : of each unit
    left_out : cohort and period that could not be estimated, with the reason
    """

    cohorts: np.ndarray
    periods: np.ndarray
    att: Floats
    sizes: np.ndarray
    influence: Floats
    cluster: np.ndarray
    left_out: tuple[tuple[int, int, str], ...]

    def combine(self, weights: Floats, extra: Floats | None = None) -> tuple[Floats, Floats]:
        """Weighted effects and their influence; `weights` has shape `(effects, combinations)`."""
        value = self.att @ weights
        influence = self.influence @ weights
        return value, influence if extra is None else influence + extra


def group_time(
    panel: Panel, *, control: Literal["never", "not_yet"] = "not_yet", anticipation: int = 0, least: int = 2
) -> GroupTime:
    """Effect on each cohort in each period.

    Parameters
    ----------
    panel : outcomes and cohorts
    control : compare with those that never join, or with all that have not joined by then
    anticipation : periods before joining in which behaviour may change already
    least : fewest treated and fewest controls behind an effect

    Returns
    -------
    GroupTime
        Periods before joining are compared with the base period too (a long difference from the base), so that the
        effects before joining are a test of parallel trends.

    References
    ----------
    Callaway and Sant'Anna 2021, equations 2.8 and 2.9 without covariates, universal base period.
    """
    y, cohort = panel.y, panel.cohort
    n, periods = y.shape
    out: list[tuple[int, int, float, int]] = []
    columns: list[Floats] = []
    left: list[tuple[int, int, str]] = []
    for g in np.unique(cohort[(cohort != NEVER)]):
        base = int(g) - 1 - anticipation
        if base < 0:
            left.append((int(g), 0, "joined before the panel has a period to compare with"))
            continue
        treated = cohort == g
        for t in range(periods):
            if t == base:
                continue
            change = y[:, t] - y[:, base]
            seen = ~np.isnan(change)
            joined_later = (cohort > max(t, base) + anticipation) & ~treated
            free = cohort == NEVER if control == "never" else joined_later
            a, b = treated & seen, free & seen
            if a.sum() < least or b.sum() < least:
                left.append((int(g), t, f"{int(a.sum())} treated and {int(b.sum())} controls"))
                continue
            mean_a, mean_b = float(change[a].mean()), float(change[b].mean())
            influence = np.zeros(n)
            influence[a] = (change[a] - mean_a) * n / a.sum()
            influence[b] -= (change[b] - mean_b) * n / b.sum()
            out.append((int(g), t, mean_a - mean_b, int(treated.sum())))
            columns.append(influence)
    if not out:
        raise InputError(
            "no cohort can be compared",
            where="panel",
            fix="add periods before joining, or units that have not joined",
            code="no_comparison",
        )
    cohorts, times, att, sizes = zip(*out, strict=True)
    return GroupTime(
        np.array(cohorts),
        np.array(times),
        np.array(att),
        np.array(sizes),
        np.column_stack(columns),
        panel.cluster,
        tuple(left),
    )


def _share_influence(found: GroupTime, panel: Panel, at: np.ndarray) -> tuple[Floats, Floats]:
    """Cohort-size weights of some effects, and what estimating those sizes adds to the influence."""
    n = len(panel.cohort)
    size = found.sizes[at] / n
    total = size.sum()
    weight = np.zeros(len(found.att))
    weight[at] = size / total
    member = (panel.cohort[:, None] == found.cohorts[at][None, :]).astype(np.float64)
    told = (member - size) / total - (member - size).sum(axis=1, keepdims=True) * size / total**2
    return weight, np.asarray(told @ found.att[at], dtype=np.float64)


def overall(found: GroupTime, panel: Panel) -> tuple[Estimate, Floats]:
    """Effect over all cohorts and periods after joining, weighted by cohort size, and its influence.

    Returns
    -------
    tuple
        The estimate with clustered error, and the influence of each unit, shape `(units,)`.
    """
    at = np.flatnonzero(found.periods >= found.cohorts)
    if not len(at):
        raise InputError(
            "no period after joining can be judged", where="panel", fix="add periods", code="no_comparison"
        )
    weight, extra = _share_influence(found, panel, at)
    value, influence = found.combine(weight[:, None], extra[:, None])
    se = float(np.sqrt(clustered_variance(influence, found.cluster)[0, 0]))
    return interval(float(value[0]), se, len(np.unique(found.cluster))), influence[:, 0]


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Effects by time since joining.

    Parameters
    ----------
    event : periods since joining; the base period is left out
    value, se : estimates and clustered errors
    low, high : pointwise 95 % intervals
    covariance : shape `(events, events)`
    influence : of each unit, shape `(units, events)`
    reference : the base period since joining
    """

    event: np.ndarray
    value: Floats
    se: Floats
    low: Floats
    high: Floats
    covariance: Floats
    influence: Floats
    reference: int


def event_study(
    found: GroupTime, panel: Panel, *, window: tuple[int, int] | None = None, anticipation: int = 0
) -> EventStudy:
    """Effects by time since joining, cohorts weighted by size.

    Parameters
    ----------
    found : effects by cohort and period
    panel : the same panel
    window : first and last time since joining
    anticipation : as in `group_time`

    References
    ----------
    Callaway and Sant'Anna 2021, equation 3.4.
    """
    since = found.periods - found.cohorts
    events = np.unique(since)
    if window is not None:
        events = events[(events >= window[0]) & (events <= window[1])]
    if not len(events):
        raise InputError("no time since joining is in the window", where="window", fix="widen it", code="no_comparison")
    columns, values = [], []
    for e in events:
        weight, extra = _share_influence(found, panel, np.flatnonzero(since == e))
        value, influence = found.combine(weight[:, None], extra[:, None])
        values.append(float(value[0]))
        columns.append(influence[:, 0])
    influence = np.column_stack(columns)
    covariance = clustered_variance(influence, found.cluster)
    value, se = np.array(values), np.sqrt(np.diag(covariance))
    half = np.array([interval(0.0, float(one), len(np.unique(found.cluster))).high for one in se])
    return EventStudy(events, value, se, value - half, value + half, covariance, influence, -1 - anticipation)


def simultaneous(
    influence: Floats, cluster: np.ndarray, rng: np.random.Generator, *, draws: int = 999, level: float = 0.95
) -> float:
    """Critical value of a band that holds for all estimates together, by the multiplier bootstrap over clusters.

    Parameters
    ----------
    influence : shape `(units, estimates)`
    cluster : of each unit
    rng : draws the multipliers (Mammen's two points)
    draws : bootstrap draws
    level : of the band

    References
    ----------
    Callaway and Sant'Anna 2021, algorithm 1; Mammen 1993.
    """
    sums = cluster_sums(influence, cluster) / len(influence)
    root = np.sqrt(5.0)
    chance = (root + 1) / (2 * root)
    drawn = np.empty((draws, sums.shape[1]))
    for start in range(0, draws, max(4_000_000 // len(sums), 1)):
        part = drawn[start : start + max(4_000_000 // len(sums), 1)]
        part[:] = np.where(rng.random((len(part), len(sums))) < chance, (1 - root) / 2, (1 + root) / 2) @ sums
    q = np.quantile(drawn, [0.25, 0.75], axis=0)
    spread = (q[1] - q[0]) / 1.3489795003921634
    good = spread > 0
    if not good.any():
        return 0.0
    return float(np.quantile(np.abs(drawn[:, good] / spread[good]).max(axis=1), level))
