"""What stands beside the lines of a return: the months before, the checks of its figures, and the facts behind a line.

Everything asks the returns desk first who may see it, so that a page or a route adds no way around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from zhizao.account.ledger import keep_book
from zhizao.app.returns_desk import ReturnsDesk
from zhizao.app.returns_rules import Failed, failed_rule, told_as
from zhizao.errors import InputError, NotAllowed
from zhizao.programme.editing import edit, rule_set
from zhizao.programme.editing.deductive import METHODS
from zhizao.programme.items import item_keys, items
from zhizao.programme.returns import Actor, Sight, bounds, check_month, check_values, month_before, sight
from zhizao.programme.returns.fill import METERED_ITEMS

__all__ = ["SECTIONS", "Before", "Checked", "before", "checked", "facts_behind"]

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "sales",
        (
            "revenue_cny",
            "output_cny",
            "value_added_cny",
            "new_product_revenue_cny",
            "exports_cny",
            "orders_cny",
        ),
    ),
    ("cost", ("materials_cny", "operating_cost_cny", "wages_cny", "profit_cny", "tax_cny")),
    ("people", ("employees", "rd_people", "rd_spend_cny", "patents_valid")),
    (
        "making",
        (
            "products_made",
            "products_defective",
            "batches_inspected",
            "batches_passed",
            "cycle_h",
            "capacity_cny",
            "digital_rd_tools",
            "key_processes",
            "key_processes_nc",
        ),
    ),
    (
        "energy",
        (
            "energy_tce",
            "electricity_kwh",
            "gas_m3",
            "coal_t",
            "heat_gj",
            "co2_t",
            "water_m3",
            "waste_generated_t",
            "waste_used_t",
            "waste_used_old_t",
            "pollutants_t",
        ),
    ),
    ("balance", ("inventory_cny", "receivables_cny", "investment_cny", "assets_cny", "debts_cny")),
)
"""Parts of the form: each line is in one of them."""

_MONTHS = 13
_TINY = 0.01


@dataclass(frozen=True, slots=True)
class Before:
    """Figures of an earlier month.

    Parameters
    ----------
    period : which
    values : by item; empty where nothing is known
    source : `published`, `submitted` (the newest version), `journal` (what the journal fills), or empty
    """

    period: str
    values: dict[str, float | None]
    source: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks say of some figures.

    Parameters
    ----------
    failed : hard ones first
    suspected : lines that have to change, as few as can be, each with the value suggested, None where there is none
    how : how these were found, as `zhizao.programme.editing` names it
    blank : lines without value and without note
    faults : lines that cannot be taken as they stand, with code, what and fix
    """

    failed: tuple[Failed, ...]
    suspected: dict[str, float | None]
    how: str
    blank: tuple[str, ...]
    faults: tuple[dict[str, str], ...]


def before(
    desk: ReturnsDesk, actor: Actor, enterprise: str, period: str, *, fill: bool = True
) -> tuple[Before, Before]:
    """Last month and the same month of last year, as far as a person may see them.

    Parameters
    ----------
    desk, actor : who looks, and where
    enterprise, period : beside which return
    fill : whether what the journal fills stands in where nothing was submitted, for those who may see that
    """
    period = check_month(period)
    year_ago = f"{int(period[:4]) - 1:04d}{period[4:]}"
    return (
        _month(desk, actor, enterprise, month_before(period), fill),
        _month(desk, actor, enterprise, year_ago, fill),
    )


def _month(desk: ReturnsDesk, actor: Actor, enterprise: str, period: str, fill: bool) -> Before:
    one = desk.all().get((enterprise, period)) if sight(actor, desk.tree, enterprise) is Sight.ALL else None
    if one is not None and one.latest is not None:
        version = one.public or one.latest
        return Before(period, version.values, "published" if one.public is not None else "submitted")
    if fill:
        try:
            filled = desk.filled(actor, enterprise, period)
        except (NotAllowed, InputError):
            return Before(period, {}, "")
        if filled.filled > 5:  # a month before the first record has little more than the equipment
            return Before(period, filled.values, "journal")
    return Before(period, {}, "")


def checked(
    desk: ReturnsDesk,
    actor: Actor,
    enterprise: str,
    period: str,
    values: Mapping[str, float | None],
    notes: Mapping[str, str] | None = None,
    lang: str = "en",
) -> Checked:
    """The shipped rules on figures of a return, against what the enterprise said in the year before.

    Parameters
    ----------
    desk, actor : who asks; those who see all of the return
    enterprise, period : which return
    values, notes : as they stand in the form
    lang : "en" or "zh", of the words

    Raises
    ------
    NotAllowed : it is not theirs to see (`role`)
    """
    unit = desk.tree.enterprise(enterprise)
    desk.figures_for(actor, enterprise, period)
    told = {key: text.strip() for key, text in (notes or {}).items() if text.strip()}
    plain = {
        key: float(value)
        for key, value in values.items()
        if key in items() and isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    }
    faults = [fault for fault in check_values(values, told) if fault.code != "blank"]
    blank = tuple(key for key in items() if values.get(key) is None and key not in told)
    returns = told_as(unit, enterprise, period, plain, _history(desk, actor, enterprise, period))
    done = edit(returns, rule_set(), signs=False)
    failed = [
        failed_rule(done.rules[name], told, lang)
        for ids, flags in ((done.hard_ids, done.hard), (done.soft_ids, done.soft))
        for name in (ids[at] for at in np.flatnonzero(flags[0]).tolist())
    ]
    deduced, marked = done.deduced.method[0] > 0, done.localised.mark[0] == 1
    suspected: dict[str, float | None] = {}
    for at in np.flatnonzero(deduced | marked).tolist():
        value = float(done.values[0, at])
        # what the rules leave open is no value to suggest: "more than nothing" is not 0.001
        suspected[item_keys()[at]] = None if np.isnan(value) or 0 < abs(value) < _TINY else value
    how = [METHODS[m] for m in sorted(set(done.deduced.method[0][deduced].tolist()))]
    if marked.any():
        how.append("fewest_fields")
    if len(done.impossible):
        how.append("impossible")
    return Checked(
        tuple(failed),
        suspected,
        "+".join(how),
        blank,
        tuple({"line": f.where, "what": f.what, "fix": f.fix, "code": f.code} for f in faults),
    )


def _history(desk: ReturnsDesk, actor: Actor, enterprise: str, period: str) -> dict[str, dict[str, float | None]]:
    out: dict[str, dict[str, float | None]] = {}
    month = period
    for _ in range(_MONTHS):
        month = month_before(month)
        found = _month(desk, actor, enterprise, month, False)
        if found.values:
            out[month] = found.values
    if month_before(period) not in out:
        filled = _month(desk, actor, enterprise, month_before(period), True)
        if filled.values:
            out[filled.period] = filled.values
    return out


def facts_behind(desk: ReturnsDesk, actor: Actor, enterprise: str, period: str, key: str) -> pl.DataFrame:
    """The facts of the journal that a line is made of, oldest first; `event` is their number in the journal.

    Parameters
    ----------
    desk, actor : who asks; those who may see what the journal fills
    enterprise, period : which return
    key : item of the line

    Raises
    ------
    NotAllowed : it is not theirs to see (`role`)
    InputError : there is no such item (`unknown_item`), or the journal is not that enterprise's (`not_own`)
    """
    line = desk.filled(actor, enterprise, period).lines.get(key)
    if line is None:
        raise InputError(f'"{key[:60]}" is not an item of the return', fix="use its keys", code="unknown_item")
    start, end = bounds(period, desk.plant.zone)
    if "accounts.closed" in line.kinds:
        book = desk.journal.accounts()
        return book.filter((pl.col("period") == period) & (pl.col("item") == key)).sort("event")
    if "metered" in line.kinds:
        flows = desk.journal.flows()
        below = [name for name, meter in desk.plant.meters.items() if meter.below is not None]
        carriers = [METERED_ITEMS[key]] if key in METERED_ITEMS else ["electricity", "gas", "coal", "heat"]
        return flows.filter(
            ~pl.col("meter").is_in(below)
            & pl.col("carrier").is_in(carriers)
            & (pl.col("start") < end)
            & (pl.col("end") > start)
        ).sort("event")
    if not line.count:
        return pl.DataFrame(schema={"event": pl.Int64})
    log = desk.worklog()
    if key == "employees":
        rows = log.frame.filter((pl.col("start") < end) & (pl.col("start") >= start) & pl.col("person").is_not_null())
    else:
        orders = keep_book(log, desk.plant, start=start, end=end).orders
        rows = log.frame.join(orders.select("order"), on="order", how="semi").filter(pl.col("end").is_not_null())
    wanted = ("event", "order", "operation", "machine", "person", "start", "end", "good", "scrap", "rework")
    return rows.select(wanted).sort("event")
