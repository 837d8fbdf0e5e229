"""What others read of the live plant: metrics, health, Grafana's JSON data source; and the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app import live, metrics
from zhizao.app.access import Person, Right
from zhizao.app.http.answers import ERRORS, At, Who, desk_of, needs, noted
from zhizao.app.http.gate import asked, loopback
from zhizao.app.http.routes.trend import moments
from zhizao.app.outbox import OUTBOX, Outbox
from zhizao.app.trend import MOST_POINTS, MOST_TAGS, ns_of, trends
from zhizao.errors import InputError, NotAllowed

__all__ = ["router"]

router = APIRouter(responses=ERRORS, tags=["outward"])


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
def told(request: Request) -> Response:
    """Text format 0.0.4; with a bearer token, or without one from this machine itself."""
    who = asked(request.scope)
    if who.person is not None:
        who.person.need(Right.READ)
    elif not loopback(request.scope):
        raise NotAllowed("nobody is signed in", fix="send a bearer token, or ask from this machine", code="sign_in")
    return Response(metrics.metrics(desk_of(request)), media_type=metrics.KIND)


@router.get("/api/v1/health", tags=["health"], summary="Whether the server is live and ready")
def health(request: Request, desk: At, probe: Literal["", "live", "ready"] = "") -> Response:
    """`state` (ok, degraded, failing), `live`, `ready`, and reasons; needs no sign-in, then without what reasons are about.

    With `probe=ready`, 503 while the server is not ready.
    """
    found = metrics.health(desk)
    who = asked(request.scope).person
    if who is None or not who.may(Right.READ):
        found["reasons"] = [{"code": code} for code in sorted({one["code"] for one in found["reasons"]})]
    return JSONResponse(found, status_code=503 if probe == "ready" and not found["ready"] else 200)


class Range(BaseModel):
    """A span."""

    begin: datetime = Field(alias="from")
    to: datetime


class Target(BaseModel):
    """One series that is wanted."""

    target: str = Field(default="", max_length=400)
    refId: str = Field(default="", max_length=100)  # noqa: N815 as Grafana writes it
    type: str = Field(default="timeserie", max_length=40)
    hide: bool = False


class Ask(BaseModel):
    """What Grafana asks."""

    range: Range
    targets: list[Target] = Field(default=[], max_length=100)
    maxDataPoints: int = Field(default=1000, ge=1, le=1_000_000)  # noqa: N815 as Grafana writes it


class Find(BaseModel):
    """A part of a name."""

    target: str = Field(default="", max_length=400)


class Note(BaseModel):
    """Which signal's changes are wanted."""

    query: str = Field(default="", max_length=400)
    name: str = Field(default="", max_length=400)


class AskNotes(BaseModel):
    """What Grafana asks for annotations."""

    range: Range
    annotation: Note = Note()


@router.get("/api/v1/grafana/", summary="Whether the data source answers")
def there(person: Who) -> dict[str, str]:
    """For *Save and test* of Grafana."""
    return {"state": "ok"}


@router.post("/api/v1/grafana/search", summary="Names of signals, for Grafana")
async def search(desk: At, person: Who, ask: Find | None = None) -> list[str]:
    """Those whose name holds `target`; at most 1000."""
    wanted = (ask.target if ask else "").lower()
    names = await run_in_threadpool(lambda: live.reading(str(desk.path)).tags)
    return sorted(name for name in names if wanted in name.lower())[:1000]


@router.post("/api/v1/grafana/query", summary="Series, for Grafana")
async def query(desk: At, person: Who, ask: Ask) -> list[dict[str, Any]]:
    """`datapoints` as pairs of value and milliseconds, or a table with `type: table`; a `target` may end in ` as UNIT`."""
    begin, end = moments(ask.range.begin, ask.range.to)
    wanted = [one for one in ask.targets if one.target and not one.hide]
    if not wanted:
        return []
    if len(wanted) > MOST_TAGS:
        raise InputError(f"more than {MOST_TAGS} targets", where="targets", fix="ask in parts", code="too_many_tags")
    points = min(max(ask.maxDataPoints, 4), MOST_POINTS)

    def found() -> list[Any]:
        historian, cards = live.reading(str(desk.path)), desk.plant.tags
        known = set(historian.tags)
        pairs = [(one.target, "") if one.target in known else one.target.rpartition(" as ")[::2] for one in wanted]
        names = [name or unit for name, unit in pairs]
        units = [unit if name else "" for name, unit in pairs]
        return trends(historian, names, ns_of(begin), ns_of(end), points, units=units, cards=cards)

    answers = []
    for one, line in zip(wanted, await run_in_threadpool(found), strict=True):
        values: list[Any] = list(line.text) or [v if np.isfinite(v) else None for v in line.value.tolist()]
        times = (line.at // 1_000_000).tolist()
        if one.type == "table" or line.text:
            kind = "string" if line.text else "number"
            columns = [{"text": "Time", "type": "time"}, {"text": one.target, "type": kind}]
            rows = [[time, value] for time, value in zip(times, values, strict=True)]
            answers.append({"type": "table", "refId": one.refId, "columns": columns, "rows": rows})
        else:
            pairs = [[value, time] for time, value in zip(times, values, strict=True)]
            answers.append({"target": one.target, "refId": one.refId, "datapoints": pairs, "unit": line.unit})
    return answers


@router.post("/api/v1/grafana/annotations", summary="Changes of a signal, for Grafana")
async def changes(desk: At, person: Who, ask: AskNotes) -> list[dict[str, Any]]:
    """Each change of the signal named in `annotation.query`; at most 1000."""
    if not ask.annotation.query:
        return []
    begin, end = moments(ask.range.begin, ask.range.to)
    (line,) = await run_in_threadpool(
        lambda: trends(live.reading(str(desk.path)), [ask.annotation.query], ns_of(begin), ns_of(end), 1000)
    )
    values: list[Any] = list(line.text) or line.value.tolist()
    notes, before = [], None
    for time, value in zip(line.at.tolist(), values, strict=True):
        if value is None or value != value or value == before:
            continue
        title = value if isinstance(value, str) else f"{value:g}"
        notes.append({"annotation": ask.annotation.model_dump(), "time": time // 1_000_000, "title": title,
                      "text": f"{line.tag}: {title}", "tags": [line.tag]})  # fmt: skip
        before = value
    return notes[:1000]


Manager = Annotated[Person, Depends(needs(Right.SETTLE))]


@router.get("/api/v1/outbox", summary="What is to be told outward")
def outbox(desk: At, person: Manager, state: Literal["waiting", "sent", "failed"] | None = None,
           most: Annotated[int, Query(ge=1, le=1000)] = 200) -> list[dict[str, Any]]:  # fmt: skip
    """Letters, newest first: what happened, to whom it is told, how often it was tried, and what the last try brought."""
    return letters(desk.path / OUTBOX, state, most)


def letters(file: Any, state: Any = None, most: int = 200) -> list[dict[str, Any]]:
    """Letters of an outbox as rows; none where there is no outbox."""
    if not file.exists():
        return []
    box = Outbox(file)
    try:
        return [
            {
                "id": one.id, "kind": one.letter.kind, "channel": one.letter.channel, "to": one.letter.to,
                "title": one.letter.title, "state": one.state, "tries": one.tries, "word": one.word,
                "made_at": _iso(one.made_at), "due_at": _iso(one.due_at),
                "done_at": None if one.done_at is None else _iso(one.done_at),
            }
            for one in box.letters(state, most)
        ]  # fmt: skip
    finally:
        box.close()


def _iso(seconds: float) -> str:
    return (datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(seconds=seconds)).isoformat()


@router.post("/api/v1/outbox/{number}/again", summary="Try a letter again")
def again(request: Request, desk: At, person: Manager, number: int) -> dict[str, str]:
    """One that waits or was given up; it is due at once."""
    file = desk.path / OUTBOX
    box = Outbox(file) if file.exists() and 0 < number < 2**62 else None
    try:
        if box is None or not box.again(number):
            raise InputError(
                f"there is no letter {number} to send", where="outbox", fix="look it up in the list", code="no_letter"
            )
    finally:
        if box is not None:
            box.close()
    noted(request, "letter tried again", str(number))
    return {"state": "waiting"}
