"""The loss account: what became of every sample that a source sent, kept in the same commit as the samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

__all__ = ["LEDGER_SCHEMA", "Line", "frame_of"]

LEDGER_SCHEMA: dict[str, Any] = {
    "source": pl.String,
    "received": pl.Int64,
    "stored": pl.Int64,
    "duplicate": pl.Int64,
    "rejected": pl.Int64,
    "reasons": pl.String,
    "late": pl.Int64,
    "skew_ms": pl.Float64,
    "last_at": pl.Datetime("ns", "UTC"),
    "balance": pl.Boolean,
}
"""One line per source. `late` of the stored came after a later one of their tag; `skew_ms` is the median of how much the
source's clock is behind ours, the way included; `reasons` counts the rejected by reason."""


@dataclass(slots=True)
class Line:
    """The account of one source.

    Parameters
    ----------
    received : samples that it sent
    stored : of these, the new ones
    duplicate : of these, those that were there already
    rejected : of these, the refused ones by reason
    late : of the stored, those older than what was there of their tag
    last_at : ns of the latest sample
    skew_ns : running median of received - at
    """

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    late: int = 0
    last_at: int = 0
    skew_ns: float = 0.0

    def add(self, received: int, stored: int, duplicate: int, rejected: Mapping[str, int], late: int) -> None:
        """Take a commit into the account."""
        self.received += received
        self.stored += stored
        self.duplicate += duplicate
        self.late += late
        for reason, count in rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count

    @property
    def balance(self) -> bool:
        """Whether received = stored + rejected + duplicate."""
        return self.received == self.stored + self.duplicate + sum(self.rejected.values())

    def said(self) -> dict[str, Any]:
        """As it stands in a snapshot."""
        return {name: getattr(self, name) for name in self.__slots__}


def frame_of(lines: Mapping[str, Line]) -> pl.DataFrame:
    """The account as a table: `LEDGER_SCHEMA`.

    Parameters
    ----------
    lines : by source
    """
    rows = [
        {
            "source": source,
            "received": line.received,
            "stored": line.stored,
            "duplicate": line.duplicate,
            "rejected": sum(line.rejected.values()),
            "reasons": ", ".join(f"{reason} {count}" for reason, count in sorted(line.rejected.items())),
            "late": line.late,
            "skew_ms": line.skew_ns / 1e6,
            "last_at": line.last_at or None,
            "balance": line.balance,
        }
        for source, line in sorted(lines.items())
    ]
    return pl.DataFrame(rows, schema=LEDGER_SCHEMA | {"last_at": pl.Int64}).with_columns(
        pl.from_epoch("last_at", "ns").dt.replace_time_zone("UTC")
    )
