"""The passes of the charts over many streams, as plain loops over arrays that Numba compiles.

Shapes, the same for all: readings `x (streams, n)`; what was learned, `mean (streams,)` and `sd (streams,)`; `state
(streams, k)`, changed in place; out come `value`, `low`, `high`, `code`, `run`, all `(streams, n)`. `side` is 0 for both
sides, 1 for the upper, -1 for the lower. A missing reading (NaN) leaves the state as it is.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["cusum_pass", "ewma_pass", "level_pass", "residual_pass", "shewhart_pass", "sweep_pass"]

Floats = NDArray[np.float64]


def _shewhart(
    x: Floats,
    mean: Floats,
    sd: Floats,
    width: float,
    side: int,
    state: Floats,
    value: Floats,
    low: Floats,
    high: Floats,
    code: Any,
    run: Any,
) -> None:
    """State: readings in a row that lay on the present side of the mean, signed."""
    for s in range(x.shape[0]):
        bottom = mean[s] - width * sd[s] if side <= 0 else -np.inf
        top = mean[s] + width * sd[s] if side >= 0 else np.inf
        row = state[s, 0]
        for t in range(x.shape[1]):
            v = x[s, t]
            low[s, t], high[s, t], value[s, t] = bottom, top, v
            if math.isnan(v):
                code[s, t], run[s, t] = 2, 0
                continue
            if v > mean[s]:
                row = row + 1 if row > 0 else 1.0
            elif v < mean[s]:
                row = row - 1 if row < 0 else -1.0
            else:
                row = 0.0
            code[s, t] = 1 if v > top else (-1 if v < bottom else 0)
            run[s, t] = abs(int(row))
        state[s, 0] = row


def _ewma(
    x: Floats,
    mean: Floats,
    sd: Floats,
    weight: float,
    width: float,
    side: int,
    exact: bool,
    restart: bool,
    state: Floats,
    value: Floats,
    low: Floats,
    high: Floats,
    code: Any,
    run: Any,
) -> None:
    """State: moving average; (1 - weight) ** (2 t); readings in a row on the present side of the mean, signed."""
    keep = (1.0 - weight) * (1.0 - weight)
    for s in range(x.shape[0]):
        z, fade, row = state[s, 0], state[s, 1], state[s, 2]
        steady = width * sd[s] * math.sqrt(weight / (2.0 - weight))
        for t in range(x.shape[1]):
            v = x[s, t]
            if math.isnan(v):
                half = steady * math.sqrt(1.0 - fade) if exact else steady
                value[s, t], code[s, t], run[s, t] = np.nan, 2, 0
            else:
                z += weight * (v - z)
                fade *= keep
                half = steady * math.sqrt(1.0 - fade) if exact else steady
                if z > mean[s]:
                    row = row + 1 if row > 0 else 1.0
                elif z < mean[s]:
                    row = row - 1 if row < 0 else -1.0
                else:
                    row = 0.0
                value[s, t], run[s, t] = z, abs(int(row))
                code[s, t] = (
                    1 if (side >= 0 and z > mean[s] + half) else (-1 if (side <= 0 and z < mean[s] - half) else 0)
                )
            low[s, t] = mean[s] - half if side <= 0 else -np.inf
            high[s, t] = mean[s] + half if side >= 0 else np.inf
            if restart and (code[s, t] == 1 or code[s, t] == -1):
                z, fade, row = mean[s], 1.0, 0.0
        state[s, 0], state[s, 1], state[s, 2] = z, fade, row


def _cusum(
    x: Floats,
    mean: Floats,
    sd: Floats,
    slack: float,
    width: float,
    head: float,
    side: int,
    restart: bool,
    state: Floats,
    value: Floats,
    low: Floats,
    high: Floats,
    code: Any,
    run: Any,
) -> None:
    """State: upper sum, lower sum, readings since each was zero. The value is the greater sum, the lower one negated."""
    bottom = -width if side <= 0 else -np.inf
    top = width if side >= 0 else np.inf
    for s in range(x.shape[0]):
        up, down, n_up, n_down = state[s, 0], state[s, 1], state[s, 2], state[s, 3]
        for t in range(x.shape[1]):
            v = x[s, t]
            low[s, t], high[s, t] = bottom, top
            if math.isnan(v):
                value[s, t], code[s, t], run[s, t] = np.nan, 2, 0
                continue
            z = (v - mean[s]) / sd[s]
            up = max(0.0, up + z - slack) if side >= 0 else 0.0
            down = max(0.0, down - z - slack) if side <= 0 else 0.0
            n_up = n_up + 1 if up > 0 else 0.0
            n_down = n_down + 1 if down > 0 else 0.0
            if up >= down:
                value[s, t], run[s, t] = up, int(n_up)
                code[s, t] = 1 if up > width else 0
            else:
                value[s, t], run[s, t] = -down, int(n_down)
                code[s, t] = -1 if down > width else 0
            if restart and code[s, t] != 0:
                up, down = head * width if side >= 0 else 0.0, head * width if side <= 0 else 0.0
                n_up, n_down = 0.0, 0.0
        state[s, 0], state[s, 1], state[s, 2], state[s, 3] = up, down, n_up, n_down


def _level(
    x: Floats,
    mean: Floats,
    sd: Floats,
    window: int,
    width: float,
    side: int,
    restart: bool,
    state: Floats,
    value: Floats,
    low: Floats,
    high: Floats,
    code: Any,
    run: Any,
) -> None:
    """State: number of readings held, then the last `window` standardised readings, oldest overwritten first, and where."""
    bottom = -width if side <= 0 else -np.inf
    top = width if side >= 0 else np.inf
    for s in range(x.shape[0]):
        held, at = int(state[s, 0]), int(state[s, 1])
        for t in range(x.shape[1]):
            v = x[s, t]
            low[s, t], high[s, t] = bottom, top
            if math.isnan(v):
                value[s, t], code[s, t], run[s, t] = np.nan, 2, 0
                continue
            state[s, 2 + at] = (v - mean[s]) / sd[s]
            held = min(held + 1, window)
            best, best_k, total, place = 0.0, 0, 0.0, at
            for k in range(1, held + 1):
                total += state[s, 2 + place]
                place = place - 1 if place > 0 else window - 1
                score = total / math.sqrt(k)
                if (side == 0 and abs(score) > abs(best)) or side * score > side * best:
                    best, best_k = score, k
            at = at + 1 if at + 1 < window else 0
            value[s, t], run[s, t] = best, best_k
            code[s, t] = 1 if best > top else (-1 if best < bottom else 0)
            if restart and code[s, t] != 0:
                held, at = 0, 0
        state[s, 0], state[s, 1] = held, at


def _residual(x: Floats, base: Floats, step: Floats, phi: Floats, sd: Floats, state: Floats, out: Floats) -> None:
    """Standardised one-step errors of season, trend and AR(1).

    `base (streams, period)` level of each month of the season, `step (streams,)` trend per reading, `phi`, `sd`
    `(streams,)`; state: clock, last departure, readings since it was seen (-1: never).
    """
    period = base.shape[1]
    for s in range(x.shape[0]):
        clock, last, gap = state[s, 0], state[s, 1], state[s, 2]
        steady = sd[s] / math.sqrt(1.0 - phi[s] * phi[s])
        for t in range(x.shape[1]):
            normal = base[s, int(clock) % period] + step[s] * clock
            clock += 1.0
            v = x[s, t]
            if gap >= 0:
                gap += 1.0
            if math.isnan(v):
                out[s, t] = np.nan
                continue
            departure = v - normal
            if gap < 0:
                out[s, t] = departure / steady
            elif gap == 1.0:
                out[s, t] = (departure - phi[s] * last) / sd[s]
            else:
                carry = phi[s] ** gap
                out[s, t] = (departure - carry * last) / (steady * math.sqrt(1.0 - carry * carry))
            last, gap = departure, 0.0
        state[s, 0], state[s, 1], state[s, 2] = clock, last, gap


def _sweep(
    x: Any,
    shift: Any,
    scale: Any,
    weight: Any,
    half: Any,
    slack: Any,
    width: Any,
    z: Any,
    up: Any,
    down: Any,
    flags: Any,
) -> None:
    """EWMA (bit 1) and two-sided CUSUM (bit 2) of `x (n, streams)`, one time step of all streams after the other.

    The inner loop has no branch, so that the compiler makes it work on several streams at a time.
    """
    for t in range(x.shape[0]):
        for s in range(x.shape[1]):
            v = (x[t, s] - shift[s]) * scale[s]
            zs = z[s] + weight * (v - z[s])
            us = max(up[s] + v - slack, x.dtype.type(0))
            ds = max(down[s] - v - slack, x.dtype.type(0))
            z[s], up[s], down[s] = zs, us, ds
            flags[t, s] = np.uint8(abs(zs) > half) | (np.uint8(max(us, ds) > width) << np.uint8(1))


shewhart_pass: Any = numba.njit(cache=True, nogil=True)(_shewhart)
ewma_pass: Any = numba.njit(cache=True, nogil=True)(_ewma)
cusum_pass: Any = numba.njit(cache=True, nogil=True)(_cusum)
level_pass: Any = numba.njit(cache=True, nogil=True)(_level)
residual_pass: Any = numba.njit(cache=True, nogil=True)(_residual)
sweep_pass: Any = numba.njit(cache=True, nogil=True, fastmath=True)(_sweep)
