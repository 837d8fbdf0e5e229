"""A real agent over HTTP: its stream, its restarts, its buffer that runs over."""

from __future__ import annotations

import asyncio
import time

import pytest
from field_recorder import Recorder, mill, running, until

from zhizao.model.signal import NO_COMMUNICATION
from zhizao.sense.mtconnect import Settings, connector
from zhizao.testing.workshop.mtconnect_agent import MtconnectAgent
from zhizao.testing.workshop.signals import Scripted

LOAD = "agent/mill 1/spindle_load"


def settings(agent: MtconnectAgent, **more: object) -> Settings:
    return Settings.model_validate({"kind": "mtconnect", "url": agent.url, "interval_s": 0.0, **more})


async def load(plant: Scripted, values: range) -> None:
    for value in values:
        plant.change([("mill 1/spindle/load", time.time_ns(), float(value))])
        if value % 50 == 0:
            await asyncio.sleep(0)


@pytest.mark.parametrize("streams", [True, False])
def test_every_change_comes_once_and_in_order(streams: bool) -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        agent = MtconnectAgent(plant)
        agent.streams = streams
        await agent.start()
        async with running(connector("agent", settings(agent)), sink) as errors:
            await until(lambda: sink.words)
            await load(plant, range(2000))
            await until(lambda: sink.of(LOAD)[-1:] == [1999.0])
        await agent.stop()
        assert sink.of(LOAD) == [-3.5, *range(2000)]
        assert sink.of("agent/mill 1/mode") == ["AUTO"]
        assert sink.of("agent/mill 1/door") == [0.0]
        assert not sink.rejected
        assert not errors
        assert {one.address for one in sink.tags} >= {LOAD, "agent/mill 1/power"}

    asyncio.run(go())


def test_what_is_in_the_buffer_is_taken_at_the_start() -> None:
    async def go(backfill: bool) -> Recorder:
        plant, sink = mill(), Recorder()
        agent = MtconnectAgent(plant)
        await agent.start()
        await load(plant, range(10))
        async with running(connector("agent", settings(agent, backfill=backfill)), sink):
            await until(lambda: sink.words)
        await agent.stop()
        return sink

    assert asyncio.run(go(True)).of(LOAD) == [-3.5, *range(10)]
    assert asyncio.run(go(False)).of(LOAD) == [9.0]


def test_a_restarted_agent_is_probed_again_and_nothing_new_is_missed() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        agent = MtconnectAgent(plant)
        await agent.start()
        async with running(connector("agent", settings(agent)), sink):
            await until(lambda: sink.words)
            await load(plant, range(5))
            await until(lambda: sink.of(LOAD)[-1:] == [4.0])
            probed = len(sink.tags)
            agent.restart(time.time_ns())
            await load(plant, range(5, 10))
            await until(lambda: sink.of(LOAD)[-1:] == [9.0])
        await agent.stop()
        told = [value for value in sink.of(LOAD) if value is not None]
        assert told == [-3.5, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9]  # the first value of the new instance is 4 again
        assert len(sink.tags) == 2 * probed

    asyncio.run(go())


def test_a_connection_that_breaks_goes_on_where_it_stopped() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        agent = MtconnectAgent(plant)
        await agent.start()
        async with running(connector("agent", settings(agent)), sink):
            await until(lambda: sink.words)
            for start in range(0, 50, 10):
                await load(plant, range(start, start + 10))
                if start % 20 == 0:
                    agent.drop()
                await asyncio.sleep(0.02)
            await until(lambda: sink.of(LOAD)[-1:] == [49.0])
        await agent.stop()
        assert [value for value in sink.of(LOAD) if value is not None] == [-3.5, *range(50)]
        assert not sink.rejected

    asyncio.run(go())


def test_a_listener_that_was_killed_goes_on_behind_what_is_stored() -> None:
    async def go() -> None:
        plant, before, after = mill(), Recorder(), Recorder()
        agent = MtconnectAgent(plant)
        await agent.start()
        async with running(connector("agent", settings(agent)), before):
            await until(lambda: before.words)
            await load(plant, range(100))
            await until(lambda: before.of(LOAD)[-1:] == [99.0])
        await load(plant, range(100, 150))
        again = connector("agent", settings(agent))
        again.resume({}, before.position)
        async with running(again, after):
            await until(lambda: after.of(LOAD)[-1:] == [149.0])
        await agent.stop()
        assert after.of(LOAD) == [*range(100, 150)]
        assert not after.rejected

    asyncio.run(go())


def test_a_buffer_that_ran_over_is_told_as_a_loss() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        agent = MtconnectAgent(plant, buffer=100)
        await agent.start()
        one = connector("agent", settings(agent))
        async with running(one, sink):
            await until(lambda: sink.words)
        await load(plant, range(350))  # 250 of them are overwritten while nobody listens
        async with running(one, sink):
            await until(lambda: sink.of(LOAD)[-1:] == [349.0])
        await agent.stop()
        told = [value for value in sink.of(LOAD) if value is not None]
        assert told == [-3.5, *range(250, 350)]
        assert sink.rejected == {"overwritten_at_source": 250}

    asyncio.run(go())


def test_an_agent_that_is_gone_leaves_stale_tags_and_a_clear_word() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        agent = MtconnectAgent(plant)
        await agent.start()
        async with running(connector("agent", settings(agent)), sink) as errors:
            await until(lambda: sink.words)
            await agent.stop()
            await until(lambda: errors)
        last = {tag: quality for tag, _, _, quality in sink.rows}
        assert set(last.values()) == {NO_COMMUNICATION}
        findings = await connector("agent", settings(agent)).check()
        assert [finding.level for finding in findings] == ["fault"]
        assert "5000" in findings[0].fix

    asyncio.run(go())


def test_silence_longer_than_two_heartbeats_breaks_the_connection() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        agent = MtconnectAgent(plant)
        await agent.start()
        one = connector("agent", settings(agent, heartbeat_s=0.1))
        async with running(one, sink) as errors:
            await until(lambda: sink.words)
            await asyncio.sleep(1.5)
            assert not errors  # heartbeats came
        await agent.stop()

    asyncio.run(go())


def test_a_check_says_what_is_there() -> None:
    async def go() -> None:
        agent = MtconnectAgent(mill())
        await agent.start()
        found = await connector("agent", settings(agent)).check()
        assert [(one.level, one.code) for one in found] == [("ok", "probe"), ("ok", "current"), ("ok", "stream")]
        assert "mill 1" in found[0].what
        names = {one.name: one.value for one in await connector("agent", settings(agent)).browse()}
        assert names["mill 1/spindle/spindle_load"] == "-3.5"
        wrong = await connector("agent", settings(agent, device="nobody")).check()
        assert "NO_DEVICE" in wrong[0].what
        await agent.stop()

    asyncio.run(go())
