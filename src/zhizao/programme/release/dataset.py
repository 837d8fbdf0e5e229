"""A table that is released: dimensions, figures, what each figure is, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.release.codes import CONF_STATUS, OBS_STATUS

__all__ = ["RESERVED", "Dataset", "Metadata"]

RESERVED = ("STRUCTURE", "STRUCTURE_ID", "STRUCTURE_NAME", "ACTION", "SERIES_KEY", "OBS_KEY", "OBS_VALUE")
_ID = re.compile(r"^[A-Za-z][A-Za-z0-9_@$-]*$")
_VERSION = re.compile(r"^\d+(\.\d+){0,2}$")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a release says of itself.

    Parameters
    ----------
    agency, flow, version : identify the dataflow, as in `ZZ:PLAN2025(1.0.0)`
    title_en, title_zh : names
    definition_version : version of the indicators' definitions
    vintage : as of when the records were read; aware
    released : when it may be seen by all; aware
    source, contact : words
    """

    agency: str
    flow: str
    version: str
    title_en: str
    title_zh: str
    definition_version: str
    vintage: datetime
    released: datetime
    source: str = ""
    contact: str = ""

    def __post_init__(self) -> None:
        for name, said in (("agency", self.agency), ("flow", self.flow)):
            if not _ID.match(said):
                raise InputError(
                    f'"{said}" is no SDMX identifier', where=name, fix="letters, digits, _ and -", code="bad_id"
                )
        if not _VERSION.match(self.version):
            raise InputError(
                f'"{self.version}" is no version', where="version", fix="write it as 1.0.0", code="bad_version"
            )
        for name, at in (("vintage", self.vintage), ("released", self.released)):
            if at.tzinfo is None:
                raise InputError(f"{name} {at} has no time zone", where=name, fix="add it", code="naive_time")

    @property
    def structure_id(self) -> str:
        """Identification of the dataflow: AGENCY:ID(VERSION)."""
        return f"{self.agency}:{self.flow}({self.version})"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Figures with their key and status.

    Parameters
    ----------
    metadata : what it says of itself
    frame : columns `dimensions`, OBS_VALUE (null where missing), `attributes`; among them OBS_STATUS and CONF_STATUS
    dimensions : key columns; TIME_PERIOD is usually the last
    attributes : other columns, in order
    """

    metadata: Metadata
    frame: pl.DataFrame
    dimensions: tuple[str, ...]
    attributes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        frame: pl.DataFrame,
        metadata: Metadata,
        *,
        dimensions: tuple[str, ...],
        attributes: tuple[str, ...] = ("OBS_STATUS", "CONF_STATUS"),
        defaults: Mapping[str, str] | None = None,
    ) -> Dataset:
        """A checked data set.

        Parameters
        ----------
        frame : with all columns named; OBS_VALUE as numbers
        metadata : what it says of itself
        dimensions, attributes : which column is what
        defaults : value of attributes that are absent; OBS_STATUS is A (O where there is no value), CONF_STATUS is F

        Raises
        ------
        FaultsFound : columns missing or reserved, keys twice or empty, codes unknown, values infinite
        """
        faults: list[Fault] = []
        told = {"OBS_STATUS": "A", "CONF_STATUS": "F", **(defaults or {})}
        for name in (*dimensions, *attributes):
            if name in RESERVED or not _ID.match(name):
                faults.append(Fault(f'"{name}" cannot name a component', "data set", "choose another name", "bad_id"))
        for name in (*dimensions, "OBS_VALUE"):
            if name not in frame.columns:
                faults.append(Fault(f'there is no column "{name}"', "data set", "add it", "missing_column"))
        for name in attributes:
            if name not in frame.columns and name not in told:
                faults.append(Fault(f'there is no column "{name}"', "data set", "add it", "missing_column"))
        if faults:
            raise FaultsFound("the data set cannot be released", faults, where=metadata.structure_id)
        value = pl.col("OBS_VALUE").cast(pl.Float64)
        keyed = frame.select(
            *(pl.col(name).cast(pl.String) for name in dimensions),
            pl.when(value.is_nan()).then(None).otherwise(value).alias("OBS_VALUE"),
            *(
                pl.col(name).cast(pl.String) if name in frame.columns else pl.lit(told[name]).alias(name)
                for name in attributes
            ),
        )
        if "OBS_STATUS" in attributes and "OBS_STATUS" not in frame.columns:
            keyed = keyed.with_columns(
                OBS_STATUS=pl.when(pl.col("OBS_VALUE").is_null())
                .then(pl.lit("O"))
                .otherwise(pl.lit(told["OBS_STATUS"]))
            )
        if keyed["OBS_VALUE"].is_infinite().any():
            faults.append(Fault("a value is infinite", "OBS_VALUE", "leave it out", "infinite"))
        empty = keyed.filter(pl.any_horizontal(pl.col(name).is_null() | (pl.col(name) == "") for name in dimensions))
        if empty.height:
            faults.append(
                Fault(f"{empty.height} rows have an empty key", "data set", "fill the dimensions", "empty_key")
            )
        twice = (
            keyed.group_by(dimensions, maintain_order=True)
            .len(name="times it stands there")
            .filter(pl.col("times it stands there") > 1)
        )
        faults += [
            Fault("the key stands there twice", ".".join(map(str, row[:-1])), "keep one row", "duplicate_key")
            for row in twice.head(10).rows()
        ]
        for name, codes in (("OBS_STATUS", OBS_STATUS), ("CONF_STATUS", CONF_STATUS)):
            if name in attributes:
                wrong = keyed.filter(~pl.col(name).is_in(list(codes)) | pl.col(name).is_null())[name].unique().to_list()
                faults += [
                    Fault(f'"{one}" is not in the code list', name, f"choose {', '.join(codes)}", "bad_code")
                    for one in wrong
                ]
        if faults:
            raise FaultsFound("the data set cannot be released", faults, where=metadata.structure_id)
        return cls(metadata, keyed, dimensions, attributes)
