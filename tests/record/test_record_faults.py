"""What can be wrong with a workspace: one clear error each, with place and cure, never one of the database's own."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from shopfloor import counts, put, shop
from sqlalchemy import text

from zhizao.errors import FaultsFound, InputError
from zhizao.record import Workspace, open_workspace, read_plant
from zhizao.record.store import open_store


def code_of(path: Path | str, **more: object) -> str:
    """Code of the error that opening the workspace raises; its message names the place and no password."""
    with pytest.raises(InputError) as caught:
        open_workspace(path, **more)  # type: ignore[arg-type]
    fault = caught.value.fault
    assert fault.where and fault.what
    assert "secret" not in str(caught.value)
    return fault.code


@contextmanager
def ordinary_person(folder: Path) -> Iterator[None]:
    """Somebody who is not root, as root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder that others than root may enter."""
    folder = Path(tempfile.mkdtemp(prefix="zhizao-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_text_file_in_place_of_the_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "facts.db").write_text("order,start\nA,2025-01-06\n" * 50)
    assert code_of(tmp_path) == "not_a_journal"


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "facts.db") as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    connection.close()
    before = (tmp_path / "facts.db").stat().st_size
    assert code_of(tmp_path) == "not_a_journal"
    with sqlite3.connect(tmp_path / "facts.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("customers",)]
    connection.close()
    assert (tmp_path / "facts.db").stat().st_size == before


def test_a_journal_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    open_workspace(tmp_path).close()
    with sqlite3.connect(tmp_path / "facts.db") as connection:
        connection.execute("UPDATE zhizao_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(InputError, match=r'written by a newer zhizao \(its tables are "9999"') as caught:
        open_workspace(tmp_path)
    assert caught.value.fault.code == "newer_version"


def test_a_damaged_file_is_told_on_opening_or_by_verify(tmp_path: Path) -> None:
    with Workspace.open(tmp_path) as workspace:
        put(workspace.journal, shop(2_000))
    whole = (tmp_path / "facts.db").read_bytes()
    (tmp_path / "facts.db").write_bytes(whole[: len(whole) // 2])
    assert code_of(tmp_path) == "corrupt"
    (tmp_path / "facts.db").write_bytes(whole[:100_000] + os.urandom(60_000) + whole[160_000:])
    with Workspace.open(tmp_path) as workspace:
        found = workspace.journal.verify()
        assert not found.ok
        assert "damaged" in found.reason
        with pytest.raises(InputError) as caught:
            workspace.journal.worklog(zone="UTC")
        assert caught.value.fault.code == "corrupt"


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    (tmp_path / "facts.db").touch()
    with Workspace.open(tmp_path) as workspace:
        assert workspace.journal.verify().ok


def test_a_full_disk_is_told_and_what_was_acknowledged_is_kept(tmp_path: Path) -> None:
    rows = shop(3_000)
    with Workspace.open(tmp_path) as workspace:
        connection = workspace._store.engine.raw_connection()
        connection.cursor().execute("PRAGMA max_page_count = 60")  # SQLite then says that the disk is full
        connection.close()
        with pytest.raises(InputError, match="the disk is full") as caught:
            put(workspace.journal, rows, batch_rows=100)
        assert caught.value.fault.code == "disk_full"
        account = workspace.journal.account().row(0, named=True)
        assert 0 < account["stored"] < 3_000
        assert account["balance"] and not account["finished"]
        assert workspace.journal.verify().ok
    with Workspace.open(tmp_path) as workspace:
        assert counts(put(workspace.journal, rows)) == (3_000 - account["stored"], 0, account["stored"], 0)


def test_a_read_only_folder_is_told(own_folder: Path) -> None:
    with ordinary_person(own_folder):
        own_folder.chmod(0o555)
        assert code_of(own_folder) == "cannot_open"
        assert code_of(own_folder / "new") == "read_only"
        own_folder.chmod(0o755)


def test_a_read_only_journal_is_told_when_it_is_written_to(own_folder: Path) -> None:
    open_workspace(own_folder).close()
    with ordinary_person(own_folder):
        (own_folder / "facts.db").chmod(0o444)
        with open_workspace(own_folder) as workspace, pytest.raises(InputError, match="read-only") as caught:
            put(workspace.journal, shop(3))
        assert caught.value.fault.code == "read_only"
        (own_folder / "facts.db").chmod(0o000)
        assert code_of(own_folder) in ("cannot_open", "read_only")
        (own_folder / "facts.db").chmod(0o644)


def test_a_file_is_no_workspace_and_an_absent_one_is_made_only_when_wanted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert code_of(tmp_path / "file") == "not_a_folder"
    assert code_of(tmp_path / "absent", create=False) == "no_journal"
    assert not (tmp_path / "absent").exists()
    assert code_of(tmp_path, create=False) == "no_journal"
    (tmp_path / "facts.db").mkdir()
    assert code_of(tmp_path) == "not_a_journal"
    open_workspace(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b" / "facts.db").exists()


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("mysql://me:secret@host/plant", "bad_url"),
        ("://", "bad_url"),
        ("postgresql://me:secret@127.0.0.1:1/plant", "unreachable"),
        ("postgresql://me:secret@/plant?host=/nowhere", "unreachable"),
    ],
)
def test_an_address_that_does_not_work_is_told_without_the_password(address: str, code: str) -> None:
    assert code_of(address, wait_s=1.0) == code


@pytest.mark.postgresql
def test_a_database_that_holds_tables_of_that_name_is_left_alone(postgresql_place: str) -> None:
    store = open_store(postgresql_place)
    with store.engine.begin() as connection:
        connection.execute(text("DROP TABLE zhizao_version"))
    store.close()
    assert code_of(postgresql_place) == "not_a_journal"
    assert code_of(postgresql_place.replace("/postgres", "/absent", 1)) == "unreachable"


def faults_of(path: Path, text_: str) -> list[str]:
    path.write_text(text_, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_plant(path)
    error = caught.value
    faults = error.faults if isinstance(error, FaultsFound) else (error.fault,)
    return [str(fault).removeprefix(f"{path}, ") for fault in faults]


def test_a_plant_file_is_read_and_an_empty_one_declares_nothing(tmp_path: Path) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(
        "\ufeffname: 一号车间\nzone: Europe/Berlin\nrates:\n  labour_per_h: 70\n"
        "calendars:\n  day:\n    hours: [[1, 6, 14], [2, 6, 14]]\nmachines:\n  M1: {calendar: day}\n",
        encoding="utf-8",
    )
    with Workspace.open(tmp_path) as workspace:
        assert (workspace.plant.name, workspace.plant.zone) == ("一号车间", "Europe/Berlin")
        assert workspace.plant.rates.labour_per_h == 70
        assert workspace.folder == tmp_path
    file.write_text("# nothing yet\n")
    assert read_plant(file).model_fields_set == set()


def test_every_fault_of_a_plant_file_is_told_with_its_line_and_a_cure(tmp_path: Path) -> None:
    told = faults_of(
        tmp_path / "plant.yaml",
        "name: W\n"
        "rates:\n"
        "  labour_per_hour: 70\n"
        "  machine_per_h: -3\n"
        "machines:\n"
        "  M1:\n"
        "    capacity: many\n"
        "name: twice\n",
    )
    assert told == [
        'line 3: "rates.labour_per_hour" is not a field; fields here: currency, labour_per_h, machine_per_h, '
        "material_per_piece, holding_per_year, lateness_per_order_day",
        "line 4: rates.machine_per_h: should be greater than or equal to 0, not -3; correct machine_per_h",
        "line 7: machines.M1.capacity: should be a valid integer, unable to parse string as an integer, "
        "not 'many'; correct capacity",
        'line 8: "name" stands twice; keep one',
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("zone: Mars/Olympus\n", 'line 1: zone: "Mars/Olympus" is not a time zone; write an IANA name'),
        ("machines:\n  M1: {calendar: night}\n", 'line 1: machine "M1" names calendar "night"'),
        ("name: [\n", "line 2: this is not YAML"),
        ("- a\n- b\n", "line 1: the file holds a list, not fields"),
        ("machines:\n  M1: 3\n", "line 2: machines.M1 should have fields below it, not 3; fields here: work_center"),
        ("machines:\n  - M1\n", "line 1: machines should have fields below it, not ['M1']; write names"),
        ("calendars:\n  day:\n    hours:\n      - [1, 14, 6]\n", "line 3: calendars.day.hours: shift of weekday 1"),
    ],
)
def test_a_fault_of_a_plant_file_points_to_its_line(tmp_path: Path, written: str, told: str) -> None:
    (first,) = faults_of(tmp_path / "plant.yaml", written)
    assert first.startswith(told)


def test_a_plant_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "plant.yaml").write_bytes("name: 一号\n".encode("gb18030"))
    with pytest.raises(InputError, match="not UTF-8") as caught:
        open_workspace(tmp_path)
    assert caught.value.fault.where.endswith("plant.yaml, line 1")
    with pytest.raises(InputError, match="cannot be read"):
        open_workspace(tmp_path, plant=tmp_path / "absent.yaml")
