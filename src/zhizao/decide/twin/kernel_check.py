"""Arrays of shop, work and policy are checked before the kernel meets them: compiled loops trust every index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import InputError

from .shop import RULES, Policy, Shop, Work

__all__ = ["check_arrays"]


def check_arrays(shop: Shop, work: Work, policy: Policy) -> None:
    """Refuse arrays that do not fit each other.

    Raises
    ------
    InputError
        naming the array, the place in it and the value seen
    """
    m, p = len(shop.machines), len(shop.people)
    n_jobs, n_steps, n_options = len(work.release_s), len(work.run_s), len(work.option_machine)
    k, skills = len(shop.calendar_ptr) - 1, len(shop.skill_ptr) - 1
    families = shop.setup_s.shape[0]

    for name, n in (
        ("capacity", m), ("machine_calendar", m), ("mtbf_s", m), ("mttr_s", m), ("multitask", p), ("person_calendar", p)
    ):  # fmt: skip
        _long(f"Shop.{name}", getattr(shop, name), n)
    for name in ("batch", "batch_wait_s"):
        _long(f"Shop.{name}", getattr(shop, name), m, optional=True)
    _within("Shop.capacity", shop.capacity, 1)
    _within("Shop.multitask", shop.multitask, 1)
    _within("Shop.batch", shop.batch, 1)
    _within("Shop.batch_wait_s", shop.batch_wait_s, 0)
    _within("Shop.machine_calendar", shop.machine_calendar, -1, k - 1)
    _within("Shop.person_calendar", shop.person_calendar, -1, k - 1)
    _offsets("Shop.calendar_ptr", shop.calendar_ptr, len(shop.on_s))
    _long("Shop.off_s", shop.off_s, len(shop.on_s))
    _hours(shop)
    _offsets("Shop.skill_ptr", shop.skill_ptr, len(shop.skill_person))
    _within("Shop.skill_person", shop.skill_person, 0, p - 1)
    if shop.setup_s.shape != (families, families):
        raise _wrong("Shop.setup_s", f"is {shop.setup_s.shape}", "make it square, families by families")
    _within("Shop.setup_s", shop.setup_s.ravel(), 0)

    for name in ("due_s", "weight", "quantity", "product", "running", "running_person"):
        _long(f"Work.{name}", getattr(work, name), n_jobs)
    for name in (
        "operation", "setup_fixed_s", "family", "delay_s", "delay_worktime", "skill", "defect_u", "pieces", "gate",
    ):  # fmt: skip
        _long(f"Work.{name}", getattr(work, name), n_steps)
    for name in ("expected_s", "expected_left_s"):
        _long(f"Work.{name}", getattr(work, name), n_steps, optional=True)
    _offsets("Work.first", work.first, n_steps, n_jobs)
    _offsets("Work.option_ptr", work.option_ptr, n_options, n_steps)
    _long("Work.option_factor", work.option_factor, n_options)
    _long("Work.option_defect", work.option_defect, n_options)
    _long("Work.person_defect", work.person_defect, p, optional=True)
    _long("Work.machine_family", work.machine_family, m, optional=True)
    if n_jobs and not np.all(np.isfinite(work.release_s)):
        raise _wrong("Work.release_s", "has a value that is not a number", "give every job a release")
    if np.any(work.release_s[1:] < work.release_s[:-1]):
        j = int(np.argmax(work.release_s[1:] < work.release_s[:-1])) + 1
        raise _wrong(f"Work.release_s[{j}]", f"{work.release_s[j]} comes before the job above", "sort jobs by release")
    if np.any(np.isnan(work.due_s)):
        raise _wrong("Work.due_s", "has a value that is not a number", "use inf for a job without a due date")
    for name in ("run_s", "setup_fixed_s", "delay_s", "option_factor", "person_defect"):
        _within(f"Work.{name}", getattr(work, name), 0, finite=True)
    for name in ("pieces", "expected_s", "expected_left_s", "weight", "option_defect", "defect_u"):
        _within(f"Work.{name}", getattr(work, name), 0)
    _within("Work.option_machine", work.option_machine, 0, m - 1)
    _within("Work.machine_family", work.machine_family, -1, max(families - 1, 0))
    _within("Work.running_person", work.running_person, -1, p - 1)
    if families:
        _within("Work.family", work.family, -1, families - 1)
    if p:
        _within("Work.skill", work.skill, -1, skills - 1)
        alone = np.flatnonzero(np.diff(shop.skill_ptr) == 0)
        lost = np.flatnonzero(np.isin(work.skill, alone))
        if lost.size:
            raise _wrong(
                f"Work.skill[{lost[0]}]", f"nobody has skill {work.skill[lost[0]]}", "give the skill to a person, or -1"
            )
    _gates(work)
    idle = np.flatnonzero(work.running & (np.diff(work.first) == 0))
    if idle.size:
        raise _wrong(f"Work.running[{idle[0]}]", "is set for a job without steps", "clear it")
    _breaks(shop, work)

    if len(policy.rule) not in (m, m + 1):
        raise _wrong("Policy.rule", f"has {len(policy.rule)} entries for {m} machines", "give one per machine")
    _within("Policy.rule", policy.rule, 0, len(RULES) - 1)
    _long("Policy.priority", policy.priority, n_steps, optional=True)
    if np.any(np.isnan(policy.priority)):
        raise _wrong("Policy.priority", "has a value that is not a number", "give every step a number")
    if not policy.priority.size and np.any(policy.rule == RULES.index("sequence")):
        raise _wrong("Policy.priority", "is empty, yet rule 'sequence' goes by it", "give a priority per step")
    _long("Policy.assigned", policy.assigned, n_steps, optional=True)
    if policy.assigned.size:
        low, high = work.option_ptr[:-1], work.option_ptr[1:]
        bad = np.flatnonzero((policy.assigned >= 0) & ((policy.assigned < low) | (policy.assigned >= high)))
        if bad.size:
            s = int(bad[0])
            raise _wrong(
                f"Policy.assigned[{s}]",
                f"{policy.assigned[s]} is not an option of the step",
                f"use an index from {low[s]} to {high[s] - 1}, or -1",
            )
    if policy.wip_cap < 0 or policy.transfer_quantity < 0:
        raise _wrong("Policy", "has a negative wip_cap or transfer_quantity", "use 0 for none")


def _wrong(where: str, what: str, fix: str) -> InputError:
    return InputError(what, where=where, fix=fix, code="bad_arrays")


def _long(name: str, values: NDArray[Any], n: int, *, optional: bool = False) -> None:
    if len(values) != n and not (optional and len(values) == 0):
        raise _wrong(name, f"has {len(values)} entries", f"give {n}")


def _offsets(name: str, values: NDArray[Any], total: int, parts: int | None = None) -> None:
    if parts is not None and len(values) != parts + 1:
        raise _wrong(name, f"has {len(values)} entries", f"give {parts + 1}")
    if len(values) == 0 or values[0] != 0 or values[-1] != total or np.any(values[1:] < values[:-1]):
        raise _wrong(name, "does not rise from 0 to the number of entries", f"start at 0, never fall, end at {total}")


def _within(name: str, values: NDArray[Any], low: float, high: float = np.inf, *, finite: bool = False) -> None:
    if values.size == 0:
        return
    least, most = values.min(), values.max()
    if low <= least and most <= high and not (finite and most == np.inf):
        return
    bad = int(np.argmax(~((values >= low) & (values <= high) & ~(finite & (values == np.inf)))))
    raise _wrong(f"{name}[{bad}]", f"{values[bad]} is out of range", f"keep it from {low} to {high}")


def _hours(shop: Shop) -> None:
    if np.any(~(shop.off_s > shop.on_s)):
        i = int(np.argmax(~(shop.off_s > shop.on_s)))
        raise _wrong(f"Shop.off_s[{i}]", f"{shop.off_s[i]} is not after on_s {shop.on_s[i]}", "drop empty intervals")
    inside = np.ones(max(len(shop.on_s) - 1, 0), np.bool_)
    ends = shop.calendar_ptr[1:-1]
    inside[ends[(ends > 0) & (ends <= len(inside))] - 1] = False
    overlap = np.flatnonzero(inside & (shop.on_s[1:] < shop.off_s[:-1]))
    if overlap.size:
        i = int(overlap[0]) + 1
        raise _wrong(f"Shop.on_s[{i}]", f"{shop.on_s[i]} is before the end of the interval above", "sort and merge")


def _gates(work: Work) -> None:
    gated = np.flatnonzero(work.gate >= 0)
    if not gated.size:
        return
    first = np.repeat(work.first[:-1], np.diff(work.first))
    bad = gated[(work.gate[gated] >= gated) | (work.gate[gated] < first[gated])]
    if bad.size:
        s = int(bad[0])
        raise _wrong(
            f"Work.gate[{s}]",
            f"{work.gate[s]} is not an earlier step of the job",
            f"use an index from {first[s]} to {s - 1}, or -1",
        )


def _breaks(shop: Shop, work: Work) -> None:
    m = len(shop.machines)
    if not work.break_ptr.size:
        breaking = np.flatnonzero(shop.mtbf_s > 0)
        if breaking.size:
            raise _wrong(
                f"Shop.mtbf_s[{breaking[0]}]",
                f"machine {shop.machines[breaking[0]]!r} breaks down, but the work carries no drawn breakdowns",
                "fill Work.break_ptr, break_after_s and repair_s by draw_breakdowns, or set mtbf_s to 0",
            )
        return
    _offsets("Work.break_ptr", work.break_ptr, len(work.break_after_s), m)
    _long("Work.repair_s", work.repair_s, len(work.break_after_s))
    _within("Work.break_after_s", work.break_after_s, 0)
    _within("Work.repair_s", work.repair_s, 0)
