"""The ledger: what each report and each finished order cost, took and spoilt; the one sum under all three figures.

An order is counted in the period in which its last work ended. Hours of a person or machine that was on several
reports at once are shared equally between them, so that nobody is paid twice for one hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.model import Plant, WorkLog

__all__ = ["COMPONENTS", "HOUR_NS", "Ledger", "keep_book", "shared_hours"]

HOUR_NS = 3_600_000_000_000
YEAR_H = 8760.0
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COMPONENTS = ("labour", "machine", "scrap_material", "scrap_work", "holding", "lateness")
"""Parts of operating cost; they add up to it, none is counted twice."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Finished orders of a period and the reports behind them.

    Parameters
    ----------
    orders : one row per finished order, by its end: times, pieces, bad pieces, hours and each cost component
    rows : one row per report of those orders: event, order, shared hours, cost, work lost with scrapped pieces
    missing : {component or figure: code of the reason} for what the records do not allow
    """

    orders: pl.DataFrame
    rows: pl.DataFrame
    missing: dict[str, str]


def shared_hours(resource: Ints, start_ns: Ints, end_ns: Ints) -> Floats:
    """Hours of each report when a resource on k reports at once gives each of them one k-th of its time.

    Parameters
    ----------
    resource : (rows,) code of the resource, -1 = none (0 hours)
    start_ns, end_ns : (rows,) times, end >= start

    Returns
    -------
    (rows,) hours; for each resource they add up to the time in which it was on any report at all

    Examples
    --------
    >>> one_hour = np.array([0, HOUR_NS // 2]), np.array([HOUR_NS, HOUR_NS])
    >>> shared_hours(np.array([0, 0]), *one_hour).tolist()
    [0.75, 0.25]
    """
    out = np.zeros(len(resource))
    named = np.flatnonzero(resource >= 0)
    if not len(named):
        return out
    n = len(named)
    time = np.concatenate((start_ns[named], end_ns[named]))
    who = np.concatenate((resource[named], resource[named]))
    order = np.lexsort((time, who))
    at_once = np.cumsum(np.where(order < n, 1, -1))[:-1]
    gap = np.diff(time[order]) / HOUR_NS
    each = np.divide(gap, at_once, out=np.zeros(len(gap)), where=at_once > 0)
    run = np.empty(2 * n)
    run[order] = np.concatenate(([0.0], np.cumsum(each)))
    out[named] = run[n:] - run[:n]
    return np.maximum(out, 0.0)


def keep_book(log: WorkLog, plant: Plant, *, start: datetime | None = None, end: datetime | None = None) -> Ledger:
    """Ledger of the orders whose last work ended in [start, end).

    Parameters
    ----------
    log : recorded or simulated work
    plant : rates, materials, people and machines
    start, end : aware times; None = from the first, to the last record

    Raises
    ------
    InputError : when start or end has no zone, or the period is empty
    """
    for name, time in (("start", start), ("end", end)):
        if time is not None and time.tzinfo is None:
            raise InputError(f"{name} {time} has no zone", fix="give an aware time", code="naive_time")
    if start is not None and end is not None and end <= start:
        raise InputError(f"the period ends at {end}, before it starts at {start}", code="empty_period")
    frame = log.frame
    orders = _finished(frame, start, end)
    missing = _missing(orders, frame) if orders.height else {"all": "no_finished_orders"}
    rows = _rows(log.done, plant, orders, missing)
    sums = _order_sums(rows, orders, plant, missing)
    return Ledger(_with_costs(orders, sums), rows, missing)


def _finished(frame: pl.DataFrame, start: datetime | None, end: datetime | None) -> pl.DataFrame:
    """Orders without running work whose last end lies in the period, sorted by it, with pieces and times."""
    pieces = pl.sum_horizontal("good", "scrap", "rework", ignore_nulls=True)
    told = pl.col("good").is_not_null() | pl.col("scrap").is_not_null() | pl.col("rework").is_not_null()
    by_operation = frame.group_by("order", "operation").agg(
        entered=pl.when(told & ~pl.col("is_rework")).then(pieces).sum(),
    )
    seen = pl.col("entered")
    entered = by_operation.group_by("order").agg(
        reported=seen.max(), usual=seen.filter(seen >= seen.max() / 2).quantile(0.5, "higher")
    )
    orders = frame.group_by("order").agg(
        running=pl.col("end").is_null().any(),
        product=pl.col("product").drop_nulls().first(),
        first_start=pl.col("start").min(),
        end=pl.col("end").max(),
        released=pl.col("released").min(),
        due=pl.col("due").max(),
        order_quantity=pl.col("order_quantity").max(),
        scrap=pl.col("scrap").sum(),
        rework=pl.col("rework").sum(),
        judged=told.any(),
    )
    keep = ~pl.col("running")
    if start is not None:
        keep &= pl.col("end") >= start
    if end is not None:
        keep &= pl.col("end") < end
    begun = pl.min_horizontal(pl.col("released"), pl.col("first_start"))
    orders = orders.filter(keep).join(entered, on="order").drop("running").sort("end", "order")
    orders = orders.with_columns(
        begin=begun,
        cycle_h=(pl.col("end") - begun).dt.total_nanoseconds() / HOUR_NS,
        entered=_entered(),
    )
    return orders.drop("reported", "usual").with_columns(
        bad=pl.when("judged").then(pl.min_horizontal(pl.col("scrap") + pl.col("rework"), pl.col("entered"))),
        good=(pl.col("entered") - pl.col("scrap")).clip(0.0),
    )


def _entered() -> pl.Expr:
    """Pieces that entered an order.

    The most that one operation reported is right unless two steps of the route bear one name: then it is twice too
    much. So a count above the ordered quantity, or of unknown orders, gives way to what most operations saw.
    """
    reported, ordered, usual = pl.col("reported"), pl.col("order_quantity"), pl.col("usual")
    return (
        pl.when(~(reported.fill_null(0.0) > 0))
        .then(ordered)
        .when(ordered.is_null())
        .then(usual)
        .when(reported > ordered)
        .then(pl.when(usual < 1.5 * ordered).then(pl.max_horizontal(usual, ordered)).otherwise(ordered))
        .otherwise(reported)
    )


def _missing(orders: pl.DataFrame, frame: pl.DataFrame) -> dict[str, str]:
    """What the records of these orders do not allow."""
    missing = {}
    if frame["person"].null_count() == frame.height:
        missing["labour"] = "no_people"
    if frame["machine"].null_count() == frame.height:
        missing["machine"] = "no_machines"
    if (frame["start"] == frame["end"]).all():
        missing["labour"] = missing["machine"] = "no_durations"
    told = {name: frame[name].null_count() < frame.height for name in ("good", "scrap", "rework", "order_quantity")}
    if not orders["judged"].any() or not (orders["entered"].fill_null(0.0) > 0).any():
        missing["defect_rate"] = "no_quantities"
    elif not (told["scrap"] or told["rework"] or frame["is_rework"].any()):
        missing["defect_rate"] = "no_scrap_reported"
    elif not (told["good"] or told["order_quantity"]):
        missing["defect_rate"] = "no_good_reported"
    if (frame["scrap"].null_count() == frame.height) or "defect_rate" in missing:
        missing["scrap_material"] = missing["scrap_work"] = "no_scrap_reported"
    if not (orders["entered"].fill_null(0.0) > 0).any() or missing.get("defect_rate") == "no_good_reported":
        missing["pieces"] = missing["holding"] = "no_quantities"
    if orders["due"].null_count() == orders.height:
        missing["lateness"] = "no_due_dates"
    return missing


def _codes(column: pl.Series) -> Ints:
    """Whole numbers 0.. for the texts of a column, -1 for null."""
    return column.cast(pl.Categorical).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def _rate(column: str, given: dict[str, float], default: float) -> pl.Expr:
    """Rate per row: what the plant gives for this thing, else the general one."""
    if not given:
        return pl.lit(default)
    return pl.col(column).replace_strict(given, default=default, return_dtype=pl.Float64)


def _rows(done: pl.DataFrame, plant: Plant, orders: pl.DataFrame, missing: dict[str, str]) -> pl.DataFrame:
    """Reports of the finished orders with shared hours, cost and work lost with scrapped pieces."""
    start, end = (done[name].to_physical().to_numpy() for name in ("start", "end"))
    machine = np.where(done["report"].is_in(["breakdown", "maintenance"]).to_numpy(), -1, _codes(done["machine"]))
    hours = {
        "labour_h": shared_hours(_codes(done["person"]), start, end),
        "machine_h": shared_hours(machine, start, end),
    }
    rates = plant.rates
    people = {k: v.rate_per_h for k, v in plant.people.items() if v.rate_per_h is not None}
    machines = {k: v.rate_per_h for k, v in plant.machines.items() if v.rate_per_h is not None}
    rows = done.with_columns(**{name: pl.Series(value) for name, value in hours.items()})
    place = orders.select("order", "entered", order_end="end", slot=pl.int_range(pl.len()))
    rows = rows.join(place, on="order", how="inner").with_columns(
        labour=pl.col("labour_h") * _rate("person", people, rates.labour_per_h),
        machine_cost=pl.col("machine_h") * _rate("machine", machines, rates.machine_per_h),
    )
    rows = rows.with_columns(work=pl.col("labour") + pl.col("machine_cost"))
    return rows.with_columns(lost_work=pl.Series(_lost_work(rows)))


def _lost_work(rows: pl.DataFrame) -> Floats:
    """Work that went into the pieces scrapped at each report: the order's work so far, by piece that entered."""
    slot, end = rows["slot"].to_numpy(), rows["end"].to_physical().to_numpy()
    work = rows["work"].to_numpy()
    order = np.lexsort((end, slot))
    total = np.cumsum(work[order])
    first = np.searchsorted(slot[order], np.arange(int(slot.max()) + 1)) if len(slot) else np.empty(0, np.int64)
    before = np.concatenate(([0.0], total))[first]
    so_far = np.empty(len(work))
    so_far[order] = total - before[slot[order]]
    pieces = rows["entered"].fill_null(0.0).to_numpy()
    scrap = np.minimum(rows["scrap"].fill_null(0.0).to_numpy(), pieces)
    share = np.divide(scrap, pieces, out=np.zeros(len(work)), where=pieces > 0)
    lost = so_far * share
    spent = np.bincount(slot, weights=work)[slot] if len(slot) else work
    all_lost = np.bincount(slot, weights=lost)[slot] if len(slot) else lost
    over = np.divide(spent, all_lost, out=np.ones(len(work)), where=all_lost > spent)
    return np.asarray(lost * over, dtype=np.float64)


def _order_sums(
    rows: pl.DataFrame, orders: pl.DataFrame, plant: Plant, missing: dict[str, str]
) -> dict[str, Floats | None]:
    """Hours and cost components of each order; None for what the records do not allow."""
    n = orders.height
    slot = rows["slot"].to_numpy()

    def add(values: Floats) -> Floats:
        return np.bincount(slot, weights=values, minlength=n).astype(np.float64)

    work, lost = rows["work"].to_numpy(), rows["lost_work"].to_numpy()
    kept = 1.0 - np.divide(add(lost), add(work), out=np.zeros(n), where=add(work) > 0)
    given = {k: v.material_cost for k, v in plant.products.items() if v.material_cost is not None}
    material = orders.select(m=_rate("product", given, plant.rates.material_per_piece)).to_series()
    piece = np.broadcast_to(material.to_numpy(), n)
    entered = orders["entered"].fill_null(0.0).to_numpy()
    scrap = np.minimum(rows["scrap"].fill_null(0.0).to_numpy(), rows["entered"].fill_null(0.0).to_numpy())
    left_h = (rows["order_end"] - rows["end"]).dt.total_nanoseconds().to_numpy() / HOUR_NS
    value_h = piece * entered * orders["cycle_h"].to_numpy()
    value_h = value_h + add((work - lost - scrap * piece[slot]) * left_h)
    late_d = (orders["end"] - orders["due"]).dt.total_nanoseconds() / (24 * HOUR_NS)
    sums: dict[str, Floats | None] = {
        "labour_h": add(rows["labour_h"].to_numpy()),
        "machine_h": add(rows["machine_h"].to_numpy()),
        "labour": add(rows["labour"].to_numpy()) * kept,
        "machine": add(rows["machine_cost"].to_numpy()) * kept,
        "scrap_material": add(scrap * piece[slot]),
        "scrap_work": add(lost),
        "holding": np.maximum(value_h, 0.0) * plant.rates.holding_per_year / YEAR_H,
        "lateness": late_d.clip(0.0).fill_null(0.0).to_numpy() * plant.rates.lateness_per_order_day,
    }
    return {name: None if name in missing else values for name, values in sums.items()}


def _with_costs(orders: pl.DataFrame, sums: dict[str, Floats | None]) -> pl.DataFrame:
    """Orders with their hours and cost components; a component that is not allowed is null."""
    names = ("labour_h", "machine_h", *COMPONENTS)
    columns = {}
    for name in names:
        values = sums.get(name)
        columns[name] = pl.lit(None, dtype=pl.Float64) if values is None else pl.Series(values, dtype=pl.Float64)
    return orders.with_columns(**columns).with_columns(cost=pl.sum_horizontal(*COMPONENTS, ignore_nulls=True))
