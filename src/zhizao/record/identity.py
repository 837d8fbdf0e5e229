"""Which record a row is: ids made from the source's own key, or from what tells one piece of work from another.

Ids are version 5 UUIDs (RFC 9562, 5.5), so the same row has the same id in every file that holds it.
"""

from __future__ import annotations

from hashlib import sha1
from uuid import NAMESPACE_DNS, UUID, uuid5

import numpy as np
import polars as pl

__all__ = ["NAMESPACE", "NATURAL", "group_of", "names", "netstring", "twin_id", "uuids", "version_id"]

NAMESPACE = uuid5(NAMESPACE_DNS, "operation.zhizao")
"""Namespace of the ids of operations."""

NATURAL = ("order", "activity", "machine", "person", "report", "start")
"""What tells one piece of work from another where the source has no key of its own."""


def netstring(name: str) -> pl.Expr:
    """A text with its length in bytes before it, `-` for null: joined ones stay apart whatever they hold."""
    text = pl.col(name)
    return pl.when(text.is_null()).then(pl.lit("-")).otherwise(pl.format("{}:{}", text.str.len_bytes(), text))


def names(frame: pl.DataFrame) -> pl.Series:
    """What each row's id is made from.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> row = {"order": "A", "activity": "mill", "machine": "M1", "person": "", "report": "production"}
    >>> at = pl.lit(datetime(2025, 1, 6, tzinfo=UTC)).alias("start")
    >>> names(pl.DataFrame(row).with_columns(at, pl.lit(None, pl.String).alias("key"))).to_list()
    ['row 1:A4:mill2:M10:10:production1736121600000000000']
    """
    texts = [netstring(name) for name in NATURAL[:-1]]
    natural = pl.concat_str([pl.lit("row "), *texts, pl.col("start").dt.epoch("ns").cast(pl.String)])
    keyed = pl.concat_str([pl.lit("key "), pl.col("key")])
    return frame.select(pl.when(pl.col("key").is_null()).then(natural).otherwise(keyed).alias("name"))["name"]


def group_of(frame: pl.DataFrame) -> pl.Series:
    """A number per row, equal for rows of one key: good for cutting a file into batches within this process."""
    keyless = pl.struct(NATURAL).hash(seed=1)
    return frame.select(
        pl.when(pl.col("key").is_null()).then(keyless).otherwise(pl.col("key").hash(seed=2)).alias("group")
    )["group"]


def uuids(texts: list[str], namespace: UUID = NAMESPACE) -> list[bytes]:
    """Version 5 UUIDs of many names, 16 bytes each.

    Examples
    --------
    >>> uuids(["row 7"]) == [uuid5(NAMESPACE, "row 7").bytes]
    True
    """
    if not texts:
        return []
    space = namespace.bytes
    raw = b"".join([sha1(space + text.encode(), usedforsecurity=False).digest()[:16] for text in texts])
    table = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 16).copy()
    table[:, 6] = table[:, 6] & 0x0F | 0x50
    table[:, 8] = table[:, 8] & 0x3F | 0x80
    packed = table.tobytes()
    return [packed[i : i + 16] for i in range(0, len(packed), 16)]


def twin_id(origin: bytes, ordinal: int) -> bytes:
    """Id of the record that shares its natural key with `ordinal` others before it (0: the first)."""
    return origin if ordinal == 0 else uuid5(UUID(bytes=origin), f"twin {ordinal}").bytes


def version_id(record: bytes, version: int) -> bytes:
    """Id of the event that corrects a record for the `version`-th time (0: the first report)."""
    return record if version == 0 else uuid5(UUID(bytes=record), f"version {version}").bytes
