"""Months and deadlines: when a month begins and ends in a zone, and by when each level has done its part."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from zhizao.errors import InputError
from zhizao.programme.returns.tree import Tree

__all__ = ["bounds", "check_month", "due", "month_before", "months_until"]

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def check_month(text: str, *, where: str = "") -> str:
    """A month as it is written, `2025-06`.

    Raises
    ------
    InputError : it is none (`bad_period`)

    Examples
    --------
    >>> check_month("2025-06")
    '2025-06'
    """
    found = _MONTH.fullmatch(text)
    if found is None or not 1949 <= int(found[1]) <= 2100:
        raise InputError(
            f'"{text[:40]}" is not a month of a return', where=where, fix="write it as 2025-06", code="bad_period"
        )
    return text


def _first(month: str, zone: str) -> datetime:
    return datetime(int(month[:4]), int(month[5:]), 1, tzinfo=ZoneInfo(zone))


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def month_before(month: str) -> str:
    """The month before one.

    Examples
    --------
    >>> month_before("2025-01")
    '2024-12'
    """
    year, number = int(month[:4]), int(month[5:])
    return f"{year:04d}-{number - 1:02d}" if number > 1 else f"{year - 1:04d}-12"


def bounds(month: str, zone: str) -> tuple[datetime, datetime]:
    """First moment of a month and first moment after it, in UTC.

    Examples
    --------
    >>> bounds("2025-06", "Asia/Shanghai")[0].isoformat()
    '2025-05-31T16:00:00+00:00'
    """
    check_month(month)
    return _first(month, zone).astimezone(UTC), _first(_next(month), zone).astimezone(UTC)


def due(month: str, level: str, tree: Tree) -> datetime:
    """When a level has to be done with a month: the end of its day, in UTC.

    Parameters
    ----------
    month : of the return
    level : a `Level`, or `publication`
    tree : has the days and the zone

    Examples
    --------
    >>> from zhizao.programme.returns.tree import tree_of_one
    >>> due("2025-06", "enterprise", tree_of_one("E1", "one", "Asia/Shanghai")).isoformat()
    '2025-07-08T16:00:00+00:00'
    """
    after = _first(_next(check_month(month)), tree.zone) + timedelta(days=tree.deadlines[level])
    return after.astimezone(UTC)


def months_until(now: datetime, zone: str, count: int = 3) -> list[str]:
    """The last months that have ended, oldest first.

    Parameters
    ----------
    now : aware time
    zone : IANA zone in which months end
    count : how many, >= 1

    Examples
    --------
    >>> months_until(datetime(2025, 7, 1, tzinfo=UTC), "Asia/Shanghai", 2)
    ['2025-05', '2025-06']
    """
    local = now.astimezone(ZoneInfo(zone))
    month = f"{local.year:04d}-{local.month:02d}"
    out: list[str] = []
    for _ in range(count):
        month = month_before(month)
        out.append(month)
    return out[::-1]
