"""The trend model: closed forms, a slow oracle, and what must not change with the unit, the origin or the order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.stats import norm

from zhizao.programme.outlook import trend as module
from zhizao.programme.outlook.trend import Mixture, Trend

TIMES = np.array([2013.0, 2015.0, 2018.5, 2020.0, 2021.0])
VALUES = np.array([0.10, 0.32, 0.61, 0.80, 0.88])
ERRORS = np.array([0.02, 0.0, 0.01, 0.03, 0.01])


def quantiles(trend: Trend, times: list[float]) -> np.ndarray:
    return trend.forecast(np.array(times)).quantiles(np.array([0.025, 0.5, 0.975]))


def test_the_movement_is_the_integral_of_a_slope_that_forgets():
    trend = Trend.of(TIMES, VALUES, ERRORS)
    s, t = 3.0, 7.0
    found = trend._movement(np.array([TIMES[0] + s]), np.array([TIMES[0] + t]))[:, 0, 0]
    for g in (0, 40, 200, len(found) - 1):
        k, size, walk = module._FORGET[g], module._SIZE[g] * trend.scale, module._WALK[g]
        below, _ = dblquad(lambda v, u, k=k: math.exp(-k * (u - v)), 0, s, 0, lambda u: u)
        beyond, _ = dblquad(lambda v, u, k=k: math.exp(-k * (v - u)), 0, s, lambda u: u, t)
        assert found[g] == pytest.approx(size**2 * (below + beyond + walk**2 * s), rel=1e-6)


def slow_forecast(trend: Trend, g: int, time: float) -> tuple[float, float, float]:
    """Mean, variance and restricted log-likelihood of one combination, by dense inverses and a level of huge spread."""
    n = len(trend.times)
    k, size, walk, unknown = (module._FORGET[g], module._SIZE[g] * trend.scale, module._WALK[g], module._ERROR[g])

    def cov(a: float, b: float) -> float:
        a, b = a - trend.times[0], b - trend.times[0]
        slope = (2 * k * min(a, b) + math.exp(-k * a) + math.exp(-k * b) - 1 - math.exp(-k * abs(a - b))) / k**2
        return size**2 * (slope + walk**2 * min(a, b))

    whole = np.array([[cov(a, b) for b in trend.times] for a in trend.times])
    whole += np.diag(trend.errors**2 + (unknown * size) ** 2 + (1e-6 * trend.scale) ** 2)
    inverse = np.linalg.inv(whole)
    ones = np.ones(n)
    precision = ones @ inverse @ ones
    level = ones @ inverse @ trend.values / precision
    cross = np.array([cov(time, b) for b in trend.times])
    mean = level + cross @ inverse @ (trend.values - level)
    variance = cov(time, time) - cross @ inverse @ cross + (1 - cross @ inverse @ ones) ** 2 / precision
    variance += (unknown * size) ** 2 + float(np.median(trend.errors)) ** 2
    rest = trend.values - level
    score = -0.5 * (np.linalg.slogdet(whole)[1] + math.log(precision) + rest @ inverse @ rest)
    return mean, variance, score + math.log(module._WEIGHT[g])


def test_the_batched_algebra_equals_a_slow_oracle_combination_by_combination():
    trend = Trend.of(TIMES, VALUES, ERRORS)
    mixture = trend.forecast(np.array([2025.0]))
    slow = [slow_forecast(trend, g, 2025.0) for g in range(len(module._SIZE))]
    assert mixture.means[:, 0] == pytest.approx([one[0] for one in slow], rel=1e-7)
    assert mixture.sds[:, 0] ** 2 == pytest.approx([one[1] for one in slow], rel=1e-6)
    score = np.array([one[2] for one in slow])
    weights = np.exp(score - score.max())
    assert mixture.weights == pytest.approx(weights / weights.sum(), abs=1e-9)


def test_a_quantile_of_one_normal_is_the_normals():
    mixture = Mixture(np.array([1.0]), np.array([[3.0]]), np.array([[2.0]]))
    shares = np.array([0.025, 0.2, 0.5, 0.9])
    assert mixture.quantiles(shares)[:, 0] == pytest.approx(norm.ppf(shares, 3.0, 2.0), abs=1e-8)
    assert mixture.below(np.array([5.0]))[0] == pytest.approx(norm.cdf(1.0))


@given(st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
@settings(max_examples=15)
def test_the_forecast_follows_the_unit_and_the_origin(factor: float, shift: float):
    plain = quantiles(Trend.of(TIMES, VALUES, ERRORS), [2023.0, 2030.0])
    moved = quantiles(Trend.of(TIMES, VALUES * factor + shift, ERRORS * factor), [2023.0, 2030.0])
    assert moved == pytest.approx(plain * factor + shift, rel=1e-5, abs=1e-5 * factor)


def test_the_forecast_does_not_depend_on_the_calendar():
    plain = quantiles(Trend.of(TIMES, VALUES, ERRORS), [2025.0])
    assert quantiles(Trend.of(TIMES - 100, VALUES, ERRORS), [1925.0]) == pytest.approx(plain, rel=1e-6)


def test_intervals_widen_with_the_horizon_and_with_the_errors():
    trend = Trend.of(TIMES, VALUES, ERRORS)
    low, _, high = quantiles(trend, [2022.0, 2025.0, 2030.0, 2049.0])
    assert (np.diff(high - low) > 0).all()
    clear = trend.forecast(np.array([2025.0])).variance[0]
    noisy = trend._predict(np.array([2025.0]), None, ERRORS + 0.1, published=True).variance[0]
    assert noisy > clear


def test_an_exact_value_is_passed_through():
    trend = Trend.of(np.arange(5.0), np.array([0.0, 1.0, 1.5, 3.0, 3.8]), np.zeros(5))
    found = trend.forecast(np.array([3.0]), published=False)
    sure = module._ERROR == 0.0
    assert found.means[sure, 0] == pytest.approx(np.full(sure.sum(), 3.0), abs=1e-4)


def test_the_parts_of_the_error_add_up_to_the_whole():
    trend = Trend.of(TIMES, VALUES, ERRORS)
    revision = np.array([0.0, 0.0, 0.0, 0.02, 0.01])
    parts = trend.parts(np.array([2025.0]), None, revision)
    whole = trend.forecast(np.array([2025.0])).variance[0]
    assert sum(float(one[0]) ** 2 for one in parts.values()) == pytest.approx(whole, rel=1e-9)
    assert parts["revision"][0] > 0


def test_a_straight_line_goes_on():
    t = np.arange(10.0)
    low, middle, high = quantiles(Trend.of(t, 0.3 * t, np.full(10, 0.001)), [12.0])[:, 0]
    assert middle == pytest.approx(3.6, abs=0.05)
    assert low < 3.6 < high
    assert high - low < 0.5


def test_a_difference_of_two_times_is_known_better_than_either():
    trend = Trend.of(TIMES, VALUES, ERRORS)
    apart = trend.forecast(np.array([2030.0])).variance[0]
    between = trend.forecast(np.array([2030.0, 2029.0]), np.array([[1.0, -1.0]])).variance[0]
    assert between < apart


def test_fewer_than_two_values_or_times_that_do_not_ascend_are_refused():
    for times in ([2020.0], [2020.0, 2020.0], [2021.0, 2020.0]):
        with pytest.raises(ValueError, match="ascending"):
            Trend.of(np.array(times), np.zeros(len(times)), np.zeros(len(times)))


def test_a_series_that_never_moves_gives_a_narrow_outlook_and_no_fault():
    low, middle, high = quantiles(Trend.of(np.arange(6.0), np.full(6, 2.0), np.zeros(6)), [7.0])[:, 0]
    assert low <= middle <= high
    assert middle == pytest.approx(2.0, abs=1e-3)
