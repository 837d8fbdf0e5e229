"""The roll-up desk: from a national figure down to the line of one return, out of the returns that are published.

Who sees single enterprises sees the figures of exactly those: an admin of all, a reviewer or manager of their own
subtree, a reporter of their own enterprise. Everybody else sees all enterprises together, by region and industry, after
disclosure control, once the release calendar lets the month go. What may be seen is cut here, so that command line, routes and pages cannot show more.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.app.rollup_events import events_behind
from zhizao.app.rollup_spans import Span, check_period, months_of
from zhizao.errors import InputError
from zhizao.programme import returns as room
from zhizao.programme.classes import industries, regions
from zhizao.programme.indicators import Definition, Formula, Kind, definitions
from zhizao.programme.items import items
from zhizao.programme.returns import Actor, Sight, Version
from zhizao.programme.rollup import (
    Axes,
    Cube,
    Figures,
    Guard,
    Plan,
    Sums,
    contributions,
    figures,
    guard_of,
    month_number,
    plan_of,
    sums_of,
)

if TYPE_CHECKING:
    from zhizao.app.desk import Desk
    from zhizao.app.returns_desk import ReturnsDesk

__all__ = [
    "Cell",
    "Month",
    "Place",
    "RollupDesk",
    "Scope",
    "name_of",
    "told_definitions",
    "told_plan",
    "unit_in",
    "unit_of",
]

_MOST_GUARDS = 120
_GUARDS: OrderedDict[bytes, Guard] = OrderedDict()
_LOCK = threading.Lock()

_LEVELS: tuple[tuple[str, ...], ...] = ((), ("industry",), ("region",), ("industry", "region"))

_OWN = (
    Definition(
        id="R.defects",
        zh="产品不良率",
        en="share of defective products",
        unit="%",
        direction="decrease",
        kind=Kind.LEVEL,
        ceiling=100,
        formula=Formula(of="ratio", numerator={"products_defective": 1}, denominator={"products_made": 1}, scale=100),
        source="monthly return",
    ),
    Definition(
        id="R.cost",
        zh="单位产品运营成本",
        en="operating cost a product",
        unit="CNY",
        unit_zh="元",
        direction="decrease",
        kind=Kind.LEVEL,
        formula=Formula(of="ratio", numerator={"operating_cost_cny": 1}, denominator={"products_made": 1}),
        source="monthly return",
    ),
)
"""What the plan's pilots are judged by, as far as returns tell it; their lines come from the work itself."""


@cache
def told_definitions() -> dict[str, Definition]:
    """Indicators that published returns can tell, as they stand in force."""
    known = {one.id: one for one in plan_of(definitions().values()).definitions}
    return {**known, **{one.id: one for one in _OWN}}


@cache
def told_plan() -> Plan:
    """What is told of them: ratios of a month, at current prices: of a change on a base year the ratio behind it."""
    return plan_of(_ratio(one) for one in told_definitions().values())


def _ratio(one: Definition) -> Definition:
    formula = one.formula.model_copy(update={"prices": "current"})
    return one.model_copy(update={"kind": Kind.LEVEL, "formula": formula})


@dataclass(frozen=True, slots=True)
class Scope:
    """Which enterprises a person's figures are made of, and whether each may be looked at.

    Parameters
    ----------
    enterprises : ids
    single : whether single enterprises may be seen; else figures go through disclosure control
    unit : unit below which they stand; empty for all
    """

    enterprises: frozenset[str]
    single: bool
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody stands on the way down: empty is the top."""

    indicator: str
    period: str
    region: str = ""
    industry: str = ""
    enterprise: str = ""
    line: str = ""

    @property
    def level(self) -> str:
        """`nation`, `region`, `industry` (of a region or of all), `enterprise` or `line`."""
        if self.line:
            return "line"
        if self.enterprise:
            return "enterprise"
        return "industry" if self.industry else "region" if self.region else "nation"


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure.

    Parameters
    ----------
    code : of region, industry or enterprise; empty for the top
    value, numerator, denominator : None where there is none or it is withheld
    contribution : what it brings to the figure above it, in the same unit
    returned : enterprises behind it; None where withheld
    expected : enterprises that ought to return
    withheld : why it may not be told (`disclosure.REASONS`); empty when it may
    """

    code: str
    value: float | None
    numerator: float | None
    denominator: float | None
    returned: int | None
    expected: int
    withheld: str = ""
    contribution: float | None = None


@dataclass(frozen=True)
class Month:
    """Published returns of a month, added up.

    Parameters
    ----------
    period : which
    names : enterprises with a published return
    region, industry : of each
    values : by item, one value an enterprise
    sums : by cell
    levels : figures of each level
    guard : what may be told; None where single enterprises may be seen, or nobody has returned
    expected : enterprises that ought to return, by region and industry
    unplaced : enterprises of which the tree does not say region and industry
    silent : enterprises without a published return
    """

    period: str
    names: tuple[str, ...]
    region: tuple[str, ...]
    industry: tuple[str, ...]
    values: Mapping[str, NDArray[np.float64]]
    sums: Sums | None
    levels: Mapping[tuple[str, ...], Figures]
    guard: Guard | None
    expected: Mapping[tuple[str, str], int]
    unplaced: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    def owed(self, region: str = "", industry: str = "") -> int:
        """Enterprises that ought to return."""
        return sum(many for (r, i), many in self.expected.items() if region in ("", r) and industry in ("", i))

    def cell(self, indicator: str, region: str = "", industry: str = "") -> Cell:
        """Figure of a group, or why it is withheld."""
        expected = self.owed(region, industry)
        code = industry or region
        if self.sums is None:
            return Cell(code, None, None, None, 0, expected)
        by = tuple(name for name, one in (("industry", industry), ("region", region)) if one)
        found = self.levels[by]
        d = found.place(indicator)
        g = found.groups.index(tuple(one for one in (industry, region) if one))
        returned = int(found.returns[d, g, 0])
        why = self.guard.reason_of(indicator, region, industry) if self.guard is not None else ""
        if why:
            return Cell(code, None, None, None, None, expected, why)
        value = _number(found.value[d, g, 0])
        above, below = float(found.numerator[d, g, 0]), float(found.denominator[d, g, 0])
        return Cell(code, value, above if returned else None, below if returned else None, returned, expected)


class RollupDesk:
    """Roll-ups of one workspace.

    Parameters
    ----------
    returns : its returns
    once : keeps what some work finds until the journal changes; nothing is kept when absent
    """

    def __init__(self, returns: ReturnsDesk, *, once: Callable[..., Any] | None = None) -> None:
        self.returns = returns
        self._once = once or (lambda _name, work, *_more: work())

    @classmethod
    def of_desk(cls, desk: Desk) -> RollupDesk:
        """Of the workspace that is served."""
        from zhizao.app.returns_desk import ReturnsDesk

        return cls(ReturnsDesk.of_desk(desk), once=desk.once)

    # ---------------------------------------------------------------- who

    def scope(self, actor: Actor) -> Scope:
        """What a person's figures are made of."""
        tree = self.returns.tree
        made: tuple[Any, Scope] = self._once(
            "rollup scope", lambda: (tree, self._scope(actor)), actor.role, actor.unit, id(tree)
        )
        return made[1]

    def _scope(self, actor: Actor) -> Scope:
        tree = self.returns.tree
        sights = {name: room.sight(actor, tree, name) for name in tree.enterprises()}
        whole = frozenset(name for name, how in sights.items() if how is Sight.ALL)
        if whole or actor.role == "reporter":
            return Scope(whole, True, "" if actor.role == "admin" else actor.unit)
        others = frozenset(name for name, how in sights.items() if how is Sight.STATUS)
        return Scope(others, False, actor.unit)

    def held(self, actor: Actor, period: str) -> bool:
        """Whether the release calendar holds a month back from a person; never from who sees single enterprises."""
        return not self.scope(actor).single and any(self.returns.held(actor, one) for one in months_of(period))

    def periods(self, actor: Actor) -> list[str]:
        """Months of which something is published that this person's figures are made of, newest first."""
        inside = self.scope(actor).enterprises
        every = {
            month for (name, month), one in self.returns.all().items() if one.public is not None and name in inside
        }
        return sorted((month for month in every if not self.held(actor, month)), reverse=True)

    # ------------------------------------------------------------- figures

    def definition(self, indicator: str) -> Definition:
        """An indicator that returns can tell.

        Raises
        ------
        InputError : there is none of that name
        """
        known = told_definitions()
        if indicator not in known:
            raise InputError(
                f'"{indicator[:40]}" is no indicator that returns tell',
                fix=f"use {', '.join(known)}",
                code="no_indicator",
            )
        return known[indicator]

    def ratio(self, indicator: str) -> Definition:
        """What is shown of it: the ratio of a month at current prices."""
        return _ratio(self.definition(indicator))

    def month(self, scope: Scope, period: str) -> Month | Span:
        """Published returns of a month, a quarter or a year, added up for a scope."""
        check_period(period)
        months = months_of(period)
        if len(months) > 1:
            every: dict[str, Any] = {}  # the journal is read once, not once a month
            return Span(period, tuple(self._one(scope, one, every) for one in months), told_plan())
        return self._one(scope, period)

    def _one(self, scope: Scope, period: str, read: dict[str, Any] | None = None) -> Month:
        tree = self.returns.tree  # kept beside what was made of it, so that its id stays its own
        made: tuple[Any, Month] = self._once(
            "rollup", lambda: (tree, self._month(scope, period, read)), scope, period, id(tree)
        )
        return made[1]

    def _month(self, scope: Scope, period: str, read: dict[str, Any] | None = None) -> Month:
        tree = self.returns.tree
        expected: dict[tuple[str, str], int] = {}
        names, region, industry, size, unplaced, silent = [], [], [], [], [], []
        found: list[Version] = []
        read = {} if read is None else read
        every = read["returns"] = read.get("returns") or self.returns.all()
        for name in sorted(scope.enterprises):
            unit = tree.units[name]
            if unit.region is None or unit.industry is None:
                unplaced.append(name)
                continue
            key = (unit.region, unit.industry)
            expected[key] = expected.get(key, 0) + 1
            one = every.get((name, period))
            if one is None or one.public is None:
                silent.append(name)
                continue
            names.append(name)
            region.append(unit.region)
            industry.append(unit.industry)
            size.append(unit.size or "S")
            found.append(one.public)
        plan = told_plan()
        values = {
            key: np.array([np.nan if (v := one.values.get(key)) is None else v for one in found], dtype=np.float64)
            for key in plan.items
        }
        empty = Month(period, tuple(names), tuple(region), tuple(industry), values, None, {}, None, expected)
        empty = replace(empty, unplaced=tuple(unplaced), silent=tuple(silent))
        if not names:
            return empty
        cube, _ = Cube.of(
            plan.items,
            month_number(period),
            np.stack([values[key] for key in plan.items])[:, None, :],
            industry=np.array(industry),
            region=np.array(region),
            size=np.array(size),
            axes=Axes.standard(),
        )
        sums = sums_of(cube, plan)
        levels = {by: figures(sums, by=by, every="month") for by in _LEVELS}
        guard = None if scope.single else _guard(plan, values, region, industry)
        return replace(empty, sums=sums, levels=levels, guard=guard)

    def children(self, month: Month | Span, place: Place, by: str) -> list[Cell]:
        """Figures of the parts of a group, by region or by industry, with what each brings to it."""
        parent = month.cell(place.indicator, place.region, place.industry)
        codes = sorted({r if by == "region" else i for (r, i) in month.expected if self._inside(place, r, i)})
        factor = self._factor(month, place.indicator, parent)
        out = []
        for code in codes:
            group = {"region": place.region, "industry": place.industry, by: code}
            cell = month.cell(place.indicator, group["region"], group["industry"])
            brought = None
            if factor is not None and cell.numerator is not None:
                brought = cell.numerator * factor
            out.append(replace(cell, code=code, contribution=brought))
        return out

    def enterprises(self, month: Month | Span, place: Place) -> list[Cell]:
        """Figures of single enterprises of a group; for those who may see them only (`Scope.single`)."""
        one = self.ratio(place.indicator)
        parent = month.cell(place.indicator, place.region, place.industry)
        factor = self._factor(month, place.indicator, parent)
        if isinstance(month, Span):
            return self._over_months(month, place, factor)
        above, below = contributions(one, month.values)
        scale = self._scale(month, place.indicator)
        out = []
        for k, name in enumerate(month.names):
            if not self._inside(place, month.region[k], month.industry[k]):
                continue
            if np.isnan(above[k]) or np.isnan(below[k]):
                out.append(Cell(name, None, None, None, 0, 1))
                continue
            value = _number(above[k] / below[k] * scale) if below[k] else None
            brought = None if factor is None else float(above[k] * factor)
            out.append(Cell(name, value, float(above[k]), float(below[k]), 1, 1, "", brought))
        silent = (one for one in month.silent if self._inside(place, *self._codes(one)))
        return out + [Cell(one, None, None, None, 0, 1) for one in silent]

    def _over_months(self, span: Span, place: Place, factor: float | None) -> list[Cell]:
        """Figures of single enterprises over the months of a quarter or a year."""
        found: dict[str, list[tuple[float | None, float | None]]] = {}
        one = self.ratio(place.indicator)
        for at, month in enumerate(span.months):
            above, below = contributions(one, month.values)
            for k, name in enumerate(month.names):
                if self._inside(place, *span.groups[name]):
                    rows = found.setdefault(name, [(None, None)] * len(span.months))
                    rows[at] = (_number(above[k]), _number(below[k]))
        out = []
        for name in sorted(found):
            above_all, below_all = span.together(place.indicator, found[name])
            whole = above_all is not None and below_all is not None
            value = above_all / below_all * span.scale(place.indicator) if above_all is not None and below_all else None
            brought = above_all * factor if above_all is not None and factor is not None else None
            out.append(Cell(name, value, above_all, below_all, int(whole), 1, "", brought))
        silent = (name for name in span.silent if self._inside(place, *self._codes(name)))
        return out + [Cell(name, None, None, None, 0, 1) for name in silent]

    def events(self, item: str, enterprise: str, period: str, version: Version, kinds: tuple[str, ...]) -> pl.DataFrame:
        """Events behind a line of the plant's own return; the caller has asked whether they may be seen."""
        made: pl.DataFrame = self._once(
            "rollup events",
            lambda: events_behind(self.returns, item, period, kinds, version.at),
            enterprise,
            period,
            item,
            version.number,
        )
        return made

    def _codes(self, name: str) -> tuple[str, str]:
        unit = self.returns.tree.units[name]
        return unit.region or "", unit.industry or ""

    def _inside(self, place: Place, region: str, industry: str) -> bool:
        return place.region in ("", region) and place.industry in ("", industry)

    def _scale(self, month: Month | Span, indicator: str) -> float:
        """From numerator over denominator to the figure: the formula's scale, and a year's worth where a flow stands
        beside a stock."""
        from zhizao.programme.rollup.figures import yearly

        if isinstance(month, Span):
            return month.scale(indicator)
        plan = told_plan()
        d = [one.id for one in plan.definitions].index(indicator)
        return plan.definitions[d].formula.scale * yearly(plan.over[d])

    def _factor(self, month: Month | Span, indicator: str, parent: Cell) -> float | None:
        """From a part's numerator to what it brings to the whole; None where the whole is not told."""
        if parent.value is None or not parent.denominator:
            return None
        return self._scale(month, indicator) / parent.denominator


def _guard(
    plan: Plan, values: Mapping[str, NDArray[np.float64]], region: Sequence[str], industry: Sequence[str]
) -> Guard:
    """What may be told of a month; kept by what it follows from, so that other months' returns do not undo it."""
    told = hashlib.blake2b(digest_size=16)
    for key in plan.items:
        told.update(values[key].tobytes())
    told.update(json.dumps([plan.items, region, industry]).encode())
    found = told.digest()
    with _LOCK:
        if found in _GUARDS:
            _GUARDS.move_to_end(found)
            return _GUARDS[found]
    made = guard_of(plan.definitions, values, region, industry)
    with _LOCK:
        _GUARDS[found] = made
        while len(_GUARDS) > _MOST_GUARDS:
            _GUARDS.popitem(last=False)
    return made


def _number(value: float) -> float | None:
    return None if np.isnan(value) or np.isinf(value) else float(value)


def name_of(kind: str, code: str, lang: str) -> str:
    """Name of a region or an industry."""
    known = regions() if kind == "region" else industries()
    one = known[code]
    return one.zh if lang == "zh" else one.en


_UNITS_ZH = {
    "CNY": "元",
    "pieces": "件",
    "piece": "件",
    "products": "件",
    "people": "人",
    "persons": "人",
    "patents": "件",
    "processes": "道",
    "batches": "批",
    "h": "小时",
    "tce": "吨标准煤",
    "t": "吨",
    "m3": "立方米",
    "kWh": "千瓦时",
    "GJ": "吉焦",
}


def unit_in(unit: str, lang: str) -> str:
    """Unit of an item in a language."""
    return _UNITS_ZH.get(unit, unit) if lang == "zh" else unit


def unit_of(one: Definition, lang: str) -> str:
    """Unit of the ratio of an indicator, such as tce per 10,000 CNY."""
    formula = one.formula
    if one.kind is Kind.LEVEL:
        return one.unit_in(lang)
    sides = (formula.numerator, formula.denominator)
    above, below = (unit_in(items()[next(iter(side))].unit, lang) for side in sides)
    if above == below:
        return "%" if formula.scale == 100 else "1"
    return f"{above}/{below}" if formula.scale == 1 else f"{above}/({formula.scale:,.0f} {below})"
