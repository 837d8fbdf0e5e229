"""What a monitoring system reads: Prometheus text (exposition format 0.0.4), and whether the server is live and ready."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhizao.app import live
from zhizao.app.outbox import OUTBOX, Outbox
from zhizao.clock import now
from zhizao.errors import ZhizaoError

if TYPE_CHECKING:
    from zhizao.app.desk import Desk

__all__ = ["KIND", "REQUESTS", "Requests", "health", "metrics", "written"]

KIND = "text/plain; version=0.0.4; charset=utf-8"
_STALE_S = 10.0
_LEAST_FREE = 200 << 20
"""Bytes below which the disk counts as full: facts could soon not be stored."""


class Requests:
    """Requests that were answered by this process, by method and status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[tuple[str, int]] = Counter()
        self.seconds = 0.0

    def note(self, method: str, status: int, seconds: float) -> None:
        """Count one.

        Parameters
        ----------
        method : GET, POST ...; any other counts as OTHER
        status : of the answer
        seconds : until it was whole
        """
        known = method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "OTHER"
        with self._lock:
            self.counts[known, status] += 1
            self.seconds += seconds


REQUESTS = Requests()


def written(name: str, kind: str, help_: str, rows: Iterable[tuple[Mapping[str, str], float]]) -> str:
    """One family of metrics as text; none where it has no rows.

    Parameters
    ----------
    name : of the family
    kind : counter or gauge
    help_ : one line
    rows : labels and value

    Examples
    --------
    >>> print(written("up", "gauge", "Whether", [({"source": "hall 1"}, 1.0)]), end="")
    # HELP up Whether
    # TYPE up gauge
    up{source="hall 1"} 1
    """
    lines = []
    for labels, value in rows:
        told = ",".join(f'{key}="{_escaped(said)}"' for key, said in labels.items())
        number = str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
        lines.append(f"{name}{{{told}}} {number}" if told else f"{name} {number}")
    return "\n".join([f"# HELP {name} {help_}", f"# TYPE {name} {kind}", *lines, ""]) if lines else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _connections(desk: Desk) -> tuple[dict[str, Any], float | None]:
    """Connections as whoever listens wrote them last, and seconds since; None when nobody ever did."""
    said = live.health(str(desk.path))
    try:
        age = (now() - datetime.fromisoformat(said["at"])).total_seconds()
        return dict(said["connections"]), age
    except (KeyError, ValueError, TypeError):
        return {}, None


def _size(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            with suppress(OSError):
                total += (Path(place) / file).stat().st_size
    return total


def letters(desk: Desk) -> dict[str, int]:
    """Letters of the outbox by state; zeros where there is none."""
    file = desk.path / OUTBOX
    if not file.exists():
        return {"waiting": 0, "sent": 0, "failed": 0}
    box = Outbox(file)
    try:
        return box.counts()
    finally:
        box.close()


def _alarms(desk: Desk) -> list[str]:
    """Alarms by state and priority, and how often alarms were raised; nothing where there are none."""
    from zhizao.app.alarm_book import book

    try:
        entries = list(book(str(desk.path)).entries().values())
    except ZhizaoError:
        return []
    now_ = Counter((one.life.state.value, one.priority) for one in entries)
    rows = [({"state": state, "priority": str(rank)}, float(many)) for (state, rank), many in sorted(now_.items())]
    raised = Counter[int]()
    for one in entries:
        raised[one.priority] += one.times
    times = [({"priority": str(rank)}, float(many)) for rank, many in sorted(raised.items())]
    return [
        written("zhizao_alarms", "gauge", "Alarms by their state (ISA-18.2) and priority", rows),
        written("zhizao_alarms_raised_total", "counter", "How often alarms were raised", times),
    ]


def metrics(desk: Desk) -> str:
    """All metrics of a workspace, as Prometheus reads them.

    Parameters
    ----------
    desk : the workspace
    """
    parts = [written("zhizao_info", "gauge", "Version", [({"version": desk.version}, 1.0)])]
    connections, age = _connections(desk)
    fresh = age is not None and age < _STALE_S
    parts.append(written("zhizao_listening", "gauge", "Whether somebody listens to the sources", [({}, float(fresh))]))
    up = [({"source": name}, float(fresh and bool(one.get("connected")))) for name, one in connections.items()]
    parts.append(written("zhizao_connection_up", "gauge", "Whether a source is connected", up))
    broke = [({"source": name}, float(one.get("restarts", 0))) for name, one in connections.items()]
    parts.append(written("zhizao_connection_restarts_total", "counter", "How often a connector broke", broke))
    lags = [
        ({"source": name, "quantile": share}, float(one[key]) / 1000)
        for name, one in connections.items()
        for key, share in (("lag_p50_ms", "0.5"), ("lag_p99_ms", "0.99"))
        if one.get(key) is not None
    ]
    parts.append(written("zhizao_lag_seconds", "gauge", "From the time of a sample to its arrival here", lags))
    lags = [
        ({"source": name, "quantile": share}, float(one[key]) / 1000)
        for name, one in connections.items()
        for key, share in (("commit_p50_ms", "0.5"), ("commit_p99_ms", "0.99"))
        if one.get(key) is not None
    ]
    parts.append(written("zhizao_commit_lag_seconds", "gauge", "From the arrival of a sample to its commit", lags))
    waiting: list[tuple[dict[str, str], float]] = (
        [({}, float(max(one.get("queue", 0) for one in connections.values())))] if connections else []
    )
    parts.append(written("zhizao_commit_queue", "gauge", "Batches that wait for a commit", waiting))
    try:
        historian = live.reading(str(desk.path))
        account = list(historian.ledger().iter_rows(named=True))
        for key in ("received", "stored", "rejected", "duplicate", "late"):
            rows = [({"source": str(row["source"])}, float(row[key])) for row in account]
            parts.append(written(f"zhizao_samples_{key}_total", "counter", f"Samples {key}", rows))
        balance = [({"source": str(row["source"])}, float(bool(row["balance"]))) for row in account]
        parts.append(written("zhizao_ledger_balances", "gauge", "received = stored + rejected + duplicate", balance))
        parts.append(written("zhizao_tags", "gauge", "Signals", [({}, float(len(historian.tags)))]))
        size = float(_size(historian.folder))
        parts.append(written("zhizao_historian_bytes", "gauge", "Bytes of all samples on the disk", [({}, size)]))
    except ZhizaoError:
        pass
    parts += _alarms(desk)
    kept = letters(desk)
    parts.append(
        written(
            "zhizao_outbox_letters", "gauge", "Letters by state", [({"state": k}, float(v)) for k, v in kept.items()]
        )
    )
    free = float(shutil.disk_usage(desk.path).free)
    parts.append(written("zhizao_disk_free_bytes", "gauge", "Room on the disk of the workspace", [({}, free)]))
    asked = [({"method": m, "status": str(s)}, float(n)) for (m, s), n in sorted(REQUESTS.counts.items())]
    parts.append(written("zhizao_http_requests_total", "counter", "Requests answered", asked))
    parts.append(
        written("zhizao_http_request_seconds_total", "counter", "Seconds in requests", [({}, REQUESTS.seconds)])
    )
    return "".join(parts)


def health(desk: Desk) -> dict[str, Any]:
    """Whether the server is live and ready, with reasons.

    `state` is `ok`, `degraded` (ready, and something needs a person) or `failing` (not ready). A reason has a stable `code`
    and `about`, what it is about.

    Parameters
    ----------
    desk : the workspace
    """
    failing: list[dict[str, str]] = []
    minor: list[dict[str, str]] = []
    try:
        desk.head()
    except Exception as error:  # noqa: BLE001 whatever the database says, the answer is that it does not answer
        failing.append({"code": "journal", "about": type(error).__name__})
    if shutil.disk_usage(desk.path).free < _LEAST_FREE:
        failing.append({"code": "disk_full", "about": f"{shutil.disk_usage(desk.path).free >> 20} MiB"})
    if not os.access(desk.path, os.W_OK):
        failing.append({"code": "read_only", "about": ""})
    try:
        declared = [name for name, one in desk.plant.connections.items() if one.get("enabled", True) is not False]
    except ZhizaoError as error:
        declared = []
        minor.append({"code": "bad_plant", "about": error.fault.where})
    connections, age = _connections(desk)
    if declared and (age is None or age >= _STALE_S):
        minor.append({"code": "nobody_listens", "about": ""})
    else:
        minor += [
            {"code": "source_silent", "about": name} for name, one in connections.items() if not one.get("connected")
        ]
    with suppress(ZhizaoError):
        account = live.reading(str(desk.path)).ledger()
        minor += [{"code": "unbalanced", "about": str(one)} for one in account.filter(~account["balance"])["source"]]
    failed = letters(desk)["failed"]
    if failed:
        minor.append({"code": "letters_failed", "about": str(failed)})
    state = "failing" if failing else "degraded" if minor else "ok"
    return {"state": state, "version": desk.version, "live": True, "ready": not failing, "reasons": failing + minor}
