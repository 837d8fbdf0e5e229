"""Who and what makes fewer defects: machines and people compared on the same operation, thin data pulled to the mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from zhizao.decide.twin.mechanism import Scene
from zhizao.decide.twin.shop import Floats
from zhizao.model import WorkLog

__all__ = ["better_machines", "better_people", "pooled_rates"]

_FEWEST_PIECES = 200.0
_WORSE = 1.3


def pooled_rates(log: WorkLog, by: str) -> pl.DataFrame:
    """Defect rate per operation and machine or person, pulled towards the operation's own rate where pieces are few.

    A beta prior at the operation's rate, its weight from the spread between the groups (method of moments; Casella 1985),
    stands for what the others say. `worse` is the probability that a group's rate lies above the operation's.

    Parameters
    ----------
    log : records
    by : "machine" or "person"

    Returns
    -------
    Polars frame with operation, by, pieces, bad, rate, worse
    """
    frame = (
        log.done.filter((pl.col("report") == "production") & pl.col(by).is_not_null())
        .with_columns(bad=pl.col("scrap").fill_null(0.0) + pl.col("rework").fill_null(0.0))
        .with_columns(pieces=pl.col("good").fill_null(0.0) + pl.col("bad"))
        .filter(pl.col("pieces") > 0)
        .group_by("operation", by)
        .agg(pl.col("pieces").sum(), pl.col("bad").sum())
        .sort("operation", by)
    )
    if frame.is_empty():
        return frame.with_columns(rate=pl.lit(0.0), worse=pl.lit(0.0))
    from scipy.special import betainc

    rates, worse = np.empty(frame.height), np.empty(frame.height)
    for (_,), rows in frame.with_row_index("at").group_by(["operation"], maintain_order=True):
        at, n, bad = rows["at"].to_numpy(), rows["pieces"].to_numpy(), rows["bad"].to_numpy()
        mean = float(np.clip(bad.sum() / n.sum(), 1e-6, 1 - 1e-6))
        share = np.clip(bad / n, 0.0, 1.0)
        spread = float(np.sum(n * (share - mean) ** 2) / n.sum()) - mean * (1 - mean) * len(n) / n.sum()
        weight = float(np.clip(mean * (1 - mean) / spread - 1.0, 10.0, 1e5)) if spread > 0 else 1e5
        a, b = bad + weight * mean, np.maximum(n - bad, 0.0) + weight * (1 - mean)
        rates[at] = a / (a + b)
        worse[at] = 1.0 - betainc(a, b, mean)
    return frame.with_columns(rate=pl.Series(rates), worse=pl.Series(worse))


def better_machines(log: WorkLog, scene: Scene, busy: Floats) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(operation, machines to keep, reason) where a machine is worse than its peers and the peers have room."""
    rates = pooled_rates(log, "machine").filter(pl.col("machine").is_in(scene.shop.machines))
    for (operation,), rows in rates.group_by(["operation"], maintain_order=True):
        if rows.height < 2 or operation not in scene.operations:
            continue
        mean = float((rows["rate"] * rows["pieces"]).sum()) / float(rows["pieces"].sum())
        bad = rows.filter(
            (pl.col("worse") > 0.95) & (pl.col("rate") > _WORSE * mean) & (pl.col("pieces") >= _FEWEST_PIECES)
        )
        keep = [name for name in rows["machine"].to_list() if name not in set(bad["machine"].to_list())]
        if bad.is_empty() or not keep:
            continue
        room = sum(1.0 - busy[scene.shop.machines.index(name)] for name in keep)
        moved = sum(busy[scene.shop.machines.index(name)] for name in bad["machine"].to_list())
        if room < 0.3 * moved:
            continue
        why = ", ".join(f"{row['machine']} makes {100 * row['rate']:.1f} %" for row in bad.iter_rows(named=True))
        yield str(operation), tuple(keep), f"{why} bad pieces at {operation}, all machines {100 * mean:.1f} %"


def better_people(log: WorkLog, scene: Scene) -> list[tuple[str, tuple[str, ...], str]]:
    """(operation, people to keep, reason): the better half of those who do an operation with clear differences."""
    if not scene.members:
        return []
    found = []
    rates = pooled_rates(log, "person").filter(pl.col("person").is_in(list(scene.member_code)))
    for (operation,), rows in rates.group_by(["operation"], maintain_order=True):
        if rows.height < 3 or operation not in scene.operations:
            continue
        mean = float((rows["rate"] * rows["pieces"]).sum()) / float(rows["pieces"].sum())
        worse = rows.filter(
            (pl.col("worse") > 0.95) & (pl.col("rate") > _WORSE * mean) & (pl.col("pieces") >= _FEWEST_PIECES)
        )
        names = set(worse["person"].to_list())
        keep = tuple(name for name in rows["person"].to_list() if name not in names)
        if not names or len(keep) < 2:
            continue
        best = float(rows.filter(pl.col("person").is_in(keep))["rate"].min() or 0.0)  # type: ignore[arg-type]
        why = (
            f"at {operation}, {', '.join(sorted(names))} make {100 * float(worse['rate'].max() or 0):.1f} % bad pieces,"  # type: ignore[arg-type]
            f" others from {100 * best:.1f} %"
        )
        found.append((str(operation), keep, why))
    return found
