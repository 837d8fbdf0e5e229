"""Which column is what: by its heading, by what its cells look like, and by what is left over.

Each pair of role and column gets a score in 0..1 from the heading (words in two languages, also misspelt) and the
cells (dates, numbers, yes and no, codes); the best pairs win, each column once. What was decided by little says so.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import polars as pl

from zhizao.sense.files.quantities import decide_decimal, parse_quantity, report_of, seconds_of
from zhizao.sense.files.times import looks_like_clock, looks_like_time, parse_times, sample
from zhizao.sense.files.words import BLANK, HEADINGS, NO, YES, plain

__all__ = ["Choice", "Profile", "heading_score", "profile", "recognise"]

SAMPLE = 400
ENOUGH = 0.5
"""Least score at which a column is taken."""

TIME_ROLES = frozenset({"start", "end", "start_date", "end_date", "time", "released", "due"})
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
    why: str
    confidence: float


_NAME = re.compile(r"[A-ZÀ-Þ][\w'’.-]+(?: (?:de|van|von|der|da|di|la|le|el|al|bin|of))*(?: [A-ZÀ-Þ][\w'’.-]*){1,3}")
_STAFF = re.compile(r"(?:ID|EMP|W|OP|U|USR|STAFF|工号)[-_ ]?\d{2,}", re.IGNORECASE)
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)

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
    if set(words) < tokens:
        return 0.6 + 0.3 * len(words) / len(tokens)
    if len(name) > 4 and abs(len(name) - len(joined)) <= 2:
        ratio = difflib.SequenceMatcher(None, joined, name.replace(" ", "")).ratio()
        return 0.9 * ratio if ratio >= 0.84 else 0.0
    return 0.0


def _fit(role: str, p: Profile) -> tuple[float, str]:
    """How well the cells suit a role: a factor on the heading's score, and a word on it."""
    if not p.cells:
        if role == "rework":
            return 0.6, "empty so far"
        return (
            (0.9, "empty so far") if role in ("end", "is_rework", "scrap", "due", "released", "key") else (0.3, "empty")
        )
    if role in TIME_ROLES:
        if role in ("start_date", "end_date"):
            return (1.0, "dates without a time of day") if p.time > 0.5 and p.midnight > 0.95 else (0.2, "not days")
        if p.time >= 0.5:
            return (
                0.95 if p.midnight > 0.95 and role in ("start", "end", "time") else 1.0
            ), f"{p.time:.0%} of the cells are times"
        if role in ("start", "end", "time") and p.clock >= 0.5:
            return (0.95, "times of day")
        return (
            (0.6, "but its cells are no times that can be read")
            if p.number < 0.9 and p.flag < 0.9
            else (0.3, "no times")
        )
    if role in NUMBER_ROLES:
        if (
            role == "rework"
            and p.flag > 0.99
            and p.distinct <= 2
            and not re.search("qty|quant|piece|mrb|数", p.heading.lower())
        ):
            return 0.6, "yes and no"
        if p.time > 0.5 and p.number < 0.9:
            return 0.1, "times, not numbers"
        return (1.0, f"{p.number:.0%} of the cells are numbers") if p.number >= 0.6 else (0.45, "mostly no numbers")
    if role == "duration":
        return (1.0, "durations") if p.span >= 0.6 else (0.3, "no durations")
    if role == "is_rework":
        return (1.0, "yes or no") if p.flag >= 0.9 and p.distinct <= 3 else (0.3, "not yes or no")
    if role == "report":
        return (
            (1.0, "known codes or words") if p.report >= 0.6 and p.distinct <= 20 else (0.3, "codes that are not known")
        )
    if role == "lifecycle":
        known = sum(cell.lower() in ("start", "complete") for cell in p.cells) / len(p.cells)
        return (1.0, "start and complete") if known >= 0.5 else (0.2, "neither start nor complete")
    if role == "key":
        return (1.0, "differs in every row") if p.unique > 0.98 else (0.3, "repeats")
    if role in ("order", "activity", "product", "machine", "person", "resource", "operation"):
        if p.time > 0.5 and p.number < 0.9:
            return 0.2, "times, not names"
        if role == "order" and p.flag > 0.95:
            return 0.4, "yes and no"
    return 1.0, ""


def recognise(
    frame: pl.DataFrame, fixed: dict[str, str | None], *, xes: bool = False
) -> tuple[list[Choice], dict[str, str]]:
    """Choices for the columns of a table, and why each other column was left out.

    Parameters
    ----------
    frame : cells by heading
    fixed : heading by role as the mapping file has it; None keeps a role empty
    xes : the table comes from XES, where org:resource is a person

    Examples
    --------
    >>> times = ["2025-03-01 08:00", "2025-03-01 09:00"]
    >>> frame = pl.DataFrame({"工单号": ["A", "A"], "工序": ["车", "铣"], "开始时间": times})
    >>> [(choice.role, choice.heading) for choice in recognise(frame, {})[0]]
    [('order', '工单号'), ('activity', '工序'), ('start', '开始时间')]
    """
    profiles = {name: profile(frame[name]) for name in frame.columns}
    chosen = {
        role: Choice(role, name, "named in the mapping file", 1.0) for role, name in fixed.items() if name is not None
    }
    used = {choice.heading for choice in chosen.values()}
    pairs: list[tuple[float, float, str, str, str]] = []
    for name, p in profiles.items():
        if name in used:
            continue
        for role in HEADINGS:
            score, word = heading_score(name, role)
            if not score or role in fixed:
                continue
            factor, seen = _fit(role, p)
            why = f'heading sounds like "{word}"' + (f"; {seen}" if seen else "")
            pairs.append((score * factor, p.filled, role, name, why))
    pairs.sort(key=lambda pair: (-pair[0], -pair[1]))
    left: dict[str, str] = {}
    for score, _, role, name, why in pairs:
        if score < ENOUGH or name in used:
            continue
        if role in chosen or (role == "resource" and {"machine", "person"} <= chosen.keys()):
            left.setdefault(
                name, f'looks like {role} too, but "{chosen[role].heading}" fits better' if role in chosen else ""
            )
            continue
        chosen[role] = Choice(role, name, why, round(min(score, 1.0), 2))
        used.add(name)
        left.pop(name, None)
    _settle_resource(chosen, profiles, fixed, xes)
    _settle_times(chosen, profiles, fixed, used)
    _settle_fallbacks(chosen, profiles, fixed, used)
    used = {choice.heading for choice in chosen.values()}
    for name in frame.columns:
        if name not in used and not left.get(name):
            left[name] = "not like anything that is read"
    return [chosen[role] for role in _ORDER if role in chosen], {k: v for k, v in left.items() if k not in used}


_ORDER = tuple(role for role in HEADINGS if role != "resource")


def _settle_resource(
    chosen: dict[str, Choice], profiles: dict[str, Profile], fixed: dict[str, str | None], xes: bool
) -> None:
    """A column "resource" is a person where people are meant, else a machine; whatever is still free."""
    lone = chosen.pop("resource", None)
    if lone is None:
        return
    p = profiles[lone.heading]
    if "machine" in chosen or "machine" in fixed:
        role, why = "person", "the machine has its own column"
    elif "person" in chosen or "person" in fixed:
        role, why = "machine", "the person has its own column"
    elif xes or lone.heading == "org:resource":
        role, why = "person", "XES means the person by org:resource"
    elif p.people >= 0.6:
        role, why = "person", "its values look like people"
    else:
        role, why = "machine", "its values do not look like people"
    if role not in chosen and role not in fixed:
        chosen[role] = Choice(role, lone.heading, f'"resource" is a {role}: {why}', round(0.9 * lone.confidence, 2))


def _settle_times(
    chosen: dict[str, Choice], profiles: dict[str, Profile], fixed: dict[str, str | None], used: set[str]
) -> None:
    """A day column is needed only beside times of day; a single time is no start."""
    clocks = [role for role in ("start", "end", "time") if role in chosen and profiles[chosen[role].heading].is_clock]
    if not clocks and "start_date" not in fixed:
        day = chosen.pop("start_date", None)
        if day is not None and not {"start", "end", "time"} & chosen.keys():
            chosen["time"] = Choice(
                "time", day.heading, f"{day.why}; the only time there is", round(0.8 * day.confidence, 2)
            )
    elif clocks and "start_date" not in chosen and "start_date" not in fixed:
        free = [p for name, p in profiles.items() if name not in used and p.time > 0.8 and p.midnight > 0.95]
        if "time" in chosen and profiles[chosen["time"].heading].midnight > 0.95:
            day = chosen.pop("time")
            chosen["start_date"] = Choice("start_date", day.heading, "days, beside times of day", day.confidence)
        elif free:
            chosen["start_date"] = Choice("start_date", free[0].heading, "days, beside times of day", 0.6)
    if {"start", "end"} & chosen.keys() and "lifecycle" not in chosen and "time" not in fixed:
        chosen.pop("time", None)
    if "lifecycle" in chosen and "time" not in chosen and "lifecycle" not in fixed:
        chosen.pop("lifecycle")


def _settle_fallbacks(
    chosen: dict[str, Choice], profiles: dict[str, Profile], fixed: dict[str, str | None], used: set[str]
) -> None:
    """What is still missing, by content alone."""
    if not {"start", "end", "time"} & (chosen.keys() | fixed.keys()):
        free = [name for name, p in profiles.items() if name not in used and p.time >= 0.9]
        if len(free) >= 2:
            moments = {
                name: parse_times(pl.Series(list(profiles[name].cells[:100]), dtype=pl.String), "UTC").values
                for name in free
            }
            free.sort(
                key=lambda name: (
                    moments[name].drop_nulls().cast(pl.Int64).sum() / max(len(moments[name].drop_nulls()), 1)
                )
            )
            chosen["start"] = Choice("start", free[0], "holds times, the earlier of the columns that do", 0.5)
            chosen["end"] = Choice("end", free[1], "holds times, the later of the columns that do", 0.5)
        elif free:
            chosen["time"] = Choice("time", free[0], "the only column with times", 0.6)
    if "activity" not in chosen and "activity" not in fixed:
        for role in ("operation", "machine"):
            if role in chosen:
                chosen["activity"] = Choice(
                    "activity", chosen[role].heading, f"no activity named; the {role} stands for it", 0.5
                )
                break
