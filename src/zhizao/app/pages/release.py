"""Release: which figures leave when, what is due, and each release with its figures once its embargo has ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from zhizao.app import releases
from zhizao.app.access import ROLES, Right
from zhizao.app.pages.parts import fold, heading, select, short_table, tag, tight
from zhizao.app.pages.shell import Frame, button, json_of, link_button, page, raw
from zhizao.app.releases import Shown
from zhizao.app.units import read_tree
from zhizao.clock import now
from zhizao.programme.classes import industries, regions
from zhizao.programme.items import items

if TYPE_CHECKING:
    from zhizao.programme.release import Dataset

__all__ = ["release_page"]

STATES = {"embargo": "warn", "released": "good", "withdrawn": ""}
_SHOWN = 200


@page("/release", "release", Right.RETURNS)
async def release_page(frame: Frame) -> None:
    """The calendar, or one release."""
    t, at = frame.t, now()
    rows = releases.shown(frame.desk, frame.person, at)
    edits = releases.may_edit(frame.person, read_tree(frame.desk.path, frame.desk.plant))
    if frame.query.get("release"):
        one = next((row for row in rows if row.entry.id == frame.query["release"]), None)
        if one is None:
            releases.entry_of(frame.desk.path, frame.query["release"])
        else:
            await _one(frame, one, at, edits=edits)
            return
    _title(frame, rows, at)
    if not rows:
        text = t("release.none.text") if edits else t("release.none.reader")
        frame.empty(t("release.title.none"), text, "", "release")
    else:
        _calendar(frame, rows)
    if edits:
        raw(heading(t("release.plan"), t("release.plan.why", zone=t.zone)))
        _form(frame, None, at)


def _name(frame: Frame, one: Shown) -> str:
    return one.entry.zh if frame.t.lang == "zh" else one.entry.en


def _title(frame: Frame, rows: list[Shown], at: datetime) -> None:
    t = frame.t
    coming = [one for one in rows if one.state == "embargo"]
    out = [one for one in rows if one.state == "released"]
    export = "".join(
        link_button(t(f"export.{word}"), f"/api/v1/releases/calendar?format={kind}&lang={t.lang}")
        for word, kind in (("excel", "xlsx"), ("csv", "csv"))
    )
    sub = t("release.sub", due=len(releases.due_soon(frame.desk, at)), released=len(out), zone=t.zone)
    if coming:
        frame.title(t("release.title.next", name=_name(frame, coming[0]), at=t.time(coming[0].entry.at)), sub, export)
    elif out:
        frame.title(t("release.title.last", name=_name(frame, out[0]), at=t.time(out[0].entry.at)), sub, export)
    else:
        frame.title(t("release.title.none"), "", export if rows else "")


def _calendar(frame: Frame, rows: list[Shown]) -> None:
    t = frame.t
    state, source = frame.query.get("state", ""), frame.query.get("source", "")
    chosen = select(
        "state",
        t("release.col.state"),
        [("", t("release.filter.all")), *((one, t(f"release.state.{one}")) for one in STATES)],
        state,
    ) + select(
        "source",
        t("release.col.source"),
        [("", t("release.filter.all")), *((one, t(f"release.source.{one}")) for one in releases.FLOWS)],
        source,
    )
    raw(f'<div class="zz-filter">{chosen}</div>')
    rows = [one for one in rows if (not state or one.state == state) and (not source or one.entry.source == source)]
    head = [
        (t("release.col.title"), False),
        (t("release.col.source"), False),
        (t("release.col.period"), False),
        (f"{t('release.col.at')} ({t.zone})", False),
        (t("release.col.opens"), False),
        (t("release.col.state"), False),
    ]
    cells = [
        [
            f'<a href="{escape(frame.link(release=one.entry.id))}"><b>{escape(_name(frame, one))}</b></a>',
            escape(t(f"release.source.{one.entry.source}")),
            f'<span class="num nw">{escape(one.entry.period)}</span>',
            f'<span class="num nw">{escape(t.time(one.entry.at))}</span>',
            f'<span class="num nw">{escape(_opens(frame, one))}</span>',
            tag(STATES[one.state], t(f"release.state.{one.state}")),
        ]
        for one in rows
    ]
    raw(tight(short_table(frame, head, cells, take=False)))


def _opens(frame: Frame, one: Shown) -> str:
    if one.state == "withdrawn":
        return frame.t("release.opens.never")
    return frame.t("release.opens.now") if one.may_see else frame.t.time(one.opens)


async def _one(frame: Frame, one: Shown, at: datetime, *, edits: bool) -> None:
    t, entry = frame.t, one.entry
    name, when = _name(frame, one), t.time(entry.at)
    back = link_button(t("release.back"), frame.link(release=None))
    sub = t("release.one.sub", source=t(f"release.source.{entry.source}"), period=entry.period)
    if one.state == "withdrawn":
        frame.title(t("release.one.withdrawn", name=name), sub, back)
        frame.banner("warn", t("release.state.withdrawn"), t("release.withdrawn.text", reason=entry.reason))
        _about(frame, one)
        return
    if not one.may_see:
        frame.title(t("release.one.held", name=name, at=when), sub, back)
        frame.empty(
            t("release.state.embargo"), t("release.held.text", opens=f"{t.time(one.opens)} ({t.zone})"), "", "release"
        )
        _about(frame, one)
    else:
        key = "release.one.open" if one.state == "released" else "release.one.early"
        files = "".join(
            link_button(t(word), f"/api/v1/releases/{entry.id}/data?format={kind}&lang={t.lang}")
            for word, kind in (("export.excel", "xlsx"), ("release.sdmx", "csv"))
        )
        frame.title(t(key, name=name, at=when), sub, files + back)
        if one.state == "embargo":
            frame.banner("warn", t("release.early.banner", at=f"{when} ({t.zone})"), t("release.early.noted"))

        def work() -> Dataset:
            # the right is asked again here: whatever the page thinks, figures come through this one door
            return releases.dataset_for(frame.desk, frame.person, entry.id, now())[1]

        await frame.ready(work, lambda made: _figures(frame, one, made), height=320)
    if edits:
        _edit(frame, one, at)


def _figures(frame: Frame, one: Shown, made: Dataset) -> None:
    t = frame.t
    if not made.frame.height:
        frame.empty(t("release.figures.none"), t("release.figures.none.text"), "", "release")
        _about(frame, one, made)
        return
    held = int((made.frame["OBS_STATUS"] == "Q").sum())
    said = t("release.figures", n=t.count(made.frame.height))
    if held:
        said += f" · {t('release.figures.held', n=t.count(held))}"
    raw(heading(said))
    rollup = one.entry.source == "rollup"
    if rollup:
        chosen = frame.query.get("item", "")
        keys = made.frame["ITEM"].unique(maintain_order=True).to_list()
        options = [("", t("release.filter.all")), *((key, _item(frame, key)) for key in keys)]
        raw(f'<div class="zz-filter">{select("item", t("release.col.item"), options, chosen)}</div>')
        shown = made.frame.filter(made.frame["ITEM"] == chosen) if chosen in keys else made.frame
        raw(tight(short_table(frame, *_rollup_rows(frame, shown.head(_SHOWN)), take=False)))
    else:
        shown = made.frame
        raw(tight(short_table(frame, *_indicator_rows(frame, shown.head(_SHOWN)), take=False)))
    if shown.height > _SHOWN:
        raw(f'<p class="zz-note">{escape(t("release.first", n=_SHOWN, all=t.count(shown.height)))}</p>')
    _about(frame, one, made)


def _item(frame: Frame, key: str) -> str:
    found = items()[key]
    return found.zh if frame.t.lang == "zh" else found.en


def _class(frame: Frame, code: str, known: Any) -> str:
    t = frame.t
    if code == "_T":
        return t("release.total")
    found = known.get(code)
    return f"{code} {found.zh if t.lang == 'zh' else found.en}" if found else t("release.unknown")


def _status(frame: Frame, row: dict[str, Any]) -> list[str]:
    from zhizao.programme.release import CONF_STATUS, OBS_STATUS

    at = 1 if frame.t.lang == "zh" else 0
    return [
        escape(f"{row['OBS_STATUS']} {OBS_STATUS[row['OBS_STATUS']][at]}"),
        escape(f"{row['CONF_STATUS']} {CONF_STATUS[row['CONF_STATUS']][at]}"),
    ]


def _value(frame: Frame, row: dict[str, Any]) -> str:
    if row["OBS_VALUE"] is None:
        return f'<span class="dim">{escape(frame.t("release.withheld"))}</span>'
    value = row["OBS_VALUE"]
    return frame.t.count(value) if abs(value) >= 1000 or value == round(value) else frame.t.number(value, 4)


def _rollup_rows(frame: Frame, shown: Any) -> tuple[list[tuple[str, bool]], list[list[str]]]:
    t = frame.t
    head = [
        (t(f"release.col.{key}"), key in ("value", "enterprises"))
        for key in ("item", "area", "activity", "value", "unit", "enterprises", "obs", "conf")
    ]
    rows = [
        [
            escape(_item(frame, row["ITEM"])),
            escape(_class(frame, row["REF_AREA"], regions())),
            escape(_class(frame, row["ACTIVITY"], industries())),
            _value(frame, row),
            escape(items()[row["ITEM"]].unit),
            escape(row["ENTERPRISES"] or "–"),
            *_status(frame, row),
        ]
        for row in shown.iter_rows(named=True)
    ]
    return head, rows


def _indicator_rows(frame: Frame, shown: Any) -> tuple[list[tuple[str, bool]], list[list[str]]]:
    from zhizao.programme.indicators import actuals, catalogue

    t, known = frame.t, catalogue().current
    series = {(key, one.id): one for key, listed in actuals().series.items() for one in listed}
    head = [
        (t(f"release.col.{key}"), key == "value") for key in ("indicator", "series", "value", "unit", "obs", "conf")
    ]
    rows = []
    for row in shown.iter_rows(named=True):
        found = known.get(row["INDICATOR"])
        name = (found.zh if t.lang == "zh" else found.en) if found else ""
        # the unit as the data set has it where the definition has changed since
        unit = found.unit_in(t.lang) if found and found.unit == row["UNIT_MEASURE"] else row["UNIT_MEASURE"] or ""
        called = series.get((row["INDICATOR"], row["SERIES"]))
        rows.append(
            [
                f"{escape(row['INDICATOR'])} {escape(name)}",
                escape((called.zh if t.lang == "zh" else called.en) if called else row["SERIES"]),
                _value(frame, row),
                escape(unit),
                *_status(frame, row),
            ]
        )
    return head, rows


def _about(frame: Frame, one: Shown, made: Dataset | None = None) -> None:
    t, entry = frame.t, one.entry
    early = t("release.meta.nobody")
    if entry.early_roles:
        roles = ", ".join(t(f"role.{role}") for role in entry.early_roles)
        early = t("release.meta.early.said", roles=roles, hours=t.number(entry.early_hours, 2))
    pairs = [
        (t("release.col.id"), entry.id),
        (t("release.meta.released"), f"{t.time(entry.at)} ({t.zone})"),
        (t("release.meta.early"), early),
        (t("release.meta.by"), entry.by or "–"),
    ]
    if made is not None:
        meta = made.metadata
        pairs[1:1] = [
            (t("release.meta.flow"), meta.structure_id),
            (t("release.meta.definitions"), meta.definition_version),
            (t("release.meta.vintage"), f"{t.time(meta.vintage)} ({t.zone})"),
            (t("release.meta.source"), t(f"release.said.{entry.source}", rule=releases.RULE)),
        ]
    inside = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in pairs)
    raw(heading(t("release.meta")))
    raw(f'<div class="zz-card"><dl class="zz-kv">{inside}</dl></div>')


def _edit(frame: Frame, one: Shown, at: datetime) -> None:
    t, name = frame.t, one.entry.id
    if one.state == "embargo":
        raw(heading(t("release.change"), t("release.plan.why", zone=t.zone)))
        _form(frame, one, at)
        call = {
            "method": "DELETE",
            "path": f"/api/v1/releases/{name}",
            "sure": t("release.remove.sure", name=name),
            "next": "/release",
        }
        raw(
            f'<div class="zz-row" style="margin-top:12px">{button(t("release.remove"), call=call, kind="danger")}</div>'
        )
    call_ = json_of({"method": "POST", "path": f"/api/v1/releases/{name}/withdraw"})
    inside = (
        f'<form class="zz-card" style="margin-top:8px" data-zz-call="{escape(call_)}"><p class="zz-note" style="margin:0 0 10px">'
        f'{escape(t("release.withdraw.sub"))}</p><div class="zz-filter" style="margin:0"><label class="zz-field">'
        f'{escape(t("release.withdraw.why"))}<input class="zz-input" name="reason" maxlength="1000" required size="40"></label>'
        f'<button class="zz-btn danger">{escape(t("release.withdraw"))}</button></div></form>'
    )
    raw(f'<div class="zz-gap">{fold(t("release.withdraw"), inside)}</div>')


def _form(frame: Frame, one: Shown | None, at: datetime) -> None:
    """Plan a release, or change a planned one."""
    t = frame.t
    entry = one.entry if one is not None else None
    call = json_of({"method": "POST", "path": "/api/v1/releases", "next": "/release"})
    when = entry.at if entry is not None else (at + timedelta(days=7)).replace(minute=0)

    def field(key: str, name: str, value: str, more: str = "") -> str:
        return (
            f'<label class="zz-field">{escape(t(f"release.plan.{key}"))}<input class="zz-input" name="{name}" '
            f'value="{escape(value)}" {more}></label>'
        )

    sources = "".join(
        f'<option value="{key}"{" selected" if entry is not None and entry.source == key else ""}>'
        f"{escape(t(f'release.source.{key}'))}</option>"
        for key in ("rollup", "indicators")
    )
    roles = "".join(
        _check("early_roles", role.value, t(f"role.{role}"), entry is not None and role.value in entry.early_roles)
        for role in ROLES
    )
    summed = [
        key for key, one_ in items().items() if not one_.signed and one_.over != "flag" and one_.unit not in ("h", "1")
    ]
    chosen = entry.items if entry is not None and entry.items else releases.ITEMS
    asked = "".join(_check("items", key, _item(frame, key), key in chosen) for key in summed)
    hint = escape(t("release.plan.id.hint"))
    fixed = (
        "readonly"
        if entry is not None
        else f'pattern="[A-Za-z0-9][A-Za-z0-9_.\\-]*" placeholder="{hint}" maxlength="60"'
    )
    raw(
        f'<form class="zz-card" data-zz-call="{escape(call)}"><div class="zz-filter">'
        + field("id", "id", entry.id if entry is not None else "", f"required {fixed}")
        + field("zh", "zh", entry.zh if entry is not None else "", 'required maxlength="200"')
        + field("en", "en", entry.en if entry is not None else "", 'required maxlength="200"')
        + f'</div><div class="zz-filter"><label class="zz-field">{escape(t("release.col.source"))}<select class="zz-input" '
        f'name="source">{sources}</select></label>'
        + field(
            "period",
            "period",
            entry.period if entry is not None else "",
            'required pattern="\\d{4}(-\\d{2})?" size="10"',
        )
        + field("day", "at", f"{when.astimezone(frame.desk.tz):%Y-%m-%dT%H:%M}", 'required type="datetime-local"')
        + field(
            "hours",
            "early_hours",
            f"{entry.early_hours:g}" if entry is not None else "24",
            'type="number" min="0" max="720"',
        )
        + f'</div><fieldset style="border:0;padding:0;margin:0"><legend class="zz-note">{escape(t("release.plan.roles"))}</legend>'
        f'<div class="zz-row" style="flex-wrap:wrap;gap:0 18px">{roles}</div></fieldset>'
        + fold(t("release.plan.items"), f'<div class="zz-row" style="flex-wrap:wrap;gap:0 18px">{asked}</div>')
        + f'<button class="zz-btn primary" style="margin-top:12px">{escape(t("release.plan.go"))}</button></form>'
    )


def _check(name: str, value: str, words: str, on: bool) -> str:
    return (
        f'<label class="zz-check"><input type="checkbox" name="{name}" value="{escape(value)}"{" checked" if on else ""}>'
        f"<span>{escape(words)}</span></label>"
    )
