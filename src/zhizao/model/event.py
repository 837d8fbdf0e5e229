"""What an event is: something that a person would ask *who, what, when* about, past tense, kept as written."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from zhizao.model.noun import Noun

__all__ = ["Event", "Kind"]


class Kind(StrEnum):
    """Kinds of event, by family (design: Facts)."""

    ORDER_RELEASED = "order.released"
    ORDER_CHANGED = "order.changed"
    ORDER_CLOSED = "order.closed"
    OPERATION_STARTED = "operation.started"
    OPERATION_PAUSED = "operation.paused"
    OPERATION_RESUMED = "operation.resumed"
    OPERATION_ENDED = "operation.ended"
    MACHINE_STATE_CHANGED = "machine.state_changed"
    STOP_CLASSIFIED = "stop.classified"
    SHIFT_NOTED = "shift.noted"
    PIECES_REPORTED = "pieces.reported"
    DECISION_PROPOSED = "decision.proposed"
    DECISION_APPROVED = "decision.approved"
    DECISION_REJECTED = "decision.rejected"
    METERED = "metered"
    ACCOUNTS_CLOSED = "accounts.closed"
    RETURN_SUBMITTED = "return.submitted"
    RETURN_CORRECTED = "return.corrected"
    RETURN_WITHDRAWN = "return.withdrawn"
    RETURN_REVIEWED = "return.reviewed"
    RETURN_PUBLISHED = "return.published"
    RETURN_REOPENED = "return.reopened"
    TARGET_ADJUSTED = "target.adjusted"
    ALARM_RAISED = "alarm.raised"
    ALARM_CLEARED = "alarm.cleared"
    ALARM_ACKNOWLEDGED = "alarm.acknowledged"
    ALARM_RESET = "alarm.reset"
    ALARM_SHELVED = "alarm.shelved"
    ALARM_UNSHELVED = "alarm.unshelved"
    ALARM_SUPPRESSED = "alarm.suppressed"
    ALARM_UNSUPPRESSED = "alarm.unsuppressed"
    ALARM_ASSIGNED = "alarm.assigned"
    ALARM_COMMENTED = "alarm.commented"
    ALARM_CHANGED = "alarm.changed"
    ALARM_ESCALATED = "alarm.escalated"


class Event(Noun):
    """One recorded fact."""

    id: UUID
    """Derived from the source's own key where there is one, so that importing twice changes nothing."""

    kind: Kind
    """What happened."""

    at: AwareDatetime
    """When it happened, UTC."""

    recorded_at: AwareDatetime
    """When it was recorded, UTC."""

    source: str = Field(min_length=1)
    """Where it came from: a file, a connector, a person."""

    subject: str = Field(min_length=1)
    """What it is about: an order, a machine, a decision."""

    version: int = Field(default=1, ge=1)
    """Version of the payload's shape."""

    payload: dict[str, Any] = {}
    """What the kind says, by its version."""

    supersedes: UUID | None = None
    """The event that this one corrects; both stay visible."""

    @property
    def known(self) -> datetime:
        """Time from which on the fact may be used (`--as-of`)."""
        return self.recorded_at
