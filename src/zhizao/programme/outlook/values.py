"""Values from a user's table: which column is what, and every cell that cannot be taken, with its place and its cure.

Full-width digits, percent signs, thousands marks and years written with a month or quarter are understood. Two values
for one indicator and period are vintages when their days of publication differ, and a fault when they do not.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.indicators.actuals import OWN, Actuals, Observation, Said
from zhizao.programme.indicators.definition import Definition, Kind
from zhizao.programme.outlook.figures import scale_of

__all__ = ["HEADINGS", "ValuesRead", "values_of"]

HEADINGS: dict[str, tuple[str, ...]] = {
    "indicator": ("indicator", "id", "indicator id", "指标", "指标编号", "指标代码", "编号"),
    "year": ("year", "period", "年份", "年", "年度", "期间", "时期"),
    "value": ("value", "figure", "数值", "值", "指标值", "实际值"),
    "se": ("se", "standard error", "标准误", "标准误差"),
    "source": ("source", "来源", "数据来源"),
    "published": ("published", "date", "published on", "发布日期", "公布日期", "发布时间"),
    "series": ("series", "序列", "口径"),
    "measure": ("measure", "ratio", "类型", "数值类型"),
    "confidence": ("confidence", "可信度", "置信等级"),
}
"""Headings of each column, English and Chinese."""

_MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class ValuesRead:
    """What a table held.

    Parameters
    ----------
    actuals : the values
    notes : what was noticed on the way and does not stop the work
    """

    actuals: Actuals
    notes: tuple[Said, ...]


def values_of(
    rows: Sequence[tuple[str, Mapping[str, object]]], definitions: Mapping[str, Definition], *, today: date
) -> ValuesRead:
    """Values from rows of named cells.

    Parameters
    ----------
    rows : place to show in messages, and cells by heading; at most 100,000
    definitions : by id, against which values are checked
    today : nothing later can have been measured

    Raises
    ------
    FaultsFound : with every cell that cannot be taken

    Examples
    --------
    >>> from zhizao.programme.indicators import definitions
    >>> row = {"指标": "IND07", "年份": "２０２３年", "数值": "80.1%", "发布日期": "2024-07-05"}
    >>> one = values_of([("row 2", row)], definitions(), today=date(2026, 6, 30)).actuals.observations[0]
    >>> one.year, one.value, one.published.year
    (2023, 80.1, 2024)
    """
    if not rows:
        raise InputError("there are no values", fix="write rows with indicator, year and value", code="no_rows")
    if len(rows) > _MOST_ROWS:
        raise InputError(f"there are {len(rows):,} values", fix=f"at most {_MOST_ROWS:,} are taken", code="too_many")
    columns = _columns(rows)
    faults: list[Fault] = []
    notes: list[Said] = []
    found: list[tuple[str, Observation]] = []
    for place, cells in rows:
        named = {role: cells.get(heading) for role, heading in columns.items()}
        if all(_text(cell) == "" for cell in named.values()):
            continue
        one = _one(place, named, definitions, today, faults)
        if one is not None:
            found.append((place, one))
    kept = _without_twice(found, faults, notes)
    for definition in definitions.values():
        positive = [one for one in kept if one.indicator == definition.id and one.value > 0 and not one.ratio]
        if definition.kind is Kind.REDUCTION and definition.direction == "decrease" and positive:
            zh = f"{definition.id}有{len(positive)}个正值，按上升理解；下降应写负数"
            en = f"{definition.id} has {len(positive)} values above 0, read as a rise; a fall is written negative"
            notes.append(Said(zh=zh, en=en))
    if faults:
        first = faults[0]
        what = first.what if len(faults) == 1 else f"{len(faults)} faults, the first: {first.what}"
        raise FaultsFound(what, faults, where=first.where, fix=first.fix)
    if not kept:
        raise InputError("there are no values", fix="write rows with indicator, year and value", code="no_rows")
    return ValuesRead(Actuals.of(kept), tuple(notes))


def _columns(rows: Sequence[tuple[str, Mapping[str, object]]]) -> dict[str, str]:
    headings = list(dict.fromkeys(str(heading) for _, cells in rows for heading in cells))
    by_word = {" ".join(_text(one).lower().replace("_", " ").split()): one for one in headings}
    columns = {}
    for role, words in HEADINGS.items():
        for word in words:
            if word in by_word:
                columns[role] = by_word[word]
                break
    missing = [role for role in ("indicator", "year", "value") if role not in columns]
    if missing:
        near = difflib.get_close_matches(missing[0], list(by_word), 1, 0.7)
        hint = f'; "{near[0]}" looks like it' if near else ""
        raise InputError(
            f"there is no column {missing[0]}{hint}",
            where=f"headings: {', '.join(headings[:12])}",
            fix="name the columns indicator, year, value (指标, 年份, 数值), and if you like se, source, published, series",
            code="no_column",
        )
    return columns


def _one(
    place: str,
    cells: Mapping[str, object],
    definitions: Mapping[str, Definition],
    today: date,
    faults: list[Fault],
) -> Observation | None:
    before = len(faults)
    key = _text(cells.get("indicator"))
    definition = definitions.get(key) or next((d for d in definitions.values() if key in (d.zh, d.en)), None)
    if definition is None:
        near = difflib.get_close_matches(key.upper(), list(definitions), 1)
        hint = f"did you mean {near[0]}? " if near else ""
        what = f'"{key[:60]}" is not an indicator' if key else "the indicator is missing"
        faults.append(Fault(what, place, f"{hint}known: {', '.join(definitions)}", "unknown_indicator"))
    when = _period(_text(cells.get("year")), place, today, faults)
    value = _number(_text(cells.get("value")), "value", place, faults, definition)
    se_text = _text(cells.get("se"))
    se = _number(se_text, "se", place, faults, None) if se_text else None
    if se is not None and se < 0:
        faults.append(Fault(f"se {se:g} is negative", place, "a standard error is 0 or more", "bad_se"))
    published = _day(_text(cells.get("published")), place, faults)
    if published is not None and published > today:
        faults.append(Fault(f"published {published} lies in the future", place, "correct the day", "future"))
    confidence = _text(cells.get("confidence")).lower() or "high"
    confidence = {"高": "high", "中": "medium", "低": "low"}.get(confidence, confidence)
    if confidence not in ("high", "medium", "low"):
        faults.append(Fault(f'confidence "{confidence[:40]}" is not known', place, "write high, medium or low"))
    measure = _text(cells.get("measure")).lower()
    ratio = measure in ("ratio", "level", "比率", "水平", "true", "1")
    if definition is not None and value is not None and not ratio:
        _check_range(definition, value, place, faults)
    if len(faults) > before or definition is None or when is None or value is None:
        return None
    year, at = when
    return Observation(
        indicator=definition.id,
        year=year,
        at=at,
        value=value,
        source=_text(cells.get("source"))[:200],
        series=_text(cells.get("series"))[:60] or OWN,
        published=published,
        confidence=confidence,  # type: ignore[arg-type]
        se=se,
        ratio=ratio,
    )


def _check_range(definition: Definition, value: float, place: str, faults: list[Fault]) -> None:
    scale = scale_of(definition, ratios=False)
    sizes = [abs(one.value) for one in definition.targets] + [abs(one) for one in definition.published.values()]
    if not scale.fits(value):
        limits = {"log_odds": f"between 0 and {scale.ceiling:g}", "log": "above 0", "root": "0 or more"}
        faults.append(
            Fault(
                f"{definition.id}: {value:g} is out of range",
                place,
                f"it lies {limits.get(scale.name, 'above −100')}, in {definition.unit}",
                "out_of_range",
            )
        )
    elif definition.unit.startswith("%") and sizes and 0 < abs(value) <= 1 and min(sizes) >= 10:
        faults.append(
            Fault(
                f"{definition.id}: {value:g} looks like a share of 1, not percent",
                place,
                f"write {100 * value:g} for {100 * value:g} %",
                "wrong_unit",
            )
        )


def _text(cell: object) -> str:
    return "" if cell is None else unicodedata.normalize("NFKC", str(cell)).strip()


_YEAR = re.compile(r"(\d{4})(?:\.0+)?年?(?:度|末)?")
_MONTH = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?(?:末)?")
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?")
_QUARTER = re.compile(r"(\d{4})\s*年?\s*[-/]?\s*(?:Q|q|第)?\s*([1-4一二三四])\s*(?:季度|季)?")


def _period(text: str, place: str, today: date, faults: list[Fault]) -> tuple[int, float | None] | None:
    """Year, and the end of the period in years where it is not the year's own."""
    year, at = None, None
    if match := _YEAR.fullmatch(text):
        year = int(match[1])
    elif match := _DAY.fullmatch(text):
        try:
            day = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            day = None
        if day is not None:
            year = day.year
            at = year - 1 + day.timetuple().tm_yday / date(year, 12, 31).timetuple().tm_yday
    elif (match := _QUARTER.fullmatch(text)) and ("Q" in text.upper() or "季" in text):
        year, quarter = int(match[1]), "1234一二三四".index(match[2]) % 4 + 1
        at = year - 1 + quarter / 4
    elif (match := _MONTH.fullmatch(text)) and 1 <= int(match[2]) <= 12:
        year = int(match[1])
        at = year - 1 + int(match[2]) / 12
    if year is None:
        what = f'year "{text[:40]}" is not a year' if text else "the year is missing"
        faults.append(Fault(what, place, "write 2023, 2025-03 or 2025Q1", "bad_year"))
        return None
    if not 1949 <= year <= 2100:
        faults.append(Fault(f"year {year} is out of range", place, "years lie between 1949 and today", "bad_year"))
        return None
    if year > today.year:
        faults.append(Fault(f"year {year} lies in the future", place, "only measured values are taken", "future"))
        return None
    return year, None if at is not None and abs(at - year) < 1e-9 else at


def _number(text: str, column: str, place: str, faults: list[Fault], definition: Definition | None) -> float | None:
    bare = text.replace("−", "-").replace("–", "-").replace(" ", "")
    percent = bare.endswith("%")
    bare = bare.rstrip("%")
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", bare):
        bare = bare.replace(",", "")
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", bare):
        what = f'{column} "{text[:40]}" is not a number' if text else f"the {column} is missing"
        faults.append(Fault(what, place, "write digits with a point, such as 83.5", "bad_number"))
        return None
    value = float(bare)
    if not math.isfinite(value) or abs(value) > 1e15:
        faults.append(Fault(f'{column} "{text[:40]}" is too large', place, "check the unit", "bad_number"))
        return None
    if percent and definition is not None and not definition.unit.startswith(("%", "percent")):
        what = f"{definition.id} is in {definition.unit}, but the value is written with %"
        faults.append(Fault(what, place, f"write it in {definition.unit}", "wrong_unit"))
        return None
    return value


def _day(text: str, place: str, faults: list[Fault]) -> date | None:
    if not text:
        return None
    match = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ].*)?", text)
    if match:
        try:
            return date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            pass
    faults.append(Fault(f'published "{text[:40]}" is not a day', place, "write it as 2024-07-05", "bad_day"))
    return None


def _without_twice(found: list[tuple[str, Observation]], faults: list[Fault], notes: list[Said]) -> list[Observation]:
    seen: dict[tuple[object, ...], tuple[str, Observation]] = {}
    kept, same = [], 0
    for place, one in found:
        key = (one.indicator, one.series, round(one.when, 3), one.published, one.ratio)
        if key not in seen:
            seen[key] = (place, one)
            kept.append(one)
            continue
        other_place, other = seen[key]
        if other.value == one.value:
            same += 1
            continue
        faults.append(
            Fault(
                f"{one.indicator} {one.year} is {one.value:g} here and {other.value:g} in {other_place}",
                place,
                "keep one, or write the day on which each was published",
                "duplicate",
            )
        )
    if same:
        notes.append(Said(zh=f"{same}行重复，已略去", en=f"{same} rows stand twice and were left out"))
    return kept
