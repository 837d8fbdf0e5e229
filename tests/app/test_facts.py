"""Files of readings and accounts: recognised by their headings, refused row by row with cause and cure."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from zhizao.app.facts import import_facts, read_facts
from zhizao.errors import InputError
from zhizao.model import Kind, Meter, Plant
from zhizao.record import Workspace

NOW = datetime(2025, 7, 2, tzinfo=UTC)
PLANT = Plant(meters={"E0": Meter(carrier="electricity")}, accounts={"主营收入": "revenue_cny"})
READINGS = "meter,start,end,quantity,unit\n"
LEDGER = "period,account,value,unit\n"
GOOD_READING = "E0,2025-06-01 00:00,2025-06-02 00:00,1000,kWh\n"
GOOD_LINE = "2025-05,主营收入,120,万元\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "facts.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_readings_are_converted_to_the_unit_of_their_carrier(tmp_path: Path) -> None:
    text = "meter,carrier,start,end,quantity,unit\n"
    for meter, carrier, unit in (
        ("a", "electricity", "MWh"),
        ("b", "燃气", "立方米"),
        ("c", "固废", "kg"),
        ("d", "热力", "MJ"),
    ):
        text += f"{meter},{carrier},2025-06-01 00:00,2025-06-02 00:00,2000,{unit}\n"
    frame = read_facts(write(tmp_path, text), PLANT, now=NOW).frame
    assert frame.select("carrier", "quantity", "unit").rows() == [
        ("electricity", 2_000_000.0, "kWh"),
        ("gas", 2000.0, "m3"),
        ("waste", 2.0, "t"),
        ("heat", 2.0, "GJ"),
    ]
    assert frame["start"][0] == datetime(2025, 5, 31, 16, tzinfo=UTC)


def test_a_chinese_file_in_gb18030_says_the_same(tmp_path: Path) -> None:
    text = "表计,开始时间,结束时间,用量,单位\nE0,2025/6/1 0:00,2025/6/2 0:00,1000,度\n"
    found = read_facts(write(tmp_path, text, "gb18030"), PLANT, now=NOW)
    assert found.frame.select("meter", "carrier", "quantity").row(0) == ("E0", "electricity", 1000.0)
    ledger = "月份,科目,金额,单位\n2025年5月,主营收入,120,万元\n202505,资产总计,3000,千元\n"
    frame = read_facts(write(tmp_path, ledger, "gb18030"), PLANT, now=NOW).frame
    assert frame.select("period", "item", "value").rows() == [
        ("2025-05", "revenue_cny", 1_200_000.0),
        ("2025-05", "assets_cny", 3_000_000.0),
    ]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (",2025-06-01 00:00,2025-06-02 00:00,5,kWh", "no_meter"),
        ("X9,2025-06-01 00:00,2025-06-02 00:00,5,kWh", "no_carrier"),
        ("E0,yesterday,2025-06-02 00:00,5,kWh", "bad_time"),
        ("E0,2025-06-01 00:00,,5,kWh", "bad_time"),
        ("E0,2025-06-02 00:00,2025-06-01 00:00,5,kWh", "end_before_start"),
        ("E0,2025-06-02 00:00,2025-06-02 00:00,5,kWh", "end_before_start"),
        ("E0,2023-06-02 00:00,2025-06-02 00:00,5,kWh", "too_long"),
        ("E0,2025-06-02 00:00,2025-08-02 00:00,5,kWh", "in_future"),
        ("E0,2025-06-01 00:00,2025-06-02 00:00,much,kWh", "bad_number"),
        ("E0,2025-06-01 00:00,2025-06-02 00:00,,kWh", "bad_number"),
        ("E0,2025-06-01 00:00,2025-06-02 00:00,-5,kWh", "negative"),
        ("E0,2025-06-01 00:00,2025-06-02 00:00,1e16,kWh", "bad_number"),
        ("E0,2025-06-01 00:00,2025-06-02 00:00,5,barrels", "bad_unit"),
    ],
)
def test_a_reading_that_cannot_be_used_is_refused_with_its_row(tmp_path: Path, row: str, code: str) -> None:
    good = "".join(f"E0,2025-05-{day:02d} 00:00,2025-05-{day + 1:02d} 00:00,5,kWh\n" for day in range(1, 9))
    found = read_facts(write(tmp_path, READINGS + good + row + "\n"), PLANT, now=NOW)
    assert found.read == found.frame.height + 1 == 9
    assert found.rejected.select("row", "code").rows() == [(10, code)]
    assert found.rejected["what"][0] and found.rejected["fix"][0]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("2025-13,主营收入,7,元", "bad_period"),
        ("2025-07,主营收入,7,元", "in_future"),
        ("2025-05,petty cash,7,元", "no_item"),
        ("2025-05,主营收入,lots,元", "bad_number"),
        ("2025-05,主营收入,-7654321,元", "negative"),
        ("2025-05,主营收入,7,USD", "bad_unit"),
    ],
)
def test_an_account_that_cannot_be_used_is_refused_and_its_figure_not_kept(tmp_path: Path, row: str, code: str) -> None:
    good = "".join(f"2025-0{month},主营收入,5,元\n" for month in range(1, 7))
    found = read_facts(write(tmp_path, LEDGER + good + row + "\n"), PLANT, now=NOW)
    assert found.rejected.select("row", "code").rows() == [(8, code)]
    assert "7654321" not in str(found.rejected.rows())


def test_a_loss_is_an_account_below_zero(tmp_path: Path) -> None:
    frame = read_facts(write(tmp_path, LEDGER + "2025-05,total profit,-8,万元\n"), PLANT, now=NOW).frame
    assert frame.row(0, named=True)["value"] == -80_000.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("order,activity,start\nA,mill,2025-01-01\n", "not_facts"),
        (READINGS, "no_rows"),
        (READINGS + "E0,x,y,z,kWh\n" * 5, "too_many_rejected"),
        ("", "empty"),
    ],
)
def test_a_file_that_holds_no_facts_is_refused_whole(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_facts(write(tmp_path, text), PLANT, now=NOW)
    assert caught.value.fault.code == code


def test_what_was_refused_is_kept_with_the_import(tmp_path: Path) -> None:
    file = write(tmp_path, READINGS + GOOD_READING + "E0,2025-06-02 00:00,2025-06-03 00:00,-5,kWh\n")
    (tmp_path / "plant").mkdir()
    (tmp_path / "plant" / "plant.yaml").write_text("meters: {E0: {carrier: electricity}}", encoding="utf-8")
    with Workspace.open(tmp_path / "plant") as place:
        done = import_facts(place, file, now=NOW, max_rejected=0.5)
        assert (done.receipt.read, done.receipt.rejected) == (2, 1)
        kept = place.journal.rejections(done.receipt.import_id)
        assert kept.select("row", "column", "code").row(0) == (3, "quantity", "negative")
        assert place.journal.account()["balance"].all()
        assert done.reading.kind is Kind.METERED


def test_excel_is_read_as_well(tmp_path: Path) -> None:
    file = tmp_path / "readings.xlsx"
    start = datetime(2025, 6, 1)
    rows = {"meter": ["E0"], "start": [start], "end": [datetime(2025, 6, 2)], "quantity": [12.5], "unit": ["kWh"]}
    pl.DataFrame(rows).write_excel(file)
    assert read_facts(file, Plant(meters=PLANT.meters), now=NOW).frame["quantity"].to_list() == [12.5]
