"""Every value of an indicator as a table: period, figure, series, source, confidence, vintage, and what it is used for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from zhizao.programme.outlook import Evaluation, IndicatorResult
from zhizao.programme.outlook.reasons import when_text
from zhizao.programme.outlook.report.annex import use_of

__all__ = ["VALUE_COLUMNS", "values_frame"]

VALUE_COLUMNS: dict[str, type[pl.DataType]] = {
    "period_of": pl.String,
    "figure": pl.Float64,
    "unit": pl.String,
    "series": pl.String,
    "origin": pl.String,
    "published": pl.String,
    "confidence": pl.String,
    "vintage": pl.String,
    "use": pl.String,
    "note": pl.String,
    "indicator": pl.String,
}
"""Columns of the table."""


def values_frame(found: Evaluation, one: IndicatorResult, lang: str) -> pl.DataFrame:
    """Values of one indicator, newest period first; those that are only remembered stay out unless they were asked for.

    Parameters
    ----------
    found : the evaluation
    one : result of the indicator
    lang : `en` or `zh`
    """
    zh = lang == "zh"
    kept = [
        each
        for each in found.observations
        if each.indicator == one.definition.id and (found.settings.include_unverified or not each.unverified)
    ]
    of = Counter((each.series, round(each.when, 2)) for each in kept)
    seen: Counter[tuple[str, float]] = Counter()
    rows: list[dict[str, Any]] = []
    for each in sorted(kept, key=lambda v: str(v.published or "")):
        key = (each.series, round(each.when, 2))
        seen[key] += 1
        source = found.sources.get(each.source)
        title = (source.zh if zh else source.en) if source else ""
        rows.append(
            {
                "at": each.when,
                "period_of": (each.period_zh if zh else each.period_en) or when_text(each.when),
                "figure": each.value,
                "unit": one.definition.unit_in(lang),
                "series": one.series_name(each.series, lang),
                "origin": f"{each.source} {title}".strip(),
                "published": str(each.published or ""),
                "confidence": each.confidence,
                "vintage": f"{seen[key]}/{of[key]}",
                "use": use_of(each, found),
                "note": each.note_zh if zh else each.note_en,
                "indicator": one.definition.id,
            }
        )
    rows.sort(key=lambda row: -row["at"])
    return pl.DataFrame([{k: row[k] for k in VALUE_COLUMNS} for row in rows], schema=VALUE_COLUMNS)
