"""EWMA and CUSUM of many streams in one pass at full speed: flags only, no verdict per reading.

For a plant's thousand tags or a nation's hundred thousand series, where most readings are normal: the flags say where to
look, and the charts of `charts` say what is there. Readings lie one time step after the other, `(n, streams)`.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.monitor.arl import cusum_limit, ewma_limit
from zhizao.decide.monitor.kernels import sweep_pass
from zhizao.errors import InputError, NotAllowed

__all__ = ["Sweep"]


class Sweep:
    """EWMA with fixed limits (flag 1) and two-sided CUSUM (flag 2), each with its own in-control run length.

    Parameters
    ----------
    weight, slack : of EWMA and CUSUM
    arl0 : in-control run length of each of the two
    single : float32 in place of float64: half the memory, the same flags but for readings within rounding of a limit

    Examples
    --------
    >>> import numpy as np
    >>> readings = np.zeros((40, 3)); readings[20:, 1] = 2.0
    >>> flags = Sweep(arl0=370).known(np.zeros(3), np.ones(3)).judge(readings)
    >>> flags[:20].any(), [int(f) for f in flags[30]]
    (np.False_, [0, 3, 0])
    """

    def __init__(self, *, weight: float = 0.2, slack: float = 0.5, arl0: float = 370.4, single: bool = False) -> None:
        kind: Any = np.float32 if single else np.float64
        half = ewma_limit(weight, arl0) * np.sqrt(weight / (2 - weight))
        self._settings = [kind(one) for one in (weight, half, slack, cusum_limit(slack, arl0))]
        self._kind = kind
        self._shift: NDArray[Any] | None = None
        self._scale: NDArray[Any] = np.empty(0)
        self._state: list[NDArray[Any]] = []

    def known(self, mean: NDArray[Any], sd: NDArray[Any]) -> Self:
        """Mean and spread of each stream, `(streams,)`, the spread above zero."""
        if np.shape(mean) != np.shape(sd) or np.ndim(mean) != 1 or not (np.asarray(sd) > 0).all():
            raise InputError(
                "mean and spread do not fit", fix="give both as (streams,), the spread above zero", code="bad_shape"
            )
        self._shift = np.ascontiguousarray(mean, self._kind)
        self._scale = np.ascontiguousarray(1.0 / np.asarray(sd), self._kind)
        self._state = [np.zeros(len(self._shift), self._kind) for _ in range(3)]
        return self

    def learn(self, readings: NDArray[Any]) -> Self:
        """Phase I from `(n, streams)`."""
        return self.known(np.mean(readings, axis=0), np.std(readings, axis=0, ddof=1))

    def judge(self, readings: NDArray[Any], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Flags of the next readings `(n, streams)`: 0, 1 EWMA, 2 CUSUM, 3 both; goes on where it stood.

        Readings have to be there: a missing one (NaN) would stay in the averages, so it is refused.
        """
        if self._shift is None:
            raise NotAllowed("Sweep has not learned what is normal and cannot judge", fix="call learn() or known()")
        data = np.ascontiguousarray(readings, self._kind)
        if data.ndim != 2 or data.shape[1] != len(self._shift):
            raise InputError(
                f"readings have the shape {data.shape}", fix=f"give (n, {len(self._shift)})", code="bad_shape"
            )
        flags = np.empty(data.shape, np.uint8) if out is None else out
        sweep_pass(data, self._shift, self._scale, *self._settings, *self._state, flags)
        if not np.isfinite(self._state[0]).all():
            raise InputError(
                "a reading is missing or infinite",
                fix="use Ewma and Cusum, which pass over missing readings",
                code="infinite",
            )
        return flags
