"""From ratios to figures by kind, and the scales on which figures move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.programme.indicators import definitions
from zhizao.programme.outlook import figure_of, figures_of, scale_of
from zhizao.programme.outlook.figures import Scale

D = definitions()
POSITIVE = st.floats(1e-1, 1e4)


def test_a_level_is_the_ratio_itself():
    assert figure_of(D["IND01"], {2020: 1.3}, 2020) == 1.3


def test_a_missing_year_or_base_gives_no_figure():
    assert figure_of(D["IND01"], {}, 2020) is None
    assert figure_of(D["IND09"], {2020: 0.8}, 2020) is None
    assert figure_of(D["IND05"], {2020: 1.0, 2016: 0.9}, 2020) is None
    assert figure_of(D["IND05"], {2020: 1.0, 2015: 0.0}, 2020) is None


@pytest.mark.parametrize(
    ("key", "further", "yearly"), [("IND09", -19.51, -4.07), ("IND10", -23.08, -4.98), ("IND11", -23.38, -5.14)]
)
def test_reductions_compound_as_the_plans_own_numbers_do(key: str, further: float, yearly: float):
    # plan.yaml, derived_from_table D1 to D3
    first, second = (D[key].target("plan2025", year) for year in (2020, 2025))
    assert first is not None
    assert second is not None
    left20, left25 = 1 + first.value / 100, 1 + second.value / 100
    ratios = {2015: 1.0, 2020: left20, 2025: left25}
    assert figures_of(D[key], ratios) == pytest.approx({2015: 0.0, 2020: first.value, 2025: second.value})
    rebased = D[key].model_copy(update={"base_year": 2020})
    assert figure_of(rebased, ratios, 2025) == pytest.approx(further, abs=0.005)
    assert 100 * (left25**0.1 - 1) == pytest.approx(yearly, abs=0.005)


def test_growth_compounds_as_the_plans_own_numbers_do():
    # plan.yaml, derived_from_table D4
    ratios = {2015: 1.0, 2020: 1.075**5, 2025: 1.075**5 * 1.065**5}
    assert (ratios[2020], ratios[2025]) == pytest.approx((1.4356, 1.9669), abs=5e-5)
    assert figures_of(D["IND05"], ratios) == pytest.approx({2020: 7.5, 2025: 6.5})


@given(POSITIVE, POSITIVE, POSITIVE)
def test_reductions_of_two_periods_multiply(a: float, b: float, c: float):
    whole = figure_of(D["IND09"], {2015: a, 2025: c}, 2025)
    first = figure_of(D["IND09"], {2015: a, 2020: b}, 2020)
    second = figure_of(D["IND09"].model_copy(update={"base_year": 2020}), {2020: b, 2025: c}, 2025)
    assert whole is not None
    assert first is not None
    assert second is not None
    assert 1 + whole / 100 == pytest.approx((1 + first / 100) * (1 + second / 100), rel=1e-6, abs=1e-12)


@given(st.floats(1.0, 99.0), st.floats(1.0, 99.0))
def test_points_do_not_depend_on_a_common_shift(a: float, b: float):
    moved = {2015: a + 5, 2020: b + 5}
    assert figure_of(D["IND04"], moved, 2020) == pytest.approx(
        figure_of(D["IND04"], {2015: a, 2020: b}, 2020), abs=1e-9
    )


@given(POSITIVE, POSITIVE, st.floats(0.1, 10.0))
def test_reduction_and_growth_do_not_depend_on_the_unit(a: float, b: float, factor: float):
    for key, start in (("IND09", 2015), ("IND05", 2015)):
        plain = figure_of(D[key], {start: a, 2020: b}, 2020)
        scaled = figure_of(D[key], {start: a * factor, 2020: b * factor}, 2020)
        assert plain == pytest.approx(scaled, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "scale", [Scale("log_odds", 100.0), Scale("log"), Scale("log_left"), Scale("plain"), Scale("root")]
)
@given(share=st.floats(0.01, 0.99))
def test_a_scale_carries_there_and_back_with_its_slope(scale: Scale, share: float):
    value = {"log_left": -100 + 150 * share}.get(scale.name, 99 * share + 0.5)
    assert float(scale.back(np.array([scale.to(value)]))[0]) == pytest.approx(value, rel=1e-9)
    step = 1e-5
    assert (scale.to(value + step) - scale.to(value - step)) / (2 * step) == pytest.approx(scale.slope(value), rel=1e-3)


def test_a_scale_says_what_it_cannot_carry():
    assert not Scale("log_odds", 100.0).fits(100.0)
    assert not Scale("log").fits(0.0)
    assert not Scale("log_left").fits(-100.0)
    assert Scale("root").fits(0.0)
    assert scale_of(D["IND06"], ratios=False).name == "log"  # subscriptions may exceed households
