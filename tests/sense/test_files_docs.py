"""The page on importing says what the reader does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhizao.sense.files import Mapping
from zhizao.sense.files.rejections import CAUSES
from zhizao.sense.files.words import ROLES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "import.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text("utf-8")


def test_the_mapping_file_on_the_page_is_a_mapping_file(page: str) -> None:
    text = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert text is not None
    mapping = Mapping.from_yaml(text[1])
    assert mapping.columns["due"] is None and mapping.date_order == "dmy" and mapping.reports["S"] == "setup"
    assert set(Mapping.model_fields) - {"file", "why", "confidence", "left_out"} == mapping.model_fields_set


def test_the_page_names_every_role_and_every_cause(page: str) -> None:
    named = set(re.findall(r"`(\w+)`", page))
    assert set(ROLES) <= named
    assert set(CAUSES) <= named
