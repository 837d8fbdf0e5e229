"""Rows as a reader of files hands them over, for the tests of the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from zhizao.record import RECORD_SCHEMA, REJECTION_SCHEMA, Journal, Receipt

MONDAY = datetime(2025, 1, 6, 8, tzinfo=UTC)
NOBODY = pl.DataFrame(schema=REJECTION_SCHEMA)


def at(hours: float) -> datetime:
    """So many hours after Monday at eight."""
    return MONDAY + timedelta(hours=hours)


def row(order: str = "A", start: float = 0.0, end: float | None = 1.0, **more: Any) -> dict[str, Any]:
    """One row; hours count from Monday at eight."""
    values = dict.fromkeys(RECORD_SCHEMA, None) | {"activity": "mill", "machine": "M1", "good": 10.0}
    values |= {"order": order, "start": at(start), "end": None if end is None else at(end), **more}
    if end is None:
        values["good"] = None
    return values


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows as a frame, numbered from 2 as below a heading."""
    numbered = [{**values, "row": values["row"] or number} for number, values in enumerate(rows, start=2)]
    return pl.DataFrame(numbered, schema=RECORD_SCHEMA)


def shop(rows: int, seed: int = 1) -> pl.DataFrame:
    """Many rows of a job shop, all different, the last tenth still running."""
    rng = np.random.default_rng(seed)
    begins = np.sort(rng.integers(0, 500_000, rows)) / 3600
    lasts = rng.integers(60, 20_000, rows) / 3600
    made = [
        row(
            f"PO-{i // 6}",
            float(begins[i]),
            None if i >= rows - rows // 10 else float(begins[i] + lasts[i]),
            activity=f"step {i % 6}",
            machine=f"M{rng.integers(9)}",
            person=None if i % 4 == 0 else f"W{i % 5}",
            good=float(rng.integers(1, 90)),
            scrap=float(rng.integers(0, 3)),
            product=f"P{i // 6 % 3}",
        )
        for i in range(rows)
    ]
    return frame(*made)


def put(journal: Journal, rows: pl.DataFrame, *, when: datetime = MONDAY, **more: Any) -> Receipt:
    """Import rows, none of them refused."""
    given = {"source": "export.csv", "rejected": NOBODY, "read": rows.height, "recorded_at": when} | more
    return journal.append_records(rows, **given)


def content(journal: Journal, as_of: datetime | None = None) -> pl.DataFrame:
    """The work log without the numbers of its events, in a fixed order."""
    log = journal.worklog(zone="UTC", as_of=as_of).frame.drop("event")
    return log.sort(log.columns, nulls_last=True)


def counts(receipt: Receipt) -> tuple[int, int, int, int]:
    """Stored, rejected, duplicate, superseding."""
    return receipt.stored, receipt.rejected, receipt.duplicate, receipt.superseding
