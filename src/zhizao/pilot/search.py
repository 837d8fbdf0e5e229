"""The best set of levers under a budget: each alone, then added one by one, then seen again with fresh luck.

A lever is kept only while it helps beyond doubt on paired runs; the set that is promised is tried once more on runs
that took no part in choosing it, so that a lucky choice is not promised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.shop import Floats
from zhizao.pilot.candidates import Candidate
from zhizao.pilot.levers import PULL_ORDER, Lever
from zhizao.pilot.result import FIGURES
from zhizao.pilot.trial import COLUMNS, Plan, Runs, try_sets

__all__ = ["Found", "Tried", "levers_of", "pareto", "score", "search", "undone"]

_MOST_LATER = 0.02
"""Orders may not come later, from release to end, by more than this."""

_MOST_LOST = 0.03
"""Nor may fewer orders be finished in the period, by more than this: the edge of a period cuts a few either way."""

_LEAST_GAIN = 0.004
"""A further lever has to lower the mean of the three figures by this share at least."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Tried:
    """One set of candidates and its paired figures.

    Parameters
    ----------
    names : candidates pulled
    runs : (runs, columns) figures with the set
    before : (runs, columns) figures of the same runs without levers
    cost : what the set costs in the period
    """

    names: tuple[str, ...]
    runs: Floats
    before: Floats
    cost: float


@dataclass(frozen=True, slots=True)
class Found:
    """What the search found.

    Parameters
    ----------
    alone : each candidate by itself
    tried : every set seen, the empty one first
    chosen : names of the best set; empty when nothing helps beyond doubt
    """

    alone: tuple[Tried, ...]
    tried: tuple[Tried, ...]
    chosen: tuple[str, ...]


def levers_of(candidates: Sequence[Candidate], names: Sequence[str]) -> tuple[Lever, ...]:
    """Levers of the named candidates in the order in which they are pulled together."""
    chosen = [lever for one in candidates if one.name in names for lever in one.levers]
    return tuple(sorted(chosen, key=lambda lever: PULL_ORDER.index(lever.kind)))


def score(after: Floats, before: Floats, weights: Floats | None = None) -> Floats:
    """Gain of each run: weighted mean of the falls of the three figures, log scale; nan where lateness forbids the set.

    Parameters
    ----------
    after, before : (runs, columns) paired
    weights : (3,) of the figures; figures that do not exist count nothing
    """
    weights = np.ones(len(FIGURES)) if weights is None else weights
    ratio = np.log(np.maximum(after[:, :3], 1e-12) / np.maximum(before[:, :3], 1e-12))
    usable = np.isfinite(ratio).all(axis=0) & (before[:, :3] > 0).all(axis=0)
    if not usable.any():
        return np.full(len(after), np.nan)
    gain: Floats = -(ratio[:, usable] @ weights[usable]) / weights[usable].sum()
    if undone(after, before):
        return np.full(len(after), -np.inf)
    return gain


def undone(after: Floats, before: Floats) -> str:
    """Why a set is not to be judged by its figures: `fewer_finished`, `later`, or nothing.

    Figures are of finished orders, so a set that finishes only the easy ones looks better than it is.

    Parameters
    ----------
    after, before : (runs, columns) paired, as `try_sets` measures them

    Examples
    --------
    >>> before = np.array([[60.0, 50.0, 0.1, 70.0, 100.0, 8.0]])
    >>> undone(before * [0.5, 1, 1, 1, 0.6, 1], before), undone(before, before)
    ('fewer_finished', '')
    """
    lead, finished = COLUMNS.index("lead_h"), COLUMNS.index("finished")
    if after[:, finished].sum() < (1.0 - _MOST_LOST) * before[:, finished].sum():
        return "fewer_finished"
    later = after[:, lead].sum() / before[:, lead].sum() - 1.0
    return "later" if later > _MOST_LATER else ""


def search(
    plan: Plan,
    candidates: Sequence[Candidate],
    *,
    seed: int,
    runs: int = 6,
    budget: float = float("inf"),
    workers: int = 1,
    progress: Progress | None = None,
) -> Found:
    """Each candidate alone, then greedy addition with exchange, on common random numbers.

    Parameters
    ----------
    plan : what is tried and how
    candidates : from `propose`
    seed : seed of the trial
    runs : paired runs per set, >= 3
    budget : most that the set may cost in the period
    workers : processes
    progress : called with stage and share
    """
    tell = progress or (lambda _stage, _share: None)
    seen: dict[tuple[str, ...], Floats] = {}

    def cost_of(names: Sequence[str]) -> float:
        return sum(lever.cost for lever in levers_of(candidates, names))

    def look(sets: Sequence[tuple[str, ...]], stage: str) -> None:
        new = [names for names in dict.fromkeys(sets) if names not in seen]
        if new:
            done: Runs = try_sets(
                plan,
                [levers_of(candidates, names) for names in new],
                seed=seed,
                runs=runs,
                workers=workers,
                progress=lambda share: tell(stage, share),
            )
            seen.update(dict(zip(new, done.values, strict=True)))

    names = [one.name for one in candidates]
    clash = {one.name: one.clash for one in candidates}
    look([(), *((name,) for name in names)], "levers alone")
    before = seen[()]

    def gain(chosen: tuple[str, ...]) -> Floats:
        return score(seen[chosen], before)

    chosen: tuple[str, ...] = ()
    for round_no in range(8):
        current = gain(chosen) if chosen else np.zeros(len(before))
        options = []
        for name in names:
            if name in chosen or not np.all(np.isfinite(gain((name,)))):
                continue
            rest = tuple(one for one in chosen if not clash[one] or clash[one] != clash[name])
            after = tuple(sorted((*rest, name)))
            if after != chosen and cost_of(after) <= budget and gain((name,)).mean() > -0.05:
                options.append(after)
        options.extend(tuple(one for one in chosen if one != drop) for drop in chosen if len(chosen) > 1)
        if round_no > 0:  # the first round is the levers alone, already seen
            look(options, f"levers together, round {round_no}")
        best = max((one for one in options if one in seen), key=lambda one: float(gain(one).mean()), default=None)
        if best is None:
            break
        extra = gain(best) - current
        if not (np.isfinite(extra).all() and extra.mean() > _LEAST_GAIN and _beyond_doubt(extra)):
            break
        chosen = best
    tried = tuple(Tried(key, value, before, cost_of(key)) for key, value in seen.items())
    return Found(tuple(one for one in tried if len(one.names) == 1), tried, chosen)


def _beyond_doubt(extra: Floats) -> bool:
    """Whether the mean of paired gains is positive at the 95 % level (one-sided t)."""
    from scipy.special import stdtrit

    n = len(extra)
    return bool(extra.mean() > float(stdtrit(n - 1, 0.95)) * extra.std(ddof=1) / np.sqrt(n))


def pareto(tried: Sequence[Tried]) -> tuple[Tried, ...]:
    """Sets that no other set beats on all of the three figures (figures that do not exist are left out).

    Examples
    --------
    >>> import numpy as np
    >>> base = np.ones((2, 6))
    >>> good, bad = base.copy(), base.copy()
    >>> good[:, :3], bad[:, :3] = 0.8, 0.9
    >>> [one.names for one in pareto([Tried(("a",), good, base, 0.0), Tried(("b",), bad, base, 0.0)])]
    [('a',)]
    """
    if not tried:
        return ()
    means = np.array([np.nan_to_num(one.runs[:, :3].mean(axis=0), nan=0.0) for one in tried])
    allowed = [np.isfinite(score(one.runs, one.before)).all() for one in tried]
    keep = []
    for at, one in enumerate(means):
        others = means[[i for i in range(len(means)) if i != at and allowed[i]]]
        beaten = len(others) and bool(
            np.any(np.all(others <= one + 1e-12, axis=1) & np.any(others < one - 1e-12, axis=1))
        )
        if allowed[at] and not beaten:
            keep.append(tried[at])
    return tuple(keep)
