"""`zhizao indicators` and `zhizao evaluate` as somebody types them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_calls import Said
from cli_calls import call as call_outside

from zhizao.app.cli.main import run as main


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Run a command in this process, in a folder of its own."""

    def run(*arguments: object, **more: str) -> Said:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("ZHIZAO_LANG", "en")
        for name, value in more.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["zhizao", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


Call = Callable[..., Said]

OWN = "indicators:\n- {id: IND07, targets: [{year: 2030, value: 90}]}\n"
VALUES = "indicator,year,value,se\nIND07,2020,60,1\nIND07,2021,62,1\nIND07,2022,65,1\nIND07,2023,67,1\n"


def test_indicators_prints_the_plans_targets_in_both_languages(call: Call):
    zh, en = (call("indicators", "--lang", lang) for lang in ("zh", "en"))
    assert zh.code == en.code == 0
    assert "比2015年下降34%" in zh.out
    assert "−34 % on 2015" in en.out


def test_indicators_json_holds_everything_and_a_set_narrows_it(tmp_path: Path, call: Call):
    own = tmp_path / "own.yaml"
    own.write_text(OWN, encoding="utf-8")
    shown = json.loads(call("indicators", "--json", "--definitions", own).out)
    assert shown["versions"]["IND07"] == [1, 2]
    assert len(shown["steps"]) == 3
    assert shown["table"]["en"]["rows"][6]["cells"] == ["52", "58", "72", "84", "90"]
    narrowed = json.loads(call("indicators", "--json", "--set", "14fyp").out)
    assert {t["target_set"] for one in narrowed["indicators"] for t in one["targets"]} == {"14fyp"}
    refused = call("indicators", "--set", "15fyp")
    assert refused.code == 2
    assert "sets: plan2025, 14fyp" in refused.err


def test_evaluate_of_the_published_values_says_states_sources_and_gaps(call: Call):
    said = call("evaluate", "--as-of", "2026-06-30", "--json")
    assert said.code == 0, said.err
    shown = {one["id"]: one for one in json.loads(said.out)["indicators"]}
    assert shown["IND11"]["latest"]["source"] == "SCIO-2024-07-05"
    assert [one["state"] for one in shown["IND11"]["targets"]] == ["reached"] * 3
    assert shown["IND02"]["cannot_judge"]["zh"]
    assert shown["C4.factories"]["targets"][0]["state"] == "reached"


def test_a_report_is_verified_and_a_changed_one_is_not(tmp_path: Path, call: Call):
    report = tmp_path / "report.html"
    values = tmp_path / "values.csv"
    values.write_text(VALUES, encoding="utf-8")
    made = call("evaluate", "--values", values, "--as-of", "2024-06-30", "--out", report, "--lang", "zh")
    assert made.code == 0, made.err
    first = report.read_bytes()
    call("evaluate", "--values", values, "--as-of", "2024-06-30", "--out", report, "--lang", "zh")
    assert report.read_bytes() == first
    assert call("evaluate", "--verify", report).code == 0
    text = first.decode()
    changes = {
        "figure": text.replace("67", "77", 1),
        "input": text.replace('"value":67.0', '"value":77.0'),
        "hash": text.replace('"sha256":"', '"sha256":"0', 1),
        "cut": text[: len(text) // 2],
        "no report": "<html></html>",
    }
    for name, changed in changes.items():
        assert changed != text, name
        report.write_text(changed, encoding="utf-8")
        refused = call("evaluate", "--verify", report)
        assert refused.code == 2, name
        assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("gb.csv", "指标,年份,数值\nIND07,2021年,74.7％\nIND07,2023年,80.1％\n".encode("gb18030")),
        ("plain.tsv", "indicator\tyear\tvalue\nIND07\t2021\t74.7\nIND07\t2023\t80.1\n".encode("utf-16")),
        (
            "list.yaml",
            b"- {indicator: IND07, year: 2021, value: 74.7}\n- {indicator: IND07, year: 2023, value: 80.1}\n",
        ),
    ],
)
def test_values_come_in_many_files(tmp_path: Path, name: str, data: bytes, call: Call):
    file = tmp_path / name
    file.write_bytes(data)
    said = call("evaluate", "--values", file, "--json", "--target-set", "plan2025", "--as-of", "2024-12-31")
    assert said.code == 0, said.err
    one = next(row for row in json.loads(said.out)["indicators"] if row["id"] == "IND07")
    assert [(each["at"], each["value"]) for each in one["series"][0]["values"]] == [(2021.0, 74.7), (2023.0, 80.1)]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("empty.csv", b"", "the file is empty"),
        ("head.csv", b"indicator,year,value\n", "no rows"),
        ("text.csv", b"indicator,year,value\nIND07,2021,many\n", 'value "many" is not a number'),
        ("who.csv", b"indicator,year,value\nIND77,2021,3\n", '"IND77" is not an indicator'),
        ("twice.csv", b"indicator,year,value\nIND07,2021,70\nIND07,2021,71\n", "71 here and 70 in"),
        ("later.csv", b"indicator,year,value\nIND07,2099,70\n", "lies in the future"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n0000", "a picture"),
        ("other.csv", b"order,start,end\n1,2,3\n", "there is no column indicator"),
        ("bomb.yaml", b"a: &a [1]\nb: *a\n", "aliases"),
        ("number.yaml", b"7\n", "holds a number"),
        ("bad.yaml", b"\xff\xfe\xfa", ""),
        ("none.csv", None, "there is no file"),
    ],
)
def test_bad_values_are_refused_in_words(tmp_path: Path, name: str, data: bytes | None, said: str, call: Call):
    file = tmp_path / name
    if data is not None:
        file.write_bytes(data)
    refused = call("evaluate", "--values", file)
    assert refused.code == 2, refused.err
    assert said in refused.err
    assert "fix:" in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--as-of", "soon"), "is not a day"),
        (("--as-of", "2099-01-01"), "lies in the future"),
        (("--target-set", "x"), "is not a set of targets"),
        (("--out", "report.docx"), "neither HTML nor PDF"),
        (("--out", "."), "neither HTML nor PDF"),
        (("--definitions", "none.yaml"), "there is no file"),
        (("--verify", "none.html"), "there is no file"),
        (("--lang", "fr"), "is not a language"),
    ],
)
def test_bad_options_are_refused_in_words(tmp_path: Path, options: tuple[str, str], said: str, call: Call):
    refused = call("evaluate", *options)
    assert refused.code == 2
    assert said in refused.err


def test_a_pdf_without_a_browser_is_refused_with_a_way_out(tmp_path: Path, call: Call):
    refused = call("evaluate", "--target-set", "14fyp", "--out", "report.pdf", PATH=str(tmp_path))
    assert refused.code == 2
    assert "none is installed" in refused.err
    assert "report.html" in refused.err


@pytest.mark.slow
def test_a_report_is_made_and_verified_in_processes_of_their_own(tmp_path: Path):
    values = tmp_path / "values.csv"
    values.write_text(VALUES, encoding="utf-8")
    made = call_outside("evaluate", "--values", values, "--out", "report.html", folder=tmp_path)
    assert made.code == 0, made.err
    assert call_outside("evaluate", "--verify", "report.html", folder=tmp_path).code == 0


@pytest.mark.slow
def test_a_coverage_can_be_measured_by_anybody(call: Call):
    shown = json.loads(call("evaluate", "--check-coverage", 20, "--json").out)
    assert 0.92 <= shown["coverage_95"] <= 0.99
