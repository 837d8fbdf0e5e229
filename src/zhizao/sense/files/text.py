"""Delimited text: which encoding, which separator, where the headings are, and the cells.

The encoding is told from all bytes, not from a sample: a file that is part UTF-8 and part GB18030 is refused with the
line where it changes. Cells are parsed by Arrow, which takes CR, LF and CRLF mixed and reports every row whose number
of cells differs from the headings.
"""

from __future__ import annotations

import codecs
import csv
import re
from io import BytesIO, StringIO
from itertools import islice

import numpy as np
import polars as pl

from zhizao.errors import InputError
from zhizao.sense.files.said import Said
from zhizao.sense.files.source import Options, Sheet, Source, find_header, name_columns

__all__ = ["detect_encoding", "detect_separator", "read_text"]

HEAD_LINES = 60
MAX_LINE = 1 << 24
SEPARATORS = (",", ";", "\t", "|")
_CHUNK = 1 << 22


def read_text(data: bytes, where: str, options: Options, *, packed: bool = False) -> Source:
    """Source with one sheet from delimited text.

    Parameters
    ----------
    data : content of the file
    where : name to show in messages
    options : encoding, separator and heading row, where told
    packed : the text came out of a gzip file

    Raises
    ------
    InputError : on mixed encodings, binary content, lines of absurd length, no headings, no rows, unclosed quotes
    """
    notes: list[Said] = []
    encoding = options.encoding or detect_encoding(data, where)
    data = _as_utf8(data, encoding, where)
    if encoding == "cp1252":
        notes.append(
            Said(
                "the text is neither UTF-8 nor GB18030; it was read as Windows Western (cp1252)",
                "文本既非 UTF-8 也非 GB18030，按 Windows 西欧编码（cp1252）读取",
            )
        )
    if not data.strip():
        raise InputError("the file has no text in it", where=where, fix="export the records again", code="empty")
    lines = _head(data, where)
    separator = options.separator or detect_separator(lines)
    rows = list(islice(csv.reader(StringIO("\n".join(lines) + "\n", newline=""), delimiter=separator), HEAD_LINES))
    header = find_header(rows, options)
    if header is None:
        raise InputError(
            "no row of headings was found", where=where, fix="the first row should name the columns", code="no_headings"
        )
    names, repeated = name_columns(rows[header], f"{where}, row {header + 1}")
    following = [row for row in rows[header + 1 :] if any(row)]
    if following and all(len(row) == len(names) + 1 and not row[-1] for row in following):
        names.append(f"column {len(names) + 1}")
    start = _offset(data, header + 1, separator)
    frame, bad = _cells(data, start, names, separator, where)
    frame, numbers, blank = _without_blank(frame, bad, header + 1)
    if b'"' in data:
        _refuse_swallowed(frame, numbers, bad, separator, header + 1, where)
    if frame.height == 0 and not bad:
        raise InputError(
            "the file has headings but no rows", where=where, fix="export the records again, with data", code="no_rows"
        )
    ragged = tuple((n + header + 1, cells, text) for n, cells, text in bad if text.strip(f"{separator} \r\n"))
    blank += len(bad) - len(ragged)
    if len(ragged) > max(frame.height, 1):
        n, cells, _ = ragged[0]
        raise InputError(
            f"{len(ragged):,} of {len(ragged) + frame.height:,} rows have another number of cells than the "
            f"{len(names)} headings (row {n} has {cells:,})",
            where=f"{where}, row {n}",
            fix=f'check that "{_shown(separator)}" is the separator and that cells with it inside are quoted',
            code="ragged",
        )
    kind = {"\t": "tsv"}.get(separator, "csv") + (".gz" if packed else "")
    sheet = Sheet(frame, numbers, None, header + 1, ragged, repeated, blank)
    return Source((sheet,), kind, encoding, separator, tuple(notes))


def detect_encoding(data: bytes, where: str = "") -> str:
    """Encoding of text, from all of its bytes.

    Examples
    --------
    >>> detect_encoding("工单,开始".encode("gb18030")), detect_encoding("Größe;Übergang".encode("cp1252"))
    ('gb18030', 'cp1252')
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return name
    zeros = _count_zeros(data)
    if zeros:
        sample = data[: 1 << 16]
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        if max(even, odd) > 0.2 * len(sample) / 2 and min(even, odd) < 0.1 * max(even, odd):
            return "utf-16-be" if even > odd else "utf-16-le"
        line = data.count(b"\n", 0, data.index(0)) + 1
        raise InputError(
            f"the file has {zeros:,} NUL bytes, so it is damaged or no text",
            where=f"{where}, line {line}",
            fix="export it again as CSV or Excel",
            code="nul_bytes",
        )
    sample = data[: 1 << 16]
    if sum(sample.count(bytes([c])) for c in (*range(1, 9), *range(14, 27), *range(28, 32))) > 0.02 * len(sample):
        raise InputError(
            "the file is binary, not text", where=where, fix="export the records as CSV or Excel", code="not_records"
        )
    if _is_utf8(data):
        return "utf-8"
    return _chinese_or_western(data, where)


def _count_zeros(data: bytes) -> int:
    return data.count(0)


def _is_utf8(data: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    try:
        for at in range(0, len(data), _CHUNK):
            block = bytes(view[at : at + _CHUNK])
            if block.isascii() and decoder.getstate()[0] == b"":
                continue
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


_HIGH = re.compile(rb"[\x80-\xff]+")


def _chinese_or_western(data: bytes, where: str) -> str:
    """Not all UTF-8: GB18030, Western, or a mixture of encodings (refused).

    Many pairs of GB18030 (such as that of 省) are valid UTF-8 too, for letters that no Chinese export holds: where the
    whole is GB18030, only lines of which UTF-8 makes three bytes a character count as UTF-8.
    """
    runs = [len(run) for run in islice(_HIGH.findall(data), 20_000)]
    paired = sum(n % 2 == 0 for n in runs) >= 0.8 * len(runs)
    chinese = paired and _is_gb18030(data)
    good: list[int] = []
    wrong: list[int] = []
    for i, line in enumerate(data.split(b"\n"), 1):
        if line.isascii():
            continue
        if not _is_utf8(line):
            wrong.append(i)
        elif not chinese or any(char >= "\u0800" for char in line.decode()):
            good.append(i)
    if len(good) > 0.1 * len(wrong):
        raise InputError(
            f"the file mixes encodings: line {good[0]} is UTF-8, line {wrong[0]} is not",
            where=f"{where}, line {wrong[0]}",
            fix='save it again in one encoding, best "CSV UTF-8", or name one as `encoding` in the mapping file',
            code="mixed_encoding",
        )
    if not paired:
        return "cp1252"
    try:
        data.decode("gb18030")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"line {number} is no GB18030, unlike the lines around it",
            where=f"{where}, line {number}",
            fix='mend that line, or save the file again as "CSV UTF-8"',
            code="bad_encoding",
        ) from error
    return "gb18030"


def _is_gb18030(data: bytes) -> bool:
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def _as_utf8(data: bytes, encoding: str, where: str) -> bytes:
    if encoding == "utf-8":
        return data
    if encoding == "utf-8-sig":
        data = data[3:]
        if _is_utf8(data):
            return data
        return _as_utf8(data, _chinese_or_western(data, where), where)
    try:
        return data.decode(encoding).encode("utf-8")
    except (LookupError, UnicodeError) as error:
        raise InputError(
            f"the text cannot be read as {encoding} ({getattr(error, 'reason', 'unknown encoding')})",
            where=where,
            fix='save it again as "CSV UTF-8", or name its encoding in the mapping file',
            code="bad_encoding",
        ) from error


def _head(data: bytes, where: str) -> list[str]:
    """First lines as text, without a partial last one."""
    piece = data[:MAX_LINE]
    lines = [line.decode("utf-8", "replace") for line in piece.splitlines()[: HEAD_LINES * 4]]
    if len(lines) < 2 and len(data) > len(piece):
        raise InputError(
            f"the first line is longer than {MAX_LINE >> 20} MiB",
            where=f"{where}, line 1",
            fix="the file has no line ends, or is no table; export it again",
            code="huge_line",
        )
    return lines if len(data) <= len(piece) or len(lines) >= HEAD_LINES * 4 else lines[:-1]


def detect_separator(lines: list[str]) -> str:
    """Separator that splits most lines into the same number of cells, more than one.

    Examples
    --------
    >>> detect_separator(["a;b;c", "1,5;2;3", "4,5;5;6"])
    ';'
    """
    best, best_score = ",", 0.0
    for separator in SEPARATORS:
        try:
            rows = [row for row in csv.reader(lines[:HEAD_LINES], delimiter=separator) if row]
        except csv.Error:
            continue
        widths = [len(row) for row in rows]
        if not widths:
            continue
        typical = max(set(widths), key=widths.count)
        if typical < 2:
            continue
        known = max((sum(1 for cell in row if cell.strip()) for row in rows[:5]), default=0)
        score = widths.count(typical) / len(widths) * min(typical, 12) + 0.01 * known
        if score > best_score:
            best, best_score = separator, score
    return best


def _offset(data: bytes, rows: int, separator: str) -> int:
    """Byte at which the row after the first `rows` begins; quoted line ends do not count."""
    quoted, seen, at = False, 0, 0
    limit = min(len(data), MAX_LINE)
    while at < limit and seen < rows:
        byte = data[at]
        if byte == 0x22:
            quoted = not quoted
        elif byte in (0x0A, 0x0D) and not quoted:
            if byte == 0x0D and data[at + 1 : at + 2] == b"\n":
                at += 1
            seen += 1
        at += 1
    return at if seen == rows else len(data)


def _cells(
    data: bytes, start: int, names: list[str], separator: str, where: str
) -> tuple[pl.DataFrame, list[tuple[int, int, str]]]:
    """Rows as wide as the headings, and the others as (number after the headings, cells, text)."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    bad: list[tuple[int, int, str]] = []

    def keep(row: object) -> str:
        bad.append((row.number, row.actual_columns, row.text[:100_000]))  # type: ignore[attr-defined] # no stubs
        return "skip"

    columns = [f"c{i}" for i in range(len(names))]
    empty = pl.DataFrame({name: pl.Series([], dtype=pl.String) for name in names})
    if start >= len(data):
        return empty, bad
    source = BytesIO(data)
    source.seek(start)
    frames = []
    try:
        reader = arrow.open_csv(
            source,
            arrow.ReadOptions(use_threads=False, column_names=columns, block_size=MAX_LINE),
            arrow.ParseOptions(
                delimiter=separator, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=keep
            ),
            arrow.ConvertOptions(
                column_types={name: pa.string() for name in columns},
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
            ),
        )
        for batch in reader:
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            frames.append(frame)
    except pa.ArrowInvalid as error:
        text = str(error)
        if "straddling" in text or "block size" in text:
            raise InputError(
                f"a row is longer than {MAX_LINE >> 20} MiB",
                where=where,
                fix='a line end is missing, or a quote (") is opened and never closed; look there and export again',
                code="huge_line",
            ) from error
        if "Empty CSV" in text:
            return empty, bad
        raise InputError(
            f"the text is no table ({text.splitlines()[0][:120]})",
            where=where,
            fix="export it again as CSV",
            code="bad_table",
        ) from error
    if not frames:
        return empty, bad
    frame = pl.concat(frames)
    frame.columns = names
    return frame, bad


def _refuse_swallowed(
    frame: pl.DataFrame, rows: pl.Series, bad: list[tuple[int, int, str]], separator: str, skipped: int, where: str
) -> None:
    """Refuse text in which a quote is opened and not closed: a cell then holds whole rows."""
    cells = frame.width - 1
    found: list[tuple[int, int]] = []
    for n, _, text in bad:
        inside = [line for line in text.splitlines()[1:] if line.count(separator) >= cells]
        if cells and inside:
            found.append((n + skipped, len(inside)))
    for name in frame.columns if cells else []:
        long = frame[name].str.contains("\n", literal=True).fill_null(value=False)
        if long.any():
            parts = frame[name].filter(long).str.split("\n").list.slice(1)
            swallowed = parts.list.eval(pl.element().str.count_matches(separator, literal=True) >= cells).list.sum()
            hits = swallowed > 0
            found.extend(zip(rows.filter(long).filter(hits).head(1), swallowed.filter(hits).head(1), strict=True))
    if found:
        row, lines_inside = min(found)
        raise InputError(
            f'a quote (") is opened in row {row} and not closed: {lines_inside:,} rows or more are taken for one cell',
            where=f"{where}, row {row}",
            fix="close the quote, or write two where one is meant as text; then read the file again",
            code="open_quote",
        )


def _without_blank(
    frame: pl.DataFrame, bad: list[tuple[int, int, str]], skipped: int
) -> tuple[pl.DataFrame, pl.Series, int]:
    """Frame without empty rows, the row numbers of the others, and how many were empty."""
    total = frame.height + len(bad)
    numbers = np.arange(1, total + 1, dtype=np.int64)
    if bad:
        numbers = np.delete(numbers, np.array([n for n, _, _ in bad]) - 1)
    rows = pl.Series("row", numbers + skipped)
    if frame.width and frame.height and frame[:, 0].null_count():
        filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        if not filled.all():
            kept = frame.filter(filled)
            return kept, rows.filter(filled), frame.height - kept.height
    return frame, rows, 0


def _shown(separator: str) -> str:
    return "tab" if separator == "\t" else separator
