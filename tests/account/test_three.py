"""The three figures mean what docs/kpi.md says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from zhizao.account import COMPONENTS, keep_book, operating_cost, three_figures
from zhizao.errors import InputError
from zhizao.model import Machine, Person, Plant, Product, Rates, WorkLog

from .conftest import at

Tell = Callable[..., WorkLog]


def step(order: str, operation: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"order": order, "operation": operation, "start": start, "end": end} | more


def line(inspect_first: bool = False, lots: int = 1) -> list[dict[str, Any]]:
    """One order of 100 pieces through three operations, 6 of them bad from the first on, found at the inspection."""
    rows = []
    names = ["saw", "inspect", "mill"] if inspect_first else ["saw", "mill", "inspect"]
    pieces, clock = 100.0, 0.0
    for name in names:
        bad = 6.0 if name == "inspect" else 0.0
        for lot in range(lots):
            good = (pieces - bad) / lots
            rows.append(
                step(
                    "A", name, clock + lot, clock + lot + 1, machine=f"{name}1", person="p", good=good, scrap=bad / lots
                )
            )
        pieces -= bad
        clock += lots
    return [row | {"order_quantity": 100.0, "rework": 0.0} for row in rows]


def test_cycle_runs_from_release_to_last_end_and_from_first_start_where_no_release_is_known(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 5, 7, released=2), step("B", "mill", 10, 13, released=None)])
    figures = three_figures(log, Plant())
    assert keep_book(log, Plant()).orders["cycle_h"].to_list() == [5.0, 3.0]
    assert figures.production_cycle_h.value == 4.0
    assert figures.cycle_p50_h.value == 4.0


def test_a_release_noted_after_the_first_start_does_not_shorten_the_cycle(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 5, 9, released=6)])
    assert three_figures(log, Plant()).production_cycle_h.value == 4.0


def test_an_order_counts_in_the_period_in_which_it_ended(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 0, 10), step("B", "mill", 0, 20), step("C", "mill", 0, 30)])
    assert three_figures(log, Plant(), start=at(10), end=at(30)).orders == 2
    assert three_figures(log, Plant(), start=at(10.5), end=at(30)).orders == 1


def test_an_order_with_running_work_is_not_finished(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 0, 10), step("A", "drill", 11, None), step("B", "mill", 0, 5)])
    assert keep_book(log, Plant()).orders["order"].to_list() == ["B"]


def test_moving_the_inspection_forward_leaves_the_defect_rate_and_lowers_the_work_lost(log_of: Tell) -> None:
    late, early = (three_figures(log_of(line(first)), Plant()) for first in (False, True))
    assert late.defect_rate.value == early.defect_rate.value == 0.06
    assert (early.cost_parts["scrap_work"] or 0.0) < 0.7 * (late.cost_parts["scrap_work"] or 0.0)


def test_splitting_the_reports_of_an_operation_leaves_the_defect_rate(log_of: Tell) -> None:
    assert three_figures(log_of(line(lots=4)), Plant()).defect_rate.value == pytest.approx(0.06)


def test_an_operation_name_that_comes_twice_in_the_route_does_not_double_the_pieces(log_of: Tell) -> None:
    rows = [
        step("A", name, i, i + 1, good=10.0, scrap=0.0, rework=0.0, order_quantity=10.0)
        for i, name in enumerate(["turn", "mill", "turn", "check"])
    ]
    assert keep_book(log_of(rows), Plant()).orders["entered"].to_list() == [10.0]
    unknown = [row | {"order_quantity": None} for row in rows]
    frame = log_of(unknown).frame.with_columns(pl.col("order_quantity").cast(pl.Float64))
    assert keep_book(WorkLog(frame), Plant()).orders["entered"].to_list() == [10.0]


def test_an_order_seen_in_part_counts_the_pieces_that_were_seen(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 0, 1, good=30.0, scrap=3.0, order_quantity=200.0)])
    assert three_figures(log, Plant()).defect_rate.value == pytest.approx(3 / 33)


def test_rework_pieces_are_defects_and_are_delivered_in_the_end(log_of: Tell) -> None:
    log = log_of(
        [
            step("A", "mill", 0, 1, good=8.0, scrap=0.0, rework=2.0, is_rework=False, order_quantity=10.0),
            step("A", "mill", 2, 3, good=2.0, scrap=0.0, rework=0.0, is_rework=True, order_quantity=10.0),
        ]
    )
    figures = three_figures(log, Plant())
    assert (figures.defect_rate.value, figures.good_pieces) == (0.2, 10.0)


def test_a_piece_goes_bad_once_however_often_it_is_reworked(log_of: Tell) -> None:
    log = log_of([step("A", "mill", i, i + 1, good=0.0, rework=4.0, order_quantity=4.0) for i in range(3)])
    assert three_figures(log, Plant()).defect_rate.value == 1.0


def test_a_person_on_two_reports_at_once_is_paid_once(log_of: Tell) -> None:
    log = log_of(
        [
            step("A", "check", 0, 4, person="p", machine="m", good=1.0, order_quantity=1.0),
            step("B", "check", 0, 2, person="p", machine="n", good=1.0, order_quantity=1.0),
        ]
    )
    book = keep_book(log, Plant())
    assert book.orders.sort("order")["labour_h"].to_list() == [3.0, 1.0]
    assert book.orders.sort("order")["machine_h"].to_list() == [4.0, 2.0]


def test_components_add_up_and_scrap_is_not_counted_twice(log_of: Tell) -> None:
    rates = Rates(
        labour_per_h=60, machine_per_h=80, material_per_piece=10, holding_per_year=0, lateness_per_order_day=0
    )
    cost = operating_cost(log_of(line()), Plant(rates=rates))
    assert cost.total["labour"] == pytest.approx(180 * 0.94)
    assert cost.total["machine"] == pytest.approx(240 * 0.94)
    assert cost.total["scrap_work"] == pytest.approx(420 * 0.06)
    assert cost.total["scrap_material"] == pytest.approx(60)
    assert cost.per_piece.value == pytest.approx((420 + 60) / 94)
    assert sum(v for v in cost.parts.values() if v is not None) == pytest.approx(cost.per_piece.value)


def test_holding_is_value_times_time_times_rate(log_of: Tell) -> None:
    rates = Rates(labour_per_h=60, machine_per_h=0, material_per_piece=10, holding_per_year=0.365)
    rows = [
        step("A", "mill", 0, 24, person="p", good=100.0, scrap=0.0, order_quantity=100.0),
        step("A", "pack", 48, 48, person="p", good=100.0, scrap=0.0, order_quantity=100.0),
    ]
    holding = operating_cost(log_of(rows), Plant(rates=rates)).total["holding"]
    # 1000 of material for two days, 1440 of work for one; 0.001 a day
    assert holding == pytest.approx(0.001 * (1000 * 2 + 1440 * 1))


def test_lateness_counts_days_late_and_never_rewards_being_early(log_of: Tell) -> None:
    rows = [
        step("A", "mill", 0, 36, due=12, person="p", good=1.0, order_quantity=1.0),
        step("B", "mill", 0, 36, due=90, person="p", good=1.0, order_quantity=1.0),
    ]
    assert operating_cost(log_of(rows), Plant()).total["lateness"] == pytest.approx(50.0)


def test_breakdown_costs_the_people_who_repair_but_no_machine_hours(log_of: Tell) -> None:
    rows = [
        step("A", "mill", 0, 2, report="breakdown", machine="m", person="p"),
        step("A", "mill", 2, 3, report="production", machine="m", person="p"),
    ]
    orders = keep_book(log_of(rows), Plant()).orders
    assert (orders["labour_h"][0], orders["machine_h"][0]) == (3.0, 1.0)


def test_rates_of_single_machines_people_and_products_go_before_general_ones(log_of: Tell) -> None:
    plant = Plant(
        machines={"m": Machine(rate_per_h=1)},
        people={"p": Person(rate_per_h=2)},
        products={"x": Product(material_cost=3)},
    )
    rows = [
        step("A", "mill", 0, 1, machine="m", person="p", product="x", good=0.0, scrap=5.0, order_quantity=5.0),
        step("B", "mill", 2, 3, machine="n", person="q", product="y", good=5.0, scrap=0.0, order_quantity=5.0),
    ]
    total = operating_cost(log_of(rows), plant).total
    assert total["scrap_material"] == 15.0
    assert total["scrap_work"] == 3.0
    assert (total["labour"], total["machine"]) == (60.0, 80.0)


def test_what_the_records_do_not_tell_is_named_and_not_guessed(log_of: Tell) -> None:
    figures = three_figures(log_of([step("A", "mill", 0, 2, person="p")]), Plant())
    assert (figures.defect_rate.value, figures.defect_rate.reason) == (None, "no_quantities")
    assert figures.missing["machine"] == "no_machines"
    assert figures.missing["lateness"] == "no_due_dates"
    assert figures.cost_parts["machine"] is None
    assert (figures.operating_cost.value, figures.operating_cost.unit) == (120.0, "CNY/order")
    nobody = three_figures(log_of([step("A", "mill", 0, 2)]), Plant())
    assert (nobody.operating_cost.value, nobody.operating_cost.reason) == (None, "nothing_to_cost")


def test_assumed_rates_are_listed_and_given_ones_are_not(log_of: Tell) -> None:
    plant = Plant(zone="UTC", rates=Rates(labour_per_h=1))
    names = [name for name, _ in three_figures(log_of([step("A", "mill", 0, 2)]), plant).assumptions]
    assert "rates.machine_per_h" in names
    assert "rates.labour_per_h" not in names


def test_a_period_without_finished_orders_has_no_figures_and_says_why(log_of: Tell) -> None:
    figures = three_figures(log_of([step("A", "mill", 0, 2)]), Plant(), start=at(100))
    assert {f.value for f in figures.main().values()} == {None}
    assert {f.reason for f in figures.main().values()} == {"no_finished_orders"}
    assert set(figures.cost_parts) == set(COMPONENTS)


def test_a_period_that_ends_before_it_starts_or_has_no_zone_is_refused(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 0, 2)])
    with pytest.raises(InputError, match="before it starts"):
        three_figures(log, Plant(), start=at(5), end=at(4))
    with pytest.raises(InputError, match="has no zone"):
        three_figures(log, Plant(), start=at(5).replace(tzinfo=None))


def test_a_log_short_beside_its_cycle_is_marked(log_of: Tell, generated: Callable[..., WorkLog]) -> None:
    assert three_figures(log_of(line()), Plant()).notes == ("cut_by_edges",)
    assert three_figures(generated(500), Plant()).notes == ()


def test_the_defect_rate_of_a_generated_plant_is_recovered(generated: Callable[..., WorkLog]) -> None:
    figure = three_figures(generated(2000, defect=0.03), Plant()).defect_rate
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low <= 0.03 <= figure.high
    assert figure.high - figure.low < 0.004


def test_tables_by_operation_machine_and_person_hold_all_the_money(generated: Callable[..., WorkLog]) -> None:
    cost = operating_cost(generated(50), Plant())
    work = sum(cost.total[name] or 0.0 for name in ("labour", "machine", "scrap_work"))
    for table in (cost.by_operation, cost.by_machine, cost.by_person, cost.by_product):
        assert table["cost"].sum() == pytest.approx(work)
    assert cost.orders["cost"].sum() == pytest.approx(sum(v for v in cost.total.values() if v is not None))


@pytest.mark.parametrize(
    ("blank", "reason"),
    [
        (("scrap", "rework"), "no_scrap_reported"),
        (("good", "order_quantity"), "no_good_reported"),
        (("good", "scrap", "rework", "order_quantity"), "no_quantities"),
    ],
)
def test_pieces_told_on_one_side_only_give_no_defect_rate(
    generated: Callable[..., WorkLog], blank: tuple[str, ...], reason: str
) -> None:
    log = generated(60)
    frame = log.frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in blank)
    figures = three_figures(WorkLog(frame, log.zone), Plant())
    assert (figures.defect_rate.value, figures.defect_rate.reason) == (None, reason)


def test_steps_without_a_length_cost_no_labour_that_could_be_told(generated: Callable[..., WorkLog]) -> None:
    log = generated(60)
    figures = three_figures(WorkLog(log.frame.with_columns(start="end"), log.zone), Plant())
    assert {figures.missing["labour"], figures.missing["machine"]} == {"no_durations"}
