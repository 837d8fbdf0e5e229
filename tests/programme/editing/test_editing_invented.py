"""Signs of made-up figures: found where they were made up, and rarely where they were not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.errors import InputError
from zhizao.programme.editing import from_frame, suspicions
from zhizao.programme.editing.copies import copies
from zhizao.programme.editing.invented import FIRST, SECOND, benford, combine, discoveries
from zhizao.testing.bad_returns import INVENTIONS, falsify, honest_returns


def test_benfords_digits_by_hand():
    assert FIRST[0] == pytest.approx(0.30103, abs=1e-5) and FIRST[8] == pytest.approx(0.04576, abs=1e-5)
    assert SECOND[0] == pytest.approx(0.11968, abs=1e-5) and SECOND[9] == pytest.approx(0.08500, abs=1e-5)
    assert FIRST.sum() == pytest.approx(1) and SECOND.sum() == pytest.approx(1)


def test_powers_follow_the_law_and_equal_digits_do_not():
    assert benford(2.0 ** np.arange(300))[0] < 15.5
    assert benford(np.arange(1.0, 1000.0))[0] > 100


def test_benjamini_and_hochberg_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5])
    assert discoveries(p, 0.05).tolist() == [True, True, True, True, False]
    assert discoveries(p, 0.02).tolist() == [False, False, False, False, False] or discoveries(p, 0.02).sum() <= 2


@given(st.lists(st.floats(0.001, 0.99), min_size=1, max_size=8))
def test_joined_probabilities_lie_between_the_smallest_and_one(p: list[float]):
    joint = float(combine(np.array([p]))[0])
    assert min(p) - 1e-9 <= joint <= 1


def test_many_independent_signs_of_nothing_stay_nothing(rng: np.random.Generator):
    joint = combine(rng.random((20_000, 6)))
    assert (joint < 0.05).mean() == pytest.approx(0.05, abs=0.006)
    assert (joint < 0.001).mean() < 0.002


def test_honest_enterprises_are_rarely_named():
    found = suspicions(from_frame(honest_returns(800, 18, np.random.default_rng(3))))
    assert found.chosen.sum() <= 4
    assert (found.p < 0.01).mean() < 0.03


@pytest.mark.parametrize("kind", INVENTIONS)
def test_inventions_of_each_kind_are_found(kind: str, rng: np.random.Generator):
    honest = honest_returns(500, 18, np.random.default_rng(3))
    told, who = falsify(honest, rng, kinds=(kind,))
    found = suspicions(from_frame(told))
    bad = np.isin(found.enterprises, who["enterprise"].to_list())
    assert found.chosen[bad].mean() >= (0.7 if kind == "alike" else 0.9)
    assert found.chosen[~bad].mean() <= 0.02
    named = {one.sign for one in found.signs if one.enterprise in who["enterprise"].to_list()}
    assert kind in named
    assert all(one.zh and one.en and 0 < one.strength <= 30 for one in found.signs)


def test_whoever_left_its_own_past_is_named_for_the_copy(rng: np.random.Generator):
    honest = honest_returns(300, 6, np.random.default_rng(3))
    told, who = falsify(honest, rng, kinds=("copy_of_peer",))
    returns = from_frame(told)
    found = copies(returns).peer
    assert set(returns.enterprise[found.rows].tolist()) == set(who["enterprise"].to_list())


def test_a_copy_changed_in_some_places_is_still_found():
    honest = honest_returns(300, 2, np.random.default_rng(3))
    returns = from_frame(honest)
    values = returns.values.copy()
    values[599] = values[301]
    values[599, [0, 5, 12]] *= 1.07
    found = copies(returns.with_values(values)).peer
    pairs = {(int(a), int(b)) for a, b in zip(found.rows, found.others, strict=True)}
    assert pairs == {(599, 301)}


def test_a_filer_with_favourite_digits_is_named(rng: np.random.Generator):
    honest = honest_returns(300, 8, np.random.default_rng(3))
    filer = np.repeat(np.array([f"F{i % 30}" for i in range(300)]), 8)
    output = honest["output_cny"].to_numpy().copy()
    output[filer == "F7"] = np.floor(output[filer == "F7"] / 10) * 10 + 7
    wages = honest["wages_cny"].to_numpy().copy()
    wages[filer == "F7"] = np.floor(wages[filer == "F7"] / 10) * 10 + 3
    told = honest.with_columns(
        pl.Series("filer", filer), pl.Series("output_cny", output), pl.Series("wages_cny", wages)
    )
    assert [one.enterprise for one in suspicions(from_frame(told)).filers] == ["F7"]


def test_few_enterprises_and_one_month_give_no_sign_and_no_fault():
    assert not suspicions(from_frame(honest_returns(3, 1, np.random.default_rng(3)))).chosen.any()
    with pytest.raises(InputError):
        suspicions(from_frame(honest_returns(3, 1, np.random.default_rng(3))), rate=0)
