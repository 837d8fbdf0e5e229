"""Returns as arrays: one row per enterprise and period, the forty items beside what was told before.

`from_frame` takes a table whose columns carry the items' keys or names, in either language, and says what it cannot
use. Figures of last month and of the same month last year are found in the same table or in earlier ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.classes import industries, regions, sizes
from zhizao.programme.items import item_keys, items

__all__ = ["HEADINGS", "Returns", "from_frame", "period_name", "recognise"]

_IDS = {
    "enterprise": (
        "enterprise",
        "enterprise_id",
        "enterprise id",
        "id",
        "企业",
        "企业代码",
        "统一社会信用代码",
        "企业名称",
    ),
    "period": ("period", "month", "报告期", "月份", "期间", "时期"),
    "industry": ("industry", "行业", "行业代码", "行业大类"),
    "region": ("region", "province", "地区", "地区代码", "省份"),
    "size": ("size", "规模", "单位规模", "企业规模"),
    "filer": ("filer", "filed_by", "填表人", "填报人"),
}

HEADINGS = tuple(word for words in (*_IDS.values(), *((i.key, i.zh, i.en) for i in items().values())) for word in words)
"""All headings that are recognised."""


@dataclass(frozen=True, slots=True, eq=False)
class Returns:
    """Returns, one row per enterprise and period, sorted by enterprise and period.

    Parameters
    ----------
    enterprise : who, (rows,) of text
    period : months since year 0, (rows,)
    industry, region, size : codes, (rows,); empty where not told
    row : row of the file, (rows,)
    judged : whether the row is to be edited; rows of earlier files only serve as history, (rows,)
    values : items in the order of the return, NaN where missing, (rows, 40)
    last, year_ago : the same a month and twelve months before, (rows, 40)
    weight : how many enterprises the row stands for, (rows,)
    filer : who filled it in, (rows,); empty where not told
    """

    enterprise: NDArray[np.str_]
    period: NDArray[np.int64]
    industry: NDArray[np.str_]
    region: NDArray[np.str_]
    size: NDArray[np.str_]
    row: NDArray[np.int64]
    judged: NDArray[np.bool_]
    values: NDArray[np.float64]
    last: NDArray[np.float64]
    year_ago: NDArray[np.float64]
    weight: NDArray[np.float64]
    filer: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.period)

    def take(self, rows: NDArray[np.int64]) -> Returns:
        """Some rows."""
        return Returns(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def with_values(self, values: NDArray[np.float64]) -> Returns:
        """The same returns with other figures."""
        return replace(self, values=values)


def period_name(months: int) -> str:
    """A period as it is written.

    >>> period_name(2025 * 12 + 5)
    '2025-06'
    """
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


def recognise(headings: Sequence[str]) -> dict[str, str]:
    """Which heading is what: item key or `enterprise`, `period`, `industry`, `region`, `size`, `filer`, by heading.

    Examples
    --------
    >>> recognise(["企业代码", "Main business revenue", "综合能源消费量（吨标准煤）", "remarks"])
    {'企业代码': 'enterprise', 'Main business revenue': 'revenue_cny', '综合能源消费量（吨标准煤）': 'energy_tce'}
    """
    known = {_plain(word): role for role, words in _IDS.items() for word in words}
    for key, item in items().items():
        known.update({_plain(key): key, _plain(item.zh): key, _plain(item.en): key})
    found: dict[str, str] = {}
    for heading in headings:
        role = known.get(_plain(heading)) or known.get(_plain(re.sub(r"[(（\[【].*$", "", heading)))
        if role is not None and role not in found.values():
            found[heading] = role
    return found


def _plain(text: str) -> str:
    return re.sub(r"[\s_\-]+", " ", text).strip().lower()


def from_frame(
    frame: pl.DataFrame,
    *,
    rows: pl.Series | None = None,
    earlier: Sequence[pl.DataFrame] = (),
    weights: str | None = None,
    where: str = "returns",
) -> Returns:
    """Returns from a table.

    Parameters
    ----------
    frame : one row per enterprise (and period), text or numbers
    rows : row numbers of the file; 2, 3, ... when absent
    earlier : tables of earlier periods, in the same shape
    weights : column with the weight of each enterprise; 1 each when absent
    where : name of the file, for messages

    Raises
    ------
    InputError : when columns are missing, or nothing can be read
    FaultsFound : when cells are no numbers, periods are wrong, or enterprises occur twice

    Examples
    --------
    >>> told = from_frame(pl.DataFrame({"enterprise": ["A", "A"], "period": ["2025-05", "2025-06"], "employees": [9, 8]}))
    >>> float(told.last[1, 8]), len(told)
    (9.0, 2)
    """
    tables = [(frame, rows, where, True), *((one, None, f"{where}, earlier", False) for one in earlier)]
    parts = [_table(*one, weights if one[3] else None) for one in tables]
    whole = pl.concat(parts)
    whole = whole.sort("enterprise", "period", "judged", descending=[False, False, True])
    first = whole.select(pl.struct("enterprise", "period").is_first_distinct()).to_series()
    twice = whole.filter(~first & pl.col("judged"))
    if twice.height:
        raise FaultsFound(
            f"{twice.height:,} returns are there twice",
            [
                Fault(
                    f'enterprise "{one["enterprise"]}" has two returns for {period_name(one["period"])}',
                    f"{where}, row {one['row']}",
                    "keep the one that counts",
                    "twice",
                )
                for one in twice.head(20).iter_rows(named=True)
            ],
            where=where,
            fix="an enterprise has one return a period",
        )
    whole = whole.filter(first)
    values = whole.select(item_keys()).to_numpy().astype(np.float64)
    text = {
        name: whole[name].to_numpy().astype(np.str_) for name in ("enterprise", "industry", "region", "size", "filer")
    }
    period = whole["period"].to_numpy()
    codes = whole["enterprise"].rle_id().to_numpy().astype(np.int64)
    return Returns(
        text["enterprise"],
        period,
        text["industry"],
        text["region"],
        text["size"],
        whole["row"].to_numpy(),
        whole["judged"].to_numpy(),
        values,
        _before(codes, period, values, 1),
        _before(codes, period, values, 12),
        whole["weight"].to_numpy(),
        text["filer"],
    )


def _before(
    codes: NDArray[np.int64], period: NDArray[np.int64], values: NDArray[np.float64], months: int
) -> NDArray[np.float64]:
    """Figures of the same enterprise some months before, NaN where there are none."""
    if not len(period):
        return np.full_like(values, np.nan)
    low, span = period.min(), period.max() - period.min() + 1 + months
    key = codes * span + (period - low)
    wanted = key - months
    at = np.searchsorted(key, wanted)
    at[at == len(key)] = 0
    there = (key[at] == wanted) & (period - low >= months)
    found = np.full_like(values, np.nan)
    found[there] = values[at[there]]
    return found


def _table(frame: pl.DataFrame, rows: pl.Series | None, where: str, judged: bool, weights: str | None) -> pl.DataFrame:
    roles = recognise(frame.columns)
    by_role = {role: heading for heading, role in roles.items()}
    if "enterprise" not in by_role:
        raise InputError(
            "no column says which enterprise a row is from",
            where=where,
            fix=f"name one enterprise or 企业代码; the columns are: {', '.join(frame.columns[:12])}",
            code="no_enterprise",
        )
    found = [key for key in item_keys() if key in by_role]
    if not found:
        raise InputError(
            "no column holds an item of the return",
            where=where,
            fix="name columns by the items' keys or names, such as revenue_cny or 主营业务收入",
            code="no_items",
        )
    if not frame.height:
        raise InputError("the table has no rows", where=where, fix="export it again, with data", code="no_rows")
    numbers = rows if rows is not None else pl.Series("row", np.arange(2, frame.height + 2))
    faults: list[Fault] = []
    if weights is not None and weights not in frame.columns:
        raise InputError(
            f'there is no column "{weights}"', where=where, fix=f"the columns are: {', '.join(frame.columns[:12])}"
        )
    columns = {"row": numbers.cast(pl.Int64)}
    columns["enterprise"] = frame[by_role["enterprise"]].cast(pl.String).str.strip_chars()
    _note_blank(columns["enterprise"], numbers, by_role["enterprise"], where, faults)
    columns["period"] = _periods(frame, by_role.get("period"), numbers, where, faults)
    for name, codes in (("industry", _codes(industries())), ("region", _codes(regions())), ("size", _codes(sizes()))):
        columns[name] = _coded(frame, by_role.get(name), codes)
    filer = by_role.get("filer")
    columns["filer"] = frame[filer].cast(pl.String).fill_null("") if filer else pl.repeat("", frame.height, eager=True)
    for key in item_keys():
        heading = by_role.get(key)
        if heading is None:
            columns[key] = pl.repeat(None, frame.height, dtype=pl.Float64, eager=True)
        else:
            columns[key] = _numbers(frame[heading], numbers, where, faults)
    if weights is None:
        columns["weight"] = pl.repeat(1.0, frame.height, eager=True)
    else:
        weight = _numbers(frame[weights], numbers, where, faults)
        for n in numbers.filter(~(weight > 0).fill_null(value=False)).head(3):
            faults.append(
                Fault(
                    "a weight is missing or not above 0",
                    f"{where}, row {n}, column {weights}",
                    "give each a weight",
                    "weight",
                )
            )
        columns["weight"] = weight.fill_null(1.0)
    if faults:
        raise FaultsFound(f"{where} cannot be used as it stands", faults, where=where, fix="mend the cells named below")
    columns["judged"] = pl.repeat(judged, frame.height, eager=True)
    order = ("enterprise", "period", "industry", "region", "size", "filer", "row", "judged", "weight", *item_keys())
    return pl.DataFrame({name: columns[name].alias(name) for name in order})


def _note_blank(cells: pl.Series, numbers: pl.Series, heading: str, where: str, faults: list[Fault]) -> None:
    for n in numbers.filter(cells.is_null() | (cells == "")).head(5):
        faults.append(Fault("the enterprise is missing", f"{where}, row {n}, column {heading}", "fill it in", "blank"))


def _codes(table: Mapping[str, object]) -> dict[str, str]:
    found = {}
    for code, one in table.items():
        for word in (code, getattr(one, "zh", ""), getattr(one, "en", ""), getattr(one, "iso", "")):
            found[str(word).lower()] = code
    return {word: code for word, code in found.items() if word}


def _coded(frame: pl.DataFrame, heading: str | None, codes: dict[str, str]) -> pl.Series:
    """Codes of a classification from codes or names; what is not known stays as it is written."""
    if heading is None:
        return pl.repeat("", frame.height, eager=True)
    text = frame[heading].cast(pl.String).fill_null("").str.strip_chars().str.replace(r"\.0$", "")
    return text.str.to_lowercase().replace_strict(codes, default=text)


_PERIOD = r"^(\d{4})\s*[-/.年]?\s*(\d{1,2})\s*(?:月|[-/.]\d{1,2}.*)?$"


def _periods(
    frame: pl.DataFrame, heading: str | None, numbers: pl.Series, where: str, faults: list[Fault]
) -> pl.Series:
    if heading is None:
        return pl.repeat(0, frame.height, dtype=pl.Int64, eager=True)
    text = frame[heading].cast(pl.String).fill_null("").str.strip_chars().str.replace(r"\.0$", "")
    parts = text.str.extract_groups(_PERIOD)
    year, month = (parts.struct.field(str(i)).cast(pl.Int64, strict=False) for i in (1, 2))
    good = (year.is_between(1949, 2100) & month.is_between(1, 12)).fill_null(value=False)
    for n, cell in zip(numbers.filter(~good).head(10), text.filter(~good).head(10), strict=True):
        faults.append(
            Fault(f'"{cell}" is no period', f"{where}, row {n}, column {heading}", "write it as 2025-06", "bad_period")
        )
    return (year * 12 + month - 1).fill_null(0)


def _numbers(cells: pl.Series, numbers: pl.Series, where: str, faults: list[Fault]) -> pl.Series:
    if cells.dtype.is_numeric() or cells.dtype == pl.Boolean:
        found = cells.cast(pl.Float64)
        wrong = found.is_infinite()
        text = cells.cast(pl.String)
    else:
        text = cells.cast(pl.String).str.strip_chars()
        plain = text.str.replace_all(r"[,，\s]", "").str.replace(r"^\((.*)\)$", "-$1")
        plain = plain.replace(
            {"": None, "-": None, "—": None, "NA": None, "N/A": None, "null": None, "nan": None, "NaN": None}
        )
        found = plain.cast(pl.Float64, strict=False)
        wrong = (plain.is_not_null() & found.is_null()) | found.is_infinite()
    wrong = wrong.fill_null(value=False) | (found.abs() > 1e18).fill_null(value=False)
    if wrong.any():
        for n, cell in zip(numbers.filter(wrong).head(5), text.filter(wrong).head(5), strict=True):
            faults.append(
                Fault(
                    f'"{cell[:40]}" is no usable number',
                    f"{where}, row {n}, column {cells.name}",
                    "write digits only",
                    "bad_number",
                )
            )
    return found.fill_nan(None).alias(cells.name)
