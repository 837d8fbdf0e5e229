"""The test of the intervals: how often they hold what then came, on generated series with known truth and on real ones.

Eight kinds of course are drawn, unlike each other and mostly unlike the model: a straight line, a random walk with
drift, a fading rise, a trend whose slope wanders, a trend with lasting disturbances, a business cycle, a share that
saturates, and a policy that changes the slope once. Values are left out, stated and unstated errors are laid over. The
result of the released model stands in `coverage.yaml`; `zhizao evaluate --check-coverage` draws afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from zhizao.programme.outlook.track import Track, thinned
from zhizao.programme.outlook.trend import Trend

__all__ = ["HORIZONS", "KINDS", "Coverage", "OwnTest", "generated_coverage", "own_coverage", "released_coverage"]

HORIZONS = (1, 2, 3, 5, 10, 25)
"""Years ahead."""

KINDS: dict[str, tuple[str, str]] = {
    "line": ("直线", "straight line"),
    "walk": ("带漂移的随机游走", "random walk with drift"),
    "fading": ("渐缓", "fading rise"),
    "wandering": ("斜率游走", "wandering slope"),
    "lasting": ("趋势加自相关扰动", "trend with lasting disturbances"),
    "cycle": ("趋势加经济周期", "trend with a business cycle"),
    "share": ("趋于饱和的比重", "share that saturates"),
    "policy": ("政策转折", "policy that changes the slope"),
}
"""Kinds of course, with names in Chinese and English."""

_MOST_AHEAD = HORIZONS[-1]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OwnTest:
    """Rolling origin on the values of one indicator.

    Parameters
    ----------
    forecasts : later values that were forecast from the earlier ones (three or more)
    inside : of them inside the 95 % interval
    inside80 : of them inside the 80 % interval
    """

    forecasts: int
    inside: int
    inside80: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Share of outcomes inside the intervals.

    Parameters
    ----------
    series : how many were drawn of each kind
    seed : that drew them, None when unknown
    by_kind : 95 % interval, by kind and horizon
    by_horizon : 95 % interval, all kinds
    by_horizon80 : 80 % interval, all kinds
    overall, overall80 : all kinds and horizons
    """

    series: int
    seed: int | None
    by_kind: dict[str, tuple[float, ...]]
    by_horizon: tuple[float, ...]
    by_horizon80: tuple[float, ...]
    overall: float
    overall80: float


def own_coverage(tracks: Sequence[Track]) -> OwnTest:
    """Forecast every later value of each track from its first three, four, ... and count.

    Parameters
    ----------
    tracks : with four points or more
    """
    forecasts = inside = inside80 = 0
    for track in tracks:
        points = thinned(track.points)
        for k in range(3, len(points)):
            trend = replace(track, points=points[:k]).trend()
            if trend is None:
                continue
            ahead = points[k:]
            mixture = trend.forecast(np.array([p.at for p in ahead]))
            below = mixture.below(np.array([p.x for p in ahead]))
            forecasts += len(ahead)
            inside += int(((below > 0.025) & (below < 0.975)).sum())
            inside80 += int(((below > 0.1) & (below < 0.9)).sum())
    return OwnTest(forecasts, inside, inside80)


def generated_coverage(
    rng: np.random.Generator,
    series: int,
    *,
    seed: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Coverage:
    """Draw series of every kind, forecast them, and count.

    Parameters
    ----------
    rng : draws everything
    series : how many of each kind, at least 1
    seed : of `rng`, to be told with the result
    progress : told a stage and a fraction
    """
    below: dict[str, Array] = {}
    for i, kind in enumerate(KINDS):
        rows = []
        for j in range(series):
            rows.append(_one(kind, rng))
            if progress and j % 20 == 0:
                progress("back-test", (i + j / series) / len(KINDS))
        below[kind] = np.array(rows)
    whole = np.concatenate(list(below.values()))

    def share(values: Array, tail: float) -> tuple[float, ...]:
        return tuple(round(float(one), 4) for one in ((values > tail) & (values < 1 - tail)).mean(axis=0))

    return Coverage(
        series,
        seed,
        {kind: share(values, 0.025) for kind, values in below.items()},
        share(whole, 0.025),
        share(whole, 0.1),
        round(float(np.mean(share(whole, 0.025))), 4),
        round(float(np.mean(share(whole, 0.1))), 4),
    )


@cache
def released_coverage() -> Coverage:
    """Coverage of the released model, as it was measured.

    Examples
    --------
    >>> 0.93 <= released_coverage().overall <= 0.97
    True
    """
    text = files("zhizao.programme.outlook").joinpath("coverage.yaml").read_text(encoding="utf-8")
    row: dict[str, Any] = yaml.safe_load(text)
    return Coverage(
        row["series"],
        row["seed"],
        {kind: tuple(values) for kind, values in row["by_kind"].items()},
        tuple(row["by_horizon"]),
        tuple(row["by_horizon80"]),
        row["overall"],
        row["overall80"],
    )


def _one(kind: str, rng: np.random.Generator) -> Array:
    """Probability that the model gave to each outcome of one drawn series, by horizon."""
    n = int(rng.integers(4, 15))
    x = _path(kind, rng, n + _MOST_AHEAD)
    step = float(np.abs(np.diff(x)).mean())
    stated = step * float(rng.choice([0.0, 0.1, 0.5]))
    unstated = step * float(rng.choice([0.0, 0.0, 0.3]))
    y = x + stated * rng.standard_normal(len(x)) + unstated * rng.standard_normal(len(x))
    kept = rng.permutation(n - 1)[: max(2, int((n - 1) * rng.uniform(0.5, 1.0)))]
    known = np.sort(np.append(kept, n - 1))
    ahead = n - 1 + np.array(HORIZONS)
    trend = Trend.of(known.astype(float), y[known], np.full(len(known), stated))
    return trend.forecast(ahead.astype(float)).below(y[ahead])


def _path(kind: str, rng: np.random.Generator, n: int) -> Array:
    """Truth of one series on the transformed scale, (n,), a year apart."""
    t = np.arange(n, dtype=np.float64)
    size = float(np.exp(rng.normal(np.log(0.04), 0.7)))
    drift = size * float(rng.choice([-1.0, 1.0]))
    luck = rng.standard_normal
    if kind == "line":
        return drift * t
    if kind == "walk":
        return _summed(drift + size * np.exp(rng.normal(-0.3, 0.5)) * luck(n - 1))
    if kind == "fading":
        kept = rng.uniform(0.75, 0.95)
        return _summed(1.5 * drift * kept ** t[:-1] + 0.3 * size * luck(n - 1))
    if kind == "wandering":
        slope = np.cumsum(np.append(drift, 0.15 * size * luck(n - 2)))
        return _summed(slope + 0.2 * size * luck(n - 1))
    if kind == "lasting":
        off = np.empty(n)
        off[0] = size / 0.8 * luck()
        for i in range(1, n):
            off[i] = 0.6 * off[i - 1] + size * luck()
        return drift * t + off
    if kind == "cycle":
        wave = np.sin(2 * np.pi * (t / rng.uniform(6.0, 11.0) + rng.uniform()))
        return drift * t + size * rng.uniform(0.5, 2.0) * wave + 0.1 * size * luck(n)
    if kind == "share":
        start, end = rng.uniform(0.2, 0.6), rng.uniform(0.85, 0.98)
        level = end - (end - start) * np.exp(-rng.uniform(0.05, 0.2) * t)
        odds = np.log(level / (1 - level))
        return np.asarray(odds + np.cumsum(0.25 * np.abs(np.diff(odds)).mean() * luck(n)), dtype=np.float64)
    turn = int(rng.integers(3, n))
    later = float(rng.choice([0.0, 0.5, 1.5, 2.0])) * drift
    return _summed(np.where(t[:-1] < turn, drift, later) + 0.2 * size * luck(n - 1))


def _summed(steps: Array) -> Array:
    return np.append(0.0, np.cumsum(steps))
