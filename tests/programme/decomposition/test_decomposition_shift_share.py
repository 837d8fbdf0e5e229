"""Shift-share: components add up to the change in every cell, region and industry."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zhizao.errors import InputError
from zhizao.programme.decomposition import components, shift_share

AMOUNT = st.one_of(st.just(0.0), st.floats(0.01, 1e5))


@pytest.mark.parametrize("method", ["classic", "esteban-marquillas"])
@given(arrays(float, (2, 4, 5), elements=AMOUNT))
def test_components_sum_to_the_change_of_every_cell(method: str, values: np.ndarray):
    before, after = values
    if before.sum() <= 0:
        return
    found = components(before, after, method)
    assert np.allclose(found.sum(axis=2), after - before, rtol=1e-9, atol=1e-9 * max(values.max(), 1))


@given(arrays(float, (2, 4, 5), elements=st.floats(0.01, 1e5)))
def test_over_the_nation_mix_and_advantage_cancel(values: np.ndarray):
    before, after = values
    found = components(before, after).sum(axis=(0, 1))
    scale = values.sum()
    assert found[0] == pytest.approx(after.sum() - before.sum(), abs=1e-9 * scale)
    assert found[1:] == pytest.approx([0, 0], abs=1e-9 * scale)


def test_a_region_that_is_the_nation_in_small_has_neither_mix_nor_advantage():
    nation0, nation1 = np.array([100.0, 300.0]), np.array([150.0, 270.0])
    before, after = np.array([0.2 * nation0, 0.8 * nation0]), np.array([0.2 * nation1, 0.8 * nation1])
    found = components(before, after)
    assert found[:, :, 2] == pytest.approx(np.zeros((2, 2)), abs=1e-12)
    assert found.sum(axis=1)[:, 1] == pytest.approx([0, 0], abs=1e-12)


def test_the_competitive_effect_of_esteban_marquillas_is_that_of_the_nations_mix():
    before, after = np.array([[10.0, 90.0], [90.0, 10.0]]), np.array([[15.0, 95.0], [95.0, 12.0]])
    found = components(before, after, "esteban-marquillas")
    homothetic = 100 * np.array([100.0, 100.0]) / 200
    rate = np.array([110.0, 107.0]) / 100 - 1
    assert found[0, :, 2] == pytest.approx(homothetic * (np.array([15 / 10, 95 / 90]) - 1 - rate))
    assert found[0, 0, 3] == pytest.approx((10 - 50) * (15 / 10 - 1 - rate[0]))


def frame(years: int = 4) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    rows = [(y, r, i, float(rng.uniform(1, 50))) for y in range(years) for r in "ns" for i in "abc"]
    return pl.DataFrame(rows, schema=["y", "r", "i", "v"], orient="row")


@pytest.mark.parametrize("dynamic", [False, True])
def test_tables_add_up_by_region_and_by_industry(dynamic: bool):
    found = shift_share(frame(), value="v", region="r", industry="i", time="y", dynamic=dynamic)
    for by in ("region", "industry"):
        table = found.table(by)
        assert np.allclose(table.select(found.names).sum_horizontal(), table["change"], atol=1e-9)
    assert len(found.steps) == (3 if dynamic else 1)


def test_year_by_year_differs_from_one_step_but_not_in_sum():
    still, moving = (
        shift_share(frame(), value="v", region="r", industry="i", time="y", dynamic=one) for one in (False, True)
    )
    assert not np.allclose(still.cells, moving.cells)
    assert np.allclose(still.cells.sum(axis=2), moving.cells.sum(axis=2))


def test_what_has_no_base_or_goes_below_zero_is_refused():
    with pytest.raises(InputError, match="zero"):
        components(np.zeros((1, 1)), np.ones((1, 1)))
    with pytest.raises(InputError, match="below zero"):
        shift_share(frame().with_columns(v=-pl.col("v")), value="v", region="r", industry="i", time="y")
    with pytest.raises(InputError, match="no form"):
        components(np.ones((1, 1)), np.ones((1, 1)), "odd")
