"""Weekly hours: learned from what was done and left waiting, counted, and laid out; reports cut at the change of shift."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.decide.twin.mechanism.stretches import stretches
from zhizao.decide.twin.mechanism.week import (
    SLOTS,
    WEEK_S,
    hours_on,
    intervals,
    learn_week,
    pattern,
    shifts_of,
    weekly_intervals,
    worked_s,
)
from zhizao.decide.twin.shop import Shop

HOUR, DAY = 3600.0, 86400.0
TWO = [(day, 6.0, 22.0) for day in range(1, 6)]
EARLY = [(day, 6.0, 14.0) for day in range(1, 6)]
LATE = [(day, 14.0, 22.0) for day in range(1, 6)]


def jobs_in(hours: list[tuple[int, float, float]], weeks: int, seed: int, share: float = 1.0) -> tuple[list, list]:
    """Begin and end of work of up to two hours, one piece after the other within the hours."""
    rng = np.random.default_rng(seed)
    start, end = [], []
    for week in range(weeks):
        for day, a, b in hours:
            at = week * WEEK_S + (day - 1) * DAY + a * HOUR
            stop = week * WEEK_S + (day - 1) * DAY + b * HOUR
            while at < stop:
                length = rng.uniform(0.2, 2.0) * HOUR
                if rng.random() < share:
                    start.append(at)
                    end.append(min(at + length, stop))
                at += length
    return start, end


def week_of(*hours: list[tuple[int, float, float]], weeks: int = 12, share: float = 1.0) -> np.ndarray:
    who, start, end = [], [], []
    for code, one in enumerate(hours):
        a, b = jobs_in(one, weeks, seed=code, share=share)
        who += [code] * len(a)
        start += a
        end += b
    return learn_week(np.array(who), np.array(start), np.array(end), len(hours))


@pytest.mark.parametrize("hours", [TWO, EARLY, LATE, [(1, 8.0, 17.0), (4, 8.0, 17.0)]])
def test_hours_in_which_work_is_done_are_learned_to_the_half_hour(hours: list[tuple[int, float, float]]) -> None:
    assert pattern(week_of(hours)[0]) == hours


def test_a_short_day_is_learned_to_an_hour_and_a_half() -> None:
    """The hours of the other days count on it too, as far as it was at work close to them."""
    found = pattern(week_of([*EARLY, (6, 6.0, 12.0)])[0])
    assert found[:5] == EARLY
    assert found[5][:2] == (6, 6.0)
    assert 12.0 <= found[5][2] <= 13.5


def test_a_shift_over_midnight_is_learned() -> None:
    night = [(day, 22.0, 30.0) for day in range(1, 6)]
    assert np.array_equal(week_of(night)[0], hours_on(night))


def test_a_little_work_still_shows_the_hours() -> None:
    """A quarter of the time at work, half a year of it."""
    assert int((week_of(TWO, weeks=26, share=0.25)[0] != hours_on(TWO)).sum()) <= 6


def test_one_weekend_of_overtime_is_no_shift() -> None:
    start, end = jobs_in(EARLY, 26, seed=1)
    saturday = 5 * DAY + 6 * HOUR
    week = learn_week(
        np.zeros(len(start) + 1, np.int64), np.array([*start, saturday]), np.array([*end, saturday + 4 * HOUR]), 1
    )
    assert pattern(week[0]) == EARLY


def test_a_resource_hardly_seen_follows_the_plant() -> None:
    start, end = jobs_in(TWO, 12, seed=1)
    who = np.array([0] * len(start) + [1, 1])
    week = learn_week(who, np.array([*start, 7 * HOUR, DAY + 8 * HOUR]), np.array([*end, 8 * HOUR, DAY + 9 * HOUR]), 2)
    assert np.array_equal(week[0], week[1])


def test_without_any_row_every_hour_is_worked() -> None:
    assert learn_week(np.array([-1]), np.array([0.0]), np.array([1.0]), 2).all()


def test_work_left_waiting_shows_that_nobody_was_there() -> None:
    """Two machines work until 22; at one of them orders wait every evening from 14 on and nothing is done."""
    start, end = jobs_in(TWO, 12, seed=1)
    first, last = jobs_in(EARLY, 12, seed=2)
    who = np.array([0] * len(start) + [1] * len(first))
    begin = np.array([w * WEEK_S + d * DAY + 13 * HOUR for w in range(12) for d in range(5)])
    waits = (np.ones(len(begin), np.int64), begin, begin + 17 * HOUR)
    week = learn_week(who, np.array(start + first), np.array(end + last), 2, waits)
    assert np.array_equal(week[0], hours_on(TWO))
    assert np.array_equal(week[1], hours_on(EARLY))


def test_an_idle_machine_is_not_a_closed_one() -> None:
    """Nothing ever waits for the second machine, which has work until 18 at most: it may be open as long as others are."""
    start, end = jobs_in(TWO, 12, seed=1)
    part = [(day, 6.0, 18.0) for day in range(1, 5)] + [(5, 6.0, 22.0)]
    first, last = jobs_in(part, 12, seed=2)
    who = np.array([0] * len(start) + [1] * len(first))
    nothing = (np.empty(0, np.int64), np.empty(0), np.empty(0))
    week = learn_week(who, np.array(start + first), np.array(end + last), 2, nothing)
    assert (week[1] >= hours_on(part)).all()
    assert (week[1] <= hours_on(TWO)).all()


def test_a_machine_does_not_work_on_a_saturday_on_which_hardly_anybody_does() -> None:
    start, end = jobs_in([*TWO, (6, 6.0, 12.0)], 20, seed=1)
    who = [0] * len(start)
    for code in (1, 2, 3):
        a, b = jobs_in(TWO, 20, seed=code + 1)
        who, start, end = who + [code] * len(a), start + a, end + b
    nothing = (np.empty(0, np.int64), np.empty(0), np.empty(0))
    week = learn_week(np.array(who), np.array(start), np.array(end), 4, nothing)
    assert week[0, 240:].any()
    assert not week[1:, 240:].any()


def test_who_is_seldom_seen_belongs_to_the_shift_of_the_others() -> None:
    full, seldom = hours_on(EARLY), hours_on([(1, 6.0, 14.0), (3, 6.0, 13.5)])
    other, own = hours_on(LATE), hours_on([(2, 9.0, 17.0)])
    out = shifts_of(np.array([full, full, seldom, other, own]))
    assert np.array_equal(out[2], full)
    assert np.array_equal(out[3], other)
    assert np.array_equal(out[4], own)  # hours of nobody else's


def test_a_shift_completed_in_steps_is_completed_for_all() -> None:
    four, five = hours_on(EARLY[:4]), hours_on(EARLY)
    out = shifts_of(np.array([four, four, four, five, hours_on(EARLY[:2])]))
    assert all(np.array_equal(row, five) for row in out)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=SLOTS, max_size=SLOTS))
def test_a_week_is_the_hours_of_its_pattern(bits: list[bool]) -> None:
    row = np.array(bits)
    if row.any():
        assert np.array_equal(hours_on(pattern(row)), row)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 4 * WEEK_S), st.floats(0, 2 * WEEK_S))
def test_working_seconds_are_the_length_of_the_working_intervals(seed: int, start: float, length: float) -> None:
    week = np.random.default_rng(seed).random((2, SLOTS)) < 0.4
    ptr, on, off = intervals(week, start, start + length)
    for code in (0, 1):
        a, b = on[ptr[code] : ptr[code + 1]], off[ptr[code] : ptr[code + 1]]
        inside = np.clip(np.minimum(b, length) - a, 0, None).sum()
        counted = worked_s(week, np.array([code, code]), np.array([start, start + length]))
        assert inside == pytest.approx(counted[1] - counted[0], abs=1e-3)
        assert (a[1:] > b[:-1]).all()


def test_nobody_is_always_at_work() -> None:
    week = np.zeros((1, SLOTS), bool)
    assert worked_s(week, np.array([-1]), np.array([5000.0]))[0] == 5000.0
    assert worked_s(week, np.array([0]), np.array([5000.0]))[0] == 0.0


def test_a_pattern_is_laid_out_to_the_minute_and_touching_hours_are_one() -> None:
    on, off = weekly_intervals([(1, 6.1, 14.0), (1, 14.0, 22.0), (2, 22.0, 30.0)], 0.0, WEEK_S)
    keep = on < WEEK_S
    assert on[keep].tolist() == pytest.approx([6.1 * HOUR, DAY + 22 * HOUR])
    assert off[keep].tolist() == pytest.approx([22 * HOUR, DAY + 30 * HOUR])
    assert weekly_intervals([], 0.0, 100.0)[1].tolist() == [100.0]


def shop_of(machine: list[tuple[int, float, float]], person: list[tuple[int, float, float]]) -> Shop:
    a, b = weekly_intervals(machine, 0.0, WEEK_S), weekly_intervals(person, 0.0, WEEK_S)
    none = np.empty(0, np.int64)
    return Shop(
        machines=("M",),
        people=("P",),
        capacity=np.ones(1, np.int64),
        multitask=np.ones(1, np.int64),
        calendar_ptr=np.array([0, len(a[0]), len(a[0]) + len(b[0])]),
        on_s=np.concatenate([a[0], b[0]]),
        off_s=np.concatenate([a[1], b[1]]),
        machine_calendar=np.array([0]),
        person_calendar=np.array([1]),
        skill_ptr=np.array([0]),
        skill_person=none,
        setup_s=np.zeros((0, 0)),
        mtbf_s=np.zeros(1),
        mttr_s=np.zeros(1),
    )


def cut(begin: list[float], end: list[float], *, person: int = 0, cuts: list[float] | None = None) -> list[tuple]:
    step, a, b = stretches(
        shop_of(TWO, EARLY + LATE),
        np.zeros(len(begin), np.int64),
        np.full(len(begin), person),
        np.array(begin) * HOUR,
        np.array(end) * HOUR,
        np.array(cuts or []) * HOUR,
    )
    return list(zip(step.tolist(), (a / HOUR).tolist(), (b / HOUR).tolist(), strict=True))


def test_work_through_the_night_is_reported_without_the_night() -> None:
    assert cut([20.0], [31.0]) == [(0, 20.0, 22.0), (0, 30.0, 31.0)]


def test_work_within_a_shift_is_one_report_and_over_the_change_of_shift_two() -> None:
    assert cut([7.0, 12.0], [8.0, 16.0], cuts=[14.0]) == [(0, 7.0, 8.0), (1, 12.0, 14.0), (1, 14.0, 16.0)]


def test_unattended_work_knows_no_change_of_shift() -> None:
    assert cut([12.0], [16.0], person=-1, cuts=[14.0]) == [(0, 12.0, 16.0)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(6.5, 100), st.floats(0.1, 30)), min_size=1, max_size=6))
def test_stretches_begin_and_end_with_their_step_and_follow_each_other(steps: list[tuple[float, float]]) -> None:
    begin = [a for a, _ in steps]
    end = [a + length for a, length in steps]
    found = cut(begin, end, cuts=[14.0, 38.0, 62.0])
    for at in range(len(steps)):
        mine = [(a, b) for step, a, b in found if step == at]
        assert mine[0][0] == pytest.approx(begin[at])
        assert mine[-1][1] == pytest.approx(end[at])
        assert all(b <= later + 1e-9 for (_, b), (later, _) in pairwise(mine))
        assert all(a <= b for a, b in mine)
