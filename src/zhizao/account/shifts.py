"""Shifts of a plant on the time line: each with its date, its breaks and its length by the clock, daylight saving included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from zhizao.account.calendar import Intervals, Ints, expand, local_ns, union
from zhizao.model import Plant
from zhizao.model.shift import minutes_of

__all__ = ["ShiftRun", "machine_calendar", "shift_at", "shift_runs"]

_LONGEST_DAYS = 4000


@dataclass(frozen=True, slots=True)
class ShiftRun:
    """One shift of one day.

    Parameters
    ----------
    name : of the shift in plant.yaml
    day : date on which it begins, in the plant's zone
    begin, end : nanoseconds, UTC; [begin, end)
    breaks : nanoseconds; within it
    """

    name: str
    day: str
    begin: int
    end: int
    breaks: tuple[tuple[str, int, int], ...] = ()

    @property
    def key(self) -> str:
        """What it is called in addresses and in the journal: `2026-11-26/early`."""
        return f"{self.day}/{self.name}"

    @property
    def hours(self) -> float:
        """Length by the clock, h."""
        return (self.end - self.begin) / 3.6e12


def shift_runs(plant: Plant, begin: int, end: int, machine: str | None = None) -> list[ShiftRun]:
    """Shifts that have some time in [begin, end), in the order of their beginning.

    Parameters
    ----------
    plant : its shifts, holidays and zone
    begin, end : nanoseconds, UTC
    machine : only those in which this machine works

    Examples
    --------
    >>> plant = Plant.model_validate({"zone": "Europe/Berlin", "shifts": {
    ...     "night": {"from": "22:00", "to": "06:00", "weekdays": [1, 2, 3, 4, 5, 6, 7]}}})
    >>> at = lambda text: int(datetime.fromisoformat(text).timestamp()) * 10**9
    >>> [(run.day, run.hours) for run in shift_runs(plant, at("2026-10-24T12:00Z"), at("2026-10-26T12:00Z"))]
    [('2026-10-24', 9.0), ('2026-10-25', 8.0)]
    """
    zone = ZoneInfo(plant.zone)
    first = datetime.fromtimestamp(begin / 1e9, zone).date() - timedelta(days=2)
    days = min((end - begin) // 86_400_000_000_000 + 4, _LONGEST_DAYS)
    holidays = frozenset(plant.holidays)
    found: list[ShiftRun] = []
    for name, shift in plant.shifts.items():
        if machine is not None and shift.machines and machine not in shift.machines:
            continue
        start_min = minutes_of(shift.begin)
        for ahead in range(days + 1):
            day = first + timedelta(days=ahead)
            if not shift.begins_on(day, holidays):
                continue
            on = local_ns(day, start_min / 60, zone)
            off = local_ns(day, (start_min + shift.length_min) / 60, zone)
            if off <= begin or on >= end or off <= on:
                continue
            pauses = []
            for pause in shift.breaks:
                a, b = (local_ns(day, (start_min + minute) / 60, zone) for minute in shift.span_of(pause))
                if b > a:
                    pauses.append((pause.name, a, b))
            found.append(ShiftRun(name, day.isoformat(), on, off, tuple(pauses)))
    return sorted(found, key=lambda run: (run.begin, run.end, run.name))


def shift_at(plant: Plant, at: int, machine: str | None = None) -> ShiftRun | None:
    """The shift that runs at a time; None between shifts.

    Parameters
    ----------
    plant, machine : see `shift_runs`
    at : nanoseconds, UTC
    """
    runs = shift_runs(plant, at, at + 1, machine)
    return runs[0] if runs else None


def machine_calendar(plant: Plant, machine: str, begin: int, end: int) -> tuple[Intervals, Intervals]:
    """When a machine is on shift, and when there is a break; intervals over [begin, end).

    Parameters
    ----------
    plant : its shifts; without any the machine's calendar; without that, always
    machine : its id
    begin, end : nanoseconds, UTC

    Examples
    --------
    >>> plant = Plant.model_validate({"zone": "UTC", "shifts": {"early": {"from": "06:00", "to": "14:00",
    ...     "weekdays": [4], "breaks": [{"from": "10:00", "to": "10:30"}]}}})
    >>> on, pause = machine_calendar(plant, "mill", 0, 86_400 * 10**9)       # 1970 began on a Thursday
    >>> [(x // (60 * 10**9)).tolist() for x in (*on, *pause)]
    [[360], [840], [600], [630]]
    """
    if plant.shifts:
        runs = shift_runs(plant, begin, end, machine)
        on = union(np.array([run.begin for run in runs], np.int64), np.array([run.end for run in runs], np.int64))
        breaks = [(a, b) for run in runs for _, a, b in run.breaks]
        pause = union(np.array([a for a, _ in breaks], np.int64), np.array([b for _, b in breaks], np.int64))
        return _clip(on, begin, end), _clip(pause, begin, end)
    thing = plant.machines.get(machine)
    none = np.empty(0, np.int64), np.empty(0, np.int64)
    if thing is None or thing.calendar is None:
        return (np.array([begin]), np.array([end])), none
    return expand(plant.calendars[thing.calendar], plant.zone, begin, end), none


def _clip(spans: Intervals, begin: int, end: int) -> tuple[Ints, Ints]:
    on, off = np.clip(spans[0], begin, end), np.clip(spans[1], begin, end)
    return on[off > on], off[off > on]


def day_bounds(day: str, zone: str) -> tuple[int, int]:
    """First and last nanosecond (exclusive) of a date in a zone.

    >>> day_bounds("1970-01-02", "UTC")
    (86400000000000, 172800000000000)
    """
    tz = ZoneInfo(zone)
    start = datetime.fromisoformat(day).replace(tzinfo=tz)
    end = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=tz)
    first, last = (int(one.astimezone(UTC).timestamp()) * 10**9 for one in (start, end))
    return first, last
