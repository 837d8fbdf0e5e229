"""The twin and the pilot: fit and test, try levers, run the pilot and fetch what it found."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from zhizao.app.access import Person, Right
from zhizao.app.http.answers import ERRORS, At, Who, needs, noted
from zhizao.app.http.routes.records import JobAnswer, job_answer
from zhizao.errors import InputError, NotAllowed

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", responses=ERRORS)
Engineer = Annotated[Person, Depends(needs(Right.DECIDE))]


class TwinAsk(BaseModel):
    """How the twin is fitted and tested."""

    seed: int = Field(default=0, ge=0)
    runs: int = Field(default=10, ge=2, le=50)


class PilotAsk(BaseModel):
    """How the pilot is run."""

    seed: int = Field(default=0, ge=0)
    budget: float | None = Field(default=None, ge=0)
    """Most that the levers may cost in the period, in the plant's currency; null = no limit."""
    lang: str = "en"
    """Language of the files for Monday."""


@router.post("/twin", status_code=202, tags=["twin"], summary="Fit the twin and test it")
def fit(request: Request, desk: At, person: Engineer, ask: TwinAsk) -> JobAnswer:
    """Fit on the first part of the records, test on the held-out tail, then fit on all; answers with the job."""
    _some_records(desk)
    asked = {**ask.model_dump(), "head": desk.head()}
    noted(request, "twin")
    return job_answer(desk.jobs.start("twin", asked, person.name))


@router.get("/twin", tags=["twin"], summary="The twin and how far to trust it")
def twin(desk: At, person: Who) -> dict[str, Any]:
    """The latest fitted twin: distances to the held-out records beside noise floor and naive, and the verdict."""
    job = desk.latest("twin")
    if job is None:
        raise NotAllowed("no twin has been fitted yet", fix="POST /api/v1/twin", code="no_twin")
    return {"job": job.id, **desk.jobs.result(job.id), "stale": desk.stale(job.id)}


class LeverAsk(BaseModel):
    """One lever, as in the `levers` of a pilot."""

    kind: str
    """dispatch, release, transfer_batch, setup_family, hours, assignment, inspection or maintenance."""
    scope: str = "plant"
    setting: dict[str, Any]
    """Such as {"rule": "edd"}, {"wip_cap": 40} or {"quantity": 5}."""
    machines: list[str] = []


class WhatIfAsk(BaseModel):
    """Levers that are pulled together."""

    levers: list[LeverAsk]
    seed: int = Field(default=0, ge=0)
    runs: int = Field(default=8, ge=2, le=64)


@router.post("/twin/simulate", tags=["twin"], summary="What if levers were pulled")
def simulate(desk: At, person: Who, ask: WhatIfAsk) -> dict[str, Any]:
    """Change of the three figures beside the plant as it is, on the same drawn work, with 95 % intervals."""
    from zhizao.app.whatif import what_if

    return what_if(desk, [lever.model_dump() for lever in ask.levers], seed=ask.seed, runs=ask.runs)


@router.post("/pilot", status_code=202, tags=["pilot"], summary="Run the pilot")
def start_pilot(request: Request, desk: At, person: Engineer, ask: PilotAsk) -> JobAnswer:
    """Start the pilot on everything in the workspace; answers with its job."""
    _some_records(desk)
    asked = {**ask.model_dump(), "head": desk.head(), "by": person.name}
    noted(request, "pilot")
    return job_answer(desk.jobs.start("pilot", asked, person.name))


@router.get("/pilot", tags=["pilot"], summary="The latest finding")
def pilot(desk: At, person: Who) -> dict[str, Any]:
    """What the latest finished pilot found, in the shape of `zhizao pilot --json`."""
    job = desk.latest("pilot")
    if job is None:
        raise NotAllowed("no pilot has been run yet", fix="POST /api/v1/pilot", code="no_pilot")
    found: dict[str, Any] = desk.jobs.result(job.id)["result"]
    return found


def _some_records(desk: At) -> None:
    if not desk.has_records():
        raise InputError("there are no records yet", fix="import some", code="no_records")
