"""A tablet's acts come late, twice and in any number, and are in the journal once, in their order; QR codes hold up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.calling import Caller
from zhizao.app import live_said, qr, tablet
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.errors import InputError
from zhizao.model import Kind, Samples
from zhizao.record import Workspace
from zhizao.record.historian import Historian

S = 10**9
PLANT = """
zone: UTC
machines: {mill 1: {state_map: workshop, cycle_s: 10}}
shifts: {day: {from: "00:00", to: "24:00", weekdays: [1, 2, 3, 4, 5, 6, 7]}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "plant.yaml").write_text(PLANT, encoding="utf-8")
    at = time.time_ns() - 20 * S
    with Historian(tmp_path / "signals", sync=False) as historian:
        told: list[tuple[str, int, Any]] = [
            ("hall/mill 1/state", at - 40 * S, "Executing"),
            ("hall/mill 1/parts", at, 3.0),
        ]
        told += [("hall/mill 1/state", at, "OutOfService")]
        historian.append([("hall", Samples.of([*told, ("hall/mill 1/order", at, "A-7")]), {})])
    return tmp_path


@pytest.fixture
def caller(place: Path) -> Iterator[Caller]:
    yield Caller(build(Desk(place), None, Settings(local=True)))


def said(kind: str, key: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "key": f"key-0000-{key}", "at": datetime.now(UTC).isoformat(), "machine": "mill 1", **more}


def send(caller: Caller, *acts: dict[str, Any]) -> list[dict[str, Any]]:
    answer = caller.post("/api/v1/live/acts", json={"acts": list(acts)})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_acts_that_are_sent_again_are_in_the_journal_once_and_in_order(caller: Caller, place: Path) -> None:
    shown = caller.get("/api/v1/live/tablet", params={"machine": "mill 1"}).json()
    (stop,) = [one for one in shown["machine"]["stops"] if one["was"] == "down"]
    acts = [
        said("stop", "a", begin=stop["begin"], reason="tool"),
        said("pieces", "b", good=5, scrap=1, order="A-7"),
        said("note", "c", text="chips everywhere"),
    ]
    assert [one["state"] for one in send(caller, *acts[:2])] == ["done", "done"]
    assert [one["state"] for one in send(caller, *acts, *acts)] == ["twice", "twice", "done", "twice", "twice", "twice"]
    with Workspace.open(place) as home:
        found = home.journal.events()
        assert [one.kind for one in found] == [Kind.STOP_CLASSIFIED, Kind.PIECES_REPORTED, Kind.SHIFT_NOTED]
        assert found[1].payload == {"order": "A-7", "good": 5, "scrap": 1, "number": 1, "key": "key-0000-b"}
        assert home.journal.verify().ok
    assert tablet.reported(str(place), "mill 1") == {"good": 5, "scrap": 1}
    assert live_said.history(str(place), "mill 1")[0]["reason"] == "tool"


def test_what_somebody_else_said_meanwhile_is_told_and_may_be_said_over(place: Path) -> None:
    shown = tablet.shown(str(place), "mill 1")["machine"]
    begin = shown["stops"][0]["begin"]
    first = tablet.Classified.model_validate(said("stop", "a", begin=begin, reason="tool"))
    second = tablet.Classified.model_validate(said("stop", "b", begin=begin, reason="material"))
    assert tablet.acts(str(place), [first], who="li")[0]["state"] == "done"
    (told,) = tablet.acts(str(place), [second], who="wang")
    assert told["state"] == "conflict" and "li has said" in str(told["error"])
    anyway = second.model_copy(update={"key": "key-0000-c", "anyway": True})
    assert tablet.acts(str(place), [anyway], who="wang")[0]["state"] == "done"
    seen = second.model_copy(update={"key": "key-0000-d", "reason": "tool", "seen": "material"})
    assert tablet.acts(str(place), [seen], who="li")[0]["state"] == "done"
    assert [one["reason"] for one in live_said.history(str(place), "mill 1")] == ["tool", "material", "tool"]


def test_one_act_that_cannot_be_does_not_hold_up_the_others(caller: Caller) -> None:
    late = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    old = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    busy = (datetime.now(UTC) - timedelta(seconds=45)).isoformat()
    states = send(
        caller,
        said("pieces", "a", good=1, at=late),
        said("pieces", "b", good=1, at=old),
        said("pieces", "c"),
        said("pieces", "d", good=1, machine="mill 9"),
        said("pieces", "e", good=1, by="somebody else"),
        said("stop", "f", begin=busy, reason="tool"),
        said("stop", "g", begin=late, reason="no such reason"),
        said("note", "h", text="   "),
        said("pieces", "i", good=2),
        said("pieces", "i", good=3),
    )
    assert [one["state"] for one in states] == ["refused"] * 8 + ["done", "refused"]
    assert [one.get("code") for one in states] == [
        *("bad_clock", "bad_clock", "no_pieces", "no_machine", "other_person", "no_stop", "no_reason", "no_text"),
        *(None, "key_differs"),
    ]
    zh = caller.post(
        "/api/v1/live/acts", json={"acts": [said("pieces", "c")]}, headers={"accept-language": "zh"}
    ).json()
    assert zh[0]["what"] == "没有填写件数"


@pytest.mark.parametrize(
    "bad",
    [
        {"good": -1},
        {"good": 10**9},
        {"good": 0.5},
        {"key": "x"},
        {"key": "../../../etc/passwd"},
        {"machine": ""},
        {"at": "yesterday"},
        {"kind": "order"},
        {"order": "x" * 201},
    ],
)
def test_what_is_no_act_is_refused_whole(caller: Caller, bad: dict[str, Any]) -> None:
    answer = caller.post("/api/v1/live/acts", json={"acts": [said("pieces", "a") | bad]})
    assert answer.status_code == 422 and answer.json()["code"] == "bad_request"
    assert caller.post("/api/v1/live/acts", json={"acts": []}).status_code == 422


def test_page_and_worker_are_served_and_the_page_may_use_the_camera(caller: Caller) -> None:
    page = caller.get("/tablet")
    assert page.status_code == 200 and "tablet.js" in page.text
    assert "camera=(self)" in page.headers["permissions-policy"]
    assert "camera=()" in caller.get("/api/v1/health").headers["permissions-policy"]
    worker = caller.get("/tablet-worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    code = caller.get("/api/v1/live/qr", params={"machine": "mill 1"})
    assert code.headers["content-type"].startswith("image/svg+xml") and code.text.startswith("<svg")


def unread(cells: list[list[bool]]) -> str:
    """What a code of one block says, read with the rules of the standard: format, mask, zigzag, check words."""
    size = len(cells)
    version = (size - 17) // 4
    told = [cells[8][k] for k in (0, 1, 2, 3, 4, 5, 7, 8)] + [cells[k][8] for k in (7, 5, 4, 3, 2, 1, 0)]
    form = int("".join("01"[one] for one in told), 2) ^ 0x5412
    assert form >> 13 == 0, "level M"
    turn = qr._MASKS[form >> 10 & 7]
    _, fixed = qr._patterns(version, size)
    bits, up, column = [], True, size - 1
    while column > 0:
        column -= column == 6
        for step in range(size):
            row = size - 1 - step if up else step
            bits += [cells[row][x] ^ (turn(row, x) == 0) for x in (column, column - 1) if not fixed[row][x]]
        column, up = column - 2, not up
    words = [int("".join("01"[one] for one in bits[k : k + 8]), 2) for k in range(0, len(bits) - 7, 8)]
    correction, ((_, room),) = qr._BLOCKS[version - 1]
    assert qr.remainder(words[:room], correction) == words[room : room + correction]
    stream = "".join(f"{one:08b}" for one in words[:room])
    assert stream[:4] == "0100"
    length = int(stream[4:12], 2)
    return bytes(int(stream[12 + 8 * k : 20 + 8 * k], 2) for k in range(length)).decode()


@given(st.text(max_size=14).filter(lambda text: len(text.encode("utf-8", "ignore")) <= 42 and text.isprintable()))
def test_a_code_says_what_it_was_made_of(text: str) -> None:
    assert unread(qr.matrix(text)) == text


def test_a_text_that_is_too_long_for_a_code_is_refused() -> None:
    assert len(qr.matrix("x" * 666)) == 97
    with pytest.raises(InputError, match="do not fit"):
        qr.matrix("x" * 667)
