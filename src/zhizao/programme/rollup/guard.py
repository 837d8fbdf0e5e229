"""Which figures of regions and industries may be told: one pattern of withheld cells for all indicators of a month.

Indicators share items (revenue stands below two of them), so patterns that were chosen apart would give each other away.
The withheld cells are therefore those of every numerator and denominator together; a cell that one table has to withhold
is withheld in all. Where an enterprise's flag or rate would be told by a cell in which all are alike, or an attack by
linear programme still tells a cell, that indicator withholds more: all but the total, at last the total too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import ZhizaoError
from zhizao.programme.disclosure import (
    TOTAL,
    Axis,
    Rule,
    Table,
    primary,
    protect,
    rule_named,
    stays_unsure,
    tree_axis,
)
from zhizao.programme.indicators.definition import Definition
from zhizao.programme.rollup.kernels import MAX_RATE

__all__ = ["Guard", "contributions", "guard_of", "shared_pattern"]

_ROOM = 0.05
"""Share of a withheld value by which an attacker must stay unsure of it."""
_LINEAR = 4000
"""Most linear programmes; beyond, only cells that are zero are attacked, the others are proven by their pattern."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be told of a month.

    Parameters
    ----------
    axes : region and industry, the total first in each
    reason : by indicator: empty where the cell may be told, else why not (`disclosure.REASONS`); of the axes' shape
    tables : by indicator: numerators and denominators
    rule : by which
    """

    axes: tuple[Axis, Axis]
    reason: dict[str, NDArray[np.str_]]
    tables: dict[str, tuple[Table, Table]]
    rule: Rule

    def reason_of(self, indicator: str, region: str = "", industry: str = "") -> str:
        """Why the figure of a group is withheld; empty when it may be told, or nobody has returned there."""
        place = []
        for axis, code in zip(self.axes, (region, industry), strict=True):
            if (code or TOTAL) not in axis.codes:
                return ""
            place.append(axis.codes.index(code or TOTAL))
        return str(self.reason[indicator][place[0], place[1]])


def contributions(
    definition: Definition, values: Mapping[str, NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each enterprise brings to numerator and denominator; NaN in both where it does not count.

    Parameters
    ----------
    values : by item, one value an enterprise, NaN where none was returned

    Examples
    --------
    >>> from zhizao.programme.indicators import definitions
    >>> held = {"key_processes_nc": np.array([3.0, 1.0]), "key_processes": np.array([4.0, np.nan])}
    >>> [part.tolist() for part in contributions(definitions()["IND08"], held)]
    [[0.75, nan], [1.0, nan]]
    """
    formula = definition.formula
    above = sum((factor * values[key] for key, factor in formula.numerator.items()), np.float64(0.0))
    above = np.asarray(above, dtype=np.float64)
    if formula.of in ("share", "count"):
        return above, np.where(np.isnan(above), np.nan, 1.0)
    below = np.asarray(
        sum((factor * values[key] for key, factor in formula.denominator.items()), np.float64(0.0)), dtype=np.float64
    )
    if formula.of == "ratio":
        none = np.isnan(above) | np.isnan(below)
        return np.where(none, np.nan, above), np.where(none, np.nan, below)
    weight = np.ones_like(above) if formula.weight == "none" else values[formula.weight]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = above / below
    good = np.isfinite(rate) & (below > 0) & (np.abs(rate) <= MAX_RATE) & np.isfinite(weight)
    return np.where(good, rate * weight, np.nan), np.where(good, weight, np.nan)


def guard_of(
    definitions: Sequence[Definition],
    values: Mapping[str, NDArray[np.float64]],
    region: Sequence[str],
    industry: Sequence[str],
    rule: Rule | None = None,
) -> Guard:
    """Decide what may be told of a month.

    Parameters
    ----------
    definitions : all indicators that are told
    values : by item, one value an enterprise
    region, industry : code of each enterprise
    rule : what makes a cell unsafe; the default one when absent
    """
    rule = rule or rule_named()
    axes, tables, common = _pattern(definitions, values, region, industry, rule)
    reason = {one.id: _enough(one, tables[one.id], common, rule) for one in definitions}
    return Guard(axes, reason, tables, rule)


def shared_pattern(
    definitions: Sequence[Definition],
    values: Mapping[str, NDArray[np.float64]],
    region: Sequence[str],
    industry: Sequence[str],
    rule: Rule | None = None,
) -> dict[tuple[str, str], str]:
    """What all indicators of a month withhold together, by region and industry, with the reason; the rest is told.

    Other tables of the same returns have to withhold it too. No attack is made, so this is quick.

    Parameters
    ----------
    definitions, values, region, industry, rule : as for `guard_of`
    """
    axes, _, common = _pattern(definitions, values, region, industry, rule or rule_named())
    rows, columns = (axis.codes for axis in axes)
    return {(rows[r], columns[c]): str(common[r, c]) for r, c in zip(*np.nonzero(common != ""), strict=True)}


def _pattern(
    definitions: Sequence[Definition],
    values: Mapping[str, NDArray[np.float64]],
    region: Sequence[str],
    industry: Sequence[str],
    rule: Rule,
) -> tuple[tuple[Axis, Axis], dict[str, tuple[Table, Table]], NDArray[np.str_]]:
    few = rule.model_copy(update={"dominance": (), "p_percent": None})
    codes = {"region": np.asarray(region, dtype=str), "industry": np.asarray(industry, dtype=str)}
    axes = (tree_axis("region", sorted(set(region))), tree_axis("industry", sorted(set(industry))))
    tables: dict[str, tuple[Table, Table]] = {}
    common: NDArray[np.str_] = np.full(tuple(len(axis.codes) for axis in axes), "", dtype="<U10")
    for one in definitions:
        above, below = contributions(one, values)
        # a value below zero only makes the attacker less sure; sizes decide who stands out
        tables[one.id] = (Table.of(axes, codes, np.abs(above)), Table.of(axes, codes, np.abs(below)))
        for table, strict in zip(tables[one.id], (one.formula.of not in ("share", "count"), True), strict=True):
            common = _both(common, _alone(table, rule if strict else few))
    return axes, tables, common


def _alone(table: Table, rule: Rule) -> NDArray[np.str_]:
    """What one table withholds; where no other cells can hide its unsafe ones, these alone: `_enough` looks again."""
    try:
        return protect(table, rule).reason
    except ZhizaoError:
        return primary(table, rule)[0]


def _both(first: NDArray[np.str_], second: NDArray[np.str_]) -> NDArray[np.str_]:
    """Cells that either withholds; a reason of its own goes before one for another cell's sake."""
    return np.where((first == "") | ((first == "secondary") & (second != "")), second, first)


def _enough(one: Definition, tables: tuple[Table, Table], common: NDArray[np.str_], rule: Rule) -> NDArray[np.str_]:
    above, below = tables
    reason = common
    if one.formula.of in ("share", "mean_of_rates"):
        reason = _both(reason, _alike(above, below, rule))
    if _told(above, reason):
        rest = np.where((reason == "") & (above.count > 0), "secondary", reason)
        rest[0, 0] = reason[0, 0]
        reason = rest
        if _told(above, reason):
            reason = np.where((reason == "") & (above.count > 0), "secondary", reason)
    return np.asarray(reason)


def _alike(above: Table, below: Table, rule: Rule) -> NDArray[np.str_]:
    """Cells in which all enterprises have nothing, or all have everything, and others that hide them."""
    same = (below.count > 0) & ((above.value <= 0) | (above.value >= below.value * (1 - 1e-12)))
    if not same.any():
        return np.full(above.shape, "", dtype="<U10")
    value = above.value + below.value
    top = np.zeros_like(above.largest)
    top[:] = value / max(below.count.max(), 8) / 8  # nobody stands out ...
    top[0] = np.where(same, value, top[0])  # ... but where all are alike, one tells all
    top[1:, same] = 0.0
    shifted = Table(above.axes, value, np.maximum(below.count, 8 * (below.count > 0)), top)
    made = _alone(shifted, rule)
    return np.where(same & (made != ""), "alike", made)


def _told(table: Table, reason: NDArray[np.str_]) -> bool:
    """Whether an attacker tells a withheld cell of enterprises from all that is published."""
    withheld = reason != ""
    cells = np.flatnonzero((withheld & (table.count > 0)).reshape(-1))
    value = table.value.reshape(-1)
    if 2 * len(cells) > _LINEAR:
        cells = cells[value[cells] <= 0]
    if not cells.size:
        return False
    mean = float(value.max()) / max(float(table.count.max()), 1.0)
    need = np.where(value[cells] > 0, _ROOM * value[cells], _ROOM * mean)
    return not stays_unsure(table, withheld, cells, np.maximum(need, 1e-12))
