"""The whole way: end points of the workshop, connectors, supervisor, historian, loss account."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from field_recorder import mill, until

from zhizao.model.plant import Plant
from zhizao.record.historian import Historian
from zhizao.sense.kinds import connectors
from zhizao.sense.supervisor import Supervisor
from zhizao.testing.workshop.modbus_server import ModbusServer
from zhizao.testing.workshop.mtconnect_agent import MtconnectAgent
from zhizao.testing.workshop.shdr_adapter import ShdrAdapter

STEPS = 400
TAGS = {"agent": "agent/mill 1/spindle_load", "adapter": "adapter/mill 1/spindle/load"}


def test_every_change_is_stored_once_and_the_accounts_balance(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()

    async def go(historian: Historian) -> None:
        plant = mill()
        agent, adapter, server = MtconnectAgent(plant), ShdrAdapter(plant), ModbusServer(plant)
        for one in (agent, adapter, server):
            await one.start()
        declared = {
            "agent": {"kind": "mtconnect", "url": agent.url, "interval_s": 0},
            "adapter": {"kind": "shdr", "host": "127.0.0.1", "port": adapter.port},
            "press": server.settings(0.02),
            "exports": {"kind": "folder", "path": str(folder), "every_s": 0.05, "settle_s": 0.1},
        }
        supervisor = Supervisor(connectors(Plant.model_validate({"connections": declared})), historian)
        task = asyncio.create_task(supervisor.run())
        await until(lambda: all(health.connected for health in supervisor.health.values()), 20)
        (folder / "a.csv").write_text("time,tag,value\n2024-01-01T00:00:01Z,x,1\n2024-01-01T00:00:01Z,x,1\nnoon,x,2\n")
        for step in range(STEPS):
            plant.change([("mill 1/spindle/load", time.time_ns(), step / 10)])
            if step == STEPS // 2:
                agent.drop()  # its buffer gives what was missed
            await asyncio.sleep(0.002)
        await until(
            lambda: all(historian.value_at(tag, time.time_ns()) == (STEPS - 1) / 10 for tag in TAGS.values()), 20
        )
        await until(lambda: (folder / "done" / "a.csv").exists())
        task.cancel()
        with suppress(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await task
        for one in (agent, adapter, server):
            await one.stop()

    with Historian(tmp_path / "history") as historian:
        asyncio.run(go(historian))
        for tag in TAGS.values():
            told = [value for value in historian.range(tag, 0, time.time_ns())["value"].to_list() if value == value]
            told = [value for value in told if value is not None]
            assert told == [-3.5, *(step / 10 for step in range(STEPS))]
        accounts = {row["source"]: row for row in historian.ledger().to_dicts()}
        assert set(accounts) == {"agent", "adapter", "press", "exports"}
        for row in accounts.values():
            assert row["received"] == row["stored"] + row["duplicate"] + row["rejected"]
        assert (accounts["exports"]["received"], accounts["exports"]["stored"]) == (3, 1)
