"""The live routes and commands tell the loss account, tags, samples and figures, and refuse what they cannot answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.calling import Caller
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.model import Samples
from zhizao.record.historian import Historian

S = 1_000_000_000
T0 = 1_760_000_400 * S
BEGIN, END = "2025-10-09T09:00:00+00:00", "2025-10-09T10:00:00+00:00"


def fill(folder: Path) -> None:
    """An hour of a load that rises by one a minute, and a state."""
    at = T0 + np.arange(60) * 60 * S
    with Historian(folder / "signals") as historian:
        load = Samples(["mill 1/load"] * 60, at, np.arange(60.0), np.zeros(60, np.uint32))
        state = Samples.of([("mill 1/state", T0, "run"), ("mill 1/state", T0 + 1800 * S, "idle")])
        historian.append([("hall 1", load, {"bad_type": 2}), ("hall 1", state, {})])
        historian.append([("hall 1", state, {})])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live") / "place"
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def caller(place: Path) -> Iterator[Caller]:
    yield Caller(build(Desk(place), None, Settings(local=True)))


def test_the_account_of_a_source_balances(caller: Caller) -> None:
    (line,) = caller.get("/api/v1/live/ledger").json()
    assert (line["received"], line["stored"], line["rejected"], line["duplicate"]) == (66, 62, 2, 2)
    assert line["balance"] and line["reasons"] == "bad_type 2"


def test_tags_are_found_by_a_part_of_their_name(caller: Caller) -> None:
    assert [row["tag"] for row in caller.get("/api/v1/live/tags").json()] == ["mill 1/load", "mill 1/state"]
    (row,) = caller.get("/api/v1/live/tags", params={"find": "state"}).json()
    assert (row["text"], row["value"]) == ("idle", None)


def test_figures_of_intervals_weigh_by_time(caller: Caller) -> None:
    ask = {"tag": "mill 1/load", "from": BEGIN, "to": END, "every_s": 600}
    rows = caller.get("/api/v1/live/history", params=ask).json()["rows"]
    assert [row["mean"] for row in rows] == [4.5, 14.5, 24.5, 34.5, 44.5, 54.5]
    raw = caller.get("/api/v1/live/history", params={k: v for k, v in ask.items() if k != "every_s"}).json()
    assert len(raw["rows"]) == 60 and not raw["more"]


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        ({"tag": "mill 1/laod"}, "no_tag"),
        ({"tag": "mill 1/load", "from": END, "to": BEGIN}, "bad_range"),
        ({"tag": "mill 1/load", "from": "2025-10-09T09:00:00"}, "bad_time"),
        ({"tag": "mill 1/load", "from": "0001-01-01T00:00:00+00:00"}, "bad_time"),
        ({"tag": "mill 1/load", "from": BEGIN, "to": END, "every_s": 1e-6}, "too_many_intervals"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_reason(caller: Caller, ask: dict[str, str], code: str) -> None:
    answer = caller.get("/api/v1/live/history", params=ask)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == code


def test_points_show_the_shape_with_its_extremes(caller: Caller) -> None:
    ask = {"tag": "mill 1/load", "from": BEGIN, "to": END}
    whole = caller.get("/api/v1/live/history", params=ask).json()["rows"]
    found = caller.get("/api/v1/live/history", params=ask | {"points": "8"}).json()
    assert 2 <= len(found["rows"]) <= 9 < len(whole)
    values = [row["value"] for row in whole]
    assert max(row["max"] for row in found["rows"]) == max(values), "the greatest of each interval is kept"
    both = caller.get("/api/v1/live/history", params=ask | {"points": "8", "every_s": "60"})
    assert (both.status_code, both.json()["code"]) == (422, "bad_points")


def test_without_samples_the_routes_say_what_to_do(tmp_path: Path) -> None:
    empty = Caller(build(Desk(tmp_path / "empty"), None, Settings(local=True)))
    assert empty.get("/api/v1/live/ledger").json()["code"] == "no_signals"
    assert empty.get("/api/v1/live/health").json() == {}


def zhizao(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from zhizao.app.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ZHIZAO_LANG": "en"},
    )


@pytest.mark.slow
def test_commands_tell_the_same(place: Path) -> None:
    said = zhizao("ledger", "--workspace", str(place), "--json")
    assert json.loads(said.stdout)[0]["received"] == 66
    told = zhizao(
        "history", "mill 1/load", "--workspace", str(place), "--from", BEGIN, "--to", END, "--every", "10min", "--json"
    )
    assert [row["mean"] for row in json.loads(told.stdout)] == [4.5, 14.5, 24.5, 34.5, 44.5, 54.5]
    wrong = zhizao("history", "mill 1/laod", "--workspace", str(place))
    assert wrong.returncode == 2 and "did you mean mill 1/load" in wrong.stderr and "Traceback" not in wrong.stderr
    odd = zhizao("history", "mill 1/load", "--workspace", str(place), "--every", "soon")
    assert odd.returncode == 2 and "10s, 5min" in odd.stderr


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        ("", "declares no connections"),
        ("connections:\n  a:\n    kind: telepathy\n", "not a kind of connection"),
        ("connections:\n  a:\n    kind: folder\n    nonsense: 1\n", "nonsense"),
    ],
)
def test_a_plant_that_cannot_be_listened_to_is_refused(tmp_path: Path, plant: str, what: str) -> None:
    (tmp_path / "plant.yaml").write_text(plant, encoding="utf-8")
    said = zhizao("sense", "--workspace", str(tmp_path))
    assert said.returncode == 2 and what in said.stderr and "Traceback" not in said.stderr, said.stderr


@pytest.mark.slow
def test_listening_ends_on_sigterm_with_its_account_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "plant.yaml").write_text(
        f"connections:\n  files:\n    kind: folder\n    path: {inbox}\n    settle_s: 0.3\n", encoding="utf-8"
    )

    def listened(rows: str, name: str) -> dict[str, int]:
        part = tmp_path / name
        part.write_text("time,tag,value\n" + rows, encoding="utf-8")
        part.rename(inbox / name)
        command = [
            sys.executable,
            "-c",
            "from zhizao.app.cli import main; main()",
            "sense",
            "--workspace",
            str(tmp_path),
            "--json",
        ]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        until = time.monotonic() + 60
        while (inbox / name).exists() and time.monotonic() < until:
            time.sleep(0.2)
        run.send_signal(signal.SIGTERM)
        out, _ = run.communicate(timeout=60)
        assert run.returncode == 0
        (line,) = [one for one in json.loads(out) if one["source"] != "zhizao"]
        return dict(line)

    first = listened("2025-10-09T09:00:00Z,x,1\n2025-10-09T09:00:01Z,x,2\n", "one.csv")
    assert (first["received"], first["stored"]) == (2, 2)
    second = listened("2025-10-09T09:00:01Z,x,2\n2025-10-09T09:00:02Z,x,3\n", "two.csv")
    assert (second["received"], second["stored"], second["duplicate"]) == (4, 3, 1)
