"""Pooled rates are calibrated, cautious with small counts, and put defects down to where pieces were made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from zhizao.account import defect_rate, three_figures
from zhizao.account.pooling import dispersion, pooled_shares, relative_risks, worse_than_peers
from zhizao.model import Plant, WorkLog

Tell = Callable[..., WorkLog]


def step(order: str, operation: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"order": order, "operation": operation, "start": start, "end": end, "rework": 0.0} | more


def made(rng: np.random.Generator, groups: int, size: float, pieces: float, scatter: float) -> tuple[Any, ...]:
    """True rates of groups, and ten lots of each."""
    truth = rng.beta(0.03 * size, 0.97 * size, groups)
    n = rng.poisson(pieces / 10, (groups, 10)) + 1
    rate = np.repeat(truth[:, None], 10, axis=1)
    if scatter > 1:
        tight = (pieces / 10 - 1) / (scatter - 1) - 1
        rate = rng.beta(np.maximum(rate * tight, 1e-12), (1 - rate) * tight)
    return truth, n.astype(float), rng.binomial(n, rate).astype(float)


@pytest.mark.parametrize(("size", "pieces", "scatter"), [(20, 400, 1), (100, 400, 1), (60, 100, 1), (60, 400, 3)])
def test_intervals_of_pooled_rates_cover_the_truth_in_about_95_of_100_cases(
    size: float, pieces: float, scatter: float
) -> None:
    rng = np.random.default_rng(11)
    inside = []
    for _ in range(60):
        truth, n, bad = made(rng, 25, size, pieces, scatter)
        first = pooled_shares(bad.sum(1), n.sum(1))
        wide = dispersion(bad.ravel(), n.ravel(), np.repeat(first.value, 10), 25)
        last = pooled_shares(bad.sum(1), n.sum(1), wide)
        inside.append((last.low <= truth) & (truth <= last.high))
    assert 0.91 <= float(np.mean(inside)) <= 0.985


def test_scatter_of_bad_lots_is_seen_and_widens_the_interval() -> None:
    rng = np.random.default_rng(12)
    truth, n, bad = made(rng, 40, 60, 2000, 4)
    seen = dispersion(bad.ravel(), n.ravel(), np.repeat(truth, 10), 1)
    assert seen == pytest.approx(4, rel=0.35)
    narrow, wide = pooled_shares(bad.sum(1), n.sum(1)), pooled_shares(bad.sum(1), n.sum(1), seen)
    assert float(np.mean(wide.high - wide.low)) > 1.3 * float(np.mean(narrow.high - narrow.low))


def test_a_small_count_is_drawn_to_the_common_rate_and_a_large_one_is_not() -> None:
    rng = np.random.default_rng(13)
    pieces = np.concatenate((np.full(30, 2000.0), [2.0, 20_000.0]))
    bad = np.concatenate((rng.binomial(2000, 0.02, 30).astype(float), [2.0, 2_000.0]))
    shares = pooled_shares(bad, pieces)
    assert shares.value[30] < 0.3  # 2 of 2 is no proof of 100 %
    assert shares.value[31] == pytest.approx(0.1, rel=0.02)


def test_groups_that_are_alike_are_shown_alike() -> None:
    rng = np.random.default_rng(14)
    shares = pooled_shares(rng.binomial(200, 0.05, 40).astype(float), np.full(40, 200.0))
    raw = rng.binomial(200, 0.05, 40) / 200
    assert float(np.std(shares.value)) < 0.4 * float(np.std(raw))


def cells(rng: np.random.Generator, strength: np.ndarray, strata: int, pieces: int) -> tuple[Any, ...]:
    """Lots of groups over strata whose own rates differ a lot."""
    groups = len(strength)
    group, stratum = (x.ravel() for x in np.meshgrid(np.arange(groups), np.repeat(np.arange(strata), 4)))
    keep = rng.random(len(group)) < 0.6
    group, stratum = group[keep], stratum[keep]
    level = rng.beta(2, 60, strata)
    n = rng.poisson(pieces, len(group)) + 1
    bad = rng.binomial(n, np.clip(level[stratum] * np.exp(strength[group]), 0, 0.9))
    return group, stratum, bad.astype(float), n.astype(float)


def test_relative_risks_cover_the_truth_whatever_the_mix_of_work() -> None:
    rng = np.random.default_rng(15)
    inside = []
    for _ in range(40):
        strength = rng.normal(0, 0.4, 15)
        strength -= strength.mean()
        risks = relative_risks(*cells(rng, strength, 8, 60))
        inside.append((np.log(risks.low) <= strength) & (strength <= np.log(risks.high)))
    assert 0.91 <= float(np.mean(inside)) <= 0.985


def test_a_group_alone_on_its_work_is_not_judged() -> None:
    group, stratum = np.array([0, 1, 2, 2]), np.array([0, 0, 1, 1])
    bad, pieces = np.array([10.0, 10, 400, 380]), np.full(4, 1000.0)
    risks = relative_risks(group, stratum, bad, pieces)
    assert risks.value[2] == pytest.approx(1.0, abs=0.05)
    assert worse_than_peers(group, stratum, bad, pieces)[2] == 1.0


def test_when_all_are_alike_hardly_ever_is_one_called_worse() -> None:
    rng = np.random.default_rng(16)
    alarms = [bool((worse_than_peers(*cells(rng, np.zeros(20), 6, 60)) <= 0.05).any()) for _ in range(200)]
    assert float(np.mean(alarms)) <= 0.08


def test_one_who_makes_three_times_the_defects_is_found_and_others_are_left_alone() -> None:
    rng = np.random.default_rng(17)
    strength = np.zeros(20)
    strength[4] = np.log(3)
    found = np.array([worse_than_peers(*cells(rng, strength, 6, 100)) <= 0.05 for _ in range(60)])
    assert float(found[:, 4].mean()) > 0.7
    others = found.sum() - found[:, 4].sum()
    assert others / found.sum() <= 0.08


def test_one_bad_lot_is_an_accident_and_not_a_habit() -> None:
    group, lot = np.repeat(np.arange(5), 20), np.arange(100)
    bad, pieces = np.ones(100), np.full(100, 50.0)
    bad[3] = 45.0
    assert worse_than_peers(group, np.zeros(100, np.int64), bad, pieces, 1.0, lot)[0] > 0.05
    bad[3], bad[:20] = 1.0, 3.2
    bad[:20:2] += 0.4
    assert worse_than_peers(group, np.zeros(100, np.int64), bad, pieces, 1.0, lot)[0] < 0.05


def test_what_an_inspection_finds_is_put_down_to_the_work_before_it(log_of: Tell) -> None:
    log = log_of(
        [
            step("A", "mill", 0, 1, machine="m1", person="p", good=60.0, scrap=0.0),
            step("A", "mill", 1, 2, machine="m2", person="q", good=40.0, scrap=0.0),
            step("A", "inspect", 3, 4, machine="desk", person="r", good=95.0, scrap=5.0),
            step("A", "pack", 5, 6, machine="box", person="s", good=95.0, scrap=0.0),
        ]
    )
    rate = defect_rate(log, Plant())
    bad = dict(rate.by["machine"].select("name", "bad").iter_rows())
    assert bad == {"m1": 3.0, "m2": 2.0, "box": 0.0}
    assert dict(rate.found_at.select("operation", "bad").iter_rows())["inspect"] == 5.0
    assert rate.inspections == ("inspect",)
    kept = defect_rate(log, Plant(), inspections=())
    assert dict(kept.by["machine"].select("name", "bad").iter_rows())["desk"] == 5.0


def test_every_bad_piece_is_put_down_to_somebody(generated: Callable[..., WorkLog]) -> None:
    log = generated(300)
    rate = defect_rate(log, Plant())
    total = float(log.frame["scrap"].sum())
    for factor in ("operation", "machine", "person", "hour", "weekday"):
        assert rate.by[factor]["bad"].sum() == pytest.approx(total)
    assert rate.overall == three_figures(log, Plant()).defect_rate


def test_the_hour_and_weekday_are_those_of_the_plant(log_of: Tell) -> None:
    log = log_of([step("A", "mill", 20, 21, good=9.0, scrap=1.0)], zone="Asia/Shanghai")
    rate = defect_rate(log, Plant())
    assert rate.by["hour"]["name"].to_list() == ["04"]
    assert rate.by["weekday"]["name"].to_list() == ["2"]


def test_records_without_quantities_give_empty_tables_and_the_reason(log_of: Tell) -> None:
    log = log_of([{"order": "A", "operation": "mill", "start": 0, "end": 1, "machine": "m", "person": "p"}])
    rate = defect_rate(log, Plant())
    assert rate.reason == "no_quantities"
    assert all(table.height == 0 for table in (*rate.by.values(), *rate.adjusted.values(), rate.found_at))
    assert (
        rate.adjusted["machine"].columns
        == defect_rate(log_of([step("A", "mill", 0, 1, machine="m", good=9.0, scrap=1.0)]), Plant())
        .adjusted["machine"]
        .columns
    )


def test_a_bad_machine_is_found_in_a_whole_log() -> None:
    from .conftest import many

    log = many(1500, defect=0.02)
    rng = np.random.default_rng(18)
    worse = np.where((log.frame["machine"] == "m3").to_numpy(), rng.binomial(50, 0.05, log.frame.height), 0).astype(
        float
    )
    bad = log.frame["scrap"].to_numpy() + worse
    frame = log.frame.with_columns(scrap=pl.Series(bad), good=pl.Series(50.0 - bad))
    table = defect_rate(WorkLog(frame), Plant()).adjusted["machine"]
    assert table["name"][0] == "m3"
    assert table.filter("worse")["name"].to_list() == ["m3"]
