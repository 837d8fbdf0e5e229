"""Weekly hours, held to counting second by second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zhizao.testing.sample.hours import ALWAYS, NEVER_S, WEEK_S, Week

shift = st.tuples(st.integers(1, 7), st.integers(0, 23), st.integers(1, 8)).map(
    lambda one: (one[0], float(one[1]), float(min(one[1] + one[2], 24)))
)


@given(st.lists(shift, min_size=1, max_size=6), st.integers(0, 2 * WEEK_S // 3600), st.integers(1, 60))
def test_work_rests_outside_the_hours(shifts: list[tuple[int, float, float]], hour: int, work_h: int) -> None:
    week = Week(tuple(shifts))
    worked = {(day - 1) * 24 + at for day, frm, to in shifts for at in range(int(frm), int(to))}
    at, left = hour, work_h
    while left:
        left -= at % 168 in worked
        at += 1
    assert week.finish(hour * 3600, work_h * 3600) == at * 3600
    assert week.on(hour * 3600) == (hour % 168 in worked)
    assert week.seconds == len(worked) * 3600


def test_a_sunday_shift_over_midnight_goes_on_on_monday() -> None:
    week = Week(((7, 22, 30),))
    assert week.on(2 * 3600) and not week.on(7 * 3600)
    assert week.on(WEEK_S - 3600) and week.seconds == 8 * 3600


def test_always_never_ends_and_no_hours_never_begin() -> None:
    assert Week(ALWAYS).off_after(5) == NEVER_S
    assert Week(ALWAYS).edges == []
    assert Week(()).on_after(0) == NEVER_S
    assert Week(()).finish(0, 1) == NEVER_S


def test_shifts_that_touch_are_one() -> None:
    week = Week(((1, 6, 14), (1, 14, 22)))
    assert week.edges == [6 * 3600, 22 * 3600]
    assert week.off_after(7 * 3600) == 22 * 3600
