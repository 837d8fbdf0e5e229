"""The graph of supply: whose loss splits it, and how far the loss of one supplier reaches.

Suppliers and buyers are nodes, deliveries are edges. A supplier whose removal splits the graph is a cut point, a delivery
whose removal does is a bridge (Tarjan 1972; Hopcroft and Tarjan 1973). Farther than that goes the reach: an enterprise
stops when for one of the products that it buys all its suppliers have stopped.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

__all__ = ["cut_points", "reach"]


def cut_points(edges: Iterable[tuple[str, str]]) -> tuple[set[str], set[tuple[str, str]]]:
    """Nodes and edges whose removal splits a part of the graph.

    Examples
    --------
    >>> nodes, bridges = cut_points([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])
    >>> sorted(nodes), sorted(bridges)
    (['c'], [('c', 'd')])
    """
    near: dict[str, set[str]] = defaultdict(set)
    for one, other in edges:
        if one != other:
            near[one].add(other)
            near[other].add(one)
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    points: set[str] = set()
    bridges: set[tuple[str, str]] = set()
    for root in near:
        if root in number:
            continue
        number[root] = low[root] = len(number)
        stack = [(root, "", iter(sorted(near[root])))]
        branches = 0
        while stack:
            node, parent, rest = stack[-1]
            for other in rest:
                if other == parent:
                    continue
                if other in number:
                    low[node] = min(low[node], number[other])
                    continue
                number[other] = low[other] = len(number)
                stack.append((other, node, iter(sorted(near[other]))))
                break
            else:
                stack.pop()
                if not stack:
                    continue
                above = stack[-1][0]
                low[above] = min(low[above], low[node])
                if low[node] > number[above]:
                    bridges.add((min(above, node), max(above, node)))
                if above == root:
                    branches += 1
                elif low[node] >= number[above]:
                    points.add(above)
        if branches > 1:
            points.add(root)
    return points, bridges


def reach(deliveries: Iterable[tuple[str, str, str, float]], lost: str) -> tuple[set[str], float]:
    """Enterprises that stop when one supplier is lost, and the share of all deliveries that stops with them.

    Parameters
    ----------
    deliveries : supplier, buyer, product, value above zero
    lost : the supplier that stops first

    Examples
    --------
    >>> chain = [("ore", "steel", "iron", 1.0), ("scrap", "steel", "iron", 1.0), ("steel", "car", "sheet", 3.0)]
    >>> reach(chain, "ore")[0] == {"ore"}, reach(chain, "steel")
    (True, ({'steel'}, 0.6))
    >>> sorted(reach([*chain, ("car", "fleet", "cars", 5.0)], "steel")[0])
    ['car', 'steel']
    """
    rows = list(deliveries)
    return _reach(*_tables(rows), lost)


_Tables = tuple[dict[tuple[str, str], set[str]], dict[str, set[tuple[str, str]]], dict[str, float], float]


def _tables(rows: list[tuple[str, str, str, float]]) -> _Tables:
    sources: dict[tuple[str, str], set[str]] = defaultdict(set)
    serves: dict[str, set[tuple[str, str]]] = defaultdict(set)
    sold: dict[str, float] = defaultdict(float)
    for supplier, buyer, product, value in rows:
        sources[buyer, product].add(supplier)
        serves[supplier].add((buyer, product))
        sold[supplier] += value
    return sources, serves, sold, sum(sold.values())


def _reach(
    sources: dict[tuple[str, str], set[str]],
    serves: dict[str, set[tuple[str, str]]],
    sold: dict[str, float],
    total: float,
    lost: str,
) -> tuple[set[str], float]:
    stopped, waiting = {lost}, deque([lost])
    left: dict[tuple[str, str], int] = {}
    while waiting:
        for need in serves.get(waiting.popleft(), ()):
            left[need] = left.get(need, len(sources[need])) - 1
            buyer = need[0]
            if left[need] == 0 and buyer not in stopped and buyer in serves:
                stopped.add(buyer)
                waiting.append(buyer)
    return stopped, sum(sold.get(one, 0.0) for one in stopped) / total if total else 0.0
