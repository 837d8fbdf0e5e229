"""The FastAPI application: gate, sign-in page, REST routes, static files; every error as what, where and fix."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.routing import Match

from zhizao.app.access import Access
from zhizao.app.desk import Desk
from zhizao.app.http import gate, login, reference
from zhizao.app.http.answers import error_answer
from zhizao.app.http.metered import Metered
from zhizao.app.http.routes import (
    alarms,
    data,
    decide,
    indicators,
    live,
    outward,
    panel,
    people,
    records,
    releases,
    returns,
    returns_form,
    rollup,
    states,
    tablet,
    tags,
    trend,
    warnings,
)
from zhizao.app.returns_desk import ReturnsDesk
from zhizao.errors import ZhizaoError

__all__ = ["Settings", "build"]

LOG = logging.getLogger("zhizao.app")
STATIC = Path(__file__).resolve().parent.parent / "pages" / "static"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the pages are served.

    Parameters
    ----------
    local : loopback without sign-in
    largest : bytes that an upload may have
    """

    local: bool = False
    largest: int = 512 << 20


DESCRIPTION = """
All that the pages do, for programs. Sign in with `POST /api/v1/session` (a cookie, with `x-csrf-token` on every
change) or send `Authorization: Bearer zz_...` with a token made under *My account*.

Every error has one shape: `what` is wrong, `where`, and how to `fix` it; `code` is stable. Times are ISO 8601 in UTC;
shares are fractions (0.3 for 30 %). Long work answers 202 with a job: ask `/api/v1/jobs/{id}` until its `state` is
`done`.
"""


def build(desk: Desk, access: Access | None, settings: Settings | None = None) -> FastAPI:
    """Application over a workspace.

    Parameters
    ----------
    desk : the workspace
    access : people and sessions; None serves without sign-in (loopback only)
    settings : how it is served
    """
    settings = settings or Settings()
    if access is not None:
        access.own = ReturnsDesk.of_desk(desk).own
    app = FastAPI(
        title="zhizao",
        version=desk.version,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.desk, app.state.access, app.state.settings = desk, access, settings
    app.add_middleware(gate.Gate, access=access, local=settings.local, largest=settings.largest)
    app.add_middleware(Metered)
    _errors(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router in (
        login.router,
        records.router,
        data.router,
        decide.router,
        people.router,
        returns.router,
        returns_form.router,
        indicators.router,
        rollup.router,
        panel.router,
        warnings.router,
        live.router,
        states.router,
        trend.router,
        tags.router,
        outward.router,
        alarms.router,
        tablet.router,
        releases.router,
        reference.router,
    ):
        app.include_router(router)
    _unknown(app)
    return app


def _unknown(app: FastAPI) -> None:
    """Addresses of the API that there are not are answered as the API answers, before the pages take what is left."""
    routes = list(app.router.routes)

    @app.api_route("/api/{rest:path}", methods=list(_METHODS), include_in_schema=False)
    def nothing_there(request: Request, rest: str) -> Response:
        near = [route.matches(request.scope)[0] for route in routes]
        status = 405 if Match.PARTIAL in near else 404
        raise HTTPException(status, "this method is not taken here" if status == 405 else "there is no such address")


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _errors(app: FastAPI) -> None:
    @app.exception_handler(ZhizaoError)
    def told(request: Request, error: ZhizaoError) -> Response:
        return error_answer(request, error)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> Response:
        faults = error.errors()
        first: dict[str, Any] = dict(faults[0]) if faults else {}
        where = ".".join(str(part) for part in first.get("loc", ()) if part not in ("query", "body", "path"))
        seen = first.get("input")
        shown = f' (seen: "{str(seen)[:60]}")' if isinstance(seen, str | int | float) else ""
        body = {
            "what": f"{first.get('msg', 'the request cannot be read')}{shown}",
            "where": where,
            "fix": "see /api/v1/openapi.json for what is taken",
            "code": "bad_request",
        }
        return JSONResponse(body, status_code=422)

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> Response:
        path = request.url.path
        if error.status_code == 404 and not path.startswith("/api/"):
            return HTMLResponse(login.small_page(request, "state.missing.title"), status_code=404)
        fixes = {404: "see /api/v1/openapi.json for the addresses", 405: "see /api/v1/openapi.json for the methods"}
        body = {
            "what": str(error.detail),
            "where": path,
            "fix": fixes.get(error.status_code, ""),
            "code": f"http_{error.status_code}",
        }
        return JSONResponse(body, status_code=error.status_code)

    @app.exception_handler(Exception)
    def crashed(request: Request, error: Exception) -> Response:
        LOG.exception("%s %s failed", request.method, request.url.path, exc_info=error)
        body = {
            "what": f"zhizao failed here: {type(error).__name__}",
            "where": request.url.path,
            "fix": "look into the log of the server, and report it",
            "code": "crash",
        }
        return JSONResponse(body, status_code=500)
