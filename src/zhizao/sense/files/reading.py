"""Reading a file of production records from end to end: open, recognise, convert, and account for every row."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from zhizao.clock import now as clock_now
from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.sense.files.columns import PLAN_ROLES, TIME_ROLES, Choice
from zhizao.sense.files.convert import FRAME_SCHEMA, convert
from zhizao.sense.files.mapping import Mapping, Unit, check_zone
from zhizao.sense.files.order import decide_order
from zhizao.sense.files.quantities import report_of
from zhizao.sense.files.recognise import recognise
from zhizao.sense.files.rejections import REJECTED_SCHEMA, cause_words
from zhizao.sense.files.said import Said, in_lang
from zhizao.sense.files.source import Options, Sheet, Source, open_source
from zhizao.sense.files.times import looks_like_time, sample, shape_of, tidy
from zhizao.sense.files.words import BLANK, unit_of

__all__ = ["Reading", "explain", "read_records"]

Progress = Callable[[str, float], None]

_MEND = "write a mapping file with `zhizao import --explain`, correct it there, and hand it in with --mapping"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file of production records says.

    Parameters
    ----------
    frame : one row per piece of work: the columns of the work log but `event`, then `key` (the source's own number of
        the record), `row` (row number as seen in the file, headings = 1) and `sheet`; in file order, repeats kept
    rejected : rows that cannot be stored: row, sheet, column, value, cause (stable code), cure
    read : rows seen, empty ones not counted; `frame` and `rejected` together
    mapping : what each column was taken for, and why
    notes : sentences on what was assumed or passed over; `in_lang(note, "zh")` says each in Chinese
    encoding : text encoding, None for formats that have none
    format : csv, tsv, csv.gz, tsv.gz, xlsx, parquet, xes, xes.gz
    """

    frame: pl.DataFrame
    rejected: pl.DataFrame
    read: int
    mapping: Mapping
    notes: list[Said]
    encoding: str | None
    format: str


def explain(
    path: Path | str, *, mapping: Mapping | None = None, zone: str = "Asia/Shanghai", now: datetime | None = None
) -> Mapping:
    """What each column of a file is taken for, and why.

    Parameters
    ----------
    path : the file
    mapping : what is already known
    zone : IANA zone of times without their own
    now : time of the import, aware; the clock's when None

    Raises
    ------
    InputError : when the file cannot be opened or the mapping names what it does not have
    """
    source, where = _open(Path(path), mapping, None)
    return _understand(source, where, mapping, zone, now or clock_now(), strict=False)[0]


def check_needed(path: Path | str, mapping: Mapping) -> None:
    """Whether a mapping names all that an import needs: order, what was done, and when.

    Raises
    ------
    InputError : naming what is missing, the columns that there are, and where to write it
    """
    source, where = _open(Path(path), mapping, None)
    named = {heading for heading in mapping.columns.values() if heading}
    sheet = max(source.sheets, key=lambda one: (len(named & set(one.frame.columns)), one.frame.height))
    _check_needed(dict(mapping.columns), sheet, where)


def read_records(
    path: Path | str,
    *,
    mapping: Mapping | None = None,
    zone: str = "Asia/Shanghai",
    now: datetime,
    max_rejected: float = 0.2,
    progress: Progress | None = None,
) -> Reading:
    """Read a file of production records.

    Parameters
    ----------
    path : CSV or TSV (also .gz), Excel (.xlsx), Parquet, or XES (also .gz)
    mapping : what is known about its columns; the rest is recognised
    zone : IANA zone of times without their own; the mapping's own zone goes before it
    now : time of the import, aware; records later than a day after it are rejected
    max_rejected : share of rejected rows (0..1) above which nothing is read
    progress : told a stage (`read`, `convert`) and a fraction

    Returns
    -------
    Reading
        Every row that was seen is in its frame or among its rejected rows.

    Raises
    ------
    InputError : when the file cannot be read at all, or lacks orders, activities or times
    FaultsFound : when more than `max_rejected` of the rows are wrong; its faults are the commonest causes

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "records.csv"
    ...     _ = file.write_text("工单,工序,设备,开始时间,工时(分钟)\\nA1,车,M1,2025-03-01 08:00,45\\n", "gb18030")
    ...     reading = read_records(file, now=datetime(2025, 3, 2, tzinfo=UTC))
    >>> reading.read, reading.encoding, reading.frame["end"][0].isoformat()
    (1, 'gb18030', '2025-03-01T00:45:00+00:00')
    """
    if now.tzinfo is None:
        raise InputError(
            "the time of the import has no zone",
            fix="hand in an aware time, such as zhizao.clock.now()",
            code="naive_time",
        )
    path = Path(path)
    _tell(progress, "read", 0.0)
    source, where = _open(path, mapping, progress)
    _tell(progress, "read", 1.0)
    mapping, sheets, notes = _understand(source, where, mapping, zone, now, strict=True)
    zone = mapping.zone or zone
    notes = [*source.notes, *notes]
    encoding, kind = source.encoding, source.format
    del source  # with the sheets in one hand only, their cells are given back as they are converted
    frames: list[pl.DataFrame] = []
    rejected: list[pl.DataFrame] = []
    count = len(sheets)
    while sheets:
        _tell(progress, "convert", len(frames) / count)
        prefix = (f'sheet "{sheets[0].name}": ', f"工作表“{sheets[0].name}”：") if count > 1 else ("", "")
        blank = sheets[0].blank
        frame, faults, more = convert(sheets.pop(0), mapping, zone, now)
        frames.append(frame)
        rejected.append(faults)
        notes.extend(note.under(*prefix) for note in more)
        if blank:
            notes.append(Said(f"{blank:,} empty rows passed over", f"略过 {blank:,} 个空行").under(*prefix))
    _tell(progress, "convert", 1.0)
    kept = pl.concat(frames) if frames else pl.DataFrame(schema=FRAME_SCHEMA)
    faulty = pl.concat(rejected) if rejected else pl.DataFrame(schema=REJECTED_SCHEMA)
    read = kept.height + faulty.height
    if not kept.height or faulty.height > max_rejected * read:
        raise _too_many(faulty, read, max_rejected, where)
    return Reading(kept, faulty, read, mapping, notes, encoding, kind)


def _tell(progress: Progress | None, stage: str, share: float) -> None:
    if progress is not None:
        progress(stage, share)


def _open(path: Path, mapping: Mapping | None, progress: Progress | None) -> tuple[Source, str]:
    known = mapping or Mapping()
    options = Options(
        encoding=known.encoding,
        separator=known.separator,
        header_row=known.header_row,
        sheets=known.sheets,
        headings=tuple(heading for heading in known.columns.values() if heading),
    )
    return open_source(path, options, progress), path.name


def _understand(
    source: Source, where: str, mapping: Mapping | None, zone: str, now: datetime, *, strict: bool
) -> tuple[Mapping, list[Sheet], list[Said]]:
    """Complete mapping, the sheets to read by it, and notes."""
    given = mapping or Mapping()
    if mapping is None or mapping.zone is None:
        try:
            check_zone(zone)
        except ValueError as error:
            raise InputError(str(error), fix="write an IANA name such as Asia/Shanghai", code="bad_zone") from error
    zone = given.zone or zone
    _check_headings(source, given, where)
    fixed = dict(given.columns)
    if given.others == "ignore":
        from zhizao.sense.files.words import ROLES

        fixed = {role: fixed.get(role) for role in ROLES}
    notes: list[Said] = []
    best: tuple[list[Choice], dict[str, str], Sheet] | None = None
    for sheet in source.sheets:
        choices, left = recognise(sheet.frame, fixed, xes=source.format.startswith("xes"))
        if best is None or _worth(choices) > _worth(best[0]):
            best = choices, left, sheet
    assert best is not None
    choices, left, main = best
    columns: dict[str, str | None] = {
        role: None for role, heading in fixed.items() if heading is None and role in given.columns
    }
    columns |= {choice.role: choice.heading for choice in choices}
    if strict:
        _check_needed(columns, main, where)
        _check_repeated(columns, given, main, where)
    wanted = {heading for heading in columns.values() if heading is not None}
    sheets = []
    for sheet in source.sheets:
        if sheet is main or wanted <= set(sheet.frame.columns):
            sheets.append(sheet)
        else:
            missing = sorted(wanted - set(sheet.frame.columns))
            notes.append(
                Said(
                    f'sheet "{sheet.name}" is not read: it has no column "{missing[0]}"',
                    f"未读工作表“{sheet.name}”：没有“{missing[0]}”列",
                )
            )
    why = {choice.role: choice.why for choice in choices}
    sure = {choice.role: choice.confidence for choice in choices if choice.role not in given.columns}
    order = given.date_order
    if order is None:
        times, plans = (
            [sheet.frame[heading] for sheet in sheets for role in roles if (heading := columns.get(role)) is not None]
            for roles in (sorted(TIME_ROLES - PLAN_ROLES), sorted(PLAN_ROLES))
        )
        decision = decide_order(times, zone, now, plans)
        times += plans
        order = decision.order  # type: ignore[assignment] # one of the three
        if decision.order is not None:
            why["date_order"] = decision.why
            example = _example(times)
            zh = f"日期（如 {example}）按{in_lang(decision.why, 'zh')}"
            notes.append(Said(f"dates such as {example} are read {decision.why}", zh))
    unit: Unit | None = given.duration_unit
    duration = columns.get("duration")
    needs = duration is not None and not (columns.get("start") and columns.get("end"))
    if unit is None and needs and duration is not None:
        unit, why["duration_unit"], sure_unit = _unit(duration, main)
        if not sure_unit:
            notes.append(
                Said(
                    f'"{duration}" names no unit; {why["duration_unit"]}: '
                    "set `duration_unit` in the mapping file if wrong",
                    f"“{duration}”未注明单位，数值按分钟处理；如有误，请在映射文件中设 duration_unit",
                )
            )
    elif duration is not None and not needs:
        unused = Said("not used, since there are start and end", "已有开始和结束，故不使用")
        why["duration"] = Said(why["duration"], in_lang(why["duration"], "zh")).then(unused)
    reports = dict(given.reports)
    report = columns.get("report")
    if report is not None:
        words = main.frame[report].cast(pl.String).drop_nulls().unique().sort().head(200).to_list()
        for word in words:
            kind = report_of(word)
            if kind is not None and word.strip().lower() not in BLANK:
                reports.setdefault(word.strip(), kind)  # type: ignore[arg-type] # one of the three
    complete = given.model_copy(
        update={
            "file": where,
            "columns": columns,
            "zone": zone,
            "date_order": order,
            "duration_unit": unit,
            "reports": reports,
            "encoding": source.encoding,
            "separator": source.separator,
            "header_row": main.header_row if main.header_row > 1 else None,
            "why": why,
            "confidence": sure,
            "left_out": left,
        }
    )
    return complete, sheets, notes


def _worth(choices: list[Choice]) -> tuple[int, float]:
    roles = {choice.role for choice in choices}
    needed = ("order" in roles) + ("activity" in roles) + bool(roles & {"start", "end", "time"})
    return needed, sum(choice.confidence for choice in choices)


def _example(columns: list[pl.Series]) -> str:
    for column in columns:
        for cell in sample(column, 8) if column.dtype == pl.String else []:
            shape = shape_of(tidy(cell))
            if shape is not None and shape.order == "?":
                return f'"{cell}"'
    return "these"


def _unit(heading: str, sheet: Sheet) -> tuple[Unit, Said, bool]:
    """Unit of plain numbers in a column of durations, why, and whether that is sure."""
    named = unit_of(heading)
    if named is not None:
        return named, Said(f'the heading "{heading}" says so', f"表头“{heading}”已注明"), True
    cells = sample(sheet.frame[heading], 50)
    if sheet.frame[heading].dtype in (pl.Duration, pl.Time) or (
        cells and all(":" in cell or any(c.isalpha() for c in cell) for cell in cells)
    ):
        return "min", Said("durations carry their unit", "时长自带单位"), True
    return "min", Said("numbers were taken as minutes", "数值按分钟处理"), False


def _check_headings(source: Source, given: Mapping, where: str) -> None:
    known = {name for sheet in source.sheets for name in sheet.frame.columns}
    for role, heading in given.columns.items():
        if heading is not None and heading not in known:
            near = difflib.get_close_matches(heading, sorted(known), 1, 0.5)
            hint = f'did you mean "{near[0]}"? ' if near else ""
            raise InputError(
                f'the mapping names column "{heading}" for {role}, which the file does not have',
                where=where,
                fix=f"{hint}its columns are: {_listed(sorted(known))}",
                code="unknown_column",
            )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f'"{name[:40]}"' for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _check_needed(columns: dict[str, str | None], sheet: Sheet, where: str) -> None:
    names = _listed(sheet.frame.columns)
    place = f"{where}, sheet {sheet.name}" if sheet.name else where
    if not columns.get("order") and looks_like_time(sheet.frame.columns):
        raise InputError(
            f"row {sheet.header_row} holds data, not headings: {names}",
            where=place,
            fix="put a first row that names the columns, or say `header_row:` in a mapping file",
            code="no_headings",
        )
    if not columns.get("order"):
        raise InputError(
            f"no column looks like the production order (case); the columns are {names}",
            where=place,
            fix=f"name it under `columns: {{order: ...}}`: {_MEND}",
            code="no_order_column",
        )
    if not any(columns.get(role) for role in ("start", "end", "time")):
        raise InputError(
            f"no column holds the time of the work; the columns are {names}",
            where=place,
            fix=f"export start and end as well, or name the column under `columns: {{start: ...}}`: {_MEND}",
            code="no_time_column",
        )
    if not columns.get("activity"):
        raise InputError(
            f"no column says what was done (operation, activity); the columns are {names}",
            where=place,
            fix=f"name it under `columns: {{activity: ...}}`: {_MEND}",
            code="no_activity_column",
        )


def _check_repeated(columns: dict[str, str | None], given: Mapping, sheet: Sheet, where: str) -> None:
    for heading, places in sheet.repeated.items():
        for role, taken in columns.items():
            if (
                taken is not None
                and role not in given.columns
                and (taken == heading or taken.startswith(f"{heading} ("))
            ):
                numbers = " and ".join(str(place) for place in places[:4])
                raise InputError(
                    f'the heading "{heading}" occurs {len(places)} times (columns {numbers}), '
                    f"so which is the {role} is not clear",
                    where=f"{where}, row {sheet.header_row}",
                    fix=f'give each its own heading, or name "{heading}" or "{heading} (2)" in a mapping file',
                    code="repeated_heading",
                )


def _too_many(rejected: pl.DataFrame, read: int, limit: float, where: str) -> FaultsFound:
    """The commonest causes with an example each, and how to mend them."""
    top = (
        rejected.group_by("cause", "column")
        .agg(
            pl.len().alias("n"),
            pl.col("row").first(),
            pl.col("value").first(),
            pl.col("cure").first(),
            pl.col("sheet").first(),
        )
        .sort("n", "row", descending=[True, False])
        .head(5)
    )
    faults = []
    for cause, column, n, row, value, cure, sheet in top.select(
        "cause", "column", "n", "row", "value", "cure", "sheet"
    ).iter_rows():
        place = (
            f"{where}, "
            + (f"sheet {sheet}, " if sheet else "")
            + f"row {row}"
            + (f", column {column}" if column else "")
        )
        shown = "" if value is None else f' ("{value[:60]}")'
        faults.append(Fault(f"{n:,} rows: {cause_words(cause)[0]}{shown}", place, cure, cause))
    share = rejected.height / read if read else 1.0
    first = f"; most often: {faults[0].what}, first in row {top['row'][0]}" if faults else ""
    above = f", more than {limit:.0%}" if share > limit else ""
    return FaultsFound(
        f"{rejected.height:,} of {read:,} rows ({share:.0%}) cannot be stored{above}{first}",
        faults,
        where=where,
        fix=f"mend the rows, or, if a column is taken for the wrong thing, {_MEND}",
    )
