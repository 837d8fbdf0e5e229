"""Error localisation finds the lightest set: against brute force that shares no code with it, and by its own laws."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from zhizao.errors import InputError
from zhizao.programme.editing import compile_rules, localise, read_rules, rule_set, verdicts
from zhizao.programme.editing.exact import asked_of, smallest_set
from zhizao.programme.items import item_keys

KEYS = item_keys()
SOME = ("revenue_cny", "output_cny", "value_added_cny", "materials_cny", "profit_cny")
AT = [KEYS.index(key) for key in SOME]


def system_of(*checks: str, severity: str = "hard"):
    text = "\n".join(f"- {{id: R{i}, check: '{check}', severity: {severity}}}" for i, check in enumerate(checks))
    return compile_rules(rule_set(read_rules(text), shipped=False), "hard")


def record(**values: float) -> np.ndarray:
    z = np.zeros((1, 40))
    for key, value in values.items():
        z[0, KEYS.index(key)] = value
    return z


def found(system, z: np.ndarray, **more) -> set[str]:
    said = localise(system, z, np.ones((len(z), 1), dtype=bool), **more)
    return {KEYS[j] for j in np.flatnonzero(said.mark[0] == 1)}


def mendable(system, z: np.ndarray, free: set[int]) -> bool:
    """Whether free fields can keep all clauses: every choice of one atom a clause, each a linear programme."""
    clauses = [one for one in asked_of(system.arrays, np.ones(1, dtype=bool)) if one]
    columns = sorted(free)

    def keeps(chosen) -> bool:
        le, le_to, eq, eq_to = [], [], [], []
        for atom in chosen:
            row, const = np.zeros(max(1, len(columns))), atom.const
            for col, coef in zip(atom.col, atom.coef, strict=True):
                if col in free:
                    row[columns.index(col)] += coef
                else:
                    const += coef * z[col]
            (eq if atom.equal else le).append(row)
            (eq_to if atom.equal else le_to).append(-const)
        said = linprog(
            np.zeros(max(1, len(columns))), le or None, le_to or None, eq or None, eq_to or None, (-1e4, 1e4)
        )
        return bool(said.status == 0)

    def choose(at: int, chosen) -> bool:
        if not keeps(chosen):
            return False
        return at == len(clauses) or any(choose(at + 1, [*chosen, atom]) for atom in clauses[at])

    return choose(0, [])


def brute_force(system, z: np.ndarray, weight: np.ndarray) -> float | None:
    """Weight of the lightest set of `SOME` that can be mended."""
    every = [set(some) for size in range(len(AT) + 1) for some in combinations(AT, size)]
    for some in sorted(every, key=lambda one: sum(weight[j] for j in one)):
        if mendable(system, z, some):
            return float(sum(weight[j] for j in some))
    return None


TERM = st.tuples(st.sampled_from(SOME), st.sampled_from([-2, -1, 1, 1, 2]))


@st.composite
def comparison(draw) -> str:
    terms = draw(st.lists(TERM, min_size=1, max_size=3, unique_by=lambda one: one[0]))
    text = " + ".join(f"{k} * {name}" for name, k in terms)
    return f"{text} {draw(st.sampled_from(['<=', '<=', '<=', '==', '<']))} {draw(st.integers(-5, 10))}"


@st.composite
def check(draw) -> str:
    return f"if {draw(comparison())} then {draw(comparison())}" if draw(st.integers(0, 3)) == 0 else draw(comparison())


CASES = st.tuples(
    st.lists(check(), min_size=2, max_size=6),
    st.lists(st.integers(-10, 20), min_size=5, max_size=5),
    st.lists(st.sampled_from([1.0, 1.0, 1.5, 2.0, 3.0]), min_size=5, max_size=5),
)


@given(CASES)
@settings(max_examples=25, deadline=None)
def test_the_set_found_is_as_light_as_brute_force_finds(case):
    checks, values, some = case
    system = system_of(*checks)
    z = np.zeros((1, 40))
    z[0, AT] = values
    weight = np.full(40, 10.0)
    weight[AT] = some
    said = localise(system, z, np.ones((1, 1), dtype=bool), weight=weight)
    best = brute_force(system, z[0], weight)
    if best is None:
        assert said.state[0] == 3
        return
    assert float(weight[said.mark[0] == 1].sum()) == pytest.approx(best)
    if best:
        mended = z.copy()
        mended[:, :40] = said.values
        assert not (verdicts(system, mended, np.ones((1, 1), dtype=bool)) == 0).any()
        assert (said.values != z)[0][said.mark[0] == 0].sum() == 0


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_the_fast_path_and_the_exact_path_agree(case):
    checks, values, some = case
    system = system_of(*checks)
    z = np.zeros((1, 40))
    z[0, AT] = values
    weight = np.full(40, 10.0)
    weight[AT] = some
    said = localise(system, z, np.ones((1, 1), dtype=bool), weight=weight)
    exact = smallest_set(asked_of(system.arrays, np.ones(1, dtype=bool)), z[0], weight)
    if exact is None:
        assert said.state[0] == 3
    else:
        assert float(weight[said.mark[0] == 1].sum()) == pytest.approx(float(weight[list(exact[0])].sum()))


def test_the_field_in_both_failed_balances_is_named():
    system = system_of(
        "output_cny <= revenue_cny", "output_cny <= profit_cny", "revenue_cny <= 100", "profit_cny <= 100"
    )
    assert found(system, record(output_cny=50, revenue_cny=9, profit_cny=8)) == {"output_cny"}


def test_a_trusted_field_is_left_alone_when_two_light_ones_do():
    system = system_of("output_cny <= revenue_cny", "output_cny <= profit_cny")
    weight = np.ones(40)
    weight[KEYS.index("output_cny")] = 2.5
    z = record(output_cny=50, revenue_cny=9, profit_cny=8)
    assert found(system, z, weight=weight) == {"revenue_cny", "profit_cny"}


def test_of_equally_light_sets_the_more_surprising_is_named():
    system = system_of("output_cny <= revenue_cny")
    expected = np.full((1, 40), np.nan)
    expected[0, [KEYS.index("output_cny"), KEYS.index("revenue_cny")]] = 8.0, 10.0
    assert found(system, record(output_cny=8, revenue_cny=1), expected=expected) == {"revenue_cny"}
    assert found(system, record(output_cny=90, revenue_cny=10), expected=expected) == {"output_cny"}


def test_a_missing_value_is_free_and_may_take_the_blame_from_others():
    system = system_of("output_cny == wages_cny + tax_cny", "wages_cny >= 0", "tax_cny >= 0")
    z = record(output_cny=50, wages_cny=70)
    z[0, KEYS.index("tax_cny")] = np.nan
    assert len(found(system, z)) == 1, "no tax above zero mends it, so wages or output must change"
    z = record(output_cny=70, wages_cny=50)
    z[0, KEYS.index("tax_cny")] = np.nan
    assert found(system, z) == set()


def test_a_missing_value_between_two_that_contradict_is_seen_through():
    system = system_of("output_cny <= wages_cny", "wages_cny <= tax_cny")
    z = record(output_cny=9, tax_cny=5)
    z[0, KEYS.index("wages_cny")] = np.nan
    assert len(found(system, z)) == 1


def test_a_sum_of_five_parts_with_three_errors_takes_the_exact_path():
    system = system_of(*(f"{key} <= 10" for key in SOME[:3]), "revenue_cny + output_cny >= 0")
    z = record(**dict.fromkeys(SOME[:3], 20.0))
    assert found(system, z) == set(SOME[:3])


def test_rules_that_nothing_can_keep_are_said_to_be_impossible():
    system = system_of("tax_cny >= 5", "tax_cny <= 3")
    assert localise(system, record(tax_cny=4), np.ones((1, 1), dtype=bool)).state[0] == 3


def test_a_reliability_that_is_not_above_zero_is_refused():
    with pytest.raises(InputError, match="weight"):
        localise(system_of("tax_cny >= 5"), record(tax_cny=4), np.ones((1, 1), dtype=bool), weight=np.zeros(40))


def test_many_records_compiled_give_what_few_give_plain():
    from zhizao.programme.editing.localise import SMALL

    rng = np.random.default_rng(2)
    system = compile_rules(rule_set(), "hard")
    z = np.exp(rng.normal(3, 2, (SMALL + 500, len(system.columns))))
    z[rng.random(z.shape) < 0.02] *= -1
    z[rng.random(z.shape) < 0.01] = np.nan
    z[:, KEYS.index("digital_rd_tools")] = 1.0
    active = np.ones((len(z), max(1, len(system.guards))), dtype=bool)
    keep = (verdicts(system, z, active) == 0).sum(axis=1) <= 4
    z, active = z[keep], active[keep]
    many = localise(system, z, active)
    few = localise(system, z[:300], active[:300])
    assert (many.mark[:300] == few.mark).all() and (many.state[:300] == few.state).all()
