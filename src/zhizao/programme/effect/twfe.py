"""Two periods, two groups: difference in differences, and the two-way fixed effects regression with clustered errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from zhizao.errors import InputError
from zhizao.programme.composite.structure import Floats
from zhizao.programme.effect.panel import NEVER, Panel

__all__ = ["Estimate", "cluster_sums", "clustered_variance", "interval", "two_by_two", "two_way_fixed_effects"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its error.

    Parameters
    ----------
    value, se : estimate and clustered standard error
    low, high : 95 % interval
    p : two-sided p-value of no effect
    clusters : that carry it
    """

    value: float
    se: float
    low: float
    high: float
    p: float
    clusters: int


def interval(value: float, se: float, clusters: int, level: float = 0.95) -> Estimate:
    """Estimate with a t interval of clusters minus one degrees of freedom."""
    free = max(clusters - 1, 1)
    t = float(stats.t.ppf(0.5 + level / 2, free))
    p = float(2 * stats.t.sf(abs(value) / se, free)) if se > 0 else float(value == 0)
    return Estimate(value, se, value - t * se, value + t * se, p, clusters)


def clustered_variance(influence: Floats, cluster: np.ndarray) -> Floats:
    """Covariance of estimates from the influence of each unit.

    Parameters
    ----------
    influence : shape `(units, estimates)`; an estimate's error is the mean of its column
    cluster : number of the cluster of each unit

    Returns
    -------
    Floats
        Shape `(estimates, estimates)`, with the factor G / (G - 1) for G clusters.
    """
    n = len(influence)
    sums = cluster_sums(influence, cluster)
    g = len(sums)
    if g < 2:
        raise InputError("there is one cluster only", where="panel", fix="cluster by unit", code="one_cluster")
    return np.asarray(sums.T @ sums / n**2 * g / (g - 1), dtype=np.float64)


def cluster_sums(x: Floats, cluster: np.ndarray) -> Floats:
    """Rows added up by cluster, shape `(clusters, columns)`."""
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=cluster[order[0]] - 1))
    if len(starts) == len(x):
        return x[order]
    return np.asarray(np.add.reduceat(x[order], starts, axis=0), dtype=np.float64)


def two_by_two(panel: Panel, before: int, after: int) -> Estimate:
    """Change of the treated less change of the others between two periods.

    Parameters
    ----------
    panel : who is treated after `before` and by `after`, and who is treated in neither
    before, after : places among the times

    References
    ----------
    Ashenfelter and Card 1985.
    """
    change = panel.y[:, after] - panel.y[:, before]
    seen = ~np.isnan(change)
    treated = seen & (panel.cohort > before) & (panel.cohort <= after)
    control = seen & (panel.cohort > after)
    if treated.sum() < 2 or control.sum() < 2:
        raise InputError(
            f"{int(treated.sum())} treated and {int(control.sum())} others have both periods",
            where="panel",
            fix="choose other periods, or gather more units",
            code="too_few_units",
        )
    a, b = change[treated].mean(), change[control].mean()
    n = len(change)
    influence = np.zeros((n, 1))
    influence[treated, 0] = (change[treated] - a) * n / treated.sum()
    influence[control, 0] = -(change[control] - b) * n / control.sum()
    used = treated | control
    se = float(np.sqrt(clustered_variance(influence[used] * used.sum() / n, panel.cluster[used])[0, 0]))
    return interval(float(a - b), se, len(np.unique(panel.cluster[used])))


def two_way_fixed_effects(panel: Panel) -> Estimate:
    """Coefficient of being treated with effects of units and periods, errors clustered.

    Right where all join at once or the effect is one constant; with staggered joining and effects that grow it mixes
    them with negative weights, so `group_time` is what judges there.

    References
    ----------
    Goodman-Bacon 2021; Liang and Zeger 1986 (errors).
    """
    seen = ~np.isnan(panel.y)
    periods = panel.y.shape[1]
    d = (np.arange(periods)[None, :] >= np.where(panel.cohort == NEVER, periods, panel.cohort)[:, None]).astype(
        np.float64
    )
    y, d = _within(np.where(seen, panel.y, 0.0), seen), _within(d, seen)
    sxx = float((d * d).sum())
    if sxx <= 1e-12:
        raise InputError(
            "treatment does not vary within units", where="panel", fix="widen the window", code="no_variation"
        )
    beta = float((d * y).sum() / sxx)
    score = (d * (y - beta * d)).sum(axis=1)
    sums = cluster_sums(score[:, None], panel.cluster)[:, 0]
    g = len(sums)
    rows = int(seen.sum())
    factor = g / (g - 1) * (rows - 1) / max(rows - periods, 1)
    return interval(beta, float(np.sqrt((sums**2).sum() * factor)) / sxx, g)


def _within(x: Floats, seen: np.ndarray) -> Floats:
    """Unit and period effects taken out, by turns where the panel has gaps."""
    x = np.where(seen, x, 0.0)
    per_unit, per_time = np.maximum(seen.sum(axis=1), 1)[:, None], np.maximum(seen.sum(axis=0), 1)
    for _ in range(10_000):
        before = x
        x = np.where(seen, x - x.sum(axis=1, keepdims=True) / per_unit, 0.0)
        x = np.where(seen, x - x.sum(axis=0) / per_time, 0.0)
        if float(np.abs(x - before).max()) < 1e-12 * max(float(np.abs(x).max()), 1.0):
            break
    return x
