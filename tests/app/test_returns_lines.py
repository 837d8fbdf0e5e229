"""What stands beside the lines of a return: facts, earlier months, checks; each as far as a person may see it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from zhizao.app import steps
from zhizao.app.facts import import_facts
from zhizao.app.returns_desk import ReturnsDesk
from zhizao.app.returns_lines import before, checked, facts_behind
from zhizao.app.returns_rules import hold_back
from zhizao.clock import now
from zhizao.errors import InputError, NotAllowed
from zhizao.programme.items import items
from zhizao.programme.returns import Actor
from zhizao.record import Workspace
from zhizao.testing.sample import ENTERPRISE, generate

MONTH = "2025-03"
REPORTER = Actor(name="zhao", role="reporter", unit=ENTERPRISE)
REVIEWER = Actor(name="sun", role="reviewer", unit="GD-P1")
EVALUATOR = Actor(name="wang", role="evaluator", unit="")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReturnsDesk]:
    source, folder = tmp_path_factory.mktemp("sample"), tmp_path_factory.mktemp("lines") / "plant"
    generate(source, weeks=6, seed=3)
    folder.mkdir()
    for name in ("plant.yaml", "units.yaml"):
        shutil.copy(source / name, folder)
    with Workspace.open(folder) as place:
        steps.import_records(place, source / "records.csv")
        for name in ("meters.csv", "accounts.csv"):
            import_facts(place, source / name, now=now())
        yield ReturnsDesk.of_workspace(place)


def test_the_facts_behind_a_line_are_just_those_that_it_counts(desk: ReturnsDesk) -> None:
    filled = desk.fill(MONTH)
    assert filled.filled > 25
    for key in ("revenue_cny", "employees", "energy_tce", "electricity_kwh", "water_m3", "products_made", "coal_t"):
        line, found = filled.lines[key], facts_behind(desk, REPORTER, ENTERPRISE, MONTH, key)
        numbers = found["event"].to_list()
        assert len(set(numbers)) == line.count, key
        assert (min(numbers, default=None), max(numbers, default=None)) == (line.first, line.last), key


def test_facts_are_for_those_who_report(desk: ReturnsDesk) -> None:
    for actor in (REVIEWER, EVALUATOR):
        with pytest.raises(NotAllowed):
            facts_behind(desk, actor, ENTERPRISE, MONTH, "water_m3")
    with pytest.raises(InputError):
        facts_behind(desk, REPORTER, ENTERPRISE, MONTH, "gold_t")


def test_the_month_before_is_what_was_submitted_else_what_the_journal_fills_for_those_who_may_see_it(
    desk: ReturnsDesk,
) -> None:
    last, year_ago = before(desk, REPORTER, ENTERPRISE, "2025-04")
    assert (last.period, last.source, year_ago.period, year_ago.source) == (MONTH, "journal", "2024-04", "")
    assert last.values["revenue_cny"] == desk.fill(MONTH).lines["revenue_cny"].value
    for actor in (REVIEWER, EVALUATOR):
        assert before(desk, actor, ENTERPRISE, "2025-04")[0].values == {}


def test_checks_name_rule_lines_and_the_fewest_fields_to_change(desk: ReturnsDesk) -> None:
    values = {key: value or 0.0 for key, value in desk.fill(MONTH).values.items()}
    values |= {"operating_cost_cny": 2e6, "capacity_cny": 2e6, "products_defective": values["products_made"] + 5.0}
    found = checked(desk, REPORTER, ENTERPRISE, MONTH, values, {"products_made": "a batch came back"}, "zh")
    wrong = {one.rule: one for one in found.failed}
    assert wrong["BAL-DEFECT"].hard and wrong["BAL-DEFECT"].explained and "不合格品" in wrong["BAL-DEFECT"].said
    assert wrong["BAL-DEFECT"].lines == ("products_made", "products_defective")
    assert set(found.suspected) & {"products_made", "products_defective"}
    assert [one.hard for one in found.failed] == sorted((one.hard for one in found.failed), reverse=True)


def test_the_samples_own_return_keeps_every_hard_rule_once_a_person_has_filled_the_rest(
    desk: ReturnsDesk,
) -> None:
    month, filled = MONTH, desk.fill(MONTH)
    by_hand = {"capacity_cny": 2e6}
    values = {key: by_hand.get(key, 0.0) if value is None else value for key, value in filled.values.items()}
    found = checked(desk, REPORTER, ENTERPRISE, month, values)
    assert [one.rule for one in found.failed if one.hard] == []
    assert hold_back(desk.tree.units[ENTERPRISE], ENTERPRISE, month, values, {}) == []
    # the cost says that it is without material, which is more than all of it
    cost, materials = filled.lines["operating_cost_cny"], filled.lines["materials_cny"]
    assert any("without the material in good pieces" in one for one in cost.remarks("en"))
    assert any("不含合格品所用材料" in one for one in cost.remarks("zh"))
    assert (materials.value or 0) > (cost.value or 0)
    assert (materials.value or 0) < (filled.lines["output_cny"].value or 0)


def test_the_desk_holds_back_just_the_hard_rules_that_no_note_explains(desk: ReturnsDesk) -> None:
    values: dict[str, float | None] = {**dict.fromkeys(items(), 1.0), "products_defective": 3.0}
    hard = {one.rule for one in checked(desk, REPORTER, ENTERPRISE, MONTH, values).failed if one.hard}
    unit = desk.tree.units[ENTERPRISE]
    assert {one.what.split(":")[0] for one in hold_back(unit, ENTERPRISE, MONTH, values, {})} == hard
    notes = {"products_made": "a batch came back"}
    assert {one.what.split(":")[0] for one in hold_back(unit, ENTERPRISE, MONTH, values, notes)} == hard - {
        "BAL-DEFECT"
    }
    assert hold_back(unit, ENTERPRISE, MONTH, values, {"products_made": "  "}) != []


def test_checks_tell_blank_lines_and_values_that_cannot_be_taken(desk: ReturnsDesk) -> None:
    found = checked(desk, REPORTER, ENTERPRISE, MONTH, {"water_m3": -1.0, "digital_rd_tools": 0.5}, {"coal_t": "none"})
    assert set(found.blank) == set(items()) - {"water_m3", "digital_rd_tools", "coal_t"}
    assert {(one["line"], one["code"]) for one in found.faults} == {
        ("water_m3", "negative"),
        ("digital_rd_tools", "flag"),
    }


def test_checks_are_for_those_who_see_all_of_the_return(desk: ReturnsDesk) -> None:
    assert checked(desk, REVIEWER, ENTERPRISE, MONTH, {}).blank
    with pytest.raises(NotAllowed):
        checked(desk, EVALUATOR, ENTERPRISE, MONTH, {})
