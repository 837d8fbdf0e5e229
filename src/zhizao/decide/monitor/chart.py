"""What all charts share: phase I, many streams at once, one reading at a time, saving and loading.

A chart is settings (constructor arguments), what was learned (mean and spread of each stream) and where it stands (its
state). One stream is many streams of which there is one: both forms run the same pass, so they give the same verdicts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.monitor.verdict import Verdict, Verdicts
from zhizao.errors import InputError, NotAllowed

__all__ = ["Chart", "as_streams", "load"]

Floats = NDArray[np.float64]
Sides = {"both": 0, "high": 1, "low": -1}
_KINDS: dict[str, type[Chart]] = {}


def as_streams(readings: Iterable[float] | Floats) -> tuple[Floats, bool]:
    """Readings as (streams, n), and whether they were given as one stream.

    Raises
    ------
    InputError : when they are no numbers, infinite, or of more than two dimensions
    """
    try:
        data = np.asarray(readings if isinstance(readings, np.ndarray) else list(readings), np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"readings are not numbers ({error})",
            fix="give numbers; NaN stands for a missing reading",
            code="not_numbers",
        ) from error
    if data.ndim not in (1, 2):
        raise InputError(
            f"readings have {data.ndim} dimensions", fix="give (n,) for one stream or (streams, n)", code="bad_shape"
        )
    if np.isinf(data).any():
        raise InputError("a reading is infinite", fix="write NaN where there is no reading", code="infinite")
    return np.ascontiguousarray(np.atleast_2d(data)), data.ndim == 1


class Chart(ABC):
    """Base of the charts: one class, one paper.

    Parameters
    ----------
    sides : both, high or low: which departures are of interest
    restart : begin anew after each alarm, as after a repaired cause; otherwise go on, so that an alarm lasts
    """

    kind: ClassVar[str]
    """Name under which the chart is saved."""
    spread: ClassVar[str] = "sd"
    """How phase I finds the spread: `sd`, or `moving_range` (mean of |x_t - x_(t-1)| over 2/sqrt(pi))."""

    def __init__(self, *, sides: str = "both", restart: bool = False) -> None:
        if sides not in Sides:
            raise InputError(f'"{sides}" is no side', where="sides", fix="write both, high or low", code="bad_sides")
        self.sides, self.restart = sides, bool(restart)
        self._mean: Floats | None = None
        self._sd: Floats = np.empty(0)
        self._state: Floats = np.empty((0, 0))

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "kind" in cls.__dict__:
            _KINDS[cls.kind] = cls

    # what a chart adds
    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """Constructor arguments, as JSON can hold them."""

    @abstractmethod
    def _start(self) -> Floats:
        """State at the start, (streams, k)."""

    @abstractmethod
    def _pass(self, readings: Floats, out: Verdicts) -> None:
        """Judge (streams, n) readings, filling `out` and moving the state on."""

    # what all share
    @property
    def side(self) -> int:
        """0 for both sides, 1 for the upper, -1 for the lower."""
        return Sides[self.sides]

    @property
    def streams(self) -> int:
        """How many streams were learned; 0 before."""
        return 0 if self._mean is None else len(self._mean)

    @property
    def mean(self) -> Floats:
        """Mean of the normal, (streams,)."""
        return self._learned()

    @property
    def sd(self) -> Floats:
        """Standard deviation of the normal, (streams,)."""
        self._learned()
        return self._sd

    def learn(self, readings: Iterable[float] | Floats) -> Self:
        """Phase I: mean and spread of the normal.

        Parameters
        ----------
        readings : (n,) of one stream or (streams, n); NaN is no reading; two different ones at least in each stream

        Raises
        ------
        InputError : when a stream has too few readings, or all are the same
        """
        data, _ = as_streams(readings)
        known = np.isfinite(data)
        few = known.sum(axis=1) < 2
        if data.shape[0] == 0 or few.any():
            raise InputError(
                f"stream {int(np.argmax(few)) if len(few) else 0} has fewer than 2 readings to learn from",
                fix="give more readings from a time that was normal",
                code="too_few_readings",
            )
        mean = np.nanmean(data, axis=1)
        if self.spread == "moving_range":
            steps = np.abs(np.diff(data, axis=1))
            pairs = np.isfinite(steps).sum(axis=1)
            total = np.where(np.isfinite(steps), steps, 0.0).sum(axis=1)
            sd = np.where(pairs > 0, total / np.maximum(pairs, 1) * np.sqrt(np.pi) / 2, np.nanstd(data, axis=1, ddof=1))
        else:
            sd = np.nanstd(data, axis=1, ddof=1)
        return self.known(mean, sd)

    def known(self, mean: float | Floats, sd: float | Floats) -> Self:
        """Take mean and spread as given, in place of phase I.

        Parameters
        ----------
        mean, sd : one number, or (streams,); the spread above zero
        """
        self._mean = np.atleast_1d(np.asarray(mean, np.float64)).copy()
        self._sd = np.broadcast_to(np.atleast_1d(np.asarray(sd, np.float64)), self._mean.shape).copy()
        flat = ~((self._sd > 1e-12 * np.maximum(np.abs(self._mean), 1e-300)) & np.isfinite(self._mean))
        if flat.any():
            at = int(np.argmax(flat))
            self._mean = None
            raise InputError(
                f"all readings of stream {at} are the same (spread {self._sd[at]:g}), so nothing can be out of the ordinary",
                fix="learn from more readings, or name the spread with known(mean, sd)",
                code="no_spread",
            )
        self._state = self._start()
        return self

    def _learned(self) -> Floats:
        if self._mean is None:
            raise NotAllowed(
                f"{type(self).__name__} has not learned what is normal and cannot judge",
                fix="call learn() with readings from a normal time, or known(mean, sd)",
                code="not_learned",
            )
        return self._mean

    def judge(self, readings: Iterable[float] | Floats) -> Verdicts:
        """Phase II: verdicts on the next readings, `(n,)` or `(streams, n)`, of the same shape.

        Raises
        ------
        NotAllowed : before `learn`
        InputError : when the number of streams differs from what was learned
        """
        self._learned()
        data, single = as_streams(readings)
        if data.shape[0] != self.streams:
            raise InputError(
                f"{data.shape[0]} streams are given, {self.streams} were learned",
                fix="give readings as (streams, n) in the order in which they were learned",
                code="other_streams",
            )
        shape = data.shape
        out = Verdicts(
            np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape, np.int8), np.empty(shape, np.int64)
        )
        self._pass(data, out)
        if not single:
            return out
        return Verdicts(out.value[0], out.low[0], out.high[0], out.code[0], out.run[0])

    def update(self, reading: float) -> Verdict:
        """Phase II: the verdict on the next reading of one stream."""
        return self.judge(np.array([reading], np.float64))[0]

    def save(self) -> dict[str, Any]:
        """Settings, what was learned and where the chart stands, as JSON can hold them; `load` goes on from there."""
        return {
            "chart": self.kind,
            "version": 1,
            "settings": self._settings(),
            "mean": None if self._mean is None else self._mean.tolist(),
            "sd": self._sd.tolist(),
            "state": self._state.tolist(),
        }

    @classmethod
    def of_settings(cls, settings: dict[str, Any]) -> Self:
        """A chart from saved settings, unlearned."""
        return cls(**settings)

    def _restore(self, saved: dict[str, Any]) -> None:
        if saved["mean"] is not None:
            self.known(np.asarray(saved["mean"]), np.asarray(saved["sd"]))
            self._state = np.asarray(saved["state"], np.float64).reshape(self._state.shape)


def load(saved: dict[str, Any]) -> Any:
    """The chart that `save` wrote, standing where it stood.

    Raises
    ------
    InputError : when it is of a kind or version that is not known here, or broken
    """
    kind = _KINDS.get(str(saved.get("chart"))) if isinstance(saved, dict) else None
    if kind is None or saved.get("version") != 1:
        raise InputError(
            f"this is no saved chart of a known kind: {str(saved)[:60]}",
            fix=f"kinds known here, version 1: {', '.join(sorted(_KINDS))}",
            code="unknown_chart",
        )
    try:
        chart = kind.of_settings(saved["settings"])
        chart._restore(saved)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the saved {saved['chart']} chart is broken: {error}", fix="save it again", code="broken_chart"
        ) from error
    return chart


def limit_of(limit: float | None, arl0: float | None, usual: float) -> float | None:
    """The limit where it is given or usual; None where it follows from the run length."""
    if limit is not None and arl0 is not None:
        raise InputError(
            f"both a limit ({limit:g}) and a run length ({arl0:g}) are given", fix="give one of them", code="two_limits"
        )
    if limit is not None and not 0 < limit < np.inf:
        raise InputError(
            f"a limit of {limit:g} is none", where="limit", fix="give a number above zero", code="bad_limit"
        )
    return limit if arl0 is None and limit is not None else (usual if arl0 is None else None)
