"""What an indicator is: formula over the items of the return, unit, direction, kind, base, targets, footnotes."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from zhizao.model.noun import Noun

__all__ = ["Definition", "Formula", "Kind", "Target"]


class Kind(StrEnum):
    """How the indicator's figure follows from yearly ratios; trackers that know only levels misread eight of twelve."""

    LEVEL = "level"
    """The ratio of the period itself."""

    POINTS = "points"
    """Ratio now minus ratio of the base year, in percentage points."""

    GROWTH = "growth"
    """Average yearly growth of the ratio over a period of years, in percent."""

    REDUCTION = "reduction"
    """Ratio now over ratio of the base year, minus one, in percent; negative for a fall."""


class Formula(Noun):
    """A ratio made of items: how single enterprises become a group."""

    of: Literal["ratio", "mean_of_rates", "share", "count", "external", "composite"]
    """`ratio`: sum over sum. `mean_of_rates`: mean of each enterprise's own ratio. `share`: enterprises with the flag
    over all. `count`: enterprises or things counted. `external`: comes from elsewhere. `composite`: of other scores."""

    numerator: dict[str, float] = {}
    """Items with their factors, added up: {waste_used_t: 1}."""

    denominator: dict[str, float] = {}
    """Items with their factors, added up; empty for `share` and `count`."""

    scale: float = Field(default=1.0, gt=0)
    """Factor on the ratio: 100 for percent, 1e8 for per 100 million yuan."""

    prices: Literal["current", "constant"] = "current"
    """Whether money is deflated to the base year's prices before it is added up."""

    weight: Literal["none", "employees", "revenue_cny"] = "none"
    """Weight of each enterprise in a mean of rates."""


class Target(Noun):
    """What is to be reached by when, in one set of targets."""

    year: int = Field(ge=1949, le=2100)
    """Year, or last year of the period."""

    value: float
    """In the indicator's unit."""

    target_set: str = "plan2025"
    """Which set: one indicator may have several."""

    bound: Literal["about", "at_least", "at_most", "exact"] = "exact"
    """How the text words it."""


class Definition(Noun):
    """One indicator in one version."""

    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")
    """Identifier, such as IND01."""

    version: int = Field(default=1, ge=1)
    """Grows with each change; results name it."""

    zh: str = Field(min_length=1)
    """Name in Chinese; the Chinese text is the normative one."""

    en: str = Field(min_length=1)
    """Name in English."""

    category_zh: str = ""
    """Heading it stands under, in Chinese."""

    category_en: str = ""
    """Heading it stands under, in English."""

    unit: str
    """Unit of the figure."""

    direction: Literal["increase", "decrease"]
    """Which way is better."""

    kind: Kind
    """How the figure follows from yearly ratios."""

    formula: Formula
    """How the ratio of a group and year is made."""

    base_year: int | None = None
    """Year against which changes are counted."""

    period_years: int | None = Field(default=None, ge=1)
    """Length of the period of an average growth."""

    published: dict[int, float] = {}
    """Values printed with the definition, by year."""

    targets: tuple[Target, ...] = ()
    """Targets, in order of year."""

    scope_zh: str = ""
    """Who is counted, in Chinese."""

    scope_en: str = ""
    """Who is counted, in English."""

    footnote_zh: str = ""
    """Footnote, in Chinese."""

    footnote_en: str = ""
    """Footnote, in English."""

    source: str = ""
    """Where the definition comes from: document and clause."""

    @model_validator(mode="after")
    def _whole(self) -> Definition:
        if self.kind in (Kind.POINTS, Kind.REDUCTION) and self.base_year is None:
            raise ValueError(f"{self.id}: a change needs its base_year")
        if self.kind is Kind.GROWTH and self.period_years is None:
            raise ValueError(f"{self.id}: an average growth needs period_years")
        needs = {"ratio": True, "mean_of_rates": True}.get(self.formula.of, False)
        if needs and not (self.formula.numerator and self.formula.denominator):
            raise ValueError(f"{self.id}: a {self.formula.of} needs numerator and denominator")
        return self
