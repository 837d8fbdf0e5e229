"""Facts beside the work: readings of meters and closed accounts, recorded and folded.

A reading says how much of a carrier flowed through a meter from one time to another (`metered`); a closed account says
what one line of the ledger came to in a month (`accounts.closed`). A reading is known by meter, start and end, an
account by its name and month: the same again is a duplicate, another figure under the same name corrects the one before,
and both stay visible.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import polars as pl
from sqlalchemy import Connection, select

from zhizao.errors import InputError
from zhizao.model import Kind
from zhizao.record.chain import EVENT_SCHEMA
from zhizao.record.identity import uuids
from zhizao.record.importing import BATCH_ROWS, Progress, Receipt, link, note_import, open_import, refused_rows
from zhizao.record.instant import moment, nanoseconds
from zhizao.record.matching import matched
from zhizao.record.schema import IS_FLOW, event
from zhizao.record.store import Head, Store

__all__ = ["ACCOUNT_LINE_SCHEMA", "FLOW_SCHEMA", "accounts", "flows", "import_facts"]

NAMESPACE = uuid5(NAMESPACE_DNS, "facts.zhizao")
_TIME = pl.Datetime("us", "UTC")

FLOW_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "event": pl.Int64,  # sequence in the journal
    "meter": pl.String,
    "carrier": pl.String,
    "quantity": pl.Float64,
    "unit": pl.String,
    "start": _TIME,
    "end": _TIME,
}
"""Columns of readings."""

ACCOUNT_LINE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "event": pl.Int64,  # sequence in the journal
    "period": pl.String,  # 2025-06
    "item": pl.String,  # key of the item of the return
    "account": pl.String,  # its name in the ledger
    "value": pl.Float64,
    "unit": pl.String,
}
"""Columns of closed accounts."""

_STORED: dict[str, type[pl.DataType]] = {
    "id": pl.Binary,
    "origin": pl.Binary,
    "supersedes": pl.Binary,
    "sequence": pl.Int64,
    "payload": pl.String,
}


def import_facts(
    store: Store,
    frame: pl.DataFrame,
    kind: Kind,
    *,
    source: str,
    rejected: pl.DataFrame,
    read: int,
    recorded_at: datetime,
    progress: Progress | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Receipt:
    """Store readings or accounts that are new or corrected; see `Journal.append_facts`."""
    if kind not in (Kind.METERED, Kind.ACCOUNTS_CLOSED):
        raise InputError(f'"{kind}" is not a kind of fact that is imported', where=source, code="bad_facts")
    refused, rejections = refused_rows(rejected)
    if read != frame.height + refused:
        raise InputError(
            f"{read} rows were read, but {frame.height} are given to be stored and {refused} are listed as rejected",
            where=source,
            fix="list every refused row with its row number",
            code="unbalanced",
        )
    rows = _rows(frame, kind, source)
    given = nanoseconds(recorded_at)
    tally: dict[str, int] = {}
    for part in _batches(rows, batch_rows):
        with store.writing() as (connection, last):
            if not tally:
                tally = {"id": last.imports + 1, "rows": read, "read": refused, "rejected": refused, "keyed": 0}
                tally |= dict.fromkeys(("stored", "duplicate", "superseding", "stale"), 0)
                tally["recorded_at"] = max(given, last.recorded_at)
                open_import(store, connection, tally, source, rejections)
                last = replace(last, imports=tally["id"])
            mine = _store_batch(store, connection, part, kind, source, max(given, last.recorded_at), tally, last)
            note_import(connection, tally, mine)
        if progress is not None:
            progress("record", tally["read"] / max(read, 1))
    return Receipt(
        tally["id"],
        read,
        tally["stored"],
        refused,
        tally["duplicate"],
        tally["superseding"],
        tally["stale"],
        moment(tally["recorded_at"]),
    )


def _store_batch(
    store: Store,
    connection: Connection,
    part: pl.DataFrame,
    kind: Kind,
    source: str,
    at: int,
    tally: dict[str, int],
    last: Head,
) -> Head:
    batch = part.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("index"),
        "origin",
        pl.lit(value=True).alias("keyed"),
        pl.lit(value=False).alias("running"),
        "payload",
    )
    wanted = batch["origin"].unique(maintain_order=True).to_list()
    found = pl.concat([store.found(connection, by, wanted, _STORED) for by in ("id", "origin")])
    known = found.with_columns(pl.col("origin").fill_null(pl.col("id")), pl.lit(value=False).alias("running"))
    plan = matched(batch, known.select("id", "supersedes", "sequence", "origin", "running", "payload"))
    placed = pl.concat(
        [part[plan.placed["index"]].drop("origin"), plan.placed.select("id", "origin", "supersedes")], how="horizontal"
    )
    events = placed.with_columns(
        (pl.int_range(pl.len(), dtype=pl.Int64) + last.sequence + 1).alias("sequence"),
        pl.lit(kind.value).alias("kind"),
        pl.lit(at, pl.Int64).alias("recorded_at"),
        pl.lit(source).alias("source"),
        pl.lit(1, pl.Int64).alias("version"),
        pl.lit(tally["id"], pl.Int64).alias("import_id"),
        pl.lit(None, pl.String).alias("key"),
    ).select(pl.col(name).cast(dtype) for name, dtype in EVENT_SCHEMA.items())
    mine = link(store, connection, events, last)
    tally["read"] += part.height
    tally["stored"] += plan.placed.height
    tally["duplicate"] += plan.duplicate
    tally["superseding"] += plan.superseding
    tally["stale"] += plan.stale
    return mine


def _rows(frame: pl.DataFrame, kind: Kind, source: str) -> pl.DataFrame:
    """What becomes of each row: `name`, `origin`, `subject`, `at`, `payload`, and its place in the source."""
    schema = FLOW_SCHEMA if kind is Kind.METERED else ACCOUNT_LINE_SCHEMA
    wanted = [name for name in schema if name != "event"]
    missing = [name for name in (*wanted, "row", "sheet") if name not in frame.columns]
    if missing:
        raise InputError(f"the facts lack the columns {', '.join(missing)}", where=source, code="bad_facts")
    if any(frame[name].null_count() for name in wanted):
        raise InputError("a fact lacks a value", where=source, fix="reject such rows before", code="bad_facts")
    out: list[tuple[str, str, int, str]] = []
    for row in frame.select(wanted).iter_rows(named=True):
        if kind is Kind.METERED:
            span = {name: nanoseconds(row.pop(name)) for name in ("start", "end")}
            payload: dict[str, Any] = {**row, "start_ns": span["start"], "end_ns": span["end"]}
            name, subject, at = f"{row['meter']}|{span['start']}|{span['end']}", row["meter"], span["end"]
        else:
            payload, name, subject = row, f"{row['account']}|{row['period']}", row["item"]
            year, month = (int(part) for part in row["period"].split("-"))
            at = nanoseconds(datetime.fromisoformat(f"{year + month // 12}-{month % 12 + 1:02d}-01T00:00:00+00:00"))
        payload = {key: value + 0.0 if isinstance(value, float) else value for key, value in payload.items()}
        text = json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        out.append((f"{kind.value} {name}", subject, at, text))
    made = pl.DataFrame(
        out, schema={"name": pl.String, "subject": pl.String, "at": pl.Int64, "payload": pl.String}, orient="row"
    )
    return made.with_columns(
        pl.Series("origin", uuids(made["name"].to_list(), NAMESPACE), dtype=pl.Binary),
        frame["row"].cast(pl.Int64),
        frame["sheet"].cast(pl.String),
    )


def _batches(rows: pl.DataFrame, size: int) -> Iterator[pl.DataFrame]:
    """Parts of about `size` rows that keep rows of one name together, in the order of their first; at least one."""
    first = rows.select(pl.int_range(pl.len()).min().over("name").alias("first"))["first"]
    rows = rows.with_columns(first).sort("first", maintain_order=True)
    begin = 0
    while True:
        end = min(begin + size, rows.height)
        while end < rows.height and rows["first"][end] == rows["first"][end - 1]:
            end += 1
        yield rows[begin:end].drop("first", "name")
        begin = end
        if begin >= rows.height:
            return


def flows(store: Store, *, as_of: datetime | None = None) -> pl.DataFrame:
    """Readings of all meters as they count now, or counted then: `FLOW_SCHEMA`, by meter and start."""
    frame = _payloads(
        store,
        Kind.METERED,
        as_of,
        {"meter": pl.String, "carrier": pl.String, "quantity": pl.Float64}
        | {"unit": pl.String, "start_ns": pl.Int64, "end_ns": pl.Int64},
    )
    times = [
        pl.from_epoch(f"{name}_ns", "ns").dt.replace_time_zone("UTC").cast(_TIME).alias(name)
        for name in ("start", "end")
    ]
    return frame.with_columns(times).select(*FLOW_SCHEMA).sort("meter", "start")


def accounts(store: Store, *, as_of: datetime | None = None) -> pl.DataFrame:
    """Closed accounts as they count now, or counted then: `ACCOUNT_LINE_SCHEMA`, by month and item."""
    schema = {name: kind for name, kind in ACCOUNT_LINE_SCHEMA.items() if name != "event"}
    return _payloads(store, Kind.ACCOUNTS_CLOSED, as_of, schema).select(*ACCOUNT_LINE_SCHEMA).sort("period", "item")


def _payloads(store: Store, kind: Kind, as_of: datetime | None, schema: dict[str, Any]) -> pl.DataFrame:
    corrected = select(event.c.supersedes).where(event.c.supersedes.is_not(None))
    statement = select(event.c.sequence, event.c.payload).where(IS_FLOW, event.c.kind == kind.value)
    if as_of is not None:
        known = event.c.recorded_at <= nanoseconds(as_of)
        corrected, statement = corrected.where(known), statement.where(known)
    statement = statement.where(event.c.id.not_in(corrected)).order_by(event.c.sequence)
    with store.reading() as connection:
        frame = store.whole(connection, statement, {"event": pl.Int64, "payload": pl.String})
    texts = frame["payload"].to_list()
    if not texts:
        return pl.DataFrame(schema={"event": pl.Int64, **schema})
    rows = pl.read_ndjson("\n".join(texts).encode(), schema=schema)
    return pl.concat([frame.select("event"), rows], how="horizontal")
