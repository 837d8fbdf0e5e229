"""What is learned from the sample plant's records is what is true of it, within stated tolerances."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
import pytest

from zhizao.decide.twin.mechanism import Mechanism
from zhizao.decide.twin.mechanism.week import hours_on
from zhizao.testing.sample import Truth, run_plant

SEEDS = (1, pytest.param(2, marks=pytest.mark.slow), 3)
Fit = Callable[[str, int], Mechanism]

_SLACK = 6
"""Half-hours from Monday to Friday by which learned hours may differ; ten more where there is often nothing to do."""


def code(m: Mechanism, name: str) -> int:
    return m.visits.operations.index(name)


def factors(m: Mechanism, table: np.ndarray, operation: str) -> dict[str, float]:
    """Factors of the machines that can do an operation, by name."""
    o = code(m, operation)
    return {m.visits.machines[a]: float(table[o, a]) for a in np.flatnonzero(m.can[o])}


@pytest.mark.parametrize("kind", ["messy", "good"])
@pytest.mark.parametrize("seed", SEEDS)
def test_machines_work_the_hours_that_they_work(fitted: Fit, kind: str, seed: int) -> None:
    from zhizao.testing.sample import truth

    m, plant = fitted(kind, seed), truth(kind)
    for name, row in zip(m.visits.machines, m.visits.machine_week, strict=True):
        if name == "H1":  # never stops; learned from the days on which it has work
            assert row.sum() > 200
            continue
        week = hours_on(plant.machine(name).hours)
        wrong = int((row[:240] != week[:240]).sum())
        assert wrong <= _SLACK + 10 * (name in ("S1", "S2", "Q1")), f"{name}: {wrong} half-hours of Monday to Friday"
        assert int((row[240:] & ~week[240:]).sum()) <= 2, f"{name} does not work at that weekend"


@pytest.mark.parametrize("seed", SEEDS)
def test_people_work_the_shift_that_they_work(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    m = fitted("messy", seed)
    for name, row in zip(m.visits.people, m.visits.person_week, strict=True):
        week = hours_on(plant_truth.person(name).hours)
        assert (row[:240] == week[:240]).all(), name
        assert int(row[240:].sum()) <= 12, f"{name} works a Saturday morning at most"


@pytest.mark.parametrize("seed", SEEDS)
def test_who_hands_over_to_whom_is_a_post_of_both_shifts(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    m = fitted("messy", seed)
    early = {p.name for p in plant_truth.people if min(start for _, start, _ in p.hours) < 14}
    assert len(m.posts.members) == 10
    for members in m.posts.members:
        names = [m.visits.people[p] for p in members]
        assert len(names) == 2
        assert sum(name in early for name in names) == 1
    assert sorted(p for members in m.posts.members for p in members) == list(range(20))


@pytest.mark.parametrize("seed", SEEDS)
def test_only_the_furnace_takes_four_lots_at_once(fitted: Fit, seed: int) -> None:
    m = fitted("messy", seed)
    assert dict(zip(m.visits.machines, m.batch.tolist(), strict=True)) == {
        name: 4 if name == "H1" else 1 for name in m.visits.machines
    }
    assert set(m.capacity.tolist()) == {1}


def test_who_can_do_what_where(learned: Mechanism, plant_truth: Truth) -> None:
    for operation in plant_truth.operations:
        o = code(learned, operation.name)
        where = {learned.visits.machines[a] for a in np.flatnonzero(learned.can[o])}
        assert where == set(operation.machines)
        assert bool(learned.posts.needed[o]) is bool(operation.crew)
        able = learned.posts.skill_post[learned.posts.skill_ptr[o] : learned.posts.skill_ptr[o + 1]]
        people = {learned.visits.people[p] for q in able for p in learned.posts.members[q]}
        first = set(operation.crew[:2])  # who is asked first is always seen
        assert first <= people
        shared = {learned.visits.people[p] for q in able for p in learned.posts.members[q]} - set(operation.crew)
        # a post brings along the colleague of the other shift, who may be able to do something else
        partners = {
            learned.visits.people[p]
            for members in learned.posts.members
            if set(operation.crew) & {learned.visits.people[p] for p in members}
            for p in members
        }
        assert shared <= partners


@pytest.mark.parametrize("seed", SEEDS)
def test_set_up_families_are_the_plants_families(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    m = fitted("messy", seed)
    assert m.setups.by_sequence
    family = {product.name: product.family for product in plant_truth.products}
    for operation in ("saw", "turn", "mill", "drill", "grind"):
        by_product = {
            name: int(m.setups.family[code(m, operation), at])
            for at, name in enumerate(m.past.products)
            if operation in plant_truth.product(name).route
        }
        for a, mine in by_product.items():
            for b, other in by_product.items():
                assert (mine == other) == (family[a] == family[b]), f"{operation}: {a} and {b}"


@pytest.mark.parametrize("seed", SEEDS)
def test_set_up_minutes_are_the_plants_minutes(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    """Turning: from one family to another within 15 %, within the family within 25 %."""
    m = fitted("messy", seed)
    turn = code(m, "turn")
    of = {
        plant_truth.product(name).family: int(m.setups.family[turn, at])
        for at, name in enumerate(m.past.products)
        if "turn" in plant_truth.product(name).route
    }
    assert set(of) == {"shaft", "flange", "gear"}
    for before, a in of.items():
        for after, b in of.items():
            truly = plant_truth.setup_min[before][after]
            assert m.setups.seconds[a, b] / 60.0 == pytest.approx(truly, rel=0.25 if before == after else 0.15)


@pytest.mark.parametrize("seed", SEEDS)
def test_paces_of_machines(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    turn = factors(fitted("messy", seed), fitted("messy", seed).times.factor, "turn")
    # people's own paces (0.94 .. 1.1) are in it, so 5 % is what can be asked for
    assert turn["L3"] / turn["L1"] == pytest.approx(plant_truth.machine("L3").pace, rel=0.05)
    assert turn["L2"] / turn["L1"] == pytest.approx(1.0, rel=0.05)
    for operation in ("saw", "grind"):
        same = list(factors(fitted("messy", seed), fitted("messy", seed).times.factor, operation).values())
        assert max(same) / min(same) < 1.06


@pytest.mark.parametrize("seed", SEEDS)
def test_times_go_by_the_piece_except_in_the_furnace(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    m = fitted("messy", seed)
    for operation in plant_truth.operations:
        size = float(m.times.size[code(m, operation.name)])
        assert size == pytest.approx(0.0 if operation.fixed_s else 1.0, abs=0.06), operation.name


@pytest.mark.parametrize("seed", SEEDS)
def test_work_times_of_every_product_and_operation(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    """Median seconds by piece within 12 % (people's paces are in it), for products of 4 % of the orders and more."""
    m = fitted("messy", seed)
    for product in plant_truth.products:
        at = m.past.products.index(product.name)
        for operation, truly in product.piece_s.items():
            o = code(m, operation)
            able = np.flatnonzero(m.can[o])
            pace = np.average(
                [plant_truth.machine(m.visits.machines[a]).pace for a in able],
                weights=[np.sum((m.visits.operation == o) & (m.visits.machine == a)) for a in able],
            )
            lot = product.quantity
            told = np.exp(m.times.mean[o, at]) * lot ** m.times.size[o] / lot
            assert told == pytest.approx(truly * pace, rel=0.12), f"{product.name} {operation}"


def true_rates(plant: Truth, seed: int, by: str = "operation") -> Mapping[str, float]:
    """Bad pieces made per piece, as only the plant itself knows."""
    rows = run_plant(plant, seed=seed).filter((pl.col("report") == "production") & ~pl.col("is_rework"))
    pieces = pl.col("good") + pl.col("scrap") + pl.col("rework")
    return dict(rows.group_by(by).agg(pl.col("bad").sum() / pieces.sum()).iter_rows())


@pytest.mark.parametrize("seed", SEEDS)
def test_rates_of_bad_pieces_by_the_operation_that_makes_them(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    """Turning within 10 %, grinding and milling within 45 %; operations that make hardly any within half a per cent."""
    m, truly = fitted("messy", seed), true_rates(plant_truth, seed)
    rate = dict(zip(m.visits.operations, m.defects.rate.tolist(), strict=True))
    assert rate["turn"] == pytest.approx(truly["turn"], rel=0.10)
    for name in ("grind", "mill"):
        assert rate[name] == pytest.approx(truly[name], rel=0.45), name
    for name in ("saw", "drill", "harden", "check", "final"):
        assert rate[name] == pytest.approx(truly[name], abs=0.005), name


@pytest.mark.parametrize("seed", SEEDS)
def test_half_of_the_bad_pieces_are_noticed_where_they_are_made(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    m = fitted("messy", seed)
    assert m.defects.noticed[code(m, "turn")] == pytest.approx(plant_truth.operation("turn").noticed, abs=0.06)
    # what is hardened is turned no more: 0.6 of the flanges' bad pieces come back, none of the others'
    assert 0.1 < m.defects.again[code(m, "turn")] < 0.6
    assert m.defects.again[code(m, "harden")] == 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_old_lathe_and_its_crew_are_found_out(fitted: Fit, seed: int) -> None:
    """L3 and its usual crew P04, P14 spoil most; P03, P13 least. Who of machine and crew is to blame is told in part only."""
    m = fitted("messy", seed)
    lathe = factors(m, m.defects.machine, "turn")
    person = dict(zip(m.visits.people, m.defects.person.tolist(), strict=True))
    assert max(lathe, key=lambda name: lathe[name]) == "L3"
    assert lathe["L3"] / lathe["L1"] > 1.5
    turners = {name: person[name] for name in ("P03", "P04", "P06", "P13", "P14", "P16")}
    ordered = sorted(turners, key=lambda name: turners[name])
    assert set(ordered[:2]) == {"P03", "P13"}
    assert set(ordered[-2:]) == {"P04", "P14"}
    assert min(person["P04"], person["P14"]) / max(person["P03"], person["P13"]) > 2.0


@pytest.mark.parametrize("seed", SEEDS)
def test_machine_and_crew_together_are_told_right(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    """P04 on L3 against P13 on L1, where they usually are: 3.0 x 1.8 to 0.5, within half."""
    m = fitted("messy", seed)
    lathe = factors(m, m.defects.machine, "turn")
    person = dict(zip(m.visits.people, m.defects.person.tolist(), strict=True))
    told = lathe["L3"] * person["P04"] / (lathe["L1"] * person["P13"])
    truly = plant_truth.machine("L3").defects * plant_truth.person("P04").defects / plant_truth.person("P13").defects
    assert told == pytest.approx(truly, rel=0.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mill_breaks_down_with_wear(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    m = fitted("messy", seed)
    worn = {name: wear for name, wear in zip(m.visits.machines, m.wear, strict=True) if wear is not None}
    assert list(worn) == ["M1"]
    mill = plant_truth.machine("M1")
    assert worn["M1"].shape == pytest.approx(mill.life_shape, rel=0.35)
    assert worn["M1"].scale_s / 3600.0 == pytest.approx(mill.life_h, rel=0.15)
    assert worn["M1"].count == len(m.visits.breakdowns.start_s)


@pytest.mark.parametrize("seed", SEEDS)
def test_last_come_first_served_is_seen_where_there_are_queues(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    m = fitted("messy", seed)
    rule = dict(zip(m.visits.machines, m.discipline.rule, strict=True))
    for name in ("G1", "G2", "L1", "L2", "L3", "M1", "M2", "M3", "Q1"):
        assert rule[name] == plant_truth.policy.rule[name] == "lifo", name
    assert m.discipline.scores["lifo"] > 0.7 > m.discipline.scores["spt"]
    assert m.discipline.picks > 1000


def test_the_well_run_plants_families_are_seen_in_its_picks(fitted: Fit) -> None:
    m = fitted("good", 1)
    rule = dict(zip(m.visits.machines, m.discipline.rule, strict=True))
    assert "lifo" not in rule.values()
    assert max(m.discipline.scores, key=lambda name: m.discipline.scores[name]) == "family"


@pytest.mark.parametrize("seed", SEEDS)
def test_transport_takes_what_it_takes(fitted: Fit, plant_truth: Truth, seed: int) -> None:
    """Medians of the ways that are gone often: within 40 % or half an hour, the long ones within 25 %."""
    m = fitted("messy", seed)
    centre = {operation.name: operation.centre for operation in plant_truth.operations}
    hours = {(way.frm, way.to): way.hours for way in plant_truth.transports}
    ways = [("saw", "turn"), ("turn", "harden"), ("mill", "harden"), ("harden", "grind"), ("grind", "check")]
    ways += [("turn", "check"), ("turn", "drill")]
    for before, after in ways:
        told = m.delays.median_s[code(m, before), code(m, after)] / 3600.0
        truly = hours[centre[before], centre[after]]
        assert told == pytest.approx(truly, rel=0.25 if truly > 2 else 0.4, abs=0.5 if truly <= 2 else None), before


@pytest.mark.parametrize("seed", SEEDS)
def test_rework_is_the_operation_again_and_the_check_again(fitted: Fit, seed: int) -> None:
    m = fitted("messy", seed)
    names = m.visits.operations
    loops = {names[first]: tuple(names[one] for one in done) for first, done in m.again.items()}
    assert {name: loops[name] for name in ("turn", "mill", "drill", "grind")} == {
        name: (name, "check") for name in ("turn", "mill", "drill", "grind")
    }
    assert [name for name, looks in zip(names, m.defects.inspects, strict=True) if looks] == ["check"]


@pytest.mark.parametrize("kind", ["messy", "good"])
def test_routes_are_the_products_routes(fitted: Fit, kind: str) -> None:
    """Of the orders that were finished, 95 % without rework follow their product's route to the letter."""
    from zhizao.testing.sample import truth

    m, plant = fitted(kind, 1), truth(kind)
    plain = ~m.visits.rework
    right = whole = 0
    for case in range(len(m.past.orders)):
        route = tuple(m.visits.operations[o] for o in m.visits.operation[plain & (m.visits.case == case)])
        if route[-1] != "final":
            continue
        whole += 1
        right += route == plant.product(m.past.products[m.past.product[case]]).route
    assert whole > 1000
    assert right / whole > 0.95
