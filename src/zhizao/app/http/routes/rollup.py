"""Roll-ups of published returns: from a national figure to the events behind one line, cut to what a person may see."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from zhizao.app.access import Person, Right
from zhizao.app.http.answers import ERRORS, At, Speaks, needs
from zhizao.app.http.tables import Column, as_csv, as_excel, as_rows
from zhizao.app.returns_desk import actor_of
from zhizao.app.rollup_answers import indicators_answer, place_answer, table_frame
from zhizao.app.rollup_desk import Place, RollupDesk
from zhizao.app.rollup_peers import rollup_peers
from zhizao.app.rollup_spans import spans_of
from zhizao.errors import InputError
from zhizao.programme.returns import Actor

__all__ = ["COLUMNS", "router"]

router = APIRouter(prefix="/api/v1/rollup", responses=ERRORS, tags=["rollup"])
COLUMNS = (
    Column("indicator"),
    Column("version", "count"),
    Column("period"),
    Column("region"),
    Column("region_name"),
    Column("industry"),
    Column("industry_name"),
    Column("value", "number"),
    Column("unit"),
    Column("numerator", "number"),
    Column("denominator", "number"),
    Column("returned", "count"),
    Column("expected", "count"),
    Column("withheld"),
)


def desk_of_rollup(desk: At) -> RollupDesk:
    """Roll-ups of the workspace that is served."""
    return RollupDesk.of_desk(desk)


def who_looks(person: Annotated[Person, Depends(needs(Right.RETURNS))]) -> Actor:
    """Who asks."""
    return actor_of(person)


Rollup = Annotated[RollupDesk, Depends(desk_of_rollup)]
Looks = Annotated[Actor, Depends(who_looks)]


def newest(desk: RollupDesk, actor: Actor, period: str) -> str:
    """The month that is asked for, else the newest of which something is published."""
    if period:
        return period
    found = desk.periods(actor)
    if not found:
        raise InputError("no return that you may see is published yet", fix="look again later", code="no_return")
    return found[0]


@router.get("/indicators", summary="Indicators that returns tell")
def indicators(desk: Rollup, actor: Looks, t: Speaks) -> list[dict[str, Any]]:
    """Each with formula, version, unit and the lines of the return that it needs.

    `measured` is `ratio` where the indicator itself is a change on a base year: shown is the ratio behind it, at current
    prices.
    """
    return indicators_answer(t.lang)


@router.get("/periods", summary="Months with published returns")
def periods(desk: Rollup, actor: Looks) -> list[str]:
    """Newest first, of what your figures are made of."""
    return desk.periods(actor)


@router.get("/spans", summary="Quarters and years of which every month is published")
def spans(desk: Rollup, actor: Looks) -> list[str]:
    """Newest first, years last; each may be asked for as `period`, beside months."""
    return spans_of(desk.periods(actor))


@router.get("", summary="One place on the way from a figure to its events")
def place(
    desk: Rollup,
    actor: Looks,
    t: Speaks,
    indicator: str = "IND08",
    period: str = "",
    region: str = "",
    industry: str = "",
    enterprise: str = "",
    line: str = "",
    by: str = "",
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Figure, numerator, denominator, coverage, the month a year before, and its parts with what each brings to it.

    Parts of the top are regions (or industries with `by=industry`), then industries, enterprises, the lines of a return,
    and the events behind a line, 200 at a time from `offset`. Where single enterprises are not yours to see, cells that
    would tell of one are withheld with the reason, and so are those from which they could be worked out. `period` is a
    month, a quarter (`2025-Q1`) or a year; the parts of an enterprise are then its months.
    """
    where = Place(indicator, newest(desk, actor, period), region, industry, enterprise, line)
    return place_answer(desk, actor, where, by=by, offset=offset, lang=t.lang)


@router.get("/peers", summary="An enterprise beside its peers, and the league")
def peers(
    desk: Rollup,
    actor: Looks,
    t: Speaks,
    indicator: str = "IND08",
    period: str = "",
    enterprise: str = "",
    most: Annotated[int, Query(ge=1, le=1000)] = 10,
) -> dict[str, Any]:
    """Ranks of the enterprises that are yours to see; of a quarter or a year with 95 % intervals that hold jointly.

    With `enterprise`: its peers, of its industry and size as far as there are enough; the share of them that is worse;
    and the figures that would move it: level with the next ahead, surely ahead, to the median, to the best quarter.
    """
    where = Place(indicator, newest(desk, actor, period), enterprise=enterprise)
    return rollup_peers(desk, actor, where, most=most, lang=t.lang)


@router.get("/table", summary="The whole table of an indicator")
def table(
    desk: Rollup,
    actor: Looks,
    t: Speaks,
    indicator: str = "IND08",
    period: str = "",
    format: Literal["json", "csv", "xlsx"] = "json",
) -> Any:
    """Nation, regions, industries and their crossings, one row each; withheld cells are empty and say why."""
    month = newest(desk, actor, period)
    frame = table_frame(desk, actor, indicator, month, t.lang)
    if format == "json":
        return {"indicator": indicator, "period": month, "rows": as_rows(frame, COLUMNS)}
    title = f"{indicator} {month}"
    if format == "xlsx":
        body = as_excel(frame, COLUMNS, t, title=title)
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    else:
        body, kind = as_csv(frame, COLUMNS, t), "text/csv; charset=utf-8"
    file = quote(f"rollup {title}.{format}")
    return Response(body, media_type=kind, headers={"content-disposition": f"attachment; filename*=UTF-8''{file}"})
