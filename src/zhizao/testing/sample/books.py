"""The sample plant's books: what its ledger says at the end of each month, made from what it finished and used.

Prices, wages and charges are known, orders and pieces come from the run, electricity, gas and water from the meters. A
month has books when it ended before the run did.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from zhizao.testing.sample.truth import Truth

__all__ = ["BOOK_TRUTH", "Books", "accounts_of", "months_in"]


@dataclass(frozen=True, slots=True)
class Books:
    """True prices and charges, CNY.

    Parameters
    ----------
    price : factor on the material of a piece
    delivered : share of finished pieces delivered in their month; the rest in the next
    wage : of one person and month, with charges
    staff : people who report no work
    kwh, gas_m3, water_m3 : prices of utilities
    services, depreciation : of a month
    rd_spend, rd_people : research and development
    exported, new, tax : shares of revenue, of revenue from products of the last three years, of value added
    investment, assets, debts : of a month; at the start of the records; share of assets
    """

    price: float = 3.0
    delivered: float = 0.94
    wage: float = 9_600.0
    staff: int = 9
    kwh: float = 0.72
    gas_m3: float = 3.6
    water_m3: float = 4.5
    services: float = 60_000.0
    depreciation: float = 95_000.0
    rd_spend: float = 42_000.0
    rd_people: int = 3
    exported: float = 0.12
    new: tuple[str, ...] = ("SH-130", "FL-230", "HO-330", "GE-430")
    tax: float = 0.11
    investment: float = 120_000.0
    assets: float = 18_500_000.0
    debts: float = 0.43


BOOK_TRUTH = Books()
"""Books of both sample plants."""

_NAMES = {
    "revenue_cny": "6001 main business revenue",
    "output_cny": "gross output",
    "value_added_cny": "value added",
    "materials_cny": "5001 materials",
    "wages_cny": "2211 wages and salaries",
    "profit_cny": "4103 total profit",
    "tax_cny": "2221 taxes",
    "employees": "staff list",
    "rd_spend_cny": "5301 R&D",
    "rd_people": "staff list, R&D",
    "new_product_revenue_cny": "6001 of it new products",
    "exports_cny": "6001 of it exports",
    "orders_cny": "order book",
    "inventory_cny": "1405 finished goods",
    "receivables_cny": "1122 receivables",
    "investment_cny": "1604 investment",
    "assets_cny": "total assets",
    "debts_cny": "total debts",
}


def months_in(truth: Truth, weeks: int) -> list[str]:
    """Months that lie wholly in a run or ended in it, oldest first."""
    first = date.fromisoformat(truth.first_day)
    last = date.fromordinal(first.toordinal() + 7 * weeks)  # first day after the run
    out: list[str] = []
    year, month = first.year, first.month
    while True:
        following = date(year + month // 12, month % 12 + 1, 1)
        if following > last:
            return out
        out.append(f"{year:04d}-{month:02d}")
        year, month = following.year, following.month


def accounts_of(
    frame: pl.DataFrame, readings: pl.DataFrame, truth: Truth, *, weeks: int, books: Books = BOOK_TRUTH
) -> pl.DataFrame:
    """Lines of the ledger: `period`, `account`, `item`, `value`, `unit`.

    Parameters
    ----------
    frame : rows of `run_plant`
    readings : of `flows.readings`
    truth : the plant
    weeks : length of the run
    books : true prices and charges
    """
    material = {product.name: product.material for product in truth.products}
    final = frame.filter(pl.col("operation") == "final", pl.col("report") == "production")
    finished = _by_month(
        final.group_by("order", "product").agg(pl.col("end").max(), pl.col("good").sum()), "end", truth
    )
    released = _by_month(
        frame.group_by("order", "product").agg(pl.col("released").min(), pl.col("order_quantity").max()),
        "released",
        truth,
    )
    used = _by_month(readings.filter(pl.col("meter").is_in(["E0", "G0", "W0"])), "start", truth)
    rows: list[tuple[str, str, str, float, str]] = []
    stock, debtors, assets = 0.0, 0.0, books.assets
    for period in months_in(truth, weeks):
        made = dict.fromkeys(material, 0.0)
        for name, good in finished.filter(pl.col("month") == period).select("product", "good").iter_rows():
            made[name] += good
        output = sum(books.price * material[name] * good for name, good in made.items())
        revenue = books.delivered * output + stock
        stock = output - books.delivered * output
        ordered = taken = 0.0
        for name, pieces in released.filter(pl.col("month") == period).select("product", "order_quantity").iter_rows():
            taken += material[name] * pieces
            ordered += books.price * material[name] * pieces
        drawn = dict(used.filter(pl.col("month") == period).group_by("meter").agg(pl.col("quantity").sum()).iter_rows())
        energy = (
            books.kwh * drawn.get("E0", 0.0)
            + books.gas_m3 * drawn.get("G0", 0.0)
            + books.water_m3 * drawn.get("W0", 0.0)
        )
        wages = books.wage * (len(truth.people) + books.staff)
        added = output - taken - energy - books.services
        tax = books.tax * max(added, 0.0)
        profit = revenue - taken - energy - wages - books.services - books.depreciation - books.rd_spend - tax
        new = sum(books.price * material[name] * made[name] for name in books.new if name in made) * books.delivered
        debtors = 0.6 * revenue + 0.1 * debtors
        assets += books.investment - books.depreciation + 0.5 * profit
        values = {
            "revenue_cny": revenue,
            "output_cny": output,
            "value_added_cny": added,
            "materials_cny": taken,
            "wages_cny": wages,
            "profit_cny": profit,
            "tax_cny": tax,
            "employees": float(len(truth.people) + books.staff),
            "rd_spend_cny": books.rd_spend,
            "rd_people": float(books.rd_people),
            "new_product_revenue_cny": min(new, revenue),
            "exports_cny": books.exported * revenue,
            "orders_cny": ordered,
            "inventory_cny": stock,
            "receivables_cny": debtors,
            "investment_cny": books.investment,
            "assets_cny": assets,
            "debts_cny": books.debts * assets,
        }
        for item, value in values.items():
            unit = "people" if item in ("employees", "rd_people") else "CNY"
            rows.append((period, _NAMES[item], item, round(value, 2), unit))
    schema = {"period": pl.String, "account": pl.String, "item": pl.String, "value": pl.Float64, "unit": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _by_month(frame: pl.DataFrame, column: str, truth: Truth) -> pl.DataFrame:
    return frame.with_columns(month=pl.col(column).dt.convert_time_zone(truth.zone).dt.strftime("%Y-%m"))
