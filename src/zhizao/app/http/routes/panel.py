"""Panels: designed and drawn from an uploaded frame, as a job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.concurrency import run_in_threadpool

from zhizao.app import uploads
from zhizao.app.access import Person, Right
from zhizao.app.http.answers import ERRORS, At, Who, needs, noted
from zhizao.app.http.routes.records import JobAnswer, job_answer
from zhizao.errors import InputError, NotAllowed

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/panel", responses=ERRORS, tags=["panel"])
Engineer = Annotated[Person, Depends(needs(Right.DECIDE))]


def _figure(text: str, name: str, low: float, high: float) -> float | None:
    plain = text.strip().replace(",", "").rstrip("%")
    if not plain:
        return None
    try:
        value = float(plain)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise InputError(
            f'{name} "{text[:40]}" is not a number from {low:g} to {high:g}',
            where=name,
            fix="correct it",
            code="bad_number",
        )
    return value


@router.post("", status_code=202, summary="Design and draw a panel")
async def design(
    request: Request,
    desk: At,
    person: Engineer,
    file: Annotated[UploadFile, File()],
    n: Annotated[str, Form(max_length=20)] = "",
    cv: Annotated[str, Form(max_length=20)] = "",
    method: Annotated[Literal["neyman", "power", "proportional"], Form()] = "neyman",
    seed: Annotated[int, Form(ge=0, le=2**31)] = 1,
) -> JobAnswer:
    """`file` is a frame with one row an enterprise; `n` enterprises, or `cv` in percent wanted in each domain."""
    many, wanted = _figure(n, "n", 1, 1e7), _figure(cv, "cv", 0.01, 100)
    if many is not None and wanted is not None:
        raise InputError("both a number and a precision are wanted", where="n and cv", fix="give one", code="n_and_cv")
    kept = await run_in_threadpool(uploads.keep, desk.path, file.filename or "frame.csv", file.file)
    asked = {
        "file": str(kept.path),
        "name": kept.name,
        "n": None if many is None else int(many),
        "cv": None if wanted is None else wanted / 100,
        "method": method,
        "seed": seed,
    }
    noted(request, "panel", kept.name)
    return job_answer(desk.jobs.start("panel", asked, person.name))


@router.post("/estimate", summary="Estimates from a sample")
async def estimate(
    desk: At,
    person: Engineer,
    file: Annotated[UploadFile, File()],
    spec: Annotated[str, Form(max_length=20_000)],
    totals: Annotated[UploadFile | None, File()] = None,
    areas: Annotated[UploadFile | None, File()] = None,
    seed: Annotated[int, Form(ge=0, le=2**31)] = 1,
) -> list[dict[str, Any]]:
    """`file` is a sample, `spec` says in YAML or JSON what is wanted; `totals` calibrates, `areas` adds small-area estimates.

    As `zhizao survey estimate`: each row holds estimate, standard error, interval, degrees of freedom, design effect and n.
    """

    def work() -> list[dict[str, Any]]:
        from zhizao.app import survey_steps
        from zhizao.programme.indicators.safeyaml import read_yaml
        from zhizao.programme.survey.spec import spec_of

        wanted = spec_of(read_yaml(spec, "spec"), "spec")

        def kept(one: UploadFile | None) -> Path | None:
            return None if one is None else uploads.keep(desk.path, one.filename or "table.csv", one.file).path

        sample = uploads.keep(desk.path, file.filename or "sample.csv", file.file).path
        known, beside = kept(totals), kept(areas)
        rows = survey_steps.estimate(sample, wanted, totals=known, areas=beside, seed=seed)
        return [dict(row) for row in rows]

    return await run_in_threadpool(work)


@router.post("/peers", summary="A league, and a unit beside its peers")
async def peers(
    desk: At,
    person: Engineer,
    file: Annotated[UploadFile, File()],
    value: Annotated[str, Form(max_length=200)],
    unit: Annotated[str, Form(max_length=200)] = "",
    se: Annotated[str, Form(max_length=200)] = "",
    within: Annotated[str, Form(max_length=400)] = "",
    near: Annotated[str, Form(max_length=400)] = "",
    less: Annotated[bool, Form()] = False,
    most: Annotated[int, Form(ge=1, le=1000)] = 30,
) -> dict[str, Any]:
    """`file` has one row a unit; `within` and `near` name columns by comma. As `zhizao peers --json`."""

    def work() -> dict[str, Any]:
        from zhizao.app.peers import peers_answer
        from zhizao.app.survey_steps import read_table

        kept = uploads.keep(desk.path, file.filename or "units.csv", file.file)
        shared, structure = ([part.strip() for part in text.split(",") if part.strip()] for text in (within, near))
        return peers_answer(
            read_table(kept.path), value=value, unit=unit, se=se or None, within=shared, near=structure,
            less_is_better=less, most=most, where=kept.name,
        )  # fmt: skip

    return await run_in_threadpool(work)


@router.get("", summary="The latest panel")
def latest(desk: At, person: Who) -> dict[str, Any]:
    """Strata, allocation and the precision to expect; files `panel` and `design` of its job."""
    job = desk.latest("panel")
    if job is None:
        raise NotAllowed("no panel has been designed yet", fix="POST a frame to this address", code="no_panel")
    return {"job": job.id, **desk.jobs.result(job.id)}
