"""A schedule, and what a solver gives back: status, schedule, bound and the log of how it got there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from zhizao.decide.schedule.problem import FOREVER, Ints, Problem

__all__ = ["Result", "Schedule", "Status", "Step", "figures", "value"]


class Status(StrEnum):
    """What is known about the answer; an absent plan is told apart from a bad one."""

    OPTIMAL = "optimal"
    """No schedule is better, and that is proved."""

    FEASIBLE = "feasible"
    """A schedule that keeps every promise; a better one may exist."""

    NONE_FOUND = "none found"
    """The stop came before a schedule that keeps every promise; one may exist."""

    IMPOSSIBLE = "impossible"
    """No schedule can keep every promise, and that is proved."""


@dataclass(frozen=True, eq=False, slots=True)
class Schedule:
    """When and where each operation of a problem is done.

    Parameters
    ----------
    option : (N,) index into the problem's options
    start_s, end_s : (N,) whole seconds; the work lies between them, less closed intervals for one that spans them
    setup_s : (N,) seconds of set-up before the start, in the machine's open time
    """

    option: Ints
    start_s: Ints
    end_s: Ints
    setup_s: Ints

    def machine(self, problem: Problem) -> Ints:
        """(N,) machine of each operation, -1 = none."""
        chosen: Ints = problem.option_machine[self.option]
        return chosen


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the log: after so many seconds and rounds, who found a schedule of which value, and the bound then."""

    seconds: float
    rounds: int
    source: str
    value: float
    bound: float


@dataclass(frozen=True, slots=True)
class Result:
    """What a solver gives back.

    Parameters
    ----------
    status : what is known about the answer
    schedule : the best found, None when there is none
    bound : what no schedule can beat, in units of the objective
    value : objective of the schedule; inf when there is none
    log : each improvement, first to last
    """

    status: Status
    schedule: Schedule | None
    bound: float
    value: float
    log: tuple[Step, ...] = ()

    @property
    def gap(self) -> float:
        """Value over bound less 1: at most so much can still be gained."""
        if not np.isfinite(self.value):
            return float("inf")
        return self.value / self.bound - 1 if self.bound > 0 else float(self.value > 0)


def figures(problem: Problem, schedule: Schedule) -> dict[str, float]:
    """The parts of the objective, unweighted, from starts and ends alone.

    Parameters
    ----------
    problem, schedule : the plan to be judged

    Returns
    -------
    makespan, tardiness (weighted), flow (mean), setup, change (mean), moved
    """
    last = np.full(len(problem.first) - 1, -1, np.int64)
    np.maximum.at(last, problem.job, schedule.end_s)
    some = last >= 0
    late = np.where(some & (problem.due_s < FOREVER), np.maximum(last - problem.due_s, 0), 0)
    out = {
        "makespan": float(schedule.end_s.max(initial=0)),
        "tardiness": float((late * problem.weight).sum()),
        "flow": float(np.maximum(last - problem.release_s, 0)[some].mean()) if some.any() else 0.0,
        "setup": float(schedule.setup_s.sum()),
        "change": 0.0,
        "moved": 0.0,
    }
    if problem.before is not None:
        known = problem.before[0] >= 0
        if known.any():
            out["change"] = float(np.abs(schedule.start_s - problem.before[0])[known].mean())
            out["moved"] = float((schedule.machine(problem) != problem.before[1])[known].sum())
    return out


def value(problem: Problem, schedule: Schedule) -> float:
    """Objective of a schedule, from its starts and ends.

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem.of_jobs([[{0: 3}]], machines=1)
    >>> zero = np.zeros(1, np.int64)
    >>> value(problem, Schedule(option=zero, start_s=zero, end_s=zero + 3, setup_s=zero))
    3.0
    """
    parts = figures(problem, schedule)
    return float(sum(getattr(problem.objective, name) * part for name, part in parts.items()))
