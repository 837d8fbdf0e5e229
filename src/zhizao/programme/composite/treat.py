"""Outliers of an indicator: found by skewness and kurtosis, winsorised point by point, else put on a log scale.

All functions take columns as `(units, indicators)` and treat each by itself, so that many versions of one column can be
treated in a single call. The steps are those of COINr's two-stage treatment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from zhizao.programme.composite.structure import Floats

__all__ = ["Treated", "box_cox", "kurtosis", "log_shift", "passes", "skewness", "treat", "winsorise"]


def _moments(x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    there = ~np.isnan(x)
    n = there.sum(axis=0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.where(there, x - np.where(there, x, 0.0).sum(axis=0) / n, 0.0)
    square = apart * apart
    return n, square.sum(axis=0), (square * apart).sum(axis=0), (square * square).sum(axis=0)


def skewness(x: Floats) -> Floats:
    """Sample skewness, type 2 (as in Excel and SAS), by column; NaN under three values or for a constant.

    References
    ----------
    Joanes and Gill 1998, G1.
    """
    n, two, three, _ = _moments(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        plain = np.sqrt(n) * three / two**1.5
        return np.where(n > 2, plain * np.sqrt(n * (n - 1)) / (n - 2), np.nan)


def kurtosis(x: Floats) -> Floats:
    """Sample excess kurtosis, type 2 (as in Excel and SAS), by column; NaN under four values or for a constant.

    References
    ----------
    Joanes and Gill 1998, G2.
    """
    n, two, _, four = _moments(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = n * four / two**2 - 3
        return np.where(n > 3, ((n + 1) * excess + 6) * (n - 1) / ((n - 2) * (n - 3)), np.nan)


def passes(x: Floats, skew: float = 2.0, kurt: float = 3.5) -> NDArray[np.bool_]:
    """Whether each column needs no treatment: |skewness| or kurtosis below its limit, or too few values to say."""
    s, k = skewness(x), kurtosis(x)
    return np.asarray((np.abs(s) < skew) | (k < kurt) | np.isnan(s) | np.isnan(k))


def winsorise(x: Floats, most: int = 5, skew: float = 2.0, kurt: float = 3.5) -> tuple[Floats, NDArray[np.int64]]:
    """The farthest point on the skewed side takes the value of its neighbour, again and again until the column passes.

    Parameters
    ----------
    x : shape `(units, indicators)`
    most : most points that are moved; ties move together
    skew, kurt : limits

    Returns
    -------
    tuple
        Values, and how many points were moved in each column.

    Examples
    --------
    >>> values, moved = winsorise(np.array([*range(1, 11), 30.0, 100.0])[:, None])
    >>> values[-2:, 0].tolist(), moved.tolist()
    ([30.0, 30.0], [1])
    """
    x = x.copy()
    high, low = np.zeros(x.shape[1], dtype=np.int64), np.zeros(x.shape[1], dtype=np.int64)
    active = ~passes(x, skew, kurt) & (most > 0)
    while active.any():
        at = np.flatnonzero(active)
        part = x[:, at]
        up = skewness(part) >= 0
        side = np.where(up, 1.0, -1.0)
        turned = np.where(np.isnan(part), -np.inf, part * side)
        ends = turned == turned.max(axis=0)
        inner = np.where(ends, -np.inf, turned).max(axis=0) * side
        part = np.where(ends, inner, part)
        x[:, at] = part
        count = ends.sum(axis=0)
        high[at[up]], low[at[~up]] = count[up], count[~up]
        active[at] = ~passes(part, skew, kurt) & (high[at] + low[at] < most)
    return x, high + low


def log_shift(x: Floats) -> Floats:
    """log(x - min + 0.01 (max - min)) by column: the shifted log of the COIN tool."""
    low, high = _ends(x)
    return np.log(x - low + 0.01 * (high - low))


def box_cox(x: Floats, power: float | None = None) -> Floats:
    """Box-Cox transformation of x - min + 1, by column.

    Parameters
    ----------
    x : shape `(units, indicators)`
    power : lambda; by maximum likelihood within -3 to 3 when absent

    References
    ----------
    Box and Cox 1964.
    """
    low, _ = _ends(x)
    shifted = x - low + 1
    out = np.empty_like(shifted)
    for j in range(x.shape[1]):
        column = shifted[:, j]
        out[:, j] = _power(column, _best_power(column) if power is None else power)
    return out


def _power(x: Floats, power: float) -> Floats:
    return np.log(x) if abs(power) < 1e-12 else np.asarray((x**power - 1) / power, dtype=np.float64)


def _best_power(x: Floats) -> float:
    seen = x[~np.isnan(x)]
    logs = float(np.log(seen).sum())

    def loss(power: float) -> float:
        spread = float(np.var(_power(seen, power)))
        return 0.5 * len(seen) * float(np.log(max(spread, 1e-300))) - (power - 1) * logs

    return float(optimize.minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-10}).x)


def _ends(x: Floats) -> tuple[Floats, Floats]:
    gaps = np.isnan(x)
    return np.where(gaps, np.inf, x).min(axis=0), np.where(gaps, -np.inf, x).max(axis=0)


@dataclass(frozen=True, slots=True)
class Treated:
    """What treatment did.

    Parameters
    ----------
    values : shape `(units, indicators)`
    moved : points winsorised in each column
    transformed : whether the column was put on another scale
    open : whether skewness and kurtosis still exceed both limits
    """

    values: Floats
    moved: NDArray[np.int64]
    transformed: NDArray[np.bool_]
    open: NDArray[np.bool_]


def treat(
    x: Floats,
    method: str = "winsorise_log",
    *,
    most: int = 5,
    skew: float = 2.0,
    kurt: float = 3.5,
    power: float | None = None,
) -> Treated:
    """Columns that fail the check are winsorised; those that still fail take a transformation of the original instead.

    Parameters
    ----------
    x : shape `(units, indicators)`
    method : `none`, `winsorise` (and nothing after), `winsorise_log`, `winsorise_box_cox`, `log` or `box_cox`
    most : most points winsorised in one column
    skew, kurt : a column fails when |skewness| >= skew and kurtosis >= kurt
    power : lambda of Box-Cox; by maximum likelihood when absent

    Returns
    -------
    Treated
        Values and what was done to each column.

    References
    ----------
    OECD and JRC, Handbook on Constructing Composite Indicators, 2008, step 5; COINr, `Treat`.
    """
    values = x.copy()
    moved = np.zeros(x.shape[1], dtype=np.int64)
    transformed = np.zeros(x.shape[1], dtype=np.bool_)
    failing = ~passes(x, skew, kurt)
    if method == "none" or not failing.any():
        return Treated(values, moved, transformed, failing)
    at = np.flatnonzero(failing)
    left = at
    if method.startswith("winsorise"):
        part, count = winsorise(x[:, at], most, skew, kurt)
        good = passes(part, skew, kurt)
        keep = np.ones_like(good) if method == "winsorise" else good
        values[:, at[keep]], moved[at[keep]] = part[:, keep], count[keep]
        left = at[~keep]
    if len(left):
        values[:, left] = log_shift(x[:, left]) if method.endswith("log") else box_cox(x[:, left], power)
        transformed[left] = True
    return Treated(values, moved, transformed, ~passes(values, skew, kurt))
