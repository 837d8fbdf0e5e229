"""Tampering is found: a changed value, a removed, inserted or moved row, an end cut off, a flipped byte of the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shopfloor import at, content, frame, put, row, shop
from sqlalchemy import text

from zhizao.errors import InputError
from zhizao.record import Verification, Workspace
from zhizao.record.chain import EVENT_SCHEMA, GENESIS, canonical, links
from zhizao.record.schema import event, imports, rejection

REJECTED = pl.DataFrame({"row": [3, 4], "code": ["bad_time", "no_order"], "value": ["31/02", ""]})


def fill(workspace: Workspace) -> None:
    rows = shop(30).with_columns(sheet=pl.lit("S"), key=pl.format("K{}", pl.int_range(30)))
    put(workspace.journal, rows, rejected=REJECTED, read=32)
    put(workspace.journal, rows.with_columns(pl.col("good") + 1), source="corrected.csv")


def tamper(workspace: Workspace, *statements: str) -> Verification:
    """Change the database behind the journal's back, then verify."""
    with workspace._store.engine.execution_options(writes=True).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    return workspace.journal.verify()


def test_an_untouched_journal_is_found_whole(workspace: Workspace) -> None:
    assert workspace.journal.verify() == Verification(True, 0, None, "", GENESIS.hex())
    fill(workspace)
    found = workspace.journal.verify()
    assert (found.ok, found.first_bad, found.reason) == (True, None, "")
    assert found.events == len(workspace.journal.events())
    assert found.head == workspace.journal.events()[-1].hash


_OTHER: dict[str, Any] = {
    "id": "supersedes",
    "kind": "'order.closed'",
    "source": "source || ' '",
    "subject": "'Z'",
    "payload": "replace(payload, 'good', 'goof')",
    "supersedes": "NULL",
    "origin": "NULL",
    "sheet": "NULL",
    "key": "''",
    "hash": "id",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A filled journal, as a file."""
    folder = tmp_path_factory.mktemp("written")
    with Workspace.open(folder) as workspace:
        fill(workspace)
    return (folder / "facts.db").read_bytes()


@pytest.fixture
def filled(written: bytes, tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "facts.db").write_bytes(written)
    with Workspace.open(tmp_path) as workspace:
        yield workspace


@pytest.mark.parametrize("column", [column.name for column in event.columns if column.name != "id"])
def test_a_change_of_any_column_of_an_event_is_found_at_that_event(filled: Workspace, column: str) -> None:
    if column == "sequence":
        found = tamper(filled, "UPDATE event SET sequence = 1000 WHERE sequence = 40")
    else:
        value = _OTHER.get(column, f'"{column}" + 1')
        found = tamper(filled, f'UPDATE event SET "{column}" = {value} WHERE sequence = 40')
    assert (found.ok, found.events, found.first_bad) == (False, 39, 40)


@pytest.mark.parametrize("column", [column.name for column in imports.columns])
def test_a_change_of_any_column_of_an_import_is_found(filled: Workspace, column: str) -> None:
    value = {"source": "'x'", "finished": "NOT finished"}.get(column, "seal" if "hash" in column else f'"{column}" + 1')
    value = "head_hash" if column == "seal" else value
    found = tamper(filled, f'UPDATE imports SET "{column}" = {value} WHERE id = 2')
    assert not found.ok
    assert "import" in found.reason


@pytest.mark.parametrize("column", [column.name for column in rejection.columns if column.name != "number"])
def test_a_change_of_any_column_of_a_rejected_row_is_found(filled: Workspace, column: str) -> None:
    value = {"import_id": "2", "row": "7"}.get(column, "'x'")
    found = tamper(filled, f'UPDATE rejection SET "{column}" = {value} WHERE number = 2')
    assert (found.ok, found.reason) == (False, "the rejected rows of import 1 were changed")


@pytest.mark.parametrize(
    ("statements", "first_bad", "told"),
    [
        (["DELETE FROM event WHERE sequence = 7"], 7, "event 7 is gone"),
        (
            ["DELETE FROM event WHERE sequence = 7", "UPDATE event SET sequence = sequence - 1 WHERE sequence > 7"],
            7,
            "event 7 is not as it was written",
        ),
        (["DELETE FROM event WHERE sequence > 55"], 56, "the end is cut off"),
        (["DELETE FROM event WHERE sequence > 30"], 31, "the end is cut off"),
        (
            [
                "UPDATE event SET sequence = 1000 WHERE sequence = 5",
                "UPDATE event SET sequence = 5 WHERE sequence = 6",
                "UPDATE event SET sequence = 6 WHERE sequence = 1000",
            ],
            5,
            "event 5 is not as it was written",
        ),
        (["DELETE FROM imports WHERE id = 2"], None, "import 2 is gone"),
        (["UPDATE head SET sequence = 56"], None, "the head of the chain does not match"),
        (["UPDATE head SET imports = 3"], None, "import 3 is gone"),
        (["DELETE FROM head"], None, "the head of the chain is gone"),
    ],
)
def test_rows_that_were_removed_moved_or_cut_off_are_found(
    workspace: Workspace, statements: list[str], first_bad: int | None, told: str
) -> None:
    fill(workspace)
    found = tamper(workspace, *statements)
    assert not found.ok
    assert found.first_bad == first_bad
    assert told in found.reason


def test_an_end_cut_off_together_with_the_head_is_found_by_the_checkpoint_of_the_import(tmp_path: Path) -> None:
    with Workspace.open(tmp_path) as workspace:
        fill(workspace)
        with sqlite3.connect(tmp_path / "facts.db") as connection:
            last = connection.execute("SELECT sequence, hash, recorded_at FROM event WHERE sequence = 50").fetchone()
            connection.execute("DELETE FROM event WHERE sequence > 50")
            connection.execute("UPDATE head SET sequence = ?, hash = ?, recorded_at = ?", last)
        connection.close()
        found = workspace.journal.verify()
    assert (found.ok, found.first_bad) == (False, 51)
    assert "57 events were written, 50 are there" in found.reason


def test_a_chain_computed_anew_is_found_by_the_checkpoint_of_the_import(tmp_path: Path) -> None:
    with Workspace.open(tmp_path) as workspace:
        fill(workspace)
        columns = ", ".join(EVENT_SCHEMA)
        with sqlite3.connect(tmp_path / "facts.db") as connection:
            connection.execute("UPDATE event SET subject = 'Z' WHERE sequence = 2")
            rows = connection.execute(f"SELECT {columns} FROM event ORDER BY sequence").fetchall()
            hashes = links(GENESIS, canonical(pl.DataFrame(rows, schema=EVENT_SCHEMA, orient="row")))
            connection.executemany(
                "UPDATE event SET hash = ? WHERE sequence = ?", [(h, i + 1) for i, h in enumerate(hashes)]
            )
            connection.execute("UPDATE head SET hash = ?", (hashes[-1],))
        connection.close()
        found = workspace.journal.verify()
    assert (found.ok, found.first_bad) == (False, 30)
    assert found.reason == "event 30 is not the one that import 1 noted"


def test_an_inserted_event_is_found(workspace: Workspace) -> None:
    fill(workspace)
    names = ", ".join(f'"{column.name}"' for column in event.columns)
    values = names.replace('"sequence"', "58").replace('"id"', "hash")
    found = tamper(workspace, f"INSERT INTO event ({names}) SELECT {values} FROM event WHERE sequence = 57")
    assert (found.ok, found.first_bad) == (False, 58)


def test_no_flipped_byte_of_the_file_goes_unnoticed_where_facts_stand(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("whole")
    with Workspace.open(place) as workspace:
        put(workspace.journal, shop(60), rejected=REJECTED, read=62)
        put(workspace.journal, frame(row("A", 0, None)), when=at(9))
        log = content(workspace.journal)
    data = (place / "facts.db").read_bytes()
    facts = [offset for offset in range(len(data)) if data[offset : offset + 9] == b'{"activit']

    @settings(max_examples=150, deadline=None)
    @given(in_fact=st.booleans(), pick=st.integers(0, 2**40), shift=st.integers(-200, 400), bit=st.integers(0, 7))
    def flip(in_fact: bool, pick: int, shift: int, bit: int) -> None:
        spot = facts[pick % len(facts)] + shift if in_fact else pick % len(data)
        changed = bytearray(data)
        changed[spot % len(data)] ^= 1 << bit
        folder = tmp_path_factory.mktemp("flipped")
        (folder / "facts.db").write_bytes(changed)
        try:
            with Workspace.open(folder) as workspace:
                found = workspace.journal.verify()
                if found.ok:  # then the byte was no part of a fact: everything reads as before
                    assert content(workspace.journal).equals(log)
                    assert workspace.journal.account()["balance"].all()
        except InputError as error:
            assert error.fault.code in ("corrupt", "not_a_journal", "newer_version", "database", "disk_error")

    flip()


def test_different_events_never_have_the_same_bytes() -> None:
    values: dict[str, Any] = dict.fromkeys(EVENT_SCHEMA) | {
        "sequence": 1,
        "id": b"0123456789abcdef",
        "kind": "operation.ended",
        "at": 0,
        "recorded_at": 0,
        "source": "a",
        "subject": "b|1:c",
        "version": 1,
        "payload": "{}",
    }
    others = [
        {"source": "a|5:b", "subject": "1:c"},
        {"sheet": ""},
        {"key": "-"},
        {"sheet": "x", "key": None},
        {"sheet": None, "key": "x"},
        {"row": 1},
        {"import_id": 1},
        {"source": "工"},
    ]
    rows = [values, *({**values, **other} for other in others)]
    texts = canonical(pl.DataFrame(rows, schema=EVENT_SCHEMA))
    assert texts.n_unique() == len(rows)
    assert texts[0] == b"1|30313233343536373839616263646566|15:operation.ended|0|0|1:a|5:b|1:c|1|2:{}|-|-|-|-|-|-"


def test_ids_are_version_5_uuids_of_the_natural_key(workspace: Workspace) -> None:
    put(workspace.journal, frame(row("A", key="7"), row("B")))
    keyed, natural = (one.id for one in workspace.journal.events())
    assert (keyed.version, natural.version) == (5, 5)
    rng = np.random.default_rng(3)
    from uuid import UUID, uuid5

    from zhizao.record.identity import NAMESPACE, uuids

    assert keyed == uuid5(NAMESPACE, "key 7")
    names = ["".join(chr(int(c)) for c in rng.integers(32, 2000, 12)) for _ in range(50)]
    assert [UUID(bytes=raw) for raw in uuids(names)] == [uuid5(NAMESPACE, name) for name in names]
