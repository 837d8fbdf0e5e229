"""The long tables: their columns, the frame behind each, and who may see it. A new table is one entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from zhizao.app import views
from zhizao.app.access import LOCAL, Person, Right
from zhizao.app.desk import Desk, Period
from zhizao.app.http.tables import Column
from zhizao.app.returns_list import returns_list
from zhizao.app.texts import LANGS, Words
from zhizao.errors import InputError
from zhizao.programme.classes import industries, regions, sizes
from zhizao.programme.survey.strata import TAKE_ALL
from zhizao.sense.files.rejections import CAUSES

__all__ = ["TABLES", "Table", "stratum_words", "table"]

Frame = Callable[[Desk, Period, Mapping[str, str]], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Table:
    """A long table.

    Parameters
    ----------
    columns : in the order in which they are shown
    frame : rows, from the workspace, the period and what else stands in the address
    right : what one must be allowed to see it
    extra : columns that links need and nobody sees
    whose : rows as far as a person may see them, in place of `frame`
    """

    columns: tuple[Column, ...]
    frame: Frame
    right: Right = Right.READ
    extra: tuple[str, ...] = ()
    whose: Callable[[Desk, Person, Mapping[str, str]], pl.DataFrame] | None = None

    def rows(self, desk: Desk, person: Person, period: Period, asked: Mapping[str, str]) -> pl.DataFrame:
        """All rows that a person may see."""
        return self.frame(desk, period, asked) if self.whose is None else self.whose(desk, person, asked)


def _only(frame: pl.DataFrame, asked: Mapping[str, str], *keys: str) -> pl.DataFrame:
    for key in keys:
        if asked.get(key):
            frame = frame.filter(pl.col(key) == asked[key])
    return frame


def _operations(desk: Desk, period: Period, asked: Mapping[str, str]) -> pl.DataFrame:
    return _only(views.operations(desk, period), asked, "order", "machine", "product", "operation", "person", "report")


def _orders(desk: Desk, period: Period, asked: Mapping[str, str]) -> pl.DataFrame:
    return _only(views.orders(desk, period), asked, "order", "product")


def _rejections(desk: Desk, period: Period, asked: Mapping[str, str]) -> pl.DataFrame:
    frame = views.rejections(desk, _number(asked.get("import", "")))
    # causes that have words are told in the reader's language, others as they were stored
    frame = frame.with_columns(fix=pl.when(pl.col("code").is_in(list(CAUSES))).then("code").otherwise("fix"))
    return _only(frame, asked, "code")


def _corrections(desk: Desk, period: Period, asked: Mapping[str, str]) -> pl.DataFrame:
    return views.corrections(desk, _number(asked["import"]) if asked.get("import") else None)


def _indicator_values(desk: Desk, period: Period, asked: Mapping[str, str]) -> pl.DataFrame:
    from zhizao.app.indicator_values import values_frame
    from zhizao.app.indicators_desk import Asked, IndicatorsDesk, no_indicator

    # the right to read the plant's records, which this table asks for, is what own values need
    found = IndicatorsDesk(desk, LOCAL).evaluation(Asked.of({**asked, "set": "", "target_set": ""}))
    key = asked.get("id", "")
    kept = [each for each in found.results if key in ("", each.definition.id)]
    if not kept:
        raise no_indicator(key)
    return pl.concat([values_frame(found, one, "zh" if asked.get("lang") == "zh" else "en") for one in kept])


def _panel_strata(desk: Desk, period: Period, asked: Mapping[str, str]) -> pl.DataFrame:
    job = desk.latest("panel") if not asked.get("job") else desk.jobs.get(asked["job"])
    design = desk.jobs.result(job.id).get("design", {}) if job is not None else {}
    rows = design.get("strata", [])
    said = stratum_words(design, asked.get("lang", ""))
    return pl.DataFrame(
        {
            "stratum": [said(str(one["stratum"])) for one in rows],
            "frame_units": [int(one["N"]) for one in rows],
            "drawn": [int(one["n"]) for one in rows],
            "share_drawn": [int(one["n"]) / max(int(one["N"]), 1) for one in rows],
        },
        schema={"stratum": pl.String, "frame_units": pl.Int64, "drawn": pl.Int64, "share_drawn": pl.Float64},
    )


def _panel_rotation(desk: Desk, period: Period, asked: Mapping[str, str]) -> pl.DataFrame:
    job = desk.latest("panel") if not asked.get("job") else desk.jobs.get(asked["job"])
    file = desk.jobs.folder(job.id) / "rotation.csv" if job is not None else None
    schema = {"id": pl.String, "stratum": pl.String, "wave": pl.String}
    if job is None or file is None or not file.is_file():
        return pl.DataFrame(schema={"unit": pl.String, "stratum": pl.String, "wave": pl.String})
    said = stratum_words(desk.jobs.result(job.id).get("design", {}), asked.get("lang", ""))
    rows = pl.read_csv(file, schema=schema)
    names = {one: said(one) for one in rows["stratum"].unique().to_list()}
    return rows.select(
        pl.col("id").alias("unit"), pl.col("stratum").replace_strict(names, return_dtype=pl.String), "wave"
    )


def stratum_words(design: Mapping[str, Any], lang: str) -> Callable[[str], str]:
    """Names of strata: as the design writes them, or in the words of a language.

    Parameters
    ----------
    design : says by what there are strata
    lang : zh or en; anything else leaves the names as they are

    Examples
    --------
    >>> stratum_words({"by": ["industry", "region"]}, "en")("31|44+50|take-all")
    'ferrous metals · Guangdong, Chongqing · all taken'
    """
    if lang not in LANGS:
        return str
    t = Words(lang)
    size = (design.get("take_all") or {}).get("role", "")
    roles = [*design.get("by", []), *([size] if size else [])]
    known: dict[str, Mapping[str, Any]] = {"industry": industries(), "region": regions(), "size": sizes()}

    def said(name: str) -> str:
        *parts, last = name.split("|")
        if last != TAKE_ALL:
            parts.append(last)
        words = []
        for at, part in enumerate(parts):
            of = known.get(roles[at], {}) if at < len(roles) else {}
            words.append(t.listed([getattr(of[one], lang) if one in of else one for one in part.split("+")]))
        return " · ".join([*words, *([t("panel.takeall")] if last == TAKE_ALL else [])])

    return said


def _number(text: str) -> int:
    if not text.isdigit():
        raise InputError(f'"{text[:40]}" is no number of an import', fix="give import=1", code="no_import")
    return int(text)


_FACT = "/journal?event={event}"

TABLES: dict[str, Table] = {
    "operations": Table(
        (
            Column("order", link="/orders?order={value}"),
            Column("product"),
            Column("operation", width=1.2),
            Column("machine", link="/machines?machine={value}"),
            Column("person"),
            Column("report", words="report."),
            Column("start", "time", width=1.3),
            Column("end", "time", width=1.3),
            Column("hours", "hours"),
            Column("good", "count"),
            Column("scrap", "count"),
            Column("rework", "count"),
            Column("is_rework", "flag"),
            Column("activity", hidden=True),
            Column("order_quantity", "count", hidden=True),
            Column("released", "time", hidden=True),
            Column("due", "time", hidden=True),
            Column("event", "count", link=_FACT, width=0.7),
        ),
        _operations,
    ),
    "orders": Table(
        (
            Column("order", link="/orders?order={value}"),
            Column("product"),
            Column("begin", "time", width=1.3),
            Column("end", "time", width=1.3),
            Column("due", "time", hidden=True),
            Column("late_h", "hours"),
            Column("cycle_h", "hours"),
            Column("processing_h", "hours"),
            Column("setup_h", "hours"),
            Column("wait_machine_h", "hours"),
            Column("wait_people_h", "hours", hidden=True),
            Column("off_shift_h", "hours"),
            Column("breakdown_h", "hours", hidden=True),
            Column("unexplained_h", "hours", hidden=True),
            Column("working_h", "hours", hidden=True),
            Column("entered", "count"),
            Column("good", "count", hidden=True),
            Column("bad", "count"),
            Column("share_bad", "percent", hidden=True),
            Column("cost", "number"),
        ),
        _orders,
    ),
    "machines": Table(
        (
            Column("machine", link="/machines?machine={value}"),
            Column("production_h", "hours"),
            Column("setup_h", "hours"),
            Column("breakdown_h", "hours"),
            Column("breakdowns", "count"),
            Column("wait_machine_h", "hours"),
            Column("wait_people_h", "hours"),
            Column("off_shift_h", "hours", hidden=True),
            Column("orders", "count"),
            Column("reports", "count"),
            Column("good", "count"),
            Column("scrap", "count"),
            Column("rework", "count"),
        ),
        lambda desk, period, asked: _only(views.machines(desk, period), asked, "machine"),
    ),
    "imports": Table(
        (
            Column("import_id", "count", link="/account?import={value}", width=0.9),
            Column("source", width=2),
            Column("recorded_at", "time", width=1.3),
            Column("read", "count"),
            Column("stored", "count"),
            Column("rejected", "count"),
            Column("duplicate", "count"),
            Column("superseding", "count"),
            Column("stale", "count", hidden=True),
            Column("finished", "flag"),
            Column("balance", "flag"),
        ),
        lambda desk, period, asked: views.imports(desk),
    ),
    "rejections": Table(
        (
            Column("row", "count", width=0.7),
            Column("sheet", hidden=True),
            Column("column"),
            Column("value"),
            Column("code", width=1.4, words="cause."),
            Column("fix", width=2.4, words="cure."),
        ),
        _rejections,
    ),
    "corrections": Table(
        (
            Column("event", "count", link=_FACT, width=0.7),
            Column("superseded", "count", link="/journal?event={value}", width=0.7),
            Column("order", link="/orders?order={value}"),
            Column("activity"),
            Column("machine"),
            Column("changed", width=2.5),
            Column("source", width=1.4),
            Column("row", "count", width=0.7),
            Column("recorded_at", "time", width=1.3),
            Column("import_id", "count", hidden=True),
        ),
        _corrections,
    ),
    "returns": Table(
        (
            Column("enterprise", link="/returns?enterprise={enterprise}&period={month}"),
            Column("works_zh", width=1.8),
            Column("works_en", width=1.8),
            Column("month", link="/returns?enterprise={enterprise}&period={month}", width=0.8),
            Column("standing", words="standing.", width=1.2),
            Column("turn_level", words="level.", width=1.3),
            Column("turn", hidden=True),
            Column("until", "time", width=1.3),
            Column("overdue", "flag", width=0.8),
            Column("late", "flag", hidden=True),
            Column("version_no", "count", width=0.6),
            Column("sender", hidden=True),
            Column("sent", "time", width=1.3, hidden=True),
            Column("is_published", "flag", hidden=True),
            Column("region_code", hidden=True),
            Column("industry_code", hidden=True),
            Column("size_code", hidden=True),
        ),
        lambda desk, period, asked: pl.DataFrame(),
        Right.RETURNS,
        whose=returns_list,
    ),
    "indicator_values": Table(
        (
            Column("period_of", width=0.9),
            Column("figure", "number", digits=4),
            Column("unit", width=0.8),
            Column("series", width=1.4),
            Column("origin", width=2.2),
            Column("published", width=0.9),
            Column("confidence", words="confidence.", width=0.8),
            Column("vintage", width=0.7),
            Column("use", words="use."),
            Column("note", width=2, hidden=True),
            Column("indicator", hidden=True),
        ),
        _indicator_values,
    ),
    "panel_strata": Table(
        (
            Column("stratum", width=3.2),
            Column("frame_units", "count"),
            Column("drawn", "count"),
            Column("share_drawn", "percent"),
        ),
        _panel_strata,
    ),
    "panel_rotation": Table(
        (Column("unit", width=1.6), Column("stratum", width=3.2), Column("wave", words="wave.")),
        _panel_rotation,
    ),
}


def table(name: str) -> Table:
    """A table by its name.

    Raises
    ------
    InputError : when there is none
    """
    found = TABLES.get(name)
    if found is None:
        raise InputError(f'there is no table "{name[:40]}"', fix=f"use {', '.join(TABLES)}", code="no_table")
    return found
