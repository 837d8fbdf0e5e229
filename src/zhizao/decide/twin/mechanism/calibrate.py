"""Calibration of the mechanism against its own records: rework, scrap and waits that a replay should bring back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zhizao.decide.twin.mechanism.scene import Scene, pieces_reported
from zhizao.decide.twin.mechanism.times import Delays
from zhizao.decide.twin.run import simulate
from zhizao.decide.twin.shop import Floats, Trace

if TYPE_CHECKING:
    from zhizao.decide.twin.mechanism.mechanism import Mechanism

__all__ = ["best_of", "calibrated", "replay_error"]

_GAIN = (0.8, 0.5, 0.35, 0.25)


_CLEARLY = 0.7
"""Another reading of the records is taken when its replay error is less than this share of the first one's."""

_GOOD_ENOUGH = 0.12


def best_of(m: Mechanism, rng: np.random.Generator, rounds: int) -> Mechanism:
    """The calibrated mechanism; with a plainer rule, or without people, where that explains the records clearly better."""
    best = calibrated(m, rng, rounds)
    error = replay_error(best, rng, 2)
    if error <= _GOOD_ENOUGH:
        return best
    fifo = replace(m.discipline, rule=("fifo",) * len(m.discipline.rule))
    alone = replace(m.posts, needed=np.zeros_like(m.posts.needed))
    for change in ({"discipline": fifo}, {"posts": alone}, {"discipline": fifo, "posts": alone}):
        other = calibrated(replace(m, **change), rng, rounds)
        mine = replay_error(other, rng, 2)
        if mine < _CLEARLY * error:
            best, error = other, mine
    return best


def replay_error(m: Mechanism, rng: np.random.Generator, runs: int) -> float:
    """See `Mechanism.replay_error`."""
    errors = []
    for _ in range(runs):
        scene = m.replay(rng)
        trace = simulate(scene.shop, scene.work, scene.policy, until_s=scene.window_s, compiled=True)
        mine = np.where(np.isfinite(trace.finished_s), trace.finished_s, scene.window_s) - scene.work.release_s
        code = {name: c for c, name in enumerate(m.past.orders)}
        cases = np.array([code[name] for name in scene.orders], np.int64)
        theirs = m.past.finish_s[cases] - scene.zero_s - scene.work.release_s
        errors.append(float(np.mean(np.abs(np.sort(mine) - np.sort(theirs))) / max(float(theirs.mean()), 1.0)))
    return float(np.mean(errors))


def calibrated(m: Mechanism, rng: np.random.Generator, rounds: int) -> Mechanism:
    """Mechanism with corrected rates and delays; see `Mechanism.calibrated`."""
    visits, operations = m.visits, len(m.visits.operations)
    want_again = np.bincount(visits.operation[visits.rework], minlength=operations).astype(float)
    want_scrap = float(np.nansum(visits.scrap))
    want_wait = _mean_wait_of_records(m)
    for turn in range(rounds):
        scene = m.replay(rng)
        trace = simulate(scene.shop, scene.work, scene.policy, compiled=True)
        done = np.isfinite(trace.end_s)
        gain = _GAIN[min(turn, len(_GAIN) - 1)]
        redone = np.bincount(scene.work.operation[done & scene.rework], minlength=operations).astype(float)
        again = m.defects.again * _step(want_again, redone, gain)
        rate = m.defects.rate
        if m.defects.known:
            scrap = float(np.nansum(pieces_reported(scene, trace)[1]))
            rate = rate * _step(np.array(want_scrap), np.array(scrap), gain)
        defects = replace(m.defects, again=np.clip(again, 0.0, 1.0), rate=np.clip(rate, 0.0, 0.9))
        gap = want_wait - _mean_wait(m, scene, trace)
        added = np.where(np.isfinite(gap), gain * gap, 0.0)
        n = len(m.visits.operations)
        typical = np.array([_typical(m, o) for o in range(n)])
        median = np.maximum(m.delays.median_s + np.clip(added, -typical, typical)[None, :], 0.0)
        seen = m.delays.median_s + m.delays.spread > 0
        m = replace(m, defects=defects, delays=Delays(np.where(seen, median, m.delays.median_s), m.delays.spread))
    return m


def _step(want: Floats, have: Floats, gain: float) -> Floats:
    out: Floats = np.clip(((want + 2.0) / (have + 2.0)) ** gain, 0.5, 2.0)
    return out


def _typical(m: Mechanism, operation: int) -> float:
    """Largest correction of an operation's delay in one round: an hour, or half of its mean wait."""
    wait = _mean_wait_of_records(m)[operation]
    return float(max(3600.0, 0.5 * wait)) if np.isfinite(wait) else 0.0


def _mean_wait_of_records(m: Mechanism) -> Floats:
    """Mean seconds that a visit waits after what came before it, by operation; the longest 5 % left out."""
    from zhizao.decide.twin.mechanism.mechanism import before_of

    visits = m.visits
    end, op = before_of(visits)
    ready = np.where(op >= 0, end, m.past.released_s[visits.case])
    wait = np.maximum(visits.start_s - ready, 0.0)
    return _trimmed(visits.operation, np.where(visits.rework, np.nan, wait), len(visits.operations))


def _mean_wait(m: Mechanism, scene: Scene, trace: Trace) -> Floats:
    work = scene.work
    begin = np.where(np.isfinite(trace.setup_start_s), trace.setup_start_s, trace.start_s)
    job = np.repeat(np.arange(len(work.release_s)), np.diff(work.first))
    end = np.where(np.isfinite(trace.end_s), trace.end_s, -np.inf)
    reach = np.maximum.accumulate(np.where(np.isfinite(end), end, 0.0) + job * 1e12) - job * 1e12
    before = np.concatenate([[0.0], reach[:-1]])
    first = np.zeros(len(begin), bool)
    first[work.first[:-1]] = True
    ready = np.where(first, work.release_s[job] if scene.release_known else np.nan, before)
    wait = np.where(scene.rework, np.nan, begin - ready)
    return _trimmed(work.operation, np.where(wait >= -1.0, np.maximum(wait, 0.0), np.nan), len(m.visits.operations))


def _trimmed(group: np.ndarray, values: Floats, count: int) -> Floats:
    out = np.full(count, np.nan)
    for o in range(count):
        mine = values[(group == o) & np.isfinite(values)]
        if len(mine) >= 10:
            out[o] = float(np.mean(mine[mine <= np.quantile(mine, 0.95)]))
    return out
