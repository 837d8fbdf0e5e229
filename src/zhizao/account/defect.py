"""Defect rate: of the whole, by product, operation, machine, person, hour and weekday, and who is worse than its peers.

A bad piece is often found by an inspector hours after it was made. Bad pieces that an inspection reports are therefore
put down to the work before it in the same order, in proportion to the pieces that each report there made; the tables by
machine, person, hour and weekday are of where pieces were made, `found_at` is of where they were found.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.account.figure import Figure
from zhizao.account.ledger import Ledger, keep_book
from zhizao.account.pooling import dispersion, pooled_shares, relative_risks, worse_than_peers
from zhizao.account.three import figures_of
from zhizao.model import Plant, WorkLog

__all__ = ["DefectRate", "defect_rate", "inspections_of"]

Floats = NDArray[np.float64]
FACTORS = ("product", "operation", "machine", "person", "hour", "weekday")
_INSPECTION = re.compile(r"\bq\.?\s?c\b|inspect|quality|\bcheck|\btest|measur|检|验|测", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DefectRate:
    """Defect rate and where it comes from.

    Parameters
    ----------
    overall : bad pieces per piece that entered (see `three_figures`)
    by : {factor: frame of name, bad, pieces, lots, rate, low, high}, worst first; by product per piece that entered,
        by the others per piece worked on, where pieces were made
    found_at : frame of operation, bad, pieces, lots, rate, low, high, first_pass_yield, where bad pieces were found
    adjusted : {"machine" | "person": frame of name, bad, expected, pieces, risk, low, high, p, worse}: risk relative
        to the mean of all on the same operation and product, `p` adjusted for the number of comparisons, `worse` at 5 %
    scatter : {factor: variance of lots relative to the binomial}
    inspections : operations whose findings are put down to the work before them
    reason : code of why there is nothing, "" otherwise
    """

    overall: Figure
    by: dict[str, pl.DataFrame]
    found_at: pl.DataFrame
    adjusted: dict[str, pl.DataFrame]
    scatter: dict[str, float]
    inspections: tuple[str, ...]
    reason: str = ""


def inspections_of(operations: Collection[str]) -> tuple[str, ...]:
    """Operations that look at pieces rather than make them, by their names.

    Examples
    --------
    >>> inspections_of(["Turning Q.C.", "Turning", "Final Inspection", "终检", "Testing", "Milling"])
    ('Final Inspection', 'Testing', 'Turning Q.C.', '终检')
    """
    return tuple(sorted(name for name in operations if _INSPECTION.search(name)))


def defect_rate(
    log: WorkLog,
    plant: Plant,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    inspections: Collection[str] | None = None,
) -> DefectRate:
    """Defect rate of the orders that ended in [start, end), pooled so that small counts promise little.

    Parameters
    ----------
    log : work with quantities
    plant : for the ledger behind the overall figure
    start, end : aware times; None = from the first, to the last record
    inspections : operations that look at pieces rather than make them; told by their names when absent

    Raises
    ------
    InputError : when start or end has no zone, or the period is empty

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> at = datetime(2025, 1, 6, 8, tzinfo=UTC)
    >>> log = WorkLog.of(pl.DataFrame({
    ...     "order": ["A", "A"], "activity": ["mill", "inspect"], "machine": ["m1", "desk"],
    ...     "start": [at, at + timedelta(hours=2)], "end": [at + timedelta(hours=1), at + timedelta(hours=3)],
    ...     "good": [10.0, 9.0], "scrap": [0.0, 1.0]}))
    >>> rate = defect_rate(log, Plant())
    >>> rate.by["machine"].select("name", "bad", "pieces").rows(), rate.found_at["operation"].to_list()
    ([('m1', 1.0, 10.0)], ['inspect', 'mill'])
    """
    book = keep_book(log, plant, start=start, end=end)
    overall = figures_of(book, plant, start, end).defect_rate
    names = book.rows["operation"].unique().drop_nulls().to_list()
    looks = inspections_of(names) if inspections is None else tuple(sorted(set(inspections)))
    found, made = _trials(book, log.zone, looks)
    tables, scatter = {}, {}
    for factor in FACTORS:
        lots = _lots(_by_product(book) if factor == "product" else made, factor)
        tables[factor], scatter[factor] = _pooled(lots)
    found_at, _ = _pooled(_lots(found, "operation"))
    found_at = found_at.rename({"name": "operation"}).with_columns(first_pass_yield=1 - pl.col("rate"))
    adjusted = {factor: _adjusted(made, factor) for factor in ("machine", "person")}
    return DefectRate(overall, tables, found_at, adjusted, scatter, looks, overall.reason)


def _by_product(book: Ledger) -> pl.DataFrame:
    """Orders as lots of their product."""
    return book.orders.filter(pl.col("bad").is_not_null() & (pl.col("entered") > 0)).select(
        "product", "bad", order=pl.int_range(pl.len()), operation=pl.lit(""), pieces="entered"
    )


def _trials(book: Ledger, zone: str, inspections: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Reports with pieces and bad pieces, where found and where made."""
    bad = pl.sum_horizontal("scrap", "rework", ignore_nulls=True)
    told = pl.any_horizontal(pl.col("good", "scrap", "rework").is_not_null())
    local = pl.col("start").dt.convert_time_zone(zone)
    rows = (
        book.rows.filter(told)
        .select(
            *("product", "operation", "machine", "person", "start"),
            order="slot",
            bad=bad,
            pieces=pl.sum_horizontal("good", "scrap", "rework", ignore_nulls=True),
            hour=local.dt.strftime("%H"),
            weekday=local.dt.weekday().cast(pl.String),
        )
        .filter(pl.col("pieces") > 0)
        .sort("start", "order", maintain_order=True)
    )
    looked = pl.col("operation").is_in(inspections)
    makers = rows.filter(~looked)
    sources = makers.select("order", "start", source="operation")
    finds = rows.filter(looked).join_asof(sources, on="start", by="order", check_sortedness=False)
    nobody = finds.filter(pl.col("source").is_null()).drop("source")
    moved = finds.filter(pl.col("source").is_not_null()).group_by("order", "source").agg(moved=pl.col("bad").sum())
    made = makers.join(
        moved, left_on=["order", "operation"], right_on=["order", "source"], how="left", maintain_order="left"
    ).with_columns(
        bad=pl.col("bad")
        + pl.col("moved").fill_null(0.0) * pl.col("pieces") / pl.col("pieces").sum().over("order", "operation")
    )
    made = made.with_columns(pieces=pl.max_horizontal("pieces", "bad")).drop("moved")
    return rows, pl.concat([made, nobody.select(made.columns)])


def _lots(rows: pl.DataFrame, factor: str) -> pl.DataFrame:
    """Bad and all pieces of each order at each operation by one factor."""
    named = rows.filter(pl.col(factor).is_not_null()).with_columns(name=pl.col(factor))
    return named.group_by("name", "order", "operation", maintain_order=True).agg(pl.col("bad", "pieces").sum())


def _pooled(lots: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """Pooled rate of each name with its interval, worst first, and the scatter of lots."""
    groups = lots.group_by("name").agg(pl.col("bad", "pieces").sum(), lots=pl.len()).sort("name")
    empty = dict.fromkeys(("rate", "low", "high"), pl.Series([], dtype=pl.Float64))
    if not groups.height:
        return groups.with_columns(**empty), 1.0
    bad, pieces = groups["bad"].to_numpy(), groups["pieces"].to_numpy()
    first = pooled_shares(bad, pieces)
    each = lots.join(groups.select("name", rate=pl.Series(first.value)), on="name")
    scatter = dispersion(each["bad"].to_numpy(), each["pieces"].to_numpy(), each["rate"].to_numpy(), groups.height)
    last = pooled_shares(bad, pieces, scatter)
    table = groups.with_columns(rate=pl.Series(last.value), low=pl.Series(last.low), high=pl.Series(last.high))
    return table.sort("rate", "name", descending=[True, False]), scatter


def _adjusted(made: pl.DataFrame, factor: str) -> pl.DataFrame:
    """Risk of each machine or person relative to the others on the same operation and product."""
    named = made.filter(pl.col(factor).is_not_null()).with_columns(name=pl.col(factor))
    strata = named.select("operation", "product").unique(maintain_order=True).with_row_index("s")
    cells = (
        named.join(strata, on=["operation", "product"], nulls_equal=True)
        .group_by("name", "s", "order")
        .agg(pl.col("bad", "pieces").sum())
        .with_columns(group=pl.col("name").rank("dense").cast(pl.Int64) - 1, s=pl.col("s").cast(pl.Int64))
        .sort("group", "s", "order")
    )
    schema = {"name": pl.String, "bad": pl.Float64, "pieces": pl.Float64}
    if not cells.height:
        columns = dict.fromkeys(("expected", "risk", "low", "high", "p"), pl.Series([], dtype=pl.Float64))
        return pl.DataFrame(schema=schema).with_columns(**columns, worse=pl.Series([], dtype=pl.Boolean))
    group, stratum = cells["group"].to_numpy(), cells["s"].to_numpy()
    bad, pieces = cells["bad"].to_numpy(), cells["pieces"].to_numpy()
    of = np.bincount(stratum, weights=bad) / np.maximum(np.bincount(stratum, weights=pieces), 1e-12)
    scatter = dispersion(bad, pieces, of[stratum], int(stratum.max()) + 1)
    risks = relative_risks(group, stratum, bad, pieces, scatter)
    p = worse_than_peers(group, stratum, bad, pieces, scatter, cells["order"].to_numpy())
    names = cells.group_by("group", maintain_order=True).agg(pl.col("name").first(), pl.col("bad", "pieces").sum())
    return (
        names.drop("group")
        .with_columns(
            expected=pl.Series(risks.expected),
            risk=pl.Series(risks.value),
            low=pl.Series(risks.low),
            high=pl.Series(risks.high),
            p=pl.Series(p),
            worse=pl.Series(p <= 0.05),
        )
        .sort("risk", "name", descending=[True, False])
    )
