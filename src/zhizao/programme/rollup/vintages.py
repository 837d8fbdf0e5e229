"""Revision triangles: a month's figure as it was known at each later month, and by how much it moved.

Late returns enter by their arrival, replaced values by what stood there first. All additions are of whole numbers, so the
last column of a triangle is the present figure to the last digit once every return of the month has come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.indicators.definition import Definition
from zhizao.programme.rollup import kernels
from zhizao.programme.rollup.cube import NEVER, Cube, Revisions
from zhizao.programme.rollup.figures import ratios_of, yearly
from zhizao.programme.rollup.months import month_label
from zhizao.programme.rollup.sums import arrays_of, grid_of, magnitudes, plan_of

__all__ = ["Triangle", "revision_triangle"]


@dataclass(frozen=True, slots=True)
class Triangle:
    """The monthly ratio of one definition at current prices, reference month by months since.

    Parameters
    ----------
    definition : what it is
    by, groups : the level and its groups
    start : number of the first reference month
    ratio : as known so many months after the reference month, shape (groups, months, lags); NaN beyond `known_until`
    returns : returns behind it, same shape
    whole : numerator and denominator in steps of the grid, shape (2, groups, months, lags)
    """

    definition: Definition
    by: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    start: int
    ratio: NDArray[np.float64]
    returns: NDArray[np.int64]
    whole: NDArray[np.int64]

    def revision(self) -> NDArray[np.float64]:
        """Last known less first known, shape (groups, months)."""
        known = ~np.isnan(self.ratio)
        last = known.shape[2] - 1 - np.argmax(known[:, :, ::-1], axis=2)
        newest = np.take_along_axis(self.ratio, last[:, :, None], axis=2)[:, :, 0]
        return np.asarray(newest - self.ratio[:, :, 0])

    def frame(self) -> pl.DataFrame:
        """One row a group, reference month and vintage that is known."""
        g, m, lags = self.ratio.shape
        month = self.start + np.arange(m)
        codes = {name: np.repeat([group[k] for group in self.groups], m * lags) for k, name in enumerate(self.by)}
        vintage = (month[:, None] + np.arange(lags)).reshape(-1)
        made = pl.DataFrame(
            {
                **codes,
                "month": np.tile(np.repeat([month_label(int(one)) for one in month], lags), g),
                "vintage": np.tile([month_label(int(one)) for one in vintage], g),
                "value": self.ratio.reshape(-1),
                "returns": self.returns.reshape(-1),
            }
        )
        return made.filter(pl.col("value").is_not_nan())


def revision_triangle(
    cube: Cube,
    revisions: Revisions,
    definition: Definition,
    *,
    by: tuple[str, ...] = (),
    lags: int = 12,
    known_until: int | None = None,
) -> Triangle:
    """A definition's monthly ratio as it was known 0, 1, ... months after each reference month.

    Parameters
    ----------
    cube : present values
    revisions : first values of lines that were replaced
    lags : months after the reference month that are told, 0 to 60
    known_until : number of the last month that has been; the cube's last when absent

    Raises
    ------
    InputError : when the definition cannot be made from returns
    """
    plan = plan_of([definition])
    if not plan.definitions or not 0 <= lags <= 60:
        raise InputError(
            f"no triangle of {definition.id} over {lags} months", fix="name a definition made of returns, 0 to 60"
        )
    arrival = cube.arrival if cube.arrival is not None else np.zeros(cube.values.shape[1:], dtype=np.uint8)
    firsts = revisions.first[np.isfinite(revisions.first)]
    counts = magnitudes(cube)
    np.add.at(counts, (revisions.item[np.isfinite(revisions.first)], (firsts.view(np.int32) >> 23) & 255), 1)
    grid = grid_of(plan, cube.items, counts)
    way, term_from, term_item, term_factor, weight = arrays_of(plan, cube)
    groups = cube.axes.groups(by)
    shape = (1, 2, lags + 1, cube.months, len(cube.axes.labels(by)))
    whole, returns = np.zeros(shape, dtype=np.int64), np.zeros((1, *shape[2:]), dtype=np.int64)
    terms = (way, term_from, term_item, term_factor, weight, np.ldexp(1.0, grid.exponent))
    kernels.add_up_by_lag(cube.values, groups[cube.cell], arrival, *terms, whole, returns)
    known, counted = np.cumsum(whole[0], axis=1), np.cumsum(returns[0], axis=0)
    for lag, patch, seen in _before(cube, revisions, arrival, groups, terms, lags, shape):
        known[:, lag] += patch
        counted[lag] += seen
    ratio = ratios_of(known, grid.exponent[0], plan.definitions[0]) * yearly(plan.over[0])
    until = cube.start + cube.months - 1 if known_until is None else known_until
    beyond = cube.start + np.arange(cube.months)[None, :] + np.arange(lags + 1)[:, None] > until
    ratio[beyond] = np.nan
    return Triangle(
        definition,
        by,
        cube.axes.labels(by),
        cube.start,
        np.ascontiguousarray(np.moveaxis(ratio, (0, 1, 2), (2, 1, 0))),
        np.ascontiguousarray(np.moveaxis(counted, (0, 1, 2), (2, 1, 0))),
        np.ascontiguousarray(np.moveaxis(known, (1, 2, 3), (3, 2, 1))),
    )


def _before(
    cube: Cube,
    revisions: Revisions,
    arrival: NDArray[np.uint8],
    groups: NDArray[np.int32],
    terms: tuple[NDArray[np.generic], ...],
    lags: int,
    shape: tuple[int, ...],
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """For each lag, what returns that were replaced later count more or less than they do now."""
    if not revisions.lag.size:
        return
    place = revisions.month * cube.enterprises + revisions.enterprise
    for lag in range(min(lags, int(revisions.lag.max()) - 1) + 1):
        there = (revisions.lag > lag) & (arrival[revisions.month, revisions.enterprise] <= min(lag, NEVER - 1))
        touched, inverse = np.unique(place[there], return_inverse=True)
        if not touched.size:
            continue
        month, enterprise = np.divmod(touched, cube.enterprises)
        now = np.ascontiguousarray(cube.values[:, month, enterprise])
        then = now.copy()
        then[revisions.item[there], inverse] = revisions.first[there]
        patch, seen = np.zeros((2, *shape[3:]), dtype=np.int64), np.zeros(shape[3:], dtype=np.int64)
        for sign, lines in ((1, then), (-1, now)):
            above, below, complete = kernels.lines_of(lines, *terms)
            np.add.at(patch[0], (month, groups[cube.cell[enterprise]]), sign * above)
            np.add.at(patch[1], (month, groups[cube.cell[enterprise]]), sign * below)
            np.add.at(seen, (month, groups[cube.cell[enterprise]]), sign * complete)
        yield lag, patch, seen
