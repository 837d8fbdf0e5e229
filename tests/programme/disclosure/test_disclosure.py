"""Disclosure control, seen from the attacker's side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.errors import InputError
from zhizao.programme.disclosure import (
    Rule,
    Table,
    bounds,
    exposed,
    flat_table,
    primary,
    protect,
    rule_named,
    stays_unsure,
    tree_axis,
)


def _table(
    seed: int, *, firms: int = 80, industries: int = 3, regions: int = 5, sizes: int = 0, tree: bool = True
) -> Table:
    rng = np.random.default_rng(seed)
    names = [f"r{k}" for k in range(regions)]
    axes = [
        tree_axis("industry", [f"i{k}" for k in range(industries)]),
        tree_axis("region", names, {name: f"g{k % 2}" for k, name in enumerate(names)} if tree else None),
    ]
    codes: dict[str, Any] = {
        "industry": [f"i{k}" for k in np.minimum(rng.geometric(0.4, firms) - 1, industries - 1)],
        "region": [f"r{k}" for k in np.minimum(rng.geometric(0.35, firms) - 1, regions - 1)],
    }
    if sizes:
        axes.append(tree_axis("size", list("LMSX")[:sizes]))
        codes["size"] = rng.choice(list("LMSX")[:sizes], firms)
    return Table.of(axes, codes, np.exp(rng.normal(8.0, 1.7, firms)))


def test_the_p_percent_rule_by_hand() -> None:
    # 100, 6, 2, 1: who holds 6 knows the largest to 3 of 100; ten percent ask for 10, so 7 are missing
    table = flat_table({"r": ["a"] * 4}, [100.0, 6.0, 2.0, 1.0])
    rule = Rule(minimum=1, dominance=(), p_percent=0.10)
    reason, level = primary(table, rule)
    assert reason.tolist() == ["p_percent", "p_percent"]
    assert level.tolist() == pytest.approx([7.0, 7.0])


def test_dominance_by_hand() -> None:
    table = flat_table({"r": ["a"] * 5}, [80.0, 5.0, 5.0, 5.0, 5.0])
    reason, level = primary(table, Rule(minimum=1, dominance=((1, 0.75),), p_percent=None))
    assert reason[1] == "dominance"
    assert level[1] == pytest.approx(80 / 0.75 - 100)
    assert primary(table, Rule(minimum=1, dominance=((1, 0.80),), p_percent=None))[0].tolist() == ["", ""]


def test_too_few_contributors_and_an_empty_cell() -> None:
    axes = [tree_axis("r", ["a", "b", "c"])]
    table = Table.of(axes, {"r": ["a", "a", *["b"] * 5]}, [1.0, 1.0, *[1.0] * 5])
    reason, level = primary(table, Rule(minimum=3, dominance=(), p_percent=None, interval=0.2))
    assert reason.tolist() == ["", "minimum", "", ""]
    assert level[1] == pytest.approx(0.4)


def test_a_single_withheld_cell_is_no_secret_and_the_attacker_finds_it() -> None:
    table = _table(1)
    lone = np.zeros(table.shape, dtype=bool)
    lone[1, 3] = True
    cell, low, high = bounds(table, lone)
    assert low == pytest.approx(high, rel=1e-7)
    assert low[0] == pytest.approx(table.value.reshape(-1)[cell[0]], rel=1e-7)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["fast", "linear"]), st.booleans())
def test_an_attacker_with_linear_programmes_learns_no_cell_closer_than_its_level(
    seed: int, method: Any, tree: bool
) -> None:
    made = protect(_table(seed, tree=tree), rule_named(), method=method)
    cells, low, high = bounds(made.table, made.withheld)
    value, level = made.table.value.reshape(-1)[cells], made.level.reshape(-1)[cells]
    assert (low <= value * (1 + 1e-7) + 1e-9).all()
    assert (high >= value * (1 - 1e-7)).all()
    assert (high - value >= level * (1 - 1e-6) - 1e-9).all()
    assert (value - low >= np.minimum(level, value) * (1 - 1e-6) - 1e-9).all()
    assert made.exposed() == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.floats(0.05, 0.9), st.sampled_from([0.05, 0.6, 0.999999, 1.001]))
def test_the_quick_attack_finds_what_all_linear_programmes_find(
    seed: int, tree: bool, share: float, much: float
) -> None:
    table = _table(seed, firms=40, tree=tree)
    withheld = (np.random.default_rng(seed).random(table.shape) < share) & (table.count > 0)
    cells, low, high = bounds(table, withheld)
    for wanted in (cells, cells[:1]):
        apart = (high - low)[: len(wanted)]
        value = table.value.reshape(-1)[wanted]
        need = np.where(np.isfinite(apart) & (much > 0.9), apart * much + (much > 1) * value, much * value)
        assert stays_unsure(table, withheld, wanted, need) == bool((apart >= need).all())


def test_three_axes_with_a_tree_hold_too() -> None:
    made = protect(_table(3, firms=120, industries=2, regions=4, sizes=2), rule_named())
    assert (made.reason == "secondary").any()
    assert made.exposed() == []


@pytest.mark.slow
def test_a_table_of_all_industries_regions_and_sizes_holds_where_it_is_tried() -> None:
    made = protect(_table(5, firms=20_000, industries=31, regions=31, sizes=4), rule_named())
    sensitive = np.flatnonzero(made.level.reshape(-1) > 0)
    tried = np.random.default_rng(0).choice(sensitive, 10, replace=False)
    cells, low, high = bounds(made.table, made.withheld, tried)
    value, level = made.table.value.reshape(-1)[cells], made.level.reshape(-1)[cells]
    assert (high - value >= level * (1 - 1e-6)).all()
    assert (value - low >= np.minimum(level, value) * (1 - 1e-6)).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_exact_way_withholds_no_more_value_than_the_others(seed: int) -> None:
    table = _table(seed, firms=50, industries=3, regions=4, tree=False)
    exact = protect(table, rule_named(), method="exact")
    assert exact.exposed() == []
    for method in ("fast", "linear"):
        other = protect(table, rule_named(), method=method)  # type: ignore[arg-type]
        assert table.value[exact.withheld].sum() <= table.value[other.withheld].sum() * (1 + 1e-9)


def test_the_attacker_sees_through_primary_suppression_alone() -> None:
    table = _table(2)
    reason, level = primary(table, rule_named())
    assert exposed(table, reason != "", level)


def test_a_cell_left_open_is_told_as_exposed() -> None:
    table = flat_table({"r": ["a"]}, [5.0])
    _, level = primary(table, rule_named())
    assert exposed(table, np.zeros(table.shape, dtype=bool), level)


def test_what_leaves_has_no_value_and_no_count_of_a_withheld_cell() -> None:
    made = protect(_table(4), rule_named())
    frame = made.frame("zh")
    hidden = frame.filter(frame["reason"] != "")
    assert hidden.height == int(made.withheld.sum())
    assert hidden["value"].null_count() == hidden.height == hidden["count"].null_count()
    assert np.isnan(made.published()[made.withheld]).all()
    assert set(made.frame("en")["reason"].unique()) <= {"", "too few contributors", "a few contributors make up too much of it", "the largest contributor could be told too closely", "withheld so that another cell cannot be recomputed"}  # fmt: skip


def test_a_safe_table_leaves_as_it_is() -> None:
    table = flat_table({"r": ["a"] * 10 + ["b"] * 10}, [1.0] * 20)
    assert not protect(table, rule_named("strict")).withheld.any()


def test_an_empty_table_and_one_of_zeros_have_nothing_to_hide() -> None:
    axes = [tree_axis("r", ["a", "b"])]
    assert not protect(Table.of(axes, {"r": np.zeros(0, dtype=str)}, []), rule_named()).withheld.any()
    zeros = protect(Table.of(axes, {"r": ["a"] * 4 + ["b"] * 4}, [0.0] * 8), rule_named())
    assert not zeros.withheld.any()


def test_who_did_not_return_contributes_nothing() -> None:
    table = flat_table({"r": ["a", "a"]}, [3.0, float("nan")])
    assert table.value.tolist() == [3.0, 3.0]
    assert table.count.tolist() == [1, 1]


def test_totals_of_a_tree_are_sums_and_their_largest_are_the_largest_below() -> None:
    table = _table(6, sizes=2)
    assert np.abs(table.ties @ table.value.reshape(-1)).max() < 1e-6 * table.value.max()
    assert np.abs(table.ties @ table.count.reshape(-1)).max() == 0
    assert table.largest[0, 0, 0, 0] == table.largest[0].max()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: flat_table({"r": ["a"]}, [-1.0]), "below zero"),
        (lambda: flat_table({"r": ["a"]}, [float("inf")]), "infinite"),
        (lambda: tree_axis("r", ["a", "a"]), "repeat"),
        (lambda: tree_axis("r", ["total"]), "called total"),
        (lambda: tree_axis("r", ["a"], {"a": "x", "x": "y", "y": "x"}), "circle"),
        (lambda: Table.of([tree_axis("r", ["a"])], {"r": ["b"]}, [1.0]), "r: b"),
        (lambda: rule_named("none"), "no rule"),
        (lambda: protect(_table(1, industries=30, regions=30), rule_named(), method="exact"), "too many"),
        (lambda: primary(flat_table({"r": ["a"]}, [1.0]), Rule(dominance=((9, 0.5),))), "dominance"),
    ],
)
def test_what_cannot_be_is_refused_in_words(call: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()
