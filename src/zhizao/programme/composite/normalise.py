"""Indicators put on one scale: min-max, z-score, rank, distance to target or frontier, fixed goalposts.

Columns are `(units, indicators)`; the direction is applied here, so that afterwards more is better everywhere.
"""

from __future__ import annotations

import numpy as np

from zhizao.errors import InputError
from zhizao.programme.composite.structure import Floats

__all__ = ["NORMALISATIONS", "average_rank", "normalise"]

NORMALISATIONS = ("minmax", "zscore", "rank", "target", "frontier", "goalposts")


def normalise(
    x: Floats,
    method: str,
    direction: Floats,
    *,
    bounds: tuple[float, float] = (0.0, 100.0),
    centre: float = 0.0,
    spread: float = 1.0,
    target: Floats | None = None,
    low: Floats | None = None,
    high: Floats | None = None,
    codes: tuple[str, ...] = (),
) -> Floats:
    """Columns on one scale, more is better.

    Parameters
    ----------
    x : shape `(units, indicators)`, NaN where missing
    method : `minmax` to `bounds` · `zscore` with mean `centre` and sample standard deviation `spread` · `rank` (average
        for ties, the best highest) · `target`: share of the way from the worst value to the target, at most 1, to
        `bounds` · `frontier`: value over the best value (best over value where less is better), to a scale whose best
        is the upper bound · `goalposts`: `low` and `high` fixed over time, cut to `bounds`
    direction : 1 or -1 by column
    bounds : lower and upper end of the scale
    target, low, high : by column
    codes : names, for messages

    Raises
    ------
    InputError : a column is constant, or target or goalposts are missing or out of order

    Examples
    --------
    >>> normalise(np.array([[1.0], [2.0], [5.0]]), "minmax", np.array([-1.0]))[:, 0].tolist()
    [100.0, 75.0, 0.0]
    """
    turned = x * direction
    gaps = np.isnan(turned)
    least, most = np.where(gaps, np.inf, turned).min(axis=0), np.where(gaps, -np.inf, turned).max(axis=0)
    a, b = bounds

    def refuse(bad: np.ndarray, what: str, fix: str, code: str) -> None:
        if bad.any():
            names = [codes[j] if codes else str(j) for j in np.flatnonzero(bad)]
            raise InputError(f"{what}: {', '.join(names[:8])}", where="normalise", fix=fix, code=code)

    if method in ("minmax", "zscore", "rank"):
        refuse(~(most > least), "no difference between units", "leave the indicator out", "constant_column")
    if method == "minmax":
        return np.asarray((turned - least) / (most - least) * (b - a) + a, dtype=np.float64)
    if method == "zscore":
        there = ~gaps
        n = there.sum(axis=0)
        mean = np.where(there, turned, 0.0).sum(axis=0) / n
        apart = turned - mean
        sd = np.sqrt(np.where(there, apart * apart, 0.0).sum(axis=0) / (n - 1))
        return np.asarray(apart / sd * spread + centre, dtype=np.float64)
    if method == "rank":
        return average_rank(turned)
    if method == "target":
        aim = np.full(x.shape[1], np.nan) if target is None else target * direction
        refuse(np.isnan(aim), "no target is given", "write it in column target of the structure", "no_target")
        refuse(aim <= least, "the target is no better than the worst unit", "correct the target", "bad_target")
        return np.asarray(np.minimum((turned - least) / (aim - least), 1.0) * (b - a) + a, dtype=np.float64)
    if method == "frontier":
        refuse(np.where(gaps, np.inf, x).min(axis=0) <= 0, "a value is not above zero", "use minmax", "not_positive")
        best = np.where(direction > 0, most, -most)
        return np.asarray(np.where(direction > 0, x / best, best / x) * b, dtype=np.float64)
    if method == "goalposts":
        none = np.full(x.shape[1], np.nan)
        low, high = none if low is None else low, none if high is None else high
        refuse(np.isnan(low + high), "no goalposts are given", "write low and high in the structure", "no_goalposts")
        refuse(~(high > low), "high is not above low", "correct the goalposts", "bad_goalposts")
        share = (x - low) / (high - low)
        share = np.where(direction > 0, share, 1 - share)
        return np.asarray(np.clip(share, 0.0, 1.0) * (b - a) + a, dtype=np.float64)
    raise InputError(
        f'"{method}" is no way to normalise',
        where="steps",
        fix=f"choose {', '.join(NORMALISATIONS)}",
        code="bad_method",
    )


def average_rank(x: Floats) -> Floats:
    """Rank by column from 1 (least); ties share the average; NaN stays.

    Examples
    --------
    >>> average_rank(np.array([[3.0], [1.0], [3.0], [np.nan]]))[:, 0].tolist()
    [2.5, 1.0, 2.5, nan]
    """
    n = x.shape[0]
    order = np.argsort(x, axis=0, kind="stable")  # NaN last
    ordered = np.take_along_axis(x, order, axis=0)
    place = np.broadcast_to(np.arange(n)[:, None], x.shape)
    new = np.ones_like(x, dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    first = np.maximum.accumulate(np.where(new, place, 0), axis=0)
    ends = np.ones_like(new)
    ends[:-1] = new[1:]
    last = np.minimum.accumulate(np.where(ends, place, n - 1)[::-1], axis=0)[::-1]
    out = np.empty_like(x)
    np.put_along_axis(out, order, (first + last) / 2 + 1, axis=0)
    return np.where(np.isnan(x), np.nan, out)
