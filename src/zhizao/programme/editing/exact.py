"""The exact path: smallest sets of any size, by implied edits found as they are needed; and values that keep all rules.

A set of fields is tried by linear programme, branching where a clause offers several comparisons. Where it cannot mend
the record, the dual solution names clauses that no values of these fields keep together; by Fellegi and Holt (1976)
they imply an edit over the other fields in them, and one of those has to be changed as well. The lightest set that
meets every implied edit found so far is tried next, so that the first set that can mend the record is the lightest of
all. Variables and rows are scaled before HiGHS sees them; no large constants (big M) are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from zhizao.programme.editing.system import Arrays

__all__ = ["Answer", "Asked", "asked_of", "mend", "nearest", "smallest_set"]

Floats = NDArray[np.float64]
MOST_BRANCHES = 2000
_TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-9}


@dataclass(frozen=True, slots=True)
class Asked:
    """One comparison of a clause: `sum coef * z[col] + const <= 0`, or `== 0`."""

    col: tuple[int, ...]
    coef: tuple[float, ...]
    const: float
    equal: bool

    def value(self, z: Floats) -> tuple[float, float]:
        """Left side and the size of its parts."""
        parts = [k * z[c] for c, k in zip(self.col, self.coef, strict=True)]
        return self.const + float(sum(parts)), abs(self.const) + float(sum(map(abs, parts)))

    def holds(self, z: Floats) -> bool:
        """Whether it holds, within what sums of large figures can be told apart."""
        value, size = self.value(z)
        slack = 1e-6 + 1e-9 * size
        return value <= slack and (not self.equal or value >= -slack)


Clauses = Sequence[tuple[Asked, ...]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a set of fields.

    Parameters
    ----------
    values : the record with values that keep all clauses; None where there are none
    blame : where there are none, numbers of clauses that the fields cannot keep together
    """

    values: Floats | None
    blame: frozenset[int] = frozenset()


def asked_of(a: Arrays, active: NDArray[np.bool_]) -> list[tuple[Asked, ...]]:
    """Clauses of one record as objects; a clause whose guard is down asks nothing, (clauses,)."""
    found: list[tuple[Asked, ...]] = []
    for c in range(len(a.guard)):
        atoms: list[Asked] = []
        if a.guard[c] < 0 or active[a.guard[c]]:
            for i in range(a.clause_ptr[c], a.clause_ptr[c + 1]):
                part = slice(a.atom_ptr[i], a.atom_ptr[i + 1])
                atoms.append(
                    Asked(
                        tuple(a.col[part].tolist()), tuple(a.coef[part].tolist()), float(a.const[i]), bool(a.equal[i])
                    )
                )
        found.append(tuple(atoms))
    return found


def mend(clauses: Clauses, z: Floats, free: Iterable[int], goal: Floats | None = None) -> Answer:
    """Values of free fields that keep all clauses, as near to the goal as can be, or whom to blame.

    Parameters
    ----------
    clauses : what is asked; empty clauses ask nothing, (clauses,)
    z : the record, (columns,); columns that are missing and not free leave their comparisons unasked
    free : columns that may change
    goal : value to stay near, (columns,); the record's own where absent or NaN
    """
    columns = sorted(free)
    aim = np.where(np.isnan(z), 0.0, z)
    if goal is not None:
        aim[: len(goal)] = np.where(np.isnan(goal), aim[: len(goal)], goal)
    place = {c: i for i, c in enumerate(columns)}
    rows: list[tuple[int, list[Asked]]] = []
    for number, clause in enumerate(clauses):
        if not clause:
            continue
        left = []
        for atom in clause:
            if any(c in place for c in atom.col):
                if all(c in place or z[c] == z[c] for c in atom.col):
                    left.append(atom)
                else:
                    left = []
                    break
            elif any(z[c] != z[c] for c in atom.col) or atom.holds(z):
                left = []
                break
        else:
            if not left:
                return Answer(None, frozenset([number]))
        if left:
            rows.append((number, left))
    wide = np.array([max(abs(aim[c]), abs(z[c]) if z[c] == z[c] else 0.0, 1.0) for c in columns])
    fixed = np.where(np.isnan(z), 0.0, z)
    fixed[columns] = 0.0
    budget = [MOST_BRANCHES]
    return _branch(rows, columns, place, z, fixed, aim, wide, [], budget)


def _branch(
    rows: list[tuple[int, list[Asked]]],
    columns: list[int],
    place: dict[int, int],
    z: Floats,
    fixed: Floats,
    aim: Floats,
    wide: Floats,
    chosen: list[tuple[int, Asked]],
    budget: list[int],
) -> Answer:
    """Depth first over which comparison of each clause is to hold; clauses that hold by themselves are not branched on."""
    budget[0] -= 1
    if budget[0] < 0:
        raise ArithmeticError("too many cases")
    single = [(number, atoms[0]) for number, atoms in rows if len(atoms) == 1] + chosen
    found, blame = _programme(single, columns, place, fixed, aim, wide)
    if found is None:
        return Answer(None, blame)
    whole = z.copy()
    whole[columns] = found
    taken = {number for number, _ in chosen}
    for number, atoms in rows:
        if len(atoms) > 1 and number not in taken and not any(atom.holds(whole) for atom in atoms):
            best: Answer | None = None
            guilty: frozenset[int] = frozenset([number])
            for atom in sorted(atoms, key=lambda one: abs(one.value(whole)[0])):
                tried = _branch(rows, columns, place, z, fixed, aim, wide, [*chosen, (number, atom)], budget)
                if tried.values is None:
                    guilty |= tried.blame
                elif best is None or _far(tried.values, aim, columns, wide) < _far(best.values, aim, columns, wide):
                    best = tried
            return best if best is not None else Answer(None, guilty)
    return Answer(whole)


def _far(values: Floats | None, aim: Floats, columns: list[int], wide: Floats) -> float:
    return np.inf if values is None else float(np.sum(np.abs(values[columns] - aim[columns]) / wide))


def _programme(
    asked: list[tuple[int, Asked]],
    columns: list[int],
    place: dict[int, int],
    fixed: Floats,
    aim: Floats,
    wide: Floats,
) -> tuple[Floats | None, frozenset[int]]:
    """Least scaled change under comparisons that all hold; or the clauses that the dual solution weighs."""
    n = len(columns)
    if not asked:
        return aim[columns].copy(), frozenset()
    matrix = np.zeros((len(asked), n))
    bound = np.zeros(len(asked))
    equal = np.array([atom.equal for _, atom in asked])
    for i, (_, atom) in enumerate(asked):
        for c, k in zip(atom.col, atom.coef, strict=True):
            if c in place:
                matrix[i, place[c]] += k * wide[place[c]]
        bound[i] = -atom.value(fixed)[0]
    size = np.maximum(np.abs(matrix).max(axis=1), 1e-9)
    matrix /= size[:, None]
    bound /= size
    start = aim[columns] / wide
    below, level = ~equal, equal
    # x = start + up - down, with up and down at least 0
    both = np.hstack([matrix, -matrix])
    shifted = bound - matrix @ start
    plain = linprog(
        np.ones(2 * n),
        A_ub=both[below] if below.any() else None,
        b_ub=shifted[below] if below.any() else None,
        A_eq=both[level] if level.any() else None,
        b_eq=shifted[level] if level.any() else None,
        method="highs",
        options=_TIGHT,
    )
    if plain.status == 0:
        return (start + plain.x[:n] - plain.x[n:]) * wide, frozenset()
    # no values: which comparisons conflict? Least violation; its dual solution weighs those that do.
    m_below, m_level = int(below.sum()), int(level.sum())
    cost = np.concatenate([np.zeros(2 * n), np.ones(m_below + 2 * m_level)])
    slack_below = np.hstack([both[below], -np.eye(m_below), np.zeros((m_below, 2 * m_level))])
    slack_level = np.hstack([both[level], np.zeros((m_level, m_below)), np.eye(m_level), -np.eye(m_level)])
    soft = linprog(
        cost,
        A_ub=slack_below if m_below else None,
        b_ub=shifted[below] if m_below else None,
        A_eq=slack_level if m_level else None,
        b_eq=shifted[level] if m_level else None,
        method="highs",
        options=_TIGHT,
    )
    numbers = np.array([number for number, _ in asked])
    if soft.status != 0:
        return None, frozenset(numbers.tolist())
    weighed: set[int] = set()
    if m_below:
        weighed.update(numbers[below][np.abs(soft.ineqlin.marginals) > 1e-9].tolist())
    if m_level:
        weighed.update(numbers[level][np.abs(soft.eqlin.marginals) > 1e-9].tolist())
    return None, frozenset(weighed) or frozenset(numbers.tolist())


def nearest(clauses: Clauses, z: Floats, free: Iterable[int], goal: Floats) -> Floats | None:
    """The record with values nearest to the goal that keep all clauses; None where no values do."""
    try:
        return mend(clauses, z, free, goal).values
    except ArithmeticError:
        return None


def smallest_set(
    clauses: Clauses, z: Floats, weight: Floats, doubt: Floats | None = None, goal: Floats | None = None
) -> tuple[tuple[int, ...], Floats] | None:
    """The lightest set of fields that can be changed so that all clauses hold, and the record so mended.

    Parameters
    ----------
    clauses : what is asked, (clauses,)
    z : the record, fields first, (columns,); missing fields are free without weight
    weight : reliability of each field, above 0, (fields,)
    doubt : breaks ties: the larger, the rather changed, (fields,)
    goal : value to aim at, (fields,)

    Returns
    -------
    tuple or None
        Fields, and the record; None where even changing all fields does not mend it.

    Examples
    --------
    >>> part, whole = Asked((0, 1), (1.0, -1.0), 0.0, False), Asked((1, 2), (1.0, -1.0), 0.0, False)
    >>> fields, mended = smallest_set([(part,), (whole,)], np.array([9.0, 5.0, 3.0]), np.ones(3))
    >>> fields, mended.round(6).tolist()
    ((0, 1), [3.0, 3.0, 3.0])
    """
    m = len(weight)
    missing = frozenset(np.flatnonzero(np.isnan(z[:m])).tolist())
    price = weight.astype(np.float64).copy()
    if doubt is not None:
        price = price - 1e-6 * doubt / max(1.0, float(np.max(doubt)))
    implied: list[frozenset[int]] = []
    while True:
        chosen = lightest_cover(implied, price)
        try:
            answer = mend(clauses, z, chosen | missing, goal)
        except ArithmeticError:
            return None
        if answer.values is not None:
            kept = frozenset(f for f in chosen if answer.values[f] != z[f])
            return tuple(sorted(kept if len(kept) else chosen)), answer.values
        touched = {c for number in answer.blame for atom in clauses[number] for c in atom.col if c < m}
        edit = frozenset(touched - chosen - missing)
        if not edit:
            return None
        implied.append(edit)


def lightest_cover(sets: Sequence[frozenset[int]], price: Floats) -> frozenset[int]:
    """Lightest set that meets each of the given sets, by branch and bound.

    Examples
    --------
    >>> sorted(lightest_cover([frozenset({0, 1}), frozenset({1, 2}), frozenset({3})], np.ones(4)))
    [1, 3]
    """
    best: tuple[float, frozenset[int]] = (np.inf, frozenset())
    ordered = sorted(sets, key=len)

    def visit(at: int, chosen: frozenset[int], spent: float, barred: frozenset[int]) -> None:
        nonlocal best
        while at < len(ordered) and ordered[at] & chosen:
            at += 1
        if at == len(ordered):
            if spent < best[0]:
                best = (spent, chosen)
            return
        dropped = barred
        for field in sorted(ordered[at] - barred, key=lambda f: (price[f], f)):
            if spent + price[field] < best[0]:
                visit(at + 1, chosen | {field}, spent + float(price[field]), dropped)
            dropped = dropped | {field}

    visit(0, frozenset(), 0.0, frozenset())
    return best[1]
