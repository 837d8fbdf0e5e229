"""The list of alarms as a fold over facts: what stands, who has acknowledged, shelved, taken it on, and since when.

It goes on from fact to fact, so that a list costs what is new and not what there is. What the clock alone brings (the
end of shelving) is shown and not kept: a fact that is told late still finds the alarm as it was at its own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from zhizao.decide.alarms.cycle import Act, Life, State, step
from zhizao.errors import NotAllowed
from zhizao.model import AlarmCard, Kind

__all__ = ["ACTS", "Entry", "Fact", "Standing", "fold"]

ACTS: dict[Kind, Act] = {
    Kind.ALARM_RAISED: Act.RAISE,
    Kind.ALARM_CLEARED: Act.CLEAR,
    Kind.ALARM_ACKNOWLEDGED: Act.ACKNOWLEDGE,
    Kind.ALARM_RESET: Act.RESET,
    Kind.ALARM_SHELVED: Act.SHELVE,
    Kind.ALARM_UNSHELVED: Act.UNSHELVE,
    Kind.ALARM_SUPPRESSED: Act.SUPPRESS,
    Kind.ALARM_UNSUPPRESSED: Act.UNSUPPRESS,
}
"""What a fact does; suppression that says `out_of_service` takes the alarm out of service instead."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact about an alarm.

    Parameters
    ----------
    kind : one of the kinds `alarm.*`
    alarm : its id
    at : ns since 1970 at which it happened
    by : who or what told it
    said : payload
    sequence : in the journal
    """

    kind: Kind
    alarm: str
    at: int
    by: str
    said: Mapping[str, Any] = field(default_factory=dict)
    sequence: int = 0


@dataclass(slots=True)
class Entry:
    """One line of the list.

    Parameters
    ----------
    alarm : id
    life : its state
    priority : 1 urgent to 4 low
    tag, machine, message : what it tells of
    raised_at, cleared_at : ns, of the last time; 0 for never
    value : at which it was raised
    acked_by, comment, assigned : of this time
    shelved_until : ns; 0 when it is not shelved
    times : how often it was raised
    sequence : of the last fact about it
    """

    alarm: str
    life: Life = field(default_factory=Life)
    priority: int = 4
    tag: str = ""
    machine: str = ""
    message: str = ""
    raised_at: int = 0
    cleared_at: int = 0
    value: float | None = None
    acked_by: str = ""
    comment: str = ""
    assigned: str = ""
    shelved_until: int = 0
    times: int = 0
    sequence: int = 0

    @property
    def order(self) -> tuple[int, int, int]:
        """Active and unacknowledged first, then what is active, then what is unacknowledged; urgent and new ones first."""
        life = self.life
        first = 0 if life.unacked and life.active else 1 if life.active and not life.held else 2 if life.unacked else 3
        return first, self.priority, -self.raised_at


def fold(cards: Mapping[str, AlarmCard], facts: Iterable[Fact], now: int) -> dict[str, Entry]:
    """The list at a time.

    Parameters
    ----------
    cards : declared alarms; facts about others make lines too
    facts : in the order in which they were recorded
    now : ns; what is shelved until before it is shelved no more

    Examples
    --------
    >>> facts = [Fact(Kind.ALARM_RAISED, "hot", 10, "sense"), Fact(Kind.ALARM_ACKNOWLEDGED, "hot", 20, "li")]
    >>> fold({}, facts, 30)["hot"].life.state.value
    'acked'
    """
    standing = Standing(cards)
    standing.add(facts)
    return standing.at(now)


class Standing:
    """A list that goes on from fact to fact.

    Parameters
    ----------
    cards : declared alarms

    Examples
    --------
    >>> standing = Standing({})
    >>> standing.add([Fact(Kind.ALARM_RAISED, "hot", 10, "sense")])
    >>> standing.add([Fact(Kind.ALARM_CLEARED, "hot", 20, "sense")])
    >>> standing.at(30)["hot"].life.state.value
    'rtn-unacked'
    """

    def __init__(self, cards: Mapping[str, AlarmCard]) -> None:
        self._lines = {
            name: Entry(name, Life(latching=card.latching), card.rank, card.tag, card.machine, card.consequence)
            for name, card in cards.items()
        }
        self._shelved: set[str] = set()

    def add(self, facts: Iterable[Fact]) -> None:
        """Go on with facts, in the order in which they were recorded."""
        for fact in facts:
            entry = self._lines.setdefault(fact.alarm, Entry(fact.alarm))
            _expire(entry, fact.at)
            with suppress(NotAllowed):  # told late: the state has gone on by then
                _add(entry, fact)
            entry.sequence = max(entry.sequence, fact.sequence)
            (self._shelved.add if entry.shelved_until else self._shelved.discard)(fact.alarm)

    def at(self, now: int) -> dict[str, Entry]:
        """The list at a time, ns; its lines are not to be changed."""
        lines = dict(self._lines)
        for name in self._shelved:
            if lines[name].shelved_until <= now:
                lines[name] = replace(lines[name])
                _expire(lines[name], now)
        return lines


def _expire(entry: Entry, now: int) -> None:
    if entry.shelved_until and entry.shelved_until <= now:
        if State.SHELVED in entry.life.held:
            entry.life = step(entry.life, Act.UNSHELVE)
        entry.shelved_until = 0


def _add(entry: Entry, fact: Fact) -> None:
    said = fact.said
    act = ACTS.get(fact.kind)
    if act in (Act.SUPPRESS, Act.UNSUPPRESS) and said.get("out_of_service"):
        act = Act.REMOVE if act is Act.SUPPRESS else Act.RETURN
    if act is not None:
        entry.life = step(entry.life, act)
    if act is Act.RAISE:
        entry.raised_at, entry.value = fact.at, said.get("value")
        entry.cleared_at, entry.acked_by, entry.comment = 0, "", ""
        entry.times += 1
        entry.priority = int(said.get("priority", entry.priority))
        entry.tag, entry.machine = said.get("tag", entry.tag), said.get("machine", entry.machine)
        entry.message = said.get("message") or entry.message
    elif act is Act.CLEAR:
        entry.cleared_at = fact.at
    elif act is Act.ACKNOWLEDGE:
        entry.acked_by = fact.by
    elif act is Act.SHELVE:
        entry.shelved_until = int(said["until"])
    elif act is Act.UNSHELVE:
        entry.shelved_until = 0
    elif fact.kind is Kind.ALARM_ASSIGNED:
        entry.assigned = str(said.get("to", ""))
    if said.get("comment"):
        entry.comment = str(said["comment"])
