"""Units that stay silent, values that weigh too much, and small areas: worked examples and known truth."""

from __future__ import annotations

import numpy as np
import pytest

from zhizao.errors import InputError
from zhizao.programme.survey import (
    Auxiliary,
    Design,
    calibrate,
    fay_herriot,
    propensity_classes,
    respond,
    total,
    winsorise,
)

# Milk expenditure of 43 areas, Arora and Lahiri (1997), Statistica Sinica 7, 1053-1063, table 1; results are those of
# the R package sae (its example for the function eblupFH), which stops at a tolerance of 1e-4.
MILK = np.array(
    [1.099, 1.075, 1.105, 0.628, 0.753, 0.981, 1.257, 1.095, 1.405, 1.356, 0.615, 1.46, 1.338, 0.854, 1.176, 1.111,
     1.257, 1.43, 1.278, 1.292, 1.002, 1.183, 1.044, 1.267, 1.193, 0.791, 0.795, 0.759, 0.796, 0.565, 0.886, 0.952,
     0.807, 0.582, 0.684, 0.787, 0.44, 0.759, 0.77, 0.8, 0.756, 0.865, 0.64]
)  # fmt: skip
SD = np.array(
    [0.163, 0.08, 0.083, 0.109, 0.119, 0.141, 0.202, 0.127, 0.168, 0.178, 0.1, 0.201, 0.148, 0.143, 0.149, 0.145, 0.135,
     0.172, 0.137, 0.163, 0.125, 0.247, 0.14, 0.171, 0.106, 0.121, 0.121, 0.259, 0.106, 0.089, 0.225, 0.205, 0.119,
     0.067, 0.106, 0.126, 0.092, 0.132, 0.1, 0.113, 0.083, 0.121, 0.129]
)  # fmt: skip
AREA = np.repeat([1, 2, 3, 4], [7, 7, 11, 18])
X = np.column_stack([np.ones(43), *((k == AREA) * 1.0 for k in (2, 3, 4))])


@pytest.mark.parametrize(
    ("method", "slope", "estimates", "mses"),
    [
        ("reml", [0.9681890, 0.1327801, 0.2269462, -0.2413011], [1.0219703, 1.0476018, 1.0679513, 0.7608170],
         [0.013460220, 0.005372876, 0.005701990, 0.008541740]),
        ("ml", [0.9677986, 0.1278756, 0.2266909, -0.2425804], [1.0161733, 1.0436968, 1.0628168, 0.7753489],
         [0.013579953, 0.005512868, 0.005850584, 0.008735454]),
        ("fay_herriot", None, [1.017975, 1.044963, 1.064480, 0.770692],
         [0.012757016, 0.005314467, 0.005632201, 0.008323471]),
    ],
)  # fmt: skip
def test_the_milk_areas_come_out_as_published(
    method: str, slope: list[float] | None, estimates: list[float], mses: list[float]
) -> None:
    found = fay_herriot(MILK, SD**2, X, method=method)  # type: ignore[arg-type]
    if slope is not None:
        assert found.slope == pytest.approx(slope, abs=2e-6)
    assert found.estimate[:4] == pytest.approx(estimates, abs=3e-6)
    assert found.mse[:4] == pytest.approx(mses, abs=2e-7)


@pytest.mark.parametrize("method", ["reml", "ml", "moment", "fay_herriot"])
def test_small_area_errors_are_as_large_as_they_are_said_to_be(method: str) -> None:
    rng = np.random.default_rng(1)
    m, x = 60, np.column_stack([np.ones(60), rng.normal(0, 1, 60)])
    d = np.repeat([0.3, 0.6, 1.2], 20)
    gaps, said, between = [], [], []
    for _ in range(400):
        truth = x @ [2.0, 1.0] + rng.normal(0, 1, m)
        direct = truth + rng.normal(0, np.sqrt(d))
        found = fay_herriot(direct, d, x, method=method)  # type: ignore[arg-type]
        gaps.append((found.estimate - truth) ** 2)
        said.append(found.mse)
        between.append(found.between)
    for part in (slice(0, 20), slice(20, 40), slice(40, 60)):
        assert np.mean(np.array(said)[:, part]) == pytest.approx(np.mean(np.array(gaps)[:, part]), rel=0.06)
    assert np.mean(between) == pytest.approx(1.0, abs=0.08)
    assert np.mean(gaps) < 0.8 * d.mean()


def test_an_area_without_a_sample_has_the_regressions_value() -> None:
    direct, d = np.r_[MILK, np.nan], np.r_[SD**2, np.nan]
    found = fay_herriot(direct, d, np.vstack([X, [1.0, 0, 0, 1]]))
    assert found.estimate[-1] == pytest.approx(found.slope[0] + found.slope[3])
    assert found.gamma[-1] == 0 and found.mse[-1] > found.between


def test_areas_that_do_not_differ_get_the_regression() -> None:
    found = fay_herriot(np.full(10, 3.0), np.full(10, 0.5), np.ones((10, 1)))
    assert found.between == 0.0
    assert found.estimate == pytest.approx(np.full(10, 3.0))


@pytest.mark.parametrize(
    ("variance", "x", "message"),
    [([0.1, 0.0, 0.1], np.ones((3, 1)), "variance of area 2 is 0"), ([0.1] * 3, np.ones((3, 2)), "collinear")],
)
def test_small_areas_that_cannot_be_fitted_say_why(variance: list[float], x: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fay_herriot([1.0, 2.0, 3.0], variance, x)


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_variance_under_non_response_counts_drawing_and_answering(calibrated: bool) -> None:
    rng = np.random.default_rng(2)
    n, strata = 1500, np.repeat([0, 1, 2], [100, 400, 1000])
    size = np.array([100, 400, 1000])
    classes = rng.integers(0, 3, n)
    x = rng.gamma(2, 2, n)
    y = 5 + 2 * x + 3 * classes + rng.normal(0, 2, n)
    chance = np.array([0.5, 0.7, 0.9])[classes]
    take = np.array([100, 120, 150])  # the first stratum is taken whole and still does not answer in full
    estimates, said, covered = [], [], 0
    for _ in range(600):
        rows = np.concatenate([rng.choice(np.flatnonzero(strata == h), take[h], replace=False) for h in range(3)])
        design = Design.of((size / take)[strata[rows]], strata=strata[rows], fpc=size[strata[rows]])
        made = respond(design, (rng.random(len(rows)) < chance[rows]) * 1.0, classes[rows])
        if calibrated:
            known = Auxiliary(np.stack([np.ones(len(rows)), x[rows]], axis=1), np.array([n, x.sum()]), ("1", "x"))
            made = calibrate(made, known)
        found = total(made, y[rows])
        estimates.append(found.estimate[0])
        said.append(found.se[0] ** 2)
        covered += found.low[0] <= y.sum() <= found.high[0]
    assert np.mean(estimates) == pytest.approx(y.sum(), rel=0.003)
    assert np.mean(said) == pytest.approx(np.var(estimates), rel=0.12)
    assert covered / 600 == pytest.approx(0.95, abs=0.03)


def test_full_response_changes_nothing() -> None:
    design = Design.of([3.0] * 10, fpc=[30] * 10)
    y = np.arange(10.0)
    assert total(respond(design, np.ones(10)), y).se == pytest.approx(total(design, y).se)


def test_a_thin_response_class_is_named() -> None:
    with pytest.raises(InputError, match="class b has 1 answers from 3"):
        respond(Design.of([1.0] * 9), [1, 1, 1, 1, 1, 1, 1, 0, 0], ["a"] * 6 + ["b"] * 3)


def test_propensity_classes_sort_by_the_true_chance() -> None:
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(5000), rng.normal(0, 1, 5000)])
    chance = 1 / (1 + np.exp(-(0.5 + x[:, 1])))
    found = propensity_classes((rng.random(5000) < chance) * 1.0, x, np.ones(5000))
    means = [chance[found == k].mean() for k in range(5)]
    assert means == sorted(means) and means[-1] - means[0] > 0.4


def test_winsorising_lowers_the_mean_squared_error_of_a_skewed_total() -> None:
    rng = np.random.default_rng(4)
    population = np.exp(rng.normal(0, 1.8, 20_000))
    raw, pulled = [], []
    for _ in range(300):
        y = population[rng.choice(20_000, 200, replace=False)]
        w = np.full(200, 100.0)
        raw.append(w @ y)
        pulled.append(w @ winsorise(y, w).values)
    truth = population.sum()
    assert np.mean((np.array(pulled) - truth) ** 2) < 0.9 * np.mean((np.array(raw) - truth) ** 2)


def test_winsorising_leaves_take_all_units_alone() -> None:
    found = winsorise([1.0, 2.0, 1e6, 1.0, 2.0, 3.0], [50.0, 50, 1, 50, 50, 50])
    assert not found.changed[2]
