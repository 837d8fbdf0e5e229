"""Samples to raised and cleared: limits, deadband, delays, as one compiled pass that goes on where it stopped.

Rules, the same live and in a replay:

- A value alarms beyond the limit, and is back when it has gone behind the limit by the deadband; in between it stays.
- An alarm is raised when the condition has held for the on-delay, and clears when it has been gone for the off-delay; a
  value holds until the next sample, so the time of both lies on the clock and not at a sample.
- A bad value is unknown: it raises nothing, breaks off a delay that is running, and clears nothing.
- A sample no later than the one before of its signal is late and is passed over (it is counted); a replay of history
  has it in its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from zhizao.model import AlarmCard, Condition
from zhizao.units import line_between

__all__ = ["Judge", "Turn", "changed", "in_unit", "judged", "setting"]

_KINDS = {
    Condition.HIGH_HIGH: 0, Condition.HIGH: 0, Condition.LOW: 1, Condition.LOW_LOW: 1,
    Condition.DEVIATION: 2, Condition.RATE: 3, Condition.DISCRETE: 4, Condition.TEXT: 5, Condition.SILENT: 6,
}  # fmt: skip
_S = 1_000_000_000
_NEVER = np.int64(np.iinfo(np.int64).min)


@dataclass(frozen=True, slots=True)
class Turn:
    """An alarm was raised or cleared.

    Parameters
    ----------
    at : ns since 1970
    raised : else cleared
    value : last value before it; nan for a text or none
    """

    at: int
    raised: bool
    value: float


def setting(card: AlarmCard) -> NDArray[np.float64]:
    """A card as the kernel takes it: kind, limit, set point, deadband, on and off delay in ns."""
    limit = 1.0 if card.limit is None else card.limit
    delays = card.on_delay_s * _S, card.off_delay_s * _S
    return np.array([_KINDS[card.condition], limit, card.set_point or 0.0, card.deadband, *delays], np.float64)


def _beyond(kind: int, limit: float, set_point: float, v: float, before: float, gap: float) -> float:
    """How far a value is beyond its limit; the alarm condition is above 0."""
    if kind == 0:
        return v - limit
    if kind == 1:
        return limit - v
    if kind == 2:
        return abs(v - set_point) - limit
    if kind == 3:
        return abs(v - before) / gap * 60e9 - limit if gap > 0 else -1.0
    if kind == 4:
        return 1.0 if v == limit else -1.0
    return 1.0 if v != 0.0 else -1.0


_beyond_compiled = numba.njit(cache=True)(_beyond)


def _pass(
    set_: Any, times: Any, last: Any, at: Any, value: Any, good: Any, out_at: Any, out_on: Any, out_v: Any
) -> int:
    """Judge samples of one signal. `times` int64: last at, since (start of the delay that runs, or never), alarm on,
    condition, late samples, whether there was a value. `last` float64: last good value."""
    kind, never = int(set_[0]), times[6]
    on_ns, off_ns = int(set_[4]), int(set_[5])
    n = 0
    for i in range(len(at)):
        t = at[i]
        if t <= times[0]:
            times[4] += 1
            continue
        if times[1] != never:  # did the delay end before this sample?
            due = times[1] + (off_ns if times[2] else on_ns)
            if t >= due:
                times[2] = 1 - times[2]
                out_at[n], out_on[n], out_v[n] = due, times[2], last[0]
                n += 1
                times[1] = never
        gap = float(t - times[0]) if times[5] else 0.0
        times[0] = t
        v = value[i]
        if kind == 6:
            if good[i] and not math.isnan(v):
                if times[2]:
                    times[2] = 0
                    out_at[n], out_on[n], out_v[n] = t, 0, v
                    n += 1
                times[1] = t
                last[0] = v
            continue
        if not good[i] or math.isnan(v):
            times[1], times[5] = never, 0
            continue
        far = _beyond_compiled(kind, set_[1], set_[2], v, last[0], gap)
        last[0], times[5] = v, 1
        if far > 0:
            times[3] = 1
        elif far <= -set_[3]:
            times[3] = 0
        if times[3] == times[2]:
            times[1] = never
        elif times[1] == never:
            if (off_ns if times[2] else on_ns) == 0:
                times[2] = times[3]
                out_at[n], out_on[n], out_v[n] = t, times[2], v
                n += 1
            else:
                times[1] = t
    return n


_pass_compiled = numba.njit(cache=True)(_pass)


class Judge:
    """One alarm that goes on from batch to batch; however a stream is cut, the turns are the same.

    Parameters
    ----------
    card : the alarm
    compiled : without it the same source runs as Python

    Examples
    --------
    >>> judge = Judge(AlarmCard(tag="t", condition="high", limit=70, deadband=2, on_delay_s=5))
    >>> at = np.array([0, 10, 20, 30]) * 1_000_000_000
    >>> [(turn.at // 1_000_000_000, turn.raised) for turn in judge.take(at, np.array([69.0, 71, 69, 67]))]
    [(15, True), (30, False)]
    """

    def __init__(self, card: AlarmCard, *, compiled: bool = True) -> None:
        self.card = card
        self._set, self._pass = setting(card), _pass_compiled if compiled else _pass
        self._times = np.array([_NEVER, _NEVER, 0, 0, 0, 0, _NEVER], np.int64)
        self._last = np.array([np.nan])

    @property
    def on(self) -> bool:
        """Whether the alarm stands."""
        return bool(self._times[2])

    @property
    def late(self) -> int:
        """Samples that were passed over since they came late."""
        return int(self._times[4])

    @property
    def until(self) -> int:
        """Time of the last sample, ns; the least number before the first."""
        return int(self._times[0])

    def take(
        self, at: NDArray[np.int64], value: NDArray[np.float64], good: NDArray[np.bool_] | None = None
    ) -> list[Turn]:
        """Judge samples of the signal.

        Parameters
        ----------
        at : ns
        value : 0 and 1 where texts are judged
        good : whether each has a good quality
        """
        fine = np.ones(len(at), np.bool_) if good is None else good
        room = 2 * len(at) + 1
        out = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
        many = self._pass(self._set, self._times, self._last, at, value, fine, *out)
        return [Turn(int(out[0][i]), bool(out[1][i]), float(out[2][i])) for i in range(many)]

    def wait(self, now: int) -> list[Turn]:
        """What the clock alone brings: a delay that has ended by now.

        Parameters
        ----------
        now : ns
        """
        since = int(self._times[1])
        if since == _NEVER:
            return []
        due = since + int(self._set[5] if self._times[2] else self._set[4])
        if due > now:
            return []
        self._times[2], self._times[1] = 1 - self._times[2], _NEVER
        return [Turn(due, bool(self._times[2]), float(self._last[0]))]

    def kept(self) -> list[Any]:
        """Where it stands, as JSON may hold it."""
        last = float(self._last[0])
        return [*self._times.tolist(), None if math.isnan(last) else last]

    def go_on(self, kept: list[Any]) -> Judge:
        """Go on from where another stood."""
        self._times[:] = kept[:7]
        self._last[0] = np.nan if kept[7] is None else kept[7]
        return self

    def set_again(self, other: Judge) -> Judge:
        """Go on from another that has other settings: its last sample is to be judged again by these."""
        self.go_on(other.kept())
        if self._times[0] != _NEVER:
            self._times[0] -= 1
        self._times[1], self._times[3], self._times[5] = _NEVER, self._times[2], 0
        return self


def judged(
    card: AlarmCard, at: NDArray[np.int64], value: NDArray[np.float64], good: NDArray[np.bool_], end: int
) -> list[Turn]:
    """Turns of an alarm over samples in the order of time, with what the clock brings until an end.

    Parameters
    ----------
    card, at, value, good : see `Judge`
    end : ns
    """
    judge = Judge(card)
    return judge.take(at, value, good) + judge.wait(end)


def changed(card: AlarmCard, **settings: Any) -> AlarmCard:
    """A card with other settings, checked as one that is declared."""
    return AlarmCard.model_validate(card.model_dump() | {k: v for k, v in settings.items() if v is not None})


def in_unit(card: AlarmCard, unit: str) -> AlarmCard:
    """A card with its limits in the unit of its signal.

    A deadband, the limit of a deviation and that of a rate are differences: they are scaled, and not moved.

    Parameters
    ----------
    card : in a unit of its own, or in none, which is the signal's
    unit : of the signal, as Pint knows it; empty for not known

    Raises
    ------
    InputError : the units are not of one kind

    Examples
    --------
    >>> card = AlarmCard(tag="t", condition="high", limit=158, deadband=1.8, unit="degF")
    >>> then = in_unit(card, "degC")
    >>> round(then.limit, 9), round(then.deadband, 9), then.unit
    (70.0, 1.0, 'degC')
    """
    if not card.unit or not unit or card.unit == unit:
        return card
    scale, zero = line_between(card.unit, unit)
    moved = 0.0 if card.condition in (Condition.DEVIATION, Condition.RATE) else zero
    settings = {
        "limit": None if card.limit is None else card.limit * scale + moved,
        "set_point": None if card.set_point is None else card.set_point * scale + zero,
        "deadband": card.deadband * scale,
    }
    return changed(card, **settings, unit=unit)
