"""One way for every long table: a slice of it sorted and filtered, and the whole of it as Excel or CSV.

The questions are those that AG Grid asks (its sort and filter models), so the pages' tables and a program that calls
the API see the same rows. What goes into a sheet stays text: a cell that begins like a formula is never one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from zhizao.app.texts import Words
from zhizao.errors import InputError

__all__ = ["EXCEL_ROWS", "Ask", "Column", "as_csv", "as_excel", "as_rows", "narrowed"]

EXCEL_ROWS = 1_048_575
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    key : name in the frame and in the API
    kind : text, time, number, count, percent, hours or flag
    unit : unit in the heading; "" for none
    digits : significant digits shown
    hidden : not shown until somebody picks it
    link : address that a cell opens, with {value} and other columns' names in braces
    width : share of the width
    words : prefix of text keys that translate the values (`state.` + value)
    """

    key: str
    kind: str = "text"
    unit: str = ""
    digits: int = 3
    hidden: bool = False
    link: str = ""
    width: float = 1.0
    words: str = ""

    def heading(self, words: Words) -> str:
        """Heading with its unit."""
        name = words.maybe(f"col.{self.key}", self.key)
        if self.kind == "time":
            return name
        unit = words("unit.hour") if self.kind == "hours" else "%" if self.kind == "percent" else self.unit
        return f"{name} ({unit})" if unit and unit != "1" else name


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a table.

    Parameters
    ----------
    offset, limit : rows; limit at most 10,000
    sort : [{"colId": key, "sort": "asc" | "desc"}]
    filters : AG Grid's filter model
    find : text that any text column must contain
    """

    offset: int = 0
    limit: int = 100
    sort: tuple[dict[str, str], ...] = ()
    filters: dict[str, Any] | None = None
    find: str = ""

    @classmethod
    def of(cls, offset: int, limit: int, sort: str, filters: str, find: str) -> Ask:
        """From the parameters of a request.

        Raises
        ------
        InputError : when sort or filter cannot be read
        """
        try:
            orders = json.loads(sort) if sort.startswith("[") else [_order(one) for one in sort.split(",") if one]
            model = json.loads(filters) if filters else {}
            if not isinstance(model, dict) or not all(isinstance(one, dict) for one in orders):
                raise TypeError
        except (ValueError, TypeError) as error:
            raise InputError(
                "sort or filter cannot be read",
                where=f"sort={sort[:80]} filter={filters[:80]}",
                fix='write sort=start:desc and filter={"order":{"filterType":"text","type":"contains","filter":"A1"}}',
                code="bad_query",
            ) from error
        return cls(max(0, offset), min(10_000, max(1, limit)), tuple(orders), model, find.strip())


def _order(one: str) -> dict[str, str]:
    key, _, way = one.partition(":")
    return {"colId": key, "sort": way or "asc"}


def narrowed(frame: pl.DataFrame, columns: Sequence[Column], ask: Ask) -> pl.DataFrame:
    """All rows that a question asks for, in its order; `offset` and `limit` are left to the caller.

    Raises
    ------
    InputError : when it names a column or a way of comparing that there is not

    Examples
    --------
    >>> frame = pl.DataFrame({"order": ["A1", "B1", "A2"], "scrap": [1.0, 0.0, 3.0]})
    >>> ask = Ask(find="a", sort=({"colId": "scrap", "sort": "desc"},))
    >>> narrowed(frame, [Column("order"), Column("scrap", "number")], ask)["order"].to_list()
    ['A2', 'A1']
    """
    known = {column.key: column for column in columns}
    tests: list[pl.Expr] = []
    for key, model in (ask.filters or {}).items():
        tests.append(_filter(_known(key, known), model))
    if ask.find:
        texts = [pl.col(c.key).cast(pl.String) for c in columns if c.kind == "text" and c.key in frame.columns]
        wanted = ask.find.lower()
        if texts:
            tests.append(pl.any_horizontal(*(t.str.to_lowercase().str.contains(wanted, literal=True) for t in texts)))
    if tests:
        frame = frame.filter(pl.all_horizontal(*tests))
    if ask.sort:
        keys = [_known(one.get("colId", ""), known).key for one in ask.sort]
        ways = [one.get("sort") == "desc" for one in ask.sort]
        frame = frame.sort(keys, descending=ways, nulls_last=True, maintain_order=True)
    return frame


def _known(key: str, known: dict[str, Column]) -> Column:
    if key not in known:
        raise InputError(f'there is no column "{key[:40]}"', fix=f"use {', '.join(known)}", code="bad_column")
    return known[key]


def _filter(column: Column, model: dict[str, Any]) -> pl.Expr:
    if "conditions" in model:
        parts = [_filter(column, one) for one in model["conditions"]]
        return pl.any_horizontal(*parts) if model.get("operator") == "OR" else pl.all_horizontal(*parts)
    at, how = pl.col(column.key), str(model.get("type", "contains"))
    if how == "blank":
        return at.is_null()
    if how == "notBlank":
        return at.is_not_null()
    if column.kind == "text":
        return _text_filter(at.cast(pl.String).str.to_lowercase(), how, str(model.get("filter", "")).lower())
    if column.kind == "flag":
        return at == (str(model.get("filter", "")).lower() in {"true", "1", "yes"})
    low: Any
    high: Any
    if column.kind == "time":
        low, high = _moment(model.get("dateFrom")), _moment(model.get("dateTo"))
        if how == "equals" and low is not None:
            at = at.dt.truncate("1d")
    else:
        scale = 100.0 if column.kind == "percent" else 1.0
        low, high = _value(model.get("filter"), scale), _value(model.get("filterTo"), scale)
    if low is None:
        raise InputError(f'the filter of "{column.key}" has no value', fix="give one", code="bad_query")
    ways: dict[str, Callable[[], pl.Expr]] = {
        "equals": lambda: at == low,
        "notEqual": lambda: at != low,
        "greaterThan": lambda: at > low,
        "greaterThanOrEqual": lambda: at >= low,
        "lessThan": lambda: at < low,
        "lessThanOrEqual": lambda: at <= low,
        "inRange": lambda: at.is_between(low, high if high is not None else low),
    }
    if how not in ways:
        raise InputError(f'"{how}" compares nothing', fix=f"use {', '.join(ways)}", code="bad_query")
    return ways[how]()


def _text_filter(at: pl.Expr, how: str, wanted: str) -> pl.Expr:
    if how == "equals":
        return at == wanted
    if how == "notEqual":
        return at != wanted
    if how == "startsWith":
        return at.str.starts_with(wanted)
    if how == "endsWith":
        return at.str.ends_with(wanted)
    found = at.str.contains(wanted, literal=True)
    if how == "notContains":
        return ~found
    if how == "contains":
        return found
    raise InputError(f'"{how}" compares no text', fix="use contains, equals, startsWith or endsWith", code="bad_query")


def _value(raw: object, scale: float) -> float | None:
    if raw is None or raw == "":
        return None
    try:
        return float(str(raw)) / scale
    except ValueError as error:
        raise InputError(f'"{raw}" is no number', fix="write 12.5", code="bad_query") from error


def _moment(raw: object) -> datetime | None:
    if not raw:
        return None
    try:
        at = datetime.fromisoformat(str(raw))
    except ValueError as error:
        raise InputError(f'"{raw}" is no time', fix="write 2025-02-28 08:00", code="bad_query") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def as_rows(frame: pl.DataFrame, columns: Sequence[Column], *, extra: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: times in ISO 8601 UTC, no NaN."""
    keys = [c.key for c in columns if c.key in frame.columns]
    keys += [key for key in extra if key in frame.columns and key not in keys]
    frame = frame.select(keys)
    frame = frame.with_columns(
        [pl.col(n).dt.strftime("%Y-%m-%dT%H:%M:%SZ") for n, t in frame.schema.items() if isinstance(t, pl.Datetime)]
        + [pl.col(n).fill_nan(None) for n, t in frame.schema.items() if t in (pl.Float64, pl.Float32)]
    )
    return frame.to_dicts()


def as_csv(frame: pl.DataFrame, columns: Sequence[Column], words: Words) -> bytes:
    """A CSV file that spreadsheets open with the right letters and without running anything.

    Examples
    --------
    >>> as_csv(pl.DataFrame({"order": ["=1+1"]}), [Column("order")], Words("en")).decode("utf-8-sig").split()
    ['Order', "'=1+1"]
    """
    shown = [c for c in columns if c.key in frame.columns]
    out = frame.select(_cell(c, frame.schema[c.key], words).alias(_unique(c, shown, words)) for c in shown)
    raw = out.write_csv()
    return b"\xef\xbb\xbf" + raw.encode("utf-8")


def _unique(column: Column, shown: Sequence[Column], words: Words) -> str:
    name = column.heading(words)
    same = [c for c in shown if c.heading(words) == name]
    return name if len(same) == 1 else f"{name} [{column.key}]"


def _cell(column: Column, kind: pl.DataType, words: Words) -> pl.Expr:
    at = pl.col(column.key)
    if isinstance(kind, pl.Datetime):
        local = at if kind.time_zone is None else at.dt.convert_time_zone(words.zone)
        return local.dt.strftime("%Y-%m-%d %H:%M:%S")
    if column.kind == "percent":
        return at * 100
    if kind in (pl.String, pl.Categorical):
        text = at.cast(pl.String)
        risky = text.str.slice(0, 1).is_in(list(_FORMULA))
        return pl.when(risky).then(pl.lit("'") + text).otherwise(text)
    return at


def as_excel(frame: pl.DataFrame, columns: Sequence[Column], words: Words, *, title: str = "zhizao") -> bytes:
    """An Excel workbook: headings, real numbers and dates, text that stays text, a filter on every column.

    Raises
    ------
    InputError : when there are more rows than a sheet holds
    """
    import xlsxwriter

    if frame.height > EXCEL_ROWS:
        raise InputError(
            f"{frame.height:,} rows do not fit into an Excel sheet",
            fix="narrow the filter or the period, or take CSV",
            code="too_many_rows",
        )
    shown = [c for c in columns if c.key in frame.columns]
    buffer = io.BytesIO()
    settings = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": True,
    }
    with xlsxwriter.Workbook(buffer, settings) as book:
        sheet = book.add_worksheet(_sheet_name(title))
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        formats = {
            "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            "percent": book.add_format({"num_format": "0.0%"}),
            "number": book.add_format({"num_format": "#,##0.00"}),
            "hours": book.add_format({"num_format": "#,##0.00"}),
            "count": book.add_format({"num_format": "#,##0"}),
        }
        for at, column in enumerate(shown):
            sheet.set_column(at, at, 19 if column.kind == "time" else 14 * max(1.0, column.width))
            name = column.heading(words)
            name = f"{name} ({words.zone})" if column.kind == "time" else name.replace(" (%)", "")
            sheet.write_string(0, at, name, head)
        _fill(sheet, _as_cells(frame, shown, words), shown, formats)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, frame.height), max(0, len(shown) - 1))
    return buffer.getvalue()


def _as_cells(frame: pl.DataFrame, shown: Sequence[Column], words: Words) -> pl.DataFrame:
    """Values as Excel keeps them: times as days since 1899-12-30 in the plant's zone, numbers finite."""
    cells = []
    for column in shown:
        at, kind = pl.col(column.key), frame.schema[column.key]
        if isinstance(kind, pl.Datetime):
            local = at if kind.time_zone is None else at.dt.convert_time_zone(words.zone).dt.replace_time_zone(None)
            at = (local - datetime(1899, 12, 30)).dt.total_milliseconds() / 86_400_000
        elif kind in (pl.Float64, pl.Float32):
            at = pl.when(at.is_finite()).then(at)
        elif kind not in (pl.Boolean, pl.Int64, pl.UInt32, pl.Int32):
            at = at.cast(pl.String).str.slice(0, 32767)
        cells.append(at.alias(column.key))
    return frame.select(cells)


def _fill(sheet: Any, cells: pl.DataFrame, shown: Sequence[Column], formats: dict[str, Any]) -> None:
    writers = []
    for at, (column, kind) in enumerate(zip(shown, cells.dtypes, strict=True)):
        style = formats.get(column.kind)
        if kind == pl.String:
            writers.append((at, sheet.write_string, None))
        elif kind == pl.Boolean:
            writers.append((at, sheet.write_boolean, None))
        else:
            writers.append((at, sheet.write_number, style))
    for number, row in enumerate(cells.iter_rows(), start=1):
        for (at, write, style), value in zip(writers, row, strict=True):
            if value is not None:
                write(number, at, value, style)


def _sheet_name(title: str) -> str:
    clean = "".join("-" if c in "[]:*?/\\'" else c for c in title)
    return clean[:31] or "zhizao"
