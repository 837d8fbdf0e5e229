"""Releases over REST: what is under embargo leaves by no route to nobody whose role is not named."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from fastapi import FastAPI

from app.calling import PASSWORD, Caller
from zhizao.app import releases
from zhizao.app.access import Access, Person, Role
from zhizao.app.desk import Desk
from zhizao.app.http.application import build
from zhizao.app.returns_desk import ReturnsDesk
from zhizao.clock import now
from zhizao.errors import InputError
from zhizao.programme.items import items
from zhizao.programme.release import read_sdmx_csv
from zhizao.programme.returns import Actor
from zhizao.record import Workspace

API = "/api/v1/releases"
MONTH = "2025-03"
SECRET = 987654.25
"""Total of the month's revenue, found nowhere else."""
OUTSIDE = {
    "reader": (Role.EVALUATOR, ""),
    "local": (Role.EVALUATOR, "GD"),
    "minister": (Role.EVALUATOR, "CN"),
    "looker": (Role.VIEWER, ""),
    "worker": (Role.OPERATOR, ""),
    "thinker": (Role.ENGINEER, ""),
    "head": (Role.MANAGER, ""),
}
PEOPLE = {
    **OUTSIDE,
    "boss": (Role.MANAGER, "CN"),
    "province": (Role.MANAGER, "GD"),
    "sun": (Role.REVIEWER, "CN"),
    "rep": (Role.REPORTER, "E00"),
    "root": (Role.ADMIN, ""),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which twelve enterprises have published the month: one region with four, one with eight, two of
    them alone in their industry."""
    folder = tmp_path_factory.mktemp("released") / "place"
    folder.mkdir()
    units: dict[str, Any] = {"CN": {"level": "nation", "zh": "全国", "en": "nation"}}
    for code, zh, en in (("GD", "广东", "Guangdong"), ("JS", "江苏", "Jiangsu")):
        units[code] = {"level": "province", "zh": zh, "en": en, "parent": "CN"}
    for n in range(12):
        at, region = ("GD", "44") if n < 4 else ("JS", "32")
        units[f"E{n:02d}"] = {"level": "enterprise", "zh": f"厂{n}", "en": f"plant {n}", "parent": at, "region": region,
                              "industry": "34" if n in (4, 5) else "36", "size": "M"}  # fmt: skip
    (folder / "units.yaml").write_text(yaml.safe_dump({"units": units}, allow_unicode=True), encoding="utf-8")
    at = now()
    with Workspace.open(folder) as place:
        desk = ReturnsDesk.of_workspace(place)
        for n, name in enumerate(desk.tree.enterprises()):
            values: dict[str, float | None] = {**dict.fromkeys(items(), 1.0), "assets_cny": 2.0}
            values["revenue_cny"] = 80_000.0 + n if n else SECRET - sum(80_000.0 + k for k in range(1, 12))
            desk.submit(Actor(name="r", role="reporter", unit=name), name, MONTH, values, at=at)
            for who in ("a", "b"):
                desk.approve(Actor(name=who, role="admin"), name, MONTH, at=at)
            desk.publish(Actor(name="c", role="admin"), name, MONTH, at=at)
    return folder


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    access = Access(tmp_path_factory.mktemp("staff") / "people.db")
    for name, (role, unit) in PEOPLE.items():
        access.add(name, PASSWORD, role, unit)
    yield access
    access.close()


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(Path(shutil.copytree(made, tmp_path / "place")))
    yield desk
    desk.close()


@pytest.fixture
def served(place: Desk, staff: Access) -> FastAPI:
    return build(place, staff)


@pytest.fixture(scope="module")
def by(staff: Access) -> Callable[[FastAPI, str], Caller]:
    kept: dict[str, Caller] = {}

    def sign_in(app: FastAPI, name: str) -> Caller:
        if name not in kept:
            kept[name] = Caller(app).sign_in(name)
        kept[name].app = app
        return kept[name]

    return sign_in


By = Callable[[FastAPI, str], Caller]


def plan(hours: float, **more: Any) -> dict[str, Any]:
    at = (now() + timedelta(hours=hours)).isoformat()
    return {"source": "rollup", "period": MONTH, "at": at, "zh": "三月汇总", "en": "March returns", "items": ["revenue_cny"], **more}  # fmt: skip


def put(app: FastAPI, by: By, name: str = "MARCH", who: str = "boss", **more: Any) -> Any:
    return by(app, who)("PUT", f"{API}/{name}", json=plan(**more))


def test_a_release_before_its_time_gives_no_figure_to_anybody_not_named(served: FastAPI, by: By) -> None:
    assert put(served, by, hours=5, early_roles=["reviewer"], early_hours=24).status_code == 200
    for name in PEOPLE:
        for kind in ("json", "csv", "xlsx"):
            answer = by(served, name).get(f"{API}/MARCH/data?format={kind}")
            if name == "sun":
                assert answer.status_code == 200
                continue
            assert answer.status_code == 403, (name, kind)
            assert answer.json()["code"] == "embargo"


def test_early_is_only_as_early_as_it_is_said(served: FastAPI, by: By) -> None:
    put(served, by, hours=5, early_roles=["reviewer"], early_hours=4)
    answer = by(served, "sun").get(f"{API}/MARCH/data")
    assert answer.status_code == 403
    assert by(served, "sun").get(API).json()["rows"][0]["may_see"] is False


def test_no_route_tells_the_month_to_those_outside_until_it_is_released(served: FastAPI, by: By) -> None:
    """Every GET route is asked, as every role that has no part in making the figures, with the month filled in."""
    put(served, by, hours=5)
    paths = [path for path, ways in served.openapi()["paths"].items() if "get" in ways]
    assert len(paths) > 40
    # the boss sees what is looked for, so the search would find it
    assert "80001" in by(served, "boss").get(f"/api/v1/returns/E01/{MONTH}").text
    for name in OUTSIDE:
        for path in paths:
            for format in ("", "csv", "xlsx"):
                address = path.format_map(_Filled()) + (f"?format={format}" if format else "")
                if ("releases" in path or not format) and "{job}" not in path:
                    said = _words(by(served, name).get(address))
                    assert not any(one in said for one in ("80001", "987654", "160009", "80,001", "987,654")), (
                        name,
                        address,
                    )


def test_what_is_held_back_in_the_returns_desk_is_there_after_the_release(served: FastAPI, by: By, place: Desk) -> None:
    put(served, by, hours=5)
    reader = by(served, "reader")
    assert reader.get(f"/api/v1/returns?period={MONTH}").json()["total"] == 0
    assert reader.get(f"/api/v1/returns/E01/{MONTH}").status_code == 404
    assert by(served, "rep").get(f"/api/v1/returns/E00/{MONTH}").status_code == 200
    by(served, "boss")("DELETE", f"{API}/MARCH")
    put(served, by, hours=-1)
    assert reader.get(f"/api/v1/returns?period={MONTH}").json()["total"] == 12
    assert reader.get(f"/api/v1/returns/E01/{MONTH}").json()["state"] == "published"
    assert "80001" not in reader.get(f"/api/v1/returns/E01/{MONTH}").text


def test_the_roll_up_of_a_month_waits_for_its_release(served: FastAPI, by: By) -> None:
    put(served, by, hours=5)
    for name in OUTSIDE:
        caller = by(served, name)
        assert caller.get("/api/v1/rollup/periods").json() == []
        for path in (f"/api/v1/rollup?period={MONTH}", f"/api/v1/rollup/table?period={MONTH}&format=csv"):
            answer = caller.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "embargo"), (name, path)
        # nor beside the same month of the year after
        later = caller.get("/api/v1/rollup?period=2026-03")
        assert later.json()["before"]["value"] is None
    assert by(served, "boss").get(f"/api/v1/rollup?period={MONTH}").status_code == 200
    by(served, "boss")("DELETE", f"{API}/MARCH")
    put(served, by, hours=-1)
    assert by(served, "reader").get("/api/v1/rollup/periods").json() == [MONTH]


def test_a_release_withholds_what_the_roll_up_of_the_same_returns_withholds(served: FastAPI, by: By) -> None:
    put(served, by, hours=-1, items=["revenue_cny", "employees", "energy_tce"])
    reader = by(served, "reader")
    released = reader.get(f"{API}/MARCH/data").json()["rows"]
    told = {(row["ITEM"], row["REF_AREA"], row["ACTIVITY"]) for row in released if row["OBS_VALUE"] not in (None, "")}
    rolled = reader.get(f"/api/v1/rollup/table?indicator=IND01&period={MONTH}").json()["rows"]
    open_ = {(row["region"] or "_T", row["industry"] or "_T") for row in rolled if row["numerator"] is not None}
    assert told
    assert {(area, activity) for _, area, activity in told} <= open_


def test_a_released_roll_up_reads_back_and_withholds_what_would_tell_of_one_enterprise(served: FastAPI, by: By) -> None:
    put(served, by, hours=-1)
    answer = by(served, "reader").get(f"{API}/MARCH/data?format=csv")
    assert "sdmx.data+csv" in answer.headers["content-type"]
    message = read_sdmx_csv(answer.text)
    assert message.structure_id == "ZHIZAO:ROLLUP(1.0.0)"
    cells = {(row["REF_AREA"], row["ACTIVITY"]): row for row in message.frame.to_dicts()}
    assert cells["_T", "_T"]["OBS_VALUE"] == SECRET
    assert cells["_T", "_T"]["ENTERPRISES"] == "12"
    # two enterprises alone in industry 34, both in one region: neither their cell nor what gives it away
    for area in ("_T", "32"):
        assert cells[area, "34"]["OBS_VALUE"] is None
        assert cells[area, "34"]["OBS_STATUS"] == "Q"
        assert cells[area, "34"]["ENTERPRISES"] is None
        assert cells[area, "36"]["OBS_VALUE"] is None
    told = by(served, "reader").get(f"{API}/MARCH/data").json()
    assert {"definition_version", "vintage", "released"} <= set(told)
    book = openpyxl.load_workbook(io.BytesIO(by(served, "reader").get(f"{API}/MARCH/data?format=xlsx&lang=zh").content))
    assert book.sheetnames == ["数据", "说明", "代码"]


def test_what_was_released_stays_as_it_was_when_a_return_is_corrected(served: FastAPI, by: By, place: Desk) -> None:
    put(served, by, hours=-1)
    before = by(served, "reader").get(f"{API}/MARCH/data").json()["rows"]
    desk, at = ReturnsDesk.of_desk(place), now()
    admin = [Actor(name=name, role="admin") for name in "abc"]
    desk.reopen(admin[0], "E11", MONTH, at=at, reason="wrong")
    values = {**dict.fromkeys(items(), 1.0), "assets_cny": 2.0, "revenue_cny": 500_000.0}
    desk.submit(Actor(name="r", role="manager", unit="E11"), "E11", MONTH, values, at=at, reason="mended")
    for who in admin[:2]:
        desk.approve(who, "E11", MONTH, at=at)
    desk.publish(admin[2], "E11", MONTH, at=at)
    assert by(served, "reader").get(f"{API}/MARCH/data").json()["rows"] == before


@pytest.mark.parametrize("name", ["reader", "looker", "thinker", "province", "sun", "rep"])
def test_only_a_manager_of_the_top_or_of_the_plant_or_an_admin_keeps_the_calendar(
    served: FastAPI, by: By, name: str
) -> None:
    put(served, by, hours=5)
    caller = by(served, name)
    assert caller("PUT", f"{API}/OTHER", json=plan(1, period="2025-04")).status_code == 403
    assert caller("PUT", f"{API}/MARCH", json=plan(-1)).status_code == 403
    assert caller.post(f"{API}/MARCH/withdraw", json={"reason": "no"}).status_code == 403
    assert caller("DELETE", f"{API}/MARCH").status_code == 403
    assert by(served, "root").get(API).json()["rows"][0]["state"] == "embargo"


def test_what_is_withdrawn_is_seen_by_nobody_and_says_why(served: FastAPI, by: By) -> None:
    put(served, by, hours=-1)
    assert by(served, "boss").post(f"{API}/MARCH/withdraw", json={}).status_code == 422
    told = by(served, "boss").post(f"{API}/MARCH/withdraw", json={"reason": "a plant counted twice"}).json()
    assert told["state"] == "withdrawn"
    for name in PEOPLE:
        answer = by(served, name).get(f"{API}/MARCH/data")
        assert answer.status_code == 409
        assert "a plant counted twice" in answer.json()["what"]
    assert put(served, by, hours=5).json()["code"] == "released"


def test_withdrawing_before_the_time_does_not_open_the_month(served: FastAPI, by: By) -> None:
    put(served, by, hours=5)
    by(served, "boss").post(f"{API}/MARCH/withdraw", json={"reason": "later"})
    assert by(served, "reader").get(f"/api/v1/returns?period={MONTH}").json()["total"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"period": "2025"},
        {"period": "2025-13"},
        {"items": ["profit_cny"]},
        {"items": ["nothing"]},
        {"early_roles": ["minister"]},
        {"zh": ""},
        {"at": "soon"},
        {"early_hours": 9999},
    ],
)
def test_a_plan_that_cannot_be_is_refused_and_changes_nothing(
    served: FastAPI, by: By, place: Desk, wrong: dict[str, Any]
) -> None:
    answer = by(served, "boss")("PUT", f"{API}/MARCH", json={**plan(5), **wrong})
    assert answer.status_code == 422
    assert answer.json()["what"]
    assert releases.calendar(place.path) == []


def test_two_releases_of_one_month_are_refused(served: FastAPI, by: By) -> None:
    put(served, by, hours=5)
    assert put(served, by, "AGAIN", hours=6).status_code == 422


def test_a_calendar_that_cannot_be_read_holds_everything_back(served: FastAPI, by: By, place: Desk) -> None:
    put(served, by, hours=-1)
    (place.path / releases.FILE).write_text("releases: [{id: MARCH, source: rollup}]", encoding="utf-8")
    assert by(served, "reader").get(f"{API}/MARCH/data").status_code == 422
    assert by(served, "reader").get(f"/api/v1/returns?period={MONTH}").json()["total"] == 0
    with pytest.raises(InputError, match="cannot be read"):
        releases.calendar(place.path)


def test_indicators_are_released_with_definition_and_source(served: FastAPI, by: By) -> None:
    assert put(served, by, "PLAN-2020", hours=-1, source="indicators", period="2020", items=[]).status_code == 200
    told = by(served, "reader").get(f"{API}/PLAN-2020/data").json()
    assert told["rows"]
    assert all(row["SOURCE"] and "/" in row["DEFINITION"] and row["CONF_STATUS"] == "F" for row in told["rows"])


def test_the_calendar_lists_what_is_due_and_its_file_has_no_figure(served: FastAPI, by: By) -> None:
    put(served, by, hours=5)
    put(served, by, "APRIL", hours=24 * 60, period="2025-04")
    told = by(served, "reader").get(API).json()
    assert [row["id"] for row in told["rows"]] == ["MARCH", "APRIL"]
    assert told["due"] == ["MARCH"]
    text = by(served, "reader").get(f"{API}/calendar?format=csv&lang=zh").content.decode("utf-8-sig")
    assert "三月汇总" in text
    assert "987654" not in text


def test_an_early_look_is_in_the_trail(served: FastAPI, by: By, staff: Access) -> None:
    put(served, by, hours=5, early_roles=["reviewer"])
    by(served, "sun").get(f"{API}/MARCH/data?format=csv")
    text = str(by(served, "root").get("/api/v1/audit").json())
    assert "release seen early" in text


def test_a_page_asks_the_same_door(place: Desk, served: FastAPI, by: By) -> None:
    put(served, by, hours=5)
    person = Person("reader", Role.EVALUATOR)
    assert [one.may_see for one in releases.shown(place, person, now())] == [False]
    with pytest.raises(Exception, match="embargo"):
        releases.dataset_for(place, person, "MARCH", now())


class _Filled(dict[str, str]):
    """What stands for each part of an address."""

    def __missing__(self, key: str) -> str:
        return {"enterprise": "E01", "period": MONTH, "name": "MARCH", "sequence": "2", "number": "1"}.get(key, "1")


def _words(answer: Any) -> str:
    """Text of an answer, of a workbook too."""
    if answer.content[:2] == b"PK":
        book = openpyxl.load_workbook(io.BytesIO(answer.content))
        return " ".join(str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)
    return str(answer.text)
