"""The life of an alarm by ISA-18.2, judging samples, health figures, and what a proposal would have done."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from zhizao.decide.alarms import (
    Act,
    Annunciation,
    Fact,
    Judge,
    Life,
    Raised,
    Standing,
    State,
    changed,
    chattering,
    effect,
    fold,
    health,
    in_unit,
    intervals,
    judged,
    propose,
    step,
    violations,
)  # fmt: skip
from zhizao.decide.alarms.cycle import TABLE
from zhizao.decide.alarms.standing import ACTS
from zhizao.errors import NotAllowed
from zhizao.model import AlarmCard, Chain, Kind, Plant

S = 1_000_000_000
PROCESS = (State.NORMAL, State.UNACKED, State.ACKED, State.RTN_UNACKED, State.LATCHED_UNACKED, State.LATCHED_ACKED)
ACTIVE = {State.UNACKED, State.ACKED}


def card(**more: object) -> AlarmCard:
    return AlarmCard.model_validate({"tag": "t", "condition": "high", "limit": 70} | more)


@pytest.mark.parametrize(("state", "act"), list(TABLE))
def test_each_transition_of_the_standard_leads_where_its_figure_says(state: State, act: Act) -> None:
    assert step(Life(state, state in ACTIVE), act).process is TABLE[state, act]


@pytest.mark.parametrize("state", PROCESS)
@pytest.mark.parametrize("act", [Act.ACKNOWLEDGE, Act.RESET, Act.UNSHELVE, Act.UNSUPPRESS, Act.RETURN])
def test_what_is_in_no_table_is_refused(state: State, act: Act) -> None:
    if (state, act) not in TABLE:
        with pytest.raises(NotAllowed):
            step(Life(state, state in ACTIVE), act)


@pytest.mark.parametrize(
    ("before", "after"), [(State.UNACKED, State.LATCHED_UNACKED), (State.ACKED, State.LATCHED_ACKED)]
)
def test_a_latching_alarm_stays_when_the_process_has_returned(before: State, after: State) -> None:
    assert step(Life(before, True, latching=True), Act.CLEAR).state is after


@pytest.mark.parametrize(
    ("into", "out", "shown"),
    [
        (Act.SHELVE, Act.UNSHELVE, State.SHELVED),
        (Act.SUPPRESS, Act.UNSUPPRESS, State.SUPPRESSED),
        (Act.REMOVE, Act.RETURN, State.OUT_OF_SERVICE),
    ],
)
def test_what_lies_over_an_alarm_hides_it_and_it_comes_back_unacknowledged(into: Act, out: Act, shown: State) -> None:
    held = step(step(Life(), into), Act.RAISE)
    assert held.state is shown
    assert not held.unacked
    assert step(held, out).state is State.UNACKED
    assert step(step(held, Act.CLEAR), out).state is State.NORMAL


def test_the_strongest_of_several_is_shown_and_the_alarm_returns_with_the_last() -> None:
    life = step(step(step(Life(), Act.RAISE), Act.SHELVE), Act.REMOVE)
    assert life.state is State.OUT_OF_SERVICE
    assert step(life, Act.RETURN).state is State.SHELVED
    assert step(step(life, Act.RETURN), Act.UNSHELVE).state is State.UNACKED


@pytest.mark.parametrize(
    ("more", "value", "turns"),
    [
        ({}, [69, 70, 71, 70], [(20, True), (30, False)]),
        ({"deadband": 2}, [71, 69, 68, 71], [(0, True), (20, False), (30, True)]),
        ({"condition": "low"}, [71, 69, 71], [(10, True), (20, False)]),
        ({"on_delay_s": 15}, [71, 71, 71, 60], [(15, True), (30, False)]),
        ({"on_delay_s": 15}, [71, 60, 71, 60], []),
        ({"off_delay_s": 15}, [71, 60, 71, 60, 60, 60], [(0, True), (45, False)]),
        ({"condition": "deviation", "set_point": 50, "limit": 5}, [50, 44, 56, 52], [(10, True), (30, False)]),
        ({"condition": "rate", "limit": 30}, [0, 4, 10, 11], [(20, True), (30, False)]),
        ({"condition": "discrete", "limit": 3}, [2, 3, 4], [(10, True), (20, False)]),
        ({"condition": "text", "limit": None}, [0, 1, 0], [(10, True), (20, False)]),
        ({"condition": "silent", "limit": None, "on_delay_s": 8}, [1, 1], [(8, True), (10, False)]),
    ],
)
def test_worked_examples_of_each_condition(
    more: dict[str, object], value: list[float], turns: list[tuple[int, bool]]
) -> None:
    at = np.arange(len(value)) * 10 * S
    found = Judge(card(**more)).take(at, np.array(value, float))
    assert [(turn.at // S, turn.raised) for turn in found] == turns


def test_a_bad_value_raises_nothing_breaks_off_a_delay_and_clears_nothing() -> None:
    at = np.arange(5) * 10 * S
    value, good = np.array([71.0, 99, 71, 0, 71]), np.array([True, False, True, False, True])
    found = Judge(card(on_delay_s=15)).take(at, value, good)
    assert found == []
    standing = Judge(card()).take(at, np.array([71.0, 0, 71, 0, 71]), good)
    assert [(turn.at, turn.raised) for turn in standing] == [(0, True)]


def test_the_clock_alone_ends_a_delay() -> None:
    judge = Judge(card(on_delay_s=15))
    judge.take(np.array([0]), np.array([71.0]))
    assert judge.wait(14 * S) == []
    assert [(turn.at, turn.raised) for turn in judge.wait(20 * S)] == [(15 * S, True)]
    assert judge.on


def test_a_late_sample_is_passed_over_and_counted() -> None:
    judge = Judge(card())
    assert judge.take(np.array([10, 5, 10, 20]) * S, np.array([60.0, 99, 99, 61])) == []
    assert judge.late == 2


CARDS = st.builds(
    card,
    condition=st.sampled_from(["high", "low", "rate"]),
    limit=st.integers(1, 9),
    deadband=st.integers(0, 3),
    on_delay_s=st.integers(0, 4),
    off_delay_s=st.integers(0, 4),
)
STREAM = st.lists(st.tuples(st.integers(-1, 5), st.integers(0, 10), st.booleans()), max_size=40)


@settings(max_examples=150, deadline=None)
@given(CARDS, STREAM, st.lists(st.integers(0, 40), max_size=5), st.booleans())
def test_however_the_stream_is_cut_the_turns_are_the_same(
    one: AlarmCard, stream: list[tuple[int, int, bool]], cuts: list[int], kept: bool
) -> None:
    at = np.cumsum([gap for gap, _, _ in stream] or [0])[: len(stream)].astype(np.int64) * S
    value, good = np.array([v for _, v, _ in stream], float), np.array([g for *_, g in stream], bool)
    whole = Judge(one, compiled=False).take(at, value, good)
    judge, found = Judge(one), []
    for part in np.split(np.arange(len(at)), sorted(min(cut, len(at)) for cut in cuts)):
        found += judge.take(at[part], value[part], good[part])
        if kept:  # stopped, and started again from what was kept
            judge = Judge(one).go_on(judge.kept())
    same = [(a.at, a.raised, repr(a.value)) for a in whole]
    assert same == [(a.at, a.raised, repr(a.value)) for a in found]
    assert all(a.raised != b.raised for a, b in pairwise(found))


def test_a_shelved_alarm_comes_back_by_itself_and_as_of_sees_it_shelved() -> None:
    facts = [
        Fact(Kind.ALARM_RAISED, "hot", 10, "sense", {"priority": 1, "value": 71.0}),
        Fact(Kind.ALARM_SHELVED, "hot", 20, "li", {"until": 100, "comment": "sensor"}),
    ]
    assert fold({"hot": card()}, facts, 99)["hot"].life.state is State.SHELVED
    back = fold({"hot": card()}, facts, 100)["hot"]
    assert back.life.state is State.UNACKED
    assert (back.priority, back.comment, back.times) == (1, "sensor", 1)


def test_an_act_that_comes_too_late_changes_nothing() -> None:
    facts = [Fact(Kind.ALARM_ACKNOWLEDGED, "hot", 10, "li"), Fact(Kind.ALARM_RAISED, "hot", 20, "sense")]
    assert fold({}, facts, 30)["hot"].life.state is State.UNACKED


def raised(times: list[float], name: str = "a", priority: int = 4) -> list[Raised]:
    return [Raised(name, round(time * S), round(time * S) + S, priority) for time in times]


def value_of(found: list[object], key: str) -> float:
    return next(one.value for one in found if one.key == key)  # type: ignore[attr-defined]


def test_a_flood_begins_above_ten_in_ten_minutes_and_ends_below_five() -> None:
    found = health(raised([i * 10 for i in range(12)]), 0, 7200 * S)
    assert value_of(found, "floods") == 1
    # begins with the eleventh (100 s); four are left in the sliding ten minutes at 600 + 70 s
    assert value_of(found, "flood_share") == pytest.approx((670 - 100) / 7200)
    assert value_of(found, "peak_10min") == 12
    assert value_of(health(raised([i * 61 for i in range(10)]), 0, 7200 * S), "floods") == 0


def test_rates_are_shared_among_the_operators() -> None:
    lines = raised([i * 600 for i in range(144)])
    one, two = (health(lines, 0, 86_400 * S, operators) for operators in (1, 2))
    assert value_of(one, "per_day") == 144
    assert value_of(two, "per_day") == 72


def test_chatter_is_three_in_a_minute_and_stale_is_longer_than_a_day() -> None:
    assert chattering(raised([0, 30, 60]) + raised([0, 30, 61], "b")) == {"a": 3}
    stale = [Raised("a", 0, 86_401 * S, 1), Raised("b", 0, 86_400 * S, 1)]
    assert value_of(health(stale, 0, 90_000 * S), "stale") == 1


def history(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Six hours of a noisy value near its limit, with one true violation of ten minutes."""
    rng = np.random.default_rng(seed)
    at = np.arange(4320) * 5 * S
    value = 68.5 + rng.normal(0, 0.8, len(at))
    value[2000:2120] += 6
    return at, value


def test_a_proposal_removes_chatter_and_loses_no_true_violation() -> None:
    at, value = history()
    good, end = np.ones(len(at), bool), int(at[-1])
    one = card()
    true = violations(one, at, value, good, 60, end)
    assert len(true) == 1
    then, found = propose(one, at, value, good, true, end)
    assert found.chatter_before > 0
    assert found.chatter_after == 0
    assert (found.lost, found.detected_after) == (0, 1)
    assert found.after < found.before
    assert found == effect(one, then, at, value, good, true, end), "what is proposed is what a replay of it shows"


def test_a_limit_that_is_too_high_loses_the_violation_and_a_delay_shows_as_one() -> None:
    at = np.arange(600) * S
    value = np.where((at >= 100 * S) & (at < 300 * S), 75.0, 60.0)
    good, end, one = np.ones(600, bool), int(at[-1]), card()
    true = violations(one, at, value, good, 60, end)
    assert true.tolist() == [[100 * S, 300 * S]]
    assert effect(one, changed(one, limit=80.0), at, value, good, true, end).lost == 1
    late = effect(one, changed(one, on_delay_s=20.0), at, value, good, true, end)
    assert (late.delay_s, late.lost) == (20.0, 0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(60, 80), min_size=1, max_size=60), st.integers(0, 5))
def test_a_wider_deadband_never_raises_more(values: list[int], band: int) -> None:
    at, good = np.arange(len(values)) * S, np.ones(len(values), bool)
    narrow, wide = (
        len(intervals(judged(card(deadband=width), at, np.array(values, float), good, len(values) * S), 0))
        for width in (band, band + 1)
    )
    assert wide <= narrow


@pytest.mark.parametrize(
    "fields",
    [
        {"condition": "high", "limit": None},
        {"condition": "deviation", "limit": 5},
        {"condition": "deviation", "limit": 5, "set_point": 1, "deadband": 5},
        {"condition": "rate", "limit": -1},
        {"condition": "silent", "limit": None},
        {"condition": "text", "deadband": 1, "limit": None},
        {"limit": float("nan")},
        {"priority": 5},
        {"on_delay_s": -1},
        {"tag": ""},
        {"suppressed_when": {"tag": "x"}},
        {"suppressed_when": {"tag": "x", "above": 1, "below": 2}},
    ],
)
def test_a_card_that_cannot_be_meant_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        card(**fields)


def test_priority_comes_from_severity_and_time_to_respond_unless_it_is_given() -> None:
    assert card(severity="severe", respond_min=2).rank == 1
    assert card(severity="minor", respond_min=60).rank == 4
    assert card(severity="minor", priority=1).rank == 1


def test_a_chain_names_what_there_is_and_an_alarm_a_chain() -> None:
    with pytest.raises(ValidationError, match="neither"):
        Plant.model_validate({"escalations": {"a": {"steps": [{"after_min": 1, "to": "nobody"}]}}})
    with pytest.raises(ValidationError, match="not among escalations"):
        Plant(alarms={"a": card(escalation="x")})
    with pytest.raises(ValidationError, match="order"):
        Chain.model_validate({"steps": [{"after_min": 5, "to": "abc"}, {"after_min": 1, "to": "abc"}]})


def test_quiet_is_not_bought_with_an_alarm_that_stands_for_hours() -> None:
    rng = np.random.default_rng(3)
    at = np.arange(24 * 720) * 5 * S
    value = 69.4 + rng.normal(0, 0.4, len(at))
    good, end, one = np.ones(len(at), bool), int(at[-1]), card()
    true = violations(one, at, value, good, 60, end)
    then, found = propose(one, at, value, good, true, end)
    quiet = effect(one, changed(one, off_delay_s=120.0), at, value, good, true, end)
    assert quiet.idle_after_s > 3600, "a long off-delay alone keeps the alarm standing"
    assert found.idle_after_s < quiet.idle_after_s / 10
    assert (found.chatter_after, found.lost) == (0, 0)
    assert found.cost_s < quiet.cost_s
    assert then.on_delay_s <= 30


def test_idle_is_the_time_for_which_an_alarm_stands_behind_its_limit() -> None:
    at = np.arange(10) * 10 * S
    value = np.array([60, 75, 75, 60, 60, 60, 60, 60, 60, 60.0])
    good, none, one = np.ones(10, bool), np.zeros((0, 2), np.int64), card()
    found = effect(one, changed(one, off_delay_s=30.0), at, value, good, none, 90 * S)
    assert (found.stood_before_s, found.idle_before_s) == (20.0, 0.0)
    assert (found.stood_after_s, found.idle_after_s) == (50.0, 30.0)


@pytest.mark.parametrize(
    ("fields", "limit", "deadband", "set_point"),
    [
        ({"condition": "high", "limit": 158, "deadband": 3.6}, 70, 2, None),
        ({"condition": "deviation", "limit": 9, "set_point": 122, "deadband": 1.8}, 5, 1, 50),
        ({"condition": "rate", "limit": 18}, 10, 0, None),
    ],
)
def test_limits_are_brought_into_the_unit_of_the_signal(
    fields: dict[str, object], limit: float, deadband: float, set_point: float | None
) -> None:
    then = in_unit(AlarmCard.model_validate({"tag": "t", "unit": "degF"} | fields), "degC")
    assert (then.limit, then.deadband, then.unit) == (pytest.approx(limit), pytest.approx(deadband), "degC")
    assert then.set_point == (None if set_point is None else pytest.approx(set_point))


def test_a_unit_of_another_kind_is_refused_when_the_plant_is_read() -> None:
    with pytest.raises(ValidationError, match="of another kind"):
        Plant.model_validate({"tags": {"t": {"unit": "bar"}}, "alarms": {"a": card(unit="degC").model_dump()}})


FACTS = st.lists(
    st.tuples(st.sampled_from(list(ACTS)), st.sampled_from("ab"), st.integers(0, 50), st.booleans()), max_size=30
)


@settings(max_examples=100, deadline=None)
@given(FACTS, st.integers(0, 30), st.integers(0, 120))
def test_a_list_that_goes_on_is_the_list_that_is_folded_anew(
    told: list[tuple[Kind, str, int, bool]], cut: int, now: int
) -> None:
    facts = [
        Fact(kind, name, at, "x", {"until": at + 20} if kind is Kind.ALARM_SHELVED else {"out_of_service": True} if out else {}, number)
        for number, (kind, name, at, out) in enumerate(told)
    ]  # fmt: skip
    standing, annunciation, whole = Standing({}), Annunciation(), Annunciation()
    standing.add(facts[:cut])
    standing.at(now)
    standing.add(facts[cut:])
    assert standing.at(now) == fold({}, facts, now)
    for fact in facts:
        annunciation.add([fact])
    whole.add(sorted(facts, key=lambda one: one.at))
    assert annunciation.raised(200) == whole.raised(200)
    assert annunciation.chattering(0) == whole.chattering(0) == set(chattering(whole.raised(200)))
