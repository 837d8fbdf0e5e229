"""Demand learned from records: how many orders come in a week, which ones, at what time of the week, in what bunches.

Orders released within half an hour of each other form a bunch and come together again. The level is that of the recent
weeks. Records have edges: an export of rows between two dates begins with orders that were already under way (they are
no guide to how orders begin), and an export of finished orders lacks those still open at its end, the long ones above
all; each seen order then stands for 1 / (1 - its duration / span) orders (Horvitz and Thompson 1952).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.records import DAY_S, WEEK_S, Past
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Demand", "Edges", "arrivals", "edges_of", "learn_demand"]

BUNCH_S = 1800.0
RECENT_WEEKS = 8.0
HALF_LIFE_WEEKS = 6.0


@dataclass(frozen=True, slots=True)
class Edges:
    """How the records begin and end.

    Parameters
    ----------
    sliced : the records are rows between two dates: orders already under way at the beginning are in them
    dropped : orders still open at the end are not in them
    settled_s : from here on (clock seconds) the first row of a case is really its first
    """

    sliced: bool
    dropped: bool
    settled_s: float


@dataclass(frozen=True, slots=True)
class Demand:
    """Bunches of orders and how often they come.

    Parameters
    ----------
    member, ptr : bunch b holds cases member[ptr[b]:ptr[b + 1]]
    weight : (B,) how often each bunch is drawn, sums to 1
    per_week, spread : bunches per week, and the standard deviation of that count
    orders_per_week : level, for reports and for the check of the calibrated range
    """

    member: Ints
    ptr: Ints
    weight: Floats
    per_week: float
    spread: float
    orders_per_week: float


def edges_of(past: Past) -> Edges:
    """How the records begin and end, by the starts of cases.

    The beginning: many more cases seem to start in the first week than later. The end: starts die away as the chance
    to be finished by then does, rather than going on evenly (log likelihood ratio of the two, over three cycle times;
    where that is undecided, whether the last week has much less work than others).
    """
    begin, finish = past.begin_s, past.finish_s
    span = max(past.until_s - past.from_s, 1.0)
    weeks = min(int(span // WEEK_S) - 1, 4)
    sliced = False
    if weeks >= 3:  # whole weeks only, so that weekends do not matter
        count = np.bincount(((begin - past.from_s) // WEEK_S).astype(np.int64), minlength=weeks + 1)
        usual = float(count[1 : weeks + 1].mean())
        sliced = bool(count[0] > 1.3 * usual and count[0] - usual > 2.5 * np.sqrt(count[0] + usual / weeks))
    settled = past.from_s + WEEK_S if sliced else past.from_s
    cycle = np.sort((finish - begin)[(begin >= settled) & (begin <= settled + span / 3)])
    dropped = False
    if len(cycle) >= 5 and not np.isnan(past.end_s).any():
        reach = float(np.clip(3 * np.quantile(cycle, 0.8), 3 * DAY_S, past.until_s - settled))
        age = past.until_s - begin[(begin > past.until_s - reach) & (begin >= settled)]
        day = (age // DAY_S).astype(np.int64)
        days = int(np.ceil(reach / DAY_S))
        middle = (np.arange(days) + 0.5) * DAY_S
        done = np.searchsorted(cycle, middle, side="right") / len(cycle) + 1e-3
        done /= done.mean()
        evidence = float(np.log(done[np.minimum(day, days - 1)]).sum())
        start = past.start_s
        middle_rows = ((start > settled + 0.25 * span) & (start < settled + 0.75 * span)).sum() * WEEK_S / (0.5 * span)
        quiet = weeks >= 3 and (start > past.until_s - WEEK_S).sum() < 0.75 * middle_rows
        dropped = evidence > 2.0 or bool(quiet and evidence > -3.0)
    return Edges(sliced, dropped, settled)


def released(past: Past) -> Floats:
    """When each case came: its release where that is known and believable, else its first start, (C,)."""
    begin = past.begin_s
    known = ~np.isnan(past.released_s) & (past.released_s <= begin) & (begin - past.released_s < 90 * DAY_S)
    return np.where(known, past.released_s, begin)


def learn_demand(past: Past, edges: Edges) -> Demand:
    """Bunches, weights and level from the records."""
    at = released(past)
    cycle = past.finish_s - at
    settled = at >= edges.settled_s
    if settled.sum() < min(20, len(at)):
        settled[:] = True
    low = float(at[settled].min())
    span = max(past.until_s - low, 1.0)
    stands_for = np.ones(len(at))
    if edges.dropped:
        stands_for = 1.0 / np.clip(1.0 - cycle / span, 0.2, 1.0)
    chosen = np.flatnonzero(settled)
    chosen = chosen[np.argsort(at[chosen], kind="stable")]
    bunch = np.concatenate([[0], np.cumsum(np.diff(at[chosen]) > BUNCH_S)]) if len(chosen) else np.zeros(0, int)
    ptr = np.concatenate([[0], np.flatnonzero(np.diff(bunch)) + 1, [len(chosen)]]).astype(np.int64)
    heads = chosen[ptr[:-1]]
    age_weeks = (past.until_s - at[heads]) / WEEK_S
    stand = np.add.reduceat(stands_for[chosen], ptr[:-1]) / np.diff(ptr)
    recent_s = float(np.clip(RECENT_WEEKS * WEEK_S, min(span, WEEK_S), span))
    recent = at[heads] > past.until_s - recent_s
    if edges.dropped:  # within the recent window the long ones are missing more often still
        inside = 1.0 / np.clip(1.0 - cycle[heads] / recent_s, 0.2, 1.0)
        per_week = float(inside[recent & (cycle[heads] < recent_s)].sum() / (recent_s / WEEK_S))
    else:
        per_week = float(recent.sum() / (recent_s / WEEK_S))
    per_week = max(per_week, float(stand.sum() / (span / WEEK_S)) * 0.25, 1e-9)
    weeks = int(recent_s // WEEK_S)
    counts = np.bincount(
        np.clip(((past.until_s - at[heads][recent]) // WEEK_S).astype(np.int64), 0, max(weeks - 1, 0)),
        minlength=max(weeks, 1),
    )
    spread = float(np.std(counts, ddof=1)) if weeks >= 3 and not edges.dropped else float(np.sqrt(per_week))
    weight = stand * 0.5 ** (age_weeks / HALF_LIFE_WEEKS)
    size = float(np.average(np.diff(ptr), weights=weight))
    return Demand(chosen, ptr, weight / weight.sum(), per_week, spread, per_week * size)


def arrivals(
    past: Past, demand: Demand, start_s: float, rng: np.random.Generator, *, until_s: float | None, cases: int | None
) -> tuple[Ints, Floats]:
    """Cases to take after and when they come (clock seconds, sorted), from `start_s` until a time or a number."""
    at = released(past)
    donors, times = [], []
    count = 0
    week = int(start_s // WEEK_S)
    last = int(until_s // WEEK_S) if until_s is not None else week + 100_000
    while week <= last and (cases is None or count < cases):
        n = _count(demand, rng)
        picked = np.sort(rng.choice(len(demand.weight), size=n, p=demand.weight))
        low, high = demand.ptr[picked], demand.ptr[picked + 1]
        size = high - low
        rows = np.repeat(low - np.cumsum(size) + size, size) + np.arange(size.sum())
        case = demand.member[rows]
        time = week * WEEK_S + at[case] % WEEK_S
        keep = time >= start_s
        if until_s is not None:
            keep &= time < until_s
        donors.append(case[keep])
        times.append(time[keep])
        count += int(keep.sum())
        week += 1
    donor, time = np.concatenate(donors), np.concatenate(times)
    order = np.argsort(time, kind="stable")[:cases]
    return donor[order], time[order]


def _count(demand: Demand, rng: np.random.Generator) -> int:
    """Bunches in a week: mean `per_week`, spread as observed (negative binomial above Poisson, else rounded normal)."""
    mean, variance = demand.per_week, demand.spread**2
    if variance > 1.2 * mean:
        return int(rng.poisson(rng.gamma(mean**2 / (variance - mean), (variance - mean) / mean)))
    if mean < 5:
        return int(rng.poisson(mean))
    return max(0, int(np.floor(mean + demand.spread * rng.standard_normal() + rng.random())))
