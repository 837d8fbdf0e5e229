"""Indicators over the API: who sees what, own values and definitions, adjusted targets, the report and its check."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from app.calling import PASSWORD, Caller
from zhizao.app.access import LOCAL, Access, Role
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.app.indicators_desk import Asked, IndicatorsDesk
from zhizao.app.pages.indicator_own import EXAMPLE
from zhizao.app.peers import peers_answer

DAY = "as_of=2026-06-30"
VALUES = "indicator,year,value,source,published\nIND02,2019,0.9,bureau,2020-05-01\nIND02,2023,1.08,=1+1,2024-05-01\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Access]]:
    folder = tmp_path_factory.mktemp("indicators")
    desk, access = Desk(folder / "workspace"), Access(folder / "people.db")
    for role in Role:
        access.add(f"the-{role}", PASSWORD, role)
    yield desk, access
    access.close()
    desk.close()


@pytest.fixture(scope="module")
def manager(served: tuple[Desk, Access]) -> Caller:
    return Caller(build(*served)).sign_in("the-manager")


@pytest.fixture(scope="module")
def viewer(served: tuple[Desk, Access]) -> Caller:
    return Caller(build(*served)).sign_in("the-viewer")


@pytest.fixture(scope="module")
def evaluator(served: tuple[Desk, Access]) -> Caller:
    return Caller(build(*served)).sign_in("the-evaluator")


def state(answer: dict[str, object], key: str, year: int) -> str:
    one = next(each for each in answer["indicators"] if each["id"] == key)  # type: ignore[attr-defined]
    return str(next(each for each in one["targets"] if each["year"] == year)["state"])


def test_the_plans_table_and_every_definition_are_told_in_both_languages(evaluator: Caller) -> None:
    found = evaluator.get("/api/v1/indicators").json()
    assert len([one for one in found["indicators"] if one["group"] == "table"]) == 12
    assert found["table"]["zh"]["rows"][0]["cells"] == found["table"]["en"]["rows"][0]["cells"]
    assert evaluator.get("/api/v1/indicators?target_set=nothing").status_code == 422


def test_one_indicator_has_targets_of_all_sets_an_outlook_and_its_back_test(evaluator: Caller) -> None:
    found = evaluator.get(f"/api/v1/indicators/IND08?{DAY}").json()
    assert {one["set"] for one in found["result"]["targets"]} == {"plan2025", "14fyp"}
    assert found["result"]["backtest"]["forecasts"] > 0
    assert found["result"]["fan"]["years"][0] == 2025
    assert evaluator.get("/api/v1/indicators/IND99").status_code == 404


@pytest.mark.parametrize("query", ["as_of=2999-01-01", "as_of=soon", "values=mine", "as_of=0001-01-01"])
def test_an_evaluation_that_cannot_be_made_says_why(viewer: Caller, query: str) -> None:
    answer = viewer.get(f"/api/v1/evaluation?{query}")
    assert answer.status_code == 422
    assert answer.json()["where"] in ("as_of", "values")


def test_own_values_are_judged_by_first_and_only_shown_to_those_of_the_plant(
    manager: Caller, viewer: Caller, evaluator: Caller
) -> None:
    assert viewer.post("/api/v1/evaluation/values", files={"file": ("v.csv", VALUES)}).status_code == 403
    told = manager.post("/api/v1/evaluation/values", files={"file": ("v.csv", VALUES)})
    assert told.status_code == 201, told.text
    assert told.json()["values"] == 2
    assert state(viewer.get(f"/api/v1/evaluation?{DAY}").json(), "IND02", 2020) != "cannot_judge"
    assert state(viewer.get(f"/api/v1/evaluation?{DAY}&values=published").json(), "IND02", 2020) == "cannot_judge"
    assert state(evaluator.get(f"/api/v1/evaluation?{DAY}").json(), "IND02", 2020) == "cannot_judge"
    assert state(evaluator.get(f"/api/v1/evaluation?{DAY}&values=own").json(), "IND02", 2020) == "cannot_judge"
    assert evaluator.get("/api/v1/evaluation/values").status_code == 404
    assert "bureau" not in evaluator.get(f"/api/v1/evaluation/report?{DAY}").text
    assert evaluator.get("/api/v1/tables/indicator_values?id=IND02").status_code == 403
    rows = viewer.get(f"/api/v1/tables/indicator_values?id=IND02&{DAY}").json()["rows"]
    assert "bureau" in {row["origin"] for row in rows}
    exported = viewer.get(f"/api/v1/tables/indicator_values/export?id=IND02&{DAY}&format=csv").text
    assert "'=1+1" in exported
    assert manager("DELETE", "/api/v1/evaluation/values").status_code == 200


def test_what_was_kept_reads_back_as_it_was_given(manager: Caller, served: tuple[Desk, Access]) -> None:
    text = "指标,年份,数值,可信度\nIND07,2024年3月,80.5,中\nIND07,2023,79,高\nIND07,2025-02-10,82,低\n"
    assert manager.post("/api/v1/evaluation/values", files={"file": ("v.csv", text)}).status_code == 201
    room = IndicatorsDesk(served[0], LOCAL)
    first = room.actuals("own", room.catalogue()).observations
    kept = room.values_file.read_bytes()
    assert manager.post("/api/v1/evaluation/values", files={"file": ("v.csv", kept)}).status_code == 201
    again = room.actuals("own", room.catalogue()).observations
    assert [(one.year, round(one.when, 4), one.value, one.confidence) for one in again] == [
        (one.year, round(one.when, 4), one.value, one.confidence) for one in first
    ]
    manager("DELETE", "/api/v1/evaluation/values")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("v.csv", b""),
        ("v.csv", b"indicator,year,value\nIND07,2030,5\nINDXX,2020,abc\n"),
        ("v.csv", b"\x00\x01\x02\xff"),
        ("v.xlsx", b"PK\x03\x04 not a workbook"),
        ("../../values.exe", b"indicator,year,value\nIND07,2020,70\n"),
        ("v.csv", b"indicator,year,value\n" + b"IND07,2020-01,70\n" * 3 + b"IND07,2020-01,71\n"),
        ("v.csv", b"indicator,year,value,series\n" + b"".join(b"IND07,2020,70,s%d\n" % i for i in range(600))),
    ],
)
def test_a_table_that_cannot_be_taken_is_told_and_nothing_is_kept(
    manager: Caller, served: tuple[Desk, Access], name: str, data: bytes
) -> None:
    answer = manager.post("/api/v1/evaluation/values", files={"file": (name, data)})
    assert answer.status_code == 422, answer.text
    assert answer.json()["what"]
    assert not (served[0].path / "programme" / "values.csv").exists()


def test_faults_are_told_row_by_row(manager: Caller) -> None:
    data = b"indicator,year,value\nIND07,2030,5\nINDXX,2020,abc\n"
    faults = manager.post("/api/v1/evaluation/values", files={"file": ("v.csv", data)}).json()["faults"]
    assert [one["where"] for one in faults] == ["v.csv, row 2", "v.csv, row 3", "v.csv, row 3"]


def test_own_definitions_are_checked_by_place_before_they_are_kept(manager: Caller, viewer: Caller) -> None:
    wrong = EXAMPLE.replace("direction: decrease", "direction: sideways").replace("products_made", "products_maid")
    assert viewer("PUT", "/api/v1/evaluation/definitions", json={"text": EXAMPLE}).status_code == 403
    answer = manager("PUT", "/api/v1/evaluation/definitions", json={"text": wrong})
    assert answer.status_code == 422
    assert "definitions.yaml, indicators 1 (PARK.scrap)" in answer.json()["where"]
    told = manager("PUT", "/api/v1/evaluation/definitions", json={"text": EXAMPLE})
    assert told.json()["indicators"] == ["PARK.scrap"]
    assert viewer.get("/api/v1/evaluation/definitions").json()["text"] == EXAMPLE
    assert "PARK.scrap" in viewer.get("/api/v1/indicators").json()["versions"]
    assert manager("PUT", "/api/v1/evaluation/definitions", json={"text": ""}).status_code == 200
    assert "PARK.scrap" not in viewer.get("/api/v1/indicators").json()["versions"]


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: [*x, *x]",
        "!!python/object/apply:os.system ['true']",
        "[" * 500 + "]" * 500,
        "indicators: {a: 1}",
        "indicators: [1, 2]",
        "just text",
        "\x00",
    ],
)
def test_hostile_definitions_do_nothing(manager: Caller, text: str) -> None:
    answer = manager("PUT", "/api/v1/evaluation/definitions", json={"text": text})
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


def test_a_target_is_adjusted_with_its_effect_shown_and_recorded_in_the_journal(
    manager: Caller, viewer: Caller, served: tuple[Desk, Access]
) -> None:
    wanted = {"year": 2025, "value": -28, "reason": "energy mix"}
    before = viewer.post("/api/v1/indicators/IND09/effect", json=wanted).json()
    assert (before["before"]["state"], before["after"]["state"], before["eased"]) == ("off_track", "at_risk", True)
    assert viewer.post("/api/v1/indicators/IND09/target", json=wanted).status_code == 403
    assert manager.post("/api/v1/indicators/IND09/target", json={**wanted, "reason": " "}).status_code == 422
    assert manager.post("/api/v1/indicators/IND09/target", json={**wanted, "value": "NaN"}).status_code == 422
    assert manager.post("/api/v1/indicators/IND09/target", json=wanted).status_code == 201
    one = viewer.get("/api/v1/indicators/IND09").json()
    assert [each["version"] for each in one["definitions"]] == [1, 2]
    target = next(
        each for each in one["definitions"][-1]["targets"] if each["year"] == 2025 and each["target_set"] == "plan2025"
    )
    assert target["value"] == -28
    fact = viewer.get(f"/api/v1/facts/{one['adjusted'][0]['fact']}").json()
    assert "energy mix" in str(fact)
    assert one["adjusted"][0]["by"] == "the-manager"
    # as known on an earlier day it had not been decided
    earlier = viewer.get(f"/api/v1/indicators/IND09?{DAY}").json()
    assert len(earlier["definitions"]) == 1
    assert served[0].journal.verify().ok


def test_a_report_verifies_and_a_changed_one_does_not(viewer: Caller) -> None:
    text = viewer.get(f"/api/v1/evaluation/report?{DAY}&target_set=plan2025&lang=en&issuer=Bureau").text
    assert "Bureau" in text
    good = viewer.post("/api/v1/evaluation/verify", files={"file": ("r.html", text)})
    assert good.json()["verified"], good.text
    changed = text.replace("off track", "on track", 1)
    assert viewer.post("/api/v1/evaluation/verify", files={"file": ("r.html", changed)}).json()["code"] == "tampered"
    assert viewer.post("/api/v1/evaluation/verify", files={"file": ("r.html", "<p>")}).json()["code"] == "no_frozen"


def test_asking_by_day_can_leave_out_what_came_later() -> None:
    assert Asked.of({"as_of": "2024", "include_unverified": "true"}).unverified
    assert Asked.of({"as_of": "2024"}).as_of.isoformat() == "2024-12-31"


def test_a_broken_file_of_definitions_is_told_and_can_be_mended(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "workspace")
    try:
        local = Caller(build(desk, None, Settings(local=True)))
        file = desk.path / "programme" / "definitions.yaml"
        file.parent.mkdir()
        file.write_text("indicators: 5", encoding="utf-8")
        assert local.get("/api/v1/evaluation").status_code == 422
        assert local("PUT", "/api/v1/evaluation/definitions", json={"text": EXAMPLE}).status_code == 200
        assert local.get("/api/v1/indicators").status_code == 200
    finally:
        desk.close()


def test_a_league_and_peers_come_from_a_table_as_from_the_command(manager: Caller, viewer: Caller) -> None:
    table = pl.DataFrame(
        {"id": [f"E{k}" for k in range(30)], "kind": ["a", "b"] * 15, "score": [k * 7 % 30 for k in range(30)]}
    )
    file = {"file": ("u.csv", table.write_csv().encode())}
    answer = manager.post("/api/v1/panel/peers", data={"value": "score", "unit": "E7", "within": "kind"}, files=file)
    assert answer.status_code == 200, answer.text
    assert answer.json() == json.loads(json.dumps(peers_answer(table, value="score", unit="E7", within=["kind"])))
    assert {int(peer["unit"][1:]) % 2 for peer in answer.json()["unit"]["peers"]} == {1}
    assert viewer.post("/api/v1/panel/peers", data={"value": "score"}, files=file).status_code == 403
    bad = manager.post("/api/v1/panel/peers", data={"value": "none"}, files=file)
    assert (bad.status_code // 100, bad.json()["code"]) == (4, "no_column")


def test_a_panel_is_designed_and_drawn_as_a_job(manager: Caller, viewer: Caller) -> None:
    rows = "\n".join(f"E{i},{13 + i % 5},{11 + i % 3},{'LMSX'[i % 4]},{1000 + 37 * (i % 91)}" for i in range(600))
    frame = f"id,industry,region,size,revenue_cny\n{rows}\n"
    assert viewer.post("/api/v1/panel", files={"file": ("f.csv", frame)}).status_code == 403
    both = manager.post("/api/v1/panel", files={"file": ("f.csv", frame)}, data={"n": "100", "cv": "5"})
    assert both.json()["code"] == "n_and_cv"
    assert manager.post("/api/v1/panel", files={"file": ("f.csv", frame)}, data={"n": "many"}).status_code == 422
    job = manager.post("/api/v1/panel", files={"file": ("f.csv", frame)}, data={"n": "300"}).json()["id"]
    assert finished(manager, job) == "done"
    made = viewer.get("/api/v1/panel").json()["design"]
    assert made["n"] == sum(one["n"] for one in made["strata"]) == 300
    listed = viewer.get(f"/api/v1/jobs/{job}/files/panel").text
    assert listed.count("\n") == 301
    table = viewer.get(f"/api/v1/tables/panel_strata?job={job}&sort=drawn:desc").json()
    assert table["total"] == len(made["strata"])
    told = viewer.get("/api/v1/panel").json()["rotation"]
    rows = viewer.get(f"/api/v1/tables/panel_rotation?job={job}&limit=1000").json()
    waves = [row["wave"] for row in rows["rows"]]
    assert waves.count("leaves") == told["rotated_out"] > 0
    assert waves.count("enters") == told["entered"] == told["rotated_out"]
    assert waves.count("stays") == told["stayed"] == 300 - told["rotated_out"]
    assert told["overlap"] == told["stayed"] / 300
    assert viewer.get(f"/api/v1/jobs/{job}/files/rotation").text.count("\n") == rows["total"] + 1


def test_a_frame_that_cannot_be_used_fails_with_what_where_and_fix(manager: Caller) -> None:
    job = manager.post("/api/v1/panel", files={"file": ("f.csv", "id,industry\nA,13\n")}).json()["id"]
    assert finished(manager, job) == "failed"
    assert manager.get(f"/api/v1/jobs/{job}").json()["fault"]["fix"]


def finished(caller: Caller, job: str) -> str:
    state = "running"
    for _ in range(300):
        state = str(caller.get(f"/api/v1/jobs/{job}").json()["state"])
        if state != "running":
            break
        time.sleep(0.2)
    return state


def test_a_sample_is_estimated_over_the_api_with_small_areas(manager: Caller, viewer: Caller) -> None:
    lines = "".join(f"10,{13 + k // 4},{k % 5 + k // 4}\n" for k in range(40))
    sample = ("s.csv", b"weight,industry,y\n" + lines.encode())
    known = ("a.csv", ("industry,x\n" + "".join(f"{13 + k},{k}\n" for k in range(11))).encode())
    spec = "estimates:\n- {what: mean, of: y, by: [industry]}\n"
    found = manager.post("/api/v1/panel/estimate", files={"file": sample, "areas": known}, data={"spec": spec})
    assert found.status_code == 200, found.text
    rows = found.json()
    assert [row["n"] for row in rows if row["what"] == "mean y, small area"] == [4] * 10 + [0]
    assert rows[0]["domain"] == "" and rows[0]["n"] == 40
    bad = manager.post("/api/v1/panel/estimate", files={"file": sample}, data={"spec": "estimates: []"})
    assert bad.status_code == 422 and bad.json()["code"] == "bad_spec"
    assert viewer.post("/api/v1/panel/estimate", files={"file": sample}, data={"spec": spec}).status_code == 403
