"""Hours moved from machines that idle to machines that orders wait for, the sum of hours staying as it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zhizao.decide.twin.mechanism import Scene
from zhizao.decide.twin.mechanism.week import pattern
from zhizao.decide.twin.shop import Floats

__all__ = ["Week", "moved_hours", "weekly_hours"]

Week = list[list[float]]
"""[[ISO weekday, from, to], ...] in hours of local time; `to` may pass 24."""

_LONGEST_DAY_H = 20.0


def weekly_hours(scene: Scene, resource: str) -> Week:
    """The weekly pattern of a machine or a person, as learned."""
    if resource in scene.shop.machines:
        row = scene.machine_week[scene.shop.machines.index(resource)]
    else:
        row = scene.member_week[scene.member_code[resource]]
    return [[day, start, end] for day, start, end in pattern(row)]


def moved_hours(scene: Scene, busy: Floats, waiting_h: Floats) -> Iterator[tuple[str, str, dict[str, Week], str]]:
    """Proposals (name, scope, setting, reason) of hours to move.

    Parameters
    ----------
    scene : the run
    busy : (M,) share of its working time that each machine is busy
    waiting_h : (M,) hours that orders waited for each machine
    """
    shop = scene.shop
    if len(shop.machines) < 2 or not waiting_h.any():
        return
    weeks = [weekly_hours(scene, name) for name in shop.machines]
    open_h = np.array([sum(end - start for _, start, end in week) for week in weeks])
    short = [int(m) for m in np.argsort(-waiting_h) if waiting_h[m] > 0.05 * waiting_h.sum() and busy[m] > 0.6][:3]
    for target in short:
        givers = [int(m) for m in np.argsort(busy) if m != target and busy[m] < 0.6 * busy[target] and open_h[m] > 8]
        for step in (5.0, 10.0):
            given, changed = 0.0, {}
            for giver in givers:
                spare = min(step - given, open_h[giver] * (1.0 - busy[giver] / 0.85))
                if spare < 1.0:
                    continue
                shorter, taken = _shorten(weeks[giver], spare)
                if taken >= 1.0:
                    changed[shop.machines[giver]] = shorter
                    given += taken
                if given >= step - 0.5:
                    break
            longer, added = _lengthen(weeks[target], given)
            if added < 1.0:
                continue
            changed[shop.machines[target]] = longer
            changed.update(_people_along(scene, target, longer))
            name = shop.machines[target]
            why = (
                f"{name} is busy {100 * busy[target]:.0f} % of its {open_h[target]:.0f} h a week and orders wait for it;"
                f" {added:.0f} h come from machines that idle"
            )
            yield f"hours:{name}+{added:.0f}", name, changed, why


def _shorten(week: Week, hours: float) -> tuple[Week, float]:
    """Take hours off the ends of the week's working days, evenly."""
    days = [list(one) for one in week]
    cut = hours / max(len(days), 1)
    taken = 0.0
    for day in days:
        part = float(np.clip(cut, 0.0, max(day[2] - day[1] - 1.0, 0.0)))
        day[2] = round(day[2] - part, 2)
        taken += part
    return days, round(taken, 2)


def _lengthen(week: Week, hours: float) -> tuple[Week, float]:
    """Add hours to the ends of the week's working days, evenly, to at most 20 h a day."""
    days = [list(one) for one in week]
    if not days or hours <= 0:
        return days, 0.0
    last = {}
    for at, day in enumerate(days):
        last[int(day[0])] = at
    each, added = hours / len(last), 0.0
    for weekday, at in last.items():
        worked = sum(day[2] - day[1] for day in days if int(day[0]) == weekday)
        following = [day[1] + 24.0 for day in days if int(day[0]) == weekday % 7 + 1]
        room = min(_LONGEST_DAY_H - worked, min(following, default=48.0) - days[at][2])
        part = float(np.clip(each, 0.0, max(room, 0.0)))
        days[at][2] = round(days[at][2] + part, 2)
        added += part
    return days, round(added, 2)


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
    return {name: [[day, round(start + gap, 2), round(stop + gap, 2)] for day, start, stop in week]}
