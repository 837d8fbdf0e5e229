"""A table of cells and years made square: every cell in every year, what is absent is zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.composite.structure import Floats

__all__ = ["Grid", "grid"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Values of cells over years.

    Parameters
    ----------
    years : in order
    labels : of each cell, one for each column of `by`
    by : those columns
    columns : names of the values
    values : shape `(years, cells, columns)`
    """

    years: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    by: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats


def grid(frame: pl.DataFrame, *, values: Sequence[str], by: Sequence[str], time: str, where: str = "data") -> Grid:
    """The frame as a grid.

    Parameters
    ----------
    frame : one row per cell and year, numbers or text
    values : columns of quantities
    by : columns that name a cell
    time : column of years, sorted as numbers where they are
    where : name of the table, for messages

    Raises
    ------
    FaultsFound : columns missing, cells twice in a year, what is no number, fewer than two years
    """
    faults = [
        Fault(
            f'there is no column "{name}"', where, f"the columns are: {', '.join(frame.columns[:20])}", "unknown_code"
        )
        for name in dict.fromkeys((*values, *by, time))
        if name not in frame.columns
    ]
    if not by:
        faults.append(Fault("no column names the cells", where, "name one or more", "no_cells"))
    if faults:
        raise FaultsFound("the table cannot be decomposed", faults, where=where)
    if not frame.height:
        raise InputError("the table has no rows", where=where, fix="write one row per cell and year", code="no_rows")
    # columns of their own names inside, whatever the table calls its columns
    cell = [f"by {k}" for k in range(len(by))]
    told = frame.select(
        *(
            pl.col(name).cast(pl.String).fill_null("").str.strip_chars().alias(inside)
            for name, inside in zip((*by, time), (*cell, "time"), strict=True)
        ),
        *(
            pl.col(name).cast(pl.String).str.strip_chars().str.replace_all(",", "").alias(f"value {name}")
            for name in dict.fromkeys(values)
        ),
    )
    for name in dict.fromkeys(values):
        said = told[f"value {name}"]
        bad = said.is_not_null() & (said != "") & said.cast(pl.Float64, strict=False).is_null()
        bad |= said.cast(pl.Float64, strict=False).is_infinite().fill_null(False)
        bad |= said.cast(pl.Float64, strict=False).is_nan().fill_null(False)
        faults += [
            Fault(f'"{said[i]}" is not a number', f"{where}, row {i + 2}, {name}", "write a number", "bad_number")
            for i in bad.arg_true().to_list()[:5]
        ]
    twice = told.group_by([*cell, "time"], maintain_order=True).len().filter(pl.col("len") > 1)
    faults += [
        Fault(
            f"the cell stands there {row[-1]} times", f"{where}, {'/'.join(row[:-1])}", "add them up", "duplicate_unit"
        )
        for row in twice.head(10).rows()
    ]
    if faults:
        raise FaultsFound("the table cannot be decomposed", faults, where=where)
    years = _ordered(told["time"].unique().to_list())
    if len(years) < 2:
        raise InputError("a change needs two years", where=where, fix="add another year", code="one_year")
    cells = told.select(cell).unique(maintain_order=True)
    labels = tuple(cells.rows())
    place = told.select(
        t=pl.col("time").replace_strict({year: at for at, year in enumerate(years)}, return_dtype=pl.Int64)
    ).to_series()
    c = told.join(cells.with_row_index("cell"), on=cell, how="left", nulls_equal=True, maintain_order="left")["cell"]
    out = np.zeros((len(years), len(labels), len(values)))
    for k, name in enumerate(values):
        numbers = told[f"value {name}"].cast(pl.Float64, strict=False).fill_null(0.0).to_numpy()
        out[place.to_numpy(), c.to_numpy(), k] = numbers
    return Grid(tuple(years), labels, tuple(by), tuple(values), out)


def _ordered(years: list[str]) -> list[str]:
    try:
        return sorted(years, key=float)
    except ValueError:
        return sorted(years)
