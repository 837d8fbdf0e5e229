"""Random small problems with every feature, as a hypothesis strategy."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from zhizao.decide.schedule import FOREVER, Objective, Problem


@st.composite
def problems(draw, most=9, deadlines=False, frozen=True, change=True, machines_most=3):
    """Problems of 1 to `most` operations on 1 to 3 machines, with a random choice of all that a problem can have."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    machines = int(rng.integers(1, machines_most + 1))
    routes, count = [], 0
    for _ in range(int(rng.integers(1, 5))):
        route = []
        for _ in range(int(rng.integers(1, 4))):
            if count == most:
                break
            count += 1
            if rng.random() < 0.1:
                route.append({-1: int(rng.integers(0, 5))})
                continue
            able = rng.permutation(machines)[: int(rng.integers(1, machines + 1))]
            route.append({int(k): int(rng.integers(0 if rng.random() < 0.1 else 1, 7)) for k in able})
        if route:
            routes.append(route)
    jobs, more = len(routes), {}
    n = sum(len(route) for route in routes)
    if rng.random() < 0.5:
        more["release_s"] = rng.integers(0, 8, jobs)
    if rng.random() < 0.5:
        more["due_s"] = np.where(rng.random(jobs) < 0.2, FOREVER, rng.integers(-3, 20, jobs))
        more["weight"] = rng.integers(0, 4, jobs)
    if deadlines and rng.random() < 0.7:
        more["deadline_s"] = rng.integers(5, 35, jobs)
    if rng.random() < 0.4:
        more["delay_s"] = rng.integers(0, 4, n)
    if rng.random() < 0.5:
        families = int(rng.integers(1, 4))
        more["family"] = rng.integers(-1 if rng.random() < 0.3 else 0, families, n)
        shape = (machines, families, families) if rng.random() < 0.4 else (families, families)
        more["setup_s"] = rng.integers(0, 5, shape)
        more["machine_family"] = rng.integers(-1, families, machines)
    if rng.random() < 0.5:
        closed = []
        for _ in range(machines):
            edges = np.unique(rng.integers(0, 40, int(rng.integers(0, 3)) * 2))
            closed.append([(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=False)])
        more["closed"] = closed
        more["spans"] = rng.random(n) < 0.5
    if rng.random() < 0.4:
        groups = int(rng.integers(1, 3))
        takes_time = [all(op.values()) for route in routes for op in route]
        more["group"] = np.where(takes_time, rng.integers(-1, groups, n), -1)
        more["group_size"] = rng.integers(1, 3, groups)
    if rng.random() < 0.3:
        first = np.cumsum([0, *(len(route) for route in routes)])
        a, b = int(rng.integers(0, jobs)), int(rng.integers(0, jobs))
        if a < b:
            more["arcs"] = [(int(rng.integers(first[a], first[a + 1])), int(rng.integers(first[b], first[b + 1])))]
    more["objective"] = Objective(
        makespan=float(rng.integers(0, 3)),
        tardiness=float(rng.integers(0, 3)),
        flow=float(rng.choice([0, 0.5, 2])),
        setup=float(rng.choice([0, 0.25])),
        change=float(rng.choice([0, 1])) if change else 0.0,
        moved=float(rng.choice([0, 2])),
    )
    problem = Problem.of_jobs(routes, machines, **more)
    if frozen and rng.random() < 0.3:
        problem = freeze(problem, rng)
    if rng.random() < 0.3:
        known = np.where(rng.random(n) < 0.7, rng.integers(0, 25, n), -1)
        problem = with_fields(problem, before=(known, rng.integers(0, machines, n)))
    return problem


def freeze(problem: Problem, rng: np.random.Generator) -> Problem:
    """The problem with the first operation of one job under way; the rest as it was."""
    starts = problem.first[:-1][np.diff(problem.first) > 0]
    able = [i for i in starts.tolist() if i not in problem.arcs[:, 1]]
    if not able:
        return problem
    i = int(rng.choice(able))
    a, b = int(problem.option_ptr[i]), int(problem.option_ptr[i + 1])
    keep = np.ones(len(problem.option_machine), bool)
    keep[a + 1 : b] = False
    sizes = np.diff(problem.option_ptr)
    sizes[i] = 1
    frozen = np.full(problem.operations, -1)
    frozen[i] = int(rng.integers(0, 6))
    return with_fields(
        problem,
        option_ptr=np.concatenate([[0], np.cumsum(sizes)]),
        option_machine=problem.option_machine[keep],
        option_s=problem.option_s[keep],
        frozen_s=frozen,
    )


def with_fields(problem: Problem, **changed) -> Problem:
    """The problem with some fields changed."""
    from dataclasses import replace

    return replace(problem, **changed)
