"""Which samples of a batch only say again what is the last word of their tag and time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from zhizao.record.historian.segment import Rows

__all__ = ["repeated"]


def repeated(rows: Rows, old: NDArray[np.bool_], there: Iterable[Rows]) -> NDArray[np.bool_]:
    """Rows that are told again with the same value and quality.

    Parameters
    ----------
    rows : of a batch, in the order in which they were said
    old : which of them are not later than all before them of their tag; only these can be repeats
    there : what was said before of the times of the old ones, in the order in which it was said
    """
    said: dict[tuple[int, int], tuple[float, int, int]] = {}
    for part in there:
        said.update(zip(_keys(part), _contents(part), strict=True))
    twice = np.zeros(len(rows), np.bool_)
    for i, (key, one, again) in enumerate(zip(_keys(rows), _contents(rows), old.tolist(), strict=True)):
        if again and key in said and _same(said[key], one):
            twice[i] = True
        else:
            said[key] = one
    return twice


def _keys(rows: Rows) -> Iterator[tuple[int, int]]:
    return zip(rows.tag.tolist(), rows.at.tolist(), strict=True)


def _contents(rows: Rows) -> Iterator[tuple[float, int, int]]:
    return zip(rows.value.tolist(), rows.quality.tolist(), rows.word.tolist(), strict=True)


def _same(one: tuple[float, int, int], other: tuple[float, int, int]) -> bool:
    """Whether value, quality and text are the same; one nan is as good as another."""
    return one == other or (one[0] != one[0] and other[0] != other[0] and one[1:] == other[1:])
