"""Data types of Sparkplug B, and how their values lie in the few carriers that a payload has.

Whole numbers lie in an unsigned carrier of 32 or 64 bits, negative ones as two's complement; arrays are packed
little-endian into bytes. Some senders wrap a negative Int8 to 8 bits and others to 32: both are read.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from zhizao.errors import ZhizaoError

__all__ = ["ARRAYS", "DataType", "PayloadError", "known", "pack", "unpack"]


class PayloadError(ZhizaoError):
    """A payload, or a value in one, that is not as Sparkplug B says; its code is the reason in the loss account."""


class DataType(IntEnum):
    """What a metric holds."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTYSET = 20
    PROPERTYSETLIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATETIME_ARRAY = 34


ARRAYS = frozenset(range(DataType.INT8_ARRAY, DataType.DATETIME_ARRAY + 1))
"""Types whose value is a list."""

_PACKED = {
    DataType.INT8_ARRAY: "<i1",
    DataType.INT16_ARRAY: "<i2",
    DataType.INT32_ARRAY: "<i4",
    DataType.INT64_ARRAY: "<i8",
    DataType.UINT8_ARRAY: "<u1",
    DataType.UINT16_ARRAY: "<u2",
    DataType.UINT32_ARRAY: "<u4",
    DataType.UINT64_ARRAY: "<u8",
    DataType.FLOAT_ARRAY: "<f4",
    DataType.DOUBLE_ARRAY: "<f8",
    DataType.DATETIME_ARRAY: "<u8",
}
_WHOLE = {
    DataType.INT8: (8, True),
    DataType.INT16: (16, True),
    DataType.INT32: (32, True),
    DataType.INT64: (64, True),
    DataType.UINT8: (8, False),
    DataType.UINT16: (16, False),
    DataType.UINT32: (32, False),
    DataType.UINT64: (64, False),
    DataType.DATETIME: (64, False),
}
_CARRIER_BITS = {"int_value": 32, "long_value": 64}


def known(datatype: int | None) -> bool:
    """Whether a number names a type that a metric may have.

    >>> [known(number) for number in (None, 0, 1, 34, 35, DataType.PROPERTYSET)]
    [False, False, True, True, False, False]
    """
    return datatype in _READ


def unpack(datatype: int, carrier: str | None, raw: Any) -> Any:
    """Value of a type from what lies in a payload.

    Parameters
    ----------
    datatype : number of the type
    carrier : which of the payload's fields held it, such as `int_value`; None for none
    raw : what that field held

    Raises
    ------
    PayloadError : `unknown_type`, `no_value`, `wrong_type`, `out_of_range` or `bad_array`

    Examples
    --------
    >>> unpack(DataType.INT8, "int_value", 4_294_967_295), unpack(DataType.INT8, "int_value", 255)
    (-1, -1)
    """
    read = _READ.get(datatype)
    if read is None:
        raise PayloadError(f"{datatype} is no data type", code="unknown_type")
    if carrier is None:
        raise PayloadError("it is not null and has no value", code="no_value")
    return read(carrier, raw)


def pack(datatype: int, value: Any) -> tuple[str, Any]:
    """Field of a payload and what to put there for a value of a simple type or an array.

    Parameters
    ----------
    datatype : number of the type, no data set, template or property set
    value : of that type

    Raises
    ------
    PayloadError : `out_of_range`, `wrong_type` or `unknown_type`

    Examples
    --------
    >>> pack(DataType.INT16, -2), pack(DataType.INT16_ARRAY, [1, -1])
    (('int_value', 4294967294), ('bytes_value', b'\\x01\\x00\\xff\\xff'))
    """
    try:
        if datatype in _WHOLE:
            return _pack_whole(datatype, value)
        if datatype == DataType.FLOAT:
            return "float_value", struct.unpack("<f", struct.pack("<f", float(value)))[0]
        if datatype == DataType.DOUBLE:
            return "double_value", float(value)
        if datatype == DataType.BOOLEAN:
            return "boolean_value", bool(value)
        if datatype in (DataType.STRING, DataType.TEXT, DataType.UUID):
            return "string_value", str(value)
        if datatype in (DataType.BYTES, DataType.FILE):
            return "bytes_value", bytes(value)
        if datatype in ARRAYS:
            return "bytes_value", _pack_array(datatype, value)
    except (TypeError, ValueError, OverflowError, struct.error) as error:
        raise PayloadError(f"{value!r:.80} is no {DataType(datatype).name}: {error}", code="wrong_type") from None
    raise PayloadError(f"{datatype} is no data type of a single value", code="unknown_type")


def _pack_whole(datatype: int, value: Any) -> tuple[str, int]:
    bits, signed = _WHOLE[DataType(datatype)]
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    whole = int(value)
    if not low <= whole <= high:
        raise PayloadError(f"{whole} is no {DataType(datatype).name}: {low} to {high}", code="out_of_range")
    carrier = "long_value" if bits == 64 else "int_value"
    return carrier, whole & ((1 << _CARRIER_BITS[carrier]) - 1)


def _pack_array(datatype: int, values: Sequence[Any]) -> bytes:
    if datatype == DataType.BOOLEAN_ARRAY:
        bits = np.packbits(np.array(values, np.bool_)) if len(values) else np.zeros(0, np.uint8)
        return struct.pack("<I", len(values)) + bits.tobytes()
    if datatype == DataType.STRING_ARRAY:
        if any("\0" in text for text in values):
            raise ValueError("a text with a null character")
        return b"".join(text.encode() + b"\0" for text in values)
    return np.array(values, dtype=_PACKED[DataType(datatype)]).tobytes()


def _whole(bits: int, signed: bool) -> Callable[[str, Any], int]:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    wrapped = 1 << bits

    def read(carrier: str, raw: Any) -> int:
        width = _CARRIER_BITS.get(carrier)
        if width is None:
            raise PayloadError(f"a whole number in {carrier}", code="wrong_type")
        whole = int(raw)
        if signed and whole > high:
            if whole >> width - 1:
                whole -= 1 << width
            elif whole < wrapped:
                whole -= wrapped
        if not low <= whole <= high:
            raise PayloadError(f"{raw} is not from {low} to {high}", code="out_of_range")
        return whole

    return read


def _plain(*carriers: str) -> Callable[[str, Any], Any]:
    def read(carrier: str, raw: Any) -> Any:
        if carrier not in carriers:
            raise PayloadError(f"{carriers[0]} was expected and {carrier} came", code="wrong_type")
        return raw

    return read


def _array(datatype: DataType) -> Callable[[str, Any], list[Any]]:
    form = np.dtype(_PACKED[datatype])

    def read(carrier: str, raw: Any) -> list[Any]:
        if carrier != "bytes_value":
            raise PayloadError(f"an array in {carrier}", code="wrong_type")
        if len(raw) % form.itemsize:
            raise PayloadError(f"{len(raw)} bytes are no whole number of elements", code="bad_array")
        values: list[Any] = np.frombuffer(raw, form).tolist()
        return values

    return read


def _booleans(carrier: str, raw: Any) -> list[bool]:
    if carrier != "bytes_value":
        raise PayloadError(f"an array in {carrier}", code="wrong_type")
    count = struct.unpack_from("<I", raw)[0] if len(raw) >= 4 else -1
    if count < 0 or math.ceil(count / 8) != len(raw) - 4:
        raise PayloadError(f"{len(raw)} bytes do not hold the truth values that they announce", code="bad_array")
    bits: list[bool] = np.unpackbits(np.frombuffer(raw, np.uint8, offset=4))[:count].astype(bool).tolist()
    return bits


def _strings(carrier: str, raw: Any) -> list[str]:
    if carrier != "bytes_value":
        raise PayloadError(f"an array in {carrier}", code="wrong_type")
    if raw and not raw.endswith(b"\0"):
        raise PayloadError("the last text has no end", code="bad_array")
    try:
        return [text.decode() for text in raw.split(b"\0")[:-1]]
    except UnicodeDecodeError:
        raise PayloadError("a text that is no UTF-8", code="bad_array") from None


_READ: dict[int, Callable[[str, Any], Any]] = {
    **{one: _whole(*form) for one, form in _WHOLE.items()},
    DataType.FLOAT: _plain("float_value", "double_value"),
    DataType.DOUBLE: _plain("double_value", "float_value"),
    DataType.BOOLEAN: _plain("boolean_value"),
    **{one: _plain("string_value") for one in (DataType.STRING, DataType.TEXT, DataType.UUID)},
    **{one: _plain("bytes_value") for one in (DataType.BYTES, DataType.FILE)},
    DataType.DATASET: _plain("dataset_value"),
    DataType.TEMPLATE: _plain("template_value"),
    **{one: _array(one) for one in _PACKED},
    DataType.BOOLEAN_ARRAY: _booleans,
    DataType.STRING_ARRAY: _strings,
}
