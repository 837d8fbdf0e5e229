"""What tags mean: seen, declared by hand or by rule, taken back; and what a source offers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from zhizao.app import live, tagmap
from zhizao.app.access import Person, Right
from zhizao.app.desk import Desk
from zhizao.app.http.answers import ERRORS, At, Who, needs, noted
from zhizao.errors import InputError
from zhizao.model import Role

__all__ = ["names_of", "router"]

router = APIRouter(prefix="/api/v1/tags", responses=ERRORS, tags=["tags"])
Engineer = Annotated[Person, Depends(needs(Right.DECIDE))]


class RuleAsk(BaseModel):
    """A rule."""

    pattern: str = Field(max_length=400)
    machine: str = Field(default="", max_length=200)
    role: Role = Role.SIGNAL
    unit: str = Field(default="", max_length=60)
    overwrite: bool = False
    """Also where something stands against it."""

    def rule(self) -> tagmap.Rule:
        """As the mapping takes it."""
        return tagmap.Rule(self.pattern, self.machine, self.role, self.unit)


class CardAsk(BaseModel):
    """What one tag means."""

    tag: str = Field(min_length=1, max_length=400)
    machine: str = Field(default="", max_length=200)
    role: Role = Role.SIGNAL
    unit: str = Field(default="", max_length=60)
    kind: str = Field(default="", max_length=20)
    resolution: float | None = None
    remove: bool = False
    """Take its declaration out."""


def names_of(desk: Desk) -> list[str]:
    """All tags: those that were measured and those that are declared."""
    try:
        measured = live.reading(str(desk.path)).tags
    except InputError:
        measured = []
    return sorted({*measured, *desk.plant.tags})


@router.get("", summary="All tags and what they mean")
async def everything(desk: At, person: Who, find: Annotated[str, Query(max_length=200)] = "") -> list[dict[str, Any]]:
    """Name, whether it is declared, machine, role, unit."""
    names = await run_in_threadpool(names_of, desk)
    cards = desk.plant.tags
    return [_told(name, cards.get(name)) for name in names if find.lower() in name.lower()]


def _told(name: str, card: Any) -> dict[str, Any]:
    known = {} if card is None else card.model_dump(mode="json")
    fields = {key: known.get(key) for key in ("machine", "role", "unit", "kind", "resolution")}
    return {"tag": name, "declared": card is not None, **fields}


def taking(one: tagmap.Taking) -> dict[str, Any]:
    """What a rule would do to one tag, as programs read it."""
    return {
        "tag": one.tag,
        "machine": one.card.machine,
        "role": one.card.role.value,
        "unit": one.card.unit,
        "before": None if one.before is None else one.before.model_dump(mode="json"),
        "why": one.why,
        "about": one.about,
        "conflict": one.is_conflict,
    }


@router.post("/preview", summary="What a rule would take")
async def preview(desk: At, person: Who, ask: RuleAsk) -> list[dict[str, Any]]:
    """Tag by tag, with what stands against it; nothing is changed."""
    names = await run_in_threadpool(names_of, desk)
    return [taking(one) for one in tagmap.preview(desk.plant, names, ask.rule())]


@router.post("/map", summary="Declare what a rule takes")
async def map_tags(request: Request, desk: At, person: Engineer, ask: RuleAsk) -> list[dict[str, Any]]:
    """Written into plant.yaml; its other lines and comments stay. What was changed."""
    names = await run_in_threadpool(names_of, desk)
    done = await run_in_threadpool(lambda: tagmap.apply(desk.path, names, ask.rule(), overwrite=ask.overwrite))
    noted(request, "tags mapped", f"{ask.pattern[:100]} ({len(done)})")
    return [taking(one) for one in done]


@router.put("", summary="Declare one tag")
async def put(request: Request, desk: At, person: Engineer, ask: CardAsk) -> dict[str, Any]:
    """By hand; `remove` takes its declaration out."""
    card = None if ask.remove else tagmap.card_of(ask.model_dump(exclude={"tag", "remove"}))
    await run_in_threadpool(tagmap.write_cards, desk.path, {ask.tag: card})
    noted(request, "tag declared", ask.tag[:100])
    return _told(ask.tag, card)


@router.post("/undo", summary="Take the last change back")
async def undo(request: Request, desk: At, person: Engineer) -> dict[str, str]:
    """plant.yaml as it was before the last change from here; refused where somebody else has changed it since."""
    await run_in_threadpool(tagmap.undo, desk.path)
    noted(request, "tags taken back")
    return {"state": "done"}


@router.get("/browse", summary="What a source offers")
async def browse(
    desk: At,
    person: Engineer,
    connection: Annotated[str, Query(max_length=200)],
    below: Annotated[str, Query(max_length=1000)] = "",
) -> list[dict[str, Any]]:
    """Addresses, names, types, units and values below an address of a connection of plant.yaml."""
    return [
        {name: getattr(one, name) for name in ("address", "name", "type", "unit", "leaf", "value")}
        for one in await offered(desk, connection, below)
    ]


async def offered(desk: Desk, connection: str, below: str) -> list[Any]:
    """What a source offers below an address.

    Raises
    ------
    InputError : there is no such connection, or the source does not answer
    """
    import asyncio

    from zhizao.errors import ZhizaoError

    place = str(desk.path / "plant.yaml")
    try:
        plant = live.plant_of(str(desk.path))
        return list(await asyncio.wait_for(live.browse(plant, place, connection, below), 30))
    except ZhizaoError:
        raise
    except Exception as error:  # whatever a source or its library does, the page says so
        raise InputError(
            f'"{connection}" cannot be browsed: {type(error).__name__}',
            where=connection,
            fix="try zhizao sense --check",
            code="no_answer",
        ) from error
