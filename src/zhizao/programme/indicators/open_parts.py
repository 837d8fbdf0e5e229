"""What a composite does not say of itself: scores that no source names, their weight, and what they could still do to it.

Where no source gives weights, those of equal parts stand in, and this is said; scores are taken to lie in 0..100.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zhizao.errors import InputError
from zhizao.programme.indicators.definition import Formula

__all__ = ["OpenParts", "open_parts"]


@dataclass(frozen=True, slots=True)
class OpenParts:
    """Scores of a composite that are not known.

    Parameters
    ----------
    open : ids of the placeholders
    count : scores in all
    each : weight of one score, equal ones being assumed
    weight : weight of the placeholders together
    """

    open: tuple[str, ...]
    count: int
    each: float
    weight: float

    def index(self, known: float) -> tuple[float, float]:
        """Lowest and highest index, over what the placeholders could be, when the named scores average so much.

        Parameters
        ----------
        known : mean of the scores that are named, 0..100

        Raises
        ------
        InputError : on a mean outside 0..100

        Examples
        --------
        >>> OpenParts(("b",), 2, 0.5, 0.5).index(80.0)
        (40.0, 90.0)
        """
        if not 0 <= known <= 100:
            raise InputError(f"{known:g} is no score of 0 to 100", where="score", fix="correct it", code="bad_score")
        low = (1 - self.weight) * known
        return low, low + self.weight * 100

    def named(self, index: float) -> tuple[float, float]:
        """Lowest and highest mean of the named scores that a published index allows.

        Examples
        --------
        >>> OpenParts(("b",), 2, 0.5, 0.5).named(80.0)
        (60.0, 100.0)
        """
        rest = 1 - self.weight
        if rest <= 0:
            return 0.0, 100.0
        return max(0.0, (index - 100 * self.weight) / rest), min(100.0, index / rest)

    def plain(self, index: float | None = None) -> dict[str, Any]:
        """The same as plain values: of an index that is published also what it allows the named scores to be.

        Examples
        --------
        >>> OpenParts(("b",), 2, 0.5, 0.5).plain(80.0)["named_average"]
        {'low': 60.0, 'high': 100.0}
        """
        named = None if index is None else self.named(index)
        return {
            "scores": self.count,
            "placeholders": list(self.open),
            "weight": round(self.weight, 6),
            "weights": "equal, assumed",
            "index_open_by": round(100 * self.weight, 6),
            "named_average": None if named is None else {"low": round(named[0], 4), "high": round(named[1], 4)},
        }


def open_parts(formula: Formula) -> OpenParts | None:
    """The placeholders of a composite; None where it has none.

    Examples
    --------
    >>> from zhizao.programme.indicators import definitions
    >>> found = open_parts(definitions()["IND03"].formula)
    >>> found.count, len(found.open), found.weight
    (12, 6, 0.5)
    """
    unknown = tuple(part.id for part in formula.parts if part.placeholder)
    if not unknown:
        return None
    count = len(formula.parts)
    return OpenParts(unknown, count, 1 / count, len(unknown) / count)
