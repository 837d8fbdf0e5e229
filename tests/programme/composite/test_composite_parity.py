"""The same numbers as COINr, step by step, on the ASEM data of the Joint Research Centre."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from zhizao.programme.composite import Built, Steps, Structure, Units, build, moves, parity, uncertainty

STEPS = ("raw", "denominated", "imputed", "screened", "treated", "normalised", "aggregated")
CHOICES = Steps(
    order=("denominate", "impute", "screen", "treat"), impute="group_mean", impute_by="EurAsia_group", screen=0.9
)


def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"asem_{name}.csv", infer_schema_length=0)


@pytest.fixture(scope="module")
def asem(shared: Path) -> tuple[Path, Units, Built]:
    folder = shared / "oracles" / "composite_asem"
    tree = Structure.of_rows(table(folder, "imeta").to_dicts())
    units = Units.of(table(folder, "idata"), tree)
    return folder, units, build(units, tree, CHOICES)


@pytest.mark.shared
def test_every_step_and_the_results_are_those_of_coinr(asem: tuple[Path, Units, Built]):
    folder, _, built = asem
    others = {step: table(folder, f"dset_{step}") for step in STEPS} | {"results": table(folder, "results")}
    rows = parity(built, others)
    assert [row.step for row in rows] == [*STEPS, "results"]
    assert all(row.units == 51 and row.same for row in rows), rows
    assert rows[-1].columns == 61  # rank, 11 aggregates, 49 indicators


@pytest.mark.shared
def test_a_difference_or_an_absence_is_not_the_same(asem: tuple[Path, Units, Built]):
    folder, _, built = asem
    theirs = table(folder, "dset_normalised")
    moved = theirs.with_columns(LPI=(pl.col("LPI").cast(pl.Float64) + 1e-6).cast(pl.String))
    short = theirs.head(50)
    rows = parity(built, {"normalised": moved, "treated": short, "unknown": theirs})
    assert [row.same for row in rows] == [False, False, False]


@pytest.mark.shared
def test_rank_intervals_of_the_real_index_hold_their_medians(asem: tuple[Path, Units, Built]):
    _, units, built = asem
    found = uncertainty(units, built, np.random.default_rng(1), runs=128)
    assert all(one.best <= one.low <= one.median <= one.high <= one.worst for one in found.intervals)
    assert set(found.varied) == {"impute", "treat", "normalise", "aggregate", "noise", "leave_out"}


@pytest.mark.shared
def test_what_moves_germany_is_confirmed_by_a_rebuild(asem: tuple[Path, Units, Built]):
    _, units, built = asem
    found = moves(units, built, "DEU", codes=["ForPort", "LPI", "Gas"])
    assert found[0].code == "ForPort" and found[0].checked and found[0].rank == 8
    assert [one.checked for one in found if one.code == "LPI"] == [False], "it is best already: no change of LPI helps"
