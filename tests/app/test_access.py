"""People, roles and sessions."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from zhizao.app import access as room
from zhizao.app.access import Access, Person, Right, Role
from zhizao.clock import now
from zhizao.errors import InputError, NotAllowed

GOOD = "blue lathe seven"


@pytest.fixture
def access(tmp_path: Path) -> Iterator[Access]:
    made = Access(tmp_path / "people.db")
    yield made
    made.close()


def test_the_first_admin_gets_a_password_once(access: Access) -> None:
    password = access.first_run()
    assert password is not None
    assert access.sign_in("admin", password).person.role is Role.ADMIN
    assert access.first_run() is None


def test_the_file_holds_no_password_and_no_secret(access: Access, tmp_path: Path) -> None:
    access.add("li", GOOD, Role.ENGINEER)
    session = access.sign_in("li", GOOD)
    token = access.make_token(session.person, "sheet", Role.VIEWER)
    access.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (GOOD, session.secret, token):
        assert secret.encode() not in raw
    assert b"$argon2id$" in raw
    assert stat.S_IMODE((tmp_path / "people.db").stat().st_mode) == 0o600


def test_a_wrong_password_and_an_unknown_name_are_refused_alike(access: Access) -> None:
    access.add("li", GOOD, Role.ENGINEER)
    said = []
    for name in ("li", "nobody"):
        with pytest.raises(NotAllowed) as caught:
            access.sign_in(name, "not the password")
        said.append(caught.value.fault)
    assert said[0] == said[1]


def test_after_five_wrong_tries_even_the_right_password_waits(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    access.add("li", GOOD, Role.ENGINEER)
    for _ in range(room.TRIES_PER_NAME):
        with pytest.raises(NotAllowed):
            access.sign_in("li", "not the password", "10.0.0.9")
    with pytest.raises(NotAllowed) as caught:
        access.sign_in("li", GOOD, "10.0.0.9")
    assert caught.value.fault.code == "locked"
    later = now() + timedelta(seconds=room.LOCK_FIRST_S + 1)
    monkeypatch.setattr(room, "now", lambda: later)
    assert access.sign_in("li", GOOD, "10.0.0.9").person.name == "li"


def test_the_wait_doubles_and_stops_at_a_quarter_of_an_hour(access: Access, tmp_path: Path) -> None:
    keys = [("name:li", room.TRIES_PER_NAME)]
    for _ in range(room.TRIES_PER_NAME + 20):
        access._count_failure(keys)
    until = sqlite3.connect(tmp_path / "people.db").execute("select until from failure").fetchone()[0]
    wait = (room.datetime.fromisoformat(until) - now()).total_seconds()
    assert room.LOCK_LONGEST_S - 60 < wait <= room.LOCK_LONGEST_S


def test_an_idle_session_ends(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    access.add("li", GOOD, Role.VIEWER)
    session = access.sign_in("li", GOOD)
    assert access.session(session.secret) is not None
    later = now() + room.SESSION_IDLE + timedelta(minutes=1)
    monkeypatch.setattr(room, "now", lambda: later)
    assert access.session(session.secret) is None


def test_a_new_password_ends_sessions_and_tokens(access: Access) -> None:
    access.add("li", GOOD, Role.ENGINEER)
    session = access.sign_in("li", GOOD)
    token = access.make_token(session.person, "sheet", Role.VIEWER)
    access.change("li", password="green lathe eight")
    assert access.session(session.secret) is None
    assert access.bearer(token) is None


def test_the_last_admin_stays(access: Access) -> None:
    access.add("wang", GOOD, Role.ADMIN)
    with pytest.raises(NotAllowed):
        access.change("wang", role=Role.VIEWER)
    with pytest.raises(NotAllowed):
        access.change("wang", active=False)


def test_a_token_may_do_no_more_than_its_owner_even_later(access: Access) -> None:
    access.add("li", GOOD, Role.ENGINEER)
    li = Person("li", Role.ENGINEER)
    with pytest.raises(NotAllowed):
        access.make_token(li, "too much", Role.ADMIN)
    token = access.make_token(li, "sheet", Role.ENGINEER)
    access.change("li", role=Role.VIEWER)
    bearer = access.bearer(token)
    assert bearer is not None
    assert bearer.role is Role.VIEWER


@pytest.mark.parametrize("weak", ["short", "passwordpassword", "x" * 300])
def test_a_weak_password_is_refused_with_a_cure(access: Access, weak: str) -> None:
    with pytest.raises(InputError) as caught:
        access.add("li", weak, Role.VIEWER)
    assert caught.value.fault.fix


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.VIEWER, {Right.RETURNS, Right.WARNINGS, Right.READ}),
        (Role.OPERATOR, {Right.RETURNS, Right.WARNINGS, Right.READ, Right.IMPORT}),
        (Role.ENGINEER, {Right.RETURNS, Right.WARNINGS, Right.READ, Right.IMPORT, Right.DECIDE}),
        (Role.MANAGER, {Right.RETURNS, Right.WARNINGS, Right.READ, Right.IMPORT, Right.DECIDE, Right.SETTLE}),
        (Role.ADMIN, set(Right)),
        (Role.REPORTER, {Right.RETURNS}),
        (Role.REVIEWER, {Right.RETURNS}),
        (Role.EVALUATOR, {Right.RETURNS, Right.WARNINGS}),
    ],
)
def test_each_role_may_do_what_it_should(role: Role, rights: set[Right]) -> None:
    assert {right for right in Right if Person("x", role).may(right)} == rights


def test_a_file_of_an_older_version_gains_units_and_keeps_its_people(tmp_path: Path) -> None:
    file = tmp_path / "people.db"
    old = sqlite3.connect(file)
    old.executescript(
        "create table person (name text primary key collate nocase, role text not null, hash text not null, "
        "active integer not null default 1, lang text not null default '', made_at text not null);"
        "insert into person values ('li', 'engineer', 'x', 1, '', '2025-01-01T00:00:00+00:00');"
    )
    old.close()
    for _ in range(2):  # the second opening finds the column there
        made = Access(file)
        assert [(one["name"], one["role"], one["unit"]) for one in made.people()] == [("li", "engineer", "")]
        made.close()


def test_whoever_belongs_to_another_unit_does_not_see_the_plant(access: Access) -> None:
    access.own = "E1"
    for name, unit in (("plant", ""), ("own", "E1"), ("county", "C1")):
        access.add(name, GOOD, Role.MANAGER, unit)
        assert access.sign_in(name, GOOD).person.may(Right.READ) is (unit != "C1")
    access.change("own", unit="E2")
    assert not access.sign_in("own", GOOD).person.may(Right.READ)
    token = access.make_token(access.sign_in("county", GOOD).person, "sheet", Role.VIEWER)
    bearer = access.bearer(token)
    assert bearer is not None and bearer.unit == "C1" and not bearer.may(Right.READ)


def test_a_reporter_hands_out_no_other_role(access: Access) -> None:
    access.add("zhao", GOOD, Role.REPORTER, "E1")
    zhao = access.sign_in("zhao", GOOD).person
    for role in set(Role) - {Role.REPORTER}:
        with pytest.raises(NotAllowed):
            access.make_token(zhao, "sheet", role)
    assert access.bearer(access.make_token(zhao, "sheet", Role.REPORTER)) == zhao


def test_a_unit_that_is_no_id_is_refused(access: Access) -> None:
    with pytest.raises(InputError) as caught:
        access.add("zhao", GOOD, Role.REPORTER, "E1/../E2")
    assert caught.value.fault.code == "no_unit"
