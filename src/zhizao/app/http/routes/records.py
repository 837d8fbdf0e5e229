"""Uploads, imports, the account of records and the jobs that work on them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, File, Form, Query, Request, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app import uploads, views
from zhizao.app.access import Person, Right
from zhizao.app.desk import Desk
from zhizao.app.http.answers import ERRORS, At, Speaks, Who, needs, noted
from zhizao.app.http.tables import as_rows
from zhizao.app.jobs import Job
from zhizao.errors import InputError

__all__ = ["JobAnswer", "job_answer", "router"]

router = APIRouter(prefix="/api/v1", responses=ERRORS)
Importer = Annotated[Person, Depends(needs(Right.IMPORT))]


class JobAnswer(BaseModel):
    """Long work as it stands now."""

    id: str
    kind: str
    """import, sample, twin, pilot or verify."""
    state: str
    """running, done, failed, cancelled or lost."""
    by: str
    at: str
    """When it was started, ISO 8601."""
    fraction: float = Field(ge=0, le=1)
    """How far it is."""
    step: str
    """What it does now."""
    elapsed_s: float
    left_s: float | None = None
    """Seconds to go; null when nobody can tell."""
    fault: dict[str, str] | None = None
    """What went wrong: what, where, fix."""


def job_answer(job: Job) -> JobAnswer:
    """A job without what was asked of it (it may name files of the server)."""
    told = asdict(job)
    told.pop("asked")
    return JobAnswer(**told)


class Uploaded(BaseModel):
    """A file that waits for its import."""

    upload: str
    """Its number."""
    name: str
    size: int
    """Bytes."""


@router.post("/uploads", status_code=201, tags=["imports"], summary="Upload a file")
async def upload(desk: At, person: Importer, file: Annotated[UploadFile, File()]) -> Uploaded:
    """Store a file without importing it, to look at its mapping first."""
    kept = await run_in_threadpool(uploads.keep, desk.path, file.filename or "records", file.file)
    return Uploaded(upload=kept.id, name=kept.name, size=kept.size)


@router.get("/uploads/{upload}/mapping", tags=["imports"], summary="What each column is taken for, and why")
def mapping(desk: At, person: Importer, t: Speaks, upload: str, zone: str = "") -> dict[str, Any]:
    """The recognised mapping as YAML (to be sent back, changed or not), and column by column."""
    from zhizao.app.mapping import explained

    return explained(uploads.find(desk.path, upload), zone or desk.zone, t.lang)


@router.put("/uploads/{upload}/mapping", tags=["imports"], summary="Change what columns are taken for")
def edit_mapping(
    desk: At, person: Importer, t: Speaks, upload: str, edits: Annotated[dict[str, str], Body()]
) -> dict[str, Any]:
    """`{"col:<heading>": "<role>"}` for every column (empty: not used), and `zone`, `date_order`, `duration_unit`."""
    from zhizao.app.mapping import explained, save_edits

    found = uploads.find(desk.path, upload)
    save_edits(found, edits, desk.zone)
    return explained(found, desk.zone, t.lang)


@router.get("/uploads/{upload}/preview", tags=["imports"], summary="What an import would do")
def preview(desk: At, person: Importer, t: Speaks, upload: str) -> dict[str, Any]:
    """Rows that would be stored and refused, by cause, and the first rows as they would be recorded."""
    from zhizao.app.mapping import dry_run

    found = dry_run(uploads.find(desk.path, upload), desk.zone, t.lang)
    return {
        "read": found.read,
        "good": found.good,
        "rejected": found.rejected,
        "causes": list(found.causes),
        "notes": list(found.notes),
        "first": found.first.to_dicts(),
    }


class ImportAsk(BaseModel):
    """What to import."""

    upload: str
    """Number of the upload."""
    mapping: str = ""
    """Mapping as YAML; recognised when empty."""
    zone: str = ""
    """Zone of times without one; the plant's when empty."""
    max_rejected: float = Field(default=0.2, ge=0, le=1)
    """Share of rejected rows above which nothing is imported."""


@router.post("/imports", status_code=202, tags=["imports"], summary="Import an uploaded file")
def start_import(request: Request, desk: At, person: Importer, ask: ImportAsk) -> JobAnswer:
    """Import a file that was uploaded; answers with the job that does it."""
    from zhizao.app.mapping import kept_mapping

    kept = uploads.find(desk.path, ask.upload)
    edited = kept_mapping(kept)
    asked = {
        "file": str(kept.path),
        "name": kept.name,
        "mapping": ask.mapping or (edited.to_yaml() if edited else ""),
        "zone": ask.zone,
        "max_rejected": ask.max_rejected,
    }
    noted(request, "import", kept.name)
    return job_answer(desk.jobs.start("import", asked, person.name))


@router.post("/imports/file", status_code=202, tags=["imports"], summary="Upload and import in one go")
async def import_file(
    request: Request,
    desk: At,
    person: Importer,
    file: Annotated[UploadFile, File()],
    mapping: Annotated[str, Form()] = "",
    zone: Annotated[str, Form()] = "",
    max_rejected: Annotated[float, Form(ge=0, le=1)] = 0.2,
) -> JobAnswer:
    """`curl -F file=@records.csv` imports a file; `mapping` may carry the text of a mapping file."""
    kept = await run_in_threadpool(uploads.keep, desk.path, file.filename or "records", file.file)
    return start_import(
        request, desk, person, ImportAsk(upload=kept.id, mapping=mapping, zone=zone, max_rejected=max_rejected)
    )


@router.post("/sample", status_code=202, tags=["imports"], summary="Open the sample plant")
def sample(
    request: Request,
    desk: At,
    person: Importer,
    weeks: Annotated[int, Body(embed=True, ge=1, le=104)] = 26,
    returns: Annotated[bool, Body(embed=True)] = False,
) -> JobAnswer:
    """Import the records of a plant that does not exist, to look around; only into an empty workspace.

    With `returns`, published returns of some sixty other enterprises of June 2024 and June 2025 beside its own.
    """
    if desk.has_records():
        raise InputError(
            "the workspace has records; the sample plant would be mixed with them",
            fix="serve another folder",
            code="not_empty",
        )
    noted(request, "sample")
    return job_answer(desk.jobs.start("sample", {"weeks": weeks, "returns": returns}, person.name))


@router.get("/imports", tags=["imports"], summary="Every import and what became of its rows")
def list_imports(desk: At, person: Who) -> dict[str, Any]:
    """Account of records: read = stored + rejected + duplicate for each import, newest first."""
    from zhizao.app.http.catalogue import TABLES

    frame = views.imports(desk)
    return {"total": frame.height, "rows": as_rows(frame, TABLES["imports"].columns, extra=("reasons",))}


@router.get("/account", tags=["imports"], summary="Account of records")
def account(desk: At, person: Who) -> dict[str, Any]:
    """Sums over all imports, and whether they balance."""
    frame = views.imports(desk)
    sums = {key: int(frame[key].sum()) for key in ("read", "stored", "rejected", "duplicate", "superseding")}
    balance = sums["read"] == sums["stored"] + sums["rejected"] + sums["duplicate"]
    return {**sums, "imports": frame.height, "balance": balance and bool(frame["balance"].all()), "head": desk.head()}


@router.get("/imports/{number}/rejections", tags=["imports"], summary="Refused rows of an import")
def rejections(
    desk: At,
    person: Who,
    number: int,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> dict[str, Any]:
    """Row, column, value, cause and cure of each refused row."""
    from zhizao.app.http.catalogue import TABLES

    frame = views.rejections(desk, number)
    return {"total": frame.height, "rows": as_rows(frame.slice(offset, limit), TABLES["rejections"].columns)}


@router.post("/verify", status_code=202, tags=["records"], summary="Check the hash chain")
def verify(desk: At, person: Who) -> JobAnswer:
    """Compute the hash chain of all facts again, as a job."""
    return job_answer(desk.jobs.start("verify", {}, person.name))


@router.get("/facts/{sequence}", tags=["records"], summary="One fact with all its versions")
def fact(desk: At, person: Who, sequence: int) -> dict[str, Any]:
    """An event as it was recorded, with its place in the hash chain, and all versions of it."""
    event, history = views.fact(desk, sequence)
    return {"event": event.model_dump(mode="json"), "versions": history.to_dicts()}


@router.get("/jobs", tags=["jobs"], summary="Long work, newest first")
def jobs(desk: At, person: Who, kind: str = "") -> list[JobAnswer]:
    """Jobs of the workspace."""
    return [job_answer(job) for job in desk.jobs.list(kind or None)]


@router.get("/jobs/{job}", tags=["jobs"], summary="How far a job is")
def job(desk: At, person: Who, job: str) -> JobAnswer:
    """State, share done, remaining time."""
    return job_answer(desk.jobs.get(job))


@router.get("/jobs/{job}/result", tags=["jobs"], summary="What a finished job found")
def job_result(desk: At, person: Who, job: str) -> dict[str, Any]:
    """The result; 409 while it is not done."""
    return desk.jobs.result(job)


@router.delete("/jobs/{job}", tags=["jobs"], summary="Cancel a job")
def cancel(request: Request, desk: At, person: Who, job: str) -> JobAnswer:
    """Stop a running job: your own, or as a manager any; what it had stored whole stays."""
    found = desk.jobs.get(job)
    if found.by != person.name:
        person.need(Right.SETTLE)
    noted(request, "cancel", f"{found.kind} {job}")
    return job_answer(desk.jobs.cancel(job))


_FILES = {
    "report": ("report.{lang}.html", "text/html"),
    "json": ("pilot.json", "application/json"),
    "pdf": ("report.pdf", "application/pdf"),
    "panel": ("panel.csv", "text/csv"),
    "rotation": ("rotation.csv", "text/csv"),
    "design": ("design.json", "application/json"),
    "rejected": ("rejected.csv", "text/csv"),
    "twin": ("twin.json.gz", "application/gzip"),
}


@router.get("/jobs/{job}/files/{name}", tags=["jobs"], summary="A file that a job wrote")
def job_file(desk: At, person: Who, job: str, name: str, lang: str = "en", inline: bool = False) -> FileResponse:
    """`report`, `json`, `pdf`, `panel`, `rotation`, `design`, `rejected`, `twin`, or one of the files for Monday by its own name."""
    folder = desk.jobs.folder(job)
    if name in _FILES:
        pattern, kind = _FILES[name]
        path = folder / pattern.format(lang="zh" if lang == "zh" else "en")
        if path.is_file():
            return FileResponse(
                path, media_type=kind, filename=path.name, content_disposition_type="inline" if inline else "attachment"
            )
    for path in monday_files(desk, job):
        if path.name == name:
            return FileResponse(path, filename=name)
    raise InputError(f'job {job} has no file "{name[:60]}"', fix="see what the job wrote on its page", code="no_job")


def monday_files(desk: Desk, job: str) -> list[Any]:
    """Files for Monday that a pilot wrote."""
    folder = desk.jobs.folder(job) / "monday"
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
