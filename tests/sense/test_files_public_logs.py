"""The public logs are read whole: every row, every time, nothing made up."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from zhizao.sense.files import read_records

NOW = datetime(2025, 6, 1, tzinfo=UTC)
pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def job_shop(shared: Path) -> Path:
    return shared / "event_logs" / "levy2014_production"


@pytest.fixture(scope="module")
def offices(shared: Path) -> Path:
    return shared / "event_logs" / "bps_reference_logs"


def test_the_job_shop_is_read_row_by_row(job_shop: Path) -> None:
    path = job_shop / "Production_Data_train.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    reading = read_records(path, zone="Asia/Jerusalem", now=NOW)
    assert (reading.read, reading.frame.height, reading.rejected.height) == (3966, 3966, 0)
    frame = reading.frame
    assert frame["order"].n_unique() == 168
    zone = ZoneInfo("Asia/Jerusalem")

    def at(text: str) -> datetime:
        return datetime.strptime(text, "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=zone)

    assert frame["start"].to_list() == [at(row["Start Timestamp"]) for row in rows]
    lengths = [at(row["Complete Timestamp"]) - at(row["Start Timestamp"]) for row in rows]
    assert [end - start for start, end in frame.select("start", "end").iter_rows()] == [
        # aware subtraction of one zone is wall time; both ends in UTC give elapsed time
        at(row["Complete Timestamp"]).astimezone(UTC) - at(row["Start Timestamp"]).astimezone(UTC)
        for row in rows
    ]
    assert sum(lengths, timedelta()) > timedelta(days=100)
    for role, heading in (
        ("good", "Qty Completed"),
        ("scrap", "Qty Rejected"),
        ("rework", "Qty for MRB"),
        ("order_quantity", "Work Order  Qty"),
    ):
        assert frame[role].to_list() == [float(row[heading]) for row in rows]
    kinds = {"D": "production", "S": "setup", "B": "breakdown"}
    assert frame["report"].to_list() == [kinds[row["Report Type"]] for row in rows]
    assert frame["is_rework"].to_list() == [row["Rework"] == "Y" for row in rows]
    assert frame["activity"].to_list() == [row["Activity"] for row in rows]
    assert frame["machine"].to_list() == [row["Resource"] for row in rows]
    assert frame["person"].to_list() == [row["Worker ID"] for row in rows]


def test_the_spans_of_the_job_shop_are_not_used_where_there_are_ends(job_shop: Path) -> None:
    reading = read_records(job_shop / "Production_Data_train.csv", now=NOW)
    assert reading.mapping.columns["duration"] == "Span"
    assert "not used" in reading.mapping.why["duration"]


def test_operations_of_the_job_shop_do_not_name_machines(job_shop: Path) -> None:
    frame = read_records(job_shop / "Production_Data_train.csv", now=NOW).frame
    assert frame["activity"].n_unique() > 1.5 * frame["operation"].n_unique()
    assert not frame["operation"].str.contains(r"Machine \d").any()
    shared_operation = frame.filter(pl.col("operation") == "Turning & Milling")
    assert shared_operation["machine"].n_unique() >= 6


def test_equal_rows_of_the_job_shop_are_kept(job_shop: Path) -> None:
    frame = read_records(job_shop / "Production_Data_train.csv", now=NOW).frame
    assert frame.drop("row").is_duplicated().sum() == 39


def test_the_xes_of_the_job_shop_is_paired(job_shop: Path) -> None:
    path = job_shop / "Production_train.xes.gz"
    reading = read_records(path, now=NOW)
    with gzip.open(path) as file:
        events = [
            {child.get("key"): child.get("value") for child in event}
            for _, event in ElementTree.iterparse(file)
            if event.tag.endswith("event")
        ]
    starts = sorted(event["time:timestamp"] for event in events if event["lifecycle:transition"] == "start")
    ends = sorted(event["time:timestamp"] for event in events if event["lifecycle:transition"] == "complete")
    frame = reading.frame
    assert reading.read == frame.height == len(starts) == len(ends) == 4263
    assert frame["start"].sort().to_list() == sorted(datetime.fromisoformat(str(text)) for text in starts)
    assert frame["end"].sort().to_list() == sorted(datetime.fromisoformat(str(text)) for text in ends)
    assert (frame["end"] >= frame["start"]).all()
    assert frame["order"].n_unique() == 168
    assert frame["machine"].null_count() == frame.height and frame["person"].null_count() == 0


@pytest.mark.parametrize(
    ("name", "rows", "orders", "role"),
    [
        ("BPIC_2012_W_train.csv.gz", 16338, None, "machine"),
        ("AcademicCredentials_train.csv.gz", 1945, None, "machine"),
        ("purchasing_example.csv.gz", 9119, 608, "person"),
    ],
)
def test_the_office_logs_are_read_whole(name: str, rows: int, orders: int | None, role: str, offices: Path) -> None:
    with gzip.open(offices / name, "rt", newline="") as file:
        raw = list(csv.DictReader(file))
    reading = read_records(offices / name, now=NOW, zone="UTC")
    assert reading.read == rows == len(raw)
    wrong = [row for row in raw if row["end_time"] and row["end_time"] < row["start_time"]]
    assert reading.rejected.height == len(wrong)
    assert reading.frame["order"].n_unique() == len({row["case_id"] for row in raw})
    assert orders is None or reading.frame["order"].n_unique() == orders
    assert reading.frame[role].drop_nulls().n_unique() == len({row["resource"] for row in raw} - {""})


def test_offsets_of_the_purchasing_log_are_kept(offices: Path) -> None:
    frame = read_records(offices / "purchasing_example.csv.gz", now=NOW, zone="America/Chicago").frame
    assert frame["start"][0] == datetime(2011, 1, 1, 10, 37, tzinfo=UTC)
