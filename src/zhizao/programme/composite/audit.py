"""What stands behind a scale and a group: who sets the ends of each indicator, and whether siblings tell one story."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.programme.composite.build import Built
from zhizao.programme.composite.structure import Floats
from zhizao.programme.composite.treat import kurtosis, skewness

__all__ = ["GroupAudit", "ScaleAudit", "audit_groups", "audit_scales", "correlations", "cronbach_alpha"]

COLLINEAR = 0.92
"""Correlation of siblings from which they count one thing twice (COINr's and JRC's usual line)."""
AGAINST = -0.4
"""Correlation of siblings below which one undoes the other."""
SILENT = 0.3
"""Correlation with its parent under which a child is not heard."""


@dataclass(frozen=True, slots=True)
class ScaleAudit:
    """How one indicator came to its scale.

    Parameters
    ----------
    code, method, direction : which, how, which way is better
    values, imputed : units with a value of their own, and units that were given one
    skewness, kurtosis : before treatment
    moved : points winsorised
    transformed : whether it was put on another scale
    worst_unit, best_unit : who set the ends
    worst, best : their values after treatment
    worst_hold, best_hold : share of the scale that stands between that end and the next unit; near 1, one unit makes it
    low, high : ends of the normalised values
    cut : units at or beyond a goalpost or target
    """

    code: str
    method: str
    direction: int
    values: int
    imputed: int
    skewness: float
    kurtosis: float
    moved: int
    transformed: bool
    worst_unit: str
    best_unit: str
    worst: float
    best: float
    worst_hold: float
    best_hold: float
    low: float
    high: float
    cut: int


@dataclass(frozen=True, slots=True)
class GroupAudit:
    """Whether the children of a group belong together.

    Parameters
    ----------
    code : of the group
    alpha : Cronbach's alpha of the normalised children; NaN for one child
    collinear : pairs correlated at 0.92 or more
    against : pairs correlated under -0.4
    silent : children correlated under 0.3 with the group
    """

    code: str
    alpha: float
    collinear: tuple[tuple[str, str, float], ...]
    against: tuple[tuple[str, str, float], ...]
    silent: tuple[tuple[str, float], ...]


def audit_scales(built: Built) -> tuple[ScaleAudit, ...]:
    """One row per indicator."""
    order = ("treated", "screened", "imputed", "denominated", "raw")
    after = next(built.stages[one] for one in order if one in built.stages).values
    before = next(built.stages[one] for one in order[1:] if one in built.stages)
    raw = built.stages["raw"]
    rows = [raw.units.index(name) for name in built.units.names]
    own = ~np.isnan(raw.values[rows])
    lifted = before.values if before.units == built.units.names else built.units.x
    skew, kurt = skewness(lifted), kurtosis(lifted)
    scores = built.stages["normalised"].values
    out = []
    for j, node in enumerate(built.structure.nodes[: built.structure.indicators]):
        turned = after[:, j] * node.direction
        there = np.flatnonzero(~np.isnan(turned))
        ranked = there[np.argsort(turned[there], kind="stable")]
        values = turned[ranked]
        width = values[-1] - values[0]
        low, high = float(np.nanmin(scores[:, j])), float(np.nanmax(scores[:, j]))
        cut = 0
        if built.steps.normalise in ("goalposts", "target"):
            cut = int(np.isin(scores[:, j], built.steps.bounds).sum())
        done = built.treatment
        out.append(
            ScaleAudit(
                code=node.code,
                method=built.steps.normalise,
                direction=node.direction,
                values=int(own[:, j].sum()),
                imputed=int((~own[:, j] & ~np.isnan(after[:, j])).sum()),
                skewness=float(skew[j]),
                kurtosis=float(kurt[j]),
                moved=int(done.moved[j]) if done else 0,
                transformed=bool(done.transformed[j]) if done else False,
                worst_unit=built.units.names[int(ranked[0])],
                best_unit=built.units.names[int(ranked[-1])],
                worst=float(after[ranked[0], j]),
                best=float(after[ranked[-1], j]),
                worst_hold=float((values[1] - values[0]) / width) if width > 0 and len(values) > 1 else 0.0,
                best_hold=float((values[-1] - values[-2]) / width) if width > 0 and len(values) > 1 else 0.0,
                low=low,
                high=high,
                cut=cut,
            )
        )
    return tuple(out)


def correlations(x: Floats) -> Floats:
    """Pearson correlations of columns over the units that have both; NaN for a constant column."""
    there = ~np.isnan(x)
    out = np.full((x.shape[1], x.shape[1]), np.nan)
    for i in range(x.shape[1]):
        for j in range(i, x.shape[1]):
            both = there[:, i] & there[:, j]
            a, b = x[both, i], x[both, j]
            if both.sum() > 2 and np.ptp(a) > 0 and np.ptp(b) > 0:
                a, b = a - a.mean(), b - b.mean()
                out[i, j] = out[j, i] = float((a @ b) / np.sqrt((a @ a) * (b @ b)))
    return out


def cronbach_alpha(x: Floats) -> float:
    """Cronbach's alpha of columns, over units that have all.

    Examples
    --------
    >>> round(cronbach_alpha(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])), 6)
    0.888889

    References
    ----------
    Cronbach 1951.
    """
    whole = x[~np.isnan(x).any(axis=1)]
    k = whole.shape[1]
    if k < 2 or len(whole) < 2:
        return float("nan")
    total = whole.sum(axis=1).var(ddof=1)
    return float(k / (k - 1) * (1 - whole.var(axis=0, ddof=1).sum() / total)) if total > 0 else float("nan")


def audit_groups(built: Built) -> tuple[GroupAudit, ...]:
    """One row per group, in the order of the structure."""
    out = []
    for group in built.structure.groups:
        at = [*group.children, group.at]
        names = [built.structure.nodes[j].code for j in group.children]
        r = correlations(built.scores[:, at])
        pairs = [(names[i], names[j], float(r[i, j])) for i in range(len(names)) for j in range(i + 1, len(names))]
        out.append(
            GroupAudit(
                code=group.code,
                alpha=cronbach_alpha(built.scores[:, list(group.children)]),
                collinear=tuple(one for one in pairs if one[2] >= COLLINEAR),
                against=tuple(one for one in pairs if one[2] < AGAINST),
                silent=tuple((names[i], float(r[i, -1])) for i in range(len(names)) if r[i, -1] < SILENT),
            )
        )
    return tuple(out)
