"""Own values and definitions of indicators, and the evaluation report with its verification."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from urllib.parse import urlencode

from zhizao.app.access import Right
from zhizao.app.indicators_desk import Asked, IndicatorsDesk
from zhizao.app.pages.parts import fold, heading, progress
from zhizao.app.pages.shell import Frame, button, json_of, link_button, raw
from zhizao.errors import FaultsFound, ZhizaoError

__all__ = ["own_tab", "report_tab"]

EXAMPLE = """target_sets:
- {id: park, zh: 园区规划, en: plan of the park}
indicators:
- id: PARK.scrap
  zh: 不合格品率
  en: share of defective pieces
  unit: '%'
  direction: decrease
  kind: level
  ceiling: 100
  formula: {of: ratio, numerator: {products_defective: 1}, denominator: {products_made: 1}, scale: 100}
  targets: [{year: 2030, value: 0.5, target_set: park}]
"""


def own_tab(frame: Frame, room: IndicatorsDesk, tabs: Callable[[], None]) -> None:
    """Own values and definitions: what is there, and for managers how to change it."""
    t = frame.t
    fault: ZhizaoError | None = None
    values = definitions = 0
    text = ""
    try:
        text = room.own_text()
        found = room.catalogue()
        definitions = sum(len(each) > 1 or each[0].group == "own" for each in found.versions.values())
        if room.has_own_values():
            values = len(room.actuals("own", found).observations)
    except ZhizaoError as error:
        fault = error
    if fault is not None:
        sentence = t("indicators.own.broken")
    elif values or definitions:
        sentence = t("indicators.own.title", values=values, definitions=definitions)
    else:
        sentence = t("indicators.own.none")
    frame.title(sentence, t("indicators.own.sub"))
    tabs()
    if fault is not None:
        frame.failed(fault)
        _faults(fault)
    manager = frame.may(Right.SETTLE)
    if not manager:
        frame.banner("info", t("indicators.manager"))
    _values(frame, room, manager=manager)
    _definitions(frame, text, manager=manager)


def _faults(fault: ZhizaoError) -> None:
    if isinstance(fault, FaultsFound) and len(fault.faults) > 1:
        listed = "".join(f"<li>{escape(str(one))}</li>" for one in fault.faults[:100])
        raw(f'<ul class="zz-note">{listed}</ul>')


def _values(frame: Frame, room: IndicatorsDesk, *, manager: bool) -> None:
    t = frame.t
    inside = f'<p class="zz-note" style="margin:0 0 10px">{escape(t("indicators.own.values.why"))}</p>'
    if manager:
        call = {"method": "POST", "path": "/api/v1/evaluation/values", "next": "/indicators?tab=own"}
        inside += (
            f'<form class="zz-filter" id="values" data-zz-call="{escape(json_of(call))}"><label class="zz-field">'
            f'{escape(t("indicators.file"))}<input class="zz-input" style="padding:6px" type="file" name="file" required accept=".csv,.tsv,.txt,.xlsx">'
            f'</label><button class="zz-btn primary" type="submit">{escape(t("indicators.own.upload"))}</button></form>'
        )
    if not room.sees_own:
        inside += f"<p>{escape(t('indicators.own.hidden'))}</p>"
    elif room.has_own_values():
        doing = link_button(t("indicators.own.download"), "/api/v1/evaluation/values")
        if manager:
            drop = {"method": "DELETE", "path": "/api/v1/evaluation/values", "sure": t("indicators.own.drop.sure")}
            doing += button(t("indicators.own.drop"), call=drop)
        inside += f'<div class="zz-row">{doing}</div>'
    raw(f'{heading(t("indicators.own.values"))}<div class="zz-card">{inside}</div>')


def _definitions(frame: Frame, text: str, *, manager: bool) -> None:
    t = frame.t
    inside = f'<p class="zz-note" style="margin:0 0 10px">{escape(t("indicators.own.definitions.why"))}</p>'
    code = "width:100%;font-family:ui-monospace,Consolas,monospace;font-size:13px;resize:vertical"
    label = escape(t("indicators.own.definitions"))
    if manager:
        call = {"method": "PUT", "path": "/api/v1/evaluation/definitions", "next": "/indicators?tab=own"}
        inside += (
            f'<form id="definitions" data-zz-call="{escape(json_of(call))}"><textarea class="zz-input" name="text" rows="16" '
            f'spellcheck="false" aria-label="{label}" style="{code}">\n{escape(text)}</textarea>'
            f'<div class="zz-row" style="margin-top:8px"><button class="zz-btn primary" type="submit">{escape(t("indicators.own.save"))}</button></div></form>'
        )
    elif text:
        inside += f'<pre style="overflow:auto;margin:0">{escape(text)}</pre>'
    inside += fold(
        t("indicators.own.example"), f'<pre style="overflow:auto;margin:0;font-size:13px">{escape(EXAMPLE)}</pre>'
    )
    raw(f'{heading(t("indicators.own.definitions"))}<div class="zz-card">{inside}</div>')


async def report_tab(frame: Frame, room: IndicatorsDesk, asked: Asked, tabs: Callable[[], None]) -> None:
    """The report to take away, and the check of one that somebody brings."""
    t = frame.t
    frame.title(t("indicators.report.title", day=t.date(asked.as_of)), t("indicators.report.sub"))
    tabs()
    wanted = frame.query.get("set") or "plan2025"
    query = {
        "as_of": asked.as_of.isoformat(),
        "target_set": "" if wanted == "all" else wanted,
        "values": asked.values,
        "include_unverified": "1" if asked.unverified else "",
        "number": frame.query.get("number", "")[:60],
        "issuer": frame.query.get("issuer", "")[:120],
    }
    said = urlencode({key: value for key, value in query.items() if value})
    if asked.unverified:
        frame.banner("warn", t("indicators.unverified"))
    running = None
    done = None
    if frame.may(Right.READ):
        jobs = frame.desk.jobs.list("evaluation")
        running = next((job for job in jobs if job.state == "running"), None)
        done = jobs[0] if jobs and jobs[0].state == "done" else None
        if jobs and jobs[0].state in ("failed", "lost"):
            fault = jobs[0].fault or {"where": "", "what": t("job.lost"), "fix": ""}
            frame.banner("bad", " – ".join(x for x in (fault["where"], fault["what"]) if x), fault["fix"])
    if running is not None:
        progress(frame, running, after=frame.link())
    if done is not None:
        get = link_button(t("indicators.report.get"), f"/api/v1/jobs/{done.id}/files/pdf", primary=True)
        frame.banner("good", t("indicators.report.ready"), f"{done.asked.get('as_of', '')} · {t.time(done.at)}", get)
    doing = link_button(t("indicators.report.zh"), f"/api/v1/evaluation/report?{said}&lang=zh", primary=t.lang == "zh")
    doing += link_button(t("indicators.report.en"), f"/api/v1/evaluation/report?{said}&lang=en", primary=t.lang != "zh")
    if frame.may(Right.READ) and running is None:
        call = {"method": "POST", "path": f"/api/v1/evaluation/report?{said}&lang={t.lang}", "body": {}}
        doing += button(t("indicators.report.pdf"), call=call)
    fields = "".join(
        f'<label class="zz-field">{escape(t(f"indicators.report.{name}"))}<input class="zz-input" name="{name}" maxlength="{most}" '
        f'value="{escape(query[name])}"></label>'
        for name, most in (("number", 60), ("issuer", 120))
    )
    raw(
        f'<div class="zz-card"><form class="zz-filter" data-zz-go>{fields}'
        f'<label class="zz-field">{escape(t("indicators.as_of"))}<input class="zz-input" type="date" name="as_of" value="{asked.as_of}"></label>'
        f'<button class="zz-btn" type="submit">{escape(t("indicators.report.set"))}</button></form>'
        f'<p class="zz-note" style="margin:0 0 10px">{escape(t("indicators.report.form"))}</p><div class="zz-row">{doing}</div></div>'
    )
    call = {"method": "POST", "path": "/api/v1/evaluation/verify"}
    raw(
        f'{heading(t("indicators.verify"), t("indicators.verify.why"))}<div class="zz-card"><form class="zz-filter" id="verify" style="margin:0" '
        f'data-zz-call="{escape(json_of(call))}"><label class="zz-field">{escape(t("indicators.file"))}'
        f'<input class="zz-input" style="padding:6px" type="file" name="file" required accept=".html,.htm"></label>'
        f'<button class="zz-btn" type="submit">{escape(t("indicators.verify.go"))}</button></form></div>'
    )
