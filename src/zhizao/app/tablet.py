"""The operator's tablet: what it shows of a machine, and acts that may come late, twice and in any number.

An act has a key that the tablet makes once. However often it is sent, it is in the journal once; what cannot be recorded
is told in words and the acts after it go on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from zhizao.account.shifts import shift_runs
from zhizao.account.stops import Stop
from zhizao.app import live_orders, live_said
from zhizao.app.live_acts import plain_text, stop_meant
from zhizao.app.live_answers import stop_line
from zhizao.app.live_shared import watch_of
from zhizao.app.live_spans import DAY_NS, declared, iso
from zhizao.clock import now
from zhizao.errors import InputError, NotAllowed, ZhizaoError
from zhizao.model import Kind
from zhizao.record import Workspace
from zhizao.record.stops import record_act, statements

__all__ = ["Act", "Classified", "Noted", "Reported", "act", "acts", "reported", "shown"]

_AHEAD = timedelta(minutes=5)
_OLDEST = timedelta(days=30)
_ORDERS_S = 5.0
_MOST_STOPS = 30
_ORDERS: dict[tuple[str, str], tuple[float, list[dict[str, Any]]]] = {}


class _Said(BaseModel):
    key: str = Field(min_length=8, max_length=80, pattern=r"^[0-9A-Za-z-]+$")
    """Made by the tablet, once for each act."""
    at: AwareDatetime
    """When it was done, by the tablet's clock."""
    by: str = Field(default="", max_length=200)
    """Who was signed in; another person does not send it."""
    machine: str = Field(min_length=1, max_length=200)


class Reported(_Said):
    """Pieces that a person counted."""

    kind: Literal["pieces"]
    order: str = Field(default="", max_length=200)
    good: int = Field(default=0, ge=0, le=1_000_000)
    scrap: int = Field(default=0, ge=0, le=1_000_000)


class Classified(_Said):
    """Why a machine stood still."""

    kind: Literal["stop"]
    begin: AwareDatetime
    end: AwareDatetime | None = None
    reason: str = Field(min_length=1, max_length=80)
    comment: str = Field(default="", max_length=2000)
    seen: str = Field(default="", max_length=80)
    """Reason that the tablet showed: if somebody has said another one since, the act is told to be in conflict."""
    anyway: bool = False
    """Record it although somebody said another reason."""


class Noted(_Said):
    """A note in the shift book."""

    kind: Literal["note"]
    text: str = Field(min_length=1, max_length=2000)


Act = Annotated[Reported | Classified | Noted, Field(discriminator="kind")]
"""What can be done at a tablet."""


def shown(workspace: str, machine: str | None = None) -> dict[str, Any]:
    """What a tablet shows: the machines, and of one its state, order, progress and stops.

    Parameters
    ----------
    workspace : folder
    machine : id; None for the list only

    Raises
    ------
    InputError : nothing was measured, or the machine does not tell its state
    """
    look = watch_of(workspace).last(0.5)
    plant = look.view.plant
    inner = {one.parent for one in plant.stop_reasons.values() if one.parent}
    out: dict[str, Any] = {
        "at": iso(look.view.end),
        "zone": plant.zone,
        "shifts": bool(plant.shifts),
        "machines": [
            {"machine": one.machine, "state": one.state, "since": iso(one.since)} for one in look.view.machines
        ],
        "reasons": [
            {"reason": key, "zh": one.zh or key, "en": one.en or key}
            for key, one in plant.stop_reasons.items()
            if key not in inner
        ],
    }
    if machine is not None:
        one = look.of(machine).machines[0]
        out["machine"] = {
            "machine": machine,
            "state": one.state,
            "since": iso(one.since),
            "order": one.order,
            "progress": next((row for row in _orders(workspace, machine) if row["order"] == one.order), None),
            "stops": [stop_line(stop) for stop in reversed(one.stops) if _asks(stop)][:_MOST_STOPS],
            "reported": reported(workspace, machine, since=look.of(machine).begin),
        }
    return out


def _asks(stop: Stop) -> bool:
    return not stop.micro and stop.was not in ("setup", "planned")


def _orders(workspace: str, machine: str) -> list[dict[str, Any]]:
    kept = _ORDERS.get((workspace, machine))
    if kept is None or time.monotonic() - kept[0] > _ORDERS_S:
        kept = _ORDERS[workspace, machine] = (time.monotonic(), live_orders.orders(workspace, machine))
    return kept[1]


def reported(workspace: str, machine: str, *, since: int = 0) -> dict[str, int]:
    """Pieces that people reported at a machine from a time on (nanoseconds): good and scrap."""
    found = live_said.raw_statements(workspace, Kind.PIECES_REPORTED, machine)
    mine = [one.payload for one in found if one.at.timestamp() * 1e9 >= since]
    return {name: sum(int(one[name]) for one in mine) for name in ("good", "scrap")}


def acts(workspace: str, asked: Sequence[Act], *, who: str) -> list[dict[str, Any]]:
    """Record acts in their order; what became of each.

    Parameters
    ----------
    workspace : folder
    asked : as they were done
    who : sends them

    Returns
    -------
    list : of each `key`, `state` (`done`, `twice`, `conflict`, `refused`), and `error` for the last two
    """
    out: list[dict[str, Any]] = []
    for one in asked:
        try:
            fresh = act(workspace, one, who=who)
            out.append({"key": one.key, "state": "done" if fresh else "twice"})
        except ZhizaoError as error:
            state = "conflict" if error.fault.code == "said_otherwise" else "refused"
            out.append({"key": one.key, "state": state, "error": error})
    return out


def act(workspace: str, asked: Act, *, who: str) -> bool:
    """Record one act; False when it was recorded before.

    Raises
    ------
    InputError : its time is in the future or too old, or what it says cannot be
    NotAllowed : another person did it, or somebody has said another reason since
    """
    at = now()
    if asked.by and asked.by != who:
        raise NotAllowed(
            f'"{asked.by}" did this, and "{who}" is signed in',
            where=asked.machine,
            fix=f"let {asked.by} sign in to send it",
            code="other_person",
        )
    if not at - _OLDEST <= asked.at <= at + _AHEAD:
        raise InputError(
            f"{asked.at.isoformat()} is in the future or more than 30 days ago",
            where=asked.machine,
            fix="set the tablet's clock",
            code="bad_clock",
        )
    kind, subject, payload = _told(workspace, asked, who)
    with Workspace.open(workspace) as home:
        return record_act(
            home.journal, kind, subject, key=asked.key, at=asked.at, recorded_at=at, source=who, payload=payload
        )


def _told(workspace: str, asked: Act, who: str) -> tuple[Kind, str, dict[str, Any]]:
    if isinstance(asked, Reported):
        if not asked.good and not asked.scrap:
            raise InputError("no pieces are reported", where="good", fix="give good or scrap", code="no_pieces")
        watch_of(workspace).last(60.0).of(asked.machine)
        return Kind.PIECES_REPORTED, asked.machine, {"order": asked.order, "good": asked.good, "scrap": asked.scrap}
    if isinstance(asked, Noted):
        text = plain_text(asked.text)
        if not text:
            raise InputError("the note is empty", where="text", fix="write what happened", code="no_text")
        return Kind.SHIFT_NOTED, _shift_at(workspace, asked.at), {"text": f"{asked.machine}: {text}"}
    meant = stop_meant(
        workspace, asked.machine, asked.begin, asked.reason, end=asked.end, comment=plain_text(asked.comment)
    )
    if not asked.anyway:
        _not_otherwise(workspace, asked, meant, who)
    return Kind.STOP_CLASSIFIED, asked.machine, meant


def _not_otherwise(workspace: str, asked: Classified, meant: dict[str, Any], who: str) -> None:
    with Workspace.open(workspace) as home:
        said = [
            one
            for one in statements(home.journal, Kind.STOP_CLASSIFIED, asked.machine)
            if one.payload["begin_ns"] == meant["begin_ns"]
        ]
    if not said or any(one.payload.get("key") == asked.key for one in said):
        return
    last = said[-1]
    if last.payload["reason"] not in (asked.reason, asked.seen) and last.source != who:
        reason = declared(workspace).stop_reasons.get(last.payload["reason"])
        words = " / ".join([one for one in (reason.zh, reason.en) if one]) if reason else last.payload["reason"]
        raise NotAllowed(
            f'{last.source} has said "{words}" meanwhile',
            where=asked.machine,
            fix="say yours all the same, or let it go",
            code="said_otherwise",
        )


def _shift_at(workspace: str, at: datetime) -> str:
    plant, when = declared(workspace), round(at.timestamp() * 1e9)
    runs = [run for run in shift_runs(plant, when - 14 * DAY_NS, when + 1) if run.begin <= when]
    if not runs:
        raise InputError("plant.yaml declares no shifts", fix="add `shifts:`, see docs/states.md", code="no_shifts")
    return runs[-1].key
