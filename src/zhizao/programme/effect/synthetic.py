"""Synthetic control: a weighted mean of others that ran alike before, and how rare such a gap is among them.

Weights are found exactly: the point of a convex hull nearest to the treated, by Wolfe's active-set method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.errors import InputError
from zhizao.programme.composite.structure import Floats
from zhizao.programme.effect.panel import NEVER, Panel

__all__ = ["Synthetic", "simplex_weights", "synthetic_control"]


def simplex_weights(target: Floats, donors: Floats, *, tolerance: float = 1e-12) -> Floats:
    """Weights of zero or more that sum to 1 and bring the donors nearest to the target.

    Parameters
    ----------
    target : shape `(rows,)`
    donors : shape `(rows, donors)`
    tolerance : of the optimality condition, relative to the size of the problem

    Returns
    -------
    Floats
        Weights, shape `(donors,)`; the least squares solution on the simplex.

    Examples
    --------
    >>> simplex_weights(np.array([1.0, 2.0]), np.array([[0.0, 2.0, 9.0], [0.0, 4.0, 9.0]])).round(9).tolist()
    [0.5, 0.5, 0.0]

    References
    ----------
    Wolfe 1976, finding the nearest point in a polytope.
    """
    z = donors - target[:, None]  # the weights sum to 1, so the target can be moved to the origin
    squares = (z * z).sum(axis=0)
    scale = float(squares.max())
    if scale == 0:
        return np.full(z.shape[1], 1 / z.shape[1])
    chosen = [int(np.argmin(squares))]
    weight = np.ones(1)
    for _ in range(50 * z.shape[1] + 100):
        x = z[:, chosen] @ weight
        reach = x @ z
        j = int(np.argmin(reach))
        if float(reach[j]) >= float(x @ x) - tolerance * scale or j in chosen:
            break
        chosen.append(j)
        weight = np.append(weight, 0.0)
        while True:
            free = _affine(z[:, chosen])
            if (free > 1e-14).all():
                weight = free
                break
            low = free <= 1e-14
            step = float(np.min(weight[low] / np.maximum(weight[low] - free[low], 1e-300)))
            weight = weight + min(step, 1.0) * (free - weight)
            keep = weight > 1e-14
            if keep.all():  # rounding left the leaving one just above zero
                keep[np.flatnonzero(low)[np.argmin(weight[low])]] = False
            chosen = [one for one, stays in zip(chosen, keep, strict=True) if stays]
            weight = weight[keep] / weight[keep].sum()
    out = np.zeros(z.shape[1])
    out[chosen] = weight
    return np.asarray(out / out.sum(), dtype=np.float64)


def _affine(z: Floats) -> Floats:
    """Weights, of either sign, that sum to 1 and bring the columns nearest to the origin."""
    k = z.shape[1]
    if k == 1:
        return np.ones(1)
    rest = z[:, 1:] - z[:, :1]
    other = np.linalg.lstsq(rest, -z[:, 0], rcond=1e-13)[0]
    return np.concatenate([[1 - other.sum()], other])


@dataclass(frozen=True, slots=True)
class Synthetic:
    """A treated path beside its synthetic twin.

    Parameters
    ----------
    times : periods
    start : place of the first treated period
    treated, control : paths, shape `(times,)`
    weights : donors by name with weight above 0.0001, heaviest first
    effect : mean gap after joining
    before, after : root mean squared gap before and after
    ratio : after over before
    fit : gap before relative to the spread of the treated path before; 0 is perfect, 1 no better than its mean
    p : share of placebos (and the treated) with a ratio at least as large
    placebos : how many; each is a donor, or a group of as many donors as are treated
    """

    times: tuple[int, ...]
    start: int
    treated: Floats
    control: Floats
    weights: tuple[tuple[str, float], ...]
    effect: float
    before: float
    after: float
    ratio: float
    fit: float
    p: float
    placebos: int


def synthetic_control(
    panel: Panel, rng: np.random.Generator, *, cohort: int | None = None, donors: int = 200, placebos: int = 199
) -> Synthetic:
    """Effect on one cohort by synthetic control.

    Parameters
    ----------
    panel : outcomes and cohorts; donors are those that never join and have no gap
    rng : draws placebo groups when several units are treated
    cohort : first treated period; the only one when absent
    donors : most donors; the nearest before joining are taken
    placebos : groups drawn when several units are treated; with one treated unit every donor is one

    Raises
    ------
    InputError : several cohorts and none named, too few periods before or donors

    References
    ----------
    Abadie, Diamond and Hainmueller 2010; outcomes of all periods before joining are the predictors.
    """
    cohorts = np.unique(panel.cohort[panel.ever])
    at = [c for c in cohorts if cohort is None or panel.times[int(c)] == cohort]
    if len(at) != 1:
        known = ", ".join(str(panel.times[int(c)]) for c in cohorts) or "none"
        raise InputError(
            f"{len(at)} cohorts are meant; there are: {known}",
            where="synthetic control",
            fix="name one with cohort, or use method staggered",
            code="two_cohorts",
        )
    start = int(at[0])
    whole = ~np.isnan(panel.y).any(axis=1)
    members = np.flatnonzero((panel.cohort == start) & whole)
    pool = np.flatnonzero((panel.cohort == NEVER) & whole)
    if start < 3 or len(pool) < 3 or not len(members):
        raise InputError(
            f"{start} periods before, {len(pool)} donors and {len(members)} treated without gaps",
            where="synthetic control",
            fix="needs 3 periods before joining, 3 donors and 1 treated",
            code="too_few_units",
        )
    path = panel.y[members].mean(axis=0)
    control, weights, nearest = _fit(path, panel.y[pool], start, donors)
    gap = path - control
    before, after = float(np.sqrt((gap[:start] ** 2).mean())), float(np.sqrt((gap[start:] ** 2).mean()))
    floor = 1e-9 * max(float(np.abs(path).max()), 1e-300)
    ratios = []
    k = len(members)
    groups = [np.array([i]) for i in range(len(pool))]
    if k > 1:
        if len(pool) < 2 * k:
            raise InputError(
                f"{len(pool)} donors make no groups of {k} beside others",
                where="synthetic control",
                fix="use method staggered",
                code="too_few_units",
            )
        groups = [rng.choice(len(pool), k, replace=False) for _ in range(placebos)]
    elif len(groups) > max(placebos, 20):
        groups = [np.array([i]) for i in rng.choice(len(pool), max(placebos, 20), replace=False)]
    for group in groups:
        rest = np.setdiff1d(np.arange(len(pool)), group)
        other = panel.y[pool[group]].mean(axis=0)
        apart = other - _fit(other, panel.y[pool[rest]], start, donors)[0]
        ratios.append(np.sqrt((apart[start:] ** 2).mean()) / max(np.sqrt((apart[:start] ** 2).mean()), floor))
    ratio = after / max(before, floor)
    spread = float(path[:start].std())
    named = [(panel.units[pool[nearest[i]]], float(weights[i])) for i in np.argsort(-weights) if weights[i] > 1e-4]
    return Synthetic(
        panel.times,
        start,
        path,
        control,
        tuple(named),
        float(gap[start:].mean()),
        before,
        after,
        ratio,
        before / spread if spread > 0 else float("inf"),
        float((1 + sum(one >= ratio for one in ratios)) / (1 + len(ratios))),
        len(ratios),
    )


def _fit(path: Floats, donors: Floats, start: int, most: int) -> tuple[Floats, Floats, np.ndarray]:
    """Synthetic path, weights, and which donors they belong to."""
    distance = ((donors[:, :start] - path[:start]) ** 2).sum(axis=1)
    nearest = np.argsort(distance, kind="stable")[:most]
    used = donors[nearest]
    weights = simplex_weights(path[:start], used[:, :start].T)
    return weights @ used, weights, nearest
