"""People, one's own account, and the audit trail."""

from __future__ import annotations

from html import escape

from zhizao.app.access import ROLES, Access, Right, covers
from zhizao.app.pages.parts import heading, short_table, tag
from zhizao.app.pages.shell import Frame, button, json_of, page, raw
from zhizao.app.units import read_tree

__all__ = ["audit_page", "me_page", "people_page"]

_access: list[Access] = []
_LARGE = 200
"""From so many units on nobody wants to scroll through a list of them."""


def bind(access: Access | None) -> None:
    """Whose people these are."""
    _access[:] = [access] if access is not None else []


def _none(frame: Frame) -> bool:
    if _access and not frame.local:
        return False
    frame.title(frame.t("people.local"), frame.t("people.local.text"))
    return True


@page("/people", "people", Right.ADMIN)
def people_page(frame: Frame) -> None:
    """Everybody, their roles, and somebody new."""
    t = frame.t
    if _none(frame):
        return
    people = _access[0].people()
    active = sum(1 for one in people if one["active"])
    frame.title(t("people.title", n=active), t("people.sub"))
    units = _units(frame)
    rows = []
    for one in people:
        path = f"/api/v1/people/{one['name']}"
        call = json_of({"method": "PATCH", "path": path})
        options = "".join(
            f'<option value="{role}"{" selected" if role == one["role"] else ""}>{escape(t(f"role.{role}"))}</option>'
            for role in ROLES
        )
        label = escape(t("people.role.of", name=one["name"]))
        role = (
            f'<form data-zz-call="{escape(call)}" data-zz-auto><select class="zz-input" name="role" aria-label="{label}">'
            f"{options}</select></form>"
        )
        field = _unit_field(frame, units, one["unit"], t("people.unit.of", name=one["name"]))
        unit = f'<form data-zz-call="{escape(call)}" data-zz-auto>{field}</form>'
        flip = {"method": "PATCH", "path": path, "body": {"active": not one["active"]}}
        if one["active"]:
            flip["sure"] = t("people.off.sure", name=one["name"])
        state = tag("good", t("people.on")) if one["active"] else tag("", t("people.off"))
        rows.append(
            [
                f"<b>{escape(one['name'])}</b>",
                role,
                unit,
                state,
                escape(t.time(one["made_at"])),
                button(t("people.turnoff") if one["active"] else t("people.turnon"), call=flip, small=True),
            ]
        )
    head = [
        (t("col.name"), False),
        (t("col.role"), False),
        (t("people.unit"), False),
        (t("import.state"), False),
        (t("people.since"), False),
        ("", False),
    ]
    raw(f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>')
    call = json_of({"method": "POST", "path": "/api/v1/people"})
    options = "".join(f'<option value="{role}">{escape(t(f"role.{role}"))}</option>' for role in ROLES)
    raw(
        f'<section class="zz-section"><h2 class="zz-h2">{escape(t("people.add"))}</h2><div class="zz-card">'
        f'<form class="zz-filter" style="margin:0" data-zz-call="{escape(call)}">'
        f'<label class="zz-field">{escape(t("col.name"))}<input class="zz-input" name="name" required autocomplete="off"></label>'
        f'<label class="zz-field">{escape(t("people.password"))}<input class="zz-input" type="password" name="password" required '
        f'minlength="10" autocomplete="new-password"></label>'
        f'<label class="zz-field">{escape(t("col.role"))}<select class="zz-input" name="role">{options}</select></label>'
        f'<label class="zz-field">{escape(t("people.unit"))}{_unit_field(frame, units, "")}</label>'
        f'<button class="zz-btn primary">{escape(t("people.add.go"))}</button></form></div></section>'
    )
    if len(units) > _LARGE:
        proposed = "".join(f'<option value="{escape(name)}">{escape(words)}</option>' for name, words in units)
        raw(f'<datalist id="zz-units">{proposed}</datalist>')
    raw(heading(t("people.roles")))
    head = [(t("col.role"), False), (t("people.may"), False)]
    rows = [[escape(t(f"role.{role}")), escape(t(f"role.{role}.may"))] for role in ROLES]
    raw(f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>')


def _units(frame: Frame) -> list[tuple[str, str]]:
    """Units of the tree with their names, each below the one that it belongs to."""
    tree = read_tree(frame.desk.path, frame.desk.plant)
    ordered = sorted(tree.units, key=lambda name: (*reversed(tree.path(name)), name))
    names = {name: one.zh if frame.t.lang == "zh" else one.en for name, one in tree.units.items()}
    return [(name, f"{'· ' * len(tree.path(name))}{names[name]} ({name})") for name in ordered]


def _unit_field(frame: Frame, units: list[tuple[str, str]], now: str, label: str = "") -> str:
    """A choice of unit; in a large tree something to type into, with the units proposed."""
    said = f' aria-label="{escape(label)}"' if label else ""
    if len(units) > _LARGE:
        return f'<input class="zz-input" name="unit" list="zz-units" value="{escape(now)}"{said}>'
    known = [("", frame.t("people.unit.none")), *units]
    if now and now not in dict(units):
        known.append((now, now))
    inside = "".join(
        f'<option value="{escape(name)}"{" selected" if name == now else ""}>{escape(words)}</option>'
        for name, words in known
    )
    return f'<select class="zz-input" name="unit"{said}>{inside}</select>'


@page("/me", "me", Right.RETURNS)
def me_page(frame: Frame) -> None:
    """One's own password and tokens."""
    t = frame.t
    if _none(frame):
        return
    frame.title(t("me.title", name=frame.person.name, role=t(f"role.{frame.person.role}")), t("me.sub"))
    call = json_of({"method": "POST", "path": "/api/v1/me/password", "next": "/login"})
    raw(
        f'<h2 class="zz-h2" style="margin-bottom:10px">{escape(t("me.password"))}</h2><div class="zz-card">'
        f'<form class="zz-filter" style="margin:0" data-zz-call="{escape(call)}">'
        f'<label class="zz-field">{escape(t("me.old"))}<input class="zz-input" type="password" name="old" required '
        f'autocomplete="current-password"></label>'
        f'<label class="zz-field">{escape(t("me.new"))}<input class="zz-input" type="password" name="new" required minlength="10" '
        f'autocomplete="new-password"></label><button class="zz-btn primary">{escape(t("me.change"))}</button></form>'
        f'<p class="zz-note">{escape(t("me.change.note"))}</p></div>'
    )
    call = json_of({"method": "POST", "path": "/api/v1/me/tokens"})
    lesser = [role for role in ROLES if covers(frame.person.role, role)]
    options = "".join(f'<option value="{role}">{escape(t(f"role.{role}"))}</option>' for role in lesser)
    raw(
        f'<h2 class="zz-h2 zz-gap">{escape(t("me.tokens"))}</h2><div class="zz-card">'
        f'<p class="zz-note" style="margin:0 0 12px">{escape(t("me.tokens.why"))}</p>'
        f'<form class="zz-filter" style="margin:0" data-zz-call="{escape(call)}">'
        f'<label class="zz-field">{escape(t("me.label"))}<input class="zz-input" name="label" required></label>'
        f'<label class="zz-field">{escape(t("col.role"))}<select class="zz-input" name="role">{options}</select></label>'
        f'<button class="zz-btn">{escape(t("me.make"))}</button></form></div>'
    )
    tokens = _access[0].tokens(frame.person.name)
    if tokens:
        rows = [
            [
                escape(one["label"]),
                escape(t(f"role.{one['role']}")),
                escape(t.time(one["made_at"])),
                escape(t.time(one["used_at"])),
                escape(t.time(one["ends_at"])),
                button(t("me.end"), call={"method": "DELETE", "path": f"/api/v1/me/tokens/{one['id']}"}, small=True),
            ]
            for one in tokens
        ]
        head = [
            (t("me.label"), False),
            (t("col.role"), False),
            (t("me.made"), False),
            (t("me.used"), False),
            (t("me.ends"), False),
            ("", False),
        ]
        raw(f'<div class="zz-card" style="padding:6px 8px;margin-top:14px">{short_table(frame, head, rows)}</div>')


@page("/audit", "audit", Right.ADMIN)
def audit_page(frame: Frame) -> None:
    """Who did what."""
    t = frame.t
    if _none(frame):
        return
    trail = _access[0].trail(500)
    frame.title(t("audit.title", n=t.count(len(trail))), t("audit.sub"))
    rows = [
        [
            escape(t.time(one["at"])),
            escape(one["name"]),
            escape(t.maybe(f"audit.{one['what']}", one["what"])),
            escape(one["about"]) or "–",
            escape(one["address"]) or "–",
        ]
        for one in trail
    ]
    head = [
        (t("col.at"), False),
        (t("col.name"), False),
        (t("audit.what"), False),
        (t("col.about"), False),
        (t("col.address"), False),
    ]
    raw(f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>')
