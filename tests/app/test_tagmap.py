"""Tags mapped by rule and by hand: what is previewed is what is done, the rest of plant.yaml stays, and it can be undone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.calling import Caller
from zhizao.app import tagmap
from zhizao.app.cli.main import app
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.app.tagmap import Rule, apply, preview, undo, with_cards, write_cards
from zhizao.errors import InputError
from zhizao.model import Machine, Plant, Role, Samples, TagCard
from zhizao.record import read_plant
from zhizao.record.historian import Historian

TEXT = """# Plant of ours
name: P  # its name
machines:
  mill 1: {}
  mill 2: {}

tags:
  # measured by the PLC
  "hall/mill 1/load":   # in volts
    unit: V
  hall/mill 2/load: {unit: A}   # keep me
  # and the rest

zone: UTC  # plain
"""
NAMES = [f"hall/mill {n}/{what}" for n in (1, 2, 3) for what in ("load", "state", "old/state")]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "plant.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def test_a_rule_takes_what_is_free_and_shows_what_stands_against_it(place: Path) -> None:
    plant = read_plant(place / "plant.yaml")
    states = preview(plant, NAMES, Rule("hall/{machine}/state", role=Role.STATE))
    assert [(one.card.machine, one.why) for one in states] == [
        ("mill 1", "new"), ("mill 2", "new"), ("mill 3", "unknown_machine"),
    ]  # fmt: skip
    both = preview(plant, NAMES, Rule("hall/{machine}/**state", role=Role.STATE))
    assert [one.about for one in both if one.why == "role_taken"] == ["hall/mill 1/old/state", "hall/mill 2/old/state"]
    loads = preview(plant, NAMES, Rule("hall/{machine}/load", unit="kW"))
    assert [one.why for one in loads] == ["changed", "changed", "unknown_machine"]


def test_what_was_previewed_is_what_is_written_and_every_other_line_stays(place: Path) -> None:
    rule = Rule("hall/{machine}/state", role=Role.STATE)
    wanted = {one.tag: one.card for one in preview(read_plant(place / "plant.yaml"), NAMES, rule) if one.why == "new"}
    assert {one.tag: one.card for one in apply(place, NAMES, rule)} == wanted
    now = (place / "plant.yaml").read_text(encoding="utf-8")
    assert [line for line in TEXT.splitlines() if line not in now.splitlines()] == []
    assert {name: read_plant(place / "plant.yaml").tags[name] for name in wanted} == wanted
    assert [one.why for one in preview(read_plant(place / "plant.yaml"), NAMES, rule)][:2] == ["same", "same"]
    with pytest.raises(InputError, match="takes no tag"):
        apply(place, NAMES, rule)


def test_undo_goes_back_step_by_step_and_not_over_what_others_wrote(place: Path) -> None:
    file = place / "plant.yaml"
    write_cards(place, {"a": TagCard(unit="V")})
    middle = file.read_text(encoding="utf-8")
    write_cards(place, {"a": None, "b": TagCard(unit="A")})
    undo(place)
    assert file.read_text(encoding="utf-8") == middle
    file.write_text(middle + "# by hand\n", encoding="utf-8")
    with pytest.raises(InputError, match="changed since"):
        undo(place)
    file.write_text(middle, encoding="utf-8")
    undo(place)
    assert file.read_text(encoding="utf-8") == TEXT
    with pytest.raises(InputError, match="nothing to take back"):
        undo(place)


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=12)
cards = st.builds(
    TagCard, unit=st.sampled_from(["", "kW", "°C"]), machine=st.none() | names, role=st.sampled_from(Role)
)
starts = st.sampled_from(["", TEXT, "name: P\n", "tags: {}\nname: P\n", "tags: {a: {unit: V}, b: {}}\nname: P", "tags:\n",
                          "name: P\ntags:\n    a:\n        unit: V\n    b: {unit: A}\n", "tags:\n  a: {}"])  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(starts, st.lists(st.tuples(names | st.sampled_from(["a", "b"]), st.none() | cards), max_size=5))
def test_any_declarations_are_read_back_and_all_else_stays(
    text: str, changes: list[tuple[str, TagCard | None]]
) -> None:
    def tags(said: str) -> dict[str, TagCard]:
        return {k: TagCard.model_validate(v) for k, v in ((yaml.safe_load(said) or {}).get("tags") or {}).items()}

    expected = tags(text)
    for tag, card in changes:
        made = with_cards(text, {tag: card})
        expected.pop(tag, None)
        if card is not None:
            expected[tag] = card
        assert tags(made) == expected
        old, new = yaml.safe_load(text) or {}, yaml.safe_load(made) or {}
        assert {k: v for k, v in old.items() if k != "tags"} == {k: v for k, v in new.items() if k != "tags"}
        text = made


@pytest.mark.parametrize("pattern", ["", "  ", "{machine}/{machine}", "x" * 401, "*" * 60])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InputError):
        preview(Plant(), ["a"], Rule(pattern))


def test_a_pattern_matches_only_what_it_says() -> None:
    plant = Plant(machines={"m": Machine()})
    for pattern, wanted in (("a/*", ["a/b"]), ("a/**", ["a/b", "a/b/c"]), ("a.b", []), ("**", ["a/b", "a/b/c", "axb"])):
        assert [one.tag for one in preview(plant, ["a/b", "a/b/c", "axb"], Rule(pattern))] == wanted


def test_route_and_command_do_the_same_and_a_viewer_may_not(place: Path) -> None:
    with Historian(place / "signals", sync=False) as historian:
        historian.append([("s", Samples.of([(name, 10**18, 1.0) for name in NAMES]), {})])
    caller = Caller(build(Desk(place), None, Settings(local=True)))
    ask = {"pattern": "hall/{machine}/state", "role": "state"}
    seen = caller.post("/api/v1/tags/preview", json=ask).json()
    assert [one["why"] for one in seen] == ["new", "new", "unknown_machine"]
    assert len(caller.post("/api/v1/tags/map", json=ask).json()) == 2
    told = {row["tag"]: row for row in caller.get("/api/v1/tags").json()}
    assert told["hall/mill 1/state"]["role"] == "state" and not told["hall/mill 3/load"]["declared"]
    assert caller.post("/api/v1/tags/undo").status_code == 200
    assert caller.post("/api/v1/tags/undo").status_code == 422
    assert (place / "plant.yaml").read_text(encoding="utf-8") == TEXT
    done = CliRunner().invoke(
        app, ["tags", "map", ask["pattern"], "--role", "state", "--write", "--workspace", str(place)]
    )
    assert done.exit_code == 0 and "hall/mill 1/state  mill 1  state" in done.output
    assert caller("PUT", "/api/v1/tags", json={"tag": "x", "unit": "no such unit", "kind": "colour"}).status_code == 422
    assert caller.get("/api/v1/tags/browse", params={"connection": "none"}).status_code == 422
    assert tagmap.BEFORE in {one.name for one in place.iterdir()}
