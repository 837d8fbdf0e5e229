"""Lines of adapters become samples; every line and every value is accounted for."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest
from field_recorder import rows_of

from zhizao.model.signal import BAD, NO_COMMUNICATION
from zhizao.sense.mtconnect.devices import Devices
from zhizao.sense.mtconnect.document import read_document
from zhizao.sense.mtconnect.told import Teller
from zhizao.sense.rows import Rows
from zhizao.sense.shdr.fields import Cutter, fields_of
from zhizao.sense.shdr.reader import Reader
from zhizao.sense.shdr.sets import entries_of

T = "2024-01-01T00:00:01Z"
AT = 1_704_067_201_000_000_000
NOW = 1_800_000_000_000_000_000

DEVICES = b"""<MTConnectDevices><Devices>
<Device id="d" name="M" uuid="u"><DataItems>
<DataItem id="i1" name="load" category="SAMPLE" type="LOAD" units="PERCENT"/>
<DataItem id="i2" name="mode" category="EVENT" type="CONTROLLER_MODE"/>
<DataItem id="i3" name="temp" category="CONDITION" type="TEMPERATURE"/>
<DataItem id="i4" name="msg" category="EVENT" type="MESSAGE"/>
<DataItem id="i5" name="wave" category="SAMPLE" type="DISPLACEMENT" representation="TIME_SERIES"/>
<DataItem id="i6" name="vars" category="EVENT" type="VARIABLE" representation="DATA_SET"/>
<DataItem id="i7" name="offs" category="EVENT" type="WORK_OFFSET" representation="TABLE"/>
<DataItem id="i8" name="count" category="EVENT" type="PART_COUNT"><ResetTrigger>DAY</ResetTrigger></DataItem>
<DataItem id="i9" name="path" category="SAMPLE" type="PATH_POSITION" units="MILLIMETER_3D"/>
<DataItem id="i10" name="alarm" category="EVENT" type="ALARM"/>
<DataItem id="i11" category="EVENT" type="PROGRAM"><Source>prog</Source></DataItem>
</DataItems></Device>
<Device id="e" name="N" uuid="v"><DataItems><DataItem id="j1" name="load" category="SAMPLE" type="LOAD"/></DataItems>
</Device></Devices></MTConnectDevices>"""


class Told:
    def __init__(self, devices: bool = True, **more: bool) -> None:
        teller = Teller("p", device_names=False)
        if devices:
            said = read_document(DEVICES)
            assert isinstance(said, Devices)
            teller.learn(said)
        self.reader = Reader(teller, "M" if devices else "", **more)
        self.rows: list[tuple[str, int, float | str | None, int]] = []

    def __call__(self, *lines: str) -> dict[str, float | str | None]:
        rows = Rows()
        for line in lines:
            self.reader.line(line, rows, NOW)
        self.rows = rows_of(rows.samples(0))
        assert self.reader.account.balances()
        return {tag: value for tag, _, value, _ in self.rows}

    @property
    def rejected(self) -> Counter[str]:
        return self.reader.account.rejected


def test_samples_and_events_of_one_line_have_one_time() -> None:
    told = Told()
    assert told(f"{T}|load|41.5|mode|AUTOMATIC|path|1 2 3|prog|1001|count|7") == {
        "p/load": 41.5, "p/mode": "AUTOMATIC", "p/path/X": 1.0, "p/path/Y": 2.0, "p/path/Z": 3.0, "p/i11": "1001",
        "p/count": 7.0,
    }  # fmt: skip
    assert {at for _, at, *_ in told.rows} == {AT}


@pytest.mark.parametrize("devices", [True, False])
def test_a_condition_takes_five_fields(devices: bool) -> None:
    told = Told(devices)
    assert told(f"{T}|temp|FAULT|E17|100|HIGH|too hot") == {"p/temp": "fault", "p/temp/E17": "fault high 100: too hot"}
    assert told(f"{T}|temp|WARNING|W1||LOW|cold") == {"p/temp": "fault", "p/temp/W1": "warning low: cold"}
    assert told(f"{T}|temp|normal||||") == {"p/temp": "normal", "p/temp/E17": "", "p/temp/W1": ""}
    told(f"{T}|temp|UNAVAILABLE||||")
    assert told.rows == [("p/temp", AT, None, NO_COMMUNICATION)]
    assert not told.rejected


def test_messages_series_sets_tables_and_alarms_take_their_fields() -> None:
    told = Told()
    assert told(f"{T}|msg|17|change tool") == {"p/msg": "change tool", "p/msg/code": "17"}
    told(f"{T}|wave|3|10|1 2 3")
    assert [(at - AT, value) for _, at, value, _ in told.rows] == [(-200_000_000, 1), (-100_000_000, 2), (0, 3)]
    assert told(f"{T}|vars|a=1 b='x y' c={{3}}|load|5") == {
        "p/vars/a": 1,
        "p/vars/b": "x y",
        "p/vars/c": 3,
        "p/load": 5,
    }
    assert told(f"{T}|vars|:MANUAL a=2")["p/vars/a"] == 2
    assert {tag for tag, _, _, quality in told.rows if quality == BAD} == {"p/vars/b", "p/vars/c"}
    assert told(f"{T}|offs|G54={{X=1.5 Y=2}} G55={{X=3}}") == {
        "p/offs/G54/X": 1.5,
        "p/offs/G54/Y": 2,
        "p/offs/G55/X": 3,
    }
    assert told(f"{T}|alarm|OTHER|123|HIGH|ACTIVE|oil") == {"p/alarm": "oil", "p/alarm/code": "123"}
    assert told(f"{T}|alarm|OTHER|123|HIGH|CLEARED|oil")["p/alarm"] == ""
    assert not told.rejected


def test_unavailable_is_no_value_whatever_the_kind() -> None:
    told = Told()
    told(f"{T}|load|UNAVAILABLE|mode|UNAVAILABLE|path|UNAVAILABLE|wave|UNAVAILABLE|||vars|UNAVAILABLE|offs|UNAVAILABLE")
    assert {quality for *_, quality in told.rows} == {NO_COMMUNICATION}
    assert len(told.rows) == 8


def test_resets_are_told_beside_the_value() -> None:
    told = Told()
    assert told(f"{T}|count|0:DAY") == {"p/count": 0.0, "p/count/reset": "DAY"}
    assert told(f"{T}|count:SHIFT|0") == {"p/count": 0.0, "p/count/reset": "SHIFT"}
    assert told(f"{T}|mode|A:DAY") == {"p/mode": "A:DAY"}


def test_a_key_may_name_its_device() -> None:
    told = Told()
    told.reader._teller._device_names = True
    assert told(f"{T}|N:load|5|M:load|6|load|7")["p/load"] == 7  # learnt before with short names
    assert [value for *_, value, _ in told.rows] == [5, 6, 7]


@pytest.mark.parametrize(
    ("stamp", "at"),
    [(T, AT), ("2024-01-01T01:00:01.25+01:00", AT + 250_000_000), (f"{T}@12.5", AT), ("", NOW), ("1500", NOW)],
)
def test_time_stamps_may_be_absolute_relative_or_absent(stamp: str, at: int) -> None:
    told = Told()
    told(f"{stamp}|load|1")
    assert told.rows[0][1] == at


def test_relative_times_count_from_the_first_line() -> None:
    told = Told()
    told("1000|load|1", "1500.25|load|2", "500|load|3")
    assert [at - NOW for _, at, *_ in told.rows] == [0, 500_250_000, -500_000_000]
    assert Told(own_time=False)(f"{T}|load|1") == {"p/load": 1.0}


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (r't|k|"one \| two"|x', ["t", "k", "one | two", "x"]),
        (r't|k|"\|begin and end\|"', ["t", "k", "|begin and end|"]),
        (r"t|k|C:\DIR\|m|1", ["t", "k", "C:\\DIR\\", "m", "1"]),
        (r't|k|"open \| end', ["t", "k", '"open \\', "end"]),
        (r't|k|say "yes" now|x', ["t", "k", 'say "yes" now', "x"]),
        (r't|k|a={b="1", c="2"}|x', ["t", "k", 'a={b="1", c="2"}', "x"]),
        ("  t | k |  v  ", ["t", "k", "v"]),
        ("t|k||", ["t", "k", "", ""]),
    ],
)
def test_quotes_hold_escaped_pipes_together(line: str, fields: list[str]) -> None:
    assert fields_of(line) == fields


def test_sets_may_be_nested_quoted_and_shortened() -> None:
    got = entries_of("""a=1 b="x y" c='it''s' d={one {two} three} e= f g={"h"=1}""".replace("''", r"\'"))
    assert [(one.key, one.value) for one in got] == [
        ("a", "1"), ("b", "x y"), ("c", "it's"), ("d", "one {two} three"), ("e", ""), ("f", ""), ("g", '"h"=1'),
    ]  # fmt: skip
    assert [one.key for one in got if one.removed] == ["e", "f"]


def test_assets_of_one_and_of_many_lines_become_figures() -> None:
    told = Told()
    tool = '<CuttingTool assetId="T1"><CuttingToolLifeCycle><ToolLife type="MINUTES">12</ToolLife></CuttingToolLifeCycle></CuttingTool>'
    base = "p/asset/T1"
    figures = {base: "CuttingTool", f"{base}/CuttingToolLifeCycle/ToolLife[MINUTES]": 12.0}
    assert told(f"{T}|@ASSET@|T1|CuttingTool|{tool}") == figures
    assert (
        told(
            f"{T}|@ASSET@|T1|CuttingTool|--multiline--ABC", *tool.replace("><", ">\n<").split("\n"), "--multiline--ABC"
        )
        == figures
    )
    assert told(f"{T}|@UPDATE_ASSET@|T1|ToolLife|13") == {"p/asset/T1/ToolLife": 13.0}
    assert told(f"{T}|@REMOVE_ASSET@|T1", f"{T}|@REMOVE_ALL_ASSETS@|CuttingTool") == {
        "p/asset/removed": "T1", "p/asset/all_removed": "CuttingTool",
    }  # fmt: skip
    told(f"{T}|@ASSET@|T2|CuttingTool|<CuttingTool", f"{T}|@ASSET@|T3|CuttingTool|--multiline--X", "<CuttingTool>")
    assert told.reader.account.waiting == 1
    told.reader.lost()
    assert told.rejected == {"bad_asset": 1, "asset_cut_off": 1}
    assert told(f"{T}|load|1") == {"p/load": 1.0}  # the next connection begins outside of any asset
    assert told.reader.account.balances()


def test_commands_are_no_values() -> None:
    told = Told()
    assert told("* PONG 5000", "* adapterVersion: 2.0", "*", "") == {}
    assert told.reader.heartbeat_s == 5.0
    assert told.reader.said == {"adapterVersion": "2.0"}
    assert told.reader.account.kinds == {"command": 3, "blank": 1}


def test_what_is_wrong_is_counted_and_the_rest_of_the_line_taken() -> None:
    told = Told()
    assert told(f"{T}|load|fast|mode|AUTO", f"{T}|load", "nonsense", f"{T}|vars|a={{1|mode|MDI", "noon|load|1") == {
        "p/mode": "MDI"
    }
    assert told.rejected == {
        "not_a_number": 1, "too_few_fields": 1, "not_a_line": 1, "bad_data_set": 1, "bad_time": 1,
    }  # fmt: skip


def test_without_a_devices_file_kinds_are_guessed() -> None:
    told = Told(devices=False)
    assert told(f"{T}|a|1.5|b|TEXT|c||d|UNAVAILABLE") == {"p/a": 1.5, "p/b": "TEXT", "p/c": "", "p/d": None}
    assert told(f"{T}|door|NORMAL|x|1|y|2") == {"p/door": "NORMAL", "p/x": 1.0, "p/y": 2.0}
    assert told(f"{T}|msg|17|change tool") == {"p/msg": "change tool", "p/msg/code": "17"}
    assert len(told(f"{T}|wave|3|10|1 2 3")) == 1
    assert told(f"{T}|b|12") == {"p/b": "12"}  # what once was a text stays one
    assert not told.rejected


def test_lines_are_cut_whole_however_bytes_come() -> None:
    data = "a|机床\r\n\nb|c\nlast".encode()
    for size in (1, 2, 3, 100):
        cutter = Cutter()
        got = [line for at in range(0, len(data), size) for line in cutter.feed(data[at : at + size])]
        assert [*got, cutter.rest()] == ["a|机床", "", "b|c", "last"]
    cutter = Cutter(limit=10)
    assert cutter.feed(b"x" * 50) == []
    assert cutter.feed(b"x" * 50 + b"\nok\n" + b"y" * 11 + b"\n") == ["ok"]
    assert cutter.too_long == 2
    assert Cutter("gb18030").feed("k|机床\n".encode("gb18030")) == ["k|机床"]


@pytest.mark.shared
@pytest.mark.parametrize(("devices", "samples"), [(True, 24_973), (False, 20_101)])
def test_every_line_of_a_real_stream_is_accounted_for(shared: Path, devices: bool, samples: int) -> None:
    folder = shared / "models" / "mtconnect"
    path = folder / "okuma_shdr_first70pct.txt.gz"
    if not path.exists():
        pytest.skip("the public MTConnect files are absent")
    teller = Teller("okuma", device_names=False)
    if devices:
        said = read_document((folder / "demo_Devices.xml").read_bytes())
        assert isinstance(said, Devices)
        teller.learn(said)
    reader, rows, data = Reader(teller, "OKUMA" if devices else ""), Rows(), gzip.decompress(path.read_bytes())
    for line in Cutter().feed(data):
        reader.line(line, rows, NOW)
    account = reader.account
    assert account.lines == data.count(b"\n") == 7539
    assert account.kinds == {"data": 7239, "asset": 294, "command": 6}
    assert account.observations == account.taken == 18_499
    assert account.samples == len(rows) == samples
    assert not account.rejected
