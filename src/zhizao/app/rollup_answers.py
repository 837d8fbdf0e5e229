"""Roll-ups as programs and pages read them: one place on the way down with its figure, parts, formula and events.

Every answer is made for one person: the scope is taken first, and nothing outside it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import polars as pl

from zhizao.app.rollup_desk import Cell, Month, Place, RollupDesk, Scope, name_of, told_definitions, unit_of
from zhizao.app.rollup_spans import Span, check_period, months_of, year_before
from zhizao.errors import InputError, NotAllowed
from zhizao.programme.disclosure import REASONS
from zhizao.programme.indicators import Definition, Kind
from zhizao.programme.items import items
from zhizao.programme.returns import Actor, Version

__all__ = ["EVENTS_AT_ONCE", "enterprise_name", "indicators_answer", "place_answer", "table_frame"]

EVENTS_AT_ONCE = 200
"""Most events in one answer."""


def indicators_answer(lang: str) -> list[dict[str, Any]]:
    """Indicators that published returns tell."""
    return [_indicator(one, lang) for one in told_definitions().values()]


def place_answer(
    desk: RollupDesk,
    actor: Actor,
    place: Place,
    *,
    by: str = "",
    offset: int = 0,
    limit: int = EVENTS_AT_ONCE,
    lang: str = "en",
) -> dict[str, Any]:
    """One place: figure, formula, coverage, the month a year before, parts, and the way from the top.

    Parameters
    ----------
    desk : roll-ups of the workspace
    actor : who looks
    place : where
    by : at the top: parts by `region` or by `industry`
    offset, limit : which events, of a line
    lang : `zh` or `en`

    Raises
    ------
    InputError : there is no such indicator, month, region, industry, enterprise or line
    NotAllowed : single enterprises are not theirs to see (`role`), or the month is under embargo (`embargo`)
    """
    _check(desk, actor, place, by)
    scope = desk.scope(actor)
    one = desk.definition(place.indicator)
    month = desk.month(scope, place.period)
    _inside(desk, actor, scope, month, place)
    before_period = year_before(place.period)
    earlier = None if desk.held(actor, before_period) else desk.month(scope, before_period)
    if place.enterprise:
        cell = _enterprise_cell(desk, month, place)
        before = None if earlier is None else _enterprise_cell(desk, earlier, place)
    else:
        cell = month.cell(place.indicator, place.region, place.industry)
        before = None if earlier is None else earlier.cell(place.indicator, place.region, place.industry)
    answer: dict[str, Any] = {
        "indicator": _indicator(one, lang),
        "period": place.period,
        "level": place.level,
        "scope": {
            "single": scope.single,
            "unit": scope.unit,
            "name": _unit(desk, scope.unit, lang),
            "enterprises": len(scope.enterprises),
            "unplaced": len(month.unplaced),
        },
        "rule": None if scope.single or month.guard is None else _rule(month, lang),
        "path": _way(desk, scope, place, lang),
        **_cell(cell, lang),
        "before": {
            "period": before_period,
            "value": None if before is None else before.value,
            "withheld": None if before is None else _why(before.withheld, lang),
        },
        "by": "",
        "children": [],
    }
    if place.line:
        answer["line"] = _line(desk, actor, place, offset, limit, lang)
    elif place.enterprise and isinstance(month, Span):
        answer["by"] = "month"
        answer["children"] = [
            {**_cell(replace(_enterprise_cell(desk, one, place), code=one.period), lang), "name": one.period}
            for one in month.months
        ]
    elif place.enterprise:
        version = _version(desk, place)
        answer["by"], answer["children"] = "line", _lines(one, version, place, lang)
        answer["version"] = None if version is None else _said_version(version)
    elif place.region and place.industry:
        answer["by"] = "enterprise"
        if scope.single:
            answer["children"] = [
                {**_cell(cell, lang), "name": enterprise_name(desk, cell.code, lang)}
                for cell in desk.enterprises(month, place)
            ]
        answer["closed"] = not scope.single
    else:
        into = "industry" if place.region else "region" if place.industry else by or "region"
        answer["by"] = into
        answer["children"] = [
            {**_cell(cell, lang), "name": name_of(into, cell.code, lang)} for cell in desk.children(month, place, into)
        ]
    return answer


def table_frame(desk: RollupDesk, actor: Actor, indicator: str, period: str, lang: str) -> pl.DataFrame:
    """The whole table of an indicator and a month: nation, regions, industries and their crossings, one row each."""
    place = Place(indicator, period)
    _check(desk, actor, place, "")
    month = desk.month(desk.scope(actor), period)
    regions = sorted({region for region, _ in month.expected})
    industries = sorted({industry for _, industry in month.expected})
    groups = [("", ""), *((r, "") for r in regions), *(("", i) for i in industries), *sorted(month.expected)]
    one = desk.definition(indicator)
    rows = []
    for region, industry in groups:
        cell = month.cell(indicator, region, industry)
        told = _why(cell.withheld, lang)
        rows.append(
            {
                "indicator": indicator,
                "version": one.version,
                "period": period,
                "region": region,
                "region_name": name_of("region", region, lang) if region else "",
                "industry": industry,
                "industry_name": name_of("industry", industry, lang) if industry else "",
                "value": cell.value,
                "unit": unit_of(one, lang),
                "numerator": cell.numerator,
                "denominator": cell.denominator,
                "returned": cell.returned,
                "expected": cell.expected,
                "withheld": told["text"] if told else "",
            }
        )
    schema = {
        "version": pl.Int64,
        "value": pl.Float64,
        "numerator": pl.Float64,
        "denominator": pl.Float64,
        "returned": pl.Int64,
        "expected": pl.Int64,
    }
    return pl.DataFrame(rows, schema_overrides=schema)


# -------------------------------------------------------------------- checks


def _check(desk: RollupDesk, actor: Actor, place: Place, by: str) -> None:
    from zhizao.programme.classes import industries, regions

    desk.definition(place.indicator)
    check_period(place.period)
    for value, known, what in ((place.region, regions(), "region"), (place.industry, industries(), "industry")):
        if value and value not in known:
            raise InputError(f'"{value[:20]}" is no {what}', fix="use a code of the answer above", code="no_group")
    if by not in ("", "region", "industry"):
        raise InputError(f'"{by[:20]}" is no way to open a figure', fix="use region or industry", code="bad_filter")
    if place.line and not place.enterprise:
        raise InputError("a line is of one enterprise", where="line", fix="name the enterprise too", code="no_group")
    if place.line and len(months_of(place.period)) > 1:
        raise InputError("a line is of one month", where="line", fix="name a month of the period", code="no_group")
    if desk.held(actor, place.period):
        raise NotAllowed(
            f"{place.period} is under embargo", fix="look at the release calendar, and come back then", code="embargo"
        )


def _inside(desk: RollupDesk, actor: Actor, scope: Scope, month: Month | Span, place: Place) -> None:
    """Refuse what is not in a person's scope; with the same words whether or not it is there."""
    if place.enterprise:
        if not scope.single or place.enterprise not in scope.enterprises:
            of = f" of {actor.unit}" if actor.unit else ""
            raise NotAllowed(
                f'"{actor.name}" is {actor.role}{of}; figures of single enterprises outside are not theirs to see',
                where=place.enterprise[:60],
                fix="go up to the industry; or ask an admin for the role and the unit",
                code="role",
            )
        unit = desk.returns.tree.enterprise(place.enterprise)
        if (place.region or unit.region, place.industry or unit.industry) != (unit.region, unit.industry):
            raise InputError(
                f"{place.enterprise} does not stand in region {place.region}, industry {place.industry}",
                fix="open it from its own region and industry",
                code="no_group",
            )
        if place.line and place.line not in items():
            raise InputError(f'"{place.line[:40]}" is no line of the return', fix="use its keys", code="unknown_item")
    elif (place.region or place.industry) and not month.owed(place.region, place.industry):
        raise InputError(
            "no enterprise that you may see stands there", where="region, industry", fix="go up", code="no_group"
        )


# --------------------------------------------------------------------- parts


def _cell(cell: Cell, lang: str) -> dict[str, Any]:
    return {**asdict(cell), "withheld": _why(cell.withheld, lang)}


def _why(code: str, lang: str) -> dict[str, str] | None:
    return {"code": code, "text": REASONS[code][lang != "zh"]} if code else None


def _rule(month: Month | Span, lang: str) -> str:
    if month.guard is None:
        return ""
    return month.guard.rule.zh if lang == "zh" else month.guard.rule.en


def _indicator(one: Definition, lang: str) -> dict[str, Any]:
    formula = one.formula
    return {
        "id": one.id,
        "version": one.version,
        "name": one.name(lang),
        "unit": unit_of(one, lang),
        "kind": one.kind.value,
        "measured": "figure" if one.kind is Kind.LEVEL else "ratio",
        "decimals": one.decimals,
        "direction": one.direction,
        "of": formula.of,
        "formula": _formula(one, lang),
        "numerator_unit": "" if formula.of == "mean_of_rates" else items()[next(iter(formula.numerator))].unit,
        "denominator_unit": items()[next(iter(formula.denominator))].unit if formula.of == "ratio" else "",
        "items": [*formula.numerator, *(key for key in formula.denominator if key not in formula.numerator)],
        "source": one.source,
    }


def _formula(one: Definition, lang: str) -> str:
    def side(terms: dict[str, float]) -> str:
        parts = []
        for key, factor in terms.items():
            name = items()[key].zh if lang == "zh" else items()[key].en
            parts.append(name if factor == 1 else f"{factor:g} × {name}")
        return " + ".join(parts)

    formula = one.formula
    scale = "" if formula.scale == 1 else f" × {formula.scale:,.0f}"
    above, below = side(formula.numerator), side(formula.denominator)
    if formula.of == "share":
        told = f"Σ {above} ÷ 企业数" if lang == "zh" else f"Σ {above} ÷ enterprises"
    elif formula.of == "mean_of_rates":
        told = f"Σ（{above} ÷ {below}）÷ 企业数" if lang == "zh" else f"Σ ({above} ÷ {below}) ÷ enterprises"
    elif len(formula.denominator) > 1:
        told = f"Σ {above} ÷ Σ（{below}）" if lang == "zh" else f"Σ {above} ÷ Σ ({below})"
    else:
        told = f"Σ {above} ÷ Σ {below}"
    return told + scale


def _way(desk: RollupDesk, scope: Scope, place: Place, lang: str) -> list[dict[str, str]]:
    """From the top to here: level, code, name, and what the address of the step says."""
    asked = {"indicator": place.indicator, "period": place.period}
    top = {"zh": "全国", "en": "nation"}[lang] if not scope.unit else _unit(desk, scope.unit, lang)
    way: list[dict[str, Any]] = [{"level": "nation", "code": "", "name": top, "query": dict(asked)}]
    steps: tuple[tuple[str, str, Callable[[str], str]], ...] = (
        ("region", place.region, lambda code: name_of("region", code, lang)),
        ("industry", place.industry, lambda code: name_of("industry", code, lang)),
        ("enterprise", place.enterprise, lambda code: enterprise_name(desk, code, lang)),
        ("line", place.line, lambda code: items()[code].zh if lang == "zh" else items()[code].en),
    )
    for level, code, name in steps:
        if code:
            asked[level] = code
            way.append({"level": level, "code": code, "name": name(code), "query": dict(asked)})
    return way


def _unit(desk: RollupDesk, name: str, lang: str) -> str:
    unit = desk.returns.tree.units.get(name)
    return name if unit is None else unit.zh if lang == "zh" else unit.en


def enterprise_name(desk: RollupDesk, name: str, lang: str) -> str:
    """Name of an enterprise, as the tree of units has it."""
    return _unit(desk, name, lang)


def _enterprise_cell(desk: RollupDesk, month: Month | Span, place: Place) -> Cell:
    group = Place(place.indicator, month.period, *_codes(desk, place.enterprise))
    found = (cell for cell in desk.enterprises(month, group) if cell.code == place.enterprise)
    return next(found, Cell(place.enterprise, None, None, None, 0, 1))


def _codes(desk: RollupDesk, name: str) -> tuple[str, str]:
    unit = desk.returns.tree.units[name]
    return unit.region or "", unit.industry or ""


def _version(desk: RollupDesk, place: Place) -> Version | None:
    one = desk.returns.all().get((place.enterprise, place.period))
    return None if one is None else one.public


def _said_version(version: Version) -> dict[str, Any]:
    return {"number": version.number, "by": version.by, "at": version.at.isoformat(), "reason": version.reason}


def _lines(one: Definition, version: Version | None, place: Place, lang: str) -> list[dict[str, Any]]:
    """The lines of the return that the formula needs."""
    out = []
    formula = one.formula
    for side, terms in (("numerator", formula.numerator), ("denominator", formula.denominator)):
        for key in terms:
            item = items()[key]
            source = {} if version is None else version.sources.get(key, {})
            out.append(
                {
                    "code": key,
                    "name": item.zh if lang == "zh" else item.en,
                    "side": side,
                    "value": None if version is None else version.values.get(key),
                    "unit": item.unit,
                    "note": "" if version is None else version.notes.get(key, ""),
                    "source": _source(source),
                }
            )
    return out


def _source(source: dict[str, Any]) -> dict[str, Any]:
    kinds = [str(kind) for kind in source.get("kinds", [])] or ["person"]
    return {
        "kinds": kinds,
        "events": int(source.get("count") or 0),
        "first": source.get("first"),
        "last": source.get("last"),
        "factors": list(source.get("factors", [])),
    }


def _line(desk: RollupDesk, actor: Actor, place: Place, offset: int, limit: int, lang: str) -> dict[str, Any]:
    """One line of the return with the events behind it, as far as they are this person's to see."""
    item = items()[place.line]
    version = _version(desk, place)
    if version is None:
        raise InputError(
            f"no return of {place.enterprise} for {place.period} is published", fix="look again later", code="no_return"
        )
    source = _source(version.sources.get(place.line, {}))
    answer: dict[str, Any] = {
        "key": place.line,
        "name": item.zh if lang == "zh" else item.en,
        "unit": item.unit,
        "value": version.values.get(place.line),
        "note": version.notes.get(place.line, ""),
        "source": source,
        "version": _said_version(version),
        "formula": "",
        "remarks": [],
        "events": [],
        "events_total": 0,
        "events_closed": "",
    }
    try:
        # the journal is asked through the returns desk, which knows who may see what it fills
        filled = desk.returns.filled(actor, place.enterprise, place.period)
    except (NotAllowed, InputError) as error:
        if error.fault.code not in ("role", "not_own"):
            raise
        answer["events_closed"] = error.fault.code
        return answer
    if source["kinds"] != ["person"]:
        line = filled.lines[place.line]
        answer["formula"], answer["remarks"] = line.formula(lang), list(line.remarks(lang))
    found = desk.events(place.line, place.enterprise, place.period, version, tuple(source["kinds"]))
    shown = found.slice(offset, min(limit, EVENTS_AT_ONCE)).with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    answer["events_total"], answer["events"] = found.height, shown.to_dicts()
    return answer
