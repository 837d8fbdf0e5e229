"""The connector against a real server: sessions, security, gaps that are filled, types, browsing, alarms, checks."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, Server, ua
from opcua_peers import COUNT, LOAD, OVERRIDE, STATE, Cable, Kept, now_ns, scripted, served, task, until

from zhizao.errors import NotAllowed
from zhizao.sense.opcua import OpcuaConnector, Settings, connector
from zhizao.sense.supervisor import Supervisor
from zhizao.testing.workshop.opcua_server import OpcuaServer

FAST: dict[str, Any] = {"publishing_ms": 50, "timeout_s": 5}


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 90))


def listening(url: str, trust: Path, **given: Any) -> OpcuaConnector:
    return connector("plant", Settings(url=url, trust=str(trust), **{**FAST, **given}))


def tag(name: str) -> str:
    return f"plant/Workshop/{name}"


def levels(findings: list[Any]) -> dict[str, str]:
    return {one.code: one.level for one in findings}


def test_changes_come_once_each_in_order_with_the_time_of_their_source(tmp_path: Path):
    async def claim() -> None:
        plant, kept = scripted(), Kept()
        async with served(OpcuaServer(0), plant) as server:
            one = listening(server.url, tmp_path)
            async with task(one.run(kept)):
                await until(lambda: kept.of(tag(LOAD)))
                told = []
                for number in range(1, 301):
                    changes = [(LOAD, now_ns(), float(number)), (COUNT, now_ns(), number)]
                    told += changes
                    plant.change(changes)
                    await asyncio.sleep(0.001)
                plant.change([(STATE, now_ns(), "Executing")])
                await until(lambda: kept.of(tag(STATE))[-1][1] == "Executing")
                for name in (LOAD, COUNT):
                    assert kept.of(tag(name))[1:] == [(at, value) for who, at, value in told if who == name]
                assert all(quality == 0 for *_, quality in kept.rows)
        described = {one.name: one for one in kept.tags}
        assert described[tag(LOAD)].unit == "percent"
        assert described[tag(LOAD)].type == "Double"
        assert described[tag(LOAD)].address == f"nsu=urn:zhizao:workshop;s={LOAD}"

    run(claim())


def test_after_a_cut_cable_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zhizao.sense.supervisor.WAIT_S", (0.2,))

    async def claim() -> None:
        plant, kept = scripted(), Kept()
        async with served(OpcuaServer(0), plant) as server, Cable(server.port).laid() as cable:
            one = listening(f"opc.tcp://127.0.0.1:{cable.port}/workshop", tmp_path)
            supervisor = Supervisor({"plant": one}, kept)
            async with task(supervisor.run()):
                await until(lambda: kept.of(tag(LOAD)))
                told = []

                async def work(count: int) -> None:
                    for _ in range(count):
                        told.append((LOAD, now_ns(), float(len(told) + 1)))
                        plant.change(told[-1:])
                        await asyncio.sleep(0.003)

                for _ in range(2):
                    await work(100)
                    cable.cut()
                    await work(200)
                    cable.mend()
                    await work(100)
                    await until(lambda: kept.of(tag(LOAD))[-1][1] == told[-1][2], 30)
                assert kept.of(tag(LOAD))[1:] == [(at, value) for _, at, value in told]
                assert len(kept.of(tag(STATE))) == 1, "a value that did not change comes once"
                assert one.filled >= 300
                assert supervisor.health["plant"].restarts >= 2

    run(claim())


def test_a_server_that_starts_again_is_noticed_and_its_history_fills_the_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("zhizao.sense.supervisor.WAIT_S", (0.2,))

    async def claim() -> None:
        plant, kept, server = scripted(), Kept(), OpcuaServer(0)
        one = listening(server.url, tmp_path)
        supervisor = Supervisor({"plant": one}, kept)
        told = []
        async with task(supervisor.run()):
            for _ in range(2):
                async with served(server, plant):
                    await until(lambda: supervisor.health["plant"].connected, 30)
                    for _ in range(50):
                        told.append((LOAD, now_ns(), float(len(told) + 1)))
                        plant.change(told[-1:])
                        await asyncio.sleep(0.002)
                    await until(lambda: kept.of(tag(LOAD))[-1][1] == told[-1][2])
                await until(lambda: not supervisor.health["plant"].connected, 30)
                for _ in range(50):
                    told.append((LOAD, now_ns(), float(len(told) + 1)))
                    plant.change(told[-1:])
            async with served(server, plant):
                await until(lambda: kept.of(tag(LOAD))[-1][1] == told[-1][2], 30)
        found = [row for row in kept.of(tag(LOAD)) if row[1] > 0]
        assert sorted(set(found)) == [(at, value) for _, at, value in told], "nothing is lost"
        stamps = [row for row in found if row in {(at, value) for _, at, value in told}]
        assert len(stamps) == len(told), "nothing comes twice"

    run(claim())


@pytest.mark.slow
def test_a_server_that_falls_silent_is_noticed(tmp_path: Path):
    async def claim() -> None:
        plant, kept = scripted(), Kept()
        async with served(OpcuaServer(0), plant) as server, Cable(server.port).laid() as cable:
            one = listening(f"opc.tcp://127.0.0.1:{cable.port}/workshop", tmp_path, timeout_s=1)
            running = asyncio.create_task(one.run(kept))
            await until(lambda: kept.of(tag(LOAD)))
            cable.mute = True
            with pytest.raises(ConnectionError, match="not even a keep-alive"):
                await running

    run(claim())


def test_an_encrypted_session_with_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLANT_PASSWORD", "right")

    async def claim() -> None:
        plant, kept = scripted(), Kept()
        server = OpcuaServer(0, users={"ann": "right"}, anonymous=False, folder=tmp_path / "server")
        async with served(server, plant):
            given = {"security": "Basic256Sha256", "user": "ann", "password": "env:PLANT_PASSWORD"}
            one = listening(server.url, tmp_path / "trust", **given)
            with pytest.raises(NotAllowed, match="is not trusted") as refused:
                await one.run(kept)
            assert "trusted" in refused.value.fault.fix
            finding = (await one.check())[-1]
            assert (finding.level, finding.code) == ("fault", "untrusted")
            (file,) = (tmp_path / "trust" / "rejected").iterdir()
            assert str(file) in finding.fix
            (tmp_path / "trust" / "trusted").mkdir()
            shutil.move(file, tmp_path / "trust" / "trusted")

            assert "fault" not in levels(await one.check()).values()
            for mode in ("SignAndEncrypt", "Sign"):
                kept = Kept()
                async with task(listening(server.url, tmp_path / "trust", mode=mode, **given).run(kept)):
                    await until(lambda kept=kept: kept.of(tag(LOAD)))

            wrong = await listening(server.url, tmp_path / "trust", **{**given, "password": "wrong"}).check()
            assert (wrong[-1].level, wrong[-1].code) == ("fault", "refused")
            assert "password" in wrong[-1].fix
            nobody = await listening(server.url, tmp_path / "trust").check()
            assert (nobody[-1].level, nobody[-1].code) == ("fault", "refused")
            other = await listening(server.url, tmp_path / "trust", security="Aes256_Sha256_RsaPss").check()
            assert (other[-1].level, other[-1].code) == ("fault", "policy")
            assert "Basic256Sha256/SignAndEncrypt" in other[-1].what

    run(claim())


def test_the_check_names_what_is_not_there(tmp_path: Path):
    async def claim() -> None:
        no_name = await listening("opc.tcp://no-such-host.invalid:4840", tmp_path).check()
        assert levels(no_name) == {"dns": "fault"}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            closed = await listening(f"opc.tcp://127.0.0.1:{port}", tmp_path).check()
        assert levels(closed) == {"dns": "ok", "tcp": "fault"}

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            writer.close()

        other = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = other.sockets[0].getsockname()[1]
        found = await listening(f"opc.tcp://127.0.0.1:{port}", tmp_path, timeout_s=1).check()
        other.close()
        assert levels(found)["endpoints"] == "fault"

        async with served(OpcuaServer(0), scripted()) as server:
            tags = [{"node": f"nsu=urn:zhizao:workshop;s={LOAD}"}, {"node": "nsu=urn:zhizao:workshop;s=missing"}]
            found = await listening(server.url, tmp_path, tags=tags, queue_size=20_000).check()
            assert levels(found)["tag"] == "fault"
            assert "missing" in next(one.what for one in found if one.code == "tag")
            assert levels(found)["queue"] == "warning"
            found = await listening(server.url, tmp_path, tags=[{"node": "nsu=urn:nowhere;i=1"}]).check()
            assert found[-1].level == "fault"
            assert "urn:nowhere" in found[-1].what

    run(claim())


class Types:
    """A server with a variable of each type, and its clock an hour off."""

    def __init__(self, port: int) -> None:
        self.server, self.url = Server(), f"opc.tcp://127.0.0.1:{port}/types"

    async def start(self) -> None:
        server = self.server
        await server.init()
        server.set_endpoint(self.url)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.disable_clock()
        space = await server.register_namespace("urn:types")
        folder = await server.nodes.objects.add_folder(ua.NodeId("all", space), ua.QualifiedName("all", space))
        kinds = ua.VariantType
        for name, value, kind in [
            ("bool", True, kinds.Boolean),
            ("sbyte", -5, kinds.SByte),
            ("byte", 250, kinds.Byte),
            ("int16", -30000, kinds.Int16),
            ("uint16", 60000, kinds.UInt16),
            ("int32", -(2**31), kinds.Int32),
            ("uint32", 2**32 - 1, kinds.UInt32),
            ("int64", -(2**40), kinds.Int64),
            ("uint64", 2**40, kinds.UInt64),
            ("float", 0.5, kinds.Float),
            ("double", 0.1, kinds.Double),
            ("string", "主轴", kinds.String),
            ("date", datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC), kinds.DateTime),
            ("local", ua.LocalizedText("läuft", "de"), kinds.LocalizedText),
            ("name", ua.QualifiedName("x", 2), kinds.QualifiedName),
            ("node", ua.NodeId(85), kinds.NodeId),
            ("enum", ua.ServerState.Failed, kinds.Int32),
            ("bytes", b"\x01\xff", kinds.ByteString),
            ("array", [1.5, 2.5, 3.5], kinds.Double),
            ("texts", ["a", "b"], kinds.String),
            ("structure", ua.Range(Low=0, High=1), kinds.ExtensionObject),
            ("infinite", float("inf"), kinds.Double),
        ]:
            await folder.add_variable(ua.NodeId(name, space), ua.QualifiedName(name, space), value, kind)
        for name, status in (
            ("bad", ua.StatusCodes.BadSensorFailure),
            ("unsure", ua.StatusCodes.UncertainLastUsableValue),
        ):
            node = await folder.add_variable(ua.NodeId(name, space), ua.QualifiedName(name, space), 1.0)
            await server.write_attribute_value(
                node.nodeid,
                ua.DataValue(ua.Variant(7.0), ua.StatusCode(status), datetime(2025, 1, 1, tzinfo=UTC)),
            )
        await server.start()
        await server.iserver.current_time_node.write_value(datetime.now(UTC) + timedelta(hours=1))


def test_every_type_becomes_a_number_a_text_or_a_rejection(tmp_path: Path):
    async def claim() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        types, kept = Types(port), Kept()
        await types.start()
        try:
            below = [{"root": "nsu=urn:types;s=all"}]
            one = listening(types.url, tmp_path, browse=below)
            async with task(one.run(kept)):
                await until(lambda: kept.of("plant/unsure"))
            found = {name.removeprefix("plant/"): value for name, _, value, _ in kept.rows}
            quality = {name.removeprefix("plant/"): code for name, _, _, code in kept.rows}
            assert found["bool"] == 1.0
            whole = [found[name] for name in ("sbyte", "byte", "int16", "uint16", "int32", "uint32", "int64", "uint64")]
            assert whole == [-5, 250, -30000, 60000, -(2**31), 2**32 - 1, -(2**40), 2**40]
            assert (found["float"], found["double"], found["enum"]) == (0.5, 0.1, 1.0)
            assert (found["string"], found["local"], found["bytes"]) == ("主轴", "läuft", "01ff")
            assert (found["date"], found["node"]) == ("2025-03-04T05:06:07+00:00", "i=85")
            assert [found[f"array[{number}]"] for number in range(3)] == [1.5, 2.5, 3.5]
            assert (found["texts[0]"], found["texts[1]"]) == ("a", "b")
            assert quality["bad"] == ua.StatusCodes.BadSensorFailure
            assert quality["unsure"] == ua.StatusCodes.UncertainLastUsableValue
            assert found["unsure"] == 7.0
            assert found["bad"] != found["bad"], "a bad value without a value is not a number"
            assert found["infinite"] != found["infinite"]
            assert quality["infinite"] >= 0x8000_0000
            assert kept.rejected == {"structure": 1}
            assert dict(kept.of("plant/unsure")) == {1_735_689_600_000_000_000: 7.0}

            findings = {finding.code: finding for finding in await one.check()}
            assert findings["clock"].level == "warning"
            assert "3600.0 s ahead of ours" in findings["clock"].what or "3599." in findings["clock"].what
        finally:
            await types.server.stop()

    run(claim())


def test_browsing_shows_one_level_and_searching_finds_by_pattern(tmp_path: Path):
    async def claim() -> None:
        async with served(OpcuaServer(0), scripted()) as server:
            one = listening(server.url, tmp_path)
            top = {item.name: item for item in await one.browse()}
            assert not top["Workshop"].leaf
            machines = await one.browse(top["Workshop"].address)
            inside = {item.name: item for item in await one.browse(machines[0].address)}
            assert inside["parts"].leaf
            assert (inside["parts"].type, inside["parts"].value) == ("Int64", "0")
            assert inside["feed override"].unit == "percent"
            kept = Kept()
            some = listening(
                server.url, tmp_path, browse=[{"root": top["Workshop"].address, "include": ["*/spindle/*", "*/state"]}]
            )
            async with task(some.run(kept)):
                await until(lambda: kept.rows)
            assert {name for name, *_ in kept.rows} == {f"plant/{LOAD}", f"plant/{STATE}"}

    run(claim())


def test_polling_tells_only_what_changed(tmp_path: Path):
    async def claim() -> None:
        plant, kept = scripted(), Kept()
        async with served(OpcuaServer(0), plant) as server:
            tags = [{"node": f"nsu=urn:zhizao:workshop;s={LOAD}", "tag": "load"}]
            async with task(listening(server.url, tmp_path, tags=tags, poll_ms=20).run(kept)):
                await until(lambda: kept.rows)
                await asyncio.sleep(0.2)
                at = now_ns()
                plant.change([(LOAD, at, 5.0)])
                await until(lambda: len(kept.rows) > 1)
            assert kept.of("plant/load")[1:] == [(at, 5.0)]

    run(claim())


def test_alarms_come_as_tags_and_a_standing_one_is_told_to_whoever_comes_later(tmp_path: Path):
    async def claim() -> None:
        plant, kept = scripted(), Kept()
        async with served(OpcuaServer(0), plant) as server:
            async with task(listening(server.url, tmp_path).run(kept)):
                await until(lambda: kept.rows)
                at = now_ns()
                plant.change([("mill 1/alarm/text", at, "jam")])
                await until(lambda: kept.of("plant/alarm/mill 1/fault/severity"))
                assert kept.of("plant/alarm/mill 1/fault/active") == [(at, 1.0)]
                assert kept.of("plant/alarm/mill 1/fault/acked") == [(at, 0.0)]
                assert kept.of("plant/alarm/mill 1/fault/message") == [(at, "jam")]
                assert kept.of("plant/alarm/mill 1/fault/severity") == [(at, 600.0)]
            late = Kept()
            async with task(listening(server.url, tmp_path).run(late)):
                await until(lambda: late.of("plant/alarm/mill 1/fault/active"))
                assert late.of("plant/alarm/mill 1/fault/message") == [(at, "jam")]
                gone = now_ns()
                plant.change([("mill 1/alarm/text", gone, "")])
                await until(lambda: len(late.of("plant/alarm/mill 1/fault/active")) > 1)
                assert late.of("plant/alarm/mill 1/fault/active")[-1] == (gone, 0.0)

    run(claim())


def test_a_condition_is_acknowledged_at_the_server_only_where_plant_yaml_permits_it(tmp_path: Path):
    async def claim() -> None:
        plant, kept, alarm = scripted(), Kept(), "plant/alarm/mill 1/fault"
        async with served(OpcuaServer(0), plant) as server:
            willing, shy = (listening(server.url, tmp_path, acknowledge=may) for may in (True, False))
            async with task(willing.run(kept)), task(shy.run(Kept())):
                await until(lambda: kept.rows)
                assert "not told" in await willing.acknowledge(alarm, "li: seen")
                plant.change([("mill 1/alarm/text", now_ns(), "jam")])
                await until(lambda: kept.of(f"{alarm}/acked") and alarm in shy._standing)
                assert "does not permit" in await shy.acknowledge(alarm, "li: seen")
                node, _ = willing._standing[alarm]
                willing._standing[alarm] = node, b"of another time"
                assert await willing.acknowledge(alarm, "li: seen") == "BadEventIdUnknown"
                willing._standing[alarm] = shy._standing[alarm]
                assert await willing.acknowledge(alarm, "li: seen") == ""
                await until(lambda: kept.of(f"{alarm}/acked")[-1][1] == 1.0)
                assert kept.of(f"{alarm}/active")[-1][1] == 1.0, "acknowledged, and it still stands"
                assert await willing.acknowledge(alarm, "li: again") == "", "what is acknowledged already is no fault"

    run(claim())


def test_a_set_point_that_a_client_writes_reaches_the_plant(tmp_path: Path):
    async def claim() -> None:
        plant, kept = scripted(), Kept()
        async with served(OpcuaServer(0), plant) as server, task(listening(server.url, tmp_path).run(kept)):
            await until(lambda: kept.of(tag(OVERRIDE)))
            async with Client(server.url) as client:
                index = await client.get_namespace_index("urn:zhizao:workshop")
                await client.get_node(ua.NodeId(OVERRIDE, index)).write_value(80.0)
                with pytest.raises(ua.UaStatusCodeError):
                    await client.get_node(ua.NodeId(LOAD, index)).write_value(1.0)
            await until(lambda: len(kept.of(tag(OVERRIDE))) > 1)
            assert plant.written == [(OVERRIDE, 80.0)]
            assert kept.of(tag(OVERRIDE))[-1][1] == 80.0

    run(claim())


def test_what_a_server_threw_away_without_a_word_is_read_from_its_history(tmp_path: Path):
    async def claim() -> None:
        plant, kept = scripted(), Kept()
        made = {float(number) for number in range(200, 300)}
        async with served(OpcuaServer(0), plant) as server:
            one = listening(server.url, tmp_path, queue_size=5)
            async with task(one.run(kept)):
                await until(lambda: kept.of(tag(LOAD)))
                plant.change([(LOAD, now_ns() + round(1000 * value), value) for value in sorted(made)])
                await until(lambda: made <= {value for _, value in kept.of(tag(LOAD))})
            assert one.lost > 0

    run(claim())


def test_what_is_stored_already_is_where_the_gap_begins(tmp_path: Path):
    async def claim() -> None:
        plant, kept = scripted(), Kept()
        async with served(OpcuaServer(0), plant) as server:
            told = [(LOAD, now_ns() + 1000 * number, float(number)) for number in range(1, 50)]
            plant.change(told)
            await until(lambda: not server.behind)
            await asyncio.sleep(0.1)
            one = listening(server.url, tmp_path)
            one.resume({tag(LOAD): told[9][1]})
            async with task(one.run(kept)):
                await until(lambda: kept.of(tag(STATE)))
            assert kept.of(tag(LOAD)) == [(at, value) for _, at, value in told[10:]]

    run(claim())
