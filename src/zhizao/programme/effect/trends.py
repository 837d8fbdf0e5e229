"""Whether those that joined were moving apart before they joined, and how much of that an effect survives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from zhizao.programme.effect.staggered import EventStudy

__all__ = ["Honest", "PreTrend", "honest_bounds", "pre_trend"]


@dataclass(frozen=True, slots=True)
class PreTrend:
    """Joint test that all effects before joining are zero.

    Parameters
    ----------
    statistic : Wald statistic; NaN where there is no period to test
    freedom : degrees of freedom
    p : p-value
    slope, slope_se : linear trend of the effects before joining, per period
    """

    statistic: float
    freedom: int
    p: float
    slope: float
    slope_se: float


def pre_trend(study: EventStudy, clusters: int) -> PreTrend:
    """Joint Wald test of the periods before the base, with the F correction for few clusters.

    Parameters
    ----------
    study : effects by time since joining, with their covariance
    clusters : that carry it

    References
    ----------
    Roth 2022 on what such a test can and cannot say.
    """
    at = np.flatnonzero(study.event < study.reference)
    if not len(at):
        return PreTrend(float("nan"), 0, float("nan"), float("nan"), float("nan"))
    value, covariance = study.value[at], study.covariance[np.ix_(at, at)]
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    wald = float(value @ np.linalg.pinv(covariance, hermitian=True) @ value)
    free = clusters - rank
    if rank == 0:
        p = float("nan")
    elif free > 0:
        p = float(stats.f.sf(wald * free / (rank * max(clusters - 1, 1)), rank, free))
    else:
        p = float(stats.chi2.sf(wald, rank))
    since = (study.event[at] - study.reference).astype(np.float64)
    weight = since / (since @ since)  # through zero at the base period
    return PreTrend(wald, rank, p, float(weight @ value), float(np.sqrt(weight @ covariance @ weight)))


@dataclass(frozen=True, slots=True)
class Honest:
    """An effect when trends may differ by as much as they did before.

    Parameters
    ----------
    event : time since joining
    ratio : greatest change of the difference in trends per period, relative to the greatest seen before joining
    set_low, set_high : what the estimates allow
    low, high : with sampling error, at least 95 % (conservative)
    """

    event: int
    ratio: float
    set_low: float
    set_high: float
    low: float
    high: float


def honest_bounds(
    study: EventStudy, *, event: int = 0, ratios: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0), level: float = 0.95
) -> tuple[tuple[Honest, ...], float]:
    """Bounds on an effect under relative magnitudes, and the ratio at which it could be nothing.

    Parameters
    ----------
    study : effects by time since joining
    event : time since joining, 0 or more
    ratios : values of M-bar
    level : of the intervals

    Returns
    -------
    tuple
        One bound per ratio, and the greatest ratio at which the interval still leaves out zero; NaN without two periods
        before joining, 0 when it never does.

    Notes
    -----
    From one period to the next the difference in trends may change by at most M-bar times the greatest change seen before
    joining, so that after `event + 1` periods the bias is at most `(event + 1) * M-bar * greatest`. Sampling error enters
    by Bonferroni: half of the error rate for the effect, half shared by the changes before joining. That is simpler and
    wider than the conditional intervals of the paper, and never narrower than its identified set.

    References
    ----------
    Rambachan and Roth 2023, section 2.4.1 (relative magnitudes).
    """
    post = np.flatnonzero(study.event == event)
    pre = np.flatnonzero(study.event < study.reference)
    if not len(post) or not len(pre):
        return (), float("nan")
    order = pre[np.argsort(study.event[pre])]
    k = len(study.event)
    steps = np.zeros((len(order), k))
    for row, at in enumerate(order):  # change from each period to the next; the base period is zero
        steps[row, at] = -1.0
        if row + 1 < len(order):
            steps[row, order[row + 1]] = 1.0
    width = np.diff(np.append(study.event[order], study.reference)).astype(np.float64)
    change = np.abs(steps @ study.value) / width
    error = np.sqrt(np.einsum("ij,jk,ik->i", steps, study.covariance, steps)) / width
    alpha = 1 - level
    z_pre = float(stats.norm.ppf(1 - alpha / 4 / len(order)))
    greatest, upper = float(change.max()), float((change + z_pre * error).max())
    value, se = float(study.value[post[0]]), float(study.se[post[0]])
    span = event - study.reference

    def half(ratio: float) -> float:
        tail = alpha / 2 if ratio == 0 else alpha / 4
        return float(stats.norm.ppf(1 - tail)) * se + span * ratio * (upper if ratio > 0 else 0.0)

    bounds = tuple(
        Honest(
            event,
            ratio,
            value - span * ratio * greatest,
            value + span * ratio * greatest,
            value - half(ratio),
            value + half(ratio),
        )
        for ratio in ratios
    )
    spare = abs(value) - float(stats.norm.ppf(1 - alpha / 4)) * se
    return bounds, max(spare / (span * upper), 0.0) if upper > 0 else float("inf")
