"""Which questions read all tags of a group: neighbouring registers are read at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zhizao.sense.modbus.settings import Group, Tag

__all__ = ["FUNCTION", "Block", "Place", "blocks_of", "split"]

MAX_BITS = 2000
"""Coils or discrete inputs of one question (Modbus Application Protocol 1.1b3, 6.1)."""

FUNCTION = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
"""Function code that reads each table."""


@dataclass(frozen=True, slots=True)
class Place:
    """A tag and where it stands, with what its group says filled in."""

    name: str
    tag: Tag
    table: str
    order: str

    @property
    def first(self) -> int:
        """Its first address."""
        return self.tag.address

    @property
    def count(self) -> int:
        """Addresses that it takes."""
        return 1 if self.table in ("coil", "discrete") else self.tag.words

    def __str__(self) -> str:
        """Such as `holding registers 100 to 101 (40101)`."""
        last = self.first + self.count - 1
        what = {"coil": "coil", "discrete": "discrete input"}.get(self.table, f"{self.table} register")
        digit = {"coil": "0", "discrete": "1", "input": "3", "holding": "4"}[self.table]
        number = f"{digit}{self.first + 1:04d}" if self.first < 9999 else f"{digit}{self.first + 1:05d}"
        where = f"{what} {self.first}" if last == self.first else f"{what}s {self.first} to {last}"
        return f"{where} (in manuals {number})"


@dataclass(frozen=True, slots=True)
class Block:
    """One question to a device.

    Parameters
    ----------
    unit : unit id
    table : coil, discrete, input or holding
    first : first address
    count : addresses
    places : tags that it answers
    """

    unit: int
    table: str
    first: int
    count: int
    places: tuple[Place, ...]

    def __str__(self) -> str:
        return f"unit {self.unit}, {self.table} {self.first} to {self.first + self.count - 1}"


def blocks_of(group: Group) -> list[Block]:
    """Questions that read all tags of a group.

    Examples
    --------
    >>> tags = {"a": {"address": 0, "type": "float32"}, "b": {"address": 4}, "c": {"address": 200}}
    >>> [(block.first, block.count) for block in blocks_of(Group.model_validate({"tags": tags}))]
    [(0, 5), (200, 1)]
    """
    places = [Place(name, tag, tag.table or group.table, tag.order or group.order) for name, tag in group.tags.items()]
    found: list[Block] = []
    for table in FUNCTION:
        own = sorted((place for place in places if place.table == table), key=lambda place: place.first)
        most = MAX_BITS if table in ("coil", "discrete") else group.most
        found += _merge(own, group.unit, table, most, group.gap)
    return found


def _merge(places: Sequence[Place], unit: int, table: str, most: int, gap: int) -> list[Block]:
    found: list[Block] = []
    held: list[Place] = []
    end = 0
    for place in places:
        far = held and (place.first - end > gap or max(end, place.first + place.count) - held[0].first > most)
        if far:
            found.append(_block(held, unit, table))
            held, end = [], 0
        held.append(place)
        end = max(end, place.first + place.count)
    if held:
        found.append(_block(held, unit, table))
    return found


def _block(places: Sequence[Place], unit: int, table: str) -> Block:
    first = places[0].first
    last = max(place.first + place.count for place in places)
    return Block(unit, table, first, last - first, tuple(places))


def split(block: Block) -> list[Block]:
    """Two halves of a block that a device refused; none when it is a single tag."""
    if len(block.places) < 2:
        return []
    half = len(block.places) // 2
    return [_block(block.places[:half], block.unit, block.table), _block(block.places[half:], block.unit, block.table)]
