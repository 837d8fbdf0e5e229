"""Twin: how work goes through the plant, how far the model is from records it has not seen, and what if."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import run, ui

from zhizao.app import views
from zhizao.app.access import Right
from zhizao.app.pages.flow import flow_map
from zhizao.app.pages.parts import bullet, heading, progress, short_table, tag
from zhizao.app.pages.shell import Frame, button, page, raw
from zhizao.app.texts import NBSP
from zhizao.app.whatif import WEEKS, what_if
from zhizao.errors import ZhizaoError

__all__ = ["fidelity_table", "twin_page"]

RULES = ("fifo", "spt", "edd", "slack", "atc", "cr", "family")
JUDGED = ("ngram3", "absolute_h", "circadian_h", "relative_h", "cycle_h", "wip")


@page("/twin", "twin")
async def twin_page(frame: Frame) -> None:
    """The model of the plant."""
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
        _what_if(frame, trusted=bool(found["trusted"]))
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
        frame.banner("bad", " – ".join(x for x in (fault["where"], fault["what"]) if x), fault["fix"])


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
    return f'<div class="zz-card" style="padding:6px 8px">{short_table(head, rows)}</div>'


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


def _what_if(frame: Frame, *, trusted: bool) -> None:
    t = frame.t
    raw(heading(t("twin.whatif")))
    with ui.element("div").classes("zz-card"):
        raw(f'<p class="zz-note" style="margin:0 0 12px">{escape(t("twin.whatif.why", weeks=WEEKS))}</p>')
        if not trusted:
            frame.banner("warn", t("twin.whatif.not"))
        with ui.element("div").classes("zz-filter"):
            rule = _native(t("lever.dispatch"), [("", t("twin.asis")), *((r, t(f"rule.{r}")) for r in RULES)])
            cap = _native(
                t("twin.cap"), [("", t("twin.asis")), *((str(n), str(n)) for n in (10, 20, 30, 40, 60, 80, 120))]
            )
            batch = _native(t("twin.batch"), [("", t("twin.asis")), *((str(n), str(n)) for n in (1, 2, 5, 10, 20))])
            go = ui.element("button").classes("zz-btn primary").props("type=button")
            with go:
                ui.label(t("twin.try"))
        shown = ui.element("div")

    async def pull() -> None:
        levers: list[dict[str, Any]] = []
        if rule.value:
            levers.append({"kind": "dispatch", "setting": {"rule": rule.value}})
        if cap.value:
            levers.append({"kind": "release", "setting": {"wip_cap": int(cap.value)}})
        if batch.value:
            levers.append({"kind": "transfer_batch", "setting": {"quantity": int(batch.value)}})
        shown.clear()
        with shown:
            raw(
                f'<div class="zz-skeleton" role="status" style="height:150px"><span class="sr">{escape(t("state.loading"))}</span></div>'
            )
        try:
            found = await run.io_bound(what_if, frame.desk, levers)
        except ZhizaoError as error:
            if not frame.gone():
                shown.clear()
                with shown:
                    frame.failed(error)
            return
        if frame.gone() or found is None:
            return
        shown.clear()
        with shown:
            _answer(frame, found)

    go.on("click", pull)


class _Native(ui.element):
    """A plain select, good for thumbs; its value is known here."""

    def __init__(self) -> None:
        super().__init__("select")
        self.value = ""
        self.classes("zz-input")
        self.on("change", self._changed, js_handler="(e) => emit(e.target.value)")

    def _changed(self, event: Any) -> None:
        self.value = str(event.args or "")


def _native(words: str, options: list[tuple[str, str]]) -> _Native:
    with ui.element("label").classes("zz-field"):
        ui.label(words)
        made = _Native()
        with made:
            for value, said in options:
                with ui.element("option").props(f'value="{value}"'):
                    raw(escape(said), tag="span")
    return made


def _answer(frame: Frame, found: dict[str, Any]) -> None:
    t = frame.t
    if found["reason"]:
        finished = found["finished"]
        frame.banner("warn", t(f"twin.answer.{found['reason']}"), t("twin.answer.finished", **finished))
        return
    cards = []
    for key, change in found["figures"].items():
        name = escape(t(f"figure.{key}"))
        if change is None:
            cards.append(f'<div class="zz-figure"><div class="label">{name}</div><div class="value">–</div></div>')
            continue
        value = t.percent(change["change"], sign=True).removesuffix(f"{NBSP}%")
        between = t("interval", low=t.percent(change["low"], sign=True), high=t.percent(change["high"], sign=True))
        cards.append(
            f'<div class="zz-figure"><div class="label">{name}</div><div class="value num">{value}<small>%</small></div>'
            f'<div class="range num">{escape(between)}</div>{bullet(frame, change["change"], change["low"], change["high"])}</div>'
        )
    raw(f'<div class="zz-grid three">{"".join(cards)}</div>')
    raw(f'<p class="zz-note">{escape(t("twin.answer", runs=found["runs"], weeks=found["weeks"]))}</p>')
