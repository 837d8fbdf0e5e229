"""Calls of the command line as somebody types them: in a process of its own, or in this one where it need only refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND = [sys.executable, "-c", "from zhizao.app.cli import main; main()"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a call printed and how it ended."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """English, whatever the machine speaks; nothing of the user's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "ZHIZAO"))}
    return {**kept, "ZHIZAO_LANG": "en", "PYTHONWARNINGS": "default", **more}


def call(*arguments: object, folder: Path | None = None, **more: str) -> Said:
    """Run `zhizao` with arguments in a folder."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        cwd=folder,
        env=environment(**more),
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def start(*arguments: object, folder: Path) -> subprocess.Popen[str]:
    """Start `zhizao` in a process group of its own, as a terminal does, so that Ctrl-C reaches all of it."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env=environment(),
        start_new_session=True,
    )
