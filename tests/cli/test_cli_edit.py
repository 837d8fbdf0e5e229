"""`zhizao edit` as somebody types it: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from cli_calls import call

from zhizao.testing.bad_returns import honest_returns, spoil


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with returns of a month, those of the months before, and rules of one's own."""
    place = tmp_path_factory.mktemp("returns")
    told, _ = spoil(honest_returns(60, 3, np.random.default_rng(1)), np.random.default_rng(2), share=0.3)
    last = pl.col("period") == told["period"].max()
    told.filter(last).with_columns(weight=pl.lit(2.0)).write_csv(place / "now.csv")
    told.filter(~last).write_parquet(place / "before.parquet")
    (place / "own.yaml").write_text(
        "[{id: OWN, check: debts_cny <= 0.1 * assets_cny, severity: soft, en: debts, zh: 负债}]"
    )
    (place / "bad.yaml").write_text("- {id: A, check: debts_cny <= asets_cny}\n- {id: B, check: 3 <=}\n")
    (place / "against.yaml").write_text("[{id: A, check: tax_cny >= 5}, {id: B, check: tax_cny <= 3}]")
    (place / "cells.csv").write_text("enterprise,period,revenue_cny\nA,2025-05,12\nB,2025-15,many\nC,2025-05,3\n")
    (place / "twice.csv").write_text("enterprise,period,revenue_cny\nA,2025-05,12\nA,2025-05,13\n")
    (place / "gb.csv").write_bytes("企业,报告期,产品产量,不合格品数\n甲,2025年5月,12,15\n".encode("gb18030"))
    (place / "empty.csv").write_text("")
    return place


def test_the_json_is_alone_on_standard_output_and_the_table_is_written(folder: Path):
    said = call(
        "edit", "now.csv", "--previous", "before.parquet", "--rules", "own.yaml", "--weights", "weight", "--json",
        "--out", "out.csv", folder=folder,
    )  # fmt: skip
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["records"] == 60 and found["located"] and "OWN" in found["account"]["soft_failed"]
    after = pl.read_csv(folder / "out.csv", infer_schema_length=None)
    assert after.height == 60 and after["edited"].is_not_null().sum() >= len(found["located"]) - 1


@pytest.mark.parametrize(("lang", "word"), [("en", "failed hard rules"), ("zh", "违反的强制规则")])
def test_it_speaks_both_languages_and_reads_gb18030(folder: Path, lang: str, word: str):
    said = call("edit", "gb.csv", "--lang", lang, folder=folder)
    assert said.code == 0, said.err
    assert word in said.out and "BAL-DEFECT" in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.csv"], ["none.csv"]),
        (["empty.csv"], ["empty"]),
        (["cells.csv"], ["row 3", "2025-15", "many"]),
        (["twice.csv"], ["row 3", "two returns"]),
        (["now.csv", "--rules", "bad.yaml"], ["line 1", "asets_cny", "line 2", "column"]),
        (["now.csv", "--rules", "against.yaml"], ["A, B", "against.yaml"]),
        (["now.csv", "--rules", "none.yaml"], ["none.yaml"]),
        (["now.csv", "--weights", "w8"], ["w8"]),
        (["now.csv", "--lang", "fr"], ["fr"]),
        (["now.csv", "--share", "0"], ["share"]),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(folder: Path, arguments: list[str], words: list[str]):
    said = call("edit", *arguments, folder=folder)
    assert said.code == 2 and "Traceback" not in said.err
    assert not [word for word in words if word not in said.err], said.err
