"""The fast path of error localisation: one or two fields per group of failed clauses, proven smallest, as plain loops.

With all other fields held, what is left of the clauses are half-planes in one or two variables. Where some point keeps
them all, so does a corner of the lines that bound them (lines through the values as told and as expected included), so
trying the corners decides exactly whether a field, or a pair, can mend a record. Each function runs as ordinary Python
on small work and, unchanged, through Numba on large work. `a` is `system.Arrays`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLEAN", "OPEN", "SOLVED", "fill_all", "filler", "localise_all", "localiser"]

CLEAN, SOLVED, OPEN = 0, 1, 2
"""Nothing fails; mended with a proven smallest set; to be decided by `exact`."""

CHANGED, FILLED = 1, 2

BIG = 1e300


class Left(NamedTuple):
    """What is left of clauses when two fields are free: `p x + q y + rest <= 0` (or `== 0`), atoms by clause."""

    p: NDArray[np.float64]
    q: NDArray[np.float64]
    rest: NDArray[np.float64]
    size: NDArray[np.float64]
    equal: NDArray[np.int64]
    ptr: NDArray[np.int64]


def gather(a: Any, z: Any, active: Any, j: int, k: int, left: Any) -> int:
    """Put what clauses ask of fields j and k into `left`; how many clauses, clauses that hold anyway left out."""
    clauses, atoms = 0, 0
    left.ptr[0] = 0
    for turn in range(2):
        field = j if turn == 0 else k
        if field < 0:
            continue
        for at in range(a.field_ptr[field], a.field_ptr[field + 1]):
            c = a.field_clause[at]
            if a.guard[c] >= 0 and not active[a.guard[c]]:
                continue
            has_j, holds, begun = False, False, atoms
            for i in range(a.clause_ptr[c], a.clause_ptr[c + 1]):
                p, q, rest, size = 0.0, 0.0, a.const[i], abs(a.const[i])
                for t in range(a.atom_ptr[i], a.atom_ptr[i + 1]):
                    col = a.col[t]
                    if col == j:
                        p += a.coef[t]
                        has_j = True
                    elif col == k:
                        q += a.coef[t]
                    else:
                        part = a.coef[t] * z[col]
                        rest += part
                        size += abs(part)
                if rest != rest:  # a missing number: what it will be is free
                    holds = True
                elif p == 0.0 and q == 0.0:
                    slack = 1e-6 + 1e-9 * size
                    if rest <= slack and (a.equal[i] == 0 or rest >= -slack):
                        holds = True
                else:
                    left.p[atoms], left.q[atoms], left.rest[atoms] = p, q, rest
                    left.size[atoms], left.equal[atoms] = size, a.equal[i]
                    atoms += 1
            if holds or (turn == 1 and has_j):  # those with j were taken in the first turn
                atoms = begun
                continue
            clauses += 1
            left.ptr[clauses] = atoms
    return clauses


def keeps(left: Any, clauses: int, x: float, y: float) -> bool:
    """Whether a point keeps all clauses."""
    for c in range(clauses):
        good = False
        for i in range(left.ptr[c], left.ptr[c + 1]):
            px, qy = left.p[i] * x, left.q[i] * y
            value = px + qy + left.rest[i]
            slack = 1e-6 + 1e-9 * (left.size[i] + abs(px) + abs(qy))
            if value <= slack and (left.equal[i] == 0 or value >= -slack):
                good = True
                break
        if not good:
            return False
    return True


def one_field(a: Any, z: Any, active: Any, j: int, goal: Any, left: Any, point: Any) -> bool:
    """Whether field j alone can keep all its clauses; `point[0]` becomes the value nearest to the goal."""
    clauses = gather(a, z, active, j, -1, left)
    told = z[j]
    aim = goal[j] if goal[j] == goal[j] else (told if told == told else 0.0)
    if keeps(left, clauses, aim, 0.0):
        point[0] = aim
        return True
    best = BIG
    for i in range(left.ptr[clauses]):
        x = -left.rest[i] / left.p[i]
        if abs(x - aim) < best and keeps(left, clauses, x, 0.0):
            best = abs(x - aim)
            point[0] = x
    return best < BIG


def two_fields(a: Any, z: Any, active: Any, j: int, k: int, goal: Any, left: Any, point: Any) -> bool:
    """Whether fields j and k together can keep all their clauses; `point` becomes the corner nearest to the goals."""
    clauses = gather(a, z, active, j, k, left)
    atoms = left.ptr[clauses]
    aim_x = goal[j] if goal[j] == goal[j] else z[j]
    aim_y = goal[k] if goal[k] == goal[k] else z[k]
    if keeps(left, clauses, aim_x, aim_y):
        point[0], point[1] = aim_x, aim_y
        return True
    n = atoms + 4
    for e in range(4):  # lines through the values as expected and as told
        left.p[atoms + e] = 1.0 if e % 2 == 0 else 0.0
        left.q[atoms + e] = 0.0 if e % 2 == 0 else 1.0
    left.rest[atoms], left.rest[atoms + 1] = -aim_x, -aim_y
    left.rest[atoms + 2], left.rest[atoms + 3] = -z[j], -z[k]
    wide_x, wide_y = max(abs(aim_x), 1.0), max(abs(aim_y), 1.0)
    best = BIG
    for e in range(n):
        for f in range(e + 1, n):
            det = left.p[e] * left.q[f] - left.p[f] * left.q[e]
            if abs(det) <= 1e-12 * (abs(left.p[e] * left.q[f]) + abs(left.p[f] * left.q[e])):
                continue
            x = (-left.rest[e] * left.q[f] + left.rest[f] * left.q[e]) / det
            y = (-left.p[e] * left.rest[f] + left.p[f] * left.rest[e]) / det
            far = abs(x - aim_x) / wide_x + abs(y - aim_y) / wide_y
            if far < best and keeps(left, clauses, x, y):
                best = far
                point[0], point[1] = x, y
    return best < BIG


def fill(a: Any, z: Any, active: Any, goal: Any, mark: Any, left: Any, point: Any) -> bool:
    """Give each missing field a value that keeps the clauses, one after the other; whether that went well."""
    for j in range(len(mark)):
        if z[j] != z[j] and a.field_ptr[j + 1] > a.field_ptr[j]:
            if not one_field(a, z, active, j, goal, left, point):
                return False
            z[j] = point[0]
            mark[j] = 2
    return True


def clusters(a: Any, z: Any, active: Any, failed: Any, fails: int, label: Any, owner: Any) -> int:
    """Label failed clauses that share fields, directly or by others, with one number each; how many numbers."""
    owner[:] = -1
    found = 0
    for f in range(fails):
        label[f] = f
    for f in range(fails):
        c = failed[f]
        for t in range(a.atom_ptr[a.clause_ptr[c]], a.atom_ptr[a.clause_ptr[c + 1]]):
            col = a.col[t]
            if col >= len(owner):
                continue
            if owner[col] < 0:
                owner[col] = label[f]
            elif owner[col] != label[f]:
                old, new = label[f], owner[col]
                for g in range(fails):
                    if label[g] == old:
                        label[g] = new
                for m in range(len(owner)):
                    if owner[m] == old:
                        owner[m] = new
    for f in range(fails):  # numbers from 0 without gaps
        if label[f] < 0:
            continue
        old = label[f]
        found += 1
        for g in range(fails):
            if label[g] == old:
                label[g] = -found
    for f in range(fails):
        label[f] = -label[f] - 1
    return found


def covers(a: Any, failed: Any, fails: int, label: Any, cluster: int, hits: Any) -> int:
    """Count into `hits` how many failed clauses of a cluster each field is in; how many clauses it has."""
    hits[:] = 0
    count = 0
    for f in range(fails):
        if label[f] != cluster:
            continue
        c, bit = failed[f], 1 << min(count, 62)
        count += 1
        for t in range(a.atom_ptr[a.clause_ptr[c]], a.atom_ptr[a.clause_ptr[c + 1]]):
            if a.col[t] < len(hits):
                hits[a.col[t]] |= bit
    return count


def localise_one(
    a: Any, z: Any, active: Any, failed: Any, fails: int, weight: Any, doubt: Any, goal: Any, mark: Any, work: Any
) -> int:
    """Smallest set of fields that mends one record, where one or two fields per cluster do; values go into `z`."""
    left, point, best_point, label, owner, hits = work
    m = len(mark)
    light0, light1, light2 = BIG, BIG, BIG  # the three lightest fields of all
    for j in range(m):
        if weight[j] < light0:
            light0, light1, light2 = weight[j], light0, light1
        elif weight[j] < light1:
            light1, light2 = weight[j], light1
        elif weight[j] < light2:
            light2 = weight[j]
    if fails > 60:
        return 2
    groups = clusters(a, z, active, failed, fails, label, owner)
    for g in range(groups):
        count = covers(a, failed, fails, label, g, hits)
        whole = (1 << count) - 1
        best, best_doubt, best_j, best_k = BIG, -1.0, -1, -1
        bound = BIG  # no set that is in every failed clause of the cluster weighs less
        for j in range(m):
            if hits[j] == whole:
                bound = min(bound, weight[j])
                better = weight[j] < best - 1e-12 or (weight[j] <= best + 1e-12 and doubt[j] > best_doubt)
                if better and one_field(a, z, active, j, goal, left, point):
                    best, best_doubt, best_j = weight[j], doubt[j], j
                    best_point[0] = point[0]
        if best > light0 + light1 and (groups == 1 or bound > light0 + light1):
            for j in range(m):
                if hits[j] == 0 or z[j] != z[j]:
                    continue
                for k in range(m):
                    heavy = weight[j] + weight[k]
                    both = (hits[j] | hits[k]) == whole
                    if k == j or not both or z[k] != z[k] or (hits[k] != 0 and k < j) or heavy > best + 1e-12:
                        continue
                    if hits[j] != whole and hits[k] != whole:
                        bound = min(bound, heavy)
                    sure = doubt[j] + doubt[k]
                    better = heavy < best - 1e-12 or (best_k >= 0 and sure > best_doubt)
                    if better and two_fields(a, z, active, j, k, goal, left, point):
                        best, best_doubt, best_j, best_k = heavy, sure, j, k
                        best_point[0], best_point[1] = point[0], point[1]
        three = light0 + light1 + light2
        proven = best <= three + 1e-12 if groups == 1 else best <= min(bound, three) + 1e-12
        if best_j < 0 or not proven:
            return 2
        z[best_j] = best_point[0]
        mark[best_j] = 1
        if best_k >= 0:
            z[best_k] = best_point[1]
            mark[best_k] = 1
    return 1 if fill(a, z, active, goal, mark, left, point) else 2


def localise_all(
    a: Any, z: Any, active: Any, found: Any, weight: Any, doubt: Any, goal: Any, mark: Any, state: Any
) -> None:
    """Localise each record: `z` (records, columns) is mended in place, `mark` says what changed, `state` how it went.

    Parameters
    ----------
    a : compiled hard rules
    z : records; left as told where the state becomes OPEN
    active : guards
    found : verdicts, (records, clauses)
    weight : reliability of each field, above 0, (fields,)
    doubt : how far each value is from what was expected, to choose among equally small sets, (records, fields)
    goal : value to aim at, NaN for the value as told, (records, fields)
    mark : out: 1 changed, 2 filled, (records, fields)
    state : out: CLEAN, SOLVED or OPEN, (records,)
    """
    most, clauses, m = len(a.const) * 2 + 8, len(a.guard), mark.shape[1]
    left = Left(
        np.zeros(most),
        np.zeros(most),
        np.zeros(most),
        np.zeros(most),
        np.zeros(most, np.int64),
        np.zeros(most, np.int64),
    )
    work = (
        left,
        np.zeros(2),
        np.zeros(2),
        np.zeros(clauses + 1, np.int64),
        np.zeros(m, np.int64),
        np.zeros(m, np.int64),
    )
    failed = np.zeros(clauses + 1, np.int64)
    told = np.zeros(z.shape[1])
    for r in range(len(z)):
        fails, unknown = 0, False
        for c in range(clauses):
            if found[r, c] == 0:
                failed[fails] = c
                fails += 1
            elif found[r, c] < 0:
                unknown = True
        if fails == 0 and not unknown:
            continue
        told[:] = z[r]
        if fails == 0:
            state[r] = 0 if fill(a, z[r], active[r], goal[r], mark[r], work[0], work[1]) else 2
            z[r] = told
            if state[r] == 0:
                mark[r] = 0
        else:
            state[r] = localise_one(a, z[r], active[r], failed, fails, weight, doubt[r], goal[r], mark[r], work)
        if state[r] == 2:
            z[r] = told
            mark[r] = 0


def fill_all(a: Any, z: Any, active: Any, goal: Any, state: Any) -> None:
    """Give missing fields of each record values near the goal that keep the rules; `state` OPEN where one by one fails.

    Parameters
    ----------
    a : compiled hard rules
    z : records, filled in place where all goes well, (records, columns)
    active : guards
    goal : value to aim at; a field without one stays missing, (records, fields)
    state : out: SOLVED or OPEN, (records,)
    """
    most, m = len(a.const) * 2 + 8, goal.shape[1]
    left = Left(
        np.zeros(most),
        np.zeros(most),
        np.zeros(most),
        np.zeros(most),
        np.zeros(most, np.int64),
        np.zeros(most, np.int64),
    )
    point = np.zeros(2)
    told = np.zeros(z.shape[1])
    for r in range(len(z)):
        told[:] = z[r]
        state[r] = 1
        for j in range(m):
            if z[r, j] != z[r, j] and goal[r, j] == goal[r, j]:
                if one_field(a, z[r], active[r], j, goal[r], left, point):
                    z[r, j] = point[0]
                else:
                    state[r] = 2
                    break
        if state[r] == 2:
            z[r] = told


@cache
def filler() -> Callable[..., None]:
    """`fill_all` through Numba, compiled when first needed and kept on disk."""
    from numba import njit
    from numba.extending import register_jitable

    for function in (gather, keeps, one_field):
        register_jitable(function)
    made: Callable[..., None] = njit(cache=True, nogil=True)(fill_all)
    return made


@cache
def localiser() -> Callable[..., None]:
    """`localise_all` through Numba, compiled when first needed and kept on disk."""
    from numba import njit
    from numba.extending import register_jitable

    for function in (gather, keeps, one_field, two_fields, fill, clusters, covers, localise_one):
        register_jitable(function)
    made: Callable[..., None] = njit(cache=True, nogil=True)(localise_all)
    return made
