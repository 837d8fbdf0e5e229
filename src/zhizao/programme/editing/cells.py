"""Cells of like enterprises, robust figures within them, and what each value was expected to be.

A cell is industry x size x period, or only industry x period, or only the period, whichever is the first that has
enough values. The expected value of an item is last month's times the median change in the cell; else that of the same
month last year times its median change; else the cell's median per person employed (or per yuan of output) times what
the enterprise has of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.programme.editing.returns import Returns
from zhizao.programme.items import item_keys, items

__all__ = ["Cells", "Expected", "cells_of", "expect", "mad", "robust"]

Floats = NDArray[np.float64]
ENOUGH = 10
"""A cell with fewer values gives way to a wider one."""

LAST, YEAR_AGO, SIZE_RATIO = 1, 2, 3


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows by cell, at three levels of width.

    Parameters
    ----------
    code : number of each row's cell, narrowest level first, (levels, rows)
    order : rows sorted by cell, (levels, rows)
    ptr : where each cell begins in the order, per level
    """

    code: tuple[NDArray[np.int64], ...]
    order: tuple[NDArray[np.int64], ...]
    ptr: tuple[NDArray[np.int64], ...]

    def figure(self, values: Floats, of: Callable[[Floats], float], enough: int = ENOUGH) -> Floats:
        """A figure of each row's cell, from the narrowest level that has enough values; NaN where none has, (rows,).

        Parameters
        ----------
        values : NaN where not to be counted, (rows,)
        of : what to make of a cell's values
        enough : how many values a cell has to have; the widest needs three
        """
        found = np.full(len(values), np.nan)
        usable = ~np.isnan(values)
        for level in range(len(self.code)):
            open_ = np.isnan(found)
            if not open_.any():
                break
            per_cell = np.full(len(self.ptr[level]) - 1, np.nan)
            least = enough if level + 1 < len(self.code) else min(3, enough)
            order, ptr = self.order[level], self.ptr[level]
            inside, sorted_values = usable[order], values[order]
            counts = np.add.reduceat(inside.astype(np.int64), ptr[:-1]) if len(order) else np.zeros(0, np.int64)
            wanted = np.unique(self.code[level][open_]) if level else np.arange(len(per_cell))
            for c in wanted:
                if counts[c] >= least:
                    part = slice(ptr[c], ptr[c + 1])
                    per_cell[c] = of(sorted_values[part][inside[part]])
            found[open_] = per_cell[self.code[level][open_]]
        return found


def cells_of(returns: Returns) -> Cells:
    """Cells of returns: industry x size x period, industry x period, period."""
    levels = (
        (returns.industry, returns.size, returns.period),
        (returns.industry, returns.period),
        (returns.period,),
    )
    codes, orders, ptrs = [], [], []
    for parts in levels:
        code = np.zeros(len(returns), dtype=np.int64)
        for part in parts:
            names, at = np.unique(part, return_inverse=True)
            code = code * len(names) + at
        names, code = np.unique(code, return_inverse=True)
        order = np.argsort(code, kind="stable")
        ptr = np.concatenate([[0], np.cumsum(np.bincount(code, minlength=len(names)))])
        codes.append(code.astype(np.int64))
        orders.append(order)
        ptrs.append(ptr.astype(np.int64))
    return Cells(tuple(codes), tuple(orders), tuple(ptrs))


def median(values: Floats) -> float:
    """Median of at least one value."""
    return float(np.median(values))


def mad(values: Floats) -> float:
    """Median absolute deviation, scaled to the standard deviation of a normal.

    >>> round(mad(np.array([1.0, 2.0, 3.0, 4.0, 100.0])), 3)
    1.483
    """
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def robust(cells: Cells, values: Floats) -> tuple[Floats, Floats]:
    """Median and scaled median absolute deviation of each row's cell."""
    return cells.figure(values, median), cells.figure(values, mad)


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What was expected.

    Parameters
    ----------
    values : NaN where nothing can be expected, (rows, 40)
    basis : 1 last month, 2 same month last year, 3 ratio to size, 0 nothing, (rows, 40)
    spread : standard deviation of log(reported / expected) in the cell, robust; NaN where unknown, (rows, 40)
    """

    values: Floats
    basis: NDArray[np.int8]
    spread: Floats


def expect(returns: Returns, cells: Cells) -> Expected:
    """What each value was expected to be, from the enterprise's past and its cell's present."""
    keys = item_keys()
    people, output = keys.index("employees"), keys.index("output_cny")
    values, n = returns.values, len(returns)
    found, basis = np.full((n, len(keys)), np.nan), np.zeros((n, len(keys)), dtype=np.int8)
    spread = np.full((n, len(keys)), np.nan)
    size = values[:, people].copy()
    past = returns.last[:, people]
    strange = (past > 0) & ~((size < 2 * past) & (size > past / 2))
    size = np.where(strange, past, size)  # a wrong head count would spoil every ratio
    size_by_output = np.where(returns.last[:, output] > 0, returns.last[:, output], values[:, output])
    for j, key in enumerate(keys):
        now = values[:, j]
        for code, before in ((LAST, returns.last[:, j]), (YEAR_AGO, returns.year_ago[:, j])):
            usable = before > 0
            if not usable.any():
                continue
            with np.errstate(divide="ignore", invalid="ignore"):
                change = np.where(usable & (now > 0), now / before, np.nan)
            trend = cells.figure(change, median)
            guess = before * np.where(np.isnan(trend), 1.0, trend)
            take = usable & np.isnan(found[:, j])
            found[take, j], basis[take, j] = guess[take], code
        zero = (returns.last[:, j] == 0) & np.isnan(found[:, j])
        found[zero, j], basis[zero, j] = 0.0, LAST
        if items()[key].over == "flag":
            known = ~np.isnan(returns.last[:, j])
            found[known, j] = returns.last[known, j]
        elif np.isnan(found[:, j]).any():
            base = size_by_output if j == people else size
            with np.errstate(divide="ignore", invalid="ignore"):
                rate = np.where((base > 0) & ~np.isnan(now), now / base, np.nan)
            typical = cells.figure(rate, median)
            guess = typical * np.where(base > 0, base, np.nan)
            take = np.isnan(found[:, j]) & ~np.isnan(guess)
            found[take, j], basis[take, j] = guess[take], SIZE_RATIO
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.where((now > 0) & (found[:, j] > 0), np.log(now / found[:, j]), np.nan)
        for code in (LAST, YEAR_AGO, SIZE_RATIO):
            here = basis[:, j] == code
            if here.any():
                spread[here, j] = cells.figure(np.where(here, off, np.nan), mad)[here]
    return Expected(found, basis, np.maximum(spread, 0.01))
