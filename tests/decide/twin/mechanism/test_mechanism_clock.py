"""Simulated work is written on the plant's clock, also in the night in which the clock leaves an hour out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from zhizao.decide.twin.draw import _utc
from zhizao.decide.twin.mechanism import Mechanism, worklog_of
from zhizao.decide.twin.run import simulate
from zhizao.model import WorkLog


def round_the_clock(first: datetime, days: int) -> WorkLog:
    """One machine that never stops, an order every 25 minutes, a queue of some hours before it."""
    starts = [first + timedelta(minutes=25 * i) for i in range(days * 24 * 60 // 25)]
    rows = {
        "order": [f"A{i:04}" for i in range(len(starts))],
        "activity": ["mill"] * len(starts),
        "machine": ["M"] * len(starts),
        "start": starts,
        "end": [start + timedelta(minutes=24, seconds=55) for start in starts],
        "released": [start - timedelta(hours=9) for start in starts],
    }
    return WorkLog.of(pl.DataFrame(rows), "Europe/Berlin")


def test_work_over_the_hour_that_is_left_out_in_spring_does_not_end_before_it_begins() -> None:
    log = round_the_clock(datetime(2025, 3, 17, 12, tzinfo=UTC), 21)
    scene = Mechanism.fit(log).replay(np.random.default_rng(1))
    made = worklog_of(scene, simulate(scene.shop, scene.work, scene.policy)).frame
    skipped = datetime(2025, 3, 30, 1, tzinfo=UTC)  # 2:00 to 3:00 local does not exist; its end is 1:00 UTC
    assert made.filter((pl.col("start") <= skipped) & (pl.col("end") >= skipped)).height > 0
    assert made.filter(pl.col("end") < pl.col("start")).height == 0


def test_a_skipped_hour_is_its_end_and_keeps_the_order_of_times() -> None:
    half_past_one = (datetime(2025, 3, 30, 1, 30) - datetime(1970, 1, 5)).total_seconds()
    clock = pl.DataFrame({"s": [half_past_one + 1200.0 * i for i in range(7)]})
    times = clock.select(_utc("s", "Europe/Berlin").dt.strftime("%H:%M")).to_series().to_list()
    assert times == ["00:30", "00:50", "01:00", "01:00", "01:00", "01:10", "01:30"]
