"""The loops over memory: each value is read once, each formula turned into whole numbers, each cell added up.

Whole numbers add exactly, in any order. So sums do not depend on how many threads or machines shared the work, and the
parts of a group add up to the group to the last digit. A contribution is multiplied by a power of two, fine enough for
the total to need 58 of the 63 bits, and rounded once. NaN (not returned) runs through a formula by itself: an enterprise
counts in a figure only with every item that the figure needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

__all__ = [
    "COUNT",
    "MAX_RATE",
    "RATES",
    "RATIO",
    "SHARE",
    "add_up",
    "add_up_by_lag",
    "count_magnitudes",
    "count_returns",
    "lines_of",
    "mark_infinite",
    "rates_of_years",
    "to_groups",
]

RATIO, SHARE, COUNT, RATES = 0, 1, 2, 3
MAX_RATE = 4096.0
"""An enterprise's own rate beyond this is no rate; the enterprise is not counted."""

_TILE = 2048

Array = NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])


def _compiled(parallel: bool) -> Callable[[F], F]:
    compiler: Callable[[F], F] = njit(parallel=parallel, cache=True, nogil=True, error_model="numpy")
    return compiler


@_compiled(parallel=False)
def _contributions(
    values: Array,
    month: int,
    first: int,
    n: int,
    d: int,
    way: Array,
    term_from: Array,
    term_item: Array,
    term_factor: Array,
    weight: Array,
    num: Array,
    den: Array,
) -> None:
    """Numerator and denominator of enterprises first..first+n in one formula, as floats; NaN where not complete."""
    for e in range(n):
        num[e] = 0.0
        den[e] = 0.0
    for t in range(term_from[2 * d], term_from[2 * d + 1]):
        row = values[term_item[t], month]
        factor = term_factor[t]
        for e in range(n):
            num[e] += factor * row[first + e]
    for t in range(term_from[2 * d + 1], term_from[2 * d + 2]):
        row = values[term_item[t], month]
        factor = term_factor[t]
        for e in range(n):
            den[e] += factor * row[first + e]
    kind = way[d]
    if kind in (SHARE, COUNT):
        for e in range(n):
            den[e] = 1.0 + 0.0 * num[e]
    elif kind == RATES:
        _rates(values, month, first, n, weight[d], num, den)


@_compiled(parallel=False)
def _rates(
    values: Array,
    month: int,
    first: int,
    n: int,
    weight: int,
    num: Array,
    den: Array,
) -> None:
    for e in range(n):
        rate = num[e] / den[e] if den[e] != 0.0 else np.nan
        rate = rate if abs(rate) <= MAX_RATE else np.nan
        heavy = 1.0 if weight < 0 else np.float64(values[weight, month, first + e])
        num[e] = rate * heavy
        den[e] = heavy + 0.0 * rate


@_compiled(parallel=True)
def add_up(
    values: Array,
    starts: Array,
    cell: Array,
    way: Array,
    term_from: Array,
    term_item: Array,
    term_factor: Array,
    weight: Array,
    scale: Array,
    whole: Array,
    returns: Array,
) -> None:
    """Add every formula up by cell and month.

    Parameters
    ----------
    values : (items, months, enterprises)
    starts : (cells + 1,), first enterprise of each cell
    cell : (enterprises,), ascending
    way, weight : (formulas,), kind and item of the weight or -1
    term_from, term_item, term_factor : terms of numerator and denominator of each formula, one after the other
    scale : (formulas, 2), powers of two
    whole : (formulas, 2, months, cells), int64, is added to
    returns : (formulas, months, cells), int32, is added to
    """
    formulas, months, enterprises = way.size, values.shape[1], values.shape[2]
    for month in prange(months):
        num = np.empty(_TILE)
        den = np.empty(_TILE)
        for first in range(0, enterprises, _TILE):
            end = min(first + _TILE, enterprises)
            for d in range(formulas):
                _contributions(
                    values, month, first, end - first, d, way, term_from, term_item, term_factor, weight, num, den
                )
                up, down = scale[d, 0], scale[d, 1]
                for c in range(cell[first], cell[end - 1] + 1):
                    low, high = max(starts[c], first) - first, min(starts[c + 1], end) - first
                    above, below, counted = np.int64(0), np.int64(0), np.int64(0)
                    for e in range(low, high):
                        there = num[e] + den[e]
                        ok = there == there
                        above += np.int64(np.rint(num[e] * up if ok else 0.0))
                        below += np.int64(np.rint(den[e] * down if ok else 0.0))
                        counted += np.int64(1 if ok else 0)
                    whole[d, 0, month, c] += above
                    whole[d, 1, month, c] += below
                    returns[d, month, c] += counted


@_compiled(parallel=True)
def add_up_by_lag(
    values: Array,
    group: Array,
    arrival: Array,
    way: Array,
    term_from: Array,
    term_item: Array,
    term_factor: Array,
    weight: Array,
    scale: Array,
    whole: Array,
    returns: Array,
) -> None:
    """Add every formula up by group, month and months of lateness: whole (formulas, 2, lags, months, groups).

    Returns that came later than the last lag, or never, are left out.
    """
    formulas, months, enterprises = way.size, values.shape[1], values.shape[2]
    lags = whole.shape[2]
    for month in prange(months):
        num = np.empty(_TILE)
        den = np.empty(_TILE)
        for first in range(0, enterprises, _TILE):
            end = min(first + _TILE, enterprises)
            for d in range(formulas):
                _contributions(
                    values, month, first, end - first, d, way, term_from, term_item, term_factor, weight, num, den
                )
                for e in range(end - first):
                    lag = np.int64(arrival[month, first + e])
                    there = num[e] + den[e]
                    if lag < lags and there == there:
                        g = group[first + e]
                        whole[d, 0, lag, month, g] += np.int64(np.rint(num[e] * scale[d, 0]))
                        whole[d, 1, lag, month, g] += np.int64(np.rint(den[e] * scale[d, 1]))
                        returns[d, lag, month, g] += 1


@_compiled(parallel=True)
def rates_of_years(
    values: Array,
    cell: Array,
    december: Array,
    d: int,
    flow: Array,
    term_from: Array,
    term_item: Array,
    term_factor: Array,
    weight: int,
    scale: Array,
    whole: Array,
    returns: Array,
) -> None:
    """Mean of rates over a year when the rate's items are flows: each enterprise's months are added before dividing.

    december : (years,), place of each year's last month. flow : (items,), True for items whose months add up.
    whole : (2, years, cells), returns : (years, cells). A month with a gap is left out of the enterprise's year.
    """
    for y in prange(december.size):
        for e in range(values.shape[2]):
            num, den, heavy, seen = 0.0, 0.0, 0.0, 0
            for month in range(december[y] - 11, december[y] + 1):
                above, below = 0.0, 0.0
                for t in range(term_from[2 * d], term_from[2 * d + 1]):
                    above += term_factor[t] * values[term_item[t], month, e]
                for t in range(term_from[2 * d + 1], term_from[2 * d + 2]):
                    below += term_factor[t] * values[term_item[t], month, e]
                more = 1.0 if weight < 0 else np.float64(values[weight, month, e])
                if above + below + more == above + below + more:
                    num += above
                    den += below
                    heavy = heavy + more if weight >= 0 and flow[weight] else more
                    seen += 1
            if seen and den != 0.0 and abs(num / den) <= MAX_RATE:
                whole[0, y, cell[e]] += np.int64(np.rint(num / den * heavy * scale[0]))
                whole[1, y, cell[e]] += np.int64(np.rint(heavy * scale[1]))
                returns[y, cell[e]] += 1


@_compiled(parallel=True)
def count_magnitudes(bits: Array, counts: Array) -> None:
    """How many values have which binary exponent: counts (items, months, 256), int64, is added to.

    bits : (items, months, enterprises), float32 values seen as int32. Counting is exact, whatever the order, so a bound
    made of the counts is the same however the work is shared. 255 stands for NaN and infinity.
    """
    items, months, enterprises = bits.shape
    for place in prange(items * months):
        item, month = place // months, place % months
        for e in range(enterprises):
            counts[item, month, (bits[item, month, e] >> 23) & 255] += 1


@_compiled(parallel=True)
def count_returns(
    output: Array,
    cell: Array,
    born: Array,
    died: Array,
    start: int,
    arrival: Array,
    late_known: bool,
    counts: Array,
    weighed: Array,
) -> None:
    """Expected, received and late returns, and last year's output of those expected and of those received.

    output : (months, enterprises), the item that stands for having returned and that weighs. counts : (3, months,
    cells), int64. weighed : (2, months, cells), float64; each month is added up in the order of enterprises.
    """
    months, enterprises = output.shape
    for month in prange(months):
        now = start + month
        for e in range(enterprises):
            if not born[e] <= now < died[e]:
                continue
            c = cell[e]
            there = output[month, e] == output[month, e]
            counts[0, month, c] += 1
            counts[1, month, c] += 1 if there else 0
            counts[2, month, c] += 1 if there and late_known and 0 < arrival[month, e] < 255 else 0
            if month >= 12 and output[month - 12, e] == output[month - 12, e]:
                before = np.float64(output[month - 12, e])
                weighed[0, month, c] += before
                weighed[1, month, c] += before if there else 0.0


@_compiled(parallel=True)
def to_groups(by_cell: Array, group: Array, by_group: Array) -> None:
    """Add cells up to groups: by_cell (rows, cells), group (cells,), by_group (rows, groups) is added to."""
    for row in prange(by_cell.shape[0]):
        for c in range(group.size):
            by_group[row, group[c]] += by_cell[row, c]


@_compiled(parallel=False)
def lines_of(
    lines: Array, way: Array, term_from: Array, term_item: Array, term_factor: Array, weight: Array, scale: Array
) -> tuple[Array, Array, Array]:
    """Contributions of single returns to the first formula: lines (items, returns); whole numbers and 1 where complete."""
    n = lines.shape[1]
    num, den = np.empty(n), np.empty(n)
    above, below, complete = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    values = lines.reshape(lines.shape[0], 1, n)
    _contributions(values, 0, 0, n, 0, way, term_from, term_item, term_factor, weight, num, den)
    for e in range(n):
        there = num[e] + den[e]
        if there == there:
            above[e] = np.int64(np.rint(num[e] * scale[0, 0]))
            below[e] = np.int64(np.rint(den[e] * scale[0, 1]))
            complete[e] = 1
    return above, below, complete


@_compiled(parallel=True)
def mark_infinite(values: Array, found: Array) -> None:
    """Where an infinite value stands: found (items, months), int64, becomes the enterprise; -1 stays where there is none."""
    items, months, enterprises = values.shape
    for place in prange(items * months):
        item, month = place // months, place % months
        for e in range(enterprises):
            if abs(values[item, month, e]) == np.inf:
                found[item, month] = e
