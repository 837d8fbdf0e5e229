"""Settling what headings and cells leave open: a lone resource, days and times of day, events, counters, the rest."""

from __future__ import annotations

import polars as pl

from zhizao.sense.files.columns import ENOUGH, PLANNED, Choice, Profile, heading_score
from zhizao.sense.files.said import Said
from zhizao.sense.files.times import parse_times

__all__ = ["settle_key", "settle_resource", "settle_rest", "settle_times"]


def settle_resource(
    chosen: dict[str, Choice], profiles: dict[str, Profile], fixed: dict[str, str | None], xes: bool
) -> None:
    """A column "resource" is a person where people are meant, else a machine; whatever is still free."""
    lone = chosen.pop("resource", None)
    if lone is None:
        return
    p = profiles[lone.heading]
    if "machine" in chosen or "machine" in fixed:
        role, why = "person", Said("the machine has its own column", "设备另有一列")
    elif "person" in chosen or "person" in fixed:
        role, why = "machine", Said("the person has its own column", "人员另有一列")
    elif xes or lone.heading == "org:resource":
        role, why = "person", Said("XES means the person by org:resource", "XES 以 org:resource 表示人员")
    elif p.people >= 0.6:
        role, why = "person", Said("its values look like people", "取值像人员")
    else:
        role, why = "machine", Said("its values do not look like people", "取值不像人员")
    if role not in chosen and role not in fixed:
        chosen[role] = Choice(
            role,
            lone.heading,
            Said(f'"resource" is a {role}: {why}', f"“resource”是{'设备' if role == 'machine' else '人员'}：{why.zh}"),
            round(0.9 * lone.confidence, 2),
        )


def settle_times(
    chosen: dict[str, Choice], profiles: dict[str, Profile], fixed: dict[str, str | None], used: set[str]
) -> None:
    """Days are needed only beside times of day; a single time is no start; events and intervals exclude each other."""
    clocks: set[str] = {
        role for role in ("start", "end", "time") if role in chosen and profiles[chosen[role].heading].is_clock
    }
    _settle_days(chosen, profiles, fixed, clocks)
    if clocks and not {"start_date", "end_date"} & (chosen.keys() | fixed.keys()):
        beside = Said("days, beside times of day", "日期，与时刻配合")
        free = [name for name, p in profiles.items() if name not in used and p.time > 0.8 and p.midnight > 0.95]
        if "time" in chosen and profiles[chosen["time"].heading].midnight > 0.95:
            day = chosen.pop("time")
            chosen["start_date"] = Choice("start_date", day.heading, beside, day.confidence)
        elif free:
            chosen["start_date"] = Choice("start_date", free[0], beside, 0.6)
    if not {"time", "end", "lifecycle"} & fixed.keys() and "start" in chosen and "time" in chosen:
        opens = "lifecycle" in chosen and "start" in {c.lower() for c in profiles[chosen["lifecycle"].heading].cells}
        if "end" not in chosen and not opens:
            when = chosen["time"]
            why = Said("the time of the event, beside a start, is its end", "在开始时间旁，事件时间即为结束")
            chosen["end"] = Choice("end", when.heading, why, round(0.8 * when.confidence, 2))
        if "end" in chosen:
            chosen.pop("lifecycle", None)
    if {"start", "end"} & chosen.keys() and "lifecycle" not in chosen and "time" not in fixed:
        chosen.pop("time", None)
    if "lifecycle" in chosen and "time" not in chosen and "lifecycle" not in fixed:
        chosen.pop("lifecycle")
    if "lifecycle" in chosen:
        for role in ("start", "end"):
            if role not in fixed:
                chosen.pop(role, None)


def _settle_days(
    chosen: dict[str, Choice], profiles: dict[str, Profile], fixed: dict[str, str | None], clocks: set[str]
) -> None:
    """A day without a time of day beside it is the start, the end or the only time itself."""
    for role in ("start", "end"):
        day = chosen.get(f"{role}_date")
        if day is None or f"{role}_date" in fixed or role in clocks:
            continue
        if role == "start" and "end" in clocks and "end_date" not in chosen:
            continue  # the end is a time of day on this day
        del chosen[f"{role}_date"]
        general = heading_score(day.heading, role)[0] < ENOUGH
        if not general and role not in chosen and role not in fixed:
            chosen[role] = Choice(role, day.heading, day.why, round(0.85 * day.confidence, 2))
        elif general and not {"start", "end", "time"} & (chosen.keys() | fixed.keys()):
            why = day.why.then(Said("the only time there is", "唯一的时间"))
            chosen["time"] = Choice("time", day.heading, why, round(0.8 * day.confidence, 2))


def settle_rest(
    chosen: dict[str, Choice], profiles: dict[str, Profile], fixed: dict[str, str | None], used: set[str]
) -> None:
    """What is still missing, by content alone."""
    if not {"start", "end", "time"} & (chosen.keys() | fixed.keys()):
        free = [name for name, p in profiles.items() if name not in used and p.time >= 0.9 and not PLANNED.search(name)]
        if len(free) >= 2:
            moments = {
                name: parse_times(pl.Series(list(profiles[name].cells[:100]), dtype=pl.String), "UTC").values
                for name in free
            }
            free.sort(
                key=lambda name: (
                    moments[name].drop_nulls().cast(pl.Int64).sum() / max(len(moments[name].drop_nulls()), 1)
                )
            )
            chosen["start"] = Choice(
                "start", free[0], Said("holds times, the earlier of the columns that do", "含时间的列中较早的一列"), 0.5
            )
            chosen["end"] = Choice(
                "end", free[1], Said("holds times, the later of the columns that do", "含时间的列中较晚的一列"), 0.5
            )
        elif free:
            chosen["time"] = Choice("time", free[0], Said("the only column with times", "唯一含时间的列"), 0.6)
    if "activity" not in chosen and "activity" not in fixed:
        for role in ("operation", "machine"):
            if role in chosen:
                chosen["activity"] = Choice(
                    "activity",
                    chosen[role].heading,
                    Said(f"no activity named; the {role} stands for it", "没有工序列，以此列代替"),
                    0.5,
                )
                break


def settle_key(
    chosen: dict[str, Choice], frame: pl.DataFrame, fixed: dict[str, str | None], left: dict[str, str]
) -> None:
    """A column that merely counts the rows of this file is no number of the record: the next file counts anew."""
    key = chosen.get("key")
    if key is None or "key" in fixed:
        return
    numbers = frame[key.heading].cast(pl.String).str.strip_chars().cast(pl.Int64, strict=False)
    if not numbers.null_count() and numbers[0] in (0, 1) and bool((numbers.diff().drop_nulls() == 1).all()):
        del chosen["key"]
        left[key.heading] = Said("counts the rows of this file", "只是本文件的行序号")
