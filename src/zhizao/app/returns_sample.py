"""A workspace with the published returns of some sixty enterprises beside the sample plant's own.

The enterprises do not exist; their figures are drawn from a seed. Each return goes through the real state machine:
submitted by its enterprise, approved by its province and by the nation, published. Some are late and stay out, one
province has two enterprises and one is made up by a single large one, so that disclosure control has something to do.
The sample plant's return is filled from its journal, where that has records of the month.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from zhizao.app.returns_desk import ReturnsDesk
from zhizao.app.units import UNITS, read_tree
from zhizao.clock import now
from zhizao.model import Event
from zhizao.programme import returns as room
from zhizao.programme.classes import industries, regions, size_of
from zhizao.programme.items import items
from zhizao.programme.returns import Actor, Return, Tree
from zhizao.record import Workspace
from zhizao.record.returns import step_id, subject_of

__all__ = ["CELLS", "MONTHS", "add_returns", "draw_return", "published_steps", "write_units"]

MONTHS = ("2024-06", "2025-06")
"""Months of which returns are published."""

CELLS: dict[tuple[str, str], int] = {
    ("44", "34"): 6, ("44", "35"): 5, ("44", "39"): 5,
    ("32", "34"): 5, ("32", "35"): 4, ("32", "39"): 5,
    ("33", "34"): 5, ("33", "35"): 2, ("33", "39"): 4,
    ("37", "34"): 5, ("37", "35"): 4, ("37", "39"): 1,
    ("51", "34"): 4, ("51", "35"): 5,
    ("61", "34"): 2,
}  # fmt: skip
"""How many enterprises there are by region and industry, the sample plant not counted."""

_LARGE = ("32", "35")
"""Cell that one enterprise makes up nearly alone."""
_LATE = 4


def add_returns(
    workspace: Path, *, seed: int = 7, months: Sequence[str] = MONTHS, at: datetime | None = None, own: bool = True
) -> list[str]:
    """Fill a workspace that holds the sample plant with published returns.

    Parameters
    ----------
    workspace : its folder; `units.yaml` gains provinces and enterprises
    seed : of the figures
    months : of which returns are published; they have ended
    at : when the steps are taken; now when absent
    own : whether the sample plant's own return is filled, approved and published too

    Returns
    -------
    list : ids of the enterprises that were added
    """
    at = at or now()
    with Workspace.open(workspace) as place:
        added = write_units(place.folder or workspace)
        tree = read_tree(workspace, place.plant)
        events = []
        for number, enterprise in enumerate(added):
            for month in months:
                if month == months[-1] and number % (len(added) // _LATE) == 3:
                    continue  # has not returned yet
                events += published_steps(tree, enterprise, month, draw_return(tree, enterprise, month, seed), at)
        place.journal.append(events)
        if own:
            desk = ReturnsDesk.of_workspace(place)
            for month in months:
                _own(desk, month, at)
    return added


def write_units(folder: Path) -> list[str]:
    """Add provinces and enterprises to the tree of units; the ids of the enterprises."""
    file = folder / UNITS
    told: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    units = told["units"]
    top = next(name for name, unit in units.items() if unit["level"] == "nation")
    above = {unit["region"]: name for name, unit in units.items() if unit["level"] == "province" and unit.get("region")}
    added: list[str] = []
    for (region, industry), many in CELLS.items():
        if region not in above:
            one = regions()[region]
            above[region] = one.iso.removeprefix("CN-")
            province = {"level": "province", "zh": one.zh, "en": one.en, "parent": top, "region": region}
            units.setdefault(above[region], province)
        for number in range(1, many + 1):
            name = f"EX-{region}-{industry}-{number:02d}"
            added.append(name)
            units[name] = {
                "level": "enterprise",
                "zh": f"样例企业{regions()[region].zh}{industry}-{number:02d}",
                "en": f"example {regions()[region].en} {industry}-{number:02d}",
                "parent": above[region],
                "industry": industry,
                "region": region,
                "size": _size(region, industry, number),
            }
            if industry not in industries():
                raise ValueError(industry)
    file.write_text(yaml.safe_dump(told, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return added


def _people(region: str, industry: str, number: int) -> float:
    """Persons employed: alike in a cell, but for the one large enterprise."""
    if (region, industry) == _LARGE and number == 1:
        return 2600.0
    return 60.0 + 37.0 * ((int(region) * 7 + int(industry) * 3 + number * 5) % 9)


def _size(region: str, industry: str, number: int) -> str:
    people = _people(region, industry, number)
    return size_of(people, people * 1.1e6)


def draw_return(tree: Tree, enterprise: str, month: str, seed: int) -> dict[str, float]:
    """Figures of one enterprise's month: all forty items, from the seed alone."""
    unit = tree.enterprise(enterprise)
    region, industry, number = str(unit.region), str(unit.industry), int(enterprise.rsplit("-", 1)[1])
    steady = np.random.default_rng([seed, int(region), int(industry), number])
    moving = np.random.default_rng([seed, int(region), int(industry), number, *map(int, month.split("-"))])
    years = int(month[:4]) - 2024
    people = _people(region, industry, number)

    def around(middle: float, spread: float = 0.12) -> float:
        return float(middle * np.exp(steady.normal(0, spread) + moving.normal(0, 0.02)))

    revenue = around(people * 90_000.0) * 1.05**years
    waste = around(people * 0.35, 0.2)
    made = np.rint(around(people * 210.0))
    processes = float(6 + steady.integers(0, 30))
    controlled = np.rint(processes * min(0.97, steady.uniform(0.4, 0.75) + 0.035 * years))
    electricity = around(people * 1_050.0)
    values = dict.fromkeys(items(), 0.0)
    values.update(
        revenue_cny=revenue,
        output_cny=revenue * 1.01,
        value_added_cny=revenue * around(0.27, 0.05),
        materials_cny=revenue * around(0.55, 0.05),
        operating_cost_cny=revenue * around(0.2, 0.05),
        wages_cny=people * around(8_600.0, 0.05),
        profit_cny=revenue * around(0.06, 0.1),
        tax_cny=revenue * 0.04,
        employees=people,
        rd_spend_cny=revenue * around(0.019, 0.15) * 1.06**years,
        rd_people=np.rint(people * 0.07),
        patents_valid=np.rint(around(people * 0.05 + 2, 0.1)),
        new_product_revenue_cny=revenue * around(0.2, 0.1),
        exports_cny=revenue * around(0.15, 0.1),
        orders_cny=revenue * around(1.02, 0.05),
        digital_rd_tools=float(steady.uniform() < 0.78 + 0.04 * years),
        key_processes=processes,
        key_processes_nc=controlled,
        electricity_kwh=electricity,
        gas_m3=around(people * 40.0),
        energy_tce=electricity * 0.0001229 + people * 0.0532,
        co2_t=electricity * 0.0005366 + people * 0.0874,
        water_m3=around(people * 5.5),
        waste_generated_t=waste,
        waste_used_t=waste * min(0.95, around(0.62, 0.1)),
        pollutants_t=around(people * 0.004),
        products_made=made,
        products_defective=np.rint(made * around(0.021, 0.2) * 0.93**years),
        batches_inspected=20.0,
        batches_passed=19.0,
        cycle_h=around(120.0),
        capacity_cny=revenue * 1.25,
        inventory_cny=revenue * 0.9,
        receivables_cny=revenue * 1.3,
        investment_cny=revenue * 0.05,
        assets_cny=revenue * 14.0,
        debts_cny=revenue * 7.0,
    )
    return {key: float(round(value, 4)) for key, value in values.items()}


def published_steps(tree: Tree, enterprise: str, month: str, values: dict[str, float], at: datetime) -> list[Event]:
    """All steps of a return, each checked and taken as the returns desk does, but recorded together."""
    path = tree.path(enterprise)
    one = Return(enterprise, month)
    reporter = Actor(name=f"reporter-{enterprise}", role="reporter", unit=enterprise)
    wanted: list[tuple[str, Actor, room.Step]] = [
        ("submit", reporter, room.Submitted(by=reporter, at=at, values=dict(values), path=path))
    ]
    for unit in path:
        manager = Actor(name=f"manager-{unit}", role="manager", unit=unit)
        wanted.append(("approve", manager, room.Reviewed(by=manager, at=at, verdict="approved", unit=unit)))
    top = Actor(name=f"manager-{path[-1]}", role="manager", unit=path[-1])
    wanted.append(("publish", top, room.Published(by=top, at=at)))
    out = []
    for number, (action, actor, step) in enumerate(wanted, start=1):
        room.check(action, actor, tree, one)
        one, _ = room.advance(one, step)
        payload = room.payload_of(step, one.versions[-1].number)
        subject = subject_of(enterprise, month)
        out.append(
            Event(
                id=step_id(subject, number),
                kind=step.kind,
                at=at,
                recorded_at=at,
                source=actor.name,
                subject=subject,
                payload={**payload, "enterprise": enterprise, "period": month, "step": number},
            )
        )
    return out


def _own(desk: ReturnsDesk, month: str, at: datetime) -> None:
    """The sample plant's return: filled from its journal, the rest by hand with a note, approved and published."""
    filled = desk.fill(month)
    if filled.values.get("products_made") is None:
        return
    own = desk.own
    by_hand = {"patents_valid": 4.0, "digital_rd_tools": 1.0, "waste_used_old_t": 0.0}
    values = {key: value if value is not None else by_hand.get(key) for key, value in filled.values.items()}
    notes = {key: "not recorded at this plant" for key, value in values.items() if value is None}
    reporter = Actor(name="reporter", role="reporter", unit=own)
    desk.submit(reporter, own, month, values, notes, at=at)
    path = desk.tree.path(own)
    for unit in path:
        desk.approve(Actor(name=f"manager-{unit}", role="manager", unit=unit), own, month, at=at)
    desk.publish(Actor(name=f"manager-{path[-1]}", role="manager", unit=path[-1]), own, month, at=at)
