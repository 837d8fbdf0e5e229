"""Small logs told in hours, and a generated one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from zhizao.model import WorkLog

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)


def at(hour: float) -> datetime:
    """Time so many hours after a Monday's midnight."""
    return MONDAY + timedelta(hours=hour)


def tell(rows: Sequence[dict[str, Any]], zone: str = "UTC") -> WorkLog:
    """Work log from rows whose times are hours."""
    times = {"start", "end", "released", "due"}
    told = [{k: at(v) if k in times and v is not None else v for k, v in row.items()} for row in rows]
    frame = pl.DataFrame(told, infer_schema_length=None)
    if "activity" not in frame.columns:
        frame = frame.with_columns(activity=pl.col("operation"))
    return WorkLog.of(frame, zone)


def many(orders: int, steps: int = 5, seed: int = 1, defect: float = 0.02) -> WorkLog:
    """Orders with some steps each on 8 machines and 10 people; defects found at the last step."""
    rng = np.random.default_rng(seed)
    n = orders * steps
    order = np.repeat(np.arange(orders), steps)
    step = np.tile(np.arange(steps), orders)
    begin = np.sort(rng.uniform(0, orders * 0.7, orders))
    work = rng.gamma(4, 0.25, n)
    gap = rng.exponential(3, n)
    length = (work + gap).reshape(orders, steps)
    end = begin[:, None] + np.cumsum(length, axis=1)
    end_s = (end.ravel() * 3600).astype("int64")
    start_s = end_s - np.maximum((work * 3600).astype("int64"), 1)
    base = np.datetime64("2025-01-06", "ns")
    bad = np.where(step == steps - 1, rng.binomial(50, defect, n), 0)
    frame = pl.DataFrame(
        {
            "event": np.arange(n),
            "order": order,
            "product": order % 4,
            "operation": step,
            "machine": rng.integers(0, 8, n),
            "person": rng.integers(0, 10, n),
            "start": base + start_s.astype("timedelta64[s]"),
            "end": base + end_s.astype("timedelta64[s]"),
            "good": 50.0 - bad,
            "scrap": bad.astype(float),
            "rework": np.zeros(n),
            "order_quantity": np.full(n, 50.0),
        }
    )
    names = {"order": "o", "product": "p", "operation": "op", "machine": "m", "person": "w"}
    frame = frame.with_columns(
        *(pl.format(f"{letter}{{}}", pl.col(name)).alias(name) for name, letter in names.items()),
        pl.col("start", "end").dt.replace_time_zone("UTC"),
    )
    return WorkLog.of(frame.with_columns(activity=pl.col("operation")))


@pytest.fixture(scope="session")
def log_of() -> Callable[..., WorkLog]:
    return tell


@pytest.fixture(scope="session")
def generated() -> Callable[..., WorkLog]:
    return many
