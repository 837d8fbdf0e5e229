"""CSV files of samples: one row a sample (time, tag, value, quality), or one column a tag."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from zhizao.errors import InputError
from zhizao.model.signal import BAD, GOOD, UNCERTAIN
from zhizao.sense.mtconnect.instant import nanoseconds
from zhizao.sense.mtconnect.told import clean, number
from zhizao.sense.rows import Rows

__all__ = ["Refusal", "Table", "open_table"]

WORDS = {
    "time": ("time", "timestamp", "datetime", "date", "ts", "zeit", "zeitstempel", "时间", "时间戳", "日期时间"),
    "tag": ("tag", "tagname", "name", "signal", "point", "messstelle", "点位", "标签", "测点", "位号"),
    "value": ("value", "val", "wert", "reading", "值", "数值", "测量值"),
    "quality": ("quality", "status", "qualität", "质量", "质量码"),
}
"""Headings by what they mean."""

MAX_CELL = 65_536
MAX_REFUSALS = 10_000
"""Refusals of a file that are kept with their line; the others are counted."""
_ZONED = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)\s*\Z")
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A cell or row that did not become a sample."""

    line: int
    reason: str
    text: str


@dataclass(slots=True)
class Table:
    """A CSV file that is being read.

    Parameters
    ----------
    long : one row a sample, else one column a tag
    columns : place of time, tag, value and quality; of a wide file only of time
    tags : place and tag of each column of a wide file
    taken : samples that were read
    refused : what did not become a sample, the first ones
    reasons : all of that, counted by reason
    """

    prefix: str
    zone: ZoneInfo
    long: bool
    columns: dict[str, int]
    tags: dict[int, str]
    comma: bool
    lines: Iterator[list[str]]
    taken: int = 0
    refused: list[Refusal] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    line: int = 1

    def read(self, rows: Rows, most: int) -> bool:
        """Read up to `most` rows; False when the file is at its end."""
        for _ in range(most):
            try:
                cells = next(self.lines)
            except StopIteration:
                return False
            except csv.Error as error:
                self.line += 1
                self._refuse("bad_row", str(error))
                continue
            self.line += 1
            if not any(cell.strip() for cell in cells):
                continue
            before = len(rows)
            self._row(cells, rows)
            self.taken += len(rows) - before
        return True

    def _row(self, cells: Sequence[str], rows: Rows) -> None:
        stamp = self._cell(cells, "time")
        at = _time(stamp, self.zone)
        if at is None:
            self._refuse("bad_time", stamp)
            return
        if not self.long:
            for place, tag in self.tags.items():
                if place < len(cells) and cells[place].strip():
                    self._sample(tag, at, cells[place].strip(), GOOD, rows)
            return
        name = self._cell(cells, "tag")
        if not name:
            self._refuse("no_tag", "")
            return
        quality = _quality(self._cell(cells, "quality")) if "quality" in self.columns else GOOD
        if quality is None:
            self._refuse("bad_quality", self._cell(cells, "quality"))
            return
        self._sample(f"{self.prefix}/{clean(name)}", at, self._cell(cells, "value"), quality, rows)

    def _cell(self, cells: Sequence[str], column: str) -> str:
        place = self.columns[column]
        return cells[place].strip() if place < len(cells) else ""

    def _sample(self, tag: str, at: int, text: str, quality: int, rows: Rows) -> None:
        if not text:
            rows.absent(tag, at, quality | BAD)
            return
        value = number(text.replace(",", ".") if self.comma else text)
        value = _TRUTH.get(text.lower()) if value is None else value
        if value is not None:
            rows.number(tag, at, value, quality)
        elif len(text) > MAX_CELL:
            self._refuse("text_too_long", text[:80])
        else:
            rows.text(tag, at, text, quality)

    def _refuse(self, reason: str, text: str) -> None:
        self.reasons[reason] += 1
        if len(self.refused) < MAX_REFUSALS:
            self.refused.append(Refusal(self.line, reason, text[:200]))


def open_table(data: bytes, prefix: str, zone: str = "UTC", encoding: str = "utf-8") -> Table:
    """Recognise a file by its first line.

    Parameters
    ----------
    data : the whole file
    prefix : before each tag
    zone : of times that name none
    encoding : of the file, unless it begins with a byte order mark

    Raises
    ------
    InputError : it is empty, is not text, or has no column of times

    Examples
    --------
    >>> table, rows = open_table(b"time,tag,value\\n2024-01-01T00:00:00Z,load,1.5\\n", "mill"), Rows()
    >>> table.read(rows, 10), table.long, rows.samples(0).tag
    (False, True, ['mill/load'])
    """
    text = _text(data, encoding)
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=lambda one: (head.count(one), one == ","))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = [cell.strip() for cell in next(lines)]
    except (StopIteration, csv.Error):
        raise InputError("the file is empty", fix="put a heading into its first line", code="empty_file") from None
    columns: dict[str, int] = {}
    for place, name in enumerate(names):
        for meaning, words in WORDS.items():
            if name.lower().strip("\ufeff\"' ") in words:
                columns.setdefault(meaning, place)
    if "time" not in columns:
        raise InputError(
            f"no column of times among {', '.join(names[:8])[:200]}",
            fix='call it "time"; then either "tag" and "value", or a column for each tag',
            code="no_time_column",
        )
    long = "tag" in columns and "value" in columns
    tags = {} if long else {
        place: f"{prefix}/{clean(name)}" for place, name in enumerate(names) if name and place != columns["time"]
    }  # fmt: skip
    if not long and not tags:
        raise InputError("no column of values", fix='add "tag" and "value", or a column for each tag', code="no_values")
    if len(set(tags.values())) < len(tags):
        raise InputError("two columns have the same name", fix="name each column once", code="double_column")
    return Table(prefix, ZoneInfo(zone), long, columns, tags, delimiter != ",", lines)


def _text(data: bytes, encoding: str) -> str:
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            encoding = name
    try:
        text = data.decode(encoding)
    except UnicodeError:
        raise InputError(
            f"the file is not written in {encoding}", fix="set `encoding`, such as gb18030", code="bad_encoding"
        ) from None
    if "\0" in text:
        raise InputError("the file is not text", fix="save it as CSV", code="not_text")
    return text


def _time(text: str, zone: ZoneInfo) -> int | None:
    value = number(text)
    if value is not None:
        # Seconds, milli-, micro- or nanoseconds since 1970, by their size; years 1973 to 2261.
        for least, factor in ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000), (1e8, 1_000_000_000)):
            if least <= value < 9.2e18:
                whole = int(text) if text.isascii() and text.isdigit() else 0
                at = whole * factor if whole else round(value * factor)
                return at if at < 9_200_000_000_000_000_000 else None
        return None
    told = nanoseconds(text.replace("/", "-"))
    if told is None or zone.key == "UTC" or _ZONED.search(text[10:]):
        return told
    seconds, rest = divmod(told, 1_000_000_000)
    local = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=zone)
    ours = int(local.timestamp()) * 1_000_000_000 + rest
    return ours if ours >= 0 else None


def _quality(text: str) -> int | None:
    """OPC UA status code of a word or number; OPC Classic's 192 is good, 64 uncertain.

    >>> _quality("Good"), _quality("192"), hex(_quality("0x80310000")), _quality("so-so") is None
    (0, 0, '0x80310000', True)
    """
    word = text.lower()
    if word in ("", "good", "ok", "好", "gut"):
        return GOOD
    if word in ("bad", "坏", "schlecht"):
        return BAD
    if word in ("uncertain", "不确定", "unsicher"):
        return UNCERTAIN
    try:
        code = int(word, 16) if word.startswith("0x") else int(word)
    except ValueError:
        return None
    if not 0 <= code <= 0xFFFF_FFFF:
        return None
    if code < 256:
        return GOOD if code >= 192 or code == 0 else UNCERTAIN if code >= 64 else BAD
    return code
