"""Does the twin deserve trust? It is fitted to the first part of the records and held to the rest, not seen by it.

Beside each distance stand what a perfect twin would get (one half of the held-out cases against the other half) and
what a naive one gets: past cases, moved by whole weeks into the held-out window and cut by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from zhizao.decide.twin.compare import MEASURES, distances
from zhizao.decide.twin.demand import edges_of
from zhizao.decide.twin.records import past_of
from zhizao.decide.twin.twin import Twin
from zhizao.errors import InputError
from zhizao.model import WorkLog

__all__ = ["FidelityReport", "fidelity", "noise_floor", "resampled", "verdict"]

WEEK = timedelta(weeks=1)
UNITS = {"ngram3": "1", "ngram2": "1", "wip": "1"}
JUDGED = ("ngram3", "absolute_h", "circadian_h", "relative_h", "cycle_h")
"""Distances on which trust is decided."""
FEWEST = 8
"""Held-out cases below which nothing can be said."""


@dataclass(frozen=True, slots=True)
class FidelityReport:
    """How far a twin is from records that it has not seen.

    Parameters
    ----------
    measures : per distance {twin, twin_sd, noise_floor, naive, unit}
    trusted : whether promises may be made from it
    reasons : why, or why not; starts with what speaks against it
    cut, end : the held-out window
    fitted_cases, held_out_cases : how many there were
    orders_per_week : level to which the twin is calibrated; far outside it nothing is promised
    """

    measures: dict[str, dict[str, float | str]]
    trusted: bool
    reasons: tuple[str, ...]
    cut: datetime
    end: datetime
    fitted_cases: int
    held_out_cases: int
    orders_per_week: float


def fidelity(log: WorkLog, *, split: float = 0.75, rng: np.random.Generator, runs: int = 10) -> FidelityReport:
    """Test of a twin on the tail of the records.

    The cut lies at the start of the case after the first `split` of the cases. The twin is fitted to what was known
    then, and simulates as many cases as the tail has, seen through the same window (to the end of the records).

    Parameters
    ----------
    log : all records
    split : share (0..1) of the cases, by start, that come before the cut
    rng : decides the draws
    runs : simulated logs, >= 2

    Raises
    ------
    InputError : when there are too few cases before or after the cut
    """
    done = log.done
    cases = done.group_by("order").agg(begin=pl.col("start").min(), finish=pl.col("end").max()).sort("begin", "order")
    if cases.height < 4 * FEWEST:
        raise InputError(
            f"the records hold {cases.height} orders; a test of the twin needs at least {4 * FEWEST}",
            fix="export a longer period",
            code="short_log",
        )
    cut: datetime = cases["begin"][int(cases.height * split)]
    end: datetime = cases["finish"].max()  # type: ignore[assignment]
    held_out = _only(log, cases.filter(pl.col("begin") >= cut)["order"])
    number = held_out.frame["order"].n_unique()
    past = _only(log, cases.filter(pl.col("finish") < cut)["order"])
    fitted = past.frame["order"].n_unique()
    if number < FEWEST or fitted < FEWEST:
        raise InputError(f"{fitted} orders ended before {cut} and {number} began after it", code="short_log")
    edges = edges_of(past_of(log))
    whole = edges.dropped and not edges.sliced
    twin = Twin.fit(log, until=cut, rng=rng)
    seeds = rng.spawn(runs)
    found = [distances(held_out, twin.simulate(cut, until=end, cases=number, rng=seed, whole=whole)) for seed in seeds]
    naive = [distances(held_out, resampled(past, cut, end, number, seed)) for seed in seeds]
    floor = noise_floor(held_out, rng, runs)
    measures: dict[str, dict[str, float | str]] = {}
    for name in MEASURES:
        values = np.array([one[name] for one in found])
        measures[name] = {
            "twin": float(values.mean()),
            "twin_sd": float(values.std(ddof=1)),
            "noise_floor": floor[name],
            "naive": float(np.mean([one[name] for one in naive])),
            "unit": UNITS.get(name, "h"),
        }
    trusted, reasons = verdict(measures)
    return FidelityReport(measures, trusted, reasons, cut, end, fitted, number, twin.demand.orders_per_week)


def noise_floor(log: WorkLog, rng: np.random.Generator, runs: int = 10) -> dict[str, float]:
    """Mean distances between one random half of the cases and the other: what a perfect twin would get."""
    names = log.frame["order"].unique(maintain_order=True).to_numpy()
    half = len(names) // 2
    found = []
    for _ in range(runs):
        mixed = pl.Series(rng.permutation(names).tolist())
        found.append(distances(_only(log, mixed[:half]), _only(log, mixed[half : 2 * half])))
    return {name: float(np.mean([one[name] for one in found])) for name in MEASURES}


def resampled(past: WorkLog, start: datetime, end: datetime, cases: int, rng: np.random.Generator) -> WorkLog:
    """The naive twin: past cases moved by whole weeks into a window and cut by it, drawn with replacement.

    Each case may start in every week in which it would still end inside the window; all such places are equally likely.
    """
    ends = past.done.group_by("order", maintain_order=True).agg(begin=pl.col("start").min(), finish=pl.col("end").max())
    places = []
    for name, begin, finish in ends.iter_rows():
        week = -((begin - start) // WEEK)
        week += 0 if begin + week * WEEK >= start else 1
        while finish + week * WEEK <= end:
            places.append((name, week))
            week += 1
    if not places:
        name, begin, _ = ends.row(0)
        places = [(name, -((begin - start) // WEEK))]
    picked = rng.integers(0, len(places), cases)
    moves = pl.DataFrame(
        {
            "order": [places[i][0] for i in picked],
            "weeks": [places[i][1] for i in picked],
            "as": [f"naive {i + 1:05}" for i in range(cases)],
        }
    )
    moved = moves.join(past.done, on="order", maintain_order="left").with_columns(
        pl.col("as").alias("order"),
        *(pl.col(name) + pl.duration(weeks=pl.col("weeks")) for name in ("start", "end", "released", "due")),
    )
    return WorkLog.of(moved.drop("weeks", "as"), past.zone)


def _only(log: WorkLog, orders: pl.Series) -> WorkLog:
    return WorkLog(log.frame.filter(pl.col("order").is_in(orders.implode())), log.zone)


def verdict(measures: dict[str, dict[str, float | str]], *, scale_h: float = 0.0) -> tuple[bool, tuple[str, ...]]:
    """Trust: near the noise floor, or better than the naive twin, on each judged distance; far off on none.

    And on most of them it is no worse than the naive twin or the noise floor: a twin that does not beat past cases moved
    by whole weeks has learned nothing.

    Parameters
    ----------
    measures : from a test on held-out records
    scale_h : mean cycle of the held-out orders; where the noise floor is very small (many like orders), a distance in
        time of up to an eighth of it is near enough, since promises carry what the twin is wrong by
    """
    against, good, beaten = [], [], []
    for name in JUDGED:
        one = measures[name]
        twin, floor, naive = float(one["twin"]), float(one["noise_floor"]), float(one["naive"])
        unit = "" if one["unit"] == "1" else f" {one['unit']}"
        said = f"{name}: twin {twin:.3g}{unit}, noise floor {floor:.3g}{unit}, naive {naive:.3g}{unit}"
        slack = 0.05 if name == "ngram3" else 1.0
        near = twin <= max(1.5 * floor + slack, scale_h / 8.0 if name in ("relative_h", "cycle_h") else 0.0)
        if twin > max(naive, floor):
            beaten.append(said)
        if not near and (twin > 3.0 * floor + slack or twin > naive):
            against.append(said)
        else:
            good.append(said)
    if not against and 2 * len(beaten) > len(JUDGED):
        against, good = beaten, [one for one in good if one not in beaten]
    return not against, (*against, *good)
