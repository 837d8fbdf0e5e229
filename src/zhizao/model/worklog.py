"""The work log: one row per reported piece of work, the frame on which accounting and the twin stand.

It is a view folded from the journal (or the output of a simulation); each row names the event behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from zhizao.errors import InputError

__all__ = ["WORKLOG_SCHEMA", "WorkLog"]

TIME = pl.Datetime("ns", "UTC")

WORKLOG_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "event": pl.Int64,  # sequence of the fact in the journal; -1 when simulated
    "order": pl.String,  # production order (case)
    "product": pl.String,  # part or product family; null when unknown
    "operation": pl.String,  # what is done, without the name of the machine
    "activity": pl.String,  # the label exactly as in the records
    "machine": pl.String,  # work unit; null when the records name none
    "person": pl.String,  # who; null when the records name nobody
    "report": pl.String,  # production | setup | breakdown | maintenance
    "start": TIME,
    "end": TIME,  # null: still running
    "good": pl.Float64,  # pieces; null when not reported
    "scrap": pl.Float64,
    "rework": pl.Float64,  # pieces that have to be done again
    "is_rework": pl.Boolean,  # the work itself is rework
    "order_quantity": pl.Float64,  # pieces ordered
    "released": TIME,  # when the order was given to the shop; null when unknown
    "due": TIME,  # when it was promised; null when unknown
}

REPORTS = ("production", "setup", "breakdown", "maintenance")


@dataclass(frozen=True, slots=True)
class WorkLog:
    """Reported work, sorted by start, with the plant's time zone.

    Parameters
    ----------
    frame : rows with the columns of `WORKLOG_SCHEMA`, in that order
    zone : IANA time zone in which weekdays and hours are meant

    Raises
    ------
    InputError : when columns or types differ, or an end precedes its start
    """

    frame: pl.DataFrame
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if dict(self.frame.schema) != {key: _instance(kind) for key, kind in WORKLOG_SCHEMA.items()}:
            raise InputError(
                "the frame does not have the columns of a work log",
                fix="use WorkLog.of(frame)",
                code="bad_worklog",
            )
        wrong = self.frame.filter(pl.col("end") < pl.col("start")).height
        if wrong:
            raise InputError(f"{wrong} rows end before they start", code="bad_worklog")

    @classmethod
    def of(cls, frame: pl.DataFrame, zone: str = "UTC") -> WorkLog:
        """Work log from a frame with some of the columns; missing ones are filled with their defaults.

        `order`, `activity` and `start` are needed; `operation` defaults to `activity`, `report` to production.

        Examples
        --------
        >>> from datetime import datetime, UTC
        >>> at = datetime(2025, 1, 6, 8, tzinfo=UTC)
        >>> log = WorkLog.of(pl.DataFrame({"order": ["A"], "activity": ["mill"], "start": [at], "end": [at]}))
        >>> log.frame["operation"].to_list(), log.frame["report"].to_list()
        (['mill'], ['production'])
        """
        missing = [name for name in ("order", "activity", "start") if name not in frame.columns]
        if missing:
            raise InputError(f"a work log needs the columns {', '.join(missing)}", code="bad_worklog")
        defaults: dict[str, pl.Expr] = {
            "event": pl.lit(-1),
            "operation": pl.col("activity"),
            "report": pl.lit("production"),
            "is_rework": pl.lit(value=False),
        }
        frame = frame.with_columns(
            **{key: defaults.get(key, pl.lit(None)) for key in WORKLOG_SCHEMA if key not in frame.columns}
        )
        frame = frame.select(pl.col(key).cast(kind) for key, kind in WORKLOG_SCHEMA.items())
        return cls(frame.sort("start", "end", "order", maintain_order=True), zone)

    def until(self, time: datetime) -> WorkLog:
        """What was known at a time: later work is gone, running work has no end and no quantities yet.

        Parameters
        ----------
        time : aware time; work that ended at or before it is complete
        """
        at = pl.lit(time).cast(TIME)
        running = pl.col("end").is_null() | (pl.col("end") > at)
        hidden = [
            pl.when(running).then(None).otherwise(pl.col(name)).alias(name)
            for name in ("end", "good", "scrap", "rework")
        ]
        return WorkLog(self.frame.filter(pl.col("start") <= at).with_columns(hidden), self.zone)

    @property
    def done(self) -> pl.DataFrame:
        """Rows with an end."""
        return self.frame.filter(pl.col("end").is_not_null())


def _instance(kind: pl.DataType | type[pl.DataType]) -> pl.DataType:
    return kind() if isinstance(kind, type) else kind
