"""Concentration of supply and exposure of trade: who depends on one supplier, one country, one market.

From a table of deliveries: for each product (or industry, or buyer), shares of the suppliers, the Herfindahl-Hirschman
index, the largest share, the share that comes from abroad and from how many countries; single sources; and, where buyers are
named, whose loss reaches farthest. From a table of exports by partner: export share times concentration of partners. These
are states, not series, so there is no chart and no record; the lines are parameters.

Source: Herfindahl (1950), Hirschman (1964); lines of 1,500 and 2,500 points as in the merger guidelines of 2010.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from zhizao.errors import InputError
from zhizao.programme.alerts.graph import _reach, _tables, cut_points
from zhizao.programme.alerts.warning import Alert, Evidence, Level, Record, actions_for
from zhizao.programme.classes import industries, regions

__all__ = ["Lines", "concentration_alerts", "trade_alerts"]

_HOME = {"CN", "CHN", "China", "china", "中国"}
_NO_RECORD = Record(reason=("状态判断，没有可重演的序列", "a state is judged, there is no series to replay"))


@dataclass(frozen=True, slots=True)
class Lines:
    """Where concentration becomes a warning.

    Parameters
    ----------
    index : Herfindahl-Hirschman index, 0..1
    largest : share of the largest supplier
    single : share at which a supplier counts as the only one
    imports : share from abroad
    export_share : share of output that is exported
    partners : index of the export partners
    reach : share of all deliveries that stops with one supplier
    """

    index: float = 0.25
    largest: float = 0.5
    single: float = 0.95
    imports: float = 0.5
    export_share: float = 0.25
    partners: float = 0.25
    reach: float = 0.1


def _positive(frame: pl.DataFrame, value: str) -> pl.DataFrame:
    kept = frame.filter(pl.col(value) > 0)
    if kept.is_empty():
        raise InputError(f"no row has {value} above zero", fix="give the value of each delivery", code="no_rows")
    if "month" in kept.columns:
        last = kept["month"].max()
        kept = kept.filter(pl.col("month") > pl.lit(last).dt.offset_by("-12mo"))
    return kept


def _scope(frame: pl.DataFrame) -> list[str]:
    there = [one for one in frame.columns if one in ("industry", "product")]
    instead = [one for one in frame.columns if one in ("region", "buyer")]
    return sorted(there) or sorted(instead, reverse=True)[:1]


def _shares(frame: pl.DataFrame, scope: list[str], by: str, value: str) -> pl.DataFrame:
    """Per scope: index, largest share and its holder, number of holders, total."""
    part = (
        frame.group_by([*scope, by])
        .agg(pl.col(value).sum())
        .sort([*scope, value, by], descending=[False] * len(scope) + [True, False])
    )
    share = part.with_columns(share=pl.col(value) / (pl.col(value).sum().over(scope) if scope else pl.col(value).sum()))
    say = [
        pl.col("share").pow(2).sum().alias("index"), pl.col("share").first().alias("largest"), pl.col(by).first().alias("holder"),
        pl.len().alias("count"), pl.col(value).sum().alias("total"),
    ]  # fmt: skip
    return share.group_by(scope, maintain_order=True).agg(say) if scope else share.select(say)


def _name(scope: dict[str, str]) -> tuple[str, str]:
    zh, en = [], []
    for key, code in scope.items():
        known = industries().get(code) if key == "industry" else regions().get(code) if key == "region" else None
        zh.append(known.zh if known else code)
        en.append(known.en if known else code)
    return " ".join(zh) or "全部", " ".join(en) or "all"


def _row(signal: str, zh: str, en: str, value: float, line: float, unit: str = "%") -> Evidence:
    factor = 100 if unit == "%" else 10_000
    return Evidence(signal, zh, en, factor * value, None, factor * line, unit, "line", value / line if line else 0.0)


def concentration_alerts(frame: pl.DataFrame, *, lines: Lines | None = None) -> tuple[Alert, ...]:
    """Warnings on products (or industries, or buyers) whose supply hangs on few; the last twelve months where there are months.

    Parameters
    ----------
    frame : `supplier`, `value_cny`, and what there is of `buyer`, `product`, `industry`, `country`, `month`
    lines : where concentration becomes a warning

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"product": ["chip"] * 2 + ["bolt"] * 4, "supplier": list("abcdef"), "value_cny": [97.0, 3, 1, 1, 1, 1]})
    >>> [(one.scope["product"], one.level) for one in concentration_alerts(table)]
    [('chip', 'serious')]
    """
    lines = lines or Lines()
    frame = _positive(frame, "value_cny")
    scope = _scope(frame)
    table = _shares(frame, scope, "supplier", "value_cny")
    abroad: dict[tuple[str, ...], tuple[float, float, str]] = {}
    if "country" in frame.columns:
        for key, part in frame.group_by(scope) if scope else [((), frame)]:
            foreign = part.filter(~pl.col("country").is_in(list(_HOME)))
            total = float(part["value_cny"].sum())
            if foreign.height:
                by = (
                    foreign.group_by("country")
                    .agg(pl.col("value_cny").sum())
                    .sort("value_cny", "country", descending=[True, False])
                )
                share = by["value_cny"].to_numpy() / by["value_cny"].sum()
                abroad[tuple(map(str, key))] = (
                    float(foreign["value_cny"].sum()) / total,
                    float((share**2).sum()),
                    str(by["country"][0]),
                )
    out = []
    for row in table.iter_rows(named=True):
        where = {one: str(row[one]) for one in scope}
        imported, partners, country = abroad.get(tuple(where.values()), (0.0, 0.0, ""))
        rows = [
            _row(
                "largest_share",
                f"最大供应商（{row['holder']}）份额",
                f"share of the largest supplier ({row['holder']})",
                row["largest"],
                lines.largest,
            ),
            _row(
                "supplier_index",
                "供应商集中度（HHI）",
                "concentration of suppliers (HHI)",
                row["index"],
                lines.index,
                "points",
            ),
        ]
        if imported:
            rows.append(
                _row(
                    "import_share",
                    f"进口占比（首位来源 {country}）",
                    f"share from abroad (first: {country})",
                    imported,
                    lines.imports,
                )
            )
        single = row["largest"] >= lines.single
        depends = imported >= lines.imports and partners >= lines.partners
        if not single and not depends and not (row["index"] >= lines.index and row["largest"] >= lines.largest):
            continue
        level: Level = "serious" if single or (depends and row["largest"] >= lines.largest) else "warning"
        out.append(_alert("concentration", where, level, rows))
    out.sort(key=lambda one: (one.level != "serious", -max(row.vote for row in one.evidence)))
    return (*out, *_far_reaching(frame, lines))


def _alert(kind: str, scope: dict[str, str], level: Level, rows: list[Evidence]) -> Alert:
    rows = sorted(rows, key=lambda one: -one.vote)
    return Alert(kind, scope, _name(scope), level, None, None, tuple(rows), actions_for(kind), _NO_RECORD)


def _far_reaching(frame: pl.DataFrame, lines: Lines, most: int = 20) -> list[Alert]:
    """Suppliers whose loss stops more than themselves."""
    if "buyer" not in frame.columns:
        return []
    product = pl.col("product") if "product" in frame.columns else pl.lit("")
    grouped = frame.group_by("supplier", "buyer", product.alias("made")).agg(pl.col("value_cny").sum())
    rows: list[tuple[str, str, str, float]] = [tuple(one) for one in grouped.sort("supplier", "buyer", "made").rows()]
    sources, serves, sold, total = _tables(rows)
    points, _ = cut_points((one[0], one[1]) for one in rows)
    only = {next(iter(holders)) for holders in sources.values() if len(holders) == 1}
    found = []
    for supplier in sorted(only):
        stopped, share = _reach(sources, serves, sold, total, supplier)
        if len(stopped) > 1 and share >= lines.reach:
            found.append((share, supplier, len(stopped) - 1))
    found.sort(key=lambda one: (-one[0], one[1]))
    return [
        _alert(
            "concentration", {"supplier": supplier}, "serious" if share >= 2 * lines.reach else "warning",
            [
                _row("reach", f"断供波及 {count} 家企业、占全部供货额", f"its loss stops {count} enterprises and this share of deliveries", share, lines.reach),
                _row("cut_point", "是供应网络的割点" if supplier in points else "不是割点", "it is a cut point of the supply graph" if supplier in points else "it is no cut point", float(supplier in points), 1.0),
            ],
        )
        for share, supplier, count in found[:most]
    ]  # fmt: skip


def trade_alerts(frame: pl.DataFrame, *, lines: Lines | None = None) -> tuple[Alert, ...]:
    """Warnings on industries (or products) that export much to few: export share times concentration of partners.

    Parameters
    ----------
    frame : `country`, `exports_cny`, one of `industry`, `product`, `region`; `output_cny` or `revenue_cny` of the scope where
        the export share is to count (repeated on each row, the largest is taken); `month` where there are months
    lines : where exposure becomes a warning

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"industry": ["39"] * 2 + ["15"] * 2, "country": ["US", "DE"] * 2, "exports_cny": [80.0, 20, 5, 5],
    ...                       "output_cny": [200.0, 200, 500, 500]})
    >>> [(one.scope["industry"], one.level) for one in trade_alerts(table)]
    [('39', 'serious')]
    """
    lines = lines or Lines()
    frame = _positive(frame, "exports_cny")
    scope = _scope(frame)
    if not scope:
        raise InputError("no column names what is exported", fix="give industry, product or region", code="no_column")
    whole = next((one for one in ("output_cny", "revenue_cny") if one in frame.columns), None)
    table = _shares(frame, scope, "country", "exports_cny")
    if whole:
        by_month = [*scope, "month"] if "month" in frame.columns else scope
        sizes = frame.group_by(by_month).agg(pl.col(whole).max()).group_by(scope).agg(pl.col(whole).sum())
        table = table.join(sizes, on=scope, how="left")
    out = []
    for row in table.iter_rows(named=True):
        share = float(np.clip(row["total"] / row[whole], 0, 1)) if whole and row[whole] else 1.0
        if share < lines.export_share or row["index"] < lines.partners:
            continue
        rows = [
            _row(
                "partner_index",
                f"出口市场集中度（首位 {row['holder']}）",
                f"concentration of export partners (first: {row['holder']})",
                row["index"],
                lines.partners,
                "points",
            ),
            _row(
                "exposure",
                "暴露度（出口占比×市场集中度）",
                "exposure (export share x concentration)",
                share * row["index"],
                lines.export_share * lines.partners,
            ),
        ]
        if whole:
            rows.append(_row("export_share", "出口占产值", "exports to output", share, lines.export_share))
        level: Level = "serious" if share * row["index"] >= 4 * lines.export_share * lines.partners else "warning"
        out.append(_alert("trade", {one: str(row[one]) for one in scope}, level, rows))
    return tuple(sorted(out, key=lambda one: -one.evidence[0].vote))
