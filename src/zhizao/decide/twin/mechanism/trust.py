"""Does the mechanism deserve trust? It is fitted to the first part of the records and held to the rest.

The orders of the rest are given as they came (release, product, quantity, due date), as a planner has them; their
routes, times, queues, rework and bad pieces are the mechanism's. Beside it stand the noise floor and the naive twin.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import polars as pl

from zhizao.decide.twin.compare import MEASURES, distances
from zhizao.decide.twin.fidelity import FidelityReport, noise_floor, resampled, verdict
from zhizao.decide.twin.mechanism.mechanism import Mechanism
from zhizao.decide.twin.mechanism.scene import worklog_of
from zhizao.decide.twin.records import past_of, to_clock
from zhizao.decide.twin.run import simulate
from zhizao.errors import InputError
from zhizao.model import Plant, WorkLog

__all__ = ["held_out"]

_FEWEST = 8

_FITTED, _MADE = 0.3, 0.8
"""Share of the test that is done when the twin is fitted, and when its logs are made and compared."""
_RARE_DAY = 0.01
"""Share of the reported work below which a weekday is not one of the plant's."""


def held_out(
    log: WorkLog,
    *,
    plant: Plant | None = None,
    split: float = 0.7,
    rng: np.random.Generator,
    runs: int = 10,
    progress: Callable[[float], None] | None = None,
) -> FidelityReport:
    """Test of the mechanism on the tail of the records.

    Parameters
    ----------
    log : all records
    plant : calendars and capacities that the user declares
    split : share of the orders, by start, before the cut
    rng : decides the draws
    runs : simulated logs, >= 2
    progress : called with the share done

    Raises
    ------
    InputError : when there are too few orders before or after the cut
    """
    tell = progress or (lambda _share: None)
    cases = (
        log.done.group_by("order").agg(begin=pl.col("start").min(), finish=pl.col("end").max()).sort("begin", "order")
    )
    if cases.height < 4 * _FEWEST:
        raise InputError(
            f"the records hold {cases.height} orders; a test of the twin needs at least {4 * _FEWEST}",
            fix="export a longer period",
            code="short_log",
        )
    cut: datetime = cases["begin"][int(cases.height * split)]
    end: datetime = cases["finish"].max()  # type: ignore[assignment]  # a time
    tail = cases.filter(pl.col("begin") >= cut)["order"]
    reality = WorkLog(log.frame.filter(pl.col("order").is_in(tail.implode())), log.zone)
    before = cases.filter(pl.col("finish") < cut)["order"]
    if len(tail) < _FEWEST or len(before) < _FEWEST:
        raise InputError(f"{len(before)} orders ended before {cut} and {len(tail)} began after it", code="short_log")
    past = WorkLog(log.frame.filter(pl.col("order").is_in(before.implode())), log.zone)
    learned = Mechanism.fit(log, until=cut, plant=plant)
    tell(_FITTED / 2)
    learned = learned.calibrated(rng)
    tell(_FITTED)
    demand = past_of(log)
    known = to_clock(cut, log.zone)
    found = []
    for seed in rng.spawn(runs):
        scene = learned.follow(demand, seed, known_until_s=known)
        trace = simulate(scene.shop, scene.work, scene.policy, compiled=True)
        made = worklog_of(scene, trace)
        # seen as reality is: up to the end of the records, orders still under way then with what they have
        seen = made.frame.filter(pl.col("order").is_in(tail.implode()) & (pl.col("end") <= end))
        found.append(_distances(reality, WorkLog(seen, log.zone)))
        tell(_FITTED + (_MADE - _FITTED) * len(found) / runs)
    naive = [_distances(reality, resampled(past, cut, end, len(tail), seed)) for seed in rng.spawn(min(runs, 5))]
    tell((_MADE + 1.0) / 2)
    floor = noise_floor(reality, rng, min(runs, 5))
    tell(1.0)
    measures: dict[str, dict[str, float | str]] = {}
    for name in MEASURES:
        values = np.array([one[name] for one in found])
        measures[name] = {
            "twin": float(values.mean()),
            "twin_sd": float(values.std(ddof=1)),
            "noise_floor": floor[name],
            "naive": float(np.mean([one[name] for one in naive])),
            "unit": "h" if name.endswith("_h") else "1",
        }
    spans = reality.done.group_by("order").agg(
        h=(pl.col("end").max() - pl.col("start").min()).dt.total_nanoseconds() / 3.6e12
    )
    trusted, reasons = verdict(measures, scale_h=float(spans["h"].mean() or 0.0))  # type: ignore[arg-type]
    weeks = max((end - cut).total_seconds() / 604800.0, 0.1)
    return FidelityReport(measures, trusted, reasons, cut, end, len(before), len(tail), len(tail) / weeks)


def _distances(reality: WorkLog, made: WorkLog) -> dict[str, float]:
    """Distances, the hours of the day without weekdays that hold next to nothing in either log.

    A single report on a Saturday that the other log does not have would count as much as a day's work at other hours.
    """
    out = distances(reality, made)
    share: dict[int, float] = {}
    for log in (reality, made):
        done = log.done
        days = pl.concat([_weekday(done["start"], log.zone), _weekday(done["end"], log.zone)])
        for day, count in days.value_counts().iter_rows():
            share[day] = max(share.get(day, 0.0), count / days.len())
    rare = [day for day, most in share.items() if most < _RARE_DAY]
    if rare:
        kept = [
            WorkLog(
                log.frame.filter(
                    ~_weekday(log.frame["start"], log.zone).is_in(rare)
                    & ~_weekday(log.frame["end"], log.zone).is_in(rare)
                ),
                log.zone,
            )
            for log in (reality, made)
        ]
        out["circadian_h"] = distances(*kept)["circadian_h"]
    return out


def _weekday(times: pl.Series, zone: str) -> pl.Series:
    return times.dt.convert_time_zone(zone).dt.weekday().rename("day")
