"""What a file holds before anything is understood: sheets of named columns, and the rows that do not fit them.

`open_source` tells the format by content, not by name, and refuses what cannot be records: a missing file, a folder,
an empty file, pictures, PDFs, old or locked workbooks, and archives that unpack to far more than they are.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import polars as pl

from zhizao.errors import InputError
from zhizao.sense.files.said import Said
from zhizao.sense.files.words import HEADINGS, plain

__all__ = ["MAX_COLUMNS", "MAX_UNPACKED", "Options", "Sheet", "Source", "find_header", "name_columns", "open_source"]

MAX_COLUMNS = 2000
"""More columns than this are no production records."""

MAX_UNPACKED = 4 << 30
"""Most bytes that a compressed file may unpack to."""

MAX_RATIO = 250
"""Most times its own size that a compressed file above `SMALL` may unpack to."""

SMALL = 256 << 20

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be opened, where its reader was told.

    Parameters
    ----------
    encoding : name of the text encoding; detected when None
    separator : character between cells; detected when None
    header_row : row of the headings, first row = 1; detected when None
    sheets : names of the sheets to read; all that hold records when empty
    headings : headings that the mapping names, to find the heading row by
    """

    encoding: str | None = None
    separator: str | None = None
    header_row: int | None = None
    sheets: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a file.

    Parameters
    ----------
    frame : cells by heading, text or typed as the format says; an empty cell is null
    rows : row number of each row as a person sees it (first row of the file or sheet = 1)
    name : name of the sheet, None where the format has none
    header_row : row of the headings
    ragged : rows whose number of cells differs from the headings: row, cells, text
    repeated : headings that occur more than once, with their column numbers
    blank : empty rows passed over
    events : rows are events (start or complete) that have to be paired
    """

    frame: pl.DataFrame
    rows: pl.Series
    name: str | None = None
    header_row: int = 1
    ragged: tuple[tuple[int, int, str], ...] = ()
    repeated: dict[str, tuple[int, ...]] = field(default_factory=dict)
    blank: int = 0
    events: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A file, opened: its sheets, format and encoding, and what was noticed on the way."""

    sheets: tuple[Sheet, ...]
    format: str
    encoding: str | None = None
    separator: str | None = None
    notes: tuple[Said, ...] = ()


def open_source(path: Path, options: Options, progress: Progress | None = None) -> Source:
    """Sheets of a file of any format that is read here.

    Parameters
    ----------
    path : CSV, TSV (also .gz), .xlsx, Parquet, XES (also .gz)
    options : what the mapping file says about opening it
    progress : told a stage and a fraction

    Raises
    ------
    InputError : when there is no such file, it is empty, or it is of a kind that holds no records
    """
    where = path.name or str(path)
    if path.is_dir():
        raise InputError(
            f'"{path}" is a folder',
            where=where,
            fix="name one file: CSV, Excel (.xlsx), Parquet or XES",
            code="is_folder",
        )
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError:
        raise InputError(
            f'there is no file "{path}"', where=where, fix="check the name and the folder", code="no_file"
        ) from None
    except OSError as error:
        raise InputError(
            f'"{path}" cannot be opened ({error.strerror})',
            where=where,
            fix="check that you may read it",
            code="no_access",
        ) from error
    if not head:
        raise InputError("the file is empty", where=where, fix="export the records again", code="empty")
    _refuse_foreign(head, where)

    if head.startswith(b"PAR1") or path.suffix.lower() == ".parquet":
        from zhizao.sense.files.tables import read_parquet

        return read_parquet(path, where)
    if head.startswith(b"PK\x03\x04"):
        from zhizao.sense.files.tables import read_excel

        return read_excel(path, where, options, progress)
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        raise InputError(
            "the file is named as an Excel workbook but is not one",
            where=where,
            fix="open it in Excel and save it again as .xlsx",
            code="bad_workbook",
        )
    packed = head.startswith(b"\x1f\x8b")
    inner = _peek(path, where) if packed else head
    if not inner:
        raise InputError("the file is empty", where=where, fix="export the records again", code="empty")
    _refuse_foreign(inner, where)
    names = [suffix.lower() for suffix in path.suffixes]
    if ".xes" in names or _is_xml(inner):
        from zhizao.sense.files.xes import read_xes

        return read_xes(path, where, packed=packed, progress=progress)
    from zhizao.sense.files.text import read_text

    data = unpack(path, where) if packed else path.read_bytes()
    return read_text(data, where, options, packed=packed)


def _is_xml(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b"<?xml", b"<log", b"<!DOCTYPE", b"<!--"))


_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG", "a picture (PNG)", "export the records themselves, not a picture of them"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "export the records themselves, not a picture of them"),
    (b"GIF8", "a picture (GIF)", "export the records themselves, not a picture of them"),
    (b"%PDF", "a PDF document", "export the records as CSV or Excel instead of printing them"),
    (b"SQLite format 3", "an SQLite database", "export the table with the records as CSV"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it and name the file inside"),
    (b"Rar!", "a RAR archive", "unpack it and name the file inside"),
    (b"BZh", "a bzip2 archive", "unpack it and name the file inside"),
    (b"\xfd7zXZ", "an xz archive", "unpack it and name the file inside"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it and name the file inside"),
    (b"\x7fELF", "a program", "name the file with the records"),
    (b"MZ\x90", "a program", "name the file with the records"),
    (b"{\\rtf", "an RTF document", "save the table as CSV or Excel"),
    (b"<!DOCTYPE html", "a web page", "save the table as CSV or Excel"),
    (b"<html", "a web page", "save the table as CSV or Excel"),
)


def _refuse_foreign(head: bytes, where: str) -> None:
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise InputError(
            "the file is an old (.xls) or password-protected Excel workbook, which is not read",
            where=where,
            fix="open it in Excel, take the password off, and save it as .xlsx or CSV",
            code="old_or_locked_workbook",
        )
    for magic, kind, fix in _FOREIGN:
        if head.startswith(magic) or (head.lower().startswith(magic.lower()) and magic.startswith(b"<")):
            raise InputError(f"the file is {kind}, not production records", where=where, fix=fix, code="not_records")


def _peek(path: Path, where: str) -> bytes:
    try:
        with gzip.open(path, "rb") as file:
            return file.read(4096)
    except (OSError, EOFError, zlib.error) as error:
        raise _broken_gzip(where) from error


def _broken_gzip(where: str) -> InputError:
    return InputError(
        "the compressed file is cut off or damaged", where=where, fix="copy or export it again", code="broken_gzip"
    )


def unpack(path: Path, where: str) -> bytes:
    """Content of a gzip file, refused when it unpacks to absurdly much."""
    size = path.stat().st_size
    out = BytesIO()
    try:
        with gzip.open(path, "rb") as file:
            while block := file.read(1 << 20):
                out.write(block)
                check_unpacked(out.tell(), size, where)
    except (OSError, EOFError, zlib.error) as error:
        raise _broken_gzip(where) from error
    return out.getvalue()


def check_unpacked(unpacked: int, packed: int, where: str) -> None:
    """Refuse a compressed file that unpacks to absurdly much."""
    if unpacked > MAX_UNPACKED or (unpacked > SMALL and unpacked > MAX_RATIO * packed):
        raise InputError(
            f"the file has {packed:,} bytes but unpacks to more than {unpacked:,}",
            where=where,
            fix="this is no honest export; export the records again, as CSV when they are many",
            code="bomb",
        )


_KNOWN = frozenset(word.rstrip("~") for words in HEADINGS.values() for word in words)


def find_header(rows: Sequence[Sequence[str | None]], options: Options) -> int | None:
    """Index of the row that holds the headings; None when no row looks like one.

    It is the row with the most cells known as headings (or named by the mapping); without any, the first row that is
    as wide as the widest.
    """
    if options.header_row is not None:
        return options.header_row - 1 if 0 < options.header_row <= len(rows) else None
    wanted = set(options.headings)
    best, best_score = None, 0.0
    for i, row in enumerate(rows):
        cells = [cell.strip() for cell in row if cell and cell.strip()]
        if not cells:
            continue
        score = sum(3.0 if cell in wanted else float(plain(cell) in _KNOWN) for cell in cells)
        if len(cells) > 1 and score > best_score:
            best, best_score = i, score
    if best is not None and best_score >= 2:
        return best
    width = max((sum(bool(cell and cell.strip()) for cell in row) for row in rows), default=0)
    for i, row in enumerate(rows):
        if width and sum(bool(cell and cell.strip()) for cell in row) >= max(1, 0.8 * width):
            return i
    return None


def name_columns(cells: Sequence[str | None], where: str) -> tuple[list[str], dict[str, tuple[int, ...]]]:
    """Unique names from heading cells, and the headings that occur more than once with their column numbers.

    Examples
    --------
    >>> name_columns(["Date", None, "Date"], "")
    (['Date', 'column 2', 'Date (2)'], {'Date': (1, 3)})
    """
    if len(cells) > MAX_COLUMNS:
        raise InputError(
            f"the heading row has {len(cells):,} columns",
            where=where,
            fix=f"records have at most {MAX_COLUMNS:,}; check the separator and export again",
            code="too_many_columns",
        )
    names: list[str] = []
    places: dict[str, list[int]] = {}
    for i, cell in enumerate(cells, 1):
        heading = " ".join((cell or "").split("\n")).strip()
        if heading:
            places.setdefault(heading, []).append(i)
        name = heading or f"column {i}"
        base, n = name, 1
        while name in names:
            n += 1
            name = f"{base} ({n})"
        names.append(name)
    return names, {heading: tuple(where_) for heading, where_ in places.items() if len(where_) > 1}


def split_line(text: str, separator: str) -> list[str]:
    """Cells of one line of delimited text."""
    try:
        return next(csv.reader([text], delimiter=separator), [])
    except csv.Error:
        return text.split(separator)
