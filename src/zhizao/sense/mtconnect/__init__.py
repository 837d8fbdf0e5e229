"""MTConnect agents: probe, current, sample stream, assets."""

from __future__ import annotations

from zhizao.sense.connection import Connector
from zhizao.sense.mtconnect.connector import MtconnectConnector
from zhizao.sense.mtconnect.settings import Settings

__all__ = ["Settings", "connector"]


def connector(name: str, settings: Settings) -> Connector:
    """Connector to an agent that plant.yaml declares."""
    return MtconnectConnector(name, settings)
