"""Charts as SVG text: no library, no script, the same on paper and on screen.

Colours come from CSS classes of the page (`page.css`), so that light, dark and print follow; every mark carries a title
with its numbers, and every chart is described in words for screen readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

__all__ = ["bars", "forest", "front", "lines", "stacked", "target_bar"]


def _svg(width: int, height: int, label: str, body: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}" preserveAspectRatio="xMinYMin meet">'
        f"<title>{escape(label)}</title>{body}</svg>"
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _bar(x: float, y: float, width: float, height: float, kind: str, title: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" class="{kind}">'
        f"<title>{escape(title)}</title></rect>"
    )


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that cover [low, high].

    Examples
    --------
    >>> ticks(0.0, 97.0)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    if not np.isfinite(low) or not np.isfinite(high) or high <= low:
        return [low]
    raw = (high - low) / count
    size = 10.0 ** np.floor(np.log10(raw))
    step = float(next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= raw - 1e-12))
    first, last = np.floor(low / step), np.ceil(high / step)
    return [round(float(k * step), 10) for k in np.arange(first, last + 1)]


def _share(mark: float) -> str:
    """A mark of a scale as per cent, with as many digits as it has."""
    return f"{round(100 * mark, 1):g}\u00a0%".replace("-", "−")


def _change(value: float) -> str:
    return f"{100 * value:+.1f}\u00a0%".replace("-", "−")


def target_bar(
    change: float | None, low: float | None, high: float | None, targets: Sequence[float], label: str
) -> str:
    """One figure on a scale of change from +20 % to -60 %, with the targets as marks and the interval as a whisker."""
    width, left, right = 320, 8, 312
    best, worst = -0.6, 0.2

    def place(value: float) -> float:
        return left + (worst - min(max(value, best), worst)) / (worst - best) * (right - left)

    parts = [f'<line x1="{left}" y1="34" x2="{right}" y2="34" class="axis"/>']
    for mark in (0.0, *targets):
        at = place(mark)
        parts.append(f'<line x1="{at:.1f}" y1="20" x2="{at:.1f}" y2="48" class="{"axis" if mark == 0 else "target"}"/>')
        parts.append(_text(at, 62, _share(mark), "tick", "middle"))
    if change is not None and low is not None and high is not None:
        a, b = sorted((place(0.0), place(change)))
        parts.append(_bar(a, 27, b - a, 14, "good" if change < 0 else "bad", _change(change)))
        x1, x2 = place(high), place(low)
        parts.append(f'<line x1="{x1:.1f}" y1="34" x2="{x2:.1f}" y2="34" class="whisker"/>')
        for x in (x1, x2):
            parts.append(f'<line x1="{x:.1f}" y1="28" x2="{x:.1f}" y2="40" class="whisker"/>')
    return _svg(width, 70, label, "".join(parts))


def bars(rows: Sequence[tuple[str, float, float | None, float | None]], label: str, unit: str = "") -> str:
    """Horizontal bars with optional interval: (name, value, low, high) from top to bottom."""
    if not rows:
        return ""
    width, left, line = 640, 210, 24
    most = max(max(value, high or value) for _, value, _, high in rows) or 1.0
    scale = (width - left - 70) / most
    parts = []
    for at, (name, value, low, high) in enumerate(rows):
        y = 6 + at * line
        parts.append(_text(left - 8, y + 13, _clip(name, 30), "name", "end"))
        parts.append(_bar(left, y, value * scale, 16, "bar", f"{name}: {_number(value)} {unit}"))
        if low is not None and high is not None:
            x1, x2 = left + low * scale, left + high * scale
            parts.append(f'<line x1="{x1:.1f}" y1="{y + 8}" x2="{x2:.1f}" y2="{y + 8}" class="whisker"/>')
        end = left + max(value, high or value) * scale
        parts.append(_text(end + 6, y + 13, f"{_number(value)} {unit}".strip(), "value"))
    return _svg(width, 12 + line * len(rows), label, "".join(parts))


def stacked(parts_of: Sequence[tuple[str, float, str]], label: str, unit: str) -> str:
    """One bar in parts (name, value, css class) with a legend of numbers and shares."""
    shown = [one for one in parts_of if one[1] > 0]
    total = sum(value for _, value, _ in shown) or 1.0
    width, x, parts = 640, 0.0, []
    for name, value, kind in shown:
        wide = value / total * width
        parts.append(_bar(x, 4, wide, 34, kind, f"{name}: {_number(value)} {unit}, {100 * value / total:.0f} %"))
        if wide > 44:
            parts.append(_text(x + wide / 2, 26, f"{100 * value / total:.0f} %", "inbar", "middle"))
        x += wide
    for at, (name, value, kind) in enumerate(shown):
        y0 = 54 + at * 24
        parts.append(_bar(0, y0, 13, 13, kind, name))
        parts.append(_text(22, y0 + 12, f"{_clip(name, 50)}  {_number(value)} {unit}", "name"))
    return _svg(width, 58 + 24 * len(shown), label, "".join(parts))


def forest(rows: Sequence[tuple[str, float, float, float, bool]], label: str, targets: Sequence[float]) -> str:
    """Effects with intervals, one per line: (name, change, low, high, chosen)."""
    if not rows:
        return ""
    width, left, line, right = 640, 250, 22, 630
    low = min(-0.1, *(one[2] for one in rows))
    high = max(0.05, *(one[3] for one in rows))
    low, high = max(low, -1.0), min(high, 0.5)
    room = 0.04 * (high - low)  # so that a whisker ends in sight
    low, high = low - room, high + room

    def place(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    bottom = 10 + line * len(rows)
    parts = []
    for mark in ticks(low, high):
        if low <= mark <= high:
            parts.append(f'<line x1="{place(mark):.1f}" y1="4" x2="{place(mark):.1f}" y2="{bottom}" class="grid"/>')
            parts.append(_text(place(mark), bottom + 14, _share(mark), "tick", "middle"))
    for mark in targets:
        if low <= mark <= high:
            parts.append(f'<line x1="{place(mark):.1f}" y1="4" x2="{place(mark):.1f}" y2="{bottom}" class="target"/>')
    parts.append(f'<line x1="{place(0):.1f}" y1="4" x2="{place(0):.1f}" y2="{bottom}" class="axis"/>')
    for at, (name, change, a, b, chosen) in enumerate(rows):
        y = 16 + at * line
        parts.append(_text(left - 8, y + 4, _clip(name, 36), "name strong" if chosen else "name", "end"))
        parts.append(f'<line x1="{place(a):.1f}" y1="{y}" x2="{place(b):.1f}" y2="{y}" class="whisker"/>')
        for end, way in ((a, 1), (b, -1)):
            if low <= end <= high:
                parts.append(
                    f'<line x1="{place(end):.1f}" y1="{y - 4}" x2="{place(end):.1f}" y2="{y + 4}" class="whisker"/>'
                )
            else:  # it goes on beyond the chart
                x = place(end)
                parts.append(
                    f'<path d="M{x + 6 * way:.1f} {y - 4} L{x:.1f} {y} L{x + 6 * way:.1f} {y + 4}" class="beyond"/>'
                )
        kind = "dot chosen" if chosen else "dot"
        title = f"{name}: {_change(change)} ({_change(a)} … {_change(b)})"
        parts.append(
            f'<circle cx="{place(change):.1f}" cy="{y}" r="5" class="{kind}"><title>{escape(title)}</title></circle>'
        )
    return _svg(width, bottom + 22, label, "".join(parts))


def front(points: Sequence[tuple[str, float, float, bool]], label: str, x_name: str, y_name: str) -> str:
    """Scatter of sets by two changes: (name, x, y, chosen); lower left is better."""
    if not points:
        return ""
    width, height, left, top, right, bottom = 640, 300, 70, 12, 620, 250
    xs, ys = [one[1] for one in points], [one[2] for one in points]
    x_ticks, y_ticks = ticks(min(*xs, -0.02), max(*xs, 0.02)), ticks(min(*ys, -0.02), max(*ys, 0.02))

    def px(value: float) -> float:
        return left + (value - x_ticks[0]) / (x_ticks[-1] - x_ticks[0]) * (right - left)

    def py(value: float) -> float:
        return bottom - (value - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]) * (bottom - top)

    parts = []
    for mark in x_ticks:
        parts.append(f'<line x1="{px(mark):.1f}" y1="{top}" x2="{px(mark):.1f}" y2="{bottom}" class="grid"/>')
        parts.append(_text(px(mark), bottom + 16, _share(mark), "tick", "middle"))
    for mark in y_ticks:
        parts.append(f'<line x1="{left}" y1="{py(mark):.1f}" x2="{right}" y2="{py(mark):.1f}" class="grid"/>')
        parts.append(_text(left - 6, py(mark) + 4, _share(mark), "tick", "end"))
    for name, x, y, chosen in sorted(points, key=lambda one: one[3]):
        title = f"{name}: {_change(x)}, {_change(y)}"
        kind = "dot chosen" if chosen else "dot"
        parts.append(
            f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="{7 if chosen else 5}" class="{kind}">'
            f"<title>{escape(title)}</title></circle>"
        )
    parts.append(_text((left + right) / 2, height - 8, x_name, "name", "middle"))
    parts.append(
        f'<text transform="rotate(-90)" x="{-(top + bottom) / 2:.0f}" y="14" class="name" text-anchor="middle">{escape(y_name)}</text>'
    )
    return _svg(width, height, label, "".join(parts))


def lines(
    series: Sequence[tuple[str, Sequence[float | None], str]], names: Sequence[str], label: str, unit: str
) -> str:
    """Lines over named points: (name, values, css class); missing values leave a gap."""
    width, height, left, top, right, bottom = 640, 220, 60, 12, 630, 180
    values = [v for _, row, _ in series for v in row if v is not None and np.isfinite(v)]
    if not values or len(names) < 2:
        return ""
    y_ticks = ticks(min(0.0, *values), max(values), 4)

    def py(value: float) -> float:
        return bottom - (value - y_ticks[0]) / max(y_ticks[-1] - y_ticks[0], 1e-12) * (bottom - top)

    parts = []
    for mark in y_ticks:
        parts.append(f'<line x1="{left}" y1="{py(mark):.1f}" x2="{right}" y2="{py(mark):.1f}" class="grid"/>')
        parts.append(_text(left - 6, py(mark) + 4, _number(mark), "tick", "end"))
    step = (right - left) / (len(names) - 1)
    every = max(1, len(names) // 8)
    for at in range(0, len(names), every):
        parts.append(_text(left + at * step, bottom + 16, names[at], "tick", "middle"))
    for name, row, kind in series:
        run: list[str] = []
        for at, value in enumerate([*row, None]):
            if value is not None and np.isfinite(value):
                run.append(f"{left + at * step:.1f},{py(value):.1f}")
            elif run:
                parts.append(
                    f'<polyline points="{" ".join(run)}" class="{kind}"><title>{escape(name)}</title></polyline>'
                )
                run = []
    for at, (name, _, kind) in enumerate(series):
        parts.append(
            f'<line x1="{left + at * 180}" y1="{height - 8}" x2="{left + at * 180 + 22}" y2="{height - 8}" class="{kind}"/>'
        )
        parts.append(_text(left + at * 180 + 28, height - 4, f"{name} ({unit})" if unit else name, "name"))
    return _svg(width, height, label, "".join(parts))


def _clip(text: str, most: int) -> str:
    wide = sum(2 if ord(c) > 0x2E80 else 1 for c in text)
    if wide <= most:
        return text
    out, used = "", 0
    for c in text:
        used += 2 if ord(c) > 0x2E80 else 1
        if used > most - 1:
            break
        out += c
    return out + "…"


def _number(value: float) -> str:
    """Three significant digits, thousands separated.

    Examples
    --------
    >>> _number(12345.6), _number(0.01234), _number(12.345)
    ('12,346', '0.0123', '12.3')
    """
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
