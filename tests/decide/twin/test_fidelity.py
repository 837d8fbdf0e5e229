"""The twin runs, forgets nothing that it should know, knows nothing that it should not, and says how good it is."""

from __future__ import annotations

import gzip
import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from twin_shop import MONDAY, WEEK, only, shop_log

from zhizao.decide.twin import MEASURES, Twin, distances, fidelity, noise_floor, resampled
from zhizao.decide.twin.fidelity import verdict
from zhizao.decide.twin.run import simulate as run_kernel
from zhizao.errors import InputError
from zhizao.model import Calendar, Machine, Plant, WorkLog

LOG = shop_log()
END: datetime = LOG.frame["end"].max()  # type: ignore[assignment]
CUT = MONDAY + 9 * WEEK + timedelta(hours=10)


@cache
def twin() -> Twin:
    return Twin.fit(LOG, rng=np.random.default_rng(0))


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_nothing_later_leaks_in() -> None:
    changed = LOG.frame.with_columns(
        end=pl.when(pl.col("end") > CUT).then(pl.col("end") + timedelta(days=90)).otherwise("end"),
        good=pl.when(pl.col("end") > CUT).then(0.0).otherwise("good"),
        activity=pl.when(pl.col("start") > CUT).then(pl.lit("else")).otherwise("activity"),
    )
    one = Twin.fit(LOG, until=CUT, rng=rng()).to_dict()
    assert one == Twin.fit(WorkLog.of(changed, LOG.zone), until=CUT, rng=rng()).to_dict()
    assert one == Twin.fit(LOG.until(CUT), until=CUT, rng=rng()).to_dict()


def test_the_same_seed_tells_the_same_story_also_after_saving() -> None:
    saved = Twin.from_dict(json.loads(json.dumps(twin().to_dict())))
    one, two = (one.simulate(END, cases=15, rng=rng()).frame for one in (twin(), saved))
    assert one.equals(two)
    assert not one.equals(twin().simulate(END, cases=15, rng=rng(2)).frame)


def test_a_file_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match="version"):
        Twin.from_dict(twin().to_dict() | {"version": -1})


def test_the_simulated_log_speaks_the_words_of_the_records() -> None:
    log = twin().simulate(END, cases=40, rng=rng())
    for name in ("activity", "operation", "machine", "person", "product", "report"):
        assert set(log.frame[name]) <= set(LOG.frame[name]), name
    assert log.frame["order"].n_unique() == 40
    assert log.frame["start"].min() >= END
    assert log.frame["good"].is_not_null().all()


def test_pieces_go_bad_as_often_as_in_the_records() -> None:
    log = twin().simulate(END, cases=300, rng=rng())
    for activity in ("check", "mill"):
        share = pl.col("scrap").sum() / pl.col("order_quantity").sum()
        recorded, simulated = (
            one.frame.filter(pl.col("activity") == activity).select(share).item() for one in (LOG, log)
        )
        assert simulated == pytest.approx(recorded, rel=0.2, abs=1e-9), activity
    assert (log.frame["good"] + log.frame["scrap"] == log.frame["order_quantity"]).all()


def test_with_an_end_orders_start_and_end_in_the_window() -> None:
    until = END + timedelta(weeks=2)
    log = twin().simulate(END, until=until, rng=rng())
    assert log.frame.height > 50
    assert log.frame["start"].min() >= END
    assert log.frame["end"].max() <= until
    finished = log.frame.group_by("order").agg(pl.col("activity").sort_by("start").last())["activity"]
    assert (finished == "pack").all()


def test_where_the_window_breaks_off_orders_are_seen_so_far() -> None:
    until = END + timedelta(days=5, hours=2)
    seen = twin().simulate(END, until=until, rng=rng(), whole=False).frame
    whole = twin().simulate(END, until=until, rng=rng(), whole=True).frame
    assert set(whole["order"]) < set(seen["order"])
    assert seen["end"].max() <= until


def test_a_number_of_orders_within_a_window_is_met() -> None:
    log = twin().simulate(END, until=END + timedelta(weeks=1), cases=30, rng=rng(), whole=True)
    assert log.frame["order"].n_unique() == 30
    assert log.frame["end"].max() <= END + timedelta(weeks=1)


def test_a_window_needs_an_end_after_its_start() -> None:
    with pytest.raises(InputError, match="give until or cases"):
        twin().draw(END, rng=rng())
    with pytest.raises(InputError, match="not after"):
        twin().draw(END, until=END, rng=rng())


def test_work_under_way_is_gone_on_with_and_finished_work_is_not() -> None:
    cut = MONDAY + 6 * WEEK + timedelta(days=2, hours=11)
    early = Twin.fit(LOG, until=cut, rng=rng())
    draw = early.open_work(cut, rng=rng())
    ends = LOG.frame.group_by("order").agg(begin=pl.col("start").min(), finish=pl.col("end").max())
    truly = set(ends.filter((pl.col("begin") < cut) & (pl.col("finish") > cut))["order"])
    assert truly <= set(draw.orders)
    assert len(draw.orders) <= len(truly) + 3
    running = set(LOG.frame.filter((pl.col("start") < cut) & (pl.col("end") > cut))["order"])
    assert {name for name, is_running in zip(draw.orders, draw.work.running, strict=True) if is_running} == running
    trace = run_kernel(draw.shop, draw.work, draw.policy)
    left = early.worklog(draw, trace).frame
    assert left["end"].min() > cut
    assert (left.sort("start").group_by("order").agg(pl.col("activity").last())["activity"] == "pack").all()


def test_a_replay_has_the_recorded_orders() -> None:
    start, end = MONDAY + 3 * WEEK, MONDAY + 8 * WEEK
    draw = twin().replay(rng(), start=start, end=end)
    log = twin().worklog(draw, run_kernel(draw.shop, draw.work, draw.policy))
    came = LOG.frame.filter((pl.col("released") >= start) & (pl.col("released") < end))
    keys = ["order", "product", "order_quantity", pl.col("due").dt.round("1s")]
    recorded = came.select(keys).unique()
    replayed = log.frame.filter(pl.col("order").is_in(recorded["order"].implode())).select(keys).unique()
    assert replayed.sort("order").equals(recorded.sort("order"))
    mean = [
        (one.group_by("order").agg(pl.col("end").max() - pl.col("start").min())["end"].dt.total_hours().mean() or 0)
        for one in (came, log.frame.filter(pl.col("order").is_in(recorded["order"].implode())))
    ]
    assert mean[1] == pytest.approx(mean[0], rel=0.3)


def test_a_policy_changes_the_run_and_not_the_work() -> None:
    draw = twin().replay(rng())
    again = twin().replay(rng())
    np.testing.assert_array_equal(draw.work.run_s, again.work.run_s)
    np.testing.assert_array_equal(draw.work.release_s, again.work.release_s)


def test_declared_hours_and_capacity_replace_what_would_be_learned() -> None:
    nights = Calendar(hours=tuple((day, 22.0, 30.0) for day in range(1, 6)))
    plant = Plant(calendars={"night": nights}, machines={"P1": Machine(calendar="night", capacity=3)}, zone="UTC")
    told = Twin.fit(LOG, plant=plant, rng=rng())
    packer = told.past.machines.index("P1")
    assert told.capacity[packer] == 3
    log = told.simulate(END, cases=40, rng=rng())
    packed = log.frame.filter(pl.col("activity") == "pack")["start"].dt.hour()
    assert packed.is_in([22, 23, 0, 1, 2, 3, 4, 5]).all()


def test_the_summary_says_what_the_shop_is() -> None:
    told = twin().summary()
    json.dumps(told)
    assert told["demand"]["orders_per_week"] == pytest.approx(20, rel=0.1)
    work = {one["name"]: one for one in told["operations"]}
    for name, hours in {"saw": 0.5, "mill": 2.0, "check": 0.5, "pack": 1.0}.items():
        assert work[name]["work_h"]["mean"] == pytest.approx(hours, rel=0.1), name
    back = {(edge["from"], edge["to"]): edge["count"] for edge in told["map"]}
    orders = told["records"]["orders"]
    assert back["start", "saw"] == orders
    assert back["check", "mill"] / (back["check", "mill"] + back["check", "pack"]) == pytest.approx(0.2, abs=0.06)
    assert sum(count for (_, to), count in back.items() if to == "end") == pytest.approx(orders, abs=3)
    assert {one["name"]: one["rule"] for one in told["machines"]}["S1"] == "fifo"


def test_demand_outside_what_was_seen_is_said_to_be() -> None:
    assert twin().cautions(21.0) == ()
    assert "above" in twin().cautions(40.0)[0]
    assert "below" in twin().cautions(5.0)[0]


def test_one_order_is_too_little_to_learn_from() -> None:
    with pytest.raises(InputError, match="too little"):
        Twin.fit(only(LOG, pl.Series(["o0001"])), rng=rng())


def test_artificial_events_come_back_around_each_order() -> None:
    ends = LOG.frame.group_by("order").agg(start=pl.col("start").min(), end=pl.col("end").max())
    rows = LOG.frame.select("order", "activity", "person", "start", "end")
    marks = [
        ends.select("order", activity=pl.lit(name), person=pl.lit(name), start=at, end=at)
        for name, at in (("Start", "start"), ("End", "end"))
    ]
    log = Twin.fit(WorkLog.of(pl.concat([marks[0], rows, marks[1]])), rng=rng()).simulate(END, cases=12, rng=rng())
    for name in ("Start", "End"):
        marker = log.frame.filter(pl.col("activity") == name)
        assert marker["order"].n_unique() == marker.height == 12
        assert (marker["start"] == marker["end"]).all()
    assert (
        log.frame.group_by("order")
        .agg(pl.col("end").max() == pl.col("end").filter(pl.col("activity") == "End"))["end"]
        .explode()
        .all()
    )


def test_the_naive_twin_moves_past_orders_by_whole_weeks_into_the_window() -> None:
    past = only(LOG, LOG.frame.filter(pl.col("end") < CUT)["order"].unique())
    naive = resampled(past, CUT, END, 25, rng())
    assert naive.frame["order"].n_unique() == 25
    assert naive.frame["start"].min() >= CUT
    assert naive.frame["end"].max() <= END
    of_week = {(t.weekday(), t.hour, t.minute, t.second, t.microsecond) for t in past.frame["start"]}
    assert all((t.weekday(), t.hour, t.minute, t.second, t.microsecond) in of_week for t in naive.frame["start"])


def test_a_twin_of_a_steady_shop_is_trusted_and_near_the_noise_floor() -> None:
    report = fidelity(shop_log(weeks=20), rng=rng(), runs=4)
    assert report.trusted, report.reasons
    assert tuple(report.measures) == MEASURES
    assert report.measures["ngram3"]["twin"] < 2 * report.measures["ngram3"]["noise_floor"] + 0.05
    assert report.orders_per_week == pytest.approx(20, rel=0.15)
    assert report.cut < report.end


def test_a_twin_of_a_shop_that_has_changed_is_not_trusted() -> None:
    log = shop_log(weeks=20, slow_from=MONDAY + 15 * WEEK, slow=80.0)
    report = fidelity(log, rng=rng(), runs=3)
    assert not report.trusted
    assert "cycle_h" in " ".join(report.reasons)


def test_too_few_orders_cannot_be_tested() -> None:
    with pytest.raises(InputError, match="at least"):
        fidelity(shop_log(weeks=1, per_week=9), rng=rng())


def test_the_noise_floor_shrinks_with_the_number_of_orders() -> None:
    few, many = (noise_floor(shop_log(weeks=weeks), rng(), 6) for weeks in (2, 24))
    assert many["ngram3"] < few["ngram3"]
    assert many["cycle_h"] < few["cycle_h"] + 0.5


@pytest.mark.shared
@pytest.mark.parametrize("known", ["finished orders only", "all rows until the cut"])
def test_on_the_real_job_shop_the_twin_is_below_the_best_published_simulator(shared: Path, known: str) -> None:
    """AgentSimulator's figures (arXiv 2408.08571) on each of its five distances, mean over several cuts.

    The shared part of the log holds only orders begun before 6 March, so it is cut off there, and the protocol of the
    paper (first 80 % of the rows by end, orders that cross the cut left out) is applied to what remains.
    """
    log = job_shop(shared)
    found = []
    for last in (datetime(2012, 3, 6, 7, tzinfo=UTC), datetime(2012, 2, 26, 7, tzinfo=UTC)):
        rows = WorkLog(log.frame.filter(pl.col("end") <= last), log.zone)
        for share in (0.7, 0.75, 0.8):
            cut: datetime = rows.frame["end"].sort()[int(rows.frame.height * share)]
            ends = rows.frame.group_by("order").agg(begin=pl.col("start").min(), finish=pl.col("end").max())
            train = only(rows, ends.filter(pl.col("finish") < cut)["order"])
            test = only(rows, ends.filter(pl.col("begin") >= cut)["order"])
            model = Twin.fit(train, rng=rng()) if known.startswith("fin") else Twin.fit(rows, until=cut, rng=rng())
            until: datetime = test.frame["end"].max()  # type: ignore[assignment]
            found += [distances(test, model.simulate(cut, until=until, rng=rng(seed))) for seed in range(4)]
    mean = {name: float(np.mean([one[name] for one in found])) for name in MEASURES}
    published = {"ngram3": 0.598, "absolute_h": 61.1, "circadian_h": 5.70, "relative_h": 31.7, "cycle_h": 30.0}
    for name, value in published.items():
        assert mean[name] < value, (name, mean)


def job_shop(shared: Path) -> WorkLog:
    """The shared orders of the Levy 2014 log, XES variant."""
    rows = []
    with gzip.open(shared / "event_logs" / "levy2014_production" / "Production_train.xes.gz") as file:
        for trace in ET.parse(file).getroot().findall("{*}trace"):
            name = next(item.get("value") for item in trace if item.get("key") == "concept:name")
            begun: dict[tuple[str, str], list[str]] = {}
            for event in trace.findall("{*}event"):
                told = {item.get("key"): str(item.get("value")) for item in event}
                key = told["concept:name"], told["org:resource"]
                if told["lifecycle:transition"] == "start":
                    begun.setdefault(key, []).append(told["time:timestamp"])
                else:
                    rows.append((name, *key, begun[key].pop(0), told["time:timestamp"]))
    frame = pl.DataFrame(rows, schema=["order", "activity", "person", "start", "end"], orient="row")
    times = [pl.col(name).str.to_datetime(time_unit="ns", time_zone="UTC") for name in ("start", "end")]
    return WorkLog.of(frame.with_columns(times), "Asia/Jerusalem")


def measured(**found: tuple[float, float, float]) -> dict[str, dict[str, float | str]]:
    """Measures (twin, noise floor, naive) by name; those not named are as good as can be."""
    names = ("twin", "noise_floor", "naive")
    return {name: {**dict(zip(names, found.get(name, (1.0, 1.0, 2.0)), strict=True)), "unit": "h"} for name in MEASURES}


def test_a_twin_that_loses_to_moved_past_cases_on_most_distances_has_learned_nothing() -> None:
    close = (1.4, 1.0, 0.9)  # near the floor, and yet worse than the naive twin
    assert verdict(measured(absolute_h=close, circadian_h=close))[0]
    trusted, reasons = verdict(measured(absolute_h=close, circadian_h=close, cycle_h=close))
    assert not trusted
    assert [name for name in ("absolute_h", "circadian_h", "cycle_h") if name in reasons[0]]


def test_one_time_per_step_makes_delays_between_the_steps() -> None:
    first = LOG.frame.group_by("order", "activity").agg(pl.col("end").min()).sort("end")
    log = WorkLog.of(first.select("order", "activity", start="end", end="end"))
    made = Twin.fit(log, rng=rng()).simulate(END, cases=12, rng=rng()).frame
    assert (made["start"] == made["end"]).all()
    spans = made.group_by("order").agg(rows=pl.len(), h=(pl.col("end").max() - pl.col("end").min()).dt.total_hours())
    assert spans.filter(pl.col("rows") > 1)["h"].median() > 0
