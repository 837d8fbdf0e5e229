"""What a host application knows of an edge node and its devices: births, aliases, sequence, last times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from zhizao.model import NO_COMMUNICATION
from zhizao.sense.sparkplug.leaves import Shape
from zhizao.sense.sparkplug.payload import Payload, Template
from zhizao.sense.sparkplug.topic import Topic

__all__ = ["Declared", "Node", "Part", "Row"]

_MS = 1_000_000


class Row(NamedTuple):
    """A sample: tag, nanoseconds, number (nan for a text or none), text (None for a number), quality."""

    tag: str
    at: int
    value: float
    text: str | None
    quality: int


class Declared(NamedTuple):
    """A metric as its birth declared it.

    Parameters
    ----------
    part : device, None for the node itself
    name : name of the metric
    shape : its tag, type and what a template holds
    alias : number that may stand for the name, None for none
    unit : as a property of the birth tells it
    kept : False for what only controls the session
    """

    part: str | None
    name: str
    shape: Shape
    alias: int | None = None
    unit: str = ""
    kept: bool = True


@dataclass(slots=True)
class Part:
    """The node itself or one of its devices.

    Parameters
    ----------
    born : whether its birth was heard in this session
    metrics : as declared, by name
    last : nanoseconds of the newest sample of each tag
    stale : nanoseconds at which a tag was marked stale, of those that are
    """

    born: bool = False
    metrics: dict[str, Declared] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    stale: dict[str, int] = field(default_factory=dict)

    def silence(self, now: int, tags: Iterable[str] | None = None) -> list[Row]:
        """Mark tags stale and give the samples that say so; each is later than what is known of its tag.

        Parameters
        ----------
        now : nanoseconds at which the silence was noticed
        tags : which ones; None for all
        """
        rows = []
        for tag in list(self.last if tags is None else tags):
            if tag not in self.stale:
                at = self.stale[tag] = max(now, self.last[tag] + _MS)
                rows.append(Row(tag, at, float("nan"), None, NO_COMMUNICATION))
        return rows


@dataclass(slots=True)
class Node:
    """An edge node in one session after another.

    Parameters
    ----------
    group, name : its address
    born : whether its birth was heard in this session
    lost : whether it was alive when the broker was lost
    bdseq : number of the session that birth and death share; None where the birth had none
    expected : sequence number of the next message
    held : messages that came too early, by sequence number
    missing : numbers that were given up and may still come
    reorder_due, births_due, ask_due : nanoseconds at which something is to be done; None for nothing
    asked : nanoseconds of the last request for a rebirth
    asks : requests without an answer
    strangers : what was not in any birth although one was asked for
    parts : the node itself under None, devices by id
    aliases : what a number stands for
    templates : definitions by name
    """

    group: str
    name: str
    born: bool = False
    lost: bool = False
    bdseq: int | None = None
    expected: int = 0
    held: dict[int, tuple[Topic, Payload]] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    reorder_due: int | None = None
    births_due: int | None = None
    ask_due: int | None = None
    asked: int | None = None
    asks: int = 0
    strangers: set[tuple[str | None, str | int | None]] = field(default_factory=set)
    parts: dict[str | None, Part] = field(default_factory=dict)
    aliases: dict[int, Declared] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)

    @property
    def due(self) -> int | None:
        """When it next wants to be looked at."""
        times = [one for one in (self.reorder_due, self.births_due, self.ask_due) if one is not None]
        return min(times) if times else None

    def in_order(self) -> list[int]:
        """Sequence numbers of what is held, in the order in which they were sent."""
        return sorted(self.held, key=lambda number: (number - self.expected) % 256)
