"""What flows through the sample plant: electricity, gas, water and waste, by known physics from what its machines did.

A machine draws one power while it works, another while it is set up, a third while it stands idle in its hours, a little
when it is off, and none while it is broken down. The furnace burns gas, more when it is loaded. Grinders are cooled with
water, people use some. Chips fall where metal is cut; what is scrapped is waste, too, and nearly all metal goes back to
the mill. Nothing is drawn at random, so each reading can be worked out again from the records.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from zhizao.testing.sample.hours import WEEK_S, Week
from zhizao.testing.sample.run import first_second
from zhizao.testing.sample.truth import Machine, Truth

__all__ = ["DAY_S", "FLOW_TRUTH", "METER_COLUMNS", "Flows", "busy_seconds", "equipment", "meters_of", "readings"]

DAY_S = 86_400

METER_COLUMNS = ("meter", "carrier", "start", "end", "quantity", "unit")
"""Columns of readings."""


@dataclass(frozen=True, slots=True)
class Flows:
    """True rates of what flows.

    Parameters
    ----------
    power_kw : by machine: power at work, at set-up, idle in its hours, off
    base_kw : lighting, air and offices, always
    shift_kw : the same, more of it while the first machine of the plant is in its hours
    gas_m3_h : of the furnace: loaded, kept warm
    water_m3_h : of each grinder at work
    person_m3 : water of one person and shift
    chips_kg : metal cut off a piece, by family and operation
    piece_kg : mass of a piece, by family
    used : share of chips and scrap that goes back to the mill
    key : machines that do a key process
    controlled : machines under numerical control
    """

    power_kw: Mapping[str, tuple[float, float, float, float]]
    base_kw: float = 6.0
    shift_kw: float = 14.0
    gas_m3_h: tuple[float, float] = (11.0, 3.2)
    water_m3_h: float = 0.35
    person_m3: float = 0.06
    chips_kg: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    piece_kg: Mapping[str, float] = field(default_factory=dict)
    used: float = 0.92
    key: tuple[str, ...] = ()
    controlled: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The rates as dicts, lists, numbers and strings."""
        return dataclasses.asdict(self)


_SAW, _LATHE, _MILL = (4.0, 1.2, 0.8, 0.05), (9.0, 3.0, 2.0, 0.1), (12.0, 4.0, 2.6, 0.1)

FLOW_TRUTH = Flows(
    power_kw={
        **dict.fromkeys(("S1", "S2"), _SAW),
        **dict.fromkeys(("L1", "L2", "L3"), _LATHE),
        **dict.fromkeys(("M1", "M2", "M3"), _MILL),
        "H1": (3.5, 3.5, 2.0, 0.1),  # fans and controls; the heat comes from gas
        **dict.fromkeys(("G1", "G2"), (15.0, 5.0, 4.0, 0.1)),
        "Q1": (1.0, 0.8, 0.6, 0.05),
    },
    chips_kg={
        "shaft": {"saw": 0.08, "turn": 1.1, "grind": 0.03},
        "flange": {"saw": 0.06, "turn": 0.9, "drill": 0.15},
        "housing": {"mill": 1.8, "drill": 0.25},
        "gear": {"saw": 0.07, "turn": 0.8, "mill": 0.6, "grind": 0.02},
    },
    piece_kg={"shaft": 3.2, "flange": 2.4, "housing": 5.5, "gear": 2.9},
    key=("L1", "L2", "L3", "M1", "M2", "M3", "H1", "G1", "G2"),
    controlled=("L1", "L2", "M1", "M2", "M3", "H1", "G1"),
)
"""Rates of both sample plants."""


def equipment(truth: Truth, flows: Flows = FLOW_TRUTH) -> dict[str, dict[str, bool]]:
    """The equipment list of plant.yaml: which machines do a key process, which are under numerical control."""
    return {
        machine.name: {"key_process": machine.name in flows.key, "numerical_control": machine.name in flows.controlled}
        for machine in truth.machines
    }


def meters_of(truth: Truth) -> dict[str, dict[str, str]]:
    """The meters of plant.yaml: one of each flow for the whole plant, below that of electricity one for each machine."""
    whole = {
        "E0": {"carrier": "electricity"},
        "G0": {"carrier": "gas", "machine": "H1"},
        "W0": {"carrier": "water"},
        "R0": {"carrier": "waste"},
        "R1": {"carrier": "waste_used"},
    }
    parts = {
        f"E-{machine.name}": {"carrier": "electricity", "below": "E0", "machine": machine.name}
        for machine in truth.machines
    }
    return {**whole, **parts}


def busy_seconds(frame: pl.DataFrame, truth: Truth, days: int) -> dict[str, dict[str, np.ndarray]]:
    """Seconds of each day that each machine works, is set up, or is broken down.

    Parameters
    ----------
    frame : rows of `run_plant`
    truth : the plant
    days : length of the run

    Returns
    -------
    dict
        machine -> "production", "setup" and "down" -> seconds, (days,). A furnace with four lots works once.
    """
    zero = first_second(truth)
    out: dict[str, dict[str, np.ndarray]] = {}
    kinds = {"production": "production", "setup": "setup", "breakdown": "down", "maintenance": "down"}
    rows = frame.select(
        "machine",
        pl.col("report").replace_strict(kinds).alias("kind"),
        *((pl.col(name) - pl.lit(zero)).dt.total_seconds().alias(name) for name in ("start", "end")),
    ).sort("machine", "kind", "start")
    for machine in truth.machines:
        out[machine.name] = {kind: np.zeros(days) for kind in ("production", "setup", "down")}
    for (name, kind), group in rows.group_by("machine", "kind", maintain_order=True):
        seconds, reached = out[str(name)][str(kind)], 0
        for start, end in group.select("start", "end").iter_rows():
            begin, reached = max(start, reached), max(end, reached)
            while begin < end:
                day = begin // DAY_S
                stop = min(end, (day + 1) * DAY_S)
                if day < days:
                    seconds[day] += stop - begin
                begin = stop
    return out


def _open_seconds(machine: Machine, days: int) -> np.ndarray:
    """Seconds of each day that lie in a machine's hours."""
    week, out = Week(machine.hours), np.zeros(days)
    for day in range(days):
        at, end = day * DAY_S, (day + 1) * DAY_S
        while (at := week.on_after(at)) < end:
            off = min(week.off_after(at), end)
            out[day] += off - at
            at = off
    return out


def readings(frame: pl.DataFrame, truth: Truth, *, weeks: int, flows: Flows = FLOW_TRUTH) -> pl.DataFrame:
    """A reading of every meter for every day of a run.

    Parameters
    ----------
    frame : rows of `run_plant`
    truth : the plant
    weeks : length of the run
    flows : true rates

    Returns
    -------
    polars.DataFrame
        Columns of `METER_COLUMNS`, times in UTC; the meters of the machines and what is always on add up to E0.
    """
    days = weeks * WEEK_S // DAY_S
    busy = busy_seconds(frame, truth, days)
    series: dict[str, tuple[str, str, np.ndarray]] = {}
    total = np.full(days, flows.base_kw * 24)
    shifts = np.zeros(days)
    for machine in truth.machines:
        work, setup, idle, off = flows.power_kw[machine.name]
        hours = {kind: seconds / 3600 for kind, seconds in busy[machine.name].items()}
        held = hours["production"] + hours["setup"] + hours["down"]
        planned = _open_seconds(machine, days) / 3600
        open_h = np.maximum(planned, held)  # a breakdown may outlast the shift
        if not Week(machine.hours).always:
            shifts = np.maximum(shifts, planned)
        kwh = (
            work * hours["production"]
            + setup * hours["setup"]
            + idle * (open_h - held)
            + off * np.maximum(24 - open_h, 0)
        )
        series[f"E-{machine.name}"] = ("electricity", "kWh", kwh)
        total += kwh
    total += flows.shift_kw * np.minimum(shifts, 24)
    loaded = busy["H1"]["production"] / 3600
    gas = flows.gas_m3_h[0] * loaded + flows.gas_m3_h[1] * (24 - loaded)
    cooled = sum((busy[name]["production"] for name in ("G1", "G2")), np.zeros(days)) / 3600
    day = (pl.col("start") - pl.lit(first_second(truth))).dt.total_seconds() // DAY_S
    people = frame.filter(pl.col("person").is_not_null()).group_by(day.alias("day")).agg(pl.col("person").n_unique())
    present = np.zeros(days)
    for at, count in people.iter_rows():
        if at < days:
            present[at] = count
    waste = _waste(frame, truth, days, flows)
    series |= {
        "E0": ("electricity", "kWh", total),
        "G0": ("gas", "m3", gas),
        "W0": ("water", "m3", flows.water_m3_h * cooled + flows.person_m3 * present),
        "R0": ("waste", "t", waste),
        "R1": ("waste_used", "t", flows.used * waste),
    }
    zero = first_second(truth)
    rows = [
        (meter, carrier, zero + timedelta(days=at), zero + timedelta(days=at + 1), round(float(value), 6), unit)
        for meter, (carrier, unit, values) in sorted(series.items())
        for at, value in enumerate(values)
    ]
    schema = {name: pl.Datetime("us", "UTC") if name in ("start", "end") else pl.String for name in METER_COLUMNS}
    return pl.DataFrame(rows, schema={**schema, "quantity": pl.Float64}, orient="row").select(METER_COLUMNS)


def _waste(frame: pl.DataFrame, truth: Truth, days: int, flows: Flows) -> np.ndarray:
    """Tonnes of chips and scrap on each day, by the day on which the work ended."""
    family = {product.name: product.family for product in truth.products}
    zero = first_second(truth)
    out = np.zeros(days)
    rows = frame.filter(pl.col("report") == "production").select(
        "product",
        "operation",
        ((pl.col("end") - pl.lit(zero)).dt.total_seconds() // DAY_S).alias("day"),
        pl.sum_horizontal("good", "scrap", "rework").alias("pieces"),
        pl.col("scrap").fill_null(0.0),
    )
    for product, operation, day, pieces, scrap in rows.iter_rows():
        if day < days:
            chips = flows.chips_kg[family[product]].get(operation, 0.0)
            out[day] += (chips * pieces + flows.piece_kg[family[product]] * scrap) / 1000
    return out
