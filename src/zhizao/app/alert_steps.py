"""Steps of the warnings that command line and pages share: tables read, settings checked, every kind judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhizao.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from zhizao.programme.alerts import Alert, SignalHistory

__all__ = ["KINDS", "as_plain", "judge", "read_as_of", "read_budget", "read_tables", "refuse_future"]

KINDS = {"over-capacity": "over_capacity", "quality": "quality", "concentration": "concentration", "trade": "trade"}
"""Kinds of warning as they are written, and as the room below names them."""


def read_budget(text: str) -> float:
    """Budget of false alarms a year: `1/year`, `0.5`, `1/month`, `2/年`."""
    number, _, per = text.strip().partition("/")
    per = per.strip().lower()
    try:
        value = float(number) * {"": 1, "year": 1, "y": 1, "年": 1, "month": 12, "月": 12, "quarter": 4, "季": 4}[per]
    except (ValueError, KeyError):
        value = 0.0
    if not 0.001 <= value <= 1000:
        raise InputError(
            f'"{text}" is no budget of false alarms',
            where="--budget",
            fix="write how many a year over all industries together, such as 1/year",
            code="bad_budget",
        )
    return value


def read_as_of(text: str | None) -> date | None:
    """The last day of the month named: what was known by its end counts."""
    from datetime import timedelta

    from zhizao.programme.alerts import read_month

    if text is None:
        return None
    found = read_month(text)
    if found is None:
        raise InputError(f'"{text}" is not a month', where="--as-of", fix="write it as 2024-06", code="bad_month")
    return (found.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def read_tables(data: Path) -> list[tuple[str, pl.DataFrame]]:
    """Tables of a file, or of the files of a folder, with their columns settled."""
    from zhizao.programme.alerts import settle
    from zhizao.sense.files.source import Options, open_source

    if not data.exists():
        raise InputError(f'there is no file or folder "{data}"', where=str(data), fix="check the name", code="no_file")
    if data.is_dir():
        paths = sorted(one for one in data.iterdir() if one.suffix.lower() in (".csv", ".parquet", ".xlsx"))
        if not paths:
            raise InputError(
                "the folder holds no table",
                where=str(data),
                fix="put CSV, Excel or Parquet files there",
                code="no_file",
            )
    else:
        paths = [data]
    tables, refused = [], None
    for path in paths:
        for sheet in open_source(path, Options()).sheets:
            if sheet.ragged:
                line, cells, _ = sheet.ragged[0]
                raise InputError(
                    f"line {line} has {cells} cells, the headings are {sheet.frame.width}",
                    where=path.name, fix="the file is cut off or a separator is wrong; export it again", code="ragged",
                )  # fmt: skip
            name = path.name + (f", sheet {sheet.name}" if sheet.name else "")
            try:
                tables.append((name, settle(sheet.frame, name, sheet.rows)))
            except InputError as error:
                if len(paths) == 1 or error.fault.code not in ("no_month",):
                    raise
                refused = error
    if not tables and refused:
        raise refused
    return tables


def refuse_future(tables: list[tuple[str, pl.DataFrame]]) -> None:
    """A month that has not begun is a forecast or a slip of the pen, and no reading."""
    from zhizao.clock import now

    today = now().date()
    for name, table in tables:
        last = table["month"].max() if "month" in table.columns else None
        if last is not None and str(last) > str(today):
            raise InputError(
                f"the data reach to {str(last)[:7]}, which is still to come",
                where=name,
                fix="leave forecasts out, or name the last month of readings with --as-of",
                code="future",
            )


def judge(
    tables: list[tuple[str, pl.DataFrame]],
    *,
    kind: str | None = None,
    month: date | None = None,
    budget: float = 1.0,
    lag: int = 0,
    seed: int = 0,
    where: str = "",
    tell: Callable[[str, float], None] | None = None,
    charts: bool = False,
) -> dict[str, Any]:
    """All kinds of warning that the tables can speak to.

    Parameters
    ----------
    tables : settled, with their names
    kind : only this one, as the room names it
    month : nothing later is looked at
    budget : false alarms a year over all industries together
    lag : months that pass before a figure is known
    seed : of the calibration
    where : what the tables are, for messages
    tell : told the step (`judging KIND`) and how far it is
    charts : whether the series under each warning are given as well

    Returns
    -------
    dict
        `alerts`, `cannot`, `replay` by kind, `as_of` (month), `charts` by number of the warning

    Raises
    ------
    InputError : no column suffices (`no_kind`), or a table cannot be judged
    """
    import numpy as np
    import polars as pl

    from zhizao.programme import alerts as core

    out: dict[str, Any] = {"alerts": [], "cannot": [], "replay": {}, "as_of": None, "charts": {}}
    rng = np.random.default_rng(seed)
    todo = [(name, table, one) for name, table in tables for one in core.kinds_in(table.columns) if kind in (None, one)]
    for at, (name, table, one) in enumerate(todo):
        if tell is not None:
            tell(f"judging {one}", at / len(todo))
        try:
            if month is not None and "month" in table.columns:
                table = table.filter(pl.col("month") <= month)
            if table.is_empty():
                raise InputError(
                    "no row is left up to that month", where="--as-of", fix="name a later month", code="no_rows"
                )
            if "month" in table.columns:
                out["as_of"] = max(out["as_of"] or "", str(table["month"].max())[:7])
            first = len(out["alerts"])
            if one == "over_capacity":
                found = core.over_capacity(core.panel_of(table, as_of=month), budget=budget, rng=rng, lag=lag)
                out["alerts"] += found.alerts
                out["cannot"] += found.cannot_judge
                if found.replayed is not None:
                    out["replay"]["over-capacity"] = found.replayed.as_json()
                if charts:
                    for k, each in enumerate(found.alerts, first):
                        out["charts"][k] = [_history(row) for row in found.history(each.scope["industry"])]
            elif one == "quality":
                quality = core.quality_alerts(table, budget=budget, rng=rng)
                out["alerts"] += quality.alerts
                out["cannot"] += quality.cannot_judge
                if quality.replayed:
                    out["replay"]["quality"] = quality.replayed
                if charts:
                    for k, each in enumerate(quality.alerts, first):
                        out["charts"][k] = [_shares(table, each)]
            else:
                judged = core.concentration_alerts if one == "concentration" else core.trade_alerts
                out["alerts"] += judged(table)
        except InputError as error:
            if error.fault.where:
                raise
            raise InputError(error.fault.what, where=name, fix=error.fault.fix, code=error.fault.code) from error
    if not todo:
        seen = (
            ", ".join(dict.fromkeys(column for _, table in tables for column in table.columns)) or "none that is known"
        )
        raise InputError(
            f"the columns ({seen}) do not suffice for {'any warning' if kind is None else kind.replace('_', '-')}",
            where=where, fix="docs/alerts.md names the columns of each kind of warning", code="no_kind",
        )  # fmt: skip
    return out


def _history(row: SignalHistory) -> dict[str, Any]:
    """A signal's past as JSON holds it."""
    return {
        "signal": row.signal,
        "months": [f"{month:%Y-%m}" for month in row.months],
        **{
            name: [None if one is None else float(f"{one:.6g}") for one in values]
            for name, values in (("value", row.value), ("low", row.low), ("high", row.high))
        },
    }


def _shares(table: pl.DataFrame, alert: Alert) -> dict[str, Any]:
    """Share that failed in each month of a cell, beside its normal range."""
    import polars as pl

    for key, code in alert.scope.items():
        table = table.filter(pl.col(key) == code)
    if {"batches_inspected", "batches_passed"} <= set(table.columns):
        tried, failed = pl.col("batches_inspected"), pl.col("batches_inspected") - pl.col("batches_passed")
    else:
        tried, failed = pl.col("products_made"), pl.col("products_defective")
    by = table.group_by("month").agg(tried=tried.sum(), failed=failed.sum()).sort("month")
    row = alert.evidence[0]
    share = by.select(pl.when(pl.col("tried") > 0).then(100 * pl.col("failed") / pl.col("tried"))).to_series()
    return {
        "signal": row.signal,
        "months": [f"{month:%Y-%m}" for month in by["month"]],
        "value": [None if one is None else round(one, 3) for one in share],
        "low": [row.low] * by.height,
        "high": [row.high] * by.height,
    }


def as_plain(found: dict[str, Any], budget: float) -> dict[str, Any]:
    """What was found as JSON: see docs/alerts.md."""
    from zhizao.programme.alerts import as_json

    return {
        "as_of": found["as_of"],
        "budget_per_year": budget,
        "warnings": [as_json(one) for one in found["alerts"]],
        "replay": found["replay"],
        "cannot_judge": [
            {"kind": one.kind.replace("_", "-"), "scope": one.scope, "reason": {"zh": one.zh, "en": one.en}}
            for one in found["cannot"]
        ],
    }
