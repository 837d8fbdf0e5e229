"""Judging the rules themselves: do they contradict each other, force an item to be zero, or say a thing twice?

A rule is redundant when the others already exclude all that it excludes: the others together with its contrary have no
solution. Last month's figures count as free, not below zero where their item is not. Rules for some groups only are
judged with their groups taken as present.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.programme.editing.exact import Asked, mend
from zhizao.programme.editing.language import STEP
from zhizao.programme.editing.rules import Rule, RuleSet
from zhizao.programme.editing.system import System, compile_rules
from zhizao.programme.items import item_keys, items

__all__ = ["RuleFault", "check_rules"]


@dataclass(frozen=True, slots=True)
class RuleFault:
    """Something odd about rules.

    Parameters
    ----------
    kind : `contradiction` (no return can keep them), `frozen` (an item can only be one value), `redundant`
    rules : ids
    item : the item that cannot vary, else empty
    """

    kind: str
    rules: tuple[str, ...]
    item: str = ""

    def said(self, lang: str) -> str:
        """In words."""
        ids = ", ".join(self.rules)
        if self.kind == "contradiction":
            return (
                f"规则 {ids} 互相矛盾，任何报表都无法满足"
                if lang == "zh"
                else f"no return can keep the rules {ids} together"
            )
        if self.kind == "frozen":
            name = items()[self.item].zh if lang == "zh" else items()[self.item].en
            return (
                f"规则只允许“{name}”取零值（{ids}）" if lang == "zh" else f'the rules let "{name}" only be zero ({ids})'
            )
        return f"规则 {ids} 已被其他规则包含" if lang == "zh" else f"rule {ids} follows from the others"


def check_rules(rules: RuleSet | tuple[Rule, ...], *, redundant: bool = True) -> tuple[RuleFault, ...]:
    """Contradictions, items without room, and redundancy among hard rules.

    Parameters
    ----------
    rules : a set, or some rules
    redundant : whether to look for redundancy too (one linear programme a rule)

    Examples
    --------
    >>> from zhizao.programme.editing.rules import read_rules
    >>> _, some = read_rules("[{id: A, check: employees >= 5}, {id: B, check: employees <= 3}, {id: C, check: employees >= 1}]")
    >>> [(one.kind, one.rules) for one in check_rules(some)]
    [('contradiction', ('A', 'B'))]
    """
    system = compile_rules(rules, "hard")
    if not system.rules:
        return ()
    clauses = _clauses(system)
    wide = len(system.columns)
    start, free = np.full(wide, 1.0), range(wide)
    answer = mend(clauses, start, free)
    ids = [rule.id for rule in system.rules]
    of_clause = [ids[r] for r in system.clause_rule] + [""] * (len(clauses) - len(system.clause_rule))
    if answer.values is None:
        blamed = _fewer(clauses, start, sorted(answer.blame))
        named = dict.fromkeys(of_clause[c] for c in blamed if of_clause[c])
        return (RuleFault("contradiction", tuple(named)),)
    found: list[RuleFault] = []
    used = {c for clause in clauses for atom in clause for c in atom.col if c < system.fields}
    keys = item_keys()
    for j in sorted(used):
        some = (Asked((j,), (-1.0,), 1.0, False),)
        if answer.values[j] < 1 and items()[keys[j]].over != "flag":
            other = mend([*clauses, some], start, free)
            if other.values is None:
                why = [of_clause[c] for c in sorted(other.blame) if c < len(of_clause) and of_clause[c]]
                found.append(RuleFault("frozen", tuple(dict.fromkeys(why)), keys[j]))
    if redundant:
        gone: set[int] = set()
        for r in range(len(system.rules) - 1, -1, -1):  # later rules are looked at first: one's own before the shipped
            own = {c for c in range(len(system.clause_rule)) if system.clause_rule[c] == r}
            if not own or any(system.arrays.guard[c] >= 0 for c in own):
                continue
            rest = [
                () if c in own or (c < len(system.clause_rule) and int(system.clause_rule[c]) in gone) else clause
                for c, clause in enumerate(clauses)
            ]
            if all(_implied(rest, clauses[c], start) for c in own):
                gone.add(r)
                found.append(RuleFault("redundant", (ids[r],)))
    return tuple(found)


def _clauses(system: System) -> list[tuple[Asked, ...]]:
    a = system.arrays
    found: list[tuple[Asked, ...]] = []
    for c in range(len(a.guard)):
        atoms = []
        for i in range(a.clause_ptr[c], a.clause_ptr[c + 1]):
            part = slice(a.atom_ptr[i], a.atom_ptr[i + 1])
            atoms.append(
                Asked(tuple(a.col[part].tolist()), tuple(a.coef[part].tolist()), float(a.const[i]), bool(a.equal[i]))
            )
        found.append(tuple(atoms))
    for c in range(system.fields, len(system.columns)):
        kind, name = system.columns[c]
        if kind == "period":
            found.append((Asked((c,), (-1.0,), 1.0, False),))
            found.append((Asked((c,), (1.0,), -12.0, False),))
        elif not items()[name].signed:
            found.append((Asked((c,), (-1.0,), 0.0, False),))
    return found


def _fewer(clauses: list[tuple[Asked, ...]], start: np.ndarray, blamed: list[int]) -> list[int]:
    """A smallest part of blamed clauses that still has no solution."""
    kept = list(blamed)
    for c in blamed:
        rest = [one for one in kept if one != c]
        if mend([clauses[one] for one in rest], start, range(len(start))).values is None:
            kept = rest
    return kept


def _implied(rest: list[tuple[Asked, ...]], clause: tuple[Asked, ...], start: np.ndarray) -> bool:
    """Whether other clauses leave no room for the contrary of a clause."""
    contrary: list[tuple[Asked, ...]] = []
    for atom in clause:
        above = Asked(atom.col, tuple(-k for k in atom.coef), -atom.const + STEP, False)
        below = Asked(atom.col, atom.coef, atom.const + STEP, False)
        contrary.append((above, below) if atom.equal else (above,))
    try:
        return mend([*rest, *contrary], start, range(len(start))).values is None
    except ArithmeticError:
        return False
