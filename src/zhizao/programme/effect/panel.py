"""A panel of enterprises over periods, with the period in which each joined the programme."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.composite.structure import Floats

__all__ = ["NEVER", "Panel"]

NEVER = np.iinfo(np.int64).max
"""Cohort of those that never join."""
_NOT = ("", "na", "nan", "null", "none", "never", "从未", "未参加", "-")


@dataclass(frozen=True, slots=True)
class Panel:
    """Outcomes of units over periods.

    Parameters
    ----------
    units : names, in order
    times : periods, in order
    y : outcome, shape `(units, times)`, NaN where missing
    cohort : place among `times` of the first treated period of each unit; `NEVER` for none
    cluster : number of the cluster of each unit
    """

    units: tuple[str, ...]
    times: tuple[int, ...]
    y: Floats
    cohort: NDArray[np.int64]
    cluster: NDArray[np.int64]

    @property
    def ever(self) -> NDArray[np.bool_]:
        """Who joins within the panel."""
        return np.asarray(self.cohort != NEVER)

    def digest(self) -> str:
        """SHA-256 of the data, so that a finding names what it rests on."""
        told = hashlib.sha256()
        told.update("\x1f".join(self.units).encode())
        for array in (np.array(self.times, dtype=np.int64), self.y, self.cohort, self.cluster):
            told.update(np.ascontiguousarray(array).tobytes())
        return told.hexdigest()

    @classmethod
    def of(
        cls,
        frame: pl.DataFrame,
        *,
        unit: str,
        time: str,
        outcome: str,
        treated: str,
        cluster: str = "",
        transform: str = "none",
        window: tuple[int, int] | None = None,
        where: str = "panel",
    ) -> Panel:
        """A panel from rows of unit and period.

        Parameters
        ----------
        frame : one row per unit and period, numbers or text
        unit, time, outcome : columns
        treated : column with the first treated period of the unit (empty or `never` for none), or with 0 and 1 by row
        cluster : column of clusters; each unit is its own when empty
        transform : `log` takes the logarithm of the outcome
        window : first and last period that count
        where : name of the table, for messages

        Raises
        ------
        FaultsFound : columns missing, a unit twice in a period, a treatment that is taken back, what is no number
        """
        wanted = [unit, time, outcome, treated, *([cluster] if cluster else [])]
        faults = [
            Fault(
                f'there is no column "{name}"',
                where,
                f"the columns are: {', '.join(frame.columns[:20])}",
                "unknown_code",
            )
            for name in dict.fromkeys(wanted)
            if name not in frame.columns
        ]
        if faults:
            raise FaultsFound("the panel cannot be used", faults, where=where)
        told = frame.select(
            u=pl.col(unit).cast(pl.String).str.strip_chars(),
            t=pl.col(time).cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False),
            said=pl.col(outcome).cast(pl.String).str.strip_chars(),
            d=pl.col(treated).cast(pl.String).str.strip_chars().str.to_lowercase().fill_null(""),
            c=pl.col(cluster or unit).cast(pl.String).fill_null(""),
        ).with_columns(
            y=pl.when(pl.col("said").str.to_lowercase().is_in(_NOT))
            .then(None)
            .otherwise(pl.col("said").str.replace_all(",", ""))
            .cast(pl.Float64, strict=False)
        )
        bad = told.with_row_index("row").filter(
            pl.col("t").is_null() | (pl.col("t") != pl.col("t").round()) | pl.col("u").is_null() | (pl.col("u") == "")
        )
        faults += [
            Fault(
                "unit or period cannot be read", f"{where}, row {row + 2}", "write a name and a whole period", "bad_key"
            )
            for row in bad["row"].head(5).to_list()
        ]
        lost = told.with_row_index("row").filter(
            pl.col("y").is_null() & pl.col("said").is_not_null() & ~pl.col("said").str.to_lowercase().is_in(_NOT)
        )
        faults += [
            Fault(f'"{said}" is not a number', f"{where}, row {row + 2}, {outcome}", "write a number", "bad_number")
            for row, said in lost.select("row", "said").head(5).rows()
        ]
        if faults:
            raise FaultsFound("the panel cannot be used", faults, where=where)
        told = told.with_columns(pl.col("t").cast(pl.Int64))
        twice = told.group_by("u", "t").len().filter(pl.col("len") > 1).sort("u", "t")
        faults += [
            Fault(f"the unit stands there {n} times", f"{where}, {u}, {t}", "keep one row", "duplicate_unit")
            for u, t, n in twice.head(10).rows()
        ]
        first, wrong = _first_treated(told, where)
        faults += wrong
        if faults:
            raise FaultsFound("the panel cannot be used", faults, where=where)
        if window is not None:
            told = told.filter(pl.col("t").is_between(*window))
        if not told.height:
            raise InputError("no row is left in the window", where=where, fix="widen it", code="no_rows")
        if transform == "log":
            low = told["y"].min()
            if low is not None and float(str(low)) <= 0:
                raise InputError(
                    f"the outcome has a value of {float(str(low)):.6g}, which has no logarithm",
                    where=f"{where}, {outcome}",
                    fix="use transform: none",
                    code="negative",
                )
            told = told.with_columns(pl.col("y").log())
        times = sorted(told["t"].unique().to_list())
        units = told["u"].unique(maintain_order=True).to_list()
        row = {name: at for at, name in enumerate(units)}
        column = {name: at for at, name in enumerate(times)}
        y = np.full((len(units), len(times)), np.nan)
        i = told["u"].replace_strict(row, return_dtype=pl.Int64).to_numpy()
        j = told["t"].replace_strict(column, return_dtype=pl.Int64).to_numpy()
        y[i, j] = told["y"].fill_null(float("nan")).to_numpy()
        cohort = np.full(len(units), NEVER, dtype=np.int64)
        for name, period in first.items():
            if name in row and period <= times[-1]:
                cohort[row[name]] = int(np.searchsorted(times, period))
        labels = told.group_by("u", maintain_order=True).first()["c"].to_list()
        number = {label: at for at, label in enumerate(dict.fromkeys(labels))}
        return cls(tuple(units), tuple(times), y, cohort, np.array([number[one] for one in labels], dtype=np.int64))


def _first_treated(told: pl.DataFrame, where: str) -> tuple[dict[str, int], list[Fault]]:
    """First treated period by unit, from a column of periods or of 0 and 1."""
    faults: list[Fault] = []
    values = told["d"].unique().to_list()
    numbers: dict[str, float] = {}
    for value in values:
        if value in _NOT:
            continue
        try:
            numbers[value] = float(value)
        except ValueError:
            faults.append(
                Fault(
                    f'"{value}" is no period and not 0 or 1',
                    f"{where}, treated",
                    "write the first treated period",
                    "bad_number",
                )
            )
    if faults:
        return {}, faults
    said = told.with_columns(n=pl.col("d").replace_strict(numbers, default=None, return_dtype=pl.Float64))
    if numbers and set(numbers.values()) <= {0.0, 1.0}:
        on = said.filter(pl.col("n") == 1).group_by("u").agg(start=pl.col("t").min())
        back = said.join(on, on="u").filter((pl.col("t") >= pl.col("start")) & (pl.col("n").fill_null(0.0) != 1))
        faults += [
            Fault("the treatment is taken back", f"{where}, {name}", "leave the unit out", "not_absorbing")
            for name in back["u"].unique(maintain_order=True).head(10).to_list()
        ]
        return dict(on.rows()), faults
    told_once = (
        said.drop_nulls("n")
        .group_by("u", maintain_order=True)
        .agg(pl.col("n").n_unique().alias("k"), pl.col("n").first())
    )
    faults += [
        Fault("the unit joins in several periods", f"{where}, {name}", "write the first one", "two_cohorts")
        for name in told_once.filter(pl.col("k") > 1)["u"].head(10).to_list()
    ]
    return {str(name): int(period) for name, _, period in told_once.rows() if period > 0}, faults
