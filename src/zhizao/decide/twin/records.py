"""The past as arrays: what a work log says, in the order in which each production order went through the shop.

Times are seconds on the plant's own clock (wall time counted from Monday 1970-01-05), because shifts, weekdays and
arrivals live on that clock; they turn back into UTC when a simulated log is written. Artificial first and last events
(a `Start` and an `End` of no duration that exporters add to each case) are put aside and put back on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from zhizao.decide.twin.shop import Floats, Ints
from zhizao.errors import InputError
from zhizao.model import WorkLog

__all__ = ["DAY_S", "HOUR_S", "WEEK_S", "Kind", "Past", "past_of", "to_clock", "to_time"]

HOUR_S, DAY_S, WEEK_S = 3600.0, 86_400.0, 604_800.0
ZERO = datetime(1970, 1, 5)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a row reports: operation, whether production, set-up or breakdown, and whether it is done again."""

    operation: str
    report: str
    is_rework: bool

    @property
    def name(self) -> str:
        """The operation's name; set-ups, breakdowns and rework of it have a word added."""
        if self.is_rework:
            return f"{self.operation} (rework)"
        return self.operation if self.report == "production" else f"{self.operation} ({self.report})"


@dataclass(frozen=True, slots=True)
class Past:
    """Rows (R,) of finished or running work by case and start; cases (C,) by name.

    Parameters
    ----------
    zone : IANA zone of the plant's clock
    until_s, from_s : when the records end (nothing later was known) and begin, seconds on the plant's clock
    orders, products, people, labels : names by code
    machines : names by code; the first `real_machines` are in the records, the rest stand for operations without one
    kinds : what rows report, by code
    opening, closing : label, machine and person of the artificial first and last event of a case, or None
    first : (C + 1,) rows of case c are first[c]:first[c + 1]
    product, quantity, released_s, due_s : (C,) code (-1 unknown), pieces, seconds (nan unknown)
    closed : (C,) 1 where the records say that the case is over, -1 where they cannot tell
    kind, label, machine, person : (R,) codes (person -1 = nobody named)
    start_s, end_s : (R,) seconds; end nan = running at `until_s`
    good, scrap, again : (R,) pieces good, rejected and to be done again, nan = not reported
    """

    zone: str
    until_s: float
    from_s: float
    orders: tuple[str, ...]
    products: tuple[str, ...]
    machines: tuple[str, ...]
    real_machines: int
    people: tuple[str, ...]
    labels: tuple[str, ...]
    kinds: tuple[Kind, ...]
    opening: tuple[str, str | None, str | None] | None
    closing: tuple[str, str | None, str | None] | None
    first: Ints
    product: Ints
    quantity: Floats
    released_s: Floats
    due_s: Floats
    closed: Ints
    kind: Ints
    label: Ints
    machine: Ints
    person: Ints
    start_s: Floats
    end_s: Floats
    good: Floats
    scrap: Floats
    again: Floats

    @property
    def case(self) -> Ints:
        """Case of each row, (R,)."""
        return np.repeat(np.arange(len(self.orders)), np.diff(self.first))

    @property
    def begin_s(self) -> Floats:
        """First start of each case, (C,)."""
        return self.start_s[self.first[:-1]]

    @property
    def finish_s(self) -> Floats:
        """Last end of each case, (C,); work still running counts up to `until_s`."""
        return np.maximum.reduceat(np.where(np.isnan(self.end_s), self.until_s, self.end_s), self.first[:-1])

    def to_dict(self) -> dict[str, Any]:
        """As plain lists and numbers; nan becomes None."""
        out: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                value = _plain(value)
            elif item.name == "kinds":
                value = [[kind.operation, kind.report, kind.is_rework] for kind in value]
            elif isinstance(value, tuple):
                value = list(value)
            out[item.name] = value
        return out

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Past:
        """Inverse of `to_dict`."""
        kept: dict[str, Any] = {}
        for item in fields(cls):
            value = data[item.name]
            if item.type == "Floats":
                value = np.array([np.nan if x is None else x for x in value], np.float64)
            elif item.type == "Ints":
                value = np.array(value, np.int64)
            elif item.name == "kinds":
                value = tuple(Kind(*kind) for kind in value)
            elif isinstance(value, list):
                value = tuple(value)
            kept[item.name] = value
        return cls(**kept)


def _plain(values: NDArray[Any]) -> list[Any]:
    if values.dtype.kind == "f":
        return [None if x != x else (int(x) if x == int(x) else x) for x in values.tolist()]
    return list(values.tolist())


def to_clock(time: datetime, zone: str) -> float:
    """Seconds on the plant's clock of an aware time.

    >>> to_clock(datetime(1970, 1, 4, 22, tzinfo=UTC), "Asia/Jerusalem")
    0.0
    """
    if time.tzinfo is None:
        raise InputError(f'"{time}" has no time zone', fix="give an aware time", code="naive_time")
    return (time.astimezone(ZoneInfo(zone)).replace(tzinfo=None) - ZERO).total_seconds()


def to_time(clock_s: float, zone: str) -> datetime:
    """UTC time of seconds on the plant's clock."""
    return (ZERO + timedelta(seconds=clock_s)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _wall(name: str, zone: str) -> pl.Expr:
    local = pl.col(name).dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return (local - pl.lit(ZERO).cast(pl.Datetime("ns"))).dt.total_nanoseconds() / 1e9


def past_of(log: WorkLog, until: datetime | None = None) -> Past:
    """The past of a work log as known at a time.

    Raises
    ------
    InputError : when nothing was recorded before `until`
    """
    frame = (log.until(until) if until is not None else log).frame
    if not frame.height:
        raise InputError("there is no work in the records" + (f" before {until}" if until else ""), code="empty_log")
    frame = frame.select(
        "order", "product", "operation", "activity", "machine", "person", "report", "is_rework", "good", "scrap",
        "rework", "order_quantity",
        _wall("start", log.zone).alias("start_s"),
        _wall("end", log.zone).alias("end_s"),
        _wall("released", log.zone).alias("released_s"),
        _wall("due", log.zone).alias("due_s"),
    ).sort("order", "start_s", "end_s", maintain_order=True, nulls_last=True)  # fmt: skip
    last = float(frame.select(pl.max_horizontal(pl.col("start_s").max(), pl.col("end_s").max())).item())
    until_s = to_clock(until, log.zone) if until is not None else last
    from_s = float(frame["start_s"].min())  # type: ignore[arg-type]
    frame, opening, closing = _markers(frame)
    virtual = pl.format("({})", pl.col("operation"))
    frame = frame.with_columns(at=pl.coalesce("machine", virtual))
    real = frame["machine"].drop_nulls().unique().sort().to_list()
    spare = frame.filter(pl.col("machine").is_null())["at"].unique().sort().to_list()
    machines = [*real, *spare]
    kinds = frame.select("operation", "report", "is_rework").unique().sort("operation", "report", "is_rework")
    kinds = kinds.with_row_index("kind")
    frame = frame.join(kinds, on=["operation", "report", "is_rework"], how="left", maintain_order="left")
    case = frame["order"].rle_id().to_numpy()
    first = np.concatenate([[0], np.flatnonzero(np.diff(case)) + 1, [frame.height]]).astype(np.int64)
    head = frame[first[:-1]]
    of_case = frame.group_by("order", maintain_order=True).agg(
        pl.col("product", "order_quantity", "released_s", "due_s").drop_nulls().first()
    )
    products = of_case["product"].drop_nulls().unique().sort().to_list()
    people = frame["person"].drop_nulls().unique().sort().to_list()
    labels = frame["activity"].unique().sort().to_list()
    closed = np.full(len(first) - 1, -1, np.int64)
    if closing is not None:
        closed = head["order"].is_in(closing[1].implode()).cast(pl.Int64).to_numpy()
    return Past(
        zone=log.zone,
        until_s=until_s,
        from_s=from_s,
        orders=tuple(head["order"].to_list()),
        products=tuple(products),
        machines=tuple(machines),
        real_machines=len(real),
        people=tuple(people),
        labels=tuple(labels),
        kinds=tuple(Kind(*row[1:]) for row in kinds.iter_rows()),
        opening=opening,
        closing=None if closing is None else closing[0],
        first=first,
        product=_codes(of_case["product"], products),
        quantity=_floats(of_case["order_quantity"]),
        released_s=_floats(of_case["released_s"]),
        due_s=_floats(of_case["due_s"]),
        closed=closed,
        kind=frame["kind"].to_numpy().astype(np.int64),
        label=_codes(frame["activity"], labels),
        machine=_codes(frame["at"], machines),
        person=_codes(frame["person"], people),
        start_s=_floats(frame["start_s"]),
        end_s=_floats(frame["end_s"]),
        good=_floats(frame["good"]),
        scrap=_floats(frame["scrap"]),
        again=_floats(frame["rework"]),
    )


def _codes(values: pl.Series, names: list[str]) -> Ints:
    if not names:
        return np.full(len(values), -1, np.int64)
    return values.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def _floats(values: pl.Series) -> Floats:
    return values.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()


Marker = tuple[str, str | None, str | None]


def _markers(frame: pl.DataFrame) -> tuple[pl.DataFrame, Marker | None, tuple[Marker, pl.Series] | None]:
    """Frame without artificial first and last events, and what they look like; for the last one, the cases with it."""
    cases = frame["order"].n_unique()
    bounds = frame.with_columns(
        span=(pl.col("end_s") - pl.col("start_s")).fill_null(1.0),
        begin=pl.col("start_s").min().over("order"),
        finish=pl.col("end_s").max().over("order"),
        rows=pl.len().over("order"),
    )
    if not (bounds["span"] > 0).any():
        return frame, None, None  # one time per step: what takes no time is no sign of an artificial event
    zero = bounds.filter(pl.col("rows") > 1).group_by("activity").agg(
        cases=pl.col("order").n_unique(),
        rows=pl.len(),
        still=(pl.col("span") == 0).all(),
        opens=(pl.col("start_s") == pl.col("begin")).mean() > 0.95,
        closes=(pl.col("start_s") == pl.col("finish")).mean() > 0.95,
        machine=pl.col("machine").first(),
        person=pl.col("person").first(),
        people=pl.col("person").n_unique(),
    )  # fmt: skip
    zero = zero.filter(pl.col("still") & (pl.col("rows") == pl.col("cases")) & (pl.col("people") == 1))
    multi = max(bounds.filter(pl.col("rows") > 1)["order"].n_unique(), 1)
    opens = zero.filter(pl.col("opens") & (pl.col("cases") >= 0.95 * multi)).sort("activity")
    opening: Marker | None = None
    closing: tuple[Marker, pl.Series] | None = None
    if opens.height and cases > 1:
        row = opens.row(0, named=True)
        opening = (row["activity"], row["machine"], row["person"])
        frame = frame.filter(pl.col("activity") != row["activity"])
    closes = zero.filter(pl.col("closes") & ~pl.col("opens") & (pl.col("cases") >= 0.3 * multi)).sort("activity")
    if opening is not None and closes.height:
        row = closes.row(0, named=True)
        having = frame.filter(pl.col("activity") == row["activity"])["order"].unique()
        closing = ((row["activity"], row["machine"], row["person"]), having)
        frame = frame.filter(pl.col("activity") != row["activity"])
    return frame, opening, closing
