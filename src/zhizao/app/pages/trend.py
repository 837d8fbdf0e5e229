"""Trends: several signals over one span, from samples to hours, as the address says."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import nicegui
from nicegui.element import Element

from zhizao.app import live
from zhizao.app.pages.parts import select
from zhizao.app.pages.shell import Frame, link_button, page, raw
from zhizao.app.trend import MOST_TAGS, ns_of
from zhizao.clock import now
from zhizao.errors import InputError

__all__ = ["SPANS_S", "Trends", "trend_page"]

_DIST = Path(nicegui.__file__).parent / "elements"
SPANS_S = {"10min": 600, "1h": 3600, "8h": 28_800, "1d": 86_400, "7d": 604_800, "30d": 2_592_000, "365d": 31_536_000}
_WORDS = (
    "png",
    "csv",
    "xlsx",
    "back",
    "on",
    "closer",
    "wider",
    "loading",
    "failed",
    "none",
    "every",
    "points",
    "bad",
    "label",
)


class Trends(Element, component="static/trend.js", esm={"nicegui-echart": str(_DIST / "echart" / "dist")}):
    """Lines over a span; wheel, pinch and drag ask the server for other points.

    Parameters
    ----------
    frame : the page
    tags, units : of each line
    begin, end : ms since 1970
    """

    def __init__(self, frame: Frame, tags: list[str], units: list[str], begin: float, end: float) -> None:
        super().__init__()
        self._props["tags"], self._props["units"] = tags, units
        self._props["begin"], self._props["end"] = begin, end
        self._props["zone"] = frame.t.zone
        self._props["height"] = 440
        self._props["words"] = {key: frame.t(f"trend.{key}", n="{n}", all="{all}") for key in _WORDS}


@page("/trend", "trend")
async def trend_page(frame: Frame) -> None:
    """Chosen signals, or the choice alone."""
    t = frame.t
    try:
        historian = live.reading(str(frame.desk.path))
    except InputError:
        frame.title(t("live.none.title"))
        frame.empty(t("live.none.title"), t("live.none.text"), "", "live")
        return
    names = sorted(historian.tags)
    asked = [frame.query[f"t{k}"] for k in range(1, MOST_TAGS + 1) if frame.query.get(f"t{k}")]
    chosen = [one for one in dict.fromkeys(asked) if one in set(names)]
    for one in asked:
        if one not in chosen:
            frame.banner("warn", t("live.notag", tag=one[:80]))
    begin, end, span = _span(frame, historian, chosen)
    if chosen:
        frame.title(t("trend.title", tags=", ".join(chosen[:3]) + (" …" if len(chosen) > 3 else "")), t("trend.sub"))
    else:
        frame.title(t("trend.choose"), t("live.sub", n=t.count(len(names))))
    _bar(frame, names, chosen, span)
    if not chosen:
        _list(frame, names)
        return
    units = [frame.query.get(f"u{asked.index(one) + 1}", "") for one in chosen]
    Trends(frame, chosen, units, begin, end).classes("zz-card")


def _span(frame: Frame, historian: Any, chosen: list[str]) -> tuple[float, float, str]:
    """What is looked at, in ms, and the name of the span where it is one of ours."""
    said = []
    for key in ("start", "end"):
        try:
            time = datetime.fromisoformat(frame.query.get(key, ""))
            said.append(time.timestamp() * 1e3 if time.tzinfo is not None and 1970 < time.year < 2262 else None)
        except ValueError:
            said.append(None)
    if said[0] is not None and said[1] is not None and said[1] > said[0]:
        return said[0], said[1], ""
    span = frame.query.get("span", "1h")
    span = span if span in SPANS_S else "1h"
    last = historian.last(chosen)["at"].max() if chosen else None
    stop = max(last, now() - timedelta(seconds=SPANS_S[span])) if isinstance(last, datetime) else now()
    end = ns_of(min(stop, now()) if last is None else stop) / 1e6 + 1
    return end - SPANS_S[span] * 1e3, end, span


def _bar(frame: Frame, names: list[str], chosen: list[str], span: str) -> None:
    t = frame.t
    spans = [("", t("trend.own"))] if not span else []
    spans += [(key, t(f"trend.span.{key}")) for key in SPANS_S]
    keep = {key: value for key, value in frame.query.items() if key[0] in "tu" and key[1:].isdigit()}
    free = next((k for k in range(1, MOST_TAGS + 1) if not frame.query.get(f"t{k}")), 0)
    hidden = "".join(
        f'<input type="hidden" name="{escape(key)}" value="{escape(value)}">'
        for key, value in {**keep, **{k: v for k, v in frame.query.items() if k in ("span", "start", "end")}}.items()
        if value
    )
    listed = "".join(f'<option value="{escape(name)}"></option>' for name in names[:5000])
    adding = (
        f'<form method="get" action="/trend" class="zz-row" style="gap:6px">{hidden}<label class="zz-field">{escape(t("trend.add"))}'
        f'<input class="zz-input" name="t{free}" list="trend-tags" autocomplete="off" required maxlength="400" style="min-width:220px">'
        f'</label><datalist id="trend-tags">{listed}</datalist><button class="zz-btn" style="align-self:end">{escape(t("trend.put"))}</button></form>'
        if free
        else ""
    )
    pick = select("span", t("live.span"), spans, span) if chosen else ""
    chips = "".join(
        link_button(f"{one} ×", frame.link(**{next(k for k, v in keep.items() if v == one and k[0] == "t"): ""}))
        for one in chosen
    )
    raw(f'<div class="zz-filter">{adding}{pick}</div>')
    if chips:
        raw(f'<div class="zz-row" style="flex-wrap:wrap;gap:6px;margin-bottom:10px">{chips}</div>')


def _list(frame: Frame, names: list[str]) -> None:
    links = "".join(
        f'<li><a href="{escape(frame.link(t1=name))}" style="display:block;padding:12px 4px;min-height:44px">{escape(name)}</a></li>'
        for name in names[:200]
    )
    more = (
        f'<p class="zz-note">{escape(frame.t("live.more", n=200, all=frame.t.count(len(names))))}</p>'
        if len(names) > 200
        else ""
    )
    raw(f'<div class="zz-card"><ul style="list-style:none;margin:0;padding:0">{links}</ul>{more}</div>')
