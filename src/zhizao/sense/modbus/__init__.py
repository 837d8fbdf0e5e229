"""Modbus TCP devices and gateways, read in poll groups."""

from __future__ import annotations

from zhizao.sense.connection import Connector
from zhizao.sense.modbus.connector import ModbusConnector
from zhizao.sense.modbus.settings import Settings

__all__ = ["Settings", "connector"]


def connector(name: str, settings: Settings) -> Connector:
    """Connector to a device that plant.yaml declares."""
    return ModbusConnector(name, settings)
