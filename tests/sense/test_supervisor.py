"""The supervisor commits for all, runs what breaks again, presses back, and stores what is handed over at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from zhizao.errors import InputError
from zhizao.model import Samples, Taken
from zhizao.sense import supervisor as module
from zhizao.sense.connection import Browsed, Finding, Sink
from zhizao.sense.supervisor import Supervisor


def sample(at: int) -> Samples:
    return Samples.of([("x", at, float(at))])


class Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.commits: list[list[tuple[str, int]]] = []
        self.full = False

    def append(self, batches: Sequence[tuple[str, Samples, Mapping[str, int]]]) -> list[Taken]:
        if self.full:
            raise InputError("the samples are not stored: No space left on device", code="disk_full")
        self.commits.append([(name, int(at)) for name, said, _ in batches for at in said.at])
        return [Taken(len(said), 0) for _, said, _ in batches]

    @property
    def all(self) -> list[tuple[str, int]]:
        return [one for commit in self.commits for one in commit]


class Scripted:
    """A connector that runs a coroutine."""

    def __init__(self, name: str, work: Callable[[Sink], Awaitable[None]]) -> None:
        self.name, self._work = name, work

    async def run(self, sink: Sink) -> None:
        await self._work(sink)

    async def check(self) -> list[Finding]:
        return []

    async def browse(self, below: str = "") -> list[Browsed]:
        return []


async def run_for(seconds: float, supervisor: Supervisor) -> None:
    task = asyncio.create_task(supervisor.run())
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_what_is_handed_over_while_stopping_is_stored() -> None:
    async def last_words(sink: Sink) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await sink.take(sample(7))

    store = Kept()
    asyncio.run(run_for(0.1, Supervisor({"a": Scripted("a", last_words)}, store)))
    assert store.all == [("a", 7)]


def test_what_breaks_is_run_again_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", (0.02,))
    tries = 0

    async def breaks(sink: Sink) -> None:
        nonlocal tries
        tries += 1
        await sink.take(sample(tries))
        raise ConnectionError("the plug was pulled")

    async def goes_on(sink: Sink) -> None:
        for at in range(1000):
            await sink.take(sample(at))
            await asyncio.sleep(0.01)

    store = Kept()
    supervisor = Supervisor({"bad": Scripted("bad", breaks), "good": Scripted("good", goes_on)}, store)
    asyncio.run(run_for(0.5, supervisor))
    assert tries >= 3
    assert supervisor.health["bad"].restarts == tries and "plug was pulled" in supervisor.health["bad"].word
    good = [at for name, at in store.all if name == "good"]
    assert good == list(range(len(good))) and len(good) >= 5


def test_nobody_is_told_that_it_is_stored_when_it_is_not() -> None:
    told: list[Any] = []

    async def tries(sink: Sink) -> None:
        try:
            told.append(await sink.take(sample(1)))
        except InputError as error:
            told.append(error.fault.code)
        await asyncio.sleep(60)

    store = Kept()
    store.full = True
    asyncio.run(run_for(0.2, Supervisor({"a": Scripted("a", tries)}, store)))
    assert told == ["disk_full"] and store.all == []


def test_many_who_wait_share_a_commit_and_none_is_ahead_of_its_own() -> None:
    async def talks(sink: Sink) -> None:
        for at in range(20):
            await sink.take(sample(at))
        await asyncio.sleep(60)

    store = Kept()
    asyncio.run(run_for(0.5, Supervisor({f"s{k}": Scripted(f"s{k}", talks) for k in range(30)}, store, waiting=8)))
    assert len(store.all) == 600 and len(store.commits) < 600
    for k in range(30):
        assert [at for name, at in store.all if name == f"s{k}"] == list(range(20))
