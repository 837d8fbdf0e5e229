"""The protocol buffer messages of Sparkplug B, declared as a table; field numbers are those of the standard."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

__all__ = ["PayloadMessage"]

_PACKAGE = "zhizao.sparkplug"

_MESSAGES = {
    "Payload": "1 timestamp uint64, 2 metrics *Metric, 3 seq uint64, 4 uuid string, 5 body bytes",
    "Metric": "1 name string, 2 alias uint64, 3 timestamp uint64, 4 datatype uint32, 5 is_historical bool, "
    "6 is_transient bool, 7 is_null bool, 8 metadata MetaData, 9 properties PropertySet, 10 int_value uint32, "
    "11 long_value uint64, 12 float_value float, 13 double_value double, 14 boolean_value bool, "
    "15 string_value string, 16 bytes_value bytes, 17 dataset_value DataSet, 18 template_value Template",
    "MetaData": "1 is_multi_part bool, 2 content_type string, 3 size uint64, 4 seq uint64, 5 file_name string, "
    "6 file_type string, 7 md5 string, 8 description string",
    "PropertySet": "1 keys *string, 2 values *PropertyValue",
    "PropertySetList": "1 propertyset *PropertySet",
    "PropertyValue": "1 type uint32, 2 is_null bool, 3 int_value uint32, 4 long_value uint64, 5 float_value float, "
    "6 double_value double, 7 boolean_value bool, 8 string_value string, 9 propertyset_value PropertySet, "
    "10 propertysets_value PropertySetList",
    "DataSet": "1 num_of_columns uint64, 2 columns *string, 3 types *uint32, 4 rows *Row",
    "Row": "1 elements *DataSetValue",
    "DataSetValue": "1 int_value uint32, 2 long_value uint64, 3 float_value float, 4 double_value double, "
    "5 boolean_value bool, 6 string_value string",
    "Template": "1 version string, 2 metrics *Metric, 3 parameters *Parameter, 4 template_ref string, "
    "5 is_definition bool",
    "Parameter": "1 name string, 2 type uint32, 3 int_value uint32, 4 long_value uint64, 5 float_value float, "
    "6 double_value double, 7 boolean_value bool, 8 string_value string",
}
"""Number, name and type of each field; `*` is repeated, a capital a message, `..._value` one of several."""


def _declared() -> Any:
    field_of = descriptor_pb2.FieldDescriptorProto
    said = descriptor_pb2.FileDescriptorProto(name="sparkplug_b", package=_PACKAGE, syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = said.message_type.add(name=name)
        for line in fields.split(", "):
            number, field, form = line.split(" ")
            repeated, form = form.startswith("*"), form.removeprefix("*")
            made = message.field.add(
                name=field,
                number=int(number),
                label=field_of.LABEL_REPEATED if repeated else field_of.LABEL_OPTIONAL,
            )
            if form[0].isupper():
                made.type, made.type_name = field_of.TYPE_MESSAGE, f".{_PACKAGE}.{form}"
            else:
                made.type = getattr(field_of, f"TYPE_{form.upper()}")
            if field.endswith("_value"):
                if not message.oneof_decl:
                    message.oneof_decl.add(name="value")
                made.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(said)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


PayloadMessage = _declared()
"""Class of the outermost message."""
