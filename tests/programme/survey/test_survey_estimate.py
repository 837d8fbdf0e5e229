"""Designs and estimates: closed forms, several stages, domains, lonely clusters, calibration, replicates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.errors import InputError
from zhizao.programme.survey import (
    Auxiliary,
    Design,
    Groups,
    auxiliary,
    balanced,
    bootstrap,
    calibrate,
    jackknife,
    mean,
    post_stratify,
    proportion,
    quantile,
    ratio,
    recalibrate,
    successive,
    total,
    trim,
)


def stratified(
    rng: np.random.Generator, sizes: tuple[int, ...] = (5, 8, 12), of: int = 40
) -> tuple[Design, np.ndarray]:
    strata = np.repeat(np.arange(len(sizes)), sizes)
    weights = np.repeat([of / n for n in sizes], sizes)
    return Design.of(weights, strata=strata, fpc=np.full(len(strata), of)), strata


def test_a_stratified_total_has_the_variance_of_the_textbook() -> None:
    rng = np.random.default_rng(1)
    design, strata = stratified(rng)
    y = rng.normal(10, 3, design.n)
    expected = sum(40**2 * (1 - (n := (strata == h).sum()) / 40) * y[strata == h].var(ddof=1) / n for h in range(3))
    assert total(design, y).se[0] ** 2 == pytest.approx(expected)


def test_two_stages_add_the_variance_within_clusters_times_the_first_fraction() -> None:
    rng = np.random.default_rng(2)
    clusters, m, big_m, n, big_n = np.repeat(np.arange(4), 3), 3, 10, 4, 20
    y = rng.normal(5, 2, 12) + clusters
    design = Design.of(
        np.full(12, big_n / n * big_m / m), clusters=[clusters], fpc=[np.full(12, big_n), np.full(12, big_m)]
    )
    totals = np.array([y[clusters == i].mean() * big_m for i in range(4)])
    between = big_n**2 * (1 - n / big_n) * totals.var(ddof=1) / n
    within = big_n / n * sum(big_m**2 * (1 - m / big_m) * y[clusters == i].var(ddof=1) / m for i in range(4))
    assert len(design.stages) == 2
    assert total(design, y).se[0] ** 2 == pytest.approx(between + within)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), clustered=st.booleans(), calibrated=st.booleans())
def test_domains_add_up_to_the_whole_and_their_covariance_is_one(seed: int, clustered: bool, calibrated: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    strata = np.repeat(np.arange(3), 20)
    design = Design.of(
        rng.uniform(1, 9, n), strata=strata, clusters=np.arange(n) // 2 if clustered else None, fpc=np.full(n, 50)
    )
    x = rng.uniform(1, 5, n)
    if calibrated:
        known = Auxiliary(np.stack([np.ones(n), x], axis=1), np.array([400.0, 1250.0]), ("1", "x"))
        design = calibrate(design, known, distance="raking")
    y, codes = rng.normal(3, 1, n), rng.integers(0, 4, n)
    by = Groups(codes, ("a", "b", "c", "d"))
    parts, whole = total(design, y, by=by), total(design, y)
    assert parts.estimate.sum() == pytest.approx(whole.estimate[0])
    covariance = design.covariance(np.where(codes[:, None] == np.arange(4), y[:, None], 0.0))
    assert np.diag(covariance) == pytest.approx(parts.se**2)
    assert covariance.sum() == pytest.approx(whole.se[0] ** 2)


def test_a_domain_is_a_variable_that_is_zero_outside() -> None:
    rng = np.random.default_rng(3)
    design, _ = stratified(rng)
    y, inside = rng.normal(10, 3, design.n), rng.random(design.n) < 0.4
    direct = total(design, np.where(inside, y, 0.0))
    domain = total(design, y, by=np.where(inside, "in", "out"))
    assert domain.se[domain.domains.index("in")] == pytest.approx(direct.se[0])


def test_an_estimate_of_the_calibration_variable_has_no_error_and_domains_of_it_have() -> None:
    rng = np.random.default_rng(4)
    design, _ = stratified(rng)
    x = rng.uniform(1, 9, design.n)
    made = calibrate(design, Auxiliary(x[:, None], np.array([700.0]), ("x",)))
    assert total(made, x).estimate[0] == pytest.approx(700)
    assert total(made, x).se[0] == pytest.approx(0, abs=1e-9)
    assert (total(made, x, by=np.arange(design.n) % 2).se > 1).all()


def test_linear_calibration_is_the_regression_estimator() -> None:
    rng = np.random.default_rng(5)
    design, _ = stratified(rng)
    x = np.stack([np.ones(design.n), rng.uniform(1, 9, design.n)], axis=1)
    y = 2 + 3 * x[:, 1] + rng.normal(0, 1, design.n)
    known = np.array([120.0, 610.0])
    slope = np.linalg.solve((x * design.weights[:, None]).T @ x, (x * design.weights[:, None]).T @ y)
    expected = design.weights @ y + (known - design.weights @ x) @ slope
    assert total(calibrate(design, Auxiliary(x, known, ("1", "x"))), y).estimate[0] == pytest.approx(expected)


@pytest.mark.parametrize(("distance", "bounds"), [("linear", (0.6, 1.6)), ("logit", (0.6, 1.6)), ("raking", None)])
def test_bounded_factors_stay_within_their_bounds_and_meet_the_totals(
    distance: str, bounds: tuple[float, float]
) -> None:
    rng = np.random.default_rng(6)
    design, _ = stratified(rng)
    x = np.stack([np.ones(design.n), rng.uniform(1, 9, design.n)], axis=1)
    known = Auxiliary(x, np.array([120.0, 1.08 * design.weights @ x[:, 1]]), ("1", "x"))
    made = calibrate(design, known, distance=distance, bounds=bounds)  # type: ignore[arg-type]
    factor = made.weights / design.weights
    assert x.T @ made.weights == pytest.approx(known.totals, rel=1e-9)
    assert factor.min() >= (bounds or (0, 9))[0] - 1e-12 and factor.max() <= (bounds or (0, 9))[1] + 1e-12


def test_post_strata_are_calibration_to_their_counts() -> None:
    rng = np.random.default_rng(7)
    design, _ = stratified(rng)
    y, classes = rng.normal(9, 2, design.n), np.where(np.arange(design.n) % 3 == 0, "a", "b")
    counts = {"a": 50.0, "b": 71.0}
    greg = calibrate(design, auxiliary({"k": classes}, {"k": counts}, rows=design.n))
    post = post_stratify(design, classes, counts)
    assert post.weights == pytest.approx(greg.weights)
    assert mean(post, y, by=classes).se == pytest.approx(mean(greg, y, by=classes).se)


def test_totals_that_no_bounded_weights_meet_are_refused_with_the_miss() -> None:
    design = Design.of([10.0] * 4)
    with pytest.raises(InputError, match=r"x comes to .* instead of 500"):
        calibrate(design, Auxiliary(np.array([[1.0], [2], [3], [4]]), np.array([500.0]), ("x",)), bounds=(0.5, 2))


def test_collinear_calibration_columns_are_named() -> None:
    x = np.array([[1.0, 2.0, 2.0], [1, 3, 3], [1, 5, 5], [1, 6, 6]])
    with pytest.raises(InputError, match=r"collinear: (twin|size)"):
        calibrate(Design.of([1.0] * 4), Auxiliary(x, np.array([4.0, 16, 16]), ("one", "size", "twin")))


def test_groupings_that_count_two_populations_are_refused() -> None:
    with pytest.raises(InputError, match="adds up to 9 units and b to 10"):
        auxiliary({"a": ["x", "y"], "b": ["u", "v"]}, {"a": {"x": 4, "y": 5}, "b": {"u": 5, "v": 5}}, rows=2)


@pytest.mark.parametrize("lonely", ["certainty", "average", "centred"])
def test_a_lonely_cluster_is_named_or_treated_as_told(lonely: str) -> None:
    strata, y = ["a", "a", "b", "c", "c"], np.array([1.0, 3, 5, 7, 8])
    with pytest.raises(InputError, match="hold a single cluster: b"):
        total(Design.of([1.0] * 5, strata=strata), y)
    among = 2 * 2 + 2 * 0.5  # n s² of a and c
    expected = {"certainty": among, "average": among * 3 / 2, "centred": among + (5 - y.mean()) ** 2}[lonely]
    design = Design.of([1.0] * 5, strata=strata, lonely=lonely)  # type: ignore[arg-type]
    assert total(design, y).se[0] ** 2 == pytest.approx(expected)


def test_a_take_all_stratum_is_never_lonely() -> None:
    assert total(Design.of([1.0, 2, 2], strata=["L", "S", "S"], fpc=[1, 4, 4]), [9.0, 1, 2]).se[0] == pytest.approx(
        2**0.5
    )


def test_the_median_of_an_even_spread_has_woodruffs_interval() -> None:
    found = quantile(Design.of([1.0] * 101), np.arange(101.0), 0.5, freedom="normal")
    half = 1.959964 * np.sqrt(0.25 / 100) * 101
    assert found.estimate[0] == 50
    assert found.high[0] - found.low[0] == pytest.approx(2 * half, abs=2)


def test_jackknife_of_a_mean_equals_linearisation_and_of_a_ratio_nearly() -> None:
    rng = np.random.default_rng(8)
    design, _ = stratified(rng, (20, 30, 25), 90)
    y, x = rng.normal(10, 2, design.n), rng.uniform(5, 9, design.n)
    by = np.arange(design.n) % 3
    knife = jackknife(design)
    assert total(knife, y, by=by).se == pytest.approx(total(design, y, by=by).se)
    assert ratio(knife, y, x, by=by).se == pytest.approx(ratio(design, y, x, by=by).se, rel=0.05)


def test_the_closed_form_of_the_jackknife_is_that_of_laid_out_weights() -> None:
    rng = np.random.default_rng(9)
    design = Design.of(rng.uniform(1, 5, 24), strata=np.repeat([0, 1], 12), clusters=np.arange(24) // 3)
    y, x, codes = rng.normal(5, 1, 24), rng.uniform(1, 2, 24), np.arange(24) % 2
    knife = jackknife(design)
    laid = knife.weights_of_rows()
    for d in range(2):
        expected = (laid * y[:, None])[codes == d].sum(axis=0)
        assert knife.totals(y, codes, 2)[:, d] == pytest.approx(expected)
    assert ratio(knife, y, x, by=codes).se.shape == (2,)


@pytest.mark.parametrize("fay", [0.0, 0.5])
def test_balanced_half_samples_give_the_exact_variance_of_a_total(fay: float) -> None:
    rng = np.random.default_rng(10)
    strata, y = np.repeat(np.arange(7), 2), rng.normal(10, 3, 14)
    design = Design.of(np.full(14, 5.0), strata=strata)
    assert total(balanced(design, fay=fay), y).se == pytest.approx(total(design, y).se)


def test_the_rescaled_bootstrap_comes_to_the_variance_with_finite_populations() -> None:
    rng = np.random.default_rng(11)
    design, _ = stratified(rng, (15, 20, 25), 50)
    y = rng.normal(10, 3, design.n)
    made = bootstrap(design, np.random.default_rng(1), replicates=4000)
    assert total(made, y).se[0] == pytest.approx(total(design, y).se[0], rel=0.05)
    assert made.weights_of_rows().min() > 0


def test_successive_differences_see_the_wave_that_a_systematic_sample_takes_out() -> None:
    rng = np.random.default_rng(12)
    y = 60 * np.sin(np.arange(200) * np.pi / 100) + rng.normal(0, 1, 200)
    design = Design.of(np.full(200, 10.0))
    assert total(successive(design), y).se[0] < 0.1 * total(design, y).se[0]
    noise = rng.normal(0, 1, 200)
    assert total(successive(design), noise).se[0] == pytest.approx(total(design, noise).se[0], rel=0.2)


def test_calibrated_replicates_give_the_calibrated_variance() -> None:
    rng = np.random.default_rng(13)
    design, _ = stratified(rng, (40, 50, 60), 100)
    x = rng.uniform(1, 9, design.n)
    y = 3 * x + rng.normal(0, 1, design.n)
    known = Auxiliary(np.stack([np.ones(design.n), x], axis=1), np.array([300.0, 1520.0]), ("1", "x"))
    by = np.arange(design.n) % 2
    linear = total(calibrate(design, known), y, by=by)
    knife = total(recalibrate(jackknife(design), known), y, by=by)
    assert knife.estimate == pytest.approx(linear.estimate)
    assert knife.se == pytest.approx(linear.se, rel=0.03)


def test_a_share_at_the_edge_keeps_an_interval_inside_nought_and_one() -> None:
    found = proportion(Design.of([1.0] * 30), [1] * 29 + [0])
    assert 0 < found.low[0] < found.estimate[0] < found.high[0] < 1


def test_trimmed_weights_keep_their_sum_and_range() -> None:
    w = np.random.default_rng(14).pareto(1.5, 300) + 1
    cut = trim(w, high=6.0, classes=np.arange(300) % 3)
    assert cut.max() <= 6 + 1e-9
    for k in range(3):
        assert cut[np.arange(300) % 3 == k].sum() == pytest.approx(w[np.arange(300) % 3 == k].sum())
    with pytest.raises(InputError, match="cannot all lie"):
        trim([5.0, 5.0], high=4.0)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"weights": [1.0, -2.0]}, "weights is -2"),
        ({"weights": ["a", "b"]}, "weights holds text"),
        ({"weights": [1.0, float("nan")]}, "missing or infinite"),
        ({"weights": [1.0, 1.0], "strata": ["a", None]}, "1 rows have no stratum"),
        ({"weights": [1.0, 1.0], "fpc": [1.5, 1.5]}, "2 clusters drawn of 1.5"),
        ({"weights": [1.0, 1.0], "fpc": [5, 6]}, "more than one population size"),
        ({"weights": [1.0, 1.0], "strata": ["a"]}, "stratum has 1 values for 2 rows"),
        ({"weights": []}, "no rows"),
    ],
)
def test_a_design_that_cannot_be_says_why(kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Design.of(**kwargs)  # type: ignore[arg-type]


def test_missing_answers_are_refused_unless_they_are_to_be_left_out() -> None:
    design, y = Design.of([2.0] * 4), [1.0, float("nan"), 3.0, 5.0]
    with pytest.raises(InputError, match="1 values are missing"):
        mean(design, y)
    found = mean(design, y, drop_missing=True)
    assert (found.estimate[0], found.n[0]) == (3.0, 3)


def test_an_empty_domain_has_no_figure_rather_than_a_wrong_one() -> None:
    found = mean(Design.of([1.0] * 3), [1.0, 2.0, 3.0], by=Groups(np.zeros(3, np.int64), ("here", "empty")))
    assert [row["estimate"] for row in found.rows()] == [2.0, None]


def test_an_interval_on_the_log_scale_is_above_zero_and_reaches_further_up() -> None:
    design, y = Design.of([10.0] * 6), [1.0, 0.0, 0.0, 0.0, 2.0, 40.0]
    plain, logged = total(design, y), total(design, y, interval="log")
    assert plain.low[0] < 0 < logged.low[0]
    assert logged.high[0] > plain.high[0]
    assert logged.low[0] * logged.high[0] == pytest.approx(logged.estimate[0] ** 2)
