"""What a composite leaves open: placeholders with their weight, and what they could do."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.app.evaluation import catalogue_json, check_report
from zhizao.errors import InputError
from zhizao.programme.indicators import actuals, catalogue, definitions
from zhizao.programme.indicators.open_parts import OpenParts, open_parts
from zhizao.programme.outlook import Settings, evaluate, evaluation_json
from zhizao.programme.outlook.report import EDITION, Cover, report_html
from zhizao.programme.outlook.report.annex import formula_text
from zhizao.programme.outlook.report.sections import analysis, open_text

SHARES = st.tuples(st.integers(1, 12), st.integers(0, 12)).map(
    lambda two: OpenParts(("x",) * two[0], sum(two), 1 / sum(two), two[0] / sum(two))
)


def test_the_quality_index_has_six_placeholders_of_twelve() -> None:
    found = open_parts(definitions()["IND03"].formula)
    assert found is not None
    assert found.open == tuple(f"IND03.{k}" for k in range(7, 13))
    assert (found.each, found.weight) == (1 / 12, 0.5)
    assert found.named(85.6) == (pytest.approx(71.2), 100.0)
    assert all(open_parts(one.formula) is None for key, one in definitions().items() if key != "IND03")


@given(SHARES, st.floats(0, 100), st.floats(0, 100))
def test_the_true_index_lies_in_the_interval_and_the_named_mean_in_its_own(
    parts: OpenParts, known: float, unknown: float
) -> None:
    index = (1 - parts.weight) * known + parts.weight * unknown
    low, high = parts.index(known)
    assert low - 1e-9 <= index <= high + 1e-9
    assert high - low == pytest.approx(100 * parts.weight)
    from_below, to_above = parts.named(index)
    assert from_below - 1e-6 <= known <= to_above + 1e-6


def test_words_beside_the_figure_name_the_weight_and_the_consequence() -> None:
    one = definitions()["IND03"]
    for lang, word in (("en", "placeholders"), ("zh", "占位")):
        assert word in formula_text(one, lang)
        said = open_text(one, 85.6, lang)
        assert word in said and "50%" in said and "71.2" in said
    assert open_text(definitions()["IND01"], 1.0, "en") == ""


def test_a_score_outside_its_scale_is_refused() -> None:
    with pytest.raises(InputError):
        OpenParts(("b",), 2, 0.5, 0.5).index(101)


def test_programs_and_the_main_section_of_the_report_are_told_too() -> None:
    found = evaluate(catalogue(), actuals(), Settings(date(2026, 6, 30)))
    told = {one["id"]: one for one in evaluation_json(found)["indicators"]}
    open_ = told["IND03"]["open_parts"]
    assert (open_["scores"], len(open_["placeholders"]), open_["weight"]) == (12, 6, 0.5)
    assert open_["named_average"]["low"] < told["IND03"]["latest"]["value"] < open_["named_average"]["high"] == 100
    assert all(one["open_parts"] is None for key, one in told.items() if key != "IND03")
    for lang in ("zh", "en"):
        assert open_text(definitions()["IND03"], told["IND03"]["latest"]["value"], lang) in analysis(found, lang)
    listed = {one["id"]: one["open_parts"] for one in catalogue_json(catalogue())["indicators"]}
    assert listed["IND03"]["named_average"] is None and listed["IND01"] is None


def test_a_report_of_an_earlier_edition_is_told_as_such_and_not_as_tampered_with(tmp_path: Path) -> None:
    found = evaluate(catalogue(), actuals(), Settings(date(2026, 6, 30), "plan2025"))
    now = report_html(found, Cover("en"))
    file = tmp_path / "report.html"
    file.write_text(now, encoding="utf-8", newline="")
    assert check_report(file)["indicators"] == len(found.results)
    before = now.replace(f'"edition":{EDITION},', "").replace("placeholders, never filled", "left open")
    file.write_text(before, encoding="utf-8", newline="")
    with pytest.raises(InputError) as told:
        check_report(file)
    assert told.value.fault.code == "other_version"
