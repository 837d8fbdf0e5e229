"""Between twin and scheduler: nothing of the future is known, and a plan comes back as the sequence that was meant."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zhizao.decide.schedule import (
    FOREVER,
    Objective,
    Problem,
    Rounds,
    check,
    choices,
    dispatch_list,
    planned,
    priorities,
    solve,
)
from zhizao.decide.twin.run import simulate
from zhizao.decide.twin.shop import RULES, Policy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "twin"))
from kernel_shops import network  # shops of the twin's own tests


def shop_of(jobs=6, machines=3, seed=0, **more):
    rng = np.random.default_rng(seed)
    routes = [rng.permutation(machines) for _ in range(jobs)]
    release = np.sort(rng.integers(0, 40, jobs)).astype(float)
    return network(release, routes, rng.integers(5, 30, jobs * machines).astype(float), machines, **more)


def test_only_released_orders_at_expected_durations_are_planned():
    shop, work, _ = shop_of()
    expected = np.full(len(work.run_s), 10.0)
    problem = Problem.of_shop(shop, replace(work, expected_s=expected), 20.0)
    released = np.flatnonzero(work.release_s <= 20)
    assert problem.jobs == tuple(f"J{j}" for j in released)
    assert set(problem.option_s.tolist()) == {10}
    assert problem.steps.tolist() == [i for j in released for i in range(work.first[j], work.first[j + 1])]


def test_what_happens_after_now_does_not_change_the_problem():
    shop, work, policy = shop_of()
    trace = simulate(shop, work, policy)
    now = 45.0
    late = (trace.start_s > now) | (trace.end_s > now)
    other = replace(
        trace,
        end_s=np.where(trace.end_s > now, trace.end_s + 500, trace.end_s),
        start_s=np.where(trace.start_s > now, trace.start_s + 500, trace.start_s),
        setup_start_s=np.where(trace.setup_start_s > now, trace.setup_start_s + 500, trace.setup_start_s),
        ready_s=np.where(trace.ready_s > now, trace.ready_s + 500, trace.ready_s),
        bad=np.where(late, trace.bad + 3, trace.bad),
        machine=np.where(trace.start_s > now, 0, trace.machine),
        finished_s=np.where(trace.finished_s > now, np.nan, trace.finished_s),
    )
    rerun = replace(work, run_s=np.where(late, work.run_s * 3, work.run_s), expected_s=work.run_s)
    work = replace(work, expected_s=work.run_s)
    one = Problem.of_shop(shop, work, now, trace=trace)
    two = Problem.of_shop(shop, rerun, now, trace=other)
    for name in ("steps", "option_machine", "option_s", "frozen_s", "delay_s", "due_s", "first"):
        assert getattr(one, name).tolist() == getattr(two, name).tolist(), name


def test_done_steps_are_left_out_and_steps_under_way_are_frozen_with_what_is_left():
    shop, work, policy = network([0.0, 0.0], [[0, 1], [0]], [10.0, 20.0, 30.0], 2)
    trace = simulate(shop, work, policy)
    problem = Problem.of_shop(shop, work, 15.0, trace=trace)
    # job 0: first step done at 10, second under way on machine 1 since 10; job 1 under way on machine 0 since 10
    assert problem.steps.tolist() == [1, 2]
    assert problem.frozen_s.tolist() == [0, 0]
    assert problem.option_s.tolist() == [15, 25]
    overdue = Problem.of_shop(shop, replace(work, expected_s=np.array([1.0, 2.0, 30.0])), 15.0, trace=trace)
    assert overdue.option_s.tolist() == [1, 25]  # longer than expected already: it is not known for how long still


def test_a_job_running_at_time_0_is_frozen_without_a_trace():
    shop, work, _ = network([0.0, 0.0], [[0, 1], [0]], [10.0, 20.0, 30.0], 2)
    problem = Problem.of_shop(shop, replace(work, running=np.array([False, True])), 0.0)
    assert problem.frozen_s.tolist() == [-1, -1, 0]
    result = solve(problem, Rounds(2), workers=1)
    assert check(problem, result.schedule) == []
    assert result.schedule.start_s[0] >= 30


def test_waiting_that_is_under_way_counts_only_for_what_is_left_of_it():
    shop, work, policy = network([0.0], [[0, 1]], [10.0, 20.0], 2, delay_s=np.array([4.0, 30.0]))
    trace = simulate(shop, work, policy)
    assert Problem.of_shop(shop, work, 0.0).delay_s.tolist() == [4, 30]
    assert Problem.of_shop(shop, work, 24.0, trace=trace).delay_s.tolist() == [20]


def test_rework_is_planned_when_known_or_likely():
    shop, work, policy = network(
        [0.0], [[0, 1]], [10.0, 20.0], 2, gate=np.array([-1, 0]), option_defect=np.array([0.3, 0.0])
    )
    assert Problem.of_shop(shop, work, 0.0).operations == 1
    assert Problem.of_shop(shop, replace(work, pieces=np.array([5.0, 1.0])), 0.0).operations == 2
    for draw, left in ((0.01, 0), (0.99, 1)):
        met = replace(work, defect_u=np.full(2, draw))
        trace = simulate(shop, met, policy)
        assert Problem.of_shop(shop, met, 10.5, trace=trace).operations == left == int(trace.bad[0] > 0)


def test_hours_of_machines_are_cut_by_the_hours_of_people_and_groups_by_their_number():
    shop, work, _ = network([0.0, 0.0], [[0], [1]], [10.0, 20.0], 2)
    shop = replace(
        shop, people=("ann", "bob"), multitask=np.ones(2, np.int64), calendar_ptr=np.array([0, 2, 3]),
        on_s=np.array([0.0, 200.0, 50.0]), off_s=np.array([100.0, 1e6, 1e6]), machine_calendar=np.array([0, -1]),
        person_calendar=np.array([1, 1]), skill_ptr=np.array([0, 1, 3]), skill_person=np.array([1, 0, 1]),
    )  # fmt: skip
    work = replace(work, skill=np.array([0, 1]))
    problem = Problem.of_shop(shop, work, 10.0)
    assert problem.closed == (((0, 40), (90, 190)), ((0, 40),))
    alone = Problem.of_shop(shop, work, 10.0, people=False)
    assert alone.closed == (((90, 190),), ())
    crowd = replace(work, skill=np.array([0, 0]))
    assert Problem.of_shop(shop, crowd, 10.0).group_size.tolist() == [1]
    assert alone.group.tolist() == [-1, -1]


def test_a_machine_for_several_orders_appears_as_several():
    shop, work, _ = network([0.0, 0.0, 0.0], [[0], [0], [0]], [10.0] * 3, 1, capacity=np.array([2]))
    problem = Problem.of_shop(shop, work, 0.0, objective=Objective())
    assert problem.machines == ("M0#1", "M0#2")
    result = solve(problem, Rounds(4), workers=1)
    assert result.value == 20
    assert choices(problem, result.schedule, shop, work).tolist() == [0, 1, 2]


def test_due_dates_and_weights_go_over_and_no_due_date_stays_none():
    shop, work, _ = network([0.0, 0.0], [[0], [0]], [10.0, 20.0], 1)
    work = replace(work, due_s=np.array([25.0, np.inf]), weight=np.array([0.5, 2.0]))
    problem = Problem.of_shop(shop, work, 5.0, objective=Objective(makespan=0, tardiness=3))
    assert problem.due_s.tolist() == [20, FOREVER]
    assert problem.weight.tolist() == [50, 200]
    assert problem.objective.tardiness == pytest.approx(0.03)


def test_a_plan_carried_out_in_the_twin_is_the_plan():
    """Durations as expected, all orders there: the kernel that follows the sequence does what the schedule says."""
    shop, work, _ = shop_of(jobs=8, machines=4, seed=3)
    work = replace(work, release_s=np.zeros(8))
    problem = Problem.of_shop(shop, work, 0.0, objective=Objective())
    result = solve(problem, Rounds(8), workers=1)
    policy = Policy(
        rule=np.full(4, RULES.index("sequence")),
        priority=priorities(problem, result.schedule, len(work.run_s)),
        assigned=choices(problem, result.schedule, shop, work),
    )
    trace = simulate(shop, work, policy)
    fifo = simulate(shop, work, Policy(rule=np.zeros(4, np.int64)))
    # a floor that never waits for an order to come can only deviate by not leaving a machine idle on purpose
    assert trace.end_s.max() <= 1.15 * result.value
    assert result.value <= fifo.end_s.max()


def test_planned_again_the_plan_of_before_is_known_by_step():
    shop, work, policy = shop_of(seed=2)
    first = Problem.of_shop(shop, work, 20.0)
    result = solve(first, Rounds(2), workers=1)
    starts, machine = planned(first, result.schedule, shop, len(work.run_s), 20.0)
    assert np.isfinite(starts).sum() == first.operations
    trace = simulate(shop, work, policy)
    again = Problem.of_shop(shop, work, 30.0, trace=trace, before=(starts, machine), objective=Objective(change=1))
    known = np.isin(again.steps, first.steps)
    assert ((again.before[0] >= 0) == known).all()
    assert (again.before[1][known] >= 0).all()


def test_the_dispatch_list_is_in_the_order_of_work_of_each_machine():
    problem = Problem.of_jobs([[{0: 3}, {1: 2}], [{1: 4}]], ["saw", "lathe"], jobs=["A", "B"], due_s=[4, 9])
    result = solve(problem, Rounds(2), workers=1)
    table = dispatch_list(problem, result.schedule, orders=["A", "B"], operations=["cut", "turn", "turn"])
    assert table.columns == ["machine", "turn", "order", "operation", "setup_s", "start_s", "end_s", "late_s"]
    assert table.rows() == [
        ("saw", 1, "A", "cut", 0, 0, 3, 0),
        ("lathe", 1, "B", "turn", 0, 0, 4, 0),
        ("lathe", 2, "A", "turn", 0, 4, 6, 2),
    ]
