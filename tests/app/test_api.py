"""REST: figures, tables, exports, imports; every error as what, where, fix."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from fastapi import FastAPI

from app.calling import Caller
from zhizao.account import three_figures
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.app.http.catalogue import TABLES

API = "/api/v1"


def wait(caller: Caller, job: str, most_s: float = 120.0) -> dict[str, Any]:
    end = time.monotonic() + most_s
    while True:
        found: dict[str, Any] = caller.get(f"{API}/jobs/{job}").json()
        if found["state"] != "running" or time.monotonic() > end:
            return found
        time.sleep(0.2)


def test_the_figures_are_those_of_the_account(local: Caller, desk: Desk) -> None:
    found = local.get(f"{API}/figures").json()
    direct = three_figures(desk.log(), desk.plant)
    assert found["orders"] == direct.orders
    for key, figure in direct.main().items():
        assert found["figures"][key]["value"] == figure.value
        assert found["figures"][key]["low"] == figure.low


def test_a_period_is_days_in_the_plants_zone_both_included(local: Caller, desk: Desk) -> None:
    day = desk.log().frame["end"].drop_nulls().sort()[500].astimezone(desk.tz).date().isoformat()
    rows = local.get(f"{API}/tables/orders?from={day}&to={day}&limit=1000").json()
    assert rows["total"] > 0
    for row in rows["rows"]:
        assert pl.Series([row["end"]]).str.to_datetime(time_zone="UTC")[0].astimezone(desk.tz).date().isoformat() == day


def test_the_parts_of_the_cycle_add_up_to_it(local: Caller) -> None:
    found = local.get(f"{API}/cycle").json()
    assert sum(found["parts_h"].values()) == pytest.approx(found["mean"]["value"])


@pytest.mark.parametrize(
    "path", ["/defects", "/cost", "/iso22400", "/figures/weeks", "/gantt", "/search?q=M", "/account", "/imports"]
)
def test_each_address_answers_with_json_without_nan(local: Caller, path: str) -> None:
    answer = local.get(API + path)
    assert answer.status_code == 200, answer.text
    assert "NaN" not in answer.text
    assert answer.json()


def test_the_account_of_records_balances(local: Caller) -> None:
    found = local.get(f"{API}/account").json()
    assert found["read"] == found["stored"] + found["rejected"] + found["duplicate"]
    assert found["balance"] is True
    assert found["superseding"] == 1


@pytest.mark.parametrize("name", sorted(TABLES))
def test_each_table_can_be_read_sorted_and_exported(local: Caller, name: str) -> None:
    more = "&import=1" if name == "rejections" else ""
    first = TABLES[name].columns[0].key
    found = local.get(f"{API}/tables/{name}?limit=5&sort={first}:desc{more}").json()
    assert len(found["rows"]) == min(5, found["total"])
    assert found["total"] == found["of"]
    book = local.get(f"{API}/tables/{name}/export?format=xlsx&lang=zh{more}")
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
    assert sheet is not None
    assert sheet.max_row == found["total"] + 1 or found["total"] == 0
    text = local.get(f"{API}/tables/{name}/export?format=csv{more}").content.decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text)))) == found["total"] + 1


def test_a_filter_and_a_sort_give_what_polars_gives(local: Caller, desk: Desk) -> None:
    model = {
        "hours": {"filterType": "number", "type": "greaterThan", "filter": 1.5},
        "machine": {"filterType": "text", "type": "startsWith", "filter": "L"},
    }
    sort = json.dumps([{"colId": "hours", "sort": "desc"}, {"colId": "event", "sort": "asc"}])
    found = local.get(
        f"{API}/tables/operations", params={"filter": json.dumps(model), "sort": sort, "limit": 50}
    ).json()
    hours = (pl.col("end") - pl.col("start")).dt.total_nanoseconds() / 3.6e12
    expected = (
        desk.log()
        .frame.with_columns(hours=hours)
        .filter((pl.col("hours") > 1.5) & pl.col("machine").str.starts_with("L"))
        .sort("hours", "event", descending=[True, False])
    )
    assert found["total"] == expected.height
    assert [row["event"] for row in found["rows"]] == expected["event"].head(50).to_list()


def test_conditions_are_joined_by_and_or_or(local: Caller) -> None:
    one = {"filterType": "text", "type": "equals", "filter": "L1"}
    other = {"filterType": "text", "type": "equals", "filter": "L2"}
    sizes = [
        local.get(f"{API}/tables/operations", params={"filter": json.dumps({"machine": model})}).json()["total"]
        for model in (
            one,
            other,
            {"operator": "OR", "conditions": [one, other]},
            {"operator": "AND", "conditions": [one, other]},
        )
    ]
    assert sizes[2] == sizes[0] + sizes[1] > 0
    assert sizes[3] == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("sort=nothing:asc", "bad_column"),
        ("filter={", "bad_query"),
        ('filter={"hours":{"type":"greaterThan","filter":"many"}}', "bad_query"),
        ('filter={"order":{"type":"sounds"}}', "bad_query"),
        ('filter={"start":{"type":"greaterThan","dateFrom":"yesterday"}}', "bad_query"),
        ("from=2025-02-31", "bad_day"),
        ("from=2025-02-03&to=2025-02-01", "empty_period"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_with_its_cure(local: Caller, query: str, code: str) -> None:
    answer = local.get(f"{API}/tables/operations?{query}")
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert answer.json()["what"]
    assert answer.json()["fix"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/tables/nothing", "no_table"),
        ("/imports/99/rejections", "no_import"),
        ("/jobs/nothing", "no_job"),
        ("/nothing", "http_404"),
    ],
)
def test_what_is_not_there_is_a_404_with_a_way_on(local: Caller, path: str, code: str) -> None:
    answer = local.get(API + path)
    assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert answer.json()["fix"]


def test_a_number_where_none_is_taken_is_told_by_its_field(local: Caller) -> None:
    answer = local.get(f"{API}/tables/operations?limit=many")
    assert answer.status_code == 422
    assert answer.json()["where"] == "limit"


def test_a_fact_opens_with_its_versions_and_its_hash(local: Caller) -> None:
    row = local.get(f"{API}/tables/corrections").json()["rows"][0]
    found = local.get(f"{API}/facts/{row['superseded']}").json()
    assert [version["current"] for version in found["versions"]] == [False, True]
    assert len(found["event"]["hash"]) == 64
    assert "scrap" in row["changed"]


def test_near_bars_are_merged_and_none_is_lost(local: Caller, desk: Desk) -> None:
    whole = local.get(f"{API}/gantt").json()
    merged = local.get(f"{API}/gantt?most=500").json()
    assert whole["merged"] is False
    assert merged["merged"] is True
    assert len(whole["lane"]) == whole["total"] == merged["total"] == desk.log().frame.height
    assert len(merged["lane"]) < len(whole["lane"])


def test_a_cell_that_looks_like_a_formula_stays_text(empty_desk: Desk, tmp_path: Path) -> None:
    caller = Caller(build(empty_desk, None, Settings(local=True)))
    evil = "=HYPERLINK(1)"
    text = f"order,operation,machine,start,end\n{evil},@cmd,m1,2025-01-06 08:00,2025-01-06 09:00\n"
    started = caller.post(f"{API}/imports/file", files={"file": ("evil.csv", text.encode())})
    assert started.status_code == 202, started.text
    assert wait(caller, started.json()["id"])["state"] == "done"
    exported = caller.get(f"{API}/tables/operations/export?format=csv").text
    assert f"'{evil}" in exported
    book = caller.get(f"{API}/tables/operations/export?format=xlsx").content
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert openpyxl.load_workbook(io.BytesIO(book)).active["A2"].value == evil  # type: ignore[index]


def test_a_short_table_becomes_a_sheet_with_numbers_and_text_that_stays_text(viewer: Caller) -> None:
    import io

    import openpyxl

    rows = [["=1+1", "1,234.5", "\u22127.5\u00a0%"], ["0042", "–", "12 h"]]
    asked = {"title": "A/B: levers", "head": ["Name", "Value", "Change"], "rows": rows}
    answer = viewer.post(f"{API}/sheets", json=asked)
    assert answer.status_code == 200, answer.text
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    assert [list(row) for row in sheet.iter_rows(values_only=True)] == [
        ["Name", "Value", "Change"],
        ["=1+1", 1234.5, -0.075],
        ["0042", "–", "12 h"],
    ]
    assert sheet["A2"].data_type == "s"
    assert viewer.post(f"{API}/sheets", json={"head": ["a"], "rows": [["1", "2"]]}).status_code == 422
    assert viewer.post(f"{API}/sheets", json={"head": [], "rows": []}).status_code == 422


def test_upload_look_change_import_and_import_again(empty_desk: Desk, records: Path) -> None:
    caller = Caller(build(empty_desk, None, Settings(local=True)))
    upload = caller.post(f"{API}/uploads", files={"file": ("Messung März.csv", records.read_bytes())}).json()["upload"]
    seen = caller.get(f"{API}/uploads/{upload}/mapping").json()
    taken = {one["heading"]: one["roles"] for one in seen["columns"]}
    assert taken["Order No"] == ["order"]
    assert taken["Start time"] == ["start"]
    preview = caller.get(f"{API}/uploads/{upload}/preview").json()
    assert preview["read"] == preview["good"] + preview["rejected"]
    edits = {f"col:{heading}": "+".join(roles) for heading, roles in taken.items()}
    edits["col:Operator"] = ""
    changed = caller("PUT", f"{API}/uploads/{upload}/mapping", json=edits).json()
    assert next(one for one in changed["columns"] if one["heading"] == "Operator")["roles"] == []
    jobs = []
    for _ in range(2):
        started = caller.post(f"{API}/imports", json={"upload": upload})
        assert wait(caller, started.json()["id"])["state"] == "done"
        jobs.append(caller.get(f"{API}/jobs/{started.json()['id']}/result").json())
    assert jobs[0]["stored"] + jobs[0]["rejected"] + jobs[0]["duplicate"] == jobs[0]["read"] == preview["read"]
    assert jobs[1]["stored"] == 0
    assert caller.get(f"{API}/account").json()["balance"] is True
    assert caller.get(f"{API}/tables/operations?find=P01").json()["total"] == 0
    refused = caller.get(f"{API}/jobs/{started.json()['id']}/files/rejected")
    assert refused.status_code == (200 if jobs[1]["rejected"] else 404)


def test_two_columns_cannot_be_the_same_thing(empty: Caller) -> None:
    text = b"order,operation,start,end\nA,mill,2025-01-06 08:00,2025-01-06 09:00\n"
    upload = empty.post(f"{API}/uploads", files={"file": ("a.csv", text)}).json()["upload"]
    edits = {"col:order": "order", "col:operation": "order", "col:start": "start", "col:end": "end"}
    answer = empty("PUT", f"{API}/uploads/{upload}/mapping", json=edits)
    assert (answer.status_code, answer.json()["code"]) == (422, "role_twice")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [("a.exe", b"MZ", "bad_kind_of_file"), ("a.csv", b"", "empty_file")],
)
def test_a_file_of_the_wrong_kind_is_refused_at_once(empty: Caller, name: str, content: bytes, code: str) -> None:
    answer = empty.post(f"{API}/uploads", files={"file": (name, content)})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_name_of_an_upload_leads_nowhere_else(empty: Caller, empty_desk: Desk) -> None:
    text = b"order,operation,start,end\nA,mill,2025-01-06 08:00,2025-01-06 09:00\n"
    answer = empty.post(f"{API}/uploads", files={"file": ("../../../evil.csv", text)})
    assert answer.status_code == 201
    inside = {path.resolve() for path in empty_desk.path.rglob("*.csv")}
    assert len(inside) == 1
    assert not (empty_desk.path.parent / "evil.csv").exists()


def test_the_sample_plant_opens_only_into_an_empty_workspace(empty: Caller, local: Caller) -> None:
    assert local.post(f"{API}/sample", json={}).json()["code"] == "not_empty"
    started = empty.post(f"{API}/sample", json={"weeks": 2})
    assert started.status_code == 202
    done = wait(empty, started.json()["id"])
    assert done["state"] == "done", done
    assert empty.get(f"{API}/account").json()["stored"] > 500


def test_an_empty_workspace_has_nothing_to_decide_on(empty: Caller) -> None:
    assert empty.post(f"{API}/pilot", json={}).json()["code"] == "no_records"
    assert empty.get(f"{API}/pilot").json()["code"] == "no_pilot"
    assert empty.get(f"{API}/twin").json()["code"] == "no_twin"
    assert empty.get(f"{API}/tables/operations").json() == {"total": 0, "of": 0, "rows": []}


def test_the_hash_chain_is_checked_as_a_job(local: Caller) -> None:
    job = local.post(f"{API}/verify").json()["id"]
    assert wait(local, job)["state"] == "done"
    assert local.get(f"{API}/jobs/{job}/result").json()["ok"] is True


def test_every_route_has_a_summary_and_says_how_it_fails(app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        for method, one in methods.items():
            assert one.get("summary"), f"{method} {path}"
            assert one.get("description"), f"{method} {path}"
            assert "422" in one["responses"] or path == "/api/v1/health"


def test_every_route_is_named_in_the_docs(app: FastAPI) -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [path for path in app.openapi()["paths"] if f"`{path}`" not in text]
    assert not missing


@pytest.mark.slow
def test_a_pilot_runs_to_its_end_and_leaves_its_files(empty: Caller, empty_desk: Desk) -> None:
    started = empty.post(f"{API}/sample", json={"weeks": 8})
    assert wait(empty, started.json()["id"])["state"] == "done"
    job = empty.post(f"{API}/pilot", json={"lang": "zh"}).json()["id"]
    done = wait(empty, job, 600)
    assert done["state"] == "done", done
    found = empty.get(f"{API}/pilot").json()
    assert set(found["figures"]) == {"production_cycle", "operating_cost", "defect_rate"}
    assert found["records"]["read"] == sum(found["records"][key] for key in ("stored", "rejected", "duplicate"))
    report = empty.get(f"{API}/jobs/{job}/files/report?lang=zh&inline=true")
    assert report.headers["content-type"].startswith("text/html")
    assert report.headers["content-disposition"].startswith("inline")
    assert "</html>" in report.text
    assert empty.get(f"{API}/jobs/{job}/files/json").json() == found
    assert empty.get(f"{API}/jobs/{job}/files/../../people.db").status_code == 404
    chosen = any(lever["chosen"] for lever in found["levers"])
    bars = empty.get(f"{API}/gantt?source={job}")
    assert bars.status_code == (200 if chosen else 404)
