"""Bad files: each kind ends in one clear error that says what is wrong, where, and what to do."""

from __future__ import annotations

import gzip
import random
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from zhizao.errors import FaultsFound, InputError
from zhizao.sense.files import Mapping, read_records
from zhizao.sense.files import source as files_source

NOW = datetime(2025, 6, 1, tzinfo=UTC)
HEAD = "order,activity,machine,start,end,good\n"
ROWS = "".join(
    f"A{i},mill,M{i % 3},2025-03-{i % 28 + 1:02d} 08:00,2025-03-{i % 28 + 1:02d} 09:00,{i}\n" for i in range(60)
)
GOOD = HEAD + ROWS


def _xlsx(path: Path, rows: int = 50) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["order", "activity", "start", "end"])
    for i in range(rows):
        sheet.append([f"A{i}", "mill", datetime(2025, 3, 1, 8), datetime(2025, 3, 1, 9)])
    book.save(path)


def _xes(events: str) -> str:
    return f'<?xml version="1.0"?><log><trace><string key="concept:name" value="A"/>{events}</trace></log>'


def _zip(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _far_cells(path: Path) -> None:
    """A workbook whose two cells span nearly all rows and very many columns."""
    _xlsx(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    far = b'<row r="1048570"><c r="ZZ1048570"><v>1</v></c></row></sheetData>'
    members[name] = members[name].replace(b"</sheetData>", far)
    _zip(path, members)


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def _text(content: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    return _bytes(content.encode(encoding))


def _cut(make: Callable[[Path], None], share: float = 0.6) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        make(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return write


def _parquet(path: Path) -> None:
    pl.DataFrame({"order": ["A"] * 500, "activity": ["mill"] * 500}).write_parquet(path)


_ENTITIES = '<!DOCTYPE log [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
_FILE_ENTITY = '<!DOCTYPE log [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
_TWO_TIMES = HEAD.replace("machine", "start") + ROWS.replace("M1", "2025-03-01 07:00")
_NOISE = random.Random(5).randbytes(4000).replace(b"\0", b"\1")

BAD: dict[str, tuple[str, Callable[[Path], None], str]] = {
    # name: file name, how to make it, code of the error
    "empty": ("a.csv", _bytes(b""), "empty"),
    "blank": ("a.csv", _text("\n\n  \n"), "empty"),
    "only a mark": ("a.csv", _bytes(b"\xef\xbb\xbf"), "empty"),
    "headings only": ("a.csv", _text(HEAD), "no_rows"),
    "folder": ("a.csv", lambda path: path.mkdir(), "is_folder"),
    "missing": ("a.csv", lambda path: None, "no_file"),
    "picture": ("a.csv", _bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 60), "not_records"),
    "pdf": ("a.csv", _bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), "not_records"),
    "web page": ("a.csv", _text("<!DOCTYPE html><html><table></table></html>"), "not_records"),
    "noise": ("a.csv", _bytes(_NOISE), "not_records"),
    "other archive": ("a.xlsx", lambda path: _zip(path, {"readme.txt": b"hello"}), "not_records"),
    "mixed encodings": (
        "a.csv",
        _bytes((HEAD + ROWS.replace("mill", "铣")).encode() + ROWS.replace("mill", "车削").encode("gb18030")),
        "mixed_encoding",
    ),
    "unknown encoding": ("a.csv", _text(GOOD), "bad_encoding"),
    "nul bytes": ("a.csv", _bytes(GOOD.encode().replace(b"M1", b"M\0")), "nul_bytes"),
    "gzip cut off": ("a.csv.gz", _cut(_bytes(gzip.compress(GOOD.encode()))), "broken_gzip"),
    "gzip of nothing": ("a.csv.gz", _bytes(gzip.compress(b"")), "empty"),
    "workbook cut off": ("a.xlsx", _cut(_xlsx), "bad_workbook"),
    "workbook in name only": ("a.xlsx", _text(GOOD), "bad_workbook"),
    "workbook without rows": ("a.xlsx", lambda path: openpyxl.Workbook().save(path), "no_rows"),
    "old or locked workbook": (
        "a.xls",
        _bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600),
        "old_or_locked_workbook",
    ),
    "workbook that claims all memory": ("a.xlsx", _far_cells, "too_large"),
    "parquet cut off": ("a.parquet", _cut(_parquet), "bad_parquet"),
    "parquet in name only": ("a.parquet", _text(GOOD), "bad_parquet"),
    "xes cut off": (
        "a.xes",
        _cut(_text(_xes('<event><date key="time:timestamp" value="2025-03-01T08:00:00Z"/></event>'))),
        "bad_xml",
    ),
    "xes with entities": ("a.xes", _text(_xes("<event/>").replace("<log>", _ENTITIES + "<log>")), "hostile_xml"),
    "xes that reads files": ("a.xes", _text(_xes("<event/>").replace("<log>", _FILE_ENTITY + "<log>")), "hostile_xml"),
    "xes without times": ("a.xes", _text(_xes('<event><string key="concept:name" value="mill"/></event>')), "no_time"),
    "xes without events": ("a.xes", _text(_xes("")), "no_rows"),
    "other xml": ("a.xml", _text('<?xml version="1.0"?><orders><order id="1"/></orders>'), "not_records"),
    "no time column": ("a.csv", _text("order,activity,good\nA,mill,3\nB,mill,4\n"), "no_time_column"),
    "no order column": (
        "a.csv",
        _text("activity,start,end\nmill,2025-03-01 08:00,2025-03-01 09:00\n"),
        "no_order_column",
    ),
    "no activity column": (
        "a.csv",
        _text("order,start,end\nA,2025-03-01 08:00,2025-03-01 09:00\n"),
        "no_activity_column",
    ),
    "no headings": ("a.csv", _text("A,mill,2025-03-01 08:00\nB,mill,2025-03-01 09:00\n"), "no_headings"),
    "one column": ("a.csv", _text("hello\nworld\n"), "no_order_column"),
    "unreadable dates": ("a.csv", _text(HEAD + "A,mill,M1,last week,yesterday,1\n" * 30), "faults_found"),
    "all in the future": ("a.csv", _text(GOOD.replace("2025-03", "2035-03")), "faults_found"),
    "ends before starts": ("a.csv", _text(GOOD.replace("start,end", "end,start")), "faults_found"),
    "cells vary": ("a.csv", _text(HEAD + "A,mill\nA,mill,M1,2025-03-01 08:00\n,,,,,,,,9\n" * 20), "ragged"),
    "repeated heading": ("a.csv", _text(_TWO_TIMES), "repeated_heading"),
    "too many columns": ("a.csv", _text(",".join(f"c{i}" for i in range(100_000)) + "\n1,2\n"), "too_many_columns"),
    "one huge line": ("a.csv", _bytes(b"x" * (40 << 20)), "huge_line"),
    "quote never closed": (
        "a.csv",
        _text(HEAD + ROWS + 'A,"mill,M1,2025-03-01 08:00,2025-03-01 09:00,1\n' + ROWS),
        "open_quote",
    ),
    "quote never closed at the end": (
        "a.csv",
        _text(HEAD + ROWS + 'A,mill,M1,2025-03-01 08:00,2025-03-01 09:00,"1\n' + ROWS),
        "open_quote",
    ),
    "quote closed rows later": (
        "a.csv",
        _text(
            HEAD + ROWS + 'A,mill,"M1,2025-03-01 08:00,2025-03-01 09:00,1\n' + ROWS + '"B",mill,M1,2025-03-01 08:00,,\n'
        ),
        "open_quote",
    ),
    "quote never closed, many rows": (
        "a.csv",
        _text(HEAD + 'A,"mill,M1,2025-03-01 08:00,2025-03-01 09:00,1\n' + ROWS * 8000),
        "open_quote",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_clear_error(kind: str, tmp_path: Path) -> None:
    name, make, code = BAD[kind]
    path = tmp_path / name
    make(path)
    mapping = Mapping(encoding="no-such-encoding") if kind == "unknown encoding" else None
    with pytest.raises(InputError) as caught:
        read_records(path, mapping=mapping, now=NOW)
    fault = caught.value.fault
    assert fault.code == code
    assert fault.where.startswith(name)
    assert fault.what and fault.fix
    assert len(str(caught.value)) < 1200
    assert "Error" not in fault.what


def test_each_bad_row_kind_is_named_with_an_example(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEAD + "A,mill,M1,last week,2025-03-01 09:00,1\n" * 30 + "A,mill,M1,2025-03-01 08:00,soon,1\n" * 10)
    with pytest.raises(FaultsFound) as caught:
        read_records(path, now=NOW)
    first, second = caught.value.faults
    assert "30 rows" in first.what and '"last week"' in first.what
    assert first.where == "a.csv, row 2, column start"
    assert second.where == "a.csv, row 32, column end"
    assert "--mapping" in caught.value.fault.fix


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_source, "SMALL", 1 << 20)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 2_000_000))
    with pytest.raises(InputError, match="unpacks to more than") as caught:
        read_records(path, now=NOW)
    assert caught.value.fault.code == "bomb"


def test_a_workbook_that_unpacks_to_absurdly_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_source, "SMALL", 1 << 20)
    path = tmp_path / "a.xlsx"
    _zip(path, {"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b" " * (30 << 20)})
    with pytest.raises(InputError) as caught:
        read_records(path, now=NOW)
    assert caught.value.fault.code == "bomb"


def test_a_workbook_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    _xlsx(path)
    data = bytearray(path.read_bytes())
    for magic, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = data.find(magic)
        while place >= 0:
            struct.pack_into("<I", data, place + at, 7)
            place = data.find(magic, place + 4)
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_records(path, now=NOW)
    assert caught.value.fault.code == "bad_workbook"


def test_a_locked_workbook_in_new_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    _zip(path, {"EncryptedPackage": b"x" * 100, "EncryptionInfo": b"y"})
    with pytest.raises(InputError, match="password"):
        read_records(path, now=NOW)


@pytest.mark.parametrize(
    ("mapping", "code", "says"),
    [
        ("columns: {start: Begin}", "unknown_column", '"Begin"'),
        ("columns: {begin: start}", "bad_mapping", '"begin" is nothing'),
        ("columns: {start: start, end: start}", "bad_mapping", "both start and end"),
        ("columns:\n  start: start\n  start: end\n", "bad_mapping", "given twice"),
        ("columns: {order: [order, machine]}", "bad_mapping", "2 columns are named for order"),
        ("columns: {start: [", "bad_mapping", "no YAML"),
        ("just words", "bad_mapping", "no settings"),
        ("colums: {start: start}", "bad_mapping", "no setting"),
        ("zone: Asia/Beijing", "bad_mapping", "not a time zone"),
        ("reports: {D: making}", "bad_mapping", "making"),
        ("!!python/object/apply:os.system ['true']", "bad_mapping", "no YAML"),
    ],
)
def test_a_wrong_mapping_is_one_clear_error(mapping: str, code: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(GOOD)
    with pytest.raises(InputError) as caught:
        read_records(path, mapping=Mapping.from_yaml(mapping, "m.yaml"), now=NOW)
    assert caught.value.fault.code == code
    assert says in str(caught.value)
    assert caught.value.fault.fix


def test_a_zone_that_does_not_exist_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(GOOD)
    with pytest.raises(InputError, match="Mars/Base"):
        read_records(path, zone="Mars/Base", now=NOW)


def test_the_good_file_that_the_bad_ones_are_made_of_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(GOOD)
    assert read_records(path, now=NOW).frame.height == 60
