"""Registers become values."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from zhizao.errors import InputError
from zhizao.sense.modbus.settings import Tag

__all__ = ["decode", "scaled", "values_of"]

_FORMAT = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float32": ">f", "float64": ">d",
}  # fmt: skip


def _bytes(words: Sequence[int], order: str, text: bool = False) -> bytes:
    """Bytes with the highest first; the words of a text keep their order."""
    if order in ("CDAB", "DCBA") and not text:
        words = words[::-1]
    swap = order in ("BADC", "DCBA")
    return struct.pack(f"{'<' if swap else '>'}{len(words)}H", *words)


def decode(words: Sequence[int], kind: str, order: str = "ABCD", encoding: str = "ascii") -> float | str | None:
    """Value of registers, before scaling.

    Parameters
    ----------
    words : registers, 0 to 65535, as many as the type takes
    kind : type as in the settings; neither bool nor bits
    order : order of bytes
    encoding : of a string

    Returns
    -------
    None for a float that is no number

    Raises
    ------
    InputError : too few registers, or digits of a BCD that are none

    Examples
    --------
    >>> decode([0x4248, 0], "float32"), decode([0, 0x4248], "float32", "CDAB"), decode([0x1234], "bcd16")
    (50.0, 50.0, 1234)
    """
    try:
        data = _bytes(words, order, kind == "string")
        if kind == "string":
            text = data.split(b"\0", 1)[0].decode(encoding, "replace")
            return "".join(char for char in text if char.isprintable() or char == " ").strip()
        if kind in ("bcd16", "bcd32"):
            digits = data.hex()
            if not digits.isdigit() or len(data) != (2 if kind == "bcd16" else 4):
                raise InputError(f"{digits} has digits that are none", code="bad_bcd")
            return int(digits)
        value: float = struct.unpack(_FORMAT[kind], data)[0]
    except (struct.error, KeyError) as error:
        raise InputError(f"{len(words)} registers are not a {kind}: {error}", code="bad_registers") from None
    return value if math.isfinite(value) else None


def scaled(value: float, scale: float, offset: float) -> float:
    """Value in its unit; a scale of 0.1 divides by 10, so that 123 becomes 12.3 and not 12.300000000000001.

    >>> scaled(123, 0.1, 0.0), scaled(3, 2.5, -1.0)
    (12.3, 6.5)
    """
    if scale == 1.0:
        return float(value) + offset
    inverse = round(1 / scale) if 1e-15 < abs(scale) < 1 else 0
    if inverse and abs(inverse * scale - 1) < 1e-12:
        return value / inverse + offset
    return value * scale + offset


def values_of(tag: Tag, name: str, words: Sequence[int], order: str) -> list[tuple[str, float | str | None]]:
    """Names and values that the registers of a tag tell; a `bits` tag tells several.

    Parameters
    ----------
    tag : what it is
    name : its name
    words : its registers
    order : order of bytes

    Raises
    ------
    InputError : see `decode`
    """
    if tag.type in ("bool", "bits"):
        if not words or not 0 <= words[0] <= 0xFFFF:
            raise InputError("no register", code="bad_registers")
        word = words[0]
        if order in ("BADC", "DCBA"):
            word = (word >> 8) | (word & 0xFF) << 8
        if tag.type == "bits":
            return [(f"{name}/{bit}", float(word >> place & 1)) for place, bit in tag.bits.items()]
        return [(name, float(word >> (tag.bit or 0) & 1))]
    value = decode(words, tag.type, order, tag.encoding)
    if isinstance(value, str) or value is None:
        return [(name, value)]
    figure = scaled(value, tag.scale, tag.offset)
    return [(name, figure if math.isfinite(figure) else None)]
