"""The task that talks to an OPC UA server: one session, one subscription, batches handed over and then acknowledged.

A notification is acknowledged to the server only when its samples are stored. After a break the session is made anew
and what was missed is read from the server's history where it keeps one: once before the new subscription, which may
take long, and once after, which is short; what comes both ways is handed over once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from asyncua import ua

from zhizao.errors import InputError
from zhizao.sense.connection import Browsed, Finding, Sink
from zhizao.sense.opcua import alarms
from zhizao.sense.opcua.browse import below, describe, search
from zhizao.sense.opcua.check import check
from zhizao.sense.opcua.names import parse, resolve
from zhizao.sense.opcua.session import Session, opened
from zhizao.sense.opcua.settings import Below, Settings
from zhizao.sense.opcua.values import Batch
from zhizao.sense.opcua.wire import Datum, Published

__all__ = ["OpcuaConnector", "connector", "wanted_nodes"]

_S = 1_000_000_000
_WAITING = 3
"""Publish requests that the server holds."""
_AT_ONCE = 50
"""Nodes of one history request."""
_MOST = 20_000
"""Samples of a batch of history."""
_OVERFLOW = 0x0480
"""Bits of a status that say: the server's queue was too short, something before this value is lost."""
_EVENTS_FROM = 1 << 24
"""Handles from here on are of event sources."""


def connector(name: str, settings: Settings) -> OpcuaConnector:
    """Connector to a server as plant.yaml declares it."""
    return OpcuaConnector(name, settings)


async def wanted_nodes(session: Session, settings: Settings) -> dict[ua.NodeId, str]:
    """Nodes that are read, with the names of their tags after the prefix.

    Raises
    ------
    InputError : a namespace is not there, or nothing is found
    """
    found: dict[ua.NodeId, str] = {}
    try:
        for tag in settings.tags:
            found[resolve(parse(tag.node), session.spaces)] = tag.name()
        searches = settings.browse or (() if settings.tags else (Below(),))
        for one in searches:
            for node, name in (await search(session, one)).items():
                found.setdefault(node, name)
    except ValueError as error:
        raise InputError(str(error), where=settings.url, fix="compare with what browsing shows", code="node") from error
    if not found:
        raise InputError(
            "no variable fits what is asked for", where=settings.url, fix="widen browse.include", code="nothing"
        )
    return found


class OpcuaConnector:
    """Listens to one server.

    Parameters
    ----------
    name : as in plant.yaml
    settings : as in plant.yaml
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.settings = name, settings
        self.prefix = settings.prefix or name
        self.last: dict[str, tuple[int, Any]] = {}
        """Time and value last handed over, by tag; where back-fill begins."""
        self.filled = 0
        """Samples that came from the server's history."""
        self.lost = 0
        """Times that the server said that its queue was too short."""
        self._session: Session | None = None
        self._standing: dict[str, tuple[ua.NodeId, bytes]] = {}
        self._handles: list[tuple[ua.NodeId, str]] = []
        self._both: dict[str, set[tuple[int, Any]]] = {}

    def resume(self, last: Mapping[str, int], position: Mapping[str, int] | None = None) -> None:
        """Say what is stored already, so that a gap of our own is filled too.

        Parameters
        ----------
        last : time in ns of the last sample of tags, full names
        position : not needed, a server's history is read by time
        """
        for tag, at in last.items():
            self.last.setdefault(tag, (at, None))

    async def check(self) -> list[Finding]:
        """Try the end point and say what was found."""
        return await check(self.settings, wanted_nodes)

    async def browse(self, below_: str = "") -> list[Browsed]:
        """What the server has below a node id; empty is the Objects folder."""
        async with opened(self.settings) as session:
            return await below(session, below_)

    async def acknowledge(self, alarm: str, comment: str) -> str:
        """Acknowledge a condition at the server; what came of it: empty when the server has taken it.

        Parameters
        ----------
        alarm : its name, `<prefix>/alarm/<source>/<condition>`
        comment : who does it and why
        """
        if not self.settings.acknowledge:
            return "plant.yaml does not permit it: acknowledge is off"
        found, session = self._standing.get(alarm), self._session
        if found is None or session is None:
            return "the server is not connected, or has not told of it"
        try:
            status = await asyncio.wait_for(session.acknowledge(*found, comment), self.settings.timeout_s)
        except (ua.UaError, OSError, TimeoutError) as error:
            return f"{type(error).__name__}: {error}"
        if status.is_good() or status.value == ua.StatusCodes.BadConditionBranchAlreadyAcked:
            return ""
        return str(status.name)

    async def run(self, sink: Sink) -> None:
        """Listen until cancelled; raises when the session breaks."""
        self._session, self._standing = None, {}
        async with opened(self.settings) as session:
            nodes = await wanted_nodes(session, self.settings)
            self._session = session
            self._handles = [(node, f"{self.prefix}/{name}") for node, name in nodes.items()]
            sink.described(await describe(session, {node: f"{self.prefix}/{name}" for node, name in nodes.items()}))
            self._both = {}
            await self._fill(session, sink)
            if self.settings.poll_ms is not None:
                sink.connected(True)
                await self._poll(session, sink, self.settings.poll_ms / 1000)
            else:
                await self._listen(session, sink)

    async def _listen(self, session: Session, sink: Sink) -> None:
        settings = self.settings
        made = await session.subscribe(settings.publishing_ms)
        refused = await self._monitor(session, made.SubscriptionId)
        events = await self._monitor_events(session, made.SubscriptionId) if settings.events else False
        await self._fill(session, sink)
        sink.connected(True, refused)
        alive_s = made.RevisedPublishingInterval * made.RevisedMaxKeepAliveCount / 1000
        patience = alive_s + max(alive_s, settings.timeout_s)
        stored: list[tuple[int, int]] = []
        waiting = deque(asyncio.create_task(session.publish(())) for _ in range(_WAITING))
        expected = 1
        if events:
            await session.refresh(made.SubscriptionId)
        try:
            while True:
                said = await self._next(waiting, patience)
                if said.status is not None and said.status & ua.StatusCodes.Bad:
                    raise ConnectionError(f"the server ended the subscription: {ua.StatusCode(said.status).name}")
                if not said.keep_alive:
                    await self._bridge(session, sink, said, expected)
                    expected = said.sequence % 0xFFFF_FFFF + 1
                    if await self._take(session, sink, said):
                        await session.refresh(made.SubscriptionId)
                    stored.append((said.subscription, said.sequence))
                waiting.append(asyncio.create_task(session.publish(stored)))
                stored = []
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _next(self, waiting: deque[asyncio.Task[Published]], patience: float) -> Published:
        """The next answer, in the order of the requests."""
        try:
            return await asyncio.wait_for(asyncio.shield(waiting[0]), patience)
        except TimeoutError:
            raise ConnectionError(f"no word from the server for {patience:.0f} s, not even a keep-alive") from None
        finally:
            if waiting[0].done():
                waiting.popleft()

    async def _bridge(self, session: Session, sink: Sink, said: Published, expected: int) -> None:
        """Fetch notifications that were passed over; from history when the server has them no more."""
        if said.sequence <= expected or said.sequence - expected > 1000:
            return
        for number in range(expected, said.sequence):
            try:
                missed = await session.republish(said.subscription, number)
            except ua.UaError:
                missed = None
            if missed is None or missed.sequence != number:
                await self._fill(session, sink)
                return
            await self._take(session, sink, missed)

    async def _take(self, session: Session, sink: Sink, said: Published) -> bool:
        """Hand a notification over; whether the conditions are to be read anew."""
        batch, received = Batch(), time.time_ns()
        handles, both, last = self._handles, self._both, self.last
        new: dict[str, tuple[int, Any]] = {}
        # some servers throw the oldest away without the bit that says so: a full queue is read again from history
        counts = Counter(handle for handle, _ in said.data) if len(said.data) >= self.settings.queue_size > 1 else {}
        overflow = max(counts.values(), default=0) >= self.settings.queue_size
        for handle, datum in said.data:
            if handle >= len(handles):
                batch.rejected["handle"] += 1
                continue
            tag = handles[handle][1]
            key = _key(datum, received)
            if both and self._came_both_ways(tag, key):
                continue
            overflow |= datum[2] & _OVERFLOW == _OVERFLOW
            new[tag] = key
            batch.add(tag, datum, received)
        again = False
        for _, fields in said.events:
            again |= alarms.refresh_wanted(fields)
            alarms.say(batch, self.prefix, fields, received)
            condition = alarms.standing(self.prefix, fields)
            if condition is not None:
                self._standing[condition[0]] = condition[1:]
        if len(batch) or batch.rejected:
            await sink.take(batch.samples(), batch.rejected)
        if overflow:
            self.lost += 1
            await self._fill(session, sink, until=received)
        last.update(new)
        return again

    def _came_both_ways(self, tag: str, key: tuple[int, Any]) -> bool:
        """Whether history told this already; forgotten once the subscription is ahead of history."""
        known = self._both.get(tag)
        if known is None:
            return False
        if key in known:
            return True
        if key[0] > max(at for at, _ in known):
            del self._both[tag]
        return False

    async def _fill(self, session: Session, sink: Sink, until: int | None = None) -> None:
        """Read what was missed from the server's history, from the last sample of each tag on."""
        last = self.last
        floor = time.time_ns() - round(self.settings.backfill_h * 3600 * _S)
        gaps = sorted((max(last[tag][0], floor), node, tag) for node, tag in self._handles if tag in last)
        for _, _, tag in gaps:
            self._both.setdefault(tag, set()).add(last[tag])
        if not self.settings.backfill:
            return
        end = (until or time.time_ns()) + 600 * _S
        for start in range(0, len(gaps), _AT_ONCE):
            part = gaps[start : start + _AT_ONCE]
            try:
                await self._fill_part(session, sink, part, end)
            except ua.UaStatusCodeError as error:
                if error.code in _NO_HISTORY:
                    return
                raise

    async def _fill_part(self, session: Session, sink: Sink, part: list[tuple[int, ua.NodeId, str]], end: int) -> None:
        batch, new = Batch(), dict[str, tuple[int, Any]]()
        received = time.time_ns()
        async for index, status, found in session.history([node for _, node, _ in part], part[0][0], end):
            if status & BAD_BIT:
                continue
            since, _, tag = part[index]
            known = self._both.setdefault(tag, set())
            for datum in found:
                key = _key(datum, received)
                if key[0] < since or key in known or (key[0] == since and self.last[tag][1] is None):
                    continue
                known.add(key)
                batch.add(tag, datum, received)
                new[tag] = key
            if len(batch) >= _MOST:
                await self._hand(sink, batch, new)
                batch, new = Batch(), {}
        await self._hand(sink, batch, new)

    async def _hand(self, sink: Sink, batch: Batch, new: Mapping[str, tuple[int, Any]]) -> None:
        if len(batch) or batch.rejected:
            self.filled += len(batch)
            await sink.take(batch.samples(), batch.rejected)
            self.last.update(new)

    async def _poll(self, session: Session, sink: Sink, every_s: float) -> None:
        nodes = [node for node, _ in self._handles]
        due = time.monotonic()
        while True:
            batch, new, received = Batch(), dict[str, tuple[int, Any]](), time.time_ns()
            for (_, tag), datum in zip(self._handles, await session.read(nodes), strict=True):
                key = _key(datum, 0)
                if self.last.get(tag) != key:
                    new[tag] = key
                    batch.add(tag, datum, received)
            if len(batch) or batch.rejected:
                await sink.take(batch.samples(), batch.rejected)
                self.last.update(new)
            due = max(due + every_s, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def _monitor(self, session: Session, subscription: int) -> str:
        """Items for all nodes; a word about those that the server refused."""
        items = []
        for handle, (node, _) in enumerate(self._handles):
            one = _item(node, ua.AttributeIds.Value, handle)
            one.RequestedParameters.SamplingInterval = self.settings.sampling_ms
            one.RequestedParameters.QueueSize = self.settings.queue_size
            items.append(one)
        results = await session.monitor(subscription, items)
        bad = [
            f"{tag}: {result.StatusCode.name}"
            for (_, tag), result in zip(self._handles, results, strict=True)
            if result.StatusCode.is_bad()
        ]
        if len(bad) == len(items):
            raise InputError(
                f"none of {len(items)} nodes can be listened to; {bad[0]}", where=self.settings.url, code="no_items"
            )
        return f"{len(bad)} of {len(items)} nodes are refused, such as {bad[0]}" if bad else ""

    async def _monitor_events(self, session: Session, subscription: int) -> bool:
        items = []
        for number, source in enumerate(self.settings.event_sources):
            one = _item(resolve(parse(source), session.spaces), ua.AttributeIds.EventNotifier, _EVENTS_FROM + number)
            one.RequestedParameters.SamplingInterval = 0.0
            one.RequestedParameters.QueueSize = 10_000
            one.RequestedParameters.Filter = alarms.event_filter()
            items.append(one)
        results = await session.monitor(subscription, items)
        return any(result.StatusCode.is_good() for result in results)


BAD_BIT = 0x8000_0000
_NO_HISTORY = {
    ua.StatusCodes.BadHistoryOperationUnsupported,
    ua.StatusCodes.BadHistoryOperationInvalid,
    ua.StatusCodes.BadServiceUnsupported,
    ua.StatusCodes.BadNotImplemented,
    ua.StatusCodes.BadUserAccessDenied,
    ua.StatusCodes.BadNotSupported,
}
"""A server that answers so has no history that we may read."""


def _key(datum: Datum, received: int) -> tuple[int, Any]:
    """Time and value of a datum, to be told apart from others."""
    kind, value, status, source, server = datum
    if kind & 128:
        value = repr(value)
    elif kind >= 22:
        value = str(value)
    return source or server or received, (value, status) if status else value


def _item(node: ua.NodeId, attribute: ua.AttributeIds, handle: int) -> ua.MonitoredItemCreateRequest:
    one = ua.MonitoredItemCreateRequest()
    one.ItemToMonitor.NodeId, one.ItemToMonitor.AttributeId = node, attribute
    one.MonitoringMode = ua.MonitoringMode.Reporting
    one.RequestedParameters.ClientHandle = handle
    one.RequestedParameters.DiscardOldest = True
    return one
