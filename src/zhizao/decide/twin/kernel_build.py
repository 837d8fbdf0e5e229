"""From shop, work and policy to the kernel's records, and from the records back to a trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .kernel_records import Calendar, Counts, Floor, Job, Machine, Option, Person, Skill, Step, Tick, fields
from .shop import RULES, Floats, Ints, Policy, Shop, Trace, Work

__all__ = ["build", "trace"]

ENDLESS = 1 << 60


def build(shop: Shop, work: Work, policy: Policy, *, rows: bool, stamp: str = "source") -> Floor:
    """Records of one run: structured arrays when `rows`, lists of objects otherwise.

    `stamp` names one more field of the counts, so that code compiled from another source is not taken for this one's.
    """
    m, n_steps, n_jobs = len(shop.machines), len(work.run_s), len(work.release_s)
    ptr, machine, factor, defect = _options(work, policy, m)
    owner = np.repeat(np.arange(n_steps), np.diff(ptr))
    expected = work.expected_s if work.expected_s.size else work.run_s
    used = np.concatenate([shop.machine_calendar, shop.person_calendar])
    calendars = len(shop.calendar_ptr) - 1
    rule = _rules(policy, m)
    none = np.full(n_steps, -1)
    nan = np.full(n_steps, np.nan)
    breaks = work.break_ptr if work.break_ptr.size else np.zeros(m + 1, np.int64)
    up_left = np.full(m, np.inf)
    breaking = np.flatnonzero(np.diff(breaks) > 0)
    up_left[breaking] = work.break_after_s[breaks[:-1][breaking]]
    n_ticks = _ticks(n_jobs, n_steps, len(machine), shop, policy)
    return Floor(
        counts=_table(
            Counts,
            1,
            {
                "now_s": 0.0, "ticks": 0, "held": 0, "dirty": 0, "floor": 0, "done": 0, "events": 0,
                "cap": policy.wip_cap, "common": rule[0] if np.all(rule == rule[0]) else RULES.index("fifo"),
                "families": shop.setup_s.shape[0], "transfer": policy.transfer_quantity,
            },
            rows,
            stamp,
        ),
        jobs=_table(
            Job,
            n_jobs,
            {
                "release_s": work.release_s, "due_s": work.due_s, "weight": work.weight, "first": work.first[:-1],
                "last": work.first[1:], "running": work.running, "running_person": work.running_person,
                "admitted_s": np.nan, "finished_s": np.nan,
            },
            rows,
        ),
        steps=_table(
            Step,
            n_steps,
            {
                "job": np.repeat(np.arange(n_jobs), np.diff(work.first)), "run_s": work.run_s,
                "setup_s": work.setup_fixed_s, "family": work.family, "delay_s": work.delay_s,
                "delay_calendar": _delay_calendar(shop, work), "skill": work.skill if shop.people else none,
                "first": ptr[:-1], "last": ptr[1:], "defect_u": work.defect_u, "pieces": work.pieces,
                "gate": work.gate, "expected_s": expected, "left_s": _left(work, expected),
                "priority": policy.priority if policy.priority.size else 0.0, "operation": work.operation,
                "ready_s": nan, "setup_start_s": nan, "start_s": nan, "end_s": nan, "machine": -1, "person": -1,
                "bad": nan, "holds": 0, "passed_on": 0, "away": 0,
            },
            rows,
        ),
        options=_table(
            Option,
            len(machine),
            {"step": owner, "machine": machine, "factor": factor, "defect": defect, "before": -1, "after": -1},
            rows,
        ),
        machines=_table(
            Machine,
            m + 1,
            {
                "capacity": np.append(shop.capacity, ENDLESS), "busy": 0,
                "calendar": np.append(shop.machine_calendar, -1), "rule": rule,
                "family": np.append(work.machine_family if work.machine_family.size else np.full(m, -1), -1),
                "head": -1, "tail": -1, "dirty": 0, "choice": -2,
                "batch": np.append(shop.batch if shop.batch.size else np.ones(m, np.int64), 1),
                "batch_wait_s": np.append(shop.batch_wait_s if shop.batch_wait_s.size else np.zeros(m), 0.0),
                "up_left_s": np.append(up_left, np.inf), "next_break": np.append(breaks[:-1], 0),
                "last_break": np.append(breaks[1:], 0),
            },
            rows,
        ),
        people=_table(
            Person,
            len(shop.people),
            {
                "capacity": shop.multitask, "busy": 0, "calendar": shop.person_calendar,
                "defect": work.person_defect if work.person_defect.size else 1.0,
            },
            rows,
        ),
        skills=_table(Skill, len(shop.skill_ptr) - 1, {"first": shop.skill_ptr[:-1], "last": shop.skill_ptr[1:]}, rows),
        able=_flat(shop.skill_person, np.int64, rows),
        calendars=_table(
            Calendar,
            calendars,
            {
                "first": shop.calendar_ptr[:-1], "last": shop.calendar_ptr[1:], "at": shop.calendar_ptr[:-1],
                "machines": np.isin(np.arange(calendars), used[:m]), "people": np.isin(np.arange(calendars), used[m:]),
            },
            rows,
        ),
        on=_flat(shop.on_s, np.float64, rows),
        off=_flat(shop.off_s, np.float64, rows),
        setup=_flat(shop.setup_s.ravel(), np.float64, rows),
        break_after=_flat(work.break_after_s, np.float64, rows),
        repair=_flat(work.repair_s, np.float64, rows),
        heap=_table(Tick, n_ticks, {"at_s": 0.0, "code": 0}, rows),
        pool=_table(Tick, n_jobs if policy.wip_cap > 0 else 0, {"at_s": 0.0, "code": 0}, rows),
        dirty=_flat(np.zeros(m + 1), np.int64, rows),
    )  # fmt: skip


def trace(floor: Floor, machines: int, until_s: float) -> Trace:
    """What the records say after the run; whatever lies beyond `until_s` has not happened."""
    steps, jobs = floor.steps, floor.jobs
    setup_start = _column(steps, "setup_start_s")
    start = _column(steps, "start_s")
    end = _column(steps, "end_s")
    ready = _column(steps, "ready_s")
    bad = _column(steps, "bad")
    machine = _column(steps, "machine").astype(np.int64)
    limit = min(until_s, np.finfo(np.float64).max)
    ended = end <= limit
    bad[~ended] = np.nan
    end[~ended] = np.nan
    start[~(start <= limit)] = np.nan
    ready[~(ready <= limit)] = np.nan
    machine[machine == machines] = -1
    return Trace(
        ready_s=ready,
        setup_start_s=setup_start,
        start_s=start,
        end_s=end,
        machine=machine,
        person=_column(steps, "person").astype(np.int64),
        bad=bad,
        admitted_s=_column(jobs, "admitted_s"),
        finished_s=_column(jobs, "finished_s"),
        events=int(floor.counts[0].events if isinstance(floor.counts, list) else floor.counts["events"][0]),  # type: ignore[call-overload]  # a structured array
    )


def _options(work: Work, policy: Policy, m: int) -> tuple[Ints, Ints, Floats, Floats]:
    """Options that may be used: those the policy leaves, and one on "no machine needed" for a step that has none."""
    ptr, machine, factor, defect = work.option_ptr, work.option_machine, work.option_factor, work.option_defect
    count = np.diff(ptr)
    under_way = np.zeros(len(count), np.bool_)
    under_way[work.first[:-1][work.running]] = True
    if policy.assigned.size or under_way.any():
        owner = np.repeat(np.arange(len(count)), count)
        only = policy.assigned.copy() if policy.assigned.size else np.full(len(count), -1)
        only[under_way & (count > 0)] = ptr[:-1][under_way & (count > 0)]
        keep = (only[owner] < 0) | (only[owner] == np.arange(len(machine)))
        machine, factor, defect = machine[keep], factor[keep], defect[keep]
        count = np.bincount(owner[keep], minlength=len(count))
    lonely = np.flatnonzero(count == 0)
    if lonely.size:
        place = (np.cumsum(count) - count)[lonely]
        machine = np.insert(machine, place, m)
        factor = np.insert(factor, place, 1.0)
        defect = np.insert(defect, place, 0.0)
        count = np.maximum(count, 1)
    return np.concatenate([[0], np.cumsum(count)]), machine, factor, defect


def _ticks(n_jobs: int, n_steps: int, n_options: int, shop: Shop, policy: Policy) -> int:
    """Most entries that the heap can hold: one a job, or an end and a transfer a step; shifts; batches that wait;
    people who leave or come back.
    """
    flowing = 2 * n_steps if policy.transfer_quantity > 0 else 0
    waking = n_options if np.any(shop.batch_wait_s > 0) else 0
    leaving = n_jobs + flowing if shop.people else 0
    return n_jobs + flowing + waking + leaving + len(shop.calendar_ptr) + 1


def _rules(policy: Policy, m: int) -> Ints:
    if len(policy.rule) > m:
        return policy.rule
    shared = m > 0 and bool(np.all(policy.rule == policy.rule[0]))
    return np.append(policy.rule, policy.rule[0] if shared else RULES.index("fifo"))


def _left(work: Work, expected: Floats) -> Floats:
    """Work expected from each step to the end of its job, counting later steps that are sure to come."""
    if work.expected_left_s.size:
        return work.expected_left_s
    sure = np.where(work.gate < 0, expected, 0.0)
    total = np.concatenate([[0.0], np.cumsum(sure)])
    last = np.repeat(work.first[1:], np.diff(work.first))
    step = np.arange(len(expected))
    left: Floats = np.maximum(total[last] - total[step + 1], 0.0) + expected
    return left


def _delay_calendar(shop: Shop, work: Work) -> Ints:
    """Calendar of the first option's machine where the delay runs in its working hours, else -1."""
    calendar = np.full(len(work.run_s), -1)
    has = np.flatnonzero(work.delay_worktime & (np.diff(work.option_ptr) > 0))
    calendar[has] = shop.machine_calendar[work.option_machine[work.option_ptr[has]]]
    return calendar


def _table(record: type, n: int, columns: Mapping[str, ArrayLike], rows: bool, stamp: str = "") -> Any:
    """Records made from columns (a number stands for a whole column)."""
    kinds = fields(record)
    if rows:
        table = np.zeros(n, np.dtype(kinds + ([(stamp, "i8")] if stamp else [])))
        for name, _ in kinds:
            if np.any(columns[name]):  # untouched memory costs nothing
                table[name] = columns[name]
        return table
    lists = []
    for name, kind in kinds:
        column: NDArray[Any] = np.broadcast_to(np.asarray(columns[name], kind), n)
        lists.append(column.tolist())
    return [record(*row) for row in zip(*lists, strict=True)]


def _flat(values: ArrayLike, kind: type, rows: bool) -> Any:
    flat: NDArray[Any] = np.array(values, kind)  # a copy of its own: Numba would compile anew for a read-only array
    return flat if rows else flat.tolist()


def _column(table: Any, name: str) -> NDArray[Any]:
    if isinstance(table, list):
        return np.array([getattr(record, name) for record in table], np.float64)
    return np.array(table[name], np.float64)
