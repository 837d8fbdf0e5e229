"""The desk: what pages and API ask of a workspace, worked out once for each state of the journal.

Every figure is kept under the hash of the journal's last event, so that a page paints at once while nothing new has
come in, and nothing old is shown when something has. The work log is also kept as a file beside the journal, since
reading a million events back takes longer than a person waits.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import polars as pl

from zhizao.errors import InputError
from zhizao.model import WORKLOG_SCHEMA, Plant, WorkLog

if TYPE_CHECKING:
    from zhizao.app.jobs import Job, Jobs
    from zhizao.record import Journal, Workspace
    from zhizao.record.store import Store

__all__ = ["TASKS", "Desk", "Period"]

T = TypeVar("T")
KEPT = 96

TASKS = {
    "import": "zhizao.app.tasks:import_file",
    "sample": "zhizao.app.tasks:open_sample",
    "twin": "zhizao.app.tasks:fit_twin",
    "pilot": "zhizao.app.tasks:run_pilot",
    "verify": "zhizao.app.tasks:verify",
    "evaluation": "zhizao.app.tasks:print_evaluation",
    "panel": "zhizao.app.tasks:design_panel",
    "warnings": "zhizao.app.warnings_desk:find_warnings",
}
"""Kinds of long work and the functions that do them."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days that are looked at, in the plant's zone; None = from the first, to the last record.

    Parameters
    ----------
    first_day, last_day : both are in it
    start, end : the same as moments, `end` just after the last day
    """

    first_day: date | None = None
    last_day: date | None = None
    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def of(cls, first: str, last: str, zone: str) -> Period:
        """From the words in an address.

        Raises
        ------
        InputError : when a day cannot be read, or the last is before the first

        Examples
        --------
        >>> Period.of("2025-01-06", "2025-01-06", "Asia/Shanghai").end.isoformat()
        '2025-01-06T16:00:00+00:00'
        """
        tz = ZoneInfo(zone)
        days = [_day(first, "from"), _day(last, "to")]
        if days[0] and days[1] and days[1] < days[0]:
            raise InputError(
                f"the period ends on {last}, before it starts on {first}", fix="swap the days", code="empty_period"
            )
        start = datetime.combine(days[0], time(), tz).astimezone(UTC) if days[0] else None
        end = datetime.combine(days[1] + timedelta(days=1), time(), tz).astimezone(UTC) if days[1] else None
        return cls(days[0], days[1], start, end)

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.start is None and self.end is None

    @property
    def key(self) -> tuple[str, str]:
        """Name of the period in the cache."""
        return (str(self.first_day or ""), str(self.last_day or ""))

    def cut(self, frame: pl.DataFrame, by: str = "end") -> pl.DataFrame:
        """Rows whose `by` lies in the period."""
        if self.start is not None:
            frame = frame.filter(pl.col(by) >= self.start)
        if self.end is not None:
            frame = frame.filter(pl.col(by) < self.end)
        return frame

    def touching(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of work that overlap the period."""
        if self.start is not None:
            frame = frame.filter(pl.coalesce("end", "start") >= self.start)
        if self.end is not None:
            frame = frame.filter(pl.col("start") < self.end)
        return frame


def _day(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f'"{text[:40]}" is not a day', where=name, fix="write it as 2025-02-28", code="bad_day"
        ) from error


class Desk:
    """A workspace as pages and API see it; safe to use from several threads.

    Parameters
    ----------
    path : folder of the workspace, made when absent
    lang : language for those who ask for none
    """

    def __init__(self, path: Path, lang: str = "") -> None:
        import zhizao
        from zhizao.app.jobs import Jobs
        from zhizao.record import Workspace
        from zhizao.record.store import open_store
        from zhizao.record.workspace import FACTS

        self.path = path
        self.lang = lang
        self.version = zhizao.__version__
        self._workspace: Workspace = Workspace.open(path)
        self._store: Store = open_store(path / FACTS)
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._locks: dict[tuple[Any, ...], threading.Lock] = {}
        self._guard = threading.Lock()
        self._plant: tuple[float, Plant] = (-1.0, self._workspace.plant)
        self.jobs: Jobs = Jobs(path, TASKS)
        (path / "cache").mkdir(exist_ok=True)

    def close(self) -> None:
        """Let go of the database."""
        self.jobs.close()
        self._workspace.close()
        self._store.close()

    # ------------------------------------------------------------------- plant

    @property
    def plant(self) -> Plant:
        """The plant as declared now; read again when its file changes."""
        from zhizao.record import read_plant
        from zhizao.record.workspace import PLANT

        file = self.path / PLANT
        try:
            stamp = file.stat().st_mtime
        except OSError:
            stamp = 0.0
        if stamp != self._plant[0]:
            self._plant = (stamp, read_plant(file) if stamp else Plant())
        return self._plant[1]

    @property
    def name(self) -> str:
        """Name of the plant."""
        return self.plant.name

    @property
    def zone(self) -> str:
        """Its IANA zone."""
        return self.plant.zone

    @property
    def tz(self) -> ZoneInfo:
        """Its zone."""
        return ZoneInfo(self.zone)

    @property
    def journal(self) -> Journal:
        """The facts."""
        return self._workspace.journal

    @property
    def store(self) -> Store:
        """The database, for looking at single events."""
        return self._store

    # ------------------------------------------------------------------- cache

    def head(self) -> str:
        """Short name of the journal's state: changes with each new fact, and with the plant's declaration."""
        from sqlalchemy import select

        from zhizao.record.schema import head

        with self._store.reading() as connection:
            row = connection.execute(select(head.c.sequence, head.c.hash, head.c.imports)).one()
        mark = hashlib.sha256(row.hash + self.plant.model_dump_json().encode()).hexdigest()[:12]
        return f"{row.sequence}-{row.imports}-{mark}"

    def once(self, name: str, work: Callable[[], T], *more: Any) -> T:
        """What some work finds, done once for each state of the journal."""
        key = (self.head(), name, *more)
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                found: T = self._kept[key]
                return found
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            with self._guard:
                if key in self._kept:
                    kept: T = self._kept[key]
                    return kept
            made = work()
            with self._guard:
                self._kept[key] = made
                self._locks.pop(key, None)
                for old in [one for one in self._kept if one[0] != key[0]]:
                    del self._kept[old]  # of an earlier state of the journal
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return made

    def has(self, name: str, *more: Any) -> bool:
        """Whether something has been worked out for the present state."""
        return (self.head(), name, *more) in self._kept

    # ----------------------------------------------------------------- records

    def log(self) -> WorkLog:
        """All work as it is known now."""
        return self.once("log", self._read_log)

    def _read_log(self) -> WorkLog:
        file = self.path / "cache" / f"log-{self.head()}.parquet"
        zone = self.zone
        if file.exists():
            with contextlib.suppress(OSError, pl.exceptions.PolarsError, InputError):
                return WorkLog(pl.read_parquet(file).select(list(WORKLOG_SCHEMA)), zone)
        log = self.journal.worklog(zone=zone)
        if log.frame.height > 20_000:
            with contextlib.suppress(OSError):
                for old in file.parent.glob("log-*.parquet"):
                    old.unlink()
                part = file.with_suffix(".part")
                log.frame.write_parquet(part, compression="lz4")
                part.replace(file)
        return log

    def has_records(self) -> bool:
        """Whether there is any work to look at."""
        return not self.head().startswith("0-") and self.log().frame.height > 0

    def span(self) -> tuple[datetime, datetime]:
        """First start and last end in the records."""
        frame = self.log().frame
        first, last = frame["start"].min(), frame.select(pl.coalesce("end", "start").max()).item()
        if not isinstance(first, datetime) or not isinstance(last, datetime):
            raise InputError("there are no records", fix="import some", code="no_records")
        return first, last

    # -------------------------------------------------------------------- jobs

    def latest(self, kind: str) -> Job | None:
        """The newest finished job of a kind."""
        return next((job for job in self.jobs.list(kind) if job.state == "done"), None)

    def promise(self) -> dict[str, Any] | None:
        """What the newest pilot found; None when there is none."""
        job = self.latest("pilot")
        if job is None:
            return None
        found = self.jobs.result(job.id)["result"]
        return found if isinstance(found, dict) else None

    def stale(self, job: str) -> bool:
        """Whether facts came in since a job was asked for."""
        return str(self.jobs.get(job).asked.get("head", "")) != self.head()

    def rows_in(self, period: Period) -> int:
        """Reports of work in a period."""
        return period.touching(self.log().frame).height
