"""Published actual values: what was said, by whom, when, how sure, and what may be joined with what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field, ValidationError

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.model.noun import Noun
from zhizao.programme.indicators.safeyaml import kind_of, read_yaml

__all__ = ["Actuals", "Observation", "Said", "Series", "Source", "actuals", "read_actuals"]

OWN = "given"
"""Name of the series of values that name none."""


class Source(Noun):
    """Where a value was published."""

    zh: str = Field(min_length=1)
    """Title in Chinese."""

    en: str = Field(min_length=1)
    """Title in English."""

    publisher_zh: str = ""
    """Publisher, in Chinese."""

    publisher_en: str = ""
    """Publisher, in English."""

    published: date | None = None
    """Day it became known; the last of the month or year where only these are known."""


class Said(Noun):
    """A sentence in two languages."""

    zh: str = Field(min_length=1)
    """In Chinese."""

    en: str = Field(min_length=1)
    """In English."""

    def __call__(self, lang: str) -> str:
        """The sentence in a language, `zh` or `en`."""
        return self.zh if lang == "zh" else self.en


class Series(Said):
    """Values that may be compared and joined with each other."""

    id: str = Field(min_length=1)
    """Name that values refer to."""


class Observation(Noun):
    """One published value of one indicator."""

    indicator: str = Field(min_length=1)
    """Identifier of the indicator."""

    year: int = Field(ge=1949, le=2100)
    """Year it belongs to."""

    value: float
    """Figure in the indicator's unit; the ratio itself when `ratio`."""

    at: float | None = Field(default=None, ge=1949, le=2101)
    """End of its period in years, 2021.0 being the end of 2021; the end of `year` when empty."""

    source: str = ""
    """Identifier or name of the source."""

    series: str = OWN
    """Which series it belongs to."""

    published: date | None = None
    """When it became known; the source's day when empty."""

    confidence: Literal["high", "medium", "low"] = "high"
    """How sure it is that this is the official figure of this scope and year."""

    se: float | None = Field(default=None, ge=0)
    """Standard error, in the unit of the value; from confidence and rounding when empty."""

    bound: Literal["more_than", "less_than"] | None = None
    """The true value lies above or below."""

    ratio: bool = False
    """The value is the yearly ratio from which a change or a growth follows."""

    derived: bool = False
    """Computed from figures of the source."""

    approx: bool = False
    """Said to be about this much."""

    unverified: bool = False
    """Remembered, not found in a source; never shown as fact."""

    forecast: bool = False
    """Written before its year had ended."""

    context: bool = False
    """Shown, neither judged by nor joined."""

    period_zh: str = ""
    """Its period in words, in Chinese, where `year` and `at` do not tell it."""

    period_en: str = ""
    """Its period in words, in English."""

    note_zh: str = ""
    """What has to be known of it, in Chinese."""

    note_en: str = ""
    """What has to be known of it, in English."""

    @property
    def when(self) -> float:
        """End of its period in years."""
        return float(self.year) if self.at is None else self.at


@dataclass(frozen=True, slots=True)
class Actuals:
    """Published values with what belongs to them.

    Parameters
    ----------
    observations : in the order of the file; `published` is filled from the source
    sources : by identifier
    series : of each indicator, the one that is judged by first in front
    gaps : what is missing or broken, by indicator
    """

    observations: tuple[Observation, ...]
    sources: dict[str, Source]
    series: dict[str, tuple[Series, ...]]
    gaps: dict[str, tuple[Said, ...]]

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> Actuals:
        """Values by themselves, each series in the order of its first appearance."""
        kept = tuple(observations)
        series: dict[str, tuple[Series, ...]] = {}
        for one in kept:
            known = series.get(one.indicator, ())
            if one.series not in [each.id for each in known]:
                zh = "所给数据" if one.series == OWN else one.series
                en = "values given" if one.series == OWN else one.series
                series[one.indicator] = (*known, Series(id=one.series, zh=zh, en=en))
        return cls(kept, {}, series, {})


@cache
def actuals() -> Actuals:
    """The published values that are shipped.

    Examples
    --------
    >>> found = actuals()
    >>> [(one.year, one.value, one.source) for one in found.observations if one.indicator == "IND11"][:1]
    [(2020, -39.6, 'MWR-2020')]
    """
    text = files("zhizao.programme.indicators").joinpath("actuals.yaml").read_text(encoding="utf-8")
    return read_actuals(text, "actuals.yaml")


def read_actuals(text: str, where: str) -> Actuals:
    """Values from YAML in the shape of the shipped file: `sources`, and `indicators` with series, values, gaps.

    Raises
    ------
    FaultsFound : with everything that is wrong, each with its place
    """
    data = read_yaml(text, where)
    if not isinstance(data, dict) or not isinstance(data.get("indicators"), list):
        raise InputError(
            f"the file holds {kind_of(data)}, not published values",
            where=where,
            fix="write `indicators:` and below it a list, each with id and values",
            code="bad_values",
        )
    faults: list[Fault] = []
    for key in set(data) - {"sources", "indicators"}:
        faults.append(Fault(f'"{key}" is no part of a file of values', where, "parts: sources, indicators"))
    listed = data.get("sources") or {}
    sources: dict[str, Source] = {}
    for key, row in listed.items() if isinstance(listed, dict) else ():
        made = _make(Source, row, f"{where}, sources ({key})", faults)
        if made is not None:
            sources[str(key)] = made
    observations: list[Observation] = []
    series: dict[str, tuple[Series, ...]] = {}
    gaps: dict[str, tuple[Said, ...]] = {}
    for i, row in enumerate(data["indicators"], 1):
        place = f"{where}, indicators {i}"
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            faults.append(Fault(f"this is {kind_of(row)} without an id", place, "write id, series, values, gaps"))
            continue
        key = row["id"]
        place = f"{place} ({key})"
        for extra in set(row) - {"id", "series", "values", "gaps"}:
            faults.append(Fault(f'"{extra}" is not a field', place, "fields here: id, series, values, gaps"))
        named = [_make(Series, one, f"{place}, series", faults) for one in _list(row, "series", place, faults)]
        series[key] = tuple(one for one in named if one is not None)
        said = [_make(Said, one, f"{place}, gaps", faults) for one in _list(row, "gaps", place, faults)]
        gaps[key] = tuple(one for one in said if one is not None)
        for j, value in enumerate(_list(row, "values", place, faults), 1):
            spot = f"{place}, value {j}"
            if isinstance(value, dict):
                value = {"indicator": key, **value}
            made = _make(Observation, value, spot, faults)
            if made is None:
                continue
            if made.published is None and made.source in sources:
                made = made.model_copy(update={"published": sources[made.source].published})
            if series[key] and made.series not in [one.id for one in series[key]]:
                known = ", ".join(one.id for one in series[key])
                faults.append(Fault(f'"{made.series}" is not a series of {key}', spot, f"series: {known}"))
            observations.append(made)
    if faults:
        first = faults[0]
        what = first.what if len(faults) == 1 else f"{len(faults)} faults, the first: {first.what}"
        raise FaultsFound(what, faults, where=first.where, fix=first.fix)
    found = Actuals.of(observations)
    return Actuals(found.observations, sources, {**found.series, **{k: v for k, v in series.items() if v}}, gaps)


def _list(row: dict[str, Any], key: str, place: str, faults: list[Fault]) -> list[Any]:
    value = row.get(key) or []
    if not isinstance(value, list):
        faults.append(Fault(f"{key} is {kind_of(value)}, not a list", place, f"write {key} as a list"))
        return []
    return value


def _make(kind: type[Any], row: Any, place: str, faults: list[Fault]) -> Any:
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        for found in error.errors():
            name = ".".join(str(part) for part in found["loc"]) or "this"
            if found["type"] == "extra_forbidden":
                fix = f"fields here: {', '.join(kind.model_fields)}"
                faults.append(Fault(f'"{name}" is not a field', place, fix, "unknown_key"))
            else:
                seen = found.get("input")
                shown = "" if isinstance(seen, dict | list) else f", not {str(seen)[:60]!r}"
                what = f"{name}: {found['msg']}".replace("Input should be", "should be") + shown
                faults.append(Fault(what, place, f"correct {name}", "bad_field"))
    return None
