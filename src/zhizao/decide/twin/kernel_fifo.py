"""The lean kernel: first come, first served on single machines, nothing else in the way.

Where a model uses none of the features that need more (`fits`), this loop gives the trace of the general kernel several
times faster: no records, no heap (the next end is found by looking at each machine), one queue of jobs per machine.
Kernel source: plain loops, run by Python as they stand or compiled by Numba.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence

import numpy as np

from .shop import RULES, Policy, Shop, Work

__all__ = ["HELPERS", "fits", "run_fifo"]

FEW = 64
"""Machines up to which looking at each of them beats a heap."""

FloatList = MutableSequence[float]
IntList = MutableSequence[int]


def fits(shop: Shop, work: Work, policy: Policy) -> bool:
    """Whether the lean kernel can run this: it gives the same trace as the general one."""
    return bool(
        len(shop.machines) <= FEW
        and policy.wip_cap == 0
        and policy.transfer_quantity == 0.0
        and policy.assigned.size == 0
        and len(work.option_machine) == len(work.run_s)
        and work.break_ptr.size == 0
        and np.all(policy.rule == RULES.index("fifo"))
        and np.all(shop.capacity == 1)
        and np.all(shop.machine_calendar < 0)
        and np.all(shop.batch == 1)
        and (not len(work.release_s) or work.release_s[0] >= 0.0)
        and not np.any(work.running)
        and (not shop.people or np.all(work.skill < 0))
        and (not shop.setup_s.size or np.all(work.family < 0))
        and not np.any(work.setup_fixed_s)
        and not np.any(work.delay_s)
        and np.all(work.gate < 0)
        and not np.any(work.option_defect)
        and np.all(work.option_ptr[1:] - work.option_ptr[:-1] == 1)
    )


def join(
    j: int,
    now: float,
    first: Sequence[int],
    machine: Sequence[int],
    at: IntList,
    after: IntList,
    head: IntList,
    tail: IntList,
    ready_s: FloatList,
    finished_s: FloatList,
) -> int:
    """Send job j to the queue of its next machine, which is returned; -1 when it has no step left."""
    s = at[j]
    if s == first[j + 1]:
        finished_s[j] = now
        return -1
    ready_s[s] = now
    m = machine[s]
    last = tail[m]
    after[j] = -1
    if last < 0:
        head[m] = j
        tail[m] = j
    elif last < j or ready_s[at[last]] < now:
        after[last] = j
        tail[m] = j
    else:
        before = -1
        x = head[m]
        while ready_s[at[x]] < now or x < j:
            before = x
            x = after[x]
        after[j] = x
        if before < 0:
            head[m] = j
        else:
            after[before] = j
    return m


def serve(
    m: int,
    now: float,
    run_s: Sequence[float],
    factor: Sequence[float],
    at: IntList,
    after: IntList,
    head: IntList,
    tail: IntList,
    busy: IntList,
    ends: FloatList,
    start_s: FloatList,
    end_s: FloatList,
) -> float:
    """Let machine m, if idle, take the first of its queue; when that ends (inf = it took none)."""
    if m < 0 or busy[m] >= 0 or head[m] < 0:
        return math.inf
    j = head[m]
    head[m] = after[j]
    if after[j] < 0:
        tail[m] = -1
    s = at[j]
    end = now + run_s[s] * factor[s]
    busy[m] = j
    ends[m] = end
    start_s[s] = now
    end_s[s] = end
    return end


def run_fifo(
    release_s: Sequence[float],
    first: Sequence[int],
    machine: Sequence[int],
    run_s: Sequence[float],
    factor: Sequence[float],
    until: float,
    at: IntList,
    after: IntList,
    head: IntList,
    tail: IntList,
    busy: IntList,
    ends: FloatList,
    ready_s: FloatList,
    start_s: FloatList,
    end_s: FloatList,
    finished_s: FloatList,
) -> int:
    """Run the jobs through the machines; arrivals plus operations completed.

    `at` holds the step each job is at, `after` the job behind it in its queue, `head` and `tail` the queue of each
    machine, `busy` the job on it and `ends` when that ends; the last four arrays are the outcome.
    """
    events = 0
    coming = 0
    n_jobs = len(release_s)
    now = -math.inf
    freed = joined = -1
    several = False
    while True:
        t = math.inf
        k = -1
        if coming < n_jobs:
            t = release_s[coming]
        for m in range(len(ends)):
            if ends[m] < t:
                t = ends[m]
                k = m
        if t > now:
            if several:
                for m in range(len(ends)):
                    end = serve(m, now, run_s, factor, at, after, head, tail, busy, ends, start_s, end_s)
                    if end < t:
                        t = end
                        k = m
            else:
                end = serve(freed, now, run_s, factor, at, after, head, tail, busy, ends, start_s, end_s)
                if end < t:
                    t = end
                    k = freed
                end = serve(joined, now, run_s, factor, at, after, head, tail, busy, ends, start_s, end_s)
                if end < t:
                    t = end
                    k = joined
            several = False
            if t == math.inf or t > until:
                return events
        else:
            several = True
        now = t
        freed = k
        if k < 0:
            j = coming
            coming += 1
        else:
            j = busy[k]
            busy[k] = -1
            ends[k] = math.inf
            at[j] += 1
        events += 1
        joined = join(j, now, first, machine, at, after, head, tail, ready_s, finished_s)


HELPERS = (join, serve)
"""What `run_fifo` calls, to be made known to Numba first."""
