"""Answers to `current` and `sample`, and error documents: what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zhizao.sense.mtconnect.xml import Node

__all__ = ["Entry", "Header", "Observation", "Problem", "Streams", "header_of", "problem_of", "streams_of"]

LEVELS = ("NORMAL", "WARNING", "FAULT", "UNAVAILABLE")


@dataclass(frozen=True, slots=True)
class Header:
    """Head of an agent's answer; a number that is absent or no number is 0.

    Parameters
    ----------
    instance : changes whenever the agent forgets its buffer
    first, last : sequence numbers of the oldest and newest observation in the buffer
    next : sequence to ask for next
    buffer : how many observations the buffer holds
    version : of the agent
    sender : the agent's name of itself
    created : when the answer was made, as the agent writes it
    """

    instance: int = 0
    first: int = 0
    last: int = 0
    next: int = 0
    buffer: int = 0
    version: str = ""
    sender: str = ""
    created: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a data set, or one row of a table.

    Parameters
    ----------
    key : unique in the set
    value : as text; empty for a row
    cells : key and text of each cell of a row
    removed : whether it is there no longer
    """

    key: str
    value: str = ""
    cells: tuple[tuple[str, str], ...] = ()
    removed: bool = False


@dataclass(slots=True)
class Observation:
    """One thing observed, from an agent or straight from an adapter.

    Parameters
    ----------
    item : id of its data item, or the adapter's key
    category : SAMPLE, EVENT or CONDITION; empty where it is not known
    timestamp : as written
    value : its text; of a condition its message
    type : name of its element
    device : name of the device, or its uuid where it has no name
    name : name of the data item
    level : of a condition NORMAL, WARNING, FAULT or UNAVAILABLE
    sequence : number in the agent's buffer; 0 when absent
    more : its other attributes
    entries : of a data set or table; None where it is neither
    """

    item: str
    category: str
    timestamp: str
    value: str
    type: str = ""
    device: str = ""
    name: str = ""
    level: str = ""
    sequence: int = 0
    more: Mapping[str, str] = field(default_factory=dict)
    entries: tuple[Entry, ...] | None = None


@dataclass(frozen=True, slots=True)
class Streams:
    """Answer to `current` or `sample`.

    Parameters
    ----------
    header : head of the answer
    observations : in the order of the document
    unknown : elements that are no observation, such as ones without a data item
    """

    header: Header
    observations: tuple[Observation, ...]
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """An error document: codes and words of the agent."""

    header: Header
    errors: tuple[tuple[str, str], ...]

    def has(self, code: str) -> bool:
        """Whether one of the errors has a code, such as OUT_OF_RANGE."""
        return any(one == code for one, _ in self.errors)

    def __str__(self) -> str:
        return "; ".join(f"{code}: {text}" if text else code for code, text in self.errors) or "an error without a word"


def whole(text: str) -> int:
    """Whole number of an attribute; 0 when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0


def header_of(root: Node) -> Header:
    """Head of a document; all zero where it has none."""
    node = root.child("Header")
    if node is None:
        return Header()
    given = {key: whole(node.get(key)) for key in ("instanceId", "firstSequence", "lastSequence", "nextSequence")}
    return Header(
        given["instanceId"],
        given["firstSequence"],
        given["lastSequence"],
        given["nextSequence"],
        whole(node.get("bufferSize")),
        node.get("version"),
        node.get("sender"),
        node.get("creationTime"),
    )


_CATEGORY = {"Samples": "SAMPLE", "Events": "EVENT", "Condition": "CONDITION", "Conditions": "CONDITION"}


def streams_of(root: Node) -> Streams:
    """Observations of an `MTConnectStreams` document.

    Examples
    --------
    >>> from zhizao.sense.mtconnect.xml import read_xml
    >>> told = streams_of(read_xml(b'<MTConnectStreams><Header instanceId="1" nextSequence="8"/><Streams>'
    ...     b'<DeviceStream name="M" uuid="u"><ComponentStream component="Rotary" name="C"><Condition>'
    ...     b'<Fault dataItemId="t" timestamp="2024-01-01T00:00:00Z" sequence="7" nativeCode="E7">hot</Fault>'
    ...     b'</Condition></ComponentStream></DeviceStream></Streams></MTConnectStreams>'))
    >>> one, = told.observations
    >>> told.header.next, one.item, one.level, one.more["nativeCode"], one.value
    (8, 't', 'FAULT', 'E7', 'hot')
    """
    found: list[Observation] = []
    unknown = 0
    for device in root.below("Streams"):
        name = device.get("name") or device.get("uuid")
        for component in device.children:
            for group in component.children:
                category = _CATEGORY.get(group.tag, "")
                for node in group.children:
                    one = _observation(node, category, name)
                    if one is None:
                        unknown += 1
                    else:
                        found.append(one)
    return Streams(header_of(root), tuple(found), unknown)


def _observation(node: Node, category: str, device: str) -> Observation | None:
    attributes = node.attributes
    item = attributes.get("dataItemId") or attributes.get("name")
    if not item:
        return None
    tag = node.tag
    entries = None
    if node.children:
        entries = tuple(_entry(one) for one in node.children if one.tag == "Entry")
    elif tag.endswith(("DataSet", "Table")) and node.text != "UNAVAILABLE":
        entries = ()
    level = tag.upper() if category == "CONDITION" else ""
    return Observation(
        item,
        category,
        attributes.get("timestamp", ""),
        node.text,
        attributes.get("type", tag) if level else tag,
        device,
        attributes.get("name", ""),
        level,
        whole(attributes.get("sequence", "")),
        attributes,
        entries,
    )


def _entry(node: Node) -> Entry:
    cells = tuple((cell.get("key"), cell.text) for cell in node.children if cell.tag == "Cell")
    return Entry(node.get("key"), "" if cells else node.text, cells, node.get("removed") == "true")


def problem_of(root: Node) -> Problem:
    """Errors of an `MTConnectError` document, of any version.

    Examples
    --------
    >>> from zhizao.sense.mtconnect.xml import read_xml
    >>> str(problem_of(read_xml(b'<MTConnectError><Errors><Error errorCode="OUT_OF_RANGE">from 3</Error></Errors>'
    ...                         b'</MTConnectError>')))
    'OUT_OF_RANGE: from 3'
    """
    nodes = [node for node in root.children if node.tag != "Header"]
    errors = [one for node in nodes for one in (node.children if node.tag == "Errors" else [node])]
    return Problem(header_of(root), tuple((one.get("errorCode", one.tag), _words(one)) for one in errors))


def _words(node: Node) -> str:
    message = node.child("ErrorMessage")
    return message.text if message is not None else node.text
