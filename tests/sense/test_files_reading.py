"""What becomes of rows: kept, rejected with their cause, or paired; and which column is taken for what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from zhizao.errors import FaultsFound, InputError
from zhizao.model.worklog import WORKLOG_SCHEMA, WorkLog
from zhizao.sense.files import Mapping, Reading, explain, in_lang, read_records, write_rejections
from zhizao.sense.files.recognise import recognise
from zhizao.sense.files.rejections import CAUSES

NOW = datetime(2025, 6, 1, tzinfo=UTC)
HEAD = "order,activity,machine,operator,start,end,good,scrap,rework flag,report type,due,record id\n"
GOOD = "A1,mill,M1,王伟,2025-03-01 08:00,2025-03-01 09:00,5,1,Y,D,2025-04-01,r{}\n"


def read(
    tmp_path: Path, text: str, name: str = "log.csv", *, max_rejected: float = 0.2, mapping: Mapping | None = None
) -> Reading:
    path = tmp_path / name
    path.write_text(text, "utf-8", newline="")
    return read_records(path, mapping=mapping, now=NOW, max_rejected=max_rejected)


def test_the_frame_is_a_work_log_without_event_and_with_its_origin(tmp_path: Path) -> None:
    frame = read(tmp_path, HEAD + GOOD.format(1)).frame
    assert frame.columns == [*(name for name in WORKLOG_SCHEMA if name != "event"), "key", "row", "sheet"]
    assert frame.row(0, named=True) == {
        "order": "A1",
        "product": None,
        "operation": "mill",
        "activity": "mill",
        "machine": "M1",
        "person": "王伟",
        "report": "production",
        "start": datetime(2025, 3, 1, 0, tzinfo=UTC),
        "end": datetime(2025, 3, 1, 1, tzinfo=UTC),
        "good": 5.0,
        "scrap": 1.0,
        "rework": None,
        "is_rework": True,
        "order_quantity": None,
        "released": None,
        "due": datetime(2025, 3, 31, 16, tzinfo=UTC),
        "key": "r1",
        "row": 2,
        "sheet": None,
    }
    assert WorkLog.of(frame.drop("key", "row", "sheet")).frame.height == 1


WRONG = {
    "no_order": ("", "mill", "2025-03-01 08:00", "2025-03-01 09:00", "5", "order", None),
    "no_activity": ("A", " ", "2025-03-01 08:00", "2025-03-01 09:00", "5", "activity", " "),
    "no_start": ("A", "mill", "", "2025-03-01 09:00", "5", "start", None),
    "bad_time": ("A", "mill", "2025-03-01 08:00", "2025-02-30 09:00", "5", "end", "2025-02-30 09:00"),
    "end_before_start": ("A", "mill", "2025-03-01 08:00", "2025-03-01 07:59", "5", "end", "2025-03-01 07:59"),
    "in_future": ("A", "mill", "2025-06-03 08:00", "2025-06-03 09:00", "5", "start", "2025-06-03 08:00"),
    "too_long": ("A", "mill", "2025-01-01 08:00", "2025-03-03 09:00", "5", "end", "2025-03-03 09:00"),
    "negative": ("A", "mill", "2025-03-01 08:00", "2025-03-01 09:00", "-5", "good", "-5"),
    "bad_number": ("A", "mill", "2025-03-01 08:00", "2025-03-01 09:00", "five", "good", "five"),
}


@pytest.mark.parametrize("cause", WRONG)
def test_a_wrong_row_is_listed_with_row_column_value_and_cure(cause: str, tmp_path: Path) -> None:
    order, activity, start, end, good, column, value = WRONG[cause]
    line = f"{order},{activity},M1,王伟,{start},{end},{good},0,,D,,r9\n"
    reading = read(tmp_path, HEAD + GOOD.format(1) * 3 + line + GOOD.format(2) * 3)
    assert reading.rejected.rows() == [(5, None, column, value, cause, CAUSES[cause]["en"][1])]
    assert reading.read == 7 == reading.frame.height + reading.rejected.height
    assert reading.frame["row"].to_list() == [2, 3, 4, 6, 7, 8]


@pytest.mark.parametrize(
    ("cell", "column", "cause"), [("maybe", 8, "bad_flag"), ("Q", 9, "unknown_report"), ("TBD", 10, "bad_time")]
)
def test_a_cell_that_cannot_be_read_is_never_dropped_in_silence(
    cell: str, column: int, cause: str, tmp_path: Path
) -> None:
    line = GOOD.format(9).split(",")
    line[column] = cell
    reading = read(tmp_path, HEAD + GOOD.format(1) * 9 + ",".join(line))
    assert reading.rejected.select("row", "value", "cause").rows() == [(11, cell, cause)]


def test_unknown_report_codes_get_their_meaning_from_the_mapping(tmp_path: Path) -> None:
    text = HEAD + GOOD.format(1) * 9 + GOOD.format(2).replace(",D,", ",Q,")
    reading = read(tmp_path, text, mapping=Mapping.from_yaml("reports: {Q: setup}"))
    assert reading.frame["report"].to_list() == ["production"] * 9 + ["setup"]


def test_work_without_an_end_is_still_running(tmp_path: Path) -> None:
    reading = read(tmp_path, HEAD + GOOD.format(1) + GOOD.format(2).replace("2025-03-01 09:00", ""))
    assert reading.frame["end"].is_null().to_list() == [False, True]


def test_more_rejects_than_completed_is_what_the_records_say(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD + GOOD.format(1).replace(",5,1,", ",0,7,")).frame["scrap"].to_list() == [7.0]


def test_equal_rows_are_kept_for_the_journal_to_count(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD + GOOD.format(1) * 4).frame.height == 4


def test_up_to_the_limit_rows_are_rejected_above_it_nothing_is_read(tmp_path: Path) -> None:
    bad = GOOD.format(1).replace("A1", "")
    assert read(tmp_path, HEAD + GOOD.format(1) * 8 + bad * 2).rejected.height == 2
    with pytest.raises(FaultsFound, match="3 of 11 rows"):
        read(tmp_path, HEAD + GOOD.format(1) * 8 + bad * 3)
    assert read(tmp_path, HEAD + GOOD.format(1) + bad * 9, max_rejected=0.95).frame.height == 1


def test_row_numbers_are_those_of_a_spreadsheet(tmp_path: Path) -> None:
    text = "Export of plant 7,,,\n\norder,activity,start,end\n\n"
    text += 'A,"mill\nfine",2025-03-01 08:00,2025-03-01 09:00\n,,,\nB,turn,2025-03-01 08:00,\n'
    reading = read(tmp_path, text)
    assert reading.frame.select("order", "activity", "row").rows() == [("A", "mill\nfine", 5), ("B", "turn", 7)]
    assert any("2 empty rows" in note for note in reading.notes)


def test_rows_with_another_number_of_cells_are_rejected_unless_harmless(tmp_path: Path) -> None:
    good = "A,mill,2025-03-01 08:00,2025-03-01 09:00,5\n"
    text = (
        "order,activity,start,end,remark\n"
        + good * 12
        + "B,mill,2025-03-01 08:00,2025-03-01 09:00\n"
        + "C,mill,2025-03-01 08:00\n"
    )
    text += (
        "D,mill, fine,2025-03-01 08:00,2025-03-01 09:00,5\n" + "E,mill,2025-03-01 08:00,2025-03-01 09:00,5,,\n" + good
    )
    reading = read(tmp_path, text)
    assert reading.rejected.select("row", "cause").rows() == [(15, "too_few_cells"), (16, "too_many_cells")]
    assert reading.frame["order"].to_list()[-3:] == ["B", "E", "A"]
    assert reading.frame["row"].to_list() == [*range(2, 15), 17, 18]


def test_a_separator_at_every_line_end_is_no_fault(tmp_path: Path) -> None:
    reading = read(tmp_path, "order;activity;start;end\n" + "A;mill;01.03.2025 08:00;01.03.2025 09:00;\n" * 5)
    assert (reading.read, reading.rejected.height) == (5, 0)


def test_days_and_times_of_day_are_put_together_over_midnight(tmp_path: Path) -> None:
    text = "工单号,工序,日期,开始时间,结束时间\nA,铣,2025/3/1,08:00,09:30\nA,铣,2025/3/1,22:00,02:00\n"
    reading = read(tmp_path, text)
    start, end = reading.frame["start"].to_list(), reading.frame["end"].to_list()
    assert start == [datetime(2025, 3, 1, 0, tzinfo=UTC), datetime(2025, 3, 1, 14, tzinfo=UTC)]
    assert end == [datetime(2025, 3, 1, 1, 30, tzinfo=UTC), datetime(2025, 3, 1, 18, tzinfo=UTC)]
    assert any("past midnight" in note for note in reading.notes)


def test_work_over_the_hour_that_comes_twice_ends_after_it_starts(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "order,activity,start,end\nA,mill,2024-10-27 02:50,2024-10-27 02:10\nA,mill,2024-10-27 02:10,2024-10-27 02:50\n"
    )
    frame = read_records(path, zone="Europe/Berlin", now=NOW).frame
    assert (frame["end"] - frame["start"]).dt.total_minutes().to_list() == [20, 40]


def test_one_time_and_a_duration_count_back_from_the_report(tmp_path: Path) -> None:
    frame = read(tmp_path, "工单号,工序,报工时间,工时(分钟)\nA,铣,2025-03-01 10:00,90\n").frame
    assert frame["start"][0] == datetime(2025, 3, 1, 0, 30, tzinfo=UTC)


def test_one_time_alone_is_start_and_end_and_that_is_said(tmp_path: Path) -> None:
    reading = read(tmp_path, "case,task,timestamp\nA,mill,2025-03-01 10:00\n")
    assert reading.frame["start"].to_list() == reading.frame["end"].to_list()
    assert any("one time per row" in note for note in reading.notes)


def test_a_duration_without_unit_is_taken_as_minutes_and_that_is_said(tmp_path: Path) -> None:
    text = "order,activity,start,duration\nA,mill,2025-03-01 10:00,90\n"
    reading = read(tmp_path, text)
    assert reading.frame["end"][0] - reading.frame["start"][0] == timedelta(minutes=90)
    assert any("taken as minutes" in note for note in reading.notes)
    hours = read(tmp_path, text, mapping=Mapping(duration_unit="h")).frame
    assert hours["end"][0] - hours["start"][0] == timedelta(hours=90)


def test_good_pieces_are_the_total_less_the_rejects(tmp_path: Path) -> None:
    text = "order,activity,start,end,total qty,scrap qty\nA,mill,2025-03-01 08:00,2025-03-01 09:00,10,{}\n"
    assert read(tmp_path, text.format(3)).frame["good"].to_list() == [7.0]
    told = read(tmp_path, text.format(30))
    assert told.frame["good"].to_list() == [10.0]
    assert any("taken as good" in note for note in told.notes)


def test_starts_and_completes_in_rows_of_their_own_are_paired(tmp_path: Path) -> None:
    rows = [
        ("A", "mill", "start", "08:00", "x"),
        ("A", "mill", "start", "08:30", "x"),
        ("A", "mill", "complete", "09:00", "x"),
        ("A", "mill", "complete", "10:00", "x"),
        ("A", "turn", "schedule", "10:00", "x"),
        ("A", "turn", "complete", "11:00", "y"),
        ("B", "mill", "start", "08:00", "x"),
        ("B", "mill", "complete", "08:20", "z"),
        ("B", "turn", "start", "12:00", "x"),
    ]
    text = "case,activity,lifecycle,timestamp,resource\n" + "".join(
        f"{c},{a},{e},2025-03-01 {t},{r}\n" for c, a, e, t, r in rows
    )
    reading = read(tmp_path, text)
    pairs = reading.frame.select(
        "order", "activity", (pl.col("end") - pl.col("start")).dt.total_minutes().alias("m"), "row"
    ).rows()
    assert pairs == [
        ("A", "mill", 60, 2),
        ("A", "mill", 90, 3),
        ("A", "turn", 0, 7),
        ("B", "mill", 20, 8),
        ("B", "turn", None, 10),
    ]
    assert reading.read == 5
    assert {note.split(" ", 1)[0] for note in reading.notes} == {"9", "1"}


def test_a_complete_before_any_start_does_not_shift_the_pairs(tmp_path: Path) -> None:
    times = [
        ("complete", "07:00"),
        ("start", "08:00"),
        ("complete", "09:00"),
        ("start", "10:00"),
        ("complete", "12:00"),
    ]
    text = "case,activity,lifecycle,timestamp\n" + "".join(f"A,mill,{kind},2025-03-01 {at}\n" for kind, at in times)
    frame = read(tmp_path, text).frame
    assert (frame["end"] - frame["start"]).dt.total_minutes().to_list() == [0, 60, 120]


def test_the_operation_is_the_activity_without_the_machine(tmp_path: Path) -> None:
    rows = [
        ("Turning & Milling - Machine 4", "Machine 4 - Turning & Milling", "Turning & Milling"),
        ("Milling - Machine 10", "Machine 10 - Grinding", "Milling"),
        ("Turning - Machine 8", "Machine 15 - Turning", "Turning"),
        ("Laser Marking - Machine 8", "Machine 8- Laser Marking", "Laser Marking"),
        ("Packing", "Packing", "Packing"),
        ("Grinding Rework", "Machine 1 - Grinding", "Grinding Rework"),
        ("3号铣床铣削", "3号铣床", "铣削"),
        ("CUT_M01", "M01", "CUT"),
        ("Drilling - Machine 120", "Machine 15", "Drilling - Machine 120"),
    ]
    text = "order,activity,machine,start,end\n" + "".join(
        f"A,{a},{m},2025-03-01 08:00,2025-03-01 09:00\n" for a, m, _ in rows
    )
    frame = read(tmp_path, text).frame
    assert frame["operation"].to_list() == [operation for _, _, operation in rows]
    assert frame["activity"].to_list() == [activity for activity, _, _ in rows]


def test_a_column_of_operations_goes_before_the_label(tmp_path: Path) -> None:
    text = "order,activity,op kind,start,end\nA,mill 7,milling,2025-03-01 08:00,2025-03-01 09:00\n"
    assert read(tmp_path, text, mapping=Mapping(columns={"operation": "op kind"})).frame["operation"].to_list() == [
        "milling"
    ]


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (["Kim Passa", "Karel de Groot"], "person"),
        (["王伟", "欧阳娜"], "person"),
        (["ID4932", "ID4810"], "person"),
        (["M1", "Oven"], "machine"),
        (["11", "12"], "machine"),
    ],
)
def test_a_lone_resource_is_a_person_when_its_values_look_like_people(values: list[str], role: str) -> None:
    frame = pl.DataFrame(
        {"case": ["A", "B"], "activity": ["x", "y"], "resource": values, "timestamp": ["2025-03-01 08:00"] * 2}
    )
    assert role in {choice.role for choice in recognise(frame, {})[0] if choice.heading == "resource"}


HEADINGS = {
    "order": [
        "Case ID",
        "case:concept:name",
        "WO#",
        "Work Order No.",
        "Prod. Order",
        "JobNumber",
        "工单",
        "生产订单号",
        "工单编号（必填）",
        "制令单号",
    ],
    "activity": ["Activity", "concept:name", "Operation Name", "Process Step", "工序", "工序名称", "作业内容"],
    "machine": ["Machine", "Equipment ID", "work_center", "WorkStation", "设备编号", "机台", "工作中心", "加工设备"],
    "person": ["Worker ID", "Operator", "employee_no", "操作工", "员工姓名", "工号", "报工人"],
    "product": ["Part Desc.", "Item No", "Material", "产品名称", "物料编码", "图号"],
    "start": ["Start Timestamp", "start_time", "Actual Start", "BeginTime", "开始时间", "实际开工时间", "Strat Time"],
    "end": ["Complete Timestamp", "end_time", "Finish", "Completed At", "结束时间", "完工时间", "实际完成时间"],
    "good": ["Qty Completed", "Good Qty", "Accepted", "合格数量", "良品数", "完成数量"],
    "scrap": ["Qty Rejected", "Scrap", "NG Qty", "报废数量", "不良品数", "不合格数"],
    "order_quantity": ["Work Order  Qty", "Planned Quantity", "Lot Size", "计划数量", "工单数量", "批量"],
    "due": ["Due Date", "Delivery Date", "交期", "要求完成日期"],
    "released": ["Release Date", "下达时间", "派工时间"],
    "duration": ["Duration (min)", "Run Time [h]", "加工时长", "工时（小时）"],
}
CELLS = {
    "start": "2025-03-01 08:00",
    "end": "2025-03-01 09:00",
    "due": "2025-03-09",
    "released": "2025-02-01",
    "good": "5",
    "scrap": "1",
    "order_quantity": "20",
    "duration": "60",
    "order": "A",
    "activity": "mill",
    "machine": "M1",
    "person": "W7",
    "product": "P1",
}


@pytest.mark.parametrize(
    ("role", "heading"), [(role, heading) for role, words in HEADINGS.items() for heading in words]
)
def test_headings_in_two_languages_are_known(role: str, heading: str) -> None:
    plain = {"order": "order", "activity": "activity", "start": "start", "end": "end"}
    columns = {name: other for other, name in plain.items() if other != role} | {heading: role}
    frame = pl.DataFrame({name: [CELLS[what]] * 20 for name, what in columns.items()})
    chosen = {choice.role: choice for choice in recognise(frame, {})[0]}
    assert role in chosen and chosen[role].heading == heading, {r: c.heading for r, c in chosen.items()}
    assert chosen[role].confidence >= 0.5 and chosen[role].why


def test_columns_are_found_by_content_when_headings_say_nothing() -> None:
    times = ["2025-03-01 08:00", "2025-03-02 08:00"]
    later = ["2025-03-01 09:00", "2025-03-02 09:00"]
    frame = pl.DataFrame({"case": ["A", "B"], "task": ["x", "y"], "F7": later, "F3": times})
    chosen = {choice.role: choice.heading for choice in recognise(frame, {})[0]}
    assert (chosen["start"], chosen["end"]) == ("F3", "F7")


def test_explain_says_why_and_what_was_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "Case ID,Activity,Begin,Finish,Span,Colour\n" + "A,mill,03/04/2025 08:00,13/04/2025 09:00,1:00,red\n" * 3
    )
    text = explain(path, now=NOW).to_yaml()
    assert 'heading sounds like "case id"' in text
    assert "duration: Span" in text and "not used, since there are start and end" in text
    assert "date_order: dmy  # day first" in text
    assert "Colour: not like anything that is read" in text
    assert "separator: ','" in text


def test_the_mapping_overrides_what_was_recognised(tmp_path: Path) -> None:
    text = "order,lot,activity,start,end,qty\n" + "A,L1,mill,2025-03-01 08:00,2025-03-01 09:00,4\n" * 3
    assert read(tmp_path, text).frame["order"][0] == "A"
    told = read(tmp_path, text, mapping=Mapping.from_yaml("columns: {order: lot, total: null}"))
    assert told.frame["order"][0] == "L1"
    assert told.frame["good"][0] is None
    only = read(
        tmp_path,
        text,
        mapping=Mapping.from_yaml("others: ignore\ncolumns: {order: lot, activity: activity, start: start}"),
    )
    assert only.frame["end"].to_list() == only.frame["start"].to_list()


def test_two_headings_alike_are_told_apart_or_refused(tmp_path: Path) -> None:
    text = "order,activity,start,end,note,note\nA,mill,2025-03-01 08:00,2025-03-01 09:00,x,y\n"
    assert read(tmp_path, text).read == 1
    mapping = Mapping.from_yaml("columns: {start: start, end: start (2)}")
    twice = "order,activity,start,start\nA,mill,2025-03-01 08:00,2025-03-01 09:00\n"
    with pytest.raises(InputError, match="occurs 2 times"):
        read(tmp_path, twice)
    assert read(tmp_path, twice, mapping=mapping).frame["end"][0] == datetime(2025, 3, 1, 1, tzinfo=UTC)


def test_sheets_of_the_same_shape_are_read_together(tmp_path: Path) -> None:
    path = tmp_path / "log.xlsx"
    book = openpyxl.Workbook()
    march = book.active
    march.title = "March"
    march["B3"] = "Plant 7, March"
    for i, heading in enumerate(["Order", "Operation", "Start", "Duration", "Good"]):
        march.cell(5, 2 + i, heading)
    march_rows = [
        ("A", "mill", datetime(2025, 3, 1, 8), timedelta(hours=30, minutes=5), 4),
        (17, "turn", 45717.354166667, timedelta(minutes=5), "1,200"),
    ]
    for n, row in enumerate(march_rows):
        for i, cell in enumerate(row):
            march.cell(7 + n, 2 + i, cell)
    april = book.create_sheet("April")
    april.append(["Good", "Start", "Operation", "Order", "Duration"])
    april.append([5, datetime(2025, 4, 1, 8), "mill", "B", timedelta(hours=1)])
    legend = book.create_sheet("Legend")
    legend.append(["Code", "Meaning"])
    legend.append(["D", "production"])
    book.create_sheet("Empty")
    book.save(path)
    reading = read_records(path, now=NOW)
    rows = reading.frame.select(
        "order", "good", "row", "sheet", (pl.col("end") - pl.col("start")).dt.total_minutes().alias("m")
    ).rows()
    assert rows == [("A", 4.0, 7, "March", 1805), ("17", 1200.0, 8, "March", 5), ("B", 5.0, 2, "April", 60)]
    assert reading.frame["start"][1] == datetime(2025, 3, 1, 0, 30, tzinfo=UTC)
    assert any('"Legend" is not read' in note for note in reading.notes)
    april_only = read_records(path, now=NOW, mapping=Mapping(sheets=("April",)))
    assert april_only.frame["sheet"].to_list() == ["April"]
    with pytest.raises(InputError, match="the sheets are: March, April"):
        read_records(path, now=NOW, mapping=Mapping(sheets=("May",)))


def test_typed_parquet_is_read_as_it_is(tmp_path: Path) -> None:
    start = pl.Series([datetime(2025, 3, 1, 8), datetime(2025, 3, 2, 8)])
    frame = pl.DataFrame(
        {"order": [1.0, 2.0], "operation": pl.Series(["mill", "turn"], dtype=pl.Categorical), "start": start}
    )
    frame = frame.with_columns(
        duration=pl.Series([timedelta(minutes=5), timedelta(minutes=6)]),
        good=pl.Series([3, None], dtype=pl.Int16),
        rework=pl.Series([True, None]),
    )
    frame.write_parquet(tmp_path / "log.parquet")
    reading = read_records(tmp_path / "log.parquet", now=NOW, zone="UTC")
    assert reading.frame.select("order", "good", "is_rework").rows() == [("1", 3.0, True), ("2", None, False)]
    assert (reading.frame["end"] - reading.frame["start"]).dt.total_minutes().to_list() == [5, 6]


def test_formulas_are_harmless_in_the_file_of_rejected_rows(tmp_path: Path) -> None:
    evil = "=cmd|' /C calc'!A0"
    reading = read(
        tmp_path,
        HEAD + GOOD.format(1) * 9 + GOOD.format(2).replace(",5,", f",{evil},") + GOOD.format(2).replace(",5,", ",-5,"),
    )
    written = write_rejections(tmp_path / "rejected.csv", reading.rejected)
    text = written.read_text("utf-8-sig")
    assert text.splitlines()[0] == "row,sheet,column,value,cause,cure"
    assert f",'{evil}," in text and ",-5," in text
    chinese = write_rejections(tmp_path / "rejected.xlsx", reading.rejected, lang="zh")
    cells = list(openpyxl.load_workbook(chinese).active.values)
    assert cells[0] == ("行号", "工作表", "列", "值", "原因", "处理办法")
    assert cells[1][3] == "'" + evil and cells[1][4] == "不是数字"


def test_every_cause_has_words_in_both_languages() -> None:
    assert all(set(words) == {"en", "zh"} and all(all(pair) for pair in words.values()) for words in CAUSES.values())


def test_progress_is_told_and_the_clock_is_not_asked(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(HEAD + GOOD.format(1))
    told: list[tuple[str, float]] = []
    read_records(path, now=NOW, progress=lambda stage, share: told.append((stage, share)))
    assert {stage for stage, _ in told} == {"read", "convert"} and told[-1] == ("convert", 1.0)
    with pytest.raises(InputError, match="no zone"):
        read_records(path, now=datetime(2025, 6, 1))


def test_a_start_beside_the_time_of_completion_makes_both_ends(tmp_path: Path) -> None:
    text = "case:concept:name,concept:name,start_timestamp,time:timestamp,lifecycle:transition\n"
    text += "A,mill,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,complete\n" * 3
    frame = read(tmp_path, text).frame
    assert (frame["end"] - frame["start"]).dt.total_minutes().to_list() == [60] * 3


def test_planned_times_may_lie_in_the_future(tmp_path: Path) -> None:
    text = "order,activity,start,end,due\nA,mill,02/05/2025 08:00,02/05/2025 09:00,05/09/2025\n"
    text += "A,mill,01/05/2025 08:00,01/05/2025 09:00,06/12/2025\nA,mill,04/05/2025 08:00,04/05/2025 09:00,07/09/2025\n"
    frame = read(tmp_path, text, mapping=Mapping(zone="UTC")).frame
    assert frame["due"][0] == datetime(2025, 9, 5, tzinfo=UTC)


def test_reasons_and_notes_are_said_in_chinese_too(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("工单号,工序,开始时间,时长,颜色\n" + "A,铣,03/04/2025 08:00,60,红\n" * 3)
    reading = read_records(path, now=NOW)
    said = [in_lang(note, "zh") for note in reading.notes]
    assert len(said) == 2 and all(any("\u4e00" <= c <= "\u9fff" for c in note) for note in said)
    text = explain(path, now=NOW).to_yaml("zh")
    assert "表头与“工单号”相近" in text and "颜色: 不像任何所需的列" in text
    assert Mapping.from_yaml(text).columns["order"] == "工单号"


def test_work_of_sixty_days_is_the_longest(tmp_path: Path) -> None:
    text = (
        "order,activity,start,end\nA,age,2025-01-01 08:00,2025-03-02 08:00\nA,age,2025-01-01 08:00,2025-03-02 08:01\n"
    )
    reading = read(tmp_path, text, max_rejected=0.6)
    assert (reading.frame["row"].to_list(), reading.rejected["row"].to_list()) == ([2], [3])


def test_a_day_that_is_none_is_named_beside_its_time_of_day(tmp_path: Path) -> None:
    text = "工单号,工序,日期,开始时间,结束时间\n" + "A,铣,2025/3/1,08:00,09:30\n" * 8 + "A,铣,2025/2/31,22:00,23:00\n"
    reading = read(tmp_path, text)
    assert reading.rejected.select("column", "value", "cause").rows() == [("日期", "2025/2/31", "bad_time")]


def test_days_and_times_of_both_ends_may_stand_in_four_columns(tmp_path: Path) -> None:
    text = "Order;Oper./Act.;Work center;Act. start date;Act. start time;Act. fin. date;Act. fin. time;Yield\n"
    text += "1000123;0010;WC-17;01.03.2025;08:15:00;01.03.2025;09:45:00;1.200,000\n"
    text += "1000123;0020;WC-18;01.03.2025;10:15:00;03.03.2025;01:45:00;1.197,500\n"
    frame = read(tmp_path, text, mapping=Mapping(zone="UTC")).frame
    assert frame.select("start", "end", "good").rows() == [
        (datetime(2025, 3, 1, 8, 15, tzinfo=UTC), datetime(2025, 3, 1, 9, 45, tzinfo=UTC), 1200.0),
        (datetime(2025, 3, 1, 10, 15, tzinfo=UTC), datetime(2025, 3, 3, 1, 45, tzinfo=UTC), 1197.5),
    ]


def test_a_plan_is_not_taken_for_what_happened(tmp_path: Path) -> None:
    text = "Order,Operation,Planned Start,Planned End\nA,mill,2025-03-01 08:00,2025-03-01 09:00\n"
    with pytest.raises(InputError, match="no column holds the time"):
        read(tmp_path, text)
    both = "工单号,工序,计划开始时间,计划结束时间,实际开始时间,实际结束时间\nA,铣,2025-03-01 08:00,2025-03-01 09:00,2025-03-02 08:00,2025-03-02 09:00\n"
    assert read(tmp_path, both).mapping.columns["start"] == "实际开始时间"


@pytest.mark.parametrize(("first", "taken"), [(1, False), (4711, True)])
def test_a_column_that_counts_rows_is_no_number_of_the_record(first: int, taken: bool, tmp_path: Path) -> None:
    rows = "".join(f"{first + i},A,铣,2025-03-01 08:00,2025-03-01 09:00\n" for i in range(5))
    reading = read(tmp_path, "流水号,工单号,工序,开始时间,结束时间\n" + rows)
    assert ("key" in reading.mapping.columns) is taken
    assert reading.frame["key"].to_list() == ([str(first + i) for i in range(5)] if taken else [None] * 5)


def test_a_manufacturing_execution_export_is_understood(tmp_path: Path) -> None:
    heads = "序号,生产工单号,产品编码,产品名称,工序号,工序名称,设备编号,设备名称,员工工号,员工姓名,班次,报工类型,开工时间,完工时间,报工数量,合格数量,不良数量"
    row = "1,MO1,P001,齿轮,10,车削,CNC-01,数控车床,1001,王伟,白班,调机,2025/3/1 8:05,2025/3/1 10:20,50,48,2"
    columns = read(tmp_path, f"{heads}\n{row}\n").mapping.columns
    want = {
        "order": "生产工单号",
        "product": "产品编码",
        "activity": "工序名称",
        "machine": "设备编号",
        "person": "员工工号",
    }
    want |= {"report": "报工类型", "start": "开工时间", "end": "完工时间", "good": "合格数量", "scrap": "不良数量"}
    assert columns == want


def test_gb18030_that_could_be_letters_of_utf8_is_read_as_chinese(tmp_path: Path) -> None:
    rows = "".join(f"省{k},车削,M1,2025-03-0{1 + k % 9} 08:00,2025-03-0{1 + k % 9} 09:00\n" for k in range(30))
    file = tmp_path / "sheng.csv"
    file.write_bytes(f"工单,工序,设备,开始时间,结束时间\n{rows}".encode("gb18030"))
    assert "省0".encode("gb18030").decode("utf-8"), "the pair is valid UTF-8 as well"
    found = read_records(file, zone="Asia/Shanghai", now=NOW)
    assert found.frame.height == 30
    assert set(found.frame["activity"]) == {"车削"}
