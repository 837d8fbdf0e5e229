"""Definitions of indicators: what is shipped, what a user's file changes, what is refused and how it says so."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.indicators import Kind, catalogue, definitions, plan_table, print_target
from zhizao.programme.indicators.safeyaml import read_yaml
from zhizao.programme.items import item_keys

OWN = """
target_sets: [{id: park, zh: 园区规划, en: plan of the park}]
indicators:
- id: PARK.scrap
  zh: 不合格品率
  en: share of defective pieces
  unit: '%'
  direction: decrease
  kind: level
  ceiling: 100
  formula: {of: ratio, numerator: {products_defective: 1}, denominator: {products_made: 1}, scale: 100}
  targets: [{year: 2030, value: 1.5, target_set: park}]
"""


def test_the_plan_has_twelve_indicators_of_four_kinds():
    table = [one for one in definitions().values() if one.group == "table"]
    assert [one.id for one in table] == [f"IND{n:02d}" for n in range(1, 13)]
    kinds = {kind: [one.id for one in table if one.kind is kind] for kind in Kind}
    assert kinds[Kind.POINTS] == ["IND04"]
    assert kinds[Kind.GROWTH] == ["IND05"]
    assert kinds[Kind.REDUCTION] == ["IND09", "IND10", "IND11"]
    assert len(kinds[Kind.LEVEL]) == 7


def test_changes_count_from_2015_and_growth_over_five_years():
    found = definitions()
    assert {found[key].base_year for key in ("IND04", "IND09", "IND10", "IND11")} == {2015}
    assert found["IND05"].period_years == 5


def test_growth_and_intensity_are_in_constant_prices_and_shares_of_money_are_not():
    found = definitions()
    constant = {key for key, one in found.items() if one.formula.prices == "constant"}
    assert constant == {"IND05", "IND09", "IND10", "IND11", "C4.pollutants"}


def test_the_rate_of_numerical_control_is_a_mean_of_rates_with_its_weighting_named():
    formula = definitions()["IND08"].formula
    assert (formula.of, formula.weight) == ("mean_of_rates", "none")


def test_the_quality_index_has_twelve_scores_of_which_six_are_declared_placeholders():
    parts = definitions()["IND03"].formula.parts
    assert len(parts) == 12
    assert sum(part.placeholder for part in parts) == 6


def test_every_formula_uses_items_of_the_return():
    for one in definitions().values():
        used = {*one.formula.numerator, *one.formula.denominator}
        assert used <= set(item_keys()), one.id


def test_every_text_stands_in_both_languages():
    for one in definitions().values():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in one.zh), one.id
        assert not any("\u4e00" <= letter <= "\u9fff" for letter in one.en), one.id


def test_a_users_indicator_is_added():
    found = catalogue(OWN)
    assert found.current["PARK.scrap"].group == "own"
    assert found.current["PARK.scrap"].version == 1
    assert "park" in found.target_sets


def test_a_users_change_is_a_new_version_and_the_old_one_is_kept():
    found = catalogue(
        "indicators: [{id: IND08, formula: {of: mean_of_rates, numerator: {key_processes_nc: 1},"
        " denominator: {key_processes: 1}, scale: 100, weight: employees}}]"
    )
    assert [one.version for one in found.versions["IND08"]] == [1, 2]
    assert found.at("IND08", 1).formula.weight == "none"
    assert found.current["IND08"].formula.weight == "employees"
    assert found.current["IND08"].targets == found.at("IND08", 1).targets


def test_a_changed_target_replaces_that_of_its_set_and_year_only():
    changed = catalogue("indicators: [{id: IND07, targets: [{year: 2025, value: 86}]}]").current["IND07"]
    assert {(one.target_set, one.year): one.value for one in changed.targets} == {
        ("plan2025", 2020): 72.0,
        ("14fyp", 2025): 85.0,
        ("plan2025", 2025): 86.0,
    }


def test_two_files_after_each_other_make_two_versions():
    text = "indicators: [{id: IND07, targets: [{year: 2025, value: %d}]}]"
    assert catalogue(text % 86, text % 87).current["IND07"].version == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("indicators: [{id: IND07, kin: level}]", '"kin" is not a field'),
        ("indicators: [{id: IND07, version: 1}]", "version 1 of IND07 is there already"),
        ("indicators:\n- {id: IND07}\n- {id: IND07}", '"IND07" is defined twice'),
        ("indicators: [{id: IND07, kind: lvl}]", "'level', 'points', 'growth' or 'reduction', not 'lvl'"),
        ("indicators: [{id: IND07, kind: reduction}]", "a change needs its base_year"),
        ("indicators: [{id: IND07, targets: [{year: 2030, value: .nan}]}]", "finite number"),
        ("indicators: [{id: IND07, targets: [{year: 2030, value: 101}]}]", "above the ceiling"),
        ("indicators: [{id: IND07, targets: [{year: 2030, value: 90, target_set: x}]}]", 'set "x" is not declared'),
        ("indicators: [{id: IND07, footnote_zh: 注, footnote_en: ''}]", "footnote_en is not"),
        (
            "indicators: [{id: IND01, formula: {of: ratio, numerator: {rd: 1}, denominator: {revenue_cny: 1}}}]",
            '"rd" is not an item',
        ),
        (
            "indicators: [{id: X, en: a, unit: '%', direction: increase, kind: level, formula: {of: external}}]",
            "name in Chinese is missing",
        ),
        ("indicators: [7]", "this is a number, not fields"),
        ("indicators: 7", "indicators is a number, not a list"),
        ("targets: []", "is no part of a file of definitions"),
        ("just text", "holds text, not definitions"),
    ],
)
def test_what_is_wrong_with_a_definition_is_said(text: str, said: str):
    with pytest.raises(InputError) as caught:
        catalogue(text, names=["own.yaml"])
    fault = caught.value.fault
    assert said in str(caught.value)
    assert fault.where.startswith("own.yaml")
    assert fault.fix


def test_all_faults_of_a_file_are_shown_together():
    with pytest.raises(FaultsFound) as caught:
        catalogue("indicators: [{id: A}, {id: IND07, kin: 1}, {id: IND08, version: 1}]")
    assert len(caught.value.faults) >= 6


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1]\nb: [*a, *a]",
        "!!python/object/apply:os.system ['true']",
        "{a: 1, a: 2}",
        "? [1, 2]\n: 3",
        "a: [" * 60 + "]" * 60,
        "a: [1,",
        "\x00",
        "a" * 2_000_001,
    ],
    ids=["alias", "tag", "twice", "key", "deep", "cut off", "nul", "huge"],
)
def test_hostile_yaml_is_refused_in_words(text: str):
    with pytest.raises(InputError) as caught:
        read_yaml(text, "own.yaml")
    assert caught.value.fault.where.startswith("own.yaml")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_of_definitions(text: str):
    with suppress(InputError):
        catalogue(text)


def test_printed_forms_follow_the_kind():
    found = definitions()
    shown = {key: print_target(found[key], found[key].targets[-1], "zh") for key in ("IND07", "IND09", "C1.centres")}
    assert shown == {"IND07": "85", "IND09": "比2020年下降13.5%", "C1.centres": "40左右"}


def test_the_table_follows_a_changed_definition():
    found = catalogue("indicators: [{id: IND07, targets: [{year: 2025, value: 86}]}]")
    row = next(row for row in plan_table("en", given=found.current).rows if row.id == "IND07")
    assert row.cells == ("52", "58", "72", "86")
