"""True returns of a stretch of enterprises: forty items by month, tied to one another as a works' books are.

    capacity x utilisation = real output;  x price = output;  revenue = output less what went to stock
    value added = output x rate;  profit = revenue - operating cost - taxes
    energy = electricity + gas + coal + heat, each by its standard factor (GB/T 2589);  CO2 by carrier
    waste used <= waste generated + stock of earlier years;  defective <= made;  passed <= inspected

Arithmetic is float32 (24 bits, 6e-8 of a value): a return has seven figures. Totals are added up in float64.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zhizao.testing.economy.paths import Paths
from zhizao.testing.economy.register import Register
from zhizao.testing.economy.truth import ITEMS, Truth

__all__ = ["CO2_T", "TCE", "draw_returns"]

TCE = {"electricity_kwh": 1.229e-4, "gas_m3": 1.33e-3, "coal_t": 0.7143, "heat_gj": 0.03412}
"""Tonnes of standard coal in a unit of each carrier (GB/T 2589-2020, reference values)."""

CO2_T = {"gas_m3": 2.16e-3, "coal_t": 1.90, "heat_gj": 0.11}
"""Tonnes of CO2 from a unit of each carrier; electricity has a factor that falls with the years."""

F = NDArray[np.float32]
Put = Callable[[str, F], F]


def draw_returns(truth: Truth, paths: Paths, firms: Register, rng: np.random.Generator) -> F:
    """True returns, shape (items, months, enterprises); NaN while an enterprise is not there.

    Parameters
    ----------
    firms : a stretch of the register
    rng : its own generator, so that stretches can be drawn in any order
    """
    draw = _Draw(truth, paths, firms, rng)
    made = np.full((len(ITEMS), draw.months, draw.n), np.nan, dtype=np.float32)

    def put(key: str, value: F) -> F:
        made[ITEMS.index(key)] = value
        return value

    output, capacity, real = draw.output()
    put("output_cny", output)
    put("capacity_cny", capacity)
    money = draw.money(put, output, capacity)
    real_added = (money["value_added_cny"] / draw.price).astype(np.float32)
    draw.knowledge(put, money["revenue_cny"])
    draw.energy(put, real_added)
    draw.waste(put, real, real_added)
    draw.products(put, output)
    alive = (np.arange(draw.months)[:, None] >= firms.born) & (np.arange(draw.months)[:, None] < firms.died)
    made[:, ~alive] = np.nan
    return made


class _Draw:
    """One stretch of enterprises, with what all its items share."""

    def __init__(self, truth: Truth, paths: Paths, firms: Register, rng: np.random.Generator) -> None:
        self.truth, self.paths, self.firms, self.rng = truth, paths, firms, rng
        self.n, self.months = firms.industry.size, paths.years.size
        self.years = paths.years.astype(np.float32)[:, None]
        self.trend = truth.of("trends")
        self.price = self.path(paths.price)
        self.big = (3 - firms.size).astype(np.float32)[None, :]  # 0 micro .. 3 large

    def of(self, name: str) -> F:
        """A parameter of the enterprise's industry, shape (1, n)."""
        return self.truth.column(name)[self.firms.industry].astype(np.float32)[None, :]

    def path(self, by_industry: NDArray[np.float64]) -> F:
        """A path of the enterprise's industry, shape (months, n)."""
        return np.ascontiguousarray(by_industry.T.astype(np.float32)[:, self.firms.industry])

    def noise(self, spread: float) -> F:
        """Log-normal factor of mean one by month, shape (months, n)."""
        z = self.rng.standard_normal((self.months, self.n), dtype=np.float32)
        z *= np.float32(spread)
        z -= np.float32(spread * spread / 2)
        np.exp(z, out=z)
        return z

    def own(self, spread: float) -> F:
        """Log-normal factor of mean one by enterprise, shape (1, n)."""
        z = self.rng.standard_normal((1, self.n), dtype=np.float32) * np.float32(spread)
        return np.asarray(np.exp(z - np.float32(spread * spread / 2)), dtype=np.float32)

    def uniform(self) -> F:
        """Even numbers by enterprise, shape (1, n)."""
        return self.rng.random((1, self.n), dtype=np.float32)

    def output(self) -> tuple[F, F, F]:
        """Output and capacity at prices of the month, and real output."""
        shock = self.truth.of("shocks")["enterprise"]
        walk = self.rng.standard_normal((self.months, self.n), dtype=np.float32) * np.float32(shock["spread"])
        walk[0] /= np.float32(np.sqrt(1 - shock["rho"] ** 2))
        for t in range(1, self.months):
            walk[t] += np.float32(shock["rho"]) * walk[t - 1]
        use = self.path(self.paths.busy) + np.ascontiguousarray(
            self.paths.region.T.astype(np.float32)[:, self.firms.region]
        )
        use += walk
        usual = (0.765 + 0.06 * self.rng.standard_normal((1, self.n), dtype=np.float32)).astype(np.float32)
        use = np.clip(usual * (1 + use) + self.path(self.paths.idle), 0.03, 1.05).astype(np.float32)
        start = (self.firms.output_cny / 12.0).astype(np.float32)[None, :] / usual
        productive = np.float32(self.trend["productivity"]) * self.years
        room = start * np.exp(self.path(self.paths.growth) + productive)
        real = room * use
        return real * self.price, room * self.price, real

    def money(self, put: Put, output: F, capacity: F) -> dict[str, F]:
        """Revenue to debts."""
        over, short = self.path(self.paths.inventories), self.path(self.paths.margin)
        revenue = put("revenue_cny", np.rint(output * 0.98 * self.noise(0.03)))
        rate = self.of("va") * self.own(0.18) + np.float32(self.trend["va_points"]) * self.years
        added = put("value_added_cny", np.rint(output * np.clip(rate * self.noise(0.04), 0.01, 0.9)))
        taxes = put("tax_cny", np.rint(revenue * 0.028 * self.noise(0.15)))
        margin = self.of("margin") + 0.035 * self.rng.standard_normal((1, self.n), dtype=np.float32) + short
        margin = margin + 0.02 * self.rng.standard_normal((self.months, self.n), dtype=np.float32)
        cost = put("operating_cost_cny", np.rint(revenue * (1 - margin) - taxes))
        put("profit_cny", revenue - cost - taxes)
        persons = self.firms.persons.astype(np.float32)[None, :] * np.exp(
            np.float32(self.trend["persons"]) * self.years
        )
        persons = persons * np.exp(0.35 * (self.path(self.paths.growth) - self.of("growth") / 100 * self.years))
        persons = put("employees", np.maximum(np.rint(persons * self.noise(0.015)), 1))
        wage = np.float32(4600.0) * np.exp(np.float32(self.trend["wage"]) * self.years) * self.own(0.2)
        put("wages_cny", np.rint(np.minimum(persons * wage * self.noise(0.05), cost * 0.4)))
        put("materials_cny", np.rint(np.minimum(output - added, cost * 0.95) * 0.86 * self.noise(0.02)))
        exporter = (self.uniform() < 0.12 + 0.13 * self.big) * self.own(0.4)
        share = np.clip(self.of("exports") * exporter * 2.2 * self.noise(0.2), 0, 0.98)
        put("exports_cny", np.rint(revenue * share))
        put("orders_cny", np.rint(revenue * (1 + 0.25 * self.path(self.paths.idle)) * self.noise(0.18)))
        put("inventory_cny", np.rint(output * 0.46 * self.own(0.5) * (1 + over) * self.noise(0.10)))
        put("receivables_cny", np.rint(revenue * 1.9 * self.own(0.5) * (1 + 0.5 * over) * self.noise(0.08)))
        lumpy = self.noise(1.1) * self.path(self.paths.investment)
        put("investment_cny", np.rint(capacity * 0.035 * lumpy))
        assets = put("assets_cny", np.rint(capacity * 9.5 * self.own(0.35) * self.noise(0.01)))
        lever = np.clip(0.55 + 0.13 * self.rng.standard_normal((1, self.n), dtype=np.float32) - 2.0 * short, 0.1, 1.1)
        put("debts_cny", np.rint(assets * lever.astype(np.float32) * self.noise(0.02)))
        return {"revenue_cny": revenue, "value_added_cny": added}

    def knowledge(self, put: Put, revenue: F) -> None:
        """R&D, patents, new products, digital tools, numerical control, production cycle."""
        does = (self.uniform() < 0.10 + 0.22 * self.big).astype(np.float32)
        intensity = self.of("rd") * 1.03 * self.own(0.6) * np.exp(np.float32(self.trend["rd"]) * self.years)
        spend = put("rd_spend_cny", np.rint(revenue * does * np.minimum(intensity * self.noise(0.15), 0.5)))
        put("rd_people", np.rint(spend * np.float32(1 / 26000.0) * np.exp(-0.05 * self.years)))
        yearly = np.float32(12e-8 * 40) * self.firms.output_cny.astype(np.float32)[None, :] / 12 * self.of("rd")
        patents = does * yearly * 1.22 * self.own(0.9) * np.exp(np.float32(self.trend["patents"]) * self.years)
        put("patents_valid", np.floor(patents + self.uniform()))
        put(
            "new_product_revenue_cny", np.rint(revenue * does * np.clip(0.28 * self.own(0.5) * self.noise(0.1), 0, 0.9))
        )

        start = self.of("digital")
        logit = (
            np.log(start / (1 - start)) + np.float32(self.trend["digital_logit"]) * self.years + 0.9 * (self.big - 1)
        )
        put("digital_rd_tools", (self.uniform() < 1 / (1 + np.exp(-logit))).astype(np.float32))
        start = self.of("nc")
        pull = 0.7 * self.rng.standard_normal((1, self.n), dtype=np.float32) + 0.4 * (self.big - 1)
        logit = np.log(start / (1 - start)) + np.float32(self.trend["nc_logit"]) * self.years + pull
        processes = put(
            "key_processes", np.broadcast_to(np.rint(3 + 6 * (1 + self.big) * self.uniform()), revenue.shape)
        )
        put("key_processes_nc", np.minimum(np.floor(processes / (1 + np.exp(-logit)) + self.uniform()), processes))
        cycle = 160 * self.own(0.7) * np.exp(np.float32(self.trend["cycle"]) * self.years)
        put("cycle_h", np.round(cycle * self.noise(0.08), 1))

    def energy(self, put: Put, real_added: F) -> None:
        """Energy by carrier, CO2, water."""
        tce = real_added * np.float32(1e-4) * self.of("energy") * self.own(0.5) * self.noise(0.06)
        tce *= np.exp(np.float32(self.trend["energy"]) * self.years)
        heavy = np.clip(self.of("energy") / 3.4, 0, 1)
        burns = (self.uniform() < 0.15 + 0.5 * heavy).astype(np.float32)
        coal = burns * (0.20 + 0.45 * heavy) * np.exp(-0.04 * self.years)
        gas = (self.uniform() < 0.35) * (1 - coal) * 0.35
        heat = (self.uniform() < 0.15) * (1 - coal - gas) * 0.3
        shares = {"coal_t": coal, "gas_m3": gas, "heat_gj": heat, "electricity_kwh": 1 - coal - gas - heat}
        total, co2 = np.zeros_like(tce), np.zeros_like(tce)
        for key, share in shares.items():
            used = put(key, np.round(tce * share.astype(np.float32) / np.float32(TCE[key]), 1))
            total += used * np.float32(TCE[key])
            factor = CO2_T.get(key, 0.0) if key != "electricity_kwh" else 6.1e-4 * np.exp(-0.012 * self.years)
            co2 += used * np.asarray(factor, dtype=np.float32)
        put("energy_tce", total)
        put("co2_t", co2)
        water = real_added * np.float32(1e-4) * self.of("water") * self.own(0.6) * self.noise(0.08)
        put("water_m3", np.round(water * np.exp(np.float32(self.trend["water"]) * self.years), 1))

    def waste(self, put: Put, real: F, real_added: F) -> None:
        """Solid waste, its use, pollutants."""
        made = real * np.float32(1e-4) * self.of("waste") * self.own(0.6) * self.noise(0.10)
        made = put("waste_generated_t", np.round(made * np.exp(np.float32(self.trend["waste"]) * self.years), 2))
        share = 0.66 + np.float32(self.trend["waste_use_points"]) * self.years
        share = np.clip(share + 0.15 * self.rng.standard_normal((1, self.n), dtype=np.float32), 0.02, 0.99)
        old = put("waste_used_old_t", np.round(made * (self.uniform() < 0.15) * 0.05 * self.noise(0.3), 2))
        put("waste_used_t", np.round(made * np.clip(share * self.noise(0.04), 0, 1), 2) + old)
        dirt = real_added * np.float32(2e-7) * self.of("energy") * self.own(0.6) * self.noise(0.10)
        put("pollutants_t", dirt * np.exp(np.float32(self.trend["pollutants"]) * self.years))

    def products(self, put: Put, output: F) -> None:
        """Pieces, defects, inspections by the authorities."""
        worth = np.exp(4.5 + 1.6 * self.rng.standard_normal((1, self.n), dtype=np.float32))
        pieces = put("products_made", np.maximum(np.rint(output / self.price / worth), 1))
        rate = 0.018 * self.own(0.7) * np.exp(np.float32(self.trend["defects"]) * self.years)
        put("products_defective", np.minimum(np.rint(pieces * rate * self.noise(0.2)), pieces))
        seen = (self.rng.random((self.months, self.n), dtype=np.float32) < 0.03 + 0.05 * self.big).astype(np.float32)
        batches = put("batches_inspected", seen * np.rint(1 + 3 * self.uniform()))
        bad = self.rng.random((self.months, self.n), dtype=np.float32)
        failed = (bad < batches * np.float32(0.025) * np.exp(-0.04 * self.years)).astype(np.float32)
        put("batches_passed", batches - failed)
