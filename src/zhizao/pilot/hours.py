"""Hours moved from machines that idle to machines that orders wait for, the sum of hours staying as it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zhizao.decide.twin.shop import Floats
from zhizao.pilot.levers import Bench

__all__ = ["Week", "moved_hours", "weekly_hours"]

Week = list[list[float]]
"""[[ISO weekday, from, to], ...] in hours of local time; `to` may pass 24."""

_LONGEST_DAY_H = 20.0


def weekly_hours(bench: Bench, calendar: int) -> Week:
    """The weekly pattern behind a calendar of the run: the intervals of its most usual week, in local time.

    Parameters
    ----------
    bench : the run
    calendar : index of the calendar; -1 = always at work
    """
    if calendar < 0:
        return [[float(day), 0.0, 24.0] for day in range(1, 8)]
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    shop, zone = bench.shop, ZoneInfo(bench.zone)
    a, b = int(shop.calendar_ptr[calendar]), int(shop.calendar_ptr[calendar + 1])
    weeks: dict[tuple[int, int], dict[int, list[tuple[float, float]]]] = {}
    for on, off in zip(shop.on_s[a:b], shop.off_s[a:b], strict=True):
        local = datetime.fromtimestamp(bench.start_ns / 1e9 + float(on), UTC).astimezone(zone)
        year, week, day = local.isocalendar()
        begin = round(local.hour + local.minute / 60.0 + local.second / 3600.0, 2)
        weeks.setdefault((year, week), {}).setdefault(day, []).append(
            (begin, round(begin + float(off - on) / 3600.0, 2))
        )
    usual: Week = []
    for day in range(1, 8):
        seen = [tuple(days.get(day, [])) for key, days in sorted(weeks.items())[1:-1] or sorted(weeks.items())]
        if not seen:
            continue
        most = max(sorted(set(seen)), key=seen.count)
        usual.extend([float(day), start, end] for start, end in most)
    return usual


def moved_hours(bench: Bench, busy: Floats, waiting_h: Floats) -> Iterator[tuple[str, str, dict[str, Week], str]]:
    """Proposals (name, scope, setting, reason) of hours to move.

    Parameters
    ----------
    bench : the run
    busy : (M,) share of its working time that each machine is busy
    waiting_h : (M,) hours that orders waited for each machine
    """
    shop = bench.shop
    if len(shop.machines) < 2 or not waiting_h.any():
        return
    weeks = [weekly_hours(bench, int(one)) for one in shop.machine_calendar]
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
            changed.update(_people_along(bench, target, longer))
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


def _people_along(bench: Bench, machine: int, longer: Week) -> dict[str, Week]:
    """People whose skill the machine needs, shifted so that somebody is there in the added hours.

    The latest person with the skill starts and leaves later by the hours added; nobody works longer.
    """
    shop, work = bench.shop, bench.work
    if not shop.people:
        return {}
    sizes = np.diff(work.option_ptr)
    step_of = np.repeat(np.arange(len(sizes)), sizes)
    steps = np.unique(step_of[work.option_machine == machine])
    skills = np.unique(work.skill[steps])
    codes: set[int] = set()
    for skill in skills[skills >= 0]:
        codes.update(shop.skill_person[shop.skill_ptr[skill] : shop.skill_ptr[skill + 1]].tolist())
    end = {int(day[0]): day[2] for day in longer}
    best: tuple[float, int, Week] | None = None
    for code in sorted(codes):
        week = weekly_hours(bench, int(shop.person_calendar[code]))
        gaps = [end[int(day[0])] - day[2] for day in week if int(day[0]) in end]
        if not gaps:
            continue
        gap = float(np.mean(gaps))
        if gap <= 0.1:
            return {}  # somebody is there already
        if best is None or gap < best[0]:
            best = (gap, code, week)
    if best is None:
        return {}
    gap, code, week = best
    return {shop.people[code]: [[day, round(start + gap, 2), round(stop + gap, 2)] for day, start, stop in week]}
