"""What people said of stops, shifts and pieces, as the journal has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from zhizao.account.states import Said
from zhizao.app.live_spans import declared, iso
from zhizao.model import Kind, Plant
from zhizao.record import Workspace
from zhizao.record.stops import statements
from zhizao.record.views import Recorded
from zhizao.record.workspace import FACTS

__all__ = ["history", "notes", "raw_statements", "reasons", "said_of", "told_of_statement"]


def said_of(workspace: str, plant: Plant, as_of: datetime | None) -> dict[str, list[Said]]:
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


def history(workspace: str, machine: str) -> list[dict[str, Any]]:
    """All that was said of the stops of a machine, oldest first."""
    return _statements(workspace, Kind.STOP_CLASSIFIED, machine)


def notes(workspace: str, shift: str) -> list[dict[str, Any]]:
    """Notes of a shift, oldest first."""
    return _statements(workspace, Kind.SHIFT_NOTED, shift)


def raw_statements(workspace: str, kind: Kind, subject: str) -> list[Recorded]:
    """Statements about a machine or a shift, oldest first; none without a journal."""
    if not (Path(workspace) / FACTS).exists():
        return []
    with Workspace.open(workspace, create=False) as home:
        return statements(home.journal, kind, subject)


def _statements(workspace: str, kind: Kind, subject: str) -> list[dict[str, Any]]:
    return [
        {
            "recorded_at": one.recorded_at.isoformat(),
            "by": one.source,
            **told_of_statement(one.payload),
            "event": one.sequence,
        }
        for one in raw_statements(workspace, kind, subject)
    ]


def told_of_statement(told: Mapping[str, Any]) -> dict[str, Any]:
    """A payload as JSON has it: times as text."""
    return {
        name.removesuffix("_ns"): iso(value) if name.endswith("_ns") and value is not None else value
        for name, value in told.items()
    }


def reasons(workspace: str) -> list[dict[str, Any]]:
    """Reasons that a stop may have, as a tree."""
    return [{"reason": key, **one.model_dump(mode="json")} for key, one in declared(workspace).stop_reasons.items()]
