"""Whether the stored facts are still as they were written: the chain is computed again from the first event on.

Found are changed, removed, inserted and reordered events; an end that was cut off, by the head row and by the
checkpoint in each import; changed imports and rejections, by their seals; and, in SQLite, damaged pages. Who can
rewrite the whole file can also compute every hash anew: note `Verification.head` elsewhere to be safe from that.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from zhizao.errors import InputError
from zhizao.record.chain import EVENT_SCHEMA, GENESIS, canonical, links, seal
from zhizao.record.importing import REJECTION_SCHEMA, Progress
from zhizao.record.schema import event, head, imports, rejection
from zhizao.record.store import Store

__all__ = ["Verification", "verify"]

_STORED: dict[str, type[pl.DataType]] = {**EVENT_SCHEMA, "hash": pl.Binary}


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking the journal brought to light.

    Parameters
    ----------
    ok : everything is as it was written
    events : events that were checked and found right
    first_bad : sequence of the first event that is not right; None where no single event is to blame
    reason : what is wrong, in words; empty when all is well
    head : hash of the last event, hexadecimal; noted elsewhere, it proves later that nothing before it changed
    """

    ok: bool
    events: int
    first_bad: int | None = None
    reason: str = ""
    head: str = ""


class _WrongError(Exception):
    def __init__(self, reason: str, *, at: int | None = None, good: int = 0) -> None:
        self.reason, self.at, self.good = reason, at, good


def verify(store: Store, progress: Progress | None = None) -> Verification:
    """Check every event, import and rejection; see `Journal.verify`."""
    try:
        with store.reading() as connection:
            _pages(connection)
            last = connection.execute(select(head)).one_or_none()
            if last is None:
                raise _WrongError("the head of the chain is gone")
            marks = _imports(connection, last.imports)
            end, count = _events(store, connection, marks, last, progress)
    except _WrongError as wrong:
        return Verification(False, wrong.good, wrong.at, wrong.reason)
    except InputError as error:
        if error.fault.code not in ("corrupt", "not_a_journal", "database", "disk_error"):
            raise
        return Verification(False, 0, None, error.fault.what)
    except (ValueError, TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        return Verification(False, 0, None, f"a stored value is not of its type: {error}")
    return Verification(True, count, None, "", end.hex())


def _pages(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    try:
        found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
    except DBAPIError as error:
        raise _WrongError(f"the database file is damaged: {error.orig}") from error
    if found != "ok":
        raise _WrongError(f"the database file is damaged: {found}")


def _imports(connection: Connection, count: int) -> dict[int, list[tuple[bytes, int]]]:
    """Check the imports; their checkpoints: sequence -> (hash, import)."""
    marks: dict[int, list[tuple[bytes, int]]] = {}
    columns = [rejection.c[name] for name in REJECTION_SCHEMA]
    number = 0
    for row in connection.execute(select(imports).order_by(imports.c.id)).all():
        number += 1
        if row.id != number:
            raise _WrongError(f"import {number} is gone")
        if seal(row[:-1]) != row.seal:
            raise _WrongError(f"the account of import {row.id} was changed")
        refused = connection.execute(
            select(*columns).where(rejection.c.import_id == row.id).order_by(rejection.c.number)
        )
        if seal(value for line in refused for value in line) != row.rejections_hash:
            raise _WrongError(f"the rejected rows of import {row.id} were changed")
        marks.setdefault(row.head_sequence, []).append((row.head_hash, row.id))
    if number != count:
        raise _WrongError(f"import {number + 1} is gone" if number < count else f"import {number} was added")
    orphan = connection.execute(select(func.max(rejection.c.import_id))).scalar()
    if orphan is not None and orphan > number:
        raise _WrongError(f"rejected rows name import {orphan}, which is not there")
    return marks


def _events(
    store: Store,
    connection: Connection,
    marks: dict[int, list[tuple[bytes, int]]],
    last: Any,
    progress: Progress | None,
) -> tuple[bytes, int]:
    before, count, recorded = GENESIS, 0, 0
    _marked(marks, 0, before)
    statement = select(*(event.c[name] for name in _STORED)).order_by(event.c.sequence)
    with closing(store.frames(connection, statement, _STORED)) as frames:
        for frame in frames:
            found = frame["hash"].to_list()
            for sequence, expected, stored in zip(
                frame["sequence"], links(before, canonical(frame)), found, strict=True
            ):
                if sequence != count + 1:
                    raise _WrongError(f"event {count + 1} is gone", at=count + 1, good=count)
                if expected != stored:
                    raise _WrongError(f"event {sequence} is not as it was written", at=sequence, good=count)
                count = sequence
                if count in marks:
                    _marked(marks, count, stored)
            before = found[-1]
            times = frame["recorded_at"]
            if times[0] < recorded or not times.is_sorted():
                raise _WrongError("events are not in the order in which they were recorded", good=count)
            recorded = times[-1]
            if progress is not None:
                progress("verify", min(1.0, count / max(last.sequence, 1)))
    longest = max([last.sequence, *marks])
    if count < longest:
        raise _WrongError(
            f"the end is cut off: {longest} events were written, {count} are there", at=count + 1, good=count
        )
    if (count, before, recorded) != (last.sequence, last.hash, last.recorded_at):
        raise _WrongError("the head of the chain does not match its last event", good=count)
    return before, count


def _marked(marks: dict[int, list[tuple[bytes, int]]], sequence: int, found: bytes) -> None:
    for expected, number in marks.get(sequence, []):
        if expected != found:
            raise _WrongError(f"event {sequence} is not the one that import {number} noted", at=sequence)
