"""The historian: every sample kept, found again, and weighed by the time it held."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.model import Samples, Taken
from zhizao.record.historian import reading
from zhizao.record.historian.gate import hold, no_tag, refused_rows
from zhizao.record.historian.kernels import admit, between, grouped, sorted_runs, tidy
from zhizao.record.historian.ledger import Line, frame_of
from zhizao.record.historian.repeats import repeated
from zhizao.record.historian.segment import Rows, Segment, read_segment
from zhizao.record.historian.table import Table
from zhizao.record.historian.tail import Tail

__all__ = ["FLUSH_ROWS", "Historian"]

FLUSH_ROWS = 2_000_000
"""Rows after which a segment of the log goes into the table."""
_MOST_FROZEN = 2
"""Segments that may wait in memory for a table that cannot be written."""


class Historian:
    """Samples of one plant in a folder; one process writes, others read.

    Parameters
    ----------
    folder : made when it is absent
    write : whether this process stores samples; without it, what others store is seen with `refresh`
    sync : whether a commit waits for the disk; only without it may power loss take what was acknowledged
    flush_rows : rows after which a segment of the log goes into the table

    Raises
    ------
    InputError : another process writes here, or the folder cannot be used
    """

    def __init__(self, folder: Path, *, write: bool = True, sync: bool = True, flush_rows: int = FLUSH_ROWS) -> None:
        self.folder = folder
        self._sync, self._flush_rows, self._write = sync, flush_rows, write
        self._lock = threading.RLock()
        self._held: int | None = None
        self._flusher: threading.Thread | None = None
        self._failed: Exception | None = None
        if write:
            folder.mkdir(parents=True, exist_ok=True)
            self._held = hold(folder)
        self._seen, self._read = ("", 0), 0
        if write:
            self._forget()
            self._load()
        else:
            self._reload()

    def _forget(self) -> None:
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._words: list[str] = []
        self._word_numbers: dict[str, int] = {}
        self._lines: dict[str, Line] = {}
        self._last_at = np.full(1024, np.iinfo(np.int64).min, np.int64)
        self._last = _lasts(1024)
        self._tail = Tail(1024)
        self._frozen: list[tuple[int, Tail]] = []
        self._number = 0

    def _load(self) -> None:
        self.table = Table(self.folder / "samples")
        taken = self.table.taken()
        paths = sorted(self.folder.glob("log/*.seg"))
        if self._write and not paths:
            (self.folder / "log").mkdir(exist_ok=True)
            self._start(0)
            return
        rows: list[Rows] = []
        for path in paths:
            number = int(path.stem)
            self._read = 0
            for k, (self._read, record) in enumerate(read_segment(path)):
                if k == 0 and "snapshot" in record.head and (number > taken or path == paths[-1]):
                    if not rows:
                        self._restore(record.head["snapshot"], record.rows)
                elif number > taken:
                    self._replay(record.head, record.rows)
                    rows.append(record.rows)
            if number > taken and path != paths[-1]:
                self._frozen.append((number, Tail.holding(rows)))
                rows = []
            self._number = number
        if paths:
            self._tail = Tail.holding(rows, self._flush_rows if self._write else 0)
        if self._write:
            self._segment = Segment(paths[-1], sync=self._sync)
            if not self._segment.size:
                self._segment.append(self._snapshot(), self._last_rows())
            for path in paths[:-1]:
                if int(path.stem) <= taken:
                    path.unlink()
            if self._frozen:
                self._flush_soon()

    def _start(self, number: int) -> None:
        path = self.folder / "log" / f"{number:09d}.seg"
        segment = Segment(path, sync=self._sync)
        try:
            segment.append(self._snapshot(), self._last_rows())
        except InputError:
            segment.close()
            path.unlink()
            raise
        self._number, self._segment, self._tail = number, segment, Tail(self._flush_rows)

    def _snapshot(self) -> dict[str, Any]:
        lines = {source: line.said() for source, line in self._lines.items()}
        return {"snapshot": {"tags": self._names, "words": self._words, "ledger": lines}}

    def _last_rows(self) -> Rows:
        known = np.flatnonzero(self._last_at[: len(self._names)] > np.iinfo(np.int64).min).astype(np.int32)
        return Rows(known, self._last_at[known], *(column[known] for column in self._last))

    def _restore(self, snapshot: Mapping[str, Any], last: Rows) -> None:
        for name in snapshot["tags"]:
            self._tag(name)
        self._words = list(snapshot["words"])
        self._word_numbers = {word: k for k, word in enumerate(self._words)}
        self._lines = {source: Line(**line) for source, line in snapshot["ledger"].items()}
        self._note_last(last)

    def _replay(self, head: Mapping[str, Any], rows: Rows) -> None:
        for name in head.get("tags", ()):
            self._tag(name)
        for word in head.get("words", ()):
            self._word(word)
        for part in head["parts"]:
            line = self._lines.setdefault(part["source"], Line())
            line.add(part["received"], part["stored"], part["duplicate"], part["rejected"], part["late"])
            line.last_at, line.skew_ns = part["last_at"], part["skew_ns"]
        self._note_last(rows)

    def _note_last(self, rows: Rows) -> None:
        """Last values of rows; of one tag, a later row that is not older wins."""
        for begin in range(0, len(rows), 1_000_000):
            part = rows[begin : begin + 1_000_000]
            order = np.lexsort((np.arange(len(part)), part.at, part.tag))
            part = part[order[np.append(np.diff(part.tag[order]) != 0, True)]]
            part = part[part.at >= self._last_at[part.tag]]
            self._last_at[part.tag] = part.at
            for column, new in zip(self._last, (part.value, part.quality, part.word), strict=True):
                column[part.tag] = new

    def _tag(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
            if number >= len(self._last_at):
                size = 2 * len(self._last_at)
                self._last_at = np.append(self._last_at, np.full(size // 2, np.iinfo(np.int64).min, np.int64))
                self._last = tuple(np.append(a, b) for a, b in zip(self._last, _lasts(size // 2), strict=True))
        return number

    def _word(self, word: str) -> int:
        number = self._word_numbers.setdefault(word, len(self._words))
        if number == len(self._words):
            self._words.append(word)
        return number

    @property
    def tags(self) -> list[str]:
        """Names of all tags, in the order in which they first came."""
        return list(self._names)

    def number(self, tag: str) -> int:
        """Number of a tag.

        Raises
        ------
        InputError : there is no such tag; the nearest names are told
        """
        found = self._numbers.get(tag)
        if found is None:
            raise no_tag(tag, self._names, str(self.folder))
        return found

    def append(self, batches: Sequence[tuple[str, Samples, Mapping[str, int]]]) -> list[Taken]:
        """Store batches of sources in one commit; they are on the disk when this returns.

        A sample is known by tag and time. Said again with the same value and quality it is a duplicate; with another
        value it is stored as well and counts from then on. Samples without a name, or more than a day ahead of our
        clock, are refused and counted.

        Parameters
        ----------
        batches : name of the source, its samples, and what it refused itself, counted by reason

        Raises
        ------
        InputError : the disk is full or does not write; nothing of the commit is stored and the account is unchanged
        """
        with self._lock:
            if self._failed is not None and len(self._frozen) > _MOST_FROZEN:
                self._flush()  # memory is at its bound: once more, or whoever stores is told
                if self._failed is not None:
                    raise self._failed
            tags, words = len(self._names), len(self._words)
            done: list[Taken] = []
            parts: list[dict[str, Any]] = []
            kept: list[Rows] = []
            undo: list[tuple[NDArray[np.int32], NDArray[np.int64]]] = []
            try:
                for source, samples, refused in batches:
                    rows, part = self._admitted(source, samples, refused, kept, undo)
                    kept.append(rows)
                    parts.append(part)
                    done.append(Taken(part["stored"], part["duplicate"], part["rejected"]))
                rows = Rows.joined(kept)
                head: dict[str, Any] = {"parts": parts}
                if len(self._names) > tags:
                    head["tags"] = self._names[tags:]
                if len(self._words) > words:
                    head["words"] = self._words[words:]
                self._segment.append(head, rows)
            except BaseException:
                for numbers, before in reversed(undo):
                    self._last_at[numbers[::-1]] = before[::-1]
                for name in self._names[tags:]:
                    del self._numbers[name]
                del self._names[tags:]
                for word in self._words[words:]:
                    del self._word_numbers[word]
                del self._words[words:]
                raise
            for part in parts:
                line = self._lines.setdefault(part["source"], Line())
                line.add(part["received"], part["stored"], part["duplicate"], part["rejected"], part["late"])
                line.last_at, line.skew_ns = part["last_at"], part["skew_ns"]
            newest = rows.at >= self._last_at[rows.tag] if len(rows) else np.zeros(0, bool)
            mine = rows[newest]
            for column, new in zip(self._last, (mine.value, mine.quality, mine.word), strict=True):
                column[mine.tag] = new
            self._tail.append(rows)
            full = self._tail.count >= self._flush_rows
        if full:
            with suppress(InputError):  # no room for a new segment: this one goes on, and the batch is stored
                self._rotate()
        return done

    def _admitted(
        self,
        source: str,
        samples: Samples,
        refused: Mapping[str, int],
        before: Sequence[Rows],
        undo: list[tuple[NDArray[np.int32], NDArray[np.int64]]],
    ) -> tuple[Rows, dict[str, Any]]:
        """Rows to store of a batch, and its part of the account."""
        rejected = dict(refused)
        received = len(samples) + sum(rejected.values())
        numbers = self._numbers
        try:
            tag = np.array([numbers[name] for name in samples.tag], np.int32)
        except KeyError:
            tag = np.array([self._tag(name) if name else 0 for name in samples.tag], np.int32)
        word = np.full(len(samples), -1, np.int32)
        if samples.text is not None:
            word[:] = [-1 if text is None else self._word(text) for text in samples.text]
        rows = Rows(tag, samples.at, samples.value, samples.quality, word)
        came = samples.received
        bad = refused_rows(samples, rejected)
        if bad is not None:
            rows, came = rows[~bad], came[~bad]
        previous, fresh = np.empty(len(rows), np.int64), np.empty(len(rows), np.bool_)
        late = admit(rows.tag, rows.at, self._last_at, previous, fresh)
        undo.append((rows.tag, previous))
        duplicate = 0
        if late:
            old = ~fresh
            twice = self._there(rows, old, before)
            duplicate, late = int(twice.sum()), int((old & ~twice).sum())
            rows = rows[~twice]
        line = self._lines.get(source)
        skew = line.skew_ns if line is not None else 0.0
        known = came > 0
        if len(samples) and known.any():
            mid = float(np.median(samples.received[samples.received > 0] - samples.at[samples.received > 0]))
            skew = mid if line is None or not line.received else skew + 0.1 * (mid - skew)
        last_at = max(line.last_at if line is not None else 0, int(rows.at.max()) if len(rows) else 0)
        return rows, {
            "source": source,
            "received": received,
            "stored": len(rows),
            "duplicate": duplicate,
            "rejected": rejected,
            "late": late,
            "last_at": last_at,
            "skew_ns": skew,
        }

    def _there(self, rows: Rows, old: NDArray[np.bool_], before: Sequence[Rows]) -> NDArray[np.bool_]:
        """Which of the rows that are not later than all before them say again what is the last word of their time."""
        late = rows[old]
        there = [self.table.said(late.tag, late.at, self._word_numbers)]
        self._words.extend(list(self._word_numbers)[len(self._words) :])
        begin, end = int(late.at.min()), int(late.at.max())
        held = (*(tail.rows() for tail in self.tails()), *before)
        return repeated(rows, old, there + [part[between(part.at, begin, end)] for part in held])

    # -- the table -----------------------------------------------------------------------------------------------------

    def _rotate(self) -> None:
        """Begin a new segment and put the one before it into the table, behind."""
        if self._flusher is not None:
            self._flusher.join()  # the table is slower than what comes: whoever stores waits
        with self._lock:
            if not self._tail.count:
                return
            frozen, number, segment = self._tail, self._number, self._segment
            self._start(number + 1)
            self._frozen.append((number, frozen))
            segment.close()
        self._flush_soon()

    def _flush_soon(self) -> None:
        self._flusher = threading.Thread(target=self._flush, name="historian-flush", daemon=True)
        self._flusher.start()

    def _flush(self) -> None:
        self._failed = None
        try:
            while self._frozen:
                number, frozen = self._frozen[0]
                made = self.table.prepare(frozen.rows(), list(self._words), len(self._names), stamp=time.time_ns())
                with self._lock:
                    self.table.commit(made, segment=number)
                    self._frozen.pop(0)
                with suppress(FileNotFoundError):
                    (self.folder / "log" / f"{number:09d}.seg").unlink()
        except Exception as error:  # noqa: BLE001 the log holds all of it; the next flush tries again
            self._failed = error

    def flush(self) -> None:
        """Put all that is in the log into the table."""
        self._rotate()
        if self._flusher:
            self._flusher.join()
        if self._failed:
            raise self._failed

    def tidy_up(self, *, before: str | None = None) -> int:
        """Join the files of each day, of each time keep what was said last; superseded rows that went.

        Parameters
        ----------
        before : only days before this UTC date, YYYY-MM-DD; all when absent
        """
        gone = 0
        for day in sorted({file.day for file in self.table.files}):
            with self._lock:
                files = [file for file in self.table.files if file.day == day]
                words, tags = list(self._words), len(self._names)
            if len(files) > 1 and (before is None or day < before):
                made, superseded = self.table.joined(files, words, tags)  # samples are stored meanwhile
                with self._lock:
                    self.table.commit(made, replaces=files)
                gone += superseded
            elif len(files) == 1:
                self.table.complete(files[0])
        return gone

    def retain(self, since: str) -> int:
        """Give up the samples of days before a date, keep their hours and minutes; files that were dropped.

        Parameters
        ----------
        since : first UTC date that is kept, YYYY-MM-DD
        """
        self.tidy_up(before=since)
        with self._lock:
            return self.table.drop(since)

    def vacuum(self, hours: int = 1) -> int:
        """Delete files that only versions of the table older than so many hours need; how many."""
        with self._lock:
            return self.table.vacuum(hours)

    # -- asking --------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """See what another process has stored since; for a historian that only reads."""
        if self._write:
            return
        with self._lock:
            stamp = self._stamp()
            if stamp == self._seen:  # the same segment, only longer
                for end, record in read_segment(self.folder / stamp[0], self._read):
                    self._read = end
                    self._replay(record.head, record.rows)
                    self._tail.append(record.rows)
            else:
                self._reload()

    def _stamp(self) -> tuple[str, int]:
        """Name of the last segment, and how many versions the table has had."""
        last = max((f"log/{one.name}" for one in self.folder.glob("log/*.seg")), default="")
        return last, sum(1 for _ in self.folder.glob("samples/_delta_log/*.json"))

    def _reload(self) -> None:
        """All of it; once more when the writer moved a segment into the table meanwhile."""
        for _ in range(5):
            self._seen = self._stamp()
            self._forget()
            with suppress(FileNotFoundError):
                self._load()
                if self._stamp() == self._seen:
                    return

    def tails(self) -> list[Tail]:
        """What the log holds, in the order in which it was said."""
        return [*(tail for _, tail in self._frozen), self._tail]

    def _stored(self, tag: int, begin: int, end: int) -> Rows:
        parts = [self.table.read(tag, begin, end, self._word_numbers)]
        self._words.extend(list(self._word_numbers)[len(self._words) :])
        return Rows.joined(
            [part for part in (*parts, *(tail.of(tag, begin, end) for tail in self.tails())) if len(part)]
        )

    def rows(self, tag: str, begin: int, end: int) -> Rows:
        """Samples of a tag with begin <= at < end, one of each time, in the order of time.

        Parameters
        ----------
        tag : name
        begin, end : ns since 1970 in UTC
        """
        with self._lock:
            rows = self._stored(self.number(tag), begin, end)
        if len(rows) > 1:
            if (np.diff(rows.at) < 0).any():
                rows = rows[np.argsort(rows.at, kind="stable")]
            keep = np.empty(len(rows), np.bool_)
            if tidy(rows.tag, rows.at, keep) < len(rows):
                rows = rows[keep]
        return rows

    def before(self, tag: str, at: int) -> Rows:
        """The last sample of a tag before a time; none when there is none.

        Parameters
        ----------
        tag : name
        at : ns
        """
        return reading.before(self, tag, at, self._begins(self.number(tag)))

    def _begins(self, number: int) -> list[int]:
        """Where the files begin that may hold samples of a tag."""
        with self._lock:
            return [file.begin for file in self.table.files if file.low[0] <= number <= file.high[-1]]

    def earliest(self) -> int:
        """Time of the earliest sample of any tag, ns; the end of time when there is none."""
        with self._lock:
            tails = [tail.rows().at for tail in self.tails() if tail.count]
            begins = [file.begin for file in self.table.files] + [int(at.min()) for at in tails]
        return min(begins, default=int(np.iinfo(np.int64).max))

    def text(self, word: int) -> str | None:
        """Text of a number in `Rows.word`."""
        return None if word < 0 else self._words[word]

    def range(self, tag: str, begin: int, end: int) -> pl.DataFrame:
        """Samples of a tag as a table: `reading.RANGE_SCHEMA`.

        Parameters
        ----------
        tag : name
        begin, end : ns, begin <= at < end
        """
        return reading.frame(self.rows(tag, begin, end), self._words)

    def last(self, tags: Sequence[str] | None = None) -> pl.DataFrame:
        """Last sample of each tag: `reading.RANGE_SCHEMA` with `tag` before it.

        Parameters
        ----------
        tags : names; all when absent
        """
        with self._lock:
            which = range(len(self._names)) if tags is None else [self.number(tag) for tag in tags]
            numbers = np.array(which, np.int32)
            numbers = numbers[self._last_at[numbers] > np.iinfo(np.int64).min]
            rows = Rows(numbers, self._last_at[numbers], *(column[numbers] for column in self._last))
            return reading.frame(rows, self._words, [self._names[number] for number in numbers.tolist()])

    def figures(self, tag: str, begin: int, end: int, every: int | None = None, *, stale: int = 0) -> pl.DataFrame:
        """Figures of a tag in each interval: `reading.FIGURES_SCHEMA`.

        Parameters
        ----------
        tag : name
        begin, end : ns
        every : ns; one interval when absent
        stale : ns after which a value without a further sample holds no more; 0 for never
        """
        return reading.figures(self, tag, begin, end, every, stale=stale)

    def figures_of_all(self, begin: int, end: int, every: int | None = None, *, stale: int = 0) -> pl.DataFrame:
        """Figures of every tag in each interval: `reading.FIGURES_SCHEMA` with `tag` before it; as `figures`, in one pass.

        Parameters
        ----------
        begin, end, every, stale : as in `figures`
        """
        return reading.figures_of_all(self, begin, end, every, stale=stale)

    def all_rows(self, begin: int, end: int) -> tuple[Rows, NDArray[np.int64]]:
        """Samples of all tags with begin <= at < end, one of each time; first row of each tag, and their number.

        Parameters
        ----------
        begin, end : ns
        """
        with self._lock:
            parts = [self.table.between(begin, end, self._word_numbers)]
            self._words.extend(list(self._word_numbers)[len(self._words) :])
            for tail in self.tails():
                part = tail.rows()
                parts.append(part[between(part.at, begin, end - 1)])
            tags = len(self._names)
        rows = Rows.joined([part for part in parts if len(part)])
        order, first = grouped(rows.tag, tags)
        sorted_runs(order, first, rows.at)
        if (np.diff(order) != 1).any():
            rows = rows[order]
        keep = np.empty(len(rows), np.bool_)
        if tidy(rows.tag, rows.at, keep) < len(rows):
            rows = rows[keep]
            first = np.searchsorted(rows.tag, np.arange(tags + 1))
        return rows, first

    def states(self, tag: str, begin: int, end: int, *, stale: int = 0) -> pl.DataFrame:
        """How long a tag held each of its values: `reading.STATES_SCHEMA`.

        Parameters
        ----------
        tag : name
        begin, end : ns
        stale : ns after which a value without a further sample holds no more; 0 for never
        """
        return reading.states(self, tag, begin, end, stale=stale)

    def value_at(self, tag: str, at: int, *, linear: bool = False) -> float | str | None:
        """Value of a tag at a time; None where it was bad or not known.

        Parameters
        ----------
        tag : name
        at : ns
        linear : between two good samples on the line between them; else the sample before
        """
        return reading.value_at(self, tag, at, linear=linear)

    def ledger(self) -> pl.DataFrame:
        """The loss account, one line per source: `ledger.LEDGER_SCHEMA`."""
        with self._lock:
            return frame_of(self._lines)

    def close(self) -> None:
        """Finish what is under way and give up the folder; the log keeps what is not yet in the table."""
        if self._flusher is not None:
            self._flusher.join()
        if self._write:
            self._segment.close()
        if self._held is not None:
            os.close(self._held)
        self._held = None

    def __enter__(self) -> Historian:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lasts(size: int) -> tuple[NDArray[Any], ...]:
    return np.full(size, np.nan), np.zeros(size, np.uint32), np.full(size, -1, np.int32)
