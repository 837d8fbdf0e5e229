"""Variance-based sensitivity: which choice moves the answer, alone and together with others.

The design has N(k + 2) runs: two independent samples A and B, and for each factor A with that factor's column of B.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from zhizao.programme.composite.structure import Floats

__all__ = ["Index", "design", "indices"]


@dataclass(frozen=True, slots=True)
class Index:
    """Sensitivity to one factor.

    Parameters
    ----------
    factor : its name
    first, total : share of variance alone, and with all its interactions
    first_low, first_high, total_low, total_high : 95 % bootstrap intervals
    """

    factor: str
    first: float
    total: float
    first_low: float
    first_high: float
    total_low: float
    total_high: float


def design(n: int, factors: int, rng: np.random.Generator) -> Floats:
    """Points of the design: A, B, then A with one column of B for each factor.

    Parameters
    ----------
    n : base sample; a power of two balances the scrambled Sobol points, others are cut from the next one
    factors : number of them
    rng : scrambles the points

    Returns
    -------
    Floats
        Shape `(n * (factors + 2), factors)`, values in [0, 1).

    References
    ----------
    Saltelli et al. 2010, table 2 (radial design); Owen 1998 (scrambling).
    """
    points = qmc.Sobol(2 * factors, scramble=True, seed=rng).random_base2(max(int(np.ceil(np.log2(max(n, 2)))), 1))[:n]
    a, b = points[:, :factors], points[:, factors:]
    mixed = []
    for j in range(factors):
        ab = a.copy()
        ab[:, j] = b[:, j]
        mixed.append(ab)
    return np.concatenate([a, b, *mixed])


def indices(
    y: Floats, names: tuple[str, ...], n: int, rng: np.random.Generator | None = None, *, resamples: int = 200
) -> tuple[Index, ...]:
    """First-order and total indices from the answers at the points of `design`.

    Parameters
    ----------
    y : answers, shape `(n * (factors + 2),)`
    names : of the factors
    n : base sample
    rng : draws the bootstrap; without it the intervals are NaN
    resamples : bootstrap samples

    Returns
    -------
    tuple of Index
        All zero when the answer never changes.

    References
    ----------
    First order: Saltelli et al. 2010, equation (b). Total: Jansen 1999.
    """
    k = len(names)
    a, b = y[:n], y[n : 2 * n]
    ab = y[2 * n :].reshape(k, n)
    rows = (
        np.arange(n)[None, :]
        if rng is None
        else np.concatenate([np.arange(n)[None, :], rng.integers(0, n, (resamples, n))])
    )
    fa, fb = a[rows], b[rows]
    both = np.concatenate([fa, fb], axis=1)
    variance = both.var(axis=1)
    middle = both.mean(axis=1, keepdims=True)
    safe = np.where(variance > 0, variance, 1.0)
    out = []
    for j, name in enumerate(names):
        fj = ab[j][rows]
        first = np.where(variance > 0, ((fb - middle) * (fj - fa)).mean(axis=1) / safe, 0.0)
        total = np.where(variance > 0, ((fa - fj) ** 2).mean(axis=1) / (2 * safe), 0.0)
        low, high = np.full(2, np.nan), np.full(2, np.nan)
        if rng is not None:
            low, high = np.quantile(np.stack([first[1:], total[1:]]), [0.025, 0.975], axis=1)
        out.append(
            Index(name, float(first[0]), float(total[0]), float(low[0]), float(high[0]), float(low[1]), float(high[1]))
        )
    return tuple(out)
