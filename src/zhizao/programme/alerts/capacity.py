"""Capacity where nobody reports it: from the peaks of a series, and from the best of comparable units.

Levels from different methods are not comparable with each other or with reported utilisation; what is compared is one
method's figure with its own history.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

from zhizao.errors import InputError

__all__ = ["Utilisation", "dea_utilisation", "peak_to_peak"]

Floats = NDArray[np.float64]


def peak_to_peak(output: ArrayLike, capital: ArrayLike | None = None, *, apart: int = 1) -> Floats:
    """Utilisation of a series: output over the line through its peaks.

    Parameters
    ----------
    output : (t,), above zero; constant prices; NaN where missing
    capital : (t,) fixed capital; when given, output per capital is what peaks
    apart : readings on both sides that a peak has to top (12 for months, so that a season makes no peaks)

    Returns
    -------
    (t,) in (0, 1], 1 at the peaks; before the first and after the last peak capacity stays at that peak's level

    Examples
    --------
    >>> peak_to_peak([80, 100, 90, 96, 120, 108]).round(3).tolist()
    [0.8, 1.0, 0.844, 0.847, 1.0, 0.9]

    Source: Klein (1960); Klein and Preston (1967); Ballard and Roberts (1977).
    """
    y = np.asarray(output, np.float64)
    if y.ndim != 1 or np.isfinite(y).sum() < 3 or (y[np.isfinite(y)] <= 0).any():
        raise InputError(
            "peaks need 3 readings or more, all above zero",
            where="output",
            fix="give output in constant prices",
            code="bad_output",
        )
    k = np.ones_like(y) if capital is None else np.asarray(capital, np.float64)
    if k.shape != y.shape or not (k[np.isfinite(y)] > 0).all():
        raise InputError(
            "capital does not fit output",
            where="capital",
            fix="give one value above zero per reading",
            code="bad_capital",
        )
    rate = y / k
    at = np.flatnonzero(np.isfinite(rate))
    r = rate[at]
    peaks = [j for j in range(len(r)) if r[j] >= np.max(r[max(0, j - apart) : j + apart + 1]) and 0 < j < len(r) - 1]
    if not peaks:
        peaks = [int(np.argmax(r))]
    while True:  # a reading above the line between two peaks is a peak itself
        over = r / np.interp(np.arange(len(r)), peaks, r[peaks])
        worst = int(np.argmax(over))
        if over[worst] <= 1 + 1e-12:
            break
        peaks = sorted({*peaks, worst})
    out = np.full(y.shape, np.nan)
    out[at] = over
    return out


@dataclass(frozen=True, slots=True)
class Utilisation:
    """Utilisation of units against the best of them, each array (units,).

    Parameters
    ----------
    fixed : factor by which output could grow with fixed inputs as they are, variable ones free (phi_F)
    all_inputs : the same with all inputs as they are (phi_A): the part that is inefficiency
    observed : 1 / phi_F
    unbiased : phi_A / phi_F, utilisation with inefficiency taken out, in (0, 1]
    """

    fixed: Floats
    all_inputs: Floats

    @property
    def observed(self) -> Floats:
        """Output over capacity."""
        return np.asarray(1.0 / self.fixed)

    @property
    def unbiased(self) -> Floats:
        """Utilisation with inefficiency taken out."""
        return np.asarray(self.all_inputs / self.fixed)


def dea_utilisation(
    outputs: ArrayLike, fixed: ArrayLike, variable: ArrayLike, *, returns: str = "variable"
) -> Utilisation:
    """Capacity utilisation by data envelopment.

    Parameters
    ----------
    outputs : (units,) or (units, outputs), 0 or more, something made by each
    fixed : (units,) or (units, inputs), above zero: plant and equipment
    variable : (units,) or (units, inputs), 0 or more: labour, material, energy
    returns : variable or constant returns to scale

    Examples
    --------
    >>> found = dea_utilisation([2.0, 4.0, 3.0], fixed=[2.0, 2.0, 2.0], variable=[1.0, 2.0, 2.0], returns="constant")
    >>> found.observed.tolist(), found.unbiased.tolist()
    ([0.5, 1.0, 0.75], [0.5, 1.0, 1.0])

    Source: Färe, Grosskopf and Kokkelenberg (1989), programmes for phi with and without the variable inputs; HiGHS solves
    them.
    """
    if returns not in ("variable", "constant"):
        raise InputError(
            f'"{returns}" are no returns to scale',
            where="returns",
            fix="write variable or constant",
            code="bad_returns",
        )
    y, xf, xv = (_table(one, name) for one, name in ((outputs, "outputs"), (fixed, "fixed"), (variable, "variable")))
    if not len(y) == len(xf) == len(xv) or len(y) == 0:
        raise InputError("the tables differ in units", fix="give one row per unit in each", code="bad_shape")
    if not (xf > 0).all() or (y.sum(axis=1) <= 0).any():
        bad = int(np.argmax(~(xf > 0).all(axis=1) | (y.sum(axis=1) <= 0)))
        raise InputError(f"unit {bad} has no fixed input or makes nothing", fix="leave it out", code="bad_unit")
    phi_f, phi_a = np.empty(len(y)), np.empty(len(y))
    both = np.hstack([xf, xv])
    for i in range(len(y)):
        phi_f[i] = _expand(y, xf, i, returns)
        phi_a[i] = _expand(y, both, i, returns)
    return Utilisation(phi_f, phi_a)


def _table(values: ArrayLike, name: str) -> Floats:
    x = np.asarray(values, np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or not np.isfinite(x).all() or (x < 0).any():
        raise InputError(
            f"{name} hold a missing or negative value", where=name, fix="give numbers, 0 or more", code="bad_values"
        )
    scale = x.max(axis=0)
    return np.asarray(x / np.where(scale > 0, scale, 1.0))


def _expand(y: Floats, x: Floats, i: int, returns: str) -> float:
    """Largest factor on the outputs of unit i that a mix of units reaches with no more of any input."""
    n = len(y)
    cost = np.zeros(n + 1)
    cost[0] = -1.0
    makes = np.hstack([y[i][:, None], -y.T])
    uses = np.hstack([np.zeros((x.shape[1], 1)), x.T])
    equal = np.concatenate([[0.0], np.ones(n)])[None] if returns == "variable" else None
    found = linprog(
        cost, A_ub=np.vstack([makes, uses]), b_ub=np.concatenate([np.zeros(y.shape[1]), x[i]]),
        A_eq=equal, b_eq=None if equal is None else [1.0], method="highs",
    )  # fmt: skip
    return max(1.0, float(-found.fun))
