"""Units that did not answer and values that weigh too much: response classes, propensities, winsorising.

Weights of those who answered are raised within classes of like response. The variance then has two parts (Kim and Kim
2007, with the reverse order of Fay): that of drawing, of the linearised variable of all who were drawn, and that of
answering, which is there in take-all strata too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.errors import InputError
from zhizao.programme.survey.columns import Column, Floats, Groups, groups, numbers
from zhizao.programme.survey.design import Design

__all__ = ["Response", "Winsorised", "propensity_classes", "respond", "winsorise"]


@dataclass(frozen=True, slots=True)
class Response:
    """Weights raised for those who did not answer, class by class; a step of a `Design`."""

    said: str
    codes: Groups
    base: Floats
    answered: Floats
    rate: Floats

    def residual(self, influence: Floats) -> tuple[Floats, Floats]:
        """Deviations from the mean of those in the class who answered, and these means."""
        codes, count = self.codes.codes, self.codes.count
        weight = self.base * self.answered
        size = np.bincount(codes, weights=weight, minlength=count)
        means = np.stack(
            [np.bincount(codes, weights=weight * column, minlength=count) for column in influence.T], axis=1
        )
        fitted = np.asarray((means / size[:, None])[codes])
        return influence - fitted, fitted

    def carried(self, fitted: Floats) -> Floats:
        """Class means stand for all who were drawn, so they vary with the drawing."""
        return np.asarray(self.base[:, None] * fitted)

    def extra(self, weighted: Floats) -> Floats:
        """Chance of answering: each unit's weighted residual times the root of (1 - rate) / weight before."""
        share = np.where(self.answered > 0, (1 - self.rate) / np.where(self.base > 0, self.base, 1), 0.0)
        return np.asarray(np.sqrt(share)[:, None] * weighted)


def respond(design: Design, answered: Column, classes: Column | None = None, *, least: int = 5) -> Design:
    """A design of those who were drawn, in which those who answered stand for those of their class who did not.

    Parameters
    ----------
    design : of all who were drawn
    answered : 1 where the unit answered, shape (n,); rows that did not keep a place with weight 0
    classes : class of like response of each row; one class when absent
    least : smallest number of answers in a class

    Raises
    ------
    InputError : when a class has fewer answers than `least` and not all answered

    Examples
    --------
    >>> respond(Design.of([2.0] * 4), [1, 1, 1, 0], least=3).weights.round(3)
    array([2.667, 2.667, 2.667, 0.   ])
    """
    flag = numbers(answered, "answered", rows=design.n)
    flag = (flag > 0).astype(np.float64)
    found = groups(classes) if classes is not None else Groups(np.zeros(design.n, np.int64), ("all",))
    if (found.codes < 0).any():
        raise InputError(
            f"{int((found.codes < 0).sum())} rows have no response class",
            where="response classes",
            fix="give one a row",
            code="missing_class",
        )
    drawn = np.bincount(found.codes, minlength=found.count)
    got = np.bincount(found.codes, weights=flag, minlength=found.count)
    thin = np.flatnonzero((got < drawn) & (got < least))
    if len(thin):
        raise InputError(
            f"response class {found.labels[thin[0]]} has {int(got[thin[0]])} answers from {drawn[thin[0]]} units",
            where="response classes",
            fix=f"merge classes until each has {least} answers",
            code="thin_response_class",
        )
    weight = np.bincount(found.codes, weights=design.weights, minlength=found.count)
    kept = np.bincount(found.codes, weights=design.weights * flag, minlength=found.count)
    rate = (kept / weight)[found.codes]
    share = float((design.weights * flag).sum() / design.weights.sum())
    said = f"raised for non-response ({found.count} classes, {share:.1%} answered)"
    return design.stepped(design.weights * flag / rate, Response(said, found, design.weights, flag, rate))


def propensity_classes(answered: Column, x: Floats, weights: Column, *, classes: int = 5) -> Floats:
    """Classes of like chance to answer: quantile classes of a weighted logistic regression.

    Parameters
    ----------
    answered : 1 where the unit answered, shape (n,)
    x : what is known of all who were drawn, a constant among it, shape (n, p)
    weights : as drawn, shape (n,)
    classes : how many; each holds as many units as the next

    Returns
    -------
    array of shape (n,)
        Number of the class, 0 the least likely to answer.

    Raises
    ------
    InputError : when the regression separates those who answered from the rest, or columns are collinear

    Notes
    -----
    Rosenbaum and Rubin (1984); Little (1986), International Statistical Review 54, 139-157.

    Examples
    --------
    >>> x = np.column_stack([np.ones(8), np.arange(8.0)])
    >>> propensity_classes([0, 1, 0, 0, 1, 0, 1, 1], x, np.ones(8), classes=2).tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    """
    flag = numbers(answered, "answered", rows=len(x))
    w = numbers(weights, "weights", rows=len(x), low=0.0, code="negative_weight")
    w = w / w.mean()
    spread = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    z = x / spread
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(z @ beta, -30, 30)))
        matrix = (z * (w * p * (1 - p))[:, None]).T @ z
        if np.linalg.cond(matrix) > 1e12:
            raise InputError(
                "the response model cannot be fitted: its columns are collinear, or separate answers from silence",
                where="response model",
                fix="use fewer columns, or give weighting classes",
                code="singular",
            )
        step = np.linalg.solve(matrix, z.T @ (w * (flag - p)))
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    score = z @ beta
    cuts = np.quantile(score, np.arange(1, classes) / classes)
    return np.searchsorted(cuts, score, side="right").astype(np.float64)


@dataclass(frozen=True, slots=True)
class Winsorised:
    """Values after winsorising.

    Parameters
    ----------
    values : shape (n,)
    cutoffs : value above which a unit was pulled in, shape (n,)
    changed : rows that were pulled in, shape (n,)
    """

    values: Floats
    cutoffs: Floats
    changed: np.ndarray[tuple[int], np.dtype[np.bool_]]


def winsorise(y: Column, weights: Column, classes: Column | None = None) -> Winsorised:
    """Values pulled in where weight times surprise is too large, by the one cutoff that makes the mean squared error least.

    A value above its cutoff K becomes K + (y - K)/w: the unit still stands for itself in full, but no longer for others.
    The cutoffs are K = m + L/(w - 1), with m the weighted median of the class, which one giant cannot
    move, and L the bias that this rule brings.

    Parameters
    ----------
    y : values, shape (n,)
    weights : shape (n,); units with weight up to 1 stay as they are
    classes : units that are alike; all when absent

    Notes
    -----
    Kokic and Bell (1994), Journal of Official Statistics 10, 419-435; Clark (1995).

    Examples
    --------
    >>> y = np.r_[np.arange(1.0, 40.0), 5000.0]
    >>> found = winsorise(y, np.full(40, 10.0))
    >>> int(found.changed.sum()), bool(found.values[-1] < 5000)
    (1, True)
    """
    values = numbers(y, "y")
    w = numbers(weights, "weights", rows=len(values), low=0.0, code="negative_weight")
    codes = groups(classes).codes if classes is not None else np.zeros(len(values), dtype=np.int64)
    count = int(codes.max()) + 1
    centre = np.zeros(count)
    order = np.lexsort((values, codes))
    ends = np.cumsum(np.bincount(codes, minlength=count))
    starts = np.r_[0, ends[:-1]]
    for c in range(count):
        rows = order[starts[c] : ends[c]]
        share = np.cumsum(w[rows])
        if len(rows):
            centre[c] = values[rows][min(int(np.searchsorted(share, share[-1] / 2)), len(rows) - 1)]
    over = np.maximum(w - 1, 0) * (values - centre[codes])
    over = np.sort(over[over > 0])[::-1]
    # L solves L = sum of max(over - L, 0): with the k largest above it, L = their sum / (k + 1)
    tried = np.cumsum(over) / (np.arange(len(over)) + 2)
    holds = (tried <= over) & (tried >= np.r_[over[1:], 0.0]) if len(over) else np.zeros(0, dtype=bool)
    bias = float(tried[int(np.argmax(holds))]) if holds.any() else np.inf
    raised = w > 1
    cutoffs = np.where(raised, centre[codes] + bias / np.where(raised, w - 1, 1), np.inf)
    changed = values > cutoffs
    top = np.where(changed, cutoffs, 0.0)
    pulled = np.where(changed, top + (values - top) / np.where(raised, w, 1), values)
    return Winsorised(pulled, cutoffs, changed)
