"""Bytes of an adapter become lines, lines become fields."""

from __future__ import annotations

__all__ = ["MAX_LINE", "Cutter", "fields_of"]

MAX_LINE = 4 * 1024 * 1024
"""Bytes of a line; longer ones are skipped to their end and counted."""


class Cutter:
    """Cuts what comes in into lines.

    Parameters
    ----------
    encoding : of the adapter; bytes that are none of it become replacement characters

    Examples
    --------
    >>> cutter = Cutter()
    >>> cutter.feed(b"a|b\\r\\nc"), cutter.feed(b"|d\\n")
    (['a|b'], ['c|d'])
    """

    def __init__(self, encoding: str = "utf-8", limit: int = MAX_LINE) -> None:
        self._encoding, self._limit = encoding, limit
        self._held = bytearray()
        self._skipping = False
        self.too_long = 0
        """Lines that were skipped because they do not end."""

    def feed(self, data: bytes) -> list[str]:
        """Take bytes, give the lines that are whole now, without their ends."""
        *whole, rest = data.split(b"\n")
        found: list[str] = []
        for piece in whole:
            if self._skipping:
                self._skipping = False
                continue
            self._held += piece
            if len(self._held) > self._limit:
                self.too_long += 1
            else:
                found.append(self._held.decode(self._encoding, "replace").rstrip("\r"))
            self._held = bytearray()
        if not self._skipping:
            self._held += rest
            if len(self._held) > self._limit:
                self.too_long += 1
                self._skipping = True
                self._held = bytearray()
        return found

    def rest(self) -> str:
        """What is left when the connection has ended: a line without an end."""
        left = self._held.decode(self._encoding, "replace").rstrip("\r")
        self._held = bytearray()
        return left


def fields_of(line: str) -> list[str]:
    r"""Fields of a line, trimmed.

    A field that begins with a quote and whose next quote stands at its very end may hold pipes, each written `\|`; any
    other backslash or quote means itself.

    Examples
    --------
    >>> fields_of(r'2024-01-01T00:00:00Z|msg|"left \| right"|x ')
    ['2024-01-01T00:00:00Z', 'msg', 'left | right', 'x']
    >>> fields_of('|path|C:\\NC\\|mode|"AUTO')
    ['', 'path', 'C:\\NC\\', 'mode', '"AUTO']
    """
    if '"' not in line:
        return [field.strip() for field in line.split("|")]
    found: list[str] = []
    place, end = 0, len(line)
    while True:
        start = place
        while start < end and line[start] in " \t":
            start += 1
        if start < end and line[start] == '"' and (close := _closing(line, start + 1)) >= 0:
            found.append(line[start + 1 : close].replace("\\|", "|"))
            place = line.find("|", close)
        else:
            pipe = line.find("|", place)
            found.append(line[place : pipe if pipe >= 0 else end].strip())
            place = pipe
        if place < 0:
            return found
        place += 1


def _closing(line: str, start: int) -> int:
    """Place of the quote that ends a field begun before `start`; -1 when the field does not end with one."""
    close = line.find('"', start)
    if close < 0:
        return -1
    after = close + 1
    while after < len(line) and line[after] in " \t":
        after += 1
    if after < len(line) and line[after] != "|":
        return -1
    pipe = line.find("|", start, close)
    while pipe >= 0:
        if line[pipe - 1] != "\\" or pipe == start:
            return -1
        pipe = line.find("|", pipe + 1, close)
    return close
