"""A release as an Excel workbook: figures, what it says of itself, and the code lists, in both languages."""

from __future__ import annotations

import io
from collections.abc import Mapping

import polars as pl
import xlsxwriter

from zhizao.errors import InputError
from zhizao.programme.release.codes import CONF_STATUS, OBS_STATUS
from zhizao.programme.release.dataset import Dataset

__all__ = ["release_workbook", "tables_workbook"]

MAX_ROWS = 1_048_575
"""Rows of an Excel sheet under its header."""

_WORDS = {
    "data": ("data", "数据"),
    "about": ("about", "说明"),
    "codes": ("codes", "代码"),
    "dataflow": ("dataflow", "数据流"),
    "title": ("title", "标题"),
    "definitions": ("definition version", "定义版本"),
    "vintage": ("vintage", "数据版本"),
    "released": ("released", "发布时间"),
    "source": ("source", "来源"),
    "contact": ("contact", "联系"),
    "list": ("code list", "代码表"),
    "code": ("code", "编码"),
    "meaning": ("meaning", "含义"),
}


def tables_workbook(tables: Mapping[str, pl.DataFrame]) -> bytes:
    """Tables as sheets of one workbook; headings frozen and filtered, numbers as numbers, text never as a formula.

    Parameters
    ----------
    tables : by name of the sheet, at most 31 characters of it are used

    Raises
    ------
    InputError : when a table has more rows than a sheet
    """
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": False}
    with xlsxwriter.Workbook(out, options) as book:
        head = book.add_format({"bold": True, "bottom": 1})
        used: set[str] = set()
        for name, frame in tables.items():
            if frame.height > MAX_ROWS:
                raise InputError(
                    f"{frame.height:,} rows do not fit an Excel sheet", where=name, fix="write CSV", code="too_large"
                )
            sheet = book.add_worksheet(_sheet_name(name, used))
            for j, column in enumerate(frame.columns):
                sheet.write_string(0, j, column, head)
                values = frame[column]
                text = not (values.dtype.is_numeric() or values.dtype == pl.Boolean)
                for i, value in enumerate(values.to_list(), start=1):
                    if value is None or value != value:
                        continue
                    if text:
                        sheet.write_string(i, j, str(value))
                    elif isinstance(value, bool):
                        sheet.write_boolean(i, j, value)
                    else:
                        sheet.write_number(i, j, value)
                sheet.set_column(j, j, min(max(len(column), 10), 40))
            sheet.freeze_panes(1, 1)
            if frame.width and frame.height:
                sheet.autofilter(0, 0, frame.height, frame.width - 1)
    return out.getvalue()


def _sheet_name(name: str, used: set[str]) -> str:
    plain = "".join("_" if one in "[]:*?/\\" else one for one in name).strip("'")[:31] or "sheet"
    chosen, again = plain, 2
    while chosen.lower() in used:
        tail = f" {again}"
        chosen, again = plain[: 31 - len(tail)] + tail, again + 1
    used.add(chosen.lower())
    return chosen


def release_workbook(data: Dataset, lang: str = "en") -> bytes:
    """A data set with what it says of itself and the codes it uses.

    Parameters
    ----------
    data : what is released; call `visible` first
    lang : en or zh
    """
    at = 1 if lang == "zh" else 0
    words = {key: pair[at] for key, pair in _WORDS.items()}
    meta = data.metadata
    about = {
        words["dataflow"]: meta.structure_id,
        words["title"]: meta.title_zh if lang == "zh" else meta.title_en,
        words["definitions"]: meta.definition_version,
        words["vintage"]: meta.vintage.isoformat(),
        words["released"]: meta.released.isoformat(),
        words["source"]: meta.source,
        words["contact"]: meta.contact,
    }
    codes = [
        (name, code, meaning[at])
        for name, table in (("OBS_STATUS", OBS_STATUS), ("CONF_STATUS", CONF_STATUS))
        if name in data.attributes
        for code, meaning in table.items()
    ]
    return tables_workbook(
        {
            words["data"]: data.frame,
            words["about"]: pl.DataFrame({words["about"]: list(about), " ": list(about.values())}),
            words["codes"]: pl.DataFrame(codes, schema=[words["list"], words["code"], words["meaning"]], orient="row"),
        }
    )
