"""What the form of a return asks while it is filled in: its checks, the months beside it, the facts behind a line."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from zhizao.app.http.answers import ERRORS, Speaks
from zhizao.app.http.routes.returns import Acts, Returns
from zhizao.app.http.tables import Column, as_rows
from zhizao.app.returns_lines import before, checked, facts_behind

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/returns", responses=ERRORS, tags=["returns"])
_MOST_FACTS = 1000


class Draft(BaseModel):
    """Figures as they stand in a form."""

    values: dict[str, float | None]
    """Value by item; null where it is blank."""
    notes: dict[str, str] = {}
    """Note by item."""


@router.post("/{enterprise}/{period}/check", summary="Check figures before they are submitted")
def check(desk: Returns, actor: Acts, t: Speaks, enterprise: str, period: str, draft: Draft) -> dict[str, Any]:
    """The shipped rules: which fail, in words and by line, which fewest lines have to change, what is suggested there.

    Changes nothing. For those who see all of the return.
    """
    return asdict(checked(desk, actor, enterprise, period, draft.values, draft.notes, t.lang))


@router.get("/{enterprise}/{period}/before", summary="Last month, and the same month of last year")
def months_before(desk: Returns, actor: Acts, enterprise: str, period: str) -> dict[str, Any]:
    """As far as you may see them: what is published, else the newest version, else what the journal fills."""
    last, year_ago = before(desk, actor, enterprise, period)
    return {"last": asdict(last), "year_ago": asdict(year_ago)}


@router.get("/{enterprise}/{period}/facts/{item}", summary="The facts behind a line")
def facts(desk: Returns, actor: Acts, enterprise: str, period: str, item: str) -> dict[str, Any]:
    """Facts of the plant's journal that the line is filled from, at most a thousand; for those who report it."""
    found = facts_behind(desk, actor, enterprise, period, item)
    rows = as_rows(found.head(_MOST_FACTS), [Column(name) for name in found.columns])
    return {"total": found.height, "rows": rows}
