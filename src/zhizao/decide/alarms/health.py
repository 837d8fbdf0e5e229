"""Health of an alarm system: the figures of ISA-18.2-2016 clause 16 and IEC 62682:2022 clause 16, with their targets.

Rates are those of alarms that were annunciated (raised while neither shelved nor suppressed), per operator. A flood
begins when more than ten alarms come in ten minutes and ends when fewer than five do. An alarm chatters when it is raised
three times or more in a minute; it is stale when it stands longer than a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["FIGURES", "Figure", "Raised", "health"]

_S = 1_000_000_000
_TEN = 600 * _S
_DAY = 86_400 * _S
FLOOD_FROM, FLOOD_TO = 10, 5
CHATTER, CHATTER_NS = 3, 60 * _S
SHARES = {1: 0.01, 2: 0.05, 3: 0.15, 4: 0.80}


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm from its raising to its clearing.

    Parameters
    ----------
    alarm : id
    at, until : ns; until is the end of the time when it still stands
    priority : 1 to 4
    """

    alarm: str
    at: int
    until: int
    priority: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Parameters
    ----------
    key : stable name
    value : None where there is nothing to say
    unit : 1 for a share
    target : what the standard recommends at most; about, for the shares of priorities
    most : what can be managed at most; None where there is one target only
    """

    key: str
    value: float | None
    unit: str
    target: float
    most: float | None = None

    @property
    def verdict(self) -> str:
        """good, warn (can be managed) or bad."""
        if self.value is None:
            return "info"
        if self.key.startswith("priority_"):
            return "good" if abs(self.value - self.target) <= 0.1 else "warn"
        if self.value <= self.target:
            return "good"
        return "warn" if self.most is not None and self.value <= self.most else "bad"


FIGURES = (
    "per_10min", "per_hour", "per_day", "peak_10min", "over_10min", "flood_share", "floods", "top10_share",
    "chattering", "stale", "priority_1", "priority_2", "priority_3", "priority_4",
)  # fmt: skip


def health(raised: Sequence[Raised], begin: int, end: int, operators: int = 1) -> list[Figure]:
    """All figures of a time.

    Parameters
    ----------
    raised : alarms that were annunciated; those raised before `begin` count only as stale
    begin, end : ns
    operators : among whom they are shared

    Examples
    --------
    >>> day = 86_400 * 10**9
    >>> found = {one.key: one.value for one in health([Raised("a", 5, 6, 4)] * 144, 0, day)}
    >>> found["per_10min"], found["per_day"], found["top10_share"]
    (1.0, 144.0, 1.0)
    """
    inside = [one for one in raised if begin <= one.at < end]
    span = max(end - begin, 1)
    many = len(inside)
    at = np.sort(np.array([one.at for one in inside], np.int64))
    windows = max(-(-span // _TEN), 1)
    counts = np.bincount((at - begin) // _TEN, minlength=windows) / operators
    floods, flooded = _floods(at, operators)
    tops = Counter(one.alarm for one in inside)
    stale = sum(1 for one in raised if one.until - one.at > _DAY and one.until > begin)
    share = {rank: sum(one.priority == rank for one in inside) / many if many else None for rank in SHARES}
    top = sum(times for _, times in tops.most_common(10)) / many if many else None
    rate = many / operators
    return [
        Figure("per_10min", rate * _TEN / span, "1/10 min", 1, 2),
        Figure("per_hour", rate * 6 * _TEN / span, "1/h", 6, 12),
        Figure("per_day", rate * _DAY / span, "1/d", 150, 300),
        Figure("peak_10min", float(counts.max()), "1/10 min", 10),
        Figure("over_10min", float((counts > FLOOD_FROM).mean()), "1", 0.01),
        Figure("flood_share", min(flooded / span, 1.0), "1", 0.01),
        Figure("floods", float(floods), "", 0),
        Figure("top10_share", top, "1", 0.05),
        Figure("chattering", float(len(chattering(inside))), "", 0),
        Figure("stale", float(stale), "", 5),
        *(Figure(f"priority_{rank}", share[rank], "1", target) for rank, target in SHARES.items()),
    ]


def chattering(raised: Sequence[Raised]) -> dict[str, int]:
    """Alarms that chatter, with how many of their raisings lie within such minutes."""
    by: dict[str, list[int]] = {}
    for one in raised:
        by.setdefault(one.alarm, []).append(one.at)
    found = {}
    for name, times in by.items():
        many = int(in_chatter(np.sort(np.array(times, np.int64))).sum())
        if many:
            found[name] = many
    return found


def in_chatter(at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each raising of one alarm, in the order of time, lies among three within a minute."""
    hit = np.zeros(len(at), np.bool_)
    for first in range(len(at) - CHATTER + 1):
        if at[first + CHATTER - 1] - at[first] <= CHATTER_NS:
            hit[first : first + CHATTER] = True
    return hit


def _floods(at: np.ndarray[tuple[int], np.dtype[np.int64]], operators: int) -> tuple[int, int]:
    """How many floods there were, and how long they lasted, ns; the ten minutes slide."""
    steps = sorted([(int(t), 1) for t in at] + [(int(t) + _TEN, -1) for t in at])
    many, begun, floods, lasted = 0, -1, 0, 0
    for time, change in steps:
        many += change
        if begun < 0 and many / operators > FLOOD_FROM:
            begun, floods = time, floods + 1
        elif begun >= 0 and many / operators < FLOOD_TO:
            lasted, begun = lasted + time - begun, -1
    return floods, lasted
