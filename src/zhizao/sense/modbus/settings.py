"""What plant.yaml says of a Modbus TCP device: poll groups of tags."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from zhizao.model import Noun
from zhizao.sense import connection

__all__ = ["Group", "Settings", "Tag"]

Table = Literal["coil", "discrete", "input", "holding"]
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
Type = Literal[
    "bool", "bits", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string",
    "bcd16", "bcd32",
]  # fmt: skip

WORDS: dict[str, int] = {
    "bool": 1, "bits": 1, "int16": 1, "uint16": 1, "bcd16": 1, "int32": 2, "uint32": 2, "float32": 2, "bcd32": 2,
    "int64": 4, "uint64": 4, "float64": 4,
}  # fmt: skip
"""Registers of each type; a string has as many as its length needs."""


class Tag(Noun):
    """One value in the registers of a device."""

    address: int = Field(ge=0, le=65535)
    """Address as it goes over the wire, from 0. Where a manual counts from 1 or writes 40001, write `number` instead."""

    table: Table | None = None
    """Where it stands: coil, discrete (input), input (register) or holding (register); None takes the group's."""

    type: Type = "uint16"
    """How its registers are read; in coils and discrete inputs everything is a bool."""

    order: Order | None = None
    """Order of the bytes of a 32-bit value; A is the highest. CDAB swaps words, BADC bytes; None takes the group's."""

    bit: int | None = Field(default=None, ge=0, le=15)
    """Bit of a register that is a bool; 0 is the lowest."""

    bits: dict[int, str] = {}
    """Names of the bits of a register of type `bits`; each is a tag of its own below this one."""

    length: int = Field(default=16, ge=1, le=250)
    """Bytes of a string."""

    scale: float = 1.0
    """What the number is multiplied by."""

    offset: float = 0.0
    """What is added after that."""

    unit: str = ""
    """Unit of the value after scaling."""

    encoding: str = "ascii"
    """How a string is written."""

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, given: object) -> object:
        """A manual's number, such as 40001 or 300101, says table and address at once."""
        if not isinstance(given, dict) or "number" not in given:
            return given
        given = dict(given)
        text = str(given.pop("number"))
        tables = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}
        if not (text.isascii() and text.isdigit() and len(text) in (5, 6) and text[0] in tables and int(text[1:])):
            raise ValueError(f'"{text}" is not a register number; write 40001 for the first holding register')
        if "address" in given:
            raise ValueError("write either `number` or `address`")
        return {"table": tables[text[0]], **given, "address": int(text[1:]) - 1}

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError(f'"{value}" is not an encoding; write ascii, utf-8 or gb18030') from None
        return value

    @model_validator(mode="after")
    def _whole(self) -> Tag:
        if self.type == "bool" and self.bit is None and self.table in ("input", "holding"):
            raise ValueError("a bool in a register needs its `bit`")
        if self.type == "bits" and not self.bits:
            raise ValueError("`bits` needs the names of its bits, such as {0: running, 3: fault}")
        if any(not 0 <= bit <= 15 for bit in self.bits):
            raise ValueError("bits are numbered from 0 to 15")
        if self.address + self.words > 65536:
            raise ValueError("it reaches beyond address 65535")
        if self.scale == 0:
            raise ValueError("a scale of 0 makes every value the same")
        return self

    @property
    def words(self) -> int:
        """Registers that it takes."""
        return (self.length + 1) // 2 if self.type == "string" else WORDS[self.type]


class Group(Noun):
    """Tags of one device that are read together."""

    unit: int = Field(default=1, ge=0, le=255)
    """Unit id of the device; behind a gateway each has its own."""

    every_s: float = Field(default=1.0, gt=0, le=86400)
    """Seconds between two readings."""

    table: Table = "holding"
    """Where its tags stand, unless they say otherwise."""

    order: Order = "ABCD"
    """Order of bytes, unless a tag says otherwise."""

    gap: int = Field(default=8, ge=0, le=124)
    """Unused registers that are read along so that fewer questions are needed; 0 for devices that refuse them."""

    most: int = Field(default=125, ge=1, le=125)
    """Most registers of one question; some devices take fewer than the 125 of the standard."""

    tags: dict[str, Tag] = Field(min_length=1)
    """Its tags by name."""


class Settings(connection.Settings):
    """A Modbus TCP device or gateway."""

    kind: Literal["modbus"] = "modbus"

    host: str = Field(min_length=1)
    """Name or address of the device."""

    port: int = Field(default=502, ge=1, le=65535)
    """Its TCP port."""

    timeout_s: float = Field(default=2.0, gt=0, le=60)
    """Longest wait for an answer."""

    heartbeat_s: float = Field(default=60.0, gt=0, le=86400)
    """A value that does not change is told again after this time."""

    again_s: float = Field(default=60.0, gt=0, le=86400)
    """Registers that the device refused are tried again after this time."""

    groups: dict[str, Group] = Field(min_length=1)
    """Poll groups by name."""

    @model_validator(mode="after")
    def _unique(self) -> Settings:
        seen: dict[str, str] = {}
        for name, group in self.groups.items():
            for tag, one in group.tags.items():
                if tag in seen:
                    raise ValueError(f'tag "{tag}" stands in group "{seen[tag]}" and in group "{name}"')
                seen[tag] = name
                if one.type == "bool" and one.bit is None and (one.table or group.table) in ("input", "holding"):
                    raise ValueError(f'tag "{tag}": a bool in a register needs its `bit`')
        return self
