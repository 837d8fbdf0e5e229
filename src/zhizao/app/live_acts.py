"""What people do at machines: say why one stood still, write into the shift book."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from zhizao.app.live_said import told_of_statement
from zhizao.app.live_spans import declared, shift_span
from zhizao.app.live_states import view
from zhizao.clock import now
from zhizao.errors import InputError
from zhizao.model import Kind
from zhizao.record import Workspace
from zhizao.record.stops import record_statement

__all__ = ["classify", "note", "plain_text", "stop_meant"]

_MOST_TEXT = 500
_NEAR_NS = 1_000_000


def classify(
    workspace: str,
    machine: str,
    begin: datetime,
    reason: str,
    *,
    who: str,
    end: datetime | None = None,
    comment: str = "",
) -> dict[str, Any]:
    """Say why a machine stood still; the figures follow, and what was said before stays in the history.

    Parameters
    ----------
    workspace : folder
    machine : its id
    begin, end : aware; the stop that stands at `begin`, to its end when `end` is absent, or just this part of it
    reason : key of a reason
    who : says so
    comment : up to 500 letters

    Raises
    ------
    InputError : no such machine or reason, or there is no stop
    NotAllowed : somebody else spoke of this machine's stops meanwhile
    """
    told = stop_meant(workspace, machine, begin, reason, end=end, comment=comment)
    with Workspace.open(workspace) as home:
        number = record_statement(home.journal, Kind.STOP_CLASSIFIED, machine, at=now(), source=who, payload=told)
    return {"machine": machine, "number": number, **told_of_statement(told), "by": who}


def stop_meant(
    workspace: str,
    machine: str,
    begin: datetime,
    reason: str,
    *,
    end: datetime | None = None,
    comment: str = "",
) -> dict[str, Any]:
    """The statement why a machine stood still, as the journal keeps it.

    Parameters
    ----------
    workspace : folder
    machine : its id
    begin, end : aware; the stop that stands at `begin`, to its end when `end` is absent, or just this part of it
    reason : key of a reason
    comment : up to 500 letters

    Raises
    ------
    InputError : no such machine or reason, or there is no stop
    """
    plant = declared(workspace)
    if reason not in plant.stop_reasons:
        raise InputError(
            f'"{reason[:80]}" is no reason',
            where="reason",
            fix=f"write one of {', '.join(plant.stop_reasons)}",
            code="no_reason",
        )
    comment = plain_text(comment)
    first = round(begin.timestamp() * 1e6) * 1000
    last = None if end is None else round(end.timestamp() * 1e6) * 1000
    at = now()
    if first >= round(at.timestamp() * 1e9) or (last is not None and last <= first):
        raise InputError(
            "the stop ends before it begins, or lies in the future",
            where="from",
            fix="correct the times",
            code="bad_range",
        )
    upto = min(begin + timedelta(days=7) if end is None else end, at)
    found = view(workspace, machine=machine, begin=begin - timedelta(milliseconds=2), end=upto).machines[0]
    for one in found.stops:  # times are told in microseconds, so a stop is met that begins or ends just beside
        first = one.begin if abs(one.begin - first) <= _NEAR_NS else first
        last = one.end if last is not None and abs(one.end - last) <= _NEAR_NS else last
    if not any(one.begin < (last or first + 1) and one.end > first for one in found.stops):
        raise InputError(
            f"{machine} did not stand still at {begin.isoformat()}",
            where="from",
            fix="take a time from the list of stops",
            code="no_stop",
        )
    return {"begin_ns": first, "end_ns": last, "reason": reason, "comment": comment}


def note(workspace: str, shift: str, text: str, *, who: str) -> dict[str, Any]:
    """Write a note into the shift book; it stays as written.

    Raises
    ------
    InputError : no such shift, or no text
    """
    _, _, run = shift_span(declared(workspace), shift, round(now().timestamp() * 1e9), None)
    assert run is not None
    if not text.strip():
        raise InputError("the note is empty", where="text", fix="write what happened", code="no_text")
    text = plain_text(text)
    with Workspace.open(workspace) as home:
        record_statement(home.journal, Kind.SHIFT_NOTED, run.key, at=now(), source=who, payload={"text": text})
    return {"shift": run.key, "text": text, "by": who}


def plain_text(text: str) -> str:
    """A text on one line, of at most 500 letters."""
    text = " ".join(text.split())
    if len(text) > _MOST_TEXT:
        raise InputError(
            f"the text has more than {_MOST_TEXT} letters", where="text", fix="shorten it", code="too_long"
        )
    return text
