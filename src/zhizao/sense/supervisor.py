"""One supervisor over all connectors: runs each as a task, runs it again when it breaks, and commits for all of them.

What connectors hand over within a moment is stored in one commit (group commit). A connector that waits for its commit
takes nothing more from its source: memory stays bounded, and the pressure goes back to where the values come from.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from zhizao.errors import ZhizaoError
from zhizao.model import Samples
from zhizao.sense.connection import Browsed, Connector, Taken

__all__ = ["Health", "Store", "Supervisor"]

WAIT_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a broken connector is run again, the first time, the second ..."""


class Store(Protocol):
    """What the supervisor stores into; the historian is one."""

    def append(self, batches: Sequence[tuple[str, Samples, Mapping[str, int]]]) -> list[Taken]:
        """Store batches of sources durably in one commit."""


@dataclass(slots=True)
class Health:
    """How a connection is.

    Parameters
    ----------
    connected : whether the source is there
    word : why not, in the source's or the library's words
    since : `time.time()` of the last change
    heard : `time.time()` of the last batch; 0 when none came
    restarts : how often the connector broke
    tags : what the source says of its tags
    position : how far into the source everything is stored, in the connector's own numbers
    """

    connected: bool = False
    word: str = ""
    since: float = 0.0
    heard: float = 0.0
    restarts: int = 0
    tags: dict[str, Browsed] = field(default_factory=dict)
    position: dict[str, int] = field(default_factory=dict)


_Handed = tuple[str, Samples, Mapping[str, int], "asyncio.Future[Taken]"]
"""Name of the source, its samples, what it refused, and who waits for the commit."""


class _Sink:
    """A connector's way into the store."""

    def __init__(self, name: str, supervisor: Supervisor) -> None:
        self._name, self._supervisor = name, supervisor

    async def take(self, samples: Samples, rejected: Mapping[str, int] | None = None) -> Taken:
        self._supervisor.health[self._name].heard = time.time()
        done: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        await self._supervisor._queue.put((self._name, samples, rejected or {}, done))
        return await done

    def connected(self, whether: bool, word: str = "") -> None:
        health = self._supervisor.health[self._name]
        if (health.connected, health.word) != (whether, word):
            health.connected, health.word, health.since = whether, word, time.time()

    def described(self, tags: Sequence[Browsed]) -> None:
        self._supervisor.health[self._name].tags.update({tag.address: tag for tag in tags})

    def reached(self, position: Mapping[str, int]) -> None:
        self._supervisor.health[self._name].position = dict(position)


class Supervisor:
    """Runs connectors until it is stopped.

    Parameters
    ----------
    connectors : by name
    store : where samples go
    waiting : batches that may wait for a commit, of all connectors together
    on_commit : called after each commit with what was stored, in the event loop
    """

    def __init__(
        self,
        connectors: Mapping[str, Connector],
        store: Store,
        *,
        waiting: int = 256,
        on_commit: Callable[[Sequence[tuple[str, Samples]]], None] | None = None,
    ) -> None:
        self._connectors, self._store, self._on_commit = connectors, store, on_commit
        self._queue: asyncio.Queue[_Handed | None] = asyncio.Queue(waiting)
        self.health = {name: Health(since=time.time()) for name in connectors}

    @property
    def waiting(self) -> int:
        """Batches that wait for a commit."""
        return self._queue.qsize()

    async def run(self) -> None:
        """Run all connectors; ends when cancelled, after what they hand over at their end is stored."""
        writer = asyncio.create_task(self._write(), name="commit")
        tasks = [asyncio.create_task(self._keep(name, one), name=name) for name, one in self._connectors.items()]
        try:
            done, _ = await asyncio.wait({writer, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # neither ends by itself: what broke is told
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._queue.put(None)
            await writer

    async def _keep(self, name: str, connector: Connector) -> None:
        sink, health = _Sink(name, self), self.health[name]
        broken = 0
        while True:
            began = time.monotonic()
            try:
                await connector.run(sink)
                word = "the source ended the connection"
            except asyncio.CancelledError:
                raise
            except ZhizaoError as error:
                word = str(error)
            except Exception as error:  # noqa: BLE001 whatever a library raises, the other connections go on
                word = f"{type(error).__name__}: {error}"
            broken = 0 if time.monotonic() - began > 60 else broken + 1
            health.restarts += 1
            sink.connected(False, word)
            await asyncio.sleep(WAIT_S[min(max(broken - 1, 0), len(WAIT_S) - 1)])

    async def _write(self) -> None:
        """Commit whatever waits, together; ends with the None that stands for the end."""
        going = True
        while going:
            group = [await self._queue.get()]
            while not self._queue.empty():
                group.append(self._queue.get_nowait())
            going = None not in group
            handed = [one for one in group if one is not None]
            if handed:
                await self._commit(handed)

    async def _commit(self, group: Sequence[_Handed]) -> None:
        try:
            taken = await asyncio.to_thread(self._store.append, [(name, said, bad) for name, said, bad, _ in group])
        except Exception as error:  # noqa: BLE001 a full disk must reach whoever waits; nobody is told it was stored
            for *_, done in group:
                if not done.done():
                    done.set_exception(error)
            return
        for (*_, done), one in zip(group, taken, strict=True):
            if not done.done():
                done.set_result(one)
        if self._on_commit is not None:
            self._on_commit([(name, said) for name, said, _, _ in group])
