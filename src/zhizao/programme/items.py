"""What an enterprise is asked each month: forty items, each with unit, names and how its months add up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

__all__ = ["Item", "item_keys", "items"]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the monthly return.

    Parameters
    ----------
    key : name in frames, formulas and rules
    unit : unit of the value
    over : `flow` (months add up), `stock` (value at the period's end) or `flag` (0 or 1 at the period's end)
    zh, en : names
    signed : whether a value below zero can be right
    """

    key: str
    unit: str
    over: Literal["flow", "stock", "flag"]
    zh: str
    en: str
    signed: bool = False


@cache
def items() -> dict[str, Item]:
    """Items by key, in the order of the return.

    Examples
    --------
    >>> len(items()), items()["energy_tce"].over
    (40, 'flow')
    """
    rows = yaml.safe_load(files("zhizao.programme").joinpath("items.yaml").read_text(encoding="utf-8"))
    return {row["key"]: Item(**row) for row in rows}


def item_keys() -> tuple[str, ...]:
    """Keys of the items, in the order of the return."""
    return tuple(items())
