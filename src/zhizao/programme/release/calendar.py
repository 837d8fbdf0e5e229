"""When a figure may be seen and by whom; what is under embargo does not leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import polars as pl

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.release.dataset import Dataset

__all__ = ["RULES", "Release", "RoleRule", "check_calendar", "due", "may_see", "visible"]

INTERNAL = frozenset({"N", "C", "D", "S", "A", "O", "T", "G", "M"})
"""CONF_STATUS that is never public."""


@dataclass(frozen=True, slots=True)
class RoleRule:
    """What a role may see.

    Parameters
    ----------
    early : how long before the release
    confidential : whether cells that are never public too
    """

    early: timedelta = timedelta(0)
    confidential: bool = False


RULES: Mapping[str, RoleRule] = {
    "public": RoleRule(),
    "enterprise": RoleRule(),
    "reviewer": RoleRule(early=timedelta(days=3)),
    "minister": RoleRule(early=timedelta(hours=24)),
    "statistician": RoleRule(early=timedelta(days=3650), confidential=True),
}
"""Pre-release access is short and named; whoever is not among the roles sees what the public sees."""


@dataclass(frozen=True, slots=True)
class Release:
    """An entry of the calendar.

    Parameters
    ----------
    id : of the release
    flow : dataflow that is released
    period : that it is about, such as 2025-Q2
    at : when; aware
    state : planned, released or withdrawn
    title_en, title_zh : names
    """

    id: str
    flow: str
    period: str
    at: datetime
    state: Literal["planned", "released", "withdrawn"] = "planned"
    title_en: str = ""
    title_zh: str = ""


def check_calendar(calendar: Sequence[Release]) -> None:
    """Refuse a calendar that contradicts itself.

    Raises
    ------
    FaultsFound : an id twice, a flow and period released twice, a time without zone
    """
    faults: list[Fault] = []
    seen: set[str] = set()
    keys: set[tuple[str, str]] = set()
    for one in calendar:
        if one.id in seen:
            faults.append(Fault("the release stands there twice", one.id, "keep one", "duplicate_key"))
        if one.at.tzinfo is None:
            faults.append(Fault(f"{one.at} has no time zone", one.id, "add it", "naive_time"))
        if one.state != "withdrawn" and (one.flow, one.period) in keys:
            faults.append(Fault(f"{one.flow} {one.period} is released twice", one.id, "withdraw one", "duplicate_key"))
        seen.add(one.id)
        if one.state != "withdrawn":
            keys.add((one.flow, one.period))
    if faults:
        raise FaultsFound("the release calendar contradicts itself", faults, where="calendar")


def may_see(release: Release, role: str, now: datetime, rules: Mapping[str, RoleRule] = RULES) -> bool:
    """Whether a role may see what a release holds at a time.

    Parameters
    ----------
    release : entry of the calendar
    role : who looks; an unknown role counts as the public
    now : aware time
    rules : what each role may see

    Examples
    --------
    >>> from datetime import UTC
    >>> plan = Release("R1", "PLAN2025", "2025", datetime(2026, 3, 1, 2, tzinfo=UTC))
    >>> early = datetime(2026, 2, 28, 12, tzinfo=UTC)
    >>> may_see(plan, "public", early), may_see(plan, "minister", early), may_see(plan, "stranger", plan.at)
    (False, True, True)
    """
    if now.tzinfo is None:
        raise InputError(f"{now} has no time zone", where="now", fix="add it", code="naive_time")
    if release.state == "withdrawn":
        return False
    return now >= release.at - rules.get(role, RoleRule()).early


def due(calendar: Sequence[Release], now: datetime, *, within: timedelta = timedelta(days=31)) -> tuple[Release, ...]:
    """Planned releases of the coming days, soonest first; overdue ones lead."""
    coming = [one for one in calendar if one.state == "planned" and one.at <= now + within]
    return tuple(sorted(coming, key=lambda one: (one.at, one.id)))


def visible(
    data: Dataset, release: Release, role: str, now: datetime, rules: Mapping[str, RoleRule] = RULES
) -> Dataset:
    """The part of a data set that may leave to a role at a time.

    Parameters
    ----------
    data : everything
    release : its entry of the calendar
    role : who asks
    now : aware time
    rules : what each role may see

    Returns
    -------
    Dataset
        No row before the role's time. Afterwards every key stays, and cells that the role may not see have no value,
        OBS_STATUS Q (suppressed), and no other attribute that could give the value away.

    Raises
    ------
    InputError : when the entry is about another dataflow
    """
    if release.flow != data.metadata.flow:
        raise InputError(
            f"the entry is about {release.flow}, the data are {data.metadata.flow}",
            where=release.id,
            fix="take its own entry",
            code="other_flow",
        )
    if not may_see(release, role, now, rules):
        return Dataset(data.metadata, data.frame.clear(), data.dimensions, data.attributes)
    if rules.get(role, RoleRule()).confidential or "CONF_STATUS" not in data.attributes:
        return data
    hidden = pl.col("CONF_STATUS").is_in(list(INTERNAL))
    frame = data.frame.with_columns(
        pl.when(hidden).then(None).otherwise(pl.col("OBS_VALUE")).alias("OBS_VALUE"),
        *(
            pl.when(hidden)
            .then(pl.lit("Q") if name == "OBS_STATUS" else pl.lit(None, dtype=pl.String))
            .otherwise(pl.col(name))
            .alias(name)
            for name in data.attributes
            if name != "CONF_STATUS"
        ),
    )
    # embargo ends with the release: what was held back until then is free
    if now >= release.at:
        frame = frame.with_columns(CONF_STATUS=pl.col("CONF_STATUS").replace({"E": "F"}))
    return Dataset(data.metadata, frame, data.dimensions, data.attributes)
