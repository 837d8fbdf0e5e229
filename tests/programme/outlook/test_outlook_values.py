"""Values from tables: what is understood, what is refused with its place and cure."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.indicators import definitions
from zhizao.programme.outlook import ValuesRead, values_of

D = definitions()
TODAY = date(2026, 6, 30)


def read(*rows: dict[str, object]) -> ValuesRead:
    return values_of([(f"v.csv, row {i}", row) for i, row in enumerate(rows, 2)], D, today=TODAY)


def row(**cells: object) -> dict[str, object]:
    return {"indicator": "IND07", "year": "2023", "value": "80.1", **cells}


def test_a_plain_row_is_a_value():
    one = read(row(se="0.4", source="survey", published="2024-02-01")).actuals.observations[0]
    assert (one.indicator, one.year, one.value, one.se, one.source) == ("IND07", 2023, 80.1, 0.4, "survey")
    assert one.published == date(2024, 2, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [("80.1%", 80.1), ("８０．１", 80.1), ("８０.１％", 80.1), (" 80.1 ", 80.1), ("8.01e1", 80.1), (80.1, 80.1)],
)
def test_numbers_are_read_as_people_write_them(text: object, value: float):
    assert read(row(value=text)).actuals.observations[0].value == value


def test_minus_signs_and_thousands_are_read():
    assert read(row(indicator="IND09", value="−21.7")).actuals.observations[0].value == -21.7
    assert read(row(indicator="C4.factories", value="5,095")).actuals.observations[0].value == 5095.0


@pytest.mark.parametrize(
    ("text", "year", "at"),
    [
        ("2023年", 2023, 2023.0),
        ("2023.0", 2023, 2023.0),
        ("2025-03", 2025, 2024.25),
        ("2025年3月", 2025, 2024.25),
        ("2025Q1", 2025, 2024.25),
        ("2024年第四季度", 2024, 2024.0),
        ("2024-12-31", 2024, 2024.0),
    ],
)
def test_periods_are_read_as_people_write_them(text: str, year: int, at: float):
    one = read(row(year=text)).actuals.observations[0]
    assert (one.year, round(one.when, 6)) == (year, at)


def test_headings_and_names_may_be_chinese():
    one = read(
        {"指标": "关键工序数控化率", "年份": "2023", "数值": "62.9", "来源": "发布会", "发布日期": "2024年7月5日"}
    )
    assert one.actuals.observations[0].indicator == "IND08"
    assert one.actuals.observations[0].published == date(2024, 7, 5)


def test_two_values_published_on_different_days_are_vintages():
    found = read(row(value="79", published="2024-02-01"), row(value="80.1", published="2024-09-01"))
    assert len(found.actuals.observations) == 2


def test_the_same_row_twice_is_left_out_with_a_note():
    found = read(row(), row())
    assert len(found.actuals.observations) == 1
    assert "1 rows stand twice" in found.notes[0].en


def test_a_fall_written_positive_is_pointed_out():
    found = read(row(indicator="IND09", value="18"))
    assert "a fall is written negative" in found.notes[0].en


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"indicator": "IND7"}, '"IND7" is not an indicator'),
        ({"indicator": ""}, "the indicator is missing"),
        ({"value": "n/a"}, 'value "n/a" is not a number'),
        ({"value": ""}, "the value is missing"),
        ({"value": "12,5"}, "is not a number"),
        ({"value": "1e999"}, "is too large"),
        ({"value": "nan"}, "is not a number"),
        ({"value": "103"}, "out of range"),
        ({"value": "0.801"}, "looks like a share of 1"),
        ({"indicator": "IND03", "value": "85.2%"}, "in index points, but the value is written with %"),
        ({"indicator": "IND09", "value": "-120"}, "out of range"),
        ({"year": "23"}, 'year "23" is not a year'),
        ({"year": "2031"}, "lies in the future"),
        ({"year": "1066"}, "out of range"),
        ({"year": "2023-13"}, "is not a year"),
        ({"year": ""}, "the year is missing"),
        ({"se": "-1"}, "negative"),
        ({"se": "?"}, "is not a number"),
        ({"published": "yesterday"}, "is not a day"),
        ({"published": "2030-01-01"}, "lies in the future"),
        ({"confidence": "sure"}, "is not known"),
    ],
)
def test_a_bad_cell_is_refused_with_its_row_and_a_cure(cells: dict[str, object], said: str):
    with pytest.raises(FaultsFound) as caught:
        read(row(), row(**cells))
    fault = caught.value.faults[0]
    assert said in fault.what
    assert fault.where == "v.csv, row 3"
    assert fault.fix


def test_two_values_for_one_year_without_days_are_refused():
    with pytest.raises(FaultsFound, match=r"80\.2 here and 80\.1 in v\.csv, row 2"):
        read(row(), row(value="80.2"))


def test_faults_are_shown_together():
    with pytest.raises(FaultsFound) as caught:
        read(row(value="x", year="x"), row(indicator="x"))
    assert len(caught.value.faults) == 3


def test_a_missing_column_is_named_with_what_looks_like_it():
    with pytest.raises(InputError, match='no column value; "valu" looks like it'):
        read({"indicator": "IND07", "year": "2023", "valu": "80"})


def test_no_rows_are_refused():
    for rows in ((), ({"indicator": None, "year": None, "value": None},)):
        with pytest.raises(InputError, match="there are no values"):
            read(*rows)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "indicator": st.sampled_from(["IND07", "IND09", "x"]),
                "year": st.text(max_size=8),
                "value": st.text(max_size=12),
            }
        ),
        min_size=1,
        max_size=4,
    )
)
def test_no_cells_break_the_reader(rows: list[dict[str, object]]):
    with suppress(InputError):
        read(*rows)
