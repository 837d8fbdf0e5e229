"""Live sources: the loss account, the health of the connections, tags, samples and figures of a tag."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from zhizao.app import live
from zhizao.app.http.answers import ERRORS, At, Who
from zhizao.app.trend import MOST_POINTS, ns_of, table, trends
from zhizao.clock import now
from zhizao.errors import InputError

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/live", responses=ERRORS, tags=["live"])
MOST = 100_000
"""Samples that one answer holds; ask for figures of intervals, or go on at the last time."""


@router.get("/ledger", summary="What became of every sample")
async def ledger(desk: At, person: Who) -> list[dict[str, Any]]:
    """One line per source: received = stored + rejected + duplicate."""
    return _rows(await run_in_threadpool(live.ledger, str(desk.path)))


@router.get("/health", summary="How the connections are")
def health(desk: At, person: Who) -> dict[str, Any]:
    """As whoever listens wrote it last, with the time; empty when nobody ever listened."""
    return live.health(str(desk.path))


@router.get("/tags", summary="All tags with their last samples")
async def tags(desk: At, person: Who, find: Annotated[str, Query(max_length=200)] = "") -> list[dict[str, Any]]:
    """Name, time, value or text, quality; only those whose name holds `find`."""
    found = await run_in_threadpool(lambda: live.tags(live.reading(str(desk.path))))
    return _rows(found.filter(pl.col("tag").str.contains(find, literal=True)) if find else found)


@router.get("/history", summary="Samples of a tag, or figures of intervals")
async def history(
    desk: At,
    person: Who,
    tag: Annotated[str, Query(min_length=1, max_length=400)],
    begin: Annotated[datetime | None, Query(alias="from")] = None,
    end: Annotated[datetime | None, Query(alias="to")] = None,
    every_s: Annotated[float | None, Query(gt=0, le=1e9)] = None,
    stale_s: Annotated[float, Query(ge=0, le=1e9)] = 0.0,
    points: Annotated[int | None, Query(ge=4, le=MOST_POINTS)] = None,
) -> dict[str, Any]:
    """Times need an offset; an hour before now by default. With `every_s`, figures weighed by the time values held; with
    `points`, at most so many that show the shape, extremes among them (`value`, and `min` and `max` of intervals)."""
    last = end or now()
    first = begin or last - timedelta(hours=1)
    for time, name in ((first, "from"), (last, "to")):
        if time.tzinfo is None or not 1970 < time.year < 2262:
            raise InputError(
                f"{time.isoformat()} is not a time with an offset after 1970",
                where=name,
                fix="write 2026-01-31T08:00+08:00",
                code="bad_time",
            )
    if points is not None:
        if every_s is not None:
            raise InputError(
                "points and every_s do not go together", where="points", fix="give one of them", code="bad_points"
            )
        (line,) = await run_in_threadpool(
            lambda: trends(
                live.reading(str(desk.path)), [tag], ns_of(first), ns_of(last), points, cards=desk.plant.tags
            )
        )
        return {
            "tag": tag,
            "more": False,
            "every_s": line.every_s,
            "unit": line.unit,
            "rows": _rows(table([line]).drop("tag", "unit")),
        }
    found = await run_in_threadpool(
        lambda: live.history(live.reading(str(desk.path)), tag, first, last, every_s, stale_s=stale_s)
    )
    return {"tag": tag, "more": found.height > MOST, "rows": _rows(found.head(MOST))}


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.with_columns(pl.selectors.datetime().dt.to_string("iso:strict")).to_dicts()
