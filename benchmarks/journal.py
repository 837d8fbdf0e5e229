"""Journal: seconds and peak memory for importing a million operations, importing them again, folding and verifying."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from zhizao.record import RECORD_SCHEMA, Workspace


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
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", help="a database address instead of a new SQLite file")
    options = parser.parse_args()
    frame = records(options.rows)
    none = pl.DataFrame(schema={"row": pl.Int64, "code": pl.String})
    print(f"{options.rows} rows, {frame.estimated_size('mb'):.0f} MiB as a frame, peak so far {peak_mib():.0f} MiB")
    with tempfile.TemporaryDirectory() as folder, Workspace.open(options.url or folder) as workspace:
        journal = workspace.journal
        for label in ("import", "import again"):
            began = time.perf_counter()
            receipt = journal.append_records(
                frame, source="bench", rejected=none, read=frame.height, recorded_at=datetime.now(UTC)
            )
            took = time.perf_counter() - began
            print(f"{label}: {took:.1f} s, peak {peak_mib():.0f} MiB, new {receipt.stored}")
        began = time.perf_counter()
        log = journal.worklog(zone="Asia/Shanghai")
        print(f"fold: {time.perf_counter() - began:.1f} s, {log.frame.height} rows, peak {peak_mib():.0f} MiB")
        began = time.perf_counter()
        found = journal.verify()
        print(f"verify: {time.perf_counter() - began:.1f} s, ok {found.ok}, peak {peak_mib():.0f} MiB")
        size = sum(file.stat().st_size for file in Path(folder).glob("facts.db*"))
        print(f"on disk: {size / 2**20:.0f} MiB")


if __name__ == "__main__":
    sys.exit(main())
