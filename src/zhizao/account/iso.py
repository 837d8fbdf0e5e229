"""Time and quantity elements of ISO 22400-2 read from a work log, and the figures of machines, orders and people.

Time of a machine in a period is closed: PBT = APT + AUST + ADET + ADOT. A report that runs over the edge of the period
counts with the part inside; pieces count where their report ends. Planned run time per item (PRI) is seldom in records:
unless it is given, the usual time per piece of each operation and product stands in for it and is named as assumed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.account.calendar import WorkingHours, covered_ns, working_hours
from zhizao.account.kpi import ELEMENTS, KPIS, evaluate, sum_elements
from zhizao.account.ledger import HOUR_NS, shared_hours
from zhizao.account.timeline import REPORTS, kinds_of, layered_share
from zhizao.errors import InputError
from zhizao.model import Plant, WorkLog

__all__ = ["IsoFigures", "evidence", "iso22400"]

Ints = NDArray[np.int64]
SCOPES = ("plant", "machine", "operation", "person", "order")
TIMES = ("APT", "AUST", "ADET")
PIECES = ("GQ", "SQ", "RQ", "PQ", "GP", "IP")


@dataclass(frozen=True, slots=True)
class IsoFigures:
    """ISO 22400-2 figures of a period.

    Parameters
    ----------
    table : frame of scope, name, key, value, unit, better, reason, formula, source
    elements : frame of scope, name, element, value, unit: the sums behind the table
    assumed : elements that rest on an assumption rather than a record
    """

    table: pl.DataFrame
    elements: pl.DataFrame
    assumed: tuple[str, ...]

    def value(self, key: str, scope: str = "plant", name: str = "") -> float | None:
        """One figure; None when the records do not allow it."""
        found = self.table.filter((pl.col("key") == key) & (pl.col("scope") == scope) & (pl.col("name") == name))
        if not found.height:
            raise InputError(f'there is no figure "{key}" of {scope} "{name}"', code="no_such_figure")
        value = found["value"][0]
        return None if value is None else float(value)


def iso22400(
    log: WorkLog,
    plant: Plant,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    hours: WorkingHours | None = None,
    planned_h: Mapping[tuple[str, str], float] | None = None,
    scopes: Collection[str] = SCOPES,
) -> IsoFigures:
    """Elements and figures of machines, operations, people, finished orders and the plant in [start, end).

    Parameters
    ----------
    log : work
    plant : calendars that the user gave
    start, end : aware times; None = from the first, to the last record
    hours : working hours; read from plant and records when absent
    planned_h : {(operation, product): planned hours of one piece}; the usual hours when absent. Products that the
        records do not name are ""
    scopes : of what to give figures; leave "order" out for a quick answer from very many orders

    Raises
    ------
    InputError : when the period is empty or a time has no zone

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> at = lambda h: datetime(2025, 1, 6, 8, tzinfo=UTC) + timedelta(hours=h)
    >>> log = WorkLog.of(pl.DataFrame({
    ...     "order": ["A", "A"], "activity": ["mill", "mill"], "machine": ["m", "m"], "report": ["setup", "production"],
    ...     "start": [at(0), at(1)], "end": [at(1), at(4)], "good": [0.0, 9.0], "scrap": [0.0, 1.0]}))
    >>> figures = iso22400(log, Plant())
    >>> figures.value("setup_ratio"), figures.value("quality_ratio", "machine", "m")
    (0.25, 0.9)
    """
    hours = working_hours(log, plant) if hours is None else hours
    facts, first, last = _facts(log, start, end)
    facts, assumed = _planned(facts, planned_h)
    told = {
        "SQ": facts["scrap"].null_count() < facts.height,
        "RQ": facts["rework"].null_count() < facts.height,
        "GQ": facts["good"].null_count() < facts.height,
    }
    parts: dict[tuple[str, str], dict[str, float]] = {}
    for scope, column in (("machine", "machine"), ("operation", "operation"), ("person", "person")):
        for row in _sums(facts, column).iter_rows(named=True):
            parts[scope, row[column]] = _allowed(row, told, scope)
    for machine, intervals in hours.machines.items():
        e = parts.setdefault(("machine", machine), _allowed({}, told, "machine"))
        pbt = float(covered_ns(intervals, np.array([first]), np.array([last]))[0]) / HOUR_NS
        e["PBT"] = max(pbt, e["AUBT"])
        e["ADOT"] = e["PBT"] - e["AUBT"]
    for person, intervals in hours.people.items():
        if ("person", person) in parts:
            e = parts["person", person]
            there = float(covered_ns(intervals, np.array([first]), np.array([last]))[0]) / HOUR_NS
            e["APAT"] = max(there, e["APWT"])
    whole = sum_elements(e for (scope, _), e in parts.items() if scope == "machine")
    staff = sum_elements(e for (scope, _), e in parts.items() if scope == "person")
    whole |= {name: staff[name] for name in ("APWT", "APAT") if name in staff}
    whole |= _flow(log, first, last)
    orders = _orders(log, first, last, told) if "order" in scopes else {}
    parts |= {("order", name): e for name, e in orders.items()}
    parts["plant", ""] = whole
    parts = {key: e for key, e in parts.items() if key[0] in scopes}
    if not hours.given >= set(hours.machines):
        assumed = (*assumed, "PBT")
    if "APAT" in whole and not hours.given >= set(hours.people):
        assumed = (*assumed, "APAT")
    return IsoFigures(_table(parts), _elements(parts), assumed)


def evidence(
    figure: str,
    log: WorkLog,
    *,
    scope: str = "plant",
    name: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> pl.DataFrame:
    """Reports that a figure came from, down to their events.

    Parameters
    ----------
    figure : key of an ISO figure, or production_cycle, operating_cost, defect_rate
    scope, name : of what: ("machine", "m1"), ("order", "A"), ("person", ...), ("operation", ...) or the plant
    start, end : the period of the figure

    Returns
    -------
    frame of event, order, operation, machine, person, start, end and, for ISO figures, the elements as columns: the
    columns add up to the elements. For the three figures: all reports of the orders that ended in the period, for the
    defect rate only those that told of pieces.

    Raises
    ------
    InputError : when there is no such figure
    """
    if scope not in SCOPES:
        raise InputError(
            f'"{scope}" is nothing a figure can be of', fix="use plant, machine, order, person or operation"
        )
    columns = ["event", "order", "operation", "machine", "person", "report", "start", "end", "good", "scrap", "rework"]
    if figure in ("production_cycle", "operating_cost", "defect_rate"):
        last = pl.col("end").max().over("order")
        rows = log.frame.filter(pl.col("end").is_null().any().over("order").not_())
        rows = rows.filter(*(_inside(last, start, end)))
        if figure == "defect_rate":
            rows = rows.filter(pl.any_horizontal(pl.col("good", "scrap", "rework").is_not_null()))
        rows = rows.select(columns)
    else:
        kpi = next((kpi for kpi in KPIS if kpi.key == figure), None)
        if kpi is None:
            raise InputError(
                f'there is no figure "{figure}"',
                fix=f"use one of {', '.join(k.key for k in KPIS)}",
                code="no_such_figure",
            )
        facts, _, _ = _facts(log, start, end)
        used = [c for c in (*TIMES, *PIECES, "APWT") if c in _behind(kpi.uses)]
        rows = facts.select(*columns, *used)
        if used:
            rows = rows.filter(pl.any_horizontal(pl.col(used) > 0))
    return rows if scope == "plant" else rows.filter(pl.col(scope) == name)


def _behind(uses: tuple[str, ...]) -> set[str]:
    """Elements that come straight from reports, behind those of a figure."""
    made_of = {
        "AUPT": ("APT", "AUST"), "AUBT": TIMES, "PRI_PQ": ("PQ",), "PRI_GQ": ("GQ",), "TBF": ("APT",), "TTR": ("ADET",),
        "FE": ("ADET",), "AOET": TIMES, "SQ1": ("SQ",), "PQ1": ("PQ",), "TH": ("GQ",), "PBT": TIMES,
    }  # fmt: skip
    return {part for name in uses for part in made_of.get(name, (name,))}


def _inside(time: pl.Expr, start: datetime | None, end: datetime | None) -> list[pl.Expr]:
    """Conditions that a time lies in [start, end)."""
    return ([time >= start] if start is not None else []) + ([time < end] if end is not None else [])


def _ns(time: datetime) -> int:
    """Nanoseconds of an aware time since 1970."""
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


def _facts(log: WorkLog, start: datetime | None, end: datetime | None) -> tuple[pl.DataFrame, int, int]:
    """Reports in the period with the time that each held of its machine and person, and its pieces; edges in ns."""
    for time in (start, end):
        if time is not None and time.tzinfo is None:
            raise InputError(f"{time} has no zone", fix="give an aware time", code="naive_time")
    done = log.done.with_columns(s=pl.col("start").to_physical(), e=pl.col("end").to_physical())
    begins, ends = done["s"].to_numpy(), done["e"].to_numpy()
    first = int(begins.min(initial=np.iinfo(np.int64).max)) if start is None else _ns(start)
    last = int(ends.max(initial=0)) + 1 if end is None else _ns(end)
    if last <= first:
        raise InputError("the period is empty", fix="give an end after the start", code="empty_period")
    done = done.filter((pl.col("e") >= first) & (pl.col("s") < last)).with_columns(
        pl.col("s").clip(first, last), pl.col("e").clip(first, last), ends_inside=pl.col("e") < last
    )
    begin, stop, kind = done["s"].to_numpy(), done["e"].to_numpy(), kinds_of(done["report"])
    machine = done["machine"].rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    person = done["person"].rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    alone = np.where(machine < 0, np.arange(len(machine)) + machine.max(initial=0) + 1, machine)
    held = layered_share(alone, begin, stop, kind) / HOUR_NS
    pieces = pl.sum_horizontal("good", "scrap", "rework", ignore_nulls=True)
    once = ~pl.col("is_rework")
    return (
        done.with_columns(
            *(pl.Series(name, np.where(kind == code, held, 0.0)) for code, name in enumerate(TIMES)),
            pl.Series("APWT", shared_hours(person, begin, stop)),
            **{
                name: pl.when("ends_inside").then(value).fill_null(0.0)
                for name, value in {
                    "GQ": pl.col("good"),
                    "SQ": pl.col("scrap"),
                    "RQ": pl.col("rework"),
                    "PQ": pieces,
                    "GP": pl.when(once).then("good"),
                    "IP": pl.when(once).then(pieces),
                }.items()
            },
        ),
        first,
        last,
    )


def _planned(
    facts: pl.DataFrame, planned_h: Mapping[tuple[str, str], float] | None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Facts with the planned hours of one piece, and what is assumed."""
    product = pl.col("product").fill_null("")
    if planned_h is None:
        each = facts.filter((pl.col("PQ") > 0) & (pl.col("APT") > 0)).with_columns(
            p=product, each_h=pl.col("APT") / pl.col("PQ")
        )
        # half of all pieces took at most this long: the median weighted by pieces
        each = each.sort("each_h").with_columns(
            passed=pl.col("PQ").cum_sum().over("operation", "p") / pl.col("PQ").sum().over("operation", "p")
        )
        plan = each.filter(pl.col("passed") >= 0.5).group_by("operation", "p").agg(pri=pl.col("each_h").first())
    else:
        keys = list(planned_h)
        plan = pl.DataFrame(
            {"operation": [k[0] for k in keys], "p": [k[1] for k in keys], "pri": list(planned_h.values())},
            schema={"operation": pl.String, "p": pl.String, "pri": pl.Float64},
        )
    facts = facts.with_columns(p=product).join(plan, on=["operation", "p"], how="left", maintain_order="left")
    if planned_h is None:
        facts = facts.with_columns(pl.col("pri").fill_null(0.0))  # never seen to take any time
    facts = facts.with_columns(PRI_PQ=pl.col("pri") * pl.col("PQ"), PRI_GQ=pl.col("pri") * pl.col("GQ"))
    # what was produced without any plan cannot be judged: its time would count against the machine
    return facts, ("PRI",) if planned_h is None else ()


def _sums(facts: pl.DataFrame, column: str) -> pl.DataFrame:
    """Sums of the elements by machine, operation or person."""
    broken = pl.col("report") == REPORTS[2]
    return (
        facts.filter(pl.col(column).is_not_null())
        .group_by(column)
        .agg(
            pl.col(*TIMES, *PIECES, "APWT", "PRI_PQ", "PRI_GQ").sum(),
            FE=broken.sum().cast(pl.Float64),
            unplanned=pl.col("pri").is_null().filter(pl.col("PQ") > 0).any(),
        )
        .sort(column)
    )


def _allowed(row: Mapping[str, float | bool], told: Mapping[str, bool], scope: str) -> dict[str, float]:
    """Elements of one thing, without those that the records do not tell."""
    e = {name: float(row.get(name, 0.0)) for name in (*TIMES, *PIECES, "PRI_PQ", "PRI_GQ", "FE")}
    e |= {"AUPT": e["APT"] + e["AUST"], "AUBT": e["APT"] + e["AUST"] + e["ADET"], "TTR": e["ADET"], "TBF": e["APT"]}
    if scope == "person":
        e = {name: e[name] for name in PIECES} | {"APWT": float(row.get("APWT", 0.0))}
    for name, there in told.items():
        if not there:
            e.pop(name, None)
    if not told["GQ"]:
        for name in ("PQ", "GP", "IP", "PRI_PQ", "PRI_GQ"):
            e.pop(name, None)
    if row.get("unplanned"):
        for name in ("PRI_PQ", "PRI_GQ"):
            e.pop(name, None)
    return e


def _orders(log: WorkLog, first: int, last: int, told: Mapping[str, bool]) -> dict[str, dict[str, float]]:
    """Elements of the orders whose last work ended in the period, over all of their work."""
    whole = log.frame.group_by("order").agg(
        running=pl.col("end").is_null().any(),
        s=pl.col("start").min().to_physical(),
        e=pl.col("end").max().to_physical(),
        POQ=pl.col("order_quantity").max(),
    )
    whole = whole.filter(~pl.col("running") & (pl.col("e") >= first) & (pl.col("e") < last))
    rows = log.done.join(whole.select("order"), on="order", how="semi").with_columns(
        slot=pl.col("order").rank("dense").cast(pl.Int64) - 1
    )
    kind = kinds_of(rows["report"])
    begin, stop = (rows[name].to_physical().to_numpy() for name in ("start", "end"))
    held = layered_share(rows["slot"].to_numpy(), begin, stop, kind) / HOUR_NS
    pieces = pl.sum_horizontal("good", "scrap", "rework", ignore_nulls=True)
    at_first = pl.col("operation") == pl.col("operation").sort_by("start").first().over("order")
    sums = rows.with_columns(
        *(pl.Series(name, np.where(kind == code, held, 0.0)) for code, name in enumerate(TIMES)), at_first=at_first
    )
    sums = sums.group_by("order").agg(
        pl.col(TIMES).sum(),
        GQ=pl.col("good").sum(),
        SQ=pl.col("scrap").sum(),
        RQ=pl.col("rework").sum(),
        PQ=pieces.sum(),
        SQ1=pl.col("scrap").sum(),
        PQ1=pieces.filter("at_first").sum(),
    )
    out = {}
    for row in sums.join(whole, on="order").sort("order").iter_rows(named=True):
        e = {name: float(row[name]) for name in (*TIMES, "GQ", "SQ", "RQ", "PQ", "SQ1", "PQ1")}
        e |= {"AUPT": e["APT"] + e["AUST"], "AUBT": e["APT"] + e["AUST"] + e["ADET"]}
        e["AOET"] = (row["e"] - row["s"]) / HOUR_NS
        e["AQT"] = max(e["AOET"] - e["AUBT"], 0.0)
        if row["POQ"] is not None:
            e["POQ"] = float(row["POQ"])
        for name in [n for n, there in told.items() if not there] + ([] if told["SQ"] else ["SQ1"]):
            e.pop(name, None)
        if not told["GQ"]:
            for name in ("PQ", "PQ1"):
                e.pop(name, None)
        out[str(row["order"])] = e
    return out


def _flow(log: WorkLog, first: int, last: int) -> dict[str, float]:
    """Throughput of finished orders and mean pieces in progress, from the pieces ordered."""
    span = log.frame.group_by("order").agg(
        s=pl.col("start").min().to_physical(),
        e=pl.when(pl.col("end").is_null().any()).then(last).otherwise(pl.col("end").max().to_physical()),
        q=pl.col("order_quantity").max(),
    )
    if span["q"].null_count():
        return {}
    inside = (span["e"].clip(first, last) - span["s"].clip(first, last)).to_numpy()
    done = span.filter((pl.col("e") >= first) & (pl.col("e") < last))
    return {
        "TH": float(done["q"].sum()),
        "WIP": float((inside * span["q"].to_numpy()).sum() / (last - first)),
    }


def _table(parts: Mapping[tuple[str, str], Mapping[str, float]]) -> pl.DataFrame:
    """One row per figure and thing."""
    rows = []
    for (scope, name), elements in parts.items():
        for kpi in KPIS:
            if scope in kpi.scopes:
                got = evaluate(kpi, elements)
                rows.append(
                    (scope, name, kpi.key, got.value, kpi.unit, kpi.better, got.reason, kpi.formula, kpi.source)
                )
    names = ["scope", "name", "key", "value", "unit", "better", "reason", "formula", "source"]
    kinds = {name: pl.Float64 if name == "value" else pl.String for name in names}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _elements(parts: Mapping[tuple[str, str], Mapping[str, float]]) -> pl.DataFrame:
    """One row per element and thing."""
    rows = [
        (scope, name, code, value, ELEMENTS[code])
        for (scope, name), elements in parts.items()
        for code, value in elements.items()
    ]
    kinds = {"scope": pl.String, "name": pl.String, "element": pl.String, "value": pl.Float64, "unit": pl.String}
    return pl.DataFrame(rows, schema=kinds, orient="row")
