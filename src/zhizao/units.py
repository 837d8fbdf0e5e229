"""Units at the edge: what a user writes ("1.5 h", "3 kWh") becomes the number that a field's name promises."""

from __future__ import annotations

from functools import cache
from typing import Any

from zhizao.errors import InputError

__all__ = ["convert", "line_between"]


@cache
def _registry() -> Any:
    import pint  # heavy: only when a unit is really converted

    return pint.UnitRegistry()


def convert(text: str | float, to: str, *, where: str = "") -> float:
    """Number in unit `to` from a quantity such as `"90 min"`; a bare number is taken as already in `to`.

    Parameters
    ----------
    text : quantity with unit, or a number
    to : unit that the receiving field's name says, in Pint's spelling (`"s"`, `"kWh"`)
    where : place to name in the error

    Raises
    ------
    InputError : when the text is no quantity or its dimension differs

    Examples
    --------
    >>> convert("1.5 h", "s")
    5400.0
    >>> convert(12, "s")
    12.0
    """
    if isinstance(text, int | float):
        return float(text)
    try:
        return float(text)
    except ValueError:
        pass
    import pint

    try:
        return float(_registry()(text).to(to).magnitude)
    except (pint.PintError, AttributeError, ValueError, TypeError, AssertionError) as error:
        raise InputError(
            f'"{text}" cannot be read as a quantity in {to}',
            where=where,
            fix=f'write a number and a unit, such as "1 {to}"',
            code="bad_unit",
        ) from error


def line_between(unit: str, to: str, *, where: str = "") -> tuple[float, float]:
    """Factor and offset with which numbers in one unit become numbers in another.

    Parameters
    ----------
    unit, to : in Pint's spelling
    where : place to name in the error

    Raises
    ------
    InputError : a unit is not known, or their dimensions differ

    Examples
    --------
    >>> line_between("kW", "W")
    (1000.0, 0.0)
    >>> scale, offset = line_between("degC", "K")
    >>> round(scale, 9), round(offset, 9)
    (1.0, 273.15)
    """
    if unit == to:
        return 1.0, 0.0
    import pint

    try:
        quantity = _registry().Quantity
        zero = float(quantity(0.0, unit).to(to).magnitude)
        return float(quantity(1.0, unit).to(to).magnitude) - zero, zero
    except (pint.PintError, AttributeError, ValueError, TypeError, AssertionError, ZeroDivisionError) as error:
        raise InputError(
            f'"{unit[:40]}" cannot be shown in "{to[:40]}"',
            where=where,
            fix="write a unit of the same kind, such as kW for W; the unit of a tag stands under tags: of plant.yaml",
            code="bad_unit",
        ) from error
