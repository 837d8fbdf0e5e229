"""An evaluation is fixed before the data, and says when it may not be read as an effect."""

from __future__ import annotations

from string import Formatter

import numpy as np
import polars as pl
import pytest
from effect_panels import draw
from pydantic import ValidationError

from zhizao.errors import FaultsFound, InputError
from zhizao.programme.effect import NEVER, Panel, Specification, evaluate
from zhizao.programme.effect.evaluation import REASONS


def spec(**more: object) -> Specification:
    return Specification(id="E1", outcome="y", treated="g", registered="2016-01-01", **more)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_the_hash_changes_with_every_setting_and_not_with_their_order():
    one = spec()
    told = one.model_dump()
    assert Specification.model_validate(dict(reversed(list(told.items())))).digest() == one.digest()
    changes = {
        "outcome": "z",
        "alpha": 0.1,
        "window": (2015, 2020),
        "control": "never",
        "method": "twfe",
        "programme": "p",
    }
    assert (
        len({one.digest(), *(one.model_copy(update={k: v}).digest() for k, v in changes.items())}) == len(changes) + 1
    )


def test_a_finding_names_the_specification_and_the_data():
    panel = draw(np.random.default_rng(1), units=200)
    found = evaluate(panel, spec(), rng())
    assert found.causal and found.spec_hash == spec().digest() and found.data_hash == panel.digest()
    other = Panel(panel.units, panel.times, panel.y + 1e-9, panel.cohort, panel.cluster)
    assert evaluate(other, spec(), rng()).data_hash != found.data_hash
    assert evaluate(panel, spec(), rng()).estimate == found.estimate


def test_no_causal_reading_where_trends_differed_before():
    found = evaluate(draw(np.random.default_rng(1), units=300, drift=0.5), spec(), rng())
    assert not found.causal and [one.code for one in found.reasons] == ["pre_trend"]
    assert "apart" in found.reasons[0].en and "平行" in found.reasons[0].zh


def test_no_causal_reading_where_trends_could_not_be_tested():
    found = evaluate(draw(np.random.default_rng(1), cohorts=(1,), periods=3), spec(method="twfe"), rng())
    assert [one.code for one in found.reasons] == ["untested"]


def test_no_causal_reading_from_a_handful_of_clusters():
    panel = draw(np.random.default_rng(1), units=200)
    few = Panel(panel.units, panel.times, panel.y, panel.cohort, np.where(panel.ever, panel.cluster % 4, panel.cluster))
    assert "few_clusters" in {one.code for one in evaluate(few, spec(), rng()).reasons}


def test_no_causal_reading_from_a_method_that_mixes_cohorts():
    panel = draw(np.random.default_rng(1), units=200)
    for method in ({"method": "twfe"}, {"method": "did", "periods": (2017, 2020)}):
        assert "mixed" in {one.code for one in evaluate(panel, spec(**method), rng()).reasons}


def test_an_effect_that_a_slight_trend_explains_does_not_survive_what_was_asked():
    panel = draw(np.random.default_rng(1), units=200, effect=0.2)
    assert "not_robust" in {one.code for one in evaluate(panel, spec(survive=1.0), rng()).reasons}
    strong = draw(np.random.default_rng(1), units=2000, effect=9.0)
    assert evaluate(strong, spec(survive=1.0), rng()).causal


def test_did_of_two_named_periods_is_taken():
    panel = draw(np.random.default_rng(1), units=200, cohorts=(4,))
    found = evaluate(panel, spec(method="did", periods=(2018, 2019)), rng())
    assert found.causal and found.estimate.low < 1.0 < found.estimate.high
    with pytest.raises(InputError, match="no period 2050"):
        evaluate(panel, spec(method="did", periods=(2018, 2050)), rng())


def test_a_synthetic_control_that_follows_nothing_is_not_read():
    panel = draw(np.random.default_rng(1), units=60, cohorts=(5,), never=0.9)
    y = panel.y.copy()
    y[panel.ever] += 50 + np.arange(8) * 9
    found = evaluate(Panel(panel.units, panel.times, y, panel.cohort, panel.cluster), spec(method="synthetic"), rng())
    assert "poor_fit" in {one.code for one in found.reasons}


def test_a_specification_that_came_after_the_data_is_told():
    panel = draw(np.random.default_rng(1), units=200)
    late = evaluate(panel, spec().model_copy(update={"registered": "2026-01-01"}), rng())
    assert late.causal and [one.code for one in late.notes] == ["late"]
    none = evaluate(panel, spec().model_copy(update={"registered": ""}), rng())
    assert [one.code for one in none.notes] == ["unregistered"]


def test_every_reason_has_words_in_both_languages_with_the_same_figures():
    for pair in REASONS.values():
        en, zh = (sorted(name for _, name, _, _ in Formatter().parse(words) if name) for words in pair)
        assert en == zh


@pytest.mark.parametrize(
    "wrong", [{"method": "did"}, {"method": "did", "periods": (3, 2)}, {"window": (9, 1)}, {"alpha": 2}, {"x": 1}]
)
def test_a_specification_that_contradicts_itself_is_refused(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        spec(**wrong)


def frame(**more: list[object]) -> pl.DataFrame:
    rows = {
        "enterprise": ["a", "a", "b", "b", "c", "c"],
        "year": [2019, 2020] * 3,
        "y": ["1.5", "2", "3", "4", "5", "NA"],
        "g": ["2020", "2020", "never", "never", "", ""],
    }
    return pl.DataFrame({**rows, **more}, strict=False)


def read(data: pl.DataFrame, **more: object) -> Panel:
    return Panel.of(data, unit="enterprise", time="year", outcome="y", treated="g", **more)


def test_a_panel_is_read_from_first_periods_or_from_zeros_and_ones():
    one, two = read(frame()), read(frame(g=[0, 1, 0, 0, 0, 0]))
    assert one.cohort.tolist() == two.cohort.tolist() == [1, NEVER, NEVER]
    assert one.y[0].tolist() == [1.5, 2.0] and np.isnan(one.y[2, 1])
    assert read(frame(y=["1"] * 6), transform="log").y.tolist() == [[0.0, 0.0]] * 3
    assert read(frame(), window=(2020, 2020)).times == (2020,)


def test_who_joins_after_the_panel_ends_counts_as_not_joined():
    assert read(frame(g=["2030"] * 2 + [""] * 4)).cohort[0] == NEVER


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"year": [2019, 2019, 2019, 2020, 2019, 2020]}, "duplicate_unit"),
        ({"year": ["2019", "soon", "2019", "2020", "2019", "2020"]}, "bad_key"),
        ({"y": ["1", "much", "3", "4", "5", "6"]}, "bad_number"),
        ({"g": ["2020", "2021", "", "", "", ""]}, "two_cohorts"),
        ({"g": ["1", "0", "0", "0", "0", "0"]}, "not_absorbing"),
        ({"g": ["yes", "yes", "", "", "", ""]}, "bad_number"),
    ],
)
def test_what_is_no_panel_is_refused(change: dict[str, list[object]], code: str):
    with pytest.raises(FaultsFound) as error:
        read(frame(**change))
    assert code in {fault.code for fault in error.value.faults}


def test_columns_that_are_not_there_and_logs_of_nothing_are_refused():
    with pytest.raises(FaultsFound):
        read(frame().drop("g"))
    with pytest.raises(InputError, match="no logarithm"):
        read(frame(y=["0"] * 6), transform="log")
    with pytest.raises(InputError, match="no unit is treated"):
        evaluate(read(frame(g=[""] * 6)), spec(), rng())
