"""Sums of every formula by cell and month, as whole numbers on a grid, and how they are taken apart and put together.

The grid gives numerator and denominator of each formula a power of two; a contribution is a whole number of its steps.
Sums are then exact whole numbers: a year is its months, a region its industries, a nation its partitions, to the last
digit. What rounding to the grid costs is at most half a step an enterprise, some 1e-12 of the total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.indicators.definition import Definition
from zhizao.programme.items import items
from zhizao.programme.rollup import kernels
from zhizao.programme.rollup.cube import Axes, Cube

__all__ = [
    "Grid",
    "Plan",
    "Sums",
    "arrays_of",
    "computable",
    "decembers",
    "grid_of",
    "magnitudes",
    "partitioned",
    "plan_of",
    "sums_of",
]

_BITS = 58
_WAYS = {"ratio": kernels.RATIO, "share": kernels.SHARE, "count": kernels.COUNT, "mean_of_rates": kernels.RATES}


@dataclass(frozen=True, slots=True)
class Plan:
    """Definitions as arrays that the kernels read.

    Parameters
    ----------
    definitions : those that can be made from returns
    items : items that they need, in the order in which a cube should hold them
    over : `flow` or `stock` for numerator and denominator of each
    money : whether each side is money, so that constant prices deflate it
    """

    definitions: tuple[Definition, ...]
    items: tuple[str, ...]
    over: tuple[tuple[str, str], ...]
    money: tuple[tuple[bool, bool], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Power of two by which numerator and denominator of each formula are multiplied, shape (formulas, 2)."""

    exponent: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums by cell and month.

    Parameters
    ----------
    plan : what was added up
    grid : the value of one step
    axes : what the cells are made of
    start : number of the first month
    whole : int64, shape (formulas, 2, months, cells), in steps of the grid
    returns : int32, shape (formulas, months, cells), enterprises with all that the formula needs
    years : where a year is more than the sum of its months (a mean of rates of flows): formula to whole
        (2, years, cells) and returns (years, cells)
    """

    plan: Plan
    grid: Grid
    axes: Axes
    start: int
    whole: NDArray[np.int64]
    returns: NDArray[np.int32]
    years: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]

    def __add__(self, other: Sums) -> Sums:
        """Sums of both sets of enterprises, exact; parts that share a cell are fine."""
        same = (self.plan, self.axes, self.start) == (other.plan, other.axes, other.start)
        if not same or not np.array_equal(self.grid.exponent, other.grid.exponent):
            raise InputError(
                "sums of different definitions, months or grids", fix="make both with one plan and one grid"
            )
        years = {
            d: (whole + other.years[d][0], returns + other.years[d][1]) for d, (whole, returns) in self.years.items()
        }
        return Sums(
            self.plan,
            self.grid,
            self.axes,
            self.start,
            self.whole + other.whole,
            self.returns + other.returns,
            years,
        )


def computable(definition: Definition) -> str:
    """Why a definition cannot be made from returns alone; empty when it can.

    Examples
    --------
    >>> from zhizao.programme.indicators import Formula, Kind
    >>> computable(Definition(id="B", zh="宽带", en="broadband", unit="percent", direction="increase", kind=Kind.LEVEL,
    ...     formula=Formula(of="external")))
    'its values come from elsewhere'
    """
    if definition.formula.of == "external":
        return "its values come from elsewhere"
    if definition.formula.of == "composite":
        return "it is made of other scores"
    if not definition.formula.numerator:
        return "its formula names no item"
    return ""


def plan_of(definitions: Iterable[Definition]) -> Plan:
    """Definitions in the order given; those that returns cannot tell are left out (`computable` says why).

    Raises
    ------
    InputError : when a formula names an item that nobody returns, or adds flows and stocks
    """
    kept = tuple(one for one in definitions if not computable(one))
    known = items()
    over: list[tuple[str, str]] = []
    money: list[tuple[bool, bool]] = []
    wanted: set[str] = set()
    for one in kept:
        sides = [one.formula.numerator, one.formula.denominator]
        named = [key for side in sides for key in side]
        if one.formula.weight != "none":
            named.append(one.formula.weight)
        for key in named:
            if key not in known:
                raise InputError(
                    f'"{key}" is not an item of the return', where=one.id, fix="take a key of items.yaml", code="item"
                )
        wanted.update(named)
        kinds: list[str] = []
        for side in sides:
            found = {"flow" if known[key].over == "flow" else "stock" for key in side}
            if len(found) > 1:
                raise InputError(
                    "a formula adds flows and stocks", where=one.id, fix="keep each side to one of them", code="mixed"
                )
            kinds.append(found.pop() if found else "")
        if not kinds[1] or one.formula.of in ("share", "count"):
            kinds[1] = kinds[0]
        if one.formula.of == "mean_of_rates":
            kinds = ["stock", "stock"]  # a mean is taken at the period's end, or made anew for a year
        over.append((kinds[0], kinds[1]))
        is_money = [bool(side) and all(known[key].unit == "CNY" for key in side) for side in sides]
        money.append((is_money[0], is_money[1]))
    return Plan(kept, tuple(key for key in known if key in wanted), tuple(over), tuple(money))


def magnitudes(cube: Cube, keys: Sequence[str] | None = None) -> NDArray[np.int64]:
    """How many values of each item have which binary exponent, shape (items, 256); exact, and additive over parts.

    Parameters
    ----------
    keys : items that are counted, such as a plan's; all that the cube holds when absent
    """
    keys = cube.items if keys is None else keys
    counts = np.zeros((len(keys), cube.months, 256), dtype=np.int64)
    for row, key in enumerate(keys):
        values = cube.values[cube.item(key)][None]
        with np.errstate(over="ignore"):
            bits = values.astype(np.float32, copy=False).view(np.int32)
        kernels.count_magnitudes(bits, counts[row : row + 1])
    summed: NDArray[np.int64] = counts.sum(axis=1)
    return summed


def grid_of(plan: Plan, held: tuple[str, ...], counts: NDArray[np.int64]) -> Grid:
    """The finest grid on which no sum of any part of these values can leave 63 bits.

    Parameters
    ----------
    held : items in the order of `counts`
    counts : from `magnitudes`, shape (items, 256), added up over all parts
    """
    bound: dict[str, float] = {}
    many: dict[str, int] = {}
    for place, key in enumerate(held):
        total = sum(int(n) << k for k, n in enumerate(counts[place][:255]))  # in units of 2**-126
        bound[key] = total / 2.0**126
        many[key] = int(counts[place][:255].sum())
    exponent = np.zeros((len(plan.definitions), 2), dtype=np.int64)
    for d, one in enumerate(plan.definitions):
        formula = one.formula
        count = max((many[key] for key in formula.numerator), default=0)
        if formula.of == "mean_of_rates":
            heavy = float(count) if formula.weight == "none" else bound[formula.weight]
            sides = (heavy * kernels.MAX_RATE, heavy)
        else:
            above = sum(abs(f) * bound[key] for key, f in formula.numerator.items())
            below = sum(abs(f) * bound[key] for key, f in formula.denominator.items()) or float(count)
            sides = (above, float(count) if formula.of in ("share", "count") else below)
        for side, most in enumerate(sides):
            exponent[d, side] = _BITS - max(int(np.frexp(most)[1]), -900)
    return Grid(np.clip(exponent, -900, 900))


def sums_of(cube: Cube, plan: Plan, grid: Grid | None = None) -> Sums:
    """Add a cube up by cell and month, every formula in one pass over memory, on all threads that Numba has.

    Parameters
    ----------
    cube : has all items of the plan
    grid : when parts are to be put together later; without it, the finest for this cube

    Raises
    ------
    InputError : when an item is missing
    """
    grid = grid or grid_of(plan, plan.items, magnitudes(cube, plan.items))
    way, term_from, term_item, term_factor, weight = arrays_of(plan, cube)
    formulas, cells = len(plan.definitions), cube.axes.cells
    scale = np.ldexp(1.0, grid.exponent)
    whole = np.zeros((formulas, 2, cube.months, cells), dtype=np.int64)
    returns = np.zeros((formulas, cube.months, cells), dtype=np.int32)
    kernels.add_up(
        cube.values, cube.starts(), cube.cell, way, term_from, term_item, term_factor, weight, scale, whole, returns
    )
    years: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
    december = decembers(cube.start, cube.months)
    flows = np.array([items()[key].over == "flow" for key in cube.items])
    for d, one in enumerate(plan.definitions):
        formula = one.formula
        named = [*formula.numerator, *formula.denominator]
        if formula.of != "mean_of_rates" or not any(items()[key].over == "flow" for key in named):
            continue
        made = np.zeros((2, december.size, cells), dtype=np.int64)
        seen = np.zeros((december.size, cells), dtype=np.int64)
        kernels.rates_of_years(
            cube.values,
            cube.cell,
            december,
            d,
            flows,
            term_from,
            term_item,
            term_factor,
            int(weight[d]),
            scale[d],
            made,
            seen,
        )
        years[d] = (made, seen)
    return Sums(plan, grid, cube.axes, cube.start, whole, returns, years)


def decembers(start: int, months: int) -> NDArray[np.int64]:
    """Places of the last months of the years that are there whole."""
    places = np.arange(months)
    found: NDArray[np.int64] = places[((start + places) % 12 == 11) & (places >= 11)].astype(np.int64)
    return found


def partitioned(parts: Sequence[Cube | Callable[[], Cube]], plan: Plan, *, backend: str = "threading") -> Sums:
    """The same sums from parts that are added up apart, to the last digit those of the whole.

    Parameters
    ----------
    parts : cubes, or what loads one where the work is done
    backend : a joblib backend: `threading`, `loky`, or `ray` once `ray.util.joblib.register_ray()` was called

    Raises
    ------
    InputError : when there are no parts
    """
    if not parts:
        raise InputError("no parts", fix="give one part at least")
    n_jobs = 1 if backend == "threading" else -1  # the kernels have the threads already
    with Parallel(n_jobs=n_jobs, backend=backend) as pool:
        found = pool(delayed(_look)(part) for part in parts)
        held = found[0][0]
        if any(one[0] != held for one in found):
            raise InputError("parts hold different items", fix="load the same items in the same order")
        grid = grid_of(plan, held, np.sum([one[1] for one in found], axis=0))
        made = list(pool(delayed(_part)(part, plan, grid) for part in parts))
    total: Sums = made[0]
    for one in made[1:]:
        total = total + one
    return total


def _look(part: Cube | Callable[[], Cube]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    cube = part if isinstance(part, Cube) else part()
    return cube.items, magnitudes(cube)


def _part(part: Cube | Callable[[], Cube], plan: Plan, grid: Grid) -> Sums:
    return sums_of(part if isinstance(part, Cube) else part(), plan, grid)


def arrays_of(plan: Plan, cube: Cube) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """A plan as the arrays that kernels read: way, term_from, term_item, term_factor, weight."""
    way = np.array([_WAYS[one.formula.of] for one in plan.definitions], dtype=np.int64)
    term_from, term_item, term_factor, weight = [0], [], [], []
    for one in plan.definitions:
        for side in (one.formula.numerator, one.formula.denominator):
            for key, factor in side.items():
                term_item.append(cube.item(key))
                term_factor.append(factor)
            term_from.append(len(term_item))
        weight.append(-1 if one.formula.weight == "none" else cube.item(one.formula.weight))
    return (
        way,
        np.array(term_from, dtype=np.int64),
        np.array(term_item, dtype=np.int64),
        np.array(term_factor, dtype=np.float64),
        np.array(weight, dtype=np.int64),
    )
