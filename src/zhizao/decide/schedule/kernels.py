"""Plain loops that time operations: placing work in open time, decoding a sequence, dispatching by a rule.

Each function here runs as ordinary Python on lists (small problems do not wait for a compiler) and, unchanged, through
Numba on arrays (see `compiled`). Nothing in this module imports anything heavy. `d` is `arrays.Data` throughout.
"""

from __future__ import annotations

import heapq
import math
from typing import Any

__all__ = ["BROKEN", "JITABLE", "advance", "cost", "decode", "dispatch", "fit", "next_open"]

FOREVER = 1 << 40
BROKEN = 1e12
"""Added to the cost once and per second by which a promise (deadline, frozen start) is broken."""


def next_open(closed: Any, machine: int, t: int) -> int:
    """First second at or after `t` at which the machine is open."""
    lo, hi = closed.ptr[machine], closed.ptr[machine + 1]
    while lo < hi:
        mid = (lo + hi) >> 1
        if closed.opens[mid] > t:
            hi = mid
        else:
            lo = mid + 1
    end = closed.ptr[machine + 1]
    while lo < end and closed.shut[lo] <= t:
        t = max(t, closed.opens[lo])
        lo += 1
    return t


def advance(closed: Any, machine: int, t: int, work: int) -> int:
    """When `work` seconds of open time after `t` are over; `t` itself when there is no work."""
    if work <= 0:
        return t
    lo, hi = closed.ptr[machine], closed.ptr[machine + 1]
    end = hi
    while lo < hi:
        mid = (lo + hi) >> 1
        if closed.opens[mid] > t:
            hi = mid
        else:
            lo = mid + 1
    while lo < end:
        room = closed.shut[lo] - t
        if room >= work:
            break
        if room > 0:
            work -= room
        t = closed.opens[lo]
        lo += 1
    return t + work


def fit(closed: Any, machine: int, t: int, work: int) -> int:
    """First start at or after `t` such that `work` seconds pass without a closed interval."""
    lo, hi = closed.ptr[machine], closed.ptr[machine + 1]
    end = hi
    while lo < hi:
        mid = (lo + hi) >> 1
        if closed.opens[mid] > t:
            hi = mid
        else:
            lo = mid + 1
    while lo < end:
        if t + work <= closed.shut[lo] and (work > 0 or t < closed.shut[lo]):
            break
        t = max(t, closed.opens[lo])
        lo += 1
    return t


def decode(
    d: Any,
    order: Any,
    option: Any,
    hold: Any,
    start: Any,
    end: Any,
    bind: Any,
    ahead: Any,
    setup: Any,
    last: Any,
    fitted: Any,
    worker: Any,
    worker_free: Any,
    worker_last: Any,
    begin: int,
) -> float:
    """Time a sequence: each operation, in turn, as early as its predecessors, machine and people permit.

    Parameters
    ----------
    order : (N,) operations, predecessors first; the order on each machine and of each group is the order in here
    option : (N,) option of each operation
    hold : (N,) seconds before which an operation is not started, 0 = none
    start, end, setup : (N,) written
    bind : (N,) written: operation whose end decided the start, -1 = none
    ahead : (N,) written: operation before it on its machine, -1 = none
    last, fitted : (M,) work space: last operation and family of each machine
    worker : (N,) written: person of each operation; worker_free, worker_last : (P,) work space
    begin : places before this one are as they were in the last call

    Returns
    -------
    seconds by which deadlines and frozen starts are broken (0 when every promise is kept)
    """
    broken = 0.0
    for k in range(d.m):
        last[k] = -1
        fitted[k] = d.machine_family[k]
    for k in range(d.people):
        worker_free[k] = 0
        worker_last[k] = -1
    for place in range(d.n):
        i = order[place]
        machine = d.option_machine[option[i]]
        if place < begin:
            if machine >= 0:
                last[machine] = i
                if d.family[i] >= 0:
                    fitted[machine] = d.family[i]
            if d.group[i] >= 0:
                worker_free[worker[i]] = end[i]
                worker_last[worker[i]] = i
            if end[i] > d.deadline[i]:
                broken += end[i] - d.deadline[i]
            continue
        work = d.option_s[option[i]]
        t = d.release[i]
        why = -1
        for a in range(d.pred_ptr[i], d.pred_ptr[i + 1]):
            before = d.pred[a]
            if end[before] > t:
                t = end[before]
                why = before
        t += d.delay[i]
        if hold[i] > t:
            t = hold[i]
        setup[i] = 0
        ahead[i] = -1
        if machine >= 0:
            ahead[i] = last[machine]
            free = 0
            if last[machine] >= 0:
                free = end[last[machine]]
            if d.family[i] >= 0:
                if fitted[machine] >= 0:
                    setup[i] = d.setup[d.setup_of[machine] + fitted[machine] * d.families + d.family[i]]
                    if setup[i] > 0 and d.frozen[i] < 0:
                        free = advance(d.closed, machine, free, setup[i])
                fitted[machine] = d.family[i]
            if free > t:
                t = free
                why = last[machine]
        if d.group[i] >= 0:
            best = soonest_person(d.group_ptr, d.group[i], worker_free)
            if worker_free[best] > t:
                t = worker_free[best]
                why = worker_last[best]
            worker[i] = best
        if d.frozen[i] >= 0:
            if machine >= 0 and last[machine] >= 0 and end[last[machine]] > d.frozen[i]:
                broken += end[last[machine]] - d.frozen[i]
            if d.group[i] >= 0 and worker_free[worker[i]] > d.frozen[i]:
                broken += worker_free[worker[i]] - d.frozen[i]
            if setup[i] > 0 and last[machine] >= 0 and d.frozen[last[machine]] < 0:
                ready = advance(d.closed, machine, end[last[machine]], setup[i])
                if ready > d.frozen[i]:
                    broken += ready - d.frozen[i]
            t = d.frozen[i]
            why = -1
            if d.spans[i] and machine >= 0:
                end[i] = advance(d.closed, machine, t, work)
            else:
                end[i] = t + work
        elif machine < 0:
            end[i] = t + work
        elif d.spans[i]:
            t = next_open(d.closed, machine, t)
            end[i] = advance(d.closed, machine, t, work)
        else:
            t = fit(d.closed, machine, t, work)
            end[i] = t + work
        start[i] = t
        bind[i] = why
        if end[i] > d.deadline[i]:
            broken += end[i] - d.deadline[i]
        if machine >= 0:
            last[machine] = i
        if d.group[i] >= 0:
            worker_free[worker[i]] = end[i]
            worker_last[worker[i]] = i
    return broken


def cost(d: Any, option: Any, start: Any, end: Any, setup: Any, broken: float) -> float:
    """Objective of a timed sequence, plus `BROKEN` per second of broken promises."""
    total = 0.0
    last = 0
    late = 0.0
    flow = 0.0
    for j in range(d.jobs):
        done = -1
        for a in range(d.sink_ptr[j], d.sink_ptr[j + 1]):
            if end[d.sink[a]] > done:
                done = end[d.sink[a]]
        if done < 0:
            continue
        if done > last:
            last = done
        if done > d.due[j]:
            late += d.weight[j] * (done - d.due[j])
        flow += max(done - d.job_release[j], 0)
    total = d.w_makespan * last + d.w_tardiness * late + d.w_flow * flow
    if d.w_setup > 0:
        for i in range(d.n):
            total += d.w_setup * setup[i]
    if d.w_change > 0 or d.w_moved > 0:
        for i in range(d.n):
            if d.before_start[i] >= 0:
                total += d.w_change * abs(start[i] - d.before_start[i])
                if d.option_machine[option[i]] != d.before_machine[i]:
                    total += d.w_moved
    if broken > 0:
        total += BROKEN * (1.0 + broken)
    return total


def index(
    rule: int,
    work: int,
    setup: int,
    left: int,
    steps: int,
    due: int,
    weight: float,
    release: int,
    t: int,
    mean: float,
    look: float,
) -> float:
    """Urgency of an operation for a machine that is free at `t`; the smallest goes first (codes as in `rules.RULES`).

    Parameters
    ----------
    rule : code into `rules.RULES`
    work, setup : seconds of the operation here
    left, steps : mean seconds and number of operations that its job has before it, itself included
    due, weight, release : of its job
    t : now
    mean : mean seconds of an operation
    look : look-ahead of the apparent-tardiness-cost rule (Vepsalainen and Morton, 1987), in mean operations
    """
    if rule == 0:  # spt
        return float(work + setup)
    if rule == 1:  # mwkr
        return float(-left)
    if rule == 2:  # mor
        return float(-steps)
    if rule == 3:  # edd
        return float(due)
    if rule == 4:  # slack
        return float(due - t - left)
    if rule == 5:  # cr
        return (due - t) / (left + 1.0)
    if rule == 6:  # atc
        wait = max(due - t - left, 0) / (look * mean) + setup / mean
        return -(weight + 1e-6) / (work + setup + 1.0) * math.exp(-min(wait, 60.0))
    if rule == 7:  # family
        return setup * 1e6 + min(due, 1 << 30)
    return float(release)  # fifo


def wake(d: Any, i: int, waits: Any, end: Any, events: Any) -> None:
    """An operation has been given its place: successors that wait for nothing else get an event when they are ready."""
    for b in range(d.succ_ptr[i], d.succ_ptr[i + 1]):
        after = d.succ[b]
        waits[after] -= 1
        if waits[after] == 0:
            when = d.release[after]
            for a in range(d.pred_ptr[after], d.pred_ptr[after + 1]):
                when = max(when, end[d.pred[a]])
            heapq.heappush(events, (when + d.delay[after], after))


def soonest_person(group_ptr: Any, group: int, worker_free: Any) -> int:
    """The person of a group who is free first."""
    best = group_ptr[group]
    for k in range(best + 1, group_ptr[group + 1]):
        if worker_free[k] < worker_free[best]:
            best = k
    return best


def choose(
    d: Any,
    rule: int,
    machine: int,
    t: int,
    mean: float,
    look: float,
    noise: Any,
    end: Any,
    state: Any,
    queue: Any,
    queue_len: Any,
    last: Any,
    fitted: Any,
    worker_free: Any,
) -> tuple[int, int]:
    """Most urgent option in the queue of a machine that is free and open at `t`.

    Returns
    -------
    (option, start), or (-1, when to look again) when nothing can start
    """
    base = d.queue_ptr[machine]
    keep = 0
    best = -1
    best_index = 0.0
    best_start = FOREVER
    for a in range(queue_len[machine]):
        o = queue[base + a]
        i = d.option_op[o]
        if state[i] != 1:
            continue
        queue[base + keep] = o
        keep += 1
        setup = 0
        if d.family[i] >= 0 and fitted[machine] >= 0:
            setup = d.setup[d.setup_of[machine] + fitted[machine] * d.families + d.family[i]]
        begin = t
        if setup > 0:
            free = 0
            if last[machine] >= 0:
                free = end[last[machine]]
            begin = max(t, advance(d.closed, machine, free, setup))
        if d.group[i] >= 0 and worker_free[soonest_person(d.group_ptr, d.group[i], worker_free)] > begin:
            continue  # nobody is there; somebody's return wakes the machine
        if not d.spans[i]:
            slot = fit(d.closed, machine, begin, d.option_s[o])
            if slot > begin:  # does not fit before the break: a shorter one may
                if best < 0:
                    best_start = min(best_start, slot)
                continue
        j = d.job[i]
        urgency = index(
            rule,
            d.option_s[o],
            setup,
            d.left[i],
            d.first[j + 1] - i,
            d.due[j],
            d.weight[j],
            d.release[i],
            t,
            mean,
            look,
        ) * (1.0 + noise[i])
        if best < 0 or urgency < best_index:
            best = o
            best_index = urgency
            best_start = begin
    queue_len[machine] = keep
    return best, best_start


def dispatch(
    d: Any,
    rule: int,
    look: float,
    allowed: Any,
    noise: Any,
    order: Any,
    option: Any,
    start: Any,
    end: Any,
    state: Any,
    waits: Any,
    queue: Any,
    queue_len: Any,
    busy: Any,
    last: Any,
    fitted: Any,
    worker_free: Any,
) -> int:
    """Non-delay list scheduling: whenever a machine is free, the most urgent operation that waits for it starts.

    Parameters
    ----------
    rule, look : code into `rules.RULES`; look-ahead of rule atc in mean operations
    allowed : (K,) 1 for options that may be used
    noise : (N,) relative disturbance of the urgency; 0 for the plain rule
    order, option, start, end : (N,) written: operations as they were started, options taken, times
    state, waits, queue, queue_len, busy, last, fitted, worker_free : work space of sizes N, N, K, M, M, M, M, P

    Returns
    -------
    operations started: N when all found a place
    """
    mean = 1.0
    for i in range(d.n):
        mean += d.option_s[d.option_ptr[i]] / d.n
        waits[i] = d.pred_ptr[i + 1] - d.pred_ptr[i]
        state[i] = 0
    for k in range(d.m):
        queue_len[k] = 0
        busy[k] = 0
        last[k] = -1
        fitted[k] = d.machine_family[k]
    for k in range(d.people):
        worker_free[k] = 0
    events = [(0, -1)]  # (time, what): operation that is ready; -2 - machine or -2 - M - group that is free again
    count = 0
    for a in range(d.n_frozen):
        i = d.frozen_order[a]
        option[i] = d.option_ptr[i]
        machine = d.option_machine[option[i]]
        start[i] = d.frozen[i]
        end[i] = start[i] + d.option_s[option[i]]
        if machine >= 0:
            if d.spans[i]:
                end[i] = advance(d.closed, machine, start[i], d.option_s[option[i]])
            busy[machine] = max(busy[machine], end[i])
            last[machine] = i
            if d.family[i] >= 0:
                fitted[machine] = d.family[i]
            heapq.heappush(events, (busy[machine], -2 - machine))
        if d.group[i] >= 0:
            who = soonest_person(d.group_ptr, d.group[i], worker_free)
            worker_free[who] = end[i]
            heapq.heappush(events, (end[i], -2 - d.m - d.group[i]))
        state[i] = 2
        order[count] = i
        count += 1
    for i in range(d.n):
        if waits[i] == 0 and state[i] == 0:
            heapq.heappush(events, (d.release[i] + d.delay[i], i))
    for a in range(d.n_frozen):
        i = d.frozen_order[a]
        for b in range(d.succ_ptr[i], d.succ_ptr[i + 1]):
            if state[d.succ[b]] == 2:
                waits[d.succ[b]] = d.n + 1  # frozen ones wait for nothing
        wake(d, i, waits, end, events)
    while count < d.n and len(events) > 0 and events[0][0] < FOREVER:
        t = events[0][0]
        touched = [-1]
        while len(events) > 0 and events[0][0] == t:
            _, i = heapq.heappop(events)
            if i < -1 - d.m:
                for k in range(d.m):
                    touched.append(k)
            elif i < -1:
                touched.append(-2 - i)
            elif i >= 0 and d.option_machine[d.option_ptr[i]] < 0:
                option[i] = d.option_ptr[i]
                start[i] = t
                if d.group[i] >= 0:
                    who = soonest_person(d.group_ptr, d.group[i], worker_free)
                    start[i] = max(t, worker_free[who])
                    worker_free[who] = start[i] + d.option_s[option[i]]
                    heapq.heappush(events, (worker_free[who], -2 - d.m - d.group[i]))
                end[i] = start[i] + d.option_s[option[i]]
                state[i] = 2
                order[count] = i
                count += 1
                wake(d, i, waits, end, events)
            elif i >= 0:
                state[i] = 1
                for a in range(d.option_ptr[i], d.option_ptr[i + 1]):
                    if allowed[a] > 0:
                        machine = d.option_machine[a]
                        queue[d.queue_ptr[machine] + queue_len[machine]] = a
                        queue_len[machine] += 1
                        touched.append(machine)
        for a in range(1, len(touched)):
            machine = touched[a]
            if busy[machine] > t or queue_len[machine] == 0:
                continue
            opens = next_open(d.closed, machine, t)
            if opens > t:
                heapq.heappush(events, (opens, -2 - machine))
                continue
            best, begin = choose(
                d, rule, machine, t, mean, look, noise, end, state, queue, queue_len, last, fitted, worker_free
            )
            if best < 0:
                if begin < FOREVER:
                    heapq.heappush(events, (begin, -2 - machine))
                continue
            i = d.option_op[best]
            option[i] = best
            start[i] = begin
            end[i] = begin + d.option_s[best]
            if d.spans[i]:
                start[i] = next_open(d.closed, machine, begin)
                end[i] = advance(d.closed, machine, start[i], d.option_s[best])
            state[i] = 2
            order[count] = i
            count += 1
            busy[machine] = end[i]
            last[machine] = i
            if d.family[i] >= 0:
                fitted[machine] = d.family[i]
            heapq.heappush(events, (end[i], -2 - machine))
            if d.group[i] >= 0:
                who = soonest_person(d.group_ptr, d.group[i], worker_free)
                worker_free[who] = end[i]
                heapq.heappush(events, (end[i], -2 - d.m - d.group[i]))
            wake(d, i, waits, end, events)
    return count


JITABLE = (next_open, advance, fit, index, wake, soonest_person, choose)
"""Functions that the compiled loops call; later ones may call earlier ones."""
