"""Small cubes and definitions, and an oracle that adds up in plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from zhizao.programme.indicators import Definition, Formula, Kind
from zhizao.programme.rollup import Axes, Cube

AXES = Axes(("13", "31", "39"), ("11", "44"), ("L", "S"))
ITEMS = (
    "revenue_cny",
    "value_added_cny",
    "employees",
    "digital_rd_tools",
    "key_processes",
    "key_processes_nc",
    "energy_tce",
    "output_cny",
)
START = 2015 * 12


def definition(key: str, **more: Any) -> Definition:
    formula = {
        name: more.pop(name) for name in ("of", "numerator", "denominator", "scale", "prices", "weight") if name in more
    }
    known: dict[str, Any] = {"zh": key, "en": key, "unit": "1", "direction": "increase", "kind": Kind.LEVEL}
    return Definition(id=key, formula=Formula(**formula), **{**known, **more})


INTENSITY = definition(
    "intensity", of="ratio", numerator={"energy_tce": 1}, denominator={"value_added_cny": 1}, scale=1e4
)
FALL = definition(
    "fall",
    of="ratio",
    numerator={"energy_tce": 1},
    denominator={"value_added_cny": 1},
    kind=Kind.REDUCTION,
    base_year=2015,
    prices="constant",
)
POINTS = definition(
    "points",
    of="ratio",
    numerator={"value_added_cny": 1},
    denominator={"output_cny": 1},
    scale=100,
    kind=Kind.POINTS,
    base_year=2015,
)
GROWTH = definition(
    "growth",
    of="ratio",
    numerator={"value_added_cny": 1},
    denominator={"employees": 1},
    kind=Kind.GROWTH,
    period_years=2,
    base_year=2015,
    prices="constant",
)
SHARE = definition("share", of="share", numerator={"digital_rd_tools": 1}, scale=100)
RATES = definition(
    "rates", of="mean_of_rates", numerator={"key_processes_nc": 1}, denominator={"key_processes": 1}, scale=100
)
WEIGHED = definition(
    "weighed",
    of="mean_of_rates",
    numerator={"key_processes_nc": 1},
    denominator={"key_processes": 1},
    weight="employees",
)
FLOW_RATES = definition(
    "flow_rates", of="mean_of_rates", numerator={"value_added_cny": 1}, denominator={"output_cny": 1}, scale=100
)
ALL = [INTENSITY, FALL, POINTS, GROWTH, SHARE, RATES, WEIGHED, FLOW_RATES]


def cube_of(seed: int, enterprises: int = 60, months: int = 36, gaps: float = 0.1, dtype: Any = np.float32) -> Cube:
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(10.0, 2.0, (len(ITEMS), months, enterprises))).astype(dtype)
    values[ITEMS.index("digital_rd_tools")] = rng.integers(0, 2, (months, enterprises))
    values[ITEMS.index("key_processes")] = rng.integers(0, 9, (months, enterprises))
    values[ITEMS.index("key_processes_nc")] = np.floor(
        values[ITEMS.index("key_processes")] * rng.random((months, enterprises))
    )
    values[:, rng.random((months, enterprises)) < gaps] = np.nan
    values[rng.random(values.shape) < gaps / 4] = np.nan
    arrival = np.where(rng.random((months, enterprises)) < 0.2, rng.integers(1, 5, (months, enterprises)), 0).astype(
        np.uint8
    )
    made, _ = Cube.of(
        ITEMS, START, values, industry=rng.integers(0, 3, enterprises), region=rng.integers(0, 2, enterprises),
        size=rng.integers(0, 2, enterprises), arrival=arrival, axes=AXES,
    )  # fmt: skip
    return made


def slow(cube: Cube, one: Definition, enterprises: np.ndarray[Any, Any], months: list[int]) -> tuple[float, float]:
    """Numerator and denominator over some enterprises and months, one value after the other."""
    above = below = 0.0
    for month in months:
        for e in enterprises:
            num = sum(f * float(cube.values[cube.item(k), month, e]) for k, f in one.formula.numerator.items())
            den = sum(f * float(cube.values[cube.item(k), month, e]) for k, f in one.formula.denominator.items())
            heavy = 1.0 if one.formula.weight == "none" else float(cube.values[cube.item(one.formula.weight), month, e])
            if one.formula.of == "share":
                den = 1.0
            elif one.formula.of == "mean_of_rates":
                if den == 0:
                    continue
                num, den = num / den * heavy, heavy
            if np.isnan(num + den):
                continue
            above, below = above + num, below + den
    return above, below
