"""The distances equal the reference implementation's, and behave as distances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from zhizao.decide.twin.compare import MEASURES, distances
from zhizao.errors import InputError
from zhizao.model import WorkLog

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)


def made_up(
    rng: np.random.Generator, cases: int, *, zone: str = "UTC", days: float = 30, labels: str = "abcde"
) -> WorkLog:
    rows = []
    for case in range(cases):
        at = MONDAY + timedelta(seconds=float(rng.integers(0, int(days * 86400))))
        for _ in range(rng.integers(1, 9)):
            end = at + timedelta(seconds=float(rng.integers(0, 40_000)))
            rows.append((f"case {case:03}", str(rng.choice(list(labels))), at, end))
            at = end + timedelta(seconds=float(rng.integers(-3_000, 90_000)))
    order, activity, start, stop = zip(*rows, strict=True)
    return WorkLog.of(pl.DataFrame({"order": order, "activity": activity, "start": start, "end": stop}), zone=zone)


def reference(a: WorkLog, b: WorkLog) -> dict[str, float]:
    import contextlib
    import io
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pd = pytest.importorskip("pandas")
        ldm = pytest.importorskip("log_distance_measures.config")
        from log_distance_measures.absolute_event_distribution import absolute_event_distribution_distance as absolute
        from log_distance_measures.case_arrival_distribution import case_arrival_distribution_distance as arrival
        from log_distance_measures.circadian_event_distribution import (
            circadian_event_distribution_distance as circadian,
        )
        from log_distance_measures.cycle_time_distribution import cycle_time_distribution_distance as cycle
        from log_distance_measures.n_gram_distribution import n_gram_distribution_distance as ngram
        from log_distance_measures.relative_event_distribution import relative_event_distribution_distance as relative
        from log_distance_measures.work_in_progress import work_in_progress_distance as wip

        ids = ldm.EventLogIDs(case="order", activity="activity", start_time="start", end_time="end", resource="machine")
        columns = ["order", "activity", "machine", "start", "end"]
        x, y = (
            pd.DataFrame(
                {
                    name: log.frame[name].to_list()
                    if name not in ("start", "end")
                    else pd.to_datetime(log.frame[name].dt.timestamp("ns").to_list(), utc=True).tz_convert(a.zone)
                    for name in columns
                }
            )
            for log in (a, b)
        )
        both = ldm.AbsoluteTimestampType.BOTH
        with contextlib.redirect_stdout(io.StringIO()):
            return {
                "ngram3": ngram(x, ids, y, ids, 3),
                "ngram2": ngram(x, ids, y, ids, 2),
                "absolute_h": absolute(x, ids, y, ids, both),
                "circadian_h": circadian(x, ids, y, ids, both),
                "relative_h": relative(x, ids, y, ids, both),
                "cycle_h": cycle(x, ids, y, ids, pd.Timedelta(hours=1)),
                "arrival_h": arrival(x, ids, y, ids),
                "wip": wip(x, ids, y, ids),
            }


@pytest.mark.parametrize(
    ("seed", "zone"), [(1, "UTC"), (2, "Asia/Jerusalem"), (3, "Asia/Shanghai"), (4, "Asia/Kolkata")]
)
def test_each_distance_equals_the_reference(seed: int, zone: str) -> None:
    rng = np.random.default_rng(seed)
    a, b = made_up(rng, 12, zone=zone), made_up(rng, 17, zone=zone, labels="bcdef")
    expected = reference(a, b)
    found = distances(a, b)
    assert tuple(found) == MEASURES
    for name in MEASURES:
        assert found[name] == pytest.approx(expected[name], abs=1e-9), name


def test_a_weekday_that_one_log_lacks_costs_23_hours_as_in_the_reference() -> None:
    rng = np.random.default_rng(5)
    a, b = made_up(rng, 3, days=1), made_up(rng, 9, days=8)
    assert distances(a, b)["circadian_h"] == pytest.approx(reference(a, b)["circadian_h"], abs=1e-9)


def test_a_log_is_at_no_distance_from_itself_and_distances_are_symmetric() -> None:
    rng = np.random.default_rng(6)
    a, b = made_up(rng, 8), made_up(rng, 8)
    assert all(value == 0 for value in distances(a, a).values())
    assert distances(a, b) == pytest.approx(distances(b, a))


def test_names_of_orders_and_order_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(7)
    a, b = made_up(rng, 8), made_up(rng, 8)
    renamed = WorkLog.of(b.frame.with_columns(order=pl.lit("x") + pl.col("order").str.reverse()))
    assert distances(a, b) == pytest.approx(distances(a, renamed))


def test_a_log_without_finished_work_is_refused() -> None:
    log = made_up(np.random.default_rng(8), 3)
    empty = WorkLog.of(log.frame.with_columns(end=pl.lit(None)))
    with pytest.raises(InputError, match="without finished work"):
        distances(log, empty)
