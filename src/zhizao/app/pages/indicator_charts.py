"""Pictures of indicators: the small path on a card, the fan chart, and several indicators by attainment."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from zhizao.app.pages.shell import Frame
from zhizao.programme.indicators import Definition, print_target, print_value
from zhizao.programme.indicators.definition import Kind
from zhizao.programme.outlook import IndicatorResult, Judgement, Track, attainment, day_of, start_of
from zhizao.programme.outlook.reasons import when_text
from zhizao.programme.outlook.report.charts import telling

__all__ = ["attained_options", "fan_options", "judged_track", "period_words", "small_path"]

_W, _H = 280.0, 64.0


def judged_track(one: IndicatorResult, target_set: str | None = None) -> Track | None:
    """The series that is judged by; the first with values where none is."""
    named = [each.series for each in one.judgements if each.series and target_set in (None, each.target.target_set)]
    for track in one.tracks.tracks:
        if named and track.series == named[-1] and not track.growth:
            return track
    return next((track for track in one.tracks.tracks if track.observed and not track.growth), None)


def period_words(one: Any, at: float, lang: str) -> str:
    """The period of an observation (or of a time without one) in words."""
    return (one and (one.period_zh if lang == "zh" else one.period_en)) or when_text(at)


def small_path(frame: Frame, one: IndicatorResult, target_set: str | None) -> str:
    """Published values as dots, targets as diamonds, the way from the plan's base as dashes."""
    lang, definition = frame.t.lang, one.definition
    track = judged_track(one, target_set)
    points = [(p.at, p.figure) for p in track.points] if track else []
    targets = [
        (float(each.target.year), each.target.value)
        for each in one.judgements
        if target_set in (None, each.target.target_set) and each.target.base_year in (None, definition.base_year)
    ]
    if not targets and not points:
        return ""
    begin = [(float(y), v) for y, v in sorted(definition.published.items())][-1:]
    if not begin and targets and definition.kind in (Kind.POINTS, Kind.REDUCTION) and definition.base_year:
        begin = [(float(definition.base_year), start_of(definition, one.judgements[0].target))]
    main = one.judgements[0].target.target_set if target_set is None and one.judgements else target_set
    way = [
        (float(each.target.year), each.target.value)
        for each in one.judgements
        if each.target.target_set == main and each.target.base_year in (None, definition.base_year)
    ]
    path = [*begin, *sorted(way)]
    whole = points + path + targets
    x0, x1 = min(p[0] for p in whole), max(p[0] for p in whole)
    y0, y1 = min(p[1] for p in whole), max(p[1] for p in whole)
    wide, high = max(x1 - x0, 1.0), y1 - y0 or 1.0

    def place(p: tuple[float, float]) -> tuple[float, float]:
        return round(12 + (p[0] - x0) / wide * (_W - 40), 1), round(_H - 20 - (p[1] - y0) / high * (_H - 32), 1)

    def line(listed: list[tuple[float, float]], style: str) -> str:
        if len(listed) < 2:
            return ""
        return f'<polyline fill="none" {style} points="{" ".join(f"{x},{y}" for x, y in map(place, listed))}"/>'

    parts = [
        line(path, 'stroke="var(--ink-3)" stroke-width="1" stroke-dasharray="3 3"'),
        line(points, 'stroke="var(--c1)" stroke-width="1.6"'),
    ]
    for p in points:
        x, y = place(p)
        parts.append(f'<circle cx="{x}" cy="{y}" r="2.6" fill="var(--c1)"/>')
    for p in sorted(targets):
        x, y = place(p)
        parts.append(
            f'<path d="M{x} {y - 5}l5 5-5 5-5-5z" fill="var(--surface)" stroke="var(--ink-2)" stroke-width="1.3"/>'
        )
        parts.append(f'<text x="{x}" y="{_H - 2}" text-anchor="middle">{p[0]:.0f}</text>')
    for p in begin:
        x, _ = place(p)
        if all(abs(x - place(other)[0]) > 30 for other in targets):
            parts.append(f'<text x="{x}" y="{_H - 2}" text-anchor="middle">{p[0]:.0f}</text>')
    said = frame.t(
        "indicators.path",
        name=definition.name(lang),
        values=", ".join(f"{when_text(a)}: {print_value(definition, v)}" for a, v in points) or "–",
        targets=", ".join(f"{a:.0f}: {print_value(definition, v)}" for a, v in sorted(targets)) or "–",
    )
    return f'<svg class="zz-bullet" viewBox="0 0 {_W:.0f} {_H:.0f}" role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'


def fan_options(frame: Frame, one: IndicatorResult, as_of: Any) -> tuple[dict[str, Any], int | None]:
    """The fan chart and the year to which its outlook is drawn; None when there is no outlook in it."""
    t, lang, definition = frame.t, frame.t.lang, one.definition
    tracks = [track for track in one.tracks.tracks if not track.growth]
    judged = next((each.series for each in one.judgements if each.series), tracks[0].series if tracks else "")
    fan = telling(one)
    series: list[dict[str, Any]] = []
    targets = [each for each in one.judgements if each.target.base_year in (None, definition.base_year)]
    values = [p.figure for track in tracks for p in track.points] + [each.target.value for each in targets]
    years = [p.at for track in tracks for p in track.points] + [float(each.target.year) for each in targets]
    if fan is not None:
        start = next((track.last for track in tracks if track.series == fan.series), None)
        at = ([start.at] if start else []) + [float(year) for year in fan.years]
        rows = [([start.figure] if start else []) + list(row) for row in fan.quantiles]
        years += at
        bands = (("", 0), ("95", 0.14), ("80", 0.22), ("50", 0.36), ("80", 0.22), ("95", 0.14))
        edges = (rows[0], rows[1], rows[2], rows[4], rows[5], rows[6])
        for i, (share, shade) in enumerate(bands):
            low = [0.0] * len(at) if i == 0 else edges[i - 1]
            series.append(
                {
                    "type": "line",
                    "stack": "fan",
                    "stackStrategy": "all",
                    "symbol": "none",
                    "silent": True,
                    "lineStyle": {"opacity": 0},
                    "areaStyle": {"color": "@c1", "opacity": shade} if i else {"opacity": 0},
                    "data": [[x, b - a] for x, a, b in zip(at, low, edges[i], strict=True)],
                    "name": t("indicators.band", share=share) if share else "",
                    "tooltip": {"show": False},
                    "z": 1,
                }
            )
        middle = [
            {"value": [x, v], "name": f"{when_text(x)} {t('indicators.median')}: {print_value(definition, v, more=1)}"}
            for x, v in zip(at, rows[3], strict=True)
        ]
        series.append(
            {
                "type": "line",
                "name": t("indicators.median"),
                "data": middle,
                "symbol": "circle",
                "symbolSize": 3,
                "lineStyle": {"type": "dashed", "width": 1.4, "color": "@c1"},
                "itemStyle": {"color": "@c1"},
                "z": 2,
            }
        )
    breaks = _breaks(tracks)
    for track in sorted(tracks, key=lambda each: each.series == judged):
        main = track.series == judged
        data = []
        for p in track.points:
            seen = p.observation
            source = f" ({seen.source})" if seen and seen.source else ""
            words = f"{period_words(seen, p.at, lang)}: {print_value(definition, p.figure, more=1)} · {one.series_name(track.series, lang)}{source}"
            data.append({"value": [p.at, p.figure], "name": words})
        series.append(
            {
                "type": "line",
                "name": one.series_name(track.series, lang),
                "data": data,
                "symbol": "circle",
                "symbolSize": 8 if main else 7,
                "lineStyle": {"width": 2 if main else 1, "color": "@c1" if main else "@c3"},
                "itemStyle": {
                    "color": "@c1" if main else "@surface",
                    "borderColor": "@c1" if main else "@c3",
                    "borderWidth": 1.5,
                },
                "z": 5 if main else 4,
            }
        )
    first = one.judgements[0].target.target_set if one.judgements else ""
    shown = [
        {
            "value": [each.target.year, each.target.value],
            "name": f"{each.target.year} {each.target.target_set}: {print_target(definition, each.target, lang, unit=True)}",
            "itemStyle": {"color": "@c2" if each.target.target_set == first else "@surface"},
            "label": {
                "show": True,
                "formatter": print_value(definition, each.target.value),
                "position": "right",
                "color": "@ink-2",
            },
        }
        for each in targets
    ]
    marks = [{"xAxis": year, "label": {"formatter": t("indicators.break"), "color": "@ink-3"}} for year in breaks]
    today = day_of(as_of)
    marks.append(
        {
            "xAxis": today,
            "label": {"formatter": t("indicators.today"), "color": "@ink-3"},
            "lineStyle": {"type": "dotted"},
        }
    )
    series.append(
        {
            "type": "scatter",
            "name": t("indicators.target"),
            "data": shown,
            "symbol": "diamond",
            "symbolSize": 13,
            "itemStyle": {"borderColor": "@c2", "borderWidth": 1.6},
            "z": 6,
            "markLine": {
                "symbol": "none",
                "silent": True,
                "data": marks,
                "lineStyle": {"color": "@ink-3", "type": "dashed", "width": 1},
            },
        }
    )
    bottom, top = _range(definition, values, fan)
    options = {
        "grid": {"left": 8, "right": 24, "top": 34, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "item", "formatter": "{b}"},
        "xAxis": {
            "type": "value",
            "min": math.floor(min([*years, today])) - 1,
            "max": math.ceil(max([*years, today])) + 1,
            "minInterval": 1,
            "axisLabel": {"formatter": "@year"},
        },
        "yAxis": {
            "type": "value",
            "min": bottom,
            "max": top,
            "name": definition.unit_in(lang),
            "nameTextStyle": {"align": "left"},
        },
        "series": series,
    }
    return options, fan.years[-1] if fan else None


def _breaks(tracks: list[Track]) -> list[float]:
    starts = sorted({round(track.observed[0].at, 2) for track in tracks if track.observed})
    return starts[1:]


def _range(definition: Definition, values: list[float], fan: Any) -> tuple[float | None, float | None]:
    if not values:
        return None, None
    low, high = min(values), max(values)
    if fan is not None:  # as much of the fan as leaves the values legible
        room = 1.5 * max(high - low, 0.05 * abs(high), 1e-9)
        low = min(low, max(min(fan.quantiles[0]), low - room))
        high = max(high, min(max(fan.quantiles[6]), high + room))
    rough = max(high - low, 1e-6) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999)
    low, high = (
        math.floor((low - 0.05 * (high - low)) / step) * step,
        math.ceil((high + 0.08 * (high - low)) / step) * step,
    )
    if definition.kind is Kind.LEVEL:
        low = max(low, 0.0)
        high = min(high, definition.ceiling) if definition.ceiling else high
    return round(low, 6), round(high, 6)


def attained_options(
    frame: Frame, chosen: list[tuple[IndicatorResult, Judgement, Track]], year: int
) -> tuple[dict[str, Any], list[tuple[IndicatorResult, list[tuple[str, float, float]]]]]:
    """Lines of attainment by year, and the same as rows (period, figure, share)."""
    t, lang = frame.t, frame.t.lang
    series: list[dict[str, Any]] = []
    rows = []
    symbols = ("circle", "rect", "triangle", "roundRect", "pin", "arrow")
    for i, (one, judged, track) in enumerate(chosen):
        definition = one.definition
        found = []
        data = []
        for p in track.observed:
            share = attainment(definition, judged.target, p.figure)
            if share is None:
                continue
            period = period_words(p.observation, p.at, lang)
            found.append((period, p.figure, share))
            figure = print_value(definition, p.figure, more=1)
            data.append(
                {
                    "value": [p.at, share],
                    "name": f"{definition.id} {period}: {t.percent(share, 0)} ({figure} {definition.unit_in(lang)})",
                }
            )
        rows.append((one, found))
        series.append(
            {
                "type": "line",
                "name": definition.id,
                "data": data,
                "symbol": symbols[i % len(symbols)],
                "symbolSize": 8,
                "itemStyle": {"color": f"@c{i % 8 + 1}"},
                "lineStyle": {
                    "color": f"@c{i % 8 + 1}",
                    "width": 1.8,
                    "type": ("solid", "dashed", "dotted")[i // 8 % 3],
                },
                "labelLayout": {"moveOverlap": "shiftY"},
                "endLabel": {"show": True, "formatter": "{a}", "color": "@ink-2"},
            }
        )
    if series:
        series[0]["markLine"] = {
            "symbol": "none",
            "silent": True,
            "data": [{"yAxis": 1, "label": {"formatter": "100 %", "color": "@ink-2"}}],
            "lineStyle": {"color": "@ink-2", "type": "dashed"},
        }
    times = [d["value"][0] for each in series for d in each["data"]] or [2020.0]
    options = {
        "grid": {"left": 8, "right": 64, "top": 44, "bottom": 8, "containLabel": True},
        "legend": {"top": 0, "left": 0, "data": [each["name"] for each in series]},
        "tooltip": {"trigger": "item", "formatter": "{b}"},
        "xAxis": {
            "type": "value",
            "min": math.floor(min(times)) - 1,
            "max": max(math.ceil(max(times)), year) + 1,
            "minInterval": 1,
            "axisLabel": {"formatter": "@year"},
        },
        "yAxis": {"type": "value", "axisLabel": {"formatter": "@percent0"}},
        "series": series,
    }
    return options, rows
