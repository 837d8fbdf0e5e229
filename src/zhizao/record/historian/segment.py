"""The append log: every commit one record with a checksum, on the disk before anybody is told that it is stored.

A segment is a file of records. Each record: magic, kind, length, CRC-32 of what follows, then a JSON head with its length
before it, then arrays. A record that is cut off or damaged ends the segment: what stands before it is whole. Values stay
here until they are in the table; the next segment begins with a snapshot of what must outlive this one.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import InputError

__all__ = ["Record", "Rows", "Segment", "read_segment"]

_MAGIC = b"ZHS1"
_RECORD = struct.Struct("<4sIII")  # magic, length, checksum, length of the head
_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a commit, all of one length.

    Parameters
    ----------
    tag : int32, number of the tag
    at : int64, ns
    value : float64
    quality : uint32
    word : int32, number of the text, -1 for none
    """

    tag: NDArray[np.int32]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint32]
    word: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.tag)

    def __getitem__(self, which: Any) -> Rows:
        """Some of the rows."""
        return Rows(self.tag[which], self.at[which], self.value[which], self.quality[which], self.word[which])

    @classmethod
    def none(cls) -> Rows:
        """No rows."""
        columns: list[NDArray[Any]] = [np.zeros(0, kind) for kind in _KINDS]
        return cls(*columns)

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """Rows of several, one after the other."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.none()
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _NAMES))


_NAMES = ("tag", "at", "value", "quality", "word")
_KINDS = (np.int32, np.int64, np.float64, np.uint32, np.int32)


@dataclass(frozen=True, slots=True)
class Record:
    """One commit as read back.

    Parameters
    ----------
    head : what was said beside the rows
    rows : the rows
    """

    head: dict[str, Any]
    rows: Rows


class Segment:
    """A segment that is being written.

    Parameters
    ----------
    path : file; what stands in it already is kept, a damaged end is cut off
    sync : False leaves it to the system when it reaches the disk (not durable)
    """

    def __init__(self, path: Path, *, sync: bool = True) -> None:
        self.path = path
        self._sync = sync
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self.size = 0
        for end, _ in read_segment(path):
            self.size = end
        os.ftruncate(self._file, self.size)
        os.lseek(self._file, self.size, os.SEEK_SET)

    def append(self, head: dict[str, Any], rows: Rows) -> None:
        """Write a commit; after this it is on the disk, or nothing of it is.

        Raises
        ------
        InputError : the disk is full or does not write; the commit is not stored
        """
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
        parts = [text]
        if len(rows):
            parts += [np.ascontiguousarray(getattr(rows, name)).tobytes() for name in _NAMES]
        body = b"".join(parts)
        whole = _RECORD.pack(_MAGIC, len(body), zlib.crc32(body), len(text)) + body
        try:
            written = 0
            view = memoryview(whole)
            while written < len(whole):
                written += os.write(self._file, view[written:])
            if self._sync:
                os.fdatasync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise InputError(
                f"the samples are not stored: {error.strerror}",
                where=str(self.path),
                fix="make room; sources wait and send again",
                code="disk_full" if error.errno == 28 else "disk_error",
            ) from error
        self.size += len(whole)

    def close(self) -> None:
        """Give up the file."""
        os.close(self._file)


def read_segment(path: Path, begin: int = 0) -> Iterator[tuple[int, Record]]:
    """Commits of a segment, each with the byte where it ends, in order, up to the first that is not whole.

    Parameters
    ----------
    path : file of a segment
    begin : byte at which a commit begins
    """
    place = begin
    with path.open("rb") as file:
        file.seek(begin)
        size = os.fstat(file.fileno()).st_size
        while True:
            raw = file.read(_RECORD.size)
            if len(raw) < _RECORD.size:
                return
            magic, length, checksum, head = _RECORD.unpack(raw)
            if magic != _MAGIC or length > min(_LIMIT, size - place - _RECORD.size) or head > length:
                return
            body = file.read(length)
            if len(body) < length or zlib.crc32(body) != checksum:
                return
            place += _RECORD.size + length
            yield place, Record(json.loads(body[:head]), _rows(memoryview(body)[head:]))


def _rows(raw: memoryview) -> Rows:
    count = len(raw) // sum(np.dtype(kind).itemsize for kind in _KINDS)
    columns: list[NDArray[Any]] = []
    place = 0
    for kind in _KINDS:
        columns.append(np.frombuffer(raw, kind, count, place))
        place += count * np.dtype(kind).itemsize
    return Rows(*columns)
