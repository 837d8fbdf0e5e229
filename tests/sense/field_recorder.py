"""A sink that keeps what connectors tell, a plant to connect to, and waiting for what must come."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from zhizao.model import Samples
from zhizao.sense.connection import Browsed, Connector, Taken
from zhizao.testing.workshop.signals import Scripted, Signal

Row = tuple[str, int, float | str | None, int]


def rows_of(samples: Samples) -> list[Row]:
    """Tag, time, value and quality of each; None where there is no value."""
    texts = samples.text or [None] * len(samples)
    return [
        (tag, int(at), text if text is not None else None if value != value else float(value), int(quality))
        for tag, at, value, text, quality in zip(
            samples.tag, samples.at, samples.value, texts, samples.quality, strict=True
        )
    ]


class Recorder:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.rejected: Counter[str] = Counter()
        self.words: list[tuple[bool, str]] = []
        self.tags: list[Browsed] = []

    async def take(self, samples: Samples, rejected: Mapping[str, int] | None = None) -> Taken:
        self.rows += rows_of(samples)
        self.rejected.update(rejected or {})
        return Taken(len(samples), 0)

    def reached(self, position: Mapping[str, int]) -> None:
        self.position = dict(position)

    def connected(self, whether: bool, word: str = "") -> None:
        self.words.append((whether, word))

    def described(self, tags: Sequence[Browsed]) -> None:
        self.tags += tags

    def of(self, tag: str) -> list[float | str | None]:
        return [value for name, _, value, _ in self.rows if name == tag]


async def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(connector: Connector, sink: Recorder):
    """The connector runs meanwhile, and is run again at once when it breaks; its errors are kept."""
    errors: list[Exception] = []

    async def keep() -> None:
        while True:
            try:
                await connector.run(sink)
            except Exception as error:  # noqa: BLE001 whatever breaks, the supervisor runs it again
                errors.append(error)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(keep())
    try:
        yield errors
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def mill() -> Scripted:
    signals = [
        Signal("mill 1/spindle/load", "mill 1", "double", "%", 0.1),
        Signal("mill 1/power", "mill 1", "double", "kW"),
        Signal("mill 1/parts", "mill 1", "int"),
        Signal("mill 1/door", "mill 1", "bool"),
        Signal("mill 1/mode", "mill 1", "text"),
        Signal("mill 1/feed", "mill 1", "double", "%", 1.0, True),
        Signal("mill 1/go", "mill 1", "bool", writable=True),
    ]
    values = {
        "mill 1/spindle/load": -3.5,
        "mill 1/power": 1.25,
        "mill 1/parts": 3,
        "mill 1/door": False,
        "mill 1/mode": "AUTO",
        "mill 1/feed": 100.0,
        "mill 1/go": True,
    }
    return Scripted(signals, values)
