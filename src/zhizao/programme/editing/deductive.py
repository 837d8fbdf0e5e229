"""Errors whose cause shows, and which are mended before any other is looked for: unit, sign, swap, typing, rounding.

A correction is made only where it mends hard rules that fail, or where the value is far from what was expected and
comes within its usual spread, and never where it breaks a hard rule that held. Sources: de Waal, Pannekoek and
Scholtus, Handbook of Statistical Data Editing and Imputation (2011), chapter 2; Scholtus, Algorithms for correcting
sign errors and rounding errors (2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.programme.editing.cells import Expected
from zhizao.programme.editing.system import FAILED, System, verdicts
from zhizao.programme.items import items

__all__ = ["METHODS", "Deduced", "deduce", "typing_slip"]

Floats = NDArray[np.float64]

FACTORS = (1e3, 1e4, 1e8)
"""Thousand, ten thousand (万) and a hundred million (亿): units in which returns are told by mistake."""

METHODS = ("", "unit", "unit_of_all_money", "sign", "swap", "typing", "rounding")
UNIT, UNIT_ALL, SIGN, SWAP, TYPING, ROUNDING = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True, slots=True, eq=False)
class Deduced:
    """What was mended.

    Parameters
    ----------
    values : fields after the corrections, (records, fields)
    method : number in `METHODS` of what was done, 0 for nothing, (records, fields)
    """

    values: Floats
    method: NDArray[np.int8]


def typing_slip(a: float, b: float) -> bool:
    """Whether one whole number becomes the other by one slip of a finger: a digit more, less, other, or two swapped.

    >>> typing_slip(1234, 1324), typing_slip(1234, 12344), typing_slip(1234, 1934), typing_slip(1234, 4321)
    (True, True, True, False)
    """
    if a == b or a != round(a) or b != round(b) or (a < 0) != (b < 0):
        return False
    one, other = str(int(abs(a))), str(int(abs(b)))
    if min(len(one), len(other)) < 2:
        return False
    if len(one) == len(other):
        off = [i for i in range(len(one)) if one[i] != other[i]]
        if len(off) == 1:
            return True
        i = off[0]
        return len(off) == 2 and off[1] == i + 1 and one[i] == other[i + 1] and one[i + 1] == other[i]
    short, long = sorted((one, other), key=len)
    return len(long) == len(short) + 1 and any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def deduce(
    system: System, z: Floats, active: NDArray[np.bool_], found: NDArray[np.int8], expected: Expected
) -> Deduced:
    """Corrections whose cause shows.

    Parameters
    ----------
    system : compiled hard rules
    z : records, (records, columns)
    active : guards, (records, guards)
    found : verdicts of the records as told, (records, clauses)
    expected : what was expected of each value
    """
    m = system.fields
    work = _Work(system, z, active, (found == FAILED).sum(axis=1), m)
    fails = work.fails > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.log10(np.where((z[:, :m] > 0) & (expected.values > 0), z[:, :m] / expected.values, np.nan))
    room = np.minimum(np.maximum(4 * expected.spread / np.log(10), 0.15), 0.45)
    _units(work, off, room)
    _signs(work, fails)
    _swaps(work, np.flatnonzero(work.fails > 0), expected)
    _balances(work, np.flatnonzero(work.fails > 0), expected)
    return Deduced(work.z[:, :m], work.method)


class _Work:
    """Records as they are mended, and how many hard clauses each still fails."""

    def __init__(self, system: System, z: Floats, active: NDArray[np.bool_], fails: NDArray[np.int64], m: int) -> None:
        self.system, self.z, self.active, self.fails = system, z.copy(), active, fails.copy()
        self.method = np.zeros((len(z), m), dtype=np.int8)

    def attempt(self, rows: NDArray[np.int64], trial: Floats, *, mends: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Take over trial rows where rules fail no more than before, and fewer where `mends` asks for it; which."""
        if not len(rows):
            return np.zeros(0, dtype=np.bool_)
        after = (verdicts(self.system, trial, self.active[rows]) == FAILED).sum(axis=1)
        good: NDArray[np.bool_] = np.where(mends, after < self.fails[rows], after <= self.fails[rows])
        self.z[rows[good]] = trial[good]
        self.fails[rows[good]] = after[good]
        return good


def _units(work: _Work, off: Floats, room: Floats) -> None:
    money = np.array([i.unit == "CNY" for i in items().values()])
    signed = np.array([i.signed for i in items().values()])
    for factor in FACTORS:
        for sign in (1.0, -1.0):
            power = sign * np.log10(factor)
            near = np.abs(off - power) <= room
            told = ~np.isnan(off[:, money & ~signed])
            share = near[:, money & ~signed].sum(axis=1) / np.maximum(told.sum(axis=1), 1)
            all_money = (share >= 0.7) & (told.sum(axis=1) >= 4)
            rows = np.flatnonzero(all_money)
            trial = work.z[rows].copy()
            block = np.flatnonzero(money)
            trial[:, block] /= 10**power
            good = work.attempt(rows, trial, mends=np.zeros(len(rows), dtype=np.bool_))
            done = rows[good]
            work.method[np.ix_(done, block)] = UNIT_ALL
            near[done] = False
            for j in np.flatnonzero(near.any(axis=0)):
                rows = np.flatnonzero(near[:, j] & (work.method[:, j] == 0))
                trial = work.z[rows].copy()
                trial[:, j] /= 10**power
                good = work.attempt(rows, trial, mends=np.zeros(len(rows), dtype=np.bool_))
                work.method[rows[good], j] = UNIT


def _signs(work: _Work, fails: NDArray[np.bool_]) -> None:
    for j, item in enumerate(items().values()):
        if item.signed:
            continue
        rows = np.flatnonzero(fails & (work.z[:, j] < 0))
        trial = work.z[rows].copy()
        trial[:, j] = -trial[:, j]
        good = work.attempt(rows, trial, mends=np.ones(len(rows), dtype=np.bool_))
        work.method[rows[good], j] = SIGN


def _swaps(work: _Work, rows: NDArray[np.int64], expected: Expected) -> None:
    """Two fields of a failed comparison that changed places: the rule holds, and both come near what was expected."""
    a = work.system.arrays
    pairs = set()
    for i in range(len(a.const)):
        fields = [c for c in a.col[a.atom_ptr[i] : a.atom_ptr[i + 1]].tolist() if c < work.method.shape[1]]
        if len(fields) == 2:
            pairs.add((min(fields), max(fields)))
    for j, k in sorted(pairs):
        told, other, aim_j, aim_k = work.z[rows, j], work.z[rows, k], expected.values[rows, j], expected.values[rows, k]
        with np.errstate(divide="ignore", invalid="ignore"):
            as_told = np.abs(np.log(told / aim_j)) + np.abs(np.log(other / aim_k))
            swapped = np.abs(np.log(other / aim_j)) + np.abs(np.log(told / aim_k))
            fits = (swapped < 0.5 * as_told) & (swapped < np.log(4)) & (told != other)
        some = rows[fits & (work.method[rows, j] == 0) & (work.method[rows, k] == 0) & (work.fails[rows] > 0)]
        trial = work.z[some].copy()
        trial[:, [j, k]] = trial[:, [k, j]]
        good = work.attempt(some, trial, mends=np.ones(len(some), dtype=np.bool_))
        work.method[np.ix_(some[good], [j, k])] = SWAP


def _balances(work: _Work, rows: NDArray[np.int64], expected: Expected) -> None:
    """Sums that must agree and do not: all but rounded, or one part mistyped; of several that might be, the one that
    comes nearest to what was expected, and none where nothing was.
    """
    a = work.system.arrays
    for c in range(len(a.guard)):
        first, last = a.clause_ptr[c], a.clause_ptr[c + 1]
        if last - first != 1 or not a.equal[first]:
            continue
        part = slice(a.atom_ptr[first], a.atom_ptr[first + 1])
        col, coef, const = a.col[part], a.coef[part], a.const[first]
        gap = const + work.z[np.ix_(rows, col)] @ coef
        wrong = rows[~np.isnan(gap) & (np.abs(gap) > 1e-6)]
        for r in wrong:
            here = const + float(work.z[r, col] @ coef)
            chosen = _slip(work, r, here, col, coef, expected.values[r])
            if chosen is not None:
                j, value, kind = chosen
                trial = work.z[[r]].copy()
                trial[0, j] = value
                if work.attempt(np.array([r]), trial, mends=np.ones(1, dtype=np.bool_))[0]:
                    work.method[r, j] = kind


def _slip(
    work: _Work, r: int, gap: float, col: NDArray[np.int64], coef: Floats, aim: Floats
) -> tuple[int, float, int] | None:
    """Field of a sum to change, its value, and the kind of slip; None where it does not show which."""
    m = work.method.shape[1]
    parts = [
        (j, float(work.z[r, j] - gap / k))
        for j, k in zip(col.tolist(), coef.tolist(), strict=True)
        if j < m and not work.method[r, j]
    ]
    if parts and abs(gap) <= 2:
        j, value = max(parts, key=lambda one: abs(work.z[r, one[0]]))
        return j, value, ROUNDING
    slips = [(j, value) for j, value in parts if typing_slip(float(work.z[r, j]), value)]
    if len(slips) == 1:
        return (*slips[0], TYPING)
    known = [(abs(value / aim[j] - 1), j, value) for j, value in slips if aim[j] > 0]
    if not slips or len(known) < len(slips):
        return None
    _, j, value = min(known)
    return j, value, TYPING
