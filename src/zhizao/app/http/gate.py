"""The gate: every request and every web socket passes it before anything else sees it.

It finds out who asks (cookie, bearer token, or the machine's own user with `--local`), refuses what comes from another
site or is too large, and puts the security headers on every answer. What it decides stands in `scope["zhizao"]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zhizao.app.access import LOCAL, Access, Person, Session
from zhizao.errors import InputError

__all__ = ["COOKIE", "CSRF_HEADER", "HEADERS", "Asked", "Gate", "asked", "loopback"]

COOKIE = "zhizao_session"
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = ("/login", "/static/", "/_nicegui/", "/favicon.ico", "/api/v1/health", "/api/v1/session", "/metrics")
"""Addresses that need no sign-in. `/_nicegui/` has scripts and styles; what clients upload there is not open."""

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks.

    Parameters
    ----------
    person : who; None for an address that needs no sign-in
    csrf : what the browser sends back with each change; empty for bearer tokens
    by : `cookie`, `bearer`, `local` or empty
    address : where the request comes from
    """

    person: Person | None = None
    csrf: str = ""
    by: str = ""
    address: str = ""


def asked(scope: Scope) -> Asked:
    """What the gate decided about a request."""
    found = scope.get("zhizao")
    return found if isinstance(found, Asked) else Asked()


def loopback(scope: Scope) -> bool:
    """Whether a request comes from this machine itself and calls it so; a proxy on it, which passes on `Host`, does not."""
    headers = {key.lower(): value.decode("latin-1") for key, value in scope.get("headers", [])}
    try:
        near = ip_address((scope.get("client") or ("",))[0]).is_loopback
    except ValueError:
        return False
    named = _name(headers.get(b"host", "")) in {"127.0.0.1", "localhost", "::1"}
    return near and named and not {b"x-forwarded-for", b"forwarded", b"x-real-ip"} & headers.keys()


class Gate:
    """ASGI middleware; see the module.

    Parameters
    ----------
    app : what is behind
    access : people and sessions; None with `local`
    local : whoever can reach the loopback address is let in
    largest : bytes that a request may have
    """

    def __init__(self, app: ASGIApp, access: Access | None, *, local: bool = False, largest: int = 512 << 20) -> None:
        self._app = app
        self._access = access
        self._local = local
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        who = self._who(scope, headers)
        scope["zhizao"] = who
        refusal = self._refusal(scope, headers, who)
        if scope["type"] == "websocket":
            if refusal is not None:
                await receive()
                await send({"type": "websocket.close", "code": 4403})
                return
            await self._app(scope, receive, send)
            return
        sender = self._dressed(scope, send)
        if refusal is not None:
            await refusal(scope, receive, sender)
            return
        await self._app(scope, self._measured(headers, receive), sender)

    def _who(self, scope: Scope, headers: dict[str, str]) -> Asked:
        address = scope["client"][0] if scope.get("client") else ""
        if self._local or self._access is None:
            return Asked(LOCAL, by="local", address=address)
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and secret:
            person = self._access.bearer(secret.strip())
            return Asked(person, by="bearer" if person else "", address=address)
        session = self._session(headers)
        if session is None:
            return Asked(address=address)
        return Asked(session.person, csrf=session.csrf, by="cookie", address=address)

    def _session(self, headers: dict[str, str]) -> Session | None:
        secret = cookie(headers, COOKIE)
        return self._access.session(secret) if secret and self._access else None

    def _refusal(self, scope: Scope, headers: dict[str, str], who: Asked) -> Response | None:
        path, method = scope["path"], scope.get("method", "GET")
        host = headers.get("host", "")
        if self._local and _name(host) not in {"127.0.0.1", "localhost", "::1", "testserver"}:
            return refuse(
                421, f'host "{host[:80]}" is not this machine', "open http://127.0.0.1, or leave out --local", "host"
            )
        origin = headers.get("origin", "")
        foreign = headers.get("sec-fetch-site", "") in {"cross-site", "same-site"}
        strange = bool(origin) and urlsplit(origin).netloc != host
        changes = method not in SAFE or scope["type"] == "websocket"
        if changes and who.by != "bearer" and (strange or (foreign and not origin)):
            return refuse(403, "the request comes from another site", "send it from zhizao's own pages", "origin")
        is_open = any(path == one or (one.endswith("/") and path.startswith(one)) for one in OPEN)
        if path.startswith("/_nicegui/client/") or "/upload" in path:
            is_open = False
        if who.person is None and not is_open:
            if path.startswith(("/api/", "/_nicegui")) or method not in SAFE or scope["type"] != "http":
                return refuse(401, "nobody is signed in", "sign in, or send a bearer token", "sign_in")
            query = scope.get("query_string", b"").decode("latin-1")
            wanted = quote(path + (f"?{query}" if query else ""), safe="")
            return RedirectResponse(f"/login?next={wanted}", status_code=303)
        if (
            who.by == "cookie"
            and changes
            and path.startswith("/api/")
            and path != "/api/v1/session"
            and headers.get(CSRF_HEADER) != who.csrf
        ):
            return refuse(
                403, f"the header {CSRF_HEADER} is missing or wrong", "reload the page, then try again", "csrf"
            )
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._largest:
            return self._too_large(int(length))
        return None

    def _too_large(self, size: int | None) -> Response:
        limit = f"{self._largest / 1048576:,.0f} MiB"
        seen = f"{size / 1048576:,.0f} MiB" if size is not None else f"more than {limit}"
        return refuse(
            413,
            f"the file has {seen}; at most {limit} are taken here",
            "split it by month, save it as Parquet, or import it with `zhizao import`",
            "too_large",
        )

    def _measured(self, headers: dict[str, str], receive: Receive) -> Receive:
        if headers.get("content-length", "").isdigit():
            return receive
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._largest:
                    raise InputError(f"more than {self._largest / 1048576:,.0f} MiB were sent", code="too_large")
            return message

        return counted

    def _dressed(self, scope: Scope, send: Send) -> Send:
        private = not scope["path"].startswith(("/static/", "/_nicegui/"))

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {key.lower() for key, _ in message.get("headers", [])}
                extra = dict(HEADERS)
                if private:
                    extra["cache-control"] = "no-store"
                if scope["path"].startswith("/_nicegui/") or scope["path"].startswith("/static/"):
                    extra.pop("content-security-policy")
                message["headers"] = [
                    *message.get("headers", []),
                    *((k.encode(), v.encode()) for k, v in extra.items() if k.encode() not in present),
                ]
            await send(message)

        return dressed


def cookie(headers: dict[str, str], name: str) -> str:
    """Value of a cookie; empty when it is absent."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def refuse(status: int, what: str, fix: str, code: str, where: str = "") -> JSONResponse:
    """An error in the shape that all of zhizao shows."""
    body: dict[str, Any] = {"what": what, "where": where, "fix": fix, "code": code}
    return JSONResponse(body, status_code=status)


def _name(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()
