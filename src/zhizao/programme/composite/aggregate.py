"""Children become their parent: arithmetic, geometric and harmonic mean, penalised mean, Copeland, benefit of the doubt.

Scores have shape `(..., units, children)` and weights `(..., children)`, so that thousands of variants of an index are
aggregated in one call. What is missing is left out and the other weights take its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from zhizao.errors import InputError
from zhizao.programme.composite.structure import Floats, Structure

__all__ = ["AGGREGATIONS", "aggregate", "aggregate_tree", "benefit_of_the_doubt", "copeland", "place"]

AGGREGATIONS = ("arithmetic", "geometric", "harmonic", "mpi", "copeland", "bod")
POSITIVE = frozenset({"geometric", "harmonic"})
"""Aggregations that need scores above zero."""

MAX_PAIRED = 5000
"""Most units that Copeland compares pair by pair."""
_PAIRED_AT_ONCE = 100


def aggregate(x: Floats, w: Floats, method: str, name: str = "") -> Floats:
    """Score of a group.

    Parameters
    ----------
    x : shape `(..., units, children)`
    w : weights, shape `(..., children)`, 0 or more; only their proportions count
    method : `arithmetic` · `geometric` · `harmonic` · `mpi`: mean minus standard deviation times coefficient of
        variation · `copeland`: pairwise wins less losses · `bod`: benefit of the doubt
    name : of the group, for messages

    Returns
    -------
    Floats
        Shape `(..., units)`; NaN where nothing with a weight is there.

    Raises
    ------
    InputError : a score that is not above zero for a geometric or harmonic mean

    Examples
    --------
    >>> aggregate(np.array([[4.0, 9.0]]), np.array([1.0, 1.0]), "geometric").round(9).tolist()
    [6.0]

    References
    ----------
    OECD and JRC Handbook 2008, step 6; Mazziotta and Pareto 2016 (mpi); Copeland 1951; Cherchye et al. 2007 (bod).
    """
    if method == "copeland":
        return copeland(x, w, name)
    if method == "bod":
        return benefit_of_the_doubt(x)
    gaps = np.isnan(x)
    per_unit = np.where(gaps, 0.0, w[..., None, :]) if gaps.any() else None
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = (w if per_unit is None else per_unit) / (w if per_unit is None else per_unit).sum(
            axis=-1, keepdims=True
        )
    if per_unit is not None:
        x = np.where(gaps, 1.0, x)

    def mean(y: Floats) -> Floats:
        """Weighted mean over children, shape `(..., units)`."""
        if per_unit is not None:
            return np.asarray((weight * y).sum(axis=-1), dtype=np.float64)
        if y.ndim == 2 and weight.ndim == 2:  # one matrix, many weights: a single product
            return np.asarray(weight @ y.T, dtype=np.float64)
        return np.asarray(np.matmul(y, weight[..., None])[..., 0], dtype=np.float64)

    if method == "arithmetic":
        return mean(x)
    if method == "mpi":
        middle = mean(x)
        if (middle <= 0).any():
            raise _not_positive(method, name, float(np.nanmin(middle)))
        return np.asarray(middle - mean((x - middle[..., None]) ** 2) / middle, dtype=np.float64)
    if method in POSITIVE:
        bad = x <= 0
        if bad.any():
            if (bad & ((w[..., None, :] if per_unit is None else per_unit) > 0)).any():
                raise _not_positive(method, name, float(x[bad].min()))
            x = np.where(bad, 1.0, x)
        if method == "geometric":
            return np.exp(mean(np.log(x)))
        return np.asarray(1 / mean(1 / x), dtype=np.float64)
    raise InputError(f'"{method}" is no way to aggregate', where="steps", fix=f"choose {', '.join(AGGREGATIONS)}")


def _not_positive(method: str, name: str, least: float) -> InputError:
    return InputError(
        f"the {method} mean needs scores above zero, the least is {least:.4g}",
        where=f"aggregate, {name}" if name else "aggregate",
        fix="normalise to bounds that start above zero, such as [1, 100]",
        code="not_positive",
    )


def copeland(x: Floats, w: Floats, name: str = "") -> Floats:
    """Wins less losses against all others, where a unit wins whose better scores carry more weight.

    Raises
    ------
    InputError : above 5,000 units, since all pairs are compared
    """
    n = x.shape[-2]
    if n > MAX_PAIRED:
        raise InputError(
            f"Copeland compares all pairs of {n:,} units",
            where=f"aggregate, {name}",
            fix="aggregate by a mean",
            code="too_many_units",
        )
    shape = np.broadcast_shapes(x.shape[:-2], w.shape[:-1])
    if shape and n > _PAIRED_AT_ONCE:  # one version at a time, so that the pairs fit into memory
        xs = np.broadcast_to(x, (*shape, *x.shape[-2:])).reshape(-1, *x.shape[-2:])
        ws = np.broadcast_to(w, (*shape, w.shape[-1])).reshape(-1, w.shape[-1])
        return np.array([copeland(a, b, name) for a, b in zip(xs, ws, strict=True)]).reshape(*shape, n)
    over = np.zeros((*shape, n, n))
    for j in range(x.shape[-1]):
        column = x[..., j]
        over += w[..., j, None, None] * np.sign(_difference(column))
    return np.asarray(np.sign(np.where(np.abs(over) < 1e-12, 0.0, over)).sum(axis=-1), dtype=np.float64)


def _difference(column: Floats) -> Floats:
    apart = column[..., :, None] - column[..., None, :]
    return np.where(np.isnan(apart), 0.0, apart)


def benefit_of_the_doubt(x: Floats, share: tuple[float, float] = (0.0, 1.0)) -> Floats:
    """Each unit by the weights that show it best, none of which may lift any unit above 1.

    Parameters
    ----------
    x : scores of zero or more, shape `(units, children)`
    share : least and most share of each child in the unit's own score

    Returns
    -------
    Floats
        Scores of 0 to 1, shape `(units,)`.

    References
    ----------
    Cherchye, Moesen, Rogge and Van Puyenbroeck 2007; input-oriented DEA with a single input of 1.
    """
    if x.ndim != 2:
        raise InputError("benefit of the doubt takes one version at a time", where="aggregate")
    if np.isnan(x).any() or (x < 0).any():
        raise InputError(
            "benefit of the doubt needs full scores of zero or more",
            where="aggregate",
            fix="impute, and normalise by minmax",
            code="not_positive",
        )
    n, m = x.shape
    out = np.empty(n)
    low, high = share
    for i in range(n):
        limits, right = [x], [np.ones(n)]
        if share != (0.0, 1.0):
            own = np.diag(x[i])
            limits += [low * x[i][None, :].repeat(m, 0) - own, own - high * x[i][None, :].repeat(m, 0)]
            right += [np.zeros(m), np.zeros(m)]
        found = optimize.linprog(-x[i], A_ub=np.vstack(limits), b_ub=np.concatenate(right), method="highs")
        out[i] = -found.fun if found.status == 0 else np.nan
    return out


def aggregate_tree(
    leaves: Floats, weights: Floats, structure: Structure, methods: Sequence[str] | Mapping[str, str]
) -> Floats:
    """Scores of all nodes, level by level.

    Parameters
    ----------
    leaves : normalised indicators, shape `(..., units, indicators)`
    weights : of all nodes beside their siblings, shape `(..., nodes)`
    structure : what stands under what
    methods : aggregation by level from 2 up (the last goes on), or by code of the group

    Returns
    -------
    Floats
        Shape `(..., units, nodes)`: indicators, groups, the index last.
    """
    lead = np.broadcast_shapes(leaves.shape[:-2], weights.shape[:-1])
    out = np.empty((*lead, leaves.shape[-2], len(structure.nodes)))
    out[..., : structure.indicators] = leaves
    for group in structure.groups:
        at = list(group.children)
        source = leaves if max(at) < structure.indicators else out  # leaves are shared by all variants
        if isinstance(methods, Mapping):
            method = methods[group.code]
        else:
            method = methods[min(group.level - 2, len(methods) - 1)]
        out[..., group.at] = aggregate(source[..., at], weights[..., at], method, group.code)
    return out


def place(scores: Floats) -> NDArray[np.int64]:
    """Ranks along the last axis: 1 is the highest, ties share the best place, what is missing comes last.

    Examples
    --------
    >>> place(np.array([3.0, 9.0, 9.0, np.nan])).tolist()
    [3, 1, 1, 4]
    """
    order = np.argsort(-scores, axis=-1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=-1)
    new = np.ones(scores.shape, dtype=np.bool_)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    new[..., 1:] &= ~(np.isnan(ordered[..., 1:]) & np.isnan(ordered[..., :-1]))
    at = np.broadcast_to(np.arange(1, scores.shape[-1] + 1), scores.shape)
    first = np.maximum.accumulate(np.where(new, at, 0), axis=-1)
    out = np.empty(scores.shape, dtype=np.int64)
    np.put_along_axis(out, order, first, axis=-1)
    return out
