"""Node ids as people write them, tags made of browse paths, and patterns that choose among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote

from asyncua import ua

__all__ = ["Address", "address_of", "chosen", "joined", "parse", "resolve"]

_SHAPE = re.compile(r"(?:ns=(?P<index>\d{1,5});|nsu=(?P<uri>[^;]+);)?(?P<kind>[isgb])=(?P<id>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """A node id; its namespace is a URI where it is to outlive a restart of the server.

    Parameters
    ----------
    space : index of the namespace, or its URI
    kind : `i` number, `s` text, `g` GUID, `b` bytes in Base64
    identifier : as it is written
    """

    space: int | str
    kind: str
    identifier: str


def parse(text: str) -> Address:
    """Read a node id.

    Parameters
    ----------
    text : such as `ns=2;s=mill 1/load`, `nsu=urn:plant;i=7` or `i=85`

    Raises
    ------
    ValueError : it is not a node id

    Examples
    --------
    >>> parse("nsu=http://example.org/a%3Bb;i=7")
    Address(space='http://example.org/a;b', kind='i', identifier='7')
    """
    found = _SHAPE.fullmatch(text.strip())
    if found is None or (found["kind"] == "i" and not found["id"].isdecimal()):
        raise ValueError(f'"{text}" is not a node id; write it as ns=2;s=name, nsu=urn:plant;s=name or ns=2;i=7')
    space = unquote(found["uri"]) if found["uri"] else int(found["index"] or 0)
    return Address(space, found["kind"], found["id"])


def resolve(address: Address, spaces: Sequence[str]) -> ua.NodeId:
    """Node id in a server.

    Parameters
    ----------
    address : as it was written
    spaces : the server's namespace array

    Raises
    ------
    ValueError : the server has no such namespace, or the identifier is not one of its kind
    """
    index = address.space
    if isinstance(index, str):
        if index not in spaces:
            raise ValueError(f'the server has no namespace "{index}"; it has {", ".join(spaces)}')
        index = spaces.index(index)
    try:
        return ua.NodeId.from_string(f"ns={index};{address.kind}={address.identifier}")
    except Exception as error:
        raise ValueError(f'"{address.identifier}" is not an identifier of kind {address.kind}') from error


def address_of(node: ua.NodeId, spaces: Sequence[str]) -> str:
    """A node id as text that stays right when the server numbers its namespaces anew.

    >>> address_of(ua.NodeId("load", 1), ["http://opcfoundation.org/UA/", "urn:plant"])
    'nsu=urn:plant;s=load'
    """
    text = str(ua.NodeId(node.Identifier, 0, node.NodeIdType).to_string())
    if node.NamespaceIndex == 0:
        return text
    if node.NamespaceIndex < len(spaces):
        uri = spaces[node.NamespaceIndex].replace("%", "%25").replace(";", "%3B")
        return f"nsu={uri};{text}"
    return f"ns={node.NamespaceIndex};{text}"


def joined(parts: Iterable[str]) -> str:
    """Browse names as the name of a tag; a `/` within a part would make two of it.

    >>> joined(["mill 1", "spindle/load"])
    'mill 1/spindle_load'
    """
    return "/".join(part.replace("/", "_").strip() or "_" for part in parts)


def chosen(name: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether a name is among those that are meant; patterns have `*`, `?` and `[...]`, and `*` goes over `/`.

    >>> chosen("mill 1/spindle/load", ["mill*"], ["*/alarm/*"])
    True
    """
    return any(fnmatchcase(name, one) for one in include) and not any(fnmatchcase(name, one) for one in exclude)
