"""Finer rows gathered into one per industry and month: items are added up, shares and indices averaged by output."""

from __future__ import annotations

import polars as pl

from zhizao.programme.alerts.signals import SIGNALS
from zhizao.programme.items import items

__all__ = ["FINER", "gather"]

FINER = ("region", "product", "size", "enterprise")
"""Columns that make rows finer than an industry and a month."""


def gather(frame: pl.DataFrame, scope: str) -> pl.DataFrame:
    """One row per scope and month where rows are finer; otherwise the frame as it is.

    The share of loss-making enterprises is counted where rows are enterprises and tell their profit.

    Examples
    --------
    >>> import polars as pl
    >>> rows = {"industry": ["31"] * 2, "month": [1, 1], "enterprise": ["a", "b"], "output_cny": [3.0, 5.0], "profit_cny": [1.0, -1.0]}
    >>> gather(pl.DataFrame(rows), "industry").row(0)
    ('31', 1, 8.0, 0.0, 0.5)
    """
    finer = [one for one in FINER if one in frame.columns and one != scope]
    if not finer:
        return frame
    sums = [one for one in frame.columns if one in items() and items()[one].over != "flag"]
    rates = [one.key for one in SIGNALS if one.key in frame.columns]
    weight = pl.col("output_cny") if "output_cny" in frame.columns else pl.lit(1.0)
    say = [pl.col(one).sum() for one in sums]
    for one in rates:
        there = pl.col(one).is_not_null()
        say.append(
            (
                (pl.col(one) * weight).sum() / weight.filter(there).sum()
                if "output_cny" in sums
                else pl.col(one).mean()
            ).alias(one)
        )
    if "enterprise" in finer and "profit_cny" in sums and "loss_share" not in rates:
        say.append((pl.col("profit_cny") < 0).mean().alias("loss_share"))
    return frame.group_by([scope, "month"], maintain_order=True).agg(say)
