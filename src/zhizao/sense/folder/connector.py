"""The task that looks into a folder: waits until a file is written, takes it once, puts it away."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from zhizao.errors import InputError
from zhizao.sense.connection import Browsed, Finding, Sink
from zhizao.sense.folder.settings import Settings
from zhizao.sense.folder.table import Table, open_table
from zhizao.sense.rows import Rows

__all__ = ["FolderConnector"]

TAKEN = "taken.txt"
"""In `done/`: hash and name of each file that was taken, one a line."""
MAX_FILE_BYTES = 512 * 1024 * 1024


class FolderConnector:
    """One watched folder.

    Parameters
    ----------
    name : as in plant.yaml
    settings : what plant.yaml says
    now : nanoseconds since 1970
    """

    def __init__(self, name: str, settings: Settings, now: Callable[[], int] = time.time_ns) -> None:
        self.name, self._settings, self._now = name, settings, now
        self._path = Path(settings.path)
        self._seen: dict[str, tuple[int, int, float]] = {}

    async def run(self, sink: Sink) -> None:
        """Look again and again until cancelled; raises when the folder is not there."""
        await asyncio.to_thread(self._prepare)
        sink.connected(True)
        while True:
            for path in await asyncio.to_thread(self._ready):
                await self._take(path, sink)
            await asyncio.sleep(self._settings.every_s)

    def _prepare(self) -> None:
        if not self._path.is_dir():
            raise InputError("the folder is not there", where=str(self._path), fix="make it, or mend `path`")
        try:
            for name in ("done", "refused"):
                (self._path / name).mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(
                f"nothing can be written there: {error.strerror}",
                where=str(self._path),
                fix="let zhizao's user write into the folder",
                code="not_writable",
            ) from None

    def _ready(self) -> list[Path]:
        """Files that have not changed for a while, oldest first."""
        now, found, seen = time.monotonic(), [], dict[str, tuple[int, int, float]]()
        try:
            paths = [path for path in self._path.glob(self._settings.pattern) if path.is_file()]
        except OSError as error:
            raise InputError(f"the folder cannot be read: {error.strerror}", where=str(self._path)) from None
        for path in paths:
            if path.name.startswith("."):
                continue
            try:
                stat = path.stat()
            except OSError:
                continue
            before = self._seen.get(path.name)
            same = before is not None and before[:2] == (stat.st_size, stat.st_mtime_ns)
            since = before[2] if before is not None and same else now
            seen[path.name] = (stat.st_size, stat.st_mtime_ns, since)
            if now - since >= self._settings.settle_s and (same or not self._settings.settle_s):
                found.append((stat.st_mtime_ns, path.name, path))
        self._seen = seen
        return [path for *_, path in sorted(found)]

    async def _take(self, path: Path, sink: Sink) -> None:
        """Take a file: its samples are stored before it is put away, so a stop between the two loses nothing."""
        try:
            size = path.stat().st_size
            data = await asyncio.to_thread(path.read_bytes) if size <= MAX_FILE_BYTES else b""
        except OSError:
            return  # gone, or not ours yet: it is looked at again
        if size > MAX_FILE_BYTES:
            await self._refuse(path, f"the file has {size} bytes; cut it into parts", "file_too_large", sink)
            return
        digest = hashlib.sha256(data).hexdigest()
        if digest in await asyncio.to_thread(self._taken):
            await sink.take(Rows().samples(0), {"file_taken_before": 1})
            await asyncio.to_thread(self._put_away, path, "done")
            return
        try:
            table = open_table(data, self._settings.prefix or self.name, self._settings.zone, self._settings.encoding)
        except InputError as error:
            await self._refuse(path, str(error), error.fault.code, sink)
            return
        rows, more, told = Rows(), True, Counter[str]()
        while more:
            more = await asyncio.to_thread(table.read, rows, self._settings.rows)
            await sink.take(rows.samples(self._now()), dict(table.reasons - told))
            told = table.reasons.copy()
        if table.taken == 0:
            await asyncio.to_thread(self._put_away, path, "refused", table, "no row became a sample")
            return
        await asyncio.to_thread(self._note, digest, path.name)
        await asyncio.to_thread(self._put_away, path, "done", table)

    async def _refuse(self, path: Path, word: str, reason: str, sink: Sink) -> None:
        await sink.take(Rows().samples(0), {reason: 1})
        await asyncio.to_thread(self._put_away, path, "refused", None, word)

    def _taken(self) -> set[str]:
        try:
            text = (self._path / "done" / TAKEN).read_text(encoding="utf-8")
        except OSError:
            return set()
        return {line.split(" ", 1)[0] for line in text.splitlines()}

    def _note(self, digest: str, name: str) -> None:
        with (self._path / "done" / TAKEN).open("a", encoding="utf-8") as file:
            file.write(f"{digest} {name}\n")
            file.flush()
            os.fsync(file.fileno())

    def _put_away(self, path: Path, where: str, table: Table | None = None, word: str = "") -> None:
        """Move a file, with the reasons of what was not taken beside it."""
        target = self._path / where / path.name
        count = 2
        while target.exists():
            target = self._path / where / f"{path.stem}-{count}{path.suffix}"
            count += 1
        if word or (table is not None and table.refused):
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(["line", "reason", "text"])
            if word:
                writer.writerow(["", "file", word])
            if table is not None:
                writer.writerows([one.line, one.reason, one.text] for one in table.refused)
            target.with_name(f"{target.name}.reasons.txt").write_text(text.getvalue(), encoding="utf-8")
        path.replace(target)
        self._seen.pop(path.name, None)

    async def check(self) -> list[Finding]:
        """Look into the folder and read the head of each file that waits."""
        try:
            await asyncio.to_thread(self._prepare)
        except InputError as error:
            return [Finding("fault", error.fault.code, str(error), error.fault.fix)]
        waiting = [path for path in sorted(self._path.glob(self._settings.pattern)) if path.is_file()]
        found = [Finding("ok", "folder", f"{self._path}: {len(waiting)} files wait")]
        for path in waiting[:20]:
            try:
                with path.open("rb") as file:
                    head = file.read(65_536)
                # Cut at the last whole line: the rest of a character may be missing behind it.
                table = open_table(head[: head.rfind(b"\n") + 1] or head, self.name, encoding=self._settings.encoding)
            except InputError as error:
                found.append(Finding("fault", error.fault.code, f"{path.name}: {error.fault.what}", error.fault.fix))
            except OSError as error:
                found.append(Finding("fault", "not_readable", f"{path.name}: {error.strerror}", "let zhizao read it"))
            else:
                shape = "one row a sample" if table.long else f"{len(table.tags)} columns of tags"
                found.append(Finding("ok", "file", f"{path.name}: {shape}"))
        return found

    async def browse(self, below: str = "") -> list[Browsed]:
        """The files that wait."""
        return [
            Browsed(path.name, path.name, "file", leaf=False)
            for path in sorted(self._path.glob(self._settings.pattern))
            if path.is_file() and path.name.startswith(below)
        ]
