"""The workshop's OPC UA end point as a client of the library sees it: companion types, units, history, users."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from zhizao.errors import InputError
from zhizao.model import Plant
from zhizao.testing.workshop.opcua_server import NAMESPACE, OpcuaServer
from zhizao.testing.workshop.plant import Workshop

PLANT = Plant.model_validate({"machines": {"mill 1": {}}})


def with_server(server: OpcuaServer, plant: Workshop, claim: Any) -> None:
    async def run() -> None:
        serving = asyncio.create_task(server.run(plant))
        try:
            ready = asyncio.create_task(server.ready.wait())
            await asyncio.wait({ready, serving}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
            ready.cancel()
            if serving.done():
                await serving
            async with Client(server.url) as client:
                await claim(client)
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving

    asyncio.run(run())


async def reach(node: Any, *names: str) -> Any:
    for name in names:
        children = {(await one.read_browse_name()).Name: one for one in await node.get_children()}
        assert name in children, f"{name} is not among {sorted(children)}"
        node = children[name]
    return node


def advance(plant: Workshop, seconds: float) -> None:
    changes = plant.step(seconds)
    for follower in plant._followers:
        follower(changes)


def test_plain_objects_have_values_units_and_a_history():
    plant = Workshop(PLANT, seed=1)

    async def claim(client: Client) -> None:
        for _ in range(5):
            advance(plant, 60.0)
        await asyncio.sleep(0.5)
        load = await reach(client.nodes.objects, "Workshop", "mill 1", "spindle", "load")
        assert await load.read_value() == plant.value("mill 1/spindle/load")
        unit = await (await load.get_child(["0:EngineeringUnits"])).read_value()
        assert (unit.UnitId, unit.DisplayName.Text) == (int.from_bytes(b"P1", "big"), "%")
        assert (await load.read_type_definition()).Identifier == ua.ObjectIds.AnalogUnitType
        kept = await load.read_raw_history(numvalues=0)
        assert len(kept) == 5
        assert kept[-1].Value.Value == plant.value("mill 1/spindle/load")
        space = await client.get_namespace_index(NAMESPACE)
        override = client.get_node(ua.NodeId("mill 1/feed override", space))
        await override.write_value(120.0)
        assert plant.value("mill 1/feed override") == 120.0
        with pytest.raises(ua.UaStatusCodeError, match="BadOutOfRange"):
            await override.write_value(500.0)

    with_server(OpcuaServer(0), plant, claim)


@pytest.mark.shared
def test_with_the_companion_nodesets_a_machine_is_a_machine_tool(shared: Path):
    folder = shared / "models" / "opcua_nodesets"
    if not folder.is_dir():
        pytest.skip("no companion nodesets beside the public data sets")
    plant = Workshop(PLANT, seed=1)

    async def claim(client: Client) -> None:
        spaces = await client.get_namespace_array()
        tool = spaces.index("http://opcfoundation.org/UA/MachineTool/")
        machine = await reach(client.nodes.objects, "Machines", "mill 1")
        assert await machine.read_type_definition() == ua.NodeId(13, tool)
        assert await (await reach(machine, "Identification", "SerialNumber")).read_value() == "mill 1"
        advance(plant, 300.0)
        await asyncio.sleep(0.5)
        assert plant.value("mill 1/state") == "Executing"
        state = await reach(machine, "MachineryBuildingBlocks", "MachineryItemState", "CurrentState")
        assert (await state.read_value()).Text == "Executing"
        told = client.get_node(await (await reach(state, "Id")).read_value())
        assert (await told.read_browse_name()).Name == "Executing"
        mode = await reach(machine, "MachineryBuildingBlocks", "MachineryOperationMode", "CurrentState")
        assert (await mode.read_value()).Text == "Processing"
        order = plant.value("mill 1/order")
        assert await (await reach(machine, "Production", "ActiveProgram", "Name")).read_value() == order
        parts = await reach(machine, "Production", "Statistics", "PartsProducedInLifetime")
        assert await parts.read_value() == plant.value("mill 1/parts") > 0
        await client.load_data_type_definitions()
        jobs = await reach(machine, "MachineryBuildingBlocks", "JobManagement", "JobOrderControl", "JobOrderList")
        (job,) = await jobs.read_value()
        assert job.JobOrder.JobOrderID == order

    with_server(OpcuaServer(0, nodesets=folder), plant, claim)


def test_nodesets_that_are_not_there_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="MachineTool"):
        with_server(OpcuaServer(0, nodesets=tmp_path), Workshop(PLANT), None)


def test_a_user_with_the_wrong_password_gets_no_session():
    server = OpcuaServer(0, users={"ann": "right"})

    async def claim(client: Client) -> None:
        for user, password, fits in (("ann", "right", True), ("ann", "wrong", False), ("bob", "right", False)):
            other = Client(server.url)
            other.set_user(user)
            other.set_password(password)
            if fits:
                async with other:
                    assert await other.get_namespace_array()
            else:
                with pytest.raises(ua.UaStatusCodeError):
                    await other.connect()

    with_server(server, Workshop(PLANT), claim)
