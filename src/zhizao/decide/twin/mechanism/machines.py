"""Machines: how many orders at once, batches, and how they wear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.mechanism.visits import Visits
from zhizao.decide.twin.shop import Floats, Ints
from zhizao.model import Plant

__all__ = ["Wear", "batches", "capacities", "fit_weibull", "learn_wear"]


@dataclass(frozen=True, slots=True)
class Wear:
    """Breakdowns of a machine.

    Parameters
    ----------
    shape, scale_s : Weibull distribution of the busy time between breakdowns
    repair_s : repairs as recorded, round the clock, to be drawn from
    count : breakdowns seen
    """

    shape: float
    scale_s: float
    repair_s: Floats
    count: int


def batches(visits: Visits) -> Ints:
    """Visits that a machine does together as one lot, (M,): equal start and end on the same machine; 1 = none."""
    out = np.ones(len(visits.machines), np.int64)
    key = np.stack([visits.machine, np.round(visits.start_s), np.round(visits.end_s)])
    done = np.isfinite(visits.end_s) & (visits.end_s - visits.start_s > 300.0)
    if not done.any():
        return out
    _, inverse, count = np.unique(key[:, done], axis=1, return_inverse=True, return_counts=True)
    size = count[inverse.ravel()]
    for m in range(len(out)):
        mine = size[visits.machine[done] == m]
        if len(mine) >= 20 and np.mean(mine > 1) > 0.2:
            out[m] = int(mine.max()) if np.sum(mine == mine.max()) >= 0.02 * len(mine) else int(np.quantile(mine, 0.99))
    return out


def capacities(visits: Visits, batch: Ints, plant: Plant | None = None) -> Ints:
    """Orders that each machine works on at once beside batches, (M,): the level exceeded in under 5 % of busy time."""
    out = np.ones(len(visits.machines), np.int64)
    for m, name in enumerate(visits.machines):
        if plant is not None and name in plant.machines and "capacity" in plant.machines[name].model_fields_set:
            out[m] = plant.machines[name].capacity
            continue
        if batch[m] > 1:
            continue
        mine = (visits.machine == m) & np.isfinite(visits.end_s) & (visits.end_s > visits.start_s)
        start, end = visits.start_s[mine], visits.end_s[mine]
        if len(start) < 2:
            continue
        time = np.concatenate([start, end])
        step = np.concatenate([np.ones(len(start)), -np.ones(len(end))])
        order = np.lexsort((step, time))
        level = np.cumsum(step[order])[:-1]
        length = np.diff(time[order])
        busy = level > 0
        total = length[busy].sum()
        if total <= 0:
            continue
        high = np.argsort(-level)
        above = np.cumsum(length[high])
        out[m] = max(1, int(level[high][min(np.searchsorted(above, 0.05 * total), len(high) - 1)]))
    return out


def learn_wear(visits: Visits) -> tuple[Wear | None, ...]:
    """Wear of each machine with at least five breakdown reports."""
    out: list[Wear | None] = []
    broken = visits.breakdowns
    for m in range(len(visits.machines)):
        mine = np.sort(broken.start_s[broken.machine == m])
        if len(mine) < 5:
            out.append(None)
            continue
        at = visits.machine == m
        order = np.argsort(visits.start_s[at], kind="stable")
        start = visits.start_s[at][order]
        busy = np.concatenate([[0.0], np.cumsum((visits.setup_s + visits.run_s)[at][order])])
        place = busy[np.searchsorted(start, mine, "left")]
        between = np.diff(np.concatenate([[0.0], place]))
        between = between[between > 300.0]
        lengths = (broken.end_s - broken.start_s)[broken.machine == m]
        lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
        if len(between) < 4 or not len(lengths):
            out.append(None)
            continue
        shape, scale = fit_weibull(between, float(max(busy[-1] - place[-1], 0.0)))
        out.append(Wear(shape, scale, lengths, len(mine)))
    return tuple(out)


def fit_weibull(times: Floats, open_time: float = 0.0) -> tuple[float, float]:
    """Shape and scale by maximum likelihood, one further interval still open (censored).

    Parameters
    ----------
    times : (n,) times between breakdowns, > 0, any unit
    open_time : time since the last breakdown, 0 = none

    Examples
    --------
    >>> shape, scale = fit_weibull(np.random.default_rng(1).weibull(2.0, 4000) * 50.0)
    >>> round(shape, 1), round(scale)
    (2.0, 50)
    """
    from scipy.optimize import brentq

    every = np.append(times, open_time) if open_time > 0 else times
    unit = float(every.max())
    every, logs = every / unit, np.log(times / unit)

    def score(shape: float) -> float:
        power = every**shape
        return float(np.sum(power * np.log(every)) / np.sum(power) - 1.0 / shape - logs.mean())

    shape = float(brentq(score, 0.05, 60.0)) if score(0.05) * score(60.0) < 0 else 1.0
    return shape, unit * float((np.sum(every**shape) / len(times)) ** (1.0 / shape))
