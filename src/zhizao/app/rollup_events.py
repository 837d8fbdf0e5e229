"""The events behind one line of the plant's return, as the journal stood when the return was submitted.

What `zhizao.programme.returns.fill_return` adds up, row by row: work of the orders that were finished in the month,
readings that reach into it, accounts that were closed for it; for what plant.yaml declares, the machines and their work.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from zhizao.account.ledger import keep_book
from zhizao.programme.returns import bounds
from zhizao.programme.returns.fill import METERED_ITEMS

if TYPE_CHECKING:
    from zhizao.app.returns_desk import ReturnsDesk
    from zhizao.model import Plant, WorkLog

__all__ = ["EVENT_SCHEMA", "events_behind"]

EVENT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "event": pl.Int64,
    "kind": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "subject": pl.String,  # order, meter or account
    "order": pl.String,  # empty where it is not about one
    "machine": pl.String,
    "quantity": pl.Float64,  # good pieces, what a meter measured, or the amount of an account
    "unit": pl.String,
}
"""Columns of the events behind a line."""

_ENERGY = ("electricity", "gas", "coal", "heat")


def events_behind(
    desk: ReturnsDesk, item: str, period: str, kinds: tuple[str, ...], as_of: datetime | None
) -> pl.DataFrame:
    """Events that a line comes from, in their order in the journal: `EVENT_SCHEMA`; empty for what a person wrote.

    Parameters
    ----------
    desk : returns of the workspace
    item : line of the return
    period : month
    kinds : where the submitted version says that the value comes from
    as_of : when it was submitted; None for as it is known now
    """
    start, end = bounds(period, desk.plant.zone)
    found = pl.DataFrame(schema=EVENT_SCHEMA)
    if "metered" in kinds:
        carriers = [METERED_ITEMS[item]] if item in METERED_ITEMS else list(_ENERGY)
        below = [name for name, meter in desk.plant.meters.items() if meter.below is not None]
        rows = desk.journal.flows(as_of=as_of).filter(
            pl.col("carrier").is_in(carriers)
            & ~pl.col("meter").is_in(below)
            & (pl.col("start") < end)
            & (pl.col("end") > start)
        )
        found = _shaped(rows, kind=pl.lit("metered"), at=pl.col("end"), subject=pl.col("meter"))
    elif "accounts.closed" in kinds:
        rows = desk.journal.accounts(as_of=as_of).filter((pl.col("period") == period) & (pl.col("item") == item))
        found = _shaped(
            rows,
            kind=pl.lit("accounts.closed"),
            at=pl.lit(end).cast(EVENT_SCHEMA["at"]),
            subject=pl.col("account"),
            quantity=pl.col("value"),
        )
    elif "operation.ended" in kinds or "plant.yaml" in kinds:
        log = desk.journal.worklog(zone=desk.plant.zone, as_of=as_of)
        rows = _work(log, desk.plant, item, kinds, start, end)
        found = _shaped(
            rows,
            kind=pl.when(pl.col("end").is_null())
            .then(pl.lit("operation.started"))
            .otherwise(pl.lit("operation.ended")),
            at=pl.coalesce("end", "start"),
            subject=pl.col("order"),
            order=pl.col("order"),
            machine=pl.col("machine"),
            quantity=pl.col("good"),
            unit=pl.lit("piece"),
        )
    return found.unique("event", keep="first").sort("event")


def _work(
    log: WorkLog, plant: Plant, item: str, kinds: tuple[str, ...], start: datetime, end: datetime
) -> pl.DataFrame:
    """Rows of work: of the orders finished in the month, of the people in it, or of the machines that are declared."""
    frame = log.frame
    if "plant.yaml" in kinds:
        key = [
            name
            for name, one in plant.machines.items()
            if one.key_process and (item == "key_processes" or one.numerical_control)
        ]
        inside = (pl.col("end") >= start) & (pl.col("end") < end)
        return frame.filter(pl.col("machine").is_in(key) & inside)
    if item == "employees":
        return frame.filter((pl.col("start") < end) & (pl.col("start") >= start) & pl.col("person").is_not_null())
    orders = keep_book(log, plant, start=start, end=end).orders.select("order")
    return frame.join(orders, on="order", how="semi").filter(pl.col("end").is_not_null())


def _shaped(rows: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    wanted = []
    for name, kind in EVENT_SCHEMA.items():
        made = columns.get(name)
        if made is None:
            made = pl.col(name) if name in rows.columns else pl.lit(None)
        wanted.append(made.cast(kind).alias(name))
    return rows.select(wanted)
