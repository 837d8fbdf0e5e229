"""The desk of alarms behind command line, routes and page: the list, what people do, history, figures, trying a setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.app import live
from zhizao.app.alarm_book import Book, book, now_ns
from zhizao.app.alarm_watch import as_numbers
from zhizao.clock import now
from zhizao.decide.alarms import (
    Act,
    Annunciation,
    Entry,
    Fact,
    Figure,
    State,
    changed,
    chattering,
    effect,
    health,
    intervals,
    judged,
    propose,
    step,
    violations,
)
from zhizao.errors import InputError, NotAllowed
from zhizao.model import AlarmCard, Condition, Kind, is_good
from zhizao.record.instant import moment, nanoseconds

__all__ = [
    "ACTIONS",
    "LIST_SCHEMA",
    "SHOWN",
    "act",
    "figures",
    "history_of",
    "listing",
    "one",
    "set_alarm",
    "settings_of",
    "try_alarm",
]  # fmt: skip

_TIME = pl.Datetime("us", "UTC")
LIST_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "alarm": pl.String, "state": pl.String, "active": pl.Boolean, "unacked": pl.Boolean, "priority": pl.Int64,
    "raised_at": _TIME, "cleared_at": _TIME, "value": pl.Float64, "tag": pl.String, "machine": pl.String,
    "message": pl.String, "acked_by": pl.String, "assigned": pl.String, "comment": pl.String, "shelved_until": _TIME,
    "times": pl.Int64, "chatters": pl.Boolean,
}  # fmt: skip
"""Columns of the list."""
SHOWN = ("open", "unacked", "active", "shelved", "suppressed", "all")
"""What of the list is shown: open is whatever is not normal."""
ACTIONS: dict[str, Kind] = {
    "acknowledge": Kind.ALARM_ACKNOWLEDGED, "reset": Kind.ALARM_RESET, "shelve": Kind.ALARM_SHELVED,
    "unshelve": Kind.ALARM_UNSHELVED, "suppress": Kind.ALARM_SUPPRESSED, "unsuppress": Kind.ALARM_UNSUPPRESSED,
    "assign": Kind.ALARM_ASSIGNED, "comment": Kind.ALARM_COMMENTED,
}  # fmt: skip
"""What people do, by its word."""
_ACTS = {
    "acknowledge": Act.ACKNOWLEDGE, "reset": Act.RESET, "shelve": Act.SHELVE, "unshelve": Act.UNSHELVE,
    "suppress": Act.REMOVE, "unsuppress": Act.RETURN,
}  # fmt: skip
LONGEST_MIN = 24 * 60
"""Minutes that an alarm may be shelved at most; longer than a shift is a matter of taking it out of service."""
_FIELDS = ("limit", "set_point", "deadband", "on_delay_s", "off_delay_s", "priority")
_MOST, _SEARCHED = 2_000_000, 200_000
"""Samples that are replayed, and that are searched over."""


def _moment(ns: int) -> datetime | None:
    return moment(ns) if ns else None


def listing(workspace: str, shown: str = "open", find: str = "", as_of: datetime | None = None) -> pl.DataFrame:
    """The list: `LIST_SCHEMA`, active and unacknowledged first, then by priority.

    Parameters
    ----------
    workspace : folder
    shown : one of `SHOWN`
    find : text that id, tag, machine or message holds
    as_of : as it was known at this time

    Raises
    ------
    InputError : `shown` is no such part
    """
    if shown not in SHOWN:
        raise InputError(f'"{shown[:40]}" is no part of the list', fix=f"use {', '.join(SHOWN)}", code="bad_filter")
    entries = book(workspace).entries(as_of)
    rattling = _rattling(book(workspace), as_of)
    rows = [_row(one, rattling) for one in sorted(entries.values(), key=lambda one: one.order) if _shows(one, shown)]
    frame = pl.DataFrame(rows, schema=LIST_SCHEMA)
    if find:
        wanted = pl.any_horizontal(
            pl.col(name).str.to_lowercase().str.contains(find.lower(), literal=True)
            for name in ("alarm", "tag", "machine", "message")
        )
        frame = frame.filter(wanted)
    return frame


def _rattling(kept: Book, as_of: datetime | None) -> set[str]:
    """Alarms that have chattered within a day."""
    day = 86_400_000_000_000
    if as_of is None:
        return kept.told.chattering(now_ns() - day)
    told = Annunciation()
    told.add(kept.known(as_of))
    return told.chattering(nanoseconds(as_of) - day)


def _shows(entry: Entry, shown: str) -> bool:
    state = entry.life.state
    return {
        "open": state is not State.NORMAL and state not in (State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE),
        "unacked": entry.life.unacked,
        "active": entry.life.active and not entry.life.held,
        "shelved": state is State.SHELVED,
        "suppressed": state in (State.SUPPRESSED, State.OUT_OF_SERVICE),
        "all": True,
    }[shown]


def _row(entry: Entry, rattling: set[str]) -> dict[str, Any]:
    life = entry.life
    return {
        "alarm": entry.alarm, "state": life.state.value, "active": life.active, "unacked": life.unacked,
        "priority": entry.priority, "raised_at": _moment(entry.raised_at), "cleared_at": _moment(entry.cleared_at),
        "value": entry.value, "tag": entry.tag, "machine": entry.machine, "message": entry.message,
        "acked_by": entry.acked_by, "assigned": entry.assigned, "comment": entry.comment,
        "shelved_until": _moment(entry.shelved_until), "times": entry.times, "chatters": entry.alarm in rattling,
    }  # fmt: skip


def _entry(kept: Book, alarm: str) -> Entry:
    entries = kept.entries()
    if alarm not in entries:
        raise InputError(
            f'there is no alarm "{alarm[:200]}"', fix="look it up with `zhizao alarms list --show all`", code="no_alarm"
        )
    return entries[alarm]


def act(
    workspace: str, action: str, alarms: Sequence[str], by: str, *, comment: str = "", minutes: float = 0, to: str = ""
) -> list[dict[str, Any]]:
    """Do something to alarms: all of them, or none where one refuses.

    Parameters
    ----------
    workspace : folder
    action : one of `ACTIONS`
    alarms : ids
    by : who does it
    comment : why; needed to shelve and to suppress
    minutes : for which it is shelved
    to : to whom it is assigned

    Returns
    -------
    list of dict
        Lines of the list after it.

    Raises
    ------
    InputError : there is no such alarm or action, or something is missing
    NotAllowed : the state does not permit it, or somebody else has acted meanwhile
    """
    if action not in ACTIONS:
        raise InputError(
            f'"{action[:40]}" cannot be done to an alarm', fix=f"use {', '.join(ACTIONS)}", code="bad_action"
        )
    wanted = list(dict.fromkeys(alarms))
    if not wanted:
        raise InputError("no alarm is named", fix="name one or more", code="no_alarms")
    said = _said(action, comment.strip(), minutes, to.strip())
    kept = book(workspace)
    entries = {name: _entry(kept, name) for name in wanted}
    if action in _ACTS:
        for name, entry in entries.items():
            try:
                step(entry.life, _ACTS[action])
            except NotAllowed as error:
                raise NotAllowed(error.fault.what, where=name, fix=error.fault.fix, code=error.fault.code) from error
    at = now_ns()
    facts = [Fact(ACTIONS[action], name, at, by, said) for name in wanted]
    fresh = kept.write(facts, [(entries[name].sequence,) for name in wanted])
    if fresh < len(facts):
        raise NotAllowed(
            "somebody else has acted on this alarm meanwhile", where=", ".join(wanted)[:200],
            fix="look at it again, then decide", code="moved_on",
        )  # fmt: skip
    return [_row(_entry(kept, name), set()) for name in wanted]


def _said(action: str, comment: str, minutes: float, to: str) -> dict[str, Any]:
    if len(comment) > 1000 or len(to) > 100:
        raise InputError("the comment or the name is too long", fix="use up to 1,000 and 100 letters", code="too_long")
    if action in ("shelve", "suppress", "comment") and not comment:
        raise InputError(f"to {action} needs a comment", fix="say why", code="no_comment")
    said: dict[str, Any] = {"comment": comment} if comment else {}
    if action == "shelve":
        if not math.isfinite(minutes) or not 0 < minutes <= LONGEST_MIN:
            raise InputError(
                f"an alarm is shelved for more than 0 and at most {LONGEST_MIN} minutes, not {minutes:g}",
                fix="give minutes; take it out of service for longer", code="bad_shelving",
            )  # fmt: skip
        said["until"] = now_ns() + round(minutes * 60e9)
    if action in ("suppress", "unsuppress"):
        said["out_of_service"] = True
    if action == "assign":
        said["to"] = to
    return said


def one(workspace: str, alarm: str) -> dict[str, Any]:
    """One alarm: its line, its settings and its last ten thousand facts, newest first."""
    kept = book(workspace)
    entry = _entry(kept, alarm)
    return {
        **_row(entry, _rattling(kept, None)),
        "settings": settings_of(workspace, alarm),
        "facts": history_of(workspace, alarm)[:10_000],
    }


def settings_of(workspace: str, alarm: str) -> dict[str, Any]:
    """Settings of an alarm as they are in force; empty where nothing is declared."""
    kept = book(workspace)
    card = kept.cards(kept.known(), _tags(workspace)).get(alarm)
    return {} if card is None else card.model_dump(mode="json")


def _tags(workspace: str) -> list[str]:
    try:
        return live.reading(workspace).tags
    except InputError:
        return []


def history_of(
    workspace: str, alarm: str = "", begin: datetime | None = None, end: datetime | None = None
) -> list[dict[str, Any]]:
    """Facts about one alarm, or all, newest first, with who told them.

    Parameters
    ----------
    workspace : folder
    alarm : id; all when empty
    begin, end : aware
    """
    kept = book(workspace)
    if alarm:
        _entry(kept, alarm)
    first, last = (nanoseconds(begin) if begin else -(2**62)), (nanoseconds(end) if end else 2**62)
    return [
        {
            "at": moment(fact.at), "alarm": fact.alarm, "what": fact.kind.value.removeprefix("alarm."), "by": fact.by,
            "value": fact.said.get("value"), "comment": fact.said.get("comment", ""),
            "to": fact.said.get("to", ""), "settings": fact.said.get("settings", {}), "event": fact.sequence,
        }
        for fact in reversed(kept.known())
        if (not alarm or fact.alarm == alarm) and first <= fact.at < last
    ]  # fmt: skip


def figures(
    workspace: str, begin: datetime | None = None, end: datetime | None = None, operators: int = 0
) -> dict[str, Any]:
    """Health of the alarm system: figures against the standard's targets, the ten most frequent, the chattering ones.

    Parameters
    ----------
    workspace : folder
    begin, end : aware; the last 30 days by default
    operators : among whom alarms are shared; those of plant.yaml when 0
    """
    last = end or now()
    first = begin or last - timedelta(days=30)
    if first >= last:
        raise InputError("the end is not after the beginning", fix="give a later end", code="bad_range")
    kept = book(workspace)
    lo, hi = nanoseconds(first), nanoseconds(last)
    told = Annunciation()
    told.add(fact for fact in kept.known() if fact.at < hi)
    raised = told.raised(hi)
    inside = [one for one in raised if one.at >= lo]
    if inside and begin is None:
        lo = max(lo, inside[0].at)
    many = operators or kept.plant.operators
    counts: dict[str, int] = {}
    for each in inside:
        counts[each.alarm] = counts.get(each.alarm, 0) + 1
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    rattle = chattering(inside)
    hours = np.bincount([(each.at - lo) // 3_600_000_000_000 for each in inside]).tolist() if inside else []
    found: list[Figure] = health(raised, lo, hi, many) if inside else []
    return {
        "from": moment(lo), "to": last, "operators": many, "alarms": len(inside),
        "figures": [{**asdict(each), "verdict": each.verdict} for each in found],
        "top": [{"alarm": name, "times": times, "chatter": rattle.get(name, 0)} for name, times in top],
        "per_hour": hours[-24 * 31 :],
    }  # fmt: skip


def try_alarm(
    workspace: str, alarm: str, proposed: Mapping[str, Any], *, begin: datetime | None = None,
    end: datetime | None = None, hold_s: float = 60.0, lead_s: float = 600.0, event: str = "",
    event_text: str = "", search: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """What a proposed setting would have done on recorded history.

    Parameters
    ----------
    workspace : folder
    alarm : id
    proposed : some of limit, set_point, deadband, on_delay_s, off_delay_s, priority
    begin, end : aware; the last week of samples by default
    hold_s : without `event`, a true violation is one in which the value stays beyond the present limit so long
    lead_s : an alarm so many seconds before an event has told of it
    event : signal whose true value (or `event_text`) is a true event, such as a stop
    event_text : its text that is one
    search : look for deadband and delays that remove chatter and lose nothing

    Raises
    ------
    InputError : there is no such alarm or signal, or the setting is none
    """
    kept = book(workspace)
    card = kept.cards(kept.known(), _tags(workspace)).get(alarm)
    if card is None:
        _entry(kept, alarm)
        raise InputError(f'"{alarm[:200]}" is declared no more', fix="add it to plant.yaml", code="no_alarm")
    historian = live.reading(workspace)
    for tag in (card.tag, *((event,) if event else ())):
        historian.number(tag)
    newest = moment(int(historian.last([card.tag])["at"].dt.epoch("ns")[0])) + timedelta(milliseconds=1)
    last = end or newest
    first = begin or last - timedelta(days=7)
    lo, hi = nanoseconds(first), nanoseconds(last)
    if lo >= hi:
        raise InputError("the end is not after the beginning", fix="give a later end", code="bad_range")
    at, value, good = _samples(historian, card, lo, hi)
    if not len(at):
        raise InputError("no samples in this time", where=card.tag, fix="give another time", code="no_samples")
    if event:
        wanted = AlarmCard(tag=event, condition=Condition.TEXT, texts=(event_text,) if event_text else ())
        true = intervals(judged(wanted, *_samples(historian, wanted, lo, hi), hi), hi)
    else:
        true = violations(card, at, value, good, hold_s, hi)
    if search:
        if len(at) > _SEARCHED:
            raise InputError(
                f"{len(at):,} samples are too many to search over", fix="give a shorter time", code="too_many_samples"
            )
        then, found = propose(card, at, value, good, true, hi, lead_s=lead_s)
    else:
        then = _changed(card, proposed)
        found = effect(card, then, at, value, good, true, hi, lead_s=lead_s)
    old, new = card.model_dump(mode="json"), then.model_dump(mode="json")
    return {
        "alarm": alarm, "from": first, "to": last, "samples": len(at), "effect": asdict(found),
        "settings": {key: {"now": old[key], "proposed": new[key]} for key in _FIELDS},
        "changes": {key: new[key] for key in _FIELDS if old[key] != new[key]},
    }  # fmt: skip


def _samples(
    historian: Any, card: AlarmCard, lo: int, hi: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    rows = historian.rows(card.tag, lo, hi)
    if len(rows) > _MOST:
        raise InputError(f"{len(rows):,} samples are too many", fix="give a shorter time", code="too_many_samples")
    texts = [historian.text(int(word)) for word in rows.word] if (rows.word >= 0).any() else None
    return rows.at, as_numbers(card, rows.value, texts), is_good(rows.quality)


def _changed(card: AlarmCard, proposed: Mapping[str, Any]) -> AlarmCard:
    unknown = sorted(set(proposed) - set(_FIELDS))
    given = {key: value for key, value in proposed.items() if value is not None}
    if unknown or not given:
        raise InputError(
            f'"{unknown[0][:40]}" is not to be changed' if unknown else "nothing is proposed",
            fix=f"give some of {', '.join(_FIELDS)}", code="bad_setting",
        )  # fmt: skip
    try:
        return changed(card, **given)
    except ValueError as error:
        first: list[Any] = getattr(error, "errors", list)()
        what = str(first[0]["msg"]).removeprefix("Value error, ") if first else str(error)
        raise InputError(f"this is no setting: {what}", where=card.tag, fix="correct it", code="bad_setting") from error


def set_alarm(workspace: str, alarm: str, proposed: Mapping[str, Any], by: str, reason: str) -> dict[str, Any]:
    """Set an alarm anew, as a fact with its reason and its effect on history; `zhizao sense` follows within a second.

    Parameters
    ----------
    workspace : folder
    alarm : id
    proposed : as for `try_alarm`
    by : who sets it
    reason : why

    Raises
    ------
    InputError : as `try_alarm`, or there is no reason
    """
    if not reason.strip() or len(reason) > 1000:
        raise InputError(
            "a change of an alarm needs a reason", fix="say why, in up to 1,000 letters", code="no_comment"
        )
    kept = book(workspace)
    entry = _entry(kept, alarm)
    card = kept.cards(kept.known(), _tags(workspace)).get(alarm)
    if card is None:
        raise InputError(f'"{alarm[:200]}" is declared no more', fix="add it to plant.yaml", code="no_alarm")
    _changed(card, proposed)
    try:
        found: dict[str, Any] | None = try_alarm(workspace, alarm, proposed)["effect"]
    except InputError:  # nothing was measured yet
        found = None
    settings = {key: value for key, value in proposed.items() if value is not None}
    said = {"settings": settings, "before": {key: getattr(card, key) for key in settings}, "comment": reason.strip()}
    fact = Fact(Kind.ALARM_CHANGED, alarm, now_ns(), by, said | {"effect": found})
    if not kept.write([fact], [(entry.sequence,)]):
        raise NotAllowed("somebody else has acted on this alarm meanwhile", where=alarm, fix="look at it again, then decide", code="moved_on")  # fmt: skip
    return settings_of(workspace, alarm)
