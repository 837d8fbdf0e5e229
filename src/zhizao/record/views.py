"""Views folded from the journal: the work log, events, versions of a record, the account of records."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import Row, func, select

from zhizao.errors import InputError
from zhizao.model import WORKLOG_SCHEMA, Event, Kind, WorkLog
from zhizao.record.importing import REJECTION_SCHEMA
from zhizao.record.instant import moment, nanoseconds
from zhizao.record.operations import OPERATIONS, decoded
from zhizao.record.schema import event, imports, rejection
from zhizao.record.store import Store

__all__ = ["ACCOUNT_SCHEMA", "Recorded", "account", "events", "history", "recorded", "rejections", "worklog"]

_TIME = pl.Datetime("us", "UTC")

ACCOUNT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "import_id": pl.Int64,
    "source": pl.String,
    "recorded_at": _TIME,
    "rows": pl.Int64,  # in the source
    "read": pl.Int64,  # accounted for; fewer than rows when the import was cut off
    "stored": pl.Int64,
    "rejected": pl.Int64,
    "duplicate": pl.Int64,
    "superseding": pl.Int64,  # of the stored
    "stale": pl.Int64,  # of the duplicates
    "finished": pl.Boolean,
    "balance": pl.Boolean,  # read = stored + rejected + duplicate, with stored and rejected counted again
    "reasons": pl.List(pl.Struct({"code": pl.String, "rows": pl.Int64})),
}
"""Columns of the account of records."""


class Recorded(Event):
    """An event with its place in the journal."""

    sequence: int
    """1 for the first event of the journal, without gaps."""

    import_id: int | None = None
    """The import that brought it; null when a person or a connector did."""

    sheet: str | None = None
    """Sheet of the source."""

    row: int | None = None
    """Row in the source."""

    hash: str
    """Hash of the chain up to here, hexadecimal."""


def worklog(store: Store, *, zone: str, as_of: datetime | None = None) -> WorkLog:
    """Current version of every operation; see `Journal.worklog`."""
    kinds = event.c.kind.in_([kind.value for kind in OPERATIONS])
    corrected = select(event.c.supersedes).where(event.c.supersedes.is_not(None))
    statement = select(event.c.sequence, event.c.subject, event.c.payload).where(kinds)
    if as_of is not None:
        known = event.c.recorded_at <= nanoseconds(as_of)
        corrected, statement = corrected.where(known), statement.where(known)
    statement = statement.where(event.c.id.not_in(corrected)).order_by(event.c.sequence)
    columns: dict[str, type[pl.DataType]] = {"event": pl.Int64, "order": pl.String, "payload": pl.String}
    parts = [pl.DataFrame(schema=WORKLOG_SCHEMA)]
    with store.reading() as connection:
        for frame in store.frames(connection, statement, columns):
            rows = pl.concat([frame.drop("payload"), decoded(frame["payload"].to_list())], how="horizontal")
            parts.append(rows.select(*WORKLOG_SCHEMA))
    return WorkLog.of(pl.concat(parts), zone)


def events(
    store: Store, kind: Kind | None = None, subject: str | None = None, *, limit: int | None = None, after: int = 0
) -> list[Recorded]:
    """Events in the order in which they were recorded; see `Journal.events`."""
    statement = select(event).where(event.c.sequence > after).order_by(event.c.sequence).limit(limit)
    if kind is not None:
        statement = statement.where(event.c.kind == kind.value)
    if subject is not None:
        statement = statement.where(event.c.subject == subject)
    with store.reading() as connection:
        return [recorded(row) for row in connection.execute(statement)]


def history(store: Store, sequence: int) -> pl.DataFrame:
    """Versions of one record; see `Journal.history`."""
    with store.reading() as connection:
        asked = connection.execute(select(event).where(event.c.sequence == sequence)).one_or_none()
        if asked is None:
            raise InputError(f"there is no event {sequence}", fix="give the number of a stored event", code="no_event")
        origin = asked.origin or asked.id
        group = select(event).where((event.c.id == origin) | (event.c.origin == origin)).order_by(event.c.sequence)
        rows = {row.id: row for row in connection.execute(group)}
    later = {row.supersedes: row for row in rows.values() if row.supersedes is not None}
    version = asked
    while version.supersedes in rows:
        version = rows[version.supersedes]
    versions = [version]
    while version.id in later:
        version = later[version.id]
        versions.append(version)
    frame = pl.DataFrame(
        {
            "event": pl.Series([row.sequence for row in versions], dtype=pl.Int64),
            "current": [row is versions[-1] for row in versions],
            "kind": [row.kind for row in versions],
            "recorded_at": pl.Series([moment(row.recorded_at) for row in versions], dtype=_TIME),
            "source": [row.source for row in versions],
            "sheet": pl.Series([row.sheet for row in versions], dtype=pl.String),
            "row": pl.Series([row.row for row in versions], dtype=pl.Int64),
            "order": [row.subject for row in versions],
        }
    )
    payloads = [row.payload for row in versions]
    if asked.kind in OPERATIONS:
        return pl.concat([frame, decoded(payloads)], how="horizontal")
    return frame.rename({"order": "subject"}).with_columns(pl.Series("payload", payloads))


def account(store: Store, import_id: int | None = None) -> pl.DataFrame:
    """What became of every row that was read; see `Journal.account`."""
    kept = select(event.c.import_id, func.count()).where(event.c.import_id.is_not(None)).group_by(event.c.import_id)
    chosen = select(imports).order_by(imports.c.id)
    if import_id is not None:
        kept, chosen = kept.where(event.c.import_id == import_id), chosen.where(imports.c.id == import_id)
    with store.reading() as connection:
        rows = connection.execute(chosen).all()
        stored: dict[int, int] = {row[0]: row[1] for row in connection.execute(kept)}
        refused = _rejections(store, import_id)
    if import_id is not None and not rows:
        raise InputError(f"there is no import {import_id}", fix="journal.account() lists them", code="no_import")
    first = refused.with_columns(
        pl.when(pl.col("row").is_null()).then(pl.col("number")).otherwise(None).alias("alone")
    ).unique(["import_id", "sheet", "row", "alone"], keep="first", maintain_order=True)
    causes = first.group_by("import_id", "code", maintain_order=True).agg(pl.len().alias("rows"))
    out: list[dict[str, Any]] = []
    for row in rows:
        reasons = causes.filter(pl.col("import_id") == row.id).sort("rows", descending=True, maintain_order=True)
        balance = (
            row.read == row.stored + row.rejected + row.duplicate
            and row.stored == stored.get(row.id, 0)
            and row.rejected == reasons["rows"].sum()
        )
        line = {name: getattr(row, name) for name in ACCOUNT_SCHEMA if name in imports.c}
        line |= {"import_id": row.id, "recorded_at": moment(row.recorded_at), "balance": balance}
        out.append(line | {"reasons": reasons.select("code", "rows").to_dicts()})
    return pl.DataFrame(out, schema=ACCOUNT_SCHEMA)


def rejections(store: Store, import_id: int) -> pl.DataFrame:
    """Refused rows of one import; see `Journal.rejections`."""
    return _rejections(store, import_id).select(*REJECTION_SCHEMA)


def _rejections(store: Store, import_id: int | None) -> pl.DataFrame:
    schema: dict[str, type[pl.DataType]] = {"import_id": pl.Int64, "number": pl.Int64, **REJECTION_SCHEMA}
    statement = select(*(rejection.c[name] for name in schema)).order_by(rejection.c.import_id, rejection.c.number)
    if import_id is not None:
        statement = statement.where(rejection.c.import_id == import_id)
    with store.reading() as connection:
        return store.whole(connection, statement, schema)


def recorded(row: Row[Any]) -> Recorded:
    """An event from its row of the table."""
    return Recorded(
        id=UUID(bytes=row.id),
        kind=Kind(row.kind),
        at=moment(row.at),
        recorded_at=moment(row.recorded_at),
        source=row.source,
        subject=row.subject,
        version=row.version,
        payload=json.loads(row.payload),
        supersedes=None if row.supersedes is None else UUID(bytes=row.supersedes),
        sequence=row.sequence,
        import_id=row.import_id,
        sheet=row.sheet,
        row=row.row,
        hash=row.hash.hex(),
    )
