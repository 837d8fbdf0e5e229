"""What a plant can pull with the same people and machines, and what each does to the shop, the work and the policy.

A lever is data (`kind`, `scope`, `setting`): whoever has the plant, or another simulator of it, can carry it out from
that alone. `pull` carries it out on the twin's arrays. No lever uses what nobody could know at the time: rules see
released orders, due dates and expected durations only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.twin.mechanism import Scene
from zhizao.decide.twin.mechanism.week import pattern, weekly_intervals
from zhizao.decide.twin.shop import RULES, Floats, Ints, Shop, Work
from zhizao.errors import InputError

__all__ = ["PULL_ORDER", "Lever", "pull", "pull_all"]


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


def pull_all(scene: Scene, levers: tuple[Lever, ...] | list[Lever]) -> Scene:
    """The run with all levers pulled, in the given order."""
    for lever in levers:
        scene = pull(scene, lever)
    return scene


def pull(scene: Scene, lever: Lever) -> Scene:
    """The run with one lever pulled.

    Raises
    ------
    InputError : when the kind or a name in it is unknown
    """
    if lever.kind not in _PULL:
        raise InputError(f'"{lever.kind}" is not a lever', fix="use one of " + ", ".join(_PULL), code="bad_lever")
    return _PULL[lever.kind](scene, lever)


def _machines_of(scene: Scene, lever: Lever) -> Ints:
    names = lever.machines or ((lever.scope,) if lever.scope != "plant" else scene.shop.machines)
    unknown = [name for name in names if name not in scene.shop.machines]
    if unknown:
        raise InputError(f'the lever names machine "{unknown[0]}", which the twin does not know', code="bad_lever")
    return np.array([scene.shop.machines.index(name) for name in names], np.int64)


def _needed(lever: Lever, name: str) -> Any:
    """A part of the setting that the kind cannot do without."""
    if name not in lever.setting:
        raise InputError(f'lever "{lever.kind}" does not say "{name}"', fix="give it in the setting", code="bad_lever")
    return lever.setting[name]


def _above_zero(lever: Lever, name: str) -> float:
    value = _needed(lever, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise InputError(
            f'lever "{lever.kind}" has {name} {value!r}', fix="write a number greater than 0", code="bad_lever"
        )
    return float(value)


def _known(wanted: Iterable[str], known: Iterable[str], what: str) -> None:
    strangers = sorted(set(wanted) - set(known))
    if strangers:
        raise InputError(f'the lever names {what} "{strangers[0]}", which the twin does not know', code="bad_lever")


def _dispatch(scene: Scene, lever: Lever) -> Scene:
    wanted = _needed(lever, "rule")
    if wanted not in RULES:
        raise InputError(f'"{wanted}" is not a dispatch rule', fix="use one of " + ", ".join(RULES), code="bad_lever")
    rule = scene.policy.rule.copy()
    rule[_machines_of(scene, lever)] = RULES.index(wanted)
    return replace(scene, policy=replace(scene.policy, rule=rule))


def _setup_family(scene: Scene, lever: Lever) -> Scene:
    return _dispatch(scene, replace(lever, setting={"rule": "family"}))


def _release(scene: Scene, lever: Lever) -> Scene:
    return replace(scene, policy=replace(scene.policy, wip_cap=int(_above_zero(lever, "wip_cap"))))


def _transfer_batch(scene: Scene, lever: Lever) -> Scene:
    return replace(scene, policy=replace(scene.policy, transfer_quantity=_above_zero(lever, "quantity")))


def _hours(scene: Scene, lever: Lever) -> Scene:
    """New weekly hours for the machines and people named in the setting; a post is at work when one of its people is."""
    shop = scene.shop
    on = [shop.on_s[a:b] for a, b in pairwise(shop.calendar_ptr)]
    off = [shop.off_s[a:b] for a, b in pairwise(shop.calendar_ptr)]
    machine_calendar = shop.machine_calendar.copy()
    person_calendar = shop.person_calendar.copy()
    given = {name: _week_of(name, week) for name, week in lever.setting.items()}
    for name, week in given.items():
        if name in shop.machines:
            machine_calendar[shop.machines.index(name)] = len(on)
        elif name in scene.member_code:
            post = next(at for at, members in enumerate(scene.members) if name in members)
            person_calendar[post] = len(on)
            week = [
                hours
                for other in scene.members[post]
                for hours in given.get(other, pattern(scene.member_week[scene.member_code[other]]))
            ]
        else:
            raise InputError(f'hours are given to "{name}", which the twin does not know', code="bad_lever")
        begin, stop = weekly_intervals(week, scene.zero_s, scene.horizon_s)
        on.append(begin)
        off.append(stop)
    changed = replace(
        shop,
        calendar_ptr=np.concatenate([[0], np.cumsum([len(one) for one in on])]).astype(np.int64),
        on_s=np.concatenate(on) if on else np.empty(0),
        off_s=np.concatenate(off) if off else np.empty(0),
        machine_calendar=machine_calendar,
        person_calendar=person_calendar,
    )
    return replace(scene, shop=changed)


def _week_of(name: str, week: Any) -> list[tuple[int, float, float]]:
    """Weekly hours of a setting: [[ISO weekday, from, to], ...]; `to` may pass 24 over midnight."""
    found = []
    try:
        for day, begin, stop in week:
            found.append((int(day), float(begin), float(stop)))
            if not (1 <= int(day) <= 7 and int(day) == day and 0 <= begin < stop <= 48):
                raise ValueError(day)
    except (TypeError, ValueError) as error:
        raise InputError(
            f'hours of "{name}" hold {found[-1:] or week!r}',
            fix="write [[weekday 1-7, from, to], ...] in hours of local time, 1 = Monday, to later than from",
            code="bad_lever",
        ) from error
    return found


def _assignment(scene: Scene, lever: Lever) -> Scene:
    """Keep only the named machines or people for an operation; steps that would be left with none stay as they are."""
    for operation, wanted in lever.setting.items():
        if operation not in scene.operations:
            raise InputError(
                f'assignment names operation "{operation}", which the twin does not know', code="bad_lever"
            )
        if not isinstance(wanted, list | tuple) or not wanted:
            raise InputError(
                f'assignment gives "{operation}" to {wanted!r}',
                fix="write a list of machines or of people",
                code="bad_lever",
            )
        if all(name in scene.member_code for name in wanted):
            shop, work = _only_people(scene, scene.shop, scene.work, operation, tuple(wanted))
            scene = replace(scene, shop=shop, work=work)
            continue
        _known(wanted, (*scene.shop.machines, *scene.member_code), "machine or person")
        _known(wanted, scene.shop.machines, "machine")
        allowed = np.array([name in wanted for name in scene.shop.machines])
        scene = _filter_options(scene, scene.work.operation == scene.operations.index(operation), allowed)
    return scene


def _filter_options(scene: Scene, steps: NDArray[np.bool_], allowed: NDArray[np.bool_]) -> Scene:
    work = scene.work
    counts = np.diff(work.option_ptr)
    step_of = np.repeat(np.arange(len(counts)), counts)
    keep = ~steps[step_of] | allowed[work.option_machine]
    left = np.bincount(step_of[keep], minlength=len(counts))
    bare = (left == 0) & (counts > 0)
    keep |= bare[step_of]
    left = np.bincount(step_of[keep], minlength=len(counts))
    return _options_at(scene, np.concatenate([[0], np.cumsum(left)]).astype(np.int64), np.flatnonzero(keep))


def _options_at(scene: Scene, ptr: Ints, pick: Ints, **changed: Any) -> Scene:
    """The scene with the picked options only, in that order."""
    work = replace(
        scene.work,
        option_ptr=ptr,
        option_machine=scene.work.option_machine[pick],
        option_factor=scene.work.option_factor[pick],
        option_defect=scene.work.option_defect[pick],
        **changed,
    )
    return replace(scene, work=work, lost_rate=scene.lost_rate[pick], late_rate=scene.late_rate[pick])


def _only_people(scene: Scene, shop: Shop, work: Work, operation: str, people: tuple[str, ...]) -> tuple[Shop, Work]:
    """A new skill that only these people have, for one operation."""
    wanted = set(people)
    codes = [at for at, members in enumerate(scene.members) if sum(one in wanted for one in members) * 2 > len(members)]
    place = {name: rank for rank, name in enumerate(people)}
    codes.sort(key=lambda at: min(place.get(name, len(people)) for name in scene.members[at]))
    skill_now = work.skill[(work.operation == scene.operations.index(operation)) & (work.skill >= 0)]
    if len(skill_now):
        able = set(shop.skill_person[shop.skill_ptr[skill_now[0]] : shop.skill_ptr[skill_now[0] + 1]].tolist())
        codes = [code for code in codes if code in able]
    steps = (work.operation == scene.operations.index(operation)) & (work.skill >= 0)
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


def _inspection(scene: Scene, lever: Lever) -> Scene:
    """Move an inspection to directly after an earlier operation; bad pieces are then not worked on in between.

    Rework that it sends back moves with it, where the operation that made the pieces comes before it; what later
    operations make is found by the inspections after them.
    """
    work = scene.work
    names = (_needed(lever, "operation"), _needed(lever, "after"))
    for name in names:
        if name not in scene.operations:
            raise InputError(f'inspection names operation "{name}", which the twin does not know', code="bad_lever")
    inspect, after = (scene.operations.index(name) for name in names)
    order, saved = _looked_earlier(work, inspect, after, float(lever.setting.get("caught", 0.0)))
    thinner = replace(
        work,
        run_s=work.run_s * saved,
        pieces=work.pieces * saved,
        expected_s=work.expected_s * saved if len(work.expected_s) else work.expected_s,
        expected_left_s=np.empty(0),
    )
    return _reorder(replace(scene, work=thinner), order)


def _looked_earlier(work: Work, inspect: int, after: int, caught: float) -> tuple[Ints, Floats]:
    """Order of the steps with the inspection of each job moved, and the share of the pieces that each step is left with.

    Rework of what was done before comes along behind the inspection; rework of what now lies behind it stays there.
    """
    steps, jobs = len(work.operation), len(work.release_s)
    at, job = np.arange(steps), np.repeat(np.arange(jobs), np.diff(work.first))
    regular = work.gate < 0

    def first_of(chosen: NDArray[np.bool_]) -> Ints:
        """First chosen step of each job; `steps` = none."""
        found = np.full(jobs, steps)
        np.minimum.at(found, job[chosen], at[chosen])
        return found

    target = first_of(regular & (work.operation == after)) + 1
    looked = first_of(regular & (work.operation == inspect) & (at > target[job]))
    end = first_of(regular & (at > looked[job]))
    to, look = target[job], looked[job]
    along = (at == look) | ((at > look) & (at < end[job]) & (work.gate < to))
    order = np.argsort(np.where(along, to - 0.5, at), kind="stable")
    return order, np.where((look < steps) & (at >= to) & (at < look), 1.0 - caught, 1.0)


def _reorder(scene: Scene, order: Ints) -> Scene:
    work = scene.work
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
    changed["gate"] = np.where(gate >= 0, place[gate], -1)
    moved = _options_at(scene, ptr, pick, **changed)
    return replace(moved, rework=scene.rework[order], lost_u=scene.lost_u[order], late_u=scene.late_u[order])


def _maintenance(scene: Scene, lever: Lever) -> Scene:
    """Fewer breakdowns for planned stops: `mtbf_factor` says how much longer the machine then runs between breakdowns.

    The planned stops themselves slow the machine's work down by the share of time that they take.
    """
    shop = scene.shop
    mtbf, factor = shop.mtbf_s.copy(), float(lever.setting.get("mtbf_factor", 1.0))
    _known([_needed(lever, "machine")], shop.machines, "machine")
    machine = shop.machines.index(lever.setting["machine"])
    mtbf[machine] *= factor
    takes_h, every_h = _above_zero(lever, "takes_h"), _above_zero(lever, "every_h")
    share = takes_h / (every_h + takes_h)
    work = scene.work
    slower = np.where(work.option_machine == machine, work.option_factor / (1.0 - share), work.option_factor)
    after = work.break_after_s.copy()
    if len(work.break_ptr):
        after[work.break_ptr[machine] : work.break_ptr[machine + 1]] *= factor
    work = replace(work, option_factor=slower, break_after_s=after)
    return replace(scene, shop=replace(shop, mtbf_s=mtbf), work=work)


def _schedule(scene: Scene, lever: Lever) -> Scene:
    """Follow the written sequence on the machines; its priorities are worked out while the run goes on (`rolling`)."""
    from zhizao.pilot.rolling import rolling_priorities

    every_h = float(lever.setting.get("every_h", 24.0))
    rule = np.full_like(scene.policy.rule, RULES.index("sequence"))
    policy = replace(scene.policy, rule=rule)
    priority: Floats = rolling_priorities(scene.shop, scene.work, policy, every_s=3600.0 * every_h)
    return replace(scene, policy=replace(policy, priority=priority))


_PULL: dict[str, Callable[[Scene, Lever], Scene]] = {
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
