"""Figures: kinds, years, constant prices, drill-down, coverage, vintages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollup_made import (
    ALL,
    AXES,
    FALL,
    GROWTH,
    INTENSITY,
    ITEMS,
    POINTS,
    RATES,
    SHARE,
    START,
    WEIGHED,
    cube_of,
    definition,
)

from zhizao.errors import InputError
from zhizao.programme.indicators import Kind
from zhizao.programme.rollup import (
    Cube,
    Deflators,
    Revisions,
    as_of,
    coverage,
    figure_of,
    figures,
    month_label,
    month_number,
    open_figure,
    plan_of,
    revision_triangle,
    sums_of,
)

seeds = st.integers(0, 2**32 - 1)
DEFLATORS = Deflators(START, np.exp(np.linspace(0, 0.3, 36) * np.array([[1.0], [-0.5], [2.0]])))


def _one(items: tuple[str, ...], values: list[list[float]]) -> Cube:
    """One enterprise: values (items, months)."""
    made, _ = Cube.of(
        items, START, np.array(values, dtype=np.float64)[:, :, None],
        industry=np.array([0]), region=np.array([0]), size=np.array([0]), axes=AXES,
    )  # fmt: skip
    return made


def test_flows_add_up_to_a_year_and_stocks_are_decembers() -> None:
    cube = _one(("value_added_cny", "employees"), [[10.0] * 12, [*range(1, 12), 40.0]])
    found = figures(
        sums_of(
            cube,
            plan_of([definition("lp", of="ratio", numerator={"value_added_cny": 1}, denominator={"employees": 1})]),
        )
    )
    assert found.value[0, 0].tolist() == [3.0]
    assert found.labels() == ("2015",)


def test_a_month_with_a_stock_stands_beside_a_year() -> None:
    cube = _one(("value_added_cny", "employees"), [[10.0] * 12, [40.0] * 12])
    made = sums_of(
        cube, plan_of([definition("lp", of="ratio", numerator={"value_added_cny": 1}, denominator={"employees": 1})])
    )
    assert figures(made, every="month").value[0, 0, 4] == pytest.approx(figures(made).value[0, 0, 0], rel=1e-12)


def test_a_year_that_is_cut_off_is_not_told() -> None:
    made = sums_of(cube_of(1, months=30), plan_of([INTENSITY]))
    assert figures(made).labels() == ("2015", "2016")


def test_a_year_that_is_not_over_has_no_figure_as_of_then() -> None:
    cube = cube_of(1)
    as_of(cube, Revisions.none(), START + 12 + 4)
    patents = definition("patents", of="ratio", numerator={"employees": 1}, denominator={"revenue_cny": 1})
    found = figures(sums_of(cube, plan_of([INTENSITY, patents, SHARE])))
    assert np.isfinite(found.value[:, 0, 0]).all()
    assert np.isnan(found.value[:, 0, 1:]).all()


def test_the_plans_own_examples_of_each_kind() -> None:
    years = tuple(range(2015, 2026))
    ratio = np.linspace(1.0, 2.0, 11)
    growth = figure_of(GROWTH.model_copy(update={"period_years": 5}), 1.075 ** np.arange(11), years)
    assert growth[5:] == pytest.approx(7.5)
    assert np.isnan(growth[:5]).all()
    assert figure_of(POINTS, 100 * ratio, years)[-1] == pytest.approx(100.0)
    assert figure_of(FALL, np.array([100.0, 82.0, 66.0]), (2015, 2020, 2025)).round(9).tolist() == [0.0, -18.0, -34.0]
    assert figure_of(INTENSITY, ratio, years).tolist() == ratio.tolist()


def test_changes_of_a_month_count_from_the_same_month_of_the_base_year() -> None:
    season = [1.0 + 0.5 * (m % 12) for m in range(24)]
    cube = _one(
        ("energy_tce", "value_added_cny"), [[s * (0.9 if m >= 12 else 1.0) for m, s in enumerate(season)], [1.0] * 24]
    )
    found = figures(sums_of(cube, plan_of([FALL.model_copy(update={"formula": INTENSITY.formula})])), every="month")
    assert found.value[0, 0, 12:] == pytest.approx(-10.0)


def test_rising_prices_alone_change_no_figure_in_constant_prices() -> None:
    prices = np.exp(0.01 * np.arange(36))
    energy = [100.0] * 36
    cube = _one(("energy_tce", "value_added_cny", "employees"), [energy, (1000 * prices).tolist(), [5.0] * 36])
    plan = plan_of([FALL, GROWTH])
    deflators = Deflators(START, np.tile(prices * 1.7, (3, 1)))  # any base does
    found = figures(sums_of(cube, plan), deflators=deflators)
    assert found.value[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert found.value[1, 0, 2] == pytest.approx(0.0, abs=1e-9)
    current = figures(sums_of(cube, plan_of([FALL.model_copy(update={"formula": INTENSITY.formula})])))
    assert current.value[0, 0, 2] < -15


def test_each_industry_is_deflated_by_its_own_prices() -> None:
    values = np.ones((2, 24, 2))
    values[1, 12:, 0] = 2.0  # value added of the first doubles with its prices, that of the second is as it was
    cube, _ = Cube.of(
        ("energy_tce", "value_added_cny"),
        START,
        values,
        industry=np.array([0, 1]),
        region=np.array([0, 0]),
        size=np.array([0, 0]),
        axes=AXES,
    )
    index = np.ones((3, 24))
    index[0, 12:] = 2.0
    found = figures(sums_of(cube, plan_of([FALL])), deflators=Deflators(START, index))
    assert found.value[0, 0] == pytest.approx(0.0, abs=1e-9)


def test_weights_of_a_mean_of_rates_are_those_named() -> None:
    values = [[[1.0, 9.0]], [[2.0, 10.0]], [[1.0, 3.0]]]
    cube, _ = Cube.of(
        ("key_processes_nc", "key_processes", "employees"),
        START,
        np.array(values),
        industry=np.array([0, 0]),
        region=np.array([0, 0]),
        size=np.array([0, 0]),
        axes=AXES,
    )
    found = figures(sums_of(cube, plan_of([RATES, WEIGHED])), every="month")
    assert found.value[:, 0, 0] == pytest.approx([100 * (0.5 + 0.9) / 2, (0.5 + 3 * 0.9) / 4])


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from([one.id for one in ALL]), st.sampled_from(["industry", "region", "size"]))
def test_contributions_of_parts_add_up_to_the_figure(seed: int, key: str, into: str) -> None:
    made = sums_of(cube_of(seed), plan_of(ALL))
    for period, group in (("2017", {}), ("2017-06", {"industry": "31"} if into != "industry" else {"region": "44"})):
        parts = open_figure(made, key, period, into=into, group=group, deflators=DEFLATORS)
        assert (parts.whole.sum(axis=1) == parts.parent_whole).all()
        assert parts.contribution.sum() == pytest.approx(parts.parent, rel=1e-9, abs=1e-9)
        assert parts.frame().height == len(parts.codes)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"period": "1999"}, "1999"),
        ({"into": "size", "group": {"size": "L"}}, "already"),
        ({"group": {"industry": "98"}}, "98"),
        ({"indicator": "none"}, "none"),
    ],
)
def test_a_figure_that_is_not_there_cannot_be_opened(more: dict[str, object], said: str) -> None:
    made = sums_of(cube_of(1), plan_of([INTENSITY]))
    with pytest.raises(InputError, match=said):
        open_figure(made, **{"indicator": "intensity", "period": "2016", "into": "region", **more})  # type: ignore[arg-type]


def test_coverage_counts_returns_and_weighs_them_by_last_years_output() -> None:
    output = np.full((1, 13, 3), np.nan, dtype=np.float32)
    output[0, 0] = [10.0, 30.0, 60.0]
    output[0, 12] = [11.0, np.nan, 61.0]
    arrival = np.zeros((13, 3), np.uint8)
    arrival[12] = [2, 255, 0]
    cube, _ = Cube.of(
        ("output_cny",), START, output, industry=np.array([0, 0, 0]), region=np.array([0, 0, 0]), size=np.array([0, 0, 1]),
        born=np.array([0, 0, START]), died=np.array([START + 13, START + 13, START + 99]), arrival=arrival, axes=AXES,
    )  # fmt: skip
    found = coverage(cube)
    assert (found.expected[0, 12], found.received[0, 12], found.late[0, 12]) == (3, 2, 1)
    assert found.share_of_output[0, 12] == pytest.approx(0.7)
    assert np.isnan(found.share_of_output[0, 0])
    assert coverage(cube, by=("size",)).expected[:, 12].tolist() == [2, 1]
    assert found.frame().height == 13


def test_an_enterprise_that_is_gone_is_not_expected() -> None:
    cube, _ = Cube.of(
        ("output_cny",), START, np.ones((1, 4, 1), np.float32), industry=np.array([0]), region=np.array([0]), size=np.array([0]),
        born=np.array([START + 1]), died=np.array([START + 3]), axes=AXES,
    )  # fmt: skip
    assert coverage(cube).expected[0].tolist() == [0, 1, 1, 0]


def _revisions(cube: Cube, seed: int, many: int = 200) -> Revisions:
    rng = np.random.default_rng(seed)
    place = rng.choice(cube.values.size, many, replace=False)
    item, month, enterprise = np.unravel_index(place, cube.values.shape)
    first = (cube.values[item, month, enterprise] * np.exp(rng.normal(0, 0.3, many))).astype(np.float32)
    first[:5] = np.nan  # left empty at first
    return Revisions(
        enterprise.astype(np.int64), month.astype(np.int64), item.astype(np.int64), rng.integers(1, 6, many), first
    )


@settings(max_examples=8, deadline=None)
@given(seeds, st.sampled_from([INTENSITY, SHARE, RATES]))
def test_a_column_of_the_triangle_is_the_figure_as_it_was_known(seed: int, one: object) -> None:
    cube = cube_of(seed, months=14)
    revisions = _revisions(cube, seed)
    found = revision_triangle(cube, revisions, one, by=("region",), lags=6)  # type: ignore[arg-type]
    for vintage in (START + 3, START + 9):
        then = cube_of(seed, months=14)
        as_of(then, revisions, vintage)
        known = figures(sums_of(then, plan_of([one])), by=("region",), every="month")  # type: ignore[list-item]
        for month in range(max(0, vintage - START - 6), vintage - START + 1):
            np.testing.assert_allclose(
                found.ratio[:, month, vintage - START - month], known.value[0, :, month], rtol=1e-9
            )
            assert (found.returns[:, month, vintage - START - month] == known.returns[0, :, month]).all()


def test_the_triangle_ends_in_the_present_figure_and_stops_where_nobody_can_know() -> None:
    cube = cube_of(9, months=14)
    found = revision_triangle(cube, _revisions(cube, 9), INTENSITY, lags=6)
    now = figures(sums_of(cube, plan_of([INTENSITY])), every="month")
    assert found.ratio[0, :8, 6] == pytest.approx(now.value[0, 0, :8], rel=1e-9)
    assert np.isnan(found.ratio[0, 13, 1:]).all()
    assert np.isfinite(found.revision()).all()
    assert found.frame().height == np.isfinite(found.ratio).sum()


def test_without_revisions_and_late_returns_a_triangle_is_flat() -> None:
    cube = cube_of(2, months=6)
    cube.arrival[:] = 0  # type: ignore[index]
    found = revision_triangle(cube, Revisions.none(), INTENSITY, lags=3)
    assert found.revision()[0] == pytest.approx(0.0, abs=0)


def test_months_are_read_and_told() -> None:
    assert month_label(month_number("2024-02")) == "2024-02"
    for bad in ("2024-13", "2024", "24-01", "2024-1", "2024-01-01", "１９９９-01x"):
        with pytest.raises(InputError, match="not a month"):
            month_number(bad)


def test_levels_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="not a level"):
        figures(sums_of(cube_of(1), plan_of([INTENSITY])), by=("county",))
    assert INTENSITY.kind == Kind.LEVEL
    assert "employees" in ITEMS
