"""The whole problem, or a window of it, for OR-Tools CP-SAT: the answer where it is small, a proof where there is one.

The model is exact for every promise of `Problem` as long as its size allows; where a machine has too many breaks or
set-up pairs the model leaves those out, so that its bound still holds, and the sequence it finds is timed anew by the
decoder, which leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import gcd, inf, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zhizao.decide.schedule import kernels
from zhizao.decide.schedule.arrays import arrays, pairs
from zhizao.decide.schedule.problem import FOREVER, Problem
from zhizao.decide.schedule.rules import Floor, Plan

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

__all__ = ["Answer", "by_exact"]

MOST_LITERALS = 60_000
"""Break and set-up literals up to which the model holds them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run of the exact solver gave.

    Parameters
    ----------
    plan : best found, timed by the decoder; None when none was found
    bound : what no schedule can beat
    proved : the plan is optimal
    impossible : no schedule keeps every promise
    """

    plan: Plan | None
    bound: float
    proved: bool
    impossible: bool


@dataclass(slots=True)
class _Model:
    problem: Problem
    model: cp_model.CpModel
    start: list[Any]
    end: list[Any]
    present: list[Any]
    exact: bool = True
    scale: int = 1
    coefficients: dict[str, int] = field(default_factory=dict)
    setup_terms: list[Any] = field(default_factory=list)


class _Row(NamedTuple):
    """An operation that a machine may do."""

    i: int
    lit: Any
    """it does"""
    interval: Any
    opens: Any
    """open seconds of the machine before its start, None where the model does not count them"""
    done: Any
    """the same before its end"""


def horizon(problem: Problem) -> int:
    """Second by which every schedule that starts all as early as its order permits is done.

    All work, waiting and set-ups one after another, and each break with the work that may not fit before it.
    """
    option_op = np.repeat(np.arange(problem.operations), np.diff(problem.option_ptr))
    longest = np.zeros(problem.operations, np.int64)
    np.maximum.at(longest, option_op, problem.option_s)
    setup = int(problem.setup_s.max(initial=0))
    t = int(problem.release_s.max(initial=0))
    if problem.before is not None:
        t = max(t, int(problem.before[0].max(initial=0)))
    t = max(t, int(problem.frozen_s.max(initial=0)))
    t += int(longest.sum() + problem.delay_s.sum()) + setup * problem.operations
    waste = int(longest.max(initial=0)) + setup
    for a, b in sorted(pair for each in problem.closed for pair in each):
        if a >= t:
            break
        if b < FOREVER:
            t += b - a + waste
    return t


def _coefficients(problem: Problem) -> tuple[int, dict[str, int]]:
    """Whole-number weights and their scale; rounded down, so that a bound stays a bound."""
    goal = problem.objective
    jobs = max(int((np.diff(problem.first) > 0).sum()), 1)
    known = max(int((problem.before[0] >= 0).sum()), 1) if problem.before is not None else 1
    exact = {
        "makespan": Fraction(goal.makespan), "tardiness": Fraction(goal.tardiness), "setup": Fraction(goal.setup),
        "flow": Fraction(goal.flow) / jobs, "change": Fraction(goal.change) / known, "moved": Fraction(goal.moved),
    }  # fmt: skip
    scale = 1
    for weight in exact.values():
        scale = scale * weight.denominator // gcd(scale, weight.denominator)
    if scale > 10**7:
        scale = 10**6
    return scale, {name: int(weight * scale) for name, weight in exact.items()}


def build(problem: Problem, end_s: int) -> _Model:
    """CP-SAT model of a problem with all ends up to `end_s`."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    n = problem.operations
    out = _Model(problem, model, [], [], [None] * len(problem.option_machine))
    d = arrays(problem, lists=True)
    by_machine: dict[int, list[_Row]] = {}
    breaks = {k: [(a, min(b, end_s + 1)) for a, b in each if a <= end_s] for k, each in enumerate(problem.closed)}
    matrix = problem.setup_s if problem.setup_s.ndim == 3 else np.broadcast_to(
        problem.setup_s, (len(problem.machines), *problem.setup_s.shape)
    )  # fmt: skip
    use_setups = matrix.size > 0 and bool((matrix > 0).any())
    counts = np.bincount(problem.option_machine[problem.option_machine >= 0], minlength=len(problem.machines))
    if use_setups and int((counts.astype(np.int64) ** 2).sum()) > MOST_LITERALS:
        use_setups, out.exact = False, False
    with_setup = [use_setups and bool((matrix[k] > 0).any()) for k in range(len(problem.machines))]
    worked = set(np.flatnonzero([with_setup[k] and bool(breaks[k]) for k in range(len(problem.machines))]).tolist())
    spanning = {int(problem.option_machine[o]) for i in range(n) if problem.spans[i]
                for o in range(d.option_ptr[i], d.option_ptr[i + 1])}  # fmt: skip
    worked |= {k for k in spanning if k >= 0 and breaks[k]}
    if sum(2 * int(counts[k]) * (len(breaks[k]) + 1) for k in worked) > MOST_LITERALS:
        worked, out.exact = set(), False
    for i in range(n):
        if d.frozen[i] >= 0:
            o = d.option_ptr[i]
            machine = d.option_machine[o]
            s = d.frozen[i]
            e = s + d.option_s[o]
            if d.spans[i] and machine >= 0:
                e = kernels.advance(d.closed, machine, s, d.option_s[o])
            lit = model.new_constant(1)
            out.present[o] = lit
            out.start.append(model.new_constant(s))
            out.end.append(model.new_constant(e))
            if machine >= 0:
                interval = model.new_fixed_size_interval_var(s, e - s, "")
                opens, done = (_open_before(breaks[machine], t) for t in (s, e))
                by_machine.setdefault(machine, []).append(_Row(i, lit, interval, opens, done))
            continue
        top = min(end_s, d.deadline[i])
        low = d.release[i] + d.delay[i]
        if low > top:
            model.add_bool_or([])
            top = low
        start, end = model.new_int_var(low, top, ""), model.new_int_var(low, top, "")
        out.start.append(start)
        out.end.append(end)
        lits = []
        for o in range(d.option_ptr[i], d.option_ptr[i + 1]):
            machine, work = d.option_machine[o], d.option_s[o]
            only = d.option_ptr[i + 1] - d.option_ptr[i] == 1
            lit = model.new_constant(1) if only else model.new_bool_var("")
            out.present[o] = lit
            lits.append(lit)
            if machine < 0:
                model.add(end == start + work)
                continue
            loose = d.spans[i] and bool(breaks[machine])
            if loose:
                size = model.new_int_var(work, max(end_s, work), "")
                interval = model.new_optional_interval_var(start, size, end, lit, "")
            else:
                interval = model.new_optional_interval_var(start, work, end, lit, "")
            clock = None
            if machine in worked:
                clock = model.new_int_var(0, end_s, "")
                _open_time(model, breaks[machine], end_s, start, end, work, lit, clock, spans=bool(d.spans[i]))
            over = None if clock is None else clock + work
            by_machine.setdefault(machine, []).append(_Row(i, lit, interval, clock, over))
        if len(lits) > 1:
            model.add_exactly_one(lits)
    for a, b in pairs(problem):
        wait = 0 if d.frozen[b] >= 0 else d.delay[b]
        if d.frozen[a] < 0 or d.frozen[b] < 0:
            model.add(out.start[b] >= out.end[a] + wait)
    for k, row in by_machine.items():
        fixed = []
        if k not in spanning:
            fixed = [model.new_fixed_size_interval_var(a, b - a, "") for a, b in breaks[k]]
            taken = [(d.frozen[each.i], d.frozen[each.i] + d.option_s[d.option_ptr[each.i]])
                     for each in row if d.frozen[each.i] >= 0]  # fmt: skip
            if taken:  # facts may lie in breaks
                fixed = [model.new_fixed_size_interval_var(a, b - a, "")
                         for x, y in breaks[k] for a, b in _without(x, y, taken)]  # fmt: skip
        model.add_no_overlap([each.interval for each in row] + fixed)
        if with_setup[k]:
            _sequence(out, d, k, row, matrix[k])
    for g, size in enumerate(problem.group_size):
        mine = [i for i in range(n) if d.group[i] == g]
        if mine and size < len(mine):
            whole = []
            for i in mine:
                span = model.new_int_var(0, max(end_s, 1), "")
                whole.append(model.new_interval_var(out.start[i], span, out.end[i], ""))
            model.add_cumulative(whole, [1] * len(mine), int(size))
    _goal(out, d, end_s)
    return out


def _open_before(breaks: list[tuple[int, int]], t: int) -> int:
    """Open seconds of a machine before a time."""
    return t - sum(max(min(b, t) - a, 0) for a, b in breaks)


def _without(x: int, y: int, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of the interval x to y when others are taken out."""
    pieces = [(x, y)]
    for a, b in taken:
        pieces = [(p, q) for c, e in pieces for p, q in ((c, min(e, a)), (max(c, b), e)) if p < q]
    return pieces


def _open_time(
    model: Any,
    breaks: list[tuple[int, int]],
    end_s: int,
    start: Any,
    end: Any,
    work: int,
    lit: Any,
    clock: Any,
    *,
    spans: bool,
) -> None:
    """Tie a start and an end to the open time of a machine: `clock` seconds of it have passed at the start."""
    edges = [0, *(x for pair in breaks for x in pair), end_s + 1]
    rooms = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
    begins, ends = [], []
    shut, at = 0, 0
    for a, b in rooms:
        shut += a - at
        at = b
        here = model.new_bool_var("")
        begins.append(here)
        model.add_linear_constraint(start, a, b - 1).only_enforce_if(here)
        model.add(clock == start - shut).only_enforce_if(here)
        there = here if not spans or not work else model.new_bool_var("")
        ends.append(there)
        model.add_linear_constraint(end, a + (1 if work else 0), b).only_enforce_if(there)
        model.add(end == clock + work + shut).only_enforce_if(there)
    model.add(sum(begins) == lit)
    if spans and work:
        model.add(sum(ends) == lit)


def _sequence(out: _Model, d: Any, k: int, row: list[_Row], matrix: Any) -> None:
    """Who follows whom on a machine with set-ups, as a circuit through its operations.

    An operation without a family leaves the machine as it is; literals then carry the family past it.
    """
    model, families = out.model, d.families
    fitted: dict[int, list[Any]] = {}  # for an operation without a family: is the machine set up for family g after it?
    for each in row:
        if d.family[each.i] < 0:
            fitted[each.i] = [model.new_bool_var("") for _ in range(families)]
            model.add(sum(fitted[each.i]) <= 1)

    def set_up(lits: list[Any], seconds: int, then: _Row, now: _Row | None) -> None:
        """When all literals hold, so much set-up lies between two operations (or time 0 and the first)."""
        if not seconds:
            return
        if len(lits) == 1:
            out.setup_terms.append(lits[0] * seconds)
        else:
            both = model.new_bool_var("")
            model.add(both >= sum(lits) - len(lits) + 1)
            out.setup_terms.append(both * seconds)
        if d.frozen[then.i] >= 0 and (now is None or d.frozen[now.i] >= 0):
            return
        if now is None:
            since: Any = 0
            until = out.start[then.i] if then.opens is None else then.opens
        elif now.done is not None and then.opens is not None:
            since, until = now.done, then.opens
        else:
            since, until = out.end[now.i], out.start[then.i]
            out.exact &= not out.problem.closed[k]
        model.add(until >= since + seconds).only_enforce_if(lits)

    def pass_on(lit: Any, family: int, carried: list[Any] | None, then: _Row) -> None:
        """What the machine is set up for when `then` comes after it."""
        for g in range(families):
            here = carried[g] if carried is not None else g == family
            if then.i in fitted:
                model.add(fitted[then.i][g] == here).only_enforce_if(lit)

    arcs = [(0, 0, model.new_bool_var(""))]
    for a, now in enumerate(row, 1):
        first, last = model.new_bool_var(""), model.new_bool_var("")
        arcs += [(0, a, first), (a, 0, last), (a, a, ~now.lit)]
        initial = d.machine_family[k]
        pass_on(first, initial, None, now)
        if d.family[now.i] >= 0 and initial >= 0:
            set_up([first], int(matrix[initial, d.family[now.i]]), now, None)
        for b, then in enumerate(row, 1):
            if a == b:
                continue
            follows = model.new_bool_var("")
            arcs.append((a, b, follows))
            if d.frozen[now.i] < 0 or d.frozen[then.i] < 0:
                model.add(out.start[then.i] >= out.end[now.i]).only_enforce_if(follows)
            elif d.frozen[now.i] > d.frozen[then.i]:
                model.add(follows == 0)
            pass_on(follows, d.family[now.i], fitted.get(now.i), then)
            if d.family[then.i] < 0:
                continue
            if now.i in fitted:
                for g in range(families):
                    set_up([follows, fitted[now.i][g]], int(matrix[g, d.family[then.i]]), then, now)
            else:
                set_up([follows], int(matrix[d.family[now.i], d.family[then.i]]), then, now)
    model.add_circuit(arcs)


def _goal(out: _Model, d: Any, end_s: int) -> None:
    model, problem = out.model, out.problem
    out.scale, weights = _coefficients(problem)
    out.coefficients = weights
    terms: list[Any] = []
    if weights["makespan"]:
        makespan = model.new_int_var(0, end_s, "")
        for i in d.sink:
            model.add(makespan >= out.end[i])
        terms.append(weights["makespan"] * makespan)
    for j in range(d.jobs):
        for i in d.sink[d.sink_ptr[j] : d.sink_ptr[j + 1]]:
            if weights["tardiness"] and d.due[j] < FOREVER and d.weight[j]:
                late = model.new_int_var(0, max(end_s - d.due[j], 0), "")
                model.add(late >= out.end[i] - d.due[j])
                terms.append(weights["tardiness"] * d.weight[j] * late)
            if weights["flow"] and d.frozen[i] < 0:
                terms.append(weights["flow"] * (out.end[i] - d.job_release[j]))
            elif weights["flow"]:  # a fact may lie before the release
                over = model.new_int_var(0, max(end_s, FOREVER), "")
                model.add(over >= out.end[i] - d.job_release[j])
                terms.append(weights["flow"] * over)
    if weights["setup"]:
        terms += [weights["setup"] * term for term in out.setup_terms]
    if problem.before is not None and (weights["change"] or weights["moved"]):
        for i in np.flatnonzero(problem.before[0] >= 0).tolist():
            if weights["change"]:
                shift = model.new_int_var(0, max(end_s, int(d.before_start[i])), "")
                model.add_abs_equality(shift, out.start[i] - d.before_start[i])
                terms.append(weights["change"] * shift)
            for o in range(d.option_ptr[i], d.option_ptr[i + 1]):
                if weights["moved"] and d.option_machine[o] != d.before_machine[i]:
                    terms.append(weights["moved"] * out.present[o])
    model.minimize(sum(terms) if terms else 0)


def by_exact(
    problem: Problem,
    *,
    seed: int = 7,
    seconds: float = inf,
    effort: float = inf,
    workers: int = 1,
    hint: Plan | None = None,
    floor: Floor | None = None,
    found: Callable[[Plan], None] | None = None,
    started: Callable[[Any], None] | None = None,
) -> Answer:
    """Solve with CP-SAT: a function of the shape that all solvers share.

    Parameters
    ----------
    problem : what is to be scheduled
    seed : of the solver
    seconds, effort : allowance in seconds, and in CP-SAT's deterministic time (the same on every machine)
    workers : threads; with one, the same problem, seed and effort give the same answer
    hint : a plan to start from
    floor : the problem laid out for timing, if at hand
    found : called with each plan found
    started : called with the CP-SAT solver before it starts, to be able to stop it from another thread

    Returns
    -------
    Answer
    """
    from ortools.sat.python import cp_model

    floor = floor or Floor(problem, fast=False)
    limit = horizon(problem)
    goal = problem.objective
    regular = not (goal.change and problem.before is not None)
    if hint is not None and hint.kept:
        pure = regular and not (goal.tardiness or goal.flow or goal.setup or goal.moved)
        limit = min(limit, int(hint.end.max(initial=0))) if pure and goal.makespan else max(limit, int(hint.end.max()))
    made = build(problem, limit)
    if hint is not None and hint.kept:
        for i in range(problem.operations):
            if problem.frozen_s[i] < 0:
                made.model.add_hint(made.start[i], int(hint.start[i]))
                made.model.add_hint(made.end[i], int(hint.end[i]))
            options = range(int(problem.option_ptr[i]), int(problem.option_ptr[i + 1]))
            for o in options if len(options) > 1 else ():
                made.model.add_hint(made.present[o], int(hint.option[i] == o))
    rank = np.empty(problem.operations, np.int64)
    rank[_topological(problem)] = np.arange(problem.operations)
    best: list[Plan] = []

    def timed(value: Callable[[Any], int]) -> Plan:
        start = np.array([value(x) for x in made.start], np.int64)
        end = np.array([value(x) for x in made.end], np.int64)
        ptr = problem.option_ptr.tolist()
        option = np.array(
            [next((o for o in range(a, b) if b - a == 1 or value(made.present[o])), a) for a, b in pairwise(ptr)],
            np.int64,
        )
        order = np.lexsort((rank, end, start))
        plan = floor.time(order, option, None if regular else np.where(problem.frozen_s >= 0, 0, start))
        if not best or plan.cost < best[0].cost:
            best[:] = [plan]
            if found is not None and plan.kept:
                found(plan)
        return plan

    class _Each(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]  # OR-Tools is untyped here
        def on_solution_callback(self) -> None:
            timed(self.value)

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    if isfinite(seconds):
        solver.parameters.max_time_in_seconds = max(seconds, 0.01)
    if isfinite(effort):
        solver.parameters.max_deterministic_time = effort
    if started is not None:
        started(solver)
    status = solver.solve(made.model, _Each())
    plan = best[0] if best and best[0].kept else None
    if status == cp_model.INFEASIBLE:
        if hint is not None and hint.kept:
            return Answer(hint, 0.0, proved=False, impossible=False)
        return Answer(None, inf, proved=False, impossible=True)
    if status == cp_model.MODEL_INVALID:
        raise AssertionError(f"the model of a valid problem is refused: {made.model.validate()}")
    bound = (
        max(solver.best_objective_bound / made.scale, 0.0)
        if status != cp_model.UNKNOWN or isfinite(solver.best_objective_bound)
        else 0.0
    )
    proved = (
        status == cp_model.OPTIMAL
        and plan is not None
        and made.exact
        and plan.cost <= solver.objective_value / made.scale * (1 + 1e-5) + 1e-5
    )
    return Answer(plan, bound, proved=proved, impossible=False)


def _topological(problem: Problem) -> Any:
    d = arrays(problem, lists=True)
    waits = [d.pred_ptr[i + 1] - d.pred_ptr[i] for i in range(d.n)]
    turn = [i for i in range(d.n) if not waits[i]]
    for i in turn:
        for b in range(d.succ_ptr[i], d.succ_ptr[i + 1]):
            waits[d.succ[b]] -= 1
            if not waits[d.succ[b]]:
                turn.append(d.succ[b])
    return np.array(turn, np.int64)
