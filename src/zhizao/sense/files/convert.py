"""From the cells of one sheet to rows of the work log, each row kept or rejected with its cause.

Columns are converted whole; each check is a mask over the sheet, and the first check that a row fails is its cause.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from zhizao.model.worklog import TIME, WORKLOG_SCHEMA
from zhizao.sense.files.columns import profile
from zhizao.sense.files.labels import operations
from zhizao.sense.files.mapping import Mapping
from zhizao.sense.files.pairs import pair
from zhizao.sense.files.quantities import Values, parse_duration, parse_flag, parse_quantity, parse_report
from zhizao.sense.files.rejections import CAUSES, REJECTED_SCHEMA
from zhizao.sense.files.said import Said
from zhizao.sense.files.source import Sheet, split_line
from zhizao.sense.files.times import LONGEST, Times, parse_clock, parse_times, to_utc
from zhizao.sense.files.words import BLANK

__all__ = ["FRAME_SCHEMA", "convert"]

FRAME_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **{name: kind for name, kind in WORKLOG_SCHEMA.items() if name != "event"},
    "key": pl.String,
    "row": pl.Int64,
    "sheet": pl.String,
}
"""Columns of a reading: those of the work log but `event`, then the source's own key, the row number and the sheet."""

_BLANKS = sorted({form for word in BLANK for form in (word, word.upper(), word.capitalize())})
_OPTIONAL_TAIL = frozenset({"is_rework", "key", "due", "released", "rework"})


@dataclass(slots=True)
class _Sheet:
    """A sheet under conversion: its cells, what is wrong with its rows so far, and notes."""

    frame: pl.DataFrame
    rows: pl.Series
    name: str | None
    mapping: Mapping
    zone: str
    now: datetime
    masks: list[tuple[pl.Series, str, str]] = field(default_factory=list)
    notes: list[Said] = field(default_factory=list)

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.rows)

    def column(self, role: str) -> pl.Series | None:
        heading = self.mapping.heading(role)
        return self.frame[heading] if heading is not None and heading in self.frame.columns else None

    def wrong(self, mask: pl.Series, cause: str, role: str) -> None:
        if mask.any():
            self.masks.append((mask.fill_null(value=False), cause, role))

    def done(self, *roles: str) -> None:
        """Give back the cells of roles that were converted without a fault."""
        faulty = {role for _, _, role in self.masks}
        headings = {self.mapping.heading(role) for role in roles if role not in faulty}
        kept = {self.mapping.heading(role) for role in self.mapping.columns if role not in roles or role in faulty}
        self.frame = self.frame.drop(name for name in headings - kept if name in self.frame.columns)

    def keep(self, mask: pl.Series) -> None:
        """Go on with some of the rows; what was found so far is done with."""
        self.frame, self.rows = self.frame.filter(mask), self.rows.filter(mask)
        self.masks = []

    def empty(self, kind: pl.DataType | type[pl.DataType]) -> pl.Series:
        return pl.Series([None], dtype=kind).new_from_index(0, self.height)

    def rejected(self) -> tuple[pl.DataFrame, pl.Series]:
        """Rows with a cause as a frame, and True for the others."""
        good = pl.Series([True]).new_from_index(0, self.height)
        parts = []
        for mask, cause, role in self.masks:
            mine = mask & good
            if not mine.any():
                continue
            good = good & ~mine
            heading = self.mapping.heading(role) or ""
            values = self.frame[heading].filter(mine).cast(pl.String) if heading in self.frame.columns else None
            n = int(mine.sum())
            parts.append(
                pl.DataFrame(
                    {
                        "row": self.rows.filter(mine),
                        "sheet": pl.Series([self.name], dtype=pl.String).new_from_index(0, n),
                        "column": pl.Series([heading], dtype=pl.String).new_from_index(0, n),
                        "value": pl.Series([None], dtype=pl.String).new_from_index(0, n) if values is None else values,
                        "cause": pl.Series([cause], dtype=pl.String).new_from_index(0, n),
                        "cure": pl.Series([CAUSES[cause]["en"][1]], dtype=pl.String).new_from_index(0, n),
                    },
                    schema=REJECTED_SCHEMA,
                )
            )
        return (pl.concat(parts) if parts else pl.DataFrame(schema=REJECTED_SCHEMA)), good


def convert(sheet: Sheet, mapping: Mapping, zone: str, now: datetime) -> tuple[pl.DataFrame, pl.DataFrame, list[Said]]:
    """Rows of the work log, rejected rows, and notes.

    Parameters
    ----------
    sheet : cells
    mapping : what each column is taken for, complete
    zone : IANA zone of times without their own
    now : time of the import, aware

    Returns
    -------
    (DataFrame, DataFrame, list of str)
        Frame with `FRAME_SCHEMA`, frame with `REJECTED_SCHEMA`, sentences on what was assumed.
    """
    used = [name for name in sheet.frame.columns if name in mapping.columns.values()]
    work = _Sheet(sheet.frame, sheet.rows, sheet.name, mapping, zone, now)
    ragged = _take_ragged(work, sheet)
    work.frame = work.frame.select(used)
    del sheet  # the cells are given back column by column
    paired: tuple[pl.Series, pl.Series] | None = None
    before = pl.DataFrame(schema=REJECTED_SCHEMA)
    if mapping.heading("lifecycle") and mapping.heading("time"):
        before, paired = _pair(work)
    start, end = paired if paired is not None else _times(work)
    out = _columns(work)
    work.wrong(out["order"].is_null(), "no_order", "order")
    work.wrong(out["activity"].is_null(), "no_activity", "activity")
    _check_times(work, start, end)
    work.done("start", "end", "time", "duration", "order", "activity", "product", "machine", "person", "key")
    amounts = _amounts(work)
    work.done("good", "scrap", "rework", "total", "order_quantity")
    released, due = _moments(work, "released"), _moments(work, "due")
    is_rework = _flag(work)
    report = _report(work)
    rejected, good = work.rejected()
    every = {
        **out,
        "report": report,
        "start": start.cast(TIME),
        "end": end.cast(TIME),
        **amounts,
        "is_rework": is_rework,
        "released": released.cast(TIME),
        "due": due.cast(TIME),
        "row": work.rows,
        "sheet": pl.Series([work.name], dtype=pl.String).new_from_index(0, work.height),
    }
    frame = pl.DataFrame({name: every[name] for name in FRAME_SCHEMA if name != "operation"})
    if not good.all():
        frame = frame.filter(good)
    operation = operations(frame["activity"], frame["machine"], frame["report"])
    named = work.column("operation")
    if named is not None:
        named = _text(named).filter(good)
        operation = named.zip_with(named.is_not_null(), operation)
    frame = frame.with_columns(operation.alias("operation")).select(
        pl.col(name).cast(kind) for name, kind in FRAME_SCHEMA.items()
    )
    rejected = pl.concat([ragged, before, rejected]).sort("row", maintain_order=True)
    return frame, rejected, work.notes


def _take_ragged(work: _Sheet, sheet: Sheet) -> pl.DataFrame:
    """Rows with another number of cells: the harmless ones join the others, the rest are rejected."""
    if not sheet.ragged:
        return pl.DataFrame(schema=REJECTED_SCHEMA)
    names = work.frame.columns
    places = {names.index(heading): role for role, heading in work.mapping.columns.items() if heading in names}
    separator = work.mapping.separator or ","
    short_is_usual = len(sheet.ragged) > 0.1 * max(work.height, 1)
    kept, refused = [], []
    for row, cells, text in sheet.ragged:
        values = split_line(text, separator)
        missing = {places[i] for i in range(cells, len(names)) if i in places}
        extra = [cell for cell in values[len(names) :] if cell.strip()]
        if cells > len(names) and extra:
            refused.append((row, text, "too_many_cells"))
        elif missing and not (short_is_usual and missing <= _OPTIONAL_TAIL):
            refused.append((row, text, "too_few_cells"))
        else:
            padded = (values + [""] * len(names))[: len(names)]
            kept.append((row, [value or None for value in padded]))
    if kept:
        more = pl.DataFrame(
            {name: pl.Series([values[i] for _, values in kept], dtype=pl.String) for i, name in enumerate(names)}
        )
        rows = pl.concat([work.rows, pl.Series("row", [row for row, _ in kept], dtype=pl.Int64)])
        order = rows.arg_sort()
        work.frame, work.rows = pl.concat([work.frame, more])[order], rows[order]
        work.notes.append(
            Said(
                f"{len(kept):,} rows have fewer cells than headings; the missing ones were taken as empty",
                f"{len(kept):,} 行的单元格少于表头，缺少的按空值处理",
            )
        )
    return pl.DataFrame(
        [(row, work.name, "", text[:200], cause, CAUSES[cause]["en"][1]) for row, text, cause in refused],
        schema=REJECTED_SCHEMA,
        orient="row",
    )


def _text(column: pl.Series) -> pl.Series:
    """Names: trimmed, with blanks and what stands for them null; whole numbers without a decimal point."""
    if column.dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        if (whole.cast(pl.Float64) == column).all():
            column = whole
    text = column.cast(pl.String).str.strip_chars()
    blank = text.is_in(_BLANKS)
    return text.zip_with(~blank.fill_null(value=False), text.clear(len(text))) if blank.any() else text


def _columns(work: _Sheet) -> dict[str, pl.Series]:
    """Names of all kinds; the activity stays as written."""
    out = {}
    for role in ("order", "product", "machine", "person", "key"):
        column = work.column(role)
        out[role] = work.empty(pl.String) if column is None else _text(column)
    column = work.column("activity")
    label = work.empty(pl.String) if column is None else column.cast(pl.String)
    blank = label.str.strip_chars().is_in(_BLANKS).fill_null(value=False)
    out["activity"] = label.zip_with(~blank, label.clear(len(label))) if blank.any() else label
    return out


def _read_times(work: _Sheet, role: str) -> pl.Series | None:
    """UTC times of a role, or None where no column has it; unreadable cells are marked."""
    column = work.column(role)
    if column is None:
        return None
    times: Times = parse_times(column, work.zone, work.mapping.date_order)
    work.wrong(times.bad, "bad_time", role)
    heading = work.mapping.heading(role)
    if times.twice:
        work.notes.append(
            Said(
                f'{times.twice:,} times in "{heading}" occur twice, when clocks go back in {work.zone}; '
                "the earlier was taken",
                f"“{heading}”中有 {times.twice:,} 个时间因 {work.zone} 时钟回拨而出现两次，取较早者",
            )
        )
    if times.skipped:
        work.notes.append(
            Said(
                f'{times.skipped:,} times in "{heading}" do not exist, when clocks go forward in {work.zone}; '
                "they were moved on by the gap",
                f"“{heading}”中有 {times.skipped:,} 个时间因 {work.zone} 时钟拨快而不存在，已顺延",
            )
        )
    return times.values


def _moments(work: _Sheet, role: str) -> pl.Series:
    times = _read_times(work, role)
    return work.empty(TIME) if times is None else times


def _is_clock(column: pl.Series | None) -> bool:
    if column is None:
        return False
    if column.dtype == pl.Time:
        return True
    return profile(column).is_clock


def _times(work: _Sheet) -> tuple[pl.Series, pl.Series]:
    """Start and end from whatever the records have: both, one and a duration, one alone, days and times of day."""
    length = None
    duration = work.column("duration")
    has_start, has_end = work.column("start") is not None, work.column("end") is not None
    if duration is not None and not (has_start and has_end):
        read = parse_duration(duration, work.mapping.duration_unit or "min", work.mapping.decimal)
        work.wrong(read.bad, "bad_duration", "duration")
        work.wrong(read.values < 0, "negative_duration", "duration")
        length = (read.values.clip(0, 2 * LONGEST.total_seconds()) * 1e6).round().cast(pl.Int64).cast(pl.Duration("us"))
    start, end = _clocked(work)
    single = None if has_start or has_end else _read_times(work, "time")
    if length is not None:
        if start is not None:
            return start, start + length
        finish = end if end is not None else single
        assert finish is not None
        return finish - length, finish
    if start is not None and end is not None:
        return start, _second_time_round(work, start, end)
    only = next(times for times in (start, end, single) if times is not None)
    work.notes.append(
        Said(
            "the records have one time per row and no duration; start and end are the same",
            "每行只有一个时间且无工时，开始与结束取同一时间",
        )
    )
    return only, only


def _second_time_round(work: _Sheet, start: pl.Series, end: pl.Series) -> pl.Series:
    """Ends before their start only because clocks went back between them are meant the second time round."""
    before = (end < start).fill_null(value=False)
    if not before.any():
        return end
    local = end.filter(before).dt.convert_time_zone(work.zone).dt.replace_time_zone(None)
    late = local.dt.replace_time_zone(work.zone, ambiguous="latest", non_existent="null").dt.convert_time_zone("UTC")
    fits = (late >= start.filter(before)).fill_null(value=False)
    return end.scatter(before.arg_true().filter(fits), late.filter(fits)) if fits.any() else end


def _clocked(work: _Sheet) -> tuple[pl.Series | None, pl.Series | None]:
    """Start and end, put together from days and times of day where they are written apart."""
    clocks = {role: _is_clock(work.column(role)) for role in ("start", "end")}
    days: dict[str, pl.Series | None] = {"start": None, "end": None}
    for role in ("start", "end"):
        column = work.column(f"{role}_date")
        if column is not None and clocks[role]:
            read = parse_times(column, "UTC", work.mapping.date_order)
            work.wrong(read.bad, "bad_time", f"{role}_date")
            days[role] = read.values.dt.replace_time_zone(None).dt.truncate("1d")
    start = _read_times(work, "start") if not clocks["start"] else None
    end = _read_times(work, "end") if not clocks["end"] else None
    if clocks["start"]:
        start = _on_day(work, "start", days["start"])
    if clocks["end"]:
        day = days["end"]
        rolls = day is None
        if day is None and days["start"] is not None:
            day = days["start"]
        elif day is None and start is not None:
            day = start.dt.convert_time_zone(work.zone).dt.replace_time_zone(None).dt.truncate("1d")
        end = _on_day(work, "end", day)
        if rolls and start is not None:
            over = (end < start).fill_null(value=False)
            if over.any():
                local = end.dt.convert_time_zone(work.zone).dt.replace_time_zone(None).dt.offset_by("1d")
                end = end.zip_with(~over, to_utc(local, work.zone)[0])
                work.notes.append(
                    Said(f"{int(over.sum()):,} pieces of work end past midnight", f"{int(over.sum()):,} 条作业跨过零点")
                )
    return start, end


def _on_day(work: _Sheet, role: str, day: pl.Series | None) -> pl.Series:
    column = work.column(role)
    assert column is not None
    seconds, bad = parse_clock(column)
    work.wrong(bad, "bad_time", role)
    if day is None:
        return work.empty(pl.Datetime("us", "UTC"))
    moment = day + (seconds * 1_000_000).cast(pl.Duration("us"))
    return to_utc(moment, work.zone)[0]


def _check_times(work: _Sheet, start: pl.Series, end: pl.Series) -> None:
    limit = pl.Series([work.now + timedelta(days=1)]).cast(pl.Datetime("us", "UTC"))[0]
    first = next(
        role for role in ("start", "end", "time", "lifecycle") if work.mapping.heading(role) or role == "lifecycle"
    )
    last = "end" if work.mapping.heading("end") else "duration" if work.mapping.heading("duration") else first
    work.wrong(start.is_null(), "no_start", first)
    work.wrong(end < start, "end_before_start", last)
    work.wrong(start > limit, "in_future", first)
    work.wrong(end > limit, "in_future", last)
    work.wrong((end - start) > LONGEST, "too_long", last)


def _amounts(work: _Sheet) -> dict[str, pl.Series]:
    """Quantities; good pieces are what is left of the total where only that is written."""
    out = {}
    for role in ("good", "scrap", "rework", "order_quantity", "total"):
        column = work.column(role)
        if column is None or (role == "total" and work.mapping.heading("good")):
            out[role] = work.empty(pl.Float64)
            continue
        read: Values = parse_quantity(column, work.mapping.decimal)
        work.wrong(read.bad, "bad_number", role)
        work.wrong(read.values < 0, "negative", role)
        out[role] = read.values
    total = out.pop("total")
    if work.mapping.heading("total") and not work.mapping.heading("good"):
        bad = out["scrap"].fill_null(0.0) + out["rework"].fill_null(0.0)
        heading = work.mapping.heading("total")
        if bool((bad > total).any()):
            work.notes.append(
                Said(
                    f'rejected pieces exceed "{heading}" in places, so "{heading}" was taken as good pieces',
                    f"有的行报废数大于“{heading}”，故“{heading}”按合格数处理",
                )
            )
            out["good"] = total
        else:
            out["good"] = total - bad
            if bool((bad > 0).any()):
                work.notes.append(
                    Said(f'good pieces are "{heading}" less the rejected ones', f"合格数取“{heading}”减去不合格数")
                )
    return out


def _flag(work: _Sheet) -> pl.Series:
    column = work.column("is_rework")
    if column is None:
        return pl.Series([False]).new_from_index(0, work.height)
    read = parse_flag(column)
    work.wrong(read.bad, "bad_flag", "is_rework")
    return read.values


def _report(work: _Sheet) -> pl.Series:
    column = work.column("report")
    if column is None:
        return pl.Series(["production"]).new_from_index(0, work.height)
    read = parse_report(column, work.mapping.reports)
    work.wrong(read.bad, "unknown_report", "report")
    return read.values


def _pair(work: _Sheet) -> tuple[pl.DataFrame, tuple[pl.Series, pl.Series]]:
    """Turn events into pieces of work: rejected events, and start and end of each piece; `work` then holds pieces."""
    time = _read_times(work, "time")
    assert time is not None
    work.wrong(time.is_null(), "no_start", "time")
    rejected, good = work.rejected()
    if not good.all():
        time = time.filter(good)
        work.keep(good)
    work.masks = []

    def label(role: str) -> pl.Series:
        column = work.column(role)
        return work.empty(pl.String) if column is None else column.cast(pl.String)

    lifecycle = label("lifecycle")
    resource = label("person").fill_null("") + "|" + label("machine").fill_null("")
    events = pl.DataFrame(
        {
            "order": label("order"),
            "activity": label("activity"),
            "resource": resource,
            "instance": label("instance"),
            "kind": lifecycle.fill_null("complete"),
            "time": time,
        }
    )
    n = events.height
    paired = pair(events)
    firsts, lasts = work.frame[paired.first], work.frame[paired.last.fill_null(0)]
    closed = paired.last.is_not_null()
    start = time[paired.first]
    end = time[paired.last.fill_null(0)]
    end = end.zip_with(closed, end.clear(len(end)))
    empty = lasts.clear(lasts.height)
    work.frame = pl.DataFrame(
        {
            name: firsts[name].zip_with(firsts[name].is_not_null(), lasts[name].zip_with(closed, empty[name]))
            for name in work.frame.columns
        }
    )
    work.rows = work.rows[paired.first]
    work.notes.append(
        Said(
            f"{n:,} events are {work.height:,} pieces of work (start and complete paired)",
            f"{n:,} 个事件配对为 {work.height:,} 条作业（开始与完成）",
        )
    )
    if paired.running:
        work.notes.append(
            Said(
                f"{paired.running:,} starts have no complete: work still running at the end of the records",
                f"{paired.running:,} 个开始没有完成：记录结束时仍在进行",
            )
        )
    if paired.lone:
        work.notes.append(
            Said(
                f"{paired.lone:,} completes have no start: their start is taken to be the same",
                f"{paired.lone:,} 个完成没有开始：开始取同一时间",
            )
        )
    if paired.other:
        work.notes.append(
            Said(
                f"{paired.other:,} events are neither start nor complete and were passed over",
                f"{paired.other:,} 个事件既非开始也非完成，已略过",
            )
        )
    return rejected, (start, end)
