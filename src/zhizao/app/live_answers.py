"""Live states as JSON has them: figures, intervals, stops, the shift book."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from zhizao.account.oee import OeeParts, figures, losses
from zhizao.account.shifts import shift_runs
from zhizao.account.states import STATES
from zhizao.account.stops import Stop, group_micro
from zhizao.app import live
from zhizao.app.live_said import notes
from zhizao.app.live_spans import DAY_NS, declared, iso
from zhizao.app.live_states import MachineNow, View, view
from zhizao.clock import now
from zhizao.errors import InputError

__all__ = ["intervals", "plain", "shift_book", "stop_line"]


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
    runs = shift_runs(plant, max(at - min(max(days, 1), 62) * DAY_NS, min(earliest, at - 1)), at, machine)
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
