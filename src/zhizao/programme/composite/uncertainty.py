"""Ranks under all reasonable choices at once: intervals for every unit, and which choice matters.

Imputation, treatment, normalisation, aggregation, weights and the set of indicators are varied together. The matrices
that the few discrete choices give are made once; thousands of indices are then aggregated in one call each.
What could not be varied is listed with its reason, never skipped in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from zhizao.errors import InputError
from zhizao.model.noun import Noun
from zhizao.programme.composite.aggregate import MAX_PAIRED, aggregate_tree, place
from zhizao.programme.composite.build import Built, needs_positive, normalised, prepared, weighted_scores
from zhizao.programme.composite.sobol import Index, design, indices
from zhizao.programme.composite.steps import Aggregation, Imputation, Normalisation, Treatment, Units, Weighting
from zhizao.programme.composite.structure import Floats
from zhizao.programme.composite.treat import treat

__all__ = ["WHY", "Alternatives", "RankInterval", "Uncertainty", "alternatives", "uncertainty"]

WHY = {
    "no_alternative": ("no alternative that these data allow", "数据不允许其他选择"),
    "ungrouped": ("no column of groups is named (impute_by)", "未指定分组列（impute_by）"),
    "nothing_missing": ("no value is missing", "没有缺失值"),
    "no_imputing": ("the steps do not impute", "步骤中不做插补"),
    "no_treating": ("the steps do not treat outliers", "步骤中不处理异常值"),
    "nothing_to_treat": ("no indicator exceeds the limits of skewness and kurtosis", "没有指标超出偏度与峰度界限"),
    "no_target": ("column target of the structure has gaps", "结构表的目标列有空缺"),
    "no_goalposts": ("columns low and high of the structure have gaps", "结构表的上下限列有空缺"),
    "not_positive": ("values of zero or less", "有零或负值"),
    "too_many_units": ("too many units to compare all pairs", "单位过多，无法两两比较"),
    "too_slow": ("it solves a programme for each unit and run", "每次重算须对每个单位求解一个规划"),
    "no_scheme": ("no other scheme was asked for", "未要求其他赋权方法"),
    "not_asked": ("it was not asked for", "未要求"),
    "two_indicators": ("there are only two indicators", "只有两个指标"),
    "declared": ("it stays as the structure declares it", "按结构表的声明保持不变"),
    "units_stay": ("the set of units stays, so that ranks compare", "单位集合不变，名次才可比"),
    "one_factor": ("only one factor varies, so all variance is its own", "只有一个因素变动，方差全归它"),
    "weights_once": (
        "weights from data are computed once, on the index as built",
        "由数据得出的权重只按原指数计算一次",
    ),
    "positive_scale": (
        "{about} is put on a scale above zero for means that need one",
        "{about} 在需要正值的平均中换用正的尺度",
    ),
}
"""key: (English, Chinese)."""

Progress = Callable[[str, float], None]
_CHUNK = 4_000_000
"""Numbers held at once."""


class Alternatives(Noun):
    """What is varied: the choices that somebody else might have made with equal reason."""

    impute: tuple[Imputation, ...] = ()
    """Ways to impute; empty for the usual ones."""

    treat: tuple[Treatment, ...] = ()
    """Ways to treat outliers; empty for the usual ones."""

    normalise: tuple[Normalisation, ...] = ()
    """Ways to normalise; empty for the usual ones."""

    aggregate: tuple[Aggregation, ...] = ()
    """Ways to aggregate, beside the one of the steps; empty for the usual ones."""

    weights: tuple[Weighting, ...] = ()
    """Ways to weigh, beside the one of the steps."""

    noise: Literal["uniform", "dirichlet", "none"] = "uniform"
    """How weights are disturbed within each group."""

    noise_size: float = Field(default=0.25, ge=0, lt=1)
    """Half width of the uniform factor around 1; for Dirichlet the coefficient of variation of an average weight."""

    leave_out: bool = True
    """Whether one indicator at a time is left out."""


@dataclass(frozen=True, slots=True)
class RankInterval:
    """Where a unit stands when the choices vary.

    Parameters
    ----------
    unit : its name
    rank : by the index as built
    low, high : 5th and 95th percentile of its ranks
    median, mean : of its ranks
    best, worst : of all runs
    """

    unit: str
    rank: int
    low: int
    high: int
    median: float
    mean: float
    best: int
    worst: int


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What the choices do to the ranks.

    Parameters
    ----------
    intervals : of all units, in the order of the built index
    shift : mean absolute rank shift against the index as built, averaged over runs
    sensitivity : shares of the variance of that shift, by choice
    varied : alternatives of each factor
    not_varied : factors and alternatives that stay out, with the reason as a key of `WHY`
    notes : what was adapted so that choices fit together: key of `WHY`, and what it is about
    runs, rebuilds : base sample; indices made
    """

    intervals: tuple[RankInterval, ...]
    shift: float
    sensitivity: tuple[Index, ...]
    varied: dict[str, tuple[str, ...]]
    not_varied: dict[str, str]
    notes: tuple[tuple[str, str], ...]
    runs: int
    rebuilds: int


def alternatives(built: Built, wanted: Alternatives | None = None) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Which alternatives each factor has with these data, and why some cannot be varied.

    Returns
    -------
    tuple
        Alternatives by factor (the one of the index first), and reasons, keys of `WHY`, by factor or alternative.
    """
    wanted = wanted or Alternatives()
    steps, units = built.steps, built.units
    gaps = bool(np.isnan(built.stages["raw"].values).any() | np.isnan(built.stages["normalised"].values).any())
    varied: dict[str, tuple[str, ...]] = {}
    reasons: dict[str, str] = {}

    def offer(factor: str, own: str, asked: tuple[str, ...], usual: tuple[str, ...], refuse: dict[str, str]) -> None:
        chosen = [own]
        for one in asked or usual:
            if one in chosen:
                continue
            if one in refuse:
                reasons[f"{factor}: {one}"] = refuse[one]
            else:
                chosen.append(one)
        if len(chosen) > 1:
            varied[factor] = tuple(chosen)
        else:
            reasons.setdefault(factor, "no_alternative")

    ungrouped = "ungrouped"
    no_group = {"group_mean": ungrouped, "group_median": ungrouped} if not steps.impute_by else {}
    if not gaps:
        reasons["impute"] = "nothing_missing"
    elif "impute" not in steps.order:
        reasons["impute"] = "no_imputing"
    else:
        offer("impute", steps.impute, wanted.impute, ("group_mean", "group_median", "mean", "median"), no_group)
    if "treat" not in steps.order:
        reasons["treat"] = "no_treating"
    elif built.treatment is not None and not wanted.treat and _nothing_to_treat(built):
        reasons["treat"] = "nothing_to_treat"
    else:
        offer("treat", steps.treat, wanted.treat, ("winsorise_log", "winsorise", "none"), {})
    fields = {"target": ("target",), "goalposts": ("low", "high")}
    lacking = {
        name: f"no_{name}"
        for name, needed in fields.items()
        if any(np.isnan(built.structure.column(one)[: built.structure.indicators]).any() for one in needed)
    }
    if (built.stages["raw"].values <= 0).any():
        lacking["frontier"] = "not_positive"
    offer("normalise", steps.normalise, wanted.normalise, ("minmax", "zscore", "rank"), lacking)
    pairs = {"copeland": "too_many_units"} if len(units.names) > MAX_PAIRED else {}
    pairs["bod"] = "too_slow"
    own = "+".join(steps.aggregate)
    offer("aggregate", own, wanted.aggregate, ("arithmetic", "geometric"), pairs)
    schemes = tuple(one for one in wanted.weights if one != steps.weights)
    if schemes:
        varied["weights"] = (steps.weights, *schemes)
    elif "weights" not in varied:
        reasons["weights"] = "no_scheme"
    if wanted.noise != "none" and wanted.noise_size > 0:
        varied["noise"] = (f"{wanted.noise} {wanted.noise_size:g}",)
    else:
        reasons["noise"] = "not_asked"
    if wanted.leave_out and built.structure.indicators > 2:
        varied["leave_out"] = ("none", *built.structure.codes)
    else:
        reasons["leave_out"] = "not_asked" if not wanted.leave_out else "two_indicators"
    reasons["structure"] = "declared"
    reasons["screen"] = "units_stay"
    if "denominate" in steps.order and any(node.denominator for node in built.structure.nodes):
        reasons["denominate"] = "declared"
    return varied, reasons


def _nothing_to_treat(built: Built) -> bool:
    done = built.treatment
    return done is not None and not (done.moved.any() or done.transformed.any() or done.open.any())


def uncertainty(
    units: Units,
    built: Built,
    rng: np.random.Generator,
    *,
    runs: int = 500,
    wanted: Alternatives | None = None,
    progress: Progress | None = None,
) -> Uncertainty:
    """Rank intervals and sensitivity of an index.

    Parameters
    ----------
    units : what the index was built from
    built : the index
    rng : draws the runs
    runs : base sample N; N (factors + 2) indices are made
    wanted : what to vary; the usual alternatives when absent
    progress : told a stage and a share

    Raises
    ------
    InputError : when nothing can be varied, or the index is made by benefit of the doubt

    References
    ----------
    Saisana, Saltelli and Tarantola 2005; OECD and JRC Handbook 2008, step 7; Saltelli et al. 2010; Jansen 1999.
    """
    wanted = wanted or Alternatives()
    if "bod" in built.steps.aggregate:
        raise InputError(
            "benefit of the doubt solves a programme per unit, too slow for thousands of rebuilds",
            where="aggregate",
            fix="build without rank intervals (--runs 0), or aggregate by a mean",
            code="too_slow",
        )
    if runs < 8:
        raise InputError(f"{runs} runs say nothing", where="runs", fix="take 100 or more", code="too_few_runs")
    varied, reasons = alternatives(built, wanted)
    if not varied:
        raise InputError("nothing can be varied", where="alternatives", fix="name some", code="nothing_varied")
    factors = tuple(varied)
    points = design(runs, len(factors), rng)
    model = _Model(units, built, varied, wanted, rng)
    ranks = model.ranks(points, progress)
    shift = np.abs(ranks - built.ranks).mean(axis=1)
    free = ranks[: 2 * runs]
    low, high = np.quantile(free, [0.05, 0.95], axis=0, method="inverted_cdf")
    found = tuple(
        RankInterval(
            name,
            int(built.ranks[i]),
            int(low[i]),
            int(high[i]),
            float(np.median(free[:, i])),
            float(free[:, i].mean()),
            int(free[:, i].min()),
            int(free[:, i].max()),
        )
        for i, name in enumerate(built.units.names)
    )
    told = indices(shift, factors, runs, rng) if len(factors) > 1 else ()
    if len(factors) == 1:
        reasons["sensitivity"] = "one_factor"
    return Uncertainty(
        found, float(shift[: 2 * runs].mean()), told, varied, reasons, tuple(model.notes), runs, len(points)
    )


class _Model:
    """From points of the unit cube to ranks; the matrices of discrete choices are kept."""

    def __init__(
        self,
        units: Units,
        built: Built,
        varied: dict[str, tuple[str, ...]],
        wanted: Alternatives,
        rng: np.random.Generator,
    ) -> None:
        self.built, self.varied, self.wanted = built, varied, wanted
        self.notes: list[tuple[str, str]] = []
        names = set(built.units.names)
        self.units = units.only(np.array([name in names for name in units.names]))
        self.seed = int(rng.integers(2**62))
        self.full: dict[str, Floats] = {}
        self.clean: dict[tuple[str, str], Floats] = {}
        self.leaves: dict[tuple[str, str, str, bool], Floats] = {}
        self.schemes: dict[str, Floats] = {built.steps.weights: built.weights}
        for scheme in varied.get("weights", ()):
            if scheme not in self.schemes:
                leaves = built.stages["normalised"].values
                steps = built.steps.model_copy(update={"weights": scheme})
                self.schemes[scheme] = weighted_scores(leaves, built.structure, steps)[0]
        if len(self.schemes) > 1 or built.steps.weights not in ("given", "equal"):
            self.notes.append(("weights_once", ""))

    def matrix(self, impute: str, treatment: str, norm: str, positive: bool) -> Floats:
        """Normalised indicators under discrete choices."""
        built, steps = self.built, self.built.steps
        if impute not in self.full:
            new = steps.model_copy(update={"impute": impute, "screen": 0.0})
            self.full[impute] = prepared(self.units, built.structure, new)[0].x
        if (impute, treatment) not in self.clean:
            self.clean[impute, treatment] = (
                treat(
                    self.full[impute],
                    treatment,
                    most=steps.winsorise_most,
                    skew=steps.skewness,
                    kurt=steps.kurtosis,
                    power=steps.box_cox,
                ).values
                if "treat" in steps.order
                else self.full[impute]
            )
        key = impute, treatment, norm, positive
        if key not in self.leaves:
            new = steps.model_copy(update={"normalise": norm})
            x = self.clean[impute, treatment]
            leaves = normalised(x, built.structure, new)
            if positive and np.nanmin(leaves) <= 0:
                leaves = normalised(x, built.structure, new, positive=True)
                self.notes.append(("positive_scale", norm))
            self.leaves[key] = leaves
        return self.leaves[key]

    def weights(self, column: Floats, scheme: np.ndarray, out: np.ndarray) -> Floats:
        """Weights of each run, shape `(runs, nodes)`: scheme, noise, and the indicator that is left out."""
        structure, wanted = self.built.structure, self.wanted
        table = np.array(list(self.schemes.values()))
        weights: Floats = table[scheme]
        if "noise" in self.varied:
            width = len(structure.nodes)
            # one column of the design picks one of 4096 disturbances, so that the whole vector is a single factor
            rng = np.random.default_rng(self.seed)
            if wanted.noise == "uniform":
                factors = rng.uniform(1 - wanted.noise_size, 1 + wanted.noise_size, (4096, width))
            else:
                size = max(wanted.noise_size, 1e-6)
                factors = np.ones((4096, width))
                for group in structure.groups:
                    at = list(group.children)
                    nominal = self.built.weights[at] / self.built.weights[at].sum()
                    c = max((len(at) - 1) / size**2 - 1, 1e-6)
                    positive = nominal > 0
                    drawn = rng.gamma(np.where(positive, c * nominal, 1.0), size=(4096, len(at)))
                    factors[:, at] = np.where(positive, drawn / np.where(positive, nominal, 1.0), 0.0)
            weights = weights * factors[np.minimum((column * 4096).astype(np.int64), 4095)]
        gone = out > 0
        weights[np.flatnonzero(gone), out[gone] - 1] = 0.0
        return weights

    def ranks(self, points: Floats, progress: Progress | None = None) -> np.ndarray:
        """Ranks of all units in every run, shape `(runs, units)`."""
        steps, structure = self.built.steps, self.built.structure
        n = len(self.built.units.names)
        picked = {
            factor: np.minimum((points[:, k] * len(options)).astype(np.int64), len(options) - 1)
            for k, (factor, options) in enumerate(self.varied.items())
        }
        zero = np.zeros(len(points), dtype=np.int64)
        noise = points[:, list(self.varied).index("noise")] if "noise" in self.varied else zero.astype(np.float64)
        schemes = list(self.schemes)
        order = np.array([schemes.index(one) for one in self.varied.get("weights", (steps.weights,))])
        weights = self.weights(noise, order[picked.get("weights", zero)], picked.get("leave_out", zero))
        own = {
            "impute": steps.impute,
            "treat": steps.treat,
            "normalise": steps.normalise,
            "aggregate": "+".join(steps.aggregate),
        }
        options = {factor: self.varied.get(factor, (name,)) for factor, name in own.items()}
        key = zero.copy()
        for factor, names in options.items():
            key = key * len(names) + picked.get(factor, zero)
        out = np.empty((len(points), n), dtype=np.int64)
        size = max(_CHUNK // (n * len(structure.nodes)), 1)
        done = 0
        for value in np.unique(key):
            rows = np.flatnonzero(key == value)
            choice = {factor: names[picked.get(factor, zero)[rows[0]]] for factor, names in options.items()}
            methods = tuple(choice["aggregate"].split("+"))
            leaves = self.matrix(choice["impute"], choice["treat"], choice["normalise"], needs_positive(methods))
            for start in range(0, len(rows), size):
                part = rows[start : start + size]
                scores = aggregate_tree(leaves, weights[part], structure, methods)
                out[part] = place(np.round(scores[..., -1], 12))
                done += len(part)
                if progress:
                    progress("rank intervals", done / len(points))
        self.notes = list(dict.fromkeys(self.notes))
        return out
