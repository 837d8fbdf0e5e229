"""Tables of magnitudes with totals: axes that are flat or trees, values, contributors, and the sums that tie the cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from zhizao.errors import InputError

__all__ = ["TOTAL", "Axis", "Table", "flat_table", "tree_axis"]

TOTAL = "total"
_LARGEST = 3


@dataclass(frozen=True)
class Axis:
    """One axis of a table: nodes of a tree, the root first.

    Parameters
    ----------
    name : such as region
    codes : of the nodes, the root first, parents before children
    parent : place of each node's parent, -1 for the root
    """

    name: str
    codes: tuple[str, ...]
    parent: tuple[int, ...]

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """Places of the nodes that have no children."""
        parents = set(self.parent)
        return tuple(k for k in range(len(self.codes)) if k not in parents)

    @cached_property
    def is_flat(self) -> bool:
        """Whether all nodes stand right under the root."""
        return len(self.codes) > 1 and not any(self.parent[1:])

    @cached_property
    def above(self) -> NDArray[np.float64]:
        """1 where a node is a leaf or stands above it, shape (leaves, nodes)."""
        made = np.zeros((len(self.leaves), len(self.codes)))
        for row, leaf in enumerate(self.leaves):
            node = leaf
            while node >= 0:
                made[row, node] = 1.0
                node = self.parent[node]
        return made


def tree_axis(name: str, leaves: Sequence[str], parent: Mapping[str, str] | None = None) -> Axis:
    """An axis with a total, and groups in between where `parent` names them.

    Parameters
    ----------
    leaves : codes of the finest groups
    parent : code to the code above it; what is not named stands under the total

    Raises
    ------
    InputError : when codes repeat, one is called `total`, or groups go in a circle

    Examples
    --------
    >>> tree_axis("region", ["a", "b", "c"], {"a": "east", "b": "east"}).codes
    ('total', 'c', 'east', 'a', 'b')
    """
    parent = dict(parent or {})
    known = [*dict.fromkeys([*leaves, *parent, *parent.values()])]
    if len(set(leaves)) != len(leaves) or TOTAL in known:
        raise InputError(
            f"codes of {name} repeat, or one is called {TOTAL}", fix="give each code once", code="duplicate"
        )
    if set(leaves) & set(parent.values()):
        raise InputError(f"a leaf of {name} has children", fix="list only the finest groups as leaves")
    order: list[str] = [TOTAL]
    places = [-1]
    left = known
    while left:
        ready = [code for code in left if parent.get(code, TOTAL) in order]
        if not ready:
            raise InputError(f"groups of {name} go in a circle: {', '.join(left)}", fix="let each lead up to the total")
        for code in ready:
            places.append(order.index(parent.get(code, TOTAL)))
            order.append(code)
        left = [code for code in left if code not in ready]
    return Axis(name, tuple(order), tuple(places))


@dataclass(frozen=True)
class Table:
    """A table with all its totals.

    Parameters
    ----------
    axes : of the table
    value : 0 or more, of the axes' shape, totals included
    count : contributors
    largest : the three largest contributions of each cell, shape (3, ...)
    """

    axes: tuple[Axis, ...]
    value: NDArray[np.float64]
    count: NDArray[np.int64]
    largest: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        axes: Sequence[Axis],
        codes: Mapping[str, Sequence[Any] | NDArray[Any]],
        value: Sequence[float] | NDArray[Any],
    ) -> Table:
        """A table from enterprises: codes of their leaves by axis, and a value each.

        NaN is left out: who did not return contributes nothing.

        Raises
        ------
        InputError : when a code is no leaf, lengths differ, or a value is below zero
        """
        given = np.asarray(value, dtype=np.float64)
        kept = ~np.isnan(given)
        if (given[kept] < 0).any() or np.isinf(given).any():
            raise InputError(
                "a contribution is below zero or infinite",
                fix="protect gains and losses as two tables",
                code="negative",
            )
        leaf = []
        for axis in axes:
            place = {axis.codes[k]: row for row, k in enumerate(axis.leaves)}
            found = np.asarray(codes[axis.name])
            unknown = [str(code) for code in np.unique(found) if str(code) not in place]
            if unknown or found.shape != given.shape:
                raise InputError(f"{axis.name}: {', '.join(unknown[:3]) or found.shape}", fix="one leaf's code a value")
            names, inverse = np.unique(found, return_inverse=True)
            leaf.append(np.array([place[str(code)] for code in names], dtype=np.int64)[inverse][kept])
        given = given[kept]
        shape = tuple(len(axis.leaves) for axis in axes)
        cells = np.ravel_multi_index(tuple(leaf), shape) if leaf else np.zeros(len(given), dtype=np.int64)
        many = math.prod(shape)
        total = np.asarray(np.bincount(cells, weights=given, minlength=many), dtype=np.float64).reshape(shape)
        count: NDArray[np.int64] = np.bincount(cells, minlength=many).reshape(shape)
        largest: NDArray[np.float64] = np.zeros((_LARGEST, many))
        order = np.lexsort((-given, cells))
        first = np.searchsorted(cells[order], np.arange(many))
        behind = np.arange(len(order)) - first[cells[order]]  # how many of the cell are larger
        top = behind < _LARGEST
        largest[behind[top], cells[order][top]] = given[order][top]
        largest = largest.reshape(_LARGEST, *shape)
        for k, axis in enumerate(axes):
            under = [np.flatnonzero(column) for column in axis.above.T]
            total = np.stack([total.take(one, axis=k).sum(axis=k) for one in under], axis=k)
            count = np.stack([count.take(one, axis=k).sum(axis=k) for one in under], axis=k)
            largest = np.stack([_top(largest.take(one, axis=k + 1), k + 1) for one in under], axis=k + 1)
        return cls(tuple(axes), total, count, largest)

    @property
    def shape(self) -> tuple[int, ...]:
        """Nodes of each axis."""
        return self.value.shape

    @cached_property
    def ties(self) -> csr_array:
        """Sums that tie the cells, shape (sums, cells): children less parent is nothing."""
        rows, columns, factors = [], [], []
        places = np.arange(self.value.size).reshape(self.shape)
        many = 0
        for k, axis in enumerate(self.axes):
            lines = np.moveaxis(places, k, 0).reshape(len(axis.codes), -1)
            for node in range(len(axis.codes)):
                children = [c for c, above in enumerate(axis.parent) if above == node]
                if not children:
                    continue
                row = many + np.arange(lines.shape[1])
                for one, factor in ((node, -1.0), *((c, 1.0) for c in children)):
                    rows.append(row)
                    columns.append(lines[one])
                    factors.append(np.full(lines.shape[1], factor))
                many += lines.shape[1]
        made = coo_array(
            (np.concatenate(factors), (np.concatenate(rows), np.concatenate(columns))), shape=(many, self.value.size)
        )
        return csr_array(made)

    def label(self, cell: int) -> tuple[str, ...]:
        """Codes of a cell by its flat place."""
        return tuple(axis.codes[k] for axis, k in zip(self.axes, np.unravel_index(cell, self.shape), strict=True))


def _top(largest: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """The largest contributions of several cells together; shape (3, ...) without the axis."""
    if largest.shape[axis] == 1:
        return np.asarray(largest.take(0, axis=axis))
    every = np.moveaxis(largest, axis, 1).reshape(-1, *np.delete(largest.shape, [0, axis]))
    return np.asarray(-np.sort(-every, axis=0)[:_LARGEST])


def flat_table(codes: Mapping[str, Sequence[Any]], value: Sequence[float]) -> Table:
    """A table whose axes have a total and what occurs, nothing in between.

    >>> flat_table({"r": ["a", "a", "b"]}, [1.0, 2.0, 4.0]).value.tolist()
    [7.0, 3.0, 4.0]
    """
    axes = [tree_axis(name, sorted({str(code) for code in column})) for name, column in codes.items()]
    return Table.of(axes, {name: np.asarray(column, dtype=str) for name, column in codes.items()}, value)
