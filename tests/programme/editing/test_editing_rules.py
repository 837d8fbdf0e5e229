"""The language of rules, rule files, and what is said of rules that cannot be right."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.editing import broken, check_rules, compile_rules, from_frame, read_rules, rule_set, verdicts
from zhizao.programme.editing.language import parse
from zhizao.programme.items import item_keys


def fails(check: str, last: dict[str, float] | None = None, industry: str = "31", **told: float) -> bool:
    """Whether a return fails a check."""
    rows = [{"enterprise": "A", "period": "2025-06", "industry": industry, "revenue_cny": None, **told}]
    before = [pl.DataFrame([{"enterprise": "A", "period": "2025-05", **last}])] if last else []
    returns = from_frame(pl.DataFrame(rows), earlier=before)
    system = compile_rules(rule_set(read_rules(f"[{{id: R, check: '{check}'}}]"), shipped=False), "hard")
    found = broken(system, verdicts(system, system.records(returns), system.active(returns)))
    return bool(found[returns.judged][0, 0])


def test_a_part_is_no_more_than_its_whole():
    assert fails("debts_cny <= assets_cny", debts_cny=5, assets_cny=4)
    assert not fails("debts_cny <= assets_cny", debts_cny=4, assets_cny=4)


def test_a_condition_asks_only_where_it_is_met():
    check = "if revenue_cny > 0 then employees >= 1"
    assert fails(check, revenue_cny=1, employees=0)
    assert not fails(check, revenue_cny=0, employees=0)
    assert fails(f"{check} else employees == 0", revenue_cny=0, employees=3)


def test_a_ratio_is_judged_without_dividing():
    assert fails("output_cny / employees <= 10", output_cny=50, employees=4)
    assert not fails("2 <= output_cny / employees <= 10", output_cny=20, employees=4)
    assert fails("output_cny / employees <= 10", output_cny=5, employees=0)


def test_a_rule_may_look_at_last_month():
    assert fails("output_cny / last(output_cny) <= 5", {"output_cny": 10.0}, output_cny=60)
    assert not fails("output_cny / last(output_cny) <= 5", {"output_cny": 20.0}, output_cny=60)


def test_nothing_is_said_where_a_number_is_missing():
    assert not fails("debts_cny <= assets_cny", debts_cny=5)
    assert not fails("output_cny / last(output_cny) <= 5", output_cny=60)


def test_a_rule_for_some_groups_leaves_the_others_alone():
    check = 'if industry in {"31", "32"} then energy_tce > 0'.replace('"', '""').replace('""', '"')
    assert fails(check, industry="31", energy_tce=0)
    assert not fails(check, industry="14", energy_tce=0)
    assert fails('if industry != "14" then energy_tce > 0', industry="31", energy_tce=0)


def test_absolute_values_and_chinese_names_are_understood():
    assert fails("abs(wages_cny - tax_cny) <= 1", wages_cny=9, tax_cny=7)
    assert not fails("abs(wages_cny - tax_cny) >= 2", wages_cny=7, tax_cny=9)
    assert fails("负债合计 ≤ 资产总计 × 2", debts_cny=9, assets_cny=4)
    assert fails("如果 从业人员期末人数 > 0 那么 应付职工薪酬 > 0", employees=5, wages_cny=0)


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("debts_cny <= asets_cny", 14, "asets_cny"),
        ("debts_cny * assets_cny <= 5", 11, "multiplied"),
        ("debts_cny <= (assets_cny", 25, r'"\)" is missing'),
        ("debts_cny / profit_cny <= 1", 11, "below zero"),
        ("if debts_cny > 1", 17, "then"),
        ("debts_cny", 10, "comparison is missing"),
        ("debts_cny <= 3 assets_cny", 16, "not expected"),
        ("debts_cny <= 5 & 3", 16, "no meaning"),
        ("last(last(debts_cny)) <= 5", 1, "inside of last"),
        ("debts_cny / 0 <= 1", 11, "zero"),
        ("__import__('os') <= 1", 1, "__import__"),
        ("industry > 3", 10, "is a code"),
        ("output_cny / employees <= revenue_cny", 1, "no number"),
    ],
)
def test_a_fault_names_its_place(text: str, column: int, what: str):
    with pytest.raises(InputError, match=what) as caught:
        parse(text)
    assert caught.value.fault.where == f"column {column}"
    assert "^" in caught.value.fault.what and caught.value.fault.fix


def test_a_rule_that_wants_to_exhaust_the_machine_is_refused():
    for text in ("(" * 900 + "1 <= 2", "not " * 400 + "1 <= 2", "-" * 900 + "1 <= 2", "1 <= 2 " * 5000):
        with pytest.raises(InputError):
            parse(text)
    cases = " or ".join(f"(debts_cny > {i} and assets_cny > {i})" for i in range(9))
    with pytest.raises(InputError, match="too many cases"):
        parse(cases)


@given(st.text(max_size=60))
def test_any_text_is_either_a_rule_or_refused_in_words(text: str):
    try:
        parse(text)
    except InputError as error:
        assert error.fault.fix


def test_all_faults_of_a_file_are_shown_with_their_lines():
    text = "version: 1\nrules:\n- {id: A, check: wages_cny <= 1}\n- {id: B, check: x <= 1}\n- {check: tax_cny <= 1}\n- {id: A, check: tax_cny <= 1}\n"
    with pytest.raises(FaultsFound) as caught:
        read_rules(text, "own.yaml")
    assert [fault.where.split(",")[1].strip() for fault in caught.value.faults] == ["line 4", "line 5", "line 6"]


@pytest.mark.parametrize(
    "text", ["", "5", "rules: 3", "rules: [1, 2]", "{rules: [], extra: 1}", "a: [", "- {id: A, check: 5}"]
)
def test_a_file_of_another_shape_is_refused(text: str):
    with pytest.raises(InputError):
        read_rules(text, "own.yaml")


def test_an_own_rule_takes_the_place_of_a_shipped_one_or_switches_it_off():
    own = read_rules("[{id: BAL-VA, check: value_added_cny <= 2 * output_cny}, {id: BAL-NC, severity: off}]")
    chosen = rule_set(own)
    assert chosen["BAL-VA"].check == "value_added_cny <= 2 * output_cny"
    assert "BAL-NC" not in [rule.id for rule in chosen.rules]
    assert chosen.version != rule_set().version


def test_every_shipped_rule_speaks_both_languages_and_none_contradicts():
    shipped = rule_set()
    assert not [rule.id for rule in shipped.rules if not (rule.zh and rule.en)]
    assert {rule.kind for rule in shipped.rules} >= {"balance", "range", "ratio", "conditional", "source", "time"}
    assert {one.kind for one in check_rules(shipped)} <= {"redundant"}
    told = {field for rule in shipped.rules for field in rule.fields}
    assert told == set(item_keys())


def test_honest_returns_fail_no_hard_rule(honest: pl.DataFrame):
    returns = from_frame(honest)
    system = compile_rules(rule_set(), "hard")
    assert not broken(system, verdicts(system, system.records(returns), system.active(returns))).any()


def checked(*checks: str) -> list[tuple[str, tuple[str, ...]]]:
    rows = "\n".join(f"- {{id: R{i}, check: '{check}'}}" for i, check in enumerate(checks))
    return [(one.kind, one.rules) for one in check_rules(read_rules(rows)[1])]


def test_rules_that_contradict_are_named_and_no_others():
    assert checked("tax_cny >= 5", "wages_cny <= 3", "wages_cny >= tax_cny") == [("contradiction", ("R0", "R1", "R2"))]
    assert checked("tax_cny >= 5", "wages_cny <= 3", "tax_cny <= 4") == [("contradiction", ("R0", "R2"))]


def test_an_item_that_rules_leave_no_room_is_named():
    assert checked("tax_cny >= 0", "tax_cny <= wages_cny", "wages_cny <= 0.5")[1] == ("frozen", ("R1", "R2"))


def test_a_rule_that_follows_from_the_others_is_named():
    found = checked("tax_cny <= wages_cny", "wages_cny <= output_cny", "tax_cny <= output_cny")
    assert found == [("redundant", ("R2",))]
    assert checked("if tax_cny > 5 then wages_cny > 5", "wages_cny > 5")[0] == ("redundant", ("R0",))


def test_verdicts_are_the_same_compiled_and_plain(honest: pl.DataFrame, rng: np.random.Generator):
    from zhizao.programme.editing.system import judge_all

    returns = from_frame(honest)
    system = compile_rules(rule_set())
    z, active = system.records(returns), system.active(returns)
    z = np.where(rng.random(z.shape) < 0.1, np.nan, z * rng.choice([1, -1, 1e4], z.shape))
    found = verdicts(system, z, active)
    plain = np.ones_like(found[:40])
    judge_all(system.arrays, z[:40], active[:40], plain)
    assert found.size > 100_000 and (found[:40] == plain).all()
