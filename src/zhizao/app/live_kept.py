"""Samples of machines kept in memory as states need them: read once, then only what comes is added.

It answers as the historian does. What comes late, and whatever else does not simply follow, is read anew for its tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zhizao.account.states import gaps
from zhizao.app.live_signals import silences

if TYPE_CHECKING:
    from zhizao.account.calendar import Intervals
    from zhizao.record.historian import Historian, Rows

__all__ = ["Kept"]

_EVER = np.iinfo(np.int64).max
_NEVER = np.iinfo(np.int64).min


@dataclass(slots=True)
class _Quiet:
    """Silences that are over, of one set of tags from one time on, and when it was last heard."""

    begin: int
    limit: int
    off: list[int]
    on: list[int]
    last: int


class Kept:
    """Samples of some tags, in memory.

    Parameters
    ----------
    historian : where they are read once, and read again when they come late
    """

    def __init__(self, historian: Historian) -> None:
        self._historian = historian
        self._rows: dict[str, tuple[int, Rows]] = {}
        self._before: dict[tuple[str, int], Rows] = {}
        self._quiet: dict[tuple[str, ...], _Quiet] = {}
        self.read = 0
        """Times that the historian was asked."""

    def rows(self, tag: str, begin: int, end: int) -> Rows:
        """Samples of a tag with begin <= at < end, in the order of time."""
        kept = self._rows.get(tag)
        if kept is None or kept[0] > begin:
            self.read += 1
            kept = self._rows[tag] = (begin, self._historian.rows(tag, begin, _EVER))
        first, last = np.searchsorted(kept[1].at, [begin, end])
        return kept[1][first:last]

    def before(self, tag: str, at: int) -> Rows:
        """The last sample of a tag before a time; none when there is none."""
        kept = self._rows.get(tag)
        if kept is not None and kept[0] < at:
            upto = int(np.searchsorted(kept[1].at, at))
            if upto:
                return kept[1][upto - 1 : upto]
        found = self._before.get((tag, at))
        if found is None:
            self.read += 1
            found = self._before[tag, at] = self._historian.before(tag, at)
        return found

    def text(self, word: int) -> str | None:
        """A word by its number."""
        return self._historian.text(word)

    def silences(self, tags: Sequence[str], limit_ns: int, begin: int, end: int) -> Intervals:
        """Times in which none of some tags told anything for longer than a limit; see `live_signals.silences`."""
        key = tuple(tags)
        quiet = self._quiet.get(key)
        if quiet is None or (quiet.begin, quiet.limit) != (begin, limit_ns):
            found = [self._historian.rows(name, begin, _EVER).at for name in tags]
            found += [self._historian.before(name, begin).at for name in tags]
            self.read += 1
            heard = np.unique(np.concatenate(found))
            if not len(heard):
                return silences(self, tags, limit_ns, begin, end)
            off, on = gaps(heard, limit_ns, begin, max(int(heard[-1]), begin))
            quiet = self._quiet[key] = _Quiet(begin, limit_ns, off.tolist(), on.tolist(), int(heard[-1]))
        off_, on_ = list(quiet.off), list(quiet.on)
        if end > quiet.last + limit_ns:
            off_.append(quiet.last + limit_ns)
            on_.append(end)
        pairs = [(a, b) for a, b in zip(off_, on_, strict=True) if a < end]
        return (
            np.array([a for a, _ in pairs], np.int64),
            np.array([min(b, end) for _, b in pairs], np.int64),
        )

    def add(self, names: Sequence[str], rows: Rows) -> set[str]:
        """Add what came, in the order in which it was stored; names of its tags.

        Parameters
        ----------
        names : of all tags by number
        rows : what came
        """
        if not len(rows):
            return set()
        order = np.argsort(rows.tag, kind="stable")
        mine = rows[order]
        edges = np.flatnonzero(np.diff(mine.tag)) + 1
        touched = set()
        for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(mine)], strict=True):
            tag = names[mine.tag[first]]
            touched.add(tag)
            self._extend(tag, mine[first:last])
        for tags, quiet in list(self._quiet.items()):
            numbers = [number for number, name in enumerate(names) if name in set(tags)] if len(touched) else []
            heard = rows.at[np.isin(rows.tag, numbers)]
            if len(heard) and not _heard(quiet, np.unique(heard)):
                del self._quiet[tags]
        return touched

    def _extend(self, tag: str, new: Rows) -> None:
        for key in [key for key in self._before if key[0] == tag and int(new.at.min()) < key[1]]:
            del self._before[key]
        kept = self._rows.get(tag)
        if kept is None:
            return
        last = int(kept[1].at[-1]) if len(kept[1]) else _NEVER
        if int(new.at[0]) > max(last, kept[0] - 1) and bool((np.diff(new.at) > 0).all()):
            self._rows[tag] = (kept[0], type(new).joined([kept[1], new]))
        else:
            del self._rows[tag]

    def forget(self, before: int, tags: Iterable[str]) -> None:
        """Let go of what nobody needs any more: a shift has ended.

        Parameters
        ----------
        before : nanoseconds
        tags : those that are still needed
        """
        wanted = set(tags)
        for tag in list(self._rows):
            if tag not in wanted or self._rows[tag][0] < before:
                del self._rows[tag]
        self._before.clear()
        self._quiet.clear()


def _heard(quiet: _Quiet, at: NDArray[np.int64]) -> bool:
    """Note at what times something was heard; False where that changes a silence that was over."""
    late = at[at <= quiet.last]
    for one in late.tolist():
        if one >= quiet.begin and any(a - quiet.limit <= one <= b for a, b in zip(quiet.off, quiet.on, strict=True)):
            return False
    new = at[at > quiet.last]
    marks = np.concatenate(([quiet.last], new))
    for k in np.flatnonzero(np.diff(marks) > quiet.limit).tolist():
        quiet.off.append(int(marks[k]) + quiet.limit)
        quiet.on.append(int(marks[k + 1]))
    quiet.last = int(marks[-1])
    return True
