"""The process map: operations from left to right in the order in which work comes to them, links by how much goes along.

Drawn as SVG by a small layered layout: columns by mean place in the route, rows by the middle of the neighbours.
"""

from __future__ import annotations

from html import escape
from typing import Any

from zhizao.app.pages.shell import Frame

__all__ = ["flow_map", "layers"]

WIDE, HIGH, GAP_X, GAP_Y = 140, 46, 58, 26
MOST = 28


def layers(nodes: list[dict[str, Any]], links: list[dict[str, Any]]) -> list[list[str]]:
    """Columns of operations.

    Parameters
    ----------
    nodes : with operation, visits and place (mean position in the route)
    links : with operation, following and len

    Examples
    --------
    >>> nodes = [{"operation": "saw", "visits": 2, "place": 0.0}, {"operation": "mill", "visits": 2, "place": 1.0}]
    >>> layers(nodes, [{"operation": "saw", "following": "mill", "len": 2}])
    [['saw'], ['mill']]
    """
    names = [node["operation"] for node in sorted(nodes, key=lambda n: (n["place"], n["operation"]))]
    rank = {name: at for at, name in enumerate(names)}
    share: dict[tuple[str, str], int] = {(one["operation"], one["following"]): one["len"] for one in links}
    visits = {node["operation"]: node["visits"] for node in nodes}
    level: dict[str, int] = {}
    for name in names:
        before = [
            a
            for (a, b), count in share.items()
            if b == name and rank.get(a, 0) < rank[name] and a in level and count >= 0.12 * visits[name]
        ]
        level[name] = max((level[a] + 1 for a in before), default=0)
    out: list[list[str]] = [[] for _ in range(max(level.values(), default=0) + 1)]
    for name in names:
        out[level[name]].append(name)
    place: dict[str, float] = {}
    for column in out:
        weight = {
            name: [(place[a], count) for (a, b), count in share.items() if b == name and a in place] for name in column
        }
        middle = {
            name: sum(p * c for p, c in near) / sum(c for _, c in near) if near else float(column.index(name))
            for name, near in weight.items()
        }
        column.sort(key=lambda name: (middle[name], name))
        for at, name in enumerate(column):
            place[name] = at - (len(column) - 1) / 2
    return out


def flow_map(frame: Frame, found: dict[str, Any]) -> str:
    """The map as SVG with words for those who cannot see it."""
    t = frame.t
    nodes = sorted(found["nodes"], key=lambda n: -n["visits"])[:MOST]
    kept = {node["operation"] for node in nodes}
    links = [one for one in found["links"] if one["operation"] in kept and one["following"] in kept]
    columns = layers(nodes, links)
    rows = max((len(column) for column in columns), default=1)
    width = len(columns) * (WIDE + GAP_X) - GAP_X + 24
    height = rows * (HIGH + GAP_Y) + 70
    at: dict[str, tuple[float, float]] = {}
    for i, column in enumerate(columns):
        top = (height - 40 - len(column) * (HIGH + GAP_Y) + GAP_Y) / 2
        for j, name in enumerate(column):
            at[name] = (12 + i * (WIDE + GAP_X), top + j * (HIGH + GAP_Y))
    most = max((one["len"] for one in links), default=1)
    hot = max(nodes, key=lambda n: n["hours"] or 0)["operation"] if nodes else ""
    lines = []
    for one in sorted(links, key=lambda link: link["len"]):
        if one["len"] < 0.01 * found["orders"]:
            continue
        lines.append(_link(at[one["operation"]], at[one["following"]], one["len"], most, t.count(one["len"])))
    boxes = []
    for node in nodes:
        x, y = at[node["operation"]]
        name = str(node["operation"])
        short = name if len(name) <= 17 else name[:16] + "…"
        said = t("twin.node", orders=t.count(node["orders"]), hours=t.hours(node["hours"]))
        boxes.append(
            f'<g class="node{" hot" if name == hot else ""}"><title>{escape(name)}: {escape(said)}</title>'
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDE}" height="{HIGH}" rx="7"/>'
            f'<text x="{x + 10:.0f}" y="{y + 19:.0f}" font-weight="600">{escape(short)}</text>'
            f'<text class="dim" x="{x + 10:.0f}" y="{y + 36:.0f}">{escape(said)}</text></g>'
        )
    label = t("twin.map.label", n=len(nodes))
    arrow = (
        '<defs><marker id="zz-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" style="fill:var(--c3);stroke:none;opacity:1"/></marker></defs>'
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" style="width:100%;max-width:{width}px;min-width:{0.8 * width:.0f}px" role="img" aria-label="{escape(label)}">'
        f"{arrow}{''.join(lines)}{''.join(boxes)}</svg>"
    )


def _link(a: tuple[float, float], b: tuple[float, float], count: int, most: int, said: str) -> str:
    thick = 1 + 7 * count / most
    style = f'stroke-width="{thick:.1f}" marker-end="url(#zz-arrow)"'
    x1, y1, x2, y2 = a[0] + WIDE, a[1] + HIGH / 2, b[0] - 2, b[1] + HIGH / 2
    title = f"<title>{escape(said)}</title>"
    if b[0] > a[0]:
        bend = max(30.0, (x2 - x1) / 2)
        return f'<path d="M{x1:.0f} {y1:.0f} C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}" {style}>{title}</path>'
    # back to an earlier operation: below the boxes, in the colour of rework
    x1, x2 = a[0] + WIDE / 2, b[0] + WIDE / 2
    y1, y2 = a[1] + HIGH, b[1] + HIGH + 2
    low = max(y1, y2) + 24 + min(40.0, abs(x1 - x2) * 0.05)
    return f'<path class="loop" d="M{x1:.0f} {y1:.0f} C{x1:.0f} {low:.0f} {x2:.0f} {low:.0f} {x2:.0f} {y2:.0f}" {style}>{title}</path>'
