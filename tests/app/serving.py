"""A real server in a process of its own, on a workspace with the sample plant."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Server", "serving", "start"]


@dataclass(slots=True)
class Server:
    """A running server: where it is, and the password that it printed at its first run."""

    address: str
    password: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=15)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start(workspace: Path, *, local: bool = True) -> Server:
    """Start `zhizao serve` and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from pathlib import Path; from zhizao.app.serve import serve; serve(Path({str(workspace)!r}), port={port}, local={local})"
    lines = 2 if local or not (workspace / "people.db").exists() else 1
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    )
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{address}/api/v1/health", timeout=2):
            break
        time.sleep(0.2)
    said = ""
    assert process.stdout is not None
    for _ in range(lines):
        said += process.stdout.readline()
    found = re.search(r"password (\S+)", said)
    return Server(address, found[1] if found else "", process)


def call(address: str, method: str, path: str, body: Any = None) -> Any:
    """One request to the API."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(
        address + path, data, {"content-type": "application/json"} if data else {}, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def finish(address: str, job: str, most_s: float = 600) -> str:
    """Wait for a job; its last state."""
    end = time.monotonic() + most_s
    state = "running"
    while state == "running" and time.monotonic() < end:
        time.sleep(0.3)
        state = str(call(address, "GET", f"/api/v1/jobs/{job}")["state"])
    return state


@contextmanager
def serving(*, weeks: int = 4, pilot: bool = False) -> Iterator[str]:
    """The address of a server on the sample plant; with `pilot`, twin and pilot have been run."""
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder) / "workspace")
        try:
            job = call(server.address, "POST", "/api/v1/sample", {"weeks": weeks})["id"]
            finish(server.address, job)
            if pilot:
                for kind in ("twin", "pilot"):
                    finish(server.address, call(server.address, "POST", f"/api/v1/{kind}", {})["id"])
            yield server.address
        finally:
            server.stop()
