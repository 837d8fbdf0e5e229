"""What is read again and again: tags and their cards, samples with their quality, and what a batch of samples is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from zhizao.model.noun import Noun

__all__ = ["BAD", "GOOD", "NO_COMMUNICATION", "UNCERTAIN", "Keeping", "Role", "Samples", "TagCard", "Taken", "is_good"]

GOOD = 0x0000_0000
"""Quality of a good value; all codes are OPC UA status codes (Part 4, 7.39), the two highest bits say how bad."""
UNCERTAIN = 0x4000_0000
BAD = 0x8000_0000
NO_COMMUNICATION = 0x8031_0000
"""Bad_NoCommunication: the source is silent; the last value is stale."""


class Role(StrEnum):
    """What a tag means to the plant model; a `signal` is only kept and shown."""

    SIGNAL = "signal"
    STATE = "state"
    """Text or number that a mapping turns into a state of the machine."""
    MODE = "mode"
    PART_COUNT = "part_count"
    """Counter of all pieces made; falls only when it is reset."""
    SCRAP_COUNT = "scrap_count"
    ORDER = "order"
    """Order that is registered at the machine."""
    ORDER_LEFT = "order_left"
    """Good pieces that the registered order still wants."""
    ALARM = "alarm"
    """True or a text while an alarm stands."""


class TagCard(Noun):
    """What a user knows of a signal: what it is measured in, how finely, and what it means."""

    kind: Literal["number", "text"] | None = None
    """Truth values are numbers, 0 and 1. None takes what its source tells."""

    unit: str = ""
    """Unit of the value as Pint knows it; empty for none."""

    resolution: float | None = Field(default=None, gt=0)
    """Least step of the value; None lets the historian find it in the values. Never rounds what is given."""

    machine: str | None = None
    """Id of the machine in plant.yaml that it tells of."""

    role: Role = Role.SIGNAL
    """What it means."""


class Keeping(Noun):
    """How long what was measured is kept; None keeps all."""

    keep_days: int | None = Field(default=None, ge=1)
    """Days of samples; their hours and minutes stay."""

    minutes_days: int | None = Field(default=None, ge=1)
    """Days of minutes of samples that were given up."""

    hours_days: int | None = Field(default=None, ge=1)
    """Days of hours of samples that were given up."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: received = stored + duplicate + the rejected ones.

    Parameters
    ----------
    stored : samples that are new
    duplicate : samples that were there already: same tag, time, value and quality
    rejected : refused ones by reason
    """

    stored: int
    duplicate: int
    rejected: Mapping[str, int] = field(default_factory=dict)


def is_good(quality: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Whether values count in figures: good and uncertain ones do, bad ones do not.

    >>> is_good(np.array([GOOD, UNCERTAIN, BAD, NO_COMMUNICATION], dtype=np.uint32)).tolist()
    [True, True, False, False]
    """
    good: npt.NDArray[np.bool_] = (quality & np.uint32(BAD)) == 0
    return good


@dataclass(frozen=True, slots=True)
class Samples:
    """A batch of samples as a source told them, in the order in which it did.

    Parameters
    ----------
    tag : name of the tag of each sample
    at : int64, nanoseconds since 1970 in UTC at the source
    value : float64; nan where the value is a text or absent
    text : text of each sample, None where the value is a number; None when no sample has one
    quality : uint32, OPC UA status code
    received : int64, nanoseconds at which zhizao took it, for latency and skew; 0 where it is not known

    Examples
    --------
    >>> batch = Samples.of([("mill 3/load", 1_700_000_000_000_000_000, 41.5)])
    >>> len(batch), batch.value.tolist(), batch.quality.tolist()
    (1, [41.5], [0])
    """

    tag: Sequence[str]
    at: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint32]
    text: Sequence[str | None] | None = None
    received: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        for name in ("at", "value", "quality"):
            if len(getattr(self, name)) != len(self.tag):
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {len(self.tag)} samples")
        if self.text is not None and len(self.text) != len(self.tag):
            raise ValueError(f"text has {len(self.text)} entries for {len(self.tag)} samples")
        if not len(self.received):
            object.__setattr__(self, "received", np.zeros(len(self.tag), np.int64))

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.tag)

    @classmethod
    def of(
        cls, rows: Sequence[tuple[str, int, float | str | bool | None]], quality: int = GOOD, received: int = 0
    ) -> Samples:
        """Batch from tuples of tag, time in ns and value; a None is a bad sample without a value.

        Parameters
        ----------
        rows : tag, nanoseconds, value
        quality : of all that have a value
        received : nanoseconds at which they were taken
        """
        values = [value for _, _, value in rows]
        texts = [value if isinstance(value, str) else None for value in values]
        numbers = [np.nan if value is None or isinstance(value, str) else float(value) for value in values]
        codes = [quality if value is not None else max(quality, BAD) for value in values]
        return cls(
            [tag for tag, _, _ in rows],
            np.array([at for _, at, _ in rows], np.int64),
            np.array(numbers, np.float64),
            np.array(codes, np.uint32),
            texts if any(text is not None for text in texts) else None,
            np.full(len(rows), received, np.int64),
        )
