"""Orders: the floor as a Gantt chart, as recorded and as the pilot would run it; the orders; one order in full."""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl
from nicegui import ui

from zhizao.app import views
from zhizao.app.pages.overview import PART_COLOURS
from zhizao.app.pages.parts import Gantt, Grid, heading, legend, select, short_table, split_bar, tag
from zhizao.app.pages.shell import Frame, link_button, page, raw

__all__ = ["orders_page"]


@page("/orders", "orders")
async def orders_page(frame: Frame) -> None:
    """All orders, or one of them."""
    if frame.no_records():
        return
    order = frame.query.get("order", "")
    if order:
        await frame.ready(lambda: _facts(frame, order), lambda found: _one(frame, order, *found), height=380)
        return
    quick = frame.desk.has("orders", frame.period.key)
    await frame.ready(lambda: views.orders(frame.desk, frame.period), lambda found: _all(frame, found), quick=quick)


def _all(frame: Frame, table: pl.DataFrame) -> None:
    t = frame.t
    late = table.filter(pl.col("late_h") > 0).height
    judged = table["late_h"].drop_nulls().len()
    if judged:
        title = t("orders.title", n=t.count(table.height), late=t.count(late), share=t.percent(late / judged, 0))
    else:
        title = t("orders.title.plain", n=t.count(table.height))
    frame.title(title, f"{t('orders.sub')} · {frame.period_words()}")
    log = frame.desk.log().frame
    rows = [name for name in ("machine", "person") if log[name].null_count() < log.height] + ["order"]
    by = frame.query.get("by", rows[0])
    job = frame.desk.latest("pilot")
    improved = job is not None and (frame.desk.jobs.folder(job.id) / views.IMPROVED).exists()
    choices = {
        "by": (
            t("orders.rows"),
            [(name, t(f"col.{name}")) for name in rows],
            by,
        ),
    }
    fields = [select(name, words, options, now) for name, (words, options, now) in choices.items()]
    for key in ("product", "machine", "operation"):
        names = log[key].drop_nulls().unique().sort().to_list()
        if 1 < len(names) <= 400:
            options = [("", t("all")), *((str(name), str(name)) for name in names)]
            fields.append(select(key, t(f"col.{key}"), options, frame.query.get(key, "")))
    if improved:
        options = [("", t("orders.recorded")), ("pilot", t("orders.improved"))]
        fields.append(select("source", t("orders.shown"), options, frame.query.get("source", "")))
    find = (
        f'<form data-zz-go class="zz-field">{escape(t("orders.find"))}<input class="zz-input" type="search" name="find" '
        f'value="{escape(frame.query.get("find", ""))}" aria-label="{escape(t("orders.find"))}"></form>'
    )
    raw(f'<div class="zz-filter">{"".join(fields)}{find}</div>')
    query = {key: frame.query[key] for key in ("product", "machine", "operation", "find") if frame.query.get(key)}
    query["by"] = by if by in rows else rows[0]
    if improved and job is not None and frame.query.get("source") == "pilot":
        query["source"] = job.id
        frame.banner("info", t("orders.improved.note"), t("orders.improved.text"))
    Gantt(frame, query, label=t("orders.gantt"), height=620 if by == "order" else 560)
    raw(
        legend(frame, ("production", "setup", "breakdown", "rework"))
        + f'<p class="zz-note">{escape(t("orders.help"))}</p>'
    )
    raw(heading(t("orders.finished")))
    only = {key: frame.query[key] for key in ("product",) if frame.query.get(key)}
    Grid(frame, "orders", height=560, query=only, sort=[("end", "desc")])


def _facts(frame: Frame, order: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    from zhizao.app.desk import Period

    rows = frame.desk.log().frame.filter(pl.col("order") == order)
    return views.orders(frame.desk, Period()).filter(pl.col("order") == order), rows


def _one(frame: Frame, order: str, finished: pl.DataFrame, rows: pl.DataFrame) -> None:
    t = frame.t
    back = link_button(t("orders.all"), frame.link(order=None))
    if not rows.height:
        frame.title(t("orders.unknown", order=order), "", back)
        return
    if not finished.height:
        frame.title(t("orders.running", order=order), t("orders.running.sub", n=rows.height), back)
    else:
        row: dict[str, Any] = finished.row(0, named=True)
        frame.title(
            t("orders.one", order=order, cycle=t.hours(row["cycle_h"])),
            f"{t.time(row['begin'])} – {t.time(row['end'])} · {row['product'] or ''}",
            back,
        )
        _figures(frame, row)
    by = "machine" if rows["machine"].null_count() < rows.height else "person"
    machines = max(1, rows[by].n_unique())
    raw(heading(t("orders.course")))
    Gantt(frame, {"order": order, "by": by}, label=t("orders.gantt"), height=60 + 40 * machines)
    raw(legend(frame, ("production", "setup", "breakdown", "rework")))
    raw(heading(t("orders.work")))
    height = min(560, 150 + 36 * rows.height)
    Grid(frame, "operations", height=height, query={"order": order}, sort=[("start", "asc")], hide=("order", "product"))


def _figures(frame: Frame, row: dict[str, Any]) -> None:
    t = frame.t
    parts = [(t(f"part.{name}"), float(row.get(f"{name}_h") or 0.0), colour) for name, colour in PART_COLOURS.items()]
    whole = sum(value for _, value, _ in parts)
    if whole > 0:
        said = [f"{t.hours(value)} · {t.percent(value / whole, 0)}" for _, value, _ in parts]
        raw(f'<div class="zz-card">{split_bar(parts, whole, said)}</div>')
    money = frame.desk.plant.rates.currency
    late = row["late_h"]
    state = tag("", t("orders.nodue"))
    if late is not None:
        state = tag("warn", t("orders.late", late=t.hours(late))) if late > 0 else tag("good", t("orders.intime"))
    head = [
        (t("col.due"), False),
        (t("orders.due.state"), False),
        (t("col.entered"), True),
        (t("col.bad"), True),
        (f"{t('col.cost')} ({money})", True),
    ]
    cells = [escape(t.time(row["due"])), state, t.count(row["entered"]), t.count(row["bad"]), t.number(row["cost"], 4)]
    with ui.element("div").classes("zz-card").style("margin-top:14px;padding:6px 8px"):
        raw(short_table(frame, head, [cells]))
