"""What would move a unit one place: the smallest change of one raw value that lifts or drops it in the ranking.

A changed value runs through every step again (imputed means, winsorised points, ends of the scale move with it), so the
answer holds for the index as it is made, not for a line drawn through it. Each answer is checked by a full rebuild.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zhizao.errors import InputError
from zhizao.programme.composite.aggregate import aggregate_tree
from zhizao.programme.composite.build import Built, build, normalised
from zhizao.programme.composite.prepare import impute
from zhizao.programme.composite.steps import Units
from zhizao.programme.composite.structure import Floats
from zhizao.programme.composite.treat import treat

__all__ = ["Move", "moves"]

_NUMBERS = 8_000_000
"""Numbers held at once."""
_WAYS = 16
"""Points tried at once when a bracket is narrowed."""


@dataclass(frozen=True, slots=True)
class Move:
    """The smallest change in one indicator that changes a unit's place.

    Parameters
    ----------
    unit, code : whose value of what
    value : as it is
    needed : value that changes the place; NaN when none does
    change : needed minus value
    spreads : size of the change in standard deviations over units, to compare indicators
    rank : place after the change
    beyond : whether the value needed lies outside what any unit has
    checked : whether a full rebuild gives that place, and the old place just short of it
    """

    unit: str
    code: str
    value: float
    needed: float
    change: float
    spreads: float
    rank: int
    beyond: bool
    checked: bool


def moves(
    units: Units, built: Built, unit: str, *, up: bool = True, codes: Sequence[str] | None = None
) -> tuple[Move, ...]:
    """For each indicator the smallest change that moves a unit at least one place, easiest first.

    Parameters
    ----------
    units : what the index was built from
    built : the index
    unit : who is to move
    up : up by a change for the better, else down by one for the worse
    codes : indicators to try; all when absent

    Returns
    -------
    tuple of Move
        Indicators whose value the unit lacks are left out; those that cannot move it come last, with NaN.

    Raises
    ------
    InputError : when the unit is not in the index, or is first (last) already

    Notes
    -----
    Between two values that other units have, the place is a monotone function of the value for the methods here; the
    first such interval in which it changes is narrowed to the last digits. Values are tried to 16 ranges beyond the
    best.
    """
    if unit not in built.units.names:
        raise InputError(f'"{unit}" is not in the index', where="unit", fix="name one of the units", code="no_unit")
    names = set(built.units.names)
    units = units.only(np.array([name in names for name in units.names]))
    who = built.units.names.index(unit)
    if (up and built.ranks[who] == 1) or (not up and built.ranks[who] == built.ranks.max()):
        end = "first" if up else "last"
        raise InputError(f"{unit} is {end} already", where="unit", fix="ask for the other way", code="at_the_end")
    probe = _Probe(units, built, who)
    found = []
    for j, code in enumerate(built.structure.codes):
        if (codes is None or code in codes) and not np.isnan(units.x[who, j]):
            found.append(probe.search(j, up))
    return tuple(sorted(found, key=lambda one: (np.isnan(one.change), one.spreads)))


class _Probe:
    """Places of one unit under changed values of one indicator."""

    def __init__(self, units: Units, built: Built, who: int) -> None:
        self.units, self.built, self.who = units, built, who
        steps = built.steps
        self.apart = steps.weights in ("given", "equal") and "bod" not in steps.aggregate and steps.impute != "em"
        self.base = built.stages["normalised"].values
        self.groups = units.grouping(steps.impute_by)

    def rebuilt(self, j: int, value: float) -> int:
        """Place of the unit by a full rebuild."""
        x = self.units.x.copy()
        x[self.who, j] = value
        steps = self.built.steps.model_copy(update={"screen": 0.0})
        made = build(Units(self.units.names, x, self.units.by, self.units.groups), self.built.structure, steps)
        return int(made.ranks[self.who])

    def places(self, j: int, values: Floats) -> np.ndarray:
        """Places of the unit for many values of indicator j; only that column is made anew where that is enough."""
        built, steps = self.built, self.built.steps
        if not self.apart:
            return np.array([self.rebuilt(j, float(value)) for value in values])
        size = max(_NUMBERS // (len(self.units.names) * len(built.structure.nodes)), 1)
        if len(values) > size:
            parts = [self.places(j, values[start : start + size]) for start in range(0, len(values), size)]
            return np.concatenate(parts)
        x = np.repeat(self.units.x[:, j : j + 1], len(values), axis=1)
        x[self.who] = values
        for step in steps.order:
            if step == "denominate":
                x = x / self.units.by[:, j : j + 1]
            elif step == "impute":
                x = impute(x, steps.impute, self.groups)
            elif step == "treat":
                x = treat(
                    x,
                    steps.treat,
                    most=steps.winsorise_most,
                    skew=steps.skewness,
                    kurt=steps.kurtosis,
                    power=steps.box_cox,
                ).values
        column = normalised(x, built.structure, steps, at=np.full(len(values), j))
        leaves = np.repeat(self.base[None], len(values), axis=0)
        leaves[:, :, j] = column.T
        top = np.round(aggregate_tree(leaves, built.weights, built.structure, steps.aggregate)[..., -1], 12)
        return np.asarray(1 + (top > top[:, self.who : self.who + 1]).sum(axis=1))

    def search(self, j: int, up: bool) -> Move:
        """The smallest change of indicator j."""
        built = self.built
        node = built.structure.nodes[j]
        start = float(self.units.x[self.who, j])
        now = int(built.ranks[self.who])
        way = float(node.direction if up else -node.direction)
        by = self.units.by[:, j] if "denominate" in built.steps.order else np.ones(len(self.units.names))
        seen = self.units.x[:, j] / by * by[self.who]  # what others have, in the unit's own measure
        seen = np.unique(seen[~np.isnan(seen)])
        ahead = seen[(seen - start) * way > 0]
        ahead = ahead[np.argsort(ahead * way)]
        if len(ahead) > 256:
            ahead = ahead[np.unique(np.linspace(0, len(ahead) - 1, 256).astype(np.int64))]
        spread = float(np.std(seen, ddof=1)) if len(seen) > 1 else 0.0
        reach = float(np.ptp(seen)) or abs(start) or 1.0
        last = float(ahead[-1]) if len(ahead) else start
        beyond = last + way * reach * np.array([0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
        edges = np.concatenate([[start], ahead, beyond])
        tried = np.sort(np.concatenate([edges[1:], (edges[1:] + edges[:-1]) / 2]) * way) * way
        if not (self.units.x[:, j] < 0).any():
            tried = tried[tried >= 0]  # a quantity that is nowhere negative does not become so
        nothing = Move(self.units.names[self.who], node.code, start, np.nan, np.nan, np.inf, now, True, False)
        if not len(tried):
            return nothing

        def changed(values: Floats) -> np.ndarray:
            places = self.places(j, values)
            return np.asarray(places < now if up else places > now)

        good = changed(tried)
        if not good.any():
            return nothing
        first = int(np.argmax(good))
        near, far = (start if first == 0 else float(tried[first - 1])), float(tried[first])
        for _ in range(16):
            inside = near + (far - near) * np.arange(1, _WAYS + 1) / (_WAYS + 1)
            if abs(far - near) <= 1e-13 * max(abs(far), abs(near), 1e-300):
                break
            good = changed(inside)
            at = int(np.argmax(good)) if good.any() else _WAYS
            near, far = (near if at == 0 else float(inside[at - 1])), (far if at == _WAYS else float(inside[at]))
        rank = self.rebuilt(j, far)
        short = near if near != start else start + (far - start) * (1 - 1e-6)
        held = self.rebuilt(j, short)
        checked = (rank < now <= held) if up else (rank > now >= held)
        outside = not (seen[0] <= far <= seen[-1])
        size = abs(far - start) / spread if spread > 0 else np.inf
        return Move(self.units.names[self.who], node.code, start, far, far - start, size, rank, outside, checked)
