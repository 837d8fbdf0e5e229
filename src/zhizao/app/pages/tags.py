"""Tags: what each means to the plant; a rule looked at before it is taken; what a source offers."""

from __future__ import annotations

from html import escape

from zhizao.app import tagmap
from zhizao.app.access import Right
from zhizao.app.http.routes.tags import names_of, offered
from zhizao.app.pages.parts import heading, select, short_table, tag, tight
from zhizao.app.pages.shell import Frame, button, json_of, link_button, page, raw
from zhizao.errors import ZhizaoError
from zhizao.model import Role

__all__ = ["tags_page"]

_MOST = 500


@page("/tags", "tags")
async def tags_page(frame: Frame) -> None:
    """All tags, and what may be done with them."""
    t = frame.t
    names, plant = names_of(frame.desk), frame.desk.plant
    if not names and not plant.connections:
        frame.title(t("tags.none"))
        frame.empty(t("tags.none"), t("live.none.text"), "", "live")
        return
    mapped = sum(bool(card.machine) for card in plant.tags.values())
    actions = ""
    if frame.may(Right.DECIDE) and any((frame.desk.path / tagmap.BEFORE).glob("*.yaml")):
        call = {
            "method": "POST",
            "path": "/api/v1/tags/undo",
            "body": {},
            "next": frame.link(),
            "sure": t("tags.undo.sure"),
        }
        actions = button(t("tags.undo"), call=call)
    frame.title(t("tags.title", mapped=t.count(mapped), all=t.count(len(names))), t("tags.sub"), actions)
    _rule(frame, names)
    _list(frame, names)
    await _browse(frame)


def _roles(frame: Frame, now: str) -> str:
    return "".join(
        f'<option value="{one}"{" selected" if one == now else ""}>{escape(frame.t(f"tags.role.{one}"))}</option>'
        for one in Role
    )


def _rule(frame: Frame, names: list[str]) -> None:
    t, query = frame.t, frame.query
    pattern, machine, unit = (query.get(key, "")[:400] for key in ("pattern", "machine", "unit"))
    role = query.get("role", "signal")
    role = role if role in set(Role) else "signal"
    machines = "".join(f'<option value="{escape(one)}"></option>' for one in frame.desk.plant.machines)
    raw(heading(t("tags.rule"), t("tags.rule.note")))
    raw(
        f'<form method="get" action="/tags" class="zz-filter"><label class="zz-field">{escape(t("tags.pattern"))}'
        f'<input class="zz-input" name="pattern" value="{escape(pattern)}" required maxlength="400" style="min-width:260px" '
        f'placeholder="hall 1/{{machine}}/state"></label>'
        f'<label class="zz-field">{escape(t("tags.machine"))}<input class="zz-input" name="machine" list="tag-machines" '
        f'value="{escape(machine)}" placeholder="{{machine}}"></label><datalist id="tag-machines">{machines}</datalist>'
        f'<label class="zz-field">{escape(t("tags.role"))}<select class="zz-input" name="role">{_roles(frame, role)}</select></label>'
        f'<label class="zz-field">{escape(t("tags.unit"))}<input class="zz-input" name="unit" value="{escape(unit)}" size="8"></label>'
        f'<button class="zz-btn" style="align-self:end">{escape(t("tags.look"))}</button></form>'
    )
    if not pattern:
        return
    try:
        found = tagmap.preview(frame.desk.plant, names, tagmap.Rule(pattern, machine, Role(role), unit))
    except ZhizaoError as error:
        frame.failed(error)
        return
    if not found:
        raw(f'<p class="zz-note">{escape(t("tags.nothing"))}</p>')
        return
    free = sum(one.why == "new" for one in found)
    against = sum(one.is_conflict for one in found)
    body = {"pattern": pattern, "machine": machine, "role": role, "unit": unit}
    doing = ""
    if frame.may(Right.DECIDE):
        for key, many, more in (("take", free, False), ("overwrite", free + against, True)):
            if many and (not more or against):
                call = {
                    "method": "POST",
                    "path": "/api/v1/tags/map",
                    "body": {**body, "overwrite": more},
                    "next": "/tags",
                }
                if more:
                    call["sure"] = t("tags.overwrite.sure", n=t.count(against))
                doing += button(t(f"tags.{key}", n=t.count(many)), call=call, kind="primary" if not more else "")
    raw(f'<div class="zz-row" style="gap:8px;margin:8px 0">{doing}</div>')
    kinds = {"new": "good", "same": "info"}
    head = [(t(f"tags.{key}"), False) for key in ("tag", "machine", "role", "unit", "why")]
    rows = [
        [
            escape(one.tag), escape(one.card.machine or "–"), escape(t(f"tags.role.{one.card.role}")), escape(one.card.unit or "–"),
            tag(kinds.get(one.why, "warn"), t(f"tags.why.{one.why}")) + (f' <span class="dim">{escape(one.about)}</span>' if one.about else ""),
        ]
        for one in found[:_MOST]
    ]  # fmt: skip
    raw(tight(short_table(frame, head, rows)))


def _list(frame: Frame, names: list[str]) -> None:
    t, cards = frame.t, frame.desk.plant.tags
    raw(heading(t("tags.all"), t("live.more", n=_MOST, all=t.count(len(names))) if len(names) > _MOST else ""))
    head = [(t(f"tags.{key}"), False) for key in ("tag", "machine", "role", "unit")] + [("", False)]
    rows = []
    for name in names[:_MOST]:
        card = cards.get(name)
        role = escape(t(f"tags.role.{card.role}")) if card else "–"
        link = f'<a class="zz-thumb" href="/trend?t1={escape(_quoted(name))}">{escape(name)}</a>'
        edit = (
            f'<a class="zz-thumb" href="{escape(frame.link(tag=name, pattern=None))}#edit">{escape(t("tags.edit"))}</a>'
        )
        rows.append([link, escape((card and card.machine) or "–"), role, escape((card and card.unit) or "–"), edit])
    if frame.query.get("tag") in set(names) and frame.may(Right.DECIDE):
        _edit(frame, frame.query["tag"])
    raw(tight(short_table(frame, head, rows)))


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


def _edit(frame: Frame, name: str) -> None:
    t, card = frame.t, frame.desk.plant.tags.get(name)
    call = {"method": "PUT", "path": "/api/v1/tags", "body": {"tag": name}, "next": "/tags"}
    remove = {"method": "PUT", "path": "/api/v1/tags", "body": {"tag": name, "remove": True}, "next": "/tags"}
    raw(
        f'<div class="zz-card" id="edit"><form class="zz-filter" data-zz-call="{escape(json_of(call))}"><b style="align-self:center">'
        f'{escape(name)}</b><label class="zz-field">{escape(t("tags.machine"))}<input class="zz-input" name="machine" list="tag-machines" '
        f'value="{escape((card and card.machine) or "")}"></label><label class="zz-field">{escape(t("tags.role"))}<select class="zz-input" '
        f'name="role">{_roles(frame, card.role if card else "signal")}</select></label><label class="zz-field">{escape(t("tags.unit"))}'
        f'<input class="zz-input" name="unit" size="8" value="{escape((card and card.unit) or "")}"></label>'
        f'<button class="zz-btn primary" style="align-self:end">{escape(t("tags.save"))}</button></form>'
        + (button(t("tags.remove"), call=remove, small=True) if card else "")
        + "</div>"
    )


async def _browse(frame: Frame) -> None:
    t = frame.t
    connections = list(frame.desk.plant.connections)
    if not connections or not frame.may(Right.DECIDE):
        return
    raw(heading(t("tags.browse"), t("tags.browse.note")))
    wanted, below = frame.query.get("connection", ""), frame.query.get("below", "")[:1000]
    options = [("", t("tags.browse.none")), *((one, one) for one in connections)]
    raw(f'<div class="zz-filter">{select("connection", t("live.source"), options, wanted)}</div>')
    if wanted not in connections:
        return
    try:
        found = await offered(frame.desk, wanted, below)
    except ZhizaoError as error:
        frame.failed(error)
        return
    if below:
        raw(link_button(t("tags.top"), frame.link(below=None)))
    head = [(t(f"tags.{key}"), False) for key in ("tag", "address", "type", "unit", "value")]
    rows = [
        [
            escape(one.name) if one.leaf else f'<a class="zz-thumb" href="{escape(frame.link(below=one.address))}">{escape(one.name)} ›</a>',
            escape(one.address), escape(one.type), escape(one.unit), escape(one.value[:80]),
        ]
        for one in found[:_MOST]
    ]  # fmt: skip
    raw(tight(short_table(frame, head, rows)) if rows else f'<p class="zz-note">{escape(t("tags.browse.empty"))}</p>')
