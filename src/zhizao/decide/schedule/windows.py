"""Large-neighbourhood search with CP-SAT: the operations of a stretch of time are freed, all others keep their order.

What comes before the stretch becomes releases, busy machines and the set-up in place; what comes after it is stood for
by due dates, since a job that leaves the stretch late by so much is late by so much at its end. The decoder then times
the whole, so a window that deceived itself is thrown away.
"""

from __future__ import annotations

import heapq
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.schedule.arrays import pairs
from zhizao.decide.schedule.exact import by_exact
from zhizao.decide.schedule.problem import FOREVER, Ints, Problem
from zhizao.decide.schedule.rules import Floor, Plan

__all__ = ["Windows", "cut_out", "mend"]


class Windows:
    """Frees one stretch of time a round; an `engines.Engine`.

    Parameters
    ----------
    floor : the problem laid out for timing
    rng : where the stretches begin
    size : operations in a stretch
    effort : allowance of each, in CP-SAT's deterministic time
    """

    name = "windows"

    def __init__(self, floor: Floor, rng: np.random.Generator, *, size: int = 100, effort: float = 1.0) -> None:
        self._floor, self._rng, self._size, self._effort = floor, rng, size, effort

    def round(self, best: Plan, bound: float, seconds: float = 5.0) -> Plan | None:
        """One window, in at most so many seconds; see `engines.Engine.round`."""
        problem = self._floor.problem
        by_start = np.lexsort((_rank(best.order), best.end, best.start))
        free = by_start[problem.frozen_s[by_start] < 0]
        if not len(free):
            return None
        at = int(self._rng.integers(0, max(len(free) - self._size // 2, 1)))
        inside = np.zeros(problem.operations, bool)
        inside[free[at : at + self._size]] = True
        part, members = cut_out(problem, best, inside)
        shift = problem.option_ptr[members] - part.option_ptr[:-1]
        inner = Floor(part, fast=False)
        order = np.lexsort((_rank(best.order)[members], best.start[members]))
        hint = inner.time(mend(part, order), best.option[members] - shift)
        answer = by_exact(
            part, seed=int(self._rng.integers(1 << 30)), effort=self._effort, seconds=seconds, hint=hint, floor=inner
        )
        if answer.plan is None or answer.plan.cost >= hint.cost:
            return None
        key, option = best.start.copy(), best.option.copy()
        key[members] = answer.plan.start
        option[members] = answer.plan.option + shift
        order = mend(problem, np.lexsort((_rank(best.order), key)))
        plan = self._floor.time(order, option, best.hold)
        return plan if plan.cost < best.cost else None


def cut_out(problem: Problem, plan: Plan, inside: NDArray[np.bool_]) -> tuple[Problem, Ints]:
    """The problem of the operations inside alone, between what stands before and after them in a plan.

    Parameters
    ----------
    problem, plan : the whole
    inside : (N,) operations to be freed

    Returns
    -------
    the smaller problem, and (n,) the operations of the whole that its own stand for
    """
    members = np.flatnonzero(inside)
    begin = int(plan.start[members].min())
    job = problem.job[members]
    jobs, local = np.unique(job, return_inverse=True)
    first = np.concatenate([[0], np.cumsum(np.bincount(local))])
    machine = problem.option_machine[plan.option]
    links = pairs(problem)
    release = problem.release_s[jobs].copy()
    ready = np.zeros(len(members), np.int64)
    where = np.full(problem.operations, -1)
    where[members] = np.arange(len(members))
    outside = ~inside[links[:, 0]] & inside[links[:, 1]]
    for a, b in links[outside].tolist():
        if plan.start[a] <= plan.start[b]:
            ready[where[b]] = max(ready[where[b]], int(plan.end[a]))
    np.maximum.at(release, local, np.where(np.arange(len(members)) == first[local], ready, 0))
    end_of_job = np.full(len(problem.jobs), 0, np.int64)
    np.maximum.at(end_of_job, problem.job, plan.end)
    end_inside = np.zeros(len(jobs), np.int64)
    np.maximum.at(end_inside, local, plan.end[members])
    tail = end_of_job[jobs] - end_inside
    due = np.where(problem.due_s[jobs] >= FOREVER, FOREVER, problem.due_s[jobs] - tail)
    deadline = np.where(problem.deadline_s[jobs] >= FOREVER, FOREVER, np.maximum(problem.deadline_s[jobs] - tail, 0))
    fitted, closed = problem.machine_family.copy(), list(problem.closed)
    earlier = np.flatnonzero(~inside & (plan.start < begin) & (machine >= 0))
    busy = np.zeros(len(problem.machines), np.int64)
    for i in earlier[np.argsort(plan.start[earlier], kind="stable")].tolist():
        busy[machine[i]] = max(busy[machine[i]], int(plan.end[i]))
        if problem.family[i] >= 0:
            fitted[machine[i]] = problem.family[i]
    for k in np.flatnonzero(busy).tolist():
        closed[k] = ((0, int(busy[k])), *((max(a, int(busy[k])), b) for a, b in closed[k] if b > busy[k]))
    goal = problem.objective
    last = int(plan.end.max())
    if goal.makespan and not goal.tardiness:  # the end of all, seen from each job: a due date where its tail begins
        due = np.minimum(due, last - tail)
    inner = inside[links[:, 0]] & inside[links[:, 1]]
    arcs = where[links[inner]]
    counts = np.diff(problem.option_ptr)[members]
    picks = np.concatenate([np.arange(problem.option_ptr[i], problem.option_ptr[i + 1]) for i in members])
    part = Problem(
        first=first, option_ptr=np.concatenate([[0], np.cumsum(counts)]),
        option_machine=problem.option_machine[picks], option_s=problem.option_s[picks], machines=problem.machines,
        release_s=release, due_s=due, deadline_s=deadline, weight=problem.weight[jobs], arcs=arcs,
        delay_s=problem.delay_s[members],
        family=problem.family[members], setup_s=problem.setup_s, machine_family=fitted, closed=tuple(closed),
        spans=problem.spans[members], group=problem.group[members], group_size=problem.group_size,
        objective=replace(goal, makespan=0.0, tardiness=goal.tardiness or goal.makespan),
        before=None if problem.before is None else (problem.before[0][members], problem.before[1][members]),
    )  # fmt: skip
    return part, members


def _rank(order: Ints) -> Ints:
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def mend(problem: Problem, order: Ints) -> Ints:
    """The order with each operation after all that it must follow."""
    links = pairs(problem)
    rank = _rank(order)
    if (rank[links[:, 0]] < rank[links[:, 1]]).all():
        return order
    after: list[list[int]] = [[] for _ in order]
    waits = [0] * len(order)
    for a, b in links.tolist():
        after[a].append(b)
        waits[b] += 1
    ready = [(int(rank[i]), i) for i in range(len(order)) if not waits[i]]
    heapq.heapify(ready)
    out = []
    while ready:
        _, i = heapq.heappop(ready)
        out.append(i)
        for k in after[i]:
            waits[k] -= 1
            if not waits[k]:
                heapq.heappush(ready, (int(rank[k]), k))
    return np.array(out, np.int64)
