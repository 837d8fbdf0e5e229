"""Simulation: events a second beside SimPy on one network of ten machines, and how soon a small what-if answers.

An event is an arrival or a completed operation. Both engines run the same open network (fixed routes, exponential
times, first come first served), on one core, by turns; ours is charged for drawing the random numbers, building the
arrays and checking them. Both means are held against the exact product form, so neither may be fast and wrong. The
what-if runs in a new process from a copy of the package without any machine code on disk.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import zhizao
from zhizao.decide.twin.run import _run, check_arrays, simulate
from zhizao.decide.twin.shop import RULES, Policy, Shop, Work

ROUTES = (
    (0, 3, 5, 1, 7, 9), (2, 4, 6, 8, 0, 5, 7, 9), (1, 3, 6, 2, 9), (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (4, 8, 6, 1, 3, 7, 5),
)  # fmt: skip
RATES = (0.20, 0.15, 0.25, 0.10, 0.20)
LOADS = (0.70, 0.85, 0.60, 0.80, 0.75, 0.85, 0.80, 0.70, 0.65, 0.85)
VISITS = [sum(rate * route.count(i) for route, rate in zip(ROUTES, RATES, strict=True)) for i in range(10)]
MEAN_S = [load / visits for load, visits in zip(LOADS, VISITS, strict=True)]
EXACT_S = sum(load / (1 - load) for load in LOADS) / sum(RATES)


def with_simpy(jobs: int, seed: int) -> tuple[int, float]:
    """Events, and mean time in the system."""
    import simpy

    rng = random.Random(seed)
    env = simpy.Environment()
    machines = [simpy.Resource(env) for _ in MEAN_S]
    times: list[float] = []
    events = 0

    def order(route):
        nonlocal events
        events += 1 + len(route)
        came = env.now
        for i in route:
            with machines[i].request() as turn:
                yield turn
                yield env.timeout(rng.expovariate(1 / MEAN_S[i]))
        times.append(env.now - came)

    def orders():
        for _ in range(jobs):
            yield env.timeout(rng.expovariate(sum(RATES)))
            env.process(order(rng.choices(ROUTES, RATES)[0]))

    env.process(orders())
    env.run()
    return events, statistics.fmean(times)


def draw(jobs: int, seed: int) -> tuple[Shop, Work, Policy]:
    """The same network as arrays."""
    rng = np.random.default_rng(seed)
    rates = np.array(RATES)
    lengths = np.array([len(route) for route in ROUTES])
    begins = np.cumsum(lengths) - lengths
    kind = np.searchsorted(np.cumsum(rates) / rates.sum(), rng.random(jobs), side="right")
    first = np.concatenate([[0], np.cumsum(lengths[kind])])
    steps = int(first[-1])
    place = np.arange(steps) + np.repeat(begins[kind] - first[:-1], lengths[kind])
    machine = np.concatenate(ROUTES)[place]
    m = len(MEAN_S)
    zero, one, no_one = np.zeros(steps), np.ones(steps), np.full(steps, -1)
    shop = Shop(
        machines=tuple(f"M{i}" for i in range(m)), people=(), capacity=np.ones(m, np.int64),
        multitask=np.empty(0, np.int64), calendar_ptr=np.zeros(1, np.int64), on_s=np.empty(0), off_s=np.empty(0),
        machine_calendar=np.full(m, -1), person_calendar=np.empty(0, np.int64), skill_ptr=np.zeros(1, np.int64),
        skill_person=np.empty(0, np.int64), setup_s=np.empty((0, 0)), mtbf_s=np.zeros(m), mttr_s=np.zeros(m),
    )  # fmt: skip
    work = Work(
        release_s=np.cumsum(rng.standard_exponential(jobs)) / rates.sum(), due_s=np.full(jobs, np.inf),
        weight=np.ones(jobs), quantity=np.ones(jobs), product=kind, first=first, operation=machine,
        run_s=rng.standard_exponential(steps) * np.array(MEAN_S)[machine], setup_fixed_s=zero, family=no_one,
        delay_s=zero, delay_worktime=np.zeros(steps, np.bool_), skill=no_one, option_ptr=np.arange(steps + 1),
        option_machine=machine, option_factor=one, option_defect=zero, person_defect=np.empty(0), defect_u=zero,
        pieces=one, gate=no_one, running=np.zeros(jobs, np.bool_), running_person=np.full(jobs, -1),
    )  # fmt: skip
    return shop, work, Policy(rule=np.zeros(m, np.int64))


def with_ours(jobs: int, seed: int) -> tuple[int, float]:
    """Events, and mean time in the system."""
    shop, work, policy = draw(jobs, seed)
    trace = simulate(shop, work, policy, compiled=True)
    return trace.events, float(np.mean(trace.finished_s - work.release_s))


def with_general(jobs: int, seed: int) -> tuple[int, float]:
    """The same by the kernel that has all features, although this network uses none."""
    shop, work, policy = draw(jobs, seed)
    check_arrays(shop, work, policy)
    trace = _run(shop, work, policy, math.inf, True, lean=False)
    return trace.events, float(np.mean(trace.finished_s - work.release_s))


def what_if(orders: int = 225, seed: int = 1) -> dict[str, float]:
    """A job shop of 12 machines and 15 people in two shifts: what if the earliest due date went first?"""
    rng = np.random.default_rng(seed)
    m, people, route, days = 12, 15, 20, 700
    n = orders * route
    machine = rng.integers(0, m, n)
    options = np.stack([machine, (machine + rng.integers(1, m, n)) % m], axis=1).ravel()
    day = np.arange(days) * 86_400.0
    release = np.sort(rng.uniform(0, orders * 86_400 / 4, orders))
    shop = Shop(
        machines=tuple(f"M{i}" for i in range(m)), people=tuple(f"P{i}" for i in range(people)),
        capacity=np.ones(m, np.int64), multitask=np.ones(people, np.int64), calendar_ptr=np.array([0, days, 2 * days]),
        on_s=np.concatenate([day + 6 * 3600, day + 14 * 3600]), off_s=np.concatenate([day + 14 * 3600, day + 22 * 3600]),
        machine_calendar=np.full(m, -1), person_calendar=np.arange(people) % 2, skill_ptr=np.array([0, 9, 18]),
        skill_person=np.concatenate([np.arange(9), np.arange(6, 15)]), setup_s=np.full((4, 4), 600.0),
        mtbf_s=np.zeros(m), mttr_s=np.zeros(m),
    )  # fmt: skip
    work = Work(
        release_s=release, due_s=release + rng.uniform(5, 20, orders) * 86_400, weight=np.ones(orders),
        quantity=np.full(orders, 20.0), product=np.zeros(orders, np.int64), first=np.arange(orders + 1) * route,
        operation=machine, run_s=rng.exponential(4_000.0, n), setup_fixed_s=np.zeros(n), family=rng.integers(0, 4, n),
        delay_s=rng.exponential(1_800.0, n), delay_worktime=np.zeros(n, np.bool_), skill=rng.integers(0, 2, n),
        option_ptr=np.arange(n + 1) * 2, option_machine=options, option_factor=np.ones(2 * n),
        option_defect=np.full(2 * n, 0.02), person_defect=np.ones(people), defect_u=rng.random(n),
        pieces=np.full(n, 20.0), gate=np.full(n, -1), running=np.zeros(orders, np.bool_),
        running_person=np.full(orders, -1),
    )  # fmt: skip
    late = {}
    for rule in ("fifo", "edd"):
        trace = simulate(shop, work, Policy(rule=np.full(m, RULES.index(rule))))
        late[rule] = float(np.mean(np.maximum(trace.finished_s - work.due_s, 0.0)) / 3600)
    assert "numba" not in sys.modules, "a small what-if does not even import the compiler"
    return late


def fresh_what_if(runs: int = 5) -> float:
    """Seconds of a new process, from start to end, that answers `what_if` with no machine code on disk (best of runs)."""
    with tempfile.TemporaryDirectory() as folder:
        skip = shutil.ignore_patterns("*.nbi", "*.nbc")
        shutil.copytree(Path(zhizao.__file__).parent, Path(folder) / "zhizao", ignore=skip)
        shutil.copy(__file__, folder)
        env = {**os.environ, "PYTHONPATH": folder}
        taken = []
        for _ in range(runs + 1):  # the first lets Python write its own byte code, as an installer does
            begin = time.perf_counter()
            subprocess.run([sys.executable, Path(__file__).name, "--what-if"], cwd=folder, env=env, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
            taken.append(time.perf_counter() - begin)
    return min(taken[1:])


def speed(engine: Callable[[int, int], tuple[int, float]], jobs: int, seed: int) -> float:
    """Events a second of processor time."""
    begin = time.process_time()
    events, mean_s = engine(jobs, seed)
    taken = time.process_time() - begin
    assert abs(mean_s - EXACT_S) < 0.25 * EXACT_S, f"mean {mean_s:.1f}, exact {EXACT_S:.1f}"
    return events / taken


def measure(jobs: int = 50_000, rounds: int = 5) -> list[dict[str, object]]:
    """Our figure, the peer's, the ratio (above 1 is better for us), for `make bench`."""
    for engine in (with_ours, with_general):
        engine(1_000, 0)  # machine code is made or loaded here
    simpy, ours, general = [], [], []
    for seed in range(rounds):
        simpy.append(speed(with_simpy, jobs, seed))
        ours.append(speed(with_ours, jobs, seed))
        general.append(speed(with_general, jobs, seed))
    peer = statistics.median(simpy)
    rows = [
        ("simulation, 10-machine network, one core", statistics.median(ours), peer),
        ("simulation, same by the kernel with all features", statistics.median(general), peer),
    ]
    table: list[dict[str, object]] = [
        {"name": name, "ours": round(our), "peer": "SimPy", "peer_value": round(other), "unit": "events/s",
         "ratio": round(our / other, 1)}
        for name, our, other in rows
    ]  # fmt: skip
    seconds = fresh_what_if()
    table.append(
        {"name": "what-if of 4,500 operations, two runs, new process, nothing compiled", "ours": round(seconds, 3),
         "peer": "limit", "peer_value": 1.0, "unit": "s", "ratio": round(1.0 / seconds, 1)}
    )  # fmt: skip
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--what-if", action="store_true", help="only answer the small what-if, in this process")
    options = parser.parse_args()
    if options.what_if:
        print(json.dumps(what_if()))
        return
    for row in measure(options.jobs, options.rounds):
        print(
            f"{row['name']}: {row['ours']:,} {row['unit']}, {row['peer']} {row['peer_value']:,}, ratio {row['ratio']}"
        )


if __name__ == "__main__":
    main()
