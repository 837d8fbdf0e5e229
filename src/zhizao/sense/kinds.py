"""Which kinds of connections there are; each is imported when it is used, so that nobody waits for another's library."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from zhizao.errors import Fault, FaultsFound
from zhizao.model import Plant
from zhizao.sense.connection import Connector

__all__ = ["KINDS", "connectors"]

KINDS: dict[str, str] = {
    "opcua": "zhizao.sense.opcua",
    "sparkplug": "zhizao.sense.sparkplug",
    "modbus": "zhizao.sense.modbus",
    "mtconnect": "zhizao.sense.mtconnect",
    "shdr": "zhizao.sense.shdr",
    "folder": "zhizao.sense.folder",
}
"""Package of each kind; it holds `Settings` and `connector(name, settings)`."""


def connectors(plant: Plant, *, where: str = "plant.yaml") -> dict[str, Connector]:
    """Connectors that a plant declares and has enabled, by name.

    Parameters
    ----------
    plant : with its `connections`
    where : for messages

    Raises
    ------
    FaultsFound : every field that is wrong, of all connections
    """
    made: dict[str, Connector] = {}
    faults: list[Fault] = []
    for name, given in plant.connections.items():
        place = f"{where}, connections.{name}"
        kind = given.get("kind")
        if kind not in KINDS:
            known = ", ".join(KINDS)
            faults.append(Fault(f'"{kind}" is not a kind of connection', place, f"write kind: {known}", "bad_kind"))
            continue
        package = import_module(KINDS[kind])
        try:
            settings = package.Settings.model_validate(given)
        except ValidationError as error:
            faults += [_fault(one, place) for one in error.errors()]
            continue
        if settings.enabled:
            made[name] = package.connector(name, settings)
    if faults:
        raise FaultsFound("the connections have faults", faults, where=where)
    return made


def _fault(one: Mapping[str, Any], place: str) -> Fault:
    field = ".".join(str(part) for part in one["loc"])
    return Fault(str(one["msg"]), f"{place}.{field}" if field else place, "see docs/sense.md", "bad_connection")
