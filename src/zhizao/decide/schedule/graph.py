"""A job shop solution as a graph: rows of machines, heads, tails and a topological order, renewed only where they change.

The estimates of a move within a block follow Balas and Vazacopoulos (1998): heads and tails are worked out anew for the
operations between, with all others as they were. Plain loops, run by `compiled`; `tabu` is their only caller.
"""

from __future__ import annotations

from typing import Any

__all__ = ["JITABLE"]


def pair(a: int, b: int, size: int) -> int:
    """Place of a pair in the tabu list."""
    x = (a * 73856093) ^ (b * 19349663)
    x ^= x >> 13
    return (x * 1274126177 + (x >> 7)) & (size - 1)


def renew_heads(
    n: int,
    first: int,
    pending: int,
    order: Any,
    dirty: Any,
    release: Any,
    delay: Any,
    pred_ptr: Any,
    pred: Any,
    succ_ptr: Any,
    succ: Any,
    machine: Any,
    row: Any,
    count: Any,
    at: Any,
    work: Any,
    head: Any,
    ready: Any,
) -> None:
    """Renew the heads of operations marked dirty, and of all that follows from them."""
    k = first
    while pending > 0 and k < n:
        i = order[k]
        k += 1
        if dirty[i] == 0:
            continue
        t = release[i]
        for a in range(pred_ptr[i], pred_ptr[i + 1]):
            t = max(t, head[pred[a]] + work[pred[a]])
        t += delay[i]
        ready[i] = t
        mine = machine[i]
        if mine >= 0 and at[i] > 0:
            b = row[mine, at[i] - 1]
            t = max(t, head[b] + work[b])
        if t != head[i] or dirty[i] == 2:
            head[i] = t
            for a in range(succ_ptr[i], succ_ptr[i + 1]):
                if dirty[succ[a]] == 0:
                    dirty[succ[a]] = 1
                    pending += 1
            if mine >= 0 and at[i] + 1 < count[mine]:
                b = row[mine, at[i] + 1]
                if dirty[b] == 0:
                    dirty[b] = 1
                    pending += 1
        dirty[i] = 0
        pending -= 1


def renew_tails(
    last: int,
    pending: int,
    order: Any,
    dirty: Any,
    delay: Any,
    pred_ptr: Any,
    pred: Any,
    succ_ptr: Any,
    succ: Any,
    machine: Any,
    row: Any,
    count: Any,
    at: Any,
    work: Any,
    tail: Any,
    after: Any,
) -> None:
    """Renew the tails of operations marked dirty, and of all that leads to them."""
    k = last
    while pending > 0 and k >= 0:
        i = order[k]
        k -= 1
        if dirty[i] == 0:
            continue
        t = 0
        for a in range(succ_ptr[i], succ_ptr[i + 1]):
            b = succ[a]
            t = max(t, delay[b] + work[b] + tail[b])
        after[i] = t
        mine = machine[i]
        if mine >= 0 and at[i] + 1 < count[mine]:
            b = row[mine, at[i] + 1]
            t = max(t, work[b] + tail[b])
        if t != tail[i] or dirty[i] == 2:
            tail[i] = t
            for a in range(pred_ptr[i], pred_ptr[i + 1]):
                if dirty[pred[a]] == 0:
                    dirty[pred[a]] = 1
                    pending += 1
            if mine >= 0 and at[i] > 0:
                b = row[mine, at[i] - 1]
                if dirty[b] == 0:
                    dirty[b] = 1
                    pending += 1
        dirty[i] = 0
        pending -= 1


def later(
    u: int,
    x: int,
    order: Any,
    place: Any,
    dirty: Any,
    keep: Any,
    pred_ptr: Any,
    pred: Any,
    machine: Any,
    row: Any,
    at: Any,
) -> bool:
    """Mend the order so that `u`, now after `x` on its machine, stands after it; False when that is a circle."""
    low, high = place[u], place[x]
    kept = 0
    put = low
    for k in range(low, high + 1):
        i = order[k]
        follows = i == u
        if not follows:
            for a in range(pred_ptr[i], pred_ptr[i + 1]):
                if dirty[pred[a]] == 1:
                    follows = True
            if machine[i] >= 0 and at[i] > 0 and dirty[row[machine[i], at[i] - 1]] == 1:
                follows = True
        if follows:
            dirty[i] = 1
            keep[kept] = i
            kept += 1
    possible = dirty[x] == 0
    if possible:
        for k in range(low, high + 1):
            i = order[k]
            if dirty[i] == 0:
                order[put] = i
                place[i] = put
                put += 1
        for k in range(kept):
            order[put] = keep[k]
            place[keep[k]] = put
            put += 1
    for k in range(kept):
        dirty[keep[k]] = 0
    return possible


def earlier(
    u: int,
    y: int,
    order: Any,
    place: Any,
    dirty: Any,
    keep: Any,
    succ_ptr: Any,
    succ: Any,
    machine: Any,
    row: Any,
    count: Any,
    at: Any,
) -> bool:
    """Mend the order so that `u`, now before `y` on its machine, stands before it; False when that is a circle."""
    low, high = place[y], place[u]
    kept = 0
    put = high
    for k in range(high, low - 1, -1):
        i = order[k]
        leads = i == u
        if not leads:
            for a in range(succ_ptr[i], succ_ptr[i + 1]):
                if dirty[succ[a]] == 1:
                    leads = True
            if machine[i] >= 0 and at[i] + 1 < count[machine[i]] and dirty[row[machine[i], at[i] + 1]] == 1:
                leads = True
        if leads:
            dirty[i] = 1
            keep[kept] = i
            kept += 1
    possible = dirty[y] == 0
    if possible:
        for k in range(high, low - 1, -1):
            i = order[k]
            if dirty[i] == 0:
                order[put] = i
                place[i] = put
                put -= 1
        for k in range(kept):
            order[put] = keep[k]
            place[keep[k]] = put
            put -= 1
    for k in range(kept):
        dirty[keep[k]] = 0
    return possible


def take(u: int, row: Any, count: Any, at: Any, k: int) -> None:
    """Take an operation out of the row of machine `k`."""
    for a in range(at[u], count[k] - 1):
        row[k, a] = row[k, a + 1]
        at[row[k, a]] = a
    count[k] -= 1


def give(u: int, row: Any, count: Any, at: Any, k: int, where: int) -> None:
    """Put an operation into the row of machine `k`."""
    for a in range(count[k], where, -1):
        row[k, a] = row[k, a - 1]
        at[row[k, a]] = a
    row[k, where] = u
    at[u] = where
    count[k] += 1


def shift_right(
    k: int, a: int, b: int, row: Any, count: Any, work: Any, head: Any, ready: Any, tail: Any, after: Any, shift: Any
) -> int:
    """Longest path through a block when the operation in place `a` of machine `k` moves right after place `b`."""
    u = row[k, a]
    t = 0
    if a > 0:
        t = head[row[k, a - 1]] + work[row[k, a - 1]]
    for c in range(a + 1, b + 1):
        i = row[k, c]
        t = max(t, ready[i])
        shift[c] = t
        t += work[i]
    start = max(ready[u], t)
    t = 0
    if b + 1 < count[k]:
        t = work[row[k, b + 1]] + tail[row[k, b + 1]]
    t = max(after[u], t) + work[u]
    longest = start + t
    for c in range(b, a, -1):
        i = row[k, c]
        t = max(after[i], t) + work[i]
        longest = max(longest, shift[c] + t)
    return longest


def shift_left(
    k: int, a: int, b: int, row: Any, count: Any, work: Any, head: Any, ready: Any, tail: Any, after: Any, shift: Any
) -> int:
    """Longest path through a block when the operation in place `b` of machine `k` moves right before place `a`."""
    v = row[k, b]
    t = 0
    if a > 0:
        t = head[row[k, a - 1]] + work[row[k, a - 1]]
    start = max(ready[v], t)
    t = start + work[v]
    for c in range(a, b):
        i = row[k, c]
        t = max(t, ready[i])
        shift[c] = t
        t += work[i]
    t = 0
    if b + 1 < count[k]:
        t = work[row[k, b + 1]] + tail[row[k, b + 1]]
    longest = 0
    for c in range(b - 1, a - 1, -1):
        i = row[k, c]
        t = max(after[i], t) + work[i]
        longest = max(longest, shift[c] + t)
    return max(longest, start + work[v] + max(after[v], t))


JITABLE = (pair, renew_heads, renew_tails, later, earlier, take, give, shift_right, shift_left)
"""Functions that the compiled loops call."""
