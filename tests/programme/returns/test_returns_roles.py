"""Who may do what with a return, who sees which cell, and who owes what by when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from zhizao.errors import InputError, NotAllowed
from zhizao.programme.returns import (
    ACTIONS,
    Actor,
    Published,
    Return,
    Reviewed,
    Sight,
    State,
    Submitted,
    Tree,
    Unit,
    advance,
    bounds,
    check,
    check_month,
    deadline,
    due,
    may_follow,
    month_before,
    months_until,
    owed,
    seen,
    sight,
    steps_for,
    tree_of_one,
)

AT = datetime(2025, 7, 3, 8, tzinfo=UTC)


def unit(level: str, parent: str | None = None, **more: str) -> Unit:
    return Unit(level=level, zh="甲", en="x", parent=parent, **more)


TREE = Tree(
    units={
        "CN": unit("nation"),
        "44": unit("province", "CN", region="44"),
        "31": unit("province", "CN", region="31"),
        "P1": unit("county", "44"),
        "P2": unit("county", "44"),
        "E1": unit("enterprise", "P1", industry="34", size="S"),
        "E2": unit("enterprise", "P1"),
        "E3": unit("enterprise", "P2"),
        "E4": unit("enterprise", "31"),
    }
)


def actor(role: str, at: str = "", name: str = "") -> Actor:
    return Actor(name=name or f"{role}-{at}", role=role, unit=at)


def submitted(enterprise: str = "E1", by: str = "zhao") -> Return:
    step = Submitted(
        by=actor("reporter", enterprise, by),
        at=AT,
        values={"revenue_cny": 777.0},
        notes={"coal_t": "none used"},
        path=TREE.path(enterprise),
    )
    return advance(Return(enterprise, "2025-06"), step)[0]


def published(enterprise: str = "E1") -> Return:
    one = submitted(enterprise)
    for above in TREE.path(enterprise):
        one, _ = advance(one, Reviewed(by=actor("manager", above), at=AT, verdict="approved", unit=above))
    return advance(one, Published(by=actor("manager", "CN"), at=AT + timedelta(days=9)))[0]


EVERYBODY = [
    actor(role, at)
    for role in ("viewer", "operator", "engineer", "manager", "admin", "reporter", "reviewer", "evaluator", "nonsense")
    for at in ("", "E1", "E2", "P1", "P2", "44", "31", "CN", "nowhere")
]


@pytest.mark.parametrize(
    ("role", "at", "whose", "how"),
    [
        ("reporter", "E1", "E1", Sight.ALL),
        ("reporter", "E1", "E2", Sight.NOTHING),
        ("reporter", "", "E1", Sight.NOTHING),
        ("reporter", "P1", "E1", Sight.NOTHING),
        ("reviewer", "P1", "E2", Sight.ALL),
        ("reviewer", "P1", "E3", Sight.NOTHING),
        ("reviewer", "44", "E3", Sight.ALL),
        ("reviewer", "44", "E4", Sight.NOTHING),
        ("reviewer", "", "E1", Sight.STATUS),
        ("manager", "44", "E1", Sight.ALL),
        ("manager", "", "E1", Sight.STATUS),
        ("manager", "E1", "E1", Sight.ALL),
        ("manager", "E1", "E2", Sight.NOTHING),
        ("evaluator", "", "E4", Sight.STATUS),
        ("evaluator", "44", "E1", Sight.STATUS),
        ("evaluator", "44", "E4", Sight.NOTHING),
        ("viewer", "", "E1", Sight.STATUS),
        ("admin", "", "E4", Sight.ALL),
        ("reviewer", "nowhere", "E1", Sight.NOTHING),
    ],
)
def test_each_role_sees_what_it_should(role: str, at: str, whose: str, how: Sight) -> None:
    assert sight(actor(role, at), TREE, whose) is how


def test_before_publication_only_those_with_full_sight_see_anything() -> None:
    one = submitted()
    assert seen(one, Sight.ALL) == one
    assert seen(one, Sight.STATUS) is None
    assert seen(one, Sight.NOTHING) is None


def test_who_is_neither_the_enterprise_nor_above_it_sees_that_it_is_published_and_no_figure() -> None:
    cut = seen(published(), Sight.STATUS)
    assert cut is not None and cut.latest is not None
    assert (cut.state, cut.period, cut.latest.at) == (State.PUBLISHED, "2025-06", AT + timedelta(days=9))
    assert (cut.latest.values, cut.latest.notes, cut.latest.sources) == ({}, {}, {})
    assert (cut.latest.by, cut.latest.number, cut.history) == ("", 1, ())
    assert "777" not in repr(cut)


@given(st.sampled_from(EVERYBODY), st.sampled_from(["E1", "E2", "E3", "E4"]))
def test_figures_are_for_the_enterprise_itself_for_units_above_it_and_for_admins(who: Actor, enterprise: str) -> None:
    own = who.unit == enterprise and who.role in ("reporter", "manager", "reviewer")
    above = who.unit in TREE.path(enterprise) and who.role in ("reviewer", "manager")
    cut = seen(published(enterprise), sight(who, TREE, enterprise))
    told = cut is not None and any(version.values for version in cut.versions)
    assert told == (own or above or who.role == "admin")


def test_nobody_acts_but_who_should() -> None:
    ready = {
        "submit": Return("E1", "2025-06"),
        "correct": Return("E1", "2025-06", TREE.path("E1"), State.REFUSED),
        "withdraw": submitted(),
        "refuse": submitted(),
        "approve": submitted(),
        "publish": Return("E1", "2025-06", TREE.path("E1"), State.APPROVED, 3),
        "reopen": published(),
    }
    may: dict[str, set[tuple[str, str]]] = {action: set() for action in ACTIONS}
    for action, one in ready.items():
        for who in EVERYBODY:
            try:
                check(action, who, TREE, one)
            except NotAllowed as refused:
                assert refused.fault.code == "role" and "this needs" in refused.fault.what
            else:
                may[action].add((who.role, who.unit))
    admins = {("admin", who.unit) for who in EVERYBODY if who.role == "admin"}
    own = {("reporter", "E1"), ("manager", "E1")}
    assert may == {
        "submit": own | admins,
        "correct": own | admins,
        "withdraw": own | admins,
        "refuse": {("reviewer", "P1"), ("manager", "P1")} | admins,
        "approve": {("manager", "P1")} | admins,
        "publish": {("manager", "CN")} | admins,
        "reopen": {("manager", "P1"), ("manager", "44"), ("manager", "CN")} | admins,
    }


def test_nobody_decides_on_what_they_submitted() -> None:
    one = submitted(by="both")
    with pytest.raises(NotAllowed) as caught:
        check("approve", actor("manager", "P1", "both"), TREE, one)
    assert caught.value.fault.code == "four_eyes"
    assert check("refuse", actor("manager", "P1", "both"), TREE, one) == "P1"
    alone = TREE.model_copy(update={"four_eyes": False})
    assert check("approve", actor("manager", "P1", "both"), alone, one) == "P1"


@given(st.sampled_from(EVERYBODY), st.sampled_from(["E1", "E2", "E3", "E4"]))
def test_who_does_not_see_a_return_whole_does_nothing_with_it(who: Actor, enterprise: str) -> None:
    for one in (Return(enterprise, "2025-06"), submitted(enterprise), published(enterprise)):
        steps = steps_for(who, TREE, one)
        assert set(steps) <= set(may_follow(one))
        if sight(who, TREE, enterprise) is not Sight.ALL:
            assert steps == ()


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ({"E1": unit("enterprise", "P9")}, 'names parent "P9"'),
        ({"a/b": unit("enterprise")}, "is not an id"),
        ({"CN": unit("nation"), "E1": unit("enterprise", "CN"), "E2": unit("enterprise", "E1")}, "cannot stand below"),
        ({"A": unit("county", "B"), "B": unit("county", "A")}, "cannot stand below"),
        ({}, "at least 1"),
    ],
)
def test_what_is_no_tree_is_refused(units: dict[str, Unit], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Tree(units=units)


@pytest.mark.parametrize("more", [{"industry": "99"}, {"region": "100"}, {"size": "XXL"}])
def test_a_class_that_is_none_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="is not a code"):
        unit("enterprise", **more)


def test_a_unit_that_is_no_enterprise_returns_nothing() -> None:
    for name in ("P1", "nowhere"):
        with pytest.raises(InputError) as caught:
            TREE.enterprise(name)
        assert caught.value.fault.code == "no_unit"


@pytest.mark.parametrize("text", ["2025-13", "2025-6", "202506", "", "2025-06-01", "1900-01", "٢٠٢٥-٠٦"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        check_month(text)
    assert caught.value.fault.code == "bad_period"


@given(st.integers(1950, 2099), st.integers(1, 12))
def test_months_follow_on_each_other_without_gap(year: int, month: int) -> None:
    text = f"{year:04d}-{month:02d}"
    start, end = bounds(text, "Asia/Shanghai")
    assert bounds(month_before(text), "Asia/Shanghai")[1] == start
    assert timedelta(days=27) < end - start < timedelta(days=32)
    assert months_until(end, "Asia/Shanghai", 1) == [text]
    assert months_until(end - timedelta(seconds=1), "Asia/Shanghai", 1) == [month_before(text)]


def test_a_level_has_until_the_end_of_its_day_in_the_trees_zone() -> None:
    ends = [due("2025-12", level, TREE) for level in ("enterprise", "county", "province", "nation", "publication")]
    assert [time.astimezone(UTC).isoformat()[:16] for time in ends] == [
        "2026-01-08T16:00",
        "2026-01-10T16:00",
        "2026-01-12T16:00",
        "2026-01-15T16:00",
        "2026-01-18T16:00",
    ]


def test_each_unit_is_told_what_it_owes_and_since_when() -> None:
    returns = {("E1", "2025-06"): submitted(), ("E4", "2025-06"): published("E4")}
    now = datetime(2025, 7, 9, 12, tzinfo=UTC)
    found = {one.enterprise: one for one in owed(TREE, returns, ["2025-06"], now)}
    assert set(found) == {"E1", "E2", "E3"}  # E4 is published: nobody owes anything
    assert (found["E1"].unit, found["E1"].what, found["E1"].state) == ("P1", "review", "soon")
    assert (found["E2"].unit, found["E2"].what, found["E2"].state, found["E2"].days_left) == (
        "E2",
        "submit",
        "overdue",
        -1,
    )
    early = owed(TREE, returns, ["2025-06"], datetime(2025, 7, 1, tzinfo=UTC))
    assert {one.state for one in early} == {"later"}


def test_who_was_sent_back_has_until_the_level_that_did_so_is_due() -> None:
    one, _ = advance(submitted(), Reviewed(by=actor("manager", "P1"), at=AT, verdict="refused", unit="P1", reason="x"))
    assert deadline(one, TREE) == due("2025-06", "county", TREE)
    assert deadline(published(), TREE) is None


def test_the_smallest_tree_has_one_enterprise() -> None:
    assert list(tree_of_one("E1", "one", "UTC").enterprises()) == ["E1"]
