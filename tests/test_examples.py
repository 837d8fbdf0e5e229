"""The examples run as written; where the same seed gives the same figures, their output is kept beside them.

Renew a kept output with `python examples/NAME.py > examples/NAME.out` and read the difference.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
GOLDEN = sorted(path.name for path in EXAMPLES.glob("*.out"))


@pytest.mark.parametrize("name", GOLDEN)
def test_an_example_prints_what_is_kept_beside_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / name.replace(".out", ".py")), run_name="__main__")
    assert capsys.readouterr().out == (EXAMPLES / name).read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_pilot_example_tells_the_three_figures_and_leaves_a_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    runpy.run_path(str(EXAMPLES / "pilot.py"))["main"](tmp_path, weeks=5, runs=2)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("the twin is ")
    assert [line.split(":")[0] for line in told[1:4]] == ["production_cycle", "operating_cost", "defect_rate"]
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert report[:15].lower() == "<!doctype html>"
    assert "MO0" in report or "sample plant" in report


def test_every_example_is_run_by_a_test() -> None:
    assert {name.removesuffix(".py") for name in SCRIPTS} == {name.removesuffix(".out") for name in GOLDEN} | {"pilot"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_is_short_and_says_what_it_shows(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    assert text.startswith('"""') and len(text.splitlines()) <= 100
    assert not any(line.startswith("sys.path") for line in text.splitlines())


def test_examples_use_only_what_the_package_offers() -> None:
    for name in SCRIPTS:
        for line in (EXAMPLES / name).read_text(encoding="utf-8").splitlines():
            if line.startswith(("import ", "from ")):
                root = line.split()[1].split(".")[0]
                assert root in {"zhizao", "numpy", "polars", "__future__"} | set(sys.stdlib_module_names), line
