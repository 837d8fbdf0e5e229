"""The connector against node-opcua, a server that others wrote: plain and encrypted, with a user, values and history."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opcua_peers import Kept, task, until

from zhizao.errors import NotAllowed
from zhizao.sense.opcua import Settings, connector

pytestmark = pytest.mark.slow

SERVER = """
const { OPCUAServer, Variant, DataType, StatusCodes, OPCUACertificateManager, DataValue } = require("node-opcua");
(async () => {
  const trust = new OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: true, rootFolder: process.argv[3] });
  await trust.initialize();
  const server = new OPCUAServer({
    port: Number(process.argv[2]), serverCertificateManager: trust, allowAnonymous: true,
    userManager: { isValidUser: (user, password) => user === "ann" && password === "right" },
  });
  await server.initialize();
  const space = server.engine.addressSpace, own = space.getOwnNamespace();
  const mill = own.addObject({ browseName: "Mill", organizedBy: space.rootFolder.objects });
  const count = own.addVariable({ componentOf: mill, browseName: "Count", nodeId: "s=count", dataType: "UInt32" });
  const load = own.addAnalogDataItem({ componentOf: mill, browseName: "Load", nodeId: "s=load", dataType: "Double",
    engineeringUnitsRange: { low: 0, high: 100 },
    engineeringUnits: { namespaceUri: "http://www.opcfoundation.org/UA/units/un/cefact", unitId: 4408652,
      displayName: "C", description: "C" } });
  const texts = own.addVariable({ componentOf: mill, browseName: "Axes", nodeId: "s=axes", dataType: "Double",
    valueRank: 1 });
  texts.setValueFromSource({ dataType: DataType.Double, arrayType: 1, value: new Float64Array([1, 2, 3]) });
  space.installHistoricalDataNode(count);
  let number = 0;
  setInterval(() => {
    number += 1;
    count.setValueFromSource({ dataType: DataType.UInt32, value: number });
    load.setValueFromSource({ dataType: DataType.Double, value: number / 2 });
  }, 200);
  await server.start();
  console.log("READY " + own.namespaceUri);
})().catch((error) => { console.log("FAILED " + error); process.exit(1); });
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which node-opcua is installed."""
    given = os.environ.get("ZHIZAO_NODE_OPCUA")
    if given:
        return Path(given)
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("node and npm are absent: node-opcua is a peer of this test")
    folder = tmp_path_factory.mktemp("node")
    done = subprocess.run(
        ["npm", "install", "node-opcua", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"npm cannot install node-opcua here: {done.stderr[-200:]}")
    return folder


@pytest.fixture(scope="module")
def peer(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running server."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "server.js").write_text(SERVER, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen(
        ["node", str(folder / "server.js"), str(port), str(folder / "trust")],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "NODE_PATH": str(library / "node_modules"), "HOME": str(folder)},
    )  # fmt: skip
    assert running.stdout is not None
    try:
        said = []
        for line in running.stdout:
            said.append(line)
            if line.startswith("READY"):
                break
            assert not line.startswith("FAILED"), "".join(said)
        else:
            pytest.fail("".join(said))
        yield f"opc.tcp://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(10)
        running.stdout.close()


BELOW = [{"root": "i=85", "include": ["Mill/*"]}]


def test_values_types_units_and_the_check(peer: str, tmp_path: Path):
    async def claim() -> None:
        one, kept = connector("cell", Settings(url=peer, trust=str(tmp_path), browse=BELOW, sampling_ms=50)), Kept()
        findings = {finding.code: finding for finding in await one.check()}
        assert not [finding for finding in findings.values() if finding.level == "fault"]
        assert findings["readable"].what == "3 of 3 tags can be read"
        async with task(one.run(kept)):
            await until(lambda: len(kept.of("cell/Mill/Count")) > 15, 30)
        counts = [value for _, value in kept.of("cell/Mill/Count")]
        assert counts == list(range(int(counts[0]), int(counts[0]) + len(counts))), "each once, in order"
        assert [kept.of(f"cell/Mill/Axes[{axis}]")[0][1] for axis in range(3)] == [1, 2, 3]
        units = {tag.name: tag.unit for tag in kept.tags}
        assert units["cell/Mill/Load"] == "degC"
        assert {"Mill", "Server"} <= {item.name for item in await one.browse()}

    asyncio.run(asyncio.wait_for(claim(), 90))


def test_an_encrypted_session_with_a_user(peer: str, tmp_path: Path):
    async def claim() -> None:
        given: dict[str, Any] = {"url": peer, "trust": str(tmp_path), "browse": BELOW, "security": "Basic256Sha256"}
        right = {"user": "ann", "password": "right"}
        with pytest.raises(NotAllowed, match="not trusted"):
            await connector("cell", Settings(**given, **right)).run(Kept())
        (tmp_path / "rejected").rename(tmp_path / "trusted")
        for mode in ("SignAndEncrypt", "Sign"):
            kept = Kept()
            async with task(connector("cell", Settings(**given, **right, mode=mode)).run(kept)):
                await until(lambda kept=kept: len(kept.of("cell/Mill/Count")) > 10, 30)
        wrong = await connector("cell", Settings(**given, user="ann", password="wrong")).check()
        assert (wrong[-1].level, wrong[-1].code) == ("fault", "refused")

    asyncio.run(asyncio.wait_for(claim(), 90))


def test_a_gap_is_filled_from_its_history(peer: str, tmp_path: Path):
    async def claim() -> None:
        one, kept = connector("cell", Settings(url=peer, trust=str(tmp_path), browse=BELOW, sampling_ms=50)), Kept()
        for count in (10, 25):
            async with task(one.run(kept)):
                await until(lambda count=count: len(kept.of("cell/Mill/Count")) > count, 30)
            await asyncio.sleep(1.5)
        counts = [value for _, value in kept.of("cell/Mill/Count")]
        assert counts == list(range(int(counts[0]), int(counts[0]) + len(counts))), "nothing lost, nothing doubled"
        assert one.filled >= 5

    asyncio.run(asyncio.wait_for(claim(), 90))
