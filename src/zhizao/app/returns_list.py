"""The list of returns as a long table: what a person may see of it, what is overdue first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import polars as pl

from zhizao.app.access import Person
from zhizao.app.desk import Desk
from zhizao.app.returns_desk import ReturnsDesk, Row, actor_of
from zhizao.clock import now
from zhizao.errors import InputError
from zhizao.programme.returns import Level, State

__all__ = ["FILTERS", "listed", "returns_list"]

FILTERS = ("state", "level", "period", "region", "unit", "overdue", "mine")
"""What narrows the list, as it stands in an address."""

_TIME = pl.Datetime("us", "UTC")
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "enterprise": pl.String,
    "works_zh": pl.String,
    "works_en": pl.String,
    "month": pl.String,
    "standing": pl.String,
    "turn_level": pl.String,
    "turn": pl.String,
    "until": _TIME,
    "overdue": pl.Boolean,
    "late": pl.Boolean,
    "version_no": pl.Int64,
    "sender": pl.String,
    "sent": _TIME,
    "is_published": pl.Boolean,
    "region_code": pl.String,
    "industry_code": pl.String,
    "size_code": pl.String,
}


_kept: OrderedDict[tuple[Any, ...], list[Row]] = OrderedDict()
_guard = threading.Lock()
_KEPT = 16


def listed(desk: Desk, person: Person, asked: Mapping[str, str]) -> list[Row]:
    """Returns that a person may see, narrowed as an address asks; overdue first, then what is due first.

    A tree of thousands of enterprises takes seconds to go through, so that what a person sees of it is kept for as long
    as the journal stays as it is, a minute at most.

    Parameters
    ----------
    desk, person : who looks, and where
    asked : `state`, `level`, `period`, `region`, `unit`, `overdue` ("1"), `mine` ("1")

    Raises
    ------
    InputError : there is no such state, level, unit or month
    """
    for name, known in (("state", State), ("level", Level)):
        if asked.get(name) and asked[name] not in list(known):
            raise InputError(f'"{asked[name][:40]}" is no {name}', fix=f"use {', '.join(known)}", code="bad_filter")
    at, actor = now(), actor_of(person)
    which = asked.get("period", ""), asked.get("unit", "")
    who = (actor.name, actor.role, actor.unit)
    key = (str(desk.path), desk.head(), who, at.replace(second=0, microsecond=0), *which)
    with _guard:
        rows = _kept.get(key)
    if rows is None:
        found = ReturnsDesk.of_desk(desk).rows(actor, at, period=which[0], unit=which[1])
        rows = sorted(found, key=lambda r: (not r.overdue, r.due is None, r.due.timestamp() if r.due else 0.0))
        with _guard:
            _kept[key] = rows
            while len(_kept) > _KEPT:
                _kept.popitem(last=False)
    state, level, region = (asked.get(name, "") for name in ("state", "level", "region"))
    late, mine = asked.get("overdue") == "1", asked.get("mine") == "1"
    return [
        row
        for row in rows
        if (not state or row.state == state)
        and (not level or row.level == level)
        and (not region or row.region == region)
        and (not late or row.overdue)
        and (not mine or (bool(actor.unit) and row.waits_for == actor.unit))
    ]


def returns_list(desk: Desk, person: Person, asked: Mapping[str, str]) -> pl.DataFrame:
    """The list as a frame, for the pages' long table and its exports."""
    rows = listed(desk, person, asked)
    return pl.DataFrame(
        [
            (
                row.enterprise,
                row.zh,
                row.en,
                row.period,
                row.state,
                row.level or None,
                row.waits_for or None,
                row.due,
                row.overdue,
                row.late,
                row.version,
                row.by or None,
                row.at,
                row.published,
                row.region or None,
                row.industry or None,
                row.size or None,
            )
            for row in rows
        ],
        schema=_SCHEMA,
        orient="row",
    )
