"""Putting a draw together: steps that take after past rows become the arrays that the kernel runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.demand import released
from zhizao.decide.twin.draw import Draw
from zhizao.decide.twin.hours import Hours, intervals
from zhizao.decide.twin.options import Options, expand
from zhizao.decide.twin.records import WEEK_S, Past, to_time
from zhizao.decide.twin.shop import Floats, Ints, Policy, Shop, Work
from zhizao.decide.twin.timing import Timing

__all__ = ["Parts", "compose"]

ROOM = 6.0
"""A run without an end is given hours for so many times the longest recorded case."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a twin has learned that a draw needs."""

    past: Past
    hours: Hours
    capacity: Ints
    timing: Timing
    delay_factor: Floats
    options: Options
    rules: Ints
    defect: Floats


def compose(
    parts: Parts,
    *,
    wip: tuple[Ints, Ints, Floats],
    fresh: tuple[Ints, Floats, Ints, Ints],
    zero_s: float,
    start_s: float,
    until_s: float | None,
    rng: np.random.Generator,
) -> Draw:
    """Arrays of one run.

    Parameters
    ----------
    wip : case and past row of each remaining step of the work in progress, and (C,) seconds left of or before the first
    fresh : past case that each new order takes after (sorted by time), its release, and order and row of its steps
    zero_s, start_s, until_s : kernel time 0, begin and end of the window, on the plant's clock
    """
    past, timing = parts.past, parts.timing
    old_order, old_row, lead = wip
    donor, time, new_order, new_row = fresh
    old, old_job = np.unique(old_order, return_inverse=True)
    row = np.concatenate([old_row, new_row])
    job = np.concatenate([old_job, new_order + len(old)])
    ranked = np.argsort(job, kind="stable")
    row, job = row[ranked], job[ranked]
    jobs = len(old) + len(donor)
    first = np.searchsorted(job, np.arange(jobs + 1)).astype(np.int64)
    takes_after = np.concatenate([old, donor])
    release = np.concatenate([np.full(len(old), -1.0), time - zero_s])
    came = released(past)
    quantity = np.where(np.isnan(past.quantity), 1.0, past.quantity)[takes_after]
    allowed = (past.due_s - came)[takes_after]
    due = np.concatenate([past.due_s[old] - zero_s, release[len(old) :] + allowed[len(old) :]])
    kind, machine = past.kind[row], past.machine[row]
    own = past.quantity[past.case[row]]
    ratio = np.where((own > 0) & (past.quantity[takes_after][job] > 0), quantity[job] / own, 1.0)
    run = timing.run_s[row] * np.where(np.isnan(ratio), 1.0, ratio) ** timing.size[kind]
    delay = timing.delay_s[row] * parts.delay_factor[machine]
    head, tail = timing.head_s[row], timing.tail_s[row]
    begins = first[: len(old)]
    under_way = lead[old] < 0
    run[begins[under_way]] = -lead[old][under_way]
    delay[begins] = np.where(under_way, 0.0, lead[old])
    head[begins], tail[begins] = 0.0, 0.0
    told = np.nan_to_num(past.good[row]) + np.nan_to_num(past.scrap[row]) + np.nan_to_num(past.again[row])
    pieces = np.where(told > 0, np.round(told * np.where(np.isnan(ratio), 1.0, ratio)), quantity[job])
    running = np.concatenate([under_way, np.zeros(len(donor), bool)])
    prepares = np.array([one.report == "setup" for one in past.kinds])[kind]
    operation = np.unique([one.operation for one in past.kinds], return_inverse=True)[1][kind]
    merged = np.zeros(len(row), bool)  # a set-up right before its work is part of that step
    merged[:-1] = prepares[:-1] & ~prepares[1:] & (job[1:] == job[:-1]) & (operation[1:] == operation[:-1])
    merged[begins] = False
    after = np.flatnonzero(merged) + 1
    setup_fixed, setup_row = np.zeros(len(row)), np.full(len(row), -1)
    setup_fixed[after], setup_row[after] = run[merged], row[merged]
    delay[after], head[after], tail[after] = delay[merged], 0.0, 0.0
    keep = ~merged
    row, job, kind, machine, run, delay = row[keep], job[keep], kind[keep], machine[keep], run[keep], delay[keep]
    head, tail, pieces, setup_fixed, setup_row = (
        head[keep],
        tail[keep],
        pieces[keep],
        setup_fixed[keep],
        setup_row[keep],
    )
    first = np.searchsorted(job, np.arange(jobs + 1)).astype(np.int64)
    horizon = until_s - zero_s if until_s is not None else _room(past, release)
    ptr, on, off = intervals(parts.hours, zero_s, zero_s + horizon + WEEK_S, rng)
    machines = len(past.machines)
    shop = Shop(
        machines=past.machines,
        people=(),
        capacity=parts.capacity,
        multitask=np.empty(0, np.int64),
        calendar_ptr=ptr,
        on_s=on,
        off_s=off,
        machine_calendar=np.arange(machines),
        person_calendar=np.empty(0, np.int64),
        skill_ptr=np.zeros(1, np.int64),
        skill_person=np.empty(0, np.int64),
        setup_s=np.zeros((0, 0)),
        mtbf_s=np.zeros(machines),
        mttr_s=np.zeros(machines),
    )
    steps = len(row)
    option_ptr, option_machine, option_factor = expand(past, parts.options, timing.factor, row)
    work = Work(
        release_s=release,
        due_s=np.where(np.isnan(due), np.inf, due),
        weight=np.ones(jobs),
        quantity=quantity,
        product=past.product[takes_after],
        first=first,
        operation=kind,
        run_s=run,
        setup_fixed_s=setup_fixed,
        family=np.full(steps, -1),
        delay_s=delay,
        delay_worktime=np.ones(steps, bool),
        skill=np.full(steps, -1),
        option_ptr=option_ptr,
        option_machine=option_machine,
        option_factor=option_factor,
        option_defect=parts.defect[np.repeat(kind, np.diff(option_ptr)), option_machine],
        person_defect=np.empty(0),
        defect_u=rng.random(steps),
        pieces=pieces,
        gate=np.full(steps, -1),
        running=running,
        running_person=np.full(jobs, -1),
    )
    names = [past.orders[c] for c in old] + [f"sim {i + 1:05}" for i in range(len(donor))]
    return Draw(
        shop=shop,
        work=work,
        policy=Policy(rule=parts.rules),
        zero_s=zero_s,
        start_ns=int(to_time(zero_s, past.zone).timestamp() * 1e9),
        horizon_s=horizon + WEEK_S,
        zone=past.zone,
        start_s=start_s,
        until_s=until_s,
        orders=tuple(names),
        products=past.products,
        operations=tuple(kind.name for kind in past.kinds),
        fresh=np.concatenate([np.zeros(len(old), bool), time >= start_s]),
        row=row,
        setup_row=setup_row,
        head_s=head,
        tail_s=tail,
    )


def _room(past: Past, release: Floats) -> float:
    """Seconds of working hours that a run to the end may need."""
    longest = float((past.finish_s - past.begin_s).max())
    return float(release.max(initial=0.0)) + ROOM * longest + 8 * WEEK_S
