"""Samples as they are collected one by one, until they are handed over as a batch."""

from __future__ import annotations

import numpy as np

from zhizao.model.signal import BAD, GOOD, NO_COMMUNICATION, Samples

__all__ = ["Rows"]


class Rows:
    """Rows of samples in the order in which they were told.

    Examples
    --------
    >>> rows = Rows()
    >>> rows.number("mill/load", 1_700_000_000_000_000_000, 41.5)
    >>> rows.absent("mill/mode", 1_700_000_000_000_000_000)
    >>> batch = rows.samples(received=0)
    >>> batch.value.tolist(), [hex(code) for code in batch.quality.tolist()]
    ([41.5, nan], ['0x0', '0x80310000'])
    >>> len(rows)
    0
    """

    __slots__ = ("_at", "_quality", "_tag", "_text", "_texts", "_value")

    def __init__(self) -> None:
        self._empty()

    def _empty(self) -> None:
        self._tag: list[str] = []
        self._at: list[int] = []
        self._value: list[float] = []
        self._text: list[str | None] = []
        self._quality: list[int] = []
        self._texts = False

    def __len__(self) -> int:
        return len(self._tag)

    def _add(self, tag: str, at: int, value: float, text: str | None, quality: int) -> None:
        self._tag.append(tag)
        self._at.append(at)
        self._value.append(value)
        self._text.append(text)
        self._quality.append(quality)

    def number(self, tag: str, at: int, value: float, quality: int = GOOD) -> None:
        """Add a number."""
        self._add(tag, at, value, None, quality)

    def text(self, tag: str, at: int, text: str, quality: int = GOOD) -> None:
        """Add a text."""
        self._texts = True
        self._add(tag, at, np.nan, text, quality)

    def absent(self, tag: str, at: int, quality: int = NO_COMMUNICATION) -> None:
        """Add that there is no value, and why."""
        self._add(tag, at, np.nan, None, quality | BAD)

    def samples(self, received: int) -> Samples:
        """All rows as a batch; afterwards there are none.

        Parameters
        ----------
        received : nanoseconds since 1970 at which they were taken
        """
        batch = Samples(
            self._tag,
            np.array(self._at, np.int64),
            np.array(self._value, np.float64),
            np.array(self._quality, np.uint32),
            self._text if self._texts else None,
            np.full(len(self._tag), received, np.int64),
        )
        self._empty()
        return batch
