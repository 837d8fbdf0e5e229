"""Routes of orders without their rework, and the rework that each inspection may send back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.mechanism.defects import Defects
from zhizao.decide.twin.mechanism.visits import Visits
from zhizao.decide.twin.shop import Ints

__all__ = ["Plan", "loops", "plan_of", "plans"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps of an order: its route, with rework behind each inspection that is done only when it finds something.

    Parameters
    ----------
    operation : (n,) code
    source : (n,) position in the route, of rework: of the step that it does again
    gate : (n,) index in the plan of the step that must have made bad pieces, -1 = always done
    """

    operation: Ints
    source: Ints
    gate: Ints


def loops(visits: Visits) -> dict[int, tuple[int, ...]]:
    """What is done when an operation is done again: its most usual sequence in the records, itself first."""
    found: dict[int, Counter[tuple[int, ...]]] = {}
    begins = visits.rework & np.concatenate([[True], ~visits.rework[:-1] | (visits.case[1:] != visits.case[:-1])])
    edge = np.flatnonzero(begins)
    ends = np.flatnonzero(
        visits.rework & np.concatenate([~visits.rework[1:] | (visits.case[1:] != visits.case[:-1]), [True]])
    )
    for a, b in zip(edge, ends, strict=True):
        sequence = tuple(visits.operation[a : b + 1].tolist())
        found.setdefault(sequence[0], Counter())[sequence[:6]] += 1
    return {operation: counts.most_common(1)[0][0] for operation, counts in found.items()}


def plan_of(route: tuple[int, ...], defects: Defects, again: dict[int, tuple[int, ...]]) -> Plan:
    """The plan of a route.

    Parameters
    ----------
    route : operations in order, without rework
    defects : which operations inspect, and whose bad pieces can be mended
    again : from `loops`
    """
    operation: list[int] = []
    source: list[int] = []
    gate: list[int] = []
    open_steps: list[tuple[int, int]] = []
    for at, code in enumerate(route):
        operation.append(code)
        source.append(at)
        gate.append(-1)
        if not defects.inspects[code]:
            if defects.again[code] * defects.rate[code] > 1e-6 and code in again:
                open_steps.append((len(operation) - 1, at))
            continue
        for maker, place in open_steps:
            for redo in again[route[place]]:
                operation.append(redo)
                source.append(place if redo == route[place] else at)
                gate.append(maker)
        open_steps = []
    return Plan(np.array(operation, np.int64), np.array(source, np.int64), np.array(gate, np.int64))


def plans(
    case: Ints, operation: Ints, defects: Defects, again: dict[int, tuple[int, ...]]
) -> tuple[list[Plan], Ints, Ints]:
    """Plans of many orders: distinct plans, which one each order has, and where its route begins.

    Parameters
    ----------
    case, operation : (V,) visits that are no rework, by case; cases 0..C-1 all occur

    Returns
    -------
    plans, (C,) plan of each case, (C + 1,) offsets of the cases in the visits
    """
    first = np.concatenate([[0], np.flatnonzero(np.diff(case)) + 1, [len(case)]]).astype(np.int64)
    known: dict[tuple[int, ...], int] = {}
    out: list[Plan] = []
    which = np.empty(len(first) - 1, np.int64)
    codes = operation.tolist()
    for c, (a, b) in enumerate(zip(first[:-1].tolist(), first[1:].tolist(), strict=True)):
        route = tuple(codes[a:b])
        if route not in known:
            known[route] = len(out)
            out.append(plan_of(route, defects, again))
        which[c] = known[route]
    return out, which, first
