"""How much of what was expected has come in: by number of returns and by last year's output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.programme.rollup import kernels
from zhizao.programme.rollup.cube import NEVER, Cube
from zhizao.programme.rollup.months import month_label

__all__ = ["Coverage", "coverage"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of each group and month.

    Parameters
    ----------
    by, groups : the level and its groups
    start : number of the first month
    expected : enterprises that are there, shape (groups, months)
    received : of them, those with a return
    late : of the received, those that came after their month's deadline
    output_before : output of the same month a year before, of the expected; CNY
    output_received : of it, that of enterprises whose return of this month has come; CNY
    """

    by: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    start: int
    expected: NDArray[np.int64]
    received: NDArray[np.int64]
    late: NDArray[np.int64]
    output_before: NDArray[np.float64]
    output_received: NDArray[np.float64]

    @property
    def share(self) -> NDArray[np.float64]:
        """Received over expected; NaN where none was expected."""
        return _over(self.received, self.expected)

    @property
    def share_of_output(self) -> NDArray[np.float64]:
        """Share of last year's output whose enterprises have returned; NaN in the first year."""
        return _over(self.output_received, self.output_before)

    def frame(self) -> pl.DataFrame:
        """One row a group and month."""
        g, m = self.expected.shape
        codes = {name: np.repeat([group[k] for group in self.groups], m) for k, name in enumerate(self.by)}
        return pl.DataFrame(
            {
                **codes,
                "month": np.tile([month_label(self.start + k) for k in range(m)], g),
                "expected": self.expected.reshape(-1),
                "received": self.received.reshape(-1),
                "late": self.late.reshape(-1),
                "share": self.share.reshape(-1),
                "share_of_output": self.share_of_output.reshape(-1),
            }
        )


def coverage(cube: Cube, *, by: tuple[str, ...] = (), item: str = "output_cny") -> Coverage:
    """Coverage at a level.

    Parameters
    ----------
    item : the item that stands for a return having come, and by which enterprises weigh

    Examples
    --------
    >>> values = np.array([[[5.0, np.nan, 7.0]]], dtype=np.float32)
    >>> cube, _ = Cube.of(("output_cny",), 24180, values, industry=np.array(["13", "13", "14"]),
    ...     region=np.array(["11"] * 3), size=np.array(["L"] * 3))
    >>> coverage(cube).expected.tolist(), coverage(cube).received.tolist()
    ([[3]], [[2]])
    """
    cells = cube.axes.cells
    counts = np.zeros((3, cube.months, cells), dtype=np.int64)
    weighed = np.zeros((2, cube.months, cells))
    known = cube.arrival is not None
    arrival = cube.arrival if cube.arrival is not None else np.full((1, 1), NEVER, dtype=np.uint8)
    kernels.count_returns(
        cube.values[cube.item(item)], cube.cell, cube.born, cube.died, cube.start, arrival, known, counts, weighed
    )
    by_group = np.swapaxes(cube.axes.collapse(counts, by), 1, 2)
    output = np.swapaxes(cube.axes.collapse(weighed, by), 1, 2)
    return Coverage(by, cube.axes.labels(by), cube.start, by_group[0], by_group[1], by_group[2], output[0], output[1])


def _over(
    part: NDArray[np.int64] | NDArray[np.float64], whole: NDArray[np.int64] | NDArray[np.float64]
) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
