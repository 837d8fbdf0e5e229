"""Totals, means, ratios, shares and quantiles, overall and by domain, each with its standard error and interval.

Variances are those of the linearised variable (Särndal, Swensson and Wretman 1992, ch. 5): for a ratio R = Y/X it is
(y - R x)/X, in a domain it is zero outside. A `Replicates` in place of a `Design` takes the variance from the
replicates instead; the functions and results are the same.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.stats import norm, t

from zhizao.errors import InputError
from zhizao.programme.survey.columns import Column, Floats, Groups, Ints, groups, numbers, sums
from zhizao.programme.survey.design import Design, group_sums
from zhizao.programme.survey.estimates import Estimates
from zhizao.programme.survey.replicate import Replicates
from zhizao.programme.survey.skewness import leaning, skewness

__all__ = ["Freedom", "Scale", "mean", "proportion", "quantile", "ratio", "total"]

Freedom = Literal["satterthwaite", "design", "normal"]
"""Degrees of freedom of intervals: of the strata that carry the variance (Satterthwaite 1946); clusters less strata of
the domain, as R's `degf`; or infinitely many."""

Scale = Literal["t", "log", "skew"]
"""On which scale an interval is symmetric; `skew` leans to the side of the giants (`skewness`)."""

_WIDE = 4_000_000


def total(
    sample: Design | Replicates,
    y: Column,
    *,
    by: Column | Groups | None = None,
    what: str = "total",
    level: float = 0.95,
    freedom: Freedom = "satterthwaite",
    drop_missing: bool = False,
    interval: Scale = "t",
) -> Estimates:
    """Total of a variable, overall or in each domain.

    Parameters
    ----------
    sample : design or replicates
    y : variable, shape (n,)
    by : domain of each row; rows without one are left out
    what : name of the estimate
    level : confidence, 0..1
    freedom : degrees of freedom of the interval
    drop_missing : whether rows with a missing value are left out; refused otherwise
    interval : symmetric; or for what a few giants carry symmetric on the log scale, or leaning by the skewness found

    Examples
    --------
    >>> design = Design.of([5.0] * 4, fpc=[20] * 4)
    >>> found = total(design, [1.0, 2.0, 3.0, 4.0])
    >>> float(found.estimate[0]), float(found.se[0].round(4))
    (50.0, 11.547)
    """
    values, codes = _values(sample, y, by, drop_missing, "y")
    return _finish(sample, what, values, None, codes, level, freedom, interval)


def ratio(
    sample: Design | Replicates,
    y: Column,
    x: Column,
    *,
    by: Column | Groups | None = None,
    what: str = "ratio",
    level: float = 0.95,
    freedom: Freedom = "satterthwaite",
    drop_missing: bool = False,
    interval: Scale = "t",
) -> Estimates:
    """Ratio of two totals, overall or in each domain.

    Parameters
    ----------
    sample, by, what, level, freedom, drop_missing, interval : as in `total`
    y, x : numerator and denominator, shape (n,)

    Examples
    --------
    >>> design = Design.of([5.0] * 4, fpc=[20] * 4)
    >>> float(ratio(design, [1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0]).estimate[0])
    0.5
    """
    values, codes = _values(sample, y, by, drop_missing, "y")
    under, codes = _values(sample, x, codes, drop_missing, "x")
    return _finish(sample, what, values, under, codes, level, freedom, interval)


def mean(
    sample: Design | Replicates,
    y: Column,
    *,
    by: Column | Groups | None = None,
    what: str = "mean",
    level: float = 0.95,
    freedom: Freedom = "satterthwaite",
    drop_missing: bool = False,
    interval: Scale = "t",
) -> Estimates:
    """Mean of a variable, overall or in each domain; arguments as in `total`.

    Examples
    --------
    >>> mean(Design.of([1.0, 3.0]), [10.0, 20.0]).estimate
    array([17.5])
    """
    values, codes = _values(sample, y, by, drop_missing, "y")
    return _finish(sample, what, values, np.ones(sample.n), codes, level, freedom, interval)


def proportion(
    sample: Design | Replicates,
    flag: Column,
    *,
    by: Column | Groups | None = None,
    what: str = "proportion",
    level: float = 0.95,
    freedom: Freedom = "satterthwaite",
    drop_missing: bool = False,
    interval: Literal["logit", "t"] = "logit",
) -> Estimates:
    """Share of units with a property; its interval lies within 0..1.

    Parameters
    ----------
    sample, by, what, level, freedom, drop_missing : as in `total`
    flag : 0 or 1, shape (n,)
    interval : symmetric on the logit scale, or symmetric

    Raises
    ------
    InputError : on values other than 0 and 1

    Examples
    --------
    >>> found = proportion(Design.of([1.0] * 50), [1] + [0] * 49)
    >>> [float(found.low[0].round(3)), float(found.high[0].round(3))]
    [0.003, 0.137]
    """
    values, codes = _values(sample, flag, by, drop_missing, "flag")
    used = values[codes.codes >= 0]
    if not np.isin(used, (0.0, 1.0)).all():
        odd = used[~np.isin(used, (0.0, 1.0))][0]
        raise InputError(
            f"{odd:g} is neither 0 nor 1", where=what, fix="use mean for a variable of other values", code="not_a_flag"
        )
    return _finish(sample, what, values, np.ones(sample.n), codes, level, freedom, interval)


def quantile(
    sample: Design | Replicates,
    y: Column,
    p: float,
    *,
    by: Column | Groups | None = None,
    what: str = "quantile",
    level: float = 0.95,
    freedom: Freedom = "satterthwaite",
    drop_missing: bool = False,
) -> Estimates:
    """Quantile, with the interval of Woodruff (1952): that of the share below it, read off the distribution function.

    Parameters
    ----------
    sample, by, what, level, freedom, drop_missing : as in `total`
    y : variable, shape (n,)
    p : share below the quantile, inside 0..1

    Notes
    -----
    The quantile is the smallest value whose share at or below reaches p; the standard error is the interval's width over
    twice the t quantile. Woodruff (1952), Journal of the American Statistical Association 47, 635-646.

    Examples
    --------
    >>> quantile(Design.of([1.0] * 5), [5.0, 1.0, 3.0, 2.0, 4.0], 0.5).estimate
    array([3.])
    """
    if not 0 < p < 1:
        raise InputError(f"{p:g} is no share inside 0..1", where=what, fix="write 0.5 for the median", code="bad_share")
    if isinstance(sample, Replicates):
        raise InputError(
            "quantiles are not estimated from replicates", where=what, fix="use the method taylor", code="no_quantile"
        )
    values, codes = _values(sample, y, by, drop_missing, "y")
    found = np.full(codes.count, np.nan)
    below = np.zeros(sample.n)
    curves: list[tuple[Floats, Floats] | None] = []
    for d in range(codes.count):
        inside = (codes.codes == d) & (sample.weights > 0)
        if not inside.any():
            curves.append(None)
            continue
        order = np.argsort(values[inside], kind="stable")
        points = values[inside][order]
        share = np.cumsum(sample.weights[inside][order])
        curves.append((points, share / share[-1]))
        found[d] = _inverse(points, share / share[-1], p)
        below[inside] = values[inside] <= found[d]
    share_below = _finish(sample, what, below, np.ones(sample.n), codes, level, freedom, "t")
    low, high = np.full(codes.count, np.nan), np.full(codes.count, np.nan)
    for d, curve in enumerate(curves):
        if curve is not None and np.isfinite(share_below.low[d]):
            low[d] = _inverse(*curve, share_below.low[d])
            high[d] = _inverse(*curve, share_below.high[d])
    se = (high - low) / (2 * _critical(level, share_below.df))
    return Estimates(
        what, codes.labels, found, se, low, high, share_below.df, np.full(codes.count, np.nan), share_below.n,
        sample.design_said, f"{level:.0%} interval of Woodruff, {_said(freedom)}", "linearisation",
    )  # fmt: skip


def _inverse(points: Floats, share: Floats, p: float) -> float:
    if p <= 0:
        return float(points[0])
    return float(points[min(int(np.searchsorted(share, p - 1e-12)), len(points) - 1)])


def _values(
    sample: Design | Replicates, column: Column, by: Column | Groups | None, drop_missing: bool, name: str
) -> tuple[Floats, Groups]:
    codes = (
        by if isinstance(by, Groups) else groups(by) if by is not None else Groups(np.zeros(sample.n, np.int64), ("",))
    )
    if len(codes.codes) != sample.n:
        raise InputError(
            f"the domains have {len(codes.codes)} rows and the sample {sample.n}",
            where="by",
            fix="give one a row",
            code="wrong_length",
        )
    values = numbers(column, name, rows=sample.n, missing=True)
    gone = np.isnan(values)
    if gone.any():
        if not drop_missing and bool((gone & (codes.codes >= 0) & (sample.weights > 0)).any()):
            raise InputError(
                f"{int(gone.sum())} values are missing",
                where=f"{name}, row {int(np.argmax(gone)) + 1}",
                fix="impute them with a flag, or say that rows without a value are to be left out",
                code="missing_values",
            )
        codes = Groups(np.where(gone, -1, codes.codes), codes.labels)
        values = np.where(gone, 0.0, values)
    return values, codes


def _finish(
    sample: Design | Replicates,
    what: str,
    y: Floats,
    x: Floats | None,
    domains: Groups,
    level: float,
    freedom: Freedom,
    interval: Literal["logit", "t", "log", "skew"],
) -> Estimates:
    codes, count, w = domains.codes, domains.count, sample.weights
    used = np.where(w > 0, codes, -1)
    top = sums(used, w * y, count)
    rows = np.bincount(used[used >= 0], minlength=count)
    at = np.maximum(used, 0)
    if x is None:
        value, influence = top, np.where(used >= 0, y, 0.0)
    else:
        under = sums(used, w * x, count)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = top / under
        safe = np.where(under == 0, 1.0, under)
        influence = np.where(used >= 0, (y - np.nan_to_num(value)[at] * x) / safe[at], 0.0)
    effect = _effect(influence, w, used, count, rows)
    if isinstance(sample, Replicates):
        variance = sample.variance(y, x, used, count)
        df = np.full(count, float(sample.df) if freedom != "normal" else np.inf)
        method = sample.said
        told = "degrees of freedom of the replicates" if freedom != "normal" else _said(freedom)
    else:
        variance, df = _variance(sample, influence, used, count, freedom)
        method, told = "linearisation", _said(freedom)
    variance = np.where(np.isfinite(value), variance, np.nan)
    se = np.sqrt(variance)
    width = _critical(level, df) * se
    low, high = value - width, value + width
    if interval == "logit":
        inner = (value > 0) & (value < 1)
        p = np.where(inner, value, 0.5)
        centre, reach = np.log(p / (1 - p)), width / (p * (1 - p))
        low = np.where(inner, 1 / (1 + np.exp(-(centre - reach))), low)
        high = np.where(inner, 1 / (1 + np.exp(-(centre + reach))), high)
    if interval == "log":
        above = value > 0
        factor = np.exp(width / np.where(above, value, 1.0))
        low, high = np.where(above, value / factor, low), np.where(above, value * factor, high)
    if interval == "skew":
        if isinstance(sample, Replicates):
            raise InputError(
                "replicates do not tell the skewness", where=what, fix="use the method taylor", code="no_skewness"
            )
        low, high = leaning(value, se, skewness(sample, influence, used, count), _critical(level, df))
    with np.errstate(divide="ignore", invalid="ignore"):
        deff = np.where(effect > 0, variance / effect, np.nan)
    scale = interval if interval != "t" else "t" if freedom != "normal" else "normal"
    return Estimates(
        what, domains.labels, value, se, low, high, df, deff, rows, sample.design_said,
        f"{level:.0%} {scale} interval, {told}", method,
    )  # fmt: skip


def _said(freedom: Freedom) -> str:
    return {
        "satterthwaite": "Satterthwaite degrees of freedom",
        "design": "clusters less strata as degrees of freedom",
        "normal": "infinite degrees of freedom",
    }[freedom]


def _critical(level: float, df: Floats) -> Floats:
    if not 0 < level < 1:
        raise InputError(f"{level:g} is no confidence inside 0..1", where="level", fix="write 0.95", code="bad_share")
    at = 0.5 + level / 2
    usable = np.where(np.isfinite(df) & (df > 0), df, 1e9)
    return np.asarray(np.where(df > 0, np.where(np.isfinite(df), t.ppf(at, usable), norm.ppf(at)), np.nan))


def _effect(influence: Floats, w: Floats, codes: Ints, count: int, rows: Ints) -> Floats:
    """Variance of simple random sampling without replacement of the same number of units from the domain."""
    size = sums(codes, w, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = sums(codes, w * influence, count) / size
        spread = sums(codes, w * (influence - centre[np.maximum(codes, 0)]) ** 2, count) / size * (rows / (rows - 1))
        return np.asarray(size * (size - rows) * spread / rows)


def _variance(sample: Design, influence: Floats, codes: Ints, count: int, freedom: Freedom) -> tuple[Floats, Floats]:
    """Variance and degrees of freedom in each domain."""
    stage = sample.stages[0]
    plain = len(sample.stages) == 1 and not sample.steps and (sample.lonely != "centred" or not len(stage.lonely()))
    if plain:
        sample.check_lonely()
        variance, heavy, units, strata = _sparse(sample, influence, codes, count)
    else:
        variance, heavy = np.zeros(count), np.zeros(count)
        pairs, units, strata = _present(sample, codes, count)
        width = max(1, _WIDE // sample.n)
        d, h = pairs % count, stage.stratum[pairs // count]
        for start in range(0, count, width):
            stop = min(start + width, count)
            inside = np.flatnonzero((codes >= start) & (codes < stop))
            columns = np.zeros((sample.n, stop - start))
            columns[inside, codes[inside] - start] = influence[inside]
            squares = sample.contrasts(columns).rows ** 2
            variance[start:stop] = squares.sum(axis=0)
            parts = group_sums(squares[: len(stage.stratum)], stage.stratum, len(stage.size))
            here = (d >= start) & (d < stop)
            cells = h[here] * (stop - start) + d[here] - start
            present = np.bincount(cells, minlength=parts.size).reshape(parts.shape)
            free = np.maximum(np.minimum(stage.size[:, None] - 1, present), 1)
            heavy[start:stop] = (parts**2 / free).sum(axis=0)
    if freedom == "normal":
        return variance, np.full(count, np.inf)
    clusters_less_strata = (units - strata).astype(np.float64)
    if freedom == "design":
        return variance, clusters_less_strata
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(heavy > 0, variance**2 / heavy, clusters_less_strata)
    return variance, np.where(variance > 0, np.maximum(df, 1.0), clusters_less_strata)


def _present(sample: Design, codes: Ints, count: int) -> tuple[Ints, Ints, Ints]:
    """Pairs of first-stage cluster and domain that occur; clusters and strata with rows of each domain."""
    stage = sample.stages[0]
    inside = codes >= 0
    if stage.single:
        pairs = np.flatnonzero(inside) * count + codes[inside]
    else:
        pairs = np.unique(stage.cluster[inside] * count + codes[inside])
    units = np.bincount(pairs % count, minlength=count)
    cells = np.unique(stage.stratum[pairs // count] * count + pairs % count)
    return pairs, units, np.bincount(cells % count, minlength=count)


def _sparse(sample: Design, influence: Floats, codes: Ints, count: int) -> tuple[Floats, Floats, Ints, Ints]:
    """Variances of one stage without steps: only pairs of cluster and domain that occur are looked at."""
    stage = sample.stages[0]
    pairs, units, strata = _present(sample, codes, count)
    weighted = sample.weights * influence
    if stage.single:
        each = weighted[pairs // count]
    else:
        inside = codes >= 0
        where = np.searchsorted(pairs, stage.cluster[inside] * count + codes[inside])
        each = sums(where, weighted[inside], len(pairs))
    cells, cell = np.unique(stage.stratum[pairs // count] * count + pairs % count, return_inverse=True)
    h, d = cells // count, cells % count
    present = np.bincount(cell, minlength=len(cells))
    centre = sums(cell, each, len(cells)) / stage.size[h]
    squares = sums(cell, (each - centre[cell]) ** 2, len(cells))
    squares += (stage.size[h] - present) * centre**2
    scale = stage.scale()
    alone = stage.lonely()
    if len(alone):
        scale[alone] = 0.0
        if sample.lonely == "average":
            scale *= len(stage.size) / (len(stage.size) - len(alone)) if len(stage.size) > len(alone) else np.nan
    parts = scale[h] * squares
    free = np.maximum(np.minimum(stage.size[h] - 1, present), 1)
    variance = sums(d, parts, count)
    return variance, sums(d, parts**2 / free, count), units, strata
