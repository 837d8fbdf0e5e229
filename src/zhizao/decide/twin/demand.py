"""Demand learned from records: how many orders come in a week, when in the week, in what bunches, and which ones.

A simulated week takes the arrival times of a past week (the latest most often), so waves of releases, quiet days and
the ups and downs between weeks are kept; which order comes is drawn from the recent past. Records have edges: an export
of rows between two dates begins with orders that were already under way (they are no guide to how orders begin), and an
export of finished orders lacks those still open at its end, the long ones above all; each seen order then stands for
1 / (1 - its duration / span) orders (Horvitz and Thompson 1952), and the missing ones, as many as the distribution of
cycle times says (Lynden-Bell 1971), are added to the weeks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.records import DAY_S, WEEK_S, Past
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Demand", "Edges", "arrivals", "edges_of", "learn_demand"]

RECENT_WEEKS = 8.0
HALF_LIFE_WEEKS = 12.0
LONGEST_WEEKS = 26


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
    """Orders that may come again, and how they come.

    Parameters
    ----------
    case, weight : (B,) past cases and how often each is drawn, sums to 1
    week_start_s, week_weight : (W,) past weeks whose arrivals are repeated and how often each is, sums to 1; no weeks:
        arrivals come one by one at the hours of the week that the records show
    extra : orders per week that are added to those of a repeated week
    orders_per_week : level, for reports and for the check of the calibrated range
    """

    case: Ints
    weight: Floats
    week_start_s: Floats
    week_weight: Floats
    extra: float
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
    """Orders, weeks and level from the records."""
    at = released(past)
    cycle = past.finish_s - at
    settled = at >= edges.settled_s
    if settled.sum() < min(20, len(at)):
        settled[:] = True
    case = np.flatnonzero(settled)
    low = float(at[case].min())
    span = max(past.until_s - low, 1.0)
    age_weeks = (past.until_s - at[case]) / WEEK_S
    weight = 0.5 ** (age_weeks / HALF_LIFE_WEEKS)
    recent_s = float(np.clip((12.0 if edges.dropped else RECENT_WEEKS) * WEEK_S, min(span, WEEK_S), span))
    level = float((at[case] > past.until_s - recent_s).sum() / (recent_s / WEEK_S))
    if edges.dropped:
        weight /= np.clip(1.0 - cycle[case] / span, 0.2, 1.0)
        level /= max(_finished_share(cycle[case], past.until_s - at[case], recent_s), 0.5)
    weeks = min(int(span // WEEK_S), LONGEST_WEEKS)
    starts: Floats = past.until_s - WEEK_S * np.arange(1, weeks + 1, dtype=np.float64)
    counts = np.histogram(at[case], bins=np.append(starts[::-1], past.until_s))[0][::-1] if weeks else np.zeros(0)
    share = 0.5 ** (np.arange(weeks) / HALF_LIFE_WEEKS)
    if weeks < 3 or not counts.sum():
        starts, share, usual = np.empty(0), np.empty(0), 0.0
    else:
        share /= share.sum()
        usual = float(counts @ share)
        if not edges.dropped:
            level = usual
    weight = np.asarray(weight / weight.sum(), np.float64)
    share = np.asarray(share, np.float64)
    return Demand(case, weight, starts, share, max(level - usual, 0.0), max(level, 1e-9))


def _finished_share(cycle: Floats, age: Floats, recent_s: float) -> float:
    """Share of the cases begun in a recent time that are finished by now, when only finished ones are seen.

    The distribution of the cycle time is that of Lynden-Bell (1971) for data cut off on the right.

    Parameters
    ----------
    cycle, age : (n,) time from start to end, and from start to now, seconds
    """
    value, count = np.unique(cycle, return_counts=True)
    at_risk = np.searchsorted(np.sort(cycle), value, side="right") - np.searchsorted(np.sort(age), value, side="left")
    keep = 1.0 - count / np.maximum(at_risk, count)
    share = np.append(np.cumprod(np.maximum(keep, 1e-3)[::-1])[::-1][1:], 1.0)
    grid = np.linspace(0.0, recent_s, 500)
    place = np.searchsorted(value, grid, side="right") - 1
    return float(np.where(place >= 0, share[np.maximum(place, 0)], 0.0).mean())


def arrivals(
    past: Past, demand: Demand, start_s: float, rng: np.random.Generator, *, until_s: float | None, cases: int | None
) -> tuple[Ints, Floats]:
    """Cases to take after and when they come (clock seconds, sorted), from `start_s` until a time or a number."""
    at = released(past)
    pool = np.sort(at[demand.case])
    found = []
    count = 0
    week_s = start_s - WEEK_S * rng.random() if len(demand.week_start_s) else start_s
    while (until_s is None or week_s < until_s) and (cases is None or count < cases):
        if len(demand.week_start_s):
            source = float(rng.choice(demand.week_start_s, p=demand.week_weight))
            shift = WEEK_S * np.ceil((week_s - source) / WEEK_S)  # whole weeks, so that the time of the week is kept
            times = pool[(pool >= source) & (pool < source + WEEK_S)] + shift
            lead = source + shift - week_s
            times = np.where(times >= week_s + WEEK_S, times - WEEK_S, times) if lead > 0 else times
        else:
            times = np.empty(0)
        more = rng.poisson(demand.extra if len(demand.week_start_s) else demand.orders_per_week)
        shifted = rng.choice(pool, more) if more else np.empty(0)
        extra = shifted + WEEK_S * np.ceil((week_s - shifted) / WEEK_S)
        times = np.concatenate([times, extra])
        times = times[(times >= start_s) & ((until_s is None) | (times < (until_s or 0.0)))]
        found.append(np.sort(times))
        count += len(times)
        week_s += WEEK_S
    time = np.sort(np.concatenate(found))[:cases] if found else np.empty(0)
    return _spread(past, demand, len(time), rng), time


def _spread(past: Past, demand: Demand, n: int, rng: np.random.Generator) -> Ints:
    """Cases drawn by their weights, evenly over short and long ones (systematic sampling), in random order."""
    ranked = np.argsort((past.finish_s - past.begin_s)[demand.case], kind="stable")
    reach = np.cumsum(demand.weight[ranked])
    place = np.searchsorted(reach, (np.arange(n) + rng.random()) / max(n, 1) * reach[-1], side="right")
    case: Ints = demand.case[ranked[np.minimum(place, len(ranked) - 1)]]
    return rng.permutation(case)
