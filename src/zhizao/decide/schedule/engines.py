"""Searches of one shape: each does a fixed amount of work a round, starts from the best plan so far, offers its own.

`Perturb` dispatches again with disturbed priorities (large, loaded shops), `Tabu` relinks and improves a pool of elite
solutions (makespan), `Anneal` changes the sequence (any objective). `windows.Windows` has the same shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.schedule import anneal, tabu
from zhizao.decide.schedule.arrays import pairs
from zhizao.decide.schedule.compiled import compiled
from zhizao.decide.schedule.problem import FOREVER, Ints, Problem
from zhizao.decide.schedule.rules import Floor, Plan

__all__ = ["Anneal", "Engine", "Perturb", "Tabu", "suits_tabu"]


class Engine(Protocol):
    """A search: rounds of fixed work, the same for the same problem, generator and plans given."""

    name: str

    def round(self, best: Plan, bound: float) -> Plan | None:
        """Do one round; a plan that may be better than the best so far, or None."""
        ...


def suits_tabu(problem: Problem) -> bool:
    """Whether the objective is the makespan alone and nothing binds that the tabu search does not know."""
    goal = problem.objective
    others = goal.tardiness or goal.flow or goal.setup or goal.change or goal.moved
    plain = not (problem.setup_s > 0).any() and not any(problem.closed) and (problem.group < 0).all()
    free = (problem.frozen_s < 0).all() and (problem.deadline_s >= FOREVER).all()
    return bool(goal.makespan > 0 and not others and plain and free)


class Perturb:
    """Dispatch with priorities disturbed job by job, keeping what helps (random-key search on a rule)."""

    name = "rules"

    def __init__(
        self, floor: Floor, rng: np.random.Generator, rule: str, look: float, allowed: NDArray[np.bool_] | None
    ) -> None:
        self._floor, self._rng, self._rule, self._look, self._allowed = floor, rng, rule, look, allowed
        self._jobs = np.zeros(len(floor.problem.jobs))
        self._cost = float("inf")
        self._tries = max(1, 20_000 // (floor.data.n + 100))

    def round(self, best: Plan, bound: float) -> Plan | None:
        """Some dispatches; see `Engine.round`."""
        found: Plan | None = None
        for _ in range(self._tries):
            keys = self._jobs.copy()
            if np.isfinite(self._cost):
                some = self._rng.integers(0, len(keys), int(self._rng.integers(1, 4)))
                keys[some] += self._rng.normal(0, 0.3, len(some))
            noise = np.clip(keys, -0.95, 10)[self._floor.problem.job]
            plan = self._floor.dispatch(self._rule, allowed=self._allowed, noise=noise, look=self._look)
            if plan is not None and plan.cost <= self._cost:
                self._cost, self._jobs, found = plan.cost, keys, plan
        return found


class Tabu:
    """Tabu search from elite solutions and from points between them.

    A point between two solutions takes each operation's rank as a weighted mean of its two ranks: whatever both
    solutions agree on is kept, and no precedence is broken. After Peng, Lü and Cheng (2015), who relink by swaps. The
    first solutions come from `seeds`: in flexible shops it matters more than all moves which machines they start on.
    """

    name = "tabu"
    pool_size = 8
    patience = 12_500

    def __init__(self, floor: Floor, rng: np.random.Generator, seeds: Sequence[Plan] = ()) -> None:
        self._d, self._floor, self._rng = floor.data, floor, rng
        self._seeds = list(seeds)
        self._state = tabu.moves_for(floor.data)
        self._place, self._improve = compiled(tabu.place_all), compiled(tabu.improve)
        self._moves = max(50, 2_000_000 // (floor.data.n + 300))
        self._pool: list[tuple[int, Ints, Ints]] = []  # makespan, rank of each operation, options
        self._running = False
        self._known = float("inf")

    def round(self, best: Plan, bound: float) -> Plan | None:
        """Some thousand moves; see `Engine.round`."""
        s = self._state
        if not self._running:
            order, option = self._next(best)
            self._place(self._d, s, order, option)
            self._running = True
        value = int(self._improve(self._d, s, self._rng, self._moves, self.patience, int(bound)))
        if s.cell[3] >= self.patience or value <= bound:
            self._running = False
            self._keep(value)
        if value < self._known:
            self._known = value
            return self._floor.time(s.best_order, s.best_option)
        return None

    def _keep(self, value: int) -> None:
        rank = np.empty(self._d.n, np.int64)
        rank[self._state.best_order] = np.arange(self._d.n)
        option = self._state.best_option.copy()
        for other, ranks, options in self._pool:
            near = np.abs(ranks - rank).mean() < 0.002 * self._d.n and (options == option).mean() > 0.99
            if other == value and near:
                return
        self._pool.append((value, rank, option))
        self._pool.sort(key=lambda each: each[0])
        del self._pool[self.pool_size :]

    def _next(self, best: Plan) -> tuple[Ints, Ints]:
        rng = self._rng
        if self._seeds:
            first = self._seeds.pop(0)
            return first.order, first.option
        if not self._pool:
            return best.order, best.option
        if len(self._pool) < self.pool_size and rng.random() < 0.6:
            # a new corner: the best one shaken, options sometimes by chance
            _, rank, option = self._pool[0]
            shaken = self._shake(rank, float(rng.choice([0.03, 0.08, 0.2])))
            return shaken, option.copy()
        a, b = rng.choice(len(self._pool), 2, replace=len(self._pool) < 2)
        _, rank_a, option_a = self._pool[int(a)]
        _, rank_b, option_b = self._pool[int(b)]
        if a == b or (np.abs(rank_a - rank_b).mean() < 0.005 * self._d.n):
            return self._shake(rank_a, 0.1), option_a.copy()
        share = rng.uniform(0.3, 0.7)
        order = np.argsort(share * rank_a + (1 - share) * rank_b, kind="stable")
        option = np.where(rng.random(self._d.n) < share, option_a, option_b)
        return order, option

    def _shake(self, rank: Ints, by: float) -> Ints:
        """The sequence with ranks disturbed, precedences kept: an operation comes after all that it must follow."""
        keys = rank + self._rng.normal(0, by * self._d.n, self._d.n)
        links = pairs(self._floor.problem)
        after = np.argsort(rank[links[:, 0]], kind="stable")
        for a, b in links[after].tolist():
            if keys[b] <= keys[a]:
                keys[b] = keys[a] + 1e-6
        return np.argsort(keys, kind="stable")


class Anneal:
    """Annealing in cycles that double in length, each from the best so far; heat by the losses met at the start."""

    name = "anneal"

    def __init__(self, floor: Floor, rng: np.random.Generator) -> None:
        self._d, self._floor, self._rng = floor.data, floor, rng
        self._state = anneal.heat_for(floor.data)
        self._warm, self._simmer = compiled(anneal.warm_up), compiled(anneal.simmer)
        self._moves = max(20, 400_000 // (floor.data.n + 50))
        self._length = max(6 * self._moves, 60_000_000 // (floor.data.n + 400))
        self._left = 0
        self._cycle = 0
        self._known = float("inf")

    def round(self, best: Plan, bound: float) -> Plan | None:
        """Some thousand moves; see `Engine.round`."""
        s = self._state
        if self._left <= 0:
            self._warm(self._d, s, best.order, best.option, best.hold)
            s.cell[6] = s.cell[7] = 0.0
            s.cell[2], s.cell[3] = 1e-9, 1.0
            self._simmer(self._d, s, self._rng, min(500, self._moves))
            scale = s.cell[6] / s.cell[7] if s.cell[7] else max(best.cost, 1.0) * 0.01
            heat = scale * (0.1, 0.03, 0.01)[self._cycle % 3]
            s.cell[2], s.cell[3] = heat, 0.005 ** (1.0 / self._length)
            self._left = self._length
            self._cycle += 1
            if self._cycle % 3 == 0:
                self._length *= 2
        value = float(self._simmer(self._d, s, self._rng, self._moves))
        self._left -= self._moves
        if value < min(self._known, best.cost):
            self._known = value
            return self._floor.time(s.best_order, s.best_option, s.best_hold)
        return None
