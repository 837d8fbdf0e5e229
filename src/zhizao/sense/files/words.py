"""The words of production records, English and Chinese: headings per role, report kinds, yes and no, blanks, units.

The tables are data (words.yaml): a plant whose words are missing names its columns in a mapping file, or a word is
added to a table.
Headings are compared after `plain`: full-width to half-width, accents off, camelCase split, lower case.
"""

from __future__ import annotations

import re
import unicodedata
from importlib import resources
from typing import Literal

import yaml

__all__ = [
    "BLANK",
    "HEADINGS",
    "NO",
    "REPORT_WORDS",
    "ROLES",
    "UNITS",
    "UNIT_OF_WORD",
    "YES",
    "Unit",
    "plain",
    "unit_of",
]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

ROLES: dict[str, tuple[str, str]] = {
    "order": ("production order, case", "工单、订单号"),
    "activity": ("what was done, as written", "工序（原文）"),
    "operation": ("what was done, without the machine", "工序（不含设备）"),
    "product": ("part or product", "产品、零件"),
    "machine": ("machine or work place", "设备、工位"),
    "person": ("who did it", "操作人员"),
    "start": ("start of the work", "开始时间"),
    "end": ("end of the work", "结束时间"),
    "start_date": ("day of the start, where start is a time of day", "开始日期"),
    "end_date": ("day of the end, where end is a time of day", "结束日期"),
    "time": ("time of the report, where there is one time only", "报工时间"),
    "duration": ("duration instead of a start or an end", "工时、时长"),
    "report": ("production, setup or breakdown", "报工类型"),
    "good": ("good pieces", "合格数量"),
    "total": ("pieces made, good and bad together", "生产总数"),
    "scrap": ("rejected pieces", "报废数量"),
    "rework": ("pieces to be done again or held for review", "返工数量"),
    "is_rework": ("the work itself is rework", "是否返工"),
    "order_quantity": ("pieces ordered", "订单数量"),
    "released": ("when the order was given to the shop", "下达时间"),
    "due": ("when the order was promised", "交期"),
    "key": ("the source's own number of the record", "记录编号"),
    "lifecycle": ("start or complete, one row each", "事件类型（开始/完成）"),
    "instance": ("pairs start with complete", "事件配对号"),
}
"""Roles that a column can have, with what each means."""

_WORDS = yaml.load(resources.files(__package__).joinpath("words.yaml").read_text("utf-8"), Loader=_LOADER)

_SHORT = {
    "act": "actual", "fin": "finish", "finished": "finish", "oper": "operation", "opn": "operation", "mach": "machine",
    "emp": "employee", "quantity": "qty", "qnty": "qty", "quan": "qty", "number": "no", "num": "no", "nr": "no", "dt": "date",
    "desc": "description", "prod": "production", "ord": "order", "ctr": "center", "centre": "center", "wrk": "work",
}  # fmt: skip


def _long(words: str) -> str:
    """Words with what is usually cut short written out, so that spellings meet."""
    tokens = words.split(" ")
    return " ".join(_SHORT.get(token.rstrip("~"), token) for token in tokens) if len(tokens) > 1 else words


HEADINGS: dict[str, tuple[str, ...]] = {
    role: tuple(dict.fromkeys(_long(word) for word in words)) for role, words in _WORDS["headings"].items()
}
"""Heading words by role; `resource` is resolved to machine or person afterwards; a trailing ~ marks a weak word."""

REPORT_WORDS: dict[str, tuple[str, ...]] = {kind: tuple(words) for kind, words in _WORDS["reports"].items()}
"""What a report type is called or coded (lower case)."""

YES = frozenset({"y", "yes", "true", "t", "1", "x", "j", "ja", "是", "有", "返工", "返修", "√", "✓", "rework"})
NO = frozenset({"n", "no", "false", "f", "0", "nein", "否", "无", "不是", "正常", "×"})
BLANK = frozenset(
    {"", "-", "--", "—", "/", "na", "n/a", "#n/a", "null", "none", "nan", "nat", "nil", "无", "空", "未知", "?"}
)
"""What stands for an empty cell (lower case, trimmed)."""

Unit = Literal["ms", "s", "min", "h", "day"]

UNITS: dict[Unit, float] = {
    "ms": 0.001,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "day": 86400.0,
}
"""Seconds in each unit of duration."""

_UNIT_WORDS: dict[Unit, tuple[str, ...]] = {
    "ms": ("ms", "msec", "milliseconds", "毫秒"),
    "s": ("s", "sec", "secs", "second", "seconds", "sek", "秒"),
    "min": ("m", "min", "mins", "minute", "minutes", "minuten", "分", "分钟"),
    "h": ("h", "hr", "hrs", "hour", "hours", "std", "stunden", "时", "小时"),
    "day": ("d", "day", "days", "tage", "天", "日"),
}
UNIT_OF_WORD: dict[str, Unit] = {word: unit for unit, words in _UNIT_WORDS.items() for word in words}

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BRACKET = re.compile(r"[(\[{（【]\s*([^)\]}）】]*?)\s*[)\]}）】]")
_OTHER = re.compile(r"[^0-9a-z:\u3400-\u9fff]+")


def plain(heading: str) -> str:
    """Heading as it is compared: lower case words with single blanks, units in brackets off, short forms written out.

    Examples
    --------
    >>> plain("Work Order  Qty"), plain("startTime"), plain("工时（分钟）"), plain("Run_Time [min]")
    ('work order qty', 'start time', '工时', 'run time')
    """
    text = unicodedata.normalize("NFKC", heading)
    text = _BRACKET.sub(
        lambda found: " " if found[1].lower() in UNIT_OF_WORD or _is_note(found[1]) else f" {found[1]} ", text
    )
    text = _CAMEL.sub(" ", text)
    text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return _long(" ".join(_OTHER.sub(" ", text).split()))


def _is_note(text: str) -> bool:
    return text.lower() in {
        "pcs",
        "pieces",
        "件",
        "个",
        "ea",
        "只",
        "local",
        "utc",
        "h:mm",
        "hh:mm",
        "hhh:mm",
        "hh:mm:ss",
        "必填",
        "required",
    }


def unit_of(heading: str) -> Unit | None:
    """Unit of duration that a heading names: in brackets, or as its last word.

    Examples
    --------
    >>> [unit_of(heading) for heading in ("Duration (min)", "工时[h]", "run_time_s", "用时分钟", "Hours", "Span")]
    ['min', 'h', 's', 'min', 'h', None]
    """
    text = unicodedata.normalize("NFKC", heading)
    for inside in _BRACKET.findall(text):
        unit = UNIT_OF_WORD.get(inside.lower().strip(" ."))
        if unit is not None:
            return unit
    words = _OTHER.sub(" ", _CAMEL.sub(" ", text).lower()).split()
    if words:
        unit = UNIT_OF_WORD.get(words[-1])
        if unit is not None and (len(words) > 1 or len(words[0]) > 2):
            return unit
        for word in ("毫秒", "分钟", "小时", "秒", "天"):
            if words[-1].endswith(word) or words[-1].endswith(word + "数"):
                return UNIT_OF_WORD[word]
    return None
