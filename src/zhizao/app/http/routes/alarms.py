"""Alarms: the list and its files, what people do, one alarm, history, health figures, trying and setting."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app import alarm_desk
from zhizao.app.access import Person, Right
from zhizao.app.http.answers import ERRORS, At, Speaks, Who, needs, noted
from zhizao.app.http.tables import Column, as_csv, as_excel, as_rows
from zhizao.errors import InputError

__all__ = ["COLUMNS", "router"]

router = APIRouter(prefix="/api/v1/live/alarms", responses=ERRORS, tags=["alarms"])
Operator = Annotated[Person, Depends(needs(Right.IMPORT))]
Engineer = Annotated[Person, Depends(needs(Right.DECIDE))]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = tuple(
    Column(
        key,
        "time"
        if isinstance(kind, pl.Datetime)
        else "number"
        if kind == pl.Float64
        else "count"
        if kind == pl.Int64
        else "text",
    )
    for key, kind in alarm_desk.LIST_SCHEMA.items()
)
Shown = Literal["open", "unacked", "active", "shelved", "suppressed", "all"]
Alarm = Annotated[str, Query(min_length=1, max_length=400)]


class AlarmAct(BaseModel):
    """What is done to alarms."""

    action: Literal["acknowledge", "reset", "shelve", "unshelve", "suppress", "unsuppress", "assign", "comment"]
    alarms: Annotated[
        list[str],
        BeforeValidator(lambda one: [one] if isinstance(one, str) else one),
        Field(min_length=1, max_length=500),
    ]
    comment: str = Field(default="", max_length=1000)
    minutes: float = Field(default=0, ge=0, le=alarm_desk.LONGEST_MIN)
    """For which they are shelved."""
    to: str = Field(default="", max_length=100)
    """To whom they are assigned."""


class AlarmTry(BaseModel):
    """A proposed setting, and what it is tried on."""

    alarm: str = Field(min_length=1, max_length=400)
    limit: float | None = None
    set_point: float | None = None
    deadband: float | None = Field(default=None, ge=0)
    on_delay_s: float | None = Field(default=None, ge=0, le=86_400)
    off_delay_s: float | None = Field(default=None, ge=0, le=86_400)
    priority: int | None = Field(default=None, ge=1, le=4)
    hold_s: float = Field(default=60, ge=0, le=86_400)
    """Seconds beyond the present limit that make a true violation."""
    lead_s: float = Field(default=600, ge=0, le=86_400)
    event: str = Field(default="", max_length=400)
    """Signal that is true in a stop; its text `event_text` where it is one."""
    event_text: str = Field(default="", max_length=200)
    search: bool = False
    """Look for deadband and delays that remove chatter; the settings are then not looked at."""
    begin: datetime | None = None
    end: datetime | None = None

    def proposed(self) -> dict[str, Any]:
        """The settings alone."""
        return self.model_dump(include={"limit", "set_point", "deadband", "on_delay_s", "off_delay_s", "priority"})


class AlarmSet(AlarmTry):
    """A setting that is to be in force."""

    reason: str = Field(min_length=1, max_length=1000)


def _aware(*times: datetime | None) -> None:
    for time in times:
        if time is not None and (time.tzinfo is None or not 1970 < time.year < 2262):
            raise InputError(
                f"{time.isoformat()} is not a time with an offset after 1970",
                fix="write 2026-01-31T08:00+08:00",
                code="bad_time",
            )


@router.get("", summary="The list of alarms")
async def listing(
    desk: At, person: Who, show: Shown = "open", find: Annotated[str, Query(max_length=200)] = "", as_of: datetime | None = None
) -> list[dict[str, Any]]:  # fmt: skip
    """Active and unacknowledged first, then by priority; `as_of` as it was known at a time."""
    _aware(as_of)
    return as_rows(await run_in_threadpool(alarm_desk.listing, str(desk.path), show, find, as_of), COLUMNS)


@router.get("/export", summary="The list of alarms as a file")
async def export(
    desk: At, person: Who, t: Speaks, show: Shown = "open", find: Annotated[str, Query(max_length=200)] = "",
    format: Literal["xlsx", "csv"] = "xlsx",
) -> Response:  # fmt: skip
    """All columns of what is shown."""
    frame = await run_in_threadpool(alarm_desk.listing, str(desk.path), show, find)
    frame = frame.with_columns(pl.selectors.boolean().cast(pl.String))
    content = as_csv(frame, COLUMNS, t) if format == "csv" else as_excel(frame, COLUMNS, t, title=t("nav.alarms"))
    kind = "text/csv; charset=utf-8" if format == "csv" else XLSX
    return Response(
        content, media_type=kind, headers={"content-disposition": f'attachment; filename="alarms.{format}"'}
    )


@router.post("/act", summary="Acknowledge, shelve, assign, comment; take out of service")
async def act(request: Request, desk: At, person: Operator, ask: AlarmAct) -> list[dict[str, Any]]:
    """All of the named alarms, or none; taking out of service needs an engineer."""
    if ask.action in ("suppress", "unsuppress"):
        person.need(Right.DECIDE)
    said: dict[str, Any] = {"comment": ask.comment, "minutes": ask.minutes, "to": ask.to}
    rows = await run_in_threadpool(lambda: alarm_desk.act(str(desk.path), ask.action, ask.alarms, person.name, **said))
    noted(request, f"alarm {ask.action}", ", ".join(ask.alarms)[:200])
    return as_rows(pl.DataFrame(rows, schema=alarm_desk.LIST_SCHEMA), COLUMNS)


@router.get("/one", summary="One alarm: state, settings, facts")
async def one(desk: At, person: Who, alarm: Alarm) -> dict[str, Any]:
    """Its line of the list, its settings as they are in force, its last thousand facts."""
    return await run_in_threadpool(alarm_desk.one, str(desk.path), alarm)


@router.get("/history", summary="What happened to alarms, newest first")
async def history(
    desk: At, person: Who, alarm: Annotated[str, Query(max_length=400)] = "",
    begin: Annotated[datetime | None, Query(alias="from")] = None,
    end: Annotated[datetime | None, Query(alias="to")] = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> list[dict[str, Any]]:  # fmt: skip
    """Of one alarm, or of all."""
    _aware(begin, end)
    return (await run_in_threadpool(alarm_desk.history_of, str(desk.path), alarm, begin, end))[:limit]


@router.get("/figures", summary="Health of the alarm system against the standard's targets")
async def figures(
    desk: At, person: Who, begin: Annotated[datetime | None, Query(alias="from")] = None,
    end: Annotated[datetime | None, Query(alias="to")] = None, operators: Annotated[int, Query(ge=0, le=1000)] = 0,
) -> dict[str, Any]:  # fmt: skip
    """The last 30 days by default."""
    _aware(begin, end)
    return await run_in_threadpool(alarm_desk.figures, str(desk.path), begin, end, operators)


@router.post("/try", summary="What a proposed setting would have done on history")
async def try_(desk: At, person: Who, ask: AlarmTry) -> dict[str, Any]:
    """Alarms before and after, chatter, true events lost and won, added delay; changes nothing."""
    _aware(ask.begin, ask.end)
    asked: dict[str, Any] = ask.model_dump(
        include={"begin", "end", "hold_s", "lead_s", "event", "event_text", "search"}
    )
    return await run_in_threadpool(lambda: alarm_desk.try_alarm(str(desk.path), ask.alarm, ask.proposed(), **asked))


@router.post("/set", summary="Set an alarm anew, with a reason")
async def set_(request: Request, desk: At, person: Engineer, ask: AlarmSet) -> dict[str, Any]:
    """A fact with its effect on history; `zhizao sense` follows within a second."""
    found = await run_in_threadpool(
        alarm_desk.set_alarm, str(desk.path), ask.alarm, ask.proposed(), person.name, ask.reason
    )
    noted(request, "alarm set", ask.alarm[:200])
    return found
