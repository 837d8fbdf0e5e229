"""The recorded demand run again brings back the records' figures, and the test of trust tells good twins from bad ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from zhizao.account import three_figures
from zhizao.decide.twin.mechanism import Mechanism, Scene, held_out, worklog_of
from zhizao.decide.twin.run import simulate
from zhizao.errors import InputError
from zhizao.model import Plant, Product, WorkLog
from zhizao.testing.sample import Truth, records, run_plant, truth

Fit = Callable[[str, int], Mechanism]
Records = Callable[[str, int], WorkLog]


def plant_of(known: Truth) -> Plant:
    return Plant(zone=known.zone, products={one.name: Product(material_cost=one.material) for one in known.products})


def three(log: WorkLog, plant: Plant) -> np.ndarray:
    return np.array([figure.value for figure in three_figures(log, plant).main().values()], float)


def seen(scene: Scene) -> WorkLog:
    return worklog_of(scene, simulate(scene.shop, scene.work, scene.policy, until_s=scene.window_s, compiled=True))


@pytest.mark.parametrize("kind", ["messy", "good"])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_a_replay_brings_back_cycle_cost_and_defect_rate(
    recorded: Records, calibrated: Fit, kind: str, seed: int
) -> None:
    """Mean of six replays: cycle within 8 %, cost within 3 %, defect rate within 8 %."""
    plant = plant_of(truth(kind))
    want = three(recorded(kind, seed), plant)
    replays = [seen(calibrated(kind, seed).replay(np.random.default_rng([9, run]))) for run in range(6)]
    change = np.mean([three(one, plant) for one in replays], axis=0) / want - 1.0
    assert abs(change[0]) < 0.08
    assert abs(change[1]) < 0.03
    assert abs(change[2]) < 0.08


@pytest.mark.parametrize("kind", ["messy", "good"])
def test_the_replayed_orders_take_their_own_cycles(calibrated: Fit, kind: str) -> None:
    assert calibrated(kind, 1).replay_error(np.random.default_rng(1)) < 0.15


def test_a_mechanism_that_is_wrong_does_not_bring_the_cycles_back(calibrated: Fit) -> None:
    m = calibrated("messy", 1)
    slow = replace(m, times=replace(m.times, mean=m.times.mean + np.log(1.5)))
    assert slow.replay_error(np.random.default_rng(1)) > 0.5


def test_a_replay_has_the_recorded_orders_and_only_what_was_reported_in_time(
    recorded: Records, calibrated: Fit
) -> None:
    log, m = recorded("messy", 1), calibrated("messy", 1)
    made = seen(m.replay(np.random.default_rng(5)))
    assert set(made.frame["order"].unique()) <= set(log.frame["order"].unique())
    assert made.frame["order"].n_unique() > 0.98 * log.frame["order"].n_unique()
    assert made.done["end"].max() <= log.done["end"].max()
    per_order = log.frame.group_by("order").agg(pl.col("product").first(), pl.col("order_quantity").first())
    again = made.frame.group_by("order").agg(pl.col("product").first(), pl.col("order_quantity").first())
    both = per_order.join(again, on="order")
    assert (both["product"] == both["product_right"]).all()
    assert (both["order_quantity"] == both["order_quantity_right"]).all()


def test_pieces_in_are_good_pieces_and_scrap_out(calibrated: Fit) -> None:
    made = seen(calibrated("messy", 1).replay(np.random.default_rng(5)))
    done = made.frame.filter((pl.col("report") == "production") & ~pl.col("is_rework"))
    finished = done.filter(pl.col("operation") == "final")["order"].unique()
    pieces = (
        done.filter(pl.col("order").is_in(finished.implode()))
        .group_by("order")
        .agg(
            ordered=pl.col("order_quantity").first(),
            good=pl.col("good").filter(pl.col("operation") == "final").sum(),
            scrap=pl.col("scrap").sum(),
            again=pl.col("rework").filter(pl.col("operation") == "final").sum(),
        )
    )
    # what the check sends back and finds bad again is scrapped in rework rows: those orders may end with fewer
    left = pieces["ordered"] - pieces["good"] - pieces["scrap"] - pieces["again"]
    assert float(left.abs().sum()) <= 0.002 * float(pieces["ordered"].sum())
    assert (pieces["good"] >= 0).all()
    assert (pieces["good"] <= pieces["ordered"]).all()


def test_the_same_seed_replays_the_same_log_and_another_seed_another(calibrated: Fit) -> None:
    m = calibrated("messy", 1)
    first, again, other = (seen(m.replay(np.random.default_rng(seed))).frame for seed in (3, 3, 4))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_replay_of_a_month_has_the_orders_that_came_in_it(recorded: Records, calibrated: Fit) -> None:
    log, m = recorded("messy", 1), calibrated("messy", 1)
    start, end = log.frame["released"].min(), log.frame["released"].quantile(0.3)
    scene = m.replay(np.random.default_rng(1), start=start, end=end)
    came = log.frame.group_by("order").agg(pl.col("released").first()).filter(pl.col("released") < end)
    assert set(scene.orders) == set(came["order"])
    with pytest.raises(InputError, match="no order"):
        m.replay(np.random.default_rng(1), start=end.replace(year=end.year + 3))


def test_fresh_demand_is_like_the_recorded_one_but_not_the_same(recorded: Records, calibrated: Fit) -> None:
    log, m = recorded("messy", 1), calibrated("messy", 1)
    scene = m.fresh(np.random.default_rng(1), weeks=40)
    per_week = len(scene.orders) / 40
    assert per_week == pytest.approx(log.frame["order"].n_unique() / 26, rel=0.05)
    assert scene.window_s == 40 * 7 * 86400
    assert (np.diff(scene.work.release_s) >= 0).all()
    assert scene.work.release_s.max() <= scene.window_s
    share = np.bincount(scene.work.product, minlength=12) / len(scene.orders)
    now = log.frame.group_by("order").agg(pl.col("product").first())["product"].value_counts(sort=False)
    recorded_share = dict(now.iter_rows())
    for at, name in enumerate(scene.products):
        assert share[at] == pytest.approx(recorded_share[name] / log.frame["order"].n_unique(), abs=0.03)
    other = m.fresh(np.random.default_rng(2), weeks=40)
    assert len(other.work.product) != len(scene.work.product) or (other.work.product != scene.work.product).any()


def test_fresh_demand_is_not_promised_more_than_recorded(recorded: Records, calibrated: Fit) -> None:
    """Thirty weeks of fresh demand give the recorded figures again: cycle within 12 %, cost and defects within 6 %."""
    plant = plant_of(truth("messy"))
    want = three(recorded("messy", 1), plant)
    found = [
        three(seen(calibrated("messy", 1).fresh(np.random.default_rng([2, run]), weeks=30)), plant) for run in (1, 2, 3)
    ]
    change = np.mean(found, axis=0) / want - 1.0
    assert abs(change[0]) < 0.12
    assert abs(change[1]) < 0.06
    assert abs(change[2]) < 0.06


def test_open_work_is_what_is_left_of_the_open_orders(recorded: Records, fitted: Fit) -> None:
    log, m = recorded("messy", 1), fitted("messy", 1)
    scene = m.open_work(np.random.default_rng(1))
    assert scene is not None
    finished = set(log.done.filter(pl.col("operation") == "final")["order"])
    recent = set(log.frame["order"]) - finished
    assert set(scene.orders) <= recent | finished
    assert len(set(scene.orders) & recent) >= 0.7 * len(scene.orders)
    made = seen(replace(scene, window_s=float("inf")))
    left = made.frame.filter(pl.col("end") > pl.col("start"))
    worked = set(left.select("order", "operation").iter_rows())
    begun = log.done.group_by("order").agg(pl.col("operation").unique())
    for order, operations in begun.filter(pl.col("order").is_in(list(recent))).iter_rows():
        for operation in operations:
            if operation in ("saw", "harden"):  # nobody saws or hardens twice
                assert (order, operation) not in worked, order
    assert left["start"].min() >= log.done["end"].max().replace(microsecond=0)
    assert left["machine"].null_count() == 0
    assert {order for order, operation in worked if operation == "final"} == set(scene.orders)


@pytest.mark.parametrize("kind", ["messy", "good"])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_the_twin_of_either_plant_is_trusted(recorded: Records, kind: str, seed: int) -> None:
    report = held_out(recorded(kind, seed), plant=plant_of(truth(kind)), rng=np.random.default_rng(0), runs=4)
    assert report.trusted, report.reasons


def two_plants(before: WorkLog, after: pl.DataFrame) -> WorkLog:
    """Records whose last third is another plant's: orders that began before the cut, then the other plant's orders."""
    cut = before.frame["start"][int(before.frame.height * 0.7)]
    old = before.frame.filter(pl.col("start") < cut)["order"].unique()
    first = before.frame.filter(pl.col("order").is_in(old.implode()))
    columns = [name for name in before.frame.columns if name in after.columns]
    rest = after.filter(~pl.col("order").is_in(old.implode())).select(columns)
    return WorkLog.of(pl.concat([first.select(columns), rest.cast(dict(first.select(columns).schema))]), before.zone)


@pytest.mark.parametrize(
    "change", ["times tripled", "round the clock", pytest.param("half of the hours", marks=pytest.mark.slow)]
)
def test_a_twin_of_what_the_plant_no_longer_is_is_not_trusted(
    recorded: Records, plant_truth: Truth, change: str
) -> None:
    if change == "times tripled":
        other = run_plant(
            replace(
                plant_truth,
                products=tuple(
                    replace(one, piece_s={key: 3 * value for key, value in one.piece_s.items()})
                    for one in plant_truth.products
                ),
            ),
            seed=1,
        )
    elif change == "round the clock":
        day = [[d, 0, 24] for d in range(1, 8)]
        half = {
            one.name: [[d, 0, 12] if int(one.name[1:]) <= 10 else [d, 12, 24] for d in range(1, 8)]
            for one in plant_truth.people
        }
        setting = {machine.name: day for machine in plant_truth.machines} | half
        other = run_plant(plant_truth, seed=1, levers=[{"kind": "hours", "scope": "plant", "setting": setting}])
    else:
        week = [[d, 6, 10] for d in range(1, 6)]
        setting = dict.fromkeys(("G1", "G2", "Q1", "L1", "L2", "L3"), week)
        other = run_plant(plant_truth, seed=1, levers=[{"kind": "hours", "scope": "plant", "setting": setting}])
    report = held_out(two_plants(recorded("messy", 1), other), rng=np.random.default_rng(0), runs=3)
    assert not report.trusted
    assert report.reasons


def test_too_few_orders_for_a_test_of_the_twin_are_refused_with_a_cure() -> None:
    with pytest.raises(InputError) as caught:
        held_out(WorkLog(records(seed=1, weeks=1).frame.head(60), "Asia/Shanghai"), rng=np.random.default_rng(0))
    assert caught.value.fault.code == "short_log"
    assert caught.value.fault.fix


def test_nothing_after_the_cut_is_looked_at(recorded: Records) -> None:
    """Fitting up to a time gives the same whatever came later."""
    log = recorded("messy", 1)
    cut = log.frame["start"][9000]
    whole, part = Mechanism.fit(log, until=cut), Mechanism.fit(log.until(cut), until=cut)
    assert whole.visits.machines == part.visits.machines
    assert np.array_equal(whole.visits.machine_week, part.visits.machine_week)
    assert np.array_equal(whole.times.mean, part.times.mean)
    assert np.array_equal(whole.defects.rate, part.defects.rate)
    assert np.array_equal(whole.delays.median_s, part.delays.median_s)
    assert whole.discipline.rule == part.discipline.rule
