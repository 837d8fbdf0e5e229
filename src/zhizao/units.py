"""Units at the edge: what a user writes ("1.5 h", "3 kWh") becomes the number that a field's name promises."""

from __future__ import annotations

from functools import cache
from typing import Any

from zhizao.errors import InputError

__all__ = ["convert"]


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
