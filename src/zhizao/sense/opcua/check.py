"""What `zhizao sense --check` finds out about an OPC UA server, step by step, each with its cure."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlparse

from asyncua import ua

from zhizao.errors import ZhizaoError
from zhizao.sense.connection import Finding
from zhizao.sense.opcua.session import POLICIES, Session, endpoints, mode_of, opened, server_certificate
from zhizao.sense.opcua.settings import Settings
from zhizao.sense.opcua.trust import TrustList, thumbprint, validity

__all__ = ["check"]

_SOON_DAYS = 30
_SKEW_S = 1.5
"""Some servers set their time only once a second."""
_SHOWN = 10

Nodes = Callable[[Session, Settings], Awaitable[dict[ua.NodeId, str]]]


class _Findings(list[Finding]):
    def say(self, level: Literal["ok", "warning", "fault"], code: str, what: str, fix: str = "") -> None:
        self.append(Finding(level, code, what, fix))


async def check(settings: Settings, nodes: Nodes) -> list[Finding]:
    """Try everything in turn; what cannot be tried because of an earlier fault is left out.

    Parameters
    ----------
    settings : of the connection
    nodes : finds the nodes that are read
    """
    found = _Findings()
    if await _reachable(settings, found) and await _offered(settings, found):
        try:
            async with opened(settings) as session:
                found.say("ok", "session", f"a session is open as {settings.user or 'anonymous'}")
                await _inside(session, settings, nodes, found)
        except ZhizaoError as error:
            found.say("fault", error.fault.code, error.fault.what, error.fault.fix)
        except Exception as error:  # noqa: BLE001 whatever a server or the library does, it becomes a line
            found.say("fault", "session", f"{type(error).__name__}: {error}", "see the server's own log")
    return list(found)


async def _reachable(settings: Settings, found: _Findings) -> bool:
    address = urlparse(settings.url)
    host = address.hostname or ""
    try:
        port = address.port or 4840
    except ValueError:
        found.say("fault", "address", f"{settings.url} has no valid port", "write opc.tcp://host:4840")
        return False
    try:
        listed = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        found.say("fault", "dns", f'"{host}" has no address: {error}', "check the name, or write the IP address")
        return False
    found.say("ok", "dns", f"{host} is {listed[0][4][0]}")
    begin = time.monotonic()
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), settings.timeout_s)
    except (OSError, TimeoutError) as error:
        word = "no answer" if isinstance(error, TimeoutError) else str(error)
        found.say(
            "fault",
            "tcp",
            f"port {port} of {host} does not open: {word}",
            "is the server running, is the port right, does a firewall stand between?",
        )
        return False
    writer.close()
    found.say("ok", "tcp", f"port {port} is open, {1000 * (time.monotonic() - begin):.0f} ms")
    return True


async def _offered(settings: Settings, found: _Findings) -> bool:
    try:
        listed = await endpoints(settings)
    except Exception as error:  # noqa: BLE001 whatever answers there, it becomes a line
        found.say(
            "fault",
            "endpoints",
            f"what answers does not tell its end points: {type(error).__name__} {error}".strip(),
            "is it an OPC UA server? check port and path",
        )
        return False
    names = {uri: name for name, uri in POLICIES.items()}
    offers = sorted(
        {f"{names.get(one.SecurityPolicyUri, one.SecurityPolicyUri)}/{one.SecurityMode.name}" for one in listed}
    )
    mode = mode_of(settings)
    fitting = [
        one for one in listed if one.SecurityMode == mode and one.SecurityPolicyUri == POLICIES[settings.security]
    ]
    if not fitting:
        found.say(
            "fault",
            "policy",
            f"the server does not offer {settings.security}/{mode.name}; it offers {', '.join(offers)}",
            "set security and mode to one of these, or let the server offer it",
        )
        return False
    found.say("ok", "policy", f"{settings.security}/{mode.name} is among {', '.join(offers)}")
    if settings.security == "None":
        better = [one for one in offers if not one.startswith("None")]
        if better:
            found.say(
                "warning", "unprotected", "messages are neither signed nor encrypted", f"the server offers {better[-1]}"
            )
    _tokens(settings, fitting[0], found)
    return _certificate(settings, fitting[0], found)


def _tokens(settings: Settings, endpoint: ua.EndpointDescription, found: _Findings) -> None:
    kinds = {one.TokenType for one in endpoint.UserIdentityTokens or []}
    wanted = ua.UserTokenType.UserName if settings.user else ua.UserTokenType.Anonymous
    if kinds and wanted not in kinds:
        fix = "write user and password" if not settings.user else "leave user away, or let the server take users"
        offered = ", ".join(sorted(one.name for one in kinds))
        found.say("warning", "user_token", f"the end point takes {offered}, not {wanted.name}", fix)


def _certificate(settings: Settings, endpoint: ua.EndpointDescription, found: _Findings) -> bool:
    if settings.security == "None":
        return True
    certificate = server_certificate(endpoint)
    if certificate is None:
        found.say("fault", "no_certificate", "the end point shows no certificate", "give the server one")
        return False
    trust, name = TrustList(Path(settings.trust)), certificate.subject.rfc4514_string()
    word = validity(certificate, datetime.now(UTC))
    if word:
        found.say("fault", "expired", word, "renew the server's certificate, or set the clocks")
        return False
    days = (certificate.not_valid_after_utc - datetime.now(UTC)).days
    if days < _SOON_DAYS:
        found.say("warning", "expires_soon", f"the server's certificate expires in {days} days", "renew it")
    if not trust.knows(certificate):
        file = trust.lay_aside(certificate)
        found.say(
            "fault",
            "untrusted",
            f"the server's certificate {name} ({thumbprint(certificate)}) is not trusted",
            f"compare the thumbprint with the server's, then move {file} to {trust.folder / 'trusted'}",
        )
        return False
    found.say("ok", "certificate", f"{name} is trusted, valid for {days} days")
    return True


async def _inside(session: Session, settings: Settings, nodes: Nodes, found: _Findings) -> None:
    await _skew(session, found)
    wanted = await nodes(session, settings)
    read = await session.read(list(wanted))
    bad = [
        f"{name} ({node.to_string()}): {ua.StatusCode(datum[2]).name}"
        for (node, name), datum in zip(wanted.items(), read, strict=True)
        if datum[2] & 0x8000_0000
    ]
    for one in bad[:_SHOWN]:
        found.say("fault", "tag", f"{one}", "compare the node id with what browsing shows; may this user read it?")
    if len(bad) > _SHOWN:
        found.say("fault", "tags", f"{len(bad) - _SHOWN} more tags cannot be read", "")
    found.say("ok" if not bad else "warning", "readable", f"{len(wanted) - len(bad)} of {len(wanted)} tags can be read")
    unstamped = sum(1 for datum in read if not datum[3] and not datum[2] & 0x8000_0000)
    if unstamped:
        found.say(
            "warning",
            "no_source_time",
            f"{unstamped} tags have no source time; the server's stands in for it",
            "let the server stamp values where they arise",
        )
    if settings.poll_ms is None:
        await _sampling(session, settings, list(wanted), found)


async def _skew(session: Session, found: _Findings) -> None:
    before = time.time_ns()
    datum = (await session.read([ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)]))[0]
    after = time.time_ns()
    told = datum[1]
    if not isinstance(told, int) or not told:
        found.say("warning", "clock", "the server does not tell its time", "")
        return
    skew = (told - (before + after) // 2) / 1e9
    round_s = (after - before) / 1e9
    if abs(skew) > _SKEW_S + round_s:
        ahead = "ahead of" if skew > 0 else "behind"
        found.say(
            "warning",
            "clock",
            f"the server's clock is {abs(skew):.1f} s {ahead} ours",
            "synchronise both with NTP; times are kept as the server tells them",
        )
    else:
        found.say(
            "ok", "clock", f"the clocks are {1000 * abs(skew):.0f} ms apart, within {1000 * round_s:.0f} ms of asking"
        )


async def _sampling(session: Session, settings: Settings, nodes: list[ua.NodeId], found: _Findings) -> None:
    made = await session.subscribe(settings.publishing_ms)
    if made.RevisedPublishingInterval > settings.publishing_ms * 1.01:
        found.say(
            "warning",
            "publishing",
            f"asked to publish every {settings.publishing_ms:g} ms, the server makes it {made.RevisedPublishingInterval:g}",
            "raise publishing_ms, or let the server publish faster",
        )
    items = []
    for handle, node in enumerate(nodes[:100]):
        one = ua.MonitoredItemCreateRequest()
        one.ItemToMonitor.NodeId, one.ItemToMonitor.AttributeId = node, ua.AttributeIds.Value
        one.MonitoringMode = ua.MonitoringMode.Disabled
        one.RequestedParameters.ClientHandle = handle
        one.RequestedParameters.SamplingInterval = settings.sampling_ms
        one.RequestedParameters.QueueSize = settings.queue_size
        items.append(one)
    results = [one for one in await session.monitor(made.SubscriptionId, items) if one.StatusCode.is_good()]
    await session.client.uaclient.session.delete_subscriptions([made.SubscriptionId])
    if not results:
        found.say("fault", "sampling", "no tag can be listened to", "set poll_ms to read them instead")
        return
    slowest = max(one.RevisedSamplingInterval for one in results)
    queue = min(one.RevisedQueueSize for one in results)
    if settings.sampling_ms > 0 and slowest > settings.sampling_ms * 1.01:
        found.say(
            "warning",
            "sampling",
            f"asked to sample every {settings.sampling_ms:g} ms, the server makes it {slowest:g}",
            "changes in between are not seen; let the server sample faster",
        )
    else:
        found.say(
            "ok", "sampling", f"sampled every {slowest:g} ms, published every {made.RevisedPublishingInterval:g} ms"
        )
    if queue < settings.queue_size:
        found.say("warning", "queue", f"asked to keep {settings.queue_size} changes, the server keeps {queue}", "")
