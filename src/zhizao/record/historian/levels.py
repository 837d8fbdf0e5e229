"""Where the cells of each level lie, which hours they stand for, and what is kept of days whose samples are gone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zhizao.model import is_good
from zhizao.record.historian import cells
from zhizao.record.historian.cells import LEVELS, PAYS, Cells
from zhizao.record.historian.kernels import tidy
from zhizao.record.historian.segment import Rows

if TYPE_CHECKING:
    from zhizao.record.historian.table import File

__all__ = ["Levels"]

_HELD = 24
"""Files of cells that stay in memory."""


class Levels:
    """Cells of hours and minutes beside a table.

    Parameters
    ----------
    folder : of the historian
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs: dict[Path, list[tuple[int, int]] | None] = {}
        self._cells: OrderedDict[Path, Cells] = OrderedDict()
        self._unreadable: set[Path] = set()

    def of_file(self, level: str, path: str) -> Path:
        """Place of the cells of a file of the table."""
        return self.folder / level / path

    def of_day(self, level: str, day: str) -> Path:
        """Place of the cells of a day whose samples were given up."""
        return self.folder / level / "kept" / f"{day}.parquet"

    def make(self, path: str, rows: Rows) -> None:
        """Make the cells of a file.

        Parameters
        ----------
        path : of the file, below the table
        rows : of the file, in the order of tag and time
        """
        if not len(rows):
            return
        keep = np.empty(len(rows), np.bool_)
        if tidy(rows.tag, rows.at, keep) < len(rows):
            rows = rows[keep]
        first = np.searchsorted(rows.tag, np.arange(int(rows.tag[-1]) + 2))
        good = is_good(rows.quality)
        for level, span in LEVELS.items():
            found = cells.made(first, rows.at, rows.value, good, span)
            if level == "hours" or len(rows) >= PAYS * len(found):
                place = self.of_file(level, path)
                cells.write(place, found)
                self._runs.pop(place, None)
                self._cells.pop(place, None)

    def has(self, path: str) -> bool:
        """Whether a file has its cells of hours."""
        return self.runs(self.of_file("hours", path)) is not None

    def runs(self, place: Path) -> list[tuple[int, int]] | None:
        """Slots of a file of cells, as runs; None where there are none."""
        if place in self._unreadable:
            return None
        if self._runs.get(place) is None:
            self._runs[place] = cells.runs(place) if place.exists() else None
        return self._runs[place]

    def read(self, place: Path, tag: int = -1) -> Cells | None:
        """Cells of a file, of one tag or of all; None where they cannot be read."""
        found = self._cells.get(place)
        if found is not None:
            self._cells.move_to_end(place)
            return found if tag < 0 else found[np.searchsorted(found.tag, tag) : np.searchsorted(found.tag, tag + 1)]
        found = cells.read(place, tag)
        if found is None:
            self._unreadable.add(place)
        elif tag < 0:
            self._cells[place] = found
            while len(self._cells) > _HELD:
                self._cells.popitem(last=False)
        return found

    def forget(self, files: Sequence[File]) -> None:
        """Delete the cells of files that are in the table no more."""
        for file in files:
            for level in LEVELS:
                place = self.of_file(level, file.path)
                place.unlink(missing_ok=True)
                self._runs.pop(place, None)
                self._cells.pop(place, None)

    def keep(self, files: Sequence[File]) -> None:
        """Keep the cells of files whose samples are given up next; of an hour that is kept already, what is kept stays.

        Parameters
        ----------
        files : one of each day
        """
        for file in files:
            for level in LEVELS:
                place = self.of_file(level, file.path)
                if self.runs(place) is None:
                    continue
                day = self.of_day(level, file.day)
                kept, new = self.read(day) if day.exists() else None, self.read(place)
                if new is None:
                    continue
                kept = kept if kept is not None else Cells.joined([])
                cells.write(day, Cells.joined([kept, new[~np.isin(new.slot, np.unique(kept.slot))]]))
                self._runs.pop(day, None)
                self._cells.pop(day, None)

    def drop(self, level: str, before: str) -> int:
        """Give up kept cells of days before a date; how many days.

        Parameters
        ----------
        level : of `LEVELS`
        before : UTC date, YYYY-MM-DD
        """
        old = [one for one in (self.folder / level / "kept").glob("*.parquet") if one.stem < before]
        for one in old:
            one.unlink(missing_ok=True)
            self._runs.pop(one, None)
            self._cells.pop(one, None)
        return len(old)

    def kept(self, level: str) -> list[Path]:
        """Days whose samples are gone and whose cells are kept, in the order of time."""
        return sorted((self.folder / level / "kept").glob("*.parquet"))

    def found(
        self, level: str, files: Sequence[File], begin: int, end: int, log: NDArray[np.bool_], tag: int = -1
    ) -> tuple[Cells, list[tuple[int, int]]]:
        """Cells with begin <= slot < end, and the slots that have to be put together from samples, as runs (from, to).

        Parameters
        ----------
        level : of `LEVELS`
        files : of the table
        begin, end : slots
        log : of each slot, whether the log has samples in it
        tag : number of the only tag that is wanted
        """
        span = LEVELS[level]
        times = np.zeros(end - begin, np.int32)
        bare = log.copy()
        places: list[Path] = []
        old = np.zeros(end - begin, np.bool_)
        for place in self.kept(level):
            here = self.runs(place) or []
            if here and here[-1][1] >= begin and here[0][0] < end:
                places.append(place)
                _mark(old, here, begin)
        kept = len(places)
        for file in files:
            if file.end < begin * span or file.begin >= end * span:
                continue
            if tag >= 0 and not (file.low[0] <= tag <= file.high[-1]):
                continue
            place = self.of_file(level, file.path)
            runs = self.runs(place)
            if runs is None:
                _mark(bare, [(file.begin // span, file.end // span)], begin)
                continue
            mine = np.zeros(end - begin, np.bool_)
            _mark(mine, runs, begin)
            times += mine
            places.append(place)
        bare |= times > 1
        bare &= ~old
        parts = []
        for k, place in enumerate(places):
            part = self.read(place, tag)
            if part is None:  # they are derived: what they stood for is put together anew
                return self.found(level, files, begin, end, log, tag)
            inside = (part.slot >= begin) & (part.slot < end)
            inside[inside] = ~bare[part.slot[inside] - begin] & (old[part.slot[inside] - begin] == (k < kept))
            parts.append(part if inside.all() else part[inside])
        edge = np.flatnonzero(np.diff(np.concatenate([[False], bare, [False]]).astype(np.int8)))
        runs_bare = [(int(one) + begin, int(other) + begin) for one, other in edge.reshape(-1, 2)]
        return Cells.joined(parts), runs_bare


def _mark(flags: NDArray[np.bool_], runs: Sequence[tuple[int, int]], begin: int) -> None:
    for one, other in runs:
        flags[max(one - begin, 0) : max(other + 1 - begin, 0)] = True
