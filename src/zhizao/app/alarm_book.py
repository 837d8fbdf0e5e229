"""Alarms of a workspace as facts: reading on in the journal, cards with their changes, writing what happened."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from zhizao.clock import now
from zhizao.decide.alarms import Annunciation, Entry, Fact, Standing, changed, fold, in_unit
from zhizao.errors import InputError
from zhizao.model import AlarmCard, Condition, Event, Kind, Plant, Role
from zhizao.record import Workspace
from zhizao.record.alarms import alarm_id, subject_of
from zhizao.record.instant import moment, nanoseconds
from zhizao.record.workspace import FACTS, PLANT

__all__ = ["Book", "book", "declared", "fingerprint", "is_condition", "now_ns"]

_BOOKS: dict[str, Book] = {}
_LOCK = threading.Lock()


def now_ns() -> int:
    """Nanoseconds since 1970."""
    return nanoseconds(now())


def is_condition(tag: str) -> bool:
    """Whether a signal is the active state of a condition of OPC UA Part 9, as the connector names it.

    Examples
    --------
    >>> is_condition("line/alarm/mill 1/Overheating/active"), is_condition("mill 1/alarm/active")
    (True, False)
    """
    return tag.endswith("/active") and "/alarm/" in tag.removesuffix("/active")


def fingerprint(card: AlarmCard) -> str:
    """Short name of the settings on which a judgement rests."""
    return hashlib.sha256(card.model_dump_json().encode()).hexdigest()[:12]


def declared(plant: Plant, tags: Sequence[str] = ()) -> dict[str, AlarmCard]:
    """Alarms of a plant: those of plant.yaml (limits in the unit of the signal), signals with the role `alarm`, conditions of OPC UA servers.

    Parameters
    ----------
    plant : with its alarms and tags
    tags : names of all signals that there are
    """
    found = {}
    for name, card in plant.alarms.items():
        of = plant.tags.get(card.tag)
        if of is not None:
            card = in_unit(card, of.unit)
            card = card if card.machine else card.model_copy(update={"machine": of.machine or ""})
        found[name] = card
    watched = {card.tag for card in found.values()}
    for tag, known in plant.tags.items():
        if known.role is Role.ALARM and tag not in watched:
            found[tag] = AlarmCard(tag=tag, condition=Condition.TEXT, priority=2, machine=known.machine or "")
    for tag in tags:
        if is_condition(tag) and tag not in watched:
            found.setdefault(tag.removesuffix("/active"), AlarmCard(tag=tag, condition=Condition.TEXT, priority=3))
    return found


class Book:
    """Facts about the alarms of one workspace; reads on where it stopped.

    Parameters
    ----------
    folder : of the workspace
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: list[Fact] = []
        self.told = Annunciation()
        """Which of the alarms were annunciated."""
        self._changes: list[Fact] = []
        self._standing: tuple[object, Standing] | None = None
        self._plant, self._stamp = Plant(), -1
        self._home: Workspace | None = None
        self._lock = threading.RLock()

    @property
    def plant(self) -> Plant:
        """The plant as plant.yaml declares it now."""
        from zhizao.record import read_plant

        file = self.folder / PLANT
        stamp = file.stat().st_mtime_ns if file.exists() else 0
        if stamp != self._stamp:
            self._plant, self._stamp = (read_plant(file) if stamp else Plant()), stamp
        return self._plant

    def _open(self, *, create: bool) -> Workspace | None:
        if self._home is None and (create or (self.folder / FACTS).exists()):
            self._home = Workspace.open(self.folder)
        return self._home

    def read_on(self) -> int:
        """Read what was recorded since; how many facts are new."""
        with self._lock:
            home = self._open(create=False)
            if home is None:
                return 0
            last = self.facts[-1].sequence if self.facts else 0
            fresh = [Fact(*one[:6]) for one in home.journal.alarm_facts(after=last)]
            self.facts.extend(fresh)
            self.told.add(fresh)
            changes = [one for one in fresh if one.kind is Kind.ALARM_CHANGED]
            self._changes.extend(changes)
            if changes:
                self._standing = None
            elif self._standing is not None:
                self._standing[1].add(fresh)
            return len(fresh)

    def known(self, as_of: datetime | None = None) -> list[Fact]:
        """All facts, or those known at a time."""
        self.read_on()
        if as_of is None:
            return list(self.facts)
        home = self._open(create=False)
        return [] if home is None else [Fact(*one[:6]) for one in home.journal.alarm_facts(as_of=as_of)]

    def cards(self, facts: Sequence[Fact] | None = None, tags: Sequence[str] = ()) -> dict[str, AlarmCard]:
        """Alarms with the settings that were last set; a change that plant.yaml no longer permits is passed over."""
        found = declared(self.plant, tags)
        for fact in self._changes if facts is None else facts:
            if fact.kind is Kind.ALARM_CHANGED and fact.alarm in found:
                try:
                    found[fact.alarm] = changed(found[fact.alarm], **dict(fact.said["settings"]))
                except ValueError:
                    continue
        return found

    def entries(self, as_of: datetime | None = None, tags: Sequence[str] = (), now: int = 0) -> dict[str, Entry]:
        """The list of alarms, now or as it was known at a time.

        Parameters
        ----------
        as_of : aware
        tags : names of signals, among which are conditions of OPC UA servers
        now : ns; the clock's when 0
        """
        if as_of is not None:
            facts = self.known(as_of)
            return fold(self.cards(facts, tags), facts, nanoseconds(as_of))
        with self._lock:
            self.read_on()
            by: object = (self.plant, tuple(tags))
            if self._standing is None or self._standing[0] != by:
                self._standing = by, Standing(self.cards(tags=tags))
                self._standing[1].add(self.facts)
            return self._standing[1].at(now or now_ns())

    def write(self, facts: Sequence[Fact], ids: Sequence[tuple[object, ...]]) -> int:
        """Record facts; how many were new. What is there already stays, also where its words differ.

        Parameters
        ----------
        facts : what happened
        ids : of each, what makes it the one that it is
        """
        recorded = now()
        events = [
            Event(
                id=alarm_id(fact.alarm, fact.kind.value, *key),
                kind=fact.kind,
                at=moment(fact.at),
                recorded_at=recorded,
                source=fact.by or "zhizao",
                subject=subject_of(fact.alarm),
                payload=dict(fact.said),
            )
            for fact, key in zip(facts, ids, strict=True)
        ]
        with self._lock:
            home = self._open(create=True)
            if home is None or not events:
                return 0
            try:
                return home.journal.append(events)
            except InputError as error:
                if error.fault.code != "event_differs":
                    raise
            return sum(self._one(home, event) for event in events)

    @staticmethod
    def _one(home: Workspace, event: Event) -> int:
        try:
            return home.journal.append([event])
        except InputError as error:
            if error.fault.code != "event_differs":
                raise
            return 0

    def close(self) -> None:
        """Give up the journal."""
        with self._lock:
            if self._home is not None:
                self._home.close()
                self._home = None


def book(workspace: str) -> Book:
    """The one book of a workspace in this process.

    Parameters
    ----------
    workspace : folder
    """
    with _LOCK:
        return _BOOKS.setdefault(str(Path(workspace).resolve()), Book(Path(workspace)))
