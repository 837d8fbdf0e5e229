"""One connection to an MQTT broker: the client lives in a thread of its own, its messages are awaited here.

Messages wait in a queue with an end. When it is full the thread reads nothing more from the socket, so that the pressure
goes back to the broker; nothing is acknowledged before the one who awaits messages says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import secrets
import socket
import ssl
from collections.abc import Sequence
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from zhizao.errors import ZhizaoError
from zhizao.sense.sparkplug.heard import Publish
from zhizao.sense.sparkplug.settings import Settings

__all__ = ["Link", "LinkError", "Message"]

_ANSWER_S = 10.0
_WAITING = 2_000


class LinkError(ZhizaoError):
    """The broker cannot be reached, refuses, or is gone; its code says at which step."""


class _Context(ssl.SSLContext):
    """Remembers the socket it wrapped, because the client forgets to close one whose handshake failed."""

    wrapped: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **given: Any) -> ssl.SSLSocket:
        self.wrapped = super().wrap_socket(*args, **given)
        return self.wrapped


class Message(NamedTuple):
    """A message as it came."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int


class Link:
    """A session with a broker, clean from its beginning and used once.

    Parameters
    ----------
    settings : of the connection
    will : what the broker says of us when we are gone; None for nothing
    waiting : messages that may wait here
    """

    def __init__(self, settings: Settings, will: Publish | None = None, waiting: int = _WAITING) -> None:
        self._settings = settings
        self._where = f"{settings.host}:{settings.at}"
        self._queue: queue.Queue[Message] = queue.Queue(waiting)
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._rung = self._stopped = False
        self._gone: LinkError | None = None
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._subscribed: asyncio.Future[list[str]] = self._loop.create_future()
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"zhizao-{secrets.token_hex(6)}",
            clean_session=True,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if settings.username:
            client.username_pw_set(settings.username, settings.secret() or None)
        if will is not None:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect

    # ------------------------------------------------------------------ in the client's thread

    def _call(self, what: Any, *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop may have ended before the thread does
            self._loop.call_soon_threadsafe(what, *args)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._call(self._settle, self._accepted, None if not reason.is_failure else _refused(str(reason), self._where))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Sequence[Any], _properties: Any) -> None:
        self._call(self._settle, self._subscribed, [str(one) for one in reasons if one.is_failure])

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._call(self._end, f"{reason}")

    def _on_message(self, _client: Any, _data: Any, said: mqtt.MQTTMessage) -> None:
        try:
            topic = said.topic
        except UnicodeDecodeError:
            topic = ""
        message = Message(topic, bytes(said.payload), said.qos, said.retain, said.mid)
        while not self._stopped:
            try:
                self._queue.put(message, timeout=0.5)
            except queue.Full:
                continue
            break
        if not self._rung:
            self._rung = True
            self._call(self._event.set)

    # ------------------------------------------------------------------ in the event loop

    @staticmethod
    def _settle(future: asyncio.Future[Any], result: Any) -> None:
        if not future.done():
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _end(self, word: str) -> None:
        self._gone = self._gone or LinkError(
            f"the broker {self._where} is gone: {word}", fix="it is tried again by itself", code="gone"
        )
        for future in (self._accepted, self._subscribed):
            if not future.done():
                future.set_exception(self._gone)
                future.exception()
        self._event.set()

    async def open(self, filters: Sequence[str]) -> None:
        """Connect, and subscribe with quality of service 1.

        Parameters
        ----------
        filters : topics to listen to

        Raises
        ------
        LinkError : code `resolve`, `tcp`, `tls_file`, `tls`, `no_answer`, `refused`, `subscribe` or `gone`
        """
        await asyncio.to_thread(self._connect)
        self._client.loop_start()
        await self._answered(self._accepted, "the connection")
        self._client.subscribe([(one, 1) for one in filters])
        failed = await self._answered(self._subscribed, "the subscription")
        if failed:
            raise LinkError(
                f"{self._where} does not let us listen: {', '.join(failed)}",
                fix=f"allow {', '.join(filters)} for this user in the broker's access list",
                code="subscribe",
            )

    async def _answered(self, future: asyncio.Future[Any], what: str) -> Any:
        try:
            return await asyncio.wait_for(asyncio.shield(future), _ANSWER_S)
        except TimeoutError:
            raise LinkError(
                f"{self._where} accepts TCP and says nothing to {what} in {_ANSWER_S:g} s",
                fix="see whether an MQTT broker listens there, and whether it wants TLS (tls: true)",
                code="no_answer",
            ) from None

    def _connect(self) -> None:
        settings = self._settings
        context: _Context | None = None
        try:
            if settings.encrypted:
                context = _Context(ssl.PROTOCOL_TLS_CLIENT)
                if settings.ca:
                    context.load_verify_locations(settings.ca)
                else:
                    context.load_default_certs()
                if settings.certificate:
                    context.load_cert_chain(settings.certificate, settings.key, password=_no_passphrase)
                self._client.tls_set_context(context)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise LinkError(
                f"ca, certificate or key cannot be read: {error}",
                fix="give files in PEM form that zhizao may read; a key without a passphrase",
                code="tls_file",
            ) from None
        try:
            self._client.connect(settings.host, settings.at, settings.keepalive_s)
        except socket.gaierror as error:
            raise LinkError(
                f'"{settings.host}" is no known name: {error.strerror}', fix="correct host", code="resolve"
            ) from None
        except ssl.SSLError as error:
            if context is not None and context.wrapped is not None:
                context.wrapped.close()
            raise LinkError(
                f"no encrypted session with {self._where}: {error}",
                fix="give the authority that signed the broker's certificate as ca, and the host by the name in it",
                code="tls",
            ) from None
        except (OSError, ValueError) as error:
            raise LinkError(
                f"{self._where} does not answer: {error}",
                fix="see whether the broker runs, its port, and what a firewall lets through",
                code="tcp",
            ) from None

    async def messages(self, timeout_s: float | None, most: int = 500) -> list[Message]:
        """What has come; empty when nothing did in time.

        Parameters
        ----------
        timeout_s : seconds to wait; None for as long as it takes
        most : messages at once

        Raises
        ------
        LinkError : when the broker is gone and all that came is handed out
        """
        if self._queue.empty() and self._gone is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._event.wait(), timeout_s)
        self._event.clear()
        self._rung = False
        found: list[Message] = []
        while len(found) < most:
            try:
                found.append(self._queue.get_nowait())
            except queue.Empty:
                break
        if not found and self._gone is not None:
            raise self._gone
        return found

    def publish(self, wish: Publish) -> None:
        """Send a message."""
        self._client.publish(wish.topic, wish.payload, wish.qos, wish.retain)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that messages are kept; only those that it repeats otherwise."""
        for one in messages:
            if one.qos and self._gone is None:
                self._client.ack(one.mid, one.qos)

    async def close(self, farewell: Publish | None = None) -> None:
        """Say farewell if there is something to say, and end the session."""
        said = farewell if self._gone is None and self._accepted.done() else None
        await asyncio.shield(self._loop.run_in_executor(None, self._close, said))  # even if it is cancelled twice
        for future in (self._accepted, self._subscribed):
            if future.done() and not future.cancelled():
                future.exception()

    def _close(self, farewell: Publish | None) -> None:
        self._stopped = True
        if farewell is not None:
            with contextlib.suppress(ValueError, RuntimeError):
                self._client.publish(farewell.topic, farewell.payload, farewell.qos, farewell.retain).wait_for_publish(
                    2.0
                )
        self._client.disconnect()
        self._client.loop_stop()


def _no_passphrase() -> str:
    """Keeps the library from asking at the terminal."""
    raise ValueError("the key has a passphrase")


def _refused(reason: str, where: str) -> LinkError:
    return LinkError(
        f"{where} refuses the connection: {reason}",
        fix="correct username and password, or let the broker accept this client",
        code="refused",
    )
