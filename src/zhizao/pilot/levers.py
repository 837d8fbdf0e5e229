"""What a plant can pull with the same people and machines, and what each does to the shop, the work and the policy.

A lever is data (`kind`, `scope`, `setting`): whoever has the plant, or another simulator of it, can carry it out from
that alone. `pull` carries it out on the twin's arrays. No lever uses what nobody could know at the time: rules see
released orders, due dates and expected durations only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from zhizao.decide.twin import weekly_intervals
from zhizao.decide.twin.shop import RULES, Floats, Ints, Policy, Shop, Work
from zhizao.errors import InputError

__all__ = ["PULL_ORDER", "Bench", "Lever", "pull", "pull_all"]


@dataclass(frozen=True, slots=True)
class Bench:
    """One drawn run of the twin, ready to be tried under other levers.

    Parameters
    ----------
    shop, work, policy : arrays of the run
    operations, products : names behind the codes in `work`
    start_ns : start of the run, UTC nanoseconds since 1970
    horizon_s : length that calendars must cover, seconds
    zone : IANA zone of the plant
    """

    shop: Shop
    work: Work
    policy: Policy
    operations: tuple[str, ...]
    products: tuple[str, ...]
    start_ns: int
    horizon_s: float
    zone: str


@dataclass(frozen=True, slots=True)
class Lever:
    """One thing to do, as data.

    Parameters
    ----------
    kind : dispatch | release | transfer_batch | setup_family | hours | assignment | inspection | maintenance | schedule
    scope : machine, operation, resource, or `plant`
    setting : how, e.g. {"rule": "edd"}
    group : levers of one group are pulled together
    machines : machines that it touches
    cost : what carrying it out costs in the period, in the plant's currency
    why : the observation behind it
    """

    kind: str
    scope: str
    setting: dict[str, Any]
    group: str = ""
    machines: tuple[str, ...] = ()
    cost: float = 0.0
    why: str = field(default="", compare=False)


def pull_all(bench: Bench, levers: tuple[Lever, ...] | list[Lever]) -> Bench:
    """The run with all levers pulled, in the given order."""
    for lever in levers:
        bench = pull(bench, lever)
    return bench


def pull(bench: Bench, lever: Lever) -> Bench:
    """The run with one lever pulled.

    Raises
    ------
    InputError : when the kind or a name in it is unknown
    """
    if lever.kind not in _PULL:
        raise InputError(f'"{lever.kind}" is not a lever', fix="use one of " + ", ".join(_PULL), code="bad_lever")
    return _PULL[lever.kind](bench, lever)


def _machines_of(bench: Bench, lever: Lever) -> Ints:
    names = lever.machines or ((lever.scope,) if lever.scope != "plant" else bench.shop.machines)
    unknown = [name for name in names if name not in bench.shop.machines]
    if unknown:
        raise InputError(f'the lever names machine "{unknown[0]}", which the twin does not know', code="bad_lever")
    return np.array([bench.shop.machines.index(name) for name in names], np.int64)


def _dispatch(bench: Bench, lever: Lever) -> Bench:
    rule = bench.policy.rule.copy()
    rule[_machines_of(bench, lever)] = RULES.index(lever.setting["rule"])
    return replace(bench, policy=replace(bench.policy, rule=rule))


def _setup_family(bench: Bench, lever: Lever) -> Bench:
    return _dispatch(bench, replace(lever, setting={"rule": "family"}))


def _release(bench: Bench, lever: Lever) -> Bench:
    return replace(bench, policy=replace(bench.policy, wip_cap=int(lever.setting["wip_cap"])))


def _transfer_batch(bench: Bench, lever: Lever) -> Bench:
    return replace(bench, policy=replace(bench.policy, transfer_quantity=float(lever.setting["quantity"])))


def _hours(bench: Bench, lever: Lever) -> Bench:
    """New weekly hours for the resources named in the setting."""
    shop = bench.shop
    on = [shop.on_s[a:b] for a, b in zip(shop.calendar_ptr[:-1], shop.calendar_ptr[1:], strict=True)]
    off = [shop.off_s[a:b] for a, b in zip(shop.calendar_ptr[:-1], shop.calendar_ptr[1:], strict=True)]
    machine_calendar = shop.machine_calendar.copy()
    person_calendar = shop.person_calendar.copy()
    for resource, hours in lever.setting.items():
        start, end = weekly_intervals(
            [(int(day), float(a), float(b)) for day, a, b in hours], bench.start_ns, bench.horizon_s, bench.zone
        )
        if resource in shop.machines:
            machine_calendar[shop.machines.index(resource)] = len(on)
        elif resource in shop.people:
            person_calendar[shop.people.index(resource)] = len(on)
        else:
            raise InputError(f'hours are given to "{resource}", which the twin does not know', code="bad_lever")
        on.append(start)
        off.append(end)
    changed = replace(
        shop,
        calendar_ptr=np.concatenate([[0], np.cumsum([len(one) for one in on])]).astype(np.int64),
        on_s=np.concatenate(on) if on else np.empty(0),
        off_s=np.concatenate(off) if off else np.empty(0),
        machine_calendar=machine_calendar,
        person_calendar=person_calendar,
    )
    return replace(bench, shop=changed)


def _assignment(bench: Bench, lever: Lever) -> Bench:
    """Keep only the named machines (and people) for an operation; steps that would be left with none stay as they are."""
    work, shop = bench.work, bench.shop
    for operation, wanted in lever.setting.items():
        if operation == "people":
            for name, people in wanted.items():
                shop, work = _only_people(bench, shop, work, name, tuple(people))
            continue
        if operation not in bench.operations:
            raise InputError(
                f'assignment names operation "{operation}", which the twin does not know', code="bad_lever"
            )
        code = bench.operations.index(operation)
        allowed = np.zeros(len(shop.machines) + 1, bool)
        for name in wanted:
            if name in shop.machines:
                allowed[shop.machines.index(name)] = True
        work = _filter_options(work, work.operation == code, allowed)
    return replace(bench, work=work, shop=shop)


def _filter_options(work: Work, steps: np.ndarray[Any, np.dtype[np.bool_]], allowed: Any) -> Work:
    counts = np.diff(work.option_ptr)
    step_of = np.repeat(np.arange(len(counts)), counts)
    keep = ~steps[step_of] | allowed[work.option_machine]
    left = np.bincount(step_of[keep], minlength=len(counts))
    bare = (left == 0) & (counts > 0)
    keep |= bare[step_of]
    left = np.bincount(step_of[keep], minlength=len(counts))
    return replace(
        work,
        option_ptr=np.concatenate([[0], np.cumsum(left)]).astype(np.int64),
        option_machine=work.option_machine[keep],
        option_factor=work.option_factor[keep],
        option_defect=work.option_defect[keep],
    )


def _only_people(bench: Bench, shop: Shop, work: Work, operation: str, people: tuple[str, ...]) -> tuple[Shop, Work]:
    """A new skill that only these people have, for one operation."""
    if operation not in bench.operations:
        raise InputError(f'assignment names operation "{operation}", which the twin does not know', code="bad_lever")
    codes = [shop.people.index(name) for name in people if name in shop.people]
    steps = (work.operation == bench.operations.index(operation)) & (work.skill >= 0)
    if not codes or not steps.any():
        return shop, work
    skill = work.skill.copy()
    skill[steps] = len(shop.skill_ptr) - 1
    return (
        replace(
            shop,
            skill_ptr=np.append(shop.skill_ptr, shop.skill_ptr[-1] + len(codes)),
            skill_person=np.concatenate([shop.skill_person, np.array(codes, np.int64)]),
        ),
        replace(work, skill=skill),
    )


def _inspection(bench: Bench, lever: Lever) -> Bench:
    """Move an inspection to directly after an earlier operation; bad pieces are then not worked on in between."""
    work = bench.work
    names = (lever.setting["operation"], lever.setting["after"])
    for name in names:
        if name not in bench.operations:
            raise InputError(f'inspection names operation "{name}", which the twin does not know', code="bad_lever")
    inspect, after = (bench.operations.index(name) for name in names)
    order = np.arange(len(work.operation))
    saved = np.ones(len(order))
    rate = float(lever.setting.get("caught", 0.0))
    for first, last in zip(work.first[:-1], work.first[1:], strict=True):
        operations = work.operation[first:last]
        at = np.flatnonzero(operations == after)
        looked = np.flatnonzero(operations == inspect)
        if len(at) == 0:
            continue
        looked = looked[looked > at[0] + 1]
        if len(looked) == 0 or (work.gate[first + at[0] : last] >= 0).any():
            continue
        source, target = first + looked[0], first + at[0] + 1
        order[target : source + 1] = np.concatenate([[source], np.arange(target, source)])
        saved[target:source] *= 1.0 - rate  # step indices before the move: those now behind the inspection
    thinner = replace(
        work,
        run_s=work.run_s * saved,
        pieces=work.pieces * saved,
        expected_s=work.expected_s * saved if len(work.expected_s) else work.expected_s,
        expected_left_s=np.empty(0),
    )
    return replace(bench, work=_reorder(thinner, order))


def _reorder(work: Work, order: Ints) -> Work:
    counts = np.diff(work.option_ptr)[order]
    ptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    pick = np.repeat(work.option_ptr[order] - ptr[:-1], counts) + np.arange(ptr[-1])
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    gate = work.gate[order]
    per_step = (
        "operation",
        "run_s",
        "setup_fixed_s",
        "family",
        "delay_s",
        "delay_worktime",
        "skill",
        "defect_u",
        "pieces",
    )
    changed: dict[str, Any] = {name: getattr(work, name)[order] for name in per_step}
    if len(work.expected_s):
        changed["expected_s"] = work.expected_s[order]
    return replace(
        work,
        **changed,
        gate=np.where(gate >= 0, place[gate], -1),
        option_ptr=ptr,
        option_machine=work.option_machine[pick],
        option_factor=work.option_factor[pick],
        option_defect=work.option_defect[pick],
    )


def _maintenance(bench: Bench, lever: Lever) -> Bench:
    """Fewer breakdowns for planned stops: `mtbf_factor` says how much longer the machine then runs between breakdowns.

    The planned stops themselves slow the machine's work down by the share of time that they take.
    """
    shop = bench.shop
    mtbf, factor = shop.mtbf_s.copy(), float(lever.setting.get("mtbf_factor", 1.0))
    machine = shop.machines.index(lever.setting["machine"])
    mtbf[machine] *= factor
    share = float(lever.setting["takes_h"]) / (float(lever.setting["every_h"]) + float(lever.setting["takes_h"]))
    work = bench.work
    slower = np.where(work.option_machine == machine, work.option_factor / (1.0 - share), work.option_factor)
    after = work.break_after_s.copy()
    if len(work.break_ptr):
        after[work.break_ptr[machine] : work.break_ptr[machine + 1]] *= factor
    work = replace(work, option_factor=slower, break_after_s=after)
    return replace(bench, shop=replace(shop, mtbf_s=mtbf), work=work)


def _schedule(bench: Bench, lever: Lever) -> Bench:
    """Follow the written sequence on the machines; its priorities are worked out while the run goes on (`rolling`)."""
    from zhizao.pilot.rolling import rolling_priorities

    every_h = float(lever.setting.get("every_h", 24.0))
    rule = np.full_like(bench.policy.rule, RULES.index("sequence"))
    policy = replace(bench.policy, rule=rule)
    priority: Floats = rolling_priorities(bench.shop, bench.work, policy, every_s=3600.0 * every_h)
    return replace(bench, policy=replace(policy, priority=priority))


_PULL: dict[str, Callable[[Bench, Lever], Bench]] = {
    "hours": _hours,
    "assignment": _assignment,
    "inspection": _inspection,
    "maintenance": _maintenance,
    "dispatch": _dispatch,
    "setup_family": _setup_family,
    "release": _release,
    "transfer_batch": _transfer_batch,
    "schedule": _schedule,
}

PULL_ORDER = tuple(_PULL)
"""Kinds in the order in which they are pulled together: resources first, then rules, then the schedule that rests on both."""
