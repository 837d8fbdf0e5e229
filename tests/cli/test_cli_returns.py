"""`zhizao facts` and `zhizao return` as somebody types them: from meters and books to an approved return."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import openpyxl
import pytest
from cli_calls import call


@pytest.fixture(scope="module")
def plant(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("returns") / "plant"
    folder.mkdir()
    for name in ("plant.yaml", "units.yaml"):
        shutil.copy(sample / name, folder)
    assert call("import", sample / "records.csv", "--workspace", folder).code == 0
    said = call("facts", sample / "meters.csv", sample / "accounts.csv", "--workspace", folder)
    assert said.code == 0, said.err
    assert said.out.splitlines() == [
        "meters.csv: readings: read 714 = stored 714 + rejected 0 + duplicate 0",
        "accounts.csv: accounts: read 18 = stored 18 + rejected 0 + duplicate 0",
    ]
    return folder


def test_each_line_says_from_which_events_it_comes_or_why_it_is_left(plant: Path) -> None:
    said = call("return", "--period", "2025-03", "--workspace", plant)
    assert said.code == 0, said.err
    assert "31 of 40 lines filled from the journal" in said.out
    assert "metered: 29 events, #" in said.out
    assert "coal_t (coal used): left to a person: no meter of it was read in the month" in said.out
    assert "! meters read only 93.5 % of the month" in said.out  # the records begin on the 3rd
    assert "factor tce.electricity@2020: 0.1229 kgce/kWh" in said.out
    told = json.loads(call("return", "--period", "2025-03", "--workspace", plant, "--json", "--lang", "zh").out)
    lines = {line["key"]: line for line in told["lines"]}
    assert (told["enterprise"], told["period"], len(lines)) == ("SP-01", "2025-03", 40)
    assert lines["water_m3"]["events"] == 29 and lines["water_m3"]["last"] >= lines["water_m3"]["first"] + 28
    assert "表计" in lines["coal_t"]["formula"]


def test_a_form_is_written_filled_in_submitted_refused_and_approved(plant: Path, tmp_path: Path) -> None:
    form = tmp_path / "return.xlsx"
    assert call("return", "--period", "2025-03", "--workspace", plant, "--out", form).code == 0
    blank = call("return", "--submit", form, "--workspace", plant, "--as", "zhao")
    assert blank.code == 2 and "Return 报表!E" in blank.err and "Traceback" not in blank.err
    book = openpyxl.load_workbook(io.BytesIO(form.read_bytes()))
    sheet = book.active
    assert sheet is not None
    for row in range(6, 46):
        if sheet.cell(row, 5).value is None:
            sheet.cell(row, 6).value = "none here"
    book.save(form)
    took = call("return", "--submit", form, "--workspace", plant, "--as", "zhao")
    assert took.out.strip() == "version 1 of SP-01 for 2025-03 submitted by zhao; submitted, waits for GD-P1"
    step = ("return", "--period", "2025-03", "--workspace", plant, "--step")
    wrong = call(*step, "approve", "--as", "zhou", "--role", "manager", "--unit", "GD")
    assert wrong.code == 2 and "this needs a manager of GD-P1" in wrong.err
    assert (
        call(*step, "refuse", "--as", "sun", "--role", "reviewer", "--unit", "GD-P1", "--line", "water_m3=why").code
        == 0
    )
    again = call("return", "--submit", form, "--workspace", plant, "--as", "zhao", "--reason", "it is right")
    assert again.out.startswith("version 2 of SP-01")
    done = call(*step, "approve", "--as", "li", "--role", "manager", "--unit", "GD-P1", "--json")
    assert json.loads(done.out) == {
        "enterprise": "SP-01",
        "period": "2025-03",
        "state": "submitted",
        "version": 2,
        "waits_for": "GD",
    }
    assert call("verify", plant).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--period", "June"), "is not a month"),
        ((), "which month?"),
        (("--submit", "missing.xlsx", "--as", "zhao"), "cannot be read"),
        (("--submit", "missing.xlsx"), "nobody is named"),
        (("--period", "2025-03", "--step", "burn", "--as", "x"), "is no step"),
        (("--period", "2025-03", "--step", "approve", "--as", "x", "--role", "king"), "takes no steps"),
        (("--period", "2025-03", "--step", "approve", "--out", "x.xlsx"), "is written, or submitted"),
    ],
)
def test_what_makes_no_sense_is_told_in_words(plant: Path, arguments: tuple[str, ...], said: str) -> None:
    found = call("return", "--workspace", plant, *arguments)
    assert found.code == 2 and said in found.err and "Traceback" not in found.err
