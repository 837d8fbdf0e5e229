"""One column seen alone: what its cells look like, what its heading sounds like, how well both suit a role."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import polars as pl

from zhizao.sense.files.quantities import decide_decimal, parse_quantity, report_of, seconds_of
from zhizao.sense.files.said import Said
from zhizao.sense.files.times import looks_like_clock, looks_like_time, sample
from zhizao.sense.files.words import BLANK, HEADINGS, NO, YES, plain

__all__ = [
    "ENOUGH",
    "NUMBER_ROLES",
    "PLANNED",
    "PLAN_ROLES",
    "TIME_ROLES",
    "Choice",
    "Profile",
    "fit",
    "heading_score",
    "profile",
]

SAMPLE = 400
ENOUGH = 0.5
"""Least score at which a column is taken."""

TIME_ROLES = frozenset({"start", "end", "start_date", "end_date", "time", "released", "due"})
WORK_ROLES = TIME_ROLES - {"released", "due"}
PLAN_ROLES = frozenset({"released", "due"})
NUMBER_ROLES = frozenset({"good", "total", "scrap", "rework", "order_quantity"})


@dataclass(frozen=True, slots=True)
class Profile:
    """What the cells of a column look like; shares are of the cells that are not empty."""

    heading: str
    filled: float
    distinct: int
    unique: float
    time: float
    clock: float
    midnight: float
    number: float
    span: float
    flag: float
    report: float
    people: float
    cells: tuple[str, ...]

    @property
    def is_clock(self) -> bool:
        """Times of day without a date."""
        return self.clock >= 0.5 and self.time < 0.5


@dataclass(frozen=True, slots=True)
class Choice:
    """A column taken for a role, and why."""

    role: str
    heading: str
    why: Said
    confidence: float


PLANNED = re.compile(
    r"(?i)\b(?:plan|planned|sched|scheduled|target|expected|estimated|est|forecast)\b|计划|预计|排产|预定|目标"
)
_NAME = re.compile(r"[A-ZÀ-Þ][\w'’.-]+(?: (?:de|van|von|der|da|di|la|le|el|al|bin|of))*(?: [A-ZÀ-Þ][\w'’.-]*){1,3}")
_STAFF = re.compile(r"(?:ID|EMP|W|OP|U|USR|STAFF|工号)[-_ ]?\d{2,}", re.IGNORECASE)
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)

_TOO_GENERAL = frozenset({"id", "no", "key", "from", "to"})
_DOUBLE_SURNAMES = frozenset(
    [
        "欧阳",
        "司马",
        "上官",
        "诸葛",
        "东方",
        "皇甫",
        "尉迟",
        "公孙",
        "慕容",
        "司徒",
        "令狐",
        "夏侯",
        "南宫",
        "端木",
        "长孙",
        "宇文",
    ]
)


def profile(column: pl.Series) -> Profile:
    """Look at up to 400 cells from all over a column."""
    kind = column.dtype
    cells = sample(column, SAMPLE)
    filled = 1 - column.null_count() / max(len(column), 1)
    cells = [cell for cell in cells if cell.lower() not in BLANK]
    distinct = len(set(cells))
    n = len(cells)
    if isinstance(kind, pl.Datetime) or kind == pl.Date:
        midnight = sum(cell[10:] in ("", " 00:00:00", " 00:00:00.000000") for cell in cells) / max(n, 1)
        return Profile(column.name, filled, distinct, distinct / max(n, 1), 1, 0, midnight, 0, 0, 0, 0, 0, tuple(cells))
    if not n:
        return Profile(column.name, filled, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ())

    def share(hits: int) -> float:
        return hits / n

    numeric = kind.is_numeric()
    texts = pl.Series(cells, dtype=pl.String)
    decimal = decide_decimal(cells)
    number = 1.0 if numeric else 1 - share(int(parse_quantity(texts, decimal).bad.sum()))
    time = 0.0 if numeric else looks_like_time(cells)
    clock = 0.0 if numeric else looks_like_clock(cells)
    midnight = share(sum(not re.search(r"\d[:时点]\d|\d点", cell) for cell in cells)) if time else 0.0
    if number > 0.9 and time < 0.5:
        values = parse_quantity(texts, decimal).values.drop_nulls()
        epochs = values.is_between(1e8, 4.2e9) | values.is_between(1e11, 4.2e12) | values.is_between(30_000, 80_000)
        time = max(time, float(epochs.sum()) / n * 0.9)
    colons = share(sum(":" in cell and seconds_of(cell, "min") is not None for cell in cells))
    words = share(sum(seconds_of(cell, "min", decimal) is not None for cell in cells))
    low = [cell.lower() for cell in cells]
    flag = (
        1.0 if kind == pl.Boolean else share(sum(cell in YES or cell in NO or cell in ("1.0", "0.0") for cell in low))
    )
    report = share(sum(report_of(cell) is not None for cell in cells))
    people = share(sum(_is_person(cell) for cell in cells))
    span = max(colons, words)
    return Profile(
        column.name,
        filled,
        distinct,
        distinct / n,
        time,
        clock,
        midnight,
        number,
        span,
        flag,
        report,
        people,
        tuple(cells),
    )


def _is_person(cell: str) -> bool:
    if _STAFF.fullmatch(cell):
        return True
    if any(c.isdigit() for c in cell):
        return False
    if (
        2 <= len(cell) <= 4
        and (cell[0] in _SURNAMES or cell[:2] in _DOUBLE_SURNAMES)
        and all("\u4e00" <= c <= "\u9fff" for c in cell)
    ):
        return not cell.endswith(("机", "床", "台", "线", "炉", "站", "工", "组"))
    return bool(_NAME.fullmatch(cell)) and not re.search(
        r"\b(?:machine|station|line|cell|manual|check|quality|control|oven|press|packing|center|centre)\b",
        cell,
        re.IGNORECASE,
    )


def heading_score(heading: str, role: str) -> tuple[float, str]:
    """How much a heading sounds like a role (0..1), and the word that it sounds like.

    Examples
    --------
    >>> heading_score("Work Order  Qty", "order_quantity"), heading_score("Machin", "machine")[0] > 0.7
    ((1.0, 'work order qty'), True)
    """
    text = heading.strip().lower() if ":" in heading else plain(heading)
    if not text:
        return 0.0, ""
    joined = text.replace(" ", "")
    tokens = set(text.split())
    best, word = 0.0, ""
    for entry in HEADINGS.get(role, ()):
        weak = entry.endswith("~")
        name = entry.rstrip("~")
        score = _similar(text, joined, tokens, name)
        if weak:
            score *= 0.6
        if score > best:
            best, word = score, name
    return best, word


def _similar(text: str, joined: str, tokens: set[str], name: str) -> float:
    if text == name or joined == name.replace(" ", ""):
        return 1.0
    if ord(name[0]) > 0x2FFF:
        if name in text and len(name) >= 2:
            return 0.6 + 0.35 * len(name) / len(joined)
        ratio = difflib.SequenceMatcher(None, joined, name).ratio() if len(name) > 3 else 0.0
        return 0.8 * ratio if ratio >= 0.8 else 0.0
    words = name.split()
    if set(words) == tokens:
        return 0.98
    if set(words) < tokens and name not in _TOO_GENERAL:
        return 0.6 + 0.3 * len(words) / len(tokens)
    if len(name) > 4 and abs(len(name) - len(joined)) <= 2:
        ratio = difflib.SequenceMatcher(None, joined, name.replace(" ", "")).ratio()
        return 0.9 * ratio if ratio >= 0.84 else 0.0
    return 0.0


def fit(role: str, p: Profile) -> tuple[float, str | Said]:
    """How well the cells suit a role: a factor on the heading's score, and a word on it."""
    if not p.cells:
        if role == "rework":
            return 0.6, Said("empty so far", "暂为空")
        return (
            (0.9, Said("empty so far", "暂为空"))
            if role in ("end", "is_rework", "scrap", "due", "released", "key")
            else (0.3, Said("empty", "为空"))
        )
    if role in TIME_ROLES:
        if role in WORK_ROLES and PLANNED.search(p.heading):
            return 0.4, Said("planned, not what happened", "是计划，不是实际")
        if role in ("start_date", "end_date"):
            return (
                (1.0, Said("dates without a time of day", "只有日期"))
                if p.time > 0.5 and p.midnight > 0.95
                else (0.2, Said("not days", "不是日期"))
            )
        if p.time >= 0.5:
            return (0.85 if p.midnight > 0.95 and role in ("start", "end", "time") else 1.0), Said(
                f"{p.time:.0%} of the cells are times", f"{p.time:.0%} 的单元格是时间"
            )
        if role in ("start", "end", "time") and p.clock >= 0.5:
            return (0.95, Said("times of day", "时刻"))
        return (
            (0.6, Said("but its cells are no times that can be read", "但单元格不是可识别的时间"))
            if p.number < 0.9 and p.flag < 0.9
            else (0.3, Said("no times", "不是时间"))
        )
    if role in NUMBER_ROLES:
        if (
            role == "rework"
            and p.flag > 0.99
            and p.distinct <= 2
            and not re.search("qty|quant|piece|mrb|数", p.heading.lower())
        ):
            return 0.6, Said("yes and no", "是/否")
        if p.time > 0.5 and p.number < 0.9:
            return 0.1, Said("times, not numbers", "是时间，不是数字")
        return (
            (1.0, Said(f"{p.number:.0%} of the cells are numbers", f"{p.number:.0%} 的单元格是数字"))
            if p.number >= 0.6
            else (0.45, Said("mostly no numbers", "多数不是数字"))
        )
    if role == "duration":
        if p.is_clock and max(heading_score(p.heading, other)[0] for other in ("start", "end")) >= 0.7:
            return 0.4, Said("times of day", "时刻")
        return (1.0, Said("durations", "时长")) if p.span >= 0.6 else (0.3, Said("no durations", "不是时长"))
    if role == "is_rework":
        return (
            (1.0, Said("yes or no", "是或否"))
            if p.flag >= 0.9 and p.distinct <= 3
            else (0.3, Said("not yes or no", "不是“是/否”"))
        )
    if role == "report":
        return (
            (1.0, Said("known codes or words", "代码或词语可识别"))
            if p.report >= 0.6 and p.distinct <= 20
            else (0.3, Said("codes that are not known", "代码无法识别"))
        )
    if role == "lifecycle":
        known = sum(cell.lower() in ("start", "complete") for cell in p.cells) / len(p.cells)
        return (
            (1.0, Said("start and complete", "开始与完成"))
            if known >= 0.5
            else (0.2, Said("neither start nor complete", "既非开始也非完成"))
        )
    if role == "key":
        return (1.0, Said("differs in every row", "每行不同")) if p.unique > 0.98 else (0.3, Said("repeats", "有重复"))
    if role in ("order", "activity", "product", "machine", "person", "resource", "operation"):
        if p.time > 0.5 and p.number < 0.9:
            return 0.2, Said("times, not names", "是时间，不是名称")
        if role == "order" and p.flag > 0.95:
            return 0.8, Said("yes and no", "是/否")
    return 1.0, ""
