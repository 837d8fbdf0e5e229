"""What a free machine takes next: each rule gives a lot a key, and the smallest key goes first.

Rules know only what a foreman knows: standard times, due dates and arrivals, never the noise that is yet to come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

__all__ = ["RULES", "Queued", "best"]


class Queued(Protocol):
    """What a rule sees of a waiting lot; times in seconds."""

    arrived: int
    number: int
    due_s: int
    expected_s: float
    remaining_s: float
    family: str


Key = Callable[[Queued, int, float, str], tuple[float, ...]]


def _slack(lot: Queued, now: int) -> float:
    return lot.due_s - now - lot.remaining_s


def _atc(lot: Queued, now: int, mean_s: float) -> float:
    return -math.exp(-max(_slack(lot, now), 0.0) / (2.0 * 24.0 * mean_s)) / lot.expected_s


RULES: dict[str, Key] = {
    "fifo": lambda lot, now, mean_s, family: (lot.arrived,),
    "lifo": lambda lot, now, mean_s, family: (-lot.arrived, -lot.number),
    "spt": lambda lot, now, mean_s, family: (lot.expected_s,),
    "edd": lambda lot, now, mean_s, family: (lot.due_s,),
    "slack": lambda lot, now, mean_s, family: (_slack(lot, now),),
    "cr": lambda lot, now, mean_s, family: ((lot.due_s - now) / max(lot.remaining_s, 1.0),),
    "atc": lambda lot, now, mean_s, family: (_atc(lot, now, mean_s),),
    "mwkr": lambda lot, now, mean_s, family: (-lot.remaining_s,),
    "family": lambda lot, now, mean_s, family: (lot.family != family, lot.due_s),
    "sequence": lambda lot, now, mean_s, family: (lot.arrived,),
}
"""Rules by name: (lot, now, mean expected work in the queue, family now set up) -> key. `sequence` is first in, first
out among work that the schedule does not rank; ATC looks two mean working days ahead (Vepsalainen and Morton, 1987)."""


def best(lots: Sequence[Queued], rule: str, now: int, family: str) -> int:
    """Index of the lot that goes first.

    Parameters
    ----------
    lots : at least one
    rule : key of `RULES`
    now : seconds
    family : family that the machine is set up for, empty when none
    """
    mean_s = sum(lot.expected_s for lot in lots) / len(lots) if rule == "atc" else 1.0
    key = RULES[rule]
    return min(
        range(len(lots)), key=lambda at: (*key(lots[at], now, mean_s, family), lots[at].arrived, lots[at].number)
    )
