"""What a server told becomes samples: variant to number or text, status code kept, source time used."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from math import isfinite

import numpy as np

from zhizao.model import BAD, Samples
from zhizao.sense.opcua.wire import Datum

__all__ = ["Batch"]

NO_DATA = 0x809B_0000
"""Bad_NoData, where a server told a good status and no value."""
OUT_OF_RANGE = 0x803C_0000
"""Bad_OutOfRange, for infinities and what is not a number."""

_NUMBERS = frozenset((*range(1, 12), 19))
_TEXTS = frozenset((12, 14, 16, 20, 21))
_NODES = frozenset((17, 18))
_DATE, _BYTES = 13, 15
_LONGEST_BYTES = 256
_REASON = {22: "structure", 23: "data_value", 24: "variant", 25: "diagnostics"}


class Batch:
    """Samples that are being put together.

    Examples
    --------
    >>> batch = Batch()
    >>> batch.add("line/load", (11, 41.5, 0, 1_700_000_000_000_000_000, 0), received=1_700_000_000_100_000_000)
    >>> batch.add("line/axes", (11 | 128, [1.0, 2.0], 0, 1_700_000_000_000_000_000, 0), received=0)
    >>> batch.samples().tag
    ['line/load', 'line/axes[0]', 'line/axes[1]']
    """

    def __init__(self) -> None:
        self.tag: list[str] = []
        self.at: list[int] = []
        self.value: list[float] = []
        self.quality: list[int] = []
        self.text: list[str | None] = []
        self.received: list[int] = []
        self.rejected: Counter[str] = Counter()
        self._texts = False

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.tag)

    def add(self, tag: str, datum: Datum, received: int) -> None:
        """Add what was told of a tag.

        Parameters
        ----------
        tag : full name
        datum : type, value, status, source and server time; the server's time stands in for an absent source time, and
            the time of receipt for both
        received : ns since 1970
        """
        kind, value, status, source, server = datum
        if kind & 128:
            for index, one in enumerate(value or ()):
                self.add(f"{tag}[{index}]", (kind & 127, one, status, source, server), received)
            return
        number, text = np.nan, None
        if kind == 11 or kind in _NUMBERS:
            number = float(value)
            if not isfinite(number):
                number, status = np.nan, max(status, OUT_OF_RANGE)
        elif value is None:
            status = status if status & BAD else NO_DATA
        elif kind in _TEXTS:
            text = str(value)
        elif kind == _DATE:
            text = _date(value)
        elif kind in _NODES:
            text = value.to_string()
        elif kind == _BYTES and len(value) <= _LONGEST_BYTES:
            text = value.hex()
        else:
            self.rejected[_REASON.get(kind, "bytes" if kind == _BYTES else "type")] += 1
            return
        self._put(tag, source or server or received, number, text, status, received)

    def say(self, tag: str, at: int, value: float | str, received: int) -> None:
        """Add a good value of our own reading, such as what an alarm told."""
        if isinstance(value, str):
            self._put(tag, at, np.nan, value, 0, received)
        else:
            self._put(tag, at, float(value), None, 0, received)

    def _put(self, tag: str, at: int, number: float, text: str | None, status: int, received: int) -> None:
        self.tag.append(tag)
        self.at.append(at)
        self.value.append(number)
        self.quality.append(status)
        self.text.append(text)
        self.received.append(received)
        if text is not None:
            self._texts = True

    def samples(self) -> Samples:
        """What was put together, in its order."""
        return Samples(
            self.tag,
            np.array(self.at, np.int64),
            np.array(self.value, np.float64),
            np.array(self.quality, np.uint32),
            self.text if self._texts else None,
            np.array(self.received, np.int64),
        )


def _date(ns: int) -> str:
    """A date of the server as text, in UTC."""
    if ns == 0:
        return ""
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)).isoformat()
    except OverflowError:
        return ""
