"""The few protocol buffer fields that an edge node writes and reads, by hand.

It shares no code with the host application in `sense`, so that the two check each other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from zhizao.testing.workshop.signals import Value

__all__ = ["BOOLEAN", "DOUBLE", "INT64", "STRING", "Written", "metric", "payload", "read_metrics"]

INT64, DOUBLE, BOOLEAN, STRING = 4, 10, 11, 12
"""Numbers of the data types that a node uses."""


class Written(NamedTuple):
    """A metric of a command: its name or alias, and the value as it lies there."""

    name: str | None
    alias: int | None
    value: Value | None


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def metric(
    name: str | None,
    alias: int | None,
    ms: int,
    datatype: int,
    value: Value,
    *,
    birth: bool = False,
    historical: bool = False,
    unit: str = "",
) -> bytes:
    """A metric; its type is told in births only.

    Parameters
    ----------
    name : None where the alias is enough
    alias : None where it has none
    ms : milliseconds since 1970
    datatype : INT64, DOUBLE, BOOLEAN or STRING
    value : of that type
    birth : whether it stands in a birth
    historical : whether it tells of the past
    unit : told as property `engUnit`

    Examples
    --------
    >>> metric(None, 3, 5, BOOLEAN, True)
    b'\\x10\\x03\\x18\\x05p\\x01'
    """
    parts = []
    if name is not None:
        parts.append(_bytes(1, name.encode()))
    if alias is not None:
        parts.append(_number(2, alias))
    parts.append(_number(3, ms))
    if birth:
        parts.append(_number(4, datatype))
    if historical:
        parts.append(_number(5, 1))
    if unit:
        text = _bytes(8, unit.encode())
        parts.append(_bytes(9, _bytes(1, b"engUnit") + _bytes(2, _number(1, STRING) + text)))
    if datatype == INT64:
        parts.append(_number(11, int(value) & 0xFFFF_FFFF_FFFF_FFFF))
    elif datatype == DOUBLE:
        parts.append(_varint(13 << 3 | 1) + struct.pack("<d", float(value)))
    elif datatype == BOOLEAN:
        parts.append(_number(14, int(bool(value))))
    else:
        parts.append(_bytes(15, str(value).encode()))
    return b"".join(parts)


def payload(ms: int, metrics: list[bytes], seq: int | None) -> bytes:
    """A payload of metrics.

    Parameters
    ----------
    ms : milliseconds since 1970 at which it is sent
    metrics : from `metric`
    seq : None in a death
    """
    written = _number(1, ms) + b"".join(_bytes(2, one) for one in metrics)
    return written if seq is None else written + _number(3, seq)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0

    def varint() -> int:
        nonlocal at
        number = shift = 0
        while True:
            number |= (data[at] & 0x7F) << shift
            at, more, shift = at + 1, data[at] & 0x80, shift + 7
            if not more:
                return number

    while at < len(data):
        tag = varint()
        form = tag & 7
        if form == 0:
            yield tag >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(form)
        if size is None:
            if form != 2:
                raise ValueError(f"a field of form {form}")
            size = varint()
        if at + size > len(data):
            raise ValueError("a field that ends beyond its message")
        yield tag >> 3, data[at : at + size]
        at += size


def read_metrics(data: bytes) -> list[Written]:
    """Metrics of a command; raises `ValueError` when it is none.

    >>> read_metrics(payload(5, [metric("load", None, 5, INT64, -1)], 0))
    [Written(name='load', alias=None, value=-1)]
    """
    found = []
    try:
        for number, data_of in _fields(data):
            if number != 2 or not isinstance(data_of, bytes):
                continue
            name: str | None = None
            alias: int | None = None
            value: Value | None = None
            for field, said in _fields(data_of):
                if field == 1 and isinstance(said, bytes):
                    name = said.decode()
                elif field == 2 and isinstance(said, int):
                    alias = said
                elif field in (10, 11) and isinstance(said, int):
                    bits = 32 if field == 10 else 64
                    value = said - (1 << bits) if said >> bits - 1 else said
                elif field in (12, 13) and isinstance(said, bytes):
                    value = struct.unpack("<f" if field == 12 else "<d", said)[0]
                elif field == 14:
                    value = bool(said)
                elif field == 15 and isinstance(said, bytes):
                    value = said.decode()
            found.append(Written(name, alias, value))
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"no payload: {error}") from None
    return found
