"""Times from cells: ISO, year-first, day-first, month-first, Chinese, AM/PM, epochs, Excel serials, zones, DST.

A column is read by the few shapes that its cells have: each shape becomes one strptime format that is applied to the
whole column at once; what no shape explains is unreadable. Whether 03/04 is March or April is decided once for the
file, from all its columns (order.py). Local times become UTC by the plant's zone: of a time that occurs twice
when clocks go back the earlier is taken, a time that does not exist moves on by the gap (as PEP 495 does with fold 0).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from zhizao.sense.files.words import BLANK

__all__ = [
    "LONGEST",
    "ORDERS",
    "Times",
    "looks_like_clock",
    "looks_like_time",
    "parse_clock",
    "parse_times",
    "sample",
    "shape_of",
    "tidy",
    "to_utc",
]

UTC = pl.Datetime("us", "UTC")
NAIVE = pl.Datetime("us")
FIRST_YEAR, LAST_YEAR = 1970, 2199
NO_YEARS = (1, 1899, 1900, 9999)
"""Years that stand for no date in business systems (0001-01-01, 1900-01-01, 9999-12-31)."""

MAX_SHAPES = 100
MANY = 5000

LONGEST = timedelta(days=60)
"""No single piece of work takes longer than this."""

ORDERS = ("dmy", "mdy", "ymd")


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times.

    Parameters
    ----------
    values : UTC times, null where the cell is empty or unreadable
    bad : True where the cell holds something that is no time
    twice : times that occur twice when clocks go back (the earlier was taken)
    skipped : times that do not exist when clocks go forward (moved on by the gap)
    """

    values: pl.Series
    bad: pl.Series
    twice: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of cell writes a time: a strptime format, or a number of some unit."""

    format: str
    zone: str = "local"  # local | utc | offset
    order: str = ""  # the reading it needs: dmy, mdy, ymd; empty when there is one reading only


_HALVES = {"上午": "AM ", "早上": "AM ", "凌晨": "AM ", "中午": "PM ", "下午": "PM ", "晚上": "PM "}
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec"
_FULL = "january|february|march|april|june|july|august|september|october|november|december"
_TIME = (
    r"(?P<gap>[T ]+|,\s*)?(?:(?P<ampm1>[AP]M)\s*)?"
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?P<fraction>\.\d+)?)?"
    r"|(?P<cnhour>\d{1,2})(?P<mark>[时点時])(?P<cnminute>\d{1,2})分(?:(?P<cnsecond>\d{1,2})秒)?"
    r"|(?P<digits>\d{6}|\d{4}))(?P<gap2>\s*)(?P<ampm2>[AP]M)?"
)
_ZONE = r"(?P<gap3>\s*)(?P<zone>Z|[+-]\d{2}:?\d{2})?"
_DATES: tuple[str, ...] = (
    r"(?P<y>\d{4})(?P<s1>[-/.年])(?P<m>\d{1,2})(?P<s2>[-/.月])(?P<d>\d{1,2})(?P<s3>日?)",
    r"(?P<a>\d{1,2})(?P<s1>[-/.])(?P<b>\d{1,2})(?P<s2>[-/.])(?P<yy>\d{4}|\d{2})",
    r"(?P<d>\d{1,2})(?P<s1>[-/. ]+)(?P<mon>[A-Za-z]{3,9})(?P<s2>[-/., ]+)(?P<yy>\d{4}|\d{2})",
    r"(?P<mon>[A-Za-z]{3,9})(?P<s1>[-. ]+)(?P<d>\d{1,2})(?P<s2>[-, ]+)(?P<yy>\d{4})",
    r"(?P<ymd>(?:19|20)\d{6})",
)
_WHOLE = [re.compile(rf"{date}(?:{_TIME})?{_ZONE}", re.IGNORECASE) for date in _DATES]
_NO_DATE = (
    r"^(?:(?:0000|0001|1900|9999)[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.](?:0000|0001|1900|9999))(?:[ T].*)?$"
    r"|^(?:00000000|99991231|19000101)$"
)
_RUN = re.compile(r"(?:19|20)\d{10}(\d{2})?")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AP]M)?", re.IGNORECASE)
_EXCEL_CLOCK = re.compile(r"1899-12-3[01][ T](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?")


def tidy(text: str) -> str:
    """Cell with full-width characters, Chinese halves of the day and odd spellings of zones made uniform.

    Examples
    --------
    >>> tidy("２０２５年3月1日 下午 3：04"), tidy("2025-03-01 08:30:00,5 a.m."), tidy("2025-03-01T08:30:00+08")
    ('2025年3月1日 PM 3:04', '2025-03-01 08:30:00.5 AM', '2025-03-01T08:30:00+0800')
    """
    out = []
    for c in text.strip():
        code = ord(c)
        out.append(chr(code - 0xFEE0) if 0xFF01 <= code <= 0xFF5E else " " if c in "\u3000\u00a0\u202f\t" else c)
    text = "".join(out)
    for seen, meant in _HALVES.items():
        text = text.replace(seen, meant)
    text = re.sub(r"\b([ap])\.\s?m\.?", lambda found: f"{found[1].upper()}M", text, flags=re.IGNORECASE)
    text = re.sub(r"\s*[(（]?(?:星期|周)[一二三四五六日天][)）]?\s*", " ", text)
    text = re.sub(r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]?\s+", "", text, flags=re.IGNORECASE)
    text = re.sub(r"(:\d{2}),(\d{1,9})", r"\1.\2", text)
    text = re.sub(r"(:\d{2}(?:\.\d+)?)\s*([+-]\d{2})$", r"\1\g<2>00", text)
    text = re.sub(r"(日)(?=\d)", r"\1 ", text)
    text = re.sub(r"\s*(?:UTC|GMT|z)$", "Z", text)
    return re.sub(r" +", " ", text).strip()


def shape_of(text: str, order: str | None = None) -> Shape | None:
    """Shape of one cell that holds date (and time); None when it is no date.

    Parameters
    ----------
    text : the cell
    order : dmy, mdy or ymd for dates such as 03/04/2025; None returns the shape with order "?"

    Examples
    --------
    >>> shape_of("2012/01/29 23:24:00.000").format, shape_of("3/1/25 1:05 PM", "mdy").format
    ('%Y/%m/%d %H:%M:%S%.f', '%m/%d/%y %I:%M %p')
    """
    if _RUN.fullmatch(text):
        return Shape("%Y%m%d%H%M%S" if len(text) == 14 else "%Y%m%d%H%M")
    for pattern in _WHOLE:
        found = pattern.fullmatch(text)
        if found is not None:
            return _shape(found.groupdict(), order)
    return None


def _shape(part: dict[str, str | None], order: str | None) -> Shape | None:
    need = ""
    if part.get("ymd"):
        date = "%Y%m%d"
    elif part.get("y"):
        date = f"%Y{part['s1']}%m{part['s2']}%d{part['s3']}"
    elif part.get("mon"):
        mon = str(part["mon"]).lower()
        name = "%b" if mon in _MONTHS.split("|") else "%B" if mon in _FULL.split("|") else ""
        if not name:
            return None
        year = "%Y" if len(str(part["yy"])) == 4 else "%y"
        first, second = ("%d", name) if str(part.get("s1")) and _day_first(part) else (name, "%d")
        date = f"{first}{part['s1']}{second}{part['s2']}{year}"
    else:
        four = len(str(part["yy"])) == 4
        need = order or "?"
        if four and need == "ymd":
            need = "dmy"
        letters = {"d": "%d", "m": "%m", "y": "%Y" if four else "%y", "?": "%d"}
        a, b, c = tuple(need if need != "?" else "dmy")
        date = f"{letters[a]}{part['s1']}{letters[b]}{part['s2']}{letters[c]}"
    half = part.get("ampm1") or part.get("ampm2")
    hour = "%I" if half else "%H"
    clock = ""
    if part.get("hour"):
        clock = f"{hour}:%M" + (":%S" if part["second"] else "") + ("%.f" if part["fraction"] else "")
    elif part.get("cnhour"):
        clock = f"{hour}{part['mark']}%M分" + ("%S秒" if part["cnsecond"] else "")
    elif part.get("digits"):
        if not part.get("gap"):
            return None
        clock = "%H%M%S" if len(str(part["digits"])) == 6 else "%H%M"
    if clock:
        before = f"%p{' ' if part['ampm1'] else ''}" if part.get("ampm1") else ""
        after = f"{part['gap2']}%p" if part.get("ampm2") else ""
        clock = f"{part['gap'] or ''}{before}{clock}{after}"
    zone = part.get("zone")
    if not zone:
        return Shape(date + clock, "local", need)
    if zone in "Zz":
        return Shape(f"{date}{clock}{part['gap3']}{zone}", "utc", need)
    return Shape(f"{date}{clock}{part['gap3']}%z", "offset", need)


def _day_first(part: dict[str, str | None]) -> bool:
    return list(part).index("d") < list(part).index("mon")


def looks_like_time(cells: Iterable[str]) -> float:
    """Share of cells that are dates by their shape; plain numbers do not count."""
    cells = [tidy(cell) for cell in cells]
    return sum(shape_of(cell) is not None for cell in cells) / len(cells) if cells else 0.0


def looks_like_clock(cells: Iterable[str]) -> float:
    """Share of cells that are times of day."""
    cells = [tidy(cell) for cell in cells]
    hits = sum(bool(_CLOCK.fullmatch(cell)) or bool(_EXCEL_CLOCK.fullmatch(cell)) for cell in cells)
    return hits / len(cells) if cells else 0.0


def parse_times(column: pl.Series, zone: str, order: str | None = None) -> Times:
    """UTC times of a column.

    Parameters
    ----------
    column : text, numbers (epoch or Excel serial), dates or datetimes
    zone : IANA zone of cells without their own
    order : dmy, mdy or ymd for cells such as 03/04/2025; day-first when None

    Examples
    --------
    >>> times = parse_times(pl.Series(["2025/3/1 8:30", "2025年3月1日 16:00", "x", None]), "Asia/Shanghai")
    >>> [time and time.isoformat() for time in times.values.to_list()], times.bad.to_list()
    (['2025-03-01T00:30:00+00:00', '2025-03-01T08:00:00+00:00', None, None], [False, False, True, False])
    """
    kind = column.dtype
    none = pl.Series(column.name, [False], dtype=pl.Boolean).new_from_index(0, len(column))
    if isinstance(kind, pl.Datetime) or kind == pl.Date:
        aware = isinstance(kind, pl.Datetime) and kind.time_zone is not None
        moments = column.dt.convert_time_zone("UTC").cast(UTC) if aware else column.cast(NAIVE)
        year = moments.dt.year()
        inside = year.is_between(FIRST_YEAR, LAST_YEAR)
        bad = (~inside & ~year.is_in(NO_YEARS)).fill_null(value=False)
        moments = moments.zip_with(inside.fill_null(value=False), moments.clear(len(moments)))
        if aware:
            return Times(moments, bad)
        local, twice, skipped = to_utc(moments, zone)
        return Times(local, bad, twice, skipped)
    if kind.is_numeric():
        moments, naive = _from_number(column.cast(pl.Float64))
        bad = column.is_not_null() & moments.is_null() & naive.is_null()
        local, twice, skipped = to_utc(naive, zone)
        return Times(_coalesce(moments, local), bad, twice, skipped)
    if kind == pl.Null:
        return Times(column.cast(UTC), none)
    return _parse_text(column.cast(pl.String), zone, order or "dmy")


def _parse_text(column: pl.Series, zone: str, order: str) -> Times:
    """Text: shape after shape over what is left, each on all cells at once."""
    n = len(column)
    aware = pl.Series([None], dtype=UTC).new_from_index(0, n)
    naive = pl.Series([None], dtype=NAIVE).new_from_index(0, n)
    shape = _commonest(column, order)
    if shape is not None:
        moments = _apply(column, shape)
        naive, aware = (moments, aware) if shape.zone == "local" else (naive, moments)
    left = column.is_not_null() & naive.is_null() & aware.is_null()
    for tidying in (False, True):
        # many cells of other shapes: all at once, before the distinct rest is looked at one by one
        while int(left.sum()) > MANY:
            where = left.arg_true()
            rest = column.gather(where)
            rest = _tidy_many(rest) if tidying else rest
            shape = _commonest(rest, order)
            moments = _apply(rest, shape) if shape is not None else rest.clear(0)
            if shape is None or moments.null_count() > 0.9 * len(rest):
                break
            if shape.zone == "local":
                naive = naive.scatter(where, moments)
            else:
                aware = aware.scatter(where, moments)
            left = left.scatter(where, moments.is_null())
    if left.any():
        cells = column.filter(left).alias("raw")
        unique = cells.unique()
        tidied = pl.Series("tidy", [tidy(cell) for cell in unique.to_list()], dtype=pl.String)
        parsed = _parse_unique(tidied, order)
        table = pl.DataFrame({"raw": unique, "tidy": tidied, "naive": parsed[0], "aware": parsed[1]})
        joined = cells.to_frame().join(table, on="raw", how="left", maintain_order="left")
        where = left.arg_true()
        naive = naive.scatter(where, joined["naive"])
        aware = aware.scatter(where, joined["aware"])
        blank = joined["tidy"].str.to_lowercase().is_in(list(BLANK)) | joined["tidy"].str.contains(_NO_DATE)
        bad = pl.Series([False], dtype=pl.Boolean).new_from_index(0, n)
        bad = bad.scatter(where, joined["naive"].is_null() & joined["aware"].is_null() & ~blank)
    else:
        bad = left
    local, twice, skipped = to_utc(naive, zone)
    return Times(_coalesce(aware, local), bad, twice, skipped)


def _tidy_many(cells: pl.Series) -> pl.Series:
    """`tidy` for very many cells, as far as replacing goes."""
    wide = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    return cells.str.replace_many(wide | _HALVES | {"\u3000": " ", "\u00a0": " "}).str.strip_chars()


def _parse_unique(cells: pl.Series, order: str) -> tuple[pl.Series, pl.Series]:
    """Local and zoned times of distinct tidied cells of any shapes."""
    shapes: Counter[Shape] = Counter()
    texts = cells.to_list()
    midnight = [i for i, text in enumerate(texts) if " 24:00" in text]
    if midnight:
        texts = [text.replace(" 24:00", " 00:00") if " 24:00" in text else text for text in texts]
        cells = pl.Series(cells.name, texts, dtype=pl.String)
    of: list[Shape | None] = [shape_of(text, order) for text in texts]
    shapes.update(shape for shape in of if shape is not None)
    naive = pl.Series([None], dtype=NAIVE).new_from_index(0, len(texts))
    aware = pl.Series([None], dtype=UTC).new_from_index(0, len(texts))
    for shape, _ in shapes.most_common(MAX_SHAPES):
        rows = pl.Series([i for i, mine in enumerate(of) if mine == shape], dtype=pl.UInt32)
        moments = _apply(cells.gather(rows), shape)
        if shape.zone == "local":
            naive = naive.scatter(rows, moments)
        else:
            aware = aware.scatter(rows, moments)
    numbers = [i for i, text in enumerate(texts) if of[i] is None and _NUMBER.fullmatch(text)]
    if numbers:
        rows = pl.Series(numbers, dtype=pl.UInt32)
        moments, local = _from_number(cells.gather(rows).cast(pl.Float64))
        aware, naive = aware.scatter(rows, moments), naive.scatter(rows, local)
    if midnight:
        rows = pl.Series(midnight, dtype=pl.UInt32)
        naive = naive.scatter(rows, naive.gather(rows).dt.offset_by("1d"))
    return naive, aware


def _commonest(column: pl.Series, order: str) -> Shape | None:
    """Commonest shape among a sample of cells as they are."""
    shapes = Counter(shape_of(cell, order) for cell in sample(column, 64))
    shapes.pop(None, None)
    return shapes.most_common(1)[0][0] if shapes else None


def _apply(cells: pl.Series, shape: Shape) -> pl.Series:
    """Times of the cells that have the shape, null elsewhere."""
    out = cells.str.strptime(pl.Datetime("us"), shape.format, strict=False)
    if shape.zone == "utc":
        out = out.dt.replace_time_zone("UTC")
    year = out.dt.year()
    if out.null_count() < len(out) and (int(year.min() or 0) < FIRST_YEAR or int(year.max() or 0) > LAST_YEAR):  # type: ignore[arg-type] # a year is an int
        inside = year.is_between(FIRST_YEAR, LAST_YEAR)
        out = out.zip_with(
            inside.fill_null(value=False), pl.Series([None], dtype=out.dtype).new_from_index(0, len(out))
        )
    return out


def sample(column: pl.Series, n: int) -> list[str]:
    """Up to n cells that are not empty, from all over the column, as text."""
    filled = column.drop_nulls() if column.null_count() else column
    step = max(1, len(filled) // n)
    return [str(cell).strip() for cell in filled.gather_every(step).head(n).to_list()]


_EPOCHS = ((1e8, 4.2e9, 1e6), (1e11, 4.2e12, 1e3), (1e14, 4.2e15, 1.0), (1e17, 4.2e18, 1e-3))


def _from_number(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Zoned times from epochs (s, ms, us, ns) and local ones from Excel serials (days since 1899-12-30) or yyyymmdd."""
    value = pl.col("v")
    epoch: pl.Expr = pl.lit(None, dtype=pl.Float64)
    for low, high, factor in _EPOCHS:
        epoch = pl.when(value.is_between(low, high)).then(value * factor).otherwise(epoch)
    day = pl.when(value.is_between(19700101, 21991231) & (value == value.floor())).then(
        value.cast(pl.Int64, strict=False)
    )
    serial = pl.when(value.is_between(20_000, 110_000)).then((value * 86_400).round() * 1e6)
    epoch = pl.when(day.otherwise(None).is_null()).then(epoch)
    base = pl.lit(datetime(1899, 12, 30)).cast(NAIVE)
    frame = (
        values.alias("v")
        .to_frame()
        .select(
            aware=epoch.cast(pl.Int64).cast(NAIVE).dt.replace_time_zone("UTC"),
            naive=pl.coalesce(
                base + serial.cast(pl.Int64).cast(pl.Duration("us")),
                day.cast(pl.String).str.strptime(pl.Datetime("us"), "%Y%m%d", strict=False),
            ),
        )
    )
    return frame["aware"], frame["naive"]


def to_utc(naive: pl.Series, zone: str) -> tuple[pl.Series, int, int]:
    """UTC from local times, with the number of times that occur twice, and of those that do not exist."""
    if naive.null_count() == len(naive):
        return naive.cast(NAIVE).dt.replace_time_zone("UTC"), 0, 0
    early = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    skipped = early.null_count() - naive.null_count()
    twice = 0
    if zone not in ("UTC", "Etc/UTC"):
        late = naive.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")
        twice = int((early != late).sum() or 0)
    utc = early.dt.convert_time_zone("UTC")
    if skipped:
        gap = early.is_null() & naive.is_not_null()
        before = (
            naive.filter(gap).dt.offset_by("-3h").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        )
        utc = utc.scatter(gap.arg_true(), before.dt.convert_time_zone("UTC").dt.offset_by("3h"))
    return utc, twice, skipped


def _coalesce(first: pl.Series, second: pl.Series) -> pl.Series:
    if first.null_count() == len(first):
        return second
    return first if second.null_count() == len(second) else first.zip_with(first.is_not_null(), second)


def parse_clock(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Seconds since midnight of times of day, and where a cell is none.

    Examples
    --------
    >>> parse_clock(pl.Series(["8:30", "22:05:10", "1:00 PM", "x"]))[0].to_list()
    [30600, 79510, 46800, None]
    """
    if column.dtype == pl.Time:
        seconds = column.cast(pl.Int64) // 1_000_000_000
        return seconds, pl.Series([False]).new_from_index(0, len(column))
    if column.dtype.is_numeric():
        value = column.cast(pl.Float64)
        inside = value.is_between(0, 1)
        seconds = (value * 86_400).round().cast(pl.Int64, strict=False)
        return seconds.zip_with(inside.fill_null(value=False), seconds.clear(len(seconds))), (~inside).fill_null(
            value=False
        )
    cells = column.cast(pl.String)
    unique = cells.drop_nulls().unique()
    table = {cell: _clock(cell) for cell in unique.to_list()}
    seconds = (
        cells.replace_strict(
            list(table), [-1 if v is None else v for v in table.values()], default=None, return_dtype=pl.Int64
        )
        if table
        else pl.Series([None], dtype=pl.Int64).new_from_index(0, len(cells))
    )
    blank = cells.str.strip_chars().str.to_lowercase().is_in(list(BLANK)).fill_null(value=True)
    bad = (seconds == -1).fill_null(value=False) & ~blank
    return seconds.zip_with((seconds >= 0).fill_null(value=False), seconds.clear(len(seconds))), bad


def _clock(cell: str) -> int | None:
    text = tidy(cell)
    found = _EXCEL_CLOCK.fullmatch(text)
    if found:
        return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    half = text[:2].upper() if text[:2].upper() in ("AM", "PM") else ""
    found = _CLOCK.fullmatch(text[2:].strip() + " " + half if half else text)
    if found is None:
        if _NUMBER.fullmatch(text) and 0 <= float(text) < 1:
            return round(float(text) * 86_400)
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[4].upper() == "PM" else 0)
    return hour * 3600 + minute * 60 + second if hour <= 24 and minute < 60 and second < 60 else None
