"""Orders at the machines now: pieces, what is wanted, when it is due and when it will be done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from zhizao.account.shifts import machine_calendar
from zhizao.account.stops import Progress, due_at, progress
from zhizao.app import live
from zhizao.app.live_known import known_orders
from zhizao.app.live_signals import wired
from zhizao.app.live_spans import DAY_NS, iso
from zhizao.app.live_states import View, view
from zhizao.clock import now
from zhizao.model import Role

__all__ = ["orders"]

_PROGRESS_NS = 3 * DAY_NS


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
    known = known_orders(workspace, found.plant)
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
    on, pauses = machine_calendar(found.plant, told.machine, found.end, found.end + 60 * DAY_NS)
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
