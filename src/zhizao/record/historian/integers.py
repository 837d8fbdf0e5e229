"""Values as whole numbers of their resolution, where that loses nothing.

A reading of 41.50 mm from a gauge that tells hundredths is the whole number 4150 with scale 2. Whole numbers that change
by little take one byte where a double takes five to eight. Nothing is rounded: a value counts as a whole number of
hundredths only when dividing by 100 gives the very same double again; other values stay doubles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zhizao.record.historian.kernels import least_scale

__all__ = ["MOST_DIGITS", "scaled", "scales", "unscaled"]

MOST_DIGITS = 9
"""Decimals after which a value is not looked at as a decimal number any more."""

_POWERS = 10.0 ** np.arange(MOST_DIGITS + 1)


def scales(run: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.int8]:
    """Least number of decimals that tells all values of a run exactly; -1 where there is none.

    Parameters
    ----------
    run : first row of each run of one tag, and the number of rows at the end
    value : float64; nan counts as told by any number of decimals

    Examples
    --------
    >>> scales(np.array([0, 2, 3, 4]), np.array([41.5, 40.25, 1 / 3, 7.0])).tolist()
    [2, -1, 0]
    """
    least: NDArray[np.int8] = least_scale(run, value, _POWERS)
    return least


def scaled(value: NDArray[np.float64], scale: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Whole numbers, and which rows have one.

    Parameters
    ----------
    value : float64
    scale : decimals of each row, -1 for none

    Examples
    --------
    >>> whole, told = scaled(np.array([41.5, 1 / 3, np.nan]), np.array([2, -1, 2], np.int8))
    >>> whole.tolist(), told.tolist()
    ([4150, 0, 0], [True, False, False])
    """
    told = (scale >= 0) & ~np.isnan(value)
    whole = np.zeros(len(value), np.int64)
    whole[told] = np.rint(value[told] * _POWERS[scale[told]]).astype(np.int64)
    return whole, told


def unscaled(whole: NDArray[np.int64], scale: NDArray[np.int8]) -> NDArray[np.float64]:
    """Values of whole numbers; scale -1 gives nan.

    Examples
    --------
    >>> unscaled(np.array([4150, 0]), np.array([2, -1], np.int8)).tolist()
    [41.5, nan]
    """
    value: NDArray[np.float64] = whole / _POWERS[np.maximum(scale, 0)]
    value[scale < 0] = np.nan
    return value
