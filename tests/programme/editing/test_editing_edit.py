"""From a table to located errors, corrected figures and an account of every cell."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.editing import (
    account,
    as_json,
    broken,
    compile_rules,
    corrected,
    edit,
    from_frame,
    located_rows,
    recognise,
    rule_set,
    verdicts,
)
from zhizao.programme.items import item_keys, items
from zhizao.testing.bad_returns import spoil


@pytest.fixture(scope="module")
def spoilt(honest: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    return spoil(honest, np.random.default_rng(5), share=0.3)


@pytest.fixture(scope="module")
def done(spoilt):
    told = spoilt[0]
    last = pl.col("period") == told["period"].max()
    return edit(from_frame(told.filter(last), earlier=[told.filter(~last)]), rule_set())


def test_after_editing_every_hard_rule_holds(done):
    system = compile_rules(rule_set(), "hard")
    after = done.returns.with_values(done.values)
    assert not broken(system, verdicts(system, system.records(after), system.active(after))).any()
    assert done.hard.any()


def test_every_cell_is_accounted_for(done):
    said = account(done)
    assert said["cells"] == said["kept"] + said["corrected"] + said["imputed"] + said["missing"] == 250 * 40
    assert sum(said["corrected_by"].values()) == said["corrected"]
    assert sum(said["imputed_by"].values()) == said["imputed"]


def test_what_was_not_marked_stays_as_it_was_reported(done):
    marked = (done.deduced.method > 0) | (done.imputed.way > 0)
    assert np.array_equal(done.values[~marked], done.returns.values[~marked], equal_nan=True)


@pytest.mark.parametrize("kind", ["unit", "unit_of_all_money", "sign", "swap", "balance", "contradiction"])
def test_most_seeded_errors_are_located_in_the_field_they_were_made_in(kind: str, done, spoilt):
    truth = spoilt[1].filter(pl.col("kind") == kind)
    by_enterprise = {row["enterprise"]: row for row in located_rows(done)}
    hits = [
        item in by_enterprise.get(name, {"fields": []})["fields"] for name, item in truth["enterprise", "item"].rows()
    ]
    assert np.mean(hits) > 0.85


def test_good_returns_are_hardly_ever_corrected(done, spoilt):
    good = ~np.isin(done.returns.enterprise, spoilt[1]["enterprise"].unique().to_list())
    assert ((done.deduced.method > 0) | (done.localised.mark == 1))[good].any(axis=1).mean() < 0.01


def test_the_json_has_its_shape_and_is_json(done):
    said = as_json(done, "zh")
    assert set(said) == {
        "rules", "records", "failed", "located", "outliers", "suspicious", "callbacks", "imputed", "account",
    }  # fmt: skip
    assert said["records"] == 250 and said["failed"] == int(done.hard.any(axis=1).sum())
    assert {"enterprise", "period", "row", "fields", "edits", "suggest", "method"} == set(said["located"][0])
    assert {"rank", "enterprise", "item", "score", "effect"} <= set(said["callbacks"][0])
    assert json.loads(json.dumps(said, allow_nan=False)) == said


def test_the_corrected_table_can_be_edited_again_and_nothing_hard_fails(done):
    again = edit(from_frame(corrected(done)), rule_set(), signs=False)
    assert not again.hard.any()


def test_a_return_that_no_change_can_mend_is_said_to_be_so():
    from zhizao.programme.editing import read_rules

    own = read_rules("[{id: A, check: employees >= 5}, {id: B, check: employees <= 3}]")
    found = edit(from_frame(pl.DataFrame([{"enterprise": "A", "employees": 4.0}])), rule_set(own))
    assert located_rows(found)[0]["method"] == "impossible" and len(found.impossible) == 1


def test_one_return_alone_can_be_edited():
    told = pl.DataFrame([{"企业代码": "A", "产品产量": "1,200", "不合格品数": "1500"}])
    (row,) = located_rows(edit(from_frame(told), rule_set()))
    assert "BAL-DEFECT" in row["edits"] and row["fields"] in (["products_made"], ["products_defective"])


def test_the_fewest_fields_respect_reliability():
    told = from_frame(pl.DataFrame([{"enterprise": "A", "products_made": 1200.0, "products_defective": 1500.0}]))
    for trusted, blamed in (("products_made", "products_defective"), ("products_defective", "products_made")):
        weight = np.ones(40)
        weight[item_keys().index(trusted)] = 3.0
        assert located_rows(edit(told, rule_set(), reliability=weight))[0]["fields"] == [blamed]


def test_headings_are_recognised_in_both_languages_and_with_units():
    for item in items().values():
        for heading in (item.key, item.zh, item.en.upper(), f"{item.zh}（{item.unit}）", f"{item.en} ({item.unit})"):
            assert recognise([heading]) == {heading: item.key}


def test_periods_and_numbers_are_read_as_people_write_them():
    told = pl.DataFrame(
        {
            "企业": ["A"] * 4,
            "报告期": ["2025年5月", "202506", "2025/7", "2025-08-31"],
            "用电量": ["1,000", " 5 ", "(3)", "—"],
        }
    )
    returns = from_frame(told)
    assert (returns.period % 12).tolist() == [4, 5, 6, 7]
    j = item_keys().index("electricity_kwh")
    assert returns.values[:3, j].tolist() == [1000.0, 5.0, -3.0] and np.isnan(returns.values[3, j])
    assert returns.last[1, j] == 1000.0


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({"revenue_cny": [1.0]}, "which enterprise"),
        ({"enterprise": ["A"], "colour": ["red"]}, "item of the return"),
        ({"enterprise": ["A", "A"], "revenue_cny": [1.0, 2.0]}, "twice"),
        ({"enterprise": ["A"], "revenue_cny": ["many"]}, "many"),
        ({"enterprise": ["A"], "revenue_cny": [float("inf")]}, "inf"),
        ({"enterprise": ["A"], "period": ["2025-13"], "revenue_cny": [1.0]}, "2025-13"),
        ({"enterprise": ["A"], "period": [None], "revenue_cny": [1.0]}, "no period"),
        ({"enterprise": [None], "revenue_cny": [1.0]}, "missing"),
        ({"enterprise": [], "revenue_cny": []}, "no rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_words(table, what: str):
    with pytest.raises(InputError) as caught:
        from_frame(pl.DataFrame(table))
    said = str(caught.value) + " ".join(map(str, getattr(caught.value, "faults", ())))
    assert what in said
    assert caught.value.fault.fix or isinstance(caught.value, FaultsFound)


def test_weights_have_to_be_there_and_above_zero():
    told = pl.DataFrame({"enterprise": ["A"], "revenue_cny": [1.0], "w": [0.0]})
    with pytest.raises(InputError, match="no column"):
        from_frame(told, weights="weight")
    with pytest.raises(FaultsFound):
        from_frame(told, weights="w")
    assert from_frame(told.with_columns(w=pl.lit(3.5)), weights="w").weight.tolist() == [3.5]
