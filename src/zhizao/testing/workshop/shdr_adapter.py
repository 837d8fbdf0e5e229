"""The workshop as an adapter: lines of SHDR to whoever connects, and answers to pings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from zhizao.testing.workshop.mtconnect_agent import stamp, written
from zhizao.testing.workshop.signals import Change, Signals

__all__ = ["ShdrAdapter"]

MAX_WAITING = 64 * 1024 * 1024
"""Bytes that may wait for a listener; a slower one loses its connection, as adapters keep nothing."""


class ShdrAdapter:
    """An adapter of one plant's signals; keys are the names of the signals.

    Parameters
    ----------
    plant : whose signals
    host, port : where to listen; port 0 takes a free one
    heartbeat_ms : what it answers to a ping; None does not answer
    """

    def __init__(
        self, plant: Signals, host: str = "127.0.0.1", port: int = 0, heartbeat_ms: int | None = 10_000
    ) -> None:
        self._plant, self._host, self.port, self._heartbeat_ms = plant, host, port, heartbeat_ms
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._at = 0
        self.told = 0
        """Values that were told, to each listener."""
        plant.follow(self._changed)

    async def start(self) -> None:
        """Listen; afterwards `port` is the one taken."""
        self._server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.close()
            self.drop()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._server = None

    def drop(self) -> None:
        """End all connections."""
        for writer in list(self._writers):
            writer.close()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            now = [(signal.name, self._at, self._plant.value(signal.name)) for signal in self._plant.signals]
            self._write(writer, now, when=bool(self._at))
            while line := await reader.readline():
                if line.startswith(b"* PING") and self._heartbeat_ms is not None:
                    writer.write(b"* PONG %d\n" % self._heartbeat_ms)
                    await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _changed(self, changes: Sequence[Change]) -> None:
        if changes:
            self._at = changes[-1][1]
        for writer in list(self._writers):
            if writer.transport.get_write_buffer_size() > MAX_WAITING:
                writer.close()
                self._writers.discard(writer)
            else:
                self._write(writer, changes)

    def _write(self, writer: asyncio.StreamWriter, changes: Iterable[Change], when: bool = True) -> None:
        lines: list[str] = []
        before = -1
        for name, at, value in changes:
            if at != before or not lines:
                lines.append(stamp(at) if when else "")
                before = at
            lines[-1] += f"|{_quoted(name)}|{_quoted(written(value))}"
            self.told += 1
        if lines:
            writer.write(("\n".join(lines) + "\n").encode())


def _quoted(text: str) -> str:
    text = " ".join(text.splitlines()) if "\n" in text or "\r" in text else text
    return '"' + text.replace("|", "\\|") + '"' if "|" in text else text
