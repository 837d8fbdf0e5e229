"""Live: what the machines do, which sources are there, what became of every sample, the last values, and the trend of one signal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from nicegui import ui

from zhizao.app import live
from zhizao.app.live_shared import Look
from zhizao.app.live_signals import LINKS
from zhizao.app.pages import floor
from zhizao.app.pages.live_push import follow
from zhizao.app.pages.parts import Chart, heading, select, short_table, tag
from zhizao.app.pages.shell import Frame, link_button, page, raw
from zhizao.app.pages.wellbeing import wellbeing
from zhizao.clock import now
from zhizao.errors import InputError

__all__ = ["live_page"]

SPANS = {"1h": 3600.0, "8h": 28_800.0, "1d": 86_400.0, "7d": 604_800.0, "30d": 2_592_000.0}
_POINTS = 600
_STALE_S = 10.0
_SHOWN = 500


@page("/live", "live")
async def live_page(frame: Frame) -> None:
    """All sources and signals, or one signal."""
    t = frame.t
    path = str(frame.desk.path)
    try:
        historian = live.reading(path)
    except InputError:
        frame.title(t("live.none.title"))
        frame.empty(t("live.none.title"), t("live.none.text"), "", "live")
        return
    if frame.query.get("machine"):
        await floor.machine_page(frame, frame.query["machine"])
        return
    if frame.query.get("part") == "shifts":
        await floor.book_page(frame)
        return
    wanted = frame.query.get("tag", "")
    if wanted:
        _one(frame, historian, wanted)
        return
    await floor.tiles(frame, _sentence(frame, historian), t("live.sub", n=t.count(len(historian.tags))))
    links = link_button(t("live.totrend"), "/trend") + link_button(t("live.toalarms"), "/alarms")
    raw(f'<div class="zz-row" style="gap:8px;margin:12px 0">{links}</div>')
    shown = {"sources": _sources(frame, path, historian.ledger())}
    raw(f'<div data-piece="sources">{shown["sources"]}</div>')
    shown |= _last(frame, historian.last())
    await wellbeing(frame)

    def again(_: Look) -> dict[str, str]:
        """The account anew; of the signals only what has changed, so that a search or an order stays."""
        return {"sources": _sources(frame, path, historian.ledger()), **_cells(frame, historian.last())}

    follow(frame, "signals", again, shown=shown, every_s=1.0)


def _sentence(frame: Frame, historian: Any) -> str:
    t = frame.t
    account = historian.ledger()
    said, fresh = _health(str(frame.desk.path))
    there = sum(bool(one["connected"]) for one in said.values()) if fresh else 0
    if account.height and not account["balance"].all():
        return t("live.title.unbalanced")
    return t("live.title", there=there, all=len(said), stored=t.count(int(account["stored"].sum() or 0)))


def _health(path: str) -> tuple[dict[str, Any], bool]:
    """Connections as whoever listens wrote them last, and whether somebody listens now."""
    said = live.health(path)
    fresh = bool(said) and (now() - datetime.fromisoformat(said["at"])).total_seconds() < _STALE_S
    return said.get("connections", {}), fresh


def _sources(frame: Frame, path: str, account: pl.DataFrame) -> str:
    t = frame.t
    connections, fresh = _health(path)
    names = sorted({*connections, *account["source"].to_list()} - {LINKS.rstrip("/")})
    lines = {row["source"]: row for row in account.iter_rows(named=True)}
    head = [(t("live.source"), False), (t("live.state"), False)] + [
        (t(f"live.{key}"), True) for key in ("received", "stored", "rejected", "duplicate", "late", "skew")
    ]
    rows = []
    for name in names:
        health, line = connections.get(name, {}), lines.get(name)
        if fresh and health.get("connected"):
            state = tag("good", t("live.connected"))
        elif fresh and health:
            state = (
                tag("bad", t("live.silent")) + f' <span class="dim">{escape(str(health.get("word", ""))[:160])}</span>'
            )
        else:
            state = tag("info", t("live.nobody"))
        cells = [escape(name), state]
        if line is None:
            cells += ["–"] * 6
        else:
            cells += [t.count(line["received"]), t.count(line["stored"])]
            reasons = f' <span class="dim">{escape(line["reasons"])}</span>' if line["reasons"] else ""
            cells += [t.count(line["rejected"]) + reasons, t.count(line["duplicate"]), t.count(line["late"])]
            cells += [t("live.ms", n=t.number(line["skew_ms"], 3))]
        rows.append(cells)
    return (
        heading(t("live.sources"))
        + f'<p class="zz-note" style="margin:-4px 0 8px">{escape(t("live.sources.note"))}</p>'
        + f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>'
    )


def _cells(frame: Frame, last: pl.DataFrame) -> dict[str, str]:
    """Value, quality and time of each signal, as HTML, by the place where they stand."""
    zone = ZoneInfo(frame.desk.zone)
    out: dict[str, str] = {}
    for row in last.sort("tag").head(_SHOWN).iter_rows(named=True):
        out[f"0:{row['tag']}"] = escape(_said(frame, row))
        out[f"1:{row['tag']}"] = _quality(frame, row["quality"])
        out[f"2:{row['tag']}"] = row["at"].astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    return out


def _last(frame: Frame, last: pl.DataFrame) -> dict[str, str]:
    t = frame.t
    head = [(t("live.tag"), False), (t("live.value"), True), (t("live.quality"), False), (t("live.at"), False)]
    found = _cells(frame, last)
    rows = [
        [f'<a href="{escape(frame.link("/live", tag=name))}">{escape(name)}</a>']
        + [f'<span data-piece="{at}:{escape(name)}">{found[f"{at}:{name}"]}</span>' for at in range(3)]
        for name in (key[2:] for key in found if key.startswith("0:"))
    ]
    raw(heading(t("live.signals"), t("live.more", n=_SHOWN, all=t.count(last.height)) if last.height > _SHOWN else ""))
    raw(f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>')
    return found


def _said(frame: Frame, row: dict[str, Any]) -> str:
    if row["text"] is not None:
        return str(row["text"])
    return "–" if row["value"] is None else frame.t.told(row["value"])


def _quality(frame: Frame, code: int) -> str:
    kind = ("good", "warn", "bad", "bad")[code >> 30]
    return tag(kind, frame.t(f"live.quality.{kind}"))


def _one(frame: Frame, historian: Any, wanted: str) -> None:
    t = frame.t
    back = link_button(t("back"), frame.link("/live"))
    try:
        last = historian.last([wanted])
    except InputError as error:
        frame.title(t("live.notag", tag=wanted), "", back)
        frame.failed(error)
        return
    span = frame.query.get("span", "1h")
    span = span if span in SPANS else "1h"
    end: datetime = max(last["at"][0], now() - timedelta(seconds=SPANS[span])) if last.height else now()
    end = (end + timedelta(milliseconds=1)).astimezone(UTC)
    begin = end - timedelta(seconds=SPANS[span])
    row = last.row(0, named=True)
    frame.title(
        t("live.one", tag=wanted, value=_said(frame, row)),
        t("live.one.sub", at=t.time(row["at"])),
        back + link_button(t("live.totrend"), frame.link("/trend", t1=wanted)),
    )
    raw(
        f'<div class="zz-filter">{select("span", t("live.span"), [(key, t(f"live.span.{key}")) for key in SPANS], span)}</div>'
    )
    first, until = (round(one.timestamp() * 1e6) * 1000 for one in (begin, end))
    if row["text"] is not None:
        _states(frame, historian, wanted, first, until)
        return
    found = live.history(historian, wanted, begin, end, SPANS[span] / _POINTS)
    with ui.element("div").classes("zz-card"):
        Chart(frame, _trend(frame, found), label=t("live.trend", tag=wanted), height=320)
    whole = historian.figures(wanted, first, until).row(0, named=True)
    pairs = [
        (t(f"live.{key}"), "–" if whole[key] is None else t.number(whole[key], 6)) for key in ("mean", "min", "max")
    ]
    pairs += [(t("live.samples"), t.count(whole["samples"]))]
    pairs += [(t(f"live.{key}"), t.seconds(whole[key])) for key in ("held_s", "bad_s", "unknown_s")]
    inside = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    raw(f'<div class="zz-card"><dl class="zz-kv">{inside}</dl></div>')


def _trend(frame: Frame, found: pl.DataFrame) -> dict[str, Any]:
    zone = frame.desk.zone
    at = found["begin"].dt.convert_time_zone(zone).dt.to_string("%m-%d %H:%M:%S").to_list()
    low, high = found["min"], found["max"]
    band = [None if a is None or b is None else b - a for a, b in zip(low.to_list(), high.to_list(), strict=True)]
    quiet = {"type": "line", "symbol": "none", "stack": "band", "lineStyle": {"opacity": 0}, "silent": True}
    return {
        "grid": {"left": 4, "right": 14, "top": 14, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": at, "boundaryGap": False},
        "yAxis": {"type": "value", "scale": True},
        "series": [
            quiet | {"name": frame.t("live.min"), "data": low.to_list()},
            quiet | {"name": frame.t("live.max"), "data": band, "areaStyle": {"color": "@c1", "opacity": 0.25}},
            {
                "type": "line",
                "name": frame.t("live.mean"),
                "symbol": "none",
                "data": found["mean"].to_list(),
                "lineStyle": {"color": "@c1", "width": 1.5},
                "itemStyle": {"color": "@c1"},
            },
        ],
    }


def _states(frame: Frame, historian: Any, wanted: str, first: int, until: int) -> None:
    t = frame.t
    found = historian.states(wanted, first, until)
    whole = max(float(found["seconds"].sum()), 1e-9)
    head = [(t("live.state"), False), (t("live.time"), True), (t("live.share"), True), (t("live.times"), True)]
    rows = [
        [
            escape(row["state"] if row["state"] is not None else t("live.unknown")),
            t.seconds(row["seconds"]),
            t.percent(row["seconds"] / whole, 1),
            t.count(row["times"]),
        ]
        for row in found.iter_rows(named=True)
    ]
    raw(f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>')
