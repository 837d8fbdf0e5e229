"""Intervals that lean to the side on which a skewed variable is missed.

A total that a few giants carry has a skewed error: a sample without them tells too little, and has too small a standard
error as well. Hall's cubic transformation takes the skewness out of the studentised estimate, to the order of one over n,
and is turned back into limits that are no longer symmetric.
"""

from __future__ import annotations

import numpy as np

from zhizao.programme.survey.columns import Floats, Ints
from zhizao.programme.survey.design import Design, group_sums

__all__ = ["leaning", "skewness"]

_WIDE = 4_000_000
"""Numbers held at once."""


def skewness(sample: Design, influence: Floats, codes: Ints, count: int) -> Floats:
    """Skewness of the error of the sum of weight times influence, in each domain.

    Parameters
    ----------
    sample : design, with what was done to its weights
    influence : of each row on the estimate, unweighted, shape (n,)
    codes : domain of each row, -1 for none, shape (n,)
    count : domains

    Returns
    -------
    array of shape (count,)
        Sum over strata of n_h (1 - f_h)^2 k_3h over the variance to the power 1.5, k_3h the third k statistic of the
        weighted influence of clusters. Two clusters do not tell it: their strata have the mean of the others, relative
        to their spread. Later stages are taken for symmetric. 0 where there is no variance.

    Examples
    --------
    >>> design = Design.of([1.0] * 5)
    >>> skewness(design, np.array([1.0, 1.0, 1.0, 1.0, 6.0]), np.zeros(5, dtype=int), 1).round(3)
    array([1.])
    """
    stage = sample.stages[0]
    n, rest = stage.size.astype(np.float64), 1 - stage.fraction
    many = stage.size > 2
    over = np.where(many, n**2 / np.maximum((n - 1) * (n - 2), 1), 0.0) * rest**2
    grown = np.sqrt(stage.scale())
    undo = np.where(grown > 0, 1 / np.where(grown > 0, grown, 1.0), 0.0)[stage.stratum][:, None]
    found = np.zeros(count)
    width = max(1, _WIDE // sample.n)
    for start in range(0, count, width):
        stop = min(start + width, count)
        inside = np.flatnonzero((codes >= start) & (codes < stop))
        columns = np.zeros((sample.n, stop - start))
        columns[inside, codes[inside] - start] = influence[inside]
        rows = sample.contrasts(columns).rows
        variance = (rows**2).sum(axis=0)
        apart = rows[: len(stage.stratum)] * undo
        third = group_sums(apart**3, stage.stratum, len(n)) * over[:, None]
        spread = (group_sums(apart**2, stage.stratum, len(n)) / np.maximum(n - 1, 1)[:, None]) ** 1.5
        spread *= (n * rest**2)[:, None]
        told, known = third[many].sum(axis=0), spread[many].sum(axis=0)
        pairs = spread[stage.size == 2].sum(axis=0)
        whole = told + pairs * told / np.where(known > 0, known, 1.0)
        found[start:stop] = np.where(variance > 0, whole / np.where(variance > 0, variance, 1.0) ** 1.5, 0.0)
    return found


def leaning(value: Floats, se: Floats, skew: Floats, critical: Floats) -> tuple[Floats, Floats]:
    """Limits of an interval by Hall's transformation.

    Parameters
    ----------
    value, se : estimates and standard errors, shape (k,)
    skew : skewness of the estimates, shape (k,)
    critical : half width of a symmetric interval, in standard errors, shape (k,)

    Returns
    -------
    low, high
        Value minus se times g(x), g(x) = 3/s ((1 + s (x - s/6))^(1/3) - 1) at x = critical and -critical; symmetric
        where the skewness s is 0.

    References
    ----------
    Hall 1992, Journal of the Royal Statistical Society B 54, 221-228.

    Examples
    --------
    >>> low, high = leaning(np.array([10.0]), np.array([1.0]), np.array([0.3]), np.array([1.96]))
    >>> low.round(2), high.round(2)
    (array([8.37]), array([12.65]))
    """
    skewed = np.abs(skew) > 1e-6
    s = np.where(skewed, skew, 1.0)

    def back(x: Floats) -> Floats:
        return np.asarray(np.where(skewed, 3 / s * (np.cbrt(1 + s * (x - s / 6)) - 1), x))

    return value - se * back(critical), value - se * back(-critical)
