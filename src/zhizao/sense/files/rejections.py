"""Rows that could not be stored: causes and cures in words, and the file that lists them beside the report.

Cells are other people's text: one that a spreadsheet would run as a formula gets an apostrophe in front.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

__all__ = ["CAUSES", "REJECTED_SCHEMA", "cause_words", "neutral", "write_rejections"]

REJECTED_SCHEMA: dict[str, type[pl.DataType]] = {
    "row": pl.Int64,
    "sheet": pl.String,
    "column": pl.String,
    "value": pl.String,
    "cause": pl.String,
    "cure": pl.String,
}

CAUSES: dict[str, dict[str, tuple[str, str]]] = {
    "no_order": {
        "en": ("no order", "fill in the order, or take the line out (sums and blank lines need none)"),
        "zh": ("没有工单号", "补上工单号；合计行、空行可删去"),
    },
    "no_activity": {
        "en": ("no activity", "fill in what was done"),
        "zh": ("没有工序", "补上工序"),
    },
    "no_start": {
        "en": ("no start", "fill in when the work started"),
        "zh": ("没有开始时间", "补上开始时间"),
    },
    "bad_time": {
        "en": ("not a date and time", "write it like the others, best as 2025-03-01 08:30"),
        "zh": ("不是可识别的日期时间", "按其他行的格式填写，最好写成 2025-03-01 08:30"),
    },
    "bad_duration": {
        "en": ("not a duration", "write it like the others: minutes, or hours:minutes"),
        "zh": ("不是可识别的时长", "按其他行的格式填写：分钟数，或 时:分"),
    },
    "negative_duration": {
        "en": ("negative duration", "correct the duration"),
        "zh": ("时长为负", "更正时长"),
    },
    "end_before_start": {
        "en": ("ends before it starts", "correct start or end; check that they are not exchanged"),
        "zh": ("结束早于开始", "更正开始或结束时间，检查两者是否颠倒"),
    },
    "in_future": {
        "en": ("lies in the future", "correct the date; check day and month, and the year"),
        "zh": ("时间在将来", "更正日期，检查日、月是否颠倒及年份"),
    },
    "too_long": {
        "en": ("takes more than 60 days", "correct start or end; one report is one piece of work"),
        "zh": ("历时超过 60 天", "更正开始或结束时间；一条记录应是一次作业"),
    },
    "bad_number": {
        "en": ("not a number", "write the quantity as a number"),
        "zh": ("不是数字", "数量请填数字"),
    },
    "negative": {
        "en": ("negative quantity", "correct it; take cancelled reports out together with what they cancel"),
        "zh": ("数量为负", "更正数量；冲销记录请与被冲销记录一并删去"),
    },
    "bad_flag": {
        "en": ("neither yes nor no", "write Y, or leave it empty"),
        "zh": ("既不是“是”也不是“否”", "填“是”或留空"),
    },
    "unknown_report": {
        "en": ("unknown kind of report", "say what it means under `reports:` in the mapping file"),
        "zh": ("未知的报工类型", "在映射文件的 reports: 下说明其含义"),
    },
    "too_few_cells": {
        "en": ("fewer cells than headings", "a line end inside a cell? quote the cell, or fill in the missing ones"),
        "zh": ("单元格少于表头", "单元格内是否有换行？请加引号，或补齐缺少的单元格"),
    },
    "too_many_cells": {
        "en": ("more cells than headings", "a separator inside a cell? quote the cell"),
        "zh": ("单元格多于表头", "单元格内是否有分隔符？请加引号"),
    },
}
"""What is wrong with a row and how to mend it, by cause and language."""

_HEADINGS = {
    "en": ("row", "sheet", "column", "value", "cause", "cure"),
    "zh": ("行号", "工作表", "列", "值", "原因", "处理办法"),
}


def cause_words(cause: str, lang: str = "en") -> tuple[str, str]:
    """What is wrong and how to mend it, in words.

    Examples
    --------
    >>> cause_words("negative", "zh")[0]
    '数量为负'
    """
    return CAUSES[cause][lang if lang in ("en", "zh") else "en"]


def neutral(column: pl.Expr) -> pl.Expr:
    """Text that no spreadsheet takes for a formula: `=`, `+`, `-`, `@`, tab or line end in front get an apostrophe.

    Plain numbers keep their sign.

    Examples
    --------
    >>> pl.DataFrame({"v": ["=1+1", "-5", "-5+cmd|' /C calc'!A0", "ok"]}).select(v=neutral(pl.col("v")))["v"].to_list()
    ["'=1+1", '-5', "'-5+cmd|' /C calc'!A0", 'ok']
    """
    risky = column.str.contains(r"^\s*[=+\-@\t\r\n＝＋－＠]") & ~column.str.contains(r"^[+-]?\d+([.,]\d+)*$")
    return pl.when(risky).then(pl.concat_str(pl.lit("'"), column)).otherwise(column)


def write_rejections(path: Path | str, rejected: pl.DataFrame, *, lang: str = "en") -> Path:
    """Write the rejected rows to a file that a person mends from: CSV (UTF-8 with mark), or Excel for .xlsx.

    Parameters
    ----------
    path : where to; an existing file is replaced
    rejected : frame of a `Reading`
    lang : `en` or `zh`

    Returns
    -------
    Path
        The file written.
    """
    path = Path(path)
    lang = lang if lang in _HEADINGS else "en"
    what = {cause: words[lang][0] for cause, words in CAUSES.items()}
    cure = {cause: words[lang][1] for cause, words in CAUSES.items()}
    table = rejected.with_columns(
        cure=pl.col("cause").replace_strict(cure, default=pl.col("cure"), return_dtype=pl.String),
        cause=pl.col("cause").replace_strict(what, default=pl.col("cause"), return_dtype=pl.String),
    )
    table = table.with_columns(neutral(pl.col(name)).alias(name) for name in ("sheet", "column", "value"))
    table = table.rename(dict(zip(REJECTED_SCHEMA, _HEADINGS[lang], strict=True)))
    if path.suffix.lower() == ".xlsx":
        import xlsxwriter

        with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            table.write_excel(book, autofit=True)
    else:
        table.write_csv(path, include_bom=True)
    return path
