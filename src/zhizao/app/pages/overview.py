"""Overview: one sentence about now, the three figures against 30 % and 50 %, where the time goes, trends by week."""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl
from nicegui import ui

from zhizao.account import ThreeFigures
from zhizao.app import views
from zhizao.app.pages.parts import Chart, bullet, figure_card, fold, short_table, split_bar, tag, tight
from zhizao.app.pages.shell import Frame, link_button, page, raw
from zhizao.app.texts import NBSP

__all__ = ["PART_COLOURS", "overview"]

PART_COLOURS = {
    "processing": "c1",
    "setup": "c2",
    "breakdown": "red",
    "wait_machine": "c5",
    "wait_people": "c4",
    "off_shift": "line-strong",
    "unexplained": "c3",
}


@page("/", "overview")
async def overview(frame: Frame) -> None:
    """The first screen."""
    if frame.no_records():
        return
    quick = frame.desk.has("three", frame.period.key) and frame.desk.has("cycle", frame.period.key)

    def work() -> tuple[Any, Any, Any]:
        return (
            views.three(frame.desk, frame.period),
            views.cycle(frame.desk, frame.period),
            views.weeks(frame.desk, frame.period),
        )

    await frame.ready(work, lambda found: _show(frame, *found), quick=quick, height=420)


def _show(frame: Frame, three: ThreeFigures, cycle: Any, weeks: pl.DataFrame) -> None:
    t = frame.t
    frame.title(
        _sentence(frame, three, cycle), t("overview.sub", orders=t.count(three.orders), period=frame.period_words())
    )
    promise = frame.desk.promise()
    cards = []
    for key, figure in three.main().items():
        found = (promise or {}).get("figures", {}).get(key, {})
        said, extra = t("overview.nopilot"), ""
        if found.get("promised"):
            change, low, high = found["change"], found["low"], found["high"]
            said = t("overview.promise", change=t.percent(change, sign=True))
            extra = bullet(frame, change, low, high)
        elif promise is not None:
            said, extra = t("overview.nopromise"), bullet(frame, None, None, None)
        if figure.value is None:
            said, extra = "", ""
        target = {"production_cycle": "/orders", "operating_cost": "/costs", "defect_rate": "/defects"}[key]
        cards.append(figure_card(frame, key, figure, said=escape(said), extra=extra, address=frame.link(target)))
    raw(f'<div class="zz-grid three">{"".join(cards)}</div>')
    if promise is None:
        raw(
            f'<div class="zz-row" style="margin-top:12px">{link_button(t("overview.gopilot"), "/pilot", small=True)}'
            f'<span class="zz-note" style="margin:0">{escape(t("overview.gopilot.why"))}</span></div>'
        )
    _where(frame, cycle)
    _trends(frame, weeks)
    _how(frame, three)
    _assumed(frame, three)


def _how(frame: Frame, three: ThreeFigures) -> None:
    """What the figures mean, what they rest on, and where their records are."""
    t = frame.t
    rows = [
        [
            f"<b>{escape(t(f'figure.{key}'))}</b>",
            escape(t(f"overview.how.{key}")),
            t.count(figure.n),
            f'<a href="{escape(frame.link(address))}">{escape(t("overview.how.open"))}</a>',
        ]
        for (key, figure), address in zip(three.main().items(), ("/orders", "/costs", "/defects"), strict=True)
    ]
    head = [("", False), (t("overview.how.formula"), False), (t("overview.how.n"), True), ("", False)]
    note = t("overview.how.state", head=frame.desk.head(), version=frame.desk.version)
    inside = tight(short_table(frame, head, rows)) + f'<p class="zz-note">{escape(note)}</p>'
    raw(fold(t("overview.how"), inside))


def _sentence(frame: Frame, three: ThreeFigures, cycle: Any) -> str:
    t = frame.t
    if three.orders == 0:
        return t("overview.none")
    parts = {name: hours for name, hours in cycle.parts_h.items() if hours > 0}
    if not parts or not three.production_cycle_h.value:
        return t("overview.plain", cycle=t.hours(three.production_cycle_h.value))
    mean = three.production_cycle_h.value
    work = parts.get("processing", 0.0) / mean
    table = cycle.by_machine
    if table.height and table["wait_machine_h"].max() > 0:
        top = table.sort("wait_machine_h", descending=True).row(0, named=True)
        share = top["wait_machine_h"] / max(1e-9, float(table["wait_machine_h"].sum()))
        return t(
            "overview.title",
            cycle=t.hours(mean),
            work=t.percent(work, 0),
            machine=top["machine"],
            share=t.percent(share, 0),
        )
    return t("overview.title.plain", cycle=t.hours(mean), work=t.percent(work, 0))


def _where(frame: Frame, cycle: Any) -> None:
    t = frame.t
    parts = [(t(f"part.{name}"), hours, PART_COLOURS[name]) for name, hours in cycle.parts_h.items()]
    whole = sum(value for _, value, _ in parts)
    if whole <= 0:
        return
    said = [f"{t.share(value / whole)} · {t.hours(value)}" for _, value, _ in parts]
    raw(
        f'<section class="zz-section"><h2 class="zz-h2">{escape(t("overview.where"))}</h2><div class="zz-card">'
        f"{split_bar(parts, whole, said)}</div></section>"
    )


def _trends(frame: Frame, weeks: pl.DataFrame) -> None:
    t = frame.t
    if weeks.height < 2:
        return
    money = frame.desk.plant.rates.currency
    units = {"production_cycle": t("unit.hour"), "operating_cost": f"{money}/{t('unit.piece')}", "defect_rate": "%"}
    raw(f'<div class="zz-section"><h2 class="zz-h2">{escape(t("overview.trends"))}</h2></div>')
    with ui.element("div").classes("zz-grid three").style("margin-top:10px"):
        for key, unit in units.items():
            if weeks[key].null_count() == weeks.height:
                continue
            note = escape(t("overview.unit.byweek", unit=unit))
            with ui.element("div").classes("zz-card"):
                raw(f'<h2 class="zz-h2">{escape(t(f"figure.{key}"))} <small class="dim">{note}</small></h2>')
                Chart(frame, _trend(frame, weeks, key), label=t(f"figure.{key}"), height=190)
    raw(f'<p class="zz-note">{escape(t("overview.band"))}</p>')
    head = [(t("overview.week"), False), (t("col.orders"), True)]
    head += [(f"{t(f'figure.{key}')} ({unit})", True) for key, unit in units.items()]
    body = [
        [
            str(row["week"]),
            t.count(row["orders"]),
            t.number(row["production_cycle"]),
            t.number(row["operating_cost"]),
            t.percent(row["defect_rate"], 2).removesuffix(f"{NBSP}%"),
        ]
        for row in weeks.iter_rows(named=True)
    ]
    raw(fold(t("overview.data"), short_table(frame, head, body)))


def _trend(frame: Frame, weeks: pl.DataFrame, key: str) -> dict[str, Any]:
    """A line with its 95 % band."""
    form = "@percent" if key == "defect_rate" else "@number0"
    values, lows, highs = (weeks[name].to_list() for name in (key, f"{key}_low", f"{key}_high"))
    # a week with hardly an order has an interval that says nothing and would flatten the rest
    top = 2.2 * max(v for v in values if v is not None)
    wide = [None if a is None or b is None else max(0.0, min(b, top) - a) for a, b in zip(lows, highs, strict=True)]
    band = {
        "type": "line",
        "stack": "band",
        "symbol": "none",
        "lineStyle": {"opacity": 0},
        "silent": True,
        "tooltip": {"show": False},
    }
    return {
        "grid": {"left": 4, "right": 14, "top": 14, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis", "valueFormatter": form},
        "xAxis": {
            "type": "category",
            "data": [str(day) for day in weeks["week"].to_list()],
            "axisLabel": {"formatter": "@day", "hideOverlap": True, "alignMinLabel": "left", "alignMaxLabel": "right"},
        },
        "yAxis": {"type": "value", "axisLabel": {"formatter": form}, "min": 0},
        "series": [
            {**band, "data": lows},
            {**band, "data": wide, "areaStyle": {"color": "@c1", "opacity": 0.16}},
            {
                "type": "line",
                "name": frame.t(f"figure.{key}"),
                "data": values,
                "symbolSize": 5,
                "lineStyle": {"width": 2, "color": "@c1"},
                "itemStyle": {"color": "@c1"},
            },
        ],
    }


def _assumed(frame: Frame, three: ThreeFigures) -> None:
    t = frame.t
    if not three.assumptions:
        return
    cells = " ".join(
        tag("", f"{t.maybe(f'assume.{name}', name)} = {_assumed_value(frame, name, value)}")
        for name, value in three.assumptions
    )
    raw(
        f'<section class="zz-section"><h2 class="zz-h2">{escape(t("overview.assumed"))}</h2>'
        f'<p class="zz-note" style="margin:-4px 0 8px">{escape(t("overview.assumed.why"))}</p>'
        f'<div class="zz-row">{cells}</div></section>'
    )


def _assumed_value(frame: Frame, name: str, value: float | str) -> str:
    t = frame.t
    if not isinstance(value, float):
        return value
    if name == "rates.holding_per_year":
        return t.percent(value, 0)
    return f"{t.number(value)}{NBSP}{frame.desk.plant.rates.currency}" if name.startswith("rates.") else t.number(value)
