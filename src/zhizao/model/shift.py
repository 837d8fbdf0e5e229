"""Shifts by name: from when to when on which days, with breaks, holidays and working exceptions.

Times are those of the clock on the wall in the plant's zone. A shift over midnight belongs to the day on which it begins;
on the nights on which the clocks change it is an hour shorter or longer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from zhizao.model.noun import Noun

__all__ = ["Break", "Shift", "apart", "check_dates", "minutes_of"]

_DAY = 1440
_CLOCK = re.compile(r"^([01]?\d|2[0-4]):([0-5]\d)$")


def _clock(value: object) -> object:
    """What YAML reads of 22:00 without quotes is the number 1320; it is the same time."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _DAY:
        value = f"{value // 60:02d}:{value % 60:02d}"
    if isinstance(value, str):
        found = _CLOCK.match(value.strip())
        if found is None or (found[1] == "24" and found[2] != "00"):
            raise ValueError(f'"{value}" is not a time of day; write it as 06:00')
        return f"{int(found[1]):02d}:{found[2]}"
    return value


Clock = Annotated[str, BeforeValidator(_clock)]
"""Time of day, 00:00 to 24:00."""


def minutes_of(clock: str) -> int:
    """Minutes since midnight.

    >>> minutes_of("22:30")
    1350
    """
    return int(clock[:2]) * 60 + int(clock[3:])


def check_dates(days: tuple[str, ...]) -> tuple[str, ...]:
    """The same dates; ValueError names one that is none."""
    for day in days:
        try:
            if date.fromisoformat(day).isoformat() != day:
                raise ValueError
        except ValueError as error:
            raise ValueError(f'"{day}" is not a date; write it as "2026-10-01"') from error
    return days


class Break(Noun):
    """A pause within a shift; planned down time unless somebody works on."""

    name: str = Field(default="break", max_length=80)
    """What it is."""

    begin: Clock = Field(alias="from")
    """From, on the wall."""

    end: Clock = Field(alias="to")
    """To, on the wall; before `from` when it goes over midnight."""


class Shift(Noun):
    """A shift that comes again each week."""

    zh: str = Field(default="", max_length=80)
    """Name in Chinese."""

    en: str = Field(default="", max_length=80)
    """Name in English."""

    begin: Clock = Field(alias="from")
    """From, on the wall."""

    end: Clock = Field(alias="to")
    """To, on the wall; not after `from` when it goes over midnight, the same for 24 hours."""

    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    """ISO weekdays (1 = Monday) on which it begins."""

    breaks: tuple[Break, ...] = ()
    """Pauses."""

    days_off: tuple[str, ...] = ()
    """Dates on which it does not begin, beside the plant's holidays."""

    days_on: tuple[str, ...] = ()
    """Dates on which it begins whatever weekday or holiday it is."""

    valid_from: str | None = None
    """First date; always when absent."""

    valid_to: str | None = None
    """Last date; without end when absent."""

    machines: tuple[str, ...] = ()
    """Machines that work in it; all when empty."""

    @field_validator("days_off", "days_on")
    @classmethod
    def _are_dates(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        return check_dates(days)

    @field_validator("valid_from", "valid_to")
    @classmethod
    def _is_date(cls, day: str | None) -> str | None:
        return None if day is None else check_dates((day,))[0]

    @model_validator(mode="after")
    def _breaks_inside(self) -> Shift:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError(f"the shift is valid to {self.valid_to}, before it is valid from {self.valid_from}")
        taken: list[tuple[int, int]] = []
        for pause in self.breaks:
            first, last = self.span_of(pause)
            if not first < last <= self.length_min:
                raise ValueError(
                    f"break {pause.name} from {pause.begin} to {pause.end} is not within the shift "
                    f"from {self.begin} to {self.end}; correct one of them"
                )
            if any(first < other_last and other_first < last for other_first, other_last in taken):
                raise ValueError(f"break {pause.name} runs into another one; breaks of a shift stand apart")
            taken.append((first, last))
        return self

    @property
    def length_min(self) -> int:
        """Minutes on the wall from its beginning to its end."""
        return (minutes_of(self.end) - minutes_of(self.begin) - 1) % _DAY + 1

    def span_of(self, pause: Break) -> tuple[int, int]:
        """Minutes on the wall from the shift's beginning to those of a break's beginning and end."""
        first = (minutes_of(pause.begin) - minutes_of(self.begin)) % _DAY
        return first, first + (minutes_of(pause.end) - minutes_of(pause.begin)) % _DAY

    def begins_on(self, day: date, holidays: frozenset[str] = frozenset()) -> bool:
        """Whether it begins on a date.

        >>> early = Shift(**{"from": "06:00", "to": "14:00", "days_on": ["2026-10-10"]})
        >>> early.begins_on(date(2026, 10, 9)), early.begins_on(date(2026, 10, 10)), early.begins_on(date(2026, 10, 11))
        (True, True, False)
        """
        text = day.isoformat()
        if (self.valid_from and text < self.valid_from) or (self.valid_to and text > self.valid_to):
            return False
        if text in self.days_on:
            return True
        return day.isoweekday() in self.weekdays and text not in self.days_off and text not in holidays


def apart(shifts: Mapping[str, Shift]) -> None:
    """See that no machine is in two shifts at a time of the week; dates of exception are left to who writes them.

    Raises
    ------
    ValueError : names two shifts that run into each other
    """
    names = list(shifts)
    for at, name in enumerate(names):
        for other in names[at + 1 :]:
            if _meet(shifts[name], shifts[other]):
                raise ValueError(
                    f'shift "{name}" runs into shift "{other}"; correct their times, weekdays, machines or valid_from'
                )


def _meet(one: Shift, two: Shift) -> bool:
    if one.machines and two.machines and not set(one.machines) & set(two.machines):
        return False
    if (one.valid_to or "9999") < (two.valid_from or "") or (two.valid_to or "9999") < (one.valid_from or ""):
        return False
    week = 7 * _DAY
    for mine in one.weekdays:
        for other in two.weekdays:
            gap = ((other - mine) * _DAY + minutes_of(two.begin) - minutes_of(one.begin)) % week
            if gap < one.length_min or week - gap < two.length_min:
                return True
    return False
