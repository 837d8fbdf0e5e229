"""Solve: rules for the first answer, load sharing, tabu search or annealing, and CP-SAT for small problems and proofs.

On one worker all take turns, each turn a fixed amount of work, so that a stop by rounds gives the same schedule each
time. On two, CP-SAT has a thread to itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import ceil, inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.schedule import anneal, kernels, tabu
from zhizao.decide.schedule.bounds import chain_bound, impossible, machine_bound, share_load
from zhizao.decide.schedule.problem import Problem
from zhizao.decide.schedule.rules import SMALL, Floor, Plan
from zhizao.decide.schedule.schedule import Result, Schedule, Status, Step
from zhizao.decide.schedule.stop import Progress, Seconds, Stop, Watch, seconds_left

__all__ = ["prepare", "solve"]

TINY = 40
"""Operations up to which CP-SAT alone is asked: it proves such answers before a compiled search would be loaded."""

WHOLE = 600
"""Operations up to which CP-SAT is given the whole problem; above, windows of it."""

COMPILING_S = 25.0
"""Seconds that compiling the kernels may take on a machine that has never done so: with less left it is not begun."""


class _Run:
    """Best plan, bound and log of one call, shared by all searches."""

    def __init__(self, problem: Problem, stop: Stop, progress: Callable[[Progress], None] | None) -> None:
        self.problem, self.stop, self.progress = problem, stop, progress
        self.watch = Watch()
        self.best: Plan | None = None
        self.bound = 0.0
        self.proved = False
        self.impossible = False
        self.rounds = 0
        self.source = ""
        self.log: list[Step] = []
        self._lock = threading.Lock()

    @property
    def value(self) -> float:
        return self.best.cost if self.best is not None and self.best.kept else inf

    def offer(self, plan: Plan | None, source: str) -> None:
        """Keep a plan when it is the best so far."""
        if plan is None:
            return
        with self._lock:
            if self.best is None or plan.cost < self.best.cost:
                self.best = plan
                if plan.kept:
                    self.log.append(Step(self.watch.seconds, self.rounds, source, plan.cost, self.bound))

    def raise_bound(self, bound: float) -> None:
        """Keep a bound when it is the best so far."""
        with self._lock:
            self.bound = max(self.bound, bound)

    @property
    def done(self) -> bool:
        """Whether nothing is left to be found."""
        return self.proved or self.impossible or (isfinite(self.value) and self.value <= self.bound * (1 + 1e-9) + 1e-9)

    def over(self) -> bool:
        """Whether to stop: nothing left to be found, or the stop says so."""
        if self.done:
            return True
        now = self.watch.seconds
        left = seconds_left(self.stop, now)
        share = now / (now + left) if isfinite(left) and now + left > 0 else -1.0
        at = Progress(now, self.rounds, self.value, self.bound, self.source, share)
        if self.progress is not None:
            self.progress(at)
        return bool(self.stop(at))

    @property
    def left(self) -> float:
        """Seconds until the stop is sure to come."""
        return seconds_left(self.stop, self.watch.seconds)

    def result(self) -> Result:
        """What is to be given back."""
        if self.impossible:
            return Result(Status.IMPOSSIBLE, None, inf, inf, tuple(self.log))
        if self.best is None or not self.best.kept:
            return Result(Status.NONE_FOUND, None, self.bound, inf, tuple(self.log))
        if self.done:
            return Result(Status.OPTIMAL, self.best.schedule(), self.value, self.value, tuple(self.log))
        return Result(Status.FEASIBLE, self.best.schedule(), self.bound, self.value, tuple(self.log))


def solve(
    problem: Problem,
    stop: Stop | None = None,
    seed: int = 7,
    progress: Callable[[Progress], None] | None = None,
    workers: int = 2,
) -> Result:
    """Find a good schedule, and say how good.

    Parameters
    ----------
    problem : what is to be scheduled
    stop : asked again and again with a `Progress`; True ends the search. `Seconds(30)` when None. A cancel button is
        `lambda at: pressed.is_set()`
    seed : of all random choices
    progress : told where the search stands, each time the stop is asked
    workers : threads, 1 or 2; on one, the same problem, seed and `Rounds` give the same schedule

    Returns
    -------
    Result

    Examples
    --------
    >>> result = solve(Problem.of_jobs([[{0: 3}, {1: 2}], [{1: 2}, {0: 4}]], machines=2), Seconds(5))
    >>> result.status, result.value
    (<Status.OPTIMAL: 'optimal'>, 7.0)
    """
    run = _Run(problem, stop or Seconds(30), progress)
    if not problem.operations:
        none = np.zeros(0, np.int64)
        return Result(Status.OPTIMAL, Schedule(none, none, none, none), 0.0, 0.0)
    if impossible(problem):
        run.impossible = True
        return run.result()
    pure = bool(problem.objective.makespan)
    run.raise_bound(chain_bound(problem))
    if pure:
        run.raise_bound(problem.objective.makespan * machine_bound(problem))
    floor, fast = _first_plans(run)
    if problem.before is not None and problem.objective.change:
        run.offer(_as_before(floor, run.best), "previous")
    if run.over():
        return run.result()
    allowed = _eligible(run, floor)
    if not run.over():
        _Search(run, floor, fast, seed, workers, allowed).go()
    return run.result()


def _rules(problem: Problem) -> tuple[str, ...]:
    goal = problem.objective
    if goal.tardiness:
        return ("atc", "edd", "slack", "cr")
    if goal.makespan:
        return ("mwkr", "spt", "mor")
    return ("spt", "atc", "family") if (problem.setup_s > 0).any() else ("spt", "atc", "mwkr")


def _first_plans(run: _Run) -> tuple[Floor, bool]:
    """A schedule at once; compiled kernels only for problems that are worth them, or where they lie ready."""
    problem, n = run.problem, run.problem.operations
    run.source = "rules"
    floor = Floor(problem, fast=False)
    ready = False
    if n > TINY:
        from zhizao.decide.schedule.compiled import warm
        from zhizao.decide.schedule.engines import suits_tabu

        search: Callable[..., object] = tabu.improve if suits_tabu(problem) else anneal.simmer
        ready = all(warm(kernel) for kernel in (kernels.decode, kernels.dispatch, search))
    if n > SMALL and ready:
        floor = Floor(problem, fast=True)
    names = _rules(problem)
    for rule in names if floor.fast or n <= 5_000 else names[:1]:
        run.offer(floor.dispatch(rule), rule)
    return floor, ready


def _as_before(floor: Floor, best: Plan | None) -> Plan | None:
    """The previous schedule carried over: same machines, same order, nothing earlier than before."""
    problem = floor.problem
    before = problem.before
    if before is None or best is None:
        return None
    from zhizao.decide.schedule.windows import mend

    start, machine = before
    known = start >= 0
    option = best.option.copy()
    for i in np.flatnonzero(known).tolist():
        for o in range(int(problem.option_ptr[i]), int(problem.option_ptr[i + 1])):
            if problem.option_machine[o] == machine[i]:
                option[i] = o
    key = np.where(problem.frozen_s >= 0, problem.frozen_s, np.where(known, start, best.start))
    rank = np.empty(len(key), np.int64)
    rank[best.order] = np.arange(len(key))
    order = mend(problem, np.lexsort((rank, key)))
    return floor.time(order, option, np.where(known & (problem.frozen_s < 0), start, 0))


def _eligible(run: _Run, floor: Floor) -> list[NDArray[np.bool_] | None]:
    """Which machines a rule may use: all; those that share the load best; those that are not much slower."""
    problem = run.problem
    out: list[NDArray[np.bool_] | None] = [None]
    if len(problem.option_machine) == problem.operations:
        return out
    run.source = "load"
    op = np.repeat(np.arange(problem.operations), np.diff(problem.option_ptr))
    least = np.minimum.reduceat(problem.option_s, problem.option_ptr[:-1])
    if problem.operations <= 100_000:
        load = share_load(problem, seconds=min(run.left, 60.0))
        if load is not None:
            run.raise_bound(problem.objective.makespan * load.bound)
            top = np.maximum.reduceat(load.share, problem.option_ptr[:-1])
            place = np.arange(len(op))
            chosen = np.full(problem.operations, len(op))
            np.minimum.at(chosen, op[load.share >= top[op]], place[load.share >= top[op]])
            one = np.zeros(len(op), bool)
            one[chosen] = True
            out += [one, load.share > 1e-6]
    out += [problem.option_s <= slow * least[op] for slow in (1.1, 1.3)]
    return out


class _Search:
    """The turns of the searches after the first plans."""

    def __init__(
        self, run: _Run, floor: Floor, ready: bool, seed: int, workers: int,
        allowed: list[NDArray[np.bool_] | None],
    ) -> None:  # fmt: skip
        self.run, self.floor, self.seed, self.workers, self.allowed = run, floor, seed, workers, allowed
        self.ready = ready
        n = run.problem.operations
        self.local = n > TINY and (ready or run.left > COMPILING_S)
        self.rng = np.random.default_rng(seed)
        self._solver: Any = None
        self._end = threading.Event()
        self._effort = 0.2
        self._windows: Any = None

    def go(self) -> None:
        """Until the stop."""
        run = self.run
        if self.ready and not self.floor.fast:  # the kernels lie on disk: many rules are tried sooner with them
            self.floor = Floor(run.problem, fast=True)
        rule, look, best_allowed, leaders = self._sweep()
        if run.over():
            return
        thread = None
        exact_worth = run.problem.operations <= WHOLE or not self._tabu_suits()
        if self.local and self.workers > 1 and exact_worth:
            thread = threading.Thread(target=self._exact_thread, daemon=True)
            thread.start()
        try:
            if self.local:
                if not self.ready and not self._compiled():
                    return
                self.floor = self.floor if self.floor.fast else Floor(run.problem, fast=True)
                self._locals((rule, look, best_allowed), leaders, alone=thread is None, exact_worth=exact_worth)
            else:
                self._exact_alone()
        finally:
            self._end.set()
            if thread is not None:
                while thread.is_alive():
                    if self._solver is not None:
                        self._solver.stop_search()
                    thread.join(0.05)

    def _compiled(self) -> bool:
        """Compile beside the waiting, so that the stop is asked; False when it came first."""
        self.run.source = "compiling"
        suits = self._tabu_suits()
        wanted = {"tabu_too": suits, "anneal_too": not suits}
        thread = threading.Thread(target=prepare, kwargs=wanted, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.1)
            if self.run.over():
                return False
        return True

    def _tabu_suits(self) -> bool:
        from zhizao.decide.schedule.engines import suits_tabu

        return suits_tabu(self.run.problem)

    def _locals(
        self, rule: tuple[str, float, NDArray[np.bool_] | None], leaders: list[Plan], *, alone: bool, exact_worth: bool
    ) -> None:  # fmt: skip
        from zhizao.decide.schedule.engines import Anneal, Engine, Perturb, Tabu

        run = self.run
        engines: list[tuple[Engine, int]]  # and the rounds that each has in a turn
        if self._tabu_suits():
            engines = [(Tabu(self.floor, self.rng, leaders), 8)]
        else:
            engines = [(Anneal(self.floor, self.rng), 8)]
            flexible = len(run.problem.option_machine) > run.problem.operations
            if run.problem.operations > 150:
                engines.insert(0, (Perturb(self.floor, self.rng, *rule), 8 if flexible else 2))
        while True:
            for engine, turns in engines:
                run.source = engine.name
                for _ in range(turns):
                    if run.over() or run.best is None:
                        return
                    run.offer(engine.round(run.best, ceil(run.bound - 1e-9)), engine.name)
                    run.rounds += 1
            if alone and exact_worth:
                run.source = "exact"
                self._exact_turn(inf)
                run.rounds += 1

    def _sweep(self) -> tuple[str, float, NDArray[np.bool_] | None, list[Plan]]:
        """Each rule with each choice of machines: which did best, and the best plan of each choice, best first."""
        run = self.run
        run.source = "rules"
        best: tuple[float, str, float, NDArray[np.bool_] | None] = (inf, _rules(run.problem)[0], 2.0, None)
        leaders: list[Plan] = []
        for allowed in self.allowed:
            leader: Plan | None = None
            for rule in _rules(run.problem):
                for look in (1.0, 2.0, 4.0, 8.0) if rule == "atc" else (2.0,):
                    plan = self.floor.dispatch(rule, allowed=allowed, look=look)
                    run.offer(plan, rule)
                    if plan is not None and plan.cost < best[0]:
                        best = (plan.cost, rule, look, allowed)
                    if plan is not None and (leader is None or plan.cost < leader.cost):
                        leader = plan
            leaders += [leader] if leader is not None else []
            if run.over():
                break
        return *best[1:], sorted(leaders, key=lambda each: each.cost)

    def _exact_turn(self, seconds: float) -> None:
        """One call of CP-SAT: the whole problem with a growing allowance, or a window of it."""
        from zhizao.decide.schedule.exact import by_exact

        run = self.run
        seconds = min(seconds, run.left)
        if run.problem.operations > WHOLE:
            if self._windows is None:
                from zhizao.decide.schedule.windows import Windows

                self._windows = Windows(Floor(run.problem, fast=self.floor.fast), np.random.default_rng(self.seed + 1))
            if run.best is not None:
                run.offer(self._windows.round(run.best, run.bound, seconds), "windows")
            return
        answer = by_exact(
            run.problem, seed=self.seed, seconds=seconds, effort=self._effort, workers=1,
            hint=run.best if run.best is not None and run.best.kept else None,
            found=lambda plan: run.offer(plan, "exact"), started=self._started, floor=Floor(run.problem, fast=False),
        )  # fmt: skip
        self._effort = min(self._effort * 2, 60.0)
        run.offer(answer.plan, "exact")
        run.raise_bound(answer.bound)
        run.proved |= answer.proved
        run.impossible |= answer.impossible

    def _started(self, solver: Any) -> None:
        self._solver = solver

    def _exact_thread(self) -> None:
        while not self._end.is_set() and not self.run.done:
            self._exact_turn(self.run.left)

    def _exact_alone(self) -> None:
        """CP-SAT without company: watched from here, so that the stop is asked while it works."""
        run = self.run
        run.source = "exact"
        while not run.over():
            thread = threading.Thread(target=self._exact_turn, args=(inf,), daemon=True)
            thread.start()
            while thread.is_alive():
                thread.join(0.05)
                if thread.is_alive() and run.over() and self._solver is not None:
                    self._solver.stop_search()
            run.rounds += 1


def prepare(*, tabu_too: bool = True, anneal_too: bool = True) -> None:
    """Compile the kernels and leave them on disk, so that no later call has to; some 20 s the first time, 1 s later.

    Plain Python and CP-SAT serve calls with less time than that on a machine where this has never been done.

    Parameters
    ----------
    tabu_too, anneal_too : beside the kernels that time and dispatch, those of the tabu search and of annealing, a third
        of the seconds each
    """
    from zhizao.decide.schedule.engines import Anneal, Tabu

    floor = Floor(Problem.of_jobs([[{0: 2, 1: 3}, {1: 2}], [{1: 4}, {0: 1}]], 2), fast=True)
    plan = floor.dispatch("mwkr")
    assert plan is not None
    if tabu_too:
        Tabu(floor, np.random.default_rng(0)).round(plan, 0.0)
    if anneal_too:
        Anneal(floor, np.random.default_rng(0)).round(plan, 0.0)
