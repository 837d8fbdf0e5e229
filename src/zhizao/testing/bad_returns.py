"""Monthly returns with errors that are known: honest figures from a simple model, then seeded mistakes and inventions.

`honest_returns` draws enterprises whose forty items fit together (parts within wholes, energy from its carriers, CO2
from fuels) and move from month to month with season, trend and noise. `spoil` makes mistakes in the last month, one a
spoilt return (a wrong unit, a sign, two fields swapped, a slip of the finger, a part above its whole, a jump, a
contradiction of several fields, a value left out), and `falsify` makes up whole series or months. Both say what they
did, so that detection can be measured. No person, no firm and no published figure is behind them.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["INVENTIONS", "MISTAKES", "falsify", "honest_returns", "spoil"]

Floats = NDArray[np.float64]

MISTAKES = ("unit", "unit_of_all_money", "sign", "swap", "typing", "balance", "jump", "contradiction", "missing")
INVENTIONS = ("copy_of_last_month", "copy_of_peer", "round", "smooth", "alike", "last_digit")

INDUSTRIES = tuple(str(code) for code in range(13, 44))
REGIONS = ("11", "13", "21", "31", "32", "33", "37", "41", "42", "44", "50", "51", "61")
COUNTS = ("employees", "rd_people", "patents_valid", "key_processes", "key_processes_nc", "products_made",
          "products_defective", "batches_inspected", "batches_passed")  # fmt: skip
MONEY = ("revenue_cny", "output_cny", "value_added_cny", "materials_cny", "operating_cost_cny", "wages_cny", "profit_cny",
         "tax_cny", "rd_spend_cny", "new_product_revenue_cny", "exports_cny", "orders_cny", "capacity_cny", "inventory_cny",
         "receivables_cny", "investment_cny", "assets_cny", "debts_cny")  # fmt: skip
LARGE = ("revenue_cny", "output_cny", "value_added_cny", "materials_cny", "operating_cost_cny", "wages_cny", "energy_tce",
         "electricity_kwh", "water_m3", "co2_t", "products_made", "assets_cny", "capacity_cny", "employees")  # fmt: skip
PARTS = (("value_added_cny", "output_cny"), ("key_processes_nc", "key_processes"), ("products_defective", "products_made"),
         ("rd_people", "employees"), ("new_product_revenue_cny", "revenue_cny"), ("materials_cny", "output_cny"),
         ("batches_passed", "batches_inspected"), ("waste_used_old_t", "waste_used_t"))  # fmt: skip


def honest_returns(enterprises: int, months: int, rng: np.random.Generator, *, first: int = 2024 * 12) -> pl.DataFrame:
    """Returns without errors, one row per enterprise and month.

    Parameters
    ----------
    enterprises, months : how many
    rng : source of randomness
    first : first month, counted from year 0

    Examples
    --------
    >>> frame = honest_returns(3, 2, np.random.default_rng(1))
    >>> frame.height, bool((frame["value_added_cny"] <= frame["output_cny"]).all())
    (6, True)
    """
    n, t = enterprises, months

    def own(low: float, high: float) -> Floats:
        return rng.uniform(low, high, n)[:, None]

    def noise(spread: float) -> Floats:
        return np.exp(rng.normal(0, spread, (n, t)))

    industry = rng.integers(0, len(INDUSTRIES), n)
    trade = np.random.default_rng(11).lognormal(0, 0.6, (len(INDUSTRIES), 4))[industry]
    head = np.exp(rng.normal(4.6, 1.1, n))[:, None] + 5
    employees = np.round(head * np.exp(np.cumsum(rng.normal(0, 0.006, (n, t)), axis=1)))
    season = 1 + 0.08 * np.sin(2 * np.pi * (first + np.arange(t)) / 12 + own(0, 6))
    level = np.exp(np.cumsum(rng.normal(0.003, 0.02, (n, t)), axis=1))
    output = head * 6e4 * trade[:, [0]] ** 0.5 * np.exp(rng.normal(0, 0.4, n))[:, None] * level * season * noise(0.06)
    revenue = output * own(0.9, 1.05) * noise(0.04)
    added = output * np.minimum(own(0.18, 0.35) * noise(0.04), 0.9)
    cost = revenue * own(0.80, 0.93) * noise(0.02)
    materials = cost * np.minimum(own(0.55, 0.8) * noise(0.03), 0.98)
    wages = employees * own(5000, 9000) * noise(0.03)
    assets = (
        output.mean(axis=1, keepdims=True) * own(9, 20) * np.exp(np.cumsum(rng.normal(0.002, 0.01, (n, t)), axis=1))
    )
    power = output * own(0.03, 0.12) * trade[:, [1]] * noise(0.05)
    coal = np.where(own(0, 1) < 0.25, output * 4e-6 * trade[:, [2]] * noise(0.08), 0.0)
    gas = np.where(own(0, 1) < 0.5, output * 2e-3 * trade[:, [2]] * noise(0.08), 0.0)
    heat = np.where(own(0, 1) < 0.3, output * 4e-5 * noise(0.08), 0.0)
    energy = (0.7143 * coal + 0.00133 * gas + 0.0001229 * power + 0.03412 * heat) * own(1.0, 1.08) + 0.01
    co2 = (1.9 * coal + 0.00216 * gas) * own(0.95, 1.05) + 0.00053 * power + 0.11 * heat + 0.01
    waste = output * 2e-6 * trade[:, [3]] * noise(0.1)
    old = np.where(own(0, 1) < 0.2, waste * own(0.02, 0.1), 0.0)
    made = np.maximum(np.round(output / np.exp(rng.normal(5, 1.5, n))[:, None]), 1)
    processes = np.round(own(4, 40)) * np.ones((1, t))
    inspected = rng.poisson(0.6, (n, t)).astype(np.float64)
    does_rd = own(0, 1) < 0.6
    columns = {
        "revenue_cny": revenue,
        "output_cny": output,
        "value_added_cny": added,
        "materials_cny": materials,
        "operating_cost_cny": cost,
        "wages_cny": wages,
        "profit_cny": revenue - cost - 0.04 * revenue * noise(0.2),
        "tax_cny": revenue * own(0.02, 0.05) * noise(0.08),
        "employees": employees,
        "rd_spend_cny": np.where(does_rd, revenue * own(0.005, 0.04) * noise(0.1), 0.0),
        "rd_people": np.where(does_rd, np.ceil(employees * own(0.02, 0.15)), 0.0),
        "patents_valid": np.floor(own(0, 12) + np.arange(t) * own(0, 0.3)),
        "new_product_revenue_cny": revenue * np.minimum(own(0.05, 0.3) * noise(0.06), 0.95),
        "exports_cny": np.where(own(0, 1) < 0.4, output * own(0.05, 0.5) * noise(0.1), 0.0),
        "orders_cny": revenue * noise(0.15),
        "digital_rd_tools": (own(0, 1) < 0.6) * np.ones((1, t)),
        "key_processes": processes,
        "key_processes_nc": np.floor(processes * own(0.1, 0.9)),
        "energy_tce": energy,
        "electricity_kwh": power,
        "gas_m3": gas,
        "coal_t": coal,
        "heat_gj": heat,
        "co2_t": co2,
        "water_m3": output * own(1e-3, 6e-3) * noise(0.07),
        "waste_generated_t": waste,
        "waste_used_t": waste * own(0.3, 0.9) + old,
        "waste_used_old_t": old,
        "pollutants_t": output * 1e-8 * noise(0.2),
        "products_made": made,
        "products_defective": np.floor(made * own(0.005, 0.04) * noise(0.1)),
        "batches_inspected": inspected,
        "batches_passed": rng.binomial(inspected.astype(np.int64), 0.93).astype(np.float64),
        "cycle_h": own(20, 400) * noise(0.08),
        "capacity_cny": output.max(axis=1, keepdims=True) * own(1.02, 1.3) * np.ones((1, t)),
        "inventory_cny": revenue * own(0.3, 0.9) * noise(0.08),
        "receivables_cny": revenue * own(0.5, 2.0) * noise(0.06),
        "investment_cny": np.where(rng.random((n, t)) < 0.4, output * rng.lognormal(-3, 1, (n, t)), 0.0),
        "assets_cny": assets,
        "debts_cny": assets * np.minimum(own(0.3, 0.7) * noise(0.01), 0.95),
    }
    place = {key: np.round(value, 0 if key in COUNTS or key in MONEY else 2) for key, value in columns.items()}
    flat = {key: np.ascontiguousarray(value).reshape(-1) for key, value in place.items()}
    flat["waste_used_t"] = np.minimum(flat["waste_used_t"], flat["waste_generated_t"] + flat["waste_used_old_t"])
    flat["waste_used_old_t"] = np.minimum(flat["waste_used_old_t"], flat["waste_used_t"])
    for key in ("energy_tce", "co2_t"):
        flat[key] = np.maximum(flat[key], 0.01)
    names = np.repeat(np.array([f"E{i:07d}" for i in range(n)]), t)
    month = np.tile(first + np.arange(t), n)
    size = np.where(head[:, 0] >= 1000, "L", np.where(head[:, 0] >= 300, "M", np.where(head[:, 0] >= 20, "S", "X")))
    return pl.DataFrame(
        {
            "enterprise": names,
            "industry": np.repeat(np.array(INDUSTRIES)[industry], t),
            "region": np.repeat(np.array(REGIONS)[rng.integers(0, len(REGIONS), n)], t),
            "size": np.repeat(size, t),
            "period": pl.Series(month // 12).cast(pl.String)
            + "-"
            + pl.Series(month % 12 + 1).cast(pl.String).str.zfill(2),
            **flat,
        }
    )


def spoil(
    frame: pl.DataFrame, rng: np.random.Generator, *, share: float = 0.1, kinds: tuple[str, ...] = MISTAKES
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns with mistakes in the last month, and what was done.

    Parameters
    ----------
    frame : honest returns
    rng : source of randomness
    share : of the returns of the last month that are spoilt, each by one kind
    kinds : of mistakes, equally often

    Returns
    -------
    tuple
        The spoilt table, and one row per spoilt cell: enterprise, kind, item, right, told.
    """
    last = np.flatnonzero((frame["period"] == frame["period"].max()).to_numpy())
    rows = rng.choice(last, max(1, int(share * len(last))), replace=False)
    cells = {key: frame[key].to_numpy().copy() for key in frame.columns[5:]}
    done: list[tuple[str, str, str, float, float | None]] = []
    names = frame["enterprise"].to_list()
    for i, r in enumerate(rows.tolist()):
        kind = kinds[i % len(kinds)]
        for key, value in _mistake(kind, {k: float(v[r]) for k, v in cells.items()}, rng).items():
            if value is None or value != cells[key][r]:
                done.append((names[r], kind, key, float(cells[key][r]), value))
                cells[key][r] = np.nan if value is None else value
    told = frame.with_columns(pl.Series(key, value).fill_nan(None) for key, value in cells.items())
    return told, pl.DataFrame(done, schema=["enterprise", "kind", "item", "right", "told"], orient="row")


def _mistake(kind: str, row: dict[str, float], rng: np.random.Generator) -> dict[str, float | None]:
    """Items that a mistake changes, with what is told instead."""
    large = [key for key in LARGE if row[key] >= 10]
    key = str(rng.choice(large))
    if kind == "unit":
        factor = float(rng.choice([1e3, 1e4]))
        return {key: row[key] * factor if rng.random() < 0.5 else row[key] / factor}
    if kind == "unit_of_all_money":
        return {money: row[money] / 1e4 for money in MONEY}
    if kind == "sign":
        return {key: -row[key]}
    if kind == "swap":
        one, other = PARTS[rng.integers(0, 6)]
        return {one: row[other], other: row[one]}
    if kind == "typing":
        digits = list(str(int(row[key])))
        at = int(rng.integers(0, len(digits)))
        how = int(rng.integers(0, 3))
        if how == 0:
            digits.insert(at, str(rng.integers(0, 10)))
        elif how == 1 and len(digits) > 2:
            del digits[at]
        else:
            digits[at] = str((int(digits[at]) + int(rng.integers(1, 10))) % 10)
        return {key: float("".join(digits))}
    if kind == "balance":
        one, whole = PARTS[rng.integers(0, 6)]
        return {one: float(np.ceil((row[whole] + 1) * rng.uniform(1.1, 3)))}
    if kind == "jump":
        factor = float(rng.uniform(3, 9))
        return {key: float(np.round(row[key] * factor if rng.random() < 0.5 else row[key] / factor))}
    if kind == "contradiction":
        some = rng.choice(6, 2, replace=False)
        return {PARTS[i][0]: float(np.ceil((row[PARTS[i][1]] + 1) * rng.uniform(1.2, 4))) for i in some}
    return {key: None}


def falsify(
    frame: pl.DataFrame, rng: np.random.Generator, *, share: float = 0.05, kinds: tuple[str, ...] = INVENTIONS
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns of which some enterprises are made up, and which: enterprise, kind.

    Parameters
    ----------
    frame : honest returns, at least 7 months for series
    rng : source of randomness
    share : of the enterprises
    kinds : of invention, equally often
    """
    names = frame["enterprise"].unique(maintain_order=True).to_numpy()
    months = frame.height // len(names)
    keys = frame.columns[5:]
    cube = frame.select(keys).to_numpy().reshape(len(names), months, len(keys)).copy()
    flow = np.array([key in LARGE or key in MONEY for key in keys])
    whole = np.array([key in COUNTS or key in MONEY for key in keys])
    liars = rng.choice(len(names), max(1, int(share * len(names))), replace=False)
    done = []
    for i, e in enumerate(liars.tolist()):
        kind = kinds[i % len(kinds)]
        if kind == "copy_of_last_month":
            cube[e, -1] = cube[e, -2]
        elif kind == "copy_of_peer":
            other = int(rng.integers(0, len(names)))
            while other == e or other in liars:
                other = int(rng.integers(0, len(names)))
            cube[e, -1] = cube[other, -1]
        elif kind == "round":
            some = np.abs(cube[e]) >= 1e4
            cube[e] = np.where(some, np.round(cube[e] / 1000) * 1000, cube[e])
        elif kind == "smooth":
            growth = 1.004 ** np.arange(months)[:, None] * np.exp(rng.normal(0, 0.001, (months, len(keys))))
            cube[e] = np.where(flow, _rounded(cube[e, :1] * growth, whole), cube[e])
        elif kind == "alike":
            factor = float(rng.uniform(0.9, 1.1))
            cube[e, -1] = np.where(flow, _rounded(cube[e, -2] * factor, whole), cube[e, -1])
        else:
            habit = rng.dirichlet(np.full(10, 0.6), 1)[0]
            digit = rng.choice(10, (months, len(keys)), p=habit)
            some = flow & (np.abs(cube[e]) >= 1000)
            cube[e] = np.where(some, np.floor(cube[e] / 10) * 10 + digit, cube[e])
        done.append((str(names[e]), kind))
    flat = cube.reshape(-1, len(keys))
    told = frame.with_columns(pl.Series(key, flat[:, j]) for j, key in enumerate(keys))
    return told, pl.DataFrame(done, schema=["enterprise", "kind"], orient="row")


def _rounded(values: Floats, whole: NDArray[np.bool_]) -> Floats:
    return np.asarray(np.where(whole, np.round(values), np.round(values, 2)))
