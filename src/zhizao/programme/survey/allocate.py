"""How many units from which stratum: Neyman, optimal for costs, power, proportional, or the fewest for wanted precisions.

All methods are one problem with one answer: n_h in proportion to a figure of the stratum, within a lowest number and
N_h. Whole numbers are exact: no unit moved between two strata would make the variance less (Wright 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zhizao.errors import InputError
from zhizao.programme.survey.columns import Floats, Ints
from zhizao.programme.survey.strata import Moments, Strata

__all__ = ["Allocation", "allocate", "expected_cv", "expected_half_width", "fewest"]

Method = Literal["neyman", "cost", "power", "proportional"]


@dataclass(frozen=True, slots=True)
class Allocation:
    """Units to draw.

    Parameters
    ----------
    n : from each stratum, shape (H,)
    method : how they were found, in words
    """

    n: Ints
    method: str

    @property
    def total(self) -> int:
        """Units in all."""
        return int(self.n.sum())


def allocate(
    strata: Strata,
    n: int,
    *,
    method: Method = "neyman",
    spread: Floats | None = None,
    cost: Floats | None = None,
    importance: Floats | None = None,
    means: Floats | None = None,
    power: float = 0.5,
    least: int = 2,
) -> Allocation:
    """Units from each stratum for a sample of n.

    Parameters
    ----------
    strata : strata of the frame
    n : units in all
    method : `neyman` n_h ~ N_h S_h; `cost` n_h ~ N_h S_h / sqrt(c_h); `power` n_h ~ X_h^q S_h / mean_h, for strata that
        matter by themselves (Bankier 1988); `proportional` n_h ~ N_h
    spread : N_h S_h, shape (H,); not for `proportional`
    cost : of one unit in each stratum, for `cost`, shape (H,)
    importance, means : X_h and the stratum's mean, for `power`, shape (H,)
    power : q of `power`, 0 for like precision of all strata, 1 for that of the total
    least : lowest number a stratum, N_h where it has fewer units

    Raises
    ------
    InputError : when n exceeds the frame, or is less than what the lowest numbers and take-all strata need

    Examples
    --------
    >>> from zhizao.programme.survey.strata import stratify
    >>> strata = stratify([["a"] * 100 + ["b"] * 50 + ["c"] * 3], least=1)
    >>> allocate(strata, 30, spread=np.array([100.0, 400.0, 300.0])).n.tolist()
    [5, 22, 3]
    """
    size = strata.size
    low = np.where(strata.take_all, size, np.minimum(least, size))
    if n > size.sum():
        raise InputError(
            f"{n:,} units are wanted from a frame of {int(size.sum()):,}",
            where="--n",
            fix="ask for fewer",
            code="n_over_N",
        )
    if n < low.sum():
        raise InputError(
            f"{n:,} units are wanted, but the take-all strata ({int(size[strata.take_all].sum()):,} units) and {least}"
            f" from each of {int((~strata.take_all).sum())} other strata need {int(low.sum()):,}",
            where="--n",
            fix="ask for more, take fewer groupings, or raise the size from which all are taken",
            code="n_too_small",
        )
    if method == "proportional":
        figure = size.astype(np.float64)
    else:
        if spread is None:
            raise InputError("this allocation needs a size variable", fix="name one", code="no_size_variable")
        figure = spread.astype(np.float64)
        if method == "cost":
            if cost is None or (cost <= 0).any():
                raise InputError(
                    "costs must be above zero", where="cost", fix="give each stratum a cost", code="bad_cost"
                )
            figure = figure / np.sqrt(cost)
        elif method == "power":
            if importance is None or means is None:
                raise InputError("power allocation needs totals and means", fix="give both", code="no_size_variable")
            centre = np.abs(means) * size
            figure = np.where(centre > 0, np.abs(importance) ** power * spread / np.where(centre > 0, centre, 1), 0.0)
    whole = _whole(figure, low, size, n)
    words = {
        "neyman": "Neyman",
        "cost": "optimal for costs",
        "power": f"power {power:g}",
        "proportional": "proportional",
    }
    return Allocation(whole, f"{words[method]}, at least {least} a stratum, at most N")


def _share(figure: Floats, low: Ints, high: Ints, n: float) -> Floats:
    """Numbers in proportion to a figure, within bounds, that add up to n: bisection on the factor."""
    figure = np.where(figure > 0, figure, 1e-12 * max(float(figure.max()), 1e-300))
    bottom, top = 0.0, float((high / figure).max()) * 2
    for _ in range(200):
        middle = (bottom + top) / 2
        if np.clip(figure * middle, low, high).sum() < n:
            bottom = middle
        else:
            top = middle
    return np.asarray(np.clip(figure * top, low, high))


def _whole(figure: Floats, low: Ints, high: Ints, n: int) -> Ints:
    """Whole numbers for which no move of one unit lowers the sum of figure² / n_h."""
    n_h = np.maximum(np.floor(_share(figure, low, high, n) + 1e-9).astype(np.int64), low)
    square = figure**2

    def gain(k: Ints, at: slice) -> Floats:
        """What one unit more takes off the variance."""
        return np.where(k < high[at], square[at] / (np.maximum(k, 1e-9) * (k + 1)), -1.0)

    def loss(k: Ints, at: slice) -> Floats:
        """What one unit less adds to it."""
        return np.where(k > low[at], square[at] / np.maximum(k * (k - 1), 1e-9), np.inf)

    def move(h: int, by: int) -> None:
        n_h[h] += by
        at = slice(h, h + 1)
        gains[at], losses[at] = gain(n_h[at], at), loss(n_h[at], at)

    every = slice(None)
    gains, losses = gain(n_h, every), loss(n_h, every)
    while (short := n - int(n_h.sum())) != 0:
        move(int(np.argmax(gains)) if short > 0 else int(np.argmin(losses)), 1 if short > 0 else -1)
    for _ in range(len(n_h)):
        best, worst = int(np.argmax(gains)), int(np.argmin(losses))
        if best == worst or gains[best] <= losses[worst] * (1 + 1e-12):
            break
        move(best, 1)
        move(worst, -1)
    return n_h


def expected_cv(found: Moments, n: Ints) -> Floats:
    """Coefficient of variation of each domain's total before anything is drawn.

    Parameters
    ----------
    found : moments of a variable on the frame
    n : units from each stratum, shape (H,)

    Returns
    -------
    array of shape (D,)
        Infinite where a stratum with spread has no unit.

    Examples
    --------
    >>> from zhizao.programme.survey.strata import moments, stratify
    >>> expected_cv(moments(stratify([["a"] * 20], least=1), np.tile([1.0, 2, 3, 4], 5)), np.array([4])).round(4)
    array([0.2052])
    """
    drawn = np.maximum(n, 1e-12)
    variance = (found.spread**2 * (1 / drawn - 1 / found.size)).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(variance, 0)) / np.where(found.total > 0, found.total, np.nan))


def expected_half_width(found: Moments, n: Ints, *, share: float = 0.5, z: float = 1.959964) -> Floats:
    """Half width of the 95 % interval of a share of units in each domain, before anything is drawn.

    Parameters
    ----------
    found : moments of any variable on the frame, for its counts
    n : units from each stratum, shape (H,)
    share : the share, 0..1; 0.5 is the worst
    z : quantile of the normal distribution

    Returns
    -------
    array of shape (D,)
        As a share.

    Examples
    --------
    >>> from zhizao.programme.survey.strata import moments, stratify
    >>> expected_half_width(moments(stratify([["a"] * 1000], least=1), np.ones(1000)), np.array([100])).round(3)
    array([0.093])
    """
    rows = found.rows.astype(np.float64)
    variance = (found.size * rows * share * (1 - share) * (1 / np.maximum(n, 1e-12) - 1 / found.size)).sum(axis=1)
    units = rows.sum(axis=1)
    return np.asarray(z * np.sqrt(np.maximum(variance, 0)) / np.where(units > 0, units, np.nan))


def fewest(
    strata: Strata,
    wanted: Sequence[tuple[Moments, float]],
    *,
    cost: Floats | None = None,
    least: int = 2,
) -> Allocation:
    """The fewest units (or least cost) with which each domain's total has a coefficient of variation at most as wanted.

    Parameters
    ----------
    strata : strata of the frame
    wanted : moments of a variable by domain, with the coefficient of variation wanted of each of these domains
    cost : of one unit in each stratum, 1 when absent, shape (H,)
    least : lowest number a stratum

    Raises
    ------
    InputError : when a wanted coefficient is not above zero, or a domain's total is not

    Notes
    -----
    Bethel (1989), Survey Methodology 15, 47-57, with Chromy's (1987) steps for the multipliers.

    Examples
    --------
    >>> from zhizao.programme.survey.strata import moments, stratify
    >>> strata = stratify([["a"] * 100], least=1)
    >>> fewest(strata, [(moments(strata, np.tile([1.0, 2, 3, 4], 25)), 0.05)]).n.tolist()
    [45]
    """
    size = strata.size
    low = np.where(strata.take_all, size, np.minimum(least, size))
    price = np.ones(strata.count) if cost is None else cost
    squares, limits = [], []
    for found, cv in wanted:
        if not cv > 0:
            raise InputError(
                f"a CV of {cv:g} cannot be reached", where="--cv", fix="write for instance 0.02", code="bad_cv"
            )
        usable = (found.total > 0) & (found.spread.max(axis=1) > 0)
        squares.append(found.spread[usable] ** 2)
        limits.append((cv * found.total[usable]) ** 2)
    a, limit = np.concatenate(squares), np.concatenate(limits)
    n = low.astype(np.float64)
    if len(limit):
        multiplier = (np.sqrt(a * price).sum(axis=1) / limit) ** 2  # exact where one domain binds and no bound does
        for _ in range(2000):
            n = np.clip(np.sqrt(multiplier @ a / price), np.maximum(low, 1e-9), size)
            over = (a * (1 / n - 1 / size)).sum(axis=1) / limit
            before = multiplier
            multiplier = multiplier * np.clip(over, 0.2, 5.0)
            if over.max() <= 1 + 1e-9 and np.max(np.abs(multiplier - before) / (multiplier.max() + 1e-300)) < 1e-7:
                break
        while True:  # whole numbers, with the last domain that misses helped where it costs least
            whole = np.clip(np.ceil(n - 1e-6).astype(np.int64), low, size)
            over = (a * (1 / np.maximum(whole, 1e-9) - 1 / size)).sum(axis=1) / limit
            if over.max() <= 1 + 1e-9 or (whole >= size).all():
                break
            n = np.minimum(n * 1.0005, size)
    else:
        whole = low.astype(np.int64)
    return Allocation(whole, f"fewest for the wanted precisions, at least {least} a stratum, at most N")
