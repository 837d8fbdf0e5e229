"""Readers of public scheduling instances (job shop, flexible job shop, set-ups, permutation flow shop), and a generator.

Formats: job shop `machine time` pairs from 0; flexible job shop after Brandimarte, machines from 1; the same with one
set-up matrix for each machine (Fattahi); Taillard's flow shop. All give a `Problem` with the makespan as objective.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zhizao.decide.schedule import FOREVER, Objective, Problem

__all__ = ["best_known", "due_dates", "flexible", "flow_shop", "job_shop", "random_flexible"]


def _numbers(path: Path) -> list[list[int]]:
    rows = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return [[int(float(word)) for word in row] for row in rows]


def job_shop(path: Path) -> Problem:
    """Classic job shop: `jobs machines`, then per job pairs `machine time`, machines from 0."""
    (_, machines, *_), *rows = _numbers(path)
    return Problem.of_jobs([[{k: t} for k, t in zip(row[::2], row[1::2], strict=True)] for row in rows], machines)


def flexible(path: Path, *, setups: bool = False) -> Problem:
    """Flexible job shop, machines from 1; with `setups` one (operations x operations) matrix for each machine follows."""
    (count, machines, *_), *rows = _numbers(path)
    jobs = []
    for row in rows[:count]:
        at, operations = 1, []
        for _ in range(row[0]):
            size = row[at]
            pairs = row[at + 1 : at + 1 + 2 * size]
            operations.append({k - 1: t for k, t in zip(pairs[::2], pairs[1::2], strict=True)})
            at += 1 + 2 * size
        jobs.append(operations)
    if not setups:
        return Problem.of_jobs(jobs, machines)
    n = sum(len(job) for job in jobs)
    matrix = np.array([value for row in rows[count:] for value in row[:n]], np.int64).reshape(machines, n, n)
    return Problem.of_jobs(jobs, machines, family=np.arange(n), setup_s=matrix)


def flow_shop(path: Path) -> tuple[Problem, int]:
    """Taillard's flow shop and its upper bound for permutations; here machines may take jobs in different orders."""
    lines = path.read_text().splitlines()
    jobs, machines, _, upper, _ = (int(word) for word in lines[1].split())
    times = np.array([int(word) for line in lines[3:] for word in line.split()], np.int64).reshape(machines, jobs)
    return Problem.of_jobs([[{k: int(times[k, j])} for k in range(machines)] for j in range(jobs)], machines), upper


def best_known(folder: Path) -> dict[str, tuple[int, int]]:
    """Lower and upper bound by instance, from a folder's `best_known.csv`."""
    out = {}
    header, *lines = (folder / "best_known.csv").read_text().splitlines()
    names = header.split(",")
    for line in lines:
        row = dict(zip(names, line.split(","), strict=True))
        out[row["instance"]] = (int(row["lower_bound"] or 0), int(row["upper_bound"]))
    return out


def random_flexible(jobs: int, machines: int, steps: int, seed: int, **more: Any) -> Problem:
    """Random flexible job shop: each operation on 2 to 5 machines, base time 10 to 100, within 30 % of it by machine.

    Parameters
    ----------
    jobs, machines, steps : size; `steps` operations in each job
    seed : of the generator
    **more : any other field of `Problem`
    """
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(jobs):
        job = []
        for _ in range(steps):
            base = rng.integers(10, 101)
            able = rng.choice(machines, size=min(int(rng.integers(2, 6)), machines), replace=False)
            job.append({int(k): max(1, round(float(base * rng.uniform(0.7, 1.3)))) for k in able})
        made.append(job)
    return Problem.of_jobs(made, machines, **more)


def due_dates(problem: Problem, tightness: float, seed: int, *, objective: Objective | None = None) -> Problem:
    """The same shop with due dates and weights: due = release + tightness x mean work of the job, weights 1 to 4.

    Parameters
    ----------
    problem : a shop; its due dates are replaced
    tightness : multiple of the job's mean work that is allowed
    seed : of the weights
    objective : weighted tardiness when None
    """
    from dataclasses import replace

    rng = np.random.default_rng(seed)
    counts = np.diff(problem.option_ptr)
    mean = np.add.reduceat(problem.option_s, problem.option_ptr[:-1]) / counts
    total = np.bincount(problem.job, mean, len(problem.first) - 1)
    due = np.minimum(problem.release_s + np.rint(tightness * total).astype(np.int64), FOREVER)
    weight = rng.choice([1, 1, 2, 2, 2, 2, 4], size=len(due))
    goal = objective or Objective(makespan=0, tardiness=1)
    return replace(problem, due_s=due, weight=weight, objective=goal)
