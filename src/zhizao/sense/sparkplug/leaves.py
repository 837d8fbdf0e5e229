"""From metrics to values that can be kept: data sets, templates and arrays become tags of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from zhizao.model import BAD, GOOD, NO_COMMUNICATION, UNCERTAIN
from zhizao.sense.sparkplug.datatypes import ARRAYS, DataType, PayloadError, known, unpack
from zhizao.sense.sparkplug.payload import Metric, Parameter, Property, Template

__all__ = ["QUALITIES", "Leaf", "Refused", "Shape", "leaves", "members_of", "quality_of", "unit_of"]

QUALITIES = {0: BAD, 192: GOOD, 500: NO_COMMUNICATION}
"""What the three quality codes are as OPC UA status codes; 500, stale, is a source that is silent."""

_UNITS = ("engunit", "engunits", "unit", "units", "engineering units")
_MOST_MEMBERS = 5_000
_DEEPEST = 64
_NOT_KEPT = {DataType.BYTES: "bytes", DataType.FILE: "file"}

Refused = dict[str, int]
"""Values that could not be kept, by reason."""


class Leaf(NamedTuple):
    """One value: its tag, milliseconds since 1970 (None where only the payload has a time), value and quality."""

    tag: str
    ms: int | None
    value: float | int | bool | str | None
    quality: int


class Shape(NamedTuple):
    """What a birth said of a metric.

    Parameters
    ----------
    tag : name of its tag
    datatype : number of its type
    members : type of each metric of the outermost template, nested ones by path; empty for others
    path : where in that template this metric stands, ending in `/`; empty for the outermost
    """

    tag: str
    datatype: int
    members: Mapping[str, int] = {}
    path: str = ""


def quality_of(properties: Mapping[str, Property] | None) -> int | None:
    """Quality as an OPC UA status code; None where nothing is said of it.

    A code that the standard does not have is uncertain: the value is kept and shown as such.

    >>> quality_of({"Quality": Property(3, 500)}) == NO_COMMUNICATION
    True
    """
    said = properties.get("Quality") if properties else None
    if said is None:
        return None
    return QUALITIES.get(said.value, UNCERTAIN) if isinstance(said.value, int) else UNCERTAIN


def unit_of(properties: Mapping[str, Property] | None) -> str:
    """Unit that a birth names among the properties; empty for none."""
    for key, said in (properties or {}).items():
        if key.lower() in _UNITS and isinstance(said.value, str):
            return said.value
    return ""


def members_of(template: Template, definitions: Mapping[str, Template]) -> dict[str, int]:
    """Type of each metric that a template instance or its definition holds, nested ones by path.

    Parameters
    ----------
    template : instance as a birth shows it
    definitions : by name

    Raises
    ------
    PayloadError : `too_deep`, when they hold too many metrics, or each other
    """
    found: dict[str, int] = {}
    seen = 0
    open_ = [(template, "")]
    while open_:
        one, path = open_.pop()
        defined = definitions.get(one.ref or "")
        for said in [*(defined.metrics if defined is not None else ()), *one.metrics]:
            seen += 1
            if seen > _MOST_MEMBERS or path.count("/") > _DEEPEST:
                raise PayloadError("a template that holds too much", code="too_deep")
            if said.name is not None and said.datatype is not None and known(said.datatype):
                found[f"{path}{said.name}"] = said.datatype
                if isinstance(said.raw, Template):
                    open_.append((said.raw, f"{path}{said.name}/"))
    return found


def leaves(shape: Shape, said: Metric, most: int, refused: Refused) -> list[Leaf]:
    """Values of a metric.

    Parameters
    ----------
    shape : what its birth said of it
    said : the metric as it came
    most : rows of a data set and elements of an array that are kept
    refused : takes the count of those that are not

    Raises
    ------
    PayloadError : when nothing of the metric can be kept; its code is the reason

    Examples
    --------
    >>> leaves(Shape("mill/load", 10), Metric(carrier="double_value", raw=41.5, timestamp=5), 10, {})
    [Leaf(tag='mill/load', ms=5, value=41.5, quality=0)]
    """
    quality = quality_of(said.properties)
    if said.null:
        return [Leaf(shape.tag, said.timestamp, None, GOOD if quality is None else quality)]
    value = unpack(shape.datatype, said.carrier, said.raw)
    told = GOOD if quality is None else quality
    if shape.datatype < DataType.DATASET:
        return [Leaf(shape.tag, said.timestamp, value, told)]
    if shape.datatype in _NOT_KEPT:
        raise PayloadError("bytes are not kept", code=_NOT_KEPT[DataType(shape.datatype)])
    if shape.datatype in ARRAYS:
        if len(value) > most:
            _refuse(refused, "too_many_elements", len(value) - most)
        return [Leaf(f"{shape.tag}/{place}", said.timestamp, one, told) for place, one in enumerate(value[:most])]
    if shape.datatype == DataType.DATASET:
        if len(value.rows) > most:
            _refuse(refused, "too_many_rows", (len(value.rows) - most) * len(value.columns))
        return [
            Leaf(_cell(shape.tag, column, row), said.timestamp, cell, told)
            for row, cells in enumerate(value.rows[:most])
            for column, cell in zip(value.columns, cells, strict=True)
        ]
    return _of_template(shape, said, value, told, most, refused)


def _cell(tag: str, column: str, row: int) -> str:
    return f"{tag}/{column}/{row}" if row else f"{tag}/{column}"


def _refuse(refused: Refused, reason: str, count: int = 1) -> None:
    refused[reason] = refused.get(reason, 0) + count


def _of_template(shape: Shape, said: Metric, value: Template, told: int, most: int, refused: Refused) -> list[Leaf]:
    found: list[Leaf] = []
    for one in value.metrics:
        path = f"{shape.path}{one.name}"
        datatype = shape.members.get(path) if one.name is not None else None
        if one.fault or datatype is None:
            _refuse(refused, one.fault or "not_in_template")
            continue
        try:
            inside = leaves(Shape(f"{shape.tag}/{one.name}", datatype, shape.members, f"{path}/"), one, most, refused)
        except PayloadError as error:
            _refuse(refused, error.fault.code)
            continue
        worst = quality_of(one.properties) is None
        found += [
            leaf._replace(
                ms=said.timestamp if leaf.ms is None else leaf.ms,
                quality=max(leaf.quality, told) if worst else leaf.quality,
            )
            for leaf in inside
        ]
    return found + [_parameter(shape.tag, said, one, told) for one in value.parameters]


def _parameter(tag: str, said: Metric, one: Parameter, told: int) -> Leaf:
    return Leaf(f"{tag}/{one.name}", said.timestamp, one.value, told)
