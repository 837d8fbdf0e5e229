"""Outliers, influence on totals, imputation: worked examples, known truths recovered, and laws."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from zhizao.errors import InputError
from zhizao.programme.editing import (
    HidiroglouBerthelot,
    broken,
    cells_of,
    compile_rules,
    expect,
    from_frame,
    impute,
    mcd,
    period_outliers,
    pseudo_bias,
    read_rules,
    rule_set,
    select,
    verdicts,
)
from zhizao.programme.editing.deductive import METHODS, deduce, typing_slip
from zhizao.programme.editing.impute import WAYS
from zhizao.programme.editing.influence import contamination, global_score, standard_errors
from zhizao.programme.editing.outliers import hb_bounds, hb_scores, ratio_outliers, several_at_once
from zhizao.programme.items import item_keys
from zhizao.testing.bad_returns import spoil

KEYS = item_keys()


def at(key: str) -> int:
    return KEYS.index(key)


def month(frame: pl.DataFrame):
    last = pl.col("period") == frame["period"].max()
    returns = from_frame(frame.filter(last), earlier=[frame.filter(~last)])
    return returns.take(np.flatnonzero(returns.judged))


def test_hidiroglou_and_berthelot_by_hand():
    # ratios 0.5, 1, 1, 2, 4; median 1. s = 1 - 1/0.5 = -1, 0, 0, 2 - 1 = 1, 4 - 1 = 3; times max(x)^0.5
    before = np.array([100.0, 100.0, 400.0, 50.0, 25.0])
    now = np.array([50.0, 100.0, 400.0, 100.0, 100.0])
    effects = hb_scores(now, before, 1.0, 0.5)
    assert effects.tolist() == [-10.0, 0.0, 0.0, 10.0, 30.0]
    # quartiles 0, 0, 10: bounds 0 - C * |A * 0| and 0 + C * 10
    assert hb_bounds(effects, 0.05, 2.0) == (0.0, 20.0)


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)), min_size=3, max_size=30), st.floats(0, 1))
def test_a_change_and_its_reverse_weigh_the_same(pairs, u):
    a, b = np.array(pairs).T
    assert np.allclose(hb_scores(a, b, 1.0, u), -hb_scores(b, a, 1.0, u))


def test_a_large_enterprise_is_questioned_for_a_smaller_change(honest: pl.DataFrame):
    returns = month(honest)
    j, order = at("output_cny"), np.argsort(returns.last[:, at("output_cny")])
    values = returns.values.copy()
    for r in (order[5], order[-5]):
        values[r, j] = returns.last[r, j] * 2.2
    beyond = period_outliers(returns.with_values(values), cells_of(returns), HidiroglouBerthelot(u=0.5))
    assert beyond[order[-5], j] > 1 > 0 <= beyond[order[5], j] < beyond[order[-5], j]


def test_parameters_that_mean_nothing_are_refused():
    for bad in ({"u": 2.0}, {"a": -1.0}, {"c": 0.0}):
        with pytest.raises(InputError):
            HidiroglouBerthelot(**bad)


def test_the_robust_covariance_is_that_of_the_good_points(rng: np.random.Generator):
    shape = np.array([[2.0, 1.2], [1.2, 1.0]])
    good = rng.multivariate_normal([1.0, 2.0], shape, 4000)
    found = mcd(np.vstack([good, rng.normal(12, 0.5, (900, 2))]))
    assert np.allclose(found.centre, [1, 2], atol=0.12)
    assert np.allclose(found.covariance, shape, atol=0.25)
    assert (found.distance2[4000:] > chi2.ppf(0.9999, 2)).all()
    assert abs((found.distance2[:4000] > chi2.ppf(0.975, 2)).mean() - 0.025) < 0.012


def test_ratios_that_are_usual_one_by_one_may_not_fit_together(honest: pl.DataFrame, rng: np.random.Generator):
    returns = month(honest)
    scores = rng.multivariate_normal([0, 0, 0], [[1, 0.97, 0], [0.97, 1, 0], [0, 0, 1]], len(returns))
    scores[7] = [2.2, -2.2, 0]
    beyond, _ = several_at_once(scores, cells_of(returns))
    assert np.flatnonzero(beyond > 1).tolist() == [7]


def test_a_ratio_far_from_its_cell_is_found(honest: pl.DataFrame):
    returns = month(honest)
    values = returns.values.copy()
    values[3, at("energy_tce")] *= 300
    _, scores = ratio_outliers(returns.with_values(values), cells_of(returns))
    assert np.nanmax(np.abs(scores[3])) > 8 > np.nanquantile(np.abs(scores), 0.99)


@pytest.mark.parametrize(("share", "wide"), [(0.02, 1.5), (0.1, 3.0)])
def test_right_and_wrong_values_are_told_apart(share: float, wide: float, rng: np.random.Generator):
    n = 20_000
    bad = rng.random(n) < share
    off = np.where(bad, rng.normal(0, wide, n), rng.normal(0, 0.1, n))
    model = contamination(off)
    assert model.share == pytest.approx(share, rel=0.25) and model.spread == pytest.approx(0.1, rel=0.05)
    assert np.sqrt(model.inflation) * model.spread == pytest.approx(wide, rel=0.2)
    assert model.wrong(off)[bad & (np.abs(off) > 0.6)].min() > 0.9 > 0.2 > np.median(model.wrong(off)[~bad])


def test_joining_scores():
    local = np.array([[1.0, 2.0, 2.0]])
    assert [float(global_score(local, how)[0]) for how in ("max", "sum", "minkowski")] == [2.0, 5.0, 3.0]
    with pytest.raises(InputError):
        global_score(local, "minkowski", 0.5)


def test_the_standard_error_of_a_stratified_total_by_hand():
    # one stratum, n = 4 of N = 8: s2 = 20/3, f = 1/2, variance = 64 * 1/2 * (20/3) / 4
    found = standard_errors(np.array([[1.0], [3.0], [5.0], [7.0]]), np.full(4, 2.0), np.zeros(4, dtype=np.int64))
    assert found[0] == pytest.approx(np.sqrt(64 * 0.5 * (20 / 3) / 4))


def test_what_is_left_after_the_calls_is_under_the_limit(honest: pl.DataFrame, rng: np.random.Generator):
    told, _ = spoil(honest, rng, kinds=("jump", "unit"))
    returns = month(told)
    calls = select(returns, expect(returns, cells_of(returns)))
    assert 0 < calls.chosen < 0.35 * len(returns)
    assert (calls.remaining <= calls.limits + 1e-6 * calls.totals).all()
    assert (np.diff(calls.score) <= 0).all()
    stricter = select(returns, expect(returns, cells_of(returns)), floor=0.0001)
    assert stricter.chosen >= calls.chosen


def test_few_calls_take_most_of_the_bias_away(honest: pl.DataFrame, rng: np.random.Generator):
    told, _ = spoil(honest, rng, kinds=("jump", "unit"))
    wrong, right = month(told), month(honest).values
    calls = select(wrong, expect(wrong, cells_of(wrong)))
    j = [at("output_cny"), at("energy_tce"), at("employees")]
    left = pseudo_bias(wrong.values[:, j], right[:, j], wrong.weight, calls.rows, np.array([0, 25, len(wrong)]))
    assert left[1].max() < 0.05 * left[0].max()
    assert left[2].max() < 0.2 * left[0].max()


def test_a_weight_makes_an_enterprise_more_worth_a_call(honest: pl.DataFrame):
    returns = month(honest)
    values = returns.values.copy()
    values[[4, 9], at("output_cny")] *= 8
    from dataclasses import replace

    for heavy in (4, 9):
        weight = np.ones(len(returns))
        weight[heavy] = 1e4
        calls = select(replace(returns, values=values, weight=weight), expect(returns, cells_of(returns)))
        assert calls.rows[0] == heavy


@pytest.mark.parametrize(("kind", "share"), [("unit", 0.95), ("unit_of_all_money", 0.95), ("sign", 1.0), ("swap", 0.8)])
def test_errors_whose_cause_shows_are_put_right(
    kind: str, share: float, honest: pl.DataFrame, rng: np.random.Generator
):
    told, truth = spoil(honest, rng, kinds=(kind,))
    returns, right = month(told), month(honest).values
    system = compile_rules(rule_set(), "hard")
    z, active = system.records(returns), system.active(returns)
    done = deduce(system, z, active, verdicts(system, z, active), expect(returns, cells_of(returns)))
    rows = np.flatnonzero(np.isin(returns.enterprise, truth["enterprise"].unique().to_list()))
    good = [np.allclose(done.values[r], right[r], rtol=1e-6, equal_nan=True) for r in rows]
    assert np.mean(good) >= share
    others = np.setdiff1d(np.arange(len(returns)), rows)
    assert not done.method[others].any()
    assert {METHODS[m] for m in np.unique(done.method)} <= {"", kind}


def test_a_slip_of_the_finger_and_a_rounding_error_in_a_sum_are_put_right():
    rows = [
        {"enterprise": "A", "output_cny": 13145.0, "wages_cny": 12300.0, "tax_cny": 45.0},  # 845
        {"enterprise": "B", "output_cny": 12345.0, "wages_cny": 12300.0, "tax_cny": 46.0},
        {"enterprise": "C", "output_cny": 99.0, "wages_cny": 12300.0, "tax_cny": 46.0},
        {"enterprise": "D", "output_cny": 12345.0, "wages_cny": 12300.0, "tax_cny": 54.0},  # or output 12354
    ]
    returns = from_frame(pl.DataFrame(rows))
    system = compile_rules(
        rule_set(read_rules("[{id: S, check: output_cny == wages_cny + tax_cny}]"), shipped=False), "hard"
    )
    z, active = system.records(returns), system.active(returns)
    done = deduce(system, z, active, verdicts(system, z, active), expect(returns, cells_of(returns)))
    assert [METHODS[max(row)] for row in done.method] == ["typing", "rounding", "", ""]
    assert done.values[0, at("tax_cny")] == 845.0


@given(st.integers(100, 10**9), st.integers(0, 8), st.integers(1, 9))
def test_one_other_digit_is_a_slip_both_ways(number: int, place: int, step: int):
    digits = list(str(number))
    i = place % len(digits)
    digits[i] = str((int(digits[i]) + step) % 10)
    other = int("".join(digits))
    if len(str(other)) == len(str(number)):
        assert typing_slip(number, other) and typing_slip(other, number)


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.3))
@settings(max_examples=12, deadline=None)
def test_imputed_values_keep_every_rule_and_leave_the_others_alone(honest: pl.DataFrame, seed: int, share: float):
    returns = month(honest)
    wanted = np.random.default_rng(seed).random(returns.values.shape) < share
    system = compile_rules(rule_set(), "hard")
    cells = cells_of(returns)
    blank = returns.with_values(np.where(wanted, np.nan, returns.values))
    done = impute(blank, wanted, cells, expect(blank, cells), system, rng=np.random.default_rng(1))
    kept = blank.with_values(done.values)
    assert not broken(system, verdicts(system, system.records(kept), system.active(kept))).any()
    assert (done.values == returns.values)[~wanted].all()
    assert ((done.way > 0) == (wanted & ~np.isnan(done.values))).all()
    assert np.isnan(done.values).sum() == 0


@pytest.mark.parametrize("way", ["last", "ratio", "donor", "regression"])
def test_each_way_of_imputation_comes_near_the_truth(way: str, honest: pl.DataFrame):
    returns = month(honest)
    if way == "ratio":
        returns = from_frame(honest.filter(pl.col("period") == honest["period"].max()))
    wanted = np.zeros(returns.values.shape, dtype=bool)
    wanted[::10, at("wages_cny")] = True
    cells, system = cells_of(returns), compile_rules(rule_set(), "hard")
    blank = returns.with_values(np.where(wanted, np.nan, returns.values))
    done = impute(blank, wanted, cells, expect(blank, cells), system, ways=(way,))
    off = np.log(done.values[wanted] / returns.values[wanted])
    assert np.median(np.abs(off)) < (0.05 if way == "last" else 0.3)
    assert {WAYS[w] for w in np.unique(done.way)} == {"", way}


def test_what_the_rules_leave_no_choice_about_is_deduced():
    returns = from_frame(pl.DataFrame([{"enterprise": "A", "output_cny": 50.0, "wages_cny": 30.0, "tax_cny": None}]))
    wanted = np.zeros((1, 40), dtype=bool)
    wanted[0, at("tax_cny")] = True
    text = "[{id: S, check: output_cny == wages_cny + tax_cny}]"
    system = compile_rules(rule_set(read_rules(text), shipped=False), "hard")
    cells = cells_of(returns)
    done = impute(returns, wanted, cells, expect(returns, cells), system)
    assert done.values[0, at("tax_cny")] == 20.0 and WAYS[done.way[0, at("tax_cny")]] == "deductive"


def test_an_unknown_way_is_refused(honest: pl.DataFrame):
    returns = month(honest)
    cells, system = cells_of(returns), compile_rules(rule_set(), "hard")
    with pytest.raises(InputError, match="guess"):
        impute(returns, np.isnan(returns.values), cells, expect(returns, cells), system, ways=("guess",))
