"""The ISO 22400-2 figures that production records allow: one row per figure, ratios of sums, never means of ratios.

Each row names numerator and denominator over time and quantity elements of the standard (APT, AUST, PBT, PQ, ...).
What a figure of several machines needs is summed first, so that OEE of a plant is its planned time of good pieces over
its planned busy time. A denominator of zero or an element that is not recorded gives no value, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["ELEMENTS", "KPIS", "Kpi", "KpiValue", "evaluate", "sum_elements"]

Elements = Mapping[str, float]

ELEMENTS: dict[str, str] = {
    "APT": "h",  # producing
    "AUST": "h",  # set-up
    "ADET": "h",  # delay: breakdown during an order
    "ADOT": "h",  # down: on shift without an order
    "AUPT": "h",  # unit processing = APT + AUST
    "AUBT": "h",  # unit busy = AUPT + ADET
    "PBT": "h",  # planned busy: the shift
    "AOET": "h",  # order from start to end
    "AQT": "h",  # of an order: neither processed, set up nor delayed (queuing and transport together)
    "APWT": "h",  # personnel work
    "APAT": "h",  # personnel attendance
    "PQ": "piece",  # produced
    "GQ": "piece",  # good
    "SQ": "piece",  # scrap
    "RQ": "piece",  # to be reworked
    "POQ": "piece",  # ordered
    "PSQ": "piece",  # scrap that was planned
    "GP": "piece",  # good at the first run
    "IP": "piece",  # inspected at the first run
    "SQ1": "piece",  # scrap over all operations, for fall-off
    "PQ1": "piece",  # produced at the first operation
    "PRI_PQ": "h",  # planned run time of the pieces produced
    "PRI_GQ": "h",  # planned run time of the good pieces
    "FE": "1",  # failures
    "TTR": "h",  # time to restore, summed
    "TBF": "h",  # operating time between failures, summed
    "TH": "piece",  # throughput
    "WIP": "piece",  # mean work in progress
}
"""Elements by code and unit, codes as in ISO 22400-2. `PRI_PQ` and `PRI_GQ` are sums of planned run time per item times
quantity, so that they can be added over products and machines."""


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure of ISO 22400-2.

    Parameters
    ----------
    key : stable name
    unit : unit of the value
    better : "higher" or "lower"
    source : where it is defined
    formula : as the standard writes it
    scopes : what it is said of: "machine", "order", "person", "operation", "plant"
    top, bottom : numerator and denominator from elements
    uses : elements it needs
    """

    key: str
    unit: str
    better: str
    source: str
    formula: str
    scopes: tuple[str, ...]
    uses: tuple[str, ...]
    top: Callable[[Elements], float]
    bottom: Callable[[Elements], float]


@dataclass(frozen=True, slots=True)
class KpiValue:
    """Value of a figure, or None and the code of the reason (with what is missing after a colon)."""

    key: str
    value: float | None
    reason: str = ""


def _iso(clause: str) -> str:
    return f"ISO 22400-2, {clause}"


UNIT = ("machine", "operation", "plant")
MACHINE = ("machine", "plant")
ORDER = ("order",)

KPIS: tuple[Kpi, ...] = (
    Kpi("worker_efficiency", "1", "higher", _iso("worker efficiency"), "APWT / APAT", ("person", "plant"),
        ("APWT", "APAT"), lambda e: e["APWT"], lambda e: e["APAT"]),
    Kpi("allocation_ratio", "1", "higher", _iso("allocation ratio"), "AUBT / AOET", ORDER,
        ("AUBT", "AOET"), lambda e: e["AUBT"], lambda e: e["AOET"]),
    Kpi("throughput_rate", "piece/h", "higher", _iso("throughput rate"), "PQ / AOET", ORDER,
        ("PQ", "AOET"), lambda e: e["PQ"], lambda e: e["AOET"]),
    Kpi("allocation_efficiency", "1", "higher", _iso("allocation efficiency"), "AUBT / PBT", MACHINE,
        ("AUBT", "PBT"), lambda e: e["AUBT"], lambda e: e["PBT"]),
    Kpi("utilisation_efficiency", "1", "higher", _iso("utilization efficiency"), "APT / AUBT", UNIT,
        ("APT", "AUBT"), lambda e: e["APT"], lambda e: e["AUBT"]),
    Kpi("availability", "1", "higher", _iso("availability"), "APT / PBT", MACHINE,
        ("APT", "PBT"), lambda e: e["APT"], lambda e: e["PBT"]),
    Kpi("effectiveness", "1", "higher", _iso("effectiveness"), "PRI * PQ / APT", UNIT,
        ("PRI_PQ", "APT"), lambda e: e["PRI_PQ"], lambda e: e["APT"]),
    Kpi("quality_ratio", "1", "higher", _iso("quality ratio"), "GQ / PQ", (*UNIT, "order", "person"),
        ("GQ", "PQ"), lambda e: e["GQ"], lambda e: e["PQ"]),
    Kpi("oee", "1", "higher", _iso("OEE index"), "A * E * Q = PRI * GQ / PBT", MACHINE,
        ("PRI_GQ", "PBT"), lambda e: e["PRI_GQ"], lambda e: e["PBT"]),
    Kpi("nee", "1", "higher", _iso("NEE index"), "(AUPT / PBT) * E * Q", MACHINE,
        ("AUPT", "PRI_GQ", "PBT", "APT"), lambda e: e["AUPT"] * e["PRI_GQ"], lambda e: e["PBT"] * e["APT"]),
    Kpi("setup_ratio", "1", "lower", _iso("setup ratio"), "AUST / AUPT", (*UNIT, "order"),
        ("AUST", "AUPT"), lambda e: e["AUST"], lambda e: e["AUPT"]),
    Kpi("technical_efficiency", "1", "higher", _iso("technical efficiency"), "APT / (APT + ADET)", UNIT,
        ("APT", "ADET"), lambda e: e["APT"], lambda e: e["APT"] + e["ADET"]),
    Kpi("production_process_ratio", "1", "higher", _iso("production process ratio"), "APT / AOET", ORDER,
        ("APT", "AOET"), lambda e: e["APT"], lambda e: e["AOET"]),
    Kpi("actual_to_planned_scrap", "1", "lower", _iso("actual to planned scrap ratio"), "SQ / PSQ", ORDER,
        ("SQ", "PSQ"), lambda e: e["SQ"], lambda e: e["PSQ"]),
    Kpi("first_pass_yield", "1", "higher", _iso("first pass yield"), "GP / IP", UNIT,
        ("GP", "IP"), lambda e: e["GP"], lambda e: e["IP"]),
    Kpi("scrap_ratio", "1", "lower", _iso("scrap ratio"), "SQ / PQ", (*UNIT, "order", "person"),
        ("SQ", "PQ"), lambda e: e["SQ"], lambda e: e["PQ"]),
    Kpi("rework_ratio", "1", "lower", _iso("rework ratio"), "RQ / PQ", (*UNIT, "order", "person"),
        ("RQ", "PQ"), lambda e: e["RQ"], lambda e: e["PQ"]),
    Kpi("fall_off_ratio", "1", "lower", _iso("fall off ratio"), "SQ / PQ of the first sequence", ORDER,
        ("SQ1", "PQ1"), lambda e: e["SQ1"], lambda e: e["PQ1"]),
    Kpi("mtbf", "h", "higher", _iso("mean operating time between failures"), "sum(TBF) / FE", MACHINE,
        ("TBF", "FE"), lambda e: e["TBF"], lambda e: e["FE"]),
    Kpi("mttr", "h", "lower", _iso("mean time to restoration"), "sum(TTR) / FE", MACHINE,
        ("TTR", "FE"), lambda e: e["TTR"], lambda e: e["FE"]),
    Kpi("inventory_turns", "1", "higher", _iso("inventory turns"), "TH / average inventory", ("plant",),
        ("TH", "WIP"), lambda e: e["TH"], lambda e: e["WIP"]),
)  # fmt: skip
"""The figures, in the order of the standard's groups."""


def evaluate(kpi: Kpi, elements: Elements) -> KpiValue:
    """Value of one figure from elements.

    Parameters
    ----------
    kpi : row of `KPIS`
    elements : sums by code; an element that is not recorded is absent

    Examples
    --------
    >>> by_key = {kpi.key: kpi for kpi in KPIS}
    >>> evaluate(by_key["availability"], {"APT": 390.0, "PBT": 480.0}).value
    0.8125
    >>> evaluate(by_key["availability"], {"APT": 0.0, "PBT": 0.0}).reason
    'nothing_to_divide_by'
    >>> evaluate(by_key["oee"], {"PBT": 8.0}).reason
    'not_recorded:PRI_GQ'
    """
    missing = [name for name in kpi.uses if name not in elements]
    if missing:
        return KpiValue(kpi.key, None, f"not_recorded:{','.join(missing)}")
    bottom = kpi.bottom(elements)
    if bottom <= 0:
        return KpiValue(kpi.key, None, "nothing_to_divide_by")
    return KpiValue(kpi.key, kpi.top(elements) / bottom)


def sum_elements(parts: Iterable[Elements]) -> dict[str, float]:
    """Sum of elements over machines, shifts or orders; one that is absent in any part is absent in the sum.

    Examples
    --------
    >>> sum_elements([{"APT": 1.0, "PBT": 2.0}, {"APT": 3.0}])
    {'APT': 4.0}
    """
    every = list(parts)
    shared = [name for name in ELEMENTS if every and all(name in part for part in every)]
    return {name: float(sum(part[name] for part in every)) for name in shared}
