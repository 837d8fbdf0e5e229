"""The house keeps its own drawing true: sizes, words, weight, licences, one version, and the bench's own arithmetic."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import pytest

import zhizao

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "zhizao"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MOST_LINES = 600
HEAVY = ("numba", "ortools", "nicegui", "scipy", "polars", "highspy", "pyarrow", "fastapi", "sqlalchemy", "joblib")
COPYLEFT = re.compile(r"\b(A?GPL)\b|(?<!Lesser )General Public", re.IGNORECASE)
DUAL = {"docutils"}
"""Mostly public domain and BSD; its GPL line is an editor's macro file that the package does not carry."""


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def those(paths: Iterable[Path], wrong: Callable[[str], object]) -> list[str]:
    """Where something is wrong, by path."""
    return [str(path.relative_to(ROOT)) for path in paths if wrong(text_of(path))]


def test_no_module_is_longer_than_one_sitting():
    ours = [*MODULES, *(ROOT / "benchmarks").glob("*.py"), *(ROOT / "examples").glob("*.py")]
    assert not those(ours, lambda text: len(text.splitlines()) > MOST_LINES)


def test_each_module_says_what_it_holds():
    def silent(text: str) -> bool:
        said = ast.get_docstring(ast.parse(text)) or ""
        return len(said.split()) < 3 or "to be filled" in said

    assert not those(MODULES, silent)


def test_nothing_is_left_for_later():
    assert not those(MODULES, re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError").search)


def test_a_silenced_check_names_what_it_silences():
    assert not those(MODULES, re.compile(r"#\s*type:\s*ignore(?!\[)|#\s*noqa(?!:)").search)


def test_help_answers_without_loading_anything_heavy():
    code = (
        "import sys\n"
        "from zhizao.app.cli.main import run\n"
        "sys.argv = ['zhizao', '--help']\n"
        "try:\n    run()\n"
        "except SystemExit:\n    pass\n"
        f"print('LOADED', *(name for name in {HEAVY!r} if name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "pilot" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["LOADED"]


def test_there_is_one_version():
    assert PROJECT["version"] == zhizao.__version__ == version("zhizao")
    changelog = text_of(ROOT / "CHANGELOG.md")
    assert re.search(rf"^## \[({re.escape(zhizao.__version__)}|Unreleased)\]", changelog, re.MULTILINE)


def requirement(text: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", text, maxsplit=1)[0].lower().replace("_", "-")


def needed() -> Iterator[tuple[str, str]]:
    """Every package that is installed with zhizao, with the licence that it names."""
    waiting, seen = [requirement(one) for one in PROJECT["dependencies"]], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:  # for another system or Python
            continue
        told = found.metadata
        groups = [one for one in told.get_all("Classifier") or [] if one.startswith("License")]
        yield name, told.get("License-Expression") or " ".join([(told.get("License") or "")[:80], *groups])
        waiting.extend(requirement(one) for one in found.requires or [] if "extra ==" not in one)


def test_nothing_that_is_installed_with_zhizao_is_gpl_or_agpl():
    found = dict(needed())
    assert len(found) > 40
    assert {name: said for name, said in found.items() if COPYLEFT.search(said)}.keys() <= DUAL


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def test_the_package_imports_only_what_it_declares():
    called = {"yaml": "pyyaml", "argon2": "argon2-cffi", "starlette": "fastapi", "multipart": "python-multipart"}
    called |= {"paho": "paho-mqtt", "google": "protobuf"}
    declared = {requirement(one) for one in PROJECT["dependencies"]}
    used = {name for path in MODULES for name in imports(path)} - set(sys.stdlib_module_names) - {"zhizao"}
    assert {name for name in used if called.get(name, name.replace("_", "-")) not in declared} == set()


def test_what_the_package_declares_it_imports():
    called = {"pyyaml": "yaml", "argon2-cffi": "argon2", "paho-mqtt": "paho", "protobuf": "google"}
    behind = {"python-multipart"}  # FastAPI asks for it when a form is uploaded
    used = {name.replace("_", "-") for path in MODULES for name in imports(path)}
    declared = {requirement(one) for one in PROJECT["dependencies"]}
    assert {name for name in declared - behind if called.get(name, name) not in used} == set()


def test_the_typed_marker_ships():
    assert (PACKAGE / "py.typed").exists()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT))
    import benchmarks.__main__ as bench

    return bench


def row(name: str, ours: float = 2.0, **other: object) -> dict[str, object]:
    return {"name": name, "ours": ours, "peer": "SimPy", "peer_value": 1.0, "unit": "events/s", "ratio": 2.0, **other}


def test_the_bench_takes_a_row_only_when_it_is_whole(bench):
    assert list(bench.checked(row("a"), "simulation")) == ["name", "ours", "peer", "peer_value", "unit", "ratio"]
    assert bench.checked(row("a", peer_value=None, ratio=None), "simulation")["ratio"] is None
    with pytest.raises(ValueError, match="simulation: a row lacks ratio"):
        bench.checked({key: value for key, value in row("a").items() if key != "ratio"}, "simulation")
    with pytest.raises(ValueError, match='ours of "a" is nan'):
        bench.checked(row("a", ours=float("nan")), "simulation")


def test_what_the_bench_measures_again_takes_the_place_of_the_old_row(bench):
    after = bench.merged([row("a"), row("b")], [row("c", 5.0), row("a", 4.0)])
    assert [(one["name"], one["ours"]) for one in after] == [("a", 4.0), ("b", 2.0), ("c", 5.0)]


def test_the_bench_prints_both_figures_and_the_ratio(bench):
    text = bench.table([row("runs", 1_234_567.0, note="one core")])
    assert text.splitlines()[-1] == "| runs (one core) | 1,234,567 | SimPy | 1 | events/s | 2 |"


def test_the_bench_says_what_is_absent_and_goes_on(bench, monkeypatch, tmp_path):
    from benchmarks import Skipped, shared

    monkeypatch.setenv("ZHIZAO_SHARED", str(tmp_path))
    with pytest.raises(Skipped, match="set ZHIZAO_SHARED"):
        shared("event_logs")
    (tmp_path / "data" / "event_logs").mkdir(parents=True)
    assert shared("event_logs").is_dir()

    found = {"one": (0, [row("a")]), "two": (bench.SKIPPED, "no data"), "three": (1, None)}
    monkeypatch.setattr(bench, "subjects", lambda: dict.fromkeys(found, ""))
    monkeypatch.setattr(bench, "run_apart", lambda name: found[name])
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--out", str(tmp_path)])
    assert bench.main() == 1, "a failure is not hidden"
    assert [one["name"] for one in json.loads((tmp_path / "latest.json").read_text())] == ["a"]


def test_every_benchmark_lists_itself_without_being_run():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--list"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert any(line.startswith("simulation: ") for line in done.stdout.splitlines())
