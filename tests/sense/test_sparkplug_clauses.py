"""Clauses of Sparkplug B 3.0 that a host application has to keep, each named by its id, on the host without a network."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from sparkplug_said import MS, T0, Story, number, tags, told

from zhizao.errors import NotAllowed
from zhizao.model import BAD, GOOD, NO_COMMUNICATION, UNCERTAIN
from zhizao.sense.sparkplug.datatypes import DataType, PayloadError
from zhizao.sense.sparkplug.host import Host
from zhizao.sense.sparkplug.payload import DataSet, Metric, Parameter, Payload, Property, Template, decode, metric
from zhizao.sense.sparkplug.payload import encode as written
from zhizao.sense.sparkplug.settings import Settings
from zhizao.sense.sparkplug.topic import Topic, TopicError, Type, parse
from zhizao.sense.sparkplug.wire import PayloadMessage


def clauses(*ids: str) -> pytest.MarkDecorator:
    """The claim below holds what these clauses say."""
    return pytest.mark.parametrize("clause", [f"tck-id-{one}" for one in ids])


TOPICS = [
    ("topics-nbirth-topic", "spBv1.0/g/NBIRTH/n", Topic(Type.NBIRTH, "g", "n")),
    ("topics-ndata-topic", "spBv1.0/g/NDATA/n", Topic(Type.NDATA, "g", "n")),
    ("topics-ndeath-topic", "spBv1.0/g/NDEATH/n", Topic(Type.NDEATH, "g", "n")),
    ("topics-ncmd-topic", "spBv1.0/g/NCMD/n", Topic(Type.NCMD, "g", "n")),
    ("topics-dbirth-topic", "spBv1.0/g/DBIRTH/n/d", Topic(Type.DBIRTH, "g", "n", "d")),
    ("topics-ddata-topic", "spBv1.0/g/DDATA/n/d", Topic(Type.DDATA, "g", "n", "d")),
    ("topics-ddeath-topic", "spBv1.0/g/DDEATH/n/d", Topic(Type.DDEATH, "g", "n", "d")),
    ("topics-dcmd-topic", "spBv1.0/g/DCMD/n/d", Topic(Type.DCMD, "g", "n", "d")),
    ("host-topic-phid-birth-topic", "spBv1.0/STATE/h", Topic(Type.STATE, "", "h")),
    ("host-topic-phid-death-topic", "spBv1.0/STATE/h", Topic(Type.STATE, "", "h")),
]

BAD_TOPICS = [
    ("topic-structure", "spBv1.0/g"),
    ("topic-structure-namespace-a", "spAv1.0/g/NBIRTH/n"),
    ("topic-structure-namespace-valid-group-id", "spBv1.0/g+/NBIRTH/n"),
    ("topic-structure-namespace-valid-edge-node-id", "spBv1.0/g/NBIRTH/n#"),
    ("topic-structure-namespace-valid-device-id", "spBv1.0/g/DBIRTH/n/"),
    ("topic-structure-namespace-device-id-associated-message-types", "spBv1.0/g/NBIRTH/n/d"),
    ("topic-structure-namespace-device-id-associated-message-types", "spBv1.0/g/DDATA/n"),
    ("intro-group-id-string", "spBv1.0//NBIRTH/n"),
    ("intro-edge-node-id-string", "spBv1.0/g/NBIRTH/"),
    ("intro-device-id-string", "spBv1.0/g/DBIRTH/n/d/e"),
    ("intro-group-id-chars", "spBv1.0/#/NBIRTH/n"),
    ("intro-edge-node-id-chars", "spBv1.0/g/NBIRTH/+"),
    ("intro-device-id-chars", "spBv1.0/g/DBIRTH/n/+"),
]


@pytest.mark.parametrize(("clause", "text", "topic"), TOPICS)
def test_a_topic_is_read_and_written_alike(clause, text, topic):
    assert parse(text) == topic
    assert str(topic) == text


@pytest.mark.parametrize(("clause", "text"), BAD_TOPICS)
def test_a_bad_topic_is_refused_and_counted(clause, text):
    with pytest.raises(TopicError):
        parse(text)
    assert Host("p").message(text, b"", 0).refused == {"topic": 1}


@clauses(
    "topic-structure-namespace-unique-edge-node-descriptor",
    "topic-structure-namespace-unique-device-id",
    "topic-structure-namespace-duplicate-device-id-across-edge-node",
    "case-sensitivity-sparkplug-ids",
    "case-sensitivity-metric-names",
    "payloads-nbirth-edge-node-descriptor",
)
def test_equal_devices_of_two_nodes_and_names_that_differ_in_case_are_told_apart(clause):
    host = Host("p")
    birth = written(Payload((), timestamp=T0, seq=0))
    device = written(Payload((number("load", 1.0), number("Load", 2.0)), timestamp=T0, seq=1))
    found = []
    for node in ("n", "N"):
        host.message(f"spBv1.0/g/NBIRTH/{node}", birth, T0 * MS)
        found += tags(host.message(f"spBv1.0/g/DBIRTH/{node}/d", device, T0 * MS))
    assert found == ["p/g/n/d/load", "p/g/n/d/Load", "p/g/N/d/load", "p/g/N/d/Load"]


# ---------------------------------------------------------------------- STATE


def said(publish) -> dict[str, object]:
    return json.loads(publish.payload.decode("utf-8"))


@clauses(
    "host-topic-phid-birth-qos",
    "host-topic-phid-birth-retain",
    "host-topic-phid-birth-payload",
    "host-topic-phid-birth-message",
    "message-flow-phid-sparkplug-state-publish",
    "message-flow-phid-sparkplug-state-publish-payload",
    "operational-behavior-host-application-connect-birth",
    "operational-behavior-host-application-connect-birth-topic",
    "operational-behavior-host-application-connect-birth-payload",
    "operational-behavior-host-application-connect-birth-qos",
    "operational-behavior-host-application-connect-birth-retained",
    "payloads-state-birth",
    "payloads-state-birth-payload",
    "intro-sparkplug-host-state",
    "components-ph-state",
    "conformance-primary-host",
    "operational-behavior-primary-application-state-with-multiple-servers-state",
)
def test_the_first_message_after_connecting_tells_that_the_host_is_online(clause):
    host = Host("p", host_id="h")
    host.will(T0 * MS)
    first = host.connected((T0 + 40) * MS).wishes[0]
    assert (first.topic, first.qos, first.retain) == ("spBv1.0/STATE/h", 1, True)
    assert said(first) == {"online": True, "timestamp": T0}


@clauses(
    "host-topic-phid-death-qos",
    "host-topic-phid-death-retain",
    "host-topic-phid-death-payload",
    "host-topic-phid-death-required",
    "host-topic-phid-death-payload-timestamp-connect",
    "operational-behavior-host-application-connect-will",
    "operational-behavior-host-application-connect-will-topic",
    "operational-behavior-host-application-connect-will-payload",
    "operational-behavior-host-application-connect-will-qos",
    "operational-behavior-host-application-connect-will-retained",
    "payloads-state-will-message",
    "payloads-state-will-message-qos",
    "payloads-state-will-message-retain",
    "payloads-state-will-message-payload",
)
def test_the_will_tells_that_the_host_is_offline_with_the_time_of_the_connect(clause):
    will = Host("p", host_id="h").will(T0 * MS)
    assert will is not None
    assert (will.topic, will.qos, will.retain) == ("spBv1.0/STATE/h", 1, True)
    assert said(will) == {"online": False, "timestamp": T0}


@clauses(
    "host-topic-phid-birth-payload-timestamp",
    "message-flow-phid-sparkplug-state-publish-payload-timestamp",
    "operational-behavior-host-application-multi-server-timestamp",
)
def test_will_and_birth_of_one_connect_carry_one_time_and_the_next_connect_a_later_one(clause):
    host = Host("p")
    for at in (T0, T0 + 5_000):
        will = host.will(at * MS)
        assert said(will)["timestamp"] == said(host.connected((at + 70) * MS).wishes[0])["timestamp"] == at
        host.lost((at + 1_000) * MS)


@clauses(
    "host-topic-phid-death-payload-timestamp-disconnect-clean",
    "operational-behavior-host-application-termination",
    "operational-behavior-host-application-death-topic",
    "operational-behavior-host-application-death-payload",
    "operational-behavior-host-application-death-qos",
    "operational-behavior-host-application-death-retained",
)
def test_leaving_on_purpose_is_told_with_the_time_of_leaving(clause):
    host = Host("p", host_id="h")
    host.will(T0 * MS)
    host.connected(T0 * MS)
    bye = host.farewell((T0 + 9) * MS)
    assert (bye.topic, bye.qos, bye.retain) == ("spBv1.0/STATE/h", 1, True)
    assert said(bye) == {"online": False, "timestamp": T0 + 9}


@clauses("message-flow-hid-sparkplug-state-message-delivered")
def test_a_late_will_of_an_earlier_session_is_answered_with_the_birth(clause):
    host = Host("p", host_id="h")
    host.will(T0 * MS)
    host.connected(T0 * MS)
    wishes = host.message("spBv1.0/STATE/h", b'{"online":false,"timestamp":5}', T0 * MS).wishes
    assert [said(one) for one in wishes] == [{"online": True, "timestamp": T0}]
    assert not host.message("spBv1.0/STATE/other", b'{"online":false,"timestamp":5}', T0 * MS).wishes


@clauses("operational-behavior-host-application-host-id")
def test_another_host_of_the_same_name_is_noticed(clause):
    host = Host("p", host_id="h")
    host.will(T0 * MS)
    host.connected(T0 * MS)
    host.message("spBv1.0/STATE/h", json.dumps({"online": True, "timestamp": T0}).encode(), T0 * MS)
    assert not host.rival
    host.message("spBv1.0/STATE/h", json.dumps({"online": True, "timestamp": T0 + 1}).encode(), T0 * MS)
    assert host.rival


def test_a_listener_tells_nothing_of_itself():
    host = Host("p", primary=False)
    assert host.will(0) is None
    assert host.connected(0).wishes == []
    assert host.farewell(0) is None


# ---------------------------------------------------------------------- births


@clauses(
    "topics-nbirth-metric-reqs",
    "topics-nbirth-metrics",
    "topics-nbirth-timestamp",
    "topics-nbirth-seq-num",
    "payloads-nbirth-timestamp",
    "payloads-nbirth-seq",
    "payloads-nbirth-bdseq",
    "payloads-nbirth-rebirth-req",
    "topics-nbirth-bdseq-included",
    "topics-nbirth-rebirth-metric",
    "operational-behavior-data-publish-nbirth",
    "operational-behavior-data-publish-nbirth-values",
    "operational-behavior-data-commands-rebirth-name",
    "message-flow-edge-node-birth-publish-nbirth-payload",
)
def test_a_birth_states_values_and_what_controls_the_session_is_no_tag(clause):
    heard = Story().birth(number("load", 41.5), number("idle", None))
    assert [(row.tag, row.quality) for row in heard.rows] == [("p/g/n/load", GOOD), ("p/g/n/idle", BAD)]
    assert heard.rows[0].value == 41.5
    assert heard.refused == {}
    assert [one.name for one in heard.declared] == ["p/g/n/load", "p/g/n/idle"]


@clauses(
    "topics-dbirth-metric-reqs",
    "topics-dbirth-metrics",
    "topics-dbirth-seq",
    "topics-dbirth-timestamp",
    "payloads-dbirth-timestamp",
    "payloads-dbirth-seq",
    "payloads-dbirth-seq-inc",
    "message-flow-device-birth-publish-dbirth-payload",
    "message-flow-device-birth-publish-dbirth-payload-seq",
    "operational-behavior-data-publish-dbirth",
    "operational-behavior-data-publish-dbirth-values",
)
def test_a_device_is_born_after_its_node(clause):
    story = Story()
    story.birth()
    assert told(story.say("DBIRTH", [number("load", 3.0)], "d")) == [("p/g/n/d/load", 3.0)]


@clauses(
    "message-flow-device-birth-publish-nbirth-wait",
    "message-flow-device-birth-publish-dbirth-match-edge-node-topic",
    "principles-birth-certificates-order",
    "payloads-dbirth-order",
    "payloads-ndata-order",
    "payloads-ddata-order",
)
def test_nothing_counts_before_the_birth_of_its_node_and_a_rebirth_is_asked_for(clause):
    for kind, device in (("DBIRTH", "d"), ("NDATA", None), ("DDATA", "d")):
        heard = Story().say(kind, [number("load", 1.0)], device)
        assert heard.rows == []
        assert heard.refused == {"before_birth": 1}
        assert [one.topic for one in heard.wishes] == ["spBv1.0/g/NCMD/n"]


@clauses("payloads-ddata-order")
def test_data_of_a_device_that_was_not_born_are_refused(clause):
    story = Story()
    story.birth()
    heard = story.say("DDATA", [number("load", 1.0)], "d")
    assert heard.refused == {"before_birth": 1}
    assert len(heard.wishes) == 1


@clauses(
    "topics-ndata-payload",
    "topics-ddata-payload",
    "operational-behavior-data-publish-nbirth",
    "operational-behavior-data-publish-dbirth",
)
def test_a_metric_that_is_in_no_birth_is_refused(clause):
    story = Story()
    story.birth(number("load", 1.0))
    heard = story.say("NDATA", [number("load", 2.0), number("new", 2.0)])
    assert told(heard) == [("p/g/n/load", 2.0)]
    assert heard.refused == {"not_in_birth": 1}
    assert len(heard.wishes) == 1
    assert story.say("NDATA", [number("new", 2.0)]).wishes == [], "one request is enough"


@clauses("payloads-alias-uniqueness")
def test_an_alias_that_is_taken_is_refused(clause):
    story = Story()
    heard = story.birth(number("a", 1.0, alias=7), number("b", 2.0, alias=7))
    assert heard.refused == {"alias_taken": 1}
    heard = story.say("DBIRTH", [number("c", 1.0, alias=7)], "d")
    assert heard.refused == {"alias_taken": 1}
    assert told(story.say("NDATA", [number(None, 5.0, 9, alias=7)])) == [("p/g/n/a", 5.0)]


@clauses("payloads-alias-birth-requirement", "payloads-alias-data-cmd-requirement", "payloads-name-requirement")
def test_an_alias_stands_for_the_name_after_the_birth(clause):
    story = Story()
    assert story.birth(number("load", 1.0, alias=7), number(None, 1.0, alias=8)).refused == {"no_name": 1}
    heard = story.say("NDATA", [number(None, 2.0, alias=7), number(None, 2.0, alias=9), number(None, 2.0)])
    assert told(heard) == [("p/g/n/load", 2.0)]
    assert heard.refused == {"unknown_alias": 1, "no_name": 1}


def test_an_alias_of_a_device_is_not_one_of_the_node():
    story = Story()
    story.birth()
    story.say("DBIRTH", [number("load", 1.0, alias=7)], "d")
    assert story.say("NDATA", [number(None, 2.0, alias=7)]).refused == {"alias_of_another": 1}


def test_a_new_birth_gives_aliases_anew():
    story = Story()
    story.birth(number("a", 1.0, alias=1), number("b", 1.0, alias=2))
    story.birth(number("a", 1.0, alias=2), number("b", 1.0, alias=1))
    assert told(story.say("NDATA", [number(None, 9.0, 9, alias=1)])) == [("p/g/n/b", 9.0)]


@clauses("payloads-metric-datatype-req", "payloads-metric-datatype-value", "payloads-metric-datatype-value-type")
def test_a_birth_without_a_known_type_is_refused(clause):
    typeless = Metric("a", timestamp=T0, carrier="double_value", raw=1.0)
    heard = Story().birth(typeless, typeless._replace(datatype=99), typeless._replace(datatype=20), number("b", 1.0))
    assert heard.refused == {"no_type": 1, "unknown_type": 2}
    assert tags(heard) == ["p/g/n/b"]


@clauses("payloads-metric-datatype-not-req")
def test_data_need_no_type_but_may_have_the_same(clause):
    story = Story()
    story.birth(number("a", 1.0))
    assert told(story.say("NDATA", [number("a", 2.0)._replace(datatype=None)])) == [("p/g/n/a", 2.0)]
    assert told(story.say("NDATA", [number("a", 3.0)])) == [("p/g/n/a", 3.0)]
    other = metric("a", DataType.BOOLEAN, True, timestamp=T0)
    assert story.say("NDATA", [other]).refused == {"other_type": 1}
    assert story.say("NDATA", [other._replace(datatype=None)]).refused == {"wrong_type": 1}


@clauses(
    "payloads-name-birth-data-requirement",
    "payloads-metric-timestamp-in-UTC",
    "payloads-timestamp-in-UTC",
    "topics-ndata-timestamp",
    "topics-ddata-timestamp",
    "payloads-ndata-timestamp",
    "payloads-ddata-timestamp",
)
def test_a_sample_has_the_time_of_its_metric_else_of_its_message_else_none(clause):
    story = Story()
    story.birth(number("a", 1.0))
    assert story.say("NDATA", [number("a", 2.0, 500)]).rows[0].at == (T0 + 500) * MS
    bare = number("a", 3.0)._replace(timestamp=None)
    assert story.say("NDATA", [bare], sent=T0 + 600).rows[0].at == (T0 + 600) * MS
    assert story.say("NDATA", [bare], sent=None).refused == {"no_timestamp": 1}
    assert story.say("NDATA", [bare._replace(timestamp=2**64 - 1)]).refused == {"bad_timestamp": 1}


@clauses("operational-behavior-data-publish-nbirth-order", "operational-behavior-data-publish-dbirth-order")
def test_several_values_of_one_metric_stay_in_their_order(clause):
    story = Story()
    story.birth(number("a", 1.0))
    heard = story.say("NDATA", [number("a", 2.0, 10), number("a", 3.0, 20)])
    assert [row.value for row in heard.rows] == [2.0, 3.0]


# ---------------------------------------------------------------------- sequence


@clauses(
    "payloads-sequence-num-always-included",
    "payloads-sequence-num-req-nbirth",
    "payloads-ndata-seq",
    "payloads-ddata-seq",
    "payloads-ddeath-seq",
)
def test_a_message_without_a_number_from_0_to_255_is_refused(clause):
    story = Story()
    assert story.birth(number("a", 1.0), seq=None).refused == {"no_seq": 3}
    assert story.birth(number("a", 1.0), seq=256).refused == {"bad_seq": 3}
    story.birth(number("a", 1.0))
    assert story.say("NDATA", [number("a", 1.0)], seq=None).refused == {"no_seq": 1}


@clauses(
    "payloads-sequence-num-incrementing",
    "topics-ndata-seq-num",
    "topics-ddata-seq-num",
    "topics-ddeath-seq-num",
    "payloads-ndata-seq-inc",
    "payloads-ddata-seq-inc",
    "payloads-ddeath-seq-inc",
    "payloads-ddeath-seq-number",
)
def test_numbers_go_on_from_255_to_0(clause):
    story = Story()
    story.birth(number("a", 1.0))
    for turn in range(600):
        heard = story.say("NDATA", [number("a", float(turn), turn)])
        assert len(heard.rows) == 1
        assert story.host.due is None


@clauses("operational-behavior-host-reordering-param")
def test_how_long_to_wait_is_a_setting(clause):
    assert Settings(kind="sparkplug", host="h", reorder_s=7.5).reorder_s == 7.5


@clauses("operational-behavior-host-reordering-start", "operational-behavior-host-reordering-success")
def test_messages_that_come_too_early_wait_for_the_missing_one(clause):
    story = Story(reorder_s=2.0)
    story.birth(number("a", 0.0))
    assert told(story.say("NDATA", [number("a", 3.0)], seq=3)) == []
    assert story.host.due == story.now + 2_000_000_000
    assert told(story.say("NDATA", [number("a", 2.0)], seq=2)) == []
    heard = story.say("NDATA", [number("a", 1.0)], seq=1)
    assert [row.value for row in heard.rows] == [1.0, 2.0, 3.0]
    assert story.host.due is None
    assert story.wait(60).wishes == []


@clauses(
    "operational-behavior-host-reordering-rebirth",
    "operational-behavior-data-commands-ncmd-rebirth-verb",
    "operational-behavior-data-commands-ncmd-rebirth-name",
    "operational-behavior-data-commands-ncmd-rebirth-value",
    "operational-behavior-data-commands-ncmd-verb",
    "topics-ncmd-mqtt",
    "topics-ncmd-timestamp",
    "topics-ncmd-payload",
    "payloads-ncmd-timestamp",
    "payloads-ncmd-qos",
    "payloads-ncmd-retain",
    "payloads-name-cmd-requirement",
    "operational-behavior-data-commands-rebirth-datatype",
)
def test_what_is_missing_for_too_long_makes_the_host_ask_for_a_rebirth(clause):
    story = Story(reorder_s=2.0)
    story.birth(number("a", 0.0))
    story.say("NDATA", [number("a", 2.0)], seq=2)
    heard = story.wait(2.0)
    assert [row.value for row in heard.rows] == [2.0], "what came is kept"
    wish = story.wait(0).wishes[0] if not heard.wishes else heard.wishes[0]
    assert (wish.topic, wish.qos, wish.retain) == ("spBv1.0/g/NCMD/n", 0, False)
    payload = decode(wish.payload)
    assert payload.seq is None
    assert payload.timestamp == story.at + T0
    assert [(one.name, one.datatype, one.raw) for one in payload.metrics] == [("Node Control/Rebirth", 11, True)]


def test_a_rebirth_is_asked_for_again_three_times_and_not_too_often():
    story = Story(reorder_s=1.0, rebirth_s=10.0)
    story.birth(number("a", 0.0))
    story.say("NDATA", [number("a", 2.0)], seq=2)
    asked = [at for at in range(200) if story.wait(1).wishes]
    assert [later - earlier for earlier, later in pairwise(asked)] == [10, 10]


def test_a_rebirth_ends_the_asking():
    story = Story(reorder_s=1.0)
    story.birth(number("a", 0.0))
    story.say("NDATA", [number("a", 2.0)], seq=2)
    assert story.wait(1).wishes
    story.birth(number("a", 0.0))
    assert story.host.due is None


def test_a_number_that_was_given_up_may_still_come():
    story = Story(reorder_s=1.0)
    story.birth(number("a", 0.0))
    story.say("NDATA", [number("a", 2.0)], seq=2)
    story.wait(1)
    assert told(story.say("NDATA", [number("a", 1.0)], seq=1)) == [("p/g/n/a", 1.0)]
    assert told(story.say("NDATA", [number("a", 3.0)], seq=3)) == [("p/g/n/a", 3.0)]


def test_who_may_not_command_never_asks():
    story = Story(reorder_s=0.0, rebirth=False)
    assert story.say("NDATA", [number("a", 1.0)]).wishes == []
    story.birth(number("a", 0.0))
    assert story.say("NDATA", [number("a", 2.0)], seq=9).wishes == []


def test_a_message_that_overtook_the_birth_belongs_to_the_new_session():
    story = Story()
    story.birth(number("a", 0.0))
    story.say("NDATA", [number("a", 5.0)], seq=5, sent=T0 + 1)
    story.say("NDATA", [number("a", 9.0)], seq=1 + 1, sent=T0 + 5_000)
    heard = story.birth(number("a", 6.0), sent=T0 + 4_000)
    assert [row.value for row in heard.rows] == [5.0, 6.0]
    assert [row.value for row in story.say("NDATA", [number("a", 7.0)], seq=1).rows] == [7.0, 9.0]


# ---------------------------------------------------------------------- deaths


@clauses(
    "operational-behavior-edge-node-termination-host-action-ndeath-node-offline",
    "operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale",
    "operational-behavior-edge-node-termination-host-action-ndeath-devices-offline",
    "operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale",
    "topics-ndeath-payload",
    "topics-ndeath-seq",
    "payloads-ndeath-seq",
    "payloads-ndeath-bdseq",
    "payloads-ndeath-will-message",
)
def test_the_death_of_a_node_makes_it_and_its_devices_stale_from_that_moment(clause):
    story = Story()
    story.birth(number("a", 0.0), bdseq=4)
    story.say("DBIRTH", [number("b", 0.0)], "d")
    story.at = 5_000
    heard = story.death(4)
    assert [(row.tag, row.at, row.quality) for row in heard.rows] == [
        ("p/g/n/a", story.now, NO_COMMUNICATION),
        ("p/g/n/d/b", story.now, NO_COMMUNICATION),
    ]
    assert story.say("NDATA", [number("a", 1.0)]).refused == {"before_birth": 1}
    assert story.death(4).rows == [], "it dies once"


@clauses(
    "payloads-nbirth-bdseq-repeat",
    "topics-nbirth-bdseq-matching",
    "topics-nbirth-bdseq-increment",
    "payloads-ndeath-bdseq",
    "message-flow-edge-node-birth-publish-will-message-payload-bdSeq",
    "message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
)
@pytest.mark.parametrize(("before", "after"), [(4, 5), (255, 0)])
def test_the_late_death_of_an_earlier_session_is_none(clause, before, after):
    story = Story()
    story.birth(number("a", 0.0), bdseq=before)
    story.birth(number("a", 0.0), bdseq=after)
    assert story.death(before).rows == []
    assert told(story.say("NDATA", [number("a", 1.0)])) == [("p/g/n/a", 1.0)]
    assert len(story.death(after).rows) == 1


def test_without_numbers_a_death_is_believed():
    story = Story()
    story.birth(number("a", 0.0), bdseq=None)
    assert len(story.death(3).rows) == 1


@clauses(
    "operational-behavior-edge-node-termination-host-action-ddeath-devices-offline",
    "operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale",
    "operational-behavior-device-ddeath",
    "payloads-ddeath-timestamp",
)
def test_the_death_of_a_device_makes_it_stale_and_nothing_else(clause):
    story = Story()
    story.birth(number("a", 0.0))
    for device in ("d", "e"):
        story.say("DBIRTH", [number("b", 0.0)], device)
    assert [(row.tag, row.quality) for row in story.say("DDEATH", device="d").rows] == [("p/g/n/d/b", NO_COMMUNICATION)]
    assert story.say("DDATA", [number("b", 1.0)], "d").refused == {"before_birth": 1}
    assert told(story.say("DDATA", [number("b", 1.0)], "e")) == [("p/g/n/e/b", 1.0)]


def test_stale_is_later_than_a_clock_that_is_ahead():
    story = Story()
    story.birth(number("a", 0.0, 3_600_000))
    assert story.death().rows[0].at == (T0 + 3_600_000 + 1) * MS


def test_a_lost_broker_makes_all_stale_and_a_node_that_keeps_silent_is_asked():
    story = Story(reorder_s=2.0)
    story.birth(number("a", 0.0))
    assert [row.quality for row in story.host.lost(story.now).rows] == [NO_COMMUNICATION]
    story.host.connected(story.now)
    assert story.wait(1.9).wishes == []
    assert [one.topic for one in story.wait(0.2).wishes] == ["spBv1.0/g/NCMD/n"]


def test_a_node_that_died_before_the_broker_was_lost_is_left_in_peace():
    story = Story()
    story.birth(number("a", 0.0))
    story.death()
    story.host.lost(story.now)
    story.host.connected(story.now)
    assert story.wait(60).wishes == []


def test_a_birth_with_an_old_time_makes_a_stale_tag_good_again():
    story = Story()
    story.birth(number("a", 7.0))
    stale = story.host.lost(story.now).rows[0].at
    story.at = 9_000
    heard = story.birth(number("a", 7.0))
    assert [(row.value, row.quality) for row in heard.rows] == [(7.0, GOOD)]
    assert heard.rows[0].at > stale
    assert heard.rows[0].at == (T0 + 9_001) * MS


def test_a_rebirth_tells_the_same_samples_and_no_silence():
    story = Story()
    first = story.birth(number("a", 7.0))
    device = story.say("DBIRTH", [number("b", 7.0)], "d")
    again = story.birth(number("a", 7.0))
    device_again = story.say("DBIRTH", [number("b", 7.0)], "d")
    assert again.rows == first.rows
    assert device_again.rows == device.rows
    assert story.wait(60).rows == []


def test_what_is_not_born_again_becomes_stale():
    story = Story()
    story.birth(number("a", 7.0), number("gone", 1.0))
    story.say("DBIRTH", [number("b", 7.0)], "d")
    heard = story.birth(number("a", 7.0))
    assert [row.tag for row in heard.rows if row.quality == NO_COMMUNICATION] == ["p/g/n/gone"]
    heard = story.wait(5.0)
    assert [(row.tag, row.quality) for row in heard.rows] == [("p/g/n/d/b", NO_COMMUNICATION)]


# ---------------------------------------------------------------------- values


@clauses("payloads-propertyset-quality-value-type", "payloads-propertyset-quality-value-value")
@pytest.mark.parametrize(("code", "quality"), [(0, BAD), (192, GOOD), (500, NO_COMMUNICATION), (7, UNCERTAIN)])
def test_a_quality_becomes_a_status_code_and_the_value_stays(clause, code, quality):
    story = Story()
    story.birth(number("a", 0.0))
    row = story.say("NDATA", [number("a", 3.0, properties={"Quality": Property(3, code)})]).rows[0]
    assert (row.value, row.quality) == (3.0, quality)


@clauses(
    "payloads-propertyset-keys-array-size",
    "payloads-propertyset-values-array-size",
    "payloads-metric-propertyvalue-type-value",
    "payloads-metric-propertyvalue-type-req",
    "payloads-metric-propertyvalue-type-type",
)
def test_properties_that_do_not_add_up_spoil_their_metric_and_no_other(clause):
    message = PayloadMessage(timestamp=T0, seq=0)
    for name, keys, kind in (("a", ["x", "y"], 3), ("b", ["x"], 99), ("c", ["x"], 3)):
        one = message.metrics.add(name=name, timestamp=T0, datatype=10, double_value=1.0)
        one.properties.keys.extend(keys)
        one.properties.values.add(type=kind, int_value=1)
    heard = Host("p").message("spBv1.0/g/NBIRTH/n", message.SerializeToString(), 0)
    assert tags(heard) == ["p/g/n/c"]
    assert heard.refused == {"bad_properties": 2}


TABLE = DataSet(("x", "word"), (DataType.DOUBLE, DataType.STRING), ((1.0, "a"), (2.0, None)))


@clauses("payloads-dataset-types-def", "payloads-dataset-types-type", "payloads-template-dataset-value")
def test_a_data_set_becomes_a_tag_for_each_cell(clause):
    heard = Story().birth(metric("t", DataType.DATASET, TABLE, timestamp=T0))
    assert told(heard)[:3] == [("p/g/n/t/x", 1.0), ("p/g/n/t/word", "a"), ("p/g/n/t/x/1", 2.0)]
    assert heard.rows[3][:2] == ("p/g/n/t/word/1", T0 * MS)
    assert heard.rows[3].quality == BAD


@clauses(
    "payloads-dataset-column-size",
    "payloads-dataset-column-num-headers",
    "payloads-dataset-types-num",
    "payloads-dataset-types-value",
    "payloads-dataset-parameter-type-req",
)
def test_a_data_set_that_does_not_add_up_is_refused(clause):
    shapes = [(2, ["x"], [10]), (1, ["x", "y"], [10]), (1, ["x"], []), (1, ["x"], [99]), (1, ["x"], [16])]
    message = PayloadMessage(timestamp=T0, seq=0)
    for place, (count, columns, types) in enumerate(shapes):
        one = message.metrics.add(name=f"m{place}", timestamp=T0, datatype=16)
        one.dataset_value.num_of_columns = count
        one.dataset_value.columns.extend(columns)
        one.dataset_value.types.extend(types)
    heard = Host("p").message("spBv1.0/g/NBIRTH/n", message.SerializeToString(), 0)
    assert heard.refused == {"bad_dataset": len(shapes)}


def test_long_arrays_and_tables_are_cut_and_counted():
    story = Story(elements=2)
    heard = story.birth(
        metric("v", DataType.INT16_ARRAY, [1, 2, 3, 4], timestamp=T0),
        metric("t", DataType.DATASET, TABLE._replace(rows=TABLE.rows * 2), timestamp=T0),
    )
    assert told(heard)[:2] == [("p/g/n/v/0", 1.0), ("p/g/n/v/1", 2.0)]
    assert heard.refused == {"too_many_elements": 2, "too_many_rows": 4}


PUMP = Template(
    (metric("rpm", DataType.INT32, 0), metric("on", DataType.BOOLEAN, False)),
    (Parameter("maker", DataType.STRING, "x"),),
    definition=True,
)


@clauses(
    "topics-nbirth-templates",
    "payloads-template-definition-nbirth",
    "payloads-template-definition-nbirth-only",
    "payloads-template-definition-is-definition",
    "payloads-template-definition-members",
    "payloads-template-definition-parameters",
    "payloads-template-definition-ref",
    "payloads-template-instance-is-definition",
    "payloads-template-instance-ref",
    "payloads-template-instance-members-birth",
    "payloads-template-instance-parameters",
    "payloads-template-is-definition-definition",
    "payloads-template-is-definition-instance",
    "payloads-template-ref-definition",
    "payloads-template-ref-instance",
)
def test_a_definition_is_no_value_and_an_instance_becomes_tags(clause):
    pump = Template(
        (metric("rpm", DataType.INT32, -5), metric("on", DataType.BOOLEAN, True)),
        (Parameter("maker", DataType.STRING, "y"),),
        ref="Pump",
    )
    heard = Story().birth(
        metric("Pump", DataType.TEMPLATE, PUMP, timestamp=T0), metric("p1", DataType.TEMPLATE, pump, timestamp=T0)
    )
    assert told(heard) == [("p/g/n/p1/rpm", -5.0), ("p/g/n/p1/on", 1.0), ("p/g/n/p1/maker", "y")]
    assert heard.refused == {}


@clauses("payloads-template-instance-members-data", "payloads-template-instance-members")
def test_data_of_a_template_may_hold_some_members_and_only_those_that_are_defined(clause):
    story = Story()
    pump = Template(PUMP.metrics, ref="Pump")
    story.birth(metric("Pump", DataType.TEMPLATE, PUMP), metric("p1", DataType.TEMPLATE, pump))
    some = Template((metric("rpm", DataType.INT32, 9)._replace(datatype=None), number("strange", 1.0)), ref="Pump")
    heard = story.say("NDATA", [metric("p1", DataType.TEMPLATE, some, timestamp=T0 + 50)])
    assert told(heard) == [("p/g/n/p1/rpm", 9.0)]
    assert heard.rows[0].at == (T0 + 50) * MS
    assert heard.refused == {"not_in_template": 1}


@clauses(
    "payloads-template-parameter-name-required",
    "payloads-template-parameter-type-value",
    "payloads-template-parameter-value-type",
    "payloads-template-parameter-value",
)
def test_a_parameter_without_name_or_known_type_spoils_its_template(clause):
    message = PayloadMessage(timestamp=T0, seq=0)
    for place, given in enumerate(({"type": 3}, {"name": "x", "type": 99})):
        one = message.metrics.add(name=f"m{place}", timestamp=T0, datatype=19)
        one.template_value.parameters.add(int_value=1, **given)
    heard = Host("p").message("spBv1.0/g/NBIRTH/n", message.SerializeToString(), 0)
    assert heard.refused == {"bad_template": 2}


def test_templates_that_hold_each_other_are_refused():
    inner = metric("self", DataType.TEMPLATE, Template(ref="A"))
    loop = Template(tuple(inner._replace(name=f"m{place}") for place in range(50)), definition=True)
    heard = Story().birth(
        metric("A", DataType.TEMPLATE, loop), metric("a", DataType.TEMPLATE, Template((), ref="A"), timestamp=T0)
    )
    assert heard.refused == {"too_deep": 1}


def test_historical_values_are_kept_and_change_nothing_now():
    story = Story()
    story.birth(number("a", 1.0, 1_000))
    row = story.say("NDATA", [number("a", 0.5, 10, historical=True)]).rows[0]
    assert (row.at, row.value, row.quality) == ((T0 + 10) * MS, 0.5, GOOD)


def test_transient_values_are_not_kept_and_counted():
    story = Story()
    story.birth(number("a", 1.0))
    assert story.say("NDATA", [number("a", 2.0, transient=True)]).refused == {"transient": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_a_bad_sample(value):
    story = Story()
    story.birth(number("a", 1.0))
    assert story.say("NDATA", [number("a", value)]).rows[0].quality == BAD


def test_files_and_bytes_are_refused_and_named():
    heard = Story().birth(metric("f", DataType.FILE, b"x", timestamp=T0), metric("b", DataType.BYTES, b"x"))
    assert heard.refused == {"file": 1, "bytes": 1}


@clauses("payloads-nbirth-retain", "payloads-dbirth-retain", "payloads-ndata-retain", "payloads-ddata-retain")
def test_a_message_that_the_broker_had_kept_is_no_news(clause):
    heard = Host("p").message("spBv1.0/g/NBIRTH/n", written(Payload((), seq=0)), 0, retained=True)
    assert heard.refused == {"retained": 1}


def test_a_payload_that_is_none_counts_as_one_refused():
    assert Host("p").message("spBv1.0/g/NDATA/n", b"\xff\xff", 0).refused == {"malformed": 1}
    assert Host("p", most_bytes=3).message("spBv1.0/g/NDATA/n", b"1234", 0).refused == {"too_long": 1}


def test_memory_stays_bounded_whatever_is_born():
    story = Story(most_tags=10)
    heard = story.birth(*(number(f"m{place}", 1.0) for place in range(100)))
    assert len(heard.rows) + heard.refused["too_many_tags"] == 100
    assert len(heard.rows) <= 20


def test_a_device_may_not_take_the_name_of_a_metric_of_its_node():
    story = Story()
    story.birth(number("d/a", 1.0))
    assert story.say("DBIRTH", [number("a", 2.0)], "d").refused == {"name_taken": 1}


def test_other_groups_are_not_listened_to():
    assert Host("p", groups=("h",)).message("spBv1.0/g/NDATA/n", b"\xff", 0).refused == {}


# ---------------------------------------------------------------------- commands


@clauses(
    "topics-dcmd-mqtt",
    "topics-dcmd-timestamp",
    "topics-dcmd-payload",
    "payloads-dcmd-timestamp",
    "payloads-dcmd-qos",
    "payloads-dcmd-retain",
    "operational-behavior-data-commands-dcmd-verb",
    "operational-behavior-data-commands-dcmd-metric-name",
    "operational-behavior-data-commands-dcmd-metric-value",
    "payloads-alias-data-cmd-requirement",
)
def test_a_command_to_a_device_names_what_its_birth_declared(clause):
    story = Story()
    story.birth()
    story.say("DBIRTH", [metric("speed", DataType.INT16, 5, alias=3, timestamp=T0)], "d")
    wish = story.host.command("g", "n", "d", "speed", -7, story.now)
    assert (wish.topic, wish.qos, wish.retain) == ("spBv1.0/g/DCMD/n/d", 0, False)
    one = decode(wish.payload).metrics[0]
    assert (one.name, one.alias, one.datatype, one.raw) == (None, 3, None, 2**32 - 7)
    with pytest.raises(NotAllowed):
        story.host.command("g", "n", "d", "other", 1, story.now)
    with pytest.raises(PayloadError):
        story.host.command("g", "n", "d", "speed", 10**6, story.now)


@clauses(
    "operational-behavior-data-commands-ncmd-verb",
    "operational-behavior-data-commands-ncmd-metric-name",
    "operational-behavior-data-commands-ncmd-metric-value",
)
def test_a_command_to_a_node_names_what_its_birth_declared(clause):
    story = Story()
    story.birth(number("rate", 1.0))
    wish = story.host.command("g", "n", None, "rate", 2.0, story.now)
    assert wish.topic == "spBv1.0/g/NCMD/n"
    assert decode(wish.payload).metrics[0].raw == 2.0
