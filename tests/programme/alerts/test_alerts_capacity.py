"""Capacity from peaks and from the best units: worked examples, closed forms, laws."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from zhizao.errors import InputError
from zhizao.programme.alerts import dea_utilisation, peak_to_peak


def test_peaks_are_full_use_and_capacity_lies_on_the_line_between_them():
    # peaks 100 (second) and 120 (fifth); capacity 100 + 20/3 a step between; before and after it stays
    found = peak_to_peak([80, 100, 90, 96, 120, 108])
    np.testing.assert_allclose(found, [0.8, 1, 90 / (100 + 20 / 3), 96 / (100 + 40 / 3), 1, 0.9])


def test_capital_takes_growth_out():
    capital = np.array([100, 110, 121, 133.1, 146.4, 161.05])
    use = np.array([0.8, 1.0, 0.9, 0.7, 1.0, 0.95])
    np.testing.assert_allclose(peak_to_peak(use * capital, capital), use, rtol=1e-9)


@given(st.lists(st.floats(1, 1000), min_size=3, max_size=40), st.integers(1, 12), st.floats(0.01, 100))
@settings(max_examples=60, deadline=None)
def test_use_is_at_most_one_reached_somewhere_and_free_of_the_unit(y: list[float], apart: int, factor: float):
    found = peak_to_peak(y, apart=apart)
    assert found.max() == pytest.approx(1.0)
    assert (found > 0).all() and (found <= 1 + 1e-9).all()
    np.testing.assert_allclose(peak_to_peak(np.array(y) * factor, apart=apart), found, rtol=1e-9)


def test_a_missing_reading_stays_missing_and_bad_output_is_refused():
    assert np.isnan(peak_to_peak([1.0, np.nan, 2.0, 1.0])[1])
    for bad in ([1.0, 2.0], [1.0, -2.0, 3.0], [[1.0, 2.0]]):
        with pytest.raises(InputError, match="3 readings or more"):
            peak_to_peak(bad)
    with pytest.raises(InputError, match="capital"):
        peak_to_peak([1.0, 2.0, 1.0], [1.0, 0.0, 1.0])


def test_a_worked_example_with_one_input_of_each_kind_and_constant_returns():
    """phi_F = best output per fixed input over own; phi_A by hand on the frontier of the two ratios."""
    y, k, v = np.array([2.0, 4.0, 3.0]), np.array([2.0, 2.0, 2.0]), np.array([1.0, 2.0, 2.0])
    found = dea_utilisation(y, k, v, returns="constant")
    np.testing.assert_allclose(found.fixed, [2, 1, 4 / 3], rtol=1e-9)
    np.testing.assert_allclose(found.all_inputs, [1, 1, 4 / 3], rtol=1e-9)
    np.testing.assert_allclose(found.unbiased, [0.5, 1, 1], rtol=1e-9)


def test_variable_returns_agree_with_the_upper_hull_of_one_input():
    rng = np.random.default_rng(5)
    k, y = rng.uniform(1, 10, 25), rng.uniform(1, 10, 25)
    found = dea_utilisation(y, k, np.ones(25) * 3)
    for i in range(25):
        small = np.flatnonzero(k <= k[i])
        best = y[small].max()
        for a in small:
            for b in np.flatnonzero(k > k[i]):
                best = max(best, y[a] + (y[b] - y[a]) * (k[i] - k[a]) / (k[b] - k[a]))
        assert found.fixed[i] == pytest.approx(best / y[i], rel=1e-7)


@given(st.integers(0, 10_000))
@settings(max_examples=4, deadline=None)
def test_unbiased_use_lies_within_zero_and_one_and_is_free_of_units(seed: int):
    rng = np.random.default_rng(seed)
    y, k, v = rng.uniform(1, 9, (8, 2)), rng.uniform(1, 9, 8), rng.uniform(1, 9, (8, 2))
    for returns in ("variable", "constant"):
        found = dea_utilisation(y, k, v, returns=returns)
        assert (found.all_inputs >= 1 - 1e-9).all() and (found.fixed >= found.all_inputs - 1e-7).all()
        assert (found.unbiased > 0).all() and (found.unbiased <= 1 + 1e-7).all()
        other = dea_utilisation(1000 * y, 0.01 * k, 7 * v, returns=returns)
        np.testing.assert_allclose(other.unbiased, found.unbiased, rtol=1e-6)


def test_units_that_make_nothing_and_tables_that_do_not_fit_are_refused():
    for args, said in (
        (([0.0, 1.0], [1.0, 1.0], [1.0, 1.0]), "makes nothing"),
        (([1.0], [1.0, 1.0], [1.0]), "differ in units"),
        (([1.0], [-1.0], [1.0]), "negative"),
    ):
        with pytest.raises(InputError, match=said):
            dea_utilisation(*args)
    with pytest.raises(InputError, match="returns"):
        dea_utilisation([1.0], [1.0], [1.0], returns="rising")


def test_known_utilisation_is_recovered_when_each_unit_uses_what_it_needs():
    """Units differ in use only: variable input follows output, so nobody is inefficient and CU is the true use."""
    rng = np.random.default_rng(1)
    k = rng.uniform(5, 50, 80)
    use = rng.uniform(0.6, 1.0, 80)
    use[:10] = 1.0
    found = dea_utilisation(use * k, k, use * k * 0.5, returns="constant")
    np.testing.assert_allclose(found.unbiased, use, rtol=1e-6)
    assert minimize_scalar(lambda c: np.abs(c * found.observed - use).sum()).x == pytest.approx(1.0, abs=1e-4)


@pytest.mark.shared
def test_cement_and_glass_show_the_years_of_over_capacity_in_real_emissions(shared: Path):
    """Real data, a proxy: emissions of non-metal mineral products (CEADs) stand in for output.

    State Council document 41 of 2013 names cement and flat glass as in grave over-capacity. By peaks, use of the branch was
    full by then and fell in each of the years that followed; nothing more is read from a proxy.
    """
    path = shared / "statistics/ceads_china/china_co2_by_sector_fuel_1997_2019.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found = {
            int(row["year"]): float(row["MtCO2"])
            for row in csv.DictReader(file)
            if row["sector"] == "Nonmetal Mineral Products" and row["fuel"] == "Scope 1 Total"
        }
    years = sorted(found)
    use = dict(zip(years, peak_to_peak([found[year] for year in years]), strict=True))
    assert len(years) == 23 and max(use.values()) == pytest.approx(1.0)
    assert max(use[year] for year in (2013, 2014)) > 0.98
    assert use[2015] < use[2014] and min(use[2016], use[2017], use[2018]) < 0.97
