"""Series of many industries as arrays: one value per industry, signal and month, turned so that up is bad.

Months are regular; a month without a row is a missing reading. Where rows say when they were known (`known_at`), a panel as
of a month holds what was known then, in the version known then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.alerts.gather import FINER, gather
from zhizao.programme.alerts.signals import SIGNALS, Signal, add_signals

__all__ = ["Panel", "month_text", "panel_of"]

Floats = NDArray[np.float64]
_STEP = {1: 12, 3: 4, 12: 1}
"""Months between readings, and readings in a season."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Signals of industries.

    Parameters
    ----------
    scopes : codes, (n,)
    months : first day of each period, (t,)
    period : readings in a year: 12, 4 or 1
    signals : which are there, in the order of `values`
    values : in their own unit, (n, signals, t)
    charted : as charted (logarithm, change on a year), bad upwards, (n, signals, t)
    """

    scopes: tuple[str, ...]
    months: tuple[date, ...]
    period: int
    signals: tuple[Signal, ...]
    values: Floats
    charted: Floats

    def at(self, month: date) -> int:
        """Place of a month, the last one not after it."""
        found = int(np.searchsorted(np.array(self.months, "datetime64[D]"), np.datetime64(month), side="right")) - 1
        if found < 0:
            raise InputError(
                f"the data begin in {month_text(self.months[0])}, after {month_text(month)}",
                where="as of",
                fix="name a later month",
                code="before_data",
            )
        return found

    def until(self, last: int) -> Panel:
        """The panel up to and including a month by place."""
        cut = slice(0, last + 1)
        return Panel(
            self.scopes, self.months[cut], self.period, self.signals, self.values[..., cut], self.charted[..., cut]
        )

    def series(self, key: str) -> Floats | None:
        """Values of one signal, (n, t), or None where it is absent."""
        for i, signal in enumerate(self.signals):
            if signal.key == key:
                return np.asarray(self.values[:, i])
        return None


def month_text(month: date) -> str:
    """As people write it: 2024-06."""
    return f"{month:%Y-%m}"


def _as_charted(signal: Signal, values: Floats, period: int) -> Floats:
    if signal.scale == "level":
        out = values.copy()
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            out = np.where(values > 0, np.log(values), np.nan)
        if signal.scale == "yearly":
            change = np.full_like(out, np.nan)
            change[..., period:] = out[..., period:] - out[..., :-period] if out.shape[-1] > period else np.nan
            out = change
    return np.asarray(signal.sign * out)


def panel_of(frame: pl.DataFrame, *, scope: str = "industry", as_of: date | None = None) -> Panel:
    """A panel from one row per scope and month.

    Parameters
    ----------
    frame : columns `scope`, `month` (dates), items or signals; `known_at` where there are versions; finer rows (by region,
        product or enterprise) are gathered first
    scope : name of the column of the scope
    as_of : nothing later is looked at: no later month, no later version

    Raises
    ------
    InputError : when rows repeat, months are irregular, or no signal is there
    """
    for need in (scope, "month"):
        if need not in frame.columns:
            raise InputError(f'there is no column "{need}"', fix="see docs/alerts.md for the columns", code="no_column")
    if as_of is not None:
        frame = frame.filter(pl.col("month") <= as_of)
        if "known_at" in frame.columns:
            frame = frame.filter(pl.col("known_at") <= as_of)
    if "known_at" in frame.columns:
        finer = [one for one in FINER if one in frame.columns]
        frame = frame.sort("known_at").unique([scope, *finer, "month"], keep="last", maintain_order=True)
    frame = gather(frame, scope)
    frame = add_signals(frame.drop_nulls([scope, "month"])).sort(scope, "month")
    if frame.is_empty():
        raise InputError(
            "no row is left" + (f" up to {month_text(as_of)}" if as_of else ""),
            fix="name a later month, or give rows with an industry and a month",
            code="no_rows",
        )
    twice = frame.filter(frame.select(scope, "month").is_duplicated())
    if twice.height:
        where, when = twice.row(0, named=True)[scope], twice.row(0, named=True)["month"]
        raise InputError(
            f"{where} has {month_text(when)} more than once ({twice.height} rows repeat)",
            fix="give one row per industry and month, or a column known_at for versions",
            code="duplicate_rows",
        )
    signals = tuple(one for one in SIGNALS if one.key in frame.columns and frame[one.key].is_not_null().any())
    if not signals:
        raise InputError(
            f"no signal can be made of the columns {', '.join(frame.columns[:12])}",
            fix="give utilisation, or output_cny and capacity_cny; see docs/alerts.md for the others",
            code="no_signal",
        )
    number = frame["month"].dt.year().cast(pl.Int64) * 12 + frame["month"].dt.month().cast(pl.Int64)
    present = number.unique().sort().to_numpy()
    step = int(np.gcd.reduce(np.diff(present))) if len(present) > 1 else 1
    step = max((one for one in _STEP if step % one == 0), default=1)
    first, count = int(present[0]), int(present[-1] - present[0]) // step + 1
    if count > 12_000:
        raise InputError(
            f"the months reach from {month_text(frame['month'].min())} to {month_text(frame['month'].max())}",  # type: ignore[arg-type]
            fix="check the years",
            code="bad_months",
        )
    scopes = tuple(frame[scope].cast(pl.String).unique().sort().to_list())
    row = (
        frame[scope].cast(pl.String).replace_strict(scopes, list(range(len(scopes))), return_dtype=pl.Int64).to_numpy()
    )
    column = (number.to_numpy() - first) // step
    values = np.full((len(scopes), len(signals), count), np.nan)
    for i, signal in enumerate(signals):
        values[row, i, column] = frame[signal.key].cast(pl.Float64).fill_null(np.nan).to_numpy()
    values[~np.isfinite(values)] = np.nan
    months = tuple(date((first - 1 + step * k) // 12, (first - 1 + step * k) % 12 + 1, 1) for k in range(count))
    charted = np.stack([_as_charted(one, values[:, i], _STEP[step]) for i, one in enumerate(signals)], axis=1)
    return Panel(scopes, months, _STEP[step], signals, values, charted)
