"""Registers become values; questions are as few as the device allows."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from zhizao.errors import InputError
from zhizao.sense.modbus.blocks import Place, blocks_of, split
from zhizao.sense.modbus.decode import decode, scaled, values_of
from zhizao.sense.modbus.settings import Group, Settings, Tag


def words(data: bytes) -> list[int]:
    return list(struct.unpack(f">{len(data) // 2}H", data))


@pytest.mark.parametrize(
    ("order", "data"),
    [("ABCD", "12345678"), ("CDAB", "56781234"), ("BADC", "34127856"), ("DCBA", "78563412")],
)
def test_four_bytes_in_four_orders(order: str, data: str) -> None:
    assert decode(words(bytes.fromhex(data)), "uint32", order) == 0x12345678


@pytest.mark.parametrize(
    ("kind", "fmt", "value"),
    [
        ("int16", ">h", -2), ("uint16", ">H", 65535), ("int32", ">i", -70000), ("uint32", ">I", 4_000_000_000),
        ("int64", ">q", -(2**40)), ("uint64", ">Q", 2**40), ("float32", ">f", 1.5), ("float64", ">d", 0.1),
    ],
)  # fmt: skip
def test_every_type_in_every_order(kind: str, fmt: str, value: float) -> None:
    data = struct.pack(fmt, value)
    by_word = [data[at : at + 2] for at in range(0, len(data), 2)]
    forms = {
        "ABCD": data,
        "CDAB": b"".join(by_word[::-1]),
        "BADC": b"".join(word[::-1] for word in by_word),
        "DCBA": data[::-1],
    }
    for order, form in forms.items():
        assert decode(words(form), kind, order) == value


def test_texts_digits_and_numbers_that_are_none() -> None:
    assert decode(words(b"MILL 1\0\0"), "string") == "MILL 1"
    assert decode(words(b"IMLL1 \0\0"), "string", "BADC") == "MILL 1"
    assert decode(words("机床".encode("gb18030")), "string", encoding="gb18030") == "机床"
    assert decode([0x1234], "bcd16") == 1234
    assert decode([0x0001, 0x2345], "bcd32") == 12345
    assert decode([0x7FC0, 0], "float32") is None
    with pytest.raises(InputError):
        decode([0x12AB], "bcd16")
    with pytest.raises(InputError):
        decode([1], "float32")


def test_scaling_keeps_the_digits() -> None:
    assert scaled(123, 0.1, 0) == 12.3
    assert scaled(1051, 0.01, -5) == 10.51 - 5
    assert scaled(-7, 0.5, 1) == -2.5
    assert values_of(Tag(address=0, type="int16", scale=0.1, offset=10), "t", [0xFFFF], "ABCD") == [("t", 9.9)]


def test_bits_of_a_register() -> None:
    tag = Tag(address=0, type="bits", bits={0: "run", 15: "fault"})
    assert values_of(tag, "drive", [0x8000], "ABCD") == [("drive/run", 0.0), ("drive/fault", 1.0)]
    assert values_of(tag, "drive", [0x0080], "BADC") == [("drive/run", 0.0), ("drive/fault", 1.0)]
    assert values_of(Tag(address=0, type="bool", bit=3), "b", [8], "ABCD") == [("b", 1.0)]


@pytest.mark.parametrize(
    ("number", "table", "address"), [("40001", "holding", 0), ("300101", "input", 100), (10002, "discrete", 1)]
)
def test_numbers_of_manuals_say_table_and_address(number: object, table: str, address: int) -> None:
    tag = Tag.model_validate({"number": number})
    assert (tag.table, tag.address) == (table, address)


@pytest.mark.parametrize(
    "tag",
    [
        {"number": "50001"}, {"number": "40000"}, {"number": "40001", "address": 1}, {"address": 65535, "type": "int32"},
        {"address": 0, "type": "bits"}, {"address": 0, "scale": 0}, {"address": -1}, {"address": 0, "type": "int8"},
        {"address": 0, "type": "string", "encoding": "klingon"}, {"address": 0, "table": "holding", "type": "bool"},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(tag: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"host": "h", "groups": {"g": {"tags": {"t": tag}}}})


def test_the_same_tag_in_two_groups_is_refused() -> None:
    group = {"tags": {"t": {"address": 0}}}
    with pytest.raises(ValidationError, match="stands in group"):
        Settings.model_validate({"host": "h", "groups": {"a": group, "b": group}})


@given(
    st.dictionaries(
        st.integers(0, 999).map(str),
        st.builds(
            lambda address, kind, table: Tag(address=address, type=kind, table=table),
            st.integers(0, 400), st.sampled_from(["int16", "float32", "float64", "string"]),
            st.sampled_from(["holding", "input"]),
        ),
        min_size=1, max_size=40,
    ),
    st.integers(0, 124),
    st.integers(16, 125),
)  # fmt: skip
def test_blocks_hold_every_tag_once_and_are_never_too_long(tags: dict[str, Tag], gap: int, most: int) -> None:
    group = Group(tags=tags, gap=gap, most=most)
    blocks = blocks_of(group)
    assert sorted(place.name for block in blocks for place in block.places) == sorted(tags)
    for block in blocks:
        assert 1 <= block.count <= max(most, 16)
        for place in block.places:
            assert place.table == block.table
            assert block.first <= place.first
            assert place.first + place.count <= block.first + block.count
        read = {address for place in block.places for address in range(place.first, place.first + place.count)}
        assert block.count - len(read) <= gap * max(0, len(block.places) - 1)
        halves = split(block)
        assert [place for half in halves for place in half.places] == list(block.places if halves else ())


def test_a_place_says_where_it_is_as_manuals_do() -> None:
    assert (
        str(Place("t", Tag(address=100, type="int32"), "holding", "ABCD"))
        == "holding registers 100 to 101 (in manuals 40101)"
    )
    assert str(Place("t", Tag(address=9999), "input", "ABCD")) == "input register 9999 (in manuals 310000)"
