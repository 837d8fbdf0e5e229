"""OPC UA end point of the workshop: plain objects, or machines as the companion specifications describe them."""

from __future__ import annotations

import asyncio
import logging
import socket
import tempfile
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.history import HistoryStorageInterface
from cryptography.x509.oid import ExtendedKeyUsageOID

from zhizao.testing.workshop.companion import Mirror, build_machine, import_nodesets
from zhizao.testing.workshop.signals import Change, Signal, Signals, Value

__all__ = ["NAMESPACE", "OpcuaServer"]

NAMESPACE = "urn:zhizao:workshop"
_URI = "urn:zhizao:workshop:server"
_UNECE = "http://www.opcfoundation.org/UA/units/un/cefact"
_UNITS = {"%": "P1", "s": "SEC", "degC": "CEL", "kW": "KWT", "kWh": "KWH", "mm": "MMT"}
_TYPES = {
    "double": ua.VariantType.Double,
    "int": ua.VariantType.Int64,
    "bool": ua.VariantType.Boolean,
    "text": ua.VariantType.String,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEVERITY = {"tool broken": 800, "overheating": 900, "jam": 600}
_READ = 1 | 4
"""Access level: may be read, now and in history."""
_WRITE = 2


class _Told(ua.DataValue):  # type: ignore[misc]
    """A value that nobody changes any more; the server copies each one deeply for each who listens, which this spares."""

    __slots__ = ()

    def __deepcopy__(self, memo: Any) -> _Told:
        return self


class _History(HistoryStorageInterface):  # type: ignore[misc]
    """The last values of each variable, in memory."""

    def __init__(self, most: int) -> None:
        super().__init__(max_history_data_response_size=5000)
        self.most = most
        self.kept: dict[ua.NodeId, deque[ua.DataValue]] = {}

    async def init(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def read_node_history(
        self, node_id: ua.NodeId, start: datetime | None, end: datetime | None, nb_values: int
    ) -> tuple[list[ua.DataValue], datetime | None]:
        """Values between two times, both included, and where to go on."""
        kept = list(self.kept.get(node_id, ()))
        times = [one.SourceTimestamp for one in kept]
        first = bisect_left(times, start) if start else 0
        end = None if end is None or end.year <= 1601 else end
        most = min(nb_values or self.max_history_data_response_size, self.max_history_data_response_size)
        found: list[ua.DataValue] = []
        for one in kept[first:]:
            if end is not None and one.SourceTimestamp > end:
                break
            if len(found) >= most and one.SourceTimestamp != found[-1].SourceTimestamp:
                return found, None if nb_values else one.SourceTimestamp
            found.append(one)
        return found, None


class _Users:
    """Who may open a session."""

    def __init__(self, users: Mapping[str, str], anonymous: bool) -> None:
        self._users, self._anonymous = dict(users), anonymous

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        """Whoever it is, or nobody."""
        if not username:
            return User(role=UserRole.User, name="anonymous") if self._anonymous else None
        if self._users and self._users.get(username) == password:
            return User(role=UserRole.User, name=username)
        return None


class OpcuaServer:
    """Shows a workshop as an OPC UA server.

    Parameters
    ----------
    port : 0 takes a free one
    host : address to listen at
    nodesets : folder with the user's companion nodesets (DI, IA, Machinery, Machinery Jobs, ISA-95 job control, Machine
        Tools), as XML or gzip; None shows machines as plain objects only
    folder : where its certificate and key are kept; None makes new ones each time
    users : passwords by user; users are not accepted where there are none
    anonymous : whether nobody in particular may read and write
    history : values of each variable that are kept for back-fill; 0 keeps none
    """

    def __init__(
        self,
        port: int = 4840,
        *,
        host: str = "127.0.0.1",
        nodesets: Path | None = None,
        folder: Path | None = None,
        users: Mapping[str, str] | None = None,
        anonymous: bool = True,
        history: int = 20_000,
    ) -> None:
        self.host, self.port = host, port or _free_port(host)
        self.ready = asyncio.Event()
        """Set when clients may come."""
        self.behind = 0
        """Changes that wait to be shown."""
        self._nodesets, self._folder, self._history = nodesets, folder, _History(history)
        self._users = _Users(users or {}, anonymous)
        self._waiting: deque[Change] = deque()
        self._wake = asyncio.Event()
        self._nodes: dict[str, ua.NodeId] = {}
        self._slots: dict[str, Any] = {}
        self._mirrors: dict[str, list[Mirror]] = {}
        self._alarms: dict[str, Any] = {}
        self._following = False

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"opc.tcp://{self.host}:{self.port}/workshop"

    async def run(self, signals: Signals) -> None:
        """Serve until cancelled; run again, it is the same server after a restart, with its history."""
        self._mirrors, self._alarms = {}, {}
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        server = Server(user_manager=self._users)
        server.iserver.bind_condition_methods = True
        await server.init()
        server.set_endpoint(self.url)
        server.set_server_name("zhizao workshop")
        await server.set_application_uri(_URI)
        await self._secure(server)
        server.iserver.history_manager.set_storage(self._history)
        await self._build(server, signals)
        if not self._following:
            self._following = True
            signals.follow(self._changed)
        await server.start()
        self.ready.set()
        try:
            await self._show(server)
        finally:
            self.ready.clear()
            await server.stop()

    async def _secure(self, server: Server) -> None:
        kinds = ua.SecurityPolicyType
        server.set_security_policy([kinds.NoSecurity, kinds.Basic256Sha256_Sign, kinds.Basic256Sha256_SignAndEncrypt])
        tokens: list[type] = [ua.AnonymousIdentityToken, ua.UserNameIdentityToken]
        server.set_identity_tokens(tokens)
        with tempfile.TemporaryDirectory() as made:
            folder = self._folder or Path(made)
            folder.mkdir(parents=True, exist_ok=True)
            certificate, key = folder / "server.der", folder / "server.pem"
            await setup_self_signed_certificate(
                key,
                certificate,
                _URI,
                socket.gethostname(),
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
                {"organizationName": "zhizao", "commonName": "workshop"},
            )
            await server.load_certificate(certificate)
            await server.load_private_key(key)

    async def _build(self, server: Server, signals: Signals) -> None:
        space = await server.register_namespace(NAMESPACE)
        root = await server.nodes.objects.add_folder(ua.NodeId("workshop", space), ua.QualifiedName("Workshop", space))
        folders: dict[str, Any] = {}
        for signal in signals.signals:
            parent, path = root, ""
            for part in _path(signal):
                path = f"{path}/{part}" if path else part
                if path not in folders:
                    folders[path] = await parent.add_object(ua.NodeId(path, space), ua.QualifiedName(part, space))
                parent = folders[path]
            await self._variable(server, parent, space, signal, signals)
        machines = list(dict.fromkeys(signal.machine for signal in signals.signals))
        if self._nodesets is not None:
            spaces = await import_nodesets(server, self._nodesets)
            for name in machines:
                for mirror in await build_machine(server, spaces, space, name):
                    if mirror.signal in self._nodes:
                        self._mirrors.setdefault(mirror.signal, []).append(mirror)
                        await server.write_attribute_value(
                            mirror.node, ua.DataValue(mirror.shown(signals.value(mirror.signal)))
                        )
        for name in machines:
            if f"{name}/alarm/text" in self._nodes:
                self._alarms[f"{name}/alarm/text"] = await _condition(server, folders[name], space, name)
        server.iserver.isession.add_method_callback(
            ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge), self._acknowledge
        )

    async def _acknowledge(self, condition: ua.NodeId, event: ua.Variant, comment: ua.Variant) -> ua.StatusCode:
        """The method Acknowledge of Part 9: told on as an event of its own."""
        for made in self._alarms.values():
            if made.event.NodeId != condition:
                continue
            if _bytes(made.event.EventId) != event.Value:
                return ua.StatusCode(ua.StatusCodes.BadEventIdUnknown)
            if made.event.AckedState.Text == "Acknowledged":
                return ua.StatusCode(ua.StatusCodes.BadConditionBranchAlreadyAcked)
            _acked(made.event, True)
            made.event.Comment = comment.Value
            await made.trigger()
            return ua.StatusCode()
        return ua.StatusCode(ua.StatusCodes.BadNodeIdInvalid)

    async def _variable(self, server: Server, parent: Any, space: int, signal: Signal, signals: Signals) -> None:
        node_id, kind = ua.NodeId(signal.name, space), _TYPES[signal.type]
        name = ua.QualifiedName(signal.name.rsplit("/", 1)[-1], space)
        node = await parent.add_variable(node_id, name, signals.value(signal.name), kind)
        if signal.unit:
            await node.delete_reference(ua.ObjectIds.BaseDataVariableType, ua.ObjectIds.HasTypeDefinition, True, True)
            await node.add_reference(ua.ObjectIds.AnalogUnitType, ua.ObjectIds.HasTypeDefinition, True, False)
            unit = await node.add_property(space, "EngineeringUnits", _unit(signal.unit))
            await unit.write_attribute(
                ua.AttributeIds.BrowseName, ua.DataValue(ua.Variant(ua.QualifiedName("EngineeringUnits", 0)))
            )
        access = _READ if self._history.most else 1
        access |= _WRITE if signal.writable else 0
        for attribute in (ua.AttributeIds.AccessLevel, ua.AttributeIds.UserAccessLevel):
            await node.write_attribute(attribute, ua.DataValue(ua.Variant(access, ua.VariantType.Byte)))
        if self._history.most:
            await node.write_attribute(ua.AttributeIds.Historizing, ua.DataValue(ua.Variant(True)))
            self._history.kept.setdefault(node_id, deque(maxlen=self._history.most))
        self._nodes[signal.name] = node_id
        self._slots[signal.name] = slot = server.iserver.aspace[node_id].attributes[ua.AttributeIds.Value]
        slot.value = ua.DataValue(
            ua.Variant(signals.value(signal.name), kind), SourceTimestamp=datetime.now(UTC), ServerTimestamp=None
        )
        if signal.writable:
            server.set_attribute_value_setter(node_id, self._setter(signal, signals, kind))

    def _setter(self, signal: Signal, signals: Signals, kind: Any) -> Any:
        def write(node: Any, attribute: Any, told: ua.DataValue) -> None:
            value = told.Value.Value
            try:
                signals.write(signal.name, value)
            except (ValueError, TypeError) as error:
                raise ServiceError(ua.StatusCodes.BadOutOfRange) from error
            object.__setattr__(told, "SourceTimestamp", datetime.now(UTC))
            self._slots[signal.name].value = told
            if self._history.most:
                self._history.kept[self._nodes[signal.name]].append(told)

        return write

    def _changed(self, changes: Sequence[Change]) -> None:
        self._waiting.extend(changes)
        self._wake.set()

    async def _show(self, server: Server) -> None:
        """Write what changed into the address space, as it comes."""
        writable = {name for name, slot in self._slots.items() if slot.value_setter is not None}
        kinds = {name: slot.value.Value.VariantType for name, slot in self._slots.items()}
        history = self._history.kept if self._history.most else {}
        data_value, variant, keep = _Told, ua.Variant, ua.StatusCode()
        last_ns, stamp = -1, _EPOCH
        while True:
            await self._wake.wait()
            self._wake.clear()
            count = 0
            while self._waiting:
                name, at, value = self._waiting.popleft()
                slot = self._slots[name]
                if name in writable and slot.value.Value.Value == value:
                    continue
                if at != last_ns:
                    last_ns, stamp = at, _EPOCH + timedelta(microseconds=at // 1000)
                told = data_value(variant(value, kinds[name]), keep, stamp)
                slot.value = told
                node_id = self._nodes[name]
                if history:
                    history[node_id].append(told)
                for handle, call in list(slot.datachange_callbacks.items()):
                    await call(handle, told)
                if name in self._mirrors:
                    await self._mirror(server, name, value, stamp)
                if name in self._alarms:
                    await _raise(self._alarms[name], value, stamp)
                count += 1
                if count % 500 == 0:
                    self.behind = len(self._waiting)
                    await asyncio.sleep(0)
            self.behind = 0

    async def _mirror(self, server: Server, name: str, value: Value, stamp: datetime) -> None:
        for mirror in self._mirrors[name]:
            told = ua.DataValue(mirror.shown(value), SourceTimestamp=stamp)
            await server.write_attribute_value(mirror.node, told)


def _path(signal: Signal) -> list[str]:
    """Folders of a signal: its machine, whatever that is called, and the parts before the last."""
    rest = signal.name.removeprefix(f"{signal.machine}/").split("/")[:-1]
    return [signal.machine, *rest]


def _unit(unit: str) -> ua.EUInformation:
    code = _UNITS.get(unit, "")
    told = ua.EUInformation()
    told.NamespaceUri = _UNECE
    told.UnitId = int.from_bytes(code.encode("ascii"), "big") if code else -1
    told.DisplayName = ua.LocalizedText(unit)
    told.Description = ua.LocalizedText(unit)
    return told


async def _condition(server: Server, source: Any, space: int, name: str) -> Any:
    """What tells the alarm of a machine."""
    made = await server.get_event_generator(ua.ObjectIds.AlarmConditionType, ua.ObjectIds.Server)
    event = made.event
    event.SourceNode, event.SourceName = source.nodeid, name
    event.NodeId = ua.NodeId(f"{name}/alarm", space)
    event.ConditionName = "fault"
    event.Retain = False
    _set(event, "EnabledState/Id", True)
    _set(event, "ActiveState/Id", False)
    _acked(event, True)
    return made


def _bytes(said: Any) -> Any:
    return said.Value if isinstance(said, ua.Variant) else said


def _acked(event: Any, on: bool) -> None:
    event.AckedState = ua.LocalizedText("Acknowledged" if on else "Unacknowledged")
    _set(event, "AckedState/Id", on)


def _set(event: Any, name: str, value: bool) -> None:
    if name in event.data_types:
        setattr(event, name, value)
    else:
        event.add_variable(name, value, ua.VariantType.Boolean)


async def _raise(made: Any, text: Value, stamp: datetime) -> None:
    """Tell that an alarm came or went; told anew with its last text when it went."""
    event, on = made.event, bool(text)
    event.Retain = on
    _set(event, "ActiveState/Id", on)
    _acked(event, not on)
    if on:
        event.Severity = _SEVERITY.get(str(text), 500)
    event.Message = ua.LocalizedText(str(text) if on else "gone")
    with suppress(ua.UaError):
        await made.trigger(time_attr=stamp)


def _free_port(host: str) -> int:
    with socket.socket() as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])
