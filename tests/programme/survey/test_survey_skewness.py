"""Intervals that lean: symmetric where nothing is skewed, longer towards the giants, and nearer to what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.errors import InputError
from zhizao.programme.survey import Design, groups, jackknife, ratio, total
from zhizao.programme.survey.skewness import leaning, skewness


def test_a_symmetric_sample_has_the_symmetric_interval() -> None:
    design = Design.of([3.0] * 5, fpc=[15] * 5)
    y = [1.0, 2.0, 3.0, 4.0, 5.0]
    plain, lean = total(design, y), total(design, y, interval="skew")
    np.testing.assert_allclose([lean.low[0], lean.high[0]], [plain.low[0], plain.high[0]])
    assert lean.interval == "95% skew interval, Satterthwaite degrees of freedom"


def test_the_skewness_of_one_stratum_is_the_textbook_one() -> None:
    y = np.array([1.0, 2.0, 2.0, 3.0, 17.0])
    n, f = 5, 0.25
    apart = y - y.mean()
    third, spread = n / ((n - 1) * (n - 2)) * (apart**3).sum(), (apart**2).sum() / (n - 1)
    found = skewness(Design.of([4.0] * n, fpc=[20] * n), y, np.zeros(n, dtype=np.int64), 1)
    want = n * (1 - f) ** 2 * third / (n * (1 - f) * spread) ** 1.5
    np.testing.assert_allclose(found, want)


def test_strata_of_two_have_the_skewness_of_the_others() -> None:
    y = [0.0, 0.0, 9.0, 0.0, 1.0]
    strata = ["a", "a", "a", "b", "b"]
    both = skewness(Design.of([1.0] * 5, strata=strata), np.array(y), np.zeros(5, dtype=np.int64), 1)
    alone = skewness(Design.of([1.0] * 3), np.array(y[:3]), np.zeros(3, dtype=np.int64), 1)
    a, b = 3 * 27.0, 2 * 0.5  # variances of the two totals
    cubes = 3 * 27.0**1.5, 2 * 0.5**1.5
    np.testing.assert_allclose(both, alone * a**1.5 * (1 + cubes[1] / cubes[0]) / (a + b) ** 1.5)


@given(
    st.lists(st.floats(0, 1e6), min_size=4, max_size=20).filter(lambda y: np.ptp(y) > 1e-3),
    st.floats(0.01, 1e4),
)
def test_an_interval_scales_with_the_unit_and_holds_the_estimate(y: list[float], factor: float) -> None:
    design = Design.of([5.0] * len(y), strata=[k % 2 for k in range(len(y))])
    one = total(design, y, interval="skew")
    other = total(design, np.array(y) * factor, interval="skew")
    np.testing.assert_allclose(
        np.r_[other.low, other.high], factor * np.r_[one.low, one.high], atol=1e-4 * factor, rtol=1e-4
    )
    assert one.low[0] <= one.estimate[0] <= one.high[0]


@given(st.floats(-0.6, 0.6), st.floats(1.5, 3.0))
def test_the_side_of_the_skewness_is_the_longer_one(skew: float, critical: float) -> None:
    low, high = leaning(np.zeros(1), np.ones(1), np.array([skew]), np.array([critical]))
    assert (high[0] + low[0]) * skew >= 0
    mirrored = leaning(np.zeros(1), np.ones(1), np.array([-skew]), np.array([critical]))
    np.testing.assert_allclose([-mirrored[1][0], -mirrored[0][0]], [low[0], high[0]], atol=1e-9)


def test_leaning_intervals_of_a_skewed_variable_cover_more_and_miss_less_on_one_side() -> None:
    rng = np.random.default_rng(5)
    size, n = 4000, 30
    y = np.exp(rng.normal(0, 1.4, size))
    truth, runs = y.sum(), 400
    rows = np.stack([rng.choice(size, n, replace=False) for _ in range(runs)])
    design = Design.of(np.full(runs * n, size / n), strata=np.repeat(np.arange(runs), n), fpc=np.full(runs * n, size))
    by = groups(np.repeat(np.arange(runs), n))
    plain, lean = (total(design, y[rows].ravel(), by=by, interval=kind) for kind in ("t", "skew"))

    def missed(found: object) -> tuple[float, float]:
        low, high = found.low, found.high  # type: ignore[attr-defined]
        return float(np.mean(high < truth)), float(np.mean(low > truth))

    (below, above), (lean_below, lean_above) = missed(plain), missed(lean)
    assert below + above > 0.12
    assert lean_below + lean_above < below + above - 0.03
    assert lean_below < below


def test_a_ratio_leans_too_and_replicates_are_refused() -> None:
    design = Design.of([2.0] * 6)
    y, x = [1.0, 1, 2, 1, 30, 2], [3.0, 4, 5, 4, 6, 5]
    found = ratio(design, y, x, interval="skew")
    assert found.high[0] - found.estimate[0] > found.estimate[0] - found.low[0]
    with pytest.raises(InputError) as told:
        total(jackknife(design), y, interval="skew")
    assert told.value.fault.code == "no_skewness"
