"""Shares of small counts, pooled: each group's rate is drawn towards the common one as far as its data are thin.

Two models. `pooled_shares` is beta-binomial: group rates follow a beta distribution whose mean and size are averaged
over their likelihood, so that the interval knows that the common rate is itself estimated. `relative_risks` compares
groups given strata (machine given operation and product): log-linear with one strength per group, normal around 0,
fitted by penalised likelihood with the strata profiled out. Extra-binomial scatter (bad lots) shrinks what a piece is
worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Risks", "Shares", "dispersion", "pooled_shares", "relative_risks", "worse_than_peers"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SPREADS = np.geomspace(0.03, 1.5, 14)  # standard deviations of log risk that are weighed
EFFECTS = 300  # more groups than this: the matrix of effects is taken as diagonal


@dataclass(frozen=True, slots=True)
class Shares:
    """Pooled share of each group: value, 95 % interval and the common share; arrays of one length."""

    value: Floats
    low: Floats
    high: Floats
    common: float
    size: float


@dataclass(frozen=True, slots=True)
class Risks:
    """Risk of each group relative to its peers on the same strata: 1 = like them."""

    value: Floats
    low: Floats
    high: Floats
    expected: Floats
    spread: float


def dispersion(bad: Floats, pieces: Floats, rate: Floats, groups: int = 1) -> float:
    """Pearson scatter of lots around their rates, relative to the binomial; at least 1.

    Parameters
    ----------
    bad, pieces : (lots,) counts
    rate : (lots,) expected share of each lot's group
    groups : rates that were fitted
    """
    spread = pieces * rate * (1 - rate)
    use = spread > 0
    lots = int(use.sum())
    if lots < groups + 10:
        return 1.0
    # lots of which hardly anything is expected bad would dominate; weigh each by its expectation
    wide = np.sum((bad[use] - pieces[use] * rate[use]) ** 2) / np.sum(spread[use])
    return float(max(1.0, wide * lots / (lots - groups)))


def pooled_shares(bad: Floats, pieces: Floats, scatter: float | Floats = 1.0) -> Shares:
    """Beta-binomial shares of groups with a grid over the mean and size of the common beta distribution.

    Parameters
    ----------
    bad, pieces : (groups,) counts, 0 <= bad <= pieces
    scatter : variance of lots relative to the binomial, >= 1, one number or one per group (see `dispersion`)

    Returns
    -------
    Shares, (groups,); a group without pieces has the common share and its full spread

    Notes
    -----
    Morris (1983), Parametric empirical Bayes inference, J. Am. Stat. Assoc. 78, for the shrinkage; the grid in place of
    point estimates of the common distribution, and its prior (flat in the logit of the mean over a wide range and in
    size ** -0.5), follow Gelman et al., Bayesian Data Analysis, section 5.3.

    Examples
    --------
    >>> shares = pooled_shares(np.array([0.0, 1.0, 30.0]), np.array([3.0, 100.0, 1000.0]))
    >>> [round(float(x), 3) for x in shares.value], bool((shares.low <= shares.value).all())
    ([0.03, 0.017, 0.03], True)
    """
    from scipy.special import betaincinv, betaln

    width = np.broadcast_to(np.asarray(scatter, dtype=np.float64), bad.shape)
    hit, out_of = bad / width, pieces / width
    whole = max(float(out_of.sum()), 1.0)
    raw = (float(hit.sum()) + 0.5) / (whole + 1.0)
    logit = np.log(raw / (1 - raw)) + np.linspace(-2.5, 2.5, 41)
    mean, size = np.meshgrid(1 / (1 + np.exp(-logit)), np.exp(np.linspace(np.log(2), np.log(50 * whole + 100), 41)))
    mean, size = mean.ravel(), size.ravel()
    a, b = mean * size, (1 - mean) * size
    seen = np.flatnonzero(out_of > 0)
    weight = np.zeros(len(a))
    for part in np.array_split(seen, max(1, len(seen) // 500)):
        h, o = hit[part, None], out_of[part, None]
        weight += (betaln(a + h, b + o - h) - betaln(a, b)).sum(axis=0)
    weight -= np.log(size + 1) * 0.5
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    keep = weight > 1e-6
    weight, a, b = weight[keep] / weight[keep].sum(), a[keep], b[keep]
    top = a + hit[:, None]
    every = a + b + out_of[:, None]
    centre = top / every
    value = centre @ weight
    spread = (centre * (1 - centre) / (every + 1) + (centre - value[:, None]) ** 2) @ weight
    like = np.maximum(value * (1 - value) / spread - 1, 1e-3)
    low, high = (betaincinv(value * like, (1 - value) * like, q) for q in (0.025, 0.975))
    return Shares(value, low, high, float((a / (a + b)) @ weight), float(np.exp(np.log(a + b) @ weight)))


def relative_risks(group: Ints, stratum: Ints, bad: Floats, pieces: Floats, scatter: float = 1.0) -> Risks:
    """Relative risk of each group given strata, drawn towards 1.

    Poisson likelihood with a free level per stratum (profiled out) and a normal strength per group, by Laplace's
    approximation (Breslow and Clayton 1993, Approximate inference in generalized linear mixed models, J. Am. Stat.
    Assoc. 88); the spread of the strengths is averaged over its likelihood under a half-Cauchy prior of scale 0.5. A
    group alone in its strata has no peers and keeps the full spread around 1. 1 is the (geometric) mean of all groups.

    Parameters
    ----------
    group, stratum : (cells,) codes 0 ..
    bad, pieces : (cells,) counts
    scatter : variance of lots relative to the Poisson, >= 1

    Examples
    --------
    >>> group, stratum = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    >>> risks = relative_risks(group, stratum, np.array([40.0, 20, 80, 40]), np.full(4, 1000.0))
    >>> [round(float(x), 2) for x in risks.value], bool(risks.low[0] > 1)
    ([1.38, 0.72], True)
    """
    groups, strata = int(group.max(initial=-1)) + 1, int(stratum.max(initial=-1)) + 1
    hit = np.bincount(group, weights=bad, minlength=groups) / scatter
    of_stratum = np.bincount(stratum, weights=bad, minlength=strata)
    plenty = groups > EFFECTS
    b = np.zeros(groups)
    fits = []
    for tau in SPREADS:
        for _ in range(50):
            weight = pieces * np.exp(b[group])
            base = np.bincount(stratum, weights=weight, minlength=strata)
            level = np.divide(of_stratum, base, out=np.zeros(strata), where=base > 0)
            cell = weight * level[stratum] / scatter
            slope = hit - np.bincount(group, weights=cell, minlength=groups) - b / tau**2
            precise = _information(group, stratum, cell, groups, strata)
            if plenty:
                step = slope / (precise + tau**-2)
            else:
                precise[np.diag_indices(groups)] += tau**-2
                step = np.linalg.solve(precise, slope)
            b = b + np.clip(step, -1.0, 1.0)
            if np.abs(step).max(initial=0.0) < 1e-6:
                break
        spread = (
            1 / (precise + tau**-2) if plenty else _around_mean(np.asarray(np.linalg.inv(precise), dtype=np.float64))
        )
        volume = np.log(precise + tau**-2).sum() if plenty else np.linalg.slogdet(precise)[1]
        fit = hit @ b - (of_stratum / scatter) @ np.log(np.maximum(base, 1e-300)) - b @ b / (2 * tau**2)
        score = fit - groups * np.log(tau) - volume / 2 + np.log(tau) - np.log1p((tau / 0.5) ** 2)
        fits.append((score, b - b.mean(), spread))
    score = np.array([fit[0] for fit in fits])
    share = np.exp(score - score.max())
    share /= share.sum()
    each = np.array([fit[1] for fit in fits])
    value = share @ each
    half = 1.96 * np.sqrt(share @ (np.array([fit[2] for fit in fits]) + (each - value) ** 2))
    rate = of_stratum / np.maximum(np.bincount(stratum, weights=pieces, minlength=strata), 1e-12)
    expected = np.bincount(group, weights=pieces * rate[stratum], minlength=groups).astype(np.float64)
    return Risks(np.exp(value), np.exp(value - half), np.exp(value + half), expected, float(share @ SPREADS))


def _around_mean(covariance: Floats) -> Floats:
    """Variance of each strength less the mean of all."""
    across = covariance.mean(axis=0)
    return np.asarray(np.maximum(np.diag(covariance) - 2 * across + across.mean(), 1e-12))


def _information(group: Ints, stratum: Ints, cell: Floats, groups: int, strata: int) -> Floats:
    """Information on the strengths after the stratum levels are profiled out, (groups, groups) or its diagonal."""
    base = np.bincount(stratum, weights=cell, minlength=strata)
    if groups > EFFECTS:
        own = np.divide(cell**2, base[stratum], out=np.zeros(len(cell)), where=base[stratum] > 0)
        return np.bincount(group, weights=cell - own, minlength=groups).astype(np.float64)
    from scipy.sparse import coo_array

    table = coo_array((cell, (group, stratum)), shape=(groups, strata)).tocsr()
    inverse = np.divide(1.0, base, out=np.zeros(strata), where=base > 0)
    shared = (table @ (table.T.multiply(inverse[:, None]).tocsr())).toarray()
    return np.asarray(np.diag(np.bincount(group, weights=cell, minlength=groups)) - shared)


def worse_than_peers(
    group: Ints, stratum: Ints, bad: Floats, pieces: Floats, scatter: float = 1.0, lot: Ints | None = None
) -> Floats:
    """Adjusted p-value of each group being no worse than its peers on the same strata, (groups,).

    Given the totals of each stratum a group's bad pieces are hypergeometric; their sum over strata is compared with a
    Poisson tail of the same mean and variance, and the p-values are adjusted by Benjamini and Hochberg (1995), so that
    of the groups flagged at 0.05 at most 5 % are expected to be flagged wrongly. The variance is never less than what
    the group's own lots show: one bad lot is an accident, not a habit.

    Parameters
    ----------
    group, stratum : (cells,) codes 0 ..
    bad, pieces : (cells,) counts
    scatter : variance of lots relative to the binomial, >= 1
    lot : (cells,) code of the lot of each cell; each cell is one when absent

    Examples
    --------
    >>> group, stratum = np.arange(40) % 4, np.zeros(40, np.int64)
    >>> p = worse_than_peers(group, stratum, np.tile([1.0, 0, 1, 4], 10), np.full(40, 100.0))
    >>> (p < 0.05).tolist()
    [False, False, False, True]
    """
    from scipy.special import gammainc

    groups, strata = int(group.max(initial=-1)) + 1, int(stratum.max(initial=-1)) + 1
    all_bad = np.bincount(stratum, weights=bad, minlength=strata)
    all_pieces = np.maximum(np.bincount(stratum, weights=pieces, minlength=strata), 1e-12)
    rate = (all_bad / all_pieces)[stratum]
    mean = np.bincount(group, weights=pieces * rate, minlength=groups)
    cell = pieces * rate * (1 - rate) * (1 - pieces / all_pieces[stratum])
    variance = np.bincount(group, weights=cell, minlength=groups) * scatter
    hit = np.bincount(group, weights=bad, minlength=groups)
    lots = np.arange(len(group)) if lot is None else lot
    pair, own = np.unique(group * (int(lots.max(initial=0)) + 1) + lots, return_inverse=True)
    off = np.bincount(own, weights=bad - pieces * rate, minlength=len(pair))
    holder = pair // (int(lots.max(initial=0)) + 1)
    count = np.maximum(np.bincount(holder, minlength=groups), 1)
    total = np.bincount(holder, weights=off, minlength=groups)
    seen = np.bincount(holder, weights=off**2, minlength=groups)
    seen = np.where(count > 1, (seen - total**2 / count) * count / np.maximum(count - 1, 1), seen)
    variance = np.maximum(variance, np.where(variance > 0, seen, 0.0))
    width = np.divide(variance, mean, out=np.ones(groups), where=mean > 0)
    p = np.ones(groups)
    able = (hit > mean) & (width > 1e-9)
    # with scatter above 1 a bad lot is the unit: counts are compared in units of the width
    p[able] = gammainc(np.maximum(hit[able] / np.maximum(width[able], 1e-9), 1e-9), mean[able] / width[able])
    order = np.argsort(p)
    scaled = p[order] * groups / np.arange(1, groups + 1)
    out = np.empty(groups)
    out[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return out
