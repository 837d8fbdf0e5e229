"""The desk: worked out once for each state of the journal, and what the command line found is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from zhizao.app import steps, views
from zhizao.app.desk import Desk, Period
from zhizao.app.jobs import Jobs
from zhizao.record import Workspace


def test_figures_are_worked_out_once_and_again_when_facts_come_in(tmp_path: Path, records: Path) -> None:
    lines = records.read_text(encoding="utf-8").splitlines()
    half = tmp_path / "half.csv"
    half.write_text("\n".join(lines[: len(lines) // 2]) + "\n", encoding="utf-8")
    with Workspace.open(tmp_path / "workspace") as place:
        steps.import_records(place, half)
    desk = Desk(tmp_path / "workspace")
    before = views.three(desk, Period())
    assert views.three(desk, Period()) is before
    with Workspace.open(tmp_path / "workspace") as place:
        steps.import_records(place, records)
    after = views.three(desk, Period())
    assert after.orders > before.orders
    (tmp_path / "workspace" / "plant.yaml").write_text("rates: {labour_per_h: 600}\n", encoding="utf-8")
    dearer = views.three(desk, Period()).operating_cost.value
    assert dearer is not None
    assert after.operating_cost.value is not None
    assert dearer > 2 * after.operating_cost.value
    desk.close()


def test_what_was_found_elsewhere_is_a_finished_job_with_its_files(filled: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "workspace"
    shutil.copytree(filled, folder, ignore=shutil.ignore_patterns("jobs", "cache", "uploads"))
    found = {"figures": {"production_cycle": {"promised": False}}, "levers": []}
    began = datetime(2025, 6, 2, 8, tzinfo=UTC)
    desk = Desk(folder)
    head = desk.head()
    desk.jobs.adopt(
        "pilot",
        {"head": head, "result": found},
        {"head": head},
        "zhizao pilot",
        began,
        began + timedelta(seconds=90),
        files=lambda into: (into / "report.en.html").touch(),
    )
    desk.close()
    desk = Desk(folder)
    job = desk.latest("pilot")
    assert job is not None
    assert (job.by, job.state, job.elapsed_s) == ("zhizao pilot", "done", 90.0)
    assert (desk.jobs.folder(job.id) / "report.en.html").exists()
    assert desk.promise() == found
    assert not desk.stale(job.id)
    desk.close()


def test_what_cannot_be_written_whole_is_no_job(tmp_path: Path) -> None:
    def stopped(into: Path) -> None:
        (into / "report.en.html").touch()
        raise KeyboardInterrupt

    jobs = Jobs(tmp_path, {})
    now = datetime(2025, 6, 2, 8, tzinfo=UTC)
    with pytest.raises(KeyboardInterrupt):
        jobs.adopt("pilot", {}, {}, "zhizao pilot", now, now, files=stopped)
    assert jobs.list() == []
    assert not list((tmp_path / "jobs").iterdir())


def test_work_goes_from_one_operation_to_the_next_as_often_as_recorded(desk: Desk) -> None:
    found = views.steps_between(desk, Period())
    links = {(one["operation"], one["following"]): one["len"] for one in found["links"]}
    frame = desk.log().frame.filter(pl.col("report") == "production").sort("order", "start", "end")
    seen: dict[tuple[str, str], int] = {}
    for (_,), rows in frame.group_by("order", maintain_order=True):
        names = rows["operation"].to_list()
        for a, b in pairwise(names):
            if a != b:
                seen[a, b] = seen.get((a, b), 0) + 1
    assert links == seen
