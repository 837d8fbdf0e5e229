"""What a monitor says: one verdict on one reading, verdicts on many, and the contract that all charts and detectors share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["RULES", "Monitor", "Verdict", "Verdicts"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RULES: dict[int, str] = {0: "", 1: "above", -1: "below", 2: "missing"}
"""Code of a finding in arrays, and its name: beyond the upper limit, beyond the lower limit, no reading."""

_WORDS = {
    "en": {
        "": "within {low:.6g} .. {high:.6g}",
        "above": "{value:.6g} is above {high:.6g}",
        "below": "{value:.6g} is below {low:.6g}",
        "missing": "there is no reading",
    },
    "zh": {
        "": "在 {low:.6g} ～ {high:.6g} 之内",
        "above": "{value:.6g} 高于上限 {high:.6g}",
        "below": "{value:.6g} 低于下限 {low:.6g}",
        "missing": "没有读数",
    },
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a chart says of one reading.

    Parameters
    ----------
    value : what is plotted: the reading, its moving average, the cumulative sum; unit of the chart
    low, high : limits that hold for it now; infinite where there is none on that side
    alarm : whether it lies beyond a limit
    rule : `above`, `below`, `missing` (there was no reading) or empty
    run : readings for which the departure has lasted, as far as the chart can tell; 0 where it cannot
    """

    value: float
    low: float
    high: float
    alarm: bool
    rule: str = ""
    run: int = 0

    def reason(self, lang: str = "en") -> str:
        """The verdict in words.

        >>> Verdict(10.4, 9.7, 10.3, True, "above").reason()
        '10.4 is above 10.3'
        """
        return _WORDS[lang][self.rule].format(value=self.value, low=self.low, high=self.high)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a chart says of many readings; every array has the shape of the readings, `(n,)` or `(streams, n)`.

    Parameters
    ----------
    value, low, high : as in a `Verdict`
    code : int8, key of `RULES`
    run : readings for which the departure has lasted
    """

    value: Floats
    low: Floats
    high: Floats
    code: NDArray[np.int8]
    run: Ints

    @property
    def alarm(self) -> NDArray[np.bool_]:
        """Where a reading lies beyond a limit."""
        return np.asarray(np.abs(self.code) == 1)

    def __len__(self) -> int:
        return int(self.value.shape[-1])

    def __getitem__(self, at: int | tuple[int, int]) -> Verdict:
        """One verdict: `[i]` of one stream, `[stream, i]` of many."""
        code = int(self.code[at])
        return Verdict(
            float(self.value[at]),
            float(self.low[at]),
            float(self.high[at]),
            abs(code) == 1,
            RULES[code],
            int(self.run[at]),
        )


class Monitor(Protocol):
    """Learns what is normal, then judges one reading at a time, or many at once with the same verdicts."""

    def learn(self, readings: Iterable[float]) -> Self:
        """Phase I: what is normal, from readings `(n,)` of one stream or `(streams, n)` of many; NaN is no reading."""
        ...

    def update(self, reading: float) -> Verdict:
        """Phase II: the verdict on the next reading of one stream."""
        ...

    def judge(self, readings: Floats) -> Verdicts:
        """Phase II: verdicts on the next readings, `(n,)` or `(streams, n)`."""
        ...

    def save(self) -> dict[str, Any]:
        """Settings, what was learned and where it stands, as plain values that JSON can hold."""
        ...
