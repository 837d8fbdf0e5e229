"""Run lengths against the tables of R's spc, closed forms, and simulation."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from zhizao.decide.monitor import (
    Cusum,
    Ewma,
    LevelChange,
    cusum_arl,
    cusum_limit,
    ewma_arl,
    ewma_limit,
    shewhart_arl,
    shewhart_limit,
)

OURS = {
    "cusum two-sided": lambda p, shift: cusum_arl(p["k"], p["h"], shift),
    "cusum one-sided": lambda p, shift: cusum_arl(p["k"], p["h"], shift, sides="high"),
    "cusum two-sided FIR h/2": lambda p, shift: cusum_arl(p["k"], p["h"], shift, head_start=0.5),
    "ewma two-sided fixed limits": lambda p, shift: ewma_arl(p["lambda"], p["L"], shift),
    "ewma two-sided exact (varying) limits": lambda p, shift: ewma_arl(p["lambda"], p["L"], shift, exact=True),
    "ewma L for ARL0": lambda p, shift: ewma_limit(p["lambda"], p["ARL0"]),
    "cusum h for ARL0 two-sided": lambda p, shift: cusum_limit(p["k"], p["ARL0"]),
}
OTHERS = {"mewma"}


@pytest.mark.shared
def test_run_lengths_agree_with_the_tables_of_r_spc(shared: Path):
    with (shared / "oracles/control_chart_arl/spc_reference_arl.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["chart"] for row in rows} - OURS.keys() <= OTHERS
    compared = 0
    for row in rows:
        if row["chart"] not in OURS:
            continue
        settings = {key: float(value) for key, value in (one.split("=") for one in row["parameters"].split())}
        found = OURS[row["chart"]](settings, float(row["shift"]))
        assert found == pytest.approx(float(row["arl"]), rel=1e-6), row
        compared += 1
    assert compared == 871


def test_published_pairs_of_lucas_and_saccucci_1990():
    for weight, limit in ((0.40, 3.054), (0.25, 2.998), (0.20, 2.962), (0.10, 2.814), (0.05, 2.615)):
        assert ewma_arl(weight, limit) == pytest.approx(500, rel=0.002)


def test_published_run_lengths_of_lucas_and_crosier_1982():
    """Their table: k = 0.5, h = 4 and 5, with and without the head start, to the digits printed."""
    for limit, shift, head, length in (
        (4, 0, 0, 168), (4, 1, 0, 8.38), (4, 0, 0.5, 149), (4, 1, 0.5, 5.29),
        (5, 0, 0, 465), (5, 1, 0, 10.4), (5, 0, 0.5, 430), (5, 1, 0.5, 6.35),
    ):  # fmt: skip
        assert cusum_arl(0.5, limit, shift, head_start=head) == pytest.approx(length, rel=0.003)


def test_a_moving_average_of_weight_one_is_a_shewhart_chart():
    assert ewma_arl(1.0, 3.0, 0.5) == shewhart_arl(3.0, 0.5) == pytest.approx(155.224, abs=1e-3)
    assert ewma_limit(1.0, 500) == pytest.approx(shewhart_limit(500)) == pytest.approx(3.0902, abs=1e-4)


def test_a_limit_gives_the_run_length_that_it_was_solved_for():
    for sides in ("both", "high"):
        for arl0 in (20.0, 372.0, 11_160.0):
            assert Ewma(weight=0.15, arl0=arl0, sides=sides).arl0 == pytest.approx(arl0, rel=1e-4)
            assert Cusum(slack=0.3, arl0=arl0, sides=sides, head_start=0.5).arl0 == pytest.approx(arl0, rel=1e-4)


@pytest.mark.parametrize("sides", ["both", "high"])
def test_charts_run_in_control_as_long_as_was_asked_for(sides: str):
    """Realised by the charts themselves, with restarts: within four standard errors."""
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1, (400, 6000))
    for chart in (
        Ewma(weight=0.2, arl0=100, sides=sides, restart=True),
        Ewma(weight=0.2, arl0=100, sides=sides, exact=False, restart=True),
        Cusum(slack=0.5, arl0=100, sides=sides, restart=True),
        Cusum(slack=0.5, arl0=100, sides=sides, head_start=0.5, restart=True),
        LevelChange(window=24, arl0=100, sides=sides, restart=True),
    ):
        alarms = chart.known(np.zeros(400), np.ones(400)).judge(x).alarm.sum()
        assert x.size / alarms == pytest.approx(100, rel=0.03), type(chart)


@pytest.mark.parametrize("learned", [40, 120])
def test_a_limit_made_for_what_is_learned_keeps_the_rate_of_false_alarms(learned: int):
    rng = np.random.default_rng(11)
    x = rng.normal(3, 2, (3000, learned + 400))
    for plain, guarded in (
        (Cusum(slack=0.5, arl0=200, restart=True), Cusum(slack=0.5, arl0=200, restart=True, learned=learned)),
        (Ewma(weight=0.2, arl0=200, restart=True), Ewma(weight=0.2, arl0=200, restart=True, learned=learned)),
    ):
        budget = 3000 * 400 / 200
        counts = [chart.learn(x[:, :learned]).judge(x[:, learned:]).alarm.sum() for chart in (plain, guarded)]
        assert counts[0] > 1.25 * budget, "mean and spread are not known"
        assert counts[1] == pytest.approx(budget, rel=0.12)
