"""What a composite leaves open: placeholders with their weight, and what they could do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.errors import InputError
from zhizao.programme.indicators import definitions
from zhizao.programme.indicators.open_parts import OpenParts, open_parts
from zhizao.programme.outlook.report.annex import formula_text, open_text

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
