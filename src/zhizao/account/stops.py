"""Stops of a machine from its states, micro-stops in groups; and how far an order is and when it will end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from zhizao.account.calendar import Intervals
from zhizao.account.oee import pieces_of
from zhizao.account.states import STATES, Timeline, Told
from zhizao.model import State

__all__ = ["Progress", "Stop", "due_at", "group_micro", "progress", "stops"]

Ints = NDArray[np.int64]
_N = {state: number for number, state in enumerate(STATES)}
_T90 = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81)
"""Student's t at 95 % one-sided, by degrees of freedom from 1 on; 1.645 beyond the useful ones."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A time in which a machine on shift did not produce.

    Parameters
    ----------
    machine : its id
    begin, end : nanoseconds
    state : as it counts
    was : as the signals had it
    reason : why, "" where nobody said
    order : that was registered, "" for none
    running : it stands now
    micro : shorter than the machine's limit
    count : stops in the line; more than one for micro-stops in a group
    seconds : time that it stood, s
    """

    machine: str
    begin: int
    end: int
    state: str
    was: str
    reason: str
    order: str
    running: bool
    micro: bool
    count: int = 1
    seconds: float = 0.0


def stops(line: Timeline, machine: str, *, micro_s: float, now: int | None = None) -> list[Stop]:
    """Stops in a timeline, in the order of time; one whose order changes meanwhile is one.

    Parameters
    ----------
    line : states
    machine : its id
    micro_s : shorter ones are micro-stops, unless they are still standing
    now : where the timeline ends now, so that its last stop still stands; None when it lies in the past

    Examples
    --------
    >>> from zhizao.account.states import Signal, timeline
    >>> from zhizao.model.state import READY_MAPS
    >>> told = Told(Signal.of([(0, "Executing"), (10, "OutOfService"), (40, "Executing")]))
    >>> [(one.begin, one.end, one.state) for one in stops(timeline(told, READY_MAPS["machinery"], 0, 60), "m", micro_s=0)]
    [(10, 40, 'down')]
    """
    stand = ~np.isin(line.state, [_N[State.PRODUCING], _N[State.OFF]])
    changes = (line.state[1:] != line.state[:-1]) | (line.was[1:] != line.was[:-1])
    changes |= line.reason[1:] != line.reason[:-1]
    first = np.concatenate(([True], changes))
    begins = np.flatnonzero(first)
    ends = np.append(begins[1:], len(line)) - 1
    out: list[Stop] = []
    for a, b in zip(begins.tolist(), ends.tolist(), strict=True):
        if not stand[a]:
            continue
        begin, end = int(line.start[a]), int(line.end[b])
        running = now is not None and end >= now
        seconds = (end - begin) / 1e9
        state = STATES[line.state[a]]
        reason = line.reasons[line.reason[a]] if line.reason[a] >= 0 else ""
        micro = state in (State.STOPPED, State.IDLE, State.DOWN) and seconds < micro_s and not running and not reason
        order = line.orders[line.order[a]] if line.order[a] >= 0 else ""
        was = STATES[line.was[a]].value
        out.append(Stop(machine, begin, end, state.value, was, reason, order, running, micro, 1, seconds))
    return out


def group_micro(found: Sequence[Stop]) -> list[Stop]:
    """Stops with the micro-stops of each machine and state as one line each.

    Parameters
    ----------
    found : stops
    """
    groups: dict[tuple[str, str], list[Stop]] = {}
    rest = [one for one in found if not one.micro]
    for one in found:
        if one.micro:
            groups.setdefault((one.machine, one.state), []).append(one)
    for (machine, state), many in groups.items():
        seconds = sum(one.seconds for one in many)
        first, last = min(one.begin for one in many), max(one.end for one in many)
        rest.append(Stop(machine, first, last, state, state, "", "", False, True, len(many), seconds))
    return sorted(rest, key=lambda one: (one.begin, one.machine))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an order is at a machine.

    Parameters
    ----------
    order, machine : which, where
    since : nanoseconds at which it was registered, as far back as was looked
    good, scrap : pieces since then
    wanted : good pieces that are wanted; None when nobody knows
    per_h : good pieces an hour of shift at the present rate; None before there are three of them
    left_h : hours of shift until it is done, likely; None when that cannot be said
    low_h, high_h : nine of ten times between these
    """

    order: str
    machine: str
    since: int
    good: float
    scrap: float
    wanted: float | None
    per_h: float | None = None
    left_h: float | None = None
    low_h: float | None = None
    high_h: float | None = None


def progress(line: Timeline, told: Told, machine: str, wanted: float | None) -> Progress | None:
    """The order that is registered at the end of a timeline; None when there is none.

    The rate is that of the pieces of this order, stops within them included. The interval is of the times between
    pieces taken as independent, with the error of their mean.

    Parameters
    ----------
    line, told : states and signals
    machine : its id
    wanted : good pieces of the order
    """
    if not len(line) or line.order[-1] < 0:
        return None
    mine = line.order == line.order[-1]
    since = int(line.start[len(mine) - int(np.argmin(mine[::-1]))]) if not mine.all() else int(line.start[0])
    end = int(line.end[-1])
    order = line.orders[line.order[-1]]
    at, number = np.empty(0, np.int64), np.empty(0)
    if told.parts is not None:
        at, number, _ = pieces_of(told.parts, since + 1, end)
    bad = pieces_of(told.scrap, since + 1, end)[1].sum() if told.scrap is not None else 0.0
    made = float(number.sum())
    good = made - float(bad)
    plain = Progress(order, machine, since, good, float(bad), wanted)
    off = line.state == _N[State.OFF]
    span = _busy(line, off, np.append(at, end))
    if len(at) < 3 or good <= 0:
        return plain
    each = np.diff(np.concatenate(([_busy(line, off, np.array([since]))[0]], span[:-1])))
    per = np.repeat(each / number, np.minimum(number, 1000).astype(int).clip(1))
    mean, spread, n = float(per.mean()), float(per.std(ddof=1)), len(per)
    share = good / made
    per_h = share / mean if mean > 0 else None
    if wanted is None or per_h is None:
        return Progress(order, machine, since, good, float(bad), wanted, per_h)
    left = max(wanted - good, 0.0) / share
    gone = float(span[-1] - span[-2])
    likely = max(left * mean - min(gone, mean), 0.0)
    t = _T90[n - 2] if n - 2 < len(_T90) else 1.645 + 1.6 / n
    wide = t * sqrt(left * spread**2 + left**2 * spread**2 / n)
    return Progress(
        order, machine, since, good, float(bad), wanted, per_h, likely, max(likely - wide, 0.0), likely + wide
    )


def _busy(line: Timeline, off: NDArray[np.bool_], at: Ints) -> NDArray[np.float64]:
    """Hours on shift from the beginning of a timeline to times within it."""
    length = np.where(off, 0, line.end - line.start)
    before = np.concatenate(([0], np.cumsum(length)))
    k = np.clip(np.searchsorted(line.start, at, side="right") - 1, 0, len(line) - 1)
    inside = np.where(off[k], 0, np.minimum(at, line.end[k]) - line.start[k])
    return np.asarray((before[k] + inside) / 3.6e12, np.float64)


def due_at(now: int, hours: float, on_shift: Intervals, breaks: Intervals) -> int | None:
    """When so many hours of shift will have gone by; None when the shifts that are known do not have them.

    Parameters
    ----------
    now : nanoseconds
    hours : of work
    on_shift, breaks : from now on

    Examples
    --------
    >>> h = 3600 * 10**9
    >>> due_at(0, 3.0, (np.array([0, 10 * h]), np.array([2 * h, 20 * h])), (np.empty(0), np.empty(0))) // h
    11
    """
    left = hours * 3.6e12
    edges = np.unique(np.concatenate([on_shift[0], on_shift[1], breaks[0], breaks[1], [now]])).astype(np.int64)
    edges = edges[edges >= now]
    for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        middle = (a + b) // 2
        on = bool(((on_shift[0] <= middle) & (middle < on_shift[1])).any())
        pause = bool(((breaks[0] <= middle) & (middle < breaks[1])).any())
        if not on or pause:
            continue
        if b - a >= left:
            return int(a + left)
        left -= b - a
    return None
