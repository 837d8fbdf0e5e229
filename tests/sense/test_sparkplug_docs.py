"""The page on Sparkplug B names every setting, every reason of refusal and every finding."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhizao.sense import sparkplug
from zhizao.sense.sparkplug.settings import Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sparkplug.md").read_text(encoding="utf-8")
FOLDER = Path(sparkplug.__file__).parent
CODE = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - {"kind"}))
def test_a_setting_is_named(name):
    assert f"`{name}`" in PAGE


def test_every_reason_and_finding_is_named():
    found = set(re.findall(r'(?:code=|refuse\(|reason = .*?, |"(?:ok|warning|fault)", )"(\w+)"', CODE))
    found |= set(re.findall(r'"((?:no|bad|too|alias|unknown|not)_\w+)"', CODE)) - {"no_such"}
    assert len(found) > 30
    assert sorted(one for one in found if f"`{one}`" not in PAGE) == []


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"host_id": "a/b"}, {"groups": ["+"]}, {"certificate": "c.pem"}, {"port": 0}, {"host": ""}):
        with pytest.raises(ValueError, match="1 validation error"):
            Settings.model_validate({"kind": "sparkplug", "host": "h", **wrong})


def test_a_port_follows_from_encryption_and_a_password_is_not_shown():
    assert Settings(kind="sparkplug", host="h").at == 1883
    assert Settings(kind="sparkplug", host="h", ca="x").at == 8883
    assert "secret" not in repr(Settings(kind="sparkplug", host="h", username="a", password="secret"))


def test_the_kinds_know_it():
    from zhizao.model import Plant
    from zhizao.sense.kinds import connectors

    plant = Plant.model_validate({"connections": {"hall": {"kind": "sparkplug", "host": "h"}}})
    assert list(connectors(plant)) == ["hall"]
