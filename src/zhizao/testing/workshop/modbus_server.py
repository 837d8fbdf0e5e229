"""The workshop as a Modbus TCP device: a register map made from its signals, and the settings that read it.

Numbers with a least step are whole multiples of it in 32 bits, other numbers have 64 bits; truth values are coils and
discrete inputs; texts have 32 bytes. What may be written stands in coils and holding registers, all else in discrete
inputs and input registers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from zhizao.testing.workshop.signals import Change, Signal, Signals, Value

__all__ = ["ModbusServer"]

TEXT_BYTES = 32
_TABLE = {1: "coil", 5: "coil", 15: "coil", 2: "discrete", 4: "input"}


@dataclass(frozen=True, slots=True)
class _Place:
    signal: Signal
    table: str
    first: int
    count: int
    type: str


def _type(signal: Signal) -> tuple[str, int]:
    match signal.type:
        case "bool":
            return "bool", 1
        case "int":
            return "int64", 4
        case "text":
            return "string", TEXT_BYTES // 2
        case _:
            return ("int32", 2) if signal.resolution else ("float64", 4)


class ModbusServer:
    """A server of one plant's signals.

    Parameters
    ----------
    plant : whose signals
    host, port : where to listen; port 0 takes a free one
    unit : unit id that answers
    """

    def __init__(self, plant: Signals, host: str = "127.0.0.1", port: int = 0, unit: int = 1) -> None:
        self._plant, self._host, self.port, self._unit = plant, host, port, unit
        self._places: list[_Place] = []
        self._words: dict[str, list[int]] = {"coil": [], "discrete": [], "input": [], "holding": []}
        for signal in plant.signals:
            kind, count = _type(signal)
            bits = ("coil", "discrete") if kind == "bool" else ("holding", "input")
            table = bits[0] if signal.writable else bits[1]
            self._places.append(_Place(signal, table, len(self._words[table]), count, kind))
            self._words[table] += [0] * count
        self._by_name = {place.signal.name: place for place in self._places}
        for place in self._places:
            self._put(place, plant.value(place.signal.name))
        self._server: ModbusTcpServer | None = None
        self.read = 0
        """Questions that were answered."""
        plant.follow(self._changed)

    def settings(self, every_s: float = 1.0) -> dict[str, Any]:
        """What plant.yaml says to read all of it."""
        tags: dict[str, dict[str, Any]] = {}
        for place in self._places:
            tag: dict[str, Any] = {"table": place.table, "address": place.first, "type": place.type}
            if place.type == "string":
                tag |= {"length": TEXT_BYTES, "encoding": "utf-8"}
            if place.type == "int32" and place.signal.resolution:
                tag["scale"] = place.signal.resolution
            if place.signal.unit:
                tag["unit"] = place.signal.unit
            tags[place.signal.name] = tag
        group = {"unit": self._unit, "every_s": every_s, "tags": tags}
        return {"kind": "modbus", "host": self._host, "port": self.port, "groups": {"all": group}}

    def settings_text(self, every_s: float = 1.0) -> str:
        """The settings as YAML, to be put below `connections:`."""
        text: str = yaml.safe_dump({"workshop modbus": self.settings(every_s)}, allow_unicode=True, sort_keys=False)
        return text

    async def start(self) -> None:
        """Listen; afterwards `port` is the one taken."""
        blocks = (self._block("coil"), self._block("discrete"), self._block("holding"), self._block("input"))
        device = SimDevice(self._unit, simdata=blocks, action=self._asked)
        self._server = ModbusTcpServer(device, address=(self._host, self.port))
        await self._server.serve_forever(background=True)
        transport = self._server.transport
        sockets = getattr(transport, "sockets", None)
        if sockets:
            self.port = sockets[0].getsockname()[1]

    def _block(self, table: str) -> list[SimData]:
        count = max(1, len(self._words[table]))
        if table in ("coil", "discrete"):
            return [SimData(0, values=[False] * count, datatype=DataType.BITS)]
        return [SimData(0, values=[0] * count, datatype=DataType.REGISTERS)]

    async def stop(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    def _changed(self, changes: Sequence[Change]) -> None:
        for name, _, value in changes:
            self._put(self._by_name[name], value)

    def _put(self, place: _Place, value: Value) -> None:
        self._words[place.table][place.first : place.first + place.count] = _encoded(place, value)

    async def _asked(
        self, code: int, start: int, address: int, count: int, current: list[Any], given: list[Any] | None
    ) -> ExcCodes | None:
        """Bring the registers that were asked for up to date; take what is written as set-points."""
        table = _TABLE.get(code, "holding")
        words = self._words[table]
        first = address - start
        if first < 0 or first + count > len(words):
            return ExcCodes.ILLEGAL_ADDRESS
        if given is None:
            self.read += 1
            bits = table in ("coil", "discrete")
            fresh = words[first : first + count]
            current[first : first + count] = [bool(word) for word in fresh] if bits else fresh
            return None
        wanted = list(words)
        wanted[first : first + count] = [int(word) for word in given]
        for place in self._places:
            if place.table == table and place.first < first + count and first < place.first + place.count:
                value = _decoded(place, wanted[place.first : place.first + place.count])
                try:
                    self._plant.write(place.signal.name, value)
                except ValueError:
                    return ExcCodes.ILLEGAL_VALUE
                self._put(place, self._plant.value(place.signal.name))
        return None


def _encoded(place: _Place, value: Value) -> list[int]:
    match place.type:
        case "bool":
            return [int(bool(value))]
        case "string":
            data = str(value).encode()[:TEXT_BYTES].decode(errors="ignore").encode().ljust(TEXT_BYTES, b"\0")
        case "int64":
            data = struct.pack(">q", int(value))
        case "int32":
            steps = round(float(value) / (place.signal.resolution or 1.0))
            data = struct.pack(">i", max(-(2**31), min(2**31 - 1, steps)))
        case _:
            data = struct.pack(">d", float(value))
    return list(struct.unpack(f">{place.count}H", data))


def _decoded(place: _Place, words: Sequence[int]) -> Value:
    data = struct.pack(f">{len(words)}H", *words)
    match place.type:
        case "bool":
            return bool(words[0])
        case "string":
            return data.split(b"\0", 1)[0].decode(errors="replace")
        case "int64":
            return int(struct.unpack(">q", data)[0])
        case "int32":
            return float(struct.unpack(">i", data)[0] * (place.signal.resolution or 1.0))
        case _:
            return float(struct.unpack(">d", data)[0])
