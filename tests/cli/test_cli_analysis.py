"""`zhizao composite`, `decompose` and `effect` as somebody types them, with good files and with bad ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import fastexcel
import numpy as np
import pytest
from cli_calls import Said

Call = Callable[..., Said]
STRUCTURE = "code,parent,weight,direction,type\n" + "".join(
    f"i{j},I,1,{1 - 2 * (j == 3)},indicator\n" for j in range(5)
)
STRUCTURE += "I,,1,1,aggregate\n"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The command in this process, by the same entry point."""
    from zhizao.app.cli.main import run

    def typed(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["zhizao", *map(str, arguments)])
        monkeypatch.setenv("ZHIZAO_LANG", "en")
        code = 0
        try:
            run()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return typed


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def units(folder: Path, n: int = 12) -> Path:
    rng = np.random.default_rng(1)
    rows = [f"u{i}," + ",".join(f"{x:.4f}" for x in rng.lognormal(0, 1, 5)) for i in range(n)]
    return write(folder, "data.csv", "unit,i0,i1,i2,i3,i4\n" + "\n".join(rows) + "\n")


def panel(folder: Path, drift: float = 0.0) -> Path:
    rng = np.random.default_rng(2)
    lines = ["enterprise,year,y,joined"]
    for i in range(80):
        g = 2018 if i < 30 else 2020 if i < 50 else 0
        level = rng.normal(0, 2)
        for year in range(2014, 2023):
            y = (
                level
                + 0.1 * year
                + rng.normal(0, 0.5)
                + (2.0 if g and year >= g else 0)
                + (drift * (year - 2014) if g else 0)
            )
            lines.append(f"e{i},{year},{y:.5f},{g or 'never'}")
    return write(folder, "panel.csv", "\n".join(lines) + "\n")


SPEC = "id: E1\noutcome: y\ntreated: joined\nregistered: '2017-06-01'\n"


def test_an_index_is_built_with_rank_intervals_and_moves(call: Call, tmp_path: Path):
    data, tree = units(tmp_path), write(tmp_path, "tree.csv", STRUCTURE)
    out = tmp_path / "index.xlsx"
    arguments = ("composite", data, "--structure", tree, "--runs", 64, "--unit", "u3", "--out", out)
    said = call(*arguments, "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert [one["rank"] for one in told["units"]] == sorted(one["rank"] for one in told["units"])
    assert all(one["best"] <= one["low"] <= one["high"] <= one["worst"] for one in told["units"])
    assert {one["factor"] for one in told["sensitivity"]} >= {"normalise", "noise", "leave_out"}
    assert told["not_varied"]["impute"]["code"] == "nothing_missing" and told["moves_up"]
    assert {"results", "sensitivity", "normalised", "scales"} <= set(fastexcel.read_excel(str(out)).sheet_names)
    text = call(*arguments)
    assert text.code == 0 and "moves u3 up" in text.out and "mean rank shift" in text.out
    chinese = call(*arguments, "--lang", "zh")
    assert "名次区间" in chinese.out and "没有缺失值" in chinese.out
    assert call(*arguments).out == text.out, "the same seed says the same"


def test_steps_and_alternatives_come_from_a_file(call: Call, tmp_path: Path):
    data, tree = units(tmp_path), write(tmp_path, "tree.csv", STRUCTURE)
    steps = write(
        tmp_path, "s.yaml", "normalise: zscore\nweights: critic\nvary:\n  noise_size: 0.1\n  weights: [equal]\n"
    )
    said = call("composite", data, "--structure", tree, "--steps", steps, "--runs", 32, "--json")
    told = json.loads(said.out)
    assert told["steps"]["normalise"] == "zscore" and told["varied"]["noise"] == ["uniform 0.1"]
    assert told["varied"]["weights"] == ["critic", "equal"]


def test_parity_is_printed_and_a_difference_fails(call: Call, tmp_path: Path):
    data, tree = units(tmp_path), write(tmp_path, "tree.csv", STRUCTURE)
    other = tmp_path / "other"
    other.mkdir()
    (other / "dset_raw.csv").write_bytes(data.read_bytes())
    good = call("composite", data, "--structure", tree, "--runs", 0, "--against", other)
    assert good.code == 0 and "raw" in good.out and "same" in good.out
    (other / "dset_raw.csv").write_text(data.read_text().replace("u3,", "u3,9"), encoding="utf-8")
    bad = call("composite", data, "--structure", tree, "--runs", 0, "--against", other)
    assert bad.code == 1 and "DIFFERS" in bad.out


@pytest.mark.parametrize(
    ("data", "tree", "steps", "says"),
    [
        (None, STRUCTURE.replace("i4,I", "i4,J"), "", "not among the codes"),
        (None, STRUCTURE.replace("I,,1", "I,G,1") + "G,I,1,1,aggregate\n", "", "circle"),
        (None, STRUCTURE.replace("i4,", "i9,"), "", 'no column "i9"'),
        (None, STRUCTURE.replace("I,1,", "I,0.1,"), "", "sum to 0.5"),
        ("unit,i0,i1,i2,i3,i4\na,1,2,3,4,5\na,2,3,4,5,6\n", STRUCTURE, "", "twice"),
        ("unit,i0,i1,i2,i3,i4\na,1,2,3,4,5\nb,1,3,4,5,6\n", STRUCTURE, "", "no difference"),
        ("unit,i0,i1,i2,i3,i4\na,,2,3,4,5\nb,NA,3,4,5,6\n", STRUCTURE, "", "no unit has a value"),
        ("unit,i0,i1,i2,i3,i4\na,x,2,3,4,5\nb,1,3,4,5,6\n", STRUCTURE, "", '"x" is not a number'),
        ("unit,i0,i1,i2,i3,i4\n", STRUCTURE, "", "no rows"),
        (None, STRUCTURE, "aggregate: geometric\n", "above zero"),
        (None, STRUCTURE, "normalise: goalposts\n", "no goalposts"),
        (None, STRUCTURE, "normalize: minmax\n", "no setting"),
        (None, STRUCTURE, "impute: magic\n", "impute"),
        (None, STRUCTURE, "[1, 2\n", "YAML"),
        (None, "code;parent\n", "", "no rows"),
        (None, "a,b\n1,2\n", "", 'no column "code"'),
    ],
)
def test_a_bad_index_is_refused_in_words(
    call: Call, tmp_path: Path, data: str | None, tree: str, steps: str, says: str
):
    values = units(tmp_path) if data is None else write(tmp_path, "data.csv", data)
    more = ["--steps", write(tmp_path, "s.yaml", steps)] if steps else []
    said = call("composite", values, "--structure", write(tmp_path, "tree.csv", tree), *more, "--runs", 16)
    assert said.code == 2 and says in said.err and "Traceback" not in said.err, said.err


def test_a_change_is_decomposed_and_adds_up(call: Call, tmp_path: Path):
    lines = [
        f"{y},{r},{i},{10 + k + 3 * y},{5 + k}" for y in (1, 2, 3) for k, (r, i) in enumerate(["na", "nb", "sa", "sb"])
    ]
    data = write(tmp_path, "d.csv", "year,r,i,va,co2\n" + "\n".join(lines) + "\n")
    told = json.loads(call("decompose", data, "--value", "co2", "--activity", "va", "--by", "r,i", "--json").out)
    assert sum(told["chained"].values()) == pytest.approx(told["total"][-1] - told["total"][0], abs=1e-9)
    assert told["factors"][1:3] == ["structure: r", "structure: i"]
    shift = (
        "decompose",
        data,
        "--method",
        "shift-share",
        "--value",
        "va",
        "--by",
        "r,i",
        "--form",
        "esteban-marquillas",
    )
    shares = json.loads(call(*shift, "--json").out)
    for row in shares["regions"]:
        assert row["change"] == pytest.approx(sum(row[one] for one in ("national", "mix", "competitive", "allocation")))
    assert "competitive" in call(*shift).out and "remainder" in call(*shift).out
    for wrong, says in (
        (("--value", "co2", "--by", "r"), "no activity"),
        (("--value", "no", "--activity", "va", "--by", "r,i"), 'no column "no"'),
        (("--value", "co2", "--activity", "va", "--by", "r"), "stands there 2 times"),
        (("--value", "co2", "--method", "magic"), "no method"),
        (("--value", "va", "--method", "shift-share", "--by", "r"), "columns of cells"),
        (("--value", "va", "--method", "shift-share", "--by", "r,i", "--form", "odd"), "no form"),
    ):
        said = call("decompose", data, *wrong)
        assert said.code == 2 and says in said.err, said.err


def test_an_effect_names_its_specification_and_refuses_another(call: Call, tmp_path: Path):
    data, spec = panel(tmp_path), write(tmp_path, "spec.yaml", SPEC)
    told = json.loads(call("effect", data, "--spec", spec, "--json").out)
    assert told["causal"] and told["effect"]["low"] < 2.0 < told["effect"]["high"]
    assert len(told["spec_hash"]) == 64 and told["event_study"]["since"]
    good = call("effect", data, "--spec", spec, "--expect", told["spec_hash"][:12])
    assert good.code == 0 and "may be read as an effect" in good.out and told["spec_hash"] in good.out
    changed = write(tmp_path, "spec.yaml", SPEC + "alpha: 0.01\n")
    bad = call("effect", data, "--spec", changed, "--expect", told["spec_hash"])
    assert bad.code == 2 and "not the registered one" in bad.err


def test_where_trends_differed_there_is_no_causal_reading(call: Call, tmp_path: Path):
    data, spec = panel(tmp_path, drift=0.4), write(tmp_path, "spec.yaml", SPEC)
    said = call("effect", data, "--spec", spec)
    assert said.code == 0 and "no causal reading" in said.out and "moving apart" in said.out
    assert "不作因果解读" in call("effect", data, "--spec", spec, "--lang", "zh").out


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (SPEC.replace("y\n", "sales\n", 1), 'no column "sales"'),
        (SPEC + "method: did\n", "needs periods"),
        (SPEC + "method: magic\n", "method"),
        (SPEC + "window: [2030, 2040]\n", "no row is left"),
        (SPEC + "transform: log\ntreated2: x\n", "no setting"),
        ("- 1\n", "says no settings"),
        (SPEC + "method: synthetic\n", "2 cohorts"),
    ],
)
def test_a_bad_specification_is_refused_in_words(call: Call, tmp_path: Path, spec: str, says: str):
    said = call("effect", panel(tmp_path), "--spec", write(tmp_path, "spec.yaml", spec))
    assert said.code == 2 and says in said.err and "Traceback" not in said.err, said.err


def test_files_that_are_none_are_refused(call: Call, tmp_path: Path):
    tree = write(tmp_path, "tree.csv", STRUCTURE)
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04 nonsense")
    for data, says in ((tmp_path / "none.csv", "no such file"), (broken, "damaged")):
        said = call("composite", data, "--structure", tree)
        assert said.code == 2 and says in said.err, said.err
    said = call("composite", units(tmp_path), "--structure", tree, "--runs", 0, "--out", tmp_path / "x.pdf")
    assert said.code == 2 and ".xlsx" in said.err
