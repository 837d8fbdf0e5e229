"""The structure of a composite index as data: which indicator stands under which group, with weight and direction.

Rows may carry the headings of a COINr `iMeta` table, those of zhizao, or Chinese ones. A structure that exists is
whole: one top, no cycle, every parent known, weights that can be used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import Fault, FaultsFound, InputError

__all__ = ["Floats", "Group", "Node", "Structure"]

Floats = NDArray[np.float64]
"""Array of floats; a missing value is NaN."""

HEADS = {
    "code": ("icode", "code", "代码"),
    "level": ("level", "层级"),
    "name": ("iname", "name", "名称"),
    "direction": ("direction", "方向"),
    "weight": ("weight", "权重"),
    "unit": ("unit", "单位"),
    "target": ("target", "目标"),
    "denominator": ("denominator", "分母"),
    "parent": ("parent", "上级"),
    "type": ("type", "类型"),
    "low": ("low", "下限"),
    "high": ("high", "上限"),
}
TYPES = {
    "indicator": "indicator",
    "指标": "indicator",
    "aggregate": "aggregate",
    "汇总": "aggregate",
    "group": "group",
    "分组": "group",
    "denominator": "denominator",
    "分母": "denominator",
}
RESERVED = frozenset({"unit", "rank", "rank low", "rank high", "rank median", "rank best", "rank worst"})
"""Names that tables of results need for themselves."""
_EMPTY = {"", "na", "nan", "n/a", "none", "null", "-"}


@dataclass(frozen=True, slots=True)
class Node:
    """An indicator or a group of them.

    Parameters
    ----------
    code : unique name, a column of the data for an indicator
    parent : code of the group above; empty for the top
    weight : weight beside its siblings, 0 or more
    direction : 1 where more is better, -1 where less is better
    name, unit : words for people
    denominator : column by which the indicator is divided; empty for none
    target : value to be reached, for distance to target
    low, high : goalposts, fixed over time
    """

    code: str
    parent: str = ""
    weight: float = 1.0
    direction: int = 1
    name: str = ""
    unit: str = ""
    denominator: str = ""
    target: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True)
class Group:
    """An aggregate and where its children stand among the nodes."""

    code: str
    at: int
    children: tuple[int, ...]
    level: int


@dataclass(frozen=True, slots=True)
class Structure:
    """Nodes in order: indicators first, then groups so that children stand before their parent.

    Parameters
    ----------
    nodes : indicators, then groups, the top last
    indicators : how many of them are indicators
    groups : one for each aggregate, in the order in which they are computed
    groupings : columns by which units may be grouped
    """

    nodes: tuple[Node, ...]
    indicators: int
    groups: tuple[Group, ...]
    groupings: tuple[str, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the indicators, in order."""
        return tuple(node.code for node in self.nodes[: self.indicators])

    @property
    def top(self) -> str:
        """Code of the index."""
        return self.nodes[-1].code

    def shown(self) -> tuple[tuple[int, Node], ...]:
        """Nodes as a reader wants them, each with its place: the index, groups from the top down, indicators."""
        told = list(enumerate(self.nodes))
        return (*reversed(told[self.indicators :]), *told[: self.indicators])

    def column(self, field: str) -> Floats:
        """One numeric field of all nodes, shape `(nodes,)`."""
        return np.array([getattr(node, field) for node in self.nodes], dtype=np.float64)

    @classmethod
    def of(cls, nodes: Sequence[Node], *, groupings: Sequence[str] = (), where: str = "structure") -> Structure:
        """A whole structure from its nodes, in any order.

        Raises
        ------
        FaultsFound : with every fault: code given twice, parent unknown, cycle, several tops, weights that do not sum

        Examples
        --------
        >>> built = Structure.of([Node("a", "I"), Node("b", "I"), Node("I")])
        >>> built.codes, built.top, built.groups[0].children
        (('a', 'b'), 'I', (0, 1))
        """
        faults: list[Fault] = []

        def wrong(what: str, at: str, fix: str, code: str) -> None:
            faults.append(Fault(what, where=f"{where}, {at}" if at else where, fix=fix, code=code))

        by_code: dict[str, Node] = {}
        for node in nodes:
            if node.code in by_code:
                wrong("the code is given twice", node.code, "keep one of the rows", "duplicate_code")
            by_code[node.code] = node
            if node.code.lower() in RESERVED:
                wrong("the code is a name that the results need", node.code, "call it otherwise", "reserved")
        children: dict[str, list[str]] = {}
        for node in by_code.values():
            if node.parent:
                children.setdefault(node.parent, []).append(node.code)
            if node.direction not in (1, -1):
                wrong(f"direction {node.direction} is neither 1 nor -1", node.code, "write 1 or -1", "bad_direction")
            if not (math.isfinite(node.weight) and node.weight >= 0):
                wrong(f"weight {node.weight} cannot be used", node.code, "write 0 or more", "bad_weight")
        for parent in children:
            if parent not in by_code:
                wrong(
                    f'parent "{parent}" is not among the codes',
                    children[parent][0],
                    "add its row or correct the name",
                    "unknown_parent",
                )
        tops = [node.code for node in by_code.values() if not node.parent]
        depth = _depths(by_code)
        cycling = [code for code, at in depth.items() if at < 0]
        if cycling:
            wrong(f"the hierarchy runs in a circle: {', '.join(cycling[:5])}", "", "give one a parent above", "cycle")
        elif len(tops) != 1:
            wrong(
                f"{len(tops)} codes have no parent: {', '.join(tops[:5])}" if tops else "there is no top",
                "",
                "leave exactly one code, the index, without a parent",
                "no_single_top",
            )
        elif tops[0] not in children:
            wrong("the index has nothing under it", tops[0], "name it as parent of others", "empty_index")
        for parent, names in children.items():
            _check_weights(parent, [by_code[name].weight for name in names], wrong)
        if faults:
            raise FaultsFound("the structure of the index cannot be used", faults, where=where)
        leaves = [node for node in by_code.values() if node.code not in children]
        heights = _heights(by_code, children)
        upper = sorted((node for node in by_code.values() if node.code in children), key=lambda n: heights[n.code])
        ordered = (*leaves, *upper)
        place = {node.code: at for at, node in enumerate(ordered)}
        groups = tuple(
            Group(node.code, place[node.code], tuple(place[one] for one in children[node.code]), heights[node.code])
            for node in upper
        )
        return cls(ordered, len(leaves), groups, tuple(groupings))

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, object]], *, where: str = "structure") -> Structure:
        """A structure from the rows of a table with COINr's, zhizao's or Chinese headings.

        Parameters
        ----------
        rows : cells by heading, as text or numbers; empty, NA and null mean that nothing is said
        where : name of the table, for messages

        Raises
        ------
        InputError : when a needed heading is missing
        FaultsFound : with every fault of the rows
        """
        if not rows:
            raise InputError("the structure has no rows", where=where, fix="write one row per code", code="no_rows")
        seen = {str(head).strip().lower(): head for head in rows[0]}
        heads = {key: seen[one] for key, names in HEADS.items() for one in names if one in seen}
        for key in ("code", "parent"):
            if key not in heads:
                raise InputError(
                    f'there is no column "{key}" among {", ".join(map(str, rows[0]))}',
                    where=where,
                    fix="name the columns code, parent, weight, direction, type (or as in a COINr iMeta table)",
                    code="missing_column",
                )
        faults: list[Fault] = []

        def text(row: Mapping[str, object], key: str) -> str:
            cell = row.get(heads[key]) if key in heads else None
            said = "" if cell is None else str(cell).strip()
            return "" if said.lower() in _EMPTY else said

        def number(row: Mapping[str, object], key: str, absent: float) -> float:
            said = text(row, key)
            try:
                value = float(said) if said else absent
            except ValueError:
                value = math.inf
            if math.isinf(value):
                at = f"{where}, {text(row, 'code')}, {key}"
                faults.append(Fault(f'"{said}" is not a number', where=at, fix="write a number", code="bad_number"))
                return absent
            return value

        nodes: list[Node] = []
        groupings: list[str] = []
        known = {text(row, "parent") for row in rows}
        for at, row in enumerate(rows):
            code, said = text(row, "code"), text(row, "type").lower()
            kind = TYPES.get(said, "" if said else "aggregate" if code in known else "indicator")
            if not code:
                faults.append(Fault("the row has no code", where=f"{where}, row {at + 2}", fix="write it or delete it"))
            elif kind == "group":
                groupings.append(code)
            elif kind in ("indicator", "aggregate"):
                direction = number(row, "direction", 1.0)
                nodes.append(
                    Node(
                        code=code,
                        parent=text(row, "parent"),
                        weight=number(row, "weight", 1.0),
                        direction=int(direction) if direction in (1.0, -1.0) else 0,
                        name=text(row, "name"),
                        unit=text(row, "unit"),
                        denominator=text(row, "denominator"),
                        target=number(row, "target", math.nan),
                        low=number(row, "low", math.nan),
                        high=number(row, "high", math.nan),
                    )
                )
                if kind == "aggregate" and code not in known:
                    faults.append(Fault("an aggregate has nothing under it", where=f"{where}, {code}", fix="remove it"))
                if kind == "indicator" and code in known:
                    faults.append(Fault("an indicator is a parent", where=f"{where}, {code}", fix="call it aggregate"))
            elif kind == "":
                faults.append(
                    Fault(
                        f'"{said}" is no type',
                        where=f"{where}, {code}",
                        fix="write indicator, aggregate, group or denominator",
                        code="bad_type",
                    )
                )
        if faults:
            raise FaultsFound("the structure of the index cannot be read", faults, where=where)
        return cls.of(nodes, groupings=groupings, where=where)


def _depths(nodes: Mapping[str, Node]) -> dict[str, int]:
    """Steps from each node to its top; -1 for those that never arrive."""
    out: dict[str, int] = {}
    for code in nodes:
        walked, at = [code], nodes[code].parent
        while at and at in nodes and at not in walked:
            walked.append(at)
            at = nodes[at].parent
        out[code] = -1 if at in walked else len(walked)
    return out


def _heights(nodes: Mapping[str, Node], children: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Level of each node: 1 for indicators, one more than the highest child for groups."""
    out: dict[str, int] = {}

    def height(code: str) -> int:
        if code not in out:
            out[code] = 1 + max((height(one) for one in children.get(code, ())), default=0)
        return out[code]

    for code in nodes:
        height(code)
    return out


def _check_weights(parent: str, weights: Sequence[float], wrong: object) -> None:
    total = math.fsum(weights)
    assert callable(wrong)
    if not total > 0:
        wrong("the weights of its children sum to nothing", parent, "give at least one a weight", "weights_do_not_sum")
    elif len(weights) > 1 and all(0 <= one < 1 for one in weights) and abs(total - 1) > 1e-6:
        wrong(
            f"the weights of its children are shares that sum to {total:.6g}, not 1",
            parent,
            "make them sum to 1, or write relative weights with the largest at 1 or more",
            "weights_do_not_sum",
        )
