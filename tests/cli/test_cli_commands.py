"""`import`, `verify`, `account`, `figures`, `twin` and `sample` as they are typed."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from cli_calls import call

from zhizao import __version__

ACCOUNT = re.compile(r"read (\d+) = stored (\d+) \+ rejected (\d+) \+ duplicate (\d+)")


def account(text: str) -> list[int]:
    found = ACCOUNT.search(text)
    assert found, text
    return [int(one) for one in found.groups()]


def times(folder: Path, name: str = "run-01.csv") -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_command_line_says_what_it_can_do() -> None:
    said = call("--help")
    assert said.code == 0
    for name in ("pilot", "import", "verify", "account", "figures", "twin", "sample", "serve", "version"):
        assert re.search(rf"^\s+{name}\b", said.out, re.M), name
    assert call("version").out.strip() == __version__


@pytest.fixture(scope="module")
def workspace(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with the first half of the records, and a little later all of them."""
    folder = tmp_path_factory.mktemp("journal")
    lines = (sample / "records.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "half.csv").write_text("".join(lines[: len(lines) // 2]), encoding="utf-8")
    first = call("import", folder / "half.csv", "--workspace", folder / "ws")
    assert first.code == 0, first.err
    time.sleep(1.1)
    (folder / "between.txt").write_text(datetime.now(UTC).isoformat(timespec="seconds"), encoding="utf-8")
    time.sleep(1.1)
    second = call("import", sample / "records.csv", "--workspace", folder / "ws")
    assert second.code == 0, second.err
    (folder / "first.txt").write_text(first.out, encoding="utf-8")
    (folder / "second.txt").write_text(second.out, encoding="utf-8")
    return folder


def test_a_longer_export_stores_only_what_is_new(workspace: Path) -> None:
    first, second = (account((workspace / f"{name}.txt").read_text(encoding="utf-8")) for name in ("first", "second"))
    for read, stored, rejected, duplicate in (first, second):
        assert read == stored + rejected + duplicate
    assert second[3] >= first[1]
    assert first[1] + second[1] + second[2] <= second[0]
    listed = [account(line) for line in call("account", workspace / "ws").out.splitlines()]
    assert listed == [first, second]
    said = call("account", workspace / "ws", "--lang", "zh").out
    assert re.findall(r"：读入 (\d+) = 存入 (\d+) \+ 拒收 (\d+) \+ 重复 (\d+)$", said, re.M) == [
        tuple(map(str, one)) for one in listed
    ]


def test_the_journal_is_verified_and_a_changed_fact_is_found(workspace: Path, tmp_path: Path) -> None:
    said = call("verify", workspace / "ws")
    assert said.code == 0
    stored = sum(account((workspace / f"{name}.txt").read_text(encoding="utf-8"))[1] for name in ("first", "second"))
    assert f"{stored} events" in said.out
    (tmp_path / "ws").mkdir()
    with sqlite3.connect(workspace / "ws" / "facts.db") as whole, sqlite3.connect(tmp_path / "ws" / "facts.db") as copy:
        whole.backup(copy)
        copy.execute("update event set payload = replace(payload, '{', '{ ') where sequence = 41")
    copy.close()
    whole.close()
    broken = call("verify", tmp_path / "ws")
    assert broken.code == 3
    assert "hash chain" in broken.err
    assert "Traceback" not in broken.err


def test_figures_as_of_are_as_they_stood_before_later_facts(workspace: Path) -> None:
    between = (workspace / "between.txt").read_text(encoding="utf-8")
    now, then = (
        json.loads(call("figures", workspace / "ws", "--json", *more).out) for more in ((), ("--as-of", between))
    )
    assert then["production_cycle"]["n"] < now["production_cycle"]["n"]
    only = workspace / "only"
    assert call("import", workspace / "half.csv", "--workspace", only).code == 0
    assert json.loads(call("figures", only, "--json").out) == then


def test_figures_are_printed_with_unit_interval_and_number(workspace: Path) -> None:
    said = call("figures", workspace / "ws", "--lang", "en")
    assert said.code == 0
    for name in ("Production cycle", "Operating cost", "Defect rate"):
        assert re.search(rf"^{name}\s+[\d.]+ \S+  95 %: [\d.]+ \.\. [\d.]+  n = \d+$", said.out, re.M), said.out
    said = call("figures", workspace / "ws", "--lang", "zh")
    for name, unit in (("生产周期", "小时"), ("运营成本", "CNY/件"), ("不良品率", "%")):
        assert re.search(rf"^{name}  [\d.]+ {unit}  95 %：[\d.]+ 至 [\d.]+  n = \d+$", said.out, re.M), said.out
    part = call("figures", workspace / "ws", "--from", "2025-03-10", "--until", "2025-03-20", "--json")
    assert (
        json.loads(part.out)["production_cycle"]["n"]
        < json.loads(call("figures", workspace / "ws", "--json").out)["production_cycle"]["n"]
    )


def test_explain_says_why_and_writes_a_mapping_that_is_used(sample: Path, tmp_path: Path) -> None:
    said = call("import", sample / "records.csv", "--explain", "--mapping-out", tmp_path / "mapping.yaml")
    assert said.code == 0, said.err
    assert "order" in said.out
    assert (tmp_path / "mapping.yaml").read_text(encoding="utf-8").strip() in said.out
    used = call("import", sample / "records.csv", "--mapping", tmp_path / "mapping.yaml", "--workspace", tmp_path / "a")
    plain = call("import", sample / "records.csv", "--workspace", tmp_path / "b")
    assert used.code == plain.code == 0, used.err
    assert account(used.out) == account(plain.out)
    assert not list(sample.glob("*.mapping.yaml"))


@pytest.mark.parametrize(
    ("first", "missing", "role"),
    [
        ("foo,bar,Start,End", "production order", "order"),
        ("Order,bar,Start,End", "what was done", "activity"),
        ("Order,Operation,bar,foo", "time of the work", "start"),
        ("A1,turn,2025-03-01 08:00,2025-03-01 09:00", "not headings", "header_row"),
    ],
)
def test_explain_says_what_is_missing_and_how_to_name_it(tmp_path: Path, first: str, missing: str, role: str) -> None:
    cells = "A{n},turn,2025-03-0{n} 08:00,2025-03-0{n} 09:00"
    if "bar,foo" in first:
        cells = "A{n},turn,x{n},y{n}"
    rows = [cells.format(n=n) for n in range(1, 6)]
    (tmp_path / "records.csv").write_text("\n".join([first, *rows]) + "\n", encoding="utf-8")
    said = call("import", "records.csv", "--explain", folder=tmp_path)
    assert said.code == 2
    assert missing in said.err
    assert role in said.err
    assert "Traceback" not in said.err
    assert (tmp_path / "records.mapping.yaml").is_file()
    chinese = call("import", "records.csv", "--explain", "--lang", "zh", "--mapping-out", "zh.yaml", folder=tmp_path)
    assert re.search(r"[\u4e00-\u9fff]{4}", chinese.err), chinese.err
    assert missing not in chinese.err


def test_explain_does_not_write_over_a_mapping_that_is_there(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "records.csv").write_bytes((sample / "records.csv").read_bytes())
    assert call("import", "records.csv", "--explain", folder=tmp_path).code == 0
    changed = tmp_path / "records.mapping.yaml"
    changed.write_text(changed.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    again = call("import", "records.csv", "--explain", folder=tmp_path)
    assert again.code == 2
    assert changed.read_text(encoding="utf-8").endswith("# mine\n")


@pytest.mark.parametrize(
    ("style", "name"),
    [
        ("xlsx", "records.xlsx"),
        pytest.param("csv", "records.csv", marks=pytest.mark.slow),
        pytest.param("zh", "records.csv", marks=pytest.mark.slow),
    ],
)
def test_the_sample_in_each_style_is_read_alike(tmp_path: Path, style: str, name: str) -> None:
    made = call("sample", "--out", tmp_path / "s", "--weeks", 4, "--style", style, "--kind", "good", "--seed", 3)
    assert made.code == 0
    beside = {"meters.csv", "accounts.csv", "units.yaml", "flows.json"}
    assert {one.name for one in (tmp_path / "s").iterdir()} == {name, "plant.yaml", "truth.json", *beside}
    said = call("import", tmp_path / "s" / name, "--workspace", tmp_path / "ws")
    assert said.code == 0, said.err
    read, stored, _, _ = account(said.out)
    assert f"{read} reported operations" in made.out
    assert stored > 0.98 * read
    figures = json.loads(call("figures", tmp_path / "ws", "--json").out)
    assert 15 < figures["production_cycle"]["value"] < 60
    assert 0.02 < figures["defect_rate"]["value"] < 0.1


@pytest.fixture(scope="module")
def twin(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("twin") / "plant.twin"
    said = call("twin", "fit", sample / "records.csv", "--until", "2025-04-07", "--out", path)
    assert said.code == 0, said.err
    assert "orders" in said.out
    return path


def test_a_twin_simulates_a_window_run_by_run(twin: Path, tmp_path: Path) -> None:
    window = ("--from", "2025-04-07", "--until", "2025-04-21")
    said = call("twin", "simulate", twin, *window, "--runs", 2, "--seed", 5, "--out", tmp_path / "sim")
    assert said.code == 0, said.err
    assert {one.name for one in (tmp_path / "sim").iterdir()} == {"run-01.csv", "run-02.csv"}
    rows = times(tmp_path / "sim")
    assert list(rows[0]) == ["case", "activity", "resource", "start", "end"]
    assert len(rows) > 100
    low, high = datetime.fromisoformat("2025-04-07T00:00+08:00"), datetime.fromisoformat("2025-04-21T00:00+08:00")
    for row in rows:
        start, end = (_aware(row[name]) for name in ("start", "end"))
        assert low <= start <= end <= high
    again = call("twin", "simulate", twin, *window, "--runs", 1, "--seed", 5, "--out", tmp_path / "again")
    assert again.code == 0
    assert (tmp_path / "again" / "run-01.csv").read_bytes() == (tmp_path / "sim" / "run-01.csv").read_bytes()
    assert (tmp_path / "sim" / "run-02.csv").read_bytes() != (tmp_path / "sim" / "run-01.csv").read_bytes()


def _aware(text: str) -> datetime:
    """Times are written as the records write them: here without an offset, in the plant's zone."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=timezone(timedelta(hours=8)))


def test_a_twin_simulates_a_number_of_orders(twin: Path, tmp_path: Path) -> None:
    said = call("twin", "simulate", twin, "--from", "2025-04-07", "--cases", 30, "--runs", 1, "--out", tmp_path / "sim")
    assert said.code == 0, said.err
    assert len({row["case"] for row in times(tmp_path / "sim")}) == 30


def test_a_twin_is_checked_on_records_that_it_has_not_seen(sample: Path) -> None:
    said = call("twin", "check", sample / "records.csv", "--runs", 2)
    assert said.code == 0, said.err
    head, *rows = said.out.splitlines()
    assert head.split() == ["measure", "twin", "noise", "floor", "naive"]
    assert {row.split()[0] for row in rows[:-1]} >= {"ngram3", "cycle_h", "absolute_h", "circadian_h", "relative_h"}
    assert rows[-1].startswith(("trusted", "not trusted: "))


def test_the_language_of_the_machine_is_spoken(sample: Path, tmp_path: Path) -> None:
    said = call("import", sample / "records.csv", "--workspace", tmp_path / "ws", ZHIZAO_LANG="", LANG="zh_CN.UTF-8")
    assert said.code == 0
    assert "记录：读入" in said.out
    other = call("verify", tmp_path / "ws", "--lang", "zh")
    assert "台账完好" in other.out


def test_every_row_is_accounted_for_in_what_is_stored(workspace: Path, sample: Path) -> None:
    """What is in the journal is the file without the rows that were refused or said twice."""
    rows = pl.read_csv(sample / "records.csv", infer_schema=False)
    first, second = (account((workspace / f"{name}.txt").read_text(encoding="utf-8")) for name in ("first", "second"))
    assert first[1] + second[1] == rows.unique().height - second[2]
