"""Warnings: the tables that are kept for them, judging them as a job, and what was found."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app import warnings_desk
from zhizao.app.access import Person, Right
from zhizao.app.alert_steps import KINDS, read_as_of
from zhizao.app.http.answers import ERRORS, At, Speaks, needs, noted
from zhizao.app.http.routes.records import JobAnswer, job_answer
from zhizao.errors import InputError, NotAllowed

if TYPE_CHECKING:
    import polars as pl

__all__ = ["router", "safe_csv"]

router = APIRouter(prefix="/api/v1/warnings", responses=ERRORS, tags=["warnings"])
Reader = Annotated[Person, Depends(needs(Right.WARNINGS))]
Importer = Annotated[Person, Depends(needs(Right.IMPORT))]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class WarningsAsk(BaseModel):
    """How the tables are judged."""

    kind: Literal["", "over-capacity", "quality", "concentration", "trade"] = ""
    """Only this kind; every kind that the columns allow when empty."""
    as_of: str = ""
    """Month, as 2024-06: nothing later is looked at; the last month of the tables when empty."""
    budget: float = Field(default=1.0, ge=0.001, le=1000)
    """False alarms a year that are allowed over all industries together."""
    lag: int = Field(default=0, ge=0, le=24)
    """Months that pass before a figure is published."""
    seed: int = Field(default=0, ge=0)


def _tables(desk: At) -> list[dict[str, Any]]:
    return [asdict(one) for one in warnings_desk.tables_kept(desk.path)]


def _latest(desk: At) -> tuple[Any, dict[str, Any]]:
    found = warnings_desk.latest(desk)
    if found is None:
        raise NotAllowed("nothing has been judged yet", fix="upload a table, then POST /api/v1/warnings", code="no_run")
    return found


@router.get("/tables", summary="Tables that are kept for warnings")
def tables(desk: At, person: Reader) -> list[dict[str, Any]]:
    """Name, rows, columns as they were understood, kinds of warning that they can speak to, first and last month."""
    return _tables(desk)


@router.post("/tables", status_code=201, summary="Keep a table")
async def keep(request: Request, desk: At, person: Importer, file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """CSV, Excel or Parquet; replaces the table of the same name. Faults are told by line."""
    await run_in_threadpool(warnings_desk.keep_table, desk.path, file.filename or "table.csv", file.file)
    noted(request, "warnings table", file.filename or "")
    return {"tables": _tables(desk)}


@router.post("/sample", status_code=201, summary="Keep generated series")
def sample(request: Request, desk: At, person: Importer) -> dict[str, Any]:
    """Twelve years of 31 industries that do not exist; only where no table is kept."""
    warnings_desk.keep_sample(desk.path)
    noted(request, "warnings sample")
    return {"tables": _tables(desk)}


@router.delete("/tables/{name}", summary="Remove a table")
def drop(request: Request, desk: At, person: Importer, name: str) -> dict[str, Any]:
    """What was found from it stays until the tables are judged again, and is marked as stale."""
    warnings_desk.drop_table(desk.path, name)
    noted(request, "warnings table removed", name)
    return {"tables": _tables(desk)}


@router.post("", status_code=202, summary="Judge the tables")
def judge(request: Request, desk: At, person: Importer, ask: WarningsAsk) -> JobAnswer:
    """Answers with the job that does it."""
    if not warnings_desk.tables_kept(desk.path):
        raise InputError("no table is kept", fix="upload one", code="no_tables")
    if ask.as_of:
        read_as_of(ask.as_of)
    noted(request, "warnings")
    asked = {**ask.model_dump(), "stamp": warnings_desk.stamp(desk.path)}
    return job_answer(desk.jobs.start("warnings", asked, person.name))


@router.get("", summary="The latest warnings")
def found(desk: At, person: Reader, kind: str = "", level: str = "") -> dict[str, Any]:
    """In the shape of `zhizao alerts --json`, each with its `key`; `stale`: the tables have changed since."""
    job, told = _latest(desk)
    if kind and kind not in KINDS:
        raise InputError(f'"{kind[:40]}" is no kind of warning', fix=f"use {', '.join(KINDS)}", code="bad_filter")
    rows = [
        {key: value for key, value in one.items() if key != "series"}
        for one in told["warnings"]
        if (not kind or one["kind"] == kind) and (not level or one["level"] == level)
    ]
    return {
        "job": job.id,
        "stale": told["stamp"] != warnings_desk.stamp(desk.path),
        **told,
        "warnings": rows,
    }


@router.get("/export", summary="The latest warnings as a file")
def export(desk: At, person: Reader, t: Speaks, format: Literal["xlsx", "csv", "json"] = "xlsx") -> Response:
    """One line of evidence a row, or the whole as JSON."""
    from zhizao.programme.release import tables_workbook

    _, told = _latest(desk)
    name = f"warnings-{told['as_of'] or 'now'}.{format}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    if format == "json":
        return Response(warnings_desk.dump(told), media_type="application/json", headers=headers)
    frame = warnings_desk.export_frame(told, t.lang)
    if format == "csv":
        return Response(safe_csv(frame), media_type="text/csv; charset=utf-8", headers=headers)
    return Response(tables_workbook({t("nav.warnings"): frame}), media_type=XLSX, headers=headers)


def safe_csv(frame: pl.DataFrame) -> bytes:
    """A CSV file that spreadsheets open with the right letters and without running anything."""
    import polars as pl

    text = pl.col(pl.String)
    safe = frame.with_columns(pl.when(text.str.contains(r"^[=+\-@\t\r]")).then("'" + text).otherwise(text).name.keep())
    return b"\xef\xbb\xbf" + safe.write_csv().encode()


@router.get("/{key:path}", summary="One warning")
def one(desk: At, person: Reader, key: str) -> dict[str, Any]:
    """With each signal month by month beside what was normal for it then."""
    return warnings_desk.one_warning(_latest(desk)[1], key)
