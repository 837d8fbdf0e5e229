"""Working hours learned from records: how surely a machine is at work in each hour of the week.

The work seen in an hour of the week, over that in busy hours, is read as the probability that the hour is worked. Thin
resources lean on the plant's own pattern. A simulated week draws one number per six hours: hours that are always worked
are always on, a Saturday evening worked every third week comes on every third week, for all machines together, as a
decision to work overtime does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.twin.records import HOUR_S, WEEK_S, Past, to_clock
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Hours", "hours_of", "intervals", "learn_hours", "weekly_intervals", "worked_s"]

SLOTS = 168
LEAN = 40.0
"""Hours of work by which a resource leans on the plant's pattern."""
RARE = 0.035
"""Work of the whole plant in an hour, over a busy hour, below which it is an exception and not repeated,
unless it is usual for the machine."""
SHIFT_S = 12 * HOUR_S
"""Reports longer than that are not read as presence throughout."""
SURE, NEVER = 0.25, 0.03
"""Relative use above which an hour is always worked, and below which it never is."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekly hours of the resources.

    Parameters
    ----------
    sure : (K, 168) probability that each hour of the week (Monday 0:00 first) is worked, by resource
    """

    sure: Floats


def learn_hours(past: Past, resource: Ints, count: int, declared: dict[int, Floats] | None = None) -> Hours:
    """Weekly hours of `count` resources from the rows that each has (`resource` codes, -1 = none)."""
    start, end = past.start_s, np.where(np.isnan(past.end_s), past.until_s, past.end_s)
    short = (resource >= 0) & (end - start <= SHIFT_S)
    left = (resource >= 0) & ~short  # left open overnight: somebody was there at its start and at its end
    begin = np.concatenate([start[short], start[left], end[left]])
    finish = np.concatenate([end[short], start[left], end[left]])
    hour0 = (begin // HOUR_S).astype(np.int64)
    hour1 = np.maximum(np.ceil(finish / HOUR_S).astype(np.int64), hour0 + 1)
    length = hour1 - hour0
    row = np.repeat(np.arange(len(length)), length)
    hour = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + np.repeat(hour0, length)
    who = np.concatenate([resource[short], resource[left], resource[left]])[row]
    low, width = hour.min(initial=0), hour.max(initial=0) - hour.min(initial=0) + 1
    used = np.unique(who * width + hour - low)  # an hour of a date counts once
    touched = np.zeros((max(count, 1), SLOTS))
    np.add.at(touched, (used // width, (used % width + low) % SLOTS), 1.0)
    plant = touched.sum(0)
    if not plant.sum():
        return Hours(np.ones((max(count, 1), SLOTS)))
    plant /= plant.sum()
    total = touched.sum(1, keepdims=True)
    shape = (touched + LEAN * plant) / (total + LEAN)
    ratio = _over_busy(shape)
    sure = np.where(ratio >= SURE, 1.0, np.where(ratio < NEVER, 0.0, ratio / SURE))
    crowd = np.zeros_like(touched)
    np.add.at(crowd, (who, hour % SLOTS), 1.0)
    exception = _over_busy(crowd.sum(0, keepdims=True)) < RARE
    sure[exception & (_over_busy(crowd) < 0.14)] = 0.0
    for k, given in (declared or {}).items():
        sure[k] = given
    return Hours(sure)


def _over_busy(shape: Floats) -> Floats:
    """Each hour over a busy hour: the level that the hours with the better half of the work reach."""
    order = -np.sort(-shape, axis=1)
    total = order.sum(1, keepdims=True)
    enough = np.argmax(np.cumsum(order, axis=1) >= 0.5 * total, axis=1)
    level = order[np.arange(len(order)), enough][:, None]
    return np.asarray(shape / np.maximum(level, 1e-12))


def hours_of(pattern: tuple[tuple[int, float, float], ...]) -> Floats:
    """Probabilities (0..1) per hour of the week of a declared weekly calendar; empty = always."""
    if not pattern:
        return np.ones(SLOTS)
    out = np.zeros(SLOTS)
    for weekday, start, end in pattern:
        for hour in range(int(start), int(np.ceil(end))):
            part = min(end, hour + 1) - max(start, hour)
            out[((weekday - 1) * 24 + hour) % SLOTS] += part
    return np.minimum(out, 1.0)


def weekly_intervals(
    pattern: Sequence[tuple[int, float, float]], start_ns: int, horizon_s: float, zone: str
) -> tuple[Floats, Floats]:
    """Working intervals of a weekly pattern, seconds from a time: (on, off), sorted and disjoint.

    Parameters
    ----------
    pattern : (ISO weekday, from, to) in hours of local time, `to` may pass 24; empty means always
    start_ns : second 0, UTC nanoseconds since 1970
    horizon_s : length to cover, seconds
    zone : IANA zone of the pattern

    Examples
    --------
    >>> on, off = weekly_intervals([(1, 8, 16), (1, 16, 17)], 1736121600 * 10**9, 86400.0, "UTC")  # Monday 2025-01-06
    >>> on.tolist(), off.tolist()
    ([28800.0], [61200.0])
    """
    if not pattern:
        return np.array([0.0]), np.array([horizon_s])
    start_s = to_clock(datetime.fromtimestamp(start_ns / 1e9, UTC), zone)
    weeks = np.arange(int(start_s // WEEK_S) - 1, int((start_s + horizon_s) // WEEK_S) + 1)[:, None] * WEEK_S - start_s
    on = (weeks + np.array([((day - 1) * 24 + a) * HOUR_S for day, a, _ in pattern])).ravel()
    off = (weeks + np.array([((day - 1) * 24 + b) * HOUR_S for day, _, b in pattern])).ravel()
    order = np.argsort(on, kind="stable")
    on, reach = on[order], np.maximum.accumulate(off[order])
    head = np.concatenate([[True], on[1:] > reach[:-1]])
    last = np.concatenate([np.flatnonzero(head)[1:] - 1, [len(on) - 1]])
    on, off = np.clip(on[head], 0.0, horizon_s), np.clip(reach[last], 0.0, horizon_s)
    keep = off > on
    return on[keep], off[keep]


def worked_s(hours: Hours, resource: Ints, time_s: Floats) -> Floats:
    """Expected working seconds of a resource from clock second 0 to a time, elementwise."""
    total = np.concatenate([np.zeros((len(hours.sure), 1)), np.cumsum(hours.sure, axis=1)], axis=1) * HOUR_S
    week, inside = np.divmod(time_s, WEEK_S)
    slot = np.minimum((inside // HOUR_S).astype(np.int64), SLOTS - 1)
    part = inside - slot * HOUR_S
    return week * total[resource, -1] + total[resource, slot] + part * hours.sure[resource, slot]


def intervals(hours: Hours, start_s: float, end_s: float, rng: np.random.Generator) -> tuple[Ints, Floats, Floats]:
    """Working intervals of each resource between two clock times, in seconds from `start_s`: (ptr, on, off)."""
    week0, week1 = int(start_s // WEEK_S), int(end_s // WEEK_S)
    weeks = week1 - week0 + 1
    draw = np.repeat(rng.random((weeks, SLOTS // 6)), 6, axis=1)
    ptr, ons, offs = [0], [], []
    cache: dict[bytes, tuple[Floats, Floats]] = {}
    for sure in hours.sure:
        key = sure.tobytes()
        if key not in cache:
            cache[key] = _runs(sure[None, :] > draw, week0 * WEEK_S - start_s, end_s - start_s)
        on, off = cache[key]
        ons.append(on)
        offs.append(off)
        ptr.append(ptr[-1] + len(on))
    return np.array(ptr, np.int64), np.concatenate(ons), np.concatenate(offs)


def _runs(worked: NDArray[np.bool_], zero_s: float, end_s: float) -> tuple[Floats, Floats]:
    """Runs of worked hours as intervals, cut to [0, end)."""
    flat = np.concatenate([[False], worked.ravel(), [False]])
    edge = np.flatnonzero(flat[1:] != flat[:-1])
    on, off = zero_s + edge[::2] * HOUR_S, zero_s + edge[1::2] * HOUR_S
    on, off = np.clip(on, 0.0, end_s), np.clip(off, 0.0, end_s)
    keep = off > on
    return on[keep], off[keep]
