"""The Excel form: what a person sees of it, what can be typed, and every fault at its cell."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.items import items
from zhizao.programme.returns import Line, check_values, differences, read_form, write_form
from zhizao.programme.returns.template import SHEET

AT = datetime(2025, 7, 1, tzinfo=UTC)
FULL: dict[str, float | None] = dict.fromkeys(items(), 1.0)
NAMES = ("甲厂", "plant one")


def form(**more: Any) -> bytes:
    return write_form("E1", NAMES, "2025-06", made_at=AT, **{"values": FULL, **more})


def changed(change: Callable[[Any], None], data: bytes | None = None) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(data or form()))
    change(book[SHEET])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def row_of(key: str) -> int:
    return 6 + list(items()).index(key)


def put(cell: str, value: Any) -> Callable[[Any], None]:
    def change(sheet: Any) -> None:
        sheet[cell] = value

    return change


def test_only_values_and_notes_can_be_typed_into_and_keys_are_hidden() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(form()))[SHEET]
    assert sheet.protection.sheet
    assert sheet.column_dimensions["A"].hidden and sheet.row_dimensions[1].hidden
    open_cells = {
        cell.column_letter for row in sheet.iter_rows(min_row=6) for cell in row if not cell.protection.locked
    }
    assert open_cells == {"E", "F"}
    assert [sheet.cell(row_of(key), 1).value for key in items()] == list(items())


def test_each_value_has_its_own_validation_and_a_hint_in_both_languages() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(form()))[SHEET]
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    assert set(rules) == {f"E{row_of(key)}" for key in items()}
    flag, money, signed = (rules[f"E{row_of(key)}"] for key in ("digital_rd_tools", "revenue_cny", "profit_cny"))
    assert flag.type == "list" and flag.formula1 == '"0,1"'
    assert (money.type, money.operator or "between", float(money.formula1)) == ("decimal", "between", 0.0)
    assert float(signed.formula1) < 0
    for key, item in items().items():
        rule = rules[f"E{row_of(key)}"]
        assert item.en in rule.prompt and item.unit in rule.prompt and item.zh in rule.promptTitle + rule.prompt
        assert item.en in rule.error and item.zh in rule.error


def test_what_the_journal_fills_stands_in_it_with_its_events() -> None:
    line = Line("water_m3", "m3", 113.25, ("metered",), 30, 5, 34, ("made.meter", {"meters": 1}))
    data = form(values=None, lines={"water_m3": line})
    sheet = openpyxl.load_workbook(io.BytesIO(data))[SHEET]
    row = row_of("water_m3")
    assert sheet.cell(row, 5).value == 113.25
    assert "[metered: 30, #5-#34]" in sheet.cell(row, 7).value
    assert sheet.cell(row_of("coal_t"), 5).value is None


def test_a_refused_line_shows_its_reason() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(form(reasons={"water_m3": "ten times last month"})))[SHEET]
    assert sheet.cell(row_of("water_m3"), 7).value == "ten times last month"


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=40)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.none() | st.floats(0, 1e12), min_size=1, max_size=6), st.lists(TEXT, min_size=1, max_size=3))
def test_what_is_written_is_read_back(numbers: list[float | None], texts: list[str]) -> None:
    values: dict[str, float | None] = {}
    for at, (key, item) in enumerate(items().items()):
        value = numbers[at % len(numbers)]
        sign = -1.0 if item.signed else 1.0
        values[key] = None if value is None else float(at % 2) if item.over == "flag" else sign * value
    notes = {key: texts[at % len(texts)] for at, key in enumerate(items())}
    found = read_form(form(values=values, notes=notes))
    assert (found.enterprise, found.period, found.notes) == ("E1", "2025-06", notes)
    for key, value in values.items():
        read = found.values[key]
        assert (read is None) == (value is None)
        assert value is None or read == pytest.approx(value, rel=1e-13)


def test_a_note_is_never_a_formula() -> None:
    notes = {"water_m3": '=HYPERLINK("http://example.org")'}
    assert read_form(form(notes=notes)).notes == notes


def test_lines_may_be_sorted() -> None:
    def swap(sheet: Any) -> None:
        for column in range(1, 8):
            one, other = sheet.cell(6, column), sheet.cell(45, column)
            one.value, other.value = other.value, one.value

    data = changed(swap, form(values={**FULL, "revenue_cny": 5.0}))
    assert read_form(data).values["revenue_cny"] == 5.0


@pytest.mark.parametrize(
    ("change", "code", "cell"),
    [
        (put(f"E{row_of('water_m3')}", None), "blank", f"E{row_of('water_m3')}"),
        (put(f"E{row_of('water_m3')}", "a lot"), "not_number", f"E{row_of('water_m3')}"),
        (put(f"E{row_of('water_m3')}", True), "not_number", f"E{row_of('water_m3')}"),
        (put(f"E{row_of('water_m3')}", "1_000"), "not_number", f"E{row_of('water_m3')}"),
        (put(f"E{row_of('water_m3')}", datetime(2025, 6, 1)), "not_number", f"E{row_of('water_m3')}"),
        (put(f"E{row_of('water_m3')}", "nan"), "not_number", f"E{row_of('water_m3')}"),
        (put(f"E{row_of('water_m3')}", "=1/0"), "blank", f"E{row_of('water_m3')}"),
        (put(f"E{row_of('water_m3')}", -1), "negative", f"E{row_of('water_m3')}"),
        (put(f"E{row_of('water_m3')}", 1e18), "too_large", f"E{row_of('water_m3')}"),
        (put(f"E{row_of('profit_cny')}", -1e18), "too_large", f"E{row_of('profit_cny')}"),
        (put(f"E{row_of('digital_rd_tools')}", 0.5), "flag", f"E{row_of('digital_rd_tools')}"),
        (put(f"D{row_of('water_m3')}", "万立方米"), "wrong_unit", f"D{row_of('water_m3')}"),
        (put(f"A{row_of('water_m3')}", "gold_t"), "unknown_item", f"A{row_of('water_m3')}"),
        (put(f"A{row_of('water_m3')}", "gas_m3"), "twice", f"E{row_of('water_m3')}"),
        (put(f"A{row_of('water_m3')}", None), "no_key", f"A{row_of('water_m3')}"),
        (put(f"F{row_of('water_m3')}", "x" * 600), "long_note", f"E{row_of('water_m3')}"),
    ],
)
def test_each_fault_is_told_at_its_cell(change: Callable[[Any], None], code: str, cell: str) -> None:
    with pytest.raises(FaultsFound) as caught:
        read_form(changed(change), name="mine.xlsx")
    assert (code, f"mine.xlsx, {SHEET}!{cell}") in {(fault.code, fault.where) for fault in caught.value.faults}
    assert all(fault.fix for fault in caught.value.faults)


def test_a_value_typed_as_text_with_commas_is_a_number() -> None:
    assert read_form(changed(put(f"E{row_of('water_m3')}", "1,234.5"))).values["water_m3"] == 1234.5


def test_a_small_value_keeps_all_its_digits() -> None:
    value = 1e-9 / 3
    assert read_form(form(values={**FULL, "water_m3": value})).values["water_m3"] == pytest.approx(value, rel=1e-15)


def test_a_line_that_is_gone_is_missed() -> None:
    def drop(sheet: Any) -> None:
        sheet.delete_rows(row_of("water_m3"))

    with pytest.raises(FaultsFound) as caught:
        read_form(changed(drop))
    assert [fault.code for fault in caught.value.faults] == ["no_line"]


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (80 << 20))
    return out.getvalue()


def other_sheet() -> bytes:
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad_workbook"),
        (b"PK\x03\x04 not really", "bad_workbook"),
        (b"item,value\nwater,3\n", "bad_workbook"),
        (form()[:4000], "bad_workbook"),
        (other_sheet(), "not_form"),
        (changed(put("A1", "something")), "not_form"),
        (changed(put("B1", "99")), "old_form"),
        (b"\x00" * (9 << 20), "too_large"),
        (bomb(), "too_large"),
    ],
)
def test_what_is_no_form_is_refused_in_words(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_form(data)
    assert caught.value.fault.code == code


def test_the_same_form_is_written_twice_to_the_byte() -> None:
    assert form() == form()


def test_figures_from_programs_are_checked_alike() -> None:
    codes = {fault.code for fault in check_values({**FULL, "gold_t": 1.0, "water_m3": True, "gas_m3": "5"}, {})}
    assert codes == {"unknown_item", "not_number"}
    assert check_values({**FULL, "coal_t": None}, {"coal_t": "none is burnt"}) == []
    assert differences(FULL, {**FULL, "coal_t": 2.0}) == ["coal_t"]
