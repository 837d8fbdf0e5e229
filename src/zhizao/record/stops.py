"""What people say of stops, shifts and pieces, in the journal: each statement is one event, none is ever changed.

A later statement about the same time holds and the earlier one stays visible. The id of an event is made from its
subject and the number of statements before, so of two people who speak at once only one is heard. A statement that may be
sent twice (from a tablet that was off line) has a key: its id is made from that, and it is recorded once.
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

__all__ = ["record_act", "record_statement", "statements"]

NAMESPACE = uuid5(NAMESPACE_DNS, "stop.zhizao")
_KINDS = (Kind.STOP_CLASSIFIED, Kind.SHIFT_NOTED, Kind.PIECES_REPORTED)


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


def record_act(
    journal: Journal,
    kind: Kind,
    subject: str,
    *,
    key: str,
    at: datetime,
    recorded_at: datetime,
    source: str,
    payload: dict[str, Any],
) -> bool:
    """Append a statement that its key tells apart; whether it is new: the same key again changes nothing.

    Parameters
    ----------
    journal : where it is recorded
    kind : one of the statements
    subject : machine, or key of the shift
    key : made by whoever speaks, once
    at : when it was said
    recorded_at : now
    source : who says it
    payload : what is said

    Raises
    ------
    InputError : something else was recorded under the key (`key_differs`)
    """
    if kind not in _KINDS:
        raise InputError(
            f'"{kind}" is not a statement about a stop, a shift or pieces', where=subject, code="bad_facts"
        )
    before = journal.events(kind, subject)
    told = {name: value for name, value in payload.items() if value is not None or name == "end_ns"} | {"key": key}
    there = next((one for one in before if one.payload.get("key") == key), None)
    if there is None:
        made = Event(
            id=uuid5(NAMESPACE, f"act {key}"),
            kind=kind,
            at=at,
            recorded_at=recorded_at,
            source=source,
            subject=subject,
            payload={**told, "number": len(before) + 1},
        )
        try:
            if journal.append([made]):
                return True
        except InputError as error:
            if error.fault.code != "event_differs":
                raise
        there = next((one for one in journal.events(kind, subject) if one.payload.get("key") == key), None)
    if there is None or {k: v for k, v in there.payload.items() if k != "number"} != told:
        raise InputError(
            "another act was recorded under this key",
            where="key",
            fix="make a new key for each act",
            code="key_differs",
        )
    return False


def statements(
    journal: Journal, kind: Kind, subject: str | None = None, *, as_of: datetime | None = None
) -> list[Recorded]:
    """Statements in the order in which they were recorded, or those known at a time.

    Parameters
    ----------
    journal : to read
    kind : `stop.classified`, `shift.noted` or `pieces.reported`
    subject : machine or shift; all when absent
    as_of : only those recorded until then
    """
    found = journal.events(kind, subject)
    return [one for one in found if as_of is None or one.recorded_at <= as_of]
