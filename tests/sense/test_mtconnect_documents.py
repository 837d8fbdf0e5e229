"""Documents of an agent are read as the standard says, and nothing in them is trusted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from field_recorder import rows_of

from zhizao.errors import InputError
from zhizao.model.signal import BAD, NO_COMMUNICATION
from zhizao.sense.mtconnect.assets import Assets
from zhizao.sense.mtconnect.devices import Devices
from zhizao.sense.mtconnect.document import read_document
from zhizao.sense.mtconnect.parts import Parts, boundary_of
from zhizao.sense.mtconnect.streams import Problem, Streams
from zhizao.sense.mtconnect.told import Teller
from zhizao.sense.rows import Rows

PROBE = """<?xml version="1.0"?>
<MTConnectDevices xmlns="urn:mtconnect.org:MTConnectDevices:{version}">
<Header instanceId="7" version="{version}" bufferSize="100"/><Devices><Device id="d" name="M" uuid="u">
<DataItems><DataItem id="av" category="EVENT" type="AVAILABILITY"/></DataItems><Components><Axes id="a"><Components>
<Linear id="x" name="X"><DataItems>
<DataItem id="xp" name="Xact" category="SAMPLE" type="POSITION" subType="ACTUAL" units="MILLIMETER"
 nativeUnits="INCH" nativeScale="2"><Filters><Filter type="MINIMUM_DELTA">0.1</Filter></Filters></DataItem>
<DataItem id="xt" name="Xload" category="SAMPLE" type="LOAD" units="PERCENT" representation="TIME_SERIES"
 sampleRate="100"/>
<DataItem id="pos" name="path" category="SAMPLE" type="PATH_POSITION" units="MILLIMETER_3D"/>
<DataItem id="xc" name="Xtemp" category="CONDITION" type="TEMPERATURE"/>
<DataItem id="pc" name="count" category="EVENT" type="PART_COUNT"/>
<DataItem id="vs" name="vars" category="EVENT" type="VARIABLE" representation="DATA_SET"/>
<DataItem id="wt" name="offsets" category="EVENT" type="WORK_OFFSET" representation="TABLE"/>
<DataItem id="ms" name="msg" category="EVENT" type="MESSAGE"/>
</DataItems></Linear></Components></Axes></Components></Device></Devices></MTConnectDevices>"""

T = "2024-01-01T00:00:01Z"
AT = 1_704_067_201_000_000_000


def stream(body: str, version: str = "2.0") -> bytes:
    return (
        f'<MTConnectStreams xmlns="urn:mtconnect.org:MTConnectStreams:{version}"><Header instanceId="7" '
        f'firstSequence="1" lastSequence="9" nextSequence="10"/><Streams><DeviceStream name="M" uuid="u">'
        f'<ComponentStream component="Linear" componentId="x">{body}</ComponentStream></DeviceStream></Streams>'
        f"</MTConnectStreams>"
    ).encode()


class Told:
    def __init__(self, **more: object) -> None:
        self.teller = Teller("p", **more)  # type: ignore[arg-type]
        devices = read_document(PROBE.format(version="2.0").encode())
        assert isinstance(devices, Devices)
        self.browsed = self.teller.learn(devices)
        self.rejected: Counter[str] = Counter()

    def __call__(self, body: str) -> dict[str, object]:
        rows = Rows()
        said = read_document(stream(body))
        assert isinstance(said, Streams)
        for one in said.observations:
            self.teller.tell(one, rows, self.rejected)
        self.rows = rows_of(rows.samples(0))
        return {tag: value for tag, _, value, _ in self.rows}


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "2.0", "2.2", "2.4"])
def test_every_version_of_the_standard_is_read(version: str) -> None:
    said = read_document(PROBE.format(version=version).encode())
    assert isinstance(said, Devices)
    assert said.version == version
    items = {item.id: item for item in said.devices[0].all_items()}
    assert len(items) == 9
    assert items["xp"].sub_type == "ACTUAL"
    assert (items["xp"].native_units, items["xp"].native_scale) == ("INCH", 2.0)
    assert items["xp"].filters == (("MINIMUM_DELTA", 0.1),)
    assert items["xp"].path == ("M", "a", "X")


def test_tags_have_names_where_they_are_unique_and_ids_elsewhere() -> None:
    told = Told()
    assert {one.address for one in told.browsed} >= {"p/M/Xact", "p/M/av", "p/M/msg"}
    assert Told(by="id").browsed[1].address == "p/M/xp"
    double = PROBE.format(version="2.0").replace('name="Xact"', 'name="msg"')
    teller = Teller("p")
    tags = {one.address for one in teller.learn(read_document(double.encode()))}  # type: ignore[arg-type]
    assert {"p/M/xp", "p/M/ms"} <= tags
    assert "p/M/msg" not in tags


def test_values_become_numbers_and_texts_as_the_standard_says() -> None:
    told = Told()
    got = told(
        f'<Samples><Position dataItemId="xp" timestamp="{T}" sequence="1">10.5</Position>'
        f'<PathPosition dataItemId="pos" timestamp="{T}" sequence="2">1 2.5 -3</PathPosition></Samples>'
        f'<Events><PartCount dataItemId="pc" timestamp="{T}" sequence="3">12</PartCount>'
        f'<Availability dataItemId="av" timestamp="{T}" sequence="4">AVAILABLE</Availability>'
        f'<Message dataItemId="ms" timestamp="{T}" sequence="5" nativeCode="17">change tool</Message></Events>'
    )
    assert got == {
        "p/M/Xact": 10.5, "p/M/path/X": 1.0, "p/M/path/Y": 2.5, "p/M/path/Z": -3.0, "p/M/count": 12.0,
        "p/M/av": "AVAILABLE", "p/M/msg": "change tool", "p/M/msg/code": "17",
    }  # fmt: skip
    assert not told.rejected


def test_unavailable_is_bad_and_has_no_value() -> None:
    told = Told()
    told(
        f'<Samples><Position dataItemId="xp" timestamp="{T}">UNAVAILABLE</Position>'
        f'<PathPosition dataItemId="pos" timestamp="{T}">UNAVAILABLE</PathPosition></Samples>'
        f'<Events><Availability dataItemId="av" timestamp="{T}">UNAVAILABLE</Availability></Events>'
        f'<Condition><Unavailable dataItemId="xc" timestamp="{T}" type="TEMPERATURE"/></Condition>'
    )
    assert {quality for *_, quality in told.rows} == {NO_COMMUNICATION}
    assert [tag for tag, *_ in told.rows] == [
        "p/M/Xact", "p/M/path/X", "p/M/path/Y", "p/M/path/Z", "p/M/av", "p/M/Xtemp",
    ]  # fmt: skip


def test_a_time_series_ends_at_its_time_stamp() -> None:
    body = f'<Samples><LoadTimeSeries dataItemId="xt" timestamp="{T}" sampleCount="3" sampleRate="{{}}">1 2 3</LoadTimeSeries></Samples>'
    told = Told()
    told(body.format("10"))
    assert [(at - AT, value) for _, at, value, _ in told.rows] == [(-200_000_000, 1.0), (-100_000_000, 2.0), (0, 3.0)]
    told = Told(series_first=True)
    told(body.format(""))  # the rate is the data item's, 100 a second
    assert [at - AT for _, at, *_ in told.rows] == [0, 10_000_000, 20_000_000]
    told(body.format("1").replace('"3"', '"4"'))
    assert told.rejected == {"count_differs": 1}


def test_several_conditions_of_one_data_item_stand_at_once() -> None:
    told = Told()

    def condition(level: str, code: str = "", text: str = "", more: str = "") -> dict[str, object]:
        return told(
            f'<Condition><{level} dataItemId="xc" timestamp="{T}" type="TEMPERATURE" nativeCode="{code}" {more}>'
            f"{text}</{level}></Condition>"
        )

    assert condition("Warning", "W1", "warm", 'qualifier="HIGH" nativeSeverity="2"') == {
        "p/M/Xtemp": "warning", "p/M/Xtemp/W1": "warning high 2: warm",
    }  # fmt: skip
    assert condition("Fault", "F2", "hot") == {"p/M/Xtemp": "fault", "p/M/Xtemp/F2": "fault: hot"}
    assert told.teller.active("p/M/Xtemp").keys() == {"W1", "F2"}
    assert condition("Normal", "F2") == {"p/M/Xtemp": "warning", "p/M/Xtemp/F2": ""}
    assert condition("Fault", "F3") == {"p/M/Xtemp": "fault", "p/M/Xtemp/F3": "fault"}
    assert condition("Normal") == {"p/M/Xtemp": "normal", "p/M/Xtemp/W1": "", "p/M/Xtemp/F3": ""}
    assert not told.teller.active("p/M/Xtemp")


def test_entries_of_sets_and_tables_are_tags() -> None:
    told = Told()
    got = told(
        f'<Events><VariableDataSet dataItemId="vs" timestamp="{T}" count="2"><Entry key="a">1</Entry>'
        f'<Entry key="b">x y</Entry></VariableDataSet>'
        f'<WorkOffsetTable dataItemId="wt" timestamp="{T}" count="1"><Entry key="G54"><Cell key="X">1.5</Cell>'
        f'<Cell key="Y">2</Cell></Entry></WorkOffsetTable></Events>'
    )
    assert got == {"p/M/vars/a": 1.0, "p/M/vars/b": "x y", "p/M/offsets/G54/X": 1.5, "p/M/offsets/G54/Y": 2.0}
    told(
        f'<Events><VariableDataSet dataItemId="vs" timestamp="{T}"><Entry key="a" removed="true"/></VariableDataSet>'
        f'<WorkOffsetTable dataItemId="wt" timestamp="{T}"><Entry key="G54" removed="true"/></WorkOffsetTable></Events>'
    )
    assert {tag for tag, _, value, quality in told.rows if value is None and quality == BAD} >= {
        "p/M/vars/a", "p/M/offsets/G54/X", "p/M/offsets/G54/Y",
    }  # fmt: skip
    told(
        f'<Events><VariableDataSet dataItemId="vs" timestamp="{T}" resetTriggered="MANUAL"><Entry key="c">3</Entry>'
        f"</VariableDataSet></Events>"
    )
    assert [(tag, value) for tag, _, value, _ in told.rows] == [
        ("p/M/vars/c", 3.0), ("p/M/vars/b", None), ("p/M/vars/reset", "MANUAL"),
    ]  # fmt: skip


def test_what_cannot_be_taken_is_counted_by_reason() -> None:
    told = Told()
    told(
        f'<Samples><Position dataItemId="xp" timestamp="yesterday">1</Position>'
        f'<Position dataItemId="xp" timestamp="{T}">fast</Position><Position dataItemId="xp" timestamp="{T}"/>'
        f'<Load dataItemId="xt" timestamp="{T}" sampleCount="2" sampleRate="0.0000000000000000001">1 2</Load></Samples>'
    )
    assert told.rejected == {"bad_time": 2, "not_a_number": 1, "no_value": 1}
    assert told.rows == []


@pytest.mark.parametrize(
    "body",
    [
        '<Errors><Error errorCode="OUT_OF_RANGE">from too small</Error></Errors>',
        '<Error errorCode="OUT_OF_RANGE">from too small</Error>',
        '<Errors><OutOfRange errorCode="OUT_OF_RANGE"><ErrorMessage>from too small</ErrorMessage></OutOfRange></Errors>',
    ],
)
def test_error_documents_of_all_versions_say_what_is_wrong(body: str) -> None:
    said = read_document(f'<MTConnectError><Header instanceId="3"/>{body}</MTConnectError>'.encode())
    assert isinstance(said, Problem)
    assert said.has("OUT_OF_RANGE")
    assert "from too small" in str(said)
    assert said.header.instance == 3


LAUGHS = "".join(
    f'<!ENTITY l{n} "{"&l" + str(n - 1) + ";" if n else "ha"}{"&l" + str(n - 1) + ";" if n else "ha"}">'
    for n in range(40)
)


@pytest.mark.parametrize(
    "data",
    [
        f"<!DOCTYPE d [{LAUGHS}]><MTConnectStreams>&l39;</MTConnectStreams>".encode(),
        b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><MTConnectDevices>&e;</MTConnectDevices>',
        b'<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x">%p;]><MTConnectDevices/>',
        b'<!DOCTYPE MTConnectDevices SYSTEM "http://127.0.0.1:1/d.dtd"><MTConnectDevices/>',
        "<!DOCTYPE d [<!ENTITY e 'x'>]><MTConnectDevices>&e;</MTConnectDevices>".encode("utf-16"),
        b"<MTConnectDevices>&undeclared;</MTConnectDevices>",
        b"<a>" * 100_000,
        b"<MTConnectDevices>" + b"<a>" * 500 + b"</a>" * 500 + b"</MTConnectDevices>",
        b'<MTConnectDevices a="' + b"x" * 1_000_000 + b'"/>',
        b"<MTConnectDevices " + b" ".join(b'a%d="1"' % n for n in range(1000)) + b"/>",
        b"<MTConnectDevices " + b'a="1" a="2"' + b"/>",
        b"<MTConnectStreams><Streams><DeviceStream",
        b"",
        b"   ",
        b"\x00\x01\x02",
        b"not xml",
        b"<html><body>404</body></html>",
        b'<?xml version="1.0" encoding="klingon"?><MTConnectDevices/>',
        b'<?xml version="1.0" encoding="utf-8"?><MTConnectDevices a="\xff\xfe"/>',
        b'<?xml version="1.0" encoding="utf-16"?><MTConnectDevices/>',
        b'<?xml version="1.0" encoding="utf-7"?><MTConnectDevices/>',
        b"<MTConnectDevices/><MTConnectDevices/>",
    ],
)
def test_hostile_and_broken_documents_are_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(InputError):
        read_document(data, "agent")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "gb18030"])
def test_declared_encodings_are_heeded(encoding: str) -> None:
    name = "机床" if encoding in ("utf-8", "utf-16", "gb18030") else "Fräse"
    text = f'<?xml version="1.0" encoding="{encoding}"?><MTConnectDevices><Devices><Device id="d" name="{name}"/></Devices></MTConnectDevices>'
    said = read_document(text.encode(encoding))
    assert isinstance(said, Devices)
    assert said.devices[0].name == name


def test_the_parts_of_a_stream_come_whole_however_they_are_cut() -> None:
    bodies = [b"<a>1</a>", b"<b>--not-x</b>", b"<c/>"]
    data = b"padding\r\n" + b"".join(
        b"--x\r\nContent-type: text/xml\r\n" + (b"Content-length: %d\r\n" % len(body) if n != 1 else b"") + b"\r\n" + body
        + b"\r\n" for n, body in enumerate(bodies)
    ) + b"--x--\r\n"  # fmt: skip
    for size in (1, 2, 3, 7, 50, 1000):
        parts = Parts("x")
        got = [body for at in range(0, len(data), size) for body in parts.feed(data[at : at + size])]
        assert got == bodies
        assert parts.ended
    assert boundary_of("multipart/x-mixed-replace;boundary=abc") == "abc"
    assert boundary_of("text/xml") is None


@pytest.mark.parametrize("data", [b"--x\r\n" + b"a: b\r\n" * 10_000, b"--x\r\nContent-length: 99999999999\r\n\r\n"])
def test_a_part_without_end_is_an_error(data: bytes) -> None:
    with pytest.raises(InputError):
        Parts("x").feed(data)


@pytest.mark.shared
def test_all_public_documents_are_read_whole(shared: Path) -> None:
    folder = shared / "models" / "mtconnect"
    if not folder.is_dir():
        pytest.skip("the public MTConnect files are absent")
    paths = sorted(folder.rglob("*.xml"))
    assert len(paths) == 17
    for path in paths:
        data = path.read_bytes()
        said = read_document(data, path.name)
        if isinstance(said, Assets):
            assert all(asset.id and asset.figures for asset in said.assets)
            continue
        assert isinstance(said, Devices)
        items = [item for device in said.devices for item in device.all_items()]
        assert len(items) == data.count(b"<DataItem ")
        assert said.faults == ()
        assert all(item.id and item.type for item in items)


@pytest.mark.shared
def test_the_public_device_model_is_read_as_it_is(shared: Path) -> None:
    path = shared / "models" / "mtconnect" / "demo_Devices.xml"
    if not path.exists():
        pytest.skip("the public MTConnect files are absent")
    said = read_document(path.read_bytes())
    assert isinstance(said, Devices)
    assert (said.version, [device.name for device in said.devices]) == ("2.7", ["OKUMA", "Mazak"])
    items = [item for device in said.devices for item in device.all_items()]
    assert Counter(item.category for item in items) == {"EVENT": 100, "SAMPLE": 85, "CONDITION": 31}
    assert sum(item.representation == "DATA_SET" for item in items) == 3
