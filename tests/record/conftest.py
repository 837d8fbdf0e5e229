"""Places to keep a journal in: a folder, and a throw-away PostgreSQL server where its programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zhizao.record import Workspace


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """Folder with the socket of a PostgreSQL server that lives as long as the tests."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no initdb found")
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        for name in ("postgres", "nobody"):
            try:
                account = pwd.getpwnam(name)
            except KeyError:
                continue
            user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            break
    folder = Path(tempfile.mkdtemp(prefix="zhizao-pg-"))
    if user:
        os.chown(folder, user["user"], user["group"])
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env={"LC_ALL": "C", "PATH": ""}, **user)

    run(str(programs / "initdb"), "-D", str(data), "-U", "plant", "-A", "trust", "-E", "UTF8", "--no-sync")
    settings = f"-k {folder} -c listen_addresses='' -c fsync=off -c shared_buffers=32MB"
    run(str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", settings, "start")
    try:
        yield folder
    finally:
        run(str(programs / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a new journal may be kept: each test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return tmp_path / "plant"
    return _database(request)


@pytest.fixture
def postgresql_place(request: pytest.FixtureRequest) -> str:
    """Address of an empty PostgreSQL database."""
    return _database(request)


def _database(request: pytest.FixtureRequest) -> str:
    folder = request.getfixturevalue("postgresql_server")
    import psycopg

    with psycopg.connect(f"host={folder} user=plant dbname=postgres", autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return f"postgresql+psycopg://plant@/postgres?host={folder}"


@pytest.fixture
def opened(place: Path | str) -> Iterator[Callable[[], Workspace]]:
    """Opens the place; what was opened is closed after the test."""
    open_ones: list[Workspace] = []

    def open_place() -> Workspace:
        workspace = Workspace.open(place)
        open_ones.append(workspace)
        return workspace

    yield open_place
    for workspace in open_ones:
        workspace.close()


@pytest.fixture
def workspace(opened: Callable[[], Workspace]) -> Workspace:
    """A new, empty workspace."""
    return opened()
