"""Times learned from records: how long work takes, and how much of each wait was a queue and how much was not.

The wait before a step, in the working hours of its machine, is split at the records: while the machine was taken up by
others it was a queue, and the rest is delay that more capacity would not remove (transport, cooling, paper, people).
The simulation makes its own queues, so only the delay is given to it; a factor per machine then brings the simulated
waits to those recorded (`calibrated` by the twin).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.demand import released
from zhizao.decide.twin.hours import Hours, worked_s
from zhizao.decide.twin.records import Past
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Timing", "capacities", "learn_timing"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of each past row, seconds, (R,).

    Parameters
    ----------
    run_s : work that it adds to its case, in the working hours of its machine
    head_s, tail_s : by how much it began, and ended, before the rows above it in the case were over
    since_s : clock time from the end of the rows above (or the release) to its start
    wait_s : from the end of the rows above (or the release) to its start, in working hours
    delay_s : the part of `wait_s` that is not queueing
    size : (kinds,) exponent of the quantity in the run time (0 = time per report, 1 = per piece)
    factor : (kinds, machines) time of a machine relative to the others on the same kind of work
    """

    run_s: Floats
    head_s: Floats
    tail_s: Floats
    since_s: Floats
    wait_s: Floats
    delay_s: Floats
    size: Floats
    factor: Floats


def capacities(past: Past, declared: dict[int, int] | None = None) -> Ints:
    """Orders that each machine works on at once: the level exceeded in less than 3 % of its busy time, (M,)."""
    out = np.ones(len(past.machines), np.int64)
    end = np.where(np.isnan(past.end_s), past.until_s, past.end_s)
    for m in range(len(past.machines)):
        mine = past.machine == m
        time, level = _course(past.start_s[mine], end[mine])
        length = np.diff(time)
        busy = level[:-1] > 0
        total = length[busy].sum()
        if total > 0:
            order = np.argsort(-level[:-1])
            above = np.cumsum(length[order])
            out[m] = max(1, int(level[:-1][order][min(np.searchsorted(above, 0.03 * total), len(order) - 1)]))
    for m, capacity in (declared or {}).items():
        out[m] = capacity
    return out


def learn_timing(past: Past, hours: Hours, capacity: Ints, rng: np.random.Generator) -> Timing:
    """Times of the rows; work still running at the end of the records gets a duration drawn from longer ones."""
    case = past.case
    first = past.first[:-1]
    end = np.where(np.isnan(past.end_s), _finish(past, rng), past.end_s)
    reach = np.maximum.accumulate(end + case * 1e12) - case * 1e12
    before = np.empty(len(end))
    before[1:] = reach[:-1]
    before[first] = released(past)
    start = past.start_s
    is_first = np.zeros(len(end), bool)
    is_first[first] = True
    head = np.where(is_first, 0.0, np.maximum(before - start, 0.0))
    tail = np.where(is_first, 0.0, np.maximum(before - end, 0.0))
    begin = np.maximum(start, np.where(is_first, start, before))
    machine = past.machine
    span = np.maximum(end - begin, 0.0)
    run = worked_s(hours, machine, np.maximum(end, begin)) - worked_s(hours, machine, begin)
    run = np.where(run < 0.3 * span, span, run)
    gap = np.minimum(before, start)
    wait = worked_s(hours, machine, start) - worked_s(hours, machine, gap)
    queue = np.zeros(len(end))
    for m in range(len(past.machines)):
        mine = np.flatnonzero(machine == m)
        time, level = _course(start[mine], end[mine])
        if len(time) < 2:
            continue
        full = np.where(level[:-1] >= capacity[m], np.diff(worked_s(hours, np.full(len(time), m), time)), 0.0)
        total = np.concatenate([[0.0], np.cumsum(full)])
        queue[mine] = np.interp(start[mine], time, total) - np.interp(gap[mine], time, total)
    return Timing(
        run_s=run,
        head_s=head,
        tail_s=tail,
        since_s=start - gap,
        wait_s=wait,
        delay_s=np.maximum(wait - queue, 0.0),
        size=_size(past, run),
        factor=_factor(past, run),
    )


def _course(start: Floats, end: Floats) -> tuple[Floats, Ints]:
    """Times at which the number of rows under way changes, and the number from then on."""
    time = np.concatenate([start, end])
    step = np.concatenate([np.ones(len(start), np.int64), -np.ones(len(end), np.int64)])
    order = np.lexsort((step, time))
    return time[order], np.cumsum(step[order])


def _finish(past: Past, rng: np.random.Generator) -> Floats:
    """Ends of rows that are still running: past ones of the same kind that took longer than these have so far."""
    out = past.end_s.copy()
    length = past.end_s - past.start_s
    for row in np.flatnonzero(np.isnan(past.end_s)):
        so_far = past.until_s - past.start_s[row]
        longer = length[(past.kind == past.kind[row]) & (length > so_far)]
        out[row] = past.start_s[row] + (rng.choice(longer) if len(longer) else 1.25 * so_far + 60.0)
    return out


def _size(past: Past, run: Floats) -> Floats:
    """Exponent of the order quantity in the run time per kind, least squares on logs, shrunk towards all kinds'."""
    quantity = past.quantity[past.case]
    good = (quantity > 0) & (run > 1.0)
    kinds = len(past.kinds)
    if good.sum() < 30:
        return np.zeros(kinds)
    x, y, kind = np.log(quantity[good]), np.log(run[good]), past.kind[good]
    n = np.bincount(kind, minlength=kinds)
    safe = np.maximum(n, 1)
    dx = x - (np.bincount(kind, x, kinds) / safe)[kind]
    dy = y - (np.bincount(kind, y, kinds) / safe)[kind]
    xx, xy = np.bincount(kind, dx * dx, kinds), np.bincount(kind, dx * dy, kinds)
    pooled = float(np.clip(xy.sum() / max(xx.sum(), 1e-9), 0.0, 1.2))
    lean = 10.0
    return np.clip((xy + lean * pooled) / (xx + lean), 0.0, 1.2)


def _factor(past: Past, run: Floats) -> Floats:
    """Geometric mean time of each machine over that of its kind of work, shrunk by 10 rows towards 1."""
    kinds, machines = len(past.kinds), len(past.machines)
    good = run > 1.0
    kind, machine, y = past.kind[good], past.machine[good], np.log(run[good])
    mean = np.bincount(kind, y, kinds) / np.maximum(np.bincount(kind, minlength=kinds), 1)
    at = kind * machines + machine
    n = np.bincount(at, minlength=kinds * machines)
    gap = np.bincount(at, y - mean[kind], kinds * machines) / (n + 10.0)
    return np.exp(gap).reshape(kinds, machines)
