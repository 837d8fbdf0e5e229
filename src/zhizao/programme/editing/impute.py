"""Values for what is missing or was found wrong, each flagged with how it was made, and all of them within the rules.

In order: what the rules leave no choice about (deductive), last value with the trend of the cell, ratio to size within
the cell, nearest neighbour within the cell, regression with a residual drawn. Afterwards every imputed value is moved
as little as needed (least absolute change relative to its size) until all hard rules hold; values that were reported
and not found wrong stay as they are. Sources: de Waal, Pannekoek and Scholtus (2011), chapters 7, 9 and 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.editing.cells import SIZE_RATIO, Cells, Expected
from zhizao.programme.editing.exact import asked_of, nearest
from zhizao.programme.editing.lines import OPEN, fill_all, filler
from zhizao.programme.editing.returns import Returns
from zhizao.programme.editing.system import FAILED, System, verdicts
from zhizao.programme.items import item_keys, items

__all__ = ["WAYS", "Imputed", "impute"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WAYS = ("", "deductive", "last", "ratio", "donor", "regression", "rules")
"""How a value was made; `rules` is any value that the rules allow, where nothing else was to be had."""

DEFAULT = ("deductive", "last", "ratio", "donor", "regression")
SMALL = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Imputed:
    """Imputed values.

    Parameters
    ----------
    values : all fields, imputed ones in place, (rows, 40)
    way : number in `WAYS`, 0 where nothing was imputed, (rows, 40)
    adjusted : whether the rules moved the value from what the method gave, (rows, 40)
    share : share of each item's weighted total that is imputed, (40,)
    inflation : hint at how much larger the variance of each total is than imputed values taken as reported say,
        1 + weighted residual variance of the imputed over the variance of the total; NaN where that is 0, (40,)
    """

    values: Floats
    way: NDArray[np.int8]
    adjusted: Bools
    share: Floats
    inflation: Floats


def impute(
    returns: Returns,
    wanted: Bools,
    cells: Cells,
    expected: Expected,
    system: System,
    *,
    ways: Sequence[str] = DEFAULT,
    fallback: Floats | None = None,
    errors: Floats | None = None,
    rng: np.random.Generator | None = None,
) -> Imputed:
    """Impute chosen cells.

    Parameters
    ----------
    returns : as reported, corrections made
    wanted : cells to be imputed, (rows, 40)
    cells : of like enterprises
    expected : what was expected of each value
    system : compiled hard rules
    ways : methods, the first that gives a value counts
    fallback : values known to keep the rules, used where nothing else does, (rows, 40)
    errors : standard error of each total, for the variance hint, (40,)
    rng : for residuals; without it regression gives its mean

    Raises
    ------
    InputError : when a method is unknown
    """
    strange = [way for way in ways if way not in WAYS[1:6]]
    if strange:
        raise InputError(f'there is no way of imputation "{strange[0]}"', fix=f"ways are {', '.join(WAYS[1:6])}")
    base = np.where(wanted, np.nan, returns.values)
    active = system.active(returns)
    goal, way = np.full_like(base, np.nan), np.zeros(base.shape, dtype=np.int8)
    flags = np.array([item.over == "flag" for item in items().values()])
    for name in ways:
        code = WAYS.index(name)
        open_ = wanted & (way == 0)
        if not open_.any():
            break
        if name == "deductive":
            guess = _forced(system, system.records(returns.with_values(base)), active, open_)
        elif name in ("last", "ratio"):
            guess = np.where((expected.basis == SIZE_RATIO) == (name == "ratio"), expected.values, np.nan)
        elif name == "donor":
            guess = _donors(returns, base, open_, cells)
        else:
            guess = _regression(returns, base, open_, rng)
        take = open_ & ~np.isnan(guess)
        goal[take], way[take] = guess[take], code
    if fallback is not None:
        take = wanted & (way == 0) & ~np.isnan(fallback)
        goal[take], way[take] = fallback[take], WAYS.index("rules")
    goal[:, flags] = np.round(goal[:, flags])
    whole = np.array([i.unit in ("people", "patents", "processes", "pieces", "batches") for i in items().values()])
    goal[:, whole] = np.round(goal[:, whole])
    values, adjusted = _consistent(returns, base, goal, way, system, active, fallback)
    share, inflation = _hint(returns, values, way > 0, expected, errors)
    return Imputed(values, way, adjusted & (way > 0), share, inflation)


def _forced(system: System, z: Floats, active: Bools, open_: Bools) -> Floats:
    """Values that the rules leave no choice about: lower and upper bound from single comparisons meet."""
    a, m = system.arrays, system.fields
    low, high = np.full((len(z), m), -np.inf), np.full((len(z), m), np.inf)
    for c in range(len(a.guard)):
        first = a.clause_ptr[c]
        if a.clause_ptr[c + 1] - first != 1:
            continue
        part = slice(a.atom_ptr[first], a.atom_ptr[first + 1])
        col, coef = a.col[part], a.coef[part]
        for j, k in zip(col.tolist(), coef.tolist(), strict=True):
            if j >= m:
                continue
            rows = np.flatnonzero(open_[:, j] & (active[:, a.guard[c]] if a.guard[c] >= 0 else True))
            if not len(rows):
                continue
            others = col != j
            bound = -(a.const[first] + z[np.ix_(rows, col[others])] @ coef[others]) / k
            if a.equal[first] or k > 0:
                high[rows, j] = np.fmin(high[rows, j], bound)
            if a.equal[first] or k < 0:
                low[rows, j] = np.fmax(low[rows, j], bound)
    tight = open_ & np.isfinite(low) & np.isfinite(high) & (np.abs(high - low) <= 1e-9 * (1 + np.abs(high)))
    return np.where(tight, low, np.nan)


def _donors(returns: Returns, base: Floats, open_: Bools, cells: Cells) -> Floats:
    """Rate of the nearest enterprise of the cell (by persons employed and output) times one's own size."""
    keys = item_keys()
    people, output = base[:, keys.index("employees")], base[:, keys.index("output_cny")]
    size = np.where(people > 0, people, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.column_stack([np.log(size), np.log(np.where(output > 0, output, np.nan))])
    for c in range(place.shape[1]):
        known = place[~np.isnan(place[:, c]), c]
        place[np.isnan(place[:, c]), c] = np.median(known) if len(known) else 0.0
    found = np.full_like(base, np.nan)
    for r in np.flatnonzero(open_.any(axis=1)):
        wants = np.flatnonzero(open_[r])
        for level in range(len(cells.code)):
            c = cells.code[level][r]
            near = cells.order[level][cells.ptr[level][c] : cells.ptr[level][c + 1]]
            near = near[:5000]
            far = np.abs(place[near] - place[r]).sum(axis=1)
            far[near == r] = np.inf
            for j in wants[np.isnan(found[r, wants])]:
                usable = ~np.isnan(base[near, j]) & np.isfinite(far)
                if usable.sum() >= 3 or (level == len(cells.code) - 1 and usable.any()):
                    donor = near[usable][np.argmin(far[usable])]
                    scale = size[r] / size[donor]
                    found[r, j] = base[donor, j] * (scale if scale == scale else 1.0)
            if not np.isnan(found[r, wants]).any():
                break
    return found


def _regression(returns: Returns, base: Floats, open_: Bools, rng: np.random.Generator | None) -> Floats:
    """Log-linear on persons employed and output within the industry (all where it has few), a residual drawn where a generator is given."""
    keys = item_keys()
    found = np.full_like(base, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(base > 0, base, np.nan))
    x = np.column_stack([np.ones(len(base)), logs[:, keys.index("employees")], logs[:, keys.index("output_cny")]])
    for j in np.flatnonzero(open_.any(axis=0)):
        columns = np.array([0, *(c for c, key in ((1, "employees"), (2, "output_cny")) if keys.index(key) != j)])
        known = ~np.isnan(x[:, columns]).any(axis=1)
        for code in np.unique(returns.industry[open_[:, j]]):
            here = returns.industry == code
            learn, rows = here & known & ~np.isnan(logs[:, j]), np.flatnonzero(here & known & open_[:, j])
            if learn.sum() < 10:
                learn = known & ~np.isnan(logs[:, j])
            if learn.sum() < 10 or not len(rows):
                continue
            beta = np.linalg.lstsq(x[np.ix_(learn, columns)], logs[learn, j], rcond=None)[0]
            spread = float(np.std(logs[learn, j] - x[np.ix_(learn, columns)] @ beta))
            drawn = rng.normal(0.0, spread, len(rows)) if rng is not None else 0.0
            found[rows, j] = np.exp(x[np.ix_(rows, columns)] @ beta + drawn)
    return found


def _consistent(
    returns: Returns,
    base: Floats,
    goal: Floats,
    way: NDArray[np.int8],
    system: System,
    active: Bools,
    fallback: Floats | None,
) -> tuple[Floats, Bools]:
    """Goals put in, moved as little as needed until all hard rules hold."""
    values = np.where(way > 0, goal, base)
    adjusted = np.zeros(values.shape, dtype=np.bool_)
    rows = np.flatnonzero((way > 0).any(axis=1))
    if not len(rows):
        return values, adjusted
    z = system.records(returns.with_values(values), rows)
    fails = (verdicts(system, z, active[rows]) == FAILED).any(axis=1)
    rows = rows[fails]
    if not len(rows):
        return values, adjusted
    z = system.records(returns.with_values(base), rows)
    state = np.zeros(len(rows), dtype=np.int8)
    kernel = fill_all if len(rows) <= SMALL else filler()
    kernel(system.arrays, z, active[rows], goal[rows], state)
    fails = (verdicts(system, z, active[rows]) == FAILED).any(axis=1)
    for i in np.flatnonzero((state == OPEN) | fails):
        r = rows[i]
        told = system.records(returns.with_values(base), np.array([r]))[0]
        free = np.flatnonzero(np.isnan(base[r]) & ~np.isnan(goal[r]))
        mended = nearest(asked_of(system.arrays, active[r]), told, free.tolist(), goal[r])
        if mended is None and fallback is not None:
            mended = np.concatenate([fallback[r], told[system.fields :]])
        if mended is not None:
            z[i] = mended
        else:
            z[i, : system.fields] = values[r]
    values[rows] = z[:, : system.fields]
    adjusted[rows] = np.abs(values[rows] - goal[rows]) > 1e-6 * (1 + np.abs(goal[rows]))
    return values, adjusted


def _hint(
    returns: Returns, values: Floats, imputed: Bools, expected: Expected, errors: Floats | None
) -> tuple[Floats, Floats]:
    weighted = np.abs(np.nan_to_num(values)) * returns.weight[:, None]
    total = weighted.sum(axis=0)
    share = np.where(imputed, weighted, 0.0).sum(axis=0) / np.where(total > 0, total, 1.0)
    spread = np.minimum(np.where(np.isnan(expected.spread), 1.0, expected.spread), 2.0)
    added = np.where(imputed, (weighted * spread) ** 2, 0.0).sum(axis=0)
    variance = np.zeros_like(total) if errors is None else errors**2
    with np.errstate(divide="ignore", invalid="ignore"):
        inflation = np.where(variance > 0, 1 + added / variance, np.nan)
    return share, inflation
