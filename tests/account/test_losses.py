"""What machines did with their hours adds up to the weeks; trends and work in progress agree with the figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from zhizao.account import (
    ELEMENTS,
    KPIS,
    MACHINE_STATES,
    STATES,
    losses,
    machine_states,
    name_of,
    production_cycle,
    reason_of,
    three_figures,
    trend,
    work_in_progress,
    working_hours,
)
from zhizao.account.ledger import COMPONENTS
from zhizao.account.words import REASONS, WORDS
from zhizao.model import Plant, WorkLog

from .conftest import at

Tell = Callable[..., WorkLog]
HOURS = [f"{name}_h" for name in MACHINE_STATES]


def step(order: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"order": order, "operation": "mill", "start": start, "end": end, "machine": "m"} | more


def test_the_states_of_a_machine_add_up_to_every_week(generated: Callable[..., WorkLog]) -> None:
    log = generated(600)
    weeks = losses(log, Plant(), start=at(0), end=at(3 * 168)).weeks
    assert weeks.height == 3 * 8
    assert weeks.select(pl.sum_horizontal(HOURS)).to_series().to_list() == pytest.approx([168.0] * 24)
    assert (weeks.select(pl.min_horizontal(HOURS)).to_series() >= -1e-9).all()


def test_weeks_begin_on_monday_in_the_zone_of_the_plant(log_of: Tell) -> None:
    log = log_of([step("A", 15, 17), step("A", 183, 185)], zone="Asia/Shanghai")
    weeks = losses(log, Plant()).weeks
    # 16:00 UTC on Sunday is the Monday of Shanghai, and 7 days and 15 hours lie before its next one
    assert weeks["week"].to_list() == [date(2025, 1, 6), date(2025, 1, 13)]
    assert weeks["processing_h"].to_list() == [2.0, 2.0]


def test_setup_breakdown_and_processing_of_a_machine_do_not_overlap(log_of: Tell) -> None:
    log = log_of(
        [
            step("A", 0, 4, report="setup"),
            step("B", 3, 6, report="production"),
            step("C", 5, 8, report="breakdown"),
            step("D", 9, 10, report="production"),
        ]
    )
    row = losses(log, Plant()).machines.to_dicts()[0]
    assert (row["processing_h"], row["setup_h"], row["breakdown_h"]) == (4.0, 3.0, 2.0)
    states = machine_states(log, working_hours(log, Plant()), "m")
    told = states.with_columns(h=(pl.col("end") - pl.col("start")).dt.total_hours(fractional=True))
    sums = dict(told.group_by("state").agg(pl.col("h").sum()).iter_rows())
    assert {name: sums[name] for name in ("processing", "setup", "breakdown")} == {
        "processing": 4.0,
        "setup": 3.0,
        "breakdown": 2.0,
    }
    assert (states["start"][1:] == states["end"][:-1]).all()
    assert machine_states(log, working_hours(log, Plant()), "unknown").height == 0


def test_what_eats_the_cycle_is_all_of_it_but_processing(generated: Callable[..., WorkLog]) -> None:
    log = generated(100)
    cycle = production_cycle(log, Plant())
    eaten = losses(log, Plant(), cycle=cycle).cycle
    rest = cycle.orders.select(pl.col("cycle_h") - pl.col("processing_h")).sum().item()
    assert eaten["hours"].sum() == pytest.approx(rest)
    assert eaten["cumulative"][-1] == pytest.approx(1.0)
    assert eaten["hours"].is_sorted(descending=True)


def test_the_trend_of_a_week_is_the_three_figures_of_that_week(generated: Callable[..., WorkLog]) -> None:
    log = generated(600)
    row = trend(log, Plant()).filter(week=date(2025, 1, 13)).to_dicts()[0]
    figures = three_figures(log, Plant(), start=at(168), end=at(336))
    assert row["orders"] == figures.orders
    for key, figure in figures.main().items():
        assert row[key] == pytest.approx(figure.value)
        assert row[f"{key}_low"] == pytest.approx(figure.low)


def test_work_in_progress_is_the_mean_of_orders_on_the_floor(log_of: Tell) -> None:
    log = log_of([step("A", 0, 12), step("B", 6, 24, released=0), step("C", 24, 48), step("D", 36, None)])
    assert work_in_progress(log)["orders"].to_list() == pytest.approx([1.5, 1.5])


def test_work_in_progress_obeys_littles_law(generated: Callable[..., WorkLog]) -> None:
    log = generated(2000)
    figures = three_figures(log, Plant())
    wip = work_in_progress(log)
    span = log.frame.select(pl.col("end").max() - pl.col("start").min()).item()
    span_h = span.total_seconds() / 3600
    cycle = figures.production_cycle_h.value or 0.0
    assert wip["orders"][:-1].mean() == pytest.approx(figures.orders / span_h * cycle, rel=0.02)


def test_an_empty_log_has_no_losses() -> None:
    empty = WorkLog.of(
        pl.DataFrame(schema={"order": pl.String, "activity": pl.String, "start": pl.Datetime("ns", "UTC")})
    )
    found = losses(empty, Plant())
    assert (found.machines.height, found.cycle.height, found.trend.height, found.wip.height) == (0, 0, 0, 0)


def test_everything_shown_has_a_name_in_both_languages() -> None:
    keys = [*ELEMENTS, *(kpi.key for kpi in KPIS), *STATES, *MACHINE_STATES, *COMPONENTS]
    for key in keys:
        assert name_of(key, "en") != name_of(key, "zh")
    for english, chinese in (*WORDS.values(), *REASONS.values()):
        assert english.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    assert reason_of("not_recorded:PRI_GQ", "zh") == "没有记录：合格件计划工时"
    assert reason_of("no_people", "zh") == "记录中没有人员"
