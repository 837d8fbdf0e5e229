"""The page about the journal names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import zhizao.record
from zhizao.record.schema import metadata

PAGE = (Path(__file__).parents[2] / "docs" / "journal.md").read_text(encoding="utf-8")


def test_every_code_of_an_error_is_on_the_page_and_every_code_on_the_page_exists() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(zhizao.record.__file__).parent.glob("*.py"))
    raised = set(re.findall(r'code ?= ?"(\w+)"', source))
    table = PAGE.partition("## What can go wrong")[2].partition("##")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert told == raised


def test_every_table_and_column_of_an_event_is_on_the_page() -> None:
    assert [name for name in metadata.tables if f"`{name}`" not in PAGE] == []
    assert [column.name for column in metadata.tables["event"].columns if f"`{column.name}`" not in PAGE] == []
