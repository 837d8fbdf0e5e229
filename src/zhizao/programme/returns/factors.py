"""Factors from meters to coal equivalent and CO2: versioned data, each named in the results that used it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import Field

from zhizao.model import CARRIERS
from zhizao.model.noun import Noun

__all__ = ["Factor", "factor", "shipped_factors"]


class Factor(Noun):
    """One factor in one version."""

    id: str
    """Such as tce.electricity."""

    version: int = Field(ge=1)
    """Year of the edition that it stands in; results name `id@version`."""

    carrier: str
    """What is metered."""

    to: Literal["kgce", "kgCO2"]
    """What it becomes."""

    per: str
    """Unit of the reading."""

    value: float = Field(gt=0)
    """kgce or kg of CO2 for one unit of the reading."""

    year: int
    """Year that it describes."""

    zh: str
    """Name in Chinese."""

    en: str
    """Name in English."""

    source: str
    """Where it stands."""

    @property
    def name(self) -> str:
        """How results name it."""
        return f"{self.id}@{self.version}"


@cache
def shipped_factors() -> tuple[Factor, ...]:
    """The factors that come with zhizao.

    Examples
    --------
    >>> factor(shipped_factors(), "electricity", "kgce").value
    0.1229
    """
    rows = yaml.safe_load(files("zhizao.programme.returns").joinpath("factors.yaml").read_text(encoding="utf-8"))
    found = tuple(Factor(**row) for row in rows)
    wrong = [one.name for one in found if CARRIERS.get(one.carrier) != one.per]
    if wrong:
        raise ValueError(f"factors are not per the unit of their carrier: {', '.join(wrong)}")
    return found


def factor(factors: Iterable[Factor], carrier: str, to: str, version: int | None = None) -> Factor:
    """The factor of a carrier: of one version, or the newest.

    Parameters
    ----------
    factors : to choose from
    carrier : what is metered
    to : `kgce` or `kgCO2`
    version : the newest when absent

    Raises
    ------
    KeyError : there is none
    """
    found = [one for one in factors if (one.carrier, one.to) == (carrier, to) and version in (None, one.version)]
    if not found:
        raise KeyError(f"{carrier} to {to}")
    return max(found, key=lambda one: one.version)
