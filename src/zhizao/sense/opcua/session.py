"""A session with a server: who we are, whom we trust, and the few services that are asked for, answers read by `wire`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua.ua_binary import struct_from_binary
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from zhizao.errors import InputError, NotAllowed
from zhizao.sense.opcua.settings import Settings
from zhizao.sense.opcua.trust import TrustList, own_certificate
from zhizao.sense.opcua.wire import Datum, Published, history, published, republished, values

__all__ = ["POLICIES", "Session", "endpoints", "mode_of", "opened", "server_certificate"]

POLICIES = {
    "None": "http://opcfoundation.org/UA/SecurityPolicy#None",
    "Basic256Sha256": "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256",
    "Aes128_Sha256_RsaOaep": "http://opcfoundation.org/UA/SecurityPolicy#Aes128_Sha256_RsaOaep",
    "Aes256_Sha256_RsaPss": "http://opcfoundation.org/UA/SecurityPolicy#Aes256_Sha256_RsaPss",
}
AT_ONCE = 500
"""Nodes that are asked for in one request."""

_Item = TypeVar("_Item")


def mode_of(settings: Settings) -> ua.MessageSecurityMode:
    """How messages are protected."""
    if settings.security == "None":
        return ua.MessageSecurityMode.None_
    return ua.MessageSecurityMode[settings.mode or "SignAndEncrypt"]


def server_certificate(endpoint: ua.EndpointDescription) -> x509.Certificate | None:
    """Certificate that an end point shows; the first when it shows a chain."""
    data = endpoint.ServerCertificate
    if not data:
        return None
    return x509.load_der_x509_certificate(data[: int.from_bytes(data[2:4], "big") + 4])


def _client(settings: Settings) -> Client:
    client = Client(settings.url, timeout=settings.timeout_s, watchdog_intervall=30.0)
    client.name = client.description = "zhizao"
    client.session_timeout = 60_000
    return client


async def endpoints(settings: Settings) -> list[ua.EndpointDescription]:
    """What a server offers; asked without protection, which every server allows."""
    found: list[ua.EndpointDescription] = await _client(settings).connect_and_get_server_endpoints()
    return found


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Session]:
    """A session that is closed at the end.

    Raises
    ------
    NotAllowed : the server's certificate is not trusted, or it refuses us
    InputError : it does not offer what the settings ask for
    """
    client = _client(settings)
    if settings.user:
        client.set_user(settings.user)
        client.set_password(settings.secret())
    if settings.security != "None":
        await _secure(client, settings)
    try:
        await client.connect()
    except ua.UaStatusCodeError as error:
        raise NotAllowed(
            f"the server refuses a session: {error.__class__.__name__}",
            where=settings.url,
            fix=refusal(error.code),
            code="refused",
        ) from error
    session = Session(client)
    try:
        session.spaces = await client.get_namespace_array()
        yield session
    finally:
        with suppress(Exception):
            await asyncio.wait_for(client.disconnect(), settings.timeout_s)


async def _secure(client: Client, settings: Settings) -> None:
    folder = Path(settings.trust)
    own = own_certificate(folder, settings.certificate, settings.key)
    mode, policy = mode_of(settings), POLICIES[settings.security]
    for endpoint in await endpoints(settings):
        if endpoint.SecurityMode == mode and endpoint.SecurityPolicyUri == policy:
            break
    else:
        raise InputError(
            f"the server does not offer {settings.security} with {mode.name}",
            where=settings.url,
            fix="zhizao sense --check says what it offers",
            code="no_policy",
        )
    certificate = server_certificate(endpoint)
    if certificate is None:
        raise NotAllowed("the server shows no certificate", where=settings.url, code="no_certificate")
    TrustList(folder).demand(certificate, settings.url)
    client.application_uri = own.uri
    await client.set_security(
        getattr(security_policies, "SecurityPolicy" + settings.security.replace("_", "")),
        own.certificate,
        own.key,
        server_certificate=CertProperties(certificate.public_bytes(Encoding.DER), "DER"),
        mode=mode,
    )


def refusal(code: int) -> str:
    """What to do about a session that was refused."""
    codes = ua.StatusCodes
    if code in (codes.BadIdentityTokenRejected, codes.BadUserAccessDenied, codes.BadIdentityTokenInvalid):
        return "check user and password in plant.yaml; the server may not take anonymous users"
    if code in (codes.BadSecurityChecksFailed, codes.BadCertificateUntrusted, codes.BadCertificateInvalid):
        return "let the server trust our certificate: own/certificate.der in the trust folder"
    return "see the server's own log"


class Session:
    """A session that is open.

    Parameters
    ----------
    client : connected
    """

    def __init__(self, client: Client) -> None:
        self.client, self.spaces = client, list[str]()
        self._send: Callable[..., Any] = client.uaclient.session._send_request

    async def read(self, nodes: Sequence[ua.NodeId], attribute: int = ua.AttributeIds.Value) -> list[Datum]:
        """One attribute of many nodes."""
        found: list[Datum] = []
        for some in _parts(nodes):
            request = ua.ReadRequest()
            request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            request.Parameters.MaxAge = 0
            request.Parameters.NodesToRead = [
                ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds(attribute)) for node in some
            ]
            found += values(bytes(await self._send(request)))
        return found

    async def browse(self, nodes: Sequence[ua.NodeId]) -> list[list[ua.ReferenceDescription]]:
        """Objects and variables below each of many nodes."""
        session, found = self.client.uaclient.session, []
        for some in _parts(nodes, 100):
            wanted = ua.BrowseParameters()
            wanted.View.Timestamp = ua.get_win_epoch()
            wanted.RequestedMaxReferencesPerNode = 0
            for node in some:
                one = ua.BrowseDescription()
                one.NodeId, one.BrowseDirection, one.IncludeSubtypes = node, ua.BrowseDirection.Forward, True
                one.ReferenceTypeId = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
                one.NodeClassMask = ua.NodeClass.Object | ua.NodeClass.Variable
                one.ResultMask = ua.BrowseResultMask.All
                wanted.NodesToBrowse.append(one)
            for result in await session.browse(wanted):
                below = list(result.References or [])
                while result.ContinuationPoint:
                    again = ua.BrowseNextParameters(
                        ReleaseContinuationPoints=False, ContinuationPoints=[result.ContinuationPoint]
                    )
                    result = (await session.browse_next(again))[0]
                    below += result.References or []
                found.append(below)
        return found

    async def children(self, nodes: Sequence[ua.NodeId], name: str) -> list[ua.NodeId | None]:
        """Child of each of many nodes by its name in namespace 0, such as `EngineeringUnits`."""
        found: list[ua.NodeId | None] = []
        for some in _parts(nodes):
            paths = []
            for node in some:
                step = ua.RelativePathElement()
                step.ReferenceTypeId = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
                step.IsInverse, step.IncludeSubtypes = False, True
                step.TargetName = ua.QualifiedName(name, 0)
                path = ua.BrowsePath(StartingNode=node)
                path.RelativePath.Elements = [step]
                paths.append(path)
            for result in await self.client.uaclient.session.translate_browsepaths_to_nodeids(paths):
                good = result.StatusCode.is_good() and result.Targets
                found.append(result.Targets[0].TargetId if good else None)
        return found

    async def subscribe(self, publishing_ms: float) -> ua.CreateSubscriptionResult:
        """A new subscription that nobody publishes yet."""
        request = ua.CreateSubscriptionRequest()
        wanted = request.Parameters
        wanted.RequestedPublishingInterval = publishing_ms
        wanted.RequestedMaxKeepAliveCount = max(round(5000 / publishing_ms), 3)
        wanted.RequestedLifetimeCount = 12 * wanted.RequestedMaxKeepAliveCount
        wanted.MaxNotificationsPerPublish, wanted.PublishingEnabled, wanted.Priority = 0, True, 0
        answer = struct_from_binary(ua.CreateSubscriptionResponse, await self._send(request))
        answer.ResponseHeader.ServiceResult.check()
        made: ua.CreateSubscriptionResult = answer.Parameters
        return made

    async def monitor(
        self, subscription: int, items: Sequence[ua.MonitoredItemCreateRequest]
    ) -> list[ua.MonitoredItemCreateResult]:
        """Items of a subscription."""
        found: list[ua.MonitoredItemCreateResult] = []
        for some in _parts(items):
            wanted = ua.CreateMonitoredItemsParameters()
            wanted.SubscriptionId, wanted.ItemsToCreate = subscription, list(some)
            wanted.TimestampsToReturn = ua.TimestampsToReturn.Both
            found += await self.client.uaclient.session.create_monitored_items(wanted)
        return found

    async def publish(self, acknowledged: Sequence[tuple[int, int]]) -> Published:
        """Wait for a notification.

        Parameters
        ----------
        acknowledged : subscription and sequence number of what is stored
        """
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(SubscriptionId=one, SequenceNumber=number) for one, number in acknowledged
        ]
        return published(bytes(await self._send(request, timeout=0)))

    async def republish(self, subscription: int, sequence: int) -> Published:
        """A notification that was missed; raises `UaStatusCodeError` when the server has it no more."""
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId, request.Parameters.RetransmitSequenceNumber = subscription, sequence
        return republished(bytes(await self._send(request)))

    async def history(
        self, nodes: Sequence[ua.NodeId], start_ns: int, end_ns: int
    ) -> AsyncIterator[tuple[int, int, list[Datum]]]:
        """Raw history: position of the node, status, values; a node may come several times.

        Parameters
        ----------
        nodes : few enough for one request
        start_ns, end_ns : since 1970, both included
        """
        details = ua.ReadRawModifiedDetails()
        details.IsReadModified, details.ReturnBounds, details.NumValuesPerNode = False, False, 0
        details.StartTime, details.EndTime = _moment(start_ns), _moment(end_ns)
        waiting = [(index, node, b"") for index, node in enumerate(nodes)]
        while waiting:
            request = ua.HistoryReadRequest()
            wanted = request.Parameters
            wanted.HistoryReadDetails, wanted.TimestampsToReturn = details, ua.TimestampsToReturn.Both
            wanted.ReleaseContinuationPoints = False
            wanted.NodesToRead = [
                ua.HistoryReadValueId(NodeId=node, ContinuationPoint=more or None) for _, node, more in waiting
            ]
            answers = history(bytes(await self._send(request)))
            left = []
            for (index, node, _), (status, more, found) in zip(waiting, answers, strict=True):
                yield index, status, found
                if more:
                    left.append((index, node, more))
            waiting = left

    async def refresh(self, subscription: int) -> None:
        """Ask for the conditions as they stand; a server without any does not know the method."""
        call = ua.CallMethodRequest()
        call.ObjectId = ua.NodeId(ua.ObjectIds.ConditionType)
        call.MethodId = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh)
        call.InputArguments = [ua.Variant(subscription, ua.VariantType.UInt32)]
        with suppress(ua.UaError):
            await self.client.uaclient.session.call([call])

    async def acknowledge(self, condition: ua.NodeId, event: bytes, comment: str) -> ua.StatusCode:
        """Acknowledge a condition (Part 9, 5.7.3), and what the server says to it.

        Parameters
        ----------
        condition : its node
        event : id of the event that is acknowledged
        comment : who does it and why
        """
        call = ua.CallMethodRequest()
        call.ObjectId = condition
        call.MethodId = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
        call.InputArguments = [
            ua.Variant(event, ua.VariantType.ByteString),
            ua.Variant(ua.LocalizedText(comment), ua.VariantType.LocalizedText),
        ]
        answers = await self.client.uaclient.session.call([call])
        status: ua.StatusCode = answers[0].StatusCode
        return status


def _moment(ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)


def _parts(items: Sequence[_Item], most: int = AT_ONCE) -> list[Sequence[_Item]]:
    return [items[start : start + most] for start in range(0, len(items), most)]
