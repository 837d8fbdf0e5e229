"""What people say of stops and shifts, in the journal: each statement is one event, none is ever changed.

A later statement about the same time holds and the earlier one stays visible. The id of an event is made from its
subject and the number of statements before, so of two people who speak at once only one is heard.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_DNS, uuid5

from zhizao.errors import InputError, NotAllowed
from zhizao.model import Event, Kind
from zhizao.record.views import Recorded

if TYPE_CHECKING:
    from zhizao.record.journal import Journal

__all__ = ["record_statement", "statements"]

NAMESPACE = uuid5(NAMESPACE_DNS, "stop.zhizao")
_KINDS = (Kind.STOP_CLASSIFIED, Kind.SHIFT_NOTED)


def record_statement(
    journal: Journal, kind: Kind, subject: str, *, at: datetime, source: str, payload: dict[str, Any]
) -> int:
    """Append what somebody says of a stop (`stop.classified`) or of a shift (`shift.noted`).

    Parameters
    ----------
    journal : where it is recorded
    kind : one of the two
    subject : machine, or key of the shift
    at : when it is said, and is recorded
    source : who says it
    payload : what is said

    Returns
    -------
    int : its number among the statements about the subject, from 1

    Raises
    ------
    NotAllowed : somebody else spoke of the same meanwhile (`moved_on`)
    """
    if kind not in _KINDS:
        raise InputError(f'"{kind}" is not a statement about a stop or a shift', where=subject, code="bad_facts")
    number = len(journal.events(kind, subject)) + 1
    made = Event(
        id=uuid5(NAMESPACE, f"{kind.value} {subject} {number}"),
        kind=kind,
        at=at,
        recorded_at=at,
        source=source,
        subject=subject,
        payload={**payload, "number": number},
    )
    try:
        fresh = journal.append([made])
    except InputError as error:
        if error.fault.code != "event_differs":
            raise
        fresh = 0
    if not fresh:
        raise NotAllowed(
            "somebody else spoke of it meanwhile", where=subject, fix="look at it again, then decide", code="moved_on"
        )
    return number


def statements(
    journal: Journal, kind: Kind, subject: str | None = None, *, as_of: datetime | None = None
) -> list[Recorded]:
    """Statements in the order in which they were recorded, or those known at a time.

    Parameters
    ----------
    journal : to read
    kind : `stop.classified` or `shift.noted`
    subject : machine or shift; all when absent
    as_of : only those recorded until then
    """
    found = journal.events(kind, subject)
    return [one for one in found if as_of is None or one.recorded_at <= as_of]
