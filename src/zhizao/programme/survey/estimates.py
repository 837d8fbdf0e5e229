"""What an estimate is when it is told: value, standard error, interval, and how they came about."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict

import polars as pl

from zhizao.programme.survey.columns import Floats, Ints

__all__ = ["EstimateRow", "Estimates"]


class EstimateRow(TypedDict):
    """One estimate as it leaves in JSON; what cannot be told is None."""

    what: str
    domain: str
    estimate: float | None
    se: float | None
    low: float | None
    high: float | None
    df: float | None
    deff: float | None
    n: int
    design: str
    interval: str
    method: str


@dataclass(frozen=True, slots=True)
class Estimates:
    """Estimates of one thing, overall (one domain named "") or by domain.

    Parameters
    ----------
    what : name
    domains : names of the domains, length D
    estimate, se, low, high : shape (D,); NaN where a domain is empty
    df : degrees of freedom of the interval, shape (D,)
    deff : variance over that of simple random sampling of as many units, shape (D,)
    n : units of the sample in the domain, shape (D,)
    design : design and weights in words
    interval : definition of the interval
    method : where the variance comes from
    """

    what: str
    domains: tuple[str, ...]
    estimate: Floats
    se: Floats
    low: Floats
    high: Floats
    df: Floats
    deff: Floats
    n: Ints
    design: str
    interval: str
    method: str

    def rows(self) -> list[EstimateRow]:
        """One row a domain, as JSON takes it."""

        def told(value: float) -> float | None:
            return float(value) if math.isfinite(value) else None

        return [
            EstimateRow(
                what=self.what,
                domain=domain,
                estimate=told(self.estimate[i]),
                se=told(self.se[i]),
                low=told(self.low[i]),
                high=told(self.high[i]),
                df=told(self.df[i]),
                deff=told(self.deff[i]),
                n=int(self.n[i]),
                design=self.design,
                interval=self.interval,
                method=self.method,
            )
            for i, domain in enumerate(self.domains)
        ]

    def frame(self) -> pl.DataFrame:
        """The rows as a frame."""
        return pl.DataFrame(self.rows())
