"""What the generated economy is made of: the numbers of `parameters.yaml`, as values that can be changed in a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

__all__ = ["ITEMS", "SIZES", "Overcapacity", "Truth", "truth"]

ITEMS = (
    "revenue_cny", "output_cny", "value_added_cny", "materials_cny", "operating_cost_cny", "wages_cny", "profit_cny",
    "tax_cny", "employees", "rd_spend_cny", "rd_people", "patents_valid", "new_product_revenue_cny", "exports_cny",
    "orders_cny", "digital_rd_tools", "key_processes", "key_processes_nc", "energy_tce", "electricity_kwh", "gas_m3",
    "coal_t", "heat_gj", "co2_t", "water_m3", "waste_generated_t", "waste_used_t", "waste_used_old_t", "pollutants_t",
    "products_made", "products_defective", "batches_inspected", "batches_passed", "cycle_h", "capacity_cny",
    "inventory_cny", "receivables_cny", "investment_cny", "assets_cny", "debts_cny",
)  # fmt: skip
"""Items of the return, in its order; a test holds them to the programme's list."""

SIZES = ("L", "M", "S", "X")

SIZE_LIMITS = ((1000, 4.0e8), (300, 2.0e7), (20, 3.0e6), (0, 0.0))
"""Lower limits of persons and yearly revenue of each size band."""


@dataclass(frozen=True, slots=True)
class Overcapacity:
    """Over-capacity put into one industry.

    Parameters
    ----------
    industry : code
    since : first month, `2018-07`
    ramp : months until the whole effect is there
    utilisation, margin : change in shares
    inventories, capacity : change, relative
    price : change of the logarithm
    investment_before : change of investment in the months before, relative
    """

    industry: str
    since: str
    ramp: int
    utilisation: float
    inventories: float
    price: float
    margin: float
    capacity: float
    investment_before: float


@dataclass(frozen=True, slots=True)
class Truth:
    """The numbers of an economy.

    Parameters
    ----------
    industry : code to parameters, in order
    region : code to weight, in order
    overcapacity : what was put in
    settings : the other tables of `parameters.yaml` by name
    """

    industry: dict[str, dict[str, float]]
    region: dict[str, float]
    overcapacity: tuple[Overcapacity, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> NDArray[np.float64]:
        """One parameter of all industries, shape (industries,)."""
        return np.array([row[name] for row in self.industry.values()])

    def of(self, table: str) -> dict[str, Any]:
        """One table of settings: enterprises, shocks, trends, faults."""
        found: dict[str, Any] = self.settings[table]
        return found

    def faultless(self) -> Truth:
        """The same economy with every return in time, whole and true."""
        from dataclasses import replace

        faults = dict(self.of("faults"))
        for name in ("errors", "false_enterprises", "revised", "empty_lines"):
            faults[name] = 0.0
        for name in ("never", "late"):
            faults[name] = dict.fromkeys(SIZES, 0.0)
        return replace(self, settings={**self.settings, "faults": faults})


@cache
def truth() -> Truth:
    """The economy as shipped.

    Examples
    --------
    >>> t = truth()
    >>> len(t.industry), len(t.region), [one.industry for one in t.overcapacity]
    (31, 31, ['31', '30', '38'])
    """
    tables = yaml.safe_load(files("zhizao.testing.economy").joinpath("parameters.yaml").read_text(encoding="utf-8"))
    head, *rows = tables.pop("industries")
    industry = {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}
    over = tuple(
        Overcapacity(since=row["from"], **{key: value for key, value in row.items() if key != "from"})
        for row in tables.pop("overcapacity")
    )
    return Truth(industry, tables.pop("regions"), over, tables)
