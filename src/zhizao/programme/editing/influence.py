"""Selective editing: which values are worth a call, by what their errors would do to the published totals.

Reported values are seen as right with a small spread, or, with a small probability, as wrong with a much larger one
(contaminated log-normal model, as in Di Zio and Guarnera, 2013). Spread, inflation and share of errors are estimated
for each item by EM on a histogram of log(reported / expected). The expected error of a value is its weighted distance
to what is then most likely; a local score is that over the item's total; a global score joins the items (Hedlin, 2008:
largest, sum, or Minkowski between them). Call-backs are made from the top until what may remain in each total is under
a stated share of its standard error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from zhizao.errors import InputError
from zhizao.programme.editing.cells import Expected
from zhizao.programme.editing.returns import Returns
from zhizao.programme.items import item_keys, items

__all__ = ["Callbacks", "Contamination", "contamination", "global_score", "pseudo_bias", "select", "standard_errors"]

Floats = NDArray[np.float64]

RARE = 0.05
"""Items that go to or from zero more often than this (investment, inspections) have no value to be expected."""

SURELY = 20.0

COUNTED = ("people", "patents", "processes", "batches", "pieces")


@dataclass(frozen=True, slots=True)
class Contamination:
    """Right and wrong values of one item.

    Parameters
    ----------
    share : of wrong values, 0..1
    spread : standard deviation of right log ratios
    inflation : how many times larger the variance of wrong ones is, above 1
    """

    share: float
    spread: float
    inflation: float

    def wrong(self, off: Floats) -> Floats:
        """Probability that a value is wrong, given its log ratio to what was expected."""
        v = self.spread**2
        right = np.log1p(-self.share) - 0.5 * np.log(v) - off**2 / (2 * v)
        bad = np.log(self.share) - 0.5 * np.log(v * self.inflation) - off**2 / (2 * v * self.inflation)
        found: Floats = np.exp(bad - np.logaddexp(right, bad))
        return found


def contamination(off: Floats, turns: int = 60, least: float = 0.01) -> Contamination:
    """Spread, inflation and share of wrong values, by EM on a histogram.

    Parameters
    ----------
    off : log(reported / expected) of values above 0, NaN left out, (rows,)
    turns : of the algorithm
    least : smallest spread of right ones

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> found = contamination(np.concatenate([rng.normal(0, 0.1, 9500), rng.normal(0, 2.0, 500)]))
    >>> round(found.spread, 2), round(found.share, 2), round(found.inflation**0.5 * found.spread, 1)
    (0.1, 0.05, 2.0)
    """
    off = off[~np.isnan(off)]
    if len(off) < 20:
        return Contamination(0.02, max(float(np.std(off)) if len(off) else 0.5, 0.05), 100.0)
    v = max(1.4826 * float(np.median(np.abs(off))), least) ** 2
    edge = np.sinh(np.linspace(-np.arcsinh(30 / v**0.5), np.arcsinh(30 / v**0.5), 801)) * v**0.5
    count, _ = np.histogram(np.clip(off, -29.9, 29.9), edge)
    x2 = (0.5 * (edge[1:] + edge[:-1])) ** 2
    keep = count > 0
    count, x2 = count[keep], x2[keep]
    share, wide = 0.05, 100.0 * v
    for _ in range(turns):
        right = np.log1p(-share) - 0.5 * np.log(v) - x2 / (2 * v)
        bad = np.log(share) - 0.5 * np.log(wide) - x2 / (2 * wide)
        tau = np.exp(bad - logsumexp([right, bad], axis=0))
        share = float(np.clip((count * tau).sum() / count.sum(), 1e-5, 0.4))
        v = max(float((count * (1 - tau) * x2).sum() / max((count * (1 - tau)).sum(), 1e-9)), least**2)
        wide = max(float((count * tau * x2).sum() / max((count * tau).sum(), 1e-9)), 9 * v)
    return Contamination(share, v**0.5, wide / v)


def global_score(local: Floats, how: Literal["max", "sum", "minkowski"] = "max", alpha: float = 2.0) -> Floats:
    """One score a return from its local scores, (rows,).

    >>> global_score(np.array([[3.0, 4.0]]), "minkowski").tolist(), global_score(np.array([[3.0, 4.0]]), "sum").tolist()
    ([5.0], [7.0])
    """
    if how == "max":
        return np.asarray(local.max(axis=1))
    if how == "sum":
        return np.asarray(local.sum(axis=1))
    if how != "minkowski" or not alpha >= 1:
        raise InputError(f'score "{how}" with alpha = {alpha}', fix="write max, sum, or minkowski with alpha from 1 on")
    return np.asarray((local**alpha).sum(axis=1) ** (1 / alpha))


def standard_errors(values: Floats, weight: Floats, stratum: NDArray[np.int64]) -> Floats:
    """Standard error of each item's weighted total, a stratified simple random sample with these weights, (items,)."""
    found = np.zeros(values.shape[1])
    filled = np.nan_to_num(values)
    order = np.argsort(stratum, kind="stable")
    starts = np.flatnonzero(np.diff(stratum[order], prepend=-1))
    n = np.diff(np.append(starts, len(order)))
    total = np.add.reduceat(weight[order], starts)
    fraction = np.minimum(n / np.maximum(total, n), 1.0)
    for j in range(values.shape[1]):
        y = filled[order, j]
        mean = np.add.reduceat(y, starts) / n
        square = np.add.reduceat(y**2, starts)
        s2 = np.maximum(square - n * mean**2, 0) / np.maximum(n - 1, 1)
        found[j] = float(np.sqrt((total**2 * (1 - fraction) * s2 / n).sum()))
    return found


def _off(told: Floats, guess: Floats) -> tuple[Floats, bool]:
    """log(told / guess), surely wrong where one of them is zero; and whether that is rare, so that it may be judged."""
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where((told > 0) & (guess > 0), np.log(told / guess), np.nan)
    known = ~np.isnan(told) & ~np.isnan(guess)
    switched = known & ((told > 0) != (guess > 0))
    off[switched] = np.where(told[switched] > 0, SURELY, -SURELY)
    return off, bool(switched.sum() <= RARE * max(int((known & (guess > 0)).sum()), 20))


@dataclass(frozen=True, slots=True, eq=False)
class Callbacks:
    """Whom to call, most influential first.

    Parameters
    ----------
    rows : returns in order of their score, (ranked,)
    score : global score of each, (ranked,)
    item : number of the item that weighs most in each, (ranked,)
    effect : by how much a correction would be expected to move that item's total, (ranked,)
    chosen : how many of them, from the top, have to be called
    totals : expected weighted totals, (40,)
    limits : what may remain in each total, (40,)
    remaining : the error that is expected to remain in each after the chosen calls, (40,)
    error : expected error of each value, weighted, (rows, 40)
    """

    rows: NDArray[np.int64]
    score: Floats
    item: NDArray[np.int64]
    effect: Floats
    chosen: int
    totals: Floats
    limits: Floats
    remaining: Floats
    error: Floats


def select(
    returns: Returns,
    expected: Expected,
    *,
    share: float = 0.2,
    floor: float = 0.001,
    how: Literal["max", "sum", "minkowski"] = "max",
    stratum: NDArray[np.int64] | None = None,
    errors: Floats | None = None,
) -> Callbacks:
    """Ranked call-backs, and how many are needed.

    Parameters
    ----------
    returns : as reported
    expected : what was expected of each value
    share : of each total's standard error that may remain as bias, above 0
    floor : share of the total that may remain where there is no sampling error (a census), 0..1
    how : how local scores become a global one
    stratum : of each return, for standard errors; all one stratum when absent, (rows,)
    errors : standard error of each total where they are known, (40,)

    Raises
    ------
    InputError : when a share is not above 0
    """
    if not (share > 0 and 0 <= floor < 1):
        raise InputError(f"share {share}, floor {floor}", fix="share is above 0; floor lies in 0..1")
    values, weight = returns.values, returns.weight
    if errors is None:
        stratum = np.zeros(len(returns), dtype=np.int64) if stratum is None else stratum
        errors = standard_errors(np.where(np.isnan(expected.values), values, expected.values), weight, stratum)
    aim = np.where(np.isnan(expected.values), values, expected.values)
    totals = np.nansum(np.abs(aim) * weight[:, None], axis=0)
    error = np.zeros_like(values)
    revenue = item_keys().index("revenue_cny")
    for j, item in enumerate(items().values()):
        told, guess = values[:, j], expected.values[:, j]
        if item.over == "flag":
            continue
        spread = np.where(np.isnan(expected.spread[:, j]), 0.5, expected.spread[:, j])
        if item.signed:  # no logarithm of what may be below zero: as a share of revenue
            base = np.abs(expected.values[:, revenue])
            with np.errstate(divide="ignore", invalid="ignore"):
                scaled = np.where(base > 0, np.arcsinh(100 * (told - guess) / base), np.nan)
        else:
            off, steady = _off(told, guess)
            if not steady:
                continue
            if item.unit in COUNTED:  # one more or less is no error
                spread = np.sqrt(spread**2 + 1 / np.maximum(guess, 1) ** 2)
            scaled = off / spread
        model = contamination(scaled, least=0.01 if item.signed else 0.7)
        tau = model.wrong(np.nan_to_num(scaled))
        error[:, j] = np.nan_to_num(weight * tau * (told - guess) * (1 - 1 / model.inflation))
    limits = np.maximum(share * errors, floor * totals)
    with np.errstate(divide="ignore", invalid="ignore"):
        local = np.where(limits > 0, np.abs(error) / limits, 0.0)
    score = global_score(local, how)
    rows = np.argsort(-score, kind="stable")
    rows = rows[score[rows] > 0]
    made = np.vstack([np.zeros(values.shape[1]), np.cumsum(error[rows], axis=0)])
    left = np.abs(made[-1] - made)
    short = np.flatnonzero((left > limits + 1e-9 * totals).any(axis=1))
    chosen = int(short[-1]) + 1 if len(short) else 0
    remaining = left[chosen]
    most = np.argmax(local[rows], axis=1) if len(rows) else np.zeros(0, dtype=np.int64)
    return Callbacks(rows, score[rows], most, -error[rows, most], chosen, totals, limits, remaining, error)


def pseudo_bias(
    reported: Floats, right: Floats, weight: Floats, rows: NDArray[np.int64], at: NDArray[np.int64]
) -> Floats:
    """Relative error of each total that is left when the first so many of the ranked returns were put right.

    Parameters
    ----------
    reported, right : values before and after editing all, (records, items)
    weight : (records,)
    rows : returns in the order in which they are called
    at : numbers of calls, (points,)

    Returns
    -------
    array
        |total left - right total| / right total, (points, items).
    """
    error = np.nan_to_num((reported - right) * weight[:, None])
    total = np.maximum(np.abs(np.nansum(right * weight[:, None], axis=0)), 1e-9)
    made = np.vstack([np.zeros(error.shape[1]), np.cumsum(error[rows], axis=0)])
    return np.asarray(np.abs(error.sum(axis=0) - made[np.minimum(at, len(rows))]) / total)
