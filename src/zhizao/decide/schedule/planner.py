"""Between the twin and the scheduler: what a planner knows of a shop at a time, and a schedule as orders to the floor.

Nothing here looks into the future of a run: of the work only orders released by now, expected durations, and what a
trace shows to have begun or ended by now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from zhizao.decide.schedule.problem import FOREVER, Ints, Objective, Problem
from zhizao.decide.schedule.schedule import Schedule
from zhizao.decide.twin.shop import Floats, Shop, Trace, Work

if TYPE_CHECKING:
    import polars as pl

__all__ = ["choices", "dispatch_list", "of_shop", "planned", "priorities"]

LEAST_LEFT = 0.05
"""Share of its expected time that an operation is taken to need still when it has already used all of it."""

LIKELY = 0.5
"""Probability from which on a step that is done only after bad pieces (rework) is planned for."""

WEEK_S = 7 * 86_400

Planned = tuple[Floats, Ints]


def of_shop(
    shop: Shop,
    work: Work,
    now_s: float,
    *,
    trace: Trace | None = None,
    objective: Objective | None = None,
    before: Planned | None = None,
    people: bool = True,
) -> Problem:
    """What a planner would know of the twin's shop at a time, as a problem that starts then.

    Orders released by now and not finished; for each the steps still to be done, at their expected durations. Steps
    under way are frozen with what is expected to be left of them. Rework counts when it is known or likely. A machine
    that takes several orders at once appears as several. Hours of machines are cut by the hours of the people who can
    work on them; a group of people is those who share skills, as many as are at work together at most.

    Parameters
    ----------
    shop, work : the twin's arrays; durations are `work.expected_s` (`run_s` where that is empty)
    now_s : now, in seconds of the run; time 0 of the problem
    trace : what has happened so far in the run; entries after `now_s` are not looked at. None = nothing has, but for
        jobs that `work.running` says are under way at time 0
    objective : None = weighted tardiness, and the total flow time at a fifth of it
    before : planned start of each step (seconds of the run, nan = none) and its machine, as `planned` gives them
    people : False leaves groups of people out

    Returns
    -------
    Problem whose `steps` are the steps of the work
    """
    steps, begun, first_delay = _open_steps(shop, work, now_s, trace)
    copies = np.maximum(shop.capacity, 1)
    offset = np.concatenate([[0], np.cumsum(copies)]).astype(np.int64)
    names = tuple(
        shop.machines[k] if copies[k] == 1 else f"{shop.machines[k]}#{c + 1}"
        for k in range(len(shop.machines))
        for c in range(int(copies[k]))
    )
    job_of = np.repeat(np.arange(len(work.first) - 1), np.diff(work.first))
    jobs = np.unique(job_of[steps])
    expected = work.expected_s if work.expected_s.size else work.run_s
    machines, seconds, sizes = [], [], []
    frozen = np.full(len(steps), -1, np.int64)
    taken = np.zeros(int(offset[-1]), bool)
    for at, step in enumerate(steps.tolist()):
        options = range(int(work.option_ptr[step]), int(work.option_ptr[step + 1]))
        mine: list[int] = []
        times: list[int] = []
        if step in begun:
            machine, since = begun[step]
            left = _left(shop, work, step, machine, since, now_s, float(expected[step]))
            copy = -1
            if machine >= 0:
                places = [c for c in range(int(offset[machine]), int(offset[machine + 1])) if not taken[c]]
                copy = places[0] if places else -1
            if copy >= 0:
                taken[copy] = True
            mine, times, frozen[at] = [copy], [left], 0
        elif not options:
            mine, times = [-1], [_whole(float(expected[step] + work.setup_fixed_s[step]))]
        else:
            for o in options:
                machine = int(work.option_machine[o])
                time = _whole(float(expected[step] * work.option_factor[o] + work.setup_fixed_s[step]))
                for c in range(int(offset[machine]), int(offset[machine + 1])):
                    mine.append(c)
                    times.append(time)
        machines += mine
        seconds += times
        sizes.append(len(mine))
    due = work.due_s[jobs]
    due_s = np.where(
        np.isfinite(due), np.clip(np.rint(np.nan_to_num(due, posinf=0.0) - now_s), -FOREVER, FOREVER), FOREVER
    )
    weights, scale = _weights(work.weight[jobs])
    goal = objective or Objective(makespan=0, tardiness=1, flow=0.2 * max(len(jobs), 1))
    closed, group, sizes_of = _hours_and_people(shop, work, steps, machines, sizes, now_s, offset, people)
    idle = np.minimum.reduceat(seconds, np.cumsum([0, *sizes[:-1]])) == 0 if sizes else np.zeros(0, bool)
    group = np.where(idle, -1, group)
    fitted = _fitted(shop, work, now_s, trace)
    previous = None
    if before is not None:
        known = np.isfinite(before[0][steps])
        start = np.where(known, np.maximum(np.nan_to_num(before[0][steps]) - now_s, 0), -1).astype(np.int64)
        where = np.where(before[1][steps] >= 0, offset[np.maximum(before[1][steps], 0)], -1)
        previous = (start, where)
    return Problem(
        first=np.concatenate([[0], np.cumsum(np.bincount(np.searchsorted(jobs, job_of[steps]), minlength=len(jobs)))]),
        option_ptr=np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))]),
        option_machine=np.array(machines, np.int64),
        option_s=np.array(seconds, np.int64),
        machines=names,
        jobs=tuple(f"J{j}" for j in jobs),
        due_s=due_s.astype(np.int64),
        weight=weights,
        delay_s=first_delay,
        family=np.where(work.family[steps] < len(shop.setup_s), work.family[steps], -1),
        setup_s=np.rint(shop.setup_s).astype(np.int64),
        machine_family=np.repeat(fitted, copies),
        closed=closed,
        spans=np.ones(len(steps), bool),
        frozen_s=frozen,
        group=group,
        group_size=sizes_of,
        objective=Objective(
            goal.makespan, goal.tardiness / scale, goal.flow, goal.setup, goal.change, goal.moved
        ),
        before=previous,
        steps=steps,
    )  # fmt: skip


def _whole(seconds: float) -> int:
    return max(round(seconds), 1) if seconds > 0 else 0


def _weights(weight: Floats) -> tuple[Ints, float]:
    """Weights as whole numbers and what they were multiplied by."""
    scale = 1.0 if np.all(weight == np.rint(weight)) else 100.0
    return np.maximum(np.rint(weight * scale), 0).astype(np.int64), scale


def _open_steps(
    shop: Shop, work: Work, now_s: float, trace: Trace | None
) -> tuple[Ints, dict[int, tuple[int, float]], Ints]:
    """Steps still to be done, those under way (machine, since), and the waits before steps."""
    keep: list[int] = []
    delay: list[int] = []
    begun: dict[int, tuple[int, float]] = {}
    chance = _chance_of_rework(work)
    for j in np.flatnonzero(work.release_s <= now_s).tolist():
        a, b = int(work.first[j]), int(work.first[j + 1])
        reached = a
        free_at = float(work.release_s[j])
        under_way = -1
        if trace is not None:
            start = np.fmin(trace.setup_start_s[a:b], trace.start_s[a:b])
            seen = np.flatnonzero(start <= now_s)
            if len(seen):
                reached = a + int(seen[-1])
                end = float(trace.end_s[reached])
                if np.isfinite(end) and end <= now_s:
                    free_at, reached = end, reached + 1
                else:
                    under_way = reached
                    begun[reached] = (int(trace.machine[reached]), float(start[reached - a]))
        elif work.running[j] and now_s < 1e-9 and a < b:
            under_way = a
            options = work.option_machine[work.option_ptr[a] : work.option_ptr[a + 1]]
            begun[a] = (int(options[0]) if len(options) else -1, float("nan"))
        first = True
        for step in range(reached, b):
            gate = int(work.gate[step])
            if step != under_way and gate >= 0:
                known = trace is not None and bool(trace.end_s[gate] <= now_s)
                if trace is not None and known:
                    if not trace.bad[gate] > 0:
                        continue
                elif chance[gate] < LIKELY:
                    continue
            wait = float(work.delay_s[step])
            if work.delay_worktime[step]:
                wait *= _stretch(shop, work, step, now_s)
            if first and step != under_way:
                wait = max(free_at + wait - now_s, 0.0)
            first = False
            keep.append(step)
            delay.append(0 if step == under_way else round(wait))
    return np.array(keep, np.int64), begun, np.array(delay, np.int64)


def _chance_of_rework(work: Work) -> Floats:
    """(S,) probability that a step makes at least one bad piece, at the mean of its options."""
    counts = np.diff(work.option_ptr)
    step = np.repeat(np.arange(len(counts)), counts)
    mean = np.bincount(step, work.option_defect, len(counts)) / np.maximum(counts, 1)
    chance: Floats = 1.0 - (1.0 - np.clip(mean, 0, 1)) ** np.maximum(work.pieces, 0)
    return chance


def _calendar(shop: Shop, calendar: int) -> tuple[Floats, Floats]:
    if calendar < 0:
        return np.array([-np.inf]), np.array([np.inf])
    a, b = int(shop.calendar_ptr[calendar]), int(shop.calendar_ptr[calendar + 1])
    return shop.on_s[a:b], shop.off_s[a:b]


def _worked(shop: Shop, machine: int, start: float, end: float) -> float:
    on, off = _calendar(shop, int(shop.machine_calendar[machine]) if machine >= 0 else -1)
    return float(np.maximum(np.minimum(off, end) - np.maximum(on, start), 0).sum())


def _stretch(shop: Shop, work: Work, step: int, now_s: float) -> float:
    """Seconds that pass for one second of the step's working hours, over the next four weeks."""
    options = work.option_machine[work.option_ptr[step] : work.option_ptr[step + 1]]
    if not len(options):
        return 1.0
    worked = _worked(shop, int(options[0]), now_s, now_s + 4 * WEEK_S)
    return min(4 * WEEK_S / worked, 20.0) if worked > 0 else 1.0


def _left(shop: Shop, work: Work, step: int, machine: int, since: float, now_s: float, expected: float) -> int:
    """Seconds of work that an operation under way is expected to need still."""
    if not np.isfinite(since):
        return _whole(max(expected, 1.0))
    factor = 1.0
    for o in range(int(work.option_ptr[step]), int(work.option_ptr[step + 1])):
        if work.option_machine[o] == machine:
            factor = float(work.option_factor[o])
    whole = expected * factor + float(work.setup_fixed_s[step])
    return _whole(max(whole - _worked(shop, machine, since, now_s), LEAST_LEFT * whole, 1.0))


def _fitted(shop: Shop, work: Work, now_s: float, trace: Trace | None) -> Ints:
    """(M,) family that each machine is set up for now."""
    count = len(shop.machines)
    fitted = work.machine_family.copy() if work.machine_family.size else np.full(count, -1, np.int64)
    if trace is not None:
        begun = np.fmin(trace.setup_start_s, trace.start_s)
        seen = np.flatnonzero((begun <= now_s) & (trace.machine >= 0) & (work.family >= 0))
        for step in seen[np.argsort(begun[seen], kind="stable")].tolist():
            fitted[trace.machine[step]] = work.family[step]
    return np.where(fitted < len(shop.setup_s), fitted, -1)


def _hours_and_people(
    shop: Shop, work: Work, steps: Ints, machines: Sequence[int], sizes: Sequence[int], now_s: float, offset: Ints,
    people: bool,
) -> tuple[tuple[tuple[tuple[int, int], ...], ...], Ints, Ints]:  # fmt: skip
    """Closed intervals of each machine, group of each operation, size of each group."""
    group = np.full(len(steps), -1, np.int64)
    group_size: list[int] = []
    skill = work.skill[steps]
    crew: dict[int, set[int]] = {}  # machine of the shop -> people who can work on it
    if people and len(shop.people):
        able = [
            set(shop.skill_person[a:b].tolist()) for a, b in zip(shop.skill_ptr[:-1], shop.skill_ptr[1:], strict=True)
        ]
        used = sorted({int(k) for k in skill if k >= 0})
        pools: list[tuple[set[int], set[int]]] = []  # skills that share people, and those people
        for k in used:
            joined = ({k}, set(able[k]))
            rest = []
            for skills, members in pools:
                if members & joined[1]:
                    joined = (joined[0] | skills, joined[1] | members)
                else:
                    rest.append((skills, members))
            pools = [*rest, joined]
        for skills, members in pools:
            size = _most_at_work(shop, sorted(members), now_s)
            if members and size < len(steps):
                group[np.isin(skill, list(skills))] = len(group_size)
                group_size.append(max(size, 1))
        at = 0
        for i, size in enumerate(sizes):
            for copy in machines[at : at + size]:
                if copy >= 0 and skill[i] >= 0 and able[int(skill[i])]:
                    crew.setdefault(int(np.searchsorted(offset, copy, side="right")) - 1, set()).update(
                        able[int(skill[i])]
                    )
            at += size
    closed = []
    for k in range(len(shop.machines)):
        spans = [_calendar(shop, int(shop.machine_calendar[k]))]
        if k in crew:
            present = [_calendar(shop, int(shop.person_calendar[p])) for p in sorted(crew[k])]
            spans.append((np.concatenate([on for on, _ in present]), np.concatenate([off for _, off in present])))
        shut = _closed(spans, now_s)
        closed += [shut] * int(offset[k + 1] - offset[k])
    return tuple(closed), group, np.array(group_size, np.int64)


def _most_at_work(shop: Shop, members: Sequence[int], now_s: float) -> int:
    """Orders that the people can attend at once, at the best moment of the next two weeks."""
    edges: list[tuple[float, int]] = []
    for p in members:
        on, off = _calendar(shop, int(shop.person_calendar[p]))
        for a, b in zip(on.tolist(), off.tolist(), strict=True):
            if b > now_s and a < now_s + 2 * WEEK_S:
                edges += [(a, int(shop.multitask[p])), (b, -int(shop.multitask[p]))]
    edges.sort()
    busy = np.cumsum([step for _, step in edges]) if edges else np.zeros(1)
    return int(busy.max())


def _closed(spans: Sequence[tuple[Floats, Floats]], now_s: float) -> tuple[tuple[int, int], ...]:
    """Closed intervals from now on: outside the union of each of the given sets of hours; open after the last of them."""
    shut: list[tuple[int, int]] = []
    for on, off in spans:
        order = np.argsort(on, kind="stable")
        t = 0
        for a, b in zip(on[order].tolist(), off[order].tolist(), strict=True):
            if b <= now_s:
                continue
            start = round(max(a - now_s, 0.0)) if np.isfinite(a) else 0
            if start > t:
                shut.append((t, start))
            t = max(t, round(b - now_s) if np.isfinite(b) else FOREVER)
    shut.sort()
    merged: list[tuple[int, int]] = []
    for a, b in shut:
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], b))
        else:
            merged.append((a, b))
    return tuple(merged)


def priorities(problem: Problem, schedule: Schedule, steps: int, *, others: Floats | None = None) -> Floats:
    """Sequence of a schedule for the kernel's rule `sequence`: the rank of each step's start.

    Parameters
    ----------
    problem, schedule : the plan, made by `of_shop`
    steps : number of steps of the work
    others : (S,) order among steps that the plan does not hold (due dates, releases); they come after all that it does

    Returns
    -------
    (S,) smaller goes first, always finite

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem.of_jobs([[{0: 3}], [{0: 2}]], machines=1, steps=[4, 2])
    >>> plan = Schedule(*(np.array(x) for x in ([0, 1], [2, 0], [5, 2], [0, 0])))
    >>> priorities(problem, plan, 5).tolist()
    [2.0, 3.0, 0.0, 4.0, 1.0]
    """
    out = np.full(steps, np.nan)
    rank = np.lexsort((np.arange(problem.operations), schedule.end_s, schedule.start_s))
    out[problem.steps[rank]] = np.arange(problem.operations, dtype=float)
    missing = np.flatnonzero(np.isnan(out))
    key = np.zeros(steps) if others is None else others
    out[missing[np.argsort(key[missing], kind="stable")]] = problem.operations + np.arange(len(missing), dtype=float)
    return out


def planned(problem: Problem, schedule: Schedule, shop: Shop, steps: int, now_s: float) -> Planned:
    """A schedule in the terms of the work: what `of_shop` takes as `before` when it plans the next time.

    Parameters
    ----------
    problem, schedule : the plan, made by `of_shop` at `now_s`
    shop : the twin's shop
    steps : number of steps of the work
    now_s : when the plan was made, in seconds of the run

    Returns
    -------
    (S,) planned start in seconds of the run, nan = not planned; (S,) machine of the shop, -1 = none
    """
    start, machine = np.full(steps, np.nan), np.full(steps, -1, np.int64)
    start[problem.steps] = schedule.start_s + now_s
    shop_machine = np.repeat(np.arange(len(shop.machines)), np.maximum(shop.capacity, 1))
    copy = schedule.machine(problem)
    machine[problem.steps] = np.where(copy >= 0, shop_machine[np.maximum(copy, 0)] if len(shop_machine) else -1, -1)
    return start, machine


def choices(problem: Problem, schedule: Schedule, shop: Shop, work: Work) -> Ints:
    """Machines of a schedule for `Policy.assigned`: the option of each step, -1 = any (steps that it does not hold)."""
    _, machine = planned(problem, schedule, shop, len(work.run_s), 0.0)
    out = np.full(len(work.run_s), -1, np.int64)
    for step in problem.steps.tolist():
        for o in range(int(work.option_ptr[step]), int(work.option_ptr[step + 1])):
            if work.option_machine[o] == machine[step]:
                out[step] = o
                break
    return out


def dispatch_list(
    problem: Problem,
    schedule: Schedule,
    *,
    orders: Sequence[str] | None = None,
    operations: Sequence[str] | None = None,
) -> pl.DataFrame:
    """What each machine does in which order: the list for Monday.

    Parameters
    ----------
    problem, schedule : the plan
    orders : name of each job; the problem's own when None
    operations : name of each operation, length N; its place in the job when None

    Returns
    -------
    frame with machine, turn (1, 2, ... on that machine), order, operation, setup_s, start_s, end_s (seconds from the
    moment of planning), late_s (lateness of the order at the end of its last operation, 0 elsewhere)

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem.of_jobs([[{0: 3}], [{0: 2}]], machines=["lathe"], jobs=["A", "B"])
    >>> plan = Schedule(*(np.array(x) for x in ([0, 1], [2, 0], [5, 2], [0, 0])))
    >>> dispatch_list(problem, plan).select("turn", "order", "start_s").rows()
    [(1, 'B', 0), (2, 'A', 2)]
    """
    import polars as pl

    machine = schedule.machine(problem)
    rank = np.lexsort((schedule.end_s, schedule.start_s, machine))
    turn: dict[int, int] = {}
    rows = []
    for i in rank.tolist():
        k, job = int(machine[i]), int(problem.job[i])
        turn[k] = turn.get(k, 0) + 1
        last = i + 1 == problem.first[job + 1]
        late = max(int(schedule.end_s[i] - problem.due_s[job]), 0) if last and problem.due_s[job] < FOREVER else 0
        rows.append(
            (
                problem.machines[k] if k >= 0 else "",
                turn[k],
                (orders or problem.jobs)[job],
                operations[i] if operations is not None else str(i - int(problem.first[job]) + 1),
                int(schedule.setup_s[i]),
                int(schedule.start_s[i]),
                int(schedule.end_s[i]),
                late,
            )
        )
    schema = {
        "machine": pl.String, "turn": pl.Int64, "order": pl.String, "operation": pl.String, "setup_s": pl.Int64,
        "start_s": pl.Int64, "end_s": pl.Int64, "late_s": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
