"""The hash chain: each event's hash covers all of its columns and the hash before it.

`hash = SHA-256(hash of the event before + canonical bytes of this one)`; before the first stand 32 zero bytes. The
canonical bytes name every column in a fixed order, texts with their length before them, so no two different events have
the same bytes. Whoever changes, removes, inserts or reorders a row breaks the chain at that row (Haber and Stornetta,
"How to time-stamp a digital document", J. Cryptology 3, 1991).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import polars as pl

from zhizao.record.identity import netstring
from zhizao.record.schema import CHAINED

__all__ = ["EVENT_SCHEMA", "GENESIS", "canonical", "links", "seal"]

GENESIS = bytes(32)
"""What stands before the first event."""

EVENT_SCHEMA: dict[str, type[pl.DataType]] = {
    "sequence": pl.Int64,
    "id": pl.Binary,
    "kind": pl.String,
    "at": pl.Int64,
    "recorded_at": pl.Int64,
    "source": pl.String,
    "subject": pl.String,
    "version": pl.Int64,
    "payload": pl.String,
    "supersedes": pl.Binary,
    "origin": pl.Binary,
    "import_id": pl.Int64,
    "row": pl.Int64,
    "sheet": pl.String,
    "key": pl.String,
}
"""Columns of events in a frame, in the order in which they are hashed."""


def canonical(frame: pl.DataFrame) -> pl.Series:
    """Canonical bytes of each event.

    Parameters
    ----------
    frame : events with the columns of `EVENT_SCHEMA`
    """
    parts: list[pl.Expr] = []
    for name in CHAINED:
        if EVENT_SCHEMA[name] == pl.Binary:
            parts.append(pl.col(name).bin.encode("hex").fill_null("-"))
        elif EVENT_SCHEMA[name] == pl.String:
            parts.append(netstring(name))
        else:
            parts.append(pl.col(name).cast(pl.String).fill_null("-"))
    return frame.select(pl.concat_str(parts, separator="|").cast(pl.Binary).alias("bytes"))["bytes"]


def links(before: bytes, texts: Iterable[bytes]) -> list[bytes]:
    """Hashes of events that follow the hash `before`.

    Examples
    --------
    >>> one, two = links(GENESIS, [b"a", b"b"])
    >>> two == sha256(one + b"b").digest()
    True
    """
    out = []
    for text in texts:
        before = sha256(before + text).digest()
        out.append(before)
    return out


def seal(values: Iterable[Any]) -> bytes:
    """One hash over a row's values: texts, numbers, bytes, truth values and nothing.

    Examples
    --------
    >>> seal(["a", 1]) == seal(["a", 1]), seal(["a1"]) == seal(["a", 1])
    (True, False)
    """
    whole = sha256()
    for value in values:
        if isinstance(value, bytes):
            text = b"b" + value
        elif value is None:
            text = b"-"
        elif isinstance(value, str):
            text = b"t" + value.encode()
        else:
            text = b"n%d" % int(value)
        whole.update(b"%d:" % len(text) + text)
    return whole.digest()
