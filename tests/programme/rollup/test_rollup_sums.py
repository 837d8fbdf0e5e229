"""Sums: exact at every level, the same however the work is shared, never a zero for what was not returned."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollup_made import (
    ALL,
    AXES,
    FALL,
    FLOW_RATES,
    INTENSITY,
    ITEMS,
    RATES,
    SHARE,
    START,
    WEIGHED,
    cube_of,
    definition,
    slow,
)

from zhizao.errors import InputError
from zhizao.programme.indicators import Kind
from zhizao.programme.rollup import (
    Axes,
    Cube,
    Deflators,
    Sums,
    all_figures,
    computable,
    figures,
    grid_of,
    magnitudes,
    partitioned,
    plan_of,
    sums_of,
)

EVERY_LEVEL = [by for n in range(4) for by in itertools.combinations(("industry", "region", "size"), n)]
DEFLATORS = Deflators(START, np.tile(np.exp(np.linspace(0, 0.3, 36)), (3, 1)))
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_numerators_and_denominators_of_parts_add_up_exactly_at_all_levels(seed: int) -> None:
    made = sums_of(cube_of(seed), plan_of(ALL))
    for every in ("month", "year"):
        found = {by: figures(made, by=by, every=every, deflators=DEFLATORS) for by in EVERY_LEVEL}  # type: ignore[arg-type]
        for by, upper in found.items():
            for more in {"industry", "region", "size"} - set(by):
                lower = found[tuple(name for name in ("industry", "region", "size") if name in (*by, more))]
                for g, group in enumerate(upper.groups):
                    names = [name for name in ("industry", "region", "size") if name in (*by, more)]
                    mine = [
                        k
                        for k, codes in enumerate(lower.groups)
                        if tuple(c for c, n in zip(codes, names, strict=True) if n != more) == group
                    ]
                    assert (lower.whole[:, :, mine].sum(axis=2) == upper.whole[:, :, g]).all()
                    assert (lower.returns[:, mine].sum(axis=1) == upper.returns[:, g]).all()
                    # as floats too: whole numbers on a grid add without rounding as long as 53 bits hold them
                    np.testing.assert_allclose(lower.numerator[:, mine].sum(axis=1), upper.numerator[:, g], rtol=1e-14)


@settings(max_examples=15, deadline=None)
@given(seeds, st.lists(st.integers(0, 60), max_size=6), st.randoms(use_true_random=False))
def test_partitioned_sums_are_those_of_the_whole_to_the_last_digit(seed: int, cuts: list[int], shuffler: Any) -> None:
    cube, plan = cube_of(seed), plan_of(ALL)
    whole = sums_of(cube, plan)
    edges = [0, *sorted(cuts), cube.enterprises]
    parts = [cube.part(a, b) for a, b in itertools.pairwise(edges) if b > a]
    shuffler.shuffle(parts)
    _same(partitioned(parts, plan), whole)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_the_order_of_enterprises_changes_nothing(seed: int) -> None:
    cube, plan = cube_of(seed, months=13), plan_of(ALL)
    rng = np.random.default_rng(seed)
    order = rng.permutation(cube.enterprises)
    places = np.unravel_index(cube.cell[order], AXES.shape)
    again, back = Cube.of(
        ITEMS, START, cube.values[:, :, order], industry=places[0], region=places[1], size=places[2], axes=AXES
    )
    assert (order[back].argsort() >= 0).all()
    _same(sums_of(again, plan), sums_of(cube, plan))


def test_parts_that_are_loaded_where_the_work_is_done_give_the_same() -> None:
    cube, plan = cube_of(5), plan_of(ALL)
    loaders = [_Load(5, 0, 20), _Load(5, 20, 60)]
    _same(partitioned(loaders, plan), sums_of(cube, plan))


@pytest.mark.slow
def test_processes_give_the_same_to_the_last_digit() -> None:
    cube, plan = cube_of(6), plan_of(ALL)
    _same(partitioned([cube.part(0, 30), cube.part(30, 60)], plan, backend="loky"), sums_of(cube, plan))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_gives_the_same_to_the_last_digit() -> None:
    ray = pytest.importorskip("ray", reason="Ray is the optional extra `cluster`; it is not installed here")
    register = pytest.importorskip("ray.util.joblib").register_ray
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register()
        cube, plan = cube_of(7), plan_of(ALL)
        parts = [cube.part(0, 17), cube.part(17, 44), cube.part(44, 60)]
        _same(partitioned(parts, plan, backend="ray"), sums_of(cube, plan))
    finally:
        ray.shutdown()


@pytest.mark.parametrize("one", [INTENSITY, SHARE, RATES, WEIGHED], ids=lambda one: one.id)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_figures_are_those_of_a_plain_loop(one: Any, dtype: Any) -> None:
    cube = cube_of(11, dtype=dtype)
    found = figures(sums_of(cube, plan_of([one])), by=("industry",), every="month")
    for g in range(3):
        mine = np.flatnonzero(cube.cell // 4 == g)
        for month in (0, 7, 35):
            above, below = slow(cube, one, mine, [month])
            assert found.value[0, g, month] == pytest.approx(above / below * one.formula.scale, rel=1e-9)


def test_a_mean_of_rates_of_flows_adds_an_enterprises_months_before_dividing() -> None:
    values = np.zeros((2, 12, 2), np.float32)
    values[0], values[1] = [[30.0, 10.0]], [[60.0, 100.0]]
    values[:, 3, 1] = [400.0, 500.0]  # one month of the second stands out
    items = ("value_added_cny", "output_cny")
    cube, _ = Cube.of(
        items, START, values, industry=np.array([0, 0]), region=np.array([0, 0]), size=np.array([0, 0]), axes=AXES
    )
    found = figures(sums_of(cube, plan_of([FLOW_RATES])))
    assert found.value[0, 0, 0] == pytest.approx(100 * (0.5 + 510 / 1600) / 2, rel=1e-9)


def test_what_was_not_returned_is_no_zero() -> None:
    cube = cube_of(3, gaps=0.0)
    cube.values[:, 5, cube.cell // 4 == 1] = np.nan
    found = figures(sums_of(cube, plan_of(ALL)), by=("industry",), every="month", deflators=DEFLATORS)
    assert np.isnan(found.value[:, 1, 5]).all()
    assert (found.returns[:, 1, 5] == 0).all()
    assert np.isfinite(found.value[0, [0, 2], 5]).all()


def test_an_enterprise_counts_only_with_every_item_of_the_formula() -> None:
    values = np.array([[[10.0, 20.0]], [[100.0, np.nan]]], dtype=np.float32)
    cube, _ = Cube.of(
        ("energy_tce", "value_added_cny"),
        START,
        values,
        industry=np.array([0, 0]),
        region=np.array([0, 0]),
        size=np.array([0, 0]),
        axes=AXES,
    )
    found = figures(sums_of(cube, plan_of([INTENSITY])), every="month")
    assert found.numerator[0, 0, 0] == pytest.approx(10.0)
    assert found.returns[0, 0, 0] == 1


def test_an_enterprise_without_key_processes_has_no_rate() -> None:
    values = np.array([[[4.0, 0.0]], [[2.0, 0.0]]], dtype=np.float32)
    cube, _ = Cube.of(
        ("key_processes", "key_processes_nc"),
        START,
        values,
        industry=np.array([0, 0]),
        region=np.array([0, 0]),
        size=np.array([0, 0]),
        axes=AXES,
    )
    found = figures(sums_of(cube, plan_of([RATES])), every="month")
    assert found.value[0, 0, 0] == pytest.approx(50.0)


def test_slips_of_ten_thousand_do_not_leave_the_grid() -> None:
    cube = cube_of(4, gaps=0.0)
    cube.values[ITEMS.index("energy_tce"), 0, 0] *= 1e12
    above, _ = slow(cube, INTENSITY, np.arange(60), [0])
    found = figures(sums_of(cube, plan_of([INTENSITY])), every="month")
    assert found.numerator[0, 0, 0] == pytest.approx(above, rel=1e-12)


def test_all_figures_are_those_told_one_by_one() -> None:
    made = sums_of(cube_of(8), plan_of(ALL))
    together = all_figures(made, DEFLATORS)
    assert len(together) == 10
    for (by, every), found in together.items():
        alone = figures(made, by=by, every=every, deflators=DEFLATORS)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.value, alone.value)
        assert found.frame().height == found.value.size


def test_sums_on_different_grids_are_not_added() -> None:
    cube, plan = cube_of(1), plan_of([INTENSITY])
    other = grid_of(plan, cube.items, magnitudes(cube) * 1000)
    with pytest.raises(InputError, match="grids"):
        sums_of(cube, plan) + sums_of(cube, plan, other)


def test_what_returns_cannot_tell_is_left_out_with_the_reason() -> None:
    broadband = definition("IND06", of="external")
    index = definition("IND03", of="composite")
    assert [bool(computable(one)) for one in (broadband, index, SHARE)] == [True, True, False]
    assert plan_of([broadband, index, SHARE]).definitions == (SHARE,)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"numerator": {"no_such_item": 1}, "denominator": {"revenue_cny": 1}}, "not an item"),
        ({"numerator": {"revenue_cny": 1, "employees": 1}, "denominator": {"revenue_cny": 1}}, "flows and stocks"),
    ],
)
def test_a_formula_that_cannot_be_right_is_refused(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan_of([definition("X", of="ratio", kind=Kind.LEVEL, **bad)])


def test_constant_prices_without_deflators_are_refused() -> None:
    made = sums_of(cube_of(1), plan_of([FALL]))
    with pytest.raises(InputError, match="deflators"):
        figures(made)
    with pytest.raises(InputError, match="base year"):
        figures(sums_of(cube_of(1), plan_of([FALL.model_copy(update={"base_year": 2010})])), deflators=DEFLATORS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": np.zeros((2, 1, 1), np.float32)}, "items are 1"),
        ({"values": np.zeros((1, 1, 1), np.int64)}, "int64"),
        ({"values": np.full((1, 1, 1), np.inf, np.float32)}, "infinite"),
        ({"industry": np.array(["99"])}, "99"),
        ({"region": np.array(["11", "11"])}, "2 codes"),
        ({"size": np.array([7])}, "outside"),
    ],
)
def test_a_cube_that_does_not_fit_is_refused(change: dict[str, Any], said: str) -> None:
    given_: dict[str, Any] = {
        "values": np.zeros((1, 1, 1), np.float32),
        "industry": np.array(["13"]),
        "region": np.array(["11"]),
        "size": np.array(["L"]),
        **change,
    }
    with pytest.raises(InputError, match=said):
        Cube.of(("energy_tce",), START, given_.pop("values"), **given_)


def test_no_enterprise_at_all_gives_no_figure() -> None:
    none = np.zeros(0, dtype=np.int64)
    cube, _ = Cube.of(
        ("energy_tce", "value_added_cny"),
        START,
        np.zeros((2, 12, 0), np.float32),
        industry=none,
        region=none,
        size=none,
        axes=Axes.standard(),
    )
    assert np.isnan(figures(sums_of(cube, plan_of([INTENSITY]))).value).all()


class _Load:
    def __init__(self, seed: int, first: int, last: int) -> None:
        self.told = (seed, first, last)

    def __call__(self) -> Cube:
        seed, first, last = self.told
        return cube_of(seed).part(first, last)


def _same(one: Sums, other: Sums) -> None:
    assert (one.grid.exponent == other.grid.exponent).all()
    assert (one.whole == other.whole).all()
    assert (one.returns == other.returns).all()
    for d, (whole, returns) in one.years.items():
        assert (whole == other.years[d][0]).all()
        assert (returns == other.years[d][1]).all()
