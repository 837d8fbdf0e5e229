"""Operating cost of finished orders, component by component, with what each rests on.

The six components add up to the cost and none is counted twice: work that went into pieces which were later scrapped is
taken out of labour and machine and shown as work lost. The price of the material in good pieces is not operating cost
and is left out; no lever of a pilot changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from zhizao.account.figure import Figure
from zhizao.account.ledger import COMPONENTS, keep_book
from zhizao.account.three import figures_of
from zhizao.model import Plant, WorkLog

__all__ = ["OperatingCost", "operating_cost"]


@dataclass(frozen=True, slots=True)
class OperatingCost:
    """Operating cost and its components.

    Parameters
    ----------
    per_piece : money per good piece (per order where no pieces are recorded), with its interval
    parts : {component: money per good piece}, None where the records do not allow it; they add up to `per_piece`
    total : {component: money in the period}
    of_which : {"setup" | "breakdown" | "rework": money of labour and machine in the period}: a view, not a component
    missing : {component: code of the reason}
    assumptions : settings of the plant that the user did not give
    orders : one row per order: components, cost, good pieces, cost_per_piece
    by_operation, by_machine, by_person, by_product : name, hours, labour, machine, lost work, cost
    """

    per_piece: Figure
    parts: dict[str, float | None]
    total: dict[str, float | None]
    of_which: dict[str, float]
    missing: dict[str, str]
    assumptions: tuple[tuple[str, float | str], ...]
    orders: pl.DataFrame
    by_operation: pl.DataFrame
    by_machine: pl.DataFrame
    by_person: pl.DataFrame
    by_product: pl.DataFrame


def operating_cost(
    log: WorkLog, plant: Plant, *, start: datetime | None = None, end: datetime | None = None
) -> OperatingCost:
    """Operating cost of the orders that ended in [start, end).

    Parameters
    ----------
    log : recorded or simulated work
    plant : rates and materials
    start, end : aware times; None = from the first, to the last record

    Raises
    ------
    InputError : when start or end has no zone, or the period is empty

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> at = datetime(2025, 1, 6, 8, tzinfo=UTC)
    >>> log = WorkLog.of(pl.DataFrame({
    ...     "order": ["A"], "activity": ["mill"], "person": ["p"], "machine": ["m"],
    ...     "start": [at], "end": [at + timedelta(hours=2)], "good": [8.0], "scrap": [2.0]}))
    >>> cost = operating_cost(log, Plant())
    >>> cost.total["labour"], cost.total["machine"], cost.total["scrap_work"], cost.total["scrap_material"]
    (96.0, 128.0, 56.0, 80.0)
    """
    book = keep_book(log, plant, start=start, end=end)
    three = figures_of(book, plant, start, end)
    orders = book.orders.select(
        "order", "product", "end", "entered", "good", "labour_h", "machine_h", *COMPONENTS, "cost"
    ).with_columns(cost_per_piece=pl.when(pl.col("good") > 0).then(pl.col("cost") / pl.col("good")))
    rows, gone = book.rows, set(book.missing) if orders.height else set(COMPONENTS)
    total = {name: None if name in gone else float(orders[name].sum()) for name in COMPONENTS}
    tables = [_by(rows, name) for name in ("operation", "machine", "person", "product")]
    memo = {
        "setup": _sum(rows, pl.col("report") == "setup"),
        "breakdown": _sum(rows, pl.col("report") == "breakdown"),
        "rework": _sum(rows, pl.col("is_rework")),
    }
    return OperatingCost(
        three.operating_cost, three.cost_parts, total, memo, book.missing, three.assumptions, orders, *tables
    )


def _sum(rows: pl.DataFrame, which: pl.Expr) -> float:
    """Labour and machine cost of some reports."""
    return float(rows.filter(which)["work"].sum())


def _by(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Hours and cost by operation, machine, person or product, dearest first."""
    return (
        rows.filter(pl.col(column).is_not_null())
        .group_by(column)
        .agg(
            pl.col("labour_h", "machine_h").sum(),
            labour_cost=pl.col("labour").sum(),
            machine_cost=pl.col("machine_cost").sum(),
            lost_work=pl.col("lost_work").sum(),
            cost=pl.col("work").sum(),
        )
        .sort("cost", column, descending=[True, False])
    )
