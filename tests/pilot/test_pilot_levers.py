"""Each lever changes in the twin what it says and nothing else, and refuses what the twin does not know."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pilot_plants import plant_of

from zhizao.decide.twin.mechanism import Mechanism, Scene, worklog_of
from zhizao.decide.twin.run import simulate
from zhizao.decide.twin.shop import RULES
from zhizao.errors import InputError
from zhizao.pilot.candidates import base_of, propose, work_centers
from zhizao.pilot.hours import moved_hours, weekly_hours
from zhizao.pilot.levers import PULL_ORDER, Lever, pull, pull_all
from zhizao.pilot.search import undone
from zhizao.pilot.trial import Plan, try_sets
from zhizao.testing.carry_out import LEVERS, carry_out
from zhizao.testing.sample import truth

TWO = [[float(day), 6.0, 22.0] for day in range(1, 6)]


def differences(before: Any, after: Any, path: str = "") -> set[str]:
    """Names of the fields in which two trees of dataclasses differ."""
    found: set[str] = set()
    for one in fields(before):
        a, b = getattr(before, one.name), getattr(after, one.name)
        name = f"{path}{one.name}"
        if is_dataclass(a):
            found |= differences(a, b, f"{name}.")
        elif isinstance(a, np.ndarray):
            if a.shape != b.shape or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                found.add(name)
        elif a != b:
            found.add(name)
    return found


def machine(scene: Scene, name: str) -> int:
    return scene.shop.machines.index(name)


def options(scene: Scene, operation: str) -> set[str]:
    """Machines among which steps of an operation may choose."""
    work = scene.work
    steps = np.flatnonzero(work.operation == scene.operations.index(operation))
    return {
        scene.shop.machines[m]
        for s in steps
        for m in work.option_machine[work.option_ptr[s] : work.option_ptr[s + 1]].tolist()
    }


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "sequence"])
def test_dispatch_changes_the_rule_of_its_machines(scene: Scene, rule: str) -> None:
    changed = pull(scene, Lever("dispatch", "G1", {"rule": rule}, machines=("G1", "G2")))
    assert differences(scene, changed) <= {"policy.rule"}
    for at, name in enumerate(scene.shop.machines):
        same = changed.policy.rule[at] == scene.policy.rule[at]
        assert changed.policy.rule[at] == RULES.index(rule) if name in ("G1", "G2") else same


def test_a_scope_alone_is_that_machine_and_plant_is_all_of_them(scene: Scene) -> None:
    one = pull(scene, Lever("dispatch", "Q1", {"rule": "spt"}))
    assert np.sum(one.policy.rule == RULES.index("spt")) == 1
    every = pull(scene, Lever("dispatch", "plant", {"rule": "spt"}))
    assert (every.policy.rule == RULES.index("spt")).all()


def test_setup_family_is_the_rule_family(scene: Scene) -> None:
    changed = pull(scene, Lever("setup_family", "L1", {"rule": "family"}))
    assert differences(scene, changed) == {"policy.rule"}
    assert changed.policy.rule[machine(scene, "L1")] == RULES.index("family")


def test_release_sets_the_cap_and_transfer_the_quantity(scene: Scene) -> None:
    capped = pull(scene, Lever("release", "plant", {"wip_cap": 12}))
    assert differences(scene, capped) == {"policy.wip_cap"}
    assert capped.policy.wip_cap == 12
    split = pull(scene, Lever("transfer_batch", "plant", {"quantity": 5}))
    assert differences(scene, split) == {"policy.transfer_quantity"}
    assert split.policy.transfer_quantity == 5.0


def test_a_cap_is_kept_in_the_run(scene: Scene) -> None:
    capped = pull(scene, Lever("release", "plant", {"wip_cap": 12}))
    trace = simulate(capped.shop, capped.work, capped.policy, compiled=True)
    begin, end = trace.admitted_s, np.where(np.isfinite(trace.finished_s), trace.finished_s, np.inf)
    known = np.isfinite(begin)
    at = np.sort(begin[known])
    level = [int(np.sum((begin[known] <= t) & (end[known] > t))) for t in at[::7]]
    assert max(level) <= 12


def test_hours_change_the_calendars_of_those_who_are_named(scene: Scene) -> None:
    changed = pull(scene, Lever("hours", "plant", {"G1": TWO, "P10": TWO}))
    allowed = {f"shop.{name}" for name in ("calendar_ptr", "on_s", "off_s", "machine_calendar", "person_calendar")}
    assert differences(scene, changed) == allowed
    moved = changed.shop.machine_calendar != scene.shop.machine_calendar
    assert [scene.shop.machines[m] for m in np.flatnonzero(moved)] == ["G1"]
    posts = np.flatnonzero(changed.shop.person_calendar != scene.shop.person_calendar)
    assert [at for at, members in enumerate(scene.members) if "P10" in members] == posts.tolist()
    # calendars that nobody asked to change are as they were
    count = len(scene.shop.calendar_ptr) - 1
    assert np.array_equal(changed.shop.calendar_ptr[: count + 1], scene.shop.calendar_ptr)
    assert np.array_equal(changed.shop.on_s[: scene.shop.calendar_ptr[-1]], scene.shop.on_s)
    new = changed.shop.machine_calendar[machine(scene, "G1")]
    on, off = (
        array[changed.shop.calendar_ptr[new] : changed.shop.calendar_ptr[new + 1]]
        for array in (changed.shop.on_s, changed.shop.off_s)
    )
    whole = (off <= scene.horizon_s) & (on > 0)
    assert np.allclose((off - on)[whole], 16 * 3600.0)


def test_an_assignment_keeps_the_named_machines_for_its_operation_only(scene: Scene) -> None:
    changed = pull(scene, Lever("assignment", "turn", {"turn": ["L1", "L2"]}))
    assert options(scene, "turn") == {"L1", "L2", "L3"}
    assert options(changed, "turn") == {"L1", "L2"}
    assert all(options(changed, name) == options(scene, name) for name in scene.operations if name != "turn")
    assert differences(scene, changed) == {
        *("work.option_ptr", "work.option_machine", "work.option_factor", "work.option_defect"),
        *("lost_rate", "late_rate"),
    }
    sizes = np.diff(changed.work.option_ptr)
    assert len(changed.work.option_machine) == len(changed.lost_rate) == len(changed.late_rate) == sizes.sum()
    assert (sizes > 0).all()


def test_the_options_that_stay_keep_their_pace_and_their_rate_of_bad_pieces(scene: Scene) -> None:
    changed = pull(scene, Lever("assignment", "turn", {"turn": ["L2", "L3"]}))

    def table(of: Scene) -> dict[tuple[int, int], tuple[float, float, float]]:
        step = np.repeat(np.arange(len(of.work.operation)), np.diff(of.work.option_ptr))
        keys = zip(step.tolist(), of.work.option_machine.tolist(), strict=True)
        values = zip(of.work.option_factor.tolist(), of.lost_rate.tolist(), of.late_rate.tolist(), strict=True)
        return dict(zip(keys, values, strict=True))

    before = table(scene)
    assert all(before[key] == value for key, value in table(changed).items())


def test_work_given_to_people_is_asked_of_them_only(scene: Scene) -> None:
    wanted = ["P03", "P13", "P06", "P16"]
    changed = pull(scene, Lever("assignment", "turn", {"turn": wanted}))
    assert differences(scene, changed) == {"shop.skill_ptr", "shop.skill_person", "work.skill"}
    turn = scene.work.operation == scene.operations.index("turn")
    assert np.array_equal(changed.work.skill[~turn], scene.work.skill[~turn])
    trace = simulate(changed.shop, changed.work, changed.policy, until_s=changed.window_s, compiled=True)
    log = worklog_of(changed, trace)
    assert set(log.frame.filter(operation="turn")["person"].drop_nulls()) <= set(wanted)


def test_an_inspection_moves_and_every_order_keeps_its_steps(scene: Scene) -> None:
    changed = pull(scene, Lever("inspection", "check", {"operation": "check", "after": "turn", "caught": 0.04}))
    check, turn = (scene.operations.index(name) for name in ("check", "turn"))
    moved = 0
    for first, last in pairwise(scene.work.first):
        before, after = scene.work.operation[first:last], changed.work.operation[first:last]
        assert sorted(before) == sorted(after)
        regular = after[changed.work.gate[first:last] < 0]
        if turn in regular and check in regular:
            at = int(np.flatnonzero(regular == turn)[0])
            assert regular[at + 1] == check
            moved += not np.array_equal(before, after)
        gates = changed.work.gate[first:last]
        inside = gates >= 0
        assert (gates[inside] >= first).all()
        assert (gates[inside] < first + np.flatnonzero(inside)).all()  # rework stands behind what it mends
    assert moved > 100
    # who made it is still who made it
    gate, was = changed.work.gate[changed.work.gate >= 0], scene.work.gate[scene.work.gate >= 0]
    assert sorted(changed.work.operation[gate]) == sorted(scene.work.operation[was])
    assert not {name for name in differences(scene, changed) if name.startswith(("shop", "policy"))}
    assert changed.work.run_s.sum() < scene.work.run_s.sum()


def test_an_inspection_that_is_there_already_stays(scene: Scene) -> None:
    changed = pull(scene, Lever("inspection", "final", {"operation": "final", "after": "check", "caught": 0.0}))
    regular = scene.work.gate < 0
    assert np.array_equal(scene.work.operation[regular], changed.work.operation[changed.work.gate < 0])


def test_maintenance_stretches_the_time_between_breakdowns_and_takes_its_time(scene: Scene) -> None:
    lever = Lever("maintenance", "M1", {"machine": "M1", "every_h": 24.0, "takes_h": 1.0, "mtbf_factor": 3.0})
    changed = pull(scene, lever)
    assert differences(scene, changed) <= {"work.break_after_s", "work.option_factor", "shop.mtbf_s"}
    m1 = machine(scene, "M1")
    low, high = scene.work.break_ptr[m1 : m1 + 2]
    assert np.allclose(changed.work.break_after_s[low:high], 3.0 * scene.work.break_after_s[low:high])
    mine = scene.work.option_machine == m1
    assert np.allclose(changed.work.option_factor[mine] * 24.0 / 25.0, scene.work.option_factor[mine])
    assert np.array_equal(changed.work.option_factor[~mine], scene.work.option_factor[~mine])


def test_a_schedule_ranks_every_step_and_is_followed(mechanism: Mechanism, scene: Scene) -> None:
    start = mechanism.past.until_s
    from zhizao.decide.twin.records import to_time

    short = mechanism.replay(np.random.default_rng(2), start=to_time(start - 5 * 86400.0, mechanism.zone))
    changed = pull(short, Lever("schedule", "plant", {"file": "schedule.csv", "every_h": 96.0}))
    assert differences(short, changed) == {"policy.rule", "policy.priority"}
    assert (changed.policy.rule == RULES.index("sequence")).all()
    assert np.isfinite(changed.policy.priority).all()
    assert len(changed.policy.priority) == len(short.work.operation)


def test_levers_are_pulled_together_resources_first(scene: Scene) -> None:
    levers = (Lever("assignment", "turn", {"turn": ["L1", "L2"]}), Lever("dispatch", "plant", {"rule": "edd"}))
    assert differences(pull_all(scene, levers), pull_all(scene, levers[::-1])) == set()
    assert PULL_ORDER.index("hours") < PULL_ORDER.index("dispatch") < PULL_ORDER.index("schedule")
    assert set(PULL_ORDER) == set(LEVERS)


def test_pulling_leaves_the_scene_as_it_was(scene: Scene) -> None:
    copies = replace(scene, work=replace(scene.work, run_s=scene.work.run_s.copy()), lost_rate=scene.lost_rate.copy())
    for lever in (
        Lever("maintenance", "M1", {"machine": "M1", "every_h": 24.0, "takes_h": 1.0, "mtbf_factor": 3.0}),
        Lever("inspection", "check", {"operation": "check", "after": "turn", "caught": 0.5}),
        Lever("hours", "plant", {"G1": TWO}),
        Lever("assignment", "turn", {"turn": ["L1"]}),
        Lever("dispatch", "plant", {"rule": "edd"}),
    ):
        pull(scene, lever)
    assert differences(scene, copies) == set()


@pytest.mark.parametrize(
    ("lever", "word"),
    [
        (Lever("magic", "plant", {}), "magic"),
        (Lever("dispatch", "X9", {"rule": "edd"}), "X9"),
        (Lever("dispatch", "G1", {"rule": "best"}), "best"),
        (Lever("dispatch", "G1", {}), "rule"),
        (Lever("setup_family", "X9", {"rule": "family"}), "X9"),
        (Lever("release", "plant", {}), "wip_cap"),
        (Lever("release", "plant", {"wip_cap": 0}), "0"),
        (Lever("release", "plant", {"wip_cap": "many"}), "many"),
        (Lever("transfer_batch", "plant", {"quantity": -1}), "-1"),
        (Lever("hours", "plant", {"X9": TWO}), "X9"),
        (Lever("assignment", "paint", {"paint": ["L1"]}), "paint"),
        (Lever("assignment", "turn", {"turn": ["X9"]}), "X9"),
        (Lever("assignment", "turn", {"turn": ["P99"]}), "P99"),
        (Lever("assignment", "turn", {"turn": []}), "turn"),
        (Lever("hours", "plant", {"G1": [[9, 6, 22]]}), "9"),
        (Lever("hours", "plant", {"G1": [[1, 22, 6]]}), "22"),
        (Lever("hours", "plant", {"G1": [["Mon", 6, 22]]}), "Mon"),
        (Lever("assignment", "paint", {"paint": ["P01"]}), "paint"),
        (Lever("inspection", "check", {"operation": "check", "after": "paint"}), "paint"),
        (Lever("inspection", "check", {"operation": "check"}), "after"),
        (Lever("maintenance", "X9", {"machine": "X9", "every_h": 24.0, "takes_h": 1.0}), "X9"),
        (Lever("maintenance", "M1", {"machine": "M1", "every_h": 0.0, "takes_h": 1.0}), "every_h"),
        (Lever("maintenance", "M1", {"machine": "M1", "every_h": 24.0}), "takes_h"),
    ],
)
def test_what_the_twin_does_not_know_is_refused(scene: Scene, lever: Lever, word: str) -> None:
    with pytest.raises(InputError) as caught:
        pull(scene, lever)
    assert word in caught.value.fault.what
    assert caught.value.fault.code == "bad_lever"


def test_closing_the_bottleneck_is_no_improvement(mechanism: Mechanism) -> None:
    shut = Lever("hours", "plant", {name: [[1, 6.0, 7.0]] for name in ("G1", "G2")})
    found = try_sets(Plan(mechanism, plant_of("messy")), [(), (shut,)], seed=1, runs=2)
    assert undone(found.values[1], found.values[0]) == "fewer_finished"
    assert undone(found.values[0], found.values[0]) == ""


@pytest.mark.slow
def test_moved_hours_keep_their_sum_and_stay_in_the_open_hours(mechanism: Mechanism, scene: Scene) -> None:
    base = base_of(scene, simulate(scene.shop, scene.work, scene.policy, compiled=True))
    found = list(moved_hours(scene, base.busy))
    assert [name for name, _, _ in found] == ["hours:33%", "hours:67%", "hours:100%"]
    for _, setting, why in found:
        assert why
        now = then = 0.0
        for name, week in setting.items():
            length = sum(end - start for _, start, end in week)
            was = sum(end - start for _, start, end in weekly_hours(scene, name))
            if name in scene.shop.machines:
                now, then = now + was, then + length
                assert all(6.0 <= start < end <= 22.0 for _, start, end in week)
            else:
                assert length == pytest.approx(was, abs=0.1)  # nobody works longer
            assert len({day for day, _, _ in week}) == len(week)
        # half-hours: each machine may be rounded by half of one a day
        assert abs(then - now) <= 0.25 * 6 * len(setting)
    grown = {name for name in scene.shop.machines if name in found[-1][1]}
    longer = {
        name
        for name in grown
        if sum(e - s for _, s, e in found[-1][1][name]) > sum(e - s for _, s, e in weekly_hours(scene, name))
    }
    assert longer & {"G1", "G2", "Q1"}  # the bottleneck gets hours
    assert not longer & {"S1", "S2"}


def test_machines_that_share_work_are_a_work_centre(scene: Scene) -> None:
    groups = {frozenset(group) for group in work_centers(scene)}
    assert frozenset({"L1", "L2", "L3"}) in groups
    assert frozenset({"G1", "G2"}) in groups
    assert frozenset({"Q1"}) in groups


def test_every_candidate_can_be_pulled_in_the_twin_and_carried_out_in_the_plant(
    mechanism: Mechanism, scene: Scene, log_of: Any
) -> None:
    base = base_of(scene, simulate(scene.shop, scene.work, scene.policy, compiled=True))
    candidates = propose(log_of("messy"), plant_of("messy"), mechanism, scene, base)
    kinds = {lever.kind for one in candidates for lever in one.levers}
    assert kinds >= {"dispatch", "setup_family", "release", "transfer_batch", "hours", "assignment", "inspection"}
    assert len({one.name for one in candidates}) == len(candidates)
    plant = truth("messy")
    for one in candidates:
        pull_all(scene, one.levers)
        told = [
            {"kind": lever.kind, "scope": lever.scope, "setting": lever.setting, "machines": lever.machines}
            for lever in one.levers
        ]
        done = carry_out(plant, told)
        assert done != plant or one.name.startswith("people:"), (
            one.name
        )  # who is asked first may be asked first already
        assert all(lever.why for lever in one.levers), one.name


def test_the_plant_as_it_is_has_loads_below_one_and_queues_where_they_are(scene: Scene) -> None:
    base = base_of(scene, simulate(scene.shop, scene.work, scene.policy, until_s=scene.window_s, compiled=True))
    busy = dict(zip(scene.shop.machines, base.busy.tolist(), strict=True))
    assert all(0.0 < load < 1.02 for name, load in busy.items() if name != "H1")
    assert max(busy["S1"], busy["S2"]) < min(busy["G1"], busy["G2"])
    waits = dict(zip(scene.shop.machines, base.waiting_h.tolist(), strict=True))
    assert waits["G1"] + waits["G2"] > 2 * (waits["S1"] + waits["S2"])
    assert base.wip > 5
