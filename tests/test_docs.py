"""The documents are held to the package: commands, figures, events, links, the plan's items, and what each page names."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from zhizao.account import ELEMENTS, KPIS
from zhizao.account.words import WORDS
from zhizao.app.cli.main import app
from zhizao.decide.twin import MEASURES
from zhizao.decide.twin.shop import RULES
from zhizao.model.event import Kind
from zhizao.model.plant import Calendar, Machine, Meter, Person, Plant, Product, Rates
from zhizao.pilot.levers import PULL_ORDER
from zhizao.record import read_plant

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
COVERAGE = DOCS / "coverage.md"
STATES = {"yes", "partly", "not yet", "principle", "heading"}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def everything() -> str:
    return "\n".join(map(text_of, PAGES))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def rows(path: Path) -> Iterator[list[str]]:
    """Cells of every table row of a page, headings and rules left out."""
    for line in text_of(path).splitlines():
        if line.startswith("|") and not re.match(r"\|[\s:|-]+\|$", line):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def commands() -> dict[str, set[str]]:
    """Every command of the command line, as it is typed, with its options."""

    def walk(command: Any, typed: str) -> Iterator[tuple[str, set[str]]]:
        inner = getattr(command, "commands", {})
        if not inner:
            yield typed, {opt for one in command.params for opt in [*one.opts, *one.secondary_opts]} | {"--help"}
        for name, one in inner.items():
            yield from walk(one, f"{typed} {name}")

    return dict(walk(typer.main.get_command(app), "zhizao"))


def test_each_command_is_named_in_the_documents():
    written = everything()
    assert len(commands()) >= 8
    assert not [name for name in commands() if not re.search(rf"\b{name}\b", written)]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_types_can_be_typed(page: Path):
    known = commands()
    typed = re.findall(r"(?:^|`|\$ )(?:\.venv/bin/)?(zhizao(?: [^`\n#|]+))", text_of(page), re.MULTILINE)
    for line in typed:
        words = line.split()
        if words[1].startswith("-") or not re.fullmatch(r"[a-z]+", words[1]):
            continue
        found = next((one for one in (" ".join(words[:3]), " ".join(words[:2])) if one in known), None)
        whole = any(one.startswith(f"{' '.join(words[:2])} ") for one in known)
        assert found or whole, f"{line!r} is not a command"
        wrong = set(re.findall(r"--[a-z-]+", line)) - known[found] if found else set()
        assert not wrong, f"{line!r}: no such option"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_make_is_asked_for_there_is(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text_of(page), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_that_a_page_names_exist(page: Path):
    found = re.findall(r"`((?:src|docs|tests|benchmarks|examples)/[\w./-]*)`", text_of(page))
    assert not [one for one in found if not (ROOT / one).exists() and not one.startswith("benchmarks/results/")]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path):
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), f"{target} is not there"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", text_of(there), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}, target


def test_the_index_lists_every_page():
    index = text_of(DOCS / "README.md")
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.name != "README.md"]
    assert not [page for page in pages if f"]({page})" not in index]


def test_each_kpi_and_element_is_defined_in_the_documents():
    page = text_of(DOCS / "kpi.md")
    assert not [one.key for one in KPIS if f"`{one.key}`" not in page]
    assert not [key for key in ELEMENTS if not re.search(rf"\b{key}\b", everything())]


def test_each_kind_of_event_is_named():
    assert not [kind.value for kind in Kind if f"`{kind.value}`" not in everything()]


def test_the_glossary_holds_every_word_of_the_accounts_in_both_languages():
    page = text_of(DOCS / "glossary.md").lower()
    assert not [pair for pair in WORDS.values() if pair[0].lower() not in page or pair[1].lower() not in page]


def test_the_glossary_holds_every_lever_rule_and_distance():
    page = text_of(DOCS / "glossary.md")
    assert not [key for key in (*PULL_ORDER, *RULES, *MEASURES) if f"`{key}`" not in page]


def test_each_setting_of_a_plant_has_its_line_and_no_other():
    nouns = {
        "plant": Plant,
        "calendar": Calendar,
        "machine": Machine,
        "meter": Meter,
        "person": Person,
        "product": Product,
        "rates": Rates,
    }
    wanted = {(where, field) for where, noun in nouns.items() for field in noun.model_fields}
    found = [(cells[0], cells[1].strip("`")) for cells in rows(DOCS / "plant.md") if cells[0] in nouns]
    assert sorted(found) == sorted(wanted)


def test_the_plant_that_the_documents_show_can_be_read(tmp_path: Path):
    shown = re.search(r"```yaml\n(.*?)```", text_of(DOCS / "plant.md"), re.DOTALL)
    assert shown
    (tmp_path / "plant.yaml").write_text(shown[1], encoding="utf-8")
    plant = read_plant(tmp_path / "plant.yaml")
    assert plant.machines["furnace"].capacity == 4
    assert not plant.assumptions(), "an example that leaves nothing to assume"


def declared() -> set[str]:
    """Names of all packages in pyproject.toml, to run and to develop."""
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    needed = [*project["dependencies"], *(one for group in project["optional-dependencies"].values() for one in group)]
    return {re.split(r"[^A-Za-z0-9_.-]", one, maxsplit=1)[0].lower() for one in needed}


def test_each_dependency_has_its_line():
    names = declared()
    lines = {cells[0].lower(): cells for cells in rows(DOCS / "dependencies.md")}
    assert names <= lines.keys()
    assert not [name for name in names if len(lines[name]) != 4 or not all(lines[name])], "purpose, licence, rejected"


def test_no_line_is_left_of_a_dependency_that_went():
    names = declared()
    assert {cells[0] for cells in rows(DOCS / "dependencies.md")} - {"package"} <= names


def covered() -> list[list[str]]:
    return [cells for cells in rows(COVERAGE) if len(cells) == 5 and cells[0] != "id"]


def test_a_covered_item_names_where_and_how():
    for item, _title, state, where, see in covered():
        assert state in STATES, f"{item}: {state}"
        if state == "yes":
            assert "`src/" in where and "`zhizao " in see, f"{item} says neither where nor how"
        elif state == "partly":
            assert where, f"{item} does not say what of it there is"
        else:
            assert not where and not see, f"{item} is {state} and yet names something"


def identified(node: Any) -> Iterator[str]:
    """Every id in the plan's file, in its order."""
    if isinstance(node, dict):
        if "id" in node:
            yield node["id"]
        for one in node.values():
            yield from identified(one)
    elif isinstance(node, list):
        for one in node:
            yield from identified(one)


@pytest.mark.shared
def test_the_coverage_page_has_every_item_of_the_plan_once_and_in_order(shared: Path):
    file = shared.parent / "facts" / "plan.yaml"
    if not file.exists():
        pytest.skip("the plan's file is absent beside the public data")
    wanted = list(identified(yaml.safe_load(text_of(file))))
    found = [cells[0] for cells in covered()]
    assert not [item for item, times in Counter(found).items() if times > 1]
    assert found == wanted


def test_the_house_is_drawn_with_every_module():
    drawn = text_of(ROOT / "ARCHITECTURE.md")
    package = ROOT / "src" / "zhizao"
    modules = [path for path in package.rglob("*.py") if path.stem != "__init__" and "versions" not in path.parts]
    assert not [named(path) for path in modules if f"`{path.stem}`" not in drawn and path.stem != "env"]


def test_both_readmes_show_the_same_commands():
    def shown(name: str) -> list[str]:
        blocks = re.findall(r"```[a-z]*\n(.*?)```", text_of(ROOT / name), re.DOTALL)
        return [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]

    assert shown("README.md") == shown("README.zh-CN.md") != []


def test_no_tracked_file_names_a_place_on_the_machine_that_made_it():
    places = [f"/{name}/" for name in ("work", "root", "tmp")] + ["index-" + "url", "artifact" + "ory"]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    wrong = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if not path.is_file() or path.suffix in {".png", ".ico", ".woff2"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found = [place for place in places if re.search(rf"(?<![\w.])({re.escape(place)})", text)]
        if found:
            wrong[name] = found
    assert not wrong
