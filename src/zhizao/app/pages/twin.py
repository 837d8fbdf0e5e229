"""Twin: how work goes through the plant, how far the model is from records it has not seen, and what if."""

from __future__ import annotations

from html import escape
from typing import Any

from zhizao.app import views
from zhizao.app.access import Right
from zhizao.app.pages.flow import flow_map
from zhizao.app.pages.parts import heading, progress, short_table, tag
from zhizao.app.pages.shell import Frame, button, page, raw
from zhizao.app.pages.whatif import what_if_form

__all__ = ["fidelity_table", "twin_page"]


@page("/twin", "twin")
async def twin_page(frame: Frame) -> None:
    """The model of the plant."""
    from zhizao.pilot.report.words import trust_reason

    if frame.no_records():
        return
    t = frame.t
    job = frame.desk.latest("twin")
    running = next((one for one in frame.desk.jobs.list("twin") if one.state == "running"), None)
    call = {"method": "POST", "path": "/api/v1/twin", "body": {}, "next": "/twin"}
    again = button(t("twin.fit") if job is None else t("twin.again"), call=call, kind="primary" if job is None else "")
    actions = again if frame.may(Right.DECIDE) and running is None else ""
    if job is None:
        frame.title(t("twin.none"), t("twin.none.sub"), actions)
    else:
        found = frame.desk.jobs.result(job.id)
        key = "twin.trusted" if found["trusted"] else "twin.not"
        sub = t("twin.sub", orders=t.count(found["orders"]), operations=t.count(found["operations"]), at=t.time(job.at))
        frame.title(t(key), sub, actions)
        if frame.desk.stale(job.id):
            frame.banner("info", t("state.stale"), t("twin.stale"))
    if running is not None:
        progress(frame, running, after="/twin")
    _failed(frame)
    if job is not None:
        raw(heading(t("twin.test")))
        raw(fidelity_table(frame, found["measures"]))
        raw(f'<p class="zz-note">{escape(t("twin.test.why"))}</p>')
        for reason in found["reasons"] if not found["trusted"] else ():
            raw(f'<p class="zz-note">{escape(trust_reason(str(reason), t.lang))}</p>')
        what_if_form(frame, trusted=bool(found["trusted"]))
    raw(
        f'<h2 class="zz-h2 zz-gap">{escape(t("twin.map"))}</h2><p class="zz-note" style="margin:-4px 0 8px">{escape(t("twin.map.why"))}</p>'
    )
    quick = frame.desk.has("steps", frame.period.key)

    def show(found: dict[str, Any]) -> None:
        raw(f'<div class="zz-card zz-map">{flow_map(frame, found)}</div>')

    await frame.ready(lambda: views.steps_between(frame.desk, frame.period), show, quick=quick, height=360)


def _failed(frame: Frame) -> None:
    jobs = frame.desk.jobs.list("twin")
    if jobs and jobs[0].state in ("failed", "lost"):
        fault = jobs[0].fault or {"where": "", "what": frame.t("job.lost"), "fix": ""}
        frame.fault(fault)


def fidelity_table(frame: Frame, measures: dict[str, dict[str, Any]]) -> str:
    """Each distance beside noise floor and naive, with a verdict in words."""
    t = frame.t
    rows = []
    for name, one in measures.items():
        twin, floor, naive = one.get("twin"), one.get("noise_floor"), one.get("naive")
        unit = str(one.get("unit", "1"))
        spread = f" ± {t.number(one['twin_sd'], 2)}" if one.get("twin_sd") is not None else ""
        rows.append(
            [
                escape(t.maybe(f"measure.{name}", name)) + (f" ({escape(t.hours_unit(unit))})" if unit == "h" else ""),
                f"<b>{t.number(twin)}</b>{spread}",
                t.number(floor),
                t.number(naive),
                _verdict(frame, name, twin, floor, naive),
            ]
        )
    head = [
        (t("twin.measure"), False),
        (t("twin.twin"), True),
        (t("twin.floor"), True),
        (t("twin.naive"), True),
        (t("twin.verdict"), False),
    ]
    return f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>'


def _verdict(frame: Frame, name: str, twin: float | None, floor: float | None, naive: float | None) -> str:
    t = frame.t
    if twin is None or floor is None:
        return tag("", t("twin.untested"))
    if twin <= 1.3 * floor:
        return tag("good", t("twin.atfloor"))
    if naive is not None and twin <= naive:
        return tag("good", t("twin.better"))
    if twin <= 3 * floor:
        return tag("warn", t("twin.worse"))
    return tag("bad", t("twin.far"))
