"""Payloads of Sparkplug B: every type there and back, faults named, and nothing that breaks the reader."""

from __future__ import annotations

import os
import random
import struct
import time
import tracemalloc
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhizao.sense.sparkplug.datatypes import ARRAYS, DataType, PayloadError, pack, unpack
from zhizao.sense.sparkplug.host import Host
from zhizao.sense.sparkplug.payload import (
    DataSet,
    MetaData,
    Metric,
    Parameter,
    Payload,
    Property,
    Template,
    decode,
    encode,
    metric,
)
from zhizao.sense.sparkplug.state import State, read_state, write_state
from zhizao.testing.workshop import sparkplug_wire

BITS = {"INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64, "UINT8": 8, "UINT16": 16, "UINT32": 32, "UINT64": 64}
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
SINGLE = {
    **{
        DataType[name]: st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
        if name.startswith("I")
        else st.integers(0, (1 << bits) - 1)
        for name, bits in BITS.items()
    },
    DataType.FLOAT: st.floats(width=32, allow_nan=False),
    DataType.DOUBLE: st.floats(allow_nan=False),
    DataType.BOOLEAN: st.booleans(),
    DataType.STRING: TEXT,
    DataType.DATETIME: st.integers(0, 2**64 - 1),
    DataType.TEXT: TEXT,
    DataType.UUID: st.uuids().map(str),
}
LISTS = {
    **{DataType[f"{name}_ARRAY"]: st.lists(SINGLE[DataType[name]], max_size=20) for name in BITS},
    DataType.FLOAT_ARRAY: st.lists(SINGLE[DataType.FLOAT], max_size=20),
    DataType.DOUBLE_ARRAY: st.lists(SINGLE[DataType.DOUBLE], max_size=20),
    DataType.BOOLEAN_ARRAY: st.lists(st.booleans(), max_size=20),
    DataType.STRING_ARRAY: st.lists(TEXT, max_size=20),
    DataType.DATETIME_ARRAY: st.lists(SINGLE[DataType.DATETIME], max_size=20),
}
BYTES = {DataType.BYTES: st.binary(max_size=20), DataType.FILE: st.binary(max_size=20)}
PLAIN = SINGLE | LISTS | BYTES


@st.composite
def datasets(draw: st.DrawFn) -> DataSet:
    types = draw(st.lists(st.sampled_from(sorted(SINGLE)), max_size=4))
    rows = draw(st.lists(st.tuples(*(st.none() | SINGLE[one] for one in types)), max_size=4))
    return DataSet(tuple(draw(TEXT) for _ in types), tuple(types), tuple(rows))


def properties(depth: int = 2) -> st.SearchStrategy[dict[str, Property]]:
    forms = [st.builds(Property, st.just(one), st.none() | form) for one, form in SINGLE.items()]
    if depth:
        below = properties(depth - 1)
        forms += [
            st.builds(Property, st.just(DataType.PROPERTYSET), below),
            st.builds(Property, st.just(DataType.PROPERTYSETLIST), st.lists(below, max_size=2)),
        ]
    return st.dictionaries(TEXT, st.one_of(forms), max_size=3)


PROPERTIES = properties()
META = st.builds(MetaData, *([st.none() | st.booleans(), st.none() | TEXT, st.just(3), *[st.none()] * 4, TEXT]))


@cache
def metrics(depth: int = 2) -> st.SearchStrategy[Metric]:
    return metrics_of(depth)


@st.composite
def metrics_of(draw: st.DrawFn, depth: int) -> Metric:
    kinds = [*PLAIN, DataType.DATASET, *([DataType.TEMPLATE] if depth else [])]
    kind = draw(st.sampled_from(kinds))
    value: object
    if draw(st.integers(0, 9)) == 0:
        value = None
    elif kind == DataType.DATASET:
        value = draw(datasets())
    elif kind == DataType.TEMPLATE:
        single = draw(st.sampled_from(sorted(SINGLE)))
        value = Template(
            tuple(draw(st.lists(metrics(depth - 1), max_size=2))),
            (Parameter(draw(TEXT), single, draw(SINGLE[single])),),
            draw(st.none() | TEXT),
            draw(st.booleans()),
            draw(st.none() | TEXT),
        )
    else:
        value = draw(PLAIN[kind])
    return metric(
        draw(st.none() | TEXT),
        kind,
        value,
        alias=draw(st.none() | st.integers(0, 2**64 - 1)),
        timestamp=draw(st.none() | st.integers(0, 2**64 - 1)),
        historical=draw(st.booleans()),
        transient=draw(st.booleans()),
        properties=draw(st.none() | PROPERTIES),
        metadata=draw(st.none() | META),
    )


PAYLOADS = st.builds(
    Payload,
    st.lists(metrics(), max_size=4).map(tuple),
    st.none() | st.integers(0, 2**64 - 1),
    st.none() | st.integers(0, 255),
    st.none() | TEXT,
    st.none() | st.binary(max_size=9),
)


@pytest.mark.parametrize("kind", sorted(PLAIN), ids=lambda kind: kind.name)
@settings(deadline=None)
@given(data=st.data())
def test_a_value_of_each_type_comes_back(kind, data):
    value = data.draw(PLAIN[kind])
    carrier, raw = pack(kind, value)
    assert unpack(kind, carrier, raw) == value
    back = decode(encode(Payload((metric("m", kind, value),)))).metrics[0]
    assert unpack(kind, back.carrier, back.raw) == value


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(PAYLOADS)
def test_a_payload_comes_back_whole(payload):
    assert decode(encode(payload)) == payload


@pytest.mark.parametrize(
    ("kind", "carrier", "raw", "value"),
    [
        (DataType.INT8, "int_value", 0xFF, -1),
        (DataType.INT8, "int_value", 0xFFFF_FF80, -128),
        (DataType.INT16, "int_value", 0x8000, -32768),
        (DataType.INT32, "int_value", 0x8000_0000, -(2**31)),
        (DataType.INT32, "long_value", 2**64 - 2, -2),
        (DataType.INT64, "long_value", 2**63, -(2**63)),
        (DataType.UINT32, "long_value", 2**32 - 1, 2**32 - 1),
        (DataType.UINT64, "long_value", 2**64 - 1, 2**64 - 1),
        (DataType.BOOLEAN_ARRAY, "bytes_value", b"\x0c\0\0\0\x34\xd0", [int(one) for one in "001101001101"]),
        (DataType.INT16_ARRAY, "bytes_value", struct.pack("<2h", -30_000, 30_000), [-30_000, 30_000]),
        (DataType.STRING_ARRAY, "bytes_value", b"ABC\0hello\0", ["ABC", "hello"]),
    ],
)
def test_negative_numbers_and_arrays_lie_as_the_standard_says(kind, carrier, raw, value):
    assert unpack(kind, carrier, raw) == value


@pytest.mark.parametrize(
    ("kind", "carrier", "raw", "code"),
    [
        (DataType.INT8, "int_value", 0x1_00, "out_of_range"),
        (DataType.UINT8, "int_value", 256, "out_of_range"),
        (DataType.UINT16, "long_value", 2**40, "out_of_range"),
        (DataType.INT32, "double_value", 1.0, "wrong_type"),
        (DataType.DOUBLE, None, None, "no_value"),
        (DataType.INT16_ARRAY, "bytes_value", b"123", "bad_array"),
        (DataType.BOOLEAN_ARRAY, "bytes_value", b"\xff\xff\xff\xff", "bad_array"),
        (DataType.BOOLEAN_ARRAY, "bytes_value", b"\1", "bad_array"),
        (DataType.STRING_ARRAY, "bytes_value", b"no end", "bad_array"),
        (DataType.STRING_ARRAY, "bytes_value", b"\xff\0", "bad_array"),
        *[(kind, "int_value", 1, "wrong_type") for kind in sorted(ARRAYS)],
        (99, "int_value", 1, "unknown_type"),
    ],
)
def test_a_value_that_does_not_fit_is_named(kind, carrier, raw, code):
    with pytest.raises(PayloadError) as caught:
        unpack(kind, carrier, raw)
    assert caught.value.fault.code == code


@pytest.mark.parametrize(("kind", "value"), [(1, 128), (5, -1), (8, 2**64), (10, "x"), (24, [2**40]), (16, 1)])
def test_a_value_that_does_not_fit_is_not_written(kind, value):
    with pytest.raises(PayloadError):
        pack(kind, value)


def test_a_name_that_is_no_utf_8_spoils_its_metric_and_no_other():
    good = encode(Payload((metric("m", DataType.BOOLEAN, True),)))
    payload = decode(b"\x12\x03\x0a\x01\xff" + good)
    assert [one.fault for one in payload.metrics] == ["malformed", ""]


def test_templates_may_not_be_endless():
    deep = metric("m", DataType.BOOLEAN, True)
    for _ in range(20):
        deep = metric("m", DataType.TEMPLATE, Template((deep,)))
    assert "too_deep" in repr(decode(encode(Payload((deep,)))))
    for _ in range(80):
        deep = metric("m", DataType.TEMPLATE, Template((deep,)))
    with pytest.raises(PayloadError):
        decode(encode(Payload((deep,))))


def test_another_encoder_is_understood():
    data = sparkplug_wire.payload(
        5,
        [
            sparkplug_wire.metric("i", 1, 5, sparkplug_wire.INT64, -3, birth=True, unit="mm"),
            sparkplug_wire.metric("t", None, 6, sparkplug_wire.STRING, "刀", birth=True),
            sparkplug_wire.metric(None, 9, 7, sparkplug_wire.DOUBLE, 0.5, historical=True),
        ],
        255,
    )
    first, second, third = decode(data).metrics
    assert (first.name, first.alias, unpack(DataType.INT64, first.carrier, first.raw)) == ("i", 1, -3)
    assert first.properties == {"engUnit": Property(DataType.STRING, "mm")}
    assert (second.raw, third.raw, third.historical, decode(data).seq) == ("刀", 0.5, True, 255)
    assert [one.value for one in sparkplug_wire.read_metrics(data)] == [-3, "刀", 0.5]


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_a_state_is_read_or_is_none(data):
    assert read_state(data) is None or isinstance(read_state(data), State)


def test_a_state_comes_back():
    assert read_state(write_state(State(True, 5))) == State(True, 5)
    for bad in (b"[]", b'{"online":1,"timestamp":2}', b'{"online":true,"timestamp":true}', b"[" * 100_000):
        assert read_state(bad) is None


# ---------------------------------------------------------------------- whatever comes


def seeds() -> list[tuple[str, bytes]]:
    """Messages of a session that hold every type."""
    values = {
        **dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13), 5),
        **dict.fromkeys((12, 14, 15), "word"),
        **dict.fromkeys((17, 18), b"\x01\x02"),
        **{kind: [1, 0, 1] for kind in (*range(22, 33), 34)},
        33: ["a", "b"],
        16: DataSet(("x", "y"), (10, 12), ((1.0, "a"), (2.0, None))),
    }
    every = [metric(f"m{kind}", kind, value, alias=kind, timestamp=1_700_000_000_000) for kind, value in values.items()]
    every[0] = every[0]._replace(
        properties={"Quality": Property(3, 192), "set": Property(20, {"a": Property(10, 1.0)})}, metadata=MetaData(True)
    )
    define = metric("T", 19, Template((every[0], every[9]), (Parameter("p", 12, "x"),), definition=True))
    instance = metric("t", 19, Template((every[0], every[9]), ref="T"), alias=90, timestamp=1_700_000_000_000)
    session = metric("bdSeq", 4, 0)
    now = 1_700_000_000_000
    data = tuple(one._replace(name=None, datatype=None) for one in [*every, instance])
    return [
        ("spBv1.0/g/NBIRTH/n", encode(Payload((session, *every, define, instance), now, 0))),
        (
            "spBv1.0/g/DBIRTH/n/d",
            encode(Payload((every[3]._replace(alias=200), every[10]._replace(alias=201)), now, 1)),
        ),
        ("spBv1.0/g/NDATA/n", encode(Payload(data, now + 5, 2))),
        ("spBv1.0/g/DDATA/n/d", encode(Payload((every[3]._replace(alias=200, name=None),), now + 5, 3))),
        ("spBv1.0/g/DDEATH/n/d", encode(Payload((), now + 6, 4))),
        ("spBv1.0/g/NDEATH/n", encode(Payload((session,), now + 7))),
        ("spBv1.0/STATE/zhizao", b'{"online":false,"timestamp":1700000000000}'),
    ]


def mutated(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Bytes with one to four accidents."""
    work = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(work) + 1)
        kind = chance.randrange(6)
        if kind == 0 and at < len(work):
            work[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(work):
            work[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind == 2:
            del work[at : at + chance.randint(1, 8)]
        elif kind == 3:
            work[at:at] = chance.randbytes(chance.randint(1, 8))
        elif kind == 4:
            other = chance.choice(others)
            start = chance.randrange(len(other))
            work[at:at] = other[start : start + chance.randint(1, 40)]
        else:
            work[at:at] = work[at : at + chance.randint(1, 60)]
    return bytes(work[:20_000])


def storm(cases: int, seed: int) -> None:
    """Mutated messages through the reader and a host; anything but a refusal is a failure."""
    chance = random.Random(seed)
    said = seeds()
    bodies = [data for _, data in said]
    host = Host("p", most_tags=2_000, rebirth_s=1.0)
    host.will(0)
    host.connected(0)
    now, rows, slowest = 1_700_000_000_000_000_000, 0, 0.0
    for case in range(cases):
        topic, data = said[case % len(said)]
        if chance.random() < 0.7:
            data = mutated(data, bodies, chance)
        if chance.random() < 0.02:
            topic = topic.replace(chance.choice(topic), chance.choice("+#/xN"), 1)
        now += 1_000_000
        began = time.perf_counter()
        try:
            decode(data)
        except PayloadError as error:
            assert error.fault.code
        heard = host.message(topic, data, now)
        rows += len(heard.samples())
        if host.due is not None and host.due <= now:
            rows += len(host.tick(now).samples())
        slowest = max(slowest, time.perf_counter() - began)
        if case % 5_000 == 4_999:
            host.lost(now)
            host.connected(now)
    assert rows > cases / 10
    assert slowest < 2.0
    assert sum(len(part.last) for node in host.nodes.values() for part in node.parts.values()) <= 4_000


def test_mutated_payloads_break_nothing():
    storm(20_000, 1)


@pytest.mark.slow
def test_many_mutated_payloads_break_nothing_and_nothing_grows():
    storm(50_000, 2)
    tracemalloc.start()
    for seed in range(3, 5):
        storm(25_000, seed)
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 1_000_000
    for seed in range(5, 5 + int(os.environ.get("ZHIZAO_FUZZ", "100000")) // 50_000):  # a million before a release
        storm(50_000, seed)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_a_refusal(data):
    try:
        decode(data)
    except PayloadError as error:
        assert error.fault.code == "malformed"
