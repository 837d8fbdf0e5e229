"""What comes in as a column and leaves as an array: numbers that are numbers, and labels as codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import InputError

__all__ = ["Column", "Floats", "Groups", "Ints", "groups", "numbers", "sums"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Column: TypeAlias = pl.Series | NDArray[Any] | Sequence[Any]


@dataclass(frozen=True, slots=True)
class Groups:
    """Labels as codes.

    Parameters
    ----------
    codes : position of each row's label, shape (n,); -1 where there is none
    labels : labels in ascending order
    """

    codes: Ints
    labels: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many labels there are."""
        return len(self.labels)


def groups(*columns: Column, separator: str = "|") -> Groups:
    """Codes and labels of one column, or of several crossed.

    Parameters
    ----------
    columns : labels of any kind, each of shape (n,)
    separator : stands between the labels of crossed columns

    Examples
    --------
    >>> groups(["b", "a", None, "b"])
    Groups(codes=array([ 1,  0, -1,  1]), labels=('a', 'b'))
    >>> groups(["a", "a"], [1, 2]).labels
    ('a|1', 'a|2')
    """
    series = [_series(one) for one in columns]
    frame = pl.DataFrame({str(i): one for i, one in enumerate(series)})
    keys = frame.columns
    distinct = frame.unique().drop_nulls().sort(keys).with_row_index("code")
    codes = frame.join(distinct, on=keys, how="left", maintain_order="left")["code"]
    labels = distinct.select(pl.concat_str([pl.col(key).cast(pl.String) for key in keys], separator=separator))
    return Groups(codes.cast(pl.Int64).fill_null(-1).to_numpy().copy(), tuple(labels.to_series().to_list()))


def _series(column: Column) -> pl.Series:
    series = column if isinstance(column, pl.Series) else pl.Series(np.asarray(column).tolist())
    return series.fill_nan(None) if series.dtype.is_float() else series


def numbers(
    column: Column,
    name: str,
    *,
    rows: int | None = None,
    low: float | None = None,
    missing: bool = False,
    code: str = "bad_number",
) -> Floats:
    """A column as finite numbers.

    Parameters
    ----------
    column : values, shape (n,)
    name : what to call it in messages
    rows : how many there have to be
    low : smallest value that can be right
    missing : whether NaN may stand for an answer that is not there
    code : name of the cause when a value is below `low`

    Raises
    ------
    InputError : on text, infinite or missing numbers, too few or too many of them, or one below `low`
    """
    try:
        raw = column.to_numpy() if isinstance(column, pl.Series) else np.asarray(column)
        values = np.ascontiguousarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} holds text where numbers belong",
            where=name,
            fix="name a column of numbers, or mend the cells",
            code="text_in_numbers",
        ) from error
    if values.ndim != 1 or (rows is not None and len(values) != rows):
        raise InputError(
            f"{name} has shape {values.shape}, where {rows} values are needed",
            where=name,
            fix="give one value a row of the sample",
            code="wrong_length",
        )
    bad = ~np.isfinite(values)
    if missing:
        bad &= ~np.isnan(values)
    if bad.any():
        raise InputError(
            f"{name} has {int(bad.sum())} values that are missing or infinite",
            where=f"{name}, row {int(np.argmax(bad)) + 1}",
            fix="impute them with a flag, or leave these rows out of the domain",
            code="missing_values",
        )
    if low is not None and (values < low).any():
        at = int(np.argmax(values < low))
        raise InputError(
            f"{name} is {values[at]:g} where nothing below {low:g} can be right",
            where=f"{name}, row {at + 1}",
            fix="mend the value",
            code=code,
        )
    return values


def sums(codes: Ints, values: Floats, count: int) -> Floats:
    """Sums of values by code, shape (count,); rows with code -1 are left out.

    Examples
    --------
    >>> sums(np.array([1, 0, 1, -1]), np.array([1.0, 2.0, 3.0, 9.0]), 2)
    array([2., 4.])
    """
    inside = codes >= 0
    if not inside.all():
        codes, values = codes[inside], values[inside]
    return np.asarray(np.bincount(codes, weights=values, minlength=count), dtype=np.float64)
