"""Messages of an edge node, told in a few words, and a host that hears them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zhizao.sense.sparkplug.datatypes import DataType
from zhizao.sense.sparkplug.heard import Heard
from zhizao.sense.sparkplug.host import Host
from zhizao.sense.sparkplug.payload import Metric, Payload, encode, metric

MS = 1_000_000
T0 = 1_700_000_000_000
"""Milliseconds at which all stories begin."""


def number(name: str | None, value: float | None, at: int = 0, **others: Any) -> Metric:
    return metric(name, DataType.DOUBLE, value, timestamp=T0 + at, **others)


class Story:
    """A host application and one node `g/n` that talks to it."""

    def __init__(self, **settings: Any) -> None:
        self.host = Host("p", **settings)
        self.seq = 0
        self.at = 0

    @property
    def now(self) -> int:
        return (T0 + self.at) * MS

    def say(self, kind: str, metrics: Sequence[Metric] = (), device: str | None = None, **given: Any) -> Heard:
        """Say something as the node does; the sequence number goes on by itself unless it is given."""
        self.at += 1
        if kind == "NBIRTH":
            self.seq = 0
        seq = given.get("seq", self.seq)
        if kind == "NDEATH":
            seq = None
        elif "seq" not in given:
            self.seq = (self.seq + 1) % 256
        payload = Payload(tuple(metrics), timestamp=given.get("sent", T0 + self.at), seq=seq)
        topic = f"spBv1.0/g/{kind}/n" + (f"/{device}" if device else "")
        return self.host.message(topic, encode(payload), self.now)

    def birth(self, *metrics: Metric, bdseq: int | None = 0, **given: Any) -> Heard:
        own = [] if bdseq is None else [metric("bdSeq", DataType.INT64, bdseq, timestamp=T0 + self.at)]
        control = metric("Node Control/Rebirth", DataType.BOOLEAN, False, timestamp=T0 + self.at)
        return self.say("NBIRTH", [*own, control, *metrics], **given)

    def death(self, bdseq: int | None = 0) -> Heard:
        own = [] if bdseq is None else [metric("bdSeq", DataType.INT64, bdseq)]
        return self.say("NDEATH", own)

    def wait(self, seconds: float) -> Heard:
        self.at += int(seconds * 1000)
        return self.host.tick(self.now)


def told(heard: Heard) -> list[tuple[str, float | str]]:
    """Tags and values of what was heard."""
    return [(row.tag, row.value if row.text is None else row.text) for row in heard.rows]


def tags(heard: Heard) -> list[str]:
    return [row.tag for row in heard.rows]
