"""From sums to figures: months to years, constant prices, and the four kinds that an indicator can be of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.indicators.definition import Definition, Kind
from zhizao.programme.rollup.months import month_label
from zhizao.programme.rollup.sums import Grid, Sums, decembers

__all__ = ["LEVELS", "Deflators", "Figures", "all_figures", "figure_of", "figures", "ratios_of", "yearly"]

LEVELS: tuple[tuple[str, ...], ...] = ((), ("industry",), ("region",), ("size",), ("industry", "region"))
"""Nation, industry, region, size, industry by region."""

Every = Literal["month", "year"]


@dataclass(frozen=True, slots=True)
class Deflators:
    """Price index of each industry's output by month, any base.

    Parameters
    ----------
    start : number of the first month
    index : above 0, shape (industries, months)
    """

    start: int
    index: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of all definitions at one level.

    Parameters
    ----------
    by : axes of the level, `()` for the nation
    groups : codes of each group
    every : month or year
    periods : number of each month, or year
    definitions : what each figure is
    whole : numerator and denominator in steps of the grid, int64, shape (definitions, 2, groups, periods); exact
    returns : returns behind each figure, shape (definitions, groups, periods)
    value : in the definition's unit, shape (definitions, groups, periods); NaN where there is none
    """

    by: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    every: Every
    periods: tuple[int, ...]
    definitions: tuple[Definition, ...]
    grid: Grid
    whole: NDArray[np.int64]
    returns: NDArray[np.int64]
    value: NDArray[np.float64]

    @property
    def numerator(self) -> NDArray[np.float64]:
        """Numerators in their own unit, shape (definitions, groups, periods)."""
        return _unscaled(self.whole[:, 0], self.grid.exponent[:, 0])

    @property
    def denominator(self) -> NDArray[np.float64]:
        """Denominators in their own unit, shape (definitions, groups, periods)."""
        return _unscaled(self.whole[:, 1], self.grid.exponent[:, 1])

    def labels(self) -> tuple[str, ...]:
        """Periods as text: 2015-01, or 2015."""
        return tuple(month_label(one) if self.every == "month" else str(one) for one in self.periods)

    def place(self, indicator: str) -> int:
        """Place of an indicator.

        Raises
        ------
        InputError : when it is not among the figures
        """
        for place, one in enumerate(self.definitions):
            if one.id == indicator:
                return place
        raise InputError(f"{indicator} is not among the figures", fix="name one that returns can tell", code="unknown")

    def frame(self) -> pl.DataFrame:
        """One row a figure: indicator, version, codes of the level, period, value, numerator, denominator, returns."""
        d, g, p = self.value.shape
        codes = {name: np.tile(np.repeat([group[k] for group in self.groups], p), d) for k, name in enumerate(self.by)}
        return pl.DataFrame(
            {
                "indicator": np.repeat([one.id for one in self.definitions], g * p),
                "version": np.repeat([one.version for one in self.definitions], g * p),
                **codes,
                "period": np.tile(self.labels(), d * g),
                "value": self.value.reshape(-1),
                "numerator": self.numerator.reshape(-1),
                "denominator": self.denominator.reshape(-1),
                "returns": self.returns.reshape(-1),
            }
        )


def figures(
    sums: Sums, *, by: tuple[str, ...] = (), every: Every = "year", deflators: Deflators | None = None
) -> Figures:
    """Figures of every definition at one level.

    A year is made of its months: flows add up, stocks and flags are December's; a year of which a month is not there,
    or not known yet, has no figure. In a month, a ratio of a stock and a flow takes twelve times the flow, so that it stands beside a
    year's. Changes of a month count from the same month of the base year, so that seasons cancel.

    Raises
    ------
    InputError : when a definition wants constant prices and there are no deflators for these months
    """
    return _level(sums, *_periods(sums, every, deflators), by, every)


def all_figures(
    sums: Sums, deflators: Deflators | None = None, levels: tuple[tuple[str, ...], ...] = LEVELS
) -> dict[tuple[tuple[str, ...], str], Figures]:
    """Every indicator at every level, by month and by year; keys are (level, month or year)."""
    both: tuple[Every, Every] = ("month", "year")
    made = {}
    for every in both:
        whole, returns = _periods(sums, every, deflators)
        for by in levels:
            made[by, str(every)] = _level(sums, whole, returns, by, every)
    return made


def ratios_of(whole: NDArray[np.int64], exponent: NDArray[np.int64], definition: Definition) -> NDArray[np.float64]:
    """Scaled ratio from numerator and denominator on the grid, (2, ...) to (...); NaN where nothing was returned."""
    above = np.ldexp(whole[0].astype(np.float64), -int(exponent[0]))
    below = np.ldexp(whole[1].astype(np.float64), -int(exponent[1]))
    if definition.formula.of == "count":
        return np.where(below > 0, above, np.nan) * definition.formula.scale
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below != 0, above / below, np.nan) * definition.formula.scale


def figure_of(
    definition: Definition, ratio: NDArray[np.float64], periods: tuple[int, ...], every: Every = "year"
) -> NDArray[np.float64]:
    """Figures from ratios, by the definition's kind; periods are along the last axis.

    Examples
    --------
    >>> from zhizao.programme.indicators import Formula
    >>> energy = Definition(id="E", zh="能耗", en="energy", unit="percent", direction="decrease", kind=Kind.REDUCTION,
    ...     formula=Formula(of="ratio", numerator={"energy_tce": 1}, denominator={"value_added_cny": 1}), base_year=2015)
    >>> figure_of(energy, np.array([2.0, 1.8, 1.5]), (2015, 2016, 2017)).round(6).tolist()
    [0.0, -10.0, -25.0]
    """
    ratio = np.asarray(ratio, dtype=np.float64)
    if definition.kind is Kind.LEVEL:
        return ratio
    step = 12 if every == "month" else 1
    with np.errstate(divide="ignore", invalid="ignore"):
        if definition.kind is Kind.GROWTH:
            lag = step * int(definition.period_years or 1)
            grown = np.full_like(ratio, np.nan)
            if lag < ratio.shape[-1]:
                quotient = ratio[..., lag:] / ratio[..., :-lag]
                quotient[~(quotient > 0)] = np.nan
                grown[..., lag:] = 100.0 * (quotient ** (1.0 / int(definition.period_years or 1)) - 1.0)
            return grown
        base = np.full_like(ratio, np.nan)
        for place, period in enumerate(periods):
            wanted = int(definition.base_year or 0) * step + (period % 12 if every == "month" else 0)
            if wanted in periods:
                base[..., place] = ratio[..., periods.index(wanted)]
        if definition.kind is Kind.POINTS:
            return np.asarray(ratio - base)
        return np.asarray(100.0 * np.where(base != 0, ratio / base - 1.0, np.nan))


def _level(
    sums: Sums, whole: NDArray[np.int64], returns: NDArray[np.int64], by: tuple[str, ...], every: Every
) -> Figures:
    axes, plan = sums.axes, sums.plan
    table = np.ascontiguousarray(np.moveaxis(axes.collapse(whole, by), 3, 2))
    counted = np.ascontiguousarray(np.moveaxis(axes.collapse(returns, by), 2, 1))
    if every == "month":
        periods = tuple(range(sums.start, sums.start + sums.whole.shape[2]))
    else:
        periods = tuple(int(sums.start + place) // 12 for place in decembers(sums.start, sums.whole.shape[2]))
    silent: NDArray[np.bool_] = np.asarray(
        ~sums.returns.any(axis=2)
    )  # months of which nothing at all is known, shape (definitions, months)
    value = np.full((len(plan.definitions), *table.shape[2:]), np.nan)
    for d, one in enumerate(plan.definitions):
        factor = yearly(plan.over[d]) if every == "month" else 1.0
        ratio = ratios_of(table[d], sums.grid.exponent[d], one) * factor
        ratio[counted[d] == 0] = np.nan
        if every == "year" and ("flow" in plan.over[d] or d in sums.years):
            ends = decembers(sums.start, sums.whole.shape[2])
            ratio[:, [bool(silent[d, end - 11 : end + 1].any()) for end in ends]] = np.nan
        value[d] = figure_of(one, ratio, periods, every)
    return Figures(by, axes.labels(by), every, periods, plan.definitions, sums.grid, table, counted, value)


def _periods(sums: Sums, every: Every, deflators: Deflators | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole sums and returns by period and cell, deflated where the definition says so."""
    plan = sums.plan
    december = decembers(sums.start, sums.whole.shape[2])
    constant = [one.formula.prices == "constant" for one in plan.definitions]
    whole = sums.whole
    if any(constant):
        whole = whole.copy() if every == "month" else whole
    returns = sums.returns.astype(np.int64)
    yearly = np.zeros((len(plan.definitions), 2, december.size, sums.axes.cells), dtype=np.int64)
    counted = np.zeros((len(plan.definitions), december.size, sums.axes.cells), dtype=np.int64)
    for d, one in enumerate(plan.definitions):
        for side in (0, 1):
            monthly = whole[d, side]
            if constant[d] and plan.money[d][side]:
                monthly = _deflated(sums, monthly, one, deflators)
            if every == "month":
                whole[d, side] = monthly
            elif plan.over[d][side] == "flow":
                for y, place in enumerate(december):
                    yearly[d, side, y] = monthly[place - 11 : place + 1].sum(axis=0)
            else:
                yearly[d, side] = monthly[december]
        if d in sums.years and every == "year":
            yearly[d], counted[d] = sums.years[d]
        elif "stock" in plan.over[d]:
            counted[d] = returns[d, december]
        else:
            for y, place in enumerate(december):
                counted[d, y] = returns[d, place - 11 : place + 1].sum(axis=0)
    return (whole, returns) if every == "month" else (yearly, counted)


def _deflated(
    sums: Sums, monthly: NDArray[np.int64], definition: Definition, deflators: Deflators | None
) -> NDArray[np.int64]:
    """Money of each cell at the prices of the base year, on the same grid."""
    months = monthly.shape[0]
    if deflators is None:
        raise InputError(
            "constant prices need deflators", where=definition.id, fix="give price indices by industry and month"
        )
    ahead = sums.start - deflators.start
    if ahead < 0 or ahead + months > deflators.index.shape[1] or deflators.index.shape[0] != len(sums.axes.industry):
        raise InputError(
            f"deflators have shape {deflators.index.shape} from {month_label(deflators.start)}",
            where=definition.id,
            fix=f"give one row an industry, and all months from {month_label(sums.start)} on",
        )
    base = definition.base_year if definition.base_year is not None else sums.start // 12
    first = base * 12 - deflators.start
    if first < 0 or first + 12 > deflators.index.shape[1]:
        raise InputError(
            f"no deflators for the base year {base}", where=definition.id, fix="give price indices for all its months"
        )
    index = deflators.index / deflators.index[:, first : first + 12].mean(axis=1, keepdims=True)
    if not (index > 1 / 16).all():
        raise InputError("a deflator is below a sixteenth of its base year", where=definition.id, fix="check the index")
    table = monthly.reshape(months, *sums.axes.shape)
    prices = index[:, ahead : ahead + months].T[:, :, None, None]
    made: NDArray[np.int64] = np.rint(table / prices).astype(np.int64).reshape(months, -1)
    return made


def yearly(over: tuple[str, str]) -> float:
    """What a month's ratio is multiplied by to stand beside a year's."""
    return {("flow", "stock"): 12.0, ("stock", "flow"): 1.0 / 12.0}.get(over, 1.0)


def _unscaled(whole: NDArray[np.int64], exponent: NDArray[np.int64]) -> NDArray[np.float64]:
    made: NDArray[np.float64] = np.ldexp(whole.astype(np.float64), -exponent.reshape(-1, *[1] * (whole.ndim - 1)))
    return made
