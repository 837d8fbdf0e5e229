"""The signals of over-capacity: one row a signal, with what it is made of, which way is bad, its weight and its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

__all__ = ["SIGNALS", "Signal", "add_signals"]

_DAYS = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal.

    Parameters
    ----------
    key : name of the column it gives
    of : items it is made of
    bad : which way is a warning
    scale : `level` charted as it is, `log` charted as logarithm, `yearly` as change of logarithm on a year earlier
    group : kind of evidence; a warning needs two kinds
    weight : of its vote
    unit, zh, en : unit and names
    percent : whether the column is a share that is shown in percent
    """

    key: str
    of: tuple[str, ...]
    bad: Literal["low", "high"]
    scale: Literal["level", "log", "yearly"]
    group: Literal["use", "stocks", "market", "result", "build_up"]
    weight: float
    unit: str
    zh: str
    en: str
    percent: bool = False

    @property
    def sign(self) -> int:
        """Factor that turns bad upwards."""
        return 1 if self.bad == "high" else -1


SIGNALS: tuple[Signal, ...] = (
    Signal("utilisation", ("output_cny", "capacity_cny"), "low", "level", "use", 3.0, "%", "产能利用率", "capacity utilisation", True),
    Signal("inventory_days", ("inventory_cny", "output_cny"), "high", "log", "stocks", 2.0, "days", "产成品存货周转天数", "days of finished goods in stock"),
    Signal("price_index", (), "low", "yearly", "market", 1.5, "index", "出厂价格指数（同比）", "producer prices, on a year earlier"),
    Signal("margin", ("profit_cny", "revenue_cny"), "low", "level", "result", 1.5, "%", "利润率", "profit margin", True),
    Signal("loss_share", (), "high", "level", "result", 1.5, "%", "亏损面", "share of loss-making enterprises", True),
    Signal("receivable_days", ("receivables_cny", "revenue_cny"), "high", "log", "stocks", 1.0, "days", "应收账款回收期", "days of receivables"),
    Signal("investment_rate", ("investment_cny", "output_cny"), "high", "log", "build_up", 0.5, "%", "投资强度（投资/产值）", "investment to output", True),
)  # fmt: skip
"""Sources: NBS, utilisation = output / capacity, both in value; the companion signals are those that reviews of measuring
over-capacity name (Sun and Gao 2021; Han and others 2011)."""


def add_signals(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a column for each signal that it has the items for; a signal that is there already stays.

    Examples
    --------
    >>> import polars as pl
    >>> add_signals(pl.DataFrame({"output_cny": [70.0], "capacity_cny": [100.0]}))["utilisation"].to_list()
    [0.7]
    """

    def over(one: str, other: str) -> pl.Expr:
        return pl.when(pl.col(other) > 0).then(pl.col(one) / pl.col(other))

    new = []
    for signal in SIGNALS:
        if signal.key in frame.columns or not signal.of or not set(signal.of) <= set(frame.columns):
            continue
        days = _DAYS if signal.unit == "days" else 1.0
        new.append((over(*signal.of) * days).alias(signal.key))
    return frame.with_columns(new)
