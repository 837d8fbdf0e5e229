"""States of the plant behind commands, routes and pages: figures of a shift, stops and what is said of them, orders."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from zhizao.account.oee import OeeParts, figures, losses, oee_parts, sum_parts
from zhizao.account.shifts import ShiftRun, machine_calendar, shift_runs
from zhizao.account.states import STATES, Said, Timeline, Told, timeline
from zhizao.account.stops import Progress, Stop, due_at, group_micro, progress, stops
from zhizao.app import live
from zhizao.app.live_signals import Wired, told_of, unheard, wired
from zhizao.clock import now
from zhizao.errors import InputError
from zhizao.model import Kind, Machine, Plant, Role
from zhizao.model.state import READY_MAPS
from zhizao.record import Workspace, read_plant
from zhizao.record.stops import record_statement, statements
from zhizao.record.workspace import FACTS, PLANT

if TYPE_CHECKING:
    from zhizao.record.historian import Historian

__all__ = ["MachineNow", "View", "classify", "note", "orders", "pick_span", "plain", "shift_book", "view"]

_DAY = 86_400_000_000_000
_MOST_DAYS = 400
_PROGRESS_NS = 3 * _DAY
_MOST_TEXT = 500
_NEAR_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class MachineNow:
    """One machine over the time of a view.

    Parameters
    ----------
    machine : its id
    line, told : states and signals
    parts : sums behind its figures
    stops : in the order of time
    """

    machine: str
    line: Timeline
    told: Told
    parts: OeeParts
    stops: list[Stop]

    @property
    def state(self) -> str:
        """What it is doing at the end."""
        return str(STATES[self.line.state[-1]].value) if len(self.line) else "silent"

    @property
    def since(self) -> int:
        """Nanoseconds since when, as far back as the view goes."""
        state = self.line.state
        other = np.flatnonzero(state != state[-1])
        return int(self.line.end[other[-1]]) if len(other) else int(self.line.start[0])

    @property
    def order(self) -> str:
        """Order that is registered at the end; "" for none."""
        return self.line.orders[self.line.order[-1]] if len(self.line) and self.line.order[-1] >= 0 else ""


@dataclass(frozen=True, slots=True)
class View:
    """The plant over a time.

    Parameters
    ----------
    begin, end : nanoseconds; [begin, end), never after now
    shift : the shift that it is of; None for another time
    machines : those that tell their state
    is_now : whether it ends now
    """

    plant: Plant
    begin: int
    end: int
    shift: ShiftRun | None
    machines: tuple[MachineNow, ...]
    is_now: bool

    @property
    def whole(self) -> OeeParts:
        """Sums over the machines."""
        return sum_parts(one.parts for one in self.machines)


def declared(workspace: str) -> Plant:
    """The plant of a workspace; nothing declared when it has no plant.yaml."""
    file = Path(workspace) / PLANT
    return read_plant(file) if file.exists() else Plant()


def pick_span(
    plant: Plant, begin: datetime | None, end: datetime | None, shift: str | None, at: int, machine: str | None = None
) -> tuple[int, int, ShiftRun | None]:
    """The time that is meant, in nanoseconds: a shift, from-to, or the running shift, or today.

    Parameters
    ----------
    plant : its shifts and zone
    begin, end : aware; None for the beginning of today, and now
    shift : `now`, a name (its last one), or `2026-11-26/name`
    at : now, nanoseconds
    machine : whose shifts

    Raises
    ------
    InputError : no such shift, an empty time, one in the future, or more than 400 days
    """
    if shift:
        return _shift_span(plant, shift, at, machine)
    last = min(round(end.timestamp() * 1e9), at) if end is not None else at
    if begin is None and end is None:
        running = shift_runs(plant, at, at + 1, machine)
        if running:
            return running[0].begin, at, running[0]
    if begin is None:
        local = datetime.fromtimestamp(last / 1e9, ZoneInfo(plant.zone))
        begin = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first = round(begin.timestamp() * 1e9)
    if first >= last:
        raise InputError(
            "the time is empty, or lies in the future",
            fix="let it begin before it ends, and before now",
            code="bad_range",
        )
    if last - first > _MOST_DAYS * _DAY:
        raise InputError(f"the time is longer than {_MOST_DAYS} days", fix="ask for less", code="bad_range")
    return first, last, None


def _shift_span(plant: Plant, wanted: str, at: int, machine: str | None) -> tuple[int, int, ShiftRun | None]:
    day, _, name = wanted.rpartition("/")
    if name not in plant.shifts and wanted != "now":
        raise InputError(
            f'"{wanted[:80]}" is no shift',
            where="shift",
            fix=f"write now, or one of {', '.join(plant.shifts) or 'the shifts that you declare in plant.yaml'}",
            code="no_shift",
        )
    first = at - 14 * _DAY
    if day:
        try:
            noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(plant.zone))
        except ValueError as error:
            raise InputError(f'"{day[:40]}" is not a date', fix="write 2026-11-26/early", code="no_shift") from error
        first = round(noon.timestamp() * 1e9) - _DAY
    runs = shift_runs(plant, first, min(first + 3 * _DAY, at) if day else at, machine)
    runs = [
        run for run in runs if run.begin < at and (wanted == "now" or run.name == name) and (not day or run.day == day)
    ]
    if wanted == "now":
        runs = [run for run in runs if run.end > at]
    if not runs:
        raise InputError(
            f'there was no shift "{wanted}" until now', where="shift", fix="choose another day", code="no_shift"
        )
    return runs[-1].begin, min(runs[-1].end, at), runs[-1]


def view(
    workspace: str,
    *,
    machine: str | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
    shift: str | None = None,
    as_of: datetime | None = None,
) -> View:
    """States, figures and stops of the machines over a time.

    Parameters
    ----------
    workspace : folder
    machine : only this one
    begin, end, shift : see `pick_span`
    as_of : with what was said of stops until then

    Raises
    ------
    InputError : nothing was measured, no machine tells its state, or as for `pick_span`
    """
    plant, historian = declared(workspace), live.reading(workspace)
    at = round(now().timestamp() * 1e6) * 1000
    first, last, run = pick_span(plant, begin, end, shift, at, machine)
    said = _said(workspace, plant, as_of)
    dark = unheard(live.health(workspace), at)
    found = wired(plant, historian.tags)
    if not found:
        raise InputError(
            "no machine tells its state",
            where=workspace,
            fix="give a tag the role state and a machine in plant.yaml, see docs/states.md",
            code="no_states",
        )
    if machine is not None and machine not in found:
        raise InputError(
            f'machine "{machine[:80]}" does not tell its state',
            where="machine",
            fix=f"write one of {', '.join(list(found)[:20])}",
            code="no_machine",
        )
    cycles = _cycles(workspace, plant)
    machines = tuple(
        _machine(historian, plant, name, one, first, last, said.get(name, []), dark, cycles, last >= at)
        for name, one in found.items()
        if machine in (None, name)
    )
    return View(plant, first, last, run, machines, last >= at)


def _machine(
    historian: Historian,
    plant: Plant,
    name: str,
    one: Wired,
    begin: int,
    end: int,
    said: list[Said],
    dark: tuple[int, int] | None,
    cycles: Mapping[str, tuple[float | None, float | None, datetime | None]],
    is_now: bool,
) -> MachineNow:
    thing = plant.machines.get(name, Machine())
    near = [here for here in said if here.begin < end and (here.end is None or here.end > begin)]
    since = min([begin, *(max(here.begin, begin - 7 * _DAY) for here in near if here.end is None)])
    told = told_of(historian, one, since, end, silence_s=thing.silence_s, dark=dark)
    on, pauses = machine_calendar(plant, name, since, end)
    states = plant.state_maps.get(thing.state_map) or READY_MAPS[thing.state_map]
    line = timeline(told, states, begin, end, on_shift=on, breaks=pauses, said=near)
    known = {order: cycle for order, (cycle, _, _) in cycles.items() if cycle is not None}
    parts = oee_parts(line, told, known, thing.cycle_s)
    return MachineNow(
        name, line, told, parts, stops(line, name, micro_s=thing.micro_stop_s, now=end if is_now else None)
    )


_KNOWN: dict[str, tuple[float, int, dict[str, tuple[float | None, float | None, datetime | None]]]] = {}


def _cycles(workspace: str, plant: Plant) -> dict[str, tuple[float | None, float | None, datetime | None]]:
    """Of each order that the journal knows: ideal seconds of a piece, pieces ordered, when it is due."""
    file = Path(workspace) / FACTS
    if not file.exists():
        return {}
    kept = _KNOWN.get(workspace)
    stamp = file.stat().st_mtime_ns
    if kept is not None and time.monotonic() - kept[0] < 60.0:
        return kept[2]
    import polars as pl

    with Workspace.open(workspace, create=False) as home:
        frame = home.journal.worklog(zone=plant.zone).frame
    rows = frame.group_by("order").agg(
        pl.col("product").drop_nulls().first(), pl.col("order_quantity").max(), pl.col("due").max()
    )
    found: dict[str, tuple[float | None, float | None, datetime | None]] = {}
    for order, product, quantity, due in rows.iter_rows():
        thing = plant.products.get(product or "")
        found[order] = (None if thing is None else thing.cycle_s, quantity, due)
    _KNOWN[workspace] = (time.monotonic(), stamp, found)
    return found


def _said(workspace: str, plant: Plant, as_of: datetime | None) -> dict[str, list[Said]]:
    """What was said of stops, by machine."""
    if not (Path(workspace) / FACTS).exists():
        return {}
    with Workspace.open(workspace, create=False) as home:
        found = statements(home.journal, Kind.STOP_CLASSIFIED, as_of=as_of)
    out: dict[str, list[Said]] = {}
    for one in found:
        told = one.payload
        reason = plant.stop_reasons.get(told["reason"])
        becomes = None if reason is None else reason.becomes
        out.setdefault(one.subject, []).append(Said(told["begin_ns"], told["end_ns"], told["reason"], becomes))
    return out


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
    plant = declared(workspace)
    if reason not in plant.stop_reasons:
        raise InputError(
            f'"{reason[:80]}" is no reason',
            where="reason",
            fix=f"write one of {', '.join(plant.stop_reasons)}",
            code="no_reason",
        )
    comment = _text(comment)
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
    told = {"begin_ns": first, "end_ns": last, "reason": reason, "comment": comment}
    with Workspace.open(workspace) as home:
        number = record_statement(home.journal, Kind.STOP_CLASSIFIED, machine, at=at, source=who, payload=told)
    return {"machine": machine, "number": number, **_when(told), "reason": reason, "comment": comment, "by": who}


def history(workspace: str, machine: str) -> list[dict[str, Any]]:
    """All that was said of the stops of a machine, oldest first."""
    return _statements(workspace, Kind.STOP_CLASSIFIED, machine)


def note(workspace: str, shift: str, text: str, *, who: str) -> dict[str, Any]:
    """Write a note into the shift book; it stays as written.

    Raises
    ------
    InputError : no such shift, or no text
    """
    _, _, run = _shift_span(declared(workspace), shift, round(now().timestamp() * 1e9), None)
    assert run is not None
    if not text.strip():
        raise InputError("the note is empty", where="text", fix="write what happened", code="no_text")
    text = _text(text)
    with Workspace.open(workspace) as home:
        record_statement(home.journal, Kind.SHIFT_NOTED, run.key, at=now(), source=who, payload={"text": text})
    return {"shift": run.key, "text": text, "by": who}


def notes(workspace: str, shift: str) -> list[dict[str, Any]]:
    """Notes of a shift, oldest first."""
    return _statements(workspace, Kind.SHIFT_NOTED, shift)


def _statements(workspace: str, kind: Kind, subject: str) -> list[dict[str, Any]]:
    if not (Path(workspace) / FACTS).exists():
        return []
    with Workspace.open(workspace, create=False) as home:
        found = statements(home.journal, kind, subject)
    return [
        {"recorded_at": one.recorded_at.isoformat(), "by": one.source, **_when(one.payload), "event": one.sequence}
        for one in found
    ]


def _when(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.removesuffix("_ns"): iso(value) if name.endswith("_ns") and value is not None else value
        for name, value in told.items()
    }


def _text(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > _MOST_TEXT:
        raise InputError(
            f"the text has more than {_MOST_TEXT} letters", where="text", fix="shorten it", code="too_long"
        )
    return text


def orders(workspace: str, machine: str | None = None) -> list[dict[str, Any]]:
    """Orders that are registered now: pieces, what is wanted, when it is due and when it will be done.

    Parameters
    ----------
    workspace : folder
    machine : only at this one
    """
    at = round(now().timestamp() * 1e6) * 1000
    since = datetime.fromtimestamp((at - _PROGRESS_NS) / 1e9, UTC)
    found = view(workspace, machine=machine, begin=since)
    historian = live.reading(workspace)
    known = _cycles(workspace, found.plant)
    tags = wired(found.plant, historian.tags)
    out = []
    for one in found.machines:
        plain = progress(one.line, one.told, one.machine, None)
        if plain is None:
            continue
        left = tags[one.machine].roles.get(Role.ORDER_LEFT)
        value = historian.value_at(left, found.end) if left else None
        _, wanted, due = known.get(plain.order, (None, None, None))
        if isinstance(value, float):
            wanted = plain.good + value
        told = progress(one.line, one.told, one.machine, wanted)
        if told is not None:
            out.append(_order(told, found, due))
    return out


def _order(told: Progress, found: View, due: datetime | None) -> dict[str, Any]:
    on, pauses = machine_calendar(found.plant, told.machine, found.end, found.end + 60 * _DAY)
    ends = [None if h is None else due_at(found.end, h, on, pauses) for h in (told.left_h, told.low_h, told.high_h)]
    likely, low, high = (None if end is None else iso(end) for end in ends)
    return {
        "order": told.order,
        "machine": told.machine,
        "since": iso(told.since),
        "good": told.good,
        "scrap": told.scrap,
        "wanted": told.wanted,
        "per_h": told.per_h,
        "due": None if due is None else due.isoformat(),
        "end": likely,
        "end_low": low,
        "end_high": high,
        "late": None if due is None or likely is None else datetime.fromisoformat(likely) > due,
    }


def shift_book(workspace: str, days: int = 7, machine: str | None = None) -> list[dict[str, Any]]:
    """The shifts of the last days, latest first: figures, number of stops, notes.

    Parameters
    ----------
    workspace : folder
    days : how far back, 1 to 62
    machine : only this one

    Raises
    ------
    InputError : plant.yaml declares no shifts
    """
    plant = declared(workspace)
    if not plant.shifts:
        raise InputError("plant.yaml declares no shifts", fix="add `shifts:`, see docs/states.md", code="no_shifts")
    at = round(now().timestamp() * 1e9)
    earliest = live.reading(workspace).earliest()
    runs = shift_runs(plant, max(at - min(max(days, 1), 62) * _DAY, min(earliest, at - 1)), at, machine)
    out = []
    for run in reversed(runs):
        found = plain(view(workspace, machine=machine, shift=run.key))
        out.append(
            {
                "shift": run.key,
                **found["plant"],
                "begin": found["begin"],
                "end": found["end"],
                "stops": sum(one["count"] for one in found["stops"]),
                "notes": notes(workspace, run.key),
            }
        )
    return out


def iso(at: int) -> str:
    """Time as text.

    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(at // 1000 / 1e6, UTC).isoformat()


def plain(found: View, *, micro: bool = False) -> dict[str, Any]:
    """A view as JSON has it: figures of the plant and of each machine, and the stops.

    Parameters
    ----------
    found : the view
    micro : each micro-stop by itself, rather than in groups
    """
    every = [one for machine in found.machines for one in machine.stops]
    return {
        "begin": iso(found.begin),
        "end": iso(found.end),
        "shift": None if found.shift is None else found.shift.key,
        "plant": _figures(found.whole),
        "machines": [
            {
                "machine": one.machine,
                "state": one.state,
                "since": iso(one.since),
                "order": one.order,
                **_figures(one.parts),
            }
            for one in found.machines
        ],
        "stops": [stop_line(one) for one in (every if micro else group_micro(every))],
    }


def stop_line(one: Stop) -> dict[str, Any]:
    """A stop as JSON has it."""
    return {**asdict(one), "begin": iso(one.begin), "end": None if one.running else iso(one.end)}


def intervals(one: MachineNow) -> list[dict[str, Any]]:
    """States of a machine as JSON has them."""
    line = one.line
    return [
        {
            "begin": iso(int(line.start[k])),
            "end": iso(int(line.end[k])),
            "state": STATES[line.state[k]].value,
            "was": STATES[line.was[k]].value,
            "order": line.orders[line.order[k]] if line.order[k] >= 0 else "",
            "reason": line.reasons[line.reason[k]] if line.reason[k] >= 0 else "",
        }
        for k in range(len(line))
    ]


def _figures(parts: OeeParts) -> dict[str, Any]:
    bounds = parts.bounds
    return {
        "figures": {key: value.value for key, value in figures(parts).items()},
        "reasons": {key: value.reason for key, value in figures(parts).items() if value.reason},
        "oee_low": None if bounds is None else bounds[0],
        "oee_high": None if bounds is None else bounds[1],
        "hours": {"calendar": parts.calendar_h, **parts.times},
        "elements": parts.elements,
        "unseen": parts.unseen,
        "losses": [asdict(one) for one in losses(parts)],
    }


def reasons(workspace: str) -> list[dict[str, Any]]:
    """Reasons that a stop may have, as a tree."""
    return [{"reason": key, **one.model_dump(mode="json")} for key, one in declared(workspace).stop_reasons.items()]
