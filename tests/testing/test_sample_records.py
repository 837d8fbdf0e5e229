"""The sample plant's records look like an export, and what is wrong with them is counted."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from zhizao.model.worklog import WORKLOG_SCHEMA, WorkLog
from zhizao.sense.files import read_records
from zhizao.testing.sample import HEADINGS, generate, records, run_plant, truth, write_records


@pytest.fixture(scope="module")
def month() -> pl.DataFrame:
    return run_plant(truth(), seed=4, weeks=4)


def rows_of(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def test_an_export_without_slips_says_what_happened_in_local_time(month: pl.DataFrame, tmp_path: Path) -> None:
    written = write_records(month, tmp_path / "records.csv", slips=0)
    rows = rows_of(written.path)
    assert (written.rows, written.twice, written.backwards, written.blank) == (month.height, 0, 0, 0)
    assert len(rows) == month.height and list(rows[0]) == list(HEADINGS["en"].values())
    starts = month["start"].dt.convert_time_zone("Asia/Shanghai").dt.strftime("%Y-%m-%d %H:%M:%S").to_list()
    assert [row["Start time"] for row in rows] == starts
    assert sum(float(row["Good qty"] or 0) for row in rows) == month["good"].sum()
    assert {row["Is rework"] for row in rows} == {"Y", "N"}


def test_slips_are_counted_as_they_are_planted(month: pl.DataFrame, tmp_path: Path) -> None:
    written = write_records(month, tmp_path / "records.csv", slips=5)
    rows = rows_of(written.path)
    assert len(rows) == written.rows == month.height + written.twice
    assert sum(row["End time"] < row["Start time"] for row in rows) >= written.backwards > 0
    repeated = sum(one == two for one, two in pairwise(rows))
    assert repeated == written.twice > 0
    assert written.blank > 0


def test_a_chinese_export_has_chinese_headings_and_words(month: pl.DataFrame, tmp_path: Path) -> None:
    written = write_records(month, tmp_path / "报工.csv", style="zh")
    rows = rows_of(written.path, "gb18030")
    assert list(rows[0]) == list(HEADINGS["zh"].values())
    assert {row["报工类型"] for row in rows} >= {"生产", "换型"}
    assert {row["工序"] for row in rows} == {"下料", "车削", "铣削", "钻孔", "淬火", "磨削", "检验", "终检"}


def test_an_excel_export_has_real_dates(month: pl.DataFrame, tmp_path: Path) -> None:
    written = write_records(month, tmp_path / "records.xlsx", style="xlsx", slips=0)
    sheet = pl.read_excel(written.path)
    assert sheet.height == month.height and sheet.columns == list(HEADINGS["en"].values())
    assert isinstance(sheet["Start time"].dtype, pl.Datetime)
    local = month["start"].dt.convert_time_zone("Asia/Shanghai").dt.replace_time_zone(None)
    assert (sheet["Start time"] - local.cast(pl.Datetime("ms"))).dt.total_milliseconds().abs().max() < 1000


@pytest.mark.parametrize("style", ["csv", "zh", "xlsx"])
def test_an_import_accounts_for_what_was_planted(month: pl.DataFrame, tmp_path: Path, style: str) -> None:
    name = "records.xlsx" if style == "xlsx" else "records.csv"
    written = write_records(month, tmp_path / name, style=style, slips=5)
    reading = read_records(written.path, zone="Asia/Shanghai", now=datetime(2025, 12, 1, tzinfo=UTC))
    assert reading.read == written.rows
    assert reading.rejected["row"].n_unique() >= written.backwards > 0
    assert reading.frame.height + reading.rejected.height == written.rows
    kept = reading.frame.unique(["order", "machine", "start", "end", "operation", "report"]).sort(
        "start", "order", "end"
    )
    clean = month.filter(pl.col("end").is_not_null())
    assert kept.height == clean.height - written.backwards
    assert set(kept["machine"].unique()) == set(month["machine"].unique())
    assert kept["good"].sum() == pytest.approx(month["good"].sum(), rel=0.02)


def test_generate_leaves_records_plant_and_truth_in_a_folder(tmp_path: Path) -> None:
    written = generate(tmp_path / "plant", kind="good", seed=2, weeks=2)
    assert written.path == tmp_path / "plant" / "records.csv"
    assert json.loads((tmp_path / "plant" / "truth.json").read_text(encoding="utf-8"))["kind"] == "good"
    assert "zone: Asia/Shanghai" in (tmp_path / "plant" / "plant.yaml").read_text(encoding="utf-8")
    again = generate(tmp_path / "again", kind="good", seed=2, weeks=2)
    assert again.path.read_bytes() == written.path.read_bytes()


def test_records_are_a_work_log() -> None:
    log = records(seed=2, weeks=2)
    assert isinstance(log, WorkLog) and log.frame.columns == list(WORKLOG_SCHEMA)
    assert set(log.frame["report"].unique()) <= {"production", "setup", "breakdown"}
    assert (
        log.frame.select(pl.col("order", "product", "machine", "start", "end", "released", "due").is_null().any()).row(
            0
        )
        == (False,) * 7
    )


def test_an_unknown_style_is_refused(month: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="csv, xlsx, zh"):
        write_records(month, tmp_path / "records.pdf", style="pdf")
