"""A chart for series with season, trend and memory: what is normal is forecast, and the errors are charted.

Monthly economic series rise and fall with the calendar and drift slowly. A chart on the raw readings would alarm at every
Spring Festival; a chart on deseasonalised readings would alarm far too often, because neighbouring months resemble each
other. So phase I fits a level for each place in the season (and a trend, where asked), and first-order autoregression of
what is left; phase II hands the standardised one-step errors to a chart for independent readings.

Source: Alwan and Roberts (1988); small-sample bias of the autoregression: Kendall (1954).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.monitor.chart import Chart, as_streams, load
from zhizao.decide.monitor.kernels import residual_pass
from zhizao.decide.monitor.verdict import Verdicts
from zhizao.errors import InputError

__all__ = ["Residual"]

Floats = NDArray[np.float64]

_MOST_MEMORY = 0.95
"""Autoregression above this would let a departure pass as normal within a few months."""


class Residual(Chart):
    """Seasonal levels, trend and AR(1) learned; a chart of independent readings on the standardised one-step errors.

    Parameters
    ----------
    chart : the chart of the errors, unlearned; its verdicts are in standard deviations of an error; where it is given
        `learned`, half the readings of phase I, since the autoregression is learned as well
    period : readings in a season (12 months, 4 quarters); 1 without season
    trend : fit a straight trend as well and carry it on; only sensible where judging goes on for less than was learned

    Examples
    --------
    >>> import numpy as np
    >>> from zhizao.decide.monitor import Cusum
    >>> rng = np.random.default_rng(1)
    >>> months = np.arange(120)
    >>> normal = 75 + 8 * np.sin(months * np.pi / 6) + rng.normal(0, 1, 120)
    >>> chart = Residual(chart=Cusum(slack=0.5, arl0=500)).learn(normal[:72])
    >>> bool(chart.judge(normal[72:84]).alarm.any())
    False
    >>> bool(chart.judge(normal[84:] - 3).alarm[:6].any())
    True
    """

    kind = "residual"

    def __init__(self, *, chart: Chart, period: int = 12, trend: bool = False) -> None:
        super().__init__(sides=chart.sides, restart=chart.restart)
        if not 1 <= period <= 366:
            raise InputError(
                f"a season of {period} readings is none",
                where="period",
                fix="give 12 for months, 4 for quarters, 1 for none",
                code="bad_period",
            )
        self.chart, self.period, self.trend = chart, int(period), bool(trend)
        self._base: Floats = np.empty((0, 0))
        self._step: Floats = np.empty(0)
        self._phi: Floats = np.empty(0)
        self._level_sd: Floats = np.empty(0)

    @property
    def memory(self) -> Floats:
        """First-order autoregression, (streams,)."""
        self._learned()
        return self._phi

    @property
    def level_sd(self) -> Floats:
        """Standard deviation of the departures from the seasonal level, (streams,)."""
        self._learned()
        return self._level_sd

    def normal(self, ahead: int = 0) -> Floats:
        """Seasonal level of the reading after `ahead` more, (streams,)."""
        self._learned()
        clock = self._state[:, 0] + ahead
        rows = np.arange(self.streams)
        return np.asarray(self._base[rows, clock.astype(np.int64) % self.period] + self._step * clock)

    def learn(self, readings: Iterable[float] | Floats) -> Self:
        """Phase I. Two full seasons at least; NaN is no reading.

        Raises
        ------
        InputError : when a stream has too few readings for its season
        """
        data, _ = as_streams(readings)
        streams, n = data.shape
        known = np.isfinite(data)
        p = self.period + int(self.trend)
        need = max(2 * self.period, p + 4)
        if streams == 0 or (known.sum(axis=1) < need).any():
            raise InputError(
                f"{int(known.sum(axis=1).min()) if streams else 0} readings are too few for a season of {self.period}",
                fix=f"give {need} or more from a normal time",
                code="too_few_readings",
            )
        coefs, left = self._fit(data, known)
        self._base, self._step = coefs[:, : self.period], coefs[:, self.period] if self.trend else np.zeros(streams)
        degrees = known.sum(axis=1) - p
        level_var = np.where(known, left**2, 0.0).sum(axis=1) / degrees
        pairs = known[:, 1:] & known[:, :-1]
        count = pairs.sum(axis=1)
        product = np.where(pairs, left[:, 1:] * left[:, :-1], 0.0).sum(axis=1) / np.maximum(count, 1)
        square = np.where(known, left**2, 0.0).sum(axis=1) / known.sum(axis=1)
        phi = np.where(square > 0, product / np.where(square > 0, square, 1.0), 0.0)
        phi = phi + (1 + 4 * phi) / np.maximum(count, 1)
        self._phi = np.clip(phi, 0.0, _MOST_MEMORY)
        self._level_sd = np.sqrt(level_var)
        self.known(np.nanmean(data, axis=1), np.sqrt(level_var * (1 - self._phi**2)))
        tail = np.where(known, left, np.nan)
        self._state = self._end_state(tail, n)
        return self

    def _fit(self, data: Floats, known: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Coefficients (streams, period [+ 1]) and what is left (streams, n)."""
        n = data.shape[1]
        at = np.arange(n)
        design = np.zeros((n, self.period + int(self.trend)))
        design[at, at % self.period] = 1.0
        if self.trend:
            design[:, self.period] = at
        filled = np.where(known, data, 0.0)
        if known.all():
            coefs = filled @ np.linalg.pinv(design).T
        else:
            gram = np.einsum("sn,np,nq->spq", known.astype(np.float64), design, design, optimize=True)
            gram += 1e-9 * np.eye(gram.shape[1])
            coefs = np.linalg.solve(gram, (filled @ design)[:, :, None])[:, :, 0]
            empty = gram[:, range(self.period), range(self.period)] < 0.5
            if empty.any():  # a month never seen is taken at the mean of the others
                means = filled.sum(axis=1) / known.sum(axis=1)
                coefs[:, : self.period] = np.where(empty, means[:, None], coefs[:, : self.period])
        return coefs, data - coefs @ design.T

    @staticmethod
    def _end_state(left: Floats, n: int) -> Floats:
        """Clock, last departure, readings since: where learning ended."""
        seen = np.isfinite(left)
        last = n - 1 - np.argmax(seen[:, ::-1], axis=1)
        return np.column_stack([np.full(len(left), float(n)), left[np.arange(len(left)), last], (n - 1.0) - last])

    def _settings(self) -> dict[str, Any]:
        plain = {**self.chart.save(), "mean": None, "sd": [], "state": []}
        return {"chart": plain, "period": self.period, "trend": self.trend}

    def _start(self) -> Floats:
        self.chart.known(np.zeros(self.streams), np.ones(self.streams))
        return np.column_stack([np.zeros(self.streams), np.zeros(self.streams), np.full(self.streams, -1.0)])

    def errors(self, readings: Floats) -> Floats:
        """Standardised one-step errors of the next readings, (streams, n); moves the clock on."""
        out = np.empty_like(readings)
        residual_pass(readings, self._base, self._step, self._phi, self.sd, self._state, out)
        return out

    def _pass(self, readings: Floats, out: Verdicts) -> None:
        self.chart._pass(self.errors(readings), out)

    def save(self) -> dict[str, Any]:
        """As for all charts, with season, trend, memory, and the inner chart."""
        more = {"base": self._base, "step": self._step, "phi": self._phi, "level_sd": self._level_sd}
        return {
            **super().save(),
            **{key: value.tolist() for key, value in more.items()},
            "inner": self.chart.save(),
        }

    def _restore(self, saved: dict[str, Any]) -> None:
        super()._restore(saved)
        self._base = np.asarray(saved["base"], np.float64).reshape(self.streams, self.period if self.streams else 0)
        self._step, self._phi, self._level_sd = (
            np.asarray(saved[key], np.float64) for key in ("step", "phi", "level_sd")
        )
        self.chart = load(saved["inner"])

    @classmethod
    def of_settings(cls, settings: dict[str, Any]) -> Self:
        """From saved settings, the inner chart included."""
        return cls(**{**settings, "chart": load(settings["chart"])})
