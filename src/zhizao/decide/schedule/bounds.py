"""What no schedule can beat: jobs alone, machines alone, and the load of all machines shared out at best.

The load of flexible operations is shared out by a linear programme (HiGHS): its value is a bound on the makespan, and
the shares say which machine each operation belongs on when the shop is large.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.schedule import kernels
from zhizao.decide.schedule.arrays import Data, arrays
from zhizao.decide.schedule.problem import FOREVER, Ints, Problem

__all__ = ["Load", "chain_bound", "heads_and_tails", "impossible", "machine_bound", "share_load"]


@dataclass(frozen=True, eq=False, slots=True)
class Load:
    """Machine load shared out at best.

    Parameters
    ----------
    bound : seconds before which not all machines can be done (a bound on the makespan)
    share : (K,) share of each option, 0..1, summing to 1 over each operation
    """

    bound: float
    share: NDArray[np.float64]


def earliest(problem: Problem, data: Data | None = None) -> Ints | None:
    """(N,) earliest end of each operation if no other job, machine or person stood in its way.

    None when some operation can never end: closed machines, or a group without people.
    """
    d = data if data is not None else arrays(problem, lists=True)
    ends = [0] * d.n
    waits = [d.pred_ptr[i + 1] - d.pred_ptr[i] for i in range(d.n)]
    free = [i for i in range(d.n) if not waits[i]]
    size = problem.group_size.tolist()
    while free:
        i = free.pop()
        ready = d.release[i]
        for a in range(d.pred_ptr[i], d.pred_ptr[i + 1]):
            ready = max(ready, ends[d.pred[a]])
        ready += d.delay[i]
        best = FOREVER
        for o in range(d.option_ptr[i], d.option_ptr[i + 1]):
            machine, work = d.option_machine[o], d.option_s[o]
            if d.frozen[i] >= 0:
                end = d.frozen[i] + work
                if d.spans[i] and machine >= 0:
                    end = kernels.advance(d.closed, machine, d.frozen[i], work)
            elif machine < 0:
                end = ready + work
            elif d.spans[i]:
                end = kernels.advance(d.closed, machine, kernels.next_open(d.closed, machine, ready), work)
            else:
                end = kernels.fit(d.closed, machine, ready, work) + work
            best = min(best, end)
        if best >= FOREVER or (d.group[i] >= 0 and not size[d.group[i]]):
            return None
        ends[i] = best
        for b in range(d.succ_ptr[i], d.succ_ptr[i + 1]):
            waits[d.succ[b]] -= 1
            if not waits[d.succ[b]]:
                free.append(d.succ[b])
    return np.array(ends, np.int64)


def impossible(problem: Problem) -> str:
    """Why no schedule can exist, in words; empty when nothing of the kind is plain to see.

    Examples
    --------
    >>> impossible(Problem.of_jobs([[{0: 9}]], machines=1, deadline_s=[5]))
    'J0/1 cannot end before 9, its deadline is 5'
    """
    for i in range(problem.operations):
        if problem.group[i] >= 0 and not problem.group_size[problem.group[i]]:
            return f"{problem.name(i)} needs somebody of group {problem.group[i]}, which has nobody"
    ends = earliest(problem)
    if ends is None:
        return "some operation has no machine that stays open long enough"
    late = np.flatnonzero(ends > problem.deadline_s[problem.job])
    if len(late):
        i = int(late[0])
        return f"{problem.name(i)} cannot end before {ends[i]}, its deadline is {problem.deadline_s[problem.job[i]]}"
    return ""


def heads_and_tails(problem: Problem) -> tuple[Ints, Ints]:
    """(N,) seconds before each operation can start, and seconds that must follow its end; calendars are left out."""
    d = arrays(problem, lists=True)
    least = np.minimum.reduceat(problem.option_s, problem.option_ptr[:-1]).tolist() if d.n else []
    head, tail = [0] * d.n, [0] * d.n
    waits = [d.pred_ptr[i + 1] - d.pred_ptr[i] for i in range(d.n)]
    turn = [i for i in range(d.n) if not waits[i]]
    for i in turn:
        head[i] = d.release[i]
        for a in range(d.pred_ptr[i], d.pred_ptr[i + 1]):
            head[i] = max(head[i], head[d.pred[a]] + least[d.pred[a]])
        head[i] = d.frozen[i] if d.frozen[i] >= 0 else head[i] + d.delay[i]
        for b in range(d.succ_ptr[i], d.succ_ptr[i + 1]):
            waits[d.succ[b]] -= 1
            if not waits[d.succ[b]]:
                turn.append(d.succ[b])
    for i in reversed(turn):
        for b in range(d.succ_ptr[i], d.succ_ptr[i + 1]):
            after = d.succ[b]
            wait = 0 if d.frozen[after] >= 0 else d.delay[after]
            tail[i] = max(tail[i], tail[after] + least[after] + wait)
    return np.array(head, np.int64), np.array(tail, np.int64)


def chain_bound(problem: Problem) -> float:
    """Objective if each job had the shop to itself."""
    ends = earliest(problem)
    if ends is None:
        return float("inf")
    last = np.full(len(problem.first) - 1, -1, np.int64)
    np.maximum.at(last, problem.job, ends)
    some = last >= 0
    goal = problem.objective
    late = np.where(some & (problem.due_s < FOREVER), np.maximum(last - problem.due_s, 0), 0)
    flow = float(np.maximum(last - problem.release_s, 0)[some].mean()) if some.any() else 0.0
    spread = goal.makespan * float(ends.max(initial=0)) + goal.tardiness * float((late * problem.weight).sum())
    return spread + goal.flow * flow


def machine_bound(problem: Problem) -> float:
    """Makespan if each machine had only the operations that no other can do, and might interrupt them.

    Source: Jackson's pre-emptive schedule (Carlier, 1982), with heads and tails of the jobs.
    """
    head, tail = heads_and_tails(problem)
    single = np.diff(problem.option_ptr) == 1
    best = 0
    for k in range(len(problem.machines)):
        mine = np.flatnonzero(single & (problem.option_machine[problem.option_ptr[:-1]] == k))
        best = max(best, _preemptive(mine, head, tail, problem.option_s[problem.option_ptr[mine]]))
    return float(best)


def _preemptive(mine: Ints, head: Ints, tail: Ints, work: Ints) -> int:
    left = {int(i): int(w) for i, w in zip(mine, work, strict=True)}
    coming = sorted((int(head[i]), int(i)) for i in mine)
    waiting: list[tuple[int, int]] = []
    t, at, worst = 0, 0, 0
    while at < len(coming) or waiting:
        if not waiting:
            t = max(t, coming[at][0])
        while at < len(coming) and coming[at][0] <= t:
            heapq.heappush(waiting, (-int(tail[coming[at][1]]), coming[at][1]))
            at += 1
        after, i = waiting[0]
        until = t + left[i]
        if at < len(coming):
            until = min(until, coming[at][0])
        left[i] -= until - t
        t = until
        if not left[i]:
            heapq.heappop(waiting)
            worst = max(worst, t - after)
    return worst


def share_load(problem: Problem, *, seconds: float = 30.0) -> Load | None:
    """Share operations over their machines so that the busiest is done first.

    Minimise T subject to: the shares of each operation sum to 1, and the work of each machine, with the shortest head
    before and the shortest tail after, fits into T.

    Parameters
    ----------
    problem : what is to be scheduled
    seconds : allowance of the linear programme

    Returns
    -------
    Load, or None when there is nothing to share or the time was not enough
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix

    n, m, options = problem.operations, len(problem.machines), len(problem.option_machine)
    if not m or options == n or not n:
        return None
    op = np.repeat(np.arange(n), np.diff(problem.option_ptr))
    head, tail = heads_and_tails(problem)
    on = problem.option_machine >= 0
    base = np.zeros(m)
    for k in range(m):
        mine = op[problem.option_machine == k]
        if len(mine):
            base[k] = head[mine].min() + tail[mine].min()
    machine, place = problem.option_machine[on], np.flatnonzero(on)
    load = csr_matrix(
        (
            np.concatenate([problem.option_s[on].astype(float), np.full(m, -1.0)]),
            (np.concatenate([machine, np.arange(m)]), np.concatenate([place, np.full(m, options)])),
        ),
        shape=(m, options + 1),
    )
    once = csr_matrix((np.ones(options), (op, np.arange(options))), shape=(n, options + 1))
    found = linprog(
        np.concatenate([np.zeros(options), [1.0]]),
        A_ub=load, b_ub=-base, A_eq=once, b_eq=np.ones(n), bounds=(0, None), method="highs-ds",
        options={"time_limit": max(seconds, 0.01)} if math.isfinite(seconds) else {},
    )  # fmt: skip
    if found.status != 0:
        return None
    return Load(bound=float(math.ceil(found.fun - 1e-6)), share=np.asarray(found.x[:-1]))
