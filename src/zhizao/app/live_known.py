"""What the journal knows of orders: ideal time of a piece, pieces ordered, when it is due."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from pathlib import Path

from zhizao.model import Plant
from zhizao.record import Workspace
from zhizao.record.workspace import FACTS

__all__ = ["Known", "known_orders", "stamp_of"]

Known = dict[str, tuple[float | None, float | None, datetime | None]]
"""By order: ideal seconds of a piece, pieces ordered, when it is due."""
Stamp = tuple[int, ...]
_FRESH_S = 60.0
_FOUND: dict[str, tuple[float, Stamp, Known]] = {}
_LOADING: set[str] = set()


def stamp_of(workspace: str) -> Stamp:
    """What changes when the journal of a workspace does; empty without one."""
    out: list[int] = []
    for name in (FACTS, f"{FACTS}-wal"):
        try:
            found = (Path(workspace) / name).stat()
        except OSError:
            continue
        if found.st_size:
            out += [found.st_mtime_ns, found.st_size]
    return tuple(out)


def known_orders(workspace: str, plant: Plant, *, wait: bool = True) -> Known:
    """Orders of the journal, read anew when it has grown, at most once a minute.

    Parameters
    ----------
    workspace : folder
    plant : ideal times of its products
    wait : whether to wait for the first reading; without it, and later, the journal is read beside
    """
    stamp, kept = stamp_of(workspace), _FOUND.get(workspace)
    if not stamp:
        return {}
    if kept is not None and (kept[1] == stamp or time.monotonic() - kept[0] < _FRESH_S):
        return kept[2]
    if kept is None and wait:
        return _read(workspace, plant, stamp)
    if workspace not in _LOADING:
        _LOADING.add(workspace)
        threading.Thread(target=_beside, args=(workspace, plant, stamp), name="orders", daemon=True).start()
    return {} if kept is None else kept[2]


def _beside(workspace: str, plant: Plant, stamp: Stamp) -> None:
    try:
        _read(workspace, plant, stamp)
    finally:
        _LOADING.discard(workspace)


def _read(workspace: str, plant: Plant, stamp: Stamp) -> Known:
    import polars as pl

    with Workspace.open(workspace, create=False) as home:
        frame = home.journal.worklog(zone=plant.zone).frame
    rows = frame.group_by("order").agg(
        pl.col("product").drop_nulls().first(), pl.col("order_quantity").max(), pl.col("due").max()
    )
    found: Known = {}
    for order, product, quantity, due in rows.iter_rows():
        thing = plant.products.get(product or "")
        found[order] = (None if thing is None else thing.cycle_s, quantity, due)
    _FOUND[workspace] = (time.monotonic(), stamp, found)
    return found
