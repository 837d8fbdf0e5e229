"""What a Sparkplug B message carries: metrics with values of all types, read from bytes and written to them.

Reading never raises anything but `PayloadError`, and only where the bytes are no payload at all: what is wrong with one
metric is told in its `fault`, so that the others and the sequence number are not lost with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError, EncodeError  # type: ignore[import-untyped]

from zhizao.sense.sparkplug.datatypes import DataType, PayloadError, known, pack, unpack
from zhizao.sense.sparkplug.wire import PayloadMessage

__all__ = [
    "DataSet",
    "MetaData",
    "Metric",
    "Parameter",
    "Payload",
    "Property",
    "Template",
    "decode",
    "encode",
    "metric",
]

_DEEPEST = 8
"""Templates in templates, property sets in property sets; no more is read."""


class MetaData(NamedTuple):
    """What is said of a value that is not simple, such as a file."""

    is_multi_part: bool | None = None
    content_type: str | None = None
    size: int | None = None
    seq: int | None = None
    file_name: str | None = None
    file_type: str | None = None
    md5: str | None = None
    description: str | None = None


class Property(NamedTuple):
    """A property of a metric; the value of a property set is a dict of properties, of a list of sets a list of dicts."""

    type: int
    value: Any = None


class DataSet(NamedTuple):
    """A table: names and types of its columns, values row by row, None where there is none."""

    columns: tuple[str, ...]
    types: tuple[int, ...]
    rows: tuple[tuple[Any, ...], ...]


class Parameter(NamedTuple):
    """A parameter of a template."""

    name: str
    type: int | None
    value: Any = None


class Metric(NamedTuple):
    """A metric as it came; `raw` becomes a value with `unpack` once its type is known, which data messages leave out.

    Parameters
    ----------
    name : None where only the alias came
    alias : number that a birth gave it
    timestamp : milliseconds since 1970, when the value was taken
    datatype : number of its type, None where it is left out
    carrier : field of the payload that holds the value; None for none
    raw : what that field holds; a `DataSet` or `Template` where it is one
    historical : whether it tells of the past and not of now
    transient : whether it asks not to be kept
    null : whether it has no value, and says so
    properties : by name
    metadata : of a value that is not simple
    fault : why it cannot be used; empty when it can
    """

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: int | None = None
    carrier: str | None = None
    raw: Any = None
    historical: bool = False
    transient: bool = False
    null: bool = False
    properties: Mapping[str, Property] | None = None
    metadata: MetaData | None = None
    fault: str = ""


class Template(NamedTuple):
    """Several metrics under one name: a definition, or an instance that refers to one."""

    metrics: tuple[Metric, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    ref: str | None = None
    definition: bool = False
    version: str | None = None


class Payload(NamedTuple):
    """A whole message.

    Parameters
    ----------
    metrics : in the order in which they were sent
    timestamp : milliseconds since 1970 at which it was sent
    seq : number of the message, 0 to 255
    uuid : names the form of the body
    body : anything
    """

    metrics: tuple[Metric, ...] = ()
    timestamp: int | None = None
    seq: int | None = None
    uuid: str | None = None
    body: bytes | None = None


def metric(name: str | None, datatype: int, value: Any, **others: Any) -> Metric:
    """Metric from a value of a type; None is null.

    Parameters
    ----------
    name : None to send the alias alone
    datatype : number of its type
    value : of that type
    others : the other fields of `Metric`

    Examples
    --------
    >>> metric("load", DataType.INT32, -1).raw
    4294967295
    """
    if value is None:
        return Metric(name, datatype=datatype, null=True, **others)
    if datatype == DataType.DATASET:
        return Metric(name, datatype=datatype, carrier="dataset_value", raw=value, **others)
    if datatype == DataType.TEMPLATE:
        return Metric(name, datatype=datatype, carrier="template_value", raw=value, **others)
    carrier, raw = pack(datatype, value)
    return Metric(name, datatype=datatype, carrier=carrier, raw=raw, **others)


def decode(data: bytes) -> Payload:
    """Payload from bytes.

    Parameters
    ----------
    data : what an MQTT message holds

    Raises
    ------
    PayloadError : code `malformed`, when the bytes are no payload

    Examples
    --------
    >>> decode(encode(Payload((metric("load", DataType.DOUBLE, 41.5),), seq=7))).metrics[0].raw
    41.5
    """
    message = PayloadMessage()
    try:
        message.ParseFromString(data)
        return Payload(
            tuple(_metric(one, 0) for one in message.metrics),
            message.timestamp if message.HasField("timestamp") else None,
            message.seq if message.HasField("seq") else None,
            _text(message.uuid) if message.HasField("uuid") else None,
            message.body if message.HasField("body") else None,
        )
    except (DecodeError, UnicodeDecodeError) as error:
        raise PayloadError(f"{len(data)} bytes are no payload: {error}", code="malformed") from None


def _text(text: str | bytes) -> str:
    """A text; bytes come where it is no UTF-8."""
    if isinstance(text, str):
        return text
    raise PayloadError(f"{text!r:.80} is no UTF-8", code="malformed")


def _metric(said: Any, depth: int) -> Metric:
    has = said.HasField
    carrier = said.WhichOneof("value")
    raw: Any = getattr(said, carrier) if carrier is not None else None
    name: Any = said.name if has("name") else None
    properties: Mapping[str, Property] | None = None
    metadata: MetaData | None = None
    fault = ""
    try:
        if name is not None:
            name = _text(name)
        if carrier == "string_value":
            raw = _text(raw)
        elif carrier == "dataset_value":
            raw = _dataset(raw)
        elif carrier == "template_value":
            raw = _template(raw, depth + 1)
        if has("properties"):
            properties = _properties(said.properties, 0)
        if has("metadata"):
            metadata = _metadata(said.metadata)
    except PayloadError as error:
        fault = error.fault.code
        name, raw = (name if isinstance(name, str) else None), None
    return Metric(
        name,
        said.alias if has("alias") else None,
        said.timestamp if has("timestamp") else None,
        said.datatype if has("datatype") else None,
        carrier,
        raw,
        said.is_historical,
        said.is_transient,
        said.is_null,
        properties,
        metadata,
        fault,
    )


def _metadata(said: Any) -> MetaData:
    values: list[Any] = [getattr(said, field) if said.HasField(field) else None for field in MetaData._fields]
    if any(isinstance(value, bytes) for value in values):
        raise PayloadError("a text of the metadata is no UTF-8", code="malformed")
    return MetaData(*values)


def _dataset(said: Any) -> DataSet:
    columns = tuple(_text(column) for column in said.columns)
    types = tuple(said.types)
    if len(columns) != len(types) or (said.HasField("num_of_columns") and said.num_of_columns != len(columns)):
        raise PayloadError(
            f"{said.num_of_columns} columns with {len(columns)} names and {len(types)} types", code="bad_dataset"
        )
    if not all(known(one) and one < DataType.DATASET for one in types):
        raise PayloadError(f"{types!r:.80} are no types of columns", code="bad_dataset")
    rows = []
    for row in said.rows:
        if len(row.elements) != len(columns):
            raise PayloadError(f"a row of {len(row.elements)} in {len(columns)} columns", code="bad_dataset")
        rows.append(tuple(_single(kind, one) for kind, one in zip(types, row.elements, strict=True)))
    return DataSet(columns, types, tuple(rows))


def _single(datatype: int, said: Any) -> Any:
    """Value of a cell, a parameter or a property; None where there is none."""
    carrier = said.WhichOneof("value")
    if carrier is None:
        return None
    raw = getattr(said, carrier)
    return unpack(datatype, carrier, _text(raw) if carrier == "string_value" else raw)


def _template(said: Any, depth: int) -> Template:
    if depth > _DEEPEST:
        raise PayloadError(f"templates in templates, more than {_DEEPEST} deep", code="too_deep")
    parameters = []
    for one in said.parameters:
        kind = one.type if one.HasField("type") else None
        carrier = one.WhichOneof("value")
        if not one.HasField("name"):
            raise PayloadError("a parameter without a name", code="bad_template")
        if kind is None:
            raw: Any = getattr(one, carrier) if carrier is not None else None
            value = _text(raw) if carrier == "string_value" else raw
        elif known(kind) and kind < DataType.DATASET:
            value = _single(kind, one)
        else:
            raise PayloadError(f"{kind} is no type of a parameter", code="bad_template")
        parameters.append(Parameter(_text(one.name), kind, value))
    return Template(
        tuple(_metric(one, depth) for one in said.metrics),
        tuple(parameters),
        _text(said.template_ref) if said.HasField("template_ref") else None,
        said.is_definition,
        _text(said.version) if said.HasField("version") else None,
    )


def _properties(said: Any, depth: int) -> dict[str, Property]:
    if depth > _DEEPEST:
        raise PayloadError(f"property sets in property sets, more than {_DEEPEST} deep", code="too_deep")
    if len(said.keys) != len(said.values):
        raise PayloadError(f"{len(said.keys)} names of {len(said.values)} properties", code="bad_properties")
    found = {}
    for key, one in zip(said.keys, said.values, strict=True):
        value: Any
        carrier = one.WhichOneof("value")
        if one.is_null or carrier is None:
            value = None
        elif carrier == "propertyset_value":
            value = _properties(one.propertyset_value, depth + 1)
        elif carrier == "propertysets_value":
            value = [_properties(part, depth + 1) for part in one.propertysets_value.propertyset]
        elif known(one.type) and one.type < DataType.DATASET:
            value = _single(one.type, one)
        else:
            raise PayloadError(f"{one.type} is no type of a property", code="bad_properties")
        found[_text(key)] = Property(one.type, value)
    return found


def encode(payload: Payload) -> bytes:
    """Bytes of a payload.

    Parameters
    ----------
    payload : whose metrics come from `metric` or `decode`

    Raises
    ------
    PayloadError : code `malformed` or that of a value that does not fit its type
    """
    message = PayloadMessage()
    try:
        for field in ("timestamp", "seq", "uuid", "body"):
            if getattr(payload, field) is not None:
                setattr(message, field, getattr(payload, field))
        for one in payload.metrics:
            _write_metric(message.metrics.add(), one)
        written: bytes = message.SerializeToString()
    except (EncodeError, TypeError, ValueError) as error:
        raise PayloadError(f"a payload that cannot be written: {error}", code="malformed") from None
    return written


def _write_metric(into: Any, said: Metric) -> None:
    for field in ("name", "alias", "timestamp", "datatype"):
        if getattr(said, field) is not None:
            setattr(into, field, getattr(said, field))
    for flag in ("historical", "transient", "null"):
        if getattr(said, flag):
            setattr(into, f"is_{flag}", True)
    if said.metadata is not None:
        for field, value in zip(MetaData._fields, said.metadata, strict=True):
            if value is not None:
                setattr(into.metadata, field, value)
    if said.properties is not None:
        into.properties.SetInParent()
        _write_properties(into.properties, said.properties)
    if said.carrier == "dataset_value":
        _write_dataset(into.dataset_value, said.raw)
    elif said.carrier == "template_value":
        _write_template(into.template_value, said.raw)
    elif said.carrier is not None:
        setattr(into, said.carrier, said.raw)


def _write_single(into: Any, datatype: int, value: Any) -> None:
    if value is not None:
        carrier, raw = pack(datatype, value)
        setattr(into, carrier, raw)


def _write_dataset(into: Any, said: DataSet) -> None:
    into.num_of_columns = len(said.columns)
    into.columns.extend(said.columns)
    into.types.extend(said.types)
    for row in said.rows:
        cells = into.rows.add()
        for kind, value in zip(said.types, row, strict=True):
            _write_single(cells.elements.add(), kind, value)


def _write_template(into: Any, said: Template) -> None:
    into.is_definition = said.definition
    if said.version is not None:
        into.version = said.version
    if said.ref is not None:
        into.template_ref = said.ref
    for one in said.metrics:
        _write_metric(into.metrics.add(), one)
    for parameter in said.parameters:
        made = into.parameters.add(name=parameter.name)
        if parameter.type is not None:
            made.type = parameter.type
            _write_single(made, parameter.type, parameter.value)


def _write_properties(into: Any, said: Mapping[str, Property] | Sequence[Any]) -> None:
    for key, (kind, value) in dict(said).items():
        into.keys.append(key)
        made = into.values.add(type=kind)
        if value is None:
            made.is_null = True
        elif kind == DataType.PROPERTYSET:
            made.propertyset_value.SetInParent()
            _write_properties(made.propertyset_value, value)
        elif kind == DataType.PROPERTYSETLIST:
            made.propertysets_value.SetInParent()
            for one in value:
                _write_properties(made.propertysets_value.propertyset.add(), one)
        else:
            _write_single(made, kind, value)
