"""The answer to `probe`: devices, their components and data items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from zhizao.sense.mtconnect.xml import Node

__all__ = ["Component", "DataItem", "Device", "Devices", "devices_of"]


@dataclass(frozen=True, slots=True)
class DataItem:
    """What a machine tells: one data item.

    Parameters
    ----------
    id : unique in the document
    category : SAMPLE, EVENT or CONDITION
    type, sub_type : what it is
    name : as its adapter says it; may be empty
    source : name at its adapter, where it differs
    units, native_units : as the standard writes them (`MILLIMETER/SECOND`)
    native_scale : the native value is this many times the unit; 0 when absent
    representation : VALUE, TIME_SERIES, DATA_SET, TABLE or DISCRETE
    statistic : such as AVERAGE; empty for none
    sample_rate : values a second of a time series; 0 when absent
    reset : whether it can be reset, and by what
    constraint : the one value that it always has, if it has
    limits : minimum, maximum, nominal as far as declared
    choices : the values that it may have
    filters : MINIMUM_DELTA, PERIOD ... with their values
    discrete : whether equal values that follow each other are told
    composition : id of the composition that it belongs to
    component : id of the component in which it stands
    path : names of the components from the device down to it
    """

    id: str
    category: str
    type: str
    sub_type: str = ""
    name: str = ""
    source: str = ""
    units: str = ""
    native_units: str = ""
    native_scale: float = 0.0
    representation: str = "VALUE"
    statistic: str = ""
    sample_rate: float = 0.0
    reset: str = ""
    constraint: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    filters: tuple[tuple[str, float], ...] = ()
    discrete: bool = False
    composition: str = ""
    component: str = ""
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a device.

    Parameters
    ----------
    id, type, name, native_name : type is its element's name, such as `Rotary`
    uuid : where it has one
    description : text and maker's data
    items : its own data items
    components : its own parts
    compositions : id and type of each
    references : id and kind of what it refers to
    specifications : limits it declares: type, units and values
    configuration : its configuration as it stands; None without one
    """

    id: str
    type: str
    name: str = ""
    native_name: str = ""
    uuid: str = ""
    description: Mapping[str, str] = field(default_factory=dict)
    items: tuple[DataItem, ...] = ()
    components: tuple[Component, ...] = ()
    compositions: tuple[tuple[str, str], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    specifications: tuple[Mapping[str, str], ...] = ()
    configuration: Node | None = None

    def all_items(self) -> Iterator[DataItem]:
        """Data items of it and of all below it."""
        yield from self.items
        for component in self.components:
            yield from component.all_items()

    def all_components(self) -> Iterator[Component]:
        """It and all below it."""
        yield self
        for component in self.components:
            yield from component.all_components()


Device = Component
"""A device is the uppermost component; so is the agent itself since version 1.7."""


@dataclass(frozen=True, slots=True)
class Devices:
    """Answer to `probe`.

    Parameters
    ----------
    header : attributes of the header, empty where there is none
    version : version of the standard as its namespace says, or else its header; empty when neither does
    devices : in order
    faults : what was left out, in words
    """

    header: Mapping[str, str]
    version: str
    devices: tuple[Device, ...]
    faults: tuple[str, ...] = ()


def devices_of(root: Node) -> Devices:
    """Devices of an `MTConnectDevices` document, or of a `Devices` or `Device` element alone.

    Examples
    --------
    >>> from zhizao.sense.mtconnect.xml import read_xml
    >>> told = devices_of(read_xml(b'<Device id="d" name="M"><DataItems><DataItem id="x" type="POSITION" '
    ...                            b'category="SAMPLE" units="MILLIMETER"/></DataItems></Device>'))
    >>> [(item.id, item.type, item.units) for device in told.devices for item in device.all_items()]
    [('x', 'POSITION', 'MILLIMETER')]
    """
    header = root.child("Header")
    if root.tag == "Devices":
        given = root.children
    elif root.tag == "Device":
        given = [root]
    else:
        given = [node for part in root.children if part.tag == "Devices" for node in part.children]
    faults: list[str] = []
    devices = tuple(_component(node, (), faults) for node in given)
    version = root.space.rpartition(":")[2] if ":" in root.space else ""
    return Devices(
        header.attributes if header else {},
        version or (header.get("version") if header else ""),
        devices,
        tuple(faults),
    )


def _component(node: Node, above: tuple[str, ...], faults: list[str]) -> Component:
    name = node.get("name") or node.get("nativeName") or node.get("id") or node.tag
    path = (*above, name)
    items: list[DataItem] = []
    parts: list[Component] = []
    compositions: list[tuple[str, str]] = []
    references: list[tuple[str, str]] = []
    specifications: list[Mapping[str, str]] = []
    description: dict[str, str] = {}
    configuration = None
    for child in node.children:
        match child.tag:
            case "DataItems":
                for one in child.children:
                    item = _item(one, node.get("id"), path, faults)
                    if item is not None:
                        items.append(item)
            case "Components":
                parts += [_component(one, path, faults) for one in child.children]
            case "Compositions":
                compositions += [(one.get("id"), one.get("type")) for one in child.children]
            case "References":
                references += [(one.get("idRef") or one.get("dataItemId"), one.tag) for one in child.children]
            case "Description":
                description = dict(child.attributes)
                if child.text:
                    description["text"] = " ".join(child.text.split())
            case "Configuration":
                configuration = child
                for one in child.below("Specifications"):
                    values = {leaf.tag: leaf.text for leaf in _leaves(one)}
                    specifications.append({**one.attributes, **values})
            case _:
                pass
    if not node.get("id"):
        faults.append(f"component {'/'.join(path)} has no id")
    return Component(
        node.get("id"),
        node.tag,
        node.get("name"),
        node.get("nativeName"),
        node.get("uuid"),
        description,
        tuple(items),
        tuple(parts),
        tuple(compositions),
        tuple(references),
        tuple(specifications),
        configuration,
    )


def _leaves(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.children:
            yield from _leaves(child)
        else:
            yield child


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _item(node: Node, component: str, path: tuple[str, ...], faults: list[str]) -> DataItem | None:
    if node.tag != "DataItem" and not (node.get("category") and node.get("type")):
        faults.append(f"{'/'.join(path)}: {node.tag} is not a data item")
        return None
    if not node.get("id"):
        faults.append(f"{'/'.join(path)}: data item {node.get('name') or node.get('type')} has no id")
        return None
    source = reset = constraint = ""
    limits: dict[str, float] = {}
    choices: list[str] = []
    filters: list[tuple[str, float]] = []

    def note_filter(one: Node) -> None:
        if (value := _number(one.text)) is not None:
            # Until version 1.3 a filter had no type and stood among the constraints.
            filters.append((one.get("type", "MINIMUM_DELTA"), value))

    for child in node.children:
        match child.tag:
            case "Source":
                source = child.text or child.get("dataItemId")
            case "ResetTrigger":
                reset = child.text
            case "Constraints":
                for one in child.children:
                    if one.tag == "Value":
                        choices.append(one.text)
                    elif one.tag == "Filter":
                        note_filter(one)
                    elif (value := _number(one.text)) is not None:
                        limits[one.tag.lower()] = value
            case "Filters":
                for one in child.children:
                    note_filter(one)
            case _:
                pass
    category = node.get("category").upper()
    if category not in ("SAMPLE", "EVENT", "CONDITION"):
        faults.append(f'data item {node.get("id")}: category "{category}" is not in the standard, read as EVENT')
        category = "EVENT"
    if len(choices) == 1:
        constraint = choices[0]
    return DataItem(
        id=node.get("id"),
        category=category,
        type=node.get("type").rpartition(":")[2],
        sub_type=node.get("subType").rpartition(":")[2],
        name=node.get("name"),
        source=source,
        units=node.get("units"),
        native_units=node.get("nativeUnits"),
        native_scale=_number(node.get("nativeScale")) or 0.0,
        representation=node.get("representation", "VALUE").upper(),
        statistic=node.get("statistic"),
        sample_rate=_number(node.get("sampleRate")) or 0.0,
        reset=reset,
        constraint=constraint,
        limits=limits,
        choices=tuple(choices),
        filters=tuple(filters),
        discrete=node.get("discrete") == "true" or node.get("representation") == "DISCRETE",
        composition=node.get("compositionId"),
        component=component,
        path=path,
    )
