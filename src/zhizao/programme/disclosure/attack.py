"""What an attacker can learn: the least and the most that each withheld cell can be, given all that is published.

The attacker knows the published cells, the sums that tie the table, and that no value is below zero. Linear programmes
(HiGHS) give the sharpest bounds there are; withheld cells that are tied to each other are solved apart from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from zhizao.errors import ZhizaoError
from zhizao.programme.disclosure.table import Table

__all__ = ["bounds", "exposed", "stays_unsure"]


@dataclass(frozen=True)
class _Part:
    """Withheld cells that are tied to each other, and their ties."""

    cells: NDArray[np.int64]
    ties: csr_array
    value: NDArray[np.float64]

    @cached_property
    def places(self) -> dict[int, int]:
        return {cell: k for k, cell in enumerate(self.cells.tolist())}

    def furthest(self, table: Table, cell: int, sign: float) -> NDArray[np.float64] | None:
        """Values of all cells where this one is least (1) or most (-1); None where nothing holds it."""
        unit = max(float(self.value.max()), 1e-300)
        cost = np.zeros(self.cells.size)
        cost[self.places[cell]] = sign
        found = linprog(cost, A_eq=self.ties, b_eq=self.ties @ (self.value / unit), bounds=(0, None), method="highs")
        if found.status == 3:
            return None
        if found.status != 0:
            raise ZhizaoError(f"the attack on {table.label(cell)} was not solved: {found.message}")
        return np.asarray(found.x * unit)


def _parts(table: Table, hidden: NDArray[np.int64]) -> list[_Part]:
    value = table.value.reshape(-1)
    ties = csr_array(table.ties[:, hidden])
    ties = csr_array(ties[np.flatnonzero(np.diff(ties.indptr))])
    _, group = connected_components(ties.T @ ties, directed=False)
    out = []
    for one in np.unique(group):
        mine = np.flatnonzero(group == one)
        part = csr_array(ties[:, mine])
        part = csr_array(part[np.flatnonzero(np.diff(part.indptr))])
        out.append(_Part(hidden[mine], part, value[hidden[mine]]))
    return out


def bounds(
    table: Table, withheld: NDArray[np.bool_], cells: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Sharpest bounds on withheld cells.

    Parameters
    ----------
    withheld : cells that are not published, of the table's shape
    cells : flat places of those that are attacked; all withheld ones when absent

    Returns
    -------
    tuple
        Flat places, least and most, each of shape (cells,).

    Examples
    --------
    >>> from zhizao.programme.disclosure.table import flat_table
    >>> t = flat_table({"r": ["a", "b", "c"]}, [5.0, 7.0, 9.0])
    >>> alone = np.array([False, True, False, False])
    >>> [float(x[0]) for x in bounds(t, alone)[1:]]
    [5.0, 5.0]
    """
    hidden = np.flatnonzero(withheld.reshape(-1))
    wanted = hidden if cells is None else np.asarray(cells)
    low, high = np.zeros(len(wanted)), np.zeros(len(wanted))
    if not hidden.size:
        return wanted, low, high
    place = {int(cell): k for k, cell in enumerate(wanted)}
    for part in _parts(table, hidden):
        for cell in part.cells.tolist():
            if cell not in place:
                continue
            for sign, into in ((1.0, low), (-1.0, high)):
                found = part.furthest(table, cell, sign)
                # nothing holds it: even the total is withheld
                into[place[cell]] = np.inf if found is None else found[part.places[cell]]
    return wanted, low, high


def stays_unsure(
    table: Table, withheld: NDArray[np.bool_], cells: NDArray[np.int64], need: NDArray[np.float64]
) -> bool:
    """Whether the bounds on every one of these cells lie at least so far apart.

    The answer is that of `bounds`, found sooner: a table with other values in four withheld cells, at the corners of a
    rectangle, shows how far apart the bounds of a cell are at least, and so does each table that a linear programme
    finds, for all cells at once. A cell for which no such table is known is attacked itself, and the first one that is
    told ends the search.

    Parameters
    ----------
    withheld : cells that are not published, of the table's shape
    cells : flat places of withheld cells
    need : least distance of the bounds of each

    Examples
    --------
    >>> from zhizao.programme.disclosure.table import flat_table
    >>> t = flat_table({"r": ["a", "a", "b", "b"], "c": ["x", "y", "x", "y"]}, [5.0, 7.0, 9.0, 4.0])
    >>> inner = np.zeros(t.shape, dtype=bool)
    >>> inner[1:, 1:] = True
    >>> corner = np.ravel_multi_index((np.array([1]), np.array([1])), t.shape)
    >>> bounds(t, inner, corner)[1:], stays_unsure(t, inner, corner, np.array([11.0]))
    ((array([1.]), array([12.])), True)
    >>> stays_unsure(t, inner, corner, np.array([13.0]))
    False
    """
    value = table.value.reshape(-1)
    low, high = value.copy(), value.copy()
    if len(table.axes) == 2 and all(axis.is_flat for axis in table.axes):
        down, up = _rectangles(table.value, withheld)
        low, high = value - down.reshape(-1), value + up.reshape(-1)
    hidden = np.flatnonzero(withheld.reshape(-1))
    parts: list[_Part] | None = None
    for cell, least in zip(cells.tolist(), need.tolist(), strict=True):
        if high[cell] - low[cell] >= least:
            continue
        parts = parts or _parts(table, hidden)
        part = next(one for one in parts if cell in one.places)
        for sign in (1.0, -1.0):
            found = part.furthest(table, cell, sign)
            if found is None:
                (low if sign > 0 else high)[cell] = -sign * np.inf
            else:
                low[part.cells] = np.minimum(low[part.cells], found)
                high[part.cells] = np.maximum(high[part.cells], found)
            if high[cell] - low[cell] >= least:
                break
        else:
            return False
    return True


def _rectangles(
    value: NDArray[np.float64], withheld: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each withheld cell of a table of two flat axes can fall and rise by rectangles of withheld cells.

    With the sign of the totals turned, every row and column of the table adds up to nothing, so that what two opposite
    corners gain the other two lose. Below zero no cell falls; a cell whose sign is turned does not rise above it.
    """
    turned = np.zeros(value.shape, dtype=np.bool_)
    turned[0, :] ^= True
    turned[:, 0] ^= True
    rise, fall = np.where(turned, value, np.inf), np.where(turned, np.inf, value)
    rise, fall = np.where(withheld, rise, 0.0), np.where(withheld, fall, 0.0)
    up, down = np.zeros(value.shape), np.zeros(value.shape)
    for row in np.flatnonzero(withheld.any(axis=1)):
        columns = np.flatnonzero(withheld[row])
        others = np.flatnonzero(withheld[:, columns].sum(axis=1) >= 2)
        others = others[others != row]
        for column in columns:
            beside = columns[columns != column]
            if not beside.size or not others.size:
                continue
            opposite = np.ix_(others, beside)
            gains = np.minimum(rise[opposite], np.minimum(fall[row, beside][None, :], fall[others, column][:, None]))
            losses = np.minimum(fall[opposite], np.minimum(rise[row, beside][None, :], rise[others, column][:, None]))
            up[row, column] = min(float(gains.max()), rise[row, column])
            down[row, column] = min(float(losses.max()), fall[row, column])
    return np.where(turned, up, down), np.where(turned, down, up)


def exposed(
    table: Table,
    withheld: NDArray[np.bool_],
    level: NDArray[np.float64],
    *,
    slack: float = 1e-6,
    enough: int | None = None,
) -> list[tuple[int, float, float]]:
    """Sensitive cells that an attacker can tell more closely than their protection level allows.

    Parameters
    ----------
    level : protection level, 0 where none is needed
    slack : share of the level that rounding may take
    enough : stop once so many were found; look at all when absent

    Returns
    -------
    list
        Flat place, least and most of each.
    """
    value, need = table.value.reshape(-1), level.reshape(-1) * (1 - slack)
    bare = np.flatnonzero((need > 0) & ~withheld.reshape(-1))
    found = [(int(cell), float(value[cell]), float(value[cell])) for cell in bare]
    sensitive = np.flatnonzero((need > 0) & withheld.reshape(-1))
    at_once = len(sensitive) if enough is None else 1
    for start in range(0, len(sensitive), max(at_once, 1)):
        if enough is not None and len(found) >= enough:
            break
        cells, low, high = bounds(table, withheld, sensitive[start : start + at_once])
        told = (high - value[cells] < need[cells]) | (value[cells] - low < np.minimum(need, value)[cells])
        found += [(int(c), float(a), float(b)) for c, a, b in zip(cells[told], low[told], high[told], strict=True)]
    return found
