"""Rules as arrays: which clauses, of which atoms, over which columns; and the pass that says which records fail which.

A record is a row of numbers: the forty items of this month first (these can be changed), then what the rules ask of
last month, of the same month last year, and the month itself (these are given). A missing number is NaN; a clause that
hangs on it alone is neither kept nor broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zhizao.programme.editing.language import Column, Group
from zhizao.programme.editing.returns import Returns
from zhizao.programme.editing.rules import Rule, RuleSet
from zhizao.programme.items import item_keys

__all__ = ["FAILED", "HELD", "UNKNOWN", "Arrays", "System", "broken", "compile_rules", "verdicts"]

HELD, FAILED, UNKNOWN = 1, 0, -1

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Arrays(NamedTuple):
    """What the kernels read; `ptr` arrays give where each one's part begins, and end with where the last ends."""

    clause_ptr: NDArray[np.int64]
    """Atoms of a clause, (clauses + 1,)."""
    atom_ptr: NDArray[np.int64]
    """Terms of an atom, (atoms + 1,)."""
    col: NDArray[np.int64]
    """Column of a term."""
    coef: Floats
    """Its coefficient."""
    const: Floats
    """Constant of an atom."""
    equal: NDArray[np.int64]
    """1 where the atom asks `== 0`, 0 where `<= 0`."""
    guard: NDArray[np.int64]
    """Column of the record's `active` that says whether the clause asks anything; -1 where it always does."""
    field_ptr: NDArray[np.int64]
    """Clauses of a field, (fields + 1,)."""
    field_clause: NDArray[np.int64]
    """Their numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Compiled rules.

    Parameters
    ----------
    rules : what was compiled
    arrays : for the kernels
    columns : what each column of a record is; the items come first
    guards : groups of which one holding lifts the clause, per guard
    clause_rule : number of the rule of each clause
    """

    rules: tuple[Rule, ...]
    arrays: Arrays
    columns: tuple[Column, ...]
    guards: tuple[tuple[Group, ...], ...]
    clause_rule: NDArray[np.int64]

    @property
    def fields(self) -> int:
        """How many columns can be changed."""
        return len(item_keys())

    def records(self, returns: Returns, rows: NDArray[np.int64] | None = None) -> Floats:
        """Numbers of returns as the rules want them, (rows, columns)."""
        take = slice(None) if rows is None else rows
        m, values = self.fields, returns.values[take]
        found = np.empty((len(values), len(self.columns)))
        found[:, :m] = values
        place = {key: i for i, key in enumerate(item_keys())}
        for c in range(m, len(self.columns)):
            kind, name = self.columns[c]
            if kind == "period":
                found[:, c] = returns.period[take] % 12 + 1
            else:
                found[:, c] = (returns.last if kind == "last" else returns.year_ago)[take, place[name]]
        return found

    def active(self, returns: Returns, rows: NDArray[np.int64] | None = None) -> Bools:
        """Whether each guard lets its clauses ask, (rows, guards)."""
        take = slice(None) if rows is None else rows
        found = np.ones((len(returns.period[take]), max(1, len(self.guards))), dtype=np.bool_)
        for g, groups in enumerate(self.guards):
            for one in groups:
                codes = getattr(returns, one.attribute)[take]
                found[:, g] &= np.isin(codes, sorted(one.codes)) == one.negated
        return found


def compile_rules(rules: RuleSet | tuple[Rule, ...], severity: str | None = None) -> System:
    """Rules as arrays.

    Parameters
    ----------
    rules : a set, or some rules
    severity : only those

    Examples
    --------
    >>> from zhizao.programme.editing.rules import rule_set
    >>> system = compile_rules(rule_set(), "hard")
    >>> system.fields, len(system.arrays.guard) > 50
    (40, True)
    """
    chosen = tuple(
        r for r in (rules.rules if isinstance(rules, RuleSet) else rules) if severity is None or r.severity == severity
    )
    columns: dict[Column, int] = {("now", key): i for i, key in enumerate(item_keys())}
    guards: dict[tuple[Group, ...], int] = {}
    guard: list[int] = []
    of_rule: list[int] = []
    clause_ptr, atom_ptr, col, coef, const, equal = [0], [0], [], [], [], []
    touching: list[list[int]] = [[] for _ in item_keys()]
    for r, rule in enumerate(chosen):
        for clause in rule.clauses:
            number = len(guard)
            for atom in clause.atoms:
                for column, k in atom.linear.terms.items():
                    c = columns.setdefault(column, len(columns))
                    col.append(c)
                    coef.append(k)
                    if c < len(touching) and number not in touching[c]:
                        touching[c].append(number)
                atom_ptr.append(len(col))
                const.append(atom.linear.const)
                equal.append(int(atom.equal))
            clause_ptr.append(len(const))
            guard.append(guards.setdefault(clause.groups, len(guards)) if clause.groups else -1)
            of_rule.append(r)
    whole = np.int64
    arrays = Arrays(
        np.array(clause_ptr, whole),
        np.array(atom_ptr, whole),
        np.array(col, whole),
        np.array(coef, np.float64),
        np.array(const, np.float64),
        np.array(equal, whole),
        np.array(guard, whole),
        np.concatenate([[0], np.cumsum([len(one) for one in touching])]).astype(whole),
        np.array([c for one in touching for c in one], whole),
    )
    return System(chosen, arrays, tuple(columns), tuple(guards), np.array(of_rule, whole))


def judge_all(a: Arrays, z: Any, active: Any, out: Any) -> None:
    """Verdict of each clause for each record into `out`, (records, clauses)."""
    clause_ptr, atom_ptr, col, coef = a.clause_ptr, a.atom_ptr, a.col, a.coef
    const, equal, guard = a.const, a.equal, a.guard
    for r in range(len(z)):
        for c in range(len(guard)):
            if guard[c] >= 0 and not active[r, guard[c]]:
                continue
            found = 0
            for i in range(clause_ptr[c], clause_ptr[c + 1]):
                total, size = const[i], abs(const[i])
                for t in range(atom_ptr[i], atom_ptr[i + 1]):
                    part = coef[t] * z[r, col[t]]
                    total += part
                    size += abs(part)
                if total != total:
                    found = -1
                elif total <= 1e-6 + 1e-9 * size and (equal[i] == 0 or total >= -1e-6 - 1e-9 * size):
                    found = 1
                    break
            out[r, c] = found


@cache
def _fast() -> Callable[..., None]:
    from numba import njit

    made: Callable[..., None] = njit(cache=True, nogil=True)(judge_all)
    return made


def verdicts(system: System, z: Floats, active: Bools) -> NDArray[np.int8]:
    """Verdict of each clause for each record: HELD, FAILED or UNKNOWN, (records, clauses).

    Parameters
    ----------
    system : compiled rules
    z : records, (records, columns)
    active : guards, (records, guards)
    """
    out = np.ones((len(z), len(system.arrays.guard)), dtype=np.int8)
    kernel = _fast() if out.size > 100_000 else judge_all
    kernel(system.arrays, z, active, out)
    return out


def broken(system: System, found: NDArray[np.int8]) -> Bools:
    """Whether each rule fails for each record, (records, rules): one of its clauses does."""
    fails = np.zeros((len(found), len(system.rules)), dtype=np.bool_)
    for c, r in enumerate(system.clause_rule):
        fails[:, r] |= found[:, c] == FAILED
    return fails
