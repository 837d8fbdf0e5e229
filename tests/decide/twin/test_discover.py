"""What the twin finds in records, where the truth is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from twin_shop import MONDAY, WEEK, only, shop_log

from zhizao.decide.twin.demand import arrivals, edges_of, learn_demand
from zhizao.decide.twin.discipline import learn_rules
from zhizao.decide.twin.hours import hours_of, intervals, learn_hours, weekly_intervals, worked_s
from zhizao.decide.twin.options import learn_options
from zhizao.decide.twin.records import HOUR_S, WEEK_S, Past, past_of, to_clock, to_time
from zhizao.decide.twin.routes import follow, learn_routes, over_chance
from zhizao.decide.twin.shop import RULES
from zhizao.decide.twin.timing import capacities, learn_timing
from zhizao.errors import InputError
from zhizao.model import WorkLog

LOG = shop_log()


def test_times_go_to_the_plants_clock_and_back_also_where_clocks_change() -> None:
    for zone in ("UTC", "Asia/Shanghai", "Asia/Jerusalem", "America/St_Johns"):
        for month in range(1, 13):
            time = datetime(2025, month, 28, 11, 17, tzinfo=UTC)
            assert to_time(to_clock(time, zone), zone) == time


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(InputError, match="no time zone"):
        to_clock(datetime(2025, 1, 6), "UTC")


def test_the_past_keeps_orders_routes_and_quantities() -> None:
    past = past_of(LOG)
    assert len(past.orders) == LOG.frame["order"].n_unique()
    assert past.machines == ("M1", "M2", "P1", "Q1", "S1")
    first = [past.labels[code] for code in past.label[past.first[0] : past.first[1]]]
    assert first[:3] == ["saw", "mill", "check"]
    assert first[-1] == "pack"
    again = Past.from_dict(past.to_dict())
    assert again.orders == past.orders
    np.testing.assert_allclose(again.end_s, past.end_s, atol=1e-3)


def test_work_without_a_machine_gets_a_place_of_its_own() -> None:
    past = past_of(WorkLog.of(LOG.frame.with_columns(machine=pl.lit(None, pl.String))))
    assert past.machines == ("(check)", "(mill)", "(pack)", "(saw)")
    assert past.real_machines == 0


def test_artificial_first_and_last_events_are_put_aside() -> None:
    ends = LOG.frame.group_by("order").agg(start=pl.col("start").min(), end=pl.col("end").max())
    marks = [
        ends.select("order", activity=pl.lit("Start"), person=pl.lit("Start"), start="start", end="start"),
        ends.select("order", activity=pl.lit("End"), person=pl.lit("End"), start="end", end="end"),
    ]
    rows = LOG.frame.select("order", "activity", "person", "start", "end")
    past = past_of(WorkLog.of(pl.concat([marks[0], rows, marks[1]])))
    assert past.opening == ("Start", None, "Start")
    assert past.closing == ("End", None, "End")
    assert "End" not in past.labels
    assert (past.closed == 1).all()


def test_hours_are_those_of_the_shop() -> None:
    past = past_of(LOG)
    sure = learn_hours(past, past.machine, len(past.machines)).sure.reshape(-1, 7, 24)
    saw = sure[past.machines.index("S1")]
    assert saw[:5, 7:16].mean() > 0.9
    assert saw[5:].max() == 0
    assert saw[:, :6].max() == 0
    assert saw[:, 20:].max() == 0


def test_expected_working_time_adds_up_to_the_working_intervals() -> None:
    past = past_of(LOG)
    hours = learn_hours(past, past.machine, len(past.machines))
    start, end = 2870 * WEEK_S + 5000.0, 3270 * WEEK_S
    ptr, on, off = intervals(hours, start, end, np.random.default_rng(1))
    for machine in range(len(past.machines)):
        mine = slice(ptr[machine], ptr[machine + 1])
        assert (off[mine] > on[mine]).all()
        assert (on[mine][1:] > off[mine][:-1]).all()
        code = np.array([machine])
        expected = worked_s(hours, code, np.array([end])) - worked_s(hours, code, np.array([start]))
        assert (off[mine] - on[mine]).sum() == pytest.approx(expected[0], rel=0.02)


def test_declared_hours_are_counted_by_the_hour_and_over_midnight() -> None:
    share = hours_of(((1, 22, 30), (2, 12.5, 13)))
    assert share[22] == share[29] == 1
    assert share[30] == 0
    assert share[36] == 0.5
    assert hours_of(()).min() == 1


def test_weekly_intervals_follow_local_time_and_join_shifts() -> None:
    sunday = datetime(2025, 1, 5, 22, tzinfo=UTC)  # Monday 6:00 in Shanghai
    on, off = weekly_intervals([(1, 8, 16), (1, 16, 24)], int(sunday.timestamp() * 1e9), WEEK_S, "Asia/Shanghai")
    assert on.tolist() == [2 * HOUR_S]
    assert off.tolist() == [18 * HOUR_S]


def test_machines_that_did_the_same_work_can_stand_in_for_each_other() -> None:
    past = past_of(LOG)
    options = learn_options(past)
    of = {
        past.labels[label]: {past.machines[m] for m in options.machine[options.ptr[g] : options.ptr[g + 1]]}
        for label, g in zip(past.label, options.group, strict=True)
    }
    assert of == {"saw": {"S1"}, "mill": {"M1", "M2"}, "check": {"Q1"}, "pack": {"P1"}}


def test_machines_that_do_one_order_at_a_time_are_found_to() -> None:
    assert capacities(past_of(LOG)).tolist() == [1, 1, 1, 1, 1]


def test_a_wait_while_the_machine_was_taken_is_a_queue_and_the_rest_is_delay() -> None:
    at = [MONDAY + timedelta(hours=h) for h in range(24)]
    frame = pl.DataFrame(
        {
            "order": ["a", "b", "b"] * 1,
            "activity": ["mill", "saw", "mill"],
            "machine": ["M", "S", "M"],
            "start": [at[8], at[6], at[14]],
            "end": [at[12], at[8], at[15]],
        }
    )
    past = past_of(WorkLog.of(frame))
    always = learn_hours(past, past.machine, 2, {0: np.ones(168), 1: np.ones(168)})
    timing = learn_timing(past, always, np.ones(2, np.int64), np.random.default_rng(1))
    row = int(np.flatnonzero(past.case == 1)[1])
    assert timing.wait_s[row] == pytest.approx(6 * HOUR_S)  # from 8 to 14
    assert timing.delay_s[row] == pytest.approx(2 * HOUR_S)  # until 12 the machine was taken
    assert timing.run_s[row] == pytest.approx(HOUR_S)


def test_routes_walk_as_the_records_do() -> None:
    past = past_of(LOG)
    routes = learn_routes(past, np.ones(len(past.orders)))
    first = past.first[:-1]
    order, row = follow(past, routes, np.tile(first, 5), 0.3, np.random.default_rng(3), fresh=True)
    walked = pl.DataFrame({"order": order, "label": past.label[row]}).group_by("order").agg("label")["label"].to_list()
    names = [[past.labels[code] for code in labels] for labels in walked]
    assert all(one[:3] == ["saw", "mill", "check"] and one[-1] == "pack" for one in names)
    sent_back = np.mean([one.count("check") - 1 for one in names])
    truth = LOG.frame.filter(pl.col("activity") == "check").height / len(past.orders) - 1
    assert sent_back == pytest.approx(truth, abs=0.06)


def test_an_order_that_is_known_to_go_on_does_not_end_where_it_stands() -> None:
    past = past_of(LOG)
    routes = learn_routes(past, np.ones(len(past.orders)))
    after_check = np.flatnonzero(past.label == past.labels.index("check"))
    order, row = follow(past, routes, after_check, 0.2, np.random.default_rng(4), fresh=False)
    assert set(order) == set(range(len(after_check)))
    heads = row[np.concatenate([[True], np.diff(order) > 0])]
    assert {past.labels[code] for code in past.label[heads]} == {"mill", "pack"}


def test_orders_under_way_at_the_end_of_the_records_are_told_from_finished_ones() -> None:
    cut = MONDAY + 6 * WEEK + timedelta(days=2, hours=11)
    past = past_of(LOG, cut)
    over = over_chance(past, dropped=False)
    last = dict(LOG.frame.group_by("order").agg(pl.col("end").max()).iter_rows())
    truly_open = np.array([last[name] > cut for name in past.orders])
    assert truly_open.sum() >= 3
    assert over[truly_open].max() < 0.5
    assert over[~truly_open].mean() > 0.95


def test_an_export_of_finished_orders_is_told_from_an_export_of_rows() -> None:
    log = shop_log(weeks=10, slow_from=MONDAY, slow=60.0)  # orders take weeks
    cut = MONDAY + 9 * WEEK
    ends = log.frame.group_by("order").agg(begin=pl.col("start").min(), finish=pl.col("end").max())
    finished = only(log, ends.filter(pl.col("finish") < cut)["order"])
    assert edges_of(past_of(finished)).dropped
    assert not edges_of(past_of(log, cut)).dropped
    assert not edges_of(past_of(log, cut)).sliced


def test_an_export_that_begins_in_the_midst_of_work_is_recognised() -> None:
    log = shop_log(weeks=14, slow_from=MONDAY, slow=60.0)
    rows = WorkLog.of(log.frame.filter(pl.col("start") >= MONDAY + 4 * WEEK))
    edges = edges_of(past_of(rows))
    assert edges.sliced
    assert edges.settled_s == pytest.approx(to_clock(MONDAY + 5 * WEEK, "UTC"), abs=2 * 86_400)


def test_arrivals_keep_the_level_and_the_time_of_the_week() -> None:
    past = past_of(LOG)
    demand = learn_demand(past, edges_of(past))
    assert demand.orders_per_week == pytest.approx(20, rel=0.1)
    start = past.until_s + 1234.0
    case, time = arrivals(past, demand, start, np.random.default_rng(5), until_s=start + 20 * WEEK_S, cases=None)
    assert len(case) / 20 == pytest.approx(20, rel=0.15)
    assert (np.diff(time) >= 0).all()
    assert time.min() >= start
    assert ((time % WEEK_S) / 86_400 < 5).all()


def test_a_number_of_orders_is_met_exactly() -> None:
    past = past_of(LOG)
    demand = learn_demand(past, edges_of(past))
    for number in (1, 7, 53):
        case, _ = arrivals(past, demand, past.until_s, np.random.default_rng(6), until_s=None, cases=number)
        assert len(case) == number


def test_orders_missing_at_the_end_are_made_up_for() -> None:
    log = shop_log(weeks=16, slow_from=MONDAY, slow=40.0)
    ends = log.frame.group_by("order").agg(finish=pl.col("end").max())
    past = past_of(only(log, ends.filter(pl.col("finish") < MONDAY + 14 * WEEK)["order"]))
    edges = edges_of(past)
    assert edges.dropped
    assert learn_demand(past, edges).orders_per_week == pytest.approx(20, rel=0.25)


@pytest.mark.parametrize("rule", ["fifo", "lifo", "edd"])
def test_the_order_of_the_queue_is_recognised(rule: str) -> None:
    rng = np.random.default_rng(7)
    jobs = [(float(t), float(t + rng.uniform(0, 300)), n) for n, t in enumerate(np.sort(rng.uniform(0, 900, 300)))]
    now, waiting, rows = 0.0, [], []
    while jobs or waiting:
        while jobs and (jobs[0][0] <= now or not waiting):
            now = max(now, jobs[0][0])
            waiting.append(jobs.pop(0))
        key = {"fifo": lambda job: job[0], "lifo": lambda job: -job[0], "edd": lambda job: job[1]}[rule]
        come, due, n = waiting.pop(waiting.index(min(waiting, key=key)))
        took = float(rng.uniform(1.5, 4.5))
        rows.append((f"{n:04}", "mill", "M", *(MONDAY + timedelta(hours=h) for h in (now, now + took, come, due))))
        now += took
    names = ["order", "activity", "machine", "start", "end", "released", "due"]
    past = past_of(WorkLog.of(pl.DataFrame(rows, schema=names, orient="row")))
    always = learn_hours(past, past.machine, 1, {0: np.ones(168)})
    timing = learn_timing(past, always, np.ones(1, np.int64), rng)
    codes, scores = learn_rules(past, timing)
    assert RULES[codes[0]] == rule
    assert scores["M"][rule] > 0.8
