"""Roll-up: from the nation's figure by clicks to regions, industries, enterprises, lines of a return, and their events."""

from __future__ import annotations

import contextlib
from html import escape
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from zhizao.app.access import Right
from zhizao.app.pages.parts import heading, select, short_table, tag, tight
from zhizao.app.pages.rollup_among import peers_section
from zhizao.app.pages.rollup_map import tile_map
from zhizao.app.pages.shell import Frame, link_button, page, raw
from zhizao.app.returns_desk import actor_of
from zhizao.app.rollup_answers import place_answer
from zhizao.app.rollup_desk import Place, RollupDesk, told_definitions, unit_in
from zhizao.app.rollup_peers import has_peers, rollup_peers
from zhizao.app.rollup_spans import months_of, spans_of
from zhizao.app.texts import NBSP, Words
from zhizao.errors import InputError, ZhizaoError
from zhizao.programme.returns import Actor

__all__ = ["rollup_page"]

STEPS = ("region", "industry", "enterprise", "line", "offset")
ROWS = 300
"""Most parts on the page; the export has all of them."""
EVENTS = 50
"""Events on the page at once."""
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


@page("/rollup", "rollup", Right.RETURNS)
async def rollup_page(frame: Frame) -> None:
    """One place on the way down."""
    t = frame.t
    desk, actor = RollupDesk.of_desk(frame.desk), actor_of(frame.person)
    months = desk.periods(actor)
    if not months:
        frame.title(t("rollup.none"))
        frame.empty(
            t("rollup.none"),
            t("rollup.none.text"),
            link_button(t("rollup.none.go"), "/returns", primary=True),
            "rollup",
        )
        return
    asked = frame.query
    period = asked.get("period") or months[0]
    place = Place(asked.get("indicator") or "IND08", period, *(asked.get(key, "") for key in STEPS[:4]))
    by = asked.get("by", "")
    offset = int(asked["offset"]) if asked.get("offset", "").isdigit() else 0

    def work() -> dict[str, Any] | ZhizaoError:
        try:
            found = place_answer(desk, actor, place, by=by, offset=offset, limit=EVENTS, lang=t.lang)
            if place.level == "enterprise" and found["value"] is not None and has_peers(desk, actor):
                with contextlib.suppress(InputError):  # too few have a figure: there is nothing to show
                    found["peers"] = rollup_peers(desk, actor, place, lang=t.lang)
            return found
        except ZhizaoError as error:
            return error

    quick = _at_hand(frame, desk, actor, period)
    await frame.ready(work, lambda found: _show(frame, months, place, found), quick=quick, height=420)


def _at_hand(frame: Frame, desk: RollupDesk, actor: Actor, period: str) -> bool:
    scope, tree = desk.scope(actor), id(desk.returns.tree)
    return all(frame.desk.has("rollup", scope, month, tree) for month in months_of(period))


def _show(frame: Frame, months: list[str], place: Place, found: dict[str, Any] | ZhizaoError) -> None:
    t = frame.t
    if isinstance(found, ZhizaoError) and found.fault.code == "embargo":
        said = t("rollup.held", month=month_words(t, place.period))
        frame.title(said)
        go = link_button(t("rollup.held.go"), "/release", primary=True)
        frame.empty(said, t("rollup.held.text"), go, "rollup")
        return
    if isinstance(found, ZhizaoError):
        frame.title(t("rollup.failed"))
        frame.failed(found)
        raw(link_button(t("rollup.top"), frame.link(**dict.fromkeys(STEPS), by=None, indicator=None, period=None)))
        return
    _title(frame, found, place)
    _way(frame, found)
    if place.level in ("nation", "region", "industry"):
        _choices(frame, months, found, place)
    if place.period not in months and place.period not in spans_of(months):
        newest = months[0]
        raw(
            f'<div class="zz-section">{tag("warn", t("rollup.nomonth", month=month_words(t, place.period)))} '
            f"{link_button(t('rollup.nomonth.go', month=month_words(t, newest)), frame.link(period=newest), small=True)}</div>"
        )
    if place.line:
        _line(frame, found, place)
        return
    with ui.element("div").classes("zz-grid side" if place.level == "nation" else ""):
        if place.level == "nation":
            _map_or_sum(frame, found)
        _how(frame, found)
    _parts(frame, found, place)
    if "peers" in found:
        peers_section(frame, found)


def _title(frame: Frame, found: dict[str, Any], place: Place) -> None:
    t = frame.t
    month = month_words(t, place.period)
    where = found["path"][-1]["name"]
    exports = ""
    if place.level in ("nation", "region", "industry"):
        query = {"indicator": place.indicator, "period": place.period, "lang": t.lang}
        for kind, words in (("xlsx", t("export.excel")), ("csv", t("export.csv"))):
            address = f"/api/v1/rollup/table?{urlencode({**query, 'format': kind})}"
            exports += f'<a class="zz-btn small" href="{escape(address)}" download>{escape(words)}</a>'
    if place.line:
        line, owner = found["line"], found["path"][-2]["name"]
        key = "rollup.title.line" if line["value"] is not None else "rollup.title.blank"
        value = _amount(t, line["value"], line["unit"])
        frame.title(t(key, name=line["name"], value=value, place=owner, month=month))
        return
    name = found["indicator"]["name"]
    if place.enterprise or place.region or place.industry:
        where = "".join(one["name"] for one in found["path"][1:]) if t.lang == "zh" else _places(found)
    if found["withheld"]:
        frame.title(
            t("rollup.title.withheld", name=_first(name), month=month, place=where), found["withheld"]["text"], exports
        )
        return
    key = "rollup.title" if found["value"] is not None else "rollup.title.none"
    sentence = t(key, name=_first(name), value=_figure(t, found, found["value"]), month=month, place=where)
    sub = (
        _before(t, found)
        if place.enterprise
        else t(
            "rollup.sub",
            returned=t.count(found["returned"]),
            expected=t.count(found["expected"]),
            before=_before(t, found),
        )
    )
    frame.title(sentence, sub, exports)


def _places(found: dict[str, Any]) -> str:
    return ", ".join(one["name"] for one in reversed(found["path"][1:]))


def _first(name: str) -> str:
    return name[:1].upper() + name[1:]


def _before(t: Words, found: dict[str, Any]) -> str:
    before = found["before"]
    if before["value"] is None or found["value"] is None:
        return ""
    change = found["value"] - before["value"]
    if found["indicator"]["unit"] == "%":
        told = t("rollup.points", change=f"{change:+.1f}".replace("-", "−"))
    elif before["value"]:
        told = t.percent(change / before["value"], sign=True)
    else:
        return ""
    month = month_words(t, before["period"])
    return t("rollup.before", change=told, month=month, value=_figure(t, found, before["value"]))


def _way(frame: Frame, found: dict[str, Any]) -> None:
    """The breadcrumb: every step above is a link."""
    parts = []
    for at, one in enumerate(found["path"]):
        if at == len(found["path"]) - 1:
            parts.append(f'<b aria-current="page">{escape(one["name"])}</b>')
        else:
            steps = {key: one["query"].get(key) for key in STEPS}
            parts.append(f'<a href="{escape(frame.link(**steps))}">{escape(one["name"])}</a>')
    inside = '<span class="dim" aria-hidden="true"> › </span>'.join(parts)
    raw(
        f'<nav class="zz-row zz-crumbs" style="gap:4px 8px;margin-bottom:14px" aria-label="{escape(frame.t("rollup.way"))}">'
        f"{inside}</nav>"
    )


def _choices(frame: Frame, months: list[str], found: dict[str, Any], place: Place) -> None:
    t = frame.t
    known = [(one.id, f"{one.id} {one.name(t.lang)}") for one in told_definitions().values()]
    periods = sorted({*months, place.period} - {*spans_of(months)}, reverse=True) + spans_of(months)
    inside = select("indicator", t("rollup.indicator"), known, place.indicator)
    inside = inside.replace("<select ", '<select style="max-width:min(520px,calc(100vw - 32px))" ')
    inside += select(
        "period",
        t("rollup.period"),
        [(one, one if one in months else month_words(t, one)) for one in periods],
        place.period,
    )
    if place.level == "nation":
        ways = [(one, t(f"rollup.by.{one}")) for one in ("region", "industry")]
        inside += select("by", t("rollup.by"), ways, found["by"])
    raw(f'<div class="zz-filter">{inside}</div>')


def _map_or_sum(frame: Frame, found: dict[str, Any]) -> None:
    t = frame.t
    with ui.element("div").classes("zz-card"):
        if found["by"] != "region":
            raw(f'<h2 class="zz-h2">{escape(t("rollup.figure"))}</h2><p class="zz-sub">{_big(t, found)}</p>')
            return
        label = t("rollup.map.label", name=found["indicator"]["name"])
        cells = {one["code"]: one for one in found["children"]}
        drawn = tile_map(t, cells, lambda value: _short(t, found, value), lambda code: frame.link(region=code), label)
        raw(f'<h2 class="zz-h2">{escape(t("rollup.map"))}</h2>{drawn}')


def _big(t: Words, found: dict[str, Any]) -> str:
    return f'<b style="font-size:30px" class="num">{escape(_figure(t, found, found["value"]))}</b>'


def _how(frame: Frame, found: dict[str, Any]) -> None:
    """Formula, numerator, denominator, version, coverage, scope and rule."""
    t = frame.t
    one, scope = found["indicator"], found["scope"]
    above = _amount(t, found["numerator"], one["numerator_unit"])
    below = _amount(t, found["denominator"], one["denominator_unit"])
    if found["returned"] is None:
        covered = t("rollup.coverage.closed", expected=t.count(found["expected"]))
    else:
        share = t.percent(found["returned"] / found["expected"] if found["expected"] else None, 0)
        counts = {"returned": t.count(found["returned"]), "expected": t.count(found["expected"])}
        covered = t("rollup.coverage.of", share=share, **counts)
    if not scope["single"]:
        made = t("rollup.scope.public")
    else:
        made = t("rollup.scope.unit", name=scope["name"]) if scope["unit"] else t("rollup.scope.all")
    shut = found["withheld"]
    pairs = [
        (t("rollup.figure"), _withheld(t, shut) if shut else escape(_figure(t, found, found["value"]))),
        (t("rollup.formula"), escape(one["formula"])),
        (t("rollup.numerator"), escape(t("rollup.withheld") if shut else above)),
        (t("rollup.denominator"), escape(t("rollup.withheld") if shut else below)),
        (
            t("rollup.version"),
            escape(t("rollup.version.of", id=one["id"], version=one["version"], source=one["source"])),
        ),
        (t("rollup.coverage"), escape(covered)),
        (t("rollup.scope"), escape(made)),
    ]
    if found["rule"]:
        pairs.append((t("rollup.rule"), escape(found["rule"])))
    if found.get("version"):
        pairs.append((t("rollup.return"), escape(_version(t, found["version"]))))
    notes = ""
    if one["measured"] == "ratio":
        notes += f'<p class="zz-note">{escape(t("rollup.ratio"))}</p>'
    if len(months_of(found["period"])) > 1:
        notes += f'<p class="zz-note">{escape(t("rollup.span.how"))}</p>'
    if scope["unplaced"]:
        notes += f'<p class="zz-note">{escape(t("rollup.unplaced", n=scope["unplaced"]))}</p>'
    inside = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs)
    raw(
        f'<div class="zz-card"><h2 class="zz-h2">{escape(t("rollup.how"))}</h2><dl class="zz-kv">{inside}</dl>{notes}</div>'
    )


def _parts(frame: Frame, found: dict[str, Any], place: Place) -> None:
    t = frame.t
    by = found["by"]
    raw(heading(t(f"rollup.parts.{by}")))
    if found.get("closed"):
        frame.banner("info", t("rollup.closed"), t("rollup.closed.text"))
        return
    if by == "line":
        _lines(frame, found)
        return
    unit = found["indicator"]["unit"]
    head = [
        (t("rollup.rank"), True),
        (t(f"rollup.col.{by}"), False),
        (f"{t('rollup.figure')} ({unit})", True),
        (_unit_head(t("rollup.numerator"), unit_in(found["indicator"]["numerator_unit"], t.lang)), True),
        (_unit_head(t("rollup.denominator"), unit_in(found["indicator"]["denominator_unit"], t.lang)), True),
        (f"{t('rollup.contribution')} ({unit})", True),
        (t("rollup.returned"), True),
    ]
    order = (
        found["children"]
        if by == "month"
        else sorted(found["children"], key=lambda one: (one["value"] is None, -(one["value"] or 0.0), one["code"]))
    )
    rows = []
    for rank, one in enumerate(order[:ROWS], start=1):
        into = {"period": one["code"]} if by == "month" else {by: one["code"], "by": None}
        told = month_words(t, one["code"]) if by == "month" else one["name"]
        name = f'<a href="{escape(frame.link(**into))}">{escape(told)}</a>'
        name += "" if by == "month" else f' <span class="dim">{escape(one["code"])}</span>'
        if one["withheld"]:
            value = _withheld(t, one["withheld"])
            rows.append(["–", name, value, "–", "–", "–", f"– / {t.count(one['expected'])}"])
            continue
        silent = one["value"] is None and not one["returned"]
        rows.append(
            [
                str(rank) if one["value"] is not None else "–",
                name,
                f'<span class="dim">{escape(t("rollup.notreturned"))}</span>'
                if silent
                else escape(_short(t, found, one["value"])),
                _amount(t, one["numerator"], ""),
                _amount(t, one["denominator"], ""),
                _short(t, found, one["contribution"]),
                f"{t.count(one['returned'])} / {t.count(one['expected'])}",
            ]
        )
    raw(tight(short_table(frame, head, rows)))
    if len(order) > ROWS:
        raw(f'<p class="zz-note">{escape(t("rollup.more", n=t.count(len(order) - ROWS)))}</p>')


def _lines(frame: Frame, found: dict[str, Any]) -> None:
    t = frame.t
    head = [
        (t("rollup.line"), False),
        (t("rollup.side"), False),
        (t("col.value"), True),
        (t("rollup.source"), False),
        (t("rollup.note"), False),
    ]
    rows = []
    for one in found["children"]:
        name = f'<a href="{escape(frame.link(line=one["code"], offset=None))}">{escape(one["name"])}</a>'
        rows.append(
            [
                f'{name} <span class="dim">{escape(one["code"])}</span>',
                escape(t(f"rollup.side.{one['side']}")),
                escape(_amount(t, one["value"], one["unit"])),
                escape(_source(t, one["source"])),
                escape(one["note"] or "–"),
            ]
        )
    raw(tight(short_table(frame, head, rows)))


def _line(frame: Frame, found: dict[str, Any], place: Place) -> None:
    """One line of a return: where its value comes from, and every event behind it."""
    t = frame.t
    line = found["line"]
    pairs = [
        (t("col.value"), escape(_amount(t, line["value"], line["unit"]))),
        (t("rollup.source"), escape(_source(t, line["source"]))),
        (t("rollup.return"), escape(_version(t, line["version"]))),
    ]
    if line["formula"]:
        pairs.insert(1, (t("rollup.formula"), escape(line["formula"])))
    for words in (*line["remarks"], line["note"]):
        if words:
            pairs.append((t("rollup.note"), escape(words)))
    inside = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs)
    raw(f'<div class="zz-card"><h2 class="zz-h2">{escape(t("rollup.how"))}</h2><dl class="zz-kv">{inside}</dl></div>')
    closed, total = line["events_closed"], line["events_total"]
    if closed:
        raw(heading(t(f"rollup.events.{closed}"), t("rollup.events.closed.text")))
        return
    if not total:
        raw(heading(t("rollup.events.none"), t("rollup.events.none.text")))
        return
    declared = line["source"]["kinds"] == ["plant.yaml"]
    raw(heading(t("rollup.events.declared" if declared else "rollup.events", n=t.count(total))))
    _events(frame, line["events"])
    offset = int(frame.query["offset"]) if frame.query.get("offset", "").isdigit() else 0
    turns = ""
    if offset:
        turns += link_button(t("rollup.page.before"), frame.link(offset=max(0, offset - EVENTS) or None))
    if offset + len(line["events"]) < total:
        turns += link_button(t("rollup.page.next"), frame.link(offset=offset + EVENTS))
    if turns:
        raw(f'<div class="zz-row" style="margin-top:12px">{turns}</div>')


def _events(frame: Frame, events: list[dict[str, Any]]) -> None:
    t = frame.t
    opens = frame.may(Right.READ)
    head = [
        (t("rollup.event"), True),
        (t("rollup.event.kind"), False),
        (f"{t('rollup.event.at')} ({t.zone})", False),
        (t("rollup.event.subject"), False),
        (t("rollup.event.machine"), False),
        (t("rollup.event.quantity"), True),
    ]
    rows = []
    for one in events:
        number = f"#{one['event']}"
        if opens and one["kind"] != "accounts.closed":  # accounts are shown by the returns desk alone
            number = f'<a href="/journal?event={one["event"]}">{number}</a>'
        subject = escape(one["subject"] or "–")
        if opens and one["order"]:
            subject = f'<a href="/orders?{escape(urlencode({"order": one["order"]}))}">{subject}</a>'
        machine = escape(one["machine"] or "–")
        if opens and one["machine"]:
            machine = f'<a href="/machines?{escape(urlencode({"machine": one["machine"]}))}">{machine}</a>'
        unit = t.maybe(f"unit.{one['unit']}", one["unit"] or "")
        rows.append(
            [
                number,
                escape(t.maybe(f"rollup.kind.{one['kind']}", one["kind"])),
                escape(t.time(one["at"])),
                subject,
                machine,
                escape(_amount(t, one["quantity"], unit)),
            ]
        )
    raw(tight(short_table(frame, head, rows)))


# --------------------------------------------------------------------- words


def month_words(t: Words, period: str) -> str:
    """A month, a quarter or a year as the language writes it."""
    if "Q" in period:
        return (
            f"{period[:4]}年第{'一二三四'[int(period[-1]) - 1]}季度"
            if t.lang == "zh"
            else f"Q{period[-1]} {period[:4]}"
        )
    if len(period) == 4:
        return f"{period}年" if t.lang == "zh" else period
    year, month = int(period[:4]), int(period[5:7])
    return f"{year}年{month}月" if t.lang == "zh" else f"{_MONTHS[month - 1]} {year}"


def _short(t: Words, found: dict[str, Any], value: float | None) -> str:
    if value is None:
        return "–"
    if found["indicator"]["unit"] == "%":
        return f"{value:.{max(1, found['indicator']['decimals'])}f}".replace("-", "−")
    return t.number(value)


def _figure(t: Words, found: dict[str, Any], value: float | None) -> str:
    return "–" if value is None else f"{_short(t, found, value)}{NBSP}{found['indicator']['unit']}"


def _amount(t: Words, value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    unit = unit_in(unit, t.lang)
    told = t.count(value) if value == int(value) and abs(value) < 1e6 else t.number(value, 6)
    return f"{told}{NBSP}{unit}" if unit and unit != "1" else told


def _unit_head(words: str, unit: str) -> str:
    return f"{words} ({unit})" if unit and unit != "1" else words


def _withheld(t: Words, why: dict[str, str]) -> str:
    return f'<span class="zz-tag"><span aria-hidden="true">▨</span>{escape(t("rollup.withheld"))}</span><br><small class="dim">{escape(why["text"])}</small>'


def _source(t: Words, source: dict[str, Any]) -> str:
    joint = "、" if t.lang == "zh" else ", "
    words = joint.join(t.maybe(f"rollup.kind.{kind}", kind) for kind in source["kinds"])
    if source["events"]:
        span = t("rollup.span", n=t.count(source["events"]), first=source["first"], last=source["last"])
        return f"{words}：{span}" if t.lang == "zh" else f"{words}: {span}"
    return words


def _version(t: Words, version: dict[str, Any]) -> str:
    return t("rollup.return.of", number=version["number"], by=version["by"], at=t.time(version["at"]))
