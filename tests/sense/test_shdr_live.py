"""A real adapter over TCP: heartbeats, breaks, silence."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from field_recorder import Recorder, mill, running, until

from zhizao.model.signal import NO_COMMUNICATION
from zhizao.sense.shdr import Settings, connector
from zhizao.testing.workshop.shdr_adapter import ShdrAdapter

LOAD, MODE = "ad/mill 1/spindle/load", "ad/mill 1/mode"


def settings(adapter: ShdrAdapter, **more: object) -> Settings:
    return Settings.model_validate({"kind": "shdr", "host": "127.0.0.1", "port": adapter.port, **more})


def test_every_change_comes_once_and_in_order() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        adapter = ShdrAdapter(plant)
        await adapter.start()
        async with running(connector("ad", settings(adapter)), sink) as errors:
            await until(lambda: sink.of(LOAD))
            for value in range(2000):
                at = time.time_ns()
                plant.change([("mill 1/spindle/load", at, float(value)), ("mill 1/mode", at + 1, f"left | {value}")])
            await until(lambda: sink.of(MODE)[-1:] == ["left | 1999"])
        await adapter.stop()
        assert sink.of(LOAD) == [-3.5, *range(2000)]
        assert sink.of(MODE)[1:] == [f"left | {value}" for value in range(2000)]
        assert not sink.rejected
        assert not errors

    asyncio.run(go())


def test_a_broken_connection_leaves_stale_tags_and_is_made_again() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        adapter = ShdrAdapter(plant)
        await adapter.start()
        async with running(connector("ad", settings(adapter)), sink) as errors:
            await until(lambda: sink.of(LOAD))
            adapter.drop()
            await until(lambda: len(sink.of(LOAD)) == 3)
        await adapter.stop()
        assert sink.of(LOAD) == [-3.5, None, -3.5]
        assert [quality for tag, *_, quality in sink.rows if tag == LOAD] == [0, NO_COMMUNICATION, 0]
        assert "ended the connection" in str(errors[0])

    asyncio.run(go())


def test_an_adapter_that_promised_a_heartbeat_and_is_silent_is_gone() -> None:
    async def go() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"* PONG 100\n|load|1\n")
            while await reader.read(100):
                pass
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        sink, port = Recorder(), server.sockets[0].getsockname()[1]
        one = connector("ad", Settings(host="127.0.0.1", port=port))
        start = time.monotonic()
        async with running(one, sink) as errors:
            await until(lambda: errors)
        server.close()
        assert 1.1 < time.monotonic() - start < 5
        assert "nothing came" in str(errors[0])

    asyncio.run(go())


def test_a_check_says_what_comes_or_why_nothing_does(tmp_path: Path) -> None:
    async def go() -> None:
        adapter = ShdrAdapter(mill())
        await adapter.start()
        found = await connector("ad", settings(adapter)).check()
        assert [(one.level, one.code) for one in found] == [("ok", "lines"), ("warning", "no_devices")]
        assert "7 samples" in found[0].what
        absent = await connector("ad", settings(adapter, devices=str(tmp_path / "no.xml"))).check()
        assert [(one.level, one.code) for one in absent] == [("fault", "no_file")]
        await adapter.stop()
        gone = await connector("ad", settings(adapter)).check()
        assert [(one.level, one.code) for one in gone] == [("fault", "no_adapter")]

    asyncio.run(go())
