"""Values that are far from those of like enterprises: against the month before, by ratios, and several ratios at once.

Hidiroglou and Berthelot (1986) judge the change of a value by its size as well: a doubling of a large figure says more
than one of a small figure. Ratio cells judge the logarithm of a ratio by median and median absolute deviation. The
minimum covariance determinant (Rousseeuw and Van Driessen, 1999; from fixed starts as by Hubert, Rousseeuw and
Verdonck, 2012) judges several ratios together, so that a return is found whose parts are each usual but do not fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from zhizao.errors import InputError
from zhizao.programme.editing.cells import Cells, robust
from zhizao.programme.editing.returns import Returns
from zhizao.programme.items import item_keys, items

__all__ = [
    "RATIOS",
    "HidiroglouBerthelot",
    "Multivariate",
    "hb_bounds",
    "hb_scores",
    "mcd",
    "period_outliers",
    "ratio_outliers",
    "several_at_once",
]

Floats = NDArray[np.float64]

COUNTED = ("people", "patents", "processes", "batches", "pieces")
FEW = 20
LEAST_CHANGE = 0.02
"""Quartile distances are taken for at least that of a change of so much."""

RATIOS = (
    ("output_cny", "employees"),
    ("revenue_cny", "output_cny"),
    ("value_added_cny", "output_cny"),
    ("materials_cny", "output_cny"),
    ("wages_cny", "employees"),
    ("energy_tce", "output_cny"),
    ("electricity_kwh", "energy_tce"),
    ("co2_t", "energy_tce"),
    ("water_m3", "output_cny"),
    ("assets_cny", "output_cny"),
    ("capacity_cny", "output_cny"),
    ("products_made", "output_cny"),
)
"""Ratios whose parts belong together."""


@dataclass(frozen=True, slots=True)
class HidiroglouBerthelot:
    """Parameters of the method.

    Parameters
    ----------
    u : how much size counts, 0..1
    a : least distance of the bounds from the middle, as a share of it
    c : width of the bounds in quartile distances, above 0
    """

    u: float = 0.4
    a: float = 0.05
    c: float = 20.0

    def __post_init__(self) -> None:
        """Refuse parameters that mean nothing."""
        if not (0 <= self.u <= 1 and self.a >= 0 and self.c > 0):
            raise InputError(
                f"Hidiroglou-Berthelot with U = {self.u}, A = {self.a}, C = {self.c}",
                fix="U lies in 0..1, A is at least 0, C above 0",
            )


def hb_scores(now: Floats, before: Floats, middle: Floats | float, u: float) -> Floats:
    """Effect of each change: symmetric about the median ratio, times size to the power U; NaN where not both are above 0.

    Parameters
    ----------
    now, before : values of two periods, (rows,)
    middle : median of now / before in the cell of each row
    u : how much size counts

    Examples
    --------
    >>> hb_scores(np.array([10.0, 20.0]), np.array([10.0, 10.0]), 1.0, 0.5).round(3).tolist()
    [0.0, 4.472]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((now > 0) & (before > 0), now / before, np.nan)
        s = np.where(ratio < middle, 1 - middle / ratio, ratio / middle - 1)
        return s * np.maximum(now, before) ** u


def hb_bounds(effects: Floats, a: float, c: float) -> tuple[float, float]:
    """Bounds of the effects of one cell: the median less and plus C times the quartile distances.

    Examples
    --------
    >>> hb_bounds(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), 0.05, 4.0)
    (-4.0, 4.0)
    """
    low, mid, high = np.quantile(effects, [0.25, 0.5, 0.75])
    return (
        float(mid - c * max(mid - low, abs(a * mid))),
        float(mid + c * max(high - mid, abs(a * mid))),
    )


def period_outliers(returns: Returns, cells: Cells, how: HidiroglouBerthelot | None = None) -> Floats:
    """How far each change against last month lies beyond its bounds, in widths of the bounds, (rows, 40).

    Above 1 is an outlier; 0 where it cannot be judged. Cells with fewer than ten changes give way to wider ones.
    """
    how = how or HidiroglouBerthelot()
    beyond = np.zeros_like(returns.values)
    for j, item in enumerate(items().values()):
        now, before = returns.values[:, j], returns.last[:, j]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where((now > 0) & (before > 0), now / before, np.nan)
            if item.unit in COUNTED:  # one piece more is no change of a few pieces
                ratio[np.maximum(now, before) < FEW] = np.nan
        if np.count_nonzero(~np.isnan(ratio)) < 5:
            continue
        effects = hb_scores(now, before, cells.figure(ratio, _median), how.u)
        effects[np.isnan(ratio)] = np.nan
        mid = cells.figure(effects, _median)
        low = cells.figure(effects, lambda e: float(np.quantile(e, 0.25)))
        high = cells.figure(effects, lambda e: float(np.quantile(e, 0.75)))
        least = (
            LEAST_CHANGE * np.maximum(np.maximum(now, before), 0) ** how.u
        )  # where half of a cell did not change at all
        up = how.c * np.maximum(np.maximum(high - mid, np.abs(how.a * mid)), least)
        down = how.c * np.maximum(np.maximum(mid - low, np.abs(how.a * mid)), least)
        with np.errstate(divide="ignore", invalid="ignore"):
            beyond[:, j] = np.nan_to_num(np.where(effects > mid, (effects - mid) / up, (mid - effects) / down))
    return beyond


def _median(values: Floats) -> float:
    return float(np.median(values))


def ratio_outliers(returns: Returns, cells: Cells) -> tuple[Floats, Floats]:
    """Logarithms of `RATIOS` and their robust scores within cells, each (rows, ratios); NaN where a part is missing or 0."""
    keys = item_keys()
    logs = np.full((len(returns), len(RATIOS)), np.nan)
    scores = np.full_like(logs, np.nan)
    for r, (over, under) in enumerate(RATIOS):
        top, bottom = returns.values[:, keys.index(over)], returns.values[:, keys.index(under)]
        with np.errstate(divide="ignore", invalid="ignore"):
            logs[:, r] = np.where((top > 0) & (bottom > 0), np.log(top / bottom), np.nan)
        middle, spread = robust(cells, logs[:, r])
        scores[:, r] = (logs[:, r] - middle) / np.maximum(spread, 0.02)
    return logs, scores


@dataclass(frozen=True, slots=True, eq=False)
class Multivariate:
    """Robust place and shape of points.

    Parameters
    ----------
    centre : (variables,)
    covariance : consistent for normal points, (variables, variables)
    distance2 : squared robust distance of each point, (rows,)
    """

    centre: Floats
    covariance: Floats
    distance2: Floats


def mcd(points: Floats, share: float = 0.75, steps: int = 60) -> Multivariate:
    """Minimum covariance determinant from three fixed starts and concentration steps, reweighted once.

    Parameters
    ----------
    points : no NaN, at least five rows a variable, (rows, variables)
    share : of points that are taken as good, 0.5..1
    steps : most concentration steps a start

    Raises
    ------
    InputError : when there are too few points

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> points = np.vstack([rng.normal(size=(200, 2)), np.full((20, 2), 9.0)])
    >>> found = mcd(points)
    >>> bool((found.distance2[200:] > chi2.ppf(0.999, 2)).all()), int((found.distance2[:200] > chi2.ppf(0.999, 2)).sum())
    (True, 2)
    """
    n, p = points.shape
    if n < 5 * p:
        raise InputError(f"{n} points of {p} variables are too few", fix="give at least five points a variable")
    h = max(int(share * n), (n + p + 1) // 2)
    middle = np.median(points, axis=0)
    scale = np.maximum(1.4826 * np.median(np.abs(points - middle), axis=0), 1e-9)
    u = (points - middle) / scale
    starts = [
        np.argsort((u**2).sum(axis=1))[:h],
        np.argsort((np.tanh(u) ** 2).sum(axis=1))[:h],
        np.argsort(_ranked(u))[:h],
    ]
    best: tuple[float, Floats, Floats] | None = None
    for start in starts:
        centre, shape = u[start].mean(axis=0), np.cov(u[start].T).reshape(p, p)
        last = np.inf
        for _ in range(steps):
            near = np.argpartition(_distance2(u, centre, shape), h - 1)[:h]
            centre, shape = u[near].mean(axis=0), np.cov(u[near].T).reshape(p, p)
            size = float(np.linalg.slogdet(shape + 1e-12 * np.eye(p))[1])
            if size >= last - 1e-9:
                break
            last = size
        if best is None or last < best[0]:
            best = (last, centre, shape)
    assert best is not None
    _, centre, shape = best
    d2 = _distance2(u, centre, shape)
    shape = shape * (np.median(d2) / chi2.ppf(0.5, p))
    good = _distance2(u, centre, shape) <= chi2.ppf(0.975, p)
    cut = chi2.ppf(0.975, p)
    centre = u[good].mean(axis=0)
    shape = np.cov(u[good].T).reshape(p, p) * (0.975 / chi2.cdf(cut, p + 2))
    d2 = _distance2(u, centre, shape)
    return Multivariate(middle + centre * scale, shape * np.outer(scale, scale), d2)


def _ranked(u: Floats) -> Floats:
    """Distances by a covariance of normal scores, which no far point can pull."""
    ranks = np.argsort(np.argsort(u, axis=0), axis=0) + 0.5
    scores = norm.ppf(ranks / len(u))
    return _distance2(u, np.zeros(u.shape[1]), np.cov(scores.T).reshape(u.shape[1], -1))


def _distance2(u: Floats, centre: Floats, shape: Floats) -> Floats:
    shape = np.atleast_2d(shape)
    off = u - centre
    ridge = 1e-9 * max(float(np.trace(shape)) / len(shape), 1e-9)
    found: Floats = np.einsum("ij,ij->i", off, np.linalg.solve(shape + ridge * np.eye(len(shape)), off.T).T)
    return found


def several_at_once(scores: Floats, cells: Cells, level: float = 1e-5) -> tuple[Floats, NDArray[np.int64]]:
    """Returns whose ratios do not fit together: squared robust distance over its limit, and the ratio that weighs most.

    Parameters
    ----------
    scores : robust scores of the ratios within cells, (rows, ratios)
    cells : only the widest level is used, as scores are already relative to their cell
    level : share of good returns that would be flagged

    Returns
    -------
    tuple
        Distance over limit, 0 where a ratio is missing, (rows,); number of the ratio, (rows,).
    """
    beyond, which = np.zeros(len(scores)), np.zeros(len(scores), dtype=np.int64)
    used = np.flatnonzero((~np.isnan(scores)).mean(axis=0) > 0.5)
    if len(used) < 2:
        return beyond, which
    for begin, end in zip(cells.ptr[-1][:-1], cells.ptr[-1][1:], strict=True):
        rows = cells.order[-1][begin:end]
        rows = rows[~np.isnan(scores[np.ix_(rows, used)]).any(axis=1)]
        if len(rows) < max(50, 5 * len(used)):
            continue
        points = np.clip(scores[np.ix_(rows, used)], -50, 50)
        sample = rows[:: max(1, len(rows) // 20_000)]
        fitted = mcd(np.clip(scores[np.ix_(sample, used)], -50, 50))
        d2 = _distance2(points, fitted.centre, fitted.covariance)
        # heavier tails than a normal's: the limit is stretched to what the middle of these points shows
        stretch = max(1.0, float(np.quantile(d2, 0.9)) / float(chi2.ppf(0.9, len(used))))
        beyond[rows] = d2 / (stretch**2 * chi2.ppf(1 - level, len(used)))
        pull = np.abs((points - fitted.centre) / np.sqrt(np.diag(fitted.covariance)))
        which[rows] = used[np.argmax(pull, axis=1)]
    return beyond, which
