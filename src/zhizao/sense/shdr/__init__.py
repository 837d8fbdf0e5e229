"""MTConnect adapters that speak SHDR over TCP."""

from __future__ import annotations

from zhizao.sense.connection import Connector
from zhizao.sense.shdr.connector import ShdrConnector
from zhizao.sense.shdr.settings import Settings

__all__ = ["Settings", "connector"]


def connector(name: str, settings: Settings) -> Connector:
    """Connector to an adapter that plant.yaml declares."""
    return ShdrConnector(name, settings)
