"""A problem as flat arrays for the kernels: lists for plain Python, NumPy arrays for compiled code."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from zhizao.decide.schedule.problem import FOREVER, Problem

__all__ = ["Data", "arrays"]


class Calendars(NamedTuple):
    """Closed intervals of all machines, in time order within each."""

    ptr: Any
    """(M + 1,) offsets into shut, opens"""
    shut: Any
    """starts of closed intervals"""
    opens: Any
    """ends of closed intervals"""


class Data(NamedTuple):
    """What the kernels read; N operations, K options, M machines, J jobs, P people (see `Problem` for meanings)."""

    n: int
    m: int
    jobs: int
    people: int
    families: int
    first: Any
    """(J + 1,)"""
    job: Any
    """(N,)"""
    option_ptr: Any
    """(N + 1,)"""
    option_machine: Any
    """(K,)"""
    option_s: Any
    """(K,)"""
    option_op: Any
    """(K,) operation of each option"""
    queue_ptr: Any
    """(M + 1,) room for the options of each machine"""
    pred_ptr: Any
    """(N + 1,) offsets into pred"""
    pred: Any
    """predecessors by job order and arcs"""
    succ_ptr: Any
    """(N + 1,) offsets into succ"""
    succ: Any
    """successors by job order and arcs"""
    sink_ptr: Any
    """(J + 1,) offsets into sink"""
    sink: Any
    """operations whose end may be the end of their job (the last of each)"""
    release: Any
    """(N,) release of the job"""
    job_release: Any
    """(J,)"""
    due: Any
    """(J,)"""
    weight: Any
    """(J,)"""
    deadline: Any
    """(N,) deadline of the job"""
    delay: Any
    """(N,)"""
    left: Any
    """(N,) mean work from this operation to the end of its job, delays included"""
    family: Any
    """(N,)"""
    setup: Any
    """flat set-up seconds"""
    setup_of: Any
    """(M,) where a machine's set-up matrix starts in setup"""
    machine_family: Any
    """(M,)"""
    closed: Calendars
    """closed intervals of the machines"""
    spans: Any
    """(N,)"""
    frozen: Any
    """(N,)"""
    n_frozen: int
    frozen_order: Any
    """frozen operations, earliest first"""
    group: Any
    """(N,)"""
    group_ptr: Any
    """(G + 1,) people of each group"""
    before_start: Any
    """(N,) start in the previous schedule, -1 = unknown"""
    before_machine: Any
    """(N,)"""
    w_makespan: float
    w_tardiness: float
    w_flow: float
    w_setup: float
    w_change: float
    w_moved: float


def pairs(problem: Problem) -> np.ndarray:
    """(A, 2) all precedences, job order first, without doubles."""
    inner = np.ones(problem.operations, bool)
    inner[problem.first[1:][np.diff(problem.first) > 0] - 1] = False
    before = np.flatnonzero(inner)
    chain = np.column_stack([before, before + 1])
    if not len(problem.arcs):
        return chain
    return np.unique(np.vstack([chain, problem.arcs]), axis=0)


def _rows(keys: np.ndarray, values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    ptr = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=n))]).astype(np.int64)
    return ptr, values[np.argsort(keys, kind="stable")]


def arrays(problem: Problem, *, lists: bool) -> Data:
    """Arrays of a problem for the kernels.

    Parameters
    ----------
    problem : what is to be scheduled
    lists : True for plain Python (lists are faster there), False for compiled code

    Returns
    -------
    Data
    """
    n, m, jobs = problem.operations, len(problem.machines), len(problem.first) - 1
    links = pairs(problem)
    pred_ptr, pred = _rows(links[:, 1], links[:, 0], n)
    succ_ptr, succ = _rows(links[:, 0], links[:, 1], n)
    some = np.diff(problem.first) > 0
    option_op = np.repeat(np.arange(n), np.diff(problem.option_ptr))
    used = np.bincount(problem.option_machine[problem.option_machine >= 0], minlength=m)
    mean = np.bincount(option_op, problem.option_s, n) / np.maximum(np.diff(problem.option_ptr), 1) + problem.delay_s
    total = np.concatenate([[0.0], np.cumsum(mean)])
    left = np.rint(total[problem.first[1:]][problem.job] - total[:-1]).astype(np.int64)
    families = problem.setup_s.shape[-1]
    setup_of = np.arange(m) * families**2 if problem.setup_s.ndim == 3 else np.zeros(m, np.int64)
    frozen = np.flatnonzero(problem.frozen_s >= 0)
    shut = [pair for each in problem.closed for pair in each]
    known = problem.before if problem.before is not None else (np.full(n, -1), np.full(n, -1))
    n_known = max(int((known[0] >= 0).sum()), 1)
    goal = problem.objective

    def put(values: Any) -> Any:
        array = np.ascontiguousarray(values, np.int64)
        return array.tolist() if lists else array

    return Data(
        n=n, m=m, jobs=jobs, people=int(problem.group_size.sum()), families=families,
        first=put(problem.first), job=put(problem.job), option_ptr=put(problem.option_ptr),
        option_machine=put(problem.option_machine), option_s=put(problem.option_s), option_op=put(option_op),
        queue_ptr=put(np.concatenate([[0], np.cumsum(used)])),
        pred_ptr=put(pred_ptr), pred=put(pred), succ_ptr=put(succ_ptr), succ=put(succ),
        sink_ptr=put(np.concatenate([[0], np.cumsum(some)])), sink=put(problem.first[1:][some] - 1),
        release=put(problem.release_s[problem.job]), job_release=put(problem.release_s), due=put(problem.due_s),
        weight=put(np.where(problem.due_s >= FOREVER, 0, problem.weight)),
        deadline=put(problem.deadline_s[problem.job]), delay=put(problem.delay_s), left=put(left),
        family=put(problem.family), setup=put(problem.setup_s.reshape(-1)), setup_of=put(setup_of),
        machine_family=put(problem.machine_family),
        closed=Calendars(
            ptr=put(np.concatenate([[0], np.cumsum([len(each) for each in problem.closed])])),
            shut=put([a for a, _ in shut]), opens=put([b for _, b in shut]),
        ), spans=put(problem.spans),
        frozen=put(problem.frozen_s), n_frozen=len(frozen),
        frozen_order=put(_frozen_order(problem, frozen, links)), group=put(problem.group),
        group_ptr=put(np.concatenate([[0], np.cumsum(problem.group_size)])),
        before_start=put(known[0]), before_machine=put(known[1]),
        w_makespan=float(goal.makespan), w_tardiness=float(goal.tardiness),
        w_flow=float(goal.flow) / max(int(some.sum()), 1), w_setup=float(goal.setup),
        w_change=float(goal.change) / n_known, w_moved=float(goal.moved),
    )  # fmt: skip


def _frozen_order(problem: Problem, frozen: np.ndarray, links: np.ndarray) -> list[int]:
    """Frozen operations by start; those of no length keep the order of their precedences."""
    rank = {int(i): 0 for i in frozen}
    inside = [(int(a), int(b)) for a, b in links if int(a) in rank and int(b) in rank] if len(frozen) else []
    for _ in range(len(rank)):
        moved = False
        for a, b in inside:
            if rank[b] <= rank[a]:
                rank[b] = rank[a] + 1
                moved = True
        if not moved:
            break
    return sorted(rank, key=lambda i: (int(problem.frozen_s[i]), rank[i], i))
