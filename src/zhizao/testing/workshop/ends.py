"""The workshop's end points by name, as `zhizao workshop` opens them, and the connections that reach them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import yaml

from zhizao.testing.workshop.signals import Signals

__all__ = ["Edge", "Served", "modbus", "mtconnect", "shdr", "told_as_yaml"]


class _Server(Protocol):
    port: int

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Stop listening."""


class Served:
    """An end point that listens on a port from the workshop's start to its end.

    Parameters
    ----------
    make : gives the server for a plant
    """

    def __init__(self, make: Callable[[Signals], _Server]) -> None:
        self._make = make

    async def run(self, signals: Signals) -> None:
        """Serve until cancelled."""
        server = self._make(signals)
        await server.start()
        try:
            await asyncio.Event().wait()
        finally:
            await server.stop()


class Edge:
    """A Sparkplug edge node at a broker.

    Parameters
    ----------
    host, port : of the broker
    group, node : its names
    primary : host application without which it keeps what it has to say; None for none
    """

    def __init__(
        self, host: str, port: int, group: str = "workshop", node: str = "edge", primary: str | None = None
    ) -> None:
        self._address, self._primary = (host, port, group, node), primary

    async def run(self, signals: Signals) -> None:
        """Publish until cancelled."""
        from zhizao.testing.workshop.sparkplug_node import EdgeNode

        await EdgeNode(signals, *self._address, primary=self._primary).run()


def modbus(port: int) -> Served:
    """Modbus TCP device on a port."""
    from zhizao.testing.workshop.modbus_server import ModbusServer

    return Served(lambda plant: ModbusServer(plant, port=port))


def mtconnect(port: int) -> Served:
    """MTConnect agent on a port."""
    from zhizao.testing.workshop.mtconnect_agent import MtconnectAgent

    return Served(lambda plant: MtconnectAgent(plant, port=port))


def shdr(port: int) -> Served:
    """SHDR adapter on a port."""
    from zhizao.testing.workshop.shdr_adapter import ShdrAdapter

    return Served(lambda plant: ShdrAdapter(plant, port=port))


def told_as_yaml(connections: dict[str, dict[str, Any]]) -> str:
    """Connections as they stand in plant.yaml.

    >>> print(told_as_yaml({"hall": {"kind": "opcua", "url": "opc.tcp://127.0.0.1:4840"}}), end="")
    connections:
      hall:
        kind: opcua
        url: opc.tcp://127.0.0.1:4840
    """
    text: str = yaml.safe_dump({"connections": connections}, allow_unicode=True, sort_keys=False)
    return text
