"""The loops of the historian: admit a batch, put rows of one tag together, weigh values by the time they held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "FIGURES",
    "admit",
    "between",
    "grouped",
    "least_scale",
    "locate",
    "marked",
    "sorted_runs",
    "telling",
    "tidy",
    "weigh",
    "weigh_runs",
]

Array = NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])

FIGURES = ("count", "good", "sum", "min", "max", "integral", "held_ns", "first", "last", "last_at", "bad_ns")
"""What `weigh` finds of each interval, in this order."""


def _compiled(function: F) -> F:
    compiler: Callable[[F], F] = njit(cache=True, nogil=True)
    return compiler(function)


@_compiled
def admit(tag: Array, at: Array, last_at: Array, before: Array, fresh: Array) -> int:
    """Mark samples that are later than all before them of their tag; how many are not.

    `before` takes the time that stood in `last_at`, so that the batch can be taken back.
    """
    late = 0
    for i in range(len(tag)):
        one = tag[i]
        before[i] = last_at[one]
        fresh[i] = at[i] > last_at[one]
        if fresh[i]:
            last_at[one] = at[i]
        else:
            late += 1
    return late


@_compiled
def between(at: Array, begin: int, end: int) -> Array:
    """Rows with begin <= at <= end."""
    count = 0
    for one in at:
        count += begin <= one <= end
    out = np.empty(count, np.int64)
    count = 0
    for i in range(len(at)):
        if begin <= at[i] <= end:
            out[count] = i
            count += 1
    return out


@_compiled
def marked(at: Array, span: int, begin: int, flags: Array) -> None:
    """Set the flag of each slot from `begin` on that has a row in it."""
    for one in at:
        slot = one // span - begin
        if 0 <= slot < len(flags):
            flags[slot] = True


@_compiled
def locate(sorted_tag: Array, sorted_at: Array, tag: Array, at: Array) -> Array:
    """Of rows in the order of tag and time, the last with each tag and time; those that are there only."""
    found = np.empty(len(tag), np.int64)
    count = 0
    for i in range(len(tag)):
        low, high = 0, len(sorted_tag)
        while low < high:
            middle = (low + high) // 2
            if sorted_tag[middle] < tag[i] or (sorted_tag[middle] == tag[i] and sorted_at[middle] <= at[i]):
                low = middle + 1
            else:
                high = middle
        if low > 0 and sorted_tag[low - 1] == tag[i] and sorted_at[low - 1] == at[i]:
            found[count] = low - 1
            count += 1
    return found[:count]


@_compiled
def grouped(tag: Array, tags: int) -> tuple[Array, Array]:
    """Order that puts rows of one tag together and keeps them in their order; first row of each tag, and the end."""
    count = np.zeros(tags + 1, np.int64)
    for one in tag:
        count[one + 1] += 1
    for one in range(tags):
        count[one + 1] += count[one]
    place = count[:-1].copy()
    order = np.empty(len(tag), np.int64)
    for i in range(len(tag)):
        order[place[tag[i]]] = i
        place[tag[i]] += 1
    return order, count


@_compiled
def sorted_runs(order: Array, first: Array, at: Array) -> None:
    """Put the rows of each tag in the order of time, in place; what was told later of one time stands later."""
    for run in range(len(first) - 1):
        begin, end = first[run], first[run + 1]
        calm = True
        for i in range(begin + 1, end):
            if at[order[i]] < at[order[i - 1]]:
                calm = False
                break
        if not calm:
            mine = order[begin:end].copy()
            order[begin:end] = mine[np.argsort(at[mine], kind="mergesort")]


@_compiled
def tidy(tag: Array, at: Array, keep: Array) -> int:
    """Of rows in the order of tag and time, keep the last said of each time; how many are kept."""
    kept = 0
    for i in range(len(tag)):
        keep[i] = i + 1 == len(tag) or tag[i + 1] != tag[i] or at[i + 1] != at[i]
        kept += keep[i]
    return kept


@_compiled
def least_scale(first: Array, value: Array, powers: Array) -> Array:
    """See `integers.scales`."""
    out = np.zeros(len(first) - 1, np.int8)
    for run in range(len(first) - 1):
        scale = 0
        for i in range(first[run], first[run + 1]):
            one = value[i]
            if np.isnan(one):
                continue
            while scale < len(powers):
                whole = np.rint(one * powers[scale])
                if abs(whole) <= 2.0**53 and whole / powers[scale] == one and not (whole == 0 and np.signbit(one)):
                    break
                scale += 1
            if scale == len(powers):
                break
        out[run] = scale if scale < len(powers) else -1
    return out


@_compiled
def weigh(
    at: Array,
    value: Array,
    good: Array,
    edges: Array,
    held: float,
    held_good: bool,
    held_at: int,
    stale: int,
    out: Array,
) -> None:
    """Figures of one tag in each interval between edges, values held until the next sample.

    Parameters
    ----------
    at, value, good : samples from the first edge on, in the order of time, one of each time
    edges : ns, rising
    held, held_good, held_at : what held at the first edge, and since when; `held_at` < 0 for nothing
    stale : ns after which a value without a further sample holds no more; 0 for never
    out : intervals x `FIGURES`, filled here
    """
    i = 0
    for k in range(len(edges) - 1):
        begin, end = edges[k], edges[k + 1]
        out[k, :] = 0.0
        out[k, 3], out[k, 4], out[k, 7], out[k, 8], out[k, 9] = np.nan, np.nan, np.nan, np.nan, np.nan
        now = begin
        while True:
            until = end if i >= len(at) or at[i] >= end else at[i]
            if until > now and held_at >= 0:
                stop = until
                if stale > 0 and held_at + stale < stop:
                    stop = max(held_at + stale, now)
                if held_good and not np.isnan(held):
                    out[k, 5] += held * (stop - now)
                    out[k, 6] += stop - now
                elif not held_good:
                    out[k, 10] += stop - now
            now = until
            if i >= len(at) or at[i] >= end:
                break
            held, held_good, held_at = value[i], good[i], at[i]
            out[k, 0] += 1
            if held_good and not np.isnan(held):
                if out[k, 1] == 0:
                    out[k, 3], out[k, 4], out[k, 7] = held, held, held
                out[k, 1] += 1
                out[k, 2] += held
                out[k, 3] = min(out[k, 3], held)
                out[k, 4] = max(out[k, 4], held)
                out[k, 8], out[k, 9] = held, float(held_at)
            i += 1


@_compiled
def weigh_runs(
    first: Array, at: Array, value: Array, good: Array, edges: Array, stale: int, out: Array, known: Array
) -> None:
    """Figures of many tags at once, as `weigh` finds them of one.

    Parameters
    ----------
    first : first row of each tag, and the number of rows at the end
    at, value, good : samples in the order of tag and time, one of each time, from a while before the first edge on
    edges : ns, rising
    stale : as in `weigh`
    out : tags x intervals x `FIGURES`, filled here
    known : whether what held at the first edge is among the samples; where it is not, it may have been told earlier
    """
    for tag in range(len(first) - 1):
        begin, end = first[tag], first[tag + 1]
        here = begin + np.searchsorted(at[begin:end], edges[0])
        held, held_good, held_at = np.nan, False, -1
        known[tag] = here > begin
        if known[tag]:
            held, held_good, held_at = value[here - 1], good[here - 1], at[here - 1]
        weigh(at[here:end], value[here:end], good[here:end], edges, held, held_good, held_at, stale, out[tag])


@_compiled
def telling(at: Array, value: Array, good: Array, begin: int, end: int, buckets: int, out: Array) -> int:
    """Rows that draw the same line at so many buckets: of each the first, least, greatest and last good one, and the first
    bad one, in the order of time (M4, Jugel et al. 2014); how many of `out` were filled.
    """
    n, i = 0, 0
    chosen = np.empty(5, np.int64)
    while i < len(at):
        bucket = int((at[i] - begin) / (end - begin) * buckets)
        first, least, most, last, bad = -1, -1, -1, -1, -1
        while i < len(at) and int((at[i] - begin) / (end - begin) * buckets) == bucket:
            if good[i] and not np.isnan(value[i]):
                if first < 0:
                    first, least, most = i, i, i
                if value[i] < value[least]:
                    least = i
                if value[i] > value[most]:
                    most = i
                last = i
            elif bad < 0:
                bad = i
            i += 1
        chosen[0], chosen[1], chosen[2], chosen[3], chosen[4] = first, least, most, last, bad
        chosen.sort()
        for k in range(5):
            if chosen[k] >= 0 and (k == 0 or chosen[k] != chosen[k - 1]):
                out[n] = chosen[k]
                n += 1
    return n
