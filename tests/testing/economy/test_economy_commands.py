"""`zhizao economy` from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from zhizao.app.cli.main import app
from zhizao.errors import InputError
from zhizao.programme import indicators
from zhizao.programme.indicators import Definition, Formula, Kind
from zhizao.testing.economy import generate

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def economy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "economy"
    generate(folder, enterprises=300, months=24, seed=1, workers=1)
    return folder


@pytest.fixture(autouse=True)
def _few_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    level: dict[str, Any] = {"unit": "percent", "direction": "increase", "kind": Kind.LEVEL}
    ratio = Formula(of="ratio", numerator={"rd_spend_cny": 1}, denominator={"revenue_cny": 1}, scale=100)
    told = {
        "IND01": Definition(id="IND01", zh="研发", en="R&D", formula=ratio, **level),
        "IND06": Definition(id="IND06", zh="宽带", en="broadband", formula=Formula(of="external"), **level),
    }
    monkeypatch.setattr(indicators, "definitions", lambda *_texts, names=(): told, raising=False)


def _load(*arguments: str) -> dict[str, Any]:
    result = RUNNER.invoke(app, ["economy", "load", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_generate_says_what_it_made(tmp_path: Path) -> None:
    out = tmp_path / "e"
    said = RUNNER.invoke(
        app,
        ["economy", "generate", "--enterprises", "50", "--months", "13", "--workers", "1", "--out", str(out), "--json"],
    )
    told = json.loads(said.stdout)
    assert (told["enterprises"], told["months"], told["seed"]) == (50, 13, 7)
    assert (out / "frame.parquet").is_file()


def test_load_tells_seconds_memory_and_figures(economy: Path) -> None:
    told = _load(str(economy), "--by", "size")
    assert (told["enterprises"], told["months"], told["items"]) == (300, 24, 40)
    assert told["load_seconds"] > 0
    assert told["peak_memory_gib"] > 0
    assert len(told["rows"]) == 4 * 2
    assert told["not_told"] == {"IND06": "its values come from elsewhere"}
    assert 0.8 < told["coverage"]["share"] <= 1


def test_only_needed_items_give_the_same_figures(economy: Path) -> None:
    assert _load(str(economy), "--needed")["rows"] == _load(str(economy))["rows"]


def test_as_of_a_month_later_years_are_not_known(economy: Path) -> None:
    rows = {row["period"]: row["value"] for row in _load(str(economy), "--as-of", "2016-06")["rows"]}
    assert rows["2015"] is not None
    assert rows["2016"] is None


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_a_person_sees_is_in_his_language(economy: Path, lang: str) -> None:
    said = RUNNER.invoke(app, ["economy", "load", str(economy), "--lang", lang, "--by", "industry,size"]).stdout
    assert ("研发" in said) == (lang == "zh")
    assert ("R&D" in said) == (lang == "en")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "county"], "county"),
        (["--as-of", "2016-13"], "not a month"),
        (["--definitions", "nowhere.yaml"], "cannot read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(economy: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        RUNNER.invoke(app, ["economy", "load", str(economy), *arguments], catch_exceptions=False)


def test_a_folder_that_holds_no_economy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no economy"):
        RUNNER.invoke(app, ["economy", "load", str(tmp_path)], catch_exceptions=False)
