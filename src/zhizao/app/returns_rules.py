"""What holds a return back at the desk: lines that cannot be taken, and hard rules of editing that no note explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from zhizao.errors import Fault, FaultsFound
from zhizao.programme.editing import Returns, Rule, System, broken, compile_rules, from_frame, rule_set, verdicts
from zhizao.programme.items import items
from zhizao.programme.returns import Unit, check_values

__all__ = ["Failed", "check_lines", "failed_rule", "hold_back", "keep_rules", "told_as"]


@dataclass(frozen=True, slots=True)
class Failed:
    """A check that the figures do not keep.

    Parameters
    ----------
    rule : its id
    hard : whether no right return can break it
    said : what is wrong, in words
    lines : items that it speaks of
    explained : whether one of these has a note
    """

    rule: str
    hard: bool
    said: str
    lines: tuple[str, ...]
    explained: bool


def failed_rule(rule: Rule, notes: Mapping[str, str], lang: str) -> Failed:
    """A rule that figures fail, with what their notes say of it."""
    explained = any(notes.get(key, "").strip() for key in rule.fields)
    return Failed(rule.id, rule.severity == "hard", rule.said(lang), rule.fields, explained)


def told_as(
    unit: Unit,
    enterprise: str,
    period: str,
    values: Mapping[str, float | None],
    earlier: Mapping[str, Mapping[str, float | None]] | None = None,
) -> Returns:
    """One return, and what the enterprise said in other months, as the rules read returns.

    Parameters
    ----------
    unit, enterprise : whose
    period, values : which, and its figures by item
    earlier : figures of other months
    """
    where = {"industry": unit.industry or "", "region": unit.region or "", "size": unit.size or ""}
    schema = dict.fromkeys(("enterprise", "period", *where), pl.String) | dict.fromkeys(items(), pl.Float64)

    def row(month: str, figures: Mapping[str, float | None]) -> dict[str, Any]:
        return {"enterprise": enterprise, "period": month, **where, **{key: figures.get(key) for key in items()}}

    before = [row(month, figures) for month, figures in (earlier or {}).items()]
    return from_frame(
        pl.DataFrame([row(period, values)], schema=schema),
        earlier=[pl.DataFrame(before, schema=schema)] if before else (),
        where=f"{enterprise}/{period}",
    )


@cache
def _hard() -> System:
    return compile_rules(rule_set(), "hard")


def hold_back(
    unit: Unit,
    enterprise: str,
    period: str,
    values: Mapping[str, float | None],
    notes: Mapping[str, str],
) -> list[Fault]:
    """Hard rules that hold a return back: those that fail while no note on one of their lines says why.

    Whatever way a return comes (page, form, program, command line), the desk asks this; page and reviewers see the soft
    ones too. No hard rule looks at another month.

    Parameters
    ----------
    unit, enterprise, period : which return
    values, notes : by item
    """
    system, told = _hard(), told_as(unit, enterprise, period, values)
    fails = broken(system, verdicts(system, system.records(told), system.active(told)))[0]
    return _faults([rule for rule, fails_it in zip(system.rules, fails.tolist(), strict=True) if fails_it], notes)


def check_lines(values: Mapping[str, Any], notes: Mapping[str, str]) -> None:
    """Refuse figures of which a line cannot be taken: blank without a note, no number, out of its range.

    Raises
    ------
    FaultsFound : with every such line
    """
    faults = check_values(values, notes)
    if faults:
        first = faults[0]
        told = first.what if len(faults) == 1 else f"{len(faults)} lines cannot be taken, the first: {first.what}"
        raise FaultsFound(told, faults, where=first.where, fix=first.fix)


def keep_rules(
    unit: Unit, enterprise: str, period: str, values: Mapping[str, float | None], notes: Mapping[str, str]
) -> None:
    """Refuse figures that hard rules hold back; see `hold_back`.

    Raises
    ------
    FaultsFound : with every such rule: its id, what is wrong, its lines, and what to do
    """
    faults = hold_back(unit, enterprise, period, values, notes)
    if faults:
        many = "a rule" if len(faults) == 1 else f"{len(faults)} rules"
        raise FaultsFound(
            f"the figures fail {many} that every right return keeps: {faults[0].what}",
            faults,
            where=f"{enterprise}/{period}",
            fix=faults[0].fix,
        )


def _faults(rules: Sequence[Rule], notes: Mapping[str, str]) -> list[Fault]:
    return [
        Fault(
            f"{rule.id}: {rule.said('en')} ({rule.said('zh')})",
            ", ".join(rule.fields),
            "correct one of these lines, or say in the note of one why it is right (请更正其中一项，或在说明中写明原因)",
            "hard_rule",
        )
        for rule in rules
        if not failed_rule(rule, notes, "en").explained
    ]
