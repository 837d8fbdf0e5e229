"""Intervals say what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from zhizao.account.figure import Figure, mean_of, quantile_of, ratio_of, share_of

RUNS = 400


def covered(figures: list[Figure], truth: float) -> float:
    inside = [f.low is not None and f.high is not None and f.low <= truth <= f.high for f in figures]
    return float(np.mean(inside))


@pytest.mark.parametrize("n", [25, 400])
def test_the_interval_of_a_mean_covers_it_although_neighbours_resemble_each_other(n: int) -> None:
    rng = np.random.default_rng(1)
    figures = []
    for _ in range(RUNS):
        noise = rng.normal(size=n + 50)
        for i in range(1, n + 50):
            noise[i] += 0.5 * noise[i - 1]
        figures.append(mean_of(10 + noise[50:], key="x", unit="h"))
    expected = {25: 0.70, 400: 0.90}[n]  # few orders cannot show how long their memory is
    assert covered(figures, 10.0) >= expected


def test_the_interval_of_a_mean_of_independent_orders_covers_it_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(2)
    figures = [mean_of(rng.gamma(2, 5, 200), key="x", unit="h") for _ in range(RUNS)]
    assert 0.92 <= covered(figures, 10.0) <= 0.98


def test_the_interval_of_a_quantile_covers_it() -> None:
    rng = np.random.default_rng(3)
    truth = 10 * np.log(10)
    figures = [quantile_of(rng.exponential(10, 300), 0.9, key="x", unit="h") for _ in range(RUNS)]
    assert 0.91 <= covered(figures, truth) <= 0.99


@pytest.mark.parametrize("share", [0.004, 0.05])
def test_the_interval_of_a_share_covers_it_although_bad_pieces_come_in_bad_lots(share: float) -> None:
    rng = np.random.default_rng(4)
    figures = []
    for _ in range(RUNS):
        pieces = rng.integers(5, 200, 150).astype(float)
        rate = rng.beta(share * 30, (1 - share) * 30, 150)
        figures.append(share_of(rng.binomial(pieces.astype(int), rate).astype(float), pieces, key="x"))
    assert covered(figures, share) >= 0.90
    assert all(f.low is not None and f.low >= 0 for f in figures)


def test_no_bad_piece_among_few_orders_does_not_promise_none_ever() -> None:
    figure = share_of(np.zeros(10), np.full(10, 50.0), key="x")
    assert figure.value == 0.0
    assert figure.low == 0.0
    assert figure.high is not None
    assert figure.high > 0.2


def test_every_piece_bad_leaves_the_upper_limit_at_one() -> None:
    figure = share_of(np.full(10, 5.0), np.full(10, 5.0), key="x")
    assert (figure.value, figure.high) == (1.0, 1.0)


def test_one_order_has_a_value_but_no_interval() -> None:
    figure = mean_of(np.array([3.0]), key="x", unit="h")
    assert (figure.value, figure.low, figure.high, figure.n) == (3.0, None, None, 1)


def test_nothing_to_divide_by_gives_no_value_and_says_so() -> None:
    figure = ratio_of(np.array([1.0]), np.array([0.0]), key="x", unit="1")
    assert (figure.value, figure.reason) == (None, "nothing_to_divide_by")
    assert quantile_of(np.empty(0), 0.5, key="x", unit="h").reason == "no_finished_orders"
