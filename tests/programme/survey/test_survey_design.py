"""Strata, allocation and the panel: the rule for thin cells, optimality, permanent numbers, rotation, births."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.errors import InputError
from zhizao.programme.survey import (
    Design,
    Groups,
    allocate,
    assign,
    draw,
    expected_cv,
    expected_half_width,
    fewest,
    groups,
    inherit,
    mean,
    moments,
    permanent_numbers,
    redraw,
    stratify,
    take_all_cutoff,
    total,
)


def frame(n: int = 4000, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    size = rng.choice(["L", "M", "S"], n, p=[0.02, 0.18, 0.8])
    return {
        "industry": rng.choice(["13", "26", "31", "39"], n, p=[0.5, 0.3, 0.15, 0.05]),
        "region": rng.choice(["11", "44", "61", "54"], n, p=[0.4, 0.4, 0.19, 0.01]),
        "size": size,
        "x": np.exp(rng.normal(0, 1, n)) * np.select([size == "L", size == "M"], [500.0, 30.0], 2.0),
    }


def test_every_unit_has_one_stratum_and_no_sampled_stratum_is_thin() -> None:
    f = frame()
    made = stratify(
        [f["industry"], f["region"], f["size"]], take_all=(f["size"] == "L") * 1.0, least=15, pool=[1, 0, 2]
    )
    assert made.size.sum() == 4000 and np.array_equal(np.bincount(made.codes), made.size)
    assert made.size[~made.take_all].min() >= 15
    assert made.size[made.take_all].sum() == (f["size"] == "L").sum()
    assert made.pooled > 0


def test_pooling_gives_up_the_region_before_the_industry() -> None:
    made = stratify([["a"] * 4 + ["b"] * 4, ["1", "1", "2", "2"] * 2], least=3, pool=[1, 0])
    assert made.labels == ("a|1+2", "b|1+2")


def test_a_later_frame_finds_its_strata_and_new_cells_the_nearest() -> None:
    first = stratify([["a", "a", "b", "b"], ["1", "2", "1", "2"]], least=1)
    later, which = assign([["a", "b", "b"], ["2", "1", "3"]], first.labels, first.cells)
    assert [later.labels[c] for c in later.codes] == ["a|2", "b|1", "b|1"]
    assert [first.labels[h] for h in which] == list(later.labels)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.95))
def test_no_unit_moved_between_strata_makes_neyman_better(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    size = rng.integers(3, 60, 8)
    strata = stratify([np.repeat(np.arange(8), size)], least=1)
    spread = size * rng.exponential(1, 8)
    low = np.minimum(2, size)
    n = int(low.sum() + share * (size.sum() - low.sum()))
    made = allocate(strata, n, spread=spread).n
    assert made.sum() == n and (made >= low).all() and (made <= size).all()
    variance = (spread**2 / made).sum()
    for i in range(8):
        for j in range(8):
            if i != j and made[i] < size[i] and made[j] > low[j]:
                moved = made.copy()
                moved[i] += 1
                moved[j] -= 1
                assert (spread**2 / moved).sum() >= variance * (1 - 1e-12)


def test_costs_power_and_proportion_follow_their_formulas() -> None:
    strata = stratify([np.repeat(["a", "b"], [4000, 1000])], least=1)
    spread = np.array([4000.0, 4000.0])
    assert allocate(strata, 300, method="cost", spread=spread, cost=np.array([4.0, 1.0])).n.tolist() == [100, 200]
    assert allocate(strata, 300, method="proportional").n.tolist() == [240, 60]
    powered = allocate(
        strata, 300, method="power", power=0.0, spread=spread, importance=np.ones(2), means=np.array([1.0, 4.0])
    )
    assert powered.n.tolist() == [150, 150]


def test_what_cannot_be_allocated_says_what_is_needed() -> None:
    strata = stratify([np.repeat(["a", "b"], [40, 10])], least=1)
    with pytest.raises(InputError, match="51 units are wanted from a frame of 50"):
        allocate(strata, 51, spread=np.ones(2))
    with pytest.raises(InputError, match="need 4"):
        allocate(strata, 3, spread=np.ones(2))


def test_expected_precision_is_what_draws_show() -> None:
    f = frame()
    strata = stratify([f["industry"], f["size"]], least=10)
    found = moments(strata, f["x"], groups(f["region"]))
    n = allocate(strata, 800, spread=moments(strata, f["x"]).spread[0]).n
    rng = np.random.default_rng(3)
    flag = (rng.random(4000) < 0.5) * 1.0
    sums, shares = [], []
    for _ in range(250):
        panel = draw(strata, n, rng.random(4000))
        by = Groups(groups(f["region"]).codes[panel.rows], groups(f["region"]).labels)
        design = Design.of(panel.weight, strata=panel.stratum)
        sums.append(total(design, f["x"][panel.rows], by=by).estimate)
        shares.append(mean(design, flag[panel.rows], by=by).estimate)
    shown = np.std(sums, axis=0) / found.total
    big = found.rows.sum(axis=1) > 100
    assert shown[big] == pytest.approx(expected_cv(found, n)[big], rel=0.15)
    assert 1.96 * np.std(shares, axis=0)[big] == pytest.approx(expected_half_width(found, n)[big], rel=0.15)


def test_the_fewest_units_reach_every_wanted_precision_and_one_in_a_hundred_less_does_not() -> None:
    f = frame()
    strata = stratify([f["industry"], f["region"], f["size"]], least=10, pool=[1, 0, 2])
    wanted = [(moments(strata, f["x"], groups(f[key])), cv) for key, cv in (("industry", 0.05), ("region", 0.06))]
    made = fewest(strata, wanted)
    for found, cv in wanted:
        assert np.nanmax(expected_cv(found, made.n)) <= cv * (1 + 1e-6)
    assert max(np.nanmax(expected_cv(found, made.n) / cv) for found, cv in wanted) > 0.98
    one = fewest(strata, [(moments(strata, f["x"]), 0.02)])
    same = allocate(strata, one.total, spread=moments(strata, f["x"]).spread[0])
    assert expected_cv(moments(strata, f["x"]), same.n)[0] <= 0.02 * 1.001
    fewer = allocate(strata, int(one.total * 0.98), spread=moments(strata, f["x"]).spread[0])
    assert expected_cv(moments(strata, f["x"]), fewer.n)[0] > 0.02


def test_the_take_all_cutoff_needs_fewer_units_than_its_neighbours() -> None:
    x = np.exp(np.random.default_rng(5).normal(0, 1.5, 3000))
    cutoff, needed = take_all_cutoff(x, 0.02)

    def units(limit: float) -> float:
        rest = x[x < limit]
        taken = len(x) - len(rest)
        wanted = (0.02 * x.sum()) ** 2
        return taken + len(rest) ** 2 * rest.var(ddof=1) / (wanted + len(rest) * rest.var(ddof=1))

    assert needed == int(np.ceil(units(cutoff)))
    assert all(needed <= np.ceil(units(limit)) for limit in np.quantile(x, [0.5, 0.9, 0.97, 0.99, 1.0]))


def test_numbers_are_permanent_and_another_seed_gives_others() -> None:
    ids = [f"E{i}" for i in range(2000)]
    first, again, other = permanent_numbers(ids, 1), permanent_numbers(ids[::-1], 1)[::-1], permanent_numbers(ids, 2)
    assert np.array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.08
    assert np.abs(np.sort(first) - np.arange(2000) / 2000).max() < 0.04  # Kolmogorov and Smirnov, far out


def as_previous(panel: object, strata: object, ids: list[str], year: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [ids[r] for r in panel.rows],  # type: ignore[attr-defined]
            "stratum": [strata.labels[h] for h in panel.stratum],  # type: ignore[attr-defined]
            "start": panel.start[panel.stratum],  # type: ignore[attr-defined]
            "probability": panel.probability,  # type: ignore[attr-defined]
            "since": panel.since,  # type: ignore[attr-defined]
            "year": np.full(len(panel.rows), year),  # type: ignore[attr-defined]
        }
    )


def test_a_fifth_rotates_each_year_and_the_first_panel_is_gone_after_five() -> None:
    strata = stratify([np.repeat(["a", "b"], [6000, 4000])], least=1)
    ids, n = [f"E{i}" for i in range(10_000)], np.array([900, 300])
    numbers = permanent_numbers(ids, 7)
    panel = draw(strata, n, numbers)
    first = set(panel.rows)
    for year in range(1, 6):
        before = as_previous(panel, strata, ids, year)
        panel, changes = redraw(strata, n, ids, numbers, before)
        assert changes.rotated_out == changes.entered == pytest.approx(240, abs=45)
        assert changes.stayed + changes.entered == 1200 and changes.dead == 0
    assert len(first & set(panel.rows)) < 60
    assert set(np.unique(panel.since)) <= {1, 2, 3, 4, 5, 6}


def test_births_enter_deaths_leave_and_movers_keep_their_number() -> None:
    ids = [f"E{i}" for i in range(3000)]
    strata = stratify([np.repeat(["a", "b"], [2000, 1000])], least=1)
    n = np.array([300, 200])
    panel = draw(strata, n, permanent_numbers(ids, 3))
    before = as_previous(panel, strata, ids, 1)
    # a hundred of `a` die, two hundred are born there, fifty of `b` move to `a`
    now = [*ids[100:2000], *ids[2000:2050], *[f"N{i}" for i in range(200)], *ids[2050:]]
    later = stratify([["a"] * 2150 + ["b"] * 950], least=1)
    made, changes = redraw(later, n, now, permanent_numbers(now, 3), before, rotate=0.0, known=set(ids))
    assert changes.dead == sum(int(one[1:]) < 100 for one in before["id"])
    assert changes.born == sum(now[r].startswith("N") for r in made.rows) > 10
    assert changes.stayed > 430
    assert made.weight.sum() == pytest.approx(3100)


@pytest.mark.parametrize("rotate", [0.0, 0.2])
def test_old_units_and_births_have_the_same_chance_whatever_the_rotation(rotate: float) -> None:
    old, born = [f"E{i}" for i in range(60)], [f"N{i}" for i in range(40)]
    strata, later = stratify([["a"] * 60], least=1), stratify([["a"] * 100], least=1)
    taken = np.zeros(100)
    for seed in range(600):
        numbers = permanent_numbers([*old, *born], seed)
        panel = draw(strata, np.array([12]), numbers[:60])
        made, _ = redraw(
            later, np.array([15]), [*old, *born], numbers, as_previous(panel, strata, old, 1), rotate=rotate
        )
        taken[made.rows] += 1
    share = taken / 600
    assert share.sum() == pytest.approx(15)
    assert share[60:].mean() == pytest.approx(0.15, abs=0.009)
    assert np.abs(share - 0.15).max() < 0.07  # 5 standard errors


def test_a_merger_carries_a_number_on_and_a_split_only_once() -> None:
    numbers = permanent_numbers(["m", "s1", "s2"], 1)
    made = inherit(["m", "s1", "s2"], numbers, {"m": ["a", "b"], "s1": ["c"], "s2": ["c"]}, 1)
    assert made[:2].tolist() == permanent_numbers(["a", "c"], 1).tolist()
    assert made[2] == numbers[2]


def test_more_than_there_are_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="5 units are wanted from stratum a, which has 4"):
        draw(stratify([["a"] * 4], least=1), np.array([5]), np.linspace(0, 0.9, 4))


def test_a_unit_without_a_grouping_is_pointed_at() -> None:
    with pytest.raises(InputError, match="row 2: 1 units lack grouping 1"):
        stratify([["a", None, "b"]])
