"""What the tests of OPC UA connect to: a scripted plant behind a real server, a cable that can be cut, a store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from zhizao.model import Samples
from zhizao.sense.connection import Browsed, Taken
from zhizao.testing.workshop.opcua_server import OpcuaServer
from zhizao.testing.workshop.signals import Scripted, Signal

LOAD, COUNT, STATE, OVERRIDE = "mill 1/spindle/load", "mill 1/parts", "mill 1/state", "mill 1/feed override"


def scripted() -> Scripted:
    """A plant that does what a test says."""
    return Scripted(
        [
            Signal(LOAD, "mill 1", "double", "%", 0.1),
            Signal(COUNT, "mill 1", "int"),
            Signal(STATE, "mill 1", "text"),
            Signal(OVERRIDE, "mill 1", "double", "%", 1.0, True),
            Signal("mill 1/alarm/text", "mill 1", "text"),
        ],
        {LOAD: 0.0, COUNT: 0, STATE: "NotExecuting", OVERRIDE: 100.0, "mill 1/alarm/text": ""},
    )


def now_ns() -> int:
    """Time now in whole microseconds."""
    return time.time_ns() // 1000 * 1000


class Kept:
    """A sink and a store that remembers every sample handed over."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, Any, int]] = []
        self.rejected: dict[str, int] = {}
        self.states: list[tuple[bool, str]] = []
        self.tags: list[Browsed] = []

    def keep(self, samples: Samples) -> Taken:
        texts = samples.text or [None] * len(samples)
        for tag, at, value, text, quality in zip(
            samples.tag, samples.at.tolist(), samples.value.tolist(), texts, samples.quality.tolist(), strict=True
        ):
            self.rows.append((tag, at, value if text is None else text, quality))
        return Taken(len(samples), 0)

    async def take(self, samples: Samples, rejected: Mapping[str, int] | None = None) -> Taken:
        for reason, count in (rejected or {}).items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count
        return self.keep(samples)

    def append(self, batches: Sequence[tuple[str, Samples, Mapping[str, int]]]) -> list[Taken]:
        return [self.keep(samples) for _, samples, _ in batches]

    def reached(self, position: Mapping[str, int]) -> None:
        self.position = dict(position)

    def connected(self, whether: bool, word: str = "") -> None:
        self.states.append((whether, word))

    def described(self, tags: Sequence[Browsed]) -> None:
        self.tags = list(tags)

    def of(self, tag: str) -> list[tuple[int, Any]]:
        return [(at, value) for name, at, value, _ in self.rows if name == tag]


@asynccontextmanager
async def task(coroutine: Any) -> AsyncIterator[asyncio.Task[Any]]:
    """Something that runs beside; ends with the block, and what broke it is raised."""
    running = asyncio.create_task(coroutine)
    try:
        yield running
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@asynccontextmanager
async def served(server: OpcuaServer, plant: Any) -> AsyncIterator[OpcuaServer]:
    """A server that is ready."""
    async with task(server.run(plant)) as running:
        waiting = asyncio.create_task(server.ready.wait())
        await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        waiting.cancel()
        assert server.ready.is_set(), running.exception() if running.done() else "the server does not start"
        yield server


async def until(true: Callable[[], Any], seconds: float = 15.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.02)


class Cable:
    """A cable between a client and a server, that can be cut, or left hanging without a word."""

    def __init__(self, port: int) -> None:
        self._to, self.port = port, 0
        self.whole, self.mute = True, False
        self._pairs: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[Cable]:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.cut()
            server.close()

    def cut(self) -> None:
        self.whole = False
        for writer in self._pairs:
            writer.transport.abort()
        self._pairs = []

    def mend(self) -> None:
        self.whole = True

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.whole:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._pairs += [writer, far_writer]

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(65536):
                    while self.mute:
                        await asyncio.sleep(0.02)
                    sink.write(data)
                    await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
