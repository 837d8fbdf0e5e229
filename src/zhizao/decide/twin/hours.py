"""Working hours learned from records: how surely a machine is at work in each hour of the week.

The share of weeks in which an hour is used, over the same for its busy hours, is read as the probability that the hour
is worked. Thin resources lean on the plant's own pattern. A simulated week draws one number per six hours: hours that
are always worked are always on, a Saturday evening worked every third week comes on every third week, for all machines
together, as a decision to work overtime does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.twin.records import DAY_S, HOUR_S, WEEK_S, Past
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Hours", "hours_of", "intervals", "learn_hours", "worked_s"]

SLOTS = 168
LEAN = 40.0
"""Pseudo-touches by which a resource leans on the plant's pattern."""
SURE, NEVER = 0.5, 0.02
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
    keep = (resource >= 0) & (end - start <= 2 * DAY_S)
    hour0 = (start[keep] // HOUR_S).astype(np.int64)
    hour1 = np.maximum((np.ceil(end[keep] / HOUR_S)).astype(np.int64), hour0 + 1)
    length = hour1 - hour0
    row = np.repeat(np.arange(len(length)), length)
    hour = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + np.repeat(hour0, length)
    who = resource[keep][row]
    slot = hour % SLOTS
    low = hour0.min(initial=0)
    used = np.unique(who * (hour.max(initial=0) - low + 1) + hour - low)  # an hour of a date counts once
    width = hour.max(initial=0) - low + 1
    touched = np.zeros((max(count, 1), SLOTS))
    np.add.at(touched, (used // width, (used % width + low) % SLOTS), 1.0)
    plant = np.bincount(slot, minlength=SLOTS).astype(float)
    if not plant.sum():
        return Hours(np.ones((max(count, 1), SLOTS)))
    plant /= plant.sum()
    total = touched.sum(1, keepdims=True)
    shape = (touched + LEAN * plant) / (total + LEAN)
    # a busy hour: the level that the better half of the used hours reaches
    order = -np.sort(-shape, axis=1)
    enough = np.argmax(np.cumsum(order, axis=1) >= 0.5, axis=1)
    level = order[np.arange(len(order)), enough][:, None]
    ratio = shape / np.maximum(level, 1e-12)
    sure = np.where(ratio >= SURE, 1.0, np.where(ratio < NEVER, 0.0, ratio / SURE))
    for k, given in (declared or {}).items():
        sure[k] = given
    return Hours(sure)


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
