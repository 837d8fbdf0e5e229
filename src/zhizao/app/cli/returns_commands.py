"""`zhizao return` and `zhizao facts`: a plant's monthly return from its own journal, and meters and accounts into it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhizao.app.cli.options import check_lang, check_workspace, read_time
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.app.returns_desk import ReturnsDesk
    from zhizao.programme.returns import Actor, Filled, Return

__all__ = ["add"]

_ROLES = ("reporter", "reviewer", "manager", "admin")
_WORDS = {
    "en": {
        "head": "return of {name} ({enterprise}) for {period}: {filled} of {all} lines filled from the journal",
        "events": "{kinds}: {count} events, #{first} to #{last}",
        "declared": "{kinds}",
        "left": "left to a person: {why}",
        "factor": "factor {name}: {value:g} {to}/{per}, {year} ({source})",
        "state": "state: {state}{waits}; due {due}",
        "open": "state: {state}",
        "waits": ", waits for {unit}",
        "form": "form to fill in: {path}",
        "took": "version {version} of {enterprise} for {period} {done} by {by}; {state}{waits}",
        "account": "{file}: {kind}: read {read} = stored {stored} + rejected {rejected} + duplicate {duplicate}",
        "superseding": "  of the stored, {n} correct earlier ones; both stay visible",
        "fault": "  row {row}, {column}: {what}; {fix}",
        "more": "  ... and {n} more",
    },
    "zh": {
        "head": "{name}（{enterprise}）{period} 报表：{all} 行中有 {filled} 行由台账填出",
        "events": "{kinds}：{count} 个事件，#{first} 至 #{last}",
        "declared": "{kinds}",
        "left": "由人填报：{why}",
        "factor": "系数 {name}：{value:g} {to}/{per}，{year}（{source}）",
        "state": "状态：{state}{waits}；截止 {due}",
        "open": "状态：{state}",
        "waits": "，待 {unit} 处理",
        "form": "待填写的表格：{path}",
        "took": "{enterprise} {period} 第 {version} 版已由 {by} {done}；{state}{waits}",
        "account": "{file}：{kind}：读入 {read} = 存入 {stored} + 拒收 {rejected} + 重复 {duplicate}",
        "superseding": "  存入的行中有 {n} 行更正了先前的行，两个版本都可查看",
        "fault": "  第 {row} 行，{column}：{what}；{fix}",
        "more": "  …… 另有 {n} 处",
    },
}
_STATES = {
    "open": "未报",
    "submitted": "已报送",
    "refused": "已退回",
    "withdrawn": "已撤回",
    "approved": "已审定",
    "published": "已发布",
    "reopened": "已重开",
}
_DONE = {
    "submit": ("submitted", "报送"),
    "correct": ("corrected", "更正"),
    "withdraw": ("withdrawn", "撤回"),
    "refuse": ("refused", "退回"),
    "approve": ("approved", "审核通过"),
    "publish": ("published", "发布"),
    "reopen": ("re-opened", "重开"),
}
_KINDS = {"metered": ("readings", "表计读数"), "accounts.closed": ("accounts", "账户")}
_MOST_FAULTS = 10


def return_command(
    period: Annotated[str, typer.Option(help="Month of the return: 2025-06.")] = "",
    workspace: Annotated[str, typer.Option(help="Folder of the workspace, or a database URL.")] = "workspace",
    out: Annotated[
        Path | None, typer.Option(help="Write the Excel form here, filled in as far as events tell.")
    ] = None,
    submit: Annotated[Path | None, typer.Option(help="Submit this form, or correct what was refused.")] = None,
    step: Annotated[
        str, typer.Option(help="withdraw, refuse, approve, publish or reopen the return of --period.")
    ] = "",
    name: Annotated[str, typer.Option("--as", help="Who acts: a name that stays with the step.")] = "",
    role: Annotated[str, typer.Option(help="Their role: reporter, reviewer, manager or admin.")] = "reporter",
    unit: Annotated[
        str | None, typer.Option(help="Their unit in units.yaml; the plant's enterprise by default.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; a correction, a refusal and re-opening need it.")] = "",
    line: Annotated[
        list[str] | None, typer.Option(help="With --step refuse: KEY=REASON of a line; may be repeated.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="As the journal stood at this time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
) -> None:
    """Say for each line of a month's return from which events it comes, write its form, submit one, or decide on it."""
    from zhizao import clock
    from zhizao.app.returns_desk import ReturnsDesk
    from zhizao.record import Workspace

    lang = check_lang(lang)
    if submit is None and not period:
        raise InputError("which month?", where="--period", fix="write --period 2025-06", code="bad_period")
    if sum((submit is not None, out is not None, bool(step))) > 1:
        raise InputError("a form is written, or submitted, or decided on", where="--submit", fix="one at a time")
    with Workspace.open(check_workspace(workspace), create=False) as place:
        desk = ReturnsDesk.of_workspace(place)
        if submit is not None:
            actor = _actor(desk, name, role, unit)
            _told(
                desk.take_form(actor, _bytes(submit), at=clock.now(), name=submit.name, period=period, reason=reason),
                lang,
                as_json,
            )
            return
        if step:
            _told(_decide(desk, step, period, _actor(desk, name, role, unit), reason, line or []), lang, as_json)
            return
        with progress_bar(lang=lang) as progress:
            progress("reading the journal", 0.0)
            found = desk.fill(period, read_time(as_of, place.plant.zone, "--as-of"))
            progress("reading the journal", 1.0)
        if out is not None:
            from zhizao.programme.returns import write_form
            from zhizao.record.whole import write_whole

            own = _own(desk)
            one = desk.tree.units[own]
            data = write_form(own, (one.zh, one.en), period, lines=found.lines, made_at=clock.now(), lang=lang)
            write_whole(out, data)
        if as_json:
            say(json.dumps(_as_json(desk, found, lang), ensure_ascii=False, indent=2))
            return
        _show(desk, found, lang)
        if out is not None:
            say(_WORDS[lang]["form"].format(path=out))


def _own(desk: ReturnsDesk) -> str:
    if not desk.own:
        raise InputError(
            "plant.yaml does not say whose return this is",
            fix="write enterprise: <an id of units.yaml> into plant.yaml",
            code="not_own",
        )
    return desk.own


def _actor(desk: ReturnsDesk, name: str, role: str, unit: str | None) -> Actor:
    from zhizao.programme.returns import Actor

    if not name.strip():
        raise InputError("nobody is named who acts", where="--as", fix="write --as and a name", code="nobody")
    if role not in _ROLES:
        raise InputError(f'"{role}" takes no steps', where="--role", fix=f"write {', '.join(_ROLES)}", code="bad_role")
    return Actor(name=name.strip(), role=role, unit=_own(desk) if unit is None else unit)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(
            f"the form cannot be read ({error.strerror})", where=str(file), fix="check the name", code="no_file"
        ) from error


def _decide(desk: ReturnsDesk, step: str, period: str, actor: Actor, reason: str, lines: list[str]) -> Return:
    from zhizao import clock

    own, at = _own(desk), clock.now()
    if step == "refuse":
        pairs = [text.partition("=") for text in lines]
        return desk.refuse(actor, own, period, at=at, lines={key: why for key, _, why in pairs}, reason=reason)
    if step == "approve":
        return desk.approve(actor, own, period, at=at, reason=reason)
    if step == "publish":
        return desk.publish(actor, own, period, at=at)
    if step == "reopen":
        return desk.reopen(actor, own, period, at=at, reason=reason)
    if step == "withdraw":
        return desk.withdraw(actor, own, period, at=at, reason=reason)
    known = "withdraw, refuse, approve, publish or reopen"
    raise InputError(f'"{step}" is no step', where="--step", fix=f"write {known}", code="bad_step")


def _told(one: Return, lang: str, as_json: bool) -> None:
    done = one.history[-1]
    if as_json:
        told = {"enterprise": one.enterprise, "period": one.period, "state": one.state.value}
        say(json.dumps({**told, "version": done.version, "waits_for": one.waits_for}, ensure_ascii=False, indent=2))
        return
    words = _WORDS[lang]
    say(
        words["took"].format(
            version=done.version,
            enterprise=one.enterprise,
            period=one.period,
            done=_DONE[done.kind][1 if lang == "zh" else 0],
            by=done.by,
            state=_state(one, lang),
            waits=words["waits"].format(unit=one.waits_for) if one.waits_for else "",
        )
    )


def _state(one: Return, lang: str) -> str:
    return _STATES[one.state.value] if lang == "zh" else one.state.value


def _show(desk: ReturnsDesk, found: Filled, lang: str) -> None:
    from zhizao.programme.items import items

    words = _WORDS[lang]
    unit = desk.tree.units.get(desk.own)
    name = (unit.zh if lang == "zh" else unit.en) if unit is not None else desk.plant.name
    say(
        words["head"].format(
            name=name, enterprise=desk.own or "-", period=found.period, filled=found.filled, all=len(found.lines)
        )
    )
    for key, line in found.lines.items():
        item = items()[key]
        title = f"{key} ({item.zh if lang == 'zh' else item.en})"
        if line.value is None:
            say(f"  {title}: {words['left'].format(why=line.formula(lang))}")
            continue
        say(f"  {title}: {line.value:,.10g} {line.unit}")
        kinds = ", ".join(line.kinds)
        told = words["events" if line.count else "declared"]
        say(
            f"      {told.format(kinds=kinds, count=line.count, first=line.first, last=line.last)}; {line.formula(lang)}"
        )
        for remark in line.remarks(lang):
            say(f"      ! {remark}")
    for one in found.factors:
        say("  " + words["factor"].format(**{**one.model_dump(), "name": one.name}))
    say(_where(desk, found.period, lang))


def _where(desk: ReturnsDesk, period: str, lang: str) -> str:
    from zoneinfo import ZoneInfo

    from zhizao.programme.returns import Return, deadline

    words = _WORDS[lang]
    one = desk.all().get((desk.own, period), Return(desk.own, period))
    until = deadline(one, desk.tree)
    if until is None:
        return words["open"].format(state=_state(one, lang))
    due = until.astimezone(ZoneInfo(desk.tree.zone))
    waits = words["waits"].format(unit=one.waits_for)
    return words["state"].format(state=_state(one, lang), waits=waits, due=f"{due:%Y-%m-%d %H:%M}")


def _as_json(desk: ReturnsDesk, found: Filled, lang: str) -> dict[str, Any]:
    from zhizao.app.returns_answers import filled_answer
    from zhizao.programme.returns import Return

    one = desk.all().get((desk.own, found.period), Return(desk.own, found.period))
    return {"enterprise": desk.own, "state": one.state.value, **filled_answer(found, lang)}


def facts(
    files: Annotated[list[Path], typer.Argument(help="CSV or Excel files of meter readings or closed accounts.")],
    workspace: Annotated[str, typer.Option(help="Folder of the workspace, or a database URL.")] = "workspace",
    max_rejected: Annotated[
        float, typer.Option(help="Share of rejected rows above which nothing is taken.", min=0, max=1)
    ] = 0.2,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
) -> None:
    """Record readings of meters (electricity, gas, water, waste) and closed accounts; says which a file holds."""
    from zhizao import clock
    from zhizao.app.facts import import_facts
    from zhizao.record import Workspace

    lang = check_lang(lang)
    words, at = _WORDS[lang], 1 if lang == "zh" else 0
    with Workspace.open(workspace) as place:
        for file in files:
            with progress_bar(lang=lang) as progress:
                done = import_facts(place, file, now=clock.now(), max_rejected=max_rejected, progress=progress)
            receipt = done.receipt
            say(
                words["account"].format(
                    file=file.name,
                    kind=_KINDS[done.reading.kind.value][at],
                    read=receipt.read,
                    stored=receipt.stored,
                    rejected=receipt.rejected,
                    duplicate=receipt.duplicate,
                )
            )
            if receipt.superseding:
                say(words["superseding"].format(n=receipt.superseding))
            rejected = done.reading.rejected
            for row in rejected.head(_MOST_FAULTS).iter_rows(named=True):
                say(words["fault"].format(**row))
            if rejected.height > _MOST_FAULTS:
                say(words["more"].format(n=rejected.height - _MOST_FAULTS))


def add(app: typer.Typer) -> None:
    """Put the commands of this module on the tree."""
    app.command("return")(return_command)
    app.command()(facts)
