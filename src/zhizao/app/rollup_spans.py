"""Quarters and years of a roll-up, made of the figures of their months.

Flows add up, stocks are those of the last month, as in a year of `zhizao.programme.rollup`. A quarter or a year is told
where each of its months is, and from what these tell: so it can give away nothing that they keep.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.app.rollup_desk import Cell, Month
    from zhizao.programme.rollup import Guard, Plan

__all__ = ["Span", "check_period", "months_of", "spans_of", "year_before"]

_SPAN = re.compile(r"(\d{4})(?:-Q([1-4]))?")


def months_of(period: str) -> tuple[str, ...]:
    """Months of a period: of a quarter three, of a year twelve, of a month itself.

    Examples
    --------
    >>> months_of("2025-Q2"), len(months_of("2025")), months_of("2025-03")
    (('2025-04', '2025-05', '2025-06'), 12, ('2025-03',))
    """
    found = _SPAN.fullmatch(period)
    if found is None:
        return (period,)
    months = range(1, 13) if found[2] is None else range(3 * int(found[2]) - 2, 3 * int(found[2]) + 1)
    return tuple(f"{found[1]}-{month:02d}" for month in months)


def check_period(period: str) -> str:
    """A period as it is written: `2025-06`, `2025-Q2` or `2025`.

    Raises
    ------
    InputError : it is none (`bad_period`)
    """
    from zhizao.programme.returns import check_month

    try:
        for month in months_of(period):
            check_month(month)
    except InputError as error:
        raise InputError(
            f'"{period[:40]}" is no month, quarter or year', fix="write 2025-06, 2025-Q2 or 2025", code="bad_period"
        ) from error
    return period


def spans_of(months: list[str]) -> list[str]:
    """Quarters and years of which every month is there, newest first, years last.

    Examples
    --------
    >>> spans_of(["2025-03", "2025-02", "2025-01", "2024-12"])
    ['2025-Q1']
    """
    there = set(months)
    years = sorted({month[:4] for month in months}, reverse=True)
    quarters = [f"{year}-Q{q}" for year in years for q in (4, 3, 2, 1)]
    return [one for one in (*quarters, *years) if there.issuperset(months_of(one))]


def year_before(period: str) -> str:
    """The same month, quarter or year, a year before."""
    return f"{int(period[:4]) - 1}{period[4:]}"


@dataclass(frozen=True)
class Span:
    """A quarter or a year.

    Parameters
    ----------
    period : which
    months : its months, in order, as they were added up
    plan : what is told
    """

    period: str
    months: tuple[Month, ...]
    plan: Plan

    @property
    def last(self) -> Month:
        """The last month, of which stocks are."""
        return self.months[-1]

    @property
    def guard(self) -> Guard | None:
        """What of the last month may be told; of the others each knows itself."""
        return next((one.guard for one in reversed(self.months) if one.guard is not None), None)

    @property
    def expected(self) -> dict[tuple[str, str], int]:
        """Enterprises that ought to return, by region and industry."""
        return dict(self.last.expected)

    @property
    def unplaced(self) -> tuple[str, ...]:
        """Enterprises of which the tree does not say region and industry."""
        return self.last.unplaced

    @cached_property
    def groups(self) -> dict[str, tuple[str, str]]:
        """Region and industry of each enterprise with a return in some month."""
        return {
            name: (region, industry)
            for one in self.months
            for name, region, industry in zip(one.names, one.region, one.industry, strict=True)
        }

    @cached_property
    def silent(self) -> tuple[str, ...]:
        """Enterprises without a return in any month."""
        return tuple(name for name in self.last.silent if name not in self.groups)

    def owed(self, region: str = "", industry: str = "") -> int:
        """Enterprises that ought to return."""
        return self.last.owed(region, industry)

    def scale(self, indicator: str) -> float:
        """From numerator over denominator to the figure, so that a flow beside a stock is a year's worth."""
        from zhizao.programme.rollup.figures import yearly

        d = [one.id for one in self.plan.definitions].index(indicator)
        worth = yearly(self.plan.over[d])
        many = len(self.months)
        return self.plan.definitions[d].formula.scale * (
            worth / many if worth > 1 else worth * many if worth < 1 else 1
        )

    def together(self, indicator: str, sides: list[tuple[float | None, float | None]]) -> tuple[float | None, ...]:
        """Numerator and denominator of the months, flows added up, stocks of the last; None where one is missing."""
        d = [one.id for one in self.plan.definitions].index(indicator)
        out: list[float | None] = []
        for side in (0, 1):
            parts = [one[side] for one in sides]
            if self.plan.over[d][side] != "flow":
                out.append(parts[-1])
            elif any(one is None for one in parts):
                out.append(None)
            else:
                out.append(float(sum(one for one in parts if one is not None)))
        return tuple(out)

    def cell(self, indicator: str, region: str = "", industry: str = "") -> Cell:
        """Figure of a group, or why it is withheld; returned are the fewest of a month."""
        cells = [one.cell(indicator, region, industry) for one in self.months]
        why = next((one.withheld for one in cells if one.withheld), "")
        if why:
            return replace(cells[-1], value=None, numerator=None, denominator=None, returned=None, withheld=why)
        returned = min(one.returned or 0 for one in cells)
        above, below = self.together(indicator, [(one.numerator, one.denominator) for one in cells])
        if not returned:
            above = below = None
        value = above / below * self.scale(indicator) if above is not None and below else None
        return replace(cells[-1], value=value, numerator=above, denominator=below, returned=returned)
