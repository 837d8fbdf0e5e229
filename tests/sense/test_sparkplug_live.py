"""Sparkplug B over a real broker that this project did not write: births, restarts, gaps, deaths, encryption."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sparkplug_broker import MOSQUITTO, Broker, Memory, certificates, free_port, until

from zhizao.model import NO_COMMUNICATION
from zhizao.sense.sparkplug import Settings, connector
from zhizao.sense.supervisor import Supervisor
from zhizao.testing.workshop.signals import Scripted, Signal
from zhizao.testing.workshop.sparkplug_node import EdgeNode

LOAD = "hall/shop/gateway/mill 1/load"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    one = Broker(tmp_path, "allow_anonymous true")
    yield one
    one.kill()


def plant() -> Scripted:
    signals = [
        Signal("mill 1/load", "mill 1", "double", "%", 0.1),
        Signal("mill 1/speed", "mill 1", "double", "1/min", 1, writable=True),
        Signal("mill 1/parts", "mill 1", "int"),
        Signal("mill 2/state", "mill 2", "text"),
        Signal("mill 2/alarm", "mill 2", "bool"),
    ]
    return Scripted(
        signals,
        {"mill 1/load": 0.0, "mill 1/speed": 900.0, "mill 1/parts": -1, "mill 2/state": "运行", "mill 2/alarm": False},
    )


def settings(port: int, **others: Any) -> Settings:
    given = {"kind": "sparkplug", "host": "127.0.0.1", "port": port, "reorder_s": 0.3, "rebirth_s": 1.0}
    return Settings.model_validate({**given, **others})


@contextlib.asynccontextmanager
async def running(*jobs: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
        for task in tasks:
            assert not task.done() or task.exception() is None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class World:
    """A plant, its node, a supervisor with the connector, and a store."""

    def __init__(self, port: int, *, primary: str | None = "zhizao", node: dict[str, Any] | None = None, **given: Any):
        self.plant = plant()
        self.node = EdgeNode(self.plant, "127.0.0.1", port, "shop", "gateway", primary=primary, **(node or {}))
        self.store = Memory()
        self.connector = connector("hall", settings(port, **given))
        self.supervisor = Supervisor({"hall": self.connector}, self.store)
        self.turn = 0

    def change(self, value: float) -> None:
        self.plant.change([("mill 1/load", time.time_ns(), value)])

    async def born(self) -> None:
        await until(lambda: self.store.values(LOAD), "a birth that is stored")


def test_what_a_node_tells_is_stored_once(broker):
    async def story() -> None:
        world = World(broker.port)
        async with running(world.supervisor.run(), world.node.run()):
            await world.born()
            for value in range(1, 201):
                world.plant.change(
                    [("mill 1/load", time.time_ns(), value / 10), ("mill 1/parts", time.time_ns(), value)]
                )
                await asyncio.sleep(0.002)
            await until(lambda: 20.0 in world.store.values(LOAD), "the last value")
            assert world.store.values(LOAD) == [0.0, *(value / 10 for value in range(1, 201))]
            assert world.store.values("hall/shop/gateway/mill 1/parts")[0] == -1
            texts = [row[3] for row in world.store.rows if row[0] == "hall/shop/gateway/mill 2/state"]
            assert texts == ["运行"]
            assert world.store.refused == {}
            assert max(world.store.kept.values()) == 1
            health = world.supervisor.health["hall"]
            assert health.connected
            assert health.tags["shop/gateway/mill 1/load"].unit == "%"
            browsed = await world.connector.browse("shop/gateway/mill 1/")
            assert sorted(one.name for one in browsed)[0] == LOAD
            assert len(browsed) == 3

    asyncio.run(story())


def test_a_broker_that_is_killed_costs_nothing_and_doubles_nothing(broker):
    async def story() -> None:
        world = World(broker.port)
        sent: list[float] = []

        async def changing() -> None:
            while True:
                sent.append(len(sent) + 1.0)
                world.change(sent[-1])
                await asyncio.sleep(0.005)

        async with running(world.supervisor.run(), world.node.run()):
            await world.born()
            async with running(changing()):
                for _ in range(2):
                    await asyncio.sleep(0.5)
                    broker.kill()
                    await until(lambda: not world.supervisor.health["hall"].connected, "the loss is noticed")
                    await asyncio.sleep(0.3)
                    broker.start()
                    await until(lambda: world.supervisor.health["hall"].connected, "it is connected again")
                    births = world.node.births
                    await until(lambda births=births: world.node.births > births - 1, "a birth")
                    await asyncio.sleep(1.0)
            await until(lambda: sent[-1] in world.store.values(LOAD), "the last value")
            kept = world.store.values(LOAD)
            assert sorted(set(kept)) == [0.0, *sent]
            assert NO_COMMUNICATION in {row[4] for row in world.store.rows if row[0] == LOAD}
            twice = [value for value in kept if kept.count(value) > 1]
            assert len(set(twice)) <= 2, "only the value that each birth states anew may stand twice, at another time"
            assert world.store.refused.keys() <= {"before_birth"}

    asyncio.run(story())


def test_a_gap_in_the_sequence_makes_the_node_be_born_again(broker):
    async def story() -> None:
        world = World(broker.port)
        async with running(world.supervisor.run(), world.node.run()):
            await world.born()
            world.node.skip()
            world.change(7.0)
            await until(lambda: world.node.rebirths == 1, "the request is seen by the node")
            await until(lambda: 7.0 in world.store.values(LOAD), "the value")
            assert world.node.births == 2
            world.change(8.0)
            await until(lambda: 8.0 in world.store.values(LOAD), "data after the rebirth")

    asyncio.run(story())


def test_a_node_that_dies_makes_its_tags_stale(broker):
    async def story() -> None:
        world = World(broker.port)
        node = asyncio.create_task(world.node.run())
        async with running(world.supervisor.run()):
            await world.born()
            world.node.lose("mill 2")
            await until(
                lambda: [row for row in world.store.rows if "mill 2" in row[0] and row[4] == NO_COMMUNICATION],
                "a device is lost",
            )
            assert not world.store.values(LOAD, NO_COMMUNICATION)
            node.cancel()
            await asyncio.gather(node, return_exceptions=True)
            await until(lambda: world.store.values(LOAD, NO_COMMUNICATION), "the death is told")

    asyncio.run(story())


def test_the_will_of_a_node_makes_its_tags_stale(broker):
    async def story() -> None:
        world = World(broker.port)
        async with running(world.supervisor.run(), world.node.run()):
            await world.born()
            assert world.node._client is not None
            sock = world.node._client.socket()
            assert sock is not None
            sock.shutdown(2)
            await until(lambda: world.store.values(LOAD, NO_COMMUNICATION), "the will is told")
            await until(lambda: world.node.births == 2, "the node comes back")
            world.change(5.0)
            await until(lambda: 5.0 in world.store.values(LOAD), "data of the new session")

    asyncio.run(story())


def test_a_node_waits_for_its_primary_host_and_stops_when_that_leaves(broker):
    async def story() -> None:
        world = World(broker.port)
        async with running(world.node.run()):
            await asyncio.sleep(0.5)
            assert world.node.births == 0
            async with running(world.supervisor.run()):
                await world.born()
            await until(lambda: not world.node._born, "the node falls silent")
            for value in (1.0, 2.0, 3.0):
                world.change(value)
            world.supervisor = Supervisor({"hall": connector("hall", settings(broker.port))}, world.store)
            async with running(world.supervisor.run()):
                await until(lambda: 3.0 in world.store.values(LOAD), "what waited")
                assert world.store.values(LOAD)[:3] == [0.0, 1.0, 2.0]

    asyncio.run(story())


def test_a_host_that_comes_late_asks_for_births(broker):
    async def story() -> None:
        world = World(broker.port, primary=None)
        async with running(world.node.run()):
            await until(lambda: world.node.births == 1, "a birth that nobody heard")
            async with running(world.supervisor.run()):
                await until(lambda: world.supervisor.health["hall"].connected, "connected")
                world.change(4.0)
                await until(lambda: 4.0 in world.store.values(LOAD), "the rebirth")
                assert world.node.rebirths == 1

    asyncio.run(story())


def test_a_command_sets_a_set_point(broker):
    async def story() -> None:
        world = World(broker.port)
        async with running(world.supervisor.run(), world.node.run()):
            await world.born()
            host = world.connector._host
            wish = host.command("shop", "gateway", "mill 1", "speed", 1200.0, time.time_ns())
            bad = host.command("shop", "gateway", "mill 1", "load", 1.0, time.time_ns())
            assert world.node._client is not None
            for one in (wish, bad):
                world.node._client.publish(one.topic, one.payload, one.qos, one.retain)
            await until(lambda: world.plant.written == [("mill 1/speed", 1200.0)], "the set-point")
            await until(lambda: world.node.refused, "the refusal")
            speed = "hall/shop/gateway/mill 1/speed"
            await until(lambda: 1200.0 in world.store.values(speed), "the set-point is told")

    asyncio.run(story())


def test_what_cannot_be_stored_is_kept_and_tried_again(broker):
    async def story() -> None:
        world = World(broker.port)
        async with running(world.supervisor.run(), world.node.run()):
            await world.born()
            world.store.full = True
            world.change(1.0)
            await until(lambda: "no space left" in world.supervisor.health["hall"].word, "the fault is shown")
            world.change(2.0)
            world.store.full = False
            await until(lambda: 2.0 in world.store.values(LOAD), "both values")
            assert world.store.values(LOAD) == [0.0, 1.0, 2.0]

    asyncio.run(story())


def test_an_encrypted_session_with_certificates_on_both_sides(tmp_path):
    files = certificates(tmp_path)
    broker = Broker(
        tmp_path,
        f"cafile {files['authority.pem']}",
        f"certfile {files['broker.pem']}",
        f"keyfile {files['broker.key']}",
        "require_certificate true",
        "use_identity_as_username true",
    )
    given = {
        "host": "localhost",
        "ca": str(files["authority.pem"]),
        "certificate": str(files["client.pem"]),
        "key": str(files["client.key"]),
    }

    async def story() -> None:
        one = connector("hall", settings(broker.port, **given))
        store = Memory()
        supervisor = Supervisor({"hall": one}, store)
        async with running(supervisor.run()):
            await until(lambda: supervisor.health["hall"].connected, "an encrypted session")
        codes = {finding.code: finding.level for finding in await one.check()}
        assert codes["tls"] == codes["subscribe"] == "ok"
        stranger = connector("hall", settings(broker.port, host="localhost", tls=True))
        assert [finding.code for finding in await stranger.check() if finding.level == "fault"] == ["tls"]
        without = connector("hall", settings(broker.port, host="localhost", ca=given["ca"]))
        assert [finding.level for finding in await without.check()][-1] == "fault"

    try:
        asyncio.run(story())
    finally:
        broker.kill()


def test_a_user_whose_password_stands_in_the_environment(tmp_path, monkeypatch):
    words = tmp_path / "words"
    words.write_text("anna:secret\n")
    if MOSQUITTO is None or (hasher := shutil.which("mosquitto_passwd")) is None:
        pytest.skip("mosquitto_passwd is absent: apt-get install mosquitto")
    subprocess.run([hasher, "-U", str(words)], check=True)
    broker = Broker(tmp_path, f"password_file {words}", "allow_anonymous false")

    async def story() -> None:
        monkeypatch.setenv("MQTT_WORD", "secret")
        good = connector("hall", settings(broker.port, username="anna", password="env:MQTT_WORD"))
        assert [one.code for one in await good.check() if one.level == "ok"] == [
            "resolve",
            "tcp",
            "refused",
            "subscribe",
        ]
        wrong = connector("hall", settings(broker.port, username="anna", password="wrong"))
        finding = (await wrong.check())[-1]
        assert (finding.level, finding.code) == ("fault", "refused")
        assert "username" in finding.fix
        absent = connector("hall", settings(broker.port, username="anna", password="env:NOT_SET"))
        assert (await absent.check())[-1].code == "no_password"

    try:
        asyncio.run(story())
    finally:
        broker.kill()


def test_a_check_says_what_is_wrong_and_how_to_mend_it(broker):
    async def story() -> None:
        nowhere = await connector("hall", settings(free_port())).check()
        assert (nowhere[-1].level, nowhere[-1].code) == ("fault", "tcp")
        nameless = await connector("hall", settings(1883, host="no.such.name.invalid")).check()
        assert (nameless[-1].level, nameless[-1].code) == ("fault", "resolve")
        quiet = await connector("hall", settings(broker.port)).check()
        assert (quiet[-1].level, quiet[-1].code) == ("warning", "no_nodes")
        world = World(broker.port)
        async with running(world.supervisor.run(), world.node.run()):
            await world.born()

            async def changing() -> None:
                while True:
                    world.change(time.monotonic())
                    await asyncio.sleep(0.1)

            async with running(changing()):
                other = connector("hall", settings(broker.port))
                found = {one.code: one for one in await other.check()}
                assert "shop/gateway" in found["nodes"].what
                assert found["host_id_taken"].level == "warning"
                assert {one.name for one in await other.browse()} >= {LOAD}
        for one in (*nowhere, *nameless, *quiet):
            assert one.level == "ok" or one.fix

    asyncio.run(story())


def test_a_port_that_is_no_broker_is_told():
    async def story() -> None:
        async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(close, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        found = await connector("hall", settings(port)).check()
        assert found[-1].level == "fault"
        server.close()
        await server.wait_closed()

    asyncio.run(story())
