"""A figure with its interval: mean, ratio, quantile and share of orders, with 95 % limits that need no resampling.

Orders that finish near each other waited in the same queues, so they are not independent witnesses. Blocks of
consecutive orders therefore serve as clusters: the variance of a ratio is linearised over blocks, a quantile is
limited through the share below it (Woodruff), and a small share through a beta distribution of the effective size
(Korn and Graubard). All of it is a few sums, fast enough for every simulated run.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

__all__ = ["Figure", "absent", "mean_of", "quantile_of", "ratio_of", "share_of"]

Floats = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: value, interval, how many cases it rests on, or why there is none.

    Parameters
    ----------
    key : stable name (`production_cycle`, `operating_cost`, `defect_rate`, ...)
    unit : unit of value, low and high ("h", "1", "CNY/piece", ...)
    value : the figure; None when the records do not allow it
    low, high : 95 % interval; None when there are too few cases for one
    n : cases that it rests on
    of : what the cases are ("order", "piece", ...)
    reason : code of why the value is missing, "" when it is there; `zhizao.account.words.reason` gives the words
    better : which way is better, "lower" or "higher"
    """

    key: str
    unit: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    of: str = "order"
    reason: str = ""
    better: str = "lower"


def absent(key: str, unit: str, reason: str, *, n: int = 0, of: str = "order", better: str = "lower") -> Figure:
    """A figure that the records do not allow, with the code of the reason."""
    return Figure(key, unit, None, n=n, of=of, reason=reason, better=better)


def blocks_of(n: int) -> NDArray[np.int64]:
    """Block of each of n cases in time order: one case each below 40, else 20 to 40 blocks of equal size.

    Examples
    --------
    >>> blocks_of(3).tolist(), int(blocks_of(1000).max()) + 1
    ([0, 1, 2], 31)
    """
    count = n if n < 40 else int(np.clip(np.sqrt(n), 20, 40))
    return np.arange(n, dtype=np.int64) * count // max(n, 1)


def _standard_error(top: Floats, bottom: Floats, ratio: float) -> tuple[float, int]:
    """Standard error of sum(top) / sum(bottom) over blocks, and the degrees of freedom."""
    block = blocks_of(len(top))
    count = int(block[-1]) + 1 if len(block) else 0
    if count < 2:
        return nan, 0
    rest = np.bincount(block, weights=top - ratio * bottom)
    return float(np.sqrt(count / (count - 1) * np.sum(rest**2)) / bottom.sum()), count - 1


def _t(df: int, level: float = LEVEL) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2))


def ratio_of(
    top: Floats, bottom: Floats, *, key: str, unit: str, n: int | None = None, of: str = "order", better: str = "lower"
) -> Figure:
    """Ratio of two sums over orders in time order, with a linearised 95 % interval (Cochran, Sampling Techniques, 6.3).

    Parameters
    ----------
    top, bottom : (orders,) parts of each order, orders sorted by their end; bottom >= 0
    n : cases to show; the number of orders when absent
    """
    n = len(top) if n is None else n
    whole = float(bottom.sum()) if len(bottom) else 0.0
    if whole <= 0:
        return absent(key, unit, "nothing_to_divide_by", n=n, of=of, better=better)
    ratio = float(top.sum() / whole)
    error, df = _standard_error(top, bottom, ratio)
    if df < 1:
        return Figure(key, unit, ratio, n=n, of=of, better=better)
    half = _t(df) * error
    low = max(0.0, ratio - half) if bool((top >= 0).all()) else ratio - half
    return Figure(key, unit, ratio, low, ratio + half, n, of, better=better)


def mean_of(values: Floats, *, key: str, unit: str, of: str = "order", better: str = "lower") -> Figure:
    """Mean of values in time order with its 95 % interval.

    Examples
    --------
    >>> mean_of(np.array([4.0, 5.0, 6.0]), key="production_cycle", unit="h").value
    5.0
    """
    return ratio_of(values, np.ones(len(values)), key=key, unit=unit, of=of, better=better)


def quantile_of(values: Floats, share: float, *, key: str, unit: str, of: str = "order") -> Figure:
    """Quantile with a Woodruff interval: limits of the share below it, read back as values.

    Woodruff (1952), Confidence intervals for medians and other position measures, J. Am. Stat. Assoc. 47.
    """
    n = len(values)
    if n == 0:
        return absent(key, unit, "no_finished_orders", of=of)
    at = float(np.quantile(values, share))
    below = (values <= at).astype(np.float64)
    error, df = _standard_error(below, np.ones(n), float(below.mean()))
    if df < 1:
        return Figure(key, unit, at, n=n, of=of)
    # never narrower than what independent orders would give
    half = _t(df) * max(error, float(np.sqrt(share * (1 - share) / n)))
    low, high = np.quantile(values, [max(0.0, share - half), min(1.0, share + half)])
    return Figure(key, unit, at, float(low), float(high), n, of)


def share_of(bad: Floats, pieces: Floats, *, key: str, unit: str = "1") -> Figure:
    """Share of bad pieces over orders in time order, with an interval that stays inside 0..1.

    The blocks give the variance; the size of a simple sample with the same variance then gives beta limits
    (Korn and Graubard 1998, Survey Methodology 24, 193-201). With no bad piece at all the orders themselves are
    taken as the sample, which is cautious.

    Parameters
    ----------
    bad, pieces : (orders,) bad pieces and pieces that entered, orders sorted by their end; 0 <= bad <= pieces
    """
    from scipy.special import betaincinv

    n = round(float(pieces.sum())) if len(pieces) else 0
    if n <= 0:
        return absent(key, unit, "no_quantities", of="piece")
    p = float(bad.sum() / pieces.sum())
    error, df = _standard_error(bad, pieces, p)
    if df < 1:
        return Figure(key, unit, p, n=n, of="piece")
    used = int((pieces > 0).sum())
    size = float(n) if error == 0 else p * (1 - p) / error**2
    if error == 0 or p in (0.0, 1.0):
        size = float(used)
    size = min(float(n), size * (1.96 / _t(df)) ** 2)
    hit = p * size
    tail = (1 - LEVEL) / 2
    low = 0.0 if hit <= 0 else float(betaincinv(hit, size - hit + 1, tail))
    high = 1.0 if hit >= size else float(betaincinv(hit + 1, size - hit, 1 - tail))
    return Figure(key, unit, p, low, high, n, "piece")
