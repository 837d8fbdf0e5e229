"""A drawn run of the mechanism: arrays for the kernel, and what they mean on the way back to a work log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.decide.twin.mechanism.stretches import stretches
from zhizao.decide.twin.mechanism.week import SLOT_S, SLOTS, WEEK_S, Week
from zhizao.decide.twin.records import ZERO
from zhizao.decide.twin.shop import Floats, Ints, Policy, Shop, Trace, Work
from zhizao.model import WORKLOG_SCHEMA, WorkLog

__all__ = ["Scene", "pieces_reported", "worklog_of"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scene:
    """One run, ready to be simulated under any levers.

    Parameters
    ----------
    shop, work, policy : for the kernel; the policy is the one the plant is run by now
    operations, products, orders : names by code, (J,) for orders
    zone, zero_s : plant's zone, and clock seconds at kernel time 0
    horizon_s : how long calendars are laid out
    window_s : when the records end, on the kernel's clock: what is seen of a run is seen up to then
    machine_week : (M, 336) hours of each machine as learned
    members : people of each post (names), by shift
    member_week, member_code : (P, 336) hours of each person as learned, and the row of each by name
    labels : (O, M) label that the records use for an operation on a machine, by (operation, machine) index into `names`
    names : labels by code
    rework : (S,) step does again what was done badly
    inspects : (O,) operations that find what others made
    lost_u, late_u : (S,) uniform draws for bad pieces noticed at once and found later for scrap
    lost_rate, late_rate : (options,) probabilities of them, beside `work.option_defect` (found later, mended)
    told : whether the records hold quantities
    due_known, release_known : whether the records hold these times
    """

    shop: Shop
    work: Work
    policy: Policy
    operations: tuple[str, ...]
    products: tuple[str, ...]
    orders: tuple[str, ...]
    zone: str
    zero_s: float
    horizon_s: float
    window_s: float
    machine_week: Week
    members: tuple[tuple[str, ...], ...]
    member_week: Week
    member_code: dict[str, int]
    labels: Ints
    names: tuple[str, ...]
    rework: Flags
    inspects: Flags
    lost_u: Floats
    late_u: Floats
    lost_rate: Floats
    late_rate: Floats
    told: bool
    due_known: bool
    release_known: bool
    people_are_machines: bool = False


def worklog_of(scene: Scene, trace: Trace) -> WorkLog:
    """What the shop of a trace would have reported: a set-up row where there was one, and a production row, per step."""
    work = scene.work
    job = np.repeat(np.arange(len(work.release_s)), np.diff(work.first))
    done = np.flatnonzero(np.isfinite(trace.end_s) & (trace.end_s >= 0))
    good, scrap, again = pieces_reported(scene, trace)
    begin, start, end = trace.setup_start_s[done], trace.start_s[done], trace.end_s[done]
    begin = np.where(np.isfinite(begin), begin, start)
    machine, post = trace.machine[done], trace.person[done]
    cuts = _changes_of_shift(scene, float(end.max(initial=0.0)))
    had = np.flatnonzero(start - begin > 1.0)
    of_setup, setup_a, setup_b = stretches(scene.shop, machine[had], post[had], begin[had], start[had], cuts)
    of_work, work_a, work_b = stretches(scene.shop, machine, post, start, np.maximum(end, start), cuts)
    at = np.concatenate([had[of_setup], of_work]).astype(np.int64)
    low, high = np.concatenate([setup_a, work_a]), np.concatenate([setup_b, work_b])
    is_setup = np.arange(len(at)) < len(of_setup)
    # pieces are reported with the last stretch of the work
    last = np.concatenate([np.zeros(len(of_setup), bool), np.diff(of_work) > 0, np.ones(min(len(of_work), 1), bool)])
    step = done[at]
    mine, op, machine = job[step], work.operation[step], trace.machine[step]
    label = scene.labels[op, np.maximum(machine, 0)]
    virtual = np.array([name.startswith("(") for name in scene.shop.machines] + [True])
    named = _texts(scene.shop.machines, np.where(virtual[machine], -1, machine))
    told = ~is_setup & scene.told

    def reported(pieces: Floats) -> pl.Series:
        return pl.Series(np.where(told, np.where(last, pieces[step], 0.0), np.nan)).fill_nan(None)

    known = work.release_s if scene.release_known else np.full(len(work.release_s), np.nan)
    due = np.where(np.isfinite(work.due_s), work.due_s, np.nan)
    frame = pl.DataFrame(
        {
            "event": np.full(len(step), -1),
            "order": _texts(scene.orders, mine),
            "product": _texts(scene.products, work.product[mine]),
            "operation": _texts(scene.operations, op),
            "activity": _texts(scene.names, label),
            "machine": _texts((), np.full(len(step), -1)) if scene.people_are_machines else named,
            "person": named if scene.people_are_machines else _who(scene, trace.person[step], low),
            "report": _texts(("setup", "production"), np.where(is_setup, 0, 1)),
            "is_rework": scene.rework[step],
            "good": reported(good),
            "scrap": reported(scrap),
            "rework": reported(again),
            "order_quantity": work.quantity[mine],
            "start": _utc(low, scene),
            "end": _utc(high, scene),
            "released": _utc(known, scene).gather(mine),
            "due": _utc(due, scene).gather(mine),
        }
    )
    return WorkLog.of(frame.select(*WORKLOG_SCHEMA), scene.zone)


def _texts(names: Sequence[str | None], code: Ints) -> pl.Series:
    """Names by code; nothing for -1."""
    table = pl.Series([None, *names], dtype=pl.String)
    return table.gather(code + 1)


def _changes_of_shift(scene: Scene, until_s: float) -> Floats:
    """Times at which some member of a post comes or goes, seconds from kernel time 0."""
    week = scene.member_week
    if not scene.members or not len(week):
        return np.empty(0)
    edge = np.flatnonzero((week != np.roll(week, 1, axis=1)).any(axis=0)) * SLOT_S
    weeks = np.arange(np.floor(scene.zero_s / WEEK_S), np.ceil((scene.zero_s + until_s) / WEEK_S) + 1)
    times: Floats = (weeks[:, None] * WEEK_S + edge[None, :]).ravel() - scene.zero_s
    return times


def _utc(after_s: Floats, scene: Scene) -> pl.Series:
    """Times so many seconds after kernel time 0, to the millisecond, from the plant's clock; nothing for nan."""
    zero = ZERO + timedelta(seconds=scene.zero_s)
    milliseconds = (pl.Series(after_s).fill_nan(None) * 1e3).round().cast(pl.Int64)
    wall = milliseconds.cast(pl.Duration("ms")).cast(pl.Duration("ns")) + pl.Series([zero]).cast(pl.Datetime("ns"))
    there = _in_zone(wall, scene.zone)
    if there.null_count() > wall.null_count():
        # the hour that the clock leaves out in spring is its end, lest work end before it begins
        half = wall.dt.truncate("30m")
        for later in ("30m", "60m"):
            there = there.zip_with(there.is_not_null(), _in_zone(half.dt.offset_by(later), scene.zone))
    return there.dt.convert_time_zone("UTC")


def _in_zone(wall: pl.Series, zone: str) -> pl.Series:
    return wall.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")


def _who(scene: Scene, post: Ints, start_s: Floats) -> pl.Series:
    """Name of the member of the post who is at work when a step begins."""
    if not scene.members:
        return _texts((), np.full(len(post), -1))
    slot = (np.floor((scene.zero_s + start_s) / SLOT_S).astype(np.int64)) % SLOTS
    most = max(len(one) for one in scene.members)
    table = np.full((len(scene.members), SLOTS), 0, np.int64)
    for at, members in enumerate(scene.members):
        for place in range(len(members) - 1, -1, -1):
            on = scene.member_week[scene.member_code[members[place]]]
            table[at, on] = place
    names: list[str | None] = []
    for members in scene.members:
        names.extend([*members, *[None] * (most - len(members))])
    return _texts(names, np.where(post >= 0, post * most + table[np.maximum(post, 0), slot], -1))


def pieces_reported(scene: Scene, trace: Trace) -> tuple[Floats, Floats, Floats]:
    """Good pieces, scrap and pieces to be done again that each step reports."""
    from scipy.stats import binom

    work = scene.work
    job = np.repeat(np.arange(len(work.release_s)), np.diff(work.first))
    steps = len(work.operation)
    none = np.full(steps, np.nan)
    if not scene.told or not steps:
        return none, none, none
    done = np.isfinite(trace.end_s) & (trace.end_s >= 0)
    option = _option_used(work, trace)
    factor = (
        np.where(trace.person >= 0, work.person_defect[np.maximum(trace.person, 0)], 1.0)
        if len(work.person_defect)
        else 1.0
    )
    pieces = np.maximum(np.round(work.pieces), 0.0)
    lost_p = np.where(option >= 0, scene.lost_rate[np.maximum(option, 0)], 0.0) * factor
    late_p = np.where(option >= 0, scene.late_rate[np.maximum(option, 0)], 0.0) * factor
    lost = np.where(done, binom.ppf(scene.lost_u, pieces, np.clip(lost_p, 0, 1)), 0.0)
    late = np.where(done, binom.ppf(scene.late_u, pieces, np.clip(late_p, 0, 1)), 0.0)
    mend = np.where(done, np.nan_to_num(np.maximum(trace.bad, 0.0)), 0.0)
    looks = scene.inspects[work.operation] & ~scene.rework
    maker = ~scene.inspects[work.operation] & ~scene.rework
    # sums since the last inspection of the job
    cut = np.concatenate([[True], (job[1:] != job[:-1]) | looks[:-1]])
    group = np.cumsum(cut) - 1
    found_late = np.bincount(group, np.where(maker, late, 0.0))[group]
    found_mend = np.bincount(group, np.where(maker, mend, 0.0))[group]
    has_look = np.bincount(group, (looks & done).astype(float))[group] > 0
    scrap = np.where(looks, found_late, np.where(maker, lost + np.where(has_look, 0.0, late), 0.0))
    again = np.where(looks, found_mend, np.where(maker & ~has_look, mend, 0.0))
    scrap = np.where(done, scrap, 0.0)
    gone = np.cumsum(scrap)
    before = gone - scrap
    start = before[np.minimum(work.first[:-1], steps - 1)][job]
    left = np.maximum(work.quantity[job] - (before - start), 0.0)
    mended = np.where(work.gate >= 0, np.maximum(mend[np.maximum(work.gate, 0)], 1.0), 0.0)
    entered = np.where(scene.rework, mended, left)
    scrap = np.minimum(scrap, entered)
    again = np.minimum(again, entered - scrap)
    return entered - scrap - again, scrap, again


def _option_used(work: Work, trace: Trace) -> Ints:
    """Index of the option that each step used, -1 = none."""
    sizes = np.diff(work.option_ptr)
    step = np.repeat(np.arange(len(sizes)), sizes)
    used = np.full(len(sizes), -1)
    hit = np.flatnonzero(work.option_machine == trace.machine[step])
    used[step[hit]] = hit
    return used
