"""Losses: what every machine did with its hours, what eats cycle and cost, and how figures and work in progress moved.

Every hour of a machine is processing, set-up, breakdown, idle in shift or off-shift; in each week the five add up to
the week. Weeks begin on Monday, in the plant's zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.account.calendar import Intervals, WorkingHours, covered_ns, union, working_hours
from zhizao.account.cost import OperatingCost, operating_cost
from zhizao.account.cycle import STATES, ProductionCycle, production_cycle
from zhizao.account.ledger import COMPONENTS, HOUR_NS, Ledger, keep_book
from zhizao.account.three import figures_of
from zhizao.account.timeline import REPORTS, Timeline, count_of, state_of
from zhizao.model import Plant, WorkLog

__all__ = ["MACHINE_STATES", "Losses", "losses", "machine_states", "trend", "work_in_progress"]

Ints = NDArray[np.int64]
MACHINE_STATES = ("processing", "setup", "breakdown", "idle", "off_shift")
WAITS = STATES[1:]


@dataclass(frozen=True, slots=True)
class Losses:
    """Where time and money go.

    Parameters
    ----------
    machines : frame of machine, hours in each state over the period, utilisation (processing in shift)
    weeks : frame of week (its Monday), machine, hours in each state
    cycle : frame of state, operation, hours, share, cumulative: what eats the cycle, largest first
    cost : frame of component, amount, share, cumulative: what eats the money, largest first
    trend : frame of week and the three figures with intervals
    wip : frame of time, orders, per day: orders on the floor, mean over the day
    """

    machines: pl.DataFrame
    weeks: pl.DataFrame
    cycle: pl.DataFrame
    cost: pl.DataFrame
    trend: pl.DataFrame
    wip: pl.DataFrame


def losses(
    log: WorkLog,
    plant: Plant,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    hours: WorkingHours | None = None,
    cycle: ProductionCycle | None = None,
    cost: OperatingCost | None = None,
) -> Losses:
    """Losses of machines, cycle and cost in [start, end).

    Parameters
    ----------
    log : work
    plant : rates and calendars
    start, end : aware times; None = from the first, to the last record
    hours : working hours; read from plant and records when absent
    cycle, cost : of the same period, when they have been worked out already

    Raises
    ------
    InputError : when start or end has no zone, or the period is empty
    """
    hours = working_hours(log, plant) if hours is None else hours
    cycle = production_cycle(log, plant, start=start, end=end, hours=hours) if cycle is None else cycle
    cost = operating_cost(log, plant, start=start, end=end) if cost is None else cost
    weeks = _weeks(log, hours, start, end)
    names = [f"{name}_h" for name in MACHINE_STATES]
    machines = (
        weeks.group_by("machine").agg(pl.col(names).sum()).sort("processing_h", "machine", descending=[True, False])
    )
    shift = pl.sum_horizontal(names[:-1])
    machines = machines.with_columns(utilisation=pl.when(shift > 0).then(pl.col("processing_h") / shift))
    return Losses(
        machines,
        weeks,
        _eats_cycle(cycle),
        _eats_cost(cost),
        trend(log, plant, start=start, end=end),
        work_in_progress(log, start=start, end=end),
    )


def machine_states(log: WorkLog, hours: WorkingHours, machine: str) -> pl.DataFrame:
    """State of one machine over the whole log: frame of state, start, end; one row per stretch, without gaps.

    Parameters
    ----------
    log : work
    hours : working hours (see `working_hours`)
    machine : its id
    """
    frame = log.done.filter(pl.col("machine") == machine)
    if not frame.height:
        return pl.DataFrame(schema={"state": pl.String, "start": frame.schema["start"], "end": frame.schema["end"]})
    layers = [_of_kind(frame, kind) for kind in REPORTS]
    lines = [count_of([layer]) for layer in (*layers, hours.machines[machine])]
    yes = [Timeline(line.time, np.minimum(line.state, 1)) for line in lines]
    judge = np.full((2, 2, 2, 2), 4)
    judge[:, :, :, 1] = 3
    judge[:, :, 1] = 2
    judge[:, 1] = 1
    judge[1] = 0
    line = state_of(yes, judge)
    last = int(frame["end"].to_physical().to_numpy().max())
    time, state = line.time[1:], line.state[1:]
    stop = np.concatenate((time[1:], [last]))
    keep = (time < last) & (stop > time)
    kind = frame.schema["start"]
    return pl.DataFrame(
        {
            "state": [MACHINE_STATES[code] for code in state[keep]],
            "start": pl.Series(time[keep]).cast(kind),
            "end": pl.Series(np.minimum(stop, last)[keep]).cast(kind),
        }
    )


def _of_kind(frame: pl.DataFrame, *kinds: str) -> Intervals:
    """Time covered by reports of some kinds."""
    part = frame.filter(pl.col("report").is_in(kinds))
    return union(part["start"].to_physical().to_numpy(), part["end"].to_physical().to_numpy())


def _edges(log: WorkLog, start: datetime | None, end: datetime | None) -> tuple[list[datetime], Ints]:
    """Begins of the weeks in a period, cut by it, and all edges in nanoseconds."""
    tz = ZoneInfo(log.zone)
    span = log.frame.select(a=pl.col("start").min(), b=pl.max_horizontal(pl.col("end").max(), pl.col("start").max()))
    first = span["a"][0] if start is None else start
    last = span["b"][0] if end is None else end
    if first is None or last is None or last <= first:
        return [], np.empty(0, np.int64)
    local = first.astimezone(tz)
    monday = (local - timedelta(days=local.weekday())).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=tz)
    begins, marks = [], [first]
    while monday.astimezone(UTC) < last:
        begins.append(monday)
        monday = (monday.replace(tzinfo=None) + timedelta(days=7)).replace(tzinfo=tz)
        marks.append(min(monday.astimezone(UTC), last))
    micro = [round((mark - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) for mark in marks]
    return begins, np.array(micro, np.int64) * 1000


def _weeks(log: WorkLog, hours: WorkingHours, start: datetime | None, end: datetime | None) -> pl.DataFrame:
    """Hours of each machine in each state by week."""
    begins, edges = _edges(log, start, end)
    schema = {"week": pl.Date, "machine": pl.String} | {f"{name}_h": pl.Float64 for name in MACHINE_STATES}
    frames = [pl.DataFrame(schema=schema)]
    for (machine,), part in log.done.filter(pl.col("machine").is_not_null()).group_by("machine"):
        covers = [covered_ns(_of_kind(part, *REPORTS[: i + 1]), edges[:-1], edges[1:]) for i in range(len(REPORTS))]
        shift = np.maximum(covered_ns(hours.machines[str(machine)], edges[:-1], edges[1:]), covers[-1])
        spent = [covers[0], covers[1] - covers[0], covers[2] - covers[1], shift - covers[2], np.diff(edges) - shift]
        columns = {f"{name}_h": ns / HOUR_NS for name, ns in zip(MACHINE_STATES, spent, strict=True)}
        weeks = {"week": [begin.date() for begin in begins], "machine": [str(machine)] * len(begins)}
        frames.append(pl.DataFrame(weeks | columns, schema=schema))
    return pl.concat(frames).sort("week", "machine")


def _ranked(frame: pl.DataFrame, amount: str) -> pl.DataFrame:
    """Largest first, with share and cumulative share."""
    whole = float(frame[amount].sum())
    share = pl.col(amount) / whole if whole > 0 else pl.lit(0.0)
    return (
        frame.sort(amount, descending=True).with_columns(share=share).with_columns(cumulative=pl.col("share").cum_sum())
    )


def _eats_cycle(cycle: ProductionCycle) -> pl.DataFrame:
    """Everything but processing that orders spend their time on, by state and operation."""
    wide = cycle.by_operation.select("operation", *(f"{name}_h" for name in WAITS))
    long = wide.unpivot(index="operation", variable_name="state", value_name="hours").filter(pl.col("hours") > 0)
    return _ranked(
        long.with_columns(pl.col("state").str.strip_suffix("_h")).select("state", "operation", "hours"), "hours"
    )


def _eats_cost(cost: OperatingCost) -> pl.DataFrame:
    """Components of cost."""
    amounts = {name: cost.total[name] for name in COMPONENTS if cost.total[name] is not None}
    rows = {"component": list(amounts), "amount": list(amounts.values())}
    return _ranked(pl.DataFrame(rows, schema={"component": pl.String, "amount": pl.Float64}), "amount")


def trend(log: WorkLog, plant: Plant, *, start: datetime | None = None, end: datetime | None = None) -> pl.DataFrame:
    """The three figures of each week's finished orders.

    Returns
    -------
    frame of week (its Monday), orders, and for each of production_cycle, operating_cost and defect_rate its value,
    `_low` and `_high`; null where a week does not allow one
    """
    book = keep_book(log, plant, start=start, end=end)
    monday = pl.col("end").dt.convert_time_zone(log.zone).dt.date().dt.truncate("1w")
    rows = []
    for (week,), orders in book.orders.with_columns(week=monday).group_by("week", maintain_order=True):
        figures = figures_of(Ledger(orders.drop("week"), book.rows, book.missing), plant, None, None).main()
        row = {"week": week, "orders": orders.height}
        for key, figure in figures.items():
            row |= {key: figure.value, f"{key}_low": figure.low, f"{key}_high": figure.high}
        rows.append(row)
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"week": pl.Date, "orders": pl.Int64}
    for key in ("production_cycle", "operating_cost", "defect_rate"):
        schema |= dict.fromkeys((key, f"{key}_low", f"{key}_high"), pl.Float64)
    return pl.DataFrame(rows, schema=schema).sort("week")


def work_in_progress(log: WorkLog, *, start: datetime | None = None, end: datetime | None = None) -> pl.DataFrame:
    """Orders on the floor: between release (else first start) and last end, mean of each day of 24 hours.

    Returns
    -------
    frame of time (begin of the day's 24 hours), orders
    """
    frame = log.frame
    kind = frame.schema["start"]
    if not frame.height:
        return pl.DataFrame(schema={"time": kind, "orders": pl.Float64})
    first, last = (frame.select(e.to_physical()).item() for e in (pl.col("start").min(), _stop()))
    spans = frame.group_by("order").agg(
        a=pl.min_horizontal(pl.col("released").min(), pl.col("start").min()).to_physical(),
        b=pl.when(pl.col("end").is_null().any()).then(pl.lit(last)).otherwise(pl.col("end").max().to_physical()),
    )
    a, b = (np.sort(spans[name].to_numpy()) for name in ("a", "b"))
    day = 24 * HOUR_NS
    first = first if start is None else int(pl.Series([start]).cast(kind).to_physical()[0])
    last = last if end is None else int(pl.Series([end]).cast(kind).to_physical()[0])
    edges = np.append(np.arange(first, last, day), last)
    # order-hours before t: every order counts max(0, t - begin) - max(0, t - end)
    area = _past(a, edges) - _past(b, edges)
    mean = np.diff(area) / np.maximum(np.diff(edges), 1)
    return pl.DataFrame({"time": pl.Series(edges[:-1]).cast(kind), "orders": mean})


def _stop() -> pl.Expr:
    return pl.max_horizontal(pl.col("end").max(), pl.col("start").max())


def _past(times: Ints, edges: Ints) -> NDArray[np.float64]:
    """Sum over sorted times of max(0, edge - time), for each edge."""
    base = times[0]
    before = np.concatenate(([0.0], np.cumsum((times - base).astype(np.float64))))
    count = np.searchsorted(times, edges)
    return np.asarray(count * (edges - base).astype(np.float64) - before[count], dtype=np.float64)
