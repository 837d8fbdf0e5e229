"""How high the threshold has to be for a budget of false alarms: the whole rule run on drawn industries where nothing happens.

From the years that are learned from first, what ordinary movement looks like is estimated: memory of each signal, how far
the industries share it, how signals move together. Industries with the same movement and no over-capacity are drawn, and
watched by the same rule, learning errors included. The rate at which warnings open there, by threshold, is the curve from
which a budget for all industries together buys a threshold: the budget is shared out evenly, as Bonferroni's correction
would, and the run length of the rule for one industry is industries / budget years.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.programme.alerts.watch import Rule, forms, open_spells, watch

__all__ = ["Curve", "calibrate"]

Floats = NDArray[np.float64]

_YEARS = 6_000
"""Industry-years that are drawn."""


@dataclass(frozen=True, slots=True)
class Curve:
    """False alarms by threshold.

    Parameters
    ----------
    thresholds : ascending
    rates : warnings opened per industry and year, never rising
    industries : how many are watched
    years : industry-years drawn
    """

    thresholds: Floats
    rates: Floats
    industries: int
    years: float

    def threshold(self, per_year: float) -> float:
        """Threshold for a budget of false alarms a year over all industries together."""
        wanted = np.log(per_year / self.industries)
        known = self.rates > 0
        rates, places = np.log(self.rates[known]), self.thresholds[known]
        if not known.any() or wanted < rates[-1]:
            return float(places[-1] if known.any() else self.thresholds[0])
        return float(np.interp(-wanted, -rates, places))


def _memory(left: Floats) -> Floats:
    """Pooled first-order autoregression of each signal, (signals,), from (n, signals, t)."""
    pair = np.isfinite(left[..., 1:]) & np.isfinite(left[..., :-1])
    product = np.where(pair, np.nan_to_num(left[..., 1:]) * np.nan_to_num(left[..., :-1]), 0).sum(axis=(0, 2))
    square = np.where(pair, np.nan_to_num(left[..., :-1]) ** 2, 0).sum(axis=(0, 2))
    count = np.maximum(np.isfinite(left).sum(axis=2).max(axis=0), 4)
    phi = product / np.where(square > 0, square, 1.0)
    return np.asarray(np.clip(phi + (1 + 4 * phi) / count, 0.0, 0.95))


def _memories(left: Floats) -> Floats:
    """Memory of each series, (n, signals): its own estimate drawn towards the pooled one by how much of the spread is noise."""
    pooled = _memory(left)
    each = np.stack([_memory(left[i : i + 1]) for i in range(len(left))])
    noise = (1 - pooled**2) / np.maximum(np.isfinite(left).sum(axis=2).max(axis=0), 4)
    seen = np.isfinite(left).sum(axis=2) > 8
    apart = np.where(seen, (each - pooled) ** 2, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    keep = np.clip(1 - noise / np.maximum(apart, 1e-12), 0.0, 1.0)
    return np.asarray(np.where(seen, np.clip(pooled + keep * (each - pooled), 0.0, 0.95), pooled))


def _deseasoned(x: Floats, period: int) -> Floats:
    """Departures from the mean of each month of the season."""
    out = x.copy()
    for month in range(period):
        part = x[..., month::period]
        known = np.isfinite(part)
        mean = np.where(known, part, 0).sum(axis=-1, keepdims=True) / np.maximum(known.sum(axis=-1, keepdims=True), 1)
        out[..., month::period] = part - mean
    return out


def _spread(x: Floats) -> Floats:
    """Root mean square over the last axis, missing readings left out; 0 where there are none."""
    known = np.isfinite(x)
    return np.asarray(np.sqrt((np.where(known, x, 0.0) ** 2).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)))


def _together(left: Floats, phi: Floats) -> Floats:
    """Correlation of the one-step errors of the signals, a little shrunk, (signals, signals)."""
    errors = left[..., 1:] - phi[:, None] * left[..., :-1]
    flat = errors.transpose(0, 2, 1).reshape(-1, errors.shape[1])
    flat = flat[np.isfinite(flat).all(axis=1)]
    k = flat.shape[1]
    if len(flat) < 4 * k:
        return np.eye(k)
    sd = flat.std(axis=0)
    good = sd > 0
    corr = np.eye(k)
    corr[np.ix_(good, good)] = np.corrcoef(flat[:, good].T) if good.sum() > 1 else 1.0
    return np.asarray(0.95 * corr + 0.05 * np.eye(k))


def _draw(rng: np.random.Generator, n: int, t: int, phi: Floats, corr: Floats) -> Floats:
    """Autoregressions of unit spread whose errors move together, (n, signals, t); `phi` (signals,) or (n, signals)."""
    k = phi.shape[-1]
    root = np.linalg.cholesky(corr)
    shocks = rng.normal(0, 1, (n, t, k)) @ root.T
    out = np.empty((n, t, k))
    out[:, 0] = shocks[:, 0]
    carry, fresh = phi, np.sqrt(1 - phi**2)
    for j in range(1, t):
        out[:, j] = carry * out[:, j - 1] + fresh * shocks[:, j]
    return out.transpose(0, 2, 1)


def calibrate(
    charted: Floats, weights: Floats, group: NDArray[np.int64], period: int, rule: Rule, rng: np.random.Generator
) -> Curve:
    """The curve of false alarms for industries such as these.

    Parameters
    ----------
    charted : (n, signals, t), bad upwards; only what is learned from first, and a year more, is looked at
    weights, group, period, rule : as for `watch`
    rng : source of all randomness
    """
    n, k, t = charted.shape
    first = rule.first(period)
    past = _deseasoned(charted[..., : first + period], period)
    shared = n >= rule.others
    length = max(t, first + 8 * period)
    years = (length - first) / period
    reps = int(np.clip(np.ceil(_YEARS / (n * years)), 1, 4000))
    absent = ~np.isfinite(charted[..., : first + period]).any(axis=2)
    if shared:
        seen = np.isfinite(past).any(axis=0)
        middle = np.full(past.shape[1:], np.nan)
        middle[seen] = np.nanmedian(past[:, seen], axis=0)
        own = past - middle
        each = _spread(own)
        each[each == 0] = np.nan
        some = np.isfinite(each).any(axis=0)
        typical = np.full(k, np.nan)
        typical[some] = np.nanmedian(each[:, some], axis=0)
        ratio = np.clip(np.nan_to_num(_spread(middle) / typical), 0.0, 3.0)
        phi_all = _memory(middle[None])
        phi_own, corr_all = _memories(own), _together(middle[None], phi_all)
        corr_own = _together(own, _memory(own))
    else:
        phi_own, corr_own = _memories(past), _together(past, _memory(past))
    drawn = _draw(rng, reps * n, length, np.tile(phi_own, (reps, 1)), corr_own).reshape(reps, n, k, length)
    if shared:
        drawn = drawn + (ratio[:, None] * _draw(rng, reps, length, phi_all, corr_all))[:, None]
    drawn[:, absent] = np.nan
    both = (
        [forms(one, rule) for one in drawn]
        if shared
        else [forms(one[None], rule) for one in drawn.reshape(-1, k, length)]
    )
    watched = watch(np.concatenate(both), weights, group, period, rule)
    thresholds = np.arange(0.1, rule.cap, 0.02)
    total = n * reps * years
    rates = np.array([len(open_spells(watched.pressure, watched.groups, one, rule)) for one in thresholds]) / total
    return Curve(thresholds, np.minimum.accumulate(rates), n, total)
