"""ISO 22400-2 figures: worked example, sums before ratios, closed time, and a way back to the events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from zhizao.account import COMPONENTS, ELEMENTS, KPIS, STATES, evaluate, evidence, iso22400, sum_elements, three_figures
from zhizao.errors import InputError
from zhizao.model import Plant, WorkLog

from .conftest import at

Tell = Callable[..., WorkLog]
BY_KEY = {kpi.key: kpi for kpi in KPIS}
WORKED = {
    "PBT": 480.0, "APT": 390.0, "AUST": 40.0, "ADET": 30.0, "ADOT": 20.0, "PQ": 400.0, "GQ": 380.0,
    "PRI_PQ": 0.9 * 400, "PRI_GQ": 0.9 * 380, "AUPT": 430.0, "AUBT": 460.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("availability", 0.8125),
        ("effectiveness", 0.923077),
        ("quality_ratio", 0.95),
        ("oee", 0.7125),
        ("nee", 0.785577),
        ("allocation_efficiency", 0.958333),
        ("utilisation_efficiency", 0.847826),
        ("setup_ratio", 0.093023),
        ("technical_efficiency", 0.928571),
    ],
)
def test_a_worked_shift_gives_its_figures(key: str, value: float) -> None:
    assert evaluate(BY_KEY[key], WORKED).value == pytest.approx(value, abs=5e-7)


def test_oee_is_availability_times_effectiveness_times_quality() -> None:
    a, e, q = (evaluate(BY_KEY[key], WORKED).value or 0.0 for key in ("availability", "effectiveness", "quality_ratio"))
    assert evaluate(BY_KEY["oee"], WORKED).value == pytest.approx(a * e * q)


def test_oee_of_two_machines_comes_from_sums_and_is_not_the_mean_of_two_oees() -> None:
    big = WORKED
    small = {"PBT": 48.0, "APT": 12.0, "PQ": 10.0, "GQ": 5.0, "PRI_PQ": 10.0, "PRI_GQ": 5.0}
    whole = evaluate(BY_KEY["oee"], sum_elements([big, small])).value
    each = [evaluate(BY_KEY["oee"], part).value or 0.0 for part in (big, small)]
    assert whole == pytest.approx((342 + 5) / (480 + 48))
    assert whole is not None
    assert abs(whole - sum(each) / 2) > 0.2


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.key)
def test_a_zero_denominator_or_a_missing_element_gives_no_value_and_the_reason(kpi: Any) -> None:
    zero = evaluate(kpi, dict.fromkeys(ELEMENTS, 0.0))
    assert (zero.value, zero.reason) == (None, "nothing_to_divide_by")
    gone = evaluate(kpi, {})
    assert (gone.value, gone.reason) == (None, f"not_recorded:{','.join(kpi.uses)}")
    assert set(kpi.uses) <= set(ELEMENTS)


def test_the_time_of_a_machine_is_closed(generated: Callable[..., WorkLog]) -> None:
    figures = iso22400(generated(200), Plant())
    wide = figures.elements.filter(scope="machine").pivot("element", index="name", values="value")
    off = wide.select(pl.col("PBT") - pl.sum_horizontal("APT", "AUST", "ADET", "ADOT")).to_series().abs().max()
    assert wide.height == 8
    assert off == pytest.approx(0.0, abs=1e-9)
    assert (wide["ADOT"] >= -1e-9).all()


def test_elements_of_a_shift_are_read_from_its_reports(log_of: Tell) -> None:
    rows: list[dict[str, Any]] = [
        {"operation": "mill", "start": 0, "end": 1, "report": "setup"},
        {"operation": "mill", "start": 1, "end": 5, "report": "production", "good": 8.0, "scrap": 1.0, "rework": 1.0},
        {"operation": "mill", "start": 5, "end": 6, "report": "breakdown"},
        {"operation": "mill", "start": 7, "end": 8, "report": "production", "good": 2.0, "scrap": 0.0, "rework": 0.0},
    ]
    log = log_of([{"order": "A", "machine": "m", "person": "p"} | row for row in rows])
    figures = iso22400(log, Plant(), planned_h={("mill", ""): 0.3})
    get = {row["element"]: row["value"] for row in figures.elements.filter(scope="machine").iter_rows(named=True)}
    assert (get["APT"], get["AUST"], get["ADET"], get["FE"]) == (5.0, 1.0, 1.0, 1.0)
    assert (get["PQ"], get["GQ"], get["SQ"], get["RQ"]) == (12.0, 10.0, 1.0, 1.0)
    assert get["PRI_PQ"] == pytest.approx(3.6)
    assert figures.value("mttr", "machine", "m") == 1.0
    assert figures.value("mtbf", "machine", "m") == 5.0
    assert figures.value("first_pass_yield", "operation", "mill") == pytest.approx(10 / 12)
    assert figures.value("production_process_ratio", "order", "A") == pytest.approx(5 / 8)
    assert "PRI" not in figures.assumed


def test_a_report_over_the_edge_of_the_period_counts_with_the_part_inside(log_of: Tell) -> None:
    log = log_of([{"order": "A", "operation": "mill", "machine": "m", "start": 0, "end": 10, "good": 5.0}])
    inside = iso22400(log, Plant(), start=at(4), end=at(6)).elements.filter(scope="machine", element="APT")
    assert inside["value"].to_list() == [2.0]
    pieces = iso22400(log, Plant(), start=at(4), end=at(6)).elements.filter(scope="machine", element="GQ")
    assert pieces["value"].to_list() == [0.0]


def test_the_usual_time_stands_in_for_the_planned_one_and_is_named(generated: Callable[..., WorkLog]) -> None:
    figures = iso22400(generated(200), Plant())
    assert set(figures.assumed) == {"PRI", "PBT", "APAT"}
    effectiveness = figures.value("effectiveness")
    assert effectiveness is not None
    assert 0.7 < effectiveness < 1.3


def test_what_is_not_recorded_is_named(log_of: Tell) -> None:
    log = log_of([{"order": "A", "operation": "mill", "machine": "m", "start": 0, "end": 10}])
    table = iso22400(log, Plant()).table
    reasons = dict(table.filter(scope="plant").select("key", "reason").iter_rows())
    assert reasons["quality_ratio"] == "not_recorded:GQ,PQ"
    assert reasons["availability"] == ""
    assert reasons["inventory_turns"] == "not_recorded:TH,WIP"
    with pytest.raises(InputError, match="no figure"):
        iso22400(log, Plant()).value("beauty")


def test_inventory_turns_obey_a_simple_flow(log_of: Tell) -> None:
    rows = [
        {"order": f"o{i}", "operation": "mill", "start": i, "end": i + 2, "order_quantity": 5.0} for i in range(100)
    ]
    figures = iso22400(log_of(rows), Plant(), start=at(10), end=at(90))
    # 80 orders leave and two are inside at any time
    assert figures.value("inventory_turns") == pytest.approx(80 / 2, rel=0.01)


def test_the_evidence_of_a_figure_adds_up_to_its_elements(generated: Callable[..., WorkLog]) -> None:
    log = generated(100)
    figures = iso22400(log, Plant())
    rows = evidence("scrap_ratio", log, scope="machine", name="m2")
    get = dict(figures.elements.filter(scope="machine", name="m2").select("element", "value").iter_rows())
    assert (rows["SQ"].sum(), rows["PQ"].sum()) == (get["SQ"], get["PQ"])
    assert rows["event"].is_unique().all()
    assert set(rows["machine"]) == {"m2"}
    times = evidence("utilisation_efficiency", log, scope="machine", name="m2")
    assert times["APT"].sum() == pytest.approx(get["APT"])


def test_the_evidence_of_the_three_figures_is_the_work_of_the_orders_that_ended(
    generated: Callable[..., WorkLog],
) -> None:
    log = generated(100)
    rows = evidence("defect_rate", log, start=at(20), end=at(60))
    assert rows["order"].n_unique() == three_figures(log, Plant(), start=at(20), end=at(60)).orders
    with pytest.raises(InputError, match="no figure"):
        evidence("beauty", log)
    with pytest.raises(InputError, match="nothing a figure can be of"):
        evidence("oee", log, scope="moon")


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.key)
def test_every_figure_can_list_its_events(kpi: Any, generated: Callable[..., WorkLog]) -> None:
    rows = evidence(kpi.key, generated(20))
    assert "event" in rows.columns


def test_every_figure_component_and_state_is_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "kpi.md").read_text(encoding="utf-8")
    keys = [kpi.key for kpi in KPIS] + [*COMPONENTS, *STATES, "production_cycle", "operating_cost", "defect_rate"]
    assert [key for key in keys if f"`{key}`" not in text] == []
    assert [kpi.formula for kpi in KPIS if kpi.formula not in text] == []
