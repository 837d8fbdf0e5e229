"""A short table of a page as an Excel workbook: numbers are numbers again, and text stays text."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from zhizao.errors import InputError

__all__ = ["EXCEL", "number_in", "sheet_of"]

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NUMBER = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(\s?%)?")
_EXACT = 15
"""Digits that a number of Excel keeps; longer ones are numbers of something and stay text."""


def number_in(text: str) -> tuple[float, str] | None:
    """A cell's number with the format that shows it as it was written; None where there is text.

    Examples
    --------
    >>> number_in("1,234.5"), number_in("\u22127.5 %"), number_in("0042"), number_in("12 h")
    ((1234.5, '#,##0.0'), (-0.075, '0.0%'), None, None)
    """
    found = _NUMBER.fullmatch(text.replace("\u2212", "-").replace("\u00a0", " ").strip())
    if found is None:
        return None
    sign, whole, rest, percent = found.groups()
    digits = whole.replace(",", "")
    if (len(digits) > 1 and digits[0] == "0") or len(digits) > _EXACT:
        return None
    after = len(rest or ".") - 1
    value = float(f"{sign}{digits}{rest or ''}")
    shown = "." + "0" * after if after else ""
    if percent:
        return round(value / 100, after + 2), f"0{shown}%"
    return value, f"#,##0{shown}"


def sheet_of(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """An Excel workbook of one sheet with a filter on every column.

    Raises
    ------
    InputError : when a row has more cells than there are headings
    """
    import xlsxwriter

    if any(len(row) > len(head) for row in rows):
        raise InputError("a row has more cells than there are headings", where="rows", code="bad_query")
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\']", "-", title).strip()[:31] or "zhizao")
        bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        formats = {}
        for at, name in enumerate(head):
            widest = max([_width(name), *(_width(row[at]) for row in rows if at < len(row))])
            sheet.set_column(at, at, min(60, 4 + widest))
            sheet.write_string(0, at, name, bold)
        for line, row in enumerate(rows, start=1):
            for at, text in enumerate(row):
                found = number_in(text)
                if found is None:
                    sheet.write_string(line, at, text[:32_767])
                    continue
                value, shape = found
                if shape not in formats:
                    formats[shape] = book.add_format({"num_format": shape})
                sheet.write_number(line, at, value, formats[shape])
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, len(rows)), len(head) - 1)
    return buffer.getvalue()


def _width(text: str) -> int:
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)
