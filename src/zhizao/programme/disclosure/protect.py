"""A table that may leave: unsafe cells withheld, and enough others that nobody recomputes them from the totals.

A cell is protected when the table could be otherwise: when some other table with the same published cells, nothing below
zero, has it higher by its protection level, and some other lower. Each way of protecting finds such tables and withholds
what differs in them, so the finished table carries its own proof; `exposed` attacks it all the same.

- `fast`: one cell after the other, the cheapest product of moves along the axes (hypercubes that know trees);
- `linear`: one cell after the other, the cheapest flow by linear programme (Kelly, Golden and Assad 1992; Fischetti and
  Salazar 2001, section 4); `fast` falls back on it where no product has room;
- `exact`: all cells at once, least value withheld, by mixed-integer programme (Fischetti and Salazar 2001); small tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import block_array, csr_array, eye_array, hstack

from zhizao.errors import InputError, ZhizaoError
from zhizao.programme.disclosure.attack import exposed
from zhizao.programme.disclosure.rule import REASONS, Rule, primary
from zhizao.programme.disclosure.table import Axis, Table

__all__ = ["Method", "ProtectedTable", "protect"]

Method = Literal["fast", "linear", "exact"]

_EXACT_CELLS = 400
_TRIED = 20


@dataclass(frozen=True)
class ProtectedTable:
    """A table with the reason why each withheld cell is withheld.

    Parameters
    ----------
    table : true values; never to be shown where `reason` is not empty
    rule : by which
    reason : empty where the cell may be told, else a key of `REASONS`; of the table's shape
    level : protection level of the sensitive cells, 0 elsewhere
    method : how others were chosen
    """

    table: Table
    rule: Rule
    reason: NDArray[np.str_]
    level: NDArray[np.float64]
    method: Method

    @property
    def withheld(self) -> NDArray[np.bool_]:
        """Cells that are not told."""
        return np.asarray(self.reason != "")

    def published(self) -> NDArray[np.float64]:
        """Values that may leave; NaN where withheld."""
        return np.where(self.withheld, np.nan, self.table.value)

    def exposed(self) -> list[tuple[int, float, float]]:
        """Sensitive cells that a linear programme can tell too closely: none, or something is wrong."""
        return exposed(self.table, self.withheld, self.level)

    def frame(self, lang: str = "en") -> pl.DataFrame:
        """One row a cell: codes, value and count (empty where withheld), reason in words."""
        places = np.unravel_index(np.arange(self.table.value.size), self.table.shape)
        hidden = self.withheld.reshape(-1)
        columns: dict[str, object] = {
            axis.name: np.array(axis.codes)[place] for axis, place in zip(self.table.axes, places, strict=True)
        }
        columns["value"] = pl.Series(self.table.value.reshape(-1)).set(pl.Series(hidden), None)
        columns["count"] = pl.Series(self.table.count.reshape(-1)).set(pl.Series(hidden), None)
        columns["reason"] = [REASONS[str(one)][lang != "zh"] if one else "" for one in self.reason.reshape(-1)]
        return pl.DataFrame(columns)


def protect(table: Table, rule: Rule, *, method: Method = "fast") -> ProtectedTable:
    """Withhold what must not be told, and what would give it away.

    Parameters
    ----------
    table : magnitudes with totals
    rule : what makes a cell unsafe
    method : how other cells are chosen

    Raises
    ------
    InputError : when `exact` is asked of a table with more than 400 cells

    Examples
    --------
    >>> from zhizao.programme.disclosure.rule import rule_named
    >>> from zhizao.programme.disclosure.table import flat_table
    >>> made = protect(flat_table({"r": ["a"] * 4 + ["b"] * 4 + ["c"] * 4}, [90.0, 4, 3, 3] + [25.0] * 4 + [30.0] * 4),
    ...     rule_named())
    >>> made.reason.tolist()
    ['', 'dominance', 'secondary', '']
    """
    if method == "exact" and table.value.size > _EXACT_CELLS:
        raise InputError(
            f"{table.value.size} cells are too many for the exact way", fix="use fast or linear, or a smaller table"
        )
    reason, level = primary(table, rule)
    sensitive = np.flatnonzero(reason.reshape(-1) != "")
    hidden = reason.reshape(-1) != ""
    if sensitive.size:
        if method == "exact":
            hidden = _exact(table, hidden, level.reshape(-1))
        else:
            hidden = _one_by_one(table, hidden, level.reshape(-1), sensitive, fast=method == "fast")
            hidden = _spared(table, hidden, level, sensitive)
    found = reason.reshape(-1).copy()
    found[hidden & (found == "")] = "secondary"
    return ProtectedTable(table, rule, found.reshape(table.shape), level, method)


def _one_by_one(
    table: Table, hidden: NDArray[np.bool_], level: NDArray[np.float64], sensitive: NDArray[np.int64], *, fast: bool
) -> NDArray[np.bool_]:
    hidden = hidden.copy()
    value = table.value.reshape(-1)
    moves: dict[tuple[int, int], NDArray[np.float64]] = {}
    for cell in sensitive[np.argsort(-level[sensitive], kind="stable")]:
        support = _product(table, hidden, value, int(cell), level[cell], moves) if fast else None
        if support is None:
            support = np.flatnonzero(
                _flow(table, hidden, value, int(cell), level[cell])
                | _flow(table, hidden, value, int(cell), -min(level[cell], value[cell]))
            )
        hidden[support] = True
    return hidden


def _product(
    table: Table,
    hidden: NDArray[np.bool_],
    value: NDArray[np.float64],
    cell: int,
    level: float,
    moves: dict[tuple[int, int], NDArray[np.float64]],
) -> NDArray[np.int64] | None:
    """Cells of the cheapest product of moves in which every cell has room; None when no product has."""
    place = [int(k) for k in np.unravel_index(cell, table.shape)]
    if len(place) == 2 and all(axis.is_flat for axis in table.axes):
        return _rectangle(table, hidden, value, cell, level)
    for k, axis in enumerate(table.axes):
        if (k, place[k]) not in moves:
            moves[k, place[k]] = _moves(axis, place[k])
    sets = [moves[k, place[k]] for k in range(len(place))]
    much = float(value.sum()) + 1.0
    room = value >= min(level, value[cell]) if level > 0 else value > 0
    cost = np.where(hidden, 0.0, value)
    cost = np.where(room, cost, much).reshape(table.shape)
    for one in sets:  # each turn sums one axis over the nodes of its moves and puts the moves last
        cost = np.tensordot(cost, one, axes=(0, 1))
    best = np.unravel_index(int(np.argmin(cost)), cost.shape)
    if cost[best] >= much:
        return None
    chosen = [np.flatnonzero(one[k]) for one, k in zip(sets, best, strict=True)]
    made: NDArray[np.int64] = np.ravel_multi_index(np.ix_(*chosen), table.shape).reshape(-1)
    return made


def _rectangle(
    table: Table, hidden: NDArray[np.bool_], value: NDArray[np.float64], cell: int, level: float
) -> NDArray[np.int64] | None:
    """The same where both axes are flat: a move changes two nodes, so a product of moves is a rectangle of four cells."""
    row, column = divmod(cell, table.shape[1])
    least = min(level, value[cell])
    room = value >= least if level > 0 else value > 0
    cost = np.where(room, np.where(hidden, 0.0, value), np.inf).reshape(table.shape)
    cost = np.roll(cost, -1, axis=(0, 1))  # the totals last, as in the moves
    beside, below = cost[row - 1], cost[:, column - 1]
    whole = cost + beside[None, :] + below[:, None] + cost[row - 1, column - 1]
    whole[row - 1], whole[:, column - 1] = np.inf, np.inf
    best = int(np.argmin(whole))
    if not np.isfinite(whole.reshape(-1)[best]):
        return None
    rows, columns = table.shape
    other, across = (best // columns + 1) % rows, (best % columns + 1) % columns
    return np.array(
        [row * columns + column, row * columns + across, other * columns + column, other * columns + across]
    )


def _moves(axis: Axis, node: int) -> NDArray[np.float64]:
    """Nodes that change when something is moved from a leaf under this node to one elsewhere, or to nowhere (the total
    changes too); shape (moves, nodes), 0 and 1."""
    above = axis.above
    under = above[:, node] > 0
    inside, outside = above[under], np.vstack([above[~under], np.zeros((1, above.shape[1]))])
    return np.abs(inside[:, None, :] - outside[None, :, :]).reshape(-1, above.shape[1])


def _flow(
    table: Table, hidden: NDArray[np.bool_], value: NDArray[np.float64], cell: int, by: float
) -> NDArray[np.bool_]:
    """Cells that differ in the cheapest other table in which this cell is larger by `by`."""
    usable = np.flatnonzero((value > 0) | hidden)
    unit = abs(by) or 1.0
    cost = np.where(hidden[usable], 0.0, value[usable] / unit + 1e-9)
    room = value[usable] / unit
    low, high = np.zeros(2 * usable.size), np.concatenate([np.full(usable.size, np.inf), room])
    at = int(np.searchsorted(usable, cell))
    step = 1.0 if by > 0 else -1.0
    low[at] = high[at] = max(step, 0.0)
    low[usable.size + at] = high[usable.size + at] = max(-step, 0.0)
    ties = csr_array(table.ties[:, usable])
    found = linprog(
        np.concatenate([cost, cost]),
        A_eq=hstack([ties, -ties], format="csr"),
        b_eq=np.zeros(ties.shape[0]),
        bounds=np.column_stack([low, high]),
        method="highs",
    )
    if found.status != 0:
        raise ZhizaoError(
            f"{' '.join(table.label(cell))} cannot be protected: {found.message}",
            fix="coarsen the table, or withhold it whole",
        )
    moved = np.abs(found.x[: usable.size] - found.x[usable.size :]) > 1e-9
    made = np.zeros(value.size, dtype=bool)
    made[usable[moved]] = True
    return made


def _spared(
    table: Table, hidden: NDArray[np.bool_], level: NDArray[np.float64], sensitive: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Without those that turn out not to be needed, the largest first; only where few were withheld."""
    others = np.setdiff1d(np.flatnonzero(hidden), sensitive)
    if others.size > _TRIED or sensitive.size > _TRIED:
        return hidden
    hidden = hidden.copy()
    for cell in others[np.argsort(-table.value.reshape(-1)[others], kind="stable")]:
        hidden[cell] = False
        if exposed(table, hidden.reshape(table.shape), level, enough=1):
            hidden[cell] = True
    return hidden


def _exact(table: Table, hidden: NDArray[np.bool_], level: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Least value withheld, by mixed-integer programme: one flow up and one down for each sensitive cell."""
    value = table.value.reshape(-1)
    usable = np.flatnonzero(value > 0)
    n = usable.size
    ties = csr_array(table.ties[:, usable])
    sensitive = np.flatnonzero(hidden[usable])
    low = [hidden[usable].astype(float)]
    high = [np.ones(n)]
    flows = [(k, sign) for k in sensitive for sign in (1.0, -1.0)]
    unit = eye_array(n, format="csr")
    rows: list[list[object]] = []
    for number, (k, sign) in enumerate(flows):
        by = level[usable[k]] if sign > 0 else min(level[usable[k]], value[usable[k]])
        most_up, most_down = np.full(n, 8.0), value[usable] / (by or 1.0)
        most_down = np.minimum(most_down, 8.0)
        for most, direction in ((most_up, sign > 0), (most_down, sign < 0)):
            least = np.zeros(n)
            top = most.copy()
            least[k] = top[k] = 1.0 if direction else 0.0
            low.append(least)
            high.append(top)
            open_ = csr_array((most, (np.arange(n), np.arange(n))), shape=(n, n))
            rows.append(_placed(open_, unit, 2 * number + (0 if most is most_up else 1), 2 * len(flows)))
    balance = block_array(
        [
            [None if other != number else hstack([ties, -ties]) for other in range(len(flows))]
            for number in range(len(flows))
        ],
        format="csr",
    )
    balance = hstack([csr_array((balance.shape[0], n)), balance], format="csr")
    within = block_array(rows, format="csr")
    found = milp(
        np.concatenate([value[usable] / value.max(), np.zeros(2 * n * len(flows))]),
        constraints=[LinearConstraint(balance, 0, 0), LinearConstraint(within, 0, np.inf)],
        integrality=np.concatenate([np.ones(n), np.zeros(2 * n * len(flows))]),
        bounds=Bounds(np.concatenate(low), np.concatenate(high)),
        options={"time_limit": 60.0},
    )
    if found.x is None:
        raise ZhizaoError(f"no pattern was found: {found.message}", fix="use linear, or a coarser table")
    made = np.zeros(value.size, dtype=bool)
    made[usable[found.x[:n] > 0.5]] = True
    return made


def _placed(open_: csr_array, unit: csr_array, at: int, many: int) -> list[object]:
    """One row of blocks: what may flow is nothing where the cell is published."""
    return [open_, *[-unit if k == at else None for k in range(many)]]
