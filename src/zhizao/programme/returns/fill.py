"""A plant's return filled from its own journal: for each line the value and the events behind it, or why it is left.

Pure: it is handed the work log, the readings, the accounts and the plant as they were known, and looks nothing up. What
the journal measures itself (work, meters, equipment) goes before what the ledger says of the same line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import polars as pl

from zhizao.account.ledger import COMPONENTS, Ledger, keep_book
from zhizao.model import Plant, WorkLog
from zhizao.programme.items import items
from zhizao.programme.returns.factors import Factor, factor, shipped_factors
from zhizao.programme.returns.month import bounds
from zhizao.programme.returns.words import said

__all__ = ["METERED_ITEMS", "Filled", "Line", "fill_return"]

METERED_ITEMS = {
    "electricity_kwh": "electricity",
    "gas_m3": "gas",
    "coal_t": "coal",
    "heat_gj": "heat",
    "water_m3": "water",
    "waste_generated_t": "waste",
    "waste_used_t": "waste_used",
    "waste_used_old_t": "waste_used_old",
    "pollutants_t": "pollutant",
}
"""Items that are the sum of a carrier's meters."""

_ENERGY = {"electricity": "electricity_kwh", "gas": "gas_m3", "coal": "coal_t", "heat": "heat_gj"}
_NO_RECORD = ("digital_rd_tools", "batches_inspected", "batches_passed")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the return.

    Parameters
    ----------
    key, unit : of the item
    value : None when it is left to a person
    kinds : kinds of event that it comes from; `plant.yaml` for what the plant declares
    count, first, last : how many events, and the lowest and highest of their numbers in the journal
    how : key and values of the words that say how it is made, or why it is left
    notes : keys and values of what to bear in mind
    factors : factors that were used, by name and version
    """

    key: str
    unit: str
    value: float | None
    kinds: tuple[str, ...] = ()
    count: int = 0
    first: int | None = None
    last: int | None = None
    how: tuple[str, Mapping[str, Any]] = ("left.person", {})
    notes: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    factors: tuple[str, ...] = ()

    @property
    def status(self) -> Literal["filled", "left"]:
        """Whether it is filled from events or left to a person."""
        return "left" if self.value is None else "filled"

    def formula(self, lang: str) -> str:
        """How it is made, or why it is left, in words."""
        return _told(self.how, lang)

    def remarks(self, lang: str) -> tuple[str, ...]:
        """What to bear in mind, in words."""
        return tuple(_told(note, lang) for note in self.notes)

    def source(self) -> dict[str, Any]:
        """What a submitted return keeps of where the value came from."""
        told: dict[str, Any] = {"kinds": list(self.kinds), "count": self.count, "first": self.first, "last": self.last}
        return {**told, "value": self.value, "factors": list(self.factors)}


@dataclass(frozen=True, slots=True)
class Filled:
    """A return as the journal can fill it.

    Parameters
    ----------
    period : month
    start, end : its first moment and the first after it, UTC
    lines : by item, all of them, in the order of the return
    factors : every factor that was used
    """

    period: str
    start: datetime
    end: datetime
    lines: dict[str, Line]
    factors: tuple[Factor, ...] = field(default=())

    @property
    def values(self) -> dict[str, float | None]:
        """Value by item."""
        return {key: line.value for key, line in self.lines.items()}

    @property
    def filled(self) -> int:
        """How many lines are filled."""
        return sum(line.value is not None for line in self.lines.values())


def fill_return(
    period: str,
    plant: Plant,
    log: WorkLog,
    flows: pl.DataFrame,
    accounts: pl.DataFrame,
    factors: Sequence[Factor] | None = None,
) -> Filled:
    """The forty lines of a month, as far as events tell them.

    Parameters
    ----------
    period : month, `2025-06`, in the plant's zone
    plant : equipment, meters, rates
    log : work as known
    flows : readings as known, columns of `zhizao.record.facts.FLOW_SCHEMA`
    accounts : closed accounts as known, columns of `zhizao.record.facts.ACCOUNT_LINE_SCHEMA`
    factors : coal equivalents and CO2 factors; those shipped when absent

    Raises
    ------
    InputError : the month is none
    """
    start, end = bounds(period, plant.zone)
    chosen = tuple(shipped_factors() if factors is None else factors)
    book = keep_book(log, plant, start=start, end=end)
    month = accounts.filter(pl.col("period") == period)
    found: dict[str, Line] = {}
    for made in (
        _from_work(book, log, plant, start, end),
        _from_equipment(plant),
        _from_meters(flows, plant, start, end),
    ):
        found.update(made)
    used: list[Factor] = []
    for key, to in (("energy_tce", "kgce"), ("co2_t", "kgCO2")):
        found[key] = _by_factors(key, to, found, chosen, used)
    lines: dict[str, Line] = {}
    for key, item in items().items():
        line = found.get(key)
        if line is None or line.value is None or (key == "employees" and _has(month, key)):
            ledger = _from_accounts(month, key, item.unit)
            line = ledger if ledger.value is not None or line is None else line
        lines[key] = line
    return Filled(period, start, end, lines, tuple(dict.fromkeys(used)))


def _sum(values: pl.Series) -> float:
    return float(math.fsum(value for value in values.to_list() if value is not None))


def _events(frame: pl.DataFrame) -> dict[str, Any]:
    if frame.is_empty():
        return {}
    return {"count": frame["event"].n_unique(), "first": frame["event"].min(), "last": frame["event"].max()}


def _from_work(book: Ledger, log: WorkLog, plant: Plant, start: datetime, end: datetime) -> dict[str, Line]:
    orders = book.orders
    count = orders.height
    rows = log.frame.join(orders.select("order"), on="order", how="semi").filter(pl.col("end").is_not_null())
    behind = {**_events(rows), "kinds": ("operation.ended",)}
    out: dict[str, Line] = {}

    def line(key: str, value: float | None, how: str, left: str, **more: Any) -> None:
        unit = items()[key].unit
        if value is None:
            out[key] = Line(key, unit, None, how=(left, more))
        else:
            out[key] = Line(key, unit, value, how=(how, {"orders": count}), **behind, **more)

    if not count:
        for key in ("products_made", "products_defective", "cycle_h", "operating_cost_cny"):
            line(key, None, "", "left.orders")
    else:
        judged = "defect_rate" not in book.missing
        entered = _sum(orders["entered"]) if "pieces" not in book.missing else None
        line("products_made", entered, "made.entered", "left.pieces")
        line("products_defective", _sum(orders["bad"]) if judged else None, "made.bad", "left.pieces")
        line("cycle_h", float(orders["cycle_h"].to_numpy().mean()), "made.cycle", "left.orders")
        assumed = ", ".join(
            name for name, _ in plant.assumptions() if name.startswith("rates.") and name != "rates.currency"
        )
        if plant.rates.currency != "CNY":
            line("operating_cost_cny", None, "", "left.currency", currency=plant.rates.currency)
        elif all(name in book.missing for name in COMPONENTS):
            line("operating_cost_cny", None, "", "left.cost")
        else:
            scope: tuple[tuple[str, Mapping[str, Any]], ...] = (("note.conversion", {}),)
            notes = (*scope, ("note.assumed", {"rates": assumed})) if assumed else scope
            line("operating_cost_cny", float(orders["cost"].sum()), "made.cost", "left.cost", notes=notes)
    seen = log.frame.filter((pl.col("start") < end) & (pl.col("start") >= start) & pl.col("person").is_not_null())
    if seen.is_empty():
        out["employees"] = Line("employees", "people", None, how=("left.people", {}))
    else:
        people = float(seen["person"].n_unique())
        kinds = ("operation.ended", "operation.started") if seen["end"].null_count() else ("operation.ended",)
        out["employees"] = Line("employees", "people", people, kinds=kinds, how=("made.people", {}), **_events(seen))
    return out


def _from_equipment(plant: Plant) -> dict[str, Line]:
    declared = [one for one in plant.machines.values() if one.key_process is not None]
    key = [one for one in declared if one.key_process]
    kinds = ("plant.yaml",)
    if not declared:
        left = Line("key_processes", "processes", None, how=("left.equipment", {}))
        return {"key_processes": left, "key_processes_nc": Line("key_processes_nc", "processes", None, how=left.how)}
    out = {"key_processes": Line("key_processes", "processes", float(len(key)), kinds, how=("made.key", {}))}
    told = [one for one in key if one.numerical_control is not None]
    under = float(sum(bool(one.numerical_control) for one in key))
    out["key_processes_nc"] = (
        Line("key_processes_nc", "processes", under, kinds, how=("made.nc", {}))
        if told or not key
        else Line("key_processes_nc", "processes", None, how=("left.control", {}))
    )
    return out


def _from_meters(flows: pl.DataFrame, plant: Plant, start: datetime, end: datetime) -> dict[str, Line]:
    below = [name for name, meter in plant.meters.items() if meter.below is not None]
    whole = flows.filter(~pl.col("meter").is_in(below))
    inside = (
        whole.with_columns(
            cut_start=pl.max_horizontal("start", pl.lit(start).cast(flows.schema["start"])),
            cut_end=pl.min_horizontal("end", pl.lit(end).cast(flows.schema["end"])),
        )
        .with_columns(held=(pl.col("cut_end") - pl.col("cut_start")).dt.total_microseconds())
        .filter(pl.col("held") > 0)
        .with_columns(part=pl.col("held") / (pl.col("end") - pl.col("start")).dt.total_microseconds())
    )
    length = (end - start).total_seconds() * 1e6
    out: dict[str, Line] = {}
    for key, carrier in METERED_ITEMS.items():
        rows = inside.filter(pl.col("carrier") == carrier)
        unit = items()[key].unit
        if rows.is_empty():
            out[key] = Line(key, unit, None, how=("left.meter", {}))
            continue
        meters = whole.filter(pl.col("carrier") == carrier)["meter"].unique()
        held = _sum(rows["held"])
        share = held / (length * len(meters))
        notes = (("note.gap", {"share": f"{100 * share:.1f} %"}),) if share < 0.999 else ()
        value = _sum(rows["quantity"] * rows["part"])
        how = ("made.meter", {"meters": len(meters)})
        out[key] = Line(key, unit, value, ("metered",), how=how, notes=notes, **_events(rows))
    return out


def _by_factors(key: str, to: str, found: Mapping[str, Line], factors: Sequence[Factor], used: list[Factor]) -> Line:
    """Energy or CO2 from the carriers that are metered, each with its factor."""
    unit = items()[key].unit
    metered = {carrier: found[item] for carrier, item in _ENERGY.items() if found[item].value is not None}
    if not metered:
        return Line(key, unit, None, how=("left.meter", {}))
    total, parts = 0.0, []
    names: list[str] = []
    for carrier, line in metered.items():
        one = factor(factors, carrier, to)
        total += (line.value or 0.0) * one.value / 1000.0
        parts.append(f"{line.value:,.6g} {one.per} x {one.value:g} {one.to}/{one.per}")
        names.append(one.name)
        used.append(one)
    absent = [carrier for carrier in _ENERGY if carrier not in metered]
    notes: tuple[tuple[str, Mapping[str, Any]], ...] = tuple(
        note for line in metered.values() for note in line.notes if note[0] == "note.gap"
    )
    if absent:
        notes = (*notes, ("note.unmetered", {"carriers": absent}))
    return Line(
        key,
        unit,
        total,
        ("metered",),
        sum(line.count for line in metered.values()),
        min(line.first for line in metered.values() if line.first is not None),
        max(line.last for line in metered.values() if line.last is not None),
        ("made.tce" if to == "kgce" else "made.co2", {"parts": " + ".join(parts)}),
        notes,
        tuple(names),
    )


def _has(month: pl.DataFrame, key: str) -> bool:
    return not month.filter(pl.col("item") == key).is_empty()


def _from_accounts(month: pl.DataFrame, key: str, unit: str) -> Line:
    rows = month.filter(pl.col("item") == key)
    if rows.is_empty():
        return Line(key, unit, None, how=("left.person" if key in _NO_RECORD else "left.account", {}))
    accounts = ", ".join(rows["account"].unique(maintain_order=True).to_list())
    value = _sum(rows["value"])
    return Line(key, unit, value, ("accounts.closed",), how=("made.account", {"accounts": accounts}), **_events(rows))


def _told(words: tuple[str, Mapping[str, Any]], lang: str) -> str:
    key, values = words
    named: dict[str, Any] = dict(values)
    if isinstance(named.get("carriers"), list):
        named["carriers"] = ("、" if lang == "zh" else ", ").join(
            said(f"carrier.{one}", lang) for one in named["carriers"]
        )
    return said(key, lang, **named)
