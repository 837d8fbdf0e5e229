"""A unit among others: league, peers and moves, by function and by command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from zhizao.app.cli.main import app
from zhizao.app.peers import peers_answer
from zhizao.errors import InputError


@pytest.fixture(scope="module")
def units() -> pl.DataFrame:
    rng = np.random.default_rng(2)
    return pl.DataFrame(
        {
            "id": [f"E{k:02d}" for k in range(40)],
            "industry": ["34"] * 20 + ["26"] * 20,
            "people": rng.uniform(3, 8, 40),
            "score": rng.normal(50, 10, 40).round(3),
            "se": [1.0] * 40,
        }
    )


def test_the_league_and_the_peers_of_a_unit(units: pl.DataFrame) -> None:
    found = peers_answer(units, value="score", unit="E07", se="se", within=["industry"], near=["people"], most=12)
    one = found["unit"]
    assert one["low"] <= one["rank"] <= one["high"]
    assert [row["rank"] for row in found["league"]] == sorted(row["rank"] for row in found["league"])
    assert len(one["peers"]) == 12 and all(int(peer["unit"][1:]) < 20 for peer in one["peers"])
    assert [peer["distance"] for peer in one["peers"]] == sorted(peer["distance"] for peer in one["peers"])


@pytest.mark.parametrize("less", [False, True])
def test_each_move_does_what_it_says(units: pl.DataFrame, less: bool) -> None:
    args = {"value": "score", "unit": "E07", "se": "se", "less_is_better": less}
    one = peers_answer(units, **args)["unit"]  # type: ignore[arg-type]
    moves = {move["to"]: move for move in one["moves"]}
    assert {"next", "surely"} <= set(moves)
    for to, move in moves.items():
        step = 1e-6 * (-1 if less else 1)
        moved = units.with_columns(
            score=pl.when(pl.col("id") == "E07").then(move["value"] + step).otherwise(pl.col("score"))
        )
        after = peers_answer(moved, **args)  # type: ignore[arg-type]
        rows = {row["unit"]: row for row in after["league"]}
        if to == "next":
            assert rows["E07"]["rank"] == one["rank"] - 1
        if to == "surely":
            assert rows["E07"]["high"] < len(rows) and rows[move["unit"]]["low"] > rows["E07"]["low"]
        if to == "median":
            assert after["unit"]["share"] >= 0.5


def test_the_command_tells_it_in_both_languages(
    units: pl.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    units.write_csv(tmp_path / "u.csv")
    asked = ["peers", str(tmp_path / "u.csv"), "--value", "score", "--unit", "E07", "--within", "industry"]
    for lang, word in (("en", "to stand level with"), ("zh", "追平前一名")):
        app([*asked, "--lang", lang], standalone_mode=False)
        assert word in capsys.readouterr().out
    app([*asked, "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["unit"]["unit"] == "E07"


@pytest.mark.parametrize(
    ("change", "args", "code"),
    [
        ({}, {"unit": "nobody"}, "no_unit"),
        ({}, {"value": "none"}, "no_column"),
        ({"id": pl.lit("E")}, {}, "duplicate_ids"),
        ({"score": pl.lit(float("inf"))}, {}, "bad_number"),
        ({"se": pl.lit(-1.0)}, {"se": "se"}, "bad_errors"),
        ({}, {"most": 0}, "bad_number"),
    ],
)
def test_what_cannot_be_ranked_is_refused(
    units: pl.DataFrame, change: dict[str, pl.Expr], args: dict[str, str], code: str
) -> None:
    with pytest.raises(InputError) as told:
        peers_answer(units.with_columns(**change), **{"value": "score", **args})  # type: ignore[arg-type]
    assert told.value.fault.code == code
