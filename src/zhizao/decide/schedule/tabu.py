"""Tabu search for the makespan of (flexible) job shops: critical blocks, reassignment by insertion, exact updates.

A solution is a sequence on each machine. Moves take an operation of a critical path and put it elsewhere in its block
(Zhang et al., 2007, N7, which contains N5 and N6), or into the best places on another machine (Mastrolilli and
Gambardella, 2000). A move is judged by the estimate of Balas and Vazacopoulos (1998); after it, heads and tails are
renewed only where they change, along a topological order that is mended in place.

It knows releases, delays and any precedences, and no set-ups, calendars, people, deadlines or frozen operations: those
belong to `anneal` and `exact`. Plain loops, run through `compiled`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from zhizao.decide.schedule.graph import (
    earlier,
    give,
    later,
    pair,
    renew_heads,
    renew_tails,
    shift_left,
    shift_right,
    take,
)

__all__ = ["Moves", "improve", "moves_for", "place_all"]


class Moves(NamedTuple):
    """State of one tabu search: N operations, M machines, R places on the longest machine."""

    option: Any
    """(N,) current option"""
    machine: Any
    """(N,) its machine, -1 = none"""
    work: Any
    """(N,) its seconds"""
    row: Any
    """(M, R) operations of each machine in turn"""
    count: Any
    """(M,) how many"""
    at: Any
    """(N,) place in the row"""
    order: Any
    """(N,) a topological order"""
    place: Any
    """(N,) place in it"""
    head: Any
    """(N,) start"""
    ready: Any
    """(N,) start if only the job mattered"""
    tail: Any
    """(N,) seconds after the end until all that depends on it is done"""
    after: Any
    """(N,) the same if only the job mattered"""
    dirty: Any
    """(N,) 1 = to be renewed, 2 = and so are its neighbours"""
    path: Any
    """(N,) work space: critical path, last operation first; part of the order"""
    shift: Any
    """(R,) work space: heads in a block after a move"""
    tabu: Any
    """(H,) iteration until which a hashed pair is forbidden: (a, b) = a before b, (a, N + k) = a on machine k"""
    best_order: Any
    """(N,) topological order of the best solution"""
    best_option: Any
    """(N,) its options"""
    cell: Any
    """(4,) iteration, makespan, best makespan, iterations since it was found"""


def moves_for(d: Any) -> Moves:
    """Room for a search on the arrays of a problem."""
    n, m = d.n, max(d.m, 1)
    room = int(np.diff(d.queue_ptr).max(initial=1)) + 1

    def ints(*shape: int) -> Any:
        return np.zeros(shape, np.int64)

    return Moves(
        option=ints(n), machine=ints(n), work=ints(n), row=ints(m, room), count=ints(m), at=ints(n), order=ints(n),
        place=ints(n), head=ints(n), ready=ints(n), tail=ints(n), after=ints(n), dirty=np.zeros(n, np.uint8),
        path=ints(n), shift=ints(room), tabu=ints(1 << 18), best_order=ints(n), best_option=ints(n), cell=ints(4),
    )  # fmt: skip


def place_all(d: Any, s: Any, order: Any, option: Any) -> int:
    """Start from a sequence: fill the rows and compute all heads and tails.

    Parameters
    ----------
    order : (N,) operations, predecessors first
    option : (N,) option of each operation

    Returns
    -------
    makespan
    """
    for k in range(d.m):
        s.count[k] = 0
    for p in range(d.n):
        i = order[p]
        s.order[p] = i
        s.place[i] = p
        s.option[i] = option[i]
        s.machine[i] = d.option_machine[option[i]]
        s.work[i] = d.option_s[option[i]]
        s.dirty[i] = 2
        k = s.machine[i]
        if k >= 0:
            s.row[k, s.count[k]] = i
            s.at[i] = s.count[k]
            s.count[k] += 1
    renew_heads(
        d.n,
        0,
        d.n,
        s.order,
        s.dirty,
        d.release,
        d.delay,
        d.pred_ptr,
        d.pred,
        d.succ_ptr,
        d.succ,
        s.machine,
        s.row,
        s.count,
        s.at,
        s.work,
        s.head,
        s.ready,
    )
    for i in range(d.n):
        s.dirty[i] = 2
    renew_tails(
        d.n - 1,
        d.n,
        s.order,
        s.dirty,
        d.delay,
        d.pred_ptr,
        d.pred,
        d.succ_ptr,
        d.succ,
        s.machine,
        s.row,
        s.count,
        s.at,
        s.work,
        s.tail,
        s.after,
    )
    longest = 0
    for i in range(d.n):
        longest = max(longest, s.head[i] + s.work[i])
        s.best_order[i] = s.order[i]
        s.best_option[i] = s.option[i]
    s.tabu[:] = 0
    s.cell[0] = 0
    s.cell[1] = longest
    s.cell[2] = longest
    s.cell[3] = 0
    return longest


def improve(d: Any, s: Any, rng: Any, iterations: int, patience: int, target: int) -> int:
    """Search on from the current solution.

    Parameters
    ----------
    d, s : arrays of the problem; state after `place_all` or an earlier call
    rng : numpy Generator
    iterations : moves at most
    patience : moves without a better best after which to end
    target : makespan that is good enough

    Returns
    -------
    best makespan; its sequence is in `s.best_order` and `s.best_option`
    """
    n, size = d.n, len(s.tabu)
    option, machine, work, row, count, at = s.option, s.machine, s.work, s.row, s.count, s.at
    order, place, head, ready, tail, after = s.order, s.place, s.head, s.ready, s.tail, s.after
    dirty, path, shift, tabu = s.dirty, s.path, s.shift, s.tabu
    pred_ptr, pred, succ_ptr, succ = d.pred_ptr, d.pred, d.succ_ptr, d.succ
    release, delay, option_ptr = d.release, d.delay, d.option_ptr
    option_machine, option_s = d.option_machine, d.option_s
    tenure = 10 + d.jobs // max(d.m, 1)
    iteration, makespan, best, since = s.cell[0], s.cell[1], s.cell[2], s.cell[3]
    last = iteration + iterations
    while iteration < last and since < patience and best > target:
        iteration += 1
        since += 1
        # a critical path, from its end; where two ways lead back, one is taken at random
        i = -1
        ways = 0
        for a in range(len(d.sink)):
            b = d.sink[a]
            if head[b] + work[b] == makespan:
                ways += 1
                if ways == 1 or rng.random() * ways < 1.0:
                    i = b
        length = 0
        while i >= 0:
            path[length] = i
            length += 1
            t = head[i]
            back = -1
            if machine[i] >= 0 and at[i] > 0:
                b = row[machine[i], at[i] - 1]
                if head[b] + work[b] == t:
                    back = b
            if t == ready[i] and (back < 0 or rng.random() < 0.5):
                for a in range(pred_ptr[i], pred_ptr[i + 1]):
                    b = pred[a]
                    if head[b] + work[b] + delay[i] == t:
                        back = b
                        break
            i = back
        # best move that is not tabu; at random among equals, and among all when everything is tabu
        kind = 0
        best_value = 1 << 60
        alike = 0
        move_u, move_k, move_at, move_option = -1, -1, -1, -1
        spare = 0
        spare_u, spare_k, spare_at, spare_option, spare_kind = -1, -1, -1, -1, 0
        right = 0  # path[right] is the last operation of a block, path[left] the first
        while right < length:
            k = machine[path[right]]
            left = right
            while (
                k >= 0
                and left + 1 < length
                and machine[path[left + 1]] == k
                and at[path[left + 1]] == at[path[left]] - 1
            ):
                left += 1
            low, high = at[path[left]], at[path[right]]
            if left > right:
                opening = left == length - 1
                closing = right == 0
                for c in range(4 * (high - low)):
                    way = c & 3
                    step = c >> 2
                    if way == 0:  # to the end of the block
                        a, b = low + step, high
                        if closing:
                            continue
                    elif way == 1:  # the first into the block
                        a, b = low, low + step + 1
                        if b == high or opening:
                            continue
                    elif way == 2:  # to the front of the block
                        a, b = low, low + step + 1
                        if opening or (b == low + 1 and not closing and high == low + 1):
                            continue
                    else:  # the last into the block
                        a, b = low + step, high
                        if a == low or closing:
                            continue
                    u, v = row[k, a], row[k, b]
                    possible = True
                    forbidden = False
                    if way < 2:
                        for e in range(succ_ptr[u], succ_ptr[u + 1]):
                            f = succ[e]
                            if head[v] >= head[f] + work[f] and tail[f] >= work[v] + tail[v]:
                                possible = False
                        if not possible:
                            continue
                        value = shift_right(k, a, b, row, count, work, head, ready, tail, after, shift)
                        for e in range(a + 1, b + 1):
                            if tabu[pair(row[k, e], u, size)] > iteration:
                                forbidden = True
                                break
                    else:
                        for e in range(pred_ptr[v], pred_ptr[v + 1]):
                            f = pred[e]
                            if head[f] >= head[u] + work[u] and tail[u] >= work[f] + tail[f]:
                                possible = False
                        if not possible:
                            continue
                        value = shift_left(k, a, b, row, count, work, head, ready, tail, after, shift)
                        for e in range(a, b):
                            if tabu[pair(v, row[k, e], size)] > iteration:
                                forbidden = True
                                break
                    if forbidden and value >= best:
                        spare += 1
                        if rng.random() * spare < 1.0:
                            spare_kind = 1 if way < 2 else 2
                            spare_u, spare_k, spare_at = (u, k, b) if way < 2 else (v, k, a)
                        continue
                    if value < best_value:
                        alike = 0
                    if value <= best_value:
                        alike += 1
                        if alike == 1 or rng.random() * alike < 1.0:
                            best_value = value
                            kind = 1 if way < 2 else 2
                            move_u, move_k, move_at = (u, k, b) if way < 2 else (v, k, a)
            right = left + 1
        for c in range(length):
            u = path[c]
            if option_ptr[u + 1] - option_ptr[u] < 2:
                continue
            for o in range(option_ptr[u], option_ptr[u + 1]):
                k = option_machine[o]
                if k == machine[u]:
                    continue
                # between those that could end after u is ready and those that must begin before its job goes on
                lo, hi = 0, count[k]
                while lo < hi:
                    mid = (lo + hi) >> 1
                    if head[row[k, mid]] + work[row[k, mid]] > ready[u]:
                        hi = mid
                    else:
                        lo = mid + 1
                first = lo
                lo, hi = 0, count[k]
                while lo < hi:
                    mid = (lo + hi) >> 1
                    if work[row[k, mid]] + tail[row[k, mid]] > after[u]:
                        lo = mid + 1
                    else:
                        hi = mid
                beyond = lo
                if beyond <= first:
                    value = ready[u] + option_s[o] + after[u]
                    where = beyond + int(rng.random() * (first - beyond + 1))
                else:
                    value = 1 << 60
                    where = first
                    for b in range(first, beyond + 1):
                        t = ready[u]
                        if b > 0:
                            t = max(t, head[row[k, b - 1]] + work[row[k, b - 1]])
                        left_over = after[u]
                        if b < count[k]:
                            left_over = max(left_over, work[row[k, b]] + tail[row[k, b]])
                        if t + option_s[o] + left_over < value:
                            value = t + option_s[o] + left_over
                            where = b
                if tabu[pair(u, n + k, size)] > iteration and value >= best:
                    spare += 1
                    if rng.random() * spare < 1.0:
                        spare_kind = 3
                        spare_u, spare_k, spare_at, spare_option = u, k, where, o
                    continue
                if value < best_value:
                    alike = 0
                if value <= best_value:
                    alike += 1
                    if alike == 1 or rng.random() * alike < 1.0:
                        best_value = value
                        kind = 3
                        move_u, move_k, move_at, move_option = u, k, where, o
        if kind == 0:
            if spare == 0:
                break  # nothing on the path can be moved: its length is a bound
            kind, move_u, move_k, move_at, move_option = spare_kind, spare_u, spare_k, spare_at, spare_option
        # do it
        u = move_u
        old_k, old_at = machine[u], at[u]
        until = iteration + tenure + int(rng.random() * tenure * 0.5)
        if kind == 1:
            for e in range(old_at + 1, move_at + 1):
                tabu[pair(u, row[old_k, e], size)] = until
        elif kind == 2:
            for e in range(move_at, old_at):
                tabu[pair(row[old_k, e], u, size)] = until
        else:
            tabu[pair(u, n + old_k, size)] = until + option_ptr[u + 1] - option_ptr[u]
        take(u, row, count, at, old_k)
        give(u, row, count, at, move_k, move_at)
        machine[u] = move_k
        possible = True
        if move_at > 0 and place[row[move_k, move_at - 1]] > place[u]:
            x = row[move_k, move_at - 1]
            possible = later(u, x, order, place, dirty, path, pred_ptr, pred, machine, row, at)
        if possible and move_at + 1 < count[move_k] and place[row[move_k, move_at + 1]] < place[u]:
            y = row[move_k, move_at + 1]
            possible = earlier(u, y, order, place, dirty, path, succ_ptr, succ, machine, row, count, at)
        if not possible:  # operations of no length: the estimate could not see the circle
            take(u, row, count, at, move_k)
            give(u, row, count, at, old_k, old_at)
            machine[u] = old_k
            if old_at > 0 and place[row[old_k, old_at - 1]] > place[u]:
                later(u, row[old_k, old_at - 1], order, place, dirty, path, pred_ptr, pred, machine, row, at)
            if old_at + 1 < count[old_k] and place[row[old_k, old_at + 1]] < place[u]:
                earlier(u, row[old_k, old_at + 1], order, place, dirty, path, succ_ptr, succ, machine, row, count, at)
            continue
        if kind == 3:
            option[u] = move_option
            work[u] = option_s[move_option]
        for turn in range(2):
            pending = 1
            dirty[u] = 2
            low, high = place[u], place[u]
            if old_at < count[old_k]:
                i = row[old_k, old_at]
                if dirty[i] == 0:
                    dirty[i] = 1
                    pending += 1
                    low, high = min(low, place[i]), max(high, place[i])
            if old_at > 0:
                i = row[old_k, old_at - 1]
                if dirty[i] == 0:
                    dirty[i] = 1
                    pending += 1
                    low, high = min(low, place[i]), max(high, place[i])
            if kind == 2 and old_at + 1 < count[old_k]:
                i = row[old_k, old_at + 1]
                if dirty[i] == 0:
                    dirty[i] = 1
                    pending += 1
                    low, high = min(low, place[i]), max(high, place[i])
            if turn == 0:
                renew_heads(
                    n,
                    low,
                    pending,
                    order,
                    dirty,
                    release,
                    delay,
                    pred_ptr,
                    pred,
                    succ_ptr,
                    succ,
                    machine,
                    row,
                    count,
                    at,
                    work,
                    head,
                    ready,
                )
            else:
                renew_tails(
                    high,
                    pending,
                    order,
                    dirty,
                    delay,
                    pred_ptr,
                    pred,
                    succ_ptr,
                    succ,
                    machine,
                    row,
                    count,
                    at,
                    work,
                    tail,
                    after,
                )
        makespan = 0
        for a in range(len(d.sink)):
            makespan = max(makespan, head[d.sink[a]] + work[d.sink[a]])
        if makespan < best:
            best = makespan
            since = 0
            for p in range(n):
                s.best_order[p] = order[p]
                s.best_option[p] = option[p]
    s.cell[0], s.cell[1], s.cell[2], s.cell[3] = iteration, makespan, best, since
    return best
