"""Historian: rows a second into it, bytes a sample, last values, hourly means, one tag's day; and its peers.

Twenty million rows of 1,000 tags every 5 s with jitter, values of two decimals, one in a thousand bad: made here from seeds.
The peers take the same rows in the same run: SQLite, and where they are installed DuckDB, PostgreSQL, InfluxDB and
VictoriaMetrics.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import Row
from benchmarks.historian_peers import influxdb, postgresql, victoriametrics
from zhizao.model import BAD, Samples
from zhizao.record.historian import Historian

TAGS, SCANS, STEP_NS = 1000, 1000, 5_000_000_000
T0 = 1_760_000_400_000_000_000
HOUR_NS = 3_600_000_000_000
NAMES = [f"line/t{number:04d}" for number in range(TAGS)]
Chunk = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]


def chunk(number: int) -> Chunk:
    """A million rows in the order of arrival: tag, time in ns, value, quality."""
    rng = np.random.default_rng(5000 + number)
    scan = np.arange(number * SCANS, (number + 1) * SCANS)[:, None]
    at = T0 + scan * STEP_NS + rng.integers(-50, 50, (SCANS, TAGS)) * 1_000_000
    level = np.random.default_rng(5).uniform(10, 500, TAGS)
    noise = rng.normal(0, 0.002, (SCANS, TAGS)) * level
    for k in range(1, SCANS):
        noise[k] += 0.9 * noise[k - 1]
    value = np.round(level + 0.1 * level * np.sin(2 * np.pi * scan * 5 / 86_400 + level) + noise, 2)
    quality = np.where(rng.random((SCANS, TAGS)) < 0.001, BAD, 0).astype(np.uint32)
    tag = np.broadcast_to(np.arange(TAGS, dtype=np.int32), (SCANS, TAGS))
    return np.ascontiguousarray(tag).ravel(), np.maximum(at, T0).ravel(), value.ravel(), quality.ravel()


def _median_ms(work: Callable[[], object], times: int = 5) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def _commits(folder: Path, rows: Chunk, size: int, count: int) -> float:
    """Rows a second, durable, in commits of `size`."""
    tag, at, value, quality = rows
    names = [NAMES[one] for one in tag[: size * count].tolist()]
    with Historian(folder) as historian:
        historian.append([("warm", Samples(NAMES, at[:TAGS] - HOUR_NS, value[:TAGS], quality[:TAGS]), {})])
        began = time.perf_counter()
        for k in range(0, size * count, size):
            part = slice(k, k + size)
            historian.append([("a", Samples(names[part], at[part], value[part], quality[part]), {})])
        return size * count / (time.perf_counter() - began)


def _sqlite_commits(folder: Path, rows: Chunk, size: int, count: int) -> float:
    tag, at, value, quality = (column[: size * count].tolist() for column in rows)
    connection = sqlite3.connect(folder / "peer.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE s (tag INTEGER, at INTEGER, value REAL, quality INTEGER)")
    began = time.perf_counter()
    for k in range(0, size * count, size):
        part = slice(k, k + size)
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO s VALUES (?,?,?,?)", zip(tag[part], at[part], value[part], quality[part], strict=True)
        )
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return size * count / took


def _bulk(folder: Path, chunks: list[Chunk]) -> tuple[Historian, float]:
    historian = Historian(folder, flush_rows=4_000_000)
    names = [NAMES[one] for one in chunks[0][0].tolist()]
    began = time.perf_counter()
    for _, at, value, quality in chunks:
        historian.append([("a", Samples(names, at, value, quality), {})])
    historian.flush()
    return historian, sum(len(one[0]) for one in chunks) / (time.perf_counter() - began)


def _duckdb(folder: Path, chunks: list[Chunk], day: tuple[int, int]) -> dict[str, float] | None:
    try:
        import duckdb
    except ImportError:
        return None
    import pyarrow as pa

    base = duckdb.connect(str(folder / "peer.duckdb"))
    base.execute("CREATE TABLE s (tag INTEGER, ts BIGINT, value DOUBLE, quality UINTEGER)")
    began = time.perf_counter()
    for tag, at, value, quality in chunks:
        rows = pa.table({"tag": tag, "ts": at, "value": value, "quality": quality})  # noqa: F841 read by name
        base.execute("INSERT INTO s SELECT * FROM rows")
    took = time.perf_counter() - began
    count = sum(len(one[0]) for one in chunks)
    base.execute("CHECKPOINT")
    first, last = day
    ask = {
        "last": "SELECT tag, max(ts), arg_max(value, ts) FROM s GROUP BY tag",
        "hours": f"SELECT tag, ts // {HOUR_NS}, avg(value) FROM s WHERE quality = 0 AND ts >= {first} AND ts < {last} GROUP BY 1, 2",
        "day": f"SELECT ts, value FROM s WHERE tag = 5 AND ts >= {first} AND ts < {last} ORDER BY ts",
    }
    found = {key: _median_ms(lambda text=text: base.execute(text).fetchnumpy()) for key, text in ask.items()}  # type: ignore[misc]
    base.close()
    return found | {"bulk": count / took, "bytes": (folder / "peer.duckdb").stat().st_size / count}


def measure(millions: int = 20) -> list[Row]:
    """All figures; `ZHIZAO_BENCH_MILLIONS` takes fewer rows."""
    millions = int(os.environ.get("ZHIZAO_BENCH_MILLIONS", millions))
    chunks = [chunk(number) for number in range(millions)]
    day = T0, T0 + 24 * HOUR_NS
    made: list[Row] = []

    def row(
        name: str, ours: float, peer: str, value: float | None, unit: str, *, more: bool = False, note: str = ""
    ) -> None:
        ratio = None if value is None else (ours / value if more else value / ours)
        one = Row(name=f"historian: {name}", ours=ours, peer=peer, peer_value=value, unit=unit, ratio=ratio)
        made.append(one | {"note": note} if note else one)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peers: dict[str, dict[str, float] | None] = {
            "DuckDB": _duckdb(folder, chunks, day),
            "PostgreSQL": postgresql(folder, chunks, day, _median_ms),
            "InfluxDB": influxdb(folder, chunks, day, _median_ms),
            "VictoriaMetrics": victoriametrics(folder, chunks, day, _median_ms),
        }
        there = {peer: figures for peer, figures in peers.items() if figures is not None}

        def beside(
            what: str, ours: float, key: str, unit: str, *, more: bool = False, by: float = 1.0, note: str = ""
        ) -> None:
            row(what, ours / by, "none", None, unit, note=note)
            for peer, figures in there.items():
                row(what, ours / by, peer, figures[key] / by, unit, more=more, note=note)

        ours = _commits(folder / "commits", chunks[0], 1000, 500)
        theirs = _sqlite_commits(folder, chunks[0], 1000, 500)
        row(
            "durable commits of 1,000 rows",
            ours / 1e6,
            "SQLite, appended, synchronous=FULL",
            theirs / 1e6,
            "M rows/s",
            more=True,
        )
        historian, rate = _bulk(folder / "bulk", chunks)
        beside("bulk, into the table", rate, "bulk", "M rows/s", more=True, by=1e6)
        began = time.perf_counter()
        historian.tidy_up()
        note = f"after joining days, {time.perf_counter() - began:.0f} s"
        size = sum(file.size for file in historian.table.files) / sum(file.rows for file in historian.table.files)
        beside("bytes a sample, time, value and quality", size, "bytes", "B", note=note)
        beside("last value of 1,000 tags", _median_ms(historian.last), "last", "ms")
        beside("a day of one tag", _median_ms(lambda: historian.rows(NAMES[5], *day)), "day", "ms")
        means = _median_ms(lambda: historian.figures_of_all(*day, HOUR_NS))
        beside(
            "hourly means of a day, 1,000 tags",
            means,
            "hours",
            "ms",
            note="weighed by time; the peers' are means of samples",
        )
        historian.close()
    return made


if __name__ == "__main__":
    for line in measure():
        told = "" if line["peer_value"] is None else f"   {line['peer']}: {line['peer_value']:.3g}"
        print(f"{line['name']}: {line['ours']:.3g} {line['unit']}{told}")
