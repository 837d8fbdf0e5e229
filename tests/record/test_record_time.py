"""What was known when: figures as they stood, times of recording that never fall, events appended one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from shopfloor import MONDAY, at, content, frame, put, row, shop

from zhizao.errors import InputError
from zhizao.model import Event, Kind
from zhizao.record import Workspace
from zhizao.record.instant import moment, nanoseconds

TUESDAY, WEEK = MONDAY + timedelta(days=1), MONDAY + timedelta(days=7)


def event(**more: object) -> Event:
    values = {
        "id": uuid4(),
        "kind": Kind.DECISION_PROPOSED,
        "at": at(1),
        "recorded_at": TUESDAY,
        "source": "planner",
        "subject": "wip cap",
        "payload": {"orders": 12, "为什么": "队列太长"},
    }
    return Event.model_validate(values | more)


def test_the_work_log_as_of_a_time_is_what_was_known_then(workspace: Workspace) -> None:
    rows = shop(120)
    states = {}
    for week in range(4):
        put(workspace.journal, rows.head(30 * (week + 1)), when=MONDAY + week * timedelta(days=7))
        states[MONDAY + week * timedelta(days=7)] = content(workspace.journal)
    put(workspace.journal, rows.with_columns(good=5.0), when=WEEK + timedelta(days=60))
    for when, state in states.items():
        assert content(workspace.journal, as_of=when).equals(state)
        assert content(workspace.journal, as_of=when + timedelta(days=6)).equals(state)
    assert content(workspace.journal, as_of=MONDAY - timedelta(seconds=1)).is_empty()
    assert set(content(workspace.journal)["good"]) == {5.0}


def test_times_of_recording_never_fall(workspace: Workspace) -> None:
    put(workspace.journal, frame(row("A")), when=WEEK)
    receipt = put(workspace.journal, frame(row("B")), when=MONDAY)
    assert receipt.recorded_at == WEEK
    assert [one.recorded_at for one in workspace.journal.events()] == [WEEK, WEEK]
    assert workspace.journal.verify().ok


def test_a_time_without_a_zone_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="has no zone"):
        put(workspace.journal, frame(row()), when=datetime(2025, 1, 1))
    with pytest.raises(InputError, match="has no zone"):
        workspace.journal.worklog(zone="UTC", as_of=datetime(2025, 1, 1))


@pytest.mark.parametrize("time", [datetime(1969, 7, 20, 20, 17, 40, 5, UTC), datetime(2262, 1, 1, tzinfo=UTC)])
def test_moments_survive_the_way_to_nanoseconds_and_back(time: datetime) -> None:
    assert moment(nanoseconds(time)) == time


def test_appended_events_come_back_as_they_were_given(workspace: Workspace) -> None:
    first, second = event(), event(kind=Kind.DECISION_APPROVED, subject="schedule", source="经理")
    assert workspace.journal.append([first, second]) == 2
    found = workspace.journal.events()
    for given, back in zip([first, second], found, strict=True):
        assert back.model_dump(include=set(Event.model_fields)) == given.model_dump()
    assert [one.sequence for one in found] == [1, 2]


def test_an_event_is_stored_once_and_stays_as_written(workspace: Workspace) -> None:
    first = event()
    assert workspace.journal.append([first, first]) == 1
    assert workspace.journal.append([first]) == 0
    with pytest.raises(InputError, match="stored with another payload") as caught:
        workspace.journal.append([event(), first.model_copy(update={"payload": {"orders": 13}})])
    assert caught.value.fault.code == "event_differs"
    assert len(workspace.journal.events()) == 1


def test_events_are_found_by_kind_subject_and_place(workspace: Workspace) -> None:
    put(workspace.journal, frame(row("A"), row("B"), row("A", 2, 3)))
    workspace.journal.append([event(), event(kind=Kind.DECISION_REJECTED)])
    journal = workspace.journal
    assert [one.sequence for one in journal.events(Kind.OPERATION_ENDED)] == [1, 2, 3]
    assert [one.sequence for one in journal.events(subject="A")] == [1, 3]
    assert [one.sequence for one in journal.events(after=2, limit=2)] == [3, 4]
    assert [one.sequence for one in journal.events(Kind.DECISION_REJECTED, "wip cap")] == [5]
    assert journal.events(subject="nobody") == []


def test_a_decision_can_be_superseded_and_its_history_read(workspace: Workspace) -> None:
    first = event()
    second = event(supersedes=first.id, payload={"orders": 9})
    third = event(supersedes=second.id, payload={"orders": 8})
    workspace.journal.append([first, second])
    workspace.journal.append([third])
    versions = workspace.journal.history(2)
    assert versions["event"].to_list() == [1, 2, 3]
    assert versions["current"].to_list() == [False, False, True]
    assert versions["payload"].to_list()[2] == '{"orders":8}'
    with pytest.raises(InputError, match="is to be superseded and is not there"):
        workspace.journal.append([event(supersedes=uuid4())])
    with pytest.raises(InputError, match="there is no event 99"):
        workspace.journal.history(99)


def test_an_operation_appended_by_hand_is_part_of_the_work_log_and_corrects_an_imported_one(
    workspace: Workspace,
) -> None:
    put(workspace.journal, frame(row("A", good=10.0)))
    (imported,) = workspace.journal.events()
    payload = {**imported.payload, "good": 4.0}
    fixed = event(kind=Kind.OPERATION_ENDED, subject="A", at=at(1), payload=payload, supersedes=imported.id)
    assert workspace.journal.append([fixed]) == 1
    assert workspace.journal.worklog(zone="UTC").frame.select("event", "good").rows() == [(2, 4.0)]
    again = put(workspace.journal, frame(row("A", good=10.0)))
    assert (again.duplicate, again.stale) == (1, 1)


@pytest.mark.parametrize(
    ("payload", "told"),
    [({"activity": "mill"}, "lacks start_ns"), ({"activity": "mill", "start_ns": 1, "x": 1}, "unknown keys x")],
)
def test_an_operation_with_another_payload_is_refused(
    workspace: Workspace, payload: dict[str, object], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        workspace.journal.append([event(kind=Kind.OPERATION_STARTED, payload=payload)])
