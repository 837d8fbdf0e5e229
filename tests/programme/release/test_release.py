"""What is released: the same after the round trip, and never before its time."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import fastexcel
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.release import (
    Dataset,
    Metadata,
    Release,
    check_calendar,
    due,
    may_see,
    read_sdmx_csv,
    release_workbook,
    tables_workbook,
    visible,
    write_sdmx_csv,
)

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
META = Metadata("ZZ", "PLAN2025", "1.0.0", "Twelve indicators", "十二项指标", "2", AT - timedelta(days=9), AT)
PLAN = Release("R1", "PLAN2025", "2025", AT)
DIMENSIONS = ("INDICATOR", "REF_AREA", "TIME_PERIOD")


def dataset(**columns: list[object]) -> Dataset:
    frame = pl.DataFrame(
        {
            "INDICATOR": ["IND01", "IND01", "IND02"],
            "REF_AREA": ["CN", "CN-44", "CN"],
            "TIME_PERIOD": ["2025", "2025", "2025"],
            "OBS_VALUE": [1.68, 2.5, None],
            "OBS_STATUS": ["P", "A", "O"],
            "CONF_STATUS": ["F", "O", "F"],
            "NOTE": ['half, "quoted"', "line\nbreak", "中文"],
            **columns,
        },
        strict=False,
    )
    return Dataset.of(frame, META, dimensions=DIMENSIONS, attributes=("OBS_STATUS", "CONF_STATUS", "NOTE"))


def test_a_message_begins_as_sdmx_csv_2_asks():
    lines = write_sdmx_csv(dataset()).split("\r\n")
    assert lines[0] == (
        "STRUCTURE,STRUCTURE_ID,ACTION,INDICATOR,REF_AREA,TIME_PERIOD,OBS_VALUE,OBS_STATUS,CONF_STATUS,NOTE,"
        "DEFINITION_VERSION,VINTAGE"
    )
    assert lines[1].startswith("dataflow,ZZ:PLAN2025(1.0.0),I,IND01,CN,2025,1.68,P,F,")


def test_what_was_written_is_read_back():
    data = dataset()
    again = read_sdmx_csv(write_sdmx_csv(data, action="R"))
    assert again.kind == "dataflow" and set(again.frame["ACTION"]) == {"R"}
    assert again.dataset(META, DIMENSIONS).frame.equals(data.frame)


@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=20),
    st.text(
        st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)), min_size=1, max_size=12
    ),
)
def test_every_number_and_every_text_survives(values: list[float | None], text: str):
    frame = pl.DataFrame(
        {"ITEM": [f"{text}{i}" for i in range(len(values))], "OBS_VALUE": values, "NOTE": [text] * len(values)},
        schema={"ITEM": pl.String, "OBS_VALUE": pl.Float64, "NOTE": pl.String},
    )
    data = Dataset.of(frame, META, dimensions=("ITEM",), attributes=("OBS_STATUS", "NOTE"))
    assert read_sdmx_csv(write_sdmx_csv(data)).dataset(META, ("ITEM",)).frame.equals(data.frame)


def test_another_separator_and_labels_beside_ids_are_read():
    text = (
        "STRUCTURE;STRUCTURE_ID;ACTION;DIM: Dimension;OBS_VALUE: Value;OBS_STATUS: Status\r\n"
        "dataflow;ESTAT:NA_MAIN(1.6.0): National accounts;A;B: Belgium;12.4;A: Normal\r\n"
    )
    found = read_sdmx_csv("\ufeff" + text)
    assert found.structure_id == "ESTAT:NA_MAIN(1.6.0)"
    assert found.frame.rows() == [("A", "B", 12.4, "A")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("DATAFLOW,DIM,OBS_VALUE\nA:B(1.0),x,1\n", "1.0"),
        ("a,b\n1,2\n", "not STRUCTURE"),
        ("STRUCTURE,ID,ACTION\n", "header"),
        ("STRUCTURE,STRUCTURE_ID,ACTION,D,OBS_VALUE\ndataflow,A:B(1.0),I,x\n", "cannot be read"),
        ("STRUCTURE,STRUCTURE_ID,ACTION,D,OBS_VALUE\ndataflow,A:B(1.0),X,x,1\n", "cannot be read"),
        ("STRUCTURE,STRUCTURE_ID,ACTION,D,OBS_VALUE\ndataflow,A:B(1.0),I,x,much\n", "cannot be read"),
        ("STRUCTURE,STRUCTURE_ID,ACTION,D,OBS_VALUE\ndataflow,A:B(1.0),I,x,1\ndataflow,A:C(1.0),I,x,1\n", "structures"),
        ("STRUCTURE,STRUCTURE_ID,ACTION,D,OBS_VALUE\ncube,A:B(1.0),I,x,1\n", "identifies no structure"),
    ],
)
def test_what_is_no_message_is_refused(text: str, says: str):
    with pytest.raises(InputError, match=says):
        read_sdmx_csv(text)


def test_a_data_set_with_double_keys_or_unknown_codes_is_refused():
    with pytest.raises(FaultsFound) as error:
        dataset(REF_AREA=["CN", "CN", "CN"], OBS_STATUS=["A", "??", "A"])
    assert {fault.code for fault in error.value.faults} == {"duplicate_key", "bad_code"}


def test_a_missing_value_says_so_where_no_status_was_given():
    data = Dataset.of(pl.DataFrame({"D": ["a", "b"], "OBS_VALUE": [1.0, float("nan")]}), META, dimensions=("D",))
    assert data.frame["OBS_STATUS"].to_list() == ["A", "O"] and data.frame["OBS_VALUE"].to_list() == [1.0, None]


@given(st.integers(-10_000_000, -1), st.sampled_from(["public", "enterprise", "stranger", ""]))
def test_before_the_release_nothing_leaves(seconds: int, role: str):
    data = visible(dataset(), PLAN, role, AT + timedelta(seconds=seconds))
    assert data.frame.height == 0
    assert "1.68" not in write_sdmx_csv(data)


def test_a_minister_sees_it_a_day_before_and_no_earlier():
    assert may_see(PLAN, "minister", AT - timedelta(hours=24))
    assert not may_see(PLAN, "minister", AT - timedelta(hours=24, seconds=1))


def test_a_confidential_cell_keeps_its_key_and_loses_everything_else():
    shown = visible(dataset(), PLAN, "public", AT).frame
    hidden = shown.filter(pl.col("REF_AREA") == "CN-44").row(0, named=True)
    assert hidden["OBS_VALUE"] is None and hidden["OBS_STATUS"] == "Q" and hidden["NOTE"] is None
    assert shown.height == 3
    assert visible(dataset(), PLAN, "statistician", AT).frame["OBS_VALUE"].to_list()[1] == 2.5


def test_an_embargo_mark_falls_with_the_release():
    data = dataset(CONF_STATUS=["E", "F", "F"])
    assert visible(data, PLAN, "minister", AT - timedelta(hours=1)).frame["CONF_STATUS"][0] == "E"
    assert visible(data, PLAN, "public", AT).frame["CONF_STATUS"][0] == "F"


def test_what_is_withdrawn_or_is_about_something_else_is_not_shown():
    gone = Release("R1", "PLAN2025", "2025", AT, state="withdrawn")
    assert not may_see(gone, "public", AT + timedelta(days=9))
    with pytest.raises(InputError, match="about OTHER"):
        visible(dataset(), Release("R2", "OTHER", "2025", AT), "public", AT)


def test_a_calendar_that_contradicts_itself_is_refused_and_the_next_releases_are_told():
    later = Release("R2", "PLAN2025", "2026", AT + timedelta(days=400))
    check_calendar([PLAN, later])
    assert due([later, PLAN], AT - timedelta(days=3)) == (PLAN,)
    with pytest.raises(FaultsFound) as error:
        check_calendar([PLAN, Release("R1", "PLAN2025", "2025", datetime(2026, 1, 1))])
    assert {fault.code for fault in error.value.faults} == {"duplicate_key", "naive_time"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_workbook_holds_the_figures_and_what_they_are(lang: str):
    book = fastexcel.read_excel(release_workbook(dataset(), lang))
    first = book.load_sheet(0).to_polars()
    assert first["OBS_VALUE"].to_list() == [1.68, 2.5, None]
    assert len(book.sheet_names) == 3
    about = book.load_sheet(1, header_row=None).to_polars()
    assert any("ZZ:PLAN2025(1.0.0)" in str(row) for row in about.rows())


def test_text_never_becomes_a_formula_and_sheet_names_are_made_to_fit():
    frame = pl.DataFrame({"x": ["=1+1", "http://example.org"], "n": [1.0, float("inf")]}).filter(pl.col("n") < 9)
    data = tables_workbook({"a/b": frame, "a:b": frame, "n" * 40: frame})
    book = fastexcel.read_excel(data)
    assert book.sheet_names == ["a_b", "a_b 2", "n" * 31]
    assert book.load_sheet(0).to_polars()["x"].to_list() == ["=1+1"]
    assert io.BytesIO(data).read(2) == b"PK"
