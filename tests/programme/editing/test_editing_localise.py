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
@settings(max_examples=40, deadline=None)
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
@settings(max_examples=100, deadline=None)
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
