"""States of a machine over time, from what its signals told, its calendar, and what people said of its stops.

A signal holds its value until its next sample. A bad sample, a broken connection or a silence that is too long makes the
machine `silent`: the last value is never carried on. The result covers the time that was asked for without a gap, and is
the same in whatever order samples came in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zhizao.account.calendar import Intervals
from zhizao.model import State, StateMap

__all__ = ["STATES", "Counter", "Said", "Signal", "Timeline", "Told", "gaps", "timeline"]

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

STATES: tuple[State, ...] = tuple(State)
"""States by number."""
_NUMBER = {state: number for number, state in enumerate(STATES)}
_OFF, _PLANNED, _SILENT = (_NUMBER[one] for one in (State.OFF, State.PLANNED, State.SILENT))
_WORKS = np.array([state in (State.PRODUCING, State.SETUP) for state in STATES])
_MAY_BE_SAID = np.array([state not in (State.PRODUCING, State.OFF) for state in STATES])
_NONE: tuple[Ints, Ints] = (np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Signal:
    """Values of a signal, each holding until the next.

    Parameters
    ----------
    at : nanoseconds, ascending
    code : number of the value in `words`; -1 where it is bad or absent
    words : the values as text
    """

    at: Ints
    code: Codes
    words: tuple[str, ...]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, str | None]]) -> Signal:
        """From pairs of time and value; None is a bad sample.

        >>> Signal.of([(5, "run"), (9, None)]).code.tolist()
        [0, -1]
        """
        words = tuple(dict.fromkeys(word for _, word in rows if word is not None))
        numbers = {word: number for number, word in enumerate(words)}
        return cls(
            np.array([at for at, _ in rows], np.int64),
            np.array([-1 if word is None else numbers[word] for _, word in rows], np.int32),
            words,
        )


@dataclass(frozen=True, slots=True)
class Counter:
    """Good samples of a counter: nanoseconds, ascending, and pieces."""

    at: Ints
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Told:
    """What the signals of a machine told, from before the time that is asked for.

    Parameters
    ----------
    state : state signal; None when the machine has none
    mode, order : the like; an empty order is none
    parts, scrap : counters of all pieces and of bad ones
    unknown : times in which nobody knows: silences, connections that were broken, nobody listening
    """

    state: Signal | None = None
    mode: Signal | None = None
    order: Signal | None = None
    parts: Counter | None = None
    scrap: Counter | None = None
    unknown: Intervals = _NONE


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said of a stop.

    Parameters
    ----------
    begin, end : nanoseconds; an end of None is that of the stop that stands at `begin`
    reason : key of the reason
    becomes : state that it counts as; None leaves it
    """

    begin: int
    end: int | None
    reason: str
    becomes: State | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """States over [start[0], end[-1]) without a gap; neighbours differ.

    Parameters
    ----------
    start, end : nanoseconds
    state : number in `STATES`, with what people said
    was : number in `STATES`, as the signals had it
    order : number in `orders`; -1 where nobody knows
    reason : number in `reasons`; -1 where nobody said one
    """

    start: Ints
    end: Ints
    state: Codes
    was: Codes
    order: Codes
    reason: Codes
    orders: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    unknown: Intervals = field(default=_NONE)
    """Times in which nobody knows, whatever the calendar says."""

    def __len__(self) -> int:
        """Number of intervals."""
        return len(self.start)

    def order_at(self, at: Ints) -> Codes:
        """Order that was registered just before times within it; -1 where none or unknown."""
        found = self.order[np.maximum(np.searchsorted(self.start, at, side="left") - 1, 0)]
        return np.where(found >= 0, found, -1).astype(np.int32)


def gaps(heard: Ints, limit_ns: int, begin: int, end: int) -> Intervals:
    """Times in which nothing was heard for longer than a limit.

    Parameters
    ----------
    heard : nanoseconds at which anything was told, ascending, from before `begin` when there is any
    limit_ns : silence begins when the last sample is older than this
    begin, end : of interest

    Examples
    --------
    >>> [x.tolist() for x in gaps(np.array([10, 12, 40]), 5, 10, 60)]
    [[17, 45], [40, 60]]
    """
    marks = np.concatenate((heard, [end]))
    first = np.concatenate(([begin if not len(heard) or heard[0] > begin else heard[0]], heard)) + limit_ns
    first[0] = begin if not len(heard) or heard[0] > begin else marks[0]
    late = marks > first
    return first[late], marks[late]


def timeline(
    told: Told,
    states: StateMap,
    begin: int,
    end: int,
    *,
    on_shift: Intervals | None = None,
    breaks: Intervals = _NONE,
    said: Sequence[Said] = (),
) -> Timeline:
    """States of a machine over [begin, end).

    Parameters
    ----------
    told : its signals
    states : mapping to states
    begin, end : nanoseconds
    on_shift : when it is on shift; None for always. Whoever is seen producing or setting up is at work all the same
    breaks : pauses within shifts
    said : what people said of stops, in the order in which they did; the later one holds

    Examples
    --------
    >>> from zhizao.model.state import READY_MAPS
    >>> told = Told(Signal.of([(0, "Executing"), (60, "OutOfService"), (80, None)]))
    >>> line = timeline(told, READY_MAPS["machinery"], 10, 100)
    >>> [(a, b, str(STATES[s])) for a, b, s in zip(line.start.tolist(), line.end.tolist(), line.state.tolist())]
    [(10, 60, 'producing'), (60, 80, 'down'), (80, 100, 'silent')]
    """
    since = min(
        [begin, _counted_since(told, begin), *(one.begin for one in said if one.end is None and one.begin < end)]
    )
    raw, orders, start, order, unknown = _raw(told, states, since, end, on_shift, breaks)
    start, was, order = _runs(start, raw, order)
    stop = np.append(start[1:], end)
    state, reason = was.copy(), np.full(len(was), -1, np.int32)
    reasons = tuple(dict.fromkeys(one.reason for one in said))
    if said:
        spans = [(one.begin, _until(one, start, stop, was)) for one in said]
        cuts = np.array([at for span in spans for at in span if since < at < end], np.int64)
        points = np.union1d(start, cuts)
        at = np.searchsorted(start, points, side="right") - 1
        start, was, order = points, was[at], order[at]
        state, reason = was.copy(), np.full(len(was), -1, np.int32)
        for one, (first, last) in zip(said, spans, strict=True):
            a, b = np.searchsorted(start, [first, last])
            mine = np.arange(a, b)
            mine = mine[_MAY_BE_SAID[was[mine]]]
            reason[mine] = reasons.index(one.reason)
            state[mine] = was[mine] if one.becomes is None else _NUMBER[one.becomes]
    keep = np.concatenate(([True], _differs(state) | _differs(was) | _differs(order) | _differs(reason)))
    start = start[keep]
    stop = np.append(start[1:], end)
    inside = stop > begin
    state, was, order, reason = (column[keep][inside] for column in (state, was, order, reason))
    return Timeline(np.maximum(start[inside], begin), stop[inside], state, was, order, reason, orders, reasons, unknown)


def _counted_since(told: Told, begin: int) -> int:
    """The last sample of a counter before the time that is asked for: its next piece may reach into a silence since."""
    since = begin
    for counter in (told.parts, told.scrap):
        if counter is not None:
            before = int(np.searchsorted(counter.at, begin)) - 1
            since = min(since, int(counter.at[before])) if before >= 0 else since
    return since


def _until(one: Said, start: Ints, stop: Ints, was: Codes) -> int:
    """Where the stop ends that somebody spoke of: at its end as said, else where the state next changes."""
    if one.end is not None:
        return one.end
    at = int(np.searchsorted(start, one.begin, side="right")) - 1
    if at < 0 or one.begin >= stop[-1]:
        return one.begin
    other = np.flatnonzero(was[at:] != was[at])
    return int(start[at + other[0]]) if len(other) else int(stop[-1])


def _differs(column: Codes) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = column[1:] != column[:-1]
    return found


def _runs(start: Ints, state: Codes, order: Codes) -> tuple[Ints, Codes, Codes]:
    keep = np.concatenate(([True], _differs(state) | _differs(order)))
    return start[keep], state[keep], order[keep]


def _slim(at: Ints, code: Codes, end: int) -> tuple[Ints, Codes]:
    """Only where the value changes, before `end`."""
    upto = int(np.searchsorted(at, end))
    at, code = at[:upto], code[:upto]
    if not len(at):
        return at, code
    keep = np.concatenate(([True], code[1:] != code[:-1]))
    return at[keep], code[keep]


def _raw(
    told: Told, states: StateMap, begin: int, end: int, on_shift: Intervals | None, breaks: Intervals
) -> tuple[Codes, tuple[str, ...], Ints, Codes, Intervals]:
    """State and order at every time at which anything changes."""
    steps = [
        _slim(one.at, one.code, end) if one is not None else (np.empty(0, np.int64), np.empty(0, np.int32))
        for one in (told.state, told.mode, told.order)
    ]
    spans = [told.unknown, breaks, *(() if on_shift is None else (on_shift,))]
    points = np.concatenate([at for at, _ in steps] + [edge for span in spans for edge in span] + [[begin]])
    points = points[(points >= begin) & (points < end)].astype(np.int64)
    points.sort(kind="stable")  # merges what is sorted already
    points = points[np.concatenate(([True], points[1:] != points[:-1]))]
    state, mode, order = (_at(at, code, points) for at, code in steps)
    orders = told.order.words if told.order is not None else ()
    blank = np.array([not word.strip() for word in orders] + [False])
    registered = np.where(order < 0, 0, np.where(blank[order], 1, 2)) if told.order is not None else 0 * order
    words = told.state.words if told.state is not None else ()
    modes = told.mode.words if told.mode is not None else ()
    found = _look_up(words, modes, states)[state, mode, registered]
    unknown = (found == _SILENT) | _within(told.unknown, points)
    found = np.where(unknown, _SILENT, found)
    works = _WORKS[found]
    found = np.where(_within(breaks, points) & ~works, _PLANNED, found)
    if on_shift is not None:
        found = np.where(_within(on_shift, points) | works, found, _OFF)
    order = np.where((order >= 0) & ~blank[order], order, -1)
    edges = np.append(points, end)
    return (
        found.astype(np.int32),
        orders,
        points,
        order.astype(np.int32),
        (edges[:-1][unknown], edges[1:][unknown]),
    )


def _look_up(words: tuple[str, ...], modes: tuple[str, ...], states: StateMap) -> Codes:
    """(states + 1, modes + 1, 3): last row for nothing known; order not told, none, registered."""
    table = np.full((len(words) + 1, len(modes) + 1, 3), _SILENT, np.int32)
    for s, word in enumerate(words):
        for m, mode in enumerate((*modes, "")):
            for o, order in enumerate((None, False, True)):
                table[s, m, o] = _NUMBER[states.of(word, mode, order=order)]
    return table


def _at(at: Ints, code: Codes, points: Ints) -> Codes:
    """Value of a signal at times, which ascend; -1 before its first sample."""
    edges = np.concatenate(([0], np.searchsorted(points, at), [len(points)]))
    return np.repeat(np.concatenate((np.array([-1], np.int32), code)).astype(np.int32), np.diff(edges))


def _within(spans: Intervals, points: Ints) -> NDArray[np.bool_]:
    on, off = spans
    edges = np.empty(2 * len(on), np.int64)
    edges[::2], edges[1::2] = np.searchsorted(points, on), np.searchsorted(points, off)
    inside = np.tile(np.array([False, True]), len(on))
    lengths = np.diff(np.concatenate(([0], edges, [len(points)])))
    return np.repeat(np.append(inside, False), lengths)
