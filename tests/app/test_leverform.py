"""The what-if form: all that a plant can pull, offered from its records and handed on as levers."""

from __future__ import annotations

import numpy as np
import pytest

from zhizao.app.desk import Desk
from zhizao.app.leverform import choices_of, levers_chosen
from zhizao.app.whatif import levers_from
from zhizao.decide.twin.mechanism import Mechanism, Scene
from zhizao.errors import InputError
from zhizao.pilot.levers import PULL_ORDER, pull

CHOSEN = {
    "dispatch": {"rule": "spt", "rule_at": ""},
    "setup_family": {"family_at": "plant"},
    "release": {"cap": "10"},
    "transfer_batch": {"batch": "2"},
    "hours": {"hours_of": "M1", "hours_days": "all", "hours_from": "6", "hours_to": "22"},
    "assignment": {"work": "turn", "work_by": ["L1"]},
    "inspection": {"look": "final", "look_after": "turn"},
    "maintenance": {"stop": "M1", "stop_every": "40", "stop_takes": "2"},
}


@pytest.fixture(scope="module")
def scene(desk: Desk) -> Scene:
    return Mechanism.fit(desk.log(), plant=desk.plant).replay(np.random.default_rng(1))


def test_the_form_has_every_lever_but_the_schedule_and_what_is_left_as_it_is_pulls_none(desk: Desk) -> None:
    assert {*CHOSEN, "schedule"} == set(PULL_ORDER)
    assert levers_chosen(desk, {name: "" for one in CHOSEN.values() for name in one}) == []
    together = {name: value for one in CHOSEN.values() for name, value in one.items()}
    assert [one["kind"] for one in levers_chosen(desk, together)] == [kind for kind in PULL_ORDER if kind != "schedule"]


@pytest.mark.parametrize("kind", CHOSEN)
def test_what_is_chosen_can_be_pulled_and_changes_the_run(desk: Desk, scene: Scene, kind: str) -> None:
    chosen = dict(CHOSEN[kind])
    known = choices_of(desk)
    if kind == "assignment":
        chosen["work"] = next(name for name, found in known.machines_of.items() if len(found) > 1)
        chosen["work_by"] = list(known.machines_of[chosen["work"]][:1])
    if kind in ("hours", "maintenance"):
        chosen["hours_of" if kind == "hours" else "stop"] = known.machines[0]
    if kind == "inspection":
        chosen["look"] = known.inspections[-1]
    levers = levers_chosen(desk, chosen)
    assert [one["kind"] for one in levers] == [kind]
    pulled = pull(scene, *levers_from(levers))
    assert pulled is not scene
    same = [
        np.array_equal(getattr(a, name), getattr(b, name), equal_nan=getattr(a, name).dtype.kind == "f")
        if isinstance(getattr(a, name), np.ndarray)
        else getattr(a, name) == getattr(b, name)
        for a, b in ((scene.shop, pulled.shop), (scene.work, pulled.work), (scene.policy, pulled.policy))
        for name in a.__slots__
    ]
    assert not all(same)


def test_people_may_be_chosen_too_and_work_into_the_night(desk: Desk) -> None:
    known = choices_of(desk)
    operation, people = next((name, found) for name, found in known.people_of.items() if len(found) > 1)
    (lever,) = levers_chosen(desk, {"work": operation, "work_by": [people[0]]})
    assert (lever["scope"], lever["setting"]) == ("people", {operation: [people[0]]})
    machine = known.machines_of[operation][0]
    both = levers_chosen(desk, {"work": operation, "work_by": [people[0], machine]})
    assert [(one["scope"], one["setting"]) for one in both] == [
        (operation, {operation: [machine]}),
        ("people", {operation: [people[0]]}),
    ]
    night = {"hours_of": people[0], "hours_days": "week", "hours_from": "22", "hours_to": "6"}
    (lever,) = levers_chosen(desk, night)
    assert lever["setting"][people[0]][0] == [1, 22.0, 30.0]


@pytest.mark.parametrize(
    ("half", "code"),
    [
        ({"work": "turn", "work_by": []}, "half_assignment"),
        ({"look": "final", "look_after": ""}, "half_inspection"),
        ({"look": "final", "look_after": "final"}, "half_inspection"),
        ({"stop": "M1", "stop_every": "", "stop_takes": "1"}, "half_maintenance"),
        ({"hours_of": "M1", "hours_from": "", "hours_to": "6"}, "half_hours"),
        ({"hours_of": "M1", "hours_days": "never", "hours_from": "6", "hours_to": "14"}, "half_hours"),
    ],
)
def test_a_lever_that_is_chosen_by_half_is_told(desk: Desk, half: dict[str, object], code: str) -> None:
    with pytest.raises(InputError) as wrong:
        levers_chosen(desk, half)
    assert wrong.value.fault.code == code
