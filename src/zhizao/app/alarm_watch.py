"""Alarms while samples come: judged in a thread beside the listening, recorded as facts, told on by escalation.

What was committed is put into a queue and taken up four times a second, so that storing never waits. Where each alarm
stands is kept in a file after its facts are recorded; after a crash the samples since are read from the historian and
judged again, which gives the same facts, and these are passed over.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from zhizao.app.alarm_book import Book, fingerprint, is_condition, now_ns
from zhizao.app.outbox import OUTBOX, Letter, Outbox
from zhizao.decide.alarms import Entry, Fact, Judge, Turn
from zhizao.errors import ZhizaoError
from zhizao.model import AlarmCard, Condition, Kind, Plant, Samples, When, is_good
from zhizao.record import write_whole
from zhizao.record.instant import moment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zhizao.record.historian import Historian

__all__ = ["KEPT", "Watch", "as_numbers", "due_steps"]

LOG = logging.getLogger("zhizao.app")
KEPT = "alarms.json"
"""Where each alarm stands, beside the samples."""
EVERY_S = 0.25
_GRACE_NS = 300_000_000
"""So long samples are waited for before the clock alone ends a delay."""
_S = 1_000_000_000
_SERVER = "opcua"
"""Who tells what an OPC UA server says of its conditions."""
_SEVERITIES = (800, 600, 300)


def as_numbers(card: AlarmCard, value: NDArray[np.float64], text: Sequence[str | None] | None) -> NDArray[np.float64]:
    """Samples as an alarm judges them: texts are 1 where they alarm and 0 where not.

    Examples
    --------
    >>> card = AlarmCard(tag="t", condition="text", texts=("jam",))
    >>> as_numbers(card, np.array([np.nan, np.nan]), ["run", "jam"]).tolist()
    [0.0, 1.0]
    """
    if text is None:
        return value
    hits = set(card.texts)
    told = [np.nan if one is None else float(one in hits if hits else bool(one)) for one in text]
    return np.where([one is None for one in text], value, np.array(told, np.float64))


def when_card(when: When) -> AlarmCard:
    """The condition of a suppression as something that is judged."""
    if when.texts:
        return AlarmCard(tag=when.tag, condition=Condition.TEXT, texts=when.texts)
    if when.above is not None:
        return AlarmCard(tag=when.tag, condition=Condition.HIGH, limit=when.above)
    return AlarmCard(tag=when.tag, condition=Condition.LOW, limit=when.below)


def said_of(card: AlarmCard) -> str:
    """The condition of an alarm in short.

    Examples
    --------
    >>> said_of(AlarmCard(tag="mill 1/temperature", condition="high", limit=70, unit="°C"))
    'mill 1/temperature high 70 °C'
    """
    limit = "" if card.limit is None else f"{card.limit:g}"
    return " ".join(part for part in (card.tag, card.condition.value, limit, card.unit) if part)


def due_steps(plant: Plant, card: AlarmCard, entry: Entry, now: int) -> list[tuple[int, str]]:
    """Steps of the chain of an alarm that are due: number and receiver.

    Parameters
    ----------
    plant : with its escalations and zone
    card : of the alarm
    entry : as it stands
    now : ns
    """
    chain = plant.escalations.get(card.escalation)
    if chain is None or not entry.life.unacked or entry.priority not in chain.priorities or not entry.raised_at:
        return []
    local = moment(now).astimezone(ZoneInfo(plant.zone))
    if entry.priority != 1 and chain.is_quiet(local.hour + local.minute / 60):
        return []
    waited = (now - entry.raised_at) / 60e9
    return [(number, step.to) for number, step in enumerate(chain.steps) if waited >= step.after_min]


class Watch:
    """Judges what is stored as long as `zhizao sense` runs.

    Parameters
    ----------
    folder : of the workspace
    historian : that is written
    tell : called with alarm, who and comment when a person has acknowledged a condition of an OPC UA server
    """

    def __init__(self, folder: Path, historian: Historian, tell: Callable[[str, str, str], None] | None = None) -> None:
        self._tell, self._seen = tell, 0
        self._historian, self.book = historian, Book(folder)
        self._file, self._outbox_file = historian.folder / KEPT, folder / OUTBOX
        self._queue: deque[Samples] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._cards: dict[str, AlarmCard] = {}
        self._judges: dict[tuple[str, str], Judge] = {}
        self._by_tag: dict[str, list[tuple[str, str]]] = {}
        self._told: dict[str, tuple[float, str | None]] = {}
        self._tags: set[str] = set()
        self._names: tuple[str, ...] = ()
        self._entries: dict[str, Entry] = {}
        self._done: set[str] = set()
        self._plant = Plant()
        self._outbox: Outbox | None = None

    def take(self, committed: Iterable[tuple[str, Samples]]) -> None:
        """Take what was stored; returns at once."""
        self._queue.extend(samples for _, samples in committed)

    def start(self) -> None:
        """Judge what was stored since the last time, then begin."""
        self.set_up()
        self._thread.start()

    def stop(self) -> None:
        """Judge what waits, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30)
        with suppress(ZhizaoError):
            self.look(now_ns())
        if self._outbox is not None:
            self._outbox.close()
        self.book.close()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.look(now_ns())
            except Exception:  # a full disk or a faulty plant.yaml must not end the listening
                LOG.exception("alarms could not be judged")

    def set_up(self) -> None:
        """Read where each alarm stood, and judge the samples since then."""
        kept: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        self._tags = set(self._historian.tags)
        self.book.read_on()
        self._arrange(kept)
        found: list[tuple[Fact, tuple[object, ...]]] = []
        for key, judge in self._judges.items():
            found += self._turned(key, self._missed(judge))
        self._record(found)
        self._settle()
        self._keep()
        self._seen = len(self.book.facts)

    def _arrange(self, kept: Mapping[str, Any] | None = None) -> None:
        """Judges of the alarms as they are set now; those whose settings have not changed go on."""
        self._plant = self.book.plant
        self._names = tuple(sorted(tag for tag in self._tags if is_condition(tag)))
        before, self._cards = self._judges, self.book.cards(tags=self._names)
        self._judges, self._by_tag = {}, {}
        for name, card in self._cards.items():
            both = {"alarm": card} | (
                {"design": when_card(card.suppressed_when)} if card.suppressed_when is not None else {}
            )
            for what, own in both.items():
                key = (name, what)
                old = before.get(key)
                judge = old if old is not None and old.card == own else Judge(own)
                stood = (kept or {}).get(f"{what}:{name}")
                if judge is not old and kept is None:  # new settings while samples come: the last one is judged again
                    if old is not None:
                        judge.set_again(old)
                    self._queue.extend(self._last(own.tag))
                elif stood and stood[0] == fingerprint(own):
                    judge.go_on(stood[1])
                self._judges[key] = judge
                self._by_tag.setdefault(own.tag, []).append(key)

    def _last(self, tag: str) -> list[Samples]:
        if tag not in self._tags:
            return []
        row = self._historian.last([tag]).row(0, named=True)
        at = int(row["at"].timestamp() * 1e6) * 1000
        return [Samples.of([(tag, at, row["text"] if row["text"] is not None else row["value"])], row["quality"])]

    def _missed(self, judge: Judge) -> list[Turn]:
        """What the samples since then say; of a judge that is new, the last sample only."""
        tag = judge.card.tag
        if tag not in self._tags:
            return []
        if judge.until < 0:
            rows = self._historian.before(tag, now_ns() + 3600 * _S)
        else:
            rows = self._historian.rows(tag, judge.until + 1, now_ns() + 3600 * _S)
        texts = [self._historian.text(int(word)) for word in rows.word] if (rows.word >= 0).any() else None
        return judge.take(rows.at, as_numbers(judge.card, rows.value, texts), is_good(rows.quality))

    def look(self, now: int) -> int:
        """Judge what waits and what the clock brings; how many facts were recorded.

        Parameters
        ----------
        now : ns
        """
        parts: dict[str, list[tuple[int, float, str | None, int]]] = {}
        fresh = False
        while self._queue:
            samples = self._queue.popleft()
            for at, tag in enumerate(samples.tag):
                if tag not in self._tags:
                    self._tags.add(tag)
                    fresh = fresh or is_condition(tag)
                if tag in self._by_tag or "/alarm/" in tag:
                    text = None if samples.text is None else samples.text[at]
                    row = int(samples.at[at]), float(samples.value[at]), text, int(samples.quality[at])
                    parts.setdefault(tag, []).append(row)
                    self._told[tag] = row[1], text
        news = self.book.read_on()
        plant = self.book.plant
        if fresh or news or plant is not self._plant:
            self._arrange()
        found: list[tuple[Fact, tuple[object, ...]]] = []
        for tag, rows in parts.items():
            found += self._judged(tag, rows)
        for key, judge in self._judges.items():
            found += self._turned(key, judge.wait(now - _GRACE_NS))
        many = self._record(found)
        if many:
            self.book.read_on()
        if parts or many:
            self._keep()
        if many or news or not self._entries or any(one.shelved_until for one in self._entries.values()):
            self._entries = self.book.entries(tags=self._names, now=now)
        self._escalate(plant, now)
        self._tell_on()
        return many

    def _tell_on(self) -> None:
        """Tell servers what people have acknowledged since the last look."""
        fresh, self._seen = self.book.facts[self._seen :], len(self.book.facts)
        if self._tell is None:
            return
        for fact in fresh:
            card = self._cards.get(fact.alarm)
            if fact.kind is Kind.ALARM_ACKNOWLEDGED and fact.by != _SERVER and card and is_condition(card.tag):
                self._tell(card.tag.removesuffix("/active"), fact.by, str(fact.said.get("comment", "")))

    def refused(self, alarm: str, what: str) -> None:
        """Note that a server did not take an acknowledgement.

        Parameters
        ----------
        alarm : the server's name of the condition
        what : its words
        """
        at = now_ns()
        names = [name for name, card in self._cards.items() if card.tag == f"{alarm}/active"]
        said = {"comment": f"the server did not take the acknowledgement: {what}"[:1000]}
        self.book.write([Fact(Kind.ALARM_COMMENTED, name, at, _SERVER, said) for name in names], [(at,)] * len(names))

    def _judged(
        self, tag: str, rows: Sequence[tuple[int, float, str | None, int]]
    ) -> list[tuple[Fact, tuple[object, ...]]]:
        at = np.array([row[0] for row in rows], np.int64)
        value = np.array([row[1] for row in rows], np.float64)
        good = is_good(np.array([row[3] for row in rows], np.uint32))
        texts = [row[2] for row in rows] if any(row[2] is not None for row in rows) else None
        found: list[tuple[Fact, tuple[object, ...]]] = []
        for key in self._by_tag.get(tag, ()):
            judge = self._judges[key]
            found += self._turned(key, judge.take(at, as_numbers(judge.card, value, texts), good))
        if tag.endswith("/acked") and "/alarm/" in tag:
            name = tag.removesuffix("/acked")
            for time, said, _, _ in rows:
                if said == 1.0 and name in self._cards:
                    found.append((Fact(Kind.ALARM_ACKNOWLEDGED, name, time, _SERVER), (time,)))
        return found

    def _turned(self, key: tuple[str, str], turns: Sequence[Turn]) -> list[tuple[Fact, tuple[object, ...]]]:
        name, what = key
        card = self._cards[name]
        found: list[tuple[Fact, tuple[object, ...]]] = []
        for turn in turns:
            if what == "design":
                kind = Kind.ALARM_SUPPRESSED if turn.raised else Kind.ALARM_UNSUPPRESSED
                found.append((Fact(kind, name, turn.at, "design"), (turn.at, fingerprint(card))))
                continue
            kind = Kind.ALARM_RAISED if turn.raised else Kind.ALARM_CLEARED
            said: dict[str, Any] = {"value": None if np.isnan(turn.value) else turn.value}
            if turn.raised:
                said |= {"tag": card.tag, "machine": card.machine, **self._words(name, card)}
            found.append((Fact(kind, name, turn.at, "sense", said), (turn.at, fingerprint(card))))
        return found

    def _words(self, name: str, card: AlarmCard) -> dict[str, Any]:
        """Priority and message; those of a server's condition come with it."""
        if not is_condition(card.tag):
            return {"priority": card.rank, "message": card.consequence or said_of(card)}
        severity = self._told.get(f"{name}/severity", (np.nan, None))[0]
        rank = card.rank if np.isnan(severity) else 1 + sum(severity < edge for edge in _SEVERITIES)
        return {"priority": rank, "message": self._told.get(f"{name}/message", (np.nan, ""))[1] or ""}

    def _record(self, found: Sequence[tuple[Fact, tuple[object, ...]]]) -> int:
        ordered = sorted(found, key=lambda one: one[0].at)
        return self.book.write([fact for fact, _ in ordered], [key for _, key in ordered]) if ordered else 0

    def _settle(self) -> None:
        """Where journal and judges differ after a crash, the judges are right."""
        self.book.read_on()
        entries = self.book.entries(tags=self._names)
        found: list[tuple[Fact, tuple[object, ...]]] = []
        for (name, what), judge in self._judges.items():
            if what == "alarm" and judge.until > 0 and entries[name].life.active != judge.on:
                found += self._turned((name, what), [Turn(max(judge.until, entries[name].raised_at), judge.on, np.nan)])
        self._record(found)
        self.book.read_on()

    def _keep(self) -> None:
        stands = {f"{what}:{name}": [fingerprint(one.card), one.kept()] for (name, what), one in self._judges.items()}
        write_whole(self._file, json.dumps(stands, ensure_ascii=False))

    def _escalate(self, plant: Plant, now: int) -> None:
        """Put a letter for each step that is due, once; its key names alarm, raising and step."""
        if not plant.escalations:
            return
        for name, entry in self._entries.items():
            card = self._cards.get(name)
            for number, to in due_steps(plant, card, entry, now) if card is not None else ():
                key = f"alarm/{alarm_key(name)}/{entry.raised_at}/{number}"
                if key in self._done:
                    continue
                self._post().put(_letter(key, to, name, entry, plant.zone))
                fact = Fact(Kind.ALARM_ESCALATED, name, now, "sense", {"to": to, "step": number})
                self.book.write([fact], [(entry.raised_at, number)])
                self._done.add(key)

    def _post(self) -> Outbox:
        if self._outbox is None:
            self._outbox = Outbox(self._outbox_file)
        return self._outbox


def alarm_key(name: str) -> str:
    """A name that is short enough for the key of a letter."""
    import hashlib

    return name if len(name) <= 120 else hashlib.sha256(name.encode()).hexdigest()


def _letter(key: str, to: str, name: str, entry: Entry, zone: str) -> Letter:
    at: datetime = moment(entry.raised_at).astimezone(ZoneInfo(zone))
    body = {
        "alarm": name, "priority": entry.priority, "tag": entry.tag, "machine": entry.machine, "message": entry.message,
        "value": entry.value, "raised_at": at.isoformat(), "state": entry.life.state.value,
    }  # fmt: skip
    title = f"P{entry.priority} {name}: {entry.message or entry.tag} ({at:%H:%M:%S})"
    return Letter(key, "mail" if "@" in to else "webhook", to, "alarm.escalated", title, body)
