"""What a host application gives back: samples, refusals, and what it wishes to send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from zhizao.model import Samples
from zhizao.sense.connection import Browsed
from zhizao.sense.sparkplug.leaves import Refused
from zhizao.sense.sparkplug.nodes import Row

__all__ = ["Heard", "Publish"]


class Publish(NamedTuple):
    """A message that the host wishes to send."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(slots=True)
class Heard:
    """What came of a message or of the passing of time.

    Parameters
    ----------
    rows : samples in the order in which they were told
    refused : values that could not become samples, by reason
    wishes : what is to be sent
    declared : metrics of births
    """

    rows: list[Row] = field(default_factory=list)
    refused: Refused = field(default_factory=dict)
    wishes: list[Publish] = field(default_factory=list)
    declared: list[Browsed] = field(default_factory=list)

    def refuse(self, reason: str, count: int = 1) -> None:
        """Count values that are not kept."""
        if count:
            self.refused[reason] = self.refused.get(reason, 0) + count

    def add(self, other: Heard) -> None:
        """Take in what came of another message."""
        self.rows += other.rows
        self.wishes += other.wishes
        self.declared += other.declared
        for reason, count in other.refused.items():
            self.refuse(reason, count)

    def samples(self, received: int = 0) -> Samples:
        """Rows as a batch.

        Parameters
        ----------
        received : nanoseconds at which they were taken
        """
        tags, at, values, texts, qualities = zip(*self.rows, strict=True) if self.rows else ((),) * 5
        return Samples(
            tags,
            np.array(at, np.int64),
            np.array(values, np.float64),
            np.array(qualities, np.uint32),
            texts if any(text is not None for text in texts) else None,
            np.full(len(tags), received, np.int64),
        )
