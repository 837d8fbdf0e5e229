"""The task that talks to an MQTT broker as a Sparkplug B host application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

from zhizao.errors import ZhizaoError
from zhizao.sense.connection import Browsed, Finding, Sink
from zhizao.sense.sparkplug.heard import Heard
from zhizao.sense.sparkplug.host import Host
from zhizao.sense.sparkplug.link import Link, LinkError
from zhizao.sense.sparkplug.settings import Settings
from zhizao.sense.sparkplug.state import read_state
from zhizao.sense.sparkplug.topic import TopicError, Type, filters, parse, state_topic

__all__ = ["Sparkplug"]

_LOOK_S = 3.0
_RETRIES_S = (0.2, 0.5, 1.0, 2.0, *([5.0] * 60))
"""Seconds between attempts to store what was heard, about five minutes in all."""


class Sparkplug:
    """One connection to one broker; see `zhizao.sense.connection.Connector`.

    Parameters
    ----------
    name : as in plant.yaml
    settings : of the connection
    now : nanoseconds since 1970
    """

    def __init__(self, name: str, settings: Settings, *, now: Callable[[], int] = time.time_ns) -> None:
        self.name = name
        self._settings, self._now = settings, now
        self._host = self._new_host(primary=settings.primary)

    def _new_host(self, *, primary: bool, rebirth_s: float | None = None) -> Host:
        one = self._settings
        return Host(
            one.prefix or self.name,
            host_id=one.host_id,
            primary=primary,
            rebirth=one.rebirth,
            groups=one.groups,
            reorder_s=one.reorder_s,
            rebirth_s=one.rebirth_s if rebirth_s is None else rebirth_s,
            elements=one.elements,
            most_tags=one.most_tags,
            most_bytes=one.most_bytes,
        )

    async def run(self, sink: Sink) -> None:
        """Listen until cancelled; raises `LinkError` when the broker is gone, after all tags were marked stale."""
        host = self._host
        link = Link(self._settings, host.will(self._now()))
        leaving = False
        try:
            await link.open(filters(self._settings.groups, self._settings.host_id))
            await self._digest(host.connected(self._now()), sink, link)
            sink.connected(True)
            while True:
                await self._listen(sink, link)
        except asyncio.CancelledError:
            leaving = True
            raise
        except Exception:
            await self._digest(host.lost(self._now()), sink, None)
            raise
        finally:
            await link.close(host.farewell(self._now()) if leaving else None)

    async def _listen(self, sink: Sink, link: Link) -> None:
        """Take in what comes next; its senders are told only after it is stored."""
        host = self._host
        due = host.due
        came = await link.messages(None if due is None else max((due - self._now()) / 1e9, 0.0))
        now = self._now()
        heard = Heard()
        rival = host.rival
        for one in came:
            heard.add(host.message(one.topic, one.payload, now, retained=one.retain))
        if host.due is not None and host.due <= now:
            heard.add(host.tick(now))
        await self._digest(heard, sink, link)
        link.acknowledge(came)
        if host.rival and not rival:
            sink.connected(True, f'another host application calls itself "{host.host_id}"; give each its own host_id')

    async def _digest(self, heard: Heard, sink: Sink, link: Link | None) -> None:
        if link is not None:
            for wish in heard.wishes:
                link.publish(wish)
        if heard.declared:
            sink.described(heard.declared)
        if not heard.rows and not heard.refused:
            return
        samples = heard.samples(self._now())
        for wait_s in _RETRIES_S:
            try:
                await sink.take(samples, heard.refused)
                return
            except Exception as error:  # noqa: BLE001 whatever a full disk raises, what was heard is kept and tried again
                sink.connected(link is not None, f"cannot store: {error}")
            await asyncio.sleep(wait_s)
        await sink.take(samples, heard.refused)

    async def check(self) -> list[Finding]:
        """Try the broker step by step, and listen for three seconds."""
        one = self._settings
        where = f"{one.host}:{one.at}"
        found: list[Finding] = []
        try:
            one.secret()
            addresses = await asyncio.to_thread(socket.getaddrinfo, one.host, one.at, type=socket.SOCK_STREAM)
            found.append(Finding("ok", "resolve", f"{one.host} is {addresses[0][4][0]}"))
            _, writer = await asyncio.wait_for(asyncio.open_connection(one.host, one.at), 5.0)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            found.append(Finding("ok", "tcp", f"{where} accepts connections"))
        except socket.gaierror as error:
            return [*found, Finding("fault", "resolve", f'"{one.host}" is no known name: {error}', "correct host")]
        except (OSError, TimeoutError) as error:
            fix = "see whether the broker runs, its port, and what a firewall lets through"
            return [*found, Finding("fault", "tcp", f"{where} does not answer: {error or 'in 5 s'}", fix)]
        except ZhizaoError as error:
            return [*found, Finding("fault", error.fault.code, error.fault.what, error.fault.fix)]
        return found + await self._check_session(where)

    async def _check_session(self, where: str) -> list[Finding]:
        one = self._settings
        found: list[Finding] = []
        host = self._new_host(primary=False)
        topics: list[str] = []
        taken = False
        refused: dict[str, int] = {}
        link = Link(one)
        try:
            await link.open(filters(one.groups, one.host_id))
            if one.encrypted:
                found.append(Finding("ok", "tls", f"{where} shows a certificate that is trusted"))
            found.append(Finding("ok", "refused", f"{where} accepts us" + (f" as {one.username}" * bool(one.username))))
            found.append(Finding("ok", "subscribe", f"we may listen to {', '.join(filters(one.groups, one.host_id))}"))
            end = time.monotonic() + _LOOK_S
            while (left := end - time.monotonic()) > 0:
                came = await link.messages(left)
                for said in came:
                    state = read_state(said.payload) if said.topic == state_topic(one.host_id) else None
                    taken = taken or (state is not None and state.online and said.retain)
                    topics.append(said.topic)
                    heard = host.message(said.topic, said.payload, self._now(), retained=said.retain)
                    for reason, count in heard.refused.items():
                        refused[reason] = refused.get(reason, 0) + count
                link.acknowledge(came)
        except LinkError as error:
            return [*found, Finding("fault", error.fault.code, error.fault.what, error.fault.fix)]
        finally:
            await link.close()
        return found + self._seen(topics, taken, refused)

    def _seen(self, topics: list[str], taken: bool, refused: dict[str, int]) -> list[Finding]:
        """What three seconds of listening tell."""
        found: list[Finding] = []
        if taken and not self._host.online and self._settings.primary:
            what = f'a host application "{self._settings.host_id}" is online at this broker already'
            found.append(
                Finding("warning", "host_id_taken", what, "if that is not zhizao itself, give another host_id")
            )
        nodes = set()
        for topic in topics:
            with contextlib.suppress(TopicError):
                at = parse(topic)
                if at.type not in (Type.STATE, Type.NCMD, Type.DCMD):
                    nodes.add(f"{at.group}/{at.node}")
        if nodes:
            shown = ", ".join(sorted(nodes)[:10]) + (", ..." if len(nodes) > 10 else "")
            found.append(Finding("ok", "nodes", f"{len(nodes)} nodes spoke within {_LOOK_S:g} s: {shown}"))
        else:
            what = f"no node spoke within {_LOOK_S:g} s"
            fix = "nodes speak when values change; see whether groups is right and the nodes use this broker"
            found.append(Finding("warning", "no_nodes", what, fix))
        bad = {reason: count for reason, count in refused.items() if reason != "before_birth"}
        if bad:
            shown = ", ".join(f"{reason} {count}" for reason, count in sorted(bad.items()))
            found.append(
                Finding("warning", "refused", f"values that are no good Sparkplug B: {shown}", "see the nodes")
            )
        return found

    async def browse(self, below: str = "") -> list[Browsed]:
        """Metrics that births declared; where none is known yet, nodes that speak are asked for theirs."""
        known = self._host.browsed() or await self._look()
        return [one for one in known if one.name.startswith(below) or one.address.startswith(below)]

    async def _look(self) -> list[Browsed]:
        host = self._new_host(primary=False, rebirth_s=1.0)
        link = Link(self._settings)
        try:
            await link.open(filters(self._settings.groups, self._settings.host_id))
            host.connected(self._now())
            end = time.monotonic() + _LOOK_S
            while (left := end - time.monotonic()) > 0:
                due = host.due
                wait_s = left if due is None else min(left, max((due - self._now()) / 1e9, 0.0))
                came = await link.messages(wait_s)
                heard = Heard()
                for said in came:
                    heard.add(host.message(said.topic, said.payload, self._now(), retained=said.retain))
                heard.add(host.tick(self._now()))
                for wish in heard.wishes:
                    link.publish(wish)
                link.acknowledge(came)
        finally:
            await link.close()
        return host.browsed()
