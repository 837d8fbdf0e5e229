"""What an indicator is: formula over the items of the return, unit, direction, kind, base, targets, footnotes."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from zhizao.model.noun import Noun

__all__ = ["Definition", "Formula", "Goal", "Kind", "Part", "Step", "Target"]


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


class Part(Noun):
    """A score that goes into a composite; a declared placeholder where the source names none."""

    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")
    """Identifier, such as IND03.1."""

    zh: str = Field(min_length=1)
    """Name in Chinese."""

    en: str = Field(min_length=1)
    """Name in English."""

    aspect_zh: str = ""
    """Aspect it belongs to, in Chinese."""

    aspect_en: str = ""
    """Aspect it belongs to, in English."""

    numerator: dict[str, float] = {}
    """Items with their factors, where the return asks for them."""

    denominator: dict[str, float] = {}
    """Items with their factors, where the return asks for them."""

    placeholder: bool = False
    """No source names it: a slot that is kept open and never filled with a guess."""


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

    parts: tuple[Part, ...] = ()
    """Scores of a composite."""


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

    id: str = ""
    """Identifier in the document, such as T.C1.2020."""

    base_year: int | None = Field(default=None, ge=1949, le=2100)
    """Base of a change, where this set counts from another year than the definition."""

    series: str = ""
    """Which published series it is held against, where not any of the indicator."""

    source: str = ""
    """Document that sets it."""

    note_zh: str = ""
    """What has to be known of it, in Chinese."""

    note_en: str = ""
    """What has to be known of it, in English."""


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
    """Unit of the figure, in English."""

    unit_zh: str = ""
    """Unit of the figure, in Chinese; that of `unit` when empty."""

    decimals: int = Field(default=2, ge=0, le=6)
    """Places after the point in print."""

    ceiling: float | None = Field(default=None, gt=0)
    """What the ratio cannot exceed: 100 for a share in percent; none when empty."""

    group: Literal["table", "column", "own"] = "own"
    """`table`: the plan's table. `column`: a project of columns 1 to 5. `own`: a user's."""

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

    base_zh: str = ""
    """What a change is counted from when it is no year, in Chinese: each project's own state before."""

    base_en: str = ""
    """What a change is counted from when it is no year, in English."""

    changed_zh: str = ""
    """Why this version differs from the one before, in Chinese."""

    changed_en: str = ""
    """Why this version differs from the one before, in English."""

    source: str = ""
    """Where the definition comes from: document and clause."""

    @model_validator(mode="after")
    def _whole(self) -> Definition:
        own_base = self.kind is Kind.REDUCTION and self.base_zh and self.base_en
        if self.kind in (Kind.POINTS, Kind.REDUCTION) and self.base_year is None and not own_base:
            raise ValueError(f"{self.id}: a change needs its base_year")
        if self.kind is Kind.GROWTH and self.period_years is None:
            raise ValueError(f"{self.id}: an average growth needs period_years")
        needs = {"ratio": True, "mean_of_rates": True}.get(self.formula.of, False)
        if needs and not (self.formula.numerator and self.formula.denominator):
            raise ValueError(f"{self.id}: a {self.formula.of} needs numerator and denominator")
        for pair in ("category", "scope", "footnote", "base", "changed"):
            zh, en = getattr(self, f"{pair}_zh"), getattr(self, f"{pair}_en")
            if bool(zh.strip()) != bool(en.strip()):
                missing, there = ("en", "zh") if zh.strip() else ("zh", "en")
                raise ValueError(f"{self.id}: {pair}_{there} is written but {pair}_{missing} is not; write both")
        places = [(target.target_set, target.year) for target in self.targets]
        twice = sorted({place for place in places if places.count(place) > 1})
        if twice:
            raise ValueError(f"{self.id}: two targets of the set {twice[0][0]!r} for {twice[0][1]}; keep one")
        if self.ceiling is not None:
            over = [target.value for target in self.targets if target.value > self.ceiling]
            if self.kind is Kind.LEVEL and over:
                raise ValueError(
                    f"{self.id}: the target {over[0]:g} is above the ceiling {self.ceiling:g}; correct one"
                )
        return self

    def name(self, lang: str) -> str:
        """Name in a language, `zh` or `en`."""
        return self.zh if lang == "zh" else self.en

    def unit_in(self, lang: str) -> str:
        """Unit in a language, `zh` or `en`."""
        return self.unit_zh or self.unit if lang == "zh" else self.unit

    def target(self, target_set: str, year: int) -> Target | None:
        """The target of a set for a year, if there is one."""
        return next((one for one in self.targets if one.target_set == target_set and one.year == year), None)


class Goal(Noun):
    """Something to be reached that the document words without a number."""

    id: str
    """Identifier in the document."""

    year: int
    """By when."""

    zh: str
    """In Chinese."""

    en: str
    """In English."""


class Step(Noun):
    """One of the strategic steps, with its milestones."""

    id: str
    """Identifier in the document."""

    step: int
    """Which one."""

    by: int
    """By when."""

    zh: str
    """Goal in Chinese."""

    en: str
    """Goal in English."""

    milestones: tuple[Goal, ...] = ()
    """What is to stand by years on the way."""
