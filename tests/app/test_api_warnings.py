"""Warnings over REST: a table is kept, judged as a job, and told with evidence, record and what cannot be judged."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import polars as pl
import pytest
from fastapi import FastAPI

from app.calling import PASSWORD, Caller
from zhizao.app import warnings_desk
from zhizao.app.access import Access, Person, Role
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.app.http.places import found_pages
from zhizao.app.texts import Words
from zhizao.testing.industry_series import industry_series

API = "/api/v1/warnings"
SUPPLY = "product,supplier,value_cny\n" + "\n".join(
    ["chip,only one,100", *(f"bolt,maker {n},10" for n in range(12)), "=1+1,evil,5"]
)


def send(caller: Caller, name: str, text: str | bytes) -> Any:
    return caller.post(f"{API}/tables", files={"file": (name, text, "application/octet-stream")})


def judge(caller: Caller, **ask: Any) -> dict[str, Any]:
    answer = caller.post(API, json=ask)
    assert answer.status_code == 202, answer.text
    job, end = answer.json(), time.monotonic() + 120
    while job["state"] == "running" and time.monotonic() < end:
        time.sleep(0.2)
        job = caller.get(f"/api/v1/jobs/{job['id']}").json()
    return dict(job)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Caller]]:
    """Generated industries, one of them too short to judge, and relations of supply; judged as of 2021-12."""
    desk = Desk(tmp_path_factory.mktemp("warned") / "place")
    caller = Caller(build(desk, None, Settings(local=True)))
    made = industry_series(np.random.default_rng(5), count=12, months=132, episodes=0.9).frame
    made = made.filter((pl.col("industry") != "13") | (pl.col("month") >= made["month"].max()))
    out = io.BytesIO()
    made.write_parquet(out)
    assert send(caller, "industries.parquet", out.getvalue()).status_code == 201
    assert send(caller, "供应关系.csv", SUPPLY).status_code == 201
    job = judge(caller, budget=2, lag=1)
    assert job["state"] == "done", job
    yield desk, caller
    desk.close()


def test_tables_are_told_as_they_were_understood(judged: tuple[Desk, Caller]) -> None:
    kept = {one["name"]: one for one in judged[1].get(f"{API}/tables").json()}
    assert kept["industries"]["kinds"] == ["over-capacity"]
    assert kept["industries"]["first"] == "2010-01"
    assert kept["供应关系"]["kinds"] == ["concentration"]


def test_every_warning_has_evidence_actions_and_its_record_or_why_not(judged: tuple[Desk, Caller]) -> None:
    told = judged[1].get(API).json()
    assert told["stale"] is False
    assert told["budget_per_year"] == 2
    kinds = {one["kind"] for one in told["warnings"]}
    assert kinds == {"over-capacity", "concentration"}
    assert len({one["key"] for one in told["warnings"]}) == len(told["warnings"])
    for one in told["warnings"]:
        assert one["evidence"]
        assert one["actions"]
        assert one["record"]["recall"] is not None or one["record"]["reason"]["zh"]
    order = [["serious", "warning", "watch"].index(one["level"]) for one in told["warnings"]]
    assert order == sorted(order)


def test_what_cannot_be_judged_is_said_in_both_languages(judged: tuple[Desk, Caller]) -> None:
    rows = judged[1].get(API).json()["cannot_judge"]
    assert [row["scope"] for row in rows] == [{"industry": "13"}]
    assert rows[0]["reason"]["zh"]
    assert rows[0]["reason"]["en"]


def test_one_warning_has_each_signal_beside_what_was_normal_for_it(judged: tuple[Desk, Caller]) -> None:
    caller = judged[1]
    key = next(one["key"] for one in caller.get(f"{API}?kind=over-capacity").json()["warnings"])
    one = caller.get(f"{API}/{key}").json()
    series = {row["signal"]: row for row in one["series"]}
    for row in one["evidence"]:
        past = series[row["signal"]]
        assert len(past["months"]) == len(past["value"]) == len(past["low"]) == len(past["high"])
        assert past["value"][-1] == pytest.approx(row["value"], rel=1e-4)
        assert past["low"][-1] == pytest.approx(row["low"], rel=1e-4)
        assert past["high"][-1] == pytest.approx(row["high"], rel=1e-4)
        assert past["low"][0] is None  # nothing had been learned yet


def test_the_export_runs_nothing_and_speaks_chinese(judged: tuple[Desk, Caller]) -> None:
    caller = judged[1]
    text = caller.get(f"{API}/export?format=csv&lang=zh").content.decode("utf-8-sig")
    assert text.startswith("级别,类别")
    assert ",=1+1" not in text
    sheet = openpyxl.load_workbook(io.BytesIO(caller.get(f"{API}/export?format=xlsx&lang=en").content)).active
    assert sheet is not None
    assert sheet.cell(1, 1).value == "level"
    assert json.loads(caller.get(f"{API}/export?format=json").text)["warnings"]


def test_a_judgement_is_stale_when_a_table_has_changed(judged: tuple[Desk, Caller], tmp_path: Path) -> None:
    desk, caller = judged
    before = warnings_desk.stamp(desk.path)
    assert send(caller, "more.csv", SUPPLY).status_code == 201
    assert warnings_desk.stamp(desk.path) != before
    assert caller.get(API).json()["stale"] is True
    assert caller("DELETE", f"{API}/tables/more").status_code == 200
    assert caller.get(API).json()["stale"] is False


def test_a_failed_judgement_says_what_is_wrong_and_the_last_one_stays(judged: tuple[Desk, Caller]) -> None:
    caller = judged[1]
    job = judge(caller, kind="trade")
    assert job["state"] == "failed"
    assert "trade" in job["fault"]["what"]
    assert caller.get(API).json()["warnings"]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.csv", "industry,month,utilisation\n31,soon,0.7\n", None),
        ("a.csv", "colour,taste\nred,sweet\n", None),
        ("a.csv", "", "empty_file"),
        ("a.exe", "MZ", "bad_table"),
        ("a.xlsx", "this is no workbook", None),
        ("a.csv", "industry,month,utilisation\n31,2199-01,0.7\n", "future"),
        ("a.csv", "industry,month,utilisation\n31,2020-01,70\n31,2020-02,0.7\n32,2020-01,71\n", None),
    ],
)
def test_what_is_no_table_is_refused_and_not_kept(empty: Caller, name: str, text: str, code: str | None) -> None:
    answer = send(empty, name, text)
    assert answer.status_code == 422
    told = answer.json()
    assert told["what"]
    assert code is None or told["code"] == code
    assert empty.get(f"{API}/tables").json() == []


def test_a_name_leads_to_no_other_folder(empty: Caller, empty_desk: Desk) -> None:
    assert send(empty, "../../etc/evil .csv", SUPPLY).status_code == 201
    assert [path.name for path in (empty_desk.path / warnings_desk.FOLDER).iterdir()] == ["evil.parquet"]
    assert empty("DELETE", f"{API}/tables/..%2F..%2Fplant").status_code in (404, 405, 422)


def test_nothing_judged_yet_says_what_to_do(empty: Caller) -> None:
    assert empty.get(API).json()["code"] == "no_run"
    assert empty.post(API, json={}).json()["code"] == "no_tables"
    assert empty.post(API, json={"kind": "weather"}).status_code == 422
    assert empty.post(API, json={"budget": 0}).status_code == 422


def test_who_may_only_look_keeps_no_table_and_who_is_outside_sees_nothing(app: FastAPI, access: Access) -> None:
    viewer, outside = Caller(app).sign_in("the-viewer"), Caller(app).sign_in("the-reporter")
    assert viewer.get(f"{API}/tables").status_code == 200
    assert send(viewer, "a.csv", SUPPLY).status_code == 403
    assert viewer.post(API, json={}).status_code == 403
    assert viewer.post(f"{API}/sample").status_code == 403
    assert outside.get(f"{API}/tables").status_code == 403
    assert outside.get(API).status_code == 403


def test_evaluators_see_warnings_and_change_nothing(judged: tuple[Desk, Caller], tmp_path: Path) -> None:
    access = Access(tmp_path / "people.db")
    for name, role in (
        ("wang", Role.EVALUATOR),
        ("qian", Role.REPORTER),
        ("sun", Role.REVIEWER),
        ("chen", Role.VIEWER),
    ):
        access.add(name, PASSWORD, role, "")
    app = build(judged[0], access)
    wang = Caller(app).sign_in("wang")
    key = wang.get(API).json()["warnings"][0]["key"]
    reads = (API, f"{API}/tables", f"{API}/export?format=csv", f"{API}/export?format=json", f"{API}/{key}")
    for path in reads:
        assert wang.get(path).status_code == 200, path
        assert Caller(app).sign_in("chen").get(path).status_code == 200, path
        for name in ("qian", "sun"):
            assert Caller(app).sign_in(name).get(path).status_code == 403, (name, path)
    assert send(wang, "mine.csv", SUPPLY).status_code == 403
    assert wang.post(API, json={}).status_code == 403
    assert wang("DELETE", f"{API}/tables/industries").status_code == 403
    assert wang.post(f"{API}/sample", json={}).status_code == 403
    pages = [one["address"] for one in found_pages("", Person("wang", Role.EVALUATOR), Words("en", "UTC"))]
    assert "/warnings" in pages
    assert "/journal" not in pages
    access.close()
