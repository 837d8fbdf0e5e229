"""What is in the log and not yet in the table, in memory: a block that grows to its size and is then handed on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zhizao.record.historian.segment import Rows

__all__ = ["Tail"]


class Tail:
    """Rows of the segment that is being written.

    Parameters
    ----------
    rows : how many it is to take; one commit more than that fits too
    """

    def __init__(self, rows: int) -> None:
        self._block = _empty(max(rows, 1))
        self.count = 0

    @classmethod
    def holding(cls, parts: Sequence[Rows], room: int = 0) -> Tail:
        """A tail that holds some rows and has room for more."""
        tail = cls(max(room, sum(len(part) for part in parts)))
        for part in parts:
            tail.append(part)
        return tail

    def append(self, rows: Rows) -> None:
        """Add rows; the block grows when they do not fit."""
        end = self.count + len(rows)
        if end > len(self._block):
            larger = _empty(max(end, 2 * len(self._block)))
            _copy(larger, self.rows(), 0)
            self._block = larger
        _copy(self._block, rows, self.count)
        self.count = end

    def rows(self) -> Rows:
        """All rows, without a copy; later ones do not change what was handed out."""
        return self._block[: self.count]

    def of(self, tag: int, begin: int, end: int) -> Rows:
        """Rows of one tag with begin <= at < end, in the order of time, what was said later of one time later.

        Parameters
        ----------
        tag : number of the tag
        begin, end : ns
        """
        mine = self.rows()[np.flatnonzero(self._block.tag[: self.count] == tag)]
        mine = mine[(mine.at >= begin) & (mine.at < end)]
        return mine if (np.diff(mine.at) >= 0).all() else mine[np.argsort(mine.at, kind="stable")]


def _empty(rows: int) -> Rows:
    return Rows(
        np.empty(rows, np.int32),
        np.empty(rows, np.int64),
        np.empty(rows, np.float64),
        np.empty(rows, np.uint32),
        np.empty(rows, np.int32),
    )


def _copy(block: Rows, rows: Rows, begin: int) -> None:
    end = begin + len(rows)
    block.tag[begin:end] = rows.tag
    block.at[begin:end] = rows.at
    block.value[begin:end] = rows.value
    block.quality[begin:end] = rows.quality
    block.word[begin:end] = rows.word
