"""Dispatch rules: each gives a whole schedule in milliseconds, the first answer and the yardstick of all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.schedule import kernels
from zhizao.decide.schedule.arrays import Data, arrays
from zhizao.decide.schedule.problem import Ints, Problem
from zhizao.decide.schedule.schedule import Schedule

__all__ = ["RULES", "SMALL", "Floor", "Plan", "by_rule"]

RULES = ("spt", "mwkr", "mor", "edd", "slack", "cr", "atc", "family", "fifo")
"""Rules by code: shortest operation; most work remaining; most operations remaining; earliest due date; least slack;
critical ratio; apparent tardiness cost with set-ups; family now set up, then due date; first released."""

SMALL = 400
"""Operations up to which plain Python times and dispatches, so that nobody waits for a compiler."""


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """A sequence with its options, timed: what searches pass to each other.

    Parameters
    ----------
    order : (N,) operations, predecessors first
    option, hold : (N,) option, and seconds before which an operation is not started
    start, end, setup : (N,) times that follow from them
    cost : objective, with `kernels.BROKEN` added when a promise is broken
    """

    order: Ints
    option: Ints
    hold: Ints
    start: Ints
    end: Ints
    setup: Ints
    cost: float

    @property
    def kept(self) -> bool:
        """Whether all promises are kept."""
        return self.cost < kernels.BROKEN

    def schedule(self) -> Schedule:
        """The plan without the sequence."""
        return Schedule(option=self.option, start_s=self.start, end_s=self.end, setup_s=self.setup)


class Floor:
    """A problem laid out for the kernels, with the work space that they need; times and dispatches.

    Parameters
    ----------
    problem : what is to be scheduled
    fast : compiled kernels (True), plain Python (False), or by size (None)
    """

    def __init__(self, problem: Problem, *, fast: bool | None = None) -> None:
        self.problem = problem
        self.fast = problem.operations > SMALL if fast is None else fast
        self.data: Data = arrays(problem, lists=not self.fast)
        if self.fast:
            from zhizao.decide.schedule.compiled import compiled

            self._decode, self._cost, self._dispatch = (
                compiled(kernel) for kernel in (kernels.decode, kernels.cost, kernels.dispatch)
            )
        else:
            self._decode, self._cost, self._dispatch = kernels.decode, kernels.cost, kernels.dispatch

    def room(self, *sizes: int) -> list[Any]:
        """Work space of the given sizes, lists or arrays as the kernels want them."""
        return [np.zeros(size, np.int64) if self.fast else [0] * size for size in sizes]

    def _give(self, values: Any) -> Any:
        array = np.array(values, np.int64)
        return array if self.fast else array.tolist()

    def time(self, order: Any, option: Any, hold: Any = None) -> Plan:
        """Time a sequence: each operation as early as possible in the given order.

        Parameters
        ----------
        order : (N,) operations, predecessors first
        option : (N,) option of each operation
        hold : (N,) seconds before which an operation is not started; None = as early as possible
        """
        d = self.data
        order, option = self._give(order), self._give(option)
        hold = self._give(np.zeros(d.n) if hold is None else hold)
        start, end, bind, ahead, setup, worker = self.room(d.n, d.n, d.n, d.n, d.n, d.n)
        last, fitted, free, free_last = self.room(d.m, d.m, d.people, d.people)
        broken = self._decode(
            d, order, option, hold, start, end, bind, ahead, setup, last, fitted, worker, free, free_last, 0
        )
        value = self._cost(d, option, start, end, setup, broken)
        made = [np.array(part, np.int64) for part in (order, option, hold, start, end, setup)]
        return Plan(made[0], made[1], made[2], made[3], made[4], made[5], cost=float(value))

    def dispatch(
        self,
        rule: str,
        *,
        allowed: NDArray[np.bool_] | None = None,
        noise: NDArray[np.float64] | None = None,
        look: float = 2.0,
    ) -> Plan | None:
        """Schedule by a rule; None when some operation found no place.

        Parameters
        ----------
        rule : one of `RULES`
        allowed : (K,) options that may be used; None = all
        noise : (N,) relative disturbance of the urgencies; None = none
        look : look-ahead of rule atc, in mean operations
        """
        d = self.data
        options = np.ones(len(self.problem.option_machine), np.int64) if allowed is None else allowed.astype(np.int64)
        shake = np.zeros(d.n) if noise is None else noise
        order, option, start, end, state, waits = self.room(d.n, d.n, d.n, d.n, d.n, d.n)
        queue, queue_len, busy, last, fitted, free = self.room(len(options), d.m, d.m, d.m, d.m, d.people)
        placed = self._dispatch(
            d, RULES.index(rule), look, self._give(options), shake if self.fast else shake.tolist(), order, option, start,
            end, state, waits, queue, queue_len, busy, last, fitted, free,
        )  # fmt: skip
        return self.time(order, option) if placed == d.n else None


def by_rule(problem: Problem, rule: str = "atc", *, seed: int = 0, noise: float = 0.0) -> Schedule | None:
    """Schedule by one rule alone: a function of the shape that all solvers share.

    Parameters
    ----------
    problem : what is to be scheduled
    rule : one of `RULES`
    seed, noise : relative disturbance of the urgencies (standard deviation) and its seed

    Returns
    -------
    a schedule, or None when some operation found no place or a promise is broken

    Examples
    --------
    >>> problem = Problem.of_jobs([[{0: 3}, {1: 2}], [{0: 2}]], machines=2)
    >>> by_rule(problem, "spt").end_s.tolist()
    [5, 7, 2]
    """
    shake = np.random.default_rng(seed).normal(0, noise, problem.operations) if noise else None
    plan = Floor(problem).dispatch(rule, noise=shake)
    return plan.schedule() if plan is not None and plan.kept else None
