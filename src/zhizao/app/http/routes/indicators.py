"""Indicators and their evaluation: definitions, targets, states, outlooks, own values, adjusted targets, the report."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Query, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app.access import Person, Right
from zhizao.app.evaluation import catalogue_json, check_report
from zhizao.app.http.answers import ERRORS, At, Speaks, needs, noted
from zhizao.app.http.routes.records import JobAnswer, job_answer
from zhizao.app.indicators_desk import MOST_BYTES, Asked, IndicatorsDesk, no_indicator
from zhizao.errors import InputError
from zhizao.record.whole import write_whole

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", responses=ERRORS, tags=["indicators"])
_MOST_TEXT = 1_000_000
_MOST_CHECKED = 2_000


def desk_of_indicators(desk: At, person: Annotated[Person, Depends(needs(Right.RETURNS))]) -> IndicatorsDesk:
    """Indicators as the one who asks may see them."""
    return IndicatorsDesk(desk, person)


def asked_of(request: Request) -> Asked:
    """As of which day, whose targets, which values."""
    return Asked.of(request.query_params)


Room = Annotated[IndicatorsDesk, Depends(desk_of_indicators)]
How = Annotated[Asked, Depends(asked_of)]
Reader = Annotated[Person, Depends(needs(Right.READ))]


class NewTarget(BaseModel):
    """Another value for a target, and why."""

    year: int = Field(ge=1949, le=2100)
    value: float = Field(allow_inf_nan=False)
    reason: str = Field(max_length=2000)
    target_set: str = Field(default="plan2025", max_length=60)


class Definitions(BaseModel):
    """Own definitions."""

    text: str = Field(default="", max_length=_MOST_TEXT)
    """YAML; empty puts own definitions away."""


@router.get("/indicators", summary="Definitions, targets and the plan's table")
def indicators(room: Room, how: How) -> dict[str, Any]:
    """In their newest version as of a day (`as_of`), targets of one set (`target_set`) or all."""
    found = room.catalogue(how.as_of)
    if how.target_set is not None:
        found.check_set(how.target_set, "target_set")
    return catalogue_json(found, how.target_set)


@router.get("/indicators/{key}", summary="One indicator in full")
def indicator(room: Room, how: How, key: str) -> dict[str, Any]:
    """Every version of its definition, how it stands against the targets of all sets, outlook, values, back-test."""
    from zhizao.programme.outlook.result import evaluation_json

    found = room.evaluation(replace(how, target_set=None))
    told = evaluation_json(found)
    one = next((each for each in told["indicators"] if each["id"] == key), None)
    if one is None:
        raise no_indicator(key)
    versions = [each.model_dump(mode="json") for each in found.catalogue.versions[key]]
    changes = [_event(each) for each in room.adjusted(how.as_of) if each.subject == key]
    return {"definitions": versions, "result": one, "model": told["model"], "adjusted": changes}


@router.post("/indicators/{key}/effect", summary="What another target would change")
def effect(room: Room, how: How, key: str, target: NewTarget) -> dict[str, Any]:
    """State and probability before and after; nothing is kept."""
    from zhizao.programme.outlook.result import adjustment_json

    made = room.effect(key, **target.model_dump(), asked=how)
    return {**adjustment_json(made.before, made.after, made.reason), "eased": made.eased, "version": made.version}


@router.post("/indicators/{key}/target", status_code=201, summary="Adjust a target")
def adjust_target(request: Request, room: Room, how: How, key: str, target: NewTarget) -> dict[str, Any]:
    """Recorded in the journal as `target.adjusted` with reason and effect; makes a new version of the definition."""
    room.person.need(Right.SETTLE)
    told = room.record(room.effect(key, **target.model_dump(), asked=how))
    noted(request, "target adjusted", f"{key} {target.target_set} {target.year}: {target.value:g}")
    return told


@router.get("/evaluation", summary="Where every indicator stands")
def evaluation(room: Room, how: How) -> dict[str, Any]:
    """`as_of` a day (today when absent), `target_set` (all when absent), `include_unverified`, `values`: all, published
    or own. In the shape of `zhizao evaluate --json`."""
    from zhizao.programme.outlook.result import evaluation_json

    return evaluation_json(room.evaluation(how))


@router.get("/evaluation/report", summary="The evaluation report as HTML")
def report(
    room: Room,
    how: How,
    t: Speaks,
    number: Annotated[str, Query(max_length=60)] = "",
    issuer: Annotated[str, Query(max_length=120)] = "",
) -> Response:
    """One file, A4 in print, that holds its inputs and their SHA-256."""
    html = _html(room, how, t.lang, number, issuer)
    name = f"evaluation-{how.as_of}-{t.lang}.html"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


@router.post("/evaluation/report", status_code=202, summary="Print the report to PDF")
def print_report(
    request: Request,
    desk: At,
    room: Room,
    person: Reader,
    how: How,
    t: Speaks,
    number: Annotated[str, Query(max_length=60)] = "",
    issuer: Annotated[str, Query(max_length=120)] = "",
) -> JobAnswer:
    """Answers with a job; its file `pdf` is the report."""
    html = _html(room, how, t.lang, number, issuer)
    page = write_whole(desk.path / "cache" / f"evaluation-{abs(hash(html)):x}.html", html)
    noted(request, "evaluation report", f"as of {how.as_of}")
    return job_answer(desk.jobs.start("evaluation", {"html": str(page), "as_of": str(how.as_of)}, person.name))


@router.post("/evaluation/verify", summary="Is a report what its inputs give?")
async def verify(room: Room, t: Speaks, file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Makes an uploaded report again from the inputs frozen in it and compares it byte for byte."""
    data = await file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputError("the report has more than 8 MiB", fix="use `zhizao evaluate --verify`", code="too_large")
    name = re.sub(r"[^\w.\-]+", "_", (file.filename or "report.html").replace("\\", "/").rsplit("/", 1)[-1])[-80:]

    def check() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / (name.lstrip(".") or "report.html")
            path.write_bytes(data)
            held = check_report(path, most_values=_MOST_CHECKED)
        said = t("indicators.verified", n=held["indicators"], day=held["as_of"])
        return {"verified": True, **held, "said": said, "hint": f"SHA-256 {held['sha256']}"}

    return await run_in_threadpool(check)


@router.get("/evaluation/values", summary="Own values")
def own_values(room: Room) -> Response:
    """As CSV, the way they are kept; 404 when there are none."""
    if not room.has_own_values():
        raise InputError("there are no own values", fix="POST a table to this address", code="no_own")
    headers = {"content-disposition": 'attachment; filename="values.csv"'}
    return Response(room.values_file.read_bytes(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/evaluation/values", status_code=201, summary="Upload own values")
async def upload_values(request: Request, room: Room, file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """CSV or Excel with indicator, year, value (指标, 年份, 数值); every cell that cannot be taken is told with its row."""
    room.person.need(Right.SETTLE)
    data = await file.read(MOST_BYTES + 1)
    name = file.filename or "values.csv"
    told = await run_in_threadpool(room.save_values, name, data)
    noted(request, "values of indicators", f"{told['values']} values")
    return told


@router.delete("/evaluation/values", summary="Put own values away")
def drop_values(request: Request, room: Room) -> dict[str, bool]:
    """The published values are judged by again."""
    room.drop_values()
    noted(request, "values of indicators", "put away")
    return {"done": True}


@router.get("/evaluation/definitions", summary="Own definitions")
def own_definitions(room: Room) -> Definitions:
    """As YAML, the way they were written."""
    return Definitions(text=room.own_text())


@router.put("/evaluation/definitions", summary="Change own definitions")
def save_definitions(request: Request, room: Room, own: Definitions) -> dict[str, Any]:
    """Checked first; every fault is told with its place, and nothing is kept when there is one."""
    told = room.save_definitions(own.text)
    noted(request, "definitions of indicators", ", ".join(told["indicators"])[:200])
    return {**told, "text": own.text}


def _html(room: IndicatorsDesk, how: Asked, lang: str, number: str, issuer: str) -> str:
    from zhizao.programme.outlook.report import Cover, report_html

    return report_html(room.evaluation(how), Cover(lang, number.strip(), issuer.strip()))


def _event(one: Any) -> dict[str, Any]:
    return {"fact": one.sequence, "at": one.at.isoformat(), "by": one.source, **one.payload}
