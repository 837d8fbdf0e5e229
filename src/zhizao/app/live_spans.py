"""Which time is meant: a shift by name, from-to, the running shift or today; and the plant as plant.yaml declares it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from zhizao.account.shifts import ShiftRun, shift_runs
from zhizao.errors import InputError
from zhizao.model import Plant
from zhizao.record import read_plant
from zhizao.record.workspace import PLANT

__all__ = ["declared", "iso", "pick_span", "shift_span"]

DAY_NS = 86_400_000_000_000
_MOST_DAYS = 400


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
        return shift_span(plant, shift, at, machine)
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
    if last - first > _MOST_DAYS * DAY_NS:
        raise InputError(f"the time is longer than {_MOST_DAYS} days", fix="ask for less", code="bad_range")
    return first, last, None


def shift_span(plant: Plant, wanted: str, at: int, machine: str | None) -> tuple[int, int, ShiftRun | None]:
    """The time of a shift, up to now: `now`, a name for its last one, or `2026-11-26/name`."""
    day, _, name = wanted.rpartition("/")
    if name not in plant.shifts and wanted != "now":
        raise InputError(
            f'"{wanted[:80]}" is no shift',
            where="shift",
            fix=f"write now, or one of {', '.join(plant.shifts) or 'the shifts that you declare in plant.yaml'}",
            code="no_shift",
        )
    first = at - 14 * DAY_NS
    if day:
        try:
            noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(plant.zone))
        except ValueError as error:
            raise InputError(f'"{day[:40]}" is not a date', fix="write 2026-11-26/early", code="no_shift") from error
        first = round(noon.timestamp() * 1e9) - DAY_NS
    runs = shift_runs(plant, first, min(first + 3 * DAY_NS, at) if day else at, machine)
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


def iso(at: int) -> str:
    """Time as text.

    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(at // 1000 / 1e6, UTC).isoformat()
