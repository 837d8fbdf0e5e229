"""A run of the sample plant as a frame: one row per reported piece of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from zhizao.testing.sample.floor import COLUMNS, Floor
from zhizao.testing.sample.truth import Truth

__all__ = ["first_second", "frame_of", "run_plant"]

_TIMES = ("start", "end", "released", "due", "planned", "ready")
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    name: pl.String
    if name in ("order", "product", "operation", "machine", "person", "report", "family", "centre")
    else pl.Boolean
    if name == "is_rework"
    else pl.Int64
    for name in COLUMNS
}


def run_plant(truth: Truth, *, seed: int, weeks: int = 26, levers: Sequence[Mapping[str, Any]] = ()) -> pl.DataFrame:
    """Let a sample plant work, and give back what was reported until the last Sunday night.

    Parameters
    ----------
    truth : the plant
    seed : of demand and luck, >= 0; the same seed meets the same orders whatever the levers
    weeks : length of the run, >= 1
    levers : dicts of the pilot's report, `kind`, `scope` and `setting` (see `zhizao.testing.carry_out`)

    Returns
    -------
    One row per reported piece of work by start. The columns of the work log (`zhizao.model.worklog`: `order`,
    `product`, `operation`, `machine`, `person`, `report` = production, setup, breakdown or maintenance, `start` and
    `end` in UTC, `good`, `scrap`, `rework`, `is_rework`, `order_quantity`, `released`, `due`) and `activity`, then what
    only the sample plant knows: `planned` (when the order was meant to be released; `released` comes later under a WIP
    cap), `family`, `centre`, `lot` (transfer batch of the order), `visit` (0 = first time at the operation), `ready`
    (when the lot had arrived there) and `bad` (bad pieces made there, noticed or not).

    Raises
    ------
    InputError : when a lever is not one, or names something that the plant does not have

    Examples
    --------
    >>> from zhizao.testing.sample import truth
    >>> frame = run_plant(truth(), seed=1, weeks=1)
    >>> frame["operation"].n_unique(), frame["start"].min().isoformat()
    (8, '2025-03-02T22:38:31+00:00')
    """
    from zhizao.testing.carry_out import carry_out

    return frame_of(Floor(carry_out(truth, levers), seed=seed, weeks=weeks).run())


def first_second(truth: Truth) -> datetime:
    """Second 0 of a run: local midnight of the first Monday, in UTC."""
    return datetime.fromisoformat(truth.first_day).replace(tzinfo=ZoneInfo(truth.zone)).astimezone(UTC)


def frame_of(floor: Floor) -> pl.DataFrame:
    """Rows of a run, ended by its horizon, as a frame (see `run_plant`)."""
    rows = [row for row in floor.rows if row[COLUMNS.index("end")] <= floor.horizon]
    zero = pl.lit(first_second(floor.truth)).cast(pl.Datetime("ns", "UTC"))
    return (
        pl.DataFrame(rows, schema=_SCHEMA, orient="row")
        .with_columns((zero + pl.duration(seconds=pl.col(name))).alias(name) for name in _TIMES)
        .with_columns(
            pl.col("good", "scrap", "rework", "order_quantity").cast(pl.Float64), activity=pl.col("operation")
        )
        .sort("start", "end", "order", "lot", maintain_order=True)
    )
