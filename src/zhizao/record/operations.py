"""An operation as the journal keeps it: the columns of a work log, checked, written as JSON and read back.

The payload of `operation.ended` and `operation.started` (version 1) is one JSON object with the keys of `PAYLOAD`; the
order is the event's subject. Times in it are whole nanoseconds since 1970 in UTC.
"""

from __future__ import annotations

import io

import polars as pl

from zhizao.errors import InputError
from zhizao.model import WORKLOG_SCHEMA, Kind

__all__ = ["OPERATIONS", "PAYLOAD", "RECORD_SCHEMA", "checked", "decoded", "encoded"]

OPERATIONS = (Kind.OPERATION_STARTED, Kind.OPERATION_ENDED)
"""Kinds that become rows of the work log."""

TIME = pl.Datetime("ns", "UTC")
TIMES = ("start", "end", "released", "due")
NUMBERS = ("good", "scrap", "rework", "order_quantity")

RECORD_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **{name: kind for name, kind in WORKLOG_SCHEMA.items() if name != "event"},
    "key": pl.String,
    "row": pl.Int64,
    "sheet": pl.String,
}
"""Columns that an import takes."""

_CONTENT = ["activity", *(name for name in WORKLOG_SCHEMA if name not in ("event", "order", "activity"))]
_NULLS = (
    r',"[a-z_]+":null'  # an unescaped quote before the colon ends a key, never a text; activity, first, is not null
)

PAYLOAD: dict[str, pl.DataType | type[pl.DataType]] = {
    f"{name}_ns" if name in TIMES else name: pl.Int64 if name in TIMES else WORKLOG_SCHEMA[name] for name in _CONTENT
}
"""Keys and types of an operation's payload, version 1."""


def checked(frame: pl.DataFrame, *, where: str) -> pl.DataFrame:
    """The same rows with exactly the columns and types of `RECORD_SCHEMA`, defaults filled in.

    Parameters
    ----------
    frame : rows read from a source; `operation`, `report` and `is_rework` may be null
    where : the source, for messages

    Raises
    ------
    InputError : a column is missing or of another type, a time has no zone, a value that every row needs is absent,
        an end precedes its start, or a number is not finite
    """
    missing = [name for name in RECORD_SCHEMA if name not in frame.columns]
    if missing:
        raise _bad(f"the records lack the columns {', '.join(missing)}", where)
    for name in TIMES:
        kind = frame.schema[name]
        if isinstance(kind, pl.Datetime) and kind.time_zone is None:
            raise _bad(f'times in "{name}" have no zone', where, fix="give them one with dt.replace_time_zone")
    try:
        frame = frame.select(pl.col(name).cast(kind) for name, kind in RECORD_SCHEMA.items())
    except pl.exceptions.PolarsError as error:
        raise _bad(f"a column is of another type: {str(error).splitlines()[0]}", where) from error
    frame = frame.with_columns(
        pl.col("operation").fill_null(pl.col("activity")),
        pl.col("report").fill_null("production"),
        pl.col("is_rework").fill_null(value=False),
        pl.col(NUMBERS) + 0.0,  # one zero: -0.0 and 0.0 are the same content
    )
    texts = [name for name, kind in RECORD_SCHEMA.items() if kind == pl.String]
    faults = {
        "no order": pl.col("order").is_null() | (pl.col("order") == ""),
        "no activity": pl.col("activity").is_null(),
        "no start": pl.col("start").is_null(),
        "an end before the start": pl.col("end") < pl.col("start"),
        "a number that is not finite": pl.any_horizontal(~pl.col(NUMBERS).is_finite()),
        "a NUL character": pl.any_horizontal(pl.col(texts).str.contains("\x00", literal=True)),
    }
    found = frame.select(*(rule.fill_null(value=False).any().alias(name) for name, rule in faults.items())).row(
        0, named=True
    )
    for name, there in found.items():
        if there:
            row = frame.filter(faults[name]).row(0, named=True)["row"]
            raise _bad(f"row {row} has {name}", where, fix="reject such rows before they are recorded")
    return frame


def encoded(frame: pl.DataFrame) -> pl.Series:
    """Payload of each row: JSON texts without the keys that are null; they differ exactly where the contents differ.

    Parameters
    ----------
    frame : rows with the columns of a work log
    """
    columns = [
        pl.col(name).dt.epoch("ns").alias(f"{name}_ns") if name in TIMES else pl.col(name).cast(WORKLOG_SCHEMA[name])
        for name in _CONTENT
    ]
    return frame.select(pl.struct(columns).struct.json_encode().str.replace_all(_NULLS, "").alias("payload"))["payload"]


def decoded(texts: list[str]) -> pl.DataFrame:
    """Rows of payloads: the columns of a work log but `event` and `order`.

    Examples
    --------
    >>> work = decoded(['{"activity":"mill","start_ns":1736150400000000000,"good":2.0}'])
    >>> work["start"].item().isoformat(), work["good"].item(), work["end"].item()
    ('2025-01-06T08:00:00+00:00', 2.0, None)
    """
    if texts:
        frame = pl.read_ndjson(io.BytesIO("\n".join(texts).encode()), schema=PAYLOAD)
    else:
        frame = pl.DataFrame(schema=PAYLOAD)
    return frame.select(
        pl.from_epoch(f"{name}_ns", "ns").dt.replace_time_zone("UTC").alias(name) if name in TIMES else pl.col(name)
        for name in _CONTENT
    )


def _bad(what: str, where: str, *, fix: str = "") -> InputError:
    return InputError(what, where=where, fix=fix, code="bad_records")
