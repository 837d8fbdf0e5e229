"""Opening a figure into its parts: what each part's own figure is, and how much of the whole comes from it.

A ratio of sums is the mean of its parts' ratios, weighted by their denominators; so a part brings its numerator over the
whole's denominator. A change brings each part's change of that. Contributions add up to the figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.indicators.definition import Kind
from zhizao.programme.rollup.figures import Deflators, Figures, figures, yearly
from zhizao.programme.rollup.sums import Sums

__all__ = ["Parts", "open_figure"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one figure.

    Parameters
    ----------
    indicator, period : whose parts
    into : axis by which it is opened
    codes : code of each part
    value : figure of each part, in the definition's unit; NaN where it has none
    contribution : what each brings to the whole's figure, in the same unit
    whole : numerator and denominator of each part in steps of the grid, shape (2, parts)
    parent : the whole's figure
    parent_whole : the whole's numerator and denominator; exactly the sums of the parts'
    """

    indicator: str
    period: str
    into: str
    codes: tuple[str, ...]
    value: NDArray[np.float64]
    contribution: NDArray[np.float64]
    whole: NDArray[np.int64]
    parent: float
    parent_whole: NDArray[np.int64]

    def frame(self) -> pl.DataFrame:
        """One row a part, largest contribution first."""
        return pl.DataFrame({self.into: self.codes, "value": self.value, "contribution": self.contribution}).sort(
            pl.col("contribution").abs(), descending=True
        )


def open_figure(
    sums: Sums,
    indicator: str,
    period: str,
    *,
    into: str,
    group: dict[str, str] | None = None,
    deflators: Deflators | None = None,
) -> Parts:
    """Open one figure by one more axis.

    Parameters
    ----------
    period : `2024`, or a month as `2024-06`
    into : industry, region or size
    group : whose figure is opened, as axis to code; the nation's when absent

    Raises
    ------
    InputError : when the figure does not exist, or the axis is fixed by the group already
    """
    group = group or {}
    if into in group:
        raise InputError(f"{into} is {group[into]} already", fix="open by another axis", code="by")
    every = "month" if "-" in period else "year"
    parents = figures(sums, by=tuple(group), every=every, deflators=deflators)  # type: ignore[arg-type]
    children = figures(sums, by=(*group, into), every=every, deflators=deflators)  # type: ignore[arg-type]
    if period not in parents.labels():
        raise InputError(
            f"{period} is not among the periods", fix=f"name {parents.labels()[0]} .. {parents.labels()[-1]}"
        )
    d, p = parents.place(indicator), parents.labels().index(period)
    axes = [name for name in ("industry", "region", "size") if name in group]
    wanted = tuple(group[name] for name in axes)
    if wanted not in parents.groups:
        raise InputError(
            f"{', '.join(wanted)} is no group", fix="take codes of industries, regions and sizes", code="group"
        )
    g = parents.groups.index(wanted)
    names: list[str] = [name for name in ("industry", "region", "size") if name in (*group, into)]
    at = names.index(into)
    rows = [k for k, codes in enumerate(children.groups) if (*codes[:at], *codes[at + 1 :]) == wanted]
    return Parts(
        indicator,
        period,
        into,
        tuple(children.groups[k][at] for k in rows),
        children.value[d, rows, p],
        _contributions(parents, children, d, g, rows, p, yearly(sums.plan.over[d]) if every == "month" else 1.0),
        children.whole[d][:, rows, p],
        float(parents.value[d, g, p]),
        parents.whole[d, :, g, p],
    )


def _contributions(
    parents: Figures, children: Figures, d: int, g: int, rows: list[int], p: int, factor: float
) -> NDArray[np.float64]:
    one = parents.definitions[d]
    step = 12 if parents.every == "month" else 1

    def brought(period: int) -> NDArray[np.float64]:
        """Numerator of each part over the whole's denominator, scaled; its sum is the whole's ratio."""
        above = children.numerator[d, rows, period]
        if one.formula.of == "count":
            return np.asarray(above * one.formula.scale)
        below = parents.denominator[d, g, period]
        return np.asarray(above / below * one.formula.scale * factor) if below else np.full(len(rows), np.nan)

    now = brought(p)
    if one.kind is Kind.LEVEL:
        return now
    if one.kind is Kind.GROWTH:
        before_period = parents.periods[p] - step * int(one.period_years or 1)
    else:
        before_period = int(one.base_year or 0) * step + (parents.periods[p] % 12 if step == 12 else 0)
    if before_period not in parents.periods:
        return np.full(len(rows), np.nan)
    before = brought(parents.periods.index(before_period))
    if one.kind is Kind.POINTS:
        return now - before
    change = now - before
    if one.kind is Kind.REDUCTION:
        return np.asarray(100.0 * change / before.sum()) if before.sum() else np.full(len(rows), np.nan)
    total = change.sum()  # growth: each part's share of the change, times the growth
    return np.asarray(change / total * parents.value[d, g, p]) if total else np.zeros(len(rows))
