"""Weekly hours of resources on a half-hour grid: learned from records, counted, and laid out for the kernel.

Times are seconds on the plant's own clock (local wall time; second 0 is a Monday, 0:00). A half-hour is worked when work
begins, ends or goes on in it in enough of the weeks; a resource with few rows follows the plant's own pattern.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.twin.shop import Floats, Ints

__all__ = [
    "SLOTS",
    "SLOT_S",
    "WEEK_S",
    "Week",
    "hours_on",
    "intervals",
    "learn_week",
    "pattern",
    "shifts_of",
    "weekly_intervals",
    "worked_s",
]

Week = NDArray[np.bool_]
"""(resources, 336) True where the half-hour of the week is worked."""

SLOT_S = 1800.0
SLOTS = 336
WEEK_S = SLOT_S * SLOTS

_LONG_ROW_S = 4 * 3600.0
_FEWEST_TOUCHES = 30
_SHARE = 0.08


def learn_week(
    resource: Ints,
    start_s: Floats,
    end_s: Floats,
    count: int,
    waits: tuple[Ints, Floats, Floats] | None = None,
) -> Week:
    """Hours of `count` resources from the rows that each has.

    Parameters
    ----------
    resource : (R,) code per row, -1 = none
    start_s, end_s : (R,) clock seconds; nan ends are left out
    count : number of resources
    waits : resource, begin and end of each wait for a resource; a half-hour in which work waited and none was done is
        not worked, one in which nothing waited says nothing and follows the resource's other days
    """
    known = (resource >= 0) & np.isfinite(end_s) & (end_s > start_s)
    who, start, end = resource[known], start_s[known], end_s[known]
    if not len(who):
        return np.ones((max(count, 1), SLOTS), bool)
    first = np.floor(start / SLOT_S).astype(np.int64)
    last = np.maximum(np.ceil(end / SLOT_S).astype(np.int64) - 1, first)
    short = end - start <= _LONG_ROW_S
    length = np.where(short, last - first + 1, 0)
    inside = np.repeat(first, length) + np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    slot = np.concatenate([first, last, inside])
    owner = np.concatenate([who, who, np.repeat(who, length)])
    base = int(slot.min())
    width = int(slot.max()) - base + 1
    seen = np.unique(owner * width + slot - base)
    owner, slot = seen // width, (seen % width + base)
    touched = np.zeros((count, SLOTS))
    np.add.at(touched, (owner, slot % SLOTS), 1.0)
    if waits is not None:
        return _by_evidence(touched, _idle_with_work(waits, seen, base, width, count))
    weeks = np.zeros(count)
    np.add.at(weeks, np.unique(owner * 4096 + (slot // SLOTS - base // SLOTS)) // 4096, 1.0)
    plant = _worked(touched.sum(axis=0)[None, :], np.array([weeks.max()]))[0]
    out = _worked(touched, weeks)
    out[touched.sum(axis=1) < _FEWEST_TOUCHES] = plant
    return out


def _worked(touched: Floats, weeks: Floats) -> Week:
    """Half-hours in which a resource is at work, by how often it was seen in them; half-hour gaps are closed.

    An hour that is worked on most of the resource's days counts as worked on a day on which it was seen at least once
    near it: it then had no work, not no shift.
    """
    near = (np.roll(touched, 1, axis=1) + 2 * touched + np.roll(touched, -1, axis=1)) / 4
    ordered = -np.sort(-near, axis=1)
    busy = (near > 0).sum(axis=1)
    top = np.maximum((0.4 * busy).astype(int), 1)
    level = np.array([row[:n].mean() for row, n in zip(ordered, top, strict=True)])
    on = (touched >= _SHARE * level[:, None]) & (touched >= np.maximum(2.0, 0.06 * weeks)[:, None])
    by_day = on.reshape(len(on), 7, 48)
    days = np.maximum(by_day.any(axis=2).sum(axis=1), 1)
    usual = by_day.sum(axis=1) >= 0.5 * days[:, None]
    around = np.asarray(np.sum([np.roll(touched, k, axis=1) for k in range(-3, 4)], axis=0) >= 2.0)
    own_day = np.asarray(by_day.any(axis=2, keepdims=True))
    extended = by_day | (np.asarray(usual)[:, None, :] & own_day & around.reshape(by_day.shape))
    on = extended.reshape(on.shape)
    before, after = np.roll(on, 1, axis=1), np.roll(on, -1, axis=1)
    return on | (before & after)


def _idle_with_work(waits: tuple[Ints, Floats, Floats], seen: Ints, base: int, width: int, count: int) -> Floats:
    """(count, 336) weeks in which work waited for the resource through the whole half-hour and nothing was done."""
    who, begin, end = waits
    first = np.ceil(begin / SLOT_S).astype(np.int64)
    last = np.floor(end / SLOT_S).astype(np.int64)  # exclusive
    length = np.clip(last - first, 0, SLOTS)
    owner = np.repeat(who, length)
    slot = np.repeat(first, length) + np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    inside = (slot >= base) & (slot < base + width)
    key = np.unique(owner[inside] * width + slot[inside] - base)
    key = key[~np.isin(key, seen, assume_unique=True)]
    out = np.zeros((count, SLOTS))
    np.add.at(out, (key // width, (key % width + base) % SLOTS), 1.0)
    return out


def _by_evidence(touched: Floats, idle: Floats) -> Week:
    """Worked where work was done rather than left waiting; without evidence, as on the resource's other days.

    A day on which neither the resource nor most of the others are seen at work is not one of its days.
    """
    sure_on = (touched >= 2) & (touched >= 0.12 * idle)
    sure_off = (idle >= 3) & ~sure_on
    by_day, off_day = sure_on.reshape(-1, 7, 48), sure_off.reshape(-1, 7, 48)
    told = by_day | off_day
    for_time = by_day.sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    some = touched.sum(axis=0) >= 0.03 * touched.sum(axis=0).max(initial=0.0)  # half-hours in which the plant is open
    seen = by_day.any(axis=2)
    open_day = seen | (seen.mean(axis=0) >= 0.5)[None, :]
    usual = (for_time >= 0.5)[:, None, :] & some.reshape(1, 7, 48) & open_day[:, :, None]
    on = np.where(told, by_day, usual).reshape(touched.shape)
    for row, done, left in zip(on, touched, idle, strict=True):
        _close_gaps(row, done, left)
    return on


def _close_gaps(on: NDArray[np.bool_], touched: Floats, idle: Floats) -> None:
    """Close a gap of up to five hours between worked hours of a day, unless work was clearly left waiting in it."""
    edge = np.diff(on.astype(np.int8))
    for begin in np.flatnonzero(edge == -1) + 1:
        later = np.flatnonzero(on[begin : begin + 11])
        if not len(later) or (begin % 48) + later[0] >= 48:
            continue
        gap = slice(begin, begin + int(later[0]))
        if touched[gap].sum() >= 0.04 * idle[gap].sum() or later[0] == 1:
            on[gap] = True


def shifts_of(week: Week) -> Week:
    """People's hours completed to the shift that they belong to.

    Somebody who is seldom asked is seldom seen: whose hours lie within those of a shift that others work, and are part
    of it on each of the days on which they were seen, is taken to work that shift. A shift is the week of hours that
    most people share; it is looked for again among the completed weeks until nothing changes.
    """
    while not np.array_equal(out := _completed(week), week):
        week = out
    return out


def _completed(week: Week) -> Week:
    out = week.copy()
    rows, count = np.unique(week, axis=0, return_counts=True)
    full = [(int(n), int(row.sum()), row) for row, n in zip(rows, count, strict=True) if row.any()]
    for at, mine in enumerate(week):
        if not mine.any():
            continue
        fits = [
            (n, size, row)
            for n, size, row in full
            if size > mine.sum() and np.sum(mine & row) >= 0.95 * mine.sum() and _same_hours(mine, row)
        ]
        if fits:
            out[at] = max(fits, key=lambda one: (one[0], one[1]))[2] | mine
    return out


def _same_hours(mine: NDArray[np.bool_], shift: NDArray[np.bool_]) -> bool:
    """Whether the hours of the day are those of the shift: nearly all of them, on some day, and none beside them."""
    own, other = mine.reshape(7, 48).any(axis=0), shift.reshape(7, 48).any(axis=0)
    return bool(np.sum(own & other) >= 0.75 * other.sum() and np.sum(own & ~other) <= 2)


def worked_s(week: Week, resource: Ints, time_s: Floats) -> Floats:
    """Working seconds from clock second 0 to a time, elementwise; resource -1 is always at work."""
    table = np.concatenate([week, np.ones((1, SLOTS), bool)])
    total = np.concatenate([np.zeros((len(table), 1)), np.cumsum(table, axis=1)], axis=1) * SLOT_S
    weeks, inside = np.divmod(time_s, WEEK_S)
    slot = np.minimum((inside // SLOT_S).astype(np.int64), SLOTS - 1)
    out: Floats = weeks * total[resource, -1] + total[resource, slot] + (inside - slot * SLOT_S) * table[resource, slot]
    return out


def intervals(week: Week, start_s: float, end_s: float) -> tuple[Ints, Floats, Floats]:
    """Working intervals of each resource between two clock times, in seconds from `start_s`: (ptr, on, off)."""
    low, high = int(start_s // SLOT_S), int(np.ceil(end_s / SLOT_S)) + 1
    index = np.arange(low, high) % SLOTS
    ptr, on, off = [0], [], []
    for row in week:
        state = np.concatenate([[False], row[index], [False]]).astype(np.int8)
        edge = np.diff(state)
        begin = (low + np.flatnonzero(edge == 1)) * SLOT_S - start_s
        stop = (low + np.flatnonzero(edge == -1)) * SLOT_S - start_s
        begin = np.maximum(begin, 0.0)
        keep = stop > begin
        on.append(begin[keep])
        off.append(stop[keep])
        ptr.append(ptr[-1] + int(keep.sum()))
    return np.array(ptr, np.int64), np.concatenate(on), np.concatenate(off)


def pattern(row: NDArray[np.bool_]) -> list[tuple[int, float, float]]:
    """A resource's week as (ISO weekday, from hour, to hour); hours over midnight are split at it.

    Examples
    --------
    >>> row = np.zeros(336, bool); row[12:28] = True
    >>> pattern(row)
    [(1, 6.0, 14.0)]
    """
    out: list[tuple[int, float, float]] = []
    for day in range(7):
        state = np.concatenate([[False], row[day * 48 : day * 48 + 48], [False]]).astype(np.int8)
        edge = np.diff(state)
        for begin, stop in zip(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), strict=True):
            out.append((day + 1, float(begin) / 2.0, float(stop) / 2.0))
    return out


def hours_on(hours: list[tuple[int, float, float]] | tuple[tuple[int, float, float], ...]) -> NDArray[np.bool_]:
    """(336,) grid of a weekly pattern; empty = always. Hours past 24 run into the next day.

    Examples
    --------
    >>> int(hours_on([(1, 22.0, 30.0)]).sum())
    16
    """
    if not hours:
        return np.ones(SLOTS, bool)
    out = np.zeros(SLOTS, bool)
    for day, start, end in hours:
        slots = np.arange(round((day - 1) * 48 + start * 2), round((day - 1) * 48 + end * 2))
        out[slots % SLOTS] = True
    return out


def weekly_intervals(hours: list[tuple[int, float, float]], zero_s: float, horizon_s: float) -> tuple[Floats, Floats]:
    """Working intervals of a weekly pattern from clock second `zero_s` on, in seconds from it: (on, off).

    Unlike the learned grid, from and to are kept to the minute.
    """
    if not hours:
        return np.array([0.0]), np.array([horizon_s])
    first = np.floor(zero_s / WEEK_S) - 1
    weeks = np.arange(first, np.ceil((zero_s + horizon_s) / WEEK_S) + 1)
    begin = np.sort(np.concatenate([weeks * WEEK_S + (day - 1) * 86400.0 + start * 3600.0 for day, start, _ in hours]))
    stop = np.sort(np.concatenate([weeks * WEEK_S + (day - 1) * 86400.0 + end * 3600.0 for day, _, end in hours]))
    # overlapping or touching stretches become one
    fresh = np.concatenate([[True], begin[1:] > np.maximum.accumulate(stop)[:-1]])
    last = np.concatenate([np.flatnonzero(fresh)[1:] - 1, [len(begin) - 1]])
    on = begin[fresh] - zero_s
    off = np.maximum.accumulate(stop)[last] - zero_s
    keep = off > 0
    return np.maximum(on[keep], 0.0), off[keep]
