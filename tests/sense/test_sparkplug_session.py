"""Clauses of Sparkplug B 3.0 on what is sent to a broker and in which order, by host and edge node, by their ids."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sparkplug_broker import Memory, until

from zhizao.sense.sparkplug import Settings, connector, link
from zhizao.sense.sparkplug.datatypes import DataType
from zhizao.sense.sparkplug.payload import Payload, decode, encode, metric
from zhizao.sense.supervisor import Supervisor
from zhizao.testing.workshop import sparkplug_node
from zhizao.testing.workshop.signals import Scripted, Signal
from zhizao.testing.workshop.sparkplug_node import EdgeNode

MS = 1_000_000


def clauses(*ids: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("clause", [f"tck-id-{one}" for one in ids])


class Reason:
    is_failure = False


class Sent:
    rc = 0

    def wait_for_publish(self, _timeout: float) -> None:
        pass


class Said:
    def __init__(self, topic: str, payload: bytes, qos: int = 0, mid: int = 1) -> None:
        self.topic, self.payload, self.qos, self.retain, self.mid = topic, payload, qos, False, mid


class FakeClient:
    """A client that writes down what it is told, and answers yes."""

    all: list[FakeClient] = []

    def __init__(self, *_: Any, **given: Any) -> None:
        self.given = given
        self.log: list[tuple[Any, ...]] = []
        self.there = False
        FakeClient.all.append(self)

    def will_set(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        self.log.append(("will", topic, payload, qos, retain))

    def connect(self, *_: Any) -> None:
        self.log.append(("connect",))

    def loop_start(self) -> None:
        self.there = True
        self.on_connect(self, None, None, Reason(), None)

    def subscribe(self, filters: list[tuple[str, int]]) -> None:
        self.log += [("subscribe", *one) for one in filters]
        self.on_subscribe(self, None, 1, [Reason() for _ in filters], None)

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> Sent:
        self.log.append(("publish", topic, payload, qos, retain))
        return Sent()

    def ack(self, mid: int, qos: int) -> None:
        self.log.append(("ack", mid, qos))

    def is_connected(self) -> bool:
        return self.there

    def disconnect(self) -> None:
        self.log.append(("disconnect",))
        self.there = False

    def loop_stop(self) -> None:
        pass

    def hear(self, topic: str, payload: bytes, qos: int = 0) -> None:
        self.on_message(self, None, Said(topic, payload, qos))

    def published(self, kind: str) -> list[tuple[str, bytes, int, bool]]:
        return [one[1:] for one in self.log if one[0] == "publish" and f"/{kind}/" in one[1]]


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    FakeClient.all = []
    monkeypatch.setattr(link.mqtt, "Client", FakeClient)
    monkeypatch.setattr(sparkplug_node.mqtt, "Client", FakeClient)


async def host_story(during: Any = None) -> tuple[FakeClient, Memory]:
    store = Memory()
    one = connector("hall", Settings(kind="sparkplug", host="h", host_id="me"))
    supervisor = Supervisor({"hall": one}, store)
    task = asyncio.create_task(supervisor.run())
    await until(lambda: supervisor.health["hall"].connected, "connected")
    client = FakeClient.all[-1]
    if during is not None:
        await during(client, store)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: ("disconnect",) in client.log, "the farewell")
    return client, store


@clauses(
    "message-flow-phid-sparkplug-clean-session-311",
    "principles-persistence-clean-session-311",
)
def test_a_host_connects_with_a_clean_session(clause):
    client, _ = asyncio.run(host_story())
    assert client.given["clean_session"] is True
    assert client.given["protocol"] == link.mqtt.MQTTv311


@clauses(
    "host-topic-phid-birth-sub-required",
    "host-topic-phid-birth-required",
    "message-flow-phid-sparkplug-subscription",
    "message-flow-phid-sparkplug-state-publish",
    "payloads-state-subscribe",
    "operational-behavior-host-application-connect-will",
)
def test_a_host_gives_its_will_then_subscribes_then_tells_that_it_is_online(clause):
    client, _ = asyncio.run(host_story())
    order = [one[:2] for one in client.log[:5]]
    assert order == [
        ("will", "spBv1.0/STATE/me"),
        ("connect",),
        ("subscribe", "spBv1.0/#"),
        ("subscribe", "spBv1.0/STATE/me"),
        ("publish", "spBv1.0/STATE/me"),
    ]
    assert all(one[2] == 1 for one in client.log if one[0] == "subscribe")
    will, birth = (json.loads(client.log[at][2]) for at in (0, 4))
    assert (will["online"], birth["online"]) == (False, True)
    assert will["timestamp"] == birth["timestamp"]


@clauses(
    "operational-behavior-host-application-disconnect-intentional",
    "host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet",
)
def test_a_host_that_leaves_says_so_before_it_disconnects(clause):
    client, _ = asyncio.run(host_story())
    assert client.log[-1] == ("disconnect",)
    assert client.log[-2][:2] == ("publish", "spBv1.0/STATE/me")
    assert json.loads(client.log[-2][2])["online"] is False
    assert client.log[-2][3:] == (1, True)


def test_a_death_is_acknowledged_after_its_samples_are_stored():
    async def during(client: FakeClient, store: Memory) -> None:
        birth = Payload((metric("bdSeq", DataType.INT64, 1), metric("a", DataType.DOUBLE, 1.0, timestamp=5)), 5, 0)
        client.hear("spBv1.0/g/NBIRTH/n", encode(birth))
        await until(lambda: store.rows, "the birth")
        store.full = True
        client.hear("spBv1.0/g/NDEATH/n", encode(Payload((metric("bdSeq", DataType.INT64, 1),))), qos=1)
        await asyncio.sleep(0.3)
        assert not [one for one in client.log if one[0] == "ack"]
        store.full = False
        await until(lambda: [one for one in client.log if one[0] == "ack"] == [("ack", 1, 1)], "the acknowledgement")
        assert len(store.rows) == 2

    asyncio.run(host_story(during))


# ---------------------------------------------------------------------- the edge node of the workshop


class Clock:
    ns = 1_700_000_000_000 * MS

    def __call__(self) -> int:
        return self.ns


async def node_story(during: Any = None, sessions: int = 1, **given: Any) -> tuple[FakeClient, EdgeNode]:
    signals = [
        Signal("mill 1/load", "mill 1", "double", "%"),
        Signal("mill 1/speed", "mill 1", "int", writable=True),
        Signal("mill 2/state", "mill 2", "text"),
    ]
    plant = Scripted(signals, {"mill 1/load": 0.5, "mill 1/speed": 3, "mill 2/state": "idle"})
    node = EdgeNode(plant, "h", 1, "g", "n", now=Clock(), **given)
    task = asyncio.create_task(node.run())
    await until(lambda: FakeClient.all and FakeClient.all[-1].there, "connected")
    if given.get("primary") is None:
        await until(lambda: node._born, "born")
    client = FakeClient.all[-1]
    if during is not None:
        await during(client, node, plant)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return client, node


@clauses(
    "payloads-ndeath-will-message",
    "payloads-ndeath-will-message-qos",
    "payloads-ndeath-will-message-retain",
    "payloads-ndeath-seq",
    "payloads-ndeath-bdseq",
    "topics-ndeath-seq",
    "topics-ndeath-payload",
    "message-flow-edge-node-birth-publish-will-message",
    "message-flow-edge-node-birth-publish-will-message-topic",
    "message-flow-edge-node-birth-publish-will-message-payload",
    "message-flow-edge-node-birth-publish-will-message-payload-bdSeq",
    "message-flow-edge-node-birth-publish-will-message-qos",
    "message-flow-edge-node-birth-publish-will-message-will-retained",
    "principles-persistence-clean-session-311",
)
def test_the_will_of_a_node_is_its_death(clause):
    client, _ = asyncio.run(node_story())
    _, topic, payload, qos, retain = client.log[0]
    assert (client.log[0][0], topic, qos, retain) == ("will", "spBv1.0/g/NDEATH/n", 1, False)
    death = decode(payload)
    assert death.seq is None
    assert [(one.name, one.datatype, one.raw) for one in death.metrics] == [("bdSeq", DataType.INT64, 0)]
    assert client.given["clean_session"] is True


@clauses(
    "message-flow-edge-node-ncmd-subscribe",
    "message-flow-device-dcmd-subscribe",
    "message-flow-edge-node-birth-publish-connect",
    "message-flow-edge-node-birth-publish-nbirth-topic",
    "message-flow-device-birth-publish-nbirth-wait",
    "message-flow-device-birth-publish-dbirth-topic",
    "payloads-dbirth-order",
    "principles-birth-certificates-order",
)
def test_a_node_subscribes_to_commands_and_is_born_before_its_devices(clause):
    client, _ = asyncio.run(node_story())
    assert [one[:3] for one in client.log[1:7]] == [
        ("connect",),
        ("subscribe", "spBv1.0/g/NCMD/n", 1),
        ("subscribe", "spBv1.0/g/DCMD/n/+", 1),
        ("publish", "spBv1.0/g/NBIRTH/n", client.log[4][2]),
        ("publish", "spBv1.0/g/DBIRTH/n/mill 1", client.log[5][2]),
        ("publish", "spBv1.0/g/DBIRTH/n/mill 2", client.log[6][2]),
    ]


@clauses(
    "topics-nbirth-mqtt",
    "topics-dbirth-mqtt",
    "topics-nbirth-seq-num",
    "topics-nbirth-bdseq-included",
    "topics-nbirth-rebirth-metric",
    "payloads-nbirth-qos",
    "payloads-nbirth-retain",
    "payloads-dbirth-qos",
    "payloads-dbirth-retain",
    "payloads-dbirth-seq-inc",
    "payloads-alias-birth-requirement",
    "payloads-alias-uniqueness",
    "payloads-metric-datatype-req",
    "payloads-name-birth-data-requirement",
    "message-flow-edge-node-birth-publish-nbirth-qos",
    "message-flow-edge-node-birth-publish-nbirth-retained",
    "message-flow-edge-node-birth-publish-nbirth-payload-seq",
    "message-flow-device-birth-publish-dbirth-qos",
    "message-flow-device-birth-publish-dbirth-retained",
    "message-flow-device-birth-publish-dbirth-payload-seq",
    "operational-behavior-data-commands-rebirth-name",
    "operational-behavior-data-commands-rebirth-name-aliases",
    "operational-behavior-data-commands-rebirth-datatype",
    "operational-behavior-data-commands-rebirth-value",
)
def test_births_are_whole(clause):
    client, _ = asyncio.run(node_story())
    births = [*client.published("NBIRTH"), *client.published("DBIRTH")]
    assert {(qos, retain) for _, _, qos, retain in births} == {(0, False)}
    said = [decode(payload) for _, payload, _, _ in births]
    assert [one.seq for one in said] == [0, 1, 2]
    rebirth = next(one for one in said[0].metrics if one.name == "Node Control/Rebirth")
    assert (rebirth.datatype, rebirth.raw, rebirth.alias) == (DataType.BOOLEAN, False, None)
    metrics = [one for birth in said[1:] for one in birth.metrics]
    assert all(one.name and one.datatype and one.timestamp for one in metrics)
    assert len({one.alias for one in metrics}) == len(metrics) == 3


@clauses(
    "topics-ddata-mqtt",
    "topics-ddata-seq-num",
    "payloads-ddata-qos",
    "payloads-ddata-retain",
    "payloads-ddata-seq-inc",
    "payloads-alias-data-cmd-requirement",
    "payloads-metric-datatype-not-req",
    "principles-rbe-recommended",
    "operational-behavior-data-publish-dbirth-change",
    "operational-behavior-data-publish-dbirth-order",
)
def test_changes_of_a_step_are_one_message_for_each_device_with_aliases_only(clause):
    async def during(client: FakeClient, _node: EdgeNode, plant: Scripted) -> None:
        at = Clock.ns
        plant.change([("mill 1/load", at, 1.0), ("mill 2/state", at, "busy"), ("mill 1/load", at + MS, 2.0)])

    client, _ = asyncio.run(node_story(during))
    data = client.published("DDATA")
    assert {(qos, retain) for _, _, qos, retain in data} == {(0, False)}
    first, second = (decode(payload) for _, payload, _, _ in data)
    assert (first.seq, second.seq) == (3, 4)
    assert [(one.name, one.alias, one.datatype, one.raw) for one in first.metrics] == [
        (None, 1, None, 1.0),
        (None, 1, None, 2.0),
    ]


@clauses(
    "operational-behavior-data-commands-rebirth-action-1",
    "operational-behavior-data-commands-rebirth-action-2",
    "operational-behavior-data-commands-rebirth-action-3",
    "payloads-nbirth-bdseq-repeat",
)
def test_a_rebirth_states_everything_again_with_the_same_bdseq(clause):
    async def during(client: FakeClient, node: EdgeNode, _plant: Scripted) -> None:
        wish = metric("Node Control/Rebirth", DataType.BOOLEAN, True)
        client.hear("spBv1.0/g/NCMD/n", encode(Payload((wish,), 5)))
        await until(lambda: node.rebirths == 1, "the rebirth")

    client, _ = asyncio.run(node_story(during))
    first, second = (decode(payload) for _, payload, _, _ in client.published("NBIRTH"))
    assert [one.raw for one in first.metrics] == [one.raw for one in second.metrics]
    assert second.seq == 0
    assert len(client.published("DBIRTH")) == 4


@clauses(
    "topics-nbirth-bdseq-increment",
    "topics-nbirth-bdseq-matching",
    "message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
    "payloads-nbirth-bdseq",
)
def test_each_connect_counts_on(clause):
    async def during(client: FakeClient, node: EdgeNode, _plant: Scripted) -> None:
        node._bdseq = 254
        for sessions in (2, 3):
            FakeClient.all[-1].on_disconnect()
            await until(lambda sessions=sessions: len(FakeClient.all) == sessions and node._born, "a new session")

    asyncio.run(node_story(during))
    for one, number in zip(FakeClient.all[1:], (255, 0), strict=True):
        death, birth = decode(one.log[0][2]), decode(one.published("NBIRTH")[0][1])
        assert death.metrics[0].raw == birth.metrics[0].raw == number


@clauses(
    "operational-behavior-edge-node-intentional-disconnect-ndeath",
    "operational-behavior-edge-node-intentional-disconnect-packet",
    "payloads-ndeath-will-message-publisher",
    "payloads-ndeath-will-message-publisher-disconnect-mqtt311",
)
def test_a_node_that_leaves_tells_its_death_first(clause):
    client, _ = asyncio.run(node_story())
    assert client.log[-1] == ("disconnect",)
    assert client.log[-2][:2] == ("publish", "spBv1.0/g/NDEATH/n")


@clauses(
    "message-flow-edge-node-birth-publish-phid-wait",
    "message-flow-edge-node-birth-publish-phid-wait-id",
    "message-flow-edge-node-birth-publish-phid-wait-online",
    "message-flow-edge-node-birth-publish-phid-wait-timestamp",
    "message-flow-edge-node-birth-publish-phid-offline",
    "operational-behavior-edge-node-birth-sequence-wait",
    "operational-behavior-edge-node-termination-host-offline",
    "operational-behavior-edge-node-termination-host-offline-reconnect",
    "operational-behavior-edge-node-termination-host-offline-timestamp",
)
def test_a_node_follows_its_primary_host_and_no_late_news_of_it(clause):
    def state(online: bool, at: int) -> bytes:
        return json.dumps({"online": online, "timestamp": at}).encode()

    async def during(client: FakeClient, node: EdgeNode, _plant: Scripted) -> None:
        client.hear("spBv1.0/STATE/other", state(True, 9))
        client.hear("spBv1.0/STATE/me", state(False, 5))
        await asyncio.sleep(0.05)
        assert node.births == 0
        client.hear("spBv1.0/STATE/me", state(True, 4))
        await asyncio.sleep(0.05)
        assert node.births == 0, "that was before"
        client.hear("spBv1.0/STATE/me", state(True, 6))
        await until(lambda: node.births == 1, "the birth")
        client.hear("spBv1.0/STATE/me", state(False, 5))
        await asyncio.sleep(0.05)
        assert node._born, "that was before"
        client.hear("spBv1.0/STATE/me", state(False, 6))
        await until(lambda: ("disconnect",) in client.log, "it leaves")
        assert client.log[-2][1] == "spBv1.0/g/NDEATH/n"
        await until(lambda: len(FakeClient.all) == 2, "it comes back")
        assert node.births == 1

    asyncio.run(node_story(during, primary="me"))


@clauses("topics-ddeath-mqtt", "topics-ddeath-seq-num", "payloads-ddeath-seq", "operational-behavior-device-ddeath")
def test_a_lost_machine_is_told(clause):
    async def during(_client: FakeClient, node: EdgeNode, _plant: Scripted) -> None:
        node.lose("mill 2")

    client, _ = asyncio.run(node_story(during))
    topic, payload, qos, retain = client.published("DDEATH")[0]
    assert (topic, qos, retain) == ("spBv1.0/g/DDEATH/n/mill 2", 0, False)
    assert decode(payload).seq == 3


@pytest.mark.parametrize("aliases", [True, False])
def test_a_command_by_name_or_alias_sets_what_may_be_set(aliases):
    async def during(client: FakeClient, node: EdgeNode, plant: Scripted) -> None:
        name, alias = (None, 2) if aliases else ("speed", None)
        client.hear("spBv1.0/g/DCMD/n/mill 1", encode(Payload((metric(name, DataType.INT64, -8, alias=alias),))))
        await until(lambda: plant.written == [("mill 1/speed", -8)], "the set-point")
        client.hear("spBv1.0/g/DCMD/n/mill 1", encode(Payload((metric("load", DataType.DOUBLE, 1.0),))))
        client.hear("spBv1.0/g/DCMD/n/mill 1", encode(Payload((metric("nothing", DataType.DOUBLE, 1.0),))))
        client.hear("spBv1.0/g/DCMD/n/mill 1", b"\xff")
        await until(lambda: len(node.refused) == 3, "the refusals")

    asyncio.run(node_story(during, aliases=aliases))


def test_what_changed_while_the_broker_was_away_is_told_as_historical():
    async def during(client: FakeClient, node: EdgeNode, plant: Scripted) -> None:
        plant.change([("mill 1/load", Clock.ns, 1.0)])
        client.on_disconnect()
        await until(lambda: not node._born, "the loss")
        plant.change([("mill 1/load", Clock.ns + MS, 2.0)])
        await until(lambda: node._born, "the new session")

    asyncio.run(node_story(during))
    told = decode(FakeClient.all[-1].published("DDATA")[0][1])
    assert [(one.raw, one.historical) for one in told.metrics] == [(1.0, True), (2.0, True)]
