"""Generated panels with known effects."""

from __future__ import annotations

import numpy as np

from zhizao.programme.effect import NEVER, Panel

__all__ = ["draw", "true_overall"]

COHORTS = (3, 5)


def draw(
    rng: np.random.Generator,
    *,
    units: int = 120,
    periods: int = 8,
    effect: float = 1.0,
    growth: float = 0.5,
    drift: float = 0.0,
    noise: float = 1.0,
    never: float = 0.5,
    cohorts: tuple[int, ...] = COHORTS,
    cluster: int = 1,
) -> Panel:
    """Units with own levels, common shocks, noise that lasts, and an effect that grows after joining.

    Those that join drift apart from the others by `drift` a period, which breaks what the methods need.
    """
    share = (1 - never) / len(cohorts)
    joined = rng.choice([*cohorts, NEVER], units // cluster, p=[*[share] * len(cohorts), never]).repeat(cluster)
    n = len(joined)
    error = np.zeros((n, periods))
    shock = rng.normal(0, noise, (n, periods)) + rng.normal(0, noise, (n // cluster, periods)).repeat(cluster, 0) * (
        cluster > 1
    )
    for t in range(periods):
        error[:, t] = 0.6 * (error[:, t - 1] if t else 0) + shock[:, t]
    since = np.arange(periods)[None, :] - np.where(joined == NEVER, 10**6, joined)[:, None]
    path = np.where(since >= 0, effect * (1 + growth * since), 0.0)
    y = rng.normal(0, 2, (n, 1)) + rng.normal(0, 1, periods) + error + path
    y += drift * np.arange(periods) * (joined != NEVER)[:, None]
    groups = np.arange(n // cluster).repeat(cluster)
    return Panel(tuple(f"e{i}" for i in range(n)), tuple(range(2015, 2015 + periods)), y, joined, groups)


def true_overall(effect: float = 1.0, growth: float = 0.5, periods: int = 8) -> float:
    """Effect over equally large cohorts and all their periods after joining."""
    return float(np.mean([effect * (1 + growth * k) for g in COHORTS for k in range(periods - g)]))
