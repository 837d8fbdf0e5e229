"""What routes share: who asks, which workspace, the shape of an error and its HTTP status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from zhizao.app.access import Access, Person, Right
from zhizao.app.desk import Desk, Period
from zhizao.app.http.gate import asked
from zhizao.app.texts import Words, pick
from zhizao.errors import FaultsFound, InputError, JournalBroken, NotAllowed, NotTrusted, ZhizaoError

__all__ = ["ERRORS", "Anybody", "At", "Problem", "Speaks", "Who", "error_answer", "needs", "noted", "status_of"]


class Problem(BaseModel):
    """What is wrong, where, and how to mend it."""

    what: str
    where: str = ""
    fix: str = ""
    code: str = "fault"


ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "Nobody is signed in"},
    403: {"model": Problem, "description": "The role is not enough, or the token for changes is missing"},
    404: {"model": Problem, "description": "There is no such thing"},
    409: {"model": Problem, "description": "The state does not permit it"},
    413: {"model": Problem, "description": "The file is too large"},
    422: {"model": Problem, "description": "What was sent cannot be used"},
}

_MISSING = {
    *("no_job", "no_import", "no_upload", "nobody", "no_table", "no_token"),
    *("no_return", "no_unit", "not_own", "no_indicator", "no_own", "no_group"),
    *("no_machine", "no_shift", "no_warning", "no_release", "no_warning_table", "no_alarm"),
}


def status_of(error: ZhizaoError) -> int:
    """HTTP status of an error."""
    code = error.fault.code
    if code == "locked":
        return 429
    if code == "sign_in":
        return 401
    if code in ("role", "embargo"):
        return 403
    if code == "too_large":
        return 413
    if code in _MISSING:
        return 404
    if isinstance(error, NotAllowed | NotTrusted):
        return 409
    return 422 if isinstance(error, InputError) else 500


def error_answer(request: Request, error: ZhizaoError) -> JSONResponse:
    """An error as JSON, in the words of the one who asks where there are such."""
    fault = error.fault
    what, fix = words_of(request).fault(fault.code, fault.what, fault.fix)
    body: dict[str, Any] = {
        "what": what,
        "where": fault.where,
        "fix": fix,
        "code": fault.code,
    }
    if isinstance(error, FaultsFound):
        body["faults"] = [{"what": f.what, "where": f.where, "fix": f.fix, "code": f.code} for f in error.faults[:200]]
    if isinstance(error, JournalBroken):
        body["fix"] = fault.fix or "restore the workspace from a copy; run `zhizao verify`"
    headers = {"retry-after": "10"} if fault.code == "locked" else None
    return JSONResponse(body, status_code=status_of(error), headers=headers)


def desk_of(request: Request) -> Desk:
    """The workspace that is served."""
    desk: Desk = request.app.state.desk
    return desk


def access_of(request: Request) -> Access:
    """People and sessions.

    Raises
    ------
    NotAllowed : where pages are served without sign-in
    """
    access: Access | None = request.app.state.access
    if access is None:
        raise NotAllowed("served with --local there are no people", fix="serve without --local", code="local")
    return access


def words_of(request: Request) -> Words:
    """The language that is asked for: `lang`, the cookie of the pages, then what the browser prefers."""
    desk = desk_of(request)
    wanted = request.query_params.get("lang", "") or request.cookies.get("zhizao_lang", "")
    return Words(pick(wanted, request.headers.get("accept-language", "")), desk.zone)


def period_of(request: Request) -> Period:
    """The period that is asked for: `from` and `to`, days in the plant's zone."""
    query = request.query_params
    return Period.of(query.get("from", ""), query.get("to", ""), desk_of(request).zone)


def needs(right: Right) -> Callable[[Request], Person]:
    """A dependency that lets only those pass who have a right."""

    def check(request: Request) -> Person:
        who = asked(request.scope)
        if who.person is None:
            raise NotAllowed("nobody is signed in", fix="sign in, or send a bearer token", code="sign_in")
        who.person.need(right)
        return who.person

    return check


def noted(request: Request, what: str, about: str = "") -> None:
    """Write into the audit trail who asked for something, where there are people."""
    access: Access | None = request.app.state.access
    who = asked(request.scope)
    if access is not None and who.person is not None:
        access.note(who.person.name, what, about, who.address)


At = Annotated[Desk, Depends(desk_of)]
People = Annotated[Access, Depends(access_of)]
Speaks = Annotated[Words, Depends(words_of)]
When = Annotated[Period, Depends(period_of)]
Who = Annotated[Person, Depends(needs(Right.READ))]
Anybody = Annotated[Person, Depends(needs(Right.RETURNS))]
"""Whoever is signed in, also those who belong to no plant."""
