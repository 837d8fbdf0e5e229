"""Long work: each job runs in a process of its own, so that it can be left, found again and cancelled.

A job is a folder in the workspace (`jobs/<id>`): `job.json` says what was asked and by whom, `progress.json` how far it
is, and at the end there is `result.json` or `fault.json`. The server keeps nothing that is not in the folder, so a job
outlives the page that started it and a restart of the server.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from zhizao.clock import now
from zhizao.errors import Fault, InputError, NotAllowed, ZhizaoError

__all__ = ["Job", "Jobs", "Report", "State", "Task"]

State = str
"""`running`, `done`, `failed`, `cancelled` or `lost` (its process is gone without a word)."""

Report = Callable[..., None]
"""`report(fraction, step)`: how far the work is, 0..1, and the key of the step in words."""

Task = Callable[[Path, dict[str, Any], Path, Report], dict[str, Any]]
"""`task(workspace, asked, folder, report)` does the work and returns what goes into `result.json`."""

_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work as it stands now.

    Parameters
    ----------
    id : name of its folder
    kind : what is done (`import`, `twin`, `pilot`, `sample`)
    state : see `State`
    by : who asked
    at : when, ISO 8601 UTC
    asked : what was asked
    fraction : 0..1
    step : key of the step in words
    elapsed_s, left_s : seconds since the start, and to go as far as one can tell (None = cannot tell)
    fault : what went wrong, when it failed
    """

    id: str
    kind: str
    state: State
    by: str
    at: str
    asked: dict[str, Any]
    fraction: float = 0.0
    step: str = ""
    elapsed_s: float = 0.0
    left_s: float | None = None
    fault: dict[str, str] | None = None


class Jobs:
    """The jobs of a workspace.

    Parameters
    ----------
    workspace : folder of the workspace
    tasks : for each kind, `module:function` of its `Task`
    """

    def __init__(self, workspace: Path, tasks: dict[str, str]) -> None:
        self._workspace = workspace.resolve()
        self._folder = self._workspace / "jobs"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._tasks = tasks
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, kind: str, asked: dict[str, Any], by: str = "") -> Job:
        """Start a job in a process of its own.

        Raises
        ------
        InputError : when there is no such kind
        NotAllowed : when a job of this kind is running already
        """
        if kind not in self._tasks:
            raise InputError(f'"{kind}" is no kind of job', fix=f"use {', '.join(self._tasks)}", code="bad_kind")
        for other in self.list(kind):
            if other.state == "running":
                raise NotAllowed(
                    f"a job of kind {kind} is running already ({other.id}, by {other.by or 'local'})",
                    fix="wait for it, or cancel it",
                    code="busy",
                )
        name = f"{now():%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
        folder = self._folder / name
        folder.mkdir()
        head = {"kind": kind, "task": self._tasks[kind], "asked": asked, "by": by, "at": now().isoformat()}
        _write(folder / "job.json", head)
        with (folder / "log.txt").open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "zhizao.app.jobs", str(self._workspace), str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _write(folder / "process.json", {"pid": child.pid})
        self._children[name] = child
        return self.get(name)

    def adopt(
        self,
        kind: str,
        result: dict[str, Any],
        asked: dict[str, Any],
        by: str,
        began: datetime,
        ended: datetime,
        *,
        files: Callable[[Path], None] | None = None,
    ) -> str:
        """Take in what was found elsewhere (by the command line) as a finished job, and return its id.

        `files` writes into the job's folder; when it cannot, no job is left.
        """
        name = f"{began:%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
        folder = self._folder / name
        folder.mkdir()
        try:
            if files is not None:
                files(folder)
            _write(folder / "progress.json", {"fraction": 1.0, "step": "done", "at": ended.isoformat()})
            _write(folder / "result.json", result)
            _write(folder / "job.json", {"kind": kind, "task": "", "asked": asked, "by": by, "at": began.isoformat()})
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return name

    def get(self, name: str) -> Job:
        """A job as it stands now.

        Raises
        ------
        InputError : when there is no such job
        """
        folder = self.folder(name)
        head = _read(folder / "job.json")
        if head is None:
            raise InputError(f'there is no job "{name}"', fix="look it up in the list of jobs", code="no_job")
        progress = _read(folder / "progress.json") or {}
        fault = _read(folder / "fault.json")
        state = "running"
        if (folder / "cancelled").exists():
            state = "cancelled"
        elif (folder / "result.json").exists():
            state = "done"
        elif fault is not None:
            state = "failed"
        elif not self._alive(name, folder):
            # it may have ended between the looks
            state = "done" if (folder / "result.json").exists() else "failed"
            fault = _read(folder / "fault.json")
            if state == "failed" and fault is None:
                state = "lost"
        began = datetime.fromisoformat(head["at"])
        until = datetime.fromisoformat(progress["at"]) if state != "running" and "at" in progress else now()
        elapsed = max(0.0, (until - began).total_seconds())
        fraction = 1.0 if state == "done" else float(progress.get("fraction", 0.0))
        left = elapsed * (1 - fraction) / fraction if state == "running" and fraction > 0.02 else None
        return Job(
            id=name,
            kind=head["kind"],
            state=state,
            by=head["by"],
            at=head["at"],
            asked=head["asked"],
            fraction=fraction,
            step=str(progress.get("step", "")),
            elapsed_s=elapsed,
            left_s=left,
            fault=fault,
        )

    def list(self, kind: str | None = None) -> list[Job]:
        """Jobs, newest first."""
        names = sorted((p.name for p in self._folder.iterdir() if _ID.fullmatch(p.name)), reverse=True)
        found = []
        for name in names[:200]:
            head = _read(self._folder / name / "job.json")
            if head is not None and (kind is None or head["kind"] == kind):
                found.append(self.get(name))
        return found

    def result(self, name: str) -> dict[str, Any]:
        """What a finished job found.

        Raises
        ------
        NotAllowed : when it is not done
        """
        job = self.get(name)
        if job.state != "done":
            raise NotAllowed(f"job {name} is {job.state}", fix="wait until it is done", code="not_done")
        return _read(self.folder(name) / "result.json") or {}

    def cancel(self, name: str) -> Job:
        """Stop a running job; what it had stored whole stays, the rest leaves no trace."""
        job = self.get(name)
        if job.state == "running":
            folder = self.folder(name)
            pid = (_read(folder / "process.json") or {}).get("pid")
            (folder / "cancelled").touch()
            if pid:
                _end(int(pid))
            child = self._children.pop(name, None)
            if child is not None:
                _see_off(child)
        return self.get(name)

    def close(self) -> None:
        """Let go: jobs that have said their last word are seen off, those that run go on without this process."""
        for name, child in list(self._children.items()):
            if self.get(name).state != "running":
                _see_off(child)
                self._children.pop(name, None)

    def folder(self, name: str) -> Path:
        """Folder of a job, where its files are.

        Raises
        ------
        InputError : when the name is not one of a job
        """
        if not _ID.fullmatch(name):
            raise InputError(f'"{name[:60]}" is not the id of a job', fix="look it up in the list", code="no_job")
        return self._folder / name

    def _alive(self, name: str, folder: Path) -> bool:
        child = self._children.get(name)
        if child is not None:
            if child.poll() is None:
                return True
            del self._children[name]
            return False
        pid = (_read(folder / "process.json") or {}).get("pid")
        if not pid:
            return time.time() - folder.stat().st_mtime < 10
        return _is_job(int(pid), folder)


def _see_off(child: subprocess.Popen[bytes]) -> None:
    """Wait for a process that has nothing left to do; one that lingers is ended."""
    try:
        child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        _end(child.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
        child.kill()
        child.wait()


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGTERM)
        else:
            os.kill(pid, signal.SIGTERM)


def _is_job(pid: int, folder: Path) -> bool:
    """Whether a process id still belongs to the job of a folder, and not to a stranger who got the number later."""
    told = Path(f"/proc/{pid}/cmdline")
    if told.parent.parent.is_dir():
        try:
            words = told.read_bytes()
            if words:
                return folder.name.encode() in words
            # no words: it is just being started, or it has ended and nobody has looked after it yet
            state = told.with_name("stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state not in "ZX"
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None


def _write(path: Path, value: dict[str, Any]) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(value, ensure_ascii=False, default=str), encoding="utf-8")
    part.replace(path)


def _run(workspace: Path, folder: Path) -> int:
    """Do the job of a folder; runs in the job's own process."""
    head = _read(folder / "job.json")
    if head is None:
        return 2
    last = 0.0

    def report(fraction: float, step: str = "") -> None:
        nonlocal last
        if time.monotonic() - last > 0.2 or fraction >= 1:
            last = time.monotonic()
            at = now().isoformat()
            _write(folder / "progress.json", {"fraction": min(1.0, max(0.0, fraction)), "step": step, "at": at})

    report(0.0, "starting")
    try:
        module, _, function = str(head["task"]).partition(":")
        task: Task = getattr(importlib.import_module(module), function)
        result = task(workspace, head["asked"], folder, report)
    except ZhizaoError as error:
        _write(folder / "fault.json", asdict(error.fault))
        traceback.print_exc()
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: whatever happened must be told to who asked
        fault = Fault(f"{type(error).__name__}: {error}", where=f"job {folder.name}", fix="see its log", code="crash")
        _write(folder / "fault.json", asdict(fault))
        traceback.print_exc()
        return 1
    last = 0.0
    report(1.0, "done")
    _write(folder / "result.json", result)
    return 0


if __name__ == "__main__":
    with contextlib.suppress(AttributeError, OSError):
        os.nice(5)  # pages stay quick while a job runs
    sys.exit(_run(Path(sys.argv[1]), Path(sys.argv[2])))
