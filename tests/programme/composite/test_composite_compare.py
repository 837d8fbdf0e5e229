"""Peers and leagues: who is compared, where a unit stands, and what cannot be told apart."""

from __future__ import annotations

import numpy as np
import pytest

from zhizao.errors import InputError
from zhizao.programme.composite import league, nearest_peers, position


def test_peers_share_labels_as_far_as_there_are_enough():
    x = np.arange(40.0)[:, None]
    industry, size = ["31"] * 30 + ["13"] * 10, ["L", "S"] * 20
    found = nearest_peers(0, {"industry": industry, "size": size}, x, most=5, least=10)
    assert found.within == ("industry", "size") and found.at.tolist() == [2, 4, 6, 8, 10]
    few = nearest_peers(30, {"industry": industry, "size": size}, x, most=5, least=8)
    assert few.within == ("industry",) and few.widened == ("size",)
    none = nearest_peers(30, {"industry": industry}, x, most=5, least=30)
    assert none.within == () and 30 not in none.at


def test_a_gap_in_the_structure_does_not_make_a_stranger_near():
    x = np.array([[1.0, 1.0], [np.nan, np.nan], [1.1, np.nan], [9.0, 9.0]])
    assert nearest_peers(0, {}, x, least=1).at.tolist() == [2, 3, 1]


def test_a_position_and_its_mirror_add_up_to_one():
    peers = np.random.default_rng(1).normal(size=50)
    up, down = position(0.3, peers), position(0.3, peers, direction=-1)
    assert up.share + down.share == pytest.approx(1)
    assert up.low == pytest.approx(1 - down.high)
    assert position(0.3, peers, se=0.5).low < up.low
    with pytest.raises(InputError, match="no peer"):
        position(1.0, np.array([np.nan]))


def test_a_position_covers_the_true_quantile():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(1000):
        found = position(0.5, rng.random(40))
        hits += found.low <= 0.5 <= found.high
    assert 0.93 <= hits / 1000 <= 0.985


def test_all_rank_intervals_of_a_league_hold_together():
    rng = np.random.default_rng(3)
    true = np.sort(rng.normal(0, 1, 20))[::-1]
    held = 0
    for _ in range(300):
        found = league(true + rng.normal(0, 0.3, 20), np.full(20, 0.3))
        place = np.arange(1, 21)
        held += bool(((found.low <= place) & (place <= found.high)).all())
    assert held / 300 >= 0.95


def test_exact_figures_have_exact_ranks_and_ties_share_a_band():
    found = league(np.array([3.0, 1.0, 2.0]), np.zeros(3))
    assert found.low.tolist() == found.high.tolist() == found.rank.tolist() == [1, 3, 2]
    wide = league(np.array([3.0, 1.0, 2.0]), np.full(3, 9.0))
    assert wide.bands.tolist() == [1, 1, 1] and wide.low.tolist() == [1, 1, 1] and wide.high.tolist() == [3, 3, 3]
    assert league(np.array([1.0, 5.0]), np.zeros(2), direction=-1).rank.tolist() == [1, 2]
    with pytest.raises(InputError, match="do not fit"):
        league(np.ones(3), np.array([1.0, -1.0, 1.0]))
