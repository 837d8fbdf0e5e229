"""Machines as their signals tell them: OEE, states, stops and what is said of them, orders, the shift book."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app import live_acts, live_answers, live_orders, live_said, live_states
from zhizao.app.access import Person, Right
from zhizao.app.http.answers import ERRORS, At, Who, needs, noted
from zhizao.errors import InputError

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/live", responses=ERRORS, tags=["live"])
Says = Annotated[Person, Depends(needs(Right.IMPORT))]
Name = Annotated[str | None, Query(max_length=200)]
MOST = 100_000


class StopAsk(BaseModel):
    """Why a machine stood still."""

    machine: str = Field(min_length=1, max_length=200)
    begin: AwareDatetime
    """A time within the stop."""
    end: AwareDatetime | None = None
    """End of the part that is meant; the stop's when absent."""
    reason: str = Field(min_length=1, max_length=80)
    comment: str = Field(default="", max_length=2000)


class NoteAsk(BaseModel):
    """A note in the shift book."""

    shift: str = Field(min_length=1, max_length=200)
    """now, a name for its last one, or 2026-11-26/name."""
    text: str = Field(min_length=1, max_length=2000)


class Span:
    """The time and the machine that are asked for."""

    def __init__(
        self,
        machine: Name = None,
        begin: Annotated[datetime | None, Query(alias="from")] = None,
        end: Annotated[datetime | None, Query(alias="to")] = None,
        shift: Name = None,
        as_of: datetime | None = None,
    ) -> None:
        for time, name in ((begin, "from"), (end, "to"), (as_of, "as_of")):
            if time is not None and (time.tzinfo is None or not 1970 < time.year < 2262):
                raise InputError(
                    f"{time.isoformat()} is not a time with an offset after 1970",
                    where=name,
                    fix="write 2026-01-31T08:00+08:00",
                    code="bad_time",
                )
        self.asked: dict[str, Any] = {
            "machine": machine,
            "begin": begin,
            "end": end,
            "shift": shift,
            "as_of": as_of,
        }


Asked = Annotated[Span, Depends()]


@router.get("/oee", summary="Times and figures of ISO 22400-2, OEE and its losses")
async def oee(desk: At, person: Who, span: Asked) -> dict[str, Any]:
    """Of each machine and of the plant (by sums); the running shift by default. In the shape of `zhizao live oee --json`."""
    found = await run_in_threadpool(lambda: live_answers.plain(live_states.view(str(desk.path), **span.asked)))
    return {key: value for key, value in found.items() if key != "stops"}


@router.get("/states", summary="States of machines")
async def states(desk: At, person: Who, span: Asked) -> dict[str, Any]:
    """One row each time that a state, an order or a reason changes; `more` when there are over 100,000."""

    def rows() -> list[dict[str, Any]]:
        found = live_states.view(str(desk.path), **span.asked)
        return [{"machine": one.machine, **row} for one in found.machines for row in live_answers.intervals(one)]

    found = await run_in_threadpool(rows)
    return {"more": len(found) > MOST, "rows": found[:MOST]}


@router.get("/stops", summary="Stops with their reasons")
async def stops(desk: At, person: Who, span: Asked, micro: bool = False) -> list[dict[str, Any]]:
    """Micro-stops of a machine are one line; each by itself with `micro`."""
    found = await run_in_threadpool(
        lambda: live_answers.plain(live_states.view(str(desk.path), **span.asked), micro=micro)
    )
    rows: list[dict[str, Any]] = found["stops"]
    return rows


@router.post("/stops", status_code=201, summary="Say why a machine stood still")
async def classify(request: Request, desk: At, person: Says, ask: StopAsk) -> dict[str, Any]:
    """Also later, and again; figures follow, and what was said before stays in the history."""
    made = await run_in_threadpool(
        lambda: live_acts.classify(
            str(desk.path), ask.machine, ask.begin, ask.reason, who=person.name, end=ask.end, comment=ask.comment
        )
    )
    noted(request, "stop", f"{ask.machine} {ask.reason}")
    return made


@router.get("/stops/history", summary="What was said of the stops of a machine")
async def history(
    desk: At, person: Who, machine: Annotated[str, Query(min_length=1, max_length=200)]
) -> list[dict[str, Any]]:
    """Oldest first; a later statement about the same time holds."""
    return await run_in_threadpool(live_said.history, str(desk.path), machine)


@router.get("/reasons", summary="Reasons that a stop may have")
def reasons(desk: At, person: Who) -> list[dict[str, Any]]:
    """Those of plant.yaml, or the usual tree."""
    return live_said.reasons(str(desk.path))


@router.get("/orders", summary="Orders at the machines now")
async def orders(desk: At, person: Who, machine: Name = None) -> list[dict[str, Any]]:
    """Pieces, what is wanted, due, and when it will be done, nine of ten times between `end_low` and `end_high`."""
    return await run_in_threadpool(live_orders.orders, str(desk.path), machine)


@router.get("/shifts", summary="The shift book")
async def shifts(
    desk: At, person: Who, days: Annotated[int, Query(ge=1, le=62)] = 7, machine: Name = None
) -> list[dict[str, Any]]:
    """Figures, number of stops and notes of the last shifts, latest first."""
    return await run_in_threadpool(live_answers.shift_book, str(desk.path), days, machine)


@router.post("/notes", status_code=201, summary="Write into the shift book")
async def note(request: Request, desk: At, person: Says, ask: NoteAsk) -> dict[str, Any]:
    """The note stays as written."""
    made = await run_in_threadpool(lambda: live_acts.note(str(desk.path), ask.shift, ask.text, who=person.name))
    noted(request, "shift note", made["shift"])
    return made
