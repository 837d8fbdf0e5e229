"""Synthetic control: the nearest point of a hull, exactly; what was mixed is found; placebos are honest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from zhizao.errors import InputError
from zhizao.programme.effect import NEVER, Panel, simplex_weights, synthetic_control


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 15))
def test_no_direction_on_the_simplex_leads_nearer(seed: int, rows: int, donors: int):
    rng = np.random.default_rng(seed)
    z, y = rng.normal(size=(rows, donors)), rng.normal(size=rows)
    w = simplex_weights(y, z)
    assert (w >= 0).all() and w.sum() == pytest.approx(1)
    gradient = z.T @ (z @ w - y)
    assert gradient.min() >= gradient @ w - 1e-8  # the conditions of Karush, Kuhn and Tucker


def test_a_general_solver_finds_nothing_better():
    rng = np.random.default_rng(1)
    for _ in range(10):
        z, y = rng.normal(size=(8, 6)), rng.normal(size=8)
        ours = float(((z @ simplex_weights(y, z) - y) ** 2).sum())
        start = np.full(6, 1 / 6)
        limits = {"type": "eq", "fun": lambda w: w.sum() - 1}
        other = optimize.minimize(
            lambda w, z=z, y=y: ((z @ w - y) ** 2).sum(), start, bounds=[(0, 1)] * 6, constraints=limits, tol=1e-12
        )
        assert ours <= other.fun + 1e-8


def test_equal_and_repeated_donors_do_no_harm():
    assert simplex_weights(np.zeros(3), np.zeros((3, 4))).sum() == 1
    z = np.array([[1.0, 1.0, 2.0], [1.0, 1.0, 2.0]])
    assert z @ simplex_weights(np.array([1.5, 1.5]), z) == pytest.approx([1.5, 1.5])
    assert simplex_weights(np.array([5.0]), np.array([[1.0, 3.0]])).tolist() == [0.0, 1.0]


def drawn(rng: np.random.Generator, effect: float, *, donors: int = 25, treated: int = 1, start: int = 14) -> Panel:
    periods, factors = 20, 3
    n = donors + treated
    load = rng.uniform(0, 1, (n, factors))
    load[:treated] = rng.dirichlet(np.ones(4), treated) @ load[treated : treated + 4]
    paths = load @ np.cumsum(rng.normal(0, 1, (factors, periods)), axis=1)
    y = 10 + paths + rng.normal(0, 0.15, (n, periods))
    y[:treated, start:] += effect
    cohort = np.full(n, NEVER)
    cohort[:treated] = start
    return Panel(tuple(f"e{i}" for i in range(n)), tuple(range(2000, 2020)), y, cohort, np.arange(n))


def test_a_known_mixture_and_its_effect_are_found():
    rng = np.random.default_rng(3)
    y = rng.normal(size=(9, 12)).cumsum(axis=1)
    y[0] = 0.3 * y[1] + 0.7 * y[2]
    y[0, 9:] += 2.0
    cohort = np.full(9, NEVER)
    cohort[0] = 9
    panel = Panel(tuple("abcdefghi"), tuple(range(12)), y, cohort, np.arange(9))
    found = synthetic_control(panel, rng)
    assert dict(found.weights) == pytest.approx({"b": 0.3, "c": 0.7}, abs=1e-9)
    assert found.effect == pytest.approx(2.0, abs=1e-9) and found.fit < 1e-9
    assert found.p == pytest.approx(1 / 9) and found.placebos == 8


def test_effects_are_recovered_without_bias_and_found_rare():
    told = [synthetic_control(drawn(np.random.default_rng(s), 2.0), np.random.default_rng(s)) for s in range(30)]
    assert np.mean([one.effect for one in told]) == pytest.approx(2.0, abs=0.1)
    assert np.mean([one.p <= 0.1 for one in told]) > 0.9


def test_where_there_is_no_effect_small_p_values_are_as_rare_as_they_say():
    p = [
        synthetic_control(drawn(np.random.default_rng(s), 0.0, donors=19), np.random.default_rng(s)).p
        for s in range(120)
    ]
    assert np.mean(np.array(p) <= 0.1) <= 0.17
    assert 0.35 < np.mean(p) < 0.65


def test_several_treated_are_compared_with_groups_of_as_many():
    rng = np.random.default_rng(5)
    found = synthetic_control(drawn(rng, 1.0, donors=30, treated=4), rng, placebos=49)
    assert found.placebos == 49 and found.p <= 0.06 and found.effect == pytest.approx(1.0, abs=0.3)


def test_what_cannot_be_synthesised_is_refused():
    panel = drawn(np.random.default_rng(1), 1.0)
    mixed = panel.cohort.copy()
    mixed[1] = 10
    two = Panel(panel.units, panel.times, panel.y, mixed, panel.cluster)
    with pytest.raises(InputError, match="2 cohorts"):
        synthetic_control(two, np.random.default_rng(1))
    assert synthetic_control(two, np.random.default_rng(1), cohort=2014).start == 14
    early = Panel(panel.units, panel.times, panel.y, np.where(panel.cohort == NEVER, NEVER, 1), panel.cluster)
    with pytest.raises(InputError, match="3 periods"):
        synthetic_control(early, np.random.default_rng(1))
