"""Killed at any point, the journal is valid, keeps what it acknowledged, and running the import again completes it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from shopfloor import MONDAY, content, counts, put, row, shop
from shopfloor import frame as rows_of

from zhizao.errors import InputError
from zhizao.record import Workspace

ROWS, BATCH = 6_000, 100

CHILD = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import polars as pl
from shopfloor import put
from zhizao.record import Workspace, importing
importing.MANY_ROWS = {ROWS // 2}  # as with a million: the index over ids is made last
rows = pl.read_parquet(sys.argv[2])
with Workspace.open(sys.argv[1]) as workspace:
    print("go", flush=True)
    put(workspace.journal, rows, batch_rows={BATCH}, progress=lambda _, share: print(share, flush=True))
print("done", flush=True)
"""


def start(place: Path | str, rows: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(place), str(rows)], stdout=subprocess.PIPE, text=True)


def kill_after(child: subprocess.Popen[str], seconds: float) -> list[str]:
    """What the child had acknowledged when it was killed."""
    assert child.stdout is not None
    assert child.stdout.readline() == "go\n"
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    told = child.stdout.read().splitlines()
    child.wait()
    child.stdout.close()
    return told


def kill_and_check(folder: Path, points: int, seed: int) -> None:
    rows = shop(ROWS)
    file = folder / "rows.parquet"
    rows.write_parquet(file)
    with Workspace.open(folder / "whole") as workspace:
        began = time.perf_counter()
        put(workspace.journal, rows, batch_rows=BATCH)
        lasts = time.perf_counter() - began
        expected = content(workspace.journal)
    rng = random.Random(seed)
    place, cut = folder / "plant0", 0
    for point in range(points):
        child = start(place, file)
        told = kill_after(child, rng.uniform(0, lasts))
        with Workspace.open(place) as workspace:
            found = workspace.journal.verify()
            assert found.ok, found.reason
            account = workspace.journal.account()
            assert account["balance"].all()
            log = content(workspace.journal)
            assert log.height == found.events == account["stored"].sum()
            assert log.n_unique() == log.height
            assert log.join(expected, on=log.columns, how="anti", nulls_equal=True).is_empty()
            acknowledged = [float(line) for line in told if line != "done"]
            assert found.events >= round(max(acknowledged, default=0.0) * ROWS)
            if account.is_empty() or not account["finished"][-1]:
                cut += 1
            else:
                place = folder / f"plant{point + 1}"  # this one is whole: begin another
    with Workspace.open(place) as workspace:
        receipt = put(workspace.journal, rows, batch_rows=BATCH)
        assert receipt.stored + receipt.duplicate == ROWS
        assert content(workspace.journal).equals(expected)
        assert workspace.journal.verify().ok
    assert cut > 0, "no kill came before the end: the points prove nothing"


def test_nothing_acknowledged_is_missing_and_nothing_doubled_after_kills_at_6_random_points(tmp_path: Path) -> None:
    kill_and_check(tmp_path, 6, seed=1)


@pytest.mark.slow
def test_nothing_acknowledged_is_missing_and_nothing_doubled_after_kills_at_50_random_points(tmp_path: Path) -> None:
    kill_and_check(tmp_path, 50, seed=2)


@pytest.mark.postgresql
def test_a_kill_leaves_a_valid_journal_on_postgresql(postgresql_place: str, tmp_path: Path) -> None:
    rows = shop(ROWS)
    rows.write_parquet(tmp_path / "rows.parquet")
    told = kill_after(start(postgresql_place, tmp_path / "rows.parquet"), 0.3)
    with Workspace.open(postgresql_place) as workspace:
        assert workspace.journal.verify().ok
        assert workspace.journal.account()["balance"].all()
        receipt = put(workspace.journal, rows)
        assert receipt.duplicate >= round(max([float(line) for line in told if line != "done"], default=0.0) * ROWS)
        assert workspace.journal.worklog(zone="UTC").frame.height == ROWS
        assert workspace.journal.verify().ok


def test_two_imports_at_once_share_the_work_and_store_every_row_once(place: Path | str, tmp_path: Path) -> None:
    rows = shop(2_000)
    rows.write_parquet(tmp_path / "rows.parquet")
    Workspace.open(place).close()
    children = [start(place, tmp_path / "rows.parquet") for _ in range(2)]
    for child in children:
        out, _ = child.communicate(timeout=120)
        assert out.endswith("done\n")
    with Workspace.open(place) as workspace:
        assert workspace.journal.verify().ok
        account = workspace.journal.account()
        assert account["finished"].all() and account["balance"].all()
        assert (account["read"] == 2_000).all()
        assert account["stored"].sum() == 2_000 == workspace.journal.worklog(zone="UTC").frame.height


def test_a_journal_is_made_once_by_many_that_open_it_at_the_same_moment(place: Path | str) -> None:
    def make(_: int) -> None:
        Workspace.open(place).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(8)))
    with Workspace.open(place) as workspace:
        assert workspace.journal.verify().ok


def test_who_cannot_wait_for_another_writer_is_told_so(tmp_path: Path) -> None:
    with Workspace.open(tmp_path) as busy, Workspace.open(tmp_path, wait_s=0.05) as late:
        with busy._store.writing():
            with pytest.raises(InputError, match="another process is writing") as caught:
                put(late.journal, rows_of(row()))
            assert caught.value.fault.code == "locked"
            assert late.journal.worklog(zone="UTC").frame.is_empty()  # reading goes on meanwhile
        assert counts(put(late.journal, rows_of(row()))) == (1, 0, 0, 0)


@pytest.mark.postgresql
def test_who_cannot_wait_for_another_writer_on_postgresql_is_told_so(postgresql_place: str) -> None:
    with Workspace.open(postgresql_place) as busy, Workspace.open(postgresql_place, wait_s=0.05) as late:
        with busy._store.writing(), pytest.raises(InputError, match="another process is writing") as caught:
            put(late.journal, rows_of(row()))
        assert caught.value.fault.code == "locked"


def test_a_reader_sees_one_state_while_an_import_runs(place: Path | str) -> None:
    with Workspace.open(place) as writer, Workspace.open(place) as reader:
        seen: list[int] = []

        def look(_stage: str, _share: float) -> None:
            seen.append(reader.journal.worklog(zone="UTC").frame.height)
            assert reader.journal.verify().ok

        put(writer.journal, shop(60), batch_rows=20, progress=look, when=MONDAY)
    assert seen == [20, 40, 60]
