"""A log written in any of the supported shapes reads back to the same rows."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhizao.sense.files import Mapping, explain, read_records

NOW = datetime(2025, 9, 1, tzinfo=UTC)

HEADINGS = {
    "en": [
        "Work Order",
        "Operation",
        "Machine",
        "Operator",
        "Start Time",
        "End Time",
        "Good Qty",
        "Scrap Qty",
        "Part No",
        "Rework",
    ],
    "zh": [
        "工单号",
        "工序名称",
        "设备编号",
        "操作工",
        "开始时间",
        "结束时间",
        "合格数量",
        "报废数量",
        "产品编号",
        "是否返工",
    ],
    "odd": [
        "work_order_no",
        "opName",
        "MACHINE",
        "Employee ID",
        "startTime",
        "finish-time",
        "qty_good",
        "NG Qty",
        "Item",
        "Rework?",
    ],
}
DURATION = {"en": "Duration", "zh": "工时", "odd": "ElapsedTime"}
UNIT = {"min": ("(min)", 60), "h": ("[h]", 3600), "s": ("_s", 1), "zh": ("（分钟）", 60)}
STYLES = {
    "iso": "%Y-%m-%dT%H:%M:%S",
    "blank": "%Y-%m-%d %H:%M",
    "slash": "%Y/%m/%d %H:%M:%S.000",
    "day first": "%d/%m/%Y %H:%M",
    "day first dots": "%d.%m.%Y %H:%M",
    "month first": "%m/%d/%Y %I:%M %p",
    "short year": "%d-%m-%y %H:%M",
    "chinese": "%Y年%m月%d日 %H:%M",
    "named month": "%d-%b-%Y %H:%M",
    "compact": "%Y%m%d%H%M%S",
}


@dataclass(frozen=True)
class Shape:
    words: str
    style: str
    end: str  # end | min | h | s | zh | hh:mm | start from end
    format: str
    encoding: str
    separator: str
    lines: str
    decimal: str
    order: tuple[int, ...]


def _time(at: datetime, style: str, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    if style == "offset":
        return local.isoformat()
    if style == "utc":
        return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if style == "epoch":
        return str(int(at.timestamp()))
    if style == "epoch ms":
        return str(int(at.timestamp() * 1000))
    if style == "serial":
        return repr((local.replace(tzinfo=None) - datetime(1899, 12, 30)) / timedelta(days=1))
    if style == "afternoon":
        half = "上午" if local.hour < 12 else "下午"
        return f"{local:%Y/%m/%d} {half}{(local.hour + 11) % 12 + 1}:{local:%M}"
    return local.strftime(STYLES[style])


def _number(value: float, decimal: str) -> str:
    text = f"{value:,.1f}" if value % 1 else f"{value:,.0f}"
    return text.translate(str.maketrans(",.", ".,")) if decimal == "," else text


def _table(rows: list[dict[str, Any]], shape: Shape, zone: str) -> list[list[str]]:
    headings = list(HEADINGS[shape.words])
    if shape.end in UNIT:
        headings[5] = DURATION[shape.words] + UNIT[shape.end][0]
    elif shape.end == "hh:mm":
        headings[5] = DURATION[shape.words]
    elif shape.end == "start from end":
        headings[4] = DURATION[shape.words] + "(min)"
    table = [headings]
    for row in rows:
        seconds = (row["end"] - row["start"]).total_seconds()
        start, end = _time(row["start"], shape.style, zone), _time(row["end"], shape.style, zone)
        if shape.end in UNIT:
            end = repr(seconds / UNIT[shape.end][1]).replace(".", shape.decimal)
        elif shape.end == "hh:mm":
            end = f"{int(seconds // 3600):03d}:{int(seconds % 3600 // 60):02d}"
        elif shape.end == "start from end":
            start = repr(seconds / 60).replace(".", shape.decimal)
        table.append(
            [
                row["order"],
                row["operation"],
                row["machine"],
                row["person"],
                start,
                end,
                _number(row["good"], shape.decimal),
                _number(row["scrap"], shape.decimal),
                row["product"],
                ("是" if shape.words == "zh" else "Y") if row["is_rework"] else "",
            ]
        )
    return [[line[i] for i in shape.order] for line in table]


def _write(path: Path, table: list[list[str]], shape: Shape) -> None:
    if shape.format == "xlsx":
        book = openpyxl.Workbook()
        for line in table:
            book.active.append([cell or None for cell in line])
        book.save(path)
        return
    if shape.format == "parquet":
        columns = {heading: [line[i] or None for line in table[1:]] for i, heading in enumerate(table[0])}
        pl.DataFrame(columns, schema=dict.fromkeys(table[0], pl.String)).write_parquet(path)
        return
    text = io.StringIO()
    csv.writer(text, delimiter=shape.separator, lineterminator="\n").writerows(table)
    lines = text.getvalue()
    if shape.lines == "mixed":
        ends = ["\n", "\r\n", "\r"]
        lines = "".join(line + ends[i % 3] for i, line in enumerate(lines.splitlines()))
    else:
        lines = lines.replace("\n", shape.lines)
    data = lines.encode(shape.encoding)
    path.write_bytes(gzip.compress(data) if shape.format == "csv.gz" else data)


names = st.sampled_from(["Turning, fine", "铣削", "Grinding", 'Weld "A"', "检验"])
row_strategy = st.builds(
    lambda order, operation, machine, person, minute, length, good, scrap, flag: {
        "order": f"WO-{order}",
        "operation": operation,
        "machine": f"M{machine:02d}",
        "person": person,
        "start": datetime(2025, 1, 2, tzinfo=UTC) + timedelta(minutes=minute),
        "end": datetime(2025, 1, 2, tzinfo=UTC) + timedelta(minutes=minute + length),
        "good": good,
        "scrap": float(scrap),
        "product": f"P-{order % 4}",
        "is_rework": flag,
    },
    st.integers(1, 30),
    names,
    st.integers(1, 9),
    st.sampled_from(["王伟", "李娜", "张敏"]),
    st.integers(0, 300_000),
    st.integers(0, 3000),
    st.integers(0, 5000).map(lambda n: n / 2),
    st.integers(0, 1500),
    st.booleans(),
)
shape_strategy = st.builds(
    Shape,
    words=st.sampled_from(list(HEADINGS)),
    style=st.sampled_from([*STYLES, "offset", "utc", "epoch", "epoch ms", "serial", "afternoon"]),
    end=st.sampled_from(["end", "end", *UNIT, "hh:mm", "start from end"]),
    format=st.sampled_from(["csv", "csv", "csv", "csv.gz", "xlsx", "parquet"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"]),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    lines=st.sampled_from(["\n", "\r\n", "\r", "mixed"]),
    decimal=st.sampled_from([".", ","]),
    order=st.permutations(range(10)).map(tuple),
)
# the first and last rows settle what is a day and what a month, and which mark is decimal
ANCHORS = [
    {
        "order": "WO-7",
        "operation": "Grinding",
        "machine": "M01",
        "person": "王伟",
        "start": datetime(2025, 1, 1, 8, tzinfo=UTC),
        "end": datetime(2025, 1, 1, 9, 30, tzinfo=UTC),
        "good": 1234.5,
        "scrap": 2.0,
        "product": "P-1",
        "is_rework": True,
    },
    {
        "order": "WO-7",
        "operation": "铣削",
        "machine": "M02",
        "person": "李娜",
        "start": datetime(2025, 8, 17, 3, 7, tzinfo=UTC),
        "end": datetime(2025, 8, 19, 4, 2, tzinfo=UTC),
        "good": 12.5,
        "scrap": 0.5,
        "product": "P-2",
        "is_rework": False,
    },
]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    rows=st.lists(row_strategy, min_size=8, max_size=25),
    shape=shape_strategy,
    zone=st.sampled_from(["Asia/Shanghai", "UTC"]),
)
def test_every_shape_reads_back_to_the_same_rows(
    rows: list[dict[str, Any]], shape: Shape, zone: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [ANCHORS[0], *rows, ANCHORS[1]]
    path = tmp_path_factory.mktemp("shape") / f"log.{shape.format}"
    _write(path, _table(rows, shape, zone), shape)
    reading = read_records(path, zone=zone, now=NOW)
    assert reading.rejected.rows() == []
    assert reading.read == len(rows)
    frame = reading.frame
    want = pl.DataFrame(rows).with_columns(pl.col("start", "end").cast(pl.Datetime("ns", "UTC")))
    for name in ("order", "operation", "machine", "person", "product", "is_rework", "good", "scrap"):
        assert frame[name].to_list() == want[name].to_list(), name
    for name in ("start", "end"):
        assert (frame[name] - want[name]).dt.total_milliseconds().abs().max() <= 1, name
    assert frame["row"].to_list() == list(range(2, len(rows) + 2))


@settings(max_examples=20, deadline=None)
@given(shape=shape_strategy)
def test_the_mapping_that_is_explained_reads_the_file_the_same(
    shape: Shape, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("map") / f"log.{shape.format}"
    _write(path, _table(ANCHORS * 6, shape, "Asia/Shanghai"), shape)
    mapping = Mapping.from_yaml(explain(path, now=NOW).to_yaml())
    assert read_records(path, mapping=mapping, now=NOW).frame.equals(read_records(path, now=NOW).frame)
