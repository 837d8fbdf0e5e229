"""Three charts for independent readings: Shewhart's for single readings, the moving average, the cumulative sum.

Each takes a limit, or the in-control run length that is wanted (`arl0`, readings between two false alarms).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.monitor.arl import cusum_arl, cusum_limit, ewma_arl, ewma_limit, shewhart_arl, shewhart_limit
from zhizao.decide.monitor.chart import Chart, limit_of
from zhizao.decide.monitor.kernels import cusum_pass, ewma_pass, shewhart_pass
from zhizao.decide.monitor.verdict import Verdicts
from zhizao.errors import InputError

__all__ = ["Cusum", "Ewma", "Individuals"]

Floats = NDArray[np.float64]


def _share(value: float, name: str, *, low: float, high: float, open_low: bool) -> float:
    if not (low < value if open_low else low <= value) or not value <= high:
        raise InputError(
            f"{name} {value!r} lies outside {low:g} .. {high:g}",
            where=name,
            fix="choose one inside",
            code="bad_setting",
        )
    return float(value)


def _count(learned: int | None) -> int | None:
    if learned is not None and learned < 10:
        raise InputError(
            f"{learned} readings are too few to learn from and keep a rate of false alarms",
            where="learned",
            fix="give 10 or more, or a limit",
            code="bad_setting",
        )
    return learned


class Individuals(Chart):
    """Shewhart's chart for single readings: an alarm beyond `limit` standard deviations; spread from moving ranges.

    Parameters
    ----------
    limit : standard deviations; 3 when neither is given
    arl0 : wanted in-control run length, in place of a limit
    sides, restart : as for all charts

    Examples
    --------
    >>> chart = Individuals(limit=3.0).known(10.0, 0.2)
    >>> chart.update(10.5).alarm, chart.update(10.7).alarm
    (False, True)

    Source: Shewhart (1931); ISO 7870-2.
    """

    kind = "individuals"
    spread = "moving_range"

    def __init__(
        self, *, limit: float | None = None, arl0: float | None = None, sides: str = "both", restart: bool = False
    ) -> None:
        super().__init__(sides=sides, restart=restart)
        found = limit_of(limit, arl0, 3.0)
        self.limit = shewhart_limit(arl0 or 0, sides) if found is None else found

    @property
    def arl0(self) -> float:
        """In-control run length that the limit gives."""
        return shewhart_arl(self.limit, 0.0, self.sides)

    def _settings(self) -> dict[str, Any]:
        return {"limit": self.limit, "sides": self.sides, "restart": self.restart}

    def _start(self) -> Floats:
        return np.zeros((self.streams, 1))

    def _pass(self, readings: Floats, out: Verdicts) -> None:
        shewhart_pass(
            readings, self.mean, self.sd, self.limit, self.side, self._state,
            out.value, out.low, out.high, out.code, out.run,
        )  # fmt: skip


class Ewma(Chart):
    """Exponentially weighted moving average: finds small lasting shifts soon.

    Parameters
    ----------
    weight : of the newest reading, above 0 up to 1
    limit : width in standard deviations of the average; 3 when neither is given
    arl0 : wanted in-control run length, in place of a limit
    learned : with `arl0`: how many readings phase I will have; widens the limit for what it gets wrong
    exact : limits open with the number of readings (default), or have their final width from the start
    sides, restart : as for all charts

    Examples
    --------
    >>> chart = Ewma(weight=0.5).learn([9.8, 10.0, 10.2])
    >>> first, second = chart.update(10.5), chart.update(10.6)
    >>> f"{first.value:.2f} {first.low:.2f} {first.high:.2f} {first.alarm}"
    '10.25 9.70 10.30 False'
    >>> f"{second.value:.3f} {second.low:.2f} {second.high:.2f} {second.alarm}"
    '10.425 9.66 10.34 True'

    Source: Roberts (1959); Lucas and Saccucci (1990); ISO 7870-6.
    """

    kind = "ewma"

    def __init__(
        self,
        *,
        weight: float = 0.2,
        limit: float | None = None,
        arl0: float | None = None,
        exact: bool = True,
        learned: int | None = None,
        sides: str = "both",
        restart: bool = False,
    ) -> None:
        super().__init__(sides=sides, restart=restart)
        self.weight = _share(weight, "weight", low=0, high=1, open_low=True)
        self.exact = bool(exact)
        found = limit_of(limit, arl0, 3.0)
        if found is None:
            found = ewma_limit(self.weight, arl0 or 0, sides=sides, exact=self.exact, learned=_count(learned))
        self.limit = found

    @property
    def arl0(self) -> float:
        """In-control run length that the limit gives, mean and spread taken as known."""
        return ewma_arl(self.weight, self.limit, sides=self.sides, exact=self.exact)

    def _settings(self) -> dict[str, Any]:
        return {
            "weight": self.weight,
            "limit": self.limit,
            "exact": self.exact,
            "sides": self.sides,
            "restart": self.restart,
        }

    def _start(self) -> Floats:
        return np.column_stack([self.mean, np.ones(self.streams), np.zeros(self.streams)])

    def _pass(self, readings: Floats, out: Verdicts) -> None:
        ewma_pass(
            readings, self.mean, self.sd, self.weight, self.limit, self.side, self.exact, self.restart, self._state,
            out.value, out.low, out.high, out.code, out.run,
        )  # fmt: skip


class Cusum(Chart):
    """Tabular cumulative sum, in standard deviations: the soonest chart for a shift of twice the slack.

    With a mean that is known, the upper sum is also the statistic of Page and Hinkley. The verdict's value is the greater
    of the two sums, the lower one negated; its `run` is how many readings ago that sum left zero.

    Parameters
    ----------
    slack : reference value k in standard deviations, half the shift to be found
    limit : decision interval h; 5 when neither is given
    arl0 : wanted in-control run length, in place of a limit
    learned : with `arl0`: how many readings phase I will have; widens the limit for what it gets wrong
    head_start : start of the sums as a share of the limit (fast initial response: 0.5)
    sides, restart : as for all charts; a restart begins with the head start again

    Examples
    --------
    >>> chart = Cusum(slack=0.5, limit=4.0).known(0.0, 1.0)
    >>> [chart.update(x).value for x in (1.0, 1.5, 0.0, 3.0)]
    [0.5, 1.5, 1.0, 3.5]
    >>> chart.update(1.2).alarm
    True

    Source: Page (1954); head start: Lucas and Crosier (1982); ISO 7870-4.
    """

    kind = "cusum"

    def __init__(
        self,
        *,
        slack: float = 0.5,
        limit: float | None = None,
        arl0: float | None = None,
        head_start: float = 0.0,
        learned: int | None = None,
        sides: str = "both",
        restart: bool = False,
    ) -> None:
        super().__init__(sides=sides, restart=restart)
        self.slack = _share(slack, "slack", low=0, high=5, open_low=False)
        self.head_start = _share(head_start, "head_start", low=0, high=0.95, open_low=False)
        found = limit_of(limit, arl0, 5.0)
        if found is None:
            found = cusum_limit(self.slack, arl0 or 0, sides=sides, head_start=self.head_start, learned=_count(learned))
        self.limit = found

    @property
    def arl0(self) -> float:
        """In-control run length that the limit gives, mean and spread taken as known."""
        return cusum_arl(self.slack, self.limit, sides=self.sides, head_start=self.head_start)

    def _settings(self) -> dict[str, Any]:
        return {
            "slack": self.slack,
            "limit": self.limit,
            "head_start": self.head_start,
            "sides": self.sides,
            "restart": self.restart,
        }

    def _start(self) -> Floats:
        state = np.zeros((self.streams, 4))
        if self.side >= 0:
            state[:, 0] = self.head_start * self.limit
        if self.side <= 0:
            state[:, 1] = self.head_start * self.limit
        return state

    def _pass(self, readings: Floats, out: Verdicts) -> None:
        cusum_pass(
            readings, self.mean, self.sd, self.slack, self.limit, self.head_start, self.side, self.restart, self._state,
            out.value, out.low, out.high, out.code, out.run,
        )  # fmt: skip
