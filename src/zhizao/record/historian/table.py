"""The Delta tables: what has left the log, in open Parquet files that any engine which reads Delta can read.

One file per flush and day, sorted by tag and time; `tidy_up` joins the files of a day. Columns of `samples`:

- `tag` number of the tag, `at_ms` milliseconds since 1970 in UTC, `ns` nanoseconds after them (whole milliseconds take a
  byte where microseconds take two, and most sources tell no more)
- `whole` and `scale`: the value is whole / 10^scale, or `real` where no whole number tells it exactly
- `text` for values that are texts, `quality` an OPC UA status code (0 is good)

A flush notes the segment that it took in the table's own transaction log, so a segment is in the table or in the log and
never in both, whenever the process dies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction, RemoveAction
from numpy.typing import NDArray

from zhizao.record.historian.integers import scaled, scales, unscaled
from zhizao.record.historian.kernels import grouped, locate, sorted_runs, tidy
from zhizao.record.historian.levels import Levels
from zhizao.record.historian.segment import Rows

__all__ = ["SCHEMA", "File", "Table"]

SCHEMA = pa.schema(
    [
        ("day", pa.string()),
        ("tag", pa.int32()),
        ("at_ms", pa.int64()),
        ("ns", pa.int32()),
        ("whole", pa.int64()),
        ("scale", pa.int8()),
        ("real", pa.float64()),
        ("text", pa.string()),
        ("quality", pa.int64()),
    ]
)
"""Columns of the table `samples`; `day` is the partition and stands in the path."""

_DAY_NS = 86_400_000_000_000
_GROUP_ROWS = 32_768
_APP = "zhizao-log"
_DELTA = ("tag", "at_ms", "ns", "whole", "scale")


@dataclass(frozen=True, slots=True)
class File:
    """One Parquet file of the table.

    Parameters
    ----------
    path : below the table's folder
    day : UTC date, YYYY-MM-DD
    rows : number of rows
    low, high : first and last tag of each row group
    begin, end : first and last ns in the file
    size : bytes
    stamp : ns at which it was written: what was said later wins
    columns : those that hold anything; texts and doubles are read only where there are some
    """

    path: str
    day: str
    rows: int
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    begin: int
    end: int
    size: int
    stamp: int
    columns: tuple[str, ...]


class Table:
    """The table `samples` of a historian.

    Parameters
    ----------
    folder : where it lives; made with the first flush
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, pq.ParquetFile] = {}
        self._whole: dict[str, Rows] = {}  # the last files that were looked through whole
        self._delta: DeltaTable | None = None
        self.levels = Levels(folder.parent)
        self.files: list[File] = []
        self.reload()

    def reload(self) -> None:
        """See what others have written since."""
        if not DeltaTable.is_deltatable(str(self.folder)):
            return
        self._delta = DeltaTable(str(self.folder))
        there = {file.path: file for file in self.files}
        listed = pa.table(self._delta.get_add_actions(flatten=True)).to_pylist()
        self.files = sorted(
            (there.get(row["path"]) or self._look(row["path"]) for row in listed), key=lambda file: file.stamp
        )

    def taken(self) -> int:
        """Number of the last segment that is in the table; -1 before the first."""
        if self._delta is None:
            return -1
        version = self._delta.transaction_version(_APP)
        return -1 if version is None else int(version)

    def _look(self, path: str) -> File:
        """What has to be known of a file to read little of it; its own footer says it."""
        meta = self._parquet(path).metadata
        own = json.loads(meta.metadata[b"zhizao"])
        tags = [meta.row_group(k).column(0).statistics for k in range(meta.num_row_groups)]
        return File(
            path,
            path.split("=", 1)[1].split("/", 1)[0],
            meta.num_rows,
            np.array([one.min for one in tags], np.int32),
            np.array([one.max for one in tags], np.int32),
            own["begin"],
            own["end"],
            (self.folder / path).stat().st_size,
            own["stamp"],
            tuple(own["columns"]),
        )

    def _parquet(self, path: str) -> pq.ParquetFile:
        found = self._open.get(path)
        if found is None:
            found = self._open[path] = pq.ParquetFile(self.folder / path)
        return found

    def prepare(self, rows: Rows, words: Sequence[str], tags: int, *, stamp: int) -> list[File]:
        """Write rows into files that nobody sees yet.

        Parameters
        ----------
        rows : in the order in which they were said
        words : texts by number
        tags : how many tags there are
        stamp : ns now
        """
        order, first = grouped(rows.tag, tags)
        sorted_runs(order, first, rows.at)
        rows = rows[order]
        scale = np.repeat(scales(first, rows.value), np.diff(first))
        days = rows.at // _DAY_NS
        made: list[File] = []
        for day in np.unique(days):
            mine = np.flatnonzero(days == day) if (days != day).any() else slice(None)
            made.append(self._write(rows[mine], scale[mine], words, int(day), stamp))
        return made

    def commit(self, made: Sequence[File], *, segment: int = -1, replaces: Sequence[File] = ()) -> None:
        """Make files visible, and those whose place they take invisible, at once.

        Parameters
        ----------
        made : files that were prepared
        segment : that their rows come from; -1 when they come from `replaces`
        replaces : files whose place they take
        """
        self._commit(made, segment=segment, replaces=replaces)
        gone = {file.path for file in replaces}
        self.files = sorted(
            [file for file in self.files if file.path not in gone] + list(made), key=lambda file: file.stamp
        )
        for path in gone:
            self._open.pop(path, None)
            self._whole.pop(path, None)
        self.levels.forget(replaces)

    def complete(self, file: File) -> None:
        """Make the cells of a file that has none: it is of an older version."""
        if not self.levels.has(file.path):
            self.levels.make(file.path, self.read_files([file], {}))

    def _write(self, rows: Rows, scale: NDArray[np.int8], words: Sequence[str], day: int, stamp: int) -> File:
        name = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
        path = f"day={name}/{stamp}.parquet"
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        whole, told = scaled(rows.value, scale)
        ms, ns = np.divmod(rows.at, 1_000_000)
        text: pa.Array = pa.nulls(len(rows), pa.string())
        if (rows.word >= 0).any():
            codes = pa.array(np.maximum(rows.word, 0), mask=rows.word < 0)
            text = pa.DictionaryArray.from_arrays(codes, pa.array(list(words), pa.string())).cast(pa.string())
        table = pa.table(
            {
                "tag": rows.tag,
                "at_ms": ms,
                "ns": ns.astype(np.int32),
                "whole": pa.array(whole, mask=~told),
                "scale": scale,
                "real": pa.array(rows.value, mask=told | np.isnan(rows.value)),
                "text": text,
                "quality": rows.quality.astype(np.int64),
            },
            schema=pa.schema([field for field in SCHEMA if field.name != "day"]),
        )
        begin, end = int(rows.at.min()), int(rows.at.max())
        columns = [column for column in table.column_names if table[column].null_count < len(rows)]
        own = {"begin": begin, "end": end, "stamp": stamp, "columns": columns}
        table = table.replace_schema_metadata({"zhizao": json.dumps(own)})
        part = place.with_suffix(".part")
        pq.write_table(
            table,
            part,
            compression="zstd",
            compression_level=1,
            row_group_size=_GROUP_ROWS,
            use_dictionary=["text", "quality"],
            column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
            write_statistics=["tag", "at_ms"],
        )
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(place)
        self.levels.make(path, rows)
        return self._look(path)

    def _commit(self, made: Sequence[File], *, segment: int, replaces: Sequence[File]) -> None:
        if self._delta is None:
            self._delta = DeltaTable.create(
                str(self.folder), schema=SCHEMA, partition_by=["day"], name="samples", mode="ignore"
            )
        actions: list[AddAction | RemoveAction] = [
            AddAction(
                file.path,
                file.size,
                {"day": file.day},
                file.stamp // 1_000_000,
                not replaces,
                json.dumps(
                    {
                        "numRecords": file.rows,
                        "minValues": {"tag": int(file.low[0])},
                        "maxValues": {"tag": int(file.high[-1])},
                    }
                ),
            )
            for file in made
        ]
        actions += [
            RemoveAction(file.path, False, made[0].stamp // 1_000_000, file.size, {"day": file.day})
            for file in replaces
        ]
        told = CommitProperties(app_transactions=[Transaction(_APP, segment)] if segment >= 0 else None)
        self._delta.create_write_transaction(actions, "append", SCHEMA, ["day"], commit_properties=told)
        self._delta.update_incremental()

    def read(self, tag: int, begin: int, end: int, words: dict[str, int]) -> Rows:
        """Rows of one tag with begin <= at < end, in the order of time, what was said later of one time later.

        Parameters
        ----------
        tag : number of the tag
        begin, end : ns
        words : number of each text; new texts are added
        """
        parts = []
        for file in self.files:
            if file.end < begin or file.begin >= end:
                continue
            groups = np.flatnonzero((file.low <= tag) & (file.high >= tag)).tolist()
            if groups:
                rows = _decoded(
                    self._parquet(file.path).read_row_groups(groups, columns=list(file.columns), use_threads=False),
                    words,
                )
                left, right = np.searchsorted(rows.tag, [tag, tag + 1])
                rows = rows[left:right]
                if len(rows) and (rows.at[0] < begin or rows.at[-1] >= end):
                    left, right = np.searchsorted(rows.at, [begin, end])
                    rows = rows[left:right]
                parts.append(rows)
        return Rows.joined([part for part in parts if len(part)])

    def said(self, tag: NDArray[np.int32], at: NDArray[np.int64], words: dict[str, int]) -> Rows:
        """What was said of many tags and times, in the order in which it was said.

        Parameters
        ----------
        tag, at : pairs
        words : number of each text; new texts are added
        """
        parts = []
        begin, end = int(at.min()), int(at.max())
        for file in self.files:
            if file.end < begin or file.begin > end:
                continue
            rows = self._whole.get(file.path)
            if rows is None:
                while len(self._whole) >= 2:
                    self._whole.pop(next(iter(self._whole)))
                rows = self._whole[file.path] = self.read_files([file], words)
            parts.append(rows[locate(rows.tag, rows.at, tag, at)])
        return Rows.joined(parts)

    def read_files(self, files: Sequence[File], words: dict[str, int]) -> Rows:
        """All rows of some files, in the order in which the files were written.

        Parameters
        ----------
        files : of this table
        words : number of each text; new texts are added
        """
        return Rows.joined(
            [_decoded(self._parquet(file.path).read(columns=list(file.columns)), words) for file in files]
        )

    def between(self, begin: int, end: int, words: dict[str, int]) -> Rows:
        """Rows of all tags with begin <= at < end: of each tag in the order of time within a file, files in theirs.

        Parameters
        ----------
        begin, end : ns
        words : number of each text; new texts are added
        """
        parts = []
        for file in self.files:
            if file.end >= begin and file.begin < end:
                rows = _decoded(self._parquet(file.path).read(columns=list(file.columns)), words)
                inside = file.begin >= begin and file.end < end
                parts.append(rows if inside else rows[(rows.at >= begin) & (rows.at < end)])
        return Rows.joined([part for part in parts if len(part)])

    def joined(self, files: Sequence[File], words: Sequence[str], tags: int) -> tuple[list[File], int]:
        """Files of a day as one that nobody sees yet, of each tag and time the last said; how many rows were superseded.

        Parameters
        ----------
        files : of one day, in the order in which they were written
        words : all texts, by number
        tags : how many tags there are
        """
        rows = self.read_files(files, {word: k for k, word in enumerate(words)})
        order, first = grouped(rows.tag, tags)
        sorted_runs(order, first, rows.at)
        rows = rows[order]
        keep = np.zeros(len(rows), np.bool_)
        kept = int(tidy(rows.tag, rows.at, keep))
        # as old as the latest of them: what is being written meanwhile was said later
        return self.prepare(rows[keep], words, tags, stamp=max(file.stamp for file in files) + 1), len(rows) - kept

    def drop(self, before: str) -> int:
        """Take days before a date out of the table, and keep their cells; files that were dropped.

        Parameters
        ----------
        before : UTC date, YYYY-MM-DD
        """
        old = [file for file in self.files if file.day < before]
        if old and self._delta is not None:
            self.levels.keep(old)
            self._delta.delete(f"day < '{before}'")
            self.files = [file for file in self.files if file.day >= before]
            self.levels.forget(old)
        return len(old)

    def vacuum(self, hours: int) -> int:
        """Delete files that no version younger than so many hours needs.

        Parameters
        ----------
        hours : how long a reader may go on with an old version
        """
        if self._delta is None:
            return 0
        return len(self._delta.vacuum(hours, dry_run=False, enforce_retention_duration=False))


def _decoded(table: pa.Table, words: dict[str, int]) -> Rows:
    there = set(table.column_names)
    at = table["at_ms"].to_numpy() * 1_000_000 + table["ns"].to_numpy()
    value = np.full(table.num_rows, np.nan)
    if "whole" in there:
        whole = table["whole"]
        value = unscaled(whole.fill_null(0).to_numpy(), table["scale"].to_numpy())
        if whole.null_count:
            value[whole.is_null().to_numpy()] = np.nan
    if "real" in there:
        value[table["real"].is_valid().to_numpy()] = table["real"].drop_null().to_numpy()
    word = np.full(table.num_rows, -1, np.int32)
    if "text" in there and table["text"].null_count < table.num_rows:
        codes: Any = table["text"].combine_chunks().dictionary_encode()
        numbers = np.array([words.setdefault(one, len(words)) for one in codes.dictionary.to_pylist()], np.int32)
        known = codes.is_valid().to_numpy(zero_copy_only=False)
        word[known] = numbers[codes.indices.drop_null().to_numpy()]
    return Rows(table["tag"].to_numpy(), at, value, table["quality"].to_numpy().astype(np.uint32), word)
