"""Trends of signals for programs and for the page: points as columns, and files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote

import numpy as np
import polars as pl
from fastapi import APIRouter, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from zhizao.app import live
from zhizao.app.http.answers import ERRORS, At, Speaks, Who
from zhizao.app.http.sheets import EXCEL, sheet_of
from zhizao.app.trend import MOST_POINTS, Trend, ns_of, table, trends
from zhizao.clock import now
from zhizao.errors import InputError

__all__ = ["moments", "router"]

router = APIRouter(prefix="/api/v1/live", responses=ERRORS, tags=["live"])

Tags = Annotated[list[str], Query(alias="tag", max_length=12)]
Units = Annotated[list[str], Query(alias="unit", max_length=12)]
Points = Annotated[int, Query(ge=4, le=MOST_POINTS)]


def moments(
    begin: datetime | None, end: datetime | None, span: timedelta = timedelta(hours=1)
) -> tuple[datetime, datetime]:
    """Times of a question, with an offset; the last hour by default.

    Raises
    ------
    InputError : a time has no offset, or is not of this age
    """
    for time, name in ((begin, "from"), (end, "to")):
        if time is not None and (time.tzinfo is None or not 1970 < time.year < 2262):
            raise InputError(
                f"{time.isoformat()} is not a time with an offset after 1970",
                where=name,
                fix="write 2026-01-31T08:00+08:00",
                code="bad_time",
            )
    last = end or now()
    return begin or last - span, last


async def _found(
    desk: At, tags: list[str], units: list[str], begin: datetime | None, end: datetime | None, points: int
) -> list[Trend]:
    first, last = moments(begin, end)

    def ask() -> list[Trend]:
        cards = desk.plant.tags
        return trends(live.reading(str(desk.path)), tags, ns_of(first), ns_of(last), points, units=units, cards=cards)

    return await run_in_threadpool(ask)


@router.get("/trend", summary="Signals over a span, in so many points")
async def points(
    desk: At,
    person: Who,
    tag: Tags,
    unit: Units = [],  # noqa: B006 read only
    begin: Annotated[datetime | None, Query(alias="from")] = None,
    end: Annotated[datetime | None, Query(alias="to")] = None,
    points: Points = 1000,
) -> list[dict[str, Any]]:
    """Per `tag`, `at_ms` and `value` as columns; `every_s` is 0 for samples, else `low` and `high` of each interval.

    Where samples are too many, first, least, greatest and last of each part of the span are told. null is a gap.
    """
    found = await _found(desk, tag, unit, begin, end, points)
    return [
        {
            "tag": one.tag,
            "unit": one.unit,
            "every_s": one.every_s,
            "samples": one.samples,
            "at_ms": (one.at / 1e6).tolist(),
            "value": _plain(one.value),
            "low": _plain(one.low),
            "high": _plain(one.high),
            "text": list(one.text),
        }
        for one in found
    ]


def _plain(values: np.ndarray[Any, Any]) -> list[float | None]:
    return [one if np.isfinite(one) else None for one in values.tolist()]


@router.get("/trend/export", summary="Signals over a span as CSV or Excel")
async def export(
    desk: At,
    person: Who,
    t: Speaks,
    tag: Tags,
    unit: Units = [],  # noqa: B006 read only
    begin: Annotated[datetime | None, Query(alias="from")] = None,
    end: Annotated[datetime | None, Query(alias="to")] = None,
    points: Points = MOST_POINTS,
    format: Literal["csv", "xlsx"] = "csv",
) -> Response:
    """The same points as rows: tag, time in the plant's zone, value, least, greatest, text, unit."""
    found = table(await _found(desk, tag, unit, begin, end, points))
    found = found.with_columns(pl.col("at").dt.convert_time_zone(desk.zone).dt.to_string("iso:strict"))
    head = [t(f"trend.col.{name}") for name in found.columns]
    rows = [["" if cell is None else _safe(cell) for cell in row] for row in found.iter_rows()]
    name = f"{t('nav.trend')} {datetime.now(UTC):%Y-%m-%d}.{format}"
    if format == "xlsx":
        body, kind = sheet_of(t("nav.trend"), head, [[str(cell) for cell in row] for row in rows]), EXCEL
    else:
        text = pl.DataFrame(rows, schema=head, orient="row", strict=False) if rows else pl.DataFrame(schema=head)
        body, kind = ("\ufeff" + text.write_csv()).encode(), "text/csv; charset=utf-8"
    return Response(
        body, media_type=kind, headers={"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    )


def _safe(cell: Any) -> str:
    """A cell as text; what a spreadsheet would run as a formula gets an apostrophe."""
    text = repr(cell) if isinstance(cell, float) else str(cell)
    return "'" + text if not isinstance(cell, float) and text[:1] in "=+-@\t\r" else text
