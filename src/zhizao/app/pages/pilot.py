"""Pilot: run it, find it again, and read what it promises: three figures, why to believe it, what to do."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from zhizao.app.access import Right
from zhizao.app.http.routes.records import monday_files
from zhizao.app.jobs import Job
from zhizao.app.pages.parts import Chart, bullet, fold, heading, progress, short_table, tag, tight
from zhizao.app.pages.shell import Frame, json_of, link_button, page, raw
from zhizao.app.pages.twin import fidelity_table
from zhizao.app.texts import NBSP

__all__ = ["pilot_page"]


@page("/pilot", "pilot")
async def pilot_page(frame: Frame) -> None:
    """Run the pilot, or read the newest one."""
    if frame.no_records():
        return
    t = frame.t
    jobs = frame.desk.jobs.list("pilot")
    running = next((job for job in jobs if job.state == "running"), None)
    done = [job for job in jobs if job.state == "done"]
    wanted = frame.query.get("job", "")
    job = next((one for one in done if one.id == wanted), done[0] if done else None)
    if running is not None:
        frame.title(t("pilot.running"), t("job.by", by=running.by, at=t.time(running.at)))
        progress(frame, running, after="/pilot")
        if job is None:
            return
    elif job is None:
        frame.title(t("pilot.none"), t("pilot.none.sub"))
    if jobs and jobs[0].state in ("failed", "lost", "cancelled") and not wanted:
        _ended(frame, jobs[0])
    if job is None:
        _start(frame)
        return
    found = frame.desk.jobs.result(job.id)["result"]
    if running is None:
        frame.title(_sentence(frame, found), _sub(frame, job, found), _downloads(frame, job))
    if frame.desk.stale(job.id):
        frame.banner("info", t("state.stale"), t("pilot.stale"))
    _figures(frame, found)
    _why(frame, found)
    _levers(frame, found)
    _front(frame, found)
    _monday(frame, job)
    if running is None:
        _start(frame)
    _earlier(frame, jobs)


def _ended(frame: Frame, job: Job) -> None:
    t = frame.t
    if job.fault:
        frame.fault(job.fault)
    else:
        frame.banner("warn", t("pilot.ended", state=t(f"job.{job.state}"), at=t.time(job.at)))


def _start(frame: Frame) -> None:
    t = frame.t
    if not frame.may(Right.DECIDE):
        raw(f'<p class="zz-note">{escape(t("pilot.role"))}</p>')
        return
    call = json_of({"method": "POST", "path": "/api/v1/pilot", "next": "/pilot"})
    money = frame.desk.plant.rates.currency
    raw(
        f'<section class="zz-section"><h2 class="zz-h2">{escape(t("pilot.start"))}</h2><div class="zz-card">'
        f'<p class="zz-note" style="margin:0 0 12px">{escape(t("pilot.start.why"))}</p>'
        f'<form class="zz-filter" style="margin:0" data-zz-call="{escape(call)}">'
        f'<label class="zz-field">{escape(t("pilot.budget", money=money))}<input class="zz-input" name="budget" type="number" '
        f'min="0" step="any" placeholder="{escape(t("pilot.nolimit"))}"></label>'
        f'<label class="zz-field">{escape(t("pilot.seed"))}<input class="zz-input" name="seed" type="number" min="0" value="0">'
        f'</label><input type="hidden" name="lang" value="{t.lang}">'
        f'<button class="zz-btn primary">{escape(t("pilot.run"))}</button></form></div></section>'
    )


def _sentence(frame: Frame, found: dict[str, Any]) -> str:
    t = frame.t
    promised = {key: one for key, one in found["figures"].items() if one["promised"] and one["change"] is not None}
    if not found["fidelity"].get("trusted"):
        return t("pilot.title.not")
    if not promised:
        return t("pilot.title.nothing")
    said = t("pilot.and").join(
        t("pilot.part", name=t(f"figure.{key}").lower(), change=t.percent(one["change"], 0, sign=True))
        for key, one in promised.items()
    )
    return t("pilot.title", said=said)


def _sub(frame: Frame, job: Job, found: dict[str, Any]) -> str:
    t = frame.t
    return t(
        "pilot.sub",
        orders=t.count(found["orders"]),
        operations=t.count(found["operations"]),
        at=t.time(job.at),
        took=t.seconds(job.elapsed_s),
    )


def _downloads(frame: Frame, job: Job) -> str:
    t = frame.t
    base = f"/api/v1/jobs/{job.id}/files"
    out = link_button("JSON", f"{base}/json")
    if (frame.desk.jobs.folder(job.id) / f"report.{t.lang}.html").exists():
        opened = link_button(t("pilot.report"), f"{base}/report?lang={t.lang}&inline=true")
        out = opened + link_button(t("pilot.save"), f"{base}/report?lang={t.lang}") + out
    return out


def _figures(frame: Frame, found: dict[str, Any]) -> None:
    t = frame.t
    cards = []
    for key, one in found["figures"].items():
        name = escape(t(f"figure.{key}"))
        if one["before"] is None:
            body = f'<div class="value">–</div><div class="said">{escape(_reason(frame, one["reason"]))}</div>'
        elif not one["promised"] or one["change"] is None:
            body = (
                f'<div class="value num">{escape(_value(frame, key, one["before"], one["unit"]))}</div>'
                f'<div class="said">{tag("", t("pilot.nopromise"))}</div>'
                f'<div class="range">{escape(_reason(frame, one["reason"]))}</div>{bullet(frame, None, None, None)}'
            )
        else:
            before = _value(frame, key, one["before"], one["unit"])
            after = _value(frame, key, one["after"], one["unit"])
            between = t("interval", low=t.percent(one["low"], sign=True), high=t.percent(one["high"], sign=True))
            reached = [
                t("pilot.reached", target=name_)
                for name_, yes in zip(("30 %", "50 %"), one["reached"], strict=True)
                if yes
            ]
            state = tag("good", reached[-1]) if reached else tag("", t("pilot.notreached"))
            body = (
                f'<div class="value num">{t.percent(one["change"], sign=True).removesuffix(f"{NBSP}%")}<small>%</small></div>'
                f'<div class="range num">{escape(between)}</div>'
                f'<div class="said num">{escape(before)} → <b>{escape(after)}</b></div>'
                f"{bullet(frame, one['change'], one['low'], one['high'])}<div>{state}</div>"
            )
        cards.append(f'<div class="zz-card zz-figure"><div class="label">{name}</div>{body}</div>')
    raw(f'<div class="zz-grid three">{"".join(cards)}</div>')


def _value(frame: Frame, key: str, value: float | None, unit: str) -> str:
    t = frame.t
    if unit == "h":
        return t.hours(value)
    if key == "defect_rate":
        return t.percent(value, 2)
    money, _, per = unit.partition("/")
    return f"{t.number(value)} {money}" + (f"/{t.maybe(f'unit.{per}', per)}" if per else "")


def _reason(frame: Frame, code: str) -> str:
    from zhizao.pilot.report.sections import reason_text

    return reason_text(code, frame.t.lang)


def _why(frame: Frame, found: dict[str, Any]) -> None:
    from zhizao.pilot.report.words import trust_reason

    t = frame.t
    fidelity = dict(found["fidelity"])
    trusted = bool(fidelity.pop("trusted", False))
    reasons = fidelity.pop("reasons", [])
    fidelity.pop("cut", "")
    raw(heading(t("pilot.believe")))
    frame.banner("good" if trusted else "bad", t("pilot.trusted") if trusted else t("pilot.nottrusted"))
    if fidelity:
        raw(fidelity_table(frame, fidelity))
    if not trusted:
        for reason in reasons:
            raw(f'<p class="zz-note">{escape(trust_reason(str(reason), t.lang))}</p>')
    for note in found.get("notes", []):
        raw(f'<p class="zz-note">{escape(_reason(frame, str(note)))}</p>')


def _levers(frame: Frame, found: dict[str, Any]) -> None:
    t = frame.t
    groups: dict[str, list[dict[str, Any]]] = {}
    for lever in found["levers"]:
        groups.setdefault(lever["group"] or f"{lever['kind']} {lever['scope']}", []).append(lever)
    if not groups:
        return
    ranked = sorted(groups.values(), key=lambda group: (not group[0]["chosen"], _effect(group[0])))
    keys = list(found["figures"])
    chosen = [_lever_row(frame, group, keys) for group in ranked if group[0]["chosen"]]
    others = [_lever_row(frame, group, keys) for group in ranked if not group[0]["chosen"]]
    head = [(t("pilot.lever"), False)]
    head += [(t(f"figure.{key}"), True) for key in keys]
    head += [(f"{t('pilot.cost')} ({found.get('currency', '')})", True), (t("pilot.because"), False)]
    raw(heading(t("pilot.levers"), t("pilot.levers.why")))
    if chosen:
        raw(tight(short_table(frame, head, chosen)))
    else:
        raw(f'<p class="zz-note">{escape(t("pilot.nolever"))}</p>')
    if others:
        raw(fold(t("pilot.others", n=len(others)), tight(short_table(frame, head, others))))


def _lever_row(frame: Frame, group: list[dict[str, Any]], keys: list[str]) -> list[str]:
    from zhizao.pilot.report.words import observation

    t = frame.t
    first = group[0]
    kind = "people" if first["kind"] == "assignment" and first["scope"] == "people" else first["kind"]
    cells = [f"<b>{escape(t.maybe('lever.' + kind, kind))}</b><br>{escape(_said(frame, group))}"]
    for key in keys:
        change = first["figures"].get(key)
        if change is None:
            cells.append("–")
            continue
        low, high = t.percent(change["low"], 0, sign=True), t.percent(change["high"], 0, sign=True)
        cells.append(f'{t.percent(change["change"], sign=True)}<br><span class="dim">{low} … {high}</span>')
    return [*cells, t.count(sum(one["cost"] for one in group)), escape(observation(first["why"], t.lang))]


def _said(frame: Frame, group: list[dict[str, Any]]) -> str:
    """What is done, in the words of the report; levers of one group in one sentence."""
    from zhizao.pilot.report.sections import lever_text
    from zhizao.pilot.report.words import listed
    from zhizao.pilot.result import LeverResult

    first = dict(group[0])
    places = list(dict.fromkeys(str(one["scope"]) for one in group))
    if len(places) > 1:
        first["scope"] = listed(places, frame.t.lang)
    return lever_text(LeverResult.model_validate(first), frame.t.lang)


def _effect(lever: dict[str, Any]) -> float:
    change = lever["figures"].get("production_cycle")
    return float(change["change"]) if change else 0.0


def _front(frame: Frame, found: dict[str, Any]) -> None:
    from zhizao.pilot.report.sections import lever_label
    from zhizao.pilot.result import LeverResult

    t = frame.t
    named = {one["group"]: lever_label(LeverResult.model_validate(one), t.lang) for one in reversed(found["levers"])}
    points = [
        {
            "value": [p["figures"]["production_cycle"]["change"], p["figures"]["operating_cost"]["change"]],
            "name": " + ".join(named.get(one, one) for one in p["levers"]) or t("twin.asis"),
            "itemStyle": {"color": "@accent" if p["chosen"] else "@c3"},
            "symbolSize": 16 if p["chosen"] else 10,
        }
        for p in found.get("front", [])
        if "production_cycle" in p["figures"] and "operating_cost" in p["figures"]
    ]
    if len(points) < 2:
        return
    with ui.element("div").classes("zz-card zz-section"):
        raw(f'<h2 class="zz-h2">{escape(t("pilot.front"))}</h2>')
        options = {
            "grid": {"left": 8, "right": 30, "top": 38, "bottom": 30, "containLabel": True},
            "tooltip": {"trigger": "item"},
            "xAxis": {
                "type": "value",
                "name": t("figure.production_cycle"),
                "nameLocation": "middle",
                "nameGap": 28,
                "axisLabel": {"formatter": "@percent"},
                "scale": True,
            },
            "yAxis": {
                "type": "value",
                "name": t("figure.operating_cost"),
                "axisLabel": {"formatter": "@percent"},
                "scale": True,
            },
            "series": [{"type": "scatter", "data": points}],
        }
        Chart(frame, options, label=t("pilot.front"), height=320)
        raw(f'<p class="zz-note">{escape(t("pilot.front.why"))}</p>')


def _monday(frame: Frame, job: Job) -> None:
    t = frame.t
    files = monday_files(frame.desk, job.id)
    if not files:
        return
    links = "".join(
        link_button(t.maybe(f"pilot.file.{path.name}", path.name), f"/api/v1/jobs/{job.id}/files/{path.name}")
        for path in files
    )
    shown = ""
    if (frame.desk.jobs.folder(job.id) / "improved.parquet").exists():
        shown = link_button(t("pilot.gantt"), "/orders?source=pilot")
    raw(
        f'<h2 class="zz-h2 zz-gap">{escape(t("pilot.monday"))}</h2>'
        f'<p class="zz-note" style="margin:-4px 0 8px">{escape(t("pilot.monday.why"))}</p><div class="zz-row">{links}{shown}</div>'
    )


def _earlier(frame: Frame, jobs: list[Job]) -> None:
    t = frame.t
    if len(jobs) < 2:
        return
    kinds = {"done": "good", "failed": "bad", "lost": "warn", "cancelled": "", "running": "info"}
    rows = [
        [
            f'<a href="/pilot?job={job.id}">{escape(t.time(job.at))}</a>'
            if job.state == "done"
            else escape(t.time(job.at)),
            tag(kinds[job.state], t(f"job.{job.state}")),
            escape(job.by),
            t.seconds(job.elapsed_s),
        ]
        for job in jobs[:20]
    ]
    head = [(t("col.at"), False), (t("import.state"), False), (t("import.by"), False), (t("pilot.took"), True)]
    raw(
        fold(t("pilot.earlier"), f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>')
    )
