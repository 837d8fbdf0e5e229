"""The plan's indicators that returns can tell, as definitions, for benchmarks that want no file beside them."""

from __future__ import annotations

from typing import Any

from zhizao.programme.indicators import Definition, Formula, Kind

__all__ = ["plan_formulas"]


def plan_formulas() -> list[Definition]:
    """IND01 to IND12 without broadband (households) and the quality index (made of other scores)."""
    return [
        _one("IND01", "percent", Kind.LEVEL, {"rd_spend_cny": 1}, {"revenue_cny": 1}, scale=100),
        _one("IND02", "patents per 100 million CNY", Kind.LEVEL, {"patents_valid": 1}, {"revenue_cny": 1}, scale=1e8),
        _one("IND04", "percentage points", Kind.POINTS, {"value_added_cny": 1}, {"output_cny": 1}, scale=100, base_year=2015),
        _one("IND05", "percent a year", Kind.GROWTH, {"value_added_cny": 1}, {"employees": 1}, prices="constant",
             base_year=2015, period_years=5),
        _one("IND07", "percent", Kind.LEVEL, {"digital_rd_tools": 1}, {}, of="share", scale=100),
        _one("IND08", "percent", Kind.LEVEL, {"key_processes_nc": 1}, {"key_processes": 1}, of="mean_of_rates", scale=100),
        _one("IND09", "percent", Kind.REDUCTION, {"energy_tce": 1}, {"value_added_cny": 1}, prices="constant", base_year=2015),
        _one("IND10", "percent", Kind.REDUCTION, {"co2_t": 1}, {"value_added_cny": 1}, prices="constant", base_year=2015),
        _one("IND11", "percent", Kind.REDUCTION, {"water_m3": 1}, {"value_added_cny": 1}, prices="constant", base_year=2015),
        _one("IND12", "percent", Kind.LEVEL, {"waste_used_t": 1}, {"waste_generated_t": 1, "waste_used_old_t": 1}, scale=100),
    ]  # fmt: skip


def _one(
    name: str,
    unit: str,
    kind: Kind,
    above: dict[str, float],
    below: dict[str, float],
    *,
    of: Any = "ratio",
    scale: float = 1.0,
    prices: Any = "current",
    **more: Any,
) -> Definition:
    formula = Formula(of=of, numerator=above, denominator=below, scale=scale, prices=prices)
    direction: Any = "decrease" if kind is Kind.REDUCTION else "increase"
    return Definition(
        id=name,
        zh=name,
        en=name,
        unit=unit,
        direction=direction,
        kind=kind,
        formula=formula,
        source="table of II.3",
        **more,
    )
