"""What pages and API show of the records: figures, trends, orders, machines and single facts, as frames and values.

All of it is worked out by `zhizao.account` from the work log; here it is only asked for, once for each state of the
journal, and put side by side.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from zhizao.app.desk import Desk, Period
from zhizao.errors import InputError
from zhizao.model import Kind
from zhizao.record.returns import RETURN_KINDS

if TYPE_CHECKING:
    from zhizao.account import (
        DefectRate,
        IsoFigures,
        Ledger,
        Losses,
        OperatingCost,
        ProductionCycle,
        ThreeFigures,
    )
    from zhizao.record import Recorded

__all__ = [
    "book",
    "corrections",
    "cost",
    "cycle",
    "fact",
    "imports",
    "machines",
    "operations",
    "orders",
    "search",
    "three",
    "weeks",
]

IMPROVED = "improved.parquet"
"""File of a pilot with the floor as it would have run with the chosen levers."""

REPORTS = ("production", "setup", "breakdown")


def three(desk: Desk, period: Period) -> ThreeFigures:
    """The three figures of the orders that ended in a period."""
    from zhizao.account import three_figures

    def work() -> ThreeFigures:
        return three_figures(desk.log(), desk.plant, start=period.start, end=period.end)

    return desk.once("three", work, period.key)


def cycle(desk: Desk, period: Period) -> ProductionCycle:
    """Where the production cycle goes."""
    from zhizao.account import production_cycle

    def work() -> ProductionCycle:
        return production_cycle(desk.log(), desk.plant, start=period.start, end=period.end)

    return desk.once("cycle", work, period.key)


def cost(desk: Desk, period: Period) -> OperatingCost:
    """Where the money goes."""
    from zhizao.account import operating_cost

    def work() -> OperatingCost:
        return operating_cost(desk.log(), desk.plant, start=period.start, end=period.end)

    return desk.once("cost", work, period.key)


def book(desk: Desk, period: Period) -> Ledger:
    """Finished orders of a period with their times, pieces and costs."""
    from zhizao.account import keep_book

    return desk.once("book", lambda: keep_book(desk.log(), desk.plant, start=period.start, end=period.end), period.key)


def losses(desk: Desk, period: Period) -> Losses:
    """What machines did with their hours, what eats cycle and cost, and trends by week."""
    from zhizao.account import losses as losses_of

    def work() -> Losses:
        kept = (cycle(desk, period), cost(desk, period))
        return losses_of(desk.log(), desk.plant, start=period.start, end=period.end, cycle=kept[0], cost=kept[1])

    return desk.once("losses", work, period.key)


def defects(desk: Desk, period: Period) -> DefectRate:
    """Defect rate by cause."""
    from zhizao.account import defect_rate

    def work() -> DefectRate:
        return defect_rate(desk.log(), desk.plant, start=period.start, end=period.end)

    return desk.once("defects", work, period.key)


def iso(desk: Desk, period: Period) -> IsoFigures:
    """The ISO 22400-2 figures of plant and machines."""
    from zhizao.account import iso22400

    def work() -> IsoFigures:
        scopes = ("plant", "machine")
        return iso22400(desk.log(), desk.plant, start=period.start, end=period.end, scopes=scopes)

    return desk.once("iso", work, period.key)


def weeks(desk: Desk, period: Period) -> pl.DataFrame:
    """The three figures of the orders that ended in each week, with intervals."""
    from zhizao.account import trend

    def work() -> pl.DataFrame:
        return trend(desk.log(), desk.plant, start=period.start, end=period.end)

    return desk.once("weeks", work, period.key)


def operations(desk: Desk, period: Period) -> pl.DataFrame:
    """Reports of work that touch a period, newest last, with their hours."""

    def work() -> pl.DataFrame:
        frame = period.touching(desk.log().frame)
        hours = (pl.col("end") - pl.col("start")).dt.total_nanoseconds() / 3.6e12
        return frame.with_columns(hours=hours).sort("start")

    return desk.once("operations", work, period.key)


def orders(desk: Desk, period: Period) -> pl.DataFrame:
    """Orders that ended in a period, with cycle, its parts, pieces, cost and lateness."""

    def work() -> pl.DataFrame:
        parts = cycle(desk, period).orders
        kept = book(desk, period).orders
        shared = [name for name in parts.columns if name.endswith("_h") and name != "cycle_h"]
        more = [name for name in ("first_start", "due", "entered", "good", "bad", "cost") if name in kept.columns]
        frame = kept.select("order", "product", "begin", "end", "cycle_h", *(m for m in more)).join(
            parts.select("order", *shared), on="order", how="left"
        )
        late = (pl.col("end") - pl.col("due")).dt.total_nanoseconds() / 3.6e12
        return frame.with_columns(late_h=late, share_bad=pl.col("bad") / pl.col("entered")).sort("end", descending=True)

    return desk.once("orders", work, period.key)


def machines(desk: Desk, period: Period) -> pl.DataFrame:
    """Hours of each machine in each state, with reports and pieces; and what orders waited for it."""

    def work() -> pl.DataFrame:
        frame = period.touching(desk.log().frame).filter(pl.col("machine").is_not_null())
        hours = (pl.col("end") - pl.col("start")).dt.total_nanoseconds() / 3.6e12
        table = frame.group_by("machine").agg(
            *(hours.filter(pl.col("report") == name).sum().alias(f"{name}_h") for name in REPORTS),
            reports=pl.len().cast(pl.Int64),
            orders=pl.col("order").n_unique().cast(pl.Int64),
            good=pl.col("good").sum(),
            scrap=pl.col("scrap").sum(),
            rework=pl.col("rework").sum(),
            breakdowns=(pl.col("report") == "breakdown").sum().cast(pl.Int64),
        )
        waited = cycle(desk, period).by_machine.select("machine", "wait_machine_h", "wait_people_h", "off_shift_h")
        return table.join(waited, on="machine", how="left").sort("production_h", descending=True)

    return desk.once("machines", work, period.key)


def improved(desk: Desk, job: str) -> pl.DataFrame:
    """The floor as a pilot would have run it.

    Raises
    ------
    InputError : when the pilot wrote none
    """
    file = desk.jobs.folder(job) / IMPROVED
    if not file.exists():
        raise InputError(f"pilot {job} shows no improved floor", fix="run the pilot again", code="no_job")
    return desk.once("improved", lambda: pl.read_parquet(file), job)


def steps_between(desk: Desk, period: Period) -> dict[str, Any]:
    """Operations and how often work went from one to the next: nodes {name: (count, hours)}, links {(a, b): count}.

    Rework that goes back is a link like any other.
    """

    def work() -> dict[str, Any]:
        frame = period.touching(desk.log().frame).filter(pl.col("report") == "production").sort("order", "start", "end")
        # reports of one step in several portions are one visit
        begins = (pl.col("operation") != pl.col("operation").shift(1).over("order")).fill_null(value=True)
        visits = frame.with_columns(begins=begins, hours=(pl.col("end") - pl.col("start")).dt.total_seconds() / 3600)
        hours = visits.group_by("operation").agg(pl.col("hours").sum())
        firsts = visits.filter("begins").with_columns(
            following=pl.col("operation").shift(-1).over("order"), place=pl.int_range(pl.len()).over("order")
        )
        nodes = firsts.group_by("operation").agg(
            visits=pl.len(), orders=pl.col("order").n_unique(), place=pl.col("place").mean()
        )
        links = firsts.filter(pl.col("following").is_not_null()).group_by("operation", "following").len()
        whole = nodes.join(hours, on="operation", how="left").sort("place", "operation")
        return {
            "nodes": whole.to_dicts(),
            "links": links.sort("len", descending=True).to_dicts(),
            "orders": frame["order"].n_unique(),
        }

    return desk.once("steps", work, period.key)


# ------------------------------------------------------------------------------------------------- facts


def imports(desk: Desk) -> pl.DataFrame:
    """Every import with what became of its rows, newest first."""
    return desk.once("imports", lambda: desk.journal.account().sort("import_id", descending=True))


def rejections(desk: Desk, number: int) -> pl.DataFrame:
    """Refused rows of an import.

    Raises
    ------
    InputError : when there is no such import
    """
    if not imports(desk).filter(pl.col("import_id") == number).height:
        raise InputError(f"there is no import {number}", fix="look it up in the account of records", code="no_import")
    return desk.once("rejections", lambda: desk.journal.rejections(number), number)


def corrections(desk: Desk, number: int | None = None) -> pl.DataFrame:
    """Facts that correct an earlier one: both versions side by side, newest first."""
    from sqlalchemy import select

    from zhizao.record.operations import decoded
    from zhizao.record.schema import event

    def work() -> pl.DataFrame:
        before = event.alias("before")
        asked = (
            select(
                event.c.sequence,
                before.c.sequence.label("old"),
                event.c.subject,
                event.c.import_id,
                event.c.recorded_at,
                event.c.source,
                event.c.row,
                event.c.payload,
                before.c.payload.label("was"),
            )
            .join(before, before.c.id == event.c.supersedes)
            .order_by(event.c.sequence.desc())
            .limit(100_000)
        )
        if number is not None:
            asked = asked.where(event.c.import_id == number)
        with desk.store.reading() as connection:
            rows = connection.execute(asked).all()
        now, was = decoded([r.payload for r in rows]), decoded([r.was for r in rows])
        frame = pl.DataFrame(
            {
                "event": pl.Series([r.sequence for r in rows], dtype=pl.Int64),
                "superseded": pl.Series([r.old for r in rows], dtype=pl.Int64),
                "order": pl.Series([r.subject for r in rows], dtype=pl.String),
                "import_id": pl.Series([r.import_id for r in rows], dtype=pl.Int64),
                "source": pl.Series([r.source for r in rows], dtype=pl.String),
                "row": pl.Series([r.row for r in rows], dtype=pl.Int64),
                "recorded_at": pl.from_epoch(
                    pl.Series([r.recorded_at for r in rows], dtype=pl.Int64), time_unit="ns"
                ).dt.replace_time_zone("UTC"),
            }
        )
        changed = [
            pl.when(now[name].ne_missing(was[name]))
            .then(pl.format("{}: {} → {}", pl.lit(name), _shown(was, name), _shown(now, name)))
            .alias(name)
            for name in now.columns
        ]
        said = pl.select(changed) if now.height else pl.DataFrame(schema=dict.fromkeys(now.columns, pl.String))
        return frame.with_columns(
            activity=now["activity"],
            machine=now["machine"],
            changed=said.select(pl.concat_str(pl.all(), separator="; ", ignore_nulls=True)).to_series(),
        )

    return desk.once("corrections", work, number or 0)


def _shown(frame: pl.DataFrame, name: str) -> pl.Series:
    column = frame[name]
    if isinstance(column.dtype, pl.Datetime):
        column = column.dt.strftime("%Y-%m-%d %H:%M:%S")
    return column.cast(pl.String).fill_null("–")


_ELSEWHERE = (Kind.ACCOUNTS_CLOSED, *RETURN_KINDS)


def fact(desk: Desk, sequence: int) -> tuple[Recorded, pl.DataFrame]:
    """An event as it was recorded, and all versions of it.

    Returns and accounts are shown by the returns desk only, which knows who may see them.

    Raises
    ------
    InputError : when there is no such event, or it is one of these (`no_event`, `not_here`)
    """
    found = desk.journal.events(after=sequence - 1, limit=1)
    if not found or found[0].sequence != sequence:
        raise InputError(f"there is no fact {sequence}", fix="look it up in the journal", code="no_event")
    if found[0].kind in _ELSEWHERE:
        raise InputError(
            f"fact {sequence} belongs to a return or to the accounts", fix="look at the return", code="not_here"
        )
    return found[0], desk.journal.history(sequence)


def search(desk: Desk, text: str, limit: int = 12) -> list[dict[str, str]]:
    """Orders, machines, products, operations and people whose name holds a text: kind, name."""

    def names() -> dict[str, pl.Series]:
        frame = desk.log().frame
        return {
            kind: frame[kind].drop_nulls().unique().sort()
            for kind in ("order", "machine", "product", "operation", "person")
        }

    if not desk.has_records():
        return []
    wanted = text.strip().lower()
    out: list[dict[str, str]] = []
    for kind, column in desk.once("names", names).items():
        if not wanted and kind != "machine":
            continue
        hits = column.filter(column.str.to_lowercase().str.contains(wanted, literal=True)) if wanted else column
        near = sorted(hits.to_list(), key=lambda name: (len(str(name)), str(name)))[:5]
        out.extend({"kind": kind, "name": str(name)} for name in near)
    return out[:limit]


def lanes(frame: pl.DataFrame, by: str) -> list[str]:
    """Names of the rows of a Gantt chart: machines by name, orders by their start."""
    named = frame.with_columns(pl.col(by).fill_null("–"))
    if by == "order":
        table = named.group_by(by).agg(pl.col("start").min()).sort("start", by)
    else:
        table = named.select(by).unique().sort(by)
    return table[by].to_list()


def gantt(
    frame: pl.DataFrame,
    *,
    by: str,
    start: datetime,
    end: datetime,
    most: int = 20_000,
) -> dict[str, Any]:
    """Bars that overlap a window, as columns; when there are too many, those near each other are drawn as one.

    Parameters
    ----------
    frame : work with order, operation, machine, report, start, end
    by : column that the rows stand for
    start, end : window
    most : bars that are sent one by one

    Returns
    -------
    lanes : names of the rows; lane, start_s, end_s, kind, event, label, count : one entry a bar; merged : whether some
    stand for several
    """
    names = lanes(frame, by)
    rank = {name: at for at, name in enumerate(names)}
    last = pl.coalesce("end", pl.lit(end))
    part = frame.filter((pl.col("start") < end) & (last >= start)).with_columns(
        lane=pl.col(by).fill_null("–").replace_strict(rank, return_dtype=pl.Int64),
        start_s=pl.col("start").dt.epoch("s"),
        end_s=last.dt.epoch("s"),
        code=pl.col("report").replace_strict({n: i for i, n in enumerate(REPORTS)}, default=0, return_dtype=pl.Int64),
    )
    merged = part.height > most
    if merged:
        lanes_seen = max(1, part["lane"].n_unique())
        width = max(1.0, (end - start) / timedelta(seconds=1) / max(50, min(3000, most // lanes_seen)))
        part = (
            part.sort("start_s")
            .group_by("lane", "code", (pl.col("start_s") // width).alias("slot"))
            .agg(
                pl.col("start_s").min(),
                pl.col("end_s").max(),
                count=pl.len().cast(pl.Int64),
                event=pl.col("event").first(),
                order=pl.col("order").first(),
                operation=pl.col("operation").first(),
                product=pl.col("product").first(),
                is_rework=pl.col("is_rework").any(),
            )
            .sort("lane", "start_s")
        )
    else:
        part = part.with_columns(count=pl.lit(1, pl.Int64))
    return {
        "lanes": names,
        "lane": part["lane"].to_list(),
        "start_s": part["start_s"].to_list(),
        "end_s": part["end_s"].to_list(),
        "kind": part["code"].to_list(),
        "rework": part["is_rework"].cast(pl.Int64).to_list(),
        "event": part["event"].to_list(),
        "order": part["order"].to_list(),
        "operation": part["operation"].to_list(),
        "product": part["product"].to_list(),
        "count": part["count"].to_list(),
        "merged": merged,
        "total": int(part["count"].sum()) if part.height else 0,
    }
