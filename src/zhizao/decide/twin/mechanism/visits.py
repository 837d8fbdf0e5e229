"""Visits: reports that belong to one stay of an order at one machine, put together.

A set-up, the production after it, and the rest of the lot that the next shift reports are one visit, as long as the
machine did nothing else in between. Breakdowns and planned stops are taken out: they are the machine's, not the order's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.twin.mechanism.week import Week, learn_week, shifts_of, worked_s
from zhizao.decide.twin.records import Past
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Breakdowns", "Parts", "Stints", "Visits", "visits_of"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Breakdowns:
    """Breakdown reports.

    Parameters
    ----------
    machine : (B,) code
    start_s, end_s : (B,) clock seconds
    """

    machine: Ints
    start_s: Floats
    end_s: Floats


@dataclass(frozen=True, slots=True)
class Parts:
    """What each person reported of the visits: a lot that passes to the next shift is the work of both.

    Parameters
    ----------
    visit, person : (R,) codes, -1 = nobody named
    pieces, bad : (R,) reported, and of them bad (scrapped, or to be done again)
    """

    visit: Ints
    person: Ints
    pieces: Floats
    bad: Floats


@dataclass(frozen=True, slots=True)
class Stints:
    """When each person was at work on something.

    Parameters
    ----------
    person : (R,) code, -1 = nobody named
    start_s, end_s : (R,) clock seconds; end nan = still running
    """

    person: Ints
    start_s: Floats
    end_s: Floats


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits by case and start, (V,), and the hours of the resources that they show.

    Parameters
    ----------
    operations, machines, people : names by code; where records name no machine, people are the machines and there are
        no people beside them
    case, operation, machine, person : codes; person -1 = nobody named
    rework : the visit does again what was done badly before
    start_s, end_s : begin of the set-up (or the work), end of the work; clock seconds, nan end = still running
    setup_s, run_s : working seconds of set-up and of work
    good, scrap, again : pieces; nan = not reported
    label : code of the label in the records
    row : first production row in the past
    machine_week, person_week : (M, 336), (P, 336) hours
    breakdowns : what was taken out
    parts : who did how much of each visit; None = all of it by `person`
    stints : every piece of work of a person; None = the visits themselves
    """

    operations: tuple[str, ...]
    machines: tuple[str, ...]
    people: tuple[str, ...]
    case: Ints
    operation: Ints
    machine: Ints
    person: Ints
    rework: Flags
    start_s: Floats
    end_s: Floats
    setup_s: Floats
    run_s: Floats
    good: Floats
    scrap: Floats
    again: Floats
    label: Ints
    row: Ints
    machine_week: Week
    person_week: Week
    breakdowns: Breakdowns
    parts: Parts | None = None
    stints: Stints | None = None


def visits_of(
    past: Past,
    machine_hours: dict[int, NDArray[np.bool_]] | None = None,
    waits: tuple[Ints, Floats, Floats] | None = None,
) -> Visits:
    """Visits of the past.

    Parameters
    ----------
    past : records as arrays
    machine_hours : hours (336,) that the user declares, by machine code
    waits : machine, begin and end of waits in front of machines, from an earlier look at the visits
    """
    operations = tuple(sorted({kind.operation for kind in past.kinds}))
    op_of = np.array([operations.index(kind.operation) for kind in past.kinds])
    is_setup = np.array([kind.report == "setup" for kind in past.kinds])
    is_down = np.array([kind.report == "breakdown" for kind in past.kinds])
    is_stop = np.array([kind.report in ("breakdown", "maintenance") for kind in past.kinds])
    again_of = np.array([kind.is_rework for kind in past.kinds])
    swapped = past.real_machines == 0 and len(past.people) > 0
    machine = past.person if swapped else past.machine
    person = np.full(len(machine), -1) if swapped else past.person
    machines = past.people if swapped else past.machines
    people = () if swapped else past.people
    down = is_down[past.kind]
    broken = Breakdowns(machine[down], past.start_s[down], past.end_s[down])
    keep = np.flatnonzero(~is_stop[past.kind] & (machine >= 0))
    case, kind = past.case[keep], past.kind[keep]
    at, who, start, end = machine[keep], person[keep], past.start_s[keep], past.end_s[keep]
    week = learn_week(at, start, end, len(machines), waits)
    for code, given in (machine_hours or {}).items():
        week[code] = given
    people_week = shifts_of(learn_week(who, start, end, len(people)))
    operation, setup, again = op_of[kind], is_setup[kind], again_of[kind]
    # the row before on the same machine
    order = np.lexsort((end, start, at))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    previous = np.full(len(order), -1)
    inside = place > 0
    previous[inside] = order[place[inside] - 1]
    joined = np.zeros(len(keep), bool)
    joined[1:] = (
        (case[1:] == case[:-1])
        & (operation[1:] == operation[:-1])
        & (at[1:] == at[:-1])
        & (again[1:] == again[:-1])
        & (previous[1:] == np.arange(len(keep) - 1))
        & ~(setup[1:] & ~setup[:-1])
    )
    head = np.flatnonzero(~joined)
    span = np.maximum(end - start, 0.0)
    worked = np.nan_to_num(worked_s(week, at, np.nan_to_num(end)) - worked_s(week, at, start))
    worked = np.where(np.isnan(end), 0.0, np.where(worked < 0.3 * span, span, worked))
    production = np.where(setup, np.inf, np.arange(len(keep)))
    main = np.minimum.reduceat(production, head)
    main = np.where(np.isfinite(main), main, head).astype(np.int64)
    return Visits(
        operations=operations,
        machines=machines,
        people=people,
        case=case[head],
        operation=operation[head],
        machine=at[head],
        person=who[main],
        rework=again[head],
        start_s=start[head],
        end_s=np.maximum.reduceat(np.where(np.isnan(end), np.inf, end), head),
        setup_s=np.add.reduceat(np.where(setup, worked, 0.0), head),
        run_s=np.add.reduceat(np.where(setup, 0.0, worked), head),
        good=_total(past.good[keep], setup, head),
        scrap=_total(past.scrap[keep], setup, head),
        again=_total(past.again[keep], setup, head),
        label=past.label[keep][main],
        row=keep[main],
        machine_week=week,
        person_week=people_week,
        breakdowns=broken,
        parts=_parts(np.cumsum(~joined) - 1, who, setup, past.good[keep], past.scrap[keep], past.again[keep]),
        stints=Stints(who, start, end),
    )


def _parts(visit: Ints, who: Ints, setup: Flags, good: Floats, scrap: Floats, again: Floats) -> Parts:
    """Production rows with quantities."""
    told = np.flatnonzero(~setup & ~(np.isnan(good) & np.isnan(scrap)))
    bad = np.nan_to_num(scrap[told]) + np.nan_to_num(again[told])
    return Parts(visit[told], who[told], np.nan_to_num(good[told]) + bad, bad)


def _total(values: Floats, setup: Flags, head: Ints) -> Floats:
    """Sum per visit of what its production rows report; nan when none of them reports."""
    told = ~np.isnan(values) & ~setup
    total = np.add.reduceat(np.where(told, values, 0.0), head)
    return np.where(np.add.reduceat(told.astype(float), head) > 0, total, np.nan)
