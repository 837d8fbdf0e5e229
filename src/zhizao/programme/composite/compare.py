"""A unit beside its peers, and a league that says where it cannot tell two units apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from zhizao.errors import InputError
from zhizao.programme.composite.aggregate import place
from zhizao.programme.composite.structure import Floats

__all__ = ["League", "Peers", "Position", "league", "nearest_peers", "position"]


@dataclass(frozen=True, slots=True)
class Peers:
    """Who is compared.

    Parameters
    ----------
    at : places of the peers, nearest first
    distance : of each, in robust spreads per feature
    within : columns of labels that peers share with the unit
    widened : columns that had to be given up to find enough
    """

    at: np.ndarray
    distance: Floats
    within: tuple[str, ...]
    widened: tuple[str, ...]


def nearest_peers(
    who: int, labels: Mapping[str, Sequence[str]], features: Floats, *, most: int = 30, least: int = 10
) -> Peers:
    """The nearest peers of a unit: same labels as far as there are enough, then nearest in structure.

    Parameters
    ----------
    who : place of the unit
    labels : columns such as industry and size, most binding first; the last are given up first
    features : structure, shape `(units, features)`, such as log employees or energy share; NaN is skipped
    most : most peers
    least : fewest; labels are given up until there are so many

    Examples
    --------
    >>> x = np.array([[1.0], [1.1], [5.0], [1.2]])
    >>> peers = nearest_peers(0, {"industry": ["31", "31", "31", "13"]}, x, most=1, least=1)
    >>> peers.at.tolist(), peers.within
    ([1], ('industry',))
    """
    n = len(features)
    columns = {name: np.asarray(values) for name, values in labels.items()}
    kept, gone = list(columns), []
    while True:
        pool = np.ones(n, dtype=np.bool_)
        for name in kept:
            pool &= columns[name] == columns[name][who]
        pool[who] = False
        if pool.sum() >= least or not kept:
            break
        gone.append(kept.pop())
    at = np.flatnonzero(pool)
    if not len(at):
        raise InputError("there is no other unit", where="peers", fix="add units", code="too_few_units")
    middle = np.nanmedian(features, axis=0)
    spread = 1.4826 * np.nanmedian(np.abs(features - middle), axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    apart = (features[at] - features[who]) / spread
    known = ~np.isnan(apart)
    square = np.where(known, apart, 0.0) ** 2
    distance = np.where(known.any(axis=1), np.sqrt(square.sum(axis=1) / np.maximum(known.sum(axis=1), 1)), np.inf)
    order = np.argsort(distance, kind="stable")[:most]
    return Peers(at[order], distance[order], tuple(kept), tuple(gone))


@dataclass(frozen=True, slots=True)
class Position:
    """Where a value stands among its peers.

    Parameters
    ----------
    share : of the peers that are worse, ties by half, 0 to 1
    low, high : 95 % interval of that share
    peers : how many have a value
    median, quartiles : of the peers
    """

    share: float
    low: float
    high: float
    peers: int
    median: float
    quartiles: tuple[float, float]


def position(value: float, peers: Floats, *, direction: int = 1, se: float = 0.0, level: float = 0.95) -> Position:
    """Quantile position of a value among peers, with its interval.

    Parameters
    ----------
    value : of the unit
    peers : values of its peers
    direction : 1 where more is better
    se : standard error of the value; widens the interval to the positions of value plus and minus its error
    level : of the interval; the peers count as a sample of enterprises like the unit (Wilson's interval)

    Examples
    --------
    >>> where = position(7.0, np.arange(10.0))
    >>> where.share, round(where.low, 3), round(where.high, 3)
    (0.75, 0.442, 0.919)

    References
    ----------
    Wilson 1927.
    """
    seen = peers[~np.isnan(peers)] * direction
    n = len(seen)
    if not n or np.isnan(value):
        raise InputError("no peer has a value", where="peers", fix="widen the peers", code="too_few_units")
    z = float(stats.norm.ppf(0.5 + level / 2))

    def share(x: float) -> float:
        return float(((seen < x).sum() + 0.5 * (seen == x).sum()) / n)

    def wilson(p: float, side: float) -> float:
        middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return float((middle + side * half) / (1 + z * z / n))

    own = value * direction
    quartiles = np.quantile(seen * direction, [0.25, 0.5, 0.75])
    return Position(
        share(own),
        min(wilson(share(own - z * se), -1.0), share(own)),  # at 0 and 1 rounding would leave the share outside
        max(wilson(share(own + z * se), 1.0), share(own)),
        n,
        float(quartiles[1]),
        (float(quartiles[0]), float(quartiles[2])),
    )


@dataclass(frozen=True, slots=True)
class League:
    """Ranks of estimates with the places that cannot be told apart.

    Parameters
    ----------
    rank : by the estimates, 1 is best
    low, high : interval of the true rank of each unit; all of them hold together at the level
    level : that level
    bands : number of the tie band of each unit: neighbours in the league share one as long as their intervals meet
    """

    rank: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float
    bands: np.ndarray


def league(estimates: Floats, errors: Floats, *, direction: int = 1, level: float = 0.95) -> League:
    """Joint rank intervals from estimates and their standard errors.

    Parameters
    ----------
    estimates, errors : shape `(units,)`; independent
    direction : 1 where more is better
    level : probability that every interval holds its unit's true rank

    Examples
    --------
    >>> table = league(np.array([10.0, 9.9, 5.0]), np.array([0.2, 0.2, 0.2]))
    >>> table.low.tolist(), table.high.tolist(), table.bands.tolist()
    ([1, 1, 3], [2, 2, 3], [1, 1, 2])

    References
    ----------
    Klein, Wright and Wieczorek 2020: confidence intervals at Sidak's level that do not overlap order two units.
    """
    n = len(estimates)
    if errors.shape != estimates.shape or (errors < 0).any() or np.isnan(estimates + errors).any():
        raise InputError(
            "estimates and standard errors do not fit together",
            where="league",
            fix="give every unit a value and an error of zero or more",
            code="bad_errors",
        )
    z = float(stats.norm.ppf(0.5 + 0.5 * level ** (1 / n)))
    own = estimates * direction
    bottom, top = own - z * errors, own + z * errors
    low = 1 + (n - np.searchsorted(np.sort(bottom), top, side="right"))
    high = n - np.searchsorted(np.sort(top), bottom, side="left")
    rank = place(own)
    order = np.lexsort((-top, rank))
    bands = np.empty(n, dtype=np.int64)
    band, floor = 1, bottom[order[0]]
    for i in order:
        if top[i] < floor:
            band, floor = band + 1, bottom[i]
        bands[i] = band
        floor = max(floor, bottom[i])
    return League(rank, low, high, level, bands)
