"""The model under every outlook: a trend whose slope may change and fade, seen through errors of known and unknown size.

On the transformed scale (see `figures`) an indicator moves as

    x(t) = level + integral of slope + random walk,        slope: Ornstein-Uhlenbeck around 0 (a damped local trend)
    y_i  = x(t_i) + error of stated size + error of unknown size

with a flat prior on the level. The spread of the slope (`S` a year), the random walk against it, the rate at which the
slope is forgotten and the unknown error are not estimated and then believed, as few values carry them badly: they run
over a grid, and each combination counts by its restricted likelihood (Harville 1977). The forecast is the mixture of
normals that results, whose tails are wider than normal as a t distribution's are, and the more so the fewer the values.

Sources: Gardner and McKenzie (1985) for the damped trend; Harvey (1989), ch. 2 and 6, for trend models in continuous
time; Rasmussen and Williams (2006), ch. 2 and 5, for the algebra. Nothing is random: the same values give the same
forecast. Coverage is measured in `backtest`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["Mixture", "Trend"]

Array: TypeAlias = NDArray[np.float64]

_SIZES = np.exp(np.linspace(-np.log(8.0), np.log(8.0), 9))
_SIZE_WEIGHTS = np.exp(-0.5 * ((np.log(_SIZES) - np.log(0.7)) / 0.6) ** 2)
_WALKS = np.array([0.05, 0.15, 0.4, 1.0])
_FORGETTING = np.array([0.003, 0.03, 0.2])
_ERRORS = np.array([0.0, 0.2, 0.6])
_LEAST = 1e-5


def _grid() -> tuple[Array, Array, Array, Array, Array]:
    size, walk, forget, error = (
        grid.ravel() for grid in np.meshgrid(_SIZES, _WALKS, _FORGETTING, _ERRORS, indexing="ij")
    )
    weight = np.broadcast_to(_SIZE_WEIGHTS[:, None, None, None], (9, 4, 3, 3)).ravel()
    return size, walk, forget, error, weight / weight.sum()


_SIZE, _WALK, _FORGET, _ERROR, _WEIGHT = _grid()


@dataclass(frozen=True, slots=True)
class Mixture:
    """A forecast: for each of m figures a mixture of g normals.

    Parameters
    ----------
    weights : share of each normal, (g,)
    means : (g, m)
    sds : standard deviations, (g, m)
    """

    weights: Array
    means: Array
    sds: Array

    def below(self, limits: Array) -> Array:
        """Probability that each figure is below its limit.

        Parameters
        ----------
        limits : (m,)

        Returns
        -------
        ndarray
            (m,), 0..1
        """
        gap = limits[None, :] - self.means
        sharp = np.where(gap >= 0, 1.0, 0.0)
        found = np.where(self.sds > 0, ndtr(gap / np.where(self.sds > 0, self.sds, 1.0)), sharp)
        return np.asarray(self.weights @ found, dtype=np.float64)

    def quantiles(self, shares: Array) -> Array:
        """Quantiles of each figure, by bisection to 1e-11 of the spread.

        Parameters
        ----------
        shares : wanted probabilities, (q,)

        Returns
        -------
        ndarray
            (q, m)
        """
        kept = self.weights > 1e-9  # what is left out moves no quantile in print
        slim = Mixture(self.weights[kept] / self.weights[kept].sum(), self.means[kept], self.sds[kept])
        low = np.min(slim.means - 8.0 * slim.sds, axis=0)
        high = np.max(slim.means + 8.0 * slim.sds, axis=0)
        lows = np.broadcast_to(low, (len(shares), len(low))).copy()
        highs = np.broadcast_to(high, (len(shares), len(high))).copy()
        for _ in range(40):
            middle = 0.5 * (lows + highs)
            under = np.stack([slim.below(row) for row in middle])
            less = under < shares[:, None]
            lows, highs = np.where(less, middle, lows), np.where(less, highs, middle)
        return np.asarray(0.5 * (lows + highs), dtype=np.float64)

    @property
    def mean(self) -> Array:
        """Mean of each figure, (m,)."""
        return np.asarray(self.weights @ self.means, dtype=np.float64)

    @property
    def variance(self) -> Array:
        """Variance of each figure, (m,)."""
        spread = self.sds**2 + (self.means - self.mean[None, :]) ** 2
        return np.asarray(self.weights @ spread, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Trend:
    """Values of one series on the transformed scale, and what they say about its movement.

    Parameters
    ----------
    times : in years, ascending, all different, (n,), n at least 2
    values : on the transformed scale, (n,)
    errors : standard deviations of the stated errors, (n,)
    """

    times: Array
    values: Array
    errors: Array
    scale: float
    weights: Array

    @classmethod
    def of(cls, times: Array, values: Array, errors: Array) -> Trend:
        """Weigh the grid by what the values say.

        Raises
        ------
        ValueError : with fewer than two values, or times that do not ascend

        Examples
        --------
        >>> found = Trend.of(np.arange(6.0), np.array([0, 1.1, 1.9, 3.0, 4.1, 5.0]), np.zeros(6))
        >>> low, middle, high = found.forecast(np.array([7.0])).quantiles(np.array([0.025, 0.5, 0.975]))[:, 0]
        >>> bool(low < 6.8 < high), round(float(middle), 1)
        (True, 6.9)
        """
        times, values, errors = (np.asarray(one, dtype=np.float64) for one in (times, values, errors))
        if len(times) < 2 or not (np.diff(times) > 0).all():
            raise ValueError("a trend needs two values or more, at ascending times")
        steps, spans = np.diff(values), np.diff(times)
        scale = max(float(np.sqrt((steps**2).sum() / (spans**2).sum())), float(errors.max()) / 10, _LEAST)
        made = cls(times, values, errors, scale, _WEIGHT)
        chol, ones, _, left, precision = made._solved(errors)
        logdet = 2.0 * np.log(np.diagonal(chol, axis1=1, axis2=2)).sum(axis=1)
        quadratic = (left**2).sum(axis=1) - (ones * left).sum(axis=1) ** 2 / precision
        score = np.log(_WEIGHT) - 0.5 * (logdet + np.log(precision) + quadratic)
        weights = np.exp(score - score.max())
        return cls(times, values, errors, scale, weights / weights.sum())

    def forecast(self, times: Array, combine: Array | None = None, *, published: bool = True) -> Mixture:
        """Figures at other times, or sums of them.

        Parameters
        ----------
        times : in years, (k,)
        combine : rows of factors on the values at those times, (m, k); each time by itself when absent. A difference
            between two times is the row (1, -1)
        published : whether the error with which such a figure will be published is part of it, beside what is true

        Returns
        -------
        Mixture
            of m figures
        """
        return self._predict(times, combine, self.errors, published=published)

    def parts(self, times: Array, combine: Array | None, revision: Array) -> dict[str, Array]:
        """Standard deviation of the forecast by where it comes from.

        Parameters
        ----------
        times, combine : as for `forecast`
        revision : standard deviations of the revisions that are part of the stated errors, (n,)

        Returns
        -------
        dict
            `forecast`: with all past values exact; `revision` and `sampling`: what each adds, as the root of the
            variance added; (m,) each. Their squares add up to the variance of the whole.
        """
        whole = self._predict(times, combine, self.errors, published=True)
        within = self.weights @ whole.sds**2
        none, revised = (
            self.weights @ self._predict(times, combine, errors, published=True).sds ** 2
            for errors in (np.zeros_like(self.errors), np.minimum(revision, self.errors))
        )
        between = whole.variance - within  # what is not known of the spreads themselves belongs to the forecast
        return {
            "forecast": np.sqrt(np.maximum(none + between, 0.0)),
            "revision": np.sqrt(np.maximum(revised - none, 0.0)),
            "sampling": np.sqrt(np.maximum(within - revised, 0.0)),
        }

    def _predict(self, times: Array, combine: Array | None, errors: Array, *, published: bool) -> Mixture:
        times = np.asarray(times, dtype=np.float64)
        rows = np.eye(len(times)) if combine is None else np.asarray(combine, dtype=np.float64)
        chol, ones, _, left, precision = self._solved(errors)
        level = (ones * left).sum(axis=1) / precision  # (g,)
        cross = self._movement(times, self.times)  # (g, k, n)
        half = _forward(chol, np.swapaxes(cross, 1, 2))  # (g, n, k)
        means = level[:, None] + np.einsum("gnk,gn->gk", half, left - ones * level[:, None])
        missed = 1.0 - np.einsum("gnk,gn->gk", half, ones)  # (g, k)
        spread = self._movement(times, times) - np.einsum("gnk,gnl->gkl", half, half)
        spread = spread + missed[:, :, None] * missed[:, None, :] / precision[:, None, None]
        if published:
            new = (times > self.times[-1] + 1e-9).astype(np.float64)
            unknown = (_ERROR * _SIZE * self.scale) ** 2
            spread = spread + (unknown[:, None] * new + float(np.median(errors)) ** 2 * new)[:, :, None] * np.eye(
                len(times)
            )
        variance = np.einsum("mk,gkl,ml->gm", rows, spread, rows)
        return Mixture(self.weights, means @ rows.T, np.sqrt(np.maximum(variance, 0.0)))

    def _solved(self, errors: Array) -> tuple[Array, Array, Array, Array, Array]:
        n = len(self.times)
        unknown = (_ERROR * _SIZE * self.scale) ** 2
        noise = errors[None, :] ** 2 + unknown[:, None] + (1e-6 * self.scale) ** 2
        whole = self._movement(self.times, self.times) + noise[:, :, None] * np.eye(n)
        chol = np.asarray(np.linalg.cholesky(whole), dtype=np.float64)
        right = np.stack([np.ones(n), self.values - self.values[-1]], axis=1)
        both = _forward(chol, np.broadcast_to(right, (len(chol), n, 2)))
        ones, left = both[:, :, 0], both[:, :, 1] + both[:, :, 0] * self.values[-1]
        return chol, ones, whole, left, (ones**2).sum(axis=1)

    def _movement(self, a: Array, b: Array) -> Array:
        """Covariance of the movement since the first time, (g, len(a), len(b))."""
        first = self.times[0]
        s, t = (a - first)[:, None], (b - first)[None, :]
        same = (np.sign(s) == np.sign(t)).astype(np.float64)
        least = np.minimum(np.abs(s), np.abs(t)) * same  # a walk that runs both ways from the first time
        walk = least[None, :, :]
        k = _FORGET[:, None, None]
        slope = (
            2.0 * k * walk + np.exp(-k * np.abs(s)) + np.exp(-k * np.abs(t)) - 1.0 - np.exp(-k * np.abs(s - t))
        ) / k**2
        size = (_SIZE * self.scale)[:, None, None] ** 2
        return np.asarray(size * (slope + (_WALK**2)[:, None, None] * walk), dtype=np.float64)


def _forward(chol: Array, right: Array) -> Array:
    """Solve L z = r for each of g lower triangles, (g, n, n) and (g, n, k)."""
    n = chol.shape[1]
    solved = np.empty_like(right, dtype=np.float64)
    for i in range(n):
        rest = right[:, i, :] - np.einsum("gj,gjk->gk", chol[:, i, :i], solved[:, :i, :])
        solved[:, i, :] = rest / chol[:, i, i, None]
    return solved
