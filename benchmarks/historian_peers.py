"""Servers beside the historian: PostgreSQL, InfluxDB 1.x and VictoriaMetrics, each where its programs are installed.

Each is started on a folder of its own with what its package ships as defaults, takes the same rows over the way that its
manual calls the fastest, is asked the same three questions over its own interface, and is stopped. Bytes are those of its
data folder when it has written everything out.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

__all__ = ["influxdb", "postgresql", "victoriametrics"]

Chunk = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]
Clock = Callable[[Callable[[], object]], float]
HOUR_S = 3600


def _folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _asked(address: str, data: bytes | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, data), timeout=600) as answer:
        return bytes(answer.read())


@contextmanager
def _running(command: Sequence[str], ready: str, **options: Any) -> Iterator[None]:
    """A server from the moment it answers to its orderly end."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        for _ in range(300):
            try:
                _asked(ready)
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        child.terminate()
        child.wait(120)


def postgresql(folder: Path, chunks: list[Chunk], day: tuple[int, int], clock: Clock) -> dict[str, float] | None:
    """COPY into a table with a BRIN index over time and a B-tree over tag and time, made after the rows."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not programs or os.geteuid() != 0:
        return None
    import psycopg

    owner = pwd.getpwnam("postgres")
    place = folder / "postgresql"
    place.mkdir()
    os.chown(place, owner.pw_uid, owner.pw_gid)
    folder.chmod(0o755)
    who: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid}
    data = place / "data"
    subprocess.run([programs[-1] / "initdb", "-D", data, "-A", "trust"], check=True, capture_output=True, **who)
    control = [programs[-1] / "pg_ctl", "-D", data, "-w", "-l", place / "log"]
    subprocess.run(
        [*control, "-o", f"-k {place} -c listen_addresses=''", "start"], check=True, capture_output=True, **who
    )
    try:
        with psycopg.connect(f"host={place} user=postgres dbname=postgres", autocommit=True) as base:
            base.execute("CREATE TABLE s (tag int4, at int8, value float8, quality int8)")
            texts = [_csv(part) for part in chunks]
            began = time.perf_counter()
            for text in texts:
                with base.cursor().copy("COPY s FROM STDIN (FORMAT csv)") as copy:
                    copy.write(text)
            took = time.perf_counter() - began
            base.execute("CREATE INDEX ON s (tag, at)")
            base.execute("VACUUM ANALYZE s")
            first, last = day
            span = f"at >= {first} AND at < {last}"
            hour = f"at / {HOUR_S * 1_000_000_000}"
            ask = {
                "last": "SELECT DISTINCT ON (tag) tag, at, value FROM s ORDER BY tag, at DESC",
                "hours": f"SELECT tag, {hour}, avg(value) FROM s WHERE quality = 0 AND {span} GROUP BY 1, 2",
                "day": f"SELECT at, value FROM s WHERE tag = 5 AND {span} ORDER BY at",
            }
            found = {key: clock(lambda text=text: base.execute(text).fetchall()) for key, text in ask.items()}  # type: ignore[misc]
            size = base.execute("SELECT pg_total_relation_size('s')").fetchone()
            count = sum(len(part[0]) for part in chunks)
            return found | {"bulk": count / took, "bytes": (size or [0])[0] / count}
    finally:
        subprocess.run([*control, "-m", "fast", "stop"], check=True, capture_output=True, **who)


def _csv(part: Chunk) -> bytes:
    tag, at, value, quality = part
    frame = pl.DataFrame({"tag": tag, "at": at, "value": value, "quality": quality})
    return frame.write_csv(include_header=False).encode()


def influxdb(folder: Path, chunks: list[Chunk], day: tuple[int, int], clock: Clock) -> dict[str, float] | None:
    """Line protocol over HTTP, 20,000 lines a request, values and quality as fields, the tag as a tag."""
    if shutil.which("influxd") is None:
        return None
    place, port = folder / "influxdb", 18_086
    place.mkdir()
    (place / "influxdb.conf").write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:18088"\n[meta]\ndir = "{place}/meta"\n'
        f'[data]\ndir = "{place}/data"\nwal-dir = "{place}/wal"\nquery-log-enabled = false\n'
        'cache-snapshot-write-cold-duration = "2s"\ncompact-full-write-cold-duration = "5s"\n'
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n'
    )
    address = f"http://127.0.0.1:{port}"

    def query(text: str) -> bytes:
        return _asked(f"{address}/query?{urllib.parse.urlencode({'db': 'b', 'q': text, 'epoch': 'ns'})}")

    with _running(["influxd", "-config", str(place / "influxdb.conf")], f"{address}/ping"):
        _asked(f"{address}/query", urllib.parse.urlencode({"q": "CREATE DATABASE b"}).encode())
        texts = [text for part in chunks for text in _lines(part)]
        began = time.perf_counter()
        for text in texts:
            _asked(f"{address}/write?db=b&precision=ns", text)
        took = time.perf_counter() - began
        first, last = day
        span = f"time >= {first} AND time < {last}"
        found = {
            "last": clock(lambda: query('SELECT last(value) FROM s GROUP BY "tag"')),
            "hours": clock(
                lambda: query(f'SELECT mean(value) FROM s WHERE quality = 0 AND {span} GROUP BY "tag", time(1h)')
            ),
            "day": clock(lambda: query(f"SELECT value FROM s WHERE \"tag\" = '5' AND {span}")),
        }
    with _running(["influxd", "-config", str(place / "influxdb.conf")], f"{address}/ping"):
        time.sleep(40)  # the log is read anew, written into shards, and these are compacted
    count = sum(len(part[0]) for part in chunks)
    return found | {
        "bulk": count / took,
        "bytes": (_folder_bytes(place / "data") + _folder_bytes(place / "wal")) / count,
    }


def _lines(part: Chunk, size: int = 20_000) -> Iterator[bytes]:
    tag, at, value, quality = part
    frame = pl.DataFrame({"tag": tag, "at": at, "value": value, "quality": quality})
    lines = frame.select(pl.format("s,tag={} value={},quality={}i {}", "tag", "value", "quality", "at")).to_series()
    for begin in range(0, len(lines), size):
        yield "\n".join(lines[begin : begin + size]).encode()


def victoriametrics(folder: Path, chunks: list[Chunk], day: tuple[int, int], clock: Clock) -> dict[str, float] | None:
    """JSON lines, a line for each tag; it keeps neither quality nor anything finer than milliseconds."""
    if shutil.which("victoria-metrics") is None:
        return None
    place, port = folder / "victoria", 18_428
    address = f"http://127.0.0.1:{port}"
    first, last = (one / 1e9 for one in day)

    def query(path: str, **asked: Any) -> bytes:
        return _asked(f"{address}/api/v1/{path}?{urllib.parse.urlencode(asked)}")

    command = [
        "victoria-metrics", f"-storageDataPath={place}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y",
        "-search.maxUniqueTimeseries=100000", "-search.latencyOffset=0s",
    ]  # fmt: skip
    with _running(command, f"{address}/health"):
        texts = [_json_lines(part) for part in chunks]
        began = time.perf_counter()
        for text in texts:
            _asked(f"{address}/api/v1/import", text)
        took = time.perf_counter() - began
        _asked(f"{address}/internal/force_flush")
        end = max(int(part[1].max()) for part in chunks) / 1e9
        found = {
            "last": clock(lambda: query("query", query="last_over_time(s[1h])", time=end + 1)),
            "hours": clock(
                lambda: query(
                    "query_range", query="avg_over_time(s[1h])", start=first + HOUR_S, end=last, step=HOUR_S, nocache=1
                )
            ),
            "day": clock(lambda: query("export", **{"match[]": 's{tag="5"}', "start": first, "end": last})),
        }
        _asked(f"{address}/internal/force_merge")
        time.sleep(10)
    count = sum(len(part[0]) for part in chunks)
    return found | {"bulk": count / took, "bytes": _folder_bytes(place / "data") / count}


def _json_lines(part: Chunk) -> bytes:
    tag, at, value, _ = part
    out = []
    for one in np.unique(tag).tolist():
        mine = tag == one
        metric = {"__name__": "s", "tag": str(one)}
        out.append(
            json.dumps(
                {"metric": metric, "values": value[mine].tolist(), "timestamps": (at[mine] // 1_000_000).tolist()}
            )
        )
    return "\n".join(out).encode()
