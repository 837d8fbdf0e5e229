"""What moves many enterprises at once: growth, season, shocks, prices, and the over-capacity that was put in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.testing.economy.truth import Truth

__all__ = ["Paths", "draw_paths", "month_of"]


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths by month.

    Parameters
    ----------
    first : number of the first month, 12 times the year plus the month from 0
    years : time since the first month, shape (months,)
    growth : logarithm of real capacity, shape (industries, months)
    busy : change of utilisation by industry, season and shocks included, shape (industries, months)
    region : change of utilisation by region, shape (regions, months)
    price : deflator, 1 on average over the first year, shape (industries, months)
    idle, inventories, margin : over-capacity's change of utilisation, of inventories (relative) and of the margin,
        each of shape (industries, months)
    investment : factor on investment, shape (industries, months)
    """

    first: int
    years: NDArray[np.float64]
    growth: NDArray[np.float64]
    busy: NDArray[np.float64]
    region: NDArray[np.float64]
    price: NDArray[np.float64]
    idle: NDArray[np.float64]
    inventories: NDArray[np.float64]
    margin: NDArray[np.float64]
    investment: NDArray[np.float64]


def month_of(text: str) -> int:
    """Number of a month: 12 times the year, plus the month from 0."""
    year, month = text.split("-")
    return int(year) * 12 + int(month) - 1


def draw_paths(truth: Truth, first: int, months: int, rng: np.random.Generator) -> Paths:
    """Draw the paths of an economy.

    Parameters
    ----------
    first : number of the first month
    months : 1 or more
    """
    shocks = truth.of("shocks")
    industries, regions = len(truth.industry), len(truth.region)
    codes = list(truth.industry)
    years = np.arange(months) / 12.0
    nation = _ar(rng, 1, months, **shocks["nation"])
    by_industry = _ar(rng, industries, months, **shocks["industry"])
    by_region = _ar(rng, regions, months, **shocks["region"])
    price_shock = _ar(rng, industries, months, **shocks["price"])
    loading = 0.6 + 0.8 * rng.random((industries, 1))
    phase = 2.0 * np.pi * rng.random((industries, 1))

    calendar = (first + np.arange(months)) % 12
    holiday = np.where(calendar == 1, -1.0, np.where(calendar == 0, -0.45, np.where(calendar == 11, 0.35, 0.1)))
    wave = np.cos(2.0 * np.pi * calendar / 12.0 + phase)
    season = truth.column("season")[:, None] * (0.75 * holiday + 0.35 * wave)
    epidemic = np.zeros(months)
    for text, effect in zip(shocks["epidemic"]["months"], shocks["epidemic"]["effect"], strict=True):
        if 0 <= month_of(text) - first < months:
            epidemic[month_of(text) - first] = effect

    growth = truth.column("growth")[:, None] / 100.0 * years
    idle, inventories, margin, price_fall = (np.zeros((industries, months)) for _ in range(4))
    investment = np.ones((industries, months))
    for one in truth.overcapacity:
        if one.industry not in codes:
            continue
        row, since = codes.index(one.industry), month_of(one.since) - first
        ramp = np.clip((np.arange(months) - since + 1) / one.ramp, 0.0, 1.0)
        idle[row] += one.utilisation * ramp
        inventories[row] += one.inventories * ramp
        margin[row] += one.margin * ramp
        price_fall[row] += one.price * ramp
        growth[row] += np.log1p(one.capacity) * ramp
        before = (np.arange(months) >= since - truth.settings["investment_lead"]) & (np.arange(months) < since)
        investment[row, before] *= 1.0 + one.investment_before
    price = np.exp(truth.column("price")[:, None] / 100.0 * years + price_shock + price_fall)
    price /= price[:, : min(12, months)].mean(axis=1, keepdims=True)
    busy = season + loading * nation + by_industry + epidemic[None, :]
    return Paths(first, years, growth, busy, by_region, price, idle, inventories, margin, investment)


def _ar(rng: np.random.Generator, series: int, months: int, rho: float, spread: float) -> NDArray[np.float64]:
    """First-order autoregressions, from their own long-run spread on, shape (series, months)."""
    noise = rng.standard_normal((series, months)) * spread
    path = np.empty((series, months))
    path[:, 0] = noise[:, 0] / np.sqrt(1.0 - rho**2)
    for t in range(1, months):
        path[:, t] = rho * path[:, t - 1] + noise[:, t]
    return path
