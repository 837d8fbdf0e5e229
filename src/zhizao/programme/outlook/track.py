"""A track: the values of one comparable series of one indicator, as they were known on a day, ready for the model.

Of several vintages of a value the last one published by that day counts; what vintages changed by gives the revision
error of values that may still be revised. A change counts from its base year, where it is nought exactly. Values that
are remembered, were written before their year had ended, or only bound the truth stay out; bounds are kept beside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zhizao.programme.indicators.actuals import Observation
from zhizao.programme.indicators.definition import Definition, Kind
from zhizao.programme.outlook.figures import Scale, figure_of, scale_of, value_error
from zhizao.programme.outlook.trend import Trend

__all__ = ["Point", "Track", "Tracks", "day_of", "thinned", "tracks_of"]

SAME = 0.02
"""Times closer than this, in years, are one time."""

_MOST = 40
"""Most points that a model is fitted to."""

_OPEN_YEARS = 2.0
"""Values this close to the newest may still be revised."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value that counts.

    Parameters
    ----------
    at : end of its period, in years
    figure : in the indicator's unit; the ratio of a growth that is given as ratios
    x : on the scale
    error : standard error on the scale, revision included
    revision : standard deviation of the revision that may still come, on the scale
    observation : what was published; None for the base year of a change
    vintages : how many versions of it were known
    """

    at: float
    figure: float
    x: float
    error: float
    revision: float
    observation: Observation | None
    vintages: int = 1


@dataclass(frozen=True, slots=True)
class Track:
    """One comparable series.

    Parameters
    ----------
    series : its name
    scale : on which it moves
    points : ascending in time
    growth : values are the ratios of a growth
    """

    series: str
    scale: Scale
    points: tuple[Point, ...]
    growth: bool = False

    @property
    def times(self) -> NDArray[np.float64]:
        """Times of the points, (n,)."""
        return np.array([one.at for one in self.points])

    @property
    def observed(self) -> tuple[Point, ...]:
        """Points that were published, without the base year."""
        return tuple(one for one in self.points if one.observation is not None)

    @property
    def last(self) -> Point:
        """Newest point."""
        return self.points[-1]

    def trend(self) -> Trend | None:
        """The model fitted to the points, many of them thinned out; None with fewer than two."""
        points = thinned(self.points)
        if len(points) < 2:
            return None
        return _trend(*(tuple(getattr(one, name) for one in points) for name in ("at", "x", "error")))

    @property
    def revisions(self) -> NDArray[np.float64]:
        """Revision errors of the points that the model is fitted to, (n,)."""
        return np.array([one.revision for one in thinned(self.points)])


def thinned(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """At most 40 points: the base year and first, the newest 30, evenly chosen ones between; older ones add little."""
    if len(points) <= _MOST:
        return points
    old, new = points[:-30], points[-30:]
    kept = set(np.unique(np.linspace(0, len(old) - 1, _MOST - 31).round().astype(int)).tolist())
    return (*(one for i, one in enumerate(old) if i in kept or one.observation is None), *new)


@lru_cache(maxsize=1024)
def _trend(times: tuple[float, ...], x: tuple[float, ...], errors: tuple[float, ...]) -> Trend:
    return Trend.of(np.array(times), np.array(x), np.array(errors))


@dataclass(frozen=True, slots=True)
class Tracks:
    """All series of one indicator as known on a day.

    Parameters
    ----------
    tracks : the one that is judged by first in front
    bounds : values that only bound the truth
    context : values that are shown and not judged by
    unverified : how many values were left out as remembered only
    forecasts : how many were left out as written before their year had ended
    outside : how many the scale cannot carry (a share of nought, a negative ratio)
    later : how many were not known on the day
    """

    tracks: tuple[Track, ...]
    bounds: tuple[Observation, ...] = ()
    context: tuple[Observation, ...] = ()
    unverified: int = 0
    forecasts: int = 0
    outside: int = 0
    later: int = 0

    @property
    def observed(self) -> tuple[Point, ...]:
        """Published points of all series, ascending in time."""
        return tuple(sorted((p for track in self.tracks for p in track.observed), key=lambda one: one.at))


def day_of(when: date) -> float:
    """A day in years: the end of 2021 is 2021.0.

    Examples
    --------
    >>> day_of(date(2021, 12, 31)), round(day_of(date(2025, 3, 31)), 2)
    (2021.0, 2024.25)
    """
    length = date(when.year, 12, 31).timetuple().tm_yday
    return when.year - 1 + when.timetuple().tm_yday / length


def tracks_of(
    definition: Definition,
    observations: Sequence[Observation],
    *,
    as_of: date | None = None,
    order: Sequence[str] = (),
    include_unverified: bool = False,
    revision: float | None = None,
) -> Tracks:
    """The comparable series of one indicator.

    Parameters
    ----------
    definition : of the indicator
    observations : of this indicator, in any order
    as_of : only what was published by this day; a value without a day is known once its period is over
    order : names of the series, the one that is judged by first in front; others follow as they appear
    include_unverified : take remembered values too
    revision : standard deviation by which a first value is revised, as a share of the ratio; from vintages when None
    """
    counts = {"unverified": 0, "forecasts": 0, "outside": 0, "later": 0}
    bounds: list[Observation] = []
    context: list[Observation] = []
    grouped: dict[str, dict[float, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    for one in observations:
        if as_of is not None and (one.published > as_of if one.published else one.when > day_of(as_of) + 1e-9):
            counts["later"] += 1
        elif one.unverified and not include_unverified:
            counts["unverified"] += 1
        elif one.context:
            context.append(one)
        elif one.forecast:
            counts["forecasts"] += 1
        elif one.bound is not None:
            bounds.append(one)
        else:
            grouped[one.series][round(one.when, 3)].append(one)
    names = [*(name for name in order if name in grouped), *(name for name in grouped if name not in order)]
    tracks = []
    for name in names:
        track, outside = _track(definition, name, grouped[name], revision)
        counts["outside"] += outside
        if track is not None:
            tracks.append(track)
    return Tracks(tuple(tracks), tuple(bounds), tuple(context), **counts)


def _track(
    definition: Definition, name: str, by_time: Mapping[float, list[Observation]], revision: float | None
) -> tuple[Track | None, int]:
    versions = {when: sorted(found, key=_freshness) for when, found in by_time.items()}
    newest = {when: found[-1] for when, found in versions.items()}
    growth = definition.kind is Kind.GROWTH and any(one.ratio for one in newest.values())
    scale = scale_of(definition, ratios=growth)
    ratios = {one.year: one.value for one in newest.values() if one.ratio and one.when == one.year}

    def figure(one: Observation) -> float | None:
        if definition.kind is Kind.GROWTH:
            return one.value if one.ratio == growth else None
        if not one.ratio or definition.kind is Kind.LEVEL:
            return one.value
        return figure_of(definition, {**ratios, one.year: one.value}, one.year)

    changes: list[float] = []
    for found in versions.values():
        given = [value for one in (found[0], found[-1]) if (value := figure(one)) is not None and scale.fits(value)]
        if len(found) > 1 and len(given) == 2:
            changes.append(scale.to(given[1]) - scale.to(given[0]))
    if revision is None:  # first values against last ones; few vintages say little, none say nothing
        revision_x = float(np.sqrt(np.mean(np.square(changes)))) if len(changes) >= 2 else 0.0
    else:
        revision_x = 0.0
    end = max(newest)
    points, outside = [], 0
    for when in sorted(newest):
        one = newest[when]
        value = figure(one)
        if value is None or not scale.fits(value):
            outside += 1
            continue
        if definition.kind in (Kind.POINTS, Kind.REDUCTION) and when == definition.base_year:
            continue  # nought exactly, below
        open_ = when > end - _OPEN_YEARS and len(versions[when]) == 1
        ratio = 100.0 + value if definition.kind is Kind.REDUCTION else value
        expected = revision_x if revision is None else scale.slope(value) * revision * abs(ratio)
        still = expected if open_ else 0.0
        error = float(np.hypot(scale.slope(value) * value_error(definition, one, value), still))
        points.append(Point(when, value, scale.to(value), error, still, one, len(versions[when])))
    if not points:
        return None, outside
    if definition.kind in (Kind.POINTS, Kind.REDUCTION) and definition.base_year is not None:
        points.append(Point(float(definition.base_year), 0.0, 0.0, 0.0, 0.0, None))
    points.sort(key=lambda one: one.at)
    kept = [points[0]]
    for point in points[1:]:
        if point.at - kept[-1].at > SAME:
            kept.append(point)
    return Track(name, scale, tuple(kept), growth), outside


def _freshness(one: Observation) -> tuple[date, int]:
    return one.published or date.min, {"low": 0, "medium": 1, "high": 2}[one.confidence]
