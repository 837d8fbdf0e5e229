"""Each part of the mechanism on visits made by hand, whose truth was planted."""

from __future__ import annotations

import numpy as np
import pytest
from mechanism_records import HOUR, log_of, visits

from zhizao.decide.twin.mechanism import Mechanism
from zhizao.decide.twin.mechanism.defects import Defects, learn_defects
from zhizao.decide.twin.mechanism.discipline import learn_rules
from zhizao.decide.twin.mechanism.machines import batches, capacities, fit_weibull
from zhizao.decide.twin.mechanism.routes import plan_of
from zhizao.decide.twin.mechanism.times import learn_delays, learn_setups, learn_times
from zhizao.errors import InputError
from zhizao.model import Plant

# times


def test_size_exponent_machine_factor_and_product_are_told_apart() -> None:
    rng = np.random.default_rng(1)
    n = 4000
    operation, machine = rng.integers(2, size=n), rng.integers(3, size=n)
    product, pieces = rng.integers(4, size=n), np.round(np.exp(rng.normal(3.0, 0.6, n))) + 1
    pace = np.array([1.0, 1.0, 1.4])
    seconds = np.array([100.0, 40.0])[operation] * (1.0 + 0.3 * product)
    run = seconds * pieces ** np.array([1.0, 0.0])[operation] * pace[machine] * np.exp(rng.normal(0, 0.1, n))
    seen = visits(np.arange(n), operation, machine=machine, run_s=run)
    times = learn_times(seen, product, 4, pieces)
    assert times.size.tolist() == pytest.approx([1.0, 0.0], abs=0.02)
    assert (times.factor[:, 2] / times.factor[:, 0]).tolist() == pytest.approx([1.4, 1.4], rel=0.03)
    for what in range(4):
        ratio = np.exp(times.mean[:, what] - times.mean[:, 0])
        assert ratio.tolist() == pytest.approx([1.0 + 0.3 * what] * 2, rel=0.05)
    assert float(np.nanstd(times.residual)) == pytest.approx(0.1, rel=0.1)


def test_a_product_seen_once_is_drawn_to_its_operation() -> None:
    n = 400
    product = np.zeros(n, np.int64)
    product[0] = 1
    run = np.full(n, 1000.0)
    run[0] = 100_000.0  # a hundred times as long, once
    times = learn_times(visits(np.arange(n), np.zeros(n, np.int64), run_s=run), product, 2, np.ones(n))
    assert 1000.0 < np.exp(times.mean[0, 1]) < 10_000.0
    assert np.exp(times.mean[0, 0]) == pytest.approx(1000.0, rel=0.05)


def test_a_machine_seen_once_is_drawn_to_the_others() -> None:
    n = 400
    machine = np.zeros(n, np.int64)
    machine[0] = 1
    run = np.full(n, 1000.0)
    run[0] = 10_000.0
    times = learn_times(
        visits(np.arange(n), np.zeros(n, np.int64), machine=machine, run_s=run), np.zeros(n, np.int64), 1, np.ones(n)
    )
    assert times.factor[0, 1] / times.factor[0, 0] < 1.6


def test_set_ups_by_what_ran_before_are_told_from_those_that_come_anyway() -> None:
    rng = np.random.default_rng(2)
    n = 1500
    product = rng.integers(4, size=n)
    family = product // 2
    change = np.concatenate([[True], family[1:] != family[:-1]])
    start = np.arange(n) * 4 * HOUR
    noise = np.exp(rng.normal(0, 0.1, n))
    by_sequence = visits(
        np.arange(n), np.zeros(n, np.int64), start_s=start, setup_s=np.where(change, 3600.0, 600.0) * noise
    )
    found = learn_setups(by_sequence, product, 4)
    assert found.by_sequence
    of = found.family[0]
    assert of[0] == of[1] != of[2] == of[3]
    assert found.seconds[of[0], of[2]] == pytest.approx(3600.0, rel=0.05)
    assert found.seconds[of[0], of[0]] == pytest.approx(600.0, rel=0.1)
    anyway = visits(np.arange(n), np.zeros(n, np.int64), start_s=start, setup_s=1800.0 * noise)
    assert not learn_setups(anyway, product, 4).by_sequence


def test_a_delay_is_what_an_idle_machine_waited_for() -> None:
    """Cooling of two hours before every visit; the machine stands idle most of the time, and is asked early at others."""
    rng = np.random.default_rng(3)
    n = 300
    ready = np.cumsum(rng.uniform(6, 12, n)) * HOUR
    start = ready + 2 * HOUR * np.exp(rng.normal(0, 0.2, n))
    seen = visits(np.arange(n), np.zeros(n, np.int64), start_s=start)
    delays = learn_delays(seen, ready, np.full(n, np.nan), np.full(n, -1))
    assert delays.median_s[-1, 0] / HOUR == pytest.approx(2.0, rel=0.12)
    assert delays.spread[-1, 0] == pytest.approx(0.2, abs=0.08)


# bad pieces


def made(seed: int, machine_factor: tuple[float, ...], person_factor: tuple[float, ...], *, found_late: bool) -> tuple:
    """1,500 orders of 40 pieces: two operations that make bad pieces and a check; factors on the first of them."""
    rng = np.random.default_rng(seed)
    orders, pieces = 1500, 40
    case = np.repeat(np.arange(orders), 3)
    operation = np.tile([0, 1, 2], orders)
    machine = np.where(operation == 0, rng.integers(len(machine_factor), size=3 * orders), operation + 2)
    person = np.where(operation == 0, rng.integers(len(person_factor), size=3 * orders), -1)
    rate = np.where(operation == 0, 0.03, np.where(operation == 1, 0.01, 0.0))
    rate = rate * np.where(operation == 0, np.array(machine_factor)[np.minimum(machine, len(machine_factor) - 1)], 1.0)
    rate = rate * np.where(operation == 0, np.array(person_factor)[person], 1.0)
    bad = rng.binomial(pieces, rate).astype(float)
    scrap = bad.copy()
    if found_late:
        total = np.add.reduceat(bad, np.arange(0, 3 * orders, 3))
        scrap = np.where(operation == 2, np.repeat(total, 3), 0.0)
    return case, operation, machine, person, np.full(3 * orders, float(pieces)) - scrap, scrap


def test_planted_factors_of_machines_and_people_are_found_where_bad_pieces_are_noticed_at_once() -> None:
    case, operation, machine, person, good, scrap = made(1, (1.0, 1.0, 2.0), (0.5, 1.0, 2.0), found_late=False)
    d = learn_defects(visits(case, operation, machine=machine, person=person, good=good, scrap=scrap))
    assert d.machine[0, 2] / d.machine[0, 0] == pytest.approx(2.0, rel=0.2)
    assert d.person[2] / d.person[0] == pytest.approx(4.0, rel=0.25)
    assert d.noticed[0] == 1.0
    mean = 0.03 * np.mean([1, 1, 2]) * np.mean([0.5, 1, 2])
    average = d.rate[0] * np.average(d.machine[0, :3]) * np.average(d.person)
    assert average == pytest.approx(mean, rel=0.1)
    assert d.rate[1] == pytest.approx(0.01, rel=0.2)


def test_nothing_planted_leaves_all_factors_near_one() -> None:
    case, operation, machine, person, good, scrap = made(2, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), found_late=False)
    d = learn_defects(visits(case, operation, machine=machine, person=person, good=good, scrap=scrap))
    assert np.abs(np.log(d.machine[0, :3])).max() < 0.15
    assert np.abs(np.log(d.person)).max() < 0.15


def test_what_a_check_finds_is_put_down_to_who_made_it() -> None:
    """All bad pieces are found by the check at the end: expectation maximisation has only who did what to go by."""
    case, operation, machine, person, good, scrap = made(3, (1.0, 1.0, 2.0), (0.5, 1.0, 2.0), found_late=True)
    # rework after the check makes it an inspection: a few orders are sent back to the first operation
    sent = np.arange(0, 30)
    back = sent * 3 + 2
    order = np.argsort(np.concatenate([np.arange(len(case)), back + 0.5]), kind="stable")

    def with_rework(values: np.ndarray, extra: np.ndarray) -> np.ndarray:
        return np.concatenate([values, extra])[order]

    zero = np.zeros(len(sent), np.int64)
    again = np.zeros(len(case))
    again[back] = 1.0
    seen = visits(
        with_rework(case, sent),
        with_rework(operation, zero),
        machine=with_rework(machine, zero),
        person=with_rework(person, zero),
        rework=with_rework(np.zeros(len(case), bool), np.ones(len(sent), bool)),
        good=with_rework(good - again, np.ones(len(sent))),
        scrap=with_rework(scrap, np.zeros(len(sent))),
        again=with_rework(again, np.zeros(len(sent))),
    )
    d = learn_defects(seen)
    assert d.inspects.tolist() == [False, False, True]
    assert d.noticed[0] < 0.02
    assert d.person[2] / d.person[0] == pytest.approx(4.0, rel=0.35)
    assert d.machine[0, 2] / d.machine[0, 0] == pytest.approx(2.0, rel=0.25)
    total = float(scrap.sum() + len(sent)) / (1500 * 40)
    made_of = d.rate[0] * np.average(d.machine[0, :3]) * np.average(d.person) + d.rate[1]
    assert made_of == pytest.approx(total, rel=0.08)
    assert d.rate[0] > 2 * d.rate[1]


def test_an_operation_that_can_mend_is_not_blamed_for_what_is_scrapped() -> None:
    """Operation 1's bad pieces are all mended, operation 0's all scrapped, by the same check: 1 has no part in the scrap."""
    rng = np.random.default_rng(4)
    case, operation, rework, good, scrap, again = [], [], [], [], [], []
    spoiled = mended = 0
    for order in range(900):
        lost, back = int(rng.binomial(30, 0.02)), int(rng.binomial(30, 0.02))
        spoiled, mended = spoiled + lost, mended + back
        rows = [(0, False, 30, 0, 0), (1, False, 30, 0, 0), (2, False, 30 - lost - back, lost, back)]
        if back:
            rows += [(1, True, back, 0, 0), (2, True, back, 0, 0)]
        for op, redo, g, s, a in rows:
            case.append(order)
            operation.append(op)
            rework.append(redo)
            good.append(g)
            scrap.append(s)
            again.append(a)
    d = learn_defects(
        visits(
            np.array(case),
            np.array(operation),
            rework=np.array(rework),
            good=np.array(good, float),
            scrap=np.array(scrap, float),
            again=np.array(again, float),
        )
    )
    assert d.rate[1] == pytest.approx(mended / (900 * 30), rel=0.15)
    assert d.rate[0] == pytest.approx(spoiled / (900 * 30), rel=0.15)
    assert d.again[1] > 0.85
    assert d.again[0] == 0.0


def test_records_without_quantities_claim_nothing() -> None:
    d = learn_defects(visits(np.arange(10), np.zeros(10, np.int64)))
    assert not d.known
    assert not d.rate.any()
    assert (d.machine == 1.0).all()


def test_a_single_bad_piece_makes_no_strong_claim() -> None:
    n = 60
    scrap = np.zeros(n)
    scrap[0] = 3.0
    person = np.repeat([0, 1], [1, n - 1])
    d = learn_defects(visits(np.arange(n), np.zeros(n, np.int64), person=person, good=20.0 - scrap, scrap=scrap))
    assert 1.0 < d.person[0] < 1.5


# what comes next


def queue(rule: str, seed: int, n: int = 600) -> tuple:
    """One machine that is always behind, and takes what waits by a rule."""
    rng = np.random.default_rng(seed)
    ready = np.sort(rng.uniform(0, 0.9 * n, n)) * HOUR
    work = rng.uniform(0.2, 1.8, n) * HOUR
    due = ready + rng.uniform(24, 240, n) * HOUR
    family = rng.integers(3, size=n)
    key = {"fifo": ready, "lifo": -ready, "spt": work, "edd": due}
    start, left, now, last = np.full(n, np.nan), set(range(n)), 0.0, -1
    while left:
        waiting = [j for j in left if ready[j] <= now]
        if not waiting:
            now = min(ready[j] for j in left)
            continue
        if rule == "family":
            pick = min(waiting, key=lambda j: (family[j] != last, due[j]))
        elif rule == "random":
            pick = waiting[rng.integers(len(waiting))]
        else:
            pick = min(waiting, key=lambda j: key[rule][j])
        start[pick], last = now, family[pick]
        now += work[pick]
        left.remove(pick)
    return start, ready, due, work, family


@pytest.mark.parametrize("rule", ["fifo", "lifo", "spt", "edd", "family"])
def test_the_rule_that_a_machine_follows_is_recognised(rule: str) -> None:
    start, ready, due, work, family = queue(rule, seed=5)
    n = len(start)
    seen = visits(np.arange(n), np.zeros(n, np.int64), start_s=start, run_s=work)
    found = learn_rules(seen, ready, due, work, family, np.ones((1, 1), bool))
    assert found.rule == (rule,)
    assert found.scores[rule] > 0.95
    assert found.picks > 100


def test_picks_at_random_are_called_first_come_first_served() -> None:
    start, ready, due, work, family = queue("random", seed=6)
    n = len(start)
    seen = visits(np.arange(n), np.zeros(n, np.int64), start_s=start, run_s=work)
    found = learn_rules(seen, ready, due, work, family, np.ones((1, 1), bool))
    assert found.rule == ("fifo",)
    assert max(found.scores.values()) < 0.6


def test_without_queues_the_rule_is_first_come_first_served() -> None:
    n = 100
    ready = np.arange(n) * 5 * HOUR
    found = learn_rules(
        visits(np.arange(n), np.zeros(n, np.int64), start_s=ready),
        ready,
        np.full(n, np.nan),
        np.full(n, HOUR),
        np.full(n, -1),
        np.ones((1, 1), bool),
    )
    assert found.rule == ("fifo",)
    assert found.picks == 0
    assert found.scores == {}


# machines


@pytest.mark.parametrize(("shape", "scale"), [(1.0, 20.0), (2.0, 50.0), (4.0, 42.0)])
def test_a_weibull_is_found_again_also_with_an_open_interval(shape: float, scale: float) -> None:
    times = scale * np.random.default_rng(7).weibull(shape, 500)
    for open_time in (0.0, 0.5 * scale):
        told = fit_weibull(times, open_time)
        assert told == pytest.approx((shape, scale), rel=0.12)


def test_lots_that_begin_and_end_together_are_a_batch() -> None:
    start = np.repeat(np.arange(30) * 5 * HOUR, 3)
    single = np.arange(90) * 5 * HOUR + 10_000 * HOUR
    seen = visits(
        np.arange(180), np.zeros(180, np.int64), machine=np.repeat([0, 1], 90), start_s=np.concatenate([start, single])
    )
    assert batches(seen).tolist() == [3, 1]


def test_orders_worked_on_at_once_are_the_capacity_unless_the_plant_says_otherwise() -> None:
    n = 100
    start = np.concatenate([np.arange(n) * HOUR, np.arange(n) * HOUR + 600.0])
    seen = visits(np.arange(2 * n), np.zeros(2 * n, np.int64), start_s=start, run_s=np.full(2 * n, 3000.0))
    one = np.ones(1, np.int64)
    assert capacities(seen, one).tolist() == [2]
    declared = Plant.model_validate({"machines": {"M0": {"capacity": 5}}})
    assert capacities(seen, one, declared).tolist() == [5]


# routes


def shop_defects(inspects: tuple[bool, ...], again: tuple[float, ...]) -> Defects:
    n = len(inspects)
    return Defects(
        True,
        np.array(inspects),
        np.full(n, 0.05),
        np.ones((n, 1)),
        np.ones(1),
        np.ones(1),
        np.zeros(n),
        np.array(again),
    )


def test_a_plan_is_the_route_with_rework_behind_each_inspection() -> None:
    """Saw 0 (cannot be mended), turn 1, mill 2, check 3, pack 4."""
    plan = plan_of(
        (0, 1, 2, 3, 4), shop_defects((False, False, False, True, False), (0, 0.5, 0.5, 0, 0)), {1: (1, 3), 2: (2,)}
    )
    assert plan.operation.tolist() == [0, 1, 2, 3, 1, 3, 2, 4]
    assert plan.gate.tolist() == [-1, -1, -1, -1, 1, 1, 2, -1]
    assert plan.source.tolist() == [0, 1, 2, 3, 1, 3, 2, 4]


def test_each_inspection_sends_back_only_what_was_made_since_the_last() -> None:
    plan = plan_of((0, 2, 1, 2), shop_defects((False, False, True), (0.5, 0.5, 0)), {0: (0, 2), 1: (1, 2)})
    assert plan.operation.tolist() == [0, 2, 0, 2, 1, 2, 1, 2]
    assert plan.gate.tolist() == [-1, -1, 0, 0, -1, -1, 4, 4]


def test_without_an_inspection_a_plan_is_its_route() -> None:
    plan = plan_of((0, 1, 0), shop_defects((False, False), (0.5, 0.5)), {0: (0,)})
    assert plan.operation.tolist() == [0, 1, 0]
    assert plan.gate.tolist() == [-1, -1, -1]


# logs of poor shape


def rows(n: int, resource: str) -> Mechanism:
    data = []
    for order in range(n):
        at = float(order)
        for k, operation in enumerate(("cut", "bend", "paint")):
            data.append((f"O{order:03}", operation, f"{resource}{k}", at + k, at + k + 0.5))
    return Mechanism.fit(log_of(data, f"order activity {'machine' if resource == 'M' else 'person'} start end"))


@pytest.mark.parametrize("resource", ["M", "P"])
def test_one_resource_column_is_enough(resource: str) -> None:
    m = rows(40, resource)
    assert m.visits.machines == tuple(f"{resource}{k}" for k in range(3))
    assert m.visits.people == ()
    assert not m.posts.needed.any()
    scene = m.replay(np.random.default_rng(1))
    assert scene.people_are_machines is (resource == "P")
    assert not scene.told


def test_records_that_name_nobody_and_nothing_are_refused_or_put_on_operations() -> None:
    data = [(f"O{k:03}", "cut", float(k), k + 0.5) for k in range(40)]
    log = log_of(data, "order activity start end")
    try:
        m = Mechanism.fit(log)
    except InputError as error:
        assert error.fault.fix  # either answer is honest; a silent third is not
    else:
        assert all(name.startswith("(") for name in m.visits.machines)
