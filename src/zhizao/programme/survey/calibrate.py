"""Weights that meet known totals: linear (GREG), raking, logit and bounded calibration, post-strata, auxiliary columns.

Calibration (Deville and Särndal 1992) finds weights w = d F(q x'λ) near the weights d that were drawn, with the totals
of x as they are known. Each estimate then has the variance of the residuals of its weighted regression on x, and so
have domains: the regression runs over the whole sample, with the variable zero outside the domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import cho_factor, cho_solve, qr

from zhizao.errors import InputError
from zhizao.programme.survey.columns import Column, Floats, Groups, groups, numbers
from zhizao.programme.survey.design import Design

__all__ = ["Auxiliary", "Calibration", "PostStrata", "auxiliary", "calibrate", "factors", "post_stratify", "trim"]

Distance = Literal["linear", "raking", "logit"]
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Calibration:
    """The regression on auxiliary variables that a calibration stands for; a step of a `Design`."""

    said: str
    x: Floats
    base: Floats
    factor: tuple[Floats, bool]

    def residual(self, influence: Floats) -> tuple[Floats, Floats]:
        """Residuals of the regression weighted by the weights before the step, and the fit."""
        slope = cho_solve(self.factor, (self.x * self.base[:, None]).T @ influence)
        fitted = np.asarray(self.x @ slope)
        return influence - fitted, fitted

    def carried(self, fitted: Floats) -> None:
        """Nothing: the totals are known."""

    def extra(self, weighted: Floats) -> None:
        """Nothing beyond the drawing."""


@dataclass(frozen=True, slots=True)
class PostStrata:
    """Means of post-strata taken out of the influence; a step of a `Design`."""

    said: str
    codes: Groups
    base: Floats

    def residual(self, influence: Floats) -> tuple[Floats, Floats]:
        """Deviations from the weighted means of the post-strata, and the means."""
        codes, count = self.codes.codes, self.codes.count
        weight = np.bincount(codes, weights=self.base, minlength=count)
        means = (
            np.stack(
                [np.bincount(codes, weights=self.base * column, minlength=count) for column in influence.T], axis=1
            )
            / np.where(weight > 0, weight, 1)[:, None]
        )
        fitted = np.asarray(means[codes])
        return influence - fitted, fitted

    def carried(self, fitted: Floats) -> None:
        """Nothing: the counts are known."""

    def extra(self, weighted: Floats) -> None:
        """Nothing beyond the drawing."""


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """Auxiliary variables with their known totals.

    Parameters
    ----------
    x : shape (n, p)
    totals : shape (p,)
    names : of the columns
    """

    x: Floats
    totals: Floats
    names: tuple[str, ...]


def auxiliary(
    columns: Mapping[str, Column], totals: Mapping[str, float | Mapping[str, float]], *, rows: int
) -> Auxiliary:
    """Auxiliary columns from known totals: a number for a variable, a number a class for a grouping.

    Parameters
    ----------
    columns : columns of the sample by name, each of shape (rows,)
    totals : total of each numeric column; or counts of each class of a grouping; `""` or `count` is the number of units
    rows : rows of the sample

    Raises
    ------
    InputError : when a column is absent, a class of the sample has no count or a count no rows, or the counts of two
        groupings add up to different populations

    Examples
    --------
    >>> made = auxiliary({"size": ["L", "S", "S"], "x": [9.0, 1.0, 2.0]}, {"size": {"L": 5, "S": 50}, "x": 130.0}, rows=3)
    >>> made.names, made.totals
    (('size=L', 'size=S', 'x'), array([  5.,  50., 130.]))
    """
    parts: list[Floats] = []
    wanted: list[float] = []
    names: list[str] = []
    population: tuple[str, float] | None = None
    for name, total in totals.items():
        if name in ("", "count") and not isinstance(total, Mapping):
            if population is None:
                parts.append(np.ones((rows, 1)))
                wanted.append(float(total))
                names.append("count")
            population = _same_population(population, name or "count", float(total))
            continue
        if name not in columns:
            raise InputError(
                f'the totals name "{name}", which is no column of the sample',
                where="calibration totals",
                fix=f"the columns are: {', '.join(list(columns)[:20])}",
                code="no_column",
            )
        if not isinstance(total, Mapping):
            parts.append(numbers(columns[name], name, rows=rows)[:, None])
            wanted.append(float(total))
            names.append(name)
            continue
        found = groups(columns[name])
        counts = {str(key): float(value) for key, value in total.items()}
        lost = [label for label in found.labels if label not in counts]
        empty = [label for label in counts if label not in found.labels and counts[label] > 0]
        if lost or empty or (found.codes < 0).any():
            what = (
                f"{name} has classes without a known count: {', '.join(lost[:5])}"
                if lost
                else f"{name} has known counts for classes that the sample lacks: {', '.join(empty[:5])}"
                if empty
                else f"{name} is missing in {int((found.codes < 0).sum())} rows"
            )
            raise InputError(
                what, where="calibration totals", fix="give each class of the sample a count, or merge classes",
                code="calibration_classes",
            )  # fmt: skip
        first = population is None
        population = _same_population(population, name, sum(counts.values()))
        for code, label in enumerate(found.labels):
            if not first and code == 0:
                continue  # the classes add up to the same population as those before
            parts.append((found.codes == code).astype(np.float64)[:, None])
            wanted.append(counts[label])
            names.append(f"{name}={label}")
    return Auxiliary(np.concatenate(parts, axis=1), np.array(wanted), tuple(names))


def _same_population(before: tuple[str, float] | None, name: str, total: float) -> tuple[str, float]:
    if before is not None and abs(before[1] - total) > 1e-6 * abs(total):
        raise InputError(
            f"{before[0]} adds up to {before[1]:,.10g} units and {name} to {total:,.10g}",
            where="calibration totals",
            fix="give counts of the same population",
            code="calibration_cannot_be_met",
        )
    return before or (name, total)


def _collinear(x: Floats, base: Floats, names: Sequence[str]) -> list[str]:
    """Names of columns that are combinations of the others."""
    scaled = x * np.sqrt(base)[:, None]
    length = np.sqrt((scaled**2).sum(axis=0))
    _, r, order = qr(scaled / np.where(length > 0, length, 1), mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(r))
    rank = int((diagonal > 1e-9 * max(diagonal[0], 1e-300)).sum()) if len(diagonal) else 0
    return [names[i] for i in order[rank:]]


def _regression(x: Floats, base: Floats, names: Sequence[str]) -> tuple[Floats, bool]:
    matrix = (x * base[:, None]).T @ x
    try:
        factor = cho_factor(matrix)
        diagonal = np.abs(np.diag(factor[0])) / np.sqrt(np.diag(matrix))
        fit = bool(diagonal.min() > 1e-7)
    except (np.linalg.LinAlgError, ValueError):
        fit = False
    if not fit:
        odd = _collinear(x, base, names)
        if odd:
            raise InputError(
                f"the calibration variables are collinear: {', '.join(odd[:8])} follow from the others",
                where="calibration totals",
                fix="leave these out",
                code="singular",
            )
        factor = cho_factor(matrix)
    return (np.asarray(factor[0]), bool(factor[1]))


def calibrate(
    design: Design,
    known: Auxiliary,
    *,
    distance: Distance = "linear",
    bounds: tuple[float, float] | None = None,
    q: Column | None = None,
    tolerance: float = 1e-9,
) -> Design:
    """A design whose weights meet known totals.

    Parameters
    ----------
    design : as drawn, or after earlier steps
    known : auxiliary variables and totals
    distance : `linear` (GREG; weights may go below zero without bounds), `raking` (multiplicative, never below zero),
        `logit` (within `bounds`)
    bounds : lowest and highest factor on a weight, below 1 and above 1; with `linear` the factors are cut there
    q : scale of each unit's factor, 1 when absent, shape (n,)
    tolerance : largest miss of a total, relative to it

    Raises
    ------
    InputError : when columns are collinear (named), or when no weights of this kind meet the totals

    Examples
    --------
    >>> design = Design.of([10.0, 10.0, 10.0])
    >>> met = calibrate(design, Auxiliary(np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 4.0]]), np.array([33.0, 80.0]), ("1", "x")))
    >>> met.weights.round(3)
    array([10.143, 10.786, 12.071])

    Notes
    -----
    Deville and Särndal (1992), Journal of the American Statistical Association 87, 376-382.
    """
    base, x, wanted = design.weights, known.x, known.totals
    if x.shape != (design.n, len(wanted)):
        raise InputError(
            f"auxiliary variables have shape {x.shape} for {design.n} rows and {len(wanted)} totals",
            fix="give one row a unit and one column a total",
            code="wrong_length",
        )
    scale = np.ones(design.n) if q is None else numbers(q, "q", rows=design.n, low=0.0)
    factor = _regression(x, base, known.names)
    g = factors(base, known, distance=distance, bounds=bounds, scale=scale, tolerance=tolerance)
    if q is not None:
        factor = _regression(x, base * scale, known.names)
    kind = distance if bounds is None else f"{distance} within {bounds[0]:g}..{bounds[1]:g}"
    said = f"calibrated ({kind}, {len(wanted)} totals)"
    return design.stepped(base * g, Calibration(said, x, base * scale, factor))


def factors(
    base: Floats,
    known: Auxiliary,
    *,
    distance: Distance = "linear",
    bounds: tuple[float, float] | None = None,
    scale: Floats | None = None,
    tolerance: float = 1e-9,
) -> Floats:
    """Factors on weights that make them meet totals, by Newton's method; the arithmetic of `calibrate`.

    Parameters
    ----------
    base : weights before, shape (n,)
    known : auxiliary variables and totals
    distance, bounds, tolerance : as in `calibrate`
    scale : scale of each unit's factor, shape (n,)

    Raises
    ------
    InputError : when no weights of this kind meet the totals
    """
    length = np.sqrt(base @ known.x**2)  # columns are brought to one size, or the small ones drown
    length[length == 0] = 1.0
    x, wanted = known.x / length, known.totals / length
    scale = np.ones(len(base)) if scale is None else scale
    function, slope = _distance(distance, bounds)
    size = np.maximum(np.abs(wanted), np.abs(x).T @ base * 1e-6)
    size[size == 0] = 1.0
    solution = np.zeros(len(wanted))
    g = function(np.zeros(len(base)))
    miss = wanted - x.T @ (base * g)
    for _ in range(_STEPS):
        worst = float(np.max(np.abs(miss) / size))
        if worst <= tolerance * 1e-3:
            break
        curve = base * scale * slope(scale * (x @ solution))
        step = np.linalg.lstsq((x * curve[:, None]).T @ x, miss, rcond=1e-13)[0]
        for halving in range(25):
            tried = solution + step * 0.5**halving
            with np.errstate(over="ignore", invalid="ignore"):
                g_tried = function(scale * (x @ tried))
                miss_tried = wanted - x.T @ (base * g_tried)
                better = float(np.max(np.abs(miss_tried) / size))
            if np.isfinite(better) and better < worst:
                break
        else:
            break
        solution, g, miss = tried, g_tried, miss_tried
    worst = float(np.max(np.abs(miss) / size))
    if not worst <= tolerance:
        at = int(np.argmax(np.abs(miss) / size))
        raise InputError(
            f"no weights of this kind meet the totals: {known.names[at]} comes to"
            f" {(wanted[at] - miss[at]) * length[at]:.6g} instead of {known.totals[at]:.6g}, with factors from {g.min():.3g} to {g.max():.3g}",
            where="calibration totals",
            fix="widen the bounds, merge classes or check the total",
            code="calibration_cannot_be_met",
        )
    return np.asarray(g)


def _distance(
    distance: Distance, bounds: tuple[float, float] | None
) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """F and its slope."""
    if bounds is not None and not 0 <= bounds[0] < 1 < bounds[1]:
        raise InputError(
            f"the bounds {bounds[0]:g} and {bounds[1]:g} do not have 1 between them",
            where="bounds",
            fix="write for instance 0.3 and 3",
            code="bad_bounds",
        )
    if distance == "linear":
        low, high = bounds or (-np.inf, np.inf)
        return (lambda u: np.clip(1 + u, low, high)), (lambda u: ((1 + u > low) & (1 + u < high)).astype(np.float64))
    if distance == "raking" and bounds is None:
        return np.exp, np.exp
    low, high = bounds or (0.0, 10.0)
    a = (high - low) / ((1 - low) * (high - 1))

    def within(u: Floats) -> Floats:
        grown = np.exp(np.clip(a * u, -700, 700))
        return np.asarray((low * (high - 1) + high * (1 - low) * grown) / ((high - 1) + (1 - low) * grown))

    def slope(u: Floats) -> Floats:
        g = within(u)
        return np.asarray((g - low) * (high - g) / ((1 - low) * (high - 1)))

    return within, slope


def post_stratify(design: Design, classes: Column, counts: Mapping[str, float]) -> Design:
    """A design whose weights add up to known counts of classes.

    Parameters
    ----------
    design : as drawn, or after earlier steps
    classes : class of each row, shape (n,)
    counts : units of the population in each class

    Raises
    ------
    InputError : when a class of the sample has no count, or a count no rows

    Examples
    --------
    >>> post_stratify(Design.of([2.0, 2.0, 2.0]), ["a", "a", "b"], {"a": 8, "b": 3}).weights
    array([4., 4., 3.])
    """
    found = groups(classes)
    known = {str(key): float(value) for key, value in counts.items()}
    lost = [label for label in found.labels if label not in known]
    empty = [label for label, count in known.items() if count > 0 and label not in found.labels]
    if lost or empty or (found.codes < 0).any():
        raise InputError(
            f"classes without a count: {', '.join(lost[:5]) or '-'}; counts without rows: {', '.join(empty[:5]) or '-'};"
            f" rows without a class: {int((found.codes < 0).sum())}",
            where="post-strata",
            fix="merge classes, or give the counts",
            code="calibration_classes",
        )
    weight = np.bincount(found.codes, weights=design.weights, minlength=found.count)
    factor = np.array([known[label] for label in found.labels]) / weight
    step = PostStrata(f"post-stratified ({found.count} classes)", found, design.weights)
    return design.stepped(design.weights * factor[found.codes], step)


def trim(weights: Column, *, low: float = 0.0, high: float, classes: Column | None = None) -> Floats:
    """Weights cut to a range, what was cut spread over the others, so that their sum (in each class) stays.

    Parameters
    ----------
    weights : shape (n,)
    low, high : smallest and largest weight
    classes : class of each row within which the sum stays; one class when absent

    Raises
    ------
    InputError : when the sum cannot stay within this range

    Examples
    --------
    >>> trim([1.0, 1.0, 2.0, 8.0], high=4.0)
    array([2., 2., 4., 4.])
    """
    given = numbers(weights, "weights", low=0.0, code="negative_weight")
    codes = np.zeros(len(given), dtype=np.int64) if classes is None else groups(classes).codes
    count = int(codes.max()) + 1
    sums = np.bincount(codes, weights=given, minlength=count)
    rows = np.bincount(codes, minlength=count)
    bad = (sums > high * rows * (1 + 1e-12)) | (sums < low * rows * (1 - 1e-12))
    if bad.any():
        raise InputError(
            f"weights that add up to {sums[bad][0]:g} over {rows[bad][0]} rows cannot all lie in {low:g}..{high:g}",
            where="trim",
            fix="widen the range",
            code="trim_cannot_be_met",
        )
    out = np.clip(given, low, high)
    for _ in range(200):
        gap = sums - np.bincount(codes, weights=out, minlength=count)
        if np.all(np.abs(gap) <= 1e-12 * np.maximum(sums, 1)):
            break
        free = np.where(gap[codes] > 0, out < high, out > low)
        room = np.bincount(codes, weights=out * free, minlength=count)
        out = np.where(free, out * (1 + gap / np.where(room > 0, room, 1))[codes], out)
        out = np.clip(out, low, high)
    return np.asarray(out)
