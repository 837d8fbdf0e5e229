"""The definitions and values that are shipped, against the plan and the published values beside the project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from zhizao.programme.indicators import Kind, actuals, catalogue, definitions, plan_table

KINDS = {
    "level": Kind.LEVEL,
    "cumulative_change_vs_2015": None,
    "avg_annual_growth_in_five_year_plan_period": Kind.GROWTH,
}


def facts(shared: Path, name: str) -> Any:
    file = shared.parent / "facts" / name
    if not file.exists():
        pytest.skip(f"{name} is absent beside the public data")
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def number(cell: str) -> float | None:
    """What a printed cell of either language says, as the plan counts it."""
    if cell == "–":
        return None
    found = re.search(r"(?:下降|−)?\s*([\d,]+\.?\d*)(?=\s*(?:%|个百分点|points|左右|$))", cell.replace("2015年", ""))
    assert found, cell
    value = float(found[1].replace(",", ""))
    return -value if "下降" in cell or "−" in cell else value


@pytest.mark.shared
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_plans_table_is_reproduced_from_the_definitions(shared: Path, lang: str):
    plan = facts(shared, "plan.yaml")["indicators"]
    table = plan_table(lang)
    assert table.years == (2013, 2015, 2020, 2025)
    assert [row.id for row in table.rows] == [one["id"] for one in plan]
    for row, one in zip(table.rows, plan, strict=True):
        assert row.category == one[f"category_{lang}"]
        assert {year: number(cell) for year, cell in zip(table.years, row.cells, strict=True)} == one["values"]
        assert row.footnote == one["footnote"]
        if lang == "zh":
            assert row.name.startswith(one["title_zh"])


@pytest.mark.shared
def test_kinds_directions_and_targets_are_the_plans(shared: Path):
    found = definitions()
    for one in facts(shared, "plan.yaml")["indicators"]:
        made = found[one["id"]]
        assert made.direction == one["direction"]
        kind = KINDS[one["value_type"]]
        expected = {kind} if kind else {Kind.POINTS if one["unit"] == "percentage points" else Kind.REDUCTION}
        assert made.kind in expected
        for year in (2020, 2025):
            target = made.target("plan2025", year)
            assert target is not None
            assert target.value == one["values"][year]
            assert (target.bound == "about") == bool(one.get("approx"))


@pytest.mark.shared
def test_every_target_of_the_columns_is_there_with_its_number_or_as_a_goal(shared: Path):
    found = catalogue()
    numbered = {t.id: t for one in found.current.values() for t in one.targets if t.id}
    goals = {one.id: one for one in found.goals}
    wanted = {t["id"]: t for item in facts(shared, "plan.yaml")["items"] for t in item["targets"]}
    assert len(wanted) == 17
    assert set(wanted) == set(numbered) | set(goals)
    for key, one in wanted.items():
        if one["value"] is None:
            assert goals[key].year == one["year"]
        else:
            assert (numbered[key].year, numbered[key].value) == (one["year"], one["value"])
            assert (numbered[key].bound == "about") == bool(one["approx"])


@pytest.mark.shared
def test_the_three_steps_are_the_plans(shared: Path):
    wanted = facts(shared, "plan.yaml")["strategic_steps"]
    assert [(one.id, one.step, one.by, one.zh) for one in catalogue().steps] == [
        (one["id"], one["step"], one["by"], one["goal_zh"]) for one in wanted
    ]


@pytest.mark.shared
def test_other_sets_of_targets_are_the_published_ones(shared: Path):
    found = definitions()
    for one in facts(shared, "actuals.yaml")["indicators"]:
        for other in one.get("other_targets", []):
            made = [t for t in found[one["id"]].targets if t.target_set != "plan2025" and t.value == other["value"]]
            assert len(made) == 1, one["id"]
            assert made[0].base_year == other.get("base_year")


@pytest.mark.shared
def test_every_published_value_is_shipped_with_its_source_and_its_doubts(shared: Path):
    given = facts(shared, "actuals.yaml")
    shipped = actuals().observations
    for one in given["indicators"]:
        rows = [*one["observations"], *one.get("level_observations", [])]
        for row in rows:
            if row["source"] == "unverified-recall" and row in one.get("level_observations", []):
                continue  # a remembered level at current prices, of no use
            same = [
                each
                for each in shipped
                if each.indicator == one["id"] and each.value == row["value"] and each.source == row["source"]
            ]
            assert same, (one["id"], row)
            assert same[0].confidence == row["confidence"]
            assert same[0].unverified == (row["source"] == "unverified-recall")
            assert bool(row.get("bound")) == bool(same[0].bound)


def test_no_value_that_is_only_remembered_passes_as_a_fact():
    for one in actuals().observations:
        assert one.unverified == (one.source == "unverified-recall")
        assert not one.unverified or one.confidence == "low"


def test_every_value_names_a_source_that_is_listed_with_its_day():
    found = actuals()
    for one in found.observations:
        if not one.unverified:
            assert one.source in found.sources
            assert one.published is not None
            assert one.published.year >= one.year or one.forecast


def test_every_value_belongs_to_a_declared_indicator_and_series():
    found, known = actuals(), definitions()
    for one in found.observations:
        assert one.indicator in known
        assert one.series in [each.id for each in found.series[one.indicator]]
        assert bool(one.note_zh) == bool(one.note_en)
