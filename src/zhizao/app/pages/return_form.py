"""One return: its forty lines with what stands beside them, its checks, what this person can do with it, its history."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any
from urllib.parse import quote

from zhizao.app.access import Right
from zhizao.app.pages.parts import fold, heading, short_table, tag
from zhizao.app.pages.shell import Frame, json_of, link_button, raw
from zhizao.app.returns_desk import ReturnsDesk, Row
from zhizao.app.returns_lines import SECTIONS, Before, Checked, before, checked, facts_behind
from zhizao.clock import now
from zhizao.errors import InputError, NotAllowed
from zhizao.programme.items import Item, items
from zhizao.programme.returns import Actor, Filled, Line, Return, Sight, State, Version, differences, sight

__all__ = ["facts_page", "one_page", "plain", "unit_name"]

_SAME = 1e-9
_SHOWN_FACTS = 200
_ERRORS = (
    "moved_on",
    "four_eyes",
    "illegal_step",
    "too_early",
    "no_reason",
    "role",
    "other_form",
    "bad_workbook",
    "not_form",
    "old_form",
    "faults_found",
)
"""Codes of refusals that have words of their own in the browser."""
_SIGNS = {State.PUBLISHED: "good", State.REFUSED: "warn", State.REOPENED: "warn"}


def unit_name(frame: Frame, desk: ReturnsDesk, name: str) -> str:
    """Name of a unit in the language of the page; its id where it is gone."""
    unit = desk.tree.units.get(name)
    return name if unit is None else unit.zh if frame.t.lang == "zh" else unit.en


def plain(value: float | None, *, exact: bool = False) -> str:
    """A number as a person types it: digits and a point, no exponent.

    Parameters
    ----------
    value : None gives nothing
    exact : every digit, so that what is sent again is the same; else ten digits that matter

    Examples
    --------
    >>> plain(16426224000.0), plain(9.7059465270001), plain(9.7059465270001, exact=True), plain(None)
    ('16426224000', '9.705946527', '9.7059465270001', '')
    """
    if value is None:
        return ""
    number = Decimal(repr(value))
    if not exact and number:
        number = Decimal(f"{value:.9e}")
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(value: float | None) -> str:
    """A number to be read: thousands set apart, six digits that matter."""
    if value is None:
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1e5 or value == int(value) else f"{value:,.6g}"
    return text.replace("-", "−")


def grouped(value: float | None) -> str:
    """A figure with all of its digits, thousands set apart.

    Examples
    --------
    >>> grouped(9876543211.25), grouped(-0.25), grouped(None)
    ('9,876,543,211.25', '−0.25', '–')
    """
    if value is None:
        return "–"
    whole, point, part = plain(abs(float(f"{value:.13g}")), exact=True).partition(".")
    return ("−" if value < 0 else "") + f"{int(whole):,}" + point + part


def item_name(frame: Frame, item: Item) -> str:
    """Name of an item in the language of the page, with a capital where the language has them."""
    return item.zh if frame.t.lang == "zh" else item.en[:1].upper() + item.en[1:]


def unit_word(frame: Frame, item: Item) -> str:
    """Unit of an item as the language writes it."""
    return frame.t.maybe(f"returns.unit.{item.unit}", "" if item.unit == "1" else item.unit)


async def one_page(frame: Frame, desk: ReturnsDesk, actor: Actor, enterprise: str, period: str) -> None:
    """A return, as far as this person sees it."""
    t = frame.t
    try:
        one = desk.one(actor, enterprise, period)
    except (InputError, NotAllowed) as error:
        if error.fault.code not in ("no_return", "role"):
            raise
        said = t("returns.one.unpublished" if error.fault.code == "no_return" else "returns.one.notyours")
        frame.title(said)
        under = t("returns.one.unpublished.text" if error.fault.code == "no_return" else "returns.nothing.text")
        frame.empty(said, under, link_button(t("returns.back"), "/returns", primary=True), "returns")
        return
    row = desk.row_of(one, actor, now())
    name = unit_name(frame, desk, enterprise)
    if sight(actor, desk.tree, enterprise) is not Sight.ALL:
        said = t("returns.one.published", name=name, period=period)
        frame.title(
            said, t("returns.one.since", at=t.time(row.at), zone=t.zone), link_button(t("returns.back"), "/returns")
        )
        go = link_button(t("returns.rollup"), f"/rollup?period={period}", primary=True)
        frame.empty(t("returns.one.closed"), t("returns.one.closed.text"), go, "returns")
        return
    turn = one.waits_for or one.top if row.level or one.state is State.APPROVED else ""
    values = {"name": name, "period": period}
    if one.state in (State.SUBMITTED, State.APPROVED):
        values["unit"] = unit_name(frame, desk, turn)
    sub = []
    if row.due is not None:
        sub.append(t("returns.one.overdue" if row.overdue else "returns.one.due", at=t.time(row.due), zone=t.zone))
    if one.latest is not None and row.by:
        sub.append(t("returns.one.version", n=row.version, by=row.by, at=t.time(row.at)))
    path = f"/api/v1/returns/{quote(enterprise, safe='')}/{period}"
    actions = link_button(t("returns.back"), "/returns")
    actions += link_button(t("returns.form.get"), f"{path}/form?lang={t.lang}")
    frame.title(t(f"returns.one.{one.state.value}", **values), " · ".join(sub), actions)
    writes = next((step for step in ("submit", "correct") if step in row.steps), "")
    if row.steps or row.level or one.history:
        _way(frame, desk, one)

    def work() -> dict[str, Any]:
        found: dict[str, Any] = {"before": before(desk, actor, enterprise, period), "filled": None, "checked": None}
        try:
            found["filled"] = desk.filled(actor, enterprise, period)
        except (NotAllowed, InputError) as error:
            if error.fault.code not in ("role", "not_own"):
                raise
            found["not_own"] = error.fault.code == "not_own"
        last = one.latest
        if last is not None and one.history and not writes:
            found["checked"] = checked(desk, actor, enterprise, period, last.values, last.notes, t.lang)
        return found

    await frame.ready(work, lambda found: _show(frame, desk, one, row, writes, path, found), height=420)


def _way(frame: Frame, desk: ReturnsDesk, one: Return) -> None:
    """The levels that a return passes, and where it is."""
    t = frame.t
    path = one.path or desk.tree.path(one.enterprise)
    stops = [
        (
            unit_name(frame, desk, one.enterprise),
            one.state not in (State.OPEN, State.WITHDRAWN, State.REFUSED, State.REOPENED),
            one.waits_for == one.enterprise,
        )
    ]
    for at, unit in enumerate(path):
        done = one.approved > at or one.state in (State.APPROVED, State.PUBLISHED)
        stops.append((unit_name(frame, desk, unit), done, one.state is State.SUBMITTED and one.waits_for == unit))
    stops.append((t("standing.published"), one.state is State.PUBLISHED, one.state is State.APPROVED))
    cells = "".join(
        f'<li class="{"done" if done else "now" if here else ""}"{" aria-current=step" if here else ""}>'
        f'<span aria-hidden="true">{"✓" if done else "●" if here else "○"}</span>{escape(name)}</li>'
        for name, done, here in stops
    )
    raw(f'<ol class="zr-way" aria-label="{escape(t("returns.way"))}">{cells}</ol>')


def _show(
    frame: Frame, desk: ReturnsDesk, one: Return, row: Row, writes: str, path: str, found: dict[str, Any]
) -> None:
    t = frame.t
    last = one.latest
    filled: Filled | None = found["filled"]
    if last is not None and last.refusal is not None and one.state is State.REFUSED:
        frame.banner("warn", t("returns.refusal", unit=unit_name(frame, desk, last.refusal.unit)), last.refusal.reason)
    if one.state is State.REOPENED and one.history:
        frame.banner(
            "warn",
            t("returns.one.reopened", name=unit_name(frame, desk, one.enterprise), period=one.period),
            one.history[-1].reason,
        )
    if writes and filled is not None and last is None:
        frame.banner("info", t("returns.filled", n=filled.filled, left=40 - filled.filled))
    elif writes and filled is not None:
        frame.banner("info", t("returns.filled.keep"))
    elif writes and found.get("not_own"):
        frame.banner("info", t("returns.not_own"))
    if found["checked"] is not None and last is not None:
        raw(heading(t("returns.checks.reviewed", n=last.number)))
        raw(_verdict(frame, found["checked"]))
    deciding = [step for step in ("refuse", "approve", "publish", "reopen", "withdraw") if step in row.steps]
    setting = {
        "path": path,
        "writes": writes,
        "expect": len(one.history),
        "keep": f"zr:{frame.person.name}:{one.enterprise}:{one.period}:{len(one.history)}" if writes else "",
        "next": frame.link(),
        "words": _words(frame, desk, one),
        "names": {key: item_name(frame, item) for key, item in items().items()},
        "lang": t.lang,
    }
    kind = "zr-edit" if writes else "zr-judge" if "refuse" in deciding else "zr-read"
    parts = "".join(_section(frame, one, kind, key, keys, found) for key, keys in SECTIONS)
    raw(
        f'<form id="zr-form" class="{kind}" novalidate data-zr="{escape(json_of(setting))}">{_kept(frame, writes)}{parts}'
        f"{_checks(frame) if writes else ''}{_doing(frame, desk, one, row, writes, deciding)}</form>"
    )
    if writes:
        _upload(frame, writes)
    if one.history:
        _history(frame, desk, one)


def _words(frame: Frame, desk: ReturnsDesk, one: Return) -> dict[str, str]:
    t = frame.t
    path = one.path or desk.tree.path(one.enterprise)
    first = unit_name(frame, desk, path[0] if path else one.enterprise)
    here = unit_name(frame, desk, one.waits_for or one.top)
    words = {
        key: t(f"returns.checks.{key}")
        for key in (
            "good",
            "blank",
            "hard",
            "soft",
            "explained",
            "note",
            "suspect",
            "suggest",
            "use",
            "running",
            "failed",
            "stop",
            "number",
            "lines",
        )
    }
    words["nosuggest"] = t("returns.checks.suggest.none")
    words["surehard"] = t("returns.sure.hard")
    words["reason"] = t("returns.need.reason")
    for key in ("cell", "what", "fix"):
        words[f"wrong_{key}"] = t(f"returns.wrong.{key}")
    for key in ("submit", "correct"):
        words[f"sure_{key}"] = t("returns.sure.submit", unit=first)
    for key in ("withdraw", "refuse", "publish", "reopen"):
        words[f"sure_{key}"] = t(f"returns.sure.{key}")
    words["sure_approve"] = t("returns.sure.approve", unit=here)
    for key in _ERRORS:
        words[f"err_{key}"] = t(f"returns.err.{key}")
    for key in ("blank", "negative", "not_number", "flag", "too_large", "long_note", "unit"):
        words[f"bad_{key}"] = t(f"returns.bad.{key}")
    return words


def _kept(frame: Frame, writes: str) -> str:
    if not writes:
        return ""
    t = frame.t
    return (
        f'<div class="zz-banner info zr-kept" role="status" hidden><div class="grow"><b>{escape(t("returns.kept"))}</b></div>'
        f'<button type="button" class="zz-btn small" data-zr-do="drop">{escape(t("returns.kept.drop"))}</button></div>'
    )


def _section(frame: Frame, one: Return, kind: str, name: str, keys: tuple[str, ...], found: dict[str, Any]) -> str:
    t = frame.t
    last, year = found["before"]
    end = t("returns.col.why") if kind == "zr-judge" else t("returns.col.note")
    head = "".join(
        f"<span>{escape(words)}{extra}</span>"
        for words, extra in (
            (t("returns.col.line"), ""),
            (t("returns.col.value"), ""),
            (t("returns.col.last"), _of(frame, last)),
            (t("returns.col.year"), _of(frame, year)),
            (end, ""),
        )
    )
    lines = "".join(_line(frame, one, kind, key, found) for key in keys)
    return (
        f'<fieldset class="zz-card zr-part"><legend>{escape(t(f"returns.section.{name}"))}</legend>'
        f'<div class="zr-head" aria-hidden="true">{head}</div>{lines}</fieldset>'
    )


def _of(frame: Frame, one: Before) -> str:
    t = frame.t
    said = f"{one.period}, " + t(f"returns.src.{one.source or 'none'}")
    return f"<small>{escape(said)}</small>"


def _line(frame: Frame, one: Return, kind: str, key: str, found: dict[str, Any]) -> str:
    t = frame.t
    item = items()[key]
    version = one.latest
    filled: Filled | None = found["filled"]
    line = filled.lines[key] if filled is not None else None
    value = version.values.get(key) if version is not None else line.value if line is not None else None
    note = version.notes.get(key, "") if version is not None else ""
    refused = version.refusal.lines.get(key, "") if version is not None and version.refusal is not None else ""
    name, unit = item_name(frame, item), unit_word(frame, item)
    hint = (
        f"<small>{escape(t('returns.flag.yes'))}</small>" if item.over == "flag" else f"<small>{escape(unit)}</small>"
    )
    label = escape(t("returns.value.of", name=name, unit=unit or "1"))
    if kind == "zr-edit":
        text = plain(value, exact=version is not None)
        cell = (
            f'<input class="zz-input num zr-value" id="v-{key}" name="{key}" inputmode="decimal" autocomplete="off" '
            f'value="{escape(text)}" aria-label="{label}" aria-describedby="c-{key}">'
        )
        said = (
            f'<input class="zz-input zr-note" name="note:{key}" maxlength="500" autocomplete="off" value="{escape(note)}" '
            f'placeholder="{escape(t("returns.note.hint"))}" aria-label="{escape(t("returns.note.of", name=name))}">'
        )
    else:
        cell = f'<span class="num zr-shown">{grouped(value)}</span>'
        said = f'<span class="zr-said">{escape(note)}</span>' if note else ""
        if kind == "zr-judge":
            said += (
                f'<input class="zz-input zr-why" name="why:{key}" maxlength="500" autocomplete="off" '
                f'placeholder="{escape(t("returns.why.hint"))}" aria-label="{escape(t("returns.why.of", name=name))}">'
            )
    back = tag("warn", t("returns.refused.line", why=refused)) if refused else ""
    last, year = found["before"]
    return (
        f'<div class="zr-line" id="l-{key}"><div class="zr-name"><label{f" for=v-{key}" if kind == "zr-edit" else ""}>'
        f"{escape(name)}</label> {hint}{_source(frame, one, version, line, key, kind)}{back}</div>"
        f'<div class="zr-cell">{cell}<div class="zr-check" id="c-{key}"></div></div>'
        f'<div class="zr-old num" data-label="{escape(t("returns.col.last"))}">{shown(last.values.get(key))}</div>'
        f'<div class="zr-old num" data-label="{escape(t("returns.col.year"))}">{shown(year.values.get(key))}</div>'
        f'<div class="zr-notes">{said}</div></div>'
    )


def _source(frame: Frame, one: Return, version: Version | None, line: Line | None, key: str, kind: str) -> str:
    """From which facts a value comes, opening down to them; or that a person wrote it."""
    t = frame.t
    kept = version.sources.get(key, {}) if version is not None else {}
    by_hand = kept.get("kinds") == ["person"] or (
        version is not None and not kept and version.values.get(key) is not None and line is not None
    )
    if line is None:
        if not kept:
            return ""
        said = t("returns.from.person") if by_hand else _counted(frame, int(kept.get("count") or 0))
        return f'<span class="zr-from">{escape(said)}</span>'
    words = t("returns.from.left") if line.value is None else _counted(frame, line.count)
    if by_hand:
        words = t("returns.from.person")
    inside = [f"<p>{escape(line.formula(t.lang))}</p>", *(f"<p>! {escape(note)}</p>" for note in line.remarks(t.lang))]
    if line.factors:
        inside.append(f'<p><code class="zz">{escape(", ".join(line.factors))}</code></p>')
    if version is not None and line.value is not None:
        value = version.values.get(key)
        if value is None or abs(value - line.value) > _SAME * max(abs(value), abs(line.value)):
            told = escape(t("returns.from.journal", value=shown(line.value)))
            take = (
                f' <button type="button" class="zz-btn small" data-zr-take="{key}" data-value="{plain(line.value)}">'
                f"{escape(t('returns.from.take'))}</button>"
                if kind == "zr-edit"
                else ""
            )
            inside.append(f"<p>{told}{take}</p>")
    if line.count:
        address = f"/returns?enterprise={quote(one.enterprise, safe='')}&period={one.period}&line={key}"
        inside.append(f'<p><a class="zr-link" href="{escape(address)}">{escape(t("returns.from.facts"))}</a></p>')
    return f'<details class="zr-from"><summary>{escape(words)}</summary>{"".join(inside)}</details>'


def _counted(frame: Frame, count: int) -> str:
    t = frame.t
    if not count:
        return t("returns.from.plant")
    return t("returns.from.one") if count == 1 else t("returns.from", n=t.count(count))


def _checks(frame: Frame) -> str:
    t = frame.t
    return (
        f'<section class="zz-card zr-checks" id="zr-checks" tabindex="-1"><h2 class="zz-h2">{escape(t("returns.checks"))}</h2>'
        f'<div id="zr-verdict" role="status" aria-live="polite"><p class="zz-note">{escape(t("returns.checks.running"))}</p></div></section>'
    )


def _verdict(frame: Frame, found: Checked) -> str:
    """The checks of a version that was submitted, for those who decide on it."""
    t = frame.t
    names = {key: item_name(frame, item) for key, item in items().items()}
    if not found.failed:
        return f'<div class="zz-card">{tag("good", t("returns.checks.good"))}</div>'
    rows = []
    for one in found.failed:
        sign = tag("bad" if one.hard else "warn", one.rule)
        lines = ", ".join(f'<a class="zr-link" href="#l-{key}">{escape(names[key])}</a>' for key in one.lines)
        told = escape(t("returns.checks.explained")) if one.explained else "–"
        rows.append([sign, escape(one.said), lines, told])
    head = [
        (t("returns.checks"), False),
        (t("returns.wrong.what"), False),
        (t("returns.checks.lines"), False),
        (t("returns.col.note"), False),
    ]
    suspects = [
        t("returns.checks.suggest", name=names[key], value=shown(value))
        if value is not None
        else t("returns.checks.suggest.none", name=names[key])
        for key, value in found.suspected.items()
    ]
    under = ""
    if suspects:
        under = f'<p class="zz-note">{escape(t("returns.checks.suspect"))}: {escape("; ".join(suspects))}</p>'
    return f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}{under}</div>'


def _doing(frame: Frame, desk: ReturnsDesk, one: Return, row: Row, writes: str, deciding: Sequence[str]) -> str:
    t = frame.t
    if not writes and not deciding:
        if not row.level and not one.history:
            return ""
        return f'<p class="zz-note">{escape(t("returns.do.none"))}</p>'
    inside = ""
    asks = [step for step in ("correct", "refuse", "reopen", "withdraw") if step == writes or step in deciding]
    if asks:
        words = t(f"returns.reason.{asks[0]}")
        inside += (
            f'<label class="zz-field zr-reason">{escape(words)}<textarea class="zz-input" name="reason" rows="2" '
            f'maxlength="2000"></textarea></label>'
        )
    steps = [writes] if writes else []
    steps += [step for step in ("approve", "publish", "refuse", "reopen", "withdraw") if step in deciding]
    buttons = ""
    for at, step in enumerate(steps):
        look = (
            " primary"
            if at == 0 and step not in ("refuse", "reopen", "withdraw")
            else " danger"
            if step == "refuse"
            else ""
        )
        buttons += (
            f'<button type="{"submit" if step == writes else "button"}" class="zz-btn{look}" data-zr-do="{step}">'
            f"{escape(t(f'returns.do.{step}'))}</button>"
        )
    return (
        f'<section class="zz-card zr-do" aria-label="{escape(t("returns.do"))}"><h2 class="zz-h2">{escape(t("returns.do"))}</h2>'
        f'{inside}<div id="zr-told" role="alert"></div><div class="zz-row">{buttons}</div></section>'
    )


def _upload(frame: Frame, writes: str) -> None:
    t = frame.t
    reason = ""
    if writes == "correct":
        reason = (
            f'<label class="zz-field">{escape(t("returns.reason.correct"))}<input class="zz-input" name="reason" '
            f'maxlength="2000"></label>'
        )
    raw(
        f'<section class="zz-section"><h2 class="zz-h2">{escape(t("returns.upload"))}</h2>'
        f'<form id="zr-upload" class="zz-card"><p class="zz-note" style="margin:0 0 12px">{escape(t("returns.upload.why"))}</p>'
        f'<div class="zz-filter" style="margin:0"><label class="zz-field">{escape(t("returns.upload.file"))}'
        f'<input class="zz-input zr-file" type="file" name="file" accept=".xlsx" required></label>{reason}'
        f'<button class="zz-btn">{escape(t("returns.upload.go"))}</button></div><div id="zr-faults" role="alert"></div></form></section>'
    )


def _history(frame: Frame, desk: ReturnsDesk, one: Return) -> None:
    t = frame.t
    names = {key: item_name(frame, item) for key, item in items().items()}
    rows = []
    for done in reversed(one.history):
        why = [escape(done.reason)] if done.reason else []
        why += [f"<b>{escape(names.get(key, key))}</b>: {escape(text)}" for key, text in done.lines.items()]
        unit = unit_name(frame, desk, done.unit) if done.unit else ""
        role = t.maybe(f"role.{done.role}", done.role)
        rows.append(
            [
                escape(t.time(done.at)),
                f"<b>{escape(done.by)}</b> <span class=dim>{escape(role)}{' · ' if unit else ''}{escape(unit)}</span>",
                escape(t(f"returns.step.{done.kind}")),
                str(done.version),
                "<br>".join(why) or "–",
            ]
        )
    head = [
        (f"{t('returns.history.when')} ({t.zone})", False),
        (t("returns.history.who"), False),
        (t("returns.history.what"), False),
        (t("col.version_no"), True),
        (t("returns.history.why"), False),
    ]
    raw(heading(t("returns.history")))
    raw(f'<div class="zz-card" style="padding:6px 8px" id="zr-history">{short_table(frame, head, rows)}</div>')
    raw(heading(t("returns.versions")))
    for at in range(len(one.versions) - 1, -1, -1):
        raw(_version(frame, one, at, names, is_open=at == len(one.versions) - 1 and at > 0))


def _version(frame: Frame, one: Return, at: int, names: dict[str, str], *, is_open: bool) -> str:
    t = frame.t
    version = one.versions[at]
    title = t("returns.versions.head", n=version.number, by=version.by, at=t.time(version.at))
    if one.published == version.number:
        title += f" · {t('returns.versions.published')}"
    if at == 0:
        told = sum(value is not None for value in version.values.values())
        return fold(title, f'<p class="zz-note">{escape(t("returns.versions.first", n=told))}</p>')
    old = one.versions[at - 1]
    changed = differences(old.values, version.values)
    why = f'<p class="zz-note">{escape(version.reason)}</p>' if version.reason else ""
    if not changed:
        return fold(title, f'{why}<p class="zz-note">{escape(t("returns.versions.same"))}</p>', is_open=is_open)
    head = [
        (t("returns.col.line"), False),
        (t("returns.versions.was"), True),
        (t("returns.versions.now"), True),
        (t("returns.col.note"), False),
    ]
    rows = [
        [
            f"{escape(names[key])} <span class=dim>{escape(unit_word(frame, items()[key]))}</span>",
            grouped(old.values.get(key)),
            f"<b>{grouped(version.values.get(key))}</b>",
            escape(version.notes.get(key, "")) or "–",
        ]
        for key in changed
    ]
    return fold(
        title,
        f'{why}<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>',
        is_open=is_open,
    )


async def facts_page(frame: Frame, desk: ReturnsDesk, actor: Actor, enterprise: str, period: str, key: str) -> None:
    """The facts behind one line."""
    t = frame.t
    if key not in items():
        raise InputError(f'"{key[:60]}" is not an item of the return', fix="use its keys", code="unknown_item")
    name = item_name(frame, items()[key])
    back = link_button(t("returns.facts.back"), frame.link(line=None) + f"#l-{quote(key, safe='')}")
    frame.title(t("returns.facts.title", name=name, period=period), unit_name(frame, desk, enterprise), back)

    def work() -> Any:
        try:
            return facts_behind(desk, actor, enterprise, period, key)
        except (NotAllowed, InputError) as error:
            if error.fault.code not in ("role", "not_own"):
                raise
            return error.fault.code

    def show(found: Any) -> None:
        if isinstance(found, str):
            said = t("returns.facts.not_own" if found == "not_own" else "returns.one.notyours")
            frame.empty(said, t("returns.facts.whose"), link_button(t("returns.back"), "/returns"), "returns")
            return
        if not found.height:
            frame.empty(t("returns.facts.none"), t("returns.facts.none.text"), back, "returns")
            return
        raw(f'<p class="zz-sub" style="margin-bottom:10px">{escape(t("returns.facts.n", n=t.count(found.height)))}</p>')
        if found.height > _SHOWN_FACTS:
            raw(f'<p class="zz-note">{escape(t("returns.facts.most", n=_SHOWN_FACTS))}</p>')
        opens = frame.may(Right.READ) and "account" not in found.columns
        head = [(t.maybe(f"col.{one}", t.maybe(f"returns.fact.{one}", one)), one in _RIGHT) for one in found.columns]
        rows = [
            [_fact_cell(frame, name, value, opens) for name, value in row.items()]
            for row in found.head(_SHOWN_FACTS).iter_rows(named=True)
        ]
        raw(f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>')

    await frame.ready(lambda: facts_behind(desk, actor, enterprise, period, key), show, height=300)


_RIGHT = ("event", "quantity", "value", "good", "scrap", "rework")


def _fact_cell(frame: Frame, name: str, value: Any, opens: bool) -> str:
    if value is None:
        return "–"
    if name == "event":
        return f'<a class="zr-link" href="/journal?event={value}">#{value}</a>' if opens else f"#{value}"
    if name in ("start", "end"):
        return escape(frame.t.time(value))
    if isinstance(value, float):
        return shown(value)
    return escape(str(value))
