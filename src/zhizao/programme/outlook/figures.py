"""From yearly ratios to figures by kind, and the scale on which a figure moves without limits.

A share moves on the log-odds, a count on its root, anything else that is positive on the logarithm, a reduction on the logarithm of what is
left, a change in points as it is. On these scales a steady course is a straight line: a reduction compounds, a share
slows down before its ceiling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zhizao.programme.indicators.actuals import Observation
from zhizao.programme.indicators.definition import Definition, Kind

__all__ = ["Scale", "figure_of", "figures_of", "printed_step", "scale_of", "value_error"]

_GRADES = {"high": 0.0, "medium": 0.01, "low": 0.03}


def figure_of(definition: Definition, ratios: Mapping[int, float], year: int) -> float | None:
    """The indicator's figure in a year, from the ratios by year.

    Parameters
    ----------
    definition : whose kind, base year and period hold
    ratios : the formula's ratio by year
    year : of the figure

    Returns
    -------
    float or None
        in the indicator's unit; None where a ratio that it needs is missing or not positive

    Examples
    --------
    >>> from zhizao.programme.indicators import definitions
    >>> found = definitions()
    >>> round(figure_of(found["IND09"], {2015: 1.0, 2020: 0.82}, 2020), 6)
    -18.0
    >>> round(figure_of(found["IND05"], {2015: 100.0, 2020: 143.56}, 2020), 2)
    7.5
    >>> figure_of(found["IND04"], {2015: 21.75, 2020: 23.75}, 2020)
    2.0
    """
    now = ratios.get(year)
    if now is None:
        return None
    if definition.kind is Kind.LEVEL:
        return now
    if definition.kind is Kind.GROWTH:
        span = definition.period_years or 1
        start = ratios.get(year - span)
        return None if start is None or start <= 0 or now <= 0 else 100.0 * ((now / start) ** (1.0 / span) - 1.0)
    base = ratios.get(definition.base_year) if definition.base_year is not None else None
    if base is None:
        return None
    if definition.kind is Kind.POINTS:
        return now - base
    return None if base <= 0 else 100.0 * (now / base - 1.0)


def figures_of(definition: Definition, ratios: Mapping[int, float]) -> dict[int, float]:
    """The figures of all years that have one; see `figure_of`."""
    found = {year: figure_of(definition, ratios, year) for year in sorted(ratios)}
    return {year: value for year, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Scale:
    """How a figure is carried to where it moves without limits, and back.

    Parameters
    ----------
    name : `log_odds`, `log`, `root`, `log_left` or `plain`
    ceiling : upper limit of a share
    """

    name: Literal["log_odds", "log", "root", "log_left", "plain"]
    ceiling: float = 100.0

    def fits(self, value: float) -> bool:
        """Whether the scale can carry the value."""
        if self.name == "log_odds":
            return 0.0 < value < self.ceiling
        return {"log": value > 0.0, "root": value >= 0.0, "log_left": value > -100.0}.get(self.name, True)

    def to(self, value: float) -> float:
        """Onto the scale; the value must fit.

        Examples
        --------
        >>> Scale("log_odds").to(50.0), round(Scale("log_left").to(-18.0), 4)
        (0.0, -0.1985)
        """
        if self.name == "log_odds":
            return math.log(value / (self.ceiling - value))
        if self.name == "log":
            return math.log(value)
        if self.name == "root":
            return math.sqrt(value)
        return math.log1p(value / 100.0) if self.name == "log_left" else value

    def back(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """From the scale; a very long way out ends at the limits."""
        x = np.asarray(x, dtype=np.float64)
        if self.name == "log_odds":
            return self.ceiling / (1.0 + np.exp(-np.clip(x, -700.0, 700.0)))
        if self.name == "log":
            return np.asarray(np.exp(np.clip(x, -700.0, 700.0)), dtype=np.float64)
        if self.name == "root":
            return np.maximum(x, 0.0) ** 2
        return 100.0 * np.expm1(np.clip(x, -700.0, 700.0)) if self.name == "log_left" else x

    def slope(self, value: float) -> float:
        """Derivative of the scale at a value, which carries small errors."""
        if self.name == "log_odds":
            return self.ceiling / (value * (self.ceiling - value))
        if self.name == "root":
            return 0.5 / math.sqrt(max(value, 0.25))
        return {"log": 1.0 / value if value else 1.0, "log_left": 1.0 / (100.0 + value)}.get(self.name, 1.0)


def scale_of(definition: Definition, *, ratios: bool) -> Scale:
    """Scale of an indicator's values.

    Parameters
    ----------
    definition : of the indicator
    ratios : the values are the yearly ratios of a growth; the figure otherwise

    Examples
    --------
    >>> from zhizao.programme.indicators import definitions
    >>> [scale_of(definitions()[key], ratios=False).name for key in ("IND01", "IND04", "IND07", "IND09")]
    ['log', 'plain', 'log_odds', 'log_left']
    """
    if definition.kind is Kind.LEVEL:
        if definition.formula.of == "count":
            return Scale("root")
        return Scale("log") if definition.ceiling is None else Scale("log_odds", definition.ceiling)
    if definition.kind is Kind.REDUCTION:
        return Scale("log_left")
    return Scale("log") if definition.kind is Kind.GROWTH and ratios else Scale("plain")


def printed_step(value: float) -> float:
    """Unit of the last digit in which a value is printed.

    Examples
    --------
    >>> printed_step(83.5), printed_step(66.0), printed_step(1.71)
    (0.1, 1.0, 0.01)
    """
    text = f"{abs(value):.6f}".rstrip("0")
    return float(10.0 ** -len(text.partition(".")[2]))


def value_error(definition: Definition, one: Observation, value: float) -> float:
    """Standard error of a value, in its own unit.

    Its own where it has one; else rounding (uniform over the last digit) and, by confidence, a share of the ratio: none
    for high, 1 % for medium, 3 % for low.

    Parameters
    ----------
    definition : of the indicator
    one : the observation
    value : the value that is used of it: the figure, or the ratio of a growth
    """
    if one.se is not None:
        return one.se
    ratio = one.value if one.ratio or definition.kind is Kind.LEVEL else value
    if definition.kind is Kind.REDUCTION:
        ratio = 100.0 + value
    rounding = printed_step(one.value) / math.sqrt(12.0)
    return math.hypot(rounding, _GRADES[one.confidence] * abs(ratio))
