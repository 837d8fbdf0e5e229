"""`zhizao alerts` from outside: what it prints, and what it refuses in words with exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from zhizao.app.cli.main import run as main
from zhizao.testing.industry_series import industry_series


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["zhizao", "alerts", *words])
    try:
        main()
        code = 0
    except SystemExit as left:
        code = int(left.code or 0)
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alerts") / "series.csv"
    industry_series(np.random.default_rng(77), count=6, months=110).frame.write_csv(path)
    return path


def test_warnings_come_as_json_with_evidence_actions_record_and_replay(table: Path, capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, str(table), "--replay", "--json", "--budget", "2/year")
    found = json.loads(out)
    assert code == 0 and set(found) == {"as_of", "budget_per_year", "warnings", "replay", "cannot_judge"}
    assert found["as_of"] == "2019-02" and found["budget_per_year"] == 2
    assert set(found["replay"]["over-capacity"]) >= {
        "lead_time_months",
        "precision",
        "recall",
        "false_alarms_per_year",
        "budget_per_year",
    }
    assert found["warnings"]
    for one in found["warnings"]:
        assert set(one) >= {"kind", "scope", "level", "since", "evidence", "actions", "record"}
        assert set(one["record"]) >= {"lead_time_months", "precision", "recall"}
        assert one["evidence"][0].keys() >= {"signal", "value", "low", "high", "chart"}


def test_the_same_call_gives_the_same_answer_in_either_language_and_format(
    table: Path, tmp_path: Path, capsys, monkeypatch
):
    parquet = tmp_path / "series.parquet"
    pl.read_csv(table, schema_overrides={"industry": pl.String}, try_parse_dates=True).write_parquet(parquet)
    one = run(capsys, monkeypatch, str(table), "--json")[1]
    assert json.loads(one)["warnings"] == json.loads(run(capsys, monkeypatch, str(parquet), "--json")[1])["warnings"]
    zh = run(capsys, monkeypatch, str(table), "--lang", "zh", "--replay", "--budget", "2/年")[1]
    en = run(capsys, monkeypatch, str(table), "--lang", "en", "--replay", "--budget", "2/year")[1]
    assert "产能过剩" in zh and "可采取：消化" in zh and "历史重演" in zh
    assert "over-capacity" in en and "replay of the past" in en


def test_as_of_looks_at_nothing_later(table: Path, tmp_path: Path, capsys, monkeypatch):
    cut = tmp_path / "cut.csv"
    pl.read_csv(table).filter(pl.col("month") <= "2017-06-01").write_csv(cut)
    now = json.loads(run(capsys, monkeypatch, str(table), "--as-of", "2017-06", "--json")[1])
    then = json.loads(run(capsys, monkeypatch, str(cut), "--json")[1])
    assert now["as_of"] == then["as_of"] == "2017-06" and now["warnings"] == then["warnings"]


def test_published_figures_of_the_nation_are_too_few_and_that_is_said(tmp_path: Path, capsys, monkeypatch):
    """NBS utilisation of industry by year: 2016 to 2021 as published; no promise is made from six figures of one series."""
    path = tmp_path / "nbs.csv"
    path.write_text(
        "行业,年份,产能利用率\n工业,2016,73.3%\n工业,2017,77.0%\n工业,2018,76.5%\n工业,2020,74.5%\n", encoding="utf-8"
    )
    code, out, _ = run(capsys, monkeypatch, str(path), "--lang", "en")
    assert code == 0 and "cannot judge 工业: utilisation has 4 readings; 7 are needed" in out


def test_other_kinds_are_judged_from_their_own_tables(tmp_path: Path, capsys, monkeypatch):
    supply = tmp_path / "supply.csv"
    supply.write_text(
        "产品,供应商,金额\n轴承,甲,97\n轴承,乙,3\n螺栓,丙,1\n螺栓,丁,1\n螺栓,戊,1\n螺栓,己,1\n", encoding="gb18030"
    )
    code, out, _ = run(capsys, monkeypatch, str(supply), "--lang", "zh")
    assert code == 0 and "[严重] 供应集中: 轴承" in out and "第二供应来源" in out
    trade = tmp_path / "trade.csv"
    trade.write_text("industry,country,exports_cny\n39,US,90\n39,DE,10\n", encoding="utf-8")
    found = json.loads(run(capsys, monkeypatch, str(trade), "--kind", "trade", "--json")[1])
    assert found["warnings"][0]["kind"] == "trade" and found["warnings"][0]["record"]["precision"] is None


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", (), "the file is empty"),
        (b"\x89PNG\r\n", (), "picture"),
        (b"industry,month\n31,2024-01\n", (), "do not suffice for any warning"),
        (b"industry,month,utilisation\n31,2024-01,0.8\n31,2024-01,0.7\n", (), "more than once"),
        (b"industry,month,utilisation\n31,2150-01,0.8\n", (), "still to come"),
        (b"industry,month,utilisation\n31,2024-13,0.8\n", (), "cells cannot be read"),
        (b"industry,month,utilisation\n31,2024-01,1e999\n", (), "cells cannot be read"),
        (b"industry,month,utilisation\n31,2024-01\n", (), "cells, the headings are 3"),
        (b"industry,month,utilisation\n31,2024-01,0.8\n", ("--as-of", "soon"), "is not a month"),
        (b"industry,month,utilisation\n31,2024-01,0.8\n", ("--as-of", "2020-01"), "no row is left"),
        (b"industry,month,utilisation\n31,2024-01,0.8\n", ("--budget", "none"), "no budget"),
        (b"industry,month,utilisation\n31,2024-01,0.8\n", ("--kind", "weather"), "no kind of warning"),
        (b"industry,month,utilisation\n31,2024-01,0.8\n", ("--kind", "quality"), "do not suffice for quality"),
        (b"<html><body>31</body></html>", (), "web page"),
    ],
)
def test_bad_input_is_refused_in_words(
    content: bytes, options: tuple[str, ...], said: str, tmp_path: Path, capsys, monkeypatch
):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    code, out, err = run(capsys, monkeypatch, str(path), "--lang", "en", *options)
    assert code == 2 and said in err and "Traceback" not in err and not out, err


def test_a_file_or_folder_that_is_not_there_is_refused(tmp_path: Path, capsys, monkeypatch):
    assert "there is no file or folder" in run(capsys, monkeypatch, str(tmp_path / "none.csv"))[2]
    assert "the folder holds no table" in run(capsys, monkeypatch, str(tmp_path))[2]


def test_help_of_the_command_loads_nothing_heavy():
    code = "import sys; from zhizao.app.cli import alerts_commands; print(*(m for m in ('numpy', 'polars', 'numba', 'scipy') if m in sys.modules))"
    assert not subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
