"""Releases: the calendar of a workspace, the data sets behind it, and what may leave to whom at a time.

The calendar is `programme/releases.yaml`. A data set is made from the values of the indicators, or from returns that are
published, summed by region and industry with disclosure control; as the records stood when it was released, so that a
release stays what it was. Before its time no figure of it leaves to anybody whose role is not named, whatever the way:
everything that hands out figures asks `dataset_for` or `held_month` here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import AwareDatetime, Field, ValidationError, field_validator, model_validator

from zhizao.app.access import LADDER, Person, Role
from zhizao.errors import InputError, NotAllowed
from zhizao.model.noun import Noun
from zhizao.programme.items import items

if TYPE_CHECKING:
    import polars as pl

    from zhizao.app.desk import Desk
    from zhizao.programme.release import Dataset, Release
    from zhizao.programme.returns import Tree

__all__ = [
    "ITEMS", "Entry", "Shown", "calendar", "dataset_for", "due_soon", "entry_of", "held_month", "may_edit", "may_see_entry",
    "protected", "put_entry", "remove_entry", "shown", "withdraw_entry",
]  # fmt: skip

FILE = "programme/releases.yaml"
"""The calendar, in a workspace."""

AGENCY = "ZHIZAO"
FLOWS = {"indicators": "INDICATORS", "rollup": "ROLLUP"}
"""Sources of data sets and their dataflows."""

ITEMS = ("revenue_cny", "output_cny", "value_added_cny", "employees", "energy_tce")
"""Items of a roll-up where an entry names none."""

EARLY_ROLES = tuple(role.value for role in Role)
_LONGEST = timedelta(days=30)
RULE = "default"


class Entry(Noun):
    """One entry of the release calendar."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")
    """Its name, in addresses and files."""

    source: Literal["indicators", "rollup"]
    """What the figures are made from."""

    period: str = Field(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2]))?$")
    """Month of a roll-up, such as 2025-06; year of indicators."""

    at: AwareDatetime
    """Embargo: nothing leaves to the public before."""

    zh: str = Field(min_length=1, max_length=200)
    """Title in Chinese."""

    en: str = Field(min_length=1, max_length=200)
    """Title in English."""

    early_roles: tuple[str, ...] = ()
    """Roles that may see it before."""

    early_hours: float = Field(default=24.0, ge=0, le=_LONGEST.days * 24)
    """How long before."""

    items: tuple[str, ...] = ()
    """Items of a roll-up; a few main ones when empty."""

    withdrawn: bool = False
    """Whether it was taken back."""

    reason: str = Field(default="", max_length=1000)
    """Why it was taken back."""

    planned: AwareDatetime | None = None
    """When it was planned, or last changed."""

    by: str = Field(default="", max_length=200)
    """Who changed it last."""

    @field_validator("early_roles")
    @classmethod
    def _roles(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        for role in roles:
            if role not in EARLY_ROLES:
                raise ValueError(f'"{role}" is no role; use {", ".join(EARLY_ROLES)}')
        return tuple(dict.fromkeys(roles))

    @field_validator("items")
    @classmethod
    def _items(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if key not in items():
                raise ValueError(f'"{key}" is not an item of the return')
            if items()[key].signed:
                raise ValueError(f'"{key}" can be below zero, and such tables cannot be protected')
            if items()[key].over == "flag" or items()[key].unit in ("h", "1"):
                raise ValueError(f'"{key}" does not add up')
        return tuple(dict.fromkeys(keys))

    @model_validator(mode="after")
    def _period_fits(self) -> Entry:
        if (self.source == "rollup") != ("-" in self.period):
            raise ValueError(
                "write the month of a roll-up as 2025-06" if self.source == "rollup" else "write the year as 2025"
            )
        return self

    @property
    def out(self) -> datetime:
        """When it left: at its time, or when it was planned where that came later."""
        return self.at if self.planned is None else max(self.at, self.planned)

    def release(self) -> Release:
        """As the room below knows it."""
        from zhizao.programme.release import Release

        state: Literal["planned", "withdrawn"] = "withdrawn" if self.withdrawn else "planned"
        return Release(self.id, FLOWS[self.source], self.period, self.at, state, self.en, self.zh)


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as somebody sees it: its state now, from when they may see it, and whether they may already."""

    entry: Entry
    state: str
    """`embargo`, `released` or `withdrawn`."""
    opens: datetime
    may_see: bool


# ------------------------------------------------------------------ calendar


def calendar(workspace: Path) -> list[Entry]:
    """Entries of a workspace, soonest release first.

    Raises
    ------
    InputError : the file has faults; then nothing is released, rather than too much
    """
    file = workspace / FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(str(error)) from error
    from zhizao.programme.release import check_calendar

    try:
        read = yaml.safe_load(text) or {}
        if not isinstance(read, dict) or not isinstance(read.get("releases", []), list):
            raise _broken("it holds no list `releases`")
        entries = [Entry.model_validate(one) for one in read.get("releases", [])]
    except (yaml.YAMLError, ValidationError) as error:
        raise _broken(_first(error)) from error
    check_calendar([one.release() for one in entries])
    return sorted(entries, key=lambda one: (one.at, one.id))


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors()[0]
        where = ".".join(str(part) for part in found["loc"])
        return f"{where}: {str(found['msg']).removeprefix('Value error, ')}".removeprefix(": ")
    return str(error).splitlines()[0]


def _broken(why: str) -> InputError:
    return InputError(
        f"the release calendar cannot be read: {why}", where=FILE, fix="mend the file", code="bad_calendar"
    )


def _save(workspace: Path, entries: Sequence[Entry]) -> None:
    from zhizao.programme.release import check_calendar
    from zhizao.record.whole import write_whole

    check_calendar([one.release() for one in entries])
    rows = [one.model_dump(mode="json", exclude_defaults=True) for one in entries]
    write_whole(workspace / FILE, yaml.safe_dump({"releases": rows}, allow_unicode=True, sort_keys=False))


def entry_of(workspace: Path, name: str) -> Entry:
    """An entry by its id.

    Raises
    ------
    InputError : there is none (`no_release`)
    """
    for one in calendar(workspace):
        if one.id == name:
            return one
    raise InputError(f'there is no release "{name[:60]}"', fix="look at the calendar", code="no_release")


def may_edit(person: Person, tree: Tree) -> bool:
    """Whether somebody may change the calendar: a manager of the plant or of the top of the tree, or an admin."""
    if person.role not in (Role.MANAGER, Role.ADMIN):
        return False
    top = person.unit in tree.units and tree.units[person.unit].parent is None
    return top or (not person.outside and not person.unit) or (person.role in LADDER and person.role is Role.ADMIN)


def _need(desk: Desk, person: Person) -> None:
    from zhizao.app.units import read_tree

    if not may_edit(person, read_tree(desk.path, desk.plant)):
        raise NotAllowed(
            f'"{person.name}" is {person.role}; the calendar is kept by a manager of the top level',
            fix="ask an admin for the role",
            code="role",
        )


def put_entry(desk: Desk, person: Person, told: Mapping[str, Any], now: datetime) -> Entry:
    """Plan a release, or change one that has not been released.

    Raises
    ------
    NotAllowed : the role does not permit it, or it has been released (`released`)
    InputError : it cannot be read
    """
    _need(desk, person)
    try:
        made = Entry.model_validate({**told, "by": person.name, "withdrawn": False, "planned": now})
    except ValidationError as error:
        raise InputError(_first(error), where="release", fix="mend the entry", code="bad_release") from error
    entries = calendar(desk.path)
    old = next((one for one in entries if one.id == made.id), None)
    if old is not None and (old.withdrawn or old.at <= now):
        raise NotAllowed(
            f"{made.id} is {'withdrawn' if old.withdrawn else 'released'} already",
            fix="withdraw it, and plan a new one under another id",
            code="released",
        )
    _save(desk.path, [*(one for one in entries if one.id != made.id), made])
    return made


def withdraw_entry(desk: Desk, person: Person, name: str, reason: str) -> Entry:
    """Take a release back: nobody sees its figures any more; it stays in the calendar."""
    _need(desk, person)
    old = entry_of(desk.path, name)
    if not reason.strip():
        raise InputError("no reason is given", where="reason", fix="say why it is withdrawn", code="no_reason")
    made = old.model_copy(update={"withdrawn": True, "reason": reason.strip()[:1000], "by": person.name})
    _save(desk.path, [made if one.id == name else one for one in calendar(desk.path)])
    return made


def remove_entry(desk: Desk, person: Person, name: str, now: datetime) -> None:
    """Strike out an entry whose time has not come; what was released stays in the calendar."""
    _need(desk, person)
    old = entry_of(desk.path, name)
    if old.at <= now:
        raise NotAllowed(f"{name} has been released", fix="withdraw it", code="released")
    _save(desk.path, [one for one in calendar(desk.path) if one.id != name])


# ------------------------------------------------------------------- embargo


def _early(entry: Entry, role: str) -> timedelta:
    return timedelta(hours=entry.early_hours) if role in entry.early_roles else timedelta(0)


def may_see_entry(entry: Entry, person: Person, now: datetime) -> bool:
    """Whether somebody may see the figures of a release at a time."""
    from zhizao.programme.release import RoleRule, may_see

    role = person.role.value
    return may_see(entry.release(), role, now, {role: RoleRule(early=_early(entry, role))})


def held_month(workspace: Path, person_role: str, month: str, now: datetime) -> bool:
    """Whether the figures of a month's published returns are under embargo for a role.

    For every page, route and export that shows such figures to those who are not part of making them; whoever reports or
    approves a return sees it in any case. A calendar that cannot be read holds everything back,
    and what was withdrawn before its time stays back until then.
    """
    try:
        entries = calendar(workspace)
    except InputError:
        return True
    return any(
        one.source == "rollup" and one.period == month and now < one.at - _early(one, person_role) for one in entries
    )


def shown(desk: Desk, person: Person, now: datetime) -> list[Shown]:
    """The calendar as somebody sees it: what is coming first, then what has been released, newest first."""
    out = []
    for one in calendar(desk.path):
        state = "withdrawn" if one.withdrawn else "released" if now >= one.at else "embargo"
        out.append(Shown(one, state, one.at - _early(one, person.role.value), may_see_entry(one, person, now)))
    coming = [one for one in out if one.state == "embargo"]
    return coming + [one for one in reversed(out) if one.state != "embargo"]


def due_soon(desk: Desk, now: datetime, days: int = 31) -> list[Entry]:
    """Entries of the coming days, soonest first."""
    from zhizao.programme.release import due

    entries = {one.id: one for one in calendar(desk.path) if one.at > now}
    return [
        entries[one.id] for one in due([one.release() for one in entries.values()], now, within=timedelta(days=days))
    ]


# ----------------------------------------------------------------- data sets


def dataset_for(desk: Desk, person: Person, name: str, now: datetime) -> tuple[Entry, Dataset]:
    """The data set of a release, as far as somebody may see it now.

    Raises
    ------
    InputError : there is no such release (`no_release`)
    NotAllowed : it is under embargo for this person (`embargo`), or was withdrawn (`withdrawn`)
    """
    from zhizao.programme.release import RoleRule, visible

    entry = entry_of(desk.path, name)
    if entry.withdrawn:
        raise NotAllowed(f"{name} was withdrawn: {entry.reason}", fix="look for a later release", code="withdrawn")
    if not may_see_entry(entry, person, now):
        opens = entry.at - _early(entry, person.role.value)
        raise NotAllowed(
            f"{name} is under embargo until {opens:%Y-%m-%d %H:%M} UTC", fix="come back then", code="embargo"
        )
    vintage = min(now, entry.out)
    make = _indicators if entry.source == "indicators" else _rollup
    frozen = entry.at <= now
    key = (entry.model_dump_json(), vintage.isoformat() if frozen else "")
    whole: Dataset = desk.once(f"release-{entry.source}", lambda: make(desk, entry, vintage), *key)
    role = person.role.value
    return entry, visible(whole, entry.release(), role, now, {role: RoleRule(early=_early(entry, role))})


def _metadata(entry: Entry, vintage: datetime, definitions: str, source: str) -> Any:
    from zhizao.programme.release import Metadata

    return Metadata(AGENCY, FLOWS[entry.source], "1.0.0", entry.en, entry.zh, definitions, vintage, entry.at, source)


def _embargoed(entry: Entry, vintage: datetime) -> str:
    return "E" if vintage < entry.at else "F"


def _indicators(desk: Desk, entry: Entry, vintage: datetime) -> Dataset:
    """Values of the indicators that belong to a year, as they were known at the vintage."""
    import polars as pl

    from zhizao.programme.indicators import actuals, catalogue
    from zhizao.programme.outlook.evaluate import Settings, evaluate
    from zhizao.programme.outlook.report.sections import open_text
    from zhizao.programme.release import Dataset

    found = evaluate(catalogue(), actuals(), Settings(vintage.date()))
    free = _embargoed(entry, vintage)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in found.results:
        definition = one.definition
        for track in one.tracks.tracks:
            for point in track.observed:
                seen = point.observation
                if seen is None or str(seen.year) != entry.period:
                    continue
                # of several points of a year the last one counts
                rows[(definition.id, track.series)] = {
                    "INDICATOR": definition.id,
                    "SERIES": track.series,
                    "TIME_PERIOD": entry.period,
                    "OBS_VALUE": float(f"{point.figure:.6g}"),
                    "UNIT_MEASURE": definition.unit,
                    "DEFINITION": f"{definition.id}/{definition.version}",
                    "SOURCE": seen.source,
                    "OBS_STATUS": "U" if seen.confidence == "low" else "E" if seen.approx or seen.derived else "A",
                    "CONF_STATUS": free,
                    "COMMENT_OBS": open_text(definition, point.figure, "en"),
                }
    attributes = ("UNIT_MEASURE", "DEFINITION", "SOURCE", "OBS_STATUS", "CONF_STATUS", "COMMENT_OBS")
    schema = dict.fromkeys(("INDICATOR", "SERIES", "TIME_PERIOD", *attributes), pl.String)
    frame = pl.DataFrame(list(rows.values()), schema={**schema, "OBS_VALUE": pl.Float64})
    version = "+".join(sorted({str(row["DEFINITION"]) for row in rows.values()})) or "none"
    return Dataset.of(
        frame,
        _metadata(
            entry,
            vintage,
            version if len(version) < 200 else f"{len(rows)} definitions",
            "published values of the sources named",
        ),
        dimensions=("INDICATOR", "SERIES", "TIME_PERIOD"),
        attributes=attributes,
    )


def _rollup(desk: Desk, entry: Entry, vintage: datetime) -> Dataset:
    """Published returns of a month by region and industry, unsafe cells withheld."""
    import polars as pl

    from zhizao.app.units import read_tree
    from zhizao.programme.release import Dataset

    tree = read_tree(desk.path, desk.plant)
    told = desk.journal.returned("published", as_of=vintage).filter(pl.col("period") == entry.period)
    shared = _shared(told, tree)
    frames = []
    for key in entry.items or ITEMS:
        values = dict(told.filter(pl.col("item") == key).select("enterprise", "value").drop_nulls().rows())
        known = {name: value for name, value in values.items() if name in tree.units and value >= 0}
        frames.append(protected(key, known, tree, shared))
    frame = pl.concat(frames).with_columns(TIME_PERIOD=pl.lit(entry.period))
    free = _embargoed(entry, vintage)
    frame = frame.with_columns(CONF_STATUS=pl.col("CONF_STATUS").replace({"F": free}))
    meta = _metadata(entry, vintage, "return-40/1", f"published returns; disclosure rule {RULE}; cells withheld are Q")
    return Dataset.of(
        frame,
        meta,
        dimensions=("ITEM", "REF_AREA", "ACTIVITY", "TIME_PERIOD"),
        attributes=("UNIT_MEASURE", "ENTERPRISES", "OBS_STATUS", "CONF_STATUS"),
    )


_STATUS = {"": "F", "minimum": "A", "dominance": "G", "p_percent": "N", "secondary": "D", "alike": "D"}


def _shared(told: pl.DataFrame, tree: Tree) -> dict[tuple[str, str], str]:
    """What the roll-up of these returns withholds, by region and industry: it tells sums of the same items."""
    import numpy as np
    import polars as pl

    from zhizao.app.rollup_desk import told_plan
    from zhizao.programme.rollup import shared_pattern

    plan = told_plan()
    placed = [name for name, unit in tree.units.items() if unit.region is not None and unit.industry is not None]
    names = sorted(set(told["enterprise"]) & set(placed))
    if not names:
        return {}
    values = {}
    for key in plan.items:
        known = dict(told.filter(pl.col("item") == key).select("enterprise", "value").drop_nulls().rows())
        values[key] = np.array([known.get(name, np.nan) for name in names], dtype=np.float64)
    places = [(tree.units[name].region or "", tree.units[name].industry or "") for name in names]
    return shared_pattern(plan.definitions, values, [one for one, _ in places], [one for _, one in places])


def protected(
    item: str, values: Mapping[str, float], tree: Tree, also: Mapping[tuple[str, str], str] | None = None
) -> pl.DataFrame:
    """Sums of one item by region and industry with totals; withheld cells have no value and no count.

    Parameters
    ----------
    item : key of the item
    values : 0 or more, by enterprise
    tree : where enterprises stand
    also : cells that another table of the same returns withholds, with the reason; they are withheld here too
    """
    import numpy as np
    import polars as pl

    from zhizao.programme.disclosure import flat_table, protect, rule_named

    schema = {
        "ITEM": pl.String, "REF_AREA": pl.String, "ACTIVITY": pl.String, "OBS_VALUE": pl.Float64, "UNIT_MEASURE": pl.String,
        "ENTERPRISES": pl.String, "OBS_STATUS": pl.String, "CONF_STATUS": pl.String,
    }  # fmt: skip
    if not values:
        return pl.DataFrame(schema=schema)
    names = list(values)
    codes = {
        "region": [tree.units[name].region or "00" for name in names],
        "industry": [tree.units[name].industry or "00" for name in names],
    }
    made = protect(flat_table(codes, [values[name] for name in names]), rule_named(RULE))
    table = made.table
    rows = []
    for cell in np.flatnonzero(table.count.reshape(-1) > 0).tolist():
        area, activity = (("_T" if one == "total" else one) for one in table.label(cell))
        place = table.label(cell)
        reason = str(made.reason.reshape(-1)[cell]) or (also or {}).get((place[0], place[1]), "")
        value = None if reason else round(float(table.value.reshape(-1)[cell]), 2)
        count = None if reason else str(int(table.count.reshape(-1)[cell]))
        status = "Q" if reason else "A"
        rows.append((item, area, activity, value, items()[item].unit, count, status, _STATUS[reason]))
    return pl.DataFrame(rows, schema=schema, orient="row")
