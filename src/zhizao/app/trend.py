"""Trends behind page, route and command: signals over a span in so many points, extremes never lost, gaps shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.model import is_good
from zhizao.record.historian.kernels import telling
from zhizao.units import line_between

if TYPE_CHECKING:
    from zhizao.model import TagCard
    from zhizao.record.historian import Historian

__all__ = ["MOST_POINTS", "MOST_TAGS", "STEPS_S", "Trend", "table", "trend", "trends"]

MOST_TAGS = 12
MOST_POINTS = 20_000
STEPS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800)
"""Seconds of an interval, where samples are put together: whole minutes or hours."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A signal over a span.

    Parameters
    ----------
    tag : name
    unit : of the values; empty for none
    every_s : seconds of an interval; 0 where the points are samples
    samples : how many there are in the span; None where nobody counted them
    at : ns of each point; where it is an interval, of its beginning
    value : sample, or mean weighed by time; nan is a gap (bad, or nothing known)
    low, high : least and greatest in each interval; empty where the points are samples
    text : of each point, for signals that are texts; empty for others
    """

    tag: str
    unit: str
    every_s: float
    samples: int
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    low: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    high: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    text: Sequence[str | None] = ()


def ns_of(time: datetime) -> int:
    """Nanoseconds of an aware time.

    >>> from datetime import UTC
    >>> ns_of(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000000
    """
    return round(time.timestamp() * 1e6) * 1000


def trend(historian: Historian, tag: str, begin: int, end: int, points: int, *, unit: str = "", own: str = "") -> Trend:
    """A signal over a span: samples where there are few, else the telling ones, else minutes or hours.

    Parameters
    ----------
    historian : to ask
    tag : name
    begin, end : ns, begin <= at < end
    points : about how many are wanted; samples may be up to five for four
    unit : in which values are told; empty for that of the tag
    own : unit of the tag

    Raises
    ------
    InputError : there is no such tag, the span is empty, or the unit does not fit
    """
    if end <= begin or begin < 0:
        raise InputError("the end is not after the beginning", where=tag, fix="give a later end", code="bad_range")
    if not 4 <= points <= MOST_POINTS:
        raise InputError(
            f"{points} points are not from 4 to {MOST_POINTS}", where="points", fix="ask for 1000", code="bad_points"
        )
    scale, offset = line_between(own, unit, where=tag) if unit else (1.0, 0.0)
    shown = unit or own
    step = next((one for one in STEPS_S if one * points >= (end - begin) / 1e9), STEPS_S[-1])
    if (end - begin) / 1e9 > 60 * points and not _is_text(historian, tag):
        every = step * 1_000_000_000
        while (end - begin) / every > points:
            every *= 2
        first = begin // every * every
        found = historian.figures(tag, first, end, every)
        mean, low, high = (found[name].fill_null(np.nan).to_numpy() for name in ("mean", "min", "max"))
        low, high = np.fmin(low, mean), np.fmax(high, mean)
        if scale < 0:
            low, high = high, low
        return Trend(
            tag, shown, every / 1e9, int(found["samples"].sum()),
            found["begin"].dt.epoch("ns").to_numpy(), mean * scale + offset, low * scale + offset, high * scale + offset,
        )  # fmt: skip
    rows = historian.rows(tag, begin, end)
    good = is_good(rows.quality)
    count = len(rows)
    if (rows.word >= 0).any():
        change = np.append(True, (np.diff(rows.word) != 0) | (np.diff(good.astype(np.int8)) != 0))[:count]
        rows, good = rows[change], good[change]
        if len(rows) > points:
            rows, good = rows[-points:], good[-points:]
    elif count > points:
        out = np.empty(count, np.int64)
        kept = out[: telling(rows.at, rows.value, good, begin, end, max(points // 4, 1), out)]
        rows, good = rows[kept], good[kept]
    value = np.where(good, rows.value, np.nan) * scale + offset
    texts = [historian.text(one) if fine else None for one, fine in zip(rows.word.tolist(), good.tolist(), strict=True)]
    held = historian.before(tag, begin)
    at = rows.at
    if len(held) and (not len(at) or at[0] > begin):  # what held at the beginning
        fine = bool(is_good(held.quality)[0])
        at, value = np.append(begin, at), np.append(held.value[0] * scale + offset if fine else np.nan, value)
        texts.insert(0, historian.text(int(held.word[0])) if fine else None)
    return Trend(tag, shown, 0.0, count, at, value, text=texts if any(texts) else ())


def _is_text(historian: Historian, tag: str) -> bool:
    last = historian.last([tag])
    return bool(last.height) and last["text"][0] is not None


def trends(
    historian: Historian,
    tags: Sequence[str],
    begin: int,
    end: int,
    points: int,
    *,
    units: Sequence[str] = (),
    cards: Mapping[str, TagCard] | None = None,
) -> list[Trend]:
    """Several signals over one span.

    Parameters
    ----------
    historian, begin, end, points : as in `trend`
    tags : names, at most `MOST_TAGS`
    units : in which each is told; empty for its own
    cards : what the plant knows of tags

    Raises
    ------
    InputError : as in `trend`; or there are too many
    """
    if not 1 <= len(tags) <= MOST_TAGS:
        raise InputError(
            f"{len(tags)} tags are not from 1 to {MOST_TAGS}", where="tag", fix="name fewer", code="too_many_tags"
        )
    known = cards or {}
    return [
        trend(
            historian, tag, begin, end, points,
            unit=units[k] if k < len(units) else "", own=known[tag].unit if tag in known else "",
        )
        for k, tag in enumerate(tags)
    ]  # fmt: skip


def table(found: Sequence[Trend]) -> pl.DataFrame:
    """Trends as one table: tag, time, value, least, greatest, text, unit.

    Parameters
    ----------
    found : trends
    """
    parts = []
    for one in found:
        many = len(one.at)
        empty = np.full(many, np.nan)
        parts.append(
            pl.DataFrame(
                {
                    "tag": pl.Series([one.tag] * many, dtype=pl.String),
                    "at": pl.from_epoch(pl.Series(one.at, dtype=pl.Int64), "ns").dt.replace_time_zone("UTC"),
                    "value": pl.Series(one.value).fill_nan(None),
                    "min": pl.Series(one.low if len(one.low) else empty).fill_nan(None),
                    "max": pl.Series(one.high if len(one.high) else empty).fill_nan(None),
                    "text": pl.Series(list(one.text) or [None] * many, dtype=pl.String),
                    "unit": pl.Series([one.unit] * many, dtype=pl.String),
                }
            )
        )
    return pl.concat(parts)
