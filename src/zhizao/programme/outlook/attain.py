"""Attainment: which share of the way from the start to its target an indicator has gone, to compare unlike indicators."""

from __future__ import annotations

from zhizao.programme.indicators.definition import Definition, Kind, Target

__all__ = ["attainment", "start_of"]


def start_of(definition: Definition, target: Target) -> float:
    """Figure from which the way to a target is counted.

    Nought for a change or a growth; for a level the newest value printed with the definition before the target's year,
    nought where there is none.

    Examples
    --------
    >>> from zhizao.programme.indicators import definitions
    >>> found = definitions()
    >>> [start_of(found[key], found[key].targets[-1]) for key in ("IND07", "IND09")]
    [58.0, 0.0]
    """
    if definition.kind is not Kind.LEVEL:
        return 0.0
    earlier = [year for year in definition.published if year < target.year]
    return definition.published[max(earlier)] if earlier else 0.0


def attainment(definition: Definition, target: Target, figure: float) -> float | None:
    """Share of the way that has been gone: 0 at the start, 1 at the target; None when start and target are the same.

    Parameters
    ----------
    definition : of the indicator
    target : one of its targets
    figure : in its unit

    Examples
    --------
    >>> from zhizao.programme.indicators import definitions
    >>> one = definitions()["IND07"]
    >>> attainment(one, one.target("plan2025", 2025), 71.0)
    0.5
    """
    start = start_of(definition, target)
    if abs(target.value - start) < 1e-12:
        return None
    return (figure - start) / (target.value - start)
