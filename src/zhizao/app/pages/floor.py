"""Machines live: tiles of all, one with its states, losses and stops, and the shift book; parts of the page Live."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from nicegui import ui

from zhizao.account.oee import OeeParts, figures, losses
from zhizao.account.states import STATES
from zhizao.account.stops import Stop, group_micro
from zhizao.app import live_answers, live_orders, live_said, live_spans, live_states, qr
from zhizao.app.access import Right
from zhizao.app.live_shared import Look, watch_of
from zhizao.app.live_states import MachineNow, View
from zhizao.app.pages.live_push import follow
from zhizao.app.pages.parts import fold, heading, short_table, tag, tight
from zhizao.app.pages.shell import Frame, button, json_of, link_button, raw
from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.model import Reason

__all__ = ["book_page", "machine_page", "tiles"]

COLOURS = {
    "producing": "c1",
    "setup": "c4",
    "idle": "line-strong",
    "stopped": "c2",
    "down": "red",
    "planned": "c5",
    "off": "sunken",
    "silent": "ink-3",
}
_LOSS = {"setup": "c4", "down": "red", "stopped": "c2", "idle": "line-strong", "speed": "c6", "quality": "c8"}
_KIND = {"producing": "good", "down": "bad", "stopped": "warn", "silent": "warn"}
_MOST_STOPS = 40
_MOST_ROWS = 500
_MOST_BARS = 1500


def _time(frame: Frame, at: int) -> str:
    return datetime.fromtimestamp(at / 1e9, ZoneInfo(frame.desk.zone)).strftime("%m-%d %H:%M:%S")


def _state(frame: Frame, state: str) -> str:
    return tag(_KIND.get(state, "info"), frame.t(f"floor.state.{state}"))


def _share(frame: Frame, parts: OeeParts, key: str) -> str:
    value = figures(parts)[key].value
    return "–" if value is None else frame.t.percent(value, 0)


def _span(frame: Frame, found: View) -> str:
    t = frame.t
    if found.shift is None:
        return t("floor.today", begin=_time(frame, found.begin))
    shift = found.plant.shifts[found.shift.name]
    return t("floor.shift", name=getattr(shift, t.lang) or found.shift.name, day=found.shift.day)


async def tiles(frame: Frame, otherwise: str, sub: str) -> None:
    """The page's title, and machines as tiles that follow within a second.

    Parameters
    ----------
    frame : the page
    otherwise, sub : title where no machine tells its state, and the line under it
    """
    watch = watch_of(str(frame.desk.path))
    try:
        look = await asyncio.to_thread(watch.last)
    except InputError as error:
        frame.title(otherwise, sub)
        if error.fault.code != "no_states":
            frame.failed(error)
        return
    found = look.view
    frame.title(_head(frame, found), f"{_span(frame, found)} · OEE {_share(frame, found.whole, 'oee')}")
    shown = _pieces(frame, look)
    with ui.element("div"):
        _tiles(frame, found, shown)
    follow(frame, "tiles", partial(_pieces, frame), shown=shown)


def _pieces(frame: Frame, look: Look) -> dict[str, str]:
    tiles = {f"tile:{one.machine}": _tile(frame, one, look.view) for one in look.view.machines}
    return {"title": _head(frame, look.view), **tiles}


def _head(frame: Frame, found: View) -> str:
    t = frame.t
    states = [one.state for one in found.machines]
    bad = [one.machine for one in found.machines if one.state == "down"]
    words = {"n": states.count("producing"), "all": len(states)}
    return t("floor.title.bad", names=t.listed(bad[:3]), **words) if bad else t("floor.title", **words)


def _tiles(frame: Frame, found: View, shown: dict[str, str]) -> None:
    t = frame.t
    book = link_button(t("floor.book"), frame.link("/live", part="shifts"), small=True) if found.plant.shifts else ""
    raw(f'<div class="zz-row" style="justify-content:space-between">{heading(t("floor.machines"))}{book}</div>')
    raw(f'<p class="zz-note" style="margin:0 0 8px">{escape(t("floor.machines.note"))}</p>')
    inside = "".join(
        f'<a class="zz-card" style="display:block;color:inherit;text-decoration:none;min-height:44px;margin:0" '
        f'data-machine="{escape(one.machine)}" href="{escape(frame.link("/live", machine=one.machine))}" '
        f'data-piece="tile:{escape(one.machine)}">{shown[f"tile:{one.machine}"]}</a>'
        for one in found.machines
    )
    raw(f'<div class="zz-grid three">{inside}</div>')


def _tile(frame: Frame, one: MachineNow, found: View) -> str:
    t = frame.t
    greatest = max(losses(one.parts), key=lambda loss: loss.hours, default=None)
    order = escape(one.order or t("floor.no_order"))
    why = ""
    if greatest is not None and greatest.share > 0:
        name = t(f"floor.loss.{greatest.key}")
        why = t("floor.greatest", name=name, share=t.percent(greatest.share, 0))
    for_s = t.seconds(max((found.end - one.since) // 10**9, 0))
    return (
        f'<div class="zz-row" style="justify-content:space-between"><b>{escape(one.machine)}</b>{_state(frame, one.state)}</div>'
        f'<div class="dim" style="margin:4px 0">{order} · {escape(t("floor.for", time=for_s))}</div>'
        f'<div style="display:flex;gap:14px;align-items:baseline"><b class="num" style="font-size:24px">'
        f'{_share(frame, one.parts, "oee")}</b><span class="dim">OEE</span></div>{_bar(frame, one.parts)}'
        f'<div class="zz-note" style="margin:6px 0 0;min-height:1.4em">{escape(why)}</div>'
    )


def _bar(frame: Frame, parts: OeeParts) -> str:
    """Planned busy time as OEE and its losses, in one line."""
    e = parts.elements
    if not e["PBT"]:
        return '<div class="zz-split"></div>'
    found = [("good", max(e.get("PRI_GQ", e["APT"]), 0.0) / e["PBT"], "c1", frame.t("floor.good"))]
    found += [(one.key, max(one.share, 0.0), _LOSS[one.key], frame.t(f"floor.loss.{one.key}")) for one in losses(parts)]
    whole = max(sum(share for _, share, _, _ in found), 1e-9)
    spans = "".join(
        f'<span style="width:{100 * share / whole:.2f}%;background:var(--{colour})" title="{escape(name)} '
        f'{escape(frame.t.percent(share, 0))}"></span>'
        for _, share, colour, name in found
        if share > 0
    )
    return f'<div class="zz-split">{spans}</div>'


async def machine_page(frame: Frame, machine: str) -> None:
    """One machine: states, losses down to stops, stops to be classified, its order."""
    t, path = frame.t, str(frame.desk.path)
    back = link_button(t("floor.all"), frame.link("/live"))
    shift = frame.query.get("shift") or None
    try:
        if shift is None:
            found = (await asyncio.to_thread(watch_of(path).last)).of(machine)
        else:
            found = await asyncio.to_thread(lambda: live_states.view(path, machine=machine, shift=shift))
    except InputError as error:
        frame.title(t("floor.unknown", machine=machine), "", back)
        frame.failed(error)
        return
    one = found.machines[0]
    frame.title(_sentence(frame, one, found), f"{_span(frame, found)} · OEE {_share(frame, one.parts, 'oee')}", back)
    shown = _machine_pieces(frame, found)
    for name in ("course", "stops"):
        raw(f'<div id="{name}" data-piece="{name}">{shown[name]}</div>')
    with ui.element("div"):
        _stop_table(frame, one, found.plant.stop_reasons)
        _order(frame, live_orders.orders(path, machine))
        _said(frame, live_said.history(path, machine))
        _code(frame, machine)
    if shift is None:
        follow(
            frame,
            f"machine {machine}",
            lambda look: _machine_pieces(frame, look.of(machine)),
            shown=shown,
        )


def _machine_pieces(frame: Frame, found: View) -> dict[str, str]:
    one = found.machines[0]
    return {
        "title": _sentence(frame, one, found),
        "course": _course(frame, one, found),
        "stops": _stops(frame, one, found.plant.stop_reasons),
    }


def _sentence(frame: Frame, one: MachineNow, found: View) -> str:
    seconds = max((found.end - one.since) // 10**9, 0)
    state = frame.t(f"floor.state.{one.state}")
    return frame.t("floor.one", machine=one.machine, state=state, time=frame.t.seconds(seconds))


def _course(frame: Frame, one: MachineNow, found: View) -> str:
    t = frame.t
    out = heading(t("floor.strip")) + f'<div class="zz-card">{_strip(frame, one, found)}</div>'
    bounds = one.parts.bounds
    if one.parts.times["SILENT"] and bounds is not None:
        words = {"low": t.percent(bounds[0], 0), "high": t.percent(bounds[1], 0)}
        out += f'<p class="zz-note">{t("floor.silent", time=t.seconds(one.parts.times["SILENT"] * 3600), **words)}</p>'
    if figures(one.parts)["oee"].reason.startswith("not_recorded:PRI"):
        out += f'<p class="zz-note">{escape(t("floor.no_cycle"))}</p>'
    return out + heading(t("floor.losses")) + tight(_waterfall(frame, one.parts))


def _strip(frame: Frame, one: MachineNow, found: View) -> str:
    """States along the time, as SVG, with the words of each below."""
    line, whole = one.line, max(found.end - found.begin, 1)
    bars = []
    least = whole // _MOST_BARS
    for k in range(len(line)):
        begin, end = int(line.start[k]), int(line.end[k])
        if end - begin < least and len(line) > _MOST_BARS:
            continue
        state = STATES[line.state[k]].value
        x, width = 1000 * (begin - found.begin) / whole, 1000 * (end - begin) / whole
        words = f"{frame.t(f'floor.state.{state}')} {_time(frame, begin)} – {_time(frame, end)}"
        bars.append(
            f'<rect x="{x:.2f}" y="{4 if state in ("producing", "down", "stopped") else 12}" width="{max(width, 0.6):.2f}" '
            f'height="{36 if state in ("producing", "down", "stopped") else 20}" fill="var(--{COLOURS[state]})">'
            f"<title>{escape(words)}</title></rect>"
        )
    hours = {state.value: 0.0 for state in STATES}
    for state, spent in zip(line.state.tolist(), (line.end - line.start).tolist(), strict=True):
        hours[STATES[state].value] += spent / 1e9
    legend = "".join(
        f'<span><i style="background:var(--{COLOURS[state]})"></i>{escape(frame.t(f"floor.state.{state}"))} '
        f'<b class="num">{escape(frame.t.seconds(seconds))}</b></span>'
        for state, seconds in hours.items()
        if seconds
    )
    label = escape(frame.t("floor.strip"))
    return (
        f'<svg viewBox="0 0 1000 44" preserveAspectRatio="none" role="img" aria-label="{label}" '
        f'style="width:100%;height:56px;display:block">{"".join(bars)}</svg>'
        f'<div class="zz-row dim num" style="justify-content:space-between;font-size:12px"><span>{_time(frame, found.begin)}'
        f'</span><span>{_time(frame, found.end)}</span></div><div class="zz-legend" style="margin-top:8px">{legend}</div>'
    )


def _waterfall(frame: Frame, parts: OeeParts) -> str:
    """From planned busy time down to good pieces, loss by loss; each bar begins where the one before ends."""
    t, e = frame.t, parts.elements
    if e["PBT"] <= 0:
        return f'<p class="zz-note">{escape(t("floor.stops.none"))}</p>'
    found = [(one, t(f"floor.loss.{one.key}")) for one in losses(parts)]
    scale = 1.0 + max(-sum(min(one.share, 0.0) for one, _ in found), 0.0)
    reasons = live_reason_words(frame)
    rows = [
        [
            escape(t("floor.planned")),
            t.seconds(e["PBT"] * 3600),
            t.percent(1.0, 1),
            _step(0.0, 1.0, "line-strong", scale),
        ]
    ]
    left = 1.0
    for one, name in found:
        why = f' <span class="dim">{escape(reasons.get(one.reason, one.reason))}</span>' if one.reason else ""
        if one.share < 0:
            name = t("floor.loss.faster")
        begin, width = (left - one.share, one.share) if one.share >= 0 else (left, -one.share)
        rows.append(
            [
                escape(name) + why,
                t.seconds(abs(one.hours) * 3600),
                t.percent(one.share, 1),
                _step(begin, width, _LOSS[one.key], scale),
            ]
        )
        left -= one.share
    last = t("floor.good") + " = OEE" if "PRI_GQ" in e else t("floor.state.producing")
    rows.append([f"<b>{escape(last)}</b>", t.seconds(left * e["PBT"] * 3600), f"<b>{t.percent(left, 1)}</b>"])
    rows[-1].append(_step(0.0, max(left, 0.0), "c1", scale))
    head = [(t("floor.loss"), False), (t("floor.hours"), True), (t("floor.share"), True), ("", False)]
    return short_table(frame, head, rows, take=False)


def _step(begin: float, width: float, colour: str, scale: float) -> str:
    return (
        f'<div style="min-width:120px;height:14px;position:relative"><span style="position:absolute;top:0;bottom:0;'
        f"left:{100 * max(begin, 0.0) / scale:.2f}%;width:{max(100 * width / scale, 0.4):.2f}%;"
        f'background:var(--{colour})"></span></div>'
    )


def live_reason_words(frame: Frame) -> dict[str, str]:
    """Reasons in the language of the page."""
    found = live_spans.declared(str(frame.desk.path)).stop_reasons
    return {key: getattr(one, frame.t.lang) or key for key, one in found.items()}


def _stops(frame: Frame, one: MachineNow, reasons: Any) -> str:
    t = frame.t
    out = heading(t("floor.stops"), t("floor.stops.note") if frame.may(Right.IMPORT) else "")
    found = group_micro(one.stops)[::-1]
    if not found:
        return out + f'<p class="zz-note">{escape(t("floor.stops.none"))}</p>'
    words = {key: getattr(reason, t.lang) or key for key, reason in reasons.items()}
    asks = [stop for stop in found if not stop.micro and stop.was not in ("setup", "planned")]
    for stop in sorted(asks, key=lambda stop: bool(stop.reason))[:_MOST_STOPS]:
        out += _stop(frame, stop, words, reasons)
    rest = [stop for stop in found if stop not in asks][:_MOST_STOPS]
    if rest:
        out += fold(t("floor.rest", n=len(rest)), "".join(_stop(frame, stop, words, reasons) for stop in rest))
    return out


def _stop(frame: Frame, stop: Stop, words: dict[str, str], reasons: dict[str, Reason]) -> str:
    t = frame.t
    length = t.seconds(stop.seconds)
    when = f"{_time(frame, stop.begin)} · {length}" + (f" · {t('floor.running')}" if stop.running else "")
    reason = escape(words.get(stop.reason, stop.reason)) if stop.reason else ""
    if stop.micro:
        reason = escape(t("floor.micro", n=stop.count))
    head = (
        f'<div class="zz-row" style="justify-content:space-between"><span>{_state(frame, stop.state)} '
        f'<b>{reason}</b></span><span class="dim num">{escape(when)}</span></div>'
    )
    if stop.micro or not frame.may(Right.IMPORT):
        return f'<div class="zz-card" style="margin-bottom:8px">{head}</div>'
    begin = datetime.fromtimestamp(stop.begin // 1000 / 1e6, UTC).isoformat()
    end = None if stop.running else datetime.fromtimestamp(stop.end // 1000 / 1e6, UTC).isoformat()
    here = frame.link("/live", machine=stop.machine)
    inner = {reason.parent for reason in reasons.values() if reason.parent}
    buttons = "".join(
        button(
            words[key],
            call={
                "method": "POST",
                "path": "/api/v1/live/stops",
                "body": {"machine": stop.machine, "begin": begin, "end": end, "reason": key},
                "next": here,
            },
            kind="primary" if key == stop.reason else "",
        ).replace('class="zz-btn', 'style="min-height:44px" class="zz-btn')
        for key in reasons
        if key not in inner
    )
    choice = f'<div class="zz-row" style="flex-wrap:wrap;gap:8px;padding:8px 0">{buttons}</div>'
    return f'<div class="zz-card" style="margin-bottom:8px">{head}{fold(t("floor.choose"), choice)}</div>'


def _stop_table(frame: Frame, one: MachineNow, reasons: Any) -> None:
    """All stops of the time as they were when the page was opened: to sort, to search and to take away."""
    t, words = frame.t, live_reason_words(frame)
    found = group_micro(one.stops)[::-1]
    if not found:
        return
    head = [(t("floor.begin"), False), (t("floor.state"), False), (t("floor.length"), True), (t("floor.reason"), False)]
    rows = []
    for stop in found[:_MOST_ROWS]:
        why = words.get(stop.reason, stop.reason) if stop.reason else t("floor.unsaid")
        why = t("floor.micro", n=stop.count) if stop.micro else why
        length = t.seconds(stop.seconds) + (f" · {t('floor.running')}" if stop.running else "")
        rows.append([_time(frame, stop.begin), _state(frame, stop.state), escape(length), escape(why)])
    raw(fold(t("floor.stops.table", n=len(found)), tight(short_table(frame, head, rows))))


def _code(frame: Frame, machine: str) -> None:
    """The QR code that opens this machine on a tablet, to be printed."""
    t = frame.t
    base = str(frame.client.request.base_url) if frame.client is not None else "/"
    address = qr.tablet_address(base, machine)
    inside = (
        f'<p class="zz-note">{escape(t("tablet.code.note"))}</p><div style="width:200px;max-width:100%">{qr.svg(address)}</div>'
        f'<p><b>{escape(machine)}</b><br><a href="{escape(frame.link("/tablet", machine=machine))}">{escape(address)}</a></p>'
    )
    raw(fold(t("tablet.code"), inside))


def _order(frame: Frame, found: list[dict[str, Any]]) -> None:
    t = frame.t
    if not found:
        return
    head = [(t("floor.order"), False)] + [(t(f"floor.{key}"), True) for key in ("good_pieces", "scrap", "wanted")]
    head += [(t("floor.due"), False), (t("floor.end"), False)]
    rows = []
    for one in found:
        end = "–" if one["end"] is None else escape(t.time(one["end"]))
        if one["end_low"] and one["end_high"]:
            end += f' <span class="dim">({escape(t.time(one["end_low"]))} – {escape(t.time(one["end_high"]))})</span>'
        end += f" {tag('warn', t('floor.late'))}" if one["late"] else ""
        due = "–" if one["due"] is None else escape(t.time(one["due"]))
        cells = [t.count(one[key]) for key in ("good", "scrap", "wanted")]
        rows.append([escape(one["order"]), *cells, due, end])
    raw(heading(t("floor.orders")) + tight(short_table(frame, head, rows)))


def _said(frame: Frame, found: list[dict[str, Any]]) -> None:
    t = frame.t
    if not found:
        return
    words = live_reason_words(frame)
    head = [(t(f"floor.{key}"), False) for key in ("said", "by", "begin", "reason", "comment")]
    rows = [
        [
            escape(t.time(one["recorded_at"])),
            escape(one["by"]),
            escape(t.time(one["begin"])),
            escape(words.get(one["reason"], one["reason"])),
            escape(one["comment"]),
        ]
        for one in reversed(found)
    ]
    raw(fold(t("floor.history"), tight(short_table(frame, head, rows))))


async def book_page(frame: Frame) -> None:
    """The shift book: figures, stops and notes of the last shifts, and a note for the running one."""
    t, path = frame.t, str(frame.desk.path)
    frame.title(t("floor.book"), t("floor.book.sub"), link_button(t("floor.all"), frame.link("/live", part=None)))
    try:
        found = await asyncio.to_thread(live_answers.shift_book, path)
    except InputError as error:
        frame.failed(error)
        return
    if frame.may(Right.IMPORT) and found:
        call = {
            "method": "POST",
            "path": "/api/v1/live/notes",
            "next": frame.link("/live", part="shifts"),
            "json": True,
        }
        label = escape(t("floor.book.write"))
        raw(
            f'<form class="zz-filter" id="note" data-zz-call="{escape(json_of(call))}">'
            f'<input type="hidden" name="shift" value="{escape(found[0]["shift"])}">'
            f'<label class="zz-field" style="flex:1 1 260px">{label}<input class="zz-input" name="text" maxlength="500" required '
            f'style="min-height:44px;width:100%"></label><button class="zz-btn primary" style="min-height:44px">'
            f"{escape(t('floor.book.send'))}</button></form>"
        )
    keys = ("availability", "effectiveness", "quality_ratio", "oee")
    head = [(t("floor.book.shift"), False)] + [(t(f"floor.kpi.{key}"), True) for key in keys]
    head += [(t("floor.stops"), True), (t("floor.book.notes"), False)]
    rows = []
    for one in found:
        cells = ["–" if one["figures"][key] is None else t.percent(one["figures"][key], 1) for key in keys]
        notes = "<br>".join(f"<b>{escape(line['by'])}</b> {escape(line['text'])}" for line in one["notes"])
        rows.append([escape(one["shift"]), *cells, t.count(one["stops"]), notes])
    raw(tight(short_table(frame, head, rows)))
