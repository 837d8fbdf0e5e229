"""Watched folders: files of samples that somebody puts there."""

from __future__ import annotations

from zhizao.sense.connection import Connector
from zhizao.sense.folder.connector import FolderConnector
from zhizao.sense.folder.settings import Settings

__all__ = ["Settings", "connector"]


def connector(name: str, settings: Settings) -> Connector:
    """Connector to a folder that plant.yaml declares."""
    return FolderConnector(name, settings)
