"""The chosen levers as files for Monday: dispatch list, schedule, hours, allocation; CSV and one Excel book.

Orders still open in the records are put in the order in which each machine should take them, by the chosen rule or the
chosen schedule, from what is known at the end of the records: released orders, due dates, expected durations.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.pilot.levers import Lever
    from zhizao.pilot.run import Pilot

__all__ = ["monday_tables", "write_monday"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def monday_tables(pilot: Pilot, lang: str = "en") -> dict[str, pl.DataFrame]:
    """Tables by name: what to do (levers), dispatch list of open orders, hours, allocation.

    Parameters
    ----------
    pilot : with chosen levers
    lang : of what is said about a lever; its setting is JSON, as in `--json`
    """
    from zhizao.pilot.report.words import observation

    chosen = [lever for one in pilot.candidates if one.name in pilot.chosen for lever in one.levers]
    tables = {
        "levers": pl.DataFrame(
            {
                "kind": [one.kind for one in chosen],
                "scope": [one.scope for one in chosen],
                "do": [_said(one, lang) for one in chosen],
                "setting": [json.dumps(one.setting, ensure_ascii=False) for one in chosen],
                "why": [observation(one.why, lang) for one in chosen],
            },
            schema=dict.fromkeys(("kind", "scope", "do", "setting", "why"), pl.String),
        )
    }
    hours = [
        (resource, _DAYS[int(day) - 1], _clock(start), _clock(end))
        for one in chosen
        if one.kind == "hours"
        for resource, week in one.setting.items()
        for day, start, end in week
    ]
    if hours:
        tables["hours"] = pl.DataFrame(hours, schema=["resource", "weekday", "from", "to"], orient="row")
    allocation = [
        (operation, name)
        for one in chosen
        if one.kind == "assignment"
        for operation, names in one.setting.items()
        for name in names
    ]
    if allocation:
        tables["allocation"] = pl.DataFrame(allocation, schema=["operation", "only"], orient="row")
    dispatch = _dispatch_list(pilot)
    if dispatch.height:
        tables["dispatch"] = dispatch
    schedule = _schedule(pilot)
    if schedule.height:
        tables["schedule"] = schedule
    return tables


def _said(lever: Lever, lang: str) -> str:
    """What is to be done, in the words of the report."""
    from zhizao.pilot.report.sections import lever_text
    from zhizao.pilot.result import LeverResult

    told = {"kind": lever.kind, "scope": lever.scope, "setting": lever.setting, "group": lever.group}
    return lever_text(LeverResult.model_validate({**told, "chosen": True, "figures": {}, "cost": lever.cost}), lang)


def _clock(hour: float) -> str:
    minutes = round(hour * 60)
    days, rest = divmod(minutes, 1440)
    return f"{rest // 60:02d}:{rest % 60:02d}" + (" +1" if days else "")


def _dispatch_list(pilot: Pilot) -> pl.DataFrame:
    """Work of the open orders as the twin would do it next under the chosen levers, from the end of the records on."""
    from zhizao.decide.twin.mechanism import worklog_of
    from zhizao.decide.twin.run import simulate
    from zhizao.pilot.levers import pull_all
    from zhizao.pilot.search import levers_of

    scene = pilot.mechanism.open_work(np.random.default_rng(pilot.result.seed))
    if scene is None:
        return pl.DataFrame()
    scene = pull_all(scene, levers_of(pilot.candidates, pilot.chosen))
    log = worklog_of(scene, simulate(scene.shop, scene.work, scene.policy))
    zone = pilot.log.zone
    # where records name people and no machines, each person has a list
    taker, beside = ("person", []) if scene.people_are_machines else ("machine", ["person"])
    return (
        log.frame.filter(pl.col("end") > pl.col("start"))  # what was done before the end of the records takes no time
        .sort(taker, "start")
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over(taker))
        .select(
            taker,
            "rank",
            "order",
            "product",
            "operation",
            "report",
            *beside,
            expected_start=pl.col("start").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d %H:%M"),
            expected_end=pl.col("end").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d %H:%M"),
            due=pl.col("due").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d"),
        )
    )


def _schedule(pilot: Pilot) -> pl.DataFrame:
    """An optimised schedule of the open orders, from the end of the records on, with the chosen hours and allocation."""
    from datetime import timedelta

    from zhizao.decide.schedule import Problem, Rounds, dispatch_list, solve
    from zhizao.decide.twin.records import ZERO
    from zhizao.pilot.levers import pull_all
    from zhizao.pilot.search import levers_of

    scene = pilot.mechanism.open_work(np.random.default_rng(pilot.result.seed))
    if scene is None:
        return pl.DataFrame()
    resources = [one for one in levers_of(pilot.candidates, pilot.chosen) if one.kind in ("hours", "assignment")]
    scene = pull_all(scene, resources)
    problem = Problem.of_shop(scene.shop, scene.work, 0.0)
    found = solve(problem, Rounds(6), workers=1) if problem.operations else None
    if found is None or found.schedule is None:
        return pl.DataFrame()
    orders = [scene.orders[int(name[1:])] for name in problem.jobs]
    operations = [scene.operations[scene.work.operation[step]] for step in problem.steps]
    table = dispatch_list(problem, found.schedule, orders=orders, operations=operations)
    zero = ZERO + timedelta(seconds=scene.zero_s)

    def local(name: str) -> pl.Expr:
        return (pl.lit(zero) + pl.duration(seconds=pl.col(name))).dt.strftime("%Y-%m-%d %H:%M")

    return (
        table.filter((pl.col("machine") != "") & (pl.col("end_s") > pl.col("start_s")))
        .with_columns(start=local("start_s"), end=local("end_s"), late_h=(pl.col("late_s") / 3600).round(1))
        .select("machine", "turn", "order", "operation", "start", "end", "late_h")
        .rename({"machine": "person" if scene.people_are_machines else "machine"})
    )


def write_monday(pilot: Pilot, folder: Path, *, lang: str = "en") -> Path:
    """Write the tables as CSV and as one Excel book.

    Parameters
    ----------
    pilot : with chosen levers
    folder : made when absent
    lang : words of the report (headings are the field's terms in English in both)

    Raises
    ------
    InputError : when the folder cannot be written to
    """
    import xlsxwriter

    tables = monday_tables(pilot, lang)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            (folder / f"{name}.csv").write_bytes(b"\xef\xbb\xbf" + _harmless(table).write_csv().encode())
        with xlsxwriter.Workbook(
            folder / "monday.xlsx", {"strings_to_formulas": False, "strings_to_urls": False}
        ) as book:
            for name, table in tables.items():
                table.write_excel(book, worksheet=name, autofit=True)
    except OSError as error:
        raise InputError(
            f"cannot write what to do: {error.strerror}", where=str(folder), fix="choose another place with --out"
        ) from error
    return folder


def _harmless(table: pl.DataFrame) -> pl.DataFrame:
    """Text that a spreadsheet would run as a formula is written with an apostrophe before it."""
    text = pl.col(pl.String)
    return table.with_columns(pl.when(text.str.contains(r"^[=+\-@\t\r]")).then("'" + text).otherwise(text).name.keep())
