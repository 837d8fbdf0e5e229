"""Strata of a frame: cells of industry by size by region, thin ones pooled by a stated rule, the largest taken all.

The rule: cells with fewer units than `least` are pooled with the smallest other cells that differ in one grouping only
(the last, unless told otherwise), until the pool is large enough; what is still thin then does the same over the next.
Take-all units leave their cells for cells of their own, which are never pooled. `assign` puts the units of a later frame
into the strata that were made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zhizao.errors import InputError
from zhizao.programme.survey.columns import Column, Floats, Groups, Ints, groups, numbers, sums

__all__ = ["Moments", "Strata", "assign", "moments", "stratify", "take_all_cutoff"]

TAKE_ALL = "take-all"


@dataclass(frozen=True, slots=True)
class Strata:
    """A frame in strata.

    Parameters
    ----------
    codes : stratum of each unit, shape (N,)
    labels : name of each stratum, groupings joined by `|`, pooled classes by `+`
    size : units in each stratum, shape (H,)
    take_all : strata of which every unit is taken, shape (H,)
    pooled : cells that were pooled with others
    cells : cells in each stratum, as groupings joined by `|`, length H
    """

    codes: Ints
    labels: tuple[str, ...]
    size: Ints
    take_all: np.ndarray[tuple[int], np.dtype[np.bool_]]
    pooled: int
    cells: tuple[tuple[str, ...], ...]

    @property
    def count(self) -> int:
        """How many strata."""
        return len(self.labels)


def stratify(
    by: Sequence[Column], *, take_all: Column | None = None, least: int = 10, pool: Sequence[int] | None = None
) -> Strata:
    """Strata of a frame.

    Parameters
    ----------
    by : groupings, each of shape (N,)
    take_all : 1 for units that are taken whatever happens, shape (N,)
    least : smallest number of units in a stratum that is sampled
    pool : positions of the groupings in the order in which they are given up; last one first when absent

    Raises
    ------
    InputError : when a unit lacks a grouping

    Examples
    --------
    >>> made = stratify([["31"] * 6, ["11", "11", "11", "44", "44", "50"]], least=3)
    >>> made.labels, made.size.tolist(), made.pooled
    (('31|11', '31|44+50'), [3, 3], 2)
    """
    parts = _parts(by)
    n = len(parts[0].codes)
    whole = np.zeros(n, dtype=bool) if take_all is None else numbers(take_all, "take-all", rows=n) > 0
    given_up = list(pool) if pool is not None else list(reversed(range(len(parts))))
    order = list(reversed(given_up))
    cells, place = np.unique(_cells(parts) * 2 + whole, return_inverse=True)
    counts = np.bincount(place)
    digits = np.stack(np.unravel_index(cells // 2, [part.count for part in parts]), axis=1)
    kept = (cells % 2).astype(bool)
    classes: list[list[frozenset[int]]] = [[frozenset((int(row[j]),)) for j in order] for row in digits]
    owner = np.arange(len(cells))
    _pool(classes, owner, counts, kept, least, len(parts))
    strata, codes = np.unique(owner, return_inverse=True)
    labels = []
    for one in strata:
        held = dict(zip(order, classes[one], strict=True))
        names = ["+".join(parts[j].labels[c] for c in sorted(held[j])) for j in range(len(parts))]
        labels.append("|".join([*names, TAKE_ALL] if kept[one] else names))
    inside: list[list[str]] = [[] for _ in labels]
    for row, code in zip(digits, codes, strict=True):
        inside[code].append("|".join(parts[j].labels[c] for j, c in enumerate(row)))
    return Strata(
        codes[place], tuple(labels), np.bincount(codes, weights=counts).astype(np.int64), kept[strata],
        int((np.bincount(codes)[codes] > 1).sum()), tuple(map(tuple, inside)),
    )  # fmt: skip


def _parts(by: Sequence[Column]) -> list[Groups]:
    """Groupings as codes, complete and of one length."""
    parts = [groups(one) for one in by]
    n = len(parts[0].codes) if parts else 0
    if not n:
        raise InputError("the frame has no units", where="frame", fix="name a file with data", code="no_rows")
    for i, part in enumerate(parts):
        if len(part.codes) != n or (part.codes < 0).any():
            bad = int(np.argmax(part.codes < 0)) + 1 if len(part.codes) == n else len(part.codes)
            raise InputError(
                f"{int((part.codes < 0).sum())} units lack grouping {i + 1}",
                where=f"frame, row {bad}",
                fix="fill it in, or leave these units out of the frame",
                code="missing_stratum",
            )
    return parts


def _cells(parts: Sequence[Groups]) -> Ints:
    cell = np.zeros(len(parts[0].codes), dtype=np.int64)
    for part in parts:
        cell = cell * part.count + part.codes
    return cell


def assign(
    by: Sequence[Column],
    labels: Sequence[str],
    cells: Sequence[Sequence[str]],
    *,
    take_all: Column | None = None,
) -> tuple[Strata, Ints]:
    """Units of a frame in strata that were made before, perhaps of another year's frame.

    Parameters
    ----------
    by : groupings, each of shape (N,), in the order in which the strata were made
    labels : strata that were made
    cells : cells of each of them
    take_all : 1 for units that are taken whatever happens, shape (N,)

    Returns
    -------
    tuple of Strata and array
        The strata that have units now, and the position of each among `labels`. A cell that did not exist then goes to
        the stratum that agrees with it in most groupings, the first of these.

    Raises
    ------
    InputError : when a unit lacks a grouping, or no stratum of its kind was made

    Examples
    --------
    >>> made, which = assign([["a", "b", "c"]], ["a", "b+c"], [["a"], ["b", "c"]])
    >>> made.codes.tolist(), which.tolist()
    ([0, 1, 1], [0, 1])
    """
    parts = _parts(by)
    whole = np.zeros(len(parts[0].codes), dtype=bool) if take_all is None else numbers(take_all, "take-all") > 0
    is_whole = [label == TAKE_ALL or label.endswith(f"|{TAKE_ALL}") for label in labels]
    home = {(cell, is_whole[h]): h for h, inside in enumerate(cells) for cell in inside}
    found, place = np.unique(_cells(parts) * 2 + whole, return_inverse=True)
    digits = np.stack(np.unravel_index(found // 2, [part.count for part in parts]), axis=1)
    to = np.empty(len(found), dtype=np.int64)
    for i, (row, kind) in enumerate(zip(digits, found % 2, strict=True)):
        names = [parts[j].labels[c] for j, c in enumerate(row)]
        cell = ("|".join(names), bool(kind))
        if cell not in home:
            alike = [
                (sum(a == b for a, b in zip(names, other.split("|"), strict=False)), -h, h)
                for (other, kept), h in home.items()
                if kept == bool(kind)
            ]
            if not alike:
                raise InputError(
                    f"the design has no {'take-all' if kind else 'sampled'} stratum for {cell[0]}",
                    where="frame",
                    fix="design anew for this frame",
                    code="no_stratum",
                )
            home[cell] = max(alike)[2]
        to[i] = home[cell]
    which, codes = np.unique(to, return_inverse=True)
    size = np.bincount(codes[place], minlength=len(which)).astype(np.int64)
    made = Strata(
        codes[place], tuple(labels[h] for h in which), size, np.array([is_whole[h] for h in which]), 0,
        tuple(tuple(cells[h]) for h in which),
    )  # fmt: skip
    return made, which


def _pool(
    classes: list[list[frozenset[int]]],
    owner: Ints,
    counts: Ints,
    kept: np.ndarray[tuple[int], np.dtype[np.bool_]],
    least: int,
    depth: int,
) -> None:
    """Pool thin cells in place: `owner` becomes the first cell of each pool, `classes` what it holds."""
    size = counts.astype(np.int64)
    for j in reversed(range(depth)):
        alike: dict[tuple[object, ...], list[int]] = {}
        for one in np.unique(owner):
            if not kept[one]:
                # groupings that were given up already need not agree
                alike.setdefault(tuple(classes[one][:j]), []).append(int(one))
        for pool in alike.values():
            pool.sort(key=lambda one: (size[one], one))
            while len(pool) > 1 and size[pool[0]] < least:
                thin, other = pool[0], pool[1]
                first, second = min(thin, other), max(thin, other)
                owner[owner == second] = first
                size[first] += size[second]
                classes[first] = [a | b for a, b in zip(classes[first], classes[second], strict=True)]
                pool = sorted([one for one in pool if one not in (thin, other)] + [first], key=lambda k: (size[k], k))


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums of a variable on the frame, by stratum and domain: what variances are expected from.

    Parameters
    ----------
    size : units of each stratum, shape (H,)
    total : total of each domain, shape (D,)
    spread : N_h times the standard deviation S of the variable (zero outside the domain) in each stratum, shape (D, H)
    rows : units of each domain in each stratum, shape (D, H)
    labels : names of the domains
    """

    size: Ints
    total: Floats
    spread: Floats
    rows: Ints
    labels: tuple[str, ...]


def moments(strata: Strata, y: Column, domains: Groups | None = None) -> Moments:
    """Totals and spreads of a variable on the frame.

    Parameters
    ----------
    strata : strata of the frame
    y : variable, shape (N,)
    domains : domain of each unit; all in one when absent

    Examples
    --------
    >>> made = moments(stratify([["a"] * 4], least=1), [1.0, 2.0, 3.0, 4.0])
    >>> made.spread.round(4), made.total
    (array([[5.164]]), array([10.]))
    """
    values = numbers(y, "size variable", rows=len(strata.codes))
    found = domains or Groups(np.zeros(len(values), np.int64), ("",))
    inside = found.codes >= 0
    cell = found.codes[inside] * strata.count + strata.codes[inside]
    shape = (found.count, strata.count)
    width = found.count * strata.count
    total = sums(cell, values[inside], width).reshape(shape)
    rows = np.bincount(cell, minlength=width).reshape(shape)
    centre = total / strata.size
    # squares about the stratum's mean, units outside the domain counted as zeros
    deviations = (values[inside] - centre.ravel()[cell]) ** 2
    squares = sums(cell, deviations, width).reshape(shape) + (strata.size - rows) * centre**2
    spread = np.asarray(strata.size * np.sqrt(squares / np.maximum(strata.size - 1, 1)), dtype=np.float64)
    return Moments(strata.size, total.sum(axis=1), spread, rows, found.labels)


def take_all_cutoff(x: Column, cv: float) -> tuple[float, int]:
    """Size from which on all units are taken so that the fewest are needed for a wanted precision of the total.

    Parameters
    ----------
    x : size of each unit, not negative, shape (N,)
    cv : wanted coefficient of variation of the total

    Returns
    -------
    tuple of float and int
        The smallest size in the take-all stratum (infinite when there is none), and the units needed in all.

    Notes
    -----
    Hidiroglou (1986), The American Statistician 40, 27-31; searched over all cutoffs, the rest drawn at random.

    Examples
    --------
    >>> take_all_cutoff([1000.0] + [1.0] * 999, 0.01)
    (1000.0, 1)
    """
    sizes = np.sort(numbers(x, "size", low=0.0))[::-1]
    n = len(sizes)
    taken = np.arange(n)
    rest = n - taken
    tail = np.cumsum(sizes[::-1])[::-1]
    squares = np.cumsum((sizes**2)[::-1])[::-1]
    spread = np.maximum(squares - tail**2 / rest, 0) / np.maximum(rest - 1, 1)
    wanted = (cv * sizes.sum()) ** 2
    needed = taken + np.where(spread > 0, rest**2 * spread / (wanted + rest * spread), 0)
    best = int(np.argmin(np.ceil(needed - 1e-9)))
    return (float(sizes[best - 1]) if best else float("inf")), max(int(np.ceil(needed[best] - 1e-9)), 1)
