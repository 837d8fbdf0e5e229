"""When to stop: small callables that a solver asks between rounds.

A round is a fixed amount of work, so that `Rounds` gives the same schedule on every machine; `Seconds` is what people
want. Any callable that takes a `Progress` and answers True to stop will do, a cancel button for example.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Progress", "Rounds", "Seconds", "Stop", "either", "seconds_left"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a solver stands.

    Parameters
    ----------
    seconds : since the start
    rounds : rounds of search done
    value, bound : best objective so far (inf when none), and what none can beat
    source : what is being tried
    share : part of the allowance used, 0..1; -1 when the stop does not say
    """

    seconds: float
    rounds: int
    value: float
    bound: float
    source: str
    share: float = -1.0


Stop = Callable[[Progress], bool]


@dataclass(frozen=True, slots=True)
class Seconds:
    """Stop after so many seconds from the start of the solver.

    Examples
    --------
    >>> Seconds(30)(Progress(seconds=31, rounds=5, value=1, bound=0, source=""))
    True
    """

    seconds: float

    def __call__(self, progress: Progress) -> bool:
        """True when the seconds are used up."""
        return progress.seconds >= self.seconds


@dataclass(frozen=True, slots=True)
class Rounds:
    """Stop after so many rounds of search: the same schedule each time on one worker.

    Examples
    --------
    >>> Rounds(3)(Progress(seconds=1, rounds=2, value=1, bound=0, source=""))
    False
    """

    rounds: int

    def __call__(self, progress: Progress) -> bool:
        """True when the rounds are used up."""
        return progress.rounds >= self.rounds


@dataclass(frozen=True, slots=True)
class _Either:
    stops: tuple[Stop, ...]

    def __call__(self, progress: Progress) -> bool:
        return any(stop(progress) for stop in self.stops)


def either(*stops: Stop) -> Stop:
    """A stop that comes with the first of several.

    Examples
    --------
    >>> either(Seconds(30), Rounds(2))(Progress(seconds=1, rounds=2, value=1, bound=0, source=""))
    True
    """
    return _Either(stops)


def seconds_left(stop: Stop, seconds: float) -> float:
    """Seconds until a stop is sure to come, inf when it does not say.

    Parameters
    ----------
    stop : what will be asked
    seconds : used so far
    """
    if isinstance(stop, Seconds):
        return max(stop.seconds - seconds, 0.0)
    if isinstance(stop, _Either):
        return min((seconds_left(each, seconds) for each in stop.stops), default=float("inf"))
    return float("inf")


@dataclass(frozen=True, slots=True)
class Watch:
    """Seconds since it was made; the only thing in scheduling that looks at a clock."""

    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self.began
