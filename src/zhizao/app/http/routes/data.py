"""Figures, tables, the Gantt chart and search: what the records say."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

import polars as pl
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from zhizao.account import Figure
from zhizao.app import views
from zhizao.app.access import Person, Right
from zhizao.app.http.answers import ERRORS, Anybody, At, Speaks, When, Who
from zhizao.app.http.catalogue import TABLES, Table, table
from zhizao.app.http.sheets import EXCEL, sheet_of
from zhizao.app.http.tables import Ask, as_csv, as_excel, as_rows, narrowed
from zhizao.app.texts import TEXTS
from zhizao.errors import InputError

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", responses=ERRORS)


def _figure(figure: Figure) -> dict[str, Any]:
    return asdict(figure)


@router.get("/figures", tags=["figures"], summary="The three figures")
def figures(desk: At, person: Who, period: When) -> dict[str, Any]:
    """Production cycle, operating cost and defect rate of the orders that ended in the period, with 95 % intervals.

    `from` and `to` are days in the plant's zone, both included.
    """
    found = views.three(desk, period)
    return {
        "head": desk.head(),
        "orders": found.orders,
        "good_pieces": found.good_pieces,
        "figures": {key: _figure(value) for key, value in found.main().items()},
        "cycle_p50": _figure(found.cycle_p50_h),
        "cycle_p90": _figure(found.cycle_p90_h),
        "cost_parts": found.cost_parts,
        "missing": found.missing,
        "assumptions": dict(found.assumptions),
    }


@router.get("/figures/weeks", tags=["figures"], summary="The three figures by week")
def by_week(desk: At, person: Who, period: When) -> list[dict[str, Any]]:
    """One row a week of the orders that ended in it."""
    frame = views.weeks(desk, period).with_columns(pl.col("week").cast(pl.String))
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None)).to_dicts()


@router.get("/cycle", tags=["figures"], summary="Where the production cycle goes")
def cycle(desk: At, person: Who, period: When) -> dict[str, Any]:
    """Mean hours of an order in processing, set-up, breakdown, waiting for machine or people, off-shift, unexplained."""
    found = views.cycle(desk, period)
    return {
        "mean": _figure(found.mean_h),
        "p50": _figure(found.p50_h),
        "p90": _figure(found.p90_h),
        "working_mean": _figure(found.working_mean_h),
        "parts_h": found.parts_h,
        "by_operation": found.by_operation.to_dicts(),
        "by_machine": found.by_machine.to_dicts(),
        "by_product": found.by_product.to_dicts(),
    }


@router.get("/defects", tags=["figures"], summary="Defect rate by cause")
def defects(desk: At, person: Who, period: When) -> dict[str, Any]:
    """Overall and by product, operation, machine, person, hour and weekday, pooled, with 95 % intervals."""
    found = views.defects(desk, period)
    return {
        "overall": _figure(found.overall),
        "by": {factor: table.to_dicts() for factor, table in found.by.items()},
        "found_at": found.found_at.to_dicts(),
        "adjusted": {factor: table.to_dicts() for factor, table in found.adjusted.items()},
        "inspections": list(found.inspections),
        "reason": found.reason,
    }


@router.get("/cost", tags=["figures"], summary="Where the money goes")
def cost(desk: At, person: Who, period: When) -> dict[str, Any]:
    """Operating cost by component, operation, machine, person and product."""
    found = views.cost(desk, period)
    return {
        "per_piece": _figure(found.per_piece),
        "parts": found.parts,
        "total": found.total,
        "of_which": found.of_which,
        "missing": found.missing,
        "assumptions": dict(found.assumptions),
        "by_operation": found.by_operation.to_dicts(),
        "by_machine": found.by_machine.to_dicts(),
        "by_person": found.by_person.to_dicts(),
        "by_product": found.by_product.to_dicts(),
    }


@router.get("/iso22400", tags=["figures"], summary="The ISO 22400-2 figures")
def iso(desk: At, person: Who, period: When) -> dict[str, Any]:
    """Figures of the plant and each machine that the records allow, with formula, source and the sums beneath."""
    found = views.iso(desk, period)
    return {
        "figures": found.table.to_dicts(),
        "elements": found.elements.to_dicts(),
        "assumed": list(found.assumed),
    }


def _table(name: str, person: Person) -> Table:
    """A table that a person may see; whoever sees no records is not told either which tables there are."""
    person.need(TABLES[name].right if name in TABLES else Right.READ)
    return table(name)


@router.get("/tables/{name}", tags=["tables"], summary="A slice of a table")
def rows(
    request: Request,
    desk: At,
    person: Anybody,
    period: When,
    name: str,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    sort: str = "",
    filter: str = "",
    find: str = "",
) -> dict[str, Any]:
    """Rows of `operations`, `orders`, `machines`, `imports`, `rejections` (with `import`), `corrections` or `returns`.

    `sort` is `column:asc,column:desc`; `filter` is a JSON object by column as AG Grid writes it, for example
    `{"scrap":{"filterType":"number","type":"greaterThan","filter":0}}`; `find` must be in any text column.
    """
    one = _table(name, person)
    ask = Ask.of(offset, limit, sort, filter, find)
    whole = one.rows(desk, person, period, dict(request.query_params))
    found = narrowed(whole, one.columns, ask)
    part = as_rows(found.slice(ask.offset, ask.limit), one.columns, extra=one.extra)
    return {"total": found.height, "of": whole.height, "rows": part}


@router.get("/tables/{name}/export", tags=["tables"], summary="A whole table as Excel or CSV")
def export(
    request: Request,
    desk: At,
    person: Anybody,
    period: When,
    t: Speaks,
    name: str,
    format: Literal["xlsx", "csv"] = "xlsx",
    columns: str = "",
    sort: str = "",
    filter: str = "",
    find: str = "",
) -> Response:
    """All rows that the same question would give, with headings in the language asked for."""
    one = _table(name, person)
    whole = one.rows(desk, person, period, dict(request.query_params))
    found = narrowed(whole, one.columns, Ask.of(0, 1, sort, filter, find))
    wanted = [key for key in columns.split(",") if key]
    shown = [c for c in one.columns if c.key in wanted] if wanted else [c for c in one.columns if not c.hidden]
    if not shown:
        raise InputError("none of these columns is in the table", where=columns, code="bad_column")
    found = _worded(found, shown, t)
    title = t.maybe(f"table.{name}", name)
    if format == "xlsx":
        body = as_excel(found, shown, t, title=title)
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    else:
        body, kind = as_csv(found, shown, t), "text/csv; charset=utf-8"
    file = quote(f"{desk.name} {title} {datetime.now(UTC):%Y-%m-%d}.{format}")
    return Response(body, media_type=kind, headers={"content-disposition": f"attachment; filename*=UTF-8''{file}"})


def _worded(frame: pl.DataFrame, columns: list[Any], t: Any) -> pl.DataFrame:
    """Values that have words, in words."""
    changes = []
    for column in columns:
        if column.words and column.key in frame.columns:
            known = {k.removeprefix(column.words): t(k) for k in TEXTS if k.startswith(column.words)}
            changes.append(pl.col(column.key).replace(known))
    return frame.with_columns(changes) if changes else frame


class SheetAsk(BaseModel):
    """A table as a page shows it."""

    title: str = Field(default="zhizao", max_length=200)
    head: list[str] = Field(min_length=1, max_length=60)
    """Headings."""
    rows: list[list[str]] = Field(max_length=5_000)
    """Cells as they are read; numbers and per cent become such."""


@router.post("/sheets", tags=["tables"], summary="A short table as Excel")
def sheet(person: Who, ask: SheetAsk) -> Response:
    """An Excel workbook of a table that a page shows whole; text that looks like a formula stays text."""
    return Response(sheet_of(ask.title, ask.head, ask.rows), media_type=EXCEL)


@router.get("/gantt", tags=["figures"], summary="Bars of a Gantt chart in a window")
def gantt(
    request: Request,
    desk: At,
    person: Who,
    period: When,
    by: Literal["machine", "order", "person"] = "machine",
    start_s: float | None = None,
    end_s: float | None = None,
    source: str = "recorded",
    most: Annotated[int, Query(ge=100, le=50_000)] = 20_000,
    find: str = "",
) -> dict[str, Any]:
    """Bars that overlap [start_s, end_s) (seconds since 1970, UTC), as columns; near ones are merged when too many.

    `order`, `machine`, `product`, `operation` and `person` narrow the work; `source` is `recorded` or the id of a
    pilot, whose improved schedule is shown.
    """
    frame = views.operations(desk, period) if source == "recorded" else period.touching(views.improved(desk, source))
    for key in ("order", "machine", "product", "operation", "person"):
        wanted = request.query_params.get(key)
        if wanted:
            frame = frame.filter(pl.col(key) == wanted)
    if find:
        text = find.lower()
        keys = ("order", "product", "operation", "machine", "person")
        hits = [pl.col(key).str.to_lowercase().str.contains(text, literal=True) for key in keys]
        frame = frame.filter(pl.any_horizontal(*hits))
    if not frame.height:
        return {"lanes": [], "lane": [], "first_s": 0, "last_s": 0, "total": 0, "merged": False}
    first = frame["start"].min()
    last = frame.select(pl.coalesce("end", "start").max()).item()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        raise InputError("the work has no times", code="no_records")
    start = datetime.fromtimestamp(start_s, UTC) if start_s is not None else first
    end = datetime.fromtimestamp(end_s, UTC) if end_s is not None else last
    out = views.gantt(frame, by=by, start=start, end=end, most=most)
    out["first_s"], out["last_s"] = first.timestamp(), last.timestamp()
    return out


@router.get("/search", tags=["records"], summary="Find anything by its name")
def search(desk: At, person: Who, t: Speaks, q: Annotated[str, Query(max_length=100)] = "") -> dict[str, Any]:
    """Pages, orders, machines, products, operations and people whose name holds a text, with their addresses."""
    from zhizao.app.http.places import found_pages, place_of

    rows = found_pages(q, person, t)
    rows += [
        {"name": one["name"], "kind": t(f"col.{one['kind']}"), "address": place_of(one["kind"], one["name"])}
        for one in views.search(desk, q)
    ]
    return {"rows": rows[:14]}
