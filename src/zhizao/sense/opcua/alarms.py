"""Alarms and conditions (Part 9): which fields are asked for, and what an event says as samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asyncua import ua

from zhizao.sense.opcua.values import Batch

__all__ = ["event_filter", "refresh_wanted", "say", "standing"]

_FIELDS: tuple[tuple[str, int, tuple[str, ...], int], ...] = (
    ("type", ua.ObjectIds.BaseEventType, ("EventType",), 13),
    ("source", ua.ObjectIds.BaseEventType, ("SourceName",), 13),
    ("time", ua.ObjectIds.BaseEventType, ("Time",), 13),
    ("message", ua.ObjectIds.BaseEventType, ("Message",), 13),
    ("severity", ua.ObjectIds.BaseEventType, ("Severity",), 13),
    ("condition", ua.ObjectIds.ConditionType, ("ConditionName",), 13),
    ("enabled", ua.ObjectIds.ConditionType, ("EnabledState", "Id"), 13),
    ("acked", ua.ObjectIds.AcknowledgeableConditionType, ("AckedState", "Id"), 13),
    ("active", ua.ObjectIds.AlarmConditionType, ("ActiveState", "Id"), 13),
    ("comment", ua.ObjectIds.ConditionType, ("Comment",), 13),
    ("event", ua.ObjectIds.BaseEventType, ("EventId",), 13),
    ("node", ua.ObjectIds.ConditionType, (), 1),
    ("branch", ua.ObjectIds.ConditionType, ("BranchId",), 13),
)
_REFRESH = {ua.ObjectIds.RefreshStartEventType, ua.ObjectIds.RefreshEndEventType}


def event_filter() -> ua.EventFilter:
    """What is asked of each event; every field is null in an event that has none of it."""
    wanted = ua.EventFilter()
    for _, kind, path, attribute in _FIELDS:
        clause = ua.SimpleAttributeOperand()
        clause.TypeDefinitionId = ua.NodeId(kind)
        clause.AttributeId = ua.AttributeIds(attribute)
        clause.BrowsePath = [ua.QualifiedName(part, 0) for part in path]
        wanted.SelectClauses.append(clause)
    return wanted


def _kind(fields: Sequence[Any]) -> int:
    node = fields[0] if fields else None
    if isinstance(node, ua.NodeId) and node.NamespaceIndex == 0 and isinstance(node.Identifier, int):
        return node.Identifier
    return 0


def refresh_wanted(fields: Sequence[Any]) -> bool:
    """Whether the server asks for its conditions to be read anew."""
    return bool(_kind(fields) == ua.ObjectIds.RefreshRequiredEventType)


def say(batch: Batch, prefix: str, fields: Sequence[Any], received: int) -> None:
    """Add what an event says.

    A condition gives `alarm/<source>/<condition>` with `/active`, `/acked`, `/severity` and `/message`; another event
    gives `event/<source>` with its message and `/severity`.

    Parameters
    ----------
    batch : is added to
    prefix : before the name of each tag, with a `/` between
    fields : in the order of `event_filter`
    received : ns since 1970
    """
    if len(fields) != len(_FIELDS):
        batch.rejected["event_fields"] += 1
        return
    if _kind(fields) in _REFRESH or _kind(fields) == ua.ObjectIds.RefreshRequiredEventType:
        return
    told = dict(zip((name for name, *_ in _FIELDS), fields, strict=True))
    at = told["time"] if isinstance(told["time"], int) and 0 < told["time"] < 2**63 else received
    source = _part(told["source"])
    severity = told["severity"]
    message = told["message"] if isinstance(told["message"], str) else ""
    if told["condition"] is None and told["active"] is None:
        name = f"{prefix}/event/{source}"
        batch.say(name, at, message, received)
    else:
        name = f"{prefix}/alarm/{source}/{_part(told['condition'])}"
        on = told["active"] if isinstance(told["active"], bool) else told["enabled"] is not False
        batch.say(f"{name}/active", at, float(on), received)
        if isinstance(told["acked"], bool):
            batch.say(f"{name}/acked", at, float(told["acked"]), received)
        batch.say(f"{name}/message", at, message, received)
    if isinstance(severity, int) and not isinstance(severity, bool):
        batch.say(f"{name}/severity", at, float(severity), received)


def standing(prefix: str, fields: Sequence[Any]) -> tuple[str, ua.NodeId, bytes] | None:
    """Name, node and last event of the condition that an event is about, which its acknowledgement names; None for others.

    Parameters
    ----------
    prefix : before the name of each tag
    fields : in the order of `event_filter`
    """
    if len(fields) != len(_FIELDS):
        return None
    told = dict(zip((name for name, *_ in _FIELDS), fields, strict=True))
    node, event, branch = told["node"], told["event"], told["branch"]
    if told["condition"] is None or not isinstance(node, ua.NodeId) or not isinstance(event, bytes):
        return None
    if isinstance(branch, ua.NodeId) and not branch.is_null():  # an earlier state, kept beside the one that stands
        return None
    return f"{prefix}/alarm/{_part(told['source'])}/{_part(told['condition'])}", node, event


def _part(name: Any) -> str:
    return (name if isinstance(name, str) and name else "unnamed").replace("/", "_")
