"""Long work in its own process: progress, result, fault, cancel, and found again by another server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from zhizao.app.jobs import Job, Jobs
from zhizao.errors import InputError, NotAllowed

TASKS = """
import time
from zhizao.errors import InputError

def quick(workspace, asked, folder, report):
    report(0.5, "half")
    return {"twice": 2 * asked["n"]}

def slow(workspace, asked, folder, report):
    for at in range(600):
        report(at / 600, "slow")
        time.sleep(0.1)
    return {}

def wrong(workspace, asked, folder, report):
    raise InputError("the file is upside down", where="a.csv", fix="turn it")

def crash(workspace, asked, folder, report):
    raise RuntimeError("boom")
"""
NAMES = {name: f"some_tasks:{name}" for name in ("quick", "slow", "wrong", "crash")}


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    (tmp_path / "some_tasks.py").write_text(TASKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Jobs(tmp_path / "workspace", NAMES)


def until(jobs: Jobs, name: str, *states: str) -> Job:
    end = time.monotonic() + 30
    while (job := jobs.get(name)).state not in states and time.monotonic() < end:
        time.sleep(0.05)
    jobs.close()
    return job


def test_a_job_gives_its_result(jobs: Jobs) -> None:
    job = until(jobs, jobs.start("quick", {"n": 21}, "li").id, "done", "failed")
    assert (job.state, job.by, job.fraction) == ("done", "li", 1.0)
    assert jobs.result(job.id) == {"twice": 42}


def test_what_went_wrong_is_told_as_what_where_fix(jobs: Jobs) -> None:
    job = until(jobs, jobs.start("wrong", {}).id, "failed")
    assert job.fault is not None
    assert (job.fault["what"], job.fault["where"], job.fault["fix"]) == ("the file is upside down", "a.csv", "turn it")
    with pytest.raises(NotAllowed):
        jobs.result(job.id)


def test_a_crash_is_told_too(jobs: Jobs) -> None:
    job = until(jobs, jobs.start("crash", {}).id, "failed")
    assert job.fault is not None
    assert "boom" in job.fault["what"]


def test_a_running_job_can_be_cancelled_and_only_one_of_a_kind_runs(jobs: Jobs) -> None:
    job = jobs.start("slow", {})
    with pytest.raises(NotAllowed) as caught:
        jobs.start("slow", {})
    assert caught.value.fault.code == "busy"
    assert jobs.cancel(job.id).state == "cancelled"
    other = jobs.start("slow", {})
    assert jobs.cancel(other.id).state == "cancelled"
    jobs.close()


def test_another_server_finds_a_job_that_this_one_started(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.start("slow", {})
    other = Jobs(tmp_path / "workspace", NAMES)
    assert [one.state for one in other.list()] == ["running"]
    assert other.cancel(job.id).state == "cancelled"
    assert until(jobs, job.id, "cancelled").state == "cancelled"


def test_a_job_whose_process_was_killed_is_lost(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.start("slow", {})
    jobs._children[job.id].kill()
    jobs._children[job.id].wait()
    assert Jobs(tmp_path / "workspace", NAMES).get(job.id).state == "lost"


@pytest.mark.parametrize("name", ["../../etc", "nothing", "20250101-000000-abcdef", ""])
def test_a_name_that_is_none_finds_nothing(jobs: Jobs, name: str) -> None:
    with pytest.raises(InputError):
        jobs.get(name)
