"""Costs: where the money goes, by component, operation, machine, person and product."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from zhizao.account import OperatingCost
from zhizao.app import views
from zhizao.app.pages.parts import Chart, figure_words, reason_of, short_table, split_bar
from zhizao.app.pages.shell import Frame, page, raw
from zhizao.app.texts import NBSP

__all__ = ["costs_page"]

COLOURS = {
    "labour": "c1",
    "machine": "c4",
    "scrap_material": "c2",
    "scrap_work": "c8",
    "holding": "c3",
    "lateness": "c5",
}


@page("/costs", "overview")
async def costs_page(frame: Frame) -> None:
    """Operating cost down to its parts."""
    if frame.no_records():
        return
    quick = frame.desk.has("cost", frame.period.key)
    await frame.ready(
        lambda: views.cost(frame.desk, frame.period), lambda found: _show(frame, found), quick=quick, height=420
    )


def _show(frame: Frame, found: OperatingCost) -> None:
    t = frame.t
    if found.per_piece.value is None:
        frame.title(t("costs.none"), reason_of(frame, found.per_piece.reason))
        return
    value, unit = figure_words(frame, found.per_piece)
    parts = {name: float(amount) for name, amount in found.parts.items() if amount}
    top = max(parts, key=lambda name: parts[name])
    whole = sum(parts.values())
    frame.title(
        t("costs.title", value=value, unit=unit, part=t(f"cost.{top}").lower(), share=t.percent(parts[top] / whole, 0)),
        frame.period_words(),
    )
    bars = [(t(f"cost.{name}"), amount, COLOURS[name]) for name, amount in parts.items()]
    said = [f"{t.number(amount)} · {t.share(amount / whole)}" for _, amount, _ in bars]
    raw(f'<div class="zz-card">{split_bar(bars, whole, said)}</div>')
    money = frame.desk.plant.rates.currency
    head = [
        (t("costs.part"), False),
        (f"{t('costs.perpiece')} ({unit})", True),
        (f"{t('costs.total')} ({money})", True),
    ]
    rows: list[list[str]] = []
    for name, total in found.total.items():
        if total is None:
            why = escape(reason_of(frame, found.missing.get(name, "")))
            rows.append([escape(t(f"cost.{name}")), f'<span class="dim">{why}</span>', "–"])
        else:
            rows.append([escape(t(f"cost.{name}")), t.number(found.parts[name]), t.count(total)])
    rows.append(
        [escape(t("costs.sum")), t.number(whole), t.count(sum(v for v in found.total.values() if v is not None))]
    )
    raw(
        f'<div class="zz-card" style="padding:6px 8px;margin-top:14px">{short_table(frame, head, rows, total=True)}</div>'
    )
    of = [f"{t(f'report.{name}')}{NBSP}{t.count(amount)} {money}" for name, amount in found.of_which.items() if amount]
    if of:
        raw(f'<p class="zz-note">{escape(t("costs.ofwhich"))} {escape(" · ".join(of))}</p>')
    with ui.element("div").classes("zz-grid zz-section"):
        for key, table in (
            ("operation", found.by_operation),
            ("machine", found.by_machine),
            ("person", found.by_person),
            ("product", found.by_product),
        ):
            if not table.height:
                continue
            with ui.element("div").classes("zz-card"):
                raw(
                    f'<h2 class="zz-h2">{escape(t("costs.by", what=t(f"col.{key}").lower()))} <small class="dim">({money})</small></h2>'
                )
                _bars(frame, table.head(15), key)


def _bars(frame: Frame, table: Any, key: str) -> None:
    t = frame.t
    series = [
        {
            "type": "bar",
            "stack": "c",
            "name": t(f"cost.{name}"),
            "data": table[column].to_list(),
            "barMaxWidth": 16,
            "itemStyle": {"color": f"@{colour}"},
        }
        for name, column, colour in (
            ("labour", "labour_cost", "c1"),
            ("machine", "machine_cost", "c4"),
            ("scrap_work", "lost_work", "c8"),
        )
    ]
    options = {
        "grid": {"left": 4, "right": 34, "top": 4, "bottom": 28, "containLabel": True},
        "legend": {"bottom": 0, "icon": "roundRect", "itemWidth": 12, "itemHeight": 12},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}, "valueFormatter": "@number0"},
        "xAxis": {"type": "value", "splitNumber": 4, "axisLabel": {"formatter": "@number0", "hideOverlap": True}},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [str(name) for name in table[key].to_list()],
            "axisLabel": {"width": 140, "overflow": "truncate"},
        },
        "series": series,
    }
    follow = {"machine": "/machines?machine={name}"}.get(key, f"/journal?{key}={{name}}")
    Chart(
        frame,
        options,
        label=t("costs.by", what=t(f"col.{key}").lower()),
        height=70 + 24 * max(4, table.height),
        follow=follow,
    )
