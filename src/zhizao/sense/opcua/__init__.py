"""OPC UA: subscriptions, polling, browsing, certificates, alarms, back-fill from the server's history."""

from zhizao.sense.opcua.connector import OpcuaConnector, connector
from zhizao.sense.opcua.settings import Settings

__all__ = ["OpcuaConnector", "Settings", "connector"]
