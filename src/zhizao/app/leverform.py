"""Levers from the form of the page Twin: what can be chosen on this plant, and what was chosen as data.

The form asks in terms of the floor (a rule, a cap, new hours, who does what); what else a lever needs to be carried out,
such as the share of bad pieces that an inspection catches, is taken from the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from zhizao.app.desk import Desk
from zhizao.errors import InputError

__all__ = ["DAYS", "Choices", "choices_of", "levers_chosen"]

DAYS = {"week": (1, 2, 3, 4, 5), "six": (1, 2, 3, 4, 5, 6), "all": (1, 2, 3, 4, 5, 6, 7)}
"""ISO weekdays by the name of a choice."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is on this plant to pull levers at.

    Parameters
    ----------
    machines, people, operations : names, sorted
    machines_of, people_of : by operation, who has done it
    inspections : operations that look for bad pieces, by their name and what they found
    has_families : whether products tell families apart, so that set-ups may be saved
    """

    machines: tuple[str, ...]
    people: tuple[str, ...]
    operations: tuple[str, ...]
    machines_of: Mapping[str, tuple[str, ...]]
    people_of: Mapping[str, tuple[str, ...]]
    inspections: tuple[str, ...]
    has_families: bool


def choices_of(desk: Desk) -> Choices:
    """What can be chosen, from the records as they are now."""
    return desk.once("leverform", lambda: _choices(desk))


def _choices(desk: Desk) -> Choices:
    from zhizao.decide.twin.mechanism.defects import INSPECTION

    made = desk.log().done.filter(pl.col("report") == "production")

    def names(column: str) -> tuple[str, ...]:
        return tuple(made[column].drop_nulls().unique().sort().to_list())

    def by_operation(column: str) -> dict[str, tuple[str, ...]]:
        table = made.drop_nulls(["operation", column]).group_by("operation").agg(pl.col(column).unique().sort())
        return {name: tuple(found) for name, found in table.iter_rows()}

    operations = names("operation")
    return Choices(
        names("machine"),
        names("person"),
        operations,
        by_operation("machine"),
        by_operation("person"),
        tuple(name for name in operations if INSPECTION.search(name)),
        made["product"].drop_nulls().n_unique() > 1,
    )


def levers_chosen(desk: Desk, chosen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Levers as data from what was chosen; what was left as it is gives none.

    Parameters
    ----------
    desk : the workspace
    chosen : rule, rule_at; family_at; cap; batch; hours_of, hours_days, hours_from, hours_to; work, work_by (names);
        look, look_after; stop, stop_every, stop_takes; empty = as it is

    Raises
    ------
    InputError : when a lever is chosen by half
    """
    out: list[dict[str, Any]] = []
    if chosen.get("hours_of"):
        out.append(_hours(chosen))
    if chosen.get("work"):
        out.extend(_assignment(desk, chosen))
    if chosen.get("look"):
        out.append(_inspection(desk, chosen))
    if chosen.get("stop"):
        out.append(_maintenance(desk, chosen))
    if chosen.get("rule"):
        out.append(_at("dispatch", chosen.get("rule_at"), {"rule": str(chosen["rule"])}))
    if chosen.get("family_at"):
        out.append(_at("setup_family", chosen["family_at"], {"rule": "family"}))
    if chosen.get("cap"):
        out.append(_at("release", "", {"wip_cap": int(chosen["cap"])}))
    if chosen.get("batch"):
        out.append(_at("transfer_batch", "", {"quantity": int(chosen["batch"])}))
    return out


def _at(kind: str, place: Any, setting: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "scope": str(place or "plant"), "setting": setting}


def _half(lever: str) -> InputError:
    return InputError(f"the lever {lever} is chosen by half", fix="choose the rest of it too", code=f"half_{lever}")


def _hours(chosen: Mapping[str, Any]) -> dict[str, Any]:
    name, days = str(chosen["hours_of"]), DAYS.get(str(chosen.get("hours_days") or "week"))
    try:
        begin, end = float(chosen["hours_from"]), float(chosen["hours_to"])
    except (KeyError, TypeError, ValueError):
        raise _half("hours") from None
    if days is None:
        raise _half("hours")
    end += 24.0 if end <= begin else 0.0  # into the night
    return _at("hours", name, {name: [[day, begin, end] for day in days]})


def _assignment(desk: Desk, chosen: Mapping[str, Any]) -> list[dict[str, Any]]:
    operation, by = str(chosen["work"]), [str(name) for name in chosen.get("work_by") or ()]
    known = choices_of(desk)
    machines = [name for name in by if name in known.machines_of.get(operation, ())]
    people = [name for name in by if name not in machines and name in known.people_of.get(operation, ())]
    if not machines and not people:
        raise _half("assignment")
    out = [_at("assignment", operation, {operation: machines})] if machines else []
    return out + ([_at("assignment", "people", {operation: people})] if people else [])


def _inspection(desk: Desk, chosen: Mapping[str, Any]) -> dict[str, Any]:
    operation, after = str(chosen["look"]), str(chosen.get("look_after") or "")
    if not after or after == operation:
        raise _half("inspection")
    seen = desk.log().done.filter((pl.col("report") == "production") & (pl.col("operation") == operation))
    bad, good = float(seen["scrap"].sum() or 0.0), float(seen["good"].sum() or 0.0)
    caught = round(bad / max(bad + good, 1.0), 5)
    return _at("inspection", operation, {"operation": operation, "after": after, "caught": caught})


def _maintenance(desk: Desk, chosen: Mapping[str, Any]) -> dict[str, Any]:
    from zhizao.pilot.upkeep import factor_at, wear_of

    machine = str(chosen["stop"])
    try:
        every, takes = float(chosen["stop_every"]), float(chosen["stop_takes"])
    except (KeyError, TypeError, ValueError):
        raise _half("maintenance") from None
    wear = wear_of(desk.log().done.filter(pl.col("machine") == machine).sort("start"))
    # too few breakdowns, or breakdowns by chance: planned stops then only take time
    factor = factor_at(wear[0], wear[1], every) if wear is not None and wear[0] > 1.0 else 1.0
    setting = {"machine": machine, "every_h": every, "takes_h": takes, "mtbf_factor": round(factor, 3)}
    return _at("maintenance", machine, setting)
