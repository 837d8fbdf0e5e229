"""Times as machines write them, to the nanosecond."""

from __future__ import annotations

import calendar
import re
from functools import lru_cache

__all__ = ["nanoseconds"]

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,18}))?)?\s*(Z|z|[+-]\d\d:?(?:\d\d)?)?", re.ASCII
)
_LAST_YEAR = 2261


def nanoseconds(text: str) -> int | None:
    """Nanoseconds since 1970 of an ISO 8601 time; without a zone it is UTC, as MTConnect says.

    Parameters
    ----------
    text : date and time; up to nine digits of a second count, further ones are cut

    Returns
    -------
    None when it is not a time from 1970 to 2261

    Examples
    --------
    >>> nanoseconds("2022-08-08T13:51:34.7167146Z")
    1659966694716714600
    >>> nanoseconds("2022-08-08T15:51:34.5+02:00") == nanoseconds("2022-08-08T13:51:34.500")
    True
    >>> nanoseconds("2022-02-30T00:00:00Z") is None
    True
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    whole = _seconds(year, month, day, hour, minute, second or "0", zone or "")
    if whole is None:
        return None
    return whole * 1_000_000_000 + (int(fraction[:9].ljust(9, "0")) if fraction else 0)


@lru_cache(4096)
def _seconds(year: str, month: str, day: str, hour: str, minute: str, second: str, zone: str) -> int | None:
    parts = tuple(int(part) for part in (year, month, day, hour, minute, second))
    y, mo, d, h, mi, s = parts
    # A 61st second is a leap second; 24:00:00 is the end of a day.
    if not (1970 <= y <= _LAST_YEAR and 1 <= mo <= 12 and h <= 24 and mi <= 59 and s <= 60):
        return None
    if not 1 <= d <= calendar.monthrange(y, mo)[1] or (h == 24 and (mi or s)):
        return None
    ahead = 0
    if zone and zone not in "Zz":
        digits = zone[1:].replace(":", "")
        ahead = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
        if ahead > 18 * 3600:
            return None
        ahead = -ahead if zone[0] == "-" else ahead
    whole = calendar.timegm((y, mo, d, h, mi, s, 0, 0, 0)) - ahead
    return whole if whole >= 0 else None
