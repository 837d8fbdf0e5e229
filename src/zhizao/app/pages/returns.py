"""Returns: which there are, who has to act until when, reminders; one return, and the facts behind a line of it."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import run, ui

from zhizao.app.access import Right
from zhizao.app.pages.parts import Grid, fold, heading, select, short_table, tag
from zhizao.app.pages.return_form import facts_page, one_page, unit_name
from zhizao.app.pages.shell import Frame, link_button, page, raw, version
from zhizao.app.returns_desk import ReturnsDesk, Row, actor_of
from zhizao.app.returns_list import FILTERS, listed
from zhizao.clock import now
from zhizao.programme.classes import regions
from zhizao.programme.returns import Actor, Level, Owed, State

__all__ = ["returns_page"]

_TODO, _OWED = 6, 8
_SIGNS = {"overdue": "bad", "soon": "warn", "later": ""}


@page("/returns", "returns", Right.RETURNS)
async def returns_page(frame: Frame) -> None:
    """The list, or one return (`?enterprise=&period=`), or the facts behind a line of it (`&line=`)."""
    stamp = version()
    ui.add_head_html(
        f'<link rel="stylesheet" href="/static/returns.css?{stamp}"><script src="/static/returns.js?{stamp}" defer></script>'
    )
    desk, actor = ReturnsDesk.of_desk(frame.desk), actor_of(frame.person)
    enterprise, period = frame.query.get("enterprise", ""), frame.query.get("period", "")
    if enterprise and period:
        if frame.query.get("line"):
            await facts_page(frame, desk, actor, enterprise, period, frame.query["line"])
        else:
            await one_page(frame, desk, actor, enterprise, period)
        return
    asked = {key: frame.query[key] for key in FILTERS if frame.query.get(key)}
    if enterprise:
        asked["unit"] = enterprise

    def work() -> tuple[list[Row], list[Row], list[Owed]]:
        whole = listed(frame.desk, frame.person, {})
        if asked:
            return whole, listed(frame.desk, frame.person, asked), []
        return whole, whole, desk.reminders(actor, now())

    found = await run.io_bound(work)
    if found is None or frame.gone():
        return
    whole, rows, owed = found
    _title(frame, desk, actor, whole)
    if whole or asked:
        _filters(frame, whole, asked)
    if not rows:
        key = "returns.nothing.filter" if whole else "returns.nothing"
        clear = link_button(frame.t("returns.nothing.clear"), "/returns") if asked else ""
        frame.empty(frame.t(key), frame.t("returns.nothing.text") if not whole else "", clear, "returns")
        return
    if not asked:
        _todo(frame, desk, actor, whole)
        _owed(frame, desk, owed)
    raw(heading(frame.t("returns.list")))
    hide = ["works_en" if frame.t.lang == "zh" else "works_zh"]
    if not any(row.level for row in whole):
        hide += ["turn_level", "until", "overdue", "version_no"]
    Grid(frame, "returns", height=min(560, 130 + 36 * max(6, len(rows))), query=asked, hide=hide)


def _title(frame: Frame, desk: ReturnsDesk, actor: Actor, whole: list[Row]) -> None:
    t = frame.t
    if not whole:
        frame.title(t("returns.nothing"))
        return
    if not any(row.level for row in whole):
        go = link_button(t("returns.rollup"), "/rollup", primary=True)
        said = t("returns.public.one") if len(whole) == 1 else t("returns.public", n=t.count(len(whole)))
        frame.title(said, t("returns.sub.public"), go)
        return
    if actor.unit:
        unit = unit_name(frame, desk, actor.unit)
        mine = [row for row in whole if row.waits_for == actor.unit]
        late = sum(row.overdue for row in mine)
        if not mine:
            said = t("returns.none.mine", unit=unit)
        elif len(mine) == 1:
            said = t("returns.mine.one.late" if late else "returns.mine.one", unit=unit)
        elif late:
            said = t("returns.mine.late", n=t.count(len(mine)), unit=unit, late=t.count(late))
        else:
            said = t("returns.mine", n=t.count(len(mine)), unit=unit)
    else:
        late = sum(row.overdue for row in whole)
        key = "returns.all.late" if late else "returns.all"
        said = t(key, n=t.count(len(whole)), late=t.count(late)) if late else t(key, n=t.count(len(whole)))
    frame.title(said, t("returns.sub"))


def _filters(frame: Frame, whole: list[Row], asked: dict[str, str]) -> None:
    t = frame.t
    anything = ("", t("returns.f.any"))
    known = regions()
    months = sorted({row.period for row in whole} | ({asked["period"]} if asked.get("period") else set()), reverse=True)
    places = sorted({row.region for row in whole if row.region})
    named = [
        (code, f"{code} {known[code].zh if t.lang == 'zh' else known[code].en}") for code in places if code in known
    ]
    inside = [
        select(
            "state",
            t("returns.f.state"),
            [anything, *((s.value, t(f"standing.{s.value}")) for s in State)],
            asked.get("state", ""),
        ),
        select(
            "level",
            t("returns.f.level"),
            [anything, *((x.value, t(f"level.{x.value}")) for x in Level)],
            asked.get("level", ""),
        ),
        select("period", t("returns.f.period"), [anything, *((m, m) for m in months)], asked.get("period", "")),
        select("region", t("returns.f.region"), [anything, *named], asked.get("region", "")),
        select("overdue", t("returns.f.show"), [anything, ("1", t("returns.f.overdue"))], asked.get("overdue", "")),
    ]
    if frame.person.unit:
        mine = [anything, ("1", t("returns.f.mine"))]
        inside.append(select("mine", t("col.turn"), mine, asked.get("mine", "")))
    raw(f'<div class="zz-filter zr-filter">{"".join(inside)}</div>')


def _todo(frame: Frame, desk: ReturnsDesk, actor: Actor, whole: list[Row]) -> None:
    t = frame.t
    mine = [row for row in whole if row.steps and (row.waits_for == actor.unit or (not actor.unit and row.overdue))]
    if not mine:
        return
    raw(heading(t("returns.todo")))
    cards = []
    for row in mine[:_TODO]:
        name = row.zh if t.lang == "zh" else row.en
        until = tag("bad" if row.overdue else "", t.time(row.due)) if row.due is not None else ""
        address = f"/returns?enterprise={row.enterprise}&period={row.period}"
        cards.append(
            f'<a class="zz-card zr-todo" href="{escape(address)}"><b>{escape(name)}</b><span class="num">{row.period}</span>'
            f"<span>{escape(t(f'standing.{row.state}'))}</span>{until}</a>"
        )
    raw(f'<div class="zz-grid three">{"".join(cards)}</div>')


def _owed(frame: Frame, desk: ReturnsDesk, found: list[Owed]) -> None:
    t = frame.t
    if not found:
        return
    raw(heading(t("returns.owed")))
    head = [
        (t("returns.owed.unit"), False),
        (t("returns.owed.what"), False),
        (t("col.enterprise"), False),
        (t("col.month"), False),
        (f"{t('col.until')} ({desk.tree.zone})", False),
        (t("returns.owed.left"), False),
    ]
    rows = [_owing(frame, desk, one) for one in found[:200]]
    raw(f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows[:_OWED])}</div>')
    if len(rows) > _OWED:
        more = f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows[_OWED:])}</div>'
        raw(fold(t("returns.owed.more", n=t.count(len(found))), more))


def _owing(frame: Frame, desk: ReturnsDesk, one: Owed) -> list[Any]:
    t = frame.t
    if one.state == "overdue":
        left = t("returns.days.over", n=max(1, -one.days_left - 1) if one.days_left < -1 else 1)
    else:
        left = t("returns.days.left", n=one.days_left) if one.days_left else t("returns.days.today")
    address = f"/returns?enterprise={one.enterprise}&period={one.period}"
    return [
        escape(unit_name(frame, desk, one.unit)),
        escape(t(f"returns.what.{one.what}")),
        f'<a class="zr-link" href="{escape(address)}">{escape(unit_name(frame, desk, one.enterprise))}</a>',
        one.period,
        escape(t.time(one.due)),
        tag(_SIGNS[one.state], left),
    ]
