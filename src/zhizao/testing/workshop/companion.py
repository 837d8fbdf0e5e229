"""Machines as the companion specifications describe them, from nodesets that the user brings; none ships with zhizao."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from defusedxml.ElementTree import fromstring

from zhizao.errors import InputError
from zhizao.testing.workshop.signals import Value

__all__ = ["Mirror", "build_machine", "import_nodesets"]

_XML = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}"
_BASE = "http://opcfoundation.org/UA/"
DI, IA = _BASE + "DI/", _BASE + "IA/"
MACHINERY, TOOL = _BASE + "Machinery/", _BASE + "MachineTool/"
JOBS, ISA95 = _BASE + "Machinery/Jobs/", _BASE + "ISA95-JOBCONTROL_V2/"
WANTED = (DI, IA, MACHINERY, TOOL, JOBS, ISA95)
_UNCOUNTED = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Mirror:
    """A node that shows a signal too.

    Parameters
    ----------
    signal : name of the signal
    node : id of the node
    shown : the signal's value as the node's
    """

    signal: str
    node: ua.NodeId
    shown: Callable[[Value], ua.Variant]


async def import_nodesets(server: Server, folder: Path) -> dict[str, int]:
    """Import the companion nodesets of a folder, each after those it needs.

    Parameters
    ----------
    server : made, not yet started
    folder : of files `*.xml` or `*.xml.gz`; those of other models are left alone

    Returns
    -------
    Index of each namespace by its URI.

    Raises
    ------
    InputError : one that is wanted is not there, or cannot be read
    """
    texts: dict[str, bytes] = {}
    needs: dict[str, list[str]] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.name.lower().endswith((".xml", ".xml.gz")):
            _look(file, texts, needs)
    missing = [uri for uri in WANTED if uri not in texts]
    if missing:
        raise InputError(
            f"no nodeset of {', '.join(missing)} is there",
            where=str(folder),
            fix="the OPC Foundation publishes them in its repository UA-Nodeset",
            code="no_nodeset",
        )
    done: list[str] = []

    async def bring(uri: str) -> None:
        if uri in done or uri not in texts:
            return
        done.append(uri)
        for other in needs[uri]:
            await bring(other)
        await server.import_xml(xmlstring=texts[uri], strict_mode=False)

    for uri in WANTED:
        await bring(uri)
    return {uri: index for index, uri in enumerate(await server.get_namespace_array())}


def _look(file: Path, texts: dict[str, bytes], needs: dict[str, list[str]]) -> None:
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        models = fromstring(data).find(f"{_XML}Models")
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"the nodeset cannot be read: {error}", where=str(file), code="bad_nodeset") from error
    for model in models if models is not None else []:
        uri = model.get("ModelUri", "")
        texts[uri] = data
        needs[uri] = [one.get("ModelUri", "") for one in model.findall(f"{_XML}RequiredModel")]


async def build_machine(server: Server, spaces: Mapping[str, int], own: int, name: str) -> list[Mirror]:
    """A machine tool below the Machines folder, with the parts that the workshop can fill.

    Parameters
    ----------
    server : with the nodesets imported
    spaces : indices of namespaces
    own : index of the namespace of instances
    name : of the machine

    Returns
    -------
    Nodes to be kept up with signals.
    """
    tool, machinery = spaces[TOOL], spaces[MACHINERY]
    folder = server.get_node(ua.NodeId(1001, machinery))
    machine = await folder.add_object(
        ua.NodeId(f"machines/{name}", own),
        ua.QualifiedName(name, own),
        objecttype=ua.NodeId(13, tool),
        instantiate_optional=False,
    )
    await _identify(machine, name)
    mirrors = await _blocks(server, machine, spaces, own, name)
    production = await _child(machine, "Production")
    monitoring = await _child(machine, "Monitoring", "MachineTool")
    program = await _child(production, "ActiveProgram")
    mirrors += [
        Mirror(f"{name}/order", (await _child(program, "Name")).nodeid, _text),
        Mirror(
            f"{name}/mode",
            (await _child(monitoring, "OperationMode")).nodeid,
            lambda value: ua.Variant(1 if value == "Processing" else 0, ua.VariantType.Int32),
        ),
    ]
    override = await _variable(monitoring, own, tool, f"{name}/FeedOverride", "FeedOverride", 100.0, "Double")
    mirrors.append(Mirror(f"{name}/feed override", override, lambda value: ua.Variant(value, ua.VariantType.Double)))
    statistics = await production.add_object(
        ua.NodeId(f"machines/{name}/Statistics", own),
        ua.QualifiedName("Statistics", tool),
        objecttype=ua.NodeId(20, tool),
        instantiate_optional=False,
    )
    parts = await _variable(statistics, own, tool, f"{name}/parts", "PartsProducedInLifetime", 0, "UInt32")
    mirrors.append(
        Mirror(f"{name}/parts", parts, lambda value: ua.Variant(int(value) % (_UNCOUNTED + 1), ua.VariantType.UInt32))
    )
    spindle = await (await _child(machine, "Monitoring")).add_object(
        ua.NodeId(f"machines/{name}/Spindle", own),
        ua.QualifiedName("Spindle", own),
        objecttype=ua.NodeId(22, tool),
        instantiate_optional=False,
    )
    load = await _variable(spindle, own, own, f"{name}/SpindleLoad", "Load", 0.0, "Double")
    mirrors.append(Mirror(f"{name}/spindle/load", load, lambda value: ua.Variant(value, ua.VariantType.Double)))
    return mirrors


async def _identify(machine: Any, name: str) -> None:
    """Who made it."""
    plate = await _child(machine, "Identification")
    told = {
        "Manufacturer": ua.LocalizedText("zhizao workshop"),
        "SerialNumber": name,
        "ProductInstanceUri": f"urn:zhizao:workshop:{name.replace(' ', '_')}",
    }
    for what, value in told.items():
        await (await _child(plate, what)).write_value(value)


async def _blocks(server: Server, machine: Any, spaces: Mapping[str, int], own: int, name: str) -> list[Mirror]:
    """State, mode and job control: the building blocks of OPC UA for Machinery."""
    machinery = spaces[MACHINERY]
    path = f"machines/{name}/MachineryBuildingBlocks"
    blocks = await machine.add_object(
        ua.NodeId(path, own), ua.QualifiedName("MachineryBuildingBlocks", machinery), objecttype=ua.NodeId(61)
    )
    mirrors = []
    for signal, block, kind in (("state", "MachineryItemState", 1002), ("mode", "MachineryOperationMode", 1008)):
        state = await blocks.add_object(
            ua.NodeId(f"{path}/{block}", own),
            ua.QualifiedName(block, machinery),
            objecttype=ua.NodeId(kind, machinery),
            instantiate_optional=False,
        )
        current = await _child(state, "CurrentState")
        ids = await _states(server, ua.NodeId(kind, machinery))
        mirrors.append(
            Mirror(
                f"{name}/{signal}",
                current.nodeid,
                lambda value: ua.Variant(ua.LocalizedText(str(value)), ua.VariantType.LocalizedText),
            )
        )
        mirrors.append(
            Mirror(
                f"{name}/{signal}",
                (await _child(current, "Id")).nodeid,
                _named(ids),
            )
        )
    jobs = await blocks.add_object(
        ua.NodeId(f"{path}/JobManagement", own),
        ua.QualifiedName("JobManagement", spaces[JOBS]),
        objecttype=ua.NodeId(1003, spaces[JOBS]),
        instantiate_optional=False,
    )
    control = await _child(jobs, "JobOrderControl")
    listed = await _child(control, "JobOrderList")
    mirrors.append(Mirror(f"{name}/order", listed.nodeid, _job_list))
    return mirrors


def _job_list(order: Value) -> ua.Variant:
    """The job list of ISA-95 job control with the order that runs."""
    entries = []
    if order:
        entry = ua.ISA95JobOrderAndStateDataType()
        entry.JobOrder = ua.ISA95JobOrderDataType()
        entry.JobOrder.JobOrderID = str(order)
        state = ua.ISA95StateDataType()
        state.StateText, state.StateNumber = ua.LocalizedText("Running"), 3
        entry.State = [state]
        entries.append(entry)
    return ua.Variant(entries, ua.VariantType.ExtensionObject, is_array=True)


async def _child(node: Any, *names: str) -> Any:
    """Child of a node by browse names, whatever their namespaces, which differ between versions of the nodesets."""
    for name in names:
        for one in await node.get_children():
            if (await one.read_browse_name()).Name == name:
                node = one
                break
        else:
            raise InputError(f'a machine of these nodesets has no "{name}"', fix="use the published nodesets")
    return node


async def _states(server: Server, kind: ua.NodeId) -> dict[str, ua.NodeId]:
    """State objects of a state machine type, by name."""
    children = await server.get_node(kind).get_children_descriptions()
    return {one.BrowseName.Name: ua.NodeId(one.NodeId.Identifier, one.NodeId.NamespaceIndex) for one in children}


def _named(ids: Mapping[str, ua.NodeId]) -> Callable[[Value], ua.Variant]:
    return lambda value: ua.Variant(ids.get(str(value), ua.NodeId()), ua.VariantType.NodeId)


def _text(value: Value) -> ua.Variant:
    return ua.Variant(str(value), ua.VariantType.String)


async def _variable(parent: Any, own: int, space: int, path: str, name: str, value: Any, kind: str) -> ua.NodeId:
    made = await parent.add_variable(
        ua.NodeId(f"machines/{path}", own), ua.QualifiedName(name, space), value, ua.VariantType[kind]
    )
    found: ua.NodeId = made.nodeid
    return found
