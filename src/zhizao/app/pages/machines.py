"""Machines: what each did with its hours, what orders waited for it, and the ISO 22400-2 figures; one in full."""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl
from nicegui import ui

from zhizao.account import MACHINE_STATES, IsoFigures, Losses, name_of, reason_of
from zhizao.app import views
from zhizao.app.pages.parts import Chart, Gantt, Grid, fold, heading, legend, short_table
from zhizao.app.pages.shell import Frame, link_button, page, raw
from zhizao.app.texts import NBSP

__all__ = ["machines_page"]

STATE_COLOURS = {
    "processing": "@c1",
    "setup": "@c2",
    "breakdown": "@red",
    "idle": "@c3",
    "off_shift": "@line-strong",
}


@page("/machines", "machines")
async def machines_page(frame: Frame) -> None:
    """All machines, or one of them."""
    if frame.no_records():
        return
    if frame.desk.log().frame["machine"].null_count() == frame.desk.log().frame.height:
        frame.title(frame.t("machines.none"))
        go = link_button(frame.t("nav.import"), "/import")
        if frame.desk.log().frame["person"].null_count() < frame.desk.log().frame.height:
            go = link_button(frame.t("machines.people"), "/orders?by=person", primary=True) + go
        frame.empty(frame.t("machines.none"), frame.t("machines.none.text"), go)
        return
    quick = frame.desk.has("losses", frame.period.key) and frame.desk.has("iso", frame.period.key)
    machine = frame.query.get("machine", "")

    def work() -> tuple[Losses, IsoFigures]:
        return views.losses(frame.desk, frame.period), views.iso(frame.desk, frame.period)

    def show(found: tuple[Losses, IsoFigures]) -> None:
        if machine:
            _one(frame, machine, *found)
        else:
            _all(frame, *found)

    await frame.ready(work, show, quick=quick, height=420)


def _all(frame: Frame, losses: Losses, iso: IsoFigures) -> None:
    t = frame.t
    table = losses.machines
    if not table.height:
        frame.title(t("machines.none"))
        return
    busiest = table.sort("utilisation", descending=True, nulls_last=True).row(0, named=True)
    frame.title(
        t("machines.title", machine=busiest["machine"], share=t.percent(busiest["utilisation"], 0)),
        f"{t('machines.sub')} · {frame.period_words()}",
    )
    _states(frame, table, "machine", follow=frame.link("/machines") + ("&" if frame.query else "?") + "machine={name}")
    with ui.element("div").classes("zz-grid zz-section"):
        with ui.element("div").classes("zz-card"):
            raw(f'<h2 class="zz-h2">{escape(t("machines.eats"))}</h2>')
            _pareto(frame, losses.cycle)
        with ui.element("div").classes("zz-card"):
            raw(f'<h2 class="zz-h2">{escape(t("machines.wip"))}</h2>')
            _wip(frame, losses.wip)
    _iso(frame, iso, "plant", "")
    raw(heading(t("machines.course")))
    Gantt(frame, {"by": "machine"}, label=t("orders.gantt"), height=520)
    raw(legend(frame, ("production", "setup", "breakdown", "rework")))
    raw(heading(t("machines.table")))
    Grid(frame, "machines", height=min(560, 150 + 36 * table.height))


def _states(frame: Frame, table: pl.DataFrame, key: str, *, follow: str = "") -> None:
    """Stacked shares of hours, one bar a machine or week."""
    t = frame.t
    names = [f"{state}_h" if f"{state}_h" in table.columns else state for state in MACHINE_STATES]
    table = table.sort(key, descending=True) if key == "machine" else table
    whole = table.select(pl.sum_horizontal(names)).to_series()
    labels = [str(value) for value in table[key].to_list()]
    upright = key != "machine"
    axis: dict[str, Any] = {"type": "category", "data": labels, "axisLabel": {"hideOverlap": upright}}
    share = {"type": "value", "max": 1, "axisLabel": {"formatter": "@percent0"}}
    series = [
        {
            "type": "bar",
            "stack": "all",
            "name": t(f"state.{state}"),
            "data": [None if w <= 0 else v / w for v, w in zip(table[name].to_list(), whole.to_list(), strict=True)],
            "itemStyle": {"color": STATE_COLOURS[state]},
            "barMaxWidth": 26,
        }
        for state, name in zip(MACHINE_STATES, names, strict=True)
    ]
    options = {
        "grid": {"left": 4, "right": 18, "top": 8, "bottom": 44, "containLabel": True},
        "legend": {"bottom": 0, "icon": "roundRect", "itemWidth": 12, "itemHeight": 12},
        "tooltip": {"trigger": "axis", "valueFormatter": "@percent"},
        "xAxis": axis if upright else share,
        "yAxis": share if upright else axis,
        "series": series,
    }
    with ui.element("div").classes("zz-card"):
        words = t("machines.states") if key == "machine" else t("machines.weeks")
        raw(f'<h2 class="zz-h2">{escape(words)}</h2>')
        height = 280 if upright else 90 + 30 * len(labels)
        Chart(frame, options, label=words, height=height, follow=follow)
    head = [(t(f"col.{key}") if key == "machine" else t("overview.week"), False)]
    head += [(f"{t(f'state.{state}')} ({t('unit.hour')})", True) for state in MACHINE_STATES]
    rows = [[escape(str(row[key])), *(t.number(row[name]) for name in names)] for row in table.sort(key).to_dicts()]
    raw(
        fold(t("overview.data"), f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>')
    )


def _pareto(frame: Frame, cycle: pl.DataFrame) -> None:
    t = frame.t
    top = cycle.filter(pl.col("hours") > 0).head(9)
    labels = [" · ".join((t(f"part.short.{row['state']}"), str(row["operation"]))) for row in top.to_dicts()]
    data = [{"value": row["share"], "itemStyle": {"color": _PART[row["state"]]}} for row in top.to_dicts()]
    options = {
        "grid": {"left": 10, "right": 46, "top": 4, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis", "valueFormatter": "@percent"},
        "xAxis": {"type": "value", "splitNumber": 3, "axisLabel": {"formatter": "@percent0"}},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": labels,
            "axisLabel": {"width": 150, "overflow": "truncate"},
        },
        "series": [
            {
                "type": "bar",
                "data": data,
                "barMaxWidth": 18,
                "label": {"show": True, "position": "right", "formatter": "@percent0", "color": "@ink-2"},
            }
        ],
    }
    Chart(frame, options, label=t("machines.eats"), height=290)


_PART = {
    "processing": "@c1",
    "setup": "@c2",
    "breakdown": "@red",
    "wait_machine": "@c5",
    "wait_people": "@c4",
    "off_shift": "@line-strong",
    "unexplained": "@c3",
}


def _wip(frame: Frame, wip: pl.DataFrame) -> None:
    t = frame.t
    days = wip["time"].dt.convert_time_zone(t.zone).dt.strftime("%Y-%m-%d").to_list()
    options = {
        "grid": {"left": 4, "right": 14, "top": 10, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis", "valueFormatter": "@number"},
        "xAxis": {
            "type": "category",
            "data": days,
            "axisLabel": {"formatter": "@day", "hideOverlap": True, "alignMinLabel": "left", "alignMaxLabel": "right"},
        },
        "yAxis": {"type": "value", "min": 0},
        "series": [
            {
                "type": "line",
                "step": "end",
                "symbol": "none",
                "data": wip["orders"].to_list(),
                "name": t("col.orders"),
                "lineStyle": {"width": 1.6, "color": "@c1"},
                "areaStyle": {"color": "@c1", "opacity": 0.12},
            }
        ],
    }
    Chart(frame, options, label=t("machines.wip"), height=290)


def _iso(frame: Frame, iso: IsoFigures, scope: str, name: str) -> None:
    t = frame.t
    table = iso.table.filter((pl.col("scope") == scope) & (pl.col("name") == name))
    if not table.height:
        return
    rows = []
    for row in table.to_dicts():
        value = row["value"]
        if value is None:
            said = f'<span class="dim">{escape(reason_of(row["reason"], t.code))}</span>'
        elif row["unit"] == "1" and not row["key"].endswith("turns"):
            said = t.percent(value)
        else:
            unit = "" if row["unit"] == "1" else escape(t.hours_unit(row["unit"]))
            said = f"{t.number(value)}{NBSP}{unit}".strip(NBSP)
        rows.append(
            [
                escape(name_of(row["key"], t.code)),
                said,
                f'<span class="dim">{escape(_formula(row["formula"], t.code))}</span>',
            ]
        )
    head = [(t("machines.iso.name"), False), (t("machines.iso.value"), True), (t("machines.iso.formula"), False)]
    note = ""
    if iso.assumed:
        note = f'<p class="zz-note">{escape(t("machines.iso.assumed", names=t.listed([t(f"iso.{one}") for one in iso.assumed])))}</p>'
    shown = [row for row, raw_row in zip(rows, table.to_dicts(), strict=True) if raw_row["value"] is not None]
    missing = [row for row, raw_row in zip(rows, table.to_dicts(), strict=True) if raw_row["value"] is None]
    raw(
        f'<h2 class="zz-h2 zz-gap">{escape(t("machines.iso"))}</h2><div class="zz-card" style="padding:6px 8px">'
        f"{short_table(frame, head, shown)}</div>{note}"
        + (fold(t("machines.iso.missing", n=len(missing)), short_table(frame, head, missing)) if missing else "")
    )


def _formula(formula: str, lang: str) -> str:
    """With signs in place of a program's, and its few words in the language of the page."""
    said = formula.replace(" * ", " × ").replace("sum(", "Σ(")
    return said.replace("average inventory", "平均在制品") if lang == "zh" else said


def _one(frame: Frame, machine: str, losses: Losses, iso: IsoFigures) -> None:
    t = frame.t
    back = link_button(t("machines.all"), frame.link(machine=None))
    table = losses.machines.filter(pl.col("machine") == machine)
    if not table.height:
        frame.title(t("machines.unknown", machine=machine), "", back)
        return
    row = table.row(0, named=True)
    frame.title(t("machines.one", machine=machine, share=t.percent(row["utilisation"], 0)), frame.period_words(), back)
    _states(frame, losses.weeks.filter(pl.col("machine") == machine).sort("week"), "week")
    raw(heading(t("machines.course")))
    Gantt(frame, {"machine": machine, "by": "machine"}, label=t("orders.gantt"), height=110)
    raw(legend(frame, ("production", "setup", "breakdown", "rework")))
    _iso(frame, iso, "machine", machine)
    raw(heading(t("orders.work")))
    Grid(frame, "operations", height=520, query={"machine": machine}, sort=[("start", "desc")], hide=("machine",))
