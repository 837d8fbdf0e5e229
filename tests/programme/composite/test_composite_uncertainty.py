"""Rank intervals and sensitivity: thousands at once give what one at a time gives, and known functions are recovered."""

from __future__ import annotations

import numpy as np
import pytest

from zhizao.errors import InputError
from zhizao.programme.composite import WHY, Alternatives, Node, Steps, Structure, Units, build, uncertainty
from zhizao.programme.composite.aggregate import aggregate_tree, place
from zhizao.programme.composite.build import normalised
from zhizao.programme.composite.sobol import design, indices
from zhizao.programme.composite.uncertainty import _Model, alternatives

TREE = Structure.of(
    [*(Node(f"i{j}", "G" if j < 3 else "H") for j in range(5)), Node("G", "I", 2), Node("H", "I"), Node("I")],
    groupings=["zone"],
)


def drawn(n: int = 20, seed: int = 1, *, gaps: bool = True) -> Units:
    rng = np.random.default_rng(seed)
    x = rng.lognormal(1, 1.2, (n, 5)) + 0.3 * rng.normal(size=(n, 1)) ** 2
    if gaps:
        x[rng.random((n, 5)) < 0.08] = np.nan
    return Units(tuple(f"u{i}" for i in range(n)), x, np.ones_like(x), {"zone": tuple("ab"[i % 2] for i in range(n))})


def test_the_indices_of_the_ishigami_function_are_recovered():
    rng = np.random.default_rng(1)
    n = 4096
    u = design(n, 3, rng) * 2 * np.pi - np.pi
    y = np.sin(u[:, 0]) + 7 * np.sin(u[:, 1]) ** 2 + 0.1 * u[:, 2] ** 4 * np.sin(u[:, 0])
    found = indices(y, ("a", "b", "c"), n, rng)
    assert [one.first for one in found] == pytest.approx([0.3139, 0.4424, 0.0], abs=0.03)  # Saltelli et al. 2008
    assert [one.total for one in found] == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.03)
    assert all(one.total_low <= one.total <= one.total_high for one in found)


def test_an_answer_that_never_changes_has_no_sensitivity():
    found = indices(np.ones(8 * 4), ("a", "b"), 8)
    assert all(one.first == one.total == 0 for one in found)


def test_a_run_in_the_crowd_is_the_index_rebuilt_alone():
    units = drawn()
    steps = Steps(impute="group_mean", impute_by="zone")
    built = build(units, TREE, steps)
    wanted = Alternatives(noise="none", leave_out=False, weights=("equal", "pca"))
    varied, _ = alternatives(built, wanted)
    model = _Model(units, built, varied, wanted, np.random.default_rng(1))
    points = np.random.default_rng(2).random((60, len(varied)))
    ranks = model.ranks(points)
    for row, point in enumerate(points):
        pick = {
            f: varied[f][min(int(u * len(varied[f])), len(varied[f]) - 1)] for f, u in zip(varied, point, strict=True)
        }
        choice = {key: pick[key] for key in ("impute", "treat", "normalise")}
        alone = steps.model_copy(update=choice)
        made = build(units, TREE, alone)
        leaves = made.stages["normalised"].values
        if pick["aggregate"] == "geometric":
            x = made.stages["treated"].values
            leaves = normalised(x, TREE, alone, positive=True) if np.nanmin(leaves) <= 0 else leaves
        top = aggregate_tree(leaves, model.schemes[pick["weights"]], TREE, (pick["aggregate"],))[:, -1]
        assert (ranks[row] == place(np.round(top, 12))).all(), pick


def test_leaving_an_indicator_out_is_building_the_index_without_it():
    units = drawn(gaps=False)
    built = build(units, TREE, Steps(treat="none"))
    wanted = Alternatives(noise="none", normalise=("minmax",), aggregate=("arithmetic",), treat=("none",))
    varied, _ = alternatives(built, wanted)
    assert list(varied) == ["leave_out"]
    model = _Model(units, built, varied, wanted, np.random.default_rng(1))
    ranks = model.ranks((np.arange(6)[:, None] + 0.5) / 6)
    assert (ranks[0] == built.ranks).all()
    for j in range(5):
        less = Structure.of([node for node in TREE.nodes if node.code != f"i{j}"])
        keep = [k for k in range(5) if k != j]
        alone = build(Units(units.names, units.x[:, keep], units.by[:, keep], {}), less, Steps(treat="none"))
        assert (ranks[j + 1] == alone.ranks).all()


def test_leaving_out_an_only_child_leaves_its_group_out():
    tree = Structure.of([Node("a", "G"), Node("b", "H"), Node("c", "H"), Node("G", "I"), Node("H", "I"), Node("I")])
    x = np.random.default_rng(3).uniform(1, 9, (9, 3))
    units = Units(tuple("abcdefghj"), x, np.ones_like(x), {})
    found = uncertainty(units, build(units, tree), np.random.default_rng(1), runs=32)
    assert all(1 <= one.best <= one.worst <= 9 for one in found.intervals)


def test_the_same_seed_gives_the_same_intervals_and_another_gives_others():
    units = drawn()
    built = build(units, TREE)
    one, again, other = (uncertainty(units, built, np.random.default_rng(s), runs=64) for s in (1, 1, 2))
    assert one.intervals == again.intervals and one.sensitivity == again.sensitivity
    assert one.intervals != other.intervals


def test_what_is_not_varied_is_listed_with_its_reason():
    units = drawn(gaps=False)
    built = build(units, TREE, Steps(order=("screen",)))
    found = uncertainty(units, built, np.random.default_rng(1), runs=32, wanted=Alternatives(leave_out=False))
    assert found.not_varied["impute"] == "nothing_missing"
    assert found.not_varied["treat"] == "no_treating"
    assert "leave_out" in found.not_varied and "structure" in found.not_varied
    assert set(found.not_varied.values()) <= WHY.keys()
    every = set(found.varied) | {key.split(":")[0] for key in found.not_varied}
    assert {"impute", "treat", "normalise", "aggregate", "noise", "leave_out", "screen", "structure"} <= every


def test_a_choice_that_the_data_refuse_is_listed_and_not_tried():
    units = drawn()
    built = build(units, TREE)
    wanted = Alternatives(normalise=("goalposts", "rank"), impute=("group_mean", "median"))
    varied, reasons = alternatives(built, wanted)
    assert varied["normalise"] == ("minmax", "rank") and "normalise: goalposts" in reasons
    assert varied["impute"] == ("mean", "median") and "impute: group_mean" in reasons


def test_no_disturbance_means_no_interval_and_more_of_it_a_wider_one():
    units = drawn(40, gaps=False)
    built = build(units, TREE, Steps(treat="none"))
    fixed = {"normalise": ("minmax",), "aggregate": ("arithmetic",), "treat": ("none",), "leave_out": False}

    def width(size: float, noise: str = "uniform") -> float:
        wanted = Alternatives(noise=noise, noise_size=size, **fixed)
        found = uncertainty(units, built, np.random.default_rng(1), runs=256, wanted=wanted)
        return float(np.mean([one.high - one.low for one in found.intervals]))

    assert width(0.05) < width(0.25) < width(0.6)
    assert width(0.05, "dirichlet") < width(0.4, "dirichlet")
    with pytest.raises(InputError, match="nothing can be varied"):
        width(0.0)


def test_a_clear_leader_keeps_its_place():
    units = drawn(gaps=False)
    x = units.x.copy()
    x[4] = x.max(axis=0) * 1.5
    units = Units(units.names, x, units.by, units.groups)
    found = uncertainty(units, build(units, TREE), np.random.default_rng(1), runs=64)
    assert (found.intervals[4].low, found.intervals[4].high) == (1, 1)


def test_benefit_of_the_doubt_has_no_intervals_and_says_so():
    units = drawn(gaps=False)
    built = build(units, TREE, Steps(aggregate="bod", treat="none"))
    assert built.scores[:, -1].max() <= 1 + 1e-9
    with pytest.raises(InputError, match="benefit of the doubt"):
        uncertainty(units, built, np.random.default_rng(1))
