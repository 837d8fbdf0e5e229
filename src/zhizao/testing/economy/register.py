"""The register: who there is, in which industry, region and size, from when to when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.testing.economy.truth import SIZE_LIMITS, SIZES, Truth

__all__ = ["Register", "draw_register"]


@dataclass(frozen=True, slots=True)
class Register:
    """Enterprises in the order of industry, region and size; all arrays have shape (enterprises,).

    Parameters
    ----------
    industry, region, size : places in the truth's tables and in `SIZES`
    born, died : first month there, first month no longer there, counted from the economy's first month; both may lie
        outside the months that are told
    persons : persons employed at the start
    output_cny : output of the first year at its prices, per year
    """

    industry: NDArray[np.int16]
    region: NDArray[np.int16]
    size: NDArray[np.int16]
    born: NDArray[np.int32]
    died: NDArray[np.int32]
    persons: NDArray[np.float64]
    output_cny: NDArray[np.float64]

    def part(self, first: int, last: int) -> Register:
        """Enterprises first..last."""
        return Register(*(getattr(self, name)[first:last] for name in self.__slots__))


def draw_register(truth: Truth, enterprises: int, months: int, rng: np.random.Generator) -> Register:
    """Draw the enterprises of an economy.

    Parameters
    ----------
    enterprises : 1 or more
    months : how long the economy is told

    Examples
    --------
    >>> from zhizao.testing.economy.truth import truth
    >>> r = draw_register(truth(), 1000, 120, np.random.default_rng(1))
    >>> bool((np.diff(r.industry) >= 0).all()), int(r.size.max())
    (True, 3)
    """
    told = truth.of("enterprises")
    weight = truth.column("weight")[:, None] * np.array(list(truth.region.values()))[None, :]
    weight = weight * np.exp(truth.settings["region_spread"] * rng.standard_normal(weight.shape))
    place = rng.choice(weight.size, size=enterprises, p=(weight / weight.sum()).reshape(-1))
    industry, region = np.divmod(place, weight.shape[1])

    persons = told["persons_median"] * np.exp(told["persons_spread"] * rng.standard_normal(enterprises))
    tail = rng.random(enterprises) < told["tail_share"]
    pareto = told["tail_from"] * (1.0 - rng.random(enterprises)) ** (-1.0 / told["tail_exponent"])
    persons = np.clip(np.where(tail, pareto, persons), 4, told["persons_most"]).round()
    per_person = truth.column("output_per_person")[industry] * np.exp(
        told["productivity_spread"] * rng.standard_normal(enterprises) - told["productivity_spread"] ** 2 / 2
    )
    output = np.maximum(persons * per_person, 2.5e5)
    size = np.full(enterprises, len(SIZES) - 1)
    for band in range(len(SIZES) - 1, -1, -1):
        people, money = SIZE_LIMITS[band]
        size = np.where((persons >= people) & (output * 0.98 >= money), band, size)

    there = rng.random(enterprises) < told["there_at_start"]
    born = np.where(there, -rng.integers(1, 240, enterprises), rng.integers(0, max(months, 1), enterprises))
    a_month = np.array([told["death_a_year"][code] for code in SIZES])[size] / 12.0
    from_then = np.maximum(born, 0) + rng.geometric(a_month)
    order = np.lexsort((size, region, industry))
    return Register(
        industry[order].astype(np.int16),
        region[order].astype(np.int16),
        size[order].astype(np.int16),
        born[order].astype(np.int32),
        from_then[order].astype(np.int32),
        persons[order],
        output[order],
    )
