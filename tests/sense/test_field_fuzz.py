"""Whatever comes over the wire: a value, a count or the one error; no other exception, no hang, no growth."""

from __future__ import annotations

import os
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from zhizao.errors import InputError
from zhizao.sense.folder.table import open_table
from zhizao.sense.modbus.decode import decode, values_of
from zhizao.sense.modbus.settings import WORDS, Tag
from zhizao.sense.mtconnect.assets import Assets
from zhizao.sense.mtconnect.devices import Devices
from zhizao.sense.mtconnect.document import read_document
from zhizao.sense.mtconnect.parts import Parts
from zhizao.sense.mtconnect.streams import Problem, Streams
from zhizao.sense.mtconnect.told import Teller
from zhizao.sense.rows import Rows
from zhizao.sense.shdr.fields import Cutter
from zhizao.sense.shdr.reader import Reader
from zhizao.sense.shdr.sets import entries_of

T = "2024-01-01T00:00:01Z"
CASE_S = 2.0
"""No case takes longer."""
GROWTH_KB = 96 * 1024
"""What all cases after the first tenth may add: the tags and codes that are remembered are bounded."""

MANY = int(os.environ.get("ZHIZAO_FUZZ", "100000"))
"""Cases of the slow run; a million, as before a release, with `ZHIZAO_FUZZ=1000000`."""

CASES = pytest.mark.parametrize("cases", [20_000, pytest.param(MANY, marks=pytest.mark.slow)], ids=["everyday", "many"])

DOCUMENTS = [
    b'<?xml version="1.0" encoding="UTF-8"?><MTConnectDevices xmlns="urn:mtconnect.org:MTConnectDevices:2.0"><Header '
    b'instanceId="1"/><Devices><Device id="d" name="M"><DataItems><DataItem id="x" name="X" category="SAMPLE" '
    b'type="POSITION" units="MILLIMETER_3D"><Constraints><Maximum>5</Maximum></Constraints></DataItem><DataItem id="v" '
    b'category="EVENT" type="VARIABLE" representation="TABLE"/></DataItems><Components><Axes id="a"/></Components>'
    b"</Device></Devices></MTConnectDevices>",
    b'<MTConnectStreams xmlns="urn:mtconnect.org:MTConnectStreams:1.5"><Header instanceId="1" firstSequence="1" '
    b'nextSequence="9"/><Streams><DeviceStream name="M"><ComponentStream component="Axes"><Samples><Position '
    b'dataItemId="x" timestamp="2024-01-01T00:00:01Z" sequence="1">1 2 3</Position><LoadTimeSeries dataItemId="w" '
    b'timestamp="2024-01-01T00:00:01Z" sampleCount="3" sampleRate="10">1 2 3</LoadTimeSeries></Samples><Events>'
    b'<VariableTable dataItemId="v" timestamp="2024-01-01T00:00:01Z" resetTriggered="DAY"><Entry key="a"><Cell key="b">'
    b'1</Cell></Entry></VariableTable></Events><Condition><Fault dataItemId="c" timestamp="2024-01-01T00:00:01Z" '
    b'nativeCode="7" qualifier="HIGH">hot</Fault><Normal dataItemId="c" timestamp="2024-01-01T00:00:01Z"/></Condition>'
    b"</ComponentStream></DeviceStream></Streams></MTConnectStreams>",
    b'<MTConnectError><Header/><Errors><Error errorCode="OUT_OF_RANGE">no</Error></Errors></MTConnectError>',
    b'<MTConnectAssets><Assets><CuttingTool assetId="T" timestamp="2024-01-01T00:00:01Z"><Life type="A" limit="3">1'
    b"</Life></CuttingTool></Assets></MTConnectAssets>",
    b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    b"<MTConnectStreams>&b;&c;</MTConnectStreams>",
]
XML_WORDS = [
    b"<!DOCTYPE d [<!ENTITY e 'x'>]>", b"<!ENTITY e SYSTEM 'file:///etc/passwd'>", b"&e;", b"&#0;", b"&#x10FFFF;", b"<a>",
    b"</a>", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?xml version='1.0' encoding='utf-16'?>", b"<?x ?>", b"\xff\xfe",
    b"\x00", b"UNAVAILABLE", b'nan', b"1e999", b"-1", b"9" * 400, b' removed="true"', b"<Entry>", b"<Cell/>", b"x:y",
    b' xmlns:x="u"', b" 1 2 3 4", b'sampleRate="1e-300"', b'timestamp="1970-01-01T00:00:00Z"', b'"', b"<Components>",
]  # fmt: skip

LINES = [
    f"{T}|load|41.5|mode|AUTO|path|1 2 3", f"{T}|temp|FAULT|E17|100|HIGH|hot", f"{T}|msg|17|text",
    f"{T}|wave|3|10|1 2 3", f"{T}|vars|a=1 b='x y' c={{3}}", f"{T}|offs|:DAY G54={{X=1.5 Y=2}}", "* PONG 10000",
    f'{T}|k|"a \\| b"|x|1:DAY', f"{T}|@ASSET@|T1|CuttingTool|--multiline--A", '<CuttingTool assetId="T1"/>',
    "--multiline--A", f"{T}|@REMOVE_ASSET@|T1", "1500@3|load|1", "|dev:load|UNAVAILABLE", f"{T}|@UPDATE_ASSET@|T1|a|1",
    f"{T}|temp|NORMAL||||", f"{T}|alarm|A|1|HIGH|ACTIVE|t",
]  # fmt: skip
LINE_WORDS = [
    "|", "||", "\\|", '"', "'", "{", "}", "=", ":", "@", "UNAVAILABLE", "NORMAL", "nan", "1e400", "--multiline--", "*",
    "* ", "\x00", "机", " ", "\t", ":MANUAL", "9" * 50, "-", "@ASSET@", "\ud7ff", "²", "٣", "1_0", "0x1",
]  # fmt: skip


def mutated(rng: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((0, 1, 1, 2, 3, 6))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0:
                data[at : at + rng.randrange(1, 30)] = b""
            case 1:
                data[at:at] = rng.choice(words)
            case 2:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 3:
                end = min(len(data), at + rng.randrange(1, 60))
                data[at:at] = data[at:end] * rng.choice((1, 1, 2, 20))
            case 4:
                del data[at:]
            case _:
                other = rng.choice(seeds)
                data[at:] = other[rng.randrange(len(other)) :]
    return bytes(data)


def fuzz(cases: int, one: Callable[[random.Random], None]) -> Counter[str]:
    """Run all cases; the seed of a case is its number, so that a failure can be told again."""
    rng, found = random.Random(), Counter[str]()
    settled = 0
    for case in range(cases):
        rng.seed(case)
        start = time.perf_counter()
        try:
            one(rng)
            found["taken"] += 1
        except InputError as error:
            found[error.fault.code] += 1
        except Exception as error:  # noqa: BLE001 that is what is looked for
            pytest.fail(f"case {case}: {type(error).__name__}: {error}")
        assert time.perf_counter() - start < CASE_S, f"case {case} hangs"
        if case == cases // 10:
            settled = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - settled < GROWTH_KB
    return found


def tell(teller: Teller, said: Devices | Streams | Assets | Problem, rows: Rows) -> None:
    rejected = Counter[str]()
    if isinstance(said, Streams):
        for one in said.observations:
            before = rejected.total()
            taken = teller.tell(one, rows, rejected)
            assert (taken > 0) != (rejected.total() > before)
    elif isinstance(said, Assets):
        for asset in said.assets:
            teller.tell_asset(asset, "M", 1, rows, rejected)
    elif isinstance(said, Devices):
        Teller("q").learn(said)
    else:
        assert str(said)
    assert len(rows.samples(1).tag) < 1_000_000


@CASES
def test_documents_of_an_agent(cases: int) -> None:
    rows = Rows()
    devices = read_document(DOCUMENTS[0])
    assert isinstance(devices, Devices)
    teller = Teller("p")
    teller.learn(devices)
    found = fuzz(cases, lambda rng: tell(teller, read_document(mutated(rng, DOCUMENTS, XML_WORDS)), rows))
    assert found["taken"] > cases / 10
    assert found["xml_entities"] > cases / 20
    assert found["bad_xml"] > cases / 10


@CASES
def test_parts_of_a_stream(cases: int) -> None:
    seeds = [
        b"--x\r\nContent-type: text/xml\r\nContent-length: 4\r\n\r\n<a/>\r\n--x\r\n\r\n<b/>\r\n--x--",
        b"--x\nContent-length: 999999\n\n<a/>\n--x\n\n",
    ]
    words = [b"--x", b"--x--", b"\r\n\r\n", b"Content-length: -1\r\n", b"Content-length: 3\r\n", b"--", b"\n\n"]

    def one(rng: random.Random) -> None:
        data, parts = mutated(rng, seeds, words), Parts("x")
        size = rng.choice((1, 3, 1000))
        bodies = [body for at in range(0, len(data), size) for body in parts.feed(data[at : at + size])]
        assert sum(map(len, bodies)) <= len(data)

    assert fuzz(cases, one)["taken"] > cases / 2


@CASES
def test_lines_of_an_adapter(cases: int) -> None:
    devices = read_document(
        b'<Device id="d" name="M"><DataItems><DataItem id="1" name="load" category="SAMPLE" type="LOAD"/><DataItem id="2" '
        b'name="temp" category="CONDITION" type="T"/><DataItem id="3" name="msg" category="EVENT" type="MESSAGE"/><DataItem '
        b'id="4" name="wave" category="SAMPLE" type="W" representation="TIME_SERIES"/><DataItem id="5" name="vars" '
        b'category="EVENT" type="V" representation="DATA_SET"/><DataItem id="6" name="offs" category="EVENT" type="O" '
        b'representation="TABLE"/><DataItem id="7" name="alarm" category="EVENT" type="ALARM"/></DataItems></Device>'
    )
    assert isinstance(devices, Devices)
    knowing = Teller("p")
    knowing.learn(devices)
    readers, rows = (Reader(knowing, "M"), Reader(Teller("q"))), Rows()
    seeds = [line.encode() for line in LINES]
    words = [word.encode() for word in LINE_WORDS]

    def one(rng: random.Random) -> None:
        reader = rng.choice(readers)
        for line in Cutter().feed(mutated(rng, seeds, words) + b"\n"):
            reader.line(line, rows, 1_700_000_000_000_000_000)
        if rng.random() < 0.02:
            reader.lost()
        rows.samples(0)
        assert reader.account.balances()

    fuzz(cases, one)
    assert all(reader.account.taken > cases / 10 for reader in readers)


@CASES
def test_data_sets(cases: int) -> None:
    seeds = [b"a=1 b='x y' c={1 {2} 3} d", b'r={x=1 y="a\\"b"} s={z=}', b"a=,b=2"]
    words = [b"{", b"}", b'"', b"'", b"=", b"\\", b" ", b"{" * 50, b"a=" * 20]

    def one(rng: random.Random) -> None:
        entries_of(mutated(rng, seeds, words).decode("utf-8", "replace"), table=rng.random() < 0.5)

    assert fuzz(cases, one)["taken"] > cases / 10


@CASES
def test_registers_of_a_device(cases: int) -> None:
    kinds = [*WORDS, "string"]
    orders = ["ABCD", "CDAB", "BADC", "DCBA"]
    encodings = ["ascii", "utf-8", "gb18030", "utf-16"]
    tags = {kind: Tag(address=0, type=kind, bit=3, bits={0: "a", 15: "b"}, scale=1e300) for kind in kinds}

    def one(rng: random.Random) -> None:
        kind = rng.choice(kinds)
        words = [rng.choice((0, 0xFFFF, 0x7F80, 0xFF80, 0x7FF0, rng.randrange(65536))) for _ in range(rng.randrange(6))]
        if rng.random() < 0.05:
            words.append(rng.choice((-1, 65536, 10**9)))
        for _, value in values_of(tags[kind], "t", words, rng.choice(orders)):
            assert value is None or isinstance(value, str) or value == value
        if kind not in ("bool", "bits"):
            decode(words, kind, rng.choice(orders), rng.choice(encodings))

    assert fuzz(cases, one)["taken"] > cases / 20


@CASES
def test_files_of_samples(cases: int) -> None:
    seeds = [
        b"time,tag,value,quality\n2024-01-01T00:00:01Z,load,1.5,good\n1704067201,mode,AUTO,192\n",
        "时间;a;b\n2024/01/01 08:00:01;1,5;x\n".encode(),
        b"\xef\xbb\xbftime\tx\n1704067201000\t1\n",
    ]
    words = [
        b",",
        b";",
        b"\n",
        b'"',
        b'""',
        b"\x00",
        b"\xff\xfe",
        b"\r",
        b"9" * 30,
        b"1e17",
        b"nan",
        b"-5",
        b"0x1",
        b"\t",
    ]
    rows = Rows()

    def one(rng: random.Random) -> None:
        table = open_table(mutated(rng, seeds, words), "p", rng.choice(("UTC", "Asia/Shanghai", "Europe/Berlin")))
        while table.read(rows, 100):
            pass
        assert table.taken == len(rows.samples(0))

    assert fuzz(cases, one)["taken"] > cases / 10


def test_long_inputs_take_no_longer_than_their_length_asks() -> None:
    """Made to be slow: each took minutes where a step looked at all that came before."""
    rows, rejected = Rows(), Counter[str]()
    start = time.perf_counter()
    Reader(Teller("p")).line(f"{T}" + "|1" * 500_000, rows, 0)
    Reader(Teller("p")).line(f"{T}" + '|"' * 200_000, rows, 0)
    many = b"".join(b"<a>1</a>" for _ in range(100_000))
    said = read_document(b'<CuttingTool assetId="T">' + many + b"</CuttingTool>")
    assert isinstance(said, Assets)
    assert said.assets[0].left_out == 98_000
    teller = Teller("p")
    for body in ("".join(f'<Entry key="{n}"><Cell key="c">1</Cell></Entry>' for n in range(9_000)),
                 "".join(f'<Entry key="{n}" removed="true"/>' for n in range(900))):  # fmt: skip
        one = read_document(
            f'<MTConnectStreams><Streams><DeviceStream name="M"><ComponentStream><Events><VTable dataItemId="v" '
            f'timestamp="{T}">{body}</VTable></Events></ComponentStream></DeviceStream></Streams></MTConnectStreams>'.encode()
        )
        tell(teller, one, rows)
    entries_of("a={" + "{" * 100_000 + "}" * 100_001)
    with pytest.raises(InputError):
        entries_of("a=1 " * 100_000)
    assert time.perf_counter() - start < 20
    assert not rejected
