"""Which column is what: tables of economic series recognised by their headings, long or wide, in Chinese or English.

Long: one row per industry (or region, product) and month, items in columns. Wide: one row per industry, months in columns
(or one row per month, industries in columns); the table then holds one signal, utilisation unless a column says otherwise.
"""

from __future__ import annotations

import re
from datetime import date

import polars as pl

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.alerts.signals import SIGNALS
from zhizao.programme.classes import industries, regions
from zhizao.programme.items import items

__all__ = ["kinds_in", "read_month", "settle"]

_WORDS: dict[str, tuple[str, ...]] = {
    "industry": ("industry", "industry_code", "sector", "trade", "行业", "行业代码", "行业名称"),
    "region": ("region", "region_code", "province", "地区", "省份", "省"),
    "product": ("product", "产品", "品种"),
    "month": (
        "month",
        "period",
        "date",
        "time",
        "quarter",
        "year",
        "月份",
        "时间",
        "日期",
        "报告期",
        "季度",
        "年份",
        "年",
        "月",
    ),
    "known_at": ("known_at", "published", "vintage", "released", "发布日期", "版本"),
    "utilisation": ("utilisation", "utilization", "capacity_utilisation", "capacity_utilization", "cu", "产能利用率"),
    "inventory_days": ("inventory_days", "库存周转天数", "产成品存货周转天数"),
    "price_index": ("price_index", "ppi", "出厂价格指数", "工业生产者出厂价格指数", "价格指数"),
    "margin": ("margin", "profit_margin", "利润率", "营业收入利润率"),
    "loss_share": ("loss_share", "亏损面", "亏损企业占比"),
    "receivable_days": ("receivable_days", "应收账款平均回收期", "应收账款回收期"),
    "investment_rate": ("investment_rate", "投资强度"),
    "buyer": ("buyer", "customer", "买方", "采购方"),
    "supplier": ("supplier", "seller", "供应商", "卖方", "供方"),
    "value_cny": ("value_cny", "value", "amount", "金额", "采购额", "供货额"),
    "country": ("country", "origin", "partner", "国别", "原产国", "来源国", "伙伴国", "贸易伙伴"),
    "exports_cny": ("exports_cny", "exports", "出口", "出口额"),
}
_PERCENT = ("utilisation", "margin", "loss_share", "investment_rate")


def _plain(text: str) -> str:
    return re.sub(r"[\s\-]+", "_", re.sub(r"[（(【\[].*?[)）】\]]", "", text.strip().lower())).strip("_")


def _lookup() -> dict[str, str]:
    found = {_plain(word): key for key, words in _WORDS.items() for word in words}
    for key, item in items().items():
        for word in (key, item.zh, item.en):
            found.setdefault(_plain(word), key)
    return found


def read_month(text: object) -> date | None:
    """First day of the month, quarter or year that is written.

    >>> read_month("2024-06"), read_month("2024年6月"), read_month("2024Q3"), read_month(2024), read_month("202406")
    (datetime.date(2024, 6, 1), datetime.date(2024, 6, 1), datetime.date(2024, 7, 1), datetime.date(2024, 1, 1), datetime.date(2024, 6, 1))
    >>> read_month("soon") is None, read_month("2024-13") is None
    (True, True)
    """
    if isinstance(text, date):
        return date(text.year, text.month, 1)
    if text is None:
        return None
    plain = re.sub(r"\.0$", "", str(text).strip())
    quarter = (
        re.fullmatch(r"(\d{4})\s*[-年]?\s*[Qq第]?\s*([1-4一二三四])\s*(?:季度?)?", plain)
        if re.search("[Qq季]", plain)
        else None
    )
    if quarter:
        return date(
            int(quarter[1]),
            "一二三四".find(quarter[2]) * 3 + 1 if quarter[2] in "一二三四" else int(quarter[2]) * 3 - 2,
            1,
        )
    found = re.fullmatch(r"(\d{4})(?:[-/.年]?(\d{1,2})(?:月)?(?:[-/.]?(\d{1,2})(?:日)?(?:[ T].*)?)?|年)?", plain)
    if not found or not 1900 <= int(found[1]) <= 2200 or not 1 <= int(found[2] or 1) <= 12:
        return None
    return date(int(found[1]), int(found[2] or 1), 1)


def _code(scope: str) -> dict[str, str]:
    """Names of industries or regions to their codes."""
    table = industries().values() if scope == "industry" else regions().values() if scope == "region" else ()
    return {
        **{one.zh: one.code for one in table},
        **{one.en: one.code for one in table},
        **{one.en.lower(): one.code for one in table},
    }


def settle(frame: pl.DataFrame, where: str = "", rows: pl.Series | None = None) -> pl.DataFrame:
    """The table with columns by their keys, months as dates, numbers as numbers, names of industries and regions as codes.

    Parameters
    ----------
    frame : cells as text or typed
    where : name of the file, for messages
    rows : row number of each row in the file

    Raises
    ------
    InputError : when columns that are needed are absent
    FaultsFound : when cells cannot be read; all are told together
    """
    words = _lookup()
    names: dict[str, str] = {}
    for column in frame.columns:
        key = words.get(_plain(column))
        if key and key in names.values() and key not in ("industry", "region", "product", "enterprise"):
            first = next(one for one, taken in names.items() if taken == key)
            raise InputError(
                f'columns "{first}" and "{column}" are both taken for {key}',
                where=where,
                fix="leave one of them out, or name it otherwise",
                code="two_columns",
            )
        if key and key not in names.values():
            names[column] = key
    numbers = rows if rows is not None else pl.Series(range(2, frame.height + 2))
    percent = {key for column, key in names.items() if re.search(r"[%％]|percent", column)}
    if "month" not in names.values() and "supplier" not in names.values() and "country" not in names.values():
        frame, names = _long(frame, names, where)
        numbers = pl.Series([None] * frame.height, dtype=pl.Int64)
    out = frame.select(pl.col(column).alias(key) for column, key in names.items())
    faults: list[Fault] = []
    columns = [_settled(out[key], key, where, numbers, faults, key in percent) for key in out.columns]
    if faults:
        raise FaultsFound(
            f"{len(faults)} cells cannot be read",
            faults,
            where=where,
            fix="mend them; an empty cell is a missing reading",
        )
    return pl.DataFrame(columns)


def _settled(series: pl.Series, key: str, where: str, rows: pl.Series, faults: list[Fault], percent: bool) -> pl.Series:
    def place(i: int) -> str:
        return f"{where}, line {rows[i]}, {key}" if rows[i] is not None else f"{where}, {key}"

    if key in ("month", "known_at"):
        values = series.to_list()
        found = [read_month(one) if key == "month" else _day(one) for one in values]
        for i, (one, at) in enumerate(zip(values, found, strict=True)):
            if at is None and (key == "month" or one not in (None, "")):
                faults.append(Fault(f'"{one}" is not a month', place(i), "write it as 2024-06", "bad_month"))
        return pl.Series(key, found, dtype=pl.Date)
    if key in ("industry", "region", "product", "enterprise", "buyer", "supplier", "country"):
        codes = _code(key)
        text = [None if one in (None, "") else re.sub(r"\.0$", "", str(one).strip()) for one in series.to_list()]
        for i, one in enumerate(text):
            if one is None:
                faults.append(Fault(f"{key} is empty", place(i), "name it, or leave the row out", "empty_scope"))
        return pl.Series(key, [codes.get(one or "", one) for one in text], dtype=pl.String)
    if series.dtype.is_numeric():
        number = series.cast(pl.Float64)
    else:
        text_ = series.cast(pl.String).str.strip_chars()
        bare = text_.str.replace_all(r"[,，\s]", "").str.replace(r"[%％]$", "")
        number = bare.cast(pl.Float64, strict=False)
        empty = text_.is_null() | text_.str.to_lowercase().is_in(
            ["", "-", "--", "..", "…", "na", "n/a", "nan", "null", "无"]
        )
        for i in (number.is_null() & ~empty).arg_true().to_list():
            faults.append(Fault(f'"{series[i]}" is not a number', place(i), "write it as 76.5", "bad_number"))
        percent = percent or bool(text_.str.contains(r"[%％]$").any())
    number = number.fill_nan(None)
    for i in number.is_infinite().fill_null(False).arg_true().to_list():
        faults.append(Fault("an infinite value", place(i), "leave the cell empty", "infinite"))
    if key in _PERCENT:
        middle = number.abs().median()
        if percent or (isinstance(middle, float) and middle > (1.5 if key == "utilisation" else 1.0)):
            if key == "utilisation":
                for i in ((number > 0) & (number <= 1.5)).fill_null(False).arg_true().to_list():
                    faults.append(
                        Fault(f"{number[i]:g} among percentages", place(i), "write it in percent too", "mixed_units")
                    )
            number = number / 100
    if key == "utilisation":
        for i in ((number < 0) | (number > 2)).fill_null(False).arg_true().to_list():
            said = f"utilisation of {number[i]:.0%} cannot be"
            faults.append(Fault(said, place(i), "output over capacity lies within 0 .. 200 %", "bad_utilisation"))
    signed = key == "margin" or (key in items() and items()[key].signed)
    if not signed and key != "utilisation":
        for i in (number < 0).fill_null(False).arg_true().to_list():
            faults.append(Fault(f"{number[i]:g} is below zero", place(i), "check the sign", "negative"))
    return number.alias(key)


def _day(text: object) -> date | None:
    if isinstance(text, date):
        return date(text.year, text.month, text.day)
    try:
        return date.fromisoformat(str(text).strip()[:10])
    except ValueError:
        return read_month(text)


def _long(frame: pl.DataFrame, names: dict[str, str], where: str) -> tuple[pl.DataFrame, dict[str, str]]:
    """A wide table with months as headings, made long."""
    months = [column for column in frame.columns if column not in names and read_month(column) is not None]
    scope = next((column for column, key in names.items() if key in ("industry", "region", "product")), None)
    if len(months) < 2 or scope is None:
        raise InputError(
            f"no column holds months among {', '.join(frame.columns[:12])}",
            where=where,
            fix="name the columns industry, month and utilisation (or output_cny, capacity_cny, ...); see docs/alerts.md",
            code="no_month",
        )
    long = frame.select(scope, *(pl.col(one).cast(pl.String) for one in months)).unpivot(
        on=months, index=scope, variable_name="month", value_name="utilisation"
    )
    return long, {scope: names[scope], "month": "month", "utilisation": "utilisation"}


def kinds_in(columns: list[str]) -> list[str]:
    """Kinds of warning that a table's columns can speak to.

    >>> kinds_in(["industry", "month", "utilisation"]), kinds_in(["buyer", "supplier", "value_cny"])
    (['over_capacity'], ['concentration'])
    """
    there = set(columns)
    signals = {one.key for one in SIGNALS}
    out = []
    if "month" in there and "industry" in there and (there & signals or {"output_cny", "capacity_cny"} <= there):
        out.append("over_capacity")
    if (
        "month" in there
        and there & {"region", "product", "industry"}
        and ({"batches_inspected", "batches_passed"} <= there or {"products_made", "products_defective"} <= there)
    ):
        out.append("quality")
    if {"supplier", "value_cny"} <= there:
        out.append("concentration")
    if {"exports_cny", "country"} <= there:
        out.append("trade")
    return out
