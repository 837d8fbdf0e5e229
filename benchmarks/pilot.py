"""Pilot: seconds and memory from a file of records to the report, on the real job shop, the sample plant, a million rows.

The calls are those of `zhizao pilot`, each time in a new process that starts without machine code on disk, as after an
installation; the report and its JSON are looked at before the time counts. The peer is the limit that was set: 120 s for
a job shop of some 4,000 operations, 3 minutes for the sample plant, 15 minutes and 8 GiB for a million operations. The
last takes a while and is run when asked for: `ZHIZAO_BENCH_LARGE=1`, or `python -m benchmarks.pilot large`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import ROOT, Row, shared

KINDS = {"job shop": 120.0, "sample plant": 180.0, "million": 900.0}
"""Seconds that are allowed."""
MEMORY_MIB = 8192.0
SHOPS, WEEKS = 10, 124


def measure() -> list[Row]:
    """Seconds for each kind of records; memory too where a limit is set."""
    rows: list[Row] = []
    for kind in KINDS:
        if kind != "million" or os.environ.get("ZHIZAO_BENCH_LARGE"):
            rows += _rows(kind)
    return rows


def _rows(kind: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        if kind == "job shop":
            shared("event_logs", "levy2014_production")
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(Path(folder) / "code")}
        command = [sys.executable, "-m", "benchmarks.pilot", "--one", kind, folder]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
        seen = json.loads(done.stdout)
    limit = KINDS[kind]
    name = f"pilot, {kind}, {seen['rows']:,} rows"
    for stage, seconds in seen["stages"].items():
        print(f"  {name}: {stage} {seconds:.1f} s", file=sys.stderr)
    note = f"{seen['cpu']:.0f} s of CPU, nothing compiled beforehand"
    rows: list[Row] = [
        {"name": name, "ours": seen["seconds"], "peer": "limit", "peer_value": limit, "unit": "s",
         "ratio": limit / seen["seconds"], "note": note}
    ]  # fmt: skip
    if kind == "million" and seen["mib"]:
        rows.append({"name": f"{name}, memory of all processes", "ours": seen["mib"], "peer": "limit",
                     "peer_value": MEMORY_MIB, "unit": "MiB", "ratio": MEMORY_MIB / seen["mib"]})  # fmt: skip
    return rows


def one(kind: str, folder: Path) -> dict[str, Any]:
    """One pilot in this process, from importing the package to the last file written."""
    records, plant_file = _records(kind, folder)
    began = time.perf_counter()
    memory = Memory()
    stages: dict[str, float] = {}
    since, now_in = began, "start"

    def progress(stage: str, _share: float) -> None:
        nonlocal since, now_in
        now = time.perf_counter()
        stages[now_in] = stages.get(now_in, 0.0) + now - since
        since, now_in = now, stage.partition(",")[0]

    from zhizao.app import steps
    from zhizao.pilot import write_monday, write_report
    from zhizao.record import Workspace

    plant = steps.load_plant(plant_file)
    with Workspace.open(str(folder / "workspace")) as home:
        imported = steps.import_records(home, records, zone=plant.zone, progress=progress)
        found = steps.pilot(home, imported=imported, plant=plant, progress=progress)
        progress("writing", 0.0)
        report = write_report(found, folder / "report.html")
        if found.chosen:
            write_monday(found, folder / "monday")
        progress("", 1.0)
    seconds = time.perf_counter() - began
    _look(found.result.to_json(), report.read_text(encoding="utf-8"))
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)
    times = os.times()
    return {
        "rows": imported.receipt.read,
        "seconds": seconds,
        "cpu": sum(times[:4]),
        "mib": memory.end(),
        "stages": {name: round(took, 2) for name, took in stages.items() if took >= 0.1},
    }


def _look(result: dict[str, Any], report: str) -> None:
    """The account of records adds up, the three figures are there, and the report is whole."""
    account = result["records"]
    if account["read"] != account["stored"] + account["rejected"] + account["duplicate"]:
        raise ValueError(f"the account of records does not add up: {account}")
    if set(result["figures"]) != {"production_cycle", "operating_cost", "defect_rate"}:
        raise ValueError(f"figures: {sorted(result['figures'])}")
    if not report.rstrip().endswith("</html>"):
        raise ValueError("the report is not whole")


def _records(kind: str, folder: Path) -> tuple[Path, Path]:
    """Records and plant.yaml."""
    plant = folder / "plant.yaml"
    if kind == "job shop":
        plant.write_text("zone: Asia/Jerusalem\n", encoding="utf-8")
        return shared("event_logs", "levy2014_production", "Production_Data_train.csv"), plant
    from zhizao.testing.sample import generate

    if kind == "sample plant":
        return generate(folder).path, plant
    return _many_shops(folder), plant


def _many_shops(folder: Path) -> Path:
    """Ten sample plants side by side for some two and a half years: 120 machines, 200 people, 120 products."""
    import polars as pl

    from zhizao.testing.sample import run_plant, truth, write_records

    frames = []
    for shop in range(SHOPS):
        names = [(pl.lit(f"{chr(65 + shop)}-") + pl.col(name)).alias(name) for name in ("order", "product", "machine", "person")]  # fmt: skip
        frames.append(run_plant(truth("messy"), seed=100 + shop, weeks=WEEKS).with_columns(names))
    frame = pl.concat(frames, how="vertical_relaxed").sort("start")
    # four years back, by whole weeks, lest any of it lie in the future
    frame = frame.with_columns(pl.col(pl.Datetime) - timedelta(weeks=208))
    zone = truth("messy").zone
    (folder / "plant.yaml").write_text(f"zone: {zone}\n", encoding="utf-8")
    return write_records(frame.head(1_000_000), folder / "records.csv", zone=zone).path


class Memory:
    """Most memory that this process and those that it started have held together, MiB, looked at four times a second."""

    def __init__(self) -> None:
        self._most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """The most so far; 0 where the system does not tell."""
        self._over.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            self._most = max(self._most, sum(_share_mib(pid) for pid in _family(os.getpid())))


def _family(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def _share_mib(pid: int) -> float:
    """Memory of a process, pages that it shares counted by its share of them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(sys.argv[2], Path(sys.argv[3]))))
    else:
        if "large" in sys.argv[1:]:
            os.environ["ZHIZAO_BENCH_LARGE"] = "1"
        for row in measure():
            print(
                f"{row['name']}: {row['ours']:.1f} {row['unit']}, limit {row['peer_value']:.0f}, {row.get('note', '')}"
            )
