"""Signing in: a plain page that works before any script runs, and the session that follows."""

from __future__ import annotations

from html import escape
from typing import Annotated
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app.access import SESSION_LIFE, Right, Session
from zhizao.app.http.answers import ERRORS, People, access_of, words_of
from zhizao.app.http.gate import COOKIE, asked
from zhizao.app.pages.icons import icon
from zhizao.errors import NotAllowed

__all__ = ["router", "small_page"]

router = APIRouter(tags=["session"])


class Credentials(BaseModel):
    """Who wants to sign in."""

    name: str = Field(max_length=60)
    password: str = Field(max_length=256)


class SessionAnswer(BaseModel):
    """A session."""

    name: str
    """Who is signed in."""
    role: str
    """Their role."""
    rights: list[str]
    """What they may do."""
    unit: str = ""
    """Unit of the tree that they belong to."""
    csrf: str = ""
    """To be sent as `x-csrf-token` with each change, when the session is a cookie."""


@router.get("/login", include_in_schema=False)
def sign_in_page(request: Request, next: str = "/") -> Response:
    """The page to sign in."""
    if asked(request.scope).person is not None:
        return RedirectResponse(_inside(next), status_code=303)
    return HTMLResponse(_page(request, next))


@router.post("/login", include_in_schema=False)
async def sign_in_form(request: Request) -> Response:
    """The form of that page."""
    body = (await request.body())[:4096].decode("utf-8", "replace")
    fields = {key: values[0] for key, values in parse_qs(body).items()}
    access = access_of(request)
    try:
        session = await run_in_threadpool(
            access.sign_in, fields.get("name", "")[:60], fields.get("password", ""), asked(request.scope).address
        )
    except NotAllowed as error:
        status = 429 if error.fault.code == "locked" else 401
        return HTMLResponse(
            _page(request, fields.get("next", "/"), error.fault.code, fields.get("name", "")), status_code=status
        )
    answer = RedirectResponse(_inside(fields.get("next", "/")), status_code=303)
    _keep(request, answer, session)
    return answer


@router.post("/api/v1/session", responses=ERRORS, summary="Sign in")
def sign_in(request: Request, answer: Response, access: People, who: Credentials) -> SessionAnswer:
    """Open a session; the cookie is set, and `csrf` goes into the header `x-csrf-token` of each change."""
    session = access.sign_in(who.name, who.password, asked(request.scope).address)
    _keep(request, answer, session)
    return SessionAnswer(
        name=session.person.name,
        role=session.person.role,
        rights=[right for right in Right if session.person.may(right)],
        unit=session.person.unit,
        csrf=session.csrf,
    )


@router.get("/api/v1/session", responses=ERRORS, summary="Who is signed in")
def session(request: Request) -> SessionAnswer:
    """Who asks, and what they may do."""
    who = asked(request.scope)
    if who.person is None:
        raise NotAllowed("nobody is signed in", fix="sign in, or send a bearer token", code="sign_in")
    rights: list[str] = [right for right in Right if who.person.may(right)]
    return SessionAnswer(name=who.person.name, role=who.person.role, rights=rights, unit=who.person.unit, csrf=who.csrf)


@router.delete("/api/v1/session", responses=ERRORS, summary="Sign out")
def sign_out(request: Request, answer: Response, access: People) -> dict[str, str]:
    """End the session."""
    secret = request.cookies.get(COOKIE, "")
    if secret:
        access.sign_out(secret)
    answer.delete_cookie(COOKIE, path="/")
    return {"state": "signed out"}


def _keep(request: Request, answer: Response, session: Session) -> None:
    answer.set_cookie(
        COOKIE,
        session.secret,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )


def _inside(address: Annotated[str, "where to go"]) -> str:
    """The address when it is one of ours, else the first page: nobody is sent to another site.

    Examples
    --------
    >>> _inside("/orders?from=2025-01-01"), _inside("//example.org"), _inside("https://example.org"), _inside("/\\\\x")
    ('/orders?from=2025-01-01', '/', '/', '/')
    """
    parts = urlsplit(address)
    plain = address.startswith("/") and not address.startswith(("//", "/\\"))
    if not plain or parts.scheme or parts.netloc or any(ord(c) < 32 for c in address):
        return "/"
    return address


def _page(request: Request, target: str, said: str = "", name: str = "") -> str:
    t = words_of(request)
    error = ""
    if said:
        words = t("login.locked") if said == "locked" else t("login.wrong")
        error = f'<div class="zz-banner bad" role="alert"><div class="grow"><b>{escape(words)}</b></div></div>'
    body = (
        f'<form method="post" action="/login" class="login"><h1 class="zz-title">{escape(t("login.title"))}</h1>{error}'
        f'<input type="hidden" name="next" value="{escape(target)}">'
        f'<label class="zz-field">{escape(t("login.name"))}<input class="zz-input" name="name" required '
        f'autocomplete="username" autocapitalize="none" value="{escape(name)}" {"" if name else "autofocus"}></label>'
        f'<label class="zz-field">{escape(t("login.password"))}<input class="zz-input" type="password" name="password" '
        f'required autocomplete="current-password" {"autofocus" if name else ""}></label>'
        f'<button class="zz-btn primary">{escape(t("login.go"))}</button>'
        f'<p class="zz-note">{escape(t("login.first"))}</p></form>'
    )
    return _bare(request, t("login.title"), body)


def small_page(request: Request, key: str) -> str:
    """A page that says one thing and leads back."""
    t = words_of(request)
    body = (
        f'<div class="login"><h1 class="zz-title">{escape(t(key))}</h1>'
        f'<a class="zz-btn primary" href="/">{escape(t("state.missing.go"))}</a></div>'
    )
    return _bare(request, t(key), body)


def _bare(request: Request, title: str, body: str) -> str:
    t = words_of(request)
    other = "zh" if t.lang == "en" else "en"
    lang = "zh-CN" if t.lang == "zh" else "en"
    target = quote(request.query_params.get("next", "/"), safe="/")
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(title)} · zhizao</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="/favicon.ico"><link rel="stylesheet" href="/static/zhizao.css">'
        '<script src="/static/zhizao.js"></script><style>'
        "body{min-height:100vh;display:grid;place-items:center;padding:16px;box-sizing:border-box}"
        ".login{display:grid;gap:14px;width:min(360px,calc(100vw - 32px));background:var(--surface);"
        "border:1px solid var(--line);border-radius:10px;padding:28px;box-sizing:border-box}"
        ".login .zz-input{height:44px;width:100%}.login .zz-btn{min-height:44px;justify-content:center}"
        ".mark{display:flex;align-items:center;justify-content:space-between;width:min(360px,calc(100vw - 32px));"
        "margin-bottom:12px}.mark .zz-brand{width:auto}</style></head><body><main>"
        f'<div class="mark"><span class="zz-brand">{icon("brand")}<span>zhizao <small>智造</small></span></span>'
        f'<a class="zz-tool" href="/login?lang={other}&amp;next={target}" data-zz="lang:{other}">'
        f"{escape(t(f'lang.{other}'))}</a></div>{body}</main></body></html>"
    )
