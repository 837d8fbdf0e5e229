"""What a twin has learned, in the words of a report: process map, operations, machines, demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zhizao.decide.twin.records import DAY_S, HOUR_S, to_time
from zhizao.decide.twin.shop import RULES, Floats, Ints

if TYPE_CHECKING:
    from zhizao.decide.twin.twin import Twin

__all__ = ["summary_of"]

START, END = "start", "end"


def summary_of(twin: Twin) -> dict[str, Any]:
    """Plain dicts and lists: `records`, `demand`, `operations`, `machines`, `map` (edges with counts and waits)."""
    return {
        "records": _records(twin),
        "demand": _demand(twin),
        "operations": _operations(twin),
        "machines": _machines(twin),
        "map": _map(twin),
    }


def _records(twin: Twin) -> dict[str, Any]:
    past, edges = twin.past, twin.edges
    return {
        "orders": len(past.orders),
        "reports": len(past.label),
        "from": to_time(past.from_s, past.zone).isoformat(),
        "until": to_time(past.until_s, past.zone).isoformat(),
        "open_orders": float((1.0 - twin.over).sum()),
        "begin_in_the_midst": edges.sliced,
        "open_orders_missing": edges.dropped,
    }


def _demand(twin: Twin) -> dict[str, Any]:
    past = twin.past
    begin = past.begin_s[twin.demand.case]
    day = np.bincount(((begin // DAY_S) % 7).astype(np.int64), minlength=7)
    return {"orders_per_week": twin.demand.orders_per_week, "by_weekday": (day / max(day.sum(), 1)).tolist()}


def _operations(twin: Twin) -> list[dict[str, Any]]:
    past, timing = twin.past, twin.timing
    out = []
    for code, kind in enumerate(past.kinds):
        rows = past.kind == code
        run = timing.run_s[rows] / HOUR_S
        used, count = np.unique(past.machine[rows], return_counts=True)
        order = np.argsort(-count, kind="stable")
        out.append(
            {
                "name": kind.name,
                "report": kind.report,
                "is_rework": kind.is_rework,
                "count": int(rows.sum()),
                "per_order": float(rows.sum() / len(past.orders)),
                "work_h": {
                    "mean": float(run.mean()),
                    "p50": float(np.median(run)),
                    "p90": float(np.quantile(run, 0.9)),
                },
                "wait_h": float(timing.wait_s[rows].mean() / HOUR_S),
                "delay_h": float(timing.delay_s[rows].mean() / HOUR_S),
                "size_exponent": float(timing.size[code]),
                "machines": {past.machines[used[k]]: int(count[k]) for k in order},
            }
        )
    return sorted(out, key=lambda one: -one["count"])


def _machines(twin: Twin) -> list[dict[str, Any]]:
    past = twin.past
    weeks = max((past.until_s - past.from_s) / (7 * DAY_S), 1e-9)
    work_h = np.bincount(past.machine, twin.timing.run_s, len(past.machines)) / HOUR_S / weeks
    hours = twin.hours.sure.sum(1)
    return [
        {
            "name": name,
            "in_records": code < past.real_machines,
            "capacity": int(twin.capacity[code]),
            "hours_per_week": float(hours[code]),
            "hours": np.round(twin.hours.sure[code], 3).reshape(7, 24).tolist(),
            "work_h_per_week": float(work_h[code]),
            "busy": float(work_h[code] / max(hours[code] * twin.capacity[code], 1e-9)),
            "rule": RULES[twin.rules[code]],
            "delay_factor": float(twin.delay_factor[code]),
        }
        for code, name in enumerate(past.machines)
    ]


def _map(twin: Twin) -> list[dict[str, Any]]:
    """Edges of the process map, most used first; open orders have no edge to the end."""
    past, timing = twin.past, twin.timing
    last = past.first[1:] - 1
    inner = np.setdiff1d(np.arange(len(past.kind)), last)
    pairs = [
        *_edges(past.kind[inner], past.kind[inner + 1], timing.since_s[inner + 1], timing.delay_s[inner + 1]),
        *_edges(np.full(len(last), -1), past.kind[past.first[:-1]], timing.since_s[past.first[:-1]],
                timing.delay_s[past.first[:-1]]),
    ]  # fmt: skip
    over = np.bincount(past.kind[last], weights=twin.over, minlength=len(past.kinds))
    names = {-1: START} | {code: kind.name for code, kind in enumerate(past.kinds)}
    out = [
        {"from": names[a], "to": names[b], "count": n, "wait_h": wait / HOUR_S, "delay_h": delay / HOUR_S}
        for a, b, n, wait, delay in pairs
    ]
    out += [
        {"from": names[code], "to": END, "count": round(float(n), 1), "wait_h": 0.0, "delay_h": 0.0}
        for code, n in enumerate(over)
        if n >= 0.5
    ]
    return sorted(out, key=lambda edge: -float(edge["count"]))


def _edges(one: Ints, two: Ints, wait: Floats, delay: Floats) -> list[tuple[int, int, int, float, float]]:
    pair, index, count = np.unique(np.stack([one, two]), axis=1, return_inverse=True, return_counts=True)
    index = index.ravel()
    waits = np.bincount(index, wait) / count
    delays = np.bincount(index, delay) / count
    return [
        (int(pair[0, k]), int(pair[1, k]), int(count[k]), float(waits[k]), float(delays[k])) for k in range(len(count))
    ]
