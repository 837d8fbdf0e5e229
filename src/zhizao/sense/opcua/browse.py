"""The address space of a server: what is below a node, all variables by pattern, their types and units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asyncua import ua

from zhizao.sense.connection import Browsed
from zhizao.sense.opcua.names import address_of, chosen, joined, parse, resolve
from zhizao.sense.opcua.session import Session
from zhizao.sense.opcua.settings import Below
from zhizao.sense.opcua.units import unit_of
from zhizao.sense.opcua.values import Batch

__all__ = ["below", "describe", "search"]

_MOST_NODES = 200_000
_PROPERTY = ua.NodeId(ua.ObjectIds.HasProperty)
_SERVER = ua.NodeId(ua.ObjectIds.Server)


async def below(session: Session, address: str = "") -> list[Browsed]:
    """What is directly below a node, with type, unit and value of variables.

    Parameters
    ----------
    session : open
    address : node id; empty is the Objects folder
    """
    node = resolve(parse(address or "i=85"), session.spaces)
    found = (await session.browse([node]))[0]
    nodes = [_plain(one.NodeId) for one in found]
    variables = [node for node, one in zip(nodes, found, strict=True) if one.NodeClass == ua.NodeClass.Variable]
    told = {one.address: one for one in await describe(session, dict.fromkeys(variables, ""), values=True)}
    out = []
    for node, one in zip(nodes, found, strict=True):
        address = address_of(node, session.spaces)
        name = one.BrowseName.Name or node.to_string()
        if address in told:
            known = told[address]
            out.append(Browsed(address, name, known.type, known.unit, True, known.value))
        else:
            kind = one.TypeDefinition
            out.append(Browsed(address, name, _type_name(kind), "", False))
    return out


async def search(session: Session, wanted: Below) -> dict[ua.NodeId, str]:
    """All variables below a node whose names fit, with those names.

    Parameters
    ----------
    session : open
    wanted : root, patterns, depth
    """
    root = resolve(parse(wanted.root), session.spaces)
    level: list[tuple[ua.NodeId, tuple[str, ...]]] = [(root, ())]
    seen, found = {root}, dict[ua.NodeId, str]()
    taken: set[str] = set()
    for _ in range(wanted.depth):
        following: list[tuple[ua.NodeId, tuple[str, ...]]] = []
        listed = await session.browse([node for node, _ in level])
        for (_, path), references in zip(level, listed, strict=True):
            for one in references:
                node = _plain(one.NodeId)
                if node in seen or (node == _SERVER and not any(say.startswith("Server") for say in wanted.include)):
                    continue
                if one.ReferenceTypeId == _PROPERTY and not wanted.properties:
                    continue
                seen.add(node)
                here = (*path, one.BrowseName.Name or node.to_string())
                following.append((node, here))
                name = joined(here)
                if one.NodeClass == ua.NodeClass.Variable and chosen(name, wanted.include, wanted.exclude):
                    found[node] = name if name not in taken else f"{name} {node.to_string()}"
                    taken.add(found[node])
        if not following or len(seen) > _MOST_NODES:
            break
        level = following
    return found


async def describe(session: Session, nodes: Mapping[ua.NodeId, str], *, values: bool = False) -> list[Browsed]:
    """Type and unit of variables.

    Parameters
    ----------
    session : open
    nodes : with their names
    values : whether they are looked at too
    """
    listed = list(nodes)
    types = await session.read(listed, ua.AttributeIds.DataType)
    units = await _units(session, listed)
    looked: Sequence[Any] = await session.read(listed) if values else [None] * len(listed)
    return [
        Browsed(
            address_of(node, session.spaces), nodes[node], _type_name(kind[1]), units.get(node, ""), True, _shown(value)
        )
        for node, kind, value in zip(listed, types, looked, strict=True)
    ]


async def _units(session: Session, nodes: Sequence[ua.NodeId]) -> dict[ua.NodeId, str]:
    told = zip(nodes, await session.children(nodes, "EngineeringUnits"), strict=True)
    having = {node: _plain(child) for node, child in told if child is not None}
    read = await session.read(list(having.values()))
    return {node: unit_of(datum[1]) for node, datum in zip(having, read, strict=True)}


def _plain(node: Any) -> ua.NodeId:
    """A node id without the server index that browsing adds to it."""
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)


def _type_name(node: Any) -> str:
    if not isinstance(node, ua.NodeId):
        return ""
    if node.NamespaceIndex == 0 and isinstance(node.Identifier, int):
        return str(ua.ObjectIdNames.get(node.Identifier, node.to_string()))
    return str(node.to_string())


def _shown(datum: Any) -> str:
    if datum is None:
        return ""
    batch = Batch()
    batch.add("", datum, 0)
    shown = [
        text if text is not None else f"{number:.10g}"
        for text, number in zip(batch.text[:20], batch.value[:20], strict=True)
    ]
    return ", ".join(shown)
