"""Months as whole numbers, so that arrays can be cut by them: twelve times the year, plus the month from zero."""

from __future__ import annotations

import re

from zhizao.errors import InputError

__all__ = ["month_label", "month_number"]

_MONTH = re.compile(r"(\d{4})-(\d{2})")


def month_number(text: str, *, where: str = "") -> int:
    """Number of a month written as `2015-01`.

    Raises
    ------
    InputError : when the text is no month of the years 1900 to 2199

    Examples
    --------
    >>> month_number("2015-01"), month_number("2015-12") - month_number("2015-01")
    (24180, 11)
    """
    found = _MONTH.fullmatch(text)
    if found is None or not 1900 <= int(found[1]) < 2200 or not 1 <= int(found[2]) <= 12:
        raise InputError(f'"{text}" is not a month', where=where, fix="write it as 2024-06", code="bad_month")
    return int(found[1]) * 12 + int(found[2]) - 1


def month_label(number: int) -> str:
    """A month's number as text.

    >>> month_label(24180)
    '2015-01'
    """
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
