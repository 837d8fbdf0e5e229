"""Watching: samples a second of EWMA and CUSUM in one pass beside River, and what warnings are worth beside fixed lines.

Both sides of the speed run the same two charts with the same limits on the same readings, and the flags are compared before
the speed is told. Warnings are replayed on generated economies with injected over-capacity, seeds on which no setting was
chosen; the peer is one line of utilisation for all industries and eras (75 % and 79 %, as in common use), also on the mean
of twelve months, where no season can mislead it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks import Row
from zhizao.decide.monitor import Sweep, cusum_limit, ewma_limit
from zhizao.programme.alerts import Fall, Panel, Replayed, fixed_line, panel_of, replay, score
from zhizao.testing.industry_series import industry_series

SEEDS = range(2002, 2012)
QUIET = range(3000, 3016)
WEIGHT, SLACK, ARL0 = 0.2, 0.5, 370.4


def _best(work: Callable[[], object], times: int = 7) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def _with_numpy(x: np.ndarray) -> np.ndarray:
    """The same two charts, one time step of all streams after the other in NumPy."""
    half = ewma_limit(WEIGHT, ARL0) * np.sqrt(WEIGHT / (2 - WEIGHT))
    width = cusum_limit(SLACK, ARL0)
    z, up, down = (np.zeros(x.shape[1]) for _ in range(3))
    flags = np.empty(x.shape, np.uint8)
    for t, row in enumerate(x):
        z += WEIGHT * (row - z)
        up = np.maximum(up + row - SLACK, 0)
        down = np.maximum(down - row - SLACK, 0)
        flags[t] = (np.abs(z) > half) | ((np.maximum(up, down) > width) << 1)
    return flags


def _speed() -> list[Row]:
    x = np.random.default_rng(1).normal(size=(4000, 4096))
    chart = Sweep(weight=WEIGHT, slack=SLACK, arl0=ARL0).known(np.zeros(4096), np.ones(4096))
    small = Sweep(weight=WEIGHT, slack=SLACK, arl0=ARL0).known(np.zeros(4096), np.ones(4096))
    if not (small.judge(x[:500]) == _with_numpy(x[:500])).all():
        raise AssertionError("the sweep and NumPy disagree on a flag")
    out = np.empty(x.shape, np.uint8)
    chart.judge(x[:8])
    rate = x.size / _best(lambda: chart.judge(x, out)) / 1e6
    plain = x[:400].size / _best(lambda: _with_numpy(x[:400]), 3) / 1e6
    single = Sweep(weight=WEIGHT, slack=SLACK, arl0=ARL0, single=True).known(np.zeros(4096), np.ones(4096))
    y = x.astype(np.float32)
    single.judge(y[:8])
    rows: list[Row] = [
        {"name": "EWMA + CUSUM on 4,096 streams, one core", "ours": rate, "peer": "goal", "peer_value": 100.0, "unit": "M samples/s", "ratio": rate / 100},
        {"name": "EWMA + CUSUM on 4,096 streams, one core, beside NumPy", "ours": rate, "peer": "NumPy, the same charts", "peer_value": plain, "unit": "M samples/s", "ratio": rate / plain},
    ]  # fmt: skip
    fast = y.size / _best(lambda: single.judge(y, out)) / 1e6
    rows.append(
        {
            "name": "the same in single precision",
            "ours": fast,
            "peer": "goal",
            "peer_value": 100.0,
            "unit": "M samples/s",
            "ratio": fast / 100,
        }
    )
    try:
        from river import drift, stats
    except ImportError:
        rows.append(
            {
                "name": "EWMA + CUSUM beside River",
                "ours": rate,
                "peer": "River (not installed, skipped)",
                "peer_value": None,
                "unit": "M samples/s",
                "ratio": None,
            }
        )
        return rows

    def with_river() -> None:
        mean, page = stats.EWMean(WEIGHT), drift.PageHinkley()
        for value in x[:100, :1000].ravel().tolist():
            mean.update(value)
            page.update(value)

    peer = 0.1 / _best(with_river, 3)
    rows.append(
        {
            "name": "EWMA + CUSUM beside River",
            "ours": rate,
            "peer": "River EWMean + PageHinkley, one stream",
            "peer_value": peer,
            "unit": "M samples/s",
            "ratio": rate / peer,
        }
    )
    return rows


def _held(panel: Panel, falls: list[Fall], line: float, persist: int) -> Replayed:
    return score(fixed_line(panel, line, persist), falls, length=len(panel.months), first=48)


def _worth() -> list[Row]:
    found: dict[str, Replayed] = {}
    for seed in SEEDS:
        series = industry_series(np.random.default_rng(seed))
        panel = panel_of(series.frame)
        falls = [Fall(one.scope, one.onset, one.trough, one.end) for one in series.truth]
        these = {
            "ours": replay(panel, falls, rng=np.random.default_rng(0)),
            "line 75 %, 3 months": _held(panel, falls, 0.75, 3),
            "line 79 %, 3 months": _held(panel, falls, 0.79, 3),
            "line 75 %, mean of 12 months": _held(panel, falls, 0.75, 12),
            "line 79 %, mean of 12 months": _held(panel, falls, 0.79, 12),
        }
        found = {name: found[name] + one if name in found else one for name, one in these.items()}
    ours = found.pop("ours")
    rows: list[Row] = []
    for peer, theirs in found.items():
        note = f"{ours.falls} falls in {ours.years:.0f} years of 31 industries"
        for name, mine, other, unit, better in (
            ("precision", ours.precision, theirs.precision, "share", 1),
            ("recall before the trough", ours.recall, theirs.recall, "share", 1),
            ("median lead before the trough", ours.lead_time_months, theirs.lead_time_months, "months", 1),
            ("false alarms", ours.false_per_year, theirs.false_per_year, "a year", -1),
        ):
            if mine is None:
                continue
            ratio = (
                None
                if other is None or not (other if better > 0 else mine)
                else (mine / other if better > 0 else other / mine)
            )
            rows.append(
                {
                    "name": f"warnings of over-capacity: {name}, beside {peer}",
                    "ours": mine,
                    "peer": peer,
                    "peer_value": other,
                    "unit": unit,
                    "ratio": ratio,
                    "note": note,
                }
            )
    return rows


def _budget() -> list[Row]:
    false = years = 0.0
    for seed in QUIET:
        panel = panel_of(industry_series(np.random.default_rng(seed), episodes=0.0).frame)
        one = replay(panel, [], rng=np.random.default_rng(0), budget=1.0)
        false, years = false + one.warnings, years + one.years
    return [
        {
            "name": "false alarms where nothing is wrong, 31 industries", "ours": false / years, "peer": "budget", "peer_value": 1.0,
            "unit": "a year", "ratio": years / false if false else None, "note": f"{false:.0f} in {years:.0f} years",
        }
    ]  # fmt: skip


def measure() -> list[Row]:
    """Speed, worth and budget."""
    return [*_speed(), *_worth(), *_budget()]
