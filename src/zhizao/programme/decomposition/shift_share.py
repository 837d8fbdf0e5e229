"""Shift-share: a region's change as the nation's growth, its mix of industries, and its own advantage."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import polars as pl

from zhizao.errors import InputError
from zhizao.programme.composite.structure import Floats
from zhizao.programme.decomposition.cells import grid

__all__ = ["COMPONENTS", "ShiftShare", "components", "shift_share"]

COMPONENTS = {
    "classic": ("national", "mix", "competitive"),
    "esteban-marquillas": ("national", "mix", "competitive", "allocation"),
}


def components(before: Floats, after: Floats, method: str = "classic") -> Floats:
    """Components of the change of every region and industry.

    Parameters
    ----------
    before, after : shape `(regions, industries)`, zero or more
    method : `classic`, or `esteban-marquillas`, which frees the competitive effect of the region's mix and shows what
        specialisation adds as allocation

    Returns
    -------
    Floats
        Shape `(regions, industries, components)`; sums over components to the change.

    Notes
    -----
    A cell or industry that begins at zero has no rate of growth: what comes is its own (competitive) in the classic form.
    In the other form the homothetic level of a cell that begins at zero has no rate either, so all of it is allocation.

    Examples
    --------
    >>> found = components(np.array([[10.0, 20.0], [30.0, 40.0]]), np.array([[12.0, 20.0], [33.0, 45.0]]))
    >>> found.sum(axis=2).round(9).tolist()
    [[2.0, 0.0], [3.0, 5.0]]

    References
    ----------
    Dunn 1960; Esteban-Marquillas 1972.
    """
    total, later = before.sum(), after.sum()
    if not total > 0:
        raise InputError("the total of the first year is zero", where="shift-share", fix="begin later", code="no_base")
    nation = later / total - 1
    industry, grown = before.sum(axis=0), after.sum(axis=0)
    rate = np.where(industry > 0, grown / np.where(industry > 0, industry, 1.0) - 1, 0.0)
    national = before * nation
    mix = before * (rate - nation)
    own = after - before - before * rate
    if method == "classic":
        return np.stack([national, mix, own], axis=-1)
    if method != "esteban-marquillas":
        raise InputError(
            f'"{method}" is no form of shift-share', where="shift-share", fix=f"choose {', '.join(COMPONENTS)}"
        )
    homothetic = before.sum(axis=1, keepdims=True) * (industry / total)
    grew = np.where(before > 0, after / np.where(before > 0, before, 1.0) - 1 - rate, 0.0)
    competitive = homothetic * grew
    return np.stack([national, mix, competitive, own - competitive], axis=-1)


@dataclass(frozen=True, slots=True)
class ShiftShare:
    """Shift-share over years.

    Parameters
    ----------
    years, regions, industries : in order
    names : of the components
    dynamic : whether the years were taken one by one
    cells : components over the span, shape `(regions, industries, components)`
    steps : components from year to year, shape `(years - 1, regions, industries, components)`; one step when not dynamic
    change : shape `(regions, industries)`
    """

    years: tuple[str, ...]
    regions: tuple[str, ...]
    industries: tuple[str, ...]
    names: tuple[str, ...]
    dynamic: bool
    cells: Floats
    steps: Floats
    change: Floats

    def table(self, by: Literal["region", "industry"] = "region") -> pl.DataFrame:
        """Change and components by region or industry; rows sum to the change."""
        axis = 1 if by == "region" else 0
        over = self.cells.sum(axis=axis)
        return pl.DataFrame(
            {
                by: self.regions if by == "region" else self.industries,
                "change": self.change.sum(axis=axis),
                **{name: over[:, k] for k, name in enumerate(self.names)},
            }
        )


def shift_share(
    frame: pl.DataFrame,
    *,
    value: str,
    region: str,
    industry: str,
    time: str,
    method: str = "classic",
    dynamic: bool = False,
    where: str = "data",
) -> ShiftShare:
    """Shift-share of a table of regions, industries and years.

    Parameters
    ----------
    frame : one row per region, industry and year
    value : column such as persons employed or value added
    region, industry, time : columns
    method : `classic` or `esteban-marquillas`
    dynamic : year by year with the base moved along, added up; else from the first to the last year at once
    where : name of the table, for messages

    Examples
    --------
    >>> data = pl.DataFrame(
    ...     {"r": ["n", "n", "s", "s"] * 2, "i": ["13", "31"] * 4, "y": [1] * 4 + [2] * 4, "v": [4, 6, 5, 5, 5, 6, 7, 9]}
    ... )
    >>> table = shift_share(data, value="v", region="r", industry="i", time="y").table()
    >>> table.select(pl.col(pl.Float64).round(3)).rows()
    [(1.0, 3.5, 0.015, -2.515), (6.0, 3.5, -0.015, 2.515)]

    References
    ----------
    Dunn 1960; Esteban-Marquillas 1972; Barff and Knight 1988 (dynamic).
    """
    cells = grid(frame, values=[value], by=[region, industry], time=time, where=where)
    if (cells.values < 0).any():
        raise InputError(
            f"a value below zero: {cells.values.min():.6g}",
            where=where,
            fix="shares need zero or more",
            code="negative",
        )
    regions = tuple(sorted({label[0] for label in cells.labels}))
    industries = tuple(sorted({label[1] for label in cells.labels}))
    full = np.zeros((len(cells.years), len(regions), len(industries)))
    for c, (r, i) in enumerate(cells.labels):
        full[:, regions.index(r), industries.index(i)] = cells.values[:, c, 0]
    used = full if dynamic else full[[0, -1]]
    steps = np.stack([components(a, b, method) for a, b in pairwise(used)])
    return ShiftShare(
        cells.years,
        regions,
        industries,
        COMPONENTS[method],
        dynamic,
        np.asarray(steps.sum(axis=0), dtype=np.float64),
        steps,
        full[-1] - full[0],
    )
