"""The workshop as an MTConnect agent: probe, current, sample with a stream, a buffer that runs over, restarts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, quoteattr

from zhizao.testing.workshop.signals import Change, Signal, Signals, Value

__all__ = ["MtconnectAgent", "stamp", "written"]

UNITS = {
    "%": "PERCENT", "degC": "CELSIUS", "°C": "CELSIUS", "kW": "KILOWATT", "W": "WATT", "mm": "MILLIMETER",
    "rpm": "REVOLUTION/MINUTE", "1/min": "REVOLUTION/MINUTE", "A": "AMPERE", "V": "VOLT", "bar": "BAR", "s": "SECOND",
    "mm/min": "MILLIMETER/MINUTE", "mm/s": "MILLIMETER/SECOND", "kWh": "KILOWATT_HOUR", "N": "NEWTON",
}  # fmt: skip
"""The standard's names of units."""

Row = tuple[int, str, int, Value]
"""Sequence number, data item, nanoseconds, value."""


def stamp(at: int) -> str:
    """Time as the standard writes it, to the nanosecond.

    >>> stamp(1_700_000_000_123_456_789)
    '2023-11-14T22:13:20.123456789Z'
    """
    whole, rest = divmod(at, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def written(value: Value) -> str:
    """Value as text; truth values are 1 and 0."""
    return str(int(value)) if isinstance(value, bool) else value if isinstance(value, str) else repr(value)


class MtconnectAgent:
    """An agent of one plant's signals: a device for each machine, a component for each part of a signal's name.

    Parameters
    ----------
    plant : whose signals
    host, port : where to listen; port 0 takes a free one
    buffer : observations that are kept
    version : of the standard, in the namespace of its documents
    instance : instance id
    at : nanoseconds since 1970 of the first values; None takes now
    """

    def __init__(
        self,
        plant: Signals,
        host: str = "127.0.0.1",
        port: int = 0,
        buffer: int = 131_072,
        version: str = "2.0",
        instance: int = 1,
        at: int | None = None,
    ) -> None:
        self._plant, self._host, self.port, self._version = plant, host, port, version
        self._buffer: deque[Row] = deque(maxlen=buffer)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._fresh = asyncio.Event()
        self._ids = {signal.name: f"d{count}" for count, signal in enumerate(plant.signals)}
        self._signals = {self._ids[signal.name]: signal for signal in plant.signals}
        self._names = {one: _short(signal) for one, signal in self._signals.items()}
        self.streams = True
        """False answers a question for a stream with a single document."""
        self._begin(instance, time.time_ns() if at is None else at)
        plant.follow(self._changed)

    def _begin(self, instance: int, at: int) -> None:
        self.instance = instance
        self._buffer.clear()
        self._next = 1
        self._last: dict[str, Row] = {}
        for signal in self._plant.signals:
            self._put(self._ids[signal.name], at, self._plant.value(signal.name))

    def restart(self, at: int) -> None:
        """Forget the buffer and begin as a new instance, as after a crash.

        Parameters
        ----------
        at : nanoseconds since 1970
        """
        self._begin(self.instance + 1, at)
        self.drop()

    def drop(self) -> None:
        """End all connections."""
        for task in list(self._tasks):
            task.cancel()

    def _put(self, item: str, at: int, value: Value) -> None:
        row = (self._next, item, at, value)
        self._next += 1
        self._buffer.append(row)
        self._last[item] = row

    def _changed(self, changes: Sequence[Change]) -> None:
        for name, at, value in changes:
            self._put(self._ids[name], at, value)
        self._fresh.set()

    async def start(self) -> None:
        """Listen; afterwards `port` is the one taken."""
        self._server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.close()
            self.drop()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._server = None

    @property
    def url(self) -> str:
        """Address for plant.yaml."""
        return f"http://{self._host}:{self.port}"

    # HTTP

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if not await self._answer(head.decode("latin-1").split(" ", 2), writer):
                    break
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, asyncio.CancelledError):
            pass
        finally:
            if task is not None:
                self._tasks.discard(task)
            writer.close()

    async def _answer(self, head: Sequence[str], writer: asyncio.StreamWriter) -> bool:
        """Answer a question; whether the connection stays open."""
        if len(head) < 3 or head[0] != "GET":
            await _send(writer, 405, self._error("UNSUPPORTED", "only GET"))
            return False
        address = urlsplit(head[1])
        parts = [unquote(part) for part in address.path.split("/") if part]
        query = {key: values[-1] for key, values in parse_qs(address.query).items()}
        request = parts[-1] if parts else "probe"
        device = parts[0] if len(parts) > 1 else ""
        if device and device not in {signal.machine for signal in self._plant.signals}:
            await _send(writer, 404, self._error("NO_DEVICE", f"there is no device {device}"))
            return True
        match request:
            case "probe":
                await _send(writer, 200, self._probe(device))
            case "current":
                rows = sorted(row for row in self._last.values() if self._of(row, device))
                await _send(writer, 200, self._stream_document(rows, self._next))
            case "sample":
                return await self._sample(device, query, writer)
            case "assets" | "asset":
                await _send(writer, 200, f"{self._open('Assets')}{self._header()}<Assets/></MTConnectAssets>")
            case _:
                await _send(writer, 404, self._error("INVALID_REQUEST", f"there is no {request}"))
        return True

    def _of(self, row: Row, device: str) -> bool:
        return not device or self._signals[row[1]].machine == device

    async def _sample(self, device: str, query: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        first = self._buffer[0][0] if self._buffer else self._next
        try:
            count = int(query.get("count", "100"))
            start = int(query.get("from", first))
            interval_s = int(query["interval"]) / 1000 if "interval" in query else None
            heartbeat_s = int(query.get("heartbeat", "10000")) / 1000
        except ValueError:
            await _send(writer, 400, self._error("INVALID_REQUEST", "a parameter is not a number"))
            return True
        if not first <= start <= self._next or count < 1:
            await _send(writer, 404, self._error("OUT_OF_RANGE", f"from must be {first} to {self._next}"))
            return True
        if interval_s is None or not self.streams:
            await _send(writer, 200, self._piece(device, start, count)[0])
            return True
        await self._stream(device, start, count, interval_s, heartbeat_s, writer)
        return False

    async def _stream(
        self, device: str, start: int, count: int, interval_s: float, heartbeat_s: float, writer: asyncio.StreamWriter
    ) -> None:
        mark = "workshop"
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=%b\r\nConnection: close\r\n\r\n"
            % mark.encode()
        )
        instance = self.instance
        while instance == self.instance:
            if start < (self._buffer[0][0] if self._buffer else self._next):
                text, end = self._error("OUT_OF_RANGE", f"{start} was overwritten"), -1
            else:
                text, end = self._piece(device, start, count)
            body = text.encode()
            head = f"--{mark}\r\nContent-type: text/xml\r\nContent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body + b"\r\n")
            await writer.drain()
            if end < 0:
                return
            start = end
            if start >= self._next:
                self._fresh.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(heartbeat_s):
                        await self._fresh.wait()
                await asyncio.sleep(interval_s)
            else:
                await asyncio.sleep(0)

    # Documents

    def _piece(self, device: str, start: int, count: int) -> tuple[str, int]:
        """Document of up to `count` observations from a sequence number on, and the number behind it."""
        first = self._buffer[0][0] if self._buffer else self._next
        rows = [self._buffer[at] for at in range(start - first, min(start - first + count, len(self._buffer)))]
        end = rows[-1][0] + 1 if rows else start
        return self._stream_document([row for row in rows if self._of(row, device)], end), end

    def _open(self, kind: str) -> str:
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<MTConnect{kind} xmlns="urn:mtconnect.org:MTConnect{kind}:{self._version}">'

    def _header(self, end: int | None = None) -> str:
        first = self._buffer[0][0] if self._buffer else self._next
        more = "" if end is None else f' firstSequence="{first}" lastSequence="{self._next - 1}" nextSequence="{end}"'
        created = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        return (
            f'<Header creationTime="{created}" sender="workshop" instanceId="{self.instance}" '
            f'version="{self._version}.0.0" bufferSize="{self._buffer.maxlen}"{more}/>'
        )

    def _error(self, code: str, text: str) -> str:
        errors = f'<Errors><Error errorCode="{code}">{escape(text)}</Error></Errors>'
        return f"{self._open('Error')}{self._header()}{errors}</MTConnectError>"

    def _probe(self, only: str) -> str:
        machines = dict.fromkeys(signal.machine for signal in self._plant.signals)
        devices = []
        for count, machine in enumerate(machines):
            if only and machine != only:
                continue
            parts: dict[str, list[Signal]] = {}
            for signal in self._plant.signals:
                if signal.machine == machine:
                    parts.setdefault("/".join(_path(signal)[:-1]), []).append(signal)
            own = "".join(self._item(signal) for signal in parts.pop("", []))
            below = "".join(
                f'<Axis id="m{count}c{at}" name={quoteattr(name)}><DataItems>'
                f"{''.join(self._item(signal) for signal in signals)}</DataItems></Axis>"
                for at, (name, signals) in enumerate(parts.items())
            )
            items = f"<DataItems>{own}</DataItems>" if own else ""
            components = f"<Components>{below}</Components>" if below else ""
            name = quoteattr(machine)
            devices.append(f'<Device id="m{count}" name={name} uuid={name}>{items}{components}</Device>')
        return f"{self._open('Devices')}{self._header()}<Devices>{''.join(devices)}</Devices></MTConnectDevices>"

    def _item(self, signal: Signal) -> str:
        one = self._ids[signal.name]
        category = "SAMPLE" if signal.type in ("double", "int") else "EVENT"
        kind = _path(signal)[-1].upper().replace(" ", "_")
        unit = UNITS.get(signal.unit, signal.unit) or ("COUNT" if signal.type != "text" else "")
        units = f" units={quoteattr(unit)}" if unit else ""
        return (
            f'<DataItem id="{one}" name={quoteattr(self._names[one])} category="{category}" '
            f"type={quoteattr(kind)}{units}/>"
        )

    def _stream_document(self, rows: Iterable[Row], end: int) -> str:
        devices: dict[str, dict[str, list[str]]] = {}
        for sequence, item, at, value in rows:
            signal = self._signals[item]
            group = "Samples" if signal.type in ("double", "int") else "Events"
            tag = _element(signal)
            devices.setdefault(signal.machine, {}).setdefault(group, []).append(
                f'<{tag} dataItemId="{item}" name={quoteattr(self._names[item])} sequence="{sequence}" '
                f'timestamp="{stamp(at)}">{escape(written(value))}</{tag}>'
            )
        streams = "".join(
            f"<DeviceStream name={quoteattr(machine)} uuid={quoteattr(machine)}>"
            f'<ComponentStream component="Device" componentId="m">'
            f"{''.join(f'<{group}>{str().join(lines)}</{group}>' for group, lines in groups.items())}"
            f"</ComponentStream></DeviceStream>"
            for machine, groups in devices.items()
        )
        return f"{self._open('Streams')}{self._header(end)}<Streams>{streams}</Streams></MTConnectStreams>"


def _path(signal: Signal) -> list[str]:
    """Parts of a signal's name below its machine."""
    parts = signal.name.split("/")
    return parts[1:] if len(parts) > 1 else parts


def _short(signal: Signal) -> str:
    return "_".join(_path(signal))


def _element(signal: Signal) -> str:
    """Element of an observation: letters and digits of the quantity, such as `SpindleLoad`."""
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in _path(signal)[-1]).split()
    name = "".join(word.capitalize() for word in words)
    return name if name and name[0].isalpha() else f"Value{name}"


async def _send(writer: asyncio.StreamWriter, code: int, text: str) -> None:
    body = text.encode()
    word = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}[code]
    head = f"HTTP/1.1 {code} {word}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
