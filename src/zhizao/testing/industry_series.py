"""Monthly series of industries with known truth: season, trend, cycle, memory, noise, and over-capacity from known months.

Utilisation follows a level of the industry, a slow structural drift, a business cycle that all industries share, the
calendar (Spring Festival) and noise with memory. Where over-capacity is injected, investment rises first, utilisation then
falls over one and a half to two and a half years, and stocks, prices, margins, losses and receivables follow, each with its
own delay. There is bait too: price shocks of materials that touch prices and margins only, and a month or two in which all
industries stand still. Nothing of it is taken from real data; the sizes are of the order that published series show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["Episode", "Series", "industry_series"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Episode:
    """One spell of over-capacity that was injected, in months counted from the first one.

    Parameters
    ----------
    scope : code of the industry
    onset : month from which utilisation falls
    trough : month of its lowest point
    end : month in which it has recovered
    depth : fall in percentage points
    """

    scope: str
    onset: int
    trough: int
    end: int
    depth: float


@dataclass(frozen=True, slots=True)
class Series:
    """Generated series and what is true of them.

    Parameters
    ----------
    frame : one row per industry and month: `industry`, `month`, and the items of the return that warnings use
    truth : injected episodes
    """

    frame: pl.DataFrame
    truth: tuple[Episode, ...]


def _memory(rng: np.random.Generator, shape: tuple[int, int], phi: Floats | float, sd: Floats | float) -> Floats:
    """First-order autoregression with the given standard deviation of the series, (series, months)."""
    shocks = rng.normal(0, 1, shape)
    out = np.empty(shape)
    out[:, 0] = shocks[:, 0]
    carry = np.broadcast_to(phi, shape[:1])
    for t in range(1, shape[1]):
        out[:, t] = carry * out[:, t - 1] + np.sqrt(1 - carry**2) * shocks[:, t]
    return np.asarray(out * np.broadcast_to(sd, shape[:1])[:, None])


def _late(x: Floats, months: int) -> Floats:
    """The same some months later."""
    return np.concatenate([np.zeros((len(x), months)), x[:, : x.shape[1] - months]], axis=1) if months else x


def _season(rng: np.random.Generator, n: int, months: int, depth: tuple[float, float]) -> Floats:
    """Share by which each month lies off, (n, months): a Spring Festival month, a year's end, a mild rest."""
    pattern = rng.normal(0, 0.01, (n, 12))
    fall = rng.uniform(*depth, n)
    pattern[:, 1] -= fall
    pattern[:, 0] -= 0.4 * fall
    pattern[:, 11] += 0.3 * fall
    pattern -= pattern.mean(axis=1, keepdims=True)
    return np.asarray(pattern[:, np.arange(months) % 12])


def industry_series(
    rng: np.random.Generator,
    *,
    count: int = 31,
    months: int = 144,
    start: str = "2010-01",
    episodes: float = 0.4,
    first: int = 54,
    bait: bool = True,
) -> Series:
    """Draw monthly series of industries.

    Parameters
    ----------
    rng : source of all randomness
    count : industries, 1 to 31
    months : length, 60 or more
    start : first month
    episodes : expected spells of over-capacity per industry (none or one each); 0 for none at all
    first : earliest month of an onset
    bait : price shocks and months of standstill that are no over-capacity

    Examples
    --------
    >>> import numpy as np
    >>> found = industry_series(np.random.default_rng(1), count=3, months=60)
    >>> found.frame.height, found.frame.columns[:3]
    (180, ['industry', 'month', 'output_cny'])
    """
    codes = [str(13 + i) for i in range(count)]  # divisions of manufacturing, GB/T 4754
    at = np.arange(months)
    gap, build = np.zeros((count, months)), np.zeros((count, months))
    truth = []
    for i, code in enumerate(codes):
        if months < first + 30 or rng.random() >= episodes:
            continue
        onset = int(rng.integers(first, months - 26))
        ramp, back, depth = int(rng.integers(18, 31)), int(rng.integers(24, 37)), float(rng.uniform(7, 15))
        trough = onset + ramp
        gap[i] = depth * np.interp(at, [onset, trough, trough + 4, trough + 4 + back], [0, 1, 1, 0])
        build[i] = np.interp(at, [onset - 9, onset - 2, onset + 8, onset + 16], [0, 1, 1, 0])
        truth.append(Episode(code, onset, trough, trough + 4 + back, depth))
    cycle = (
        1.6 * np.sin(2 * np.pi * (at / rng.uniform(40, 60) + rng.random())) + _memory(rng, (1, months), 0.85, 0.8)[0]
    )
    load = rng.uniform(0.6, 1.4, (count, 1))
    drift = rng.uniform(-0.02, 0.01, (count, 1)) * at
    level = rng.uniform(70, 86, (count, 1))
    own = _memory(rng, (count, months), rng.uniform(0.5, 0.8, count), rng.uniform(0.9, 1.6, count))
    stop = np.zeros(months)
    shock = np.zeros((count, months))
    if bait:
        still = int(rng.integers(12, months - 6))
        stop[still : still + 2] = (-14, -6)
        for i in rng.choice(count, max(1, count // 5), replace=False):
            begin = int(rng.integers(6, months - 12))
            shock[i, begin : begin + 9] = -np.sin(np.linspace(0, np.pi, 9))
    pressed = load * cycle + own  # demand of the month, percentage points of utilisation
    use = np.clip(level + drift + pressed - gap + stop, 30, 99) * (1 + _season(rng, count, months, (0.05, 0.2)))
    capacity = np.exp(
        rng.normal(23, 0.8, (count, 1))
        + 0.006 * at
        + 0.0008 * np.cumsum(build, axis=1)
        + _memory(rng, (count, months), 0.9, 0.005)
    )
    output = capacity * use / 100
    revenue = output * np.exp(_memory(rng, (count, months), 0.5, 0.01)) * 0.97
    days = rng.uniform(10, 30, (count, 1)) * np.exp(
        0.030 * _late(gap, 3)
        - 0.012 * _late(pressed, 2)
        + _memory(rng, (count, months), 0.7, 0.05)
        + _season(rng, count, months, (-0.15, -0.05))
    )
    inflation = 0.02 * np.sin(2 * np.pi * (at / 44 + rng.random()))
    change = (
        (0.6 * load * cycle - 0.55 * _late(gap, 4)) / 100 / 12 * 1.6
        + 0.01 * shock / 3
        + rng.normal(0, 0.004, (count, months))
    )
    price = 100 * np.exp(np.cumsum(change + inflation / 12, axis=1))
    margin = (
        rng.uniform(4, 10, (count, 1)) + 0.35 * pressed - 0.38 * _late(gap, 3) + 1.2 * shock
        + _memory(rng, (count, months), 0.6, 0.5) + 3 * _season(rng, count, months, (0.1, 0.4))
    ) / 100  # fmt: skip
    loss = np.clip(
        rng.uniform(10, 22, (count, 1)) - 0.5 * pressed + 0.8 * _late(gap, 4) - 1.5 * shock + _memory(rng, (count, months), 0.7, 1.2),
        0.5, 90,
    ) / 100  # fmt: skip
    owed = rng.uniform(30, 75, (count, 1)) * np.exp(0.014 * _late(gap, 6) + _memory(rng, (count, months), 0.8, 0.04))
    invested = (
        capacity
        * rng.uniform(0.02, 0.05, (count, 1))
        * np.exp(0.5 * build + _memory(rng, (count, months), 0.5, 0.18) + _season(rng, count, months, (0.2, 0.5)))
    )
    when = pl.Series("month", (np.datetime64(start, "M") + at).astype("datetime64[D]"))
    columns = {
        "output_cny": output, "capacity_cny": capacity, "revenue_cny": revenue, "profit_cny": margin * revenue,
        "inventory_cny": days * output / 30.4, "price_index": price, "loss_share": loss,
        "receivables_cny": owed * revenue / 30.4, "investment_cny": invested,
    }  # fmt: skip
    frame = pl.DataFrame(
        {
            "industry": np.repeat(codes, months),
            "month": pl.concat([when] * count),
            **{key: values.ravel() for key, values in columns.items()},
        }
    )
    return Series(frame, tuple(truth))
