"""LMDI: nothing is left over, whatever the data; zeros take their limit; the worked numbers come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.decomposition import effects, lmdi, log_mean

AMOUNT = st.one_of(st.just(0.0), st.floats(1e-6, 1e6))


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_the_logarithmic_mean_is_symmetric_and_lies_between_the_geometric_and_the_arithmetic(a: float, b: float):
    found = float(log_mean(np.array(a), np.array(b)))
    assert found == pytest.approx(float(log_mean(np.array(b), np.array(a))), rel=1e-12)
    assert np.sqrt(a) * np.sqrt(b) * (1 - 1e-12) <= found <= (a + b) / 2 * (1 + 1e-12)


def test_the_logarithmic_mean_keeps_its_digits_for_values_that_nearly_agree():
    b = 3.0
    for step in (1e-15, 1e-12, 1e-9, 1e-6, 1e-3):
        a = b * (1 + step)
        exact = b * (1 + step / 2 - step**2 / 12 + step**3 / 24)
        assert float(log_mean(np.array(a), np.array(b))) == pytest.approx(exact, rel=2e-13)


@given(arrays(float, (2, 6, 4), elements=AMOUNT))
def test_effects_sum_to_the_change_whatever_is_zero(factors: np.ndarray):
    found = effects(factors[0], factors[1])
    change = factors[1].prod(axis=1) - factors[0].prod(axis=1)
    scale = np.abs(change) + factors.prod(axis=2).max(axis=0) + 1e-300
    assert (np.abs(found.sum(axis=1) - change) <= 1e-9 * scale).all()


@given(arrays(float, (2, 5, 3), elements=AMOUNT))
def test_going_back_undoes_the_way_there(factors: np.ndarray):
    assert np.allclose(effects(factors[0], factors[1]), -effects(factors[1], factors[0]), rtol=1e-9, atol=1e-9)


def test_zeros_take_the_limit_of_ever_smaller_numbers():
    before, after = np.array([[2.0, 0.0, 5.0]]), np.array([[3.0, 4.0, 6.0]])
    small = effects(np.array([[2.0, 1e-300, 5.0]]), after)
    exact = effects(before, after)
    assert exact.tolist() == [[0.0, 72.0, 0.0]]
    assert np.abs(small - exact).max() < 1.0  # 1 / ln converges slowly, but that is where it goes
    assert effects(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist() == [[6.0, 6.0]]
    assert effects(np.array([[0.0, 5.0]]), np.array([[0.0, 9.0]])).tolist() == [[0.0, 0.0]]


def test_a_factor_that_does_not_change_takes_nothing():
    found = effects(np.array([[2.0, 7.0, 3.0]]), np.array([[2.0, 9.0, 1.0]]))
    assert found[0, 0] == 0.0


def table(draw: np.random.Generator, years: int = 4) -> pl.DataFrame:
    rows = []
    for year in range(2010, 2010 + years):
        for region in ("11", "44"):
            for industry in ("13", "31", "39"):
                y = draw.uniform(0, 100) * (draw.random() > 0.2)
                energy = y * draw.uniform(0.1, 2)
                rows.append((year, region, industry, y, energy, energy * draw.uniform(1, 3)))
    return pl.DataFrame(rows, schema=["year", "region", "industry", "y", "energy", "co2"], orient="row")


@pytest.mark.parametrize("seed", range(12))
def test_all_forms_and_parts_add_up(seed: int):
    frame = table(np.random.default_rng(seed))
    found = lmdi(frame, value="co2", activity="y", by=["region", "industry"], chain=["energy"], time="year")
    change = np.diff(found.total)
    assert found.factors == (
        "activity",
        "structure: region",
        "structure: industry",
        "intensity: energy / y",
        "intensity: co2 / energy",
    )
    assert np.allclose(found.additive.sum(axis=1), change, rtol=1e-12, atol=1e-9)
    assert np.allclose(found.multiplicative.prod(axis=1), found.total[1:] / found.total[:-1], rtol=1e-12)
    assert found.chained.sum() == pytest.approx(change.sum(), abs=1e-9)
    assert found.direct.sum() == pytest.approx(change.sum(), abs=1e-9)
    for column in ("region", "industry"):
        parts = found.parts(column)
        assert parts["change"].sum() == pytest.approx(change.sum(), abs=1e-9)
        each = frame.filter(pl.col("year").is_in([2010, 2013])).group_by(column, "year").agg(pl.col("co2").sum())
        for name, part in each.group_by(column):
            at = dict(part.select("year", "co2").rows())
            told = parts.filter(pl.col(column) == name[0])["change"][0]
            assert told == pytest.approx(at[2013] - at[2010], abs=1e-9)


def test_two_sectors_by_hand():
    frame = pl.DataFrame(
        {"t": [0, 0, 1, 1], "s": list("abab"), "q": [10.0, 40.0, 30.0, 50.0], "e": [30.0, 20.0, 60.0, 24.0]}
    )
    found = lmdi(frame, value="e", activity="q", by=["s"], time="t")
    a, b = 30 / np.log(2), 4 / np.log(24 / 20)  # logarithmic means of 60, 30 and of 24, 20
    wanted = [
        (a + b) * np.log(80 / 50),
        a * np.log(0.375 / 0.2) + b * np.log(0.625 / 0.8),
        a * np.log(2 / 3) + b * np.log(0.48 / 0.5),
    ]
    assert found.additive[0].tolist() == pytest.approx(wanted, rel=1e-12)
    assert found.additive.sum() == pytest.approx(34.0)
    assert found.multiplicative.prod() == pytest.approx(84 / 50)


def test_a_sector_that_comes_or_goes_is_structure():
    frame = pl.DataFrame(
        {"t": [0, 0, 1, 1], "s": list("abab"), "q": [10.0, 0.0, 10.0, 10.0], "e": [10.0, 0.0, 10.0, 30.0]}
    )
    found = lmdi(frame, value="e", activity="q", by=["s"], time="t")
    assert found.entered == 1 and found.left == 0
    assert found.cells[0, 1].tolist() == [0.0, 30.0, 0.0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"e": [1.0, -2.0, 3.0, 4.0]}, "below zero"),
        ({"t": [0, 0, 0, 0]}, "cannot be decomposed"),
        ({"t": [0, 0, 1, 1], "s": list("abcd"), "q": [0.0, 1, 1, 1]}, "is zero"),
        ({"s": list("abab"), "e": ["1", "x", "3", "4"]}, "cannot be decomposed"),
    ],
)
def test_what_cannot_be_decomposed_is_refused(change: dict[str, list[object]], says: str):
    good = {"t": [0, 0, 1, 1], "s": list("abab"), "q": [10.0, 40.0, 30.0, 50.0], "e": [30.0, 20.0, 60.0, 24.0]}
    with pytest.raises(InputError, match=says):
        lmdi(pl.DataFrame({**good, **change}, strict=False), value="e", activity="q", by=["s"], time="t")


def test_columns_that_are_not_there_are_told_together():
    with pytest.raises(FaultsFound) as error:
        lmdi(pl.DataFrame({"t": [1]}), value="e", activity="q", by=["s"], time="t")
    assert len(error.value.faults) == 3


def test_a_table_may_call_its_columns_as_it_likes():
    frame = pl.DataFrame(
        {"time": [0, 0, 1, 1], "cell": list("abab"), "len": list("xyxy"), "q": [1.0, 4, 3, 5], "e": [3.0, 2, 6, 2]}
    )
    found = lmdi(frame, value="e", activity="q", by=["cell", "len"], time="time")
    assert found.additive.sum() == pytest.approx(3.0)
    assert found.parts("len")["change"].sum() == pytest.approx(3.0)
    with pytest.raises(InputError, match="as an effect is"):
        lmdi(frame.rename({"cell": "activity"}), value="e", activity="q", by=["activity"], time="time")


@pytest.mark.shared
def test_twenty_two_years_of_chinas_emissions_by_sector_and_fuel_leave_nothing_over(shared: Path):
    raw = pl.read_csv(shared / "statistics" / "ceads_china" / "china_co2_by_sector_fuel_1997_2019.csv.gz")
    cells = raw.filter(pl.col("sector") != "Total Consumption", ~pl.col("fuel").str.starts_with("Scope"))
    found = lmdi(cells, value="MtCO2", activity="MtCO2", by=["sector", "fuel"], time="year")
    change = np.diff(found.total)
    assert len(found.years) == 23 and len(found.labels) > 800 and found.entered > 50 and found.left > 50
    assert np.abs(found.additive.sum(axis=1) - change).max() < 1e-12 * found.total.max()
    assert np.allclose(found.multiplicative.prod(axis=1), found.total[1:] / found.total[:-1], rtol=1e-12)
    for column in ("sector", "fuel"):
        assert found.parts(column)["change"].sum() == pytest.approx(change.sum(), rel=1e-12)
        each = cells.group_by(column, "year").agg(pl.col("MtCO2").sum()).pivot("year", index=column, values="MtCO2")
        told = dict(found.parts(column).select(column, "change").rows())
        for name, first, last in each.select(column, "1997", "2019").rows():
            assert told[name] == pytest.approx(last - first, abs=1e-6)
    assert found.parts("sector")["sector"][0] == "Production and Supply of Electric Power, Steam and Hot Water"


@pytest.mark.shared
def test_the_kaya_identity_of_nations_leaves_nothing_over(shared: Path):
    raw = pl.read_csv(shared / "statistics" / "world_bank_wdi_2011_2020.csv", null_values="..")
    keys = {
        "SP.POP.TOTL": "people",
        "NY.GDP.MKTP.CD": "gdp",
        "EN.ATM.CO2E.PC": "co2_head",
        "EG.USE.PCAP.KG.OE": "energy_head",
    }
    long = raw.filter(pl.col("Series Code").is_in(list(keys))).select(
        nation="Country Code", key=pl.col("Series Code").replace(keys), a="2011 [YR2011]", b="2014 [YR2014]"
    )
    wide = long.unpivot(index=["nation", "key"], variable_name="year").pivot(
        "key", index=["nation", "year"], values="value"
    )
    whole = wide.drop_nulls().with_columns(
        co2=pl.col("co2_head") * pl.col("people"), energy=pl.col("energy_head") * pl.col("people")
    )
    whole = whole.filter(pl.len().over("nation") == 2)
    assert whole["nation"].n_unique() >= 5
    found = lmdi(whole, value="co2", activity="people", by=["nation"], chain=["gdp", "energy"], time="year")
    assert found.additive.sum() == pytest.approx(found.total[1] - found.total[0], rel=1e-10)
    china = found.parts("nation").filter(pl.col("nation") == "CHN").row(0, named=True)
    assert china["intensity: energy / gdp"] < 0 < china["intensity: gdp / people"]
