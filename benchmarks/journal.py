"""Journal: seconds and peak memory for importing a million operations, importing them again, folding and verifying."""

from __future__ import annotations

import argparse
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import Row
from zhizao.record import RECORD_SCHEMA, Receipt, Workspace


def records(rows: int, seed: int = 7) -> pl.DataFrame:
    """Operations of a job shop: 8 to an order, 30 machines, 60 people, half a year."""
    rng = np.random.default_rng(seed)
    index = pl.int_range(rows, eager=True)
    start = pl.Series(1_700_000_000 + np.sort(rng.integers(0, 180 * 86_400, rows))) * 1_000_000_000
    lasts = pl.Series(rng.integers(300, 30_000, rows)) * 1_000_000_000
    good = pl.Series(rng.integers(1, 500, rows).astype(float))
    frame = pl.DataFrame(
        {
            "order": pl.select(pl.format("PO-{}", 100_000 + index // 8)).to_series(),
            "product": pl.select(pl.format("P{}", index // 8 % 40)).to_series(),
            "operation": pl.select(pl.format("operation {}", index % 12)).to_series(),
            "activity": pl.select(pl.format("operation {} - machine {}", index % 12, index % 30)).to_series(),
            "machine": pl.select(pl.format("machine {}", index % 30)).to_series(),
            "person": pl.select(pl.format("ID{}", 4000 + index % 60)).to_series(),
            "report": pl.repeat("production", rows, eager=True),
            "good": good,
            "scrap": pl.Series(rng.integers(0, 5, rows).astype(float)),
            "order_quantity": good + 5,
            "row": index + 2,
            "start": start.cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"),
            "end": (start + lasts).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"),
        }
    )
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in RECORD_SCHEMA.items()
    )


def peak_mib() -> float:
    """Most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bare_insert(folder: Path, frame: pl.DataFrame) -> float:
    """Seconds for the same rows into a plain SQLite table, no ids, no chain, no index: what any journal must spend."""
    rows = frame.with_columns(pl.col("start", "end", "released", "due").dt.epoch("ns"))
    began = time.perf_counter()
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    names = ", ".join(f'"{name}"' for name in rows.columns)
    connection.execute(f"CREATE TABLE work ({names})")
    for part in rows.iter_slices(50_000):
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO work VALUES ({', '.join('?' * part.width)})", part.rows())
        connection.execute("COMMIT")
    connection.close()
    return time.perf_counter() - began


def measure(rows: int = 1_000_000, url: str = "") -> list[Row]:
    """Import, import again, fold, verify: seconds, and the peak of memory after the import."""
    frame = records(rows)
    none = pl.DataFrame(schema={"row": pl.Int64, "code": pl.String})
    size = f"{rows / 1e6:g} M operations"
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, Workspace.open(url or name) as workspace:
        journal = workspace.journal

        def timed(label: str, work: Callable[[], Any]) -> Any:
            began = time.perf_counter()
            found = work()
            took[label] = time.perf_counter() - began
            return found

        def again() -> Receipt:
            now = datetime.now(UTC)
            return journal.append_records(frame, source="bench", rejected=none, read=rows, recorded_at=now)

        first = timed("import", again)
        peak = peak_mib()
        second = timed("again", again)
        log = timed("fold", lambda: journal.worklog(zone="Asia/Shanghai"))
        found = timed("verify", journal.verify)
        if not (first.stored == second.duplicate == log.frame.height == found.events == rows and found.ok):
            raise RuntimeError(f"the journal is wrong: {first}, {second}, {log.frame.height} rows, {found}")
        del log
        plain = bare_insert(Path(name), frame)

    def row(label: str, ours: float, unit: str, peer: str, value: float | None, note: str = "") -> Row:
        ratio = None if value is None else value / ours
        made = Row(name=label, ours=ours, peer=peer, peer_value=value, unit=unit, ratio=ratio)
        return made | {"note": note} if note else made

    both = "ids, hash chain, index and duplicates included; the peer has none of them"
    return [
        row(
            f"journal: import {size}",
            took["import"],
            "s",
            "limit set: 20 s a million, less 6 for reading",
            14.0 * rows / 1e6,
        ),
        row(f"journal: import {size}", took["import"], "s", "bare SQLite insert of the same rows", plain, both),
        row(
            f"journal: peak memory of importing {size}", peak, "MiB", "limit set", 1536.0, "frame of the rows included"
        ),
        row(f"journal: import {size} again", took["again"], "s", "none", None, "nothing is stored"),
        row(f"journal: fold {size} to a work log", took["fold"], "s", "none", None),
        row(f"journal: verify {size}", took["verify"], "s", "none", None, "hash chain and database pages"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", default="", help="a database address instead of a new SQLite file")
    options = parser.parse_args()
    for one in measure(options.rows, options.url):
        value = "" if one["peer_value"] is None else f"   {one['peer']}: {one['peer_value']:.1f} {one['unit']}"
        print(f"{one['name']}: {one['ours']:.1f} {one['unit']}{value}")


if __name__ == "__main__":
    main()
