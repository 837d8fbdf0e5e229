"""Laws that hold for every problem: what solvers return the checker accepts, bounds hold, small optima are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schedule_oracle import best_of_all
from schedule_problems import problems, with_fields

from zhizao.decide.schedule import RULES, Rounds, Schedule, Status, by_rule, check, solve, value
from zhizao.decide.schedule.bounds import chain_bound, machine_bound, share_load
from zhizao.decide.schedule.engines import Anneal, Perturb, Tabu, suits_tabu
from zhizao.decide.schedule.exact import by_exact
from zhizao.decide.schedule.rules import Floor
from zhizao.decide.schedule.windows import Windows

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@given(problems(most=12), st.sampled_from(RULES))
@settings(calm, max_examples=300)
def test_what_a_rule_returns_the_checker_accepts(problem, rule):
    schedule = by_rule(problem, rule)
    assert schedule is not None
    assert check(problem, schedule) == []


@given(problems(most=12, deadlines=True), st.sampled_from(RULES))
@settings(calm, max_examples=100)
def test_plain_and_compiled_kernels_give_the_same_schedule(problem, rule):
    slow, fast = (Floor(problem, fast=way).dispatch(rule) for way in (False, True))
    assert (slow is None) == (fast is None)
    if slow is not None and fast is not None:
        assert slow.order.tolist() == fast.order.tolist()
        assert slow.start.tolist() == fast.start.tolist()
        assert slow.cost == pytest.approx(fast.cost)


@given(problems(most=12))
@settings(calm, max_examples=100)
def test_the_cost_that_searches_see_is_the_value_of_the_schedule(problem):
    plan = Floor(problem, fast=False).dispatch("edd")
    assert plan is not None
    assert plan.cost == pytest.approx(value(problem, plan.schedule()))


@given(problems(most=5, machines_most=2, change=False))
@settings(calm, max_examples=40)
def test_the_exact_solver_finds_what_trying_everything_finds(problem):
    best, _ = best_of_all(problem)
    answer = by_exact(problem, seconds=20)
    assert answer.plan is not None
    assert check(problem, answer.plan.schedule()) == []
    assert answer.plan.cost == pytest.approx(best)
    assert answer.bound <= best + 1e-6


@given(problems(most=5, machines_most=2, change=False, deadlines=True))
@settings(calm, max_examples=25)
def test_impossible_is_said_exactly_when_no_order_keeps_the_deadlines(problem):
    best, _ = best_of_all(problem)
    result = solve(problem, Rounds(20), workers=1)
    if np.isfinite(best):
        assert result.schedule is not None
        assert check(problem, result.schedule) == []
        assert result.value >= best - 1e-6
    else:
        assert result.status is Status.IMPOSSIBLE
        assert result.schedule is None


@given(problems(most=5, machines_most=2, change=False))
@settings(calm, max_examples=40)
def test_no_schedule_beats_a_bound(problem):
    best, _ = best_of_all(problem)
    goal = problem.objective
    assert chain_bound(problem) <= best + 1e-9
    assert goal.makespan * machine_bound(problem) <= best + 1e-9
    load = share_load(problem)
    if load is not None:
        assert goal.makespan * load.bound <= best + 1e-9
        shares = np.add.reduceat(load.share, problem.option_ptr[:-1])
        assert np.allclose(shares, 1)


@given(problems(most=9, deadlines=True))
@settings(calm, max_examples=25)
def test_what_solve_returns_the_checker_accepts_and_the_bound_is_below_it(problem):
    result = solve(problem, Rounds(2), workers=1)
    if result.schedule is None:
        assert result.status in (Status.NONE_FOUND, Status.IMPOSSIBLE)
    else:
        assert check(problem, result.schedule) == []
        assert result.value == pytest.approx(value(problem, result.schedule))
        assert result.bound <= result.value + 1e-6


@given(problems(most=12), st.integers(0, 1000))
@settings(calm, max_examples=40)
def test_what_annealing_and_disturbed_rules_return_the_checker_accepts(problem, seed):
    floor = Floor(problem, fast=True)
    best = floor.dispatch("atc")
    assert best is not None
    for make in (
        lambda rng: Anneal(floor, rng),
        lambda rng: Perturb(floor, rng, "atc", 2.0, None),
        lambda rng: Windows(floor, rng, size=5, effort=0.05),
    ):
        plan = make(np.random.default_rng(seed)).round(best, 0.0)
        if plan is not None:
            assert plan.kept
            assert check(problem, plan.schedule()) == []
            assert plan.cost == pytest.approx(value(problem, plan.schedule()))


@given(problems(most=14, frozen=False), st.integers(0, 1000))
@settings(calm, max_examples=60)
def test_what_the_tabu_search_returns_the_checker_accepts(problem, seed):
    from zhizao.decide.schedule import Objective

    problem = with_fields(
        problem,
        setup_s=None,
        family=None,
        machine_family=None,
        closed=(),
        group=None,
        group_size=None,
        objective=Objective(),
        before=None,
    )
    assert suits_tabu(problem)
    floor = Floor(problem, fast=True)
    best = floor.dispatch("mwkr")
    assert best is not None
    engine = Tabu(floor, np.random.default_rng(seed))
    for _ in range(2):
        plan = engine.round(best, 0.0)
        if plan is not None:
            assert check(problem, plan.schedule()) == []
            assert plan.cost == value(problem, plan.schedule())
            best = plan


@given(
    problems(most=10),
    st.sampled_from(["longer", "shorter", "elsewhere", "together", "too early", "at once"]),
    st.data(),
)
@settings(calm, max_examples=200)
def test_a_schedule_that_was_tampered_with_is_refused_in_words(problem, how, data):
    good = by_rule(problem, "spt")
    assert good is not None
    option, start, end, setup = (part.copy() for part in (good.option, good.start_s, good.end_s, good.setup_s))
    i = data.draw(st.integers(0, problem.operations - 1))
    if how == "longer":
        end[i] += 1
    elif how == "shorter":
        end[i] -= 1
    elif how == "elsewhere":
        option[i] = data.draw(st.sampled_from([-1, problem.option_ptr[i] - 1, problem.option_ptr[i + 1]]))
    elif how == "too early":
        by = start[i] + 1
        start[i], end[i] = start[i] - by, end[i] - by
    else:
        machine = good.machine(problem)
        if how == "together":  # with another on its machine
            others = [k for k in range(problem.operations) if k != i and machine[k] == machine[i] >= 0]
        else:  # with the one before it in its job
            others = [k for k in range(problem.operations) if k == i - 1 and problem.job[k] == problem.job[i]]
        others = [k for k in others if end[k] > start[k]]
        if not others or end[i] == start[i]:
            return
        k = others[0]
        end[i] += start[k] - start[i]
        start[i] = start[k]
    said = check(problem, Schedule(option, start, end, setup))
    assert said
    assert any(problem.name(i) in words for words in said) or how in ("together", "at once")
