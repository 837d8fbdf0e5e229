"""What an end point of the workshop needs of the plant behind it: its signals, their changes, and a way to act on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Change", "Scripted", "Signal", "Signals", "Value"]

Value = float | int | bool | str
Change = tuple[str, int, Value]
"""Name of the signal, nanoseconds since 1970 at which it changed, new value."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of a simulated machine.

    Parameters
    ----------
    name : machine, component and quantity joined by `/`, such as `mill 1/spindle/load`
    machine : id of the machine in plant.yaml
    type : how it is told
    unit : unit of the value, empty for none
    resolution : least step of a number; None for whole numbers, truth values and texts
    writable : whether a set-point may be written to it
    """

    name: str
    machine: str
    type: Literal["double", "int", "bool", "text"]
    unit: str = ""
    resolution: float | None = None
    writable: bool = False


class Signals(Protocol):
    """A plant as its end points see it; all calls come from the event loop that drives it."""

    @property
    def signals(self) -> Sequence[Signal]:
        """All signals, the same as long as the plant runs."""

    def value(self, name: str) -> Value:
        """Value now."""

    def write(self, name: str, value: Value) -> None:
        """Write a set-point; raises `ValueError` with a clear word where it is refused."""

    def follow(self, changed: Callable[[Sequence[Change]], None]) -> None:
        """Be called with all changes of a step, at once and in order, as long as the plant runs."""


class Scripted:
    """Signals that do what a test tells them.

    Parameters
    ----------
    signals : what there is
    values : first value of each, by name

    Examples
    --------
    >>> plant = Scripted([Signal("mill 1/load", "mill 1", "double", "%")], {"mill 1/load": 0.0})
    >>> plant.follow(print)
    >>> plant.change([("mill 1/load", 1_700_000_000_000_000_000, 41.5)])
    [('mill 1/load', 1700000000000000000, 41.5)]
    """

    def __init__(self, signals: Sequence[Signal], values: dict[str, Value]) -> None:
        self.signals = tuple(signals)
        self._values = dict(values)
        self._followers: list[Callable[[Sequence[Change]], None]] = []
        self.written: list[tuple[str, Value]] = []

    def value(self, name: str) -> Value:
        """Value now."""
        return self._values[name]

    def write(self, name: str, value: Value) -> None:
        """Note a set-point and take it as the value."""
        self.written.append((name, value))
        self._values[name] = value

    def follow(self, changed: Callable[[Sequence[Change]], None]) -> None:
        """Be called with all changes."""
        self._followers.append(changed)

    def change(self, changes: Sequence[Change]) -> None:
        """Change values and tell all who follow."""
        self._values.update({name: value for name, _, value in changes})
        for follower in self._followers:
            follower(changes)
