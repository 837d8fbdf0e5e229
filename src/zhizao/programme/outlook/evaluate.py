"""The evaluation of a catalogue of indicators against published values: states, probabilities, outlook, own back-test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from zhizao.programme.indicators.actuals import Actuals, Observation, Said, Series, Source
from zhizao.programme.indicators.catalogue import Catalogue
from zhizao.programme.indicators.definition import Definition, Kind, Target
from zhizao.programme.outlook.backtest import OwnTest, own_coverage
from zhizao.programme.outlook.judge import STALE_YEARS, Judgement, State, judge
from zhizao.programme.outlook.track import Point, Track, Tracks, day_of, tracks_of

__all__ = ["FAN", "Evaluation", "Fan", "IndicatorResult", "Settings", "evaluate", "says_little"]

FAN = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""Quantiles of a fan chart."""

LAST_YEAR = 2049


@dataclass(frozen=True, slots=True)
class Settings:
    """How an evaluation is made.

    Parameters
    ----------
    as_of : day whose knowledge counts
    target_set : only targets of this set; all when None
    include_unverified : judge by values that are only remembered, too
    revisions : by indicator, standard deviation by which a first value is revised, as a share of the ratio
    """

    as_of: date
    target_set: str | None = None
    include_unverified: bool = False
    revisions: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Fan:
    """Quantiles of the figure by year.

    Parameters
    ----------
    years : of the columns
    quantiles : rows by `FAN`, in the indicator's unit
    series : on which it rests
    values : how many values it rests on
    """

    years: tuple[int, ...]
    quantiles: tuple[tuple[float, ...], ...]
    series: str
    values: int

    def at(self, year: int) -> tuple[float, float, float] | None:
        """Low, median and high (95 %) of a year."""
        if year not in self.years:
            return None
        i = self.years.index(year)
        return self.quantiles[0][i], self.quantiles[3][i], self.quantiles[6][i]


@dataclass(frozen=True, slots=True)
class IndicatorResult:
    """One indicator, evaluated.

    Parameters
    ----------
    definition : version that was used
    tracks : what was known of it
    series : names of its series
    gaps : what is missing or broken
    judgements : one a target
    fan : outlook; None where there is none, then `no_fan` says why
    test : back-test on its own values
    cannot_judge : why no target can be judged; None when one can
    """

    definition: Definition
    tracks: Tracks
    series: tuple[Series, ...]
    gaps: tuple[Said, ...]
    judgements: tuple[Judgement, ...]
    fan: Fan | None
    no_fan: Said | None
    test: OwnTest
    cannot_judge: Said | None

    @property
    def newest(self) -> Point | None:
        """Newest published point of the series that is judged by; of any series where none is."""
        first = self.judgements[0].target.target_set if self.judgements else None
        names = [one.series for one in self.judgements if one.target.target_set == first and one.series]
        for track in self.tracks.tracks:
            if names and track.series == names[-1] and track.observed:
                return track.observed[-1]
        return self.tracks.observed[-1] if self.tracks.observed else None

    def series_name(self, name: str, lang: str) -> str:
        """Name of a series in a language."""
        return next((one(lang) for one in self.series if one.id == name), name)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything an evaluation found, with what it rests on.

    Parameters
    ----------
    settings : how it was made
    results : one an indicator, in the order of the catalogue
    catalogue : definitions by version
    sources : of the values
    observations : all values handed in
    """

    settings: Settings
    results: tuple[IndicatorResult, ...]
    catalogue: Catalogue
    sources: dict[str, Source]
    observations: tuple[Observation, ...]

    def result(self, key: str) -> IndicatorResult:
        """Result of one indicator.

        Raises
        ------
        KeyError : when it was not evaluated
        """
        for one in self.results:
            if one.definition.id == key:
                return one
        raise KeyError(key)


def evaluate(catalogue: Catalogue, actuals: Actuals, settings: Settings) -> Evaluation:
    """Hold every indicator against its targets.

    Parameters
    ----------
    catalogue : definitions
    actuals : published values
    settings : day, target set and more

    Examples
    --------
    >>> from datetime import date
    >>> from zhizao.programme.indicators import actuals, catalogue
    >>> found = evaluate(catalogue(), actuals(), Settings(date(2026, 6, 30), "plan2025"))
    >>> [one.state.value for one in found.result("IND11").judgements], found.result("IND10").cannot_judge.en[:22]
    (['reached', 'reached'], 'no verifiable value; 1')
    """
    today = day_of(settings.as_of)
    by_id: dict[str, list[Observation]] = {}
    for value in actuals.observations:
        by_id.setdefault(value.indicator, []).append(value)
    results = []
    for key, definition in catalogue.current.items():
        wanted = [one for one in definition.targets if settings.target_set in (None, one.target_set)]
        if settings.target_set is not None and not wanted:
            continue
        series = actuals.series.get(key, ())
        tracks = tracks_of(
            definition,
            by_id.get(key, []),
            as_of=settings.as_of,
            order=[one.id for one in series],
            include_unverified=settings.include_unverified,
            revision=(settings.revisions or {}).get(key),
        )
        results.append(_result(definition, wanted, tracks, series, actuals.gaps.get(key, ()), today))
    return Evaluation(settings, tuple(results), catalogue, actuals.sources, actuals.observations)


def _result(
    definition: Definition,
    targets: list[Target],
    tracks: Tracks,
    series: tuple[Series, ...],
    gaps: tuple[Said, ...],
    today: float,
) -> IndicatorResult:
    judged = tuple(
        judge(definition, one, tracks, today=today)
        for one in sorted(targets, key=lambda each: (each.target_set != "plan2025", each.target_set, each.year))
    )
    fan, no_fan = _fan(definition, tracks, today)
    cannot = None
    if not judged:
        cannot = Said(zh="没有目标", en="no target")
    elif all(one.state is State.CANNOT_JUDGE for one in judged):
        cannot = [one for one in judged if one.target.target_set == judged[0].target.target_set][-1].reason
    test = own_coverage([track for track in tracks.tracks if len(track.points) >= 4])
    return IndicatorResult(definition, tracks, series, gaps, judged, fan, no_fan, test, cannot)


def _fan(definition: Definition, tracks: Tracks, today: float) -> tuple[Fan | None, Said | None]:
    usable = [track for track in tracks.tracks if len(track.points) >= 2]
    if not usable:
        n = max((len(track.points) for track in tracks.tracks), default=0)
        return None, Said(
            zh=f"可比的数值只有{n}个，不作展望" if n else "没有可用的数值，不作展望",
            en=f"only {n} comparable value, so no outlook" if n else "no usable value, so no outlook",
        )
    track = usable[0]
    age = today - track.last.at
    if age > STALE_YEARS:
        return None, Said(
            zh=f"最后一个可比的数值已过去{age:.0f}年，不作展望",
            en=f"the last comparable value is {age:.0f} years old, so no outlook",
        )
    return _quantiles(definition, track), None


def _quantiles(definition: Definition, track: Track) -> Fan | None:
    trend = track.trend()
    if trend is None:
        return None
    first = int(np.floor(track.last.at + 1e-9)) + 1
    years = np.arange(first, LAST_YEAR + 1)
    if not len(years):
        return None
    shares = np.array(FAN)
    if track.growth:
        span = definition.period_years or 1
        years = years[years - span >= track.points[0].at]
        if not len(years):
            return None
        times = np.concatenate([years, years - span]).astype(float)
        n = len(years)
        combine = np.hstack([np.eye(n), -np.eye(n)])
        x = trend.forecast(times, combine).quantiles(shares)
        found = 100.0 * np.expm1(x / span)
    else:
        x = trend.forecast(years.astype(float)).quantiles(shares)
        found = track.scale.back(x)
    rows = tuple(tuple(float(one) for one in row) for row in found)
    return Fan(tuple(int(one) for one in years), rows, track.series, len(track.points))


def says_little(definition: Definition, low: float, middle: float, high: float) -> bool:
    """Whether an interval is so wide that it says next to nothing.

    Examples
    --------
    >>> from zhizao.programme.indicators import definitions
    >>> found = definitions()
    >>> says_little(found["IND01"], 0.6, 3.9, 15.7), says_little(found["IND03"], 81.2, 87.9, 92.3)
    (True, False)
    """
    width = high - low
    if definition.kind is Kind.LEVEL:
        return width > (2.0 * abs(middle) if definition.ceiling is None else 0.5 * definition.ceiling)
    return width > {Kind.REDUCTION: 60.0, Kind.POINTS: 20.0, Kind.GROWTH: 15.0}[definition.kind]
