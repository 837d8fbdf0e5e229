"""What is wrong on the command line ends with one clear error and exit code 2, never with a traceback."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from cli_calls import Said, call

HEAD = "order,operation,machine,start,end\n"
GOOD = "".join(f"O{k},mill,M1,2025-03-0{1 + k % 9} 08:00,2025-03-0{1 + k % 9} 09:00\n" for k in range(30))


@dataclass(frozen=True, slots=True)
class Bad:
    """A call that has to be refused.

    Parameters
    ----------
    arguments : what is typed; `@name` is a file of the test's folder
    says : a word that the error must hold
    files : text or bytes of the files by name
    """

    arguments: tuple[str, ...]
    says: str
    files: tuple[tuple[str, str | bytes | Callable[[Path], None]], ...] = ()


def of(name: str, content: str | bytes | Callable[[Path], None], says: str, *more: str, command: str = "pilot") -> Bad:
    """A bad file of records."""
    return Bad((command, f"@{name}", *more), says, ((name, content),))


def on(says: str, *more: str, records: str = HEAD + GOOD, **files: str) -> Bad:
    """Good records, something else is wrong."""
    extra = tuple((name.replace("_", "."), text) for name, text in files.items())
    return Bad(("pilot", "@good.csv", *more), says, (("good.csv", records), *extra))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")


def _few_columns(path: Path) -> None:
    pl.DataFrame({"a": [1], "b": [2]}).write_parquet(path)


BAD: dict[str, Bad] = {
    # the file
    "no such file": Bad(("pilot", "@nowhere.csv"), "nowhere.csv"),
    "no such file to import": Bad(("import", "@nowhere.csv", "--workspace", "@ws"), "nowhere.csv"),
    "a folder": of("folder", lambda path: path.mkdir(), "folder"),
    "an empty file": of("empty.csv", "", "empty"),
    "headings only": of("head.csv", HEAD, ""),
    "noise": of("noise.csv", bytes(range(256)) * 40, ""),
    "text called Excel": of("book.xlsx", "order;start\nA;2025-03-01\n", "book.xlsx"),
    "a zip called Excel": of("book.xlsx", _zip, "book.xlsx"),
    "text called Parquet": of("frame.parquet", "nothing", "frame.parquet"),
    "Parquet of something else": of("frame.parquet", _few_columns, ""),
    "half an XES": of("log.xes", "<log><trace><event>", "log.xes"),
    "a PDF": of("report.pdf", b"%PDF-1.7 ...", "report.pdf"),
    "columns that say nothing": of("things.csv", "a,b,c\n1,2,3\n4,5,6\n", ""),
    "no times": of("untimed.csv", "order,operation\nA,mill\nB,turn\n", ""),
    "no order": of("caseless.csv", "operation,start,end\nmill,2025-03-01 08:00,2025-03-01 09:00\n", ""),
    "times that are none": of("when.csv", HEAD + "A,mill,M1,soon,later\n" * 30, ""),
    "every end before its start": of(
        "back.csv", HEAD + "".join(f"O{k},mill,M1,2025-03-02 08:00,2025-03-01 09:0{k % 10}\n" for k in range(40)), "40"
    ),
    # the mapping
    "no such mapping": on("mapping", "--mapping", "@nowhere.yaml"),
    "a mapping that is no YAML": on("map.yaml", "--mapping", "@map.yaml", map_yaml="columns: [order: {"),
    "a mapping of columns that are not there": on(
        "Bestellung", "--mapping", "@map.yaml", map_yaml="columns:\n  order: Bestellung\n"
    ),
    "a mapping with unknown words": on("colour", "--mapping", "@map.yaml", map_yaml="colour: red\n"),
    # the plant
    "no such plant": on("nowhere.yaml", "--plant", "@nowhere.yaml"),
    "a plant with unknown words": on("colour", "--plant", "@plant.yaml", plant_yaml="colour: red\n"),
    "a plant on no zone": on("Mars/Olympus", "--plant", "@plant.yaml", plant_yaml="zone: Mars/Olympus\n"),
    "a plant with rates below zero": on(
        "labour_per_h", "--plant", "@plant.yaml", plant_yaml="rates:\n  labour_per_h: -5\n"
    ),
    "a plant that is no YAML": on("plant.yaml", "--plant", "@plant.yaml", plant_yaml="zone: [\n"),
    # the options
    "an unknown language": on("fr", "--lang", "fr"),
    "a time that is none": on("yesterday", "--as-of", "yesterday"),
    "no workers": on("workers", "--workers", "0"),
    "a budget below zero": on("budget", "--budget", "-1"),
    "a share above one": on("max-rejected", "--max-rejected", "2"),
    "an unknown option": on("--fast", "--fast"),
    "an unknown command": Bad(("improve", "@good.csv"), "improve"),
    "a report below a file": on("good.csv", "--out", "@good.csv/report.html"),
    "nowhere to record": Bad(("import", "@good.csv"), "workspace", (("good.csv", HEAD + GOOD),)),
    "a zone that is none": Bad(
        ("import", "@good.csv", "--workspace", "@ws", "--zone", "Mars/Olympus"),
        "Mars/Olympus",
        (("good.csv", HEAD + GOOD),),
    ),
    # the other commands
    "a workspace that is not there": Bad(("verify", "@nowhere"), "nowhere"),
    "figures of a workspace that is not there": Bad(("figures", "@nowhere"), "nowhere"),
    "a journal that is none": Bad(("verify", "@ws"), "", (("ws/facts.db", "this is not a database"),)),
    "a twin that is none": Bad(
        ("twin", "simulate", "@x.twin", "--from", "2025-03-01", "--cases", "3", "--out", "@sim"),
        "x.twin",
        (("x.twin", "{}"),),
    ),
    "no such twin": Bad(
        ("twin", "simulate", "@x.twin", "--from", "2025-03-01", "--cases", "3", "--out", "@sim"), "x.twin"
    ),
    "neither a window nor a number": Bad(
        ("twin", "simulate", "@x.twin", "--from", "2025-03-01", "--out", "@sim"), "--until"
    ),
    "a twin of nothing yet": Bad(
        ("twin", "fit", "@good.csv", "--until", "2020-01-01", "--out", "@x.twin"), "", (("good.csv", HEAD + GOOD),)
    ),
    "a test on too few orders": Bad(
        ("twin", "check", "@good.csv"), "orders", (("good.csv", HEAD + "".join(GOOD.splitlines(keepends=True)[:5])),)
    ),
    "a sample of an unknown plant": Bad(("sample", "--out", "@s", "--kind", "perfect"), "perfect"),
    "a sample in an unknown style": Bad(("sample", "--out", "@s", "--style", "pdf"), "pdf"),
    "a sample of no time": Bad(("sample", "--out", "@s", "--weeks", "1"), "weeks"),
}


def typed(bad: Bad, folder: Path) -> list[str]:
    """The arguments, with the files that they name put into the folder."""
    for name, content in bad.files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
    return [str(folder / one[1:]) if one.startswith("@") else one for one in bad.arguments]


def here(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """The command in this process: the same entry point, without starting Python anew fifty times."""
    from zhizao.app.cli.main import run

    monkeypatch.setattr(sys, "argv", ["zhizao", *arguments])
    monkeypatch.setenv("ZHIZAO_LANG", "en")
    with pytest.raises(SystemExit) as ended:
        run()
    out, err = capsys.readouterr()
    return Said(int(ended.value.code or 0), out, err)


def one_clear_error(said: Said, bad: Bad) -> None:
    assert said.code == 2, said.err
    assert bad.says in said.err
    assert "Traceback" not in said.err
    assert len(re.findall(r"^(zhizao: |Error: |Usage: )", said.err, re.M)) in (1, 2)
    first = next(line for line in said.err.splitlines() if line.startswith(("zhizao: ", "Error: ")))
    assert len(first) > 12, "it says what is wrong"


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_with_one_clear_error(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bad = BAD[name]
    said = here(typed(bad, tmp_path), monkeypatch, capsys)
    one_clear_error(said, bad)
    assert not list(tmp_path.rglob("report.html")), "no report of what was refused"
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    "name", ["no such file", "noise", "a mapping of columns that are not there", "a plant on no zone"]
)
def test_it_is_refused_alike_in_a_process_of_its_own(name: str, tmp_path: Path) -> None:
    bad = BAD[name]
    one_clear_error(call(*typed(bad, tmp_path), folder=tmp_path), bad)


def test_most_errors_say_how_to_mend_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lacking = []
    for at, (name, bad) in enumerate(BAD.items()):
        folder = tmp_path / str(at)
        folder.mkdir()
        said = here(typed(bad, folder), monkeypatch, capsys)
        if said.err.startswith("zhizao: ") and "\n  fix:" not in said.err:
            lacking.append(name)
    assert lacking == []
