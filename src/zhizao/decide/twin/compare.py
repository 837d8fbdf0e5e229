"""How far a simulated log is from the recorded one: the distances of the process-simulation literature, in NumPy.

All are 1-Wasserstein distances between histograms of hours, except the n-gram distance: the share of n-grams of
activities that one log has and the other has not. They equal the reference implementation (log-distance-measures 2.2,
Chapela-Campa et al., "Can I Trust My Simulation Model?", BPM 2023), which the tests hold them to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from zhizao.decide.twin.shop import Ints
from zhizao.errors import InputError
from zhizao.model import WorkLog

__all__ = ["MEASURES", "distances"]

MEASURES = ("ngram3", "ngram2", "absolute_h", "circadian_h", "relative_h", "cycle_h", "arrival_h", "wip")
"""Names of the distances, in the order in which reports show them."""

HOUR = 3_600_000_000_000
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class _View:
    """A log as arrays, rows sorted by case, start, end: ns since 1970 (UTC) and weekday x hour in the plant's zone."""

    case: Ints
    activity: Ints
    start: Ints
    end: Ints
    clock: Ints  # (2 n,) weekday * 24 + hour of starts, then of ends
    begin: Ints  # (cases,) first start
    finish: Ints  # (cases,) last end
    first: Ints  # (cases + 1,) offsets of cases


def distances(reality: WorkLog, simulated: WorkLog) -> dict[str, float]:
    """Distances between two logs; 0 = alike, larger = further apart.

    Parameters
    ----------
    reality : recorded log; rows without an end are left out, weekdays and hours are meant in its zone
    simulated : log to compare

    Returns
    -------
    ngram3, ngram2 : share (0..1) of activity n-grams that are not in both logs, cases padded at both ends
    absolute_h, relative_h, arrival_h, cycle_h : hours between the distributions of event times, event times since the
        start of the case, case starts and case durations
    circadian_h : hours between the hours of day, mean over the weekdays (23 for a weekday that only one log has)
    wip : distance between the courses of work in progress, hourly, as a fraction of the longer course

    Raises
    ------
    InputError : when one of the logs has no finished work

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> at, to = datetime(2025, 1, 6, 8, tzinfo=UTC), datetime(2025, 1, 6, 10, tzinfo=UTC)
    >>> def log(start):
    ...     return WorkLog.of(pl.DataFrame({"order": ["A"], "activity": ["mill"], "start": [start], "end": [to]}))
    >>> distances(log(at), log(at))["absolute_h"], distances(log(at), log(to))["cycle_h"]
    (0.0, 2.0)
    """
    labels = pl.concat([reality.done["activity"], simulated.done["activity"]]).unique().sort()
    a, b = _view(reality, labels, reality.zone), _view(simulated, labels, reality.zone)
    out = {
        "ngram3": _ngrams(a, b, 3, len(labels)),
        "ngram2": _ngrams(a, b, 2, len(labels)),
        "absolute_h": _absolute(a, b, reality.zone),
        "circadian_h": _circadian(a, b),
        "relative_h": _wasserstein(_relative(a), _relative(b)),
        "cycle_h": _cycle(a, b),
        "arrival_h": _arrival(a, b, reality.zone),
        "wip": _wip(a, b, reality.zone),
    }
    return {name: out[name] for name in MEASURES}


def _view(log: WorkLog, labels: pl.Series, zone: str) -> _View:
    frame = log.done
    if not frame.height:
        raise InputError("a log without finished work cannot be compared", code="empty_log")
    codes = pl.Enum(labels)
    frame = frame.select(
        pl.col("order").rank("dense").cast(pl.Int64).alias("case") - 1,
        pl.col("activity").cast(codes).to_physical().cast(pl.Int64).alias("code") + 1,
        "start",
        "end",
        clock0=_clock("start", zone),
        clock1=_clock("end", zone),
    ).sort("case", "start", "end", maintain_order=True)
    case = frame["case"].to_numpy()
    start = frame["start"].dt.timestamp("ns").to_numpy()
    end = frame["end"].dt.timestamp("ns").to_numpy()
    first = np.concatenate([[0], np.flatnonzero(np.diff(case)) + 1, [len(case)]]).astype(np.int64)
    return _View(
        case=case,
        activity=frame["code"].to_numpy(),
        start=start,
        end=end,
        clock=np.concatenate([frame["clock0"].to_numpy(), frame["clock1"].to_numpy()]),
        begin=start[first[:-1]],
        finish=np.maximum.reduceat(end, first[:-1]),
        first=first,
    )


def _clock(name: str, zone: str) -> pl.Expr:
    local = pl.col(name).dt.convert_time_zone(zone)
    return (local.dt.weekday().cast(pl.Int64) - 1) * 24 + local.dt.hour().cast(pl.Int64)


def _wasserstein(a: Ints, b: Ints) -> float:
    """1-Wasserstein distance of two samples of whole numbers (each with equal weights)."""
    low = min(a.min(), b.min())
    span = int(max(a.max(), b.max()) - low) + 1
    if span > 50_000_000:  # pragma: no cover - thousands of years of hours
        raise InputError("the logs lie too far apart to be compared", code="far_apart")
    gap = np.cumsum(np.bincount(a - low, minlength=span) / len(a) - np.bincount(b - low, minlength=span) / len(b))
    return float(np.abs(gap).sum())


def _ngrams(a: _View, b: _View, n: int, labels: int) -> float:
    (key_a, count_a), (key_b, count_b) = _grams(a, n, labels), _grams(b, n, labels)
    keys = np.union1d(key_a, key_b)
    both = np.zeros((2, len(keys)))
    both[0, np.searchsorted(keys, key_a)] = count_a
    both[1, np.searchsorted(keys, key_b)] = count_b
    return float(np.abs(both[0] - both[1]).sum() / both.sum())


def _grams(view: _View, n: int, labels: int) -> tuple[Ints, Ints]:
    """Codes of the n-grams of activities, n - 1 blanks (0) before and after each case, and how often each is seen."""
    pad = n - 1
    length = np.diff(view.first)
    place = np.arange(len(view.case)) + pad * (2 * view.case + 1)
    text = np.zeros(len(view.case) + 2 * pad * len(length), np.int64)
    text[place] = view.activity
    code = np.zeros(len(text) - pad, np.int64)
    for k in range(n):
        code = code * (labels + 1) + text[k : len(text) - pad + k]
    stop = np.cumsum(length + 2 * pad)  # n-grams that would reach into the next case are left out
    keep = np.ones(len(code), bool)
    for k in range(pad):
        keep[stop[:-1] - 1 - k] = False
    return np.unique(code[keep], return_counts=True)


def _absolute(a: _View, b: _View, zone: str) -> float:
    zero = _floor(min(a.start.min(), b.start.min()), HOUR, zone)
    return _wasserstein(*((np.concatenate([v.start, v.end]) - zero) // HOUR for v in (a, b)))


def _relative(view: _View) -> Ints:
    begin = view.begin[view.case]
    return np.concatenate([view.start - begin, view.end - begin]) // HOUR


def _cycle(a: _View, b: _View) -> float:
    x, y = a.finish - a.begin, b.finish - b.begin
    least = min(x.min(), y.min())
    return _wasserstein((x - least) // HOUR, (y - least) // HOUR)


def _arrival(a: _View, b: _View, zone: str) -> float:
    zero = _floor(min(a.begin.min(), b.begin.min()), HOUR, zone)
    return _wasserstein((a.begin - zero) // HOUR, (b.begin - zero) // HOUR)


def _circadian(a: _View, b: _View) -> float:
    total = 0.0
    for day in range(7):
        x, y = (v.clock[v.clock // 24 == day] % 24 for v in (a, b))
        if len(x) and len(y):
            total += _wasserstein(x, y)
        elif len(x) or len(y):
            total += 23.0
    return total / 7


def _wip(a: _View, b: _View, zone: str) -> float:
    start = _floor(min(a.begin.min(), b.begin.min()), DAY, zone)
    end = -_floor(-max(a.finish.max(), b.finish.max()), DAY, zone)
    hours = int(-((start - end) // HOUR))
    courses = [_course(v, start, hours) / HOUR for v in (a, b)]
    last = max(int(np.flatnonzero(course).max(initial=0)) for course in courses)
    weights = [(course * 100).astype(np.int64) for course in courses]
    if not weights[0].sum() or not weights[1].sum():
        return float(weights[0].sum() != weights[1].sum())
    gap = np.cumsum(weights[0] / weights[0].sum() - weights[1] / weights[1].sum())
    distance = float(np.abs(gap[:-1]).sum())
    return distance / last if last > 0 else distance


def _course(view: _View, start: int, hours: int) -> Ints:
    """Open case-time in each hour from `start` on, ns, (hours,)."""

    def opened(times: Ints) -> Ints:
        """Case-time in each hour of cases that open at `times` and never close."""
        place, part = np.divmod(times - start, HOUR)
        count = np.bincount(place, minlength=hours + 1)[:hours]
        late = np.zeros(hours + 1, np.int64)
        np.add.at(late, place, part)
        return np.cumsum(count) * HOUR - late[:hours]

    return opened(view.begin) - opened(view.finish)


def _floor(time: int, step: int, zone: str) -> int:
    """Last full step at or before a time (ns) on the plant's clock; a negative time is rounded away from 1970."""
    local = pl.Series([abs(int(time))], dtype=pl.Datetime("ns", "UTC")).dt.convert_time_zone(zone)
    offset = int((local.dt.base_utc_offset() + local.dt.dst_offset()).dt.total_nanoseconds()[0])
    sign = 1 if time >= 0 else -1
    return int((time + sign * offset) // step * step - sign * offset)
