"""What a journal fills of a return, line by line, on cases small enough to work out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.account import three_figures
from zhizao.model import Machine, Meter, Plant, Rates, WorkLog
from zhizao.programme.items import items
from zhizao.programme.returns import bounds, fill_return, shipped_factors
from zhizao.programme.returns.factors import Factor, factor
from zhizao.programme.returns.words import WORDS
from zhizao.record.facts import ACCOUNT_LINE_SCHEMA, FLOW_SCHEMA

START, END = bounds("2025-06", "Asia/Shanghai")
EMPTY = WorkLog.of(pl.DataFrame(schema={"order": pl.String, "activity": pl.String, "start": pl.Datetime("ns", "UTC")}))
NO_ACCOUNTS = pl.DataFrame(schema=ACCOUNT_LINE_SCHEMA)
NO_FLOWS = pl.DataFrame(schema=FLOW_SCHEMA)


def flows(*rows: tuple[str, str, float, datetime, datetime]) -> pl.DataFrame:
    made = [
        (at, meter, carrier, amount, "kWh", start, end)
        for at, (meter, carrier, amount, start, end) in enumerate(rows, 1)
    ]
    return pl.DataFrame(made, schema=FLOW_SCHEMA, orient="row")


def log() -> WorkLog:
    at = START + timedelta(days=2)
    rows: dict[str, list[Any]] = {
        "event": [11, 12, 13, 14],
        "order": ["A", "A", "B", "C"],
        "activity": ["mill", "check", "mill", "mill"],
        "person": ["p", "q", "p", "r"],
        "machine": ["M1", "Q1", "M1", "M1"],
        "start": [at, at + timedelta(hours=5), at, END - timedelta(hours=1)],
        "end": [at + timedelta(hours=2), at + timedelta(hours=6), at + timedelta(hours=4), END + timedelta(hours=1)],
        "good": [10.0, 9.0, 4.0, 5.0],
        "scrap": [0.0, 1.0, 1.0, 0.0],
    }
    return WorkLog.of(pl.DataFrame(rows), "Asia/Shanghai")


def fill(
    plant: Plant | None = None, work: WorkLog = EMPTY, read: pl.DataFrame = NO_FLOWS, books: pl.DataFrame = NO_ACCOUNTS
):  # type: ignore[no-untyped-def]
    return fill_return("2025-06", plant or Plant(), work, read, books)


def test_an_empty_journal_fills_nothing_and_says_why_of_each_line() -> None:
    found = fill()
    assert list(found.lines) == list(items())
    assert found.filled == 0
    for line in found.lines.values():
        assert line.status == "left"
        assert line.formula("en") and line.formula("zh") and line.how[0].startswith("left.")


def test_pieces_cycle_and_cost_are_those_of_the_orders_finished_in_the_month() -> None:
    found = fill(work=log()).lines
    assert (found["products_made"].value, found["products_defective"].value) == (15.0, 2.0)
    assert found["cycle_h"].value == 5.0  # A took 6 h, B 4 h; C ended in July
    line = found["products_made"]
    assert (line.kinds, line.count, line.first, line.last) == (("operation.ended",), 3, 11, 13)
    three = three_figures(log(), Plant(), start=START, end=END)
    assert found["operating_cost_cny"].value == pytest.approx(three.operating_cost.value * three.good_pieces)
    scope, assumed = found["operating_cost_cny"].remarks("en")
    assert "without the material in good pieces" in scope
    assert "labour_per_h" in assumed
    assert found["employees"].value == 3.0  # r began in June


def test_rates_in_another_currency_leave_the_cost_to_a_person() -> None:
    line = fill(Plant(rates=Rates(currency="EUR")), log()).lines["operating_cost_cny"]
    assert line.value is None and "EUR" in line.formula("zh")


def test_a_reading_across_the_months_end_counts_by_its_time_in_it() -> None:
    read = flows(
        ("E0", "electricity", 100.0, START - timedelta(hours=6), START + timedelta(hours=18)),
        ("E0", "electricity", 50.0, START + timedelta(hours=18), END),
        ("E0", "electricity", 80.0, END, END + timedelta(days=1)),
    )
    line = fill(read=read).lines["electricity_kwh"]
    assert line.value == pytest.approx(75.0 + 50.0)
    assert (line.count, line.first, line.last, line.notes) == (2, 1, 2, ())


def test_a_meter_below_another_is_not_added_and_one_nobody_declared_is() -> None:
    plant = Plant(meters={"E0": Meter(carrier="electricity"), "E1": Meter(carrier="electricity", below="E0")})
    read = flows(
        ("E0", "electricity", 100.0, START, END),
        ("E1", "electricity", 60.0, START, END),
        ("X", "electricity", 7.0, START, END),
    )
    line = fill(plant, read=read).lines["electricity_kwh"]
    assert line.value == 107.0 and line.count == 2


def test_a_month_that_was_not_read_to_its_end_says_so() -> None:
    line = fill(read=flows(("W0", "water", 30.0, START, START + timedelta(days=15)))).lines["water_m3"]
    assert line.value == 30.0
    assert line.remarks("en") == ("meters read only 50.0 % of the month",)


def test_energy_and_co2_are_sums_of_carriers_with_their_factors_named() -> None:
    read = flows(("E0", "electricity", 30_000.0, START, END), ("G0", "gas", 4_000.0, START, END))
    found = fill(read=read)
    assert found.lines["energy_tce"].value == pytest.approx(3.687 + 5.32)  # 0.1229 and 1.33 kgce
    assert found.lines["co2_t"].value == pytest.approx(16.098 + 8.6488)  # 0.5366 and 2.1622 kg
    assert found.lines["energy_tce"].factors == ("tce.electricity@2020", "tce.gas@2020")
    assert "coal, heat" in found.lines["co2_t"].remarks("en")[0]
    assert {one.name for one in found.factors} == {
        "tce.electricity@2020",
        "tce.gas@2020",
        "co2.electricity@2022",
        "co2.gas@2015",
    }


def test_factors_of_ones_own_take_the_place_of_those_shipped() -> None:
    own = [
        *shipped_factors(),
        Factor(
            id="co2.electricity",
            version=2024,
            carrier="electricity",
            to="kgCO2",
            per="kWh",
            value=0.5,
            year=2024,
            zh="自",
            en="own",
            source="x",
        ),
    ]
    read = flows(("E0", "electricity", 1000.0, START, END))
    line = fill_return("2025-06", Plant(), EMPTY, read, NO_ACCOUNTS, own).lines["co2_t"]
    assert (line.value, line.factors) == (pytest.approx(0.5), ("co2.electricity@2024",))
    assert factor(own, "electricity", "kgCO2", 2022).value == 0.5366


def test_the_factors_are_those_of_the_standard() -> None:
    # GB/T 2589: 1 kgce = 7000 kcal; 860 kcal/kWh, 9310 kcal/m3, 5000 kcal/kg
    known = {one.carrier: one.value for one in shipped_factors() if one.to == "kgce"}
    assert known["electricity"] == pytest.approx(860 / 7000, rel=1e-3)
    assert known["gas"] == pytest.approx(9310 / 7000, rel=1e-3)
    assert known["coal"] == pytest.approx(1000 * 5000 / 7000, rel=1e-3)
    assert known["heat"] == pytest.approx(1e6 / 29307.6, rel=1e-3)
    burnt = {one.carrier: one.value for one in shipped_factors() if one.to == "kgCO2"}
    assert burnt["coal"] == pytest.approx(1000 * 23.204 * 0.02618 * 0.93 * 44 / 12, rel=1e-3)
    assert burnt["gas"] == pytest.approx(38.931 * 0.0153 * 0.99 * 44 / 12, rel=1e-4)
    assert factor(shipped_factors(), "gas", "kgCO2", 2006).value == pytest.approx(56.1 * 38.931 / 1000, rel=1e-4)
    assert burnt["heat"] == 110.0  # 0.11 t/GJ


def test_key_processes_are_counted_from_the_equipment_list() -> None:
    plant = Plant(
        machines={
            "a": Machine(key_process=True, numerical_control=True),
            "b": Machine(key_process=True, numerical_control=False),
            "c": Machine(key_process=False, numerical_control=True),
            "d": Machine(),
        }
    )
    found = fill(plant).lines
    assert (found["key_processes"].value, found["key_processes_nc"].value) == (2.0, 1.0)
    silent = fill(Plant(machines={"a": Machine(key_process=True)})).lines
    assert (silent["key_processes"].value, silent["key_processes_nc"].value) == (1.0, None)


def test_what_the_journal_measures_goes_before_the_ledger_and_staff_after_it() -> None:
    books = pl.DataFrame(
        [
            (21, "2025-06", "electricity_kwh", "bill", 999.0, "kWh"),
            (22, "2025-06", "coal_t", "bill", 3.0, "t"),
            (23, "2025-06", "employees", "staff list", 29.0, "people"),
            (24, "2025-05", "revenue_cny", "6001", 5.0, "CNY"),
            (25, "2025-06", "revenue_cny", "6001", 70.0, "CNY"),
            (26, "2025-06", "revenue_cny", "6051", 7.0, "CNY"),
        ],
        schema=ACCOUNT_LINE_SCHEMA,
        orient="row",
    )
    found = fill(work=log(), read=flows(("E0", "electricity", 100.0, START, END)), books=books).lines
    assert found["electricity_kwh"].value == 100.0
    assert (found["coal_t"].value, found["coal_t"].kinds) == (3.0, ("accounts.closed",))
    assert (found["employees"].value, found["employees"].first) == (29.0, 23)
    assert (found["revenue_cny"].value, found["revenue_cny"].count) == (77.0, 2)
    assert "6001, 6051" in found["revenue_cny"].formula("en")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(-40, 75), st.integers(1, 40), st.floats(0, 1e6)), min_size=1, max_size=20))
def test_what_flows_in_all_months_together_is_what_was_read(readings: list[tuple[int, int, float]]) -> None:
    rows = [
        ("E0", "electricity", amount, START + timedelta(days=at), START + timedelta(days=at + length))
        for at, length, amount in readings
    ]
    total = 0.0
    for month in ("2025-04", "2025-05", "2025-06", "2025-07", "2025-08", "2025-09"):
        total += fill_return(month, Plant(), EMPTY, flows(*rows), NO_ACCOUNTS).lines["electricity_kwh"].value or 0.0
    assert total == pytest.approx(sum(amount for _, _, amount in readings), rel=1e-9, abs=1e-9)


def test_a_plant_whose_meters_hang_in_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="below itself"):
        Plant(meters={"a": Meter(carrier="gas", below="b"), "b": Meter(carrier="gas", below="a")})
    with pytest.raises(ValueError, match="stands below one of water"):
        Plant(meters={"a": Meter(carrier="gas", below="b"), "b": Meter(carrier="water")})
    with pytest.raises(ValueError, match="not among meters"):
        Plant(meters={"a": Meter(carrier="gas", below="b")})


def test_words_hold_the_same_values_in_both_languages() -> None:
    import re

    for key, (english, chinese) in WORDS.items():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", chinese)), key


def test_readings_at_one_moment_do_not_flow() -> None:
    at = datetime(2025, 6, 10, tzinfo=UTC)
    assert fill(read=flows(("E0", "electricity", 5.0, at, at))).lines["electricity_kwh"].value is None
