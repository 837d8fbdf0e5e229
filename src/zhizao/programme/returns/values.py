"""Whether the figures of a return may be submitted: every line has a value or says why not, in its unit and range."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from zhizao.errors import Fault
from zhizao.programme.items import Item, items

__all__ = ["LARGEST", "check_values", "differences", "limits"]

LARGEST = 1e15
"""Above this a figure is a slip of the keyboard."""

_NOTE = 500


def limits(item: Item) -> tuple[float, float]:
    """Least and greatest value of an item.

    Examples
    --------
    >>> limits(items()["digital_rd_tools"]), limits(items()["profit_cny"])[0]
    ((0.0, 1.0), -1000000000000000.0)
    """
    if item.over == "flag":
        return 0.0, 1.0
    return (-LARGEST if item.signed else 0.0), LARGEST


def check_values(
    values: Mapping[str, Any], notes: Mapping[str, str], *, where: Callable[[str], str] = str
) -> list[Fault]:
    """What is wrong with the figures of a return, all of it; [] when nothing is.

    Parameters
    ----------
    values : by item; None where there is none
    notes : what the enterprise says, by item
    where : place of an item, for messages

    Examples
    --------
    >>> sorted({fault.code for fault in check_values({"employees": -3}, {})})
    ['blank', 'negative']
    """
    known = items()
    out = [
        Fault(f'"{key[:60]}" is not an item of the return', where(key), "use the keys of the form", "unknown_item")
        for key in dict.fromkeys([*values, *notes])
        if key not in known
    ]
    for key, item in known.items():
        value, note = values.get(key), notes.get(key, "")
        place = where(key)
        if len(note) > _NOTE:
            out.append(Fault(f"the note has {len(note)} characters", place, f"use at most {_NOTE}", "long_note"))
        if value is None:
            if not note.strip():
                out.append(
                    Fault(f"{item.en} ({item.zh}) is blank", place, "fill it in, or say in the note why not", "blank")
                )
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            out.append(Fault(f'{item.en} is "{str(value)[:40]}", not a number', place, "write a number", "not_number"))
            continue
        least, most = limits(item)
        if not math.isfinite(value):
            out.append(Fault(f"{item.en} is {value}", place, "write a finite number", "not_number"))
        elif item.over == "flag" and value not in (0, 1):
            out.append(Fault(f"{item.en} is {value:g}", place, "write 1 for yes, 0 for no", "flag"))
        elif value < least:
            code = "negative" if least == 0 else "too_large"
            out.append(Fault(f"{item.en} is {value:g}", place, f"write a value of at least {least:g}", code))
        elif value > most:
            out.append(Fault(f"{item.en} is {value:g}", place, f"check the unit ({item.unit}) and digits", "too_large"))
    return out


def differences(before: Mapping[str, float | None], after: Mapping[str, float | None]) -> list[str]:
    """Items whose value differs between two versions, in the order of the return.

    Examples
    --------
    >>> differences({"employees": 29.0}, {"employees": 30.0, "rd_people": None})
    ['employees']
    """
    return [key for key in items() if before.get(key) != after.get(key)]
