"""What a user of `solve` may count on: known optima, stops, reproducible answers, and words for what is wrong."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
from schedule_problems import with_fields

from zhizao.decide.schedule import (
    FOREVER,
    Objective,
    Problem,
    Rounds,
    Schedule,
    Seconds,
    Status,
    check,
    either,
    figures,
    solve,
    value,
)
from zhizao.decide.schedule.bounds import machine_bound, share_load
from zhizao.decide.schedule.engines import suits_tabu
from zhizao.errors import FaultsFound
from zhizao.testing.instances import best_known, due_dates, flexible, flow_shop, job_shop, random_flexible


def plan(option, start, end, setup=None):
    return Schedule(*(np.array(part) for part in (option, start, end, setup or [0] * len(start))))


@pytest.mark.shared
@pytest.mark.parametrize(("name", "optimum"), [("ft/ft06", 55), ("la/la01", 666), ("la/la02", 655), ("la/la05", 593)])
def test_a_classic_job_shop_is_solved_and_proved(shared, name, optimum):
    problem = job_shop(shared / f"scheduling/jsp/{name}.txt")
    result = solve(problem, Seconds(60))
    assert (result.status, result.value, result.bound) == (Status.OPTIMAL, optimum, optimum)
    assert check(problem, result.schedule) == []


@pytest.mark.shared
@pytest.mark.parametrize(("name", "optimum"), [("mk01", 40), ("mk02", 26), ("mk05", 172), ("mk08", 523)])
def test_a_flexible_job_shop_comes_to_its_best_known_makespan(shared, name, optimum):
    problem = flexible(shared / f"scheduling/fjsp/Brandimarte1993/{name}.txt")
    result = solve(problem, either(Seconds(60), lambda at: at.value <= optimum))
    assert result.value == optimum
    assert result.bound <= optimum


@pytest.mark.slow
@pytest.mark.shared
def test_no_answer_beats_a_published_lower_bound(shared):
    folder = shared / "scheduling/jsp"
    for name in ("ta/ta01js", "swv/swv01"):
        low, _ = best_known(folder)[name.split("/")[1]]
        problem = job_shop(folder / f"{name}.txt")
        result = solve(problem, Rounds(8), workers=1)
        assert result.bound <= low <= result.value
        assert check(problem, result.schedule) == []


@pytest.mark.shared
def test_set_ups_of_each_machine_are_read_and_kept(shared):
    problem = flexible(shared / "scheduling/fjsp_sdst_fattahi/Fattahi_setup_05.fjs", setups=True)
    assert problem.setup_s.shape == (len(problem.machines), problem.operations, problem.operations)
    result = solve(problem, Seconds(30))
    assert result.status is Status.OPTIMAL
    assert check(problem, result.schedule) == []


@pytest.mark.shared
def test_a_flow_shop_comes_near_its_best_permutation(shared):
    problem, upper = flow_shop(shared / "scheduling/flowshop_taillard/tai20_5_0.fsp")
    result = solve(problem, either(Seconds(60), lambda at: at.value <= 1.01 * upper))
    assert result.bound <= result.value <= 1.01 * upper
    assert check(problem, result.schedule) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_large_flexible_shop_comes_near_its_load(workers):
    problem = random_flexible(100, 20, 10, seed=3)
    load = share_load(problem)
    result = solve(problem, Rounds(16), workers=workers)
    assert result.bound >= load.bound
    assert result.gap < 0.12
    assert check(problem, result.schedule) == []


def test_due_dates_are_kept_better_than_by_any_rule():
    problem = due_dates(random_flexible(20, 8, 8, seed=4), 1.5, seed=4)
    from zhizao.decide.schedule import RULES, by_rule

    rules = min(value(problem, by_rule(problem, rule)) for rule in RULES)
    result = solve(problem, Rounds(16), workers=1)
    assert result.value < 0.8 * rules
    assert not suits_tabu(problem)


@pytest.mark.parametrize("case", ["job shop", "due dates", "everything"])
def test_the_same_seed_and_rounds_give_the_same_schedule_on_one_worker(case):
    problem = random_flexible(12, 6, 6, seed=1)
    if case == "due dates":
        problem = due_dates(problem, 1.3, seed=1)
    if case == "everything":
        rng = np.random.default_rng(5)
        problem = random_flexible(
            12, 6, 6, seed=1, objective=Objective(1, 1, 1, 0.1), due_s=rng.integers(100, 600, 12),
            family=rng.integers(0, 3, 72), setup_s=rng.integers(0, 20, (3, 3)), spans=rng.random(72) < 0.5,
            closed=[[(200, 260)]] * 6, group=rng.integers(-1, 2, 72), group_size=[2, 3],
        )  # fmt: skip
    one, two = (solve(problem, Rounds(9), seed=11, workers=1) for _ in range(2))
    assert one.schedule.start_s.tolist() == two.schedule.start_s.tolist()
    assert one.schedule.option.tolist() == two.schedule.option.tolist()
    assert [step.value for step in one.log] == [step.value for step in two.log]
    assert check(problem, one.schedule) == []


@pytest.mark.parametrize(("jobs", "workers"), [(4, 1), (4, 2), (15, 1), (15, 2)])
def test_a_stop_is_asked_and_obeyed(jobs, workers):
    asked = []

    def stop(at):
        asked.append(at)
        return len(asked) >= 5

    problem = due_dates(random_flexible(jobs, 5, 5, seed=2), 1.0, seed=2)
    result = solve(problem, stop, workers=workers)
    assert len(asked) <= 6
    assert result.schedule is not None
    assert all(a.rounds <= b.rounds and a.value >= b.value for a, b in pairwise(asked))
    assert not [t for t in threading.enumerate() if t.daemon and "exact" in t.name]


def test_progress_tells_value_bound_and_share():
    told = []
    problem = due_dates(random_flexible(8, 4, 4, seed=2), 0.6, seed=2)
    result = solve(problem, either(Seconds(3), Rounds(6)), progress=told.append, workers=1)
    assert told
    assert all(0 <= at.share <= 1 for at in told)
    assert all(at.bound <= at.value for at in told)
    assert result.value <= told[0].value
    assert [step.value for step in result.log] == sorted((step.value for step in result.log), reverse=True)


def test_a_better_plan_is_never_given_up_for_fewer_rounds_of_one_run():
    problem = due_dates(random_flexible(15, 5, 5, seed=6), 1.1, seed=6)
    values = [solve(problem, Rounds(rounds), workers=1).value for rounds in (1, 6, 16)]
    assert values == sorted(values, reverse=True)


def test_no_operations_are_an_empty_plan():
    result = solve(Problem.of_jobs([], 2))
    assert result.status is Status.OPTIMAL
    assert len(result.schedule.start_s) == 0


@pytest.mark.parametrize(
    "problem",
    [
        Problem.of_jobs([[{0: 5}, {0: 5}]], 1, deadline_s=[9]),
        Problem.of_jobs([[{0: 5}], [{0: 5}]], 1, deadline_s=[9, 9]),
        Problem.of_jobs([[{0: 5}]], 1, group=[0], group_size=[0]),
        Problem.of_jobs([[{0: 5}]], 1, closed=[[(3, FOREVER)]]),
        Problem.of_jobs([[{0: 5}]], 1, closed=[[(3, 6), (10, FOREVER)]], deadline_s=[10]),
    ],
    ids=["job too long", "machine too short", "nobody", "closed for ever", "no room before the deadline"],
)
def test_an_impossible_problem_is_told_apart(problem):
    result = solve(problem, Seconds(20))
    assert result.status is Status.IMPOSSIBLE
    assert result.schedule is None
    assert result.value == float("inf")


def test_a_plan_not_found_in_time_is_not_called_impossible():
    rng = np.random.default_rng(0)
    routes = [[{int(k): int(rng.integers(5, 30))} for k in rng.permutation(5)] for _ in range(10)]
    tight = int(machine_bound(Problem.of_jobs(routes, 5)))
    problem = Problem.of_jobs(routes, 5, deadline_s=[tight] * 10)
    result = solve(problem, lambda at: True, workers=1)
    assert (result.status, result.schedule) == (Status.NONE_FOUND, None)
    assert result.bound > 0


def test_a_plan_under_way_is_kept_and_the_rest_planned_round_it():
    problem = Problem.of_jobs([[{0: 6}, {1: 2}], [{0: 3}, {1: 9}]], 2, frozen_s=[2, -1, -1, -1])
    result = solve(problem, Seconds(10))
    assert result.status is Status.OPTIMAL
    assert result.schedule.start_s[0] == 2
    assert result.value == 20  # 3 s do not fit before the frozen start


def test_a_gap_before_a_frozen_start_is_used():
    problem = Problem.of_jobs([[{0: 6}], [{0: 3}, {1: 9}]], 2, frozen_s=[4, -1, -1])
    result = solve(problem, Seconds(10))
    assert (result.status, result.value) == (Status.OPTIMAL, 12)


@pytest.mark.slow
def test_with_a_price_on_change_the_plan_stays_near_the_one_before():
    problem = random_flexible(10, 4, 5, seed=9)
    first = solve(problem, Rounds(8), workers=1).schedule
    before = (first.start_s, first.machine(problem))
    late = problem.release_s.copy()
    late[0] = 60
    free, steady = (
        solve(
            Problem.of_jobs(
                _routes(problem), 4, release_s=late, before=before, objective=Objective(1.0, change=change, moved=change)
            ),
            Rounds(8),
            workers=1,
        )
        for change in (0.0, 5.0)
    )  # fmt: skip
    moved = [figures(_with(problem, late, before), result.schedule)["change"] for result in (free, steady)]
    assert moved[1] < 0.5 * moved[0]


def _routes(problem):
    def options(i):
        return range(problem.option_ptr[i], problem.option_ptr[i + 1])

    return [
        [{int(problem.option_machine[o]): int(problem.option_s[o]) for o in options(i)} for i in range(a, b)]
        for a, b in zip(problem.first[:-1], problem.first[1:], strict=True)
    ]


def _with(problem, release, before):
    return Problem.of_jobs(_routes(problem), len(problem.machines), release_s=release, before=before)


def test_the_checker_names_operation_machine_and_time():
    problem = Problem.of_jobs(
        [[{0: 4}, {1: 3}], [{0: 5}]], ["lathe", "mill"], jobs=["A", "B"], due_s=[9, 9], release_s=[0, 1],
        family=[0, 0, 1], setup_s=[[0, 2], [2, 0]], machine_family=[0, -1], closed=[[(6, 8)], []], delay_s=[0, 1, 0],
        deadline_s=[30, 20], group=[0, -1, 0], group_size=[1],
    )  # fmt: skip
    good = plan([0, 1, 2], [0, 5, 8], [4, 8, 13], [0, 0, 2])
    assert check(problem, good) == []
    assert figures(problem, good) == {
        "makespan": 13, "tardiness": 4, "flow": 10, "setup": 2, "change": 0, "moved": 0,
    }  # fmt: skip
    cases = {
        "B/1 starts at 0, before its job may (1)": plan([0, 1, 2], [0, 5, 0], [4, 8, 5], [0, 0, 2]),
        "A/2 starts at 4, before A/1 ends at 4 plus 1 s of waiting": plan([0, 1, 2], [0, 4, 8], [4, 7, 13], [0, 0, 2]),
        "B/1 works from 5 to 10 while lathe is closed": plan([0, 1, 2], [0, 5, 5], [4, 8, 10], [0, 0, 2]),
        "B/1 starts at 5 on lathe without 2 s of set-up since A/1": plan([0, 1, 2], [0, 5, 5], [4, 8, 10], [0, 0, 2]),
        "B/1 counts 0 s of set-up instead of 2 s on lathe": plan([0, 1, 2], [0, 5, 8], [4, 8, 13], [0, 0, 0]),
        "B/1 starts at 2 on lathe, where A/1 works from 0 to 4": plan([0, 1, 2], [0, 5, 2], [4, 8, 7], [0, 0, 2]),
        "B/1 takes 4 s on lathe instead of 5 s": plan([0, 1, 2], [0, 5, 8], [4, 8, 12], [0, 0, 2]),
        "B/1 ends at 25, after the deadline 20": plan([0, 1, 2], [0, 5, 20], [4, 8, 25], [0, 0, 2]),
        "A/2 takes option 0, which is not one of its own": plan([0, 0, 2], [0, 5, 8], [4, 8, 13], [0, 0, 2]),
        "B/1 starts when 2 people of group 0 are needed; it has 1": plan([0, 1, 2], [0, 5, 2], [4, 8, 7], [0, 0, 2]),
    }
    for words, bad in cases.items():
        assert words in check(problem, bad)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"release_s": [0]}, "release_s has 1 entries instead of 2"),
        ({"release_s": [0, -4]}, r"release_s\[1\] is -4; it must be 0 to"),
        ({"arcs": [(2, 0), (1, 2)]}, "operations wait for each other in a circle"),
        ({"closed": [[(5, 3)], []]}, "closed interval 5 to 3 is empty"),
        ({"closed": [[(1, 4), (3, 6)], []]}, "machine M0: closed interval 3 to 6"),
        ({"family": [0, 0, 0]}, r"family\[0\] is 0; it must be -1 to -1"),
        ({"frozen_s": [-1, 4, -1]}, "J0/2: a frozen operation follows one that is free; freeze J0/1 too"),
        ({"frozen_s": [0, 2, -1]}, "J0/2: frozen before J0/1 ends"),
        ({"frozen_s": [0, -1, 2]}, "machine M0: frozen J0/1 and J1/1 overlap"),
        ({"objective": Objective(makespan=-1)}, "objective makespan is -1"),
        ({"before": ([0], [0])}, "before does not have a start and a machine for each operation"),
        (
            {"option_s": [0, 3, 5], "group": [0, -1, -1], "group_size": [1]},
            "J0/1: needs somebody of a group for no time",
        ),
        ({"setup_s": [[0, 1]]}, r"setup_s has shape \(1, 2\)"),
        ({"group": [0, -1, -1]}, r"group\[0\] is 0"),
    ],
)
def test_a_problem_that_is_not_whole_is_refused_with_place_and_cure(more, words):
    with pytest.raises(FaultsFound, match=words) as caught:
        with_fields(Problem.of_jobs([[{0: 4}, {1: 3}], [{0: 5}]], 2), **more)
    assert caught.value.exit_code == 2
    assert all(fault.fix for fault in caught.value.faults)


def test_a_problem_cannot_be_changed_from_outside():
    times = np.array([3, 2])
    problem = Problem([0, 2], [0, 1, 2], [0, 0], times, ("M",))
    times[0] = 99
    assert problem.option_s.tolist() == [3, 2]
    with pytest.raises(ValueError, match="read-only"):
        problem.option_s[0] = 1
