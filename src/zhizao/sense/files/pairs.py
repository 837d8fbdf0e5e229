"""Pairing of start and complete events into pieces of work, as XES and similar exports write them.

Events pair by their instance where one is written, else by order, activity and resource, first in first out; what is
left pairs by order and activity alone. A start without a complete is running work; a complete without a start has no
known length.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

__all__ = ["Paired", "pair"]


@dataclass(frozen=True, slots=True)
class Paired:
    """Pieces of work from events.

    Parameters
    ----------
    first : index of the event that opens each piece (its start, or the lone complete)
    last : index of the event that closes it; null while it runs
    running : starts without a complete
    lone : completes without a start
    other : events of other kinds, passed over
    """

    first: pl.Series
    last: pl.Series
    running: int
    lone: int
    other: int


def pair(events: pl.DataFrame) -> Paired:
    """Pieces of work from events in file order.

    Parameters
    ----------
    events : columns order, activity, resource, instance (text, may be null), time, kind (text: start, complete, ...)

    Examples
    --------
    >>> from datetime import datetime
    >>> events = pl.DataFrame({
    ...     "order": ["A"] * 4, "activity": ["mill"] * 4, "resource": ["x"] * 4,
    ...     "instance": pl.Series([None] * 4, dtype=pl.String),
    ...     "kind": ["start", "start", "complete", "complete"],
    ...     "time": [datetime(2025, 1, 1, hour) for hour in (8, 9, 10, 11)],
    ... })
    >>> paired = pair(events)
    >>> paired.first.to_list(), paired.last.to_list()
    ([0, 1], [2, 3])
    """
    kind = pl.col("kind").str.strip_chars().str.to_lowercase()
    events = events.with_row_index("i").with_columns(
        step=pl.when(kind == "start").then(1).when(kind.is_in(["complete", "end", "completed"])).then(-1).otherwise(0)
    )
    other = events.filter(pl.col("step") == 0).height
    events = events.filter(pl.col("step") != 0)
    found, left = _match(events, ["order", "activity", "instance"], events["instance"].is_not_null())
    more, left = _match(left, ["order", "activity", "resource"], None)
    rest, left = _match(left, ["order", "activity"], None)
    running = left.filter(pl.col("step") == 1).select(first="i", last=pl.lit(None, dtype=pl.UInt32))
    lone = left.filter(pl.col("step") == -1).select(first="i", last="i")
    table = pl.concat([found, more, rest, running, lone]).sort("first")
    return Paired(table["first"], table["last"], running.height, lone.height, other)


def _match(events: pl.DataFrame, key: list[str], only: pl.Series | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs (first, last) within each key, first in first out, and the events that are left."""
    aside = events.clear()
    if only is not None:
        aside, events = events.filter(~only), events.filter(only)
    # starts before completes at the same moment: first in first out keeps neighbours apart all the same
    rows = events.sort(["time", "step", "i"], descending=[False, True, False], maintain_order=True)
    low = pl.col("step").cum_sum().cum_min().clip(upper_bound=0).over(key)
    rows = rows.with_columns(open=low).with_columns(
        orphan=(pl.col("step") == -1) & (pl.col("open") < pl.col("open").shift(1, fill_value=0).over(key))
    )
    usable = rows.filter(~pl.col("orphan")).with_columns(n=pl.int_range(pl.len()).over([*key, "step"]))
    starts = usable.filter(pl.col("step") == 1).select(*key, "n", first="i")
    ends = usable.filter(pl.col("step") == -1).select(*key, "n", last="i")
    pairs = starts.join(ends, on=[*key, "n"], how="inner", nulls_equal=True).select("first", "last")
    taken = pl.concat([pairs["first"], pairs["last"]])
    left = pl.concat([aside, events.filter(~pl.col("i").is_in(taken.implode()))]).sort("i")
    return pairs, left
