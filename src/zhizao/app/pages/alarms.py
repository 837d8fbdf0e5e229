"""Alarms: the list with what can be done, one alarm with its trend and a setting to be tried, the health of the system."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import polars as pl
from nicegui import ui
from starlette.concurrency import run_in_threadpool

from zhizao.app import alarm_desk, live
from zhizao.app.access import Right
from zhizao.app.alarm_desk import SHOWN
from zhizao.app.pages.parts import Chart, heading, select, short_table, tag, tight
from zhizao.app.pages.shell import Frame, json_of, link_button, page, raw
from zhizao.clock import now
from zhizao.errors import InputError, ZhizaoError

__all__ = ["alarms_page"]

_KINDS = {
    "unacked": "bad", "acked": "warn", "rtn-unacked": "warn", "latched-unacked": "bad", "latched-acked": "warn",
}  # fmt: skip
_STALE_S = 10.0
_MOST, _FACTS = 300, 20
_COUNTS = ("peak_10min", "floods", "chattering", "stale")
_TRIED = ("limit", "deadband", "on_delay_s", "off_delay_s", "priority")


@page("/alarms", "alarms")
async def alarms_page(frame: Frame) -> None:
    """The list, one alarm, or the figures."""
    path = str(frame.desk.path)
    if frame.query.get("alarm"):
        await _one(frame, path, frame.query["alarm"])
    elif frame.query.get("view") == "figures":
        await _figures(frame, path)
    else:
        await _list(frame, path)


def _tabs(frame: Frame, here: str) -> None:
    now_ = ' aria-current="true"'
    links = "".join(
        f'<a href="{escape(address)}"{now_ if key == here else ""}>{escape(frame.t(f"alarms.view.{key}"))}</a>'
        for key, address in (("list", "/alarms"), ("figures", "/alarms?view=figures"))
    )
    raw(f'<nav class="zz-tabs">{links}</nav>')


async def _list(frame: Frame, path: str) -> None:
    t = frame.t
    shown = frame.query.get("show", "open")
    shown = shown if shown in SHOWN else "open"
    found = await run_in_threadpool(alarm_desk.listing, path, "all")
    if found.is_empty():
        frame.title(t("alarms.none.title"))
        frame.empty(t("alarms.none.title"), t("alarms.none.text"), "", "alarms")
        return
    _sentence(frame, found, shown)
    _tabs(frame, "list")
    said = live.health(path)
    if not said or (now() - datetime.fromisoformat(said["at"])).total_seconds() > _STALE_S:
        frame.banner("warn", t("alarms.old"), t("alarms.old.text"))
    find = frame.query.get("find", "")
    rows = await run_in_threadpool(alarm_desk.listing, path, shown, find)
    options = [(key, t(f"alarms.show.{key}")) for key in SHOWN]
    raw(
        f'<div class="zz-filter">{select("show", t("alarms.show"), options, shown)}<label class="zz-field">{escape(t("grid.find"))}'
        f'<input class="zz-input" type="search" name="find" data-zz-go value="{escape(find)}"></label></div>'
    )
    if rows.is_empty():
        frame.empty(t("alarms.calm") if shown == "open" else t("alarms.nothing"), "", "", "alarms")
    else:
        _table(frame, rows)
    raw(
        f'<div id="alarms-new" hidden class="zz-gap">{link_button(t("alarms.changed"), frame.link(), primary=True)}</div>'
    )
    before = rows.drop("times")

    async def again() -> None:
        """Load the page anew when the list is another, unless somebody is about to act."""
        if frame.gone():
            return
        fresh = (await run_in_threadpool(alarm_desk.listing, path, shown, find)).drop("times")
        if not fresh.equals(before):
            ui.run_javascript(
                "if(document.querySelector('input[name=alarms]:checked')||document.activeElement.matches('input,select'))"
                "document.getElementById('alarms-new').hidden=false;else location.reload()"
            )

    ui.timer(2.0, again)


def _sentence(frame: Frame, found: pl.DataFrame, shown: str) -> None:
    t = frame.t
    unacked, active = found.filter("unacked"), found.filter(pl.col("active") & pl.col("state").is_in(list(_KINDS)))
    held = {key: found.filter(pl.col("state").is_in(states)).height for key, states in (("shelved", ["shelved"]), ("suppressed", ["suppressed", "out-of-service"]))}  # fmt: skip
    export = "".join(
        link_button(t(f"export.{word}"), f"/api/v1/live/alarms/export?format={kind}&show={shown}&lang={t.lang}")
        for word, kind in (("excel", "xlsx"), ("csv", "csv"))
    )
    if unacked.is_empty() and active.is_empty():
        sentence = t("alarms.calm")
    elif unacked.is_empty():
        sentence = t("alarms.title", unacked=0, active=active.height)
    else:
        first = unacked.row(0, named=True)
        sentence = t("alarms.title.first", unacked=unacked.height, first=first["alarm"])
    frame.title(sentence, t("alarms.sub", all=found.height, **held), export)


def _state(frame: Frame, row: dict[str, Any]) -> str:
    said = frame.t(f"alarms.state.{row['state']}")
    if row["shelved_until"]:
        said += f" {frame.t('alarms.until', at=frame.t.time(row['shelved_until']))}"
    return tag(_KINDS.get(row["state"], "info"), said)


def _table(frame: Frame, rows: pl.DataFrame) -> None:
    t = frame.t
    may = frame.may(Right.IMPORT)
    head = [(t("alarms.pick"), False)] if may else []
    head += [(t("alarms.priority"), False), (t("alarms.alarm"), False), (t("alarms.state"), False)]
    head += [(t("alarms.raised"), False), (t("alarms.who"), False), (t("alarms.comment"), False)]
    cells = []
    for row in rows.head(_MOST).iter_rows(named=True):
        name, rank = escape(row["alarm"]), row["priority"]
        box = (
            f'<label class="zz-check"><input type="checkbox" name="alarms" value="{name}" aria-label="{name}"></label>'
        )
        rattle = f" {tag('warn', t('alarms.chatters'))}" if row["chatters"] else ""
        said = f' <span class="dim">{escape(row["message"])}</span>' if row["message"] else ""
        who = " → ".join(x for x in (row["acked_by"], row["assigned"]) if x)
        cells.append(
            ([box] if may else [])
            + [
                f'<span class="nw">{rank} {escape(t(f"alarms.priority.{rank}"))}</span>',
                f'<a href="{escape(frame.link("/alarms", alarm=row["alarm"]))}"><b>{name}</b></a>{said}{rattle}',
                _state(frame, row),
                f'<span class="num">{escape(t.time(row["raised_at"]) if row["raised_at"] else "–")}</span>',
                escape(who or "–"),
                escape(row["comment"] or "–"),
            ]
        )
    table = tight(short_table(frame, head, cells, take=False))
    raw(_acting(frame, table) if may else table)


def _acting(frame: Frame, inside: str) -> str:
    """A form around what can be selected."""
    t = frame.t
    doing = ["acknowledge", "shelve", "unshelve", "assign", "comment", "reset"]
    doing += ["suppress", "unsuppress"] if frame.may(Right.DECIDE) else []
    options = "".join(f'<option value="{key}">{escape(t(f"alarms.do.{key}"))}</option>' for key in doing)
    call = json_of({"method": "POST", "path": "/api/v1/live/alarms/act", "next": frame.link()})
    return (
        f'<form data-zz-call="{escape(call)}">{inside}<div class="zz-filter" style="margin:14px 0 0">'
        f'<label class="zz-field">{escape(t("alarms.do"))}<select class="zz-input" name="action">{options}</select></label>'
        f'<label class="zz-field">{escape(t("alarms.comment"))}<input class="zz-input" name="comment" maxlength="1000"></label>'
        f'<label class="zz-field">{escape(t("alarms.minutes"))}<input class="zz-input" type="number" name="minutes" '
        f'min="1" max="{alarm_desk.LONGEST_MIN}" value="60"></label>'
        f'<label class="zz-field">{escape(t("alarms.to"))}<input class="zz-input" name="to" maxlength="100"></label>'
        f'<button class="zz-btn primary" style="align-self:end">{escape(t("alarms.apply"))}</button></div></form>'
    )


async def _one(frame: Frame, path: str, alarm: str) -> None:
    t = frame.t
    back = link_button(t("back"), "/alarms")
    try:
        found = await run_in_threadpool(alarm_desk.one, path, alarm)
    except ZhizaoError as error:
        frame.title(t("nav.alarms"), "", back)
        frame.failed(error)
        return
    state = found["state"]
    frame.title(f"{alarm}: {t(f'alarms.state.{state}')}", found["message"], back)
    if frame.may(Right.IMPORT):
        raw(_acting(frame, f'<input type="hidden" name="alarms" value="{escape(alarm)}">'))
    card = found["settings"]
    tried = await _tried(frame, path, alarm) if card else None
    if card:
        await _trend(frame, path, found, tried)
        keys = ("tag", "condition", *_TRIED, "consequence", "response", "respond_min")
        told = card | {"condition": t(f"alarms.condition.{card['condition']}"), "priority": found["priority"]}
        pairs = [(t(f"alarms.set.{key}"), "–" if told[key] in (None, "") else str(told[key])) for key in keys]
        inside = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
        raw(heading(t("alarms.card")) + f'<div class="zz-card"><dl class="zz-kv">{inside}</dl></div>')
        _form(frame, card, alarm)
        if isinstance(tried, ZhizaoError):
            frame.failed(tried)
        elif tried is not None:
            _effect(frame, alarm, tried)
    many = len(found["facts"])
    skip = frame.query.get("skip", "")
    first = min(int(skip) if skip.isdigit() and len(skip) < 7 else 0, max(many - 1, 0)) // _FACTS * _FACTS
    head = [(t("alarms.time"), False), (t("alarms.what"), False), (t("alarms.by"), False), (t("alarms.comment"), False)]
    rows = [
        [
            f'<span class="num">{escape(t.time(one["at"]))}</span>',
            escape(t(f"alarms.what.{one['what']}")),
            escape(one["by"]),
            escape(" ".join(str(x) for x in (None if one["value"] is None else t.number(one["value"], 5), one["to"], one["comment"], _set(one["settings"])) if x not in (None, ""))),
        ]
        for one in found["facts"][first : first + _FACTS]
    ]  # fmt: skip
    more = t("alarms.facts", first=first + 1, last=first + len(rows), all=t.count(many)) if many > _FACTS else ""
    raw(f'<div id="history">{heading(t("alarms.history"), more)}</div>' + tight(short_table(frame, head, rows)))
    ways = [("newer", first - _FACTS)] if first else []
    ways += [("older", first + _FACTS)] if first + _FACTS < many else []
    links = "".join(link_button(t(f"alarms.{key}"), f"{frame.link(skip=at or None)}#history") for key, at in ways)
    raw(f'<div class="zz-row zz-gap" style="gap:8px">{links}</div>' if links else "")


def _set(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in settings.items())


async def _tried(frame: Frame, path: str, alarm: str) -> dict[str, Any] | ZhizaoError | None:
    """The setting that stands in the address, tried on history."""
    asked = {key: frame.query[key] for key in _TRIED if frame.query.get(key)}
    search = frame.query.get("search") == "1"
    if not asked and not search:
        return None
    try:
        proposed = {key: int(value) if key == "priority" else float(value) for key, value in asked.items()}
    except ValueError:
        return InputError("a setting is not a number", fix="write digits with a point", code="bad_setting")
    try:
        found: dict[str, Any] = await run_in_threadpool(
            lambda: alarm_desk.try_alarm(path, alarm, proposed, search=search)
        )
    except ZhizaoError as error:
        return error
    return found


def _form(frame: Frame, card: dict[str, Any], alarm: str) -> None:
    t = frame.t
    wanted = [key for key in _TRIED if key != "limit" or card["limit"] is not None]
    fields = "".join(
        f'<label class="zz-field">{escape(t(f"alarms.set.{key}"))}<input class="zz-input" type="number" step="any" name="{key}" '
        f'size="8" value="{escape(frame.query.get(key) or ("" if card[key] is None else str(card[key])))}"></label>'
        for key in wanted
    )
    raw(heading(t("alarms.try"), t("alarms.try.note")))
    empty = dict.fromkeys(_TRIED)
    raw(
        f'<form class="zz-card zz-filter" data-zz-go>{fields}<input type="hidden" name="search" value="">'
        f'<button class="zz-btn primary" style="align-self:end">{escape(t("alarms.try.go"))}</button>'
        f"{link_button(t('alarms.try.search'), frame.link('/alarms', alarm=alarm, search=1, **empty))}</form>"
    )


def _effect(frame: Frame, alarm: str, tried: dict[str, Any]) -> None:
    t, told = frame.t, tried["effect"]
    if not tried["changes"]:
        frame.banner("good", t("alarms.effect.same"))
        return
    frame.banner("bad" if told["lost"] else "good", t("alarms.effect", **told))
    pairs = [
        ("alarms", t.count(told["before"]), t.count(told["after"])),
        ("chatter", t.count(told["chatter_before"]), t.count(told["chatter_after"])),
        ("told", t.count(told["detected_before"]), t.count(told["detected_after"])),
        ("stood", t.seconds(told["stood_before_s"]), t.seconds(told["stood_after_s"])),
        ("idle", t.seconds(told["idle_before_s"]), t.seconds(told["idle_after_s"])),
    ]
    rows = [[escape(t(f"alarms.set.{key}")), escape(str(tried["settings"][key]["now"])), escape(str(value))] for key, value in tried["changes"].items()]  # fmt: skip
    rows += [[escape(t(f"alarms.effect.{key}")), escape(old), escape(new)] for key, old, new in pairs]
    if told["delay_s"] is not None:
        late = f"{t.number(told['delay_s'])}, {t.number(told['delay_max_s'])}"
        rows.append([escape(t("alarms.effect.delay")), "", late])
    head = [(t("alarms.effect.setting"), False), (t("alarms.effect.now"), True), (t("alarms.effect.then"), True)]
    raw(tight(short_table(frame, head, rows, take=False)))
    if frame.may(Right.DECIDE):
        call = json_of({"method": "POST", "path": "/api/v1/live/alarms/set", "next": f"/alarms?{_query(alarm)}"})
        hidden = "".join(
            f'<input type="hidden" name="{key}" value="{escape(str(value))}">'
            for key, value in tried["changes"].items()
        )
        raw(
            f'<form class="zz-filter zz-gap" data-zz-call="{escape(call)}"><input type="hidden" name="alarm" value="{escape(alarm)}">'
            f'{hidden}<label class="zz-field">{escape(t("alarms.reason"))}<input class="zz-input" name="reason" required '
            f'maxlength="1000"></label><button class="zz-btn" style="align-self:end">{escape(t("alarms.set"))}</button></form>'
        )


def _query(alarm: str) -> str:
    from urllib.parse import urlencode

    return urlencode({"alarm": alarm})


async def _trend(frame: Frame, path: str, found: dict[str, Any], tried: Any) -> None:
    """A day around the last time that it was raised, with its limits."""
    t, card = frame.t, found["settings"]
    middle: datetime = found["raised_at"] or now()
    end = min(middle + timedelta(hours=8), now()).astimezone(UTC)
    begin = end - timedelta(hours=24)
    try:
        frame_ = await run_in_threadpool(lambda: live.history(live.reading(path), card["tag"], begin, end, 120.0))
    except InputError:
        return
    if frame_["mean"].null_count() == frame_.height:
        return
    zone = frame.desk.zone
    lines = [{"yAxis": card["limit"], "lineStyle": {"color": "@red"}}] if card["limit"] is not None else []
    if isinstance(tried, dict) and tried["changes"].get("limit") is not None:
        lines.append({"yAxis": tried["changes"]["limit"], "lineStyle": {"color": "@c1", "type": "dashed"}})
    labels = frame_["begin"].dt.convert_time_zone(zone).dt.to_string("%m-%d %H:%M").to_list()
    options = {
        "grid": {"left": 4, "right": 46, "top": 14, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": labels, "boundaryGap": False},
        "yAxis": {"type": "value", "scale": True},
        "series": [
            {
                "type": "line", "symbol": "none", "name": t("live.max"), "data": frame_["max"].to_list(),
                "lineStyle": {"color": "@c1", "width": 1.5}, "itemStyle": {"color": "@c1"},
                "markLine": {"symbol": "none", "animation": False, "data": lines},
            }
        ],
    }  # fmt: skip
    with ui.element("div").classes("zz-card"):
        Chart(frame, options, label=t("alarms.trend", tag=card["tag"]), height=240)


async def _figures(frame: Frame, path: str) -> None:
    t = frame.t
    period = frame.period
    found = await run_in_threadpool(alarm_desk.figures, path, period.start, period.end)
    if not found["alarms"]:
        frame.title(t("alarms.figures.none"))
        _tabs(frame, "figures")
        frame.empty(t("alarms.figures.none"), "", "", "alarms")
        return
    by = {one["key"]: one for one in found["figures"]}
    sub = t("alarms.figures.sub", begin=t.time(found["from"]), end=t.time(found["to"]), operators=found["operators"])
    frame.title(t("alarms.figures.title", n=t.count(found["alarms"]), day=t.number(by["per_day"]["value"])), sub)
    _tabs(frame, "figures")
    head = [(t("alarms.figures.figure"), False), (t("alarms.figures.value"), True), (t("alarms.figures.target"), True)]
    rows = [
        [
            escape(t(f"alarms.figure.{one['key']}")),
            escape(_figure(frame, one, one["value"])),
            escape(_target(frame, one)),
            tag(one["verdict"], t(f"alarms.verdict.{_verdict(one)}")),
        ]
        for one in found["figures"]
    ]
    raw(tight(short_table(frame, [*head, (t("alarms.figures.verdict"), False)], rows)))
    if len(found["per_hour"]) > 1:
        options = {
            "grid": {"left": 4, "right": 10, "top": 12, "bottom": 4, "containLabel": True},
            "tooltip": {"trigger": "axis"},
            "xAxis": {"type": "category", "data": list(range(len(found["per_hour"])))},
            "yAxis": {"type": "value", "minInterval": 1},
            "series": [{"type": "bar", "data": found["per_hour"], "itemStyle": {"color": "@c1"}}],
        }
        raw(heading(t("alarms.perhour")))
        with ui.element("div").classes("zz-card"):
            Chart(frame, options, label=t("alarms.perhour"), height=160)
    raw(heading(t("alarms.top")))
    top = [
        [
            f'<a href="{escape(frame.link("/alarms", alarm=one["alarm"]))}">{escape(one["alarm"])}</a>',
            t.count(one["times"]),
            t.count(one["chatter"]),
            button_to(frame, one["alarm"]) if one["chatter"] else "",
        ]
        for one in found["top"]
    ]
    top_head = [(t("alarms.alarm"), False), (t("alarms.times"), True), (t("alarms.inchatter"), True), ("", False)]
    raw(tight(short_table(frame, top_head, top)))


def button_to(frame: Frame, alarm: str) -> str:
    """The way to a proposal against chatter."""
    return link_button(frame.t("alarms.try.search"), frame.link("/alarms", alarm=alarm, search=1), small=True)


def _verdict(one: dict[str, Any]) -> str:
    """A share of a priority is met or not; what can be managed is said of rates only."""
    return "bad" if one["verdict"] == "warn" and one["most"] is None else str(one["verdict"])


def _figure(frame: Frame, one: dict[str, Any], value: float | None) -> str:
    if value is None:
        return "–"
    if one["key"] in _COUNTS:
        return frame.t.count(round(value))
    return frame.t.percent(value, 1) if one["unit"] == "1" else frame.t.number(value)


def _target(frame: Frame, one: dict[str, Any]) -> str:
    sign = frame.t("alarms.about") if one["key"].startswith("priority_") else "≤"
    most = "" if one["most"] is None else f", ≤ {_figure(frame, one, one['most'])}"
    return f"{sign} {_figure(frame, one, one['target'])}{most}"
