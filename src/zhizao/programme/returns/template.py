"""The Excel form of a return: written with validation and what the journal knows, and read back with faults by cell.

Row 1 (hidden) says which return the form is of; column A (hidden) holds the key of each item, so that lines may be
sorted and names changed without harm. Only values and notes can be typed into; each value has its own validation.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.items import Item, items
from zhizao.programme.returns.fill import Line
from zhizao.programme.returns.steps import FORM
from zhizao.programme.returns.values import check_values, limits

__all__ = ["SHEET", "Form", "read_form", "write_form"]

SHEET = "Return 报表"
"""Name of the sheet."""

_MARK = "zhizao-return"
_FIRST = 6  # row of the first item, counted from 1
_MOST_BYTES, _MOST_UNPACKED, _MOST_ROWS = 8 << 20, 64 << 20, 500
_COLUMNS = (
    ("key", 4),
    ("No. 序号", 7),
    ("Item 指标", 46),
    ("Unit 单位", 11),
    ("Value 数值", 18),
    ("Note (why it is blank, or unusual) 说明（空缺或异常的原因）", 42),
    ("From the journal 台账来源", 62),
)
_VALUE, _NOTE, _UNIT = 4, 5, 3
_OVER = {
    "flow": ("sum of the month", "本月累计"),
    "stock": ("at the month's end", "月末数"),
    "flag": ("1 yes, 0 no", "1 是，0 否"),
}
_TITLE = "Monthly return of a manufacturing enterprise 制造企业月度报表"
_GUIDE = "Fill in the yellow cells. A blank value needs a note. 请填写黄色单元格；数值空缺须写明原因。"


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was filled in.

    Parameters
    ----------
    enterprise, period : which return
    values : by item, None where it is blank
    notes : by item
    """

    enterprise: str
    period: str
    values: dict[str, float | None]
    notes: dict[str, str]


def write_form(
    enterprise: str,
    names: tuple[str, str],
    period: str,
    *,
    lines: Mapping[str, Line] | None = None,
    values: Mapping[str, float | None] | None = None,
    notes: Mapping[str, str] | None = None,
    reasons: Mapping[str, str] | None = None,
    made_at: datetime,
    lang: str = "en",
) -> bytes:
    """The form as an Excel workbook.

    Parameters
    ----------
    enterprise : id
    names : its names in Chinese and English
    period : month
    lines : what the journal fills; values are taken from here where `values` has none
    values, notes : of the version that is corrected, or looked at
    reasons : why lines were refused, by item; shown in the note's place beside the cell
    made_at : aware time that the file says it was made at
    lang : zh or en, of the text about the journal

    Returns
    -------
    bytes
        An .xlsx file.
    """
    import xlsxwriter

    buffer = io.BytesIO()
    settings = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, settings) as book:
        book.set_properties({"title": _TITLE, "created": made_at.replace(tzinfo=None), "author": "zhizao"})
        sheet = book.add_worksheet(SHEET)
        look = {
            "title": book.add_format({"bold": True, "font_size": 14}),
            "head": book.add_format({"bold": True, "bg_color": "#1F3A5F", "font_color": "white", "text_wrap": True}),
            "name": book.add_format({"text_wrap": True, "valign": "top"}),
            "from": book.add_format({"text_wrap": True, "valign": "top", "font_color": "#555555", "font_size": 9}),
            "value": book.add_format(
                {"locked": False, "bg_color": "#FFF8DC", "border": 1, "num_format": "#,##0.####", "valign": "top"}
            ),
            "note": book.add_format(
                {"locked": False, "bg_color": "#FFFDF0", "border": 1, "text_wrap": True, "num_format": "@"}
            ),
            "wrong": book.add_format({"text_wrap": True, "valign": "top", "font_color": "#B00020"}),
        }
        for at, (_, width) in enumerate(_COLUMNS):
            sheet.set_column(at, at, width, None, {"hidden": True} if at == 0 else {})
        sheet.write_row(0, 0, [_MARK, str(FORM), enterprise, period])
        sheet.set_row(0, None, None, {"hidden": True})
        sheet.write_string(1, 1, _TITLE, look["title"])
        sheet.write_string(2, 1, f"{names[0]} / {names[1]}   ({enterprise})   {period}")
        sheet.write_string(3, 1, _GUIDE)
        sheet.write_row(4, 0, [name for name, _ in _COLUMNS], look["head"])
        for at, (key, item) in enumerate(items().items()):
            row = _FIRST - 1 + at
            line = (lines or {}).get(key)
            _write_line(sheet, row, at + 1, item, look)
            value = (values or {}).get(key)
            if value is None and key not in (values or {}) and line is not None:
                value = line.value
            if value is None:
                sheet.write_blank(row, _VALUE, None, look["value"])
            else:
                sheet.write_number(row, _VALUE, value, look["value"])
            sheet.write_string(row, _NOTE, (notes or {}).get(key, ""), look["note"])
            refused = (reasons or {}).get(key, "")
            told = refused or ("" if line is None else _from(line, lang))
            sheet.write_string(row, _NOTE + 1, told, look["wrong" if refused else "from"])
            sheet.data_validation(row, _VALUE, row, _VALUE, _validation(item))
        sheet.freeze_panes(5, 0)
        sheet.protect("", {"format_columns": True, "format_rows": True, "select_locked_cells": True})
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(4)
    return buffer.getvalue()


def _write_line(sheet: Any, row: int, number: int, item: Item, look: Mapping[str, Any]) -> None:
    sheet.write_string(row, 0, item.key)
    sheet.write_number(row, 1, number, look["name"])
    sheet.write_string(row, 2, f"{item.zh} {item.en}", look["name"])
    sheet.write_string(row, 3, item.unit, look["name"])


def _validation(item: Item) -> dict[str, Any]:
    en, zh = _OVER[item.over]
    least, most = limits(item)
    rule: dict[str, Any] = (
        {"validate": "list", "source": ["0", "1"]}
        if item.over == "flag"
        else {"validate": "decimal", "criteria": "between", "minimum": least, "maximum": most}
    )
    allowed = "0 or 1" if item.over == "flag" else "any number" if item.signed else "a number, not below 0"
    return {
        **rule,
        "input_title": f"{item.zh} ({item.unit})"[:32],
        "input_message": f"{item.en}: {en}, in {item.unit}. {zh}，单位 {item.unit}。"[:255],
        "error_title": "Not accepted 不能接受"[:32],
        "error_message": f"{item.en}: {allowed}, in {item.unit}. {item.zh}：请填写数字，单位 {item.unit}。"[:255],
    }


def _from(line: Line, lang: str) -> str:
    told = line.formula(lang)
    if line.count:
        told += f" [{', '.join(line.kinds)}: {line.count}, #{line.first}-#{line.last}]"
    elif line.kinds:
        told += f" [{', '.join(line.kinds)}]"
    return "; ".join([told, *line.remarks(lang)]) if lang == "en" else "；".join([told, *line.remarks(lang)])


def read_form(data: bytes, *, name: str = "return.xlsx") -> Form:
    """A form that was filled in, with every fault at its cell.

    Parameters
    ----------
    data : the .xlsx file
    name : its name, for messages

    Raises
    ------
    InputError : it is no workbook or not the form of a return; FaultsFound with what is wrong, cell by cell
    """
    rows = _rows(data, name)
    head = [*rows[0], *[None] * 4][:4] if rows else [None] * 4
    if head[0] != _MARK:
        raise InputError(
            "this workbook is not the form of a return (its hidden first row is missing)",
            where=name,
            fix="fill in the form that `zhizao return --out` wrote",
            code="not_form",
        )
    if str(head[1]).split(".")[0] != str(FORM):
        raise InputError(
            f"the form has version {head[1]}; this zhizao reads {FORM}",
            where=name,
            fix="get a new form",
            code="old_form",
        )
    known = items()
    values: dict[str, float | None] = {}
    notes: dict[str, str] = {}
    places: dict[str, int] = {}
    faults: list[Fault] = []
    for number, row in enumerate(rows[_FIRST - 1 :], start=_FIRST):
        cells = [*row, *[None] * len(_COLUMNS)][: len(_COLUMNS)]
        key = str(cells[0] or "").strip()
        if not key:
            if any(cell not in (None, "") for cell in cells[1:6]):
                faults.append(
                    Fault(
                        "a line without its key", _cell(name, 1, number), "do not add lines; get a new form", "no_key"
                    )
                )
            continue
        if key not in known:
            faults.append(
                Fault(
                    f'"{key[:60]}" is not an item of the return',
                    _cell(name, 1, number),
                    "get a new form",
                    "unknown_item",
                )
            )
            continue
        if key in places:
            told = f"{known[key].en} stands in row {places[key]} too"
            faults.append(Fault(told, _cell(name, _VALUE + 1, number), "keep one line", "twice"))
            continue
        places[key] = number
        if str(cells[_UNIT] or "").strip() != known[key].unit:
            faults.append(
                Fault(
                    f'the unit is "{str(cells[_UNIT] or "")[:20]}", asked for is {known[key].unit}',
                    _cell(name, _UNIT + 1, number),
                    f"convert the value to {known[key].unit}",
                    "wrong_unit",
                )
            )
        values[key] = _number(cells[_VALUE])
        text = str(cells[_NOTE] or "").strip()
        if text:
            notes[key] = text
    lost = [key for key in known if key not in places]
    faults.extend(
        Fault(f"the line of {known[key].en} ({key}) is gone", name, "get a new form", "no_line") for key in lost
    )

    def at(key: str) -> str:
        return _cell(name, _VALUE + 1, places[key]) if key in places else name

    faults.extend(fault for fault in check_values(values, notes, where=at) if fault.where != name)
    if faults:
        first = faults[0]
        raise FaultsFound(
            first.what if len(faults) == 1 else f"{len(faults)} faults in the form, the first: {first.what}",
            faults,
            where=first.where,
            fix=first.fix,
        )
    return Form(str(head[2] or ""), str(head[3] or ""), values, notes)


def _number(cell: Any) -> Any:
    """A cell as a number; a text that is none stays as it is, for the fault."""
    if cell is None or isinstance(cell, int | float):
        return cell
    text = str(cell).strip()
    if not text:
        return None
    plain = text.replace(",", "").replace("，", "").replace(" ", "").replace("\u00a0", "")
    try:
        return text if "_" in plain else float(plain)
    except ValueError:
        return text


def _cell(name: str, column: int, row: int) -> str:
    return f"{name}, {SHEET}!{'ABCDEFGHIJ'[column - 1]}{row}"


def _rows(data: bytes, name: str) -> list[list[Any]]:
    """Cells of the sheet, row by row from row 1."""
    import fastexcel

    broken = InputError(
        "the file cannot be read as an Excel workbook",
        where=name,
        fix="save the form again as .xlsx",
        code="bad_workbook",
    )
    if len(data) > _MOST_BYTES:
        raise InputError(
            f"the form has {len(data) / 1048576:.1f} MiB", where=name, fix="send the form alone", code="too_large"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise broken from error
    if unpacked > _MOST_UNPACKED:
        raise InputError(f"the form unpacks to {unpacked / 1048576:.0f} MiB", where=name, code="too_large")
    try:
        book = fastexcel.read_excel(data)
        sheet = SHEET if SHEET in book.sheet_names else None
        if sheet is None:
            raise InputError(
                f'there is no sheet "{SHEET}" (sheets: {", ".join(book.sheet_names)[:100]})',
                where=name,
                fix="fill in the form that `zhizao return --out` wrote",
                code="not_form",
            )
        frame = book.load_sheet(sheet, header_row=None, n_rows=_MOST_ROWS, dtypes="string").to_polars()
        exact: list[float | None] = []
        if frame.width > _VALUE:  # as text, numbers are cut to nine decimals
            exact = (
                book.load_sheet(sheet, header_row=None, n_rows=_MOST_ROWS, dtypes={_VALUE: "float"})
                .to_polars()
                .to_series(_VALUE)
                .to_list()
            )
    except InputError:
        raise
    except BaseException as error:
        # a damaged workbook can make the Rust reader panic, which Python sees as no Exception
        if isinstance(error, fastexcel.FastExcelError) or type(error).__name__ == "PanicException":
            raise broken from error
        raise
    rows = [[None if cell == "" else cell for cell in row] for row in frame.iter_rows()]
    for row, value in zip(rows, exact, strict=False):
        if value is not None and isinstance(_number(row[_VALUE]), float):  # not TRUE, not a date
            row[_VALUE] = value
    return rows
