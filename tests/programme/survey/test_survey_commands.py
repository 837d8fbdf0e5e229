"""`zhizao survey`: from a frame to a panel, to next year's, to figures; and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from zhizao.app import survey_steps
from zhizao.app.cli.survey_commands import app
from zhizao.errors import InputError

N = 3000


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    rng = np.random.default_rng(1)
    size = rng.choice(["L", "M", "S"], N, p=[0.02, 0.18, 0.8])
    revenue = np.exp(rng.normal(0, 1, N)) * np.select([size == "L", size == "M"], [5e8, 4e7], 3e6)
    return pl.DataFrame(
        {
            "id": [f"E{i:05d}" for i in range(N)],
            "industry": rng.choice(["13", "26", "31"], N),
            "region": rng.choice(["11", "44", "54"], N, p=[0.45, 0.54, 0.01]),
            "size": size,
            "revenue_cny": revenue.round(),
        }
    )


def call(*arguments: object) -> None:
    app([str(one) for one in arguments], standalone_mode=False)


def test_a_panel_is_designed_drawn_rotated_and_estimated(
    frame: pl.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame.write_csv(tmp_path / "frame.csv")
    call("design", tmp_path / "frame.csv", "--n", 600, "--out", tmp_path / "design.json", "--lang", "en")
    assert "600 units" in capsys.readouterr().out
    made = json.loads((tmp_path / "design.json").read_text())
    assert sum(one["n"] for one in made["strata"]) == made["n"] == 600
    assert sum(one["N"] for one in made["strata"]) == N
    arguments = ("draw", tmp_path / "frame.csv", "--design", tmp_path / "design.json", "--seed", 5)
    call(*arguments, "--out", tmp_path / "one.csv", "--json")
    first = json.loads(capsys.readouterr().out)
    assert first["units"] == 600 and first["weight_sum"] == pytest.approx(N)
    # the next year: a hundred enterprises gone, fifty born, columns named in Chinese, packed
    later = pl.concat([frame.tail(N - 100), frame.head(50).with_columns(id="B" + pl.col("id"))])
    named = later.rename({"id": "企业代码", "industry": "行业", "region": "地区", "size": "规模"})
    (tmp_path / "frame2.csv.gz").write_bytes(gzip.compress(named.write_csv().encode()))
    call(
        "draw", tmp_path / "frame2.csv.gz", "--design", tmp_path / "design.json", "--previous", tmp_path / "one.csv",
        "--out", tmp_path / "two.parquet", "--json",
    )  # fmt: skip
    second = json.loads(capsys.readouterr().out)
    assert second["year"] == 2 and second["seed"] == 5
    assert second["stayed"] + second["rotated_out"] + second["dead"] == 600
    assert 0.1 * 600 < second["rotated_out"] < 0.3 * 600
    panel = pl.read_parquet(tmp_path / "two.parquet")
    sample = panel.join(later.select("id", y=pl.col("revenue_cny")), on="id")
    sample.write_csv(tmp_path / "sample.csv")
    call("estimate", tmp_path / "sample.csv", "--total", "y", "--by", "industry,region*size", "--json")
    rows = json.loads(capsys.readouterr().out)
    whole = rows[0]
    assert whole["domain"] == "" and abs(whole["estimate"] - later["revenue_cny"].sum()) < 4 * whole["se"]
    assert sum(row["estimate"] for row in rows if row["domain"].startswith("industry=")) == pytest.approx(
        whole["estimate"]
    )
    assert set(whole) >= {"what", "domain", "estimate", "se", "low", "high", "df", "deff", "n", "design", "interval"}


def test_a_spec_file_says_the_same_as_options(
    frame: pl.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = frame.head(300).with_columns(weight=pl.lit(10.0), y=pl.col("revenue_cny") * 2)
    sample.write_parquet(tmp_path / "s.parquet")
    (tmp_path / "totals.csv").write_text("variable,class,total\nsize,L,60\nsize,M,540\nsize,S,2400\n")
    (tmp_path / "spec.yaml").write_text(
        "strata: industry\ncalibration: {distance: raking}\nestimates:\n- {what: ratio, of: y, to: revenue_cny}\n"
    )
    calibrated = ("--calibrate", tmp_path / "totals.csv")
    call("estimate", tmp_path / "s.parquet", "--spec", tmp_path / "spec.yaml", *calibrated, "--json")
    by_file = json.loads(capsys.readouterr().out)
    call(
        "estimate", tmp_path / "s.parquet", "--strata", "industry", "--ratio", "y/revenue_cny", *calibrated,
        "--distance", "raking", "--json",
    )  # fmt: skip
    assert json.loads(capsys.readouterr().out) == by_file
    assert by_file[0]["estimate"] == pytest.approx(2.0)
    assert "raking" in by_file[0]["design"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.with_columns(id=pl.lit("E1")), "1 ids for 3,000 rows"),
        (lambda f: f.with_columns(revenue_cny=pl.lit("viel")), 'no numbers, the first is "viel"'),
        (lambda f: f.with_columns(revenue_cny=-pl.col("revenue_cny")), "revenue_cny is -"),
        (lambda f: f.with_columns(region=pl.lit(" ")), "3000 units have no region"),
        (lambda f: f.drop("size"), "no column is recognised as size"),
        (lambda f: f.drop("id"), "no column is recognised as id"),
    ],
)
def test_a_frame_that_is_wrong_says_where(frame: pl.DataFrame, tmp_path: Path, change: object, says: str) -> None:
    change(frame).write_csv(tmp_path / "frame.csv")  # type: ignore[operator]
    with pytest.raises(InputError) as caught:
        survey_steps.design(tmp_path / "frame.csv", n=600)
    told = " ".join([str(caught.value), *map(str, getattr(caught.value, "faults", ()))])
    assert says in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--total", "y", "--weights", "bad"), "weights is -1"),
        (("--total", "nope"), 'no column "nope"'),
        (("--total", "industry_name"), 'the first is "steel"'),
        (("--ratio", "y"), '"y" is no ratio'),
        ((), "nothing is asked for"),
        (("--total", "y", "--strata", "id"), "hold a single cluster"),
        (("--total", "y", "--method", "brr", "--strata", "size"), "half-samples want two"),
        (("--total", "y", "--freedom", "x"), "freedom"),
        (("--total", "y", "--fpc", "small"), "drawn of 2"),
        (("--proportion", "y"), "neither 0 nor 1"),
    ],
)
def test_a_sample_that_is_wrong_says_what(
    frame: pl.DataFrame, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    sample = frame.head(60).with_columns(
        weight=pl.lit(3.0), bad=pl.lit(-1.0), y=pl.int_range(60), industry_name=pl.lit("steel"), small=pl.lit(2)
    )
    sample.write_csv(tmp_path / "s.csv")
    with pytest.raises(InputError) as caught:
        call("estimate", tmp_path / "s.csv", *arguments)
    told = " ".join([str(caught.value), *map(str, getattr(caught.value, "faults", ()))])
    assert says in told


def test_a_design_or_panel_that_is_none_is_refused(frame: pl.DataFrame, tmp_path: Path) -> None:
    frame.write_csv(tmp_path / "frame.csv")
    (tmp_path / "design.json").write_text("{}")
    with pytest.raises(InputError, match="no design"):
        survey_steps.draw(tmp_path / "frame.csv", tmp_path / "design.json")
    made = survey_steps.design(tmp_path / "frame.csv", n=600)
    (tmp_path / "design.json").write_text(json.dumps(made))
    with pytest.raises(InputError, match="the panel lacks stratum"):
        survey_steps.draw(tmp_path / "frame.csv", tmp_path / "design.json", previous=tmp_path / "frame.csv")


def estimated(
    frame: pl.DataFrame, folder: Path, capsys: pytest.CaptureFixture[str], *more: object
) -> dict[str, object]:
    """First line of an estimate of a sample."""
    frame.write_csv(folder / "sample.csv")
    call("estimate", folder / "sample.csv", "--weights", "w", *more, "--json")
    return dict(json.loads(capsys.readouterr().out)[0])


def test_fays_half_samples_give_a_total_the_error_of_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    pairs = pl.DataFrame({"h": np.repeat(np.arange(40), 2), "w": np.full(80, 5.0), "y": rng.lognormal(0, 1, 80)})
    asked = ("--strata", "h", "--total", "y")
    taylor = estimated(pairs, tmp_path, capsys, *asked)
    for fay in (0.0, 0.3, 0.7):
        found = estimated(pairs, tmp_path, capsys, *asked, "--method", "fay", "--fay", fay)
        assert found["se"] == pytest.approx(taylor["se"], rel=1e-9)
    with pytest.raises(InputError):
        estimated(pairs, tmp_path, capsys, *asked, "--method", "fay", "--fay", 1.5)


def test_successive_differences_are_half_the_squares_of_steps_around_the_circle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    y = np.arange(200.0) + np.random.default_rng(4).normal(0, 2, 200)
    trend = pl.DataFrame({"w": np.full(200, 10.0), "y": y})
    found = estimated(trend, tmp_path, capsys, "--total", "y", "--method", "sdr")
    ignoring = estimated(trend, tmp_path, capsys, "--total", "y")
    expected = 10 * np.sqrt(((y - np.roll(y, -1)) ** 2).sum() / 2)
    assert found["se"] == pytest.approx(expected, rel=1e-9)
    assert float(str(found["se"])) < float(str(ignoring["se"])) / 4


def test_who_is_likely_to_answer_is_learned_from_what_is_known_of_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(5)
    known = rng.normal(0, 1, 4000)
    y = 100 + 20 * known + rng.normal(0, 5, 4000)
    answers = rng.random(4000) < 1 / (1 + np.exp(-1.5 * known))
    part = pl.DataFrame({"w": np.ones(4000), "y": np.where(answers, y, np.nan), "known": known, "r": answers * 1})
    plain = estimated(part, tmp_path, capsys, "--mean", "y", "--answered", "r")
    better = estimated(part, tmp_path, capsys, "--mean", "y", "--answered", "r", "--likelihood", "known")
    off = [abs(float(str(one["estimate"])) - y.mean()) for one in (plain, better)]
    assert off[1] < off[0] / 4


def test_a_giant_no_longer_stands_for_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = pl.DataFrame({"w": np.full(60, 10.0), "y": [*map(float, range(59)), 90_000.0]})
    raw = estimated(rows, tmp_path, capsys, "--total", "y")
    pulled = estimated(rows, tmp_path, capsys, "--total", "y", "--winsorise", "y")
    assert float(str(pulled["estimate"])) < float(str(raw["estimate"])) and "1 values winsorised" in str(pulled["what"])
    with pytest.raises(InputError):
        estimated(rows, tmp_path, capsys, "--proportion", "y", "--winsorise", "y")


@pytest.fixture(scope="module")
def areas_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve areas whose means lie on a line of what is known, six units of each; a thirteenth without a sample."""
    rng = np.random.default_rng(4)
    area = np.repeat(np.arange(12), 6)
    y = 10 + 2 * area + rng.normal(0, 6, 72)
    folder = tmp_path_factory.mktemp("areas")
    pl.DataFrame({"weight": [10.0] * 72, "industry": [f"{13 + a}" for a in area], "y": y}).write_csv(
        folder / "sample.csv"
    )
    pl.DataFrame({"industry": [f"{13 + a}" for a in range(13)], "output": [1e9 * a for a in range(13)]}).write_csv(
        folder / "areas.csv"
    )
    return folder


def test_small_areas_follow_the_direct_estimates_and_are_nearer_to_the_truth(
    areas_sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("estimate", areas_sample / "sample.csv", "--mean", "y", "--by", "industry")
    call(*asked, "--areas", areas_sample / "areas.csv", "--json")
    rows = json.loads(capsys.readouterr().out)
    direct = [row for row in rows if row["domain"] and not row["what"].endswith("small area")]
    small = [row for row in rows if row["what"] == "mean y, small area"]
    assert [len(direct), len(small)] == [12, 13]
    truth = 10 + 2 * np.arange(13)

    def error(found: list[dict[str, float]]) -> float:
        return float(np.mean((np.array([row["estimate"] for row in found[:12]]) - truth[:12]) ** 2))

    assert error(small) < 0.8 * error(direct)
    assert np.mean([row["se"] for row in small[:12]]) < np.mean([row["se"] for row in direct])
    assert small[12]["n"] == 0 and small[12]["low"] < truth[12] < small[12]["high"]
    assert "Fay-Herriot, reml, 1 regressors" in small[0]["method"]
    call(*asked, "--areas", areas_sample / "areas.csv", "--lang", "zh")
    assert "均值 y（小域估计）" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("industry,x\n13,1\n", "unknown_area"),
        ("place,x\n13,1\n", "no_grouping"),
        ("industry,x\n13,1\n13,2\n", "duplicate_area"),
        ("industry,x\n13,much\n", "text_in_numbers"),
        ("industry,x,z\n" + "".join(f"{13 + a},{a},{2 * a}\n" for a in range(12)), "singular"),
    ],
)
def test_a_table_of_areas_that_does_not_fit_is_refused(
    areas_sample: Path, tmp_path: Path, table: str, code: str
) -> None:
    (tmp_path / "areas.csv").write_text(table)
    with pytest.raises(InputError) as told:
        call(
            "estimate", areas_sample / "sample.csv", "--mean", "y", "--by", "industry",
            "--areas", tmp_path / "areas.csv",
        )  # fmt: skip
    assert code in {told.value.fault.code, *(one.code for one in getattr(told.value, "faults", ()))}
