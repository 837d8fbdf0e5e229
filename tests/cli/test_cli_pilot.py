"""`zhizao pilot` from outside: one run to the end, stopped in the middle and run again, and once more on the same file."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cli_calls import Said, call, start

from zhizao.pilot import PilotResult
from zhizao.testing.carry_out import carry_out
from zhizao.testing.sample import truth

ACCOUNT = re.compile(r"records: read (\d+) = stored (\d+) \+ rejected (\d+) \+ duplicate (\d+)")


@dataclass(frozen=True, slots=True)
class Run:
    """A folder in which the pilot was stopped by Ctrl-C and then run to its end."""

    folder: Path
    stopped: Said
    left: tuple[str, ...]
    journal_after_stop: Said
    done: Said

    @property
    def told(self) -> dict[str, Any]:
        return json.loads((self.folder / "out" / "pilot.json").read_text(encoding="utf-8"))

    @property
    def journal(self) -> Path:
        return next((self.folder / "out").glob("*.zhizao"))


def pilot_arguments(sample: Path) -> tuple[object, ...]:
    return (
        *("pilot", sample / "records.csv", "--plant", sample / "plant.yaml", "--workers", 2),
        *("--out", "out/report.html", "--json", "out/pilot.json"),
    )


def files(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


def stop_in_the_middle(sample: Path, folder: Path, *, after_s: float) -> Said:
    """Ctrl-C some time after the journal is there."""
    process = start(*pilot_arguments(sample), folder=folder)
    end = time.monotonic() + 60
    while not list(folder.glob("out/*.zhizao/facts.db")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(after_s)
    assert process.poll() is None, "it was over before it could be stopped"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out, err)


@pytest.fixture(scope="module")
def run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("pilot")
    stopped = stop_in_the_middle(sample, folder, after_s=2.5)
    left = tuple(sorted(files(folder)))
    journal = next((folder / "out").glob("*.zhizao"))
    checked = call("verify", journal)
    return Run(folder, stopped, left, checked, call(*pilot_arguments(sample), folder=folder))


def test_the_pilot_prints_the_account_the_three_figures_and_where_the_report_is(run: Run, sample: Path) -> None:
    assert run.done.code == 0, run.done.err
    found = ACCOUNT.search(run.done.out)
    assert found
    read, stored, rejected, duplicate = map(int, found.groups())
    assert read == stored + rejected + duplicate
    assert read == len((sample / "records.csv").read_text(encoding="utf-8").splitlines()) - 1
    for name in ("production cycle", "operating cost", "defect rate"):
        assert re.search(rf"^{name}: ", run.done.out, re.M)
    assert "report: out/report.html" in run.done.out
    assert "Traceback" not in run.done.err


def test_the_json_holds_what_was_printed_and_can_be_carried_out(run: Run) -> None:
    told = run.told
    found = ACCOUNT.search(run.done.out)
    assert found
    assert [told["records"][name] for name in ("read", "stored", "rejected", "duplicate")] == [
        int(one) for one in found.groups()
    ]
    assert PilotResult.from_json(told).to_json() == told
    for name, one in told["figures"].items():
        if one["promised"]:
            line = next(line for line in run.done.out.splitlines() if line.startswith(name.replace("_", " ")))
            assert f"{100 * one['change']:+.1f} %" in line
    carry_out(truth("messy"), told["levers"])
    assert told["plant"] == "sample plant (messy)"


def test_everything_is_where_the_user_was_told(run: Run) -> None:
    out = run.folder / "out"
    assert (out / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    rejected = pl.read_csv(out / "report.rejected.csv", infer_schema=False)
    assert rejected.height == run.told["records"]["rejected"] > 0
    if any(lever["chosen"] for lever in run.told["levers"]):
        assert (out / "report.monday" / "monday.xlsx").is_file()
    assert json.loads((run.journal / "reports" / "pilot.json").read_text(encoding="utf-8")) == run.told
    assert not [name for name in files(run.folder) if name.endswith(".part")]


def test_the_desk_finds_all_that_the_command_line_found(run: Run) -> None:
    """Pages and API show report, Monday files, improved floor and the twin's test as after a pilot of the browser."""
    from zhizao.app.desk import Desk
    from zhizao.app.http.routes.records import monday_files
    from zhizao.app.views import IMPROVED

    desk = Desk(run.journal)
    pilot, twin = desk.latest("pilot"), desk.latest("twin")
    assert pilot is not None
    assert twin is not None
    assert desk.promise() == run.told
    assert pilot.elapsed_s > 1.0
    folder = desk.jobs.folder(pilot.id)
    for lang in ("en", "zh"):
        assert (folder / f"report.{lang}.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    chosen = any(lever["chosen"] for lever in run.told["levers"])
    assert (folder / IMPROVED).exists() == chosen
    assert ("monday.xlsx" in {path.name for path in monday_files(desk, pilot.id)}) == chosen
    tested = desk.jobs.result(twin.id)
    assert tested["trusted"] == run.told["fidelity"]["trusted"]
    assert set(tested["measures"]) <= set(run.told["fidelity"])
    desk.close()


def test_ctrl_c_leaves_nothing_half_done(run: Run) -> None:
    assert run.stopped.code == 130
    assert "stopped" in run.stopped.err
    assert "Traceback" not in run.stopped.err
    names = {Path(name).name for name in run.left}
    assert "report.html" not in names
    assert "pilot.json" not in names
    assert not [name for name in names if name.endswith(".part")]
    assert run.journal_after_stop.code == 0


def test_after_ctrl_c_the_same_call_completes_and_nothing_is_doubled(run: Run, sample: Path) -> None:
    """What was imported before the stop is known the second time."""
    verified = call("verify", run.journal)
    assert verified.code == 0
    events = int(re.search(r"(\d+) events", verified.out).group(1))  # type: ignore[union-attr]
    rows = pl.read_csv(sample / "records.csv", infer_schema=False)
    assert events == rows.unique().height - run.told["records"]["rejected"]
    found = ACCOUNT.search(run.stopped.out)
    assert found
    assert events == int(found.group(2))


def test_the_account_lists_every_import(run: Run) -> None:
    said = call("account", run.journal)
    assert said.code == 0
    lines = said.out.splitlines()
    assert len(lines) >= 2
    for line in lines:
        read, stored, rejected, duplicate = (
            int(re.search(rf"{name} (\d+)", line).group(1))
            for name in ("read", "stored", "rejected", "duplicate")  # type: ignore[union-attr]
        )
        assert read == stored + rejected + duplicate


def test_the_figures_of_the_journal_are_the_pilots(run: Run, sample: Path) -> None:
    (run.journal / "plant.yaml").write_bytes((sample / "plant.yaml").read_bytes())
    said = call("figures", run.journal, "--json")
    assert said.code == 0, said.err
    for name, one in json.loads(said.out).items():
        assert one["value"] == pytest.approx(run.told["figures"][name]["before"], rel=1e-9)


@pytest.mark.slow
def test_the_same_file_again_stores_nothing_and_finds_the_same(run: Run, sample: Path) -> None:
    before = run.told
    again = call(*pilot_arguments(sample), folder=run.folder)
    assert again.code == 0, again.err
    found = ACCOUNT.search(again.out)
    assert found
    read, stored, rejected, duplicate = map(int, found.groups())
    assert stored == 0
    assert duplicate == read - rejected
    now = run.told
    assert now["figures"] == before["figures"]
    assert now["levers"] == before["levers"]
    assert now["fidelity"] == before["fidelity"]


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [False, True])
def test_sigterm_ends_it_as_quietly_as_ctrl_c(sample: Path, tmp_path: Path, whole_group: bool) -> None:
    process = start(*pilot_arguments(sample), folder=tmp_path)
    end = time.monotonic() + 60
    while not list(tmp_path.glob("out/*.zhizao/facts.db")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(12.0)
    assert process.poll() is None, "it was over before it could be stopped"
    if whole_group:
        os.killpg(process.pid, signal.SIGTERM)
    else:
        process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped" in err
    assert "resource_tracker" not in err
    assert "Traceback" not in err
    left = files(tmp_path)
    assert not [name for name in left if name.endswith((".part", "report.html", "pilot.json"))]
    assert call("verify", next((tmp_path / "out").glob("*.zhizao"))).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.0, 0.5, 1.0, 4.0, 8.0])
def test_ctrl_c_at_any_time_leaves_a_journal_that_holds(sample: Path, tmp_path: Path, after_s: float) -> None:
    stopped = stop_in_the_middle(sample, tmp_path, after_s=after_s)
    assert stopped.code == 130
    assert "Traceback" not in stopped.err
    left = files(tmp_path)
    assert not [name for name in left if name.endswith((".part", "report.html", "pilot.json"))]
    assert call("verify", next((tmp_path / "out").glob("*.zhizao"))).code == 0
    time.sleep(1.0)
    assert files(tmp_path) == left, "nobody goes on writing"


@pytest.mark.slow
def test_a_chinese_export_ends_in_a_chinese_report(tmp_path: Path) -> None:
    assert call("sample", "--out", "zh", "--weeks", 4, "--style", "zh", folder=tmp_path).code == 0
    said = call("pilot", "zh/records.csv", "--lang", "zh", "--out", "report.html", folder=tmp_path)
    assert said.code == 0, said.err
    assert "记录：读入" in said.out
    assert "不良品率" in said.out
    assert '<html lang="zh-CN">' in (tmp_path / "report.html").read_text(encoding="utf-8")
