"""Returns of a generated economy as published returns of a workspace, so that pages, routes and commands roll them up.

Each return goes through the real state machine, as those of people do: submitted by its enterprise, approved by its
province and by the nation, published. A return that never arrived stays out; one that was replaced later is its last one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from zhizao.app.returns_desk import ReturnsDesk
from zhizao.app.returns_sample import published_steps
from zhizao.app.units import UNITS, read_tree
from zhizao.clock import now
from zhizao.errors import InputError
from zhizao.model import Event
from zhizao.programme.classes import industries, regions
from zhizao.programme.rollup import month_label, month_number
from zhizao.record import Workspace
from zhizao.testing.economy import ITEMS, read_economy

__all__ = ["MOST_RETURNS", "publish_economy"]

MOST_RETURNS = 60_000
"""Most returns at once: each is four events of the journal."""
_NEVER = 255
Progress = Callable[[str, float], None]


def publish_economy(
    folder: Path,
    workspace: Path,
    *,
    first: str,
    last: str,
    enterprises: int = 300,
    at: datetime | None = None,
    progress: Progress = lambda _stage, _share: None,
) -> dict[str, Any]:
    """Publish returns of an economy in a workspace.

    Parameters
    ----------
    folder : of the economy
    workspace : its folder; made when absent, `units.yaml` gains provinces and enterprises
    first, last : months, both included
    enterprises : how many, spread evenly over the register
    at : when the steps are taken; now when absent
    progress : told a stage and a share

    Returns
    -------
    dict
        Enterprises, months, returns published, returns that never arrived, and those that are there already.

    Raises
    ------
    InputError : no economy, months outside of it or in the wrong order, or more returns than are taken at once
    """
    start, end = month_number(first, where="--first"), month_number(last, where="--last")
    if end < start:
        raise InputError(f"{last} is before {first}", where="--last", fix="give the later month last", code="bad_span")
    many = end - start + 1
    if enterprises < 1 or enterprises * many > MOST_RETURNS:
        raise InputError(
            f"{enterprises:,} enterprises x {many} months are {enterprises * many:,} returns",
            where="--enterprises",
            fix=f"take 1 to {MOST_RETURNS // many:,} of them, or fewer months",
            code="too_many_returns",
        )
    economy = read_economy(folder, ITEMS, progress)
    months = economy.values.shape[1]
    if start < economy.first or end >= economy.first + months:
        raise InputError(
            f"the economy has the months {month_label(economy.first)} to {month_label(economy.first + months - 1)}",
            where="--first, --last",
            fix="name months of it",
            code="bad_span",
        )
    frame = economy.frame
    alive = np.flatnonzero(
        (frame["born"].to_numpy() <= end - economy.first) & (frame["died"].to_numpy() > start - economy.first)
    )
    chosen = alive[np.unique(np.linspace(0, len(alive) - 1, min(enterprises, len(alive))).astype(np.int64))]
    at = at or now()
    said = {"enterprises": len(chosen), "months": many, "published": 0, "never_arrived": 0, "there_already": 0}
    with Workspace.open(workspace) as place:
        home = place.folder or workspace
        names = _write_units(home, frame.rows(named=True), chosen)
        tree = read_tree(home, place.plant)
        there = set(ReturnsDesk.of_workspace(place).all())
        for k, (row, name) in enumerate(zip(chosen.tolist(), names, strict=True)):
            events: list[Event] = []
            for month in range(start - economy.first, end - economy.first + 1):
                if not frame["born"][row] <= month < frame["died"][row]:
                    continue
                if economy.arrival[month, row] == _NEVER:
                    said["never_arrived"] += 1
                    continue
                if (name, month_label(economy.first + month)) in there:
                    said["there_already"] += 1
                    continue
                told = economy.values[:, month, row].astype(np.float64)
                values = {key: float(v) for key, v in zip(economy.items, told, strict=True) if np.isfinite(v)}
                events += published_steps(tree, name, month_label(economy.first + month), values, at)
                said["published"] += 1
            place.journal.append(events)
            progress("publish", (k + 1) / len(chosen))
    return said


def _write_units(home: Path, register: list[dict[str, Any]], chosen: Any) -> list[str]:
    """Add nation, provinces and the chosen enterprises to the tree of units; their ids."""
    file = home / UNITS
    told: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    units = told.setdefault("units", {})
    top = next((name for name, unit in units.items() if unit["level"] == "nation"), None)
    if top is None:
        top = "CN"
        units[top] = {"level": "nation", "zh": "全国", "en": "nation"}
    above = {unit["region"]: name for name, unit in units.items() if unit["level"] == "province" and unit.get("region")}
    names = []
    for at in chosen.tolist():
        row = register[at]
        region, industry = str(row["region"]), str(row["industry"])
        if region not in regions() or industry not in industries():
            raise InputError(f"{region}, {industry} are no region and industry", where=str(home), code="no_group")
        if region not in above:
            one = regions()[region]
            above[region] = one.iso.removeprefix("CN-")
            province = {"level": "province", "zh": one.zh, "en": one.en, "parent": top, "region": region}
            units.setdefault(above[region], province)
        name = f"EC-{at:06d}"
        names.append(name)
        units[name] = {
            "level": "enterprise", "zh": f"虚拟企业 {at:06d}", "en": f"invented enterprise {at:06d}",
            "parent": above[region], "industry": industry, "region": region, "size": str(row["size"]),
        }  # fmt: skip
    file.write_text(yaml.safe_dump(told, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return names
