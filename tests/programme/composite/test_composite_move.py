"""The smallest change that moves a unit: it does, and a hair less does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.errors import InputError
from zhizao.programme.composite import Node, Steps, Structure, Units, build, moves

TREE = Structure.of([Node("a", "I"), Node("b", "I", direction=-1), Node("c", "I", 2), Node("I")])


def units_of(x: np.ndarray) -> Units:
    return Units(tuple(f"u{i}" for i in range(len(x))), x, np.ones_like(x), {})


def rank_with(units: Units, steps: Steps, who: int, j: int, value: float) -> int:
    x = units.x.copy()
    x[who, j] = value
    return int(build(units_of(x), TREE, steps).ranks[who])


def test_a_gap_of_scores_is_closed_by_hand():
    x = np.array([[0.0, 5.0, 0.0], [10.0, 0.0, 10.0], [4.0, 3.0, 4.0], [5.0, 3.0, 4.0]])
    built = build(units_of(x), TREE, Steps(treat="none"))
    found = {one.code: one for one in moves(units_of(x), built, "u2")}
    assert found["a"].needed == pytest.approx(5.0, abs=1e-9)  # draws level: ties share the better place
    assert found["c"].needed == pytest.approx(4.5, abs=1e-9)  # weighs twice as much
    assert found["b"].needed == pytest.approx(2.5, abs=1e-9)  # less is better, over a range of five
    assert all(one.checked and one.rank == 2 for one in found.values())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from(["minmax", "zscore", "rank"]))
def test_a_move_moves_and_a_hair_less_does_not(seed: int, up: bool, scale: str):
    rng = np.random.default_rng(seed)
    units = units_of(rng.lognormal(0, 0.8, (9, 3)))
    steps = Steps(normalise=scale)
    built = build(units, TREE, steps)
    who = int(rng.integers(9))
    now = int(built.ranks[who])
    if now in (1, built.ranks.max()):
        up = now > 1
    for one in moves(units, built, f"u{who}", up=up):
        if not one.checked:
            continue
        j = "abc".index(one.code)
        after = rank_with(units, steps, who, j, one.needed)
        short = rank_with(units, steps, who, j, one.value + one.change * (1 - 1e-6))
        assert (after < now <= short) if up else (after > now >= short)
        assert one.rank == after


def test_the_easiest_move_comes_first_and_a_quantity_does_not_go_below_zero():
    rng = np.random.default_rng(3)
    units = units_of(rng.uniform(0, 1, (12, 3)))
    built = build(units, TREE)
    who = units.names[int(np.argmin(np.abs(built.ranks - 6)))]
    found = [one for one in moves(units, built, who) if one.checked]
    assert [one.spreads for one in found] == sorted(one.spreads for one in found)
    assert all(one.needed >= 0 for one in found)


@pytest.mark.parametrize(
    "steps", [Steps(weights="critic"), Steps(impute="em"), Steps(aggregate="copeland", bounds=(1, 2))]
)
def test_choices_that_tie_columns_together_are_rebuilt_whole(steps: Steps):
    rng = np.random.default_rng(5)
    units = units_of(rng.uniform(1, 2, (8, 3)))
    built = build(units, TREE, steps)
    who = units.names[int(np.argmin(np.abs(built.ranks - 4)))]
    assert any(one.checked for one in moves(units, built, who, codes=["c"]))


def test_the_first_cannot_rise_and_a_stranger_is_refused():
    units = units_of(np.random.default_rng(1).uniform(0, 1, (5, 3)))
    built = build(units, TREE)
    best = units.names[int(np.argmin(built.ranks))]
    with pytest.raises(InputError, match="first already"):
        moves(units, built, best)
    with pytest.raises(InputError, match="not in the index"):
        moves(units, built, "nobody")
