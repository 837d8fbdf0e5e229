"""The operator's tablet: its page, its worker that keeps the page off line, what it shows and the acts that it sends."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app import qr, tablet
from zhizao.app.access import Person, Right
from zhizao.app.http.answers import ERRORS, At, Speaks, Who, needs, noted, words_of
from zhizao.app.http.gate import HEADERS, asked
from zhizao.app.texts import TEXTS
from zhizao.errors import ZhizaoError

__all__ = ["router"]

STATIC = Path(__file__).resolve().parents[2] / "pages" / "static"

router = APIRouter(responses=ERRORS, tags=["live"])
Says = Annotated[Person, Depends(needs(Right.IMPORT))]
Name = Annotated[str | None, Query(max_length=200)]
MOST_ACTS = 200
_STATES = "floor.state."


class ActsAsk(BaseModel):
    """Acts in the order in which they were done."""

    acts: list[tablet.Act] = Field(min_length=1, max_length=MOST_ACTS)


@router.get("/tablet", include_in_schema=False)
def page(request: Request, person: Who, t: Speaks) -> Response:
    """The page, whole: it is kept by the browser and opens without a network."""
    words = {
        lang: {key: pair[at] for key, pair in TEXTS.items() if key.startswith(("tablet.", _STATES))}
        for at, lang in enumerate(("en", "zh"))
    }
    said = {
        "words": words,
        "lang": t.lang,
        "zone": t.zone,
        "person": person.name,
        "csrf": asked(request.scope).csrf,
        "may": person.may(Right.IMPORT),
    }
    stamp = f"{max(int((STATIC / name).stat().st_mtime) for name in ('tablet.js', 'tablet.css')):x}"
    html = (
        f'<!doctype html><html lang="{"zh-CN" if t.lang == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(t('tablet.title'))} · zhizao</title>"
        f'<link rel="icon" href="/static/favicon.svg"><link rel="stylesheet" href="/static/tablet.css?{stamp}">'
        f'<script id="zz" type="application/json">{json.dumps(said, ensure_ascii=False).replace("<", chr(92) + "u003c")}</script>'
        f'</head><body><main id="tablet"></main><script src="/static/tablet.js?{stamp}"></script></body></html>'
    )
    policy = HEADERS["permissions-policy"].replace("camera=()", "camera=(self)")
    return HTMLResponse(html, headers={"permissions-policy": policy})


@router.get("/tablet-worker.js", include_in_schema=False)
def worker() -> Response:
    """The service worker; its address decides which pages it may keep."""
    return FileResponse(
        STATIC / "tablet-worker.js", media_type="text/javascript", headers={"service-worker-allowed": "/tablet"}
    )


@router.get("/api/v1/live/tablet", summary="What an operator's tablet shows")
async def shown(desk: At, person: Who, machine: Name = None) -> dict[str, Any]:
    """The machines with their states; of one its order, progress, stops, and the pieces that people reported."""
    return await run_in_threadpool(tablet.shown, str(desk.path), machine)


@router.post("/api/v1/live/acts", summary="Acts of a tablet: pieces, reasons of stops, notes")
async def acts(request: Request, desk: At, person: Says, ask: ActsAsk) -> list[dict[str, Any]]:
    """In the order in which they were done. `done`, or `twice` when the key was there; `conflict` and `refused` say why."""
    found = await run_in_threadpool(tablet.acts, str(desk.path), ask.acts, who=person.name)
    t, out = words_of(request), []
    for one in found:
        error = one.pop("error", None)
        if isinstance(error, ZhizaoError):
            what, fix = t.fault(error.fault.code, error.fault.what, error.fault.fix)
            one |= {"what": what, "where": error.fault.where, "fix": fix, "code": error.fault.code}
        out.append(one)
    noted(request, "tablet", f"{sum(one['state'] == 'done' for one in out)} acts")
    return out


@router.get("/api/v1/live/qr", summary="A QR code that opens a machine's tablet page", response_class=Response)
def code(request: Request, person: Who, machine: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
    """An SVG; the address in it is that under which this request came."""
    return Response(qr.svg(qr.tablet_address(str(request.base_url), machine)), media_type="image/svg+xml")
