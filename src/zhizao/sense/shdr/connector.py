"""The task that listens to an adapter: lines in, pings out, samples handed over as they come."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from zhizao.errors import InputError, ZhizaoError
from zhizao.sense.connection import Browsed, Finding, Sink
from zhizao.sense.mtconnect.devices import Devices
from zhizao.sense.mtconnect.document import read_document
from zhizao.sense.mtconnect.told import Teller
from zhizao.sense.rows import Rows
from zhizao.sense.shdr.fields import Cutter
from zhizao.sense.shdr.reader import Reader
from zhizao.sense.shdr.settings import Settings

__all__ = ["ShdrConnector"]

CHUNK_BYTES = 65_536
PING = b"* PING\n"


class ShdrConnector:
    """One connection to one adapter.

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
        self._described: list[Browsed] | None = None
        self.reader = Reader(self._teller, settings.device, own_time=settings.own_time, assets=settings.assets)

    def _prepare(self) -> list[Browsed]:
        """Read the devices file, once.

        Raises
        ------
        InputError : it is absent, or no devices file
        """
        if self._described is None:
            self._described = []
            if self._settings.devices:
                devices = self._devices()
                self._described = self._teller.learn(devices)
                first = devices.devices[0]
                device = self._settings.device or first.name or first.uuid or first.id
                self.reader = Reader(
                    self._teller, device, own_time=self._settings.own_time, assets=self._settings.assets
                )
        return self._described

    def _devices(self) -> Devices:
        path = Path(self._settings.devices)
        try:
            said = read_document(path.read_bytes(), str(path))
        except OSError as error:
            raise InputError(
                f"the devices file cannot be read: {error.strerror}",
                where=str(path),
                fix="give its path",
                code="no_file",
            ) from None
        if not isinstance(said, Devices) or not said.devices:
            raise InputError("the file holds no devices", where=str(path), fix="give the agent's devices file")
        return said

    async def run(self, sink: Sink) -> None:
        """Listen until cancelled; raises when the adapter is gone."""
        described = self._prepare()
        reader, writer = await self._open()
        pings = asyncio.create_task(self._ping(writer))
        rows = Rows()
        try:
            sink.described(described)
            sink.connected(True)
            await self._listen(reader, rows, sink)
        except (OSError, ZhizaoError):
            await self._silence(sink)
            raise
        finally:
            # Closed before anything is awaited: whoever cancels may do so twice.
            writer.close()
            self.reader.lost()
            pings.cancel()
            await asyncio.gather(pings, return_exceptions=True)

    async def _silence(self, sink: Sink) -> None:
        rows = Rows()
        self._teller.silence(self._now(), rows)
        await sink.take(rows.samples(self._now()))

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        settings = self._settings
        try:
            async with asyncio.timeout(settings.timeout_s):
                return await asyncio.open_connection(settings.host, settings.port, limit=CHUNK_BYTES)
        except TimeoutError:
            word = f"no answer within {settings.timeout_s:g} s"
        except OSError as error:
            word = error.strerror or str(error)
        raise InputError(
            f"the adapter cannot be reached: {word}",
            where=f"{settings.host}:{settings.port}",
            fix="look whether the adapter runs and this computer reaches its port",
            code="no_adapter",
        )

    async def _listen(self, stream: asyncio.StreamReader, rows: Rows, sink: Sink) -> None:
        cutter, account = Cutter(self._settings.encoding), self.reader.account
        while True:
            every = self.reader.heartbeat_s
            # Adapters that never answer a ping are not held to a heartbeat; TCP tells when they are gone.
            patience = 2 * every + 1 if every else None
            try:
                async with asyncio.timeout(patience):
                    data = await stream.read(CHUNK_BYTES)
            except TimeoutError:
                raise InputError(
                    f"nothing came for {patience:g} s, not even an answer to a ping",
                    where=f"{self._settings.host}:{self._settings.port}",
                    code="no_heartbeat",
                ) from None
            now, before = self._now(), account.rejected.copy()
            lines = cutter.feed(data) if data else [left] if (left := cutter.rest()) else []
            for line in lines:
                self.reader.line(line, rows, now)
            if cutter.too_long:
                account.lines += cutter.too_long
                account.kinds["refused"] += cutter.too_long
                account.observations += cutter.too_long
                account.rejected["line_too_long"] += cutter.too_long
                cutter.too_long = 0
            if not data:
                before_end = account.rejected - before
                self.reader.lost()
                await sink.take(rows.samples(now), dict((account.rejected - before) or before_end))
                raise InputError(
                    "the adapter ended the connection",
                    where=f"{self._settings.host}:{self._settings.port}",
                    code="ended",
                )
            await sink.take(rows.samples(now), dict(account.rejected - before))

    async def _ping(self, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(PING)
            await writer.drain()
            await asyncio.sleep(self.reader.heartbeat_s or self._settings.heartbeat_s)

    async def check(self) -> list[Finding]:
        """Connect, ping, listen for a moment, and say what was found."""
        where = f"{self._settings.host}:{self._settings.port}"
        found: list[Finding] = []
        try:
            described = self._prepare()
            stream, writer = await self._open()
        except ZhizaoError as error:
            return [Finding("fault", error.fault.code, str(error), error.fault.fix)]
        try:
            found += await self._look(stream, writer, where, len(described))
        except OSError as error:
            found.append(Finding("fault", "ended", f"{where}: {error}", "look at the adapter's log"))
        finally:
            writer.close()
        return found

    async def _look(
        self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str, items: int
    ) -> list[Finding]:
        teller = Teller(self._settings.prefix or self.name)
        if self._settings.devices:
            teller.learn(self._devices())
        reader, rows, cutter = Reader(teller, self._settings.device), Rows(), Cutter(self._settings.encoding)
        writer.write(PING)
        keys: Counter[str] = Counter()
        try:
            async with asyncio.timeout(2.0):
                while data := await stream.read(CHUNK_BYTES):
                    for line in cutter.feed(data):
                        reader.line(line, rows, self._now())
                    keys.update(rows.samples(0).tag)
        except TimeoutError:
            pass
        account = reader.account
        what = f"{where}: {account.lines} lines, {account.samples} samples of {len(keys)} tags in 2 s"
        found = [
            Finding("ok", "lines", what)
            if account.lines
            else Finding("warning", "no_lines", f"{where}: connected, nothing came", "look whether the machine is on")
        ]
        if account.rejected:
            words = ", ".join(f"{reason} {count}" for reason, count in account.rejected.most_common())
            fix = "give the agent's devices file as `devices`" if not items else "compare keys with the devices file"
            found.append(Finding("warning", "rejected", f"not taken: {words}", fix))
        if reader.heartbeat_s is None:
            found.append(
                Finding("warning", "no_pong", "the adapter does not answer pings", "a cut line is noticed later; none")
            )
        if not items:
            found.append(
                Finding("warning", "no_devices", "without a devices file the kind of each key is guessed",
                        "give the agent's devices file as `devices`")
            )  # fmt: skip
        return found

    async def browse(self, below: str = "") -> list[Browsed]:
        """Data items of the devices file; an adapter itself cannot be asked.

        Raises
        ------
        InputError : there is a devices file and it cannot be read
        """
        return [tag for tag in self._prepare() if not below or tag.name.startswith(below)]
