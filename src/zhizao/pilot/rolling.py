"""A schedule that is made anew as the run goes on, from nothing but what is known at each time.

At each planning time the run is taken up to then, the open orders are scheduled (released orders, expected durations),
and the planned starts become the order in which machines take work. Orders that come in before the next planning time
are ranked by the latest time at which they must start.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zhizao.decide.schedule import Problem, Rounds, solve
from zhizao.decide.twin.run import simulate
from zhizao.decide.twin.shop import Floats, Policy, Shop, Work
from zhizao.errors import InputError

__all__ = ["rolling_priorities"]

_ROUNDS = 3
"""Turns of the search at each planning time; fixed, so that the same run gives the same plans."""


def rolling_priorities(shop: Shop, work: Work, policy: Policy, *, every_s: float, until_s: float = np.inf) -> Floats:
    """Priority of each step for the rule `sequence`.

    Parameters
    ----------
    shop, work, policy : the run; the policy's rules must be `sequence`
    every_s : time between plannings, seconds
    until_s : no planning after this time

    Returns
    -------
    (S,) smaller goes first: planned start, or latest start where a step was never planned, seconds of the run
    """
    priority = _latest_start(work)
    release = work.release_s[np.isfinite(work.release_s)]
    last = min(float(release.max(initial=0.0)), until_s)
    now = every_s * np.floor(max(float(release.min(initial=0.0)), 0.0) / every_s)
    while now <= last:
        trace = simulate(shop, work, replace(policy, priority=priority), until_s=now, compiled=True)
        try:
            problem = Problem.of_shop(shop, work, now, trace=trace)
        except InputError:  # people who have come back to more work than they can attend: plan without them
            problem = Problem.of_shop(shop, work, now, trace=trace, people=False)
        if problem.operations:
            found = solve(problem, Rounds(_ROUNDS), workers=1)
            if found.schedule is not None:
                waiting = ~(trace.start_s[problem.steps] <= now)
                priority[problem.steps[waiting]] = now + found.schedule.start_s[waiting]
        now += every_s
    return priority


def _latest_start(work: Work) -> Floats:
    """(S,) due date (release and twice the expected work, where there is none) less the work expected from there on."""
    expected = work.expected_s if work.expected_s.size else work.run_s
    job = np.repeat(np.arange(len(work.release_s)), np.diff(work.first))
    total = np.concatenate([[0.0], np.cumsum(expected)])
    left = total[work.first[1:]][job] - total[:-1]
    whole = total[work.first[1:]] - total[work.first[:-1]]
    due = np.where(np.isfinite(work.due_s), work.due_s, work.release_s + 2.0 * whole)
    out: Floats = due[job] - left
    return out
