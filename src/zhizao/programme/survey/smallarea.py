"""Small areas: direct estimates pulled towards a regression as far as their variances say (Fay and Herriot 1979).

The direct estimate of area i is x_i'b + v_i + e_i, with v of unknown variance A between areas and e of the known
sampling variance. A comes from REML, ML, the moments of Prasad and Rao, or Fay and Herriot's own equation; the mean
squared error counts what estimating b and A costs (Rao and Molina 2015, ch. 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from zhizao.errors import InputError
from zhizao.programme.survey.columns import Column, Floats, numbers
from zhizao.programme.survey.estimates import EstimateRow

__all__ = ["Method", "SmallAreas", "fay_herriot", "small_area_rows"]

Method = Literal["reml", "ml", "moment", "fay_herriot"]


@dataclass(frozen=True, slots=True)
class SmallAreas:
    """Estimates of small areas.

    Parameters
    ----------
    estimate : empirical best linear unbiased predictor, shape (m,)
    mse : estimated mean squared error, shape (m,)
    gamma : weight of the direct estimate, 0..1, shape (m,)
    slope, slope_se : regression and its standard errors, shape (p,)
    between : variance A between areas beyond the regression
    method : how A was estimated
    iterations : steps until it stood still
    """

    estimate: Floats
    mse: Floats
    gamma: Floats
    slope: Floats
    slope_se: Floats
    between: float
    method: Method
    iterations: int


def fay_herriot(direct: Column, variance: Column, x: Floats, *, method: Method = "reml") -> SmallAreas:
    """Empirical best predictor of each area, with its mean squared error.

    Parameters
    ----------
    direct : direct estimates, NaN for an area without a sample, shape (m,)
    variance : their sampling variances, above 0, NaN where there is no sample, shape (m,)
    x : regressors, a constant among them, shape (m, p)
    method : how the variance between areas is estimated

    Raises
    ------
    InputError : on variances not above 0, collinear regressors, or no more sampled areas than regressors

    Notes
    -----
    Mean squared error: g1 + g2 + 2 g3 for REML and the moments of Prasad and Rao (1990); for ML less the bias of A times
    the slope of g1, and so for Fay and Herriot's equation (Datta and Lahiri 2000; Datta, Rao and Smith 2005). An area
    without a sample has the regression's value, and A + x'V(b)x.

    Examples
    --------
    >>> found = fay_herriot([1.0, 2.0, 2.9, 4.2, 5.1], [0.01] * 5, np.column_stack([np.ones(5), np.arange(5.0)]))
    >>> found.estimate.shape, bool((found.gamma <= 1).all())
    ((5,), True)
    """
    y = numbers(direct, "direct estimates", missing=True)
    d = numbers(variance, "sampling variances", rows=len(y), missing=True)
    sampled = np.isfinite(y) & np.isfinite(d)
    if x.ndim != 2 or len(x) != len(y) or not np.isfinite(x).all():
        raise InputError(
            f"regressors have shape {x.shape} for {len(y)} areas, or hold missing values",
            where="x",
            fix="give one complete row an area",
            code="wrong_length",
        )
    if (d[sampled] <= 0).any():
        at = int(np.flatnonzero(sampled)[np.argmax(d[sampled] <= 0)])
        raise InputError(
            f"the sampling variance of area {at + 1} is {d[at]:g}",
            where="sampling variances",
            fix="smooth the variances first, or leave out areas that were counted in full",
            code="bad_variance",
        )
    ys, ds, xs = y[sampled], d[sampled], x[sampled]
    m, p = xs.shape
    if m <= p or np.linalg.matrix_rank(xs) < p:
        raise InputError(
            f"{m} sampled areas cannot hold {p} regressors, or these are collinear",
            where="x",
            fix="use fewer regressors",
            code="singular",
        )
    between, iterations = _between(ys, ds, xs, method)
    total = between + ds
    bread = np.linalg.inv((xs / total[:, None]).T @ xs)
    slope = bread @ (xs.T @ (ys / total))
    gamma = np.zeros(len(y))
    gamma[sampled] = between / total
    fitted = x @ slope
    estimate = fitted + gamma * np.where(sampled, np.nan_to_num(y) - fitted, 0.0)
    spread = np.einsum("ij,jk,ik->i", x, bread, x)
    mse = between + spread  # of an area without a sample
    g1 = gamma[sampled] * ds
    g2 = (1 - gamma[sampled]) ** 2 * spread[sampled]
    weight1, weight2 = (1 / total).sum(), (1 / total**2).sum()
    variance_of_between = {
        "reml": 2 / weight2,
        "ml": 2 / weight2,
        "moment": 2 * (total**2).sum() / m**2,
        "fay_herriot": 2 * m / weight1**2,
    }[method]
    g3 = ds**2 / total**3 * variance_of_between
    bias = 0.0
    if method == "ml":
        bias = -np.trace(bread @ ((xs / total[:, None] ** 2).T @ xs)) / weight2
    elif method == "fay_herriot":
        bias = 2 * (m * weight2 - weight1**2) / weight1**3
    mse[sampled] = g1 + g2 + 2 * g3 - bias * (1 - gamma[sampled]) ** 2
    return SmallAreas(estimate, mse, gamma, slope, np.sqrt(np.diag(bread)), between, method, iterations)


def small_area_rows(
    rows: Sequence[EstimateRow], known: Mapping[str, Sequence[float]], *, method: Method = "reml", level: float = 0.95
) -> list[EstimateRow]:
    """Small-area estimates from the direct estimates of one thing.

    Parameters
    ----------
    rows : direct estimates, one a domain
    known : domain to what is known of it beside the sample; a constant is added
    method : how the variance between areas is estimated
    level : confidence, 0..1

    Returns
    -------
    list of EstimateRow
        One a domain of `known`, in its order; `se` is the root of the mean squared error, the interval normal. A domain
        without a sample, or of which the sample tells no variance, has the regression's value. A domain that was counted
        in full (standard error 0) stays as it is and takes no part.

    Raises
    ------
    InputError : when a domain of the rows is not known, or the regression cannot be fitted

    Examples
    --------
    >>> from zhizao.programme.survey import Design, total
    >>> direct = total(Design.of([2.0] * 8), [1.0, 2, 3, 5, 4, 6, 9, 9], by=list("aabbccdd"))
    >>> made = small_area_rows(direct.rows(), {"a": [1.0], "b": [2.0], "c": [3.0], "d": [4.0], "e": [5.0]})
    >>> [row["domain"] for row in made], made[4]["n"]
    (['a', 'b', 'c', 'd', 'e'], 0)
    """
    found = {row["domain"]: row for row in rows}
    lost = [domain for domain in found if domain not in known]
    if lost:
        raise InputError(
            f"nothing is known of {', '.join(lost[:5])}{' ...' if len(lost) > 5 else ''}",
            where="areas",
            fix="give each area of the sample a row",
            code="unknown_area",
        )
    if not rows:
        return []
    counted = {domain for domain, row in found.items() if row["se"] == 0 and row["estimate"] is not None}
    names = [domain for domain in known if domain not in counted]

    def told(domain: str, key: Literal["estimate", "se"]) -> float:
        row = found.get(domain)
        value = None if row is None or row["se"] is None else row[key]
        return float("nan") if value is None else value

    x = np.array([[1.0, *known[domain]] for domain in names], dtype=np.float64).reshape(len(names), -1)
    # columns of like size, so that none is taken for collinear because it is large
    x /= np.maximum(np.abs(x).max(axis=0, initial=0.0), 1e-300)
    y = np.array([told(domain, "estimate") for domain in names])
    se = np.array([told(domain, "se") for domain in names])
    unit = float(np.nanmedian(se)) if np.isfinite(se).any() else 1.0
    made = fay_herriot(y / unit, (se / unit) ** 2, x, method=method)
    z = float(norm.ppf(0.5 + level / 2))
    first = rows[0]
    out = {domain: found[domain] for domain in counted}
    for i, domain in enumerate(names):
        value, error = float(made.estimate[i]) * unit, float(np.sqrt(max(made.mse[i], 0.0))) * unit
        out[domain] = EstimateRow(
            what=f"{first['what']}, small area",
            domain=domain,
            estimate=value,
            se=error,
            low=value - z * error,
            high=value + z * error,
            df=None,
            deff=None,
            n=found[domain]["n"] if domain in found else 0,
            design=first["design"],
            interval=f"{level:.0%} normal interval from the mean squared error",
            method=f"Fay-Herriot, {method}, {x.shape[1] - 1} regressors; weight of the direct estimate {made.gamma[i]:.2f}",
        )
    return [{**out[domain], "what": f"{first['what']}, small area"} for domain in known if domain in out]


def _between(y: Floats, d: Floats, x: Floats, method: Method) -> tuple[float, int]:
    """Variance between areas, and the steps that it took."""
    m, p = x.shape

    def residuals(a: float) -> tuple[Floats, Floats, Floats]:
        v = 1 / (a + d)
        bread = np.linalg.inv((x * v[:, None]).T @ x)
        return v, np.asarray(bread, dtype=np.float64), y - x @ (bread @ (x.T @ (v * y)))

    if method == "moment":
        hat = np.einsum("ij,jk,ik->i", x, np.linalg.inv(x.T @ x), x)
        rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        return max(0.0, float((rest @ rest - (d * (1 - hat)).sum()) / (m - p))), 0
    if method == "fay_herriot":

        def gap(a: float) -> float:
            v, _, rest = residuals(a)
            return float((v * rest**2).sum() - (m - p))

        if gap(0.0) <= 0:
            return 0.0, 0
        top = float(np.var(y) + d.max())
        while gap(top) > 0:
            top *= 2
        found, report = brentq(gap, 0.0, top, xtol=1e-14, rtol=1e-13, full_output=True)
        return float(found), int(report.iterations)

    def score(a: float) -> tuple[float, float, float]:
        """Slope of the log likelihood, the Fisher information, and the log likelihood."""
        v, bread, rest = residuals(a)
        likelihood = 0.5 * np.log(v).sum() - 0.5 * (v * rest**2).sum()
        first = -0.5 * v.sum() + 0.5 * (v**2 * rest**2).sum()
        information = 0.5 * (v**2).sum()
        if method == "reml":
            inner = (x * v[:, None] ** 2).T @ x
            product = bread @ inner
            first += 0.5 * np.trace(product)
            information += -np.trace(bread @ ((x * v[:, None] ** 3).T @ x)) + 0.5 * np.trace(product @ product)
            likelihood += 0.5 * float(np.linalg.slogdet(bread)[1])
        return float(first), float(information), float(likelihood)

    a = float(np.median(d))
    for step in range(1, 201):
        first, information, likelihood = score(a)
        move = first / information
        tried = max(0.0, a + move)
        while tried != a and score(tried)[2] < likelihood - 1e-12 and abs(tried - a) > 1e-15:
            tried = (tried + a) / 2
        if abs(tried - a) <= 1e-12 * (1 + a):
            return tried, step
        a = tried
    return a, 200
