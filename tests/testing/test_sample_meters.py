"""The sample plant's meters and books follow from what it did, and its return from both."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from zhizao.app.facts import read_facts
from zhizao.model import Kind, Plant
from zhizao.programme.items import items
from zhizao.programme.returns import Tree, bounds, fill_return
from zhizao.record import read_plant
from zhizao.testing.sample import BOOK_TRUTH, ENTERPRISE, FLOW_TRUTH, Truth, accounts_of, generate, readings, records
from zhizao.testing.sample.books import months_in
from zhizao.testing.sample.flows import busy_seconds
from zhizao.testing.sample.hours import Week

WEEKS = 26
NOW = datetime(2025, 12, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def read(frame: pl.DataFrame, messy: Truth) -> pl.DataFrame:
    return readings(frame, messy, weeks=WEEKS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    generate(folder, seed=1, weeks=10)
    return folder


def total(read: pl.DataFrame, meter: str) -> float:
    return float(read.filter(pl.col("meter") == meter)["quantity"].sum())


def test_the_machines_and_what_is_always_on_add_up_to_the_main_meter(read: pl.DataFrame, messy: Truth) -> None:
    days = read.filter(pl.col("meter") == "E0").sort("start")
    parts = (
        read.filter(pl.col("meter").str.starts_with("E-")).group_by("start").agg(pl.col("quantity").sum()).sort("start")
    )
    rest = days["quantity"].to_numpy() - parts["quantity"].to_numpy()
    assert days.height == parts.height == 7 * WEEKS
    assert rest.min() == pytest.approx(24 * FLOW_TRUTH.base_kw, abs=1e-3)  # Sundays
    assert rest.max() == pytest.approx(24 * FLOW_TRUTH.base_kw + 16 * FLOW_TRUTH.shift_kw, abs=1e-3)


def test_a_machine_draws_what_its_hours_say(read: pl.DataFrame, frame: pl.DataFrame, messy: Truth) -> None:
    machine = messy.machine("L1")
    rows = frame.filter(pl.col("machine") == "L1")
    hours = {
        report: float((part["end"] - part["start"]).dt.total_seconds().sum()) / 3600
        for (report,), part in rows.group_by("report")
    }
    work, setup, idle, off = FLOW_TRUTH.power_kw["L1"]
    open_h = WEEKS * Week(machine.hours).seconds / 3600
    held = sum(hours.values())
    expected = (
        work * hours["production"] + setup * hours["setup"] + idle * (open_h - held) + off * (WEEKS * 168 - open_h)
    )
    assert total(read, "E-L1") == pytest.approx(expected, rel=2e-3)  # reports that end after the shift count as work


def test_no_second_is_counted_twice(frame: pl.DataFrame, messy: Truth) -> None:
    busy = busy_seconds(frame, messy, 7 * WEEKS)
    for name, kinds in busy.items():
        assert max(seconds.max() for seconds in kinds.values()) <= 86_400, name
        whole = sum(kinds.values(), np.zeros(7 * WEEKS))
        assert whole.max() <= 86_400, name


def test_the_furnace_burns_no_more_for_four_orders_than_for_one(
    read: pl.DataFrame, frame: pl.DataFrame, messy: Truth
) -> None:
    loaded = busy_seconds(frame, messy, 7 * WEEKS)["H1"]["production"].sum() / 3600
    reported = frame.filter(pl.col("machine") == "H1").select(
        (pl.col("end") - pl.col("start")).dt.total_seconds().sum()
    )
    assert loaded < reported.item() / 3600  # lots share it
    hot, warm = FLOW_TRUTH.gas_m3_h
    assert total(read, "G0") == pytest.approx(hot * loaded + warm * (WEEKS * 168 - loaded))


def test_waste_is_chips_and_scrap_and_nearly_all_goes_back(
    read: pl.DataFrame, frame: pl.DataFrame, messy: Truth
) -> None:
    family = {product.name: product.family for product in messy.products}
    kg = 0.0
    for product, operation, good, scrap, rework in (
        frame.filter(pl.col("report") == "production")
        .select("product", "operation", *(pl.col(name).fill_null(0.0) for name in ("good", "scrap", "rework")))
        .iter_rows()
    ):
        kg += FLOW_TRUTH.chips_kg[family[product]].get(operation, 0.0) * (good + scrap + rework)
        kg += FLOW_TRUTH.piece_kg[family[product]] * scrap
    assert total(read, "R0") == pytest.approx(kg / 1000, rel=1e-4)
    assert total(read, "R1") == pytest.approx(FLOW_TRUTH.used * total(read, "R0"), rel=1e-4)


def test_the_books_hang_together(read: pl.DataFrame, frame: pl.DataFrame, messy: Truth) -> None:
    books = accounts_of(frame, read, messy, weeks=WEEKS)
    assert months_in(messy, WEEKS) == ["2025-03", "2025-04", "2025-05", "2025-06", "2025-07", "2025-08"]
    assert set(books["item"]) <= set(items())
    wide = {period: dict(part.select("item", "value").iter_rows()) for (period,), part in books.group_by("period")}
    material = {product.name: product.material for product in messy.products}
    final = frame.filter(pl.col("operation") == "final", pl.col("report") == "production")
    made = sum(material[name] * good for name, good in final.select("product", "good").iter_rows())
    assert sum(month["output_cny"] for month in wide.values()) == pytest.approx(BOOK_TRUTH.price * made, rel=0.01)
    for period, month in wide.items():
        assert month["new_product_revenue_cny"] <= month["revenue_cny"], period
        assert 0 < month["profit_cny"] < month["value_added_cny"] < month["output_cny"], period
        assert month["debts_cny"] == pytest.approx(BOOK_TRUTH.debts * month["assets_cny"], rel=1e-6)
        delivered = (
            month["output_cny"]
            + (wide.get(f"2025-{int(period[5:]) - 1:02d}") or {"inventory_cny": 0.0})["inventory_cny"]
        )
        assert month["revenue_cny"] + month["inventory_cny"] == pytest.approx(delivered, abs=0.05)


def test_what_lies_beside_the_records_is_read_without_a_refusal(folder: Path) -> None:
    plant = read_plant(folder / "plant.yaml")
    meters = read_facts(folder / "meters.csv", plant, now=NOW)
    books = read_facts(folder / "accounts.csv", plant, now=NOW)
    assert (meters.kind, meters.rejected.height, meters.read) == (Kind.METERED, 0, 70 * 17)
    assert (books.kind, books.rejected.height, books.read) == (Kind.ACCOUNTS_CLOSED, 0, 2 * 18)
    tree = Tree.model_validate(yaml.safe_load((folder / "units.yaml").read_text(encoding="utf-8")))
    assert tree.path(ENTERPRISE) == ("GD-P1", "GD", "CN") and plant.enterprise == ENTERPRISE
    rates = json.loads((folder / "flows.json").read_text(encoding="utf-8"))
    assert rates["flows"]["base_kw"] == FLOW_TRUTH.base_kw
    with (folder / "meters.csv").open(encoding="utf-8") as file:
        first = next(csv.DictReader(file))
    assert (first["start"], first["end"]) == ("2025-03-03 00:00", "2025-03-04 00:00")


def test_the_return_has_what_is_true_of_the_month(folder: Path, messy: Truth) -> None:
    plant: Plant = read_plant(folder / "plant.yaml")
    log = records(messy, seed=1, weeks=10)
    flows = (
        read_facts(folder / "meters.csv", plant, now=NOW)
        .frame.with_row_index("event")
        .with_columns(pl.col("event").cast(pl.Int64))
    )
    books = (
        read_facts(folder / "accounts.csv", plant, now=NOW)
        .frame.with_row_index("event")
        .with_columns(pl.col("event").cast(pl.Int64))
    )
    found = fill_return("2025-04", plant, log, flows, books)
    start, end = bounds("2025-04", plant.zone)
    month = flows.filter(pl.col("start") >= start, pl.col("end") <= end)
    for item, meter in (("electricity_kwh", "E0"), ("gas_m3", "G0"), ("water_m3", "W0"), ("waste_generated_t", "R0")):
        line = found.lines[item]
        assert line.value == pytest.approx(total(month, meter)) and (line.count, line.notes) == (30, ()), item
    assert found.lines["key_processes"].value == len(FLOW_TRUTH.key)
    assert found.lines["key_processes_nc"].value == len(set(FLOW_TRUTH.key) & set(FLOW_TRUTH.controlled))
    assert found.lines["employees"].value == len(messy.people) + BOOK_TRUTH.staff
    assert found.filled == 31
    left = {key for key, line in found.lines.items() if line.value is None}
    assert left == {
        "patents_valid",
        "digital_rd_tools",
        "coal_t",
        "heat_gj",
        "waste_used_old_t",
        "pollutants_t",
        "batches_inspected",
        "batches_passed",
        "capacity_cny",
    }
    assert end - start == timedelta(days=30)


def test_a_run_shorter_than_a_month_has_no_books(tmp_path: Path) -> None:
    generate(tmp_path, seed=1, weeks=2)
    assert (tmp_path / "accounts.csv").read_text(encoding="utf-8").splitlines() == ["period,account,item,value,unit"]
