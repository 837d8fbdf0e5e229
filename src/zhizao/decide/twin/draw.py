"""One draw of the work to be done, ready for the kernel, and the way back from the kernel's trace to a work log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.decide.twin.records import ZERO, Past
from zhizao.decide.twin.shop import Floats, Ints, Policy, Shop, Trace, Work
from zhizao.model import WORKLOG_SCHEMA, WorkLog

__all__ = ["Draw", "worklog_of"]


@dataclass(frozen=True, slots=True)
class Draw:
    """Work drawn for one run, and what its numbers mean.

    Parameters
    ----------
    shop, work, policy : what the kernel takes; the policy is the plant's as it is
    zero_s, start_ns : kernel time 0 on the plant's clock (`records`), and in UTC nanoseconds since 1970
    horizon_s : length that the calendars cover, seconds
    zone : IANA zone of the plant
    start_s : the window asked for begins here; orders released before are work in progress or warm the shop up
    until_s : end of the window, None when a number of orders was asked for
    orders, products, operations : names, (J,) and by code
    fresh : (J,) released in the window
    row, setup_row : (S,) past rows that the step and its set-up take after, -1 = no set-up of its own
    head_s, tail_s : (S,) by how much the report begins and ends before the step's own share of the order's time
    """

    shop: Shop
    work: Work
    policy: Policy
    zero_s: float
    start_ns: int
    horizon_s: float
    zone: str
    start_s: float
    until_s: float | None
    orders: tuple[str, ...]
    products: tuple[str, ...]
    operations: tuple[str, ...]
    fresh: NDArray[np.bool_]
    row: Ints
    setup_row: Ints
    head_s: Floats
    tail_s: Floats


def worklog_of(
    past: Past, label_at: Ints, draw: Draw, trace: Trace, *, until_s: float | None = None, whole: bool = True
) -> WorkLog:
    """The work log that the shop of a trace would have written.

    Parameters
    ----------
    label_at : (kinds, machines) label that the records use for a kind of work on a machine, -1 = none seen
    until_s : rows that end later (clock seconds) are not written
    whole : only orders that were finished by then
    """
    work = draw.work
    jobs = len(work.release_s)
    job = np.repeat(np.arange(jobs), np.diff(work.first))
    source, setup_source, head, tail = _sources(past, draw, job)
    limit = np.inf if until_s is None else until_s
    done = np.isfinite(trace.end_s) & (trace.end_s >= 0) & (trace.end_s + draw.zero_s - tail <= limit)
    finished = np.isfinite(trace.finished_s) & (trace.finished_s >= 0) & (trace.finished_s + draw.zero_s <= limit)
    if whole:
        done &= finished[job]
    prepared = setup_source >= 0
    setups, works = np.flatnonzero(done & prepared), np.flatnonzero(done)
    step = np.concatenate([setups, works])
    row = np.concatenate([setup_source[setups], source[works]])
    begin = np.where(prepared, trace.start_s, trace.setup_start_s)
    start = np.concatenate([trace.setup_start_s[setups], begin[works]]) + draw.zero_s - head[step]
    end = np.concatenate([trace.start_s[setups] - head[setups], trace.end_s[works] - tail[works]]) + draw.zero_s
    mine, kind = job[step], past.kind[row]
    machine = np.where(trace.machine[step] >= 0, trace.machine[step], past.machine[row])
    label = np.where(machine == past.machine[row], past.label[row], label_at[kind, machine])
    label = np.where(label < 0, past.label[row], label)
    person = np.where(trace.person[step] >= 0, trace.person[step], past.person[row])
    again, lost = np.nan_to_num(past.again[row]), np.nan_to_num(past.scrap[row])
    is_setup = np.arange(len(step)) < len(setups)
    bad = np.where(is_setup, again + lost, np.maximum(trace.bad[step], 0.0))
    pieces = np.where(is_setup, np.nan_to_num(past.good[row]) + bad, work.pieces[step])
    told = ~np.isnan(past.good[row]) | ~np.isnan(past.scrap[row])
    share = np.where(again + lost > 0, again / np.maximum(again + lost, 1e-9), 0.0)
    due = work.due_s[mine] + draw.zero_s
    release = work.release_s[mine] + draw.zero_s
    kinds = past.kinds
    frame = pl.DataFrame(
        {
            "event": np.full(len(step), -1),
            "order": np.array(draw.orders, object)[mine] if len(step) else [],
            "product": _named(draw.products, work.product[mine]),
            "operation": _named(tuple(k.operation for k in kinds), kind),
            "activity": _named(past.labels, label),
            "machine": _named(past.machines[: past.real_machines], np.where(machine < past.real_machines, machine, -1)),
            "person": _named(past.people, person),
            "report": _named(tuple(k.report for k in kinds), kind),
            "good": np.where(told, np.maximum(pieces - bad, 0.0), np.nan),
            "scrap": np.where(told, bad * (1 - share), np.nan),
            "rework": np.where(told & ~np.isnan(past.again[row]), bad * share, np.nan),
            "is_rework": np.array([k.is_rework for k in kinds])[kind],
            "order_quantity": np.where(np.isnan(past.quantity).all(), np.nan, work.quantity[mine]),
            "start_s": start,
            "end_s": np.maximum(end, start),
            "released_s": np.where(np.isnan(past.released_s).all(), np.nan, release),
            "due_s": np.where(np.isfinite(due), due, np.nan),
        },
        schema_overrides={"order": pl.String},
    )
    frame = _marked(frame, past)
    clock = ["start_s", "end_s", "released_s", "due_s"]
    frame = frame.with_columns(
        *(_utc(name, past.zone).alias(name.removesuffix("_s")) for name in clock),
        *(pl.col(name).fill_nan(None) for name in ("good", "scrap", "rework", "order_quantity")),
    )
    frame = frame.with_columns(end=pl.max_horizontal("start", "end"))  # where clocks change, an hour may be missing
    return WorkLog.of(frame.select(*WORKLOG_SCHEMA), past.zone)


def _sources(past: Past, draw: Draw, job: Ints) -> tuple[Ints, Ints, Floats, Floats]:
    """Past rows, and head and tail, of the steps of a draw.

    Where a lever has moved steps within their orders, they are found again by their operation.
    """
    work, row = draw.work, draw.row
    if np.array_equal(work.operation, past.kind[row]):
        return row, draw.setup_row, draw.head_s, draw.tail_s
    was = np.lexsort((np.arange(len(job)), past.kind[row], job))
    now = np.lexsort((np.arange(len(job)), work.operation, job))
    place = np.empty(len(job), np.int64)
    place[now] = was
    still = np.zeros(len(job))
    return row[place], draw.setup_row[place], still, still


def _named(names: tuple[str, ...], codes: Ints) -> pl.Series:
    table = pl.Series("names", [*names, None], dtype=pl.String)
    return table.gather(np.where(codes < 0, len(names), codes))


def _utc(name: str, zone: str) -> pl.Expr:
    """Seconds on the plant's clock as UTC; of an hour that clocks skip its end, of a double hour the first is meant."""
    wall = pl.lit(ZERO).cast(pl.Datetime("ns")) + pl.duration(
        nanoseconds=(pl.col(name).fill_nan(None) * 1e3).round().cast(pl.Int64) * 1_000_000
    )
    half = wall.dt.truncate("30m")
    tries = (
        wall,
        half.dt.offset_by("30m"),
        half.dt.offset_by("60m"),
    )  # skipped: its end, lest work end before it begins
    zoned = [one.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null") for one in tries]
    return pl.coalesce(zoned).dt.convert_time_zone("UTC")


def _marked(frame: pl.DataFrame, past: Past) -> pl.DataFrame:
    """With the artificial first and last events that the records have."""
    parts = [frame]
    for marker, at in ((past.opening, "start_s"), (past.closing, "end_s")):
        if marker is None or not frame.height:
            continue
        time = pl.col(at).min() if at == "start_s" else pl.col(at).max()
        rows = frame.group_by("order", maintain_order=True).agg(
            pl.col("product", "order_quantity", "released_s", "due_s").first(), time.alias("start_s")
        )
        rows = rows.with_columns(
            end_s=pl.col("start_s"),
            event=pl.lit(-1, pl.Int64),
            operation=pl.lit(marker[0]),
            activity=pl.lit(marker[0]),
            machine=pl.lit(marker[1], pl.String),
            person=pl.lit(marker[2], pl.String),
            report=pl.lit("production"),
            good=pl.lit(None, pl.Float64),
            scrap=pl.lit(None, pl.Float64),
            rework=pl.lit(None, pl.Float64),
            is_rework=pl.lit(value=False),
        ).select(frame.columns)
        parts = [rows, *parts] if at == "start_s" else [*parts, rows]
    return pl.concat(parts)
