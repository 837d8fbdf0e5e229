"""A workspace keeps what declares its plant, and is not left behind by an import that recorded nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhizao.errors import InputError
from zhizao.record import Workspace, recording


def test_the_plant_that_was_given_is_there_for_who_opens_the_workspace_next(tmp_path: Path) -> None:
    declared = tmp_path / "mine.yaml"
    declared.write_text("name: north shop\nrates: {labour_per_h: 75}\n", encoding="utf-8")
    with Workspace.open(tmp_path / "w") as home:
        assert home.keep_plant(declared)
        assert not home.keep_plant(declared), "the second time nothing changes"
    with Workspace.open(tmp_path / "w") as home:
        assert (home.plant.name, home.plant.rates.labour_per_h) == ("north shop", 75)


@pytest.mark.parametrize("there", [False, True], ids=["new folder", "folder of somebody's"])
def test_recording_that_fails_before_the_first_fact_leaves_nothing(tmp_path: Path, there: bool) -> None:
    place = tmp_path / "w"
    if there:
        place.mkdir()
        (place / "plant.yaml").write_text("name: north shop\n", encoding="utf-8")
    with pytest.raises(InputError), recording(place):
        raise InputError("no such column")
    assert place.exists() == there
    assert not list(tmp_path.rglob("facts.db*"))


def test_recording_that_fails_later_keeps_what_was_there(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w").close()
    with pytest.raises(InputError), recording(tmp_path / "w"):
        raise InputError("no such column")
    assert (tmp_path / "w" / "facts.db").exists()
