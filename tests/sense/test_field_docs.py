"""The pages of the field's connections name every setting, and what they show can be declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from zhizao.model import Noun
from zhizao.sense import connection, folder, modbus, mtconnect, shdr
from zhizao.sense.modbus.settings import Group, Tag

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"mtconnect": mtconnect, "shdr": shdr, "modbus": modbus, "folder": folder}
PAGE = {"mtconnect": "mtconnect.md", "shdr": "mtconnect.md", "modbus": "modbus.md", "folder": "sense.md"}


@pytest.mark.parametrize(
    ("kind", "noun"),
    [(kind, package.Settings) for kind, package in PACKAGES.items()] + [("modbus", Group), ("modbus", Tag)],
)
def test_each_setting_is_named_on_its_page(kind: str, noun: type[Noun]) -> None:
    text = (ROOT / "docs" / PAGE[kind]).read_text(encoding="utf-8")
    own = set(noun.model_fields) - set(connection.Settings.model_fields) - {"kind"}
    assert {name for name in own if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", ["mtconnect.md", "modbus.md"])
def test_what_a_page_declares_is_valid(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.search(r"(?:^    .*\n|^\n)+", text[text.index("    connections:") :], re.MULTILINE)
    assert found
    declared = yaml.safe_load(found[0].replace("\n    ", "\n").removeprefix("    "))["connections"]
    for given in declared.values():
        package = PACKAGES[given["kind"]]
        made = package.connector("x", package.Settings.model_validate(given))
        assert made.name == "x"


@pytest.mark.parametrize("kind", PACKAGES)
def test_each_kind_has_a_card(kind: str) -> None:
    card = (ROOT / "src" / "zhizao" / "sense" / kind / "card.md").read_text(encoding="utf-8")
    assert all(f"| {row} |" in card for row in ("done", "to do", "not needed"))
