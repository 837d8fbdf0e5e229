"""Sparkplug B 3.0: a host application at an MQTT broker."""

from zhizao.sense.connection import Settings as _Base
from zhizao.sense.sparkplug.connector import Sparkplug
from zhizao.sense.sparkplug.settings import Settings

__all__ = ["Settings", "connector"]


def connector(name: str, settings: _Base) -> Sparkplug:
    """Connection from what plant.yaml says of it."""
    assert isinstance(settings, Settings)
    return Sparkplug(name, settings)
