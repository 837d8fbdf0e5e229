"""What a machine or a group of people was doing at every moment, as sorted times and the state from each on.

Timelines come from the sums of +1 and -1 at the ends of intervals; states that do not change are merged. Time is
integer nanoseconds, so the parts of any stretch add up to it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.account.calendar import Intervals

__all__ = [
    "LONG_AGO",
    "REPORTS",
    "Timeline",
    "busy_intervals",
    "capacities",
    "count_of",
    "kinds_of",
    "layered_share",
    "overlap",
    "state_of",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
REPORTS = ("production", "setup", "breakdown")
"""Kinds of report; when several are open at once, the first one is what the time is."""
MOST = 64
LONG_AGO = np.iinfo(np.int64).min // 4  # 1897; differences to any record still fit


@dataclass(frozen=True, slots=True)
class Timeline:
    """A step function of time.

    Parameters
    ----------
    time : (steps,) sorted; the first lies before everything
    state : (steps,) value from time[i] on
    """

    time: Ints
    state: Ints

    def at(self, time: Ints) -> Ints:
        """State at each time."""
        return np.asarray(self.state[np.searchsorted(self.time, time, side="right") - 1], dtype=np.int64)

    def spent(self, start: Ints, end: Ints, states: int) -> Ints:
        """Nanoseconds of each [start, end) in each state, (states, stretches); rows add up to end - start."""
        out = np.empty((states, len(start)), np.int64)
        first = np.searchsorted(self.time, start, side="right") - 1
        last = np.searchsorted(self.time, end, side="right") - 1
        gap = np.diff(self.time)
        for state in range(states):
            on = self.state == state
            before = np.concatenate(([0], np.cumsum(np.where(on[:-1], gap, 0))))
            until_start = before[first] + np.where(on[first], start - self.time[first], 0)
            out[state] = before[last] + np.where(on[last], end - self.time[last], 0) - until_start
        return out


def count_of(intervals: list[Intervals], sign: list[int] | None = None) -> Timeline:
    """How many of some sets of intervals hold at each time; a set may count with another weight than 1.

    Examples
    --------
    >>> a = np.array([0, 10]), np.array([4, 12])
    >>> b = np.array([2]), np.array([11])
    >>> count_of([a, b]).at(np.array([-1, 1, 3, 5, 10, 20])).tolist()
    [0, 1, 2, 1, 2, 0]
    """
    weights = [1] * len(intervals) if sign is None else sign
    time = [np.array([LONG_AGO])]
    step = [np.array([0])]
    for (on, off), weight in zip(intervals, weights, strict=True):
        time += [on, off]
        step += [np.full(len(on), weight), np.full(len(off), -weight)]
    when, what = np.concatenate(time), np.concatenate(step)
    order = np.argsort(when, kind="stable")
    when, level = when[order], np.cumsum(what[order])
    last_of_time = np.concatenate((when[1:] != when[:-1], [True]))
    return _merged(when[last_of_time], level[last_of_time])


def overlap(first: Intervals, second: Intervals) -> Intervals:
    """Intervals in which both hold.

    Examples
    --------
    >>> a, b = (np.array([0, 6]), np.array([4, 9])), (np.array([2]), np.array([7]))
    >>> [x.tolist() for x in overlap(a, b)]
    [[2, 6], [4, 7]]
    """
    line = count_of([first, second])
    both = np.append(line.state == 2, [False])
    step = np.diff(both.astype(np.int8), prepend=0)
    return line.time[step[:-1] == 1], line.time[step[:-1] == -1]


def state_of(timelines: list[Timeline], judge: NDArray[np.int64]) -> Timeline:
    """One timeline whose state is looked up from the states of several.

    Parameters
    ----------
    timelines : each with states 0 .. shape[i] - 1
    judge : table of the resulting state, one axis per timeline
    """
    time = np.unique(np.concatenate([line.time for line in timelines]))
    return _merged(time, judge[tuple(line.at(time) for line in timelines)])


def _merged(time: Ints, state: Ints) -> Timeline:
    """The same steps without those that change nothing."""
    new = np.concatenate(([True], state[1:] != state[:-1]))
    return Timeline(time[new].astype(np.int64), state[new].astype(np.int64))


def _sweep(resource: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints, Ints]:
    """Resource, time and reports at once from each time on, over all resources, sorted."""
    n = len(resource)
    who = np.concatenate((resource, resource))
    time = np.concatenate((start, end))
    order = np.lexsort((time, who))
    return who[order], time[order], np.cumsum(np.where(order < n, 1, -1))


def kinds_of(report: pl.Series) -> Ints:
    """Place of each report's kind in `REPORTS`; planned maintenance stops the machine as a breakdown does."""
    codes = {name: code for code, name in enumerate(REPORTS)} | {"maintenance": REPORTS.index("breakdown")}
    return np.asarray(report.replace_strict(codes, return_dtype=pl.Int64).to_numpy(), dtype=np.int64)


def layered_share(resource: Ints, start: Ints, end: Ints, kind: Ints) -> Floats:
    """Nanoseconds of a resource's (or an order's) time that each report holds.

    Each moment belongs to the lowest kind that is open and is shared equally among the reports of that kind, so for
    each resource the shares add up to the time in which any report was open.

    Parameters
    ----------
    resource : (rows,) codes, >= 0
    start, end : (rows,) nanoseconds
    kind : (rows,) place in `REPORTS`

    Examples
    --------
    >>> layered_share(np.zeros(3, np.int64), np.array([0, 2, 2]), np.array([4, 8, 4]), np.array([0, 1, 0])).tolist()
    [3.0, 4.0, 1.0]
    """
    n = len(resource)
    if not n:
        return np.zeros(0)
    time, who = np.concatenate((start, end)), np.concatenate((resource, resource))
    order = np.lexsort((time, who))
    step = np.where(order < n, 1, -1)
    gap = np.diff(time[order]).astype(np.float64)
    kinds = np.concatenate((kind, kind))[order]
    lower = np.zeros(len(gap), np.int64)
    out = np.zeros(n)
    for code in range(len(REPORTS)):
        open_now = np.cumsum(np.where(kinds == code, step, 0))[:-1]
        each = np.divide(gap, open_now, out=np.zeros(len(gap)), where=(open_now > 0) & (lower == 0))
        run = np.empty(2 * n)
        run[order] = np.concatenate(([0.0], np.cumsum(each)))
        out = np.where(kind == code, run[n:] - run[:n], out)
        lower = lower + open_now
    return out


def capacities(resource: Ints, start: Ints, end: Ints, count: int) -> Ints:
    """Reports at once that fill nine tenths of a resource's busy time, (count,): what it can do side by side.

    Parameters
    ----------
    resource : (rows,) codes 0 .. count - 1
    start, end : (rows,) nanoseconds
    """
    who, time, level = _sweep(resource, start, end)
    gap = np.diff(time, append=time[-1:])
    level = np.minimum(level, MOST - 1)
    spent = np.bincount(who * MOST + level, weights=np.where(level > 0, gap, 0), minlength=count * MOST)
    share = np.cumsum(spent.reshape(count, MOST), axis=1)
    return np.asarray(np.maximum(np.argmax(share >= 0.9 * share[:, -1:], axis=1), 1), dtype=np.int64)


def busy_intervals(resource: Ints, start: Ints, end: Ints, capacity: Ints) -> list[Intervals]:
    """Intervals in which each resource has as many reports as it can take, (resources,)."""
    who, time, level = _sweep(resource, start, end)
    full = level >= capacity[who]
    # a step counts once the time moves on
    moved = np.concatenate(((time[1:] != time[:-1]) | (who[1:] != who[:-1]), [True])) if len(time) else full
    who, time, full = who[moved], time[moved], full[moved]
    before = np.concatenate(([False], full[:-1] & (who[1:] == who[:-1]))) if len(time) else full
    on, off = full & ~before, ~full & before
    cut = np.arange(len(capacity) + 1)
    starts, ends = np.searchsorted(who[on], cut), np.searchsorted(who[off], cut)
    times_on, times_off = time[on], time[off]
    return [(times_on[starts[i] : starts[i + 1]], times_off[ends[i] : ends[i + 1]]) for i in range(len(capacity))]
