"""The pure parts: node ids, settings, bytes of a server, alarms, certificates; and what no bytes may do."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.crypto import cert_gen
from asyncua.ua.ua_binary import struct_to_binary
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from zhizao.errors import InputError, NotAllowed
from zhizao.sense.opcua import Settings, alarms, wire
from zhizao.sense.opcua.names import address_of, parse, resolve
from zhizao.sense.opcua.settings import Tag
from zhizao.sense.opcua.trust import TrustList, own_certificate, validity
from zhizao.sense.opcua.units import unit_of
from zhizao.sense.opcua.values import Batch

SPACES = ["http://opcfoundation.org/UA/", "urn:server", "urn:a;b%c"]
STAMP = datetime(2025, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC)
STAMP_NS = round(STAMP.timestamp() * 1e6) * 1000


def response(changes: list[tuple[int, ua.DataValue]], events: list[tuple[int, list[ua.Variant]]] = ()) -> bytes:
    """A publish response as a server writes it."""
    said = ua.PublishResponse()
    said.Parameters.SubscriptionId = 7
    said.Parameters.AvailableSequenceNumbers = [1, 2]
    said.Parameters.NotificationMessage.SequenceNumber = 42
    data = ua.DataChangeNotification()
    data.MonitoredItems = [ua.MonitoredItemNotification(handle, value) for handle, value in changes]
    told = ua.EventNotificationList()
    told.Events = [ua.EventFieldList(handle, fields) for handle, fields in events]
    if changes:
        said.Parameters.NotificationMessage.NotificationData.append(data)
    if events:
        said.Parameters.NotificationMessage.NotificationData.append(told)
    return struct_to_binary(said)


@pytest.mark.parametrize(
    "text", ["i=85", "ns=2;s=mill 1/load", "nsu=urn:a%3Bb%25c;g=5ac5e9c7-bb79-4b1d-9c36-3a4e1c2f9d11"]
)
def test_a_node_id_is_read_and_written_the_same(text: str):
    node = resolve(parse(text), SPACES)
    again = resolve(parse(address_of(node, SPACES)), SPACES)
    assert again == node


@pytest.mark.parametrize("text", ["", "load", "ns=2", "ns=x;i=1", "i=abc", "ns=2;q=1"])
def test_what_is_no_node_id_is_refused_with_how_to_write_one(text: str):
    with pytest.raises(ValueError, match="write it as"):
        parse(text)


def test_a_namespace_that_the_server_does_not_have_is_named():
    with pytest.raises(ValueError, match="urn:other"):
        resolve(parse("nsu=urn:other;i=1"), SPACES)


SCALARS: list[tuple[Any, ua.VariantType]] = [
    (True, ua.VariantType.Boolean),
    (-5, ua.VariantType.SByte),
    (250, ua.VariantType.Byte),
    (-30000, ua.VariantType.Int16),
    (60000, ua.VariantType.UInt16),
    (-(2**31), ua.VariantType.Int32),
    (2**32 - 1, ua.VariantType.UInt32),
    (-(2**63), ua.VariantType.Int64),
    (2**64 - 1, ua.VariantType.UInt64),
    (0.5, ua.VariantType.Float),
    (0.1, ua.VariantType.Double),
    ("主轴", ua.VariantType.String),
    (b"\x00\x01", ua.VariantType.ByteString),
]


@pytest.mark.parametrize(("value", "kind"), SCALARS, ids=[kind.name for _, kind in SCALARS])
def test_what_the_library_writes_is_read_the_same(value: Any, kind: ua.VariantType):
    told = ua.DataValue(ua.Variant(value, kind), ua.StatusCode(0x40000000), STAMP, STAMP)
    many = ua.DataValue(ua.Variant([value] * 3, kind))
    said = wire.published(response([(1, told), (2, many), (3, told)]))
    assert (said.subscription, said.sequence, said.keep_alive) == (7, 42, False)
    assert said.data == [
        (1, (kind.value, value, 0x40000000, STAMP_NS, STAMP_NS)),
        (2, (kind.value | 128, [value] * 3, 0, 0, 0)),
        (3, (kind.value, value, 0x40000000, STAMP_NS, STAMP_NS)),
    ]


def test_rare_types_are_read_and_what_follows_them_too():
    rare = [
        ua.Variant(ua.NodeId("x", 2)),
        ua.Variant(ua.QualifiedName("x", 2)),
        ua.Variant(ua.LocalizedText("läuft", "de")),
        ua.Variant(ua.Range(0, 1)),
        ua.Variant([[1, 2], [3, 4]], ua.VariantType.Int32, [2, 2]),
        ua.Variant(None),
    ]
    last = (9, ua.DataValue(ua.Variant(1.5)))
    said = wire.published(response([*((1, ua.DataValue(one)) for one in rare), last]))
    values = [datum[1] for _, datum in said.data]
    assert values[0] == ua.NodeId("x", 2)
    assert values[2] == "läuft"
    assert values[4] == [1, 2, 3, 4]
    assert values[5] is None
    assert said.data[-1] == (9, (11, 1.5, 0, 0, 0))


def test_an_array_of_nothing_does_not_fill_the_memory():
    whole = response([(1, ua.DataValue(ua.Variant([1.0], ua.VariantType.Double)))])
    array = whole.index(b"\x8b\x01\x00\x00\x00")
    for kind in (0x80, 0x98, 0x96, 0x8C):
        damaged = bytearray(whole)
        damaged[array : array + 5] = bytes([kind]) + b"\xff\xff\xff\x7f"
        with pytest.raises(wire.BadBytes):
            wire.published(bytes(damaged))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_do_more_than_be_refused(data: bytes):
    for read in (wire.published, wire.republished, wire.values, wire.history):
        try:
            read(data)
        except (wire.BadBytes, ua.UaStatusCodeError):
            continue


def fuzz(cases: int, seed: int) -> None:
    draw = random.Random(seed)
    changes = [(1, ua.DataValue(ua.Variant(value, kind), ua.StatusCode(), STAMP)) for value, kind in SCALARS]
    changes.append((2, ua.DataValue(ua.Variant([1.0, 2.0]))))
    changes.append((3, ua.DataValue(ua.Variant(ua.Range(0, 1)))))
    events = [(4, [ua.Variant(ua.NodeId(2915)), ua.Variant("x"), ua.Variant(STAMP), ua.Variant(True)])]
    seeds = [response(changes, events), response(changes[10:11]), response([], events)]
    for _ in range(cases):
        data = bytearray(draw.choice(seeds))
        for _ in range(draw.randint(1, 8)):
            data[draw.randrange(len(data))] = draw.choice((0, 255, draw.randrange(256)))
        if draw.random() < 0.2:
            del data[draw.randrange(len(data)) :]
        try:
            said = wire.published(bytes(data))
        except (wire.BadBytes, ua.UaStatusCodeError):
            continue
        batch = Batch()
        for handle, datum in said.data:
            batch.add(str(handle), datum, 0)
        for _, fields in said.events:
            alarms.say(batch, "p", fields, 0)
        batch.samples()


def test_damaged_answers_are_refused_or_read_but_never_break_anything():
    fuzz(5_000, seed=2)


@pytest.mark.slow
def test_many_damaged_answers():
    fuzz(int(os.environ.get("ZHIZAO_FUZZ", "100000")), seed=1)  # a million before a release


def test_a_batch_keeps_status_codes_and_takes_the_next_best_time():
    batch = Batch()
    batch.add("a", (11, 1.0, 0x40A40000, 100, 200), 300)
    batch.add("b", (11, 1.0, 0, 0, 200), 300)
    batch.add("c", (12, "x", 0, 0, 0), 300)
    batch.add("d", (0, None, 0, 100, 0), 300)
    batch.add("e", (22, object(), 0, 100, 0), 300)
    batch.add("f", (15, b"x" * 1000, 0, 100, 0), 300)
    samples = batch.samples()
    assert samples.at.tolist() == [100, 200, 300, 100]
    assert samples.quality.tolist() == [0x40A40000, 0, 0, 0x809B0000]
    assert list(samples.text or []) == [None, None, "x", None]
    assert samples.received.tolist() == [300] * 4
    assert batch.rejected == {"structure": 1, "bytes": 1}


def test_settings_refuse_what_cannot_be():
    url = "opc.tcp://host:4840"
    for wrong in (
        {"url": "http://host"},
        {"url": url, "mode": "Sign"},
        {"url": url, "certificate": "a.der"},
        {"url": url, "tags": [{"node": "load"}]},
        {"url": url, "tags": [{"node": "i=1", "tag": "a"}, {"node": "i=2", "tag": "a"}]},
        {"url": url, "event_sources": ["server"]},
    ):
        with pytest.raises(ValidationError):
            Settings.model_validate({"kind": "opcua", **wrong})
    assert Tag(node="ns=2;s=mill 1/load").name() == "mill 1/load"


def test_a_password_comes_from_the_environment_or_its_absence_is_said(monkeypatch: pytest.MonkeyPatch):
    given = Settings(url="opc.tcp://host", user="ann", password="env:SECRET_OF_PLANT")
    monkeypatch.delenv("SECRET_OF_PLANT", raising=False)
    with pytest.raises(InputError, match="SECRET_OF_PLANT"):
        given.secret()
    monkeypatch.setenv("SECRET_OF_PLANT", "x")
    assert given.secret() == "x"


def event(**told: Any) -> list[Any]:
    names = [
        "type",
        "source",
        "time",
        "message",
        "severity",
        "condition",
        "enabled",
        "acked",
        "active",
        "comment",
        "event",
    ]
    names += ["node", "branch"]
    return [told.get(name) for name in names]


def test_a_condition_is_four_tags_and_another_event_two():
    batch = Batch()
    alarms.say(
        batch,
        "p",
        event(source="mill 1", time=5, message="hot", severity=700, condition="heat", acked=False, active=True),
        9,
    )
    alarms.say(batch, "p", event(source="mill 1", time=6, message="door", severity=100), 9)
    alarms.say(batch, "p", event(type=ua.NodeId(ua.ObjectIds.RefreshStartEventType)), 9)
    samples = batch.samples()
    told = dict(
        zip(samples.tag, zip(samples.at.tolist(), samples.value.tolist(), samples.text or [], strict=True), strict=True)
    )
    assert told["p/alarm/mill 1/heat/active"] == (5, 1.0, None)
    assert told["p/alarm/mill 1/heat/acked"] == (5, 0.0, None)
    assert told["p/alarm/mill 1/heat/severity"] == (5, 700.0, None)
    assert told["p/alarm/mill 1/heat/message"][2] == "hot"
    assert told["p/event/mill 1"][2] == "door"
    assert len(samples) == 6
    assert alarms.refresh_wanted(event(type=ua.NodeId(ua.ObjectIds.RefreshRequiredEventType)))


def test_a_unit_is_known_by_its_code_and_else_as_it_is_shown():
    def unit(uri: str, number: int, shown: str) -> str:
        told = ua.Variant(ua.EUInformation(uri, number, ua.LocalizedText(shown)))
        return unit_of(wire.published(response([(1, ua.DataValue(told))])).data[0][1][1])

    assert unit("http://www.opcfoundation.org/UA/units/un/cefact", 4408652, "°C") == "degC"
    assert unit("urn:own", 1, "spoons") == "spoons"
    assert unit_of(ua.EUInformation()) == ""
    assert unit_of(wire.Structure(889, b"\xff\xff")) == ""
    assert unit_of(None) == ""


def certificate(name: str, issuer: Any = None, days: int = 100, use: Any = ExtendedKeyUsageOID.SERVER_AUTH) -> Any:
    key = cert_gen.generate_private_key()
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(f"urn:{name}")]
    if issuer is None:
        return cert_gen.generate_self_signed_app_certificate(key, name, {}, names, [use] if use else [], days), key
    request = cert_gen.generate_app_certificate_signing_request(key, name, {}, names, [use])
    return cert_gen.sign_certificate_request(request, issuer[0], issuer[1], days), key


def test_a_certificate_is_trusted_itself_or_through_its_authority(tmp_path: Path):
    trust = TrustList(tmp_path)
    server, _ = certificate("server")
    with pytest.raises(NotAllowed, match="not trusted") as refused:
        trust.demand(server, "opc.tcp://host")
    assert "rejected" in refused.value.fault.fix
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "junk.der").write_bytes(b"junk")
    (tmp_path / "trusted" / "server.pem").write_bytes(server.public_bytes(Encoding.PEM))
    trust.demand(server, "opc.tcp://host")

    authority = certificate("authority", use=None)
    signed, _ = certificate("signed", authority)
    stranger, _ = certificate("signed", certificate("authority", use=None))
    (tmp_path / "trusted" / "ca.der").write_bytes(authority[0].public_bytes(Encoding.DER))
    assert trust.knows(signed)
    assert not trust.knows(stranger), "the same name, another key"
    late = datetime(2200, 1, 1, tzinfo=UTC)
    assert "expired" in validity(server, late)
    assert "from" in validity(server, datetime(2000, 1, 1, tzinfo=UTC))


def test_our_own_certificate_is_made_once_and_its_key_is_ours_alone(tmp_path: Path):
    own = own_certificate(tmp_path)
    before = own.certificate.read_bytes()
    assert own_certificate(tmp_path) == own
    assert own.certificate.read_bytes() == before
    assert own.uri == "urn:zhizao:sense"
    if os.name == "posix":
        assert own.key.stat().st_mode & 0o077 == 0
