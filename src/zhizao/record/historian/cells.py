"""Samples put together by hour and by minute: made with each file of the table, used by figures of longer intervals.

A cell holds what the samples of one tag in one hour (or minute) say by themselves: count, sum, least, greatest, first and last
good value, and the integral from its first sample to its end. What held before its first sample is not in it, so that a cell
depends on the samples of its own hour alone; `fold` adds the rest from the cell before. A file's cells never change, as the
file does not: an hour with samples in one file is taken from its cells, an hour with samples in several files or in the log
is put together anew from the samples, by the same loop.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit
from numpy.typing import NDArray

__all__ = ["COLUMNS", "HOUR_NS", "LEVELS", "MINUTE_NS", "Cells", "fold", "made", "read", "write"]

Array = NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
LEVELS: dict[str, int] = {"hours": HOUR_NS, "minutes": MINUTE_NS}
"""Folder of each level, and how long its cells are."""
PAYS = 30
"""Samples that a cell must stand for, on average, before cells of minutes are kept: fewer are as quick to read themselves."""
COLUMNS = (
    *("count", "good", "sum", "min", "max", "body", "held_ns", "bad_ns", "first", "last"),
    *("begins", "end_value", "end_good"),
)
"""Of a cell: `body`, `held_ns` and `bad_ns` from its first sample on, which comes `begins` ns after its beginning;
`end_value` and `end_good` of its last sample."""
_GROUP = 4096


def _compiled(function: F) -> F:
    compiler: Callable[[F], F] = njit(cache=True, nogil=True)
    return compiler(function)


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells in the order of tag and time.

    Parameters
    ----------
    tag : number of the tag of each
    slot : which hour or minute since 1970
    data : cells x `COLUMNS`
    """

    tag: NDArray[np.int32]
    slot: NDArray[np.int64]
    data: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.tag)

    def __getitem__(self, which: Any) -> Cells:
        """Some of them."""
        return Cells(self.tag[which], self.slot[which], self.data[which])

    @classmethod
    def joined(cls, parts: list[Cells]) -> Cells:
        """Cells of several files, in the order of tag and time."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return cls(np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, len(COLUMNS))))
        tag, slot = np.concatenate([one.tag for one in parts]), np.concatenate([one.slot for one in parts])
        data = np.concatenate([one.data for one in parts])
        order = np.lexsort((slot, tag))
        if len(parts) == 1 or (np.diff(order) == 1).all():
            return cls(tag, slot, data)
        return cls(tag[order], slot[order], data[order])

    def runs(self) -> list[tuple[int, int]]:
        """Slots that have a cell of any tag, as runs from, to (included)."""
        there = np.unique(self.slot)
        if not len(there):
            return []
        cut = np.flatnonzero(np.diff(there) > 1)
        return list(
            zip(there[np.append(0, cut + 1)].tolist(), there[np.append(cut, len(there) - 1)].tolist(), strict=True)
        )


@_compiled
def _count(first: Array, at: Array, span: int) -> int:
    found = 0
    for tag in range(len(first) - 1):
        for i in range(first[tag], first[tag + 1]):
            found += i == first[tag] or at[i] // span != at[i - 1] // span
    return found


@_compiled
def _fill(
    first: Array, at: Array, value: Array, good: Array, span: int, end: int, tags: Array, slots: Array, out: Array
) -> None:
    n = 0
    for tag in range(len(first) - 1):
        i, last = first[tag], first[tag + 1]
        while i < last:
            slot = at[i] // span
            stop = min((slot + 1) * span, end)
            cell = out[n]
            cell[:] = 0.0
            cell[3], cell[4], cell[8], cell[9] = np.nan, np.nan, np.nan, np.nan
            cell[10] = at[i] - slot * span
            tags[n], slots[n] = tag, slot
            while i < last and at[i] < stop:
                until = at[i + 1] if i + 1 < last and at[i + 1] < stop else stop
                one = value[i]
                cell[0] += 1
                if good[i] and not np.isnan(one):
                    if cell[1] == 0:
                        cell[3], cell[4], cell[8] = one, one, one
                    cell[1] += 1
                    cell[2] += one
                    cell[3], cell[4], cell[9] = min(cell[3], one), max(cell[4], one), one
                    cell[5] += one * (until - at[i])
                    cell[6] += until - at[i]
                elif not good[i]:
                    cell[7] += until - at[i]
                cell[11], cell[12] = one, good[i]
                i += 1
            n += 1


@_compiled
def _fold(
    first: Array,
    slot: Array,
    data: Array,
    edges: Array,
    span: int,
    held: Array,
    held_good: Array,
    there: Array,
    out: Array,
) -> None:
    for tag in range(len(first) - 1):
        value, good, known = held[tag], held_good[tag], there[tag]
        i, last = first[tag], first[tag + 1]
        for k in range(len(edges) - 1):
            o = out[tag, k]
            o[:] = 0.0
            o[3], o[4], o[7], o[8], o[9] = np.nan, np.nan, np.nan, np.nan, np.nan
            now = edges[k]
            while now < edges[k + 1]:
                one = now // span
                stop = min((one + 1) * span, edges[k + 1])
                mine = i < last and slot[i] == one
                until = now + np.int64(data[i, 10]) if mine else stop
                head = 0.0
                if known and good and not np.isnan(value):
                    head = value * (until - now)
                    o[6] += until - now
                elif known and not good:
                    o[10] += until - now
                if mine:
                    cell = data[i]
                    o[0] += cell[0]
                    if cell[1] > 0:
                        if o[1] == 0:
                            o[3], o[4], o[7] = cell[3], cell[4], cell[8]
                        o[3], o[4], o[8] = min(o[3], cell[3]), max(o[4], cell[4]), cell[9]
                    o[1] += cell[1]
                    o[2] += cell[2]
                    o[5] += head + cell[5]
                    o[6] += cell[6]
                    o[10] += cell[7]
                    value, good, known = cell[11], cell[12] > 0, True
                    i += 1
                else:
                    o[5] += head
                now = stop


def made(
    first: NDArray[np.int64],
    at: NDArray[np.int64],
    value: NDArray[np.float64],
    good: NDArray[np.bool_],
    span: int,
    end: int = 2**62,
) -> Cells:
    """Cells of samples.

    Parameters
    ----------
    first : first row of each tag, and the number of rows at the end
    at, value, good : samples in the order of tag and time, one of each time
    span : ns of a cell
    end : ns; a cell that would go on after it ends there, and there are no samples from it on
    """
    count = _count(first, at, span)
    cells = Cells(np.empty(count, np.int32), np.empty(count, np.int64), np.empty((count, len(COLUMNS))))
    _fill(first, at, value, good, span, end, cells.tag, cells.slot, cells.data)
    return cells


def fold(
    cells: Cells,
    tags: int,
    edges: NDArray[np.int64],
    span: int,
    held: NDArray[np.float64],
    good: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Figures of each tag in each interval, as `kernels.weigh` finds them of samples.

    Parameters
    ----------
    cells : from the first edge on
    tags : how many there are
    edges : ns, rising; all but the last are whole multiples of `span`
    span : ns of a cell
    held, good, known : of each tag, what held at the first edge, whether it was good, and whether there was anything

    Returns
    -------
    array
        tags x intervals x `kernels.FIGURES`.
    """
    out = np.empty((tags, len(edges) - 1, 11))
    first = np.searchsorted(cells.tag, np.arange(tags + 1))
    _fold(first, cells.slot, cells.data, edges, span, held, good, known, out)
    return out


def write(place: Path, cells: Cells) -> None:
    """Write cells beside the file that they were made of; whole or not at all.

    Parameters
    ----------
    place : file
    cells : to write
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {"tag": cells.tag, "slot": cells.slot}
    whole = {"count", "good", "begins"}
    for k, name in enumerate(COLUMNS):
        columns[name] = cells.data[:, k].astype(np.int64) if name in whole else np.ascontiguousarray(cells.data[:, k])
    table = pa.table(columns).replace_schema_metadata({"zhizao": json.dumps({"runs": cells.runs()})})
    part = place.with_suffix(".part")
    pq.write_table(
        table, part, compression="zstd", compression_level=1, row_group_size=_GROUP, use_dictionary=False,
        column_encoding=dict.fromkeys(("tag", "slot", "count", "good", "begins"), "DELTA_BINARY_PACKED"),
        write_statistics=["tag", "slot"],
    )  # fmt: skip
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(place)


def read(place: Path, tag: int = -1) -> Cells | None:
    """Cells of a file; None where there are none, or they cannot be read: they are derived, the samples are not.

    Parameters
    ----------
    place : file
    tag : number of the only tag that is wanted
    """
    with suppress(OSError, pa.ArrowException, KeyError, ValueError), pq.ParquetFile(place) as file:
        if tag < 0:
            table = file.read()
        else:
            groups = [
                k
                for k in range(file.num_row_groups)
                if file.metadata.row_group(k).column(0).statistics.min <= tag
                and file.metadata.row_group(k).column(0).statistics.max >= tag
            ]
            if not groups:
                return Cells.joined([])
            table = file.read_row_groups(groups)
        data = np.empty((table.num_rows, len(COLUMNS)))
        for k, name in enumerate(COLUMNS):
            data[:, k] = table[name].to_numpy()
        cells = Cells(table["tag"].to_numpy(), table["slot"].to_numpy(), data)
        return cells if tag < 0 else cells[cells.tag == tag]
    return None


def runs(place: Path) -> list[tuple[int, int]] | None:
    """Slots that the cells of a file stand for; None as for `read`.

    Parameters
    ----------
    place : file
    """
    with suppress(OSError, pa.ArrowException, KeyError, ValueError):
        found = json.loads(pq.read_metadata(place).metadata[b"zhizao"])["runs"]
        return [(int(one), int(other)) for one, other in found]
    return None
