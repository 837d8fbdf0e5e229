"""Quantities, durations, yes/no and report kinds from cells.

Most cells are plain numbers and are cast at once; what is left is looked at per distinct value, so that a million rows
cost as much as their few spellings. Whether 1,234 is a thousand or one and a bit is decided from the whole column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping as Table
from dataclasses import dataclass

import polars as pl

from zhizao.sense.files.words import BLANK, NO, REPORT_WORDS, UNIT_OF_WORD, UNITS, YES, Unit

__all__ = ["Values", "decide_decimal", "parse_duration", "parse_flag", "parse_quantity", "parse_report", "seconds_of"]


@dataclass(frozen=True, slots=True)
class Values:
    """A converted column, and where its cells could not be read."""

    values: pl.Series
    bad: pl.Series


def _never(n: int) -> pl.Series:
    return pl.Series([False], dtype=pl.Boolean).new_from_index(0, n)


def _tidy(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip()


_GROUPED = re.compile(r"^[-+]?\d{1,3}([ '’\u202f\u00a0_]\d{3})+")
_PIECES = re.compile(r"\s*(pcs?\.?|pieces?|ea|stk|stück|件|个|只|台|套|片|根|支|条|块)$", re.IGNORECASE)
_AMOUNT = re.compile(r"[-+]?(\d[\d.,]*|[.,]\d+)")


def decide_decimal(cells: list[str]) -> str:
    """Decimal mark of a column, "." or ",", from its cells.

    Examples
    --------
    >>> [decide_decimal([cell]) for cell in ("1,234.5", "1 234,5", "1,234", "1.234,0")]
    ['.', ',', '.', ',']
    """
    for_comma = for_point = 0
    for cell in cells:
        text = re.sub(r"[^\d.,]", "", _tidy(cell))
        comma, point = text.rfind(","), text.rfind(".")
        if comma >= 0 and point >= 0:
            for_comma, for_point = for_comma + (comma > point), for_point + (point > comma)
        elif comma >= 0:
            after = len(text) - comma - 1
            if text.count(",") > 1:
                for_point += 1
            elif after != 3 or text.startswith("0,"):
                for_comma += 1
        elif point >= 0 and text.count(".") > 1:
            for_comma += 1
    return "," if for_comma > for_point else "."


def _amount(cell: str, decimal: str) -> float | None:
    """Number of one cell; None when it is none, NaN when it is empty."""
    text = _tidy(cell)
    if text.lower() in BLANK:
        return float("nan")
    text = _PIECES.sub("", text)
    sign = 1.0
    if text.startswith("(") and text.endswith(")"):
        text, sign = text[1:-1], -1.0
    if text.endswith("-"):
        text, sign = text[:-1], -1.0
    text = text.replace("−", "-")
    if _GROUPED.match(text):
        text = re.sub(r"[ '’\u202f\u00a0_]", "", text)
    text = text.strip()
    if not _AMOUNT.fullmatch(text):
        try:
            value = float(text) if re.fullmatch(r"[-+]?[\d.]+e[-+]?\d+", text, re.IGNORECASE) else None
        except ValueError:
            return None
        return value
    other = "," if decimal == "." else "."
    whole, _, _ = text.partition(decimal)
    groups = whole.lstrip("+-").split(other)
    if len(groups) > 1 and (any(len(group) != 3 for group in groups[1:]) or not 1 <= len(groups[0]) <= 3):
        return None
    text = text.replace(other, "").replace(decimal, ".")
    try:
        return sign * float(text)
    except ValueError:
        return None


def parse_quantity(column: pl.Series, decimal: str | None = None) -> Values:
    """Numbers of a column; empty cells are null.

    Parameters
    ----------
    column : numbers or text
    decimal : decimal mark; decided from the column when None

    Examples
    --------
    >>> parse_quantity(pl.Series(["1,234.5", "１２", "7 件", "x", "-"])).values.to_list()
    [1234.5, 12.0, 7.0, None, None]
    """
    n = len(column)
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        values = column.cast(pl.Float64)
        finite = values.is_finite().fill_null(value=True)
        nan = values.is_nan().fill_null(value=False)
        return Values(values.zip_with(finite, values.clear(n)), ~finite & ~nan)
    text = column.cast(pl.String)
    values = text.cast(pl.Float64, strict=False)
    left = text.is_not_null() & (values.is_null() | ~values.is_finite())
    if not left.any():
        return Values(values, left)
    if decimal is None:
        decimal = decide_decimal(text.filter(left).unique().to_list())
    if decimal == ",":
        left = left | text.str.contains(".", literal=True).fill_null(value=False)
    rest = text.filter(left)
    table = {cell: _amount(cell, decimal) for cell in rest.unique().to_list()}
    read = _look_up(rest, {cell: amount for cell, amount in table.items() if amount is not None}, pl.Float64)
    empty = rest.is_in([cell for cell, amount in table.items() if amount is not None and amount != amount])
    where = left.arg_true()
    values = values.scatter(where, read.zip_with(~empty, read.clear(len(read))))
    return Values(values, _never(n).scatter(where, read.is_null()))


def _look_up(cells: pl.Series, table: Table[str, object], kind: type[pl.DataType]) -> pl.Series:
    """Value of each cell, by its text; null where the table has none."""
    unique = cells.drop_nulls().unique()
    values = pl.Series(cells.name, [table.get(cell) for cell in unique.to_list()], dtype=kind)
    if not len(unique):
        return pl.Series(cells.name, [None], dtype=kind).new_from_index(0, len(cells))
    return values.gather(cells.cast(pl.Enum(unique)).to_physical())


_PART = re.compile(
    r"([-+]?\d+(?:[.,]\d+)?)\s*(ms|sec|secs|seconds?|minutes?|mins?|hours?|hrs?|days?|小时|分钟|毫秒|秒钟?|天|[smhd时分秒])\.?",
    re.IGNORECASE,
)
_COLONS = re.compile(r"([-+]?)(\d{1,6}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE)
_EXCEL_DAYS = re.compile(r"(1899|19\d\d)-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d+)?")
_DAYS = re.compile(r"(\d+) days?,? (\d{1,2}):(\d\d):(\d\d)(?:\.\d+)?", re.IGNORECASE)


def seconds_of(cell: str, unit: Unit, decimal: str = ".") -> float | None:
    """Seconds of one duration; None when it is none, NaN when empty.

    Parameters
    ----------
    cell : `006:19` (hours and minutes), `1:02:03`, `1h 30m`, `1小时30分`, `PT1H30M`, `90 min`, or a number of `unit`
    unit : ms, s, min, h or day
    decimal : decimal mark of numbers

    Examples
    --------
    >>> seconds_of("006:19", "min"), seconds_of("1小时30分钟", "min"), seconds_of("90", "min"), seconds_of("1h 5", "h")
    (22740.0, 5400.0, 5400.0, None)
    """
    text = _tidy(cell)
    if text.lower() in BLANK:
        return float("nan")
    found = _COLONS.fullmatch(text)
    if found:
        sign = -1.0 if found[1] == "-" else 1.0
        if int(found[3]) > 59 or int(found[4] or 0) > 59:
            return None
        return sign * (int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4] or 0) + float(f"0.{found[5] or 0}"))
    found = _DAYS.fullmatch(text)
    if found:
        return int(found[1]) * 86400.0 + int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4])
    found = _EXCEL_DAYS.fullmatch(text)
    if found:  # a spreadsheet shows a span of time as a date counted from the end of 1899
        from datetime import datetime

        at = datetime(*(int(part) for part in found.groups()))  # type: ignore[arg-type] # six numbers
        base = datetime(1899, 12, 31) if at < datetime(1900, 3, 1) else datetime(1899, 12, 30)
        return max((at - base).total_seconds(), 0.0) if at >= base else (at - datetime(1899, 12, 30)).total_seconds()
    found = _ISO.fullmatch(text)
    if found and any(found.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + seconds
    parts = _PART.findall(text)
    if parts and not _PART.sub("", text).strip(" ,"):
        units = [UNIT_OF_WORD.get(word.lower()) or UNIT_OF_WORD.get(word[:1], "min") for _, word in parts]
        return sum(
            float(number.replace(",", ".")) * UNITS[word] for (number, _), word in zip(parts, units, strict=True)
        )
    amount = _amount(text, decimal)
    return None if amount is None else amount * UNITS[unit]


def parse_duration(column: pl.Series, unit: Unit, decimal: str | None = None) -> Values:
    """Seconds of a column of durations.

    Parameters
    ----------
    column : durations, numbers or text
    unit : unit of plain numbers: ms, s, min, h or day
    decimal : decimal mark; decided from the column when None
    """
    if isinstance(column.dtype, pl.Duration):
        return Values(column.cast(pl.Duration("us")).cast(pl.Int64).cast(pl.Float64) / 1e6, _never(len(column)))
    if column.dtype == pl.Time:
        return Values(column.cast(pl.Int64).cast(pl.Float64) / 1e9, _never(len(column)))
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        plain = parse_quantity(column)
        return Values(plain.values * UNITS[unit], plain.bad)
    text = column.cast(pl.String)
    unique = text.drop_nulls().unique().to_list()
    if decimal is None:
        decimal = decide_decimal([cell for cell in unique if ":" not in cell])
    table = {cell: seconds_of(cell, unit, decimal) for cell in unique}
    read = _look_up(text, {cell: value for cell, value in table.items() if value is not None}, pl.Float64)
    nan = read.is_nan().fill_null(value=False)
    return Values(read.zip_with(~nan, read.clear(len(read))), text.is_not_null() & read.is_null())


def parse_flag(column: pl.Series) -> Values:
    """True, False of a column of yes and no; empty is False.

    Examples
    --------
    >>> parse_flag(pl.Series(["Y", None, "否", "maybe"])).values.to_list()
    [True, False, False, None]
    """
    if column.dtype == pl.Boolean:
        return Values(column.fill_null(value=False), _never(len(column)))
    if column.dtype.is_numeric():
        value = column.cast(pl.Float64).fill_null(0.0)
        return Values(value != 0, ~value.is_in([0.0, 1.0]))
    text = column.cast(pl.String)
    table: dict[str, bool | None] = {}
    for cell in text.drop_nulls().unique().to_list():
        word = _tidy(cell).lower()
        word = {"1.0": "1", "0.0": "0"}.get(word, word)
        table[cell] = True if word in YES else False if word in NO or word in BLANK else None
    known = {cell: flag for cell, flag in table.items() if flag is not None}
    read = _look_up(text, known, pl.Boolean)
    bad = text.is_not_null() & read.is_null()
    return Values(read.zip_with(text.is_not_null(), _never(len(text))), bad)


def report_of(word: str) -> str | None:
    """Kind of report that a word or code means; None when it is not known.

    Examples
    --------
    >>> report_of("SETUP"), report_of("调机"), report_of("D"), report_of("coffee")
    ('setup', 'setup', 'production', None)
    """
    text = _tidy(word).lower()
    for kind, words in REPORT_WORDS.items():
        if text in words:
            return kind
    return None


def parse_report(column: pl.Series, words: Table[str, str]) -> Values:
    """Kinds of report of a column: production where empty.

    Parameters
    ----------
    column : words or codes
    words : meaning of each word as the mapping has it; words not among them are looked up in the tables
    """
    text = column.cast(pl.String)
    table = {cell: words.get(cell.strip()) or report_of(cell) for cell in text.drop_nulls().unique().to_list()}
    table = {cell: "production" if cell.strip().lower() in BLANK else kind for cell, kind in table.items()}
    known = {cell: kind for cell, kind in table.items() if kind is not None}
    read = _look_up(text, known, pl.String)
    bad = text.is_not_null() & read.is_null()
    return Values(read.zip_with(text.is_not_null(), pl.Series(["production"]).new_from_index(0, len(text))), bad)
