"""`zhizao live` and `zhizao stop`: figures, states, stops and orders of machines as their signals tell them."""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhizao.app.cli.options import check_lang, check_workspace, read_time
from zhizao.app.cli.show import say

if TYPE_CHECKING:
    from datetime import datetime

    from zhizao.app.live_states import View

__all__ = ["add"]

app = typer.Typer(
    help="Machines as their signals tell them: figures, states, stops, orders, shifts.", no_args_is_help=True
)
stop_app = typer.Typer(help="Say why a machine stood still, and see what was said.", no_args_is_help=True)

Workspace = Annotated[str, typer.Option(help="Folder of the workspace.")]
Machine = Annotated[str | None, typer.Option("--machine", help="Only this machine.")]
From = Annotated[str | None, typer.Option("--from", help="Time to begin at.")]
To = Annotated[str | None, typer.Option("--to", help="Time to end at; now by default.")]
Shift = Annotated[str | None, typer.Option(help="A shift: now, a name for its last one, or 2026-11-26/name.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="With what was said of stops until this time.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Lang = Annotated[str | None, typer.Option(help="zh or en.")]


def _view(
    workspace: str, machine: str | None, begin: str | None, end: str | None, shift: str | None, as_of: str | None
) -> View:
    from zhizao.app import live_spans, live_states

    zone = live_spans.declared(check_workspace(workspace)).zone
    times: list[datetime | None] = [
        read_time(text, zone, name) for text, name in ((begin, "--from"), (end, "--to"), (as_of, "--as-of"))
    ]
    return live_states.view(workspace, machine=machine, begin=times[0], end=times[1], shift=shift, as_of=times[2])


@app.command()
def oee(
    workspace: Workspace = ".",
    machine: Machine = None,
    begin: From = None,
    end: To = None,
    shift: Shift = None,
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Times and figures of ISO 22400-2, OEE with the losses that lie between it and 1; the running shift by default."""
    from zhizao.app import live_answers

    lang = check_lang(lang)
    found = live_answers.plain(_view(workspace, machine, begin, end, shift, as_of))
    found.pop("stops")
    if as_json:
        say(json.dumps(found, ensure_ascii=False))
        return
    from zhizao.account.words import name_of
    from zhizao.app.texts import Words

    t = Words(lang, "UTC")
    say(f"{found['begin']} - {found['end']}  {found['shift'] or ''}".rstrip())
    for one in [*found["machines"], {"machine": t("floor.plant"), **found["plant"]}]:
        say("")
        state = ": " + t(f"floor.state.{one['state']}") if "state" in one else ""
        say(f"{one['machine']}{state}  {one.get('order', '')}".rstrip())
        for key in ("availability", "effectiveness", "quality_ratio", "oee"):
            value = one["figures"][key]
            said = "-" if value is None else t.percent(value, 1)
            say(
                f"  {name_of(key, 'zh' if lang == 'zh' else 'en')}: {said}"
                + (f"  ({one['reasons'][key]})" if value is None else "")
            )
        for loss in one["losses"]:
            why = f" ({loss['reason']})" if loss["reason"] else ""
            say("  - " + t(f"floor.loss.{loss['key']}") + f"{why}: {t.percent(loss['share'], 1)}")
        if one["hours"]["SILENT"]:
            say(f"  {t('floor.state.silent')}: {t.seconds(one['hours']['SILENT'] * 3600)}")


@app.command()
def states(
    workspace: Workspace = ".",
    machine: Machine = None,
    begin: From = None,
    end: To = None,
    shift: Shift = None,
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """States of machines, one line each time that a state, an order or a reason changes."""
    from zhizao.app import live_answers

    check_lang(lang)
    found = _view(workspace, machine, begin, end, shift, as_of)
    rows = [{"machine": one.machine, **row} for one in found.machines for row in live_answers.intervals(one)]
    _table(rows, as_json)


@app.command()
def stops(
    workspace: Workspace = ".",
    machine: Machine = None,
    begin: From = None,
    end: To = None,
    shift: Shift = None,
    as_of: AsOf = None,
    micro: Annotated[bool, typer.Option("--micro", help="Each micro-stop by itself.")] = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Stops with their reasons; micro-stops of a machine as one line."""
    from zhizao.app import live_answers

    check_lang(lang)
    _table(live_answers.plain(_view(workspace, machine, begin, end, shift, as_of), micro=micro)["stops"], as_json)


@app.command()
def orders(workspace: Workspace = ".", machine: Machine = None, as_json: Json = False, lang: Lang = None) -> None:
    """Orders at the machines now: pieces, what is wanted, when it will be done (nine of ten times between two times)."""
    from zhizao.app import live_orders

    check_lang(lang)
    _table(live_orders.orders(check_workspace(workspace), machine), as_json)


@app.command()
def shifts(
    workspace: Workspace = ".",
    days: Annotated[int, typer.Option(help="How far back.", min=1, max=62)] = 7,
    machine: Machine = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """The shift book: figures, stops and notes of the last shifts."""
    from zhizao.app import live_answers

    lang = check_lang(lang)
    found = live_answers.shift_book(check_workspace(workspace), days, machine)
    if as_json:
        say(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        value = one["figures"]["oee"]
        say(f"{one['shift']}  OEE {'-' if value is None else f'{value:.1%}'}  {one['stops']}")
        for line in one["notes"]:
            say(f"    {line['by']}: {line['text']}")


@app.command()
def note(
    shift: Annotated[str, typer.Argument(help="A shift: now, a name for its last one, or 2026-11-26/name.")],
    text: Annotated[str, typer.Argument(help="What is to be known.")],
    workspace: Workspace = ".",
    who: Annotated[str | None, typer.Option("--who", help="Who says so; you by default.")] = None,
    as_json: Json = False,
) -> None:
    """Write a note into the shift book; it stays as written."""
    from zhizao.app import live_acts

    made = live_acts.note(check_workspace(workspace), shift, text, who=who or getpass.getuser())
    _table([made], as_json)


@stop_app.command()
def classify(
    machine: Annotated[str, typer.Argument(help="Machine.")],
    begin: Annotated[str, typer.Argument(help="A time within the stop, as in `zhizao live stops`.")],
    reason: Annotated[str, typer.Argument(help="Key of the reason; `zhizao stop reasons` lists them.")],
    workspace: Workspace = ".",
    end: Annotated[
        str | None, typer.Option("--to", help="End of the part that is meant; the stop's by default.")
    ] = None,
    comment: Annotated[str, typer.Option(help="What else is to be known.")] = "",
    who: Annotated[str | None, typer.Option("--who", help="Who says so; you by default.")] = None,
    as_json: Json = False,
) -> None:
    """Say why a machine stood still, also later; figures follow, and what was said before is kept."""
    from zhizao.app import live_acts, live_spans

    zone = live_spans.declared(check_workspace(workspace)).zone
    first = read_time(begin, zone, "BEGIN")
    assert first is not None
    told = live_acts.classify(
        workspace,
        machine,
        first,
        reason,
        who=who or getpass.getuser(),
        end=read_time(end, zone, "--to"),
        comment=comment,
    )
    _table([told], as_json)


@stop_app.command(name="history")
def history_(
    machine: Annotated[str, typer.Argument(help="Machine.")], workspace: Workspace = ".", as_json: Json = False
) -> None:
    """All that was said of the stops of a machine, oldest first."""
    from zhizao.app import live_said

    _table(live_said.history(check_workspace(workspace), machine), as_json)


@stop_app.command()
def reasons(workspace: Workspace = ".", as_json: Json = False) -> None:
    """Reasons that a stop may have."""
    from zhizao.app import live_said

    _table(live_said.reasons(check_workspace(workspace)), as_json)


def _table(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        say(json.dumps(rows, ensure_ascii=False))
        return
    if rows:
        say("  ".join(rows[0]))
    for row in rows:
        say("  ".join(_cell(value) for value in row.values()))


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def add(tree: typer.Typer) -> None:
    """Put the commands into the tree."""
    tree.add_typer(app, name="live")
    tree.add_typer(stop_app, name="stop")
