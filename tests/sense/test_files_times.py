"""Times, quantities, durations and flags, cell by cell."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from zhizao.sense.files.order import decide_order
from zhizao.sense.files.quantities import (
    decide_decimal,
    parse_duration,
    parse_flag,
    parse_quantity,
    parse_report,
    seconds_of,
)
from zhizao.sense.files.times import parse_clock, parse_times

NOW = datetime(2025, 9, 1, tzinfo=UTC)


def utc(cells: list[object], zone: str = "Asia/Shanghai", order: str | None = None) -> list[str | None]:
    times = parse_times(pl.Series(cells), zone, order)
    return [None if time is None else f"{time:%Y-%m-%d %H:%M:%S}" for time in times.values.to_list()]


@pytest.mark.parametrize(
    "cell",
    [
        "2025-03-01T00:30:00Z",
        "2025-03-01 08:30",
        "2025/3/1 8:30",
        "2025.3.1 8:30:00",
        "2025年3月1日 8:30",
        "2025年3月1日 8时30分",
        "2025年03月01日08:30",
        "2025/3/1 上午8:30",
        "2025/3/1 8:30:00 AM",
        "2025-03-01T02:30:00.000+02:00",
        "2025-03-01T02:30+0200",
        "2025-03-01T08:30:00+08",
        "202503010830",
        "20250301083000",
        "20250301 083000",
        "20250301T0830",
        "1-Mar-2025 8:30",
        "01 March 2025 08:30",
        "Mar 1, 2025 8:30 AM",
        "Sat, 1 Mar 2025 08:30",
        "2025-03-01 星期六 08:30",
        "1740789000",
        "1740789000000",
        "45717.354166667",
        "２０２５/３/１ ８：３０",
        "2025-03-01 00:30 UTC",
        "1.3.25 8:30",
        " 2025-03-01 08:30 ",
        "2025-03-01 08:30:00,000",
        "2025-02-28 24:00 ",
    ],
)
def test_one_moment_in_many_spellings(cell: str) -> None:
    want = "2025-02-28 16:00:00" if "24:00" in cell else "2025-03-01 00:30:00"
    assert utc([cell]) == [want]
    assert utc([cell, "2025-01-05 10:00:00", None, cell])[3] == want


@pytest.mark.parametrize(
    "cell",
    [
        "2025-02-30",
        "2025-13-01",
        "soon",
        "8",
        "25:61",
        "1066-10-14 09:00",
        "31/11/2025",
        "2025-03-01 25:00",
        "=NOW()",
        "12.5.1",
    ],
)
def test_what_is_no_time_is_bad(cell: str) -> None:
    times = parse_times(pl.Series([cell, "2025-01-05 10:00"]), "UTC")
    assert times.bad.to_list() == [True, False]
    assert times.values.to_list()[0] is None


@pytest.mark.parametrize(
    "cell",
    ["", "-", "n/a", "NULL", "无", None, "9999-12-31", "0001-01-01 00:00:00", "00.00.0000", "1900/1/1", "31/12/9999"],
)
def test_what_stands_for_nothing_is_empty_not_bad(cell: str | None) -> None:
    times = parse_times(pl.Series([cell, "2025-01-05 10:00"]), "UTC")
    assert not times.bad.any()
    assert times.values.null_count() == 1


def test_many_spellings_in_one_column_are_all_read() -> None:
    cells = ["2025-03-01 08:30", "2025/03/01 08:30:00", "2025年3月1日 8:30", "1740789000", "45717.354166667"]
    assert set(utc(cells)) == {"2025-03-01 00:30:00"}


def test_typed_columns_keep_what_they_say() -> None:
    odd = parse_times(pl.Series([date(9999, 12, 31), date(1066, 10, 14), date(2025, 3, 1)]), "UTC")
    assert odd.values.is_null().to_list() == [True, True, False]
    assert odd.bad.to_list() == [False, True, False]
    assert utc([date(2025, 3, 1)]) == ["2025-02-28 16:00:00"]
    assert utc([datetime(2025, 3, 1, 8, 30)]) == ["2025-03-01 00:30:00"]
    assert utc([datetime(2025, 3, 1, 8, 30, tzinfo=UTC)]) == ["2025-03-01 08:30:00"]
    assert utc([45717.354166667, 1740789000.0, 1740789000000.0, 20250301.0, 5.0]) == [
        "2025-03-01 00:30:00",
        "2025-03-01 00:30:00",
        "2025-03-01 00:30:00",
        "2025-02-28 16:00:00",
        None,
    ]


def test_clocks_going_back_take_the_earlier_time_and_are_counted() -> None:
    times = parse_times(pl.Series(["2025-10-26 02:30", "2025-10-26 03:30"]), "Europe/Berlin")
    assert [f"{t:%H:%M}" for t in times.values.to_list()] == ["00:30", "02:30"]
    assert (times.twice, times.skipped) == (1, 0)


def test_times_in_the_gap_move_on_by_it_and_are_counted() -> None:
    times = parse_times(pl.Series(["2025-03-30 02:30", "2025-03-30 03:30"]), "Europe/Berlin")
    assert [f"{t:%H:%M}" for t in times.values.to_list()] == ["01:30", "01:30"]
    assert (times.twice, times.skipped) == (0, 1)


@pytest.mark.parametrize(
    ("cells", "zone", "order", "says"),
    [
        (["03/04/2025", "13/04/2025"], "America/Chicago", "dmy", "do not exist"),
        (["03/04/2025", "04/13/2025"], "Asia/Shanghai", "mdy", "do not exist"),
        (["08/10/2025", "08/11/2025", "08/12/2025"], "Asia/Shanghai", "mdy", "lie in the future"),
        ([f"{d:02d}/0{m}/2024" for m in (3, 4, 5) for d in (5, 11)], "America/Chicago", "dmy", "follow each other"),
        (
            [f"{d:02d}/0{m}/2024" for m in (3, 4) for d in range(1, 13)],
            "America/Chicago",
            "dmy",
            "they lie within 38 days",
        ),
        (["05/04/2025", "03/04/2025", "04/04/2025"], "America/Chicago", "dmy", "within"),
        (["25/03/01", "25/03/02", "25/04/05"], "Asia/Shanghai", "ymd", "year first"),
        (["03/03/2025"], "America/Chicago", "mdy", "do not decide"),
        (["03/03/2025"], "Asia/Shanghai", "dmy", "do not decide"),
        (["2025-03-04"], "America/Chicago", None, ""),
    ],
)
def test_day_or_month_first_is_decided_by_evidence(cells: list[str], zone: str, order: str | None, says: str) -> None:
    decision = decide_order([pl.Series(cells)], zone, NOW)
    assert decision.order == order
    assert says in decision.why


def test_one_column_decides_for_the_others() -> None:
    decision = decide_order([pl.Series(["03/04/2025"]), pl.Series(["12/25/2024"])], "Asia/Shanghai", NOW)
    assert decision.order == "mdy"


def test_a_reading_that_spreads_over_years_falls_out() -> None:
    cells = ["01-01-25 16:00", "02-01-25 08:00", "02-04-25 00:00", "03-01-25 00:00"]
    cells += ["02-01-25 08:00"] * 5 + ["17-08-25 11:07"]
    assert decide_order([pl.Series(cells)], "Asia/Shanghai", NOW).order == "dmy"


def test_a_reading_by_which_steps_take_years_falls_out() -> None:
    start = ["03-04-25 08:33", "03-07-25 09:03", "05-01-25 05:45", "02-01-25 22:21", "05-01-25 02:40"]
    end = ["04-04-25 00:11", "04-07-25 08:08", "05-01-25 06:26", "02-01-25 23:33", "07-01-25 03:32"]
    decision = decide_order([pl.Series(start), pl.Series(end)], "Asia/Shanghai", NOW)
    assert decision.order == "dmy"
    assert "take months or years" in str(decision.why)


def test_times_of_day() -> None:
    seconds, bad = parse_clock(pl.Series(["8:30", "08:30:15", "1:05 PM", "下午1:05", "12:10 AM", "25:00", "", None]))
    assert seconds.to_list() == [30600, 30615, 47100, 47100, 600, None, None, None]
    assert bad.to_list() == [False] * 5 + [True, False, False]


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        (["1,234.5", "7"], [1234.5, 7.0]),
        (["1 234,5", "7"], [1234.5, 7.0]),
        (["1.234,5", "1.234"], [1234.5, 1234.0]),
        (["1,234", "12"], [1234.0, 12.0]),
        (["0,5", "1,234"], [0.5, 1.234]),
        (["1'234.50"], [1234.5]),
        (["１，２３４"], [1234.0]),
        (["12 pcs", "12件", "12 PCS"], [12.0, 12.0, 12.0]),
        (["-5", "5-", "(5)", "−5"], [-5.0] * 4),
        (["1e3", "+4"], [1000.0, 4.0]),
        (["", "-", "n/a", "nan"], [None] * 4),
    ],
)
def test_quantities(cells: list[str], want: list[float | None]) -> None:
    read = parse_quantity(pl.Series(cells))
    assert read.values.to_list() == want
    assert not read.bad.any()


@pytest.mark.parametrize("cell", ["x", "1,2,3", "1.2.3", "12 apples", "inf", "=1+1", "1,23,456"])
def test_what_is_no_quantity_is_bad(cell: str) -> None:
    read = parse_quantity(pl.Series([cell, "1"]), ".")
    assert read.bad.to_list() == [True, False]


def test_the_decimal_mark_is_decided_from_the_whole_column() -> None:
    assert parse_quantity(pl.Series(["1.500", "2,5"])).values.to_list() == [1500.0, 2.5]
    assert decide_decimal(["1.234.567"]) == ","


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("006:19", 22740),
        ("1:02:03", 3723),
        ("90", 5400),
        ("1.5", 90),
        ("1h 30m", 5400),
        ("1小时30分钟", 5400),
        ("90 min", 5400),
        ("2 h", 7200),
        ("PT1H30M", 5400),
        ("P1DT1H", 90000),
        ("1 day, 2:00:00", 93600),
        ("1899-12-31 08:30:00", 30600),
        ("1900-01-01 06:05:00", 108300),
        ("45s", 45),
        ("-0:30", -1800),
        ("5 apples", None),
        ("1:75", None),
    ],
)
def test_durations(cell: str, seconds: float | None) -> None:
    assert seconds_of(cell, "min") == seconds


def test_durations_with_a_decimal_comma() -> None:
    assert parse_duration(pl.Series(["1,5", "2,25"]), "h").values.to_list() == [5400.0, 8100.0]
    assert parse_duration(pl.Series([timedelta(minutes=3)]), "h").values.to_list() == [180.0]


def test_flags_and_kinds_of_report() -> None:
    flags = parse_flag(pl.Series(["Y", "是", "no", "", None, "1", "perhaps"]))
    assert flags.values.to_list() == [True, True, False, False, False, True, None]
    assert flags.bad.to_list() == [False] * 6 + [True]
    kinds = parse_report(pl.Series(["D", "调机", "Breakdown", None, "X9", "Z"]), {"Z": "setup"})
    assert kinds.values.to_list() == ["production", "setup", "breakdown", "production", None, "setup"]
    assert kinds.bad.to_list() == [False, False, False, False, True, False]


def test_long_columns_of_many_shapes_are_read_as_short_ones_are() -> None:
    start = datetime(2025, 3, 1, tzinfo=UTC)
    cells: list[str | None] = []
    want: list[str | None] = []
    for i in range(13_000):
        at = start + timedelta(minutes=7 * i)
        half = "上午" if at.hour < 12 else "下午"
        cells.append(
            [
                f"{at:%Y/%m/%d %H:%M}",
                f"{at:%Y-%m-%d} {half}{(at.hour + 11) % 12 + 1}:{at:%M}",
                f"{at:%d.%m.%Y %H:%M}",
                f"{at:%Y-%m-%dT%H:%M:00Z}",
                "soon",
                None,
            ][min(i % 13, 5) if i % 1000 else 4]
        )
        kept = cells[-1] is not None and cells[-1] != "soon"
        want.append(f"{at:%Y-%m-%d %H:%M:%S}" if kept else None)
    assert utc(list(cells), "UTC") == want
    assert parse_times(pl.Series(cells), "UTC").bad.to_list() == [cell == "soon" for cell in cells]


def test_one_telling_date_in_a_long_column_decides() -> None:
    cells = [f"{i % 12 + 1:02d}/{i // 12 % 12 + 1:02d}/2024" for i in range(60_000)]
    cells[41_237] = "07/30/2024"
    assert decide_order([pl.Series(cells)], "Asia/Shanghai", NOW).order == "mdy"
