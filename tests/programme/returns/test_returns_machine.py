"""The life of a return: what follows what, what is refused and why, and that the journal tells it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.errors import JournalBroken, NotAllowed
from zhizao.programme.returns import (
    Actor,
    Corrected,
    Published,
    Reopened,
    Return,
    Reviewed,
    State,
    Step,
    Submitted,
    Withdrawn,
    advance,
    fold,
    may_follow,
    payload_of,
    step_of,
)
from zhizao.record import Recorded

T0 = datetime(2025, 7, 3, 8, tzinfo=UTC)
PATH = ("P1", "44", "CN")
ZHAO = Actor(name="zhao", role="reporter", unit="E1")
WU = Actor(name="wu", role="manager", unit="P1")


def submit(path: tuple[str, ...] = PATH, **values: float) -> Submitted:
    return Submitted(by=ZHAO, at=T0, values={"employees": 29.0, **values}, path=path)


def correct(reason: str = "meter read again") -> Corrected:
    return Corrected(by=ZHAO, at=T0, values={"employees": 30.0}, path=PATH, reason=reason)


def approve(unit: str) -> Reviewed:
    return Reviewed(by=WU, at=T0, verdict="approved", unit=unit)


def refuse(unit: str, reason: str = "", **lines: str) -> Reviewed:
    return Reviewed(by=WU, at=T0, verdict="refused", unit=unit, reason=reason, lines=lines)


def publish() -> Published:
    return Published(by=WU, at=T0)


def reopen(reason: str = "the price was wrong") -> Reopened:
    return Reopened(by=WU, at=T0, reason=reason)


def withdraw() -> Withdrawn:
    return Withdrawn(by=ZHAO, at=T0, reason="one meter is missing")


WAYS: dict[State, list[Step]] = {
    State.OPEN: [],
    State.SUBMITTED: [submit()],
    State.WITHDRAWN: [submit(), withdraw()],
    State.REFUSED: [submit(), refuse("P1", water_m3="ten times last month")],
    State.APPROVED: [submit(), approve("P1"), approve("44"), approve("CN")],
    State.PUBLISHED: [submit(), approve("P1"), approve("44"), approve("CN"), publish()],
    State.REOPENED: [submit(), approve("P1"), approve("44"), approve("CN"), publish(), reopen()],
}
STEPS: dict[str, Step] = {
    "submit": submit(),
    "correct": correct(),
    "withdraw": withdraw(),
    "refuse": refuse("P1", "look again"),
    "approve": approve("P1"),
    "publish": publish(),
    "reopen": reopen(),
}
LEGAL: dict[tuple[State, str], State] = {
    (State.OPEN, "submit"): State.SUBMITTED,
    (State.WITHDRAWN, "submit"): State.SUBMITTED,
    (State.SUBMITTED, "withdraw"): State.WITHDRAWN,
    (State.SUBMITTED, "refuse"): State.REFUSED,
    (State.SUBMITTED, "approve"): State.SUBMITTED,  # the next level's turn
    (State.REFUSED, "correct"): State.SUBMITTED,
    (State.REOPENED, "correct"): State.SUBMITTED,
    (State.APPROVED, "publish"): State.PUBLISHED,
    (State.APPROVED, "reopen"): State.REOPENED,
    (State.PUBLISHED, "reopen"): State.REOPENED,
}


def led(steps: list[Step]) -> Return:
    one = Return("E1", "2025-06")
    for step in steps:
        one, _ = advance(one, step)
    return one


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("name", list(STEPS))
def test_each_step_follows_where_it_may_and_nowhere_else(state: State, name: str) -> None:
    one = led(WAYS[state])
    assert one.state is state
    if (state, name) in LEGAL:
        after, _ = advance(one, STEPS[name])
        assert after.state is LEGAL[state, name]
        assert len(after.history) == len(one.history) + 1
    else:
        with pytest.raises(NotAllowed) as caught:
            advance(one, STEPS[name])
        assert caught.value.fault.code == "illegal_step"
        assert f"is {state}" in caught.value.fault.what
        assert all(step in caught.value.fault.fix for step in may_follow(one))


def test_approval_goes_up_level_by_level_and_only_then_is_it_published() -> None:
    one = led([submit()])
    seen = []
    for unit in PATH:
        assert one.waits_for == unit
        one, asks = advance(one, approve(unit))
        seen.append((one.state, asks[0].unit, asks[0].what))
    assert seen == [
        (State.SUBMITTED, "44", "review"),
        (State.SUBMITTED, "CN", "review"),
        (State.APPROVED, "CN", "publish"),
    ]
    assert one.public is None
    one, asks = advance(one, publish())
    assert one.public == one.latest and one.waits_for == ""
    assert (asks[0].unit, asks[0].what) == ("E1", "know")


def test_a_level_does_not_decide_before_its_turn_or_after_it() -> None:
    one = led([submit(), approve("P1")])
    for unit in ("P1", "CN"):
        with pytest.raises(NotAllowed, match=f'waits for "44", not for "{unit}"'):
            advance(one, approve(unit))


def test_nothing_is_withdrawn_that_a_level_has_approved() -> None:
    with pytest.raises(NotAllowed, match="approved by P1; withdraw cannot follow"):
        advance(led([submit(), approve("P1")]), withdraw())


def test_a_refusal_by_a_higher_level_sends_it_all_the_way_back_and_tells_who_had_approved() -> None:
    one, asks = advance(led([submit(), approve("P1"), approve("44")]), refuse("CN", water_m3="ten times last month"))
    assert (one.state, one.approved, one.waits_for) == (State.REFUSED, 0, "E1")
    assert [(ask.unit, ask.what) for ask in asks] == [("E1", "correct"), ("P1", "know"), ("44", "know")]
    assert one.latest is not None and one.latest.refusal is not None
    assert one.latest.refusal.lines == {"water_m3": "ten times last month"}
    again, _ = advance(one, correct())
    assert (again.waits_for, again.latest and again.latest.number) == ("P1", 2)


@pytest.mark.parametrize(
    ("way", "step"),
    [
        ([submit()], refuse("P1")),
        ([submit()], refuse("P1", water_m3="  ")),
        (WAYS[State.REFUSED], correct(" ")),
        (WAYS[State.PUBLISHED], reopen("")),
    ],
)
def test_a_refusal_a_correction_and_a_re_opening_need_a_reason(way: list[Step], step: Step) -> None:
    with pytest.raises(NotAllowed) as caught:
        advance(led(way), step)
    assert caught.value.fault.code == "no_reason"


def test_what_was_published_stays_published_until_a_new_version_is() -> None:
    one = led(WAYS[State.REOPENED])
    for step in (correct(), approve("P1"), approve("44"), approve("CN")):
        assert one.public is not None and one.public.number == 1
        one, _ = advance(one, step)
    one, _ = advance(one, publish())
    assert one.public is not None and one.public.number == 2
    assert [version.values["employees"] for version in one.versions] == [29.0, 30.0]


def test_an_enterprise_with_nobody_above_has_its_return_approved_at_once() -> None:
    one, asks = advance(Return("E1", "2025-06"), submit(path=()))
    assert (one.state, one.waits_for, asks[0].what) == (State.APPROVED, "E1", "publish")


def test_the_past_is_not_changed_by_what_follows() -> None:
    before = led([submit()])
    held = (before.state, before.versions, before.history)
    advance(before, refuse("P1", "look again"))
    assert (before.state, before.versions, before.history) == held


@st.composite
def lives(draw: st.DrawFn) -> list[Step]:
    """Any legal life of a return."""
    one, out = Return("E1", "2025-06"), []
    for at in range(draw(st.integers(0, 14))):
        name = draw(st.sampled_from(may_follow(one)))
        time = T0 + timedelta(hours=at)
        step: Step = STEPS[name].model_copy(update={"at": time})
        if isinstance(step, Reviewed):
            step = step.model_copy(update={"unit": one.waits_for})
        if isinstance(step, Submitted):
            step = step.model_copy(update={"values": {"employees": float(draw(st.integers(0, 99)))}})
        one, _ = advance(one, step)
        out.append(step)
    return out


def recorded(steps: list[Step]) -> list[Recorded]:
    """The events that the journal would keep."""
    out, one = [], Return("E1", "2025-06")
    for at, step in enumerate(steps, start=1):
        one, _ = advance(one, step)
        payload = payload_of(step, one.versions[-1].number)
        out.append(
            Recorded(
                id=uuid4(),
                kind=step.kind,
                at=step.at,
                recorded_at=step.at,
                source="x",
                subject="E1/2025-06",
                payload={**payload, "enterprise": "E1", "period": "2025-06", "step": at},
                sequence=at,
                hash="",
            )
        )
    return out


@given(lives())
def test_the_journal_tells_any_life_again(steps: list[Step]) -> None:
    events = recorded(steps)
    assert [step_of(event) for event in events] == steps
    again = fold(events)
    assert again == ({("E1", "2025-06"): led(steps)} if steps else {})


@given(lives())
def test_in_any_life_versions_only_grow_and_the_published_one_is_among_them(steps: list[Step]) -> None:
    one = Return("E1", "2025-06")
    for step in steps:
        after, _ = advance(one, step)
        assert [v.values for v in after.versions[: len(one.versions)]] == [v.values for v in one.versions]
        assert len(after.versions) - len(one.versions) == isinstance(step, Submitted)
        assert after.published is None or 1 <= after.published <= len(after.versions)
        assert 0 <= after.approved <= len(after.path)
        assert (after.state is State.PUBLISHED) <= (after.approved == len(after.path))
        assert after.history[-1].step == len(after.history)
        one = after


def test_an_event_that_is_no_step_is_told() -> None:
    event = recorded([submit()])[0]
    with pytest.raises(JournalBroken, match="event 1 is not a step"):
        step_of(event.model_copy(update={"payload": {"by": "x"}}))
