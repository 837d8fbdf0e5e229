"""Assets: cutting tools, fixtures, raw materials and whatever else an agent or an adapter tells, as figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from zhizao.sense.mtconnect.xml import Node

__all__ = ["Asset", "Assets", "assets_of"]

MAX_FIGURES = 2_000
_TELLING = ("type", "code", "indices", "key", "name", "id", "itemId", "assetId", "idRef")
"""Attributes that tell one element from the next of the same name."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset.

    Parameters
    ----------
    id : asset id; empty when it has none
    type : name of its element, such as `CuttingTool`
    timestamp : when it last changed, as written
    device : uuid of the device that told it
    removed : whether it is there no longer
    attributes : all of its own attributes
    figures : its texts and numbers by path, such as `CuttingToolLifeCycle/ToolLife[MINUTES]`
    left_out : figures that were more than are taken
    """

    id: str
    type: str
    timestamp: str = ""
    device: str = ""
    removed: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Assets:
    """Answer to `asset` or `assets`, or an asset alone."""

    header: Mapping[str, str]
    assets: tuple[Asset, ...]


def assets_of(root: Node) -> Assets:
    """Assets of an `MTConnectAssets` document, or of an asset's own element.

    Examples
    --------
    >>> from zhizao.sense.mtconnect.xml import read_xml
    >>> tool, = assets_of(read_xml(b'<CuttingTool assetId="T1"><CuttingToolLifeCycle><ToolLife type="MINUTES" '
    ...                            b'limit="90">12</ToolLife></CuttingToolLifeCycle></CuttingTool>')).assets
    >>> tool.id, tool.figures
    ('T1', {'CuttingToolLifeCycle/ToolLife[MINUTES]': '12', 'CuttingToolLifeCycle/ToolLife[MINUTES]/@limit': '90'})
    """
    header = root.child("Header")
    if root.tag == "MTConnectAssets":
        nodes = list(root.below("Assets"))
    elif root.tag == "Assets":
        nodes = root.children
    else:
        nodes = [root]
    return Assets(header.attributes if header else {}, tuple(_asset(node) for node in nodes))


def _asset(node: Node) -> Asset:
    figures: dict[str, str] = {}
    left_out = 0
    seen: Counter[str] = Counter()
    for path, text in _figures(node, ""):
        if len(figures) >= MAX_FIGURES:
            left_out += 1
            continue
        seen[path] += 1
        figures[f"{path}#{seen[path]}" if seen[path] > 1 else path] = text
    return Asset(
        node.get("assetId"),
        node.tag,
        node.get("timestamp"),
        node.get("deviceUuid"),
        node.get("removed") == "true",
        node.attributes,
        figures,
        left_out,
    )


def _figures(node: Node, path: str) -> Iterator[tuple[str, str]]:
    if node.text and path:
        yield path, node.text
    for child in node.children:
        mark = next((child.get(name) for name in _TELLING if child.get(name)), "")
        below = f"{path}/{child.tag}" if path else child.tag
        yield from _figures(child, f"{below}[{mark}]" if mark else below)
    if path:
        for name, value in node.attributes.items():
            if name not in _TELLING:
                yield f"{path}/@{name}", value
