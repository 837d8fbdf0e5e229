"""Returns of many enterprises as one array (items, months, enterprises), with the group of each enterprise.

Enterprises stand in the order of their cell, which is one industry in one region in one size band, so that the sum of a
cell is the sum of a stretch of memory. A value that is NaN was not returned; nothing here takes it for zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.classes import industries, regions, sizes
from zhizao.programme.rollup.kernels import mark_infinite, to_groups
from zhizao.programme.rollup.months import month_label

__all__ = ["NEVER", "Axes", "Cube", "Revisions", "as_of"]

NEVER = 255
"""Arrival of a return that never came."""

_FOREVER = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Axes:
    """What enterprises are grouped by: the codes of each axis, in order.

    Examples
    --------
    >>> axes = Axes.standard()
    >>> axes.cells, axes.labels(("size",))
    (3844, (('L',), ('M',), ('S',), ('X',)))
    """

    industry: tuple[str, ...]
    region: tuple[str, ...]
    size: tuple[str, ...]

    @classmethod
    def standard(cls) -> Axes:
        """31 industries, 31 regions, 4 size bands."""
        return cls(tuple(industries()), tuple(regions()), tuple(sizes()))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of industries, regions, sizes."""
        return len(self.industry), len(self.region), len(self.size)

    @property
    def cells(self) -> int:
        """Number of cells, empty ones included."""
        return int(np.prod(self.shape))

    def labels(self, by: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Groups of a level, in the order in which `collapse` gives them; the nation is one group without codes."""
        groups: list[tuple[str, ...]] = [()]
        for name in self._kept(by):
            groups = [(*group, code) for group in groups for code in getattr(self, name)]
        return tuple(groups)

    def groups(self, by: tuple[str, ...]) -> NDArray[np.int32]:
        """Group of every cell at a level, shape (cells,)."""
        index = np.zeros(self.shape, dtype=np.int32)
        for name in self._kept(by):
            axis = ("industry", "region", "size").index(name)
            place = np.arange(self.shape[axis], dtype=np.int32).reshape([-1 if k == axis else 1 for k in range(3)])
            index = index * self.shape[axis] + place
        return np.broadcast_to(index, self.shape).reshape(-1).astype(np.int32)

    def collapse(self, by_cell: NDArray[Any], by: tuple[str, ...]) -> NDArray[Any]:
        """Sums over the axes that a level leaves out: (..., cells) becomes (..., groups)."""
        rows = np.ascontiguousarray(by_cell).reshape(-1, self.cells)
        made = np.zeros((rows.shape[0], len(self.labels(by))), dtype=by_cell.dtype)
        to_groups(rows, self.groups(by), made)
        return made.reshape(*by_cell.shape[:-1], -1)

    def _kept(self, by: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in by if name not in ("industry", "region", "size")]
        if unknown or len(set(by)) != len(by):
            raise InputError(
                f"{', '.join(by)} is not a level", fix="name industry, region and size, each at most once", code="by"
            )
        return tuple(name for name in ("industry", "region", "size") if name in by)


@dataclass(frozen=True, slots=True)
class Revisions:
    """Values that were returned first and replaced later, one row each.

    Parameters
    ----------
    enterprise, month, item : place in the cube, each of shape (revisions,)
    lag : months after the reference month at which the present value replaced the first one, 1..254
    first : value as it was returned first; NaN when the line had been left empty
    """

    enterprise: NDArray[np.int64]
    month: NDArray[np.int64]
    item: NDArray[np.int64]
    lag: NDArray[np.int64]
    first: NDArray[np.float32]

    @classmethod
    def none(cls) -> Revisions:
        """No revision at all."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(empty, empty, empty, empty, np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Cube:
    """Returns of enterprises that stand in the order of their cells.

    Parameters
    ----------
    items : keys of the items, in the order of the first axis
    start : number of the first month (`month_number`)
    values : float32 or float64, shape (items, months, enterprises); NaN where nothing was returned
    cell : cell of each enterprise, ascending, shape (enterprises,)
    born : number of the month from which each enterprise is expected to return
    died : number of the month from which it is no longer expected
    arrival : months after the reference month at which each return came, shape (months, enterprises), `NEVER` when it
        did not; None when all came in time
    axes : what the cells are made of
    """

    items: tuple[str, ...]
    start: int
    values: NDArray[np.floating[Any]]
    cell: NDArray[np.int32]
    born: NDArray[np.int32]
    died: NDArray[np.int32]
    arrival: NDArray[np.uint8] | None
    axes: Axes

    @classmethod
    def of(
        cls,
        items: tuple[str, ...],
        start: int,
        values: NDArray[np.floating[Any]],
        *,
        industry: NDArray[Any],
        region: NDArray[Any],
        size: NDArray[Any],
        born: NDArray[Any] | None = None,
        died: NDArray[Any] | None = None,
        arrival: NDArray[np.uint8] | None = None,
        axes: Axes | None = None,
    ) -> tuple[Cube, NDArray[np.int64]]:
        """A cube from enterprises in any order, and the order in which it holds them.

        Parameters
        ----------
        industry, region, size : codes of each enterprise, shape (enterprises,)
        born, died : months' numbers; without them every enterprise is expected all the time

        Raises
        ------
        InputError : on shapes that do not fit, an item named twice, a code that is in no axis, or an infinite value

        Examples
        --------
        >>> cube, order = Cube.of(
        ...     ("energy_tce",), 24180, np.ones((1, 12, 2), np.float32),
        ...     industry=np.array(["31", "13"]), region=np.array(["44", "44"]), size=np.array(["L", "S"]))
        >>> order.tolist(), cube.cell.tolist()
        ([1, 0], [74, 2304])
        """
        axes = axes or Axes.standard()
        if values.ndim != 3 or values.shape[0] != len(items):
            raise InputError(
                f"values have shape {values.shape}, items are {len(items)}", fix="shape is (items, months, enterprises)"
            )
        if len(set(items)) != len(items):
            raise InputError("an item is named twice", fix="name each item once", code="duplicate")
        if values.dtype not in (np.float32, np.float64):
            raise InputError(f"values are {values.dtype}", fix="hold them as float32 or float64")
        enterprises = values.shape[2]
        cell = np.zeros(enterprises, dtype=np.int64)
        for name, codes in (("industry", industry), ("region", region), ("size", size)):
            cell = cell * len(getattr(axes, name)) + _places(name, np.asarray(codes), getattr(axes, name), enterprises)
        infinite = np.full(values.shape[:2], -1, dtype=np.int64)
        mark_infinite(values, infinite)
        if (infinite >= 0).any():
            item, month = np.argwhere(infinite >= 0)[0]
            raise InputError(
                f"a value of {items[item]} is infinite",
                where=f"{month_label(start + int(month))}, enterprise {infinite[item, month]}",
                fix="leave it empty (NaN)",
            )
        order = np.argsort(cell, kind="stable")
        sorted_already = bool((order == np.arange(enterprises)).all())
        first = np.zeros(enterprises, np.int32) if born is None else np.asarray(born, np.int32)
        last = np.full(enterprises, _FOREVER, np.int32) if died is None else np.asarray(died, np.int32)
        if not sorted_already:
            values = np.stack([part[:, order] for part in values])
            arrival = None if arrival is None else np.ascontiguousarray(arrival[:, order])
        made = cls(
            items,
            start,
            np.ascontiguousarray(values),
            cell[order].astype(np.int32),
            first[order],
            last[order],
            arrival,
            axes,
        )
        return made, order

    @property
    def months(self) -> int:
        """Number of months."""
        return int(self.values.shape[1])

    @property
    def enterprises(self) -> int:
        """Number of enterprises."""
        return int(self.values.shape[2])

    def starts(self) -> NDArray[np.int64]:
        """First enterprise of each cell, and the end of the last, shape (cells + 1,)."""
        return np.searchsorted(self.cell, np.arange(self.axes.cells + 1)).astype(np.int64)

    def item(self, key: str) -> int:
        """Place of an item.

        Raises
        ------
        InputError : when the cube does not hold it
        """
        if key not in self.items:
            raise InputError(f"{key} is not among the items held", fix="load it too", code="unknown_item")
        return self.items.index(key)

    def part(self, first: int, last: int) -> Cube:
        """The enterprises from `first` to before `last`; values are shared, not copied."""
        arrival = None if self.arrival is None else self.arrival[:, first:last]
        return Cube(
            self.items,
            self.start,
            self.values[:, :, first:last],
            self.cell[first:last],
            self.born[first:last],
            self.died[first:last],
            arrival,
            self.axes,
        )


def as_of(cube: Cube, revisions: Revisions, vintage: int) -> None:
    """Put the values of a cube back, in place, to what was known at the end of a month.

    Months after it, and returns that came after it, become NaN; values that were replaced after it become the first
    ones again.

    Parameters
    ----------
    vintage : number of the month at whose end one looks
    """
    later = revisions.lag + revisions.month + cube.start > vintage
    cube.values[revisions.item[later], revisions.month[later], revisions.enterprise[later]] = revisions.first[later]
    for month in range(cube.months):
        if cube.start + month > vintage:
            cube.values[:, month, :] = np.nan
        elif cube.arrival is not None:
            absent = cube.arrival[month].astype(np.int64) + cube.start + month > vintage
            if absent.any():
                cube.values[:, month, absent] = np.nan


def _places(name: str, codes: NDArray[Any], known: tuple[str, ...], enterprises: int) -> NDArray[np.int64]:
    if codes.shape != (enterprises,):
        raise InputError(f"{name} has {codes.size} codes for {enterprises} enterprises", fix="one code an enterprise")
    if np.issubdtype(codes.dtype, np.integer):  # places already
        if codes.size and not (int(codes.min()) >= 0 and int(codes.max()) < len(known)):
            raise InputError(f"a place in {name} is outside 0..{len(known) - 1}", fix="give places or codes")
        return codes.astype(np.int64)
    found, inverse = np.unique(codes, return_inverse=True)
    unknown = [str(code) for code in found if str(code) not in known]
    if unknown:
        raise InputError(
            f'"{unknown[0]}" is not a code of {name}', where=name, fix=f"codes are {', '.join(known[:4])}, ..."
        )
    return np.array([known.index(str(code)) for code in found], dtype=np.int64)[inverse]
