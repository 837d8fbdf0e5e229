"""The kernel, plain and compiled, against a slow oracle; and laws that every run keeps."""

from __future__ import annotations

import dataclasses
import functools
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_oracle import done, shared, simulate_slowly
from kernel_shops import FEATURES, network, random_shop
from scipy.stats import binom

from zhizao.decide.twin import kernel_fifo, run
from zhizao.decide.twin.kernel_hours import bad_pieces
from zhizao.decide.twin.run import _run, draw_breakdowns, replicate, simulate
from zhizao.decide.twin.shop import RULES, Policy, Shop, Trace
from zhizao.errors import InputError

seeds = st.integers(0, 2**32 - 1)
feature_sets = st.frozensets(st.sampled_from(FEATURES))


def same(a: Trace, b: Trace) -> None:
    for field in dataclasses.fields(Trace):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), err_msg=field.name)


@given(seed=seeds, features=feature_sets)
@settings(max_examples=300, deadline=None)
def test_the_trace_is_the_oracles_event_for_event_compiled_or_not(seed: int, features: frozenset[str]) -> None:
    shop, work, policy, until = random_shop(seed, features)
    expected = simulate_slowly(shop, work, policy, until)
    same(simulate(shop, work, policy, until_s=until, compiled=False), expected)
    same(simulate(shop, work, policy, until_s=until, compiled=True), expected)


@given(seed=seeds, features=st.frozensets(st.sampled_from(["zeros", "until"])))
@settings(max_examples=100, deadline=None)
def test_the_lean_kernel_gives_the_trace_of_the_general_one(seed: int, features: frozenset[str]) -> None:
    shop, work, policy, until = random_shop(seed, features, jobs=12)
    assert kernel_fifo.fits(shop, work, policy)
    expected = _run(shop, work, policy, until, False, lean=False)
    same(expected, simulate_slowly(shop, work, policy, until))
    for compiled in (False, True):
        same(_run(shop, work, policy, until, compiled, lean=True), expected)


def test_the_lean_kernel_agrees_on_a_long_run_of_continuous_times() -> None:
    rng = np.random.default_rng(4)
    routes = [list(rng.permutation(7)[: rng.integers(1, 8)]) for _ in range(4000)]
    steps = sum(map(len, routes))
    task = network(np.cumsum(rng.exponential(1.0, 4000)), routes, rng.exponential(1.4, steps), 7)
    same(_run(*task, math.inf, True, lean=True), _run(*task, math.inf, True, lean=False))


@given(seed=seeds, features=feature_sets)
@settings(max_examples=150, deadline=None)
def test_orders_in_equal_orders_out_plus_those_on_the_floor_and_held(seed: int, features: frozenset[str]) -> None:
    shop, work, policy, until = random_shop(seed, features)
    trace = simulate(shop, work, policy, until_s=until, compiled=False)
    gone = np.isfinite(trace.finished_s)
    on_floor = np.isfinite(trace.admitted_s) & ~gone
    released = (work.release_s <= until) | work.running
    held = released & np.isnan(trace.admitted_s)
    assert work.quantity[released].sum() == sum(work.quantity[x].sum() for x in (gone, on_floor, held))
    for j in np.flatnonzero(gone):
        steps = slice(work.first[j], work.first[j + 1])
        skipped = np.isnan(trace.start_s[steps])
        assert np.all(work.gate[steps][skipped] >= 0), "only a gate lets an order leave a step out"
        good, bad = work.pieces[steps] - trace.bad[steps], trace.bad[steps]
        assert np.all((good + bad == work.pieces[steps])[~skipped] & (good >= 0)[~skipped] & (bad >= 0)[~skipped])
    assert trace.events == released.sum() + np.isfinite(trace.end_s).sum()


def machine_open(shop: Shop, m: int, t: float) -> bool:
    k = int(shop.machine_calendar[m]) if m >= 0 else -1
    if k < 0:
        return True
    a, b = shop.calendar_ptr[k], shop.calendar_ptr[k + 1]
    return bool(np.any((shop.on_s[a:b] <= t) & (t < shop.off_s[a:b])))


@given(seed=seeds, features=feature_sets)
@settings(max_examples=150, deadline=None)
def test_nothing_is_over_full_and_steps_keep_their_order(seed: int, features: frozenset[str]) -> None:
    shop, work, policy, until = random_shop(seed, features - {"running", "batch", "transfer"})
    trace = simulate(shop, work, policy, until_s=until, compiled=False)
    end = np.where(np.isnan(trace.end_s), np.inf, trace.end_s)
    for who, room in ((trace.machine, shop.capacity), (trace.person, shop.multitask)):
        for i, most in enumerate(room):
            mine = (who == i) & (trace.setup_start_s < end)
            for t in trace.setup_start_s[mine]:
                going_on = mine & (trace.setup_start_s <= t) & (end > t)
                if who is trace.person:  # who attends a machine that is shut is free for others
                    going_on &= np.array([machine_open(shop, m, t) for m in trace.machine])
                assert going_on.sum() <= most
    for j in range(len(work.release_s)):
        last = -math.inf
        for s in range(work.first[j], work.first[j + 1]):
            if not np.isnan(trace.setup_start_s[s]):
                assert last <= trace.ready_s[s] <= trace.setup_start_s[s]
                last = end[s]


@given(seed=seeds)
@settings(max_examples=150, deadline=None)
def test_work_never_progresses_off_shift(seed: int) -> None:
    features = frozenset({"calendars", "people", "setups", "families", "options", "delays"})
    shop, work, policy, _ = random_shop(seed, features)
    trace = simulate(shop, work, policy, compiled=False)
    always = [(-math.inf, math.inf)]

    def hours(calendar: int) -> list[tuple[float, float]]:
        if calendar < 0:
            return always
        cut = slice(*shop.calendar_ptr[calendar : calendar + 2])
        return list(zip(shop.on_s[cut], shop.off_s[cut], strict=True))

    for s in np.flatnonzero(np.isfinite(trace.end_s)):
        mine = hours(shop.machine_calendar[trace.machine[s]])
        both = shared(mine, hours(shop.person_calendar[trace.person[s]]) if trace.person[s] >= 0 else always)
        inside = sum(max(min(off, trace.end_s[s]) - max(on, trace.start_s[s]), 0.0) for on, off in both)
        options = slice(work.option_ptr[s], work.option_ptr[s + 1])
        factor = work.option_factor[options][work.option_machine[options] == trace.machine[s]][0]
        assert inside == work.run_s[s] * factor
        assert any(on <= trace.setup_start_s[s] < off for on, off in both), "it was begun at work"
        assert done(trace.setup_start_s[s], inside, both) <= trace.end_s[s]


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_looks_at_true_durations(rule: str) -> None:
    rng = np.random.default_rng(1)
    shop, work, _ = network(np.zeros(30), [[0]] * 30, rng.uniform(1, 9, 30), 1)
    work = dataclasses.replace(
        work, expected_s=rng.uniform(1, 9, 30), due_s=rng.uniform(50, 99, 30), family=rng.integers(0, 3, 30)
    )
    shop = dataclasses.replace(shop, setup_s=np.zeros((3, 3)))
    policy = Policy(np.full(1, RULES.index(rule)), priority=rng.permutation(30).astype(float))
    before = simulate(shop, work, policy)
    if rule in ("cr", "atc"):  # these look at the clock: let all times be equal, so that only what they know differs
        work = dataclasses.replace(work, run_s=np.full(30, 5.0))
        before = simulate(shop, work, policy)
        work = dataclasses.replace(work, run_s=np.full(30, 5.0) + np.arange(30) * 1e-9)
    else:
        work = dataclasses.replace(work, run_s=work.run_s[::-1].copy())
    after = simulate(shop, work, policy)
    np.testing.assert_array_equal(np.argsort(before.start_s), np.argsort(after.start_s))


def test_shortest_first_goes_by_what_the_planner_expects() -> None:
    shop, work, policy = network([0, 0, 0, 0], [[0]] * 4, [1, 2, 3, 4], 1, rule=np.full(1, RULES.index("spt")))
    work = dataclasses.replace(work, expected_s=np.array([4.0, 3.0, 2.0, 1.0]))
    assert list(np.argsort(simulate(shop, work, policy).start_s)) == [3, 2, 1, 0]


def test_a_running_step_keeps_its_machine_over_the_break() -> None:
    hours = {"on_s": np.array([0.0, 20.0]), "off_s": np.array([8.0, 40.0]), "calendar_ptr": np.array([0, 2])}
    task = network([0, 0], [[0], [0]], [10, 3], 1, machine_calendar=np.zeros(1, np.int64), **hours)
    trace = simulate(*task)
    assert list(trace.end_s) == [22.0, 25.0]
    assert list(trace.start_s) == [0.0, 22.0]


def test_the_next_machine_starts_after_the_first_transfer_batch_and_never_runs_dry() -> None:
    task = network([0], [[0, 1]], [10, 2], 2, pieces=np.array([10.0, 10.0]), transfer_quantity=5.0)
    trace = simulate(*task)
    assert list(trace.start_s) == [0.0, 5.0]
    assert list(trace.end_s) == [10.0, 11.0], "the last five pieces come at 10 and take 1 more"


def test_a_step_behind_a_shut_gate_is_left_out() -> None:
    draw = {"option_defect": np.array([0.5, 0.0, 0.0]), "gate": np.array([-1, 0, -1]), "pieces": np.full(3, 1.0)}
    for u, times in ((0.1, [0.0, np.nan, 1.0]), (0.9, [0.0, 1.0, 2.0])):
        task = network([0], [[0, 0, 0]], [1, 1, 1], 1, defect_u=np.full(3, u), **draw)
        np.testing.assert_array_equal(simulate(*task).start_s, times)


def test_only_as_many_orders_as_the_cap_are_on_the_floor_earliest_due_first() -> None:
    task = network([0, 0, 0], [[0], [0], [0]], [5, 5, 5], 1, due_s=np.array([30.0, 20.0, 10.0]), wip_cap=1)
    assert list(simulate(*task).admitted_s) == [10.0, 5.0, 0.0]


@given(pieces=st.integers(0, 5000), p=st.floats(0, 1), u=st.floats(0, 0.9999), more=st.floats(1, 2))
@settings(max_examples=300, deadline=None)
def test_bad_pieces_are_the_binomial_quantile_and_rise_with_the_draw(
    pieces: int, p: float, u: float, more: float
) -> None:
    bad = bad_pieces(pieces, p, u)
    # between the quantiles of draws a hair apart, since sums of many terms round differently
    low, high = binom.ppf([max(u - 1e-9, 0.0), min(u + 1e-9, 1.0)], pieces, p)
    assert max(low, 0) <= bad <= max(high, 0)
    assert bad_pieces(pieces, p, min(u * more, 1.0)) >= bad


@given(seed=seeds, features=feature_sets)
@settings(max_examples=30, deadline=None)
def test_a_run_is_told_again_and_workers_change_nothing(seed: int, features: frozenset[str]) -> None:
    tasks = [random_shop(seed + i, features)[:3] for i in range(4)]
    alone = replicate(tasks, workers=1)
    for trace, other, task in zip(alone, replicate(tasks, workers=2), tasks, strict=True):
        same(trace, other)
        same(trace, simulate(*task, compiled=False))


def test_progress_is_told_after_each_run() -> None:
    told: list[tuple[int, int]] = []
    replicate(
        [random_shop(i, frozenset())[:3] for i in range(3)], progress=lambda done, all_: told.append((done, all_))
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_arrays_of_any_layout_are_taken() -> None:
    shop, work, policy, _ = random_shop(3, frozenset({"options", "defects"}))
    expected = simulate(shop, work, policy)
    frozen = {f.name: getattr(work, f.name).copy() for f in dataclasses.fields(work)}
    for array in frozen.values():
        array.flags.writeable = False
    same(simulate(shop, dataclasses.replace(work, **frozen), policy), expected)
    doubled = dataclasses.replace(work, run_s=np.repeat(work.run_s, 2)[::2], gate=work.gate.astype(np.int32))
    same(simulate(shop, doubled, policy, compiled=True), expected)


@pytest.mark.parametrize(
    ("part", "field", "value", "where"),
    [
        (1, "option_machine", np.array([0, 7]), "Work.option_machine[1]"),
        (1, "run_s", np.array([1.0, -2.0]), "Work.run_s[1]"),
        (1, "run_s", np.array([1.0, np.nan]), "Work.run_s[1]"),
        (1, "gate", np.array([-1, 0]), "Work.gate[1]"),
        (1, "release_s", np.array([3.0, 1.0]), "Work.release_s[1]"),
        (1, "first", np.array([0, 1, 1]), "Work.first"),
        (2, "rule", np.array([10]), "Policy.rule[0]"),
        (2, "assigned", np.array([-1, 0]), "Policy.assigned[1]"),
        (2, "wip_cap", -1, "Policy"),
        (0, "machine_calendar", np.array([0]), "Shop.machine_calendar[0]"),
        (0, "mtbf_s", np.array([100.0]), "Shop.mtbf_s[0]"),
        (0, "capacity", np.array([0]), "Shop.capacity[0]"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(part: int, field: str, value: object, where: str) -> None:
    task = list(network([0, 1], [[0], [0]], [1, 2], 1))
    task[part] = dataclasses.replace(task[part], **{field: value})
    with pytest.raises(InputError) as caught:
        simulate(*task)  # type: ignore[arg-type]
    assert caught.value.fault.where == where
    assert caught.value.fault.fix


def test_breakdowns_are_drawn_per_machine_for_long_enough() -> None:
    shop = dataclasses.replace(network([], [], [], 2)[0], mtbf_s=np.array([50.0, 0.0]), mttr_s=np.array([5.0, 0.0]))
    ptr, after, repair = draw_breakdowns(shop, 1e5, np.random.default_rng(0))
    assert ptr[2] == ptr[1] == len(after) == len(repair)
    assert after.sum() > 1e5
    assert repair.mean() == pytest.approx(5.0, rel=0.1)


def test_a_small_what_if_waits_for_no_compiler() -> None:
    code = (
        "import sys; from kernel_shops import random_shop; from zhizao.decide.twin.run import replicate;"
        "print(len(replicate([random_shop(i, frozenset({'people'}))[:3] for i in range(20)])), 'numba' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True)
    assert told.stdout == "20 False\n", told.stderr


def test_many_small_runs_together_deserve_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_machine_code", functools.cache(lambda: None))
    monkeypatch.setattr(run, "_so_far", {"steps": 0})
    monkeypatch.setattr(run, "_on_disk", lambda: False)
    assert not run._pays(run.PLAIN_IF_COLD, patient=True)
    assert not run._pays(10, patient=False), "one small run is never held up by a compiler"
    assert run._pays(10, patient=True)
    monkeypatch.setattr(run, "_on_disk", lambda: True)
    assert run._pays(10, patient=False)


def test_machine_code_made_beforehand_is_used() -> None:
    run.warm()
    assert run._pays(1, patient=False)
