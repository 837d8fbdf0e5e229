"""Visits and logs made by hand, for tests of one part of the mechanism at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from zhizao.decide.twin.mechanism.visits import Breakdowns, Visits
from zhizao.decide.twin.shop import Floats, Ints
from zhizao.model import WorkLog

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
HOUR = 3600.0


def visits(
    case: Ints,
    operation: Ints,
    *,
    machine: Ints | None = None,
    person: Ints | None = None,
    start_s: Floats | None = None,
    run_s: Floats | None = None,
    setup_s: Floats | None = None,
    rework: Any = None,
    good: Floats | None = None,
    scrap: Floats | None = None,
    again: Floats | None = None,
    people: int = 0,
) -> Visits:
    """Visits by case, one after the other and an hour long unless told otherwise."""
    n = len(case)
    zero, none = np.zeros(n), np.full(n, np.nan)
    machine = np.zeros(n, np.int64) if machine is None else machine
    person = np.full(n, -1) if person is None else person
    start = np.arange(n) * 2 * HOUR if start_s is None else start_s
    run = np.full(n, HOUR) if run_s is None else run_s
    setup = zero if setup_s is None else setup_s
    machines, crew = int(machine.max()) + 1, max(people, int(person.max()) + 1)
    return Visits(
        operations=tuple(f"op{i}" for i in range(int(operation.max()) + 1)),
        machines=tuple(f"M{i}" for i in range(machines)),
        people=tuple(f"P{i}" for i in range(crew)),
        case=case,
        operation=operation,
        machine=machine,
        person=person,
        rework=np.zeros(n, bool) if rework is None else rework,
        start_s=start,
        end_s=start + setup + run,
        setup_s=setup,
        run_s=run,
        good=none if good is None else good,
        scrap=none if scrap is None else scrap,
        again=none if again is None else again,
        label=np.zeros(n, np.int64),
        row=np.arange(n),
        machine_week=np.ones((machines, 336), bool),
        person_week=np.ones((crew, 336), bool),
        breakdowns=Breakdowns(np.empty(0, np.int64), np.empty(0), np.empty(0)),
    )


def log_of(rows: list[tuple[Any, ...]], names: str, zone: str = "UTC") -> WorkLog:
    """Work log of rows; columns by name, `start` and `end` in hours since a Monday, 0:00."""
    frame = pl.DataFrame(rows, schema=names.split(), orient="row")
    times = [name for name in ("start", "end", "released", "due") if name in frame.columns]
    return WorkLog.of(
        frame.with_columns(
            pl.Series(name, [MONDAY + timedelta(hours=hours) for hours in frame[name]]).alias(name) for name in times
        ),
        zone,
    )
