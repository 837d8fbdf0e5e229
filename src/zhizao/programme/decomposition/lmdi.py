"""LMDI-I: the change of a total told as activity, structure and intensity, with nothing left over.

A total is a sum over cells (industries, regions, fuels) of products of factors. Each cell's change is shared among its
factors by logarithmic means; zeros take the analytical limit. Effects of cells add up, so that any part of the total has
its own decomposition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from zhizao.errors import InputError
from zhizao.programme.composite.structure import Floats
from zhizao.programme.decomposition.cells import Grid, grid

__all__ = ["Lmdi", "effects", "lmdi", "log_mean"]


def log_mean(a: Floats, b: Floats) -> Floats:
    """Logarithmic mean of values of zero or more: (a - b) / ln(a / b); a where they are equal, 0 where one is zero.

    Examples
    --------
    >>> log_mean(np.array([2.0, 1.0, 0.0]), np.array([2.0, np.e, 5.0])).round(6).tolist()
    [2.0, 1.718282, 0.0]
    """
    a, b = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    both = (a > 0) & (b > 0)
    x, y = np.where(both, a, 1.0), np.where(both, b, 1.0)
    # near each other, log1p of the relative difference keeps all digits; far apart, the difference of the logs does
    apart = (x - y) / y
    near = np.abs(apart) < 0.5
    small = np.where(near & (apart != 0), apart, 1.0)
    log = np.where(near, np.log1p(np.where(near, small, 0.0)), np.log(x) - np.log(y))
    mean = np.where(apart == 0, x, (x - y) / np.where(log == 0, 1.0, log))
    return np.where(both, mean, 0.0)


def effects(before: Floats, after: Floats) -> Floats:
    """Additive effects of each factor in each cell.

    Parameters
    ----------
    before, after : factors, shape `(..., cells, factors)`, zero or more; a cell's value is their product

    Returns
    -------
    Floats
        Same shape; sums over factors to the change of each cell.

    Notes
    -----
    Where a cell's value is zero at one end, the limit for the zero factors going to zero together gives the whole change
    to them, in equal parts; factors that are not zero take none. Where it is zero at both ends there is no change.

    Examples
    --------
    >>> effects(np.array([[2.0, 3.0]]), np.array([[4.0, 3.0]])).round(9).tolist()
    [[6.0, 0.0]]

    References
    ----------
    Ang 2015, equations 5 to 8; Ang and Liu 2007 on zeros.
    """
    if (before < 0).any() or (after < 0).any():
        raise InputError("a factor is below zero", where="lmdi", fix="only quantities of zero or more", code="negative")
    zero, last = before == 0, after == 0
    v0, v1 = before.prod(axis=-1), after.prod(axis=-1)
    safe0, safe1 = np.where(zero, 1.0, before), np.where(last, 1.0, after)
    out = log_mean(v1, v0)[..., None] * (np.log(safe1) - np.log(safe0))
    change = v1 - v0
    ended = zero.any(axis=-1) | last.any(axis=-1)
    blame = np.where((v0 == 0)[..., None], zero, last).astype(np.float64)
    # of the factors that are zero at one end only those count that are not zero at the other end too
    blame = np.where(zero & last, 0.0, blame)
    count = blame.sum(axis=-1, keepdims=True)
    share = np.where(count > 0, blame / np.maximum(count, 1.0), 0.0)
    return np.asarray(np.where(ended[..., None], share * change[..., None], out), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Lmdi:
    """A decomposition over years.

    Parameters
    ----------
    years : periods, in order
    labels : of the cells, one tuple per cell
    by : columns of those labels
    factors : names of the effects, in order
    total : of the value by year, shape `(years,)`
    cells : additive effects from year to year, shape `(years - 1, cells, factors)`
    direct : additive effects from the first to the last year in one step, shape `(cells, factors)`
    entered, left : cells that were zero at the first year and not at the last, and the other way round
    """

    years: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    by: tuple[str, ...]
    factors: tuple[str, ...]
    total: Floats
    cells: Floats
    direct: Floats
    entered: int
    left: int

    @property
    def additive(self) -> Floats:
        """Effects of each step from year to year, shape `(years - 1, factors)`; a row sums to the change."""
        return np.asarray(self.cells.sum(axis=1), dtype=np.float64)

    @property
    def chained(self) -> Floats:
        """Effects over the whole span, year by year added up, shape `(factors,)`."""
        return np.asarray(self.cells.sum(axis=(0, 1)), dtype=np.float64)

    @property
    def multiplicative(self) -> Floats:
        """Factors of each step, shape `(years - 1, factors)`; a row's product is the ratio of the totals.

        LMDI-I gives both forms the same weights: ln D = effect / L(total after, total before).
        """
        weight = log_mean(self.total[1:], self.total[:-1])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.exp(self.additive / weight[:, None]), dtype=np.float64)

    def table(self) -> pl.DataFrame:
        """One row per step: from, to, change, effects, and the multiplicative factors."""
        steps, factors = self.additive, self.multiplicative
        return pl.DataFrame(
            {
                "from": self.years[:-1],
                "to": self.years[1:],
                "change": np.diff(self.total),
                **{name: steps[:, k] for k, name in enumerate(self.factors)},
                "ratio": self.total[1:] / self.total[:-1],
                **{f"{name} factor": factors[:, k] for k, name in enumerate(self.factors)},
            }
        )

    def parts(self, column: str) -> pl.DataFrame:
        """Effects over the whole span by one column of labels; they sum to those of the total."""
        at = self.by.index(column)
        over = self.cells.sum(axis=0)
        frame = pl.DataFrame(
            {column: [label[at] for label in self.labels], **{name: over[:, k] for k, name in enumerate(self.factors)}}
        )
        total = pl.sum_horizontal(list(self.factors)).alias("change")
        return (
            frame.group_by(column, maintain_order=True)
            .sum()
            .with_columns(total)
            .sort(pl.col("change").abs(), descending=True)
        )


def lmdi(
    frame: pl.DataFrame,
    *,
    value: str,
    activity: str,
    by: Sequence[str],
    time: str,
    chain: Sequence[str] = (),
    where: str = "data",
) -> Lmdi:
    """Change of a value as activity, structure and intensity.

    Parameters
    ----------
    frame : one row per cell and year
    value : column that is explained, such as energy or emissions
    activity : column of activity, such as value added
    by : columns of cells from the outermost in (region, industry); each gets its own structure effect
    time : column of years
    chain : columns between activity and value (energy between value added and emissions); each splits the intensity
    where : name of the table, for messages

    Returns
    -------
    Lmdi
        Effects named `activity`, `structure: COLUMN` and `intensity: A / B`, by cell, year by year.

    Raises
    ------
    InputError : for columns, years or cells that do not fit

    Examples
    --------
    >>> data = pl.DataFrame(
    ...     {"year": [1, 1, 2, 2], "s": ["a", "b"] * 2, "y": [50.0, 50.0, 60.0, 40.0], "e": [10.0, 50.0, 12.0, 36.0]}
    ... )
    >>> found = lmdi(data, value="e", activity="y", by=["s"], time="year")
    >>> found.factors, found.additive.round(2).tolist()
    (('activity', 'structure: s', 'intensity: e / y'), [[0.0, -7.51, -4.49]])

    References
    ----------
    Ang 2004; Ang 2015.
    """
    names = [activity, *chain, value]
    taken = [one for one in by if one in ("activity", "change")]
    if taken:
        raise InputError(
            f'a column of cells is called "{taken[0]}", as an effect is',
            where=where,
            fix="give it another name",
            code="reserved",
        )
    cells = grid(frame, values=names, by=by, time=time, where=where)
    if (cells.values < 0).any():
        raise InputError(
            f"a value below zero: {cells.values.min():.6g}",
            where=where,
            fix="a logarithmic mean needs quantities of zero or more",
            code="negative",
        )
    factors = _factors(cells, len(chain))
    steps = effects(factors[:-1], factors[1:])
    total = cells.values[:, :, -1].sum(axis=1)
    first, last = cells.values[0, :, -1], cells.values[-1, :, -1]
    return Lmdi(
        cells.years,
        cells.labels,
        tuple(by),
        (
            "activity",
            *(f"structure: {one}" for one in by),
            *(f"intensity: {upper} / {lower}" for lower, upper in pairwise(names)),
        ),
        total,
        steps,
        effects(factors[0], factors[-1]),
        int(((first == 0) & (last > 0)).sum()),
        int(((first > 0) & (last == 0)).sum()),
    )


def _factors(cells: Grid, chain: int) -> Floats:
    """Activity, nested shares of activity, intensities, shape `(years, cells, factors)`.

    An intensity of a cell without activity is unknown: it takes that of the nearest year that has one, so that the limit
    gives the cell's coming and going to structure.
    """
    years, n, _ = cells.values.shape
    activity = cells.values[:, :, 0]
    outer = activity.sum(axis=1, keepdims=True).repeat(n, axis=1)
    parts = [outer]
    for depth in range(1, len(cells.by) + 1):
        keys = [label[:depth] for label in cells.labels]
        number = {key: at for at, key in enumerate(dict.fromkeys(keys))}
        which = np.array([number[key] for key in keys])
        sums = np.zeros((years, len(number)))
        np.add.at(sums.T, which, activity.T)
        inner = sums[:, which]
        parts.append(np.where(outer > 0, inner / np.where(outer > 0, outer, 1.0), 0.0))
        outer = inner
    for k in range(chain + 1):
        lower, upper = cells.values[:, :, k], cells.values[:, :, k + 1]
        lost = (lower == 0) & (upper > 0)
        if lost.any():
            t, c = map(int, np.argwhere(lost)[0])
            raise InputError(
                f"{cells.columns[k + 1]} is {upper[t, c]:.6g} where {cells.columns[k]} is zero",
                where=f"{'/'.join(cells.labels[c])}, {cells.years[t]}",
                fix="leave the cell out, merge it with another, or correct it",
                code="value_without_activity",
            )
        ratio = np.where(lower > 0, upper / np.where(lower > 0, lower, 1.0), np.nan)
        parts.append(_nearest(ratio))
    return np.stack(parts, axis=-1)


def _nearest(ratio: Floats) -> Floats:
    """Gaps along the first axis filled from the nearest year that has a value; 1 where no year has."""
    out = ratio.copy()
    years = np.arange(len(ratio))
    for c in np.flatnonzero(np.isnan(ratio).any(axis=0)):
        have = np.flatnonzero(~np.isnan(ratio[:, c]))
        if len(have):
            out[:, c] = ratio[have[np.abs(years[:, None] - have[None, :]).argmin(axis=1)], c]
        else:
            out[:, c] = 1.0
    return out
