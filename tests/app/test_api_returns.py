"""Returns over REST: from the journal to a published figure by four roles, and nobody gets a cell that is not theirs."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from fastapi import FastAPI

from app.calling import PASSWORD, Caller
from zhizao.app import steps
from zhizao.app.access import Access, Role
from zhizao.app.desk import Desk
from zhizao.app.facts import import_facts
from zhizao.app.http.application import Settings, build
from zhizao.app.http.catalogue import TABLES
from zhizao.app.returns_desk import ReturnsDesk
from zhizao.clock import now
from zhizao.programme.items import items
from zhizao.programme.returns import Actor
from zhizao.record import Workspace
from zhizao.testing.sample import ENTERPRISE, generate

API = "/api/v1/returns"
OWN, OTHER, MONTH = ENTERPRISE, "EX-02", "2025-03"
PEOPLE = {
    "zhao": (Role.REPORTER, OWN),
    "qian": (Role.REPORTER, OTHER),
    "sun": (Role.REVIEWER, "GD-P1"),
    "li": (Role.MANAGER, "GD-P1"),
    "zhou": (Role.MANAGER, "GD"),
    "wu": (Role.MANAGER, "CN"),
    "zheng": (Role.REVIEWER, "GD-P2"),
    "wang": (Role.EVALUATOR, ""),
    "feng": (Role.EVALUATOR, "GD-P2"),
    "chen": (Role.VIEWER, ""),
    "chu": (Role.MANAGER, ""),
    "wei": (Role.ADMIN, ""),
}
FULL: dict[str, float | None] = {**dict.fromkeys(items(), 1.0), "assets_cny": 2.0}
"""Figures that keep every hard rule."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of the sample plant, with a second enterprise in another park."""
    source, folder = tmp_path_factory.mktemp("sample"), tmp_path_factory.mktemp("made") / "plant"
    generate(source, weeks=5, seed=3)
    folder.mkdir()
    shutil.copy(source / "plant.yaml", folder)
    tree = yaml.safe_load((source / "units.yaml").read_text(encoding="utf-8"))
    tree["units"]["GD-P2"] = {"level": "county", "zh": "第二园区", "en": "second park", "parent": "GD"}
    tree["units"][OTHER] = {"level": "enterprise", "zh": "乙厂", "en": "plant two", "parent": "GD-P2"}
    (folder / "units.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    with Workspace.open(folder) as place:
        steps.import_records(place, source / "records.csv")
        for name in ("meters.csv", "accounts.csv"):
            import_facts(place, source / name, now=now())
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
    folder = tmp_path / "plant"
    shutil.copytree(made, folder)
    desk = Desk(folder)
    yield desk
    desk.close()


@pytest.fixture
def served(place: Desk, staff: Access) -> FastAPI:
    return build(place, staff)


@pytest.fixture
def by(served: FastAPI) -> Callable[[str], Caller]:
    callers: dict[str, Caller] = {}

    def sign_in(name: str) -> Caller:
        if name not in callers:
            callers[name] = Caller(served).sign_in(name)
        return callers[name]

    return sign_in


def good(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def one(enterprise: str = OWN, month: str = MONTH, what: str = "") -> str:
    return f"{API}/{enterprise}/{month}{f'/{what}' if what else ''}"


def complete(data: bytes) -> bytes:
    """A form with zeros where it was blank, and a capacity, without which there is no output."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book.active
    assert sheet is not None
    for row in range(6, 46):
        if sheet.cell(row, 5).value is None:
            sheet.cell(row, 5).value = 0
    sheet.cell(6 + list(items()).index("capacity_cny"), 5).value = 2_000_000
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_return_goes_from_the_journal_through_refusal_and_correction_to_publication(
    by: Callable[[str], Caller], place: Desk
) -> None:
    zhao, sun, wang = by("zhao"), by("sun"), by("wang")
    filled = good(zhao.get(one(what="filled") + "?lang=zh"))
    assert filled["filled"] == 31
    lines = {line["key"]: line for line in filled["lines"]}
    assert lines["electricity_kwh"]["events"] == 29 and lines["electricity_kwh"]["kinds"] == ["metered"]
    assert lines["coal_t"]["status"] == "left" and "表计" in lines["coal_t"]["formula"]

    blank = zhao.get(one(what="form")).content
    answer = zhao.post(one(what="form"), files={"file": ("mine.xlsx", blank)})
    assert answer.status_code == 422
    assert {fault["code"] for fault in answer.json()["faults"]} == {"blank"}
    assert answer.json()["faults"][0]["where"].startswith("mine.xlsx, Return 报表!E")

    first = good(zhao.post(one(what="form"), files={"file": ("mine.xlsx", complete(blank))}))
    assert (first["state"], first["waits_for"], first["level"], first["late"]) == ("submitted", "GD-P1", "county", True)
    sources = first["versions"][0]["sources"]
    assert sources["electricity_kwh"]["first"] == lines["electricity_kwh"]["first"]
    assert sources["coal_t"] == {"kinds": ["person"], "journal": None}

    refused = good(sun.post(one(what="refuse"), json={"lines": {"water_m3": "read the meter again"}}))
    assert (refused["state"], refused["waits_for"]) == ("refused", OWN)
    again = zhao.get(one(what="form")).content
    sheet = openpyxl.load_workbook(io.BytesIO(again)).active
    assert sheet is not None
    assert "read the meter again" in {sheet.cell(row, 7).value for row in range(6, 46)}

    unreasoned = zhao.post(one(what="form"), files={"file": ("b.xlsx", again)})
    assert (unreasoned.status_code, unreasoned.json()["code"]) == (409, "no_reason")
    values = {**refused["versions"][0]["values"], "water_m3": 119.5}
    fixed = good(zhao.post(one(what="correct"), json={"values": values, "reason": "water meter read again"}))
    assert [version["number"] for version in fixed["versions"]] == [1, 2]
    assert fixed["versions"][1]["sources"]["water_m3"]["kinds"] == ["person"]

    for name, unit in (("li", "GD"), ("zhou", "CN"), ("wu", "CN")):
        assert wang.get(one()).json()["code"] == "no_return"
        told = good(by(name).post(one(what="approve"), json={}))
        assert told["waits_for"] == unit
    assert good(by("wu").post(one(what="publish"), json={}))["state"] == "published"

    public = good(wang.get(one()))
    assert (public["state"], public["period"], public["figures"]) == ("published", MONTH, False)
    assert (public["history"], public["by"], public["versions"]) == ([], "", [])
    assert "119.5" not in wang.get(one()).text
    assert good(zhao.get(one()))["versions"][1]["values"]["water_m3"] == 119.5
    steps_done = [(done["kind"], done["by"], done["unit"]) for done in good(zhao.get(one()))["history"]]
    assert steps_done == [
        ("submit", "zhao", OWN),
        ("refuse", "sun", "GD-P1"),
        ("correct", "zhao", OWN),
        ("approve", "li", "GD-P1"),
        ("approve", "zhou", "GD"),
        ("approve", "wu", "CN"),
        ("publish", "wu", "CN"),
    ]
    assert place.journal.verify().ok
    trail = [(line["name"], line["what"]) for line in by("wei").get("/api/v1/audit").json()]
    assert ("sun", "return refuse") in trail and ("wu", "return publish") in trail

    reopened = good(by("li").post(one(what="reopen"), json={"reason": "the price was wrong"}))
    assert (reopened["state"], reopened["published_version"]) == ("reopened", 2)
    assert good(wang.get(one()))["state"] == "published"


def test_the_return_is_given_as_it_was_known_earlier(by: Callable[[str], Caller]) -> None:
    zhao = by("zhao")
    first = good(zhao.post(one(what="submit"), json={"values": FULL}))
    time = now().isoformat()
    good(zhao.post(one(what="withdraw"), json={"reason": "one line is missing"}))
    then = good(zhao.get(one(), params={"as_of": time}))
    assert (then["state"], then["steps_taken"]) == ("submitted", 1)
    assert (good(zhao.get(one()))["state"], first["state"]) == ("withdrawn", "submitted")


def test_a_list_is_filtered_by_state_level_deadline_and_whose_turn_it_is(by: Callable[[str], Caller]) -> None:
    good(by("zhao").post(one(what="submit"), json={"values": FULL}))
    wu = by("wu")

    def listed(**asked: Any) -> list[tuple[str, str]]:
        found = good(wu.get(API, params=asked))
        assert found["total"] == len(found["rows"])
        return [(row["enterprise"], row["period"]) for row in found["rows"]]

    assert (OTHER, MONTH) in listed() and (OWN, MONTH) in listed()
    assert listed(state="submitted") == listed(level="county") == [(OWN, MONTH)]
    assert listed(period=MONTH, state="open") == [(OTHER, MONTH)]
    assert listed(period=MONTH, unit="GD-P2") == [(OTHER, MONTH)]
    assert listed(period=MONTH, due_before="2025-04-09T00:00:00Z") == [(OTHER, MONTH)]
    assert listed(period=MONTH, overdue="false") == []
    mine = good(by("li").get(API, params={"mine": "true"}))["rows"]
    assert [(row["enterprise"], row["steps"]) for row in mine] == [(OWN, ["approve", "refuse"])]
    for asked in ({"state": "lost"}, {"level": "galaxy"}, {"period": "June"}, {"unit": "nowhere"}):
        assert wu.get(API, params=asked).status_code in (404, 422), asked


def test_everybody_is_reminded_of_what_concerns_them(by: Callable[[str], Caller]) -> None:
    good(by("zhao").post(one(what="submit"), json={"values": FULL}))
    asked = {"period": MONTH}
    park = good(by("li").get(f"{API}/reminders", params=asked))
    assert [(line["unit"], line["what"], line["state"]) for line in park] == [("GD-P1", "review", "overdue")]
    assert {line["enterprise"] for line in good(by("wu").get(f"{API}/reminders", params=asked))} == {OWN, OTHER}
    assert [line["what"] for line in good(by("qian").get(f"{API}/reminders", params=asked))] == ["submit"]
    assert good(by("wang").get(f"{API}/reminders", params=asked)) == []


def test_whoever_acts_on_an_older_state_is_told(by: Callable[[str], Caller]) -> None:
    seen = good(by("zhao").post(one(what="submit"), json={"values": FULL}))["steps_taken"]
    good(by("zhao").post(one(what="withdraw"), json={"expect": seen}))
    answer = by("li").post(one(what="approve"), json={"expect": seen})
    assert (answer.status_code, answer.json()["code"]) == (409, "moved_on")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"values": {**FULL, "water_m3": -1}}, 422, "faults_found"),
        ({"values": {**FULL, "gold_t": 1}}, 422, "faults_found"),
        ({"values": {}}, 422, "faults_found"),
        ({"values": {"water_m3": "a lot"}}, 422, "bad_request"),
        ({"values": FULL, "reason": "x" * 3000}, 422, "bad_request"),
    ],
)
def test_figures_that_cannot_be_taken_are_refused(
    by: Callable[[str], Caller], body: dict[str, Any], status: int, code: str
) -> None:
    answer = by("zhao").post(one(what="submit"), json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert good(by("zhao").get(one()))["state"] == "open"


WRONG = {**FULL, "products_defective": 3.0, "receivables_cny": 9.0}
"""More defective pieces than made, and more receivables than assets."""


def test_failed_hard_rules_hold_a_return_back_from_a_program_as_from_the_page(by: Callable[[str], Caller]) -> None:
    zhao = by("zhao")
    answer = zhao.post(one(what="submit"), json={"values": WRONG})
    assert (answer.status_code, answer.json()["code"]) == (422, "faults_found")
    faults = {fault["what"].split(":")[0]: fault for fault in answer.json()["faults"]}
    assert set(faults) == {"BAL-DEFECT", "BAL-RECEIVABLE"}
    told = faults["BAL-DEFECT"]
    assert told["code"] == "hard_rule"
    assert set(told["where"].split(", ")) == {"products_defective", "products_made"}
    assert "more defective pieces than made" in told["what"]
    assert "不合格品多于产量" in told["what"]
    assert "note" in told["fix"]
    assert good(zhao.get(one()))["state"] == "open"

    # what a person explains is left to the reviewer; what is not, is named alone
    notes = {"products_made": "a batch of last month came back"}
    answer = zhao.post(one(what="submit"), json={"values": WRONG, "notes": notes})
    assert [fault["what"].split(":")[0] for fault in answer.json()["faults"]] == ["BAL-RECEIVABLE"]
    notes["assets_cny"] = "valued anew next month"
    assert good(zhao.post(one(what="submit"), json={"values": WRONG, "notes": notes}))["state"] == "submitted"


def test_failed_hard_rules_hold_a_form_and_a_correction_back(by: Callable[[str], Caller]) -> None:
    zhao, path = by("zhao"), one(what="form")
    book = openpyxl.load_workbook(io.BytesIO(complete(zhao.get(path).content)))
    sheet = book.active
    assert sheet is not None
    sheet.cell(6 + list(items()).index("products_defective"), 5).value = 1e9
    out = io.BytesIO()
    book.save(out)
    answer = zhao.post(path, files={"file": ("mine.xlsx", out.getvalue())})
    assert (answer.status_code, answer.json()["code"]) == (422, "faults_found")
    assert [fault["code"] for fault in answer.json()["faults"]] == ["hard_rule"]
    assert answer.json()["faults"][0]["what"].startswith("BAL-DEFECT")

    good(zhao.post(one(what="submit"), json={"values": FULL}))
    good(by("sun").post(one(what="refuse"), json={"reason": "look again"}))
    answer = zhao.post(one(what="correct"), json={"values": WRONG, "reason": "looked"})
    assert (answer.status_code, answer.json()["faults"][0]["code"]) == (422, "hard_rule")
    assert good(zhao.get(one()))["state"] == "refused"


def test_a_month_that_has_not_ended_is_not_submitted(by: Callable[[str], Caller]) -> None:
    answer = by("zhao").post(one(month="2099-01", what="submit"), json={"values": FULL})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_early")


def test_the_form_of_another_return_is_refused(by: Callable[[str], Caller]) -> None:
    data = complete(by("zhao").get(one(month="2025-04", what="form")).content)
    answer = by("zhao").post(one(what="form"), files={"file": ("x.xlsx", data)})
    assert (answer.status_code, answer.json()["code"]) == (422, "other_form")
    answer = by("zhao").post(one(what="form"), files={"file": ("x.xlsx", b"no workbook")})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_workbook")


def test_an_enterprise_without_a_journal_here_fills_its_form_by_hand(by: Callable[[str], Caller]) -> None:
    assert by("qian").get(one(OTHER, what="filled")).json()["code"] == "not_own"
    sheet = openpyxl.load_workbook(io.BytesIO(by("qian").get(one(OTHER, what="form")).content)).active
    assert sheet is not None and {sheet.cell(row, 5).value for row in range(6, 46)} == {None}


def test_with_local_the_one_person_does_not_approve_what_they_submitted(place: Desk) -> None:
    caller = Caller(build(place, None, Settings(local=True)))
    good(caller.post(one(what="submit"), json={"values": FULL}))
    assert caller.post(one(what="approve"), json={}).json()["code"] == "four_eyes"


def test_a_person_is_given_role_and_unit_by_an_admin(by: Callable[[str], Caller], served: FastAPI) -> None:
    wei = by("wei")
    new = {"name": "jiang", "password": PASSWORD, "role": "reporter", "unit": OWN}
    assert wei.post("/api/v1/people", json=new).status_code == 201
    jiang = Caller(served).sign_in("jiang")
    assert good(jiang.get("/api/v1/session"))["unit"] == OWN
    good(jiang.get(one()))
    assert wei("PATCH", "/api/v1/people/jiang", json={"unit": OTHER}).status_code == 200
    assert jiang.get(one()).status_code == 403
    assert jiang.post("/api/v1/me/password", json={"old": PASSWORD, "new": "green lathe eight"}).status_code == 200


# ---------------------------------------------------------------- nobody gets a cell that is not theirs

SECRETS = {
    "own": 9876543211.25,  # in the return of the plant, not published
    "other": 8765432122.5,  # in the return of the other enterprise, not published
    "public": 7654321133.75,  # in a return of the plant that is published
    "refused": 6543210144.25,  # in a version of it that was refused before
    "book": 5432101155.5,  # in an account of the plant
}
SEES = {
    "zhao": {"own", "public", "refused", "book"},
    "qian": {"other"},
    "sun": {"own", "public", "refused"},
    "li": {"own", "public", "refused"},
    "zhou": {"own", "other", "public", "refused"},
    "wu": {"own", "other", "public", "refused"},
    "zheng": {"other"},
    "wang": set(),
    "feng": set(),
    "chen": set(),
    "chu": set(),
    "wei": set(SECRETS),
}


def in_secret(desk: Desk, folder: Path) -> None:
    """Returns in every state, with figures that cannot be mistaken."""
    returns, at = ReturnsDesk.of_desk(desk), now()
    zhao, qian = (Actor(name=name, role="reporter", unit=unit) for name, unit in (("zhao", OWN), ("qian", OTHER)))
    above = {unit: Actor(name=f"m-{unit}", role="manager", unit=unit) for unit in ("GD-P1", "GD", "CN")}
    note = {"coal_t": f"note {SECRETS['own']}"}
    returns.submit(zhao, OWN, MONTH, {**FULL, "revenue_cny": SECRETS["own"]}, note, at=at)
    returns.submit(qian, OTHER, MONTH, {**FULL, "revenue_cny": SECRETS["other"]}, at=at)
    early = "2025-02"
    returns.submit(zhao, OWN, early, {**FULL, "revenue_cny": SECRETS["refused"]}, at=at)
    returns.refuse(above["GD-P1"], OWN, early, at=at, lines={"revenue_cny": f"is {SECRETS['refused']} right?"})
    returns.submit(zhao, OWN, early, {**FULL, "revenue_cny": SECRETS["public"]}, at=at, reason="typed wrong")
    for unit in ("GD-P1", "GD", "CN"):
        returns.approve(above[unit], OWN, early, at=at)
    returns.publish(above["CN"], OWN, early, at=at)
    file = folder / "books.csv"
    file.write_text(f"period,item,value,unit\n{MONTH},capacity_cny,{SECRETS['book']},CNY\n", encoding="utf-8")
    with Workspace.open(desk.path) as place:
        import_facts(place, file, now=now())


def addresses(app: FastAPI, last: int) -> list[str]:
    """Every address that can be read, with whatever could stand in it."""
    tables = sorted(TABLES)
    fits: dict[str, list[str]] = {
        "enterprise": [OWN, OTHER],
        "period": [MONTH, "2025-02"],
        "sequence": [str(number) for number in range(last - 30, last + 1)],
        "number": ["1", "2", "3", "4"],
        "name": [*tables, "report"],
    }
    out: list[str] = []
    for path, methods in app.openapi()["paths"].items():
        if "get" not in methods:
            continue
        made = [path]
        for name, values in fits.items():
            if f"{{{name}}}" in path:
                made = [one.replace(f"{{{name}}}", value) for one in made for value in values]
        made = [one.replace("{job}", "none").replace("{upload}", "none") for one in made]
        if path == API:
            made += [f"{API}?period={MONTH}", f"{API}?state=submitted", f"{API}?unit={OTHER}"]
        if path.endswith("/{enterprise}/{period}"):
            made += [f"{one}?as_of=2099-01-01T00:00:00Z" for one in made]
        if path.endswith("/export"):
            made = [f"{one}?format={kind}&import=1" for one in made for kind in ("csv", "xlsx")]
        if path.endswith("/search"):
            made = [f"{path}?q={word}" for word in (OWN, "revenue", "9876543211")]
        out += made
    return out


def text_of(answer: Any) -> str:
    """What can be read in an answer, also inside a workbook."""
    data: bytes = answer.content
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            data = b"".join(packed.read(name) for name in packed.namelist())
    return data.decode("utf-8", "replace").replace(",", "")


def test_a_role_that_may_not_see_a_cell_gets_it_by_no_route_and_no_export(
    by: Callable[[str], Caller], place: Desk, served: FastAPI, tmp_path: Path
) -> None:
    in_secret(place, tmp_path)
    last = int(place.head().split("-")[0])
    everywhere = addresses(served, last)
    assert len(everywhere) > 100
    for name, may in SEES.items():
        caller, found = by(name), set()
        for address in everywhere:
            theirs = any(part in address for part in ("/returns", "/rollup", "/releases", "/facts/"))
            if name not in ("chen", "chu", "wei") and not theirs:
                continue  # refused before anything is looked up: the next test
            text = text_of(caller.get(address))
            seen = {key for key, value in SECRETS.items() if str(int(value)) in text}
            assert seen <= may, f"{name} sees {seen - may} at {address}"
            found |= seen
        assert found == may, f"{name} should also see {may - found}"


def test_who_belongs_to_no_plant_reads_none_of_its_records(by: Callable[[str], Caller], served: FastAPI) -> None:
    free = {"/api/v1/health", "/api/v1/session", "/api/v1/me/tokens"}
    theirs = (
        "returns",
        "rollup",
        "releases",
        "indicators",
        "evaluation",
    )  # cut by who asks, each with a test of its own
    asked = [one for one in addresses(served, 40) if one.split("?")[0] not in free]
    plain = [one for one in asked if not any(f"/{name}" in one for name in theirs)]
    assert len(plain) >= 40
    for name in ("zhao", "qian", "sun", "li", "wang"):
        for address in plain:
            if name == "wang" and "/warnings" in address:
                continue  # an evaluator's own, see test_api_warnings.py
            answer = by(name).get(address)
            assert (answer.status_code, answer.json()["code"]) == (403, "role"), f"{name}: {address}"


def test_nobody_takes_a_step_that_is_not_theirs_and_learns_nothing_from_trying(
    by: Callable[[str], Caller], place: Desk, tmp_path: Path
) -> None:
    in_secret(place, tmp_path)
    before = place.head()
    bodies: dict[str, Any] = {
        "submit": {"values": FULL},
        "correct": {"values": FULL, "reason": "x"},
        "withdraw": {},
        "refuse": {"reason": "x"},
        "approve": {},
        "publish": {},
        "reopen": {"reason": "x"},
    }
    for name in ("qian", "zheng", "wang", "feng", "chen", "chu"):
        for month in (MONTH, "2025-02"):
            for step, body in bodies.items():
                answer = by(name).post(one(OWN, month, step), json=body)
                assert (answer.status_code, answer.json()["code"]) == (403, "role"), (name, month, step)
                assert not [value for value in SECRETS.values() if str(int(value)) in answer.text]
    assert by("sun").post(one(what="approve"), json={}).status_code == 403
    assert by("zhou").post(one(what="approve"), json={}).status_code == 403  # it is the park's turn
    assert by("li").post(one(what="publish"), json={}).status_code == 403
    assert place.head() == before


def test_a_token_for_returns_sees_no_more_than_its_owner(by: Callable[[str], Caller], served: FastAPI) -> None:
    qian = by("qian")
    secret = good_token(qian)
    bearer = Caller(served, authorization=f"Bearer {secret}")
    assert bearer.get(one(OTHER)).status_code == 200
    assert bearer.get(one(OWN)).status_code == 403
    assert qian.post("/api/v1/me/tokens", json={"label": "sheet", "role": "viewer"}).status_code == 403


def good_token(caller: Caller) -> str:
    answer = caller.post("/api/v1/me/tokens", json={"label": "sheet", "role": "reporter"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])
