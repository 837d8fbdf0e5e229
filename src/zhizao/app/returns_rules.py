"""The rules of editing as the returns desk asks them: what the figures of one return fail, and whether that is explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from zhizao.errors import Fault
from zhizao.programme.editing import Returns, Rule, System, broken, compile_rules, from_frame, rule_set, verdicts
from zhizao.programme.items import items
from zhizao.programme.returns import Unit

__all__ = ["Failed", "failed_rule", "hold_back", "told_as"]


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
