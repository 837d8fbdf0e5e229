"""`zhizao alarms`: the list, acknowledging, shelving and the like, history, health figures, trying a setting."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer

from zhizao.app.cli.options import check_lang, check_workspace, read_time
from zhizao.app.cli.show import say
from zhizao.errors import InputError

__all__ = ["app"]

app = typer.Typer(
    help="Alarms by ISA-18.2: list, acknowledge, shelve, history, figures, try a setting. 报警。", no_args_is_help=True
)
_WORDS = {
    "en": {
        "none": "no alarms here",
        "done": "{alarm}: {state}",
        "many": "{n} alarms from {begin} to {end}, {operators} operator(s)",
        "figure": "{verdict:5} {key:13} {value:>10} {unit}  (target {target}{most})",
        "upto": ", manageable {most}",
        "top": "  {times:6}  {alarm}{chatter}",
        "chatter": "  ({n} of them in chatter)",
        "try": "{alarm}, {samples} samples: {before} alarms -> {after}; in chatter {chatter_before} -> {chatter_after}",
        "found": "true events {events}: told of {detected_before} -> {detected_after}; lost {lost}, won {won}; "
        "mean delay {delay} s, greatest {delay_max} s",
        "change": "  {key}: {now} -> {proposed}",
        "same": "no setting is better than the present one",
        "set": "set; zhizao sense follows within a second",
    },
    "zh": {
        "none": "没有报警",
        "done": "{alarm}：{state}",
        "many": "{begin} 至 {end} 共 {n} 次报警，操作员 {operators} 人",
        "figure": "{verdict:5} {key:13} {value:>10} {unit}  （目标 {target}{most}）",
        "upto": "，可管理 {most}",
        "top": "  {times:6}  {alarm}{chatter}",
        "chatter": "  （其中 {n} 次为颤振）",
        "try": "{alarm}，{samples} 个样本：报警 {before} -> {after}；颤振 {chatter_before} -> {chatter_after}",
        "found": "真实事件 {events}：提示 {detected_before} -> {detected_after}；丢失 {lost}，新增 {won}；"
        "平均推迟 {delay} 秒，最长 {delay_max} 秒",
        "change": "  {key}：{now} -> {proposed}",
        "same": "没有比现在更好的设置",
        "set": "已设置；zhizao sense 一秒内生效",
    },
}
Workspace = Annotated[str, typer.Option(help="Folder of the workspace.")]
Lang = Annotated[str | None, typer.Option(help="zh or en.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Alarms = Annotated[list[str], typer.Argument(help="Ids of alarms.")]
Comment = Annotated[str, typer.Option(help="Why.")]
By = Annotated[str, typer.Option(help="Who does it; the name of the account by default.")]


def _who(by: str) -> str:
    import getpass

    if by:
        return by[:100]
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "command line"


def _json(rows: Any) -> str:
    return json.dumps(rows, ensure_ascii=False, default=lambda one: one.isoformat())


def _times(workspace: str, begin: str | None, end: str | None) -> tuple[datetime | None, datetime | None]:
    from zhizao.app.alarm_book import book

    zone = book(workspace).plant.zone
    return read_time(begin, zone, "--from"), read_time(end, zone, "--to")


@app.command("list")
def list_(
    workspace: Workspace = ".",
    show: Annotated[str, typer.Option(help="open, unacked, active, shelved, suppressed or all.")] = "open",
    find: Annotated[str, typer.Option(help="Text that id, signal, machine or message holds.")] = "",
    as_of: Annotated[str | None, typer.Option(help="As it was known at this time.")] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Alarms that stand, those that nobody has acknowledged first."""
    from zhizao.app import alarm_desk

    words = _WORDS[check_lang(lang)]
    time, _ = _times(check_workspace(workspace), as_of, None)
    rows = alarm_desk.listing(workspace, show, find, time).to_dicts()
    if as_json:
        say(_json(rows))
        return
    if not rows:
        say(words["none"])
    for row in rows:
        at = row["raised_at"].isoformat(timespec="seconds") if row["raised_at"] else "-"
        who = " ".join(x for x in (row["acked_by"], row["assigned"] and f"-> {row['assigned']}") if x)
        say(f"P{row['priority']} {row['state']:15} {at}  {row['alarm']}  {row['message']}  {who}".rstrip())


def _done(workspace: str, action: str, alarms: list[str], by: str, lang: str | None, **more: Any) -> None:
    from zhizao.app import alarm_desk

    words = _WORDS[check_lang(lang)]
    for row in alarm_desk.act(check_workspace(workspace), action, alarms, _who(by), **more):
        say(words["done"].format(**row))


@app.command()
def ack(alarms: Alarms, workspace: Workspace = ".", comment: Comment = "", by: By = "", reset: Annotated[bool, typer.Option("--reset", help="Reset latched alarms instead.")] = False, lang: Lang = None) -> None:  # fmt: skip
    """Acknowledge alarms: they were seen, and somebody acts."""
    _done(workspace, "reset" if reset else "acknowledge", alarms, by, lang, comment=comment)


@app.command()
def shelve(alarms: Alarms, minutes: Annotated[float, typer.Option(help="For how long; at most a day.")], comment: Comment, workspace: Workspace = ".", by: By = "", lang: Lang = None) -> None:  # fmt: skip
    """Put alarms aside for a time; then they come back by themselves."""
    _done(workspace, "shelve", alarms, by, lang, comment=comment, minutes=minutes)


@app.command()
def unshelve(alarms: Alarms, workspace: Workspace = ".", comment: Comment = "", by: By = "", lang: Lang = None) -> None:
    """Take alarms back before their time."""
    _done(workspace, "unshelve", alarms, by, lang, comment=comment)


@app.command()
def assign(alarms: Alarms, to: Annotated[str, typer.Option(help="To whom; nobody when empty.")], workspace: Workspace = ".", comment: Comment = "", by: By = "", lang: Lang = None) -> None:  # fmt: skip
    """Say who takes alarms on."""
    _done(workspace, "assign", alarms, by, lang, comment=comment, to=to)


@app.command()
def suppress(alarms: Alarms, workspace: Workspace = ".", comment: Comment = "", end: Annotated[bool, typer.Option("--end", help="Bring them back into service.")] = False, by: By = "", lang: Lang = None) -> None:  # fmt: skip
    """Take alarms out of service, or bring them back."""
    _done(workspace, "unsuppress" if end else "suppress", alarms, by, lang, comment=comment)


@app.command()
def history(
    alarm: Annotated[str, typer.Argument(help="Id; all by default.")] = "",
    workspace: Workspace = ".",
    begin: Annotated[str | None, typer.Option("--from", help="Time to begin at.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Time to end at.")] = None,
    as_json: Json = False,
) -> None:
    """What happened to an alarm, and who did it; newest first."""
    from zhizao.app import alarm_desk

    first, last = _times(check_workspace(workspace), begin, end)
    rows = alarm_desk.history_of(workspace, alarm, first, last)
    if as_json:
        say(_json(rows))
        return
    for row in rows:
        text = " ".join(str(x) for x in (row["value"], row["to"], row["comment"], row["settings"] or "") if x)
        say(
            f"{row['at'].isoformat(timespec='milliseconds')}  {row['what']:13} {row['alarm']}  {row['by']}  {text}".rstrip()
        )


@app.command()
def figures(
    workspace: Workspace = ".",
    begin: Annotated[str | None, typer.Option("--from", help="Time to begin at; 30 days ago by default.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Time to end at; now by default.")] = None,
    operators: Annotated[int, typer.Option(help="Operators; as plant.yaml says by default.", min=0)] = 0,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Health of the alarm system against the targets of ISA-18.2 and IEC 62682."""
    from zhizao.app import alarm_desk

    words = _WORDS[check_lang(lang)]
    first, last = _times(check_workspace(workspace), begin, end)
    found = alarm_desk.figures(workspace, first, last, operators)
    if as_json:
        say(_json(found))
        return
    times = {"begin": found["from"].isoformat(timespec="minutes"), "end": found["to"].isoformat(timespec="minutes")}
    say(words["many"].format(n=found["alarms"], operators=found["operators"], **times))
    for one in found["figures"]:
        value = "-" if one["value"] is None else f"{one['value']:.4g}"
        most = "" if one["most"] is None else words["upto"].format(most=f"{one['most']:g}")
        say(words["figure"].format(**one | {"value": value, "target": f"{one['target']:g}", "most": most}))
    for one in found["top"]:
        rattle = words["chatter"].format(n=one["chatter"]) if one["chatter"] else ""
        say(words["top"].format(**one | {"chatter": rattle}))


@app.command("try")
def try_(
    alarm: Annotated[str, typer.Argument(help="Id of the alarm.")],
    workspace: Workspace = ".",
    limit: Annotated[float | None, typer.Option(help="Proposed limit.")] = None,
    deadband: Annotated[float | None, typer.Option(help="Proposed deadband.", min=0)] = None,
    on_delay: Annotated[float | None, typer.Option(help="Proposed on-delay, s.", min=0)] = None,
    off_delay: Annotated[float | None, typer.Option(help="Proposed off-delay, s.", min=0)] = None,
    priority: Annotated[int | None, typer.Option(help="Proposed priority.", min=1, max=4)] = None,
    search: Annotated[bool, typer.Option("--search", help="Look for deadband and delays that remove chatter.")] = False,
    begin: Annotated[str | None, typer.Option("--from", help="History to begin at; a week by default.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="History to end at.")] = None,
    hold: Annotated[float, typer.Option(help="Seconds beyond the limit that make a true violation.", min=0)] = 60.0,
    lead: Annotated[float, typer.Option(help="Seconds before an event in which an alarm tells of it.", min=0)] = 600.0,
    event: Annotated[str, typer.Option(help="Signal, or SIGNAL=TEXT, that is true in a stop.")] = "",
    set_: Annotated[str, typer.Option("--set", help="Set it, with this reason.")] = "",
    by: By = "",
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Show what a proposed setting would have done on recorded history; with --set, set it."""
    from zhizao.app import alarm_desk

    words = _WORDS[check_lang(lang)]
    first, last = _times(check_workspace(workspace), begin, end)
    proposed = {
        "limit": limit,
        "deadband": deadband,
        "on_delay_s": on_delay,
        "off_delay_s": off_delay,
        "priority": priority,
    }
    tag, _, text = event.partition("=")
    if search and any(value is not None for value in proposed.values()):
        raise InputError("--search finds the setting itself", fix="leave out the settings", code="bad_setting")
    found = alarm_desk.try_alarm(workspace, alarm, proposed, begin=first, end=last, hold_s=hold, lead_s=lead, event=tag, event_text=text, search=search)  # fmt: skip
    if set_ and found["changes"]:
        alarm_desk.set_alarm(workspace, alarm, found["changes"], _who(by), set_)
    if as_json:
        say(_json(found))
        return
    told = found["effect"]
    say(words["try"].format(alarm=alarm, samples=found["samples"], **told))
    delay = {key: "-" if told[f"{key}_s"] is None else f"{told[f'{key}_s']:.3g}" for key in ("delay", "delay_max")}
    say(words["found"].format(**told | delay))
    for key, value in found["changes"].items():
        say(words["change"].format(key=key, now=found["settings"][key]["now"], proposed=value))
    if not found["changes"]:
        say(words["same"])
    elif set_:
        say(words["set"])
