"""A change of level at an unknown time and of unknown size: the generalised likelihood ratio over a window.

For each possible beginning k readings ago, the sum of the standardised readings since then over sqrt(k) is what a shift
would raise most; the chart takes the largest. It needs no guess of the size of the shift, and tells when it began: the
verdict's `run` is the most likely number of readings since.

Source: Lorden (1971); Siegmund and Venkatraman (1995); window-limited form: Lai (1995).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.monitor.chart import Chart, limit_of
from zhizao.decide.monitor.kernels import level_pass
from zhizao.decide.monitor.verdict import Verdicts
from zhizao.errors import InputError

__all__ = ["LevelChange", "level_limit"]

Floats = NDArray[np.float64]

_ARL0 = (50.0, 100.0, 200.0, 370.4, 500.0, 1000.0, 2000.0)

_LIMITS: dict[tuple[str, int], tuple[float, ...]] = {
    ("one", 12): (2.3042, 2.6201, 2.8969, 3.12, 3.222, 3.4442, 3.6528),
    ("one", 24): (2.3054, 2.6286, 2.9113, 3.1399, 3.2441, 3.4727, 3.6828),
    ("one", 36): (2.3026, 2.6287, 2.9151, 3.1463, 3.2513, 3.4815, 3.6938),
    ("one", 60): (2.3002, 2.6278, 2.9174, 3.1501, 3.2556, 3.4883, 3.7015),
    ("one", 120): (2.2984, 2.6269, 2.9176, 3.1521, 3.2586, 3.4928, 3.7078),
    ("both", 12): (2.6194, 2.8978, 3.1468, 3.3499, 3.445, 3.6519, 3.8446),
    ("both", 24): (2.6263, 2.9118, 3.1682, 3.3751, 3.4737, 3.6815, 3.8776),
    ("both", 36): (2.6258, 2.9149, 3.1748, 3.3831, 3.482, 3.6912, 3.8901),
    ("both", 60): (2.6246, 2.9167, 3.1784, 3.3889, 3.4889, 3.6989, 3.8991),
    ("both", 120): (2.6234, 2.9166, 3.1806, 3.3928, 3.4933, 3.705, 3.9061),
}
"""Limits by sides and window for the in-control run lengths `_ARL0`: simulated, 24,000 series of 5,000 readings."""

_WINDOWS = sorted({window for _, window in _LIMITS})


def level_limit(arl0: float, window: int = 60, sides: str = "both") -> float:
    """Limit for a wanted in-control run length, interpolated between simulated ones.

    Parameters
    ----------
    arl0 : 50 to 2000 readings
    window : 12 to 120 readings
    sides : both, high or low

    Examples
    --------
    >>> level_limit(100, 24) < level_limit(370, 24) < level_limit(370, 60)
    True
    """
    if not _ARL0[0] <= arl0 <= _ARL0[-1] or not _WINDOWS[0] <= window <= _WINDOWS[-1]:
        raise InputError(
            f"a run length of {arl0:g} with a window of {window} is not tabulated",
            fix=f"choose arl0 {_ARL0[0]:g} .. {_ARL0[-1]:g} and window {_WINDOWS[0]} .. {_WINDOWS[-1]}, or name a limit",
            code="bad_arl0",
        )
    side = "both" if sides == "both" else "one"
    by_window = [float(np.interp(np.log(arl0), np.log(_ARL0), _LIMITS[side, one])) for one in _WINDOWS]
    return float(np.interp(np.log(window), np.log(_WINDOWS), by_window))


class LevelChange(Chart):
    """Alarm when the readings since some time within the window lie too far from normal; says since when.

    Parameters
    ----------
    window : most readings that a change may lie back, 12 to 120 where the limit follows from `arl0`
    limit : in standard deviations of a standardised sum; that of a run length of 370 when neither is given
    arl0 : wanted in-control run length, in place of a limit
    sides, restart : as for all charts

    Examples
    --------
    >>> chart = LevelChange(arl0=370).known(0.0, 1.0)
    >>> verdicts = [chart.update(x) for x in [0.0] * 20 + [1.5] * 8]
    >>> verdicts[-1].alarm, verdicts[-1].run
    (True, 8)
    """

    kind = "level_change"

    def __init__(
        self,
        *,
        window: int = 60,
        limit: float | None = None,
        arl0: float | None = None,
        sides: str = "both",
        restart: bool = False,
    ) -> None:
        super().__init__(sides=sides, restart=restart)
        if not 1 <= window <= 10_000:
            raise InputError(
                f"a window of {window} readings is none", where="window", fix="give 1 to 10000", code="bad_window"
            )
        self.window = int(window)
        if limit is None and arl0 is None:
            arl0 = 370.4
        found = limit_of(limit, arl0, 0.0)
        self.limit = level_limit(arl0 or 0, self.window, sides) if found is None else found

    def _settings(self) -> dict[str, Any]:
        return {"window": self.window, "limit": self.limit, "sides": self.sides, "restart": self.restart}

    def _start(self) -> Floats:
        return np.zeros((self.streams, 2 + self.window))

    def _pass(self, readings: Floats, out: Verdicts) -> None:
        level_pass(
            readings, self.mean, self.sd, self.window, self.limit, self.side, self.restart, self._state,
            out.value, out.low, out.high, out.code, out.run,
        )  # fmt: skip
