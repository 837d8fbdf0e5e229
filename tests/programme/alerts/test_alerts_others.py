"""Quality by cell, concentration of supply, exposure of trade, and which column is what."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.alerts import (
    concentration_alerts,
    cut_points,
    kinds_in,
    quality_alerts,
    reach,
    read_month,
    settle,
    trade_alerts,
)
from zhizao.programme.alerts.quality import chance_scores, shrink


def inspections(
    seed: int, *, worse: tuple[int, ...] = (), cells: int = 40, months: int = 72, size: tuple[int, int] = (5, 60)
):
    rng = np.random.default_rng(seed)
    share = rng.beta(6, 94, cells)
    tried = rng.integers(*size, (cells, months))
    p = np.repeat(share[:, None], months, axis=1)
    for cell in worse:
        p[cell, 50:] = np.minimum(2.5 * p[cell, 50:] + 0.03, 1)
    failed = rng.binomial(tried, p)
    return pl.DataFrame(
        {
            "region": np.repeat([f"{11 + i % 10}" for i in range(cells)], months),
            "product": np.repeat([f"product {i // 10}" for i in range(cells)], months),
            "month": [date(2015 + j // 12, j % 12 + 1, 1) for j in range(months)] * cells,
            "batches_inspected": tried.ravel(),
            "batches_passed": (tried - failed).ravel(),
        }
    )


def test_cells_that_become_worse_are_warned_of_and_quiet_ones_are_not():
    found = quality_alerts(inspections(4, worse=(3, 17, 30)), rng=np.random.default_rng(0))
    firm = {(one.scope["region"], one.scope["product"]) for one in found.alerts if one.level != "watch"}
    assert firm >= {("14", "product 0"), ("18", "product 1"), ("11", "product 3")}
    assert len(firm) <= 4
    worst = found.alerts[0]
    assert worst.evidence[0].value > worst.evidence[0].high and worst.record.recall > 0.5


def test_false_alarms_on_quality_keep_the_budget():
    """Forty quiet cells over four judged years: four false alarms are allowed; discrete counts make them fewer."""
    count = 0
    for seed in range(8):
        found = quality_alerts(inspections(100 + seed), rng=np.random.default_rng(0))
        count += found.replayed["false_alarms_per_year"]
    assert count / 8 < 1.6


def test_shares_of_small_cells_are_drawn_to_the_others_and_of_large_ones_are_not():
    rng = np.random.default_rng(2)
    truth = rng.beta(8, 92, 300)
    tried = rng.choice([8.0, 40.0, 2000.0], 300)
    failed = rng.binomial(tried.astype(int), truth).astype(float)
    mean, precision = shrink(failed, tried)
    raw = failed / tried
    small = tried < 10
    assert np.abs(mean - truth)[small].mean() < 0.6 * np.abs(raw - truth)[small].mean()
    assert np.abs(mean - raw)[tried > 1000].max() < 0.006
    assert (precision > tried).all()


@given(st.integers(1, 80), st.floats(0.01, 0.6), st.floats(5, 2000), st.data())
@settings(max_examples=40, deadline=None)
def test_the_score_is_the_mid_chance_of_the_beta_binomial(n: int, mean: float, precision: float, data):
    k = data.draw(st.integers(0, n))
    a, b = mean * precision, (1 - mean) * precision
    chance = betabinom.cdf(k - 1, n, a, b) + 0.5 * betabinom.pmf(k, n, a, b)
    z = chance_scores(*(np.array([float(one)]) for one in (k, n, mean, precision)))[0]
    from scipy.special import ndtr

    assert ndtr(z) == pytest.approx(np.clip(chance, 1e-9, 1 - 1e-9), abs=1e-7)


def test_counts_that_cannot_be_are_refused_and_short_pasts_are_said():
    frame = inspections(1, cells=2, months=30).with_columns(batches_passed=pl.col("batches_inspected") + 1)
    with pytest.raises(InputError, match="more cannot pass"):
        quality_alerts(frame, rng=np.random.default_rng(0))
    short = quality_alerts(inspections(1, cells=6, months=20), rng=np.random.default_rng(0))
    assert not short.alerts and "20 months" in short.cannot_judge[0].en


def test_concentration_by_hand():
    table = pl.DataFrame(
        {
            "product": ["bearing"] * 2 + ["bolt"] * 5 + ["wafer"] * 3,
            "supplier": ["a", "b", *"cdefg", "x", "y", "z"],
            "country": ["CN"] * 7 + ["JP", "JP", "CN"],
            "value_cny": [96.0, 4, 20, 20, 20, 20, 20, 40, 40, 20],
        }
    )
    found = {one.scope["product"]: one for one in concentration_alerts(table)}
    assert set(found) == {"bearing", "wafer"}
    bearing = {row.signal: row.value for row in found["bearing"].evidence}
    assert bearing["largest_share"] == pytest.approx(96) and bearing["supplier_index"] == pytest.approx(
        9600 * 0.96 + 16
    )
    wafer = {row.signal: row.value for row in found["wafer"].evidence}
    assert wafer["import_share"] == pytest.approx(80) and found["wafer"].level == "warning"


def test_the_loss_of_a_sole_supplier_runs_down_the_chain_and_stops_at_a_second_source():
    rows = [
        ("mine", "mill", "ore", 10.0),
        ("mill", "shop", "steel", 20.0),
        ("mill", "yard", "steel", 5.0),
        ("import", "yard", "steel", 5.0),
        ("shop", "client", "parts", 40.0),
        ("yard", "client", "ships", 20.0),
    ]
    stopped, share = reach(rows, "mine")
    assert stopped == {"mine", "mill", "shop"} and share == pytest.approx((10 + 25 + 40) / 100)
    table = pl.DataFrame(rows, schema=["supplier", "buyer", "product", "value_cny"], orient="row")
    far = [one for one in concentration_alerts(table) if "supplier" in one.scope]
    assert far[0].scope == {"supplier": "mine"} and far[0].level == "serious"


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=30))
@settings(max_examples=80, deadline=None)
def test_cut_points_and_bridges_are_those_whose_removal_splits_the_graph(pairs: list[tuple[int, int]]):
    edges = {(f"{min(a, b):02}", f"{max(a, b):02}") for a, b in pairs if a != b}
    nodes = {one for edge in edges for one in edge}

    def parts(without: str | None, kept: set[tuple[str, str]]) -> int:
        left, count = nodes - {without}, 0
        while left:
            count += 1
            waiting = [left.pop()]
            while waiting:
                at = waiting.pop()
                for a, b in kept:
                    other = b if a == at else a if b == at else None
                    if other in left:
                        left.discard(other)
                        waiting.append(other)
        return count

    whole = parts(None, edges)
    points, bridges = cut_points(edges)
    assert points == {one for one in nodes if parts(one, {e for e in edges if one not in e}) > whole}
    assert bridges == {edge for edge in edges if parts(None, edges - {edge}) > whole}


def test_a_long_chain_does_not_run_out_of_stack():
    chain = [(f"{i:06}", f"{i + 1:06}") for i in range(20_000)]
    points, bridges = cut_points(chain)
    assert len(points) == 19_999 and len(bridges) == 20_000


def test_exposure_by_hand():
    table = pl.DataFrame(
        {
            "industry": ["39", "39", "18", "18"],
            "country": ["US", "DE", "US", "JP"],
            "exports_cny": [75.0, 25, 30, 30],
            "output_cny": [250.0, 250, 1000, 1000],
        }
    )
    (one,) = trade_alerts(table)
    values = {row.signal: row.value for row in one.evidence}
    assert one.scope == {"industry": "39"} and values["partner_index"] == pytest.approx(6250)
    assert values["exposure"] == pytest.approx(100 * 0.4 * 0.625) and one.level == "serious"


def test_columns_are_recognised_in_both_languages_and_shares_brought_to_one_scale():
    chinese = pl.DataFrame(
        {
            "行业": ["黑色金属冶炼和压延加工业"],
            "月份": ["2024年6月"],
            "产能利用率(%)": ["76.5"],
            "利润总额": ["-1,200"],
            "亏损面": ["12%"],
        }
    )
    found = settle(chinese)
    assert found.row(0, named=True) == {
        "industry": "31",
        "month": date(2024, 6, 1),
        "utilisation": 0.765,
        "profit_cny": -1200.0,
        "loss_share": 0.12,
    }
    wide = pl.DataFrame({"industry": ["ferrous metals", "36"], "2024-01": ["0.78", ".."], "2024-02": ["0.77", "0.7"]})
    long = settle(wide)
    assert long.height == 4 and long["utilisation"].null_count() == 1 and set(long["industry"]) == {"31", "36"}
    assert kinds_in(long.columns) == ["over_capacity"]


def test_months_as_people_write_them():
    for text, month in (
        ("2024/6", 6),
        ("2024.06", 6),
        ("202406", 6),
        ("2024-06-30", 6),
        ("2024年二季度", 4),
        ("2024 Q4", 10),
        ("2024年", 1),
    ):
        assert read_month(text) == date(2024, month, 1), text
    for text in ("", "June", "2024-00", "20240630123", "31/02/2024", "３"):
        assert read_month(text) is None, text


def test_all_cells_that_cannot_be_read_are_told_together():
    bad = pl.DataFrame(
        {
            "industry": ["31", "", "36", "37", "38"],
            "month": ["2024-01", "soon", *["2024-02"] * 3],
            "utilisation": ["0.8", "high", "0.7", "7.7", "0.9"],
            "inventory_cny": ["1", "2", "-3", "4", "5"],
        }
    )
    with pytest.raises(FaultsFound, match="cells cannot be read") as caught:
        settle(bad, "bad.csv")
    told = "\n".join(map(str, caught.value.faults))
    for said in (
        'line 3, month: "soon" is not a month',
        '"high" is not a number',
        "industry is empty",
        "utilisation of 770% cannot be",
        "-3 is below zero",
    ):
        assert said in told, said
    mixed = pl.DataFrame(
        {"industry": ["31"] * 3, "month": ["2024-01", "2024-02", "2024-03"], "utilisation": [76.0, 0.77, 78.0]}
    )
    with pytest.raises(FaultsFound, match="cells cannot be read") as caught:
        settle(mixed)
    assert "0.77 among percentages" in str(caught.value.faults[0])
    with pytest.raises(InputError, match="no column holds months"):
        settle(pl.DataFrame({"a": [1]}))
    with pytest.raises(InputError, match="both taken for utilisation"):
        settle(pl.DataFrame({"industry": ["31"], "month": ["2024-01"], "utilisation": [0.7], "产能利用率": [0.8]}))
