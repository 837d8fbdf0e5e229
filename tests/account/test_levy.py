"""A real job shop: figures are plausible and agree with what its description says."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from zhizao.account import STATES, defect_rate, iso22400, losses, production_cycle, three_figures
from zhizao.model import Plant, WorkLog

ZONE = "Asia/Jerusalem"


@pytest.fixture(scope="module")
def job_shop(shared: Path) -> WorkLog:
    path = shared / "event_logs" / "levy2014_production" / "Production_Data_train.csv"
    if not path.exists():
        pytest.skip("the job-shop log is absent")
    raw = pl.read_csv(path, infer_schema_length=None)

    def time(column: str) -> pl.Expr:
        local = pl.col(column).str.to_datetime("%Y/%m/%d %H:%M:%S%.3f", time_unit="ns")
        return local.dt.replace_time_zone(ZONE, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")

    frame = raw.select(
        event=pl.int_range(pl.len()),
        order="Case ID",
        activity="Activity",
        operation=pl.col("Activity").str.replace(r" - Machine \d+$", ""),
        machine="Resource",
        person="Worker ID",
        product="Part Desc.",
        start=time("Start Timestamp"),
        end=time("Complete Timestamp"),
        report=pl.col("Report Type").replace_strict({"D": "production", "S": "setup", "B": "breakdown"}),
        good=pl.col("Qty Completed").cast(pl.Float64),
        scrap=pl.col("Qty Rejected").cast(pl.Float64),
        rework=pl.col("Qty for MRB").cast(pl.Float64),
        is_rework=pl.col("Rework").fill_null("") == "Y",
        order_quantity=pl.col("Work Order  Qty").cast(pl.Float64),
    )
    return WorkLog.of(frame, ZONE)


@pytest.mark.shared
def test_the_three_figures_of_the_job_shop(job_shop: WorkLog) -> None:
    figures = three_figures(job_shop, Plant(zone=ZONE))
    assert figures.orders == 168
    assert figures.production_cycle_h.value == pytest.approx(612.1, abs=0.1)
    # 523 rejected and 105 for review of some 13,000 pieces that entered: 4.7 % go bad on the way
    assert figures.defect_rate.value == pytest.approx(0.0475, abs=0.0005)
    assert figures.missing == {"lateness": "no_due_dates"}
    assert figures.notes == ("cut_by_edges",)


@pytest.mark.shared
def test_quantities_of_the_job_shop_are_those_in_its_file(job_shop: WorkLog) -> None:
    figures = iso22400(job_shop, Plant(zone=ZONE))
    get = dict(figures.elements.filter(scope="plant").select("element", "value").iter_rows())
    assert (get["SQ"], get["RQ"], get["GQ"], get["FE"]) == (523.0, 105.0, 79_629.0, 48.0)


@pytest.mark.shared
def test_the_cycle_of_the_job_shop_is_mostly_waiting_and_adds_up(job_shop: WorkLog) -> None:
    cycle = production_cycle(job_shop, Plant(zone=ZONE))
    assert sum(cycle.parts_h.values()) == pytest.approx(cycle.mean_h.value, rel=1e-9)
    assert set(cycle.parts_h) == set(STATES)
    share = cycle.parts_h["processing"] / (cycle.mean_h.value or 1.0)
    assert 0.05 < share < 0.15
    assert cycle.parts_h["off_shift"] > cycle.parts_h["wait_machine"] > cycle.parts_h["wait_people"]


@pytest.mark.shared
def test_defects_of_the_job_shop_are_found_at_inspections_and_made_before_them(job_shop: WorkLog) -> None:
    rate = defect_rate(job_shop, Plant(zone=ZONE))
    assert rate.found_at["operation"][0] == "Turning & Milling Q.C."
    assert rate.by["operation"]["bad"].sum() == pytest.approx(628.0)
    assert rate.by["product"]["name"][0] == "Cable Head"
    assert max(rate.scatter.values()) > 5  # bad pieces come in bad lots
    assert not rate.adjusted["person"]["worse"].any()  # one bad lot convicts nobody


@pytest.mark.shared
def test_machines_of_the_job_shop_keep_the_shabbat(job_shop: WorkLog) -> None:
    found = losses(job_shop, Plant(zone=ZONE))
    weeks = found.weeks.filter(pl.col("machine") == "Machine 4 - Turning & Milling")
    assert weeks["off_shift_h"][1:-1].median() == pytest.approx(24, abs=8)
