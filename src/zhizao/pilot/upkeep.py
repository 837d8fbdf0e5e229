"""Planned stops in place of breakdowns, where the breakdowns come with wear.

Breakdown reports give the busy time between breakdowns; a Weibull fit says whether they come with wear (shape over 1).
Age replacement (Barlow and Proschan 1965) then tells the interval whose planned and unplanned stops cost least time.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gamma
from typing import Any

import numpy as np
import polars as pl

from zhizao.decide.twin.mechanism import Scene
from zhizao.decide.twin.mechanism.machines import fit_weibull
from zhizao.model import Plant, WorkLog

__all__ = ["best_interval", "factor_at", "wear_of", "worthwhile_stops"]

_FEWEST = 8
_SHORTEST_STOP_H = 0.5


def best_interval(shape: float, scale: float, stop_h: float, repair_h: float) -> tuple[float, float, float]:
    """Interval between planned stops that loses least time, the share lost with it, and the factor on the time
    between breakdowns.

    Examples
    --------
    >>> every, lost, factor = best_interval(3.0, 100.0, 1.0, 10.0)
    >>> 30 < every < 60, lost < 10.0 / 89.3, factor > 1.5
    (True, True, True)
    """
    grid = scale * np.linspace(0.02, 3.0, 600)
    survive = np.exp(-((grid / scale) ** shape))
    step = grid[1] - grid[0]
    run = np.cumsum(survive) * step  # mean busy time of a cycle that ends at breakdown or planned stop
    lost = ((1.0 - survive) * repair_h + survive * stop_h) / run
    at = int(np.argmin(lost))
    never = 1.0 / (run[-1] / max(1.0 - survive[-1], 1e-12))
    rate = (1.0 - survive[at]) / run[at]
    return float(grid[at]), float(lost[at]), float(never / max(rate, 1e-12))


def factor_at(shape: float, scale: float, every_h: float) -> float:
    """Factor on the busy time between breakdowns when the machine is stopped as planned every so many busy hours.

    Examples
    --------
    >>> factor_at(1.0, 100.0, 50.0), factor_at(3.0, 100.0, 50.0) > 2
    (1.0, True)
    """
    grid = np.linspace(0.0, every_h, 2_000)
    survive = np.exp(-((grid / scale) ** shape))
    run = float((survive[1:] + survive[:-1]).sum() / 2 * grid[1])
    return round(run / max(1.0 - float(survive[-1]), 1e-12) / (scale * gamma(1.0 + 1.0 / shape)), 6)


def wear_of(rows: pl.DataFrame) -> tuple[float, float, float, float] | None:
    """Weibull shape and scale of the busy hours between breakdowns of one machine, their mean, and hours of a repair.

    Parameters
    ----------
    rows : its finished work by start

    Returns
    -------
    None when there were too few breakdowns to tell
    """
    broke = (rows["report"] == "breakdown").to_numpy()
    if broke.sum() < _FEWEST:
        return None
    hours = (rows["end"] - rows["start"]).dt.total_nanoseconds().to_numpy() / 3.6e12
    busy = np.cumsum(np.where(broke, 0.0, hours))
    at = busy[broke]
    between = np.diff(np.concatenate([[0.0], at]))
    between = between[between > 0.05]
    if len(between) < _FEWEST:
        return None
    shape, scale = fit_weibull(between, float(busy[-1] - at[-1]))
    return shape, scale, float(between.mean()), float(np.mean(hours[broke]))


def worthwhile_stops(log: WorkLog, plant: Plant, scene: Scene) -> Iterator[tuple[str, dict[str, Any], float, str]]:
    """(machine, setting, cost, reason) for machines whose breakdowns come with wear and repay planned stops."""
    frame = log.done.filter(pl.col("machine").is_in(scene.shop.machines)).sort("start")
    span_h = scene.horizon_s / 3600.0
    for (machine,), rows in frame.group_by(["machine"], maintain_order=True):
        wear = wear_of(rows)
        if wear is None or wear[0] < 1.2:
            continue
        shape, scale, mean_h, repair_h = wear
        stop_h = max(_SHORTEST_STOP_H, 0.25 * repair_h)
        every, lost, factor = best_interval(shape, scale, stop_h, repair_h)
        now = repair_h / max(mean_h, 1e-9)
        if lost > 0.85 * now or factor < 1.2:
            continue
        down = int((rows["report"] == "breakdown").sum())
        count = _busy_h(rows) / every
        cost = round(count * stop_h * plant.rates.labour_per_h, 2)
        setting = {
            "machine": str(machine),
            "every_h": round(every, 1),
            "takes_h": round(stop_h, 2),
            "mtbf_factor": round(factor, 3),
        }
        why = (
            f"{down} breakdowns in {span_h:.0f} h that come with wear (Weibull shape {shape:.1f});"
            f" a stop of {stop_h:.1f} h every {every:.0f} busy hours loses {100 * lost:.1f} %, now {100 * now:.1f} %"
        )
        yield str(machine), setting, cost, why


def _busy_h(rows: pl.DataFrame) -> float:
    work = rows.filter(pl.col("report") != "breakdown")
    return float((work["end"] - work["start"]).dt.total_nanoseconds().to_numpy().sum() / 3.6e12)
