"""Every hour of an order is one thing, and the things add up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhizao.account import STATES, production_cycle, working_hours
from zhizao.account.calendar import WorkingHours
from zhizao.account.timeline import busy_intervals, capacities, count_of
from zhizao.model import Calendar, Machine, Person, Plant, WorkLog

from .conftest import MONDAY, at, tell

Tell = Callable[..., WorkLog]
NAMES = [f"{name}_h" for name in STATES]
HOUR = 3_600_000_000_000
BASE = int(MONDAY.timestamp()) * 10**9
ALWAYS = (np.array([BASE - 1000 * HOUR]), np.array([BASE + 10_000 * HOUR]))


def step(order: str, operation: str, start: float, end: float | None, **more: Any) -> dict[str, Any]:
    return {"order": order, "operation": operation, "start": start, "end": end} | more


def parts(log: WorkLog, order: str, plant: Plant | None = None, **more: Any) -> dict[str, float]:
    """Hours of one order by state, those that are not 0."""
    cycle = production_cycle(log, Plant() if plant is None else plant, **more)
    row = cycle.orders.filter(pl.col("order") == order).to_dicts()[0]
    return {name: round(row[f"{name}_h"], 6) for name in STATES if row[f"{name}_h"] > 1e-9}


def always(*machines: str, people: tuple[str, ...] = ()) -> WorkingHours:
    return WorkingHours(ALWAYS, dict.fromkeys(machines, ALWAYS), dict.fromkeys(people, ALWAYS))


def test_waiting_while_the_machine_is_on_another_order_is_waiting_for_the_machine(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 0, 3, machine="m"), step("B", "mill", 3, 4, machine="m", released=1)])
    assert parts(log, "B", hours=always("m")) == {"processing": 1.0, "wait_machine": 2.0}


def test_waiting_beside_a_free_machine_while_all_who_can_are_busy_is_waiting_for_people(log_of: Tell) -> None:
    log = log_of(
        [
            step("A", "drill", 0, 2, machine="d", person="p"),
            step("B", "mill", 2, 3, machine="m", person="p", released=0),
        ]
    )
    hours = always("m", "d", people=("p",))
    assert parts(log, "B", hours=hours) == {"processing": 1.0, "wait_people": 2.0}
    assert parts(log, "B", hours=always("m", "d", people=("p", "q")), skills={"mill": frozenset({"p", "q"})}) == {
        "processing": 1.0,
        "unexplained": 2.0,
    }


def test_waiting_while_nobody_who_can_is_at_work_is_off_shift(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 8, 10, machine="m", person="p", released=2)])
    eight = (np.array([BASE + 8 * HOUR]), np.array([BASE + 16 * HOUR]))
    hours = WorkingHours(ALWAYS, {"m": ALWAYS}, {"p": eight})
    assert parts(log, "A", hours=hours) == {"processing": 2.0, "off_shift": 6.0}


def test_waiting_while_the_machine_is_off_shift_is_off_shift_even_with_people_there(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 8, 10, machine="m", person="p", released=2)])
    eight = (np.array([BASE + 6 * HOUR]), np.array([BASE + 16 * HOUR]))
    hours = WorkingHours(ALWAYS, {"m": eight}, {"p": ALWAYS})
    assert parts(log, "A", hours=hours) == {"processing": 2.0, "off_shift": 4.0, "unexplained": 2.0}


def test_setup_and_breakdown_have_their_own_part_and_yield_to_processing(log_of: Tell) -> None:
    log = log_of(
        [
            step("A", "mill", 0, 3, machine="m", report="setup"),
            step("A", "mill", 2, 5, machine="m", report="production"),
            step("A", "mill", 4, 7, machine="m", report="breakdown"),
        ]
    )
    assert parts(log, "A", hours=always("m")) == {"processing": 3.0, "setup": 2.0, "breakdown": 2.0}


def test_overlapping_transfer_batches_are_counted_once(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 0, 6, machine="m"), step("A", "drill", 2, 8, machine="d"), step("A", "pack", 3, 7)])
    cycle = production_cycle(log, Plant())
    assert parts(log, "A") == {"processing": 8.0}
    assert cycle.by_operation["processing_h"].sum() == pytest.approx(8.0)


def test_a_machine_that_takes_two_orders_is_busy_with_two(log_of: Tell) -> None:
    rows = [step("A", "bake", 0, 3, machine="oven"), step("B", "bake", 3, 4, machine="oven", released=1)]
    one = Plant(machines={"oven": Machine(capacity=1)})
    two = Plant(machines={"oven": Machine(capacity=2)})
    assert parts(log_of(rows), "B", one, hours=always("oven"))["wait_machine"] == 2.0
    assert parts(log_of(rows), "B", two, hours=always("oven"))["unexplained"] == 2.0


def test_capacity_is_read_from_what_fills_nine_tenths_of_busy_time() -> None:
    start = np.array([0, 0, 0, 0, 100, 0]) * HOUR
    end = np.array([50, 50, 50, 50, 101, 2]) * HOUR
    resource = np.array([0, 0, 0, 1, 1, 1])
    assert capacities(resource, start, end, 2).tolist() == [3, 1]


def test_busy_intervals_join_reports_that_touch() -> None:
    on, off = busy_intervals(np.zeros(3, np.int64), np.array([0, 5, 9]), np.array([5, 7, 10]), np.array([1]))[0]
    assert (on.tolist(), off.tolist()) == ([0, 9], [7, 10])


def test_an_order_without_machines_and_people_waits_off_shift_or_unexplained(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 0, 1), step("A", "pack", 30, 31)])
    day = (np.array([BASE, BASE + 24 * HOUR]), np.array([BASE + 8 * HOUR, BASE + 32 * HOUR]))
    hours = WorkingHours(day, {}, {})
    assert parts(log, "A", hours=hours) == {"processing": 2.0, "off_shift": 16.0, "unexplained": 13.0}
    cycle = production_cycle(log, Plant(), hours=hours)
    assert cycle.working_mean_h.value == 15.0


def test_work_that_is_still_running_occupies_its_machine(log_of: Tell) -> None:
    log = log_of(
        [
            step("A", "mill", 0, None, machine="m"),
            step("B", "drill", 0, 1, machine="d"),
            step("B", "mill", 5, 6, machine="m"),
        ]
    )
    plant = Plant(machines={"m": Machine(capacity=1)})
    assert parts(log, "B", plant, hours=always("m", "d")) == {"processing": 2.0, "wait_machine": 4.0}


reports = st.lists(
    st.tuples(
        st.integers(0, 3),  # order
        st.integers(0, 2),  # operation
        st.sampled_from([None, 0, 1, 2]),  # machine
        st.sampled_from([None, 0, 1, 2]),  # person
        st.sampled_from(["production", "production", "setup", "breakdown"]),
        st.integers(0, 60),  # start
        st.integers(0, 15),  # length
        st.booleans(),  # a release was noted
    ),
    min_size=1,
    max_size=25,
)


def told(rows: list[tuple[Any, ...]]) -> WorkLog:
    """Log of generated reports with one-hour resolution."""
    return tell(
        [
            {
                "order": f"o{order}",
                "operation": f"op{operation}",
                "machine": None if machine is None else f"m{machine}",
                "person": None if person is None else f"p{person}",
                "report": report,
                "start": start,
                "end": start + length,
                "released": max(0, start - 7) if noted else None,
            }
            for order, operation, machine, person, report, start, length, noted in rows
        ]
    )


@given(reports)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_parts_of_every_cycle_add_up_to_it(rows: list[tuple[Any, ...]]) -> None:
    cycle = production_cycle(told(rows), Plant())
    off = cycle.orders.select((pl.sum_horizontal(NAMES) - pl.col("cycle_h")).abs()).to_series()
    assert (off < 1e-9).all()
    assert (cycle.orders.select(pl.min_horizontal(NAMES)).to_series() >= 0).all()
    assert (cycle.orders["working_h"] <= cycle.orders["cycle_h"] + 1e-9).all()
    for name in NAMES:
        assert cycle.by_operation[name].sum() == pytest.approx(cycle.orders[name].sum(), abs=1e-9)


@given(reports)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_split_equals_a_walk_through_every_hour(rows: list[tuple[Any, ...]]) -> None:
    log = told(rows)
    plant = Plant(machines={f"m{i}": Machine(capacity=1) for i in range(3)})
    day = (np.arange(4) * 24 + 6) * HOUR + BASE
    shift = (day, day + 10 * HOUR)
    late = (day + 4 * HOUR, day + 14 * HOUR)
    hours = WorkingHours(ALWAYS, {"m0": shift, "m1": ALWAYS, "m2": late}, {"p0": shift, "p1": late, "p2": ALWAYS})
    skills = {"op0": frozenset({"p0"}), "op1": frozenset({"p0", "p1"})}
    cycle = production_cycle(log, plant, hours=hours, skills=skills)
    for row in cycle.orders.iter_rows(named=True):
        seen = walk(log.frame, row["order"], hours, skills)
        assert {n: round(row[f"{n}_h"], 9) for n in STATES} == {n: float(seen.get(n, 0)) for n in STATES}, row["order"]


def walk(frame: pl.DataFrame, order: str, hours: WorkingHours, skills: dict[str, frozenset[str]]) -> dict[str, int]:
    """Slow, obvious oracle: look at the middle of every hour."""
    rows = frame.with_columns(
        s=(pl.col("start").to_physical() - BASE) // HOUR, e=(pl.col("end").to_physical() - BASE) // HOUR
    ).to_dicts()
    mine = sorted((r for r in rows if r["order"] == order), key=lambda r: (r["s"], r["e"]))
    released = [int((r["released"].astimezone(UTC) - MONDAY).total_seconds() // 3600) for r in mine if r["released"]]
    begin = min([*released, *(r["s"] for r in mine)])
    # people count as busy from as many reports at once as fill nine tenths of their busy time
    room = {}
    for name in hours.people:
        levels = [sum(r["person"] == name and r["s"] <= t < r["e"] for r in rows) for t in range(80)]
        busy = [level for level in levels if level]
        room[name] = min((c for c in range(1, 30) if sum(x <= c for x in busy) >= 0.9 * len(busy)), default=1)

    def at_work(intervals: tuple[Any, Any], t: int) -> bool:
        return any(on <= BASE + t * HOUR < off for on, off in zip(*intervals, strict=True))

    def state(t: int) -> str:
        now = [r for r in mine if r["s"] <= t < r["e"]]
        for report, name in (("production", "processing"), ("setup", "setup"), ("breakdown", "breakdown")):
            if any(r["report"] == report for r in now):
                return name
        following = next(r for r in mine if r["s"] > t)
        machine, crew = following["machine"], skills.get(following["operation"], frozenset())
        if machine and any(r["machine"] == machine and r["s"] <= t < r["e"] for r in rows):
            return "wait_machine"
        here = [p for p in crew if at_work(hours.people[p], t)]
        if (machine and not at_work(hours.machines[machine], t)) or (crew and not here):
            return "off_shift"
        free = [p for p in here if sum(r["person"] == p and r["s"] <= t < r["e"] for r in rows) < room[p]]
        return "unexplained" if free or not crew else "wait_people"

    out: dict[str, int] = {}
    for t in range(begin, max(r["e"] for r in mine)):
        out[state(t)] = out.get(state(t), 0) + 1
    return out


def test_counting_intervals_with_weights_gives_free_people() -> None:
    a = (np.array([0]), np.array([10]))
    b = (np.array([2]), np.array([4]))
    assert count_of([a, b], [1, -1]).at(np.array([1, 3, 5, 11])).tolist() == [1, 0, 1, 0]


def test_calendars_of_the_plant_replace_what_the_records_suggest(log_of: Tell) -> None:
    plant = Plant(
        zone="UTC",
        calendars={"day": Calendar(hours=((1, 8, 16), (2, 8, 16)), days_off=("2025-01-07",))},
        machines={"m": Machine(calendar="day")},
        people={"p": Person(calendar="day")},
    )
    log = log_of(
        [step("A", "mill", 9, 10, machine="m", person="p"), step("B", "mill", 60, 61, machine="n", person="q")]
    )
    hours = working_hours(log, plant)
    assert hours.given == {"m", "p"}
    on, off = hours.machines["m"]
    assert [(x - BASE) / HOUR for x in (on[0], off[0])] == [9.0, 16.0]  # the log begins at nine
    assert len(on) == 1


def test_a_spell_at_work_ends_with_a_pause_of_five_hours(log_of: Tell) -> None:
    log = log_of(
        [
            step("A", "mill", 8, 10, person="p"),
            step("A", "mill", 13, 16, person="p"),
            step("A", "mill", 30, 31, person="p"),
        ]
    )
    on, off = working_hours(log, Plant()).people["p"]
    assert [(int(a - BASE) // HOUR, int(b - BASE) // HOUR) for a, b in zip(on, off, strict=True)] == [(8, 16), (30, 31)]


def test_a_two_shift_week_is_read_from_the_records() -> None:
    rng = np.random.default_rng(7)
    rows = []
    for week in range(10):
        for day in range(5):
            for hour in range(6, 22):
                if rng.random() < 0.6:
                    begin = week * 168 + day * 24 + hour + rng.uniform(0, 0.3)
                    rows.append(step(f"o{len(rows)}", "mill", begin, begin + 0.6, machine="m"))
    rows.append(step("odd", "mill", 5 * 24 + 3, 5 * 24 + 3.5, machine="m"))
    hours = working_hours(tell(rows), Plant())
    total = float((hours.machines["m"][1] - hours.machines["m"][0]).sum()) / HOUR
    assert total == pytest.approx(10 * 5 * 16, rel=0.03)
    assert float((hours.plant[1] - hours.plant[0]).sum()) / HOUR == pytest.approx(10 * 5 * 16, rel=0.03)


def test_hours_of_a_calendar_follow_the_wall_clock_over_the_change_to_summer_time() -> None:
    from zhizao.account.calendar import expand

    march = int(pl.Series(["2025-03-24"]).str.to_datetime().dt.epoch("ns")[0])
    on, _ = expand(Calendar(hours=((1, 8, 16),)), "Europe/Berlin", march, march + 14 * 24 * HOUR)
    assert [int((x - march) // HOUR % 168) for x in on] == [7, 6]


def test_the_period_selects_orders_but_others_still_occupy_machines(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 0, 3, machine="m"), step("B", "mill", 3, 4, machine="m", released=1)])
    cycle = production_cycle(log, Plant(), start=at(3.5), hours=always("m"))
    assert cycle.orders["order"].to_list() == ["B"]
    assert cycle.parts_h["wait_machine"] == 2.0
