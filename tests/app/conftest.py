"""A workspace with four weeks of the sample plant, and the API over it without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.calling import PASSWORD, Caller
from zhizao.app import steps
from zhizao.app.access import Access, Role
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.record import Workspace
from zhizao.testing.sample import generate


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    return generate(folder, weeks=4, seed=3).path


@pytest.fixture(scope="session")
def filled(records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with records and corrections; not to be changed."""
    folder = tmp_path_factory.mktemp("filled") / "workspace"
    folder.mkdir()
    shutil.copy(records.parent / "plant.yaml", folder / "plant.yaml")
    lines = records.read_text(encoding="utf-8").splitlines()
    head = lines[0].split(",")
    row = lines[3].split(",")
    at = head.index("Scrap qty")
    row[at] = str(int(float(row[at] or 0)) + 2)
    corrected = records.parent / "corrected.csv"
    corrected.write_text("\n".join([lines[0], lines[1], lines[2], ",".join(row)]) + "\n", encoding="utf-8")
    with Workspace.open(folder) as place:
        steps.import_records(place, records)
        steps.import_records(place, corrected)
    return folder


@pytest.fixture(scope="session")
def desk(filled: Path) -> Iterator[Desk]:
    made = Desk(filled)
    yield made
    made.close()


@pytest.fixture
def empty_desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "workspace")
    yield made
    made.close()


@pytest.fixture(scope="session")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    made = Access(tmp_path_factory.mktemp("people") / "people.db")
    for role in Role:
        made.add(f"the-{role}", PASSWORD, role)
    yield made
    made.close()


@pytest.fixture
def app(desk: Desk, access: Access) -> FastAPI:
    return build(desk, access)


@pytest.fixture
def viewer(app: FastAPI) -> Caller:
    return Caller(app).sign_in("the-viewer")


@pytest.fixture
def admin(app: FastAPI) -> Caller:
    return Caller(app).sign_in("the-admin")


@pytest.fixture
def local(desk: Desk) -> Caller:
    return Caller(build(desk, None, Settings(local=True)))


@pytest.fixture
def empty(empty_desk: Desk) -> Caller:
    return Caller(build(empty_desk, None, Settings(local=True, largest=1 << 20)))
