"""Hours moved from machines that idle to machines that orders wait for, the sum of hours staying as it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.twin.mechanism import Scene
from zhizao.decide.twin.mechanism.week import pattern
from zhizao.decide.twin.shop import Floats

__all__ = ["Week", "moved_hours", "weekly_hours"]

Week = list[list[float]]
"""[[ISO weekday, from, to], ...] in hours of local time; `to` may pass 24."""


def weekly_hours(scene: Scene, resource: str) -> Week:
    """The weekly pattern of a machine or a person, as learned."""
    if resource in scene.shop.machines:
        row = scene.machine_week[scene.shop.machines.index(resource)]
    else:
        row = scene.member_week[scene.member_code[resource]]
    return [[int(day), start, end] for day, start, end in pattern(row)]


def moved_hours(scene: Scene, busy: Floats) -> Iterator[tuple[str, dict[str, Week], str]]:
    """Proposals (name, setting, reason): the plant's machine hours shared out anew, their sum staying as it is.

    Hours go where machines would otherwise be busiest: each machine gets its busy hours over one common load, within
    the hours of the day in which the plant is open at all. The proposals go a third, two thirds and all of the way.
    Machines that run unattended take no part.

    Parameters
    ----------
    scene : the run
    busy : (M,) share of its working time that each machine is busy
    """
    names = scene.shop.machines
    manned = _manned(scene)
    weeks = [weekly_hours(scene, name) for name in names]
    open_h = np.array([sum(end - start for _, start, end in week) for week in weeks])
    part = np.flatnonzero(manned & (open_h > 4.0))
    if len(part) < 2:
        return
    window = _window([weeks[m] for m in part])
    most = sum(end - start for start, end in window.values())
    need = busy[part] * open_h[part]
    target = _shared_out(need, open_h[part], most)
    if np.abs(target - open_h[part]).max() < 2.0:
        return
    for way in (1.0 / 3.0, 2.0 / 3.0, 1.0):
        changed: dict[str, Week] = {}
        for m, wanted in zip(part, open_h[part] + way * (target - open_h[part]), strict=True):
            if abs(wanted - open_h[m]) >= 1.0:
                changed[names[m]] = _week_of(weeks[m], float(wanted), window)
        longer = [name for name in changed if _length(changed[name]) > _length(weeks[names.index(name)])]
        if not longer:
            continue
        for name in longer:
            changed.update(_people_along(scene, names.index(name), changed[name]))
        why = "; ".join(
            f"{name} is busy {100 * busy[names.index(name)]:.0f} % of its {open_h[names.index(name)]:.0f} h a week"
            for name in longer[:4]
        )
        yield f"hours:{round(100 * way)}%", changed, why


def _length(week: Week) -> float:
    return sum(end - start for _, start, end in week)


def _manned(scene: Scene) -> NDArray[np.bool_]:
    """(M,) machines at which somebody has to be for at least one of their operations; all, where nobody is named."""
    work = scene.work
    if not scene.members:
        return np.ones(len(scene.shop.machines), bool)
    step_of = np.repeat(np.arange(len(work.operation)), np.diff(work.option_ptr))
    out = np.zeros(len(scene.shop.machines), bool)
    out[np.unique(work.option_machine[work.skill[step_of] >= 0])] = True
    return out


def _window(weeks: list[Week]) -> dict[int, tuple[float, float]]:
    """Earliest begin and latest end of each weekday on which at least a third of the machines work."""
    out: dict[int, tuple[float, float]] = {}
    for day in range(1, 8):
        spans = [(start, end) for week in weeks for weekday, start, end in week if int(weekday) == day]
        working = sum(any(int(weekday) == day for weekday, *_ in week) for week in weeks)
        if working * 3 >= len(weeks):
            out[day] = (min(start for start, _ in spans), max(end for _, end in spans))
    return out


def _shared_out(need: Floats, open_h: Floats, most: float) -> Floats:
    """Hours of each machine at one common load, within [what it needs at 90 %, the open week], summing as before."""
    high = np.maximum(most, open_h)
    low = np.minimum(np.maximum(need / 0.9, 4.0), high)
    a, b = 0.02, 1.5
    for _ in range(60):
        load = 0.5 * (a + b)
        if np.clip(need / load, low, high).sum() > open_h.sum():
            a = load
        else:
            b = load
    hours: Floats = np.clip(need / b, low, high)
    return hours


def _week_of(week: Week, hours: float, window: dict[int, tuple[float, float]]) -> Week:
    """A week of so many hours: the machine's own days made longer or shorter at their end, then other open days added."""
    begin = {int(day): min(s for d, s, _ in week if d == day) for day, *_ in week}
    days = sorted(set(begin) | set(window))
    room = {day: window[day][1] - window[day][0] if day in window else 0.0 for day in days}
    own = {day: sum(e - s for d, s, e in week if int(d) == day) for day in days}
    if hours <= sum(own.values()):
        each = {day: own[day] * hours / sum(own.values()) for day in days}
    else:
        each = {day: max(own[day], room[day]) for day in days}
        extra = sum(each.values()) - hours
        growth = {day: each[day] - own[day] for day in days}
        total = sum(growth.values())
        each = {day: each[day] - (extra * growth[day] / total if total > 0 and extra > 0 else 0.0) for day in days}
    out: Week = []
    for day in days:
        length = round(each[day] * 2) / 2
        if length < 0.5:
            continue
        start = min(begin.get(day, 24.0), window[day][0] if day in window else 24.0)
        out.append([int(day), start, min(start + length, 48.0)])
    return out


def _people_along(scene: Scene, machine: int, longer: Week) -> dict[str, Week]:
    """Somebody for the added hours: the person with the skill whose shift ends closest before them comes and goes later.

    Nobody works longer; where somebody with the skill is at work in those hours already, nothing changes.
    """
    shop, work = scene.shop, scene.work
    sizes = np.diff(work.option_ptr)
    step_of = np.repeat(np.arange(len(sizes)), sizes)
    skills = np.unique(work.skill[np.unique(step_of[work.option_machine == machine])])
    names = {
        name
        for skill in skills[skills >= 0]
        for post in shop.skill_person[shop.skill_ptr[skill] : shop.skill_ptr[skill + 1]]
        for name in scene.members[post]
    }
    end = {int(day[0]): day[2] for day in longer}
    best: tuple[float, str, Week] | None = None
    for name in sorted(names):
        week = weekly_hours(scene, name)
        gaps = [end[int(day[0])] - day[2] for day in week if int(day[0]) in end]
        if not gaps:
            continue
        gap = float(np.mean(gaps))
        if gap <= 0.1:
            return {}
        if best is None or gap < best[0]:
            best = (gap, name, week)
    if best is None:
        return {}
    gap, name, week = best
    return {name: [[int(day), round(start + gap, 2), round(stop + gap, 2)] for day, start, stop in week]}
