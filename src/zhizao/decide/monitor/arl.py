"""How long a chart runs until it alarms: average run lengths of EWMA and CUSUM by integral equations, and limits from them.

The run length L(z) of a chart that stands at z satisfies a Fredholm equation of the second kind; with Gauss-Legendre nodes
it becomes a small linear system (Nystroem). Limits for a wanted in-control run length follow by root finding. Readings are
independent and normal. Mean and spread are taken as known, or as learned from `learned` readings: then the rate of false
alarms is averaged over the errors of learning, so that the wanted rate is kept on the average over charts.

Sources: Page (1954); learned parameters: Jones, Champ and Rigdon (2001, 2004); Brook and Evans (1972); Crowder (1987); Lucas and Saccucci (1990); Lucas and Crosier (1982); Knoth,
*Computation of the ARL for CUSUM-S2 schemes* (2006) and the tables of the R package spc, against which it is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from zhizao.errors import InputError

__all__ = [
    "cusum_arl",
    "cusum_limit",
    "ewma_arl",
    "ewma_limit",
    "shewhart_arl",
    "shewhart_limit",
]

Floats = NDArray[np.float64]

NODES = 48
"""Nodes of the quadrature at least; more where the kernel is narrow beside the region."""

_TAIL = 8.0
"""Standard deviations at which a region without a lower limit is cut."""


@lru_cache(maxsize=64)
def _nodes(n: int) -> tuple[Floats, Floats]:
    x, w = np.polynomial.legendre.leggauss(n)
    return x, w


def _grid(low: float, high: float, n: int) -> tuple[Floats, Floats]:
    x, w = _nodes(n)
    return low + (high - low) * (x + 1) / 2, w * (high - low) / 2


def _density(x: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi))


def _check(arl0: float, sides: str) -> None:
    if not 2 <= arl0 <= 1e8:
        raise InputError(
            f"an in-control run length of {arl0:g} cannot be had",
            where="arl0",
            fix="give the mean number of readings between two false alarms, 2 or more (370 is usual)",
            code="bad_arl0",
        )
    if sides not in ("both", "high", "low"):
        raise InputError(f'"{sides}" is no side', where="sides", fix="write both, high or low", code="bad_sides")


def shewhart_arl(limit: float, shift: float = 0.0, sides: str = "both") -> float:
    """Mean run length of a Shewhart chart; `shift` in standard deviations, towards the side that is watched.

    >>> round(shewhart_arl(3.0), 1)
    370.4
    """
    beyond = float(ndtr(shift - limit)) + (float(ndtr(-shift - limit)) if sides == "both" else 0.0)
    return 1.0 / beyond


def shewhart_limit(arl0: float, sides: str = "both") -> float:
    """Limit in standard deviations for a wanted in-control run length.

    >>> round(shewhart_limit(370.398), 3)
    3.0
    """
    _check(arl0, sides)
    return float(-ndtri(1.0 / arl0 / (2 if sides == "both" else 1)))


def _cusum_one_sided(slack: float, limit: float, shift: float, starts: tuple[float, ...]) -> list[float]:
    """Run lengths of the upper sum from each start: an atom at zero and a density on (0, limit)."""
    n = int(min(400, max(NODES, 12 * limit)))
    y, w = _grid(0.0, limit, n)
    nodes = np.concatenate([[0.0], y])
    matrix = np.eye(n + 1)
    matrix[:, 0] -= ndtr(slack - shift - nodes)
    matrix[:, 1:] -= w * _density(y[None, :] - nodes[:, None] + slack - shift)
    length = np.linalg.solve(matrix, np.ones(n + 1))
    out = []
    for start in starts:
        into = np.concatenate([[float(ndtr(slack - shift - start))], w * _density(y - start + slack - shift)])
        out.append(float(1.0 + into @ length))
    return out


def cusum_arl(slack: float, limit: float, shift: float = 0.0, *, sides: str = "both", head_start: float = 0.0) -> float:
    """Mean run length of a tabular CUSUM on standardised readings.

    Parameters
    ----------
    slack : reference value k, half the shift to be found, in standard deviations
    limit : decision interval h
    shift : true shift of the mean, in standard deviations, towards the upper side (or the side watched)
    sides : both, high or low
    head_start : where the sums start, as a share of the limit (fast initial response: 0.5)

    Examples
    --------
    >>> round(cusum_arl(0.5, 4.0), 1), round(cusum_arl(0.5, 4.0, 1.0), 2)
    (167.7, 8.38)

    Source: Page (1954); two sides with head start: Lucas and Crosier (1982), equation for two charts that do not interact.
    """
    start = head_start * limit
    up0, up = _cusum_one_sided(slack, limit, shift, (0.0, start))
    if sides != "both":
        return up
    down0, down = _cusum_one_sided(slack, limit, -shift, (0.0, start))
    return (up * down0 + down * up0 - up0 * down0) / (up0 + down0)


@lru_cache(maxsize=4096)
def cusum_limit(
    slack: float, arl0: float, *, sides: str = "both", head_start: float = 0.0, learned: int | None = None
) -> float:
    """Decision interval h for a wanted in-control run length.

    Parameters
    ----------
    slack, sides, head_start : as for `cusum_arl`
    arl0 : readings between two false alarms; one over their rate where mean and spread are learned
    learned : independent readings from which mean and spread were learned; known exactly when None

    Examples
    --------
    >>> round(cusum_limit(0.5, 370.4), 4), round(cusum_limit(0.5, 370.4, learned=100), 2)
    (4.7749, 5.27)
    """
    _check(arl0, sides)

    def arl(limit: float) -> float:
        return _averaged(
            lambda shift, scale: cusum_arl(slack * scale, limit * scale, shift, sides=sides, head_start=head_start),
            learned,
        )

    return _solve(arl, arl0, 0.05, 60.0)


def _averaged(arl: Callable[[float, float], float], learned: int | None) -> float:
    """Run length whose inverse is the mean rate of alarms over the errors of mean and spread.

    A mean learned from n readings is off by N(0, 1/n) standard deviations, a spread by a factor of about 1 + N(0, 1/2n);
    one-step errors of a learned first-order autoregression are off by the same in the mean.
    """
    if learned is None:
        return arl(0.0, 1.0)
    x, w = hermegauss(5)
    w = w / w.sum()
    shifts, scales = x / np.sqrt(learned), 1 + x / np.sqrt(2.0 * learned)
    rate = sum(
        ws * wc / arl(float(shift), float(max(scale, 0.2)))
        for shift, ws in zip(shifts, w, strict=True)
        for scale, wc in zip(scales, w, strict=True)
    )
    return float(1.0 / rate)


def _solve(arl: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """The limit at which a growing run length reaches what is wanted."""

    def gap(limit: float) -> float:
        return float(np.log(max(arl(limit), 1.0)) - np.log(wanted))

    if gap(low) > 0:
        return low
    top = low
    while top < high:  # the largest limits ask for run lengths that no arithmetic can hold
        top = min(top * 1.6 + 0.2, high)
        if gap(top) > 0:
            return float(brentq(gap, low, top, xtol=1e-7))
        low = top
    raise InputError(
        f"no limit gives an in-control run length of {wanted:g}",
        where="arl0",
        fix="ask for a shorter one",
        code="bad_arl0",
    )


def _ewma_region(weight: float, width: float, sides: str) -> tuple[float, float]:
    spread = np.sqrt(weight / (2 - weight))
    return float(-width * spread if sides == "both" else -_TAIL * spread), float(width * spread)


def _ewma_count(weight: float, low: float, high: float) -> int:
    return int(min(500, max(NODES, 8 * (high - low) / weight)))


def _ewma_step(at: Floats, y: Floats, w: Floats, weight: float, shift: float) -> Floats:
    """Density of the next average on the nodes, from each place: (len(at), len(y)), weights included."""
    return w * _density((y[None, :] - (1 - weight) * at[:, None]) / weight - shift) / weight


def _ewma_steady(weight: float, width: float, shift: float, sides: str) -> tuple[Floats, Floats]:
    """Nodes and run lengths from there on with fixed limits."""
    low, high = _ewma_region(weight, width, sides)
    y, w = _grid(low, high, _ewma_count(weight, low, high))
    matrix = np.eye(len(y)) - _ewma_step(y, y, w, weight, shift)
    return y, np.asarray(np.linalg.solve(matrix, np.ones(len(y))), np.float64)


def ewma_arl(weight: float, width: float, shift: float = 0.0, *, sides: str = "both", exact: bool = False) -> float:
    """Mean run length of an EWMA chart that starts at the mean.

    Parameters
    ----------
    weight : of the newest reading, 0..1
    width : of the limits, in standard deviations of the average
    shift : true shift of the mean in standard deviations of a reading
    sides : both, high or low
    exact : limits that open with the number of readings, in place of their final width

    Examples
    --------
    >>> round(ewma_arl(0.1, 2.814), 0), round(ewma_arl(0.1, 2.814, 1.0), 1)
    (500.0, 10.3)

    Source: Crowder (1987), integral equation; Lucas and Saccucci (1990), table 3.
    """
    if weight >= 1:
        return shewhart_arl(width, shift, sides)
    y_fixed, length = _ewma_steady(weight, width, shift, sides)
    low, high = _ewma_region(weight, width, sides)
    n = len(y_fixed)
    _, w_fixed = _grid(low, high, n)

    def onward(at: Floats) -> Floats:
        return np.asarray(1.0 + _ewma_step(at, y_fixed, w_fixed, weight, shift) @ length)

    if not exact:
        return float(onward(np.zeros(1))[0])
    # survive step by step while the limits open, then go on with the fixed ones
    places, mass, total, fade = np.zeros(1), np.ones(1), 0.0, 1.0
    while True:
        fade *= (1 - weight) ** 2
        if fade < 1e-7:
            return float(total + mass @ onward(places))
        total += float(mass.sum())
        if total > 1 and mass.sum() < 1e-12:
            return total
        opened = np.sqrt(1 - fade)
        y, w = _grid(low * (opened if sides == "both" else 1.0), high * opened, n)
        mass = mass @ _ewma_step(places, y, w, weight, shift)
        places = y


@lru_cache(maxsize=4096)
def ewma_limit(
    weight: float, arl0: float, *, sides: str = "both", exact: bool = False, learned: int | None = None
) -> float:
    """Width of the limits, in standard deviations of the average, for a wanted in-control run length.

    `learned` as for `cusum_limit`.

    >>> round(ewma_limit(0.1, 500.0), 4)
    2.8143
    """
    _check(arl0, sides)
    if weight >= 1 and learned is None:
        return shewhart_limit(arl0, sides)

    def arl(width: float) -> float:
        return _averaged(lambda shift, scale: ewma_arl(weight, width * scale, shift, sides=sides, exact=exact), learned)

    return _solve(arl, arl0, 0.2, 7.0)
