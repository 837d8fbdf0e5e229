"""Defects: where bad pieces are made, by cause with intervals that small counts cannot fool, and where they are found."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

import polars as pl
from nicegui import ui

from zhizao.account import DefectRate
from zhizao.app import views
from zhizao.app.pages.parts import Chart, fold, reason_of, short_table, tag
from zhizao.app.pages.shell import Frame, link_button, page, raw
from zhizao.app.texts import NBSP

__all__ = ["defects_page"]

FACTORS = ("operation", "machine", "person", "product", "hour", "weekday")


@page("/defects", "defects")
async def defects_page(frame: Frame) -> None:
    """The defect rate by cause."""
    if frame.no_records():
        return
    quick = frame.desk.has("defects", frame.period.key)
    await frame.ready(
        lambda: views.defects(frame.desk, frame.period), lambda found: _show(frame, found), quick=quick, height=420
    )


def _show(frame: Frame, found: DefectRate) -> None:
    t = frame.t
    if found.overall.value is None:
        frame.title(t("defects.none"))
        words = reason_of(frame, found.overall.reason)
        frame.empty(t("defects.none"), words, link_button(t("nav.import"), "/import"), "defects")
        return
    frame.title(_sentence(frame, found), f"{t('defects.sub')} · {frame.period_words()}")
    _worse(frame, found)
    factor = frame.query.get("by", "operation")
    if factor not in FACTORS:
        factor = "operation"
    tabs = "".join(
        f'<a href="{escape(frame.link(by=one))}" aria-current="{str(one == factor).lower()}">{escape(t(f"defects.by.{one}"))}</a>'
        for one in FACTORS
        if found.by[one].height
    )
    raw(f'<nav class="zz-tabs" aria-label="{escape(t("defects.by"))}">{tabs}</nav>')
    table = found.by[factor].filter(pl.col("name").is_not_null())
    with ui.element("div").classes("zz-grid"):
        with ui.element("div").classes("zz-card"):
            raw(f'<h2 class="zz-h2">{escape(t("defects.rates"))}</h2>')
            _rates(frame, table, factor, float(found.overall.value))
        with ui.element("div").classes("zz-card"):
            raw(f'<h2 class="zz-h2">{escape(t("defects.pareto"))}</h2>')
            _pareto(frame, table, factor)
    raw(f'<p class="zz-note">{escape(t("defects.pooled"))}</p>')
    raw(fold(t("overview.data"), _table(frame, table, factor)))
    _found_at(frame, found)


def _sentence(frame: Frame, found: DefectRate) -> str:
    t = frame.t
    rate = t.percent(found.overall.value, 1)
    made = found.by["operation"]
    if not made.height:
        return t("defects.title.plain", rate=rate)
    top = made.sort("bad", descending=True).row(0, named=True)
    whole = float(made["bad"].sum())
    if whole <= 0:
        return t("defects.title.plain", rate=rate)
    return t("defects.title", rate=rate, operation=top["name"], share=t.percent(top["bad"] / whole, 0))


def _worse(frame: Frame, found: DefectRate) -> None:
    """Who is worse than peers on the same work, beyond chance."""
    t = frame.t
    rows = []
    for factor, table in found.adjusted.items():
        if "worse" not in table.columns:
            continue
        for row in table.filter(pl.col("worse")).to_dicts():
            rows.append(
                [
                    tag("warn", t("defects.worse.tag")),
                    f"{escape(t(f'col.{factor}'))} <b>{escape(str(row['name']))}</b>",
                    t.number(row["risk"], 2) + " ×",
                    f"{t.number(row['low'], 2)} – {t.number(row['high'], 2)}",
                    f"{t.count(row['bad'])} / {t.number(row['expected'], 3)}",
                ]
            )
    if not rows:
        raw(f'<p class="zz-note" style="margin:0 0 14px">{escape(t("defects.noworse"))}</p>')
        return
    head = [
        ("", False),
        (t("defects.who"), False),
        (t("defects.risk"), True),
        (t("defects.interval"), True),
        (t("defects.badof"), True),
    ]
    raw(
        f'<h2 class="zz-h2" style="margin-bottom:8px">{escape(t("defects.worse"))}</h2>'
        f'<div class="zz-card" style="padding:6px 8px;margin-bottom:18px">{short_table(frame, head, rows)}</div>'
    )


def _names(frame: Frame, table: pl.DataFrame, factor: str) -> list[str]:
    t = frame.t
    if factor == "weekday":
        return [t(f"weekday.{name}") for name in table["name"].to_list()]
    if factor == "hour":
        return [f"{int(name):02d}:00" for name in table["name"].to_list()]
    return [str(name) for name in table["name"].to_list()]


def _rates(frame: Frame, table: pl.DataFrame, factor: str, whole: float) -> None:
    t = frame.t
    table = table.sort("name") if factor in ("hour", "weekday") else table.sort("rate", descending=True).head(20)
    names = _names(frame, table, factor)
    options: dict[str, Any] = {
        "grid": {"left": 4, "right": 24, "top": 24, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}, "valueFormatter": "@percent"},
        "xAxis": {"type": "value", "min": 0, "splitNumber": 4, "axisLabel": {"formatter": "@percent"}},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": names,
            "axisLabel": {"width": 150, "overflow": "truncate"},
        },
        "series": [
            {
                "type": "bar",
                "name": t("col.rate"),
                "data": table["rate"].to_list(),
                "barMaxWidth": 16,
                "itemStyle": {"color": "@c1", "opacity": 0.85},
                "markLine": {
                    "symbol": "none",
                    "silent": True,
                    "lineStyle": {"color": "@ink-3", "type": "dashed"},
                    "label": {"formatter": t("defects.mean"), "color": "@ink-3"},
                    "data": [{"xAxis": whole, "label": {"position": "start"}}],
                },
            },
            {
                "type": "custom",
                "renderItem": "errorBars",
                "name": "95 %",
                "encode": {"x": [1, 2], "y": 0},
                "tooltip": {"show": False},
                "data": [[at, row["low"], row["high"]] for at, row in enumerate(table.to_dicts())],
                "z": 5,
            },
        ],
    }
    Chart(frame, options, label=t("defects.rates"), height=90 + 24 * max(4, len(names)), follow=_follow(factor))


def _follow(factor: str) -> str:
    if factor in ("operation", "person", "product"):
        return f"/journal?{factor}={{name}}"
    return "/machines?machine={name}" if factor == "machine" else ""


def _pareto(frame: Frame, table: pl.DataFrame, factor: str) -> None:
    t = frame.t
    table = table.sort("bad", descending=True).head(20)
    whole = float(table["bad"].sum())
    names = _names(frame, table, factor)
    shares = (table["bad"].cum_sum() / whole).to_list() if whole else []
    options = {
        "grid": {"left": 4, "right": 8, "top": 12, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "category",
            "data": names,
            "axisLabel": {"rotate": 40 if len(names) > 6 else 0, "interval": 0, "width": 80, "overflow": "truncate"},
        },
        "yAxis": [
            {"type": "value", "axisLabel": {"formatter": "@number0"}},
            {"type": "value", "max": 1, "axisLabel": {"formatter": "@percent0"}, "splitLine": {"show": False}},
        ],
        "series": [
            {
                "type": "bar",
                "name": t("defects.badpieces"),
                "data": table["bad"].to_list(),
                "barMaxWidth": 34,
                "itemStyle": {"color": "@c3"},
                "tooltip": {"valueFormatter": "@number0"},
            },
            {
                "type": "line",
                "name": t("defects.cumulative"),
                "yAxisIndex": 1,
                "data": shares,
                "symbolSize": 6,
                "lineStyle": {"color": "@c2"},
                "itemStyle": {"color": "@c2"},
                "tooltip": {"valueFormatter": "@percent0"},
            },
        ],
    }
    Chart(
        frame, options, label=t("defects.pareto"), height=90 + 24 * max(8, min(14, len(names))), follow=_follow(factor)
    )


def _table(frame: Frame, table: pl.DataFrame, factor: str) -> str:
    t = frame.t
    head = [
        (t(f"defects.by.{factor}"), False),
        (t("defects.badpieces"), True),
        (t("col.pieces"), True),
        (t("defects.lots"), True),
        (f"{t('col.rate')} (%)", True),
        (t("defects.interval"), True),
    ]
    rows = [
        [
            escape(name),
            t.number(row["bad"], 4),
            t.count(row["pieces"]),
            t.count(row["lots"]),
            t.percent(row["rate"], 2).removesuffix(f"{NBSP}%"),
            f"{t.percent(row['low'], 2)} – {t.percent(row['high'], 2)}",
        ]
        for name, row in zip(_names(frame, table, factor), table.to_dicts(), strict=True)
    ]
    return f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>'


def _found_at(frame: Frame, found: DefectRate) -> None:
    t = frame.t
    table = found.found_at.filter(pl.col("bad") > 0).sort("bad", descending=True).head(15)
    if not table.height:
        return
    head = [
        (t("col.operation"), False),
        (t("defects.badpieces"), True),
        (t("col.pieces"), True),
        (f"{t('col.rate')} (%)", True),
        (f"{t('defects.fpy')} (%)", True),
    ]
    rows = [
        [
            f'<a href="{escape("/journal?operation=" + quote(row["operation"], safe=""))}">{escape(row["operation"])}</a>'
            + (" " + tag("info", t("defects.inspection")) if row["operation"] in found.inspections else ""),
            t.count(row["bad"]),
            t.count(row["pieces"]),
            t.percent(row["rate"], 2).removesuffix(f"{NBSP}%"),
            t.percent(row["first_pass_yield"], 1).removesuffix(f"{NBSP}%"),
        ]
        for row in table.to_dicts()
    ]
    raw(
        f'<h2 class="zz-h2 zz-gap">{escape(t("defects.foundat"))}</h2>'
        f'<p class="zz-note" style="margin:-4px 0 8px">{escape(t("defects.foundat.why"))}</p>'
        f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>'
    )
