"""Answers of an OPC UA server as bytes (Part 6, 5.2): data values, notifications and history, read without detours.

Nothing is made of a count that the bytes behind it do not bear out, so that no answer makes memory grow. Time stamps keep their 100 ns. Whatever the bytes are, `BadBytes` is all that is raised, and the library's status error
where the server itself refused the request.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary

__all__ = ["BadBytes", "Datum", "Published", "Structure", "history", "published", "republished", "unit", "values"]

Datum = tuple[int, Any, int, int, int]
"""Type of the variant (128 more for an array), value, status code, source and server time in ns since 1970, 0 if absent."""

_Read = TypeVar("_Read")

_EPOCH_100NS = 116_444_736_000_000_000
_LAST_NS = 2**63
_MOST = 1_000_000
"""Entries that an array may have."""

_DATA_CHANGE, _EVENTS, _STATUS = 811, 916, 820
_HISTORY_DATA, _MODIFIED = 658, 664


class BadBytes(ValueError):
    """The answer of a server is not what the standard says."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure, left as it came.

    Parameters
    ----------
    kind : number of its encoding in namespace 0, -1 for one of another namespace
    body : its bytes
    """

    kind: int
    body: bytes


@dataclass(slots=True)
class Published:
    """What one publish response holds.

    Parameters
    ----------
    subscription : its id
    sequence : number of the notification message
    data : handle and value of each change, in order
    events : handle and fields of each event, in order
    status : status code of the subscription itself when it changed
    keep_alive : nothing was there to tell
    result : status code of the service
    """

    subscription: int = 0
    sequence: int = 0
    data: list[tuple[int, Datum]] = field(default_factory=list)
    events: list[tuple[int, list[Any]]] = field(default_factory=list)
    status: int | None = None
    keep_alive: bool = True
    result: int = 0


_SCALARS: dict[int, struct.Struct] = {
    1: struct.Struct("<?"),
    2: struct.Struct("<b"),
    3: struct.Struct("<B"),
    4: struct.Struct("<h"),
    5: struct.Struct("<H"),
    6: struct.Struct("<i"),
    7: struct.Struct("<I"),
    8: struct.Struct("<q"),
    9: struct.Struct("<Q"),
    10: struct.Struct("<f"),
    11: struct.Struct("<d"),
    19: struct.Struct("<I"),
}
_CODES = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 19: "I"}
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_I64 = struct.Struct("<q")
_DOUBLE = _SCALARS[11]


def _ns(ticks: int) -> int:
    return (ticks - _EPOCH_100NS) * 100 if ticks > 0 else 0


def _stamp(ticks: int) -> int:
    """Time stamp in ns; one that no clock tells, such as the year 9999, counts as absent."""
    ns = (ticks - _EPOCH_100NS) * 100
    return ns if ticks > 0 and -_LAST_NS < ns < _LAST_NS else 0


def _text(data: bytes, at: int) -> tuple[str | None, int]:
    raw, at = _raw(data, at)
    return (None if raw is None else raw.decode("utf-8", "replace")), at


def _raw(data: bytes, at: int) -> tuple[bytes | None, int]:
    (size,) = _I32.unpack_from(data, at)
    at += 4
    if size < 0:
        return None, at
    if at + size > len(data):
        raise BadBytes(f"a text of {size} bytes where {len(data) - at} are left")
    return data[at : at + size], at + size


def _localized(data: bytes, at: int) -> tuple[str | None, int]:
    mask = data[at]
    at += 1
    if mask & 1:
        _, at = _raw(data, at)
    if mask & 2:
        return _text(data, at)
    return None, at


def _time(data: bytes, at: int) -> tuple[int, int]:
    return _ns(_I64.unpack_from(data, at)[0]), at + 8


def _guid(data: bytes, at: int) -> tuple[str, int]:
    if at + 16 > len(data):
        raise BadBytes("an identifier that ends early")
    return str(uuid.UUID(bytes_le=data[at : at + 16])), at + 16


def _count(data: bytes, at: int) -> tuple[int, int]:
    (count,) = _I32.unpack_from(data, at)
    if count > _MOST or count > len(data):
        raise BadBytes(f"{count} entries where {len(data) - at} bytes are left")
    return max(count, 0), at + 4


def _structure(data: bytes, at: int) -> tuple[Structure, int]:
    kind, at = _node(data, at)
    coding = data[at]
    body, at = _raw(data, at + 1) if coding else (b"", at + 1)
    return Structure(kind, body or b""), at


def _named(data: bytes, at: int) -> tuple[str, int]:
    (space,) = struct.unpack_from("<H", data, at)
    name, at = _text(data, at + 2)
    return f"{space}:{name}", at


def _node_id(data: bytes, at: int) -> tuple[ua.NodeId, int]:
    """A node id, expanded or not, as the library reads it; it is as long as its bytes say."""
    rest = Buffer(data, at)
    node = ua_binary.nodeid_from_binary(rest)
    return node, len(data) - len(rest)


_OTHERS: dict[int, Callable[[bytes, int], tuple[Any, int]]] = {
    12: _text,
    13: _time,
    14: _guid,
    15: _raw,
    16: _text,
    17: _node_id,
    18: _node_id,
    20: _named,
    21: _localized,
}


def _variant(data: bytes, at: int, depth: int = 0) -> tuple[int, Any, int]:
    """Type, value, and where it ends."""
    head = data[at]
    kind = head & 0x3F
    if head & 0x80:
        count, after = _count(data, at + 1)
        value: Any
        if kind in _CODES:
            size = struct.calcsize(f"<{count}{_CODES[kind]}")
            if after + size > len(data):
                raise BadBytes(f"an array of {count} where {len(data) - after} bytes are left")
            value = list(struct.unpack_from(f"<{count}{_CODES[kind]}", data, after))
            after += size
        else:
            value = []
            for _ in range(count):
                one, after = _one(kind, data, after, depth)
                value.append(one)
        if head & 0x40:
            dimensions, after = _count(data, after)
            after += 4 * dimensions
        return kind | 128, value, after
    if kind in _SCALARS:
        reader = _SCALARS[kind]
        return kind, reader.unpack_from(data, at + 1)[0], at + 1 + reader.size
    if kind == 0:
        return 0, None, at + 1
    value, after = _one(kind, data, at + 1, depth)
    return kind, value, after


def _one(kind: int, data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """A value that is not of fixed size."""
    if kind in _OTHERS:
        return _OTHERS[kind](data, at)
    if kind == 22:
        return _structure(data, at)
    if depth > 8:
        raise BadBytes("variants within variants")
    if kind == 23:
        return _datum(data, at, depth + 1)
    if kind == 24:
        inner, value, at = _variant(data, at, depth + 1)
        return (inner, value), at
    if kind == 25:
        return None, _diagnostic(data, at)
    raise BadBytes(f"a variant of type {kind}")


def _datum(data: bytes, at: int, depth: int = 0) -> tuple[Datum, int]:
    mask = data[at]
    at += 1
    kind, value, status, source, server = 0, None, 0, 0, 0
    if mask & 1:
        if data[at] == 11:
            kind, value, at = 11, _DOUBLE.unpack_from(data, at + 1)[0], at + 9
        else:
            kind, value, at = _variant(data, at, depth)
    if mask & 2:
        (status,) = _U32.unpack_from(data, at)
        at += 4
    if mask & 4:
        source = _stamp(_I64.unpack_from(data, at)[0])
        at += 8
    if mask & 16:
        at += 2
    if mask & 8:
        server = _stamp(_I64.unpack_from(data, at)[0])
        at += 8
    if mask & 32:
        at += 2
    return (kind, value, status, source, server), at


def _node(data: bytes, at: int) -> tuple[int, int]:
    """Number of a node id in namespace 0, or -1 for another kind of id, and where it ends."""
    kind = data[at] & 0x3F
    if kind == 0:
        return data[at + 1], at + 2
    if kind == 1:
        return (struct.unpack_from("<H", data, at + 2)[0] if data[at + 1] == 0 else -1), at + 4
    if kind == 2:
        space, number = struct.unpack_from("<HI", data, at + 1)
        return (number if space == 0 else -1), at + 7
    if kind in (3, 5):
        _, at = _raw(data, at + 3)
        return -1, at
    if kind == 4:
        return -1, at + 19
    raise BadBytes(f"a node id of kind {kind}")


def _diagnostic(data: bytes, at: int, depth: int = 0) -> int:
    mask = data[at]
    at += 1
    at += 4 * ((mask & 1) + (mask >> 1 & 1) + (mask >> 3 & 1) + (mask >> 2 & 1))
    if mask & 16:
        _, at = _raw(data, at)
    if mask & 32:
        at += 4
    if mask & 64:
        if depth > 8:
            raise BadBytes("diagnostics within diagnostics")
        at = _diagnostic(data, at, depth + 1)
    return at


def _header(data: bytes, at: int) -> tuple[int, int]:
    """Result of the service, and where the header ends."""
    (result,) = _U32.unpack_from(data, at + 12)
    at = _diagnostic(data, at + 16)
    count, at = _count(data, at)
    for _ in range(count):
        _, at = _raw(data, at)
    _, at = _node(data, at)
    coding = data[at]
    at += 1
    if coding:
        _, at = _raw(data, at)
    return result, at


def _guarded(read: Callable[[bytes], _Read]) -> Callable[[bytes], _Read]:
    def guarded(data: bytes) -> _Read:
        try:
            return read(data)
        except (BadBytes, ua.UaStatusCodeError):
            raise
        except Exception as error:
            raise BadBytes(f"an answer of {len(data)} bytes cannot be read: {type(error).__name__}: {error}") from error

    return guarded


def _published(data: bytes) -> Published:
    _, at = _node(data, 0)
    said = Published()
    said.result, at = _header(data, at)
    if said.result & 0x8000_0000:
        return said
    (said.subscription,) = _U32.unpack_from(data, at)
    count, at = _count(data, at + 4)
    at += 4 * count + 1
    (said.sequence,) = _U32.unpack_from(data, at)
    count, at = _count(data, at + 12)
    _notifications(data, at, count, said)
    return said


def _notifications(data: bytes, at: int, count: int, said: Published) -> None:
    for _ in range(count):
        kind, at = _node(data, at)
        coding = data[at]
        at += 1
        if not coding:
            continue
        (size,) = _I32.unpack_from(data, at)
        at += 4
        end = at + max(size, 0)
        if end > len(data):
            raise BadBytes(f"a notification of {size} bytes where {len(data) - at} are left")
        said.keep_alive = False
        if kind == _DATA_CHANGE:
            items, here = _count(data, at)
            add = said.data.append
            for _ in range(items):
                (handle,) = _U32.unpack_from(data, here)
                datum, here = _datum(data, here + 4)
                add((handle, datum))
        elif kind == _EVENTS:
            items, here = _count(data, at)
            for _ in range(items):
                (handle,) = _U32.unpack_from(data, here)
                number, here = _count(data, here + 4)
                fields = []
                for _ in range(number):
                    _, value, here = _variant(data, here)
                    fields.append(value)
                said.events.append((handle, fields))
        elif kind == _STATUS:
            (said.status,) = _U32.unpack_from(data, at)
        at = end


def _republished(data: bytes) -> Published:
    _, at = _node(data, 0)
    said = Published()
    said.result, at = _header(data, at)
    if said.result & 0x8000_0000:
        return said
    (said.sequence,) = _U32.unpack_from(data, at)
    count, at = _count(data, at + 12)
    _notifications(data, at, count, said)
    return said


def _values(data: bytes) -> list[Datum]:
    _, at = _node(data, 0)
    result, at = _header(data, at)
    if result & 0x8000_0000:
        raise ua.UaStatusCodeError(result)
    count, at = _count(data, at)
    found = []
    for _ in range(count):
        datum, at = _datum(data, at)
        found.append(datum)
    return found


def _history(data: bytes) -> list[tuple[int, bytes, list[Datum]]]:
    _, at = _node(data, 0)
    result, at = _header(data, at)
    if result & 0x8000_0000:
        raise ua.UaStatusCodeError(result)
    count, at = _count(data, at)
    found: list[tuple[int, bytes, list[Datum]]] = []
    for _ in range(count):
        (status,) = _U32.unpack_from(data, at)
        more, at = _raw(data, at + 4)
        kind, at = _node(data, at)
        coding = data[at]
        at += 1
        read: list[Datum] = []
        if coding:
            body, at = _raw(data, at)
            if body and kind in (_HISTORY_DATA, _MODIFIED):
                items, here = _count(body, 0)
                for _ in range(items):
                    datum, here = _datum(body, here)
                    read.append(datum)
        found.append((status, more or b"", read))
    return found


def _unit(data: bytes) -> tuple[str, int, str]:
    uri, at = _text(data, 0)
    (number,) = _I32.unpack_from(data, at)
    shown, _ = _localized(data, at + 4)
    return uri or "", number, shown or ""


unit = _guarded(_unit)
"""Reads the body of an EUInformation: namespace, number, and name as it is shown."""
published = _guarded(_published)
"""Reads a publish response, from its type id on."""
republished = _guarded(_republished)
"""Reads a republish response."""
values = _guarded(_values)
"""Reads a read response: one datum for each node that was asked for."""
history = _guarded(_history)
"""Reads a history read response: status, continuation point and values of each node that was asked for."""
