"""The task that reads a device: block by block, group by group, telling what has changed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pymodbus import ModbusException
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ExceptionResponse

from zhizao.errors import InputError, ZhizaoError
from zhizao.model.signal import BAD, NO_COMMUNICATION
from zhizao.sense.connection import Browsed, Finding, Sink
from zhizao.sense.modbus.blocks import Block, Place, blocks_of, split
from zhizao.sense.modbus.decode import values_of
from zhizao.sense.modbus.settings import Settings
from zhizao.sense.rows import Rows

__all__ = ["ModbusConnector"]

CONFIGURATION_ERROR = 0x8089_0000
"""Bad_ConfigurationError: the device has no such register."""

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "the device behind the gateway does not answer",
}
"""Exception codes (Modbus Application Protocol 1.1b3, 7)."""
LASTING = (1, 2, 3)
"""Exceptions that come again however often one asks."""


class Refused(ZhizaoError):
    """The device answered with an exception."""

    def __init__(self, number: int, block: Block) -> None:
        word = EXCEPTIONS.get(number, f"exception {number}")
        super().__init__(f"{word} (exception {number})", where=str(block), code=f"modbus_{number}")
        self.number = number


@dataclass(slots=True)
class _Poll:
    """What is read how often, and what is left out for a while."""

    every_s: float
    all: list[Block]
    blocks: list[Block] = field(default_factory=list)
    refused: list[Block] = field(default_factory=list)
    due: float = 0.0
    again: float = 0.0


class ModbusConnector:
    """One connection to one device or gateway.

    Parameters
    ----------
    name : as in plant.yaml
    settings : what plant.yaml says
    now : nanoseconds since 1970; times are ours, a Modbus device tells none
    """

    def __init__(self, name: str, settings: Settings, now: Callable[[], int] = time.time_ns) -> None:
        self.name, self._settings, self._now = name, settings, now
        self._prefix = settings.prefix or name
        self._last: dict[str, tuple[float | str | None, int, int]] = {}
        self._rows = Rows()
        self._polls = [_Poll(group.every_s, blocks_of(group)) for group in settings.groups.values()]

    # Listening

    async def run(self, sink: Sink) -> None:
        """Read until cancelled; raises when the device is gone."""
        client = await self._open()
        try:
            sink.described(self._described())
            sink.connected(True)
            start = time.monotonic()
            for poll in self._polls:
                poll.blocks, poll.refused, poll.due, poll.again = list(poll.all), [], start, 0.0
            while True:
                poll = min(self._polls, key=lambda one: one.due)
                await asyncio.sleep(max(0.0, poll.due - time.monotonic()))
                await self._turn(client, poll, sink)
                # A device slower than its group is read as fast as it can be, and no reading is owed afterwards.
                poll.due = max(poll.due + poll.every_s, time.monotonic())
        except (OSError, ModbusException, ZhizaoError) as error:
            await self._silence(sink)
            if isinstance(error, ZhizaoError):
                raise
            raise InputError(str(error) or type(error).__name__, where=self._where, code="device_gone") from None
        finally:
            client.close()

    @property
    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    async def _open(self) -> AsyncModbusTcpClient:
        settings = self._settings
        client = AsyncModbusTcpClient(
            settings.host, port=settings.port, timeout=settings.timeout_s, retries=1, reconnect_delay=0, name=self.name
        )
        try:
            there = await client.connect()
        except (OSError, ModbusException):
            there = False
        if not there:
            client.close()
            raise InputError(
                f"the device cannot be reached within {settings.timeout_s:g} s",
                where=self._where,
                fix="look whether it is on, its port is open, and it takes one connection more",
                code="no_device",
            )
        return client

    async def _turn(self, client: AsyncModbusTcpClient, poll: _Poll, sink: Sink) -> None:
        """Read a group once."""
        # What was read before the connection breaks is kept and handed over with the word that it broke.
        rows, rejected = self._rows, Counter[str]()
        if poll.refused and time.monotonic() >= poll.again:
            poll.blocks, poll.refused = poll.blocks + poll.refused, []
        queue, good, silent = list(poll.blocks), list[Block](), 0
        while queue:
            block = queue.pop(0)
            try:
                words = await self._read(client, block)
            except Refused as error:
                if error.number not in LASTING:
                    good.append(block)
                    self._absent(block, rows, NO_COMMUNICATION)
                elif halves := split(block):
                    queue[:0] = halves
                else:
                    poll.refused.append(block)
                    poll.again = time.monotonic() + self._settings.again_s
                    self._absent(block, rows, CONFIGURATION_ERROR)
                continue
            except (ModbusException, TimeoutError, InputError):
                good.append(block)
                self._absent(block, rows, NO_COMMUNICATION)
                silent += 1
                if not client.connected:
                    raise
                continue
            good.append(block)
            self._tell(block, words, rows, rejected)
        poll.blocks = good
        if silent and silent == len(good):
            raise InputError("the device does not answer any more", where=self._where, code="device_silent")
        await sink.take(rows.samples(self._now()), dict(rejected))

    async def _read(self, client: AsyncModbusTcpClient, block: Block) -> list[int]:
        """Registers or bits of a block.

        Raises
        ------
        Refused : the device answers with an exception
        InputError : its answer is too short
        """
        ask = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }[block.table]
        try:
            answer = await ask(block.first, count=block.count, device_id=block.unit)
        finally:
            # A wait that is cancelled just as its answer comes gives the answer (asyncio.wait_for before Python 3.12)
            # or an error of the library: whoever cancels us must be heeded all the same.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError
        if isinstance(answer, ExceptionResponse) or answer.isError():
            raise Refused(int(getattr(answer, "exception_code", 0)), block)
        bits = block.table in ("coil", "discrete")
        words = [int(bit) for bit in answer.bits] if bits else list(answer.registers)
        if len(words) < block.count:
            raise InputError(
                f"the device answers {len(words)} values instead of {block.count}",
                where=str(block),
                fix="read fewer at once: lower `most`",
                code="short_answer",
            )
        return words

    def _tell(self, block: Block, words: Sequence[int], rows: Rows, rejected: Counter[str]) -> None:
        at = self._now()
        for place in block.places:
            own = words[place.first - block.first : place.first - block.first + place.count]
            if block.table in ("coil", "discrete"):
                self._changed(place.name, float(own[0]), at, rows)
                continue
            try:
                values = values_of(place.tag, place.name, own, place.order)
            except InputError as error:
                rejected[error.fault.code] += 1
                continue
            for name, value in values:
                self._changed(name, value, at, rows)

    def _changed(self, name: str, value: float | str | None, at: int, rows: Rows, quality: int = 0) -> None:
        """Tell a value when it differs from the one told last, or that was told long ago."""
        if value is None:
            quality = quality or BAD
        before = self._last.get(name)
        if before is not None:
            told, code, when = before
            beat = at - when >= self._settings.heartbeat_s * 1e9
            if told == value and type(told) is type(value) and code == quality and not (beat and not quality):
                return
        self._last[name] = (value, quality, at)
        tag = f"{self._prefix}/{name}"
        if value is None:
            rows.absent(tag, at, quality)
        elif isinstance(value, str):
            rows.text(tag, at, value)
        else:
            rows.number(tag, at, value)

    def _absent(self, block: Block, rows: Rows, quality: int) -> None:
        at = self._now()
        for place in block.places:
            for name in _names(place):
                self._changed(name, None, at, rows, quality)

    async def _silence(self, sink: Sink) -> None:
        for poll in self._polls:
            for block in poll.all:
                self._absent(block, self._rows, NO_COMMUNICATION)
        await sink.take(self._rows.samples(self._now()))

    def _described(self) -> list[Browsed]:
        found: list[Browsed] = []
        for poll in self._polls:
            for block in poll.all:
                for place in block.places:
                    kind = "bool" if block.table in ("coil", "discrete") else place.tag.type
                    for name in _names(place):
                        tag = f"{self._prefix}/{name}"
                        found.append(Browsed(tag, name, kind, place.tag.unit))
        return found

    # Looking

    async def check(self) -> list[Finding]:
        """Read every block once; for a refused one say which register it is, and what answers instead."""
        try:
            client = await self._open()
        except ZhizaoError as error:
            return [Finding("fault", error.fault.code, str(error), error.fault.fix)]
        found: list[Finding] = []
        try:
            for poll in self._polls:
                for block in poll.all:
                    await self._check(client, block, found)
        except (OSError, ModbusException) as error:
            fix = "look whether the device is on, and whether its unit id is the one declared"
            found.append(Finding("fault", "device_gone", f"{self._where}: {error}", fix))
        finally:
            client.close()
        return found

    async def _check(self, client: AsyncModbusTcpClient, block: Block, found: list[Finding]) -> None:
        try:
            words = await self._read(client, block)
        except Refused as error:
            if error.number in LASTING and (halves := split(block)):
                for half in halves:
                    await self._check(client, half, found)
                return
            place = block.places[0]
            if error.number in LASTING:
                what = f'tag "{place.name}": unit {block.unit} refuses {place}: {error.fault.what}'
                fix = await self._instead(client, block, place)
            else:
                what, fix = str(error), "wait, or look at the device behind the gateway and its unit id"
            found.append(Finding("fault", error.fault.code, what, fix))
            return
        except (ModbusException, InputError, TimeoutError) as error:
            if not client.connected:
                await client.connect()
            fix = "look whether the unit id is right; a device keeps silent for another's"
            found.append(Finding("fault", "no_answer", f"{block}: {error}", fix))
            return
        rows, rejected = Rows(), Counter[str]()
        before, self._last = self._last, {}
        self._tell(block, words, rows, rejected)
        self._last = before
        batch = rows.samples(0)
        texts = batch.text or [None] * len(batch)
        shown = [
            f"{tag.removeprefix(f'{self._prefix}/')} = {text if text is not None else f'{value:g}'}"
            for tag, value, text in list(zip(batch.tag, batch.value, texts, strict=True))[:6]
        ]
        found.append(Finding("ok", "block", f"{block}: {', '.join(shown)}"))
        if rejected:
            what = f"{block}: {rejected.total()} values are none of their type"
            found.append(Finding("warning", "bad_values", what, "look at type and order of bytes"))

    async def _instead(self, client: AsyncModbusTcpClient, block: Block, place: Place) -> str:
        """What answers where a register does not: the one before, the one behind, or the other table."""
        other = {"holding": "input", "input": "holding", "coil": "discrete", "discrete": "coil"}[block.table]
        tries = [
            (place.first - 1, block.table, f"manuals that count from 1 mean the one before: {place.first - 1} answers"),
            (place.first, other, f"it answers as table: {other}"),
            (place.first + 1, block.table, f"{place.first + 1} answers"),
        ]
        words = []
        for first, table, word in tries:
            if 0 <= first <= 65536 - place.count:
                try:
                    await self._read(client, Block(block.unit, table, first, place.count, block.places))
                except (Refused, InputError, ModbusException, TimeoutError):
                    continue
                words.append(word)
        return "; ".join(words) or "look into the device's list of registers"

    async def browse(self, below: str = "") -> list[Browsed]:
        """The declared tags; a Modbus device cannot be asked what it has."""
        return [tag for tag in self._described() if not below or tag.name.startswith(below)]


def _names(place: Place) -> list[str]:
    if place.tag.type == "bits" and place.table in ("input", "holding"):
        return [f"{place.name}/{bit}" for bit in place.tag.bits.values()]
    return [place.name]
