"""The checker: every promise that a schedule breaks, in words.

It reads the problem and the schedule and nothing else; no solver, kernel or decoder is used here, and its arithmetic of
open time is its own (sets of intervals, not binary search).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from zhizao.decide.schedule.problem import FOREVER, Problem
from zhizao.decide.schedule.schedule import Schedule

__all__ = ["check"]


def check(problem: Problem, schedule: Schedule) -> list[str]:
    """Broken promises of a schedule, in words.

    Parameters
    ----------
    problem : what was to be scheduled
    schedule : what is to be judged

    Returns
    -------
    one sentence for each broken promise; empty when all are kept

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem.of_jobs([[{0: 3}], [{0: 2}]], machines=["lathe"])
    >>> plan = Schedule(*(np.array(x) for x in ([0, 1], [0, 2], [3, 4], [0, 0])))
    >>> check(problem, plan)
    ['J1/1 starts at 2 on lathe, where J0/1 works from 0 to 3']
    """
    n = problem.operations
    parts = (schedule.option, schedule.start_s, schedule.end_s, schedule.setup_s)
    if any(len(part) != n for part in parts):
        return [f"the schedule has {len(schedule.start_s)} operations, the problem {n}"]
    option, start, end, setup = ([int(x) for x in part] for part in parts)
    said = [
        f"{problem.name(i)} takes option {option[i]}, which is not one of its own"
        for i in range(n)
        if not problem.option_ptr[i] <= option[i] < problem.option_ptr[i + 1]
    ]
    if said:
        return said
    machine = [int(problem.option_machine[o]) for o in option]
    for i in range(n):
        said += _time_of(problem, i, machine[i], int(problem.option_s[option[i]]), start[i], end[i])
    said += _precedences(problem, start, end)
    said += _machines(problem, machine, start, end, setup)
    said += _people(problem, start, end)
    return said


def _open_seconds(closed: tuple[tuple[int, int], ...], start: int, end: int) -> int:
    return end - start - sum(max(min(b, end) - max(a, start), 0) for a, b in closed)


def _time_of(problem: Problem, i: int, machine: int, work: int, start: int, end: int) -> list[str]:
    name, said = problem.name(i), []
    closed = problem.closed[machine] if machine >= 0 else ()
    frozen = int(problem.frozen_s[i])
    if start < 0:
        said.append(f"{name} starts at {start}, before time 0")
    if frozen >= 0 and start != frozen:
        said.append(f"{name} is frozen at {frozen} but starts at {start}")
    where = problem.machines[machine] if machine >= 0 else "no machine"
    if problem.spans[i]:
        done = _open_seconds(closed, start, end)
        if done != work:
            said.append(f"{name} gets {done} s of open time on {where} instead of {work} s")
        elif work and any(a <= start < b for a, b in closed) and frozen < 0:
            said.append(f"{name} starts at {start} while {where} is closed")
        elif work and any(a < end <= b for a, b in closed):
            said.append(f"{name} ends at {end} while {where} is closed")
    else:
        if end - start != work:
            said.append(f"{name} takes {end - start} s on {where} instead of {work} s")
        shut = any(a < end and start < b for a, b in closed) or (not work and any(a <= start < b for a, b in closed))
        if shut and frozen < 0:
            said.append(f"{name} works from {start} to {end} while {where} is closed")
    job = int(problem.job[i])
    if frozen < 0 and start < problem.release_s[job] + problem.delay_s[i]:
        said.append(f"{name} starts at {start}, before its job may ({problem.release_s[job] + problem.delay_s[i]})")
    if problem.deadline_s[job] < FOREVER and end > problem.deadline_s[job]:
        said.append(f"{name} ends at {end}, after the deadline {problem.deadline_s[job]}")
    return said


def _precedences(problem: Problem, start: list[int], end: list[int]) -> list[str]:
    links = [(i - 1, i) for i in range(1, problem.operations) if problem.job[i] == problem.job[i - 1]]
    links += [(int(a), int(b)) for a, b in problem.arcs]
    said = []
    for a, b in links:
        wait = 0 if problem.frozen_s[b] >= 0 else int(problem.delay_s[b])
        if start[b] < end[a] + wait:
            after = f" plus {wait} s of waiting" if wait else ""
            said.append(f"{problem.name(b)} starts at {start[b]}, before {problem.name(a)} ends at {end[a]}{after}")
    return said


def _machines(problem: Problem, machine: list[int], start: list[int], end: list[int], setup: list[int]) -> list[str]:
    rows: dict[int, list[int]] = defaultdict(list)
    for i, k in enumerate(machine):
        if k >= 0:
            rows[k].append(i)
    said = [f"{problem.name(i)} has a set-up of {setup[i]} s without a machine"
            for i, k in enumerate(machine) if k < 0 and setup[i] != 0]  # fmt: skip
    for k, row in rows.items():
        name, closed = problem.machines[k], problem.closed[k]
        matrix = problem.setup_s[k] if problem.setup_s.ndim == 3 else problem.setup_s
        fitted = int(problem.machine_family[k])
        reached, holder = 0, -1
        for i in _in_turn(problem, row, start, end):
            if start[i] < reached:
                at = f"starts at {start[i]} on {name}, where {problem.name(holder)} works"
                said.append(f"{problem.name(i)} {at} from {start[holder]} to {end[holder]}")
            family = int(problem.family[i])
            needed = int(matrix[fitted, family]) if family >= 0 and fitted >= 0 else 0
            exempt = problem.frozen_s[i] >= 0 and (holder < 0 or problem.frozen_s[holder] >= 0)
            if needed and not exempt and start[i] >= reached and _open_seconds(closed, reached, start[i]) < needed:
                since = problem.name(holder) if holder >= 0 else "time 0"
                said.append(
                    f"{problem.name(i)} starts at {start[i]} on {name} without {needed} s of set-up since {since}"
                )
            if setup[i] != needed:
                said.append(f"{problem.name(i)} counts {setup[i]} s of set-up instead of {needed} s on {name}")
            fitted = family if family >= 0 else fitted
            if end[i] >= reached:
                reached, holder = end[i], i
    return said


def _in_turn(problem: Problem, row: list[int], start: list[int], end: list[int]) -> list[int]:
    """Operations of a machine in the order in which it takes them.

    Operations of no length may share a second with others; their order then decides set-ups, so a precedence between
    them is honoured, and otherwise the order of the problem is taken.
    """
    ranked = sorted(row, key=lambda i: (start[i], end[i]))
    if all(start[a] < start[b] or end[a] > start[a] for a, b in pairwise(ranked)):
        return ranked
    from graphlib import TopologicalSorter

    graph: dict[int, set[int]] = {i: set() for i in range(problem.operations)}
    for i in range(1, problem.operations):
        if problem.job[i] == problem.job[i - 1]:
            graph[i].add(i - 1)
    for a, b in problem.arcs:
        graph[int(b)].add(int(a))
    place = {i: at for at, i in enumerate(TopologicalSorter(graph).static_order())}
    return sorted(row, key=lambda i: (start[i], end[i], place[i]))


def _people(problem: Problem, start: list[int], end: list[int]) -> list[str]:
    said = []
    for g, size in enumerate(problem.group_size):
        row = [i for i in range(problem.operations) if problem.group[i] == g]
        edges = sorted(
            [(start[i], 1, i) for i in row if end[i] > start[i]] + [(end[i], -1, i) for i in row if end[i] > start[i]],
            key=lambda e: (e[0], e[1]),
        )
        busy, worst, at = 0, 0, -1
        for time, step, i in edges:
            busy += step
            if busy > worst:
                worst, at = busy, i
            _ = time
        if worst > size:
            said.append(f"{problem.name(at)} starts when {worst} people of group {g} are needed; it has {int(size)}")
        if not size and row and worst <= size:
            said.append(f"{problem.name(row[0])} needs somebody of group {g}, which has nobody")
    return said
