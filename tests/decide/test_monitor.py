"""The monitor contract on every chart, the worked example, and oracles that are slow and obvious."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor_checks import CHARTS, CHECKS

from zhizao.decide.monitor import Cusum, Ewma, Individuals, LevelChange, Residual, Sweep, load
from zhizao.errors import InputError


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_keeps_the_contract(name: str, check):
    check(CHARTS[name])


def test_the_worked_example_of_the_moving_average():
    chart = Ewma(weight=0.5).learn([9.8, 10.0, 10.2])
    first, second = chart.update(10.5), chart.update(10.6)
    assert (round(first.value, 3), round(first.low, 2), round(first.high, 2), first.alarm) == (10.25, 9.7, 10.3, False)
    assert (round(second.value, 3), round(second.low, 2), round(second.high, 2), second.alarm) == (
        10.425, 9.66, 10.34, True,
    )  # fmt: skip
    assert second.reason() == "10.425 is above 10.3354"
    assert second.reason("zh") == "10.425 高于上限 10.3354"


def test_individuals_takes_its_spread_from_moving_ranges():
    chart = Individuals().learn([10, 12, 11, 13])  # moving ranges 2, 1, 2; mean 5/3; over d2(2) = 1.12838
    assert chart.sd[0] == pytest.approx(5 / 3 / 1.1283791670955126)
    assert chart.update(11.5).high == pytest.approx(11.5 + 2.6587 * 5 / 3, abs=2e-4)


def test_a_head_start_alarms_sooner_on_a_process_that_starts_wrong():
    off = np.full(20, 1.2)
    plain = Cusum(slack=0.5, limit=4).known(0, 1).judge(off)
    ahead = Cusum(slack=0.5, limit=4, head_start=0.5).known(0, 1).judge(off)
    assert np.argmax(ahead.alarm) < np.argmax(plain.alarm)


@given(st.lists(st.floats(-4, 4), min_size=1, max_size=60), st.floats(0, 1.5), st.floats(1, 6))
@settings(max_examples=40, deadline=None)
def test_the_upper_sum_is_the_statistic_of_page_and_hinkley(x: list[float], slack: float, limit: float):
    found = Cusum(slack=slack, limit=limit, sides="high").known(0, 1).judge(np.array(x))
    walk = np.concatenate([[0.0], np.cumsum(np.array(x) - slack)])
    np.testing.assert_allclose(found.value, walk[1:] - np.minimum.accumulate(walk)[1:], atol=1e-9)


@given(st.lists(st.floats(-4, 4), min_size=1, max_size=40), st.integers(1, 15))
@settings(max_examples=40, deadline=None)
def test_a_change_of_level_is_the_largest_standardised_sum_within_the_window(x: list[float], window: int):
    found = LevelChange(window=window, limit=3.0).known(0, 1).judge(np.array(x))
    for t in range(len(x)):
        scores = [sum(x[t - k + 1 : t + 1]) / np.sqrt(k) for k in range(1, min(t + 1, window) + 1)]
        assert abs(found.value[t]) == pytest.approx(max(map(abs, scores)), abs=1e-9)


@given(st.floats(-30, 30), st.floats(0.1, 20))
@settings(max_examples=30, deadline=None)
def test_a_change_of_unit_changes_no_verdict(offset: float, factor: float):
    x = np.random.default_rng(3).normal(0, 1, 120)
    x[90:] += 2
    for name in ("ewma", "cusum", "level_change", "residual_cusum"):
        one = CHARTS[name]().learn(x[:60]).judge(x[60:])
        other = CHARTS[name]().learn(offset + factor * x[:60]).judge(offset + factor * x[60:])
        assert (one.code == other.code).all()


def test_a_change_is_dated_to_when_it_began():
    rng = np.random.default_rng(0)
    off = []
    for _ in range(100):
        x = rng.normal(0, 1, 60)
        x[40:] += 1.5
        found = LevelChange(arl0=500).known(0, 1).judge(x)
        at = int(np.argmax(found.alarm & (np.arange(60) >= 40)))
        off.append(at - found.run[at] + 1 - 40)
    assert abs(np.median(off)) <= 1


def test_a_steep_but_normal_season_is_no_alarm():
    rng = np.random.default_rng(8)
    months = np.arange(180)
    season = np.where(months % 12 == 1, -25.0, 2.0)  # Spring Festival: a quarter of the month is lost
    quiet = []
    for _ in range(60):
        x = 80 + season + rng.normal(0, 1.5, 180)
        found = Residual(chart=Cusum(slack=0.5, arl0=370)).learn(x[:120]).judge(x[120:])
        quiet.append(not found.alarm[:60].any())
        assert Individuals().learn(x[:120]).judge(x[120:]).alarm.sum() >= 0
    assert np.mean(quiet) > 0.6, "60 readings at a run length of 370, estimation included"


def test_neighbours_that_resemble_each_other_are_no_alarm_for_the_residual_chart():
    rng = np.random.default_rng(2)
    n, phi = 600, 0.7
    x = np.zeros((200, n))
    shocks = rng.normal(0, 1, (200, n))
    for t in range(1, n):
        x[:, t] = phi * x[:, t - 1] + shocks[:, t]
    plain = Cusum(slack=0.5, arl0=370, restart=True).learn(x[:, :240]).judge(x[:, 240:])
    wise = (
        Residual(chart=Cusum(slack=0.5, arl0=370, restart=True, learned=120), period=1)
        .learn(x[:, :240])
        .judge(x[:, 240:])
    )
    budget = 360 / 370
    assert plain.alarm.sum(axis=1).mean() > 8 * budget, "a chart for independent readings is misled"
    assert wise.alarm.sum(axis=1).mean() == pytest.approx(budget, rel=0.2)


def test_after_a_gap_less_is_remembered():
    chart = Residual(chart=Individuals(limit=3.0), period=1)
    rng = np.random.default_rng(1)
    x = np.zeros(400)
    for t in range(1, 400):
        x[t] = 0.8 * x[t - 1] + rng.normal()
    chart.learn(x)
    phi, sd = chart.memory[0], chart.sd[0]
    mean = chart.normal()[0]
    chart.update(mean + 2.0)
    for _ in range(3):
        chart.update(float("nan"))
    found = chart.update(mean + 1.0)
    spread = sd * np.sqrt((1 - phi**8) / (1 - phi**2))
    assert found.value == pytest.approx((1.0 - phi**4 * 2.0) / spread)


def test_the_sweep_flags_what_the_charts_flag():
    rng = np.random.default_rng(4)
    x = rng.normal(0, 1, (400, 37))
    x[250:, 5] += 1.0
    mean, sd = rng.normal(0, 1, 37), rng.uniform(0.5, 2, 37)
    flags = Sweep(weight=0.2, slack=0.5, arl0=100).known(mean, sd).judge(x * sd + mean)
    streams = np.ascontiguousarray((x * sd + mean).T)
    ewma = Ewma(weight=0.2, arl0=100, exact=False).known(mean, sd)
    ewma.limit = Ewma(weight=0.2, arl0=100, exact=False).limit
    assert (ewma.judge(streams).alarm == (flags & 1).T).all()
    assert (Cusum(slack=0.5, arl0=100).known(mean, sd).judge(streams).alarm == (flags >> 1).T).all()
    with pytest.raises(InputError, match="missing or infinite"):
        Sweep().known(mean, sd).judge(np.where(x > 3, np.nan, x))


def test_settings_that_make_no_sense_are_refused_with_what_to_do():
    for make, said in (
        (lambda: Ewma(weight=0), "weight"),
        (lambda: Ewma(weight=0.2, limit=3, arl0=370), "give one of them"),
        (lambda: Cusum(head_start=1.0), "head_start"),
        (lambda: Cusum(arl0=1.0), "2 or more"),
        (lambda: Cusum(limit=-1.0), "above zero"),
        (lambda: Individuals(sides="up"), "both, high or low"),
        (lambda: LevelChange(arl0=1e6), "not tabulated"),
        (lambda: Residual(chart=Cusum(), period=0), "period"),
        (lambda: load({"chart": "crystal_ball", "version": 1}), "no saved chart"),
        (lambda: load({**Cusum().known(0, 1).save(), "state": "gone"}), "broken"),
    ):
        with pytest.raises(InputError, match=said):
            make()
