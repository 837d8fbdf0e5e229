"""A small shop whose truth is known: saw, then mill (two machines), a check that sends one lot in four back, pack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from zhizao.model import WorkLog

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def shop_log(
    *, weeks: int = 12, per_week: int = 20, seed: int = 1, slow_from: datetime | None = None, slow: float = 1.0
) -> WorkLog:
    """Records of the shop, open from Monday to Friday, 6 to 18 o'clock UTC; each machine does one order at a time.

    From `slow_from` on everything waits `slow` times as long.
    """
    rng = np.random.default_rng(seed)
    free = {"S1": MONDAY, "M1": MONDAY, "M2": MONDAY, "Q1": MONDAY, "P1": MONDAY}
    who = {"S1": "Ann", "M1": "Bo", "M2": "Cy", "Q1": "Di", "P1": "Ed"}
    rows = []
    arrivals = sorted(
        MONDAY + timedelta(weeks=w, days=int(rng.integers(0, 5)), hours=float(rng.uniform(6, 15)))
        for w in range(weeks)
        for _ in range(per_week)
    )
    tasks = [(at, n, 0, ["saw", "mill", "check"]) for n, at in enumerate(arrivals)]
    while tasks:
        tasks.sort()
        ready, n, step, route = tasks.pop(0)
        name = route[step]
        machine = {"saw": "S1", "check": "Q1", "pack": "P1"}.get(name) or min("M1", "M2", key=lambda m: free[m])
        start = _opened(max(ready, free[machine]))
        took = timedelta(
            hours={"saw": 0.5, "mill": 2.0, "check": 0.5, "pack": 1.0}[name] * float(rng.uniform(0.7, 1.3))
        )
        end = start + took
        free[machine] = end
        quantity = 10.0 + n % 3
        bad = 2.0 if name == "check" and rng.random() < 0.25 else 0.0
        rows.append((f"o{n:04}", f"part {n % 2}", name, machine, who[machine], start, end, quantity - bad, bad, quantity,
                     arrivals[n], arrivals[n] + timedelta(days=10)))  # fmt: skip
        if name == "check":
            route = [*route, "mill", "check"] if bad else [*route, "pack"]
        if step + 1 < len(route):
            factor = slow if slow_from is not None and end >= slow_from else 1.0
            tasks.append((end + timedelta(hours=1.0 * factor), n, step + 1, route))
    names = ["order", "product", "activity", "machine", "person", "start", "end", "good", "scrap", "order_quantity"]
    return WorkLog.of(pl.DataFrame(rows, schema=[*names, "released", "due"], orient="row"))


def _opened(time: datetime) -> datetime:
    while time.weekday() >= 5 or not 6 <= time.hour < 18:
        time = (time + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    return time


def only(log: WorkLog, orders: pl.Series) -> WorkLog:
    """Rows of some orders."""
    return WorkLog(log.frame.filter(pl.col("order").is_in(orders.implode())), log.zone)
