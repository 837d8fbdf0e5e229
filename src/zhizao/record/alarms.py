"""Facts about alarms in the journal: raised and cleared by who listens, acknowledged and shelved by people.

The subject is `alarm/<id>`. The id of what is raised is made from alarm, kind, time and settings, so that judging the
same samples again after a crash adds nothing; the id of what a person does is made from the last fact that they had
before them, so that of two people who act on the same state one is heard and the other is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import NAMESPACE_DNS, UUID, uuid5

from sqlalchemy import select

from zhizao.model import Kind
from zhizao.record.instant import nanoseconds
from zhizao.record.schema import IS_SAID, event
from zhizao.record.store import Store
from zhizao.record.views import Recorded, recorded

__all__ = ["ALARM_KINDS", "alarm_facts", "alarm_id", "alarm_of", "subject_of"]

NAMESPACE = uuid5(NAMESPACE_DNS, "alarm.zhizao")
ALARM_KINDS = tuple(kind for kind in Kind if kind.value.startswith("alarm."))
"""Kinds that are about alarms."""
_PREFIX = "alarm/"


def subject_of(alarm: str) -> str:
    """What the facts of an alarm are about.

    Examples
    --------
    >>> subject_of("hot"), alarm_of("alarm/hot")
    ('alarm/hot', 'hot')
    """
    return _PREFIX + alarm


def alarm_of(subject: str) -> str:
    """The alarm that a fact is about."""
    return subject.removeprefix(_PREFIX)


def alarm_id(*parts: object) -> UUID:
    """Id of a fact from what makes it the one that it is."""
    return uuid5(NAMESPACE, "\0".join(str(part) for part in parts))


def alarm_facts(
    store: Store, *, after: int = 0, as_of: datetime | None = None, kinds: Sequence[Kind] = ALARM_KINDS
) -> list[Recorded]:
    """Facts about alarms in the order in which they were recorded; see `Journal.alarm_facts`."""
    wanted = event.c.kind.in_([kind.value for kind in kinds])
    statement = select(event).where(IS_SAID, wanted, event.c.sequence > after)
    if as_of is not None:
        statement = statement.where(event.c.recorded_at <= nanoseconds(as_of))
    with store.reading() as connection:
        return [recorded(row) for row in connection.execute(statement.order_by(event.c.sequence))]
