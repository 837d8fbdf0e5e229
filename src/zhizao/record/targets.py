"""Adjusted targets in the journal: each decision is one event with its reason and its effect, none is ever changed.

The id of an event is made from the indicator, the target and how many adjustments of it there were, so of two people
who decide at once only one is heard.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_DNS, uuid5

from sqlalchemy import select

from zhizao.errors import InputError, NotAllowed
from zhizao.model import Event, Kind
from zhizao.record.instant import nanoseconds
from zhizao.record.schema import IS_SAID, event
from zhizao.record.store import Store
from zhizao.record.views import Recorded, recorded

if TYPE_CHECKING:
    from zhizao.record.journal import Journal

__all__ = ["adjustments", "record_adjustment"]

NAMESPACE = uuid5(NAMESPACE_DNS, "target.zhizao")


def record_adjustment(
    journal: Journal, indicator: str, *, number: int, at: datetime, source: str, payload: dict[str, Any]
) -> None:
    """Append one adjustment of a target.

    Parameters
    ----------
    journal : where it is recorded
    indicator : which indicator's target
    number : one more than the adjustments of this indicator there are
    at : when it was decided, and is recorded
    source : who decided
    payload : the target before and after, the effect and the reason

    Raises
    ------
    NotAllowed : somebody else adjusted a target of the indicator meanwhile (`moved_on`)
    """
    made = Event(
        id=uuid5(NAMESPACE, f"{indicator} adjustment {number}"),
        kind=Kind.TARGET_ADJUSTED,
        at=at,
        recorded_at=at,
        source=source,
        subject=indicator,
        payload={**payload, "indicator": indicator, "number": number},
    )
    moved = NotAllowed(
        f"a target of {indicator} was adjusted meanwhile",
        where=indicator,
        fix="look at the effect again, then decide",
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


def adjustments(store: Store, *, as_of: datetime | None = None) -> list[Recorded]:
    """All adjustments in the order in which they were recorded, or those known at a time."""
    statement = select(event).where(IS_SAID, event.c.kind == Kind.TARGET_ADJUSTED.value)
    if as_of is not None:
        statement = statement.where(event.c.recorded_at <= nanoseconds(as_of))
    with store.reading() as connection:
        return [recorded(row) for row in connection.execute(statement.order_by(event.c.sequence))]
