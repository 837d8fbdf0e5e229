"""Facts about alarms in the journal: raised and cleared by who listens, acknowledged and shelved by people.

The subject is `alarm/<id>`. The id of what is raised is made from alarm, kind, time and settings, so that judging the
same samples again after a crash adds nothing; the id of what a person does is made from the last fact that they had
before them, so that of two people who act on the same state one is heard and the other is told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import NAMESPACE_DNS, UUID, uuid5

from sqlalchemy import select

from zhizao.model import Kind
from zhizao.record.instant import nanoseconds
from zhizao.record.schema import IS_SAID, event
from zhizao.record.store import Store

__all__ = ["ALARM_KINDS", "Said", "alarm_facts", "alarm_id", "alarm_of", "subject_of"]

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


class Said(NamedTuple):
    """A fact about an alarm, light enough for tens of thousands.

    Parameters
    ----------
    kind : one of `ALARM_KINDS`
    alarm : its id
    at : ns since 1970
    by : who told it
    said : payload
    sequence : in the journal
    recorded_at : ns since 1970
    """

    kind: Kind
    alarm: str
    at: int
    by: str
    said: dict[str, Any]
    sequence: int
    recorded_at: int


def alarm_facts(
    store: Store, *, after: int = 0, as_of: datetime | None = None, kinds: Sequence[Kind] = ALARM_KINDS
) -> list[Said]:
    """Facts about alarms in the order in which they were recorded; see `Journal.alarm_facts`."""
    wanted = event.c.kind.in_([kind.value for kind in kinds])
    c = event.c
    statement = select(c.kind, c.subject, c.at, c.source, c.payload, c.sequence, c.recorded_at)
    statement = statement.where(IS_SAID, wanted, c.sequence > after)
    if as_of is not None:
        statement = statement.where(c.recorded_at <= nanoseconds(as_of))
    known = {kind.value: kind for kind in kinds}
    with store.reading() as connection:
        return [
            Said(known[kind], alarm_of(subject), at, source, json.loads(payload), sequence, recorded_at)
            for kind, subject, at, source, payload, sequence, recorded_at in connection.execute(
                statement.order_by(c.sequence)
            )
        ]
