"""How enterprises are grouped: industries (GB/T 4754), regions (GB/T 2260) and size bands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

__all__ = ["Industry", "Region", "Size", "industries", "regions", "size_of", "sizes"]


@dataclass(frozen=True, slots=True)
class Industry:
    """A division of manufacturing (GB/T 4754-2017).

    Parameters
    ----------
    code : two digits, `13` to `43`
    zh, en : names
    """

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Region:
    """A province-level region (GB/T 2260).

    Parameters
    ----------
    code : two digits
    iso : ISO 3166-2 code
    zh, en : names
    tile : row and column on the tile map
    """

    code: str
    iso: str
    zh: str
    en: str
    tile: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Size:
    """A size band; an enterprise belongs to the largest whose two lower limits it reaches both.

    Parameters
    ----------
    code : `L`, `M`, `S` or `X`
    zh, en : names
    employees : lower limit of persons employed
    revenue_cny : lower limit of yearly revenue
    """

    code: str
    zh: str
    en: str
    employees: int
    revenue_cny: float


@cache
def _tables() -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = yaml.safe_load(
        files("zhizao.programme").joinpath("classes.yaml").read_text(encoding="utf-8")
    )
    return tables


@cache
def industries() -> dict[str, Industry]:
    """Divisions of manufacturing by code.

    Examples
    --------
    >>> len(industries()), industries()["31"].en
    (31, 'ferrous metals')
    """
    return {row["code"]: Industry(**row) for row in _tables()["industries"]}


@cache
def regions() -> dict[str, Region]:
    """Province-level regions by code.

    Examples
    --------
    >>> len(regions()), regions()["44"].en
    (31, 'Guangdong')
    """
    return {row["code"]: Region(**{**row, "tile": tuple(row["tile"])}) for row in _tables()["regions"]}


@cache
def sizes() -> dict[str, Size]:
    """Size bands by code, largest first."""
    return {row["code"]: Size(**row) for row in _tables()["sizes"]}


def size_of(employees: float, revenue_cny: float) -> str:
    """Code of the size band.

    Parameters
    ----------
    employees : persons employed
    revenue_cny : revenue of a year

    Examples
    --------
    >>> size_of(1200, 5e8), size_of(1200, 3e8), size_of(10, 1e9)
    ('L', 'M', 'X')
    """
    return next(
        code for code, band in sizes().items() if employees >= band.employees and revenue_cny >= band.revenue_cny
    )
