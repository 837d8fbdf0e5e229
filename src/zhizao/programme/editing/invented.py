"""Signs of made-up figures: digits, round numbers, copies, too smooth series, changes all alike. A sign is no proof.

Each sign gives every enterprise a probability of seeing as much among honest peers: from the distribution of digits
(Benford, 1938; Nigrini, 2012), from how often like returns agree by chance, or from where the enterprise lies among
its cell. The signs of an enterprise are joined by the Cauchy combination (Liu and Xie, 2020), which allows for their
dependence, and the enterprises to look at are chosen so that the expected share of honest ones among them stays under
a stated rate (Benjamini and Hochberg, 1995).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, chi2, norm

from zhizao.errors import InputError
from zhizao.programme.editing.copies import Twin, copies
from zhizao.programme.editing.returns import Returns, period_name
from zhizao.programme.items import items

__all__ = ["SIGNS", "Sign", "Suspicion", "benford", "combine", "discoveries", "suspicions"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

SIGNS = ("first_digit", "second_digit", "last_digit", "round", "copy_of_last_month", "copy_of_peer", "smooth", "alike")

MONTHS = 6
"""Fewest changes between months that a series is judged by."""

DIGITS = 60
"""Fewest figures that digits are judged by."""

LEAST_P = 1e-30

FIRST = np.log10(1 + 1 / np.arange(1, 10))
SECOND = np.array([sum(np.log10(1 + 1 / (10 * f + s)) for f in range(1, 10)) for s in range(10)])


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign at one enterprise.

    Parameters
    ----------
    enterprise : whose figures
    sign : one of `SIGNS`
    strength : -log10 of the probability of as much among honest peers, 0..30
    zh, en : evidence in words
    row : row of `returns` it was seen in, -1 where it is the whole series
    """

    enterprise: str
    sign: str
    strength: float
    zh: str
    en: str
    row: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Suspicion:
    """Signs, joined by enterprise.

    Parameters
    ----------
    signs : of the enterprises chosen, strongest enterprise first
    enterprises : all, in the order of the arrays
    p : joint probability of each, (enterprises,)
    by_sign : probability of each sign, NaN where it could not be judged, (enterprises, signs)
    chosen : whether each enterprise is to be looked at, (enterprises,)
    filers : the same signs of digits by who filled the returns in, where told
    """

    signs: tuple[Sign, ...]
    enterprises: NDArray[np.str_]
    p: Floats
    by_sign: Floats
    chosen: NDArray[np.bool_]
    filers: tuple[Sign, ...] = ()


def benford(figures: Floats) -> tuple[float, float]:
    """Chi-square of the first digits against Benford's law (8 degrees of freedom), and their mean absolute deviation.

    Examples
    --------
    >>> chi, off = benford(1.07 ** np.arange(400))
    >>> chi < 15.5, off < 0.006
    (True, True)
    >>> benford(np.full(100, 5.0))[1] > 0.015
    True
    """
    figures = np.abs(figures[np.isfinite(figures) & (figures != 0)])
    if not len(figures):
        return 0.0, 0.0
    count = np.bincount(_digit(figures, 1), minlength=10)[1:].astype(np.float64)
    want = FIRST * count.sum()
    return float(((count - want) ** 2 / want).sum()), float(np.abs(count / count.sum() - FIRST).mean())


def combine(p: Floats) -> Floats:
    """Joint probability of each row by the Cauchy combination; NaN are left out, (rows,).

    >>> combine(np.array([[0.01, 0.01], [np.nan, 0.2], [0.5, 0.5]])).round(3).tolist()
    [0.01, 0.2, 0.5]
    """
    tame = np.clip(p, LEAST_P, 1 - 1e-3)
    with np.errstate(invalid="ignore"):
        t = np.where(tame < 1e-15, 1 / (np.pi * np.maximum(tame, LEAST_P)), np.tan((0.5 - tame) * np.pi))
    known = ~np.isnan(p)
    count = known.sum(axis=1)
    mean = np.where(known, t, 0.0).sum(axis=1) / np.maximum(count, 1)
    with np.errstate(divide="ignore"):
        joint = np.where(mean > 1e14, 1 / (np.pi * np.maximum(mean, 1e-300)), 0.5 - np.arctan(mean) / np.pi)
    return np.where(count > 0, joint, 1.0)


def discoveries(p: Floats, rate: float) -> NDArray[np.bool_]:
    """Which are chosen so that the expected share of false ones among them is at most `rate`.

    >>> discoveries(np.array([0.001, 0.02, 0.03, 0.9]), 0.05).tolist()
    [True, True, True, False]
    """
    order = np.argsort(p)
    passes = np.flatnonzero(p[order] <= rate * np.arange(1, len(p) + 1) / max(len(p), 1))
    chosen = np.zeros(len(p), dtype=np.bool_)
    if len(passes):
        chosen[order[: passes[-1] + 1]] = True
    return chosen


def suspicions(returns: Returns, *, rate: float = 0.05, show: float = 1e-3) -> Suspicion:
    """Signs of made-up figures at each enterprise.

    Parameters
    ----------
    returns : all that is known, earlier months included
    rate : expected share of honest enterprises among the chosen, 0..1
    show : signs with a higher probability are not named

    Raises
    ------
    InputError : when the rate is not in 0..1
    """
    if not 0 < rate < 1:
        raise InputError(f"a rate of {rate}", fix="give a rate between 0 and 1, such as 0.05")
    names, owner = np.unique(returns.enterprise, return_inverse=True)
    owner = owner.astype(np.int64)
    n = len(names)
    cell = _cell_of(returns, owner, n)
    p = np.full((n, len(SIGNS)), np.nan)
    first, second, last, rounds, counted = _digits(returns, owner, n)
    said: dict[str, Floats] = {}
    for sign, count, law in (("first_digit", first[:, 1:], FIRST), ("second_digit", second, SECOND)):
        p[:, SIGNS.index(sign)], said[sign] = _against(count, law, cell)
    p[:, SIGNS.index("last_digit")], said["last_digit"] = _against(last, np.full(10, 0.1), None)
    usual = max(float(np.median(rounds[counted > 0] / counted[counted > 0])) if (counted > 0).any() else 0.0, 0.01)
    enough = counted >= 10
    p[enough, SIGNS.index("round")] = np.maximum(binom.sf(rounds[enough] - 1, counted[enough], 2 * usual), LEAST_P)
    twins = copies(returns)
    for sign, found in (("copy_of_last_month", twins.last), ("copy_of_peer", twins.peer)):
        column = p[:, SIGNS.index(sign)]
        column[np.unique(owner[found.judged])] = 1.0
        if len(found.rows):
            np.fmin.at(column, owner[found.rows], found.p)
    smooth, changes = _smooth(returns, owner, n, cell)
    p[:, SIGNS.index("smooth")] = smooth
    alike, at = _alike(returns, owner, n)
    p[:, SIGNS.index("alike")] = alike
    joint = combine(np.clip(p, LEAST_P, 1.0))
    chosen = discoveries(joint, rate)
    signs: list[Sign] = []
    for e in sorted(np.flatnonzero(chosen).tolist(), key=lambda one: (joint[one], one)):
        for s in np.argsort(np.nan_to_num(p[e], nan=1.0), kind="stable"):
            if p[e, s] <= max(show, float(np.nanmin(p[e]))):
                zh, en, row = _said(SIGNS[s], e, returns, owner, twins, said, rounds, counted, changes, at)
                signs.append(Sign(str(names[e]), SIGNS[s], float(-np.log10(max(p[e, s], LEAST_P))), zh, en, row))
    return Suspicion(tuple(signs), names, joint, p, chosen, _filers(returns, rate))


def _digit(figures: Floats, which: int) -> Whole:
    """First or second significant digit of figures above 0."""
    scale = np.floor(np.log10(figures) + 1e-12)
    lead = np.floor(figures / 10.0 ** (scale - (which - 1)) + 1e-9).astype(np.int64)
    return np.clip(lead % 10 if which > 1 else lead, 0 if which > 1 else 1, 9)


def _digits(returns: Returns, owner: Whole, n: int) -> tuple[Floats, Floats, Floats, Whole, Whole]:
    """Counts of first, second, last digits by owner; round figures, and figures that could be round.

    A figure that stands as it stood last month is counted once: it says nothing new.
    """
    values = np.where(returns.values == returns.last, np.nan, returns.values)
    first, second, last = np.zeros(n * 10), np.zeros(n * 10), np.zeros(n * 10)
    rounds, counted = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for j, item in enumerate(items().values()):
        if item.over == "flag":
            continue
        told = np.abs(values[:, j])
        some = told >= 10
        key = owner[some] * 10
        first += np.bincount(key + _digit(told[some], 1), minlength=n * 10)
        second += np.bincount(key + _digit(told[some], 2), minlength=n * 10)
        some = (told >= 1000) & (told < 1e15)
        last += np.bincount(owner[some] * 10 + (np.floor(told[some] + 1e-9).astype(np.int64) % 10), minlength=n * 10)
        some = (told >= 10_000) & (told < 1e15)
        rounds += np.bincount(owner[some & (np.mod(told, 1000) == 0)], minlength=n)
        counted += np.bincount(owner[some], minlength=n)
    return first.reshape(n, 10), second.reshape(n, 10), last.reshape(n, 10), rounds, counted


def _cell_of(returns: Returns, owner: Whole, n: int) -> Whole:
    """Number of each enterprise's cell, industry x size, by its last return."""
    code = np.unique(np.char.add(np.char.add(returns.industry, "/"), returns.size), return_inverse=True)[1]
    found = np.zeros(n, dtype=np.int64)
    found[owner] = code
    return found


def _against(count: Floats, law: Floats, cell: Whole | None) -> tuple[Floats, Floats]:
    """Probability of as much distance from a law of digits, and the chi-square, (enterprises,).

    An enterprise's figures keep their size from month to month, so that first digits repeat and plain chi-square
    would blame everybody; its cube root is judged among peers instead, never more strictly than the law itself.
    """
    total = count.sum(axis=1)
    want = np.maximum(total, 1)[:, None] * law
    chi = ((count - want) ** 2 / want).sum(axis=1)
    df = len(law) - 1
    p = np.full(len(chi), np.nan)
    enough = total >= DIGITS
    z = ((chi / df) ** (1 / 3) - (1 - 2 / (9 * df))) / np.sqrt(2 / (9 * df))
    own = chi2.sf(chi, df)
    if cell is not None:
        if enough.sum() < 50:
            return p, chi
        z[enough] = _among(z[enough], cell[enough])
        own = np.maximum(norm.sf(z), own)
    p[enough] = np.maximum(own[enough], LEAST_P)
    return p, chi


def _among(z: Floats, cell: Whole) -> Floats:
    """Robust scores among peers of the cell, or among all where a cell has fewer than twenty."""

    def score(part: Floats) -> Floats:
        middle = np.median(part)
        up = np.quantile(part, 0.84) - middle
        return np.asarray((part - middle) / max(up, 1.0))

    found = score(z)
    order = np.argsort(cell, kind="stable")
    edges = np.flatnonzero(np.diff(cell[order], prepend=-1, append=cell.max(initial=0) + 2))
    for begin, end in pairwise(edges.tolist()):
        if end - begin >= 20:
            rows = order[begin:end]
            found[rows] = score(z[rows])
    return found


def _log_changes(returns: Returns) -> Floats:
    """Logarithms of change against last month of flows of at least 100, NaN elsewhere, (rows, 40)."""
    flow = np.array([i.over == "flow" and not i.signed for i in items().values()])
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(returns.values / returns.last)
    usable = flow & (returns.values >= 100) & (returns.last >= 100)
    return np.where(usable & np.isfinite(change), change, np.nan)


def _smooth(returns: Returns, owner: Whole, n: int, cell: Whole) -> tuple[Floats, Floats]:
    """Probability of series as smooth as this among peers, and the standard deviation of the log changes."""
    change = _log_changes(returns)
    logvar, items_judged = np.zeros(n), np.zeros(n)
    total_var = np.zeros(n)
    for j in range(change.shape[1]):
        known = ~np.isnan(change[:, j])
        if known.sum() < 20 * MONTHS:
            continue
        who, d = owner[known], change[known, j]
        count = np.bincount(who, minlength=n).astype(np.float64)
        mean = np.bincount(who, d, minlength=n) / np.maximum(count, 1)
        var = np.bincount(who, (d - mean[who]) ** 2, minlength=n) / np.maximum(count - 1, 1)
        good = count >= MONTHS
        if good.sum() < 20:
            continue
        level = np.log(var[good] + 1e-10)
        logvar[good] += level - np.median(level)
        total_var[good] += var[good]
        items_judged += good
    p, deviation = np.full(n, np.nan), np.sqrt(total_var / np.maximum(items_judged, 1))
    judged = items_judged >= 3
    if judged.sum() < 20:
        return p, deviation
    p[judged] = np.maximum(norm.sf(_among_low(logvar[judged] / items_judged[judged], cell[judged])), LEAST_P)
    return p, deviation


def _among_low(level: Floats, cell: Whole) -> Floats:
    """How far below its peers a level lies, in their downward spread."""
    middle = np.full(len(level), np.median(level))
    spread = np.full(len(level), max(np.median(level) - np.quantile(level, 0.16), 0.05))
    for c in np.unique(cell):
        here = cell == c
        if here.sum() >= 20:
            middle[here] = np.median(level[here])
            spread[here] = max(np.median(level[here]) - np.quantile(level[here], 0.16), 0.05)
    return np.asarray((middle - level) / spread)


def _alike(returns: Returns, owner: Whole, n: int) -> tuple[Floats, Whole]:
    """Probability that all items change by the same factor as nearly as here, and the row where it was seen."""
    change = _log_changes(returns)
    known = ~np.isnan(change)
    count = known.sum(axis=1)
    p, at = np.full(n, np.nan), np.full(n, -1, dtype=np.int64)
    rows = np.flatnonzero(count >= 6)
    if len(rows) < 50:
        return p, at
    part = np.sort(np.where(known[rows], change[rows], np.inf), axis=1)  # quartiles: some items may stay honest
    count = count[rows]
    each = np.arange(len(rows))
    deviation = part[each, (3 * count) // 4 - (count % 4 == 0)] - part[each, count // 4]
    level = np.log(deviation + 1e-4)
    score = np.zeros(len(rows))
    band = np.minimum(count // 4, 5)  # few items lie close together by chance more easily
    for one in np.unique(band):
        here = band == one
        middle, low = np.quantile(level[here], [0.5, 0.005])
        score[here] = (middle - level[here]) / max((middle - low) / 2.576, 0.05)
    chance = np.maximum(norm.sf(score), LEAST_P)
    most = np.bincount(owner[rows], minlength=n)
    chance = np.minimum(chance * most[owner[rows]], 1.0)  # the month that shows most was picked among all
    order = np.argsort(-chance, kind="stable")
    p[owner[rows][order]] = chance[order]
    at[owner[rows][order]] = rows[order]
    return p, at


def _said(
    sign: str,
    e: int,
    returns: Returns,
    owner: Whole,
    twins: Twin,
    chi: dict[str, Floats],
    rounds: Whole,
    counted: Whole,
    changes: Floats,
    at: Whole,
) -> tuple[str, str, int]:
    if sign in chi:
        word = {"first_digit": ("首位", "first"), "second_digit": ("第二位", "second"), "last_digit": ("末位", "last")}[
            sign
        ]
        return (
            f"{word[0]}数字分布异常，卡方值 {chi[sign][e]:.0f}",
            f"{word[1]} digits are distributed unlike those of peers, chi-square {chi[sign][e]:.0f}",
            -1,
        )
    if sign == "round":
        share = rounds[e] / max(counted[e], 1)
        return f"{share:.0%} 的大数以三个零结尾", f"{share:.0%} of large figures end in three zeros", -1
    if sign == "smooth":
        return (
            f"逐月变化的标准差仅 {changes[e]:.4f}，远低于同类企业",
            f"months change with a standard deviation of {changes[e]:.4f} only, far below peers",
            -1,
        )
    if sign == "alike":
        row = int(at[e])
        month = period_name(int(returns.period[row]))
        return f"{month} 各项目几乎按同一比例变动", f"in {month} all items changed by nearly the same factor", row
    found = twins.last if sign == "copy_of_last_month" else twins.peer
    mine = np.flatnonzero(owner[found.rows] == e)
    i = mine[np.argmin(found.p[mine])]
    row, other = int(found.rows[i]), int(found.others[i])
    month = period_name(int(returns.period[row]))
    same = f"{found.same[i]}/{found.of[i]}"
    if sign == "copy_of_last_month":
        return f"{month} 有 {same} 个数值与上月完全相同", f"in {month}, {same} figures are those of last month", row
    who = returns.enterprise[other]
    return (
        f"{month} 有 {same} 个数值与企业 {who} 相同",
        f"in {month}, {same} figures are those of enterprise {who}",
        row,
    )


def _filers(returns: Returns, rate: float) -> tuple[Sign, ...]:
    """Last digits by who filled the returns in."""
    if not (returns.filer != "").any():
        return ()
    names, owner = np.unique(returns.filer, return_inverse=True)
    _, _, last, _, _ = _digits(returns, owner.astype(np.int64), len(names))
    p, chi = _against(last, np.full(10, 0.1), None)
    p[names == ""] = np.nan
    chosen = discoveries(np.nan_to_num(p, nan=1.0), rate)
    return tuple(
        Sign(
            str(names[f]),
            "last_digit",
            float(-np.log10(p[f])),
            f"填表人 {names[f]} 所报数值末位数字分布异常，卡方值 {chi[f]:.0f}",
            f"last digits of figures filled in by {names[f]} are uneven, chi-square {chi[f]:.0f}",
        )
        for f in np.flatnonzero(chosen)
    )
