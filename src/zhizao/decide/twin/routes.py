"""Routes learned from records: how an order goes on, given where it has been and what it is.

A new order follows a past one step by step. After each step it may change over to another past order that had just done
the same last steps (the longest match that others share, the same product first), as in a variable-length Markov chain
(Rissanen 1983; Begleiter, El-Yaniv and Yona 2004). Rework loops come out with the lengths they had, and orders that the
records leave open are carried on by orders that had come the same way, so nothing is biased towards short routes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.records import Past
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Routes", "follow", "learn_routes", "over_chance"]

DEPTH = 4
"""Longest history that is matched: operations before this one, each with all its reports in a row."""
LENGTHS = np.array([1, 2, 4, 8])
"""Reports of one operation in a row are told apart as 1, 2, 3-4, 5-8 and more."""
PEERS = 8
"""Past orders that must share a history before one changes over by it."""
OPEN, OVER, ON = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Routes:
    """The past as a graph to walk on.

    Parameters
    ----------
    over : (R,) probability that the case was over after this row; only the last row of a case has more than 0
    last : (R,) whether the row is the last of its case
    group : (L, R) group of rows with the same history, by level, most telling first
    order, ptr : per level, rows sorted by group, and offsets of groups
    """

    over: Floats
    last: np.typing.NDArray[np.bool_]
    group: tuple[Ints, ...]
    order: tuple[Ints, ...]
    ptr: tuple[Ints, ...]


def learn_routes(past: Past, over: Floats) -> Routes:
    """Index the rows of the past by the history that led to them.

    Parameters
    ----------
    over : (C,) probability that each case was over after its last row
    """
    rows = len(past.label)
    case = past.case
    last = np.zeros(rows, bool)
    last[past.first[1:] - 1] = True
    chance = np.zeros(rows)
    chance[past.first[1:] - 1] = over
    place = np.arange(rows) - past.first[:-1][case]
    fresh_run = (place == 0) | (past.label != np.roll(past.label, 1))
    run_start = np.maximum.accumulate(np.where(fresh_run, np.arange(rows), 0))
    length = np.searchsorted(LENGTHS, np.arange(rows) - run_start, side="right").astype(np.int64)
    histories = []
    key, at = np.zeros(rows, np.int64), run_start
    for _ in range(DEPTH):
        key = np.unique(key * (len(past.labels) + 1) + np.where(at >= 0, past.label[at] + 1, 0), return_inverse=True)[1]
        key = key.astype(np.int64)
        histories.append(key)
        before = np.maximum(at - 1, 0)
        at = np.where((at > 0) & (case[before] == case) & (at >= 0), run_start[before], -1)
    telling = [history * (len(LENGTHS) + 1) + length for history in histories]
    product = past.product[case] + 1
    ladder = []
    if product.max(initial=0) > 0:
        ladder += [telling[k] * (len(past.products) + 1) + product for k in (DEPTH - 1, 2, 1, 0)]
    ladder += [telling[k] for k in range(DEPTH - 1, -1, -1)] + [histories[0]]
    known = np.flatnonzero(~last | (chance > 0.5))  # rows after which it is known how it went on
    group, order, ptr = [], [], []
    for level in ladder:
        code = np.unique(level, return_inverse=True)[1].astype(np.int64)
        ranked = known[np.argsort(code[known], kind="stable")]
        group.append(code)
        order.append(ranked)
        ptr.append(np.concatenate([[0], np.cumsum(np.bincount(code[known], minlength=code.max(initial=0) + 1))]))
    return Routes(chance, last, tuple(group), tuple(order), tuple(ptr))


def over_chance(past: Past, *, dropped: bool) -> Floats:
    """Probability (0..1) that each case was over after its last row, (C,).

    What the records say outright is taken. Otherwise the time x since the last row is held against the pauses after
    such rows: p / (p + (1 - p) S(x)), where p is the share of rows with the same history (two steps, shrunk to one, to
    all) that close a case, and S(x) the share of pauses longer than x (Kaplan and Meier 1958, as the pauses of cases
    that may still go on are cut off by the end of the records); a few rounds of expectation and maximisation.

    Parameters
    ----------
    dropped : cases that were open at the end are not in the records at all
    """
    known = np.where(past.closed >= 0, past.closed, np.nan).astype(float)
    tail = past.first[1:] - 1
    running = np.isnan(past.end_s)[tail]
    if dropped or not np.isnan(known).any():
        return np.where(running, 0.0, np.where(np.isnan(known), 1.0, known))
    rows, case = len(past.label), past.case
    last = np.zeros(rows, bool)
    last[tail] = True
    inner = np.flatnonzero(~last)
    reach = np.maximum.accumulate(np.where(np.isnan(past.end_s), past.start_s, past.end_s) + case * 1e12) - case * 1e12
    pause = np.maximum(past.start_s[inner + 1] - reach[inner], 0.0)
    since = past.until_s - past.finish_s
    place = np.arange(rows) - past.first[:-1][case]
    histories = [np.zeros(rows, np.int64), past.kind]
    before = np.where(place > 0, past.kind[np.maximum(np.arange(rows) - 1, 0)] + 1, 0)
    histories.append(np.unique(past.kind * (len(past.kinds) + 1) + before, return_inverse=True)[1].astype(np.int64))
    by_kind = np.argsort(past.kind[inner], kind="stable")
    edges = np.searchsorted(past.kind[inner][by_kind], np.arange(len(past.kinds) + 1))
    out = np.where(running, 0.0, 0.97)
    for _ in range(5):
        going = np.where(running, 0.0, 1 - out)
        pooled = _survival(pause, since, going, since)
        survive = pooled.copy()
        for k in np.unique(past.kind[tail]):
            mine = np.flatnonzero(past.kind[tail] == k)
            own = pause[by_kind[edges[k] : edges[k + 1]]]
            n = len(own) + going[mine].sum()
            apart = _survival(own, since[mine], going[mine], since[mine])
            survive[mine] = (n * apart + 8.0 * pooled[mine]) / (n + 8.0)
        p = np.full(len(tail), 0.5)
        for key in histories:
            ends = np.bincount(key[tail], weights=out, minlength=int(key.max()) + 1)[key[tail]] - out
            visits = np.bincount(key)[key[tail]] - 1.0
            p = (ends + 6.0 * p) / (visits + 6.0)
        out = np.where(running, 0.0, p / np.maximum(p + (1 - p) * survive, 1e-12))
    return np.where(np.isnan(known), out, np.where(running, 0.0, known))


def _survival(done: Floats, cut: Floats, weight: Floats, at: Floats) -> Floats:
    """Kaplan-Meier share of pauses longer than `at`: `done` were seen whole, `cut` (with weights) were cut off."""
    time = np.concatenate([done, cut])
    mass = np.concatenate([np.ones(len(done)), weight])
    event = np.concatenate([np.ones(len(done)), np.zeros(len(cut))])
    order = np.lexsort((-event, time))
    time, mass, event = time[order], mass[order], event[order]
    risk = np.maximum(np.cumsum(mass[::-1])[::-1], 1e-9)
    share = np.exp(np.cumsum(np.log1p(-np.minimum(event * mass / risk, 0.999999))))
    place = np.searchsorted(time, at, side="right") - 1
    return np.where(place >= 0, share[np.maximum(place, 0)], 1.0)


def follow(
    past: Past, routes: Routes, at: Ints, change: float, rng: np.random.Generator, *, fresh: bool
) -> tuple[Ints, Ints]:
    """Walk from given rows to the end of the route, all orders at once.

    Parameters
    ----------
    at : (N,) row at which each order stands
    change : probability (0..1) of changing over to another past order after a step
    fresh : the row itself is still to be done; otherwise it is done, and it is known that the order goes on

    Returns
    -------
    order, row : (S,) which of the N, and the past row that each of its steps takes after, in order of the steps
    """
    longest = int(np.diff(past.first).max(initial=1)) * 2 + 10
    orders, rows = [], []
    who, now = np.arange(len(at)), at.astype(np.int64)
    for turn in range(longest):
        if not len(who):
            break
        if fresh or turn:
            orders.append(who)
            rows.append(now)
        here = now.copy()
        move = rng.random(len(who)) < change
        here[move] = _jump(routes, here[move], rng, going=False)
        state = np.where(routes.last[here], OPEN, ON)
        state[(state == OPEN) & (rng.random(len(who)) < routes.over[here])] = OVER
        if not fresh and turn == 0:
            state[state == OVER] = OPEN
        stuck = np.flatnonzero(state == OPEN)
        if len(stuck):
            going = not fresh and turn == 0
            here[stuck] = _jump(routes, here[stuck], rng, going=going)
            state[stuck] = np.where(routes.last[here[stuck]], OVER, ON)
        keep = state == ON
        who, now = who[keep], here[keep] + 1
    if not orders:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order, row = np.concatenate(orders), np.concatenate(rows)
    ranked = np.argsort(order, kind="stable")
    return order[ranked], row[ranked]


def _jump(routes: Routes, rows: Ints, rng: np.random.Generator, *, going: bool) -> Ints:
    """A row with the same history as each of `rows`, the longest that enough others share; `going`: not a last one."""
    out = rows.copy()
    todo = np.arange(len(rows))
    for level in range(len(routes.group)):
        if not len(todo):
            break
        group = routes.group[level][rows[todo]]
        low, high = routes.ptr[level][group], routes.ptr[level][group + 1]
        need = PEERS if level + 1 < len(routes.group) else 1
        ok = high - low >= need
        picked = routes.order[level][
            np.minimum(low + (rng.random(len(todo)) * (high - low)).astype(np.int64), len(routes.order[level]) - 1)
        ]
        if going:  # known to go on: a few tries for a donor that does
            for _ in range(4):
                ends = ok & routes.last[picked]
                again = low + (rng.random(len(todo)) * (high - low)).astype(np.int64)
                picked = np.where(ends, routes.order[level][np.minimum(again, len(routes.order[level]) - 1)], picked)
            ok &= ~routes.last[picked]
        out[todo[ok]] = picked[ok]
        todo = todo[~ok]
    return out
