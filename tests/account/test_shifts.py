"""Shifts: over midnight, on the nights on which the clocks change, with holidays and exceptions; faults are told."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from zhizao.account.shifts import machine_calendar, shift_at, shift_runs
from zhizao.model import Plant, State
from zhizao.model.state import READY_MAPS

EVERY = [1, 2, 3, 4, 5, 6, 7]
H = 3600 * 10**9


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def plant(zone: str = "Europe/Berlin", **more: Any) -> Plant:
    three = {
        "early": {"from": "06:00", "to": "14:00", "weekdays": EVERY},
        "late": {"from": "14:00", "to": "22:00", "weekdays": EVERY},
        "night": {"from": "22:00", "to": "06:00", "weekdays": EVERY, "breaks": [{"from": "01:00", "to": "01:30"}]},
    }
    return Plant.model_validate({"zone": zone, "shifts": three, **more})


def test_the_night_of_the_change_has_nine_or_seven_hours() -> None:
    autumn = shift_at(plant(), at("2026-10-24T23:00+02:00"))
    spring = shift_at(plant(), at("2026-03-28T23:00+01:00"))
    assert autumn is not None and spring is not None
    assert (autumn.key, autumn.hours, spring.hours) == ("2026-10-24/night", 9.0, 7.0)


@given(st.integers(at("2020-01-01T00:00Z") // H, at("2030-01-01T00:00Z") // H), st.integers(1, 24 * 9))
def test_three_shifts_cover_every_time_once(first: int, length: int) -> None:
    begin, end = first * H, (first + length) * H
    runs = shift_runs(plant(), begin, end)
    assert runs[0].begin <= begin and runs[-1].end >= end
    assert all(one.end == other.begin for one, other in pairwise(runs))
    on, _ = machine_calendar(plant(), "any", begin, end)
    assert (on[1] - on[0]).tolist() == [end - begin]


def test_holidays_stop_shifts_and_days_on_bring_them_back() -> None:
    shifts = {"day": {"from": "08:00", "to": "16:00", "days_on": ["2026-10-10"], "days_off": ["2026-10-12"]}}
    found = Plant.model_validate({"shifts": shifts, "holidays": {"2026-10-07": "国庆节"}})
    days = [run.day for run in shift_runs(found, at("2026-10-06T00:00+08:00"), at("2026-10-14T00:00+08:00"))]
    assert days == ["2026-10-06", "2026-10-08", "2026-10-09", "2026-10-10", "2026-10-13"]


def test_a_new_pattern_holds_from_its_day() -> None:
    shifts = {
        "old": {"from": "08:00", "to": "16:00", "valid_to": "2026-06-30"},
        "new": {"from": "07:00", "to": "15:00", "valid_from": "2026-07-01"},
    }
    found = Plant.model_validate({"shifts": shifts})
    runs = shift_runs(found, at("2026-06-29T00:00+08:00"), at("2026-07-03T00:00+08:00"))
    assert [run.key for run in runs] == ["2026-06-29/old", "2026-06-30/old", "2026-07-01/new", "2026-07-02/new"]


@pytest.mark.parametrize(
    ("shift", "word"),
    [
        ({"from": "25:00", "to": "06:00"}, "not a time of day"),
        ({"from": "06:00", "to": "14:00", "breaks": [{"from": "15:00", "to": "15:30"}]}, "not within the shift"),
        ({"from": "06:00", "to": "14:00", "weekdays": [8]}, "less than or equal to 7"),
        ({"from": "06:00", "to": "14:00", "days_off": ["2026-02-30"]}, "not a date"),
        ({"from": "06:00", "to": "14:00", "valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "before it is valid"),
    ],
)
def test_a_fault_in_a_shift_is_told(shift: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Plant.model_validate({"shifts": {"one": shift}})


def test_two_shifts_at_once_are_refused_and_those_of_other_machines_are_not() -> None:
    two = {"a": {"from": "06:00", "to": "14:00"}, "b": {"from": "22:00", "to": "07:00"}}
    with pytest.raises(ValidationError, match='"a" runs into shift "b"'):
        Plant.model_validate({"shifts": two})
    Plant.model_validate({"shifts": {"a": {**two["a"], "machines": ["x"]}, "b": {**two["b"], "machines": ["y"]}}})


def test_yaml_may_leave_out_the_quotes() -> None:
    assert Plant.model_validate({"shifts": {"n": {"from": 1320, "to": "6:00"}}}).shifts["n"].begin == "22:00"


@pytest.mark.parametrize("name", list(READY_MAPS))
def test_a_word_that_no_mapping_knows_is_silent_rather_than_counted(name: str) -> None:
    assert READY_MAPS[name].of("no such word", "no such mode") is State.SILENT
