"""Moments at the edge of the journal: aware datetimes outside, whole nanoseconds since 1970 in UTC inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zhizao.errors import InputError

__all__ = ["moment", "nanoseconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(time: datetime) -> int:
    """Nanoseconds since 1970 in UTC of an aware time.

    Raises
    ------
    InputError : the time has no zone

    Examples
    --------
    >>> nanoseconds(datetime(2025, 1, 6, 8, tzinfo=UTC))
    1736150400000000000
    """
    if time.tzinfo is None:
        raise InputError(f"the time {time.isoformat()} has no zone", fix="give an aware datetime", code="naive_time")
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000


def moment(ns: int) -> datetime:
    """Time of so many nanoseconds since 1970, to the microsecond.

    Examples
    --------
    >>> moment(1736150400000000000).isoformat()
    '2025-01-06T08:00:00+00:00'
    """
    return _EPOCH + timedelta(microseconds=ns // 1000)
