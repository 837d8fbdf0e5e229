"""The outbox: what is to be told outward, kept in the workspace until it was taken.

Whoever has something to tell puts a letter with a key that names what happened (`alarm/17/raised/2`). The same key again
changes nothing, so that a process which was stopped in between may put everything once more. A letter is claimed by one
process at a time, tried again after a while that grows, and given up after some days. A receiver may still see a letter
twice, when the process ends between its answer and our note of it: the key is sent along, so that it can tell.

    outbox = Outbox(workspace / OUTBOX)
    outbox.put(Letter(key="alarm/17/raised", channel="mail", to="shift@example.org", kind="alarm.raised",
                      title="Spindle hot", body={"alarm": 17}))
    outbox.deliver(senders(plant))
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from zhizao.clock import now
from zhizao.errors import InputError

__all__ = ["OUTBOX", "WAITS_S", "Courier", "Kept", "Letter", "Outbox", "Outcome", "Send", "State"]

OUTBOX = "outbox.db"
"""File in the workspace."""
WAITS_S = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 3 * 3600.0, 6 * 3600.0, 12 * 3600.0, 24 * 3600.0)
"""Seconds before a letter is tried again: after the first failure, the second ... after the last it is given up."""
LEASE_S = 300.0
"""Seconds for which a letter that is being sent belongs to who sends it; afterwards another may."""
LARGEST = 256 << 10
"""Bytes that the body of a letter may have."""
KEEP_S = 30 * 86400.0
"""Seconds for which letters that were taken or given up are kept to be looked at, and their keys are known."""

State = Literal["waiting", "sent", "failed"]

_TABLE = """
create table if not exists letter (
  id integer primary key, key text not null unique, channel text not null, receiver text not null, kind text not null,
  title text not null, body text not null, made_at real not null, state text not null default 'waiting',
  tries integer not null default 0, due_at real not null, held_by text not null default '',
  held_until real not null default 0, done_at real, word text not null default '');
create index if not exists letter_due on letter (state, due_at);
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to be told, once.

    Parameters
    ----------
    key : names what happened and to whom it is told; the same key is never sent a second time
    channel : `webhook` or `mail`
    to : name of a webhook in plant.yaml, or a mail address
    kind : what happened, dotted: `source.lost`
    title : one line for people
    body : what programs read; must be JSON
    """

    key: str
    channel: Literal["webhook", "mail"]
    to: str
    kind: str
    title: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """A letter as the outbox keeps it.

    Parameters
    ----------
    id : number in the outbox
    letter : what is told
    made_at : seconds since 1970 at which it was put
    state : waiting, sent, or failed for good
    tries : how often it was tried
    due_at : when it is tried next
    done_at : when it was taken or given up
    word : what the last try brought
    """

    id: int
    letter: Letter
    made_at: float
    state: State
    tries: int
    due_at: float
    done_at: float | None
    word: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try to send brought.

    Parameters
    ----------
    ok : it was taken
    word : the answer, in short
    for_good : trying again would not help
    after_s : the receiver asked to wait so long
    """

    ok: bool
    word: str = ""
    for_good: bool = False
    after_s: float | None = None


Send = Callable[[Kept], Outcome]
"""Sends one letter; raises nothing for what a receiver or a network does."""


class Outbox:
    """Letters of a workspace; safe to use from several threads and processes.

    Parameters
    ----------
    path : file, made when it is absent, readable by its owner only

    Raises
    ------
    InputError : the file cannot be used

    Examples
    --------
    >>> import tempfile
    >>> outbox = Outbox(Path(tempfile.mkdtemp()) / OUTBOX)
    >>> letter = Letter("a/1", "webhook", "board", "source.lost", "Mill 3 is silent")
    >>> outbox.put(letter), outbox.put(letter)
    (True, False)
    >>> outbox.deliver({"webhook": lambda kept: Outcome(True, "200")})
    1
    >>> outbox.letters()[0].state
    'sent'
    >>> outbox.close()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._mine = f"{os.getpid()}-{os.urandom(6).hex()}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
            self._db.row_factory = sqlite3.Row
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")
            self._db.executescript(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"the outbox cannot be used: {error}",
                where=str(path),
                fix="make room on the disk, or mend the rights of the file",
                code="bad_outbox",
            ) from error

    def close(self) -> None:
        """Give up the file; letters stay."""
        with self._lock:
            self._db.close()

    def put(self, letter: Letter, *, at: float | None = None) -> bool:
        """Keep a letter until it is taken; on the disk when this returns.

        Parameters
        ----------
        letter : to be sent
        at : seconds since 1970; now by default

        Returns
        -------
        bool
            False where a letter with this key is or was there: nothing is sent again.

        Raises
        ------
        InputError : it is no JSON, too large, or cannot be kept
        """
        return self.put_all([letter], at=at) == 1

    def put_all(self, letters: Sequence[Letter], *, at: float | None = None) -> int:
        """Keep letters, all or none; how many were new.

        Parameters
        ----------
        letters : to be sent
        at : seconds since 1970; now by default

        Raises
        ------
        InputError : as `put`
        """
        made = _now() if at is None else at
        rows = [_row(one, made) for one in letters]
        try:
            with self._lock:
                self._db.execute("begin immediate")
                try:
                    new = 0
                    for row in rows:
                        new += self._db.execute(
                            "insert or ignore into letter (key, channel, receiver, kind, title, body, made_at, due_at)"
                            " values (?,?,?,?,?,?,?,?)",
                            row,
                        ).rowcount
                    self._db.execute("commit")
                except BaseException:
                    self._db.execute("rollback")
                    raise
                return new
        except sqlite3.Error as error:
            raise InputError(
                f"the outbox cannot be written: {error}",
                where=str(self.path),
                fix="make room on the disk",
                code="bad_outbox",
            ) from error

    def claim(self, most: int = 50, *, at: float | None = None) -> list[Kept]:
        """Letters that are due and belong to nobody else now; they belong to this process for a while.

        Parameters
        ----------
        most : letters
        at : seconds since 1970; now by default
        """
        time = _now() if at is None else at
        with self._lock:
            rows = self._db.execute(
                "update letter set held_by = ?, held_until = ? where id in (select id from letter where "
                "state = 'waiting' and due_at <= ? and held_until <= ? order by due_at, id limit ?) returning *",
                (self._mine, time + LEASE_S, time, time, most),
            ).fetchall()
        return sorted((_kept(row) for row in rows), key=lambda one: one.id)

    def note(self, kept: Kept, outcome: Outcome, *, at: float | None = None) -> None:
        """Note what a try brought.

        Parameters
        ----------
        kept : as claimed
        outcome : of the try
        at : seconds since 1970; now by default
        """
        time = _now() if at is None else at
        tries = kept.tries + 1
        over = outcome.for_good or tries > len(WAITS_S)
        state = "sent" if outcome.ok else "failed" if over else "waiting"
        wait = 0.0 if state != "waiting" else spread(kept.letter.key, tries, outcome.after_s)
        with self._lock:
            self._db.execute(
                "update letter set state = ?, tries = ?, due_at = ?, done_at = ?, word = ?, held_by = '', held_until = 0 "
                "where id = ? and held_by = ?",
                (
                    state,
                    tries,
                    time + wait,
                    None if state == "waiting" else time,
                    outcome.word[:300],
                    kept.id,
                    self._mine,
                ),
            )

    def deliver(self, senders: Mapping[str, Send], *, at: float | None = None, most: int = 50) -> int:
        """Send what is due; how many letters were taken.

        Parameters
        ----------
        senders : by channel, as `zhizao.app.senders.senders` makes them; a letter without one waits
        at : seconds since 1970; now by default
        most : letters tried in one go
        """
        taken = 0
        for kept in self.claim(most, at=at):
            send = senders.get(kept.letter.channel)
            try:
                outcome = Outcome(False, f"nobody sends by {kept.letter.channel}") if send is None else send(kept)
            except Exception as error:  # noqa: BLE001 one letter must not stop the others
                outcome = Outcome(False, f"{type(error).__name__}: {error}")
            self.note(kept, outcome, at=at)
            taken += outcome.ok
        return taken

    def again(self, number: int, *, at: float | None = None) -> bool:
        """Try a letter that was given up, or waits, at once; False where there is no such letter, or it was taken.

        Parameters
        ----------
        number : in the outbox
        at : seconds since 1970; now by default
        """
        with self._lock:
            found = self._db.execute(
                "update letter set state = 'waiting', tries = 0, due_at = ?, done_at = null where id = ? and state != 'sent'",
                (_now() if at is None else at, number),
            )
        return found.rowcount == 1

    def letters(self, state: State | None = None, most: int = 200) -> list[Kept]:
        """Letters, newest first.

        Parameters
        ----------
        state : only those
        most : letters
        """
        which = "where state = ? " if state else ""
        with self._lock:
            rows = self._db.execute(
                f"select * from letter {which}order by id desc limit ?", (state, most) if state else (most,)
            ).fetchall()
        return [_kept(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Letters by state."""
        with self._lock:
            rows = self._db.execute("select state, count(*) from letter group by state").fetchall()
        return {"waiting": 0, "sent": 0, "failed": 0} | {row[0]: row[1] for row in rows}

    def forget(self, *, at: float | None = None) -> int:
        """Let go of letters that were taken or given up long ago; how many.

        Parameters
        ----------
        at : seconds since 1970; now by default
        """
        before = (_now() if at is None else at) - KEEP_S
        with self._lock:
            return self._db.execute("delete from letter where done_at is not null and done_at < ?", (before,)).rowcount


def spread(key: str, tries: int, asked_s: float | None = None) -> float:
    """Seconds to wait after so many failures, spread by up to a fifth so that letters do not come all at once.

    Parameters
    ----------
    key : of the letter
    tries : failures so far, from 1
    asked_s : what the receiver asked for; at most a day of it is heeded

    Examples
    --------
    >>> 4 <= spread("a", 1) <= 6, 24 <= spread("a", 2) <= 36, spread("a", 1, 3600) >= 3600
    (True, True, True)
    """
    wait = WAITS_S[min(tries, len(WAITS_S)) - 1]
    share = int.from_bytes(hashlib.sha256(f"{key}/{tries}".encode()).digest()[:4], "big") / 2**32
    return max(wait * (0.8 + 0.4 * share), min(asked_s or 0.0, 86400.0))


class Courier:
    """Sends what is due, in a thread, until it is stopped.

    Parameters
    ----------
    outbox : whose letters
    senders : gives the senders at each look, so that changed settings count at once
    every_s : seconds between two looks
    """

    def __init__(self, outbox: Outbox, senders: Callable[[], Mapping[str, Send]], *, every_s: float = 2.0) -> None:
        self._outbox, self._senders, self._every_s = outbox, senders, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, wait_s: float = 5.0) -> None:
        """End after the letter that is being sent.

        Parameters
        ----------
        wait_s : seconds to wait for that
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(wait_s)

    def _run(self) -> None:
        looks = 0
        while not self._stop.wait(self._every_s):
            with suppress(sqlite3.Error, InputError):  # a full disk or a faulty plant.yaml: the letters wait
                self._outbox.deliver(self._senders())
                looks += 1
                if looks % 1000 == 1:
                    self._outbox.forget()


def _row(letter: Letter, made: float) -> tuple[Any, ...]:
    try:
        body = json.dumps(dict(letter.body), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"the body is no JSON: {error}", where=letter.key, code="bad_letter") from error
    if not letter.key or len(letter.key) > 300 or len(body.encode("utf-8", "replace")) > LARGEST:
        raise InputError(
            f"a letter has a key of 1 to 300 characters and a body of at most {LARGEST >> 10} KiB",
            where=letter.key[:80],
            fix="send an address to look at instead",
            code="bad_letter",
        )
    title = " ".join(letter.title.split())[:300]
    return letter.key, letter.channel, letter.to, letter.kind, title, body, made, made


def _kept(row: sqlite3.Row) -> Kept:
    letter = Letter(row["key"], row["channel"], row["receiver"], row["kind"], row["title"], json.loads(row["body"]))
    return Kept(
        row["id"], letter, row["made_at"], row["state"], row["tries"], row["due_at"], row["done_at"], row["word"]
    )


def _now() -> float:
    return now().timestamp()
