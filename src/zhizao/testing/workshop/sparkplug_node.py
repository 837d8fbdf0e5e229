"""The workshop as a Sparkplug B edge node: one device per machine, births, data by exception, commands, deaths.

What changed in the last seconds is told again as historical after a birth, because a broker that dies takes with it what
it had accepted with quality of service 0; a host application knows such samples again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from zhizao.testing.workshop.signals import Change, Signal, Signals, Value
from zhizao.testing.workshop.sparkplug_wire import (
    BOOLEAN,
    DOUBLE,
    INT64,
    STRING,
    metric,
    payload,
    read_metrics,
)

__all__ = ["EdgeNode", "run"]

_TYPES = {"double": DOUBLE, "int": INT64, "bool": BOOLEAN, "text": STRING}
_REBIRTH = "Node Control/Rebirth"
_WAITS_S = (0.2, 0.5, 1.0, 2.0)
_BACKLOG = 20_000
_KEPT = 200_000
_ONCE = 500
"""Historical metrics in one message."""


class EdgeNode:
    """An edge node over the signals of a plant.

    Parameters
    ----------
    signals : the plant
    host, port : the broker
    group, node : its address
    primary : host application that has to be online before anything is said; None for none
    username, password : to sign in with
    ca : file with the broker's certificate authority; empty for no encryption
    aliases : whether data messages name metrics by number
    replay_s : seconds before the connection was known to be lost, or a rebirth was asked for, whose changes are told
        again; twice `keepalive_s` at least, since that long a dead connection may go unnoticed
    now : nanoseconds since 1970
    """

    def __init__(
        self,
        signals: Signals,
        host: str,
        port: int,
        group: str,
        node: str,
        *,
        primary: str | None = None,
        username: str = "",
        password: str = "",
        ca: str = "",
        aliases: bool = True,
        replay_s: float = 20.0,
        keepalive_s: int = 10,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._signals, self._address = signals, (host, port)
        self._group, self._node, self._primary = group, node, primary
        self._username, self._password, self._ca = username, password, ca
        self._replay_ns, self._keepalive, self._now = int(replay_s * 1e9), keepalive_s, now
        self._devices: dict[str, list[Signal]] = {}
        self._metrics: dict[str, tuple[str, str, int | None, Signal]] = {}
        for number, one in enumerate(signals.signals):
            device = one.machine.replace("/", ".").replace("+", ".").replace("#", ".")
            name = one.name.removeprefix(f"{one.machine}/")
            self._devices.setdefault(device, []).append(one)
            self._metrics[one.name] = (device, name, number + 1 if aliases else None, one)
        self._at = {one.name: now() for one in signals.signals}
        self._recent: deque[Change] = deque(maxlen=_KEPT)
        self._waiting: deque[Change] = deque(maxlen=_KEPT)
        self._bdseq, self._seq = -1, 0
        self._client: mqtt.Client | None = None
        self._born = False
        self._lost: int | None = None
        self._state: tuple[bool, int] = (False, -1)
        self._sent = self._written = 0
        self._again: asyncio.Event = asyncio.Event()
        self.births = 0
        """How often the whole birth sequence was sent."""
        self.rebirths = 0
        """How often a host asked for it."""
        self.refused: list[str] = []
        """Commands that could not be carried out, in words; the newest 100."""
        signals.follow(self._changed)

    async def run(self) -> None:
        """Be there until cancelled; comes back by itself when the broker was gone."""
        tries = 0
        while True:
            began = time.monotonic()
            with contextlib.suppress(OSError, ConnectionError):
                await self._session()
            tries = 0 if time.monotonic() - began > 5 else tries + 1
            await asyncio.sleep(_WAITS_S[min(tries, len(_WAITS_S) - 1)])

    # ------------------------------------------------------------------ a session

    async def _session(self) -> None:
        loop = asyncio.get_running_loop()
        self._again.clear()
        self._state = (False, -1)
        self._sent = self._written = 0
        self._bdseq = (self._bdseq + 1) % 256
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"node-{secrets.token_hex(6)}",
            clean_session=True,
            reconnect_on_failure=False,
        )
        if self._username:
            client.username_pw_set(self._username, self._password or None)
        if self._ca:
            client.tls_set(self._ca)
        client.will_set(self._topic("NDEATH"), self._death(), 1, False)

        def here(what: Callable[..., None], *args: Any) -> None:
            if self._client is client:  # a session that is being left has nothing more to say
                what(*args)

        def tell(what: Callable[..., None], *args: Any) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(here, what, *args)

        def written(*_: Any) -> None:
            self._written += 1

        client.on_connect = lambda _c, _d, _f, reason, _p: tell(self._connected, client, reason.is_failure)
        client.on_subscribe = lambda *_: tell(self._subscribed)
        client.on_message = lambda _c, _d, said: tell(self._heard, said.topic, bytes(said.payload))
        client.on_disconnect = lambda *_: tell(self._again.set)
        client.on_publish = written
        self._client = client
        try:
            await asyncio.to_thread(client.connect, *self._address, self._keepalive)
            client.loop_start()
            await self._again.wait()
        finally:
            left, self._born, self._client = self._born, False, None
            if self._lost is None:
                self._lost = self._now()
            await asyncio.shield(loop.run_in_executor(None, self._leave, client, left))

    def _leave(self, client: mqtt.Client, born: bool) -> None:
        """An NDEATH goes before the DISCONNECT, because the broker then forgets the will."""
        if born and client.is_connected():
            with contextlib.suppress(ValueError, RuntimeError):
                client.publish(self._topic("NDEATH"), self._death(), 1, False).wait_for_publish(1.0)
        client.disconnect()
        client.loop_stop()

    def _connected(self, client: mqtt.Client, failed: bool) -> None:
        if failed:
            self._again.set()
            return
        wanted = [(self._topic("NCMD"), 1), (self._topic("DCMD", "+"), 1)]
        if self._primary is not None:
            wanted.append((f"spBv1.0/STATE/{self._primary}", 1))
        client.subscribe(wanted)

    def _subscribed(self) -> None:
        if self._primary is None and not self._born:
            self._birth()

    def _heard(self, topic: str, data: bytes) -> None:
        if topic == f"spBv1.0/STATE/{self._primary}":
            self._heard_state(data)
            return
        try:
            written = read_metrics(data)
        except ValueError as error:
            self._refuse(f"{topic}: {error}")
            return
        if topic == self._topic("NCMD"):
            if any(one.name == _REBIRTH and one.value is True for one in written) and self._born:
                self.rebirths += 1
                self._birth()
            return
        device = topic.removeprefix(self._topic("DCMD") + "/")
        for one in written:
            self._write(device, one.name, one.alias, one.value)

    def _heard_state(self, data: bytes) -> None:
        try:
            said = json.loads(data)
            online, since = bool(said["online"]), int(said["timestamp"])
        except (ValueError, KeyError, TypeError):
            return
        if since < self._state[1]:
            return
        self._state = (online, since)
        if online and not self._born:
            self._birth()
        elif not online and self._born:
            self._again.set()

    def _write(self, device: str, name: str | None, alias: int | None, value: Value | None) -> None:
        for one, (where, called, number, signal) in self._metrics.items():
            if where == device and (called == name or (name is None and number is not None and number == alias)):
                if value is None or not signal.writable:
                    self._refuse(f"{one} takes no set-point")
                    return
                try:
                    self._signals.write(one, value)
                except ValueError as error:
                    self._refuse(str(error))
                    return
                self._changed([(one, self._now(), self._signals.value(one))])
                return
        self._refuse(f"{device} has no {name or alias}")

    def _refuse(self, word: str) -> None:
        self.refused = [*self.refused[-99:], word]

    # ------------------------------------------------------------------ what is said

    def _topic(self, kind: str, device: str | None = None) -> str:
        return f"spBv1.0/{self._group}/{kind}/{self._node}" + (f"/{device}" if device is not None else "")

    def _send(self, kind: str, device: str | None, metrics: list[bytes]) -> None:
        if self._client is None:
            return
        data = payload(self._now() // 1_000_000, metrics, self._seq)
        self._seq = (self._seq + 1) % 256
        self._sent += 1
        self._client.publish(self._topic(kind, device), data, 0, False)
        if self._sent - self._written > _BACKLOG:
            self._again.set()

    def _death(self) -> bytes:
        ms = self._now() // 1_000_000
        return payload(ms, [metric("bdSeq", None, ms, INT64, self._bdseq, birth=True)], None)

    def _birth(self) -> None:
        """The whole birth sequence, then again what may have been lost, then what waited."""
        ms = self._now() // 1_000_000
        self._seq, self._born = 0, True
        own = [
            metric("bdSeq", None, ms, INT64, self._bdseq, birth=True),
            metric(_REBIRTH, None, ms, BOOLEAN, False, birth=True),
        ]
        self._send("NBIRTH", None, own)
        for device, signals in self._devices.items():
            self._send("DBIRTH", device, [self._stated(one) for one in signals])
        self.births += 1
        since = (self._now() if self._lost is None else self._lost) - self._replay_ns
        self._lost = None
        past = [one for one in self._recent if one[1] >= since] if self.births > 1 else []
        self._replay([*past, *self._waiting])
        self._recent.extend(self._waiting)
        self._waiting.clear()

    def _stated(self, one: Signal) -> bytes:
        _, name, alias, _ = self._metrics[one.name]
        value, ms = self._signals.value(one.name), self._at[one.name] // 1_000_000
        return metric(name, alias, ms, _TYPES[one.type], value, birth=True, unit=one.unit)

    def _replay(self, changes: Sequence[Change]) -> None:
        by_device: dict[str, list[bytes]] = {}
        for change in changes:
            device, written = self._said(change, historical=True)
            by_device.setdefault(device, []).append(written)
        for device, metrics in by_device.items():
            for start in range(0, len(metrics), _ONCE):
                self._send("DDATA", device, metrics[start : start + _ONCE])

    def _said(self, change: Change, *, historical: bool = False) -> tuple[str, bytes]:
        name, at, value = change
        device, called, alias, signal = self._metrics[name]
        short = None if alias is not None else called
        return device, metric(short, alias, at // 1_000_000, _TYPES[signal.type], value, historical=historical)

    def _changed(self, changes: Sequence[Change]) -> None:
        self._at.update({name: at for name, at, _ in changes})
        if not self._born:
            self._waiting.extend(changes)
            return
        self._recent.extend(changes)
        by_device: dict[str, list[bytes]] = {}
        for change in changes:
            device, written = self._said(change)
            by_device.setdefault(device, []).append(written)
        for device, metrics in by_device.items():
            self._send("DDATA", device, metrics)

    def lose(self, device: str) -> None:
        """Tell that the connection to a machine is lost."""
        self._send("DDEATH", device, [])

    def skip(self) -> None:
        """Lose a message: leave out a sequence number."""
        self._seq = (self._seq + 1) % 256


async def run(signals: Signals, host: str, port: int, group: str, node: str, **settings: Any) -> None:
    """Be an edge node until cancelled; settings are those of `EdgeNode`."""
    await EdgeNode(signals, host, port, group, node, **settings).run()
