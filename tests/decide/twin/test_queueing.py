"""The kernel meets what queueing theory says exactly, within the confidence interval of replicated runs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from kernel_shops import network
from scipy.stats import t as student

from zhizao.decide.twin.run import draw_breakdowns, replicate
from zhizao.decide.twin.shop import RULES, Policy, Shop, Trace, Work

RUNS, JOBS, WARM = 20, 20_000, 4_000
Task = tuple[Shop, Work, Policy]
Draw = Callable[[np.random.Generator, int], np.ndarray]


def single(rate: float, service: Draw, rng: np.random.Generator, arrivals: Draw | None = None, **more: object) -> Task:
    gaps = arrivals(rng, JOBS) if arrivals else rng.exponential(1 / rate, JOBS)
    return network(np.cumsum(gaps), [[0]] * JOBS, service(rng, JOBS), 1, **more)


def run(make: Callable[[np.random.Generator], Task], seed: int) -> tuple[list[Trace], list[Task]]:
    tasks = [make(rng) for rng in np.random.default_rng(seed).spawn(RUNS)]
    return replicate(tasks, workers=1), tasks


def sojourns(traces: Sequence[Trace], tasks: Sequence[Task]) -> np.ndarray:
    """Mean time in the system of each run after its warm-up, (runs,)."""
    pairs = zip(traces, tasks, strict=True)
    return np.array([np.mean((trace.finished_s - work.release_s)[WARM:]) for trace, (_, work, _) in pairs])


def agrees(means: np.ndarray, exact: float, width: float = 0.05) -> None:
    """The exact value lies in the 99 % interval, and the interval is narrow enough to mean something."""
    half = student.ppf(0.995, len(means) - 1) * means.std(ddof=1) / math.sqrt(len(means))
    assert half < width * exact, f"interval {half / exact:.1%} wide: nothing is shown"
    assert abs(means.mean() - exact) <= half, f"{means.mean():.4f} +- {half:.4f}, exact {exact:.4f}"


def exponential(mean: float) -> Draw:
    return lambda rng, n: rng.exponential(mean, n)


def test_m_m_1() -> None:
    agrees(sojourns(*run(lambda rng: single(0.7, exponential(1.0), rng), 1)), 1 / (1 - 0.7))


@pytest.mark.parametrize("as_options", [False, True], ids=["one machine of capacity 3", "three machines, one queue"])
def test_m_m_c_erlang(as_options: bool) -> None:
    c, load = 3, 2.25

    def make(rng: np.random.Generator) -> Task:
        if not as_options:
            return single(load, exponential(1.0), rng, capacity=np.array([c]))
        options = {
            "option_ptr": np.arange(JOBS + 1) * c,
            "option_machine": np.tile(np.arange(c), JOBS),
            "option_factor": np.ones(JOBS * c),
            "option_defect": np.zeros(JOBS * c),
        }
        return network(np.cumsum(rng.exponential(1 / load, JOBS)), [[0]] * JOBS, rng.exponential(1, JOBS), c, **options)

    tail = load**c / math.factorial(c) * c / (c - load)
    wait = tail / (sum(load**k / math.factorial(k) for k in range(c)) + tail)
    agrees(sojourns(*run(make, 2)), 1 + wait / (c - load))


def test_m_m_c_where_people_are_the_servers() -> None:
    c, load = 2, 1.4

    def make(rng: np.random.Generator) -> Task:
        machines = 12
        people = {
            "people": ("A", "B"), "multitask": np.ones(c, np.int64), "person_calendar": np.full(c, -1),
            "skill_ptr": np.array([0, c]), "skill_person": np.arange(c), "skill": np.zeros(JOBS, np.int64),
            "capacity": np.full(machines, 10**6),
        }  # fmt: skip
        routes = rng.integers(0, machines, (JOBS, 1))
        return network(
            np.cumsum(rng.exponential(1 / load, JOBS)), list(routes), rng.exponential(1, JOBS), machines, **people
        )

    tail = load**c / math.factorial(c) * c / (c - load)
    wait = tail / (sum(load**k / math.factorial(k) for k in range(c)) + tail)
    agrees(sojourns(*run(make, 3)), 1 + wait / (c - load))


def test_m_g_1_pollaczek_khinchine() -> None:
    rate, scv = 0.7, 2.0
    sigma = math.sqrt(math.log(1 + scv))
    traces, tasks = run(lambda rng: single(rate, lambda r, n: r.lognormal(-(sigma**2) / 2, sigma, n), rng), 4)
    agrees(sojourns(traces, tasks), 1 + rate * (1 + scv) / (2 * (1 - rate)), width=0.08)


def test_m_g_1_with_breakdowns() -> None:
    """Completion time = work + repairs, whose number is Poisson in the work (Avi-Itzhak and Naor 1963)."""
    rate, up, down = 0.6, 10.0, 2.0

    def make(rng: np.random.Generator) -> Task:
        shop, work, policy = single(rate, exponential(1.0), rng)
        shop = dataclasses.replace(shop, mtbf_s=np.array([up]), mttr_s=np.array([down]))
        ptr, after, repair = draw_breakdowns(shop, 1.2 * JOBS, rng)
        return shop, dataclasses.replace(work, break_ptr=ptr, break_after_s=after, repair_s=repair), policy

    mean = 1 + down / up
    square = 2 * mean**2 + 2 * down**2 / up
    agrees(sojourns(*run(make, 5)), mean + rate * square / (2 * (1 - rate * mean)), width=0.08)


def test_g_g_1_lies_between_kingmans_bound_and_marchals() -> None:
    """Upper bound Kingman 1962; lower bound Marchal 1978. Erlang arrivals, hyperexponential service."""
    rate, rho = 0.8, 0.8

    def service(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.exponential(np.where(rng.random(n) < 0.2, 3.0, 0.5))

    traces, tasks = run(lambda rng: single(rate, service, rng, lambda r, n: r.gamma(4, 1 / rate / 4, n)), 6)
    waits = sojourns(traces, tasks) - 1.0
    var_a, var_s = 1 / rate**2 / 4, 0.2 * 2 * 9 + 0.8 * 2 * 0.25 - 1
    upper = rate * (var_a + var_s) / (2 * (1 - rho))
    lower = (rate**2 * var_s - rho * (2 - rho)) / (2 * rate * (1 - rho))
    assert lower > 0.4 * upper, "the bounds are close enough to test something"
    half = student.ppf(0.995, RUNS - 1) * waits.std(ddof=1) / math.sqrt(RUNS)
    assert lower < waits.mean() + half
    assert waits.mean() - half < upper
    assert half < 0.1 * upper


def test_d_d_1_never_waits() -> None:
    shop, work, policy = network(np.arange(100) * 5.0, [[0, 1]] * 100, [4.0, 5.0] * 100, 2)
    trace = replicate([(shop, work, policy)])[0]
    np.testing.assert_array_equal(trace.finished_s - work.release_s, 9.0)
    np.testing.assert_array_equal(trace.start_s, trace.ready_s)


def test_jackson_network_with_feedback() -> None:
    """Open Jackson network: three machines, a job goes on at random, also back (Jackson 1957)."""
    into, mean = np.array([0.3, 0.2, 0.0]), np.array([1.2, 1.2, 1.5])
    onward = np.array([[0.1, 0.5, 0.2], [0.2, 0.0, 0.5], [0.3, 0.1, 0.1]])

    def make(rng: np.random.Generator) -> Task:
        routes = []
        for at in rng.choice(3, JOBS, p=into / into.sum()):
            route = [int(at)]
            while (u := rng.random()) < onward[route[-1]].sum():
                route.append(int(np.searchsorted(np.cumsum(onward[route[-1]]), u)))
            routes.append(route)
        run_s = rng.exponential(mean[np.concatenate(routes)])
        return network(np.cumsum(rng.exponential(1 / into.sum(), JOBS)), routes, run_s, 3)

    rho = np.linalg.solve(np.eye(3) - onward.T, into) * mean
    assert np.all((rho > 0.4) & (rho < 0.9))
    agrees(sojourns(*run(make, 7)), float((rho / (1 - rho)).sum() / into.sum()))


def test_kelly_network_of_fixed_routes() -> None:
    """Fixed routes, exponential times by machine, first come first served: product form (Kelly 1975)."""
    routes, rates = ([0, 1, 2, 3], [3, 1, 0], [2, 0, 2, 1]), np.array([0.2, 0.25, 0.15])
    visits = np.array([[r.count(i) for i in range(4)] for r in routes])
    rho = np.array([0.7, 0.8, 0.6, 0.75])
    mean = rho / (rates @ visits)

    def make(rng: np.random.Generator) -> Task:
        kinds = rng.choice(3, JOBS, p=rates / rates.sum())
        mine = [routes[k] for k in kinds]
        run_s = rng.exponential(mean[np.concatenate(mine)])
        return network(np.cumsum(rng.exponential(1 / rates.sum(), JOBS)), mine, run_s, 4)

    agrees(sojourns(*run(make, 8)), float((rho / (1 - rho)).sum() / rates.sum()))


def test_a_capped_line_reaches_the_throughput_of_the_practical_worst_case() -> None:
    """Balanced exponential line with w orders always on it: w / (w + stations - 1) (Hopp and Spearman 2008)."""
    w, stations = 4, 3
    n = 6_000

    def make(rng: np.random.Generator) -> Task:
        return network(np.zeros(n), [[0, 1, 2]] * n, rng.exponential(1.0, 3 * n), stations, wip_cap=w)

    traces, _ = run(make, 9)
    rates = [
        (n - w - 500) / (np.sort(trace.finished_s)[n - w - 1] - np.sort(trace.finished_s)[499]) for trace in traces
    ]
    agrees(np.array(rates), w / (w + stations - 1), width=0.02)


def test_priority_classes_cobham() -> None:
    """Two classes, the first always ahead, work not interrupted (Cobham 1954)."""
    rates, means = np.array([0.3, 0.25]), np.array([0.8, 1.6])

    def make(rng: np.random.Generator) -> Task:
        kind = rng.choice(2, JOBS, p=rates / rates.sum())
        return network(
            np.cumsum(rng.exponential(1 / rates.sum(), JOBS)), [[0]] * JOBS, rng.exponential(means[kind]), 1,
            rule=np.full(1, RULES.index("sequence")), priority=kind.astype(float), product=kind,
        )  # fmt: skip

    traces, tasks = run(make, 10)
    left = (rates * means**2).sum()
    rho = rates * means
    for k, exact in enumerate((left / (1 - rho[0]), left / ((1 - rho[0]) * (1 - rho.sum())))):
        pairs = zip(traces, tasks, strict=True)
        waits = [
            np.mean((trace.start_s - work.release_s)[WARM:][work.product[WARM:] == k]) for trace, (_, work, _) in pairs
        ]
        agrees(np.array(waits), float(exact), width=0.1)
