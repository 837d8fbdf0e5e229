"""How an index is made: every choice of every step as data, and the units it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field, field_validator

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.model.noun import Noun
from zhizao.programme.composite.structure import Floats, Structure

__all__ = ["Aggregation", "Imputation", "Normalisation", "Steps", "Treatment", "Units", "Weighting"]

Imputation = Literal["none", "mean", "median", "group_mean", "group_median", "em"]
Treatment = Literal["none", "winsorise", "winsorise_log", "winsorise_box_cox", "log", "box_cox"]
Normalisation = Literal["minmax", "zscore", "rank", "target", "frontier", "goalposts"]
Weighting = Literal["given", "equal", "entropy", "pca", "critic"]
Aggregation = Literal["arithmetic", "geometric", "harmonic", "mpi", "copeland", "bod"]

UNIT_HEADS = ("ucode", "unit", "code", "id", "单位", "代码", "地区", "企业")
_EMPTY = ("", "na", "n/a", "nan", "null", "none", "-", "..")


class Steps(Noun):
    """Choices of an index; the defaults are the ones that a handbook reader expects."""

    order: tuple[Literal["denominate", "screen", "impute", "treat"], ...] = ("denominate", "screen", "impute", "treat")
    """Order of what comes before normalising; a step that is left out is not done."""

    screen: float = Field(default=0.0, ge=0, le=1)
    """Least share of indicators that a unit must have; units below leave the index and are named."""

    impute: Imputation = "mean"
    """What takes the place of a missing value."""

    impute_by: str = ""
    """Column of groups for group_mean and group_median."""

    treat: Treatment = "winsorise_log"
    """What is done with indicators whose skewness and kurtosis are both beyond their limits."""

    winsorise_most: int = Field(default=5, ge=0)
    """Most points winsorised in one indicator."""

    skewness: float = Field(default=2.0, gt=0)
    """Limit of the absolute skewness (type 2)."""

    kurtosis: float = 3.5
    """Limit of the kurtosis (type 2, excess)."""

    box_cox: float | None = None
    """Lambda of Box-Cox; by maximum likelihood when absent."""

    normalise: Normalisation = "minmax"
    """How indicators come to one scale."""

    bounds: tuple[float, float] = (0.0, 100.0)
    """Ends of the scale of minmax, target, frontier and goalposts."""

    centre: float = 0.0
    """Mean of z-scores."""

    spread: float = Field(default=1.0, gt=0)
    """Standard deviation of z-scores."""

    weights: Weighting = "given"
    """How siblings are weighed."""

    aggregate: tuple[Aggregation, ...] = ("arithmetic",)
    """How children become their parent, from level 2 up; the last goes on."""

    @field_validator("aggregate", mode="before")
    @classmethod
    def _one_or_many(cls, said: object) -> object:
        return (said,) if isinstance(said, str) else said

    @field_validator("aggregate")
    @classmethod
    def _some(cls, said: tuple[Aggregation, ...]) -> tuple[Aggregation, ...]:
        if not said:
            raise ValueError("name at least one aggregation")
        return said

    @field_validator("order")
    @classmethod
    def _once(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(said)) < len(said):
            raise ValueError("a step stands in the order twice")
        return said

    @field_validator("bounds")
    @classmethod
    def _rising(cls, said: tuple[float, float]) -> tuple[float, float]:
        if not said[0] < said[1]:
            raise ValueError(f"bounds {list(said)} do not rise")
        return said


@dataclass(frozen=True, slots=True)
class Units:
    """What an index is made of.

    Parameters
    ----------
    names : of the units, each once
    x : values, shape `(units, indicators)`, NaN where missing
    by : denominators, same shape, 1 where an indicator has none
    groups : label of each unit in each column of groups
    """

    names: tuple[str, ...]
    x: Floats
    by: Floats
    groups: Mapping[str, tuple[str, ...]]

    def only(self, keep: np.ndarray) -> Units:
        """The units at which `keep` is true."""
        at = np.flatnonzero(keep)
        return Units(
            tuple(self.names[i] for i in at),
            self.x[at],
            self.by[at],
            {key: tuple(labels[i] for i in at) for key, labels in self.groups.items()},
        )

    def grouping(self, column: str) -> np.ndarray | None:
        """Number of the group of each unit; None when no column is named."""
        if not column:
            return None
        if column not in self.groups:
            raise InputError(
                f'there is no grouping "{column}"',
                where="steps, impute_by",
                fix=f"the groupings are: {', '.join(self.groups) or 'none'}",
                code="no_grouping",
            )
        return np.unique(np.array(self.groups[column]), return_inverse=True)[1].astype(np.int64)

    @classmethod
    def of(
        cls,
        frame: pl.DataFrame,
        structure: Structure,
        *,
        unit: str | None = None,
        groupings: Sequence[str] = (),
        where: str = "data",
    ) -> Units:
        """Units from a table of units by indicators, as numbers or as text.

        Parameters
        ----------
        frame : one row a unit
        structure : whose indicators and denominators are columns of the frame
        unit : column that names the units; found by its heading when absent
        groupings : more columns of groups, beside those of the structure
        where : name of the table, for messages

        Raises
        ------
        FaultsFound : columns that are missing, cells that are no numbers, units given twice, indicators without values
        """
        if not frame.height:
            raise InputError("the table has no rows", where=where, fix="write one row per unit", code="no_rows")
        key = _unit_column(frame, unit, where)
        names = frame[key].cast(pl.String).str.strip_chars()
        faults: list[Fault] = []
        twice = names.filter(names.is_duplicated()).unique().sort().drop_nulls().to_list()
        for name in twice[:20]:
            faults.append(Fault("the unit stands there twice", f"{where}, {name}", "keep one row", "duplicate_unit"))
        if names.is_null().any() or (names == "").any():
            faults.append(Fault("a unit has no name", f"{where}, {key}", "write it or delete the row", "no_name"))
        wanted = dict.fromkeys(structure.codes) | dict.fromkeys(
            node.denominator for node in structure.nodes if node.denominator
        )
        columns: dict[str, Floats] = {}
        for code in wanted:
            if code not in frame.columns:
                faults.append(
                    Fault(f'there is no column "{code}"', where, "add it or correct the code", "unknown_code")
                )
                continue
            values = _numbers(frame[code], names, f"{where}, {code}", faults)
            if not np.isfinite(values).any():
                faults.append(Fault("no unit has a value", f"{where}, {code}", "leave the code out", "all_missing"))
            columns[code] = values
        for one in groupings:
            if one not in frame.columns:
                faults.append(Fault(f'there is no column "{one}"', where, "correct the name", "unknown_code"))
        if faults:
            raise FaultsFound("the data cannot be used", faults, where=where)
        ones = np.ones(frame.height)
        labels = [one for one in dict.fromkeys((*structure.groupings, *groupings)) if one in frame.columns]
        return cls(
            tuple(names.to_list()),
            np.column_stack([columns[code] for code in structure.codes]),
            np.column_stack(
                [columns.get(node.denominator, ones) for node in structure.nodes[: structure.indicators]],
            ),
            {one: tuple(frame[one].cast(pl.String).fill_null("").to_list()) for one in labels},
        )


def _unit_column(frame: pl.DataFrame, unit: str | None, where: str) -> str:
    if unit is not None:
        if unit not in frame.columns:
            raise InputError(
                f'there is no column "{unit}"',
                where=where,
                fix=f"the columns are: {', '.join(frame.columns[:20])}",
                code="missing_column",
            )
        return unit
    by_head = {name.strip().lower(): name for name in frame.columns}
    return next((by_head[head] for head in UNIT_HEADS if head in by_head), frame.columns[0])


def _numbers(column: pl.Series, names: pl.Series, where: str, faults: list[Fault]) -> Floats:
    if column.dtype == pl.String:
        said = column.str.strip_chars()
        said = said.set(said.str.to_lowercase().is_in(_EMPTY), None)
        numbers = said.str.replace_all(",", "").cast(pl.Float64, strict=False)
        bad = said.is_not_null() & numbers.is_null()
        for i in bad.arg_true().to_list()[:5]:
            faults.append(Fault(f'"{said[i]}" is not a number', f"{where}, {names[i]}", "write a number", "bad_number"))
    else:
        numbers = column.cast(pl.Float64, strict=False)
    out = numbers.fill_null(float("nan")).to_numpy().astype(np.float64)
    for i in np.flatnonzero(np.isinf(out))[:5]:
        faults.append(Fault("the value is infinite", f"{where}, {names[int(i)]}", "correct or empty it", "infinite"))
    return out
