"""Where the production cycle goes: every hour of every order is one of seven things, and they add up exactly.

While any report of the order is open it is processing, else set-up, else breakdown (reports that overlap, as with
transfer batches, are counted once). Between reports the order waits for its next one, and each moment is, in this
order: waiting for that machine (full with other orders), off-shift (machine or all who have the skill not at work),
waiting for people (all who have the skill and are at work are busy), or unexplained (transport, cooling, paper).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.account.calendar import Intervals, WorkingHours, covered_ns, working_hours
from zhizao.account.figure import Figure, mean_of, quantile_of
from zhizao.account.ledger import HOUR_NS, keep_book
from zhizao.account.timeline import (
    LONG_AGO,
    Timeline,
    busy_intervals,
    capacities,
    count_of,
    kinds_of,
    layered_share,
    overlap,
    state_of,
)
from zhizao.model import Plant, WorkLog

__all__ = ["STATES", "ProductionCycle", "production_cycle"]

Ints = NDArray[np.int64]

STATES = ("processing", "setup", "breakdown", "wait_machine", "off_shift", "wait_people", "unexplained")
"""What an hour of an order is."""

MACHINE, SHIFT, PEOPLE, NOTHING = range(4)  # states of a gap, in the order of STATES[3:]


@dataclass(frozen=True, slots=True)
class ProductionCycle:
    """The production cycle and its parts.

    Parameters
    ----------
    mean_h, p50_h, p90_h : calendar hours from release (else first start) to last end
    working_mean_h, working_p50_h, working_p90_h : the same within the hours in which the plant is open
    parts_h : {state: mean hours of an order}; they add up to the mean
    orders : one row per order: times, cycle_h, working_h and `<state>_h`, which add up to cycle_h
    by_operation, by_machine, by_product : name, orders, hours in each state in total and per order that came by;
        waiting belongs to what the order waits for
    """

    mean_h: Figure
    p50_h: Figure
    p90_h: Figure
    working_mean_h: Figure
    working_p50_h: Figure
    working_p90_h: Figure
    parts_h: dict[str, float]
    orders: pl.DataFrame
    by_operation: pl.DataFrame
    by_machine: pl.DataFrame
    by_product: pl.DataFrame


def production_cycle(
    log: WorkLog,
    plant: Plant,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    hours: WorkingHours | None = None,
    skills: Mapping[str, frozenset[str]] | None = None,
) -> ProductionCycle:
    """Production cycle of the orders that ended in [start, end), split to the nanosecond.

    Parameters
    ----------
    log : work; orders outside the period still occupy machines and people
    plant : capacities and calendars that the user gave
    start, end : aware times; None = from the first, to the last record
    hours : working hours; read from plant and records when absent
    skills : {operation: people who can do it}; when absent, those who did at least 2 % of its reports

    Raises
    ------
    InputError : when start or end has no zone, or the period is empty

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> at = lambda h: datetime(2025, 1, 6, 8, tzinfo=UTC) + timedelta(hours=h)
    >>> log = WorkLog.of(pl.DataFrame({
    ...     "order": ["A", "B"], "activity": ["mill", "mill"], "machine": ["m", "m"],
    ...     "start": [at(0), at(3)], "end": [at(3), at(4)], "released": [at(0), at(1)]}))
    >>> parts = production_cycle(log, Plant()).orders.filter(order="B").to_dicts()[0]
    >>> parts["cycle_h"], parts["processing_h"], parts["wait_machine_h"]
    (3.0, 1.0, 2.0)
    """
    book = keep_book(log, plant, start=start, end=end)
    orders = book.orders.select(
        "order", "product", "begin", "end", "cycle_h", slot=pl.int_range(pl.len(), dtype=pl.Int64)
    )
    hours = working_hours(log, plant) if hours is None else hours
    rows = _with_gaps(book.rows, orders)
    rows = _with_work(rows)
    gaps = _split_gaps(log, plant, rows, hours, skills)
    rows = rows.with_columns(**{f"{name}_ns": pl.Series(gaps[i]) for i, name in enumerate(STATES[3:])})
    return _result(rows, orders, hours)


def _with_gaps(rows: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Reports by order and start, each with the stretch before it in which the order had no open report."""
    begin = orders.select("slot", begin_ns=pl.col("begin").to_physical())
    rows = rows.select(
        "slot",
        "operation",
        "machine",
        "report",
        start_ns=pl.col("start").to_physical(),
        end_ns=pl.col("end").to_physical(),
    ).sort("slot", "start_ns", "end_ns", maintain_order=True)
    seen = pl.col("end_ns").cum_max().shift(1).over("slot")
    rows = rows.join(begin, on="slot", how="left", maintain_order="left")
    return rows.with_columns(
        gap_from=pl.min_horizontal(pl.max_horizontal(seen.fill_null(pl.col("begin_ns")), "begin_ns"), "start_ns")
    )


def _with_work(rows: pl.DataFrame) -> pl.DataFrame:
    """Nanoseconds of the order's life that each report holds."""
    slot, start, end = (rows[name].to_numpy() for name in ("slot", "start_ns", "end_ns"))
    kind = kinds_of(rows["report"])
    return rows.with_columns(work_ns=pl.Series(layered_share(slot, start, end, kind)), kind=pl.Series(kind))


def _skilled(log: WorkLog, skills: Mapping[str, frozenset[str]] | None) -> dict[str, frozenset[str]]:
    """People who can do each operation."""
    if skills is not None:
        return dict(skills)
    seen = log.frame.filter(pl.col("person").is_not_null()).group_by("operation", "person").len()
    seen = seen.filter(pl.col("len") >= 0.02 * pl.col("len").sum().over("operation"))
    return {name: frozenset(people) for name, people in seen.group_by("operation").agg("person").iter_rows()}


def _full(frame: pl.DataFrame, column: str, declared: Mapping[str, int]) -> dict[str, Intervals]:
    """Intervals in which each machine or person has all the work that it takes at once."""
    part = frame.filter(pl.col(column).is_not_null())
    names = part[column].unique().sort()
    if not len(names):
        return {}
    code = part[column].replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
    start, end = part["start"].to_physical().to_numpy(), part["end"].to_physical().to_numpy()
    room = capacities(code, start, end, len(names))
    for i, name in enumerate(names):
        room[i] = declared.get(name, room[i])
    return dict(zip(names, busy_intervals(code, start, end, room), strict=True))


def _split_gaps(
    log: WorkLog, plant: Plant, rows: pl.DataFrame, hours: WorkingHours, skills: Mapping[str, frozenset[str]] | None
) -> Ints:
    """Nanoseconds of each report's gap in each state, (4, rows)."""
    stop = pl.max_horizontal(pl.col("end").max(), pl.col("start").max())
    frame = log.frame.with_columns(pl.col("end").fill_null(stop))
    declared = {k: v.capacity for k, v in plant.machines.items() if "capacity" in v.model_fields_set}
    full_machine = _full(frame, "machine", declared)
    full_person = _full(frame, "person", {})
    skilled = _skilled(log, skills)
    out = np.zeros((4, rows.height), np.int64)
    gaps = rows.with_row_index("row").filter(pl.col("start_ns") > pl.col("gap_from"))
    crews: dict[str, Timeline | None] = {}
    for (machine, operation), part in gaps.group_by("machine", "operation"):
        if operation not in crews:
            crews[operation] = _crew(skilled.get(operation, frozenset()), hours, full_person)
        line = _gap_states(machine, crews[operation], hours, full_machine)
        at = part["row"].to_numpy()
        out[:, at] = line.spent(part["gap_from"].to_numpy(), part["start_ns"].to_numpy(), 4)
    return out


def _crew(people: frozenset[str], hours: WorkingHours, full: dict[str, Intervals]) -> Timeline | None:
    """0 = nobody at work, 1 = somebody at work but all are busy, 2 = somebody is free; None when nobody is known."""
    present = [hours.people[name] for name in sorted(people) if name in hours.people]
    if not present:
        return None
    busy = [overlap(full[name], hours.people[name]) for name in sorted(people) if name in full and name in hours.people]
    here = count_of(present)
    free = count_of(present + busy, [1] * len(present) + [-1] * len(busy))
    two = [Timeline(line.time, np.minimum(np.maximum(line.state, 0), 1)) for line in (here, free)]
    return state_of(two, np.array([[0, 2], [1, 2]]))


def _gap_states(
    machine: str | None, crew: Timeline | None, hours: WorkingHours, full: dict[str, Intervals]
) -> Timeline:
    """State of a gap before work on a machine by a crew."""
    always = Timeline(np.array([LONG_AGO]), np.array([1]))
    never = Timeline(always.time, np.array([0]))
    if machine is None:
        busy, shift = never, count_of([hours.plant]) if crew is None else always
    else:
        busy = count_of([full[machine]]) if machine in full else never
        shift = count_of([hours.machines[machine]]) if machine in hours.machines else always
    people = Timeline(always.time, np.array([2])) if crew is None else crew
    judge = np.empty((2, 2, 3), np.int64)  # busy, on shift, crew
    judge[:] = NOTHING
    judge[:, :, 1] = PEOPLE
    judge[:, :, 0] = SHIFT
    judge[:, 0, :] = SHIFT
    judge[1] = MACHINE
    return state_of([busy, shift, people], judge)


def _result(rows: pl.DataFrame, orders: pl.DataFrame, hours: WorkingHours) -> ProductionCycle:
    """Figures and tables from reports with their shares."""
    work = [
        pl.when(pl.col("kind") == code).then(pl.col("work_ns")).otherwise(0.0).alias(f"{name}_h")
        for code, name in enumerate(STATES[:3])
    ]
    shares = rows.with_columns(
        *work, *(pl.col(f"{name}_ns").cast(pl.Float64).alias(f"{name}_h") for name in STATES[3:])
    )
    names = [f"{name}_h" for name in STATES]
    shares = shares.with_columns(pl.col(names) / HOUR_NS)
    sums = shares.group_by("slot").agg(pl.col(names).sum())
    begin, end = (orders[name].to_physical().to_numpy() for name in ("begin", "end"))
    table = orders.join(sums, on="slot", how="left", maintain_order="left").with_columns(
        working_h=pl.Series(covered_ns(hours.plant, begin, end) / HOUR_NS)
    )
    cycle, working = table["cycle_h"].to_numpy(), table["working_h"].to_numpy()
    shares = shares.join(orders.select("slot", "product"), on="slot", how="left")

    def by(column: str) -> pl.DataFrame:
        part = shares.filter(pl.col(column).is_not_null()).group_by(column)
        total = part.agg(pl.col("slot").n_unique().alias("orders"), pl.col(names).sum())
        whole = total.with_columns(total_h=pl.sum_horizontal(names))
        return whole.with_columns(per_order_h=pl.col("total_h") / pl.col("orders")).sort(
            "total_h", column, descending=[True, False]
        )

    return ProductionCycle(
        mean_of(cycle, key="production_cycle", unit="h"),
        quantile_of(cycle, 0.5, key="cycle_p50", unit="h"),
        quantile_of(cycle, 0.9, key="cycle_p90", unit="h"),
        mean_of(working, key="working_cycle", unit="h"),
        quantile_of(working, 0.5, key="working_p50", unit="h"),
        quantile_of(working, 0.9, key="working_p90", unit="h"),
        {name: float(table[f"{name}_h"].sum()) / max(table.height, 1) for name in STATES},
        table.drop("slot"),
        by("operation"),
        by("machine"),
        by("product"),
    )
