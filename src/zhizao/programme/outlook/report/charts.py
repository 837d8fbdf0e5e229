"""Fan charts as SVG text: published values, targets, and where the model sees the indicator go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape

import numpy as np

from zhizao.programme.indicators.definition import Kind
from zhizao.programme.indicators.table import print_value
from zhizao.programme.outlook.evaluate import Fan, IndicatorResult, says_little
from zhizao.programme.outlook.reasons import when_text
from zhizao.programme.outlook.report.words import word
from zhizao.programme.outlook.track import Track

__all__ = ["fan_chart", "telling"]

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 18, 28


def fan_chart(one: IndicatorResult, lang: str, *, today: float) -> tuple[str, bool]:
    """The chart of one indicator.

    Parameters
    ----------
    one : the result
    lang : `en` or `zh`
    today : the day, in years

    Returns
    -------
    tuple
        SVG text, and whether the 95 % interval runs beyond the chart; ("", False) where there is nothing to draw
    """
    tracks = [track for track in one.tracks.tracks if not track.growth]
    if not any(track.observed for track in tracks):
        return "", False
    judged = next((each.series for each in one.judgements if each.series), tracks[0].series)
    fan = telling(one)
    cut = one.fan is not None and (fan is None or len(fan.years) < len(one.fan.years))
    targets = [
        (target.year, target.value, target.target_set == one.judgements[0].target.target_set)
        for target in (each.target for each in one.judgements)
        if target.base_year in (None, one.definition.base_year)
    ]
    points = [point for track in tracks for point in track.points]
    first = float(min([np.floor(point.at) for point in points] + [year for year, *_ in targets])) - 1.0
    ends = [2026.0, today + 1.0, *(year + 1.0 for year, *_ in targets), *([fan.years[-1] + 1.0] if fan else [])]
    last = max(ends)
    values = [point.figure for point in points] + [value for _, value, _ in targets]
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(abs(high), 1.0):
        low, high = low - 0.05 * max(abs(low), 1.0), high + 0.05 * max(abs(high), 1.0)
    if fan is not None:  # as much of the fan as leaves the values legible
        room = 1.5 * max(high - low, 0.05 * abs(high), 1e-9)
        low = min(low, max(min(fan.quantiles[1]), low - room))
        high = max(high, min(max(fan.quantiles[5]), high + room))
    if one.definition.kind is Kind.LEVEL:
        low = max(low - 0.04 * (high - low), 0.0)
        high = min(high + 0.06 * (high - low), one.definition.ceiling or float("inf"))
    else:
        low, high = low - 0.06 * (high - low), high + 0.06 * (high - low)
    steps = _ticks(low, high)
    low, high = min(low, steps[0]), max(high, steps[-1])
    name = word("chart", lang, name=one.definition.name(lang))

    def x(at: float) -> float:
        return _LEFT + (at - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for tick in steps:
        parts.append(f'<line x1="{_LEFT}" y1="{y(tick):.1f}" x2="{_WIDTH - _RIGHT}" y2="{y(tick):.1f}" class="grid"/>')
        parts.append(_text(_LEFT - 7, y(tick) + 4, _label(tick, steps), "tick", "end"))
    for year in range(int(first) + 1, int(last) + 1):
        if year % 5 == 0:
            parts.append(_text(x(year), _HEIGHT - 8, str(year), "tick", "middle"))
            parts.append(
                f'<line x1="{x(year):.1f}" y1="{_HEIGHT - _BOTTOM}" x2="{x(year):.1f}" y2="{_HEIGHT - _BOTTOM + 4}"'
                ' class="axis"/>'
            )
    clipped = cut
    if fan is not None:
        start = next((track.last for track in tracks if track.series == fan.series), None)
        at = ([start.at] if start else []) + [float(year) for year in fan.years]
        clip = f"clip-{one.definition.id}"
        parts.append(
            f'<clipPath id="{escape(clip)}"><rect x="{_LEFT}" y="{_TOP - 6}" width="{_WIDTH - _LEFT - _RIGHT}"'
            f' height="{_HEIGHT - _TOP - _BOTTOM + 6}"/></clipPath><g clip-path="url(#{escape(clip)})">'
        )
        rows = [([start.figure] if start else []) + list(row) for row in fan.quantiles]
        for kind, (a, b) in (("f1", (0, 6)), ("f2", (1, 5)), ("f3", (2, 4))):
            outline = [(x(t), y(v)) for t, v in zip(at, rows[b], strict=True)]
            outline += [(x(t), y(v)) for t, v in zip(reversed(at), reversed(rows[a]), strict=True)]
            parts.append(f'<polygon class="{kind}" points="{_points(outline)}"/>')
        middle = [(x(t), y(v)) for t, v in zip(at, rows[3], strict=True)]
        parts.append(f'<polyline class="mid" points="{_points(middle)}"/></g>')
        clipped = cut or min(rows[0]) < low or max(rows[6]) > high
    parts.append(
        f'<line x1="{_LEFT}" y1="{_HEIGHT - _BOTTOM}" x2="{_WIDTH - _RIGHT}" y2="{_HEIGHT - _BOTTOM}" class="axis"/>'
    )
    if first < today < last:
        parts.append(
            f'<line x1="{x(today):.1f}" y1="{_TOP - 8}" x2="{x(today):.1f}" y2="{_HEIGHT - _BOTTOM}" class="today"/>'
        )
    for track in sorted(tracks, key=lambda each: each.series == judged):
        parts.append(_track(one, track, x, y, main=track.series == judged, lang=lang))
    taken = [(x(point.at), y(point.figure)) for point in points] + [(x(year), y(value)) for year, value, _ in targets]
    for year, value, main in targets:
        cx, cy = x(year), y(value)
        diamond = [(cx, cy - 6), (cx + 6, cy), (cx, cy + 6), (cx - 6, cy)]
        label = print_value(one.definition, value, more=0 if round(value, one.definition.decimals) == value else 1)
        kind = "goal" if main else "goal second"
        parts.append(f'<polygon class="{kind}" points="{_points(diamond)}"><title>{year}: {label}</title></polygon>')
        middle_x, line_y = _free(cx, cy, taken)
        taken.append((middle_x, line_y - 4))
        parts.append(_text(middle_x, line_y, label, "flag", "middle"))
    body = "".join(parts)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(name)}"><title>{escape(name)}</title>'
        f"{body}</svg>",
        clipped,
    )


def _free(cx: float, cy: float, taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Where a label beside (cx, cy) meets the fewest marks: middle of the text and its base line."""
    places = [
        (cx, cy - 11),
        (cx, cy + 20),
        (cx + 27, cy + 4),
        (cx - 27, cy + 4),
        (cx + 24, cy - 11),
        (cx + 24, cy + 20),
    ]
    inside = [
        (px, py) for px, py in places if _LEFT + 14 < px < _WIDTH - _RIGHT - 10 and 10 < py < _HEIGHT - _BOTTOM - 3
    ] or places

    def met(place: tuple[float, float]) -> int:
        return sum(abs(place[0] - px) < 20 and abs(place[1] - 4 - py) < 10 for px, py in taken)

    return min(inside, key=met)


def telling(one: IndicatorResult) -> Fan | None:
    """The outlook as far as its interval says something."""
    if one.fan is None:
        return None
    rows = one.fan.quantiles
    kept = 0
    while kept < len(one.fan.years) and not says_little(one.definition, rows[0][kept], rows[3][kept], rows[6][kept]):
        kept += 1
    return replace(one.fan, years=one.fan.years[:kept], quantiles=tuple(row[:kept] for row in rows)) if kept else None


def _track(
    one: IndicatorResult,
    track: Track,
    x: Callable[[float], float],
    y: Callable[[float], float],
    *,
    main: bool,
    lang: str,
) -> str:
    line = [(x(point.at), y(point.figure)) for point in track.points]
    parts = [f'<polyline class="{"run" if main else "old"}" points="{_points(line)}"/>'] if len(line) > 1 else []
    for point in track.points:
        if point.observation is None:
            kind, period, source = "dot base", when_text(point.at), ""
        else:
            kind = "dot" if main else "dot other"
            said = point.observation
            period = (said.period_zh if lang == "zh" else said.period_en) or when_text(point.at)
            source = f" ({said.source})" if said.source else ""
        title = escape(f"{period}: {print_value(one.definition, point.figure, more=1)}{source}")
        parts.append(
            f'<circle class="{kind}" cx="{x(point.at):.1f}" cy="{y(point.figure):.1f}" r="3.6"><title>{title}</title></circle>'
        )
    return "".join(parts)


def _points(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{min(max(a, -9999.0), 9999.0):.1f},{min(max(b, -9999.0), 9999.0):.1f}" for a, b in pairs)


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _ticks(low: float, high: float) -> list[float]:
    span = max(high - low, 1e-9)
    size = 10.0 ** np.floor(np.log10(span / 5))
    step = float(next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= span / 5 - 1e-12))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [round(k * step, 10) for k in range(first, last + 1)] or [low, high]


def _label(tick: float, steps: Sequence[float]) -> str:
    step = steps[1] - steps[0] if len(steps) > 1 else 1.0
    places = next((n for n in range(5) if abs(round(step, n) - step) < 1e-9), 4)
    return f"{tick:,.{places}f}".replace("-", "−")
