"""The journal: what happened, kept as written, and read back as it stood at any time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import polars as pl
from sqlalchemy import Connection, select

from zhizao.errors import InputError
from zhizao.model import Event, Kind, WorkLog
from zhizao.record import alarms, facts, returns, views
from zhizao.record.chain import EVENT_SCHEMA
from zhizao.record.importing import BATCH_ROWS, Progress, Receipt, import_records, link
from zhizao.record.instant import nanoseconds
from zhizao.record.operations import OPERATIONS, PAYLOAD
from zhizao.record.schema import event as event_table
from zhizao.record.store import Store
from zhizao.record.verification import Verification, verify
from zhizao.record.views import Recorded

__all__ = ["Journal"]


class Journal:
    """Facts of one plant in the order in which they were recorded; a `Workspace` opens it.

    Parameters
    ----------
    store : the database, as `zhizao.record.store.open_store` gives it
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def append_records(
        self,
        frame: pl.DataFrame,
        *,
        source: str,
        rejected: pl.DataFrame,
        read: int,
        recorded_at: datetime,
        progress: Progress | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> Receipt:
        """Store the rows of a source that are new or corrected, and account for all of them.

        A row is known by its key, or without one by order, activity, machine, person, report and start; the name of
        the file plays no part. Other content under a known key supersedes the event before, both stay visible. The
        work is done in batches: each is stored whole, and after a crash the same call completes the import.

        Parameters
        ----------
        frame : rows to store, with the columns of `RECORD_SCHEMA`
        source : where they come from, a file's name for example
        rejected : refused rows, one line per fault: `row`, `sheet`, `column`, `value`, `code`, `what`, `fix`
        read : rows in the source; must be those in `frame` and the distinct ones in `rejected`
        recorded_at : time now; events count as known from then on (`as_of`), never earlier than those before
        progress : told ("record", share of the rows that is done) after each batch
        batch_rows : rows that are acknowledged together

        Raises
        ------
        InputError : the rows are not whole, do not add up to `read`, the key tells nothing apart or was not there
            before, or the database cannot be written (locked, full, read-only, damaged)
        """
        return import_records(
            self._store,
            frame,
            source=source,
            rejected=rejected,
            read=read,
            recorded_at=recorded_at,
            progress=progress,
            batch_rows=batch_rows,
        )

    def append_facts(
        self,
        frame: pl.DataFrame,
        kind: Kind,
        *,
        source: str,
        rejected: pl.DataFrame,
        read: int,
        recorded_at: datetime,
        progress: Progress | None = None,
    ) -> Receipt:
        """Store readings of meters or closed accounts that are new or corrected, and account for all of them.

        Parameters
        ----------
        frame : `facts.FLOW_SCHEMA` or `facts.ACCOUNT_LINE_SCHEMA` without `event`, with `row` and `sheet`
        kind : `metered` or `accounts.closed`
        source, rejected, read, recorded_at, progress : see `append_records`

        Raises
        ------
        InputError : the rows are not whole or do not add up to `read`, or the database cannot be written
        """
        return facts.import_facts(
            self._store,
            frame,
            kind,
            source=source,
            rejected=rejected,
            read=read,
            recorded_at=recorded_at,
            progress=progress,
        )

    def flows(self, *, as_of: datetime | None = None) -> pl.DataFrame:
        """Readings of all meters, corrected ones in their last version: `facts.FLOW_SCHEMA`.

        Parameters
        ----------
        as_of : as it was known at this time; None for now
        """
        return facts.flows(self._store, as_of=as_of)

    def accounts(self, *, as_of: datetime | None = None) -> pl.DataFrame:
        """Closed accounts, corrected ones in their last version: `facts.ACCOUNT_LINE_SCHEMA`.

        Parameters
        ----------
        as_of : as it was known at this time; None for now
        """
        return facts.accounts(self._store, as_of=as_of)

    def return_steps(self, subject: str | None = None, *, as_of: datetime | None = None) -> list[Recorded]:
        """Steps of one return (`returns.subject_of`) or of all, in the order in which they were recorded.

        Parameters
        ----------
        subject : which return; all when absent
        as_of : only those known at this time
        """
        return returns.steps(self._store, subject, as_of=as_of)

    def alarm_facts(self, *, after: int = 0, as_of: datetime | None = None) -> list[alarms.Said]:
        """Facts about alarms in the order in which they were recorded.

        Parameters
        ----------
        after : only those with a higher sequence
        as_of : only those known at this time
        """
        return alarms.alarm_facts(self._store, after=after, as_of=as_of)

    def returned(
        self, which: Literal["published", "latest"] = "published", *, as_of: datetime | None = None
    ) -> pl.DataFrame:
        """Values of all returns, one row per enterprise, month and item: `returns.VALUE_SCHEMA`.

        Parameters
        ----------
        which : the version last published, or the latest one that was submitted
        as_of : as it was known at this time; None for now
        """
        return returns.returned(self._store, which, as_of=as_of)

    def append(self, events: Sequence[Event]) -> int:
        """Store events; those that are there already are passed over.

        Parameters
        ----------
        events : in the order in which they are to be recorded

        Returns
        -------
        int : how many were new

        Raises
        ------
        InputError : an id is there with other content, a superseded event is unknown, or an operation's payload has
            keys that a work log does not know
        """
        rows = [_row(item) for item in events]
        with self._store.writing() as (connection, last):
            stored = _stored(connection, [row["id"] for row in rows] + [row["supersedes"] for row in rows])
            fresh: list[dict[str, Any]] = []
            recorded = last.recorded_at
            for row in rows:
                there = stored.get(row["id"])
                if there is not None:
                    _same(there, row)
                    continue
                if row["supersedes"] is not None:
                    before = stored.get(row["supersedes"])
                    if before is None:
                        raise InputError(
                            f"event {UUID(bytes=row['supersedes'])} is to be superseded and is not there",
                            where=row["source"],
                            code="no_event",
                        )
                    row["origin"] = before["origin"] or before["id"]
                recorded = row["recorded_at"] = max(row["recorded_at"], recorded)
                row["sequence"] = last.sequence + len(fresh) + 1
                stored[row["id"]] = row
                fresh.append(row)
            link(self._store, connection, pl.DataFrame(fresh, schema=EVENT_SCHEMA), last)
        return len(fresh)

    def worklog(self, *, zone: str, as_of: datetime | None = None) -> WorkLog:
        """Current version of every operation, sorted by start; `event` is its sequence in the journal.

        Parameters
        ----------
        zone : IANA time zone in which weekdays and hours are meant
        as_of : as it was known at this time; None for now
        """
        return views.worklog(self._store, zone=zone, as_of=as_of)

    def events(
        self, kind: Kind | None = None, subject: str | None = None, *, limit: int | None = None, after: int = 0
    ) -> list[Recorded]:
        """Events in the order in which they were recorded.

        Parameters
        ----------
        kind : only this kind
        subject : only those about this order, machine or decision
        limit : at most so many
        after : only those with a higher sequence
        """
        return views.events(self._store, kind, subject, limit=limit, after=after)

    def history(self, sequence: int) -> pl.DataFrame:
        """Versions of one record, oldest first, with who said so and when; `current` marks the one that counts.

        Parameters
        ----------
        sequence : of any version, as in the work log's `event`

        Raises
        ------
        InputError : there is no such event
        """
        return views.history(self._store, sequence)

    def account(self, import_id: int | None = None) -> pl.DataFrame:
        """What became of every row, one line per import: `views.ACCOUNT_SCHEMA`.

        `balance` says that read = stored + rejected + duplicate, with stored and rejected counted again from the
        facts; an import that was cut off has `finished` false and has `read` only a part of its `rows`.

        Parameters
        ----------
        import_id : only this import

        Raises
        ------
        InputError : there is no such import
        """
        return views.account(self._store, import_id)

    def rejections(self, import_id: int) -> pl.DataFrame:
        """Refused rows of one import, one line per fault: `importing.REJECTION_SCHEMA`.

        Parameters
        ----------
        import_id : number of the import, as on its receipt
        """
        return views.rejections(self._store, import_id)

    def verify(self, progress: Progress | None = None) -> Verification:
        """Compute the hash chain again and say whether anything was changed, removed, inserted or reordered.

        Parameters
        ----------
        progress : told ("verify", share of the events that is done)
        """
        return verify(self._store, progress)


def _row(item: Event) -> dict[str, Any]:
    if item.kind in OPERATIONS:
        unknown = sorted(set(item.payload) - set(PAYLOAD))
        missing = [name for name in ("activity", "start_ns") if item.payload.get(name) is None]
        if unknown or missing:
            raise InputError(
                f"the payload of {item.kind} "
                + (f"has unknown keys {', '.join(unknown)}" if unknown else f"lacks {', '.join(missing)}"),
                where=item.source,
                fix=f"use {', '.join(PAYLOAD)}",
                code="bad_payload",
            )
    return {
        "sequence": 0,
        "id": item.id.bytes,
        "kind": item.kind.value,
        "at": nanoseconds(item.at),
        "recorded_at": nanoseconds(item.recorded_at),
        "source": item.source,
        "subject": item.subject,
        "version": item.version,
        "payload": json.dumps(item.payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False),
        "supersedes": None if item.supersedes is None else item.supersedes.bytes,
        "origin": None,
        "import_id": None,
        "row": None,
        "sheet": None,
        "key": None,
    }


def _stored(connection: Connection, ids: list[bytes | None]) -> dict[bytes, dict[str, Any]]:
    wanted = list({id_ for id_ in ids if id_ is not None})
    found: dict[bytes, dict[str, Any]] = {}
    for begin in range(0, len(wanted), 8_000):
        chunk = wanted[begin : begin + 8_000]
        for row in connection.execute(select(event_table).where(event_table.c.id.in_(chunk))):
            found[row.id] = dict(row._mapping)
    return found


def _same(stored: dict[str, Any], given: dict[str, Any]) -> None:
    for name in ("kind", "at", "subject", "version", "payload", "supersedes"):
        if stored[name] != given[name]:
            raise InputError(
                f"event {UUID(bytes=given['id'])} is stored with another {name}; what is written stays as written",
                where=str(given["source"]),
                fix="append a new event that supersedes it",
                code="event_differs",
            )
