"""Panel: a sample of enterprises designed from a frame, the precision to expect before money is spent, and its list."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from zhizao.app.access import Right
from zhizao.app.jobs import Job
from zhizao.app.pages.parts import Chart, Grid, fold, heading, progress, short_table, tight
from zhizao.app.pages.shell import Frame, json_of, link_button, page, raw
from zhizao.programme.classes import industries, regions

__all__ = ["panel_page"]

METHODS = ("neyman", "power", "proportional")


@page("/panel", "panel")
async def panel_page(frame: Frame) -> None:
    """The latest panel, and how to design another."""
    t = frame.t
    jobs = frame.desk.jobs.list("panel")
    running = next((job for job in jobs if job.state == "running"), None)
    done = next((job for job in jobs if job.state == "done"), None)
    if done is not None:
        _title(frame, done)
    else:
        frame.title(t("panel.running" if running else "panel.none"), t("panel.none.text"))
    if running is not None:
        progress(frame, running, after="/panel")
    elif jobs and jobs[0].state in ("failed", "lost"):
        fault = jobs[0].fault or {"where": "", "what": t("job.lost"), "fix": ""}
        frame.banner("bad", " – ".join(x for x in (fault["where"], fault["what"]) if x), fault["fix"])
    if done is not None:
        _result(frame, done)
    if not frame.may(Right.DECIDE):
        frame.banner("info", t("panel.engineer"))
    elif running is None:
        form = _form(frame)
        raw(fold(t("panel.new"), form) if done else f'<div class="zz-card">{form}</div>')


def _title(frame: Frame, job: Job) -> None:
    t = frame.t
    found = frame.desk.jobs.result(job.id)
    made = found["design"]
    whole = next((row for row in made["precision"] if not row["grouping"]), None)
    n, size = t.count(made["n"]), t.count(made["frame"]["units"])
    if whole is not None and whole["cv"] is not None:
        sentence = t("panel.title", n=n, N=size, cv=t.percent(whole["cv"], 2))
    else:
        sentence = t("panel.title.plain", n=n, N=size)
    sub = t(
        "panel.sub",
        name=found["name"],
        strata=t.count(len(made["strata"])),
        all=t.count(made["take_all_units"]),
        pooled=t.count(made["pooled_cells"]),
        at=t.time(job.at),
    )
    actions = link_button(t("panel.get"), f"/api/v1/jobs/{job.id}/files/panel", primary=True)
    actions += link_button(t("panel.get.design"), f"/api/v1/jobs/{job.id}/files/design")
    frame.title(sentence, sub, actions)


def _form(frame: Frame) -> str:
    t = frame.t
    call = {"method": "POST", "path": "/api/v1/panel", "next": "/panel"}
    methods = "".join(f'<option value="{one}">{escape(t(f"panel.method.{one}"))}</option>' for one in METHODS)

    def field(key: str, inside: str) -> str:
        return f'<label class="zz-field">{escape(t(key))}{inside}</label>'

    number = '<input class="zz-input" name="{name}" inputmode="decimal" size="8" value="{value}">'
    return (
        f'<form class="zz-filter" id="frame" data-zz-call="{escape(json_of(call))}">'
        + field(
            "panel.file",
            '<input class="zz-input" style="padding:6px" type="file" name="file" required accept=".csv,.gz,.tsv,.xlsx,.parquet">',
        )
        + field("panel.n", number.format(name="n", value=""))
        + field("panel.cv", number.format(name="cv", value=""))
        + field("panel.method", f'<select class="zz-input" name="method">{methods}</select>')
        + field("panel.seed", number.format(name="seed", value="1"))
        + f'<button class="zz-btn primary" type="submit">{escape(t("panel.go"))}</button></form>'
        f'<p class="zz-note" style="margin:0">{escape(t("panel.go.why"))}</p>'
    )


def _result(frame: Frame, job: Job) -> None:
    t = frame.t
    made = frame.desk.jobs.result(job.id)["design"]
    for grouping in dict.fromkeys(row["grouping"] for row in made["precision"] if row["grouping"]):
        rows = [row for row in made["precision"] if row["grouping"] == grouping]
        words = t.maybe(f"panel.by.{grouping}", t("panel.by", name=grouping))
        raw(heading(words))
        ordered = sorted(rows, key=lambda row: -(row["cv"] or 0))
        if any(row["cv"] is not None for row in rows):
            with ui.element("div").classes("zz-card zz-bare"):
                Chart(
                    frame,
                    _bars(frame, grouping, ordered[:31]),
                    label=t("panel.bar", name=words),
                    height=60 + 32 * min(len(ordered), 31),
                )
        raw(fold(t("panel.data"), tight(_precision(frame, grouping, ordered))))
    _rotation(frame, job)
    raw(heading(t("panel.strata")))
    Grid(frame, "panel_strata", query={"job": job.id, "lang": t.lang}, height=420)


def _rotation(frame: Frame, job: Job) -> None:
    """Who leaves and enters if the panel is renewed on the same frame."""
    t = frame.t
    told = frame.desk.jobs.result(job.id).get("rotation")
    if told is None:
        raw(heading(t("panel.next"), t("panel.next.none")))
        return
    counts = {key: t.count(told[key]) for key in ("stayed", "rotated_out", "entered")}
    share, overlap = t.percent(told["rotate"], 0), t.percent(told["overlap"], 1)
    raw(heading(t("panel.next"), t("panel.next.text", share=share, overlap=overlap, **counts)))
    Grid(frame, "panel_rotation", query={"job": job.id, "lang": t.lang}, height=420)


def _named(frame: Frame, grouping: str, code: str) -> str:
    known: Any = {"industry": industries(), "region": regions()}.get(grouping, {})
    found = known.get(code)
    return f"{code} {found.zh if frame.t.lang == 'zh' else found.en}" if found else code


def _bars(frame: Frame, grouping: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    upward = rows[::-1]
    return {
        "grid": {"left": 8, "right": 56, "top": 8, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "item", "valueFormatter": "@percent2"},
        "xAxis": {"type": "value", "splitNumber": 4, "axisLabel": {"formatter": "@percent"}},
        "yAxis": {
            "type": "category",
            "data": [_named(frame, grouping, row["domain"]) for row in upward],
            "axisLabel": {"width": 150, "overflow": "break", "lineHeight": 14},
        },
        "series": [
            {
                "type": "bar",
                "data": [row["cv"] or 0 for row in upward],
                "itemStyle": {"color": "@c1"},
                "label": {"show": True, "position": "right", "formatter": "@percent2", "color": "@ink-2"},
            }
        ],
    }


def _precision(frame: Frame, grouping: str, rows: list[dict[str, Any]]) -> str:
    t = frame.t
    head = [
        (t("col.domain"), False),
        (t("col.frame_units"), True),
        (t("col.drawn"), True),
        (t("col.cv"), True),
        (t("col.half"), True),
    ]
    body = [
        [
            escape(_named(frame, grouping, row["domain"])),
            t.count(row["N"]),
            t.number(row["n"], 4),
            t.percent(row["cv"], 2),
            t.percent(row["share_half_width"], 2),
        ]
        for row in rows
    ]
    return short_table(frame, head, body)
