"""A real Modbus TCP server, and devices that refuse, keep silent or talk nonsense."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Awaitable, Callable

import pytest
import yaml
from field_recorder import Recorder, mill, running, until
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from zhizao.model.signal import NO_COMMUNICATION
from zhizao.sense.modbus import Settings, connector
from zhizao.sense.modbus.connector import CONFIGURATION_ERROR
from zhizao.testing.workshop.modbus_server import ModbusServer


def settings(port: int, tags: dict[str, object], **more: object) -> Settings:
    group = {"every_s": 0.02, "tags": tags, **more}
    return Settings.model_validate(
        {"kind": "modbus", "host": "127.0.0.1", "port": port, "timeout_s": 0.3, "groups": {"g": group}}
    )


def test_the_workshop_is_read_with_the_settings_it_prints() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        server = ModbusServer(plant)
        await server.start()
        printed = yaml.safe_load(server.settings_text(0.02))["workshop modbus"]
        assert printed == server.settings(0.02)
        one = connector("mb", Settings.model_validate(printed))
        async with running(one, sink) as errors:
            await until(lambda: len(sink.rows) == 7)
            plant.change([("mill 1/spindle/load", 1, 41.5), ("mill 1/mode", 2, "MANUAL"), ("mill 1/door", 3, True)])
            await until(lambda: len(sink.rows) == 10)
            await asyncio.sleep(0.1)
        assert all(finding.level == "ok" for finding in await one.check())
        await server.stop()
        assert sink.of("mb/mill 1/spindle/load") == [-3.5, 41.5]
        assert sink.of("mb/mill 1/mode") == ["AUTO", "MANUAL"]
        assert sink.of("mb/mill 1/door") == [0.0, 1.0]
        assert sink.of("mb/mill 1/power") == [1.25]
        assert len(sink.rows) == 10  # what does not change is not told
        assert not errors
        assert {tag.unit for tag in sink.tags} == {"%", "kW", ""}

    asyncio.run(go())


def test_what_does_not_change_is_told_at_the_heartbeat() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        server = ModbusServer(plant)
        await server.start()
        quick = Settings.model_validate({**server.settings(0.02), "heartbeat_s": 0.1})
        async with running(connector("mb", quick), sink):
            await until(lambda: len(sink.of("mb/mill 1/power")) >= 3)
        await server.stop()
        assert set(sink.of("mb/mill 1/power")) == {1.25}

    asyncio.run(go())


def test_set_points_are_written_into_the_plant() -> None:
    async def go() -> None:
        plant = mill()
        server = ModbusServer(plant)
        await server.start()
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port)
        await client.connect()
        await client.write_registers(0, list(struct.unpack(">2H", struct.pack(">i", 80))))
        await client.write_coil(0, False)
        assert (await client.write_register(50, 1)).isError()
        client.close()
        await server.stop()
        assert plant.written == [("mill 1/feed", 80.0), ("mill 1/go", False)]

    asyncio.run(go())


async def with_registers(go: Callable[[int], Awaitable[None]]) -> None:
    """Holding registers 0 to 9 and 20 to 29 exist, in one shared block that has no others."""
    blocks = [SimData(0, values=list(range(10)), datatype=DataType.REGISTERS), SimData(20, values=list(range(20, 30)), datatype=DataType.REGISTERS)]  # fmt: skip
    server = ModbusTcpServer(SimDevice(1, simdata=blocks), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        await go(server.transport.sockets[0].getsockname()[1])
    finally:
        await server.shutdown()


def test_a_refused_register_is_found_and_the_others_go_on() -> None:
    tags = {
        "a": {"address": 0},
        "b": {"address": 9},
        "wrong": {"address": 12},
        "c": {"address": 20},
        "edge": {"address": 10},
    }

    async def go(port: int) -> None:
        sink, one = Recorder(), connector("mb", settings(port, tags, gap=20))
        async with running(one, sink) as errors:
            await until(lambda: len(sink.rows) == 5)
            await asyncio.sleep(0.1)
        assert not errors
        got = {tag: (value, quality) for tag, _, value, quality in sink.rows}
        assert got == {
            "mb/a": (0.0, 0), "mb/b": (9.0, 0), "mb/c": (20.0, 0), "mb/wrong": (None, CONFIGURATION_ERROR),
            "mb/edge": (None, CONFIGURATION_ERROR),
        }  # fmt: skip
        faults = {finding.what: finding.fix for finding in await one.check() if finding.level == "fault"}
        assert len(faults) == 2
        assert any('tag "wrong"' in what and "12" in what and "illegal data address" in what for what in faults)
        assert any('tag "edge"' in what and "9 answers" in fix for what, fix in faults.items())

    asyncio.run(with_registers(go))


def test_a_device_that_is_switched_off_leaves_stale_tags_and_comes_back() -> None:
    async def go() -> None:
        plant, sink = mill(), Recorder()
        server = ModbusServer(plant)
        await server.start()
        one = connector("mb", Settings.model_validate({**server.settings(0.02), "timeout_s": 0.3}))
        async with running(one, sink) as errors:
            await until(lambda: len(sink.rows) == 7)
            await server.stop()
            await until(lambda: errors)
            assert {quality for *_, quality in sink.rows[-7:]} == {NO_COMMUNICATION}
            again = ModbusServer(plant, port=server.port)
            await again.start()
            await until(lambda: sink.of("mb/mill 1/power")[-1:] == [1.25])
        await again.stop()
        gone = await one.check()
        assert [(finding.level, finding.code) for finding in gone] == [("fault", "no_device")]

    asyncio.run(go())


def test_a_cancelled_connector_ends_whatever_it_waits_for() -> None:
    async def go() -> None:
        server = ModbusServer(mill())
        await server.start()
        quick = Settings.model_validate(server.settings(0.0001))
        for turn in range(200):
            task = asyncio.create_task(connector("mb", quick).run(Recorder()))
            await asyncio.sleep(0.002 + turn * 1e-5)
            task.cancel()
            async with asyncio.timeout(2):
                await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
        await server.stop()

    asyncio.run(go())


@pytest.mark.parametrize("seed", range(3))
def test_a_device_that_talks_nonsense_never_breaks_more_than_its_connection(seed: int) -> None:
    """Answers are cut, too long, of another function, or noise: each is a wrong value or an error, nothing else."""
    rng = random.Random(seed)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readexactly(12):
                body = bytes([1, rng.choice([3, 3, 4, 0x83, 0x80, 200]), rng.randrange(256)]) + rng.randbytes(
                    rng.randrange(12)
                )
                length = rng.choice([len(body), len(body), len(body) + 1, 0, 65535])
                writer.write(
                    rng.choice([head[:4] + struct.pack(">H", length) + body, rng.randbytes(rng.randrange(30)) or b"x"])
                )
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def go() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        quick = settings(port, {"a": {"address": 0}, "b": {"address": 100}}).model_copy(update={"timeout_s": 0.02})
        sink = Recorder()
        async with running(connector("mb", quick), sink):
            await asyncio.sleep(1.5)
        server.close()
        assert {tag for tag, *_ in sink.rows} <= {"mb/a", "mb/b"}

    asyncio.run(go())
