"""Weights of siblings from their scores: equal, entropy, principal components, CRITIC.

Each function takes the scores of one group, shape `(units, children)`, and gives weights that sum to 1. Benefit of the
doubt, which gives each unit weights of its own, is an aggregation (`aggregate.benefit_of_the_doubt`).
"""

from __future__ import annotations

import numpy as np

from zhizao.errors import InputError
from zhizao.programme.composite.structure import Floats

__all__ = ["WEIGHTINGS", "critic_weights", "entropy_weights", "pca_weights", "weigh"]

WEIGHTINGS = ("given", "equal", "entropy", "pca", "critic")


def weigh(x: Floats, method: str, given: Floats, name: str = "") -> Floats:
    """Weights of one group.

    Parameters
    ----------
    x : scores, shape `(units, children)`; units with a gap are left out of the count
    method : `given`, `equal`, `entropy`, `pca` or `critic`
    given : weights of the structure, shape `(children,)`
    name : of the group, for messages

    Raises
    ------
    InputError : when the scores do not allow the method
    """
    if method == "given" or len(given) == 1:
        return np.asarray(given / given.sum(), dtype=np.float64)
    if method == "equal":
        return np.full(len(given), 1 / len(given))
    whole = x[~np.isnan(x).any(axis=1)]
    if len(whole) < 3:
        raise InputError(
            f"only {len(whole)} units have all scores",
            where=f"weights of {name}",
            fix="impute first, or weigh by given or equal",
            code="too_few_units",
        )
    if np.ptp(whole, axis=0).min() <= 0:
        raise InputError("a score is constant", where=f"weights of {name}", fix="leave it out", code="constant_column")
    if method == "entropy":
        return entropy_weights(whole, name)
    if method == "pca":
        return pca_weights(whole)
    if method == "critic":
        return critic_weights(whole)
    raise InputError(f'"{method}" is no way to weigh', where="steps", fix=f"choose {', '.join(WEIGHTINGS)}")


def entropy_weights(x: Floats, name: str = "") -> Floats:
    """Weights by the information that the spread of each score holds.

    Examples
    --------
    >>> entropy_weights(np.array([[1.0, 1.0], [1.0, 3.0], [1.1, 9.0]])).round(3).tolist()
    [0.003, 0.997]

    References
    ----------
    Shannon 1948; Zeleny 1982, chapter 6.
    """
    if (x < 0).any():
        raise InputError(
            f"a score is below zero ({x.min():.4g}), which has no share",
            where=f"entropy weights of {name}",
            fix="normalise by minmax",
            code="negative",
        )
    share = x / x.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(share > 0, share * np.log(share), 0.0).sum(axis=0) / np.log(len(x))
    spread = np.maximum(1 - entropy, 0.0)
    return np.asarray(spread / spread.sum(), dtype=np.float64)


def pca_weights(x: Floats) -> Floats:
    """Squared loadings on the components with eigenvalue above 1, each weighted by its share of variance.

    References
    ----------
    Nicoletti, Scarpetta and Boylaud 2000; OECD and JRC Handbook 2008, step 6.
    """
    values, vectors = np.linalg.eigh(np.corrcoef(x, rowvar=False))
    keep = values > 1 + 1e-12
    if not keep.any():
        keep[-1] = True
    loading = vectors[:, keep] ** 2 * values[keep]
    weight = (loading * (values[keep] / values[keep].sum())).sum(axis=1)
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def critic_weights(x: Floats) -> Floats:
    """Contrast times conflict: standard deviation times the sum of one minus correlation.

    References
    ----------
    Diakoulaki, Mavrotas and Papayannakis 1995.
    """
    told = x.std(axis=0, ddof=1) * (1 - np.corrcoef(x, rowvar=False)).sum(axis=0)
    if not told.sum() > 0:
        return np.full(x.shape[1], 1 / x.shape[1])
    return np.asarray(told / told.sum(), dtype=np.float64)
