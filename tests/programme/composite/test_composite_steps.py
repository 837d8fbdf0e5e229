"""Each step of an index by worked examples, closed forms and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zhizao.errors import InputError
from zhizao.programme.composite import Node, Steps, Structure, Units, audit_groups, audit_scales, build, cronbach_alpha
from zhizao.programme.composite.aggregate import aggregate, benefit_of_the_doubt, copeland, place
from zhizao.programme.composite.audit import correlations
from zhizao.programme.composite.normalise import normalise
from zhizao.programme.composite.prepare import denominate, impute, impute_em
from zhizao.programme.composite.treat import box_cox, kurtosis, log_shift, passes, skewness, treat, winsorise
from zhizao.programme.composite.weigh import critic_weights, entropy_weights, pca_weights, weigh

EXCEL = np.array([3, 4, 5, 2, 3, 4, 5, 6, 4, 7], dtype=float)[:, None]
UP = np.array([1.0])
FINITE = st.floats(-1e6, 1e6, allow_nan=False)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def units_of(x: np.ndarray, **groups: tuple[str, ...]) -> Units:
    return Units(tuple(f"u{i}" for i in range(len(x))), x, np.ones_like(x), groups)


def flat(n: int) -> Structure:
    return Structure.of([*(Node(f"i{j}", "I") for j in range(n)), Node("I")])


def test_skewness_and_kurtosis_are_those_of_excel():
    assert skewness(EXCEL)[0] == pytest.approx(0.359543071, abs=1e-9)  # SKEW, KURT in the help of Excel
    assert kurtosis(EXCEL)[0] == pytest.approx(-0.151799637, abs=1e-9)


def test_gaps_do_not_count_in_the_moments():
    gapped = np.vstack([EXCEL, [[np.nan]]])
    assert skewness(gapped)[0] == pytest.approx(skewness(EXCEL)[0])
    assert kurtosis(gapped)[0] == pytest.approx(kurtosis(EXCEL)[0])


def test_winsorising_moves_the_far_point_only_as_far_as_its_neighbour():
    values, moved = winsorise(column(*range(1, 21), 30.0, 400.0))
    assert values[-2:, 0].tolist() == [30.0, 30.0] and moved.tolist() == [1]


def test_winsorising_works_at_the_low_end_and_moves_ties_together():
    values, moved = winsorise(column(-900.0, -900.0, *range(1, 21)))
    assert values[:2, 0].tolist() == [1.0, 1.0] and moved.tolist() == [2]


def test_what_winsorising_cannot_mend_is_put_on_a_log_scale_of_the_original():
    x = column(*np.exp(np.linspace(0, 40, 60)))
    done = treat(x, most=2)
    assert done.transformed.all() and not done.moved.any()
    assert np.allclose(done.values, log_shift(x))
    assert treat(x, "winsorise", most=2).moved.tolist() == [2]
    assert winsorise(x, most=0)[1].tolist() == [0]


def test_a_column_that_passes_and_a_constant_one_stay_as_they_are():
    x = np.column_stack([EXCEL[:, 0], np.full(10, 3.0)])
    assert passes(x).all()
    assert (treat(x).values == x).all()


def test_box_cox_with_power_zero_is_the_log_and_the_best_power_makes_a_lognormal_straight():
    x = column(1.0, 2.0, 5.0)
    assert np.allclose(box_cox(x, 0.0), np.log(x - 1 + 1))
    assert np.allclose(box_cox(x, 2.0), (x**2 - 1) / 2)
    drawn = np.random.default_rng(3).lognormal(3, 1, (2000, 1))
    assert abs(skewness(box_cox(drawn))[0]) < 0.1


def test_denominating_divides_and_refuses_a_zero():
    assert denominate(np.array([[6.0, 5.0]]), np.array([[2.0, 1.0]])).tolist() == [[3.0, 5.0]]
    with pytest.raises(InputError, match="zero"):
        denominate(np.ones((1, 1)), np.zeros((1, 1)))


def test_imputing_by_group_falls_back_on_all_where_a_group_has_nothing():
    x = np.array([[1.0], [3.0], [np.nan], [np.nan]])
    assert impute(x, "group_mean", np.array([0, 0, 0, 1]))[:, 0].tolist() == [1.0, 3.0, 2.0, 2.0]
    assert impute(x, "median")[2:, 0].tolist() == [2.0, 2.0]
    assert np.isnan(impute(x, "none")[2, 0])
    with pytest.raises(InputError, match="grouping"):
        impute(x, "group_mean")


def test_em_without_a_prior_fills_by_the_regression_on_what_is_known():
    rng = np.random.default_rng(5)
    x = rng.normal(size=200)
    y = 2 + 3 * x + rng.normal(size=200)
    gapped = y.copy()
    gapped[150:] = np.nan
    slope, intercept = np.polyfit(x[:150], y[:150], 1)
    filled = impute_em(np.column_stack([x, gapped]), prior=0.0)
    assert np.allclose(filled[150:, 1], intercept + slope * x[150:], atol=1e-6)
    assert (filled[:150, 1] == y[:150]).all()


def test_em_holds_where_there_are_more_columns_than_units():
    x = np.random.default_rng(1).normal(size=(12, 20))
    x[0, :5], x[3] = np.nan, np.nan
    assert np.isfinite(impute_em(x)).all()


@given(arrays(float, 12, elements=FINITE, unique=True), st.floats(0.1, 50), FINITE)
def test_min_max_does_not_care_for_unit_or_origin(values: np.ndarray, factor: float, origin: float):
    one = normalise(values[:, None], "minmax", UP)
    other = normalise(values[:, None] * factor, "minmax", UP)
    assert one.min() == 0 and one.max() == 100
    assert np.allclose(one, other, atol=1e-6)
    assert np.allclose(normalise(values[:, None], "minmax", -UP), 100 - one, atol=1e-6)


def test_each_scale_by_hand():
    x = column(1.0, 2.0, 5.0)
    assert normalise(x, "zscore", UP)[:, 0] == pytest.approx((x[:, 0] - 8 / 3) / np.std(x, ddof=1))
    assert normalise(x, "rank", -UP)[:, 0].tolist() == [3.0, 2.0, 1.0]
    assert normalise(x, "target", UP, target=np.array([3.0]))[:, 0].tolist() == [0.0, 50.0, 100.0]
    assert normalise(x, "target", -UP, target=np.array([1.0]))[:, 0].tolist() == [100.0, 75.0, 0.0]
    assert normalise(x, "frontier", UP)[:, 0].tolist() == [20.0, 40.0, 100.0]
    assert normalise(x, "frontier", -UP)[:, 0].tolist() == [100.0, 50.0, 20.0]
    posts = {"low": np.array([0.0]), "high": np.array([4.0])}
    assert normalise(x, "goalposts", UP, **posts)[:, 0].tolist() == [25.0, 50.0, 100.0]
    assert normalise(x, "goalposts", -UP, **posts)[:, 0].tolist() == [75.0, 50.0, 0.0]


def test_goalposts_stay_when_units_come_and_go():
    posts = {"low": np.array([0.0]), "high": np.array([10.0])}
    few, more = (
        normalise(column(2.0, 3.0), "goalposts", UP, **posts),
        normalise(column(2.0, 3.0, 9.0), "goalposts", UP, **posts),
    )
    assert few[:2].tolist() == more[:2].tolist()


@pytest.mark.parametrize("method", ["minmax", "zscore", "rank"])
def test_a_constant_column_is_refused(method: str):
    with pytest.raises(InputError, match="no difference"):
        normalise(column(2.0, 2.0, 2.0), method, UP)


@pytest.mark.parametrize(
    ("method", "says"), [("target", "no target"), ("goalposts", "no goalposts"), ("odd", "no way")]
)
def test_a_scale_without_what_it_needs_is_refused(method: str, says: str):
    with pytest.raises(InputError, match=says):
        normalise(column(1.0, 2.0), method, UP)


@given(arrays(float, (6, 4), elements=st.floats(0.01, 100)), arrays(float, 4, elements=st.floats(0.01, 5)))
def test_the_means_are_in_their_order(x: np.ndarray, w: np.ndarray):
    least, middle, most = (aggregate(x, w, one) for one in ("harmonic", "geometric", "arithmetic"))
    assert (least <= middle * (1 + 1e-9)).all() and (middle <= most * (1 + 1e-9)).all()
    assert (aggregate(x, w, "mpi") <= most + 1e-9).all()


def test_the_penalised_mean_by_hand():
    x = np.array([[90.0, 110.0], [100.0, 100.0]])  # Mazziotta and Pareto: M - S cv
    assert aggregate(x, np.ones(2), "mpi").tolist() == pytest.approx([100 - 10 * 10 / 100, 100.0])


def test_what_is_missing_gives_its_weight_to_the_others():
    x = np.array([[1.0, np.nan, 5.0], [np.nan, np.nan, np.nan]])
    found = aggregate(x, np.array([1.0, 9.0, 3.0]), "arithmetic")
    assert found[0] == 4.0 and np.isnan(found[1])


def test_many_weights_at_once_give_what_each_gives_alone():
    rng = np.random.default_rng(2)
    x, w = rng.uniform(1, 9, (7, 3)), rng.uniform(0, 1, (5, 3))
    for method in ("arithmetic", "geometric", "harmonic", "mpi", "copeland"):
        together = aggregate(x, w, method)
        assert np.allclose(together, [aggregate(x, one, method) for one in w], atol=1e-12)
    gapped = np.where(rng.random((7, 3)) < 0.2, np.nan, x)
    assert np.allclose(
        aggregate(gapped, w, "geometric"), [aggregate(gapped, one, "geometric") for one in w], equal_nan=True
    )


def test_a_geometric_mean_of_a_zero_is_refused_unless_it_has_no_weight():
    x = np.array([[0.0, 4.0]])
    with pytest.raises(InputError, match="above zero"):
        aggregate(x, np.ones(2), "geometric")
    assert aggregate(x, np.array([0.0, 1.0]), "geometric")[0] == pytest.approx(4.0)


def test_copeland_counts_wins_less_losses():
    x = np.array([[3.0, 3.0, 1.0], [2.0, 2.0, 2.0], [1.0, 1.0, 3.0]])
    assert copeland(x, np.ones(3)).tolist() == [2.0, 0.0, -2.0]
    drawn = np.random.default_rng(1).normal(size=(9, 4))
    assert copeland(drawn, np.ones(4)).sum() == 0


def test_the_benefit_of_the_doubt_lifts_whoever_is_best_at_something_to_one():
    x = np.array([[10.0, 1.0], [1.0, 10.0], [5.0, 5.0], [4.0, 6.1]])
    found = benefit_of_the_doubt(x)
    assert found[:2].tolist() == pytest.approx([1.0, 1.0])
    assert found[2] == pytest.approx(10 / 11)  # 5a + 5b with 10a + b <= 1 and a + 10b <= 1
    assert (benefit_of_the_doubt(x, (0.3, 0.7)) <= found + 1e-9).all()


def test_two_scores_weigh_alike_by_components_and_a_flat_one_weighs_little_by_entropy():
    x = np.random.default_rng(8).uniform(1, 9, (40, 2))
    assert pca_weights(x) == pytest.approx([0.5, 0.5])
    assert entropy_weights(np.column_stack([x[:, 0], 100 + x[:, 1]]))[1] < 0.05
    assert critic_weights(x).sum() == pytest.approx(1)
    assert weigh(x, "equal", np.array([3.0, 1.0])).tolist() == [0.5, 0.5]
    assert weigh(x, "given", np.array([3.0, 1.0])).tolist() == [0.75, 0.25]
    with pytest.raises(InputError, match="below zero"):
        weigh(-x, "entropy", np.ones(2))


def test_alpha_of_parallel_scores_is_one_and_correlations_skip_gaps():
    x = np.column_stack([np.arange(9.0), np.arange(9.0)])
    assert cronbach_alpha(x) == pytest.approx(1.0)
    gapped = np.vstack([x, [np.nan, 100.0]])
    assert correlations(gapped)[0, 1] == pytest.approx(1.0)


@given(arrays(float, 9, elements=st.sampled_from([0.0, 1.0, 2.0, np.nan])))
def test_a_place_is_one_more_than_those_that_are_better(scores: np.ndarray):
    found = place(scores)
    for i, score in enumerate(scores):
        better = (scores > score).sum() if not np.isnan(score) else (~np.isnan(scores)).sum()
        assert found[i] == 1 + better


def test_every_step_is_kept_and_the_order_can_be_chosen():
    x = np.random.default_rng(4).uniform(1, 9, (12, 3))
    x[0, 0] = np.nan
    built = build(units_of(x), flat(3))
    assert list(built.stages) == ["raw", "denominated", "screened", "imputed", "treated", "normalised", "aggregated"]
    assert np.isnan(built.stages["screened"].values[0, 0]) and not np.isnan(built.stages["imputed"].values).any()
    assert "treated" not in build(units_of(x), flat(3), Steps(order=("impute",))).stages


def test_units_without_enough_data_leave_the_index_and_are_named():
    x = np.random.default_rng(4).uniform(1, 9, (6, 4))
    x[2, :3] = np.nan
    built = build(units_of(x), flat(4), Steps(screen=0.5))
    assert built.dropped == {"u2": 0.25} and "u2" not in built.units.names
    assert built.results().height == 5


def test_levels_may_be_aggregated_differently():
    tree = Structure.of([Node("a", "G"), Node("b", "G"), Node("c", "I"), Node("G", "I"), Node("I")])
    x = np.random.default_rng(4).uniform(1, 9, (6, 3))
    built = build(units_of(x), tree, Steps(bounds=(1, 100), aggregate=("geometric", "arithmetic"), treat="none"))
    n = built.stages["normalised"].values
    inner = np.sqrt(n[:, 0] * n[:, 1])
    assert np.allclose(built.scores[:, -1], (inner + n[:, 2]) / 2)


@pytest.mark.parametrize("weights", ["equal", "entropy", "pca", "critic"])
def test_weights_from_data_sum_to_one_in_each_group(weights: str):
    tree = Structure.of(
        [*(Node(f"i{j}", "G" if j < 3 else "H") for j in range(6)), Node("G", "I"), Node("H", "I"), Node("I")]
    )
    built = build(units_of(np.random.default_rng(4).uniform(1, 9, (20, 6))), tree, Steps(weights=weights))
    for group in tree.groups:
        assert built.weights[list(group.children)].sum() == pytest.approx(1)


def test_the_zero_of_a_min_max_scale_is_refused_by_a_geometric_mean_with_a_way_out():
    x = np.random.default_rng(4).uniform(1, 9, (6, 3))
    with pytest.raises(InputError, match=r"\[1, 100\]"):
        build(units_of(x), flat(3), Steps(aggregate="geometric"))


def test_settings_that_contradict_themselves_are_refused():
    for wrong in ({"bounds": (5, 5)}, {"order": ("impute", "impute")}, {"aggregate": ()}, {"screen": 2}):
        with pytest.raises(ValueError, match=r"."):
            Steps(**wrong)


def test_the_audit_names_who_sets_a_scale_and_which_siblings_tell_the_same():
    rng = np.random.default_rng(4)
    a = rng.uniform(0, 1, 30)
    a[7] = 9.0
    x = np.column_stack([a, a * 2 + rng.normal(0, 1e-3, 30), -a + rng.normal(0, 0.1, 30)])
    built = build(units_of(x), flat(3), Steps(treat="none"))
    scale = audit_scales(built)[0]
    assert scale.best_unit == "u7" and scale.best_hold > 0.8 and scale.values == 30
    group = audit_groups(built)[0]
    assert group.collinear[0][:2] == ("i0", "i1") and {one[:2] for one in group.against} == {("i0", "i2"), ("i1", "i2")}
