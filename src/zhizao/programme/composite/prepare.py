"""From raw values to a full matrix: denominate, screen units for data, impute what is missing.

Each step is a pure function of arrays of shape `(units, indicators)`; a missing value is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.composite.structure import Floats

__all__ = ["available", "denominate", "impute", "impute_em"]


def denominate(x: Floats, by: Floats, codes: Sequence[str] = (), units: Sequence[str] = ()) -> Floats:
    """Indicators divided by their denominators.

    Parameters
    ----------
    x : shape `(units, indicators)`
    by : same shape; 1 where an indicator has no denominator
    codes, units : names, for messages

    Raises
    ------
    InputError : where a denominator is zero
    """
    zero = np.argwhere(by == 0)
    if len(zero):
        i, j = map(int, zero[0])
        raise InputError(
            f"the denominator of {codes[j] if codes else j} is zero for {units[i] if units else i}",
            where="denominators",
            fix="correct the value or leave it empty",
            code="zero_denominator",
        )
    return x / by


def available(x: Floats) -> Floats:
    """Share of indicators that each unit has, shape `(units,)`."""
    return np.asarray(1 - np.isnan(x).mean(axis=1), dtype=np.float64)


def impute(
    x: Floats, method: str, groups: NDArray[np.int64] | None = None, *, blocks: Sequence[Sequence[int]] = ()
) -> Floats:
    """Missing values replaced.

    Parameters
    ----------
    x : shape `(units, indicators)`
    method : `none`, `mean`, `median`, `group_mean`, `group_median` or `em`
    groups : number of the group of each unit, for the group methods
    blocks : for `em`, columns that inform each other; all of them when empty

    Returns
    -------
    Floats
        What stays missing (a group that has no value of an indicator) takes the value over all units.

    Examples
    --------
    >>> impute(np.array([[1.0], [3.0], [np.nan]]), "mean")[:, 0].tolist()
    [1.0, 3.0, 2.0]
    """
    gaps = np.isnan(x)
    if method == "none" or not gaps.any():
        return x.copy()
    if method == "em":
        out = x.copy()
        for block in blocks or [range(x.shape[1])]:
            at = np.asarray(block)
            out[:, at] = impute_em(x[:, at])
        return out
    middle = _mean if method.endswith("mean") else _median
    fill = np.broadcast_to(middle(x), x.shape).copy()
    if method.startswith("group_"):
        if groups is None:
            raise InputError(
                f"{method} needs a grouping of the units",
                where="steps, impute",
                fix="name the column with impute_by, or choose mean or median",
                code="no_grouping",
            )
        for one in np.unique(groups):
            rows = groups == one
            within = middle(x[rows])
            fill[rows] = np.where(np.isnan(within), fill[rows], within)
    return np.where(gaps, fill, x)


def _mean(x: Floats) -> Floats:
    there = ~np.isnan(x)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, x, 0.0).sum(axis=0) / there.sum(axis=0), dtype=np.float64)


def _median(x: Floats) -> Floats:
    ordered = np.sort(x, axis=0)  # NaN last
    n = (~np.isnan(x)).sum(axis=0)
    low, high = np.maximum((n - 1) // 2, 0), np.maximum(n // 2, 0)
    at = np.arange(x.shape[1])
    last = x.shape[0] - 1
    both = (ordered[np.minimum(low, last), at] + ordered[np.minimum(high, last), at]) / 2
    return np.asarray(np.where(n > 0, both, np.nan), dtype=np.float64)


def impute_em(x: Floats, *, prior: float = 0.01, tolerance: float = 1e-9, most: int = 2000) -> Floats:
    """Conditional expectation of what is missing under a multivariate normal fitted by EM.

    Parameters
    ----------
    x : shape `(units, variables)`
    prior : weight of a diagonal prior on the covariance, as a share of the units; keeps it invertible
    tolerance : stop when no standardised mean or covariance changes by more
    most : most rounds

    Returns
    -------
    Floats
        Observed values as they were, missing ones imputed.

    References
    ----------
    Dempster, Laird and Rubin 1977; Little and Rubin 2002, section 11.2; the ridge prior as in Amelia (King et al. 2001).
    """
    gaps = np.isnan(x)
    if not gaps.any():
        return x.copy()
    n, m = x.shape
    centre = _mean(x)
    if np.isnan(centre).any():
        raise InputError("a column has no value at all", where="impute", fix="drop it", code="all_missing")
    spread = np.sqrt(_mean((x - centre) ** 2))
    spread = np.where(spread > 0, spread, 1.0)
    z = np.where(gaps, 0.0, (x - centre) / spread)
    mean, cov = np.zeros(m), np.eye(m)
    patterns, which = np.unique(gaps, axis=0, return_inverse=True)
    which = np.ravel(which)
    added = prior * n
    for _ in range(most):
        filled, extra = z.copy(), np.zeros((m, m))
        for at, pattern in enumerate(patterns):
            if not pattern.any():
                continue
            rows = np.flatnonzero(which == at)
            miss, have = np.flatnonzero(pattern), np.flatnonzero(~pattern)
            if not len(have):
                filled[rows] = mean
                extra += len(rows) * cov
                continue
            slope = np.linalg.solve(cov[np.ix_(have, have)], cov[np.ix_(have, miss)])
            filled[np.ix_(rows, miss)] = mean[miss] + (z[np.ix_(rows, have)] - mean[have]) @ slope
            extra[np.ix_(miss, miss)] += len(rows) * (cov[np.ix_(miss, miss)] - cov[np.ix_(miss, have)] @ slope)
        new_mean = filled.mean(axis=0)
        apart = filled - new_mean
        new_cov = (apart.T @ apart + extra + added * np.eye(m)) / (n + added)
        moved = max(float(np.abs(new_mean - mean).max()), float(np.abs(new_cov - cov).max()))
        mean, cov = new_mean, new_cov
        if moved < tolerance:
            break
    return np.where(gaps, filled * spread + centre, x)
