"""People, roles, tokens and the audit trail."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from zhizao.app.access import Person, Right, Role
from zhizao.app.http.answers import ERRORS, Anybody, People, needs
from zhizao.app.http.gate import asked
from zhizao.errors import InputError, NotAllowed

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", responses=ERRORS, tags=["people"])
Admin = Annotated[Person, Depends(needs(Right.ADMIN))]


class NewPerson(BaseModel):
    """Somebody new."""

    name: str = Field(max_length=60)
    password: str = Field(max_length=256)
    role: Role = Role.VIEWER
    unit: str = Field(default="", max_length=60)
    """Unit of the tree that they belong to; empty for none."""


class Changes(BaseModel):
    """What changes about a person."""

    role: Role | None = None
    active: bool | None = None
    password: str | None = Field(default=None, max_length=256)
    unit: str | None = Field(default=None, max_length=60)


class NewToken(BaseModel):
    """A token for programs."""

    label: str = Field(max_length=80)
    role: Role = Role.VIEWER
    days: int | None = Field(default=365, ge=1, le=3650)


class NewPassword(BaseModel):
    """One's own new password."""

    old: str = Field(max_length=256)
    new: str = Field(max_length=256)


@router.get("/people", summary="Everybody")
def people(access: People, person: Admin) -> list[dict[str, Any]]:
    """Names, roles, units, and whether they may sign in."""
    return access.people()


@router.post("/people", status_code=201, summary="Add somebody")
def add(access: People, person: Admin, new: NewPerson) -> dict[str, str]:
    """Make a person."""
    access.add(new.name, new.password, new.role, new.unit)
    access.note(person.name, "person added", f"{new.name} ({new.role})")
    return {"name": new.name.strip(), "role": new.role}


@router.patch("/people/{name}", summary="Change somebody")
def change(access: People, person: Admin, name: str, changes: Changes) -> dict[str, str]:
    """Role, unit, password, or whether they may sign in."""
    access.change(name, role=changes.role, active=changes.active, password=changes.password, unit=changes.unit)
    told = [key for key in ("role", "active", "password", "unit") if getattr(changes, key) is not None]
    access.note(person.name, "person changed", f"{name}: {', '.join(told)}")
    return {"name": name, "changed": ", ".join(told)}


@router.post("/me/password", summary="Change one's own password")
def password(request: Request, access: People, person: Anybody, new: NewPassword) -> dict[str, str]:
    """All sessions and tokens end; sign in again afterwards."""
    if asked(request.scope).by != "cookie":
        raise NotAllowed("a token cannot change a password", fix="sign in with name and password", code="role")
    access.sign_out(access.sign_in(person.name, new.old, asked(request.scope).address).secret)
    access.change(person.name, password=new.new)
    access.note(person.name, "password changed")
    return {"state": "changed"}


@router.get("/me/tokens", summary="One's own tokens")
def tokens(access: People, person: Anybody) -> list[dict[str, Any]]:
    """Without their secrets."""
    return access.tokens(person.name)


@router.post("/me/tokens", status_code=201, summary="Make a token")
def make_token(request: Request, access: People, person: Anybody, new: NewToken) -> dict[str, str]:
    """The secret is told once."""
    if asked(request.scope).by == "bearer":
        raise NotAllowed("a token cannot make tokens", fix="sign in with name and password", code="role")
    secret = access.make_token(person, new.label, new.role, new.days)
    access.note(person.name, "token made", f"{new.label} ({new.role})")
    return {"secret": secret, "hint": "Keep it now: it is not shown again."}


@router.delete("/me/tokens/{number}", summary="End a token")
def drop_token(access: People, person: Anybody, number: int) -> dict[str, str]:
    """Programs that use it are refused from now on."""
    if not access.drop_token(person.name, number):
        raise InputError(f"you have no token {number}", fix="look it up under My account", code="no_token")
    access.note(person.name, "token ended", str(number))
    return {"state": "ended"}


@router.get("/audit", summary="Who did what")
def audit(access: People, person: Admin, limit: int = 1000) -> list[dict[str, Any]]:
    """Sign-ins, imports, pilots and changes of people, newest first."""
    return access.trail(min(10_000, max(1, limit)))
