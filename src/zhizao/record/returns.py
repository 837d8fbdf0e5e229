"""Returns of enterprises in the journal: each step of a return is one event, none is ever changed.

A return is known by enterprise and month, its subject is `enterprise/2025-06`. The id of a step is made from the subject
and the number of the step, so of two people who act on the same state at once only one is heard; the other is told that
the return has moved on. What the steps mean is decided by `zhizao.programme.returns`; here they are kept and listed.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_DNS, UUID, uuid5

import polars as pl
from sqlalchemy import select

from zhizao.errors import InputError, NotAllowed
from zhizao.model import Event, Kind
from zhizao.record.instant import nanoseconds
from zhizao.record.schema import IS_SAID, event
from zhizao.record.store import Store
from zhizao.record.views import Recorded, recorded

if TYPE_CHECKING:
    from zhizao.record.journal import Journal

__all__ = ["RETURN_KINDS", "VALUE_SCHEMA", "record_step", "returned", "step_id", "steps", "subject_of"]

NAMESPACE = uuid5(NAMESPACE_DNS, "return.zhizao")

RETURN_KINDS = (
    Kind.RETURN_SUBMITTED,
    Kind.RETURN_CORRECTED,
    Kind.RETURN_WITHDRAWN,
    Kind.RETURN_REVIEWED,
    Kind.RETURN_PUBLISHED,
    Kind.RETURN_REOPENED,
)
"""Kinds that are steps of a return."""

_BRINGING = (Kind.RETURN_SUBMITTED.value, Kind.RETURN_CORRECTED.value)

VALUE_SCHEMA: dict[str, type[pl.DataType]] = {
    "enterprise": pl.String,
    "period": pl.String,
    "version": pl.Int64,
    "item": pl.String,
    "value": pl.Float64,
    "event": pl.Int64,
}
"""Columns of returned values; `event` is the one that brought the version."""


def subject_of(enterprise: str, period: str) -> str:
    """What the steps of a return are about.

    Examples
    --------
    >>> subject_of("E1", "2025-06")
    'E1/2025-06'
    """
    return f"{enterprise}/{period}"


def step_id(subject: str, step: int) -> UUID:
    """Id of the step-th event (from 1) of a return."""
    return uuid5(NAMESPACE, f"{subject} step {step}")


def record_step(
    journal: Journal,
    kind: Kind,
    enterprise: str,
    period: str,
    *,
    step: int,
    at: datetime,
    source: str,
    payload: dict[str, Any],
) -> None:
    """Append one step of a return.

    Parameters
    ----------
    journal : where it is recorded
    kind : one of `RETURN_KINDS`
    enterprise, period : which return
    step : its number, one more than the steps there are
    at : when it was taken, and is recorded
    source : who took it
    payload : what it says

    Raises
    ------
    NotAllowed : somebody else took a step from the same state (`moved_on`)
    """
    subject = subject_of(enterprise, period)
    made = Event(
        id=step_id(subject, step),
        kind=kind,
        at=at,
        recorded_at=at,
        source=source,
        subject=subject,
        payload={**payload, "enterprise": enterprise, "period": period, "step": step},
    )
    moved = NotAllowed(
        f"the return of {enterprise} for {period} has moved on since it was looked at",
        where=subject,
        fix="look at it again, then decide",
        code="moved_on",
    )
    try:
        fresh = journal.append([made])
    except InputError as error:
        if error.fault.code != "event_differs":
            raise
        raise moved from error
    if not fresh:
        raise moved


def steps(store: Store, subject: str | None = None, *, as_of: datetime | None = None) -> list[Recorded]:
    """Steps of one return or of all, in the order in which they were recorded; see `Journal.return_steps`."""
    statement = select(event).where(IS_SAID, event.c.kind.in_([kind.value for kind in RETURN_KINDS]))
    if subject is not None:
        statement = statement.where(event.c.subject == subject)
    if as_of is not None:
        statement = statement.where(event.c.recorded_at <= nanoseconds(as_of))
    with store.reading() as connection:
        return [recorded(row) for row in connection.execute(statement.order_by(event.c.sequence))]


def returned(
    store: Store, which: Literal["published", "latest"] = "published", *, as_of: datetime | None = None
) -> pl.DataFrame:
    """Values of all returns in long form; see `Journal.returned`."""
    statement = select(event.c.sequence, event.c.kind, event.c.payload).where(
        IS_SAID, event.c.kind.in_([*_BRINGING, Kind.RETURN_PUBLISHED.value])
    )
    if as_of is not None:
        statement = statement.where(event.c.recorded_at <= nanoseconds(as_of))
    brought: dict[tuple[str, str], dict[int, tuple[int, dict[str, float]]]] = {}
    chosen: dict[tuple[str, str], int] = {}
    with store.reading() as connection:
        for sequence, kind, text in connection.execute(statement.order_by(event.c.sequence)):
            told = json.loads(text)
            key = (told["enterprise"], told["period"])
            if kind in _BRINGING:
                brought.setdefault(key, {})[told["version"]] = (sequence, told["values"])
            if (kind in _BRINGING) == (which == "latest"):
                chosen[key] = told["version"]
    rows = [
        (*key, version, item, value, brought[key][version][0])
        for key, version in sorted(chosen.items())
        for item, value in brought[key][version][1].items()
        if value is not None
    ]
    return pl.DataFrame(rows, schema=VALUE_SCHEMA, orient="row")
