"""Which alarms were annunciated: raised while nobody had put them aside, from facts, each to its clearing.

It goes on from fact to fact like the list. A fact that is told late makes its alarm, and no other, be gone through anew.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from zhizao.decide.alarms.health import CHATTER, CHATTER_NS, Raised
from zhizao.decide.alarms.standing import Fact
from zhizao.model import Kind

__all__ = ["Annunciation"]

_NEVER = -(2**62)


class _One:
    """One alarm."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.begin()

    def begin(self) -> None:
        self.closed: list[tuple[int, int, int]] = []
        self.open: tuple[int, int] | None = None
        self.over: set[str] = set()
        self.until, self.rattled = 0, _NEVER
        self.last: list[int] = []

    def add(self, fact: Fact) -> None:
        if self.facts and fact.at < self.facts[-1].at:
            insort(self.facts, fact, key=lambda one: one.at)
            self.begin()
            for one in self.facts:
                self.take(one)
            return
        self.facts.append(fact)
        self.take(fact)

    def take(self, fact: Fact) -> None:
        kind, over = fact.kind, self.over
        if kind is Kind.ALARM_SHELVED:
            over.add("shelved")
            self.until = int(fact.said["until"])
        elif kind is Kind.ALARM_UNSHELVED or self.until <= fact.at:
            over.discard("shelved")
        word = "service" if fact.said.get("out_of_service") else "design"
        if kind is Kind.ALARM_SUPPRESSED:
            over.add(word)
        elif kind is Kind.ALARM_UNSUPPRESSED:
            over.discard(word)
        elif kind is Kind.ALARM_RAISED and not over and self.open is None:
            self.open = (fact.at, int(fact.said.get("priority", 4)))
            self.last = [*self.last[1 - CHATTER :], fact.at]
            if len(self.last) == CHATTER and fact.at - self.last[0] <= CHATTER_NS:
                self.rattled = self.last[0]
        elif kind is Kind.ALARM_CLEARED and self.open is not None:
            self.closed.append((self.open[0], fact.at, self.open[1]))
            self.open = None


class Annunciation:
    """Alarms that were annunciated, as far as facts were told.

    Examples
    --------
    >>> told = Annunciation()
    >>> told.add(Fact(kind, "hot", at, "sense") for at in (0, 10, 20) for kind in (Kind.ALARM_RAISED, Kind.ALARM_CLEARED))
    >>> len(told.raised(100)), told.chattering(0), told.chattering(1)
    (3, {'hot'}, set())
    """

    def __init__(self) -> None:
        self._alarms: dict[str, _One] = {}

    def add(self, facts: Iterable[Fact]) -> None:
        """Go on with facts, in the order in which they were recorded."""
        for fact in facts:
            if fact.alarm not in self._alarms:
                self._alarms[fact.alarm] = _One()
            self._alarms[fact.alarm].add(fact)

    def raised(self, end: int) -> list[Raised]:
        """All of them in the order of time; those that stand still end at `end`, ns."""
        found = [Raised(name, at, until, rank) for name, one in self._alarms.items() for at, until, rank in one.closed]
        found += [Raised(name, one.open[0], end, one.open[1]) for name, one in self._alarms.items() if one.open]
        return sorted(found, key=lambda one: one.at)

    def chattering(self, since: int) -> set[str]:
        """Alarms that were raised three times within a minute, the first of them at `since` (ns) or later."""
        return {name for name, one in self._alarms.items() if one.rattled >= since}
