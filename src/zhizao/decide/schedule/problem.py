"""What is to be scheduled: jobs, operations with alternative machines, and what binds them, as arrays checked whole.

Times are whole seconds (int) from the moment of planning (0). A problem knows no solver: dispatch rules, searches and
the checker all read the same object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zhizao.errors import FaultsFound

if TYPE_CHECKING:
    from zhizao.decide.twin.shop import Shop, Trace, Work

__all__ = ["FOREVER", "Ints", "Objective", "Problem"]

Ints = NDArray[np.int64]

FOREVER = 1 << 40
"""A time that never comes, in seconds: no due date, no deadline, or a machine that stays closed."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What a better schedule is: a weighted sum, smaller is better.

    Parameters
    ----------
    makespan : per second until the last operation ends
    tardiness : per second that a job is late, times the weight of the job
    flow : per second of mean flow time (end of the job less its release, over all jobs)
    setup : per second spent on set-ups
    change : per second of mean shift of start times against the previous schedule
    moved : per operation given to another machine than in the previous schedule

    Examples
    --------
    >>> Objective(makespan=0, tardiness=1, setup=0.1).tardiness
    1
    """

    makespan: float = 1.0
    tardiness: float = 0.0
    flow: float = 0.0
    setup: float = 0.0
    change: float = 0.0
    moved: float = 0.0


def _ints(values: ArrayLike | None, length: int, default: int) -> Ints:
    array = np.full(length, default, np.int64) if values is None else np.array(values, np.int64).reshape(-1)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Problem:
    """A flexible job shop with all that a floor adds to it; valid from birth.

    The operations of job j are `first[j]:first[j + 1]`, each after the one before it. Operation i takes one of the
    options `option_ptr[i]:option_ptr[i + 1]`.

    Parameters
    ----------
    first : (J + 1,) offsets of the jobs' operations
    option_ptr : (N + 1,) offsets of the operations' options
    option_machine : (K,) machine of each option; -1 needs no machine
    option_s : (K,) seconds of work on it, >= 0
    machines : names of the machines, length M
    jobs : names of the jobs; numbered when empty
    release_s, due_s, deadline_s : (J,) earliest start; wanted end; end that must be kept (`FOREVER` = none)
    weight : (J,) weight of a second of tardiness, >= 0
    arcs : (A, 2) pairs (before, after) of operations, beside the order within jobs
    delay_s : (N,) seconds that must pass between the end of all predecessors (or the release) and the start
    family : (N,) set-up family, -1 = needs none and leaves the machine as it is
    setup_s : (F, F), or (M, F, F) by machine: seconds of set-up from family row to family column, worked in the
        machine's open time right after the operation before; it may be done before the job arrives
    machine_family : (M,) what each machine is set up for at time 0, -1 = anything
    closed : per machine, (start, end) intervals without work; the last may end at `FOREVER`
    spans : (N,) True when the operation may pause over closed intervals and go on after them
    frozen_s : (N,) start of an operation that is under way or must not be moved, on its only option; -1 = free.
        Frozen operations are facts: they are exempt from releases, delays, calendars and set-ups
    group : (N,) group of people that the operation, which then takes time, needs one person of; -1 = nobody
    group_size : (G,) people in each group
    objective : what a better schedule is
    before : previous schedule, for the weights `change` and `moved`: (N,) starts and (N,) machines, start -1 = unknown
    steps : (N,) the caller's number of each operation (in the twin: index of the step); counted when empty

    Raises
    ------
    FaultsFound
        listing everything that does not fit, each with place and cure

    Examples
    --------
    >>> problem = Problem.of_jobs([[{0: 3}, {1: 2}], [{1: 4, 0: 5}]], machines=2)
    >>> problem.operations, len(problem.machines)
    (3, 2)
    """

    first: Ints
    option_ptr: Ints
    option_machine: Ints
    option_s: Ints
    machines: tuple[str, ...]
    jobs: tuple[str, ...] = ()
    release_s: Ints = None  # type: ignore[assignment]  # filled in __post_init__, so that readers never meet None
    due_s: Ints = None  # type: ignore[assignment]
    deadline_s: Ints = None  # type: ignore[assignment]
    weight: Ints = None  # type: ignore[assignment]
    arcs: Ints = None  # type: ignore[assignment]
    delay_s: Ints = None  # type: ignore[assignment]
    family: Ints = None  # type: ignore[assignment]
    setup_s: Ints = None  # type: ignore[assignment]
    machine_family: Ints = None  # type: ignore[assignment]
    closed: tuple[tuple[tuple[int, int], ...], ...] = ()
    spans: NDArray[np.bool_] = None  # type: ignore[assignment]
    frozen_s: Ints = None  # type: ignore[assignment]
    group: Ints = None  # type: ignore[assignment]
    group_size: Ints = None  # type: ignore[assignment]
    objective: Objective = field(default_factory=Objective)
    before: tuple[Ints, Ints] | None = None
    steps: Ints = None  # type: ignore[assignment]
    job: Ints = field(init=False)
    """(N,) job of each operation."""

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        for name in ("first", "option_ptr", "option_machine", "option_s"):
            put(name, _ints(getattr(self, name), 0, 0))
        put("machines", tuple(self.machines))
        jobs, n, m = max(len(self.first) - 1, 0), max(len(self.option_ptr) - 1, 0), len(self.machines)
        put("jobs", tuple(self.jobs) or tuple(f"J{j}" for j in range(jobs)))
        put("release_s", _ints(self.release_s, jobs, 0))
        put("due_s", _ints(self.due_s, jobs, FOREVER))
        put("deadline_s", _ints(self.deadline_s, jobs, FOREVER))
        put("weight", _ints(self.weight, jobs, 1))
        arcs = np.array([] if self.arcs is None else self.arcs, np.int64).reshape(-1, 2)
        arcs.setflags(write=False)
        put("arcs", arcs)
        put("delay_s", _ints(self.delay_s, n, 0))
        put("family", _ints(self.family, n, -1))
        setup = np.zeros((0, 0), np.int64) if self.setup_s is None else np.array(self.setup_s, np.int64)
        setup.setflags(write=False)
        put("setup_s", setup)
        put("machine_family", _ints(self.machine_family, m, -1))
        closed = tuple(tuple((int(a), int(b)) for a, b in sorted(each)) for each in self.closed) or ((),) * m
        put("closed", closed)
        spans = np.zeros(n, bool) if self.spans is None else np.array(self.spans, bool)
        spans.setflags(write=False)
        put("spans", spans)
        put("frozen_s", _ints(self.frozen_s, n, -1))
        put("group", _ints(self.group, n, -1))
        put("group_size", _ints(self.group_size, 0, 0))
        put("steps", np.arange(n) if self.steps is None else _ints(self.steps, n, 0))
        if self.before is not None:
            put("before", (_ints(self.before[0], n, -1), _ints(self.before[1], n, -1)))
        from zhizao.decide.schedule.validate import faults

        found = faults(self)
        if found:
            raise FaultsFound(f"the scheduling problem has {len(found)} fault(s): {found[0]}", found)
        put("job", np.repeat(np.arange(jobs), np.diff(self.first)))
        self.job.setflags(write=False)

    @property
    def operations(self) -> int:
        """Number of operations."""
        return len(self.option_ptr) - 1

    @classmethod
    def of_jobs(cls, routes: Sequence[Sequence[dict[int, int]]], machines: int | Sequence[str], **more: Any) -> Problem:
        """Problem from nested lists: per job, per operation, {machine: seconds}.

        Parameters
        ----------
        routes : operations of each job in order; an empty mapping is not allowed, {-1: s} needs no machine
        machines : number or names
        **more : any other field of `Problem`

        Returns
        -------
        Problem
        """
        options = [op for job in routes for op in job]
        names = tuple(f"M{k}" for k in range(machines)) if isinstance(machines, int) else tuple(machines)
        return cls(
            first=np.cumsum([0, *(len(job) for job in routes)]),
            option_ptr=np.cumsum([0, *(len(op) for op in options)]),
            option_machine=np.array([k for op in options for k in op], np.int64),
            option_s=np.array([s for op in options for s in op.values()], np.int64),
            machines=names,
            **more,
        )

    @classmethod
    def of_shop(
        cls,
        shop: Shop,
        work: Work,
        now_s: float,
        *,
        trace: Trace | None = None,
        objective: Objective | None = None,
        before: tuple[NDArray[np.float64], Ints] | None = None,
        people: bool = True,
    ) -> Problem:
        """What a planner would know of the twin's shop at a time; see `zhizao.decide.schedule.planner.of_shop`."""
        from zhizao.decide.schedule.planner import of_shop

        return of_shop(shop, work, now_s, trace=trace, objective=objective, before=before, people=people)

    def name(self, operation: int) -> str:
        """Readable name of an operation: job and place in it, counted from 1."""
        job = int(np.searchsorted(self.first, operation, side="right")) - 1
        return f"{self.jobs[job]}/{operation - int(self.first[job]) + 1}"
