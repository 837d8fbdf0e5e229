"""Ours against another's, step by step: the greatest difference of each table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from zhizao.programme.composite.build import Built

__all__ = ["LIMIT", "Parity", "parity"]

LIMIT = 1e-8
"""Greatest difference that counts as the same."""


@dataclass(frozen=True, slots=True)
class Parity:
    """One table beside another.

    Parameters
    ----------
    step : whose output
    units, columns : that were compared
    difference : greatest absolute difference; infinite where one side lacks a value, unit or column
    """

    step: str
    units: int
    columns: int
    difference: float

    @property
    def same(self) -> bool:
        """Whether they agree to 1e-8."""
        return self.difference <= LIMIT


def parity(built: Built, others: Mapping[str, pl.DataFrame]) -> tuple[Parity, ...]:
    """Compare an index with tables of another engine.

    Parameters
    ----------
    built : ours
    others : tables by step (raw, denominated, ..., aggregated, results); the first column names the units, `Rank` and
        the codes are numbers

    Returns
    -------
    tuple of Parity
        One row per table given, in its order.
    """
    out = []
    for step, theirs in others.items():
        if step == "results":
            ours = built.results().rename({"rank": "Rank"})
        elif step in built.stages:
            ours = built.stages[step].frame()
        else:
            out.append(Parity(step, 0, 0, float("inf")))
            continue
        key = theirs.columns[0]
        both = ours.join(theirs, left_on="unit", right_on=key, how="inner", suffix=" other")
        columns = [name for name in theirs.columns[1:] if name in ours.columns]
        worst = 0.0 if both.height == ours.height == theirs.height and len(columns) == theirs.width - 1 else np.inf
        for name in columns:
            a = both[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            b = both[f"{name} other"].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
            gap = np.isnan(a) != np.isnan(b)
            apart = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
            worst = max(worst, np.inf if gap.any() else float(apart.max(initial=0.0)))
        out.append(Parity(step, both.height, len(columns), float(worst)))
    return tuple(out)
