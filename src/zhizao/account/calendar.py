"""When machines and people were at work: from plant.yaml where it says so, else read from the records.

A person is at work from the first to the last report of a spell; a pause of five hours ends the spell. A machine is on
shift in the hours of the week in which it is usually seen, on days on which the plant was open at all. Whoever is seen
working is at work. Times are integer nanoseconds, so that sums of parts are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.model import Calendar, Plant, WorkLog

__all__ = ["Intervals", "WorkingHours", "covered_ns", "expand", "local_ns", "union", "working_hours"]

Ints = NDArray[np.int64]
Intervals = tuple[Ints, Ints]
"""Sorted, disjoint [on, off) in nanoseconds since 1970-01-01 UTC."""

HOUR = 3_600_000_000_000
WEEK_H = 168
PAUSE_H = 5
FEW_HOURS = 60  # a machine seen in fewer hours than this borrows the plant's week
FEW_WEEKS = 3


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Working intervals of the plant, each machine and each person over the log.

    Parameters
    ----------
    plant : hours in which the plant is open
    machines, people : {id: intervals}
    given : ids whose hours come from plant.yaml; all others are read from the records
    """

    plant: Intervals
    machines: dict[str, Intervals]
    people: dict[str, Intervals]
    given: frozenset[str] = frozenset()


def union(on: Ints, off: Ints) -> Intervals:
    """Disjoint intervals that cover the same time.

    Examples
    --------
    >>> [x.tolist() for x in union(np.array([5, 0, 8]), np.array([9, 2, 10]))]
    [[0, 5], [2, 10]]
    """
    keep = off > on
    on, off = on[keep], off[keep]
    if not len(on):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(on, kind="stable")
    on, off = on[order], np.maximum.accumulate(off[order])
    first = np.concatenate(([True], on[1:] > off[:-1]))
    last = np.concatenate((first[1:], [True]))
    return on[first], off[last]


def covered_ns(intervals: Intervals, start: Ints, end: Ints) -> Ints:
    """Nanoseconds of each [start, end) inside the intervals."""
    on, off = intervals
    if not len(on):
        return np.zeros(len(start), np.int64)
    before = np.concatenate(([0], np.cumsum(off - on)))

    def until(time: Ints) -> Ints:
        at = np.searchsorted(on, time, side="right") - 1
        inside = np.minimum(time, off[np.maximum(at, 0)]) - on[np.maximum(at, 0)]
        return np.where(at < 0, 0, before[np.maximum(at, 0)] + inside)

    return np.asarray(until(end) - until(start), dtype=np.int64)


def expand(calendar: Calendar, zone: str, start_ns: int, end_ns: int) -> Intervals:
    """Intervals of a weekly calendar over a period; an empty pattern means always.

    Examples
    --------
    >>> on, off = expand(Calendar(hours=((1, 8, 16),)), "UTC", 0, 14 * 24 * HOUR)   # 1970 began on a Thursday
    >>> (on // HOUR).tolist(), ((off - on) // HOUR).tolist()
    ([104, 272], [8, 8])
    """
    if not calendar.hours:
        return np.array([start_ns]), np.array([max(end_ns, start_ns + 1)])
    tz = ZoneInfo(zone)
    day = datetime.fromtimestamp(start_ns / 1e9, tz).date() - timedelta(days=2)
    last = datetime.fromtimestamp(end_ns / 1e9, tz).date()
    on, off = [], []
    while day <= last:
        if day.isoformat() not in calendar.days_off:
            for weekday, begin, finish in calendar.hours:
                if weekday == day.isoweekday():
                    on.append(local_ns(day, begin, tz))
                    off.append(local_ns(day, finish, tz))
        day += timedelta(days=1)
    begins, ends = union(np.array(on, np.int64), np.array(off, np.int64))
    begins, ends = np.clip(begins, start_ns, end_ns), np.clip(ends, start_ns, end_ns)
    return begins[ends > begins], ends[ends > begins]


def local_ns(day: date, hour: float, tz: ZoneInfo) -> int:
    """Nanoseconds of a wall-clock hour of a local day; 24 and more are hours of the next."""
    whole, rest = divmod(hour, 24)
    wall = datetime(day.year, day.month, day.day) + timedelta(days=int(whole), seconds=round(rest * 3600))
    return int((wall.replace(tzinfo=tz).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10**9


def working_hours(log: WorkLog, plant: Plant) -> WorkingHours:
    """Working hours of everything that the log names, over the whole log.

    Parameters
    ----------
    log : work that shows when resources are seen; work without an end counts up to the last time in the log
    plant : calendars named by its machines and people replace what the records suggest
    """
    frame = log.frame
    if not frame.height:
        none = (np.empty(0, np.int64), np.empty(0, np.int64))
        return WorkingHours(none, {}, {})
    stop = pl.max_horizontal(pl.col("end").max(), pl.col("start").max())
    frame = frame.select("machine", "person", "start", end=pl.col("end").fill_null(stop))
    start, end = (frame[name].to_physical().to_numpy() for name in ("start", "end"))
    first, last = int(start.min()) // HOUR, -(-int(end.max()) // HOUR)
    slots = pl.DataFrame({"t": (np.arange(first, max(last, first + 1)) * HOUR).astype("datetime64[ns]")})
    local = pl.col("t").dt.replace_time_zone("UTC").dt.convert_time_zone(log.zone)
    how = slots.select((local.dt.weekday().cast(pl.Int64) - 1) * 24 + local.dt.hour()).to_series().to_numpy()
    day = slots.select(local.dt.date().cast(pl.Int64)).to_series().to_numpy()
    day = day - day.min()
    level = _level(start, end, first, len(how))
    week, open_day = _plant_week(level, how, day)
    given: set[str] = set()
    fixed: dict[str, Intervals] = {
        name: expand(calendar, log.zone, first * HOUR, last * HOUR) for name, calendar in plant.calendars.items()
    }
    machines: dict[str, Intervals] = {}
    for key, rows in _groups(frame["machine"]):
        thing = plant.machines.get(key)
        if thing is not None and thing.calendar is not None:
            given.add(key)
            base = fixed[thing.calendar]
        else:
            usual = _usual(_level(start[rows], end[rows], first, len(how)) > 0, how, week)
            base = _runs(usual[how] & open_day[day], first)
        machines[key] = _with(base, start[rows], end[rows])
    people: dict[str, Intervals] = {}
    for key, rows in _groups(frame["person"]):
        human = plant.people.get(key)
        if human is not None and human.calendar is not None:
            given.add(key)
            people[key] = _with(fixed[human.calendar], start[rows], end[rows])
        else:
            on, off = union(start[rows], end[rows] + PAUSE_H * HOUR)
            people[key] = (on, off - PAUSE_H * HOUR)
    return WorkingHours(_runs(week[how] & open_day[day], first), machines, people, frozenset(given))


def _with(base: Intervals, start: Ints, end: Ints) -> Intervals:
    """Base intervals and every time in which work was seen."""
    return union(np.concatenate((base[0], start)), np.concatenate((base[1], end)))


def _groups(column: pl.Series) -> list[tuple[str, Ints]]:
    """Row numbers of each name in a column."""
    frame = pl.DataFrame({"name": column, "row": np.arange(len(column))}).drop_nulls()
    grouped = frame.group_by("name").agg("row").sort("name")
    return [(name, rows.to_numpy()) for name, rows in zip(grouped["name"], grouped["row"], strict=True)]


def _level(start: Ints, end: Ints, first: int, slots: int) -> Ints:
    """Reports under way in each hour of the log."""
    into = np.bincount(start // HOUR - first, minlength=slots + 1)
    out = np.bincount(np.maximum(-(-end // HOUR), start // HOUR + 1) - first, minlength=slots + 1)
    return np.cumsum(into[: slots + 1] - out[: slots + 1])[:slots]


def _plant_week(level: Ints, how: Ints, day: Ints) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Hours of the week and days on which the plant is open: where there is a fair part of the usual work."""
    times = np.maximum(np.bincount(how, minlength=WEEK_H), 1)
    mean = np.bincount(how, weights=level, minlength=WEEK_H) / times
    week = mean >= 0.2 * float(np.quantile(mean[mean > 0], 0.9))
    work = np.bincount(day, weights=level)
    return week, work >= 0.1 * float(np.median(work[work > 0]))


def _usual(seen: NDArray[np.bool_], how: Ints, otherwise: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Hours of the week, (168,), in which a resource is usually seen; `otherwise` where it was seen too little."""
    at = np.flatnonzero(seen)
    if len(at) < FEW_HOURS or at[-1] - at[0] < FEW_WEEKS * WEEK_H:
        return otherwise
    life = slice(at[0], at[-1] + 1)
    times = np.bincount(how[life], minlength=WEEK_H)
    share = np.bincount(how[life], weights=seen[life], minlength=WEEK_H) / np.maximum(times, 1)
    return np.asarray(share >= max(0.05, 0.3 * float(np.quantile(share[share > 0], 0.9))))


def _runs(on: NDArray[np.bool_], first: int) -> Intervals:
    """Intervals of consecutive hours."""
    edge = np.diff(np.concatenate(([False], on, [False])).astype(np.int8))
    return (np.flatnonzero(edge == 1) + first) * HOUR, (np.flatnonzero(edge == -1) + first) * HOUR
