"""Data sets and tables as adapters write them: `a=1 b="two words" c={x=1 y=2} gone`."""

from __future__ import annotations

import re

from zhizao.errors import InputError
from zhizao.sense.mtconnect.streams import Entry

__all__ = ["entries_of", "trigger_of"]

MAX_SET_ENTRIES = 10_000
_TRIGGER = re.compile(r"\s*:([A-Za-z_]+)(?:\s+|\Z)")
_KEY = re.compile(r"""[^\s={}"',]+""")
_SPACE = re.compile(r"[\s,]*")
_BARE = re.compile(r"[^\s{}]+")
_CLOSING = {"{": "}", '"': '"', "'": "'"}


def trigger_of(text: str) -> tuple[str, str]:
    """Reset trigger before a value, and the value.

    >>> trigger_of(":MANUAL a=1"), trigger_of("a=1")
    (('MANUAL', 'a=1'), ('', 'a=1'))
    """
    found = _TRIGGER.match(text)
    return (found[1].upper(), text[found.end() :]) if found else ("", text)


def entries_of(text: str, table: bool = False) -> tuple[Entry, ...]:
    """Entries of a data set or rows of a table; a key without a value is one that is there no longer.

    Parameters
    ----------
    text : as written
    table : whether values in braces are rows of cells

    Raises
    ------
    InputError : a quote or brace does not end, or a key is missing

    Examples
    --------
    >>> [(one.key, one.value, one.removed) for one in entries_of('a=1 b="two words" c={3 4} d')]
    [('a', '1', False), ('b', 'two words', False), ('c', '3 4', False), ('d', '', True)]
    >>> entries_of("row={x=1 y='a b'}", table=True)[0].cells
    (('x', '1'), ('y', 'a b'))
    """
    return tuple(
        Entry(key, "" if table and braced else (value or ""), _cells(value) if table and braced and value else (),
              removed=value is None)
        for key, value, braced in _pairs(text)
    )  # fmt: skip


def _cells(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, value or "") for key, value, _ in _pairs(text))


def _pairs(text: str) -> list[tuple[str, str | None, bool]]:
    found: list[tuple[str, str | None, bool]] = []
    place = _end(_SPACE, text, 0)
    while place < len(text):
        if len(found) >= MAX_SET_ENTRIES:
            raise InputError(f"a data set has more than {MAX_SET_ENTRIES} entries", code="too_many_entries")
        key = _KEY.match(text, place)
        if key is None:
            raise InputError(f'no key in "{text[place : place + 40]}"', code="bad_data_set")
        place = key.end()
        value: str | None = None
        braced = False
        if text[place : place + 1] == "=":
            place += 1
            mark = text[place : place + 1]
            if mark in _CLOSING and mark:
                braced = mark == "{"
                value, place = _enclosed(text, place, mark)
            else:
                end = _end(_BARE, text, place)
                # `a=` is an entry that is there no longer, as is `a`.
                value = text[place:end].rstrip(",") or None
                place = end
        found.append((key[0], value, braced))
        after = _end(_SPACE, text, place)
        if after == place < len(text):
            raise InputError(f'no space before "{text[place : place + 40]}"', code="bad_data_set")
        place = after
    return found


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


def _enclosed(text: str, start: int, mark: str) -> tuple[str, int]:
    """Text between quotes or braces, and the place behind them; a backslash takes the next character as it is."""
    close, place = _CLOSING[mark], start + 1
    depth, quote = 1, ""
    taken: list[str] = []
    while place < len(text):
        char = text[place]
        if char == "\\" and place + 1 < len(text):
            if mark == "{":
                taken.append(char)
            taken.append(text[place + 1])
            place += 2
            continue
        if mark == "{":
            if quote:
                quote = "" if char == quote else quote
            elif char in "\"'":
                quote = char
            elif char == "{":
                depth += 1
            elif char == "}":
                depth -= 1
        elif char == close:
            depth = 0
        if depth == 0:
            return "".join(taken), place + 1
        taken.append(char)
        place += 1
    raise InputError(f'"{text[start : start + 40]}" does not end with {close}', code="bad_data_set")
