"""Rows of a source into the journal: batch after batch, each whole or not at all, every row accounted for.

A batch holds whole groups (rows of one key), so what a row means is decided inside one transaction, beside what is
stored at that moment: another import may run at the same time, and a killed one is completed by running it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl
from sqlalchemy import Connection, insert, select, update

from zhizao.errors import InputError
from zhizao.model import Kind
from zhizao.record.chain import EVENT_SCHEMA, canonical, links, seal
from zhizao.record.identity import group_of, names, uuids
from zhizao.record.instant import moment, nanoseconds
from zhizao.record.keys import keys_are_as_before, keys_tell_apart
from zhizao.record.matching import Plan, matched
from zhizao.record.operations import checked, decoded, encoded
from zhizao.record.schema import event, head, imports, rejection
from zhizao.record.store import Head, Store

__all__ = [
    "BATCH_ROWS",
    "MANY_ROWS",
    "REJECTION_SCHEMA",
    "Progress",
    "Receipt",
    "import_records",
    "link",
    "note_import",
    "open_import",
    "put",
    "refused_rows",
    "sealed",
]

BATCH_ROWS = 50_000
"""Rows that are acknowledged together."""

MANY_ROWS = 200_000
"""Rows of a first import above which the index over ids is made at its end: ids are random, so it is built faster whole."""

Progress = Callable[[str, float], None]
"""Told the name of the stage and the share of it that is done, 0..1."""

REJECTION_SCHEMA: dict[str, type[pl.DataType]] = {
    "row": pl.Int64,
    "sheet": pl.String,
    "column": pl.String,
    "value": pl.String,
    "code": pl.String,
    "what": pl.String,
    "fix": pl.String,
}
"""What is kept of a refused row: where it stood, which value, why, and what to do."""

_EXISTING: dict[str, type[pl.DataType]] = {
    "id": pl.Binary,
    "origin": pl.Binary,
    "supersedes": pl.Binary,
    "sequence": pl.Int64,
    "kind": pl.String,
    "payload": pl.String,
}
_KNOWN: dict[str, type[pl.DataType]] = {
    "id": pl.Binary,
    "supersedes": pl.Binary,
    "sequence": pl.Int64,
    "origin": pl.Binary,
    "running": pl.Boolean,
    "payload": pl.String,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an import: `read` = `stored` + `rejected` + `duplicate`.

    Parameters
    ----------
    import_id : number of the import
    read : rows in the source
    stored : rows that became events
    rejected : rows refused by the reader
    duplicate : rows that were there already, or twice in the source
    superseding : of the stored, those that correct an earlier event
    stale : of the duplicates, those that repeat what has been corrected or completed since
    recorded_at : when they count as known; never before what was recorded earlier
    """

    import_id: int
    read: int
    stored: int
    rejected: int
    duplicate: int
    superseding: int
    stale: int = 0
    recorded_at: datetime | None = None


def import_records(
    store: Store,
    frame: pl.DataFrame,
    *,
    source: str,
    rejected: pl.DataFrame,
    read: int,
    recorded_at: datetime,
    progress: Progress | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Receipt:
    """Store what is new; see `Journal.append_records`."""
    frame = checked(frame, where=source)
    refused, rejections = refused_rows(rejected)
    if read != frame.height + refused:
        raise InputError(
            f"{read} rows were read, but {frame.height} are given to be stored and {refused} are listed as rejected",
            where=source,
            fix="list every refused row with its row number",
            code="unbalanced",
        )
    keys_tell_apart(frame, where=source)
    keys_are_as_before(store, frame, where=source)
    given = nanoseconds(recorded_at)
    tally: dict[str, int] = {}
    mine: Head | None = None  # the chain's end after our last batch
    first = False  # nothing was stored before this import, and nobody else writes
    parts = _batches(frame, batch_rows)
    with ThreadPoolExecutor(max_workers=1) as pool:  # drafts the next batch while the database takes this one
        part = next(parts)
        after: pl.DataFrame | None = part
        ahead = pool.submit(_drafted, part, None)
        while after is not None:
            part, (batch, made) = after, ahead.result()
            after = next(parts, None)
            with store.writing(by_id=not first) as (connection, last):
                if not tally:
                    tally = {"id": last.imports + 1, "rows": read, "read": refused, "rejected": refused}
                    tally |= dict.fromkeys(("stored", "duplicate", "superseding", "stale"), 0)
                    tally["recorded_at"] = max(given, last.recorded_at)
                    tally["keyed"] = frame.height - frame["key"].null_count()
                    open_import(store, connection, tally, source, rejections)
                    last = replace(last, imports=tally["id"])
                    first = last.sequence == 0
                    if first and frame.height > MANY_ROWS:
                        store.forget_ids(connection)
                elif last != mine:
                    first = False
                    store.index_ids(connection)
                origin = _Origin(source, max(given, last.recorded_at), tally["id"])
                if not first or made is None or made.after != (last, origin):
                    # the first records of a journal are looked up nowhere: one key never comes in two batches
                    existing = pl.DataFrame(schema=_KNOWN) if first else _existing(store, connection, batch["origin"])
                    made = _linked(part, batch, existing, last, origin)
                mine = made.head
                if after is not None:
                    ahead = pool.submit(_drafted, after, (mine, origin) if first else None)
                else:
                    store.index_ids(connection)
                put(store, connection, made.events, mine)
                tally["read"] += part.height
                tally["stored"] += made.plan.placed.height
                tally["duplicate"] += made.plan.duplicate
                tally["superseding"] += made.plan.superseding
                tally["stale"] += made.plan.stale
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


def sealed(events: pl.DataFrame, last: Head) -> tuple[pl.DataFrame, Head]:
    """Events with their hashes, and the head of the chain behind them.

    Parameters
    ----------
    events : columns of `EVENT_SCHEMA`, sequences following on `last`
    last : head of the chain before them
    """
    hashes = links(last.hash, canonical(events).to_list())
    if hashes:
        end = events.row(-1, named=True)
        last = replace(last, sequence=end["sequence"], hash=hashes[-1], recorded_at=end["recorded_at"])
    return events.with_columns(pl.Series("hash", hashes, dtype=pl.Binary)), last


def put(store: Store, connection: Connection, events: pl.DataFrame, last: Head) -> None:
    """Add sealed events to the end of the chain, and note its new head.

    Parameters
    ----------
    events, last : as `sealed` gives them
    """
    store.insert(connection, event, events)
    connection.execute(
        update(head).values(sequence=last.sequence, hash=last.hash, recorded_at=last.recorded_at, imports=last.imports)
    )


def link(store: Store, connection: Connection, events: pl.DataFrame, last: Head) -> Head:
    """Seal events and add them to the end of the chain; the new head.

    Parameters
    ----------
    events : columns of `EVENT_SCHEMA`, sequences following on `last`
    last : head of the chain before them
    """
    done, last = sealed(events, last)
    put(store, connection, done, last)
    return last


def refused_rows(rejected: pl.DataFrame) -> tuple[int, pl.DataFrame]:
    """Number of refused rows, and their faults; a row with two faults counts once."""
    frame = rejected
    for name, other in (("code", "reason"), ("code", "cause"), ("what", "message"), ("fix", "cure")):
        if name not in frame.columns and other in frame.columns:
            frame = frame.rename({other: name})
    frame = frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in REJECTION_SCHEMA.items()
    ).with_columns(pl.col("code").fill_null("unknown"))
    numbered = frame.filter(pl.col("row").is_not_null())
    count = numbered.select("sheet", "row").n_unique() if numbered.height else 0
    return count + frame.height - numbered.height, frame


def _batches(frame: pl.DataFrame, size: int) -> Iterator[pl.DataFrame]:
    """Parts of about `size` rows that keep rows of one key together, in file order; at least one part."""
    if frame.is_empty():
        yield frame
        return
    rows = group_of(frame).to_frame("group").with_row_index("row")
    first = rows.select(pl.col("row").min().over("group")).to_series().to_numpy()
    order = np.argsort(first, kind="stable")
    starts = first[order]
    cuts = np.unique(np.searchsorted(starts, starts[::size]))
    for begin, end in zip(cuts, [*cuts[1:], len(order)], strict=True):
        yield frame[order[begin:end]]


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where events come from: the name of the source, when they count as known, the number of the import."""

    source: str
    recorded_at: int
    import_id: int


@dataclass(frozen=True, slots=True)
class _Links:
    """Events of a batch, sealed behind one end of the chain for one import; worth nothing behind another."""

    after: tuple[Head, _Origin]
    plan: Plan
    events: pl.DataFrame
    head: Head


def _drafted(part: pl.DataFrame, after: tuple[Head, _Origin] | None) -> tuple[pl.DataFrame, _Links | None]:
    """What `matched` needs of the rows; and their links, where the chain's end is known and nothing is stored of them."""
    batch = _prepared(part)
    return batch, None if after is None else _linked(part, batch, pl.DataFrame(schema=_KNOWN), *after)


def _linked(part: pl.DataFrame, batch: pl.DataFrame, existing: pl.DataFrame, last: Head, origin: _Origin) -> _Links:
    """Events of the rows to store, sealed."""
    plan = matched(batch, existing)
    return _Links((last, origin), plan, *sealed(_events(part, batch, plan, origin, last), last))


def _prepared(part: pl.DataFrame) -> pl.DataFrame:
    """What `matched` needs of the rows."""
    return pl.DataFrame(
        {
            "index": pl.Series(range(part.height), dtype=pl.Int64),
            "origin": pl.Series(uuids(names(part).to_list()), dtype=pl.Binary),
            "keyed": part["key"].is_not_null(),
            "running": part["end"].is_null(),
            "payload": encoded(part),
        }
    )


def _existing(store: Store, connection: Connection, origins: pl.Series) -> pl.DataFrame:
    """Stored events of these groups, their payloads written as this version writes them."""
    wanted = origins.unique(maintain_order=True).to_list()
    found = pl.concat([store.found(connection, by, wanted, _EXISTING) for by in ("id", "origin")])
    return found.select(
        "id",
        "supersedes",
        "sequence",
        pl.col("origin").fill_null(pl.col("id")),
        (pl.col("kind") == Kind.OPERATION_STARTED.value).alias("running"),
        encoded(decoded(found["payload"].to_list())).alias("payload"),
    )


def _events(part: pl.DataFrame, batch: pl.DataFrame, plan: Plan, origin: _Origin, last: Head) -> pl.DataFrame:
    """Events of the rows to store."""
    index = plan.placed["index"]
    ended = pl.col("end").is_not_null()
    frame = pl.concat(
        [part[index], plan.placed.select("id", "origin", "supersedes"), batch.select("payload")[index]],
        how="horizontal",
    )
    return frame.with_columns(
        (pl.int_range(pl.len(), dtype=pl.Int64) + last.sequence + 1).alias("sequence"),
        pl.when(ended)
        .then(pl.lit(Kind.OPERATION_ENDED.value))
        .otherwise(pl.lit(Kind.OPERATION_STARTED.value))
        .alias("kind"),
        pl.coalesce("end", "start").dt.epoch("ns").alias("at"),
        pl.lit(origin.recorded_at, pl.Int64).alias("recorded_at"),
        pl.lit(origin.source).alias("source"),
        pl.col("order").alias("subject"),
        pl.lit(1, pl.Int64).alias("version"),
        pl.lit(origin.import_id, pl.Int64).alias("import_id"),
    ).select(pl.col(name).cast(kind) for name, kind in EVENT_SCHEMA.items())


def open_import(
    store: Store, connection: Connection, tally: dict[str, int], source: str, rejections: pl.DataFrame
) -> None:
    """Begin an import: its row, and the rows that were refused.

    Parameters
    ----------
    tally : columns of `imports` that count, with `id`
    rejections : as `refused_rows` gives them
    """
    connection.execute(
        insert(imports).values(
            **tally,
            source=source,
            finished=False,
            head_sequence=0,
            head_hash=bytes(32),
            rejections_hash=seal(value for row in rejections.iter_rows() for value in row),
            seal=bytes(32),
        )
    )
    numbered = rejections.select(
        pl.lit(tally["id"], pl.Int64).alias("import_id"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("number"),
        *REJECTION_SCHEMA,
    )
    store.insert(connection, rejection, numbered)


def note_import(connection: Connection, tally: dict[str, int], last: Head) -> None:
    """Bring the import's row up to date and seal it."""
    connection.execute(
        update(imports)
        .where(imports.c.id == tally["id"])
        .values(**tally, finished=tally["read"] == tally["rows"], head_sequence=last.sequence, head_hash=last.hash)
    )
    row = connection.execute(select(imports).where(imports.c.id == tally["id"])).one()
    connection.execute(update(imports).where(imports.c.id == tally["id"]).values(seal=seal(row[:-1])))
