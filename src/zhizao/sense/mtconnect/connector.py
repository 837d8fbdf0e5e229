"""The task that listens to an agent: probe, what is in its buffer, then the stream; from where it stopped after a break."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx

from zhizao.errors import InputError, ZhizaoError
from zhizao.sense.connection import Browsed, Finding, Sink
from zhizao.sense.mtconnect.assets import Assets
from zhizao.sense.mtconnect.devices import Component, Devices
from zhizao.sense.mtconnect.document import read_document
from zhizao.sense.mtconnect.instant import nanoseconds
from zhizao.sense.mtconnect.parts import Parts, boundary_of
from zhizao.sense.mtconnect.settings import Settings
from zhizao.sense.mtconnect.streams import Observation, Problem, Streams
from zhizao.sense.mtconnect.told import Teller, clean
from zhizao.sense.mtconnect.xml import MAX_BYTES
from zhizao.sense.rows import Rows

__all__ = ["MtconnectConnector"]

Said = Devices | Streams | Assets | Problem
IN_THREAD_BYTES = 262_144
"""Documents of this size and more are read beside the event loop."""


class MtconnectConnector:
    """One connection to one agent.

    Parameters
    ----------
    name : as in plant.yaml
    settings : what plant.yaml says
    now : nanoseconds since 1970
    """

    def __init__(self, name: str, settings: Settings, now: Callable[[], int] = time.time_ns) -> None:
        self.name, self._settings, self._now = name, settings, now
        self._teller = Teller(
            settings.prefix or name,
            by=settings.tags_by,
            device_names=settings.device_names,
            series_first=settings.series_time == "first",
        )
        self._instance = 0
        self._probed: int | None = None
        self._next = 0
        self._streams = settings.stream
        self._rows = Rows()

    def resume(self, _last: Mapping[str, int], position: Mapping[str, int]) -> None:
        """Say how far the agent's buffer was stored, so that it is not read from its beginning again.

        Parameters
        ----------
        position : `instance` of the agent and the `next` number of its sequence, as they were told to `reached`
        """
        self._instance, self._next = position.get("instance", 0), position.get("next", 0)

    # Listening

    async def run(self, sink: Sink) -> None:
        """Listen until cancelled; raises when the agent is gone or talks nonsense."""
        try:
            async with self._client() as client:
                await self._listen(client, sink)
        except (httpx.HTTPError, ZhizaoError) as error:
            self._rows = Rows()
            self._teller.silence(self._now(), self._rows)
            await self._hand_over(sink, Counter())
            if isinstance(error, ZhizaoError):
                raise
            raise InputError(_reason(error), where=self._settings.url, code="no_agent") from error

    async def _listen(self, client: httpx.AsyncClient, sink: Sink) -> None:
        self._probed = None
        while True:
            await self._catch_up(client, sink)
            sink.connected(True)
            if self._streams:
                await self._stream(client, sink)
            else:
                await self._poll(client, sink)

    async def _probe(self, client: httpx.AsyncClient, sink: Sink) -> None:
        said = await self._ask(client, "probe")
        if not isinstance(said, Devices):
            raise _unexpected("probe", said, self._settings.url)
        sink.described(self._teller.learn(said))
        if self._settings.assets:
            try:
                assets = await self._ask(client, "assets")
            except InputError:
                return
            if isinstance(assets, Assets):
                await self._take_assets(assets, sink)

    async def _catch_up(self, client: httpx.AsyncClient, sink: Sink) -> None:
        """Take what stands now and what the buffer still has, from where we stopped on."""
        said = await self._ask(client, "current")
        if not isinstance(said, Streams):
            raise _unexpected("current", said, self._settings.url)
        header, rejected = said.header, Counter[str]()
        if self._probed != header.instance:
            await self._probe(client, sink)
            self._probed = header.instance
        same = self._instance == header.instance and 0 < self._next <= header.next
        before = self._next if same else 0
        if same:
            start = max(self._next, header.first)
            if start > self._next:
                # They were overwritten before we came back: the loss account says so.
                rejected["overwritten_at_source"] += start - self._next
        else:
            start = header.first if self._settings.backfill and header.first else header.next
        self._instance = header.instance
        rejected["not_an_observation"] += said.unknown
        # What is older than what the buffer will give, and was not told before.
        older = [one for one in said.observations if not one.sequence or before <= one.sequence < start]
        self._tell(older, rejected)
        if not same or start > before:
            self._teller.settle_conditions(said.observations, self._created(header.created), self._rows)
        await self._hand_over(sink, rejected)
        self._next = start
        while self._next < header.next:
            got = await self._ask(client, "sample", **{"from": self._next, "count": self._settings.count})
            if isinstance(got, Problem) and got.has("OUT_OF_RANGE"):
                # The buffer moved on while we read it.
                return await self._catch_up(client, sink)
            if not isinstance(got, Streams):
                raise _unexpected("sample", got, self._settings.url)
            if got.header.instance != self._instance:
                return None
            reached = self._next
            await self._accept(client, got, sink)
            if self._next <= reached:
                # An agent that does not come forward would be asked for ever.
                self._next = header.next
        return None

    async def _accept(self, client: httpx.AsyncClient, said: Streams, sink: Sink) -> None:
        """Take a message of the stream; afterwards the next one is asked for behind it."""
        rejected = Counter[str]()
        header = said.header
        if self._next and header.first > self._next:
            rejected["overwritten_at_source"] += header.first - self._next
        rejected["not_an_observation"] += said.unknown
        fresh = [one for one in said.observations if not one.sequence or one.sequence >= self._next]
        self._tell(fresh, rejected)
        await self._hand_over(sink, rejected)
        newest = max((one.sequence for one in said.observations), default=0)
        self._next = max(self._next, header.next or newest + 1)
        sink.reached({"instance": self._instance, "next": self._next})
        if self._settings.assets:
            changed = {one.value for one in fresh if one.type in ("AssetChanged", "AssetAdded")} - {"UNAVAILABLE", ""}
            for asset in sorted(changed)[:1000]:
                try:
                    got = await self._ask(client, f"asset/{quote(asset, safe='')}")
                except InputError:
                    continue
                if isinstance(got, Assets):
                    await self._take_assets(got, sink)

    async def _stream(self, client: httpx.AsyncClient, sink: Sink) -> None:
        """Take the stream until the agent ends it, restarts, or its buffer ran over."""
        settings = self._settings
        query: dict[str, str | int] = {
            "from": self._next,
            "count": settings.count,
            "interval": round(settings.interval_s * 1000),
            "heartbeat": round(settings.heartbeat_s * 1000),
        }
        wait = httpx.Timeout(settings.timeout_s, read=2 * settings.heartbeat_s + settings.interval_s + 1)
        async with client.stream("GET", self._path("sample"), params=query, timeout=wait) as answer:
            boundary = boundary_of(answer.headers.get("content-type", ""))
            if boundary is None:
                body = await _body(answer)
                said = await self._read(body, "sample")
                if isinstance(said, Problem) and said.has("OUT_OF_RANGE"):
                    return
                if not isinstance(said, Streams):
                    raise _unexpected("sample", said, settings.url)
                # It answers at once and does not stream: ask again and again.
                self._streams = False
                if said.header.instance == self._instance:
                    await self._accept(client, said, sink)
                return
            parts = Parts(boundary)
            async for chunk in answer.aiter_bytes():
                for body in parts.feed(chunk):
                    said = await self._read(body, "sample")
                    if isinstance(said, Problem) and said.has("OUT_OF_RANGE"):
                        return
                    if not isinstance(said, Streams):
                        raise _unexpected("sample", said, settings.url)
                    if said.header.instance != self._instance:
                        return
                    await self._accept(client, said, sink)
                if parts.ended:
                    break
        await asyncio.sleep(min(1.0, settings.interval_s + 0.1))

    async def _poll(self, client: httpx.AsyncClient, sink: Sink) -> None:
        """Ask again and again until the agent restarts or its buffer ran over."""
        while True:
            said = await self._ask(client, "sample", **{"from": self._next, "count": self._settings.count})
            if isinstance(said, Problem) and said.has("OUT_OF_RANGE"):
                return
            if not isinstance(said, Streams):
                raise _unexpected("sample", said, self._settings.url)
            if said.header.instance != self._instance:
                return
            full = len(said.observations) >= self._settings.count
            await self._accept(client, said, sink)
            if not full:
                await asyncio.sleep(max(self._settings.interval_s, 0.01))

    def _tell(self, observations: Iterable[Observation], rejected: Counter[str]) -> None:
        now = self._now()
        for one in sorted(observations, key=lambda one: one.sequence):
            self._teller.tell(one, self._rows, rejected, now)

    async def _take_assets(self, said: Assets, sink: Sink) -> None:
        rejected, now = Counter[str](), self._now()
        for asset in said.assets:
            at = nanoseconds(asset.timestamp) if asset.timestamp else None
            self._teller.tell_asset(asset, self._settings.device, at or now, self._rows, rejected)
        await self._hand_over(sink, rejected)

    async def _hand_over(self, sink: Sink, rejected: Counter[str]) -> None:
        batch = self._rows.samples(self._now())
        await sink.take(batch, {reason: count for reason, count in rejected.items() if count})

    def _created(self, text: str) -> int:
        return nanoseconds(text) or self._now()

    # Asking

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Accept": "text/xml, application/xml, multipart/x-mixed-replace"}
        async with httpx.AsyncClient(timeout=self._settings.timeout_s, headers=headers, trust_env=False) as client:
            yield client

    def _path(self, request: str) -> str:
        base = self._settings.url.rstrip("/")
        for known in ("/probe", "/current", "/sample"):
            base = base.removesuffix(known)
        device = self._settings.device
        if device and not request.startswith("asset"):
            return f"{base}/{quote(device, safe='')}/{request}"
        return f"{base}/{request}"

    async def _ask(self, client: httpx.AsyncClient, request: str, **query: int) -> Said:
        async with client.stream("GET", self._path(request), params=query or None) as answer:
            body = await _body(answer)
            if answer.status_code >= 400 and b"MTConnectError" not in body[:4096]:
                raise InputError(
                    f"{request}: the server answers {answer.status_code} {answer.reason_phrase}",
                    where=self._path(request),
                    fix="look whether this is the address of an agent",
                    code="http_status",
                )
        return await self._read(body, request)

    async def _read(self, body: bytes, request: str) -> Said:
        where = f"{self._settings.url}, {request}"
        if len(body) >= IN_THREAD_BYTES:
            return await asyncio.to_thread(read_document, body, where)
        return read_document(body, where)

    # Looking

    async def check(self) -> list[Finding]:
        """Ask for probe, current and a stream, and say what was found."""
        found: list[Finding] = []
        try:
            async with self._client() as client:
                await self._check(client, found)
        except httpx.HTTPError as error:
            fix = "look whether the agent runs and this computer reaches its port (an agent listens on 5000)"
            found.append(Finding("fault", "no_agent", f"{self._settings.url}: {_reason(error)}", fix))
        except ZhizaoError as error:
            found.append(Finding("fault", error.fault.code, str(error), error.fault.fix))
        return found

    async def _check(self, client: httpx.AsyncClient, found: list[Finding]) -> None:
        said = await self._ask(client, "probe")
        if not isinstance(said, Devices):
            raise _unexpected("probe", said, self._settings.url)
        items = [item for device in said.devices for item in device.all_items()]
        names = ", ".join(device.name or device.uuid for device in said.devices)
        kinds = Counter(item.category.lower() for item in items)
        what = f"version {said.version or '?'}: {names}; " + ", ".join(f"{n} {kind}s" for kind, n in kinds.items())
        found.append(Finding("ok", "probe", what))
        if said.faults:
            what = f"{len(said.faults)} things of the device model were left out: {'; '.join(said.faults[:3])}"
            found.append(Finding("warning", "model_faults", what, "mend the devices file of the agent"))
        sent = self._now()
        current = await self._ask(client, "current")
        took = self._now() - sent
        if not isinstance(current, Streams):
            raise _unexpected("current", current, self._settings.url)
        silent = sum(one.value == "UNAVAILABLE" or one.level == "UNAVAILABLE" for one in current.observations)
        what = f"{len(current.observations)} values, {silent} of them unavailable"
        if current.observations and silent == len(current.observations):
            found.append(
                Finding("warning", "all_unavailable", what, "the agent runs, its adapter does not: start the adapter")
            )
        else:
            found.append(Finding("ok", "current", what))
        if created := nanoseconds(current.header.created):
            skew_s = (created - sent - took / 2) / 1e9
            if abs(skew_s) > 2 + took / 1e9:
                what = f"the agent's clock is {skew_s:+.1f} s from this computer's"
                found.append(Finding("warning", "clock_skew", what, "set both to a time server (NTP)"))
        if not self._settings.stream:
            return
        query = {"interval": 100, "heartbeat": 1000, "count": 1}
        async with client.stream("GET", self._path("sample"), params=query) as answer:
            if boundary_of(answer.headers.get("content-type", "")) is None:
                what = f"the agent does not stream: it answers {answer.headers.get('content-type', 'without a type')}"
                found.append(Finding("warning", "no_stream", what, "it is asked again and again; or set stream: false"))
            else:
                found.append(Finding("ok", "stream", f"streams; its buffer holds {current.header.buffer} observations"))

    async def browse(self, below: str = "") -> list[Browsed]:
        """Devices, components and data items below an address (id of a component), with their values now.

        Raises
        ------
        InputError : the agent cannot be asked
        """
        try:
            async with self._client() as client:
                said, current = await self._ask(client, "probe"), await self._ask(client, "current")
        except httpx.HTTPError as error:
            raise InputError(_reason(error), where=self._settings.url, code="no_agent") from error
        if not isinstance(said, Devices):
            raise _unexpected("probe", said, self._settings.url)
        values: dict[str, str] = {}
        if isinstance(current, Streams):
            for one in current.observations:
                words = one.level if one.level and not one.value else f"{one.level} {one.value}".strip()
                values[one.item] = words[:200]
        found: list[Browsed] = []
        for device in said.devices:
            _browse(device, (), below, values, found)
        return found


def _browse(part: Component, above: tuple[str, ...], below: str, values: dict[str, str], found: list[Browsed]) -> None:
    path = (*above, part.name or part.native_name or part.id or part.type)
    if not below or part.id == below:
        below = ""
        found.append(Browsed(part.id, "/".join(path), part.type, leaf=False))
        for item in part.items:
            kind = "/".join(filter(None, (item.category, item.type, item.sub_type)))
            name = "/".join((*path, item.name or item.id))
            found.append(Browsed(item.id, name, kind, item.units, True, clean(values.get(item.id, " ")).strip("?")))
    for one in part.components:
        _browse(one, path, below, values, found)


async def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise InputError(f"the answer has more than {MAX_BYTES} bytes", fix="ask for one device", code="too_large")
    return bytes(body)


def _unexpected(request: str, said: Said, url: str) -> InputError:
    words = str(said) if isinstance(said, Problem) else f"a document of another kind ({type(said).__name__})"
    return InputError(f"{request}: the agent answers {words}", where=url, code="unexpected_answer")


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, httpx.ReadTimeout):
        return "nothing came any more, not even a heartbeat"
    return text
