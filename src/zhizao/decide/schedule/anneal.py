"""Simulated annealing for any objective and any promise: the sequence is changed, the decoder times it anew.

A solution is one sequence of all operations with an option for each. Most moves start from a job that hurts, follow
what made it wait, and put an operation before the one that held the machine (with its predecessors, if they stand
between), or on another machine; the rest are random. Since the decoder knows calendars, set-ups, people, deadlines and
frozen operations, so does the search. After van Laarhoven, Aarts and Lenstra (1992). Plain loops, run by `compiled`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from zhizao.decide.schedule.kernels import BROKEN, cost, decode

__all__ = ["JITABLE", "Heat", "heat_for", "simmer", "warm_up"]


class Heat(NamedTuple):
    """State of one annealing run: N operations, M machines, P people; what starts with `kept_` is for taking back."""

    order: Any
    """(N,) sequence"""
    place: Any
    """(N,) place in it"""
    option: Any
    """(N,)"""
    hold: Any
    """(N,)"""
    start: Any
    """(N,)"""
    end: Any
    """(N,)"""
    bind: Any
    """(N,) operation that decided the start"""
    ahead: Any
    """(N,) operation before it on its machine"""
    setup: Any
    """(N,)"""
    worker: Any
    """(N,)"""
    last: Any
    """(M,)"""
    fitted: Any
    """(M,)"""
    worker_free: Any
    """(P,)"""
    worker_last: Any
    """(P,)"""
    kept_order: Any
    """(N,)"""
    kept_start: Any
    """(N,)"""
    kept_end: Any
    """(N,)"""
    kept_bind: Any
    """(N,)"""
    kept_ahead: Any
    """(N,)"""
    kept_setup: Any
    """(N,)"""
    kept_worker: Any
    """(N,)"""
    moved: Any
    """(N,) work space: operations that move together"""
    mark: Any
    """(N,) work space"""
    best_order: Any
    """(N,)"""
    best_option: Any
    """(N,)"""
    best_hold: Any
    """(N,)"""
    cell: Any
    """(8,) floats: cost, best cost, temperature, factor on it for each move, moves tried, taken; sum and number of losses"""


def heat_for(d: Any) -> Heat:
    """Room for an annealing run on the arrays of a problem."""
    n, m, p = d.n, d.m, d.people
    sizes = [n] * 10 + [m, m, p, p] + [n] * 12
    room: list[Any] = [np.zeros(size, np.int64) for size in sizes]
    return Heat._make([*room, np.zeros(8)])


def put_before(u: int, x: int, order: Any, place: Any, mark: Any, moved: Any, pred_ptr: Any, pred: Any) -> int:
    """Put `u` before `x`, which precedes it in the order, with all predecessors of `u` that stand between.

    Returns the first place that changed, or -1 when `x` itself leads to `u`.
    """
    low, high = place[x], place[u]
    count = 0
    mark[u] = 1
    for k in range(high, low - 1, -1):
        i = order[k]
        if mark[i] == 1:
            moved[count] = i
            count += 1
            for a in range(pred_ptr[i], pred_ptr[i + 1]):
                if place[pred[a]] >= low:
                    mark[pred[a]] = 1
    possible = mark[x] == 0
    if possible:
        put = high
        for k in range(high, low - 1, -1):
            i = order[k]
            if mark[i] == 0:
                order[put] = i
                place[i] = put
                put -= 1
        for k in range(count):
            order[put] = moved[k]
            place[moved[k]] = put
            put -= 1
    for k in range(count):
        mark[moved[k]] = 0
    return low if possible else -1


def put_after(u: int, x: int, order: Any, place: Any, mark: Any, moved: Any, succ_ptr: Any, succ: Any) -> int:
    """Put `u` after `x`, which follows it in the order, with all successors of `u` that stand between.

    Returns the first place that changed, or -1 when `u` leads to `x`.
    """
    low, high = place[u], place[x]
    count = 0
    mark[u] = 1
    for k in range(low, high + 1):
        i = order[k]
        if mark[i] == 1:
            moved[count] = i
            count += 1
            for a in range(succ_ptr[i], succ_ptr[i + 1]):
                if place[succ[a]] <= high:
                    mark[succ[a]] = 1
    possible = mark[x] == 0
    if possible:
        put = low
        for k in range(low, high + 1):
            i = order[k]
            if mark[i] == 0:
                order[put] = i
                place[i] = put
                put += 1
        for k in range(count):
            order[put] = moved[k]
            place[moved[k]] = put
            put += 1
    for k in range(count):
        mark[moved[k]] = 0
    return low if possible else -1


def shift_job(d: Any, j: int, by: float, order: Any, place: Any, start: Any, moved: Any) -> int:
    """Bring all operations of a job forward (or back) by about so many seconds, each to its place by start.

    Returns the first place that changed, or -1 when the job is frozen or tied to others by arcs.
    """
    a, b = d.first[j], d.first[j + 1]
    for i in range(a, b):
        inner = (1 if i > a else 0, 1 if i + 1 < b else 0)
        if d.frozen[i] >= 0 or d.pred_ptr[i + 1] - d.pred_ptr[i] != inner[0]:
            return -1
        if d.succ_ptr[i + 1] - d.succ_ptr[i] != inner[1]:
            return -1
    size = 0
    for k in range(d.n):
        i = order[k]
        if i < a or i >= b:
            moved[size] = i
            size += 1
    put = 0
    i = a
    first = -1
    for k in range(size):
        while i < b and start[i] - by <= start[moved[k]]:
            if order[put] != i and first < 0:
                first = put
            order[put] = i
            place[i] = put
            put += 1
            i += 1
        if order[put] != moved[k] and first < 0:
            first = put
        order[put] = moved[k]
        place[moved[k]] = put
        put += 1
    while i < b:
        if order[put] != i and first < 0:
            first = put
        order[put] = i
        place[i] = put
        put += 1
        i += 1
    return first


def hurting(d: Any, end: Any, rng: Any) -> int:
    """A job that adds to the objective: the worst of three drawn at random; its last operation, or -1."""
    best = -1
    worst = -1.0
    for _ in range(3):
        j = int(rng.random() * d.jobs)
        if d.sink_ptr[j] == d.sink_ptr[j + 1]:
            continue
        i = d.sink[d.sink_ptr[j]]
        pain = d.w_flow * (end[i] - d.job_release[j]) + d.w_tardiness * d.weight[j] * max(end[i] - d.due[j], 0)
        pain += 1e9 * max(end[i] - d.deadline[i], 0) + 1e-3 * rng.random()
        if d.w_makespan > 0:
            pain += d.w_makespan * end[i] / max(d.jobs, 1)
        if pain > worst:
            worst = pain
            best = i
    return best


def warm_up(d: Any, s: Any, order: Any, option: Any, hold: Any) -> float:
    """Start from a sequence.

    Parameters
    ----------
    order, option, hold : (N,) as for `kernels.decode`

    Returns
    -------
    its cost
    """
    for k in range(d.n):
        s.order[k] = order[k]
        s.place[order[k]] = k
        s.option[k] = option[k]
        s.hold[k] = hold[k]
        s.best_order[k] = order[k]
        s.best_option[k] = option[k]
        s.best_hold[k] = hold[k]
        s.mark[k] = 0
    broken = decode(
        d,
        s.order,
        s.option,
        s.hold,
        s.start,
        s.end,
        s.bind,
        s.ahead,
        s.setup,
        s.last,
        s.fitted,
        s.worker,
        s.worker_free,
        s.worker_last,
        0,
    )
    value = cost(d, s.option, s.start, s.end, s.setup, broken)
    s.cell[0] = value
    s.cell[1] = value
    return value


def simmer(d: Any, s: Any, rng: Any, moves: int) -> float:
    """Try moves, taking the worse ones with the probability that the temperature gives.

    Parameters
    ----------
    d, s : arrays of the problem; state after `warm_up` or an earlier call, with temperature and factor in `s.cell`
    rng : numpy Generator
    moves : how many to try

    Returns
    -------
    best cost so far; its sequence is in `s.best_order`, `s.best_option` and `s.best_hold`
    """
    n = d.n
    order, place, option, hold = s.order, s.place, s.option, s.hold
    start, end, bind = s.start, s.end, s.bind
    pred_ptr, pred, succ_ptr, succ, option_ptr = d.pred_ptr, d.pred, d.succ_ptr, d.succ, d.option_ptr
    current, best, heat, factor, tried, taken = s.cell[0], s.cell[1], s.cell[2], s.cell[3], s.cell[4], s.cell[5]
    for _ in range(moves):
        heat *= factor
        tried += 1
        u = -1
        x = -1
        switch = -1  # operation that changes its option or its hold
        old_option = -1
        old_hold = -1
        job = -1  # job that is moved as a whole
        by = 0.0
        draw = rng.random()
        if draw < 0.2:
            i = hurting(d, end, rng)
            if i >= 0:
                job = d.job[i]
                by = -math.log(1.0 - rng.random()) * (end[i] - start[d.first[job]]) * 0.2
                if rng.random() < 0.3:
                    job = int(rng.random() * d.jobs)
                    by = -by
                if d.first[job] == d.first[job + 1]:
                    continue
        elif draw < 0.75:
            i = hurting(d, end, rng)
            if i < 0:
                continue
            if d.w_makespan > 0 and rng.random() < 0.5:  # the job that ends last
                for a in range(len(d.sink)):
                    if end[d.sink[a]] > end[i]:
                        i = d.sink[a]
            seen = 0
            for _ in range(200):
                if d.frozen[i] < 0:
                    able = option_ptr[i + 1] - option_ptr[i] > 1
                    b = bind[i]
                    held = b >= 0 and d.frozen[b] < 0 and d.option_machine[option[b]] == d.option_machine[option[i]]
                    if (
                        b >= 0
                        and d.group[i] >= 0
                        and d.frozen[b] < 0
                        and s.worker[b] == s.worker[i]
                        and d.group[b] == d.group[i]
                    ):
                        held = True
                    if held or able:
                        seen += 1
                        if rng.random() * seen < 1.0:
                            if held and (not able or rng.random() < 0.6):
                                u, x, switch = i, b, -1
                            else:
                                u, x, switch = -1, -1, i
                if bind[i] < 0:
                    break
                i = bind[i]
            if u >= 0:
                # further back on the machine, as long as the operation is ready before those it passes
                arrives = d.release[u]
                for a in range(pred_ptr[u], pred_ptr[u + 1]):
                    arrives = max(arrives, end[pred[a]])
                arrives += d.delay[u]
                while rng.random() < 0.6:
                    b = s.ahead[x]
                    if b < 0 or d.frozen[b] >= 0 or start[b] < arrives or end[b] > start[u]:
                        break
                    x = b
        elif draw < 0.92:
            i = int(rng.random() * n)
            k = place[i] + int((rng.random() - 0.5) * 2.0 * min(n, 8 + n // 8))
            k = min(max(k, 0), n - 1)
            if d.frozen[i] < 0 and k != place[i]:
                u, x = i, order[k]
        else:
            switch = int(rng.random() * n)
        if u < 0 and switch < 0 and job < 0:
            continue
        if switch >= 0 and d.frozen[switch] >= 0:
            continue
        for k in range(n):
            s.kept_order[k] = order[k]
        begin = n
        if job >= 0:
            begin = shift_job(d, job, by, order, place, start, s.moved)
            if begin < 0:
                continue
        if switch >= 0:
            size = option_ptr[switch + 1] - option_ptr[switch]
            old_option = option[switch]
            old_hold = hold[switch]
            if d.w_change > 0 and d.before_start[switch] >= 0 and (size < 2 or rng.random() < 0.5):
                hold[switch] = 0 if hold[switch] > 0 else d.before_start[switch]
            elif size > 1:
                o = option_ptr[switch] + int(rng.random() * (size - 1))
                option[switch] = o + 1 if o >= old_option else o
                if rng.random() < 0.5:  # and to another place
                    k = place[switch] + int((rng.random() - 0.5) * 2.0 * min(n, 8 + n // 8))
                    u, x = switch, order[min(max(k, 0), n - 1)]
            else:
                continue
            begin = place[switch]
        if u >= 0 and u != x:
            if place[x] < place[u]:
                first = put_before(u, x, order, place, s.mark, s.moved, pred_ptr, pred)
            else:
                first = put_after(u, x, order, place, s.mark, s.moved, succ_ptr, succ)
            if first < 0 and switch < 0:
                continue
            if first >= 0:
                begin = min(begin, first)
        for k in range(begin, n):
            i = s.kept_order[k]
            s.kept_start[i] = start[i]
            s.kept_end[i] = end[i]
            s.kept_bind[i] = bind[i]
            s.kept_ahead[i] = s.ahead[i]
            s.kept_setup[i] = s.setup[i]
            s.kept_worker[i] = s.worker[i]
        broken = decode(
            d,
            order,
            option,
            hold,
            start,
            end,
            bind,
            s.ahead,
            s.setup,
            s.last,
            s.fitted,
            s.worker,
            s.worker_free,
            s.worker_last,
            begin,
        )
        value = cost(d, option, start, end, s.setup, broken)
        if current < value < BROKEN:
            s.cell[6] += value - current
            s.cell[7] += 1
        if value <= current or (heat > 0 and rng.random() < math.exp(-min((value - current) / heat, 700.0))):
            current = value
            taken += 1
            if value < best:
                best = value
                for k in range(n):
                    s.best_order[k] = order[k]
                    s.best_option[k] = option[k]
                    s.best_hold[k] = hold[k]
        else:
            if switch >= 0:
                option[switch] = old_option
                hold[switch] = old_hold
            for k in range(begin, n):
                i = s.kept_order[k]
                order[k] = i
                place[i] = k
                start[i] = s.kept_start[i]
                end[i] = s.kept_end[i]
                bind[i] = s.kept_bind[i]
                s.ahead[i] = s.kept_ahead[i]
                s.setup[i] = s.kept_setup[i]
                s.worker[i] = s.kept_worker[i]
    s.cell[0], s.cell[1], s.cell[2], s.cell[3], s.cell[4], s.cell[5] = current, best, heat, factor, tried, taken
    return best


JITABLE = (put_before, put_after, shift_job, hurting)
"""Functions that the compiled loops call."""
