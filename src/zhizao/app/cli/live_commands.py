"""`zhizao sense`, `history` and `ledger`: live sources, what they told, and what became of every sample."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhizao.app.cli.options import check_lang, check_workspace, read_time
from zhizao.app.cli.show import say
from zhizao.clock import now
from zhizao.errors import InputError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["add"]

_WORDS = {
    "en": {
        "ok": "ok",
        "warning": "warning",
        "fault": "fault",
        "fix": "fix: ",
        "line": "{source}: received {received} = stored {stored} + rejected {rejected}{reasons} + duplicate {duplicate}",
        "late": "; {late} late",
        "skew": "; clock behind ours by {skew:.0f} ms",
        "unbalanced": "; DOES NOT BALANCE",
        "silent": "not connected: {word}",
        "tags": "{n} tags; zhizao history TAG shows one",
        "none": "no samples in this time",
        "listening": "listening to {names}; Ctrl-C ends",
        "more": "... {n} more; --json prints all",
    },
    "zh": {
        "ok": "正常",
        "warning": "注意",
        "fault": "故障",
        "fix": "改法：",
        "line": "{source}：收到 {received} = 存入 {stored} + 拒收 {rejected}{reasons} + 重复 {duplicate}",
        "late": "；迟到 {late}",
        "skew": "；时钟比本机慢 {skew:.0f} 毫秒",
        "unbalanced": "；收支不平",
        "silent": "未连接：{word}",
        "tags": "共 {n} 个标签；zhizao history 标签 查看一个",
        "none": "这段时间没有样本",
        "listening": "正在接收 {names}；按 Ctrl-C 结束",
        "more": "…… 另有 {n} 行；--json 全部打印",
    },
}
_MOST = 40
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}

Workspace = Annotated[str, typer.Option(help="Folder of the workspace.")]
Lang = Annotated[str | None, typer.Option(help="zh or en.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def sense(
    workspace: Workspace = ".",
    check: Annotated[
        bool, typer.Option("--check", help="Try each end point and say how to mend it; store nothing.")
    ] = False,
    browse: Annotated[str | None, typer.Option(help="Show what this connection offers.")] = None,
    below: Annotated[str, typer.Option(help="With --browse: address to begin at.")] = "",
    for_s: Annotated[
        float | None, typer.Option("--for", help="Seconds to listen; until stopped by default.", min=0)
    ] = None,
    keep_days: Annotated[int | None, typer.Option(help="Days of samples that are kept; all by default.", min=1)] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Listen to the connections that plant.yaml declares, and store what they tell."""
    from zhizao.app import live

    lang = check_lang(lang)
    words = _WORDS[lang]
    plant, place = live.plant_of(check_workspace(workspace)), f"{workspace}/plant.yaml"
    if browse is not None:
        offered = asyncio.run(live.browse(plant, place, browse, below))
        if as_json:
            say(json.dumps([_plain(one) for one in offered], ensure_ascii=False))
        for leaf in offered if not as_json else ():
            say(f"{leaf.name}  {leaf.type}  {leaf.unit}  {leaf.value}  [{leaf.address}]")
        return
    if check:
        found = asyncio.run(live.check(plant, place))
        if as_json:
            say(json.dumps({name: [_plain(one) for one in lines] for name, lines in found.items()}, ensure_ascii=False))
        else:
            for name, lines in found.items():
                for one in lines:
                    say(f"{name}: {words[one.level]}: {one.what}")
                    if one.fix:
                        say(f"    {words['fix']}{one.fix}")
        if any(one.level == "fault" for lines in found.values() for one in lines):
            raise typer.Exit(1)
        return
    if not as_json:
        say(words["listening"].format(names=", ".join(plant.connections)))
    shown = [time.monotonic()]

    def told(healths: Any, account: pl.DataFrame) -> None:
        if not as_json and time.monotonic() - shown[0] >= 10:
            shown[0] = time.monotonic()
            _show_ledger(account, words)
            for name, health in healths.items():
                if not health.connected and health.word:
                    say(f"{name}: {words['silent'].format(word=health.word)}")

    account = live.listen(workspace, plant, for_s=for_s, keep_days=keep_days, told=told)
    if as_json:
        say(_json(account))
    else:
        _show_ledger(account, words)


def ledger(workspace: Workspace = ".", as_json: Json = False, lang: Lang = None) -> None:
    """What became of every sample that a source sent: received = stored + rejected + duplicate."""
    from zhizao.app import live

    words = _WORDS[check_lang(lang)]
    account = live.ledger(check_workspace(workspace))
    if as_json:
        say(_json(account))
    else:
        _show_ledger(account, words)
    if not account["balance"].all():
        raise typer.Exit(3)


def history(
    tag: Annotated[
        str | None, typer.Argument(help="Name of a tag; without it, all tags with their last values.")
    ] = None,
    workspace: Workspace = ".",
    begin: Annotated[
        str | None, typer.Option("--from", help="Time to begin at; an hour before the end by default.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Time to end at; now by default.")] = None,
    every: Annotated[str | None, typer.Option(help="Figures of intervals: 10s, 5min, 1h, 1d.")] = None,
    stale: Annotated[
        str | None, typer.Option(help="A value holds no longer than this without a further sample.")
    ] = None,
    points: Annotated[
        int | None, typer.Option(help="About so many points, extremes never lost; hours where the span is long.")
    ] = None,
    unit: Annotated[str, typer.Option(help="With --points: unit in which values are told.")] = "",
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Samples of a signal, or its figures in intervals, weighed by the time that values held."""
    from zhizao.app import live

    words = _WORDS[check_lang(lang)]
    historian = live.reading(check_workspace(workspace))
    if tag is None:
        _show_table(live.tags(historian), words, as_json)
        if not as_json:
            say(words["tags"].format(n=len(historian.tags)))
        return
    zone = _zone(workspace)
    last = read_time(end, zone, "--to") or now()
    first = read_time(begin, zone, "--from") or last - timedelta(hours=1)
    if points is not None:
        from zhizao.app.trend import ns_of, table, trends

        cards = live.cards_of(workspace)
        drawn = trends(historian, [tag], ns_of(first), ns_of(last), points, units=[unit], cards=cards)
        _show_table(table(drawn), words, as_json)
        return
    found = live.history(
        historian, tag, first, last, _seconds(every, "--every"), stale_s=_seconds(stale, "--stale") or 0.0
    )
    if found.is_empty() and not as_json:
        say(words["none"])
    else:
        _show_table(found, words, as_json)


def _zone(workspace: str) -> str:
    from zhizao.app import live

    try:
        return live.plant_of(workspace).zone
    except InputError:
        return "UTC"


def _seconds(text: str | None, where: str) -> float | None:
    """Seconds of a length such as 5min.

    >>> _seconds("5min", "--every"), _seconds(None, "")
    (300.0, None)
    """
    if text is None:
        return None
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    try:
        length = float(number) * _UNITS[text[len(number) :] or "s"]
    except (ValueError, KeyError):
        length = 0.0
    if not 0 < length < 1e9:
        raise InputError(
            f'"{text}" is not a length of time', where=where, fix="write it as 10s, 5min, 1h or 1d", code="bad_length"
        )
    return length


def _plain(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def _json(frame: pl.DataFrame) -> str:
    import polars as pl

    rows = frame.with_columns(pl.selectors.datetime().dt.to_string("iso:strict")).to_dicts()
    return json.dumps(rows, ensure_ascii=False)


def _show_ledger(account: pl.DataFrame, words: dict[str, str]) -> None:
    for line in account.iter_rows(named=True):
        reasons = f" ({line['reasons']})" if line["reasons"] else ""
        text = words["line"].format(**{**line, "reasons": reasons})
        text += words["late"].format(late=line["late"]) if line["late"] else ""
        text += words["skew"].format(skew=line["skew_ms"]) if abs(line["skew_ms"]) > 2000 else ""
        say(text + ("" if line["balance"] else words["unbalanced"]))


def _show_table(frame: pl.DataFrame, words: dict[str, str], as_json: bool) -> None:
    if as_json:
        say(_json(frame))
        return
    say("  ".join(frame.columns))
    for row in frame.head(_MOST).iter_rows():
        say("  ".join(_cell(value) for value in row))
    if frame.height > _MOST:
        say(words["more"].format(n=frame.height - _MOST))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value.astimezone(UTC).isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)


def workshop(
    plant: Annotated[
        Path | None, typer.Option(help="plant.yaml whose machines are simulated; the sample's by default.")
    ] = None,
    speed: Annotated[float, typer.Option(help="Plant seconds in a second of the clock.", min=0.01, max=1000)] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.", min=0)] = 0,
    extra: Annotated[int, typer.Option(help="Analog signals on top; ten changes a second each.", min=0, max=5000)] = 0,
    opcua: Annotated[int | None, typer.Option(help="Port of an OPC UA server.", min=1, max=65535)] = None,
    modbus: Annotated[int | None, typer.Option(help="Port of a Modbus TCP device.", min=1, max=65535)] = None,
    mtconnect: Annotated[int | None, typer.Option(help="Port of an MTConnect agent.", min=1, max=65535)] = None,
    shdr: Annotated[int | None, typer.Option(help="Port of an SHDR adapter.", min=1, max=65535)] = None,
    mqtt: Annotated[str | None, typer.Option(help="host:port of a broker, for a Sparkplug B edge node.")] = None,
    nodesets: Annotated[Path | None, typer.Option(help="Folder of OPC UA companion nodesets, of your own.")] = None,
    connections: Annotated[
        bool, typer.Option("--connections", help="Print what plant.yaml says of it, at this speed, and end.")
    ] = False,
) -> None:
    """Be a plant to connect to: simulated machines with OPC UA, Modbus TCP, MTConnect, SHDR and Sparkplug B end points."""
    from zhizao.app.live import declared_plant, workshop_connections
    from zhizao.testing.workshop import ends
    from zhizao.testing.workshop.run import run_workshop

    declared = declared_plant(plant)
    ports = {"opcua": opcua, "modbus": modbus, "mtconnect": mtconnect, "shdr": shdr}
    if not any(ports.values()) and mqtt is None:
        ports["opcua"] = 4840
    if connections:
        from zhizao.testing.workshop.plant import Workshop

        machines = ends.cycles(Workshop(declared, seed=seed), speed)
        say(ends.told_as_yaml(workshop_connections(declared, ports, mqtt), machines).rstrip())
        return
    made: list[Any] = []
    if ports["opcua"]:
        from zhizao.testing.workshop.opcua_server import OpcuaServer

        made.append(OpcuaServer(ports["opcua"], nodesets=nodesets))
    made += [getattr(ends, kind)(port) for kind, port in ports.items() if port and kind != "opcua"]
    if mqtt is not None:
        host, port = _address(mqtt)
        made.append(ends.Edge(host, port))
    run_workshop(declared, speed, seed, made, extra=extra, told=say)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError(
            f'"{text}" is not host:port', where="--mqtt", fix="write it as 127.0.0.1:1883", code="bad_address"
        )
    return host, int(port)


def add(app: typer.Typer) -> None:
    """Put the commands into the tree."""
    app.command()(sense)
    app.command()(ledger)
    app.command()(history)
    app.command()(workshop)
