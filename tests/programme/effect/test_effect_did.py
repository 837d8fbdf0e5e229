"""Differences in differences: closed forms, recovery of a known truth, and honesty about trends."""

from __future__ import annotations

import numpy as np
import pytest
from effect_panels import draw, true_overall
from scipy import stats

from zhizao.errors import InputError
from zhizao.programme.effect import (
    NEVER,
    Panel,
    clustered_variance,
    event_study,
    group_time,
    honest_bounds,
    overall,
    pre_trend,
    simultaneous,
    two_by_two,
    two_way_fixed_effects,
)


def panel_of(y: list[list[float]], cohort: list[int]) -> Panel:
    return Panel(
        tuple(f"e{i}" for i in range(len(y))),
        tuple(range(2020, 2020 + len(y[0]))),
        np.array(y, dtype=float),
        np.array(cohort, dtype=np.int64),
        np.arange(len(y)),
    )


SMALL = panel_of([[1, 4], [2, 6], [3, 4], [5, 5], [0, 3]], [1, 1, NEVER, NEVER, NEVER])


def test_two_by_two_is_the_difference_of_mean_changes():
    found = two_by_two(SMALL, 0, 1)
    assert found.value == pytest.approx((3 + 4) / 2 - (1 + 0 + 3) / 3)


def test_two_way_fixed_effects_of_two_periods_is_two_by_two():
    assert two_way_fixed_effects(SMALL).value == pytest.approx(two_by_two(SMALL, 0, 1).value)


def test_one_cohort_compared_with_those_that_never_join_is_a_difference_of_long_changes():
    rng = np.random.default_rng(1)
    panel = draw(rng, cohorts=(4,))
    found = group_time(panel)
    long = panel.y - panel.y[:, [3]]
    for t, att in zip(found.periods, found.att, strict=True):
        wanted = long[panel.ever, t].mean() - long[~panel.ever, t].mean()
        assert att == pytest.approx(wanted)


def test_the_error_of_a_difference_is_that_of_two_means():
    rng = np.random.default_rng(2)
    panel = draw(rng, units=400, cohorts=(4,))
    found = two_by_two(panel, 3, 4)
    change = panel.y[:, 4] - panel.y[:, 3]
    a, b = change[panel.ever], change[~panel.ever]
    welch = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    assert found.se == pytest.approx(welch, rel=0.01)


def test_clustering_by_unit_repeated_does_not_make_the_data_more():
    rng = np.random.default_rng(3)
    one = draw(rng, units=100, cohorts=(4,))
    twice = Panel(
        tuple(f"{name}{k}" for name in one.units for k in "ab"),
        one.times,
        one.y.repeat(2, 0),
        one.cohort.repeat(2),
        one.cluster.repeat(2),
    )
    alone, doubled = overall(group_time(one), one)[0], overall(group_time(twice), twice)[0]
    assert doubled.value == pytest.approx(alone.value)
    assert doubled.se == pytest.approx(alone.se)


def test_the_variance_of_a_mean_is_the_variance_over_n():
    x = np.random.default_rng(4).normal(size=50)
    assert clustered_variance((x - x.mean())[:, None], np.arange(50))[0, 0] == pytest.approx(x.var(ddof=1) / 50)


def test_twfe_takes_unbalanced_panels_as_the_regression_with_dummies_does():
    rng = np.random.default_rng(5)
    panel = draw(rng, units=40)
    y = np.where(rng.random(panel.y.shape) < 0.15, np.nan, panel.y)
    gapped = Panel(panel.units, panel.times, y, panel.cohort, panel.cluster)
    i, t = np.nonzero(~np.isnan(y))
    d = (t >= panel.cohort[i]).astype(float)
    dummies = np.hstack([(i[:, None] == np.arange(40)).astype(float), (t[:, None] == np.arange(1, 8)).astype(float)])
    wanted = np.linalg.lstsq(np.column_stack([d, dummies]), y[i, t], rcond=None)[0][0]
    assert two_way_fixed_effects(gapped).value == pytest.approx(wanted, abs=1e-8)


def test_effects_that_grow_mislead_twfe_and_not_the_group_time_effects():
    twfe, staggered = [], []
    for seed in range(40):
        panel = draw(np.random.default_rng(seed), units=200, growth=1.0, never=0.1, noise=0.3)
        twfe.append(two_way_fixed_effects(panel).value)
        staggered.append(overall(group_time(panel), panel)[0].value)
    truth = true_overall(growth=1.0)
    assert abs(np.mean(staggered) - truth) < 0.1
    assert abs(np.mean(twfe) - truth) > 0.4


@pytest.mark.parametrize("control", ["never", "not_yet"])
def test_intervals_hold_the_truth_in_95_of_100_panels(control: str):
    hits, truth = [], true_overall()
    for seed in range(200):
        panel = draw(np.random.default_rng(seed))
        hits.append((found := overall(group_time(panel, control=control), panel)[0]).low <= truth <= found.high)
    assert 0.93 <= np.mean(hits) <= 0.97


@pytest.mark.slow
def test_intervals_events_and_bands_hold_the_truth_in_2000_panels():
    hits, events, bands, sizes, clustered = [], [], [], [], []
    for seed in range(2000):
        rng = np.random.default_rng(10_000 + seed)
        panel = draw(rng)
        found = group_time(panel)
        est = overall(found, panel)[0]
        hits.append(est.low <= true_overall() <= est.high)
        study = event_study(found, panel)
        true = np.where(study.event >= 0, 1 + 0.5 * study.event, 0.0)
        events.append((study.low <= true) & (true <= study.high))
        width = simultaneous(study.influence, panel.cluster, rng, draws=299)
        bands.append(bool((np.abs(study.value - true) <= width * study.se).all()))
        sizes.append(pre_trend(study, 120).p < 0.05)
        panel = draw(rng, units=240, cluster=4)
        est = overall(group_time(panel), panel)[0]
        clustered.append(est.low <= true_overall() <= est.high)
    assert 0.935 <= np.mean(hits) <= 0.965
    assert (np.abs(np.mean(events, axis=0) - 0.95) <= 0.025).all()
    assert 0.92 <= np.mean(bands) <= 0.965
    assert 0.035 <= np.mean(sizes) <= 0.065
    assert 0.93 <= np.mean(clustered) <= 0.97


def test_trends_that_differ_are_found_and_like_ones_are_not():
    found, false = [], []
    for seed in range(100):
        for drift, into in ((0.4, found), (0.0, false)):
            panel = draw(np.random.default_rng(seed), drift=drift)
            into.append(pre_trend(event_study(group_time(panel), panel), 120).p < 0.05)
    assert np.mean(found) > 0.9 and np.mean(false) < 0.11


def test_the_slope_before_joining_is_the_drift():
    panel = draw(np.random.default_rng(1), units=4000, drift=0.4, noise=0.2)
    found = pre_trend(event_study(group_time(panel), panel), 4000)
    assert found.slope == pytest.approx(0.4, abs=0.02)
    assert abs(found.slope - 0.4) < 4 * found.slope_se


def test_without_a_period_before_there_is_nothing_to_test():
    found = pre_trend(event_study(group_time(SMALL), SMALL), 5)
    assert np.isnan(found.p) and found.freedom == 0


def test_bounds_widen_with_the_ratio_and_at_zero_are_the_plain_interval():
    panel = draw(np.random.default_rng(1), units=600, effect=3.0)
    study = event_study(group_time(panel), panel)
    bounds, breakdown = honest_bounds(study)
    plain = bounds[0]
    at = int(np.flatnonzero(study.event == 0)[0])
    z = stats.norm.ppf(0.975)
    assert plain.low == pytest.approx(study.value[at] - z * study.se[at])
    assert plain.set_low == plain.set_high == study.value[at]
    widths = [one.high - one.low for one in bounds]
    assert widths == sorted(widths) and all(one.low <= one.set_low <= one.set_high <= one.high for one in bounds)
    inside = honest_bounds(study, ratios=(breakdown * 0.99, breakdown * 1.01))[0]
    assert inside[0].low > 0 > inside[1].low


def test_the_bound_is_exact_where_there_is_no_sampling_error():
    # differences before joining: 1, then 3, then 0 at the base: greatest change 3; after one period at most ratio * 3
    y = [[1.0, 3.0, 0.0, 9.0]] * 3 + [[0.0, 0.0, 0.0, 0.0]] * 3
    panel = panel_of(y, [3] * 3 + [NEVER] * 3)
    bounds, breakdown = honest_bounds(event_study(group_time(panel), panel), ratios=(1.0,))
    assert (bounds[0].set_low, bounds[0].set_high) == (6.0, 12.0)
    assert breakdown == pytest.approx(3.0)


def test_bounds_hold_the_truth_where_the_drift_goes_on():
    held = []
    for seed in range(100):
        panel = draw(np.random.default_rng(seed), drift=0.5, growth=0.0)
        bounds = honest_bounds(event_study(group_time(panel), panel), ratios=(1.0,))[0]
        held.append(bounds[0].low <= 1.0 <= bounds[0].high)
    assert np.mean(held) >= 0.95


def test_who_joined_at_once_or_has_nobody_to_compare_with_is_left_out_with_a_word():
    panel = panel_of([[1, 2, 3]] * 3 + [[1, 2, 4]] * 3 + [[0, 0, 0]] * 3, [0] * 3 + [2] * 3 + [NEVER] * 3)
    assert group_time(panel).left_out == ((0, 0, "joined before the panel has a period to compare with"),)
    with pytest.raises(InputError, match="no cohort"):
        group_time(panel_of([[1, 2], [2, 3], [4, 4]], [1, 1, 1]))


def test_anticipation_moves_the_base_back():
    panel = draw(np.random.default_rng(2), cohorts=(5,))
    found = group_time(panel, anticipation=1)
    assert 3 not in found.periods and 4 in found.periods
    assert event_study(found, panel, anticipation=1).reference == -2
