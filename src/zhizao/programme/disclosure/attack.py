"""What an attacker can learn: the least and the most that each withheld cell can be, given all that is published.

The attacker knows the published cells, the sums that tie the table, and that no value is below zero. Linear programmes
(HiGHS) give the sharpest bounds there are; withheld cells that are tied to each other are solved apart from the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from zhizao.errors import ZhizaoError
from zhizao.programme.disclosure.table import Table

__all__ = ["bounds", "exposed"]


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
    value = table.value.reshape(-1)
    low, high = np.zeros(len(wanted)), np.zeros(len(wanted))
    if not hidden.size:
        return wanted, low, high
    column = np.full(value.size, -1)
    column[hidden] = np.arange(hidden.size)
    ties = csr_array(table.ties[:, hidden])
    ties = csr_array(ties[np.flatnonzero(np.diff(ties.indptr))])
    _, group = connected_components(ties.T @ ties, directed=False)
    by_group: dict[int, list[int]] = {}
    for k, cell in enumerate(wanted):
        by_group.setdefault(int(group[column[cell]]), []).append(k)
    for one, attacked in by_group.items():
        mine = np.flatnonzero(group == one)
        part = csr_array(ties[:, mine])
        part = csr_array(part[np.flatnonzero(np.diff(part.indptr))])
        true = value[hidden[mine]]
        unit = max(float(true.max()), 1e-300)
        for k in attacked:
            place = int(np.searchsorted(mine, column[wanted[k]]))
            for sign, into in ((1.0, low), (-1.0, high)):
                cost = np.zeros(mine.size)
                cost[place] = sign
                found = linprog(cost, A_eq=part, b_eq=part @ (true / unit), bounds=(0, None), method="highs")
                if found.status == 3:
                    into[k] = np.inf  # nothing holds it: even the total is withheld
                elif found.status != 0:
                    raise ZhizaoError(f"the attack on {table.label(int(wanted[k]))} was not solved: {found.message}")
                else:
                    into[k] = found.x[place] * unit
    return wanted, low, high


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
