"""The records behind the figures: orders with their reported work, opened in the page itself."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from zhizao.pilot.report.words import word

if TYPE_CHECKING:
    from zhizao.pilot.run import Pilot

__all__ = ["orders"]

_MOST_ROWS = 20_000


def orders(pilot: Pilot, lang: str) -> str:
    """Section with every order (the longest ones of a large log) and, on opening, its reported work."""
    log = pilot.log
    done = log.done
    bad = pl.col("scrap").fill_null(0.0) + pl.col("rework").fill_null(0.0)
    by_order = (
        done.group_by("order")
        .agg(
            product=pl.col("product").first(),
            begin=pl.min_horizontal(pl.col("released").min(), pl.col("start").min()),
            end=pl.col("end").max(),
            bad=bad.sum(),
            rows=pl.len(),
        )
        .with_columns(cycle=(pl.col("end") - pl.col("begin")).dt.total_nanoseconds() / 3.6e12)
        .sort("cycle", "order", descending=[True, False])
    )
    kept = by_order.filter(pl.col("rows").cum_sum() <= _MOST_ROWS)
    local = "%Y-%m-%d %H:%M"
    rows = (
        done.filter(pl.col("order").is_in(kept["order"].implode()))
        .sort("order", "start")
        .select(
            "order",
            "event",
            "activity",
            "machine",
            "person",
            pl.col("start").dt.convert_time_zone(log.zone).dt.strftime(local),
            pl.col("end").dt.convert_time_zone(log.zone).dt.strftime(local),
            "good",
            "scrap",
        )
    )
    per_order: dict[str, list[list[Any]]] = {}
    for order, *rest in rows.iter_rows():
        per_order.setdefault(order, []).append(rest)
    shown = [
        [order, product, f"{cycle:.1f} h", f"{int(n)} {word('bad', lang)}" if n else ""]
        for order, product, cycle, n in kept.select("order", "product", "cycle", "bad").iter_rows()
    ]
    names = ("event", "operation", "machine", "person", "start", "end", "good", "scrap")
    data = {"orders": shown, "rows": per_order, "head": [word(name, lang) for name in names]}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")
    part = "" if kept.height == by_order.height else f"<p>{escape(word('records.part', lang, n=kept.height))}</p>"
    return (
        f'<h2 id="records">{escape(word("records", lang))}</h2><p>{escape(word("records.text", lang))}</p>{part}'
        f'<input id="find" class="find" type="search" placeholder="{escape(word("order", lang))}…"'
        f' aria-label="{escape(word("order", lang))}"><div id="orders" class="list"></div>'
        f'<script type="application/json" id="work">{text}</script>'
    )
