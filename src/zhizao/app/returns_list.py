"""The list of returns as a long table: what a person may see of it, what is overdue first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from zhizao.app.access import Person
from zhizao.app.desk import Desk
from zhizao.app.returns_desk import ReturnsDesk, Row, actor_of
from zhizao.clock import now
from zhizao.programme.returns import Actor

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


def listed(desk: ReturnsDesk, actor: Actor, at: datetime, asked: Mapping[str, str]) -> list[Row]:
    """Returns that a person may see, narrowed as an address asks; overdue first, then what is due first.

    Parameters
    ----------
    desk, actor, at : who looks, where, when
    asked : `state`, `level`, `period`, `region`, `unit`, `overdue` ("1"), `mine` ("1")

    Raises
    ------
    InputError : there is no such state, level, unit or month
    """
    rows = desk.rows(
        actor,
        at,
        state=asked.get("state", ""),
        level=asked.get("level", ""),
        period=asked.get("period", ""),
        unit=asked.get("unit", ""),
        overdue=True if asked.get("overdue") == "1" else None,
        mine=asked.get("mine") == "1",
    )
    region = asked.get("region", "")
    kept = [row for row in rows if not region or row.region == region]
    return sorted(kept, key=lambda row: (not row.overdue, row.due is None, row.due.timestamp() if row.due else 0.0))


def returns_list(desk: Desk, person: Person, asked: Mapping[str, str]) -> pl.DataFrame:
    """The list as a frame, for the pages' long table and its exports."""
    rows = listed(ReturnsDesk.of_desk(desk), actor_of(person), now(), asked)
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
