"""Replicate weights: jackknife, balanced half-samples and Fay's, rescaled bootstrap, successive differences.

A replicate is the sample with other weights; the variance is a scaled sum of squares of the estimates that replicates
give. A jackknife of 30,000 rows has as many replicates, so its totals are worked out in closed form and its weights are
never laid out. What calibrates the sample calibrates each replicate (`recalibrate`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.linalg import hadamard

from zhizao.errors import InputError
from zhizao.programme.survey.calibrate import Auxiliary, Distance, factors
from zhizao.programme.survey.columns import Floats, Ints, sums
from zhizao.programme.survey.design import Design, Stage

__all__ = [
    "Replicates",
    "balanced",
    "bootstrap",
    "jackknife",
    "recalibrate",
    "successive",
]

_CELLS = 250_000_000


@dataclass(frozen=True, slots=True)
class Replicates:
    """A sample with its replicates.

    Parameters
    ----------
    weights : of the full sample, shape (n,)
    stage : first stage of the design
    scales : what the squared deviation of each replicate counts, shape (R,)
    df : degrees of freedom
    said : kind of replicates, in words
    design_said : design and weights, in words
    factors : factor on the weights of each cluster in each replicate, shape (clusters, R); None for a jackknife
    laid_out : weights of each row in each replicate, shape (n, R); None while they are weights times factors
    centre : deviations are from the mean of the replicates, or from the full sample's estimate
    """

    weights: Floats
    stage: Stage
    scales: Floats
    df: int
    said: str
    design_said: str
    factors: Floats | None = None
    laid_out: Floats | None = None
    centre: Literal["mean", "full"] = "mean"

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.weights)

    def totals(self, y: Floats, codes: Ints, count: int) -> Floats:
        """Totals of a variable in each replicate and domain.

        Parameters
        ----------
        y : shape (n,)
        codes : domain of each row, -1 for none, shape (n,)
        count : domains

        Returns
        -------
        array of shape (R, count)
        """
        inside = codes >= 0
        if self.laid_out is not None:
            out = np.zeros((len(self.scales), count))
            for d in range(count):
                rows = np.flatnonzero(codes == d)
                out[:, d] = y[rows] @ self.laid_out[rows]
            return out
        stage = self.stage
        clusters, strata = len(stage.stratum), len(stage.size)
        flat = np.bincount(
            stage.cluster[inside] * count + codes[inside],
            weights=(self.weights * y)[inside],
            minlength=clusters * count,
        )
        each = flat.reshape(clusters, count)
        if self.factors is not None:
            return np.asarray(self.factors.T @ each)
        whole = np.stack([np.bincount(stage.stratum, weights=column, minlength=strata) for column in each.T], axis=1)
        size = stage.size[stage.stratum][:, None]
        return np.asarray(each.sum(axis=0) + (whole[stage.stratum] - size * each) / np.maximum(size - 1, 1))

    def variance(self, y: Floats, x: Floats | None, codes: Ints, count: int) -> Floats:
        """Variance of the total of y, or of its ratio to x, in each domain, shape (count,)."""
        out = np.zeros(count)
        width = max(1, 20_000_000 // max(len(self.scales), self.n))
        full = np.where(codes >= 0, self.weights, 0.0)
        for start in range(0, count, width):
            stop = min(start + width, count)
            part = np.where((codes >= start) & (codes < stop), codes - start, -1)
            found = self.totals(y, part, stop - start)
            whole = sums(part, full * y, stop - start)
            with np.errstate(divide="ignore", invalid="ignore"):
                if x is not None:
                    found = found / self.totals(x, part, stop - start)
                    whole = whole / sums(part, full * x, stop - start)
                counted = self.scales > 0
                usable = np.where(np.isfinite(found), found, whole)  # a replicate without the domain tells nothing
                centre = usable[counted].mean(axis=0) if self.centre == "mean" and counted.any() else whole
                out[start:stop] = self.scales @ (usable - centre) ** 2
        return out

    def weights_of_rows(self) -> Floats:
        """Weights of each row in each replicate, shape (n, R).

        Raises
        ------
        InputError : when they would fill more than 2 GB
        """
        if self.laid_out is not None:
            return self.laid_out
        if self.n * len(self.scales) > _CELLS:
            raise InputError(
                f"{self.n:,} rows times {len(self.scales):,} replicates are too many weights to lay out",
                where="replicates",
                fix="use the bootstrap with some 500 replicates",
                code="too_many_replicates",
            )
        made = self.factors
        if made is None:
            stratum, size = self.stage.stratum, self.stage.size
            share = np.where(size > 1, size / np.maximum(size - 1, 1), 1.0)
            made = np.where(stratum[:, None] == stratum[None, :], share[stratum][:, None], 1.0)
            np.fill_diagonal(made, np.where(size[stratum] > 1, 0.0, 1.0))
        return np.asarray(self.weights[:, None] * made[self.stage.cluster])


def _plain(design: Design) -> Stage:
    """First stage of a design that can be replicated."""
    if design.steps:
        raise InputError(
            "the weights were calibrated already",
            where="replicates",
            fix="make replicates of the design as drawn, then `recalibrate` them",
            code="replicates_after_calibration",
        )
    if design.lonely in ("average", "centred") and len(design.stages[0].lonely()):
        raise InputError(
            f"lonely clusters cannot be treated as {design.lonely} in replicates",
            where="replicates",
            fix="collapse their strata, or choose lonely = certainty",
            code="lonely_psu",
        )
    replace(design, stages=design.stages[:1]).check_lonely()
    return design.stages[0]


def jackknife(design: Design, *, centre: Literal["mean", "full"] = "mean") -> Replicates:
    """Delete-one jackknife: JKn in strata, JK1 without.

    Parameters
    ----------
    design : without steps
    centre : deviations from the mean of the replicates (as R's survey does), or from the full estimate

    Examples
    --------
    >>> from zhizao.programme.survey.estimate import mean
    >>> design = Design.of([5.0] * 4, fpc=[20] * 4)
    >>> bool(np.isclose(mean(jackknife(design), [1, 2, 3, 4.0]).se, mean(design, [1, 2, 3, 4.0]).se)[0])
    True

    Notes
    -----
    Wolter (2007), Introduction to Variance Estimation, ch. 4; finite populations by 1 - f in each stratum.
    """
    stage = _plain(design)
    size, fraction = stage.size, stage.fraction
    scales = ((1 - fraction) * (size - 1) / size)[stage.stratum]
    kind = "JKn" if len(size) > 1 else "JK1"
    return Replicates(
        design.weights, stage, scales, design.degrees(), f"jackknife {kind}, {len(scales)} replicates",
        design.design_said, centre=centre,
    )  # fmt: skip


def bootstrap(
    design: Design, rng: np.random.Generator, *, replicates: int = 500, centre: Literal["mean", "full"] = "mean"
) -> Replicates:
    """Rescaled bootstrap of Rao and Wu: n_h - 1 clusters drawn with replacement from the n_h of each stratum.

    Parameters
    ----------
    design : without steps
    rng : source of the draws
    replicates : how many
    centre : as in `jackknife`

    Notes
    -----
    Factors 1 - a + a r n_h/(n_h - 1) with r the times a cluster is drawn and a the square root of 1 - f_h. Rao and Wu
    (1988), Journal of the American Statistical Association 83, 231-241; Rao, Wu and Yue (1992).
    """
    stage = _plain(design)
    _check_size(len(stage.stratum), replicates)
    made = np.ones((len(stage.stratum), replicates))
    order = np.argsort(stage.stratum, kind="stable")
    ends = np.cumsum(stage.size)
    for h, size in enumerate(stage.size):
        if size < 2 or stage.fraction[h] >= 1:
            continue
        rows = order[ends[h] - size : ends[h]]
        drawn = rng.multinomial(size - 1, np.full(size, 1 / size), size=replicates).T
        share = np.sqrt(1 - stage.fraction[h])
        made[rows] = 1 - share + share * drawn * (size / (size - 1))
    return Replicates(
        design.weights, stage, np.full(replicates, 1 / replicates), design.degrees(),
        f"rescaled bootstrap (Rao and Wu), {replicates} replicates", design.design_said, made, centre=centre,
    )  # fmt: skip


def balanced(design: Design, *, fay: float = 0.0, centre: Literal["mean", "full"] = "mean") -> Replicates:
    """Balanced half-samples (BRR) of strata with two clusters each; with Fay's factor milder.

    Parameters
    ----------
    design : without steps, two clusters a stratum
    fay : 0 keeps half of the sample; above it the other half counts `fay` and the first 2 - `fay`, below 1
    centre : as in `jackknife`

    Raises
    ------
    InputError : when a stratum holds other than two clusters

    Notes
    -----
    McCarthy (1969), Review of the International Statistical Institute 37; Judkins (1990), Journal of Official
    Statistics 6, 223-239. Finite populations are not taken into account.
    """
    stage = _plain(design)
    odd = np.flatnonzero(stage.size != 2)
    if len(odd):
        raise InputError(
            f"stratum {stage.names[odd[0]]} has {stage.size[odd[0]]} clusters; half-samples want two in each",
            where="strata",
            fix="use the jackknife or the bootstrap",
            code="not_paired",
        )
    if not 0 <= fay < 1:
        raise InputError(f"Fay's factor is {fay:g}", where="fay", fix="write 0 to below 1", code="bad_share")
    signs = _signs(len(stage.size) + 1)[1 : len(stage.size) + 1]
    order = np.argsort(stage.stratum, kind="stable")
    made = np.empty((len(stage.stratum), signs.shape[1]))
    made[order[0::2]] = 1 + (1 - fay) * signs
    made[order[1::2]] = 1 - (1 - fay) * signs
    count = signs.shape[1]
    name = f"balanced half-samples{f', Fay {fay:g}' if fay else ''}, {count} replicates"
    scales = np.full(count, 1 / (count * (1 - fay) ** 2))
    return Replicates(
        design.weights, stage, scales, design.degrees(), name, design.design_said, made, centre=centre
    )  # fmt: skip


def successive(
    design: Design, *, replicates: int | None = None, centre: Literal["mean", "full"] = "full"
) -> Replicates:
    """Successive difference replicates, for systematic samples in the order of the frame.

    Parameters
    ----------
    design : without steps; clusters in the order in which they were drawn
    replicates : how many at least, the next power of two is taken; as many as there are clusters, up to 1024, when absent
    centre : as in `jackknife`; the full estimate as a rule

    Notes
    -----
    Factors 1 + (a - b)/sqrt(8) with a and b neighbouring rows of a Hadamard matrix, scale 4/R, times the square root of
    1 - f. With more clusters than replicates the rows are used again, run by run, and each run is closed to a circle, so
    that a constant has no variance. Fay and Train (1995); Ash (2014), Survey Methodology 40, 47-59.
    """
    stage = _plain(design)
    clusters = len(stage.stratum)
    signs = _signs(replicates or min(clusters + 1, 1024))
    count = signs.shape[1]
    place = np.arange(clusters)
    a, b = place % (count - 1) + 1, (place + 1) % (count - 1) + 1
    b[-1] = 1
    share = np.sqrt(1 - stage.fraction)[stage.stratum][:, None]
    made = 1 + share * (signs[a] - signs[b]) * 2**-1.5
    return Replicates(
        design.weights, stage, np.full(count, 4 / count), count - 1, f"successive differences, {count} replicates",
        design.design_said, made, centre=centre,
    )  # fmt: skip


def recalibrate(
    made: Replicates, known: Auxiliary, *, distance: Distance = "linear", bounds: tuple[float, float] | None = None
) -> Replicates:
    """Replicates of which each meets known totals, as the full sample does.

    Parameters
    ----------
    made : replicates as drawn
    known, distance, bounds : as in `calibrate`

    Raises
    ------
    InputError : when totals cannot be met
    """
    laid = made.weights_of_rows()
    out = np.empty_like(laid)
    for r in range(laid.shape[1]):
        out[:, r] = laid[:, r] * factors(laid[:, r], known, distance=distance, bounds=bounds)
    weights = made.weights * factors(made.weights, known, distance=distance, bounds=bounds)
    said = made.design_said.replace("weights as drawn", f"weights calibrated ({distance}, {len(known.totals)} totals)")
    return replace(made, weights=weights, laid_out=out, design_said=said)


def _signs(least: int) -> Floats:
    """Hadamard matrix whose order is the next power of two."""
    return np.asarray(hadamard(1 << max(2, int(least - 1).bit_length())), dtype=np.float64)


def _check_size(clusters: int, replicates: int) -> None:
    if replicates < 2 or clusters * replicates > _CELLS:
        raise InputError(
            f"{replicates} replicates of {clusters:,} clusters are {'too few' if replicates < 2 else 'too many'}",
            where="replicates",
            fix="some 500 are usual",
            code="too_many_replicates",
        )
