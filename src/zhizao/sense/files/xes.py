"""XES event logs (IEEE 1849), read as a stream: every event becomes a row, its trace's attributes with it.

The parser refuses what a log never needs: a document type, entities of its own, references to other files.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO
from xml.parsers import expat

import polars as pl

from zhizao.errors import InputError
from zhizao.sense.files.said import Said
from zhizao.sense.files.source import MAX_COLUMNS, Sheet, Source, check_unpacked

__all__ = ["read_xes"]

MANY_TEXTS = 50_000

_VALUES = frozenset({"string", "date", "int", "float", "boolean", "id"})


class _Hostile(Exception):
    """The document declares a type or entities."""


class _Events:
    """Handlers of the parser: collects columns of text, one entry per event."""

    def __init__(self) -> None:
        self.columns: dict[str, list[str | None]] = {}
        self.count = 0
        self.traces = 0
        self.is_log = False
        self._trace: dict[str, str] = {}
        self._event: dict[str, str] | None = None
        self._in_trace = False
        self._texts: dict[str, str] = {}  # one copy of what recurs: names of activities and people
        self._depth = 0  # of nested attributes below the trace or event

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "log":
            self.is_log = True
        elif tag == "trace":
            self._in_trace, self._trace = True, {}
            self.traces += 1
        elif tag == "event":
            self._event = {}
        elif tag in _VALUES:
            if self._depth == 0 and "key" in attributes:
                if self._event is not None:
                    self._event[attributes["key"]] = attributes.get("value", "")
                elif self._in_trace:
                    self._trace[attributes["key"]] = attributes.get("value", "")
            self._depth += 1
        elif tag in ("list", "container"):
            self._depth += 1

    def end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag in _VALUES or tag in ("list", "container"):
            self._depth -= 1
        elif tag == "event" and self._event is not None:
            for key, value in self._trace.items():
                self._put(f"case:{key}", value)
            for key, value in self._event.items():
                self._put(key, value)
            self.count += 1
            self._event = None
        elif tag == "trace":
            self._in_trace = False

    def _put(self, key: str, value: str) -> None:
        column = self.columns.get(key)
        if column is None:
            if len(self.columns) >= MAX_COLUMNS:
                return
            column = self.columns[key] = []
        if len(column) < self.count:
            column.extend([None] * (self.count - len(column)))
        if len(self._texts) < MANY_TEXTS:
            value = self._texts.setdefault(value, value)
        column.append(value or None)

    def frame(self) -> pl.DataFrame:
        for column in self.columns.values():
            column.extend([None] * (self.count - len(column)))
        return pl.DataFrame({key: pl.Series(key, column, dtype=pl.String) for key, column in self.columns.items()})


def read_xes(
    path: Path, where: str, *, packed: bool = False, progress: Callable[[str, float], None] | None = None
) -> Source:
    """Source with one sheet of events; trace attributes are headed `case:...`; row numbers count events.

    Parameters
    ----------
    path : .xes or .xes.gz
    where : name to show in messages
    packed : the file is gzip
    progress : told a stage and a fraction

    Raises
    ------
    InputError : when the XML is cut off, hostile or no XES, or when no event carries a time
    """
    events = _Events()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = events.start
    parser.EndElementHandler = events.end
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    size = path.stat().st_size
    read = 0
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) as unpacked:
            file: IO[bytes] = unpacked if packed else raw  # type: ignore[assignment] # GzipFile reads bytes
            while block := file.read(1 << 20):
                read += len(block)
                if packed:
                    check_unpacked(read, size, where)
                parser.Parse(block, False)
                if progress:
                    progress("read", min(raw.tell() / size, 1.0))
            parser.Parse(b"", True)
    except _Hostile as error:
        raise InputError(
            "the XML declares a document type or entities of its own, which no event log needs",
            where=f"{where}, line {parser.CurrentLineNumber}",
            fix="export the log again as plain XES",
            code="hostile_xml",
        ) from error
    except expat.ExpatError as error:
        raise InputError(
            f"the XML is cut off or damaged ({expat.ErrorString(error.code)})",
            where=f"{where}, line {error.lineno}",
            fix="copy or export the log again",
            code="bad_xml",
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            "the compressed file is cut off or damaged", where=where, fix="copy or export it again", code="broken_gzip"
        ) from error
    if not events.is_log:
        raise InputError(
            "the XML is no XES event log (no <log>)",
            where=where,
            fix="export it as XES, CSV or Excel",
            code="not_records",
        )
    if not events.count:
        raise InputError(
            "the log has no events", where=where, fix="export the records again, with data", code="no_rows"
        )
    if "time:timestamp" not in events.columns:
        raise InputError(
            f"none of the {events.count:,} events has a time (time:timestamp)",
            where=where,
            fix="export the log with timestamps",
            code="no_time",
        )
    rows = pl.int_range(1, events.count + 1, dtype=pl.Int64, eager=True).alias("row")
    note = Said(
        f"{events.count:,} events of {events.traces:,} orders; row numbers count events",
        f"{events.traces:,} 个工单的 {events.count:,} 个事件；行号为事件序号",
    )
    frame = events.frame()
    sheet = Sheet(frame, rows, None, 0, events="lifecycle:transition" in frame.columns)
    return Source((sheet,), "xes" + (".gz" if packed else ""), "utf-8", notes=(note,))


def _refuse(*_: object) -> int:
    raise _Hostile
