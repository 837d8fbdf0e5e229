"""Releases: the calendar, and the data sets that have left their embargo."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, field_validator

from zhizao.app import releases
from zhizao.app.http.answers import ERRORS, Anybody, At, Speaks, noted
from zhizao.app.releases import Shown
from zhizao.clock import now

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/releases", responses=ERRORS, tags=["releases"])
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Plan(BaseModel):
    """What is released when."""

    source: Literal["indicators", "rollup"]
    """Values of the indicators, or published returns summed by region and industry."""
    period: str
    """Month of a roll-up (2025-06), or year of indicators (2025)."""
    at: datetime
    """Embargo until; a time without zone is in the plant's zone."""
    zh: str
    en: str
    early_roles: list[str] = []
    """Roles that may see it before."""
    early_hours: float = Field(default=24.0, ge=0, le=720)
    """How long before."""
    items: list[str] = []
    """Items of a roll-up; a few main ones when empty."""

    @field_validator("early_roles", "items", mode="before")
    @classmethod
    def _one_or_many(cls, told: object) -> object:
        return [told] if isinstance(told, str) else told


class Planned(Plan):
    """The same with its id, as the page sends it."""

    id: str


class Why(BaseModel):
    """A reason."""

    reason: str = Field(default="", max_length=1000)


def _answer(one: Shown) -> dict[str, Any]:
    told = one.entry.model_dump(mode="json")
    return {**told, "state": one.state, "opens": one.opens.isoformat(), "may_see": one.may_see}


@router.get("", summary="The release calendar")
def listed(desk: At, person: Anybody) -> dict[str, Any]:
    """What is coming, then what has been released; with the time from which you may see each, and what is due soon."""
    at = now()
    rows = releases.shown(desk, person, at)
    return {"rows": [_answer(one) for one in rows], "due": [one.id for one in releases.due_soon(desk, at)]}


@router.get("/calendar", summary="The release calendar as a file")
def exported(desk: At, person: Anybody, t: Speaks, format: Literal["xlsx", "csv"] = "xlsx") -> Response:
    """Title, source, period, embargo and state; no figures."""
    import polars as pl

    from zhizao.programme.release import tables_workbook

    names = [t(f"release.col.{key}") for key in ("id", "title", "source", "period", "at", "state")]
    rows = [
        (one.entry.id, one.entry.zh if t.lang == "zh" else one.entry.en, t(f"release.source.{one.entry.source}"),
         one.entry.period, one.entry.at.isoformat(), t(f"release.state.{one.state}"))
        for one in releases.shown(desk, person, now())
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    headers = {"content-disposition": f'attachment; filename="release-calendar.{format}"'}
    if format == "csv":
        from zhizao.app.http.routes.warnings import safe_csv

        return Response(safe_csv(frame), media_type="text/csv; charset=utf-8", headers=headers)
    return Response(tables_workbook({t("nav.release"): frame}), media_type=XLSX, headers=headers)


@router.post("", status_code=201, summary="Plan a release")
def post(request: Request, desk: At, person: Anybody, plan: Planned) -> dict[str, Any]:
    """The same as PUT, with the id in the body."""
    return put(request, desk, person, plan.id, plan)


@router.put("/{name}", summary="Plan a release, or change one that is planned")
def put(request: Request, desk: At, person: Anybody, name: str, plan: Plan) -> dict[str, Any]:
    """By a manager of the top level (or of the plant), or an admin. What has been released is withdrawn, not changed."""
    at = now()
    when = plan.at if plan.at.tzinfo is not None else plan.at.replace(tzinfo=desk.tz)
    told = {**plan.model_dump(exclude={"id", "at"}), "id": name, "at": when.astimezone(UTC)}
    releases.put_entry(desk, person, told, at)
    noted(request, "release planned", f"{name} {plan.period} {when.isoformat()}")
    return _answer(next(one for one in releases.shown(desk, person, at) if one.entry.id == name))


@router.delete("/{name}", summary="Strike out a planned release")
def remove(request: Request, desk: At, person: Anybody, name: str) -> dict[str, Any]:
    """Only before its time."""
    releases.remove_entry(desk, person, name, now())
    noted(request, "release removed", name)
    return {"removed": name}


@router.post("/{name}/withdraw", summary="Take a release back")
def withdraw(request: Request, desk: At, person: Anybody, name: str, why: Why) -> dict[str, Any]:
    """Nobody sees its figures any more; entry and reason stay in the calendar."""
    releases.withdraw_entry(desk, person, name, why.reason)
    noted(request, "release withdrawn", name)
    return _answer(next(one for one in releases.shown(desk, person, now()) if one.entry.id == name))


@router.get("/{name}/data", summary="The figures of a release")
def data(
    request: Request,
    desk: At,
    person: Anybody,
    t: Speaks,
    name: str,
    format: Annotated[Literal["json", "csv", "xlsx"], "json, SDMX-CSV 2.0 or Excel"] = "json",
) -> Response:
    """403 with code `embargo` before your time. `csv` is SDMX-CSV 2.0, `xlsx` has figures, metadata and code lists."""
    import json

    from zhizao.programme.release import MIME, release_workbook, write_sdmx_csv

    at = now()
    entry, made = releases.dataset_for(desk, person, name, at)
    if at < entry.at:
        noted(request, "release seen early", f"{name} {format}")
    headers = {"content-disposition": f'attachment; filename="{name}.{format}"'}
    if format == "csv":
        return Response(write_sdmx_csv(made), media_type=MIME, headers=headers)
    if format == "xlsx":
        return Response(release_workbook(made, t.lang), media_type=XLSX, headers=headers)
    meta = made.metadata
    told = {
        "id": entry.id,
        "structure_id": meta.structure_id,
        "title": {"zh": meta.title_zh, "en": meta.title_en},
        "definition_version": meta.definition_version,
        "vintage": meta.vintage.isoformat(),
        "released": meta.released.isoformat(),
        "source": meta.source,
        "dimensions": made.dimensions,
        "attributes": made.attributes,
        "rows": made.frame.to_dicts(),
    }
    return Response(json.dumps(told, ensure_ascii=False), media_type="application/json")
