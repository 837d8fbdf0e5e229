"""Live sources behind command line, routes and pages: listening, the loss account, what was measured."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from zhizao.clock import now
from zhizao.errors import InputError, ZhizaoError
from zhizao.record import read_plant, write_whole
from zhizao.record.workspace import PLANT

if TYPE_CHECKING:
    from zhizao.app.herald import Herald
    from zhizao.app.live_links import Links
    from zhizao.model import Keeping, Plant, Samples, TagCard
    from zhizao.record.historian import Historian
    from zhizao.sense.connection import Browsed, Finding
    from zhizao.sense.supervisor import Health

__all__ = [
    "HEALTH",
    "browse",
    "cards_of",
    "check",
    "declared_plant",
    "health",
    "history",
    "ledger",
    "listen",
    "plant_of",
    "reading",
    "tags",
    "workshop_connections",
]

SIGNALS = "signals"
"""Folder of the historian in a workspace."""
HEALTH = "health.json"
"""How the connections are, written once a second by whoever listens."""


_READERS: dict[str, Historian] = {}
"""One reader of each workspace for all pages and requests of this process; it reads on where it stopped."""


def plant_of(workspace: str) -> Plant:
    """The plant that a workspace declares, with its connections.

    Parameters
    ----------
    workspace : folder

    Raises
    ------
    InputError : there is no plant.yaml, or it declares no connection
    """
    file = Path(workspace) / PLANT
    if not file.exists():
        raise InputError(
            "there is no plant.yaml here",
            where=workspace,
            fix="write one with `connections:`, see docs/sense.md",
            code="no_plant",
        )
    plant = read_plant(file)
    if not plant.connections:
        raise InputError(
            "plant.yaml declares no connections",
            where=str(file),
            fix="add `connections:`, see docs/sense.md",
            code="no_connections",
        )
    return plant


def cards_of(workspace: str) -> Mapping[str, TagCard]:
    """What plant.yaml says of tags; nothing where there is none.

    Parameters
    ----------
    workspace : folder
    """
    file = Path(workspace) / PLANT
    return read_plant(file).tags if file.exists() else {}


def declared_plant(file: Path | None) -> Plant | None:
    """The plant that a file declares; None without a file."""
    return None if file is None else read_plant(file)


def workshop_connections(
    plant: Plant | None, ports: Mapping[str, int | None], mqtt: str | None
) -> dict[str, dict[str, Any]]:
    """Connections that reach a workshop on this machine, as they stand in plant.yaml.

    Parameters
    ----------
    plant : whose machines it simulates
    ports : by kind; None where there is no such end point
    mqtt : `host:port` of its broker
    """
    from zhizao.testing.workshop.modbus_server import ModbusServer
    from zhizao.testing.workshop.plant import Workshop

    found: dict[str, dict[str, Any]] = {}
    if ports.get("opcua"):
        found["opcua"] = {"kind": "opcua", "url": f"opc.tcp://127.0.0.1:{ports['opcua']}"}
    if ports.get("modbus"):
        found["modbus"] = ModbusServer(Workshop(plant), port=int(ports["modbus"] or 0)).settings()
    if ports.get("mtconnect"):
        found["mtconnect"] = {"kind": "mtconnect", "url": f"http://127.0.0.1:{ports['mtconnect']}"}
    if ports.get("shdr"):
        found["shdr"] = {"kind": "shdr", "host": "127.0.0.1", "port": ports["shdr"]}
    if mqtt:
        host, _, port = mqtt.rpartition(":")
        found["sparkplug"] = {"kind": "sparkplug", "host": host, "port": int(port)}
    return found


def reading(workspace: str) -> Historian:
    """The historian of a workspace, to read; another process may store meanwhile.

    Parameters
    ----------
    workspace : folder

    Raises
    ------
    InputError : nothing was measured here yet
    """
    from zhizao.record.historian import Historian

    folder = Path(workspace) / SIGNALS
    if not (folder / "log").is_dir():
        raise InputError("nothing was measured here yet", where=workspace, fix="run `zhizao sense`", code="no_signals")
    found = _READERS.get(str(folder))
    if found is None:
        found = _READERS[str(folder)] = Historian(folder, write=False)
    else:
        found.refresh()
    return found


def tags(historian: Historian) -> pl.DataFrame:
    """All tags with their last samples."""
    return historian.last()


def history(
    historian: Historian, tag: str, begin: datetime, end: datetime, every_s: float | None, *, stale_s: float = 0.0
) -> pl.DataFrame:
    """Samples of a tag, or figures of intervals where `every_s` is given.

    Parameters
    ----------
    historian : to ask
    tag : name
    begin, end : aware; begin <= at < end
    every_s : seconds of an interval
    stale_s : seconds after which a value without a further sample holds no more; 0 for never
    """
    first, last = round(begin.timestamp() * 1e6) * 1000, round(end.timestamp() * 1e6) * 1000
    if last <= first:
        raise InputError("the end is not after the beginning", where=tag, fix="give a later --to", code="bad_range")
    if every_s is None:
        return historian.range(tag, first, last)
    return historian.figures(tag, first, last, max(round(every_s * 1e9), 1), stale=round(stale_s * 1e9))


def ledger(workspace: str) -> pl.DataFrame:
    """The loss account of a workspace, one line per source."""
    return reading(workspace).ledger()


def health(workspace: str) -> dict[str, Any]:
    """How the connections are, as whoever listens wrote it last; empty when nobody ever did."""
    try:
        found: dict[str, Any] = json.loads((Path(workspace) / SIGNALS / HEALTH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


async def check(plant: Plant, where: str) -> dict[str, list[Finding]]:
    """Try each end point; findings by connection."""
    from zhizao.sense.kinds import connectors

    found = connectors(plant, where=where)
    done = await asyncio.gather(*(_checked(one) for one in found.values()))
    return dict(zip(found, done, strict=True))


async def _checked(connector: Any) -> list[Finding]:
    from zhizao.sense.connection import Finding

    try:
        return list(await asyncio.wait_for(connector.check(), 60))
    except TimeoutError:
        return [Finding("fault", "slow", "the end point did not answer within 60 s", "check address and network")]


async def browse(plant: Plant, where: str, name: str, below: str = "") -> list[Browsed]:
    """What a source offers below an address.

    Raises
    ------
    InputError : no such connection
    """
    from zhizao.sense.kinds import connectors

    found = connectors(plant, where=where)
    if name not in found:
        raise InputError(
            f'there is no connection "{name}"',
            where=where,
            fix=f"write one of {', '.join(found)}",
            code="no_connection",
        )
    return await found[name].browse(below)


def listen(
    workspace: str,
    plant: Plant,
    *,
    for_s: float | None = None,
    keep_days: int | None = None,
    told: Callable[[dict[str, Health], pl.DataFrame], None] | None = None,
    on_commit: Callable[[Sequence[tuple[str, Samples]]], None] | None = None,
) -> pl.DataFrame:
    """Listen to all connections of a plant until stopped (Ctrl-C, SIGTERM) or for a time; the loss account at the end.

    Parameters
    ----------
    workspace : folder that takes the samples
    plant : with connections
    for_s : seconds; None for ever
    keep_days : days of samples that are kept; None keeps all
    told : called about once a second with the health of the connections and the account
    on_commit : called after each commit with what was stored

    Raises
    ------
    InputError : another process listens here, or the connections have faults
    """
    from zhizao.app.alarm_watch import Watch
    from zhizao.app.herald import Herald
    from zhizao.app.live_links import Links
    from zhizao.app.outbox import OUTBOX, Courier, Outbox
    from zhizao.app.senders import senders
    from zhizao.record.historian import Historian
    from zhizao.sense.kinds import connectors

    found = connectors(plant, where=str(Path(workspace) / PLANT))
    with Historian(Path(workspace) / SIGNALS) as historian:
        last = {row[0]: row[1] for row in historian.last().select("tag", pl.col("at").dt.epoch("ns")).iter_rows()}
        left = health(workspace)
        before = left.get("connections", {})
        for name, one in found.items():
            resume = getattr(one, "resume", None)
            if resume is not None:  # it back-fills from there
                resume(last, before.get(name, {}).get("position", {}))
        acks: list[tuple[str, str, str]] = []
        watch = Watch(Path(workspace), historian, lambda *said: acks.append(said))
        watch.start()

        def committed(stored: Sequence[tuple[str, Samples]]) -> None:
            watch.take(stored)
            if on_commit is not None:
                on_commit(stored)

        outbox = Outbox(Path(workspace) / OUTBOX)
        courier = Courier(outbox, lambda: senders(read_plant(Path(workspace) / PLANT)), every_s=1.0)
        courier.start()
        herald = Herald(Path(workspace), plant)

        async def each_second() -> None:
            await _acknowledge(found, acks, watch.refused)
            if herald.wants_states:
                await asyncio.to_thread(_states, workspace, herald)

        try:
            asyncio.run(
                _listened(
                    found, historian, for_s, keep_days or plant.history.keep_days, told, committed,
                    Links(historian, left), herald, plant.history, each_second,
                )
            )  # fmt: skip
        finally:
            watch.stop()
            courier.stop()
            outbox.close()
        return historian.ledger()


async def _listened(
    found: dict[str, Any],
    historian: Historian,
    for_s: float | None,
    keep_days: int | None,
    told: Callable[[dict[str, Health], pl.DataFrame], None] | None,
    on_commit: Callable[[Sequence[tuple[str, Samples]]], None] | None,
    links: Links,
    herald: Herald | None = None,
    keeping: Keeping | None = None,
    each_second: Callable[[], Awaitable[None]] | None = None,
) -> None:
    from zhizao.sense.supervisor import Supervisor

    def committed(batches: Sequence[tuple[str, Samples]]) -> None:
        if on_commit is not None:
            on_commit(batches)
        if herald is not None:
            with suppress(InputError):  # an outbox that cannot be written must not end the listening
                herald.heard(batches)

    supervisor = Supervisor(found, historian, on_commit=committed)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(supervisor.run())
    tidied, tidying = "", asyncio.create_task(asyncio.sleep(0))
    speaking = asyncio.create_task(asyncio.sleep(0))
    until = None if for_s is None else time.monotonic() + for_s
    while not stop.is_set() and not running.done() and (until is None or time.monotonic() < until):
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0 if until is None else min(1.0, max(until - time.monotonic(), 0.01)))
        more: dict[str, dict[str, float]] = {name: {"queue": supervisor.waiting} for name in supervisor.health}
        if herald is not None:
            more = {name: line | herald.lags.said(name) for name, line in more.items()}
            with suppress(InputError):
                herald.connections(supervisor.health, time.time())
        _note(historian.folder / HEALTH, supervisor.health, more=more)
        with suppress(InputError):  # a full disk must not end the listening
            await asyncio.to_thread(links.note, {name: one.connected for name, one in supervisor.health.items()})
        today = now().date().isoformat()
        if today != tidied and tidying.done():
            tidied, tidying = today, asyncio.create_task(asyncio.to_thread(_tidy, historian, today, keep_days, keeping))
        if told is not None:
            told(supervisor.health, historian.ledger())
        if each_second is not None and speaking.done():
            speaking = asyncio.create_task(_quiet(each_second))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await tidying
    await speaking
    with suppress(InputError):
        links.ended()
    _note(historian.folder / HEALTH, supervisor.health, ended=True)


def _states(workspace: str, herald: Herald) -> None:
    """Let the herald look at the machines; a machine's state holds, so that some minutes tell what it is now."""
    from zhizao.app.live_states import view

    herald.states(view(workspace, begin=now() - timedelta(minutes=10)).machines)


async def _quiet(each_second: Callable[[], Awaitable[None]]) -> None:
    with suppress(ZhizaoError):  # a journal that cannot be written must not end the listening
        await each_second()


async def _acknowledge(
    found: Mapping[str, Any], acks: list[tuple[str, str, str]], refused: Callable[[str, str], None]
) -> None:
    """Tell servers what people have acknowledged; what a server does not take is noted as a comment of the alarm."""
    while acks:
        alarm, by, comment = acks.pop(0)
        for one in found.values():
            if getattr(one, "settings", None) is None or not getattr(one.settings, "acknowledge", False):
                continue
            if alarm.startswith(f"{one.prefix}/alarm/"):
                what = await one.acknowledge(alarm, f"{by}: {comment}" if comment else by)
                if what:
                    await asyncio.to_thread(refused, alarm, what)


def _tidy(historian: Historian, today: str, keep_days: int | None, keeping: Keeping | None = None) -> None:
    """Once a day: the days before become one file each, and those that nobody wants any more go."""
    with suppress(InputError, OSError):  # a full disk: samples go on coming, and tomorrow it is tried again
        historian.tidy_up(before=today)
        if keep_days is not None:
            historian.retain((date.fromisoformat(today) - timedelta(days=keep_days)).isoformat())
        for level, days in (("hours", keeping and keeping.hours_days), ("minutes", keeping and keeping.minutes_days)):
            if days:
                historian.table.levels.drop(level, (date.fromisoformat(today) - timedelta(days=days)).isoformat())
        historian.vacuum()


def _note(
    file: Path, healths: dict[str, Health], *, more: Mapping[str, Mapping[str, Any]] | None = None, ended: bool = False
) -> None:
    lines = {
        name: {k: v for k, v in asdict(one).items() if k != "tags"} | dict((more or {}).get(name, {}))
        for name, one in healths.items()
    }
    if ended:
        lines = {name: line | {"connected": False, "word": "nobody listens"} for name, line in lines.items()}
    said = {"at": datetime.now(UTC).isoformat(), "connections": lines}
    with suppress(InputError):  # a full disk must not end the listening
        write_whole(file, json.dumps(said, ensure_ascii=False))
