"""Returns of enterprises: lists, versions, what the journal fills, forms, and each step of a return."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app.access import Person, Right
from zhizao.app.http.answers import ERRORS, At, Speaks, needs, noted
from zhizao.app.returns_answers import filled_answer, return_answer, row_answer
from zhizao.app.returns_desk import ReturnsDesk, actor_of
from zhizao.clock import now
from zhizao.errors import InputError
from zhizao.programme.items import items
from zhizao.programme.returns import Actor

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/returns", responses=ERRORS, tags=["returns"])
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MOST_FORM = 8 << 20


def desk_of_returns(desk: At) -> ReturnsDesk:
    """Returns of the workspace that is served."""
    return ReturnsDesk.of_desk(desk)


def who_acts(person: Annotated[Person, Depends(needs(Right.RETURNS))]) -> Actor:
    """Who asks, as the state machine knows them."""
    return actor_of(person)


Returns = Annotated[ReturnsDesk, Depends(desk_of_returns)]
Acts = Annotated[Actor, Depends(who_acts)]


class Figures(BaseModel):
    """Figures of a return."""

    values: dict[str, float | None]
    """Value by item; null needs a note."""
    notes: dict[str, str] = {}
    """What the enterprise says about an item."""
    reason: str = Field(default="", max_length=2000)
    """What was corrected, and why; a correction needs it."""
    expect: int | None = None
    """Steps that you had seen (`steps_taken`); refused with 409 when there are more by now."""


class Refusal(BaseModel):
    """Why a return is sent back."""

    lines: dict[str, str] = {}
    """Reason by item."""
    reason: str = Field(default="", max_length=2000)
    """Reason for the whole."""
    expect: int | None = None
    """Steps that you had seen."""


class Word(BaseModel):
    """A decision with what is said about it."""

    reason: str = Field(default="", max_length=2000)
    """Why; re-opening needs it."""
    expect: int | None = None
    """Steps that you had seen."""


@router.get("", summary="Returns that you may see")
def list_returns(
    desk: Returns,
    actor: Acts,
    state: str = "",
    level: str = "",
    period: str = "",
    unit: str = "",
    overdue: bool | None = None,
    due_before: AwareDatetime | None = None,
    mine: bool = False,
) -> dict[str, Any]:
    """Latest month first. `state`, `level` it waits for, `period`, `unit` it stands below, `overdue`, `due_before`,
    `mine`: waits for your own unit."""
    rows = desk.rows(
        actor,
        now(),
        state=state,
        level=level,
        period=period,
        unit=unit,
        overdue=overdue,
        due_before=due_before,
        mine=mine,
    )
    return {"total": len(rows), "rows": [row_answer(row) for row in rows]}


@router.get("/units", summary="The tree of units")
def units(desk: Returns, actor: Acts) -> dict[str, Any]:
    """Every unit with its names, level and parent, the deadlines, and which enterprise is this workspace's own."""
    return {"own": desk.own, **desk.tree.model_dump(mode="json")}


@router.get("/items", summary="What is asked for")
def asked_items(desk: Returns, actor: Acts) -> list[dict[str, Any]]:
    """The items of the return in their order: key, unit, names, how months add up."""
    return [asdict(item) for item in items().values()]


@router.get("/reminders", summary="Who owes what by when")
def reminders(
    desk: Returns, actor: Acts, soon_days: Annotated[int, Query(ge=0, le=60)] = 3, period: str = ""
) -> list[dict[str, Any]]:
    """What is due first comes first; as far as it concerns your own unit and those below it."""
    found = desk.reminders(actor, now(), months=[period] if period else (), soon_days=soon_days)
    return [asdict(one) for one in found]


@router.get("/{enterprise}/{period}", summary="One return with its versions")
def one_return(
    desk: Returns, actor: Acts, enterprise: str, period: str, as_of: AwareDatetime | None = None
) -> dict[str, Any]:
    """All versions, reasons and steps for those who may see them; else the published figures alone.

    With `as_of`, as it was known then.
    """
    return return_answer(desk, actor, desk.one(actor, enterprise, period, as_of), now())


@router.get("/{enterprise}/{period}/filled", summary="What the plant's journal fills")
def filled(
    desk: Returns, actor: Acts, t: Speaks, enterprise: str, period: str, as_of: AwareDatetime | None = None
) -> dict[str, Any]:
    """For each line the value and the events that it comes from, or why it is left to a person."""
    return filled_answer(desk.filled(actor, enterprise, period, as_of), t.lang)


@router.get("/{enterprise}/{period}/form", summary="The Excel form")
def form(desk: Returns, actor: Acts, t: Speaks, enterprise: str, period: str) -> Response:
    """With the figures of the version that you see, else with what the journal fills; to be filled in and uploaded."""
    data = desk.form(actor, enterprise, period, at=now(), lang=t.lang)
    name = f"return-{enterprise}-{period}.xlsx"
    return Response(data, media_type=XLSX, headers={"content-disposition": f'attachment; filename="{name}"'})


@router.post("/{enterprise}/{period}/form", summary="Submit a form that was filled in")
async def upload_form(
    request: Request,
    desk: Returns,
    actor: Acts,
    enterprise: str,
    period: str,
    file: Annotated[UploadFile, File()],
    reason: Annotated[str, Form(max_length=2000)] = "",
    expect: Annotated[int | None, Form()] = None,
) -> dict[str, Any]:
    """Submits, or corrects what was refused or re-opened; faults are told cell by cell."""
    data = await file.read(_MOST_FORM + 1)
    if len(data) > _MOST_FORM:
        raise InputError("the form has more than 8 MiB", fix="send the form alone", code="too_large")
    name = (file.filename or "return.xlsx")[:100]

    def take() -> dict[str, Any]:
        at = now()
        one = desk.take_form(
            actor, data, at=at, name=name, enterprise=enterprise, period=period, reason=reason, expect=expect
        )
        noted(request, f"return {one.history[-1].kind}", f"{enterprise}/{period}")
        return return_answer(desk, actor, one, at)

    return await run_in_threadpool(take)


@router.post("/{enterprise}/{period}/submit", summary="Submit figures")
def submit(
    request: Request, desk: Returns, actor: Acts, enterprise: str, period: str, figures: Figures
) -> dict[str, Any]:
    """Submits a return; where it was refused or re-opened this corrects it, and needs a reason."""
    at = now()
    one = desk.submit(
        actor,
        enterprise,
        period,
        figures.values,
        figures.notes,
        at=at,
        reason=figures.reason,
        expect=figures.expect,
    )
    noted(request, f"return {one.history[-1].kind}", f"{enterprise}/{period}")
    return return_answer(desk, actor, one, at)


@router.post("/{enterprise}/{period}/correct", summary="Correct what was refused or re-opened")
def correct(
    request: Request, desk: Returns, actor: Acts, enterprise: str, period: str, figures: Figures
) -> dict[str, Any]:
    """The same as submitting, named for what it is; every version stays."""
    return submit(request, desk, actor, enterprise, period, figures)


@router.post("/{enterprise}/{period}/withdraw", summary="Take a return back")
def withdraw(request: Request, desk: Returns, actor: Acts, enterprise: str, period: str, word: Word) -> dict[str, Any]:
    """While nobody has approved it."""
    at = now()
    one = desk.withdraw(actor, enterprise, period, at=at, reason=word.reason, expect=word.expect)
    noted(request, "return withdraw", f"{enterprise}/{period}")
    return return_answer(desk, actor, one, at)


@router.post("/{enterprise}/{period}/refuse", summary="Send a return back")
def refuse(request: Request, desk: Returns, actor: Acts, enterprise: str, period: str, why: Refusal) -> dict[str, Any]:
    """With a reason for a line or for the whole; by a reviewer or manager of the level whose turn it is."""
    at = now()
    one = desk.refuse(actor, enterprise, period, at=at, lines=why.lines, reason=why.reason, expect=why.expect)
    noted(request, "return refuse", f"{enterprise}/{period}")
    return return_answer(desk, actor, one, at)


@router.post("/{enterprise}/{period}/approve", summary="Approve a return for one level")
def approve(request: Request, desk: Returns, actor: Acts, enterprise: str, period: str, word: Word) -> dict[str, Any]:
    """By a manager of the level whose turn it is; lowest level first."""
    at = now()
    one = desk.approve(actor, enterprise, period, at=at, reason=word.reason, expect=word.expect)
    noted(request, "return approve", f"{enterprise}/{period}")
    return return_answer(desk, actor, one, at)


@router.post("/{enterprise}/{period}/publish", summary="Publish a return")
def publish(request: Request, desk: Returns, actor: Acts, enterprise: str, period: str, word: Word) -> dict[str, Any]:
    """By a manager of the top level, when every level has approved."""
    at = now()
    one = desk.publish(actor, enterprise, period, at=at, expect=word.expect)
    noted(request, "return publish", f"{enterprise}/{period}")
    return return_answer(desk, actor, one, at)


@router.post("/{enterprise}/{period}/reopen", summary="Open a return again")
def reopen(request: Request, desk: Returns, actor: Acts, enterprise: str, period: str, word: Word) -> dict[str, Any]:
    """With a reason; what was published stays so until a new version is."""
    at = now()
    one = desk.reopen(actor, enterprise, period, at=at, reason=word.reason, expect=word.expect)
    noted(request, "return reopen", f"{enterprise}/{period}")
    return return_answer(desk, actor, one, at)
