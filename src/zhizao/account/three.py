"""The three figures that a pilot plant is judged by: production cycle, operating cost, defect rate.

Definitions (docs/kpi.md has them at length). All three are of the orders whose last work ended in the period.

- Production cycle: calendar hours from release (first start where no release is recorded) to the last end.
- Operating cost: labour, machine, scrapped material and the work lost with it, holding and lateness, per good piece.
- Defect rate: pieces scrapped or sent back for rework anywhere on the way, per piece that entered. Since pieces are
  counted once where they enter, neither splitting an operation nor moving an inspection changes the figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from zhizao.account.figure import Figure, absent, mean_of, quantile_of, ratio_of, share_of
from zhizao.account.ledger import COMPONENTS, HOUR_NS, Ledger, keep_book
from zhizao.model import Plant, WorkLog

__all__ = ["ThreeFigures", "figures_of", "three_figures"]

EDGES = 10  # a log of fewer mean cycles than this has many orders cut by its edges


@dataclass(frozen=True, slots=True)
class ThreeFigures:
    """Production cycle, operating cost and defect rate of one period of one log.

    Parameters
    ----------
    production_cycle_h : mean hours of an order on the floor
    cycle_p50_h, cycle_p90_h : half and nine tenths of the orders took at most this long
    operating_cost : money per good piece (per order where no pieces are recorded)
    defect_rate : bad pieces per piece that entered, 0..1
    cost_parts : {component: money per good piece}, None where the records do not allow it; they add up to the cost
    missing : {component or figure: code of the reason}
    orders : finished orders in the period
    good_pieces : pieces that they delivered
    start, end : the period as asked for
    assumptions : settings of the plant that the user did not give
    notes : codes of what to bear in mind: `cut_by_edges` when the log is so short beside the cycle that many orders
        were under way before its first or after its last record, which makes the cycle look shorter than it is
    """

    production_cycle_h: Figure
    cycle_p50_h: Figure
    cycle_p90_h: Figure
    operating_cost: Figure
    defect_rate: Figure
    cost_parts: dict[str, float | None]
    missing: dict[str, str]
    orders: int
    good_pieces: float
    start: datetime | None
    end: datetime | None
    assumptions: tuple[tuple[str, float | str], ...]
    notes: tuple[str, ...] = ()

    def main(self) -> dict[str, Figure]:
        """The three by the keys used in reports and files."""
        return {
            "production_cycle": self.production_cycle_h,
            "operating_cost": self.operating_cost,
            "defect_rate": self.defect_rate,
        }


def three_figures(
    log: WorkLog, plant: Plant, *, start: datetime | None = None, end: datetime | None = None
) -> ThreeFigures:
    """Production cycle, operating cost and defect rate of the orders that ended in [start, end).

    The same function serves recorded and simulated work; what a log does not hold is named as missing.

    Parameters
    ----------
    log : recorded or simulated work
    plant : rates and materials; its defaults are assumptions and are listed in the result
    start, end : aware times; None = from the first, to the last record

    Raises
    ------
    InputError : when start or end has no zone, or the period is empty

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> import polars as pl
    >>> at = datetime(2025, 1, 6, 8, tzinfo=UTC)
    >>> log = WorkLog.of(pl.DataFrame({
    ...     "order": ["A", "A"], "activity": ["mill", "check"], "person": ["p", "q"], "machine": ["m", None],
    ...     "start": [at, at + timedelta(hours=5)], "end": [at + timedelta(hours=2), at + timedelta(hours=6)],
    ...     "good": [10.0, 9.0], "scrap": [0.0, 1.0]}))
    >>> figures = three_figures(log, Plant())
    >>> figures.production_cycle_h.value, figures.defect_rate.value, round(figures.operating_cost.value, 2)
    (6.0, 0.1, 42.23)
    """
    return figures_of(keep_book(log, plant, start=start, end=end), plant, start, end)


def figures_of(book: Ledger, plant: Plant, start: datetime | None, end: datetime | None) -> ThreeFigures:
    """The three figures of a ledger that has been kept already."""
    orders, missing = book.orders, book.missing
    money = plant.rates.currency
    keys = ("production_cycle", "cycle_p50", "cycle_p90")
    good = 0.0
    if not orders.height:
        cycle, p50, p90 = (absent(key, "h", "no_finished_orders") for key in keys)
        cost = absent("operating_cost", f"{money}/piece", "no_finished_orders")
        defect = absent("defect_rate", "1", "no_finished_orders", of="piece")
        parts: dict[str, float | None] = dict.fromkeys(COMPONENTS)
    else:
        hours = orders["cycle_h"].to_numpy()
        cycle = mean_of(hours, key=keys[0], unit="h")
        p50 = quantile_of(hours, 0.5, key=keys[1], unit="h")
        p90 = quantile_of(hours, 0.9, key=keys[2], unit="h")
        good = float(orders["good"].fill_null(0.0).sum())
        by_piece = "pieces" not in missing
        base = orders["good"].fill_null(0.0).to_numpy() if by_piece else orders["cycle_h"].to_numpy() * 0.0 + 1.0
        unit = f"{money}/piece" if by_piece else f"{money}/order"
        if all(name in missing for name in ("labour", "machine", "scrap_material", "holding", "lateness")):
            cost = absent("operating_cost", unit, "nothing_to_cost", n=orders.height)
        else:
            cost = ratio_of(orders["cost"].to_numpy(), base, key="operating_cost", unit=unit)
        whole = float(base.sum())
        parts = {
            name: float(orders[name].sum()) / whole if name not in missing and whole > 0 else None
            for name in COMPONENTS
        }
        if "defect_rate" in missing:
            defect = absent("defect_rate", "1", missing["defect_rate"], of="piece")
        else:
            judged = orders.filter(orders["bad"].is_not_null() & (orders["entered"] > 0))
            defect = share_of(judged["bad"].to_numpy(), judged["entered"].to_numpy(), key="defect_rate")
    assumed = tuple(plant.assumptions())
    notes = ("cut_by_edges",) if cycle.value is not None and _span_h(orders) < EDGES * cycle.value else ()
    return ThreeFigures(cycle, p50, p90, cost, defect, parts, missing, orders.height, good, start, end, assumed, notes)


def _span_h(orders: pl.DataFrame) -> float:
    """Hours from the first begin to the last end of any order."""
    time = orders.select(a=pl.col("begin").min().to_physical(), b=pl.col("end").max().to_physical())
    return float(time["b"][0] - time["a"][0]) / HOUR_NS
