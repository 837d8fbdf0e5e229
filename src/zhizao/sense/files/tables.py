"""Tables that come with their own structure: Excel workbooks and Parquet files.

A workbook is looked through before it is opened: how much it unpacks to, and how far its cells lie apart, so that a
few bytes cannot claim all memory.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import polars as pl

from zhizao.errors import InputError
from zhizao.sense.files.said import Said
from zhizao.sense.files.source import MAX_COLUMNS, Options, Sheet, Source, check_unpacked, find_header, name_columns

__all__ = ["read_excel", "read_parquet"]

MAX_CELLS = 60_000_000
"""Most cells (rows times columns) of one sheet."""


def read_excel(
    path: Path, where: str, options: Options, progress: Callable[[str, float], None] | None = None
) -> Source:
    """Sheets of an .xlsx workbook as text; dates come out as ISO text, numbers as they are stored.

    Parameters
    ----------
    path : the workbook
    where : name to show in messages
    options : sheets and heading row, where told
    progress : told a stage and a fraction, sheet by sheet

    Raises
    ------
    InputError : when the workbook is damaged, empty, locked or a bomb, or a wanted sheet is missing
    """
    import fastexcel

    _look_through(path, where)
    try:
        book = fastexcel.read_excel(str(path))
        names = list(book.sheet_names)
        missing = [name for name in options.sheets if name not in names]
        if missing:
            raise InputError(
                f'there is no sheet "{missing[0]}"',
                where=where,
                fix=f"the sheets are: {', '.join(names)}",
                code="no_sheet",
            )
        sheets, notes = [], []
        wanted = list(options.sheets) or names
        for i, name in enumerate(wanted):
            if progress:
                progress("read", i / len(wanted))
            raw = book.load_sheet(name, header_row=None, dtypes="string", skip_rows=0).to_polars()
            sheet = _sheet(raw, name, f"{where}, sheet {name}", options)
            if sheet is None:
                notes.append(Said(f'sheet "{name}" is empty', f"工作表“{name}”为空"))
            else:
                sheets.append(sheet)
    except InputError:
        raise
    except BaseException as error:
        # a damaged workbook can make the Rust reader panic, which Python sees as no Exception
        if isinstance(error, fastexcel.FastExcelError) or type(error).__name__ == "PanicException":
            raise _damaged(where) from error
        raise
    if not sheets:
        raise InputError(
            "the workbook has no rows", where=where, fix="export the records again, with data", code="no_rows"
        )
    return Source(tuple(sheets), "xlsx", notes=tuple(notes))


def _damaged(where: str) -> InputError:
    return InputError(
        "the workbook is cut off or damaged",
        where=where,
        fix="open it in Excel and save it again as .xlsx, or export as CSV",
        code="bad_workbook",
    )


def _sheet(raw: pl.DataFrame, name: str, where: str, options: Options) -> Sheet | None:
    if raw.height < 1 or raw.width < 1:
        return None
    header = find_header(raw.head(60).rows(), options)
    if header is None:
        return None
    cells = list(raw.row(header))
    last = max((i for i, cell in enumerate(cells) if cell), default=-1)
    first = next((i for i, cell in enumerate(cells) if cell), 0)
    body = raw.slice(header + 1)
    used = [i for i in range(raw.width) if first <= i <= last or body[:, i].null_count() < body.height]
    names, repeated = name_columns([cells[i] for i in used], where)
    frame = body.select(body.columns[i] for i in used)
    frame.columns = names
    rows = pl.int_range(header + 2, header + 2 + frame.height, dtype=pl.Int64, eager=True).alias("row")
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    kept = frame.filter(filled)
    if not kept.height:
        return None
    return Sheet(kept, rows.filter(filled), name, header + 1, (), repeated, frame.height - kept.height)


_ROW = re.compile(rb'<row [^>]*?r="(\d{1,9})"')
_FAR = re.compile(rb' r="([A-Z]{2,3})\d')


def _look_through(path: Path, where: str) -> None:
    """Refuse a workbook that is damaged, locked, or far larger inside than outside."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if "EncryptedPackage" in names or any(member.flag_bits & 1 for member in members):
                raise InputError(
                    "the workbook is password-protected",
                    where=where,
                    fix="open it in Excel, take the password off, and save it again",
                    code="old_or_locked_workbook",
                )
            if "xl/workbook.xml" not in names and "xl/workbook.bin" not in names:
                raise InputError(
                    "the file is a ZIP archive, not an Excel workbook",
                    where=where,
                    fix="unpack it and name the file inside (CSV, .xlsx, Parquet or XES)",
                    code="not_records",
                )
            packed, total = path.stat().st_size, 0
            for member in members:
                check_unpacked(total + member.file_size, packed, where)
                rows, columns, tail = 0, 26, b""
                cells = member.filename.startswith("xl/worksheets/")
                with archive.open(member) as file:
                    while block := file.read(1 << 20):
                        total += len(block)
                        check_unpacked(total, packed, where)
                        if cells:
                            text = tail + block
                            rows = max(rows, max(map(int, _ROW.findall(text)), default=0))
                            columns = max(columns, max(map(_column, set(_FAR.findall(text))), default=0))
                            tail = text[-200:]
                _refuse_wide(rows, columns, f"{where}, {member.filename}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        raise _damaged(where) from error


def _refuse_wide(rows: int, columns: int, where: str) -> None:
    if columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise InputError(
            f"the sheet claims {rows:,} rows and {columns:,} columns",
            where=where,
            fix="delete the empty rows and columns beyond the records, or export as CSV",
            code="too_large",
        )


def _column(letters: bytes) -> int:
    """Number of a column: A = 1, AA = 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def read_parquet(path: Path, where: str) -> Source:
    """Source with one sheet from a Parquet file, columns typed as stored.

    Raises
    ------
    InputError : when the file is damaged or empty
    """
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise InputError(
            "the Parquet file is cut off or damaged", where=where, fix="write it again", code="bad_parquet"
        ) from error
    if not frame.height or not frame.width:
        raise InputError(
            "the file has columns but no rows", where=where, fix="export the records again, with data", code="no_rows"
        )
    if frame.width > MAX_COLUMNS:
        name_columns(frame.columns, where)
    rows = pl.int_range(2, frame.height + 2, dtype=pl.Int64, eager=True).alias("row")
    return Source((Sheet(frame, rows),), "parquet")
