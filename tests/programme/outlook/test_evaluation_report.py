"""The evaluation report: whole, the same again, made from its own frozen inputs, and never showing what is only recalled."""

from __future__ import annotations

import json
import re
from datetime import date
from html.parser import HTMLParser

import pytest

from zhizao.errors import InputError
from zhizao.programme.indicators import Actuals, Observation, actuals, catalogue
from zhizao.programme.outlook import Evaluation, Settings, evaluate, evaluation_json, freeze, sha256_of, thaw
from zhizao.programme.outlook.report import Cover, report_html

DAY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return evaluate(catalogue(), actuals(), Settings(DAY))


@pytest.fixture(scope="module", params=["zh", "en"])
def page(request: pytest.FixtureRequest, found: Evaluation) -> str:
    return report_html(found, Cover(request.param))


class Tags(HTMLParser):
    """Checks that tags close in the order in which they open."""

    VOID = frozenset({"meta", "br", "link", "rect", "circle", "line", "polygon", "polyline"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_takes_nothing_from_outside(page: str):
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not [name for name, _ in tags.attributes if name in ("src", "href") or name.startswith("on")]
    assert "nan" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL).lower().split()


def test_it_has_the_sections_that_officials_expect(found: Evaluation):
    text = report_html(found, Cover("zh"))
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    assert heads[:5] == [
        "一、总体结论",
        "二、指标完成情况",
        "三、逐项分析",
        "四、无法评判的指标与数据缺口",
        "五、方法与数据来源",
    ]
    for part in ("文号", "评估人", "复核人", "单位负责人", "SHA-256"):
        assert part in text


def test_every_indicator_stands_in_it_with_a_chart_where_something_is_known(page: str, found: Evaluation):
    for one in found.results:
        assert f"<b>{one.definition.id}</b>" in page
    assert page.count("<svg") == sum(any(track.observed for track in one.tracks.tracks) for one in found.results)


def test_the_same_inputs_give_the_same_bytes(found: Evaluation):
    again = evaluate(catalogue(), actuals(), Settings(DAY))
    assert report_html(found, Cover("zh", "1号")) == report_html(again, Cover("zh", "1号"))


def test_the_report_follows_from_its_frozen_inputs(found: Evaluation):
    text = report_html(found, Cover("en", "7"))
    held = json.loads(re.search(r'id="frozen">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert sha256_of(held["inputs"]) == held["sha256"]
    definitions, values, settings = thaw(held["inputs"])
    assert report_html(evaluate(definitions, values, settings), Cover(**held["cover"])) == text


def test_a_value_that_is_only_remembered_is_not_shown(page: str):
    shown = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "unverified-recall" not in shown
    assert "22.4" not in shown  # the recalled fall of CO2 per unit of value added


def test_it_is_shown_as_not_verified_when_it_was_asked_for():
    found = evaluate(catalogue(), actuals(), Settings(DAY, "plan2025", include_unverified=True))
    text = report_html(found, Cover("zh"))
    assert "未核实" in text
    assert "不得作为决策依据" in text


def test_names_from_outside_cannot_become_markup():
    hostile = '<script>alert(1)</script>"&'
    text = json.dumps(
        {
            "indicators": [
                {
                    "id": "X.1",
                    "zh": hostile,
                    "en": hostile,
                    "unit": hostile,
                    "direction": "increase",
                    "kind": "level",
                    "formula": {"of": "external"},
                    "footnote_zh": hostile,
                    "footnote_en": hostile,
                    "targets": [{"year": 2027, "value": 5}],
                }
            ]
        }
    )
    values = [
        Observation(indicator="X.1", year=2020 + i, value=1.0 + i, source=hostile, series=hostile) for i in range(4)
    ]
    found = evaluate(catalogue(text), Actuals.of(values), Settings(DAY))
    page = report_html(found, Cover("zh", hostile, hostile))
    assert page.count("<script") == 1
    assert "alert(1)</script>" not in page
    Tags().feed(page)


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0, 5.0], [1e-9, 1e9], [0.5, 99.5, 50.0]])
def test_odd_values_make_a_chart_without_a_fault(values: list[float]):
    rows = [Observation(indicator="IND01", year=2019 + i, value=value) for i, value in enumerate(values)]
    found = evaluate(catalogue(), Actuals.of(rows), Settings(DAY, "plan2025"))
    text = report_html(found, Cover("en"))
    shown = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r'="(nan|inf|-inf)', shown)


def test_the_json_has_what_programs_need(found: Evaluation):
    shown = json.loads(json.dumps(evaluation_json(found), allow_nan=False))
    assert shown["inputs_sha256"] == sha256_of(freeze(found))
    one = next(row for row in shown["indicators"] if row["id"] == "IND07")
    assert one["latest"]["value"] == 83.5
    assert {"set", "year", "value", "state", "probability", "low", "high", "reason"} <= set(one["targets"][0])
    assert [row["year"] for row in one["outlook"]] == [2025, 2035, 2049]
    assert one["backtest"]["forecasts"] == 6
    assert one["cannot_judge"] is None
    none = next(row for row in shown["indicators"] if row["id"] == "IND10")
    assert none["cannot_judge"]["en"]


def test_frozen_inputs_that_are_none_are_refused():
    for bad in ({}, {"definitions": 1}, {"settings": {}}):
        with pytest.raises(InputError, match="cannot be read"):
            thaw(bad)
