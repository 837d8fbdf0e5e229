"""Levers tried in the twin: every set meets the same drawn work (common random numbers), run after run.

A run is drawn once and all sets are tried on it; what comes back is an array of figures per set and run. Changes are
ratios of paired runs, so that the luck of a run cancels.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from zhizao.account import three_figures
from zhizao.decide.twin.mechanism import Mechanism, Scene, worklog_of
from zhizao.decide.twin.run import simulate
from zhizao.decide.twin.shop import Floats
from zhizao.model import Plant
from zhizao.pilot.levers import Lever, pull_all
from zhizao.pilot.result import FIGURES, Change

__all__ = ["COLUMNS", "Plan", "Runs", "changes", "try_sets"]

COLUMNS = (*FIGURES, "lead_h", "finished", "wip")
"""Measured per set and run: the three figures, mean hours from release to end, orders finished, mean on the floor."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried and how: the twins (one per re-drawn history), the plant, and the period that is run again.

    Parameters
    ----------
    mechanism : the plant as its records show it
    plant : rates
    start, end : period of demand that is run again; None = all of it
    weeks : 0 = the recorded demand itself; else fresh demand like it for so many weeks, so that what a change brings in
        another period of the same length is seen with the luck of its orders
    """

    mechanism: Mechanism
    plant: Plant
    start: datetime | None = None
    end: datetime | None = None
    weeks: int = 0


@dataclass(frozen=True, slots=True)
class Runs:
    """Figures per set and run.

    Parameters
    ----------
    values : (sets, runs, len(COLUMNS)); nan where a figure does not exist
    """

    values: Floats

    def column(self, name: str) -> Floats:
        """One measure, (sets, runs)."""
        return self.values[:, :, COLUMNS.index(name)]


def try_sets(
    plan: Plan,
    sets: Sequence[tuple[Lever, ...]],
    *,
    seed: int,
    runs: int,
    workers: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Runs:
    """Figures of every set in every run; the same seed meets the same work.

    Parameters
    ----------
    plan : what is tried and how
    sets : sets of levers; the empty set is the plant as it is
    seed : seed of the whole trial
    runs : replications, >= 2
    workers : processes; the figures do not depend on it
    progress : called with the share done
    """
    from joblib import Parallel, delayed

    out = np.full((len(sets), runs, len(COLUMNS)), np.nan)
    tasks = [(run, a, min(a + _CHUNK, len(sets))) for run in range(runs) for a in range(0, len(sets), _CHUNK)]
    workers = min(workers, len(tasks))
    done = 0
    tell = progress or (lambda _share: None)
    tell(0.0)
    _call_workers(workers)
    with Parallel(n_jobs=workers, return_as="generator_unordered") as pool:
        for run, a, b, values in pool(delayed(_one_run)(plan, sets[a:b], seed, run, a, b) for run, a, b in tasks):
            out[a:b, run] = values
            done += b - a
            tell(done / (len(sets) * runs))
    return Runs(out)


_CHUNK = 16


def _call_workers(workers: int) -> None:
    """Start the processes deaf to Ctrl-C, which a terminal sends to all of them: who asked for them ends them."""
    from joblib import Parallel, delayed

    if workers < 2 or not hasattr(signal, "pthread_sigmask"):
        return
    from multiprocessing import resource_tracker

    from joblib.externals.loky.backend import resource_tracker as trackers_of_loky

    for tracker in (resource_tracker, trackers_of_loky):
        tracker.ensure_running()  # its start would lift the block again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        Parallel(n_jobs=workers)(delayed(int)() for _ in range(workers))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _one_run(
    plan: Plan, sets: Sequence[tuple[Lever, ...]], seed: int, run: int, a: int, b: int
) -> tuple[int, int, int, Floats]:
    rng = np.random.default_rng([seed, run])
    if plan.weeks:
        scene = plan.mechanism.fresh(rng, weeks=plan.weeks)
    else:
        scene = plan.mechanism.replay(rng, start=plan.start, end=plan.end)
    values = np.full((len(sets), len(COLUMNS)), np.nan)
    for at, levers in enumerate(sets):
        values[at] = _measure(pull_all(scene, levers), plan)
    return run, a, b, values


def _measure(scene: Scene, plan: Plan) -> Floats:
    trace = simulate(scene.shop, scene.work, scene.policy, until_s=scene.window_s, compiled=True)
    figures = three_figures(worklog_of(scene, trace), plan.plant).main()
    finished = np.isfinite(trace.finished_s)
    lead = (trace.finished_s - scene.work.release_s)[finished]
    span = trace.finished_s[finished].max() - scene.work.release_s.min() if finished.any() else 1.0
    floor = np.sum((trace.finished_s - trace.admitted_s)[finished]) / max(span, 1.0)
    three: list[Any] = [figures[name].value for name in FIGURES]
    row = [np.nan if value is None else float(value) for value in three]
    return np.array([*row, lead.mean() / 3600.0 if finished.any() else np.nan, float(finished.sum()), floor])


def changes(after: Floats, before: Floats, *, spread: float = 0.0) -> Change | None:
    """Change of one figure between paired runs, with a 95 % interval for one further period of the same length.

    Parameters
    ----------
    after, before : (runs,) the figure with and without the levers, paired
    spread : further standard deviation of the change as a fraction: what the twin itself may be wrong by

    Returns
    -------
    Change, or None when the figure does not exist

    Examples
    --------
    >>> import numpy as np
    >>> changes(np.array([7.0, 8.0, 7.5]), np.array([10.0, 10.0, 10.0])).change
    -0.25
    """
    both = np.isfinite(after) & np.isfinite(before) & (before > 0)
    n = int(both.sum())
    if n < 2:
        return None
    from scipy.special import stdtrit

    change = float(after[both].sum() / before[both].sum() - 1.0)
    ratio = after[both] / before[both] - 1.0
    half = float(stdtrit(n - 1, 0.975)) * float(np.hypot(ratio.std(ddof=1) * np.sqrt(1.0 + 1.0 / n), spread))
    return Change(change=round(change, 6), low=round(max(change - half, -1.0), 6), high=round(change + half, 6))
