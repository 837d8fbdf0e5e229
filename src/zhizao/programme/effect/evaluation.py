"""An evaluation that is fixed before the data: the specification with its hash, and the finding that names it.

A finding says `causal` only when the tests that the specification asks for are passed; else it says why there is no
causal reading, and the estimate stays to be seen as a difference.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from zhizao.errors import InputError
from zhizao.model.noun import Noun
from zhizao.programme.effect.panel import NEVER, Panel
from zhizao.programme.effect.staggered import EventStudy, event_study, group_time, overall, simultaneous
from zhizao.programme.effect.synthetic import Synthetic, synthetic_control
from zhizao.programme.effect.trends import Honest, PreTrend, honest_bounds, pre_trend
from zhizao.programme.effect.twfe import Estimate, two_by_two, two_way_fixed_effects

__all__ = ["REASONS", "Finding", "Reason", "Specification", "evaluate"]

MIN_CLUSTERS = 10
"""Fewest treated and fewest other clusters behind a clustered error that can be believed."""
POOR_FIT = 0.5
"""Gap before joining, relative to the spread of the treated path, beyond which a synthetic control follows nothing."""


class Specification(Noun):
    """What is evaluated and how, fixed before the outcome is seen."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Identifier of the evaluation."""

    programme: str = ""
    """What was done to the enterprises."""

    registered: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    """Day on which the specification was fixed."""

    unit: str = "enterprise"
    """Column that names the units."""

    time: str = "year"
    """Column of periods, whole numbers."""

    outcome: str
    """Column of the outcome."""

    treated: str
    """Column of the first treated period, or of 0 and 1."""

    cluster: str = ""
    """Column of clusters; each unit is its own when empty."""

    transform: Literal["none", "log"] = "none"
    """What is done to the outcome."""

    window: tuple[int, int] | None = None
    """First and last period that count."""

    method: Literal["did", "twfe", "staggered", "synthetic"] = "staggered"
    """Two periods, two-way fixed effects, group-time effects, synthetic control."""

    control: Literal["never", "not_yet"] = "not_yet"
    """Who is compared with, for group-time effects."""

    anticipation: int = Field(default=0, ge=0)
    """Periods before joining in which behaviour may change already."""

    periods: tuple[int, int] | None = None
    """Period before and period after, for `did`."""

    cohort: int | None = None
    """First treated period, for `synthetic` with several."""

    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Level of the test of trends before joining: below it there is no causal reading."""

    survive: float = Field(default=0.0, ge=0)
    """M-bar at which the interval of the first effect must still leave out zero; 0 asks for nothing."""

    @model_validator(mode="after")
    def _fits(self) -> Specification:
        if self.method == "did" and self.periods is None:
            raise ValueError("method did needs periods: [before, after]")
        if self.periods is not None and not self.periods[0] < self.periods[1]:
            raise ValueError(f"periods {list(self.periods)} do not rise")
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ValueError(f"window {list(self.window)} does not rise")
        return self

    def digest(self) -> str:
        """SHA-256 of everything that it says.

        Examples
        --------
        >>> Specification(id="E1", outcome="y", treated="g").digest()[:8]
        '8b52287e'
        """
        told = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()


REASONS = {
    "pre_trend": (
        "before joining they were moving apart already (p = {p:.3g})",
        "参加之前两组走势已不平行（p = {p:.3g}）",
    ),
    "untested": (
        "no period before joining is left to test the trends",
        "没有可供检验趋势的参加前时期",
    ),
    "few_clusters": (
        "{treated} treated and {others} other clusters carry it; the error cannot be believed under {least}",
        "只有 {treated} 个受处理组群和 {others} 个对照组群，少于 {least} 个时误差不可信",
    ),
    "not_robust": (
        "a difference in trends {ratio:.2g} times that seen before would explain it; {wanted:.2g} was asked for",
        "趋势差异达到参加前的 {ratio:.2g} 倍即可解释该效应，而方案要求 {wanted:.2g} 倍",
    ),
    "mixed": (
        "{cohorts} cohorts join at different times, which this method mixes; use staggered",
        "{cohorts} 批企业先后参加，该方法会混淆，应使用 staggered",
    ),
    "poor_fit": (
        "the synthetic path misses the treated one before joining by {fit:.0%} of its spread",
        "合成路径在参加前偏离受处理者，偏差为其波动的 {fit:.0%}",
    ),
    "late": (
        "the specification was registered on {day}, after the last period of the data",
        "方案于 {day} 登记，晚于数据的最后时期",
    ),
    "unregistered": ("the specification says no day of registration", "方案没有登记日期"),
}
"""code: (English, Chinese)."""

NOTES = frozenset({"late", "unregistered"})
"""Reasons that are told but do not forbid a causal reading."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is no causal reading, or what has to be known.

    Parameters
    ----------
    code : key of `REASONS`
    en, zh : in words
    """

    code: str
    en: str
    zh: str


def _reason(code: str, **values: object) -> Reason:
    en, zh = REASONS[code]
    return Reason(code, en.format(**values), zh.format(**values))


@dataclass(frozen=True, slots=True)
class Finding:
    """What an evaluation found, and what it rests on.

    Parameters
    ----------
    spec : the specification
    spec_hash, data_hash : SHA-256 of both
    estimate : the effect; for a synthetic control without error, which its placebos replace
    study : effects by time since joining, where there are any
    band : critical value of a band that holds for all of them together
    trend : test of the periods before joining
    honest, breakdown : bounds under differing trends, and the ratio that the effect survives
    synthetic : paths, weights and placebos
    units, treated, periods : size of the panel
    left_out : comparisons that could not be made
    causal : whether it may be read as an effect
    reasons : why not
    notes : what else has to be known
    """

    spec: Specification
    spec_hash: str
    data_hash: str
    estimate: Estimate
    study: EventStudy | None
    band: float
    trend: PreTrend | None
    honest: tuple[Honest, ...]
    breakdown: float
    synthetic: Synthetic | None
    units: int
    treated: int
    periods: int
    left_out: int
    causal: bool
    reasons: tuple[Reason, ...]
    notes: tuple[Reason, ...]


def evaluate(panel: Panel, spec: Specification, rng: np.random.Generator) -> Finding:
    """The effect of a programme, by its specification and nothing else.

    Parameters
    ----------
    panel : read by the columns, window and transform of the specification
    spec : the specification
    rng : draws bootstrap multipliers and placebos

    Raises
    ------
    InputError : when the panel does not allow the method
    """
    if not panel.ever.any():
        raise InputError("no unit is treated", where="panel", fix="correct the column of treatment", code="no_treated")
    reasons: list[Reason] = []
    study, trend, synthetic = None, None, None
    honest: tuple[Honest, ...] = ()
    band, breakdown, left_out = float("nan"), float("nan"), 0
    cohorts = np.unique(panel.cohort[panel.ever])
    if spec.method == "synthetic":
        synthetic = synthetic_control(panel, rng, cohort=spec.cohort)
        nan = float("nan")
        estimate = Estimate(synthetic.effect, nan, nan, nan, synthetic.p, synthetic.placebos + 1)
        if synthetic.fit > POOR_FIT:
            reasons.append(_reason("poor_fit", fit=synthetic.fit))
    else:
        found = group_time(panel, control=spec.control, anticipation=spec.anticipation)
        left_out = len(found.left_out)
        study = event_study(found, panel)
        clusters = len(np.unique(panel.cluster))
        trend = pre_trend(study, clusters)
        honest, breakdown = honest_bounds(study, event=0)
        band = simultaneous(study.influence, panel.cluster, rng)
        if spec.method == "staggered":
            estimate = overall(found, panel)[0]
        elif spec.method == "twfe":
            estimate = two_way_fixed_effects(panel)
        else:
            assert spec.periods is not None
            missing = [one for one in spec.periods if one not in panel.times]
            if missing:
                raise InputError(
                    f"the panel has no period {missing[0]}", where="periods", fix="correct it", code="no_period"
                )
            before, after = (panel.times.index(one) for one in spec.periods)
            estimate = two_by_two(panel, before, after)
        if spec.method != "staggered" and len(cohorts) > 1:
            reasons.append(_reason("mixed", cohorts=len(cohorts)))
        if np.isnan(trend.p):
            reasons.append(_reason("untested"))
        elif trend.p < spec.alpha:
            reasons.append(_reason("pre_trend", p=trend.p))
        treated = len(np.unique(panel.cluster[panel.ever]))
        others = len(np.unique(panel.cluster[panel.cohort == NEVER])) if spec.control == "never" else clusters - treated
        others = max(others, clusters - treated)
        if spec.control == "not_yet" and len(cohorts) > 1:
            others = max(others, len(np.unique(panel.cluster[panel.cohort > cohorts[0]])))
        if min(treated, others) < MIN_CLUSTERS:
            reasons.append(_reason("few_clusters", treated=treated, others=others, least=MIN_CLUSTERS))
        if spec.survive > 0 and not breakdown >= spec.survive:
            reasons.append(_reason("not_robust", ratio=breakdown, wanted=spec.survive))
    notes = _registered(spec, panel)
    return Finding(
        spec=spec,
        spec_hash=spec.digest(),
        data_hash=panel.digest(),
        estimate=estimate,
        study=study,
        band=band,
        trend=trend,
        honest=honest,
        breakdown=breakdown,
        synthetic=synthetic,
        units=len(panel.units),
        treated=int(panel.ever.sum()),
        periods=len(panel.times),
        left_out=left_out,
        causal=not reasons,
        reasons=tuple(reasons),
        notes=notes,
    )


def _registered(spec: Specification, panel: Panel) -> tuple[Reason, ...]:
    """Whether the specification stood before the last period ended."""
    if not spec.registered:
        return (_reason("unregistered"),)
    last = panel.times[-1]
    if 1900 <= last <= 2200:
        late = int(spec.registered[:4]) > last
    elif 190001 <= last <= 220012:
        late = int(spec.registered[:7].replace("-", "")) > last
    else:
        return ()
    return (_reason("late", day=spec.registered),) if late else ()
