"""The tile map: one square a province, in grey and accent, with its value as text; hatched where it is withheld."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from zhizao.app.texts import Words
from zhizao.programme.classes import regions

__all__ = ["tile_map"]

_WIDE, _HIGH, _GAP = 62, 46, 4
_DARKEST = 46
"""Per cent of accent in the darkest tile: the ink on it still has contrast enough."""


def tile_map(
    t: Words,
    cells: Mapping[str, Mapping[str, Any]],
    said: Callable[[float | None], str],
    link: Callable[[str], str],
    label: str,
) -> str:
    """Provinces as squares.

    Parameters
    ----------
    t : words
    cells : by code of the region: `value`, `withheld`
    said : a value as a person reads it
    link : address of a region
    label : what it shows
    """
    known = [float(cell["value"]) for cell in cells.values() if cell["value"] is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    across = 1 + max(one.tile[1] for one in regions().values())
    down = 1 + max(one.tile[0] for one in regions().values())
    tiles = "".join(_tile(t, code, cells.get(code), low, high, said, link) for code in regions())
    width, height = across * (_WIDE + _GAP), down * (_HIGH + _GAP)
    words = [t("rollup.map.hatched"), t("rollup.map.empty")]
    if known:
        words.insert(0, t("rollup.map.legend", low=said(low), high=said(high)))
    return (
        f'<div class="zz-map tiles" tabindex="0" role="group" aria-label="{escape(label)}">'
        f'<svg viewBox="0 0 {width} {height}" style="width:100%;max-width:760px;height:auto">'
        '<defs><pattern id="zz-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="7" height="7" fill="var(--surface)"/><rect width="1.6" height="7" fill="var(--line-strong)"/>'
        f'</pattern></defs>{tiles}</svg></div><p class="zz-note">{escape(" · ".join(words))}</p>'
    )


def _tile(
    t: Words,
    code: str,
    cell: Mapping[str, Any] | None,
    low: float,
    high: float,
    said: Callable[[float | None], str],
    link: Callable[[str], str],
) -> str:
    one = regions()[code]
    name = one.zh if t.lang == "zh" else one.en
    short = one.zh if t.lang == "zh" else one.iso.removeprefix("CN-")
    x, y = one.tile[1] * (_WIDE + _GAP) + _GAP / 2, one.tile[0] * (_HIGH + _GAP) + _GAP / 2
    if cell is None:
        return (
            f'<g><title>{escape(name)}</title><rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="5" '
            f'fill="none" stroke="var(--line)"/>{_text(x, y + 28, short, dim=True)}</g>'
        )
    if cell["withheld"]:
        fill, value = "url(#zz-hatch)", "···"
        told = f"{t('rollup.withheld')}: {cell['withheld']['text']}"
    elif cell["value"] is None:
        fill, value, told = "var(--surface)", "–", t("rollup.map.unknown")
    else:
        share = (float(cell["value"]) - low) / (high - low) if high > low else 0.5
        fill = f"color-mix(in srgb, var(--accent) {6 + share * (_DARKEST - 6):.0f}%, var(--sunken))"
        value = told = said(float(cell["value"]))
    return (
        f'<a href="{escape(link(code))}" aria-label="{escape(f"{name}: {told}")}"><title>{escape(f"{name}: {told}")}'
        f'</title><rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="5" style="fill:{fill}" '
        f'stroke="var(--line-strong)"/>{_text(x, y + 19, short)}{_text(x, y + 36, value, strong=True)}</a>'
    )


def _text(x: float, y: float, words: str, *, dim: bool = False, strong: bool = False) -> str:
    weight = ' font-weight="600"' if strong else ""
    return (
        f'<text x="{x + _WIDE / 2}" y="{y}" text-anchor="middle"{" class=dim" if dim else ""}{weight}>'
        f"{escape(words)}</text>"
    )
