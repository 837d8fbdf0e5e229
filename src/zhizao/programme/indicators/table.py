"""The plan's table, made from the definitions: rows, headings, footnotes and printed forms in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zhizao.programme.indicators.catalogue import definitions
from zhizao.programme.indicators.definition import Definition, Kind, Target

__all__ = ["PlanTable", "Row", "plan_table", "print_target", "print_value"]

_PLANS = {2020: "十三五", 2025: "十四五", 2030: "十五五"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    category : heading it stands under
    id : identifier of the indicator
    name : name with its unit
    footnote : number of the footnote, None without one
    cells : printed forms, one a year
    """

    category: str
    id: str
    name: str
    footnote: int | None
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanTable:
    """A table of indicators with values and targets.

    Parameters
    ----------
    years : years of the columns
    rows : lines in order
    footnotes : texts, the first is number 1
    """

    years: tuple[int, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...]


def plan_table(
    lang: str = "en", *, given: Mapping[str, Definition] | None = None, target_set: str = "plan2025"
) -> PlanTable:
    """The plan's own table, from the definitions.

    Parameters
    ----------
    lang : `en` or `zh`
    given : definitions by id; the shipped ones by default
    target_set : whose targets are printed

    Examples
    --------
    >>> [row.cells for row in plan_table().rows if row.id in ("IND02", "IND04", "IND05", "IND09")][:2]
    [('0.36', '0.44', '0.70', '1.10'), ('–', '–', '+2 points on 2015', '+4 points on 2015')]
    """
    shown = [one for one in (given or definitions()).values() if one.group == "table"]
    years = sorted(
        {year for one in shown for year in one.published}
        | {target.year for one in shown for target in one.targets if target.target_set == target_set}
    )
    rows, footnotes = [], []
    for one in shown:
        note = one.footnote_zh if lang == "zh" else one.footnote_en
        if note:
            footnotes.append(note)
        cells = []
        for year in years:
            target = one.target(target_set, year)
            if target is not None:
                cells.append(print_target(one, target, lang))
            else:
                cells.append(print_value(one, one.published[year]) if year in one.published else "–")
        name = one.name(lang)
        if one.kind in (Kind.LEVEL, Kind.GROWTH):
            name += f"（{one.unit_in('zh')}）" if lang == "zh" else f" ({one.unit})"
        category = one.category_zh if lang == "zh" else one.category_en
        rows.append(Row(category, one.id, name, len(footnotes) if note else None, tuple(cells)))
    return PlanTable(tuple(years), tuple(rows), tuple(footnotes))


def print_value(one: Definition, value: float, *, more: int = 0) -> str:
    """A figure in print, with the places of its definition and `more` behind them.

    Examples
    --------
    >>> print_value(definitions()["IND02"], 0.7), print_value(definitions()["IND09"], -15.6, more=1)
    ('0.70', '−15.6')
    """
    text = f"{value:,.{one.decimals + more}f}"
    if float(text.replace(",", "")) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def print_target(one: Definition, target: Target, lang: str, *, unit: bool = False) -> str:
    """A target in print, a level with its unit where `unit` says so.

    Examples
    --------
    >>> found = definitions()
    >>> [print_target(found[key], found[key].targets[0], "en") for key in ("IND04", "IND05", "IND09")]
    ['+2 points on 2015', 'about 7.5 % a year, 2016–2020', '−18 % on 2015']
    >>> [print_target(found[key], found[key].targets[0], "zh") for key in ("IND04", "IND05", "IND09")]
    ['比2015年提高2个百分点', '年均7.5左右（“十三五”期间）', '比2015年下降18%']
    """
    zh = lang == "zh"
    places = one.decimals
    while places < 6 and abs(round(target.value, places) - target.value) > 1e-9:
        places += 1
    size = f"{abs(target.value):,.{places}f}"
    base = target.base_year or one.base_year
    against = (f"比{base}年" if zh else f" on {base}") if base else ("比改造前" if zh else " on the state before")
    about_en = {"about": "about ", "at_least": "at least ", "at_most": "at most ", "exact": ""}[target.bound]
    about_zh = {"about": "左右", "at_least": "以上", "at_most": "以下", "exact": ""}[target.bound]
    up = target.value >= 0
    if one.kind is Kind.POINTS:
        if zh:
            return f"{against}{'提高' if up else '降低'}{size}个百分点{about_zh}"
        return f"{about_en}{'+' if up else '−'}{size} points{against}"
    if one.kind is Kind.REDUCTION:
        if zh:
            return f"{against}{'提高' if up else '下降'}{size}%{about_zh}"
        return f"{about_en}{'+' if up else '−'}{size} %{against}"
    sign = "" if up else "−"
    if one.kind is Kind.GROWTH:
        first = target.year - (one.period_years or 1) + 1
        if zh:
            plan = _PLANS.get(target.year) if one.period_years == 5 else None
            period = f"“{plan}”期间" if plan else f"{first}—{target.year}年"
            return f"年均{sign}{size}{about_zh}（{period}）"
        return f"{about_en}{sign}{size} % a year, {first}–{target.year}"
    if unit:
        size += one.unit_in("zh") if zh else f" {one.unit}"
    return f"{sign}{size}{about_zh}" if zh else f"{about_en}{sign}{size}"
