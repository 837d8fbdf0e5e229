"""Against a target: reached, missed, on track, at risk, off track, or not to be judged, and with which probability.

The state follows from what was published: a value of the target year decides; before it, the pace of the last years is
held against the pace that is still required, both on the scale of the indicator (see `figures`), in the way of
Eurostat's monitoring of development goals: at least 95 % of the required pace is on track, at least 60 % at risk, less
off track; what the model makes less likely than not is at risk at best. The probability comes from the model of `trend` and counts all errors. The two are shown side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.programme.indicators.actuals import Observation, Said
from zhizao.programme.indicators.definition import Definition, Kind, Target
from zhizao.programme.indicators.table import print_value
from zhizao.programme.outlook.figures import Scale
from zhizao.programme.outlook.reasons import period_of, said
from zhizao.programme.outlook.track import Point, Track, Tracks

__all__ = ["STALE_YEARS", "Judgement", "State", "judge", "probability"]

ON_TRACK, AT_RISK = 0.95, 0.6
LIKELY = 0.5
"""Probability below which nothing is called on track, whatever its pace."""

SURE = 0.95
"""Probability from which values on both sides of a year that has none decide it."""

STALE_YEARS = 6.0
"""A value older than this says nothing on a target or an outlook."""

_PACE_YEARS = 5.5
_SAME_TIME = 0.1


class State(StrEnum):
    """Where an indicator stands against a target."""

    REACHED = "reached"
    MISSED = "missed"
    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OFF_TRACK = "off_track"
    CANNOT_JUDGE = "cannot_judge"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One indicator against one target.

    Parameters
    ----------
    target : what was to be reached
    state : where it stands
    reason : why, in two languages
    probability : of the target being reached in its year, 0..1; None where the model has too little
    low, middle, high : 95 % interval and median of the figure in the target's year
    series : which series was judged by
    observed : the published point that decided, or the newest
    pace, required : on the indicator's scale, a year; None where there is none
    parts : standard deviation on the scale by source of error: forecast, revision, sampling
    values : how many values the model rests on, the base year included
    others : states by the other series that could judge
    since : the first published value at or beyond the target, in any series
    """

    target: Target
    state: State
    reason: Said
    probability: float | None = None
    low: float | None = None
    middle: float | None = None
    high: float | None = None
    series: str = ""
    observed: Point | None = None
    pace: float | None = None
    required: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    values: int = 0
    others: dict[str, State] = field(default_factory=dict)
    since: Point | None = None


def judge(definition: Definition, target: Target, tracks: Tracks, *, today: float) -> Judgement:
    """Hold an indicator against a target.

    Parameters
    ----------
    definition : of the indicator
    target : one of its targets, or one that is considered
    tracks : its series as known on the day
    today : the day, in years (see `track.day_of`)

    Returns
    -------
    Judgement
        by the series with a value of the target's year, else by the first series, in their declared order, that can
        judge
    """
    usable = [one for one in tracks.tracks if not target.series or one.series == target.series]
    verdicts = [_by_track(definition, target, one, today) for one in usable]
    decided = [one for one in verdicts if one.state is not State.CANNOT_JUDGE]
    exact = [one for one in decided if one.observed is not None and abs(one.observed.at - target.year) < _SAME_TIME]
    able = [one for one in verdicts if one.state is not State.CANNOT_JUDGE or one.probability is not None]
    chosen = next(iter([*exact, *able]), None)
    if chosen is None or chosen.state is State.CANNOT_JUDGE:
        bound = _by_bound(definition, target, tracks.bounds)
        if bound is not None:
            return bound
    if chosen is None:
        chosen = verdicts[0] if verdicts else Judgement(target, State.CANNOT_JUDGE, _nothing(tracks))
    others = {one.series: one.state for one in decided if one.series != chosen.series}
    since = min((one.since for one in verdicts if one.since is not None), key=lambda point: point.at, default=None)
    return replace(chosen, others=others, since=since)


def probability(
    definition: Definition, target: Target, track: Track, *, published: bool = True
) -> tuple[float, tuple[float, float, float], dict[str, float]] | None:
    """Probability that a series reaches a target, the interval of its figure in that year, and the parts of its error.

    Parameters
    ----------
    definition : of the indicator
    target : what is to be reached
    track : the series
    published : count the error with which the figure will be published

    Returns
    -------
    tuple or None
        probability; low, median and high of the figure (95 %); parts by source. None with fewer than two values
    """
    trend = track.trend()
    if trend is None:
        return None
    times, combine = _functional(definition, target, track)
    mixture = trend.forecast(times, combine, published=published)
    limit = np.array([_limit(definition, target, track.scale, growth=track.growth)])
    below = float(mixture.below(limit)[0])
    x = mixture.quantiles(np.array([0.025, 0.5, 0.975]))[:, 0]
    low, middle, high = (float(one) for one in _figures(definition, x, track))
    found = trend.parts(times, combine, track.revisions)
    parts = {name: float(value[0]) for name, value in found.items()}
    chance = below if definition.direction == "decrease" else 1.0 - below
    return min(max(chance, 0.0), 1.0), (low, middle, high), parts


def _functional(
    definition: Definition, target: Target, track: Track
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    year = float(target.year)
    base = _other_base(definition, target)
    if track.growth:
        return np.array([year, year - (definition.period_years or 1)]), np.array([[1.0, -1.0]])
    if base is not None:
        return np.array([year, float(base)]), np.array([[1.0, -1.0]])
    return np.array([year]), None


def _other_base(definition: Definition, target: Target) -> int | None:
    if definition.kind not in (Kind.POINTS, Kind.REDUCTION) or target.base_year is None:
        return None
    return None if target.base_year == definition.base_year else target.base_year


def _limit(definition: Definition, target: Target, scale: Scale, *, growth: bool) -> float:
    if growth:
        return (definition.period_years or 1) * float(np.log1p(target.value / 100.0))
    if definition.kind is Kind.LEVEL and not scale.fits(target.value):
        return float("inf") if target.value > 0 else float("-inf")
    return scale.to(target.value)


def _figures(definition: Definition, x: NDArray[np.float64], track: Track) -> NDArray[np.float64]:
    if track.growth:
        return np.asarray(100.0 * np.expm1(x / (definition.period_years or 1)), dtype=np.float64)
    return track.scale.back(x)


def _by_track(definition: Definition, target: Target, track: Track, today: float) -> Judgement:
    year = float(target.year)
    base = _other_base(definition, target)
    start = base if base is not None else (year - (definition.period_years or 1) if track.growth else None)
    shift = 0.0
    if start is not None:
        origin = next((one for one in track.points if abs(one.at - start) < _SAME_TIME), None)
        if origin is None:
            return Judgement(target, State.CANNOT_JUDGE, said("no_base", year=int(start)), series=track.series)
        shift = origin.x
    limit = _limit(definition, target, track.scale, growth=track.growth) + shift
    better = -1.0 if definition.direction == "decrease" else 1.0

    def beyond(point: Point) -> bool:
        return better * (point.x - limit) >= -1e-9

    near = [one for one in track.observed if abs(one.at - year) < _SAME_TIME]
    exact = min(near, key=lambda one: abs(one.at - year), default=None)
    before = [one for one in track.points if one.at <= year and one.at >= (start if start is not None else 0.0)]
    after = [one for one in track.observed if one.at > year]
    found = probability(definition, target, track, published=exact is None)
    chance, interval, parts = found if found is not None else (None, (None, None, None), {})
    rest = {
        "since": next((one for one in track.observed if one.at >= (start or 0.0) and beyond(one)), None),
        "probability": chance,
        "low": interval[0],
        "middle": interval[1],
        "high": interval[2],
        "series": track.series,
        "parts": parts,
        "values": len(track.points),
    }

    def made(state: State, reason: Said, point: Point | None, **more: float | None) -> Judgement:
        both: dict[str, Any] = {**rest, **more}
        return Judgement(target, state, reason, observed=point, **both)

    shown = _shown(definition, target, track, shift)
    if exact is not None:
        state = State.REACHED if beyond(exact) else State.MISSED
        return made(state, said("exact", year=target.year, value=shown(exact)), exact)
    if not before and after:
        key = "later_beyond" if beyond(after[0]) else "later_short"
        reason = said(key, year=target.year, at=period_of(after[0]), value=shown(after[0]))
        return _without_model(made(State.CANNOT_JUDGE, reason, after[0]))
    last = before[-1]
    if after:
        both = {
            "value": shown(last),
            "at": period_of(last),
            "value2": shown(after[0]),
            "at2": period_of(after[0]),
            "year": target.year,
            "chance": 100.0 * (chance or 0.0),
        }
        if chance is not None and chance >= SURE:
            return made(State.REACHED, said("between_reached", **both), last)
        if chance is not None and chance <= 1.0 - SURE:
            return made(State.MISSED, said("between_missed", **both), last)
        return made(State.CANNOT_JUDGE, said("between", **both), last)
    over = today >= year
    if year - last.at > STALE_YEARS:
        reason = said("stale", value=shown(last), at=period_of(last), year=target.year)
        return _without_model(made(State.CANNOT_JUDGE, reason, last))
    if beyond(last) and definition.kind is Kind.GROWTH and not track.growth:
        return made(State.ON_TRACK, said("ahead", year=target.year, value=shown(last), at=period_of(last)), last)
    if beyond(last) and last.observation is not None:
        key = "early_over" if over else "early"
        return made(State.REACHED, said(key, year=target.year, value=shown(last), at=period_of(last)), last)
    pace = _pace(before)
    if pace is None:
        reason = said("one_value", value=shown(last), at=period_of(last))
        return _without_model(made(State.CANNOT_JUDGE, reason, last))
    required = better * (limit - last.x) / max(year - last.at, 1e-9)
    actual = better * pace
    share = actual / required if required > 0 else float("inf")
    state = State.ON_TRACK if share >= ON_TRACK else State.AT_RISK if share >= AT_RISK else State.OFF_TRACK
    key = "away" if actual <= 0 else "pace"
    reason = said(
        f"{key}_over" if over else key,
        value=shown(last),
        at=period_of(last),
        share=100.0 * share,
        year=target.year,
    )
    if state is State.ON_TRACK and chance is not None and chance < LIKELY:
        state = State.AT_RISK
        doubt = said("doubt", chance=100.0 * chance)
        reason = Said(zh=f"{reason.zh}；{doubt.zh}", en=f"{reason.en}; {doubt.en}")
    return made(state, reason, last, pace=pace, required=better * required)


def _without_model(one: Judgement) -> Judgement:
    """One value tells no movement: no probability, no interval, whatever the base year adds."""
    kept = {name: getattr(one, name) for name in ("series", "observed", "values", "since")}
    return Judgement(one.target, one.state, one.reason, **kept)


def _pace(points: Sequence[Point]) -> float | None:
    """Change a year over the last five years or so; None without two points, or with the base year and nothing else."""
    if len(points) < 2:
        return None
    last = points[-1]
    window = [one for one in points if one.at >= last.at - _PACE_YEARS]
    first = window[0] if len(window) > 1 else points[-2]
    return (last.x - first.x) / (last.at - first.at)


def _by_bound(definition: Definition, target: Target, bounds: Sequence[Observation]) -> Judgement | None:
    """A value that only bounds the truth can show that a target is reached."""
    if target.base_year not in (None, definition.base_year) or definition.kind is Kind.GROWTH:
        return None
    for one in sorted(bounds, key=lambda each: -each.when):
        if one.ratio or one.when > target.year + _SAME_TIME or (target.series and one.series != target.series):
            continue
        up = definition.direction == "increase" and one.bound == "more_than" and one.value >= target.value
        down = definition.direction == "decrease" and one.bound == "less_than" and one.value <= target.value
        if up or down:
            reason = said(
                "bound",
                value=print_value(definition, one.value),
                at=period_of(Point(one.when, one.value, 0.0, 0.0, 0.0, one)),
            )
            point = Point(one.when, one.value, float("nan"), 0.0, 0.0, one)
            return Judgement(target, State.REACHED, reason, series=one.series, observed=point)
    return None


def _shown(definition: Definition, target: Target, track: Track, shift: float) -> Callable[[Point], str]:
    """A function that prints a point as the target counts it."""

    def text(point: Point) -> str:
        if track.growth:
            years = max(target.year - (definition.period_years or 1), 0)
            span = point.at - years
            value = 100.0 * float(np.expm1((point.x - shift) / span)) if span > 0 else 0.0
        elif shift:
            value = float(track.scale.back(np.array([point.x - shift]))[0])
        else:
            value = point.figure
        places, most = 0, definition.decimals + 1 if shift or track.growth else 3
        while places < most and abs(round(value, places) - value) > 1e-9:
            places += 1
        return print_value(definition, value, more=max(places - definition.decimals, 0))

    return text


def _nothing(tracks: Tracks) -> Said:
    if tracks.unverified:
        return said("unverified", n=tracks.unverified)
    if tracks.context:
        one = max(tracks.context, key=lambda each: each.when)
        return said(
            "context",
            value=f"{one.value:g}",
            at=period_of(Point(one.when, one.value, 0.0, 0.0, 0.0, one)),
            zh=one.note_zh,
            en=one.note_en,
        )
    if tracks.forecasts:
        return said("forecasts")
    return said("later") if tracks.later else said("none")
