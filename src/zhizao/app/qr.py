"""QR codes (ISO/IEC 18004) as SVG: bytes, error correction level M, versions 1 to 20."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

from zhizao.errors import InputError

__all__ = ["matrix", "remainder", "svg", "tablet_address"]

_BLOCKS: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = (
    (10, ((1, 16),)),
    (16, ((1, 28),)),
    (26, ((1, 44),)),
    (18, ((2, 32),)),
    (24, ((2, 43),)),
    (16, ((4, 27),)),
    (18, ((4, 31),)),
    (22, ((2, 38), (2, 39))),
    (22, ((3, 36), (2, 37))),
    (26, ((4, 43), (1, 44))),
    (30, ((1, 50), (4, 51))),
    (22, ((6, 36), (2, 37))),
    (22, ((8, 37), (1, 38))),
    (24, ((4, 40), (5, 41))),
    (24, ((5, 41), (5, 42))),
    (28, ((7, 45), (3, 46))),
    (28, ((10, 46), (1, 47))),
    (26, ((9, 43), (4, 44))),
    (26, ((3, 44), (11, 45))),
    (26, ((3, 41), (13, 42))),
)
"""Table 9, level M: error correction words of a block; blocks and their data words."""

_ALIGNED: tuple[tuple[int, ...], ...] = (
    (),
    (6, 18),
    (6, 22),
    (6, 26),
    (6, 30),
    (6, 34),
    (6, 22, 38),
    (6, 24, 42),
    (6, 26, 46),
    (6, 28, 50),
    (6, 30, 54),
    (6, 32, 58),
    (6, 34, 62),
    (6, 26, 46, 66),
    (6, 26, 48, 70),
    (6, 26, 50, 74),
    (6, 30, 54, 78),
    (6, 30, 56, 82),
    (6, 30, 58, 86),
    (6, 34, 62, 90),
)
"""Annex E: centres of alignment patterns."""

_EXP = [1] * 512
_LOG = [0] * 256
for _k in range(1, 512):
    _EXP[_k] = _EXP[_k - 1] << 1 ^ (0x11D if _EXP[_k - 1] & 0x80 else 0)
for _k in range(255):
    _LOG[_EXP[_k]] = _k


def tablet_address(base: str, machine: str) -> str:
    """Address of a machine's tablet page.

    >>> tablet_address("http://hall:8080/", "mill 1")
    'http://hall:8080/tablet?machine=mill%201'
    """
    return f"{base.rstrip('/')}/tablet?machine={quote(machine, safe='')}"


def remainder(data: Sequence[int], n: int) -> list[int]:
    """Error correction words of a block (Reed-Solomon over GF(256), generator 285).

    Parameters
    ----------
    data : words, 0 to 255
    n : how many are wanted

    Examples
    --------
    >>> words = [32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17]
    >>> remainder(words, 10)
    [196, 35, 39, 119, 235, 215, 231, 226, 93, 23]
    """
    generator = [1]
    for k in range(n):
        longer = [*generator, 0]
        for at, factor in enumerate(generator):
            longer[at + 1] ^= _times(factor, _EXP[k])
        generator = longer
    left = [*data, *([0] * n)]
    for at in range(len(data)):
        lead = left[at]
        for k, factor in enumerate(generator):
            left[at + k] ^= _times(factor, lead)
    return left[len(data) :]


def _times(a: int, b: int) -> int:
    return 0 if not a or not b else _EXP[_LOG[a] + _LOG[b]]


def _words(text: bytes) -> tuple[int, list[int]]:
    """Version, and all words in the order in which they are drawn."""
    rooms = [sum(n * size for n, size in blocks) for _, blocks in _BLOCKS]
    fits = (k for k, room in enumerate(rooms, 1) if 4 + (8 if k < 10 else 16) + 8 * len(text) <= 8 * room)
    version = next(fits, 0)
    if not version:
        raise InputError(
            f"{len(text)} bytes do not fit into a QR code", fix="shorten the address or the name", code="qr_long"
        )
    room, wide, (correction, blocks) = rooms[version - 1], 8 if version < 10 else 16, _BLOCKS[version - 1]
    bits = f"0100{len(text):0{wide}b}" + "".join(f"{one:08b}" for one in text)
    bits += "0" * min(4, 8 * room - len(bits))
    bits += "0" * (-len(bits) % 8)
    data = [int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)]
    data += [(236, 17)[k % 2] for k in range(room - len(data))]
    parts: list[list[int]] = []
    at = 0
    for n, size in blocks:
        for _ in range(n):
            parts.append(data[at : at + size])
            at += size
    checks = [remainder(part, correction) for part in parts]
    longest = max(len(part) for part in parts)
    out = [part[k] for k in range(longest) for part in parts if k < len(part)]
    return version, out + [check[k] for k in range(correction) for check in checks]


def matrix(text: str) -> list[list[bool]]:
    """Modules of the code, true for dark, without the quiet zone.

    Parameters
    ----------
    text : what is to be read

    Raises
    ------
    InputError : it is longer than 666 bytes in UTF-8

    Examples
    --------
    >>> len(matrix("hall")), len(matrix("http://127.0.0.1:8080/tablet?machine=mill%201"))
    (21, 33)
    """
    version, words = _words(text.encode())
    size = 17 + 4 * version
    cells, fixed = _patterns(version, size)
    bits = [word >> k & 1 for word in words for k in range(7, -1, -1)]
    at, up, column = 0, True, size - 1
    while column > 0:
        column -= column == 6
        for step in range(size):
            row = size - 1 - step if up else step
            for x in (column, column - 1):
                if not fixed[row][x]:
                    cells[row][x] = at < len(bits) and bool(bits[at])
                    at += 1
        column, up = column - 2, not up
    return min((_masked(cells, fixed, mask) for mask in range(8)), key=_penalty)


def _patterns(version: int, size: int) -> tuple[list[list[bool]], list[list[bool]]]:
    """Finder, timing and alignment patterns and version information; and which modules are taken."""
    cells = [[False] * size for _ in range(size)]
    fixed = [[False] * size for _ in range(size)]

    def put(row: int, column: int, dark: bool) -> None:
        if 0 <= row < size and 0 <= column < size:
            cells[row][column], fixed[row][column] = dark, True

    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
        for dy in range(-1, 8):
            for dx in range(-1, 8):
                ring = max(abs(dy - 3), abs(dx - 3))
                put(top + dy, left + dx, ring in (0, 1, 3))
    for k in range(8, size - 8):
        put(6, k, k % 2 == 0)
        put(k, 6, k % 2 == 0)
    centres = _ALIGNED[version - 1]
    for y in centres:
        for x in centres:
            if not _corner(y, x, size):
                for dy in range(-2, 3):
                    for dx in range(-2, 3):
                        put(y + dy, x + dx, max(abs(dy), abs(dx)) != 1)
    for k in range(9):  # where the format stands
        for row, column in ((8, k), (k, 8), (8, size - 1 - k), (size - 1 - k, 8)):
            if k < 8 or (row, column) == (8, 8):
                fixed[row][column] = True
    put(size - 8, 8, True)
    if version >= 7:
        told = _bch(version, 12, 0x1F25)
        for k in range(18):
            dark = bool(told >> k & 1)
            put(k // 3, size - 11 + k % 3, dark)
            put(size - 11 + k % 3, k // 3, dark)
    return cells, fixed


def _corner(y: int, x: int, size: int) -> bool:
    return (y, x) in ((6, 6), (6, size - 7), (size - 7, 6))


def _bch(value: int, n: int, generator: int) -> int:
    """A value with its n check bits behind it."""
    left = value << n
    for k in range(left.bit_length() - 1, n - 1, -1):
        if left >> k & 1:
            left ^= generator << (k - n)
    return value << n | left


_MASKS: tuple[Callable[[int, int], int], ...] = (
    lambda y, x: (y + x) % 2,
    lambda y, x: y % 2,
    lambda y, x: x % 3,
    lambda y, x: (y + x) % 3,
    lambda y, x: (y // 2 + x // 3) % 2,
    lambda y, x: y * x % 2 + y * x % 3,
    lambda y, x: (y * x % 2 + y * x % 3) % 2,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2,
)


def _masked(cells: list[list[bool]], fixed: list[list[bool]], mask: int) -> list[list[bool]]:
    size, turn = len(cells), _MASKS[mask]
    out = [[cells[y][x] ^ (not fixed[y][x] and turn(y, x) == 0) for x in range(size)] for y in range(size)]
    told = _bch(mask, 10, 0x537) ^ 0x5412  # level M is 00
    ring = [(8, k) for k in (0, 1, 2, 3, 4, 5, 7, 8)] + [(k, 8) for k in (7, 5, 4, 3, 2, 1, 0)]
    other = [(size - 1 - k, 8) for k in range(7)] + [(8, size - 8 + k) for k in range(8)]
    for places in (ring, other):
        for k, (y, x) in enumerate(places):
            out[y][x] = bool(told >> (14 - k) & 1)
    return out


def _penalty(cells: list[list[bool]]) -> int:
    """How hard it is to read (clause 7.8.3)."""
    size = len(cells)
    lines = ["".join("10"[not one] for one in row) for row in (*cells, *map(list, zip(*cells, strict=True)))]
    found = 0
    for line in lines:
        run = 1
        for a, b in zip(line, line[1:] + "?", strict=True):
            if a == b:
                run += 1
            else:
                found += run - 2 if run >= 5 else 0
                run = 1
        for k in range(size - 10):
            if line[k : k + 11] in ("10111010000", "00001011101"):
                found += 40
    for y in range(size - 1):
        for x in range(size - 1):
            found += 3 * (cells[y][x] == cells[y + 1][x] == cells[y][x + 1] == cells[y + 1][x + 1])
    dark = sum(map(sum, cells))
    return found + 10 * int(abs(20 * dark - 10 * size * size) / (size * size))


def svg(text: str) -> str:
    """The code as SVG with its quiet zone, dark on white.

    Parameters
    ----------
    text : what is to be read
    """
    cells = matrix(text)
    size = len(cells) + 8
    path = "".join(f"M{x + 4} {y + 4}h1v1h-1z" for y, row in enumerate(cells) for x, dark in enumerate(row) if dark)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    )
