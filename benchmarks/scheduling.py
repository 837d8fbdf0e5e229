"""Scheduling: how near to the best known in the same seconds, beside plain CP-SAT with two workers and dispatch rules.

Job shops are Taillard's (gap to the best known makespan), flexible ones are random, each operation on 2 to 5 machines
(gap to the machine-load bound), due-date ones have weighted tardiness. CP-SAT has the textbook model, with intervals
and no hints, in the same process, seconds and number of threads. All schedules pass the checker.

    python -m benchmarks.scheduling            # quick, under three minutes: what `make bench` prints
    python -m benchmarks.scheduling --seconds 60 --large
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise

import numpy as np

from benchmarks import Row, shared
from zhizao.decide.schedule import RULES, Problem, Schedule, Seconds, Step, by_rule, check, solve, value
from zhizao.decide.schedule.bounds import chain_bound, share_load
from zhizao.decide.schedule.problem import FOREVER
from zhizao.testing.instances import best_known, due_dates, flexible, job_shop, random_flexible

SMALLEST_GAP = 0.05
"""Per cent below which gaps are taken as equal in a ratio."""


def by_plain_cpsat(problem: Problem, seconds: float) -> Schedule | None:
    """The textbook model: optional intervals, one no-overlap a machine; makespan or weighted tardiness."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    ptr = problem.option_ptr.tolist()
    horizon = int(sum(problem.option_s[a:b].max() for a, b in pairwise(ptr)))
    rows: list[list[object]] = [[] for _ in problem.machines]
    start, end, taken = [], [], {}
    for i, (a, b) in enumerate(pairwise(ptr)):
        s, e = model.new_int_var(0, horizon, ""), model.new_int_var(0, horizon, "")
        start.append(s)
        end.append(e)
        for o in range(a, b):
            taken[o] = model.new_bool_var("") if b - a > 1 else model.new_constant(1)
            interval = model.new_optional_interval_var(s, int(problem.option_s[o]), e, taken[o], "")
            rows[problem.option_machine[o]].append(interval)
        model.add_exactly_one(taken[o] for o in range(a, b))
        if i and problem.job[i] == problem.job[i - 1]:
            model.add(s >= end[i - 1])
    for row in rows:
        model.add_no_overlap(row)
    last = [end[b - 1] for b in problem.first[1:].tolist()]
    if problem.objective.tardiness:
        late = []
        for j, e in enumerate(last):
            late.append(model.new_int_var(0, horizon, ""))
            model.add(late[j] >= e - min(int(problem.due_s[j]), horizon))
        model.minimize(sum(int(w) * x for w, x in zip(problem.weight, late, strict=True)))
    else:
        makespan = model.new_int_var(0, horizon, "")
        model.add_max_equality(makespan, last)
        model.minimize(makespan)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 2
    solver.parameters.random_seed = 1
    solver.parameters.max_time_in_seconds = seconds
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    option = [next(o for o in range(a, b) if solver.value(taken[o])) for a, b in pairwise(ptr)]
    begin = np.array([solver.value(x) for x in start])
    return Schedule(np.array(option), begin, begin + problem.option_s[option], np.zeros(len(option), np.int64))


def ours_in(problem: Problem, seconds: float) -> tuple[float, tuple[Step, ...]]:
    """Value of our schedule after so many seconds, and how it came about; the schedule is checked."""
    result = solve(problem, Seconds(seconds), seed=7, workers=2)
    assert result.schedule is not None, result.status
    assert check(problem, result.schedule) == [], "our schedule breaks a promise"
    return value(problem, result.schedule), result.log


def theirs_in(problem: Problem, seconds: float) -> float | None:
    """Value of CP-SAT's schedule after so many seconds; None when it has found none."""
    schedule = by_plain_cpsat(problem, seconds)
    if schedule is None:
        return None
    assert check(problem, schedule) == [], "CP-SAT's schedule breaks a promise"
    return value(problem, schedule)


def gap_row(name: str, problem: Problem, reference: float, seconds: float) -> Row:
    """Gap to a reference in per cent, ours and CP-SAT's."""
    ours, _ = ours_in(problem, seconds)
    theirs = theirs_in(problem, seconds)
    gap = round(100 * (ours / reference - 1), 3)
    other = None if theirs is None else round(100 * (theirs / reference - 1), 3)
    ratio = None if other is None else round(max(other, SMALLEST_GAP) / max(gap, SMALLEST_GAP), 3)
    row: Row = {
        "name": f"{name}, {problem.operations:,} operations, {seconds:g} s",
        "ours": gap,
        "peer": "CP-SAT, 2 workers",
        "peer_value": other,
        "unit": "% over the reference",
        "ratio": ratio,
    }
    if theirs is None:
        row["note"] = "CP-SAT finds no schedule"
    return row


def late_rows(name: str, problem: Problem, seconds: float) -> list[Row]:
    """Weighted tardiness: ours beside the best rule and beside CP-SAT."""
    ours, _ = ours_in(problem, seconds)
    plans = [by_rule(problem, rule) for rule in RULES]
    rule = min(value(problem, plan) for plan in plans if plan is not None)
    theirs = theirs_in(problem, seconds)
    low = chain_bound(problem)

    def row(peer: str, other: float | None) -> Row:
        ratio = None if other is None else round(max(other - low, 1.0) / max(ours - low, 1.0), 3)
        return {
            "name": f"{name}, {problem.operations:,} operations, {seconds:g} s",
            "ours": round(ours), "peer": peer, "peer_value": None if other is None else round(other),
            "unit": "s weighted tardiness", "ratio": ratio,
        }  # fmt: skip

    return [row(f"best of {len(RULES)} rules", rule), row("CP-SAT, 2 workers", theirs)]


def measure(seconds: float = 10.0, *, large: bool = False) -> list[Row]:
    """Rows of the result; `large` adds 20,000 operations and the public flexible instances."""
    jobs = shared("scheduling", "jsp")
    _warm()
    known = best_known(jobs)
    rows = [
        gap_row(f"job shop {name}", job_shop(jobs / "ta" / f"{name}js.txt"), known[f"{name}js"][1], seconds)
        for name in (("ta01", "ta11", "ta22", "ta31", "ta41") if large else ("ta01", "ta11", "ta31", "ta41"))
    ]
    sizes = {"flexible": (100, 20, 10), "large flexible": (1000, 50, 10)}
    if large:
        sizes["larger flexible"] = (1000, 50, 20)
        folder = shared("scheduling", "fjsp")
        bounds = best_known(folder)
        for name in ("mk07", "mk10"):
            problem = flexible(folder / "Brandimarte1993" / f"{name}.txt")
            rows.append(gap_row(f"flexible {name}", problem, bounds[name][1], seconds))
    for name, (count, machines, steps) in sizes.items():
        problem = random_flexible(count, machines, steps, seed=7)
        load = share_load(problem)
        assert load is not None
        rows.append(gap_row(name, problem, load.bound, seconds))
        if count >= 1000:
            _, log = ours_in(problem, 2.0)
            rows.append({
                "name": f"first schedule, {problem.operations:,} operations", "ours": round(log[0].seconds, 3),
                "peer": "limit", "peer_value": 2.0, "unit": "s", "ratio": round(2.0 / max(log[0].seconds, 1e-3), 1),
            })  # fmt: skip
    for name, problem in {
        "due dates, job shop ta22": due_dates(job_shop(jobs / "ta" / "ta22js.txt"), 1.6, seed=1),
        "due dates, flexible": due_dates(random_flexible(100, 20, 10, seed=7), 1.4, seed=1),
    }.items():
        assert (problem.due_s < FOREVER).all()
        rows += late_rows(name, problem, seconds)
    return rows


def _warm() -> None:
    """Load or compile the kernels first: that happens once on a machine."""
    solve(random_flexible(50, 5, 10, seed=1), Seconds(1))
    solve(due_dates(random_flexible(50, 5, 10, seed=1), 1.2, seed=1), Seconds(1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--large", action="store_true", help="20,000 operations and more instances")
    given = parser.parse_args()
    for each in measure(given.seconds, large=given.large):
        print(json.dumps(each))
